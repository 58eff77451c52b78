//! The node under test: data requests, control calls, and the keys that are used.

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ringway::Table;
use ringway_cluster::{End, Frame, FrameReader, Incarnation, Row, SegmentRecord};

use super::wire::{ANSWER_MAX, Answer, exchange};

/// A restarted node has to answer within this time.
const RESTART_MAX: Duration = Duration::from_secs(20);
/// A refusal that waits for no body comes within this time.
const REFUSAL_MAX: Duration = Duration::from_secs(3);

/// A data request of the node's own: `METHOD PATH`, where `{key}` stands for the sharding key.
#[derive(Clone, Debug)]
pub(super) struct Template {
    method: String,
    path: String,
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be METHOD PATH, for example \"PUT /items/{key}\"".to_owned();
        let (method, path) = text.split_once(' ').ok_or_else(wrong)?;
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        let is_path = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
        if is_method && is_path {
            Ok(Self { method: method.into(), path: path.into() })
        } else {
            Err(wrong())
        }
    }
}

/// A sharding key and its position.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) position: u64,
}

/// Epoch and attempt under which a call is made, for a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) lo: u64,
    pub(super) hi: u64,
    pub(super) epoch: u64,
    pub(super) attempt: u64,
}

impl From<&SegmentRecord> for At {
    fn from(record: &SegmentRecord) -> Self {
        let SegmentRecord { lo, hi, epoch, attempt, .. } = *record;
        Self { lo, hi, epoch, attempt }
    }
}

/// Rows and how they end.
pub(super) type Page = (Vec<Row>, End);

/// How the node is reached.
pub(super) struct NodeUnderTest {
    pub(super) data: String,
    pub(super) control: String,
    pub(super) token: String,
    pub(super) incarnation: Incarnation,
    pub(super) write: Template,
    pub(super) read: Template,
    pub(super) delete: Option<Template>,
    pub(super) body: String,
    pub(super) restart: Option<String>,
}

impl NodeUnderTest {
    /// A data request with the headers of a proxy.
    pub(super) fn ask(&self, what: &Template, key: &Key, epoch: u64, body: &str) -> Answer {
        let headers = format!(
            "Ringway-Position: {}\r\nRingway-Epoch: {epoch}\r\nRingway-Key: {}\r\n",
            key.position, key.name
        );
        self.ask_with(what, key, &headers, body)
    }

    /// A data request with these header lines.
    pub(super) fn ask_with(&self, what: &Template, key: &Key, headers: &str, body: &str) -> Answer {
        let path = what.path.replace("{key}", &key.name);
        let mut head =
            format!("{} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", what.method, self.data);
        if !body.is_empty() || !matches!(&*what.method, "GET" | "HEAD" | "DELETE") {
            // Writing to a `String` cannot fail.
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("Connection: close\r\n\r\n");
        send(&self.data, &[head.as_bytes(), body.as_bytes()].concat(), what.method == "HEAD")
    }

    pub(super) fn read(&self, key: &Key, epoch: u64) -> Answer {
        self.ask(&self.read, key, epoch, "")
    }

    /// Writes a value that tells key and number.
    pub(super) fn write(&self, key: &Key, epoch: u64, number: usize) -> Answer {
        self.ask(&self.write, key, epoch, &self.value(key, number))
    }

    pub(super) fn value(&self, key: &Key, number: usize) -> String {
        self.body.replace("{key}", &key.name).replace("{n}", &number.to_string())
    }

    /// The head of a write whose body is announced and never sent.
    pub(super) fn announce(&self, key: &Key, epoch: u64, expect: bool) -> Answer {
        let path = self.write.path.replace("{key}", &key.name);
        let expect = if expect { "Expect: 100-continue\r\n" } else { "" };
        let head = format!(
            "{} {path} HTTP/1.1\r\nHost: {}\r\nRingway-Position: {}\r\nRingway-Epoch: {epoch}\r\n\
             Ringway-Key: {}\r\nContent-Length: 1000000\r\n{expect}\r\n",
            self.write.method, self.data, key.position, key.name
        );
        send_within(&self.data, head.as_bytes(), false, REFUSAL_MAX)
    }

    /// A control call with a fence and further parameters.
    pub(super) fn call(&self, call: &str, at: At, more: &str, body: &[u8]) -> Answer {
        self.call_as(call, at, self.incarnation, more, body)
    }

    pub(super) fn call_as(
        &self,
        call: &str,
        at: At,
        incarnation: Incarnation,
        more: &str,
        body: &[u8],
    ) -> Answer {
        let method = if matches!(call, "export" | "delta") { "GET" } else { "POST" };
        let At { lo, hi, epoch, attempt } = at;
        let target = format!(
            "/v1/{call}?lo={lo}&hi={hi}&epoch={epoch}&attempt={attempt}\
             &incarnation={incarnation}{more}"
        );
        let token = format!("Authorization: Bearer {}\r\n", self.token);
        self.control(method, &target, &token, body)
    }

    /// A request to the control listener, with these header lines.
    pub(super) fn control(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.control,
            body.len()
        );
        send(&self.control, &[head.as_bytes(), body].concat(), false)
    }

