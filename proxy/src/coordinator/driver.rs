//! Runs one move: does what the state machine says, and tells it what came of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ringway_cluster::{
    Action, CommitError, CopyRows, Event, Fence, Grant, MapStore, Move, NodeRecord, Outcome,
    PageGrant, Phase, Record, RecordKey, Snapshot, StoredSegment, Throttle, Transaction, Verb,
    count_frames,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout_at},
};

use super::{CoordinatorLimits, MoveView, Progress};
use crate::control::{CallFailure, ControlClient};

/// A move that is held back looks again after this at the latest.
const HOLD_MS_MAX: u64 = 1_000;

/// What a move needs from around it.
pub(super) struct Driver<S> {
    pub(super) store: Arc<S>,
    pub(super) control: Arc<ControlClient>,
    pub(super) progress: Arc<Progress>,
    pub(super) limits: CoordinatorLimits,
    /// Of all moves.
    pub(super) throttle: Arc<Mutex<Throttle>>,
    /// Held from the delta before a freeze until the activation: however many ranges are copied at
    /// a time, clients of few of them wait, each for a short time.
    pub(super) pauses: Arc<Semaphore>,
    /// Where nodes are reached, as of the beginning of the move.
    pub(super) nodes: Arc<BTreeMap<String, NodeRecord>>,
    pub(super) started: Instant,
}

impl<S: MapStore> Driver<S> {
    /// Runs the move to its end.
    pub(super) async fn run(self, mut moving: Move) -> Outcome {
        let id = moving.segment().id;
        let mut frozen: Option<Instant> = None;
        let mut pause_us = None;
        let mut permit: Option<OwnedSemaphorePermit> = None;
        let mut found_frozen = false;
        let mut action = moving.begin(self.now_ms());
        let outcome = loop {
            self.show(&moving);
            match &action {
                Action::Call { verb: Verb::Inspect, .. } => found_frozen = true,
                // Clients that wait already do not wait for others.
                Action::Call { verb: Verb::Freeze, .. }
                    if permit.is_none() && frozen.is_none() && !found_frozen =>
                {
                    permit = self.may_pause(&mut moving).await;
                }
                // Nobody waits, so others may.
                Action::Copy { .. } if frozen.is_none() => permit = None,
                // A node that does not answer holds nobody else up.
                Action::Wait { .. } => permit = None,
                _ => {}
            }
            let event = match action {
                Action::End(outcome) => break outcome,
                Action::Wait { wait_ms } => {
                    sleep(Duration::from_millis(wait_ms)).await;
                    Event::Woken
                }
                Action::Replace { expect, record } => {
                    let begins = moving.segment().record.phase == Phase::Idle;
                    let key = RecordKey::Segment(id);
                    let mut swap = Transaction::replace(key, expect, Record::Segment(record));
                    if begins {
                        // An operator may have held moves back since this one was decided.
                        swap.expect.push((RecordKey::Paused, None));
                    }
                    self.commit(swap).await
                }
                Action::Read => self.read(id).await,
                Action::Call { node, verb, fence } => {
                    if verb == Verb::Freeze {
                        frozen.get_or_insert_with(Instant::now);
                    }
                    let call = self.call(&node, verb, &fence);
                    let event = match verb {
                        Verb::Freeze | Verb::Digest => self.in_pause(frozen, call).await,
                        _ => call.await,
                    };
                    if verb == Verb::Activate && event == Event::Accepted {
                        permit = None;
                        let micros = frozen.map(|frozen| frozen.elapsed().as_micros());
                        pause_us = micros.map(|micros| u64::try_from(micros).unwrap_or(u64::MAX));
                    }
                    event
                }
                Action::Copy { rows, from, to } => {
                    // While clients wait, nothing else is waited for.
                    let granted = match frozen {
                        None => Some(self.granted(&mut moving, &rows, [&from.0, &to.0]).await),
                        Some(_) => None,
                    };
                    // Before the delta, so that little is left to copy after the freeze.
                    if matches!(rows, CopyRows::Since { .. }) && frozen.is_none() {
                        permit = self.may_pause(&mut moving).await;
                    }
                    self.in_pause(frozen, self.copy(&rows, &from, &to, granted)).await
                }
            };
            action = moving.next(event, self.now_ms());
        };
        self.progress.count(|totals| totals.rows_sent += moving.rows_sent());
        self.progress.ended(id, &outcome, pause_us);
        outcome
    }

