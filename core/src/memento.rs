//! `MementoHash` over jump: any node may be removed, in any order (SPEC §17).
//!
//! Time: the jump, O(log nodes), and with r of n nodes removed about ln(n / (n - r)) draws more, each
//! with as many looks at a small map at most. Memory: one entry for each removed node, nothing for
//! the others. Balance: even among the nodes that are left, but for chance. Disruption: a removal
//! moves the removed node's keys alone, and to all others alike; putting the last removed node back
//! gives the map before its removal. Weights: none, every node weighs 1. Removal: any node, but the
//! place in the list is the identity, so a removed node keeps its place, and only the last one
//! removed can come back without moving more. Do not use it where most nodes are gone for good, as
//! every lookup then pays for all that ever happened; where weights differ; or where those who must
//! agree on the map cannot agree on the *order* of removals: use a ring or rendezvous there.
//!
//! From Coluzzi, Brocco, Antonucci and Leidi, "`MementoHash`: A Stateful, Minimal Memory, Best
//! Performing Consistent Hash Algorithm", 2023 (arXiv 2306.09783).
//!
//! # The plain idea
//!
//! Jump over all n buckets, as if none was removed. Where that hits a removed bucket, ask who took
//! over when it was removed: w buckets were left then, and each got an equal part, so draw one of
//! the w, by a hash of the key and the bucket. If the drawn one was removed too, later, go on from
//! there in the same way.
//!
//! What is left to say is how to name the w buckets that were left. Number them 0..w: the number i
//! is bucket i, if it was working; else the bucket that took its number over. When a bucket is
//! removed and w are left, the number w is no longer one of 0..w, and whoever bore it takes over the
//! number of the removed one. So `working`, which is w, is all that is kept of a removal: it says
//! how many to draw from *and* whose number was taken over; and since w falls with every removal, it
//! also says which of two removals was earlier.
//!
//! ```text
//! owner(h):
//!     b = jump(h, buckets)
//!     while b was removed, and w were left:
//!         d = draw(h, b) below w                      # a number
//!         while d was removed, and w' >= w were left: # earlier: its number is borne by another
//!             d = w'
//!         b = d
//! ```
//!
//! Both loops end. Outside, w falls from turn to turn. Inside, d runs along d -> w'(d), and no two
//! removals have the same w': such a run never meets itself, except if it is a circle from its
//! start, which is below w while all that follow are not.
//!
//! A bucket that is removed from the end, while no other was, leaves nothing behind: jump over one
//! bucket less is that map already.

#[cfg(feature = "alloc")]
use core::hash::{BuildHasherDefault, Hasher};
use core::num::NonZeroU32;

use crate::{
    BuildError, NodeIndex, Placement,
    hash::{ATTEMPTS, further_hash, key_hash, splitmix64},
    jump,
    layout::NODES_MAX,
};

/// Nodes of which any may be removed, and the removed ones come back in reverse: `memento-v1`.
///
/// Time: O(log nodes) and little more while most nodes are left. Memory: one entry for each removed
/// node. Balance: even but for chance. Disruption: the least. Weights: none. Removal: any node; its
/// place in the list stays, as the place is the identity. Not for clusters of which most nodes are
/// gone, of nodes of several weights, or where the order of removals is not agreed on.
///
/// `Table` has it with names, zones and options (feature `alloc`); this one stands alone. `M` keeps
/// what was removed: `RemovedMap`, or `RemovedArray` where there is no allocator.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use ringway::{Memento, NodeIndex, Placement, RemovedMap};
///
/// let mut nodes = Memento::<RemovedMap>::new(10)?;
/// let before = nodes.owner(b"user:42");
/// nodes.remove(NodeIndex::new(3))?;
/// assert_ne!(nodes.owner(b"user:42"), Some(NodeIndex::new(3)));
/// assert_eq!(nodes.restore(), Some(NodeIndex::new(3)));
/// assert_eq!(nodes.owner(b"user:42"), before);
/// # }
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Memento<M> {
    /// Of the removed nodes below `buckets`.
    removals: M,
    /// How many nodes the list has, at most 65,536.
    nodes: u32,
    /// How many buckets the jump chooses from: those behind were removed from the end, first of
    /// all and in that order.
    buckets: u32,
    /// The node of the latest of `removals`, if there are any.
    latest: NodeIndex,
}

/// What is kept of one removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// How many nodes were left, below 65,536; this is also the number that its successor bore.
    pub working: u16,
    /// The node that was removed before it; itself for the first.
    pub previous: NodeIndex,
}

