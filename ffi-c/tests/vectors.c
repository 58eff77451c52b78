/* Replays spec/vectors through the C interface; with --small, without the largest tables. */

#include "check.h"
#include "replay.h"
#include "vectors_data.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SMALL_POINTS_MAX 200000u
#define WALK_MAX 8u

static uint8_t memory[LENGTH_MAX];
static uint8_t zone_memory[LENGTH_MAX];
static uint32_t indices[70000];

static ringway_status set_option(ringway_builder *builder, const struct option *option) {
    switch (option->kind) {
    case OPTION_INTEGER:
        return ringway_builder_set_integer(builder, option->name.data, option->name.len, option->number);
    case OPTION_TEXT:
        return ringway_builder_set_text(builder, option->name.data, option->name.len, option->text.data,
                                        option->text.len);
    case OPTION_BOOLEAN:
        return ringway_builder_set_boolean(builder, option->name.data, option->name.len,
                                           (uint32_t)option->number);
    case OPTION_LIST:
        return ringway_builder_set_list(builder, option->name.data, option->name.len, option->list,
                                        option->list_len);
    }
    return RINGWAY_STATUS_PANIC;
}

static ringway_status add_nodes(ringway_builder *builder, const struct inputs *inputs) {
    ringway_status status = RINGWAY_STATUS_OK;
    size_t i;
    unsigned number;
    char text[64];
    for (i = 0; i < inputs->node_count && status == RINGWAY_STATUS_OK; i++) {
        const struct node *node = &inputs->nodes[i];
        status = ringway_builder_add_node(builder, data_of(node->name, memory), node->name.len,
                                          node->weight, data_of(node->zone, zone_memory),
                                          node->zone.len, node->state);
    }
    for (number = 0; number < inputs->nodes_rule.count && status == RINGWAY_STATUS_OK; number++) {
        size_t len = text_of(inputs->nodes_rule, number, text, sizeof text);
        status = ringway_builder_add_node(builder, (const uint8_t *)text, len, 1, NULL, 0,
                                          RINGWAY_STATE_UP);
    }
    return status;
}

/* The table of these inputs, or NULL and the first status that was not OK. */
static const ringway_table *build(const struct inputs *inputs, ringway_status *status) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    size_t i;
    *status = ringway_builder_new(inputs->layout.data, inputs->layout.len, &builder);
    for (i = 0; i < inputs->option_count && *status == RINGWAY_STATUS_OK; i++) {
        *status = set_option(builder, &inputs->options[i]);
    }
    if (*status == RINGWAY_STATUS_OK) {
        *status = add_nodes(builder, inputs);
    }
    if (*status == RINGWAY_STATUS_OK) {
        *status = ringway_builder_build(builder, NULL, 0, NULL, &table);
    }
    ringway_builder_free(builder);
    return table;
}

/* The owner, with NOBODY for RINGWAY_STATUS_NO_OWNER and another number for other failures. */
static uint32_t owner_of(const ringway_table *table, const uint8_t *key, size_t len) {
    uint32_t index = 0;
    ringway_status status = ringway_table_owner(table, key, len, &index);
    return status == RINGWAY_STATUS_OK ? index : status == RINGWAY_STATUS_NO_OWNER ? NOBODY : NOBODY - 1;
}

static uint32_t owner_of_position(const ringway_table *table, uint32_t position, uint32_t low_bits) {
    uint32_t index = 0;
    ringway_status status =
        ringway_table_owner_hash(table, (uint64_t)position << 32 | low_bits, &index);
    return status == RINGWAY_STATUS_OK ? index : status == RINGWAY_STATUS_NO_OWNER ? NOBODY : NOBODY - 1;
}

static int are_equal(const uint32_t *expected, size_t expected_len, size_t len) {
    return len == expected_len && (len == 0 || memcmp(expected, indices, len * sizeof *indices) == 0);
}

static void replay_key(const ringway_table *table, const struct key_row *row, uint32_t eligible) {
    const uint8_t *key = data_of(row->key, memory);
    uint64_t hash = 0;
    size_t count = 0;
    ringway_status status = ringway_table_key_hash(table, key, row->key.len, &hash);
    CHECK(status == RINGWAY_STATUS_OK && hash == row->hash);
    CHECK(owner_of(table, key, row->key.len) == row->owner);
    CHECK(owner_of_position(table, (uint32_t)(hash >> 32), (uint32_t)hash) == row->owner);
    status = ringway_table_walk(table, key, row->key.len, indices, WALK_MAX, &count);
    CHECK(status == RINGWAY_STATUS_OK && are_equal(row->walk, row->walk_len, count));
    status = ringway_table_walk(table, key, row->key.len, indices, COUNT(indices), &count);
    CHECK(status == RINGWAY_STATUS_OK && count == eligible);
}

