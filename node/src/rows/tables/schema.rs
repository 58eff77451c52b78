//! Which tables can move: their shapes are read, and what does not fit is said when the store opens.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Setup, Shape, Tables, Watch, shape::quoted};

/// Runs the service's schema, checks the named tables and gives them triggers, all or nothing.
pub(super) fn open(
    connection: &mut Connection,
    setup: Option<Setup>,
    tables: &Tables,
    watch: &Watch,
) -> Result<Vec<Shape>, String> {
    let transaction = connection.transaction().map_err(text)?;
    if let Some(setup) = setup {
        let _guarded = super::Guarded(watch);
        watch.makes_schema.store(true, Ordering::Relaxed);
        watch.is_guarded.store(true, Ordering::Relaxed);
        setup(&transaction).map_err(|error| format!("the schema: {error}"))?;
    }
    remember(&transaction, "layout", &tables.layout)?.map_or(Ok(()), |_| {
        Err("the tables' rows were placed by another layout; give the one of before".to_owned())
    })?;
    let mut shapes: Vec<Shape> = Vec::new();
    for (name, key) in &tables.names {
        let shape = Inspected::read(&transaction, name, key)?.shape(key)?;
        if shapes.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err(format!("table {name} is named twice"));
        }
        shapes.push(shape);
    }
    for (shape, (_, key)) in shapes.iter().zip(&tables.names) {
        check_references(&transaction, shape, key, &shapes)?;
        register(&transaction, shape)?;
    }
    check_known(&transaction, &shapes)?;
    transaction.commit().map_err(text)?;
    Ok(shapes)
}

/// A table that moved once moves always: its rows have heads that tell of them.
fn check_known(connection: &Connection, shapes: &[Shape]) -> Result<(), String> {
    let sql = "SELECT name FROM ringway_meta WHERE name LIKE 'table %'";
    let mut statement = connection.prepare(sql).map_err(text)?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect::<rusqlite::Result<_>>)
        .map_err(text)?;
    let is_gone = |n: &&String| !shapes.iter().any(|s| **n == format!("table {}", s.tag));
    match names.iter().find(is_gone) {
        Some(name) => Err(format!(
            "{name} moves with the ring, but is not named, or its PRIMARY KEY has changed"
        )),
        None => Ok(()),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: rusqlite::Error) -> String {
    error.to_string()
}

/// Keeps a field, if it is new; what it was, if it differs.
fn remember(connection: &Connection, name: &str, value: &str) -> Result<Option<String>, String> {
    let sql = "SELECT value FROM ringway_meta WHERE name = ?1";
    let old: Option<String> =
        connection.query_row(sql, [name], |row| row.get(0)).optional().map_err(text)?;
    if old.is_none() {
        let sql = "INSERT INTO ringway_meta (name, value) VALUES (?1, ?2)";
        connection.execute(sql, params![name, value]).map_err(text)?;
    }
    Ok(old.filter(|old| old != value))
}

struct Column {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    primary: usize,
    /// 0 a plain one, 2 and 3 generated.
    hidden: i64,
}

/// What SQLite says of a table.
struct Inspected {
    name: String,
    columns: Vec<Column>,
    /// Columns and collations of each `UNIQUE` and the `PRIMARY KEY`.
    unique: Vec<Index>,
}

struct Index {
    name: String,
    columns: Vec<IndexColumn>,
}

struct IndexColumn {
    /// `None` for an expression.
    name: Option<String>,
    collation: String,
}

