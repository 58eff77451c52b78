//! Bodies, both ways.

mod support;

use std::{
    io::Write as _,
    sync::{Mutex, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use support::{Fake, Wire, start, wait_for};

/// Bytes that are not all alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index * 7 % 251).expect("below 251")).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend(format!("{:X};ext=\"1\"\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nTrailer: dropped\r\n\r\n");
    out
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

#[test]
fn bodies_of_every_size_reach_the_node() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "replay_bytes_max = 1000\n");
    let mut wire = setup.connect();
    for (number, length) in [0, 1, 999, 1_000, 1_001, 70_000, 3_000_000].into_iter().enumerate() {
        let body = pattern(length);
        let head = format!("PUT /{number} HTTP/1.1\r\nHost: a\r\n");
        wire.send(format!("{head}Content-Length: {length}\r\n\r\n")).send(&body);
        let got = wire.message().expect("an answer");
        assert_eq!(got.status(), 200, "{}", got.text());
        let seen = node.last();
        assert_eq!(seen.body, body);
        let text = length.to_string();
        assert_eq!(seen.header("content-length"), Some(&*text), "{}", seen.head);
        let expects = (length > 1_000).then_some("100-continue");
        assert_eq!(seen.header("expect"), expects, "{}", seen.head);

        wire.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).send(chunked(&body, 7_777));
        let got = wire.message().expect("an answer");
        assert_eq!(got.status(), 200, "{}", got.text());
        let seen = node.last();
        assert_eq!(seen.body, body);
        assert_eq!(seen.header("expect"), expects, "{}", seen.head);
        assert_eq!(seen.header("trailer"), None);
        if length > 1_000 {
            assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
        } else {
            assert_eq!(seen.header("content-length"), Some(&*text));
        }
    }
    assert_eq!(node.connections.load(Ordering::SeqCst), 1, "one connection carries them all");
    setup.proxy.shutdown();
}

