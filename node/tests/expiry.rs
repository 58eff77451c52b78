//! Rows that end: unseen at once, the same at both ends of a move, deleted like any other row.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ringway_node::{Clock, NodeOptions, SqliteOptions};
use support::{
    KINDS, Kind, Map, TestNode, born,
    moving::{move_over_with, ok},
};

/// 1994-11-06 08:49:37 GMT.
const DATE_MS: u64 = 784_111_777_000;
const EXPIRES: &str = "Expires: Sun, 06 Nov 1994 08:49:37 GMT";
const SWEPT: &str = "ringway_node_ended_rows_total";

/// A node whose time the test sets.
fn start(name: &str, kind: Kind, map: &Map) -> (TestNode, Arc<AtomicU64>) {
    let now_ms = Arc::new(AtomicU64::new(DATE_MS - 1));
    let clock = Arc::clone(&now_ms);
    let clock = Clock::new(move || clock.load(Ordering::SeqCst));
    let options = NodeOptions { clock, body_bytes_max: 1 << 20, ..NodeOptions::default() };
    (TestNode::start_with(name, kind, map, options, SqliteOptions::default()), now_ms)
}

fn put(node: &TestNode, path: &str, at: (u64, u64), more: &[&str]) -> u16 {
    node.client().ask("PUT", path, at, more, b"v").status
}

fn rows(node: &TestNode) -> Option<u64> {
    node.status()["ranges"][0]["rows"].as_u64()
}

fn swept(node: &TestNode) -> u64 {
    let metrics = node.control("GET", "/metrics", b"");
    let line = metrics.text().lines().find(|line| line.starts_with(SWEPT)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_ended_row_is_not_there() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (a, now_ms) = start("a", kind, &map);
        a.until("claimed", |node| node.standing(0) == "owned");
        let at = (7, 1);
        for path in ["/get", "/create", "/match", "/delete"] {
            assert_eq!(put(&a, path, at, &[EXPIRES]), 201);
        }
        assert_eq!(put(&a, "/kept", at, &[EXPIRES]), 201);
        assert_eq!(put(&a, "/kept", at, &[]), 204, "written anew without an end");
        let read = a.get("/get", at);
        assert_eq!((read.status, read.header("expires")), (200, Some(&EXPIRES[9..])));
        let head = a.ask("HEAD", "/get", at, b"");
        assert_eq!(head.header("expires"), Some(&EXPIRES[9..]));
        assert_eq!(a.get("/kept", at).header("expires"), None);
        // Ended by the clock alone, before anything swept.
        now_ms.store(DATE_MS, Ordering::SeqCst);
        assert_eq!(a.get("/get", at).status, 404);
        assert_eq!(a.ask("HEAD", "/get", at, b"").status, 404);
        assert_eq!(put(&a, "/match", at, &["If-Match: *"]), 412);
        assert_eq!(put(&a, "/create", at, &["If-None-Match: *"]), 201);
        assert_eq!(a.ask("DELETE", "/delete", at, b"").status, 404);
        assert_eq!(a.get("/create", at).text(), "v");
        a.until("swept", |a| rows(a) == Some(2));
        assert_eq!(swept(&a), 3);
        assert_eq!(a.status()["ranges"][0]["sequence"], 7 + 3, "deletes take numbers");
        // One that has ended when it comes is written, and not there.
        assert_eq!(put(&a, "/late", at, &[EXPIRES]), 201);
        assert_eq!(a.get("/late", at).status, 404);
        for bad in [&["Expires: 0"][..], &["Expires: soon"], &[EXPIRES, EXPIRES]] {
            assert_eq!(put(&a, "/bad", at, bad), 400, "{bad:?}");
        }
    }
}

