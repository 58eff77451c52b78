//! Rows in one SQLite file.
//!
//! WAL with `synchronous=FULL`: a commit is on disk when it returns. Unsigned numbers are stored
//! with their top bit flipped as signed ones, so that SQLite's order is theirs.

mod read;

use std::{
    cell::Cell,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use ringway_cluster::{Holding, Holdings, Incarnation, Row, Tally};
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension as _, params};

use self::read::{Reader, ended, head, row};
use super::{
    Changed, Failure, Head, RowReader, RowStore, RowTransaction, RowWriter, SqlWork, Work,
    key::TABLE,
    tables::{Moving, Tables},
};

// 3: the tables' names begin with ringway_, so that a service may have any others.
const FORMAT: &str = "3";
const PAGE_BYTES: u64 = 4_096;

// The value comes last, so that rows are counted without reading values' overflow pages.
const SCHEMA: &str = "
    CREATE TABLE ringway_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE ringway_holding (lo INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE ringway_kv (
        pos INTEGER, k BLOB, ver INTEGER NOT NULL, expires INTEGER NOT NULL,
        digest BLOB NOT NULL, v BLOB NOT NULL,
        PRIMARY KEY (pos, k)
    ) STRICT, WITHOUT ROWID;
    -- 0, never, is stored as the least number.
    CREATE INDEX ringway_ends ON ringway_kv (expires) WHERE expires <> -9223372036854775808;
    CREATE TABLE ringway_tombstone (
        pos INTEGER, k BLOB, ver INTEGER NOT NULL, PRIMARY KEY (pos, k)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ringway_log (
        pos INTEGER, k BLOB, ver INTEGER NOT NULL, PRIMARY KEY (pos, k)
    ) STRICT, WITHOUT ROWID;
";

/// What can be chosen about a SQLite store.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteOptions {
    /// The database file grows no further than this; writes then fail as on a full disk.
    pub data_bytes_max: Option<u64>,
}

/// Rows in the file `ringway.db` of a data directory, which is locked while this lives.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    moving: Option<Moving>,
    _lock: File,
}

impl SqliteStore {
    /// Opens the data directory `dir` for the node `name`, or makes it.
    ///
    /// # Errors
    /// As a text, if another process has it open, it is another node's, of another format, or
    /// can't be read and written.
    pub fn open(dir: &Path, name: &str, options: SqliteOptions) -> Result<Self, String> {
        Self::open_all(dir, name, options, None)
    }

    /// As [`open`](Self::open), with tables of the service's own in the same file.
    ///
    /// # Errors
    /// Also if a table can't move: the text says which one, why and what to do.
    pub fn open_with(
        dir: &Path,
        name: &str,
        options: SqliteOptions,
        tables: Tables,
    ) -> Result<Self, String> {
        Self::open_all(dir, name, options, Some(tables))
    }

