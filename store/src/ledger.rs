//! The records in memory: the rules of a transaction, its limits, and what changed lately.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringway_cluster::{
    Changes, CommitError, Record, RecordKey, Revision, Snapshot, StoreError, StoredSegment,
    Transaction,
};

/// At most this many bytes in the JSON text of a record: 16 MiB.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// At most this many records.
pub const RECORDS_MAX: usize = 1_000_000;
/// At most this many bytes in the JSON texts and keys of one transaction: 256 MiB.
pub const TRANSACTION_BYTES_MAX: usize = 256 << 20;
/// At most this many bytes in the JSON texts and keys of all records: 1 GiB.
pub const MAP_BYTES_MAX: usize = 1 << 30;

/// At most this many keys are remembered as recently changed.
const RECENT_KEYS_MAX: usize = 65_536;

/// The records, and how large they are.
#[derive(Debug, Default)]
pub(crate) struct Book {
    snapshot: Snapshot,
    bytes: usize,
}

/// A transaction that passed every check, with the JSON text of what it writes.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The writes, each with its text.
    pub(crate) writes: Vec<(RecordKey, Option<(Record, String)>)>,
    /// The book's size afterwards, in bytes.
    bytes_after: usize,
}

impl Book {
    /// The records of `snapshot`.
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let size = |(key, (_, record)): (&RecordKey, &(Revision, Record))| size(key, record);
        let bytes = snapshot.records.iter().map(size).sum();
        Self { snapshot, bytes }
    }

    /// The records as of the last transaction.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Checks expectations, cover and limits; changes nothing.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] or [`CommitError::Refused`].
    pub(crate) fn check(&self, transaction: Transaction) -> Result<Checked, CommitError> {
        self.snapshot.check(&transaction)?;
        let mut records = self.snapshot.records.len();
        let mut bytes_after = self.bytes;
        let mut bytes_written = 0;
        let mut writes = Vec::with_capacity(transaction.writes.len());
        for (key, record) in transaction.writes {
            if let Some((_, old)) = self.snapshot.records.get(&key) {
                records -= 1;
                bytes_after -= size(&key, old);
            }
            let record = record.map(|record| {
                let text = record.to_json();
                (record, text)
            });
            if let Some((_, text)) = &record {
                limit(&format!("{key} in bytes"), text.len(), RECORD_BYTES_MAX)?;
                records += 1;
                let size = text_size(&key, text);
                bytes_after += size;
                bytes_written += size;
            }
            writes.push((key, record));
        }
        limit("a transaction in bytes", bytes_written, TRANSACTION_BYTES_MAX)?;
        limit("the number of records", records, RECORDS_MAX)?;
        limit("all records in bytes", bytes_after, MAP_BYTES_MAX)?;
        Ok(Checked { writes, bytes_after })
    }

    /// Applies a transaction that was checked against this very book; returns what changed.
    ///
    /// A transaction without writes takes no revision.
    pub(crate) fn apply(&mut self, checked: Checked) -> Changes {
        let revision = self.snapshot.revision + u64::from(!checked.writes.is_empty());
        let stamp = |(key, record): (RecordKey, Option<(Record, String)>)| {
            (key, record.map(|(record, _)| (revision, record)))
        };
        let changed = checked.writes.into_iter().map(stamp).collect();
        let changes = Changes { revision, whole: false, changed };
        self.bytes = checked.bytes_after;
        self.snapshot.apply(changes.clone());
        changes
    }
}

fn limit(what: &str, is: usize, max: usize) -> Result<(), CommitError> {
    if is <= max {
        return Ok(());
    }
    Err(CommitError::Refused(format!("{what} would be {is}; at most {max}")))
}

fn size(key: &RecordKey, record: &Record) -> usize {
    text_size(key, &record.to_json())
}

fn text_size(key: &RecordKey, text: &str) -> usize {
    let key_len = match key {
        RecordKey::Node(name) => name.len(),
        _ => 0,
    };
    text.len() + key_len + size_of::<(RecordKey, Revision)>()
}

/// What readers see: the records, the segments by position, and what changed lately.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    snapshot: Snapshot,
    /// The id of each segment by its first position.
    segments: BTreeMap<u64, u64>,
    recent: VecDeque<(Revision, Vec<RecordKey>)>,
    recent_keys: usize,
}

impl Ledger {
    /// The records of `snapshot`; nothing has changed lately.
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let segments = snapshot.segments().map(|segment| (segment.record.lo, segment.id)).collect();
        Self { snapshot, segments, ..Self::default() }
    }

    /// All records.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes over what a [`Book`] has applied.
    pub(crate) fn apply(&mut self, changes: Changes) {
        if changes.changed.is_empty() {
            return;
        }
        // First all that goes, then all that comes: a new segment may begin where an old one did.
        for (key, _) in &changes.changed {
            if let Some((_, Record::Segment(old))) = self.snapshot.records.get(key) {
                self.segments.remove(&old.lo);
            }
        }
        for (key, record) in &changes.changed {
            if let (RecordKey::Segment(id), Some((_, Record::Segment(new)))) = (key, record) {
                self.segments.insert(new.lo, *id);
            }
        }
        let keys: Vec<RecordKey> = changes.changed.iter().map(|(key, _)| key.clone()).collect();
        self.recent_keys += keys.len();
        self.recent.push_back((changes.revision, keys));
        while self.recent_keys > RECENT_KEYS_MAX {
            let forgotten = self.recent.pop_front().map_or(0, |(_, keys)| keys.len());
            self.recent_keys -= forgotten;
        }
        self.snapshot.apply(changes);
    }

    /// The segments that overlap `[lo, hi]`, in order of position.
    ///
    /// # Complexity
    /// O(log n + segments found).
    pub(crate) fn segments(&self, lo: u64, hi: u64) -> Vec<StoredSegment> {
        let first = self.segments.range(..=lo).next_back();
        let rest = lo.checked_add(1).filter(|next| *next <= hi);
        let rest = rest.into_iter().flat_map(|next| self.segments.range(next..=hi));
        let found = first.into_iter().chain(rest).filter_map(|(_, id)| {
            match self.snapshot.records.get(&RecordKey::Segment(*id)) {
                Some((revision, Record::Segment(record))) => {
                    Some(StoredSegment { id: *id, revision: *revision, record: record.clone() })
                }
                _ => None,
            }
        });
        found.filter(|segment| segment.record.lo <= hi && lo <= segment.record.hi).collect()
    }

    /// What changed after revision `after`; `None` if nothing has.
    ///
    /// # Errors
    /// [`StoreError`] if the store never reached `after`: it is older than the caller.
    pub(crate) fn changes(&self, after: Revision) -> Result<Option<Changes>, StoreError> {
        let revision = self.snapshot.revision;
        if after > revision {
            return Err(StoreError(format!(
                "it is at revision {revision}, below the {after} that was seen: was it restored \
                 from an older backup?"
            )));
        }
        if after == revision {
            return Ok(None);
        }
        let known = self.recent.front().is_some_and(|(first, _)| *first <= after + 1);
        let record = |key: &RecordKey| (key.clone(), self.snapshot.records.get(key).cloned());
        let changed = if known {
            let newer = self.recent.iter().rev().take_while(|(revision, _)| *revision > after);
            let keys: BTreeSet<&RecordKey> = newer.flat_map(|(_, keys)| keys).collect();
            keys.into_iter().map(record).collect()
        } else {
            self.snapshot.records.keys().map(record).collect()
        };
        Ok(Some(Changes { revision, whole: !known, changed }))
    }
}