#[test]
fn many_ended_rows_go_in_bounded_batches() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (a, now_ms) = start("a", kind, &map);
        a.until("claimed", |node| node.standing(0) == "owned");
        let mut client = a.client();
        for number in 0..2_500 {
            let path = format!("/{number}");
            client.send("PUT", &path, &["Ringway-Position: 7", "Ringway-Epoch: 1", EXPIRES], b"v");
            // Answers are read in groups, so that writes share commits.
            if number % 100 == 99 {
                (0..100).for_each(|_| assert_eq!(client.answer("PUT").status, 201));
            }
        }
        assert_eq!(rows(&a), Some(2_500));
        now_ms.store(DATE_MS, Ordering::SeqCst);
        a.until("swept", |a| rows(a) == Some(0));
        assert_eq!(swept(&a), 2_500);
    }
}

#[test]
fn what_ends_during_a_move_ends_the_same_at_both_ends() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let ((a, a_ms), (b, b_ms)) = (start("a", kind, &map), start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        for number in 0..20 {
            let more: &[&str] = if number % 2 == 0 { &[EXPIRES] } else { &[] };
            assert_eq!(put(&a, &format!("/{number}"), (number, 1), more), 201);
        }
        let mut sequence = 0;
        // The digests of both are compared when the stage is sealed.
        move_over_with(&map, &a, &b, |step| match step {
            "export" => {
                // They end here: the source deletes them as writes, which the delta carries. The
                // destination's clock is ahead, and it deletes nothing of a stage.
                b_ms.store(DATE_MS + 5_000, Ordering::SeqCst);
                a_ms.store(DATE_MS, Ordering::SeqCst);
                a.until("swept at the source", |a| rows(a) == Some(10));
                assert_eq!((swept(&a), swept(&b)), (10, 0));
                assert_eq!(rows(&b), Some(20), "a stage is as its source was");
                sequence = a.status()["ranges"][0]["sequence"].as_u64().unwrap();
                let fence = (0, 999, 1, 1);
                let page = ok(a.call("delta", fence, "&since=20&bytes_max=100000", b""));
                let tombstones = page.frames().0;
                assert_eq!(tombstones.len(), 10);
                assert!(tombstones.iter().all(|row| row.value.is_none()));
                // Two that end so late that only the freeze can delete them.
                for path in ["/late1", "/late2"] {
                    assert_eq!(
                        put(&a, path, (7, 1), &["Expires: Sun, 06 Nov 1994 08:49:38 GMT"]),
                        201
                    );
                }
            }
            "freeze" => {
                assert_eq!(rows(&a), Some(12));
                // Nobody deletes what ends while it is frozen; its number and digest are out.
                a_ms.store(DATE_MS + 60_000, Ordering::SeqCst);
            }
            _ => {}
        });
        assert_eq!(b.get("/late1", (7, 2)).status, 404, "unseen from the first moment on");
        b.until("swept at the destination", |b| rows(b) == Some(10));
        assert_eq!(swept(&b), 2);
        let after = b.status()["ranges"][0]["sequence"].as_u64().unwrap();
        assert_eq!(after, sequence + 4, "two writes and two deletes, above the source's numbers");
        assert_eq!(swept(&a), 10, "what the source no longer owns it does not delete as writes");
        assert_eq!(b.get("/1", (1, 2)).text(), "v");
        assert_eq!(b.get("/0", (0, 2)).status, 404);
    }
}

#[test]
fn what_was_seen_to_have_ended_does_not_come_back_under_another_clock() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let ((a, a_ms), (b, _)) = (start("a", kind, &map), start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        assert_eq!(put(&a, "/x", (7, 1), &[EXPIRES]), 201);
        move_over_with(&map, &a, &b, |step| {
            if step == "export" {
                a_ms.store(DATE_MS, Ordering::SeqCst);
                assert_eq!(a.get("/x", (7, 1)).status, 404);
            }
        });
        // The new owner's clock is behind: by it the row would not have ended.
        assert_eq!(b.get("/x", (7, 2)).status, 404);
        assert_eq!(rows(&b), Some(0));
    }
}
