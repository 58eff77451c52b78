//! The snapshot that everything outside `core` speaks.

mod batch;
mod bounded;
mod change;
mod moved;
mod nodes;
mod placed;
mod rebuild;
mod segments;
mod snapshot;
mod walk;

use alloc::boxed::Box;

pub use self::{
    bounded::LoadFactor,
    moved::{MovedError, MovedRange, Twins},
    segments::Segment,
    snapshot::SnapshotError,
};
use self::{
    nodes::Nodes,
    placed::{Candidates, Placed},
    segments::Segments,
    walk::Distinct,
};
use crate::{
    BuildError, Layout, Node, NodeIndex, Placement, Point, Ring, Zones,
    hash::{key_hash, position},
    placement::fill_distinct,
};

/// A snapshot: the nodes, and who owns what.
///
/// Immutable; share it with `Arc`. A change is a new table that is swapped in; that of one node
/// is cheap: [`with_node`](Self::with_node) and its neighbours.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    nodes: Nodes,
    zones: Option<Zones<Box<[NodeIndex]>>>,
    placed: Placed,
}

impl Table {
    /// A table of these nodes in that layout.
    ///
    /// # Complexity
    /// `ringway-v1`: O(points) time in practice, O(points · log points) at worst; 8 bytes a point.
    /// `jump-v1`, `jumpback-v1`, `rendezvous-v1`: O(nodes · log nodes), to compare the names.
    /// `memento-v1`: the same, and 16 bytes at most for each removed node.
    /// `maglev-v1`: O(table size · log table size) expected, 2 bytes an entry.
    /// `balanced-v1`: O(slots · nodes), 2 bytes a slot.
    ///
    /// # Errors
    /// [`BuildError`] as SPEC §8 orders the checks.
    pub fn new(layout: &Layout, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        layout.check()?;
        let own = Nodes::new(nodes, layout)?;
        let placed = Placed::new(layout, nodes)?;
        let owns = |index| !placed.is_removed(index);
        let zones = Zones::new(own.len(), |index| own.get(index), owns);
        Ok(Self { layout: layout.clone(), nodes: own, zones, placed })
    }

    /// The ring, if its points are those of `ringway-v1`: these can be hashed anew.
    const fn plain_ring(&self) -> Option<&Ring<Box<[Point]>>> {
        match self.layout {
            Layout::RingwayV1 { .. } => self.placed.ring(),
            _ => None,
        }
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

    /// The weight that counts of the node of that index: 0 if it drains, was removed (`memento-v1`)
    /// or is not there.
    #[must_use]
    pub fn effective_weight(&self, index: NodeIndex) -> u32 {
        let node = self.node(index).filter(|_| !self.placed.is_removed(index));
        node.map_or(0, |node| node.effective_weight())
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
    /// O(key length) to hash. Then in `ringway-v1` the same few steps whatever the number of nodes,
    /// O(log points) where points or keys were chosen to crowd; in `jump-v1` O(log nodes), in
    /// `memento-v1` that and more where many are removed, in
    /// `jumpback-v1` O(1) expected, in `rendezvous-v1` O(nodes) and a logarithm for each weight
    /// that occurs, in `maglev-v1` and `balanced-v1` one access.
    #[inline]
    #[must_use]
    pub fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        match &self.placed {
            Placed::Ring(ring) => ring.owner_by_hash(key_hash(key)),
            other => other.other_owner(&self.layout, key),
        }
    }

    /// The owner where it is found without a function call: of keys of up to 128 bytes in
    /// `ringway-v1`, and there nearly always. `None` means that [`owner`](Self::owner) is to be
    /// asked. For the C ABI, whose function then saves no registers.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn quick_owner(&self, key: &[u8]) -> Option<NodeIndex> {
        match &self.placed {
            Placed::Ring(ring) if key.len() <= 128 => ring.quick_owner_by_hash(key_hash(key)),
            _ => None,
        }
    }

