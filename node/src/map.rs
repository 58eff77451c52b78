//! The store of the map as a node needs it.

use std::future::Future;

use ringway_cluster::{
    CommitError, Incarnation, Revision, SegmentRecord, StoreError, StoredSegment,
};
use ringway_store::{NodeStore, SegmentChanges};

/// What a node reads from the store, and the one change that it makes there.
///
/// [`NodeStore`] is the real one; tests have others.
pub trait MapReader: Send + Sync + 'static {
    /// The segments that overlap `[lo, hi]`, read no earlier than the call.
    ///
    /// # Errors
    /// If the store can't be reached.
    fn segments(
        &self,
        lo: u64,
        hi: u64,
    ) -> impl Future<Output = Result<Vec<StoredSegment>, StoreError>> + Send;

    /// All segments, and the revision that they are as of.
    ///
    /// # Errors
    /// If the store can't be reached.
    fn all(
        &self,
    ) -> impl Future<Output = Result<(Revision, Vec<StoredSegment>), StoreError>> + Send;

    /// What changed after revision `after`; waits for a change, but may return with none.
    ///
    /// # Errors
    /// If the store can't be reached.
    fn changes(
        &self,
        after: Revision,
    ) -> impl Future<Output = Result<SegmentChanges, StoreError>> + Send;

    /// Replaces the record of `old`, if it is still as it was read, on behalf of `node`.
    ///
    /// # Errors
    /// [`CommitError`] as every compare-and-swap.
    fn replace(
        &self,
        old: &StoredSegment,
        new: SegmentRecord,
        node: &str,
        incarnation: Incarnation,
    ) -> impl Future<Output = Result<Revision, CommitError>> + Send;
}

impl MapReader for NodeStore {
    async fn segments(&self, lo: u64, hi: u64) -> Result<Vec<StoredSegment>, StoreError> {
        Self::segments(self, lo, hi).await.map(|(_, segments)| segments)
    }

    async fn all(&self) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        Self::all(self).await
    }

    async fn changes(&self, after: Revision) -> Result<SegmentChanges, StoreError> {
        Self::changes(self, after).await
    }

    async fn replace(
        &self,
        old: &StoredSegment,
        new: SegmentRecord,
        node: &str,
        incarnation: Incarnation,
    ) -> Result<Revision, CommitError> {
        Self::replace(self, old, new, node, incarnation).await
    }
}
