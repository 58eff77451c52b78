/* What deployed programs answered, through the C interface: deployed LINES. Each case twice: by a
   builder and by a cluster file. */

#include "check.h"
#include "deployed.h"
#include "ringway.h"

#define OK RINGWAY_STATUS_OK

/* A case under way. */
static ringway_builder *builder;
static const ringway_table *built;
static const ringway_table *from_file;
static uint32_t node_count;
static uint64_t active[NODES_MAX];
static unsigned long rows;

static void begin(char *rest) {
    const char *name = next_word(&rest);
    const struct slice layout = next_bytes(&rest);
    begin_case(name);
    CHECK_STATUS(OK, ringway_builder_new(layout.data, layout.len, &builder));
    node_count = 0;
    memset(active, 0, sizeof active);
}

static void set_option(const char *kind, char *rest) {
    const struct slice name = next_bytes(&rest);
    if (strcmp(kind, "text") == 0) {
        const struct slice value = next_bytes(&rest);
        CHECK_STATUS(OK, ringway_builder_set_text(builder, name.data, name.len, value.data, value.len));
    } else if (strcmp(kind, "integer") == 0) {
        CHECK_STATUS(OK, ringway_builder_set_integer(builder, name.data, name.len, next_number(&rest)));
    } else {
        const uint32_t value = (uint32_t)next_number(&rest);
        CHECK_STATUS(OK, ringway_builder_set_boolean(builder, name.data, name.len, value));
    }
}

static void add_node(char *rest) {
    const struct slice name = next_bytes(&rest);
    const uint32_t weight = (uint32_t)next_number(&rest);
    const uint32_t state = (uint32_t)next_number(&rest);
    if (node_count == NODES_MAX) {
        give_up("more nodes than a table has");
    }
    CHECK_STATUS(OK, ringway_builder_add_node(builder, name.data, name.len, weight, NULL, 0, state));
    node_count++;
}

/* A field of the node that was added last. */
static void set_field(const char *kind, char *rest) {
    const uint32_t node = node_count - 1;
    if (strcmp(kind, "node_tokens") == 0) {
        static int64_t tokens[10000];
        size_t count = 0;
        while (*rest != '\0' && count < sizeof tokens / sizeof tokens[0]) {
            tokens[count++] = next_number(&rest);
        }
        CHECK(*rest == '\0');
        CHECK_STATUS(OK, ringway_builder_set_node_tokens(builder, node, tokens, count));
        return;
    }
    {
        const struct slice field = next_bytes(&rest);
        if (strcmp(kind, "node_text") == 0) {
            const struct slice value = next_bytes(&rest);
            CHECK_STATUS(OK, ringway_builder_set_node_text(builder, node, field.data, field.len,
                                                           value.data, value.len));
        } else {
            CHECK_STATUS(OK, ringway_builder_set_node_integer(builder, node, field.data, field.len,
                                                              next_number(&rest)));
        }
    }
}

/* The builder is complete: both tables, which are equal. */
static void build(char *rest) {
    const struct slice text = next_bytes(&rest);
    char message[512] = "";
    uint64_t fingerprint = 0, other = 1;
    CHECK_STATUS(OK, ringway_builder_build(builder, message, sizeof message, NULL, &built));
    CHECK_STATUS(OK, ringway_table_from_cluster_text(text.data, text.len, message, sizeof message, NULL,
                                                     &from_file));
    CHECK(message[0] == '\0');
    CHECK_STATUS(OK, ringway_table_fingerprint(built, &fingerprint));
    CHECK_STATUS(OK, ringway_table_fingerprint(from_file, &other));
    CHECK(fingerprint == other);
}

static uint32_t owner_of(const ringway_table *table, struct slice key) {
    uint32_t index = 0;
    ringway_status status = ringway_table_owner(table, key.data, key.len, &index);
    return status == OK ? index : status == RINGWAY_STATUS_NO_OWNER ? NOBODY : NOBODY - 1;
}

