//! A node: durable holdings and rows under the shipped rules, and what it forgets in a crash.

use std::collections::BTreeMap;

use ringway_cluster::{
    Access, CallError, CommitError, Event, Fence, Holding, Holdings, Incarnation, Phase,
    Reconciled, Record, RecordKey, Refusal, Row, SegmentRecord, Standing, Transaction, Verb,
};

use crate::{
    clients::{Answer as ClientAnswer, Operation},
    faults::Fault,
    rows::SimRows,
    world::{Happening, Weakness, World, node_name},
};

/// How long a node remembers that it executed a request with an `Idempotency-Key`.
const ANSWER_MS: u64 = 30_000;

/// Who asked, so that the answer finds its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyTo {
    pub(crate) coordinator: usize,
    pub(crate) life: u64,
    pub(crate) segment: u64,
    pub(crate) token: u64,
}

/// A message to a node.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Call { reply: ReplyTo, fence: Fence, call: Call, read_store: bool },
    Request { asked: Asked, read_store: bool },
}

/// What a client asks of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) client: usize,
    pub(crate) token: u64,
    pub(crate) position: u64,
    pub(crate) epoch: u64,
    pub(crate) operation: Operation,
    /// When what is written ends; 0 is never.
    pub(crate) ends_ms: u64,
    /// The `Idempotency-Key`.
    pub(crate) once: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Verb(Verb),
    Export { after: Option<(u64, Vec<u8>)> },
    Delta { since: u64 },
    Import { rows: Vec<Row>, sequence: u64 },
}

/// What a move hears.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Event(Event),
    Exported { rows: Vec<Row>, cursor: Option<(u64, Vec<u8>)>, sequence: u64 },
    Imported,
    Frozen(bool),
}

impl From<Result<u64, CommitError>> for Answer {
    fn from(result: Result<u64, CommitError>) -> Self {
        Self::Event(match result {
            Ok(revision) => Event::Stored { revision },
            Err(CommitError::Conflict(_) | CommitError::Refused(_)) => Event::Conflict,
            Err(CommitError::Unknown(_) | CommitError::Unavailable(_)) => Event::StoreUnknown,
        })
    }
}

/// What a node asks of the store.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Read { lo: u64, hi: u64, then: Option<Box<Sent>> },
    Reconcile { records: Vec<(u64, SegmentRecord)>, then: Option<Box<Sent>> },
    Replace { id: u64, change: Box<(SegmentRecord, SegmentRecord)>, then: Option<Box<Sent>> },
}

pub(crate) struct SimNode {
    pub(crate) up: bool,
    pub(crate) life: u64,
    pub(crate) holdings: Holdings,
    /// As of the last start; what changed since is in the transaction of `holdings`.
    saved: Holdings,
    pub(crate) rows: SimRows,
    /// Messages take long until then.
    pub(crate) slow_until_ms: u64,
    /// The second loss is of the second disk.
    pub(crate) losses: u64,
    frozen_since_ms: BTreeMap<u64, u64>,
}

