//! A plain HTTP/1.1 client that can send what a well-behaved one would not.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// A node has to answer within this time.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(15);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// No answer is larger: the checker's rows are few and small.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether `100 Continue` came before it.
    pub(super) continued: bool,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The code of a refusal: `stale`, `state` ...
    pub(super) fn code(&self) -> String {
        let code = self.json().and_then(|json| json["error"].as_str().map(str::to_owned));
        code.unwrap_or_default()
    }

    /// As a report shows it.
    pub(super) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line: String = text.lines().next().unwrap_or_default().chars().take(160).collect();
        let line = line.replace(|letter: char| letter.is_control(), ".");
        if line.is_empty() {
            format!("{}", self.status)
        } else {
            format!("{} \"{line}\"", self.status)
        }
    }
}

/// Sends the bytes on a connection of their own and reads one answer.
///
/// # Errors
/// As a text that says whether it could not connect, or got no answer.
pub(super) fn exchange(
    address: &str,
    bytes: &[u8],
    is_head: bool,
    patience: Duration,
) -> Result<Answer, String> {
    let fail = |error: io::Error| format!("{address}: {error}");
    let resolved = address.to_socket_addrs().map_err(fail)?;
    let mut last = format!("{address}: no address");
    let mut connected = None;
    for candidate in resolved {
        match TcpStream::connect_timeout(&candidate, CONNECT_MAX) {
            Ok(stream) => {
                connected = Some(stream);
                break;
            }
            Err(error) => last = fail(error),
        }
    }
    let mut stream = connected.ok_or(last)?;
    stream.set_read_timeout(Some(patience)).map_err(fail)?;
    stream.set_nodelay(true).map_err(fail)?;
    // A node may have answered and closed before all is sent.
    let _ = stream.write_all(bytes);
    read(&mut stream, is_head).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("{address}: no answer within {} s", patience.as_secs())
        }
        _ => fail(error),
    })
}

fn read(stream: &mut TcpStream, is_head: bool) -> io::Result<Answer> {
    let mut input = Input { stream, bytes: Vec::new(), ended: false };
    let mut continued = false;
    loop {
        let head = input.until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let number = status.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
        let Some(status) = number.and_then(|number| number.parse::<u16>().ok()) else {
            return Err(invalid("the answer is not HTTP/1.1"));
        };
        if status == 100 {
            continued = true;
            continue;
        }
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new(), continued };
        if !is_head && !matches!(status, 204 | 304) {
            answer.body = input.body(&answer)?;
        }
        return Ok(answer);
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

struct Input<'a> {
    stream: &'a mut TcpStream,
    bytes: Vec<u8>,
    ended: bool,
}

impl Input<'_> {
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        let count = self.stream.read(&mut piece)?;
        self.ended = count == 0;
        self.bytes.extend_from_slice(&piece[..count]);
        if self.bytes.len() > ANSWER_BYTES_MAX {
            return Err(invalid("the answer is too large"));
        }
        Ok(())
    }

    fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.bytes.windows(mark.len()).position(|part| part == mark) {
                return Ok(self.bytes.drain(..at + mark.len()).collect());
            }
            if self.ended {
                return Err(invalid("it closed the connection without an answer"));
            }
            self.fill()?;
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() < count {
            if self.ended {
                return Err(invalid("the answer breaks off"));
            }
            self.fill()?;
        }
        Ok(self.bytes.drain(..count).collect())
    }

    fn body(&mut self, head: &Answer) -> io::Result<Vec<u8>> {
        let chunked = head.header("transfer-encoding").is_some_and(|value| value == "chunked");
        if chunked {
            let mut body = Vec::new();
            loop {
                let line = self.until(b"\r\n")?;
                let line = String::from_utf8_lossy(&line).into_owned();
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a bad chunk"))?;
                body.extend(self.take(size)?);
                self.take(2)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match head.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => self.take(length),
            Some(Err(_)) => Err(invalid("a bad Content-Length")),
            None => {
                while !self.ended {
                    self.fill()?;
                }
                Ok(std::mem::take(&mut self.bytes))
            }
        }
    }
}
