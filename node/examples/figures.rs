//! How fast a node is on this machine: `cargo run --release -p ringway-node --example figures`.
//!
//! PUT and GET with 100-byte values over 1, 8, 32 and 64 keep-alive connections, then 100,000 rows
//! exported from one node and imported by another, and counted after a split. Rows are in SQLite with `synchronous=FULL`, in
//! the directory for temporary files (`TMPDIR`). Clients run in the same process.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people who measure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use ringway_cluster::Phase;
use ringway_node::{NodeOptions, SqliteOptions};
use support::{Client, Kind, Map, TestNode, born};

const SECONDS: u64 = 3;
const ROWS: u64 = 100_000;

fn main() {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let start = |name| {
        let (options, sqlite) = (NodeOptions::default(), SqliteOptions::default());
        TestNode::start_with(name, Kind::Sqlite, &map, options, sqlite)
    };
    let (a, b) = (start("a"), start("b"));
    a.until("claimed", |node| node.standing(0) == "owned");
    for method in ["PUT", "GET"] {
        for connections in [1, 8, 32, 64] {
            println!("{method} x{connections}: {:.0}/s", requests(&a, method, connections));
        }
    }
    let missing = ROWS.saturating_sub(a.status()["ranges"][0]["rows"].as_u64().unwrap());
    println!("filling {missing} rows");
    fill(&a, missing);
    travel(&map, &a, &b);
    split(&map, &a);
}

/// Requests per second.
fn requests(node: &TestNode, method: &'static str, connections: u64) -> f64 {
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(SECONDS);
    let clients: Vec<_> = (0..connections)
        .map(|connection| {
            let address = node.data;
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let value = [b'v'; 100];
                let body: &[u8] = if method == "PUT" { &value } else { b"" };
                let mut count = 0_u64;
                while Instant::now() < deadline {
                    let number = (connection << 32) | (count % 1_000);
                    let path = format!("/key-{number}");
                    let answer = client.ask(method, &path, (number, 1), &[], body);
                    assert!(matches!(answer.status, 200 | 201 | 204 | 404), "{}", answer.status);
                    count += 1;
                }
                count
            })
        })
        .collect();
    let count: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    #[allow(clippy::cast_precision_loss, reason = "a few digits are printed")]
    let count = count as f64;
    count / begun.elapsed().as_secs_f64()
}

fn fill(node: &TestNode, rows: u64) {
    let clients: Vec<_> = (0..32)
        .map(|part| {
            let address = node.data;
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for number in (part..rows).step_by(32) {
                    let number = (1 << 50) | number;
                    let path = format!("/key-{number}");
                    client.ask("PUT", &path, (number, 1), &[], &[b'v'; 100]);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

/// Exports and imports all rows, first one after the other, page by page, then at once.
fn travel(map: &Map, a: &TestNode, b: &TestNode) {
    let to_incarnation = b.incarnation;
    let mut attempt = 0;
    let mut begin = || {
        attempt += 1;
        map.change(1, |record| {
            record.attempt = attempt;
            record.phase = Phase::Moving { to: "b".into(), to_incarnation };
        });
        let fence = (0, u64::MAX, 1, attempt);
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        fence
    };
    for page_bytes in [1 << 20, 4 << 20] {
        let fence = begin();
        let (mut exporting, mut importing) = (Duration::ZERO, Duration::ZERO);
        let (mut rows, mut cursor) = (0, String::new());
        loop {
            let begun = Instant::now();
            let target = format!("&bytes_max={page_bytes}{cursor}");
            let page = a.call("export", fence, &target, b"");
            exporting += begun.elapsed();
            let begun = Instant::now();
            rows += b.call("import", fence, "", &page.body).json()["rows"].as_u64().unwrap();
            importing += begun.elapsed();
            let (_, end) = page.frames();
            let Some((position, key)) = end.cursor else { break };
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            cursor = format!("&after_position={position}&after_key={key}");
        }
        let rate = |time: Duration| {
            let millis = u64::try_from(time.as_millis().max(1)).unwrap();
            rows * 1_000 / millis
        };
        println!(
            "{rows} rows in pages of {page_bytes} bytes: export {}/s, import {}/s, one after the other {}/s",
            rate(exporting),
            rate(importing),
            rate(exporting + importing)
        );
        let begun = Instant::now();
        let frozen = a.call("freeze", fence, "", b"").json();
        let froze = begun.elapsed();
        let begun = Instant::now();
        let sealed = b.call("digest", fence, "", b"").json();
        println!("freeze {froze:?}, digest {:?}", begun.elapsed());
        assert_eq!(frozen, sealed);
    }
}

/// The first export of one half has to count it, in the writer.
fn split(map: &Map, a: &TestNode) {
    let whole = map.change(1, |record| {
        record.phase = Phase::Idle;
        record.epoch = 2;
    });
    a.until("unfrozen", |node| node.standing(0) == "owned");
    let (middle, attempt) = (1 << 40, whole.attempt);
    map.set(2, ringway_cluster::SegmentRecord { lo: middle, ..whole.clone() });
    map.set(3, ringway_cluster::SegmentRecord { hi: middle - 1, ..whole });
    map.remove(1);
    let begun = Instant::now();
    let frozen = a.call("freeze", (middle, u64::MAX, 2, attempt), "", b"").json();
    println!(
        "first freeze after a split: {} rows counted in {:?}",
        frozen["rows"],
        begun.elapsed()
    );
}