impl Inspected {
    fn read(connection: &Connection, name: &str, key: &str) -> Result<Self, String> {
        let sql = "SELECT name, type FROM pragma_table_list \
                   WHERE schema = 'main' AND name = ?1 COLLATE NOCASE";
        let found: Option<(String, String)> = connection
            .query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(text)?;
        let (name, kind) = found.ok_or_else(|| {
            format!("there is no table {name}; make it in the schema, or do not name it")
        })?;
        if kind != "table" {
            return Err(format!("{name} is a {kind}; only tables move"));
        }
        let sql = "SELECT name, type, \"notnull\", dflt_value, pk, hidden \
                   FROM pragma_table_xinfo(?1) ORDER BY cid";
        let mut statement = connection.prepare(sql).map_err(text)?;
        let columns = statement.query_map([&name], |row| {
            let primary = usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
            Ok(Column {
                name: row.get(0)?,
                declared: row.get(1)?,
                not_null: row.get(2)?,
                default: row.get(3)?,
                primary,
                hidden: row.get(5)?,
            })
        });
        let columns: Vec<Column> =
            columns.and_then(Iterator::collect::<rusqlite::Result<_>>).map_err(text)?;
        if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(key)) {
            return Err(format!("table {name} has no column {key}"));
        }
        let sql = "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" = 1";
        let mut statement = connection.prepare(sql).map_err(text)?;
        let indexes: Vec<String> = statement
            .query_map([&name], |row| row.get(0))
            .and_then(Iterator::collect::<rusqlite::Result<_>>)
            .map_err(text)?;
        let mut unique = Vec::new();
        for index in indexes {
            let sql = "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key = 1";
            let mut statement = connection.prepare(sql).map_err(text)?;
            let columns = statement
                .query_map([&index], |row| {
                    Ok(IndexColumn { name: row.get(0)?, collation: row.get(1)? })
                })
                .and_then(Iterator::collect::<rusqlite::Result<_>>)
                .map_err(text)?;
            unique.push(Index { name: index, columns });
        }
        Ok(Self { name, columns, unique })
    }

    fn shape(&self, key: &str) -> Result<Shape, String> {
        let Self { name, columns, unique } = self;
        let mut primary: Vec<&Column> = columns.iter().filter(|c| c.primary > 0).collect();
        primary.sort_by_key(|column| column.primary);
        if primary.is_empty() {
            return Err(format!("table {name} has no PRIMARY KEY; rows are known by it"));
        }
        let is_key = |column: &str| column.eq_ignore_ascii_case(key);
        let Some(sharding) = primary.iter().position(|column| is_key(&column.name)) else {
            return Err(format!(
                "table {name}: its PRIMARY KEY must contain {key}, the key's column"
            ));
        };
        for Index { name: index, columns } in unique {
            if !columns.iter().any(|column| column.name.as_deref().is_some_and(is_key)) {
                return Err(format!(
                    "table {name}: the UNIQUE index {index} must contain {key}: the rows of two keys \
                     are on two nodes, which can't compare them"
                ));
            }
            if columns.iter().any(|column| !column.collation.eq_ignore_ascii_case("BINARY")) {
                return Err(format!(
                    "table {name}: the UNIQUE index {index} has a collation; only BINARY can move"
                ));
            }
        }
        let position = columns.iter().find(|c| c.name.eq_ignore_ascii_case("ring_pos"));
        let position = position.ok_or_else(|| {
            format!(
                "table {name} has no column ring_pos; add ring_pos INTEGER AS (ringway_pos({key})) \
                 STORED"
            )
        })?;
        if !position.declared.to_ascii_uppercase().contains("INT") {
            return Err(format!("table {name}: the column ring_pos must be INTEGER"));
        }
        if let Some(long) = columns.iter().find(|column| column.name.len() > 255) {
            return Err(format!("table {name}: the column {} has too long a name", long.name));
        }
        let mut others: Vec<String> = columns
            .iter()
            .filter(|c| c.primary == 0 && c.hidden == 0 && !c.name.eq_ignore_ascii_case("ring_pos"))
            .map(|column| column.name.to_ascii_lowercase())
            .collect();
        others.sort();
        let primary: Vec<String> = primary.iter().map(|c| c.name.to_ascii_lowercase()).collect();
        let tag = format!("{}({})", name.to_ascii_lowercase(), primary.join(","));
        if tag.len() > 255 {
            return Err(format!("table {name}: the names in its PRIMARY KEY are too long"));
        }
        let is_generated = position.hidden != 0;
        Ok(Shape { name: name.clone(), tag, primary, sharding, columns: others, is_generated })
    }
}

/// One column of a foreign key.
struct Reference {
    id: i64,
    parent: String,
    from: String,
    to: Option<String>,
    place: usize,
}

