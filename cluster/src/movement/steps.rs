//! From event to action.

use super::{Action, Event, Fence, Move, Outcome, Rows, Step, Verb};
use crate::{
    ownership::Summary,
    record::{Incarnation, Phase, SegmentRecord},
    segment::StoredSegment,
};

impl Move {
    /// Takes in what came of the last action, and says what to do next.
    ///
    /// An event that does not belong to the last action is a fault of the caller and ends the move
    /// as lost: the store still holds the truth, and the next coordinator goes on from there.
    pub fn next(&mut self, event: Event, now_ms: u64) -> Action {
        match event {
            Event::Unreachable(reason) => self.unreachable(&reason, now_ms),
            Event::Woken if self.waiting => {
                self.waiting = false;
                self.act()
            }
            Event::Overtaken => self.overtaken(),
            Event::Refused(reason) => self.refused(&reason),
            Event::Stored { revision } => self.stored(revision),
            Event::Conflict => self.conflict(),
            Event::StoreUnknown => self.store_unknown(),
            Event::Record(segment) => self.rechecked(segment),
            Event::Accepted | Event::Summed(_) | Event::Inspected { .. } | Event::Copied { .. } => {
                self.heard_ms = now_ms;
                self.heard(event, now_ms)
            }
            Event::Woken => self.end(Outcome::Lost),
        }
    }

    /// The action of the present step.
    pub(super) fn act(&mut self) -> Action {
        if let Some(reason) = self.abort.take_if(|_| self.step.may_abort()) {
            return self.give_up(&reason);
        }
        let record = &self.segment.record;
        let (to, to_incarnation) = self.destination.clone();
        match self.step {
            Step::Start | Step::TakeOver => {
                let attempt = record.attempt.saturating_add(1);
                let phase = Phase::Moving { to, to_incarnation };
                self.replace(SegmentRecord { attempt, phase, ..record.clone() })
            }
            Step::Commit => self.replace(SegmentRecord {
                owner: to,
                incarnation: Some(to_incarnation),
                epoch: record.epoch.saturating_add(1),
                phase: Phase::Done,
                ..record.clone()
            }),
            Step::Finish => self.replace(SegmentRecord { phase: Phase::Idle, ..record.clone() }),
            Step::Abort => self.replace(SegmentRecord {
                epoch: record.epoch.saturating_add(1),
                phase: Phase::Idle,
                ..record.clone()
            }),
            Step::Inspect => self.call_source(Verb::Inspect),
            Step::Freeze => self.call_source(Verb::Freeze),
            Step::Unfreeze => self.call_source(Verb::Unfreeze),
            Step::Drop => self.call_source(Verb::Drop),
            Step::Stage => self.call_destination(Verb::Stage),
            Step::Digest => self.call_destination(Verb::Digest),
            Step::Activate => self.call_destination(Verb::Activate),
            Step::Wipe => self.call_destination(Verb::Wipe),
            Step::Copy => self.copy(Rows::All { after: self.cursor.clone() }),
            Step::Delta | Step::LastDelta => {
                let sequence = self.copied_to.unwrap_or_default();
                self.copy(Rows::Since { sequence })
            }
            Step::Recheck => Action::Read,
            Step::End => Action::End(Outcome::Lost),
        }
    }

    fn go(&mut self, step: Step) -> Action {
        self.step = step;
        self.act()
    }

    fn end(&mut self, outcome: Outcome) -> Action {
        self.step = Step::End;
        Action::End(outcome)
    }

    fn give_up(&mut self, reason: &str) -> Action {
        self.abort = None;
        self.abort_reason = reason.into();
        self.go(Step::Abort)
    }

    fn replace(&mut self, record: SegmentRecord) -> Action {
        self.pending = Some(record.clone());
        Action::Replace { expect: self.segment.revision, record }
    }

    fn fence(&self, incarnation: Incarnation) -> Fence {
        let SegmentRecord { lo, hi, epoch, attempt, .. } = self.segment.record;
        Fence { lo, hi, epoch, attempt, incarnation }
    }

    fn call_source(&self, verb: Verb) -> Action {
        let (node, incarnation) = self.source.clone();
        Action::Call { node, verb, fence: self.fence(incarnation) }
    }

    fn call_destination(&self, verb: Verb) -> Action {
        let (node, incarnation) = self.destination.clone();
        Action::Call { node, verb, fence: self.fence(incarnation) }
    }

