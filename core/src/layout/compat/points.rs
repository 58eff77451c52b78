//! Rings of deployed programs, on the one ring engine.
//!
//! Such a ring is a list of points, each of 32, 64 or 128 bits, and rules: who owns a point that two
//! nodes share, and which point a key's hash leads to. The engine searches by the upper 32 bits of
//! a position, in the points themselves; where points are wider, the rest stands in an array beside
//! them, which is looked at only when upper halves are equal: once in thousands of lookups.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    BuildError, NodeIndex, Placement as _, Point, Ring, Walk, check, hash::position,
    placement::NodeSet, ring::build::freeze_sorted,
};

/// Points as they are made: positions of 32, 64 or 128 bits, in an order that decides who owns a
/// shared one.
#[derive(Debug)]
pub(super) struct Points<P>(Vec<(P, NodeIndex)>);

/// A position of one of three widths.
pub(super) trait Position: Copy + Ord {
    /// The upper 32 bits.
    fn upper(self) -> u32;

    /// What does not fit the engine's 32 bits.
    fn lower(points: &[(Self, NodeIndex)]) -> Lower;
}

impl Position for u32 {
    fn upper(self) -> u32 {
        self
    }

    fn lower(_: &[(Self, NodeIndex)]) -> Lower {
        Lower::None
    }
}

impl Position for u64 {
    fn upper(self) -> u32 {
        position(self)
    }

    fn lower(points: &[(Self, NodeIndex)]) -> Lower {
        Lower::Bits32(points.iter().map(|&(at, _)| position(at << 32)).collect())
    }
}

impl Position for u128 {
    fn upper(self) -> u32 {
        upper(self)
    }

    fn lower(points: &[(Self, NodeIndex)]) -> Lower {
        Lower::Bits96(points.iter().map(|&(at, _)| at << 32).collect())
    }
}

/// Whose a point is that several nodes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Whose was made first.
    First,
    /// Whose was made last.
    Last,
    /// All stay, in the order in which they were made.
    Kept,
}

/// Which point a hash leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// The first at or above it, wrapping.
    AtOrAbove,
    /// The first above it, wrapping.
    Above,
    /// The nearest below or above, of two equally near the one below; positions of 32 bits.
    Nearest,
    /// The first at or above it; above all of them, the last.
    AtOrAboveElseLast,
}

impl<P: Position> Points<P> {
    /// No points yet, of a ring that will have so many.
    pub(super) fn with_capacity(count: u64) -> Result<Self, BuildError> {
        Ok(Self(Vec::with_capacity(check::points(count)?)))
    }

    pub(super) fn push(&mut self, position: P, node: NodeIndex) {
        self.0.push((position, node));
    }

    /// The same points of nodes of other indices.
    pub(super) fn renumbered(mut self, index: impl Fn(NodeIndex) -> NodeIndex) -> Self {
        for (_, node) in &mut self.0 {
            *node = index(*node);
        }
        self
    }

    /// The ring of these points.
    pub(super) fn into_ring(
        mut self,
        shared: Shared,
        search: Search,
    ) -> Result<PointRing, BuildError> {
        check::points(self.0.len() as u64)?;
        // Stable: equal points stay in the order in which they were made.
        self.0.sort_by_key(|&(position, _)| position);
        match shared {
            Shared::First => self.0.dedup_by_key(|&mut (position, _)| position),
            Shared::Last => self.0.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    *kept = *later;
                }
                same
            }),
            Shared::Kept => {}
        }
        let mut owners = NodeSet::new();
        let owner_count = self.0.iter().map(|&(_, node)| u32::from(owners.insert(node))).sum();
        let points: Box<[Point]> =
            self.0.iter().map(|&(at, node)| Point::new(at.upper(), node)).collect();
        let lower = P::lower(&self.0);
        drop(self.0);
        let ring = freeze_sorted(points, owner_count);
        let guide = Guide::beside(&ring);
        let is_plain = matches!((search, &lower, &guide), (Search::AtOrAbove, Lower::None, None));
        Ok(PointRing { ring, guide, lower, search, is_plain })
    }
}

