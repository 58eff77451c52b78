//! Serves one client connection.

use std::{
    future::poll_fn,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use ringway_client::{
    Deadline, Outgoing, OutgoingBody,
    http1::{BodyReader, Framing, HeadScanner, Scan, Step},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{
    fault::Fault,
    relay::Relayed,
    request::{self, Context, Plan, Prepared},
    worker::{Place, Worker},
};

/// How much is read at once for a head, and for a body.
const HEAD_READ_BYTES: usize = 4 << 10;
pub(super) const BODY_READ_BYTES: usize = 64 << 10;
/// A connection that is kept ready for its next request has no buffer above this.
const IDLE_BYTES_MAX: usize = 16 << 10;
/// For how long a connection is kept ready, and how many of a worker are.
const READY_FOR: Duration = Duration::from_secs(1);
const READY_MAX: usize = 256;
/// A client that sends on after its answer is heard out for so long, so that the answer arrives.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 4 << 20;

/// A client's connection that waits for a request, without memory for one.
///
/// There may be ten thousand of them at a time, so this is all that they hold.
pub(super) struct Parked {
    stream: TcpStream,
    peer: IpAddr,
    /// Whether it waits for a request: then it may be closed at any time.
    idle: Arc<AtomicBool>,
    /// Bounds the waits for requests.
    deadline: Deadline,
    /// Since when it waits.
    since: Instant,
}

impl Parked {
    pub(super) fn new(stream: TcpStream, peer: IpAddr, idle: Arc<AtomicBool>) -> Self {
        Self { stream, peer, idle, deadline: Deadline::default(), since: Instant::now() }
    }

    /// Serves requests until either side has enough.
    ///
    /// What a request needs is in a box of its own, which goes away when no other follows soon.
    pub(super) async fn serve(mut self, worker: Arc<Worker>) {
        while self.hears(&worker).await {
            match Box::pin(Client::new(self).serve(&worker)).await {
                Some(parked) => self = parked,
                None => return,
            }
        }
    }

    /// Waits until there is something to read; false if the connection is to end.
    async fn hears(&mut self, worker: &Worker) -> bool {
        self.idle.store(true, Ordering::Release);
        if worker.is_stopping() {
            return false;
        }
        let end = self.since + Duration::from_millis(worker.config.limits.idle_ms_max);
        let stream = &self.stream;
        let heard = self.deadline.bound(end, poll_fn(|context| stream.poll_read_ready(context)));
        matches!(heard.await, Some(Ok(())))
    }
}

/// A client's connection and the memory that its requests use one after another.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) input: BytesMut,
    pub(super) out: Vec<u8>,
    prepared: Prepared,
    /// Kept bodies that came in chunks.
    pub(super) body: Vec<u8>,
    wire: Vec<u8>,
    address: IpAddr,
    /// The address as it stands in headers.
    peer: String,
    idle: Arc<AtomicBool>,
    deadline: Deadline,
}

/// What came of waiting for a request.
enum Heard {
    /// A head of so many bytes.
    Head(usize),
    /// Nothing yet; the wait goes on without memory for it.
    Nothing { since: Instant },
    /// The connection has ended.
    End,
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another request.
    Request,
    /// Nothing.
    Close,
    /// Nothing, but what the client still sends is read, lest it lose the answer.
    Linger,
}

/// Why there is no answer to relay.
pub(super) enum Failure {
    /// The proxy answers by itself.
    Fault(Fault),
    /// The client is gone, or the answer is cut: nothing more can be said.
    Gone,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The body that goes with the request.
enum Body {
    None,
    /// So many bytes at the front of the input.
    Input(usize),
    /// What is in `Client::body`.
    Collected,
    /// It is sent once the node asks for it; what was read of it is in `Client::body`.
    Later,
}

impl Client {
    fn new(parked: Parked) -> Self {
        let Parked { stream, peer, idle, deadline, since: _ } = parked;
        Self {
            stream,
            input: BytesMut::new(),
            out: Vec::new(),
            prepared: Prepared::default(),
            body: Vec::new(),
            wire: Vec::new(),
            address: peer,
            peer: peer.to_canonical().to_string(),
            idle,
            deadline,
        }
    }

    /// Serves requests until no other follows soon; `None` if the connection has ended.
    async fn serve(mut self, worker: &Worker) -> Option<Parked> {
        loop {
            let next = match self.read_head(worker).await {
                Ok(Heard::Head(length)) => self.answer(worker, length).await,
                Ok(Heard::Nothing { since }) => {
                    let Self { stream, address: peer, idle, deadline, .. } = self;
                    return Some(Parked { stream, peer, idle, deadline, since });
                }
                Ok(Heard::End) => Next::Close,
                Err(fault) => self.refuse(worker, &fault, false, true, Instant::now()).await,
            };
            match next {
                Next::Request => {}
                Next::Close => return None,
                Next::Linger => {
                    self.linger().await;
                    return None;
                }
            }
        }
    }

    /// Waits for a request's head.
    async fn read_head(&mut self, worker: &Worker) -> Result<Heard, Fault> {
        let limits = &worker.config.limits;
        let mut scanner = HeadScanner::default();
        let mut deadline = None;
        loop {
            match scanner.scan(&self.input) {
                Scan::Complete(length) if length <= limits.head_bytes_max => {
                    return Ok(Heard::Head(length));
                }
                Scan::BareLineFeed => {
                    let message = "client: a line ends in a bare line feed";
                    return Err(Fault::bad_request("bad-head", message));
                }
                Scan::Partial if self.input.len() <= limits.head_bytes_max => {}
                Scan::Complete(_) | Scan::Partial => return Err(self.too_long(worker)),
            }
            let first = self.input.first();
            if first.is_some_and(|byte| !byte.is_ascii_graphic() && !b"\r\n".contains(byte)) {
                return Err(Fault::bad_request("bad-head", "client: this is not HTTP"));
            }
            self.input.reserve(HEAD_READ_BYTES);
            let outcome = if self.input.is_empty() {
                self.shrink();
                self.idle.store(true, Ordering::Release);
                if worker.is_stopping() {
                    return Ok(Heard::End);
                }
                let since = Instant::now();
                let Some(outcome) = self.wait(worker, since).await else {
                    return Ok(Heard::Nothing { since });
                };
                self.idle.store(false, Ordering::Release);
                outcome
            } else {
                let end = *deadline.get_or_insert_with(|| {
                    Instant::now() + Duration::from_millis(limits.head_ms_max)
                });
                match timeout_at(end, self.stream.read_buf(&mut self.input)).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        let waited = limits.head_ms_max;
                        let message = format!("client: the head did not come within {waited} ms");
                        return Err(Fault::new(408, "head-timeout", message));
                    }
                }
            };
            match outcome {
                Ok(0) | Err(_) => return Ok(Heard::End),
                Ok(_) => {}
            }
        }
    }

    /// Reads the first bytes of a head; `None` if none came soon, or too many others wait like this.
    async fn wait(&mut self, worker: &Worker, since: Instant) -> Option<io::Result<usize>> {
        let soon = READY_FOR.min(Duration::from_millis(worker.config.limits.idle_ms_max));
        let Some(_place) = Place::take(&worker.ready, READY_MAX) else {
            return match self.stream.try_read_buf(&mut self.input) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                outcome => Some(outcome),
            };
        };
        let reading = self.stream.read_buf(&mut self.input);
        self.deadline.bound(since + soon, reading).await
    }

    fn too_long(&self, worker: &Worker) -> Fault {
        let most = worker.config.limits.head_bytes_max;
        if memchr::memchr(b'\n', &self.input[..most]).is_none() {
            let message = format!("client: the request line has more than {most} bytes");
            return Fault::new(414, "target-too-long", message);
        }
        Fault::new(431, "head-too-long", format!("client: the head has more than {most} bytes"))
    }

    /// Answers the request whose head is the first `length` bytes of the input.
    async fn answer(&mut self, worker: &Worker, length: usize) -> Next {
        let started = Instant::now();
        let context = Context {
            source: &worker.config.key,
            key_bytes_max: worker.config.limits.key_bytes_max,
            peer: &self.peer,
        };
        let read = request::read(&self.input[..length], &context, &mut self.prepared);
        let is_head = self.input.starts_with(b"HEAD ");
        self.input.advance(length);
        let plan = match read {
            Ok(plan) => plan,
            // Where this request ends is not known for sure: nothing after it is read.
            Err(fault) => return self.refuse(worker, &fault, is_head, true, started).await,
        };
        let Some(_place) = worker.shared.begin(worker.config.limits.requests_in_flight_max) else {
            let message = "proxy: too many requests are being served; \
                           nothing was executed, a retry is safe";
            let fault = Fault::new(503, "overloaded", message);
            let close = plan.framing != Framing::None || !plan.keep_alive;
            return self.refuse(worker, &fault, is_head, close, started).await;
        };
        let mut reader = BodyReader::new(plan.framing);
        match self.exchange(worker, &plan, &mut reader, started).await {
            Ok(Relayed::Whole) if worker.is_stopping() || !plan.keep_alive => Next::Close,
            Ok(Relayed::Whole) => Next::Request,
            Ok(Relayed::Last) if reader.is_end() => Next::Close,
            Ok(Relayed::Last) => Next::Linger,
            Err(Failure::Fault(fault)) => {
                let close = !plan.keep_alive || !reader.is_end() || worker.is_stopping();
                self.refuse(worker, &fault, is_head, close, started).await
            }
            Err(Failure::Gone) => Next::Close,
        }
    }

    async fn exchange(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        reader: &mut BodyReader,
        started: Instant,
    ) -> Result<Relayed, Failure> {
        let body = self.collect(worker, plan, reader).await?;
        let length;
        let kept = match body {
            Body::None => &[][..],
            Body::Input(bytes) => {
                length = bytes;
                &self.input[..length]
            }
            Body::Collected => &self.body[..],
            Body::Later => &[][..],
        };
        let outgoing = Outgoing {
            key: &self.prepared.key,
            head: &self.prepared.head,
            is_head: plan.is_head,
            repeat: plan.repeat,
            body: match body {
                Body::Later => OutgoingBody::AfterContinue,
                _ => OutgoingBody::Kept(kept),
            },
        };
        let sent = worker.sender.send(&outgoing, &mut self.wire).await;
        if let Body::Input(bytes) = body {
            self.input.advance(bytes);
        }
        let mut answer = sent.map_err(Fault::from)?;
        let mut last = !plan.keep_alive || worker.is_stopping();
        if answer.wants_body {
            self.upload(worker, plan, reader, &mut answer).await?;
        }
        // A body that nobody asked for is not read: the connection can't go on after it.
        last |= !reader.is_end();
        let status = answer.connection.head.status;
        worker.metrics.answered(status, started.elapsed());
        self.relay(worker, plan, answer, last).await
    }

    /// Reads a body that is small enough to be kept; says how a larger one is sent.
    async fn collect(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        reader: &mut BodyReader,
    ) -> Result<Body, Failure> {
        let limits = &worker.config.limits;
        self.body.clear();
        match plan.framing {
            Framing::None | Framing::Close => Ok(Body::None),
            Framing::Length(length) if length > limits.body_bytes_max => {
                Err(too_large(limits.body_bytes_max).into())
            }
            Framing::Length(length) => {
                request::write_framing(plan.framing, false, &mut self.prepared.head);
                let kept = usize::try_from(length).ok().filter(|&n| n <= limits.replay_bytes_max);
                let Some(length) = kept else {
                    self.prepared.head.extend_from_slice(b"Expect: 100-continue\r\n");
                    return Ok(Body::Later);
                };
                self.invite(worker, plan).await?;
                while self.input.len() < length {
                    self.fill(worker).await?;
                }
                *reader = BodyReader::new(Framing::None);
                Ok(Body::Input(length))
            }
            Framing::Chunked => {
                // How long it is shows only when it comes, so it has to be asked for.
                self.invite(worker, plan).await?;
                loop {
                    match reader.step(&mut self.input).map_err(bad_body)? {
                        Step::Data(length) => {
                            self.body.extend_from_slice(&self.input[..length]);
                            self.input.advance(length);
                            if self.body.len() > limits.replay_bytes_max {
                                break;
                            }
                        }
                        Step::End => {
                            let length = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
                            if length > limits.body_bytes_max {
                                return Err(too_large(limits.body_bytes_max).into());
                            }
                            let framing = Framing::Length(length);
                            request::write_framing(framing, false, &mut self.prepared.head);
                            return Ok(Body::Collected);
                        }
                        Step::More => self.fill(worker).await?,
                    }
                }
                request::write_framing(Framing::Chunked, true, &mut self.prepared.head);
                Ok(Body::Later)
            }
        }
    }

    /// Sends a 100 to a client that waits for it, unless the body is on its way already.
    pub(super) async fn invite(&mut self, worker: &Worker, plan: &Plan) -> Result<(), Failure> {
        if plan.expects_continue && self.input.is_empty() {
            self.out.clear();
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush(worker).await?;
        }
        Ok(())
    }

    /// Gives back the memory that large requests took.
    fn shrink(&mut self) {
        for buffer in [&mut self.out, &mut self.body, &mut self.wire] {
            if buffer.capacity() > IDLE_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
        if self.input.capacity() > IDLE_BYTES_MAX {
            self.input = BytesMut::new();
        }
    }

    /// Reads more of a body.
    pub(super) async fn fill(&mut self, worker: &Worker) -> Result<(), Failure> {
        let stall = worker.config.limits.stall_ms_max;
        self.input.reserve(BODY_READ_BYTES);
        let reading = self.stream.read_buf(&mut self.input);
        match timeout(Duration::from_millis(stall), reading).await {
            Ok(Ok(0) | Err(_)) => Err(Failure::Gone),
            Ok(Ok(_)) => Ok(()),
            Err(_) => {
                let message = format!("client: no byte of the body came within {stall} ms");
                Err(Fault::new(408, "body-timeout", message).into())
            }
        }
    }

    /// Writes and empties `out`.
    pub(super) async fn flush(&mut self, worker: &Worker) -> Result<(), Failure> {
        let outcome = write_all(&mut self.stream, &self.out, worker.stall()).await;
        self.out.clear();
        outcome.map_err(|_| Failure::Gone)
    }

    /// Answers by itself.
    async fn refuse(
        &mut self,
        worker: &Worker,
        fault: &Fault,
        is_head: bool,
        close: bool,
        started: Instant,
    ) -> Next {
        worker.metrics.refused(fault.code, fault.status, started.elapsed());
        self.out.clear();
        fault.write(is_head, close, &mut self.out);
        match self.flush(worker).await {
            Ok(()) if close => Next::Linger,
            Ok(()) => Next::Request,
            Err(_) => Next::Close,
        }
    }

    /// Ends the connection so that the client can still read its answer: a close with unread bytes
    /// would reset it.
    async fn linger(mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let mut left = LINGER_BYTES_MAX;
        let hearing = async {
            while left > 0 {
                self.input.clear();
                self.input.reserve(BODY_READ_BYTES);
                match self.stream.read_buf(&mut self.input).await {
                    Ok(0) | Err(_) => return,
                    Ok(length) => left = left.saturating_sub(length),
                }
            }
        };
        let _ = timeout(LINGER, hearing).await;
    }
}

