//! Heads: where one ends, and what an answer's says.

use core::{fmt, mem::MaybeUninit, ops::Range};

use super::{Framing, HEADERS_MAX, HeaderName, lists};

/// Looks for the end of a head in bytes that arrive piece by piece; no byte is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScanner {
    scanned: usize,
    line: usize,
    begun: bool,
}

/// What a [`HeadScanner`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The head has not ended yet.
    Partial,
    /// The head has so many bytes, empty lines before it included.
    Complete(usize),
    /// A line ends in a line feed without a carriage return.
    BareLineFeed,
}

impl HeadScanner {
    /// Looks at what was appended to `input` since the last call.
    ///
    /// # Complexity
    /// O(new bytes).
    pub fn scan(&mut self, input: &[u8]) -> Scan {
        while let Some(found) = memchr::memchr(b'\n', &input[self.scanned..]) {
            let feed = self.scanned + found;
            self.scanned = feed + 1;
            if feed == self.line || input[feed - 1] != b'\r' {
                return Scan::BareLineFeed;
            }
            let empty = feed == self.line + 1;
            self.line = feed + 1;
            // Empty lines before a head are allowed: some clients end a body with one.
            if empty && self.begun {
                return Scan::Complete(feed + 1);
            }
            self.begun |= !empty;
        }
        self.scanned = input.len();
        Scan::Partial
    }
}

/// Where a header stands in its head.
#[derive(Clone, Debug)]
pub struct HeaderSpan {
    /// The name's bytes.
    pub name: Range<usize>,
    /// The value's bytes, trimmed.
    pub value: Range<usize>,
}

/// The head of an answer; its headers are spans of the bytes that were parsed.
#[derive(Clone, Debug)]
pub struct AnswerHead {
    /// The status code.
    pub status: u16,
    /// Where the reason stands.
    pub reason: Range<usize>,
    /// The headers in order.
    pub headers: Vec<HeaderSpan>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
    /// What `Ringway-Epoch` says.
    pub epoch: Option<u64>,
    /// Whether `Ringway-Frozen` is 1.
    pub frozen: bool,
    /// What `Ringway-Dedup-Ms` says.
    pub dedup_ms: Option<u64>,
}

impl Default for AnswerHead {
    fn default() -> Self {
        Self {
            status: 0,
            reason: 0..0,
            headers: Vec::new(),
            framing: Framing::None,
            keep_alive: false,
            epoch: None,
            frozen: false,
            dedup_ms: None,
        }
    }
}

/// Why bytes are not the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHead(pub &'static str);

impl fmt::Display for BadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for BadHead {}

/// Reads a whole head into `head`, whose memory is reused.
///
/// `to_head` says that the request was a `HEAD`, whose answer has no body.
///
/// # Errors
/// [`BadHead`] if the bytes are no head or its lengths conflict.
pub fn parse_answer(bytes: &[u8], to_head: bool, head: &mut AnswerHead) -> Result<(), BadHead> {
    let mut storage = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        bytes,
        &mut storage,
    );
    match outcome {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(BadHead("its head is cut short")),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead("it has too many headers")),
        Err(_) => return Err(BadHead("its head is not HTTP/1")),
    }
    let base = bytes.as_ptr().addr();
    let span = |part: &[u8]| {
        let start = part.as_ptr().addr().wrapping_sub(base);
        start..start + part.len()
    };
    head.status = parsed.code.unwrap_or_default();
    head.reason = parsed.reason.map_or(0..0, |reason| span(reason.as_bytes()));
    head.headers.clear();
    head.keep_alive = parsed.version == Some(1);
    (head.epoch, head.frozen, head.dedup_ms) = (None, false, None);
    let (mut length, mut chunked) = (None, false);
    for header in parsed.headers.iter() {
        let (name, value) = (header.name.as_bytes(), header.value);
        match HeaderName::of(name) {
            HeaderName::ContentLength => {
                let found = digits(value).ok_or(BadHead("its Content-Length is no number"))?;
                if length.replace(found).is_some_and(|before| before != found) {
                    return Err(BadHead("it has two Content-Lengths"));
                }
            }
            HeaderName::TransferEncoding => {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadHead("its Transfer-Encoding is not \"chunked\""));
                }
                chunked = true;
            }
            HeaderName::Connection => {
                if lists(value, "close") {
                    head.keep_alive = false;
                } else if parsed.version == Some(0) && lists(value, "keep-alive") {
                    head.keep_alive = true;
                }
            }
            HeaderName::Ringway if name.eq_ignore_ascii_case(b"ringway-epoch") => {
                head.epoch = digits(value);
            }
            HeaderName::Ringway if name.eq_ignore_ascii_case(b"ringway-frozen") => {
                head.frozen = value == b"1";
            }
            HeaderName::Ringway if name.eq_ignore_ascii_case(b"ringway-dedup-ms") => {
                head.dedup_ms = digits(value);
            }
            _ => {}
        }
        head.headers.push(HeaderSpan { name: span(name), value: span(value) });
    }
    head.framing = match (length, chunked) {
        _ if to_head || matches!(head.status, 100..=199 | 204 | 304) => Framing::None,
        (Some(_), true) => return Err(BadHead("it has both Content-Length and Transfer-Encoding")),
        (Some(length), false) => Framing::Length(length),
        (None, true) => Framing::Chunked,
        (None, false) => Framing::Close,
    };
    Ok(())
}

/// The number that decimal digits write.
fn digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_in_any_pieces() {
        let whole = b"\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\nnext";
        for piece in 1..whole.len() {
            let mut scanner = HeadScanner::default();
            let mut end = 0;
            let found = loop {
                end = (end + piece).min(whole.len());
                match scanner.scan(&whole[..end]) {
                    Scan::Partial if end < whole.len() => {}
                    found => break found,
                }
            };
            assert_eq!(found, Scan::Complete(whole.len() - 4), "pieces of {piece}");
        }
    }

    #[test]
    fn refuses_bare_line_feeds() {
        for bytes in ["GET / HTTP/1.1\n", "\n", "GET / HTTP/1.1\r\nA: b\n\r\n", "A\r\n\n"] {
            assert_eq!(HeadScanner::default().scan(bytes.as_bytes()), Scan::BareLineFeed);
        }
    }

    fn parse(text: &str, to_head: bool) -> Result<AnswerHead, BadHead> {
        let mut head = AnswerHead::default();
        parse_answer(text.as_bytes(), to_head, &mut head).map(|()| head)
    }

    #[test]
    fn knows_how_bodies_end() {
        for (text, to_head, framing, keep_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, Framing::Length(5), true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, Framing::None, true),
            ("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", false, Framing::None, true),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n",
                false,
                Framing::Chunked,
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", false, Framing::Close, true),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, Framing::Length(0), false),
            (
                "HTTP/1.1 200\r\nConnection: x, close\r\nContent-Length: 1\r\n\r\n",
                false,
                Framing::Length(1),
                false,
            ),
        ] {
            let head = parse(text, to_head).expect(text);
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{text}");
        }
    }

    #[test]
    fn refuses_ambiguous_answers() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(parse(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_the_hints_of_a_misdirected_request() {
        let text =
            "HTTP/1.1 421 M\r\nRingway-Epoch: 18446744073709551615\r\nringway-frozen: 1\r\n\r\n";
        let head = parse(text, false).expect("a head");
        assert_eq!((head.status, head.epoch, head.frozen), (421, Some(u64::MAX), true));
    }
}
