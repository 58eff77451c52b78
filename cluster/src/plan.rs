//! What moves between two tables: exact ranges, pairs of nodes, and how little would do.

use core::{fmt, iter::Peekable};
use std::collections::HashMap;

use ringway::{Layout, NodeIndex, Table};

use crate::{
    balance::{indices, position_counts},
    modulo::{self, Modulo},
};

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
pub enum PlanError {
    /// A layout's owners are not constant on runs of positions.
    NoPositions {
        /// The layout.
        layout: &'static str,
    },
    /// The two tables give a key different positions: other layouts, or other hash tags.
    OtherPositions,
}

impl fmt::Display for PlanError {
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

impl core::error::Error for PlanError {}

/// The ranges that change owner from one table to the other, ascending, each as long as can be.
///
/// # Complexity
/// O(nodes) at once, then O(points) for the whole iteration.
///
/// # Errors
/// [`PlanError`] if the two tables have no common positions.
pub fn moved_ranges<'a>(
    from: &'a Table,
    to: &'a Table,
) -> Result<impl Iterator<Item = MovedRange> + 'a, PlanError> {
    let max = common_max(from, to)?;
    let twins = Twins::new(from, to);
    // Neighbouring pieces differ in one owner at least, so no two moved ones could be joined.
    let (from, to) = (runs(from, max).peekable(), runs(to, max).peekable());
    let pieces = Pieces { from, to, lo: 0 };
    Ok(pieces.filter(move |range| !twins.same(range.from, range.to)))
}

/// How much changes owner between two tables, and between whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSummary {
    /// How many positions there are; every share is a part of this.
    pub total: u128,
    /// How many positions change owner.
    pub moved: u128,
    /// In how many ranges.
    pub ranges: u64,
    /// The fewest positions that any change from the old shares to the new ones must move: the
    /// sum over all nodes, "nobody" among them, of what a node owns more than before.
    pub least: u128,
    /// What moves between whom, the most first.
    pub pairs: Vec<PairMove>,
    /// Each node of either table, the old table's first.
    pub nodes: Vec<NodeChange>,
    /// What `hash mod n` would have moved, as a part `(moved, of)` of all hashes.
    pub modulo: (u128, u128),
}

/// What moves from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairMove {
    /// The old owner, by its index in the old table; `None` is nobody.
    pub from: Option<NodeIndex>,
    /// The new owner, by its index in the new table; `None` is nobody.
    pub to: Option<NodeIndex>,
    /// How many positions.
    pub positions: u128,
    /// In how many ranges.
    pub ranges: u64,
}

/// What one node owns before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeChange {
    /// Its index in the old table, if it is there.
    pub from: Option<NodeIndex>,
    /// Its index in the new table, if it is there.
    pub to: Option<NodeIndex>,
    /// How many positions it owned.
    pub before: u128,
    /// How many it will own.
    pub after: u128,
}

impl PlanSummary {
    /// The summary of the change from one table to the other.
    ///
    /// # Complexity
    /// O(points + nodes + pairs · log pairs).
    ///
    /// # Errors
    /// [`PlanError`] if the two tables have no common positions.
    pub fn new(from: &Table, to: &Table) -> Result<Self, PlanError> {
        let mut pairs: HashMap<(Option<NodeIndex>, Option<NodeIndex>), (u128, u64)> =
            HashMap::new();
        let (mut moved, mut ranges) = (0, 0);
        for range in moved_ranges(from, to)? {
            let len = u128::from(range.hi - range.lo) + 1;
            let pair = pairs.entry((range.from, range.to)).or_default();
            *pair = (pair.0 + len, pair.1 + 1);
            moved += len;
            ranges += 1;
        }
        let mut pairs: Vec<PairMove> = pairs
            .into_iter()
            .map(|((from, to), (positions, ranges))| PairMove { from, to, positions, ranges })
            .collect();
        pairs.sort_unstable_by_key(|pair| (core::cmp::Reverse(pair.positions), pair.from, pair.to));
        let counts = |table| position_counts(table).ok_or(no_positions(table));
        let ((before, total), (after, _)) = (counts(from)?, counts(to)?);
        let nodes = node_changes(from, to, &before, &after);
        let nobody = total - after.iter().sum::<u128>();
        let nobody_before = total - before.iter().sum::<u128>();
        let gains = nodes.iter().map(|node| node.after.saturating_sub(node.before));
        let least = gains.sum::<u128>() + nobody.saturating_sub(nobody_before);
        let modulo = modulo_moved(from, to);
        Ok(Self { total, moved, ranges, least, pairs, nodes, modulo })
    }
}

