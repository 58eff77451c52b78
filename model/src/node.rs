//! A node: the shipped holdings, a few rows, and the calls that reach them.

use std::convert::Infallible;

use ringway_cluster::{
    CallError, Cursor, Fence, Holding, Holdings, Incarnation, Phase, Reconciled, Refusal, Row,
    SegmentRecord, Standing, Summary, Tally, Verb,
};

use crate::{client::Value, config::Weakness};

/// Rows of a page, so that pages and writes interleave.
const PAGE_ROWS: usize = 1;

/// All that a node has, and all of it is durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) holdings: Holdings,
    cells: Cells,
}

/// Rows, in order, and the change log: sequence number and position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Cells {
    rows: Vec<Row>,
    log: Vec<(u64, u64)>,
}

/// Rows inside a transaction; a weakened rule may keep them from being deleted.
struct Open<'c> {
    cells: &'c mut Cells,
    keep: bool,
}

/// A control call with its body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Verb(Verb),
    Export { after: Option<Cursor> },
    Delta { since: u64 },
    Import { rows: Vec<Row>, sequence: u64 },
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Summed(Summary),
    Inspected { frozen: bool },
    Page { rows: Vec<Row>, cursor: Option<Cursor>, sequence: u64 },
}

fn inside(row: &Row, lo: u64, hi: u64) -> bool {
    (lo..=hi).contains(&row.position)
}

impl ringway_cluster::Rows for Open<'_> {
    type Error = Infallible;

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Infallible> {
        let mut tally = Tally::default();
        let rows = self.cells.rows.iter().filter(|row| inside(row, lo, hi));
        rows.filter(|row| row.value.is_some()).for_each(|row| tally.add(row.digest()));
        Ok(tally)
    }

    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        if !self.keep {
            self.cells.rows.retain(|row| !inside(row, lo, hi));
        }
        Ok(())
    }

    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Infallible> {
        match self.cells.find(row.position) {
            Some(old) if old.version >= row.version => return Ok(()),
            Some(old) if old.value.is_some() => tally.remove(old.digest()),
            _ => {}
        }
        if row.value.is_some() {
            tally.add(row.digest());
        }
        self.cells.put(row.clone());
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.cells.rows.retain(|row| row.value.is_some() || !inside(row, lo, hi));
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.cells.log.retain(|(_, position)| !(lo..=hi).contains(position));
        Ok(())
    }
}

impl Cells {
    fn find(&self, position: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.position == position)
    }

    fn put(&mut self, row: Row) {
        self.rows.retain(|old| old.position != row.position);
        let at = self.rows.partition_point(|old| old.position < row.position);
        self.rows.insert(at, row);
    }
}

fn row(position: u64, value: Value, version: u64) -> Row {
    let value = value.map(|value| vec![value]);
    Row { position, key: Vec::new(), value, version, expires_ms: 0 }
}

impl Node {
    pub(crate) fn new(name: String, incarnation: Incarnation) -> Self {
        Self { holdings: Holdings::new(name, incarnation, []), cells: Cells::default() }
    }

    /// What a read of the position returns.
    pub(crate) fn value(&self, position: u64) -> Value {
        self.cells.find(position)?.value.as_ref().map(|value| value[0])
    }

    /// Executes a write that was let in.
    pub(crate) fn write(&mut self, position: u64, value: Value) {
        let Some(holding) = self.holdings.find_mut(position) else { return };
        holding.sequence += 1;
        let row = row(position, value, holding.sequence);
        if let Some(tally) = &mut holding.tally {
            if let Some(old) = self.cells.find(position) {
                tally.remove(old.digest());
            }
            if value.is_some() {
                tally.add(row.digest());
            }
        }
        if holding.logged_since.is_some() {
            self.cells.log.push((holding.sequence, position));
        }
        self.cells.rows.retain(|old| old.position != position);
        if value.is_some() {
            self.cells.put(row);
        }
    }

    /// What is left after a crash: all of it, as each transaction saved what it changed.
    pub(crate) fn restart(&mut self, weakness: Option<Weakness>) {
        if weakness == Some(Weakness::FreezeIsNotDurable) {
            self.edit(0, u64::MAX, |holding| {
                if holding.standing == Standing::Frozen {
                    holding.standing = Standing::Owned;
                }
            });
        }
    }

