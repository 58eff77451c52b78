//! A deployed program's map: how a key is hashed, and what its hash leads to.

use alloc::{boxed::Box, vec, vec::Vec};
use core::{iter, slice};

use super::{
    bounded::{Bounded, Rule},
    hash::crc32,
    nginx::Attempts,
    points::PointRing,
    python::Rendezvous,
};
use crate::{
    HashTag, Node, NodeIndex, Placement as _, Point,
    buckets::{Buckets, BucketsWalk},
    placement::NodeSet,
};

/// Which hash a key gets. `None` is for keys that the program cannot read.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyHash {
    /// Fewer than 32 bits: nothing that callers would compute.
    Short(fn(&[u8]) -> Option<u32>),
    /// CRC-32, so common and quick that it is called directly; whether of empty keys too.
    Crc32 {
        of_empty: bool,
    },
    Bits32(fn(&[u8]) -> Option<u32>),
    Bits64(fn(&[u8]) -> Option<u64>),
    /// Positions are in the order of signed numbers.
    Signed64(fn(&[u8]) -> Option<u64>),
    Bits128(fn(&[u8]) -> Option<u128>),
    /// The program does not hash the key alone.
    NotAlone,
}

/// A deployed program's map.
#[derive(Clone, Debug)]
pub(crate) struct Deployed {
    key_hash: KeyHash,
    by: By,
    /// The nodes that own something, each once.
    owners: Box<[NodeIndex]>,
    weights: u64,
    /// Where keys go under load, if the layout was told a factor.
    bounded: Option<Bounded>,
    hash_tag: Option<HashTag>,
}

#[derive(Clone, Debug)]
enum By {
    /// A ring whose nodes all take keys.
    Ring(PointRing),
    /// A ring of whose nodes some are down: later points take their keys.
    RingWithDown(RingWithDown),
    /// The entry whose number is the hash modulo their count.
    Entries(Box<[NodeIndex]>),
    Buckets(Buckets),
    Attempts(Attempts),
    Rendezvous(Rendezvous),
}

#[derive(Clone, Debug)]
struct RingWithDown {
    ring: PointRing,
    is_down: Box<[bool]>,
    /// At so many points the program looks before it gives up.
    looks_max: usize,
}

impl Deployed {
    fn of(key_hash: KeyHash, by: By, owners: impl Iterator<Item = NodeIndex>) -> Self {
        let mut seen = NodeSet::new();
        let owners: Vec<_> = owners.filter(|&node| seen.insert(node)).collect();
        Self { key_hash, by, owners: owners.into(), weights: 0, bounded: None, hash_tag: None }
    }

    pub(super) fn of_ring(key_hash: KeyHash, ring: PointRing) -> Self {
        let owners: Vec<_> = ring.owners().collect();
        Self::of(key_hash, By::Ring(ring), owners.into_iter())
    }

    /// A ring of whose nodes some may be down, `looks_max` being at how many points a lookup looks.
    pub(super) fn of_ring_with_down(
        key_hash: KeyHash,
        ring: PointRing,
        is_down: Box<[bool]>,
        looks_max: usize,
    ) -> Self {
        if !is_down.contains(&true) {
            return Self::of_ring(key_hash, ring);
        }
        let owners: Vec<_> = ring.owners().filter(|&node| is_up(&is_down, node)).collect();
        let by = By::RingWithDown(RingWithDown { ring, is_down, looks_max });
        Self::of(key_hash, by, owners.into_iter())
    }

    pub(super) fn of_entries(key_hash: KeyHash, entries: Vec<NodeIndex>) -> Self {
        let entries = entries.into_boxed_slice();
        let owners = entries.clone().into_iter();
        Self::of(key_hash, By::Entries(entries), owners)
    }

    pub(super) fn of_buckets(key_hash: KeyHash, buckets: Buckets) -> Self {
        let nodes = (0..=u16::MAX).map(NodeIndex::new).take(buckets.owner_count());
        Self::of(key_hash, By::Buckets(buckets), nodes)
    }