impl SimNode {
    pub(crate) fn new(index: usize, keep: bool) -> Self {
        let incarnation = Incarnation::from_bits(index as u128 + 77);
        let saved = Holdings::new(node_name(index), incarnation, []);
        let mut holdings = saved.clone();
        holdings.begin();
        Self {
            up: true,
            life: 0,
            holdings,
            saved,
            rows: SimRows { keep, ..SimRows::default() },
            slow_until_ms: 0,
            losses: 0,
            frozen_since_ms: BTreeMap::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.holdings.name()
    }

    /// Holdings and rows are durable; everything else goes.
    pub(crate) fn crash(&mut self, thaw: bool) {
        self.up = false;
        self.life += 1;
        self.frozen_since_ms.clear();
        // What is saved must be what is in memory.
        self.saved.apply(&self.holdings.changes());
        assert_eq!(self.saved, self.holdings);
        let holdings = self.saved.iter().cloned().map(|mut holding| {
            if thaw && holding.standing == Standing::Frozen {
                holding.standing = Standing::Owned;
            }
            holding
        });
        self.start(self.holdings.incarnation(), holdings.collect());
    }

    fn start(&mut self, incarnation: Incarnation, holdings: Vec<Holding>) {
        self.saved = Holdings::new(self.name().into(), incarnation, holdings);
        self.holdings = self.saved.clone();
        self.holdings.begin();
    }

    /// The node comes back with an empty data directory.
    pub(crate) fn lose_disk(&mut self) {
        self.crash(false);
        self.losses += 1;
        let incarnation = Incarnation::from_bits(self.holdings.incarnation().bits() + 1_000);
        self.start(incarnation, Vec::new());
        self.rows = SimRows { keep: self.rows.keep, ..SimRows::default() };
    }

    pub(crate) fn value(&self, position: u64, key: &[u8], now_ms: u64) -> Option<u64> {
        let value = self.rows.alive(position, key, now_ms)?.value.as_ref()?;
        Some(u64::from_le_bytes(value.as_slice().try_into().unwrap()))
    }

    /// Executes a write that was let in; one with an `Idempotency-Key` only the first time.
    fn execute(&mut self, asked: &Asked, value: Option<u64>, now_ms: u64, keep_answers: bool) {
        let Asked { client, position, ends_ms, once, .. } = *asked;
        if let Some(once) = once.filter(|_| keep_answers) {
            let key = format!("answer {client} {once}").into_bytes();
            if self.rows.alive(position, &key, now_ms).is_some() {
                return;
            }
            self.write(position, &key, Some(0), now_ms + ANSWER_MS);
        }
        self.write(position, &World::key_of(client), value, ends_ms);
    }

    fn write(&mut self, position: u64, key: &[u8], value: Option<u64>, expires_ms: u64) {
        let Some(holding) = self.holdings.find_mut(position) else { return };
        holding.sequence += 1;
        let row = Row {
            position,
            key: key.to_vec(),
            value: value.map(|value| value.to_le_bytes().to_vec()),
            version: holding.sequence,
            expires_ms,
        };
        let id = (position, key.to_vec());
        let old = self.rows.rows.get(&id).filter(|row| row.value.is_some()).map(Row::digest);
        if let Some(tally) = &mut holding.tally {
            if let Some(old) = old {
                tally.remove(old);
            }
            if row.value.is_some() {
                tally.add(row.digest());
            }
        }
        if holding.logged_since.is_some() {
            self.rows.log.push((holding.sequence, position, key.to_vec()));
        }
        match row.value {
            Some(_) => self.rows.rows.insert(id, row),
            None => self.rows.rows.remove(&id),
        };
    }

    /// Deletes what has ended, logged like any delete, where this node serves.
    fn sweep(&mut self, lo: u64, hi: u64, now_ms: u64) -> u64 {
        let mut swept = 0;
        for (position, key) in self.rows.ended(lo, hi, now_ms) {
            let holding = self.holdings.find(position);
            if holding.is_some_and(|holding| holding.standing == Standing::Owned) {
                self.write(position, &key, None, 0);
                swept += 1;
            }
        }
        swept
    }

    fn call(&mut self, fence: &Fence, call: Call, now_ms: u64) -> Result<Answer, Refusal> {
        if matches!(call, Call::Verb(Verb::Freeze)) {
            self.sweep(fence.lo, fence.hi, now_ms);
        }
        let (holdings, rows) = (&mut self.holdings, &mut self.rows);
        let accepted = |_| Answer::Event(Event::Accepted);
        let summed = |summary| Answer::Event(Event::Summed(summary));
        let answer = match call {
            Call::Verb(Verb::Stage) => holdings.stage(fence, rows).map(accepted),
            Call::Verb(Verb::Freeze) => holdings.freeze(fence, rows).map(summed),
            Call::Verb(Verb::Digest) => holdings.seal(fence, rows).map(summed),
            Call::Verb(Verb::Activate) => {
                holdings.activate(fence).map(accepted).map_err(CallError::Refused)
            }
            Call::Verb(Verb::Unfreeze) => {
                holdings.unfreeze(fence).map(accepted).map_err(CallError::Refused)
            }
            Call::Verb(Verb::Wipe) => holdings.wipe(fence, rows).map(accepted),
            Call::Verb(Verb::Drop) => unreachable!("needs the record"),
            Call::Verb(Verb::Inspect) => {
                let frozen = holdings.iter().any(|holding| {
                    (holding.lo, holding.hi, holding.epoch) == (fence.lo, fence.hi, fence.epoch)
                        && holding.standing == Standing::Frozen
                });
                Ok(Answer::Frozen(frozen))
            }
            Call::Export { after } => holdings.export(fence, rows).map(|summary| {
                // Two rows a page, so that pages and writes interleave.
                let keys = rows.between(fence.lo, fence.hi);
                let above =
                    keys.into_iter().filter(|key| after.as_ref().is_none_or(|after| key > after));
                let page: Vec<Row> = above.take(2).map(|key| rows.rows[&key].clone()).collect();
                let cursor = (page.len() == 2).then(|| (page[1].position, page[1].key.clone()));
                Answer::Exported { rows: page, cursor, sequence: summary.sequence }
            }),
            Call::Delta { since } => {
                holdings.delta(fence, since).map_err(CallError::Refused).map(|sequence| {
                    let mut latest: BTreeMap<(u64, Vec<u8>), u64> = BTreeMap::new();
                    for (number, position, key) in &rows.log {
                        if *number > since && (fence.lo..=fence.hi).contains(position) {
                            latest.insert((*position, key.clone()), *number);
                        }
                    }
                    let tombstone = |(position, key): (u64, Vec<u8>), version| Row {
                        position,
                        key,
                        value: None,
                        version,
                        expires_ms: 0,
                    };
                    let row = |(key, number)| match rows.rows.get(&key) {
                        Some(row) => row.clone(),
                        None => tombstone(key, number),
                    };
                    let rows = latest.into_iter().map(row).collect();
                    Answer::Exported { rows, cursor: None, sequence }
                })
            }
            Call::Import { rows: batch, sequence } => {
                holdings.import(fence, &batch, sequence, rows).map(|()| Answer::Imported)
            }
        };
        answer.map_err(|error| match error {
            CallError::Refused(refusal) => refusal,
            CallError::Rows(never) => match never {},
        })
    }
}

impl World {
    pub(crate) fn node_receives(&mut self, node: usize, sent: Sent) {
        if !self.nodes[node].up {
            return;
        }
        match sent {
            Sent::Call { reply, fence, call, read_store } => {
                self.node_called(node, reply, fence, call, read_store);
            }
            Sent::Request { asked, read_store } => self.node_requested(node, asked, read_store),
        }
    }

