//! The store for nodes: client and service over real sockets.

mod support;

use std::{
    future::Future as _,
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ringway_cluster::{
    Changes, CommitError, MapStore, Phase, Record, RecordKey, Revision, SegmentRecord, Snapshot,
    StoreError, Transaction,
};
use ringway_store::{MemoryStore, NodeStore, NodeStoreOptions, NodeStoreService, SegmentChanges};
use support::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const TOKEN: &str = "the node token";

/// Segments 1 to 5: born, idle, moving, done of `a`, and idle of `b`; each of ten positions.
fn filled() -> MemoryStore {
    let store = MemoryStore::default();
    let to_incarnation = incarnation("b");
    let moving = Phase::Moving { to: "b".into(), to_incarnation };
    let phases = [("a", Phase::Born), ("a", Phase::Idle), ("a", moving), ("a", Phase::Done)];
    let phases = phases.into_iter().chain([("b", Phase::Idle)]);
    let segments = (1_u64..).zip(phases).map(|(id, (owner, phase))| {
        let record = segment((id - 1) * 10, id * 10 - 1, owner, phase);
        (RecordKey::Segment(id), Some(Record::Segment(record)))
    });
    // A store in memory never waits, so this works inside and outside of runtimes.
    let commit = pin!(store.commit(Transaction { expect: vec![], writes: segments.collect() }));
    let answer = commit.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(answer, Poll::Ready(Ok(1)));
    store.clone()
}

/// Serves `store` until the runtime ends.
async fn serve<S: MapStore + Clone + 'static>(store: S) -> SocketAddr {
    let service =
        NodeStoreService::new(store, TOKEN).with_poll_time_max(Duration::from_millis(100));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let service = service.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let service = service.clone();
                async move {
                    Ok::<Response<Full<Bytes>>, std::convert::Infallible>(
                        service.answer(request).await,
                    )
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

fn client(address: SocketAddr) -> NodeStore {
    NodeStore::new(&address.to_string(), TOKEN, NodeStoreOptions::default()).expect("good texts")
}

async fn found(store: &NodeStore, position: u64) -> ringway_cluster::StoredSegment {
    store.segment_at(position).await.expect("an answer").1.expect("a segment")
}

/// The service's answer without a socket: status and JSON text.
fn ask(method: &str, target: &str, token: Option<&str>, body: &str) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(target);
    if let Some(token) = token {
        request = request.header("Authorization", token);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
    block_on(async {
        let service = NodeStoreService::new(filled(), TOKEN);
        let response = service.answer(request).await;
        assert_eq!(response.headers()["content-type"], "application/json");
        let allowed = response.headers().contains_key("allow");
        assert_eq!(allowed, response.status() == StatusCode::METHOD_NOT_ALLOWED);
        let status = response.status();
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        let body = body.expect("a whole body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    })
}

fn ask_well(method: &str, target: &str, body: &str) -> (StatusCode, String) {
    ask(method, target, Some(&format!("Bearer {TOKEN}")), body)
}

#[test]
fn segments_are_read_in_every_way() {
    block_on(async {
        let store = filled();
        let client = client(serve(store.clone()).await);
        let (revision, all) = client.all().await.expect("an answer");
        assert_eq!((revision, all.len()), (1, 5));
        assert_eq!(all, store.segments(0, u64::MAX).await.expect("running").1);
        assert_eq!(client.segments(19, 20).await.expect("an answer"), (1, all[1..3].to_vec()));
        assert_eq!(client.segment_at(49).await.expect("an answer"), (1, Some(all[4].clone())));
        assert_eq!(client.segment_at(50).await.expect("an answer"), (1, None));
        assert_eq!(client.segment_at(u64::MAX).await.expect("an answer"), (1, None));
    });
}

#[test]
fn answers_are_as_specified() {
    let record = r#"{"lo":0,"hi":9,"owner":"a","epoch":1,"attempt":0,"phase":"born"}"#;
    let expected =
        format!(r#"{{"revision":1,"segments":[{{"id":1,"revision":1,"record":{record}}}]}}"#);
    assert_eq!(ask_well("GET", "/store/seg?position=3", ""), (StatusCode::OK, expected));
    let (status, text) = ask_well("GET", "/store/seg?after=0", "");
    assert_eq!(status, StatusCode::OK);
    let begin = format!(
        r#"{{"revision":1,"whole":false,"changed":[{{"id":1,"revision":1,"record":{record}}},"#
    );
    assert!(text.starts_with(&begin), "{text}");
}

#[test]
fn the_token_is_needed_for_everything() {
    for token in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer the node toke"),
        Some("Bearer the node tokeN"),
        Some("Bearer the node token "),
        Some("Basic the node token"),
    ] {
        for target in ["/store/seg", "/store/cas", "/other"] {
            let (status, text) = ask("GET", target, token, "");
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
            assert!(text.contains("send Authorization"), "{text}");
        }
    }
    assert_eq!(ask("GET", "/store/seg", Some("bearer the node token"), "").0, StatusCode::OK);
    // An empty token opens nothing.
    block_on(async {
        let service = NodeStoreService::new(filled(), "");
        let request = Request::get("/store/seg").header("Authorization", "Bearer ");
        let request = request.body(Full::new(Bytes::new())).expect("a request");
        assert_eq!(service.answer(request).await.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn what_is_no_call_is_refused() {
    for (method, target, body, expected) in [
        ("GET", "/", "", 404),
        ("GET", "/store", "", 404),
        ("GET", "/store/seg/", "", 404),
        ("POST", "/store/seg", "", 405),
        ("DELETE", "/store/seg", "", 405),
        ("GET", "/store/cas", "", 405),
        ("GET", "/store/seg?", "", 200),
        ("GET", "/store/seg?position=", "", 400),
        ("GET", "/store/seg?position=01", "", 400),
        ("GET", "/store/seg?position=-1", "", 400),
        ("GET", "/store/seg?position=18446744073709551616", "", 400),
        ("GET", "/store/seg?lo=1", "", 400),
        ("GET", "/store/seg?lo=2&hi=1", "", 400),
        ("GET", "/store/seg?hi=2&lo=1", "", 200),
        ("GET", "/store/seg?lo=1&hi=2&after=3", "", 400),
        ("GET", "/store/seg?other=1", "", 400),
        ("GET", "/store/seg?after=2", "", 503),
        ("POST", "/store/cas?x=1", "{}", 400),
        ("POST", "/store/cas", "", 400),
        ("POST", "/store/cas", "{}", 400),
        ("POST", "/store/cas", "\u{0}\u{1}", 400),
        ("POST", "/store/cas", "[[[[[[[[", 400),
    ] {
        let (status, text) = ask_well(method, target, body);
        assert_eq!(status.as_u16(), expected, "{method} {target}: {text}");
        assert_eq!(text.starts_with("{\"error\":\""), expected != 200, "{text}");
    }
    let large = format!("\"{}\"", "x".repeat(70_000));
    assert_eq!(ask_well("POST", "/store/cas", &large).0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn a_node_makes_its_own_changes_only() {
    block_on(async {
        let store = filled();
        let client = client(serve(store.clone()).await);
        let idle = |old: &SegmentRecord, epoch| SegmentRecord {
            phase: Phase::Idle,
            incarnation: Some(incarnation("a")),
            epoch,
            ..old.clone()
        };
        let mut revision = 1;
        for (position, epoch) in [(0, 1), (20, 2), (30, 1)] {
            let old = found(&client, position).await;
            let new = idle(&old.record, epoch);
            for (node, owner) in [("b", "b"), ("a", "lost")] {
                // Born segments have no incarnation yet: whoever has the name claims them.
                if old.record.phase == Phase::Born && node == "a" {
                    continue;
                }
                let other = client.replace(&old, new.clone(), node, incarnation(owner)).await;
                assert!(matches!(other, Err(CommitError::Refused(_))), "{other:?}");
            }
            let wider = SegmentRecord { epoch: epoch + 1, ..new.clone() };
            let other = client.replace(&old, wider, "a", incarnation("a")).await;
            assert!(matches!(other, Err(CommitError::Refused(_))), "{other:?}");
            revision += 1;
            let made = client.replace(&old, new.clone(), "a", incarnation("a")).await;
            assert_eq!(made, Ok(revision));
            assert_eq!(found(&client, position).await.record, new);
            // Once more: the record is no longer the one that was read.
            let again = client.replace(&old, new, "a", incarnation("a")).await;
            assert_eq!(again, Err(CommitError::Conflict(old.key())));
        }
        let idle_already = found(&client, 10).await;
        let same = idle_already.record.clone();
        let refused = client.replace(&idle_already, same, "a", incarnation("a")).await;
        assert!(matches!(refused, Err(CommitError::Refused(_))), "{refused:?}");
        assert_eq!(store.read().await.expect("running").revision, revision);
    });
}

#[test]
fn a_waiting_call_is_woken_and_ends() {
    block_on(async {
        let store = filled();
        let client = client(serve(store.clone()).await);
        let nothing = SegmentChanges { revision: 1, whole: false, changed: vec![] };
        assert_eq!(client.changes(1).await, Ok(nothing));
        let service = NodeStoreService::new(store.clone(), TOKEN);
        let request =
            Request::get("/store/seg?after=1").header("Authorization", format!("Bearer {TOKEN}"));
        let request = request.body(Full::new(Bytes::new())).expect("a request");
        // With 25 s to wait, only the change can end it.
        let wait = tokio::spawn(async move { service.answer(request).await.status() });
        tokio::task::yield_now().await;
        assert!(!wait.is_finished());
        let born = found(&client, 0).await;
        let cut = Transaction {
            expect: vec![(born.key(), Some(born.revision))],
            writes: vec![
                (born.key(), None),
                (RecordKey::Segment(6), Some(Record::Segment(born.record.clone()))),
                (RecordKey::Log(1), Some(log("not a node's business"))),
            ],
        };
        store.commit(cut).await.expect("no conflict");
        assert_eq!(wait.await.expect("no panic"), StatusCode::OK);
        let changes = client.changes(1).await.expect("an answer");
        assert_eq!((changes.revision, changes.whole), (2, false));
        let new = found(&client, 0).await;
        assert_eq!(changes.changed, [(1, None), (6, Some(new))]);
    });
}

#[test]
fn a_wrong_token_and_a_silent_store_are_told_apart() {
    block_on(async {
        let address = serve(filled()).await;
        let options = NodeStoreOptions {
            call_time_max: Duration::from_millis(200),
            ..NodeStoreOptions::default()
        };
        let wrong = NodeStore::new(&address.to_string(), "wrong", options).expect("good texts");
        let error = wrong.all().await.expect_err("refused").to_string();
        assert!(error.contains("401") && error.contains("token"), "{error}");
        let old = found(&client(address), 0).await;
        let replace = |client: NodeStore| {
            let old = old.clone();
            async move { client.replace(&old, old.record.clone(), "a", incarnation("a")).await }
        };
        assert!(matches!(replace(wrong).await, Err(CommitError::Refused(_))));
        // Nobody listens: nothing was sent.
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = closed.local_addr().expect("bound");
        drop(closed);
        let gone = NodeStore::new(&address.to_string(), TOKEN, options).expect("good texts");
        assert!(gone.all().await.is_err());
        assert!(matches!(replace(gone).await, Err(CommitError::Unavailable(_))));
        // Somebody listens and says nothing: it may have been applied.
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = silent.local_addr().expect("bound");
        let mute = NodeStore::new(&address.to_string(), TOKEN, options).expect("good texts");
        assert!(matches!(replace(mute.clone()).await, Err(CommitError::Unknown(_))));
        let error = mute.all().await.expect_err("silence").to_string();
        assert!(error.contains("did not answer within 200 ms"), "{error}");
        assert!(NodeStore::new("h:1", "a\nb", options).is_err());
    });
}

/// Answers each connection's requests with these texts, one after another, then closes it.
async fn scripted(connections: Vec<Vec<String>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        for answers in connections {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            for answer in answers {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let byte = stream.read_u8().await.expect("a request");
                    head.push(byte);
                }
                stream.write_all(answer.as_bytes()).await.expect("the client listens");
            }
        }
    });
    address
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn connections_are_kept_and_replaced() {
    block_on(async {
        let good = || answer("200 OK", r#"{"revision":3,"segments":[]}"#);
        // Two calls on one connection, which is then closed: the third takes a new one.
        let address = scripted(vec![vec![good(), good()], vec![good()]]).await;
        let client = client(address);
        for _ in 0..3 {
            assert_eq!(client.all().await, Ok((3, vec![])));
        }
    });
}

#[test]
fn garbage_in_answers_is_an_error() {
    block_on(async {
        for text in [
            "not HTTP at all\r\n\r\n".to_owned(),
            answer("200 OK", "not JSON"),
            answer("200 OK", "{}"),
            answer("200 OK", r#"{"revision":-1,"segments":[]}"#),
            answer("200 OK", &"x".repeat(5_000)),
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
            answer("500 Internal Server Error", "boom"),
        ] {
            let options =
                NodeStoreOptions { answer_bytes_max: 4_000, ..NodeStoreOptions::default() };
            let address = scripted(vec![vec![text.clone()], vec![text.clone()]]).await.to_string();
            let client = NodeStore::new(&address, TOKEN, options).expect("good texts");
            assert!(client.all().await.is_err(), "{text}");
            let old = filled().segments(0, 0).await.expect("running").1.remove(0);
            let new = old.record.clone();
            let lost = client.replace(&old, new, "a", incarnation("a")).await;
            assert!(matches!(lost, Err(CommitError::Unknown(_))), "{text}: {lost:?}");
        }
        let older = answer("200 OK", r#"{"revision":3,"whole":false,"changed":[]}"#);
        let client = client(scripted(vec![vec![older]]).await);
        let error = client.changes(4).await.expect_err("older").to_string();
        assert!(error.contains("below 4"), "{error}");
    });
}

/// A store that can read and never write.
#[derive(Clone)]
struct Failing(MemoryStore, CommitError);

impl MapStore for Failing {
    async fn read(&self) -> Result<Snapshot, StoreError> {
        self.0.read().await
    }

    async fn commit(&self, _: Transaction) -> Result<Revision, CommitError> {
        Err(self.1.clone())
    }

    async fn changes(&self, _: Revision) -> Result<Changes, StoreError> {
        Err(StoreError("broken".into()))
    }
}

#[test]
fn what_the_store_says_reaches_the_node() {
    block_on(async {
        for error in [
            CommitError::Conflict(RecordKey::Segment(1)),
            CommitError::Refused("no".into()),
            CommitError::Unavailable("full".into()),
            CommitError::Unknown("lost".into()),
        ] {
            // It has no index: the trait's own search is used.
            let store = Failing(filled(), error.clone());
            let client = client(serve(store).await);
            let old = found(&client, 5).await;
            let phase = Phase::Idle;
            let incarnation = incarnation("a");
            let new = SegmentRecord { phase, incarnation: Some(incarnation), ..old.record.clone() };
            let made = client.replace(&old, new, "a", incarnation).await.expect_err("it fails");
            assert_eq!(std::mem::discriminant(&made), std::mem::discriminant(&error), "{made}");
            let waited = client.changes(1).await.expect_err("broken").to_string();
            assert!(waited.contains("503") && waited.contains("broken"), "{waited}");
        }
    });
}
