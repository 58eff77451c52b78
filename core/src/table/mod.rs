//! The snapshot that everything outside `core` speaks.

mod change;
mod moved;
mod nodes;
mod segments;
mod snapshot;
mod walk;
mod zones;

use alloc::boxed::Box;

pub use self::{
    moved::{MovedError, MovedRange, Twins},
    segments::Segment,
    snapshot::SnapshotError,
};
use self::{nodes::Nodes, segments::Segments, walk::Distinct, zones::Zones};
use crate::{
    BuildError, Layout, Node, NodeIndex, Placement, Point, Ring, RingBuilder, hash::position,
};

/// A snapshot: the nodes, and who owns what.
///
/// Immutable; share it with `Arc`. A change is a new table that is swapped in; that of one node
/// is cheap: [`with_node`](Self::with_node) and its neighbours.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    nodes: Nodes,
    zones: Option<Zones>,
    ring: Ring<Box<[Point]>>,
}

impl Table {
    /// A table of these nodes in that layout.
    ///
    /// # Complexity
    /// O(points) time in practice, O(points · log points) at worst; 8 bytes a point.
    ///
    /// # Errors
    /// [`BuildError`] as SPEC §8 orders the checks.
    pub fn new(layout: &Layout, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        let own = Nodes::new(nodes)?;
        let ring = RingBuilder::new().with_layout(layout.clone()).build_checked(nodes)?;
        let zones = Zones::new(own.iter());
        Ok(Self { layout: layout.clone(), nodes: own, zones, ring })
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
        self.len() == 0
    }

    /// The node of that index; `None` if the table has fewer.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> Option<Node<'_>> {
        self.nodes.get(index.as_usize())
    }

    /// The nodes in the order they were given.
    #[must_use]
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        self.nodes.iter()
    }

    /// The index of the node of that name.
    ///
    /// # Complexity
    /// O(log nodes) comparisons of names.
    #[must_use]
    pub fn index_of(&self, name: &[u8]) -> Option<NodeIndex> {
        self.nodes.index_of(name)
    }

    /// The owner of `key`; `None` when no node may own anything.
    ///
    /// # Complexity
    /// O(key length) to hash, then the same few steps whatever the number of nodes; O(log points)
    /// where points or keys were chosen to crowd.
    #[inline]
    #[must_use]
    pub fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.ring.owner(key)
    }

    /// The owner of a key hash of [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    #[must_use]
    pub fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.ring.owner_by_hash(hash)
    }

    /// The candidates for `key` in order of preference: each node that may own once.
    ///
    /// The first 16 come without allocation; whoever asks for more pays for one set of
    /// [`len`](Self::len) bits.
    ///
    /// # Complexity
    /// O(points) for the whole walk.
    pub fn walk(&self, key: &[u8]) -> impl Iterator<Item = NodeIndex> + '_ {
        let walk = self.ring.walk(self.ring.hash_key(key));
        Distinct::new(walk, self.ring.owner_count(), self.nodes.len())
    }

    /// Fills `out` with distinct owners of `key`, the first being its owner, and returns how many:
    /// one per zone first, then the rest in walk order (SPEC §6).
    ///
    /// Never allocates; beyond 16 owners it takes 8 KiB of stack.
    ///
    /// # Complexity
    /// About O(`out.len()`) while that is small beside the number of nodes and of zones; O(points)
    /// at worst, when all nodes are asked for or one zone has next to no weight.
    pub fn owners(&self, key: &[u8], out: &mut [NodeIndex]) -> usize {
        match &self.zones {
            None => self.ring.owners(key, out),
            Some(zones) => {
                let walk = self.ring.walk(self.ring.hash_key(key));
                zones.fill(&walk, self.ring.owner_count(), out)
            }
        }
    }

    /// How many bits the layout's key hash has, if it is one that callers may compute themselves.
    #[must_use]
    pub const fn hash_bits(&self) -> Option<u32> {
        Some(64)
    }

    /// The key hash, for layouts that have one of [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    #[must_use]
    pub fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(self.ring.hash_key(key))
    }

    /// The position of `key` where the layout has positions that can move, else `None`.
    #[inline]
    #[must_use]
    pub fn position(&self, key: &[u8]) -> Option<u64> {
        Some(u64::from(position(self.ring.hash_key(key))))
    }

    /// The last position of the layout, if its owners are constant on runs of positions.
    #[must_use]
    pub const fn position_max(&self) -> Option<u64> {
        Some(u32::MAX as u64)
    }

    /// Who owns which run of positions: ascending, without gap or overlap, neighbours of one
    /// owner joined; `None` if the layout has no such runs or nobody owns anything.
    #[must_use]
    pub fn segments(&self) -> Option<impl Iterator<Item = Segment> + '_> {
        Segments::new(self.ring.points())
    }
}
