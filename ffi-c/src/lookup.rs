//! Lookups of `ringway_table`, and its nodes. The freestanding form has this file, too: there, what
//! is behind the handle is another table of the same methods.

use core::ptr;

use ringway::{Node, NodeIndex, State};

use crate::{
    guard::{Out, OutArray, borrow, bytes, guard, guard_or},
    state::{RINGWAY_STATE_DOWN, RINGWAY_STATE_DRAIN, RINGWAY_STATE_UP},
    status::{
        RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_NO_KEY_HASH, RINGWAY_STATUS_NO_OWNER,
        RINGWAY_STATUS_NO_SUCH_NODE, RINGWAY_STATUS_OK, RINGWAY_STATUS_PANIC, ringway_status,
    },
    table::{owners, ringway_table, walk},
};

/// The index of the node that owns the key.
///
/// # Errors
/// NO_OWNER; INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len) to hash the key, then the same few steps whatever the number of nodes.
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - index points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    index: *mut u32,
) -> ringway_status {
    guard_or(RINGWAY_STATUS_PANIC, || {
        // SAFETY: the caller promises table, bytes and place.
        match unsafe { quick_owner(table, key, key_len, index) } {
            Some(()) => RINGWAY_STATUS_OK,
            // SAFETY: the same promises.
            None => unsafe { owner_or_why_not(table, key, key_len, index) },
        }
    })
}

/// Writes the owner if all is well and the owner is found without a call. So no register is
/// saved: that would cost as much as half a lookup.
///
/// # Safety
/// - As for [`ringway_table_owner`].
#[inline(always)]
unsafe fn quick_owner(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    index: *mut u32,
) -> Option<()> {
    // SAFETY: the caller passes the promise on.
    let table = unsafe { borrow(table) }.ok()?;
    // SAFETY: the caller passes the promise on.
    let index = unsafe { Out::new(index) }.ok()?;
    // SAFETY: the caller passes the promise on.
    let key = unsafe { bytes(key, key_len) }.ok()?;
    index.write(table.0.quick_owner(key)?.get());
    Some(())
}

/// [`ringway_table_owner`] where the owner is found by a call, or an argument is wrong. It cannot
/// unwind, so that its caller has nothing to do after it.
///
/// # Safety
/// - As for [`ringway_table_owner`].
#[cold]
#[inline(never)]
unsafe extern "C" fn owner_or_why_not(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        index.write(table.0.owner(key).ok_or(RINGWAY_STATUS_NO_OWNER)?.get());
        Ok(())
    })
}

/// The index of the node that owns the keys of that hash, for callers that have it already.
///
/// hash is what ringway_table_key_hash() gives; for ringway-v1, XXH3-64 of the key. With an option
/// hash_tag, it is the hash of the tagged part.
///
/// # Errors
/// NO_OWNER; NO_KEY_HASH; INVALID_ARGUMENT, also for a hash of more bits than the layout's.
///
/// # Complexity
/// The same few steps whatever the number of nodes.
///
/// # Safety
/// - table is live; index points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_hash(
    table: *const ringway_table,
    hash: u64,
    index: *mut u32,
) -> ringway_status {
    guard_or(RINGWAY_STATUS_PANIC, || {
        // SAFETY: the caller promises table and place.
        match unsafe { quick_owner_hash(table, hash, index) } {
            Some(()) => RINGWAY_STATUS_OK,
            // SAFETY: the same promises.
            None => unsafe { owner_hash_or_why_not(table, hash, index) },
        }
    })
}

/// As [`quick_owner`].
///
/// # Safety
/// - As for [`ringway_table_owner_hash`].
#[inline(always)]
unsafe fn quick_owner_hash(table: *const ringway_table, hash: u64, index: *mut u32) -> Option<()> {
    // SAFETY: the caller passes the promise on.
    let table = unsafe { borrow(table) }.ok()?;
    // SAFETY: the caller passes the promise on.
    let index = unsafe { Out::new(index) }.ok()?;
    index.write(table.0.quick_owner_by_hash(hash)?.get());
    Some(())
}

/// As [`owner_or_why_not`].
///
/// # Safety
/// - As for [`ringway_table_owner_hash`].
#[cold]
#[inline(never)]
unsafe extern "C" fn owner_hash_or_why_not(
    table: *const ringway_table,
    hash: u64,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        let bits = table.0.hash_bits().ok_or(RINGWAY_STATUS_NO_KEY_HASH)?;
        if bits < u64::BITS && hash >> bits != 0 {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        index.write(table.0.owner_by_hash(hash).ok_or(RINGWAY_STATUS_NO_OWNER)?.get());
        Ok(())
    })
}

/// The first capacity nodes that should hold the key, its owner first: one of each zone, then
/// others, in the order of the walk.
///
/// *count becomes how many were written: fewer than capacity if fewer nodes may own keys, and 0 if
/// none may.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len) and a walk over the nodes that come first; without zones it ends with the last one
/// written.
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
///   a size_t to be written. They do not overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owners(
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
        count.write(owners(table, key, indices));
        Ok(())
    })
}

