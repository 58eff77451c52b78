//! Ringway and its rivals on the same nodes, called the way their users would.

use std::{collections::HashSet, net::SocketAddr};

use consistent_hash::{DefaultHash, StaticHashRing};
use hashring::HashRing;
use pingora_ketama::{Bucket, Continuum};
use ringway::{NodeIndex, Table};
use ringway_bench::{Contestant, Keys, table};

/// Points that each node has on each ring.
const VNODES: u16 = 160;

/// One ring of each crate over the same nodes.
pub(crate) struct Rings {
    addresses: Vec<SocketAddr>,
    ringway: Table,
    ketama: Continuum,
    hashring: HashRing<VirtualNode>,
    consistent_hash: StaticHashRing<'static, SocketAddr, (), DefaultHash>,
}

/// How hashring's documentation makes virtual nodes.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
struct VirtualNode {
    id: u16,
    address: SocketAddr,
}

impl Rings {
    pub(crate) fn new(addresses: &[SocketAddr]) -> Self {
        Self {
            addresses: addresses.to_vec(),
            ringway: table(addresses),
            ketama: build_ketama(addresses),
            hashring: build_hashring(addresses),
            consistent_hash: build_consistent_hash(addresses),
        }
    }

    #[inline(always)]
    fn ringway(&self, key: &[u8]) -> Option<NodeIndex> {
        self.ringway.owner(key)
    }

    #[inline(always)]
    fn ringway_address(&self, key: &[u8]) -> Option<SocketAddr> {
        let owner = self.ringway.owner(key)?;
        self.addresses.get(owner.as_usize()).copied()
    }

    #[inline(always)]
    fn ketama(&self, key: &[u8]) -> Option<SocketAddr> {
        self.ketama.node(key)
    }

    #[inline(always)]
    fn hashring(&self, key: &[u8]) -> Option<SocketAddr> {
        self.hashring.get(&key).map(|node| node.address)
    }

    #[inline(always)]
    fn consistent_hash(&self, key: &[u8]) -> Option<SocketAddr> {
        self.consistent_hash.calc_candidates(&key).next().map(|node| node.key)
    }

    /// Asserts that every ring answers as a ring should: with the known owner for Ringway, and for
    /// the others with a node of the list, every one of them for some key if there are few.
    pub(crate) fn check(&self, keys: &Keys) {
        let segments: Vec<_> = self.ringway.segments().expect("nodes have weight").collect();
        for key in keys.iter() {
            let position = self.ringway.position(key).expect("ringway-v1 has positions");
            let segment = &segments[segments.partition_point(|segment| segment.hi < position)];
            assert_eq!(self.ringway(key), Some(segment.owner));
            let address = self.addresses[segment.owner.as_usize()];
            assert_eq!(self.ringway_address(key), Some(address));
        }
        for rival in [Self::ketama, Self::hashring, Self::consistent_hash] {
            let known: HashSet<SocketAddr> = self.addresses.iter().copied().collect();
            let found: HashSet<SocketAddr> =
                keys.iter().map(|key| rival(self, key).expect("an owner")).collect();
            assert!(found.is_subset(&known), "owners are nodes");
            assert!(known.len() > 1_000 || found == known, "every node owns something");
        }
    }
}

fn build_ketama(addresses: &[SocketAddr]) -> Continuum {
    let buckets: Vec<Bucket> = addresses.iter().map(|&node| Bucket::new(node, 1)).collect();
    Continuum::new(&buckets)
}

fn build_hashring(addresses: &[SocketAddr]) -> HashRing<VirtualNode> {
    let nodes = addresses
        .iter()
        .flat_map(|&address| (0..VNODES).map(move |id| VirtualNode { id, address }));
    let mut ring = HashRing::new();
    ring.batch_add(nodes.collect());
    ring
}

fn build_consistent_hash(
    addresses: &[SocketAddr],
) -> StaticHashRing<'static, SocketAddr, (), DefaultHash> {
    let vnodes = usize::from(VNODES);
    let nodes = addresses.iter().map(|&node| consistent_hash::Node::new(node).quantity(vnodes));
    StaticHashRing::new(DefaultHash, nodes)
}

/// Builds a ring and drops it.
pub(crate) type Builder = fn(&[SocketAddr]);

/// What it takes each crate to build its ring.
#[allow(dead_code, reason = "only some benches build")]
pub(crate) const fn builders() -> [(&'static str, Builder); 4] {
    [
        ("ringway", |nodes| drop(table(nodes))),
        ("pingora-ketama-0.9.1", |nodes| drop(build_ketama(nodes))),
        ("hashring-0.3.6", |nodes| drop(build_hashring(nodes))),
        ("consistent_hash-0.1.4", |nodes| drop(build_consistent_hash(nodes))),
    ]
}

/// One pass over the keys for each: the hash alone, Ringway, then its rivals.
pub(crate) fn contestants<'a>(rings: &'a Rings, keys: &'a Keys) -> Vec<Contestant<'a>> {
    vec![
        ("hash-only", pass(keys, ringway::key_hash)),
        ("ringway", pass(keys, |key| rings.ringway(key).map_or(0, |node| u64::from(node.get())))),
        ("ringway-address", pass(keys, |key| sum(rings.ringway_address(key)))),
        ("ringway-three-owners", pass(keys, |key| three(&rings.ringway, key))),
        ("pingora-ketama-0.9.1", pass(keys, |key| sum(rings.ketama(key)))),
        ("hashring-0.3.6", pass(keys, |key| sum(rings.hashring(key)))),
        ("consistent_hash-0.1.4", pass(keys, |key| sum(rings.consistent_hash(key)))),
    ]
}

fn pass<'a>(
    keys: &'a Keys,
    owner: impl Fn(&[u8]) -> u64 + 'a,
) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    Box::new(move |block| keys.block(block).map(&owner).fold(0, u64::wrapping_add))
}

/// Something of the address that cannot be known without the lookup.
fn sum(address: Option<SocketAddr>) -> u64 {
    match address {
        Some(SocketAddr::V4(address)) => u64::from(address.ip().to_bits()),
        _ => 0,
    }
}

fn three(table: &Table, key: &[u8]) -> u64 {
    let mut owners = [NodeIndex::new(0); 3];
    table.owners(key, &mut owners);
    owners.iter().map(|owner| u64::from(owner.get())).sum()
}
