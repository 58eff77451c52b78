/* Wrong calls of the freestanding form, and its memory: each wrong one is answered with a status, no
 * output is touched, and nothing outside the table's memory is written. */

#include <stdlib.h>

#include "check.h"
#include "ringway-freestanding.h"

#define ABSURD ((size_t)PTRDIFF_MAX + 1)
#define INVALID RINGWAY_STATUS_INVALID_ARGUMENT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* More than the tables here need; before and after it is what nobody may write. */
#define ROOM 300000u
#define BORDER 64u

static const uint8_t KEY[] = "key";
static uint64_t room[(ROOM + 2 * BORDER) / 8];

/* Every output starts as this and must still be this after a failure. */
static const ringway_table *const NO_TABLE = (const ringway_table *)(const void *)room;
static const ringway_table *made = NULL;
static uint32_t number = 7;
static uint64_t hash = 7;
static size_t count = 7, align = 7;
static const uint8_t *text = KEY;

static int outputs_are_untouched(void) {
    return number == 7 && hash == 7 && count == 7 && align == 7 && text == KEY && made == NO_TABLE;
}

/* A case of its own: `call` gives `status` and touches no output. */
#define REFUSED(status, call)           \
    do {                                \
        begin_case(#call);              \
        made = NO_TABLE;                \
        CHECK_STATUS(status, call);     \
        CHECK(outputs_are_untouched()); \
    } while (0)

/* The same where the table is refused, first by its size or, with another status, when it is built. */
#define REFUSED_SPEC(what, status)                                                \
    do {                                                                          \
        begin_case(what);                                                         \
        made = NO_TABLE;                                                          \
        CHECK_STATUS(status, ringway_table_size(&spec, &count, &align));          \
        CHECK_STATUS(status, ringway_table_init(memory(), ROOM, &spec, &made));   \
        CHECK(outputs_are_untouched());                                           \
        spec = good_spec();                                                       \
        nodes[0] = NODE_A;                                                        \
    } while (0)
#define REFUSED_BUILD(what, status)                                               \
    do {                                                                          \
        size_t its_size = 0, its_align = 0;                                       \
        begin_case(what);                                                         \
        made = NO_TABLE;                                                          \
        CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_size(&spec, &its_size, &its_align)); \
        CHECK_STATUS(status, ringway_table_init(memory(), ROOM, &spec, &made));   \
        CHECK(outputs_are_untouched());                                           \
        spec = good_spec();                                                       \
        nodes[0] = NODE_A;                                                        \
    } while (0)

static const ringway_node NODE_A = {BYTES("a"), NULL, 0, 1, RINGWAY_STATE_UP};
static ringway_node nodes[3] = {
    {BYTES("a"), NULL, 0, 1, RINGWAY_STATE_UP},
    {BYTES("b"), BYTES("east"), 2, RINGWAY_STATE_DOWN},
    {BYTES("c"), BYTES("west"), 1, RINGWAY_STATE_DRAIN},
};

static ringway_table_spec good_spec(void) {
    ringway_table_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.layout = (const uint8_t *)"ringway-v1";
    spec.layout_len = 10;
    spec.nodes = nodes;
    spec.node_count = 2;
    return spec;
}

static uint8_t *memory(void) {
    return (uint8_t *)room + BORDER;
}

static void set_layout(ringway_table_spec *spec, const char *name) {
    spec->layout = (const uint8_t *)name;
    spec->layout_len = strlen(name);
}

