/*
 * Ringway: one key-to-node map, the same bits in every language.
 *
 * Made from ffi-c/src by its tests; edit there. This file is the manual.
 *
 *   A ringway_builder takes a layout's name, options and nodes and builds a ringway_table, or a
 *   table is read from a cluster file. The table says which node owns a key. Nodes are told by
 *   index: the order in which they were added. Addresses and connections are the caller's, in an
 *   array of its own.
 *
 * Rules for every function:
 *   - Bytes are (const uint8_t *, size_t) of any value, NULs included; (NULL, 0) is empty. They are
 *     read during the call only, and copied where they are kept.
 *   - What can fail returns ringway_status; results are written to the last parameters, and only if
 *     it is RINGWAY_STATUS_OK. Errors are named without RINGWAY_STATUS_ below.
 *   - NULL where something is needed, misaligned pointers and lengths above PTRDIFF_MAX are
 *     RINGWAY_STATUS_INVALID_ARGUMENT. Lookups take no lock. Nothing here prints, or keeps global
 *     state; a fault inside comes back as RINGWAY_STATUS_PANIC (after Rust's report on stderr).
 */

#ifndef RINGWAY_H
#define RINGWAY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define RINGWAY_MUST_USE __attribute__((warn_unused_result))
#else
#define RINGWAY_MUST_USE
#endif

/**
 * The version of this header; ringway_version() has that of the library that runs.
 */
#define RINGWAY_VERSION "0.1.0"
#define RINGWAY_VERSION_MAJOR 0
#define RINGWAY_VERSION_MINOR 1
#define RINGWAY_VERSION_PATCH 0

/**
 * A node that owns keys and answers.
 */
#define RINGWAY_STATE_UP 0

/**
 * A node that owns keys but does not answer; in the ringway-* layouts its keys stay with it.
 */
#define RINGWAY_STATE_DOWN 1

/**
 * A node that counts as weight 0: it owns nothing.
 */
#define RINGWAY_STATE_DRAIN 2

/**
 * In the results of ringway_table_owner_many(): nobody owns this key. No index is this large.
 */
#define RINGWAY_NO_NODE UINT32_MAX

/**
 * The number of this binary interface.
 *
 * It is raised when a program built with an older header would no longer work. Compare it with
 * ringway_abi_version() after loading the library at run time. The dynamic linker goes by the
 * soname, which is stricter: libringway.so.0.1 for all releases 0.1.x, and so on; from 1.0 on, the
 * first number alone.
 */
#define RINGWAY_ABI_VERSION 0

/**
 * A layout, its options and nodes: what a table is built from.
 *
 * Who frees it: the caller, with ringway_builder_free().
 * Threads: one at a time.
 * Outlives: nothing needs to outlive it and it outlives nothing. It copies what it is given, and
 * the tables that it built do not need it.
 */
typedef struct ringway_builder ringway_builder;

/**
 * Who owns which key: an immutable snapshot of nodes under a layout.
 *
 * Who frees it: it counts references; whoever holds one gives it back with ringway_table_free().
 * Threads: any number at once, without locks; the last reference may be given back on any thread.
 * Outlives: the names, zones and texts that its functions hand out; it needs nothing else.
 *
 * To change the nodes, build a new table, put its pointer where the readers look, and give back
 * the old one when the last of them is done with it.
 */
typedef struct ringway_table ringway_table;

/**
 * What a call came to: RINGWAY_STATUS_OK, or why it did nothing.
 *
 * The numbers never change and are never reused; later versions may add some.
 * ringway_status_message() has a text for every number.
 */
typedef int32_t ringway_status;

/**
 * A run of positions, both ends included, that changes owner.
 *
 * A position is the upper half of a key's hash: ringway_table_key_hash() >> 32.
 */
typedef struct {
  /**
   * The first position.
   */
  uint64_t lo;
  /**
   * The last position.
   */
  uint64_t hi;
  /**
   * The old owner's index in the old table; RINGWAY_NO_NODE if nobody owned it.
   */
  uint32_t from;
  /**
   * The new owner's index in the new table; RINGWAY_NO_NODE if nobody will own it.
   */
  uint32_t to;
} ringway_moved_range;

/**
 * The call did what it says.
 */
#define RINGWAY_STATUS_OK 0

/**
 * No node may own the key: there is none, each has weight 0 or is drained, or the layout's program
 * cannot read the key.
 */
#define RINGWAY_STATUS_NO_OWNER 1

/**
 * A NULL or misaligned pointer, a length above PTRDIFF_MAX, a number that means nothing.
 */
#define RINGWAY_STATUS_INVALID_ARGUMENT 2

/**
 * A fault inside the library was caught; please report it.
 */
#define RINGWAY_STATUS_PANIC 3

/**
 * There was not enough memory.
 */
#define RINGWAY_STATUS_OUT_OF_MEMORY 4

/**
 * The table has no node of that index or name.
 */
#define RINGWAY_STATUS_NO_SUCH_NODE 5

