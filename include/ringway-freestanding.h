/*
 * Ringway without libc, heap or operating system: the freestanding form.
 *
 * Made from ffi-c/freestanding/src and ffi-c/src by the tests of ffi-c; edit there. This file is the
 * manual. docs/embedding.md says how to build and link it.
 *
 *   A ringway_table_spec has a layout's name, options and nodes. ringway_table_size() says how much
 *   memory its table takes; ringway_table_init() builds the table there. Lookups are those of
 *   ringway.h, and so are the answers.
 *
 * What it asks of its host: memcpy, memset, memcmp and bcmp, which compilers ask for anyway. Nothing
 * in it can panic, as far as the compiler it is built with sees. One that sees less leaves a call
 * of void ringway_host_panic(void), which must not return.
 *
 * Rules for every function:
 *   - Bytes are (const uint8_t *, size_t) of any value, NULs included; (NULL, 0) is empty. They are
 *     read during the call only, and copied where they are kept.
 *   - What can fail returns ringway_status; results are written to the last parameters, and only if
 *     it is RINGWAY_STATUS_OK. Errors are named without RINGWAY_STATUS_ below.
 *   - NULL where something is needed, misaligned pointers and lengths above PTRDIFF_MAX are
 *     RINGWAY_STATUS_INVALID_ARGUMENT. Nothing here takes a lock, prints, allocates or keeps global
 *     state.
 */

#ifndef RINGWAY_FREESTANDING_H
#define RINGWAY_FREESTANDING_H

#include <stddef.h>
#include <stdint.h>

#ifdef RINGWAY_H
#error "a program takes ringway.h or ringway-freestanding.h, not both: the functions have the same names"
#endif

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
 * The number of this binary interface.
 *
 * It is raised when a program built with an older header would no longer work. Compare it with
 * ringway_abi_version() after loading the library at run time. The dynamic linker goes by the
 * soname, which is stricter: libringway.so.0.1 for all releases 0.1.x, and so on; from 1.0 on, the
 * first number alone.
 */
#define RINGWAY_ABI_VERSION 0

/**
 * Who owns which key: an immutable snapshot of nodes under a layout, in memory of the caller's.
 *
 * Who frees it: nobody. It is gone with its memory, which stays where it is meanwhile: not copied,
 * not moved. Threads: any number at once, without locks. Outlives: the names and zones that its
 * functions hand out; it needs nothing but its memory.
 *
 * To change the nodes, build a new table in other memory, put its pointer where the readers look,
 * and use the old memory again when the last of them is done with it.
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
 * A node of a ringway_table_spec.
 *
 * Who frees it: the caller; nothing here keeps it.
 */
typedef struct {
  /**
   * The name: 1 to 1,024 bytes, different from all others.
   */
  const uint8_t *name;
  /**
   * The name's length in bytes.
   */
  size_t name_len;
  /**
   * The zone, 1 to 1,024 bytes; NULL if it has none.
   */
  const uint8_t *zone;
  /**
   * The zone's length in bytes.
   */
  size_t zone_len;
  /**
   * How many shares of the keys it takes; 0 owns nothing. 1 in jump-v1.
   */
  uint32_t weight;
  /**
   * One of RINGWAY_STATE_*.
   */
  uint32_t state;
} ringway_node;

/**
 * What a table is built from: a layout, its options, and nodes. Fill it with zeros first: what is 0
 * or NULL is as if it were not there.
 *
 * Who frees it: the caller. Threads: any number may read it at once. The table keeps none of it.
 */
typedef struct {
  /**
   * sizeof(ringway_table_spec), by which later versions know what there is.
   */
  size_t struct_size;
  /**
   * "ringway-v1", "ringway-keyed-v1", "jump-v1" or "maglev-v1".
   */
  const uint8_t *layout;
  /**
   * Its length in bytes.
   */
  size_t layout_len;
  /**
   * The nodes; their places are their indices.
   */
  const ringway_node *nodes;
  /**
   * How many these are, at most 65,536.
   */
  size_t node_count;
  /**
   * The option hash_tag: two visible ASCII characters between which the hashed part of a key
   * stands. NULL: all of it is hashed.
   */
  const uint8_t *hash_tag;
  /**
   * Its length in bytes: 2.
   */
  size_t hash_tag_len;
  /**
   * The option key of ringway-keyed-v1, which needs it: the secret's bytes, for which elsewhere
   * hexadecimal digits stand.
   */
  const uint8_t *key;
  /**
   * Its length in bytes: 16.
   */
  size_t key_len;
  /**
   * The option vnodes of ringway-v1 and ringway-keyed-v1: points for each unit of weight, 1 to
   * 65,536; 0: 160.
   */
  uint32_t vnodes;
  /**
   * The option table_size of maglev-v1: a prime number up to 16,777,213; 0: 65,537.
   */
  uint32_t table_size;
} ringway_table_spec;

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
 * How many bytes a table of that spec takes, and at which alignment: what ringway_table_init()
 * needs.
 *
 * With pointers of 64 bits: 8 bytes for each point of a ring, 2 for each entry of maglev-v1 and a bit
 * to build it, for each node 40, its name and its zone, in maglev-v1 32 more, 4 where nodes have
 * zones; and about 200.
 *
 * Errors:
 * UNKNOWN_LAYOUT, UNKNOWN_OPTION, BAD_OPTION, MISSING_OPTION, TOO_MANY_NODES, NAME_EMPTY,
 * NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG (checked in this order);
 * INVALID_ARGUMENT, also for an unknown state, a struct_size below sizeof(ringway_table_spec), or
 * something in a larger one that this version does not know; OUT_OF_MEMORY if no object can be so
 * large.
 *
 * Cost:
 * O(nodes).
 *
 * The caller promises:
 * - spec points to a size_t and as many bytes in all as that says; its pointers, and those of its
 *   nodes, are NULL or point to as many bytes or nodes as the lengths beside them say.
 * - bytes and align point to places to be written.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_size(const ringway_table_spec *spec,
                                  size_t *bytes,
                                  size_t *align);

/**
 * Builds a table of that spec in the caller's memory; nothing else is allocated.
 *
 * memory has at least as many bytes as ringway_table_size() says, aligned as that says. *table
 * points into it. What was in it is lost, also where the call fails.
 *
 * Errors:
 * Those of ringway_table_size(); MEMORY_TOO_SMALL; then DUPLICATE_NAME, TOO_MANY_POINTS,
 * TABLE_TOO_SMALL, and in jump-v1 WEIGHT_UNSUPPORTED and DRAIN_UNSUPPORTED; INVALID_ARGUMENT also
 * for memory that is misaligned.
 *
 * Cost:
 * O(points * log points), in maglev-v1 O(table_size * log table_size) expected; O(nodes * log
 * nodes) to compare the names. 8 KiB of stack at most.
 *
 * The caller promises:
 * - As ringway_table_size(), and memory points to that many bytes that nobody else uses as long as
 *   the table is used; it overlaps nothing that the spec points to.
 * - table points to a pointer to be written, outside that memory.
 */
RINGWAY_MUST_USE
ringway_status ringway_table_init(void *memory,
                                  size_t bytes,
                                  const ringway_table_spec *spec,
                                  const ringway_table **table);

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
 * The text of a status: static, in English, without full stop, never NULL.
 *
 * Any number is allowed; one that is no status has a text that says so.
 */
const char *ringway_status_message(int32_t status);

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

#endif  /* RINGWAY_FREESTANDING_H */
