//! Control calls: each one, in and out of order, stale and repeated, and with bad input.

mod support;

use ringway_cluster::{End, Incarnation, Phase, Row, SegmentRecord};
use ringway_node::{NodeOptions, SqliteOptions};
use support::{Client, Fence, KINDS, Kind, Map, TestNode, born};

const BULK: &str = "&bytes_max=1000000";

/// Two nodes: `a` owns [0, 99] with two rows, and a move of it to `b` has begun as attempt 1.
fn moving(kind: Kind) -> (Map, TestNode, TestNode, Fence) {
    let map = Map::new(&[born(0, 99, "a"), born(100, u64::MAX, "b")]);
    let (a, b) = (TestNode::start("a", kind, &map), TestNode::start("b", kind, &map));
    a.until("claimed", |node| node.standing(0) == "owned");
    b.until("claimed", |node| node.standing(100) == "owned");
    assert_eq!(a.put("/x", (7, 1), "x1"), 201);
    assert_eq!(a.put("/y", (8, 1), "y1"), 201);
    let to_incarnation = b.incarnation;
    map.change(1, |record| {
        record.attempt = 1;
        record.phase = Phase::Moving { to: "b".into(), to_incarnation };
    });
    (map, a, b, (0, 99, 1, 1))
}

fn commit(map: &Map, b: &TestNode) -> SegmentRecord {
    map.change(1, |record| {
        record.owner = "b".into();
        record.incarnation = Some(b.incarnation);
        record.epoch = 2;
        record.phase = Phase::Done;
    })
}

fn frames(rows: &[Row], sequence: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    rows.iter().for_each(|row| row.encode(&mut bytes));
    End { cursor: None, sequence }.encode(&mut bytes);
    bytes
}

fn row(position: u64, key: &str, value: Option<&str>, version: u64) -> Row {
    let value = value.map(|value| value.as_bytes().to_vec());
    Row { position, key: [b"\0", key.as_bytes()].concat(), value, version, expires_ms: 0 }
}

#[test]
fn a_move_step_by_step() {
    for kind in KINDS {
        let (map, a, b, fence) = moving(kind);
        assert_eq!(b.call("stage", fence, "", b"").json(), serde_json::json!({}));
        let bulk = a.call("export", fence, BULK, b"");
        let (rows, end) = bulk.frames();
        assert_eq!(rows.iter().map(|row| row.key.as_slice()).collect::<Vec<_>>(), [b"\0x", b"\0y"]);
        assert_eq!(end, End { cursor: None, sequence: 2 });
        let imported = b.call("import", fence, "", &bulk.body);
        assert_eq!((imported.status, &imported.json()["rows"]), (200, &2.into()));
        assert_eq!(b.get("/x", (7, 1)).status, 421, "a stage is not seen");
        // The source goes on; what it writes is in the delta, each row once.
        assert_eq!(a.put("/x", (7, 1), "x2"), 204);
        assert_eq!(a.put("/x", (7, 1), "x3"), 204);
        assert_eq!(a.ask("DELETE", "/y", (8, 1), b"").status, 204);
        assert_eq!(a.put("/z", (9, 1), "z1"), 201);
        let delta = a.call("delta", fence, "&since=2&bytes_max=1000000", b"");
        let (rows, end) = delta.frames();
        assert_eq!(
            rows,
            [row(7, "x", Some("x3"), 4), row(8, "y", None, 5), row(9, "z", Some("z1"), 6)]
        );
        assert_eq!(end, End { cursor: None, sequence: 6 });
        // A page holds at least one row, and says from where to go on.
        let (rows, end) = a.call("delta", fence, "&since=2&bytes_max=1", b"").frames();
        assert_eq!((rows.len(), end.sequence, end.cursor.is_some()), (1, 4, true));
        let (rows, end) = a.call("export", fence, "&bytes_max=1", b"").frames();
        assert_eq!((rows.len(), end.cursor.clone()), (1, Some((7, b"\0x".to_vec()))));
        let rest = "&bytes_max=1&after_position=7&after_key=0078";
        let (rows, end) = a.call("export", fence, rest, b"").frames();
        assert_eq!((rows[0].key.as_slice(), end.cursor), (&b"\0z"[..], None));
        assert_eq!(b.call("import", fence, "", &delta.body).json()["rows"], 3);
        let frozen = a.call("freeze", fence, "", b"").json();
        assert_eq!((&frozen["rows"], &frozen["sequence"]), (&2.into(), &6.into()));
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = a.ask(method, "/x", (7, 1), b"");
            assert_eq!((answer.status, answer.header("ringway-frozen")), (421, Some("1")));
        }
        let sealed = b.call("digest", fence, "", b"").json();
        assert_eq!(sealed, frozen);
        assert_eq!(b.call("import", fence, "", &delta.body).refusal(), "state", "sealed");
        map.set_quiet(true);
        commit(&map, &b);
        let done = (0, 99, 2, 1);
        assert_eq!(b.call("activate", done, "", b"").status, 200);
        assert_eq!(b.get("/x", (7, 2)).text(), "x3");
        assert_eq!(b.get("/y", (8, 2)).status, 404);
        let tag = b.ask("PUT", "/x", (7, 2), b"x4").header("etag").unwrap().to_string();
        assert_eq!(tag, "\"7\"", "versions go on");
        // The old owner does not drop before the move is finished.
        assert_eq!(a.call("drop", done, "", b"").refusal(), "state");
        map.change(1, |record| record.phase = Phase::Idle);
        assert_eq!(a.call("drop", done, "", b"").status, 200);
        assert_eq!(a.call("drop", done, "", b"").status, 200);
        let told = a.get("/x", (7, 1));
        assert_eq!((told.status, told.header("ringway-epoch")), (421, Some("2")));
        assert_eq!(told.header("ringway-frozen"), None);
    }
}

