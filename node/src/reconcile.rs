//! Brings what the node knows in line with the store (spec/NODE.md §6).
//!
//! Two tasks apply records; both go through the writer, whose rules make order and repetition
//! harmless. *Asks* come from requests and calls whose epoch is above the one here: all that wait
//! share one read, and it begins after the last of them came. The *feed* follows the store's
//! changes, and every second looks after what must not stay as it is: frozen, sealed and claimed
//! ranges, moves that nobody finishes, rows that have a new owner.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use ringway_cluster::{
    CallError, CommitError, Holding, Holdings, Phase, Reconciled, Revision, SegmentRecord,
    Standing, StoredSegment,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{Reporter, engine::Engine, map::MapReader, metrics::Metrics, rows::Failure};

/// A read or write of the store that takes longer has failed.
const STORE_MS_MAX: u64 = 5_000;
/// A change feed that is silent for longer is asked anew.
const FEED_MS_MAX: u64 = 40_000;
/// All segments are read again after this, whatever the feed says.
const REREAD_MS: u64 = 60_000;
const TICK_MS: u64 = 1_000;
const ASKS_MAX: usize = 1_024;
/// At most this many segments are claimed together, and this many compare-and-swaps run at once.
const CLAIMS_MAX: usize = 64;
const SWAPS_MAX: usize = 16;
/// A committed move to this node that nobody finishes for this long, it finishes itself.
const FINISH_MS: u64 = 3_000;
/// Rows deleted in one transaction, so that the writer is never held for long.
const DROP_ROWS_MAX: u64 = 2_000;

/// A record that was read, and what it meant here.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) record: SegmentRecord,
    pub(crate) outcome: Reconciled,
}

struct Ask {
    lo: u64,
    hi: u64,
    answer: oneshot::Sender<Result<Arc<Vec<Found>>, String>>,
}

/// Asks for ranges to be brought in line.
#[derive(Clone, Debug)]
pub(crate) struct Reconciler {
    asks: mpsc::Sender<Ask>,
}

impl Reconciler {
    /// Starts the tasks; they end when `tasks` is dropped.
    pub(crate) fn start<M: MapReader>(applier: Applier<M>, tasks: &mut JoinSet<()>) -> Self {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let applier = Arc::new(applier);
        tasks.spawn(answer(Arc::clone(&applier), asks));
        tasks.spawn(follow(applier));
        Self { asks: sender }
    }

    /// Reads the segments that overlap `[lo, hi]` and applies them.
    ///
    /// # Errors
    /// As a text, if the store can't be read or the disk fails.
    pub(crate) async fn ask(&self, lo: u64, hi: u64) -> Result<Arc<Vec<Found>>, String> {
        let (answer, answered) = oneshot::channel();
        let stops = || "the node stops".to_string();
        self.asks.send(Ask { lo, hi, answer }).await.map_err(|_| stops())?;
        answered.await.unwrap_or_else(|_| Err(stops()))
    }
}

/// Serves asks: all that wait share one read of the store.
async fn answer<M: MapReader>(applier: Arc<Applier<M>>, mut asks: mpsc::Receiver<Ask>) {
    while let Some(first) = asks.recv().await {
        let mut waiting = vec![first];
        while let Ok(ask) = asks.try_recv() {
            waiting.push(ask);
        }
        let lo = waiting.iter().map(|ask| ask.lo).min().unwrap_or(0);
        let hi = waiting.iter().map(|ask| ask.hi).max().unwrap_or(0);
        let asked = |segment: &StoredSegment| {
            let SegmentRecord { lo, hi, .. } = segment.record;
            waiting.iter().any(|ask| ask.lo <= hi && lo <= ask.hi)
        };
        let found = match applier.segments(lo, hi).await {
            Ok(mut segments) => {
                segments.retain(asked);
                applier.apply(&segments).await.map(Arc::new)
            }
            Err(error) => Err(error),
        };
        for ask in waiting {
            // Whoever asked may have gone away.
            let _ = ask.answer.send(found.clone());
        }
    }
}

/// Applies records of the store.
pub(crate) struct Applier<M> {
    pub(crate) engine: Engine,
    pub(crate) map: Arc<M>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) report: Reporter,
    /// After so long frozen, the node aborts the move itself.
    pub(crate) frozen_ms_max: u64,
}

impl<M: MapReader> Applier<M> {
    async fn swap(
        &self,
        segment: &StoredSegment,
        record: SegmentRecord,
    ) -> Result<Revision, CommitError> {
        swap(self.map.as_ref(), &self.engine, segment, record).await
    }