static void misuse_specs(void) {
    ringway_table_spec spec = good_spec();
    uint64_t odd[4] = {0, 0, 0, 0};
    REFUSED(INVALID, ringway_table_size(NULL, &count, &align));
    REFUSED(INVALID, ringway_table_size(&spec, NULL, &align));
    REFUSED(INVALID, ringway_table_size(&spec, &count, NULL));
    REFUSED(INVALID, ringway_table_size(&spec, (size_t *)(void *)((char *)odd + 1), &align));
    REFUSED(INVALID, ringway_table_size((const ringway_table_spec *)(void *)((char *)odd + 1), &count, &align));
    REFUSED(INVALID, ringway_table_init(memory(), ROOM, NULL, &made));
    REFUSED(INVALID, ringway_table_init(memory(), ROOM, &spec, NULL));
    REFUSED(INVALID, ringway_table_init(NULL, ROOM, &spec, &made));
    REFUSED(INVALID, ringway_table_init(memory(), ABSURD, &spec, &made));
    REFUSED(INVALID, ringway_table_init(memory(), SIZE_MAX, &spec, &made));
    REFUSED(RINGWAY_STATUS_MEMORY_TOO_SMALL, ringway_table_init(NULL, 0, &spec, &made));

    spec.struct_size = 0;
    REFUSED_SPEC("struct_size 0", INVALID);
    spec.struct_size = sizeof spec - 1;
    REFUSED_SPEC("struct_size less than it is", INVALID);
    spec.struct_size = SIZE_MAX;
    REFUSED_SPEC("struct_size absurd", INVALID);
    spec.layout = NULL;
    REFUSED_SPEC("layout NULL", INVALID);
    spec.layout_len = ABSURD;
    REFUSED_SPEC("layout_len absurd", INVALID);
    spec.layout_len = 0;
    REFUSED_SPEC("layout empty", RINGWAY_STATUS_UNKNOWN_LAYOUT);
    spec.layout_len = 9;
    REFUSED_SPEC("layout cut", RINGWAY_STATUS_UNKNOWN_LAYOUT);
    set_layout(&spec, "rendezvous-v1");
    REFUSED_SPEC("a layout of the hosted form", RINGWAY_STATUS_UNKNOWN_LAYOUT);
    set_layout(&spec, "nginx");
    REFUSED_SPEC("a deployed program's layout", RINGWAY_STATUS_UNKNOWN_LAYOUT);
    spec.nodes = NULL;
    REFUSED_SPEC("nodes NULL", INVALID);
    spec.nodes = (const ringway_node *)(void *)((char *)odd + 4);
    REFUSED_SPEC("nodes misaligned", INVALID);
    spec.node_count = SIZE_MAX;
    REFUSED_SPEC("node_count absurd", INVALID);
    spec.hash_tag_len = 2;
    REFUSED_SPEC("hash_tag NULL and of two bytes", INVALID);
    spec.hash_tag = (const uint8_t *)"{}";
    REFUSED_SPEC("hash_tag empty", RINGWAY_STATUS_BAD_OPTION);
    spec.hash_tag = (const uint8_t *)"{}}";
    spec.hash_tag_len = 3;
    REFUSED_SPEC("hash_tag of three characters", RINGWAY_STATUS_BAD_OPTION);
    spec.hash_tag = (const uint8_t *)"{ ";
    spec.hash_tag_len = 2;
    REFUSED_SPEC("hash_tag invisible", RINGWAY_STATUS_BAD_OPTION);
    spec.vnodes = 65537;
    REFUSED_SPEC("vnodes too many", RINGWAY_STATUS_BAD_OPTION);
    spec.table_size = 251;
    REFUSED_SPEC("table_size of a ring", RINGWAY_STATUS_UNKNOWN_OPTION);
    spec.key = (const uint8_t *)"0123456789abcdef";
    spec.key_len = 16;
    REFUSED_SPEC("key of ringway-v1", RINGWAY_STATUS_UNKNOWN_OPTION);
    set_layout(&spec, "ringway-keyed-v1");
    REFUSED_SPEC("no key", RINGWAY_STATUS_MISSING_OPTION);
    set_layout(&spec, "ringway-keyed-v1");
    spec.key = (const uint8_t *)"0123456789abcdef0123456789abcdef";
    spec.key_len = 32;
    REFUSED_SPEC("key as digits", RINGWAY_STATUS_BAD_OPTION);
    set_layout(&spec, "maglev-v1");
    spec.table_size = 65536;
    REFUSED_SPEC("table_size not prime", RINGWAY_STATUS_BAD_OPTION);
    set_layout(&spec, "maglev-v1");
    spec.table_size = UINT32_MAX;
    REFUSED_SPEC("table_size too large", RINGWAY_STATUS_BAD_OPTION);
    set_layout(&spec, "maglev-v1");
    spec.vnodes = 160;
    REFUSED_SPEC("vnodes of maglev-v1", RINGWAY_STATUS_UNKNOWN_OPTION);
    set_layout(&spec, "jump-v1");
    spec.vnodes = 160;
    REFUSED_SPEC("vnodes of jump-v1", RINGWAY_STATUS_UNKNOWN_OPTION);
}

