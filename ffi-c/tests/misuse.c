/* Wrong calls: each is answered with a status, and no output is touched. */

#include "check.h"
#include "ringway.h"

#define ABSURD ((size_t)PTRDIFF_MAX + 1)
#define INVALID RINGWAY_STATUS_INVALID_ARGUMENT

static const uint8_t KEY[] = "key";
/* Every output starts as this and must still be this after a failure. */
static uint32_t number = 7;
static uint64_t hash = 7;
static size_t count = 7;
static const uint8_t *text = KEY;

static int outputs_are_untouched(void) {
    return number == 7 && hash == 7 && count == 7 && text == KEY;
}

/* A case of its own: `call` gives `status` and touches no output. */
#define REFUSED(status, call)           \
    do {                                \
        begin_case(#call);              \
        CHECK_STATUS(status, call);     \
        CHECK(outputs_are_untouched()); \
    } while (0)

static void misuse_builders(void) {
    ringway_builder *builder = NULL, *none = NULL;
    uint64_t aligned[2] = {0, 0};
    const uint32_t numbers[2] = {1, 0};
    REFUSED(INVALID, ringway_builder_new(BYTES("ringway-v1"), NULL));
    REFUSED(INVALID, ringway_builder_new(NULL, 10, &none));
    REFUSED(INVALID, ringway_builder_new(KEY, ABSURD, &none));
    REFUSED(INVALID, ringway_builder_new(KEY, SIZE_MAX, &none));
    REFUSED(INVALID, ringway_builder_new(BYTES("ringway-v1"), (ringway_builder **)((char *)aligned + 1)));
    REFUSED(RINGWAY_STATUS_UNKNOWN_LAYOUT, ringway_builder_new(NULL, 0, &none));
    REFUSED(RINGWAY_STATUS_UNKNOWN_LAYOUT, ringway_builder_new(BYTES("\xff\xfe"), &none));
    REFUSED(RINGWAY_STATUS_UNKNOWN_LAYOUT, ringway_builder_new(BYTES("ringway-v1\0"), &none));
    CHECK(none == NULL);

    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    REFUSED(INVALID, ringway_builder_set_integer(NULL, BYTES("vnodes"), 1));
    REFUSED(INVALID, ringway_builder_set_integer(builder, NULL, 6, 1));
    REFUSED(INVALID, ringway_builder_set_integer(builder, KEY, ABSURD, 1));
    REFUSED(RINGWAY_STATUS_UNKNOWN_OPTION, ringway_builder_set_integer(builder, NULL, 0, 1));
    REFUSED(RINGWAY_STATUS_UNKNOWN_OPTION, ringway_builder_set_integer(builder, BYTES("\xff"), 1));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_integer(builder, BYTES("vnodes"), INT64_MIN));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_integer(builder, BYTES("vnodes"), INT64_MAX));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_integer(builder, BYTES("hash_tag"), 1));
    REFUSED(INVALID, ringway_builder_set_text(NULL, BYTES("hash_tag"), BYTES("{}")));
    REFUSED(INVALID, ringway_builder_set_text(builder, NULL, 8, BYTES("{}")));
    REFUSED(INVALID, ringway_builder_set_text(builder, BYTES("hash_tag"), NULL, 2));
    REFUSED(INVALID, ringway_builder_set_text(builder, BYTES("hash_tag"), KEY, ABSURD));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_text(builder, BYTES("hash_tag"), NULL, 0));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_text(builder, BYTES("hash_tag"), BYTES("\xff{")));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_text(builder, BYTES("vnodes"), BYTES("160")));
    REFUSED(RINGWAY_STATUS_UNKNOWN_OPTION, ringway_builder_set_text(builder, BYTES("tag"), BYTES("{}")));
    REFUSED(INVALID, ringway_builder_set_boolean(NULL, BYTES("vnodes"), 1));
    REFUSED(INVALID, ringway_builder_set_boolean(builder, BYTES("vnodes"), 2));
    REFUSED(INVALID, ringway_builder_set_boolean(builder, BYTES("vnodes"), UINT32_MAX));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_boolean(builder, BYTES("vnodes"), 1));
    REFUSED(INVALID, ringway_builder_set_list(NULL, BYTES("vnodes"), numbers, 2));
    REFUSED(INVALID, ringway_builder_set_list(builder, NULL, 6, numbers, 2));
    REFUSED(INVALID, ringway_builder_set_list(builder, BYTES("vnodes"), NULL, 2));
    REFUSED(INVALID, ringway_builder_set_list(builder, BYTES("vnodes"), numbers, ABSURD));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_list(builder, BYTES("vnodes"), numbers, 2));
    REFUSED(RINGWAY_STATUS_BAD_OPTION, ringway_builder_set_list(builder, BYTES("vnodes"), NULL, 0));
    REFUSED(RINGWAY_STATUS_UNKNOWN_OPTION, ringway_builder_set_list(builder, BYTES("removed"), numbers, 2));
    /* What was refused counts as never set; what was set stays set. */
    REFUSED(RINGWAY_STATUS_OK, ringway_builder_set_integer(builder, BYTES("vnodes"), 8));
    REFUSED(RINGWAY_STATUS_OPTION_TWICE, ringway_builder_set_integer(builder, BYTES("vnodes"), 8));
    REFUSED(RINGWAY_STATUS_OPTION_TWICE, ringway_builder_set_text(builder, BYTES("vnodes"), BYTES("8")));
    REFUSED(RINGWAY_STATUS_OK, ringway_builder_set_text(builder, BYTES("hash_tag"), BYTES("{}")));
    REFUSED(RINGWAY_STATUS_OPTION_TWICE, ringway_builder_set_text(builder, BYTES("hash_tag"), BYTES("[]")));
    ringway_builder_free(builder);
    ringway_builder_free(NULL);
}

