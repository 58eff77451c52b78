//! twemproxy 0.5.0: `twemproxy-ketama` and `twemproxy-modula`.
//!
//! Servers are put in order of the length of their names, then of their bytes, when the
//! configuration is read; the order in the file is never used, on which modula depends completely.
//! A server that was ejected (state `down`) is as if absent. The name is the one behind the space
//! of the server's line, or `host:port`, of port 11211 the host alone: as it is given here.
//!
//! Ketama counts points in single precision, as libmemcached does; modula repeats each server by
//! its weight. An empty key has the hash 0.

use alloc::vec::Vec;

use super::{
    deployed::{Deployed, KeyHash},
    hash::{
        crc16_unmasked, crc32, crc32_15, fnv1_32, fnv1_64_low, fnv1a_32_signed, fnv1a_64_low,
        hsieh, jenkins, md5_word, murmur2, one_at_a_time,
    },
    libmemcached::{groups, ketama_points},
    options::Compat,
    points::{Search, Shared},
};
use crate::{BuildError, Node, NodeIndex, State, check};

pub(super) fn ketama(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let live = live(nodes);
    let weights: Vec<u32> = live.iter().map(|(node, _)| node.weight()).collect();
    let points = ketama_points(&groups(&weights), live.iter().map(|(node, _)| node.name()), 4)?;
    let points =
        points.renumbered(|place| live.get(place.as_usize()).map_or(place, |&(_, index)| index));
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(key_hash(compat), ring))
}

pub(super) fn modula(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let live = live(nodes);
    let total: u64 = live.iter().map(|(node, _)| u64::from(node.weight())).sum();
    let mut entries = Vec::with_capacity(check::points(total)?);
    for (node, index) in live {
        entries.extend((0..node.weight()).map(|_| index));
    }
    Ok(Deployed::of_entries(key_hash(compat), entries))
}

/// The servers that are not ejected, in twemproxy's order.
fn live<'a>(nodes: &'a [Node<'a>]) -> Vec<(&'a Node<'a>, NodeIndex)> {
    let indices = (0..=u16::MAX).map(NodeIndex::new);
    let mut live: Vec<_> =
        nodes.iter().zip(indices).filter(|(node, _)| node.state() == State::Up).collect();
    live.sort_by_key(|(node, _)| (node.name().len(), node.name()));
    live
}

fn key_hash(compat: &Compat) -> KeyHash {
    /// Of an empty key 0, else the function's.
    macro_rules! unless_empty {
        ($hash:expr) => {
            |key| Some(if key.is_empty() { 0 } else { $hash(key) })
        };
    }
    KeyHash::Bits32(match compat.choice("hash") {
        Some("one_at_a_time") => unless_empty!(one_at_a_time),
        Some("md5") => unless_empty!(md5_word),
        Some("crc16") => unless_empty!(crc16_unmasked),
        Some("crc32") => unless_empty!(crc32_15),
        Some("crc32a") => unless_empty!(crc32),
        Some("fnv1_64") => unless_empty!(fnv1_64_low),
        Some("fnv1_32") => unless_empty!(fnv1_32),
        Some("fnv1a_32") => unless_empty!(fnv1a_32_signed),
        Some("hsieh") => unless_empty!(hsieh),
        Some("murmur") => unless_empty!(murmur2),
        Some("jenkins") => unless_empty!(jenkins),
        _ => unless_empty!(fnv1a_64_low),
    })
}
