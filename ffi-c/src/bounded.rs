//! Bounded load of `ringway_table`.

use ringway::{LoadFactor, NodeIndex};

use crate::{
    guard::{Out, array, borrow, bytes, guard},
    status::{
        RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_NO_KEY_HASH, RINGWAY_STATUS_NO_OWNER,
        RINGWAY_STATUS_NO_ROOM, RINGWAY_STATUS_NO_SUCH_NODE, ringway_status,
    },
    table::ringway_table,
};

/// The index of the first candidate for the key that has room: whose load is below its capacity,
/// see ringway_table_capacity().
///
/// loads has the load of each node, by index, and load_count says how many these are: all of the
/// table. total is the load of all, in the same unit: requests in progress, connections, keys. The
/// load UINT64_MAX is that of a node that is not to be asked now; it has room for nothing and does
/// not count in total. The caller adds what it assigns, so that each of its threads may count for
/// itself. Zones play no part.
///
/// While total is at least the sum of the loads of the nodes that may own keys, and below
/// UINT64_MAX, some node has room.
///
/// # Errors
/// NO_OWNER; NO_ROOM; INVALID_ARGUMENT, also if load_count is not the number of nodes, or
/// factor_permille not from 1000 to 1000000.
///
/// # Complexity
/// As ringway_table_owner() while the owner has room; the more is full, the longer the walk.
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - loads points to load_count elements, or is NULL and load_count 0; index points to a uint32_t
///   to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_bounded(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    loads: *const u64,
    load_count: usize,
    total: u64,
    factor_permille: u32,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the elements.
        let loads = unsafe { array(loads, load_count) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        let (load, factor) = (load_of(table, loads)?, factor(factor_permille)?);
        let found = table.0.owner_bounded(key, factor, total, load);
        let found = found.ok_or_else(|| nobody(table.0.owner(key)))?;
        index.write(found.get());
        Ok(())
    })
}

/// As ringway_table_owner_bounded(), for the keys of a hash that ringway_table_key_hash() gives.
///
/// # Errors
/// NO_OWNER; NO_ROOM; NO_KEY_HASH; INVALID_ARGUMENT, as there, and also for a hash of more bits
/// than the layout's.
///
/// # Complexity
/// As ringway_table_owner_bounded(), without hashing.
///
/// # Safety
/// - table is live; loads points to load_count elements, or is NULL and load_count 0; index points
///   to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_bounded_hash(
    table: *const ringway_table,
    hash: u64,
    loads: *const u64,
    load_count: usize,
    total: u64,
    factor_permille: u32,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the elements.
        let loads = unsafe { array(loads, load_count) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        let bits = table.0.hash_bits().ok_or(RINGWAY_STATUS_NO_KEY_HASH)?;
        if bits < u64::BITS && hash >> bits != 0 {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        let (load, factor) = (load_of(table, loads)?, factor(factor_permille)?);
        let found = table.0.owner_bounded_by_hash(hash, factor, total, load);
        let found = found.ok_or_else(|| nobody(table.0.owner_by_hash(hash)))?;
        index.write(found.get());
        Ok(())
    })
}

/// How much load a node takes while the load of all is total: it has room for one more below that.
///
/// This is factor_permille / 1000 * (total + 1) * weight / the sum of the weights of all nodes that
/// may own keys, rounded up; 0 for a node that may not.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT, also if factor_permille is not from 1000 to 1000000.
///
/// # Safety
/// - table is live; capacity points to a uint64_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_capacity(
    table: *const ringway_table,
    index: u32,
    total: u64,
    factor_permille: u32,
    capacity: *mut u64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let capacity = unsafe { Out::new(capacity) }?;
        let factor = factor(factor_permille)?;
        let node = u16::try_from(index).map_err(|_| RINGWAY_STATUS_NO_SUCH_NODE)?;
        let found = table.0.capacity(NodeIndex::new(node), factor, total);
        capacity.write(found.ok_or(RINGWAY_STATUS_NO_SUCH_NODE)?);
        Ok(())
    })
}

/// The load of each node of the table, all of which must be there.
fn load_of(
    table: &ringway_table,
    loads: &[u64],
) -> Result<impl Fn(NodeIndex) -> u64, ringway_status> {
    if loads.len() != table.0.len() {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // There is a load for each node.
    Ok(move |node: NodeIndex| loads.get(node.as_usize()).copied().unwrap_or(u64::MAX))
}

/// Why nobody has room, where `owner` does not look at loads.
const fn nobody(owner: Option<NodeIndex>) -> ringway_status {
    match owner {
        Some(_) => RINGWAY_STATUS_NO_ROOM,
        None => RINGWAY_STATUS_NO_OWNER,
    }
}

fn factor(permille: u32) -> Result<LoadFactor, ringway_status> {
    LoadFactor::from_permille(permille).ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)
}
