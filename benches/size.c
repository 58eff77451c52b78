/* The small program whose size benches/icount_c.sh tells: three nodes, and the owner of a key. */
#include <ringway.h>
#include <string.h>

#define BYTES(text) (const uint8_t *)(text), strlen(text)

int main(void) {
    ringway_builder *builder = NULL;
    const ringway_table *table = NULL;
    uint32_t owner = 3;
    int right = ringway_builder_new(BYTES("ringway-v1"), &builder) == RINGWAY_STATUS_OK &&
                ringway_builder_add_node(builder, BYTES("db1"), 1, NULL, 0, RINGWAY_STATE_UP) == RINGWAY_STATUS_OK &&
                ringway_builder_add_node(builder, BYTES("db2"), 2, NULL, 0, RINGWAY_STATE_UP) == RINGWAY_STATUS_OK &&
                ringway_builder_add_node(builder, BYTES("db3"), 1, NULL, 0, RINGWAY_STATE_UP) == RINGWAY_STATUS_OK &&
                ringway_builder_build(builder, NULL, 0, NULL, &table) == RINGWAY_STATUS_OK &&
                ringway_table_owner(table, BYTES("user:42"), &owner) == RINGWAY_STATUS_OK && owner == 1;
    ringway_builder_free(builder);
    ringway_table_free(table);
    return right ? 0 : 1;
}
