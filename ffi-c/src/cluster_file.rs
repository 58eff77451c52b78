//! Tables from cluster files.

use core::ffi::c_char;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use ringway_cluster::{ClusterFile, FILE_BYTES_MAX};

use crate::{
    guard::{Failure, Out, bytes, guard_with_message},
    status::{RINGWAY_STATUS_BAD_CLUSTER_FILE, RINGWAY_STATUS_FILE_NOT_READ, ringway_status},
    table::ringway_table,
};

/// Builds the table that the text of a cluster file describes; indices are in the file's order.
///
/// On success *table is a reference of the caller's, to be given back with ringway_table_free().
/// message, message_size and message_len are as for ringway_builder_build(); the explanation names
/// line and field. A cluster file's addresses are not part of a table. A relative key_file is an
/// error, as the text stands in no folder.
///
/// # Errors
/// BAD_CLUSTER_FILE; INVALID_ARGUMENT.
///
/// # Complexity
/// O(text_len), then as ringway_builder_build().
///
/// # Safety
/// - text points to text_len bytes, or is NULL and text_len 0.
/// - message, message_len and table are as for ringway_builder_build().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_from_cluster_text(
    text: *const u8,
    text_len: usize,
    message: *mut c_char,
    message_size: usize,
    message_len: *mut usize,
    table: *mut *const ringway_table,
) -> ringway_status {
    let body = || {
        // SAFETY: the caller promises the bytes.
        let text = unsafe { bytes(text, text_len) }?;
        // SAFETY: the caller promises the place.
        let table = unsafe { Out::new(table) }?;
        table.give_arc(Arc::new(parse(text, "cluster file", None)?));
        Ok(())
    };
    // SAFETY: the caller promises the places of the message.
    unsafe { guard_with_message(message, message_size, message_len, body) }
}

/// Builds the table that the cluster file at that path describes; indices are in the file's order.
///
/// As ringway_table_from_cluster_text(), but for the path: path_len bytes without NUL, as the
/// system takes them, UTF-8 on Windows. A relative key_file starts at the folder of the file.
///
/// # Errors
/// FILE_NOT_READ; BAD_CLUSTER_FILE, also for more than 64 MiB; INVALID_ARGUMENT.
///
/// # Complexity
/// Reads the file, then as ringway_builder_build().
///
/// # Safety
/// - path points to path_len bytes, or is NULL and path_len 0.
/// - message, message_len and table are as for ringway_builder_build().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_table_from_cluster_file(
    path: *const u8,
    path_len: usize,
    message: *mut c_char,
    message_size: usize,
    message_len: *mut usize,
    table: *mut *const ringway_table,
) -> ringway_status {
    let body = || {
        // SAFETY: the caller promises the bytes.
        let path = unsafe { bytes(path, path_len) }?;
        // SAFETY: the caller promises the place.
        let table = unsafe { Out::new(table) }?;
        let path = path_of(path)?;
        let source_name = path.display().to_string();
        let text = read(&path).map_err(|error| {
            let text = format!("{source_name}: cannot be read: {error}");
            Failure::new(RINGWAY_STATUS_FILE_NOT_READ, &text)
        })?;
        table.give_arc(Arc::new(parse(&text, &source_name, path.parent())?));
        Ok(())
    };
    // SAFETY: the caller promises the places of the message.
    unsafe { guard_with_message(message, message_size, message_len, body) }
}

fn parse(text: &[u8], source_name: &str, folder: Option<&Path>) -> Result<ringway_table, Failure> {
    ClusterFile::parse_bytes_in(text, source_name, folder)
        .and_then(|file| file.table())
        .map(ringway_table)
        .map_err(|error| Failure::new(RINGWAY_STATUS_BAD_CLUSTER_FILE, &error))
}

/// The file's bytes, at most one more than a cluster file may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems refuse some paths")]
fn path_of(bytes: &[u8]) -> Result<PathBuf, ringway_status> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Result<PathBuf, ringway_status> {
    let invalid = crate::status::RINGWAY_STATUS_INVALID_ARGUMENT;
    str::from_utf8(bytes).map(PathBuf::from).map_err(|_| invalid)
}
