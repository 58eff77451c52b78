//! Claims of born segments, restarts, and data directories that are not the expected ones.

mod support;

use ringway_cluster::{Incarnation, Phase};
use ringway_node::{SqliteOptions, SqliteStore};
use support::{KINDS, Map, TestNode, born};

#[test]
fn born_segments_are_claimed_at_start() {
    for kind in KINDS {
        let segments: Vec<_> = (0..500).map(|n| born(n * 10, n * 10 + 9, "a")).collect();
        let map = Map::new(&segments);
        let node = TestNode::start("a", kind, &map);
        support::wait_until("all are claimed", || map.all_idle());
        for id in 1..=500 {
            assert_eq!(map.get(id).incarnation, Some(node.incarnation));
            assert_eq!(map.get(id).epoch, 1);
        }
        node.until("served", |node| {
            node.status()["ranges"].as_array().unwrap().iter().all(|r| r["standing"] == "owned")
        });
    }
}

#[test]
fn born_segments_are_claimed_by_the_first_request() {
    for kind in KINDS {
        let map = Map::new(&[born(0, u64::MAX, "a")]);
        map.set_quiet(true);
        let node = TestNode::start("a", kind, &map);
        assert_eq!(node.standing(0), "none");
        assert_eq!(node.put("/x", (7, 1), "v"), 201);
        assert_eq!(map.get(1).phase, Phase::Idle);
    }
}

#[test]
fn a_claim_waits_for_the_store() {
    for kind in KINDS {
        let map = Map::new(&[born(0, u64::MAX, "a")]);
        map.set_down(true);
        let node = TestNode::start("a", kind, &map);
        assert_eq!(node.put("/x", (7, 1), "v"), 503);
        map.set_down(false);
        node.until("it is served", |node| node.put("/x", (7, 1), "v") != 503);
        assert_eq!(node.get("/x", (7, 1)).text(), "v");
    }
}

#[test]
fn rows_and_ownership_outlast_a_restart() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        let mut node = TestNode::start("a", kind, &map);
        node.until("claimed", |node| node.standing(0) == "owned");
        assert_eq!(node.put("/x", (7, 1), "v"), 201);
        let incarnation = node.incarnation;
        map.set_down(true);
        node.restart();
        assert_eq!(node.incarnation, incarnation);
        assert_eq!(node.get("/x", (7, 1)).text(), "v");
        // A freeze too.
        assert_eq!(node.call("freeze", (0, 99, 1, 0), "", b"").status, 200);
        node.restart();
        assert_eq!(node.get("/x", (7, 1)).header("ringway-frozen"), Some("1"));
    }
}

#[test]
fn an_empty_directory_under_a_known_name_answers_503() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        map.change(1, |record| {
            record.phase = Phase::Idle;
            record.incarnation = Some(Incarnation::from_bits(1));
        });
        let node = TestNode::start("a", kind, &map);
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = node.ask(method, "/x", (7, 1), b"");
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{method}");
        }
        let text = node.get("/x", (7, 1));
        assert!(text.text().contains("ringway nodes forget a --accept-loss"), "{}", text.text());
        let metrics = node.control("GET", "/metrics", b"");
        assert!(metrics.text().contains("\nringway_node_incarnation_mismatch 1\n"));
        // The operator accepts the loss: born again, at a higher epoch.
        map.set(1, ringway_cluster::SegmentRecord { epoch: 2, ..born(0, 99, "a") });
        assert_eq!(node.put("/x", (7, 2), "v"), 201);
        let metrics = node.control("GET", "/metrics", b"");
        assert!(metrics.text().contains("\nringway_node_incarnation_mismatch 0\n"));
    }
}

#[test]
fn a_born_segment_begins_empty_and_with_higher_versions() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        let node = TestNode::start("a", kind, &map);
        node.until("claimed", |node| node.standing(0) == "owned");
        let tag = node.ask("PUT", "/x", (7, 1), b"v").header("etag").unwrap().to_string();
        map.set(1, ringway_cluster::SegmentRecord { epoch: 2, ..born(0, 99, "a") });
        assert_eq!(node.get("/x", (7, 2)).status, 404);
        let again = node.ask("PUT", "/x", (7, 2), b"v").header("etag").unwrap().to_string();
        let number = |tag: &str| tag.trim_matches('"').parse::<u64>().unwrap();
        assert!(number(&again) > number(&tag));
    }
}

#[test]
fn a_data_directory_has_one_process_and_one_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), "a", SqliteOptions::default()).unwrap();
    let second = SqliteStore::open(dir.path(), "a", SqliteOptions::default()).unwrap_err();
    assert!(second.contains("in use"), "{second}");
    drop(store);
    let other = SqliteStore::open(dir.path(), "b", SqliteOptions::default()).unwrap_err();
    assert!(other.contains("\"a\"") && other.contains("\"b\""), "{other}");
    drop(SqliteStore::open(dir.path(), "a", SqliteOptions::default()).unwrap());
    std::fs::write(dir.path().join("ringway.db"), b"this is not a database, nor was it ever one")
        .unwrap();
    let damaged = SqliteStore::open(dir.path(), "a", SqliteOptions::default()).unwrap_err();
    assert!(damaged.contains("not a database"), "{damaged}");
}