    pub(super) fn of_attempts(attempts: Attempts) -> Self {
        let owners: Vec<_> = attempts.owners().collect();
        Self::of(KeyHash::NotAlone, By::Attempts(attempts), owners.into_iter())
    }

    pub(super) fn of_rendezvous(rendezvous: Rendezvous, count: usize) -> Self {
        let owners = (0..=u16::MAX).map(NodeIndex::new).take(count);
        Self::of(KeyHash::NotAlone, By::Rendezvous(rendezvous), owners)
    }

    /// The same, knowing what its nodes weigh.
    pub(super) fn weighed(self, nodes: &[Node<'_>]) -> Self {
        let weight = |node: &NodeIndex| nodes.get(node.as_usize()).map_or(1, Node::weight).max(1);
        let weights = self.owners.iter().map(|node| u64::from(weight(node))).sum();
        Self { weights, ..self }
    }

    /// The sum of what nodes weigh that own something, each at least 1 (SPEC §19.10).
    pub(crate) const fn weights(&self) -> u64 {
        self.weights
    }

    /// Whether a node owns something.
    pub(crate) fn owns(&self, node: NodeIndex) -> bool {
        self.owners.contains(&node)
    }

    /// The same with a bound on the load of each node, `factor` percent of its share.
    pub(super) fn bounded_by(self, factor: Option<u32>, rule: Rule) -> Self {
        Self { bounded: factor.map(|factor| Bounded { factor, rule }), ..self }
    }

    /// The same where keys are hashed by what stands in a tag.
    pub(super) fn tagged(self, hash_tag: Option<&HashTag>) -> Self {
        Self { hash_tag: hash_tag.copied(), ..self }
    }

    /// The points, if it is a ring.
    pub(crate) fn points(&self) -> Option<&[Point]> {
        self.point_ring().map(PointRing::points)
    }

    /// The whole position of a point, a number of the width that the program has.
    pub(crate) fn position_at(&self, index: usize, point: Point) -> u128 {
        self.point_ring().map_or(0, |ring| ring.position_at(index, point))
    }

    const fn point_ring(&self) -> Option<&PointRing> {
        match &self.by {
            By::Ring(ring) | By::RingWithDown(RingWithDown { ring, .. }) => Some(ring),
            _ => None,
        }
    }

    /// How many nodes own something.
    pub(crate) const fn owner_count(&self) -> usize {
        self.owners.len()
    }

    /// How many bits the key hash has, if it is one that callers may compute.
    pub(crate) const fn hash_bits(&self) -> Option<u32> {
        match self.key_hash {
            KeyHash::Crc32 { .. } | KeyHash::Bits32(_) => Some(32),
            KeyHash::Bits64(_) | KeyHash::Signed64(_) => Some(64),
            KeyHash::Short(_) | KeyHash::Bits128(_) | KeyHash::NotAlone => None,
        }
    }

    /// The key's hash, if it is one of [`hash_bits`](Self::hash_bits) bits.
    pub(crate) fn key_hash(&self, key: &[u8]) -> Option<u64> {
        let key = self.hashed_part(key);
        match self.key_hash {
            KeyHash::Crc32 { of_empty } => crc32_of(key, of_empty).map(u64::from),
            KeyHash::Bits32(hash) => hash(key).map(u64::from),
            KeyHash::Bits64(hash) | KeyHash::Signed64(hash) => hash(key),
            KeyHash::Short(_) | KeyHash::Bits128(_) | KeyHash::NotAlone => None,
        }
    }

    /// The bytes of `key` that are hashed.
    #[inline]
    fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        match &self.hash_tag {
            None => key,
            Some(tag) => tag.hashed_part(key),
        }
    }

