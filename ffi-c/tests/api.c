/* The interface as it is meant to be used, and the facts that the header states. */

#include "check.h"
#include "ringway.h"

#define TEXT_OF(x) #x
#define EXPANDED(x) TEXT_OF(x)

static void check_versions(void) {
    char joined[64];
    snprintf(joined, sizeof joined, "%d.%d.%d", RINGWAY_VERSION_MAJOR, RINGWAY_VERSION_MINOR,
             RINGWAY_VERSION_PATCH);
    CHECK(strcmp(RINGWAY_VERSION, joined) == 0);
    CHECK(strcmp(RINGWAY_VERSION, EXPANDED(CARGO_VERSION)) == 0);
    CHECK(strcmp(RINGWAY_VERSION, ringway_version()) == 0);
    CHECK(ringway_abi_version() == RINGWAY_ABI_VERSION);
}

/* The numbers are part of the interface for ever: this list is only ever appended to. */
static void check_statuses(void) {
    static const struct {
        ringway_status status;
        int number;
    } fixed[] = {
        {RINGWAY_STATUS_OK, 0},
        {RINGWAY_STATUS_NO_OWNER, 1},
        {RINGWAY_STATUS_INVALID_ARGUMENT, 2},
        {RINGWAY_STATUS_PANIC, 3},
        {RINGWAY_STATUS_OUT_OF_MEMORY, 4},
        {RINGWAY_STATUS_NO_SUCH_NODE, 5},
        {RINGWAY_STATUS_NO_KEY_HASH, 6},
        {RINGWAY_STATUS_UNKNOWN_LAYOUT, 7},
        {RINGWAY_STATUS_UNKNOWN_OPTION, 8},
        {RINGWAY_STATUS_BAD_OPTION, 9},
        {RINGWAY_STATUS_OPTION_TWICE, 10},
        {RINGWAY_STATUS_TOO_MANY_NODES, 11},
        {RINGWAY_STATUS_TOO_MANY_POINTS, 12},
        {RINGWAY_STATUS_NAME_EMPTY, 13},
        {RINGWAY_STATUS_NAME_TOO_LONG, 14},
        {RINGWAY_STATUS_ZONE_EMPTY, 15},
        {RINGWAY_STATUS_ZONE_TOO_LONG, 16},
        {RINGWAY_STATUS_DUPLICATE_NAME, 17},
        {RINGWAY_STATUS_NOT_BUILT, 18},
        {RINGWAY_STATUS_BAD_CLUSTER_FILE, 19},
        {RINGWAY_STATUS_FILE_NOT_READ, 20},
        {RINGWAY_STATUS_NO_COMMON_POSITIONS, 21},
        {RINGWAY_STATUS_BAD_SNAPSHOT, 22},
        {RINGWAY_STATUS_WEIGHT_UNSUPPORTED, 23},
        {RINGWAY_STATUS_DRAIN_UNSUPPORTED, 24},
        {RINGWAY_STATUS_TABLE_TOO_SMALL, 25},
        {RINGWAY_STATUS_MISSING_OPTION, 26},
        {RINGWAY_STATUS_NO_ROOM, 27},
        {RINGWAY_STATUS_STATE_UNSUPPORTED, 28},
        {RINGWAY_STATUS_FIELD_UNSUPPORTED, 29},
        {RINGWAY_STATUS_TEXT_EMPTY, 30},
        {RINGWAY_STATUS_TEXT_TOO_LONG, 31},
        {RINGWAY_STATUS_NAME_NOT_TEXT, 32},
        {RINGWAY_STATUS_WITHOUT_COMPAT, 33},
        {RINGWAY_STATUS_BAD_FIELD, 34},
        {RINGWAY_STATUS_MEMORY_TOO_SMALL, 35},
    };
    const char *unknown = ringway_status_message(-1);
    size_t i;
    for (i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        const char *message = ringway_status_message(fixed[i].status);
        CHECK(fixed[i].status == fixed[i].number);
        CHECK(message != NULL && strlen(message) > 0 && strcmp(message, unknown) != 0);
    }
    CHECK(strcmp(ringway_status_message(36), unknown) == 0);
    CHECK(strcmp(ringway_status_message(INT32_MAX), unknown) == 0);
    CHECK(strcmp(ringway_status_message(INT32_MIN), unknown) == 0);
    CHECK(RINGWAY_STATE_UP == 0 && RINGWAY_STATE_DOWN == 1 && RINGWAY_STATE_DRAIN == 2);
    CHECK(RINGWAY_NO_NODE == 4294967295u);
}

