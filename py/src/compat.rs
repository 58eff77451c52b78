//! What `ringway.compat` needs beside tables; private to the package.

use std::num::NonZeroU32;

use pyo3::prelude::*;

use crate::{convert::value_error, table::Table};

/// The bucket of a hash of 64 bits among so many buckets.
#[pyfunction]
#[pyo3(name = "_jump", signature = (hash, buckets, /))]
pub(crate) fn jump(hash: u64, buckets: u32) -> PyResult<u32> {
    match NonZeroU32::new(buckets) {
        Some(buckets) => Ok(ringway::jump(hash, buckets)),
        None => Err(value_error("there must be a bucket or more, not 0")),
    }
}

/// The points of a table's ring, ascending: positions and indices; None if it is no ring.
#[pyfunction]
#[pyo3(name = "_ring_points", signature = (table, /))]
pub(crate) fn ring_points(table: &Bound<'_, Table>) -> Option<Vec<(u128, u32)>> {
    let points = table.get().core().points()?;
    Some(points.map(|(position, node)| (position, node.get())).collect())
}