static void misuse_nodes(void) {
    static ringway_node many[65537];
    static const char long_text[1025];
    ringway_table_spec spec = good_spec();
    size_t i;
    nodes[0].name = NULL;
    REFUSED_SPEC("name NULL", INVALID);
    nodes[0].name_len = ABSURD;
    REFUSED_SPEC("name_len absurd", INVALID);
    nodes[0].name_len = 0;
    REFUSED_SPEC("name empty", RINGWAY_STATUS_NAME_EMPTY);
    nodes[0].name = (const uint8_t *)long_text;
    nodes[0].name_len = sizeof long_text;
    REFUSED_SPEC("name too long", RINGWAY_STATUS_NAME_TOO_LONG);
    nodes[0].name_len = (size_t)PTRDIFF_MAX;
    REFUSED_SPEC("name as long as can be: nothing is read", RINGWAY_STATUS_NAME_TOO_LONG);
    nodes[0].zone_len = 1;
    REFUSED_SPEC("zone NULL", INVALID);
    nodes[0].zone = KEY;
    REFUSED_SPEC("zone empty", RINGWAY_STATUS_ZONE_EMPTY);
    nodes[0].zone = (const uint8_t *)long_text;
    nodes[0].zone_len = sizeof long_text;
    REFUSED_SPEC("zone too long", RINGWAY_STATUS_ZONE_TOO_LONG);
    nodes[0].zone = KEY;
    nodes[0].zone_len = ABSURD;
    REFUSED_SPEC("zone_len absurd", INVALID);
    nodes[0].state = 3;
    REFUSED_SPEC("state 3", INVALID);
    nodes[0].state = UINT32_MAX;
    REFUSED_SPEC("state 2^32 - 1", INVALID);
    for (i = 0; i < COUNT(many); i++) {
        many[i] = NODE_A;
    }
    spec.nodes = many;
    spec.node_count = COUNT(many);
    REFUSED_SPEC("65537 nodes", RINGWAY_STATUS_TOO_MANY_NODES);

    nodes[0].name = (const uint8_t *)"b";
    REFUSED_BUILD("one name twice", RINGWAY_STATUS_DUPLICATE_NAME);
    nodes[0].weight = UINT32_MAX;
    REFUSED_BUILD("too many points", RINGWAY_STATUS_TOO_MANY_POINTS);
    set_layout(&spec, "jump-v1");
    REFUSED_BUILD("weight in jump-v1", RINGWAY_STATUS_WEIGHT_UNSUPPORTED);
    set_layout(&spec, "jump-v1");
    nodes[0].state = RINGWAY_STATE_DRAIN;
    REFUSED_BUILD("drain in jump-v1", RINGWAY_STATUS_DRAIN_UNSUPPORTED);
    set_layout(&spec, "jump-v1");
    nodes[0].name = (const uint8_t *)"b";
    REFUSED_BUILD("one name twice in jump-v1", RINGWAY_STATUS_DUPLICATE_NAME);
    nodes[2].state = RINGWAY_STATE_UP;
    set_layout(&spec, "maglev-v1");
    spec.node_count = 3;
    spec.table_size = 2;
    REFUSED_BUILD("more nodes than entries", RINGWAY_STATUS_TABLE_TOO_SMALL);
    nodes[2].state = RINGWAY_STATE_DRAIN;
}