static void check_nodes(const ringway_table *table) {
    const uint8_t *text = NULL;
    size_t len = 0;
    uint32_t number = 99;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_count(table, &number));
    CHECK(number == 3);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_layout(table, &text, &len));
    CHECK(len == 10 && memcmp(text, "ringway-v1", len) == 0);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_name(table, 1, &text, &len));
    CHECK(len == 5 && memcmp(text, "b\0\xff\x80z", len) == 0);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_weight(table, 1, &number));
    CHECK(number == 3);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_zone(table, 1, &text, &len));
    CHECK(len == 2 && memcmp(text, "z1", len) == 0);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_state(table, 1, &number));
    CHECK(number == RINGWAY_STATE_DOWN);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_zone(table, 0, &text, &len));
    CHECK(text == NULL && len == 0);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_index_of(table, BYTES("b\0\xff\x80z"), &number));
    CHECK(number == 1);
    CHECK_STATUS(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_index_of(table, BYTES("b"), &number));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_hash_bits(table, &number));
    CHECK(number == 64);
}

/* All ways to ask for an owner agree. */
/* Keys of one length, end to end or as fields of larger elements. */
static void check_fixed_keys(const ringway_table *table) {
    static uint8_t memory[300 * 12];
    static uint32_t apart[300], joined[600];
    uint32_t owner = 0;
    size_t i;
    for (i = 0; i < sizeof memory; i++) {
        memory[i] = (uint8_t)(i * i * 31 >> 3);
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_many_strided(table, memory + 2, 6, 12, 299, apart));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_many_strided(table, memory, 6, 6, 600, joined));
    for (i = 0; i < 600; i++) {
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, memory + 6 * i, 6, &owner));
        CHECK(joined[i] == owner);
    }
    for (i = 0; i < 299; i++) {
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, memory + 2 + 12 * i, 6, &owner));
        CHECK(apart[i] == owner);
    }
    /* Keys of no bytes, at no place at all. */
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_many_strided(table, NULL, 0, 0, 3, apart));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, NULL, 0, &owner));
    CHECK(apart[0] == owner && apart[1] == owner && apart[2] == owner);
}

static void check_lookups(const ringway_table *table) {
    static const char *const texts[] = {"", "a", "user:1", "user:2", "/index.html"};
    const uint8_t *keys[5];
    size_t lens[5], i, count = 0;
    uint32_t many[5], owner = 0, by_hash = 0, first[2] = {77, 77};
    uint64_t hash = 0;
    for (i = 0; i < 5; i++) {
        keys[i] = (const uint8_t *)texts[i];
        lens[i] = strlen(texts[i]);
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_many(table, keys, lens, 5, many));
    for (i = 0; i < 5; i++) {
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, keys[i], lens[i], &owner));
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_key_hash(table, keys[i], lens[i], &hash));
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_hash(table, hash, &by_hash));
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owners(table, keys[i], lens[i], first, 1, &count));
        CHECK(owner < 2 && owner == many[i] && owner == by_hash && owner == first[0] && count == 1);
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_walk(table, keys[i], lens[i], first, 2, &count));
        CHECK(count == 2 && first[0] == owner && first[1] == 1 - owner);
    }
    check_fixed_keys(table);
    /* A NULL key of no bytes is the empty key. */
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, NULL, 0, &owner));
    CHECK(owner == many[0]);
}