    fn node_called(
        &mut self,
        node: usize,
        reply: ReplyTo,
        fence: Fence,
        call: Call,
        read_store: bool,
    ) {
        if matches!(call, Call::Verb(Verb::Drop)) {
            // The record is read, and the rows go some time later.
            let again = Some(Box::new(Sent::Call { reply, fence, call, read_store: false }));
            return self.ask_store(node, Ask::Read { lo: fence.lo, hi: fence.hi, then: again });
        }
        let now_ms = self.now_ms;
        let answer = match self.transact(node, |node| node.call(&fence, call.clone(), now_ms)) {
            Err(Fault::NotExecuted) => {
                let event = Answer::Event(Event::Unreachable("the disk fails".into()));
                let ReplyTo { coordinator, life, segment, token } = reply;
                return self.answer_move(coordinator, life, segment, token, event);
            }
            Err(Fault::Unknown) => return,
            Ok(answer) => answer,
        };
        let answer = match answer {
            Err(Refusal::Ahead { .. }) if !read_store => {
                let again = Some(Box::new(Sent::Call { reply, fence, call, read_store: true }));
                return self.ask_store(node, Ask::Read { lo: fence.lo, hi: fence.hi, then: again });
            }
            Err(Refusal::Stale { .. }) => Answer::Event(Event::Overtaken),
            Err(refusal) => Answer::Event(Event::Refused(refusal.to_string())),
            Ok(answer) => answer,
        };
        self.answer_move(reply.coordinator, reply.life, reply.segment, reply.token, answer);
    }

