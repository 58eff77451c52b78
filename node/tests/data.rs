//! Requests that proxies forward.

mod support;

use std::time::{Duration, Instant};

use ringway_node::{NodeOptions, SqliteOptions};
use support::{Client, KINDS, Kind, Map, TestNode, born};

const AT: (u64, u64) = (7, 1);

fn node(kind: Kind) -> (Map, TestNode) {
    let map = Map::new(&[born(0, 99, "a"), born(100, u64::MAX, "b")]);
    let node = TestNode::start("a", kind, &map);
    node.until("claimed", |node| node.standing(0) == "owned");
    (map, node)
}

#[test]
fn rows_are_written_read_and_deleted() {
    for kind in KINDS {
        let (_, node) = node(kind);
        let mut client = node.client();
        let mut ask = |method: &str, path: &str, more: &[&str], body: &[u8]| {
            client.ask(method, path, AT, more, body)
        };
        let missing = ask("GET", "/x", &[], b"");
        assert_eq!((missing.status, missing.header("etag")), (404, None));
        let created = ask("PUT", "/x", &[], b"one");
        assert_eq!(created.status, 201);
        let first = created.header("etag").unwrap().to_string();
        let read = ask("GET", "/x", &[], b"");
        assert_eq!((read.status, read.text()), (200, "one"));
        assert_eq!(read.header("etag"), Some(first.as_str()));
        assert_eq!(read.header("content-length"), Some("3"));
        let replaced = ask("PUT", "/x", &[], b"");
        assert_eq!(replaced.status, 204);
        assert_ne!(replaced.header("etag"), Some(first.as_str()));
        let head = ask("HEAD", "/x", &[], b"");
        assert_eq!((head.status, head.header("content-length")), (200, Some("0")));
        assert_eq!(ask("DELETE", "/x", &[], b"").status, 204);
        assert_eq!(ask("DELETE", "/x", &[], b"").status, 404);
        assert_eq!(ask("HEAD", "/x", &[], b"").status, 404);
        // A tag never comes back.
        let again = ask("PUT", "/x", &[], b"two");
        assert_eq!(again.status, 201);
        assert_ne!(again.header("etag"), Some(first.as_str()));
    }
}

#[test]
fn rows_are_of_position_and_decoded_path() {
    for kind in KINDS {
        let (_, node) = node(kind);
        assert_eq!(node.put("/a%2Fb%00%ff?user=1", (1, 1), "one"), 201);
        assert_eq!(node.put("/a/b%00%FF", (2, 1), "two"), 201);
        assert_eq!(node.get("/a/b%00%ff", (1, 1)).text(), "one");
        assert_eq!(node.get("/a/b%00%ff?user=2", (2, 1)).text(), "two");
        assert_eq!(node.put("/a/./b/../c", (1, 1), "dots"), 201);
        assert_eq!(node.get("/a/c", (1, 1)).status, 404);
        for path in ["/%", "/%zz", "/%1", "/"] {
            assert_eq!(node.put(path, (1, 1), "x"), 400, "{path}");
        }
        let long = "k".repeat(4_096);
        assert_eq!(node.put(&format!("/{long}"), (1, 1), "long"), 201);
        assert_eq!(node.put(&format!("/{long}k"), (1, 1), "longer"), 400);
    }
}

#[test]
fn preconditions_hold_or_not() {
    for kind in KINDS {
        let (_, node) = node(kind);
        let mut client = node.client();
        let mut ask = |method: &str, header: &str| client.ask(method, "/x", AT, &[header], b"v");
        assert_eq!(ask("PUT", "If-Match: *").status, 412);
        assert_eq!(ask("DELETE", "If-Match: *").status, 412);
        assert_eq!(ask("GET", "If-Match: *").status, 412);
        let tag = ask("PUT", "If-None-Match: *").header("etag").unwrap().to_string();
        assert_eq!(ask("PUT", "If-None-Match: *").status, 412);
        assert_eq!(ask("PUT", &format!("If-None-Match: \"0\", {tag}")).status, 412);
        assert_eq!(ask("PUT", "If-Match: \"0\"").status, 412);
        assert_eq!(ask("PUT", &format!("If-Match: W/{tag}")).status, 412);
        assert_eq!(ask("GET", "If-Match: \"0\"").status, 412);
        assert_eq!(ask("GET", &format!("If-None-Match: W/{tag}")).status, 304);
        assert_eq!(ask("HEAD", "If-None-Match: *").status, 304);
        assert_eq!(ask("GET", "If-None-Match: \"0\"").status, 200);
        let replaced = ask("PUT", &format!("If-Match: \"0\", {tag}"));
        assert_eq!(replaced.status, 204);
        assert_eq!(ask("DELETE", &format!("If-Match: {tag}")).status, 412);
        assert_eq!(ask("PUT", "If-Match: 1").status, 400);
        let tag = replaced.header("etag").unwrap().to_string();
        assert_eq!(ask("DELETE", &format!("If-Match: {tag}")).status, 204);
    }
}

