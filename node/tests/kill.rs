//! A real process with a real store, killed with SIGKILL at any moment: what it acknowledged stays.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test with a process of its own")]

mod support;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ringway_cluster::{MapStore as _, Record, RecordKey, Transaction};
use ringway_node::{Node, NodeOptions, SqliteOptions, SqliteStore};
use ringway_store::{MemoryStore, NodeStore, NodeStoreOptions, NodeStoreService};
use support::{Client, TOKEN, born};
use tokio::net::TcpListener;

const READY: &str = "child is ready: ";

/// Not a test: the process that the tests below start and kill.
#[test]
#[ignore = "run by the other tests, with its arguments in the environment"]
fn child() {
    let Ok(dir) = std::env::var("RINGWAY_TEST_DIR") else { return };
    let store = std::env::var("RINGWAY_TEST_STORE").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let rows = SqliteStore::open(Path::new(&dir), "a", SqliteOptions::default()).unwrap();
        let store = NodeStore::new(&store, TOKEN, NodeStoreOptions::default()).unwrap();
        let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let quiet = Arc::new(|_: &str| {});
        let options = NodeOptions::default();
        let node = Node::start(&rows, store, TOKEN, data, control, options, quiet).unwrap();
        println!("{READY}{} {}", node.data_address(), node.incarnation());
        std::future::pending::<()>().await;
    });
}

struct Process {
    child: Child,
    data: SocketAddr,
    incarnation: String,
}

impl Process {
    fn start(dir: &Path, store: SocketAddr) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
            .env("RINGWAY_TEST_DIR", dir)
            .env("RINGWAY_TEST_STORE", store.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).find_map(|line| {
            let (_, ready) = line.split_once(READY)?;
            let (data, incarnation) = ready.split_once(' ')?;
            Some((data.parse().unwrap(), incarnation.to_string()))
        });
        let Some((data, incarnation)) = ready else {
            panic!("the child did not start: {:?}", child.wait());
        };
        Self { child, data, incarnation }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The proxy's store for nodes, with one born segment of `a`.
async fn store() -> SocketAddr {
    let store = MemoryStore::default();
    let record = Record::Segment(born(0, u64::from(u32::MAX), "a"));
    store.commit(Transaction::create(RecordKey::Segment(1), record)).await.unwrap();
    let service = NodeStoreService::new(store, TOKEN);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let service = service.clone();
                    async move { Ok::<_, std::convert::Infallible>(service.answer(request).await) }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    address
}

/// What a client knows of its keys: the last acknowledged value, and one that may have been
/// written since.
#[derive(Default)]
struct Known {
    acknowledged: BTreeMap<String, u64>,
    doubtful: BTreeMap<String, u64>,
}

fn write_until_killed(address: SocketAddr, writer: u64, round: u64, known: &Mutex<Known>) {
    let mut client = Client::connect(address);
    for number in 0.. {
        let key = format!("/{writer}-{}", number % 50);
        let value = round << 32 | number;
        let mut known_before = known.lock().unwrap();
        known_before.doubtful.insert(key.clone(), value);
        drop(known_before);
        let headers = [&format!("Ringway-Position: {writer}"), "Ringway-Epoch: 1"];
        client.send("PUT", &key, &headers, value.to_string().as_bytes());
        let Some(answer) = client.try_answer("PUT") else { return };
        if answer.status == 503 || answer.status == 421 {
            continue;
        }
        assert!(matches!(answer.status, 201 | 204), "{answer:?}");
        let mut known = known.lock().unwrap();
        known.doubtful.remove(&key);
        known.acknowledged.insert(key, value);
    }
}

#[test]
fn acknowledged_writes_outlast_kill_9() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let store = runtime.block_on(store());
    let dir = tempfile::tempdir().unwrap();
    let mut incarnation = None;
    let known: Vec<Mutex<Known>> = (0..4).map(|_| Mutex::default()).collect();
    for round in 0..4 {
        let process = Process::start(dir.path(), store);
        assert_eq!(*incarnation.get_or_insert(process.incarnation.clone()), process.incarnation);
        let address = process.data;
        // What was acknowledged before the last kill is there, and nothing older.
        for (writer, known) in (0..).zip(&known) {
            let known = &mut *known.lock().unwrap();
            let mut client = Client::connect(address);
            for (key, acknowledged) in known.acknowledged.clone() {
                let answer = client.ask("GET", &key, (writer, 1), &[], b"");
                assert_eq!(answer.status, 200, "{key} is lost");
                let value: u64 = answer.text().parse().unwrap();
                let doubtful = known.doubtful.get(&key);
                assert!(
                    value == acknowledged || Some(&value) == doubtful,
                    "{key}: {value} instead of {acknowledged} or {doubtful:?}"
                );
                known.acknowledged.insert(key, value);
            }
            known.doubtful.clear();
        }
        std::thread::scope(|scope| {
            for (writer, known) in (0..).zip(&known) {
                scope.spawn(move || write_until_killed(address, writer, round, known));
            }
            std::thread::sleep(Duration::from_millis(150 + 40 * round));
            // On a machine with much else to do, the first write may take longer.
            while known.iter().all(|known| known.lock().unwrap().acknowledged.is_empty()) {
                std::thread::sleep(Duration::from_millis(10));
            }
            process.kill();
        });
        let total: usize = known.iter().map(|k| k.lock().unwrap().acknowledged.len()).sum();
        assert!(total > 0, "nothing was written before the kill");
    }
}