/**
 * The layout's key hash is not one of 32 or 64 bits.
 */
#define RINGWAY_STATUS_NO_KEY_HASH 6

/**
 * This build knows no layout of that name.
 */
#define RINGWAY_STATUS_UNKNOWN_LAYOUT 7

/**
 * The layout has no option of that name.
 */
#define RINGWAY_STATUS_UNKNOWN_OPTION 8

/**
 * An option's value is out of range or of the wrong type.
 */
#define RINGWAY_STATUS_BAD_OPTION 9

/**
 * The option was set before.
 */
#define RINGWAY_STATUS_OPTION_TWICE 10

/**
 * More than 65,536 nodes.
 */
#define RINGWAY_STATUS_TOO_MANY_NODES 11

/**
 * More points than a ring holds: lower the weights or the vnodes.
 */
#define RINGWAY_STATUS_TOO_MANY_POINTS 12

/**
 * A node's name is empty.
 */
#define RINGWAY_STATUS_NAME_EMPTY 13

/**
 * A node's name has more than 1,024 bytes.
 */
#define RINGWAY_STATUS_NAME_TOO_LONG 14

/**
 * A node's zone is there but empty.
 */
#define RINGWAY_STATUS_ZONE_EMPTY 15

/**
 * A node's zone has more than 1,024 bytes.
 */
#define RINGWAY_STATUS_ZONE_TOO_LONG 16

/**
 * Two nodes have one name.
 */
#define RINGWAY_STATUS_DUPLICATE_NAME 17

/**
 * The nodes do not make a table, for a reason that this version has no number for.
 */
#define RINGWAY_STATUS_NOT_BUILT 18

/**
 * The cluster file is not one; the message names line and field.
 */
#define RINGWAY_STATUS_BAD_CLUSTER_FILE 19

/**
 * The cluster file could not be read.
 */
#define RINGWAY_STATUS_FILE_NOT_READ 20

/**
 * The two tables give a key different positions: other layouts, or other hash tags.
 */
#define RINGWAY_STATUS_NO_COMMON_POSITIONS 21

/**
 * The bytes are no snapshot of a table, or were cut or changed.
 */
#define RINGWAY_STATUS_BAD_SNAPSHOT 22

/**
 * The layout does not take this weight: it takes 1 alone, or whole ones, or none so great.
 */
#define RINGWAY_STATUS_WEIGHT_UNSUPPORTED 23

/**
 * The layout cannot drain a node.
 */
#define RINGWAY_STATUS_DRAIN_UNSUPPORTED 24

/**
 * The layout's table has fewer entries than there are nodes: raise the option table_size.
 */
#define RINGWAY_STATUS_TABLE_TOO_SMALL 25

/**
 * The layout needs an option that was not set.
 */
#define RINGWAY_STATUS_MISSING_OPTION 26

/**
 * No node has room for the key: the load of each is as large as its capacity, or larger.
 */
#define RINGWAY_STATUS_NO_ROOM 27

/**
 * The layout has no rule for a node in this state: leave the node out or set it up.
 */
#define RINGWAY_STATUS_STATE_UNSUPPORTED 28

/**
 * No node has such a field, or the layout does not read it.
 */
#define RINGWAY_STATUS_FIELD_UNSUPPORTED 29

/**
 * A text of a node, other than name and zone, is there but empty.
 */
#define RINGWAY_STATUS_TEXT_EMPTY 30

/**
 * A text of a node, other than name and zone, has more than 1,024 bytes.
 */
#define RINGWAY_STATUS_TEXT_TOO_LONG 31

/**
 * A node's name is not UTF-8, in a layout whose program takes names as texts.
 */
#define RINGWAY_STATUS_NAME_NOT_TEXT 32

/**
 * A deployed program's layout, in a build without them.
 */
#define RINGWAY_STATUS_WITHOUT_COMPAT 33

/**
 * A field of a node has a value that the layout's program refuses.
 */
#define RINGWAY_STATUS_BAD_FIELD 34

/**
 * The memory is smaller than ringway_table_size() says; the freestanding form only.
 */
#define RINGWAY_STATUS_MEMORY_TOO_SMALL 35

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The owners of many keys, in one call.
 *
 * keys has count pointers and key_lens their lengths. indices[i] becomes the index of the node
 * that owns keys[i], or RINGWAY_NO_NODE where nobody does.
 *
 * Errors:
 * INVALID_ARGUMENT, also for one bad key: then nothing is written.
 *
 * Cost:
 * As count calls of ringway_table_owner(), or less where they would wait for memory.
 *
 * The caller promises:
 * - table is live; keys and key_lens point to count elements each, or are NULL and count 0; each
 *   keys[i] points to key_lens[i] bytes, or is NULL and key_lens[i] 0.
 * - indices points to count elements to be written, and overlaps none of the others.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_many(const ringway_table *table,
                                        const uint8_t *const *keys,
                                        const size_t *key_lens,
                                        size_t count,
                                        uint32_t *indices);