#[test]
fn repeated_calls_change_nothing() {
    for kind in KINDS {
        let (map, a, b, fence) = moving(kind);
        let bulk = a.call("export", fence, BULK, b"").body;
        for _ in 0..2 {
            assert_eq!(b.call("stage", fence, "", b"").status, 200);
            assert_eq!(b.call("import", fence, "", &bulk).status, 200);
            assert_eq!(a.call("freeze", fence, "", b"").status, 200);
        }
        assert_eq!(b.call("import", fence, "", &bulk).json()["rows"], 0);
        let sealed = b.call("digest", fence, "", b"").json();
        assert_eq!(b.call("digest", fence, "", b"").json(), sealed);
        assert_eq!(b.call("stage", fence, "", b"").status, 200, "a sealed stage stays");
        assert_eq!(b.call("digest", fence, "", b"").json(), sealed);
        assert_eq!(a.call("freeze", fence, "", b"").json(), sealed);
        commit(&map, &b);
        for _ in 0..2 {
            assert_eq!(b.call("activate", (0, 99, 2, 1), "", b"").status, 200);
        }
        assert_eq!(b.put("/x", (7, 2), "new"), 204);
        // Late calls of the move that is over.
        for call in ["stage", "import", "digest", "wipe", "activate"] {
            let late = b.call(call, fence, "", &bulk);
            assert_eq!(late.refusal(), "stale", "{call}");
            assert_eq!((&late.json()["epoch"], &late.json()["attempt"]), (&2.into(), &1.into()));
        }
        for call in ["stage", "import", "digest", "wipe", "drop"] {
            assert_eq!(b.call(call, (0, 99, 2, 1), "", &bulk).refusal(), "state", "{call}");
        }
        assert_eq!(b.get("/x", (7, 2)).text(), "new");
    }
}