/// Where a [`Memento`] keeps its removals: a map from nodes, with whatever memory.
///
/// A new one is empty.
pub trait Removals: Default {
    /// The removal of `node`; `None` if it was not removed.
    fn get(&self, node: NodeIndex) -> Option<Removal>;

    /// Adds a removal of a node that has none; false if there is no room, and nothing changed then.
    fn insert(&mut self, node: NodeIndex, removal: Removal) -> bool;

    /// Takes the removal of `node` away, and gives it.
    fn remove(&mut self, node: NodeIndex) -> Option<Removal>;

    /// How many removals there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<M: Removals> Memento<M> {
    /// So many nodes, none of which is removed.
    ///
    /// # Complexity
    /// O(1) time and no memory beyond that of an empty `M`.
    ///
    /// # Errors
    /// [`BuildError::TooManyNodes`] beyond 65,536.
    pub fn new(nodes: u32) -> Result<Self, BuildError> {
        if nodes as usize > NODES_MAX {
            return Err(BuildError::TooManyNodes { count: nodes as usize });
        }
        Ok(Self { removals: M::default(), nodes, buckets: nodes, latest: NodeIndex::new(0) })
    }

    /// Removes a node: its keys go to all others alike, and nothing else moves.
    ///
    /// # Complexity
    /// That of adding to `M`: O(1) expected.
    ///
    /// # Errors
    /// [`BuildError::NoSuchNode`] if there is no such node or it is removed already;
    /// [`BuildError::StorageTooSmall`] if `M` is full. Nothing has changed then.
    pub fn remove(&mut self, node: NodeIndex) -> Result<(), BuildError> {
        if node.get() >= self.buckets || self.removals.get(node).is_some() {
            return Err(BuildError::NoSuchNode);
        }
        if self.removals.is_empty() && node.get() + 1 == self.buckets {
            self.buckets -= 1;
            return Ok(());
        }
        let previous = if self.removals.is_empty() { node } else { self.latest };
        // At least the node itself works, and at most 65,536 do.
        let working = NodeIndex::from_number(self.working() - 1).number();
        if !self.removals.insert(node, Removal { working, previous }) {
            let available = self.removals.len();
            return Err(BuildError::StorageTooSmall { needed: available + 1, available });
        }
        self.latest = node;
        Ok(())
    }

    /// Puts the node back that was removed last, and gives it: the map is then what it was before
    /// that removal. `None` if no node is removed.
    ///
    /// # Complexity
    /// That of removing from `M`: O(1) expected.
    pub fn restore(&mut self) -> Option<NodeIndex> {
        let node = self.latest;
        if let Some(removal) = self.removals.remove(node) {
            self.latest = removal.previous;
            return Some(node);
        }
        if self.buckets == self.nodes {
            return None;
        }
        self.buckets += 1;
        Some(NodeIndex::from_number(self.buckets - 1))
    }

    /// Whether the node is in the list and not removed.
    #[must_use]
    pub fn is_working(&self, node: NodeIndex) -> bool {
        node.get() < self.buckets && self.removals.get(node).is_none()
    }

    /// What is kept of the removed nodes: nothing of those that were removed from the end first.
    #[must_use]
    pub const fn removals(&self) -> &M {
        &self.removals
    }

    /// How many nodes the list has, the removed ones included.
    #[must_use]
    pub const fn list_len(&self) -> usize {
        self.nodes as usize
    }

    /// How many nodes are not removed.
    fn working(&self) -> u32 {
        // No more than 65,536 are removed.
        self.buckets - u32::try_from(self.removals.len()).unwrap_or(self.buckets)
    }
}

impl<M: Removals> Placement for Memento<M> {
    type Walk<'a>
        = MementoWalk<'a, M>
    where
        Self: 'a;

    fn hash_key(&self, key: &[u8]) -> u64 {
        key_hash(key)
    }

    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        if self.working() == 0 {
            return None;
        }
        let mut node = NodeIndex::from_number(jump(hash, NonZeroU32::new(self.buckets)?));
        let mut removal = self.removals.get(node);
        while let Some(Removal { working, .. }) = removal {
            node = draw(hash, node, working);
            removal = self.removals.get(node);
            while let Some(earlier) = removal.filter(|other| other.working >= working) {
                node = NodeIndex::new(earlier.working);
                removal = self.removals.get(node);
            }
        }
        Some(node)
    }

    /// The owner, the owners of 63 further hashes, then the list from the owner on.
    fn walk(&self, hash: u64) -> MementoWalk<'_, M> {
        let owner = self.owner_by_hash(hash).map_or(0, NodeIndex::get);
        MementoWalk { memento: self, hash, owner, step: 0 }
    }

    fn owner_count(&self) -> usize {
        self.working() as usize
    }
}

