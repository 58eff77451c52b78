//! Tables of a service's own: which can move, what a handler's SQL may do, and that they move whole.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{net::SocketAddr, sync::Arc};

use axum::{Extension, Router, response::Result, routing::post};
use ringway::{Layout, Table};
use ringway_cluster::Incarnation;
use ringway_node::{
    NodeOptions, Owned, Refused, Shard, SqliteOptions, SqliteStore, Tables, ring_pos,
    ring_position, rusqlite, rusqlite::types::Value,
};
use support::{
    Answer, Client, Kind, Map, TOKEN, TestNode, born,
    moving::{Movable, fence_of, move_over, move_over_with, ok, start},
    wait_until,
};
use tokio::{net::TcpListener, runtime::Runtime};

const LAST: u64 = u32::MAX as u64;
/// Two tables of each kind that there is, which refer to each other.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS people (
        name TEXT, note BLOB, score REAL, anything, pairs INTEGER NOT NULL DEFAULT 0,
        ring_pos INTEGER AS (ringway_pos(name)) STORED, PRIMARY KEY (name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS Things (
        owner TEXT REFERENCES people (name) ON DELETE CASCADE, place INTEGER, code TEXT COLLATE BINARY,
        doubled INTEGER AS (place * 2) VIRTUAL,
        ring_pos INTEGER NOT NULL, PRIMARY KEY (owner, place), UNIQUE (owner, code)
    );
    CREATE TRIGGER IF NOT EXISTS paired AFTER INSERT ON things BEGIN
        UPDATE people SET pairs = pairs + 1 WHERE name = NEW.owner;
    END;
    CREATE TABLE IF NOT EXISTS log (line TEXT);";

fn tables(schema: &'static str, names: &[(&str, &str)]) -> Tables {
    let tables = Tables::new(&Layout::ringway_v1()).unwrap();
    let tables = tables.schema(move |sql| sql.execute_batch(schema));
    names.iter().fold(tables, |tables, (name, key)| tables.table(name, key))
}

const NAMES: &[(&str, &str)] = &[("people", "name"), ("things", "owner")];

fn position(key: &str) -> u64 {
    Table::new(&Layout::ringway_v1(), &[]).unwrap().position(key.as_bytes()).unwrap()
}

/// A service that runs the SQL that it is sent.
struct Served {
    name: &'static str,
    runtime: Runtime,
    shard: Option<Shard>,
    data: SocketAddr,
    directory: tempfile::TempDir,
}

async fn run(Extension(owned): Extension<Owned>, body: String) -> Result<String> {
    let ran = owned.write(move |rows| {
        let ran = rows.sql(|sql| sql.execute_batch(&body));
        // What it returns here is not what decides.
        if body.contains("/* go on */") { Ok(()) } else { ran }
    });
    ran.await.map_err(Refused::into_response)?;
    Ok(String::new())
}

/// The first row of a query.
async fn query(Extension(owned): Extension<Owned>, body: String) -> Result<String> {
    let found = owned.read(move |rows| {
        rows.sql(|sql| {
            let mut statement = sql.prepare(&body)?;
            let width = statement.column_count();
            statement.query_row([], |row| {
                (0..width).map(|index| row.get(index)).collect::<Result<Vec<Value>, _>>()
            })
        })
    });
    Ok(format!("{:?}", found.await.map_err(Refused::into_response)?))
}

impl Served {
    fn start(name: &'static str, tables: Tables, map: &Map) -> Self {
        let (directory, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let options = SqliteOptions::default();
        let rows = SqliteStore::open_with(directory.path(), name, options, tables).unwrap();
        let (shard, data) = runtime.block_on(async {
            let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (address, quiet) = (data.local_addr().unwrap(), Arc::new(|_: &str| {}));
            let options = NodeOptions { body_bytes_max: 4_000, ..NodeOptions::default() };
            let shard = Shard::start(&rows, map.clone(), TOKEN, control, options, quiet).unwrap();
            let routes = Router::new().route("/", post(run).put(query)).layer(shard.layer());
            tokio::spawn(async move { axum::serve(data, routes).await });
            (shard, address)
        });
        drop(rows);
        Self { name, runtime, shard: Some(shard), data, directory }
    }

    fn ask(&self, method: &str, key: &str, epoch: u64, sql: &str) -> Answer {
        let headers = [
            format!("Ringway-Position: {}", position(key)),
            format!("Ringway-Epoch: {epoch}"),
            format!("Ringway-Key: {key}"),
        ];
        let headers = headers.each_ref().map(String::as_str);
        Client::connect(self.data).request(method, "/", &headers, sql.as_bytes())
    }

    fn sql(&self, key: &str, sql: &str) {
        let epoch = 1;
        let answer = self.ask("POST", key, epoch, sql);
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
    }

    /// Why it was refused as the handler's fault.
    fn fails(&self, key: &str, sql: &str) -> String {
        let answer = self.ask("POST", key, 1, sql);
        assert_eq!(answer.status, 500, "{sql}: {}", answer.text());
        answer.text().to_owned()
    }

    /// All that is in the tables, read beside the node.
    fn dump(&self) -> String {
        let path = self.directory.path().join("ringway.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        // Without ringway_pos the tables can't be parsed.
        let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function("ringway_pos", 1, flags, |_| Ok(0)).unwrap();
        let mut dump = String::new();
        for sql in [
            "SELECT name, note, score, anything, pairs, ring_pos FROM people ORDER BY name",
            "SELECT owner, place, code, doubled, ring_pos FROM things ORDER BY owner, place",
        ] {
            let mut statement = connection.prepare(sql).unwrap();
            let width = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let row: Vec<Value> = (0..width).map(|index| row.get(index).unwrap()).collect();
                dump += &format!("{row:?}\n");
            }
        }
        dump
    }

    fn rows(&self) -> serde_json::Value {
        let token = format!("Authorization: Bearer {TOKEN}");
        let mut client = Client::connect(self.control_address());
        client.request("GET", "/v1/status", &[&token], b"").json()["ranges"][0]["rows"].clone()
    }
}

impl Movable for Served {
    fn name(&self) -> &str {
        self.name
    }

    fn control_address(&self) -> SocketAddr {
        self.shard.as_ref().unwrap().control_address()
    }

    fn incarnation(&self) -> Incarnation {
        self.shard.as_ref().unwrap().incarnation()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(shard) = self.shard.take() {
            self.runtime.block_on(shard.stop());
        }
    }
}

fn place(owner: &str, place: i64, code: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO things (owner, place, code, ring_pos) \
         VALUES ('{owner}', {place}, '{code}', ringway_pos('{owner}'));"
    )
}

/// A service with some rows of every kind.
fn filled(map: &Map) -> Served {
    let served = Served::start("a", tables(SCHEMA, NAMES), map);
    for owner in ["ann", "bob", "eve"] {
        served.sql(owner, &format!("INSERT INTO people (name) VALUES ('{owner}')"));
        for number in 0..9 {
            served.sql(owner, &place(owner, number, &format!("code{number}")));
        }
    }
    served.sql(
        "ann",
        "UPDATE people SET note = x'00ff', score = -0.5, anything = CAST(x'610062' AS TEXT) \
         WHERE name = 'ann'",
    );
    served.sql("bob", "UPDATE people SET note = x'', anything = 7.25 WHERE name = 'bob'");
    served
}

#[test]
fn what_can_not_move_is_said_at_the_start() {
    let pos = "ring_pos INTEGER AS (ringway_pos(k)) STORED";
    for (schema, names, said) in [
        ("CREATE TABLE t (k TEXT PRIMARY KEY)".to_owned(), &[("t", "k")][..], "no column ring_pos"),
        (format!("CREATE TABLE t (k TEXT, {pos})"), &[("t", "k")], "no PRIMARY KEY"),
        (format!("CREATE TABLE t (k TEXT PRIMARY KEY, {pos})"), &[("t", "key")], "no column key"),
        (format!("CREATE TABLE t (k TEXT PRIMARY KEY, {pos})"), &[("u", "k")], "no table u"),
        ("CREATE VIEW t AS SELECT 1 AS k".to_owned(), &[("t", "k")], "t is a view"),
        ("CREATE TABLE t (k TEXT PRIMARY KEY, ring_pos TEXT)".to_owned(), &[("t", "k")], "INTEGER"),
        (
            format!("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, {pos})"),
            &[("t", "k")],
            "must contain k",
        ),
        (
            format!("CREATE TABLE t (k TEXT PRIMARY KEY, mail TEXT UNIQUE, {pos})"),
            &[("t", "k")],
            "must contain k",
        ),
        (
            format!("CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, {pos})"),
            &[("t", "k")],
            "collation",
        ),
        (
            format!(
                "CREATE TABLE p (x PRIMARY KEY); \
                 CREATE TABLE t (k TEXT PRIMARY KEY, x REFERENCES p (x), {pos})"
            ),
            &[("t", "k")],
            "refers to p, which does not move",
        ),
        (
            format!(
                "CREATE TABLE t (k TEXT PRIMARY KEY, {pos}); CREATE TABLE c (x REFERENCES t (k))"
            ),
            &[("t", "k")],
            "c refers to t",
        ),
        (
            format!(
                "CREATE TABLE t (k TEXT PRIMARY KEY REFERENCES t (k) DEFERRABLE INITIALLY DEFERRED,\
                 {pos})"
            ),
            &[("t", "k")],
            "DEFERRED",
        ),
        (
            format!("CREATE TABLE t (k TEXT PRIMARY KEY, {pos}); INSERT INTO t (k) VALUES ('x')"),
            &[("t", "k")],
            "has 1 rows that this node did not write",
        ),
        (
            format!(
                "CREATE TABLE p (x TEXT, k TEXT, {pos}, PRIMARY KEY (x, k)); \
                 CREATE TABLE t (k TEXT, x TEXT, {pos}, PRIMARY KEY (k, x), \
                 FOREIGN KEY (k, x) REFERENCES p)"
            ),
            &[("p", "k"), ("t", "k")],
            "must lead from k to k",
        ),
        ("DROP TABLE ringway_kv".into(), &[], "not authorized"),
        ("COMMIT".into(), &[], "not authorized"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let tables = Tables::new(&Layout::ringway_v1()).unwrap();
        let text = schema.clone();
        let tables = tables.schema(move |sql| sql.execute_batch(&text));
        let tables = names.iter().fold(tables, |tables, (name, key)| tables.table(name, key));
        let options = SqliteOptions::default();
        let error = SqliteStore::open_with(directory.path(), "a", options, tables).unwrap_err();
        assert!(error.contains(said), "{schema}: {error}");
    }
    assert!(Tables::new(&Layout::maglev_v1()).unwrap_err().contains("holds no state"));
}

#[test]
fn a_file_is_opened_again_with_the_tables_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let open = |tables: Tables| {
        SqliteStore::open_with(directory.path(), "a", SqliteOptions::default(), tables)
    };
    const NEW: &str = "ALTER TABLE people ADD COLUMN mail TEXT";
    const FILLED: &str = "ALTER TABLE people ADD COLUMN size INTEGER DEFAULT 3";
    open(tables(SCHEMA, NAMES)).unwrap();
    open(tables(SCHEMA, NAMES)).unwrap();
    open(tables(NEW, NAMES)).unwrap();
    for (tables, said) in [
        (tables(FILLED, NAMES), "only columns that are NULL"),
        (tables("ALTER TABLE people DROP COLUMN mail", NAMES), "was changed"),
        (tables("INSERT INTO people (name) VALUES ('x')", NAMES), "changed by requests only"),
        (tables(SCHEMA, &NAMES[..0]), "is not named"),
        (tables(SCHEMA, NAMES).table("log", "line"), "PRIMARY KEY"),
        (Tables::new(&Layout::balanced_v1()).unwrap(), "another layout"),
    ] {
        let error = open(tables).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
    let plain = SqliteStore::open(directory.path(), "a", SqliteOptions::default());
    assert!(plain.unwrap_err().contains("open it with them"));
}

#[test]
fn sql_changes_rows_of_the_requests_key_or_nothing() {
    let map = Map::new(&[born(0, LAST, "a")]);
    let served = filled(&map);
    let (before, rows) = (served.dump(), served.rows());
    assert_eq!(rows, 30);
    for (sql, said) in [
        ("INSERT INTO people (name) VALUES ('zoe')", "of position"),
        ("UPDATE people SET score = 1", "of position"),
        ("DELETE FROM things", "of position"),
        ("UPDATE people SET name = 'zoe' WHERE name = 'ann'", "of position"),
        ("INSERT INTO people (name) VALUES (NULL)", "NULL"),
        ("INSERT INTO things VALUES (NULL, 1, 'x', 1)", "PRIMARY KEY is NULL"),
        ("INSERT INTO things VALUES ('ann', 77, 'x', 1)", "ring_pos is not the position of owner"),
        ("INSERT INTO things VALUES ('ann', NULL, 'x', 1)", "PRIMARY KEY is NULL"),
        ("INSERT INTO things VALUES ('ann', 1, 'x', 1)", "UNIQUE"),
        ("UPDATE people SET note = zeroblob(5000) WHERE name = 'ann'", "larger than 4000"),
        ("UPDATE people SET note = zeroblob(5000) WHERE name = 'ann' /* go on */", "larger than"),
        ("COMMIT", "not authorized"),
        ("DROP TABLE people", "not authorized"),
        ("DELETE FROM ringway_kv", "not authorized"),
        ("PRAGMA foreign_keys = 0", "not authorized"),
        ("RELEASE ringway_sql", "not authorized"),
        ("ROLLBACK TO ringway_part", "not authorized"),
        ("SELECT * FROM nowhere", "no such table"),
    ] {
        let error = served.fails("ann", sql);
        assert!(error.contains(said), "{sql}: {error}");
        assert_eq!((served.dump(), served.rows()), (before.clone(), rows.clone()), "{sql}");
    }
    // A handler that goes on after its SQL failed has changed nothing by it.
    served.sql("ann", "DELETE FROM things WHERE owner = 'ann'; nonsense /* go on */");
    assert_eq!(served.dump(), before);
    assert_eq!(served.ask("PUT", "ann", 1, "DELETE FROM things").status, 500);
    // Cascades, replaced rows, and rows that come and go in one write, are counted.
    served.sql("bob", "DELETE FROM people WHERE name = 'bob'");
    assert_eq!(served.rows(), 20);
    served.sql("ann", &place("ann", 50, "code3"));
    assert_eq!(served.rows(), 20, "the row of place 3 was replaced");
    served.sql("ann", &(place("ann", 60, "x") + "DELETE FROM things WHERE place = 60"));
    assert_eq!(served.rows(), 20);
    let found = served.ask("PUT", "ann", 1, "SELECT pairs, anything FROM people");
    assert_eq!(found.text(), "[Integer(11), Text(\"a\\0b\")]");
}

#[test]
fn readers_do_not_hide_what_writers_change() {
    let map = Map::new(&[born(0, LAST, "a")]);
    let served = filled(&map);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..300 {
                    assert_eq!(served.ask("PUT", "ann", 1, "SELECT 1").status, 200);
                }
            });
        }
        for number in 100..200 {
            served.sql("bob", &place("bob", number, &format!("code{number}")));
        }
    });
    assert_eq!(served.rows(), 130);
}