#[test]
fn calls_that_do_not_fit_are_refused() {
    for kind in KINDS {
        let (_map, a, b, fence) = moving(kind);
        // The wrong one of the two.
        for call in ["stage", "import", "digest", "wipe"] {
            assert_eq!(a.call(call, fence, "", &frames(&[], 0)).refusal(), "state", "{call}");
        }
        for (call, more) in
            [("export", BULK), ("delta", "&since=0&bytes_max=1"), ("freeze", ""), ("unfreeze", "")]
        {
            assert_eq!(b.call(call, fence, more, b"").refusal(), "state", "{call}");
        }
        assert_eq!(b.call("activate", fence, "", b"").refusal(), "state");
        assert_eq!(a.call("drop", fence, "", b"").refusal(), "state");
        // Without a stage, and without a change log.
        assert_eq!(b.call("digest", fence, "", b"").refusal(), "state");
        assert_eq!(a.call("delta", fence, "&since=0&bytes_max=1", b"").refusal(), "state");
        a.call("export", fence, BULK, b"");
        assert_eq!(a.call("delta", fence, "&since=1&bytes_max=1", b"").refusal(), "state");
        assert_eq!(a.call("delta", fence, "&since=2&bytes_max=1", b"").status, 200);
        // An epoch that the store does not confirm.
        for call in ["freeze", "unfreeze", "activate", "wipe", "drop", "stage", "digest"] {
            let ahead = a.call(call, (0, 99, 3, 0), "", b"");
            assert_eq!((ahead.refusal().as_str(), &ahead.json()["epoch"]), ("ahead", &1.into()));
        }
        // Another data directory.
        let mut other = TestNode::start("c", kind, &Map::new(&[]));
        other.incarnation = Incarnation::from_bits(1);
        for call in ["stage", "import", "digest", "activate", "wipe", "freeze", "unfreeze", "drop"]
        {
            let refused = other.call(call, fence, "", &frames(&[], 0));
            assert_eq!(refused.refusal(), "incarnation", "{call}");
        }
        // An overtaken attempt; and a freeze is not lifted by a higher one.
        assert_eq!(a.call("freeze", (0, 99, 1, 3), "", b"").status, 200);
        assert_eq!(a.call("freeze", (0, 99, 1, 2), "", b"").refusal(), "stale");
        assert_eq!(a.call("unfreeze", (0, 99, 1, 4), "", b"").refusal(), "state");
        assert_eq!(a.get("/x", (7, 1)).header("ringway-frozen"), Some("1"));
        // A row outside of the range; a stage of another range.
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        let outside = frames(&[row(100, "k", Some("v"), 1)], 1);
        assert_eq!(b.call("import", fence, "", &outside).refusal(), "state");
        assert_eq!(b.call("import", (0, 98, 1, 1), "", &frames(&[], 0)).refusal(), "state");
        assert_eq!(b.call("import", (0, 99, 1, 2), "", &frames(&[], 0)).refusal(), "state");
    }
}

#[test]
fn a_higher_attempt_begins_anew_or_takes_over() {
    for kind in KINDS {
        let (map, a, b, fence) = moving(kind);
        let bulk = a.call("export", fence, BULK, b"").body;
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        assert_eq!(b.call("import", fence, "", &bulk).status, 200);
        // An open stage is wiped by a higher attempt.
        map.change(1, |record| record.attempt = 2);
        let second = (0, 99, 1, 2);
        assert_eq!(b.call("stage", second, "", b"").status, 200);
        assert_eq!(b.call("import", fence, "", &bulk).refusal(), "stale");
        assert_eq!(b.call("import", second, "", &bulk).json()["rows"], 2);
        let frozen = a.call("freeze", second, "", b"").json();
        assert_eq!(b.call("digest", second, "", b"").json(), frozen);
        // A sealed one is taken over: it has the new attempt's label now.
        map.change(1, |record| record.attempt = 3);
        let third = (0, 99, 1, 3);
        assert_eq!(b.call("digest", third, "", b"").json(), frozen);
        assert_eq!(b.call("digest", second, "", b"").refusal(), "stale");
        commit(&map, &b);
        b.until("activated by the feed", |b| b.get("/x", (7, 2)).status == 200);
        assert_eq!(b.get("/x", (7, 2)).text(), "x1");
    }
}

#[test]
fn an_abort_unfreezes_and_wipes() {
    for kind in KINDS {
        let (map, a, b, fence) = moving(kind);
        let bulk = a.call("export", fence, BULK, b"").body;
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        assert_eq!(b.call("import", fence, "", &bulk).status, 200);
        assert_eq!(a.call("freeze", fence, "", b"").status, 200);
        assert_eq!(b.call("digest", fence, "", b"").status, 200);
        map.set_quiet(true);
        map.change(1, |record| {
            record.epoch = 2;
            record.phase = Phase::Idle;
        });
        let aborted = (0, 99, 2, 1);
        assert_eq!(a.call("unfreeze", aborted, "", b"").status, 200);
        assert_eq!(a.get("/x", (7, 2)).text(), "x1");
        assert_eq!(b.call("wipe", aborted, "", b"").status, 200);
        assert_eq!(b.call("wipe", aborted, "", b"").status, 200);
        assert_eq!(b.call("import", fence, "", &bulk).refusal(), "stale");
        assert_eq!(b.call("activate", (0, 99, 2, 1), "", b"").refusal(), "state");
        assert_eq!(b.standing(0), "foreign");
        // The next move starts from nothing.
        let to_incarnation = b.incarnation;
        map.change(1, |record| {
            record.attempt = 2;
            record.phase = Phase::Moving { to: "b".into(), to_incarnation };
        });
        let next = (0, 99, 2, 2);
        assert_eq!(b.call("stage", next, "", b"").status, 200);
        assert_eq!(b.call("digest", next, "", b"").json()["rows"], 0);
    }
}

