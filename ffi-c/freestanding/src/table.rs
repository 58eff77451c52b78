//! The table behind the handle.

use core::{mem::MaybeUninit, slice};

use ringway::{
    Buckets, BucketsWalk, Maglev, MaglevWalk, Node, NodeIndex, Placement, Point, Ring, Walk, Zones,
};

use crate::guard::OutArray;

/// Who owns which key: an immutable snapshot of nodes under a layout, in memory of the caller's.
///
/// Who frees it: nobody. It is gone with its memory, which stays where it is meanwhile: not copied,
/// not moved. Threads: any number at once, without locks. Outlives: the names and zones that its
/// functions hand out; it needs nothing but its memory.
///
/// To change the nodes, build a new table in other memory, put its pointer where the readers look,
/// and use the old memory again when the last of them is done with it.
pub struct ringway_table(pub(crate) Table<'static>);

/// A table of one of the layouts that are here.
pub(crate) struct Table<'m> {
    pub(crate) placed: Placed<'m>,
    pub(crate) nodes: &'m [Node<'m>],
    /// None if no node has one.
    pub(crate) zones: Option<Zones<&'m mut [NodeIndex]>>,
    pub(crate) layout: LayoutName,
}

/// What is left of the layout once the nodes are placed.
pub(crate) struct LayoutName(pub(crate) &'static str);

impl LayoutName {
    pub(crate) const fn name(&self) -> &'static str {
        self.0
    }
}

/// One placement of any layout that is here.
pub(crate) enum Placed<'m> {
    Ring(Ring<&'m mut [Point]>),
    Buckets(Buckets),
    Maglev(Maglev<&'m mut [NodeIndex]>),
}

/// The candidates of any of them: what is built on these has its code once.
pub(crate) enum Candidates<'a> {
    Ring(Walk<'a>),
    Buckets(BucketsWalk),
    Maglev(MaglevWalk<'a>),
}

impl Placement for Placed<'_> {
    type Walk<'a>
        = Candidates<'a>
    where
        Self: 'a;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        match self {
            Self::Ring(placed) => placed.hash_key(key),
            Self::Buckets(placed) => placed.hash_key(key),
            Self::Maglev(placed) => placed.hash_key(key),
        }
    }

    fn walk(&self, hash: u64) -> Candidates<'_> {
        match self {
            Self::Ring(placed) => Candidates::Ring(placed.walk(hash)),
            Self::Buckets(placed) => Candidates::Buckets(placed.walk(hash)),
            Self::Maglev(placed) => Candidates::Maglev(placed.walk(hash)),
        }
    }

    fn owner_count(&self) -> usize {
        match self {
            Self::Ring(placed) => placed.owner_count(),
            Self::Buckets(placed) => placed.owner_count(),
            Self::Maglev(placed) => placed.owner_count(),
        }
    }

    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        match self {
            Self::Ring(placed) => placed.owner_by_hash(hash),
            Self::Buckets(placed) => placed.owner_by_hash(hash),
            Self::Maglev(placed) => placed.owner_by_hash(hash),
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        match self {
            Self::Ring(walk) => walk.next(),
            Self::Buckets(walk) => walk.next(),
            Self::Maglev(walk) => walk.next(),
        }
    }
}

/// What the lookups ask for, as of the hosted table.
impl Table<'_> {
    /// None: here size comes first, and a lookup is but one function.
    pub(crate) fn quick_owner(&self, _: &[u8]) -> Option<NodeIndex> {
        None
    }

    /// As [`quick_owner`](Self::quick_owner).
    pub(crate) fn quick_owner_by_hash(&self, _: u64) -> Option<NodeIndex> {
        None
    }

    #[inline]
    pub(crate) fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.placed.owner(key)
    }

    #[inline]
    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.placed.owner_by_hash(hash)
    }

    pub(crate) fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(self.placed.hash_key(key))
    }

    #[allow(clippy::unused_self, reason = "as the hosted table has it")]
    pub(crate) const fn hash_bits(&self) -> Option<u32> {
        Some(u64::BITS)
    }

    pub(crate) const fn layout(&self) -> &LayoutName {
        &self.layout
    }

    pub(crate) const fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, index: NodeIndex) -> Option<Node<'_>> {
        self.nodes.get(index.as_usize()).copied()
    }

    pub(crate) fn index_of(&self, name: &[u8]) -> Option<NodeIndex> {
        let index = self.nodes.iter().position(|node| node.name() == name)?;
        u16::try_from(index).ok().map(NodeIndex::new)
    }
}

/// Writes the first owners, one of each zone first; says how many.
pub(crate) fn owners(table: &ringway_table, key: &[u8], indices: OutArray<'_, u32>) -> usize {
    let Some(zones) = &table.0.zones else { return walk(table, key, indices) };
    let placed = &table.0.placed;
    fill(indices, placed.owner_count(), |out| placed.owners_in_zones(key, zones, out))
}

/// Writes the walk's first candidates; says how many.
pub(crate) fn walk(table: &ringway_table, key: &[u8], indices: OutArray<'_, u32>) -> usize {
    let placed = &table.0.placed;
    fill(indices, placed.owner_count(), |out| placed.owners(key, out))
}

/// Has `fill` find indices, as many as there are `owners` and room for, and gives them to the
/// caller; says how many that was.
///
/// No other memory is needed: an index takes half of the place it is for, so that all are written
/// to the front and then spread, the last one first.
fn fill(
    indices: OutArray<'_, u32>,
    owners: usize,
    fill: impl FnOnce(&mut [NodeIndex]) -> usize,
) -> usize {
    const {
        assert!(size_of::<NodeIndex>() <= size_of::<u32>());
        assert!(align_of::<NodeIndex>() <= align_of::<u32>());
    }
    let places = indices.uninit();
    let len = places.len().min(owners);
    let places = places.as_mut_ptr();
    let first = places.cast::<NodeIndex>();
    // SAFETY: so many indices take no more than so many places, and zeros are one of what the
    // places may hold.
    unsafe { first.write_bytes(0, len) };
    // SAFETY: so many were just written, zeros are an index, and nobody else uses the places.
    let narrow = unsafe { slice::from_raw_parts_mut(first, len) };
    let filled = fill(narrow).min(len);
    for at in (0..filled).rev() {
        // SAFETY: `at < len`. The places from `at + 1` on, which were written since, are behind
        // this index.
        let narrow = unsafe { first.add(at) };
        // SAFETY: as above.
        let index = unsafe { narrow.read() };
        // SAFETY: `at < len`, no more than there are places.
        let place = unsafe { places.add(at) };
        // SAFETY: as above.
        unsafe { place.write(MaybeUninit::new(index.get())) };
    }
    filled
}