#[test]
fn tables_move_whole_while_they_change() {
    let map = Map::new(&[born(0, LAST, "a")]);
    let from = filled(&map);
    let to = Served::start("b", tables(SCHEMA, NAMES), &map);
    let mut last = String::new();
    move_over_with(&map, &from, &to, |step| match step {
        "stage" => from.sql("eve", "DELETE FROM people WHERE name = 'eve'"),
        "export" => {
            // Codes that change places, a key that changes, a row replaced for another's sake.
            let swap = "UPDATE things SET code = 'tmp' WHERE owner = 'ann' AND place = 1;
                UPDATE things SET code = 'code1' WHERE owner = 'ann' AND place = 2;
                UPDATE things SET code = 'code2' WHERE owner = 'ann' AND place = 1;
                UPDATE things SET place = 99 WHERE owner = 'ann' AND place = 5;";
            from.sql("ann", &(swap.to_owned() + &place("ann", 70, "code8")));
            from.sql("bob", "DELETE FROM people WHERE name = 'bob'");
            from.sql("bob", "INSERT INTO people (name, anything) VALUES ('bob', x'6100')");
            from.sql("bob", &place("bob", 4, "code4"));
            last = from.dump();
        }
        _ => {
            let refused = from.ask("POST", "ann", 1, "UPDATE people SET score = 2");
            assert_eq!((refused.status, refused.header("ringway-frozen")), (421, Some("1")));
            assert_eq!(from.ask("PUT", "ann", 1, "SELECT 1").status, 421);
        }
    });
    assert!(last.contains("Text(\"ann\"), Integer(99)"), "{last}");
    assert_eq!(to.dump(), last, "triggers and cascades did not happen again");
    wait_until("what is left is deleted", || from.dump().is_empty());
    let ask = |sql: &str| to.ask("POST", "ann", 2, sql);
    assert_eq!(ask(&place("ann", 71, "code71")).status, 200, "triggers are on");
    assert!(to.dump().contains("Integer(71), Text(\"code71\")"));
    assert_eq!(ask(&place("nobody", 1, "x")).status, 500);
    // And back, from the rows that were brought.
    let last = to.dump();
    move_over(&map, &to, &from);
    assert_eq!(from.dump(), last);
}