static void misuse_lookups(void) {
    ringway_table_spec spec = good_spec();
    const ringway_table *table = NULL;
    uint32_t indices[2] = {7, 7};
    uint64_t aligned[2] = {0, 0};
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_init(memory(), ROOM, &spec, &table));
    REFUSED(INVALID, ringway_table_owner(NULL, BYTES("key"), &number));
    REFUSED(INVALID, ringway_table_owner((const ringway_table *)(void *)((char *)aligned + 1), BYTES("key"), &number));
    REFUSED(INVALID, ringway_table_owner(table, NULL, 1, &number));
    REFUSED(INVALID, ringway_table_owner(table, KEY, ABSURD, &number));
    REFUSED(INVALID, ringway_table_owner(table, BYTES("key"), NULL));
    REFUSED(INVALID, ringway_table_owner(table, BYTES("key"), (uint32_t *)(void *)((char *)aligned + 1)));
    REFUSED(INVALID, ringway_table_owner_hash(NULL, 1, &number));
    REFUSED(INVALID, ringway_table_owner_hash(table, 1, NULL));
    REFUSED(INVALID, ringway_table_key_hash(NULL, BYTES("key"), &hash));
    REFUSED(INVALID, ringway_table_key_hash(table, KEY, SIZE_MAX, &hash));
    REFUSED(INVALID, ringway_table_key_hash(table, BYTES("key"), NULL));
    REFUSED(INVALID, ringway_table_owners(NULL, BYTES("key"), indices, 2, &count));
    REFUSED(INVALID, ringway_table_owners(table, NULL, 1, indices, 2, &count));
    REFUSED(INVALID, ringway_table_owners(table, BYTES("key"), NULL, 2, &count));
    REFUSED(INVALID, ringway_table_owners(table, BYTES("key"), indices, ABSURD, &count));
    REFUSED(INVALID, ringway_table_owners(table, BYTES("key"), indices, 2, NULL));
    REFUSED(INVALID, ringway_table_walk(NULL, BYTES("key"), indices, 2, &count));
    REFUSED(INVALID, ringway_table_walk(table, BYTES("key"), indices, SIZE_MAX, &count));
    REFUSED(INVALID, ringway_table_node_count(NULL, &number));
    REFUSED(INVALID, ringway_table_index_of(NULL, BYTES("a"), &number));
    REFUSED(INVALID, ringway_table_index_of(table, NULL, 1, &number));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_index_of(table, BYTES("z"), &number));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_name(table, 2, &text, &count));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_name(table, UINT32_MAX, &text, &count));
    REFUSED(RINGWAY_STATUS_NO_SUCH_NODE, ringway_table_node_weight(table, 65536, &number));
    REFUSED(INVALID, ringway_table_node_name(table, 0, NULL, &count));
    REFUSED(INVALID, ringway_table_node_zone(table, 0, &text, NULL));
    REFUSED(INVALID, ringway_table_node_state(table, 0, NULL));
    REFUSED(INVALID, ringway_table_layout(NULL, &text, &count));
    REFUSED(INVALID, ringway_table_hash_bits(table, NULL));
    REFUSED(INVALID, ringway_jump(1, 0, &number));
    REFUSED(INVALID, ringway_jump(1, 2, NULL));
    REFUSED(INVALID, ringway_key_hash(NULL, 1, &hash));
    REFUSED(INVALID, ringway_key_hash(KEY, 3, NULL));
    CHECK(indices[0] == 7 && indices[1] == 7);
}

/* Nobody may own: a table all the same. */
static void without_owner(const char *layout) {
    ringway_table_spec spec = good_spec();
    const ringway_table *table = NULL;
    uint32_t indices[2] = {7, 7};
    size_t found = 7;
    begin_case(layout);
    set_layout(&spec, layout);
    spec.node_count = 0;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_init(memory(), ROOM, &spec, &table));
    CHECK_STATUS(RINGWAY_STATUS_NO_OWNER, ringway_table_owner(table, BYTES("key"), &number));
    CHECK_STATUS(RINGWAY_STATUS_NO_OWNER, ringway_table_owner_hash(table, 1, &number));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owners(table, BYTES("key"), indices, 2, &found));
    CHECK(found == 0 && number == 7);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_walk(table, BYTES("key"), indices, 2, &found));
    CHECK(found == 0 && outputs_are_untouched());
}

static int is_filled(const uint8_t *bytes, size_t len, uint8_t value) {
    size_t i;
    for (i = 0; i < len && bytes[i] == value; i++) {
    }
    return i == len;
}