#[test]
fn only_the_owner_at_that_epoch_answers() {
    for kind in KINDS {
        let (map, node) = node(kind);
        assert_eq!(node.put("/x", AT, "v"), 201);
        // Below: refused at once.
        let old = node.get("/x", (7, 0));
        assert_eq!((old.status, old.header("ringway-epoch")), (421, Some("1")));
        assert_eq!(old.header("ringway-frozen"), None);
        // Above: the store is read, and does not confirm it.
        let reads = map.reads();
        let ahead = node.get("/x", (7, 2));
        assert_eq!((ahead.status, ahead.header("ringway-epoch")), (421, Some("1")));
        assert!(map.reads() > reads);
        // Another's.
        let other = node.put("/x", (100, 1), "v");
        assert_eq!(other, 421);
        // Above, and the store confirms it.
        map.set_quiet(true);
        map.change(1, |record| record.epoch = 2);
        assert_eq!(node.get("/x", (7, 2)).text(), "v");
        assert_eq!(node.get("/x", (7, 1)).status, 421);
        // The store is gone: what is known is served, what is not is 503.
        map.set_down(true);
        assert_eq!(node.get("/x", (7, 2)).status, 200);
        let unknown = node.get("/x", (7, 3));
        assert_eq!((unknown.status, unknown.header("retry-after")), (503, Some("1")));
        assert_eq!(unknown.header("ringway-epoch"), Some("2"));
    }
}

#[test]
fn a_store_restored_from_a_backup_is_not_followed() {
    let (map, node) = node(Kind::Memory);
    map.change(1, |record| record.epoch = 5);
    assert_eq!(node.put("/x", (7, 5), "v"), 201);
    map.change(1, |record| record.epoch = 2);
    assert_eq!(node.get("/x", (7, 2)).status, 421);
    let ahead = node.get("/x", (7, 6));
    assert_eq!(ahead.status, 503);
    assert!(ahead.text().contains("older than this node"), "{}", ahead.text());
    assert_eq!(node.get("/x", (7, 5)).text(), "v");
}

#[test]
fn bad_requests_are_refused() {
    let (_, node) = node(Kind::Memory);
    for headers in [
        &[][..],
        &["Ringway-Position: 7"],
        &["Ringway-Epoch: 1"],
        &["Ringway-Position: 7", "Ringway-Epoch: x"],
        &["Ringway-Position: 07", "Ringway-Epoch: 1"],
        &["Ringway-Position: -7", "Ringway-Epoch: 1"],
        &["Ringway-Position: 18446744073709551616", "Ringway-Epoch: 1"],
        &["Ringway-Position: 7", "Ringway-Position: 7", "Ringway-Epoch: 1"],
        &["Ringway-Position: 7", "Ringway-Epoch: "],
    ] {
        let answer = node.client().request("PUT", "/x", headers, b"v");
        assert_eq!(answer.status, 400, "{headers:?}");
    }
    for method in ["POST", "PATCH", "OPTIONS", "TRACE", "NONSENSE"] {
        let answer = node.ask(method, "/x", AT, b"");
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    }
    let mut client = node.client();
    assert_eq!(client.ask("PUT", "/x", AT, &["Content-Range: bytes 0-0/2"], b"v").status, 400);
    for garbage in [&b"\0\0\0\0\r\n\r\n"[..], b"GET /x\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"] {
        let mut client = node.client();
        client.raw(garbage);
        let answer = client.try_answer("GET");
        assert!(answer.is_none_or(|answer| answer.status == 400));
        assert!(client.is_closed());
    }
    let mut client = node.client();
    let huge = format!("X-Big: {}", "x".repeat(1_000_000));
    assert_eq!(client.ask("GET", "/x", AT, &[&huge], b"").status, 431);
    assert_eq!(node.get("/x", AT).status, 404, "nothing was executed");
}