/**
 * The owners of many keys that lie in one piece of memory, at equal distances.
 *
 * Key i is the key_len bytes at keys + i * stride; stride is at least key_len, and more where
 * each key is a field of a larger element. indices[i] becomes the index of the node that owns it,
 * or RINGWAY_NO_NODE where nobody does.
 *
 * Errors:
 * INVALID_ARGUMENT, also if stride is less than key_len, or the keys end beyond PTRDIFF_MAX bytes.
 *
 * Cost:
 * As ringway_table_owner_many().
 *
 * The caller promises:
 * - table is live; keys points to (count - 1) * stride + key_len bytes, or is NULL and count 0.
 * - indices points to count elements to be written, and does not overlap the keys.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_many_strided(const ringway_table *table,
                                                const uint8_t *keys,
                                                size_t key_len,
                                                size_t stride,
                                                size_t count,
                                                uint32_t *indices);

/**
 * The owners of the keys of many hashes, in one call, for callers that have these already.
 *
 * hashes[i] is what ringway_table_key_hash() gives. indices[i] becomes the index of the node that
 * owns the keys of that hash, or RINGWAY_NO_NODE where nobody does.
 *
 * Errors:
 * NO_KEY_HASH; INVALID_ARGUMENT, also for a hash of more bits than the layout's: then nothing is
 * written.
 *
 * Cost:
 * As ringway_table_owner_many(), without hashing.
 *
 * The caller promises:
 * - table is live; hashes points to count elements, or is NULL and count 0.
 * - indices points to count elements to be written, and does not overlap the hashes.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_many_by_hash(const ringway_table *table,
                                                const uint64_t *hashes,
                                                size_t count,
                                                uint32_t *indices);

/**
 * The index of the first candidate for the key that has room: whose load is below its capacity,
 * see ringway_table_capacity().
 *
 * loads has the load of each node, by index, and load_count says how many these are: all of the
 * table. total is the load of all, in the same unit: requests in progress, connections, keys. The
 * load UINT64_MAX is that of a node that is not to be asked now; it has room for nothing and does
 * not count in total. The caller adds what it assigns, so that each of its threads may count for
 * itself. Zones play no part.
 *
 * While total is at least the sum of the loads of the nodes that may own keys, and below
 * UINT64_MAX, some node has room.
 *
 * Errors:
 * NO_OWNER; NO_ROOM; INVALID_ARGUMENT, also if load_count is not the number of nodes, or
 * factor_permille not from 1000 to 1000000.
 *
 * Cost:
 * As ringway_table_owner() while the owner has room; the more is full, the longer the walk.
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - loads points to load_count elements, or is NULL and load_count 0; index points to a uint32_t
 *   to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_bounded(const ringway_table *table,
                                           const uint8_t *key,
                                           size_t key_len,
                                           const uint64_t *loads,
                                           size_t load_count,
                                           uint64_t total,
                                           uint32_t factor_permille,
                                           uint32_t *index);

/**
 * As ringway_table_owner_bounded(), for the keys of a hash that ringway_table_key_hash() gives.
 *
 * Errors:
 * NO_OWNER; NO_ROOM; NO_KEY_HASH; INVALID_ARGUMENT, as there, and also for a hash of more bits
 * than the layout's.
 *
 * Cost:
 * As ringway_table_owner_bounded(), without hashing.
 *
 * The caller promises:
 * - table is live; loads points to load_count elements, or is NULL and load_count 0; index points
 *   to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_bounded_hash(const ringway_table *table,
                                                uint64_t hash,
                                                const uint64_t *loads,
                                                size_t load_count,
                                                uint64_t total,
                                                uint32_t factor_permille,
                                                uint32_t *index);

/**
 * How much load a node takes while the load of all is total: it has room for one more below that.
 *
 * This is factor_permille / 1000 * (total + 1) * weight / the sum of the weights of all nodes that
 * may own keys, rounded up; 0 for a node that may not.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT, also if factor_permille is not from 1000 to 1000000.
 *
 * The caller promises:
 * - table is live; capacity points to a uint64_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_capacity(const ringway_table *table,
                                      uint32_t index,
                                      uint64_t total,
                                      uint32_t factor_permille,
                                      uint64_t *capacity);

/**
 * The bucket of a hash, 0 to buckets - 1, by Ertl's JumpBackHash: what jumpback-v1 answers.
 *
 * As ringway_jump(), whose buckets are others.
 *
 * Errors:
 * INVALID_ARGUMENT, also for 0 buckets.
 *
 * Cost:
 * O(1) expected. Any thread.
 *
 * The caller promises:
 * - bucket points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_jumpback(uint64_t hash,
                                uint32_t buckets,
                                uint32_t *bucket);

/**
 * The buckets of many hashes by ringway_jump(), in one call and with the vectors that the processor
 * has.
 *
 * bucket_of[i] becomes the bucket of hashes[i], 0 to buckets - 1.
 *
 * Errors:
 * INVALID_ARGUMENT, also for 0 buckets.
 *
 * Cost:
 * O(count * log buckets), at a fraction of the time of so many calls. Any thread.
 *
 * The caller promises:
 * - hashes points to count elements, or is NULL and count 0.
 * - bucket_of points to count elements to be written, and does not overlap the hashes.
 */
