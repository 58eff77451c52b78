//! `ringway.redis_slot` and `ringway.cassandra_token`.

use pyo3::prelude::*;

use crate::convert::key_bytes;

/// The Redis Cluster slot of key, 0 to 16383: what CLUSTER KEYSLOT answers.
#[pyfunction]
#[pyo3(signature = (key, /))]
pub(crate) fn redis_slot(key: &Bound<'_, PyAny>) -> PyResult<u16> {
    Ok(ringway::redis_slot(&key_bytes(key)?))
}

/// The token of a partition key, as Cassandra's Murmur3 partitioner computes it.
#[pyfunction]
#[pyo3(signature = (key, /))]
pub(crate) fn cassandra_token(key: &Bound<'_, PyAny>) -> PyResult<i64> {
    Ok(ringway::cassandra_token(&key_bytes(key)?))
}
