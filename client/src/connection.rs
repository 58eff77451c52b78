//! A connection to a node.

use std::{io, mem::MaybeUninit};

use bytes::{Buf as _, BytesMut};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use crate::{
    deadline::Deadline,
    http1::{AnswerHead, BadHead, HeadScanner, Scan, parse_answer},
};

/// How much is read at once.
pub(crate) const READ_BYTES: usize = 16 << 10;

/// A connection to a node and what was read from it.
#[derive(Debug)]
pub struct NodeConnection {
    /// The socket.
    pub stream: TcpStream,
    /// What was read and not yet taken.
    pub input: BytesMut,
    /// The head that [`read_head`](Self::read_head) read last; its spans are of `head_bytes`.
    pub head: AnswerHead,
    /// The bytes of that head.
    pub head_bytes: BytesMut,
    /// Bounds the waits for this node.
    pub(crate) deadline: Deadline,
    pub(crate) opened: Instant,
    pub(crate) used: Instant,
}

/// Why a head could not be read.
#[derive(Debug)]
pub enum ReadHeadError {
    /// The connection ended or broke.
    Broken(io::Error),
    /// What came is no head of an answer.
    Bad(BadHead),
}

impl NodeConnection {
    /// Boxed, as it goes from hand to hand.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Box<Self>> {
        stream.set_nodelay(true)?;
        let now = Instant::now();
        Ok(Box::new(Self {
            stream,
            input: BytesMut::new(),
            head: AnswerHead::default(),
            head_bytes: BytesMut::new(),
            deadline: Deadline::default(),
            opened: now,
            used: now,
        }))
    }

    /// Reads more into `input`, up to about `bytes` at once; 0 is the end of the stream.
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn fill(&mut self, bytes: usize) -> io::Result<usize> {
        self.input.reserve(bytes);
        self.stream.read_buf(&mut self.input).await
    }

    /// Reads the next head into `head`, interim ones included.
    ///
    /// Nothing is lost if the future is dropped before it is ready.
    ///
    /// # Errors
    /// [`ReadHeadError`] if the connection ends first, or what comes is no head.
    pub async fn read_head(
        &mut self,
        to_head: bool,
        bytes_max: usize,
    ) -> Result<(), ReadHeadError> {
        read_head(
            &mut self.stream,
            &mut self.input,
            (&mut self.head, &mut self.head_bytes),
            to_head,
            bytes_max,
        )
        .await
    }

    /// Whether another request may follow, now that the answer's body was taken.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.head.keep_alive && self.input.is_empty()
    }

    /// Whether the node has ended an idle connection, or sent what nobody asked for, as far as the
    /// runtime has heard of it.
    pub(crate) fn is_stale(&self) -> bool {
        let mut byte = [0];
        match self.stream.try_read(&mut byte) {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }

    /// As [`is_stale`](Self::is_stale), but asks the system: one call, and nothing is overlooked
    /// that has arrived.
    pub(crate) fn is_stale_for_sure(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(&self.stream).peek(&mut byte) {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }

    /// Writes all of `bytes`, counting in `written` what the system has taken.
    pub(crate) async fn write(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < bytes.len() {
            match self.stream.write(&bytes[*written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => *written += count,
            }
        }
        Ok(())
    }
}

/// As [`NodeConnection::read_head`], for one whose halves are lent out.
///
/// # Errors
/// [`ReadHeadError`] if the connection ends first, or what comes is no head.
pub async fn read_head(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
    input: &mut BytesMut,
    (head, head_bytes): (&mut AnswerHead, &mut BytesMut),
    to_head: bool,
    bytes_max: usize,
) -> Result<(), ReadHeadError> {
    let mut scanner = HeadScanner::default();
    loop {
        match scanner.scan(input) {
            Scan::Complete(end) if end <= bytes_max => {
                // Copied: heads are small, and so `input` keeps its memory for the next one.
                head_bytes.clear();
                head_bytes.extend_from_slice(&input[..end]);
                input.advance(end);
                return parse_answer(head_bytes, to_head, head).map_err(ReadHeadError::Bad);
            }
            Scan::BareLineFeed => {
                return Err(ReadHeadError::Bad(BadHead(
                    "a line of its head ends in a bare line feed",
                )));
            }
            Scan::Complete(_) => return Err(ReadHeadError::Bad(BadHead("its head is too long"))),
            Scan::Partial if input.len() > bytes_max => {
                return Err(ReadHeadError::Bad(BadHead("its head is too long")));
            }
            Scan::Partial => {}
        }
        input.reserve(READ_BYTES);
        match stream.read_buf(input).await {
            Ok(0) => return Err(ReadHeadError::Broken(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => {}
            Err(error) => return Err(ReadHeadError::Broken(error)),
        }
    }
}
