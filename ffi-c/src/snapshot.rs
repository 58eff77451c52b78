//! Tables as bytes, and their fingerprints.

use core::ffi::c_char;
use std::sync::Arc;

use ringway::{SnapshotError, Table};

use crate::{
    guard::{Failure, Out, OutArray, borrow, bytes, guard, guard_with_message},
    status::{self, RINGWAY_STATUS_BAD_SNAPSHOT, ringway_status},
    table::ringway_table,
};

/// 64 bits that two tables have in common if they answer alike: a hash of layout, options and
/// nodes in their order.
///
/// Programs that show the same fingerprint hold the same table, indices included.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(bytes of names and zones).
///
/// # Safety
/// - table is live; fingerprint points to a uint64_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_fingerprint(
    table: *const ringway_table,
    fingerprint: *mut u64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the place.
        let fingerprint = unsafe { Out::new(fingerprint) }?;
        fingerprint.write(table.0.fingerprint());
        Ok(())
    })
}

/// Layout, options and nodes as bytes, for ringway_table_from_bytes() and its like in any language.
///
/// The first capacity of them are written; *len becomes how many there are in all, so a call with
/// (NULL, 0) asks for their number.
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(bytes of names and zones).
///
/// # Safety
/// - table is live; data points to capacity bytes to be written, or is NULL and capacity 0; len
///   points to a size_t to be written. They do not overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_to_bytes(
    table: *const ringway_table,
    data: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises a live table.
        let table = unsafe { borrow(table) }?;
        // SAFETY: the caller promises the places.
        let data = unsafe { OutArray::new(data, capacity) }?;
        // SAFETY: the caller promises the place.
        let len = unsafe { Out::new(len) }?;
        let written = table.0.to_bytes();
        len.write(written.len());
        data.write_all(written.into_iter());
        Ok(())
    })
}

/// The table whose bytes these are. Bytes from anywhere are safe to give.
///
/// message, message_size and message_len are as for ringway_builder_build(). On success *table is
/// a reference of the caller's, to be given back with ringway_table_free().
///
/// # Errors
/// BAD_SNAPSHOT; UNKNOWN_LAYOUT, UNKNOWN_OPTION, BAD_OPTION and the errors of
/// ringway_builder_build(), where the bytes are right but make no table.
///
/// # Complexity
/// O(data_len), then as ringway_builder_build().
///
/// # Safety
/// - data points to data_len bytes, or is NULL and data_len 0.
/// - message points to message_size bytes to be written, or is NULL and message_size 0.
/// - message_len is NULL or points to a size_t to be written; table points to a pointer to be
///   written. None of the three overlap.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_from_bytes(
    data: *const u8,
    data_len: usize,
    message: *mut c_char,
    message_size: usize,
    message_len: *mut usize,
    table: *mut *const ringway_table,
) -> ringway_status {
    let body = || {
        // SAFETY: the caller promises the bytes.
        let data = unsafe { bytes(data, data_len) }?;
        // SAFETY: the caller promises the place.
        let table = unsafe { Out::new(table) }?;
        let read = Table::from_bytes(data).map_err(|error| {
            let status = match &error {
                SnapshotError::NoTable(error) => status::of_build_error(error),
                _ => RINGWAY_STATUS_BAD_SNAPSHOT,
            };
            Failure::new(status, &error)
        })?;
        table.give_arc(Arc::new(ringway_table(read)));
        Ok(())
    };
    // SAFETY: the caller promises the places of the message.
    unsafe { guard_with_message(message, message_size, message_len, body) }
}
