//! Varnish 7.1.1's shard director with `by=KEY` (`varnish-shard`).
//!
//! A backend of weight w has `replicas`·w points, cut to a whole number after a product in double
//! precision: the last four bytes, little-endian, of the SHA-256 of `text` and the point's number,
//! where the text is the `ident` (`hash_text`) or the backend's name. A key, hashed likewise, belongs
//! to the first point at or above it; a key above all points to the *last*, it does not wrap. Of a
//! backend that is sick (`down`) the following points' backends take over, these in a circle.

use alloc::{boxed::Box, vec::Vec};

use sha2::{Digest as _, Sha256};

use super::{
    deployed::{Deployed, KeyHash},
    options::Compat,
    points::{Points, Search, Shared},
    text::Numbered,
};
use crate::{BuildError, Node, NodeIndex, State};

pub(super) fn shard(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let replicas = f64::from(compat.value("replicas").unwrap_or_default());
    // Both at most 2^32, so the product is far below 2^64.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut on purpose")]
    let counts: Vec<u64> = nodes.iter().map(|node| (replicas * node.weight_f64()) as u64).collect();
    let mut points = Points::with_capacity(counts.iter().sum())?;
    for ((node, &count), index) in nodes.iter().zip(&counts).zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[node.hash_text().unwrap_or(node.name())]);
        for j in 0..count {
            points.push(hash(numbered.with(j)), NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::Kept, Search::AtOrAboveElseLast)?;
    let down: Box<[bool]> = nodes.iter().map(|node| node.state() == State::Down).collect();
    let key_hash = KeyHash::Bits32(|key| Some(hash(key)));
    Ok(Deployed::of_ring_with_down(key_hash, ring, down, usize::MAX))
}

fn hash(bytes: &[u8]) -> u32 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.last_chunk().map_or(0, |last| u32::from_le_bytes(*last))
}
