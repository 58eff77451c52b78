//! A map that tests write, nodes on loopback, and a plain HTTP client.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests panic")]

pub mod moving;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ringway_cluster::{
    CommitError, Frame, FrameReader, Incarnation, Phase, RecordKey, Revision, Row, SegmentRecord,
    StoreError, StoredSegment, node_may,
};
use ringway_node::{
    MapReader, MemoryStore, Node, NodeOptions, RowStore, SqliteOptions, SqliteStore,
};
use ringway_store::SegmentChanges;
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

pub const TOKEN: &str = "secret";

/// The store of the map, in memory. Clones share it.
#[derive(Clone)]
pub struct Map {
    state: Arc<Mutex<State>>,
    revision: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct State {
    segments: BTreeMap<u64, StoredSegment>,
    revision: u64,
    is_down: bool,
    is_quiet: bool,
    reads: u64,
}

impl Map {
    pub fn new(segments: &[SegmentRecord]) -> Self {
        let map = Self { state: Arc::default(), revision: Arc::new(watch::channel(0).0) };
        for (id, record) in (1..).zip(segments) {
            map.set(id, record.clone());
        }
        map
    }

    /// Writes a record, as a coordinator would.
    pub fn set(&self, id: u64, record: SegmentRecord) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        let revision = state.revision;
        state.segments.insert(id, StoredSegment { id, revision, record });
        self.revision.send_replace(revision);
    }

    pub fn remove(&self, id: u64) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        state.segments.remove(&id);
        self.revision.send_replace(state.revision);
    }

    /// Changes a record.
    pub fn change(&self, id: u64, change: impl FnOnce(&mut SegmentRecord)) -> SegmentRecord {
        let mut record = self.get(id);
        change(&mut record);
        self.set(id, record.clone());
        record
    }

    pub fn get(&self, id: u64) -> SegmentRecord {
        self.state.lock().unwrap().segments[&id].record.clone()
    }

    pub fn all_idle(&self) -> bool {
        self.state.lock().unwrap().segments.values().all(|s| s.record.phase == Phase::Idle)
    }

    /// While down, every read and write fails.
    pub fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    /// While quiet, nobody is told of changes; reads tell the truth.
    pub fn set_quiet(&self, is_quiet: bool) {
        self.state.lock().unwrap().is_quiet = is_quiet;
        self.revision.send_modify(|_| {});
    }

    pub fn reads(&self) -> u64 {
        self.state.lock().unwrap().reads
    }

    fn up(&self) -> Result<std::sync::MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap();
        if state.is_down { Err(StoreError("down for the test".into())) } else { Ok(state) }
    }
}

impl MapReader for Map {
    async fn segments(&self, lo: u64, hi: u64) -> Result<Vec<StoredSegment>, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.up()?;
        state.reads += 1;
        let overlaps = |s: &&StoredSegment| s.record.lo <= hi && lo <= s.record.hi;
        Ok(state.segments.values().filter(overlaps).cloned().collect())
    }

    async fn all(&self) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        let state = self.up()?;
        let segments =
            if state.is_quiet { Vec::new() } else { state.segments.values().cloned().collect() };
        Ok((state.revision, segments))
    }

    async fn changes(&self, after: Revision) -> Result<SegmentChanges, StoreError> {
        let mut revision = self.revision.subscribe();
        loop {
            let _ = revision.wait_for(|revision| *revision > after).await;
            {
                let state = self.up()?;
                if !state.is_quiet {
                    let changed = state.segments.values().filter(|s| s.revision > after);
                    let changed = changed.map(|s| (s.id, Some(s.clone()))).collect();
                    return Ok(SegmentChanges { revision: state.revision, whole: false, changed });
                }
            }
            let _ = revision.changed().await;
        }
    }

    async fn replace(
        &self,
        old: &StoredSegment,
        new: SegmentRecord,
        node: &str,
        incarnation: Incarnation,
    ) -> Result<Revision, CommitError> {
        let state = self.up().map_err(|error| CommitError::Unknown(error.to_string()))?;
        let here = state.segments.get(&old.id).filter(|here| here.revision == old.revision);
        let Some(here) = here else {
            return Err(CommitError::Conflict(RecordKey::Segment(old.id)));
        };
        node_may(node, incarnation, &here.record, &new).map_err(CommitError::Refused)?;
        drop(state);
        self.set(old.id, new);
        Ok(self.state.lock().unwrap().revision)
    }
}

pub fn born(lo: u64, hi: u64, owner: &str) -> SegmentRecord {
    let owner = owner.into();
    SegmentRecord { lo, hi, owner, incarnation: None, epoch: 1, attempt: 0, phase: Phase::Born }
}

/// Which rows a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Sqlite,
}

pub const KINDS: [Kind; 2] = [Kind::Memory, Kind::Sqlite];

/// A node on loopback, with its directory and runtime.
pub struct TestNode {
    pub name: String,
    pub data: SocketAddr,
    pub control: SocketAddr,
    pub incarnation: Incarnation,
    node: Option<Node>,
    runtime: Runtime,
    rows: Option<Box<dyn RowStore>>,
    map: Map,
    options: NodeOptions,
    dir: Option<tempfile::TempDir>,
}