    fn open_all(
        dir: &Path,
        name: &str,
        options: SqliteOptions,
        tables: Option<Tables>,
    ) -> Result<Self, String> {
        let at = |what: &str, error: &dyn std::fmt::Display| {
            format!("data directory {}: {what}: {error}", dir.display())
        };
        std::fs::create_dir_all(dir).map_err(|error| at("can't be made", &error))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))
            .map_err(|error| at("can't open its lock", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(at("in use", &"another node process has it open; stop that first"));
            }
            Err(TryLockError::Error(error)) => return Err(at("can't be locked", &error)),
        }
        let path = dir.join("ringway.db");
        let mut store = Self { path, options, moving: None, _lock: lock };
        let mut connection =
            store.connect().map_err(|error| at("can't open ringway.db", &error))?;
        let fresh = create(&mut connection, name).map_err(|error| at("ringway.db", &error))?;
        if fresh {
            // The directory's own entry has to last, too.
            let sync = |dir: &Path| File::open(dir).and_then(|dir| dir.sync_all());
            let whole = dir.canonicalize();
            let synced = whole.and_then(|dir| dir.parent().map_or(Ok(()), sync).and(sync(&dir)));
            synced.map_err(|error| at("can't be synced", &error))?;
        }
        let meta = |field: &str| {
            meta(&connection, field).map_err(|error| at("ringway.db can't be read", &error))
        };
        let format = meta("format")?;
        if format != FORMAT {
            let is = format!(
                "of format {format}; this program reads format {FORMAT}: move the rows away with \
                 the program that wrote them, then start with an empty directory"
            );
            return Err(at("ringway.db is", &is));
        }
        let owner = meta("name")?;
        if owner != name {
            let is = format!("{owner:?}, not {name:?}; give that --name, or another --data");
            return Err(at("belongs to another node", &is));
        }
        match tables {
            Some(tables) => {
                let moving = tables.open(&mut connection).map_err(|e| at("ringway.db", &e))?;
                store.moving = Some(moving);
            }
            None if has_tables(&connection).map_err(|e| at("ringway.db can't be read", &e))? => {
                return Err(at("ringway.db", &"has tables of a service; open it with them"));
            }
            None => {}
        }
        Ok(store)
    }

    /// A connection for a thread that works for the service, too, with a watch of its own.
    fn equipped(&self) -> Result<(Connection, Option<Moving>), Failure> {
        let mut connection = self.connect().map_err(not_executed)?;
        let moving = self.moving.as_ref().map(|moving| moving.equip(&mut connection));
        Ok((connection, moving.transpose().map_err(Failure::NotExecuted)?))
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.pragma_update(None, "cache_size", -32_768)?;
        if let Some(bytes) = self.options.data_bytes_max {
            let pages = i64::try_from((bytes / PAGE_BYTES).max(1)).unwrap_or(i64::MAX);
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(connection)
    }
}

/// Makes the tables and the incarnation, unless they are there.
fn create(connection: &mut Connection, name: &str) -> rusqlite::Result<bool> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'ringway_meta'";
    let tables: i64 = connection.query_row(exists, [], |row| row.get(0))?;
    if tables > 0 {
        return Ok(false);
    }
    let others = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    if connection.query_row(others, [], |row| row.get::<_, i64>(0))? > 0 {
        let reason = "has tables, but none of this program; move its rows away with the program \
                      that wrote them, then start with an empty directory";
        return Err(rusqlite::Error::UserFunctionError(reason.into()));
    }
    let incarnation = super::memory::random_incarnation()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    for (field, value) in
        [("format", FORMAT), ("name", name), ("incarnation", &incarnation.to_string())]
    {
        transaction.execute(
            "INSERT INTO ringway_meta (name, value) VALUES (?1, ?2)",
            params![field, value],
        )?;
    }
    transaction.commit()?;
    Ok(true)
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM ringway_meta WHERE name LIKE 'table %'";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

fn meta(connection: &Connection, field: &str) -> rusqlite::Result<String> {
    connection
        .query_row("SELECT value FROM ringway_meta WHERE name = ?1", [field], |row| row.get(0))
}

impl RowStore for SqliteStore {
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure> {
        let (connection, moving) = self.equipped()?;
        if moving.is_some() {
            Moving::set_triggers(&connection, true).map_err(not_executed)?;
        }
        let has_triggers = Cell::new(true);
        Ok(Box::new(Writer { connection, moving, has_triggers }))
    }

    fn reader(&self) -> Result<Box<dyn RowReader>, Failure> {
        let (connection, moving) = self.equipped()?;
        connection.pragma_update(None, "query_only", true).map_err(not_executed)?;
        Ok(Box::new(Reader { connection, moving }))
    }
}

struct Writer {
    connection: Connection,
    moving: Option<Moving>,
    /// Whether triggers and foreign keys are on; a change makes all statements anew.
    has_triggers: Cell<bool>,
}