/* The functions that need no table answer as the tables of the layouts do. */
static void check_plain_functions(void) {
    static uint64_t hashes[300];
    static uint32_t many[300];
    static const char *const layouts[] = {"jump-v1", "jumpback-v1"};
    const ringway_table *table = NULL;
    uint32_t nodes, bucket = 0, owner = 0, layout;
    char name[16];
    size_t i;
    for (i = 0; i < 300; i++) {
        const int len = snprintf(name, sizeof name, "key-%u", (unsigned)i);
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_key_hash((const uint8_t *)name, (size_t)len, &hashes[i]));
    }
    for (layout = 0; layout < 2; layout++) {
        ringway_builder *builder = NULL;
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new((const uint8_t *)layouts[layout],
                                                            strlen(layouts[layout]), &builder));
        for (nodes = 1; nodes < 40; nodes++) {
            const int len = snprintf(name, sizeof name, "n%u", (unsigned)nodes);
            CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, (const uint8_t *)name, (size_t)len,
                                                                     1, NULL, 0, RINGWAY_STATE_UP));
            CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
            CHECK_STATUS(RINGWAY_STATUS_OK, ringway_jump_many(hashes, 300, nodes, many));
            for (i = 0; i < 300; i++) {
                CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_hash(table, hashes[i], &owner));
                CHECK_STATUS(RINGWAY_STATUS_OK, layout == 0 ? ringway_jump(hashes[i], nodes, &bucket)
                                                            : ringway_jumpback(hashes[i], nodes, &bucket));
                CHECK(bucket == owner && (layout == 1 || many[i] == owner));
            }
            ringway_table_free(table);
        }
        ringway_builder_free(builder);
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_jump_many(NULL, 0, 1, NULL));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_jump(UINT64_MAX, UINT32_MAX, &bucket));
    CHECK(bucket < UINT32_MAX);
}

static void check_references(void) {
    ringway_builder *builder = NULL;
    const ringway_table *first = NULL, *second = NULL;
    uint32_t number = 0;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &first));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 0));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &second));
    ringway_builder_free(builder);
    /* The builder went on without changing what it had built. */
    CHECK_STATUS(RINGWAY_STATUS_NO_OWNER, ringway_table_owner(first, BYTES("k"), &number));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(second, BYTES("k"), &number));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_ref(second));
    ringway_table_free(second);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(second, BYTES("k"), &number));
    ringway_table_free(second);
    ringway_table_free(first);
}

/* Each change is a table of its own; what moves goes to or from the node that changed. */
static void check_changes(const ringway_table *table) {
    const ringway_table *grown = NULL, *heavy = NULL, *drained = NULL, *shrunk = NULL, *plain = NULL;
    ringway_moved_range ranges[200];
    ringway_builder *builder = NULL;
    uint32_t number = 0, owner = 0;
    size_t count = 0, again = 0, i;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_with_node(table, BYTES("d"), 1, BYTES("z1"),
                                                            RINGWAY_STATE_UP, &grown));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_index_of(grown, BYTES("d"), &number));
    CHECK(number == 3);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_moved(table, grown, NULL, 0, &count));
    CHECK(count > 10 && count < 200);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_moved(table, grown, ranges, 200, &again));
    CHECK(again == count);
    for (i = 0; i < count; i++) {
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_hash(table, ranges[i].lo << 32, &owner));
        CHECK(owner == ranges[i].from && ranges[i].to == 3 && ranges[i].lo <= ranges[i].hi);
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_hash(grown, ranges[i].hi << 32, &owner));
        CHECK(owner == 3);
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_with_weight(grown, BYTES("d"), 9, &heavy));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_weight(heavy, 3, &number));
    CHECK(number == 9);
    CHECK_STATUS(RINGWAY_STATUS_OK,
                 ringway_table_with_state(heavy, BYTES("d"), RINGWAY_STATE_DRAIN, &drained));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_moved(table, drained, ranges, 200, &count));
    CHECK(count == 0);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_without_node(grown, BYTES("a"), &shrunk));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_index_of(shrunk, BYTES("d"), &number));
    CHECK(number == 2);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &plain));
    count = 77;
    CHECK_STATUS(RINGWAY_STATUS_NO_COMMON_POSITIONS, ringway_table_moved(table, plain, ranges, 200, &count));
    CHECK(count == 77);
    ringway_builder_free(builder);
    ringway_table_free(grown);
    ringway_table_free(heavy);
    ringway_table_free(drained);
    ringway_table_free(shrunk);
    ringway_table_free(plain);
}

