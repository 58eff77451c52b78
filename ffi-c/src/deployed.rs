//! What deployed programs answer beside the owner of a key.

use ringway::NodeIndex;

use crate::{
    guard::{Out, OutArray, array, borrow, bytes, guard},
    status::{RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_NO_OWNER, ringway_status},
    table::ringway_table,
};

/// The first capacity nodes that the layout's program itself tries for the key, in its order.
///
/// It is ringway_table_walk(), except where the program has an order of its own: nginx goes from
/// point to point, so that a node may come more than once, and gives up after 21; nginx-modulo
/// hashes anew, as often; varnish-shard and ats-parent go from point to point all around. Nodes that
/// are down are left out.
///
/// *count becomes how many were written: 0 if nobody may own the key.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// As ringway_table_walk().
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
///   a size_t to be written. They do not overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_candidates(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    indices: *mut u32,
    capacity: usize,
    count: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the places.
        let indices = unsafe { OutArray::new(indices, capacity) }?;
        // SAFETY: the caller promises the place.
        let count = unsafe { Out::new(count) }?;
        count.write(indices.write_all(table.0.candidates(key).map(NodeIndex::get)));
        Ok(())
    })
}

/// The index of the node that the layout's program picks for the key while so many requests are in
/// progress on each node: the option hash_balance_factor of envoy-ring, envoy-maglev and
/// haproxy-consistent. Elsewhere, and without the option, it is ringway_table_owner().
///
/// active has the number of requests in progress of each node, by index, and active_count says how
/// many these are: all of the table. The caller adds the request that it assigns. This is not what
/// ringway_table_owner_bounded() does: in Envoy a host may have one request more than its slots, and
/// the next host is drawn, not the next on the ring.
///
/// # Errors
/// NO_OWNER; INVALID_ARGUMENT, also if active_count is not the number of nodes.
///
/// # Complexity
/// O(key_len + nodes) time and memory.
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - active points to active_count elements, or is NULL and active_count 0; index points to a
///   uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_under_load(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    active: *const u64,
    active_count: usize,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the elements.
        let active = unsafe { array(active, active_count) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        if active.len() != table.0.len() {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        let active = |node: NodeIndex| active.get(node.as_usize()).copied().unwrap_or(0);
        let owner = table.0.owner_under_load(key, active);
        index.write(owner.ok_or(RINGWAY_STATUS_NO_OWNER)?.get());
        Ok(())
    })
}

/// The Redis Cluster slot of a key, 0 to 16383: what CLUSTER KEYSLOT answers.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len).
///
/// # Safety
/// - key points to key_len bytes, or is NULL and key_len 0; slot points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_redis_slot(
    key: *const u8,
    key_len: usize,
    slot: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the place.
        let slot = unsafe { Out::new(slot) }?;
        slot.write(ringway::redis_slot(key).into());
        Ok(())
    })
}

/// The token of a partition key, as Cassandra's Murmur3 partitioner computes it.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len).
///
/// # Safety
/// - key points to key_len bytes, or is NULL and key_len 0; token points to an int64_t to be
///   written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_cassandra_token(
    key: *const u8,
    key_len: usize,
    token: *mut i64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the place.
        let token = unsafe { Out::new(token) }?;
        token.write(ringway::cassandra_token(key));
        Ok(())
    })
}