    async fn segments(&self, lo: u64, hi: u64) -> Result<Vec<StoredSegment>, String> {
        self.metrics.store_reads.add();
        let read =
            tokio::time::timeout(Duration::from_millis(STORE_MS_MAX), self.map.segments(lo, hi));
        let error = match read.await {
            Ok(Ok(segments)) => return Ok(segments),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the store gave no answer for {STORE_MS_MAX} ms"),
        };
        self.metrics.store_errors.add();
        Err(error)
    }

    /// Applies `segments`, claims born ones, and says what each meant.
    async fn apply(&self, segments: &[StoredSegment]) -> Result<Vec<Found>, String> {
        let mut found = Vec::with_capacity(segments.len());
        for segments in segments.chunks(CLAIMS_MAX) {
            let outcomes = self.reconcile(segments).await?;
            let mut claims = JoinSet::new();
            let mut queue = Vec::new();
            for (segment, outcome) in segments.iter().zip(outcomes) {
                if outcome == Reconciled::Claim {
                    queue.push(segment.clone());
                } else {
                    found.push(Found { record: segment.record.clone(), outcome });
                }
            }
            let mut claimed: Vec<StoredSegment> = Vec::new();
            while !queue.is_empty() || !claims.is_empty() {
                while claims.len() < SWAPS_MAX
                    && let Some(segment) = queue.pop()
                {
                    let (engine, map) = (self.engine.clone(), Arc::clone(&self.map));
                    claims.spawn(async move {
                        let record = SegmentRecord {
                            phase: Phase::Idle,
                            incarnation: Some(engine.holdings().incarnation()),
                            ..segment.record.clone()
                        };
                        let outcome = swap(map.as_ref(), &engine, &segment, record.clone()).await;
                        (segment, record, outcome)
                    });
                }
                let Some(Ok((segment, record, outcome))) = claims.join_next().await else {
                    continue;
                };
                match outcome {
                    Ok(revision) => claimed.push(StoredSegment { record, revision, ..segment }),
                    // Someone else wrote it, or perhaps this did: see what it says now.
                    Err(CommitError::Conflict(_) | CommitError::Unknown(_)) => {
                        let SegmentRecord { lo, hi, .. } = segment.record;
                        claimed.extend(self.segments(lo, hi).await?);
                    }
                    Err(error) => {
                        self.metrics.store_errors.add();
                        return Err(error.to_string());
                    }
                }
            }
            let outcomes = self.reconcile(&claimed).await?;
            let records = claimed.into_iter().map(|segment| segment.record);
            found.extend(records.zip(outcomes).map(|(record, outcome)| Found { record, outcome }));
        }
        self.note(&found);
        Ok(found)
    }

    /// One transaction for all of them: reconciles, and writes the claims of born ones.
    async fn reconcile(&self, segments: &[StoredSegment]) -> Result<Vec<Reconciled>, String> {
        if segments.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<SegmentRecord> =
            segments.iter().map(|segment| segment.record.clone()).collect();
        let reconcile = move |all: &mut Holdings, tx: &mut crate::rows::Tx<'_>| {
            let one = |record: &SegmentRecord| {
                let outcome = all.reconcile(record, tx)?;
                if outcome == Reconciled::Claim {
                    match all.claim(record, tx) {
                        Ok(()) => {}
                        Err(CallError::Refused(_)) => return Ok(Reconciled::Unclear),
                        Err(CallError::Rows(failure)) => return Err(failure),
                    }
                }
                Ok(outcome)
            };
            records.iter().map(one).collect::<Result<Vec<_>, Failure>>()
        };
        self.engine.write(0, reconcile).await.map_err(|failure| failure.to_string())
    }

    /// Counts and tells what an operator should know of.
    fn note(&self, found: &[Found]) {
        for Found { record, outcome } in found {
            let is_mismatch = *outcome == Reconciled::IncarnationMismatch;
            let changed = self.metrics.mismatch(record.lo, is_mismatch);
            match outcome {
                Reconciled::IncarnationMismatch if changed => (self.report)(&format!(
                    "[{}, {}] refused: {}",
                    record.lo,
                    record.hi,
                    mismatch_text(&record.owner)
                )),
                Reconciled::Unclear => self.metrics.unclear.add(),
                Reconciled::StoreBehind => self.metrics.store_behind.add(),
                _ => {}
            }
        }
    }
}

/// What an operator reads when a known node comes back with another data directory.
pub(crate) fn mismatch_text(name: &str) -> String {
    format!(
        "the map expects the data directory that node {name} had before, with another \
         incarnation; bring that back, or accept the loss of its rows: \
         ringway nodes forget {name} --accept-loss"
    )
}

async fn swap<M: MapReader>(
    map: &M,
    engine: &Engine,
    segment: &StoredSegment,
    record: SegmentRecord,
) -> Result<Revision, CommitError> {
    let holdings = engine.holdings();
    let swap = map.replace(segment, record, holdings.name(), holdings.incarnation());
    match tokio::time::timeout(Duration::from_millis(STORE_MS_MAX), swap).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CommitError::Unknown(format!("no answer for {STORE_MS_MAX} ms"))),
    }
}