/* One batch call for all keys of a rule, then the digest of its answers. */
static void replay_many(const ringway_table *table, const struct many_row *row) {
    const size_t count = row->keys.count;
    char *texts = (char *)malloc(count * 32);
    const uint8_t **keys = (const uint8_t **)malloc(count * sizeof *keys);
    size_t *lens = (size_t *)malloc(count * sizeof *lens);
    uint8_t *bytes = (uint8_t *)malloc(count * 4);
    uint64_t *hashes = (uint64_t *)malloc(count * sizeof *hashes);
    struct inputs plain = {{(const uint8_t *)"ringway-v1", 10, 0}, NULL, 0, NULL, 0, {"", 0, 0, 0}};
    const ringway_table *hasher;
    ringway_status status;
    uint64_t digest = 0;
    size_t i;
    if (texts == NULL || keys == NULL || lens == NULL || bytes == NULL || hashes == NULL ||
        count > COUNT(indices)) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
    for (i = 0; i < count; i++) {
        lens[i] = text_of(row->keys, (unsigned)i, texts + 32 * i, 32);
        keys[i] = (const uint8_t *)texts + 32 * i;
    }
    status = ringway_table_owner_many(table, keys, lens, count, indices);
    CHECK(status == RINGWAY_STATUS_OK);
    for (i = 0; i < 4 * count; i++) {
        bytes[i] = (uint8_t)(indices[i / 4] >> 8 * (i % 4));
    }
    hasher = build(&plain, &status);
    status = ringway_table_key_hash(hasher, bytes, 4 * count, &digest);
    CHECK(status == RINGWAY_STATUS_OK && digest == row->digest);
    ringway_table_free(hasher);
    for (i = 0; i < count; i++) {
        status = ringway_table_key_hash(table, keys[i], lens[i], &hashes[i]);
        CHECK(status == RINGWAY_STATUS_OK);
    }
    memcpy(bytes, indices, 4 * count);
    CHECK(ringway_table_owner_many_by_hash(table, hashes, count, indices) == RINGWAY_STATUS_OK);
    CHECK(memcmp(bytes, indices, 4 * count) == 0);
    free(hashes);
    free(bytes);
    free(lens);
    free((void *)keys);
    free(texts);
}

static void replay_placement(const struct placement_case *c, int is_small) {
    ringway_status status;
    const ringway_table *table;
    size_t i;
    if (is_small && c->points > SMALL_POINTS_MAX) {
        cases_skipped++;
        return;
    }
    begin_case(c->name);
    table = build(&c->inputs, &status);
    CHECK(status == RINGWAY_STATUS_OK);
    for (i = 0; i < c->key_count; i++) {
        replay_key(table, &c->keys[i], c->eligible);
    }
    for (i = 0; i < c->position_count; i++) {
        const struct position_row *row = &c->positions[i];
        CHECK(owner_of_position(table, row->position, 0) == row->owner);
        CHECK(owner_of_position(table, row->position, NOBODY) == row->owner);
    }
    for (i = 0; i < c->replica_count; i++) {
        const struct replica_row *row = &c->replicas[i];
        size_t count = 0;
        status = ringway_table_owners(table, data_of(row->key, memory), row->key.len, indices, row->k,
                                      &count);
        CHECK(status == RINGWAY_STATUS_OK && are_equal(row->owners, row->owner_count, count));
    }
    for (i = 0; i < c->many_count; i++) {
        replay_many(table, &c->many[i]);
    }
    ringway_table_free(table);
}

static void replay_segments(const struct segment_case *c) {
    ringway_status status;
    const ringway_table *table;
    size_t i;
    begin_case(c->name);
    table = build(&c->inputs, &status);
    CHECK(status == RINGWAY_STATUS_OK);
    for (i = 0; i < c->segment_count; i++) {
        CHECK(owner_of_position(table, c->segments[i].low, 0) == c->segments[i].owner);
        CHECK(owner_of_position(table, c->segments[i].high, 0) == c->segments[i].owner);
    }
    ringway_table_free(table);
}

static void replay_error(const struct error_case *c, int is_small) {
    ringway_status status;
    const ringway_table *table;
    if (is_small && (c->points > SMALL_POINTS_MAX || c->inputs.nodes_rule.count > 10000)) {
        cases_skipped++;
        return;
    }
    begin_case(ringway_status_message(c->status));
    table = build(&c->inputs, &status);
    CHECK(status == c->status);
    CHECK((table != NULL) == (c->status == RINGWAY_STATUS_OK));
    ringway_table_free(table);
}

