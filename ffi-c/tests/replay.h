/* The types of vectors_data.h, and how its inputs become bytes. C99 and C++17. */

#ifndef REPLAY_H
#define REPLAY_H

#include <stdio.h>
#include <stdlib.h>

#ifdef FREESTANDING
#include "ringway-freestanding.h"
#else
#include "ringway.h"
#endif

#define NOBODY 4294967295u
#define LENGTH_MAX 70000u

/* Bytes, or with `rule` the bytes b[i] = (7 * i + len) mod 251. */
struct bytes {
    const uint8_t *data;
    size_t len;
    int rule;
};

/* The texts prefix + number, padded with zeros, for `count` numbers from `first` on. */
struct text_rule {
    const char *prefix;
    int digits;
    unsigned first;
    unsigned count;
};

enum option_kind { OPTION_INTEGER, OPTION_TEXT, OPTION_BOOLEAN, OPTION_LIST };

struct option {
    struct bytes name;
    enum option_kind kind;
    int64_t number;
    struct bytes text;
    const uint32_t *list;
    size_t list_len;
};

struct node {
    struct bytes name;
    uint32_t weight;
    struct bytes zone;
    uint32_t state;
};

struct inputs {
    struct bytes layout;
    const struct option *options;
    size_t option_count;
    const struct node *nodes;
    size_t node_count;
    struct text_rule nodes_rule;
};

struct key_row {
    struct bytes key;
    uint64_t hash;
    uint32_t owner;
    const uint32_t *walk;
    size_t walk_len;
};

struct position_row {
    uint32_t position;
    uint32_t owner;
};

struct replica_row {
    struct bytes key;
    size_t k;
    const uint32_t *owners;
    size_t owner_count;
};

struct many_row {
    struct text_rule keys;
    uint64_t digest;
};

struct placement_case {
    const char *name;
    struct inputs inputs;
    uint32_t eligible;
    uint32_t points;
    const struct key_row *keys;
    size_t key_count;
    const struct position_row *positions;
    size_t position_count;
    const struct replica_row *replicas;
    size_t replica_count;
    const struct many_row *many;
    size_t many_count;
};

struct segment_row {
    uint32_t low;
    uint32_t high;
    uint32_t owner;
};

struct segment_case {
    const char *name;
    struct inputs inputs;
    const struct segment_row *segments;
    size_t segment_count;
};

struct error_case {
    struct inputs inputs;
    ringway_status status;
    uint32_t points;
};

struct owner_row {
    struct bytes key;
    uint32_t owner;
};

struct cluster_case {
    const char *name;
    struct bytes file;
    int is_read;
    unsigned line;
    const struct node *nodes;
    size_t node_count;
    const struct owner_row *owners;
    size_t owner_count;
};

struct snapshot_case {
    const char *name;
    ringway_status status;
    /* Where the status is OK, the table; its bytes are NULL where they are not given. */
    struct inputs inputs;
    uint64_t fingerprint;
    size_t length;
    struct bytes data;
};

struct greedy_row {
    struct text_rule keys;
    uint64_t digest;
    const uint64_t *loads;
    size_t load_count;
};

struct bounded_case {
    const char *name;
    struct inputs inputs;
    uint32_t factor_permille;
    uint64_t total;
    const uint64_t *loads;
    size_t load_count;
    const uint64_t *capacities;
    size_t capacity_count;
    const struct owner_row *keys;
    size_t key_count;
    const struct greedy_row *greedy;
    size_t greedy_count;
};

struct hash_case {
    size_t len;
    uint64_t hash;
};

/* The data of `bytes`; those of a rule are in the caller's `memory` of LENGTH_MAX bytes. */
static const uint8_t *data_of(struct bytes bytes, uint8_t *memory) {
    size_t i;
    if (!bytes.rule) {
        return bytes.data;
    }
    if (bytes.len > LENGTH_MAX) {
        fprintf(stderr, "LENGTH_MAX is too small\n");
        exit(2);
    }
    for (i = 0; i < bytes.len; i++) {
        memory[i] = (uint8_t)((7 * i + bytes.len) % 251);
    }
    return memory;
}

/* Writes the text for one number of a rule; gives its length. */
static size_t text_of(struct text_rule rule, unsigned number, char *text, size_t size) {
    return (size_t)snprintf(text, size, "%s%0*u", rule.prefix, rule.digits, rule.first + number);
}

#endif
