/* What the benches in C share: the keys and the tables of benches/lib.rs. */

#ifndef RINGWAY_BENCH_H
#define RINGWAY_BENCH_H

#include <inttypes.h>
#include <ringway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_COUNT = 1 << 17, KEY_BYTES = 16 };

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
        fprintf(stderr, "%s\n", what);
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

#endif
