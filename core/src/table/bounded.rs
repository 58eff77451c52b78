//! Consistent hashing with bounded loads (SPEC §18): Mirrokni, Thorup and Zadimoghaddam,
//! "Consistent Hashing with Bounded Loads", SODA 2018.
//!
//! A key goes to the first node of its walk that has room, and a node has room while its load is
//! below its share of the total, times a factor. The loads are the caller's: nothing here counts,
//! so that a worker may count for itself, or share counters, as it needs.

use core::fmt;

use super::{Candidates, Placed, Table};
use crate::{NodeIndex, hash::key_hash};

/// How much of its share of the load a node may take: 1,000 to 1,000,000 thousandths.
///
/// The closer to 1,000, the evener the loads, and the more keys are away from their owner, where
/// they also move more often. 1,250, the default, is what many proxies take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadFactor(u32);

impl LoadFactor {
    /// The least: no node takes more than its share, rounded up.
    pub const MIN: Self = Self(1_000);
    /// The greatest: a thousand times its share.
    pub const MAX: Self = Self(1_000_000);

    /// So many thousandths; `None` if they are not from 1,000 to 1,000,000.
    #[must_use]
    pub const fn from_permille(permille: u32) -> Option<Self> {
        if permille < Self::MIN.0 || permille > Self::MAX.0 { None } else { Some(Self(permille)) }
    }

    /// The thousandths.
    #[must_use]
    pub const fn permille(self) -> u32 {
        self.0
    }
}

impl Default for LoadFactor {
    fn default() -> Self {
        Self(1_250)
    }
}

impl fmt::Display for LoadFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

impl Table {
    /// The first candidate for `key` that has room: whose load is below its
    /// [`capacity`](Self::capacity). `None` if none has.
    ///
    /// `load` tells the present load of a node, in the same unit as `total`, which is the load of
    /// all: requests in progress, connections, keys. A node that does not answer has the load
    /// `u64::MAX`, which is never below its capacity; its load does not count in `total`. The
    /// caller adds what it assigns. Zones play no part.
    ///
    /// `total` may be a moment old, as may the loads. While it is at least the sum of the loads of
    /// the nodes that may own keys, and below `u64::MAX`, some node has room.
    ///
    /// # Complexity
    /// As [`owner`](Self::owner) while the owner has room. The more is full, the longer the walk:
    /// O(points) of a ring at worst. Never allocates.
    ///
    /// # Examples
    ///
    /// ```
    /// use ringway::{Layout, LoadFactor, Node, Table};
    ///
    /// let table = Table::new(&Layout::ringway_v1(), &["a", "b", "c"].map(Node::new))?;
    /// let (mut loads, mut total) = ([0; 3], 0);
    /// for _ in 0..300 {
    ///     let node = table
    ///         .owner_bounded(b"hot", LoadFactor::default(), total, |node| loads[node.as_usize()])
    ///         .expect("the loads are counted, so one has room");
    ///     loads[node.as_usize()] += 1;
    ///     total += 1;
    /// }
    /// // One key, 300 times: its owner takes 1.25 shares, and so does the next.
    /// loads.sort();
    /// assert_eq!(loads, [50, 125, 125]);
    /// # Ok::<(), ringway::BuildError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn owner_bounded(
        &self,
        key: &[u8],
        factor: LoadFactor,
        total: u64,
        #[cfg_attr(not(feature = "compat"), allow(unused_mut, reason = "no walk needs it"))]
        mut load: impl FnMut(NodeIndex) -> u64,
    ) -> Option<NodeIndex> {
        let hash = match &self.placed {
            Placed::Ring(_) => key_hash(key),
            // Not every program hashes the key alone.
            #[cfg(feature = "compat")]
            Placed::Deployed(deployed) => {
                let bound = Bound::new(factor, total, self.weights());
                let walk = Candidates::Deployed(deployed.walk(key));
                return self.first_with_room(walk, &bound, &mut load);
            }
            _ => self.layout.hash_key(key),
        };
        self.owner_bounded_by_hash(hash, factor, total, load)
    }

    /// As [`owner_bounded`](Self::owner_bounded), for a key hash of
    /// [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    #[must_use]
    pub fn owner_bounded_by_hash(
        &self,
        hash: u64,
        factor: LoadFactor,
        total: u64,
        mut load: impl FnMut(NodeIndex) -> u64,
    ) -> Option<NodeIndex> {
        let bound = Bound::new(factor, total, self.weights());
        let owner = self.owner_by_hash(hash)?;
        if bound.has_room(load(owner), self.weight_of(owner)) {
            return Some(owner);
        }
        self.first_with_room(self.placed.walk(hash), &bound, &mut load)
    }

    /// The first candidate with room. A candidate that comes again is refused again: nothing needs
    /// to be remembered.
    #[inline(never)]
    fn first_with_room(
        &self,
        mut walk: Candidates<'_>,
        bound: &Bound,
        load: &mut impl FnMut(NodeIndex) -> u64,
    ) -> Option<NodeIndex> {
        walk.find(|&node| bound.has_room(load(node), self.weight_of(node)))
    }

    /// How much load a node takes while the load of all is `total`: it has room for one more
    /// below that. `None` if the table has no such node.
    ///
    /// This is `ceil(factor · (total + 1) · weight / weights)`, where `weights` is the sum of the
    /// weights of all nodes that may own keys; 0 for a node that may not, and at most `u64::MAX`.
    #[must_use]
    pub fn capacity(&self, node: NodeIndex, factor: LoadFactor, total: u64) -> Option<u64> {
        self.node(node)?;
        let bound = Bound::new(factor, total, self.weights());
        Some(bound.capacity(match &self.placed {
            #[cfg(feature = "compat")]
            Placed::Deployed(deployed) if !deployed.owns(node) => 0,
            #[cfg(feature = "compat")]
            Placed::Deployed(_) => self.weight_of(node),
            _ => self.effective_weight(node),
        }))
    }
}