RINGWAY_MUST_USE
ringway_status ringway_jump_many(const uint64_t *hashes,
                                 size_t count,
                                 uint32_t buckets,
                                 uint32_t *bucket_of);

/**
 * Makes a builder for the layout of that name, such as "ringway-v1" or "nginx", with its default
 * options.
 *
 * On success *builder is the caller's, to be freed with ringway_builder_free().
 *
 * Errors:
 * UNKNOWN_LAYOUT, also for an empty name; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - layout points to layout_len bytes, or is NULL and layout_len 0.
 * - builder points to a pointer to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_new(const uint8_t *layout,
                                   size_t layout_len,
                                   ringway_builder **builder);

/**
 * Frees a builder; NULL is allowed. The tables that it built live on.
 *
 * The caller promises:
 * - builder is NULL or came from ringway_builder_new() and was not freed.
 */
void ringway_builder_free(ringway_builder *builder);

/**
 * Sets an option that is a whole number, such as "vnodes".
 *
 * Errors:
 * UNKNOWN_OPTION; BAD_OPTION if the number is out of range or the option is no number;
 * OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - name points to name_len bytes, or is NULL and name_len 0.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_integer(ringway_builder *builder,
                                           const uint8_t *name,
                                           size_t name_len,
                                           int64_t value);

/**
 * Sets an option that is a text, such as "hash_tag". The text is copied.
 *
 * Errors:
 * UNKNOWN_OPTION; BAD_OPTION if the text is not one that the option takes, is not UTF-8, or the
 * option is no text; OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - name points to name_len bytes, or is NULL and name_len 0; value and value_len likewise.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_text(ringway_builder *builder,
                                        const uint8_t *name,
                                        size_t name_len,
                                        const uint8_t *value,
                                        size_t value_len);

/**
 * Sets an option that is true (1) or false (0).
 *
 * Errors:
 * UNKNOWN_OPTION; BAD_OPTION if the option is no boolean; OPTION_TWICE; INVALID_ARGUMENT, also
 * for a value other than 0 and 1. The builder is then as it was.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - name points to name_len bytes, or is NULL and name_len 0.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_boolean(ringway_builder *builder,
                                           const uint8_t *name,
                                           size_t name_len,
                                           uint32_t value);

/**
 * Sets an option that is a list of whole numbers, such as "removed". The numbers are copied.
 *
 * Errors:
 * UNKNOWN_OPTION; BAD_OPTION if the list is not one that the option takes, or the option is no
 * list; OPTION_TWICE; INVALID_ARGUMENT. The builder is then as it was.
 *
 * Cost:
 * O(count) time and memory.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - name points to name_len bytes, or is NULL and name_len 0.
 * - values points to count aligned numbers, or is NULL and count 0.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_list(ringway_builder *builder,
                                        const uint8_t *name,
                                        size_t name_len,
                                        const uint32_t *values,
                                        size_t count);

/**
 * Adds a node; its index in tables is the number of nodes added before it.
 *
 * name is its identity, 1 to 1,024 bytes of any value, and weight its share of the keys (0: none).
 * Replicas go to different zones first; (NULL, 0) is no zone. state is one of RINGWAY_STATE_*.
 * Name and zone are copied. What they hold is checked when the table is built. What some layouts
 * read besides is set by ringway_builder_set_node_text() and its like.
 *
 * Errors:
 * INVALID_ARGUMENT, also for an unknown state; OUT_OF_MEMORY. The builder is then as it was.
 *
 * Cost:
 * O(name_len + zone_len) time and memory.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - name points to name_len bytes, or is NULL and name_len 0; zone and zone_len likewise.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_add_node(ringway_builder *builder,
                                        const uint8_t *name,
                                        size_t name_len,
                                        uint32_t weight,
                                        const uint8_t *zone,
                                        size_t zone_len,
                                        uint32_t state);

/**
 * Builds a table of the nodes added so far, in the order in which they were added.
 *
 * On success *table is a reference of the caller's, to be given back with ringway_table_free().
 * The builder is unchanged: more nodes may be added and another table built.
 *
 * On failure message receives up to message_size bytes of explanation, always ended by a NUL and
 * cut between UTF-8 characters, and *message_len the length of the whole explanation without NUL:
 * it was cut if that is >= message_size. message may be (NULL, 0) and message_len NULL. On
 * success neither is written.
 *
 * Errors:
 * TOO_MANY_NODES, NAME_EMPTY, NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG, DUPLICATE_NAME,
 * TOO_MANY_POINTS (checked in this order); TEXT_EMPTY, TEXT_TOO_LONG, FIELD_UNSUPPORTED; where the
 * layout refuses a node or lacks something, BAD_FIELD, WEIGHT_UNSUPPORTED, DRAIN_UNSUPPORTED,
 * STATE_UNSUPPORTED, NAME_NOT_TEXT, TABLE_TOO_SMALL, MISSING_OPTION; NOT_BUILT, INVALID_ARGUMENT.
 *
 * Cost:
 * O(points log points) time and O(points) memory; a node has vnodes x weight points.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - message points to message_size bytes to be written, or is NULL and message_size 0.
 * - message_len is NULL or points to a size_t to be written; table points to a pointer to be
 *   written. None of the three overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_build(const ringway_builder *builder,
                                     char *message,
                                     size_t message_size,
                                     size_t *message_len,
                                     const ringway_table **table);

/**
 * The table with one node more, at the end: its index is the number of nodes before.
 *
 * In memento-v1 it takes the place of the node that was removed last, if any was. It is the table
 * that a builder with all these nodes builds, for a small part of the time. The old one stays as it
 * is. The parameters are those of ringway_builder_add_node(). The fields that only deployed
 * programs' layouts read, such as hash_text, id or tokens, have none: such a table is built anew
 * for any change, so nothing is gained over a builder, which has a function for each. On success
 * *changed is a reference of the caller's, to be given back with ringway_table_free().
 *
 * Errors:
 * TOO_MANY_NODES, NAME_EMPTY, NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG, DUPLICATE_NAME,
 * TOO_MANY_POINTS (checked in this order); INVALID_ARGUMENT, also for an unknown state.
 *
 * Cost:
 * A copy of the points.
 *
 * The caller promises:
 * - table is live; name points to name_len bytes, or is NULL and name_len 0; zone and zone_len
 *   likewise.
 * - changed points to a pointer to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_with_node(const ringway_table *table,
                                       const uint8_t *name,
                                       size_t name_len,
                                       uint32_t weight,
                                       const uint8_t *zone,
                                       size_t zone_len,
                                       uint32_t state,
                                       const ringway_table **changed);

/**
 * The table without the node of that name; those after it have an index less.
 *
 * In memento-v1 the node keeps its index, which is added to the option removed.
 * Otherwise as ringway_table_with_node().
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * Cost:
 * A copy of the points.
 *
 * The caller promises:
 * - table is live; name points to name_len bytes, or is NULL and name_len 0.
 * - changed points to a pointer to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_without_node(const ringway_table *table,
                                          const uint8_t *name,
                                          size_t name_len,
                                          const ringway_table **changed);

/**
 * The table where the node of that name has another weight.
 *
 * Otherwise as ringway_table_with_node().
 *
 * Errors:
 * NO_SUCH_NODE; TOO_MANY_POINTS; INVALID_ARGUMENT.
 *
 * Cost:
 * A copy of the points.
 *
 * The caller promises:
 * - table is live; name points to name_len bytes, or is NULL and name_len 0.
 * - changed points to a pointer to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_with_weight(const ringway_table *table,
                                         const uint8_t *name,
                                         size_t name_len,
                                         uint32_t weight,
                                         const ringway_table **changed);

/**
 * The table where the node of that name is in another state, one of RINGWAY_STATE_*.
 *
 * Otherwise as ringway_table_with_node().
 *
 * Errors:
 * NO_SUCH_NODE; TOO_MANY_POINTS; INVALID_ARGUMENT, also for an unknown state.
 *
 * Cost:
 * A copy of the points.
 *
 * The caller promises:
 * - table is live; name points to name_len bytes, or is NULL and name_len 0.
 * - changed points to a pointer to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_with_state(const ringway_table *table,
                                        const uint8_t *name,
                                        size_t name_len,
                                        uint32_t state,
                                        const ringway_table **changed);

/**
 * The ranges of positions that change owner from one table to another, ascending, each as long
 * as can be. Nodes are the same if their names are.
 *
 * The first capacity of them are written; *count becomes how many there are in all, so a call
 * with (NULL, 0) asks for their number.
 *
 * Errors:
 * NO_COMMON_POSITIONS; INVALID_ARGUMENT.
 *
 * Cost:
 * O(nodes), and more only for the points that are in one of the tables alone.
 *
 * The caller promises:
 * - from and to are live; ranges points to capacity elements to be written, or is NULL and
 *   capacity 0; count points to a size_t to be written. They do not overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_moved(const ringway_table *from,
                                   const ringway_table *to,
                                   ringway_moved_range *ranges,
                                   size_t capacity,
                                   size_t *count);

/**
 * Builds the table that the text of a cluster file describes; indices are in the file's order.
 *
 * On success *table is a reference of the caller's, to be given back with ringway_table_free().
 * message, message_size and message_len are as for ringway_builder_build(); the explanation names
 * line and field. A cluster file's addresses are not part of a table. A relative key_file is an
 * error, as the text stands in no folder.
 *
 * Errors:
 * BAD_CLUSTER_FILE; INVALID_ARGUMENT.
 *
 * Cost:
 * O(text_len), then as ringway_builder_build().
 *
 * The caller promises:
 * - text points to text_len bytes, or is NULL and text_len 0.
 * - message, message_len and table are as for ringway_builder_build().
 */
