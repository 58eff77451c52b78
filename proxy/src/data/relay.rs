//! Answers on their way back to the client.

use std::{
    io::{self, IoSlice, Write as _},
    time::Duration,
};

use bytes::Buf as _;
use ringway_client::{
    Answer, NodeConnection, SendError,
    http1::{BodyReader, Framing, HeaderName, Step, tokens, write_chunk_head},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use super::{
    fault::Fault,
    request::Plan,
    serve::{BODY_READ_BYTES, Client, Failure},
    worker::Worker,
};

/// Pieces of a body up to this are sent together with what stands before them.
const JOIN_BYTES_MAX: usize = 16 << 10;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relayed {
    /// The client has all of it, and may go on.
    Whole,
    /// The client has all of it, and it was the last one of the connection.
    Last,
}

impl Client {
    /// Sends the answer whose head was read, with its body, and gives its connection back.
    ///
    /// `last` says that the client's connection ends with it.
    pub(super) async fn relay(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        answer: Answer,
        last: bool,
    ) -> Result<Relayed, Failure> {
        let Answer { mut connection, node, repeat, .. } = answer;
        let framing = connection.head.framing;
        // Without a length, the client learns the end from chunks, or from the end of the connection.
        let chunked = plan.is_http_11 && matches!(framing, Framing::Chunked | Framing::Close);
        let until_close = !chunked && matches!(framing, Framing::Chunked | Framing::Close);
        let last = last || until_close;
        self.out.clear();
        write_head(&connection, plan, chunked, last, &mut self.out);

        let mut reader = BodyReader::new(framing);
        let mut begun = false;
        let cut = loop {
            match reader.step(&mut connection.input) {
                Ok(Step::Data(length)) => {
                    if chunked {
                        write_chunk_head(length, &mut self.out);
                    }
                    if self.out.len() + length <= JOIN_BYTES_MAX {
                        self.out.extend_from_slice(&connection.input[..length]);
                    } else {
                        let pieces = [&self.out[..], &connection.input[..length]];
                        let written = write_two(&mut self.stream, pieces, worker.stall()).await;
                        written.map_err(|_| Failure::Gone)?;
                        begun = true;
                        self.out.clear();
                    }
                    if chunked {
                        self.out.extend_from_slice(b"\r\n");
                    }
                    connection.input.advance(length);
                }
                Ok(Step::End) => break None,
                Ok(Step::More) => {
                    // What is there goes out before more is waited for: answers may be slow streams.
                    if begun || !self.out.is_empty() {
                        self.flush(worker).await?;
                        begun = true;
                    }
                    match fill(&mut connection, worker.stall()).await {
                        Ok(0) if reader.ends_with_connection() => break None,
                        Ok(0) => break Some("it ends in the middle of its body".to_owned()),
                        Ok(_) => {}
                        Err(error) => break Some(error.to_string()),
                    }
                }
                Err(bad) => break Some(bad.to_string()),
            }
        };
        if let Some(reason) = cut {
            let error = SendError::BadAnswer { node: node.name.clone(), reason, repeat };
            return Err(self.cut(worker, begun, error));
        }
        if chunked {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
        if !self.out.is_empty() {
            self.flush(worker).await?;
        }
        if reader.is_end() {
            worker.sender.pool().put(&node, connection);
        }
        Ok(if last { Relayed::Last } else { Relayed::Whole })
    }

    /// The node's answer broke off. If nothing of it went out yet, the client can be told.
    fn cut(&self, worker: &Worker, begun: bool, error: SendError) -> Failure {
        if !begun {
            return Fault::from(error).into();
        }
        worker.metrics.cut();
        // A reset tells the client that the answer is not whole, however its end is marked.
        let _ = self.stream.set_zero_linger();
        Failure::Gone
    }
}

fn write_head(
    connection: &NodeConnection,
    plan: &Plan,
    chunked: bool,
    last: bool,
    out: &mut Vec<u8>,
) {
    let (head, bytes) = (&connection.head, &connection.head_bytes[..]);
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "HTTP/1.1 {} ", head.status);
    out.extend_from_slice(&bytes[head.reason.clone()]);
    out.extend_from_slice(b"\r\n");
    let connections = || {
        let spans = head.headers.iter();
        spans.filter(|span| HeaderName::of(&bytes[span.name.clone()]) == HeaderName::Connection)
    };
    let mut listed = connections().flat_map(|span| tokens(&bytes[span.value.clone()]));
    let lists_headers = listed.any(|token| {
        !token.eq_ignore_ascii_case(b"close") && !token.eq_ignore_ascii_case(b"keep-alive")
    });
    let is_listed = |name: &[u8]| {
        let mut listed = connections().flat_map(|span| tokens(&bytes[span.value.clone()]));
        listed.any(|token| token.eq_ignore_ascii_case(name))
    };
    let mut length_written = false;
    for span in &head.headers {
        let (name, value) = (&bytes[span.name.clone()], &bytes[span.value.clone()]);
        let goes = match HeaderName::of(name) {
            HeaderName::EndToEnd | HeaderName::Host | HeaderName::ForwardedFor => {
                !(lists_headers && is_listed(name))
            }
            HeaderName::Expect => true,
            // Without a body it says how long one would be; 204 has none.
            HeaderName::ContentLength => {
                let goes = head.status != 204 && !length_written;
                length_written = true;
                goes && matches!(head.framing, Framing::Length(_) | Framing::None)
            }
            _ => false,
        };
        if goes {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }
    if chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if last {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if !plan.is_http_11 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

async fn fill(connection: &mut NodeConnection, stall: Duration) -> io::Result<usize> {
    match timeout(stall, connection.fill(BODY_READ_BYTES)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no byte of its body came within {} ms", stall.as_millis()),
        )),
    }
}

/// Writes two pieces, in one system call if it takes them.
async fn write_two(
    stream: &mut TcpStream,
    [mut first, mut second]: [&[u8]; 2],
    stall: Duration,
) -> io::Result<()> {
    while !first.is_empty() {
        let pieces = [IoSlice::new(first), IoSlice::new(second)];
        let written = match timeout(stall, stream.write_vectored(&pieces)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(outcome) => outcome?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        let of_first = written.min(first.len());
        first = &first[of_first..];
        second = &second[written - of_first..];
    }
    super::serve::write_all(stream, second, stall).await
}
