//! Points put in order, and their guide written, in time that grows as the points do.
//!
//! Plain idea: positions are hashes, so each bucket of the guide (`ring/mod.rs`) has about one
//! point. Count the points of each bucket; the sums of the counts say where a bucket's points go,
//! and are the starts that the guide is made of. What disorder is left is among a few neighbours:
//!
//! ```text
//! count[bucket(point)] += 1                      for each point
//! end[b] = count[0] + ... + count[b - 1]         for each bucket
//! sorted[end[bucket(point)]++] = point           for each point; now end[b] is the start of b + 1
//! insert each point among those before it
//! ```
//!
//! A million points thrown over twelve megabytes miss every cache. So many are first dealt to
//! *parts*, runs of buckets that fit the nearest cache, and each part is put in order there. Its
//! guide goes into slots near it, also into such whose points are still to come: these keep it.
//!
//! Points that somebody chose to crowd in a bucket are sorted by comparing, with all of their part:
//! O(n log n).

use alloc::{vec, vec::Vec};
use core::{iter, mem};

use super::{
    WINDOW,
    build::{bucket_count, number, order_ties, reach_of_guide, write_guide},
    point::Point,
};
use crate::Node;

/// Up to so many points are one part.
const ONE_PART_MAX: usize = 1 << 13;
/// The buckets of a part are so many bits, ...
const PART_BITS: u32 = 10;
/// ... and more where the number of parts would have more than this.
const PARTS_BITS: u32 = 11;
/// Points of a bucket with more than this are not put in order by inserting them.
const CROWD: u32 = 16;