RINGWAY_MUST_USE
ringway_status ringway_table_from_cluster_text(const uint8_t *text,
                                               size_t text_len,
                                               char *message,
                                               size_t message_size,
                                               size_t *message_len,
                                               const ringway_table **table);

/**
 * Builds the table that the cluster file at that path describes; indices are in the file's order.
 *
 * As ringway_table_from_cluster_text(), but for the path: path_len bytes without NUL, as the
 * system takes them, UTF-8 on Windows. A relative key_file starts at the folder of the file.
 *
 * Errors:
 * FILE_NOT_READ; BAD_CLUSTER_FILE, also for more than 64 MiB; INVALID_ARGUMENT.
 *
 * Cost:
 * Reads the file, then as ringway_builder_build().
 *
 * The caller promises:
 * - path points to path_len bytes, or is NULL and path_len 0.
 * - message, message_len and table are as for ringway_builder_build().
 */
RINGWAY_MUST_USE
ringway_status ringway_table_from_cluster_file(const uint8_t *path,
                                               size_t path_len,
                                               char *message,
                                               size_t message_size,
                                               size_t *message_len,
                                               const ringway_table **table);

/**
 * The first capacity nodes that the layout's program itself tries for the key, in its order.
 *
 * It is ringway_table_walk(), except where the program has an order of its own: nginx goes from
 * point to point, so that a node may come more than once, and gives up after 21; nginx-modulo
 * hashes anew, as often; varnish-shard and ats-parent go from point to point all around. Nodes that
 * are down are left out.
 *
 * *count becomes how many were written: 0 if nobody may own the key.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * As ringway_table_walk().
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
 *   a size_t to be written. They do not overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_candidates(const ringway_table *table,
                                        const uint8_t *key,
                                        size_t key_len,
                                        uint32_t *indices,
                                        size_t capacity,
                                        size_t *count);

/**
 * The index of the node that the layout's program picks for the key while so many requests are in
 * progress on each node: the option hash_balance_factor of envoy-ring, envoy-maglev and
 * haproxy-consistent. Elsewhere, and without the option, it is ringway_table_owner().
 *
 * active has the number of requests in progress of each node, by index, and active_count says how
 * many these are: all of the table. The caller adds the request that it assigns. This is not what
 * ringway_table_owner_bounded() does: in Envoy a host may have one request more than its slots, and
 * the next host is drawn, not the next on the ring.
 *
 * Errors:
 * NO_OWNER; INVALID_ARGUMENT, also if active_count is not the number of nodes.
 *
 * Cost:
 * O(key_len + nodes) time and memory.
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - active points to active_count elements, or is NULL and active_count 0; index points to a
 *   uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_under_load(const ringway_table *table,
                                              const uint8_t *key,
                                              size_t key_len,
                                              const uint64_t *active,
                                              size_t active_count,
                                              uint32_t *index);

/**
 * The Redis Cluster slot of a key, 0 to 16383: what CLUSTER KEYSLOT answers.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len).
 *
 * The caller promises:
 * - key points to key_len bytes, or is NULL and key_len 0; slot points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_redis_slot(const uint8_t *key,
                                  size_t key_len,
                                  uint32_t *slot);

/**
 * The token of a partition key, as Cassandra's Murmur3 partitioner computes it.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len).
 *
 * The caller promises:
 * - key points to key_len bytes, or is NULL and key_len 0; token points to an int64_t to be
 *   written.
 */