/* Memory of every size and alignment up to what is needed: refused, and what is around is not written. */
static void memory_of(const char *layout, uint32_t table_size, const uint8_t *key) {
    ringway_table_spec spec = good_spec();
    const ringway_table *table = NULL, *again = NULL;
    size_t bytes = 0, its_align = 0, given;
    uint32_t first = 7, second = 7;
    begin_case(layout);
    set_layout(&spec, layout);
    spec.node_count = 3;
    spec.table_size = table_size;
    spec.key = key;
    spec.key_len = key != NULL ? 16 : 0;
    if (strcmp(layout, "jump-v1") == 0) {
        spec.node_count = 1;
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_size(&spec, &bytes, &its_align));
    CHECK(bytes > 0 && bytes + 64 <= ROOM && its_align == 8);
    for (given = 0; given < bytes; given++) {
        ringway_status status;
        memset(room, 0xa5, sizeof room);
        status = ringway_table_init(memory(), given, &spec, &table);
        CHECK(status == RINGWAY_STATUS_MEMORY_TOO_SMALL && table == NULL);
        CHECK(is_filled((const uint8_t *)room, 512, 0xa5));
    }
    for (given = 1; given < its_align; given++) {
        CHECK_STATUS(INVALID, ringway_table_init(memory() + given, ROOM - 64, &spec, &table));
        CHECK(table == NULL && is_filled((const uint8_t *)room, sizeof room, 0xa5));
    }
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_init(memory(), bytes, &spec, &table));
    CHECK(is_filled((const uint8_t *)room, BORDER, 0xa5));
    CHECK(is_filled(memory() + bytes, sizeof room - BORDER - bytes, 0xa5));
    CHECK((const uint8_t *)table >= memory() && (const uint8_t *)table < memory() + bytes);
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(table, BYTES("user:42"), &first));
    /* Built over what was there before, it is the same. */
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_init(memory(), bytes, &spec, &again));
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_owner(again, BYTES("user:42"), &second));
    CHECK(again == table && first == second && first < 2);
}

/* A spec of a later version: what it has more counts only if it is used. */
static void later_spec(void) {
    struct {
        ringway_table_spec spec;
        uint64_t more[2];
    } later;
    size_t bytes = 0, more_bytes = 0;
    memset(&later, 0, sizeof later);
    later.spec = good_spec();
    begin_case("a spec of a later version");
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_size(&later.spec, &bytes, &align));
    later.spec.struct_size = sizeof later;
    CHECK_STATUS(RINGWAY_STATUS_OK, ringway_table_size(&later.spec, &more_bytes, &align));
    CHECK(bytes == more_bytes);
    align = 7;
    later.more[1] = 1;
    CHECK_STATUS(INVALID, ringway_table_size(&later.spec, &more_bytes, &align));
    CHECK(align == 7);
}

static void texts(void) {
    ringway_status status;
    begin_case("texts and versions");
    for (status = -2; status < 50; status++) {
        CHECK(ringway_status_message(status) != NULL && strlen(ringway_status_message(status)) > 1);
    }
    CHECK(strcmp(ringway_status_message(RINGWAY_STATUS_OK), "ok") == 0);
    CHECK(strcmp(ringway_status_message(RINGWAY_STATUS_MEMORY_TOO_SMALL), ringway_status_message(99)) != 0);
    CHECK(ringway_abi_version() == RINGWAY_ABI_VERSION);
    CHECK(strcmp(ringway_version(), RINGWAY_VERSION) == 0);
    CHECK(strcmp(RINGWAY_VERSION, CARGO_VERSION) == 0);
}

int main(void) {
    static const uint8_t key[16] = {1};
    made = NO_TABLE;
    misuse_specs();
    misuse_nodes();
    misuse_lookups();
    without_owner("ringway-v1");
    without_owner("jump-v1");
    without_owner("maglev-v1");
    memory_of("ringway-v1", 0, NULL);
    memory_of("ringway-keyed-v1", 0, key);
    memory_of("jump-v1", 0, NULL);
    memory_of("maglev-v1", 251, NULL);
    later_spec();
    texts();
    return check_summary();
}
