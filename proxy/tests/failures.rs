//! Nodes that fail, move, or forget to answer: what the client is told, and what is sent twice.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use support::{Fake, Message, Setup, Wire, start, wait_for};

fn request(method: &str, path: &str) -> String {
    let length =
        if method == "PUT" || method == "POST" { "Content-Length: 1\r\n\r\nx" } else { "\r\n" };
    format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{length}")
}

fn code(answer: &Message) -> (u16, &str) {
    (answer.status(), answer.header("ringway-error").unwrap_or(""))
}

#[test]
fn a_dead_owner_is_503_and_nobody_else_is_asked() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let setup = start(&[("n1", &one), ("n2", &two)], "path:1", "");
    let mut owned = [Vec::new(), Vec::new()];
    for number in 0..100 {
        let path = format!("/{number}");
        let before = one.requests().len();
        assert_eq!(setup.ask(request("GET", &path)).status(), 200);
        owned[usize::from(one.requests().len() == before)].push(path);
    }
    assert!(owned.iter().all(|paths| paths.len() > 10), "{owned:?}");
    one.stop_listening();
    // Connections that are open still work: it is the listener that is gone. End them all.
    let served = two.requests().len();
    wait_for(|| {
        let answer = setup.ask("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n");
        (answer.status() == 200 || answer.status() == 503).then_some(())
    });
    let setup = start(&[("n1", &one), ("n2", &two)], "path:1", "");
    for path in &owned[0] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = setup.ask(request(method, path));
            assert_eq!(code(&answer), (503, "node-unreachable"), "{}", answer.text());
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.text().contains("node n1") && answer.text().contains("a retry is safe"));
        }
    }
    assert!(two.requests().len() <= served + 1, "the other node was asked");
    for path in &owned[1] {
        assert_eq!(setup.ask(request("PUT", path)).status(), 200);
    }
    setup.proxy.shutdown();
}