/// One of the numbers below `working`, for a hash and a removed node (SPEC §17.3).
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the product's upper half is below `working`")]
fn draw(hash: u64, node: NodeIndex, working: u16) -> NodeIndex {
    const MULTIPLIER: u64 = 0xd134_2543_de82_ef95;
    let of_node = (u64::from(node.get()) + 1).wrapping_mul(MULTIPLIER);
    let drawn = u128::from(splitmix64(hash ^ of_node)) * u128::from(working);
    NodeIndex::new((drawn >> 64) as u16)
}

/// The candidates of one hash in a [`Memento`]; some come more than once.
#[derive(Clone, Debug)]
pub struct MementoWalk<'a, M> {
    memento: &'a Memento<M>,
    hash: u64,
    owner: u32,
    step: u64,
}

impl<M: Removals> Iterator for MementoWalk<'_, M> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        let count = u64::from(self.memento.nodes);
        loop {
            let step = self.step;
            if self.memento.working() == 0 || step >= ATTEMPTS + count - 1 {
                return None;
            }
            self.step += 1;
            if step == 0 {
                return Some(NodeIndex::from_number(self.owner));
            }
            let Some(beyond) = step.checked_sub(ATTEMPTS) else {
                return self.memento.owner_by_hash(further_hash(self.hash, step));
            };
            let place = (u64::from(self.owner) + 1 + beyond) % count;
            let node = u32::try_from(place).ok().map(NodeIndex::from_number)?;
            if self.memento.is_working(node) {
                return Some(node);
            }
        }
    }
}

/// The removals of a [`Memento`] in allocated memory: 16 bytes for each at most, but for the first few.
///
/// Its hash is fixed. What is hashed are places in a list, distinct and below 65,536, so only so many
/// can crowd in a map, whoever chooses them: lists of removed nodes made to crowd it made lookups
/// twice as slow at worst, and 28,672 such removals took 9 ms instead of 0.5. Whoever writes that
/// list decides who owns what anyway. A random seed is nothing that `core` has.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default)]
pub struct RemovedMap(hashbrown::HashMap<NodeIndex, Removal, BuildHasherDefault<PlaceHasher>>);

#[cfg(feature = "alloc")]
impl Removals for RemovedMap {
    #[inline]
    fn get(&self, node: NodeIndex) -> Option<Removal> {
        self.0.get(&node).copied()
    }

    fn insert(&mut self, node: NodeIndex, removal: Removal) -> bool {
        self.0.insert(node, removal);
        true
    }

    fn remove(&mut self, node: NodeIndex) -> Option<Removal> {
        self.0.remove(&node)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(feature = "alloc")]
impl RemovedMap {
    /// How many bytes it has allocated.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.0.allocation_size()
    }
}

/// Spreads the places of nodes over 64 bits: the map takes its place from the lower ones and
/// compares the upper seven first.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
struct PlaceHasher(u64);

#[cfg(feature = "alloc")]
impl Hasher for PlaceHasher {
    #[inline]
    fn write_u16(&mut self, number: u16) {
        let product = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u16(u16::from(byte));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// The removals of a [`Memento`] in place, without an allocator: at most `N` of them, a power of
/// two; nodes removed from the end first need no room.
///
/// Full, it refuses: [`Memento::remove`] gives [`BuildError::StorageTooSmall`].
///
/// # Examples
///
/// ```
/// use ringway::{BuildError, Memento, NodeIndex, Placement, RemovedArray};
///
/// let mut nodes = Memento::<RemovedArray<2>>::new(10)?;
/// for place in [9, 4, 0] {
///     nodes.remove(NodeIndex::new(place))?;
/// }
/// assert_eq!(nodes.owner_count(), 7);
/// let full = BuildError::StorageTooSmall { needed: 3, available: 2 };
/// assert_eq!(nodes.remove(NodeIndex::new(5)), Err(full));
/// # Ok::<(), BuildError>(())
/// ```
#[cfg(feature = "heapless")]
#[derive(Clone, Debug, Default)]
pub struct RemovedArray<const N: usize>(heapless::index_map::FnvIndexMap<NodeIndex, Removal, N>);

#[cfg(feature = "heapless")]
impl<const N: usize> Removals for RemovedArray<N> {
    #[inline]
    fn get(&self, node: NodeIndex) -> Option<Removal> {
        self.0.get(&node).copied()
    }

    fn insert(&mut self, node: NodeIndex, removal: Removal) -> bool {
        self.0.insert(node, removal).is_ok()
    }

    fn remove(&mut self, node: NodeIndex) -> Option<Removal> {
        self.0.swap_remove(&node)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
