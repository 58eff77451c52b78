//! Requests with an `Idempotency-Key`: executed once, whatever is repeated, moved or restarted.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ringway_cluster::Phase;
use ringway_node::{Clock, NodeOptions, SqliteOptions};
use support::{
    Answer, KINDS, Kind, Map, TestNode, born,
    moving::{fence_of, move_over, move_over_with, ok, start},
};

const KEY: &str = "Idempotency-Key: \"8e03978e-40d5\"";

/// A node that owns everything, and its map.
fn owner(kind: Kind, options: NodeOptions) -> (Map, TestNode) {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let node = TestNode::start_with("a", kind, &map, options, SqliteOptions::default());
    node.until("claimed", |node| node.standing(0) == "owned");
    (map, node)
}

fn ask(
    node: &TestNode,
    method: &str,
    path: &str,
    at: (u64, u64),
    more: &[&str],
    body: &str,
) -> Answer {
    node.client().ask(method, path, at, more, body.as_bytes())
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// The same answer as before, said to be so.
fn assert_replayed(again: &Answer, first: &Answer) {
    assert!(is_replayed(again), "{again:?}");
    assert!(!is_replayed(first), "{first:?}");
    assert_eq!(again.status, first.status);
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(again.body, first.body);
}

#[test]
fn a_repeated_request_is_answered_and_not_executed() {
    for kind in KINDS {
        let (_map, a) = owner(kind, NodeOptions::default());
        let at = (7, 1);
        // Every outcome that the rows decided is kept: so many requests, so many keys.
        let none_match = "If-None-Match: *";
        let requests: [(&str, &[&str], &str, u16); 6] = [
            ("PUT", &["Idempotency-Key: k1", none_match], "one", 201),
            ("PUT", &["Idempotency-Key: k2"], "two", 204),
            ("PUT", &["Idempotency-Key: k3", none_match], "three", 412),
            ("DELETE", &["Idempotency-Key: k4", "If-Match: \"1\""], "", 412),
            ("DELETE", &["Idempotency-Key: k5"], "", 204),
            ("DELETE", &["Idempotency-Key: k6"], "", 404),
        ];
        let first: Vec<Answer> = requests
            .iter()
            .map(|(method, more, body, status)| {
                let answer = ask(&a, method, "/x", at, more, body);
                assert_eq!(answer.status, *status, "{more:?}");
                answer
            })
            .collect();
        // What came in between does not matter: the row is there again.
        let tag = ask(&a, "PUT", "/x", at, &[], "later");
        assert_eq!(tag.status, 201);
        for ((method, more, body, _), first) in requests.iter().zip(&first) {
            assert_replayed(&ask(&a, method, "/x", at, more, body), first);
        }
        let now = a.get("/x", at);
        assert_eq!((now.text(), now.header("etag")), ("later", tag.header("etag")));
        let metrics = a.control("GET", "/metrics", b"");
        for line in ["ringway_node_answers_kept_total 6", "ringway_node_answers_replayed_total 6"] {
            assert!(metrics.text().contains(line), "{line}");
        }
    }
}

#[test]
fn another_request_under_the_key_is_refused() {
    for kind in KINDS {
        let (_map, a) = owner(kind, NodeOptions::default());
        let first = ask(&a, "PUT", "/x", (7, 1), &[KEY], "v");
        assert_eq!(first.status, 201);
        let expires = "Expires: Sun, 06 Nov 2044 08:49:37 GMT";
        let others: [(&str, &str, &[&str], &str); 6] = [
            ("PUT", "/x", &[KEY], "w"),
            ("PUT", "/y", &[KEY], "v"),
            ("PUT", "/x", &[KEY, "If-Match: *"], "v"),
            ("PUT", "/x", &[KEY, "If-None-Match: \"1\""], "v"),
            ("PUT", "/x", &[KEY, expires], "v"),
            ("DELETE", "/x", &[KEY], ""),
        ];
        for (method, path, more, body) in others {
            let answer = ask(&a, method, path, (7, 1), more, body);
            assert_eq!(answer.status, 422, "{method} {path} {more:?}");
            assert!(answer.text().contains("nothing was executed"));
        }
        assert_eq!(a.get("/x", (7, 1)).text(), "v");
        assert_eq!(a.get("/y", (7, 1)).status, 404);
        // Quotes are not part of the key, and a key belongs to its position.
        let bare = KEY.replace('"', "");
        assert_replayed(&ask(&a, "PUT", "/x", (7, 1), &[&bare], "v"), &first);
        assert_eq!(ask(&a, "PUT", "/x", (8, 1), &[KEY], "w").status, 201);
        // Reads are safe anyway; they take no notice.
        assert_eq!(ask(&a, "GET", "/x", (7, 1), &[KEY, KEY], "").text(), "v");
        for bad in [&[KEY, KEY][..], &["Idempotency-Key: \"x"], &["Idempotency-Key: a b"]] {
            assert_eq!(ask(&a, "PUT", "/x", (7, 1), bad, "bad").status, 400, "{bad:?}");
            assert_eq!(ask(&a, "DELETE", "/x", (7, 1), bad, "").status, 400, "{bad:?}");
        }
        // What was not executed is not kept.
        let other = "Idempotency-Key: other";
        assert_eq!(ask(&a, "PUT", "/z", (7, 9), &[other], "v").status, 421);
        assert_eq!(ask(&a, "PUT", "/z", (7, 1), &[other], "w").status, 201);
    }
}

#[test]
fn concurrent_repetitions_execute_one() {
    for kind in KINDS {
        let (_map, a) = owner(kind, NodeOptions::default());
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let ask = || ask(&a, "PUT", "/x", (7, 1), &[KEY], "v");
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1);
        assert!(answers.iter().all(|a| a.status == 201 && a.header("etag") == Some("\"1\"")));
    }
}