/// Sends a 503 to a client for which there is no place, and closes.
pub(super) async fn turn_away(mut stream: TcpStream, worker: &Worker) {
    let message = "proxy: too many connections; nothing was executed, a retry is safe";
    let fault = Fault::new(503, "connections-full", message);
    worker.metrics.refused(fault.code, fault.status, Duration::ZERO);
    let mut out = Vec::new();
    fault.write(false, true, &mut out);
    if write_all(&mut stream, &out, LINGER).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

pub(super) fn too_large(most: u64) -> Fault {
    Fault::new(413, "body-too-large", format!("client: the body has more than {most} bytes"))
}

pub(super) fn bad_body(bad: ringway_client::http1::BadBody) -> Fault {
    Fault::bad_request("bad-body", format!("client: the body can't be read: {bad}"))
}

/// Writes all of `bytes`; each wait for the client has an end.
pub(super) async fn write_all(
    stream: &mut TcpStream,
    mut bytes: &[u8],
    stall: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        // Nearly always there is room, and then no timer is needed.
        match stream.try_write(bytes) {
            Ok(written) if written > 0 => {
                bytes = &bytes[written..];
                continue;
            }
            _ => {}
        }
        match timeout(stall, stream.write(bytes)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Ok(written)) => bytes = &bytes[written..],
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    Ok(())
}
