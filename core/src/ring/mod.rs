//! The ring: points in order, and how the first one at or after a position is found.
//!
//! # The search
//!
//! Plain idea: positions are hashes, so they are spread evenly. Cut the space into `n` equal
//! *buckets*, about as many as there are points; one holds about one point. Remember for each bucket where its
//! points start, go there, and count how many of the next four lie before the position:
//!
//! ```text
//! bucket = position * n >> 32
//! start  = number of points in buckets before this one
//! count  = number of points[start..start + 4] before position     (four compares, no branch)
//! answer = points[start + count]           if count < 4
//! ```
//!
//! No step depends on the data but the last test, which one lookup in 230 fails.
//!
//! The tricks:
//!
//! - *The guide lives in the points.* `start` differs from `bucket` by the deviation of `n` even
//!   draws, about `√n / 2`: 630 for 1,600,000 points, and by what the number of buckets was rounded
//!   down, at most 16,383. Sixteen bits hold the difference, and a point
//!   of 32 bits position and 16 bits owner has just these to spare. So point `b` carries bucket
//!   `b`'s start, the ring is one array of eight bytes a point wherever the caller keeps it, and
//!   the two accesses of a lookup are mostly in the same few kilobytes.
//! - *Counting does not know about ends.* A start within the last three points is written as the
//!   fourth from the end: what is then counted besides is before the position anyway. Wrapping
//!   around shows as a count of 4.
//! - *A count of 4 bisects inside the bucket*, whose end is the next one's start. Positions that
//!   somebody chose to fall into one bucket thus cost at most 1.2 times the instructions of a
//!   binary search over all points (`benches/icount.sh` counts them).
//! - *No guide is a guide that leads nowhere.* With fewer than four points, or if a start is too
//!   far from its bucket for 16 bits, there is one bucket, and its start lies beyond every array;
//!   the same test that guards the array access leads to a binary search over all points.
//!
//! Equal positions are in order of name, and the search always finds the first of them.

mod batch;
mod bisect;
pub(crate) mod build;
#[cfg(feature = "alloc")]
mod merge;
#[cfg(feature = "alloc")]
mod order;
mod point;
mod positions;

use core::{fmt, iter::FusedIterator, mem, slice};

#[cfg(feature = "alloc")]
pub(crate) use self::positions::each_position;
pub use self::{build::RingBuilder, point::Point};
use crate::{
    HashTag, NodeIndex, Placement,
    hash::{key_hash, position},
    layout::{self, sip_key::Secret},
    placement::{FEW, fill_distinct},
};

/// How many points a lookup looks at.
const WINDOW: usize = 4;

/// A ring of virtual nodes, immutable once built. `S` is where the points live.
///
/// `Ring<Box<[Point]>>` owns them, `Ring<[Point; 1600]>` holds them in place, `Ring<&[Point]>`
/// borrows them; all give the same answers. Eight bytes a point.
///
/// # Examples
///
/// ```
/// use ringway::{Node, Placement, Point, RingBuilder};
///
/// let nodes = [Node::new("db1"), Node::new("db2"), Node::new("db3")];
/// let ring = RingBuilder::new().build_in(&nodes, [Point::EMPTY; 480])?;
/// let owner = ring.owner(b"user:42").expect("a node has weight");
/// assert!(owner.as_usize() < nodes.len());
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Ring<S> {
    storage: S,
    /// How many of the storage's points are the ring's.
    len: usize,
    /// How many buckets there are: about `len`, or 1 if there is no guide.
    buckets: u32,
    /// No start is farther from its bucket than this, as `reach_of` has it.
    reach: u32,
    owner_count: u32,
    hash_tag: Option<HashTag>,
    /// The key of a ring whose keys are hashed in secret.
    secret: Option<Secret>,
}

impl<S: AsRef<[Point]>> Ring<S> {
    /// The points in order of position, then of node name.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        self.storage.as_ref().get(..self.len).unwrap_or_default()
    }

    /// The same ring over borrowed points.
    #[must_use]
    pub fn as_view(&self) -> Ring<&[Point]> {
        Ring {
            storage: self.storage.as_ref(),
            len: self.len,
            buckets: self.buckets,
            reach: self.reach,
            owner_count: self.owner_count,
            hash_tag: self.hash_tag,
            secret: self.secret,
        }
    }

    /// Whether lookups are guided; else they search all points.
    #[cfg(feature = "compat")]
    pub(crate) const fn has_guide(&self) -> bool {
        self.buckets > 1
    }

    /// The owners of the points from that index on, once around.
    #[inline]
    pub(crate) fn walk_from(&self, first: usize) -> Walk<'_> {
        let (then, now) = self.points().split_at_checked(first).unwrap_or_default();
        Walk { now: now.iter(), then: then.iter() }
    }

    /// Fills `out` with distinct owners of a key's hash, as [`Placement::owners`] does.
    pub(crate) fn owners_by_hash(&self, hash: u64, out: &mut [NodeIndex]) -> usize {
        let wanted = self.owner_count().min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        if out.len() > FEW {
            return fill_distinct(out, 0, self.walk(hash), |node| node);
        }
        let first = self.first_from(hash).map_or(0, |(index, _)| index);
        let (then, now) = self.points().split_at_checked(first).unwrap_or_default();
        let filled = fill_from(out, 0, now);
        if filled == out.len() { filled } else { fill_from_start(out, filled, then) }
    }

    /// The first point at or after the hash's position, wrapping, and its index.
    #[inline]
    pub(crate) fn first_from(&self, hash: u64) -> Option<(usize, Point)> {
        let points = self.storage.as_ref();
        let bound = Point::bound(position(hash));
        let bucket = bucket_of(bound, self.buckets);
        let start = points.get(bucket as usize)?.start(bucket) as usize;
        if let Some(window) = points.get(start..start + WINDOW) {
            let count = count_below(window, bound);
            if let Some(&point) = window.get::<usize>(count) {
                return Some((start + count, point));
            }
        }
        let index = bisect::first_from(points, self.len, bound, bucket, start);
        points.get(index).map(|&point| (index, point))
    }
}