/// A node whose first connections break in some way after the request came; the last one works.
fn breaking(times: usize, how: impl Fn(&mut Wire) + Send + Sync + 'static) -> Fake {
    Fake::new(move |mut wire, number, seen| {
        while let Some(request) = wire.message() {
            seen.lock().expect("a lock").push(request);
            if number < times {
                return how(&mut wire);
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

#[test]
fn a_lost_answer_is_repeated_only_where_that_is_safe() {
    for (name, how) in [
        ("closed", (|_: &mut Wire| {}) as fn(&mut Wire)),
        ("cut", |wire| {
            wire.send("HTTP/1.1 200 OK\r\nConte");
        }),
        ("reset", |wire| {
            socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).expect("linger");
        }),
    ] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let node = breaking(2, how);
            let setup = start(&[("n1", &node)], "path:1", "");
            let mut wire = setup.connect();
            wire.send(request(method, "/k"));
            assert_eq!(wire.head().expect("an answer").status(), 200, "{name} {method}");
            assert_eq!(node.requests().len(), 3, "{name} {method}");
            setup.proxy.shutdown();
            // It does not go on for ever.
            let node = breaking(9, how);
            let setup = start(&[("n1", &node)], "path:1", "");
            let mut wire = setup.connect();
            wire.send(request(method, "/k"));
            let answer = wire.head().expect("an answer");
            assert_eq!(code(&answer), (502, "answer-lost"), "{name} {method}");
            assert_eq!(node.requests().len(), 3, "{name} {method}");
            setup.proxy.shutdown();
        }
        for method in ["PUT", "DELETE", "POST", "PATCH"] {
            let node = breaking(1, how);
            let setup = start(&[("n1", &node)], "path:1", "");
            let answer = setup.ask(request(method, "/k"));
            assert_eq!(code(&answer), (504, "outcome-unknown"), "{name} {method}");
            assert!(answer.text().contains("outcome unknown"), "{}", answer.text());
            assert!(answer.text().contains("may execute it twice"), "{}", answer.text());
            assert_eq!(node.requests().len(), 1, "{name} {method} was sent twice");
            setup.proxy.shutdown();
        }
    }
}

#[test]
fn a_reused_connection_that_breaks_is_an_unknown_outcome_too() {
    // It answers once, takes the second request of the connection, and breaks.
    let node = Fake::new(|mut wire, _, seen| {
        let mut first = true;
        while let Some(request) = wire.message() {
            seen.lock().expect("a lock").push(request);
            if !std::mem::take(&mut first) {
                return;
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    assert_eq!(setup.ask(request("PUT", "/a")).status(), 200);
    assert_eq!(code(&setup.ask(request("PUT", "/b"))), (504, "outcome-unknown"));
    assert_eq!(node.requests().len(), 2, "it was sent twice");
    assert_eq!(setup.ask(request("GET", "/c")).status(), 200);
    assert_eq!(setup.ask(request("GET", "/d")).status(), 200);
    setup.proxy.shutdown();
}

#[test]
fn an_idle_connection_that_its_node_ended_is_not_used() {
    // It closes each connection after one answer, without saying so.
    let node = Fake::new(|mut wire, _, seen| {
        if wire.message().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            drop(wire);
            seen.lock().expect("a lock").push(Message::default());
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    let mut wire = setup.connect();
    for number in 1..=50 {
        let answer = wire.send(request("PUT", "/k")).message().expect("an answer");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        // The end has arrived; whether the proxy's runtime has heard of it is another question.
        wait_for(|| (node.requests().len() == number).then_some(()));
    }
    setup.proxy.shutdown();
}

#[test]
fn a_node_that_does_not_answer_is_504() {
    let node = Fake::new(|mut wire, _, seen| {
        while let Some(request) = wire.message() {
            seen.lock().expect("a lock").push(request);
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "answer_ms_max = 200\n");
    assert_eq!(code(&setup.ask(request("GET", "/k"))), (504, "answer-timeout"));
    let answer = setup.ask(request("PUT", "/k"));
    assert_eq!(code(&answer), (504, "outcome-unknown"));
    assert!(answer.text().contains("200 ms"), "{}", answer.text());
    assert_eq!(node.requests().len(), 2);
    setup.proxy.shutdown();
}

#[test]
fn answers_that_are_none_are_502() {
    for bytes in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let node = Fake::answering(move |_| bytes.as_bytes().to_vec());
        let setup = start(&[("n1", &node)], "path:1", "");
        let answer = setup.ask(request("GET", "/k"));
        assert_eq!(code(&answer), (502, "bad-answer"), "{bytes}");
        assert!(answer.text().contains("a retry is safe"), "{}", answer.text());
        let answer = setup.ask(request("PUT", "/k"));
        assert_eq!(code(&answer), (502, "bad-answer"), "{bytes}");
        assert!(answer.text().contains("may execute it twice"), "{}", answer.text());
        setup.proxy.shutdown();
    }
}

#[test]
fn a_node_that_says_503_is_believed() {
    let node = Fake::answering(|_| {
        b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nRingway-Epoch: 3\r\nContent-Length: 4\r\n\r\nbusy"
            .to_vec()
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    let answer = setup.ask(request("PUT", "/k"));
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("7")));
    assert_eq!((answer.header("ringway-error"), answer.header("ringway-epoch")), (None, None));
    assert_eq!(answer.text(), "busy");
    assert_eq!(node.requests().len(), 1);
    setup.proxy.shutdown();
}

/// A node that refuses whatever epoch it is not at.
fn at_epoch(epoch: Arc<AtomicUsize>, frozen: bool) -> Fake {
    Fake::answering(move |request| {
        let own = epoch.load(Ordering::SeqCst).to_string();
        if request.header("ringway-epoch") == Some(own.as_str()) && !frozen {
            return format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
                request.body.len(),
                String::from_utf8_lossy(&request.body)
            )
            .into_bytes();
        }
        let frozen = u8::from(frozen);
        format!(
            "HTTP/1.1 421 Misdirected Request\r\nRingway-Epoch: {own}\r\n\
             Ringway-Frozen: {frozen}\r\nContent-Length: 3\r\n\r\nno\n"
        )
        .into_bytes()
    })
}

#[test]
fn a_refused_request_waits_for_the_newer_map_and_is_sent_again() {
    // The map says that n1 owns the key at epoch 1; n1 is past that, and n2 has it at epoch 2.
    let old = at_epoch(Arc::new(AtomicUsize::new(2)), false);
    let new = at_epoch(Arc::new(AtomicUsize::new(2)), false);
    let limits = "park_ms_max = 8000\nreplay_bytes_max = 100000\n";
    let setup = start(&[("n1", &old), ("n2", &new)], "path:1", limits);
    let key = (0..100)
        .map(|number| format!("k{number}"))
        .find(|key| setup.json("GET", &format!("/route?key={key}"), "").1["owner"] == "n1")
        .expect("n1 owns about half of them");
    let bodies: Vec<String> = (0..10).map(|n| n.to_string().repeat(n * 1_000 + 1)).collect();
    let waiting: Vec<_> = bodies
        .iter()
        .map(|body| {
            let mut wire = setup.connect();
            let head = format!("PUT /{key} HTTP/1.1\r\nHost: a\r\nContent-Length: ");
            wire.send(format!("{head}{}\r\n\r\n{body}", body.len()));
            wire
        })
        .collect();
    wait_for(|| (setup.metric("ringway_requests_parked") == 10.0).then_some(()));
    assert_eq!(new.requests().len(), 0);
    // Nobody has claimed anything yet, so the coordinator just gives n1's segments to n2.
    assert_eq!(setup.json("POST", "/nodes/n1/drain", "").0, 200);
    for (mut wire, body) in waiting.into_iter().zip(&bodies) {
        let answer = wire.message().expect("an answer");
        assert_eq!((answer.status(), &answer.text()), (200, body), "{}", answer.head);
    }
    assert_eq!(new.requests().len(), 10);
    assert_eq!(setup.metric("ringway_requests_parked"), 0.0);
    assert_eq!(setup.metric("ringway_parked_total"), 10.0);
    setup.proxy.shutdown();
}

#[test]
fn a_frozen_key_is_waited_for_no_longer_than_allowed() {
    let node = at_epoch(Arc::new(AtomicUsize::new(1)), true);
    let limits = "park_ms_max = 300\nparked_max = 2\nreplay_bytes_max = 100\n";
    let setup = start(&[("n1", &node)], "path:1", limits);
    let begun = Instant::now();
    let answer = setup.ask(request("PUT", "/k"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(code(&answer), (503, "moving"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.text().contains("nothing was executed, a retry is safe"), "{}", answer.text());
    assert_eq!(node.requests().len(), 1, "a frozen owner is not asked again");
    // A large body: it was never asked for.
    let mut wire = setup.connect();
    wire.send("PUT /k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
    // The scripted node asks before it looks; what follows is the 421 that lost the race.
    let interim = wire.head().expect("an interim answer");
    assert_eq!(interim.status(), 100);
    wire.send("x".repeat(5_000));
    let answer = wire.message().expect("an answer");
    assert_eq!(code(&answer), (503, "moving"));
    assert!(answer.text().contains("nothing was executed, a retry is safe"), "{}", answer.text());
    // No more than two wait.
    let mut waiting: Vec<Wire> = (0..2)
        .map(|_| {
            let mut wire = setup.connect();
            wire.send(request("GET", "/k"));
            wire
        })
        .collect();
    wait_for(|| (setup.metric("ringway_requests_parked") == 2.0).then_some(()));
    assert_eq!(code(&setup.ask(request("GET", "/k"))), (503, "parked-full"));
    for wire in &mut waiting {
        assert_eq!(code(&wire.message().expect("an answer")), (503, "moving"));
    }
    setup.proxy.shutdown();
}

#[test]
fn limits_on_connections_and_requests_hold() {
    let node = Fake::new(|mut wire, _, seen| {
        while let Some(request) = wire.message() {
            seen.lock().expect("a lock").push(request);
            wait_for(|| {
                let seen = seen.lock().expect("a lock");
                seen.iter().any(|request| request.head.contains(" /free ")).then_some(())
            });
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let limits = "connections_max = 3\nrequests_in_flight_max = 2\n";
    let setup = start(&[("n1", &node)], "path:1", limits);
    let mut first = setup.connect();
    first.send(request("GET", "/1"));
    let mut second = setup.connect();
    second.send(request("GET", "/2"));
    wait_for(|| (node.requests().len() == 2).then_some(()));
    let mut third = setup.connect();
    let answer = third.send(request("GET", "/3")).message().expect("an answer");
    assert_eq!(code(&answer), (503, "overloaded"));
    let mut fourth = setup.connect();
    let answer = fourth.message().expect("an answer");
    assert_eq!(code(&answer), (503, "connections-full"));
    assert_eq!(fourth.rest(), b"");
    node.seen.lock().expect("a lock").push(Message { head: "GET /free ".into(), body: vec![] });
    assert_eq!(first.message().expect("an answer").status(), 200);
    assert_eq!(second.message().expect("an answer").status(), 200);
    // The refused one may go on.
    assert_eq!(third.send(request("GET", "/4")).message().expect("an answer").status(), 200);
    setup.proxy.shutdown();
}

#[test]
fn waits_for_clients_end() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "head_ms_max = 200\nidle_ms_max = 400\n");
    let mut half = setup.connect();
    half.send("GET /k HTTP/1.1\r\nHost:");
    let answer = half.message().expect("an answer");
    assert_eq!(code(&answer), (408, "head-timeout"));
    half.half_close();
    assert_eq!(half.rest(), b"");
    let mut idle = setup.connect();
    assert_eq!(idle.send(request("GET", "/k")).message().expect("an answer").status(), 200);
    assert_eq!(idle.rest(), b"", "closed without a word");
    setup.proxy.shutdown();
}

#[test]
fn a_connection_is_served_after_a_long_pause() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "idle_ms_max = 60000\n");
    let mut wire = setup.connect();
    for path in ["/1", "/2"] {
        assert_eq!(wire.send(request("PUT", path)).message().expect("an answer").status(), 200);
        // By then the proxy has given up all memory that it had for the connection.
        thread::sleep(Duration::from_millis(1_200));
    }
    // Half a head after the pause, and the rest later.
    wire.send("GET /3 HTTP/1.1\r\nHo");
    thread::sleep(Duration::from_millis(50));
    assert_eq!(wire.send("st: a\r\n\r\n").message().expect("an answer").status(), 200);
    assert_eq!(node.requests().len(), 3);
    // The end of the idle time counts from its beginning.
    let setup = start(&[("n1", &node)], "path:1", "idle_ms_max = 1300\n");
    let mut wire = setup.connect();
    assert_eq!(wire.send(request("GET", "/4")).message().expect("an answer").status(), 200);
    assert_eq!(wire.rest(), b"");
}

#[test]
fn a_stop_lets_requests_end() {
    let node = Fake::new(|mut wire, _, seen| {
        while let Some(request) = wire.message() {
            seen.lock().expect("a lock").push(request);
            thread::sleep(Duration::from_millis(300));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    let mut idle = setup.connect();
    assert_eq!(idle.send(request("GET", "/1")).message().expect("an answer").status(), 200);
    let mut busy = setup.connect();
    busy.send(request("PUT", "/2"));
    wait_for(|| (node.requests().len() == 2).then_some(()));
    let (address, Setup { proxy, directory }) = (setup.proxy.address(), setup);
    let stopping = thread::spawn(move || proxy.shutdown());
    let answer = busy.message().expect("an answer");
    assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
    assert_eq!(idle.rest(), b"");
    stopping.join().expect("it stops");
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(directory);
}
