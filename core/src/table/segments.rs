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

/// The segments of points in order.
#[derive(Clone, Debug)]
pub(super) struct Segments<'a> {
    /// The points from the first at or after `lo` on.
    rest: &'a [Point],
    /// Who owns what lies beyond the last point.
    wrapped: NodeIndex,
    /// Where the next segment starts; beyond the last position at the end.
    lo: u64,
}

impl<'a> Segments<'a> {
    pub(super) fn new(points: &'a [Point]) -> Option<Self> {
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

impl Iterator for Segments<'_> {
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
