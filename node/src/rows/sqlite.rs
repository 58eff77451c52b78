//! Rows in one SQLite file.
//!
//! WAL with `synchronous=FULL`: a commit is on disk when it returns. Unsigned numbers are stored
//! with their top bit flipped as signed ones, so that SQLite's order is theirs.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use ringway_cluster::{FRAME_HEADER_BYTES, Holding, Holdings, Incarnation, Row, Tally};
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension as _, params};

use super::{
    Failure, Head, Logged, Look, RowReader, RowSnapshot, RowStore, RowTransaction, RowWriter, Work,
};

// 2: keys begin with their space, and rows that end have an index.
const FORMAT: &str = "2";
const PAGE_BYTES: u64 = 4_096;

// The value comes last, so that rows are counted without reading values' overflow pages.
const SCHEMA: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE holding (lo INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE kv (
        pos INTEGER, k BLOB, ver INTEGER NOT NULL, expires INTEGER NOT NULL,
        digest BLOB NOT NULL, v BLOB NOT NULL,
        PRIMARY KEY (pos, k)
    ) STRICT, WITHOUT ROWID;
    -- 0, never, is stored as the least number.
    CREATE INDEX kv_ends ON kv (expires) WHERE expires <> -9223372036854775808;
    CREATE TABLE tombstone (
        pos INTEGER, k BLOB, ver INTEGER NOT NULL, PRIMARY KEY (pos, k)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE log (
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
    _lock: File,
}

impl SqliteStore {
    /// Opens the data directory `dir` for the node `name`, or makes it.
    ///
    /// # Errors
    /// As a text, if another process has it open, it is another node's, of another format, or
    /// can't be read and written.
    pub fn open(dir: &Path, name: &str, options: SqliteOptions) -> Result<Self, String> {
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
        let store = Self { path: dir.join("ringway.db"), options, _lock: lock };
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
        Ok(store)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.set_prepared_statement_cache_capacity(32);
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
    let exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'";
    let tables: i64 = connection.query_row(exists, [], |row| row.get(0))?;
    if tables > 0 {
        return Ok(false);
    }
    let incarnation = super::memory::random_incarnation()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    for (field, value) in
        [("format", FORMAT), ("name", name), ("incarnation", &incarnation.to_string())]
    {
        transaction
            .execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![field, value])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn meta(connection: &Connection, field: &str) -> rusqlite::Result<String> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [field], |row| row.get(0))
}

impl RowStore for SqliteStore {
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure> {
        let connection = self.connect().map_err(not_executed)?;
        Ok(Box::new(Writer { connection }))
    }

    fn reader(&self) -> Result<Box<dyn RowReader>, Failure> {
        let connection = self.connect().map_err(not_executed)?;
        connection.pragma_update(None, "query_only", true).map_err(not_executed)?;
        Ok(Box::new(Reader { connection }))
    }
}

struct Writer {
    connection: Connection,
}

impl RowWriter for Writer {
    fn load(&mut self) -> Result<Holdings, Failure> {
        let connection = &self.connection;
        let name = meta(connection, "name").map_err(not_executed)?;
        let incarnation = meta(connection, "incarnation").map_err(not_executed)?;
        let incarnation: Incarnation =
            incarnation.parse().map_err(|error| damaged(&"incarnation", &error))?;
        let mut statement = prepare(connection, "SELECT json FROM holding ORDER BY lo")?;
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
        let done = work(&mut Rows { connection: &self.connection });
        let result = match done {
            Ok(()) => match run("COMMIT") {
                Ok(()) => return Ok(()),
                // SQLite writes the frame that commits last: without room it was not written.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
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
}

impl Rows<'_> {
    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, Failure> {
        prepare(self.connection, sql)?.execute(params).map_err(not_executed)
    }
}

impl RowTransaction for Rows<'_> {
    fn head(&mut self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
        head(self.connection, position, key)
    }

    fn row(&mut self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
        row(self.connection, position, key)
    }

    fn count_keys(&mut self, position: u64, prefix: &[u8], most: u64) -> Result<u64, Failure> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM kv WHERE pos = ?1 AND k >= ?2 \
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

    fn put(&mut self, row: &Row, digest: u128) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO kv (pos, k, ver, expires, digest, v) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(
            sql,
            params![
                to_sql(row.position),
                row.key,
                to_sql(row.version),
                to_sql(row.expires_ms),
                digest.to_le_bytes(),
                row.value.as_deref().unwrap_or_default()
            ],
        )?;
        Ok(())
    }

    fn remove(&mut self, position: u64, key: &[u8]) -> Result<(), Failure> {
        let sql = "DELETE FROM kv WHERE pos = ?1 AND k = ?2";
        self.execute(sql, params![to_sql(position), key])?;
        Ok(())
    }

    fn tombstone(&mut self, position: u64, key: &[u8]) -> Result<Option<u64>, Failure> {
        prepare(self.connection, "SELECT ver FROM tombstone WHERE pos = ?1 AND k = ?2")?
            .query_row(params![to_sql(position), key], |row| row.get(0).map(from_sql))
            .optional()
            .map_err(not_executed)
    }

    fn bury(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO tombstone (pos, k, ver) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![to_sql(position), key, to_sql(version)])?;
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        let sql = "DELETE FROM tombstone WHERE pos BETWEEN ?1 AND ?2";
        self.execute(sql, [to_sql(lo), to_sql(hi)])?;
        Ok(())
    }

    fn log(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO log (pos, k, ver) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![to_sql(position), key, to_sql(version)])?;
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        let sql = "DELETE FROM log WHERE pos BETWEEN ?1 AND ?2";
        self.execute(sql, [to_sql(lo), to_sql(hi)])?;
        Ok(())
    }

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Failure> {
        let sql = "SELECT digest FROM kv WHERE pos BETWEEN ?1 AND ?2";
        let mut statement = prepare(self.connection, sql)?;
        let mut rows = statement.query([to_sql(lo), to_sql(hi)]).map_err(not_executed)?;
        let mut tally = Tally::default();
        while let Some(row) = rows.next().map_err(not_executed)? {
            tally.add(u128::from_le_bytes(row.get(0).map_err(not_executed)?));
        }
        Ok(tally)
    }

    fn delete_some(&mut self, lo: u64, hi: u64, rows_max: u64) -> Result<u64, Failure> {
        let (lo, hi) = (to_sql(lo), to_sql(hi));
        let deleted = match i64::try_from(rows_max) {
            Ok(rows_max) => {
                let sql = "DELETE FROM kv WHERE (pos, k) IN \
                           (SELECT pos, k FROM kv WHERE pos BETWEEN ?1 AND ?2 LIMIT ?3)";
                self.execute(sql, [lo, hi, rows_max])?
            }
            Err(_) => self.execute("DELETE FROM kv WHERE pos BETWEEN ?1 AND ?2", [lo, hi])?,
        };
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }

    fn begin_part(&mut self) -> Result<(), Failure> {
        self.execute("SAVEPOINT part", []).map(drop)
    }

    fn end_part(&mut self, is_kept: bool) -> Result<(), Failure> {
        if !is_kept {
            self.execute("ROLLBACK TO part", [])?;
        }
        self.execute("RELEASE part", []).map(drop)
    }

    fn save(&mut self, gone: &[u64], new: &[Holding]) -> Result<(), Failure> {
        for lo in gone {
            self.execute("DELETE FROM holding WHERE lo = ?1", [to_sql(*lo)])?;
        }
        for holding in new {
            let json = serde_json::to_string(holding).map_err(|e| damaged(&"holding", &e))?;
            let sql = "INSERT OR REPLACE INTO holding (lo, json) VALUES (?1, ?2)";
            self.execute(sql, params![to_sql(holding.lo), json])?;
        }
        Ok(())
    }
}

