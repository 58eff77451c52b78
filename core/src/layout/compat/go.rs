//! Go's rings: groupcache's `consistenthash` (at 2c02b820), stathat.com/c/consistent (at 30ea17e8)
//! and serialx/hashring (at 22c0c7ab).
//!
//! `groupcache`: `replicas` points, the CRC-32 of `dec(i) name`; the first at or above the key's CRC-32.
//! `stathat`: the same points, or FNV-1a's; the first *above*. `serialx`: one point for each unit of
//! weight, so *one* a node by default: MD5 of `name-i`, compared as two signed little-endian numbers
//! of 64 bits; the first above. A shared point belongs to the node added last.

use super::{
    deployed::{Deployed, KeyHash},
    hash::{crc32, fnv1a_32, md5},
    options::Compat,
    points::{Points, Search, Shared},
    text::{Numbered, push_decimal},
};
use crate::{BuildError, Node, NodeIndex, check};

pub(super) fn groupcache(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    numbered_ring(compat, nodes, crc32, KeyHash::Crc32 { of_empty: true }, Search::AtOrAbove)
}

pub(super) fn stathat(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    if compat.choice("hash") == Some("fnv1a_32") {
        let key_hash = KeyHash::Bits32(|key| Some(fnv1a_32(key)));
        return numbered_ring(compat, nodes, fnv1a_32, key_hash, Search::Above);
    }
    numbered_ring(compat, nodes, crc32, KeyHash::Crc32 { of_empty: true }, Search::Above)
}

/// A ring of the points `hash(dec(i) name)`.
fn numbered_ring(
    compat: &Compat,
    nodes: &[Node<'_>],
    hash: fn(&[u8]) -> u32,
    key_hash: KeyHash,
    search: Search,
) -> Result<Deployed, BuildError> {
    let replicas = u64::from(compat.value("replicas").unwrap_or_default());
    let mut points = Points::with_capacity(replicas * nodes.len() as u64)?;
    let mut text = alloc::vec::Vec::new();
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        for i in 0..replicas {
            text.clear();
            push_decimal(&mut text, i);
            text.extend_from_slice(node.name());
            points.push(hash(&text), NodeIndex::new(index));
        }
    }
    Ok(Deployed::of_ring(key_hash, points.into_ring(Shared::Last, search)?))
}

pub(super) fn serialx(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let mut points = Points::with_capacity(check::point_count(nodes, 1))?;
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[node.name(), b"-"]);
        for i in 0..u64::from(node.weight()) {
            points.push(signed_pair(numbered.with(i)), NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::Last, Search::Above)?;
    Ok(Deployed::of_ring(KeyHash::Bits128(|key| Some(signed_pair(key))), ring))
}

/// MD5 as two signed little-endian numbers, in an order that unsigned comparison sees.
fn signed_pair(bytes: &[u8]) -> u128 {
    const SIGN: u64 = 1 << 63;
    let digest = md5(bytes);
    digest
        .as_chunks::<8>()
        .0
        .iter()
        .fold(0, |pair, &half| pair << 64 | u128::from(u64::from_le_bytes(half) ^ SIGN))
}