RINGWAY_MUST_USE
ringway_status ringway_cassandra_token(const uint8_t *key,
                                       size_t key_len,
                                       int64_t *token);

/**
 * XXH3, 64 bits, seed 0: the key hash of Ringway's own layouts but ringway-keyed-v1.
 *
 * Each table gives it too, with its hash tag: ringway_table_key_hash().
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len). Any thread.
 *
 * The caller promises:
 * - key points to key_len bytes, or is NULL and key_len 0; hash points to a uint64_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_key_hash(const uint8_t *key,
                                size_t key_len,
                                uint64_t *hash);

/**
 * The bucket of a hash, 0 to buckets - 1, by Lamping and Veach's jump hash: what jump-v1 answers.
 *
 * With one bucket more, a hash either keeps its bucket or gets the new one.
 *
 * Errors:
 * INVALID_ARGUMENT, also for 0 buckets.
 *
 * Cost:
 * O(log buckets). Any thread.
 *
 * The caller promises:
 * - bucket points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_jump(uint64_t hash,
                            uint32_t buckets,
                            uint32_t *bucket);

/**
 * The index of the node that owns the key.
 *
 * Errors:
 * NO_OWNER; INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len) to hash the key, then the same few steps whatever the number of nodes.
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - index points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner(const ringway_table *table,
                                   const uint8_t *key,
                                   size_t key_len,
                                   uint32_t *index);

/**
 * The index of the node that owns the keys of that hash, for callers that have it already.
 *
 * hash is what ringway_table_key_hash() gives; for ringway-v1, XXH3-64 of the key. With an option
 * hash_tag, it is the hash of the tagged part.
 *
 * Errors:
 * NO_OWNER; NO_KEY_HASH; INVALID_ARGUMENT, also for a hash of more bits than the layout's.
 *
 * Cost:
 * The same few steps whatever the number of nodes.
 *
 * The caller promises:
 * - table is live; index points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owner_hash(const ringway_table *table,
                                        uint64_t hash,
                                        uint32_t *index);

/**
 * The first capacity nodes that should hold the key, its owner first: one of each zone, then
 * others, in the order of the walk.
 *
 * *count becomes how many were written: fewer than capacity if fewer nodes may own keys, and 0 if
 * none may.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len) and a walk over the nodes that come first; without zones it ends with the last one
 * written.
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
 *   a size_t to be written. They do not overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_owners(const ringway_table *table,
                                    const uint8_t *key,
                                    size_t key_len,
                                    uint32_t *indices,
                                    size_t capacity,
                                    size_t *count);

/**
 * The first capacity candidates for the key in order of preference, its owner first: where it
 * goes if the ones before are unavailable. Each node that may own keys comes once; zones play no
 * part.
 *
 * *count becomes how many were written.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len), then a walk that ends with the last candidate written.
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
 *   a size_t to be written. They do not overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_walk(const ringway_table *table,
                                  const uint8_t *key,
                                  size_t key_len,
                                  uint32_t *indices,
                                  size_t capacity,
                                  size_t *count);

/**
 * How many bits the layout's key hash has: 32 or 64.
 *
 * Errors:
 * NO_KEY_HASH if it is not one that callers may compute themselves; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; bits points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_hash_bits(const ringway_table *table,
                                       uint32_t *bits);

/**
 * The layout's hash of the key, for ringway_table_owner_hash().
 *
 * Errors:
 * NO_KEY_HASH; NO_OWNER if the layout's program cannot read the key; INVALID_ARGUMENT.
 *
 * Cost:
 * O(key_len).
 *
 * The caller promises:
 * - table is live; key points to key_len bytes, or is NULL and key_len 0.
 * - hash points to a uint64_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_key_hash(const ringway_table *table,
                                      const uint8_t *key,
                                      size_t key_len,
                                      uint64_t *hash);

/**
 * The layout's name: static text of *name_len bytes, without NUL.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; name and name_len point to places to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_layout(const ringway_table *table,
                                    const uint8_t **name,
                                    size_t *name_len);

/**
 * How many nodes the table has, those that own nothing included.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; count points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_node_count(const ringway_table *table,
                                        uint32_t *count);

/**
 * The index of the node of that name.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * Cost:
 * O(nodes).
 *
 * The caller promises:
 * - table is live; name points to name_len bytes, or is NULL and name_len 0.
 * - index points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_index_of(const ringway_table *table,
                                      const uint8_t *name,
                                      size_t name_len,
                                      uint32_t *index);

/**
 * The name of a node: *name_len bytes without NUL, valid as long as the table.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; name and name_len point to places to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_node_name(const ringway_table *table,
                                       uint32_t index,
                                       const uint8_t **name,
                                       size_t *name_len);

/**
 * The weight of a node; decimals, which two layouts take, are left out.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; weight points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_node_weight(const ringway_table *table,
                                         uint32_t index,
                                         uint32_t *weight);

/**
 * The zone of a node: *zone_len bytes without NUL, valid as long as the table; (NULL, 0) if it
 * has none.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; zone and zone_len point to places to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_node_zone(const ringway_table *table,
                                       uint32_t index,
                                       const uint8_t **zone,
                                       size_t *zone_len);

/**
 * The state of a node: one of RINGWAY_STATE_*.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is live; state points to a uint32_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_node_state(const ringway_table *table,
                                        uint32_t index,
                                        uint32_t *state);

/**
 * Sets a field of a node that is a text: "hash_text", "address" or "guid". The text is copied, and
 * takes the place of one that was set before.
 *
 * node is the node's index: the number of nodes added before it. hash_text is hashed instead of the
 * name in spymemcached-ketama, varnish-shard and ats-parent; address (ip:port) and guid are hashed
 * in haproxy-consistent if its option hash_key says so. Other deployed programs' layouts pass them
 * over, and in layouts of Ringway's own a table with a hash_text or guid is not built. Lengths, 1 to
 * 1,024 bytes, are checked when the table is built.
 *
 * Errors:
 * NO_SUCH_NODE; FIELD_UNSUPPORTED if nodes have no such field or it is no text; INVALID_ARGUMENT,
 * also for an address that is not UTF-8; OUT_OF_MEMORY. The builder is then as it was.
 *
 * Cost:
 * O(value_len) time and memory.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - field points to field_len bytes, or is NULL and field_len 0; value and value_len likewise.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_node_text(ringway_builder *builder,
                                             uint32_t node,
                                             const uint8_t *field,
                                             size_t field_len,
                                             const uint8_t *value,
                                             size_t value_len);

/**
 * Sets a field of a node that is a whole number: "id", "vnodes" or "weight_millionths". It takes
 * the place of one that was set before.
 *
 * node is the node's index: the number of nodes added before it. id, 0 to 4294967295, is hashed in
 * haproxy-consistent, which takes no 0 and no id twice; that is checked when the table is built.
 * vnodes, 0 to 4294967295, is this node's own number in npm-hashring, uhashring and uhashring-ketama.
 * weight_millionths, 0 to 4294967295000000, replaces the weight that the node was added with: 1500000 is 1.5. Only
 * ats-parent and varnish-shard take weights that are not whole.
 *
 * Errors:
 * NO_SUCH_NODE; FIELD_UNSUPPORTED if nodes have no such field or it is no number; INVALID_ARGUMENT,
 * also for a number out of range. The builder is then as it was.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - field points to field_len bytes, or is NULL and field_len 0.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_node_integer(ringway_builder *builder,
                                                uint32_t node,
                                                const uint8_t *field,
                                                size_t field_len,
                                                int64_t value);

/**
 * Sets the tokens of a node, which cassandra-token reads. They are copied, and take the place of
 * those that were set before.
 *
 * node is the node's index: the number of nodes added before it.
 *
 * Errors:
 * NO_SUCH_NODE; INVALID_ARGUMENT; OUT_OF_MEMORY. The builder is then as it was.
 *
 * Cost:
 * O(count) time and memory.
 *
 * The caller promises:
 * - builder is live and no other thread uses it.
 * - tokens points to count aligned numbers, or is NULL and count 0.
 */