struct Reader {
    connection: Connection,
}

impl RowReader for Reader {
    fn snapshot(&mut self, look: &mut Look<'_>) -> Result<(), Failure> {
        let run = |statement: &str| {
            self.connection.prepare_cached(statement).and_then(|mut s| s.execute([])).map(|_| ())
        };
        run("BEGIN").map_err(not_executed)?;
        let result = look(&Snapshot { connection: &self.connection });
        let ended = run("COMMIT").map_err(not_executed);
        result.and(ended)
    }
}

struct Snapshot<'a> {
    connection: &'a Connection,
}

impl RowSnapshot for Snapshot<'_> {
    fn holding(&self, position: u64) -> Result<Option<Holding>, Failure> {
        let sql = "SELECT json FROM holding WHERE lo <= ?1 ORDER BY lo DESC LIMIT 1";
        let mut statement = prepare(self.connection, sql)?;
        let mut rows = statement.query([to_sql(position)]).map_err(not_executed)?;
        let Some(row) = rows.next().map_err(not_executed)? else {
            return Ok(None);
        };
        let text = row.get_ref(0).and_then(|text| Ok(text.as_str()?)).map_err(not_executed)?;
        Ok(Some(holding(text)?).filter(|holding| holding.hi >= position))
    }

    fn head(&self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
        head(self.connection, position, key)
    }

    fn row(&self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
        row(self.connection, position, key)
    }

    fn rows(
        &self,
        lo: u64,
        hi: u64,
        after: Option<(u64, &[u8])>,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), Failure> {
        let (sql, first, key) = match after {
            Some((position, key)) => (
                "SELECT pos, k, ver, expires, v FROM kv \
                 WHERE (pos, k) > (?1, ?2) AND pos <= ?3 ORDER BY pos, k",
                position,
                key,
            ),
            None => (
                "SELECT pos, k, ver, expires, v FROM kv \
                 WHERE (pos, k) >= (?1, ?2) AND pos <= ?3 ORDER BY pos, k",
                lo,
                &[][..],
            ),
        };
        let mut statement = prepare(self.connection, sql)?;
        let params = params![to_sql(first), key, to_sql(hi)];
        let mut rows = statement.query(params).map_err(not_executed)?;
        while let Some(row) = rows.next().map_err(not_executed)? {
            let read = || {
                Ok(Row {
                    position: from_sql(row.get(0)?),
                    key: row.get(1)?,
                    value: Some(row.get(4)?),
                    version: from_sql(row.get(2)?),
                    expires_ms: from_sql(row.get(3)?),
                })
            };
            if !each(read().map_err(not_executed)?) {
                break;
            }
        }
        Ok(())
    }

    fn ended(&self, now_ms: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), Failure> {
        ended(self.connection, now_ms, each)
    }

    fn sizes(&self, lo: u64, hi: u64, each: &mut dyn FnMut(u64, u64)) -> Result<(), Failure> {
        let sql = "SELECT pos, length(k) + length(v) FROM kv WHERE pos BETWEEN ?1 AND ?2 \
                   ORDER BY pos";
        let mut statement = prepare(self.connection, sql)?;
        let mut rows = statement.query([to_sql(lo), to_sql(hi)]).map_err(not_executed)?;
        while let Some(row) = rows.next().map_err(not_executed)? {
            let read = || rusqlite::Result::Ok((row.get(0)?, row.get::<_, i64>(1)?));
            let (position, bytes) = read().map_err(not_executed)?;
            each(from_sql(position), u64::try_from(bytes).unwrap_or(0) + FRAME_HEADER_BYTES as u64);
        }
        Ok(())
    }

    fn log(&self, lo: u64, hi: u64, since: u64) -> Result<Vec<Logged>, Failure> {
        let sql = "SELECT ver, pos, k FROM log WHERE pos BETWEEN ?1 AND ?2 AND ver > ?3 \
                   ORDER BY ver";
        let mut statement = prepare(self.connection, sql)?;
        let entry = |row: &rusqlite::Row<'_>| {
            Ok(Logged {
                version: from_sql(row.get(0)?),
                position: from_sql(row.get(1)?),
                key: row.get(2)?,
            })
        };
        let entries = statement
            .query_map([to_sql(lo), to_sql(hi), to_sql(since)], entry)
            .map_err(not_executed)?;
        entries.collect::<rusqlite::Result<_>>().map_err(not_executed)
    }
}

