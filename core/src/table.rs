//! The snapshot that everything outside `core` speaks.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    BuildError, Layout, Node, NodeIndex,
    hash::{key_hash, position},
    layout::{NODES_MAX, POINTS_MAX, TEXT_BYTES_MAX},
};

/// A snapshot: the nodes, and who owns what.
///
/// Immutable; share it with `Arc`. A change is a new table that is swapped in.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    nodes: Box<[Owned]>,
    points: Box<[(u32, u16)]>,
}

#[derive(Clone, Debug)]
struct Owned {
    name: Box<[u8]>,
    weight: u32,
    zone: Option<Box<[u8]>>,
    state: crate::State,
}

/// A run of positions, both ends inclusive, with one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// Who owns it.
    pub owner: NodeIndex,
}

impl Table {
    /// A table of these nodes in that layout.
    ///
    /// # Complexity
    /// O(points · log points) time, once.
    ///
    /// # Errors
    /// [`BuildError`] as SPEC §8 orders the checks.
    pub fn new(layout: &Layout, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        if nodes.len() > NODES_MAX {
            return Err(BuildError::TooManyNodes { count: nodes.len() });
        }
        for (index, node) in nodes.iter().enumerate() {
            if node.name().is_empty() || node.name().len() > TEXT_BYTES_MAX {
                return Err(BuildError::BadText { index, field: "name", len: node.name().len() });
            }
            if let Some(zone) = node.zone() {
                if zone.is_empty() || zone.len() > TEXT_BYTES_MAX {
                    return Err(BuildError::BadText { index, field: "zone", len: zone.len() });
                }
            }
        }
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by_key(|&index| (nodes[index].name(), index));
        let duplicate = order
            .windows(2)
            .filter(|pair| nodes[pair[0]].name() == nodes[pair[1]].name())
            .min_by_key(|pair| pair[1]);
        if let Some(pair) = duplicate {
            return Err(BuildError::DuplicateName { first: pair[0], second: pair[1] });
        }
        let Layout::RingwayV1 { vnodes, .. } = layout;
        let total: u64 = nodes
            .iter()
            .map(|node| u64::from(*vnodes) * u64::from(node.effective_weight()))
            .fold(0, u64::saturating_add);
        if total > POINTS_MAX {
            return Err(BuildError::TooManyPoints { points: total });
        }
        let mut points = Vec::new();
        for (&index, rank) in order.iter().zip(0u32..) {
            let node = &nodes[index];
            let mut input = node.name().to_vec();
            for i in 0..vnodes.saturating_mul(node.effective_weight()) {
                input.truncate(node.name().len());
                input.extend_from_slice(&i.to_le_bytes());
                let owner = u16::try_from(index).expect("at most 65,536 nodes, checked above");
                points.push((position(key_hash(&input)), rank, owner));
            }
        }
        points.sort_unstable();
        Ok(Self {
            layout: layout.clone(),
            nodes: nodes
                .iter()
                .map(|node| Owned {
                    name: node.name().into(),
                    weight: node.weight(),
                    zone: node.zone().map(Into::into),
                    state: node.state(),
                })
                .collect(),
            points: points.into_iter().map(|(position, _, owner)| (position, owner)).collect(),
        })
    }