#[test]
fn tombstones_outrank_older_rows_whatever_the_order() {
    for kind in KINDS {
        let (_map, _a, b, fence) = moving(kind);
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        let import =
            |rows: &[Row]| b.call("import", fence, "", &frames(rows, 9)).json()["rows"].clone();
        assert_eq!(import(&[row(7, "x", None, 5)]), 1);
        assert_eq!(import(&[row(7, "x", Some("old"), 4)]), 0);
        assert_eq!(import(&[row(8, "y", Some("new"), 6)]), 1);
        assert_eq!(import(&[row(8, "y", Some("old"), 3), row(8, "y", None, 2)]), 0);
        assert_eq!(import(&[row(9, "z", Some("old"), 7), row(9, "z", Some("new"), 8)]), 2);
        let sum = b.call("digest", fence, "", b"").json();
        let digest =
            row(8, "y", Some("new"), 6).digest().wrapping_add(row(9, "z", Some("new"), 8).digest());
        assert_eq!(sum["digest"], format!("{digest:032x}"));
        assert_eq!((&sum["rows"], &sum["sequence"]), (&2.into(), &9.into()));
    }
}

#[test]
fn a_frozen_node_aborts_when_nobody_decides() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        let options = NodeOptions { frozen_ms_max: 50, ..NodeOptions::default() };
        let a = TestNode::start_with("a", kind, &map, options, SqliteOptions::default());
        a.until("claimed", |node| node.standing(0) == "owned");
        assert_eq!(a.put("/x", (7, 1), "v"), 201);
        map.change(1, |record| {
            record.attempt = 1;
            record.phase =
                Phase::Moving { to: "b".into(), to_incarnation: Incarnation::from_bits(1) };
        });
        assert_eq!(a.call("freeze", (0, 99, 1, 1), "", b"").status, 200);
        a.until("aborted", |a| a.get("/x", (7, 2)).status == 200);
        let record = map.get(1);
        assert_eq!((record.phase, record.epoch, record.owner.as_str()), (Phase::Idle, 2, "a"));
    }
}

#[test]
fn a_destination_finishes_what_its_coordinator_left() {
    let (map, a, b, fence) = moving(Kind::Memory);
    let bulk = a.call("export", fence, BULK, b"").body;
    assert_eq!(b.call("stage", fence, "", b"").status, 200);
    assert_eq!(b.call("import", fence, "", &bulk).status, 200);
    assert_eq!(a.call("freeze", fence, "", b"").status, 200);
    assert_eq!(b.call("digest", fence, "", b"").status, 200);
    commit(&map, &b);
    support::wait_until("idle again", || map.get(1).phase == Phase::Idle);
    assert_eq!(b.get("/x", (7, 2)).text(), "x1");
    // And the source has let the rows go by itself.
    a.until("dropped", |a| {
        let metrics = a.control("GET", "/v1/status?lo=0&hi=99&rows_max=1", b"").json();
        metrics["cuts"].as_array().unwrap().is_empty()
    });
}

#[test]
fn status_counts_and_cuts() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a"), born(100, u64::MAX, "b")]);
        let node = TestNode::start("a", kind, &map);
        node.until("claimed", |node| node.standing(0) == "owned");
        for (number, position) in [0, 10, 10, 10, 20, 99].into_iter().enumerate() {
            assert_eq!(node.put(&format!("/{number}"), (position, 1), "0123456789"), 201);
        }
        let status = node.status();
        assert_eq!(status["name"], "a");
        assert_eq!(status["incarnation"], node.incarnation.to_string());
        assert_eq!(status["cuts"], serde_json::Value::Null);
        let range = &status["ranges"][0];
        assert_eq!((&range["rows"], &range["sequence"]), (&6.into(), &6.into()));
        assert_eq!((&range["epoch"], &range["standing"]), (&1.into(), &"owned".into()));
        let cuts = |query: &str| {
            node.control("GET", &format!("/v1/status?lo=0&hi=99{query}"), b"").json()["cuts"]
                .clone()
        };
        assert_eq!(cuts(""), serde_json::json!([]));
        assert_eq!(cuts("&rows_max=100"), serde_json::json!([]));
        assert_eq!(cuts("&rows_max=2"), serde_json::json!([10, 20]));
        assert_eq!(cuts("&rows_max=4"), serde_json::json!([20]));
        assert_eq!(cuts("&rows_max=1"), serde_json::json!([10, 20, 99]));
        assert_eq!(cuts("&bytes_max=100"), serde_json::json!([10, 20]));
        assert_eq!(cuts("&bytes_max=1"), serde_json::json!([10, 20, 99]));
        let part = node.control("GET", "/v1/status?lo=100&hi=200", b"").json();
        assert_eq!(part["ranges"].as_array().unwrap().len(), 1);
        assert_eq!(part["ranges"][0]["standing"], "foreign");
    }
}