static void misuse_nodes(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    uint32_t nodes = 0;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    REFUSED(INVALID, ringway_builder_add_node(NULL, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_add_node(builder, NULL, 1, 1, NULL, 0, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_add_node(builder, KEY, ABSURD, 1, NULL, 0, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 1, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_add_node(builder, BYTES("a"), 1, KEY, ABSURD, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 3));
    REFUSED(INVALID, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, UINT32_MAX));
    /* More than any machine has, yet a possible length: nothing is read. */
    REFUSED(RINGWAY_STATUS_OUT_OF_MEMORY,
            ringway_builder_add_node(builder, KEY, (size_t)PTRDIFF_MAX, 1, NULL, 0, RINGWAY_STATE_UP));
    REFUSED(RINGWAY_STATUS_OUT_OF_MEMORY,
            ringway_builder_add_node(builder, BYTES("a"), 1, KEY, (size_t)PTRDIFF_MAX, RINGWAY_STATE_UP));
    /* Refused nodes are not there. */
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_count(table, &nodes));
    CHECK(nodes == 0);
    ringway_table_free(table);
    ringway_builder_free(builder);
}

static void misuse_fields(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    const int64_t tokens[2] = {INT64_MIN, INT64_MAX};
    char long_text[1025];
    memset(long_text, 'x', sizeof long_text);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("haproxy-consistent"), &builder));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_builder_set_node_text(builder, 0, BYTES("guid"), BYTES("g")));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    REFUSED(INVALID, ringway_builder_set_node_text(NULL, 0, BYTES("guid"), BYTES("g")));
    REFUSED(INVALID, ringway_builder_set_node_text(builder, 0, NULL, 4, BYTES("g")));
    REFUSED(INVALID, ringway_builder_set_node_text(builder, 0, KEY, ABSURD, BYTES("g")));
    REFUSED(INVALID, ringway_builder_set_node_text(builder, 0, BYTES("guid"), NULL, 1));
    REFUSED(INVALID, ringway_builder_set_node_text(builder, 0, BYTES("guid"), KEY, ABSURD));
    REFUSED(INVALID, ringway_builder_set_node_text(builder, 0, BYTES("address"), BYTES("\xff")));
    REFUSED(RINGWAY_STATUS_OUT_OF_MEMORY,
            ringway_builder_set_node_text(builder, 0, BYTES("guid"), KEY, (size_t)PTRDIFF_MAX));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_builder_set_node_text(builder, 1, BYTES("guid"), BYTES("g")));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE,
            ringway_builder_set_node_text(builder, UINT32_MAX, BYTES("guid"), BYTES("g")));
    REFUSED(RINGWAY_STATUS_FIELD_UNSUPPORTED, ringway_builder_set_node_text(builder, 0, NULL, 0, BYTES("g")));
    REFUSED(RINGWAY_STATUS_FIELD_UNSUPPORTED, ringway_builder_set_node_text(builder, 0, BYTES("id"), BYTES("1")));
    REFUSED(RINGWAY_STATUS_FIELD_UNSUPPORTED,
            ringway_builder_set_node_text(builder, 0, BYTES("guid\0"), BYTES("1")));
    REFUSED(INVALID, ringway_builder_set_node_integer(NULL, 0, BYTES("id"), 1));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, NULL, 2, 1));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, BYTES("id"), -1));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, BYTES("id"), 4294967296));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, BYTES("vnodes"), INT64_MIN));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, BYTES("weight_millionths"), -1));
    REFUSED(INVALID, ringway_builder_set_node_integer(builder, 0, BYTES("weight_millionths"), 4294967295000001));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_builder_set_node_integer(builder, 1, BYTES("id"), 1));
    REFUSED(RINGWAY_STATUS_FIELD_UNSUPPORTED, ringway_builder_set_node_integer(builder, 0, BYTES("guid"), 1));
    REFUSED(INVALID, ringway_builder_set_node_tokens(NULL, 0, tokens, 2));
    REFUSED(INVALID, ringway_builder_set_node_tokens(builder, 0, NULL, 2));
    REFUSED(INVALID, ringway_builder_set_node_tokens(builder, 0, (const int64_t *)((const char *)tokens + 1), 1));
    REFUSED(INVALID, ringway_builder_set_node_tokens(builder, 0, tokens, ABSURD / 8));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_builder_set_node_tokens(builder, 1, tokens, 2));
    /* Nothing of that was set. */
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_table_free(table);
    table = NULL;

    begin_case("fields that make no table");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_text(builder, 0, BYTES("guid"), NULL, 0));
    CHECK_STATUS(RINGWAY_STATUS_TEXT_EMPTY, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_text(builder, 0, BYTES("guid"),
                                                                  (const uint8_t *)long_text, 1025));
    CHECK_STATUS(RINGWAY_STATUS_TEXT_TOO_LONG, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_text(builder, 0, BYTES("guid"),
                                                                  (const uint8_t *)long_text, 1024));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_integer(builder, 0, BYTES("weight_millionths"), 1));
    CHECK_STATUS(RINGWAY_STATUS_WEIGHT_UNSUPPORTED, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK,
                 ringway_builder_set_node_integer(builder, 0, BYTES("weight_millionths"), 2000000));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_integer(builder, 0, BYTES("id"), 0));
    CHECK_STATUS(RINGWAY_STATUS_BAD_FIELD, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_integer(builder, 0, BYTES("id"), UINT32_MAX));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_tokens(builder, 0, tokens, 2));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_node_weight(table, 0, &number));
    CHECK(number == 2);
    number = 7;
    ringway_table_free(table);
    ringway_builder_free(builder);
    table = NULL;

    begin_case("fields that only deployed programs' layouts read");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_set_node_text(builder, 0, BYTES("hash_text"), BYTES("t")));
    CHECK_STATUS(RINGWAY_STATUS_FIELD_UNSUPPORTED, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);

    begin_case("nodes that deployed programs do not know");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("pymemcache"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_DOWN));
    CHECK_STATUS(RINGWAY_STATUS_STATE_UNSUPPORTED, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("pymemcache"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("\xff"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_NAME_NOT_TEXT, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("guava"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_MISSING_OPTION, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    CHECK(table == NULL);
}

/* A layout whose key hash is no number of 32 or 64 bits, and one that cannot read every key. */
static void ask_deployed(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    const uint64_t idle[1] = {0};
    uint64_t hashes[1] = {0};
    begin_case("a table without key hashes");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("pymemcache"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    REFUSED(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_hash_bits(table, &number));
    REFUSED(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_key_hash(table, KEY, 3, &hash));
    REFUSED(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_owner_hash(table, 1, &number));
    REFUSED(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_owner_many_by_hash(table, hashes, 1, &number));
    REFUSED(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_owner_bounded_hash(table, 1, idle, 1, 0, 1250, &number));
    begin_case("a bounded load without key hashes");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_bounded(table, KEY, 3, idle, 1, 0, 1250, &number));
    CHECK(number == 0);
    number = 7;
    REFUSED(INVALID, ringway_table_candidates(NULL, KEY, 3, &number, 1, &count));
    REFUSED(INVALID, ringway_table_candidates(table, NULL, 3, &number, 1, &count));
    REFUSED(INVALID, ringway_table_candidates(table, KEY, 3, NULL, 1, &count));
    REFUSED(INVALID, ringway_table_candidates(table, KEY, 3, &number, SIZE_MAX, &count));
    REFUSED(INVALID, ringway_table_candidates(table, KEY, 3, &number, 1, NULL));
    REFUSED(INVALID, ringway_table_owner_under_load(NULL, KEY, 3, idle, 1, &number));
    REFUSED(INVALID, ringway_table_owner_under_load(table, NULL, 3, idle, 1, &number));
    REFUSED(INVALID, ringway_table_owner_under_load(table, KEY, 3, NULL, 1, &number));
    REFUSED(INVALID, ringway_table_owner_under_load(table, KEY, 3, idle, 0, &number));
    REFUSED(INVALID, ringway_table_owner_under_load(table, KEY, 3, idle, 2, &number));
    REFUSED(INVALID, ringway_table_owner_under_load(table, KEY, 3, idle, 1, NULL));
    ringway_table_free(table);

    begin_case("a layout that cannot read every key");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("uhashring-ketama"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_owner(table, BYTES("\xff"), &number));
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_key_hash(table, BYTES("\xff"), &hash));
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_owner_under_load(table, BYTES("\xff"), idle, 1, &number));
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_owner_bounded(table, BYTES("\xff"), idle, 1, 0, 1250, &number));
    ringway_table_free(table);
}