/// The upper 32 bits.
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves 32 bits")]
const fn upper(position: u128) -> u32 {
    (position >> 96) as u32
}

/// A deployed program's ring.
#[derive(Clone, Debug)]
pub(super) struct PointRing {
    ring: Ring<Box<[Point]>>,
    /// For points that crowd too much for the engine's own guide, as those of CRC-32 may.
    guide: Option<Guide>,
    /// What does not fit the points' 32 bits.
    lower: Lower,
    search: Search,
    /// Whether the engine alone finds the point, as it does for a native ring.
    is_plain: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Lower {
    None,
    Bits32(Box<[u32]>),
    /// At the upper end of 128 bits.
    Bits96(Box<[u128]>),
}

impl Lower {
    /// What a position that is one higher is more, at the upper end of 128 bits.
    const fn step(&self) -> u128 {
        match self {
            Self::None => 1 << 96,
            Self::Bits32(_) => 1 << 64,
            Self::Bits96(_) => 1,
        }
    }
}

impl PointRing {
    /// The owner of a hash of 32 bits.
    #[inline]
    pub(super) fn owner_32(&self, hash: u32) -> Option<NodeIndex> {
        if self.is_plain {
            return self.ring.owner_by_hash(u64::from(hash) << 32);
        }
        self.find_out_of_line(u128::from(hash) << 96)
    }

    #[inline(never)]
    fn find_out_of_line(&self, hash: u128) -> Option<NodeIndex> {
        self.find(hash).map(|(_, node)| node)
    }

    /// The index of the point that a hash, at the upper end of 128 bits, leads to, and its owner.
    #[inline]
    pub(super) fn find(&self, hash: u128) -> Option<(usize, NodeIndex)> {
        match self.search {
            Search::AtOrAbove => self.first_wide(hash),
            Search::Above => match hash.checked_add(self.lower.step()) {
                Some(above) => self.first_wide(above),
                None => self.at(0),
            },
            Search::AtOrAboveElseLast => {
                let (index, owner) = self.first_from(upper(hash))?;
                let points = self.ring.points();
                let wrapped = points.get(index)?.position() < upper(hash);
                if wrapped { self.at(points.len() - 1) } else { Some((index, owner)) }
            }
            Search::Nearest => {
                let hash = upper(hash);
                let (next, owner) = self.first_from(hash)?;
                let points = self.ring.points();
                let before = next.checked_sub(1).unwrap_or(points.len() - 1);
                let back = hash.wrapping_sub(points.get(before)?.position());
                let on = points.get(next)?.position().wrapping_sub(hash);
                if back <= on { self.at(before) } else { Some((next, owner)) }
            }
        }
    }

    /// The first point whose upper 32 bits are at or above these, wrapping.
    #[inline]
    fn first_from(&self, upper: u32) -> Option<(usize, NodeIndex)> {
        let (index, point) = self.first_point(upper)?;
        Some((index, point.owner()))
    }

    #[inline]
    fn first_point(&self, upper: u32) -> Option<(usize, Point)> {
        match &self.guide {
            None => self.ring.first_from(u64::from(upper) << 32),
            Some(guide) => guide.first_from(self.ring.points(), upper),
        }
    }

    /// The same by all bits.
    #[inline]
    fn first_wide(&self, hash: u128) -> Option<(usize, NodeIndex)> {
        let (index, point) = self.first_point(upper(hash))?;
        if point.position() != upper(hash) {
            return Some((index, point.owner()));
        }
        match self.lower {
            Lower::None => Some((index, point.owner())),
            _ => self.among_equals(index, hash),
        }
    }