RINGWAY_MUST_USE
ringway_status ringway_builder_set_node_tokens(ringway_builder *builder,
                                               uint32_t node,
                                               const int64_t *tokens,
                                               size_t count);

/**
 * 64 bits that two tables have in common if they answer alike: a hash of layout, options and
 * nodes in their order.
 *
 * Programs that show the same fingerprint hold the same table, indices included.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(bytes of names and zones).
 *
 * The caller promises:
 * - table is live; fingerprint points to a uint64_t to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_fingerprint(const ringway_table *table,
                                         uint64_t *fingerprint);

/**
 * Layout, options and nodes as bytes, for ringway_table_from_bytes() and its like in any language.
 *
 * The first capacity of them are written; *len becomes how many there are in all, so a call with
 * (NULL, 0) asks for their number.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * Cost:
 * O(bytes of names and zones).
 *
 * The caller promises:
 * - table is live; data points to capacity bytes to be written, or is NULL and capacity 0; len
 *   points to a size_t to be written. They do not overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_to_bytes(const ringway_table *table,
                                      uint8_t *data,
                                      size_t capacity,
                                      size_t *len);

/**
 * The table whose bytes these are. Bytes from anywhere are safe to give.
 *
 * message, message_size and message_len are as for ringway_builder_build(). On success *table is
 * a reference of the caller's, to be given back with ringway_table_free().
 *
 * Errors:
 * BAD_SNAPSHOT; UNKNOWN_LAYOUT, UNKNOWN_OPTION, BAD_OPTION and the errors of
 * ringway_builder_build(), where the bytes are right but make no table.
 *
 * Cost:
 * O(data_len), then as ringway_builder_build().
 *
 * The caller promises:
 * - data points to data_len bytes, or is NULL and data_len 0.
 * - message points to message_size bytes to be written, or is NULL and message_size 0.
 * - message_len is NULL or points to a size_t to be written; table points to a pointer to be
 *   written. None of the three overlap.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_from_bytes(const uint8_t *data,
                                        size_t data_len,
                                        char *message,
                                        size_t message_size,
                                        size_t *message_len,
                                        const ringway_table **table);

/**
 * The text of a status: static, in English, without full stop, never NULL.
 *
 * Any number is allowed; one that is no status has a text that says so.
 */
const char *ringway_status_message(int32_t status);

/**
 * Adds a reference: ringway_table_free() is then to be called once more. The pointer stays the same.
 *
 * Errors:
 * INVALID_ARGUMENT.
 *
 * The caller promises:
 * - table is NULL or the caller holds a reference to it.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_ref(const ringway_table *table);

/**
 * Gives back a reference; the last one frees the table. NULL is allowed.
 *
 * The caller promises:
 * - table is NULL or the caller holds a reference to it, which it no longer uses.
 */
void ringway_table_free(const ringway_table *table);

/**
 * The RINGWAY_ABI_VERSION of the library that runs. Any thread.
 */
uint32_t ringway_abi_version(void);

/**
 * The RINGWAY_VERSION of the library that runs: static text, never NULL. Any thread.
 */
const char *ringway_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGWAY_H */