#[test]
fn only_the_token_opens_the_control_listener() {
    let node = TestNode::start("a", Kind::Memory, &Map::new(&[]));
    for header in [
        "X-None: 1",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Bearer secre",
        "Authorization: Bearer secrets",
        "Authorization: Bearer sEcret",
        "Authorization: Basic secret",
    ] {
        for target in ["/v1/status", "/v1/none", "/metrics"] {
            let answer = Client::connect(node.control).request("GET", target, &[header], b"");
            assert_eq!(answer.status, 401, "{header} {target}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    let twice = ["Authorization: Bearer secret", "Authorization: Bearer secret"];
    assert_eq!(Client::connect(node.control).request("GET", "/v1/status", &twice, b"").status, 401);
    let lower = ["authorization: bearer secret"];
    assert_eq!(Client::connect(node.control).request("GET", "/v1/status", &lower, b"").status, 200);
}

#[test]
fn bad_parameters_are_named() {
    let node = TestNode::start("a", Kind::Memory, &Map::new(&[born(0, 99, "a")]));
    node.until("claimed", |node| node.standing(0) == "owned");
    let good = format!("lo=0&hi=99&epoch=1&attempt=0&incarnation={}", node.incarnation);
    let cases = [
        ("lo=0&", "", "lo"),
        ("hi=99&", "", "hi"),
        ("epoch=1&", "", "epoch"),
        ("attempt=0&", "", "attempt"),
        ("&incarnation=", "&x=", "incarnation"),
        ("lo=0", "lo=", "lo"),
        ("lo=0", "lo=00", "lo"),
        ("lo=0", "lo=-1", "lo"),
        ("lo=0", "lo=0x1", "lo"),
        ("lo=0", "lo=18446744073709551616", "lo"),
        ("lo=0", "lo=100", "above"),
        ("lo=0", "lo=0&lo=0", "twice"),
        ("lo=0", "lo=%zz", "hexadecimal"),
        ("incarnation=", "incarnation=0", "incarnation"),
        ("lo=0", "lo=0&color=blue", "color"),
    ];
    for (from, to, named) in cases {
        let query = good.replacen(from, to, 1);
        for call in ["freeze", "stage", "import", "digest", "activate", "wipe", "unfreeze", "drop"]
        {
            let answer = node.control("POST", &format!("/v1/{call}?{query}"), b"");
            assert_eq!(answer.status, 400, "{call}?{query}");
            assert!(answer.text().contains(named), "{query}: {}", answer.text());
        }
    }
    for query in [
        "",
        "&bytes_max=x",
        "&bytes_max=1&after_position=1",
        "&bytes_max=1&after_key=00",
        "&bytes_max=1&after_position=1&after_key=0",
        "&bytes_max=1&after_position=1&after_key=zz",
        "&bytes_max=1&since=1",
    ] {
        let answer = node.control("GET", &format!("/v1/export?{good}{query}"), b"");
        assert_eq!(answer.status, 400, "{query}");
    }
    for query in ["", "&bytes_max=1", "&since=1", "&since=x&bytes_max=1"] {
        let answer = node.control("GET", &format!("/v1/delta?{good}{query}"), b"");
        assert_eq!(answer.status, 400, "{query}");
    }
    for query in ["lo=1", "hi=1", "lo=2&hi=1", "lo=0&hi=1&rows_max=0", "rows_max=1", "epoch=1"] {
        let answer = node.control("GET", &format!("/v1/status?{query}"), b"");
        assert_eq!(answer.status, 400, "{query}");
    }
    for (method, path, status) in [
        ("GET", "/v1/freeze", 405),
        ("POST", "/v1/export", 405),
        ("DELETE", "/v1/status", 405),
        ("GET", "/v1/", 404),
        ("GET", "/v1/none", 404),
        ("GET", "/v2/status", 404),
        ("PUT", "/x", 404),
    ] {
        assert_eq!(node.control(method, path, b"").status, status, "{method} {path}");
    }
    assert_eq!(node.standing(0), "owned", "nothing of it had an effect");
}

#[test]
fn garbage_instead_of_frames_is_refused() {
    let (_map, _a, b, fence) = moving(Kind::Sqlite);
    assert_eq!(b.call("stage", fence, "", b"").status, 200);
    let good = frames(&[row(7, "x", Some("v"), 1)], 1);
    let mut kind = good.clone();
    kind[0] = 9;
    let mut huge = good.clone();
    huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let twice = [good.clone(), good.clone()].concat();
    let no_key = frames(&[row(7, "", Some("v"), 1)], 1);
    let long_key = frames(&[row(7, &"k".repeat(4_097), Some("v"), 1)], 1);
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"these are no frames at all, are they? not at all, they are not"),
        ("truncated", &good[..good.len() - 1]),
        ("no end", &good[..38]),
        ("kind", &kind),
        ("huge", &huge),
        ("twice", &twice),
        ("no key", &no_key),
        ("long key", &long_key),
    ] {
        let answer = b.call("import", fence, "", bytes);
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    assert_eq!(b.call("import", fence, "", &frames(&[], 1)).status, 200, "the stage is open still");
    // A refusal does not wait for the body, nor is it lost when the body comes all the same.
    let stale = b.call("import", (0, 99, 0, 0), "", &vec![0; 5_000_000]);
    assert_eq!((stale.refusal().as_str(), stale.header("connection")), ("stale", Some("close")));
}

#[test]
fn the_largest_row_travels() {
    for kind in KINDS {
        let (_map, a, b, fence) = moving(kind);
        let value = vec![b'v'; 1 << 20];
        let path = format!("/{}", "k".repeat(4_096));
        assert_eq!(a.ask("PUT", &path, (9, 1), &value).status, 201);
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        let bulk = a.call("export", fence, "&bytes_max=5000000", b"");
        assert_eq!(bulk.frames().0.len(), 3);
        assert_eq!(b.call("import", fence, "", &bulk.body).json()["rows"], 3);
        let frozen = a.call("freeze", fence, "", b"").json();
        assert_eq!(b.call("digest", fence, "", b"").json(), frozen);
    }
}

#[test]
fn a_store_that_is_down_is_503_not_409() {
    let (map, a, b, _) = moving(Kind::Memory);
    map.set_down(true);
    for call in ["freeze", "unfreeze", "activate", "drop"] {
        let answer = a.call(call, (0, 99, 2, 1), "", b"");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{call}");
    }
    drop((a, b));
}

#[test]
fn splits_and_merges_of_the_store_are_followed() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a"), born(100, u64::MAX, "b")]);
        let node = TestNode::start("a", kind, &map);
        node.until("claimed", |node| node.standing(0) == "owned");
        for position in [0, 49, 50, 99] {
            assert_eq!(node.put("/k", (position, 1), "v"), 201);
        }
        let whole = map.get(1);
        map.set(3, SegmentRecord { hi: 49, ..whole.clone() });
        map.set(4, SegmentRecord { lo: 50, attempt: 1, ..whole.clone() });
        map.remove(1);
        let (rows, end) = node.call("export", (50, 99, 1, 1), BULK, b"").frames();
        assert_eq!((rows.len(), end.sequence), (2, 4));
        assert_eq!(node.call("freeze", (50, 99, 1, 1), "", b"").json()["rows"], 2);
        assert_eq!(node.put("/k", (49, 1), "w"), 204, "the other half is served");
        assert_eq!(node.get("/k", (50, 1)).header("ringway-frozen"), Some("1"));
        // Aborted, then merged.
        map.set(4, SegmentRecord { lo: 50, attempt: 1, epoch: 2, ..whole.clone() });
        node.until("unfrozen", |node| node.get("/k", (50, 2)).status == 200);
        map.remove(3);
        map.remove(4);
        map.set(5, SegmentRecord { epoch: 3, attempt: 1, ..whole });
        node.until("merged", |node| node.get("/k", (0, 3)).status == 200);
        assert_eq!(node.get("/k", (49, 3)).text(), "w");
        let ranges = node.status()["ranges"].clone();
        assert_eq!((&ranges[0]["lo"], &ranges[0]["hi"]), (&0.into(), &99.into()));
        let (rows, _) = node.call("export", (0, 99, 3, 1), BULK, b"").frames();
        assert_eq!(rows.len(), 4);
    }
}
