/*
 * How fast does a C program find a key's node with libringway, and how fast with libmemcached's
 * ketama? The shortest time of each in one run, in which all take turns. Ringway also with many keys in
 * one call: by pointers and lengths, at one distance from each other, and by their hashes.
 *
 * Dimensions: library x nodes; the keys of benches/rivals.rs, 160 points a node. libmemcached's ketama
 * is its own (100 points a node, its default hash) and the weighted one (160 points, md5). Version
 * 1.1.4 aborts with more than 100 servers, so it is asked with no more. Prints `what,nodes,figure,unit`;
 * benches/rivals_c.sh builds, runs and records it.
 */
#include <inttypes.h>
#include <libmemcached/memcached.h>
#include <time.h>

#include "ringway_bench.h"

#define MEMCACHED "libmemcached " LIBMEMCACHED_VERSION_STRING

enum { BLOCKS = 16, BLOCK_KEYS = KEY_COUNT / BLOCKS, REPEATS = 3 };

static memcached_st *build_memcached(uint32_t nodes, memcached_behavior_t behavior) {
    memcached_st *memcached = memcached_create(NULL);
    need(memcached_behavior_set(memcached, behavior, 1) == MEMCACHED_SUCCESS, "no ketama");
    for (uint32_t node = 0; node < nodes; node++) {
        char name[32];
        snprintf(name, sizeof name, "10.0.%" PRIu32 ".%" PRIu32, node >> 8, node & 255);
        need(memcached_server_add(memcached, name, 7000) == MEMCACHED_SUCCESS, "a server is refused");
    }
    return memcached;
}

static uint32_t owner_of_ringway(const void *map, const char *key) {
    uint32_t owner;
    ringway_status status = ringway_table_owner(map, (const uint8_t *)key, KEY_BYTES, &owner);
    return status == RINGWAY_STATUS_OK ? owner : UINT32_MAX;
}

/* Many in one call. `first` is the place of the block's first key. */
static const uint8_t *pointers[KEY_COUNT];
static size_t lengths[KEY_COUNT];
static uint64_t hashes[KEY_COUNT];

static ringway_status owners_by_pointers(const ringway_table *map, size_t first, size_t count, uint32_t *owners) {
    return ringway_table_owner_many(map, pointers + first, lengths + first, count, owners);
}

static ringway_status owners_by_stride(const ringway_table *map, size_t first, size_t count, uint32_t *owners) {
    return ringway_table_owner_many_strided(map, (const uint8_t *)keys[first], KEY_BYTES, KEY_BYTES, count, owners);
}

static ringway_status owners_by_hashes(const ringway_table *map, size_t first, size_t count, uint32_t *owners) {
    return ringway_table_owner_many_by_hash(map, hashes + first, count, owners);
}

static uint32_t owner_of_memcached(const void *map, const char *key) {
    return memcached_generate_hash(map, key, KEY_BYTES);
}

typedef struct {
    const char *name;
    const void *map;
    uint32_t (*owner)(const void *, const char *);
    ringway_status (*many)(const ringway_table *, size_t, size_t, uint32_t *); /* or NULL */
    double best[BLOCKS];
} contestant;

static void check(const contestant *one, uint32_t nodes) {
    uint32_t *found = calloc(nodes, sizeof *found);
    need(found != NULL, "no memory");
    for (size_t key = 0; key < KEY_COUNT; key++) {
        uint32_t owner = one->owner(one->map, keys[key]);
        need(owner < nodes && owner == one->owner(one->map, keys[key]), "an owner is not a node, or not the same twice");
        found[owner]++;
    }
    for (size_t block = 0; one->many != NULL && block < BLOCKS; block++) {
        static uint32_t owners[BLOCK_KEYS];
        ringway_status status = one->many(one->map, block * BLOCK_KEYS, BLOCK_KEYS, owners);
        need(status == RINGWAY_STATUS_OK, "many keys are refused");
        for (size_t key = 0; key < BLOCK_KEYS; key++) {
            need(owners[key] == one->owner(one->map, keys[block * BLOCK_KEYS + key]), "many have other owners");
        }
    }
    for (uint32_t node = 0; node < nodes && nodes <= 1000; node++) {
        need(found[node] > 0, "a node owns nothing");
    }
    free(found);
}

static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t measure(contestant *one) {
    uint64_t sum = 0;
    for (int turn = 0; turn < BLOCKS * REPEATS; turn++) {
        int block = turn % BLOCKS;
        double start = nanoseconds();
        if (one->many != NULL) {
            static uint32_t owners[BLOCK_KEYS];
            sum += one->many(one->map, (size_t)block * BLOCK_KEYS, BLOCK_KEYS, owners) == RINGWAY_STATUS_OK;
            sum += owners[0];
        }
        for (size_t key = 0; one->many == NULL && key < BLOCK_KEYS; key++) {
            sum += one->owner(one->map, keys[(size_t)block * BLOCK_KEYS + key]);
        }
        double time = nanoseconds() - start;
        if (one->best[block] == 0 || time < one->best[block]) {
            one->best[block] = time;
        }
    }
    return sum;
}

int main(void) {
    static const uint32_t node_counts[] = {10, 100, 1000, 10000};
    const char *quick = getenv("RINGWAY_QUICK");
    int rounds = quick != NULL && *quick != 0 ? 2 : 40;
    volatile uint64_t sum = 0;
    make_keys();
    for (size_t at = 0; at < sizeof node_counts / sizeof *node_counts; at++) {
        uint32_t nodes = node_counts[at];
        const ringway_table *table = build_ringway(nodes);
        for (size_t key = 0; key < KEY_COUNT; key++) {
            pointers[key] = (const uint8_t *)keys[key];
            lengths[key] = KEY_BYTES;
            ringway_status status = ringway_table_key_hash(table, pointers[key], KEY_BYTES, &hashes[key]);
            need(status == RINGWAY_STATUS_OK, "a key has no hash");
        }
        contestant all[6] = {
            {"ringway from C", table, owner_of_ringway, NULL, {0}},
            {"ringway from C many", table, owner_of_ringway, owners_by_pointers, {0}},
            {"ringway from C many strided", table, owner_of_ringway, owners_by_stride, {0}},
            {"ringway from C many by hash", table, owner_of_ringway, owners_by_hashes, {0}},
        };
        int count = 4;
        if (nodes <= 100) {
            const void *plain = build_memcached(nodes, MEMCACHED_BEHAVIOR_KETAMA);
            const void *weighted = build_memcached(nodes, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED);
            all[count++] = (contestant){MEMCACHED " ketama", plain, owner_of_memcached, NULL, {0}};
            all[count++] = (contestant){MEMCACHED " ketama weighted", weighted, owner_of_memcached, NULL, {0}};
        }
        for (int one = 0; one < count; one++) {
            check(&all[one], nodes);
        }
        for (int round = 0; round < rounds; round++) {
            for (int one = 0; one < count; one++) {
                sum += measure(&all[one]);
            }
        }
        for (int one = 0; one < count; one++) {
            double total = 0;
            for (int block = 0; block < BLOCKS; block++) {
                total += all[one].best[block];
            }
            printf("%s,%" PRIu32 ",%.4f,ns/lookup\n", all[one].name, nodes, total / KEY_COUNT);
        }
        ringway_table_free(all[0].map);
        for (int one = 4; one < count; one++) {
            memcached_free((memcached_st *)all[one].map);
        }
    }
    return 0;
}