    pub(super) fn status(&self, query: &str) -> Answer {
        let token = format!("Authorization: Bearer {}\r\n", self.token);
        self.control("GET", &format!("/v1/status{query}"), &token, b"")
    }

    /// All pages of `export`, each of at most `bytes_max`.
    pub(super) fn export(&self, at: At, bytes_max: u64) -> Result<Page, String> {
        let mut rows = Vec::new();
        let mut cursor: Option<(u64, Vec<u8>)> = None;
        let mut sequence = None;
        loop {
            let mut more = format!("&bytes_max={bytes_max}");
            if let Some((position, key)) = &cursor {
                let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                let _ = write!(more, "&after_position={position}&after_key={hex}");
            }
            let (page, end) = page(&self.call("export", at, &more, b""))?;
            if bytes_max == 1 && page.len() > 1 {
                return Err(format!("a page of bytes_max=1 has {} rows", page.len()));
            }
            rows.extend(page);
            let first = *sequence.get_or_insert(end.sequence);
            if end.cursor.is_none() {
                return Ok((rows, End { cursor: None, sequence: first }));
            }
            if end.cursor == cursor || rows.len() > 10_000 {
                return Err("the cursor does not go on".into());
            }
            cursor = end.cursor;
        }
    }

    /// All pages of `delta` since a sequence, each of at most `bytes_max`.
    pub(super) fn delta(&self, at: At, since: u64, bytes_max: u64) -> Result<Page, String> {
        let mut rows = Vec::new();
        let mut since = since;
        loop {
            let more = format!("&since={since}&bytes_max={bytes_max}");
            let (page, end) = page(&self.call("delta", at, &more, b""))?;
            if bytes_max == 1 && page.len() > 1 {
                return Err(format!("a page of bytes_max=1 has {} rows", page.len()));
            }
            rows.extend(page);
            if end.cursor.is_none() {
                return Ok((rows, end));
            }
            if end.sequence <= since || rows.len() > 10_000 {
                return Err("a page's sequence does not go on".into());
            }
            since = end.sequence;
        }
    }

    /// Kills the node and starts it again, if a command for that was given.
    pub(super) fn restart(&self) -> Option<Result<(), String>> {
        let command = self.restart.as_ref()?;
        Some(self.restart_with(command))
    }

    fn restart_with(&self, command: &str) -> Result<(), String> {
        let status = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("--restart can't be run: {error}"))?;
        if !status.success() {
            return Err(format!("--restart ended with {status}"));
        }
        let begun = Instant::now();
        while begun.elapsed() < RESTART_MAX {
            if self.status("").status == 200 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("it did not answer within {} s after --restart", RESTART_MAX.as_secs()))
    }
}

/// Status 0 is no answer; the body says why.
pub(super) fn send(address: &str, bytes: &[u8], is_head: bool) -> Answer {
    send_within(address, bytes, is_head, ANSWER_MAX)
}

fn send_within(address: &str, bytes: &[u8], is_head: bool, patience: Duration) -> Answer {
    exchange(address, bytes, is_head, patience)
        .unwrap_or_else(|error| Answer { body: error.into_bytes(), ..Answer::default() })
}

/// The rows of an answer with frames.
pub(super) fn page(answer: &Answer) -> Result<Page, String> {
    if answer.status != 200 {
        return Err(answer.shown());
    }
    let mut reader = FrameReader::new(64 << 20);
    reader.push(&answer.body);
    let mut rows = Vec::new();
    loop {
        match reader.next_frame().map_err(|error| error.to_string())? {
            Some(Frame::Row(row)) => rows.push(row),
            Some(Frame::End(end)) => {
                reader.next_frame().map_err(|error| error.to_string())?;
                return Ok((rows, end));
            }
            None => return Err("the frames have no end frame".into()),
        }
    }
}

/// The body of an import.
pub(super) fn frames(rows: &[Row], sequence: u64) -> Vec<u8> {
    let mut out = Vec::new();
    rows.iter().for_each(|row| row.encode(&mut out));
    End { cursor: None, sequence }.encode(&mut out);
    out
}

/// What rows sum up to, as `digest` and `freeze` answer it.
pub(super) fn summed(rows: &[Row], sequence: u64) -> (u64, u64, String) {
    let digest = rows.iter().fold(0_u128, |sum, row| sum.wrapping_add(row.digest()));
    (sequence, rows.len() as u64, format!("{digest:032x}"))
}

/// The same out of an answer.
pub(super) fn summary_of(answer: &Answer) -> Option<(u64, u64, String)> {
    let json = answer.json().filter(|_| answer.status == 200)?;
    Some((json["sequence"].as_u64()?, json["rows"].as_u64()?, json["digest"].as_str()?.to_owned()))
}

/// Keys whose positions lie in `[lo, hi]`, in order of position, all different.
pub(super) fn keys_in(table: &Table, lo: u64, hi: u64, count: usize) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for number in 0..1_000_000 {
        let name = format!("check-{number}");
        let Some(position) = table.position(name.as_bytes()) else { continue };
        let is_new = keys.iter().all(|key| key.position != position);
        if position >= lo && position <= hi && is_new {
            keys.push(Key { name, position });
        }
        if keys.len() == count {
            break;
        }
    }
    keys.sort_by_key(|key| key.position);
    keys
}
