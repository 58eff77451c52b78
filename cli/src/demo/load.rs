//! The traffic of the demo: the loading, and the reads and writes that go on while nodes change.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::task::JoinSet;

use super::{
    ask::{self, Failed},
    history::{self, Found, History},
    records::{Record, VALUE_BYTES_MAX},
    tally::Tally,
};
use crate::{
    failure::Failure,
    http::{Answer, Connection, Limits, Origin},
};

/// Connections that load and read back.
const BULK_CONNECTIONS: usize = 8;
const READERS: usize = 4;
const WRITERS: usize = 2;
/// Every other read is of one of so many keys that were written last.
const WRITTEN: usize = 64;
/// Between two requests of one connection, so that two cores are left for the moves too.
const THINK_MS: u64 = 1;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) records: Vec<Record>,
    proxy: Origin,
    histories: Mutex<Vec<History>>,
    tally: Mutex<Tally>,
    /// Keys that were written not long ago, where a stale value would be found.
    written: [AtomicUsize; WRITTEN],
    is_stopped: AtomicBool,
}

impl Traffic {
    pub(super) fn new(records: Vec<Record>, proxy: Origin) -> Arc<Self> {
        Arc::new(Self {
            histories: Mutex::new(vec![History::default(); records.len()]),
            records,
            proxy,
            tally: Mutex::default(),
            written: std::array::from_fn(|_| AtomicUsize::new(0)),
            is_stopped: AtomicBool::new(false),
        })
    }

