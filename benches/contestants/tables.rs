//! Crates without a ring: lookup tables, jump hash, one score a node.

use std::{collections::hash_map::RandomState, net::SocketAddr};

use anchorhash::AnchorHash;
use hrw_hash::{HrwNode, HrwNodes};
use jumphash::JumpHasher;
use maglev::ConsistentHasher as _;
use maglev_hash::MaglevTable;
use rendezvous_hash::{DefaultNodeHasher, IdNode, RendezvousNodes};

use super::Map;

pub(super) struct MaglevHash(MaglevTable<SocketAddr>);

impl Map for MaglevHash {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self(MaglevTable::new(nodes.to_vec()))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.get(&key).copied()
    }
}

pub(super) struct Maglev(maglev::Maglev<SocketAddr>);

impl Map for Maglev {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self(maglev::Maglev::new(nodes.iter().copied()))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.get(key).copied()
    }
}

/// Its type of key is part of its own, so a key is an array here.
pub(super) struct Anchor(AnchorHash<[u8; 16], SocketAddr, RandomState>);

impl Map for Anchor {
    /// With room for as many nodes more.
    fn build(nodes: &[SocketAddr]) -> Self {
        let capacity = u16::try_from(2 * nodes.len()).expect("at most 32,767 nodes");
        let builder = anchorhash::Builder::default().with_resources(nodes.iter().copied());
        Self(builder.build(capacity))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.get_resource(*key.first_chunk()?).copied()
    }
}

pub(super) struct Jumphash {
    hasher: JumpHasher,
    nodes: Vec<SocketAddr>,
}

impl Map for Jumphash {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self { hasher: JumpHasher::new_with_keys(1, 2), nodes: nodes.to_vec() }
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "at most 65,535 nodes")]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        let slot = self.hasher.slot(&key, self.nodes.len() as u32);
        self.nodes.get(slot as usize).copied()
    }
}

/// It takes a hash, which its user has to choose: XXH3, as ours.
pub(super) struct JumpConsistentHash(Vec<SocketAddr>);

impl Map for JumpConsistentHash {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self(nodes.to_vec())
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        let slot = jump_consistent_hash::hash(ringway::key_hash(key), self.0.len());
        self.0.get(slot as usize).copied()
    }
}

pub(super) struct Rendezvous(RendezvousNodes<IdNode<SocketAddr>, DefaultNodeHasher>);

impl Map for Rendezvous {
    fn build(nodes: &[SocketAddr]) -> Self {
        let mut set = RendezvousNodes::default();
        for &node in nodes {
            set.insert(IdNode::new(node));
        }
        Self(set)
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.calc_candidates(&key).next().map(|node| **node)
    }
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct HrwAddress(SocketAddr);

impl HrwNode for HrwAddress {}

pub(super) struct Hrw(HrwNodes<HrwAddress>);

impl Map for Hrw {
    fn build(nodes: &[SocketAddr]) -> Self {
        Self(HrwNodes::new(nodes.iter().copied().map(HrwAddress)))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.sorted(&key).next().map(|node| node.0)
    }
}
