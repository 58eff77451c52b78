//! Follows the store, and looks after what must not stay as it is.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use ringway_cluster::{
    CallError, Holding, Holdings, Phase, Revision, SegmentRecord, Standing, StoredSegment,
};
use tokio::{sync::mpsc, task::JoinSet};

use super::Applier;
use crate::{engine::Engine, map::MapReader, metrics::Metrics, rows::Failure};

/// A change feed that is silent for longer is asked anew.
const FEED_MS_MAX: u64 = 40_000;
/// All segments are read again after this, whatever the feed says.
const REREAD_MS: u64 = 60_000;
const TICK_MS: u64 = 1_000;
/// What changes within this time of an answer is asked for together: while ranges move, every node
/// would else make a call and a transaction for each step of each move. What a request or call
/// needs to know is read at once, whatever the feed has said.
const GATHER_MS: u64 = 20;
/// A committed move to this node that nobody finishes for this long, it finishes itself.
const FINISH_MS: u64 = 3_000;
/// Rows deleted in one transaction, so that the writer is never held for long.
const DROP_ROWS_MAX: u64 = 2_000;

/// Follows the store, and every second looks after what must not stay as it is.
pub(super) async fn follow<M: MapReader>(applier: Arc<Applier<M>>) {
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
                tokio::time::sleep(Duration::from_millis(GATHER_MS)).await;
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
        let holdings = self.applier.engine.holdings();
        let mut changed = Vec::new();
        for (id, segment) in news.changed {
            self.segments.remove(&id);
            if let Some(segment) = segment {
                if news.whole || concerns(&holdings, &segment.record) {
                    changed.push(segment.clone());
                }
                self.segments.insert(id, segment);
            }
        }
        // Who still looks at them makes the writer copy all of them.
        drop(holdings);
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

/// Whether a record says more than that a range, of which nothing is here, is still another node's.
///
/// Each step of each move is told to every node, and most are others': a node that applied those
/// would write to its disk for all of them. They come with the next reading of all segments, and a
/// request or call that needs one sooner has it read.
fn concerns(holdings: &Holdings, record: &SegmentRecord) -> bool {
    let is_to = matches!(&record.phase, Phase::Moving { to, .. } if to == holdings.name());
    let is_others = |holding: &Holding| {
        holding.standing == Standing::Foreign { garbage: false } && holding.claim.is_none()
    };
    is_to || record.owner == holdings.name() || !covers(holdings, record.lo, record.hi, is_others)
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

#[cfg(test)]
mod tests {
    use ringway_cluster::Incarnation;

    use super::*;

    fn holding(lo: u64, hi: u64, standing: Standing, claim: Option<u64>) -> Holding {
        let (epoch, attempt, sequence) = (3, 0, 0);
        Holding {
            lo,
            hi,
            epoch,
            attempt,
            standing,
            claim,
            sequence,
            tally: None,
            logged_since: None,
        }
    }

    #[test]
    fn only_what_stays_others_is_no_news() {
        let mine = Incarnation::from_bits(1);
        let foreign = Standing::Foreign { garbage: false };
        let holdings = Holdings::new(
            "a".into(),
            mine,
            [
                holding(0, 9, foreign, None),
                holding(10, 19, foreign, None),
                holding(20, 29, Standing::Foreign { garbage: true }, None),
                holding(30, 39, Standing::Staging { attempt: 1 }, None),
                holding(40, 49, Standing::Owned, None),
                holding(50, 59, foreign, Some(4)),
            ],
        );
        let moving = |to: &str| Phase::Moving { to: to.into(), to_incarnation: mine };
        let news = |lo, hi, owner: &str, phase| {
            let (owner, incarnation) = (owner.into(), Some(mine));
            let record = SegmentRecord { lo, hi, owner, incarnation, epoch: 4, attempt: 0, phase };
            concerns(&holdings, &record)
        };
        for phase in [Phase::Born, Phase::Idle, moving("c"), Phase::Done] {
            assert!(!news(0, 9, "b", phase.clone()), "{phase:?}");
            assert!(!news(3, 14, "b", phase.clone()), "{phase:?}");
            assert!(news(0, 9, "a", phase.clone()), "{phase:?}");
            // Garbage, a stage, what is owned, a claim, and what was never heard of.
            for (lo, hi) in [(20, 29), (15, 20), (30, 39), (40, 49), (50, 59), (55, 60), (70, 80)] {
                assert!(news(lo, hi, "b", phase.clone()), "[{lo}, {hi}] {phase:?}");
            }
        }
        assert!(news(0, 9, "b", moving("a")));
    }
}
