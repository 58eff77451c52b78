//! The store of one proxy: a log in a directory.
//!
//! # Files
//!
//! | file | is |
//! |---|---|
//! | `lock` | locked exclusively by the process that has the store open; holds its process id |
//! | `map.log` | a snapshot, then entries |
//! | `map.log.new` | a log that is being made; removed when the store is opened |
//!
//! `map.log` is text, one line after another, each
//!
//! ```text
//! LLLLLLLL SSSSSSSSSSSSSSSS JSON\n
//! ```
//!
//! with `L` the number of bytes of `JSON` and `S` the XXH3-64 of `L` and `JSON` under the previous
//! line's `S` as the seed (the first line's is 0), both in hexadecimal. So each line vouches for
//! all before it. `JSON` holds neither a line break nor a byte that is zero.
//!
//! 1. The first line: `{"format":"ringway-map-log","version":1,"revision":R,"records":N}`.
//! 2. The snapshot, N lines: `{"key":"seg/1","revision":r,"record":{...}}`.
//! 3. Entries: `{"first":R,"transactions":[{"seg/1":{...},"seg/2":null}, ...]}`: transactions that
//!    were made durable together, of the revisions R, R + 1 ...; `null` deletes.
//!
//! # What is durable when
//!
//! A commit returns after its entry was written and synced; only then do readers see it. Commits
//! that wait meanwhile share the next entry. A log with a snapshot is written under another name,
//! synced and renamed, and the directory synced: whatever is called `map.log` has its first two
//! parts whole, and a crash leaves the old log or the new one.
//!
//! # Torn or damaged
//!
//! An entry is written only after the one before it was synced. So a crash can spoil the last line
//! alone, and that line was never acknowledged. Where no sound line follows, what is left of the
//! file is a *torn tail*, and is cut, if and only if, after taking away zeros at its end (bytes
//! that were never written), it holds no line break and is shorter than its length field says (or
//! too short for one, but hexadecimal). A line that is as long as it says and still does not fit
//! its checksum, a line break that comes too soon, a hole of zeros with anything after it that
//! ends a line, anything at all wrong in the first two parts, a revision that does not follow:
//! *damage*, and the store does not open. In particular no single changed bit of an acknowledged
//! entry is taken for a torn tail.

mod directory;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod line;
mod text;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use ringway_cluster::{
    Changes, CommitError, MapStore, Revision, Snapshot, StoreError, StoredSegment, Transaction,
};
use tokio::sync::{oneshot, watch};

use self::{
    directory::Directory,
    writer::{Request, Shared, Writer},
};
pub use self::{directory::TornTail, error::OpenError};
use crate::ledger::{Book, Ledger};

/// At most this many commits wait for the writer; further ones are refused at once.
const COMMITS_WAITING_MAX: usize = 1_024;

/// The map in a directory of this machine, for one proxy.
///
/// Clones are cheap and share the store; they may be used from any thread and any runtime. When
/// the last one is dropped, the writer ends and the lock is free.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    inner: Arc<Inner>,
}

/// What may be set when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// The log is replaced by a snapshot when its entries have this many bytes, and twice as many
    /// as the last snapshot: 16 MiB.
    pub compact_bytes_min: u64,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { compact_bytes_min: 16 << 20 }
    }
}

/// What was found when a store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The log.
    pub path: PathBuf,
    /// Its last revision; 0 for a new one.
    pub revision: Revision,
    /// How many records there are.
    pub records: usize,
    /// The entry that was being written when the last process was stopped, and was cut off.
    pub torn: Option<TornTail>,
}

/// Figures of a running store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the snapshot at its beginning.
    pub snapshot_bytes: u64,
    /// How often the disk was waited for, since the opening, to make commits durable.
    pub syncs: u64,
    /// How often the log was replaced by a snapshot since the opening.
    pub compactions: u64,
    /// Why the last try to replace the log failed; the log goes on growing.
    pub compaction_error: Option<String>,
    /// Why nothing can be read or written until the store is opened again.
    pub stopped: Option<String>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    opened: Opened,
    /// `None` only while being dropped.
    requests: Option<SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, or makes an empty one there.
    ///
    /// Reads the whole log; call it before serving.
    ///
    /// # Errors
    /// [`OpenError`]: another process has it open, it is damaged, or can't be read or written.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, EmbeddedOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(directory: &Path, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let locked = Directory::lock(directory)?;
        let (log, snapshot, torn) = locked.open()?;
        let opened = Opened {
            path: locked.log_path(),
            revision: snapshot.revision,
            records: snapshot.records.len(),
            torn,
        };
        let status = Status {
            log_bytes: log.bytes,
            snapshot_bytes: log.snapshot_bytes,
            ..Status::default()
        };
        let shared = Arc::new(Shared {
            ledger: RwLock::new(Ledger::new(snapshot.clone())),
            changed: watch::Sender::new(()),
            status: Mutex::new(status),
        });
        let book = Book::new(snapshot);
        let compact_bytes_min = options.compact_bytes_min;
        let writer = Writer::new(locked, log, book, Arc::clone(&shared), compact_bytes_min);
        let (requests, waiting) = sync_channel(COMMITS_WAITING_MAX);
        let writer = Builder::new()
            .name("map-writer".into())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| OpenError::Io {
            path: opened.path.clone(),
            action: "start its writer",
            error,
        })?;
        let inner = Inner { shared, opened, requests: Some(requests), writer: Some(writer) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What was found when the store was opened.
    #[must_use]
    pub fn opened(&self) -> &Opened {
        &self.inner.opened
    }

    /// Figures as of now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.inner.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is durable, unless the store has stopped: then the last commit's outcome is unknown,
    /// and an answer might have to be taken back at the next opening.
    fn ledger(&self) -> Result<RwLockReadGuard<'_, Ledger>, StoreError> {
        let shared = &self.inner.shared;
        let status = shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        match &status.stopped {
            Some(reason) => Err(StoreError(reason.clone())),
            None => {
                drop(status);
                Ok(shared.ledger.read().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

impl MapStore for EmbeddedStore {
    async fn read(&self) -> Result<Snapshot, StoreError> {
        Ok(self.ledger()?.snapshot().clone())
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        let (answer, answered) = oneshot::channel();
        let ended = || "its writer has ended; restart this proxy".to_owned();
        let requests =
            self.inner.requests.as_ref().ok_or_else(|| CommitError::Unavailable(ended()))?;
        requests.try_send(Request { transaction, answer }).map_err(|error| {
            CommitError::Unavailable(match error {
                TrySendError::Full(_) => format!("{COMMITS_WAITING_MAX} changes wait already"),
                TrySendError::Disconnected(_) => ended(),
            })
        })?;
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown(ended())))
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        let mut changed = self.inner.shared.changed.subscribe();
        loop {
            if let Some(changes) = self.ledger()?.changes(after)? {
                return Ok(changes);
            }
            changed.changed().await.map_err(|_| StoreError("it was closed".into()))?;
        }
    }

    async fn segments(
        &self,
        lo: u64,
        hi: u64,
    ) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        let ledger = self.ledger()?;
        Ok((ledger.snapshot().revision, ledger.segments(lo, hi)))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // If it panicked, everybody who waited has been told.
            let _ = writer.join();
        }
    }
}
