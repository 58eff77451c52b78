//! What the store of the map must do, whoever implements it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
};

use crate::{
    record::{Record, RecordKey},
    segment::{Cover, StoredSegment},
};

/// Counts the transactions of a store; a record's revision is that of its last write.
pub type Revision = u64;

/// At most this many writes in one transaction.
pub const WRITES_MAX: usize = 100;

/// The store of the map: a few thousand small records, written by compare-and-swap only.
///
/// Every read is linearizable: it sees all transactions that were acknowledged before it began.
pub trait MapStore: Send + Sync {
    /// All records as of one revision.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or is damaged.
    fn read(&self) -> impl Future<Output = Result<Snapshot, StoreError>> + Send;

    /// Applies `transaction` whole or not at all; durable when it returns.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if an expectation does not hold: nothing was written.
    /// [`CommitError::Unavailable`] if the store can't write now: nothing was written.
    /// [`CommitError::Unknown`] if the answer was lost: read to find out.
    fn commit(
        &self,
        transaction: Transaction,
    ) -> impl Future<Output = Result<Revision, CommitError>> + Send;

    /// What changed after revision `after`; waits for a first change if there is none yet.
    ///
    /// May return early with no change, so that a long poll can end; callers ask again.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or is damaged.
    fn changes(&self, after: Revision) -> impl Future<Output = Result<Changes, StoreError>> + Send;

    /// The segments that overlap `[lo, hi]`, in order of position, and the store's revision.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or is damaged.
    ///
    /// # Complexity
    /// That of [`read`](Self::read) unless the store keeps an index.
    fn segments(
        &self,
        lo: u64,
        hi: u64,
    ) -> impl Future<Output = Result<(Revision, Vec<StoredSegment>), StoreError>> + Send {
        async move {
            let snapshot = self.read().await?;
            let overlaps =
                |segment: &StoredSegment| segment.record.lo <= hi && lo <= segment.record.hi;
            let mut segments: Vec<_> = snapshot.segments().filter(overlaps).collect();
            segments.sort_by_key(|segment| segment.record.lo);
            Ok((snapshot.revision, segments))
        }
    }
}

/// All records as of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The revision.
    pub revision: Revision,
    /// Each record and the revision of its last write.
    pub records: BTreeMap<RecordKey, (Revision, Record)>,
}

/// What changed since an earlier revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The revision that these changes lead to.
    pub revision: Revision,
    /// Whether `changed` holds every record (the store no longer knows what changed).
    pub whole: bool,
    /// The records as they are now, in key order; `None` was deleted.
    pub changed: Vec<(RecordKey, Option<(Revision, Record)>)>,
}

/// Expectations, and the writes that follow if all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The revision that each of these records must have; `None`: it must not exist.
    pub expect: Vec<(RecordKey, Option<Revision>)>,
    /// What to write, at most [`WRITES_MAX`] unless it seeds; each key once; `None` deletes.
    pub writes: Vec<(RecordKey, Option<Record>)>,
}

impl Transaction {
    /// Replaces one record that has that revision: the plain compare-and-swap.
    #[must_use]
    pub fn replace(key: RecordKey, expect: Revision, record: Record) -> Self {
        Self { expect: vec![(key.clone(), Some(expect))], writes: vec![(key, Some(record))] }
    }

    /// Creates one record that must not exist yet.
    #[must_use]
    pub fn create(key: RecordKey, record: Record) -> Self {
        Self { expect: vec![(key.clone(), None)], writes: vec![(key, Some(record))] }
    }
}

impl Snapshot {
    /// Brings the snapshot up to date.
    pub fn apply(&mut self, changes: Changes) {
        if changes.revision < self.revision {
            return;
        }
        if changes.whole {
            self.records.clear();
        }
        self.revision = changes.revision;
        for (key, record) in changes.changed {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
    }

    /// The segments, in order of id.
    pub fn segments(&self) -> impl Iterator<Item = StoredSegment> + '_ {
        let keys = RecordKey::Segment(0)..=RecordKey::Segment(u64::MAX);
        self.records.range(keys).filter_map(|(key, (revision, record))| match (key, record) {
            (RecordKey::Segment(id), Record::Segment(record)) => {
                Some(StoredSegment { id: *id, revision: *revision, record: record.clone() })
            }
            _ => None,
        })
    }

    /// Whether `transaction` may be applied here.
    ///
    /// A transaction *seeds* if there is no segment yet and it writes some. It may have more than
    /// [`WRITES_MAX`] writes, so that an empty store becomes a whole map in one step, and its
    /// segments must cover all positions from 0 up to some last one.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] naming the first record that is otherwise than expected,
    /// [`CommitError::Refused`] if the transaction is too large or its result would be no map.
    ///
    /// # Complexity
    /// O(n log n) in the transaction's size, whatever the size of the store.
    pub fn check(&self, transaction: &Transaction) -> Result<(), CommitError> {
        let count = transaction.writes.len();
        let cover = Cover::of(self, transaction).map_err(CommitError::Refused)?;
        check_keys(transaction).map_err(CommitError::Refused)?;
        for (key, expected) in &transaction.expect {
            if self.records.get(key).map(|(revision, _)| *revision) != *expected {
                return Err(CommitError::Conflict(key.clone()));
            }
        }
        // After the expectations: who seeds a store that somebody else just seeded has a conflict.
        if count > WRITES_MAX && !cover.seeds() {
            let reason = format!("{count} writes in a transaction; at most {WRITES_MAX}");
            return Err(CommitError::Refused(reason));
        }
        cover.check().map_err(CommitError::Refused)
    }
}

/// Each key is written once, and with a record of its kind.
fn check_keys(transaction: &Transaction) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (key, record) in &transaction.writes {
        if !seen.insert(key) {
            return Err(format!("{key} is written twice in one transaction"));
        }
        if record.as_ref().is_some_and(|record| !record.fits(key)) {
            return Err(format!("{key} can't hold a record of another kind"));
        }
    }
    Ok(())
}

/// The store can't answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store can't answer: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

/// Why a transaction was not, or perhaps not, applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// This record is not as expected; nothing was written.
    Conflict(RecordKey),
    /// The transaction may never be applied; nothing was written.
    Refused(String),
    /// The store can't write now; nothing was written.
    Unavailable(String),
    /// The answer was lost: it may have been applied.
    Unknown(String),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(key) => write!(f, "{key} was changed by someone else"),
            Self::Refused(reason) => write!(f, "the store refuses the change: {reason}"),
            Self::Unavailable(reason) => write!(f, "the store can't write: {reason}"),
            Self::Unknown(reason) => write!(f, "the change may or may not be stored: {reason}"),
        }
    }
}

impl std::error::Error for CommitError {}