    /// The owner of a key. Out of line, or native layouts would save registers for it.
    #[inline(never)]
    pub(crate) fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        match (&self.by, self.key_hash, &self.hash_tag) {
            (By::Ring(ring), KeyHash::Crc32 { of_empty }, None) => {
                ring.owner_32(crc32_of(key, of_empty)?)
            }
            _ => self.owner_otherwise(key),
        }
    }

    #[inline(never)]
    fn owner_otherwise(&self, key: &[u8]) -> Option<NodeIndex> {
        let key = self.hashed_part(key);
        match (&self.by, self.key_hash) {
            (By::Ring(ring), KeyHash::Bits32(hash)) => ring.owner_32(hash(key)?),
            (By::Attempts(attempts), _) => attempts.owner(key),
            (By::Rendezvous(rendezvous), _) => rendezvous.owner(key),
            _ => self.owner_at(self.hash(key)?),
        }
    }

    /// The owner of a hash of [`hash_bits`](Self::hash_bits) bits.
    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.owner_at(self.given(hash)?)
    }

    /// The node that the program picks while each node has that many requests in progress.
    pub(crate) fn owner_under_load(
        &self,
        key: &[u8],
        active: impl Fn(NodeIndex) -> u64,
    ) -> Option<NodeIndex> {
        let owner = self.owner(key)?;
        let key = self.hashed_part(key);
        let Some((bounded, hash)) = self.bounded.as_ref().zip(self.hash(key)) else {
            return Some(owner);
        };
        Some(bounded.pick(hash.number(), owner, self.walk_at(Some(hash)), active))
    }

    /// The candidates for a key, some more than once; none for a key that cannot be read.
    pub(crate) fn walk(&self, key: &[u8]) -> DeployedWalk<'_> {
        let key = self.hashed_part(key);
        match &self.by {
            By::Attempts(attempts) => DeployedWalk::Listed(attempts.walk(key).into_iter()),
            By::Rendezvous(rendezvous) => DeployedWalk::Listed(rendezvous.walk(key).into_iter()),
            _ => self.walk_at(self.hash(key)),
        }
    }

    /// The candidates for a hash of [`hash_bits`](Self::hash_bits) bits.
    pub(crate) fn walk_by_hash(&self, hash: u64) -> DeployedWalk<'_> {
        self.walk_at(self.given(hash))
    }

    /// Whom the program tries for a key, in its own order, a node perhaps more than once.
    pub(crate) fn candidates(&self, key: &[u8]) -> DeployedWalk<'_> {
        let part = self.hashed_part(key);
        match &self.by {
            By::Attempts(attempts) => {
                let tried: Vec<_> = attempts.candidates(part).collect();
                DeployedWalk::Listed(tried.into_iter())
            }
            By::RingWithDown(RingWithDown { ring, is_down, looks_max }) => {
                let Some(hash) = self.hash(part) else { return DeployedWalk::nobody() };
                DeployedWalk::Ring { walk: ring.walk(hash.aligned()), left: *looks_max, is_down }
            }
            _ => self.walk(key),
        }
    }

    /// The hash of a key, whatever its width.
    fn hash(&self, key: &[u8]) -> Option<Hash> {
        match self.key_hash {
            KeyHash::Crc32 { of_empty } => crc32_of(key, of_empty).map(Hash::Bits32),
            KeyHash::Short(hash) | KeyHash::Bits32(hash) => hash(key).map(Hash::Bits32),
            KeyHash::Bits64(hash) => hash(key).map(Hash::Bits64),
            KeyHash::Signed64(hash) => hash(key).map(Hash::signed),
            KeyHash::Bits128(hash) => hash(key).map(Hash::Bits128),
            KeyHash::NotAlone => None,
        }
    }

    /// A hash that a caller gives; a wider one is never cut.
    fn given(&self, hash: u64) -> Option<Hash> {
        match self.key_hash {
            KeyHash::Crc32 { .. } | KeyHash::Bits32(_) => {
                u32::try_from(hash).ok().map(Hash::Bits32)
            }
            KeyHash::Bits64(_) => Some(Hash::Bits64(hash)),
            KeyHash::Signed64(_) => Some(Hash::signed(hash)),
            _ => None,
        }
    }

    fn owner_at(&self, hash: Hash) -> Option<NodeIndex> {
        match &self.by {
            By::Ring(ring) => ring.find(hash.aligned()).map(|(_, node)| node),
            By::RingWithDown(RingWithDown { ring, is_down, looks_max }) => {
                ring.walk(hash.aligned()).take(*looks_max).find(|&node| is_up(is_down, node))
            }
            By::Entries(entries) => entries.get(hash.modulo(entries.len())?).copied(),
            By::Buckets(buckets) => buckets.owner_by_hash(hash.number()),
            By::Attempts(_) | By::Rendezvous(_) => None,
        }
    }

    fn walk_at(&self, hash: Option<Hash>) -> DeployedWalk<'_> {
        let Some(hash) = hash else { return DeployedWalk::nobody() };
        match &self.by {
            By::Ring(ring) => DeployedWalk::Ring {
                walk: ring.walk(hash.aligned()),
                left: usize::MAX,
                is_down: &[],
            },
            // Where the program gives up the hash, there is no order to go by.
            By::RingWithDown(_) if self.owner_at(hash).is_none() => DeployedWalk::nobody(),
            By::RingWithDown(RingWithDown { ring, is_down, .. }) => {
                DeployedWalk::Ring { walk: ring.walk(hash.aligned()), left: usize::MAX, is_down }
            }
            By::Entries(entries) => {
                let first = hash.modulo(entries.len()).unwrap_or_default();
                let (then, now) = entries.split_at_checked(first).unwrap_or_default();
                DeployedWalk::Entries(now.iter().chain(then))
            }
            By::Buckets(buckets) => DeployedWalk::Buckets(buckets.walk(hash.number())),
            By::Attempts(_) | By::Rendezvous(_) => DeployedWalk::nobody(),
        }
    }
}