#[test]
fn another_schema_takes_the_rows_exactly_or_says_why_not() {
    const WIDER: &str = "
        CREATE TABLE people (name TEXT PRIMARY KEY, note BLOB, score REAL, anything, mail TEXT,
            pairs INTEGER NOT NULL DEFAULT 0, ring_pos INTEGER AS (ringway_pos(name)) VIRTUAL);
        CREATE TABLE things (code TEXT, place INTEGER, owner TEXT, ring_pos INTEGER,
            PRIMARY KEY (owner, place)) WITHOUT ROWID;";
    const NARROWER: &str = "
        CREATE TABLE people (name TEXT PRIMARY KEY, ring_pos INTEGER AS (ringway_pos(name)));
        CREATE TABLE things (owner TEXT, place INTEGER, code TEXT, ring_pos INTEGER,
            PRIMARY KEY (owner, place));";
    const OTHER_TYPE: &str = "
        CREATE TABLE people (name TEXT PRIMARY KEY, note BLOB, score TEXT, anything, pairs TEXT,
            ring_pos INTEGER AS (ringway_pos(name)));
        CREATE TABLE things (owner TEXT, place INTEGER, code TEXT, ring_pos INTEGER,
            PRIMARY KEY (owner, place));";
    const OTHER_KEY: &str = "
        CREATE TABLE people (name TEXT PRIMARY KEY, note BLOB, score REAL, anything, pairs INTEGER,
            ring_pos INTEGER AS (ringway_pos(name)));
        CREATE TABLE things (owner TEXT, place INTEGER, code TEXT, ring_pos INTEGER,
            PRIMARY KEY (place, owner));";
    const CHECKED: &str = "
        CREATE TABLE people (name TEXT PRIMARY KEY, note BLOB, score REAL, anything,
            pairs INTEGER CHECK (pairs < 3), ring_pos INTEGER AS (ringway_pos(name)));
        CREATE TABLE things (owner TEXT, place INTEGER, code TEXT, ring_pos INTEGER,
            PRIMARY KEY (owner, place));";
    let map = Map::new(&[born(0, LAST, "a")]);
    let from = filled(&map);
    let record = start(&map, &from);
    let page = ok(from.call("export", fence_of(&record), "&bytes_max=100000", b"")).body;
    let refused = |to: &dyn Fn(&str, &[u8]) -> Answer, said: &str| {
        assert_eq!(to("stage", b"").status, 200);
        let answer = to("import", &page);
        assert_eq!(answer.status, 503, "{said}");
        assert!(answer.text().contains(said), "{said}: {}", answer.text());
    };
    for (schema, said) in [
        (NARROWER, "table people has no column"),
        (OTHER_TYPE, "does not keep a row as it came"),
        (OTHER_KEY, "no table things(owner,place)"),
        (CHECKED, "CHECK"),
    ] {
        let to = Served::start("b", tables(schema, NAMES), &map);
        let fence = fence_of(&start(&map, &to));
        refused(&|call, body| to.call(call, fence, "", body), said);
        assert_eq!(to.rows(), 0, "{said}: nothing of it stayed");
    }
    for kind in [Kind::Memory, Kind::Sqlite] {
        let to = TestNode::start("b", kind, &map);
        let fence = fence_of(&start(&map, &to));
        refused(&|call, body| to.call(call, fence, "", body), "keeps no tables");
    }
    let to = Served::start("b", tables(WIDER, NAMES), &map);
    move_over(&map, &from, &to);
    let found = to.ask("PUT", "ann", 2, "SELECT pairs, mail FROM people WHERE name = 'ann'");
    assert_eq!(found.text(), "[Integer(9), Null]");
}

