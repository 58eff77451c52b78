//! Makes the map what the newest configuration says, one move at a time.
//!
//! The coordinator holds no state of its own: what is to be done is always the difference between
//! the segments as the store has them and the newest `cfg/<n>`. It may be killed at any step; the
//! next one reads the store and goes on.

mod driver;
mod progress;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use ringway::Table;
use ringway_cluster::{
    ClusterFile, MapStore, Move, MoveLimits, NodeRecord, Outcome, Phase, Record, RecordKey,
    SegmentRecord, SegmentTable, Snapshot, Step, StoredSegment, Throttle, ThrottleLimits,
    Transaction, WRITES_MAX, merges, split, steps,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::driver::Driver;
pub use self::progress::{MoveView, Pauses, Progress, Totals};
use crate::control::ControlClient;

/// From this level on a node hands its keys over (spec/NODE.md §7).
pub(crate) const LEVEL_MOVES: u8 = 2;
/// From this level on it keeps a change log, so that rows are copied while it serves.
const LEVEL_LOGS: u8 = 3;

/// Ranges that are frozen, or about to be, at a time: more would only wait for each other.
const PAUSES_AT_A_TIME_MAX: usize = 2;

/// What changes within this time is looked at together: mostly it is steps of moves that run.
const GATHER_MS: u64 = 10;

/// Bounds of what the coordinator does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoordinatorLimits {
    /// Moves under way at a time.
    pub moves_max: usize,
    /// Moves under way at a time from or to one node.
    pub node_moves_max: usize,
    /// A segment of more rows is cut before it moves.
    pub segment_rows_max: u64,
    /// A segment of more bytes is cut before it moves.
    pub segment_bytes_max: u64,
    /// Rows and bytes that leave or reach one node in a second, over all its moves.
    pub throttle: ThrottleLimits,
    /// Rows travel in pages of at most so many bytes, or of one row.
    pub page_bytes_max: u64,
    /// A segment whose move failed rests so long before the next try.
    pub retry_ms: u64,
    /// Bounds of each move.
    pub each: MoveLimits,
}

impl Default for CoordinatorLimits {
    fn default() -> Self {
        Self {
            moves_max: 16,
            node_moves_max: 16,
            segment_rows_max: 50_000,
            segment_bytes_max: 64 << 20,
            throttle: ThrottleLimits::default(),
            page_bytes_max: 1 << 20,
            retry_ms: 1_000,
            each: MoveLimits::default(),
        }
    }
}

/// Drives the moves of a cluster.
pub struct Coordinator<S> {
    store: Arc<S>,
    control: Arc<ControlClient>,
    progress: Arc<Progress>,
    limits: CoordinatorLimits,
    throttle: Arc<Mutex<Throttle>>,
    pauses: Arc<Semaphore>,
    started: Instant,
    snapshot: Snapshot,
    /// The newest configuration that was read, and its table.
    target: Option<(u64, Table)>,
    /// Whether it accepts that keys are lost which nodes can't hand over.
    accepts_loss: bool,
    nodes: Arc<BTreeMap<String, NodeRecord>>,
    running: HashMap<u64, [String; 2]>,
    /// Segments whose move failed, and when they may be tried again.
    resting: HashMap<u64, Instant>,
}