impl TestNode {
    pub fn start(name: &str, kind: Kind, map: &Map) -> Self {
        let options = NodeOptions { body_bytes_max: 1 << 20, readers: 2, ..NodeOptions::default() };
        Self::start_with(name, kind, map, options, SqliteOptions::default())
    }

    pub fn start_with(
        name: &str,
        kind: Kind,
        map: &Map,
        options: NodeOptions,
        sqlite: SqliteOptions,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rows: Box<dyn RowStore> = match kind {
            Kind::Memory => Box::new(MemoryStore::new(name).unwrap()),
            Kind::Sqlite => Box::new(SqliteStore::open(dir.path(), name, sqlite).unwrap()),
        };
        let mut node = Self::start_on(rows, name, map, options);
        node.dir = Some(dir);
        node
    }

    pub fn start_on(rows: Box<dyn RowStore>, name: &str, map: &Map, options: NodeOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let node = run(&runtime, rows.as_ref(), map, options.clone());
        Self {
            name: name.into(),
            data: node.data_address(),
            control: node.control_address(),
            incarnation: node.incarnation(),
            node: Some(node),
            runtime,
            rows: Some(rows),
            map: map.clone(),
            options,
            dir: None,
        }
    }

    /// Stops the node and starts it on the same rows, at other addresses.
    pub fn restart(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.stop());
        }
        let rows = self.rows.as_ref().unwrap();
        let node = run(&self.runtime, rows.as_ref(), &self.map, self.options.clone());
        (self.data, self.control) = (node.data_address(), node.control_address());
        self.node = Some(node);
    }

    pub fn client(&self) -> Client {
        Client::connect(self.data)
    }

    /// A data request at that position and epoch.
    pub fn ask(&self, method: &str, path: &str, at: (u64, u64), body: &[u8]) -> Answer {
        self.client().ask(method, path, at, &[], body)
    }

    pub fn put(&self, path: &str, at: (u64, u64), value: &str) -> u16 {
        self.ask("PUT", path, at, value.as_bytes()).status
    }

    pub fn get(&self, path: &str, at: (u64, u64)) -> Answer {
        self.ask("GET", path, at, b"")
    }

    /// A control call with a fence and further parameters.
    pub fn call(&self, call: &str, fence: Fence, more: &str, body: &[u8]) -> Answer {
        moving::Movable::call(self, call, fence, more, body)
    }

    pub fn control(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        let token = format!("Authorization: Bearer {TOKEN}");
        Client::connect(self.control).request(method, target, &[&token], body)
    }

    pub fn status(&self) -> serde_json::Value {
        self.control("GET", "/v1/status", b"").json()
    }

    /// The standing of the range that begins at `lo`.
    pub fn standing(&self, lo: u64) -> String {
        let status = self.status();
        let ranges = status["ranges"].as_array().unwrap();
        let range = ranges.iter().find(|range| range["lo"] == lo);
        range.map_or("none".into(), |range| range["standing"].as_str().unwrap().into())
    }

    /// Waits until `condition` holds; panics after ten seconds.
    pub fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        wait_until(what, || condition(self));
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.stop());
        }
    }
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// lo, hi, epoch, attempt.
pub type Fence = (u64, u64, u64, u64);

fn run(runtime: &Runtime, rows: &dyn RowStore, map: &Map, options: NodeOptions) -> Node {
    runtime.block_on(async {
        let data = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let quiet = Arc::new(|_: &str| {});
        Node::start(rows, map.clone(), TOKEN, data, control, options, quiet).unwrap()
    })
}

/// One keep-alive connection.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a 409.
    pub fn refusal(&self) -> String {
        assert_eq!(self.status, 409, "{:?}", String::from_utf8_lossy(&self.body));
        self.json()["error"].as_str().unwrap().into()
    }

    /// Rows and the end of a 200 with frames.
    pub fn frames(&self) -> (Vec<Row>, ringway_cluster::End) {
        assert_eq!(self.status, 200, "{:?}", String::from_utf8_lossy(&self.body));
        let mut reader = FrameReader::new(1 << 30);
        reader.push(&self.body);
        let mut rows = Vec::new();
        loop {
            match reader.next_frame().unwrap().expect("an end frame") {
                Frame::Row(row) => rows.push(row),
                Frame::End(end) => {
                    reader.finish().unwrap();
                    assert_eq!(reader.next_frame(), Ok(None));
                    return (rows, end);
                }
            }
        }
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        (position, epoch): (u64, u64),
        more: &[&str],
        body: &[u8],
    ) -> Answer {
        let position = format!("Ringway-Position: {position}");
        let epoch = format!("Ringway-Epoch: {epoch}");
        let headers = [&[position.as_str(), epoch.as_str()], more].concat();
        self.request(method, path, &headers, body)
    }

    pub fn request(&mut self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Answer {
        self.send(method, target, headers, body);
        self.answer(method)
    }

    pub fn send(&mut self, method: &str, target: &str, headers: &[&str], body: &[u8]) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: node\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        if !body.is_empty() || method == "PUT" || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        self.raw(&[head.as_bytes(), body].concat());
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        // The node may have answered and closed before all is sent.
        let _ = self.stream.get_mut().write_all(bytes);
    }

    pub fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("an answer")
    }

    pub fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.into(), value.into())),
                None => break,
            }
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let has_body = method != "HEAD" && !matches!(status, 100 | 204 | 304);
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if has_body {
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    /// Whether the node closes the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }
}
