//! Tables with one node more, less or changed, and what moves between two tables.

use std::sync::Arc;

use ringway::{BuildError, Node, NodeIndex, Table};

use crate::{
    guard::{Out, OutArray, borrow, bytes, guard},
    state::state_of,
    status::{self, RINGWAY_STATUS_NO_COMMON_POSITIONS, ringway_status},
    table::{RINGWAY_NO_NODE, ringway_table},
};

/// A run of positions, both ends included, that changes owner.
///
/// A position is the upper half of a key's hash: ringway_table_key_hash() >> 32.
#[repr(C)]
pub struct ringway_moved_range {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The old owner's index in the old table; RINGWAY_NO_NODE if nobody owned it.
    pub from: u32,
    /// The new owner's index in the new table; RINGWAY_NO_NODE if nobody will own it.
    pub to: u32,
}

/// The table with one node more, at the end: its index is the number of nodes before.
///
/// In memento-v1 it takes the place of the node that was removed last, if any was. It is the table
/// that a builder with all these nodes builds, for a small part of the time. The old one stays as it
/// is. The parameters are those of ringway_builder_add_node(). The fields that only deployed
/// programs' layouts read, such as hash_text, id or tokens, have none: such a table is built anew
/// for any change, so nothing is gained over a builder, which has a function for each. On success
/// *changed is a reference of the caller's, to be given back with ringway_table_free().
///
/// # Errors
/// TOO_MANY_NODES, NAME_EMPTY, NAME_TOO_LONG, ZONE_EMPTY, ZONE_TOO_LONG, DUPLICATE_NAME,
/// TOO_MANY_POINTS (checked in this order); INVALID_ARGUMENT, also for an unknown state.
///
/// # Complexity
/// A copy of the points.
///
/// # Safety
/// - table is live; name points to name_len bytes, or is NULL and name_len 0; zone and zone_len
///   likewise.
/// - changed points to a pointer to be written.
#[unsafe(no_mangle)]
#[must_use]
#[allow(clippy::too_many_arguments, reason = "C has no other way to give a node")]
pub unsafe extern "C" fn ringway_table_with_node(
    table: *const ringway_table,
    name: *const u8,
    name_len: usize,
    weight: u32,
    zone: *const u8,
    zone_len: usize,
    state: u32,
    changed: *mut *const ringway_table,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        let has_zone = !zone.is_null();
        // SAFETY: the caller promises the bytes.
        let zone = unsafe { bytes(zone, zone_len) }?;
        // SAFETY: the caller promises the place.
        let changed = unsafe { Out::new(changed) }?;
        let node = Node::from_bytes(name).with_weight(weight).with_state(state_of(state)?);
        give(changed, table.0.with_node(&if has_zone { node.with_zone(zone) } else { node }))
    })
}

/// The table without the node of that name; those after it have an index less.
///
/// In memento-v1 the node keeps its index, which is added to the option removed.
/// Otherwise as ringway_table_with_node().
///
/// # Errors
/// NO_SUCH_NODE; INVALID_ARGUMENT.
///
/// # Complexity
/// A copy of the points.
///
/// # Safety
/// - table is live; name points to name_len bytes, or is NULL and name_len 0.
/// - changed points to a pointer to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_without_node(
    table: *const ringway_table,
    name: *const u8,
    name_len: usize,
    changed: *mut *const ringway_table,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the place.
        let changed = unsafe { Out::new(changed) }?;
        give(changed, table.0.without_node(name))
    })
}

/// The table where the node of that name has another weight.
///
/// Otherwise as ringway_table_with_node().
///
/// # Errors
/// NO_SUCH_NODE; TOO_MANY_POINTS; INVALID_ARGUMENT.
///
/// # Complexity
/// A copy of the points.
///
/// # Safety
/// - table is live; name points to name_len bytes, or is NULL and name_len 0.
/// - changed points to a pointer to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_with_weight(
    table: *const ringway_table,
    name: *const u8,
    name_len: usize,
    weight: u32,
    changed: *mut *const ringway_table,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the place.
        let changed = unsafe { Out::new(changed) }?;
        give(changed, table.0.with_weight(name, weight))
    })
}

/// The table where the node of that name is in another state, one of RINGWAY_STATE_*.
///
/// Otherwise as ringway_table_with_node().
///
/// # Errors
/// NO_SUCH_NODE; TOO_MANY_POINTS; INVALID_ARGUMENT, also for an unknown state.
///
/// # Complexity
/// A copy of the points.
///
/// # Safety
/// - table is live; name points to name_len bytes, or is NULL and name_len 0.
/// - changed points to a pointer to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_with_state(
    table: *const ringway_table,
    name: *const u8,
    name_len: usize,
    state: u32,
    changed: *mut *const ringway_table,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the bytes.
        let name = unsafe { bytes(name, name_len) }?;
        // SAFETY: the caller promises the place.
        let changed = unsafe { Out::new(changed) }?;
        give(changed, table.0.with_state(name, state_of(state)?))
    })
}

/// The ranges of positions that change owner from one table to another, ascending, each as long
/// as can be. Nodes are the same if their names are.
///
/// The first capacity of them are written; *count becomes how many there are in all, so a call
/// with (NULL, 0) asks for their number.
///
/// # Errors
/// NO_COMMON_POSITIONS; INVALID_ARGUMENT.
///
/// # Complexity
/// O(nodes), and more only for the points that are in one of the tables alone.
///
/// # Safety
/// - from and to are live; ranges points to capacity elements to be written, or is NULL and
///   capacity 0; count points to a size_t to be written. They do not overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_moved(
    from: *const ringway_table,
    to: *const ringway_table,
    ranges: *mut ringway_moved_range,
    capacity: usize,
    count: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let from = unsafe { borrow(from) }?;
        // SAFETY: the caller promises a live table.
        let to = unsafe { borrow(to) }?;
        // SAFETY: the caller promises the places.
        let ranges = unsafe { OutArray::new(ranges, capacity) }?;
        // SAFETY: the caller promises the place.
        let count = unsafe { Out::new(count) }?;
        let moved = from.0.moved(&to.0).map_err(|_| RINGWAY_STATUS_NO_COMMON_POSITIONS)?;
        let index = |node: Option<NodeIndex>| node.map_or(RINGWAY_NO_NODE, NodeIndex::get);
        let mut moved = moved.map(|range| ringway_moved_range {
            lo: range.lo,
            hi: range.hi,
            from: index(range.from),
            to: index(range.to),
        });
        let written = ranges.write_all(moved.by_ref());
        count.write(written + moved.count());
        Ok(())
    })
}

fn give(
    place: Out<'_, *const ringway_table>,
    made: Result<Table, BuildError>,
) -> Result<(), ringway_status> {
    let table = made.map_err(|error| status::of_build_error(&error))?;
    place.give_arc(Arc::new(ringway_table(table)));
    Ok(())
}
