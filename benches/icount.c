/*
 * What one lookup from C costs in instructions: icount key|hash|many|strided|hashes NODES
 *
 * benches/icount_c.sh runs this under callgrind, which counts what happens inside counted() only:
 * one loop over all keys that sums the answers, or one call for all. The keys, nodes and sums are
 * those of benches/icount.rs.
 */
#include "ringway_bench.h"

enum question { KEY, HASH, MANY, STRIDED, HASHES };

static uint32_t owners[KEY_COUNT];
static uint64_t hashes[KEY_COUNT];
static const uint8_t *pointers[KEY_COUNT];
static size_t lengths[KEY_COUNT];

static void answered(ringway_status status) {
    need(status == RINGWAY_STATUS_OK, "a lookup failed");
}

/* The only function whose instructions count. */
__attribute__((noinline)) uint64_t counted(const ringway_table *table, enum question question, size_t key_len) {
    uint64_t sum = 0;
    uint32_t owner = 0;
    switch (question) {
    case KEY:
        for (size_t at = 0; at < KEY_COUNT; at++) {
            if (ringway_table_owner(table, (const uint8_t *)keys[at], key_len, &owner) == RINGWAY_STATUS_OK) {
                sum += owner;
            }
        }
        break;
    case HASH:
        for (size_t at = 0; at < KEY_COUNT; at++) {
            if (ringway_table_owner_hash(table, hashes[at], &owner) == RINGWAY_STATUS_OK) {
                sum += owner;
            }
        }
        break;
    case MANY:
        answered(ringway_table_owner_many(table, pointers, lengths, KEY_COUNT, owners));
        break;
    case STRIDED:
        answered(ringway_table_owner_many_strided(table, (const uint8_t *)keys, key_len, KEY_BYTES, KEY_COUNT, owners));
        break;
    case HASHES:
        answered(ringway_table_owner_many_by_hash(table, hashes, KEY_COUNT, owners));
        break;
    }
    return sum;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"key", "hash", "many", "strided", "hashes"};
    need(argc == 3, "icount key|hash|many|strided|hashes NODES");
    unsigned question = 0;
    while (question <= HASHES && strcmp(names[question], argv[1]) != 0) {
        question++;
    }
    need(question <= HASHES, "no such question");
    make_keys();
    const ringway_table *table = build_ringway((uint32_t)strtoul(argv[2], NULL, 10));
    uint64_t expected = 0;
    for (size_t at = 0; at < KEY_COUNT; at++) {
        uint32_t owner = 0;
        pointers[at] = (const uint8_t *)keys[at];
        lengths[at] = KEY_BYTES;
        answered(ringway_table_key_hash(table, pointers[at], KEY_BYTES, &hashes[at]));
        answered(ringway_table_owner_hash(table, hashes[at], &owner));
        expected += owner;
    }
    uint64_t sum = counted(table, (enum question)question, KEY_BYTES);
    for (size_t at = 0; question >= MANY && at < KEY_COUNT; at++) {
        sum += owners[at];
    }
    need(sum == expected, "other owners than by hash");
    ringway_table_free(table);
    return 0;
}
