//! Jump hash of numbers: the Python package jump-consistent-hash 3.6.0 (`jump`) and Guava 31.1's
//! `Hashing.consistentHash` (`guava`).
//!
//! Both give Lamping and Veach's buckets. In `jump` a key is an unsigned decimal number of 64 bits;
//! so it is in `guava` with `hash = "decimal"`, which otherwise takes the first eight bytes of a
//! `HashCode` of the key, as a little-endian number, zeros behind. A node is a bucket: its place in
//! the list is the identity.

use sha2::{Digest as _, Sha256};

use super::{
    deployed::{Deployed, KeyHash},
    hash::{crc32, murmur3_32, murmur3_128},
    options::Compat,
    text::as_decimal,
};
use crate::{Buckets, BuildError, Node, check};

pub(super) fn jump(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    buckets(nodes, KeyHash::Bits64(as_decimal))
}

pub(super) fn guava(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let hash: fn(&[u8]) -> Option<u64> = match compat.choice("hash") {
        Some("crc32") => |key| Some(crc32(key).into()),
        Some("murmur3_32") => |key| Some(murmur3_32(key, 0).into()),
        Some("murmur3_128") => |key| Some(murmur3_128(key)),
        Some("sha256") => |key| {
            let digest: [u8; 32] = Sha256::digest(key).into();
            digest.first_chunk().map(|first| u64::from_le_bytes(*first))
        },
        _ => as_decimal,
    };
    buckets(nodes, KeyHash::Bits64(hash))
}

fn buckets(nodes: &[Node<'_>], key_hash: KeyHash) -> Result<Deployed, BuildError> {
    check::unweighted(nodes)?;
    let count = u32::try_from(nodes.len()).unwrap_or_default();
    Ok(Deployed::of_buckets(key_hash, Buckets::jump(count)?))
}