    /// Tampers with what the node knows.
    fn edit(&mut self, lo: u64, hi: u64, change: impl Fn(&mut Holding)) {
        let holdings = self.holdings.iter().cloned().map(|mut holding| {
            if holding.lo <= hi && lo <= holding.hi {
                change(&mut holding);
            }
            holding
        });
        self.holdings = Holdings::new(
            self.holdings.name().into(),
            self.holdings.incarnation(),
            holdings.collect::<Vec<_>>(),
        );
    }

    /// The greatest epoch and attempt seen in a range.
    pub(crate) fn seen(&self, lo: u64, hi: u64) -> (u64, u64) {
        let overlapping =
            self.holdings.iter().filter(|holding| holding.lo <= hi && lo <= holding.hi);
        overlapping.map(|holding| (holding.epoch, holding.attempt)).max().unwrap_or_default()
    }

    /// The least epoch at any position of a range.
    pub(crate) fn epoch_everywhere(&self, lo: u64, hi: u64) -> u64 {
        let epoch = |position| self.holdings.find(position).map_or(0, |holding| holding.epoch);
        (lo..=hi).map(epoch).min().unwrap_or_default()
    }

    /// One control call, without a look at the store.
    pub(crate) fn call(
        &mut self,
        mut fence: Fence,
        call: &Call,
        weakness: Option<Weakness>,
    ) -> Result<Answer, Refusal> {
        self.tamper(&mut fence, call, weakness);
        let stage_keeps = weakness == Some(Weakness::StageKeepsRows);
        let keep = stage_keeps && *call == Call::Verb(Verb::Stage);
        let Self { holdings, cells } = self;
        let mut open = Open { cells, keep };
        let accepted = |()| Answer::Accepted;
        let answer = match call {
            Call::Verb(Verb::Stage) => holdings.stage(&fence, &mut open).map(accepted),
            Call::Verb(Verb::Freeze) if weakness == Some(Weakness::CopyWithoutFreeze) => {
                holdings.clone().freeze(&fence, &mut open).map(Answer::Summed)
            }
            Call::Verb(Verb::Freeze) => holdings.freeze(&fence, &mut open).map(Answer::Summed),
            Call::Verb(Verb::Digest) => holdings.seal(&fence, &mut open).map(Answer::Summed),
            Call::Verb(Verb::Activate) => {
                holdings.activate(&fence).map(accepted).map_err(CallError::Refused)
            }
            Call::Verb(Verb::Unfreeze) => {
                holdings.unfreeze(&fence).map(accepted).map_err(CallError::Refused)
            }
            Call::Verb(Verb::Wipe) => holdings.wipe(&fence, &mut open).map(accepted),
            // Rows go by a record of the store, at any time: that is a step of its own.
            Call::Verb(Verb::Drop) => Ok(Answer::Accepted),
            Call::Verb(Verb::Inspect) => Ok(self.inspect(&fence)),
            Call::Export { after } => holdings
                .export(&fence, &mut open)
                .map(|summary| self.page(&fence, after.as_ref(), summary.sequence)),
            Call::Delta { since } => holdings
                .delta(&fence, *since)
                .map_err(CallError::Refused)
                .map(|sequence| self.logged(&fence, *since, sequence)),
            Call::Import { rows, sequence } => {
                holdings.import(&fence, rows, *sequence, &mut open).map(accepted)
            }
        };
        if weakness == Some(Weakness::StageIsNotSealed) && *call == Call::Verb(Verb::Digest) {
            self.edit(fence.lo, fence.hi, |holding| {
                if let Standing::Sealed { attempt } = holding.standing {
                    holding.standing = Standing::Staging { attempt };
                }
            });
        }
        answer.map_err(|error| match error {
            CallError::Refused(refusal) => refusal,
            CallError::Rows(never) => match never {},
        })
    }

    fn tamper(&mut self, fence: &mut Fence, call: &Call, weakness: Option<Weakness>) {
        let Fence { lo, hi, epoch, attempt, .. } = *fence;
        let (seen_epoch, seen_attempt) = self.seen(lo, hi);
        let stages = *call == Call::Verb(Verb::Stage);
        match weakness {
            Some(Weakness::CallsIgnoreIncarnation) => {
                fence.incarnation = self.holdings.incarnation();
            }
            Some(Weakness::CallsIgnoreAttempt) if epoch == seen_epoch && attempt < seen_attempt => {
                fence.attempt = seen_attempt;
                if stages {
                    self.spoil_stage(lo, hi);
                }
            }
            Some(Weakness::StageIsReopened) if stages && (epoch, attempt) == self.seen(lo, hi) => {
                self.spoil_stage(lo, hi);
            }
            Some(Weakness::AttemptWithoutEpoch)
                if attempt >= seen_attempt && epoch < seen_epoch =>
            {
                fence.epoch = seen_epoch;
            }
            _ => {}
        }
    }

