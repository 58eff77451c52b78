//! Heads: what is refused, what is changed, where the key is found.

mod support;

use support::{Fake, Setup, start};

fn status_and_code(setup: &Setup, request: &str) -> (u16, String) {
    let answer = setup.ask(request);
    (answer.status(), answer.header("ringway-error").unwrap_or("").to_owned())
}

#[test]
fn a_request_reaches_its_node_and_comes_back() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path_tail:1", "");
    let answer =
        setup.ask("GET /a%20b?x=1 HTTP/1.1\r\nHost: example.org:80\r\nAccept: */*\r\n\r\n");
    assert_eq!(answer.status(), 200);
    let seen = node.last();
    assert!(seen.head.starts_with("GET /a%20b?x=1 HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("host"), Some("example.org:80"));
    assert_eq!(seen.header("accept"), Some("*/*"));
    assert_eq!(seen.header("ringway-key"), Some("a%20b"));
    assert_eq!(seen.header("ringway-epoch"), Some("1"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("via"), Some("1.1 ringway"));
    let position = ringway::key_hash(b"a b") >> 32;
    assert_eq!(seen.header("ringway-position"), Some(position.to_string().as_str()));
    setup.proxy.shutdown();
}

#[test]
fn ambiguous_and_broken_heads_are_refused() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "head_bytes_max = 2048\n");
    let long = "a".repeat(3_000);
    let many = "A: b\r\n".repeat(101);
    for (request, status, code) in [
        // Lengths that two parsers could read in two ways.
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "bad-length",
        ),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            400,
            "bad-length",
        ),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
            "bad-length",
        ),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            400,
            "bad-length",
        ),
        ("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400, "bad-length"),
        ("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400, "bad-length"),
        ("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na", 400, "bad-length"),
        ("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na", 400, "bad-length"),
        ("POST /k HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, "bad-length"),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            400,
            "bad-length",
        ),
        ("POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400, "bad-length"),
        ("POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, "bad-length"),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "bad-length",
        ),
        (
            "POST /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            "transfer-encoding",
        ),
        ("POST /k HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad-length"),
        // Lines.
        ("GET /k HTTP/1.1\nHost: a\n\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nA: b\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\n A: b\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nA: b\0\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", 400, "bad-head"),
        ("GET  /k HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-head"),
        ("GET /k HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "bad-head"),
        ("\x16\x03\x01 hello", 400, "bad-head"),
        ("GET /k HTTP/2.0\r\nHost: a\r\n\r\n", 505, "bad-version"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "bad-version"),
        // Host.
        ("GET /k HTTP/1.1\r\n\r\n", 400, "bad-host"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad-host"),
        ("GET /k HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad-host"),
        ("GET /k HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "bad-host"),
        ("GET http://b/k HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-host"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n", 400, "bad-host"),
        // Targets and methods.
        ("GET k HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"),
        ("GET /k#f HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"),
        ("GET ftp://a/k HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "connect"),
        (
            "GET /k HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            501,
            "upgrade",
        ),
        ("GET /k HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, websocket\r\n\r\n", 501, "upgrade"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n", 417, "bad-expect"),
        // Sizes.
        (&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "target-too-long"),
        (&format!("GET /k HTTP/1.1\r\nHost: a\r\nA: {long}\r\n\r\n"), 431, "head-too-long"),
        (&format!("GET /k HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "too-many-headers"),
    ] {
        let found = status_and_code(&setup, request);
        assert_eq!(found, (status, code.to_owned()), "{request:?}");
    }
    assert_eq!(node.requests(), [], "nothing may reach the node");
    // Nothing after a refused head is read as a request.
    let mut wire = setup.connect();
    wire.send(
        "POST /k HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let answers = String::from_utf8(wire.rest()).expect("text");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    assert!(answers.contains("Connection: close"), "{answers}");
    assert_eq!(node.requests(), [], "nothing may reach the node");
    setup.proxy.shutdown();
}

#[test]
fn what_clients_may_send_is_taken() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "");
    for request in [
        "\r\n\r\nGET /k HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://A/k HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /k HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
        "GET /k HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /k HTTP/1.0\r\n\r\n",
        "BREW /k HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET /k HTTP/1.1\r\nHost: a\r\nA:b\r\nB: \t c \t \r\n\r\n",
    ] {
        assert_eq!(setup.ask(request).status(), 200, "{request:?}");
    }
    let seen = node.requests();
    assert!(seen[1].head.starts_with("GET /k HTTP/1.1\r\n"), "{}", seen[1].head);
    assert_eq!(seen[2].header("http2-settings"), None, "{}", seen[2].head);
    assert_eq!(seen[4].header("host"), Some(""), "{}", seen[4].head);
    assert_eq!(seen[5].header("content-length"), Some("0"));
    assert_eq!(seen[6].header("b"), Some("c"));
    setup.proxy.shutdown();
}

#[test]
fn headers_of_the_hop_and_ours_do_not_pass() {
    let node = Fake::answering(|_| {
        b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-Plain: 1\r\nX-Gone: 1\r\n\
          Connection: keep-alive, X-Gone\r\nKeep-Alive: timeout=5\r\nRingway-Epoch: 7\r\n\
          ringway-secret: 1\r\nProxy-Authenticate: x\r\nTrailer: x\r\n\r\nok"
            .to_vec()
    });
    let setup = start(&[("n1", &node)], "header:X-Key", "");
    let answer = setup.ask(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Key: k\r\nringway-epoch: 99\r\nRingway-Position: 1\r\n\
         RINGWAY-KEY: other\r\nRingway-Anything: 1\r\nConnection: close, x-listed\r\n\
         X-Listed: 1\r\nX-Stays: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: 1\r\n\
         Proxy-Authorization: 1\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n\r\n",
    );
    let seen = node.last();
    assert_eq!(seen.header("ringway-epoch"), Some("1"));
    assert_eq!(seen.header("ringway-key"), Some("k"));
    let position = (ringway::key_hash(b"k") >> 32).to_string();
    assert_eq!(seen.header("ringway-position"), Some(position.as_str()));
    assert_eq!(seen.header("x-stays"), Some("1"));
    assert_eq!(seen.header("x-forwarded-for"), Some("10.0.0.1, 10.0.0.2, 127.0.0.1"));
    for gone in [
        "ringway-anything",
        "x-listed",
        "te",
        "keep-alive",
        "proxy-connection",
        "connection",
        "proxy-authorization",
    ] {
        assert_eq!(seen.header(gone), None, "{gone} in {}", seen.head);
    }
    assert!(answer.head.starts_with("HTTP/1.1 200 Fine\r\n"), "{}", answer.head);
    assert_eq!(answer.header("x-plain"), Some("1"));
    assert_eq!(answer.header("connection"), Some("close"));
    for gone in
        ["x-gone", "keep-alive", "ringway-epoch", "ringway-secret", "proxy-authenticate", "trailer"]
    {
        assert_eq!(answer.header(gone), None, "{gone} in {}", answer.head);
    }
    setup.proxy.shutdown();
}

/// What the node is told of the key, or the text of the 400.
fn key_of(setup: &Setup, node: &Fake, target: &str, headers: &str) -> Result<String, String> {
    let before = node.requests().len();
    let answer = setup.ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
    match answer.status() {
        200 => Ok(node.requests()[before].header("ringway-key").expect("a key").to_owned()),
        400 => {
            assert_eq!(answer.header("ringway-error"), Some("bad-key"), "{}", answer.head);
            assert_eq!(node.requests().len(), before, "nothing may reach the node");
            Err(answer.text())
        }
        other => panic!("{other}: {}", answer.text()),
    }
}

#[test]
fn keys_are_found_where_the_configuration_says() {
    /// Target, further headers, and the key as the node is told it, or a part of the 400's text.
    type Case = (&'static str, &'static str, Result<&'static str, &'static str>);
    let cases: &[(&str, &[Case])] = &[
        (
            "header:X-Key",
            &[
                ("/", "x-key:  a b \t\r\n", Ok("a%20b")),
                ("/", "X-KEY: %41+\r\n", Ok("%2541%2B")),
                ("/", "X-Key: caf\u{e9}\r\n", Ok("caf%C3%A9")),
                ("/", "", Err("no sharding key; it is the header X-Key")),
                ("/", "X-Key:\r\n", Err("empty")),
                ("/", "X-Key: \t \r\n", Err("empty")),
                ("/", "X-Key: a\r\nX-Key: a\r\n", Err("two sharding keys")),
            ],
        ),
        (
            "query:k",
            &[
                ("/?k=a", "", Ok("a")),
                ("/p?x=1&k=a%2Fb+c&y", "", Ok("a%2Fb%20c")),
                ("/?%6b=a", "", Ok("a")),
                ("/?k=a%00b%fF", "", Ok("a%00b%FF")),
                ("/?k=a=b", "", Ok("a%3Db")),
                ("/?k=a;k=b", "", Ok("a%3Bk%3Db")),
                ("/?kk=a", "", Err("no sharding key; it is the query parameter k")),
                ("/", "", Err("no sharding key")),
                ("/k=a", "", Err("no sharding key")),
                ("/?k", "", Err("empty")),
                ("/?k=", "", Err("empty")),
                ("/?k=a&k=a", "", Err("two")),
                ("/?k=a&%6B=b", "", Err("two")),
                ("/?k=%4", "", Err("without two hexadecimal digits")),
                ("/?k=%zz", "", Err("without two hexadecimal digits")),
                ("/?k=%", "", Err("without two hexadecimal digits")),
            ],
        ),
        (
            "path:2",
            &[
                ("/a/b/c", "", Ok("b")),
                ("/a/b?x=/y", "", Ok("b")),
                ("/a/%2Fb+/c", "", Ok("%2Fb%2B")),
                ("/a/../c", "", Ok("..")),
                ("/a", "", Err("no sharding key; it is segment 2 of the path")),
                ("/a/", "", Err("empty")),
                ("/a//c", "", Err("empty")),
                ("/a/%g0", "", Err("without two hexadecimal digits")),
            ],
        ),
        (
            "path_tail:2",
            &[
                ("/a/b/c", "", Ok("b%2Fc")),
                ("/a/b%2fc/", "", Ok("b%2Fc%2F")),
                ("/a//", "", Ok("%2F")),
                ("/a/b?c", "", Ok("b")),
                ("/a", "", Err("no sharding key; it is the path from segment 2 on")),
                ("/a/", "", Err("empty")),
            ],
        ),
        (
            "path_tail:1",
            &[("/a/b", "", Ok("a%2Fb")), ("//", "", Ok("%2F")), ("/", "", Err("empty"))],
        ),
        (
            "cookie:id",
            &[
                ("/", "Cookie: a=1; id= 4%2 ; b=2\r\n", Ok("4%252")),
                ("/", "Cookie: a=1\r\nCookie: id=\"x\"\r\n", Ok("%22x%22")),
                ("/", "Cookie: id=a=b\r\n", Ok("a%3Db")),
                ("/", "Cookie: ID=x\r\n", Err("no sharding key; it is the cookie id")),
                ("/", "", Err("no sharding key")),
                ("/", "Cookie: id=\r\n", Err("empty")),
                ("/", "Cookie: id=a; id=b\r\n", Err("two")),
                ("/", "Cookie: id=a\r\nCookie: id=a\r\n", Err("two")),
            ],
        ),
    ];
    for (from, requests) in cases {
        let node = Fake::echo();
        let setup = start(&[("n1", &node)], from, "key_bytes_max = 16\n");
        for (target, headers, expected) in *requests {
            let found = key_of(&setup, &node, target, headers);
            match (expected, &found) {
                (Ok(expected), Ok(found)) => {
                    assert_eq!(found, expected, "{from} {target} {headers}");
                }
                (Err(expected), Err(text)) => {
                    assert!(text.contains(expected), "{from} {target} {headers}: {text}");
                }
                _ => panic!("{from} {target} {headers}: {found:?}, expected {expected:?}"),
            }
        }
        let long = "x".repeat(17);
        let (target, header) = match from.split_once(':') {
            Some(("header", name)) => ("/".to_owned(), format!("{name}: {long}\r\n")),
            Some(("cookie", name)) => ("/".to_owned(), format!("Cookie: {name}={long}\r\n")),
            Some(("query", name)) => (format!("/?{name}={long}"), String::new()),
            _ => (format!("/{long}/{long}"), String::new()),
        };
        let text = key_of(&setup, &node, &target, &header).expect_err("too long");
        assert!(text.contains("too long"), "{from}: {text}");
        setup.proxy.shutdown();
    }
}

#[test]
fn old_clients_and_pipelines_are_served() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "");
    // HTTP/1.0 closes, unless it asks to go on.
    let mut wire = setup.connect();
    wire.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answer = wire.message().expect("an answer");
    assert_eq!(answer.header("connection"), Some("keep-alive"));
    wire.send("GET /b HTTP/1.0\r\n\r\n");
    let answer = wire.message().expect("an answer");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(wire.rest(), b"");
    // Many requests at once, one of them with a body, are answered in order.
    let mut wire = setup.connect();
    let mut requests = String::new();
    for number in 0..50 {
        requests += &format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        requests += &format!("PUT /p{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    }
    wire.send(&requests);
    // The client has said all: it still gets every answer.
    wire.half_close();
    for number in 0..50 {
        let get = wire.message().expect("an answer");
        assert!(get.text().starts_with(&format!("GET /{number} ")), "{}", get.text());
        let put = wire.message().expect("an answer");
        assert!(put.text().starts_with(&format!("PUT /p{number} ")), "{}", put.text());
        assert!(put.text().ends_with("|3"), "{}", put.text());
    }
    assert_eq!(wire.rest(), b"");
    setup.proxy.shutdown();
}