static void misuse_values(void) {
    int64_t token = 7;
    REFUSED(INVALID, ringway_redis_slot(NULL, 3, &number));
    REFUSED(INVALID, ringway_redis_slot(KEY, ABSURD, &number));
    REFUSED(INVALID, ringway_redis_slot(KEY, 3, NULL));
    REFUSED(INVALID, ringway_cassandra_token(NULL, 3, &token));
    REFUSED(INVALID, ringway_cassandra_token(KEY, SIZE_MAX, &token));
    REFUSED(INVALID, ringway_cassandra_token(KEY, 3, NULL));
    CHECK(token == 7);
}

static void misuse_messages(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    char message[256], whole[256];
    size_t len = 7, i;
    begin_case("messages of a table that is built");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 0));
    memset(message, 'x', sizeof message);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, message, sizeof message, &len, &table));
    CHECK(message[0] == 'x' && len == 7 && table != NULL);
    ringway_table_free(table);
    table = NULL;

    begin_case("messages of a table that is not built");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 0));
    CHECK_STATUS(INVALID, ringway_builder_build(builder, NULL, 5, &len, &table));
    CHECK_STATUS(INVALID, ringway_builder_build(builder, message, ABSURD, &len, &table));
    CHECK(message[0] == 'x' && len == 7);
    CHECK_STATUS(INVALID, ringway_builder_build(NULL, message, sizeof message, &len, &table));
    CHECK(strcmp(message, ringway_status_message(INVALID)) == 0 && len == strlen(message));
    CHECK_STATUS(INVALID, ringway_builder_build(builder, message, sizeof message, &len, NULL));
    CHECK_STATUS(RINGWAY_STATUS_DUPLICATE_NAME, ringway_builder_build(builder, NULL, 0, NULL, &table));
    CHECK_STATUS(RINGWAY_STATUS_DUPLICATE_NAME, ringway_builder_build(builder, whole, sizeof whole, NULL, &table));
    CHECK(strlen(whole) > 10);
    for (i = 0; i <= strlen(whole) + 1; i++) {
        memset(message, 'x', sizeof message);
        CHECK_STATUS(RINGWAY_STATUS_DUPLICATE_NAME, ringway_builder_build(builder, message, i, &len, &table));
        CHECK(len == strlen(whole) && message[i] == 'x');
        CHECK(i == 0 || (message[i - 1] == '\0' && strncmp(message, whole, i - 1) == 0));
    }
    CHECK(table == NULL);
    ringway_builder_free(builder);
}

