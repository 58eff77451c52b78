//! A coordinator: the shipped state machine, and what it waits for.

use ringway_cluster::{
    Action, CopyRows, Cursor, Event, Move, MoveLimits, Phase, Refusal, Row, SegmentRecord,
    StoredSegment, Verb,
};

use crate::{
    config::Weakness,
    node::{Answer, Call},
    state::{Message, State, World, node_of},
};

/// A time after which every limit is over. Events that are heard are heard at 0, so that no
/// moment is told apart from another.
const TOO_LATE_MS: u64 = 1 << 40;

/// A move, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Driver {
    pub(crate) moving: Move,
    pub(crate) action: Action,
    /// What the source answered, on its way to the destination.
    pub(crate) page: Option<(Vec<Row>, Option<Cursor>, u64)>,
    pub(crate) abort_asked: bool,
}

impl World {
    pub(crate) fn limits(&self) -> MoveLimits {
        // With rounds, a delta that brings rows is followed by another, twice at most.
        let (delta_rows_small, delta_rounds_max) =
            if self.config.rounds { (0, 2) } else { (u64::MAX, 100) };
        MoveLimits { delta_rows_small, delta_rounds_max, ..MoveLimits::default() }
    }

    /// A coordinator that has nothing to do begins with this.
    pub(crate) fn begin(&self, state: &mut State, mut moving: Move) -> Option<()> {
        let free = state.coordinators.iter().position(Option::is_none)?;
        let action = moving.begin(0);
        let driver = Driver { moving, action, page: None, abort_asked: false };
        self.wait_for(state, free, Some(driver));
        Some(())
    }

    /// Sends what the coordinator's action needs, and lets it wait.
    fn wait_for(&self, state: &mut State, coordinator: usize, driver: Option<Driver>) {
        let Some(mut driver) = driver else {
            state.coordinators[coordinator] = None;
            return;
        };
        if let Action::Replace { record, .. } = &mut driver.action
            && self.is(Weakness::AbortAtSameEpoch)
            && aborts(&driver.moving.segment().record, record)
        {
            record.epoch -= 1;
        }
        let message = match &driver.action {
            Action::Replace { record, .. } => Some(Message::Swap {
                before: driver.moving.segment().clone(),
                record: record.clone(),
                node: None,
            }),
            // Late, these change nothing: each needs an epoch and attempt that the node has by then.
            Action::Call {
                verb: Verb::Drop | Verb::Inspect | Verb::Activate | Verb::Unfreeze,
                ..
            }
            | Action::Copy { rows: CopyRows::Since { .. }, .. }
                if driver.page.is_none() =>
            {
                None
            }
            Action::Call { node, verb, fence } => {
                Some(Message::Call { node: node_of(node), fence: *fence, call: Call::Verb(*verb) })
            }
            Action::Copy { rows, from, to } => Some(match &driver.page {
                None => {
                    let call = copies(rows);
                    Message::Call { node: node_of(&from.0), fence: from.1, call }
                }
                Some((rows, _, sequence)) => {
                    let call = Call::Import { rows: rows.clone(), sequence: *sequence };
                    Message::Call { node: node_of(&to.0), fence: to.1, call }
                }
            }),
            Action::Read | Action::Wait { .. } | Action::End(_) => None,
        };
        if let Some(message) = message {
            state.send(message);
        }
        state.coordinators[coordinator] = Some(crate::shared::Shared::new(driver));
    }

    /// The coordinator hears something.
    fn hear(
        &self,
        state: &mut State,
        coordinator: usize,
        mut driver: Driver,
        mut event: Event,
        now_ms: u64,
    ) {
        let digest = matches!(driver.action, Action::Call { verb: Verb::Digest, .. });
        if self.is(Weakness::DigestIsNotCompared)
            && digest
            && let (Event::Summed(summary), Some(frozen)) =
                (&mut event, driver.moving.frozen_summary())
        {
            *summary = frozen;
        }
        driver.page = None;
        driver.action = driver.moving.next(event, now_ms);
        while let Action::Wait { .. } = driver.action {
            driver.action = driver.moving.next(Event::Woken, 0);
        }
        let goes_on = !matches!(driver.action, Action::End(_));
        self.wait_for(state, coordinator, goes_on.then_some(driver));
    }

