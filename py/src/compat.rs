//! What `ringway.compat` needs beside tables; private to the package.

use std::num::NonZeroU32;

use pyo3::{
    exceptions::{PyOverflowError, PyValueError},
    prelude::*,
    types::PyInt,
};

use crate::table::Table;

/// The bucket of a key, 0 to num_buckets - 1: Lamping and Veach's jump consistent hash.
///
/// key is any whole number, of which the lower 64 bits count; one that is negative is
/// taken as two's complement. num_buckets is 1 to 2^31 - 1. Takes O(log num_buckets).
///
/// Raises TypeError if one of them is no whole number, OverflowError if num_buckets is
/// outside the signed 32 bits, ValueError if it is not positive.
#[pyfunction]
#[pyo3(name = "_jump_hash", signature = (key, num_buckets))]
pub(crate) fn jump_hash(key: &Bound<'_, PyAny>, num_buckets: &Bound<'_, PyAny>) -> PyResult<u32> {
    let (key, buckets) = match (small(key), small(num_buckets)) {
        (Some(key), Some(buckets)) => (key, i64::try_from(buckets).unwrap_or(i64::MAX)),
        // As the package has it: first both must be whole numbers.
        _ => (any_key(key, num_buckets)?, any_buckets(num_buckets)?),
    };
    if buckets > i32::MAX.into() {
        return Err(PyOverflowError::new_err("signed integer is greater than maximum"));
    }
    if buckets < i32::MIN.into() {
        return Err(PyOverflowError::new_err("signed integer is less than minimum"));
    }
    match u32::try_from(buckets).ok().and_then(NonZeroU32::new) {
        Some(buckets) => Ok(ringway::jump(key, buckets)),
        None => Err(PyValueError::new_err(format!(
            "'num_buckets' must be a positive number, got {buckets}"
        ))),
    }
}

/// An int of 64 bits or fewer, which is what keys and numbers of buckets are.
fn small(number: &Bound<'_, PyAny>) -> Option<u64> {
    number.cast::<PyInt>().ok()?.extract().ok()
}

/// What `operator.index` makes of it.
fn index<'py>(number: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    number.py().import("operator")?.call_method1("index", (number,))
}

/// The lower 64 bits of a key, if the number of buckets is one at all.
fn any_key(key: &Bound<'_, PyAny>, num_buckets: &Bound<'_, PyAny>) -> PyResult<u64> {
    let key = index(key)?;
    index(num_buckets)?;
    key.bitand(u64::MAX)?.extract()
}

/// A number of buckets; one outside 64 bits is the nearest inside.
fn any_buckets(num_buckets: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = index(num_buckets)?;
    if number.lt(i64::MIN)? {
        return Ok(i64::MIN);
    }
    if number.gt(i64::MAX)? {
        return Ok(i64::MAX);
    }
    number.extract()
}

/// The points of a table's ring, ascending: positions and indices; None if it is no ring.
#[pyfunction]
#[pyo3(name = "_ring_points", signature = (table, /))]
pub(crate) fn ring_points(table: &Bound<'_, Table>) -> Option<Vec<(u128, u32)>> {
    let points = table.get().core().points()?;
    Some(points.map(|(position, node)| (position, node.get())).collect())
}
