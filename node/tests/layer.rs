//! A service of one's own under the layer: what reaches its handlers, and what their writes do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod support;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{Extension, Router, extract::Path as Segment, response::Result, routing::get};
use ringway_node::{
    Failure, MemoryStore, NodeOptions, Owned, Refused, RowStore, Shard, SqliteOptions, SqliteStore,
};
use support::{Answer, Client, KINDS, Kind, Map, TOKEN, born, wait_until};
use tokio::{net::TcpListener, runtime::Runtime};

/// A service with a row `r` for each position, and others below `list/`.
struct Served {
    runtime: Runtime,
    shard: Option<Shard>,
    data: SocketAddr,
    control: SocketAddr,
    incarnation: ringway_cluster::Incarnation,
    /// Requests that reached a handler.
    handled: Arc<AtomicU32>,
    _directory: tempfile::TempDir,
}

type Handled = Extension<Arc<AtomicU32>>;

async fn show(Extension(owned): Extension<Owned>, Extension(handled): Handled) -> Result<String> {
    handled.fetch_add(1, Ordering::SeqCst);
    let read = owned.read(|rows| {
        let mut seen = rows.get(b"r")?.unwrap_or_default();
        rows.each(b"list/", |key, value| {
            seen.extend([b" ", key, b"=", value].concat());
            key != b"list/stop"
        })?;
        Ok(seen)
    });
    let seen = read.await.map_err(Refused::into_response)?;
    Ok(String::from_utf8(seen).unwrap())
}

async fn act(
    Extension(owned): Extension<Owned>,
    Extension(handled): Handled,
    Segment(action): Segment<String>,
    body: String,
) -> Result<String> {
    handled.fetch_add(1, Ordering::SeqCst);
    let written = owned.write(move |rows| {
        let old = rows.get(b"r")?.unwrap_or_default();
        let new = [&old, body.as_bytes()].concat();
        let version = rows.put(b"r", &new)?;
        assert_eq!(rows.get(b"r")?, Some(new), "a transaction sees its own changes");
        match &*action {
            "add" => {}
            "list" => {
                for key in body.split(',') {
                    rows.put(format!("list/{key}").as_bytes(), b"v")?;
                }
                // Neighbours of the prefix that are not below it.
                rows.put(b"list", b"v")?;
                rows.put(b"list0", b"v")?;
            }
            "delete" => {
                assert_eq!((rows.delete(b"r")?, rows.delete(b"r")?), (true, false));
            }
            "undo" => rows.undo(),
            "fail" => return Err(Failure::NotExecuted("as asked".into())),
            "long" => {
                rows.put(&[b'k'; 4_097], b"v")?;
            }
            _ => panic!("as asked"),
        }
        Ok(version)
    });
    Ok(written.await.map_err(Refused::into_response)?.to_string())
}

impl Served {
    fn start(kind: Kind, map: &Map) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let handled = Arc::new(AtomicU32::new(0));
        let (shard, data) = runtime.block_on(serve(kind, directory.path(), map, &handled));
        let (control, incarnation) = (shard.control_address(), shard.incarnation());
        let _directory = directory;
        Self { runtime, shard: Some(shard), data, control, incarnation, handled, _directory }
    }

    fn ask(&self, method: &str, path: &str, at: (u64, u64), body: &[u8]) -> Answer {
        let (position, epoch) =
            (format!("Ringway-Position: {}", at.0), format!("Ringway-Epoch: {}", at.1));
        Client::connect(self.data).request(method, path, &[&position, &epoch], body)
    }

    fn control(&self, method: &str, target: &str) -> Answer {
        let token = format!("Authorization: Bearer {TOKEN}");
        Client::connect(self.control).request(method, target, &[&token], b"")
    }

    fn handled(&self) -> u32 {
        self.handled.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(shard) = self.shard.take() {
            self.runtime.block_on(shard.stop());
        }
    }
}

async fn serve(
    kind: Kind,
    directory: &Path,
    map: &Map,
    handled: &Arc<AtomicU32>,
) -> (Shard, SocketAddr) {
    let rows: Box<dyn RowStore> = match kind {
        Kind::Memory => Box::new(MemoryStore::new("a").unwrap()),
        Kind::Sqlite => {
            Box::new(SqliteStore::open(directory, "a", SqliteOptions::default()).unwrap())
        }
    };
    let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = data.local_addr().unwrap();
    let (options, quiet) = (NodeOptions::default(), Arc::new(|_: &str| {}));
    let shard = Shard::start(&*rows, map.clone(), TOKEN, control, options, quiet).unwrap();
    let service = Router::new()
        .route("/{action}", get(show).post(act))
        .layer(shard.layer())
        .layer(Extension(Arc::clone(handled)));
    tokio::spawn(async move { axum::serve(data, service).await });
    (shard, address)
}