    /// The first point at or above the hash, where those before `index` are below it and that one
    /// has the same upper 32 bits.
    #[cold]
    #[inline(never)]
    fn among_equals(&self, index: usize, hash: u128) -> Option<(usize, NodeIndex)> {
        let equal = self.ring.points().get(index..)?;
        let equal = equal.partition_point(|point| point.position() == upper(hash));
        let below = match &self.lower {
            Lower::None => 0,
            Lower::Bits32(lower) => {
                lower.get(index..index + equal)?.partition_point(|&lower| lower < upper(hash << 32))
            }
            Lower::Bits96(lower) => {
                lower.get(index..index + equal)?.partition_point(|&lower| lower < hash << 32)
            }
        };
        self.at(index + below).or_else(|| self.at(0))
    }

    fn at(&self, index: usize) -> Option<(usize, NodeIndex)> {
        self.ring.points().get(index).map(|point| (index, point.owner()))
    }

    /// The points, ascending, by their upper 32 bits.
    pub(super) fn points(&self) -> &[Point] {
        self.ring.points()
    }

    /// The whole position of one of them, a number of the width that the program has.
    pub(super) fn position_at(&self, index: usize, point: Point) -> u128 {
        let upper = u128::from(point.position());
        match &self.lower {
            Lower::None => upper,
            Lower::Bits32(lower) => {
                upper << 32 | lower.get(index).map_or(0, |&lower| u128::from(lower))
            }
            Lower::Bits96(lower) => upper << 96 | lower.get(index).map_or(0, |&lower| lower >> 32),
        }
    }

    /// The owners of the points from the one that the hash leads to on, once around.
    pub(super) fn walk(&self, hash: u128) -> Walk<'_> {
        self.ring.walk_from(self.find(hash).map_or(0, |(index, _)| index))
    }

    /// The owners of all points.
    pub(super) fn owners(&self) -> Walk<'_> {
        self.ring.walk_from(0)
    }
}

/// Where the points of each of equal buckets start: one bucket, a power of two of them, for one to
/// two points.
#[derive(Clone, Debug)]
struct Guide {
    starts: Box<[u32]>,
    /// A position's bucket is its bits from this one on.
    shift: u32,
}

impl Guide {
    /// With fewer points a binary search is as good.
    const POINTS_MIN: usize = 1_024;
    /// At so many points a lookup looks before it searches.
    const WINDOW: usize = 4;