/// Which part of all hashes would change owner if the keys were spread by `hash mod n`, as
/// `(moved, of)`: exact, by counting one period of lcm(n, m) hashes.
///
/// # Complexity
/// O(nodes).
#[must_use]
pub fn modulo_moved(from: &Table, to: &Table) -> (u128, u128) {
    let twins = Twins::new(from, to);
    modulo::moved(&Modulo::new(from), &Modulo::new(to), |index| twins.of(index))
}

/// The nodes of two tables that have the same name.
#[derive(Clone, Debug)]
pub struct Twins(Vec<Option<NodeIndex>>);

impl Twins {
    /// The twins of two tables.
    ///
    /// # Complexity
    /// O(nodes).
    #[must_use]
    pub fn new(from: &Table, to: &Table) -> Self {
        let names: HashMap<&[u8], NodeIndex> =
            to.nodes().map(|node| node.name()).zip(indices(to)).collect();
        Self(from.nodes().map(|node| names.get(node.name()).copied()).collect())
    }

    /// The index in the new table of a node of the old one.
    #[must_use]
    pub fn of(&self, from: NodeIndex) -> Option<NodeIndex> {
        self.0.get(from.as_usize()).copied().flatten()
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
}

fn node_changes(from: &Table, to: &Table, before: &[u128], after: &[u128]) -> Vec<NodeChange> {
    let twins = Twins::new(from, to);
    let mut is_new = vec![true; to.len()];
    let mut changes: Vec<NodeChange> = indices(from)
        .map(|index| {
            let twin = twins.of(index);
            if let Some(twin) = twin {
                is_new[twin.as_usize()] = false;
            }
            let after = twin.map_or(0, |twin| after[twin.as_usize()]);
            let before = before[index.as_usize()];
            NodeChange { from: Some(index), to: twin, before, after }
        })
        .collect();
    changes.extend(indices(to).filter(|index| is_new[index.as_usize()]).map(|index| {
        let after = after[index.as_usize()];
        NodeChange { from: None, to: Some(index), before: 0, after }
    }));
    changes
}

fn common_max(from: &Table, to: &Table) -> Result<u64, PlanError> {
    let max = |table: &Table| table.position_max().ok_or(no_positions(table));
    let (max, other) = (max(from)?, max(to)?);
    if max == other && same_positions(from.layout(), to.layout()) {
        Ok(max)
    } else {
        Err(PlanError::OtherPositions)
    }
}

const fn no_positions(table: &Table) -> PlanError {
    PlanError::NoPositions { layout: table.layout().name() }
}

/// Whether both layouts, of those that have positions, give every key the same position.
fn same_positions(a: &Layout, b: &Layout) -> bool {
    // A position is the top of a key's hash; what else layouts differ in is about owners.
    a.hash_tag() == b.hash_tag() && a.sip_key() == b.sip_key()
}

/// The segments of a table, or one run without owner where nobody owns anything.
fn runs(table: &Table, max: u64) -> impl Iterator<Item = (u64, Option<NodeIndex>)> + '_ {
    let segments = table.segments();
    let nobody = segments.is_none().then_some((max, None));
    segments.into_iter().flatten().map(|run| (run.hi, Some(run.owner))).chain(nobody)
}

/// Merges the runs `(last position, owner)` of two tables into those on which neither changes.
struct Pieces<A: Iterator, B: Iterator> {
    from: Peekable<A>,
    to: Peekable<B>,
    /// Where the next piece starts.
    lo: u64,
}

impl<A, B> Iterator for Pieces<A, B>
where
    A: Iterator<Item = (u64, Option<NodeIndex>)>,
    B: Iterator<Item = (u64, Option<NodeIndex>)>,
{
    type Item = MovedRange;

    fn next(&mut self) -> Option<MovedRange> {
        let &(from_hi, from) = self.from.peek()?;
        let &(to_hi, to) = self.to.peek()?;
        let (lo, hi) = (self.lo, from_hi.min(to_hi));
        self.from.next_if(|&(end, _)| end == hi);
        self.to.next_if(|&(end, _)| end == hi);
        // After the last position there is no next piece, so where it starts does not matter.
        self.lo = hi.saturating_add(1);
        Some(MovedRange { lo, hi, from, to })
    }
}
