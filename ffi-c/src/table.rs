//! `ringway_table`: who owns which key.

use ringway::{NodeIndex, Table};

use crate::{
    guard::{OutArray, add_reference, free_reference, guard, guard_or},
    status::ringway_status,
};

/// In the results of ringway_table_owner_many(): nobody owns this key. No index is this large.
pub const RINGWAY_NO_NODE: u32 = u32::MAX;

/// Who owns which key: an immutable snapshot of nodes under a layout.
///
/// Who frees it: it counts references; whoever holds one gives it back with ringway_table_free().
/// Threads: any number at once, without locks; the last reference may be given back on any thread.
/// Outlives: the names, zones and texts that its functions hand out; it needs nothing else.
///
/// To change the nodes, build a new table, put its pointer where the readers look, and give back
/// the old one when the last of them is done with it.
pub struct ringway_table(pub(crate) Table);

/// Adds a reference: ringway_table_free() is then to be called once more. The pointer stays the same.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Safety
/// - table is NULL or the caller holds a reference to it.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_ref(table: *const ringway_table) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a table of ours.
        unsafe { add_reference(table) }
    })
}

/// Gives back a reference; the last one frees the table. NULL is allowed.
///
/// # Safety
/// - table is NULL or the caller holds a reference to it, which it no longer uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_table_free(table: *const ringway_table) {
    guard_or((), || {
        // SAFETY: the caller promises a table of ours.
        unsafe { free_reference(table) };
    });
}

/// Writes the first owners; says how many.
pub(crate) fn owners(table: &ringway_table, key: &[u8], indices: OutArray<'_, u32>) -> usize {
    // Few replicas are the rule: they need no memory from the heap.
    let mut few = [NodeIndex::new(0); 16];
    let mut many;
    let wanted = indices.len().min(table.0.len());
    let owners = match few.get_mut(..wanted) {
        Some(few) => few,
        None => {
            many = vec![NodeIndex::new(0); wanted];
            &mut many[..]
        }
    };
    let found = table.0.owners(key, owners);
    indices.write_all(owners.iter().take(found).map(|owner| owner.get()))
}

/// Writes the walk's first candidates; says how many.
pub(crate) fn walk(table: &ringway_table, key: &[u8], indices: OutArray<'_, u32>) -> usize {
    indices.write_all(table.0.walk(key).map(NodeIndex::get))
}
