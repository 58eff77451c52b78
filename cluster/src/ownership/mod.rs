//! What a node durably knows of who owns which positions, and what it does with each control call.
//!
//! A node keeps one [`Holding`] for each run of positions that it has heard of. Every rule that
//! keeps a key from having two owners is here, over values: the node runs each call in one local
//! transaction that holds both the holdings and the rows, and the simulation runs the same code.
//!
//! The rules in one paragraph. A request is served only at exactly the epoch of an owned, unfrozen
//! holding. A control call carries a [`Fence`]; one below what the node has seen is refused, one
//! above makes the node read the store first ([`reconcile`](Holdings::reconcile)). A freeze at an
//! epoch ends only by a record of a higher epoch. Rows of a move arrive in a stage: they lie among
//! the others but at positions that are not owned, so nobody sees them. A stage is sealed before
//! the store decides, and becomes owned only by a record that names exactly that attempt.

mod calls;
mod holding;
mod runs;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::runs::Runs;
pub use self::{
    holding::{Holding, Standing, Tally},
    runs::HoldingChanges,
};
use crate::{
    record::{Incarnation, Phase, SegmentRecord},
    row::Row,
};

/// What every control call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The epoch of the segment's record.
    pub epoch: u64,
    /// The attempt of the segment's record.
    pub attempt: u64,
    /// The incarnation that the call is meant for.
    pub incarnation: Incarnation,
}

/// Why a control call was refused: nothing but the highest attempt seen has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The call is meant for another data directory.
    Incarnation,
    /// A later epoch or attempt was seen.
    Stale {
        /// The epoch here.
        epoch: u64,
        /// The attempt here.
        attempt: u64,
    },
    /// The call's epoch is above the one here: read the store, then try again.
    Ahead {
        /// The epoch here.
        epoch: u64,
    },
    /// The call does not fit what the node has at these positions.
    State(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incarnation => f.write_str("meant for another incarnation of this node"),
            Self::Stale { epoch, attempt } => {
                write!(f, "overtaken: epoch {epoch} attempt {attempt} were seen here")
            }
            Self::Ahead { epoch } => {
                write!(f, "the store does not confirm that epoch; epoch {epoch} holds here")
            }
            Self::State(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Refusal {}

/// A control call failed: refused, or the rows could not be reached.
#[derive(Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// Refused; commit what changed all the same: the attempt was seen.
    Refused(Refusal),
    /// The rows could not be read or written; roll back.
    Rows(E),
}

impl<E> From<Refusal> for CallError<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The rows of a node inside the transaction that also holds its [`Holdings`].
pub trait Rows {
    /// What can go wrong.
    type Error;

    /// Counts the rows of a run of positions, tombstones not counted.
    ///
    /// # Errors
    /// As the store of rows has them.
    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Self::Error>;

    /// Deletes all rows and tombstones of a run of positions.
    ///
    /// # Errors
    /// As the store of rows has them.
    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Self::Error>;

    /// Writes a row or tombstone unless one of that version or above is there; corrects `tally`.
    ///
    /// # Errors
    /// As the store of rows has them.
    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Self::Error>;

    /// Forgets the tombstones of a run of positions.
    ///
    /// # Errors
    /// As the store of rows has them.
    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Self::Error>;

    /// Empties the change log of a run of positions.
    ///
    /// # Errors
    /// As the store of rows has them.
    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Self::Error>;
}

/// What two nodes compare before a move is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Summary {
    /// The number of the last write.
    pub sequence: u64,
    /// Rows and digest.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Whether a request may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Serve,
    /// Owned at that epoch, but frozen.
    Frozen,
    /// Not at that epoch, or not here; the epoch here.
    Misdirected {
        /// The highest epoch that the node took from the store; 0 if none.
        epoch: u64,
    },
}

/// What a record of the store meant for this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// Nothing new.
    Current,
    /// The record was applied.
    Applied,
    /// A born segment is this node's: claim it.
    Claim,
    /// The record names this node with another incarnation: its disk was lost or swapped.
    IncarnationMismatch,
    /// The record names this node, but the rows that it speaks of are not here.
    Unclear,
    /// The store is older than this node: restored from a backup?
    StoreBehind,
}

