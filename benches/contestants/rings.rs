//! Crates that keep a ring of points, 160 a node.

use std::net::SocketAddr;

use consistent_hash::{DefaultHash, StaticHashRing};
use hashring::HashRing;
use pingora_ketama::{Bucket, Continuum};

use super::{Map, VNODES};

pub(super) struct Ketama(Continuum);

impl Map for Ketama {
    fn build(nodes: &[SocketAddr]) -> Self {
        let buckets: Vec<Bucket> = nodes.iter().map(|&node| Bucket::new(node, 1)).collect();
        Self(Continuum::new(&buckets))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.node(key)
    }
}

/// How hashring's documentation makes virtual nodes.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
struct VirtualNode {
    id: u16,
    address: SocketAddr,
}

pub(super) struct Hashring(HashRing<VirtualNode>);

impl Map for Hashring {
    fn build(nodes: &[SocketAddr]) -> Self {
        let nodes = nodes
            .iter()
            .flat_map(|&address| (0..VNODES).map(move |id| VirtualNode { id, address }));
        let mut ring = HashRing::new();
        ring.batch_add(nodes.collect());
        Self(ring)
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.get(&key).map(|node| node.address)
    }
}

pub(super) struct ConsistentHash(StaticHashRing<'static, SocketAddr, (), DefaultHash>);

impl Map for ConsistentHash {
    fn build(nodes: &[SocketAddr]) -> Self {
        let vnodes = usize::from(VNODES);
        let nodes = nodes.iter().map(|&node| consistent_hash::Node::new(node).quantity(vnodes));
        Self(StaticHashRing::new(DefaultHash, nodes))
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.calc_candidates(&key).next().map(|node| node.key)
    }
}

#[derive(Clone)]
struct Named(SocketAddr);

impl conhash::Node for Named {
    fn name(&self) -> String {
        self.0.to_string()
    }
}

pub(super) struct Conhash(conhash::ConsistentHash<Named>);

impl Map for Conhash {
    fn build(nodes: &[SocketAddr]) -> Self {
        let mut ring = conhash::ConsistentHash::new();
        for &node in nodes {
            ring.add(&Named(node), usize::from(VNODES));
        }
        Self(ring)
    }

    #[inline(always)]
    fn owner(&self, key: &[u8]) -> Option<SocketAddr> {
        self.0.get(key).map(|node| node.0)
    }
}