    /// The layout.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many nodes there are, those without weight included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of that index; `None` if the table has fewer.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> Option<Node<'_>> {
        self.nodes.get(index.as_usize()).map(Owned::view)
    }

    /// The nodes in the order they were given.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        self.nodes.iter().map(Owned::view)
    }

    /// The index of the node of that name.
    ///
    /// # Complexity
    /// O(nodes).
    #[must_use]
    pub fn index_of(&self, name: &[u8]) -> Option<NodeIndex> {
        let index = self.nodes.iter().position(|node| *node.name == *name)?;
        u16::try_from(index).ok().map(NodeIndex::new)
    }

    /// The owner of `key`; `None` when no node may own anything.
    ///
    /// # Complexity
    /// O(key length) to hash, then the same few steps whatever the number of nodes.
    #[must_use]
    pub fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.owner_by_hash(key_hash(self.layout.hashed_part(key)))
    }

    /// The owner of a key hash of [`hash_bits`](Self::hash_bits) bits.
    #[must_use]
    pub fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.walk_by_hash(hash).next()
    }

    /// The candidates for `key` in order of preference: each node that may own once.
    pub fn walk(&self, key: &[u8]) -> impl Iterator<Item = NodeIndex> + '_ {
        self.walk_by_hash(key_hash(self.layout.hashed_part(key)))
    }

    fn walk_by_hash(&self, hash: u64) -> impl Iterator<Item = NodeIndex> + '_ {
        let start = self.points.partition_point(|point| point.0 < position(hash));
        let ring = self.points[start..].iter().chain(&self.points[..start]);
        let mut seen = alloc::vec![false; self.nodes.len()];
        ring.filter_map(move |&(_, owner)| {
            let seen = &mut seen[usize::from(owner)];
            (!core::mem::replace(seen, true)).then_some(NodeIndex::new(owner))
        })
    }

    /// Fills `out` with distinct owners of `key`, the first being its owner, and returns how many:
    /// one per zone first, then the rest in walk order (SPEC §6).
    pub fn owners(&self, key: &[u8], out: &mut [NodeIndex]) -> usize {
        let order: Vec<NodeIndex> = self.walk(key).collect();
        let mut zones: Vec<&[u8]> = Vec::new();
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for index in order {
            match &self.nodes[index.as_usize()].zone {
                Some(zone) if zones.contains(&&**zone) => rest.push(index),
                Some(zone) => {
                    zones.push(zone);
                    first.push(index);
                }
                None => first.push(index),
            }
        }
        let mut count = 0;
        for (slot, index) in out.iter_mut().zip(first.into_iter().chain(rest)) {
            *slot = index;
            count += 1;
        }
        count
    }

    /// How many bits the layout's key hash has, if it is one that callers may compute themselves.
    #[must_use]
    pub const fn hash_bits(&self) -> Option<u32> {
        Some(64)
    }

    /// The key hash, for layouts that have one of [`hash_bits`](Self::hash_bits) bits.
    #[must_use]
    pub fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(key_hash(self.layout.hashed_part(key)))
    }

    /// The position of `key` where the layout has positions that can move, else `None`.
    #[must_use]
    pub fn position(&self, key: &[u8]) -> Option<u64> {
        Some(u64::from(position(key_hash(self.layout.hashed_part(key)))))
    }

    /// The last position of the layout, if its owners are constant on runs of positions.
    #[must_use]
    pub const fn position_max(&self) -> Option<u64> {
        Some(u32::MAX as u64)
    }

    /// Who owns which run of positions: ascending, without gap or overlap, neighbours of one
    /// owner joined; `None` if the layout has no such runs or nobody owns anything.
    pub fn segments(&self) -> Option<impl Iterator<Item = Segment> + '_> {
        let &(_, wrapped) = self.points.first()?;
        let mut runs: Vec<Segment> = Vec::new();
        let mut lo = 0u64;
        let ends = self.points.iter().map(|&(end, owner)| (u64::from(end), owner));
        for (hi, owner) in ends.chain([(u64::from(u32::MAX), wrapped)]) {
            if hi < lo {
                continue;
            }
            let owner = NodeIndex::new(owner);
            match runs.last_mut() {
                Some(last) if last.owner == owner => last.hi = hi,
                _ => runs.push(Segment { lo, hi, owner }),
            }
            lo = hi + 1;
        }
        Some(runs.into_iter())
    }
}

impl Owned {
    fn view(&self) -> Node<'_> {
        let node = Node::from_bytes(&self.name).with_weight(self.weight).with_state(self.state);
        match &self.zone {
            Some(zone) => node.with_zone(zone),
            None => node,
        }
    }
}
