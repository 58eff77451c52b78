//! How a ring comes to be: checks, points, order, guide.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec::Vec};
use core::{iter, ops::Range};

#[cfg(feature = "alloc")]
use crate::ring::order::order;
use crate::{
    BuildError, HashTag, Layout, Node, NodeIndex, Point, Ring, check,
    hash::key_hash,
    layout::sip_key::Secret,
    placement::NodeSet,
    ring::{
        WINDOW,
        point::{NOWHERE, REACH_MAX, reach_of},
        positions::each_position,
    },
    sort,
};

/// Builds rings: a layout, then `build` (feature `alloc`) or [`build_in`](Self::build_in).
#[derive(Clone, Debug, Default)]
pub struct RingBuilder {
    layout: Layout,
}

impl RingBuilder {
    /// A builder of rings in the layout `ringway-v1` with its defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { layout: Layout::ringway_v1() }
    }

    /// The same for another layout or other options.
    #[must_use]
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout }
    }

    /// How many points [`build_in`](Self::build_in) needs room for: one for each point and, while
    /// it compares the names, one for each node, whichever is more.
    ///
    /// # Complexity
    /// O(nodes).
    #[must_use]
    pub fn storage_needed(&self, nodes: &[Node<'_>]) -> usize {
        let vnodes = self.ring().map_or(0, |options| options.vnodes);
        let points = check::point_count(nodes, vnodes);
        usize::try_from(points).unwrap_or(usize::MAX).max(nodes.len())
    }

    /// A ring that owns its points.
    ///
    /// # Complexity
    /// O(points) time in practice, O(points · log points) at worst.
    ///
    /// # Errors
    /// [`BuildError::NotARing`] if the layout is none; the others are checked in the order of
    /// SPEC §8.
    #[cfg(feature = "alloc")]
    pub fn build(&self, nodes: &[Node<'_>]) -> Result<Ring<Box<[Point]>>, BuildError> {
        self.ring()?;
        check::texts(nodes)?;
        let mut by_name: Box<[usize]> = (0..nodes.len()).collect();
        check::names(nodes, &mut by_name, |index| index)?;
        self.build_checked(nodes)
    }

    /// The same for nodes whose texts and names are known to be good.
    #[cfg(feature = "alloc")]
    pub(crate) fn build_checked(
        &self,
        nodes: &[Node<'_>],
    ) -> Result<Ring<Box<[Point]>>, BuildError> {
        let options = self.ring()?;
        match options.secret {
            None => build_hashed(nodes, options, key_hash),
            Some(secret) => build_hashed(nodes, options, |input| secret.hash(input)),
        }
    }

    /// A ring in the caller's memory; nothing is allocated. What the ring does not need stays free.
    ///
    /// # Complexity
    /// O(points · log points) time.
    ///
    /// # Errors
    /// [`BuildError::NotARing`] if the layout is none, [`BuildError::BadOption`] and
    /// [`BuildError::MissingOption`] if its options are out of range or incomplete;
    /// [`BuildError::StorageTooSmall`] says how much [`storage_needed`](Self::storage_needed) is;
    /// the others are the nodes' faults, checked in the order of SPEC §8 as far as that memory
    /// allows.
    pub fn build_in<S>(&self, nodes: &[Node<'_>], mut storage: S) -> Result<Ring<S>, BuildError>
    where
        S: AsRef<[Point]> + AsMut<[Point]>,
    {
        let options = self.ring()?;
        check::texts(nodes)?;
        let memory = storage.as_mut();
        let needed = self.storage_needed(nodes);
        // Beyond this, memory would reach to where a ring without a guide says that it has none.
        if memory.len() > NOWHERE as usize {
            return Err(BuildError::TooManyPoints { points: memory.len() as u64 });
        }
        let too_small = BuildError::StorageTooSmall { needed, available: memory.len() };
        let scratch = memory.get_mut(..nodes.len()).ok_or(too_small)?;
        for (slot, index) in scratch.iter_mut().zip(0..) {
            *slot = Point::new(index, NodeIndex::new(0));
        }
        check::names(nodes, scratch, |slot| slot.position() as usize)?;
        let len = check::points(check::point_count(nodes, options.vnodes))?;
        let points = memory.get_mut(..len).ok_or(too_small)?;
        let mut slots = points.iter_mut();
        let each = |point| {
            if let Some(slot) = slots.next() {
                *slot = point;
            }
        };
        // One piece of code for both hashes: who builds in place wants a small program.
        let hash = |input: &[u8]| match &options.secret {
            None => key_hash(input),
            Some(secret) => secret.hash(input),
        };
        for_each_point(nodes, options.vnodes, &hash, each);
        sort::points(points);
        order_ties(points, nodes);
        Ok(freeze(storage, len, owner_count(nodes), options))
    }

    /// The layout's options, if it is a ring and has all that it must have.
    fn ring(&self) -> Result<RingOptions, BuildError> {
        let (vnodes, secret, hash_tag) = match self.layout {
            Layout::RingwayV1 { vnodes, hash_tag } => (vnodes, None, hash_tag),
            Layout::RingwayKeyedV1 { vnodes, key, hash_tag } => {
                (vnodes, key.map(|key| *key.secret()), hash_tag)
            }
            _ => return Err(BuildError::NotARing),
        };
        self.layout.check()?;
        Ok(RingOptions { vnodes, secret, hash_tag })
    }
}

/// What the layouts that are rings can be told.
#[derive(Clone, Copy, Default)]
pub(super) struct RingOptions {
    /// Points for each unit of weight; a ring that is frozen does not need it.
    pub(super) vnodes: u32,
    pub(super) secret: Option<Secret>,
    pub(super) hash_tag: Option<HashTag>,
}

#[cfg(feature = "alloc")]
impl Ring<Box<[Point]>> {
    /// A ring of these nodes in the layout `ringway-v1` with its defaults.
    ///
    /// # Errors
    /// As for [`RingBuilder::build`].
    pub fn new(nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        RingBuilder::new().build(nodes)
    }
}

impl<S: AsRef<[Point]> + AsMut<[Point]>> Ring<S> {
    /// A ring of private points, all that `storage` holds, in any order.
    ///
    /// For mappings that are nobody else's business: positions are compared with the top 32 bits
    /// of [`key_hash`], and of equal positions the lowest index owns.
    ///
    /// # Complexity
    /// O(points · log points) time.
    ///
    /// # Errors
    /// [`BuildError::TooManyPoints`] above 2^24.
    pub fn from_points(mut storage: S) -> Result<Self, BuildError> {
        let points = storage.as_mut();
        let len = check::points(points.len() as u64)?;
        let mut owners = NodeSet::new();
        let mut owner_count = 0;
        for point in &mut *points {
            *point = Point::new(point.position(), point.owner());
            owner_count += u32::from(owners.insert(point.owner()));
        }
        sort::points(points);
        Ok(freeze(storage, len, owner_count, RingOptions::default()))
    }
}

impl<S> Ring<S> {
    /// The ring over points in order, with a guide of that reach if it has one.
    pub(super) fn frozen(
        storage: S,
        len: usize,
        reach: Option<u32>,
        owner_count: u32,
        options: RingOptions,
    ) -> Self {
        let buckets = reach.map_or(1, |_| bucket_count(len));
        let reach = reach.unwrap_or(0);
        let RingOptions { secret, hash_tag, .. } = options;
        Self { storage, len, buckets, reach, owner_count, hash_tag, secret }
    }
}

/// A ring of nodes whose texts and names are known to be good, its points hashed by `hash`.
#[cfg(feature = "alloc")]
fn build_hashed(
    nodes: &[Node<'_>],
    options: RingOptions,
    hash: impl Fn(&[u8]) -> u64,
) -> Result<Ring<Box<[Point]>>, BuildError> {
    let vnodes = options.vnodes;
    let len = check::points(check::point_count(nodes, vnodes))?;
    let mut points = Vec::with_capacity(len);
    for_each_point(nodes, vnodes, &hash, |point| points.push(point));
    let reach = order(&mut points, nodes);
    let storage = points.into_boxed_slice();
    Ok(Ring::frozen(storage, len, reach, owner_count(nodes), options))
}

/// A ring of points that stand in order of position already.
#[cfg(feature = "compat")]
pub(crate) fn freeze_sorted(points: Box<[Point]>, owner_count: u32) -> Ring<Box<[Point]>> {
    let len = points.len();
    freeze(points, len, owner_count, RingOptions::default())
}

/// Hands `each` the points of the nodes, in no order.
fn for_each_point(
    nodes: &[Node<'_>],
    vnodes: u32,
    hash: &impl Fn(&[u8]) -> u64,
    mut each: impl FnMut(Point),
) {
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        let owner = NodeIndex::new(index);
        let count = vnodes.saturating_mul(node.effective_weight());
        each_position(node.name(), 0..count, hash, |position| each(Point::new(position, owner)));
    }
}

/// Puts points that stand in order of position, and of equal positions those in order of name.
pub(super) fn order_ties(points: &mut [Point], nodes: &[Node<'_>]) {
    let name = |point: &Point| nodes.get(point.owner().as_usize()).map_or(&[][..], Node::name);
    let mut rest = points;
    while let Some(first) = rest.first().copied() {
        let len = rest.iter().take_while(|point| point.position() == first.position()).count();
        let Some((equal, after)) = rest.split_at_mut_checked(len) else { break };
        if equal.len() > 1 {
            sort::by(equal, |a, b| name(a).cmp(name(b)));
        }
        rest = after;
    }
}

/// How many nodes have weight.
fn owner_count(nodes: &[Node<'_>]) -> u32 {
    nodes.iter().map(|node| u32::from(node.effective_weight() > 0)).sum()
}

/// The ring over the first `len` elements of `storage`, which are points in order.
fn freeze<S: AsRef<[Point]> + AsMut<[Point]>>(
    mut storage: S,
    len: usize,
    owner_count: u32,
    options: RingOptions,
) -> Ring<S> {
    let reach = match storage.as_mut().split_at_mut_checked(len) {
        Some((points, rest)) => {
            rest.fill(Point::EMPTY);
            guide(points)
        }
        None => None,
    };
    Ring::frozen(storage, len, reach, owner_count, options)
}

/// Writes the guide into the points; its reach, or `None` if there is no guide.
pub(super) fn guide(points: &mut [Point]) -> Option<u32> {
    let reach = match points.len() {
        ..WINDOW => 0,
        len => guide_slots(points, bucket_count(len), 0, 0..number(len)),
    };
    reach_of_guide(points, reach)
}

/// What reach the points' guide has; if it is more than a guide can have, or points are too few
/// for a guide, they lose it.
pub(super) fn reach_of_guide(points: &mut [Point], reach: u32) -> Option<u32> {
    if points.len() >= WINDOW && reach <= REACH_MAX {
        return Some(reach);
    }
    points.iter_mut().for_each(|point| *point = point.without_start());
    None
}

/// Writes the guide of the buckets `slots`, where `first` is the index of the first point that is
/// in the first of these or after it. Its reach, which may be more than a guide can have.
///
/// In runs of buckets, each in two passes without branches that data could mispredict: each point
/// notes for its bucket how many points are up to there, of which the last note stays; then each
/// slot gets the greatest note of the buckets before it. The slots behind the last bucket become
/// buckets that start at the end.
pub(super) fn guide_slots(
    points: &mut [Point],
    buckets: u32,
    first: usize,
    slots: Range<u32>,
) -> u32 {
    const RUN: u32 = 512;
    let len = number(points.len());
    let mut start = number(first);
    let mut reach = write_guide(points, len, slots.start..slots.end, iter::once(start));
    let mut up_to = start;
    for bucket in slots.clone().step_by(RUN as usize) {
        let mut notes = [0; RUN as usize];
        while let Some(point) = points.get(up_to as usize) {
            let place = point.bucket(buckets).wrapping_sub(bucket);
            let Some(note) = notes.get_mut(place as usize) else { break };
            up_to += 1;
            *note = up_to;
        }
        let starts = notes.iter().map(|&note| {
            start = start.max(note);
            start
        });
        reach |= write_guide(points, len, bucket + 1..slots.end, starts);
    }
    reach
}

/// Writes the guide of buckets that start there, as many as there are of both. Its reach.
pub(super) fn write_guide(
    points: &mut [Point],
    len: u32,
    slots: Range<u32>,
    starts: impl Iterator<Item = u32>,
) -> u32 {
    // Looking at four points from here on stays inside.
    let start_max = i64::from(len) - WINDOW as i64;
    let guided = points.get_mut(slots.start as usize..slots.end as usize).unwrap_or_default();
    let mut reach = 0;
    for ((point, slot), start) in guided.iter_mut().zip(i64::from(slots.start)..).zip(starts) {
        let start = i64::from(start);
        let distance = start.min(start_max) - slot;
        reach |= reach_of(start - slot) | reach_of(distance);
        point.set_distance(distance);
    }
    u32::try_from(reach).unwrap_or(u32::MAX)
}

/// How many buckets the guide of so many points has: one a point, rounded down in steps.
///
/// The steps, an eighth to a sixteenth of the points, let most changes of one node leave the
/// buckets as they are (`ring/merge.rs`). They are at most half of how far a start may be from
/// its bucket.
pub(super) fn bucket_count(points: usize) -> u32 {
    let points = number(points);
    let step_bits = points.checked_ilog2().unwrap_or(0).saturating_sub(3).min(14);
    points >> step_bits << step_bits
}

pub(super) fn number(points: usize) -> u32 {
    // At most 2^24, checked before.
    u32::try_from(points).unwrap_or(u32::MAX)
}