    fn node_requested(&mut self, node: usize, asked: Asked, read_store: bool) {
        let Asked { client, token, position, epoch, operation, .. } = asked;
        let now_ms = self.now_ms;
        let mut access = self.nodes[node].holdings.check(position, epoch);
        let key = Self::key_of(client);
        if self.weakness == Some(Weakness::FrozenIsServed) && access == Access::Frozen {
            access = Access::Serve;
        }
        if self.weakness == Some(Weakness::EpochIsNotChecked)
            && self.nodes[node].value(position, &key, now_ms).is_some()
        {
            access = Access::Serve;
        }
        let answer = match access {
            Access::Serve => match operation {
                Operation::Read => {
                    ClientAnswer::Value(self.nodes[node].value(position, &key, now_ms))
                }
                Operation::Write(value) => {
                    let keep = self.weakness != Some(Weakness::AnswersAreNotKept);
                    match self.transact(node, |node| node.execute(&asked, value, now_ms, keep)) {
                        Ok(()) => ClientAnswer::Written,
                        Err(_) if self.weakness == Some(Weakness::AnswersBeforeCommit) => {
                            ClientAnswer::Written
                        }
                        Err(Fault::NotExecuted) => ClientAnswer::Misdirected,
                        Err(Fault::Unknown) => return,
                    }
                }
            },
            Access::Misdirected { epoch: here } if here < epoch && !read_store => {
                let again = Sent::Request { asked, read_store: true };
                let (lo, hi) = (position, position);
                return self.ask_store(node, Ask::Read { lo, hi, then: Some(Box::new(again)) });
            }
            Access::Misdirected { .. } | Access::Frozen => ClientAnswer::Misdirected,
        };
        self.send(Happening::ClientAnswer { client, token, answer }, false);
    }

    pub(crate) fn key_of(client: usize) -> Vec<u8> {
        format!("k{client}").into_bytes()
    }

    pub(crate) fn ask_store(&mut self, node: usize, ask: Ask) {
        let life = self.nodes[node].life;
        self.send(Happening::NodeStore { node, life, ask }, false);
    }

    pub(crate) fn store_answers_node(&mut self, node: usize, life: u64, ask: Ask) {
        if let Ask::Replace { id, change, then } = ask {
            let (old, new) = *change;
            // The store acts even if the node has crashed since it asked.
            let unchanged = self.segment(id).filter(|segment| segment.record == old);
            if let Some(segment) = unchanged {
                // Of whoever asked: it may have lost its disk since.
                let incarnation = new.incarnation.unwrap();
                let name = self.nodes[node].name().to_owned();
                ringway_cluster::node_may(&name, incarnation, &old, &new).unwrap();
                let key = RecordKey::Segment(id);
                let record = Record::Segment(new);
                self.commit(&Transaction::replace(key, segment.revision, record)).unwrap();
            }
            if self.nodes[node].life == life && self.nodes[node].up {
                self.ask_store(node, Ask::Read { lo: old.lo, hi: old.hi, then });
            }
            return;
        }
        if self.nodes[node].life != life || !self.nodes[node].up {
            return;
        }
        match ask {
            Ask::Read { lo, hi, then } => {
                let records = self.segments_between(lo, hi);
                // What was read is applied later: the world may have gone on.
                self.ask_store(node, Ask::Reconcile { records, then });
            }
            Ask::Reconcile { records, then } => self.node_reconciles(node, &records, then),
            Ask::Replace { .. } => {}
        }
    }