/* A key in a file of its own, whose relative path starts at the folder of the cluster file. */
static void check_key_file(const char *path) {
    static const char secret[] = "000102030405060708090a0b0c0d0e0f";
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const ringway_table *table = NULL;
    char message[512] = "", key_path[512];
    size_t len = 0;
    uint32_t count = 0;
    FILE *file = fopen(path, "wb");
    snprintf(key_path, sizeof key_path, "%s.hex", path);
    CHECK(file != NULL && fprintf(file, "layout = \"ringway-keyed-v1\"\n[options]\nkey_file = \"%s.hex\"\n"
                                        "[[node]]\nname = \"a\"\n", base) > 0);
    fclose(file);
    file = fopen(key_path, "wb");
    CHECK(file != NULL && fprintf(file, "%s\n", secret) > 0);
    fclose(file);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_from_cluster_file((const uint8_t *)path, strlen(path),
                                                                    message, sizeof message, &len, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_count(table, &count));
    CHECK(count == 1);
    ringway_table_free(table);
    file = fopen(key_path, "wb");
    CHECK(file != NULL && fprintf(file, "%s0", secret) > 0);
    fclose(file);
    CHECK_STATUS(RINGWAY_STATUS_BAD_CLUSTER_FILE,
                 ringway_table_from_cluster_file((const uint8_t *)path, strlen(path), message,
                                                 sizeof message, &len, &table));
    CHECK(strstr(message, ":3: options.key_file: ") != NULL && strstr(message, "0a0b") == NULL);
    remove(key_path);
}

static void check_cluster_file(const char *path) {
    const ringway_table *table = NULL;
    char message[512] = "";
    size_t len = 0;
    uint32_t count = 0;
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    if (file == NULL) {
        return;
    }
    fputs("[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n", file);
    fclose(file);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_from_cluster_file((const uint8_t *)path, strlen(path),
                                                                    message, sizeof message, &len, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_count(table, &count));
    CHECK(count == 2 && message[0] == '\0' && len == 0);
    ringway_table_free(table);
    table = NULL;
    file = fopen(path, "wb");
    CHECK(file != NULL && fputs("[[node]]\nname = \"a\"\nweigth = 1\n", file) >= 0);
    fclose(file);
    CHECK_STATUS(RINGWAY_STATUS_BAD_CLUSTER_FILE,
                 ringway_table_from_cluster_file((const uint8_t *)path, strlen(path), message,
                                                 sizeof message, &len, &table));
    CHECK(table == NULL && len == strlen(message));
    CHECK(strncmp(message, path, strlen(path)) == 0 && strncmp(message + strlen(path), ":3:", 3) == 0);
    CHECK(strstr(message, "weigth") != NULL);
    check_key_file(path);
    remove(path);
    CHECK_STATUS(RINGWAY_STATUS_FILE_NOT_READ,
                 ringway_table_from_cluster_file((const uint8_t *)path, strlen(path), message,
                                                 sizeof message, &len, &table));
    CHECK(strncmp(message, path, strlen(path)) == 0);
}

int main(int argc, char **argv) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: api SCRATCH_FILE\n");
        return 2;
    }
    begin_case("versions");
    check_versions();
    begin_case("statuses");
    check_statuses();
    begin_case("builder");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_integer(builder, BYTES("vnodes"), 40));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_text(builder, BYTES("hash_tag"), BYTES("{}")));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("b\0\xff\x80z"), 3, BYTES("z1"),
                                                             RINGWAY_STATE_DOWN));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("c"), 5, BYTES("z2"),
                                                             RINGWAY_STATE_DRAIN));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    begin_case("nodes");
    check_nodes(table);
    begin_case("lookups");
    check_lookups(table);
    begin_case("changes");
    check_changes(table);
    ringway_table_free(table);
    begin_case("plain functions");
    check_plain_functions();
    begin_case("references");
    check_references();
    begin_case("cluster file");
    check_cluster_file(argv[1]);
    return check_summary();
}