    fn copy(&self, rows: Rows) -> Action {
        let party =
            |(name, incarnation): &(String, Incarnation)| (name.clone(), self.fence(*incarnation));
        Action::Copy { rows, from: party(&self.source), to: party(&self.destination) }
    }

    /// The record was written.
    fn stored(&mut self, revision: u64) -> Action {
        let Some(record) = self.pending.take() else {
            return self.end(Outcome::Lost);
        };
        self.segment.record = record;
        self.segment.revision = revision;
        match self.step {
            Step::Start => self.go(Step::Stage),
            Step::TakeOver => self.go(Step::Inspect),
            Step::Commit => self.go(Step::Activate),
            Step::Finish => self.finished(),
            Step::Abort => self.go(Step::Unfreeze),
            _ => self.end(Outcome::Lost),
        }
    }

    /// Somebody else wrote the record.
    fn conflict(&mut self) -> Action {
        self.pending = None;
        match self.step {
            // The destination may finish by itself: either way it serves.
            Step::Finish => self.moved(),
            _ => self.end(Outcome::Lost),
        }
    }

    /// Nobody knows whether the record was written, or the store did not answer a read.
    fn store_unknown(&mut self) -> Action {
        if self.step != Step::Recheck {
            self.unsure = Some(self.step);
            self.step = Step::Recheck;
        }
        self.wait()
    }

    /// The record was read because the outcome of a compare-and-swap is unknown.
    ///
    /// A record that looks like ours after a start or takeover may be another coordinator's with
    /// the same attempt: it is left alone, and a later takeover raises the attempt anew. After a
    /// commit, an abort or a finish the content alone decides, whoever wrote it.
    fn rechecked(&mut self, now: Option<StoredSegment>) -> Action {
        let Some(now) = now else {
            return self.end(Outcome::Lost);
        };
        let unchanged = now.revision == self.segment.revision;
        let written = self.pending.as_ref() == Some(&now.record);
        match (&now.record.phase, self.unsure) {
            (_, Some(step)) if unchanged => self.go(step),
            (Phase::Done, Some(Step::Commit)) if written => {
                self.pending = None;
                self.segment = now;
                self.go(Step::Activate)
            }
            (Phase::Idle, Some(Step::Abort)) if written => {
                self.pending = None;
                self.segment = now;
                self.go(Step::Unfreeze)
            }
            (Phase::Idle, Some(Step::Finish)) if written => {
                self.pending = None;
                self.segment = now;
                self.finished()
            }
            (_, Some(Step::Finish)) => self.moved(),
            _ => self.end(Outcome::Lost),
        }
    }

    /// A node answered.
    fn heard(&mut self, event: Event, now_ms: u64) -> Action {
        match (self.step, event) {
            (Step::Inspect, Event::Inspected { frozen: false }) => self.go(Step::Stage),
            (Step::Inspect, Event::Inspected { frozen: true }) => {
                self.taken_over_frozen = true;
                // Clients have been waiting: no longer than if it had been frozen now.
                self.frozen_ms = Some(now_ms);
                self.go(Step::Freeze)
            }
            (Step::Stage, Event::Accepted) => {
                self.copied_to = None;
                self.cursor = None;
                if self.freezes_first {
                    self.frozen_ms = Some(now_ms);
                    return self.go(Step::Freeze);
                }
                self.go(Step::Copy)
            }
            (Step::Copy, Event::Copied { rows, cursor, sequence }) => {
                self.rows_sent += rows;
                // Later pages are at least as new: what they lack was logged since the first.
                self.copied_to.get_or_insert(sequence);
                self.cursor = cursor;
                let next = match (&self.cursor, self.freezes_first) {
                    (Some(_), _) => Step::Copy,
                    // Nothing was written meanwhile.
                    (None, true) => Step::Digest,
                    (None, false) => Step::Delta,
                };
                self.go(next)
            }
            (Step::Delta, Event::Copied { rows, cursor, sequence }) => {
                self.rows_sent += rows;
                self.pages += 1;
                self.rounds += u32::from(cursor.is_none());
                self.copied_to = Some(sequence);
                if cursor.is_none() && rows <= self.limits.delta_rows_small {
                    self.frozen_ms = Some(now_ms);
                    return self.go(Step::Freeze);
                }
                let rounds_max = self.limits.delta_rounds_max;
                if self.rounds >= rounds_max || self.pages >= rounds_max.saturating_mul(100) {
                    return self.give_up("the source is written faster than rows can be copied");
                }
                self.go(Step::Delta)
            }
            (Step::Freeze, Event::Summed(summary)) => self.froze(summary),
            (Step::LastDelta, Event::Copied { rows, cursor, sequence }) => {
                self.rows_sent += rows;
                self.copied_to = Some(sequence);
                let next = if cursor.is_some() { Step::LastDelta } else { Step::Digest };
                self.go(next)
            }
            (Step::Digest, Event::Summed(summary)) if self.frozen == Some(summary) => {
                self.go(Step::Commit)
            }
            (Step::Digest, Event::Summed(_)) => {
                self.give_up("source and destination do not hold the same rows")
            }
            (Step::Activate, Event::Accepted) => {
                let frozen_ms = self.frozen_ms.filter(|_| !self.taken_over_frozen);
                self.pause_ms = frozen_ms.map(|frozen_ms| now_ms.saturating_sub(frozen_ms));
                self.go(Step::Finish)
            }
            (Step::Drop, Event::Accepted) => self.moved(),
            (Step::Unfreeze, Event::Accepted) => self.go(Step::Wipe),
            (Step::Wipe, Event::Accepted) => self.aborted(),
            _ => self.end(Outcome::Lost),
        }
    }