/// Foreign keys lead to rows of the same key, and from there only.
fn check_references(
    connection: &Connection,
    shape: &Shape,
    key: &str,
    named: &[Shape],
) -> Result<(), String> {
    let name = &shape.name;
    let sql: String = connection
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
            [name],
            |r| r.get(0),
        )
        .map_err(text)?;
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    if words.contains("INITIALLY DEFERRED") {
        return Err(format!("table {name}: a foreign key is DEFERRED; that can't be kept here"));
    }
    let sql = "SELECT id, \"table\", \"from\", \"to\", seq \
               FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(sql).map_err(text)?;
    let pairs: Vec<Reference> = statement
        .query_map([name], |row| {
            let place = usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
            let (id, parent, from, to) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Reference { id, parent, from, to, place })
        })
        .and_then(Iterator::collect::<rusqlite::Result<_>>)
        .map_err(text)?;
    for part in pairs.chunk_by(|a, b| a.id == b.id) {
        let parent = &part[0].parent;
        let Some(shape) = named.iter().find(|shape| shape.name.eq_ignore_ascii_case(parent)) else {
            return Err(format!(
                "table {name} refers to {parent}, which does not move; name it, too"
            ));
        };
        let parent_key = &shape.primary[shape.sharding];
        let fits = part.iter().any(|Reference { from, to, place, .. }| {
            // Without names, the columns are those of the PRIMARY KEY.
            let to = to.as_ref().or_else(|| shape.primary.get(*place));
            let leads = |a: &str, b: &str| {
                from.eq_ignore_ascii_case(a) && to.is_some_and(|to| to.eq_ignore_ascii_case(b))
            };
            leads(key, parent_key) || leads("ring_pos", "ring_pos")
        });
        if !fits {
            return Err(format!(
                "table {name}: its foreign key to {parent} must lead from {key} to {parent_key}"
            ));
        }
    }
    let sql = "SELECT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f \
               WHERE m.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE";
    let mut statement = connection.prepare(sql).map_err(text)?;
    let children: Vec<String> = statement
        .query_map([name], |row| row.get(0))
        .and_then(Iterator::collect::<rusqlite::Result<_>>)
        .map_err(text)?;
    let is_named =
        |child: &String| named.iter().any(|shape| shape.name.eq_ignore_ascii_case(child));
    match children.iter().find(|child| !is_named(child)) {
        Some(child) => {
            Err(format!("table {child} refers to {name}, but does not move; name it, too"))
        }
        None => Ok(()),
    }
}

/// Gives a new table its triggers and an index; checks that a known one is as it was.
fn register(connection: &Connection, shape: &Shape) -> Result<(), String> {
    let (name, table) = (&shape.name, quoted(&shape.name));
    let triggers: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' \
             AND name LIKE 'ringway_note_%' AND tbl_name = ?1",
            [name],
            |row| row.get(0),
        )
        .map_err(text)?;
    let inspected = Inspected::read(connection, name, &shape.primary[shape.sharding])?;
    let described = |column: &Column| {
        let Column { name, declared, not_null, default, primary, hidden } = column;
        format!("{name} {declared} {not_null} {default:?} {primary} {hidden}")
    };
    let now: Vec<String> = inspected.columns.iter().map(described).collect();
    let field = format!("table {}", shape.tag);
    let old = remember(connection, &field, &now.join("\n"))?;
    if triggers == 3 {
        let Some(old) = old else { return Ok(()) };
        let old: Vec<&str> = old.split('\n').collect();
        let is_new = |column: &&Column| !old.contains(&described(column).as_str());
        let added: Vec<&Column> = inspected.columns.iter().filter(is_new).collect();
        let is_all_there = old.len() + added.len() == inspected.columns.len();
        let is_null = |c: &&Column| c.hidden != 0 || (!c.not_null && c.default.is_none());
        if !is_all_there || !added.iter().all(is_null) {
            return Err(format!(
                "table {name} was changed; only columns that are NULL in old rows can be added"
            ));
        }
        let sql = "UPDATE ringway_meta SET value = ?2 WHERE name = ?1";
        return connection.execute(sql, params![field, now.join("\n")]).map(drop).map_err(text);
    }
    let sql = format!("SELECT count(*) FROM {table}");
    let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(text)?;
    if rows > 0 || old.is_some() {
        return Err(format!(
            "table {name} has {rows} rows that this node did not write; a node begins with empty \
             tables: put rows in by requests, through the proxy"
        ));
    }
    let list = |of: &str| {
        let columns = shape.primary.iter().map(|column| format!(", {of}.{}", quoted(column)));
        columns.collect::<String>()
    };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let note = |of: &str| {
        let (tag, table, at) = (literal(&shape.tag), literal(name), shape.sharding);
        format!("SELECT ringway_note({tag}, {table}, {at}{});", list(of))
    };
    for (event, work) in
        [("INSERT", note("NEW")), ("UPDATE", note("OLD") + &note("NEW")), ("DELETE", note("OLD"))]
    {
        let trigger = quoted(&format!("ringway_note_{event}_{name}"));
        let sql = format!("CREATE TRIGGER {trigger} AFTER {event} ON {table} BEGIN {work} END");
        connection.execute_batch(&sql).map_err(text)?;
    }
    let index = quoted(&format!("ringway_index_{name}"));
    let sql = format!("CREATE INDEX IF NOT EXISTS {index} ON {table} (ring_pos)");
    connection.execute_batch(&sql).map_err(text)
}
