//! What the default node says to each call, byte for byte, is what `spec/transcripts/` has.
//!
//! `BLESS=1` writes the files anew. Left out is only the header `date`.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use ringway_cluster::{End, Incarnation, Phase, Row};
use ringway_node::{Clock, MemoryStore, NodeOptions};
use support::{Map, TOKEN, TestNode, born};

const INCARNATION: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";

/// Writes down what a node is asked and answers.
struct Recorder {
    text: String,
    node: TestNode,
    map: Map,
}

impl Recorder {
    /// A fresh node `a`, whose map has one born segment of it and one of another node.
    fn new(title: &str) -> Self {
        let mut other = born(1_000, 1_999, "b");
        other.phase = Phase::Idle;
        other.incarnation = Some(OTHER.parse().unwrap());
        let map = Map::new(&[born(0, 999, "a"), other]);
        let incarnation: Incarnation = INCARNATION.parse().unwrap();
        let rows = Box::new(MemoryStore::with_incarnation("a", incarnation));
        // A clock that stands still: 2026-01-01.
        let clock = Clock::new(|| 1_767_225_600_000);
        let options = NodeOptions { body_bytes_max: 1 << 20, clock, ..NodeOptions::default() };
        let node = TestNode::start_on(rows, "a", &map, options);
        Self { text: format!("# {title}\n"), node, map }
    }

    fn note(&mut self, text: &str) {
        let _ = write!(self.text, "\n# {text}\n");
    }

    /// A data request.
    fn data(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) {
        let address = self.node.data;
        self.exchange(address, method, path, headers, body);
    }

    /// A data request for position 7 at an epoch.
    fn at(&mut self, method: &str, path: &str, epoch: u64, more: &[&str], body: &[u8]) {
        let epoch = format!("Ringway-Epoch: {epoch}");
        let headers = ["Ringway-Position: 7", &epoch, "Ringway-Key: cart"];
        self.data(method, path, &[&headers, more].concat(), body);
    }

    /// A control call for a range, as of its record.
    fn call(&mut self, call: &str, (epoch, attempt): (u64, u64), more: &str, body: &[u8]) {
        let target = format!(
            "/v1/{call}?lo=0&hi=999&epoch={epoch}&attempt={attempt}\
             &incarnation={INCARNATION}{more}"
        );
        let method = if matches!(call, "export" | "delta") { "GET" } else { "POST" };
        self.control(method, &target, body);
    }

    fn control(&mut self, method: &str, target: &str, body: &[u8]) {
        let token = format!("Authorization: Bearer {TOKEN}");
        let address = self.node.control;
        self.exchange(address, method, target, &[&token], body);
    }

    fn exchange(
        &mut self,
        address: SocketAddr,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: node\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST") {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let (answer, answer_body) = read(&mut stream, method == "HEAD");
        self.text.push('\n');
        show(&mut self.text, '>', &head, body);
        show(&mut self.text, '<', &answer, &answer_body);
    }

    /// What the store's record becomes, for the reader.
    fn record(&mut self, change: impl FnOnce(&mut ringway_cluster::SegmentRecord)) {
        let record = self.map.change(1, change);
        let json = serde_json::to_string(&record).unwrap();
        let _ = write!(self.text, "\n= {json}\n");
    }

    /// Compares with the file, or writes it.
    fn end(self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/transcripts").join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &self.text).unwrap();
        }
        let recorded = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = recorded.lines().zip(self.text.lines()).position(|(a, b)| a != b);
        assert!(
            recorded == self.text,
            "spec/transcripts/{name} from line {:?} on is not what the node says; look whether \
             that is meant, then: BLESS=1 cargo test -p ringway-node --test transcripts\n{}",
            differs.map(|line| line + 1),
            self.text
        );
    }
}

fn read(stream: &mut TcpStream, is_head: bool) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end + 4].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            let length: usize = if is_head { 0 } else { length };
            if bytes.len() >= end + 4 + length {
                return (head, bytes[end + 4..].to_vec());
            }
        }
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the answer breaks off: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// Lines of text as they are; other bytes as hexadecimal digits, one frame field after another.
fn show(text: &mut String, mark: char, head: &str, body: &[u8]) {
    for line in head.lines().filter(|line| !line.starts_with("date: ")) {
        let _ = writeln!(text, "{}", format!("{mark} {line}").trim_end());
    }
    let is_text = body.iter().all(|byte| byte.is_ascii_graphic() || b" \n".contains(byte));
    if is_text {
        for line in str::from_utf8(body).unwrap().lines() {
            let _ = writeln!(text, "{mark} {line}");
        }
        return;
    }
    for part in body.chunks(16) {
        let hex: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "{mark}x {}", hex.join(" "));
    }
}