    /// A guide for a ring that has none in its points and would need one.
    fn beside(ring: &Ring<Box<[Point]>>) -> Option<Self> {
        let points = ring.points();
        if ring.has_guide() || points.len() < Self::POINTS_MIN {
            return None;
        }
        let bits = points.len().ilog2();
        let shift = 32 - bits;
        let mut starts = alloc::vec![0u32; (1 << bits) + 1];
        for point in points {
            if let Some(count) = starts.get_mut((point.position() >> shift) as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Some(Self { starts: starts.into_boxed_slice(), shift })
    }

    /// The first point at or above a position, wrapping.
    #[inline]
    fn first_from(&self, points: &[Point], position: u32) -> Option<(usize, Point)> {
        let bucket = (position >> self.shift) as usize;
        let (start, end) = match self.starts.get(bucket..bucket + 2) {
            Some(&[start, end]) => (start as usize, end as usize),
            _ => return None,
        };
        let is_below = |point: &Point| point.position() < position;
        let count = match points.get(start..start + Self::WINDOW) {
            Some(window) => window.iter().map(|point| usize::from(is_below(point))).sum(),
            None => 0,
        };
        let index = match count {
            0..Self::WINDOW if start + Self::WINDOW <= points.len() => start + count,
            _ => start + points.get(start..end)?.partition_point(is_below),
        };
        let index = if index < points.len() { index } else { 0 };
        points.get(index).map(|&point| (index, point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring<P: Position>(points: &[(P, u16)], shared: Shared, search: Search) -> PointRing {
        let mut made = Points::with_capacity(0).expect("few points");
        for &(position, node) in points {
            made.push(position, NodeIndex::new(node));
        }
        made.into_ring(shared, search).expect("few points")
    }

    fn owner(ring: &PointRing, hash: u128) -> u32 {
        ring.find(hash).expect("a point").1.get()
    }

    #[test]
    fn searches_differ_at_points_and_ends() {
        let points = [(10u32, 0), (20, 1), (u32::MAX - 4, 2)];
        let find = |search, hash: u32| {
            owner(&ring(&points, Shared::First, search), u128::from(hash) << 96)
        };
        assert_eq!([9, 10, 11, 20].map(|hash| find(Search::AtOrAbove, hash)), [0, 0, 1, 1]);
        assert_eq!([9, 10, 11, 20].map(|hash| find(Search::Above, hash)), [0, 1, 1, 2]);
        assert_eq!([14, 15, 16].map(|hash| find(Search::Nearest, hash)), [0, 0, 1]);
        // Between the last point and the first there are 15 steps: 7 back or 8 on.
        assert_eq!([2, 3].map(|hash| find(Search::Nearest, hash)), [2, 0]);
        for (search, expected) in [
            (Search::AtOrAbove, 0),
            (Search::Above, 0),
            (Search::Nearest, 2),
            (Search::AtOrAboveElseLast, 2),
        ] {
            assert_eq!(find(search, u32::MAX), expected, "{search:?}");
        }
    }

    #[test]
    fn shared_points_follow_the_rule() {
        let points = [(10u32, 1), (10, 0), (10, 2)];
        for (shared, expected) in [(Shared::First, 1), (Shared::Last, 2), (Shared::Kept, 1)] {
            let ring = ring(&points, shared, Search::AtOrAbove);
            assert_eq!(owner(&ring, 5 << 96), expected, "{shared:?}");
        }
    }

    #[test]
    fn wide_points_are_compared_whole() {
        let top = 7u64 << 32;
        let points: Vec<_> = (0..40u16).map(|i| (top + 2 * u64::from(i), i)).collect();
        check_wide(&points, |position| u128::from(position) << 64, 1 << 64);
        let top = 7u128 << 96;
        let points: Vec<_> = (0..40u16).map(|i| (top + 2 * u128::from(i), i)).collect();
        check_wide(&points, |position| position, 1);
    }

    fn check_wide<P: Position>(points: &[(P, u16)], aligned: fn(P) -> u128, one: u128) {
        let at_or_above = ring(points, Shared::First, Search::AtOrAbove);
        let above = ring(points, Shared::First, Search::Above);
        for &(position, i) in &points[..points.len() - 1] {
            let (at, i) = (aligned(position), u32::from(i));
            assert_eq!(owner(&at_or_above, at), i);
            assert_eq!(owner(&at_or_above, at + one), i + 1);
            assert_eq!(owner(&above, at), i + 1);
        }
        let last = aligned(points[points.len() - 1].0);
        assert_eq!(owner(&at_or_above, last + one), 0);
        assert_eq!(owner(&above, last), 0);
        assert_eq!(owner(&above, u128::MAX), 0);
    }

    #[test]
    fn crowded_points_have_a_guide_of_their_own() {
        // All points in one sixteenth of the space: too far from their places for the engine's.
        let points: Vec<(u32, u16)> = (0..200_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 4 | 3 << 28, (i % 1_000) as u16))
            .collect();
        let ring = ring(&points, Shared::First, Search::AtOrAbove);
        assert!(ring.guide.is_some());
        let sorted = ring.ring.points();
        let ends = [0, u32::MAX, (3 << 28) - 1, 3 << 28, 4 << 28];
        let inside = sorted.iter().step_by(97).flat_map(|point| {
            let at = point.position();
            [at.wrapping_sub(1), at, at.wrapping_add(1)]
        });
        for hash in inside.chain(ends) {
            let index = sorted.partition_point(|point| point.position() < hash) % sorted.len();
            assert_eq!(ring.first_point(hash).map(|(index, _)| index), Some(index), "{hash:#x}");
        }
    }
}
