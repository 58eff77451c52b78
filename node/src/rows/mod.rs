//! Where a node keeps rows, change log and holdings: one transaction holds all three.

pub(crate) mod key;
mod memory;
mod sqlite;
mod tables;

use std::fmt;

use ringway_cluster::{Holding, Holdings, Row, Rows, Tally};

pub use self::{
    memory::MemoryStore,
    sqlite::{SqliteOptions, SqliteStore},
    tables::{Tables, ring_pos, ring_position},
};

pub(crate) const NO_TABLES: &str =
    "this node keeps no tables; give all nodes the same, by SqliteStore::open_with";

/// What a handler's own fault is told by: an answer of 500, because to ask again would not help.
pub(crate) const OF_HANDLER: &str = "the handler's SQL failed: ";

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn of_handler(reason: String) -> Failure {
    Failure::NotExecuted(format!("{OF_HANDLER}{reason}"))
}

/// Why a transaction did not happen, or perhaps did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was executed; to try again is safe.
    NotExecuted(String),
    /// The disk failed while the transaction was made durable: it may have happened.
    Unknown(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExecuted(reason) => write!(f, "not executed: {reason}"),
            Self::Unknown(reason) => write!(f, "outcome unknown: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}

/// A store of rows: one writer and any number of readers at a time.
pub trait RowStore: Send + Sync + 'static {
    /// The one writer.
    ///
    /// # Errors
    /// If the store can't be opened.
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure>;

    /// Another reader.
    ///
    /// # Errors
    /// If the store can't be opened.
    fn reader(&self) -> Result<Box<dyn RowReader>, Failure>;
}

/// What a transaction does: it fails as a whole with the error returned.
pub type Work<'a> = dyn FnMut(&mut dyn RowTransaction) -> Result<(), Failure> + 'a;

/// A handler's SQL.
pub type SqlWork<'a> = dyn FnMut(&rusqlite::Connection) -> Result<(), Failure> + 'a;

/// A row of a service's table that SQL has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its key among all rows.
    pub key: Vec<u8>,
    /// What it is now; `None` if it is gone.
    pub value: Option<Vec<u8>>,
}

/// Changes rows, one transaction after another.
pub trait RowWriter: Send {
    /// What was saved: the node's name, its incarnation and its holdings.
    ///
    /// # Errors
    /// If the store can't be read.
    fn load(&mut self) -> Result<Holdings, Failure>;

    /// Runs `work` in a transaction, which is durable on return.
    ///
    /// # Errors
    /// `work`'s error, or the commit's; [`Failure::NotExecuted`] has changed nothing.
    fn transact(&mut self, work: &mut Work<'_>) -> Result<(), Failure>;
}

/// What is known of a row without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the write that made it.
    pub version: u64,
    /// When it ends, in milliseconds since 1970; 0 is never.
    pub expires_ms: u64,
    /// The digest of its frame.
    pub digest: u128,
    /// Bytes of its value.
    pub value_len: u64,
}

impl Head {
    /// Whether the row has not ended at `now_ms`.
    #[must_use]
    pub const fn is_alive(&self, now_ms: u64) -> bool {
        self.expires_ms == 0 || self.expires_ms > now_ms
    }
}