impl RowWriter for Writer {
    fn load(&mut self) -> Result<Holdings, Failure> {
        let connection = &self.connection;
        let name = meta(connection, "name").map_err(not_executed)?;
        let incarnation = meta(connection, "incarnation").map_err(not_executed)?;
        let incarnation: Incarnation =
            incarnation.parse().map_err(|error| damaged(&"incarnation", &error))?;
        let mut statement = prepare(connection, "SELECT json FROM ringway_holding ORDER BY lo")?;
        let texts = statement.query_map([], |row| row.get::<_, String>(0)).map_err(not_executed)?;
        let mut holdings = Vec::new();
        for text in texts {
            holdings.push(holding(&text.map_err(not_executed)?)?);
        }
        Ok(Holdings::new(name, incarnation, holdings))
    }

    fn transact(&mut self, work: &mut Work<'_>) -> Result<(), Failure> {
        let run = |statement: &str| {
            self.connection.prepare_cached(statement).and_then(|mut s| s.execute([])).map(|_| ())
        };
        run("BEGIN IMMEDIATE").map_err(not_executed)?;
        let done = work(&mut Rows {
            connection: &self.connection,
            moving: self.moving.as_ref(),
            has_triggers: &self.has_triggers,
        });
        let result = match done {
            Ok(()) => match run("COMMIT") {
                Ok(()) => return Ok(()),
                // SQLite writes the frame that commits last: without room it was not written.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                    Err(not_executed(error))
                }
                // A deferred constraint: the transaction is open still.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    Err(not_executed(error))
                }
                Err(error) => Err(Failure::Unknown(error.to_string())),
            },
            Err(failure) => Err(failure),
        };
        // A failed statement may have rolled back by itself.
        if !self.connection.is_autocommit() {
            run("ROLLBACK").map_err(|error| Failure::Unknown(error.to_string()))?;
        }
        result
    }
}

struct Rows<'a> {
    connection: &'a Connection,
    moving: Option<&'a Moving>,
    has_triggers: &'a Cell<bool>,
}

impl Rows<'_> {
    fn moving(&self) -> Result<&Moving, Failure> {
        self.moving.ok_or_else(|| Failure::NotExecuted(super::NO_TABLES.into()))
    }

    fn set_triggers(&self, are_on: bool) -> Result<(), Failure> {
        if self.has_triggers.get() != are_on {
            Moving::set_triggers(self.connection, are_on).map_err(not_executed)?;
            self.has_triggers.set(are_on);
        }
        Ok(())
    }

    /// Deletes the first rows of a run of positions.
    fn delete_keys(&mut self, lo: u64, hi: u64, rows_max: usize) -> Result<u64, Failure> {
        let (first, last) = (to_sql(lo), to_sql(hi));
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        if self.moving.is_some() {
            let sql = "SELECT pos, k FROM ringway_kv WHERE pos BETWEEN ?1 AND ?2 \
                       ORDER BY pos, k LIMIT ?3";
            let keys: Vec<(i64, Vec<u8>)> = prepare(self.connection, sql)?
                .query_map([first, last, limit], |row| Ok((row.get(0)?, row.get(1)?)))
                .and_then(Iterator::collect::<rusqlite::Result<_>>)
                .map_err(not_executed)?;
            for (position, key) in &keys {
                self.remove(from_sql(*position), key)?;
            }
            return Ok(keys.len() as u64);
        }
        let sql = "DELETE FROM ringway_kv WHERE (pos, k) IN \
                   (SELECT pos, k FROM ringway_kv WHERE pos BETWEEN ?1 AND ?2 LIMIT ?3)";
        let deleted = self.execute(sql, [first, last, limit])?;
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }

    /// Runs a handler's SQL, and finds what it changed.
    fn changes(&self, position: u64, work: &mut SqlWork<'_>) -> Result<Vec<Changed>, Failure> {
        let moving = self.moving()?;
        let guarded = moving.guard(Some(position));
        let worked = work(self.connection);
        drop(guarded);
        let changed = moving.changed();
        worked?;
        let read = |key: Vec<u8>| {
            let value = moving.shape(&key)?.read(self.connection, position, &key)?;
            Ok(Changed { key, value })
        };
        changed.into_iter().map(read).collect::<Result<_, _>>().map_err(super::of_handler)
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, Failure> {
        prepare(self.connection, sql)?.execute(params).map_err(not_executed)
    }
}