    fn froze(&mut self, summary: Summary) -> Action {
        self.frozen = Some(summary);
        if self.freezes_first && !self.taken_over_frozen {
            return self.go(Step::Copy);
        }
        let behind = self.copied_to.is_none_or(|sequence| sequence < summary.sequence);
        // A freeze found at a takeover: only an already sealed stage can have every row.
        let last = if behind && !self.taken_over_frozen { Step::LastDelta } else { Step::Digest };
        self.go(last)
    }

    /// The record is idle again under the destination; its rows at the source can go.
    fn finished(&mut self) -> Action {
        if self.source == self.destination {
            // Found done: who the source was, nobody needs to know; it drops by itself.
            return self.moved();
        }
        self.go(Step::Drop)
    }

    fn moved(&mut self) -> Action {
        let (rows_sent, pause_ms) = (self.rows_sent, self.pause_ms);
        self.end(Outcome::Moved { rows_sent, pause_ms })
    }

    fn aborted(&mut self) -> Action {
        let reason = std::mem::take(&mut self.abort_reason);
        self.end(Outcome::Aborted { reason })
    }

    fn overtaken(&mut self) -> Action {
        match self.step {
            Step::Drop => self.moved(),
            Step::Unfreeze => self.go(Step::Wipe),
            Step::Wipe => self.aborted(),
            _ => self.end(Outcome::Lost),
        }
    }

    fn refused(&mut self, reason: &str) -> Action {
        match self.step {
            Step::Drop => self.moved(),
            Step::Unfreeze => self.go(Step::Wipe),
            Step::Wipe => self.aborted(),
            step if step.may_abort() => self.give_up(reason),
            _ => self.end(Outcome::Lost),
        }
    }

    fn unreachable(&mut self, reason: &str, now_ms: u64) -> Action {
        let silent = now_ms.saturating_sub(self.heard_ms) >= self.limits.silence_ms_max;
        let paused = self
            .frozen_ms
            .is_some_and(|frozen_ms| now_ms.saturating_sub(frozen_ms) >= self.limits.pause_ms_max);
        match self.step {
            Step::Drop => self.moved(),
            Step::Unfreeze => self.go(Step::Wipe),
            Step::Wipe => self.aborted(),
            step if step.may_abort() && (silent || paused) => self.give_up(reason),
            // Committed: whoever finds the record later asks the destination again.
            _ if silent => self.end(Outcome::Lost),
            _ => self.wait(),
        }
    }

    fn wait(&mut self) -> Action {
        self.waiting = true;
        Action::Wait { wait_ms: self.limits.retry_ms }
    }
}

impl Step {
    /// Whether the record is moving under this coordinator's attempt and not committed.
    const fn may_abort(self) -> bool {
        matches!(
            self,
            Self::Inspect
                | Self::Stage
                | Self::Copy
                | Self::Delta
                | Self::Freeze
                | Self::LastDelta
                | Self::Digest
                | Self::Commit
        )
    }
}
