//! The placements that a table chooses from at run time.

use alloc::boxed::Box;

#[cfg(feature = "compat")]
use crate::layout::compat::{Deployed, DeployedWalk};
use crate::{
    Balanced, BalancedWalk, Buckets, BucketsWalk, BuildError, Contender, Layout, Maglev,
    MaglevWalk, Memento, MementoWalk, Node, NodeIndex, Placement, Point, RemovedMap, Rendezvous,
    RendezvousWalk, Ring, RingBuilder, Walk, check, hash::key_hash,
};

/// One placement of any layout.
///
/// The ring comes first in every match, as it is what most tables are; the others are kept out of
/// its way.
#[derive(Clone, Debug)]
pub(super) enum Placed {
    /// A ring whose keys are hashed whole, by XXH3.
    Ring(Ring<Box<[Point]>>),
    /// A ring whose keys the layout hashes.
    OtherRing(Ring<Box<[Point]>>),
    Buckets(Buckets),
    Rendezvous(Rendezvous<Box<[Contender]>>),
    Maglev(Maglev<Box<[NodeIndex]>>),
    Balanced(Balanced<Box<[NodeIndex]>, Box<[Contender]>>),
    Memento(Memento<RemovedMap>),
    #[cfg(feature = "compat")]
    Deployed(Box<Deployed>),
}

impl Placed {
    /// The placement of nodes whose texts and names were checked.
    pub(super) fn new(layout: &Layout, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        // At most 65,536, checked before.
        let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        match layout {
            Layout::RingwayV1 { .. } | Layout::RingwayKeyedV1 { .. } => {
                let builder = RingBuilder::new().with_layout(layout.clone());
                let ring = builder.build_checked(nodes)?;
                let is_plain = (layout.hash_tag(), layout.sip_key()) == (None, None);
                Ok(if is_plain { Self::Ring(ring) } else { Self::OtherRing(ring) })
            }
            Layout::JumpV1 { .. } => {
                check::unweighted(nodes)?;
                Ok(Self::Buckets(Buckets::jump(count)?))
            }
            Layout::JumpbackV1 { .. } => {
                check::unweighted(nodes)?;
                Ok(Self::Buckets(Buckets::jumpback(count)?))
            }
            Layout::RendezvousV1 { .. } => Ok(Self::Rendezvous(Rendezvous::new(nodes)?)),
            Layout::MaglevV1 { table_size, .. } => {
                Ok(Self::Maglev(Maglev::new(nodes, *table_size)?))
            }
            Layout::BalancedV1 { slots, room_permille, .. } => {
                Ok(Self::Balanced(Balanced::new(nodes, *slots, *room_permille)?))
            }
            Layout::MementoV1 { removed, .. } => {
                check::unweighted(nodes)?;
                removed.check(nodes.len())?;
                // At most 65,536, checked before.
                let mut memento = Memento::new(u32::try_from(nodes.len()).unwrap_or_default())?;
                removed.nodes().try_for_each(|node| memento.remove(node))?;
                Ok(Self::Memento(memento))
            }
            #[cfg(feature = "compat")]
            Layout::Compat(compat) => Ok(Self::Deployed(Box::new(Deployed::new(compat, nodes)?))),
        }
    }

    /// The hash of `key`, if it is one of [`hash_bits`](Self::hash_bits) bits.
    #[inline]
    pub(super) fn key_hash(&self, layout: &Layout, key: &[u8]) -> Option<u64> {
        match self {
            Self::Ring(_) => Some(key_hash(key)),
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => deployed.key_hash(key),
            _ => Some(layout.hash_key(key)),
        }
    }

    /// How many bits the key hash has, if callers may compute it.
    pub(super) const fn hash_bits(&self) -> Option<u32> {
        match self {
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => deployed.hash_bits(),
            _ => Some(64),
        }
    }

