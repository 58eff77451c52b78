//! Python's memcached clients: pymemcache 4.0.0's `HashClient` (`pymemcache`) and python-memcached
//! 1.62 (`python-memcached`).
//!
//! `pymemcache`: each node has the score `murmur3_32(name-key)`, where each character counts as its
//! code point's low byte; the highest score owns, of equal ones the larger name. A `bytes` key is
//! written as Python shows it, `b'key'`, before it is hashed, and so goes elsewhere than the same
//! text: here a key is a text.
//!
//! `python-memcached`: the CRC-32's upper 15 bits modulo the length of a list in which each node
//! stands as often as its weight says.

use alloc::{boxed::Box, vec::Vec};
use core::cmp::Reverse;

use super::{
    deployed::{Deployed, KeyHash},
    hash::{Murmur3, crc32_15},
    text::as_text,
};
use crate::{BuildError, Node, NodeIndex, check};

pub(super) fn python_memcached(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let mut entries = Vec::with_capacity(check::points(check::point_count(nodes, 1))?);
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        entries.extend((0..node.weight()).map(|_| NodeIndex::new(index)));
    }
    Ok(Deployed::of_entries(KeyHash::Short(|key| Some(crc32_15(key))), entries))
}

pub(super) fn pymemcache(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let mut names = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let name = as_text(node.name()).ok_or(BuildError::NameNotText { index })?;
        let mut begun = Murmur3::new(0);
        update(&mut begun, name);
        begun.push(b'-');
        names.push(Name { text: name.into(), begun });
    }
    Ok(Deployed::of_rendezvous(Rendezvous { names: names.into_boxed_slice() }, nodes.len()))
}

/// The best score of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Rendezvous {
    names: Box<[Name]>,
}

#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    /// The hash of the name and what stands between it and the key.
    begun: Murmur3,
}

impl Rendezvous {
    pub(super) fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        let key = as_text(key)?;
        let indices = (0..=u16::MAX).map(NodeIndex::new);
        let scored = self.names.iter().zip(indices);
        let best = scored.max_by_key(|(name, _)| (score(name.begun, key), &name.text));
        best.map(|(_, index)| index)
    }

    /// All nodes, the best first.
    pub(super) fn walk(&self, key: &[u8]) -> Vec<NodeIndex> {
        let Some(key) = as_text(key) else { return Vec::new() };
        let indices = (0..=u16::MAX).map(NodeIndex::new);
        let mut scored: Vec<_> = (self.names.iter().zip(indices))
            .map(|(name, index)| (score(name.begun, key), &name.text, index))
            .collect();
        scored.sort_unstable_by_key(|&(score, name, _)| Reverse((score, name)));
        scored.into_iter().map(|(_, _, index)| index).collect()
    }
}

fn score(mut begun: Murmur3, key: &str) -> u32 {
    update(&mut begun, key);
    begun.finish()
}

/// Hashes each character's low byte.
fn update(hash: &mut Murmur3, text: &str) {
    if text.is_ascii() {
        return hash.update(text.as_bytes());
    }
    for character in text.chars() {
        hash.push((u32::from(character) & 0xff).to_le_bytes()[0]);
    }
}