    fn node_reconciles(
        &mut self,
        node: usize,
        records: &[(u64, SegmentRecord)],
        then: Option<Box<Sent>>,
    ) {
        for (id, record) in records {
            let reconcile = |node: &mut SimNode| {
                let SimNode { holdings, rows, .. } = node;
                let outcome =
                    holdings.reconcile(record, rows).unwrap_or_else(|never| match never {});
                if outcome == Reconciled::Claim && !node.claim(record) {
                    return None;
                }
                Some(outcome)
            };
            // A disk that fails leaves the records for the next time.
            let Ok(outcome) = self.transact(node, reconcile) else { return };
            match outcome {
                None | Some(Reconciled::Current | Reconciled::Applied) => {}
                Some(Reconciled::Claim) => {
                    let incarnation = Some(self.nodes[node].holdings.incarnation());
                    let new = SegmentRecord { incarnation, phase: Phase::Idle, ..record.clone() };
                    let ask =
                        Ask::Replace { id: *id, change: Box::new((record.clone(), new)), then };
                    return self.ask_store(node, ask);
                }
                Some(Reconciled::StoreBehind) => self.totals.store_behind += 1,
                Some(Reconciled::IncarnationMismatch) if self.nodes[node].losses > 0 => {
                    self.totals.mismatches += 1;
                    if self.weakness == Some(Weakness::IncarnationIsNotChecked) {
                        self.nodes[node].serve_from_empty(record);
                    }
                }
                Some(Reconciled::Unclear) if self.is_restored() => self.totals.unclear += 1,
                Some(Reconciled::Unclear | Reconciled::IncarnationMismatch) => {
                    panic!("{} can't make sense of {record:?}", self.nodes[node].name());
                }
            }
        }
        match then.map(|then| *then) {
            Some(Sent::Call { reply, fence, call: Call::Verb(Verb::Drop), .. }) => {
                for (_, record) in records {
                    let dropped = self.transact(node, |node| {
                        // What is refused changes nothing.
                        let _ = node.holdings.drop_rows(record, &mut node.rows);
                    });
                    if dropped.is_err() {
                        return;
                    }
                }
                let answer = Answer::Event(Event::Accepted);
                let ReplyTo { coordinator, life, segment, token } = reply;
                let _ = fence;
                self.answer_move(coordinator, life, segment, token, answer);
            }
            Some(sent) => self.node_receives(node, sent),
            None => {}
        }
    }

    /// Every now and then: read the store for what is frozen or sealed, abort what hangs.
    pub(crate) fn node_turn(&mut self, node: usize) {
        if !self.nodes[node].up {
            return;
        }
        let now_ms = self.now_ms;
        let Ok(swept) = self.transact(node, |node| node.sweep(0, u64::MAX, now_ms)) else { return };
        self.totals.swept += swept;
        let waiting: Vec<(u64, u64, bool)> = self.nodes[node]
            .holdings
            .iter()
            .filter_map(|holding| match holding.standing {
                Standing::Frozen => Some((holding.lo, holding.hi, true)),
                Standing::Sealed { .. } | Standing::Staging { .. } => {
                    Some((holding.lo, holding.hi, false))
                }
                _ => None,
            })
            .collect();
        for (lo, hi, frozen) in waiting {
            self.ask_store(node, Ask::Read { lo, hi, then: None });
            if !frozen {
                continue;
            }
            let since = *self.nodes[node].frozen_since_ms.entry(lo).or_insert(now_ms);
            if now_ms - since > 10_000 {
                self.nodes[node].frozen_since_ms.remove(&lo);
                self.abort_own_move(node, lo, hi);
            }
        }
        let frozen: Vec<u64> = self.nodes[node]
            .holdings
            .iter()
            .filter(|holding| holding.standing == Standing::Frozen)
            .map(|holding| holding.lo)
            .collect();
        self.nodes[node].frozen_since_ms.retain(|lo, _| frozen.contains(lo));
    }

    fn abort_own_move(&mut self, node: usize, lo: u64, hi: u64) {
        let name = self.nodes[node].name().to_owned();
        for (id, old) in self.segments_between(lo, hi) {
            let moving = matches!(old.phase, Phase::Moving { .. });
            let here = Some(self.nodes[node].holdings.incarnation());
            if moving && old.owner == name && old.incarnation == here {
                let new = SegmentRecord { epoch: old.epoch + 1, phase: Phase::Idle, ..old.clone() };
                self.ask_store(node, Ask::Replace { id, change: Box::new((old, new)), then: None });
            }
        }
    }
}

impl SimNode {
    fn claim(&mut self, record: &SegmentRecord) -> bool {
        self.holdings.claim(record, &mut self.rows).is_ok()
    }

    /// A weakness: what another data directory owned is taken as this one's.
    fn serve_from_empty(&mut self, record: &SegmentRecord) {
        let incarnation = Some(self.holdings.incarnation());
        let born = SegmentRecord { incarnation: None, phase: Phase::Born, ..record.clone() };
        if self.claim(&born) {
            let idle = SegmentRecord { incarnation, phase: Phase::Idle, ..born };
            let _ = self.holdings.reconcile(&idle, &mut self.rows);
        }
    }
}
