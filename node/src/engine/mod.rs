//! One writer thread and a few reader threads over a store of rows.
//!
//! ```text
//!              +-- bounded queue --> writer: [job job job] one COMMIT --> answers
//! connections -+
//!              +-- bounded queue --> readers: ownership and row of one snapshot --> answers
//! ```
//!
//! The writer takes all that waits, runs it in order in one transaction, commits once and then
//! answers everything: while the disk syncs one group, the next gathers. Control calls wait in
//! the same queue, so they are ordered with the writes. What a job needs of the network has
//! arrived before it is queued; a slow client holds nothing here.

mod once;
mod queue;
mod write;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    thread::JoinHandle,
};

use ringway_cluster::{HoldingChanges, Holdings};
use tokio::sync::{Notify, oneshot};

use self::queue::Queue;
pub(crate) use self::{
    once::{Answered, Once},
    write::{Condition, Delete, Executed, Put, Versions, alive, erase, may_sweep, store, sweep},
};
use crate::rows::{Failure, RowReader, RowSnapshot, RowStore, RowWriter, Tx};

/// The most that waits for the writer, and runs in one transaction.
const WRITE_JOBS_MAX: usize = 4_096;
const WRITE_BYTES_MAX: usize = 256 << 20;
const GROUP_JOBS_MAX: usize = 1_024;
/// Rows of a move come in groups of this size, and a move that is about to end waits for one of
/// them at worst: about 2,000 small rows.
const GROUP_BYTES_MAX: usize = 256 << 10;
const READ_JOBS_MAX: usize = 16_384;

/// The threads that reach the rows.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    writes: Queue<WriteJob>,
    reads: Queue<ReadJob>,
    holdings: RwLock<Arc<Holdings>>,
    failed: OnceLock<String>,
    /// Wakes who waits for the engine to fail.
    failure: Notify,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Runs in the transaction; what it returns answers when the transaction is over.
type WriteJob =
    Box<dyn FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<Deliver, Failure> + Send + 'static>;
type Deliver = Box<dyn FnOnce(Result<(), Failure>) + Send + 'static>;
type ReadJob = Box<dyn FnOnce(&mut dyn RowReader) + Send + 'static>;

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("failed", &self.shared.failed).finish_non_exhaustive()
    }
}

impl Engine {
    /// Loads what was saved and starts the threads.
    pub(crate) fn start(store: &dyn RowStore, readers: usize) -> Result<Self, Failure> {
        let mut writer = store.writer()?;
        let holdings = writer.load()?;
        let shared = Arc::new(Shared {
            writes: Queue::new(WRITE_JOBS_MAX, WRITE_BYTES_MAX),
            reads: Queue::new(READ_JOBS_MAX, usize::MAX),
            holdings: RwLock::new(Arc::new(holdings.clone())),
            failed: OnceLock::new(),
            failure: Notify::new(),
            threads: Mutex::default(),
        });
        let engine = Self { shared };
        for number in 0..readers {
            let mut reader = store.reader()?;
            let shared = Arc::clone(&engine.shared);
            engine.spawn(format!("ringway-reader-{number}"), move || {
                let _ending = Ending(&shared);
                while let Some((job, ..)) = shared.reads.pop() {
                    job(reader.as_mut());
                }
            })?;
        }
        let shared = Arc::clone(&engine.shared);
        engine.spawn("ringway-writer".into(), move || {
            let _ending = Ending(&shared);
            shared.write(writer, holdings);
        })?;
        Ok(engine)
    }

    fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(work)
            .map_err(|error| Failure::NotExecuted(format!("can't start a thread: {error}")))?;
        self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// What the node knows, as of the last transaction.
    pub(crate) fn holdings(&self) -> Arc<Holdings> {
        Arc::clone(&self.shared.holdings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `work` in a transaction that is durable when this returns.
    ///
    /// `bytes` is what the job holds in memory.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (job, answer) = job(work);
        self.shared.writes.push(job, bytes).map_err(Failure::NotExecuted)?;
        // A job that is dropped was rolled back with its group, or never begun.
        answer.await.unwrap_or_else(|_| Err(self.dropped()))
    }

    /// As [`write`](Self::write), before all that waits: for what ends a pause of clients.
    pub(crate) async fn write_first<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (job, answer) = job(work);
        self.shared.writes.push_urgent(job).map_err(Failure::NotExecuted)?;
        answer.await.unwrap_or_else(|_| Err(self.dropped()))
    }