static void misuse_tables(const ringway_table *table) {
    const uint8_t *keys[2];
    size_t lens[2] = {3, 3};
    uint32_t two[2] = {7, 7};
    uint64_t storage[2] = {0, 0}, loads[2] = {0, 0};
    uint32_t *misaligned = (uint32_t *)((char *)storage + 1);
    keys[0] = KEY;
    keys[1] = NULL;
    REFUSED(INVALID, ringway_table_ref(NULL));
    REFUSED(INVALID, ringway_table_owner(NULL, KEY, 3, &number));
    REFUSED(INVALID, ringway_table_owner(table, NULL, 3, &number));
    REFUSED(INVALID, ringway_table_owner(table, KEY, ABSURD, &number));
    REFUSED(INVALID, ringway_table_owner(table, KEY, SIZE_MAX, &number));
    REFUSED(INVALID, ringway_table_owner(table, KEY, 3, NULL));
    REFUSED(INVALID, ringway_table_owner(table, KEY, 3, misaligned));
    REFUSED(INVALID, ringway_table_owner_hash(NULL, 1, &number));
    REFUSED(INVALID, ringway_table_owner_hash(table, 1, NULL));
    REFUSED(INVALID, ringway_table_owners(NULL, KEY, 3, &number, 1, &count));
    REFUSED(INVALID, ringway_table_owners(table, NULL, 3, &number, 1, &count));
    REFUSED(INVALID, ringway_table_owners(table, KEY, 3, NULL, 1, &count));
    REFUSED(INVALID, ringway_table_owners(table, KEY, 3, &number, ABSURD, &count));
    REFUSED(INVALID, ringway_table_owners(table, KEY, 3, &number, (size_t)PTRDIFF_MAX / 4 + 1, &count));
    REFUSED(INVALID, ringway_table_owners(table, KEY, 3, &number, 1, NULL));
    REFUSED(INVALID, ringway_table_walk(NULL, KEY, 3, &number, 1, &count));
    REFUSED(INVALID, ringway_table_walk(table, KEY, SIZE_MAX, &number, 1, &count));
    REFUSED(INVALID, ringway_table_walk(table, KEY, 3, NULL, 1, &count));
    REFUSED(INVALID, ringway_table_walk(table, KEY, 3, &number, SIZE_MAX, &count));
    REFUSED(INVALID, ringway_table_walk(table, KEY, 3, &number, 1, NULL));
    REFUSED(INVALID, ringway_table_owner_many(NULL, keys, lens, 1, two));
    REFUSED(INVALID, ringway_table_owner_many(table, NULL, lens, 1, two));
    REFUSED(INVALID, ringway_table_owner_many(table, keys, NULL, 1, two));
    REFUSED(INVALID, ringway_table_owner_many(table, keys, lens, 1, NULL));
    REFUSED(INVALID, ringway_table_owner_many(table, keys, lens, ABSURD / 8, two));
    REFUSED(INVALID, ringway_table_owner_many(table, keys, lens, SIZE_MAX, two));
    /* The second key is bad: the first one's owner is not written either. */
    REFUSED(INVALID, ringway_table_owner_many(table, keys, lens, 2, two));
    CHECK(two[0] == 7 && two[1] == 7);
    lens[1] = 0;
    REFUSED(RINGWAY_STATUS_OK, ringway_table_owner_many(table, keys, lens, 2, two));
    CHECK(two[0] == 0 && two[1] == 0);
    REFUSED(RINGWAY_STATUS_OK, ringway_table_owner_many(table, NULL, NULL, 0, NULL));
    two[0] = two[1] = 7;
    REFUSED(INVALID, ringway_table_owner_many_strided(NULL, KEY, 1, 1, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, NULL, 1, 1, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 2, 1, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 1, ABSURD, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 1, SIZE_MAX, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 2, SIZE_MAX, 2, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 1, 1, SIZE_MAX, two));
    REFUSED(INVALID, ringway_table_owner_many_strided(table, KEY, 1, 1, 2, NULL));
    REFUSED(RINGWAY_STATUS_OK, ringway_table_owner_many_strided(table, NULL, 5, 5, 0, NULL));
    REFUSED(INVALID, ringway_table_owner_many_by_hash(NULL, loads, 1, two));
    REFUSED(INVALID, ringway_table_owner_many_by_hash(table, NULL, 1, two));
    REFUSED(INVALID, ringway_table_owner_many_by_hash(table, loads, 1, NULL));
    REFUSED(INVALID, ringway_table_owner_many_by_hash(table, loads, SIZE_MAX, two));
    REFUSED(RINGWAY_STATUS_OK, ringway_table_owner_many_by_hash(table, NULL, 0, NULL));
    CHECK(two[0] == 7 && two[1] == 7);
    REFUSED(INVALID, ringway_table_owner_bounded(NULL, KEY, 3, loads, 1, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, NULL, 3, loads, 1, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, NULL, 1, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, loads, 0, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, loads, 2, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, loads, 1, 0, 999, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, loads, 1, 0, 1000001, &number));
    REFUSED(INVALID, ringway_table_owner_bounded(table, KEY, 3, loads, 1, 0, 1250, NULL));
    REFUSED(INVALID, ringway_table_owner_bounded_hash(NULL, 0, loads, 1, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded_hash(table, 0, loads, 2, 0, 1250, &number));
    REFUSED(INVALID, ringway_table_owner_bounded_hash(table, 0, loads, 1, 0, 1250, NULL));
    REFUSED(INVALID, ringway_table_capacity(NULL, 0, 0, 1250, &hash));
    REFUSED(INVALID, ringway_table_capacity(table, 0, 0, 0, &hash));
    REFUSED(INVALID, ringway_table_capacity(table, 0, 0, 1250, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_capacity(table, 1, 0, 1250, &hash));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_capacity(table, 65536, 0, 1250, &hash));
    REFUSED(INVALID, ringway_table_hash_bits(NULL, &number));
    REFUSED(INVALID, ringway_table_hash_bits(table, NULL));
    REFUSED(INVALID, ringway_table_key_hash(NULL, KEY, 3, &hash));
    REFUSED(INVALID, ringway_table_key_hash(table, NULL, 3, &hash));
    REFUSED(INVALID, ringway_table_key_hash(table, KEY, 3, NULL));
    REFUSED(INVALID, ringway_table_layout(NULL, &text, &count));
    REFUSED(INVALID, ringway_table_layout(table, NULL, &count));
    REFUSED(INVALID, ringway_table_layout(table, &text, NULL));
    REFUSED(INVALID, ringway_table_node_count(NULL, &number));
    REFUSED(INVALID, ringway_table_node_count(table, NULL));
    REFUSED(INVALID, ringway_table_index_of(NULL, KEY, 3, &number));
    REFUSED(INVALID, ringway_table_index_of(table, NULL, 3, &number));
    REFUSED(INVALID, ringway_table_index_of(table, KEY, 3, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_index_of(table, NULL, 0, &number));
    REFUSED(INVALID, ringway_table_node_name(NULL, 0, &text, &count));
    REFUSED(INVALID, ringway_table_node_name(table, 0, NULL, &count));
    REFUSED(INVALID, ringway_table_node_name(table, 0, &text, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_name(table, 1, &text, &count));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_name(table, 65536, &text, &count));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_name(table, RINGWAY_NO_NODE, &text, &count));
    REFUSED(INVALID, ringway_table_node_weight(NULL, 0, &number));
    REFUSED(INVALID, ringway_table_node_weight(table, 0, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_weight(table, 1, &number));
    REFUSED(INVALID, ringway_table_node_zone(NULL, 0, &text, &count));
    REFUSED(INVALID, ringway_table_node_zone(table, 0, NULL, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_zone(table, 1, &text, &count));
    REFUSED(INVALID, ringway_table_node_state(NULL, 0, &number));
    REFUSED(INVALID, ringway_table_node_state(table, 0, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_state(table, 1, &number));
    ringway_table_free(NULL);
}

/* A table whose nodes own nothing. */
static void ask_for_nothing(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    const uint8_t *keys[1];
    size_t lens[1] = {3}, found = 7;
    uint32_t one = 7;
    keys[0] = KEY;
    begin_case("a table whose nodes own nothing");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 0, NULL, 0, 0));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_owner(table, KEY, 3, &number));
    REFUSED(RINGWAY_STATUS_NO_OWNER, ringway_table_owner_hash(table, 0, &number));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owners(table, KEY, 3, &number, 1, &found));
    CHECK(found == 0 && number == 7);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner_many(table, keys, lens, 1, &one));
    CHECK(one == RINGWAY_NO_NODE);
    ringway_table_free(table);
}

