//! What changes owner between two tables.
//!
//! Plain idea: a position changes owner only if the first point at or after it does. So nothing
//! moves but just before points that only one of the two rings has, or that have another owner
//! there; and which these are, the lists of nodes say, as a node's points are a matter of its own
//! name and weight. One arc for each such point, from the point before it, is looked up in both
//! rings. For a change of one node among ten thousand that is nothing beside a pass over the rings.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::{Table, nodes::indices};
use crate::{NodeIndex, Point, Ring, key_hash, ring::each_position};

/// A run of positions, both ends inclusive, that changes owner.
///
/// Nodes are the same if their names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedRange {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The old owner, by its index in the old table; `None` if nobody owned it.
    pub from: Option<NodeIndex>,
    /// The new owner, by its index in the new table; `None` if nobody will own it.
    pub to: Option<NodeIndex>,
}

/// Why two tables cannot be compared by positions. Keys can still be compared one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MovedError {
    /// A layout's owners are not constant on runs of positions.
    NoPositions {
        /// The layout.
        layout: &'static str,
    },
    /// The two tables give a key different positions: other layouts, or other hash tags.
    OtherPositions,
}

impl fmt::Display for MovedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPositions { layout } => {
                write!(f, "layout {layout} has no runs of positions to compare")
            }
            Self::OtherPositions => f.write_str(
                "a key has different positions in the two tables, as their layouts or hash tags \
                 differ",
            ),
        }
    }
}

impl core::error::Error for MovedError {}

impl Table {
    /// The ranges that change owner from this table to the next, ascending, each as long as can be.
    ///
    /// # Complexity
    /// Of two rings: O(nodes + changed points · log changed points), where the changed points are those of nodes
    /// that came or went, and as many as a weight grew or shrank by. Otherwise O(segments ·
    /// log segments). It allocates for these.
    ///
    /// # Errors
    /// [`MovedError`] if the two tables have no common positions.
    pub fn moved<'a>(
        &'a self,
        next: &'a Self,
    ) -> Result<impl Iterator<Item = MovedRange> + 'a, MovedError> {
        for table in [self, next] {
            if table.position_max().is_none() {
                return Err(MovedError::NoPositions { layout: table.layout.name() });
            }
        }
        // A position is the top of a key's hash; what else layouts differ in is about owners.
        let keys =
            |table: &Self| (table.layout.hash_tag().copied(), table.layout.sip_key().copied());
        if keys(self) != keys(next) {
            return Err(MovedError::OtherPositions);
        }
        let twins = Twins::new(self, next);
        let rings = self.plain_ring().zip(next.plain_ring()).map(|(from, to)| [from, to]);
        let mut ends = match rings {
            Some(_) => changed_points(self, next, &twins),
            None => segment_ends(self).chain(segment_ends(next)).collect(),
        };
        ends.sort_unstable();
        ends.dedup();
        let arcs = Arcs { from: self, to: next, rings, ends: ends.into_iter(), lo: Some(0) };
        Ok(joined(arcs.filter(|arc| !twins.same(arc.from, arc.to))).into_iter())
    }
}

/// Where the owner of a table may change: the last position of each segment.
fn segment_ends(table: &Table) -> impl Iterator<Item = u32> + '_ {
    let ends = table.segments().into_iter().flatten();
    ends.map(|segment| u32::try_from(segment.hi).unwrap_or(u32::MAX))
}

/// The positions of the points that are not in both tables, in no order.
fn changed_points(from: &Table, to: &Table, twins: &Twins) -> Vec<u32> {
    let count = |table: &Table, index: NodeIndex| {
        let weight = table.node(index).map_or(0, |node| node.effective_weight());
        super::change::vnodes(&table.layout).saturating_mul(weight)
    };
    let mut points = Vec::new();
    let mut change = |table: &Table, index: NodeIndex, old: u32, new: u32| {
        if let Some(node) = table.node(index).filter(|_| old != new) {
            let range = old.min(new)..old.max(new);
            each_position(node.name(), range, &key_hash, |position| points.push(position));
        }
    };
    for index in indices().take(from.len()) {
        let new = twins.of(index).map_or(0, |twin| count(to, twin));
        change(from, index, count(from, index), new);
    }
    for index in twins.new_ones() {
        change(to, index, 0, count(to, index));
    }
    points
}

/// The arcs that end at the changed points, and the one behind all points: within each, neither
/// table changes owner, and outside of them none is another.
struct Arcs<'a, I> {
    from: &'a Table,
    to: &'a Table,
    /// Both rings, if the tables have them; otherwise every change of owner is among the ends.
    rings: Option<[&'a Ring<Box<[Point]>>; 2]>,
    ends: I,
    /// The first position behind the arc before; `None` behind the last.
    lo: Option<u64>,
}