#[test]
fn ranges_of_positions_are_ranges_of_ring_pos() {
    let positions = [0, 1, LAST, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX];
    assert!(positions.map(ring_pos).is_sorted());
    assert_eq!(positions.map(ring_pos).map(ring_position), positions);
    // Each half of a cut deletes its own rows, and a range that wraps is two.
    let map = Map::new(&[born(0, LAST, "a")]);
    let served = filled(&map);
    let count = "SELECT count(*), count(ring_pos = ringway_pos(owner)) FROM things \
                 WHERE ring_pos BETWEEN ringway_pos('bob') AND ringway_pos('bob')";
    assert_eq!(served.ask("PUT", "bob", 1, count).text(), "[Integer(9), Integer(9)]");
    let keys = "SELECT ringway_pos('42') = ringway_pos(42), ringway_pos('a') = ringway_pos(x'61')";
    assert_eq!(served.ask("PUT", "bob", 1, keys).text(), "[Integer(1), Integer(1)]");
    for bad in ["SELECT ringway_pos(NULL)", "SELECT ringway_pos(1.5)"] {
        assert_eq!(served.ask("PUT", "bob", 1, bad).status, 500, "{bad}");
    }
    drop(served);

    let mut owners = ["ann", "bob", "eve"];
    owners.sort_by_key(|owner| position(owner));
    let first = position(owners[0]);
    let map = Map::new(&[born(0, first, "a"), born(first + 1, LAST, "a")]);
    let (from, to) = (filled(&map), Served::start("b", tables(SCHEMA, NAMES), &map));
    let all = from.dump();
    move_over(&map, &from, &to);
    wait_until("the range's rows are deleted", || !from.dump().contains(owners[0]));
    let lines = |owner: &str| -> Vec<&str> {
        all.lines().filter(|line| line.contains(&format!("{owner:?}"))).collect()
    };
    assert!(to.dump().lines().eq(lines(owners[0])));
    assert_eq!(from.dump().lines().count(), lines(owners[1]).len() + lines(owners[2]).len());
    let cut = format!("/v1/status?lo={}&hi={LAST}&rows_max=10&bytes_max=9999", first + 1);
    let token = format!("Authorization: Bearer {TOKEN}");
    let status = Client::connect(from.control_address()).request("GET", &cut, &[&token], b"");
    assert_eq!(status.json()["cuts"], serde_json::json!([position(owners[2])]));
}
