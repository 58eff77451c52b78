//! What a handler reads and writes for one request.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use ringway_cluster::{Access, Holdings, Row};
use rusqlite::{Connection, ErrorCode};

use crate::{
    engine::{alive, erase, store},
    http::{
        data::Shared,
        gate::{check, misdirected},
        reply::{Reply, text},
    },
    rows::{
        Changed, Failure, OF_HANDLER, RowSnapshot, SqlWork, Tx,
        key::{KEY_BYTES_MAX, row_key},
        of_handler,
    },
};

/// Bytes that a write is counted with in the queue before it is known what it writes.
const WRITE_BYTES: usize = 4 << 10;

/// The key that a request is for, which this node owned when its head came.
///
/// A [`ShardLayer`](crate::ShardLayer) puts it among the extensions of each request that it lets
/// through. Whether the key is still owned is decided again in the transaction of each
/// [`read`](Self::read) and [`write`](Self::write): what they give is true, and what they do is
/// done, or the answer is a [`Refused`] and nothing was. State that a handler keeps elsewhere does
/// not move with the key.
#[derive(Clone)]
pub struct Owned {
    shared: Arc<Shared>,
    position: u64,
    epoch: u64,
    key: Arc<[u8]>,
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, epoch, .. } = self;
        write!(f, "Owned {{ position: {position}, epoch: {epoch} }}")
    }
}

/// Nothing was done: the answer says why, and goes to the proxy as it is.
#[derive(Debug)]
pub struct Refused(Box<Reply>);

impl Refused {
    /// 421 if the key is another node's now or moves, 503 if the store of the map or the disk can't
    /// be reached, 500 if the disk failed so that the outcome is unknown.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        *self.0
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.0.status())
    }
}

impl std::error::Error for Refused {}

impl Owned {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        position: u64,
        epoch: u64,
        key: Arc<[u8]>,
    ) -> Self {
        Self { shared, position, epoch, key }
    }

    /// The sharding key, as the proxy says it; empty if it does not.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Its position. Keys of one position move together, and share their rows.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Reads rows, as of one moment at which this node owned the key.
    ///
    /// `work` runs on a thread for reading; it should not wait for anything else.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&View<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Refused> {
        let (position, epoch) = (self.position, self.epoch);
        let now_ms = self.shared.clock.now_ms();
        let read = self.shared.engine.read(move |rows| {
            if let Err(access) = check(rows, position, epoch)? {
                return Ok(Err(access));
            }
            guarded(|| work(&View { rows, position, now_ms })).map(Ok)
        });
        self.outcome(read.await)
    }

    /// Changes rows in a transaction in which this node owns the key; durable on return.
    ///
    /// `work` sees its own changes. All of them are undone if it fails, panics or says
    /// [`undo`](Transaction::undo). It runs on the one thread that writes, together with others'
    /// that share its sync of the disk: it should take microseconds.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Refused> {
        let (position, epoch) = (self.position, self.epoch);
        let now_ms = self.shared.clock.now_ms();
        let body_bytes_max = self.shared.body_bytes_max;
        let written = self.shared.engine.write(WRITE_BYTES, move |all, tx| {
            let access = all.check(position, epoch);
            let before = all.find(position).filter(|_| access == Access::Serve).cloned();
            let Some(before) = before else { return Ok(Ok(Err(access))) };
            tx.rows.begin_part()?;
            let mut transaction = Transaction {
                all,
                tx,
                position,
                now_ms,
                body_bytes_max,
                undone: false,
                fault: None,
            };
            let worked = guarded(|| work(&mut transaction));
            let worked = transaction.fault.take().map_or(worked, Err);
            let undone = transaction.undone || worked.is_err();
            tx.rows.end_part(!undone)?;
            if undone && let Some(holding) = all.find_mut(position) {
                *holding = before;
            }
            // A failure of this work is not one of the others that share the transaction.
            Ok(worked.map(Ok))
        });
        self.outcome(written.await.and_then(|worked| worked))
    }

    fn outcome<T>(&self, outcome: Result<Result<T, Access>, Failure>) -> Result<T, Refused> {
        let reply = match outcome {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(access)) => misdirected(&self.shared.engine.holdings(), self.position, access),
            Err(Failure::NotExecuted(reason)) if reason == PANICKED => {
                text(StatusCode::INTERNAL_SERVER_ERROR, PANICKED)
            }
            Err(Failure::NotExecuted(reason)) if reason.starts_with(OF_HANDLER) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{reason}; nothing was executed"))
            }
            Err(failure) => self.shared.failed(self.position, &failure),
        };
        Err(Refused(Box::new(reply)))
    }
}

const PANICKED: &str = "the handler panicked; nothing was executed";

/// A panic of a handler must not end the thread that all others wait for.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let panicked = |_| Err(Failure::NotExecuted(PANICKED.into()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

fn checked_key(key: &[u8]) -> Result<Vec<u8>, Failure> {
    match key.len() {
        1..=KEY_BYTES_MAX => Ok(row_key(key)),
        len => {
            let reason = format!("a row's key has {len} bytes; from 1 to {KEY_BYTES_MAX} can be");
            Err(Failure::NotExecuted(reason))
        }
    }
}

/// The rows of one position, as of one moment.
pub struct View<'a> {
    rows: &'a dyn RowSnapshot,
    position: u64,
    now_ms: u64,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("position", &self.position).finish_non_exhaustive()
    }
}