#[cfg(feature = "alloc")]
impl<S: AsRef<[Point]>> Ring<S> {
    /// The owner, where [`first_from`](Self::first_from) finds it without a search, and so without
    /// a call: nearly always.
    #[inline]
    pub(crate) fn quick_owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        let points = self.storage.as_ref();
        let bound = Point::bound(position(hash));
        let bucket = bucket_of(bound, self.buckets);
        let start = points.get(bucket as usize)?.start(bucket) as usize;
        let window = points.get(start..start + WINDOW)?;
        window.get(count_below(window, bound)).map(|point| point.owner())
    }

    /// The owner of `position`, and the position of the last point before it, if there is one.
    pub(crate) fn arc_at(&self, position: u32) -> Option<(NodeIndex, Option<u32>)> {
        let (index, first) = self.first_from(u64::from(position) << 32)?;
        let after = if first.position() < position { self.len } else { index };
        let before = after.checked_sub(1).and_then(|before| self.points().get(before));
        Some((first.owner(), before.map(|point| point.position())))
    }
}

/// How many points of few are below `bound`.
#[inline(always)]
fn count_below(window: &[Point], bound: u64) -> usize {
    window.iter().map(|point| usize::from(point.is_below(bound))).sum()
}

/// Fills `out` from index `filled` on with owners of points that are not in it, and returns how much
/// of it is filled.
#[inline(always)]
fn fill_from(out: &mut [NodeIndex], mut filled: usize, points: &[Point]) -> usize {
    for point in points {
        let Some((found, [slot, ..])) = out.split_at_mut_checked(filled) else { break };
        if !found.contains(&point.owner()) {
            *slot = point.owner();
            filled += 1;
        }
    }
    filled
}

/// The same where the walk wraps around.
#[cold]
fn fill_from_start(out: &mut [NodeIndex], filled: usize, points: &[Point]) -> usize {
    fill_from(out, filled, points)
}

/// The bucket of a position, whose bound is its upper half: `position * buckets >> 32`.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "below the number of buckets, a u32")]
fn bucket_of(bound: u64, buckets: u32) -> u32 {
    ((u128::from(bound) * u128::from(buckets)) >> 64) as u32
}

impl<S: AsRef<[Point]>> Placement for Ring<S> {
    type Walk<'a>
        = Walk<'a>
    where
        Self: 'a;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        layout::hash_key(self.hash_tag.as_ref(), self.secret.as_ref(), key)
    }

    /// The owners of the points from the hash's position on, once around.
    #[inline]
    fn walk(&self, hash: u64) -> Walk<'_> {
        self.walk_from(self.first_from(hash).map_or(0, |(index, _)| index))
    }

    #[inline]
    fn owner_count(&self) -> usize {
        self.owner_count as usize
    }

    fn owners(&self, key: &[u8], out: &mut [NodeIndex]) -> usize {
        self.owners_by_hash(self.hash_key(key), out)
    }

    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.first_from(hash).map(|(_, point)| point.owner())
    }

    fn owner_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        out: &mut [Option<NodeIndex>],
    ) -> usize {
        match (&self.hash_tag, &self.secret) {
            (None, None) => self.owners_of_keys(keys, key_hash, out),
            _ => self.owners_of_keys(keys, |key| self.hash_key(key), out),
        }
    }

    fn owner_many_by_hash(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) -> usize {
        self.owners_of_hashes(hashes, out)
    }
}

impl<S> fmt::Debug for Ring<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("points", &self.len)
            .field("owners", &self.owner_count)
            .finish_non_exhaustive()
    }
}

/// The owners of a ring's points from one position on, each point once.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    now: slice::Iter<'a, Point>,
    then: slice::Iter<'a, Point>,
}

impl Iterator for Walk<'_> {
    type Item = NodeIndex;

    #[inline]
    fn next(&mut self) -> Option<NodeIndex> {
        if let Some(point) = self.now.next() {
            return Some(point.owner());
        }
        self.now = mem::take(&mut self.then);
        self.now.next().map(|point| point.owner())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.now.len() + self.then.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Walk<'_> {}
impl FusedIterator for Walk<'_> {}
