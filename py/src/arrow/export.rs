//! Owners for other libraries: a dictionary array, the indices with the names that they stand for.
#![allow(unsafe_code, reason = "the interface is one of pointers")]

use std::{
    ffi::{c_char, c_void},
    ptr,
    sync::Arc,
};

use pyo3::{exceptions::PyOverflowError, prelude::*, types::PyCapsule};
use ringway::Table;

use super::{ARRAY, ArrowArray, ArrowSchema, SCHEMA};
use crate::keys::NOBODY;

/// Values may be missing.
const NULLABLE: i64 = 2;

/// The capsules of the names that `indices` stand for in `table`.
///
/// The indices are shared, not copied; the names are written out, once each.
pub(crate) fn dictionary<'py>(
    py: Python<'py>,
    table: &Table,
    indices: &Arc<Vec<i32>>,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let is_text = table.nodes().all(|node| str::from_utf8(node.name()).is_ok());
    let schema = schema_of(is_text);
    let array = array_of(table, indices).ok_or_else(|| {
        PyOverflowError::new_err("the names of the nodes are too long for an Arrow dictionary")
    })?;
    let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
    Ok((schema, PyCapsule::new_with_value(py, array, ARRAY)?))
}

/// `dictionary<values: utf8 or binary, indices: int32>`.
pub(super) fn schema_of(is_text: bool) -> ArrowSchema {
    let values = if is_text { c"u" } else { c"z" };
    ArrowSchema { dictionary: Box::into_raw(Box::new(plain(values))), ..plain(c"i") }
}

fn plain(format: &'static std::ffi::CStr) -> ArrowSchema {
    ArrowSchema {
        format: format.as_ptr(),
        name: c"".as_ptr().cast::<c_char>(),
        flags: NULLABLE,
        release: Some(release_schema),
        ..ArrowSchema::empty()
    }
}

/// Frees what [`schema_of`] made.
///
/// # Safety
/// - `schema` points to a schema that [`schema_of`] made, wherever it was moved to.
unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: the caller promises it.
    let schema = unsafe { &mut *schema };
    let dictionary = std::mem::replace(&mut schema.dictionary, ptr::null_mut());
    if !dictionary.is_null() {
        // SAFETY: it was boxed there, and nobody else frees it. Dropping it releases it.
        drop(unsafe { Box::from_raw(dictionary) });
    }
    schema.release = None;
}

/// What an exported array keeps.
struct Kept {
    buffers: Box<[*const c_void]>,
    _memory: Memory,
}

/// What the buffers are in.
enum Memory {
    Indices { _indices: Arc<Vec<i32>>, _validity: Vec<u8> },
    Names { _offsets: Vec<i32>, _bytes: Vec<u8> },
}

fn array_of(table: &Table, indices: &Arc<Vec<i32>>) -> Option<ArrowArray> {
    let mut validity = vec![0xff; indices.len().div_ceil(8)];
    let mut nulls = 0;
    for (at, _) in indices.iter().enumerate().filter(|&(_, &index)| index == NOBODY) {
        validity[at / 8] &= !(1 << (at % 8));
        nulls += 1;
    }
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for node in table.nodes() {
        bytes.extend_from_slice(node.name());
        offsets.push(i32::try_from(bytes.len()).ok()?);
    }
    let names = array(
        table.len(),
        0,
        [ptr::null(), offsets.as_ptr().cast(), bytes.as_ptr().cast()].into(),
        Memory::Names { _offsets: offsets, _bytes: bytes },
    )?;
    let bits = if nulls == 0 { ptr::null() } else { validity.as_ptr().cast() };
    let mut found = array(
        indices.len(),
        nulls,
        [bits, indices.as_ptr().cast()].into(),
        Memory::Indices { _indices: Arc::clone(indices), _validity: validity },
    )?;
    found.dictionary = Box::into_raw(Box::new(names));
    Some(found)
}

fn array(
    len: usize,
    nulls: i64,
    buffers: Box<[*const c_void]>,
    memory: Memory,
) -> Option<ArrowArray> {
    let (length, n_buffers) = (i64::try_from(len).ok()?, i64::try_from(buffers.len()).ok()?);
    let mut kept = Box::new(Kept { buffers, _memory: memory });
    Some(ArrowArray {
        length,
        null_count: nulls,
        n_buffers,
        buffers: kept.buffers.as_mut_ptr(),
        release: Some(release_array),
        private_data: Box::into_raw(kept).cast(),
        ..ArrowArray::empty()
    })
}

/// Frees what [`array`] made.
///
/// # Safety
/// - `array` points to an array that [`array`] made, wherever it was moved to.
unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: the caller promises it.
    let array = unsafe { &mut *array };
    let dictionary = std::mem::replace(&mut array.dictionary, ptr::null_mut());
    if !dictionary.is_null() {
        // SAFETY: it was boxed there, and nobody else frees it. Dropping it releases it.
        drop(unsafe { Box::from_raw(dictionary) });
    }
    // SAFETY: it was boxed there, and nobody else frees it, for the array is marked below.
    drop(unsafe { Box::from_raw(array.private_data.cast::<Kept>()) });
    array.release = None;
}