#[inline]
fn crc32_of(key: &[u8], of_empty: bool) -> Option<u32> {
    (of_empty || !key.is_empty()).then(|| crc32(key))
}

/// A node that is not marked down.
fn is_up(is_down: &[bool], node: NodeIndex) -> bool {
    is_down.get(node.as_usize()) != Some(&true)
}

/// A key's hash.
#[derive(Clone, Copy, Debug)]
enum Hash {
    Bits32(u32),
    Bits64(u64),
    Bits128(u128),
}

impl Hash {
    /// A signed number of 64 bits, in an order that unsigned comparison sees.
    const fn signed(hash: u64) -> Self {
        Self::Bits64(hash ^ 1 << 63)
    }

    /// At the upper end of 128 bits, as rings have it.
    fn aligned(self) -> u128 {
        match self {
            Self::Bits32(hash) => u128::from(hash) << 96,
            Self::Bits64(hash) => u128::from(hash) << 64,
            Self::Bits128(hash) => hash,
        }
    }

    /// As a number; no list of entries or buckets has a wider hash.
    fn number(self) -> u64 {
        match self {
            Self::Bits32(hash) => hash.into(),
            Self::Bits64(hash) => hash,
            Self::Bits128(_) => 0,
        }
    }

    fn modulo(self, count: usize) -> Option<usize> {
        let entry = self.number().checked_rem(u64::try_from(count).ok()?)?;
        usize::try_from(entry).ok()
    }
}

/// The candidates for a key; a node may come more than once.
#[derive(Clone, Debug)]
pub(crate) enum DeployedWalk<'a> {
    Ring {
        walk: crate::Walk<'a>,
        /// At so many points it looks yet.
        left: usize,
        is_down: &'a [bool],
    },
    Entries(iter::Chain<slice::Iter<'a, NodeIndex>, slice::Iter<'a, NodeIndex>>),
    Buckets(BucketsWalk),
    Listed(vec::IntoIter<NodeIndex>),
}

impl DeployedWalk<'_> {
    fn nobody() -> Self {
        Self::Listed(Vec::new().into_iter())
    }
}

impl Iterator for DeployedWalk<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        match self {
            Self::Ring { walk, left, is_down } => loop {
                *left = left.checked_sub(1)?;
                let node = walk.next()?;
                if is_up(is_down, node) {
                    return Some(node);
                }
            },
            Self::Entries(entries) => entries.next().copied(),
            Self::Buckets(walk) => walk.next(),
            Self::Listed(nodes) => nodes.next(),
        }
    }
}