/// All that a node durably knows of who owns what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holdings {
    name: String,
    incarnation: Incarnation,
    runs: Runs,
}

impl Holdings {
    /// What a node of that name and data directory knows, as it was saved.
    #[must_use]
    pub fn new(
        name: String,
        incarnation: Incarnation,
        holdings: impl IntoIterator<Item = Holding>,
    ) -> Self {
        Self { name, incarnation, runs: holdings.into_iter().collect() }
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data directory's incarnation.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The holdings in order of position.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Holding> {
        self.runs.iter()
    }

    /// Begins a transaction: from now on what changes can be saved, or undone. One that runs is
    /// committed.
    ///
    /// # Complexity
    /// O(1), and O(log holdings) more for each holding that changes; nothing is copied but those.
    pub fn begin(&mut self) {
        self.runs.begin();
    }

    /// What has changed since the transaction began.
    ///
    /// # Complexity
    /// O(changes · log holdings).
    #[must_use]
    pub fn changes(&self) -> HoldingChanges {
        self.runs.changes()
    }

    /// Ends the transaction, if one runs: what changed stands.
    pub fn commit(&mut self) {
        self.runs.commit();
    }

    /// Ends the transaction, if one runs: all is as it was when it began.
    ///
    /// # Complexity
    /// O(changes · log holdings).
    pub fn roll_back(&mut self) {
        self.runs.roll_back();
    }

    /// Does what a transaction did, to holdings that are as those were when it began.
    ///
    /// # Complexity
    /// O(changes · log holdings).
    pub fn apply(&mut self, changes: &HoldingChanges) {
        self.runs.apply(changes);
    }

    /// The holding of `position`.
    #[must_use]
    pub fn find(&self, position: u64) -> Option<&Holding> {
        let holding = self.runs.range(..=position).next_back()?;
        (holding.hi >= position).then_some(holding)
    }

    /// The holding of `position`, to count a write in.
    pub fn find_mut(&mut self, position: u64) -> Option<&mut Holding> {
        let lo = self.find(position)?.lo;
        self.runs.get_mut(lo)
    }

    /// Whether a request at `epoch` for `position` may be executed.
    ///
    /// # Complexity
    /// O(log holdings).
    #[must_use]
    pub fn check(&self, position: u64, epoch: u64) -> Access {
        match self.find(position) {
            Some(holding) if holding.epoch == epoch && holding.standing == Standing::Owned => {
                Access::Serve
            }
            Some(holding) if holding.epoch == epoch && holding.standing == Standing::Frozen => {
                Access::Frozen
            }
            Some(holding) => Access::Misdirected { epoch: holding.epoch },
            None => Access::Misdirected { epoch: 0 },
        }
    }

    /// Applies a record that was read from the store, unless it says nothing new.
    ///
    /// # Errors
    /// As the rows have them; then roll back.
    pub fn reconcile<R: Rows>(
        &mut self,
        record: &SegmentRecord,
        rows: &mut R,
    ) -> Result<Reconciled, R::Error> {
        let SegmentRecord { lo, hi, epoch, .. } = *record;
        if self.overlapping(lo, hi).any(|holding| holding.epoch > epoch) {
            return Ok(Reconciled::StoreBehind);
        }
        if self.is_at(lo, hi, epoch) {
            return Ok(Reconciled::Current);
        }
        // A record read before a split says nothing to the parts that are at its epoch by now: one
        // of them may have been staged, sealed or frozen at that very epoch.
        let news = self.below(lo, hi, epoch);
        if record.owner != self.name {
            for (lo, hi) in news {
                self.become_foreign(&SegmentRecord { lo, hi, ..record.clone() }, rows)?;
            }
            return Ok(Reconciled::Applied);
        }
        match record.phase {
            _ if record.incarnation.is_some_and(|incarnation| incarnation != self.incarnation) => {
                Ok(Reconciled::IncarnationMismatch)
            }
            Phase::Born => Ok(Reconciled::Claim),
            // Only a born segment may be nobody's in particular.
            _ if record.incarnation.is_none() => Ok(Reconciled::Unclear),
            Phase::Idle | Phase::Moving { .. } => self.take(record, &news, rows),
            Phase::Done => Ok(self.activate_stage(record)),
        }
    }

