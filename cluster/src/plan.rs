//! What moves between two tables: exact ranges, pairs of nodes, and how little would do.

use std::collections::HashMap;

use ringway::{MovedError, NodeIndex, Table, Twins};

use crate::{
    balance::{indices, position_counts},
    modulo::{self, Modulo},
};

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
    /// [`MovedError`] if the two tables have no common positions.
    pub fn new(from: &Table, to: &Table) -> Result<Self, MovedError> {
        let mut pairs: HashMap<(Option<NodeIndex>, Option<NodeIndex>), (u128, u64)> =
            HashMap::new();
        let (mut moved, mut ranges) = (0, 0);
        for range in from.moved(to)? {
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
        let counts = |table: &Table| {
            let layout = table.layout().name();
            position_counts(table).ok_or(MovedError::NoPositions { layout })
        };
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