/// Follows the store, and every second looks after what must not stay as it is.
async fn follow<M: MapReader>(applier: Arc<Applier<M>>) {
    let (sender, mut news) = mpsc::channel(1);
    let map = Arc::clone(&applier.map);
    let metrics = Arc::clone(&applier.metrics);
    let mut watching = JoinSet::new();
    watching.spawn(watch(map, metrics, sender));
    let mut keeper = Keeper { applier, segments: BTreeMap::new(), since: HashMap::new() };
    let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            some = news.recv() => match some {
                Some(news) => keeper.learn(news).await,
                None => return,
            },
            _ = tick.tick() => keeper.look_after().await,
        }
    }
}

/// What the store said.
struct News {
    /// Whether segments that are not among the changed are gone.
    whole: bool,
    changed: Vec<(u64, Option<StoredSegment>)>,
}

/// Reads all segments, then the changes; after an error, and now and then, all again.
async fn watch<M: MapReader>(map: Arc<M>, metrics: Arc<Metrics>, news: mpsc::Sender<News>) {
    let mut known: Option<(Revision, Instant)> = None;
    loop {
        let reread = Duration::from_millis(REREAD_MS);
        let read = async {
            match known.filter(|(_, read)| read.elapsed() < reread) {
                Some((after, read)) => map.changes(after).await.map(|feed| {
                    let said = News { whole: feed.whole, changed: feed.changed };
                    (said, (feed.revision, read))
                }),
                None => map.all().await.map(|(revision, segments)| {
                    let changed = segments.into_iter().map(|s| (s.id, Some(s))).collect();
                    (News { whole: true, changed }, (revision, Instant::now()))
                }),
            }
        };
        match tokio::time::timeout(Duration::from_millis(FEED_MS_MAX), read).await {
            Ok(Ok((said, now))) => {
                known = Some(now);
                if news.send(said).await.is_err() {
                    return;
                }
            }
            _ => {
                known = None;
                metrics.store_errors.add();
                tokio::time::sleep(Duration::from_millis(TICK_MS / 2)).await;
            }
        }
    }
}

/// Keeps ranges from staying frozen, sealed, claimed, unfinished or full of old rows.
struct Keeper<M> {
    applier: Arc<Applier<M>>,
    /// The segments as the store last told.
    segments: BTreeMap<u64, StoredSegment>,
    /// When a frozen or unfinished range was first seen so, by first position and epoch.
    since: HashMap<(u64, u64), Instant>,
}

impl<M: MapReader> Keeper<M> {
    async fn learn(&mut self, news: News) {
        if news.whole {
            self.segments.clear();
        }
        let mut changed = Vec::new();
        for (id, segment) in news.changed {
            self.segments.remove(&id);
            if let Some(segment) = segment {
                self.segments.insert(id, segment.clone());
                changed.push(segment);
            }
        }
        if let Err(error) = self.applier.apply(&changed).await {
            (self.applier.report)(&format!("a change of the map was not applied: {error}"));
        }
    }

    async fn look_after(&mut self) {
        let holdings = self.applier.engine.holdings();
        let restless: Vec<&Holding> = holdings.iter().filter(|h| is_restless(h)).collect();
        if let (Some(first), Some(last)) = (restless.first(), restless.last()) {
            match self.applier.segments(first.lo, last.hi).await {
                Ok(mut segments) => {
                    segments.retain(|segment| {
                        let SegmentRecord { lo, hi, .. } = segment.record;
                        restless.iter().any(|h| h.lo <= hi && lo <= h.hi)
                    });
                    if self.applier.apply(&segments).await.is_ok() {
                        self.abort_overdue(&segments).await;
                    }
                }
                Err(error) => {
                    (self.applier.report)(&format!("ranges wait for the store to decide: {error}"));
                }
            }
        }
        self.finish_own().await;
        self.drop_garbage().await;
        self.since.retain(|(lo, epoch), _| {
            holdings.find(*lo).is_some_and(|h| h.lo == *lo && h.epoch == *epoch)
        });
    }

