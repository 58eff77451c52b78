//! The placements that a table chooses from at run time.

use alloc::boxed::Box;

use crate::{
    BuildError, Layout, Node, NodeIndex, Placement, Point, Ring, RingBuilder, Walk,
    buckets::{BucketWalk, Buckets},
    check, jump,
};

/// One placement of any layout.
///
/// The ring comes first in every match, as it is what most tables are; the others are kept out of
/// its way.
#[derive(Clone, Debug)]
pub(super) enum Placed {
    Ring(Ring<Box<[Point]>>),
    Buckets(Buckets),
}

impl Placed {
    /// The placement of nodes whose texts and names were checked.
    pub(super) fn new(layout: &Layout, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        let buckets = |function| {
            check::unweighted(nodes)?;
            // At most 65,536, checked before.
            let count = u32::try_from(nodes.len()).unwrap_or_default();
            Ok(Self::Buckets(Buckets::new(function, count)))
        };
        match layout {
            Layout::RingwayV1 { .. } => {
                let builder = RingBuilder::new().with_layout(layout.clone());
                Ok(Self::Ring(builder.build_checked(nodes)?))
            }
            Layout::JumpV1 { .. } => buckets(jump),
        }
    }

    #[inline]
    pub(super) fn hash_key(&self, layout: &Layout, key: &[u8]) -> u64 {
        match self {
            Self::Ring(ring) => ring.hash_key(key),
            Self::Buckets(_) => layout.hash_key(key),
        }
    }

    #[inline]
    pub(super) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        match self {
            Self::Ring(ring) => ring.owner_by_hash(hash),
            other => other.other_owner(hash),
        }
    }

    #[inline(never)]
    fn other_owner(&self, hash: u64) -> Option<NodeIndex> {
        match self {
            Self::Ring(ring) => ring.owner_by_hash(hash),
            Self::Buckets(buckets) => buckets.owner_by_hash(hash),
        }
    }

    /// The candidates; a node may come more than once.
    pub(super) fn walk(&self, hash: u64) -> Candidates<'_> {
        match self {
            Self::Ring(ring) => Candidates::Ring(ring.walk(hash)),
            Self::Buckets(buckets) => Candidates::Buckets(buckets.walk(hash)),
        }
    }

    /// How many nodes may own something.
    #[inline]
    pub(super) fn owner_count(&self) -> usize {
        match self {
            Self::Ring(ring) => ring.owner_count(),
            Self::Buckets(buckets) => buckets.owner_count(),
        }
    }

    /// Whether keys have positions that can move from node to node.
    #[inline]
    pub(super) const fn is_movable(&self) -> bool {
        matches!(self, Self::Ring(_))
    }
}

/// The candidates for one hash, whatever the placement.
#[derive(Clone, Debug)]
pub(super) enum Candidates<'a> {
    Ring(Walk<'a>),
    Buckets(BucketWalk<'a>),
}

impl Iterator for Candidates<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        match self {
            Self::Ring(walk) => walk.next(),
            Self::Buckets(walk) => walk.next(),
        }
    }
}
