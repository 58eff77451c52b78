//! The functions of the module.

use std::num::NonZeroU32;

use pyo3::prelude::*;

use crate::convert::{integer, key_bytes, value_error};

/// The hash of key under XXH3 with 64 bits: what ringway-v1 and most own layouts begin with.
#[pyfunction]
#[pyo3(signature = (key, /))]
pub(crate) fn key_hash(key: &Bound<'_, PyAny>) -> PyResult<u64> {
    Ok(ringway::key_hash(&key_bytes(key)?))
}

/// The bucket of a hash of 64 bits, 0 to n - 1: jump consistent hash (Lamping and Veach, 2014).
///
/// More buckets take only their share of the keys; it needs no memory. The hash must be
/// a good one, as key_hash() is: a number such as an id is none.
#[pyfunction]
#[pyo3(signature = (hash, n, /))]
pub(crate) fn jump(hash: &Bound<'_, PyAny>, n: &Bound<'_, PyAny>) -> PyResult<u32> {
    Ok(ringway::jump(hash_of(hash)?, buckets_of(n)?))
}

/// The bucket of a hash of 64 bits, 0 to n - 1: JumpBackHash (Ertl, 2024).
///
/// As jump(), with other buckets, and as fast whatever n is.
#[pyfunction]
#[pyo3(signature = (hash, n, /))]
pub(crate) fn jumpback(hash: &Bound<'_, PyAny>, n: &Bound<'_, PyAny>) -> PyResult<u32> {
    Ok(ringway::jumpback(hash_of(hash)?, buckets_of(n)?))
}

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

/// A hash of 64 bits.
pub(crate) fn hash_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let number = integer("a hash", value)?;
    number
        .extract()
        .map_err(|_| value_error(format_args!("a hash must be 0 to {}, not {number}", u64::MAX)))
}

fn buckets_of(value: &Bound<'_, PyAny>) -> PyResult<NonZeroU32> {
    let number = integer("n", value)?;
    number
        .extract()
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| value_error(format_args!("n must be 1 to {}, not {number}", u32::MAX)))
}