/// An import's body: rows of position 7, and what they are complete to.
fn frames(rows: &[(&str, Option<&str>, u64)], sequence: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value, version) in rows {
        Row {
            position: 7,
            key: [b"\0", key.as_bytes()].concat(),
            value: value.map(|value| value.as_bytes().to_vec()),
            version: *version,
            expires_ms: 0,
        }
        .encode(&mut out);
    }
    End { cursor: None, sequence }.encode(&mut out);
    out
}

#[test]
fn data_requests() {
    let mut it = Recorder::new("Data requests (section 2)");
    it.note("The record is born: the node claims it in the store before it answers.");
    it.at("PUT", "/cart", 1, &[], b"two apples");
    it.at("GET", "/cart", 1, &[], b"");
    it.at("HEAD", "/cart", 1, &[], b"");
    it.note("Replaced, then only if it is still that version.");
    it.at("PUT", "/cart", 1, &[], b"three apples");
    it.at("PUT", "/cart", 1, &["If-Match: \"1\""], b"four apples");
    it.at("GET", "/cart", 1, &["If-None-Match: \"2\""], b"");
    it.note("Deleted, and deleted again.");
    it.at("DELETE", "/cart", 1, &[], b"");
    it.at("DELETE", "/cart", 1, &[], b"");
    it.at("GET", "/cart", 1, &[], b"");
    it.note("Executed once, answered twice.");
    it.at("PUT", "/cart", 1, &["Idempotency-Key: \"k1\""], b"a pear");
    it.at("PUT", "/cart", 1, &["Idempotency-Key: \"k1\""], b"a pear");
    it.at("PUT", "/cart", 1, &["Idempotency-Key: \"k1\""], b"a plum");
    it.data("OPTIONS", "*", &[], b"");
    it.note("Headers that are missing, doubled or no plain numbers.");
    it.data("GET", "/cart", &["Ringway-Epoch: 1"], b"");
    it.data("GET", "/cart", &["Ringway-Position: 7"], b"");
    it.data(
        "GET",
        "/cart",
        &["Ringway-Position: 7", "Ringway-Position: 7", "Ringway-Epoch: 1"],
        b"",
    );
    it.data("GET", "/cart", &["Ringway-Position: 07", "Ringway-Epoch: 1"], b"");
    it.note("Another epoch; the store knows no epoch 9 either. Another node's position.");
    it.at("GET", "/cart", 0, &[], b"");
    it.at("GET", "/cart", 9, &[], b"");
    it.data("GET", "/x", &["Ringway-Position: 1500", "Ringway-Epoch: 1"], b"");
    it.note("The store is out of reach, and this epoch would need it.");
    it.map.set_down(true);
    it.at("GET", "/cart", 9, &[], b"");
    it.map.set_down(false);
    it.note("What rows know no method for.");
    it.at("POST", "/cart", 1, &[], b"more");
    it.end("data.txt");
}

#[test]
fn a_move_away() {
    let mut it = Recorder::new("A move away from this node (section 3)");
    it.at("PUT", "/cart", 1, &[], b"two apples");
    it.at("PUT", "/list", 1, &[], b"bread");
    it.control("GET", "/v1/status", b"");
    it.note("A coordinator starts the move: attempt 1.");
    let to = |record: &mut ringway_cluster::SegmentRecord| {
        record.attempt += 1;
        record.phase = Phase::Moving { to: "b".into(), to_incarnation: OTHER.parse().unwrap() };
    };
    it.record(to);
    it.control("GET", "/v1/status?lo=0&hi=999&rows_max=1", b"");
    it.note("All rows; then in pages of one row, each continued from the last one's end frame.");
    it.call("export", (1, 1), "&bytes_max=65536", b"");
    it.call("export", (1, 1), "&bytes_max=1", b"");
    it.call("export", (1, 1), "&bytes_max=1&after_position=7&after_key=0063617274", b"");
    it.note("Written and deleted meanwhile; the change log tells it.");
    it.at("PUT", "/cart", 1, &[], b"three apples");
    it.at("DELETE", "/list", 1, &[], b"");
    it.call("delta", (1, 1), "&since=2&bytes_max=65536", b"");
    it.note("From here on reads and writes are refused: owner and epoch are about to change.");
    it.call("freeze", (1, 1), "", b"");
    it.call("freeze", (1, 1), "", b"");
    it.at("GET", "/cart", 1, &[], b"");
    it.call("delta", (1, 1), "&since=4&bytes_max=65536", b"");
    it.note("The store commits: the other node owns it at epoch 2.");
    it.record(|record| {
        record.owner = "b".into();
        record.incarnation = Some(OTHER.parse().unwrap());
        record.epoch = 2;
        record.phase = Phase::Done;
    });
    it.at("GET", "/cart", 2, &[], b"");
    it.note("Its rows stay until the other node has taken over.");
    it.call("drop", (2, 1), "", b"");
    it.record(|record| record.phase = Phase::Idle);
    it.call("drop", (2, 1), "", b"");
    it.end("move-away.txt");
}