static void misuse_cluster_files(void) {
    const ringway_table *table = NULL;
    char message[512];
    size_t len = 0;
    static const char *const garbage[] = {
        "", "\xff\xfe", "[", "[[node]]", "node = 3", "[[node]]\nname = 3\n", "layout = \"x\"",
        "[[node]]\nname = \"a\"\n[[node]]\nname = \"a\"\n", "[[node]]\nname = \"a\"\nweight = -1\n",
    };
    size_t i;
    for (i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        begin_case("a cluster file that is garbage");
        CHECK_STATUS(RINGWAY_STATUS_BAD_CLUSTER_FILE,
                     ringway_table_from_cluster_text((const uint8_t *)garbage[i], strlen(garbage[i]), message,
                                                     sizeof message, &len, &table));
        CHECK(len == strlen(message) && len > 0);
    }
    REFUSED(INVALID, ringway_table_from_cluster_text(NULL, 3, NULL, 0, NULL, &table));
    REFUSED(INVALID, ringway_table_from_cluster_text(KEY, ABSURD, NULL, 0, NULL, &table));
    REFUSED(INVALID, ringway_table_from_cluster_text(BYTES("[[node]]\nname=\"a\""), NULL, 0, NULL, NULL));
    REFUSED(INVALID, ringway_table_from_cluster_file(NULL, 3, NULL, 0, NULL, &table));
    REFUSED(INVALID, ringway_table_from_cluster_file(BYTES("/"), NULL, 0, NULL, NULL));
    REFUSED(RINGWAY_STATUS_FILE_NOT_READ, ringway_table_from_cluster_file(NULL, 0, NULL, 0, NULL, &table));
    REFUSED(RINGWAY_STATUS_FILE_NOT_READ, ringway_table_from_cluster_file(BYTES("/"), NULL, 0, NULL, &table));
    REFUSED(RINGWAY_STATUS_FILE_NOT_READ,
            ringway_table_from_cluster_file(BYTES("a\0b"), message, sizeof message, &len, &table));
    CHECK(len == strlen(message));
    CHECK(table == NULL);
}