impl<I: Iterator<Item = u32>> Iterator for Arcs<'_, I> {
    type Item = MovedRange;

    fn next(&mut self) -> Option<MovedRange> {
        let after_last = self.lo?;
        let end = self.ends.next();
        let hi = end.map_or(u64::from(u32::MAX), u64::from);
        let position = end.unwrap_or(u32::MAX);
        let [(from, from_lo), (to, to_lo)] = match self.rings {
            Some(rings) => rings.map(|ring| ring_arc(ring, position)),
            None => [self.from, self.to].map(|table| (table.owner_by_hash(hash_at(position)), 0)),
        };
        self.lo = end.map(|_| hi + 1);
        // No changed point is between this one and the one before it, so what point is there is in
        // both rings. Behind the last one, either ring may have points: the later counts.
        let lo = after_last.max(from_lo).max(to_lo);
        // Nothing is behind a point that is the last position.
        (lo <= hi).then_some(MovedRange { lo, hi, from, to })
    }
}

/// The owner of a position, and the first position behind the last point before it.
fn ring_arc(ring: &Ring<Box<[Point]>>, position: u32) -> (Option<NodeIndex>, u64) {
    match ring.arc_at(position) {
        Some((owner, before)) => (Some(owner), before.map_or(0, |before| u64::from(before) + 1)),
        None => (None, 0),
    }
}

/// A hash whose position that is.
fn hash_at(position: u32) -> u64 {
    u64::from(position) << 32
}

/// Makes one range of neighbours that move between the same nodes.
fn joined(ranges: impl Iterator<Item = MovedRange>) -> Vec<MovedRange> {
    let mut joined: Vec<MovedRange> = Vec::new();
    ranges.for_each(|range| match joined.last_mut() {
        Some(last) if (last.hi + 1, last.from, last.to) == (range.lo, range.from, range.to) => {
            last.hi = range.hi;
        }
        _ => joined.push(range),
    });
    joined
}

/// The nodes of two tables that have the same name.
#[derive(Clone, Debug)]
pub struct Twins {
    /// So many nodes at the start of both lists have the same names in the same order.
    first: usize,
    /// For the nodes of the old list in the middle, their twins.
    middle: Vec<Option<NodeIndex>>,
    /// For the nodes of the new list in the middle, whether they have none.
    is_new: Vec<bool>,
}

impl Twins {
    /// The twins of two tables.
    ///
    /// # Complexity
    /// O(nodes) where the lists differ in one run, as after the change of a node; else
    /// O(nodes · log nodes).
    #[must_use]
    pub fn new(from: &Table, to: &Table) -> Self {
        let equal = |(a, b): &(crate::Node<'_>, crate::Node<'_>)| a.name() == b.name();
        let first = from.nodes.iter().zip(to.nodes.iter()).take_while(equal).count();
        let (left, right) = (from.len() - first, to.len() - first);
        let ends = from.nodes.iter().rev().zip(to.nodes.iter().rev());
        let last = ends.take(left.min(right)).take_while(equal).count();
        let mut is_new = Vec::new();
        is_new.resize(right - last, true);
        let middle = from.nodes.iter().skip(first).take(left - last).map(|node| {
            let twin = to.index_of(node.name())?;
            if let Some(is_new) = is_new.get_mut(twin.as_usize() - first) {
                *is_new = false;
            }
            Some(twin)
        });
        let middle = middle.collect();
        Self { first, middle, is_new }
    }

    /// The index in the new table of a node of the old one.
    #[must_use]
    pub fn of(&self, from: NodeIndex) -> Option<NodeIndex> {
        let Some(index) = from.as_usize().checked_sub(self.first) else { return Some(from) };
        match index.checked_sub(self.middle.len()) {
            None => self.middle.get(index).copied().flatten(),
            Some(behind) => {
                let twin = u16::try_from(self.first + self.is_new.len() + behind);
                twin.ok().map(NodeIndex::new)
            }
        }
    }

    /// Whether an owner in the old table and one in the new are the same node, or both nobody.
    #[must_use]
    pub fn same(&self, from: Option<NodeIndex>, to: Option<NodeIndex>) -> bool {
        match (from, to) {
            (None, None) => true,
            (Some(from), Some(to)) => self.of(from) == Some(to),
            _ => false,
        }
    }

    /// The nodes of the new table that the old one does not have.
    pub fn new_ones(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let new = indices().skip(self.first).zip(&self.is_new);
        new.filter_map(|(index, &is_new)| is_new.then_some(index))
    }
}