    /// What the coordinator asked for is done, and it hears the answer.
    pub(crate) fn answered(&self, state: &mut State, coordinator: usize) -> Option<()> {
        let mut driver = (**state.coordinators[coordinator].as_ref()?).clone();
        let event = match driver.action.clone() {
            Action::Replace { record, .. } => {
                let before = driver.moving.segment().clone();
                match self.swap(state, &before, &record) {
                    true => Event::Stored { revision: state.store.revision },
                    false => Event::Conflict,
                }
            }
            Action::Read => Event::Record(state.segment(driver.moving.segment().id)),
            Action::Call { verb: Verb::Drop, .. } => Event::Accepted,
            Action::Call { verb: Verb::Activate, .. } if self.is(Weakness::IdleBeforeActive) => {
                let before = driver.moving.segment().clone();
                let idle = SegmentRecord { phase: Phase::Idle, ..before.record.clone() };
                self.swap(state, &before, &idle);
                Event::Accepted
            }
            Action::Call { node, verb, fence } => {
                event_of(self.arrive(state, node_of(&node), fence, &Call::Verb(verb)))
            }
            Action::Copy { rows, from, to } => match driver.page.clone() {
                None => match self.arrive(state, node_of(&from.0), from.1, &copies(&rows)) {
                    Ok(Answer::Page { rows, cursor, sequence }) => {
                        driver.page = Some((rows, cursor, sequence));
                        self.wait_for(state, coordinator, Some(driver));
                        return Some(());
                    }
                    other => event_of(other),
                },
                Some((rows, cursor, sequence)) => {
                    let sent = if self.config.rounds { rows.len() as u64 } else { 0 };
                    let call = Call::Import { rows, sequence };
                    match self.arrive(state, node_of(&to.0), to.1, &call) {
                        Ok(_) => Event::Copied { rows: sent, cursor, sequence },
                        refused => event_of(refused),
                    }
                }
            },
            Action::Wait { .. } | Action::End(_) => return None,
        };
        self.hear(state, coordinator, driver, event, 0);
        Some(())
    }

    /// Nothing is heard, and the coordinator tries again. What it asked for may still be done.
    pub(crate) fn unanswered(&self, state: &mut State, coordinator: usize) -> Option<()> {
        let driver = (**state.coordinators[coordinator].as_ref()?).clone();
        let event = match (&driver.action, &driver.page) {
            (Action::Replace { .. }, _) => Event::StoreUnknown,
            (Action::Copy { .. }, Some(_)) => Event::Unreachable(String::new()),
            // A call that is sent again is the call that may arrive at any time anyway.
            _ => return None,
        };
        self.hear(state, coordinator, driver, event, 0);
        Some(())
    }

    /// Nothing was heard for long: the move is aborted.
    pub(crate) fn gives_up(&self, state: &mut State, coordinator: usize) -> Option<()> {
        let driver = (**state.coordinators[coordinator].as_ref()?).clone();
        if !matches!(driver.action, Action::Call { .. } | Action::Copy { .. }) {
            return None;
        }
        self.hear(state, coordinator, driver, Event::Unreachable(String::new()), TOO_LATE_MS);
        // To leave the move alone is what a crash does.
        state.coordinators[coordinator].as_ref().map(|_| ())
    }

    pub(crate) fn ask_abort(&self, state: &mut State, coordinator: usize) -> Option<()> {
        let mut driver = (**state.coordinators[coordinator].as_ref()?).clone();
        if !self.config.aborts || driver.abort_asked {
            return None;
        }
        driver.abort_asked = true;
        driver.moving.abort("");
        state.coordinators[coordinator] = Some(crate::shared::Shared::new(driver));
        Some(())
    }

    /// A compare-and-swap of a segment's record reaches the store; whether it was written.
    pub(crate) fn swap(
        &self,
        state: &mut State,
        before: &StoredSegment,
        record: &SegmentRecord,
    ) -> bool {
        let transaction = before.replace(record.clone());
        if self.is(Weakness::SwapIgnoresAttempt)
            && let Some(now) = state.segment(before.id)
        {
            let unlike = SegmentRecord { attempt: before.record.attempt, ..now.record };
            if unlike == before.record {
                state.write(&transaction);
                return true;
            }
            return false;
        }
        state.commit(&transaction)
    }

    /// A control call reaches a node, which reads the store if it is behind.
    pub(crate) fn arrive(
        &self,
        state: &mut State,
        node: usize,
        fence: ringway_cluster::Fence,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let weakness = self.config.weakness;
        let first = state.change_node(node, |node| node.call(fence, call, weakness)).1;
        if !matches!(first, Err(Refusal::Ahead { .. })) {
            return first;
        }
        let overlaps = |segment: &StoredSegment| {
            segment.record.lo <= fence.hi && fence.lo <= segment.record.hi
        };
        let now: Vec<StoredSegment> = state.store.segments().filter(overlaps).collect();
        for segment in &now {
            self.reconcile(state, node, segment);
        }
        state.change_node(node, |node| node.call(fence, call, weakness)).1
    }
}

/// Whether the swap gives a move up.
pub(crate) fn aborts(before: &SegmentRecord, record: &SegmentRecord) -> bool {
    matches!(before.phase, Phase::Moving { .. })
        && record.phase == Phase::Idle
        && record.owner == before.owner
        && record.epoch > before.epoch
}

fn copies(rows: &CopyRows) -> Call {
    match rows {
        CopyRows::All { after } => Call::Export { after: after.clone() },
        CopyRows::Since { sequence } => Call::Delta { since: *sequence },
    }
}

fn event_of(answer: Result<Answer, Refusal>) -> Event {
    match answer {
        Ok(Answer::Summed(summary)) => Event::Summed(summary),
        Ok(Answer::Inspected { frozen }) => Event::Inspected { frozen },
        Ok(Answer::Accepted | Answer::Page { .. }) => Event::Accepted,
        Err(Refusal::Stale { .. }) => Event::Overtaken,
        // The words are for people; one state is enough for all of them.
        Err(_) => Event::Refused(String::new()),
    }
}
