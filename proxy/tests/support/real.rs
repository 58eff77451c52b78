//! Real nodes behind a real proxy.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread, time::Duration};

use ringway_node::{MemoryStore, Node, NodeOptions, RowStore, SqliteOptions, SqliteStore};
use ringway_store::{NodeStore, NodeStoreOptions};
use tokio::{runtime::Runtime, sync::oneshot};

use super::{
    Message, NODE_TOKEN, Setup, Wire, free_address::free_address, start_in, wait_for,
    write_files_for,
};

/// A node on a thread of its own.
pub struct Real {
    pub name: String,
    pub data: SocketAddr,
    pub control: SocketAddr,
    stop: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

impl Real {
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), data: free_address(), control: free_address(), stop: None }
    }

    pub fn toml(&self) -> String {
        let Self { name, data, control, .. } = self;
        format!("[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{control}\"\n")
    }

    /// Starts it on rows in `directory`, or in memory.
    pub fn start(&mut self, store: SocketAddr, directory: Option<PathBuf>) {
        let (name, data, control) = (self.name.clone(), self.data, self.control);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.block_on(async move {
                let rows: Box<dyn RowStore> = match directory {
                    Some(path) => Box::new(
                        SqliteStore::open(&path, &name, SqliteOptions::default()).expect("rows"),
                    ),
                    None => Box::new(MemoryStore::new(&name).expect("rows")),
                };
                let map =
                    NodeStore::new(&store.to_string(), NODE_TOKEN, NodeStoreOptions::default())
                        .expect("a store");
                let data = tokio::net::TcpListener::bind(data).await.expect("the address");
                let control = tokio::net::TcpListener::bind(control).await.expect("the address");
                let options = NodeOptions::default();
                let node =
                    Node::start(&*rows, map, NODE_TOKEN, data, control, options, Arc::new(|_| {}))
                        .expect("a node");
                ready.send(()).expect("somebody waits");
                let _ = stopped.await;
                node.stop().await;
            });
        });
        is_ready.recv().expect("it starts");
        self.stop = Some((stop, thread));
    }

    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            drop(stop);
            thread.join().expect("it stops");
        }
    }
}

pub fn begin(nodes: &mut [Real], from: &str, limits: &str) -> Setup {
    let directory = tempfile::tempdir().expect("a directory");
    let cluster: String = nodes.iter().map(Real::toml).collect();
    write_files_for(directory.path(), &cluster, from, limits);
    let setup = Setup { proxy: start_in(directory.path()), directory };
    for node in nodes {
        node.start(setup.proxy.node_address(), None);
    }
    setup
}

/// Sends until the answer is not a documented wait.
pub fn patiently(wire: &mut Wire, address: SocketAddr, request: &str) -> Message {
    wait_for(|| {
        wire.send(request);
        let answer = wire.message().expect("an answer");
        if answer.header("connection") == Some("close") {
            *wire = Wire::connect(address);
        }
        let waits = answer.status() == 503 && answer.header("retry-after").is_some();
        (!waits).then_some(answer)
    })
}

pub fn put(wire: &mut Wire, address: SocketAddr, key: &str, value: &str) -> u16 {
    let length = value.len();
    let request =
        format!("PUT /{key} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{value}");
    patiently(wire, address, &request).status()
}

pub fn get(wire: &mut Wire, address: SocketAddr, key: &str) -> String {
    let answer = patiently(wire, address, &format!("GET /{key} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(answer.status(), 200, "{key}: {}", answer.text());
    answer.text()
}

/// Waits until every node owns what it shall.
pub fn settle(setup: &Setup) {
    for _ in 0..600 {
        let (_, nodes) = setup.json("GET", "/nodes", "");
        let list = nodes["nodes"].as_array().expect("nodes");
        let is_settled = |node: &serde_json::Value| {
            node["share"] == node["target_share"] && node["state"] != "leaving"
        };
        if list.iter().all(is_settled) {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not settle: {}", setup.admin("GET", "/moves", "").text());
}