    /// Runs `work` on one snapshot.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn RowSnapshot) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        if let Some(reason) = self.shared.failed.get() {
            return Err(Failure::NotExecuted(reason.clone()));
        }
        let (sender, answer) = oneshot::channel();
        let job: ReadJob = Box::new(move |reader| {
            let mut work = Some(work);
            let mut read = None;
            let looked = reader.snapshot(&mut |snapshot| {
                if let Some(work) = work.take() {
                    read = Some(work(snapshot)?);
                }
                Ok(())
            });
            let nothing = || Failure::NotExecuted("the store gave no snapshot".into());
            let _ = sender.send(looked.and_then(|()| read.ok_or_else(nothing)));
        });
        self.shared.reads.push(job, 0).map_err(Failure::NotExecuted)?;
        answer.await.unwrap_or_else(|_| Err(self.dropped()))
    }

    fn dropped(&self) -> Failure {
        let reason = self.shared.failed.get().cloned();
        Failure::NotExecuted(reason.unwrap_or_else(|| "the disk failed, or the node stops".into()))
    }

    /// Waits until the disk failed in a way that only a restart can mend; says how.
    pub(crate) async fn failed(&self) -> String {
        loop {
            let woken = self.shared.failure.notified();
            if let Some(reason) = self.shared.failed.get() {
                return reason.clone();
            }
            woken.await;
        }
    }

    /// Takes nothing more; the threads end when what is queued is done.
    pub(crate) fn close(&self) {
        self.shared.writes.close();
        self.shared.reads.close();
    }

    /// Finishes what is queued and ends the threads. Blocks.
    pub(crate) fn stop(&self) {
        self.close();
        let threads = std::mem::take(
            &mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            // A thread that panicked has answered nobody: its askers see that it dropped them.
            let _ = thread.join();
        }
    }
}

/// A job for the writer, and where its answer comes.
fn job<T: Send + 'static>(
    work: impl FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
) -> (WriteJob, oneshot::Receiver<Result<T, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let job: WriteJob = Box::new(move |holdings, tx| {
        let done = match work(holdings, tx) {
            Ok(done) => done,
            Err(failure) => {
                let _ = sender.send(Err(failure.clone()));
                return Err(failure);
            }
        };
        let deliver: Deliver = Box::new(move |committed| {
            // The asker may have gone away; the transaction stands all the same.
            let _ = sender.send(committed.map(|()| done));
        });
        Ok(deliver)
    });
    (job, answer)
}

/// Ends the engine when one of its threads panics or finds that the disk failed: nobody may wait
/// for a thread that is gone.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.failed.set("a thread of the node panicked".into());
        }
        if self.0.failed.get().is_some() {
            self.0.writes.close();
            self.0.reads.close();
            self.0.writes.clear();
            self.0.reads.clear();
            self.0.failure.notify_waiters();
        }
    }
}

impl Shared {
    fn write(&self, mut writer: Box<dyn RowWriter>, mut holdings: Holdings) {
        loop {
            let group = self.writes.pop_group(GROUP_JOBS_MAX, GROUP_BYTES_MAX);
            if group.is_empty() {
                return;
            }
            let mut group = Some(group);
            let mut answers: Vec<Deliver> = Vec::new();
            let mut changes = HoldingChanges::default();
            let outcome = writer.transact(&mut |rows| {
                holdings.begin();
                let mut tx = Tx { rows, taken: 0 };
                for job in group.take().into_iter().flatten() {
                    answers.push(job(&mut holdings, &mut tx)?);
                }
                changes = holdings.changes();
                if !changes.is_empty() {
                    tx.rows.save(&changes.gone, &changes.new)?;
                }
                Ok(())
            });
            match &outcome {
                Ok(()) => {
                    holdings.commit();
                    if !changes.is_empty() {
                        let mut published =
                            self.holdings.write().unwrap_or_else(PoisonError::into_inner);
                        // In place, unless somebody is looking at them just now.
                        Arc::make_mut(&mut published).apply(&changes);
                    }
                }
                Err(Failure::NotExecuted(_)) => holdings.roll_back(),
                Err(Failure::Unknown(reason)) => {
                    // What is on disk can't be known from here: only a start that reads it can.
                    let _ = self.failed.set(format!("the disk failed: {reason}"));
                }
            }
            for answer in answers {
                answer(outcome.clone());
            }
            if self.failed.get().is_some() {
                return;
            }
        }
    }
}