impl View<'_> {
    /// The value of a row.
    ///
    /// # Errors
    /// As the disk does; also if the key has no byte or more than 4,096.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let row = self.rows.row(self.position, &checked_key(key)?)?;
        Ok(row.filter(|row| is_alive(row, self.now_ms)).and_then(|row| row.value))
    }

    /// Reads the service's own tables ([`Tables`](crate::Tables)).
    ///
    /// Rows of this request's key are all there. A query that does not name the key also sees rows of
    /// keys that just arrive here or are left to be deleted.
    ///
    /// # Errors
    /// `work`'s error, which is answered with 500; also if the store has no tables.
    pub fn sql<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        once(work, |work| self.rows.sql(work))
    }

    /// Shows key and value of each row whose key begins with `prefix`, in order of key, until
    /// `each` says false.
    ///
    /// # Complexity
    /// O(rows shown), and those that have ended.
    ///
    /// # Errors
    /// As the disk does; also if the prefix has no byte or more than 4,096.
    pub fn each(
        &self,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Failure> {
        let begin = checked_key(prefix)?;
        let mut show = |row: &Row| match &row.value {
            Some(value) if is_alive(row, self.now_ms) => each(&row.key[1..], value),
            _ => true,
        };
        // The rows above a key are not the key's own.
        if let Some(row) = self.rows.row(self.position, &begin)?
            && !show(&row)
        {
            return Ok(());
        }
        let after = Some((self.position, begin.as_slice()));
        self.rows.rows(self.position, self.position, after, &mut |row| {
            row.key.starts_with(&begin) && show(&row)
        })
    }
}

const fn is_alive(row: &Row, now_ms: u64) -> bool {
    row.expires_ms == 0 || row.expires_ms > now_ms
}

/// The rows of one position, to be changed.
pub struct Transaction<'a, 'b> {
    all: &'a mut Holdings,
    tx: &'a mut Tx<'b>,
    position: u64,
    now_ms: u64,
    body_bytes_max: usize,
    undone: bool,
    /// Why it can't stand, whatever the handler says.
    fault: Option<Failure>,
}

impl fmt::Debug for Transaction<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Transaction<'_, '_> {
    /// The value of a row.
    ///
    /// # Errors
    /// As the disk does; also if the key has no byte or more than 4,096.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let row = self.tx.rows.row(self.position, &checked_key(key)?)?;
        Ok(row.filter(|row| is_alive(row, self.now_ms)).and_then(|row| row.value))
    }

    /// Writes a row over what is there; its version, which never repeats for a key.
    ///
    /// # Errors
    /// As the disk does; also if the key has no byte or more than 4,096.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<u64, Failure> {
        let key = checked_key(key)?;
        let old = self.tx.rows.head(self.position, &key)?;
        let holding = self.all.find_mut(self.position).ok_or_else(gone)?;
        let value = Some(value.to_vec());
        let row = Row { position: self.position, key, value, version: 0, expires_ms: 0 };
        store(holding, self.tx, row, old)
    }

    /// Deletes a row; whether it was there.
    ///
    /// # Errors
    /// As the disk does; also if the key has no byte or more than 4,096.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Failure> {
        let key = checked_key(key)?;
        let Some(old) = self.tx.rows.head(self.position, &key)? else { return Ok(false) };
        let holding = self.all.find_mut(self.position).ok_or_else(gone)?;
        erase(holding, self.tx, &key, self.position, old)?;
        Ok(alive(Some(old), self.now_ms).is_some())
    }

    /// Changes the service's own tables ([`Tables`](crate::Tables)): rows of this request's key, and of
    /// no other. It sees what it has changed. If it fails, it has changed nothing.
    ///
    /// # Errors
    /// `work`'s error, which is answered with 500: a constraint that a client can break is matched in
    /// `work`. Also if a row of another key is changed, or one becomes larger than `body_bytes_max`.
    ///
    /// # Complexity
    /// O(rows changed) beside the SQL itself.
    pub fn sql<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let (position, mut changed) = (self.position, Vec::new());
        let done = once(work, |work| {
            changed = self.tx.rows.sql(position, &mut |connection| work(connection))?;
            Ok(())
        })?;
        // The tables have changed: without this the transaction may not stand.
        self.note(changed).inspect_err(|failure| self.fault = Some(failure.clone()))?;
        Ok(done)
    }

    /// Gives rows that SQL has changed a version, and logs them.
    fn note(&mut self, changed: Vec<Changed>) -> Result<(), Failure> {
        let (position, max) = (self.position, self.body_bytes_max);
        for Changed { key, value } in changed {
            let old = self.tx.rows.head(position, &key)?;
            let holding = self.all.find_mut(position).ok_or_else(gone)?;
            match (value, old) {
                (Some(value), _) if value.len() > max => {
                    return Err(of_handler(format!("a row is larger than {max} bytes")));
                }
                (Some(value), old) => {
                    let value = Some(value);
                    let row = Row { position, key, value, version: 0, expires_ms: 0 };
                    store(holding, self.tx, row, old)?;
                }
                (None, Some(old)) => erase(holding, self.tx, &key, position, old)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Undoes all changes of this transaction when the work is over; what it returns is returned.
    pub const fn undo(&mut self) {
        self.undone = true;
    }
}

/// Runs `work` where an object is asked for that may be called often.
fn once<T>(
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    run: impl FnOnce(&mut SqlWork<'_>) -> Result<(), Failure>,
) -> Result<T, Failure> {
    let (mut work, mut done) = (Some(work), None);
    run(&mut |connection| {
        if let Some(work) = work.take() {
            done = Some(work(connection).map_err(|error| of_sql(&error))?);
        }
        Ok(())
    })?;
    done.ok_or_else(|| Failure::NotExecuted("the store ran no SQL".into()))
}

/// A disk that is full or busy is no fault of the handler's.
fn of_sql(error: &rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy) => {
            Failure::NotExecuted(error.to_string())
        }
        _ => of_handler(error.to_string()),
    }
}

fn gone() -> Failure {
    Failure::NotExecuted("the range is gone".into())
}
