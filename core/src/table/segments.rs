//! The runs of positions that have one owner.

use crate::{NodeIndex, Point};

/// A run of positions, both ends inclusive, with one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// Who owns it.
    pub owner: NodeIndex,
}

const POSITION_MAX: u64 = u32::MAX as u64;

/// The segments of a table.
#[derive(Clone, Debug)]
pub(super) enum Segments<'a> {
    Points(PointSegments<'a>),
    Slots(SlotSegments<'a>),
}

impl<'a> Segments<'a> {
    pub(super) fn new(points: &'a [Point]) -> Option<Self> {
        PointSegments::new(points).map(Self::Points)
    }

    /// Of slots of equal width, whose number is a power of two; `None` if there are none.
    pub(super) fn of_slots(slots: &'a [NodeIndex]) -> Option<Self> {
        let width = (POSITION_MAX + 1).checked_div(slots.len() as u64)?;
        Some(Self::Slots(SlotSegments { rest: slots, width, lo: 0 }))
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        match self {
            Self::Points(segments) => segments.next(),
            Self::Slots(segments) => segments.next(),
        }
    }
}

/// The segments of slots in order.
#[derive(Clone, Debug)]
pub(super) struct SlotSegments<'a> {
    rest: &'a [NodeIndex],
    /// How many positions a slot has.
    width: u64,
    lo: u64,
}

impl Iterator for SlotSegments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let owner = *self.rest.first()?;
        let len = self.rest.iter().take_while(|&&other| other == owner).count();
        self.rest = self.rest.get(len..).unwrap_or_default();
        let lo = self.lo;
        self.lo += self.width * len as u64;
        Some(Segment { lo, hi: self.lo - 1, owner })
    }
}

/// The segments of points in order.
#[derive(Clone, Debug)]
pub(super) struct PointSegments<'a> {
    /// The points from the first at or after `lo` on.
    rest: &'a [Point],
    /// Who owns what lies beyond the last point.
    wrapped: NodeIndex,
    /// Where the next segment starts; beyond the last position at the end.
    lo: u64,
}

impl<'a> PointSegments<'a> {
    fn new(points: &'a [Point]) -> Option<Self> {
        let wrapped = points.first()?.owner();
        Some(Self { rest: points, wrapped, lo: 0 })
    }

    /// The last position and the owner of the arc that the next point ends, or the end of the ring.
    fn arc(&self) -> (u64, NodeIndex) {
        match self.rest.first() {
            Some(point) => (u64::from(point.position()), point.owner()),
            None => (POSITION_MAX, self.wrapped),
        }
    }

    /// Leaves behind every point up to `position`; of equal points, only the first counted.
    fn skip_to(&mut self, position: u64) {
        while let Some((point, rest)) = self.rest.split_first() {
            if u64::from(point.position()) > position {
                break;
            }
            self.rest = rest;
        }
    }
}

impl Iterator for PointSegments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let lo = self.lo;
        if lo > POSITION_MAX {
            return None;
        }
        let (mut hi, owner) = self.arc();
        self.skip_to(hi);
        while hi < POSITION_MAX {
            let (next_hi, next_owner) = self.arc();
            if next_owner != owner {
                break;
            }
            hi = next_hi;
            self.skip_to(hi);
        }
        self.lo = hi + 1;
        Some(Segment { lo, hi, owner })
    }
}
