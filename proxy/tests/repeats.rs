//! What is sent again with an `Idempotency-Key`, and what never is.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use support::{Fake, Message, start};

const KEPT: &str = "HTTP/1.1 204 No Content\r\nRingway-Dedup-Ms: 86400000\r\n\r\n";
const NOT_KEPT: &str = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n";
const DONE: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const KEY: &str = "Idempotency-Key: \"k1\"";

fn request(method: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} /k HTTP/1.1\r\nHost: a\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A node that answers the question by `kept`, then loses its first answers to requests.
fn losing(kept: &'static str, times: usize, then: &'static str) -> Fake {
    let lost = Arc::new(AtomicUsize::new(0));
    Fake::new(move |mut wire, _, seen| {
        while let Some(mut request) = wire.head() {
            if request.header("expect").is_some() {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            if wire.body(&mut request).is_none() {
                return;
            }
            let is_question = request.head.starts_with("OPTIONS * ");
            seen.lock().expect("a lock").push(request);
            if is_question {
                wire.send(kept);
            } else if lost.fetch_add(1, Ordering::SeqCst) < times {
                return;
            } else {
                wire.send(then);
            }
        }
    })
}

fn questions(node: &Fake) -> usize {
    node.requests().iter().filter(|request| request.head.starts_with("OPTIONS * ")).count()
}

/// The requests that are no questions.
fn asked(node: &Fake) -> Vec<Message> {
    let mut requests = node.requests();
    requests.retain(|request| !request.head.starts_with("OPTIONS * "));
    requests
}

fn code(answer: &Message) -> (u16, &str) {
    (answer.status(), answer.header("ringway-error").unwrap_or(""))
}

#[test]
fn a_lost_answer_is_asked_for_again_by_its_key() {
    for method in ["PUT", "DELETE"] {
        let node = losing(KEPT, 2, DONE);
        let setup = start(&[("n1", &node)], "path:1", "");
        let answer = setup.ask(request(method, KEY, "x"));
        assert_eq!(answer.status(), 201, "{method}: {}", answer.text());
        let asked = asked(&node);
        assert_eq!(asked.len(), 3, "{method}");
        assert!(asked.iter().all(|request| *request == asked[0]), "the same request each time");
        assert_eq!(asked[0].header("idempotency-key"), Some("\"k1\""));
        let resent =
            (setup.metric("ringway_resent_total"), setup.metric("ringway_resent_keyed_total"));
        assert_eq!(resent, (2.0, 2.0));
        // The node is asked once what it can do.
        assert_eq!(setup.ask(request(method, KEY, "y")).status(), 201);
        assert_eq!(questions(&node), 1);
        setup.proxy.shutdown();
    }
}

#[test]
fn it_does_not_go_on_for_ever_and_says_what_is_safe() {
    let node = losing(KEPT, 9, DONE);
    let setup = start(&[("n1", &node)], "path:1", "");
    let answer = setup.ask(request("PUT", KEY, "x"));
    assert_eq!(code(&answer), (504, "outcome-unknown"));
    assert!(answer.text().contains("a retry with the same Idempotency-Key is safe"));
    assert_eq!(asked(&node).len(), 3);
    setup.proxy.shutdown();
}

#[test]
fn what_may_have_been_executed_is_never_called_not_executed() {
    // The repetition is refused, though the first may have been executed.
    let refusal = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let node = losing(KEPT, 1, refusal);
    let setup = start(&[("n1", &node)], "path:1", "");
    assert_eq!(code(&setup.ask(request("PUT", KEY, "x"))), (504, "outcome-unknown"));
    assert_eq!(asked(&node).len(), 2);
    assert_eq!(setup.ask(request("PUT", KEY, "x")).status(), 503, "nothing is in doubt here");
    setup.proxy.shutdown();

    // The node is gone after the first.
    let node = Fake::new(|mut wire, number, seen| {
        if number > 0 {
            // Reset before a byte is read.
            socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).expect("linger");
            return;
        }
        while let Some(request) = wire.message() {
            let is_question = request.head.starts_with("OPTIONS * ");
            seen.lock().expect("a lock").push(request);
            if !is_question {
                return;
            }
            wire.send(KEPT);
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    assert_eq!(code(&setup.ask(request("PUT", KEY, "x"))), (504, "outcome-unknown"));
    setup.proxy.shutdown();
}

#[test]
fn nothing_else_is_sent_again() {
    let large = "x".repeat(2_000);
    let cases: [(&str, &str, &str, &str, bool); 7] = [
        // The node does not say that it keeps answers.
        ("PUT", NOT_KEPT, KEY, "x", false),
        ("PUT", "HTTP/1.1 204 No Content\r\nRingway-Dedup-Ms: 0\r\n\r\n", KEY, "x", false),
        ("PUT", KEPT, "X-Other: 1", "x", false),
        ("POST", KEPT, KEY, "x", false),
        ("PATCH", KEPT, KEY, "x", false),
        // The key does not reach the node.
        ("PUT", KEPT, "Idempotency-Key: k1\r\nConnection: idempotency-key", "x", false),
        // The body is gone, but the client may repeat it.
        ("PUT", KEPT, KEY, &large, true),
    ];
    for (method, kept, header, body, retry) in cases {
        let kept = kept.to_owned().leak();
        let node = losing(kept, 1, DONE);
        let setup = start(&[("n1", &node)], "path:1", "replay_bytes_max = 1000\n");
        let answer = setup.ask(request(method, header, body));
        assert_eq!(code(&answer), (504, "outcome-unknown"), "{method} {header}");
        let says = answer.text().contains("a retry with the same Idempotency-Key is safe");
        assert_eq!(says, retry, "{method} {header}: {}", answer.text());
        assert_eq!(says, !answer.text().contains("may execute it twice"));
        assert_eq!(asked(&node).len(), 1, "{method} {header}");
        assert_eq!(setup.metric("ringway_resent_keyed_total"), 0.0);
        setup.proxy.shutdown();
    }
}

#[test]
fn a_node_that_does_not_answer_the_question_is_served_all_the_same() {
    // It takes the question for the end of the connection.
    let node = Fake::new(|mut wire, _, seen| {
        while let Some(request) = wire.message() {
            let is_question = request.head.starts_with("OPTIONS * ");
            seen.lock().expect("a lock").push(request);
            if is_question {
                return;
            }
            wire.send(DONE);
        }
    });
    let setup = start(&[("n1", &node)], "path:1", "");
    assert_eq!(setup.ask(request("PUT", KEY, "x")).status(), 201);
    assert_eq!(asked(&node).len(), 1);
    setup.proxy.shutdown();
}
