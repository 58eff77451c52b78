//! The way to the owner, over a store in memory and scripted nodes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ringway_client::{Client, MapFeed, SendError, SendLimits, follow};
use ringway_cluster::{
    ClusterFile, MapStore as _, Phase, Record, RecordKey, SegmentRecord, Snapshot, Transaction,
};
use ringway_store::{MemoryStore, seed_if_empty};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A node that executes requests of its epoch and refuses all others; it answers with its name.
struct Node {
    address: String,
    epoch: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn node(name: &'static str) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (epoch, requests) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
    let (own, count) = (Arc::clone(&epoch), Arc::clone(&requests));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (own, count) = (Arc::clone(&own), Arc::clone(&count));
            tokio::spawn(async move {
                let mut input = Vec::new();
                while stream.read_buf(&mut input).await.is_ok_and(|length| length > 0) {
                    let text = String::from_utf8_lossy(&input).into_owned();
                    let Some(end) = text.find("\r\n\r\n") else { continue };
                    let body: usize =
                        header(&text, "Content-Length").map_or(0, |n| n.parse().expect("a length"));
                    if input.len() < end + 4 + body {
                        continue;
                    }
                    input.drain(..end + 4 + body);
                    count.fetch_add(1, Ordering::SeqCst);
                    let epoch = own.load(Ordering::SeqCst).to_string();
                    let answer = if header(&text, "Ringway-Epoch") == Some(&epoch) {
                        let key = header(&text, "Ringway-Key").expect("a key");
                        let body =
                            format!("{name} {key} {}", &text[..text.find('\r').expect("a line")]);
                        format!(
                            "HTTP/1.1 200 OK\r\nX-Node: {name}\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        )
                    } else {
                        format!(
                            "HTTP/1.1 421 Misdirected\r\nRingway-Epoch: {epoch}\r\nContent-Length: 0\r\n\r\n"
                        )
                    };
                    stream.write_all(answer.as_bytes()).await.expect("the client reads");
                }
            });
        }
    });
    Node { address, epoch, requests }
}

fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A store of the cluster whose nodes are at these addresses, followed by a feed.
async fn cluster(nodes: &[(&str, &Node)]) -> (MemoryStore, MapFeed) {
    let mut text = String::new();
    for (index, (name, node)) in nodes.iter().enumerate() {
        let control = format!("127.0.0.1:{}", index + 1);
        let address = &node.address;
        text += &format!(
            "[[node]]\nname = \"{name}\"\naddress = \"{address}\"\ncontrol = \"{control}\"\n"
        );
    }
    let store = MemoryStore::new(Snapshot::default());
    let file = ClusterFile::parse(&text, "test").expect("a cluster");
    seed_if_empty(&store, &file).await.expect("it is empty");
    let feed = MapFeed::default();
    let (followed, publisher) = (store.clone(), feed.clone());
    tokio::spawn(async move { follow(&followed, &publisher, |_| {}).await });
    feed.ready().await;
    (store, feed)
}

/// Gives all segments to `owner` under `epoch`.
async fn give(store: &MemoryStore, owner: &str, epoch: u64) {
    let snapshot = store.read().await.expect("a snapshot");
    let segments: Vec<_> = snapshot.segments().collect();
    for part in segments.chunks(50) {
        let mut transaction = Transaction::default();
        for segment in part {
            let record = SegmentRecord {
                owner: owner.into(),
                epoch,
                phase: Phase::Born,
                ..segment.record.clone()
            };
            transaction.expect.push((segment.key(), Some(segment.revision)));
            transaction.writes.push((segment.key(), Some(Record::Segment(record))));
        }
        store.commit(transaction).await.expect("nobody else writes");
    }
}

#[tokio::test]
async fn a_client_routes_as_the_table_says() {
    let (one, two) = (node("n1").await, node("n2").await);
    let (_, feed) = cluster(&[("n1", &one), ("n2", &two)]).await;
    let client = Client::new(feed.map(), SendLimits::default(), 1 << 20);
    let nodes = [ringway::Node::new("n1"), ringway::Node::new("n2")];
    let table = ringway::Table::new(&ringway::Layout::ringway_v1(), &nodes).expect("a table");
    let mut counts = BTreeMap::new();
    for number in 0..200 {
        let key = format!("key {number}");
        let answer = client.get(key.as_bytes(), "/a b/c").await.expect("an answer");
        let index = table.owner(key.as_bytes()).expect("an owner").as_usize();
        let expected = ["n1", "n2"][index];
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-node"), Some(expected.as_bytes()));
        let body = format!("{expected} key%20{number} GET /a%20b/c HTTP/1.1");
        assert_eq!(String::from_utf8(answer.body).expect("text"), body);
        *counts.entry(expected).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 2, "{counts:?}");
    let put = client.put(b"k", "x", b"hello").await.expect("an answer");
    assert!(String::from_utf8_lossy(&put.body).ends_with("PUT /x HTTP/1.1"));
    let delete = client.delete(b"k", "x").await.expect("an answer");
    assert_eq!(delete.status, 200);
}