impl<S: MapStore + 'static> Coordinator<S> {
    /// A coordinator over that store.
    #[must_use]
    pub fn new(
        store: Arc<S>,
        control: Arc<ControlClient>,
        progress: Arc<Progress>,
        limits: CoordinatorLimits,
    ) -> Self {
        Self {
            store,
            control,
            progress,
            limits,
            throttle: Arc::new(Mutex::new(Throttle::new(limits.throttle))),
            pauses: Arc::new(Semaphore::new(PAUSES_AT_A_TIME_MAX)),
            started: Instant::now(),
            snapshot: Snapshot::default(),
            target: None,
            accepts_loss: false,
            nodes: Arc::default(),
            running: HashMap::new(),
            resting: HashMap::new(),
        }
    }

    /// Runs until `stop` turns true; moves under way are left as the store has them.
    ///
    /// Must run inside a tokio runtime: moves are tasks of it.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut moves: JoinSet<(u64, Outcome)> = JoinSet::new();
        while !*stop.borrow() {
            if let Err(reason) = self.refresh().await {
                self.progress.failed(reason);
            } else if let Err(reason) = self.round(&mut moves).await {
                self.progress.failed(reason);
            }
            let pause = Duration::from_millis(if self.progress.left() > 0 { 50 } else { 1_000 });
            let news = async {
                let _ = timeout(pause, self.store.changes(self.snapshot.revision)).await;
                sleep(Duration::from_millis(GATHER_MS)).await;
            };
            tokio::select! {
                _ = stop.changed() => {}
                Some(ended) = moves.join_next() => self.reap(ended),
                () = news => {}
            }
            while let Some(ended) = moves.try_join_next() {
                self.reap(ended);
            }
        }
    }

    fn reap(&mut self, ended: Result<(u64, Outcome), tokio::task::JoinError>) {
        // A move never panics; if one did, its segment is found moving in the store and resumed.
        let Ok((id, outcome)) = ended else {
            self.running.clear();
            return;
        };
        self.running.remove(&id);
        if !matches!(outcome, Outcome::Moved { .. }) {
            let rest = Duration::from_millis(self.limits.retry_ms);
            self.resting.insert(id, Instant::now() + rest);
        }
    }

    /// Brings the snapshot, the target and the nodes up to date.
    async fn refresh(&mut self) -> Result<(), String> {
        if self.snapshot.revision == 0 {
            self.snapshot = self.store.read().await.map_err(|error| error.to_string())?;
        } else {
            let changes =
                timeout(Duration::from_millis(1), self.store.changes(self.snapshot.revision));
            match changes.await {
                Ok(Ok(changes)) => self.snapshot.apply(changes),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Ok(()),
            }
        }
        let newest =
            self.snapshot.records.iter().rev().find_map(|(key, (_, record))| match (key, record) {
                (RecordKey::Config(number), Record::Config(config)) => Some((*number, config)),
                _ => None,
            });
        if let Some((number, config)) = newest
            && self.target.as_ref().is_none_or(|(known, _)| *known != number)
        {
            let name = format!("cfg/{number}");
            let file =
                ClusterFile::parse(&config.toml, &name).map_err(|error| error.to_string())?;
            self.target = Some((number, file.table().map_err(|error| error.to_string())?));
            self.accepts_loss = config.accept_loss;
        }
        let nodes =
            self.snapshot.records.iter().filter_map(|(key, (_, record))| match (key, record) {
                (RecordKey::Node(name), Record::Node(node)) => Some((name.clone(), node.clone())),
                _ => None,
            });
        self.nodes = Arc::new(nodes.collect());
        Ok(())
    }

    /// Begins what can be begun now.
    async fn round(&mut self, moves: &mut JoinSet<(u64, Outcome)>) -> Result<(), String> {
        let paused = self.snapshot.records.contains_key(&RecordKey::Paused);
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        let Some((mut segments, mut todo)) = self.todo()? else { return Ok(()) };
        self.progress.set_left(todo.len());
        if !paused && self.split_all(&todo).await? {
            let Some(now) = self.todo()? else { return Ok(()) };
            (segments, todo) = now;
            self.progress.set_left(todo.len());
        }
        if todo.is_empty() && self.running.is_empty() {
            self.resting.clear();
            self.forget_gone_nodes(&segments).await;
            return self.merge(&segments).await;
        }
        for step in todo {
            if self.running.len() >= self.limits.moves_max {
                break;
            }
            let (Step::Split { id, .. }
            | Step::Reassign { id, .. }
            | Step::Move { id, .. }
            | Step::Resume { id }) = step;
            if self.running.contains_key(&id) || self.resting.contains_key(&id) {
                continue;
            }
            let Some(segment) = driver::find(&self.snapshot, id) else { continue };
            match step {
                // What was begun is ended even while an operator holds new moves back.
                Step::Resume { .. } => self.resume(segment, moves),
                _ if paused => {}
                // Its transaction was in conflict, or was cut short: the next round goes on.
                Step::Split { .. } => {}
                Step::Reassign { to, .. } => {
                    let owner = segment.record.owner.clone();
                    let level = self.nodes.get(&owner).and_then(NodeRecord::known_level);
                    // A node that claims nothing may have served a born segment all the time.
                    if level.is_some_and(|level| level < LEVEL_MOVES) {
                        self.give_up_keys(&segment, &to, &owner).await?;
                    } else {
                        self.reassign(&segment, &to).await?;
                    }
                }
                Step::Move { to, .. } => self.begin(segment, &to, moves).await?,
            }
        }
        Ok(())
    }

    /// The segments, and what is to be done to them.
    fn todo(&self) -> Result<Option<(SegmentTable, Vec<Step>)>, String> {
        let Some((_, target)) = &self.target else { return Ok(None) };
        let Some(position_max) = target.position_max() else { return Ok(None) };
        let segments = SegmentTable::new(&self.snapshot, position_max)?;
        let todo = steps(&segments, target)?;
        Ok(Some((segments, todo)))
    }

    /// Makes all splits, in as few transactions as they fit in: every commit wakes every node.
    /// Whether there were any.
    async fn split_all(&mut self, todo: &[Step]) -> Result<bool, String> {
        let mut next_id = self.next_id();
        let mut joined: Vec<Transaction> = Vec::new();
        for step in todo {
            let Step::Split { id, at } = step else { continue };
            if self.running.contains_key(id) || self.resting.contains_key(id) {
                continue;
            }
            let segment = driver::find(&self.snapshot, *id);
            let Some(one) = segment.and_then(|segment| split(&segment, at, next_id)) else {
                continue;
            };
            next_id += one.writes.len() as u64;
            match joined.last_mut() {
                Some(last) if last.writes.len() + one.writes.len() <= WRITES_MAX => {
                    last.expect.extend(one.expect);
                    last.writes.extend(one.writes);
                }
                _ => joined.push(one),
            }
        }
        let any = !joined.is_empty();
        for transaction in joined {
            self.commit(transaction).await?;
        }
        Ok(any)
    }

    fn resume(&mut self, segment: StoredSegment, moves: &mut JoinSet<(u64, Outcome)>) {
        let level = self.nodes.get(&segment.record.owner).and_then(NodeRecord::known_level);
        let Some(mut moving) = Move::resume(segment, self.limits.each) else { return };
        if level.is_some_and(|level| level < LEVEL_LOGS) {
            moving = moving.with_freeze_first();
        }
        self.progress.count(|totals| totals.resumed += 1);
        self.spawn(moving, moves);
    }

    async fn begin(
        &mut self,
        segment: StoredSegment,
        to: &str,
        moves: &mut JoinSet<(u64, Outcome)>,
    ) -> Result<(), String> {
        let from = segment.record.owner.clone();
        if [&*from, to].iter().any(|node| self.moves_of(node) >= self.limits.node_moves_max) {
            return Ok(());
        }
        let id = segment.id;
        for node in [&*from, to] {
            let level = self.nodes.get(node).and_then(NodeRecord::known_level);
            if level.is_some_and(|level| level < LEVEL_MOVES) {
                return self.give_up_keys(&segment, to, node).await;
            }
        }
        let Some(incarnation) = self.incarnation_of(to).await? else {
            self.rest(id, format!("{to} can't be reached, or is not the node it was"));
            return Ok(());
        };
        // A large segment is cut first, so that no pause and no repetition is large.
        let Some(source) = self.nodes.get(&from).cloned() else {
            self.rest(id, format!("no control address is known of {from}"));
            return Ok(());
        };
        let span = (segment.record.lo, segment.record.hi);
        let (rows_max, bytes_max) = (self.limits.segment_rows_max, self.limits.segment_bytes_max);
        let measured = self.control.measure(&source.control, span, rows_max, bytes_max).await;
        match measured {
            Ok(status) if status.level < LEVEL_MOVES => {
                return self.give_up_keys(&segment, to, &from).await;
            }
            Ok(status) if status.cuts.is_empty() => {
                self.note_level(&from, status.level).await?;
                let moving = Move::new(segment, to, incarnation, self.limits.each);
                let logs = status.level >= LEVEL_LOGS;
                let moving = moving.map(|m| if logs { m } else { m.with_freeze_first() });
                if let Some(moving) = moving {
                    self.spawn(moving, moves);
                }
                Ok(())
            }
            Ok(status) => self.commit_split(&segment, &status.cuts).await,
            Err(failure) => {
                self.rest(id, failure.to_string());
                Ok(())
            }
        }
    }

    /// Leaves a segment alone for a while, and says why.
    fn rest(&mut self, id: u64, reason: String) {
        self.resting.insert(id, Instant::now() + Duration::from_millis(self.limits.retry_ms));
        self.progress.failed(reason);
    }

    /// Gives a segment to `to` without its rows, which `who` can't hand over or take, if an operator
    /// has accepted that; else leaves it where it is.
    async fn give_up_keys(
        &mut self,
        segment: &StoredSegment,
        to: &str,
        who: &str,
    ) -> Result<(), String> {
        if self.accepts_loss {
            return self.reassign(segment, to).await;
        }
        let from = &segment.record.owner;
        self.rest(
            segment.id,
            format!(
                "keys stay on {from}, as {who} is a node whose keys do not move; \
             `ringway node check` says what it lacks, --accept-loss gives the keys up"
            ),
        );
        Ok(())
    }

    /// Remembers the level of a node that was asked for it: a takeover has to know.
    async fn note_level(&mut self, node: &str, level: u8) -> Result<(), String> {
        let Some(record) = self.nodes.get(node).cloned() else { return Ok(()) };
        let key = RecordKey::Node(node.into());
        let Some((revision, _)) = self.snapshot.records.get(&key) else { return Ok(()) };
        if record.level == Some(level) {
            return Ok(());
        }
        let known = NodeRecord { level: Some(level), ..record };
        self.commit(Transaction::replace(key, *revision, Record::Node(known))).await
    }

    fn spawn(&mut self, moving: Move, moves: &mut JoinSet<(u64, Outcome)>) {
        let id = moving.segment().id;
        let (from, to) = moving.nodes();
        self.running.insert(id, [from.into(), to.into()]);
        let driver = Driver {
            store: Arc::clone(&self.store),
            control: Arc::clone(&self.control),
            progress: Arc::clone(&self.progress),
            limits: self.limits,
            throttle: Arc::clone(&self.throttle),
            pauses: Arc::clone(&self.pauses),
            nodes: Arc::clone(&self.nodes),
            started: self.started,
        };
        moves.spawn(async move { (id, driver.run(moving).await) });
    }

    fn moves_of(&self, node: &str) -> usize {
        self.running.values().filter(|nodes| nodes.iter().any(|name| name == node)).count()
    }

    /// The incarnation that a destination must have: the recorded one, if the node still has it.
    async fn incarnation_of(
        &mut self,
        node: &str,
    ) -> Result<Option<ringway_cluster::Incarnation>, String> {
        let Some(record) = self.nodes.get(node).cloned() else { return Ok(None) };
        if let Some(incarnation) = record.incarnation {
            return Ok(Some(incarnation));
        }
        let Ok(status) = self.control.status(&record.control).await else { return Ok(None) };
        if status.name != node {
            return Err(format!("{} says that it is {}, not {node}", record.control, status.name));
        }
        let key = RecordKey::Node(node.into());
        let Some((revision, _)) = self.snapshot.records.get(&key) else { return Ok(None) };
        let known = NodeRecord {
            incarnation: Some(status.incarnation),
            level: Some(status.level),
            ..record
        };
        self.commit(Transaction::replace(key, *revision, Record::Node(known))).await?;
        Ok(Some(status.incarnation))
    }

    async fn commit_split(&mut self, segment: &StoredSegment, at: &[u64]) -> Result<(), String> {
        match split(segment, at, self.next_id()) {
            Some(transaction) => self.commit(transaction).await,
            None => Ok(()),
        }
    }

    async fn reassign(&mut self, segment: &StoredSegment, to: &str) -> Result<(), String> {
        let record = SegmentRecord {
            owner: to.into(),
            incarnation: None,
            epoch: segment.record.epoch.saturating_add(1),
            phase: Phase::Born,
            ..segment.record.clone()
        };
        self.progress.count(|totals| totals.reassigned += 1);
        self.commit(segment.replace(record)).await
    }

    async fn merge(&mut self, segments: &SegmentTable) -> Result<(), String> {
        for transaction in merges(segments, self.next_id()) {
            self.commit(transaction).await?;
        }
        Ok(())
    }

    /// Forgets where nodes were that own nothing and are in the configuration no more.
    async fn forget_gone_nodes(&mut self, segments: &SegmentTable) {
        let Some((_, target)) = &self.target else { return };
        let mut needed: BTreeSet<String> =
            target.nodes().map(|node| String::from_utf8_lossy(node.name()).into_owned()).collect();
        needed.extend(segments.iter().map(|segment| segment.record.owner.clone()));
        let gone: Vec<String> =
            self.nodes.keys().filter(|name| !needed.contains(*name)).cloned().collect();
        for name in gone {
            let key = RecordKey::Node(name);
            let Some((revision, _)) = self.snapshot.records.get(&key) else { continue };
            let expect = vec![(key.clone(), Some(*revision))];
            // Kept a little longer if somebody else wrote it just now.
            let _ = self.commit(Transaction { expect, writes: vec![(key, None)] }).await;
        }
    }

    /// Commits, and takes what was written into the snapshot. A conflict is no fault: the next
    /// round sees what somebody else wrote.
    async fn commit(&mut self, transaction: Transaction) -> Result<(), String> {
        use ringway_cluster::CommitError;
        match self.store.commit(transaction).await {
            Ok(_) | Err(CommitError::Conflict(_)) => self.refresh().await,
            Err(error) => Err(error.to_string()),
        }
    }

    fn next_id(&self) -> u64 {
        let newest = self.snapshot.records.keys().filter_map(|key| match key {
            RecordKey::Segment(id) => Some(*id),
            _ => None,
        });
        newest.max().map_or(1, |id| id + 1)
    }
}