/// Puts points without guides in order of position, of equal positions in order of name, and
/// writes the guide; its reach, or `None` if there is no guide.
pub(super) fn order(points: &mut [Point], nodes: &[Node<'_>]) -> Option<u32> {
    if points.len() < WINDOW {
        points.sort_unstable_by_key(|point| point.sort_key());
        order_ties(points, nodes);
        return reach_of_guide(points, 0);
    }
    let buckets = bucket_count(points.len());
    let bits = buckets.next_power_of_two().trailing_zeros();
    let is_one = points.len() <= ONE_PART_MAX;
    let shift = if is_one { bits } else { PART_BITS.max(bits.saturating_sub(PARTS_BITS)) };
    let (dealt, ends) = if is_one {
        (Vec::new(), vec![number(points.len())])
    } else {
        deal(points, buckets, shift)
    };
    let mut sorter = Sorter { buckets, ends: vec![0; 1 << shift], sorted: Vec::new() };
    let len = number(points.len());
    let mut reach = write_guide(points, len, 0..1, iter::once(0));
    let mut start = 0;
    for (end, first) in ends.into_iter().zip((0..buckets).step_by(1 << shift)) {
        let part = start as usize..end as usize;
        let source = if is_one { &*points } else { &*dealt };
        let sorted = sorter.sort(source.get(part.clone()).unwrap_or_default(), first, nodes);
        for (slot, point) in points.get_mut(part).unwrap_or_default().iter_mut().zip(sorted) {
            *slot = point.with_shifted_guide(*slot, 0);
        }
        let starts = sorter.ends.iter().map(|end| start + end);
        reach |= write_guide(points, len, first + 1..buckets, starts);
        start = end;
    }
    // The slots behind the last bucket become buckets that start at the end.
    let last = write_guide(points, len, buckets..len, iter::repeat(len));
    reach_of_guide(points, reach | last)
}

/// Deals points without order to parts of `1 << shift` buckets; where each part ends.
fn deal(points: &[Point], buckets: u32, shift: u32) -> (Vec<Point>, Vec<u32>) {
    let part_of = |point: &Point| (point.bucket(buckets) >> shift) as usize;
    let mut ends = vec![0; ((buckets - 1) >> shift) as usize + 1];
    for point in points {
        if let Some(count) = ends.get_mut(part_of(point)) {
            *count += 1;
        }
    }
    counts_to_starts(&mut ends);
    let mut dealt = vec![Point::EMPTY; points.len()];
    for point in points {
        place(*point, &mut dealt, ends.get_mut(part_of(point)));
    }
    (dealt, ends)
}

/// Puts a part of the points in order.
struct Sorter {
    buckets: u32,
    /// For each bucket of the part that was sorted last, how many of its points are up to there.
    ends: Vec<u32>,
    /// Memory for the sorted part.
    sorted: Vec<Point>,
}

impl Sorter {
    /// The points of a part, whose buckets are those from `first` on, in order.
    fn sort(&mut self, part: &[Point], first: u32, nodes: &[Node<'_>]) -> &[Point] {
        let Self { buckets, ends, sorted } = self;
        let bucket = |point: &Point| (point.bucket(*buckets) - first) as usize;
        ends.fill(0);
        for point in part {
            if let Some(count) = ends.get_mut(bucket(point)) {
                *count += 1;
            }
        }
        let is_crowd = ends.iter().fold(0, |most, &count| most.max(count)) > CROWD;
        counts_to_starts(ends);
        if sorted.len() < part.len() {
            sorted.resize(part.len(), Point::EMPTY);
        }
        let sorted = sorted.get_mut(..part.len()).unwrap_or_default();
        for point in part {
            place(*point, sorted, ends.get_mut(bucket(point)));
        }
        let has_ties = if is_crowd {
            sorted.sort_unstable_by_key(|point| point.sort_key());
            true
        } else {
            insert_each(sorted)
        };
        if has_ties {
            order_ties(sorted, nodes);
        }
        sorted
    }
}

/// What comes before each, instead of how many each are.
fn counts_to_starts(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        sum += mem::replace(count, sum);
    }
}

/// Puts a point where the next of its kind goes.
#[inline]
fn place(point: Point, to: &mut [Point], next: Option<&mut u32>) {
    let Some(next) = next else { return };
    if let Some(slot) = to.get_mut(*next as usize) {
        *slot = point;
    }
    *next += 1;
}

/// Puts points that are nearly in order in order; true if two positions may be equal.
fn insert_each(points: &mut [Point]) -> bool {
    let mut has_ties = false;
    for at in 1..points.len() {
        let Some(&[before, point]) = points.get(at - 1..=at) else { break };
        if !before.is_below(Point::bound(point.position())) {
            has_ties |= insert(points.get_mut(..=at).unwrap_or_default());
        }
    }
    has_ties
}

/// Puts the last of the points where it belongs among the others, which are in order; true if its
/// position is there already.
#[cold]
fn insert(points: &mut [Point]) -> bool {
    let mut has_ties = false;
    for at in (1..points.len()).rev() {
        let Some([before, point]) = points.get_mut(at - 1..=at) else { break };
        has_ties |= before.position() == point.position();
        if before.sort_key() <= point.sort_key() {
            break;
        }
        mem::swap(before, point);
    }
    has_ties
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{NodeIndex, hash::position, key_hash, ring::build::guide};

    /// Sizes around every step, and points that are spread, crowd at a place, or are equal.
    #[test]
    fn the_order_and_the_guide_are_those_of_comparing() {
        let names: Vec<_> = (0..50).map(|number| format!("n{}", number * 37 % 50)).collect();
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
        let placed = |random: u32, kind| match kind {
            0 => random,
            1 => 0x6000_0000 + random % 5_000,
            2 => u32::MAX - random % 3,
            3 => random % 2 * 0x8000_0000,
            // Half of them in one bucket.
            _ if random.is_multiple_of(2) => 0x1234_5678 + random % 64,
            _ => random,
        };
        let small = [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 1_000];
        for len in small.into_iter().chain([8_191, 8_192, 8_193, 12_345, 200_000]) {
            for kind in 0..5 {
                let random = |i: u32| placed(position(key_hash(&i.to_le_bytes())), kind);
                let owner = |i: u32| NodeIndex::from_number(i % 50);
                let mut expected: Vec<Point> =
                    (0..len).map(|i| Point::new(random(i), owner(i))).collect();
                let mut found = expected.clone();
                expected.sort_unstable_by_key(|point| point.sort_key());
                order_ties(&mut expected, &nodes);
                let is_guided = guide(&mut expected).is_some();
                let reach = order(&mut found, &nodes);
                assert_eq!(reach.is_some(), is_guided, "{len} points of kind {kind}");
                let bits = |points: &[Point]| -> Vec<u64> {
                    points.iter().map(|point| point.sort_key()).collect()
                };
                assert!(bits(&found) == bits(&expected), "{len} points of kind {kind}");
                // A crowd of so many is too far from its bucket.
                assert_eq!(is_guided, len >= 4 && (len < 200_000 || kind == 0), "{len}, {kind}");
            }
        }
    }
}
