//! One connection of HTTP/1.1, so that no library hides what was sent and what was not.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const CONNECT: Duration = Duration::from_secs(2);
/// Longer than whatever the proxy lets a request take.
pub(crate) const PATIENCE_MAX: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 65_536;

#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The number in the `ETag`.
    pub(crate) version: Option<u64>,
    pub(crate) has_retry_after: bool,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// There was no connection, so nothing was sent.
    Unsent,
    /// Bytes were sent: nobody knows.
    Unknown,
}

/// A connection that is opened when it is needed and kept while it is good.
pub(crate) struct Wire {
    address: SocketAddr,
    /// How long it waits for bytes; then it hangs up.
    patience: Duration,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, patience: PATIENCE_MAX, stream: None, buffer: Vec::new() }
    }

    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Answer, Silence> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address, self.patience).map_err(|_| Silence::Unsent)?,
        };
        self.buffer.clear();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: ringway\r\n{headers}");
        if method != "GET" {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        let (answer, is_kept) = self.exchange(&stream, &bytes).map_err(|_| Silence::Unknown)?;
        if is_kept {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    fn exchange(&mut self, mut stream: &TcpStream, bytes: &[u8]) -> io::Result<(Answer, bool)> {
        // A refusal may come, and the connection end, before all of a large body was taken.
        let sent = stream.write_all(bytes);
        let (answer, is_kept) = read_message(stream, &mut self.buffer)?;
        let head = answer.head.split("\r\n").next().unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {head:?}")))?;
        let version = header(&answer.head, "etag");
        let version = version.and_then(|tag| tag.trim_matches('"').parse().ok());
        let has_retry_after = header(&answer.head, "retry-after").is_some();
        let is_kept = is_kept && sent.is_ok();
        Ok((Answer { status, version, has_retry_after, ..answer }, is_kept))
    }
}

fn connect(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// Reads one message, request or answer, with a body of stated length; whether the connection goes
/// on after it. What came beyond it stays in `buffer`.
pub(crate) fn read_message(
    mut stream: &TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<(Answer, bool)> {
    let mut chunk = [0; 16_384];
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head does not end"));
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    let length = length.unwrap_or(0);
    while buffer.len() < length {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
    let body = buffer.drain(..length).collect();
    let is_kept = !header(&head, "connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
    Ok((Answer { head, body, ..Answer::default() }, is_kept))
}

/// The value of a header, by its name in lower case.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
