/* A program without libc for x86-64 Linux: reads keys, one a line, and writes each with its node.
 *
 * docs/embedding.md has the commands that build it. */

#include "no-libc.h"
#include "ringway-freestanding.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

/* As much as ringway_table_size() says for the nodes below, and room for a few more. */
static uint64_t memory[1024];
static uint8_t input[1 << 20];

static const ringway_table *three_nodes(void)
{
    static const ringway_node nodes[3] = {
        {BYTES("db1"), NULL, 0, 1, RINGWAY_STATE_UP},
        {BYTES("db2"), NULL, 0, 2, RINGWAY_STATE_UP},
        {BYTES("db3"), NULL, 0, 1, RINGWAY_STATE_UP},
    };
    const ringway_table_spec spec = {
        .struct_size = sizeof spec,
        .layout = (const uint8_t *)"ringway-v1",
        .layout_len = sizeof "ringway-v1" - 1,
        .nodes = nodes,
        .node_count = 3,
    };
    const ringway_table *table = NULL;
    size_t needed = 0, align = 0;
    if (ringway_table_size(&spec, &needed, &align) != RINGWAY_STATUS_OK || needed > sizeof memory ||
        (uintptr_t)memory % align != 0 ||
        ringway_table_init(memory, sizeof memory, &spec, &table) != RINGWAY_STATUS_OK) {
        end(3);
    }
    return table;
}

static void write_owner(const ringway_table *table, const uint8_t *key, size_t len)
{
    const uint8_t *name = NULL;
    size_t name_len = 0;
    uint32_t owner = 0;
    if (ringway_table_owner(table, key, len, &owner) != RINGWAY_STATUS_OK ||
        ringway_table_node_name(table, owner, &name, &name_len) != RINGWAY_STATUS_OK) {
        end(4);
    }
    write_all(key, len);
    write_all((const uint8_t *)"\t", 1);
    write_all(name, name_len);
    write_all((const uint8_t *)"\n", 1);
}

/* The kernel starts here with a stack as it likes it, not as the ABI promises it to functions. */
__attribute__((force_align_arg_pointer)) _Noreturn void _start(void)
{
    const ringway_table *table = three_nodes();
    size_t len = 0, start = 0;
    long got;
    while ((got = system_call(READ, 0, input + len, sizeof input - len)) > 0) {
        len += (size_t)got;
    }
    for (size_t at = 0; at < len; at++) {
        if (input[at] == '\n') {
            write_owner(table, input + start, at - start);
            start = at + 1;
        }
    }
    end(got < 0);
}