    /// A call for which clients may be waiting: it ends when the move has to be taken back, however
    /// long a node is silent.
    async fn in_pause(&self, frozen: Option<Instant>, call: impl Future<Output = Event>) -> Event {
        let Some(frozen) = frozen else { return call.await };
        let end = frozen + Duration::from_millis(self.limits.each.pause_ms_max);
        let event = timeout_at(end, call).await;
        event.unwrap_or_else(|_| {
            Event::Unreachable("a node did not answer in time while clients waited".into())
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn show(&self, moving: &Move) {
        let StoredSegment { id, record, .. } = moving.segment();
        let (from, to) = moving.nodes();
        self.progress.show(MoveView {
            segment: *id,
            lo: record.lo,
            hi: record.hi,
            from: from.into(),
            to: to.into(),
            step: moving.step_name(),
            rows_sent: moving.rows_sent(),
        });
    }

    async fn commit(&self, swap: Transaction) -> Event {
        match self.store.commit(swap).await {
            Ok(revision) => Event::Stored { revision },
            Err(CommitError::Conflict(_) | CommitError::Refused(_)) => Event::Conflict,
            Err(CommitError::Unknown(_) | CommitError::Unavailable(_)) => Event::StoreUnknown,
        }
    }

    async fn read(&self, id: u64) -> Event {
        match self.store.read().await {
            Ok(snapshot) => Event::Record(find(&snapshot, id)),
            Err(_) => Event::StoreUnknown,
        }
    }

    fn control_of(&self, node: &str) -> Result<&str, CallFailure> {
        match self.nodes.get(node) {
            Some(record) => Ok(&record.control),
            None => {
                let reason = format!("no control address is known of {node}");
                Err(CallFailure::Unreachable(reason))
            }
        }
    }

    async fn call(&self, node: &str, verb: Verb, fence: &Fence) -> Event {
        let address = match self.control_of(node) {
            Ok(address) => address,
            Err(failure) => return event_of(failure),
        };
        let answer = match verb {
            Verb::Inspect => {
                let span = (fence.lo, fence.hi);
                let status = self.control.measure(address, span, u64::MAX, u64::MAX).await;
                status.map(|status| Event::Inspected {
                    frozen: !status.ranges.is_empty()
                        && status
                            .ranges
                            .iter()
                            .all(|range| range.standing == "frozen" && range.epoch == fence.epoch),
                })
            }
            Verb::Freeze | Verb::Digest => {
                self.control.sum(address, verb, fence).await.map(Event::Summed)
            }
            _ => self.control.call(address, verb, fence).await.map(|()| Event::Accepted),
        };
        answer.unwrap_or_else(event_of)
    }

    /// Waits until a page may go between the nodes.
    async fn granted(&self, moving: &mut Move, rows: &CopyRows, nodes: [&str; 2]) -> PageGrant {
        let (bytes_max, is_delta) =
            (self.limits.page_bytes_max, matches!(rows, CopyRows::Since { .. }));
        loop {
            let now_ms = self.now_ms();
            let grant = if is_delta {
                self.throttle().ask_whole(nodes, bytes_max, now_ms)
            } else {
                self.throttle().ask(nodes, bytes_max, now_ms)
            };
            match grant {
                Grant::Go(page) => return page,
                Grant::Wait(wait_ms) => {
                    let wait_ms = wait_ms.min(HOLD_MS_MAX);
                    sleep(Duration::from_millis(wait_ms)).await;
                    self.progress.count(|totals| totals.held_back_ms += wait_ms);
                    moving.held_back(self.now_ms());
                }
            }
        }
    }

    /// Waits until few enough others are about to freeze, or frozen.
    async fn may_pause(&self, moving: &mut Move) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; a move without a permit would only be one more.
        let permit = Arc::clone(&self.pauses).acquire_owned().await.ok();
        moving.held_back(self.now_ms());
        permit
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        // A poisoned lock holds numbers at worst a little off.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one page of rows from node to node, and counts what it held.
    async fn copy(
        &self,
        rows: &CopyRows,
        from: &(String, Fence),
        to: &(String, Fence),
        granted: Option<PageGrant>,
    ) -> Event {
        let bytes_max = granted.map_or(self.limits.page_bytes_max, |page| page.bytes_max);
        let (mut sent_rows, mut sent_bytes) = (0, 0);
        let event = self.carry(rows, from, to, bytes_max, (&mut sent_rows, &mut sent_bytes)).await;
        let (nodes, now_ms) = ([&*from.0, &*to.0], self.now_ms());
        match granted {
            Some(page) => self.throttle().sent(nodes, page, sent_rows, sent_bytes, now_ms),
            None => self.throttle().sent_at_once(nodes, sent_rows, sent_bytes, now_ms),
        }
        event
    }

    async fn carry(
        &self,
        rows: &CopyRows,
        from: &(String, Fence),
        to: &(String, Fence),
        bytes_max: u64,
        (sent_rows, sent_bytes): (&mut u64, &mut u64),
    ) -> Event {
        let addresses =
            self.control_of(&from.0).and_then(|from| Ok((from, self.control_of(&to.0)?)));
        let (source, destination) = match addresses {
            Ok(addresses) => addresses,
            Err(failure) => return event_of(failure),
        };
        let page = match rows {
            CopyRows::All { after } => {
                self.control.export(source, &from.1, after.as_ref(), bytes_max).await
            }
            CopyRows::Since { sequence } => {
                self.control.delta(source, &from.1, *sequence, bytes_max).await
            }
        };
        let page = match page {
            Ok(page) => page,
            Err(failure) => return event_of(failure),
        };
        let (rows_in_page, end) = match count_frames(&page) {
            Ok(counted) => counted,
            Err(error) => return Event::Unreachable(format!("{source}: {error}")),
        };
        // Nothing was written since: the destination has all of it, and knows up to where.
        if let CopyRows::Since { sequence } = rows
            && (rows_in_page, end.sequence) == (0, *sequence)
        {
            return Event::Copied { rows: 0, cursor: end.cursor, sequence: end.sequence };
        }
        let bytes = u64::try_from(page.len()).unwrap_or(u64::MAX);
        // Both nodes had the work, however the import ends.
        (*sent_rows, *sent_bytes) = (rows_in_page, bytes);
        match self.control.import(destination, &to.1, page).await {
            Ok(()) => {
                self.progress.count(|totals| totals.bytes_sent += bytes);
                Event::Copied { rows: rows_in_page, cursor: end.cursor, sequence: end.sequence }
            }
            Err(failure) => event_of(failure),
        }
    }
}

pub(super) fn find(snapshot: &Snapshot, id: u64) -> Option<StoredSegment> {
    match snapshot.records.get(&RecordKey::Segment(id)) {
        Some((revision, Record::Segment(record))) => {
            Some(StoredSegment { id, revision: *revision, record: record.clone() })
        }
        _ => None,
    }
}

fn event_of(failure: CallFailure) -> Event {
    match failure {
        CallFailure::Overtaken => Event::Overtaken,
        CallFailure::Refused(reason) => Event::Refused(reason),
        CallFailure::Unreachable(reason) => Event::Unreachable(reason),
    }
}