/// The record: the other node's, on its way here under that attempt.
fn coming(record: &mut ringway_cluster::SegmentRecord, attempt: u64) {
    record.owner = "b".into();
    record.incarnation = Some(OTHER.parse().unwrap());
    record.epoch = 3;
    record.attempt = attempt;
    record.phase = Phase::Moving { to: "a".into(), to_incarnation: INCARNATION.parse().unwrap() };
}

#[test]
fn a_move_here() {
    let mut it = Recorder::new("A move to this node (section 3)");
    it.record(|record| coming(record, 4));
    it.note("An area that nobody sees. Again: nothing changes.");
    it.call("stage", (3, 4), "", b"");
    it.call("stage", (3, 4), "", b"");
    it.note("Rows, complete to sequence 8; then what changed: one written, one deleted.");
    let rows = [("cart", Some("two apples"), 7), ("list", Some("bread"), 8)];
    it.call("import", (3, 4), "", &frames(&rows, 8));
    let changes = [("cart", Some("three apples"), 9), ("list", None, 10)];
    it.call("import", (3, 4), "", &frames(&changes, 10));
    it.note("The first rows once more, late: none is newer than what is here.");
    it.call("import", (3, 4), "", &frames(&rows, 8));
    it.at("GET", "/cart", 3, &[], b"");
    it.note("Sealed. The sum is the one that freeze gave at the source; then nothing comes in.");
    it.call("digest", (3, 4), "", b"");
    it.call("import", (3, 4), "", &frames(&rows, 8));
    it.call("digest", (3, 4), "", b"");
    it.note("Not before the commit.");
    it.call("activate", (4, 4), "", b"");
    it.record(|record| {
        record.owner = "a".into();
        record.incarnation = Some(INCARNATION.parse().unwrap());
        record.epoch = 4;
        record.phase = Phase::Done;
    });
    it.call("activate", (4, 4), "", b"");
    it.at("GET", "/cart", 4, &[], b"");
    it.at("PUT", "/cart", 4, &[], b"four apples");
    it.end("move-here.txt");
}

#[test]
fn a_move_taken_back() {
    let mut it = Recorder::new("Moves that are taken back (sections 3 and 6)");
    it.at("PUT", "/cart", 1, &[], b"two apples");
    it.record(|record| {
        record.attempt = 1;
        record.phase = Phase::Moving { to: "b".into(), to_incarnation: OTHER.parse().unwrap() };
    });
    it.call("freeze", (1, 1), "", b"");
    it.note("Only the store ends a freeze, and only by a higher epoch.");
    it.call("unfreeze", (1, 2), "", b"");
    it.record(|record| {
        record.epoch = 2;
        record.attempt = 2;
        record.phase = Phase::Idle;
    });
    it.call("unfreeze", (2, 2), "", b"");
    it.at("GET", "/cart", 1, &[], b"");
    it.at("GET", "/cart", 2, &[], b"");
    it.end("taken-back.txt");
}

#[test]
fn refusals() {
    let mut it = Recorder::new("Calls that are refused (section 3)");
    let status = it.node.control;
    it.exchange(status, "GET", "/v1/status", &[], b"");
    it.exchange(status, "GET", "/v1/status", &["Authorization: Bearer wrong"], b"");
    it.record(|record| coming(record, 4));
    it.call("stage", (3, 4), "", b"");
    it.note("An overtaken coordinator; another data directory; an epoch that the store has not.");
    it.call("stage", (3, 3), "", b"");
    let target = format!("/v1/stage?lo=0&hi=999&epoch=3&attempt=4&incarnation={OTHER}");
    it.control("POST", &target, b"");
    it.call("stage", (7, 4), "", b"");
    it.note("What does not fit: a range that is not owned, a row that lies elsewhere.");
    it.call("freeze", (3, 4), "", b"");
    let mut outside = Vec::new();
    Row { position: 1_000, key: b"\0k".to_vec(), value: None, version: 1, expires_ms: 0 }
        .encode(&mut outside);
    End { cursor: None, sequence: 1 }.encode(&mut outside);
    it.call("import", (3, 4), "", &outside);
    it.note("What can't be read.");
    it.call("import", (3, 4), "", &outside[..40]);
    it.call("stage", (3, 4), "&colour=red", b"");
    it.control("POST", "/v1/stage?lo=0&lo=0&hi=999", b"");
    it.control("POST", "/v1/stage?lo=00", b"");
    it.control("GET", "/v1/stage", b"");
    it.control("GET", "/v1/nothing", b"");
    it.end("refusals.txt");
}