/// The first capacity candidates for the key in order of preference, its owner first: where it
/// goes if the ones before are unavailable. Each node that may own keys comes once; zones play no
/// part.
///
/// *count becomes how many were written.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len), then a walk that ends with the last candidate written.
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - indices points to capacity elements to be written, or is NULL and capacity 0; count points to
///   a size_t to be written. They do not overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_walk(
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
        count.write(walk(table, key, indices));
        Ok(())
    })
}

/// How many bits the layout's key hash has: 32 or 64.
///
/// # Errors
/// NO_KEY_HASH if it is not one that callers may compute themselves; INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; bits points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_hash_bits(
    table: *const ringway_table,
    bits: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let bits = unsafe { Out::new(bits) }?;
        bits.write(table.0.hash_bits().ok_or(RINGWAY_STATUS_NO_KEY_HASH)?);
        Ok(())
    })
}

/// The layout's hash of the key, for ringway_table_owner_hash().
///
/// # Errors
/// NO_KEY_HASH; NO_OWNER if the layout's program cannot read the key; INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len).
///
/// # Safety
/// - table is live; key points to key_len bytes, or is NULL and key_len 0.
/// - hash points to a uint64_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_key_hash(
    table: *const ringway_table,
    key: *const u8,
    key_len: usize,
    hash: *mut u64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the place.
        let hash = unsafe { Out::new(hash) }?;
        if table.0.hash_bits().is_none() {
            return Err(RINGWAY_STATUS_NO_KEY_HASH);
        }
        hash.write(table.0.key_hash(key).ok_or(RINGWAY_STATUS_NO_OWNER)?);
        Ok(())
    })
}

/// The layout's name: static text of *name_len bytes, without NUL.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; name and name_len point to places to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_layout(
    table: *const ringway_table,
    name: *mut *const u8,
    name_len: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let name = unsafe { Out::new(name) }?;
        // SAFETY: the caller promises the place.
        let name_len = unsafe { Out::new(name_len) }?;
        let layout = table.0.layout().name();
        name.write(layout.as_ptr());
        name_len.write(layout.len());
        Ok(())
    })
}

/// How many nodes the table has, those that own nothing included.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; count points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_node_count(
    table: *const ringway_table,
    count: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let count = unsafe { Out::new(count) }?;
        // A table has at most 65,536 nodes, so this cannot fail.
        count.write(u32::try_from(table.0.len()).map_err(|_| RINGWAY_STATUS_INVALID_ARGUMENT)?);
        Ok(())
    })
}

/// The index of the node of that name.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Complexity
/// O(nodes).
///
/// # Safety
/// - table is live; name points to name_len bytes, or is NULL and name_len 0.
/// - index points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_index_of(
    table: *const ringway_table,
    name: *const u8,
    name_len: usize,
    index: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the place.
        let index = unsafe { Out::new(index) }?;
        index.write(table.0.index_of(name).ok_or(RINGWAY_STATUS_NO_SUCH_NODE)?.get());
        Ok(())
    })
}

/// The name of a node: *name_len bytes without NUL, valid as long as the table.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; name and name_len point to places to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_node_name(
    table: *const ringway_table,
    index: u32,
    name: *mut *const u8,
    name_len: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let name = unsafe { Out::new(name) }?;
        // SAFETY: the caller promises the place.
        let name_len = unsafe { Out::new(name_len) }?;
        let node = node(table, index)?;
        name.write(node.name().as_ptr());
        name_len.write(node.name().len());
        Ok(())
    })
}

/// The weight of a node; decimals, which two layouts take, are left out.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; weight points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_node_weight(
    table: *const ringway_table,
    index: u32,
    weight: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let weight = unsafe { Out::new(weight) }?;
        weight.write(node(table, index)?.weight());
        Ok(())
    })
}

/// The zone of a node: *zone_len bytes without NUL, valid as long as the table; (NULL, 0) if it
/// has none.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; zone and zone_len point to places to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_node_zone(
    table: *const ringway_table,
    index: u32,
    zone: *mut *const u8,
    zone_len: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let zone = unsafe { Out::new(zone) }?;
        // SAFETY: the caller promises the place.
        let zone_len = unsafe { Out::new(zone_len) }?;
        let found = node(table, index)?.zone();
        zone.write(found.map_or(ptr::null(), <[u8]>::as_ptr));
        zone_len.write(found.map_or(0, <[u8]>::len));
        Ok(())
    })
}

/// The state of a node: one of RINGWAY_STATE_*.
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Safety
/// - table is live; state points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_node_state(
    table: *const ringway_table,
    index: u32,
    state: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let state = unsafe { Out::new(state) }?;
        state.write(match node(table, index)?.state() {
            State::Up => RINGWAY_STATE_UP,
            State::Down => RINGWAY_STATE_DOWN,
            State::Drain => RINGWAY_STATE_DRAIN,
        });
        Ok(())
    })
}

fn node(table: &ringway_table, index: u32) -> Result<Node<'_>, ringway_status> {
    let index = u16::try_from(index).map_err(|_| RINGWAY_STATUS_NO_SUCH_NODE)?;
    table.0.node(NodeIndex::new(index)).ok_or(RINGWAY_STATUS_NO_SUCH_NODE)
}