    /// What has been counted so far.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        // A poisoned lock holds counts that are at worst one short.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn histories(&self) -> MutexGuard<'_, Vec<History>> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Connection {
        let longest = self.records.iter().map(value_bytes_max).max().unwrap_or(0);
        let limits = Limits { exchange_ms_max: 30_000, answer_bytes_max: longest.max(65_536) };
        Connection::new(self.proxy.clone(), limits)
    }

    /// How many connections the traffic has.
    pub(super) const fn connections() -> usize {
        READERS + WRITERS
    }

    /// Writes every record once, reporting how many are written.
    pub(super) async fn load(self: &Arc<Self>, report: impl Fn(usize)) -> Result<(), Failure> {
        self.each(report, async |traffic, connection, index| {
            let record = &traffic.records[index];
            let answer = traffic.put(connection, record, record.content.clone()).await;
            let text = match answer {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => format!("{}: {}", answer.status, ask::text(&answer)),
                Err(failed) => failed.to_string(),
            };
            Err(Failure::Refused(format!("PUT {}: {text}", record.target)))
        })
        .await
    }

    /// Reads every record and judges it, reporting how many are read.
    pub(super) async fn read_back(self: &Arc<Self>, report: impl Fn(usize)) -> Result<(), Failure> {
        self.each(report, async |traffic, connection, index| {
            traffic.read(connection, index).await;
            Ok(())
        })
        .await
    }

    /// Does something with each record over a few connections.
    async fn each<F>(self: &Arc<Self>, report: impl Fn(usize), work: F) -> Result<(), Failure>
    where
        F: AsyncFn(&Self, &mut Connection, usize) -> Result<(), Failure> + Clone + 'static,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(AtomicUsize::new(0));
        let mut workers: JoinSet<Result<(), Failure>> = JoinSet::new();
        for _ in 0..BULK_CONNECTIONS.min(self.records.len()) {
            let (traffic, next, done) = (Arc::clone(self), Arc::clone(&next), Arc::clone(&done));
            let work = work.clone();
            workers.spawn_local(async move {
                let mut connection = traffic.connection();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= traffic.records.len() {
                        return Ok(());
                    }
                    work(&traffic, &mut connection, index).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                ended = workers.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(outcome)) => outcome?,
                    Some(Err(error)) => return Err(Failure::Refused(error.to_string())),
                },
                _ = ticks.tick() => report(done.load(Ordering::Relaxed)),
            }
        }
    }

    /// Begins the readers and writers.
    pub(super) fn begin(self: &Arc<Self>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for number in 0..READERS {
            let traffic = Arc::clone(self);
            workers.spawn_local(async move {
                let mut connection = traffic.connection();
                let mut random = Random::new(number);
                while !traffic.is_stopped.load(Ordering::Relaxed) {
                    let index = match random.below(2) {
                        0 => random.below(traffic.records.len()),
                        _ => traffic.written[random.below(WRITTEN)].load(Ordering::Relaxed),
                    };
                    traffic.read(&mut connection, index).await;
                    tokio::time::sleep(Duration::from_millis(THINK_MS)).await;
                }
            });
        }
        for number in 0..WRITERS {
            let traffic = Arc::clone(self);
            workers.spawn_local(async move { traffic.write_on(number).await });
        }
        workers
    }

    /// Lets readers and writers end what they have begun, so that nothing is under way.
    pub(super) async fn end(&self, mut workers: JoinSet<()>) -> Result<(), Failure> {
        self.is_stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = workers.join_next().await {
            ended.map_err(|error| Failure::Refused(error.to_string()))?;
        }
        Ok(())
    }

    /// Writes keys of its own until the traffic ends; each key has one writer.
    async fn write_on(&self, number: usize) {
        let fits = |index: &usize| {
            let bytes = u64::try_from(value_bytes_max(&self.records[*index]));
            bytes.is_ok_and(|bytes| bytes <= VALUE_BYTES_MAX)
        };
        let mut own: Vec<usize> =
            (number..self.records.len()).step_by(WRITERS).filter(fits).collect();
        let mut connection = self.connection();
        let mut random = Random::new(READERS + number);
        while !own.is_empty() && !self.is_stopped.load(Ordering::Relaxed) {
            let place = random.below(own.len());
            self.write(&mut connection, own[place]).await;
            self.written[random.below(WRITTEN)].store(own[place], Ordering::Relaxed);
            if self.histories()[own[place]].is_open() {
                // Both values are allowed from now on, so another write would prove nothing.
                own.swap_remove(place);
            }
            tokio::time::sleep(Duration::from_millis(THINK_MS)).await;
        }
    }

    async fn write(&self, connection: &mut Connection, index: usize) {
        let record = &self.records[index];
        let write = self.histories()[index].begin();
        let value = history::value(&record.key, &record.content, write);
        let begun = Instant::now();
        let answer = self.put(connection, record, value).await;
        let mut tally = self.tally();
        tally.writes.add(begun.elapsed());
        let history = &mut self.histories()[index];
        match answer {
            Ok(answer) if answer.status.is_success() => history.acknowledge(),
            Ok(answer) if answer.status.is_client_error() => {
                history.refuse();
                tally.fail(&format!("PUT {}", answer.status), &record.target, &ask::text(&answer));
            }
            Ok(answer) => {
                tally.unknown += 1;
                tally.fail(&format!("PUT {}", answer.status), &record.target, &ask::text(&answer));
            }
            Err(Failed::Refused(text)) => {
                history.refuse();
                tally.fail("PUT not taken", &record.target, &text);
            }
            Err(Failed::Unknown(text)) => {
                tally.unknown += 1;
                tally.fail("PUT outcome unknown", &record.target, &text);
            }
        }
    }

    async fn read(&self, connection: &mut Connection, index: usize) {
        let record = &self.records[index];
        let floor = self.histories()[index].floor();
        let begun = Instant::now();
        let answer =
            ask::patiently(connection, &self.tally, Method::GET, &record.target, Bytes::new())
                .await;
        let mut tally = self.tally();
        tally.reads.add(begun.elapsed());
        let found = match answer {
            Ok(answer) if answer.status == StatusCode::OK => {
                Some(history::recognise(&record.key, &record.content, &answer.body))
            }
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => None,
            Ok(answer) => {
                let text = ask::text(&answer);
                return tally.fail(&format!("GET {}", answer.status), &record.target, &text);
            }
            Err(failed) => return tally.fail("GET", &record.target, &failed.to_string()),
        };
        let mut histories = self.histories();
        let verdict = histories[index].judge(floor, found);
        let newest = histories[index].newest();
        tally.judge(verdict, || {
            let found = match found {
                Some(Found::Write(write)) => format!("write {write}"),
                Some(Found::Foreign) => "a value that nobody wrote".to_owned(),
                None => "nothing".to_owned(),
            };
            format!("{}: found {found}, expected write {floor} to {newest}", record.target)
        });
    }

    async fn put(
        &self,
        connection: &mut Connection,
        record: &Record,
        value: Bytes,
    ) -> Result<Answer, Failed> {
        ask::patiently(connection, &self.tally, Method::PUT, &record.target, value).await
    }
}

fn value_bytes_max(record: &Record) -> usize {
    history::value_bytes_max(&record.key, &record.content)
}

/// Which key is next: splitmix64, the same numbers in every run.
struct Random(u64);

impl Random {
    fn new(number: usize) -> Self {
        Self(u64::try_from(number).unwrap_or(0) << 32)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from((mixed ^ (mixed >> 31)) % limit).unwrap_or(0)
    }
}