#[test]
fn bodies_may_be_chunked_pipelined_and_large() {
    for kind in KINDS {
        let (_, node) = node(kind);
        let mut client = node.client();
        let head = "Host: n\r\nRingway-Position: 7\r\nRingway-Epoch: 1\r\n";
        let chunked = format!(
            "PUT /c HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        );
        let get = format!("GET /c HTTP/1.1\r\n{head}\r\n");
        client.raw(format!("{chunked}{get}{get}").as_bytes());
        assert_eq!(client.answer("PUT").status, 201);
        assert_eq!(client.answer("GET").text(), "abcde");
        assert_eq!(client.answer("GET").text(), "abcde");
        // A client that sends no more still gets its answer.
        client.raw(get.as_bytes());
        client.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.answer("GET").text(), "abcde");
        let large = vec![b'l'; 1 << 20];
        assert_eq!(node.ask("PUT", "/large", AT, &large).status, 201);
        assert_eq!(node.get("/large", AT).body, large);
        let larger = vec![b'l'; (1 << 20) + 1];
        let answer = node.ask("PUT", "/larger", AT, &larger);
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
        let mut client = node.client();
        client.raw(
            format!("PUT /larger HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n100001\r\n")
                .as_bytes(),
        );
        client.raw(&larger);
        assert_eq!(client.answer("PUT").status, 413);
        assert!(client.is_closed());
        assert_eq!(node.get("/larger", AT).status, 404);
    }
}

#[test]
fn expectations_are_answered_from_the_head() {
    let (_, node) = node(Kind::Memory);
    let begin = |at: (u64, u64), length: usize, more: &str| {
        let mut client = node.client();
        client.raw(
            format!(
                "PUT /x HTTP/1.1\r\nHost: n\r\nRingway-Position: {}\r\nRingway-Epoch: {}\r\n\
                 Content-Length: {length}\r\nExpect: 100-continue\r\n{more}\r\n",
                at.0, at.1
            )
            .as_bytes(),
        );
        let first = client.answer("PUT");
        (client, first)
    };
    let (mut client, first) = begin(AT, 3, "");
    assert_eq!(first.status, 100);
    client.raw(b"abc");
    assert_eq!(client.answer("PUT").status, 201);
    assert_eq!(client.ask("GET", "/x", AT, &[], b"").text(), "abc");
    for (at, length, more, status) in [
        ((7, 0), 3, "", 421),
        ((100, 1), 3, "", 421),
        (AT, (1 << 20) + 1, "", 413),
        (AT, 3, "If-None-Match: *\r\n", 412),
    ] {
        let (mut client, first) = begin(at, length, more);
        assert_eq!((first.status, first.header("connection")), (status, Some("close")));
        assert!(client.is_closed());
    }
}

#[test]
fn a_refused_upload_reads_its_answer() {
    let (_, node) = node(Kind::Memory);
    // The body arrives though nobody reads it; the answer must not be lost to a reset.
    let body = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        let mut client = node.client();
        client.send("PUT", "/x", &["Ringway-Position: 7", "Ringway-Epoch: 0"], &body);
        assert_eq!(client.answer("PUT").status, 421);
    }
    // A small one leaves the connection usable.
    let mut client = node.client();
    for _ in 0..20 {
        assert_eq!(client.ask("PUT", "/x", (7, 0), &[], &body[..60_000]).status, 421);
    }
    assert_eq!(client.ask("PUT", "/x", AT, &[], b"v").status, 201);
}

#[test]
fn a_slow_upload_delays_neither_writes_nor_a_freeze() {
    for kind in KINDS {
        let (_, node) = node(kind);
        let mut slow = node.client();
        slow.raw(b"PUT /slow HTTP/1.1\r\nHost: n\r\nRingway-Position: 7\r\nRingway-Epoch: 1\r\nContent-Length: 10\r\n\r\n12345");
        let begun = Instant::now();
        assert_eq!(node.put("/quick", AT, "v"), 201);
        assert_eq!(node.call("freeze", (0, 99, 1, 0), "", b"").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(5), "waited for a body");
        slow.raw(b"67890");
        let answer = slow.answer("PUT");
        assert_eq!((answer.status, answer.header("ringway-frozen")), (421, Some("1")));
    }
}