/// The changes that one transaction can make.
#[allow(clippy::missing_errors_doc, reason = "each fails as the disk does, and for nothing else")]
pub trait RowTransaction {
    /// A row without its value.
    fn head(&mut self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure>;
    /// A row.
    fn row(&mut self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure>;
    /// How many keys of `position` begin with `prefix`; counting ends at `most`.
    fn count_keys(&mut self, position: u64, prefix: &[u8], most: u64) -> Result<u64, Failure>;
    /// Position and key of rows of a run of positions that had ended at `now_ms`, the first to end
    /// first, at most `rows_max`.
    fn ended(
        &mut self,
        lo: u64,
        hi: u64,
        now_ms: u64,
        rows_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Failure>;
    /// Lets `work` change rows of `position` in the service's tables; which ones it changed, with
    /// neither version nor log yet. If it fails, it has changed nothing.
    fn sql(&mut self, position: u64, work: &mut SqlWork<'_>) -> Result<Vec<Changed>, Failure> {
        let _ = (position, work);
        Err(Failure::NotExecuted(NO_TABLES.into()))
    }
    /// As [`put`](Self::put), of a row that is in its table already.
    fn record(&mut self, row: &Row, digest: u128) -> Result<(), Failure> {
        self.put(row, digest)
    }
    /// As [`remove`](Self::remove), of a row that is gone from its table already.
    fn forget(&mut self, position: u64, key: &[u8]) -> Result<(), Failure> {
        self.remove(position, key)
    }
    /// Writes a row over what is there. `digest` is the row's.
    fn put(&mut self, row: &Row, digest: u128) -> Result<(), Failure>;
    /// Removes a row.
    fn remove(&mut self, position: u64, key: &[u8]) -> Result<(), Failure>;
    /// The version of a stage's tombstone.
    fn tombstone(&mut self, position: u64, key: &[u8]) -> Result<Option<u64>, Failure>;
    /// Writes a tombstone of a stage.
    fn bury(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure>;
    /// Forgets the tombstones of a run of positions.
    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Failure>;
    /// Notes in the change log that a key was written or deleted.
    fn log(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure>;
    /// Empties the change log of a run of positions.
    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Failure>;
    /// Counts the rows of a run of positions.
    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Failure>;
    /// Deletes at most `rows_max` rows of a run of positions; how many it was.
    fn delete_some(&mut self, lo: u64, hi: u64, rows_max: u64) -> Result<u64, Failure>;
    /// Begins a part that can be undone by itself; parts do not nest.
    fn begin_part(&mut self) -> Result<(), Failure>;
    /// Ends the part, keeping or undoing what it changed.
    fn end_part(&mut self, is_kept: bool) -> Result<(), Failure>;
    /// Saves holdings: first deletes those that begin at `gone`, then writes `new`.
    fn save(&mut self, gone: &[u64], new: &[Holding]) -> Result<(), Failure>;
}

/// What a reader does with a snapshot.
pub type Look<'a> = dyn FnMut(&dyn RowSnapshot) -> Result<(), Failure> + 'a;

/// Reads rows.
pub trait RowReader: Send {
    /// Runs `look` on the store as it is after one transaction.
    ///
    /// # Errors
    /// `look`'s error, or the store's.
    fn snapshot(&mut self, look: &mut Look<'_>) -> Result<(), Failure>;
}

/// The store as of one moment: ownership and rows fit each other.
#[allow(clippy::missing_errors_doc, reason = "each fails as the disk does, and for nothing else")]
pub trait RowSnapshot {
    /// The holding of a position.
    fn holding(&self, position: u64) -> Result<Option<Holding>, Failure>;
    /// A row without its value.
    fn head(&self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure>;
    /// Lets `work` read the service's tables.
    fn sql(&self, work: &mut SqlWork<'_>) -> Result<(), Failure> {
        let _ = work;
        Err(Failure::NotExecuted(NO_TABLES.into()))
    }
    /// A row.
    fn row(&self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure>;
    /// Shows the rows of a run of positions in order of (position, key), those above `after`
    /// only, until `each` says false.
    fn rows(
        &self,
        lo: u64,
        hi: u64,
        after: Option<(u64, &[u8])>,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), Failure>;
    /// Shows position and key of the rows that had ended at `now_ms`, the first to end first,
    /// until `each` says false.
    fn ended(&self, now_ms: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), Failure>;
    /// Shows position and bytes of each row's frame, in order of position.
    fn sizes(&self, lo: u64, hi: u64, each: &mut dyn FnMut(u64, u64)) -> Result<(), Failure>;
    /// The change log of a run of positions above `since`, in order of version.
    fn log(&self, lo: u64, hi: u64, since: u64) -> Result<Vec<Logged>, Failure>;
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The version of the last write or delete.
    pub version: u64,
    /// The row's position.
    pub position: u64,
    /// The row's key.
    pub key: Vec<u8>,
}

/// A transaction as [`Holdings`] needs it.
pub(crate) struct Tx<'a> {
    pub(crate) rows: &'a mut dyn RowTransaction,
    /// Rows and tombstones that imports have taken.
    pub(crate) taken: u64,
}

impl Rows for Tx<'_> {
    type Error = Failure;

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Failure> {
        self.rows.count(lo, hi)
    }

    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        self.rows.delete_some(lo, hi, u64::MAX)?;
        self.rows.forget_tombstones(lo, hi)
    }

    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Failure> {
        let (position, key) = (row.position, row.key.as_slice());
        let head = self.rows.head(position, key)?;
        let newest = match head {
            Some(head) => Some(head.version),
            None => self.rows.tombstone(position, key)?,
        };
        if newest.is_some_and(|newest| newest >= row.version) {
            return Ok(());
        }
        self.taken += 1;
        if let Some(head) = head {
            tally.remove(head.digest);
        }
        if row.value.is_some() {
            let digest = row.digest();
            tally.add(digest);
            return self.rows.put(row, digest);
        }
        if head.is_some() {
            self.rows.remove(position, key)?;
        }
        self.rows.bury(position, key, row.version)
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        self.rows.forget_tombstones(lo, hi)
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        self.rows.clear_log(lo, hi)
    }
}
