//! A ring with some points of one node more, or fewer, without building it anew.
//!
//! Plain idea: the points that come or go are few and sorted, so the new array is the old one in
//! long pieces, with a gap or a leap between them. The same pass writes the guide. Slot `b` holds
//! bucket `b`'s start, which grows by the number of new points in the buckets before `b`:
//!
//! ```text
//! new[i] = position and owner of old[i - points inserted before slot i]
//!          guide of old[i]    + points inserted in buckets before i
//! ```
//!
//! Both numbers change at few slots, and between these the pass is a copy with an addition that
//! the compiler vectorises. It needs the old ring to have as many buckets as the new one, which
//! [`bucket_count`](super::build::bucket_count) sees to for most changes; for the others the guide
//! is written anew, as it is when a start might have come too far from its bucket. Either way each
//! bit is what building the ring would have written.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Ring, WINDOW, bucket_of,
    build::{RingOptions, bucket_count, guide, guide_slots, number},
    point::{Point, REACH_MAX},
};
use crate::NodeIndex;

type Owned = Ring<Box<[Point]>>;

impl Owned {
    /// The ring with points of `node` more, at these positions in ascending order. Of equal
    /// points, those come first whose owner `is_before` says so.
    pub(crate) fn with_points(
        &self,
        node: NodeIndex,
        positions: &[u32],
        owner_count: u32,
        is_before: impl Fn(NodeIndex) -> bool,
    ) -> Self {
        let points = self.points();
        let place = |&position: &u32| {
            let first = self.first_at(position);
            let rest = points.get(first..).unwrap_or_default();
            let tied = |p: &&Point| p.position() == position && is_before(p.owner());
            first + rest.iter().take_while(tied).count()
        };
        let places = positions.iter().map(place).collect();
        let change = Change { positions, places, insert: Some(node), removed: None };
        self.changed(&change, owner_count)
    }

    /// The ring with points of `node` fewer, at these positions in ascending order, where it has
    /// them. `renumber` says that the node goes, and each later one is known by an index less.
    pub(crate) fn without_points(
        &self,
        node: NodeIndex,
        positions: &[u32],
        owner_count: u32,
        renumber: bool,
    ) -> Self {
        let points = self.points();
        let mut least = 0;
        let place = |&position: &u32| {
            // A node may have a point twice: each is found once.
            let first = self.first_at(position).max(least);
            let rest = points.get(first..).unwrap_or_default();
            let found = first + rest.iter().take_while(|point| point.owner() != node).count();
            least = found + 1;
            found
        };
        let places = positions.iter().map(place).collect();
        let removed = renumber.then_some(node);
        self.changed(&Change { positions, places, insert: None, removed }, owner_count)
    }

    /// The index of the first point at or after `position`; their number if there is none.
    fn first_at(&self, position: u32) -> usize {
        match self.first_from(u64::from(position) << 32) {
            Some((index, point)) if point.position() >= position => index,
            _ => self.len,
        }
    }

    fn changed(&self, change: &Change<'_>, owner_count: u32) -> Self {
        let len = match change.insert {
            Some(_) => self.len + change.places.len(),
            None => self.len - change.places.len(),
        };
        let buckets = bucket_count(len);
        let reach = self.reach + number(change.places.len());
        let keeps_guide =
            self.buckets == buckets && reach <= REACH_MAX && self.len.min(len) > 2 * WINDOW;
        let mut storage = merge(self.points(), len, change, keeps_guide.then_some(buckets));
        let reach = if keeps_guide {
            Some(reach | guide_tail(self.points(), &mut storage, buckets))
        } else {
            guide(&mut storage)
        };
        let options =
            RingOptions { hash_tag: self.hash_tag, secret: self.secret, ..RingOptions::default() };
        Self::frozen(storage.into_boxed_slice(), len, reach, owner_count, options)
    }
}

#[cfg(test)]
impl Owned {
    /// Whether each bit is the same, the guide's too.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        let bits = |ring: &Self| ring.points().iter().map(|p| p.sort_key()).collect::<Vec<_>>();
        bits(self) == bits(other)
            && (self.len, self.buckets) == (other.len, other.buckets)
            && (self.owner_count, self.hash_tag, self.secret)
                == (other.owner_count, other.hash_tag, other.secret)
    }
}

