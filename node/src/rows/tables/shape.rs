//! One table: how its rows are read, written and deleted.

use rusqlite::{CachedStatement, Connection, Statement, types::ToSqlOutput, types::ValueRef};

use super::{Moving, codec, ring_pos};

/// A table that moves, as its file has it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(super) name: String,
    /// Name and columns of the `PRIMARY KEY`: what rows are known by.
    pub(super) tag: String,
    pub(super) primary: Vec<String>,
    /// Which of `primary` is the sharding key.
    pub(super) sharding: usize,
    /// The other columns that are stored, in lower case, ascending.
    pub(super) columns: Vec<String>,
    /// Whether SQLite computes `ring_pos`.
    pub(super) is_generated: bool,
}

/// Writes a name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Shape {
    fn list(&self, names: &[String]) -> String {
        let prefixed = names.iter().map(|name| format!(", {}", quoted(name)));
        prefixed.collect()
    }

    /// A condition that exactly the row of a key meets: 1 and 1.0 are two keys.
    fn is_row(&self) -> String {
        let each = self.primary.iter().enumerate().map(|(index, name)| {
            let (name, number) = (quoted(name), index + 1);
            format!("{name} = ?{number} AND typeof({name}) = typeof(?{number})")
        });
        each.collect::<Vec<_>>().join(" AND ")
    }

    fn primary<'a>(&self, key: &'a [u8]) -> Result<Vec<ValueRef<'a>>, String> {
        let malformed = || format!("table {}: a row's key can't be read", self.name);
        let (_, mut rest) = codec::split_key(key).ok_or_else(malformed)?;
        let mut data = Vec::new();
        while !rest.is_empty() {
            data.push(codec::read(&mut rest).ok_or_else(malformed)?);
        }
        if data.len() == self.primary.len() { Ok(data) } else { Err(malformed()) }
    }

    /// The columns of a row, encoded; `None` if there is no such row. Its `ring_pos` has to fit.
    pub(in crate::rows) fn read(
        &self,
        connection: &Connection,
        position: u64,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, String> {
        let (columns, table) = (self.list(&self.columns), quoted(&self.name));
        let sql = format!("SELECT ring_pos{columns} FROM main.{table} WHERE {}", self.is_row());
        let failed = |error: rusqlite::Error| format!("table {}: {error}", self.name);
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        bind(&mut statement, 1, &self.primary(key)?).map_err(failed)?;
        let mut rows = statement.raw_query();
        let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
        if row.get_ref(0).map_err(failed)? != ValueRef::Integer(ring_pos(position)) {
            let key = &self.primary[self.sharding];
            return Err(format!(
                "table {}: ring_pos is not the position of {key}; let it be ringway_pos({key})",
                self.name
            ));
        }
        let mut value = Vec::new();
        for (index, name) in self.columns.iter().enumerate() {
            let datum = row.get_ref(index + 1).map_err(failed)?;
            if datum != ValueRef::Null {
                codec::write_name(&mut value, name);
                codec::write(&mut value, datum);
            }
        }
        Ok(Some(value))
    }

    /// Writes a row that a move brings over what is there.
    pub(in crate::rows) fn write(
        &self,
        connection: &Connection,
        moving: &Moving,
        position: u64,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), String> {
        let name = &self.name;
        let failed = |error: rusqlite::Error| format!("table {name}: {error}");
        let mut data = self.primary(key)?;
        if moving.position(data[self.sharding])? != position {
            return Err(format!("table {name}: a row comes for another position than its key has"));
        }
        let mut columns = vec![ValueRef::Null; self.columns.len()];
        let mut rest = value;
        while !rest.is_empty() {
            let column = codec::read_name(&mut rest).zip(codec::read(&mut rest));
            let (column, datum) =
                column.ok_or_else(|| format!("table {name}: a row can't be read"))?;
            let index = self.columns.iter().position(|known| known.as_bytes() == column);
            let index = index.ok_or_else(|| {
                let column = String::from_utf8_lossy(column);
                format!("table {name} has no column {column} here; give all nodes one schema")
            })?;
            columns[index] = datum;
        }
        data.append(&mut columns);
        let mut names = self.list(&self.primary) + &self.list(&self.columns);
        if !self.is_generated {
            names += ", ring_pos";
            data.push(ValueRef::Integer(ring_pos(position)));
        }
        let marks = vec!["?"; data.len()].join(", ");
        let sql = format!(
            "INSERT OR REPLACE INTO main.{} ({}) VALUES ({marks})",
            quoted(name),
            names.trim_start_matches(", ")
        );
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        bind(&mut statement, 1, &data).map_err(failed)?;
        statement.raw_execute().map_err(failed)?;
        // The digest is of what came: what is kept must be the same.
        if self.read(connection, position, key)?.as_deref() == Some(value) {
            return Ok(());
        }
        Err(format!("table {name} does not keep a row as it came; give all nodes one schema"))
    }

    /// Deletes the row of a key, if it is there.
    pub(in crate::rows) fn delete(
        &self,
        connection: &Connection,
        key: &[u8],
    ) -> Result<(), String> {
        let failed = |error: rusqlite::Error| format!("table {}: {error}", self.name);
        let sql = format!("DELETE FROM main.{} WHERE {}", quoted(&self.name), self.is_row());
        let mut statement: CachedStatement<'_> = connection.prepare_cached(&sql).map_err(failed)?;
        bind(&mut statement, 1, &self.primary(key)?).map_err(failed)?;
        statement.raw_execute().map_err(failed)?;
        Ok(())
    }

    /// Deletes all rows of a run of positions.
    pub(in crate::rows) fn delete_range(
        &self,
        connection: &Connection,
        lo: u64,
        hi: u64,
    ) -> Result<(), String> {
        let table = quoted(&self.name);
        let sql = format!("DELETE FROM main.{table} WHERE ring_pos BETWEEN ?1 AND ?2");
        let deleted = connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.execute([ring_pos(lo), ring_pos(hi)]));
        deleted.map(drop).map_err(|error| format!("table {}: {error}", self.name))
    }
}

fn bind(
    statement: &mut Statement<'_>,
    first: usize,
    data: &[ValueRef<'_>],
) -> rusqlite::Result<()> {
    for (index, datum) in data.iter().enumerate() {
        statement.raw_bind_parameter(first + index, ToSqlOutput::Borrowed(*datum))?;
    }
    Ok(())
}