/* The owner by all ways that lead to it. */
static void check_key(char *rest) {
    const struct slice key = next_bytes(&rest);
    const uint32_t owner = (uint32_t)next_number(&rest);
    uint32_t first = NOBODY, many = NOBODY - 1, hashed = NOBODY, bits = 0;
    uint64_t hash = 0;
    size_t count = 0;
    ringway_status status;
    rows++;
    CHECK(owner_of(built, key) == owner);
    CHECK(owner_of(from_file, key) == owner);
    CHECK_STATUS(OK, ringway_table_candidates(built, key.data, key.len, &first, 1, &count));
    CHECK(first == owner && count == (owner != NOBODY));
    CHECK_STATUS(OK, ringway_table_owner_many(built, &key.data, &key.len, 1, &many));
    CHECK(many == owner);
    status = ringway_table_key_hash(built, key.data, key.len, &hash);
    if (ringway_table_hash_bits(built, &bits) == RINGWAY_STATUS_NO_KEY_HASH) {
        CHECK(status == RINGWAY_STATUS_NO_KEY_HASH);
        CHECK_STATUS(RINGWAY_STATUS_NO_KEY_HASH, ringway_table_owner_hash(built, hash, &hashed));
    } else if (status == OK) {
        CHECK(bits == 64 || hash >> bits == 0);
        status = ringway_table_owner_hash(built, hash, &hashed);
        CHECK(status == (owner == NOBODY ? RINGWAY_STATUS_NO_OWNER : OK) && hashed == owner);
    } else {
        CHECK(status == RINGWAY_STATUS_NO_OWNER && owner == NOBODY);
    }
}

static void open_request(char *rest) {
    const struct slice key = next_bytes(&rest);
    const uint32_t node = (uint32_t)next_number(&rest);
    uint32_t index = NOBODY, other = NOBODY;
    rows++;
    CHECK_STATUS(OK, ringway_table_owner_under_load(built, key.data, key.len, active, node_count, &index));
    CHECK_STATUS(OK, ringway_table_owner_under_load(from_file, key.data, key.len, active, node_count, &other));
    CHECK(index == node && other == node);
    active[node]++;
}

static void check_value(const char *kind, char *rest) {
    const struct slice key = next_bytes(&rest);
    const int64_t value = next_number(&rest);
    uint32_t slot = 0;
    int64_t token = 0;
    rows++;
    if (strcmp(kind, "slot") == 0) {
        CHECK_STATUS(OK, ringway_redis_slot(key.data, key.len, &slot));
        CHECK((int64_t)slot == value);
    } else {
        CHECK_STATUS(OK, ringway_cassandra_token(key.data, key.len, &token));
        CHECK(token == value);
    }
}

static void end(void) {
    ringway_table_free(built);
    ringway_table_free(from_file);
    ringway_builder_free(builder);
    built = from_file = NULL;
    builder = NULL;
}

int main(int argc, char **argv) {
    struct reader reader = read_lines(argc > 1 ? argv[1] : "");
    char *rest;
    int code;
    while ((rest = next_line(&reader)) != NULL) {
        const char *word = next_word(&rest);
        if (strcmp(word, "key") == 0) {
            check_key(rest);
        } else if (strcmp(word, "case") == 0) {
            begin(rest);
        } else if (strcmp(word, "node") == 0) {
            add_node(rest);
        } else if (strncmp(word, "node_", 5) == 0) {
            set_field(word, rest);
        } else if (strcmp(word, "file") == 0) {
            build(rest);
        } else if (strcmp(word, "open") == 0) {
            open_request(rest);
        } else if (strcmp(word, "close") == 0) {
            active[next_number(&rest)]--;
        } else if (strcmp(word, "slot") == 0 || strcmp(word, "token") == 0) {
            check_value(word, rest);
        } else if (strcmp(word, "end") == 0) {
            end();
        } else {
            set_option(word, rest);
        }
    }
    printf("%lu rows\n", rows);
    /* The name of the last case is in that memory. */
    code = check_summary();
    free(reader.memory);
    return code;
}
