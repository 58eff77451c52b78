//! Ringway and its rivals on the same nodes, each called the way its documentation shows: bytes
//! in, and out what it calls a node: the address that was given to it, or of Ringway the index;
//! `ringway ringway-v1 address` takes the address from a list of the user's, too.
#![allow(dead_code, reason = "each bench uses its part")]

mod own;
mod rings;
mod tables;

use std::{collections::HashSet, net::SocketAddr};

use ringway_bench::{Contestant, KEY_COUNT, Keys, version};

/// Points that each node has on each ring.
const VNODES: u16 = 160;

/// A way to find a key's node.
pub(crate) trait Map: Sized {
    /// The map of these nodes.
    fn build(nodes: &[SocketAddr]) -> Self;

    /// The node of a key.
    fn owner(&self, key: &[u8]) -> Option<SocketAddr>;

    /// Looks a key up as its user does, and gives something of the answer that cannot be known
    /// without the lookup.
    #[inline(always)]
    fn look_up(&self, key: &[u8]) -> u64 {
        match self.owner(key) {
            Some(SocketAddr::V4(address)) => u64::from(address.ip().to_bits()),
            _ => 0,
        }
    }
}

/// A crate, or a layout of Ringway's.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// With its version.
    pub(crate) name: &'static str,
    /// With more nodes one answer, or the map, takes so long that nobody would wait for it.
    pub(crate) nodes_max: u16,
    /// Builds the map of these nodes.
    pub(crate) build: fn(&[SocketAddr]) -> Box<dyn Built>,
}

/// A map that was built.
pub(crate) trait Built {
    /// Looks a block of keys up.
    fn pass(&self, keys: &Keys, block: usize) -> u64;

    /// The node of a key.
    fn owner(&self, key: &[u8]) -> Option<SocketAddr>;
}

impl<M: Map> Built for M {
    fn pass(&self, keys: &Keys, block: usize) -> u64 {
        keys.block(block).map(|key| self.look_up(key)).fold(0, u64::wrapping_add)
    }

    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        Map::owner(self, key)
    }
}

/// All, Ringway's first in each group: rings, tables, no memory, one score a node.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        entry::<own::RingwayV1>("ringway ringway-v1", u16::MAX),
        entry::<own::RingwayV1Address>("ringway ringway-v1 address", u16::MAX),
        entry::<own::RingwayKeyedV1>("ringway ringway-keyed-v1", u16::MAX),
        of_crate::<rings::Ketama>("pingora-ketama", u16::MAX),
        of_crate::<rings::Hashring>("hashring", u16::MAX),
        of_crate::<rings::ConsistentHash>("consistent_hash", u16::MAX),
        of_crate::<rings::Conhash>("conhash", u16::MAX),
        entry::<own::MaglevV1>("ringway maglev-v1", u16::MAX),
        entry::<own::BalancedV1>("ringway balanced-v1", 1_000),
        of_crate::<tables::MaglevHash>("maglev-hash", u16::MAX),
        of_crate::<tables::Maglev>("maglev", 1_000),
        of_crate::<tables::Anchor>("anchorhash", u16::MAX),
        entry::<own::JumpV1>("ringway jump-v1", u16::MAX),
        entry::<own::JumpbackV1>("ringway jumpback-v1", u16::MAX),
        of_crate::<tables::Jumphash>("jumphash", u16::MAX),
        of_crate::<tables::JumpConsistentHash>("jump-consistent-hash", u16::MAX),
        entry::<own::RendezvousV1>("ringway rendezvous-v1", 1_000),
        of_crate::<tables::Rendezvous>("rendezvous_hash", 100),
        of_crate::<tables::Hrw>("hrw-hash", 100),
    ]
}

fn entry<M: Map + 'static>(name: &'static str, nodes_max: u16) -> Entry {
    Entry { name, nodes_max, build: |nodes| Box::new(M::build(nodes)) }
}

/// One whose name gets the version that is built.
fn of_crate<M: Map + 'static>(name: &str, nodes_max: u16) -> Entry {
    let name = format!("{name} {}", version(name));
    // A few, and for the whole run.
    entry::<M>(name.leak(), nodes_max)
}

/// A pass over the keys for a map.
pub(crate) fn contestant<'a>(
    name: &'static str,
    map: &'a dyn Built,
    keys: &'a Keys,
) -> Contestant<'a> {
    (name, Box::new(move |block| map.pass(keys, block)))
}

/// Asserts that a map answers as one should: always the same node, one of the list, and each of
/// them for some key if there are few.
pub(crate) fn check(name: &str, map: &dyn Built, nodes: &[SocketAddr], keys: &Keys) {
    let known: HashSet<SocketAddr> = nodes.iter().copied().collect();
    let asked = if nodes.len() > 10 { 4_096 } else { KEY_COUNT };
    let mut found = HashSet::new();
    for key in keys.iter().take(asked) {
        let owner = map.owner(key).expect("an owner");
        assert_eq!(map.owner(key), Some(owner), "{name}: the same twice");
        found.insert(owner);
    }
    assert!(found.is_subset(&known), "{name}: owners are nodes");
    assert!(known.len() > 100 || found == known, "{name}: every node owns something");
    assert!(found.len() > known.len().min(4_096) / 4, "{name}: {} nodes own", found.len());
}
