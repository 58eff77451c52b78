//! How evenly a table spreads keys: each node's exact share against its ideal.

use ringway::{NodeIndex, Table};

/// Each node's share of all positions, or of some keys, beside what its weight asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    rows: Vec<BalanceRow>,
    total: u128,
    weight_total: u64,
}

/// One node of a [`Balance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// The node, by its index in the table.
    pub node: NodeIndex,
    /// The weight that counts: 0 while the node drains, or once `memento-v1` removed it.
    pub weight: u32,
    /// How many positions, or keys, it owns.
    pub count: u128,
}

impl Balance {
    /// The exact balance of the layout's positions; `None` if the layout has no positions that
    /// owners are constant on, and keys must be counted instead.
    ///
    /// # Complexity
    /// O(points).
    #[must_use]
    pub fn of_positions(table: &Table) -> Option<Self> {
        let (counts, total) = position_counts(table)?;
        Some(Self::new(table, counts, total))
    }

    /// The balance of keys counted by owner, `counts` being in the order of the table's nodes;
    /// what is missing counts as 0.
    #[must_use]
    pub fn of_counts(table: &Table, counts: &[u64]) -> Self {
        let counts: Vec<u128> = counts.iter().copied().map(u128::from).collect();
        let total = counts.iter().sum();
        Self::new(table, counts, total)
    }

    fn new(table: &Table, counts: Vec<u128>, total: u128) -> Self {
        let counts = counts.into_iter().chain(core::iter::repeat(0));
        let rows: Vec<BalanceRow> = indices(table)
            .zip(counts)
            .map(|(node, count)| BalanceRow { node, weight: table.effective_weight(node), count })
            .collect();
        let weight_total = rows.iter().map(|row| u64::from(row.weight)).sum();
        Self { rows, total, weight_total }
    }

    /// The nodes in the order of the table.
    #[must_use]
    pub fn rows(&self) -> &[BalanceRow] {
        &self.rows
    }

    /// How many positions, or keys, there are.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.total
    }

    /// The sum of the weights that count.
    #[must_use]
    pub const fn weight_total(&self) -> u64 {
        self.weight_total
    }

    /// The part of everything that a node owns, 0 to 1.
    #[must_use]
    pub fn share(&self, row: &BalanceRow) -> f64 {
        part(row.count, self.total)
    }

    /// The part of everything that a node's weight asks for, 0 to 1.
    #[must_use]
    pub fn ideal(&self, row: &BalanceRow) -> f64 {
        part(u128::from(row.weight), u128::from(self.weight_total))
    }

    /// Share by ideal: 1 is perfect; `None` for a node without weight, or if there is nothing.
    #[must_use]
    pub fn ratio(&self, row: &BalanceRow) -> Option<f64> {
        let some = row.weight > 0 && self.total > 0;
        some.then(|| self.share(row) / self.ideal(row))
    }

    /// The greatest ratio of a node with weight: how much fuller than ideal the fullest is.
    #[must_use]
    pub fn ratio_max(&self) -> Option<f64> {
        self.ratios().map(|(ratio, _)| ratio).reduce(f64::max)
    }

    /// The least ratio of a node with weight.
    #[must_use]
    pub fn ratio_min(&self) -> Option<f64> {
        self.ratios().map(|(ratio, _)| ratio).reduce(f64::min)
    }

    /// The coefficient of variation: the standard deviation of the ratios about 1, each node
    /// counting by its weight. With equal weights, that of the shares divided by their mean.
    #[must_use]
    pub fn variation(&self) -> Option<f64> {
        self.ratio_max()?;
        let variance: f64 =
            self.ratios().map(|(ratio, ideal)| ideal * (ratio - 1.0) * (ratio - 1.0)).sum();
        Some(variance.sqrt())
    }

    fn ratios(&self) -> impl Iterator<Item = (f64, f64)> {
        self.rows.iter().filter_map(|row| Some((self.ratio(row)?, self.ideal(row))))
    }
}

/// How many positions each node owns, and how many there are.
pub(crate) fn position_counts(table: &Table) -> Option<(Vec<u128>, u128)> {
    let total = u128::from(table.position_max()?) + 1;
    let mut counts = vec![0u128; table.len()];
    for segment in table.segments().into_iter().flatten() {
        counts[segment.owner.as_usize()] += u128::from(segment.hi - segment.lo) + 1;
    }
    Some((counts, total))
}

/// The indices of a table's nodes.
pub(crate) fn indices(table: &Table) -> impl Iterator<Item = NodeIndex> {
    (0..=u16::MAX).take(table.len()).map(NodeIndex::new)
}

/// `a / b`, or 0 of nothing.
#[allow(clippy::cast_precision_loss, reason = "53 bits are more than a share is read with")]
pub(crate) fn part(a: u128, b: u128) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}
