//! What readers see of the file.

use ringway_cluster::{FRAME_HEADER_BYTES, Holding, Row};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{damaged, from_sql, holding, not_executed, prepare, to_sql};
use crate::rows::{
    Failure, Head, Logged, Look, NO_TABLES, RowReader, RowSnapshot, SqlWork, key::TABLE,
    tables::Moving,
};

pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) moving: Option<Moving>,
}

impl RowReader for Reader {
    fn snapshot(&mut self, look: &mut Look<'_>) -> Result<(), Failure> {
        let run = |statement: &str| {
            self.connection.prepare_cached(statement).and_then(|mut s| s.execute([])).map(|_| ())
        };
        run("BEGIN").map_err(not_executed)?;
        let result = look(&Snapshot { connection: &self.connection, moving: self.moving.as_ref() });
        let ended = run("COMMIT").map_err(not_executed);
        result.and(ended)
    }
}

struct Snapshot<'a> {
    connection: &'a Connection,
    moving: Option<&'a Moving>,
}

impl RowSnapshot for Snapshot<'_> {
    fn holding(&self, position: u64) -> Result<Option<Holding>, Failure> {
        let sql = "SELECT json FROM ringway_holding WHERE lo <= ?1 ORDER BY lo DESC LIMIT 1";
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
        row(self.connection, self.moving, position, key)
    }

    fn sql(&self, work: &mut SqlWork<'_>) -> Result<(), Failure> {
        let moving = self.moving.ok_or_else(|| Failure::NotExecuted(NO_TABLES.into()))?;
        let _guarded = moving.guard(None);
        work(self.connection)
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
                "SELECT pos, k, ver, expires, v FROM ringway_kv \
                 WHERE (pos, k) > (?1, ?2) AND pos <= ?3 ORDER BY pos, k",
                position,
                key,
            ),
            None => (
                "SELECT pos, k, ver, expires, v FROM ringway_kv \
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
                rusqlite::Result::Ok(Row {
                    position: from_sql(row.get(0)?),
                    key: row.get(1)?,
                    value: Some(row.get(4)?),
                    version: from_sql(row.get(2)?),
                    expires_ms: from_sql(row.get(3)?),
                })
            };
            let row = read().map_err(not_executed)?;
            if !each(whole(self.connection, self.moving, row)?) {
                break;
            }
        }
        Ok(())
    }

    fn ended(&self, now_ms: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), Failure> {
        ended(self.connection, now_ms, each)
    }

    fn sizes(&self, lo: u64, hi: u64, each: &mut dyn FnMut(u64, u64)) -> Result<(), Failure> {
        let sql = "SELECT pos, length(k) + \
                   iif(k >= x'02' AND k < x'03', CAST(v AS INTEGER), length(v)) FROM ringway_kv WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
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
        let sql = "SELECT ver, pos, k FROM ringway_log WHERE pos BETWEEN ?1 AND ?2 AND ver > ?3 \
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

pub(super) fn head(
    connection: &Connection,
    position: u64,
    key: &[u8],
) -> Result<Option<Head>, Failure> {
    let sql = "SELECT ver, expires, digest, \
               iif(k >= x'02' AND k < x'03', CAST(v AS INTEGER), length(v)) FROM ringway_kv WHERE pos = ?1 AND k = ?2";
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

pub(super) fn ended(
    connection: &Connection,
    now_ms: u64,
    each: &mut dyn FnMut(u64, &[u8]) -> bool,
) -> Result<(), Failure> {
    // The first condition is the index's own.
    let sql = "SELECT pos, k FROM ringway_kv WHERE expires <> -9223372036854775808 \
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

pub(super) fn row(
    connection: &Connection,
    moving: Option<&Moving>,
    position: u64,
    key: &[u8],
) -> Result<Option<Row>, Failure> {
    let sql = "SELECT ver, expires, v FROM ringway_kv WHERE pos = ?1 AND k = ?2";
    let row = prepare(connection, sql)?
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
        .map_err(not_executed)?;
    row.map(|row| whole(connection, moving, row)).transpose()
}

/// A row with its value, which may be in a table of the service.
fn whole(connection: &Connection, moving: Option<&Moving>, mut row: Row) -> Result<Row, Failure> {
    if row.key.first() == Some(&TABLE) {
        let moving = moving.ok_or_else(|| Failure::NotExecuted(NO_TABLES.into()))?;
        let shape = moving.shape(&row.key).map_err(Failure::NotExecuted)?;
        let value = shape.read(connection, row.position, &row.key).map_err(Failure::NotExecuted)?;
        let gone = || damaged(&"row of a table", &"it is gone; did another program change it?");
        row.value = Some(value.ok_or_else(gone)?);
    }
    Ok(row)
}
