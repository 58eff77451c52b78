//! The holdings by position, and what a transaction changed of them.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    ops::RangeBounds,
};

use super::Holding;

/// What a transaction changed: to be saved with its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldingChanges {
    /// The first positions of holdings to delete.
    pub gone: Vec<u64>,
    /// Holdings to write, over what is at their first position.
    pub new: Vec<Holding>,
}

impl HoldingChanges {
    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }
}

/// Holdings by their first position. A transaction costs what it changes, however many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    now: BTreeMap<u64, Holding>,
    /// While a transaction runs: what was at each first position that it touched.
    before: Option<BTreeMap<u64, Option<Holding>>>,
}

// What a transaction may undo is no part of what is known.
impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        self.now == other.now
    }
}

impl Eq for Runs {}

impl Hash for Runs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.now.hash(state);
    }
}

impl FromIterator<Holding> for Runs {
    fn from_iter<I: IntoIterator<Item = Holding>>(holdings: I) -> Self {
        let now = holdings.into_iter().map(|holding| (holding.lo, holding)).collect();
        Self { now, before: None }
    }
}

impl Runs {
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Holding> {
        self.now.values()
    }

    pub(super) fn range(
        &self,
        range: impl RangeBounds<u64>,
    ) -> impl DoubleEndedIterator<Item = &Holding> {
        self.now.range(range).map(|(_, holding)| holding)
    }

    pub(super) fn get(&self, lo: u64) -> Option<&Holding> {
        self.now.get(&lo)
    }

    pub(super) fn get_mut(&mut self, lo: u64) -> Option<&mut Holding> {
        let holding = self.now.get_mut(&lo)?;
        if let Some(before) = &mut self.before {
            before.entry(lo).or_insert_with(|| Some(holding.clone()));
        }
        Some(holding)
    }

    pub(super) fn insert(&mut self, holding: Holding) {
        let lo = holding.lo;
        let old = self.now.insert(lo, holding);
        self.note(lo, old);
    }

    pub(super) fn remove(&mut self, lo: u64) {
        let old = self.now.remove(&lo);
        self.note(lo, old);
    }

    fn note(&mut self, lo: u64, old: Option<Holding>) {
        if let Some(before) = &mut self.before {
            before.entry(lo).or_insert(old);
        }
    }

    pub(super) fn begin(&mut self) {
        self.before = Some(BTreeMap::new());
    }

    pub(super) fn changes(&self) -> HoldingChanges {
        let mut changes = HoldingChanges::default();
        for (lo, old) in self.before.iter().flatten() {
            match self.now.get(lo) {
                new if new == old.as_ref() => {}
                Some(new) => changes.new.push(new.clone()),
                None => changes.gone.push(*lo),
            }
        }
        changes
    }

    pub(super) fn commit(&mut self) {
        self.before = None;
    }

    pub(super) fn roll_back(&mut self) {
        for (lo, old) in self.before.take().into_iter().flatten() {
            match old {
                Some(old) => self.now.insert(lo, old),
                None => self.now.remove(&lo),
            };
        }
    }

    pub(super) fn apply(&mut self, changes: &HoldingChanges) {
        for lo in &changes.gone {
            self.remove(*lo);
        }
        for holding in &changes.new {
            self.insert(holding.clone());
        }
    }
}