static void misuse_changes(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL, *none = NULL;
    uint64_t aligned[5] = {0, 0, 0, 0, 0};
    begin_case("a table to change");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, RINGWAY_STATE_UP));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    REFUSED(INVALID, ringway_table_with_node(NULL, BYTES("b"), 1, NULL, 0, 0, &none));
    REFUSED(INVALID, ringway_table_with_node(table, BYTES("b"), 1, NULL, 0, 0, NULL));
    REFUSED(INVALID, ringway_table_with_node(table, NULL, 1, 1, NULL, 0, 0, &none));
    REFUSED(INVALID, ringway_table_with_node(table, BYTES("b"), 1, NULL, 1, 0, &none));
    REFUSED(INVALID, ringway_table_with_node(table, BYTES("b"), 1, NULL, 0, 3, &none));
    REFUSED(INVALID, ringway_table_with_node(table, KEY, ABSURD, 1, NULL, 0, 0, &none));
    REFUSED(RINGWAY_STATUS_NAME_EMPTY, ringway_table_with_node(table, NULL, 0, 1, NULL, 0, 0, &none));
    REFUSED(RINGWAY_STATUS_ZONE_EMPTY, ringway_table_with_node(table, BYTES("b"), 1, KEY, 0, 0, &none));
    REFUSED(RINGWAY_STATUS_DUPLICATE_NAME, ringway_table_with_node(table, BYTES("a"), 1, NULL, 0, 0, &none));
    REFUSED(RINGWAY_STATUS_TOO_MANY_POINTS,
            ringway_table_with_node(table, BYTES("b"), UINT32_MAX, NULL, 0, 0, &none));
    REFUSED(INVALID, ringway_table_without_node(NULL, BYTES("a"), &none));
    REFUSED(INVALID, ringway_table_without_node(table, NULL, 1, &none));
    REFUSED(INVALID, ringway_table_without_node(table, BYTES("a"), NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_without_node(table, BYTES("b"), &none));
    REFUSED(INVALID, ringway_table_with_weight(NULL, BYTES("a"), 1, &none));
    REFUSED(INVALID, ringway_table_with_weight(table, BYTES("a"), 1, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_with_weight(table, NULL, 0, 1, &none));
    REFUSED(RINGWAY_STATUS_TOO_MANY_POINTS, ringway_table_with_weight(table, BYTES("a"), 104858, &none));
    REFUSED(INVALID, ringway_table_with_state(NULL, BYTES("a"), 1, &none));
    REFUSED(INVALID, ringway_table_with_state(table, BYTES("a"), 3, &none));
    REFUSED(INVALID, ringway_table_with_state(table, BYTES("a"), 1, NULL));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_with_state(table, BYTES("b"), 1, &none));
    REFUSED(INVALID, ringway_table_moved(NULL, table, NULL, 0, &count));
    REFUSED(INVALID, ringway_table_moved(table, NULL, NULL, 0, &count));
    REFUSED(INVALID, ringway_table_moved(table, table, NULL, 1, &count));
    REFUSED(INVALID, ringway_table_moved(table, table, NULL, 0, NULL));
    REFUSED(INVALID, ringway_table_moved(table, table, (ringway_moved_range *)((char *)aligned + 1), 1, &count));
    REFUSED(INVALID, ringway_table_fingerprint(NULL, &hash));
    REFUSED(INVALID, ringway_table_fingerprint(table, NULL));
    REFUSED(INVALID, ringway_table_to_bytes(NULL, NULL, 0, &count));
    REFUSED(INVALID, ringway_table_to_bytes(table, NULL, 1, &count));
    REFUSED(INVALID, ringway_table_to_bytes(table, NULL, 0, NULL));
    REFUSED(INVALID, ringway_table_from_bytes(NULL, 1, NULL, 0, NULL, &none));
    REFUSED(INVALID, ringway_table_from_bytes(KEY, ABSURD, NULL, 0, NULL, &none));
    REFUSED(INVALID, ringway_table_from_bytes(KEY, 3, NULL, 0, NULL, NULL));
    REFUSED(INVALID, ringway_table_from_bytes(KEY, 3, NULL, 1, NULL, &none));
    REFUSED(RINGWAY_STATUS_BAD_SNAPSHOT, ringway_table_from_bytes(KEY, 3, NULL, 0, NULL, &none));
    REFUSED(RINGWAY_STATUS_BAD_SNAPSHOT, ringway_table_from_bytes(NULL, 0, NULL, 0, NULL, &none));
    CHECK(none == NULL);
    ringway_table_free(table);
    ringway_builder_free(builder);
}