    /// Claims a born segment, durably: older ownership ends and old rows go.
    ///
    /// The caller then makes the record idle in the store, and reconciles with what it says.
    ///
    /// # Errors
    /// As the rows have them; then roll back.
    pub fn claim<R: Rows>(
        &mut self,
        record: &SegmentRecord,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        let SegmentRecord { lo, hi, epoch, attempt, .. } = *record;
        let fits = epoch > 0
            && record.phase == Phase::Born
            && record.owner == self.name
            && record.incarnation.is_none_or(|incarnation| incarnation == self.incarnation)
            && self.overlapping(lo, hi).all(|holding| holding.epoch < epoch);
        if !fits {
            return Err(Refusal::State("not a born segment of this node").into());
        }
        rows.delete(lo, hi).map_err(CallError::Rows)?;
        rows.clear_log(lo, hi).map_err(CallError::Rows)?;
        let mut holding = Holding::foreign(lo, hi, epoch - 1, attempt);
        holding.claim = Some(epoch);
        holding.tally = Some(Tally::default());
        // Numbers above any that an earlier life of these positions can have given out.
        holding.sequence = (epoch - 1) << 32;
        self.replace(lo, hi, holding);
        Ok(())
    }

    /// Lets a control call in: meant for this data directory, and at the epoch here.
    fn admit(&mut self, fence: &Fence) -> Result<(), Refusal> {
        let Fence { lo, hi, epoch, attempt, incarnation } = *fence;
        if incarnation != self.incarnation {
            return Err(Refusal::Incarnation);
        }
        if lo > hi {
            return Err(Refusal::State("lo is above hi"));
        }
        let seen = |holding: &Holding| (holding.epoch, holding.attempt);
        match self.overlapping(lo, hi).map(seen).max() {
            Some((seen_epoch, seen_attempt)) if (epoch, attempt) < (seen_epoch, seen_attempt) => {
                return Err(Refusal::Stale { epoch: seen_epoch, attempt: seen_attempt });
            }
            _ => {}
        }
        if !self.is_at(lo, hi, epoch) {
            let lowest = self.overlapping(lo, hi).map(|holding| holding.epoch).min();
            return Err(Refusal::Ahead { epoch: lowest.unwrap_or(0) });
        }
        if self.overlapping(lo, hi).any(|holding| holding.attempt < attempt) {
            self.cut(lo, hi);
            self.each_mut(lo, hi, |holding| holding.attempt = attempt);
        }
        Ok(())
    }

    fn overlapping(&self, lo: u64, hi: u64) -> impl Iterator<Item = &Holding> {
        let first = self.find(lo).map_or(lo, |holding| holding.lo);
        self.runs.range(first..=hi.max(first))
    }

    /// Whether the node knows all of `[lo, hi]` at exactly that epoch.
    fn is_at(&self, lo: u64, hi: u64, epoch: u64) -> bool {
        self.is_covered(lo, hi, |holding| holding.epoch == epoch)
    }

    fn is_covered(&self, lo: u64, hi: u64, fits: impl Fn(&Holding) -> bool) -> bool {
        let mut next = Some(lo);
        for holding in self.overlapping(lo, hi) {
            if next.is_none_or(|next| holding.lo > next) || !fits(holding) {
                return false;
            }
            next = holding.hi.checked_add(1);
        }
        next.is_none_or(|next| next > hi)
    }

    fn exact(&self, fence: &Fence) -> Option<&Holding> {
        self.runs.get(fence.lo).filter(|holding| holding.hi == fence.hi)
    }

    fn exact_mut(&mut self, fence: &Fence) -> Option<&mut Holding> {
        self.runs.get_mut(fence.lo).filter(|holding| holding.hi == fence.hi)
    }

    /// Splits holdings so that none crosses an end of `[lo, hi]`.
    fn cut(&mut self, lo: u64, hi: u64) {
        for begin in [Some(lo), hi.checked_add(1)].into_iter().flatten() {
            let Some(holding) = self.find(begin).filter(|holding| holding.lo < begin).cloned()
            else {
                continue;
            };
            let (left, right) = holding.split(begin);
            self.runs.insert(left);
            self.runs.insert(right);
        }
    }