static int is_node(const ringway_table *table, uint32_t index, const struct node *node) {
    const uint8_t *name = NULL, *zone = NULL;
    size_t name_len = 0, zone_len = 0;
    uint32_t weight = 0, state = 0;
    return ringway_table_node_name(table, index, &name, &name_len) == RINGWAY_STATUS_OK &&
           ringway_table_node_zone(table, index, &zone, &zone_len) == RINGWAY_STATUS_OK &&
           ringway_table_node_weight(table, index, &weight) == RINGWAY_STATUS_OK &&
           ringway_table_node_state(table, index, &state) == RINGWAY_STATUS_OK &&
           name_len == node->name.len && memcmp(name, data_of(node->name, memory), name_len) == 0 &&
           (zone == NULL) == (node->zone.data == NULL) && zone_len == node->zone.len &&
           (zone == NULL || memcmp(zone, node->zone.data, zone_len) == 0) &&
           weight == node->weight && state == node->state;
}

static void replay_cluster_file(const struct cluster_case *c) {
    char message[2048] = "", place[32];
    size_t i, message_len = 0;
    uint32_t count = 0;
    const ringway_table *table = NULL;
    ringway_status status;
    begin_case(c->name);
    status = ringway_table_from_cluster_text(c->file.data, c->file.len, message, sizeof message,
                                             &message_len, &table);
    CHECK(status == (c->is_read ? RINGWAY_STATUS_OK : RINGWAY_STATUS_BAD_CLUSTER_FILE));
    if (status != RINGWAY_STATUS_OK) {
        CHECK(table == NULL && message_len > 0 && message_len == strlen(message));
        snprintf(place, sizeof place, "cluster file:%u:", c->line);
        CHECK(c->line == 0 || strncmp(message, place, strlen(place)) == 0);
        return;
    }
    CHECK(ringway_table_node_count(table, &count) == RINGWAY_STATUS_OK && count == c->node_count);
    for (i = 0; i < c->node_count; i++) {
        CHECK(is_node(table, (uint32_t)i, &c->nodes[i]));
    }
    for (i = 0; i < c->owner_count; i++) {
        const struct bytes key = c->owners[i].key;
        CHECK(owner_of(table, data_of(key, memory), key.len) == c->owners[i].owner);
    }
    ringway_table_free(table);
}

static void replay_snapshot(const struct snapshot_case *c) {
    char message[512] = "";
    ringway_status status;
    const ringway_table *table = NULL, *again = NULL;
    uint64_t fingerprint = 0, fingerprint_again = 0;
    size_t len = 0, part = 0, message_len = 0;
    uint8_t first[5];
    begin_case(c->name);
    if (c->status != RINGWAY_STATUS_OK) {
        status = ringway_table_from_bytes(c->data.data, c->data.len, message, sizeof message,
                                          &message_len, &again);
        CHECK(status == c->status && again == NULL);
        CHECK(message_len > 0 && message_len == strlen(message));
        return;
    }
    table = build(&c->inputs, &status);
    CHECK(status == RINGWAY_STATUS_OK);
    CHECK(ringway_table_fingerprint(table, &fingerprint) == RINGWAY_STATUS_OK);
    CHECK(fingerprint == c->fingerprint);
    CHECK(ringway_table_to_bytes(table, NULL, 0, &len) == RINGWAY_STATUS_OK && len == c->length);
    CHECK(len <= LENGTH_MAX);
    CHECK(ringway_table_to_bytes(table, memory, LENGTH_MAX, &len) == RINGWAY_STATUS_OK);
    CHECK(c->data.data == NULL || (len == c->data.len && memcmp(memory, c->data.data, len) == 0));
    CHECK(ringway_table_to_bytes(table, first, 5, &part) == RINGWAY_STATUS_OK && part == len);
    CHECK(memcmp(first, memory, 5) == 0);
    CHECK(ringway_table_from_bytes(memory, len, NULL, 0, NULL, &again) == RINGWAY_STATUS_OK);
    CHECK(ringway_table_fingerprint(again, &fingerprint_again) == RINGWAY_STATUS_OK);
    CHECK(fingerprint_again == fingerprint);
    ringway_table_free(table);
    ringway_table_free(again);
}