impl RowTransaction for Rows<'_> {
    fn head(&mut self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
        head(self.connection, position, key)
    }

    fn row(&mut self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
        row(self.connection, self.moving, position, key)
    }

    fn count_keys(&mut self, position: u64, prefix: &[u8], most: u64) -> Result<u64, Failure> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM ringway_kv WHERE pos = ?1 AND k >= ?2 \
                   AND substr(k, 1, ?3) = ?2 LIMIT ?4)";
        let len = i64::try_from(prefix.len()).unwrap_or(i64::MAX);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let params = params![to_sql(position), prefix, len, most];
        let count = prepare(self.connection, sql)?.query_row(params, |row| row.get::<_, i64>(0));
        count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(not_executed)
    }

    fn ended(
        &mut self,
        lo: u64,
        hi: u64,
        now_ms: u64,
        rows_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let mut found = Vec::new();
        ended(self.connection, now_ms, &mut |position, key| {
            if (lo..=hi).contains(&position) && found.len() < rows_max {
                found.push((position, key.to_vec()));
            }
            found.len() < rows_max
        })?;
        Ok(found)
    }

    fn sql(&mut self, position: u64, work: &mut SqlWork<'_>) -> Result<Vec<Changed>, Failure> {
        self.set_triggers(true)?;
        // By itself it is whole or nothing, also if the handler goes on after a failure.
        self.execute("SAVEPOINT ringway_sql", [])?;
        let changed = self.changes(position, work);
        if changed.is_err() {
            self.execute("ROLLBACK TO ringway_sql", [])?;
        }
        self.execute("RELEASE ringway_sql", [])?;
        changed
    }

    fn put(&mut self, row: &Row, digest: u128) -> Result<(), Failure> {
        if row.key.first() == Some(&TABLE) {
            let (moving, value) = (self.moving()?, row.value.as_deref().unwrap_or_default());
            if row.expires_ms != 0 {
                return Err(Failure::NotExecuted("a table's row comes with an end".into()));
            }
            self.set_triggers(false)?;
            let shape = moving.shape(&row.key).map_err(Failure::NotExecuted)?;
            let written = shape.write(self.connection, moving, row.position, &row.key, value);
            written.map_err(Failure::NotExecuted)?;
        }
        self.record(row, digest)
    }

    fn record(&mut self, row: &Row, digest: u128) -> Result<(), Failure> {
        let mut value = row.value.as_deref().unwrap_or_default();
        // The table has the row; this has its length.
        let len = value.len().to_string();
        if row.key.first() == Some(&TABLE) {
            value = len.as_bytes();
        }
        let sql = "INSERT OR REPLACE INTO ringway_kv (pos, k, ver, expires, digest, v) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(
            sql,
            params![
                to_sql(row.position),
                row.key,
                to_sql(row.version),
                to_sql(row.expires_ms),
                digest.to_le_bytes(),
                value
            ],
        )?;
        Ok(())
    }

    fn remove(&mut self, position: u64, key: &[u8]) -> Result<(), Failure> {
        if key.first() == Some(&TABLE) {
            self.set_triggers(false)?;
            let shape = self.moving()?.shape(key).map_err(Failure::NotExecuted)?;
            shape.delete(self.connection, key).map_err(Failure::NotExecuted)?;
        }
        self.forget(position, key)
    }

    fn forget(&mut self, position: u64, key: &[u8]) -> Result<(), Failure> {
        let sql = "DELETE FROM ringway_kv WHERE pos = ?1 AND k = ?2";
        self.execute(sql, params![to_sql(position), key])?;
        Ok(())
    }

    fn tombstone(&mut self, position: u64, key: &[u8]) -> Result<Option<u64>, Failure> {
        prepare(self.connection, "SELECT ver FROM ringway_tombstone WHERE pos = ?1 AND k = ?2")?
            .query_row(params![to_sql(position), key], |row| row.get(0).map(from_sql))
            .optional()
            .map_err(not_executed)
    }

    fn bury(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO ringway_tombstone (pos, k, ver) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![to_sql(position), key, to_sql(version)])?;
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        let sql = "DELETE FROM ringway_tombstone WHERE pos BETWEEN ?1 AND ?2";
        self.execute(sql, [to_sql(lo), to_sql(hi)])?;
        Ok(())
    }

    fn log(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO ringway_log (pos, k, ver) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![to_sql(position), key, to_sql(version)])?;
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        let sql = "DELETE FROM ringway_log WHERE pos BETWEEN ?1 AND ?2";
        self.execute(sql, [to_sql(lo), to_sql(hi)])?;
        Ok(())
    }

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Failure> {
        let sql = "SELECT digest FROM ringway_kv WHERE pos BETWEEN ?1 AND ?2";
        let mut statement = prepare(self.connection, sql)?;
        let mut rows = statement.query([to_sql(lo), to_sql(hi)]).map_err(not_executed)?;
        let mut tally = Tally::default();
        while let Some(row) = rows.next().map_err(not_executed)? {
            tally.add(u128::from_le_bytes(row.get(0).map_err(not_executed)?));
        }
        Ok(tally)
    }

    fn delete_some(&mut self, lo: u64, hi: u64, rows_max: u64) -> Result<u64, Failure> {
        if let Ok(rows_max) = usize::try_from(rows_max).map(|max| max.min(i32::MAX as usize))
            && rows_max < i32::MAX as usize
        {
            return self.delete_keys(lo, hi, rows_max);
        }
        if let Some(moving) = self.moving {
            self.set_triggers(false)?;
            for shape in moving.shapes() {
                shape.delete_range(self.connection, lo, hi).map_err(Failure::NotExecuted)?;
            }
        }
        let sql = "DELETE FROM ringway_kv WHERE pos BETWEEN ?1 AND ?2";
        let deleted = self.execute(sql, [to_sql(lo), to_sql(hi)])?;
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }

    fn begin_part(&mut self) -> Result<(), Failure> {
        self.execute("SAVEPOINT ringway_part", []).map(drop)
    }

    fn end_part(&mut self, is_kept: bool) -> Result<(), Failure> {
        if !is_kept {
            self.execute("ROLLBACK TO ringway_part", [])?;
        }
        self.execute("RELEASE ringway_part", []).map(drop)
    }

    fn save(&mut self, gone: &[u64], new: &[Holding]) -> Result<(), Failure> {
        for lo in gone {
            self.execute("DELETE FROM ringway_holding WHERE lo = ?1", [to_sql(*lo)])?;
        }
        for holding in new {
            let json = serde_json::to_string(holding).map_err(|e| damaged(&"holding", &e))?;
            let sql = "INSERT OR REPLACE INTO ringway_holding (lo, json) VALUES (?1, ?2)";
            self.execute(sql, params![to_sql(holding.lo), json])?;
        }
        Ok(())
    }
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, Failure> {
    connection.prepare_cached(sql).map_err(not_executed)
}

fn holding(text: &str) -> Result<Holding, Failure> {
    serde_json::from_str(text).map_err(|error| damaged(&"holding", &error))
}

/// Order is kept: the top bit flipped, read as signed.
const fn to_sql(number: u64) -> i64 {
    super::tables::ring_pos(number)
}

const fn from_sql(number: i64) -> u64 {
    super::tables::ring_position(number)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_executed(error: rusqlite::Error) -> Failure {
    Failure::NotExecuted(error.to_string())
}

fn damaged(what: &dyn std::fmt::Display, error: &dyn std::fmt::Display) -> Failure {
    Failure::NotExecuted(format!("the database holds a {what} that can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{from_sql, to_sql};

    #[test]
    fn numbers_keep_their_order() {
        let numbers = [0, 1, (1 << 63) - 1, 1 << 63, u64::MAX];
        assert!(numbers.map(to_sql).is_sorted());
        assert_eq!(numbers.map(to_sql).map(from_sql), numbers);
    }
}
