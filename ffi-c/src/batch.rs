//! Many lookups in one call of `ringway_table`.

use core::iter;

use ringway::{NodeIndex, Table};

use crate::{
    guard::{OutArray, array, borrow, bytes, guard},
    status::{RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_NO_KEY_HASH, ringway_status},
    table::{RINGWAY_NO_NODE, ringway_table},
};

/// The owners of many keys, in one call.
///
/// keys has count pointers and key_lens their lengths. indices[i] becomes the index of the node
/// that owns keys[i], or RINGWAY_NO_NODE where nobody does.
///
/// # Errors
/// INVALID_ARGUMENT, also for one bad key: then nothing is written.
///
/// # Complexity
/// As count calls of ringway_table_owner(), or less where they would wait for memory.
///
/// # Safety
/// - table is live; keys and key_lens point to count elements each, or are NULL and count 0; each
///   keys[i] points to key_lens[i] bytes, or is NULL and key_lens[i] 0.
/// - indices points to count elements to be written, and overlaps none of the others.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_many(
    table: *const ringway_table,
    keys: *const *const u8,
    key_lens: *const usize,
    count: usize,
    indices: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the elements.
        let keys = unsafe { array(keys, count) }?;
        // SAFETY: the caller promises the elements.
        let lens = unsafe { array(key_lens, count) }?;
        // SAFETY: the caller promises the places.
        let indices = unsafe { OutArray::new(indices, count) }?;
        let key = |(&key, &len): (&*const u8, &usize)| {
            // SAFETY: the caller promises the bytes of each key.
            unsafe { bytes(key, len) }
        };
        // All are checked before anything is written.
        for pair in keys.iter().zip(lens) {
            key(pair)?;
        }
        write_owners(&table.0, keys.iter().zip(lens).map_while(|pair| key(pair).ok()), indices);
        Ok(())
    })
}

/// The owners of many keys that lie in one piece of memory, at equal distances.
///
/// Key i is the key_len bytes at keys + i * stride; stride is at least key_len, and more where
/// each key is a field of a larger element. indices[i] becomes the index of the node that owns it,
/// or RINGWAY_NO_NODE where nobody does.
///
/// # Errors
/// INVALID_ARGUMENT, also if stride is less than key_len, or the keys end beyond PTRDIFF_MAX bytes.
///
/// # Complexity
/// As ringway_table_owner_many().
///
/// # Safety
/// - table is live; keys points to (count - 1) * stride + key_len bytes, or is NULL and count 0.
/// - indices points to count elements to be written, and does not overlap the keys.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_many_strided(
    table: *const ringway_table,
    keys: *const u8,
    key_len: usize,
    stride: usize,
    count: usize,
    indices: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the places.
        let indices = unsafe { OutArray::new(indices, count) }?;
        if stride < key_len {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        let Some(before_last) = count.checked_sub(1) else { return Ok(()) };
        let len = before_last
            .checked_mul(stride)
            .and_then(|start| start.checked_add(key_len))
            .ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)?;
        // SAFETY: the caller promises the bytes, from the first key's to the last one's.
        let memory = unsafe { bytes(keys, len) }?;
        // Keys without bytes are at the same place, and there is no chunk of length 0.
        let starts = (0..count).map(|number| number * stride);
        let keys = starts.map_while(|start| memory.get(start..start + key_len));
        write_owners(&table.0, keys, indices);
        Ok(())
    })
}

/// The owners of the keys of many hashes, in one call, for callers that have these already.
///
/// hashes[i] is what ringway_table_key_hash() gives. indices[i] becomes the index of the node that
/// owns the keys of that hash, or RINGWAY_NO_NODE where nobody does.
///
/// # Errors
/// NO_KEY_HASH; INVALID_ARGUMENT, also for a hash of more bits than the layout's: then nothing is
/// written.
///
/// # Complexity
/// As ringway_table_owner_many(), without hashing.
///
/// # Safety
/// - table is live; hashes points to count elements, or is NULL and count 0.
/// - indices points to count elements to be written, and does not overlap the hashes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_owner_many_by_hash(
    table: *const ringway_table,
    hashes: *const u64,
    count: usize,
    indices: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the elements.
        let hashes = unsafe { array(hashes, count) }?;
        // SAFETY: the caller promises the places.
        let indices = unsafe { OutArray::new(indices, count) }?;
        let bits = table.0.hash_bits().ok_or(RINGWAY_STATUS_NO_KEY_HASH)?;
        if bits < u64::BITS && hashes.iter().any(|hash| hash >> bits != 0) {
            return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
        }
        let mut rest = hashes;
        write_groups(indices, |owners| {
            let answered = table.0.owner_many_by_hash(rest, owners);
            rest = rest.get(answered..).unwrap_or_default();
            answered
        });
        Ok(())
    })
}

/// So many answers are collected before they are written.
const GROUP: usize = 256;

fn write_owners<'a>(
    table: &Table,
    mut keys: impl Iterator<Item = &'a [u8]>,
    indices: OutArray<'_, u32>,
) {
    write_groups(indices, |owners| table.owner_many(&mut keys, owners));
}

/// Writes what `answer` gives, group by group, until a group is not full.
fn write_groups(
    indices: OutArray<'_, u32>,
    mut answer: impl FnMut(&mut [Option<NodeIndex>]) -> usize,
) {
    let mut owners = [None; GROUP];
    let (mut next, mut answered) = (GROUP, GROUP);
    indices.write_all(iter::from_fn(|| {
        if next == answered {
            if answered < GROUP {
                return None;
            }
            (next, answered) = (0, answer(&mut owners));
        }
        let owner = owners.get(next).filter(|_| next < answered)?;
        next += 1;
        Some(owner.map_or(RINGWAY_NO_NODE, NodeIndex::get))
    }));
}