/// Points of one node that come or go.
struct Change<'a> {
    positions: &'a [u32],
    /// For each the index of the old point before which it is inserted, or which is left out.
    places: Box<[usize]>,
    /// Who owns the points that come; `None` if points go.
    insert: Option<NodeIndex>,
    /// The node whose index is no longer there.
    removed: Option<NodeIndex>,
}

/// The points after the change. With `buckets`, their number before and after, the guides are kept
/// up.
fn merge(old: &[Point], len: usize, change: &Change<'_>, buckets: Option<u32>) -> Vec<Point> {
    let one = if change.insert.is_some() { 1 } else { u64::MAX };
    let guided_len = if buckets.is_some() { old.len().min(len) } else { 0 };
    let mut shifts = change.positions.iter().map(|&position| {
        let bucket = bucket_of(Point::bound(position), buckets.unwrap_or(1));
        bucket as usize + 1
    });
    let mut places = change.positions.iter().zip(&change.places);
    let (mut shift_at, mut place) = (shifts.next(), places.next());
    let mut new = Vec::with_capacity(len);
    let (mut read, mut shift) = (0, 0u64);
    while new.len() < len {
        while shift_at.is_some_and(|at| at <= new.len()) {
            shift = shift.wrapping_add(one);
            shift_at = shifts.next();
        }
        // The last points wait for nothing more.
        let until_change = place.map_or(old.len(), |(_, &place)| place) - read;
        if let (Some((&position, _)), 0) = (place, until_change) {
            place = places.next();
            let Some(node) = change.insert else {
                read += 1;
                continue;
            };
            let mut point = Point::new(position, node);
            if let Some(&guide) = old.get(new.len()).filter(|_| new.len() < guided_len) {
                point = point.with_shifted_guide(guide, shift);
            }
            new.push(point);
            continue;
        }
        let at = new.len();
        let mut end = at + until_change;
        if at < guided_len {
            end = end.min(guided_len).min(shift_at.unwrap_or(end));
        }
        let points = old.get(read..read + end - at).unwrap_or_default();
        // Where there are no guides, points keep what they have there until it is overwritten.
        let (guides, shift) = if at < guided_len { (old.get(at..end), shift) } else { (None, 0) };
        append(&mut new, points, guides.unwrap_or(points), shift, change.removed);
        read += end - at;
    }
    new
}

/// Appends points that take the guides of others, moved by `shift`.
fn append(
    new: &mut Vec<Point>,
    points: &[Point],
    guides: &[Point],
    shift: u64,
    removed: Option<NodeIndex>,
) {
    let pairs = points.iter().zip(guides);
    match removed {
        None => new.extend(pairs.map(|(point, &guide)| point.with_shifted_guide(guide, shift))),
        Some(removed) => new.extend(
            pairs.map(|(point, &guide)| point.renumbered(removed).with_shifted_guide(guide, shift)),
        ),
    }
}

/// Writes the guides whose starts depend on where the points end; their reach.
///
/// Slots behind the last bucket that the old points had as well were moved as the end was.
fn guide_tail(old: &[Point], new: &mut [Point], buckets: u32) -> u32 {
    let first_clamped = |points: &[Point]| {
        let last_exact = points.len().checked_sub(WINDOW + 1).and_then(|last| points.get(last));
        last_exact.map_or(0, |point| point.bucket(buckets) + 1)
    };
    let bucket = first_clamped(old).min(first_clamped(new));
    let is_behind = |point: &&Point| point.bucket(buckets) >= bucket;
    let behind = new.iter().rev().take_while(is_behind).count();
    let first = new.len() - behind;
    let (old_len, len) = (number(old.len()), number(new.len()));
    let clamped = guide_slots(new, buckets, first, bucket..len.min(buckets + 1));
    let added = guide_slots(new, buckets, new.len(), old_len.min(len)..len);
    clamped | added
}
