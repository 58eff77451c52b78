/*
 * How fast does a C program find a key's node with libringway, and how fast with libmemcached's
 * ketama? The shortest time of each in one run, in which both take turns.
 *
 * Dimensions: library x nodes; the keys of benches/rivals.rs, 160 points a node. libmemcached's ketama
 * is its own (100 points a node, its default hash) and the weighted one (160 points, md5). Version
 * 1.1.4 aborts with more than 100 servers, so it is asked with no more. Prints `what,nodes,figure,unit`;
 * benches/rivals_c.sh builds, runs and records it.
 */
#include <inttypes.h>
#include <libmemcached/memcached.h>
#include <ringway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMCACHED "libmemcached " LIBMEMCACHED_VERSION_STRING

enum { KEY_COUNT = 1 << 17, KEY_BYTES = 16, BLOCKS = 16, BLOCK_KEYS = KEY_COUNT / BLOCKS, REPEATS = 3 };

static char keys[KEY_COUNT][KEY_BYTES];

/* splitmix64, as in benches/lib.rs. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void make_keys(void) {
    uint64_t state = 1;
    for (size_t key = 0; key < KEY_COUNT; key++) {
        for (size_t byte = 0; byte < KEY_BYTES; byte++) {
            keys[key][byte] = "0123456789abcdefghijklmnopqrstuv"[next_random(&state) >> 59];
        }
    }
}

static void need(int truth, const char *what) {
    if (!truth) {
        fprintf(stderr, "rivals.c: %s\n", what);
        exit(1);
    }
}

static const ringway_table *build_ringway(uint32_t nodes) {
    const char *layout = "ringway-v1";
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    need(ringway_builder_new((const uint8_t *)layout, strlen(layout), &builder) == RINGWAY_STATUS_OK, "no builder");
    for (uint32_t node = 0; node < nodes; node++) {
        char name[32];
        int len = snprintf(name, sizeof name, "10.0.%" PRIu32 ".%" PRIu32 ":7000", node >> 8, node & 255);
        ringway_status status =
            ringway_builder_add_node(builder, (const uint8_t *)name, (size_t)len, 1, NULL, 0, RINGWAY_STATE_UP);
        need(status == RINGWAY_STATUS_OK, "a node is refused");
    }
    need(ringway_builder_build(builder, NULL, 0, NULL, &table) == RINGWAY_STATUS_OK, "no table");
    ringway_builder_free(builder);
    return table;
}

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

static uint32_t owner_of_memcached(const void *map, const char *key) {
    return memcached_generate_hash(map, key, KEY_BYTES);
}

typedef struct {
    const char *name;
    const void *map;
    uint32_t (*owner)(const void *, const char *);
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
        for (size_t key = 0; key < BLOCK_KEYS; key++) {
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
        contestant all[3] = {{"ringway from C", build_ringway(nodes), owner_of_ringway, {0}}};
        int count = 1;
        if (nodes <= 100) {
            const void *plain = build_memcached(nodes, MEMCACHED_BEHAVIOR_KETAMA);
            const void *weighted = build_memcached(nodes, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED);
            all[count++] = (contestant){MEMCACHED " ketama", plain, owner_of_memcached, {0}};
            all[count++] = (contestant){MEMCACHED " ketama weighted", weighted, owner_of_memcached, {0}};
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
        for (int one = 1; one < count; one++) {
            memcached_free((memcached_st *)all[one].map);
        }
    }
    return 0;
}