fn head(connection: &Connection, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
    let sql = "SELECT ver, expires, digest, length(v) FROM kv WHERE pos = ?1 AND k = ?2";
    prepare(connection, sql)?
        .query_row(params![to_sql(position), key], |row| {
            Ok(Head {
                version: from_sql(row.get(0)?),
                expires_ms: from_sql(row.get(1)?),
                digest: u128::from_le_bytes(row.get(2)?),
                value_len: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            })
        })
        .optional()
        .map_err(not_executed)
}

fn ended(
    connection: &Connection,
    now_ms: u64,
    each: &mut dyn FnMut(u64, &[u8]) -> bool,
) -> Result<(), Failure> {
    // The first condition is the index's own.
    let sql = "SELECT pos, k FROM kv WHERE expires <> -9223372036854775808 \
               AND expires <= ?1 ORDER BY expires, pos, k";
    let mut statement = prepare(connection, sql)?;
    let mut rows = statement.query([to_sql(now_ms)]).map_err(not_executed)?;
    while let Some(row) = rows.next().map_err(not_executed)? {
        let position = row.get(0).map(from_sql).map_err(not_executed)?;
        let key = row.get_ref(1).and_then(|key| Ok(key.as_blob()?)).map_err(not_executed)?;
        if !each(position, key) {
            break;
        }
    }
    Ok(())
}

fn row(connection: &Connection, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
    prepare(connection, "SELECT ver, expires, v FROM kv WHERE pos = ?1 AND k = ?2")?
        .query_row(params![to_sql(position), key], |row| {
            Ok(Row {
                position,
                key: key.to_vec(),
                value: Some(row.get(2)?),
                version: from_sql(row.get(0)?),
                expires_ms: from_sql(row.get(1)?),
            })
        })
        .optional()
        .map_err(not_executed)
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, Failure> {
    connection.prepare_cached(sql).map_err(not_executed)
}

fn holding(text: &str) -> Result<Holding, Failure> {
    serde_json::from_str(text).map_err(|error| damaged(&"holding", &error))
}

/// Order is kept: the top bit flipped, read as signed.
const fn to_sql(number: u64) -> i64 {
    (number ^ 1 << 63).cast_signed()
}

const fn from_sql(number: i64) -> u64 {
    number.cast_unsigned() ^ 1 << 63
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