    /// Aborts moves whose coordinator left a range frozen.
    async fn abort_overdue(&mut self, segments: &[StoredSegment]) {
        let holdings = self.applier.engine.holdings();
        let frozen = |holding: &&Holding| holding.standing == Standing::Frozen;
        let now = Instant::now();
        for holding in holdings.iter().filter(frozen) {
            let begun = *self.since.entry((holding.lo, holding.epoch)).or_insert(now);
            let waited = now.duration_since(begun);
            if waited < Duration::from_millis(self.applier.frozen_ms_max) {
                continue;
            }
            let overdue = segments.iter().find(|segment| {
                let SegmentRecord { lo, hi, epoch, .. } = segment.record;
                lo == holding.lo
                    && hi == holding.hi
                    && epoch == holding.epoch
                    && matches!(segment.record.phase, Phase::Moving { .. })
            });
            let Some(segment) = overdue else { continue };
            let record = SegmentRecord {
                phase: Phase::Idle,
                epoch: segment.record.epoch + 1,
                ..segment.record.clone()
            };
            if let Ok(revision) = self.applier.swap(segment, record.clone()).await {
                (self.applier.report)(&format!(
                    "[{}, {}] was frozen for {} ms: the move is aborted",
                    record.lo,
                    record.hi,
                    waited.as_millis()
                ));
                self.applier.metrics.aborts.add();
                let aborted = StoredSegment { id: segment.id, revision, record };
                let _ = self.applier.apply(&[aborted]).await;
            }
        }
    }

    /// Ends moves to this node that are committed and activated, if nobody else does.
    async fn finish_own(&mut self) {
        let holdings = self.applier.engine.holdings();
        let now = Instant::now();
        let mine: Vec<StoredSegment> = self
            .segments
            .values()
            .filter(|segment| {
                let SegmentRecord { lo, hi, epoch, .. } = segment.record;
                segment.record.owner == holdings.name()
                    && segment.record.phase == Phase::Done
                    && covers(&holdings, lo, hi, |h| {
                        h.epoch == epoch && h.standing == Standing::Owned
                    })
            })
            .cloned()
            .collect();
        for segment in mine {
            let key = (segment.record.lo, segment.record.epoch);
            let begun = *self.since.entry(key).or_insert(now);
            if now.duration_since(begun) >= Duration::from_millis(FINISH_MS) {
                let record = SegmentRecord { phase: Phase::Idle, ..segment.record.clone() };
                // If it is lost, the feed tells who won.
                let _ = self.applier.swap(&segment, record).await;
                self.since.remove(&key);
            }
        }
    }

    /// Deletes rows that have a new owner.
    async fn drop_garbage(&self) {
        let holdings = self.applier.engine.holdings();
        let garbage = |holding: &Holding| holding.standing == Standing::Foreign { garbage: true };
        if !holdings.iter().any(garbage) {
            return;
        }
        for segment in self.segments.values() {
            let SegmentRecord { lo, hi, .. } = segment.record;
            let has_garbage = holdings.iter().any(|h| garbage(h) && h.lo <= hi && lo <= h.hi);
            if has_garbage && may_drop(&holdings, &segment.record) {
                // If not now, then a second later.
                let _ = drop_rows(&self.applier.engine, &segment.record).await;
            }
        }
    }
}

/// Whether only the store can say what becomes of it.
const fn is_restless(holding: &Holding) -> bool {
    matches!(holding.standing, Standing::Frozen | Standing::Sealed { .. })
        || holding.claim.is_some()
}

/// Whether holdings cover all of `[lo, hi]`, and each fits.
fn covers(holdings: &Holdings, lo: u64, hi: u64, fits: impl Fn(&Holding) -> bool) -> bool {
    let mut position = lo;
    loop {
        match holdings.find(position) {
            Some(holding) if !fits(holding) => return false,
            Some(holding) if holding.hi >= hi => return true,
            Some(holding) => position = holding.hi + 1,
            None => return false,
        }
    }
}

/// Whether [`Holdings::drop_rows`] would delete rows for `record`.
fn may_drop(holdings: &Holdings, record: &SegmentRecord) -> bool {
    let foreign = |holding: &Holding| {
        holding.epoch == record.epoch && matches!(holding.standing, Standing::Foreign { .. })
    };
    record.owner != holdings.name()
        && record.phase != Phase::Done
        && covers(holdings, record.lo, record.hi, foreign)
}

/// Deletes the rows of `record`'s range, a few in each transaction.
///
/// # Errors
/// As [`Holdings::drop_rows`].
pub(crate) async fn drop_rows(
    engine: &Engine,
    record: &SegmentRecord,
) -> Result<(), CallError<Failure>> {
    loop {
        let some = record.clone();
        let dropped = engine
            .write(0, move |all, tx| {
                let mut some_deleted = 0;
                if may_drop(all, &some) {
                    some_deleted = tx.rows.delete_some(some.lo, some.hi, DROP_ROWS_MAX)?;
                }
                if some_deleted == DROP_ROWS_MAX {
                    return Ok(None);
                }
                match all.drop_rows(&some, tx) {
                    Err(CallError::Rows(failure)) => Err(failure),
                    outcome => Ok(Some(outcome)),
                }
            })
            .await
            .map_err(CallError::Rows)?;
        if let Some(outcome) = dropped {
            return outcome;
        }
    }
}