    fn spoil_stage(&mut self, lo: u64, hi: u64) {
        self.edit(lo, hi, |holding| {
            if matches!(holding.standing, Standing::Staging { .. } | Standing::Sealed { .. }) {
                holding.standing = Standing::Foreign { garbage: true };
            }
        });
    }

    /// As the coordinator's driver makes it of a node's status.
    fn inspect(&self, fence: &Fence) -> Answer {
        let mut ranges = self
            .holdings
            .iter()
            .filter(|holding| holding.lo <= fence.hi && fence.lo <= holding.hi)
            .peekable();
        let some = ranges.peek().is_some();
        let frozen = |holding: &Holding| {
            holding.standing == Standing::Frozen && holding.epoch == fence.epoch
        };
        Answer::Inspected { frozen: some && ranges.all(frozen) }
    }

    fn page(&self, fence: &Fence, after: Option<&Cursor>, sequence: u64) -> Answer {
        let above = |row: &&Row| after.is_none_or(|(position, _)| row.position > *position);
        let inside = self.cells.rows.iter().filter(|row| inside(row, fence.lo, fence.hi));
        let rows: Vec<Row> = inside.filter(above).take(PAGE_ROWS).cloned().collect();
        let last = rows.last().filter(|row| rows.len() == PAGE_ROWS && row.position < fence.hi);
        let cursor = last.map(|row| (row.position, row.key.clone()));
        Answer::Page { rows, cursor, sequence }
    }

    fn logged(&self, fence: &Fence, since: u64, sequence: u64) -> Answer {
        let mut rows: Vec<Row> = Vec::new();
        for (number, position) in self.cells.log.iter().rev() {
            let asked = *number > since && (fence.lo..=fence.hi).contains(position);
            if asked && rows.iter().all(|row| row.position != *position) {
                let found = self.cells.find(*position).cloned();
                rows.push(found.unwrap_or_else(|| row(*position, None, *number)));
            }
        }
        rows.sort_by_key(|row| row.position);
        Answer::Page { rows, cursor: None, sequence }
    }

    /// Applies a record that was once read from the store, and claims what is born.
    pub(crate) fn reconcile(
        &mut self,
        record: &SegmentRecord,
        weakness: Option<Weakness>,
    ) -> Reconciled {
        let SegmentRecord { lo, hi, epoch, .. } = *record;
        let mine = record.owner == self.holdings.name();
        match weakness {
            Some(Weakness::ReconcileIsUnconditional) => self.edit(lo, hi, |holding| {
                holding.epoch = holding.epoch.min(epoch - 1);
            }),
            Some(Weakness::FreezeEndsAtItsEpoch) if mine => self.edit(lo, hi, |holding| {
                if holding.epoch == epoch && holding.standing == Standing::Frozen {
                    holding.standing = Standing::Owned;
                }
            }),
            Some(Weakness::LateRecordIsNews) if self.epoch_everywhere(lo, hi) < epoch => {
                self.edit(lo, hi, |holding| holding.epoch = holding.epoch.min(epoch - 1));
            }
            Some(Weakness::StageIsNotSealed) if mine && record.phase == Phase::Done => {
                self.edit(lo, hi, |holding| {
                    if let Standing::Staging { attempt } = holding.standing {
                        holding.standing = Standing::Sealed { attempt };
                    }
                });
            }
            _ => {}
        }
        let Self { holdings, cells } = self;
        let mut open = Open { cells, keep: false };
        let Ok(outcome) = holdings.reconcile(record, &mut open);
        if outcome == Reconciled::Claim {
            open.keep = weakness == Some(Weakness::ClaimKeepsRows);
            match holdings.claim(record, &mut open) {
                Ok(()) => {}
                Err(CallError::Refused(_)) => return Reconciled::Unclear,
                Err(CallError::Rows(never)) => match never {},
            }
        }
        outcome
    }

    /// Deletes rows by a record that was once read from the store.
    pub(crate) fn drop_rows(&mut self, record: &SegmentRecord, weakness: Option<Weakness>) {
        let Self { holdings, cells } = self;
        let mut open = Open { cells, keep: false };
        if weakness == Some(Weakness::DropIgnoresEpoch) && record.owner != holdings.name() {
            let Ok(()) = ringway_cluster::Rows::delete(&mut open, record.lo, record.hi);
            return;
        }
        // What is refused changes nothing.
        let _ = holdings.drop_rows(record, &mut open);
    }
}