impl Table {
    /// The sum of the weights of all nodes that may own keys.
    #[inline]
    fn weights(&self) -> u64 {
        match &self.placed {
            Placed::Ring(_)
            | Placed::OtherRing(_)
            | Placed::Rendezvous(_)
            | Placed::Maglev(_)
            | Placed::Balanced(_) => self.nodes.weights(),
            // Each that may own weighs 1.
            Placed::Buckets(_) | Placed::Memento(_) => self.placed.owner_count() as u64,
            #[cfg(feature = "compat")]
            Placed::Deployed(deployed) => deployed.weights(),
        }
    }

    /// The weight of a node that owns keys; in deployed programs' layouts at least 1.
    #[inline]
    fn weight_of(&self, node: NodeIndex) -> u32 {
        match &self.placed {
            #[cfg(feature = "compat")]
            Placed::Deployed(_) => self.nodes.weight(node).max(1),
            _ => self.nodes.weight(node),
        }
    }
}

/// What capacities follow from.
struct Bound {
    /// `factor_permille * (total + 1)`: below 2^85.
    allowed: u128,
    /// 65,536 weights of 32 bits, times 1,000: below 2^58.
    thousand_weights: u64,
}

impl Bound {
    #[inline]
    fn new(factor: LoadFactor, total: u64, weights: u64) -> Self {
        let allowed = u128::from(factor.0) * (u128::from(total) + 1);
        Self { allowed, thousand_weights: 1_000 * weights }
    }

    /// Whether `load < capacity(weight)`: in 128 bits, of which 122 are needed, without a division.
    #[inline]
    fn has_room(&self, load: u64, weight: u32) -> bool {
        u128::from(load) * u128::from(self.thousand_weights) < self.allowed * u128::from(weight)
            && load != u64::MAX
    }

    fn capacity(&self, weight: u32) -> u64 {
        if weight == 0 {
            return 0;
        }
        let capacity =
            (self.allowed * u128::from(weight)).div_ceil(u128::from(self.thousand_weights));
        u64::try_from(capacity).unwrap_or(u64::MAX)
    }
}