static void misuse_plain_functions(void) {
    const uint64_t hashes[2] = {1, 2};
    uint32_t buckets[2] = {7, 7};
    REFUSED(INVALID, ringway_key_hash(NULL, 1, &hash));
    REFUSED(INVALID, ringway_key_hash(KEY, ABSURD, &hash));
    REFUSED(INVALID, ringway_key_hash(KEY, 3, NULL));
    REFUSED(INVALID, ringway_jump(1, 0, &number));
    REFUSED(INVALID, ringway_jump(1, 2, NULL));
    REFUSED(INVALID, ringway_jumpback(1, 0, &number));
    REFUSED(INVALID, ringway_jumpback(1, 2, NULL));
    REFUSED(INVALID, ringway_jump_many(NULL, 2, 3, buckets));
    REFUSED(INVALID, ringway_jump_many(hashes, 2, 3, NULL));
    REFUSED(INVALID, ringway_jump_many(hashes, 2, 0, buckets));
    REFUSED(INVALID, ringway_jump_many(hashes, ABSURD, 3, buckets));
    REFUSED(INVALID, ringway_jump_many(hashes, SIZE_MAX, 3, buckets));
    CHECK(buckets[0] == 7 && buckets[1] == 7);
}

int main(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    begin_case("a table of one node");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_new(BYTES("ringway-v1"), &builder));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_add_node(builder, BYTES("a"), 1, NULL, 0, 0));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_builder_build(builder, NULL, 0, NULL, &table));
    ringway_builder_free(builder);
    misuse_plain_functions();
    misuse_builders();
    misuse_nodes();
    misuse_fields();
    misuse_values();
    ask_deployed();
    misuse_changes();
    misuse_messages();
    misuse_tables(table);
    ringway_table_free(table);
    ask_for_nothing();
    misuse_cluster_files();
    return check_summary();
}