    /// Makes `[lo, hi]` one holding of its own, if it is all owned under one epoch.
    fn carve(&mut self, lo: u64, hi: u64) -> Option<&mut Holding> {
        self.cut(lo, hi);
        if self.runs.get(lo).is_none_or(|holding| holding.hi != hi) {
            let parts: Vec<Holding> = self.overlapping(lo, hi).cloned().collect();
            let joined = Holding::join(&parts)?;
            self.replace(lo, hi, joined);
        }
        self.runs.get_mut(lo)
    }

    fn replace(&mut self, lo: u64, hi: u64, holding: Holding) {
        self.cut(lo, hi);
        for lo in self.inside(lo, hi) {
            self.runs.remove(lo);
        }
        self.runs.insert(holding);
    }

    /// Changes the holdings that begin in `[lo, hi]`.
    fn each_mut(&mut self, lo: u64, hi: u64, change: impl Fn(&mut Holding)) {
        for lo in self.inside(lo, hi) {
            if let Some(holding) = self.runs.get_mut(lo) {
                change(holding);
            }
        }
    }

    fn inside(&self, lo: u64, hi: u64) -> Vec<u64> {
        self.runs.range(lo..=hi).map(|holding| holding.lo).collect()
    }

    fn become_foreign<R: Rows>(
        &mut self,
        record: &SegmentRecord,
        rows: &mut R,
    ) -> Result<(), R::Error> {
        let SegmentRecord { lo, hi, epoch, attempt, .. } = *record;
        let clean = |holding: &Holding| holding.standing == Standing::Foreign { garbage: false };
        let garbage = !self.overlapping(lo, hi).all(clean);
        rows.clear_log(lo, hi)?;
        let mut holding = Holding::foreign(lo, hi, epoch, attempt);
        holding.standing = Standing::Foreign { garbage };
        self.replace(lo, hi, holding);
        Ok(())
    }

    /// Takes a record of this node's own at the runs that are below its epoch.
    fn take<R: Rows>(
        &mut self,
        record: &SegmentRecord,
        news: &[(u64, u64)],
        rows: &mut R,
    ) -> Result<Reconciled, R::Error> {
        let SegmentRecord { epoch, attempt, .. } = *record;
        let held = |holding: &Holding| match holding.claim {
            Some(claim) => claim <= epoch,
            None => matches!(holding.standing, Standing::Owned | Standing::Frozen),
        };
        if !news.iter().all(|(lo, hi)| self.is_covered(*lo, *hi, held)) {
            return Ok(Reconciled::Unclear);
        }
        for &(lo, hi) in news {
            self.cut(lo, hi);
            let parts: Vec<Holding> = self.overlapping(lo, hi).cloned().collect();
            let Some(mut holding) = Holding::join(&parts) else { continue };
            rows.clear_log(lo, hi)?;
            holding.epoch = epoch;
            holding.attempt = attempt;
            holding.standing = Standing::Owned;
            holding.claim = None;
            holding.logged_since = None;
            self.replace(lo, hi, holding);
        }
        Ok(Reconciled::Applied)
    }

    /// The runs of `[lo, hi]` that the node does not know at `epoch`, in order.
    fn below(&self, lo: u64, hi: u64, epoch: u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let mut next = Some(lo);
        for holding in self.overlapping(lo, hi).filter(|holding| holding.epoch == epoch) {
            if let Some(begin) = next.filter(|begin| *begin < holding.lo) {
                runs.push((begin, holding.lo - 1));
            }
            next = holding.hi.checked_add(1);
        }
        runs.extend(next.filter(|begin| *begin <= hi).map(|begin| (begin, hi)));
        runs
    }

    fn activate_stage(&mut self, record: &SegmentRecord) -> Reconciled {
        let SegmentRecord { lo, hi, epoch, attempt, .. } = *record;
        let Some(holding) = self.runs.get_mut(lo).filter(|holding| holding.hi == hi) else {
            return Reconciled::Unclear;
        };
        if holding.standing != (Standing::Sealed { attempt })
            || holding.epoch.checked_add(1) != Some(epoch)
        {
            return Reconciled::Unclear;
        }
        holding.epoch = epoch;
        holding.attempt = attempt;
        holding.standing = Standing::Owned;
        Reconciled::Applied
    }
}
