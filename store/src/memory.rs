//! The store without a disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringway_cluster::{
    Changes, CommitError, MapStore, Revision, Snapshot, StoreError, StoredSegment, Transaction,
};
use tokio::sync::watch;

use crate::ledger::{Book, Ledger};

/// A map in memory with the rules and limits of [`EmbeddedStore`](crate::EmbeddedStore).
///
/// Clones share the map. For tests and simulations: it ends with the process.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    map: Arc<Mutex<(Book, Ledger)>>,
    changed: watch::Sender<()>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Snapshot::default())
    }
}

impl MemoryStore {
    /// A store that holds `snapshot`.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let map = (Book::new(snapshot.clone()), Ledger::new(snapshot));
        Self { map: Arc::new(Mutex::new(map)), changed: watch::Sender::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, (Book, Ledger)> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MapStore for MemoryStore {
    async fn read(&self) -> Result<Snapshot, StoreError> {
        Ok(self.lock().1.snapshot().clone())
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        let mut map = self.lock();
        let checked = map.0.check(transaction)?;
        let changes = map.0.apply(checked);
        let revision = changes.revision;
        map.1.apply(changes);
        drop(map);
        self.changed.send_replace(());
        Ok(revision)
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(changes) = self.lock().1.changes(after)? {
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
        let map = self.lock();
        Ok((map.1.snapshot().revision, map.1.segments(lo, hi)))
    }
}