    /// As [`quick_owner`](Self::quick_owner), for [`owner_by_hash`](Self::owner_by_hash).
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn quick_owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        match &self.placed {
            Placed::Ring(ring) => ring.quick_owner_by_hash(hash),
            _ => None,
        }
    }

    /// The owner of a key hash of [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    #[must_use]
    pub fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.placed.owner_by_hash(hash)
    }

    /// The candidates for `key` in order of preference: each node that may own once.
    ///
    /// The first 16 come without allocation; whoever asks for more pays for one set of
    /// [`len`](Self::len) bits.
    ///
    /// # Complexity
    /// O(points) for the whole walk; in `maglev-v1` O(entries); in `rendezvous-v1` and
    /// `balanced-v1` O(nodes) for each sixteen nodes.
    #[inline]
    pub fn walk(&self, key: &[u8]) -> impl Iterator<Item = NodeIndex> + '_ {
        self.distinct(self.placed.walk_of(&self.layout, key))
    }

    /// Whom the layout's program itself tries for `key`, in its order.
    ///
    /// In native layouts, and in most deployed programs', it is the [`walk`](Self::walk). nginx goes
    /// from point to point, so a node may come more than once, and gives up after 21;
    /// `nginx-modulo` hashes anew, as often; Varnish and Traffic Server go from point to point all
    /// around. Nodes that are down are left out.
    pub fn candidates(&self, key: &[u8]) -> impl Iterator<Item = NodeIndex> + '_ {
        let theirs = self.placed.candidates(key);
        let ours = theirs.is_none().then(|| self.walk(key));
        theirs.into_iter().flatten().chain(ours.into_iter().flatten())
    }

    /// The owner of `key` as the layout's program picks it while `active` requests are in progress
    /// on each node: by the option `hash_balance_factor` of `envoy-ring`, `envoy-maglev` and
    /// `haproxy-consistent`. Elsewhere, and without the option, it is the [`owner`](Self::owner).
    ///
    /// Not what the papers call bounded load: in Envoy a host may have one request more than its
    /// slots, and the next host is drawn, not the next on the ring.
    ///
    /// # Complexity
    /// O(nodes).
    #[cfg(feature = "compat")]
    pub fn owner_under_load(
        &self,
        key: &[u8],
        active: impl Fn(NodeIndex) -> u64,
    ) -> Option<NodeIndex> {
        match &self.placed {
            Placed::Deployed(deployed) => deployed.owner_under_load(key, active),
            _ => self.owner(key),
        }
    }

    /// The walk of a key hash of [`hash_bits`](Self::hash_bits) bits.
    pub fn walk_by_hash(&self, hash: u64) -> impl Iterator<Item = NodeIndex> + '_ {
        self.distinct(self.placed.walk(hash))
    }

    #[inline]
    fn distinct<'a>(&'a self, walk: Candidates<'a>) -> Distinct<Candidates<'a>> {
        Distinct::new(walk, self.placed.owner_count(), self.nodes.len())
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
        if let (Placed::Ring(ring), None) = (&self.placed, &self.zones) {
            return ring.owners_by_hash(key_hash(key), out);
        }
        self.fill(&self.placed.walk_of(&self.layout, key), out)
    }

    /// The owners of a key hash of [`hash_bits`](Self::hash_bits) bits, as [`owners`](Self::owners).
    pub fn owners_by_hash(&self, hash: u64, out: &mut [NodeIndex]) -> usize {
        self.fill(&self.placed.walk(hash), out)
    }

    fn fill(&self, walk: &Candidates<'_>, out: &mut [NodeIndex]) -> usize {
        let count = self.placed.owner_count();
        match &self.zones {
            None => fill_distinct(wanted(out, count), 0, walk.clone(), |node| node),
            Some(zones) => zones.fill(|| walk.clone(), count, out),
        }
    }

    /// How many bits the layout's key hash has, if it is one that callers may compute themselves.
    #[must_use]
    pub const fn hash_bits(&self) -> Option<u32> {
        self.placed.hash_bits()
    }

    /// The key hash, for layouts that have one of [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    #[must_use]
    pub fn key_hash(&self, key: &[u8]) -> Option<u64> {
        self.placed.key_hash(&self.layout, key)
    }

    /// The position of `key` where the layout has positions that can move, else `None`.
    #[inline]
    #[must_use]
    pub fn position(&self, key: &[u8]) -> Option<u64> {
        let hash = self.key_hash(key).filter(|_| self.placed.is_movable())?;
        Some(u64::from(position(hash)))
    }

    /// The last position of the layout, if its owners are constant on runs of positions.
    #[must_use]
    pub const fn position_max(&self) -> Option<u64> {
        if self.placed.is_movable() { Some(u32::MAX as u64) } else { None }
    }

    /// The points of the ring with their owners, ascending; `None` if the layout is no ring.
    ///
    /// A position is a number of as many bits as the layout's points have: 32, 64 or 128; in
    /// `cassandra-token` it is the token with its sign bit inverted. A point that several nodes share
    /// comes once, for its owner, except in layouts that keep it for each. Points of nodes that are
    /// down are there where the program keeps them.
    ///
    /// # Complexity
    /// O(1) a point, and nothing is copied.
    #[must_use]
    pub fn points(&self) -> Option<impl ExactSizeIterator<Item = (u128, NodeIndex)> + '_> {
        let points = match &self.placed {
            Placed::Ring(ring) | Placed::OtherRing(ring) => ring.points(),
            #[cfg(feature = "compat")]
            Placed::Deployed(deployed) => deployed.points()?,
            _ => return None,
        };
        Some(points.iter().enumerate().map(|(index, &point)| {
            let position = match &self.placed {
                #[cfg(feature = "compat")]
                Placed::Deployed(deployed) => deployed.position_at(index, point),
                _ => {
                    let _ = index;
                    u128::from(point.position())
                }
            };
            (position, point.owner())
        }))
    }

    /// Who owns which run of positions: ascending, without gap or overlap, neighbours of one
    /// owner joined; `None` if the layout has no such runs or nobody owns anything.
    #[must_use]
    pub fn segments(&self) -> Option<impl Iterator<Item = Segment> + '_> {
        match &self.placed {
            Placed::Ring(ring) | Placed::OtherRing(ring) => Segments::new(ring.points()),
            Placed::Balanced(balanced) => Segments::of_slots(balanced.slots()),
            _ => None,
        }
    }
}

/// As much of `out` as there are owners for.
#[inline]
fn wanted(out: &mut [NodeIndex], owner_count: usize) -> &mut [NodeIndex] {
    let len = owner_count.min(out.len());
    out.get_mut(..len).unwrap_or_default()
}