#[tokio::test]
async fn a_client_follows_a_key_to_its_new_owner() {
    let (one, two) = (node("n1").await, node("n2").await);
    let (store, feed) = cluster(&[("n1", &one), ("n2", &two)]).await;
    let client = Arc::new(Client::new(feed.map(), SendLimits::default(), 1 << 20));
    give(&store, "n1", 2).await;
    one.epoch.store(2, Ordering::SeqCst);
    assert_eq!(client.put(b"k", "k", b"1").await.expect("an answer").status, 200);
    // The node is past what the map says: the request waits, and goes to whoever owns it then.
    one.epoch.store(3, Ordering::SeqCst);
    two.epoch.store(3, Ordering::SeqCst);
    let waiting = {
        let client = Arc::clone(&client);
        tokio::spawn(async move { client.put(b"k", "k", b"2").await })
    };
    while feed.parked() == 0 {
        tokio::task::yield_now().await;
    }
    give(&store, "n2", 3).await;
    let answer = waiting.await.expect("no panic").expect("an answer");
    assert_eq!(answer.header("X-Node"), Some(&b"n2"[..]));
    assert_eq!(feed.parked(), 0);
}

#[tokio::test]
async fn a_wait_ends_and_says_that_nothing_was_executed() {
    let one = node("n1").await;
    let (_, feed) = cluster(&[("n1", &one)]).await;
    one.epoch.store(9, Ordering::SeqCst);
    let limits = SendLimits { park_max: Duration::from_millis(500), ..SendLimits::default() };
    let client = Client::new(feed.map(), limits, 1 << 20);
    let error = client.put(b"k", "k", b"1").await.expect_err("nobody owns it");
    assert_eq!(error, SendError::Moving { node: "n1".into() });
    assert!(error.retry_is_safe());
    assert_eq!((error.status(), error.code()), (503, "moving"));
    assert_eq!(
        one.requests.load(Ordering::SeqCst),
        1,
        "it knows better than the map: once is enough"
    );
    // A node that is behind is asked again.
    one.epoch.store(0, Ordering::SeqCst);
    client.get(b"k", "k").await.expect_err("nobody owns it");
    assert!(one.requests.load(Ordering::SeqCst) > 2);
}

#[tokio::test]
async fn a_store_that_makes_no_sense_is_not_served_from() {
    let one = node("n1").await;
    let (store, feed) = cluster(&[("n1", &one)]).await;
    let client = Client::new(feed.map(), SendLimits::default(), 1 << 20);
    let snapshot = store.read().await.expect("a snapshot");
    let (revision, _) = snapshot.records[&RecordKey::Config(1)];
    let mut broken = snapshot.records[&RecordKey::Config(1)].1.clone();
    if let Record::Config(config) = &mut broken {
        config.toml = "nonsense".into();
    }
    // A configuration that can't be read: the last map that could be stays.
    store
        .commit(Transaction::replace(RecordKey::Config(1), revision, broken.clone()))
        .await
        .expect("the store does not read it");
    store
        .commit(Transaction::create(RecordKey::Config(2), broken))
        .await
        .expect("the store does not read it");
    while feed.fault().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(feed.fault().is_some_and(|fault| fault.contains("cfg/2")), "{:?}", feed.fault());
    assert_eq!(client.get(b"k", "k").await.expect("an answer").status, 200);
}

#[tokio::test]
async fn without_a_map_or_a_node_it_says_so() {
    let feed = MapFeed::default();
    let client = Client::new(feed.map(), SendLimits::default(), 1 << 20);
    assert_eq!(client.get(b"k", "k").await, Err(SendError::NoMap));
    let gone = Node {
        address: {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            listener.local_addr().expect("an address").to_string()
        },
        epoch: Arc::default(),
        requests: Arc::default(),
    };
    let (_, feed) = cluster(&[("n1", &gone)]).await;
    let client = Client::new(feed.map(), SendLimits::default(), 1 << 20);
    let error = client.put(b"k", "k", b"1").await.expect_err("nobody listens");
    assert_eq!((error.code(), error.retry_is_safe()), ("node-unreachable", true));
}