#[test]
fn answers_survive_restarts_and_move_with_their_position() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (mut a, b) = (TestNode::start("a", kind, &map), TestNode::start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        let put = |node: &TestNode, key: &str, epoch: u64| {
            let more = [&*format!("Idempotency-Key: {key}"), "If-None-Match: *"];
            ask(node, "PUT", &format!("/{key}"), (7, epoch), &more, key)
        };
        let before = put(&a, "before", 1);
        a.restart();
        assert_replayed(&put(&a, "before", 1), &before);
        let (mut during, mut late) = (None, None);
        move_over_with(&map, &a, &b, |step| match step {
            "stage" => during = Some(put(&a, "during", 1)),
            // Between the bulk and the freeze: it goes with a delta.
            "export" => late = Some(put(&a, "late", 1)),
            _ => assert_eq!(put(&a, "frozen", 1).status, 421),
        });
        let (during, late) = (during.unwrap(), late.unwrap());
        assert_eq!((before.status, during.status, late.status), (201, 201, 201));
        // The client, or its proxy, repeats at the new owner what was executed at the old one.
        assert_eq!(ask(&b, "DELETE", "/during", (7, 2), &[], "").status, 204);
        for (key, first) in [("before", &before), ("during", &during), ("late", &late)] {
            assert_replayed(&put(&b, key, 2), first);
        }
        assert_eq!(b.get("/during", (7, 2)).status, 404, "not executed twice");
        assert_eq!(put(&b, "frozen", 2).status, 201);
        // Their numbers go on above the old owner's, and back.
        move_over(&map, &b, &a);
        assert_replayed(&put(&a, "late", 3), &late);
        a.restart();
        assert_replayed(&put(&a, "during", 3), &during);
        assert_eq!(a.status()["ranges"][0]["rows"], 3 + 4, "rows and kept answers");
        b.until("dropped", |b| !b.control("GET", "/v1/status", b"").text().contains("owned"));
    }
}

#[test]
fn an_aborted_move_keeps_answers_at_the_source() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (a, b) = (TestNode::start("a", kind, &map), TestNode::start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        let record = start(&map, &b);
        let fence = fence_of(&record);
        ok(b.call("stage", fence, "", b""));
        let first = ask(&a, "PUT", "/x", (7, 1), &[KEY], "v");
        let page = ok(a.call("export", fence, "&bytes_max=100000", b""));
        assert_eq!(page.frames().0.len(), 2);
        ok(b.call("import", fence, "", &page.body));
        ok(a.call("freeze", fence, "", b""));
        let record = map.change(1, |record| {
            record.epoch += 1;
            record.phase = Phase::Idle;
        });
        a.until("unfrozen", |a| a.call("unfreeze", fence_of(&record), "", b"").status == 200);
        assert_replayed(&ask(&a, "PUT", "/x", (7, 2), &[KEY], "v"), &first);
        assert_eq!(b.get("/x", (7, 2)).status, 421);
        ok(b.call("wipe", fence_of(&record), "", b""));
    }
}

#[test]
fn answers_end_and_are_bounded() {
    for kind in KINDS {
        let now_ms = Arc::new(AtomicU64::new(1_000_000));
        let clock = Arc::clone(&now_ms);
        let options = NodeOptions {
            dedup_ms_max: 60_000,
            dedup_entries_max: 2,
            clock: Clock::new(move || clock.load(Ordering::SeqCst)),
            ..NodeOptions::default()
        };
        let (_map, a) = owner(kind, options);
        let rows = |node: &TestNode| node.status()["ranges"][0]["rows"].as_u64();
        let put = |key: &str, body: &str| {
            ask(&a, "PUT", "/x", (7, 1), &[&format!("Idempotency-Key: {key}")], body)
        };
        assert_eq!(put("k1", "1").status, 201);
        assert_eq!(put("k2", "2").status, 204);
        let full = put("k3", "3");
        assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
        assert!(full.text().contains("dedup_entries_max"), "{}", full.text());
        assert!(is_replayed(&put("k1", "1")), "a full table still answers");
        assert_eq!(ask(&a, "PUT", "/x", (7, 1), &[], "4").status, 204);
        assert_eq!(ask(&a, "PUT", "/x", (8, 1), &["Idempotency-Key: k3"], "5").status, 201);
        now_ms.fetch_add(59_999, Ordering::SeqCst);
        assert!(is_replayed(&put("k2", "2")));
        now_ms.fetch_add(1, Ordering::SeqCst);
        let anew = put("k1", "another");
        assert_eq!((anew.status, is_replayed(&anew)), (204, false));
        a.until("the ended answers are gone", |a| rows(a) == Some(3));
        assert_eq!(put("k3", "3").status, 204);
    }
}

#[test]
fn a_node_says_that_it_keeps_answers() {
    let (_map, a) = owner(Kind::Memory, NodeOptions::default());
    let answer = a.client().request("OPTIONS", "*", &[], b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("ringway-dedup-ms"), Some("86400000"));
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
}
