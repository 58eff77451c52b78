//! The thread that writes: it joins waiting transactions into one line and one wait for the disk.

use std::{
    io::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        mpsc::{Receiver, TryRecvError},
    },
};

use ringway_cluster::{Changes, CommitError, Revision, Transaction};
use tokio::sync::{oneshot, watch};

use super::{
    Status,
    directory::{Directory, Log, ReplaceError},
    line,
    text::BatchText,
};
use crate::ledger::{Book, Ledger};

/// At most this many transactions share one line.
const BATCH_COMMITS_MAX: usize = 256;
/// A line that has this many bytes takes no further transaction: 1 MiB.
const BATCH_BYTES: usize = 1 << 20;

/// What the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    /// All that is durable, and nothing else.
    pub(super) ledger: RwLock<Ledger>,
    /// Wakes who waits for a change.
    pub(super) changed: watch::Sender<()>,
    /// Figures, and why the store has stopped.
    pub(super) status: Mutex<Status>,
}

/// A transaction that waits.
#[derive(Debug)]
pub(super) struct Request {
    /// What to do.
    pub(super) transaction: Transaction,
    /// Who waits.
    pub(super) answer: oneshot::Sender<Result<Revision, CommitError>>,
}

/// The one who writes.
#[derive(Debug)]
pub(super) struct Writer {
    directory: Directory,
    log: Log,
    book: Book,
    shared: Arc<Shared>,
    compact_bytes_min: u64,
    /// The log's size at which it is next replaced by a snapshot.
    compact_at: u64,
    stopped: Option<String>,
}

/// Transactions on their way to the disk.
#[derive(Default)]
struct Batch {
    text: BatchText,
    changes: Vec<Changes>,
    answers: Vec<Answer>,
}

/// What somebody who waits will be told.
struct Answer {
    to: oneshot::Sender<Result<Revision, CommitError>>,
    result: Result<Revision, CommitError>,
}

impl Writer {
    pub(super) fn new(
        directory: Directory,
        log: Log,
        book: Book,
        shared: Arc<Shared>,
        compact_bytes_min: u64,
    ) -> Self {
        let mut writer =
            Self { directory, log, book, shared, compact_bytes_min, compact_at: 0, stopped: None };
        writer.plan_compaction();
        writer
    }

    /// Serves until nobody is left to ask.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            while batch.answers.len() < BATCH_COMMITS_MAX && batch.text.len() < BATCH_BYTES {
                match requests.try_recv() {
                    Ok(next) => self.take(next, &mut batch),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.finish(batch);
            if self.stopped.is_none() && self.log.bytes >= self.compact_at {
                self.compact();
            }
        }
    }

    /// Checks a transaction against all before it, those on their way to the disk included.
    fn take(&mut self, request: Request, batch: &mut Batch) {
        let Request { transaction, answer } = request;
        let result = match &self.stopped {
            Some(reason) => Err(CommitError::Unavailable(reason.clone())),
            None => self.book.check(transaction),
        };
        let result = result.map(|checked| {
            let revision = self.book.snapshot().revision;
            if checked.writes.is_empty() {
                return revision;
            }
            batch.text.push(revision + 1, &checked.writes);
            let changes = self.book.apply(checked);
            let revision = changes.revision;
            batch.changes.push(changes);
            revision
        });
        batch.answers.push(Answer { to: answer, result });
    }

    /// Makes a batch durable, then visible, then answers.
    fn finish(&mut self, batch: Batch) {
        let written = match batch.text.finish() {
            Some(json) => self.append(&json),
            None => Ok(()),
        };
        if let Err(error) = written {
            // After a failed fsync the kernel may have dropped the very pages and will not say so
            // twice, so trying again could only pretend. What is on the disk is known at the next
            // opening.
            let path = self.directory.log_path();
            let reason = format!(
                "{}: writing failed: {error}; mend the disk, then restart this proxy",
                path.display()
            );
            self.stop(&reason);
            for Answer { to, result } in batch.answers {
                let error = match result {
                    Ok(_) => CommitError::Unknown(reason.clone()),
                    Err(_) => CommitError::Unavailable(reason.clone()),
                };
                // Who no longer waits needs no answer.
                let _ = to.send(Err(error));
            }
            return;
        }
        if !batch.changes.is_empty() {
            let mut ledger = self.shared.ledger.write().unwrap_or_else(PoisonError::into_inner);
            for changes in batch.changes {
                ledger.apply(changes);
            }
            drop(ledger);
            self.update_status();
            self.shared.changed.send_replace(());
        }
        for Answer { to, result } in batch.answers {
            let _ = to.send(result);
        }
    }

    fn append(&mut self, json: &str) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(json.len() + 32);
        let chain = line::push(&mut bytes, self.log.chain, json);
        self.log.file.write_all(&bytes)?;
        self.log.file.sync_data()?;
        self.log.chain = chain;
        self.log.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.syncs += 1;
        Ok(())
    }

    fn compact(&mut self) {
        match self.directory.replace(self.book.snapshot()) {
            Ok(log) => {
                self.log = log;
                let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
                status.compactions += 1;
                status.compaction_error = None;
            }
            Err(ReplaceError::Kept(error)) => {
                let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
                status.compaction_error = Some(error.to_string());
            }
            Err(ReplaceError::Unknown(error)) => {
                let path = self.directory.log_path();
                let reason = format!(
                    "{}: replacing it by a snapshot failed: {error}; mend the disk, then restart \
                     this proxy",
                    path.display()
                );
                self.stop(&reason);
            }
        }
        self.plan_compaction();
        self.update_status();
    }

    /// Entries may take twice the room of the snapshot, so that each byte is copied about once.
    fn plan_compaction(&mut self) {
        let room = self.compact_bytes_min.max(self.log.snapshot_bytes.saturating_mul(2));
        let failed = self
            .shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .compaction_error
            .is_some();
        let from = if failed { self.log.bytes } else { self.log.snapshot_bytes };
        self.compact_at = from.saturating_add(room);
    }

    fn stop(&mut self, reason: &str) {
        self.stopped = Some(reason.into());
        self.update_status();
        self.shared.changed.send_replace(());
    }

    fn update_status(&self) {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.log_bytes = self.log.bytes;
        status.snapshot_bytes = self.log.snapshot_bytes;
        status.stopped.clone_from(&self.stopped);
    }
}