#[test]
fn only_requests_for_what_is_owned_reach_a_handler() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a"), born(100, 199, "b")]);
        let served = Served::start(kind, &map);
        assert_eq!(served.ask("POST", "/add", (7, 1), b"x").status, 200);
        assert_eq!(served.handled(), 1);

        let mut client = Client::connect(served.data);
        for headers in [
            &[][..],
            &["Ringway-Position: 7"],
            &["Ringway-Epoch: 1"],
            &["Ringway-Position: seven", "Ringway-Epoch: 1"],
            &["Ringway-Position: 7", "Ringway-Position: 7", "Ringway-Epoch: 1"],
        ] {
            assert_eq!(client.request("GET", "/show", headers, b"").status, 400, "{headers:?}");
        }
        assert_eq!(served.ask("GET", "/show", (7, 0), b"").status, 421);
        let other = served.ask("POST", "/add", (150, 1), b"x");
        assert_eq!((other.status, other.header("ringway-epoch")), (421, Some("1")));
        // Refused from the head alone: of a long body, nothing is read.
        client.raw(
            b"POST /add HTTP/1.1\r\nHost: a\r\nRingway-Position: 150\r\nRingway-Epoch: 1\r\n\
              Content-Length: 1000000\r\n\r\n",
        );
        let refused = client.answer("POST");
        assert_eq!((refused.status, refused.header("connection")), (421, Some("close")));
        assert_eq!(served.handled(), 0);

        map.set_down(true);
        assert_eq!(served.ask("GET", "/show", (7, 9), b"").status, 503);
        assert_eq!(served.ask("GET", "/show", (7, 1), b"").text(), "x");
    }
}

#[test]
fn a_write_happens_as_a_whole_or_not_at_all() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        let served = Served::start(kind, &map);
        let post = |action: &str, body: &str| {
            served.ask("POST", &format!("/{action}"), (7, 1), body.as_bytes())
        };
        let shown = || served.ask("GET", "/show", (7, 1), b"").text().to_owned();
        let first: u64 = post("add", "x").text().parse().unwrap();
        for (action, status) in [("fail", 503), ("long", 503), ("undo", 200), ("panic", 500)] {
            let answer = post(action, "lost");
            assert_eq!(answer.status, status, "{action}: {}", answer.text());
            assert_eq!(shown(), "x", "after {action}");
        }
        // What was undone took no number, and no row of it is counted.
        assert_eq!(post("add", "y").text().parse::<u64>().unwrap(), first + 1);
        assert_eq!(post("list", "a,b,stop,z").status, 200);
        assert_eq!(shown(), "xya,b,stop,z list/a=v list/b=v list/stop=v");
        assert_eq!(post("delete", "").status, 200);
        assert_eq!(shown(), " list/a=v list/b=v list/stop=v");
        let status = served.control("GET", "/v1/status").json();
        assert_eq!(status["ranges"][0]["rows"], 6, "{status}");
    }
}

#[test]
fn a_frozen_key_is_refused_and_its_rows_are_exported() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 99, "a")]);
        let served = Served::start(kind, &map);
        assert_eq!(served.ask("POST", "/add", (7, 1), b"x").status, 200);
        let fence = format!("lo=0&hi=99&epoch=1&attempt=1&incarnation={}", served.incarnation);
        assert_eq!(served.control("GET", &format!("/v1/export?{fence}&bytes_max=9")).status, 200);
        let summary = served.control("POST", &format!("/v1/freeze?{fence}"));
        assert_eq!((summary.status, &summary.json()["rows"]), (200, &1.into()));
        let refused = served.ask("POST", "/add", (7, 1), b"y");
        assert_eq!((refused.status, refused.header("ringway-frozen")), (421, Some("1")));
        map.change(1, |record| record.epoch += 1);
        wait_until("it is served at the new epoch", || {
            served.ask("GET", "/show", (7, 2), b"").status == 200
        });
        assert_eq!(served.ask("GET", "/show", (7, 2), b"").text(), "x");
    }
}
