/* Replays spec/vectors through the freestanding form; with --small, without the largest tables. */

#define FREESTANDING
#include "check.h"
#include "replay.h"
#include "vectors_data.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SMALL_POINTS_MAX 200000u
#define WALK_MAX 8u

static uint8_t memory[LENGTH_MAX];
static uint32_t indices[70000];

/* What a case's inputs become; `is_expressible` is 0 where the spec has no place for them. */
struct made {
    ringway_table_spec spec;
    uint8_t key[16];
    ringway_node *nodes;
    char *texts;
    const struct inputs *inputs;
    int is_expressible;
};

static int is_text(struct bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static int is_here(const struct inputs *inputs) {
    return is_text(inputs->layout, "ringway-v1") || is_text(inputs->layout, "ringway-keyed-v1") ||
           is_text(inputs->layout, "jump-v1") || is_text(inputs->layout, "maglev-v1");
}

/* 32 hexadecimal digits as 16 bytes; 0 if it is another text. */
static int key_of(struct bytes text, uint8_t *key) {
    char digits[33] = "", pair[3] = "";
    size_t i;
    if (text.len != 32) {
        return 0;
    }
    memcpy(digits, text.data, 32);
    for (i = 0; i < 16; i++) {
        memcpy(pair, digits + 2 * i, 2);
        key[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return strspn(digits, "0123456789abcdefABCDEF") == 32;
}

static int set_option(struct made *made, const struct option *option) {
    const int is_number = option->kind == OPTION_INTEGER && option->number > 0 && option->number <= NOBODY;
    if (is_text(option->name, "vnodes") && is_number && made->spec.vnodes == 0) {
        made->spec.vnodes = (uint32_t)option->number;
    } else if (is_text(option->name, "table_size") && is_number && made->spec.table_size == 0) {
        made->spec.table_size = (uint32_t)option->number;
    } else if (is_text(option->name, "key") && option->kind == OPTION_TEXT && made->spec.key == NULL &&
               key_of(option->text, made->key)) {
        made->spec.key = made->key;
        made->spec.key_len = 16;
    } else if (is_text(option->name, "hash_tag") && option->kind == OPTION_TEXT &&
               made->spec.hash_tag == NULL && option->text.data != NULL) {
        made->spec.hash_tag = option->text.data;
        made->spec.hash_tag_len = option->text.len;
    } else {
        return 0;
    }
    return 1;
}

static void *allocate(size_t count, size_t size) {
    void *found = calloc(count > 0 ? count : 1, size);
    if (found == NULL) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
    return found;
}

/* A name or a zone; those of a rule are in memory of their own. */
static const uint8_t *text(struct bytes bytes) {
    uint8_t *copy;
    if (!bytes.rule) {
        return bytes.data;
    }
    copy = (uint8_t *)allocate(bytes.len, 1);
    memcpy(copy, data_of(bytes, memory), bytes.len);
    return copy;
}

static void make(const struct inputs *inputs, struct made *to) {
    struct made made = {{0}, {0}, NULL, NULL, NULL, 1};
    const size_t count = inputs->node_count + inputs->nodes_rule.count;
    size_t i;
    made.spec.struct_size = sizeof made.spec;
    made.spec.layout = inputs->layout.data;
    made.spec.layout_len = inputs->layout.len;
    for (i = 0; i < inputs->option_count; i++) {
        made.is_expressible &= set_option(&made, &inputs->options[i]);
    }
    made.nodes = (ringway_node *)allocate(count, sizeof *made.nodes);
    made.texts = (char *)allocate(inputs->nodes_rule.count, 32);
    for (i = 0; i < inputs->node_count; i++) {
        const struct node *node = &inputs->nodes[i];
        made.nodes[i].name = text(node->name);
        made.nodes[i].name_len = node->name.len;
        made.nodes[i].zone = text(node->zone);
        made.nodes[i].zone_len = node->zone.len;
        made.nodes[i].weight = node->weight;
        made.nodes[i].state = node->state;
    }
    for (i = 0; i < inputs->nodes_rule.count; i++) {
        ringway_node *node = &made.nodes[inputs->node_count + i];
        char *name = made.texts + 32 * i;
        node->name_len = text_of(inputs->nodes_rule, (unsigned)i, name, 32);
        node->name = (const uint8_t *)name;
        node->weight = 1;
    }
    made.spec.nodes = made.nodes;
    made.spec.node_count = count;
    made.inputs = inputs;
    *to = made;
    to->spec.key = made.spec.key != NULL ? to->key : NULL;
}

static void free_made(struct made *made) {
    size_t i;
    for (i = 0; i < made->inputs->node_count; i++) {
        if (made->inputs->nodes[i].name.rule) {
            free((void *)made->nodes[i].name);
        }
        if (made->inputs->nodes[i].zone.rule) {
            free((void *)made->nodes[i].zone);
        }
    }
    free(made->nodes);
    free(made->texts);
}

/* The table of the spec in memory of exactly its size, which is to be freed; or the status. */
static const ringway_table *build(const ringway_table_spec *spec, void **place, ringway_status *status) {
    const ringway_table *table = NULL;
    size_t bytes = 0, align = 0;
    *place = NULL;
    *status = ringway_table_size(spec, &bytes, &align);
    if (*status == RINGWAY_STATUS_OK) {
        CHECK(align == 8);
        *place = malloc(bytes);
        if (*place == NULL) {
            fprintf(stderr, "no memory\n");
            exit(2);
        }
        *status = ringway_table_init(*place, bytes, spec, &table);
    }
    return table;
}

/* The owner, with NOBODY for RINGWAY_STATUS_NO_OWNER and another number for other failures. */
static uint32_t number_of(ringway_status status, uint32_t index) {
    return status == RINGWAY_STATUS_OK ? index : status == RINGWAY_STATUS_NO_OWNER ? NOBODY : NOBODY - 1;
}

static uint32_t owner_of(const ringway_table *table, const uint8_t *key, size_t len) {
    uint32_t index = 0;
    ringway_status status = ringway_table_owner(table, key, len, &index);
    return number_of(status, index);
}

static uint32_t owner_of_hash(const ringway_table *table, uint64_t hash) {
    uint32_t index = 0;
    ringway_status status = ringway_table_owner_hash(table, hash, &index);
    return number_of(status, index);
}

static int are_equal(const uint32_t *expected, size_t expected_len, size_t len) {
    return len == expected_len && (len == 0 || memcmp(expected, indices, len * sizeof *indices) == 0);
}

static void replay_key(const ringway_table *table, const struct key_row *row, uint32_t eligible, uint32_t jumps) {
    const uint8_t *key = data_of(row->key, memory);
    uint64_t hash = 0;
    size_t count = 0;
    uint32_t bucket = 0;
    ringway_status status = ringway_table_key_hash(table, key, row->key.len, &hash);
    CHECK(status == RINGWAY_STATUS_OK && hash == row->hash);
    CHECK(owner_of(table, key, row->key.len) == row->owner);
    CHECK(owner_of_hash(table, hash) == row->owner);
    status = ringway_table_walk(table, key, row->key.len, indices, WALK_MAX, &count);
    CHECK(status == RINGWAY_STATUS_OK && are_equal(row->walk, row->walk_len, count));
    status = ringway_table_walk(table, key, row->key.len, indices, COUNT(indices), &count);
    CHECK(status == RINGWAY_STATUS_OK && count == eligible);
    if (jumps > 0) {
        status = ringway_jump(hash, jumps, &bucket);
        CHECK(status == RINGWAY_STATUS_OK && bucket == row->owner);
    }
}

static void replay_many(const ringway_table *table, const struct many_row *row) {
    const size_t count = row->keys.count;
    uint8_t *bytes = (uint8_t *)allocate(count, 4);
    ringway_status status;
    uint64_t digest = 0;
    size_t i;
    char key[64];
    for (i = 0; i < count; i++) {
        size_t len = text_of(row->keys, (unsigned)i, key, sizeof key), byte;
        uint32_t owner = owner_of(table, (const uint8_t *)key, len);
        for (byte = 0; byte < 4; byte++) {
            bytes[4 * i + byte] = (uint8_t)(owner >> 8 * byte);
        }
    }
    status = ringway_key_hash(bytes, 4 * count, &digest);
    CHECK(status == RINGWAY_STATUS_OK && digest == row->digest);
    free(bytes);
}

/* Names, zones, weights and states are those that were given, though what gave them is gone. */
static void check_nodes(const ringway_table *table, const struct inputs *inputs) {
    size_t i;
    for (i = 0; i < inputs->node_count; i++) {
        const struct node *node = &inputs->nodes[i];
        const uint8_t *name = NULL, *zone = NULL;
        size_t name_len = 0, zone_len = 0;
        uint32_t weight = 0, state = 9, index = NOBODY;
        ringway_status status = ringway_table_node_name(table, (uint32_t)i, &name, &name_len);
        CHECK(status == RINGWAY_STATUS_OK && name_len == node->name.len);
        CHECK(memcmp(name, data_of(node->name, memory), name_len) == 0);
        status = ringway_table_index_of(table, name, name_len, &index);
        CHECK(status == RINGWAY_STATUS_OK && index == i);
        status = ringway_table_node_zone(table, (uint32_t)i, &zone, &zone_len);
        CHECK(status == RINGWAY_STATUS_OK && zone_len == node->zone.len);
        CHECK((zone == NULL) == (node->zone.data == NULL && !node->zone.rule));
        CHECK(zone == NULL || memcmp(zone, data_of(node->zone, memory), zone_len) == 0);
        status = ringway_table_node_weight(table, (uint32_t)i, &weight);
        CHECK(status == RINGWAY_STATUS_OK && weight == node->weight);
        status = ringway_table_node_state(table, (uint32_t)i, &state);
        CHECK(status == RINGWAY_STATUS_OK && state == node->state);
    }
}

static void replay_placement(const struct placement_case *c, int is_small) {
    const uint32_t jumps = is_text(c->inputs.layout, "jump-v1") ? c->eligible : 0;
    struct made made;
    void *place;
    ringway_status status;
    const ringway_table *table;
    uint32_t count = 0;
    size_t i;
    if (is_small && c->points > SMALL_POINTS_MAX) {
        cases_skipped++;
        return;
    }
    begin_case(c->name);
    make(&c->inputs, &made);
    CHECK(made.is_expressible);
    table = build(&made.spec, &place, &status);
    CHECK(status == RINGWAY_STATUS_OK);
    status = ringway_table_node_count(table, &count);
    CHECK(status == RINGWAY_STATUS_OK && count == made.spec.node_count);
    free_made(&made);
    check_nodes(table, &c->inputs);
    for (i = 0; i < c->key_count; i++) {
        replay_key(table, &c->keys[i], c->eligible, jumps);
    }
    for (i = 0; i < c->position_count; i++) {
        const struct position_row *row = &c->positions[i];
        CHECK(owner_of_hash(table, (uint64_t)row->position << 32) == row->owner);
        CHECK(owner_of_hash(table, (uint64_t)row->position << 32 | NOBODY) == row->owner);
    }
    for (i = 0; i < c->replica_count; i++) {
        const struct replica_row *row = &c->replicas[i];
        size_t found = 0;
        status = ringway_table_owners(table, data_of(row->key, memory), row->key.len, indices, row->k, &found);
        CHECK(status == RINGWAY_STATUS_OK && are_equal(row->owners, row->owner_count, found));
    }
    for (i = 0; i < c->many_count; i++) {
        replay_many(table, &c->many[i]);
    }
    free(place);
}

static void replay_error(const struct error_case *c, int is_small) {
    struct made made;
    void *place;
    ringway_status status;
    const ringway_table *table;
    if (is_small && (c->points > SMALL_POINTS_MAX || c->inputs.nodes_rule.count > 10000)) {
        cases_skipped++;
        return;
    }
    make(&c->inputs, &made);
    if (made.is_expressible) {
        begin_case(ringway_status_message(c->status));
        table = build(&made.spec, &place, &status);
        CHECK(status == c->status);
        CHECK((table != NULL) == (c->status == RINGWAY_STATUS_OK));
        free(place);
    } else {
        cases_skipped++;
    }
    free_made(&made);
}

static void replay_hashes(void) {
    size_t i;
    begin_case("xxh3");
    for (i = 0; i < COUNT(hash_cases); i++) {
        struct bytes input = {NULL, 0, 1};
        uint64_t hash = 0;
        ringway_status status;
        input.len = hash_cases[i].len;
        status = ringway_key_hash(data_of(input, memory), input.len, &hash);
        CHECK(status == RINGWAY_STATUS_OK && hash == hash_cases[i].hash);
    }
}

int main(int argc, char **argv) {
    const int is_small = argc > 1 && strcmp(argv[1], "--small") == 0;
    size_t i;
    replay_hashes();
    for (i = 0; i < COUNT(placement_cases); i++) {
        if (is_here(&placement_cases[i].inputs)) {
            replay_placement(&placement_cases[i], is_small);
        }
    }
    for (i = 0; i < COUNT(error_cases); i++) {
        if (is_here(&error_cases[i].inputs) || error_cases[i].status == RINGWAY_STATUS_UNKNOWN_LAYOUT) {
            replay_error(&error_cases[i], is_small);
        }
    }
    return check_summary();
}