#[test]
fn connections_above_the_limit_are_turned_away() {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let options = NodeOptions { connections_max: 2, ..NodeOptions::default() };
    let node = TestNode::start_with("a", Kind::Memory, &map, options, SqliteOptions::default());
    let mut first = node.client();
    assert_eq!(first.ask("PUT", "/x", AT, &[], b"v").status, 201);
    let mut second = node.client();
    assert_eq!(second.ask("GET", "/x", AT, &[], b"").status, 200);
    let mut third = node.client();
    let answer = third.answer("GET");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(third.is_closed());
    drop(second);
    support::wait_until("a place is free", || {
        let mut client = node.client();
        client.send("GET", "/x", &["Ringway-Position: 7", "Ringway-Epoch: 1"], b"");
        client.try_answer("GET").is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let sqlite = SqliteOptions { data_bytes_max: Some(1 << 20) };
    let node = TestNode::start_with("a", Kind::Sqlite, &map, NodeOptions::default(), sqlite);
    let value = "v".repeat(100_000);
    let mut written = Vec::new();
    let refused = loop {
        let path = format!("/{}", written.len());
        let answer = node.ask("PUT", &path, AT, value.as_bytes());
        if answer.status != 201 {
            break answer;
        }
        written.push(path);
        assert!(written.len() < 20, "the limit does not hold");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.text().contains("not executed"), "{}", refused.text());
    assert!(!written.is_empty());
    for path in &written {
        assert_eq!(node.get(path, AT).text(), value);
    }
    // Deleting makes room.
    assert_eq!(node.ask("DELETE", &written[0], AT, b"").status, 204);
    assert_eq!(node.ask("PUT", "/again", AT, value.as_bytes()).status, 201);
}

#[test]
fn bodies_together_have_a_limit() {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let options = NodeOptions { bodies_bytes_max: 1_000, ..NodeOptions::default() };
    let node = TestNode::start_with("a", Kind::Memory, &map, options, SqliteOptions::default());
    assert_eq!(node.put("/x", AT, &"v".repeat(1_000)), 201);
    assert_eq!(node.put("/x", AT, &"v".repeat(1_000)), 204, "the memory came back");
    let answer = node.ask("PUT", "/x", AT, &[b'v'; 1_001]);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}

#[test]
fn concurrent_writes_of_one_key_take_turns() {
    for kind in KINDS {
        let (_, node) = node(kind);
        let address = node.data;
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                std::thread::spawn(move || {
                    let mut client = Client::connect(address);
                    let mut won = 0;
                    for round in 0..50 {
                        let read = client.ask("GET", "/n", AT, &[], b"");
                        let condition = match read.header("etag") {
                            Some(tag) => format!("If-Match: {tag}"),
                            None => "If-None-Match: *".into(),
                        };
                        let count: u64 =
                            if read.status == 200 { read.text().parse().unwrap() } else { 0 };
                        let next = (count + 1).to_string();
                        let wrote = client.ask("PUT", "/n", AT, &[&condition], next.as_bytes());
                        match wrote.status {
                            201 | 204 => won += 1,
                            412 => {}
                            other => panic!("writer {writer} round {round}: {other}"),
                        }
                    }
                    won
                })
            })
            .collect();
        let won: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        assert_eq!(node.get("/n", AT).text(), won.to_string());
    }
}

#[test]
fn a_position_that_is_not_the_keys_is_refused() {
    let map = Map::new(&[born(0, u64::MAX, "a")]);
    let layout = ringway::Layout::ringway_v1();
    let options = NodeOptions { layout: Some(layout.clone()), ..NodeOptions::default() };
    let node = TestNode::start_with("a", Kind::Memory, &map, options, SqliteOptions::default());
    let table = ringway::Table::new(&layout, &[]).unwrap();
    let right = table.position("z\u{fc}rich/1".as_bytes()).unwrap();
    let mut client = node.client();
    let mut ask = |position: u64, key: &[&str]| {
        let position = format!("Ringway-Position: {position}");
        let headers: Vec<&str> =
            [&*position, "Ringway-Epoch: 1"].into_iter().chain(key.iter().copied()).collect();
        client.send("PUT", "/x", &headers, b"v");
        let answer = client.answer("PUT");
        client = node.client();
        answer.status
    };
    let key = "Ringway-Key: z%C3%BCrich%2F1";
    assert_eq!(ask(right, &[key]), 201);
    for (position, key) in [
        (right + 1, &[key][..]),
        (right, &["Ringway-Key: zurich%2F1"]),
        (right, &["Ringway-Key: z%C3%BCrich%2"]),
        (right, &[key, key]),
        (right, &[]),
    ] {
        assert_eq!(ask(position, key), 400, "{position} {key:?}");
    }
}
