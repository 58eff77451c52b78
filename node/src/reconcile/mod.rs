//! Brings what the node knows in line with the store (spec/NODE.md §6).
//!
//! Two tasks apply records; both go through the writer, whose rules make order and repetition
//! harmless. *Asks* come from requests and calls whose epoch is above the one here: all that wait
//! share one read, and it begins after the last of them came. The *feed* follows the store's
//! changes, and every second looks after what must not stay as it is: frozen, sealed and claimed
//! ranges, moves that nobody finishes, rows that have a new owner.

mod keeper;

use std::{sync::Arc, time::Duration};

use ringway_cluster::{
    CallError, CommitError, Holdings, Phase, Reconciled, Revision, SegmentRecord, StoredSegment,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

pub(crate) use self::keeper::drop_rows;
use crate::{Reporter, engine::Engine, map::MapReader, metrics::Metrics, rows::Failure};

/// A read or write of the store that takes longer has failed.
const STORE_MS_MAX: u64 = 5_000;
const ASKS_MAX: usize = 1_024;
/// At most this many segments are claimed together, and this many compare-and-swaps run at once.
const CLAIMS_MAX: usize = 64;
const SWAPS_MAX: usize = 16;

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
        tasks.spawn(keeper::follow(applier));
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
        self.engine.write_first(reconcile).await.map_err(|failure| failure.to_string())
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