#[test]
fn answers_of_every_form_reach_the_client() {
    let big = pattern(2_000_000);
    let copy = big.clone();
    let node = Fake::new(move |mut wire, _, _| {
        while let Some(request) = wire.message() {
            let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
            let length = format!("200 OK\r\nContent-Length: {}", copy.len());
            let bytes = match path.as_str() {
                "/length" => answer(&length, &copy),
                "/chunked" => {
                    answer("200 OK\r\nTransfer-Encoding: chunked", &chunked(&copy, 5_000))
                }
                "/close" => answer("200 OK", &copy),
                "/old" => {
                    let text = "HTTP/1.0 200 OK\r\n\r\n";
                    [text.as_bytes(), &copy].concat()
                }
                "/empty" => answer("204 No Content", b""),
                "/same" => answer("304 Not Modified\r\nContent-Length: 5\r\nETag: \"1\"", b""),
                "/zero" => answer("200 OK\r\nContent-Length: 0", b""),
                "/hints" => answer(
                    "103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1",
                    b"x",
                ),
                _ => answer("404 Not Found\r\nContent-Length: 4", b"none"),
            };
            let bytes = match request.head.starts_with("HEAD ") {
                true => answer(&length, b""),
                false => bytes,
            };
            if wire.stream.write_all(&bytes).is_err() || matches!(&*path, "/close" | "/old") {
                return;
            }
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    let mut wire = setup.connect();
    let mut get = |method: &str, path: &str| {
        wire.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let mut message = wire.head().expect("an answer");
        if method != "HEAD" && !matches!(message.status(), 204 | 304) {
            wire.body(&mut message).expect("a whole body");
        }
        message
    };
    for path in ["/length", "/chunked", "/close", "/old", "/length"] {
        let got = get("GET", path);
        assert_eq!(got.status(), 200);
        assert!(got.body == big, "{path}: {} bytes", got.body.len());
        let chunked = (path != "/length").then_some("chunked");
        assert_eq!(got.header("transfer-encoding"), chunked, "{path}");
    }
    assert_eq!(get("GET", "/empty").status(), 204);
    let same = get("GET", "/same");
    assert_eq!((same.status(), same.header("content-length")), (304, Some("5")));
    assert_eq!(get("GET", "/zero").body, b"");
    assert_eq!(get("GET", "/hints").body, b"x");
    let head = get("HEAD", "/length");
    assert_eq!(head.header("content-length"), Some("2000000"));
    assert_eq!(get("GET", "/missing").text(), "none");
    // A client of HTTP/1.0 learns the end from the end of the connection.
    let mut old = setup.connect();
    old.send("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let head = old.head().expect("an answer");
    assert_eq!(head.header("transfer-encoding"), None);
    assert_eq!(head.header("connection"), Some("close"));
    assert!(old.rest() == big);
    setup.proxy.shutdown();
}

#[test]
fn bad_and_large_bodies_are_refused() {
    let node = Fake::echo();
    let limits = "body_bytes_max = 5000\nreplay_bytes_max = 100\nstall_ms_max = 300\n";
    let setup = start(&[("n1", &node)], "path:1", limits);
    let head = "PUT /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (request, status, code) in [
        (
            "PUT /k HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n\r\n".into(),
            413,
            "body-too-large",
        ),
        (format!("{head}5\r\nhello!\r\n0\r\n\r\n"), 400, "bad-body"),
        (format!("{head}x\r\n"), 400, "bad-body"),
        (format!("{head}5\nhello\r\n"), 400, "bad-body"),
        (format!("{head}0x5\r\nhello\r\n"), 400, "bad-body"),
        (format!("{head}ffffffffffffffffff\r\n"), 400, "bad-body"),
        ("PUT /k HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc".into(), 408, "body-timeout"),
        (format!("{head}5\r\nhel"), 408, "body-timeout"),
    ] {
        let mut wire = setup.connect();
        let got = wire.send(&request).message().expect("an answer");
        assert_eq!((got.status(), got.header("ringway-error")), (status, Some(code)), "{request}");
        assert_eq!(got.header("connection"), Some("close"), "{request}");
        wire.half_close();
        assert_eq!(wire.rest(), b"");
    }
    assert_eq!(node.requests(), [], "none of them was whole");
    // A large one that turns out too large on its way.
    let mut wire = setup.connect();
    wire.send(head).send(chunked(&pattern(6_000), 1_000));
    let got = wire.message().expect("an answer");
    assert_eq!((got.status(), got.header("ringway-error")), (413, Some("body-too-large")));
    assert_eq!(node.requests(), [], "the node got it only in part");
    setup.proxy.shutdown();
}

#[test]
fn clients_that_wait_to_be_asked_are_asked() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "replay_bytes_max = 100\n");
    for (length, framing) in [
        (10, "Content-Length: 10"),
        (5_000, "Content-Length: 5000"),
        (10, "Transfer-Encoding: chunked"),
        (5_000, "Transfer-Encoding: chunked"),
    ] {
        let mut wire = setup.connect();
        wire.send(format!(
            "PUT /k HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n{framing}\r\n\r\n"
        ));
        let interim = wire.head().expect("an interim answer");
        assert_eq!(interim.status(), 100, "{}", interim.head);
        let body = pattern(length);
        match framing.contains("chunked") {
            true => wire.send(chunked(&body, 777)),
            false => wire.send(&body),
        };
        assert_eq!(wire.message().expect("an answer").status(), 200);
        assert_eq!(node.last().body, body);
    }
    setup.proxy.shutdown();
}

#[test]
fn a_large_body_is_read_only_after_the_node_asks() {
    // The node refuses each body from its head: what waits is never asked to come.
    let node = Fake::new(|mut wire, _, seen| {
        while let Some(request) = wire.head() {
            assert_eq!(request.header("expect"), Some("100-continue"));
            seen.lock().expect("a lock").push(request);
            wire.send("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 2\r\n\r\nno");
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "replay_bytes_max = 100\n");
    let mut wire = setup.connect();
    wire.send("PUT /k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
    let got = wire.message().expect("an answer");
    assert_eq!((got.status(), got.header("connection")), (412, Some("close")));
    assert_eq!(wire.rest(), b"");
    // A client that does not wait sends all of a large body, and still reads the answer.
    let mut wire = setup.connect();
    wire.send("PUT /k HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    wire.send(pattern(3_000_000));
    assert_eq!(wire.message().expect("an answer").status(), 412);
    // The connection to the node was not harmed.
    assert_eq!(node.connections.load(Ordering::SeqCst), 1);
    assert_eq!(node.requests().len(), 2);
    setup.proxy.shutdown();
}

#[test]
fn a_node_may_answer_before_the_body_is_whole() {
    let node = Fake::new(|mut wire, _, _| {
        wire.head();
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        while wire.input.len() < 1_000 && wire.fill() {}
        wire.send("HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 4\r\n\r\nfull");
        wire.rest();
    });
    let setup = start(&[("n1", &node)], "path:1", "replay_bytes_max = 100\n");
    let mut wire = setup.connect();
    wire.send("PUT /k HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n").send(pattern(2_000));
    let got = wire.message().expect("an answer");
    assert_eq!((got.status(), got.text()), (507, "full".to_owned()));
    assert_eq!(got.header("connection"), Some("close"));
    setup.proxy.shutdown();
}

#[test]
fn slow_clients_hold_up_nobody_and_no_node() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "");
    // One uploads a small body byte by byte, one reads nothing, one sends half a head.
    let mut slow = setup.connect();
    slow.send("PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n").send("a");
    let mut half = setup.connect();
    half.send("GET /half HTTP/1.1\r\nHo");
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(setup.ask("GET /k HTTP/1.1\r\nHost: a\r\n\r\n").status(), 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(node.requests().iter().all(|request| request.head.starts_with("GET /k ")));
    slow.send("b".repeat(19));
    assert_eq!(slow.message().expect("an answer").status(), 200);
    half.send("st: a\r\n\r\n");
    assert_eq!(half.message().expect("an answer").status(), 200);
    setup.proxy.shutdown();
}

#[test]
fn streams_flow_without_waiting_for_their_end() {
    let (finished, seen_first) = mpsc::channel::<()>();
    let seen_first = Mutex::new(seen_first);
    let node = Fake::new(move |mut wire, _, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        // Goes on only when the client has seen the first piece.
        let _ = seen_first.lock().expect("a lock").recv();
        wire.send("0\r\n\r\n");
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    let mut wire = setup.connect();
    wire.send("GET /k HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.head().expect("an answer");
    while wire.input.len() < 6 {
        assert!(wire.fill(), "the first piece comes");
    }
    assert_eq!(wire.input, b"1\r\na\r\n");
    drop(finished);
    while !wire.input.ends_with(b"0\r\n\r\n") {
        assert!(wire.fill(), "the stream goes on to its end");
    }
    setup.proxy.shutdown();
}

#[test]
fn a_cut_answer_is_seen_as_cut() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
        let piece = if head.contains("chunked") { "5\r\nhello\r\n" } else { "hello" };
        let node = Fake::new(move |mut wire: Wire, _, seen| {
            wire.head();
            wire.send(&text).send(piece);
            // The client has the beginning when it says so.
            wait_for(|| seen.lock().expect("a lock").first().cloned());
        });
        let setup = start(&[("n1", &node)], "path:1", "");
        let mut wire = setup.connect();
        wire.send("GET /k HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut message = wire.head().expect("an answer");
        node.seen.lock().expect("a lock").push(message.clone());
        assert_eq!(wire.body(&mut message), None, "{head}: it may not look whole");
        assert_eq!(setup.metric("ringway_answers_cut_total"), 1.0);
        setup.proxy.shutdown();
    }
}