/* Keys of a rule one after the other, each counted: who gets them, and the loads at the end. */
static void replay_greedy(const ringway_table *table, const struct bounded_case *c,
                          const struct greedy_row *row) {
    static uint64_t loads[1000];
    static uint8_t bytes[LENGTH_MAX];
    struct inputs plain = {{(const uint8_t *)"ringway-v1", 10, 0}, NULL, 0, NULL, 0, {"", 0, 0, 0}};
    const ringway_table *hasher;
    ringway_status status = RINGWAY_STATUS_OK;
    uint64_t digest = 0;
    unsigned total;
    size_t i;
    char text[64];
    if (row->load_count > COUNT(loads) || 4 * row->keys.count > LENGTH_MAX) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
    memset(loads, 0, sizeof loads);
    for (total = 0; total < row->keys.count && status == RINGWAY_STATUS_OK; total++) {
        uint32_t index = NOBODY;
        size_t len = text_of(row->keys, total, text, sizeof text);
        status = ringway_table_owner_bounded(table, (const uint8_t *)text, len, loads, row->load_count,
                                             total, c->factor_permille, &index);
        CHECK(status == RINGWAY_STATUS_OK && index < row->load_count);
        loads[index < row->load_count ? index : 0]++;
        for (i = 0; i < 4; i++) {
            bytes[4 * total + i] = (uint8_t)(index >> 8 * i);
        }
    }
    CHECK(memcmp(loads, row->loads, row->load_count * sizeof *loads) == 0);
    hasher = build(&plain, &status);
    status = ringway_table_key_hash(hasher, bytes, 4 * row->keys.count, &digest);
    CHECK(status == RINGWAY_STATUS_OK && digest == row->digest);
    ringway_table_free(hasher);
}

static void replay_bounded(const struct bounded_case *c) {
    ringway_status status;
    const ringway_table *table;
    uint32_t owner;
    size_t i;
    begin_case(c->name);
    table = build(&c->inputs, &status);
    CHECK(status == RINGWAY_STATUS_OK);
    for (i = 0; i < c->capacity_count; i++) {
        uint64_t capacity = 0;
        status = ringway_table_capacity(table, (uint32_t)i, c->total, c->factor_permille, &capacity);
        CHECK(status == RINGWAY_STATUS_OK && capacity == c->capacities[i]);
    }
    for (i = 0; i < c->key_count; i++) {
        const struct bytes key = c->keys[i].key;
        const ringway_status nobody = owner_of(table, data_of(key, memory), key.len) == NOBODY
                                          ? RINGWAY_STATUS_NO_OWNER
                                          : RINGWAY_STATUS_NO_ROOM;
        uint64_t hash = 0;
        owner = NOBODY;
        status = ringway_table_owner_bounded(table, data_of(key, memory), key.len, c->loads,
                                             c->load_count, c->total, c->factor_permille, &owner);
        CHECK(status == (c->keys[i].owner == NOBODY ? nobody : RINGWAY_STATUS_OK));
        CHECK(owner == c->keys[i].owner);
        owner = NOBODY;
        CHECK(ringway_table_key_hash(table, data_of(key, memory), key.len, &hash) == RINGWAY_STATUS_OK);
        CHECK(ringway_table_owner_bounded_hash(table, hash, c->loads, c->load_count, c->total,
                                               c->factor_permille, &owner) == status);
        CHECK(owner == c->keys[i].owner);
    }
    for (i = 0; i < c->greedy_count; i++) {
        replay_greedy(table, c, &c->greedy[i]);
    }
    ringway_table_free(table);
}

static void replay_hashes(void) {
    struct inputs plain = {{(const uint8_t *)"ringway-v1", 10, 0}, NULL, 0, NULL, 0, {"", 0, 0, 0}};
    ringway_status status;
    const ringway_table *table = build(&plain, &status);
    size_t i;
    begin_case("xxh3");
    for (i = 0; i < COUNT(hash_cases); i++) {
        struct bytes input = {NULL, 0, 1};
        uint64_t hash = 0;
        input.len = hash_cases[i].len;
        status = ringway_table_key_hash(table, data_of(input, memory), input.len, &hash);
        CHECK(status == RINGWAY_STATUS_OK && hash == hash_cases[i].hash);
    }
    ringway_table_free(table);
}

int main(int argc, char **argv) {
    const int is_small = argc > 1 && strcmp(argv[1], "--small") == 0;
    size_t i;
    replay_hashes();
    for (i = 0; i < COUNT(placement_cases); i++) {
        replay_placement(&placement_cases[i], is_small);
    }
    for (i = 0; i < COUNT(segment_cases); i++) {
        replay_segments(&segment_cases[i]);
    }
    for (i = 0; i < COUNT(error_cases); i++) {
        replay_error(&error_cases[i], is_small);
    }
    for (i = 0; i < COUNT(cluster_cases); i++) {
        replay_cluster_file(&cluster_cases[i]);
    }
    for (i = 0; i < COUNT(snapshot_cases); i++) {
        replay_snapshot(&snapshot_cases[i]);
    }
    for (i = 0; i < COUNT(bounded_cases); i++) {
        replay_bounded(&bounded_cases[i]);
    }
    return check_summary();
}
