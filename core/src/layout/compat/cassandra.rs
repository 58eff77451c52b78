//! Cassandra's Murmur3 partitioner, as cassandra-driver 3.30.1 maps keys to hosts
//! (`cassandra-token`).
//!
//! A key's token is the first half of the 128-bit Murmur3, signed, whose tail bytes are
//! sign-extended; the least number becomes the greatest. It belongs to the host of the first token
//! at or above it, wrapping. Nodes have their tokens in the field `tokens`.

use super::{
    deployed::{Deployed, KeyHash},
    hash::murmur3_128_signed_tail,
    points::{Points, Search, Shared},
};
use crate::{BuildError, Node, NodeIndex};

pub(super) fn token(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let count = nodes.iter().map(|node| node.tokens().len() as u64).sum();
    let mut points = Points::with_capacity(count)?;
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        for &token in node.tokens() {
            points.push(unsigned(token), NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(KeyHash::Signed64(|key| Some(cassandra_token(key).cast_unsigned())), ring))
}

/// A token in an order that unsigned comparison sees.
pub(super) const fn unsigned(token: i64) -> u64 {
    token.cast_unsigned() ^ 1 << 63
}

/// The Murmur3 token of a partition key, as Cassandra computes it.
///
/// # Examples
///
/// ```
/// assert_eq!(ringway::cassandra_token(b"123"), -7468325962851647638);
/// ```
#[must_use]
pub fn cassandra_token(key: &[u8]) -> i64 {
    match murmur3_128_signed_tail(key).cast_signed() {
        i64::MIN => i64::MAX,
        token => token,
    }
}