    #[inline]
    pub(super) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        match self {
            Self::Ring(ring) => ring.owner_by_hash(hash),
            other => other.other_owner_by_hash(hash),
        }
    }

    /// The owner of `key` where it is not a ring whose keys are hashed whole.
    #[inline(never)]
    pub(super) fn other_owner(&self, layout: &Layout, key: &[u8]) -> Option<NodeIndex> {
        #[cfg(feature = "compat")]
        if let Self::Deployed(deployed) = self {
            return deployed.owner(key);
        }
        self.any_owner_by_hash(layout.hash_key(key))
    }

    #[inline(never)]
    fn other_owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.any_owner_by_hash(hash)
    }

    #[inline]
    fn any_owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        match self {
            Self::Ring(ring) | Self::OtherRing(ring) => ring.owner_by_hash(hash),
            Self::Buckets(buckets) => buckets.owner_by_hash(hash),
            Self::Rendezvous(rendezvous) => rendezvous.owner_by_hash(hash),
            Self::Maglev(maglev) => maglev.owner_by_hash(hash),
            Self::Balanced(balanced) => balanced.owner_by_hash(hash),
            Self::Memento(memento) => memento.owner_by_hash(hash),
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => deployed.owner_by_hash(hash),
        }
    }

    /// The candidates for a key; a node may come more than once.
    #[inline]
    pub(super) fn walk_of(&self, layout: &Layout, key: &[u8]) -> Candidates<'_> {
        match self {
            Self::Ring(ring) => Candidates::Ring(ring.walk(key_hash(key))),
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => Candidates::Deployed(deployed.walk(key)),
            _ => self.walk(layout.hash_key(key)),
        }
    }

    /// Whom a deployed program itself tries for a key.
    #[cfg_attr(not(feature = "compat"), allow(unused_variables, reason = "there are none"))]
    pub(super) fn candidates(&self, key: &[u8]) -> Option<Candidates<'_>> {
        match self {
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => Some(Candidates::Deployed(deployed.candidates(key))),
            _ => None,
        }
    }

    /// The candidates for a hash; a node may come more than once.
    pub(super) fn walk(&self, hash: u64) -> Candidates<'_> {
        match self {
            Self::Ring(ring) | Self::OtherRing(ring) => Candidates::Ring(ring.walk(hash)),
            Self::Buckets(buckets) => Candidates::Buckets(buckets.walk(hash)),
            Self::Rendezvous(rendezvous) => Candidates::Rendezvous(rendezvous.walk(hash)),
            Self::Maglev(maglev) => Candidates::Maglev(maglev.walk(hash)),
            Self::Balanced(balanced) => Candidates::Balanced(balanced.walk(hash)),
            Self::Memento(memento) => Candidates::Memento(memento.walk(hash)),
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => Candidates::Deployed(deployed.walk_by_hash(hash)),
        }
    }

    /// How many nodes may own something.
    #[inline]
    pub(super) fn owner_count(&self) -> usize {
        match self {
            Self::Ring(ring) | Self::OtherRing(ring) => ring.owner_count(),
            Self::Buckets(buckets) => buckets.owner_count(),
            Self::Rendezvous(rendezvous) => rendezvous.owner_count(),
            Self::Maglev(maglev) => maglev.owner_count(),
            Self::Balanced(balanced) => balanced.owner_count(),
            Self::Memento(memento) => memento.owner_count(),
            #[cfg(feature = "compat")]
            Self::Deployed(deployed) => deployed.owner_count(),
        }
    }

    /// Whether the node of that index keeps its place in the list and owns nothing.
    pub(super) fn is_removed(&self, index: NodeIndex) -> bool {
        matches!(self, Self::Memento(memento) if !memento.is_working(index))
    }

    /// The ring, if it is one.
    #[inline]
    pub(super) const fn ring(&self) -> Option<&Ring<Box<[Point]>>> {
        match self {
            Self::Ring(ring) | Self::OtherRing(ring) => Some(ring),
            _ => None,
        }
    }

    /// The same kind of placement with another ring.
    pub(super) fn with_ring(&self, ring: Ring<Box<[Point]>>) -> Self {
        match self {
            Self::Ring(_) => Self::Ring(ring),
            _ => Self::OtherRing(ring),
        }
    }

    /// Whether keys have positions that can move from node to node.
    #[inline]
    pub(super) const fn is_movable(&self) -> bool {
        matches!(self, Self::Ring(_) | Self::OtherRing(_) | Self::Balanced(_))
    }
}

/// The candidates for one hash, whatever the placement.
#[derive(Clone, Debug)]
pub(super) enum Candidates<'a> {
    Ring(Walk<'a>),
    Buckets(BucketsWalk),
    Rendezvous(RendezvousWalk<'a>),
    Maglev(MaglevWalk<'a>),
    Balanced(BalancedWalk<'a>),
    Memento(MementoWalk<'a, RemovedMap>),
    #[cfg(feature = "compat")]
    Deployed(DeployedWalk<'a>),
}

impl Iterator for Candidates<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        match self {
            Self::Ring(walk) => walk.next(),
            Self::Buckets(walk) => walk.next(),
            Self::Rendezvous(walk) => walk.next(),
            Self::Maglev(walk) => walk.next(),
            Self::Balanced(walk) => walk.next(),
            Self::Memento(walk) => walk.next(),
            #[cfg(feature = "compat")]
            Self::Deployed(walk) => walk.next(),
        }
    }
}
