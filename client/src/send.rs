//! Carries one request to the node that owns its key.
//!
//! What may be sent twice is the heart of it. A 421 says that nothing was executed: the map is
//! read again and the request goes out again, to whoever owns the position then. A connection
//! that breaks says nothing: once a byte may have reached the node, only GET, HEAD and OPTIONS go
//! out again, and a PUT or DELETE with an `Idempotency-Key` between nodes that keep answers: they
//! were asked before it was sent at all. Any other PUT that ran twice could bring back a value that
//! another client has overwritten in between.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    connection::{NodeConnection, READ_BYTES, ReadHeadError},
    keepers::Keepers,
    limits::SendLimits,
    map::{Map, Parked, RouterHandle},
    pool::Pool,
    router::{NodeRoute, Route},
    send_error::{Repeat, SendError},
};

/// How often a request that may be sent twice is sent again after a broken connection.
const RESENDS_MAX: u32 = 2;
/// The waits between asking an owner again that is not frozen, only behind.
const BACKOFF_FIRST: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// A refusal with a body above this costs its connection.
const REFUSAL_BYTES_MAX: u64 = 16 << 10;
const MISDIRECTED: u16 = 421;
const UNAVAILABLE: u16 = 503;
/// Asks a node what it can do.
const QUESTION: &[u8] = b"OPTIONS * HTTP/1.1\r\nHost: ringway\r\n\r\n";

/// Sends requests to their owners. Each worker has its own.
#[derive(Debug)]
pub struct Sender {
    map: Map,
    pool: Pool,
    keepers: Keepers,
    limits: SendLimits,
    stats: SendStats,
}

/// What a sender has counted since it was made.
#[derive(Debug, Default)]
pub struct SendStats {
    /// Connections opened to nodes.
    pub connects: AtomicU64,
    /// Requests that a node refused with 421.
    pub misdirected: AtomicU64,
    /// Requests sent again after their connection broke.
    pub resent: AtomicU64,
    /// Those of them with an `Idempotency-Key`, which may have been executed before.
    pub resent_keyed: AtomicU64,
    /// Requests that waited for a newer map.
    pub parked: AtomicU64,
    /// Microseconds that they waited, in total.
    pub parked_micros: AtomicU64,
}

/// A request, but for `Ringway-Epoch`, which depends on the map at the time.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The sharding key.
    pub key: &'a [u8],
    /// Request line and headers, each line with its end, without the empty line.
    pub head: &'a [u8],
    /// Whether it is `HEAD`, whose answer has no body.
    pub is_head: bool,
    /// Whether it may be executed twice, or its head has an `Idempotency-Key`.
    pub repeat: Repeat,
    /// The body.
    pub body: OutgoingBody<'a>,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub enum OutgoingBody<'a> {
    /// All of it, kept until the answer.
    Kept(&'a [u8]),
    /// The head has `Expect: 100-continue`; the caller sends the body once the node asks for it.
    AfterContinue,
}

/// What a node answered.
#[derive(Debug)]
pub struct Answer {
    /// The connection, with the answer's head read: its body is still to be taken.
    pub connection: NodeConnection,
    /// The node.
    pub node: Arc<NodeRoute>,
    /// Whether this is only the 100 that asks for the body.
    pub wants_body: bool,
    /// Whether the request may be sent again as it is, should the answer turn out to be none.
    pub repeat: Repeat,
}

/// How one attempt ended, if not in an error.
enum Attempt {
    Answered(NodeConnection, bool),
    Misdirected {
        epoch: Option<u64>,
        frozen: bool,
    },
    /// Provably nothing was sent, or it may be sent twice.
    Again(SendError),
}

impl Sender {
    /// A sender that routes by `map`.
    #[must_use]
    pub fn new(map: Map, limits: SendLimits) -> Self {
        let (pool, keepers) = (Pool::new(limits), Keepers::default());
        Self { map, pool, keepers, limits, stats: SendStats::default() }
    }

    /// The map.
    #[must_use]
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// The idle connections; give them back an [`Answer`]'s when its body was taken.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &SendLimits {
        &self.limits
    }

    /// What was counted.
    #[must_use]
    pub const fn stats(&self) -> &SendStats {
        &self.stats
    }

    /// Sends `request` to its owner and reads the answer's head, or the 100 that asks for a body.
    ///
    /// `wire` is working memory, to be used again.
    ///
    /// # Errors
    /// [`SendError`], which says whose fault it is and whether a retry is safe.
    pub async fn send(
        &self,
        request: &Outgoing<'_>,
        wire: &mut Vec<u8>,
    ) -> Result<Answer, SendError> {
        let mut parking = Parking::default();
        let mut doubt = None;
        let outcome = self.send_parked(request, wire, &mut parking, &mut doubt).await;
        if let Some(since) = parking.since {
            let waited = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.stats.parked.fetch_add(1, Ordering::Relaxed);
            self.stats.parked_micros.fetch_add(waited, Ordering::Relaxed);
        }
        match (outcome, doubt) {
            // Whatever was not executed now: it may have been before.
            (Err(_), Some(Doubt { error, .. })) => Err(error),
            (Ok(answer), Some(Doubt { error, .. }))
                if answer.connection.head.status == UNAVAILABLE =>
            {
                Err(error)
            }
            (outcome, _) => outcome,
        }
    }

    async fn send_parked<'a>(
        &'a self,
        request: &Outgoing<'_>,
        wire: &mut Vec<u8>,
        parking: &mut Parking<'a>,
        doubt: &mut Option<Doubt>,
    ) -> Result<Answer, SendError> {
        let mut tries = 0;
        loop {
            let router = self.map.current().ok_or(SendError::NoMap)?;
            let position = router.position(request.key);
            let route = router.route(position);
            compose(request, &route, wire);
            let keeps_for = match request.repeat {
                Repeat::Keyed => self.keeps_for(route.node).await,
                Repeat::Safe | Repeat::Never => Duration::ZERO,
            };
            let repeat = match request.repeat {
                Repeat::Keyed if keeps_for.is_zero() => Repeat::Never,
                repeat => repeat,
            };
            if let Some(doubt) = doubt
                && (repeat == Repeat::Never || doubt.since.elapsed() >= keeps_for)
            {
                // The node would not know the request again, or no more.
                doubt.error.never_repeat();
                return Err(doubt.error.clone());
            }
            let began = Instant::now();
            let outcome = match self.attempt(request, repeat, route.node, wire).await {
                // The owner may be gone because the key has another one by now.
                Err(SendError::Unreachable { .. }) if self.has_moved(&router, position) => continue,
                outcome => outcome?,
            };
            match outcome {
                Attempt::Answered(connection, wants_body) => {
                    let node = Arc::clone(route.node);
                    return Ok(Answer { connection, node, wants_body, repeat });
                }
                Attempt::Misdirected { epoch, frozen } => {
                    self.stats.misdirected.fetch_add(1, Ordering::Relaxed);
                    let node = route.node.name.clone();
                    let sent = route.epoch;
                    drop(router);
                    // A frozen owner, or one that knows better, needs no second asking: only a
                    // newer record changes its mind.
                    let ask_again = !frozen && epoch.is_none_or(|epoch| epoch <= sent);
                    if !self.park(parking, position, sent, ask_again).await? {
                        return Err(SendError::Moving { node });
                    }
                }
                Attempt::Again(error) => {
                    tries += 1;
                    let is_unknown = matches!(error, SendError::Unknown { .. });
                    let is_keyed = repeat == Repeat::Keyed && is_unknown;
                    if is_keyed && doubt.is_none() {
                        *doubt = Some(Doubt { since: began, error: error.clone() });
                    }
                    let moved = self.has_moved(&router, position);
                    if tries > RESENDS_MAX && !moved {
                        return Err(error);
                    }
                    self.stats.resent.fetch_add(1, Ordering::Relaxed);
                    self.stats.resent_keyed.fetch_add(u64::from(is_keyed), Ordering::Relaxed);
                }
            }
        }
    }

    /// Waits until the map says something newer of `position` than epoch `sent`, or it is time to
    /// ask its owner again. Returns false when the request has waited for as long as it may.
    async fn park<'a>(
        &'a self,
        parking: &mut Parking<'a>,
        position: u64,
        sent: u64,
        ask_again: bool,
    ) -> Result<bool, SendError> {
        let now = Instant::now();
        let since = *parking.since.get_or_insert(now);
        if parking.place.is_none() {
            let place = self.map.park(self.limits.parked_max).ok_or(SendError::ParkedFull)?;
            parking.place = Some(place);
        }
        let deadline = since + self.limits.park_max;
        let wake = if ask_again {
            let backoff = parking.backoff.map_or(BACKOFF_FIRST, |last| last * 2).min(BACKOFF_MAX);
            parking.backoff = Some(backoff);
            deadline.min(now + backoff)
        } else {
            deadline
        };
        let mut seen = self.map.watch();
        self.map.mark_stale();
        loop {
            let current = self.map.current().ok_or(SendError::NoMap)?;
            if current.route(position).epoch != sent {
                return Ok(Instant::now() < deadline);
            }
            drop(current);
            if !self.map.newer(&mut seen, wake).await {
                return Ok(Instant::now() < deadline);
            }
        }
    }

    /// Whether the map gives `position` to somebody else than `before` did.
    fn has_moved(&self, before: &RouterHandle, position: u64) -> bool {
        let Some(now) = self.map.current() else { return false };
        let (before, now) = (before.route(position), now.route(position));
        before.epoch != now.epoch || !Arc::ptr_eq(before.node, now.node)
    }

    /// For how long the node keeps answers; it is asked once. Zero if it does not say so.
    async fn keeps_for(&self, node: &NodeRoute) -> Duration {
        if let Some(known) = self.keepers.keeps_for(node) {
            return known;
        }
        if node.down {
            return Duration::ZERO;
        }
        // A connection that its node has ended costs one more try.
        for _ in 0..2 {
            let question = self.question(node);
            if let Ok(Some((connection, keeps_for))) =
                timeout(self.limits.connect_max, question).await
            {
                self.keepers.note(node, keeps_for);
                self.recycle(node, connection).await;
                return keeps_for;
            }
        }
        // The request itself will tell what is wrong; it is only not sent twice.
        Duration::ZERO
    }

    async fn question(&self, node: &NodeRoute) -> Option<(NodeConnection, Duration)> {
        let mut connection = match self.pool.take(node, true) {
            Some(connection) => connection,
            None => self.connect(node).await.ok()?,
        };
        connection.write(QUESTION, &mut 0).await.ok()?;
        loop {
            connection.read_head(false, self.limits.head_bytes_max).await.ok()?;
            if !matches!(connection.head.status, 100..=199) {
                let keeps_for = Duration::from_millis(connection.head.dedup_ms.unwrap_or(0));
                return Some((connection, keeps_for));
            }
        }
    }

    /// Sends once.
    async fn attempt(
        &self,
        request: &Outgoing<'_>,
        repeat: Repeat,
        node: &NodeRoute,
        wire: &[u8],
    ) -> Result<Attempt, SendError> {
        if node.down {
            return Err(SendError::Down { node: node.name.clone() });
        }
        let mut connection = match self.pool.take(node, repeat == Repeat::Safe) {
            Some(connection) => connection,
            None => self.connect(node).await?,
        };
        let mut written = 0;
        let work = self.exchange(request, &mut connection, wire, &mut written);
        let outcome = timeout(self.limits.answer_max, work).await;
        let unknown = |reason: String, timed_out| {
            let node = node.name.clone();
            SendError::Unknown { node, reason, repeat, timed_out }
        };
        match outcome {
            Ok(Ok(wants_body)) if connection.head.status == MISDIRECTED => {
                debug_assert!(!wants_body, "421 is a final status");
                let (epoch, frozen) = (connection.head.epoch, connection.head.frozen);
                self.recycle(node, connection).await;
                Ok(Attempt::Misdirected { epoch, frozen })
            }
            Ok(Ok(wants_body)) => Ok(Attempt::Answered(connection, wants_body)),
            Ok(Err(ReadHeadError::Broken(error))) if written == 0 => {
                // The system took no byte: the node can't have seen the request.
                let (node, reason) = (node.name.clone(), error.to_string());
                Ok(Attempt::Again(SendError::Unreachable { node, reason }))
            }
            Ok(Err(ReadHeadError::Broken(error))) => {
                let error = unknown(error.to_string(), false);
                // A body that is not kept can't go out again.
                let is_whole = matches!(request.body, OutgoingBody::Kept(_));
                match repeat {
                    Repeat::Safe => Ok(Attempt::Again(error)),
                    Repeat::Keyed if is_whole => Ok(Attempt::Again(error)),
                    Repeat::Keyed | Repeat::Never => Err(error),
                }
            }
            Ok(Err(ReadHeadError::Bad(bad))) => {
                let (node, reason) = (node.name.clone(), bad.to_string());
                Err(SendError::BadAnswer { node, reason, repeat })
            }
            Err(_) => {
                let waited = self.limits.answer_max.as_millis();
                Err(unknown(format!("none within {waited} ms"), true))
            }
        }
    }

    async fn connect(&self, node: &NodeRoute) -> Result<NodeConnection, SendError> {
        let name = || node.name.clone();
        let Some(address) = &node.address else {
            return Err(SendError::NoAddress { node: name() });
        };
        let opening = async {
            match node.socket {
                Some(socket) => TcpStream::connect(socket).await,
                None => TcpStream::connect(address.as_str()).await,
            }
        };
        self.stats.connects.fetch_add(1, Ordering::Relaxed);
        let reason = match timeout(self.limits.connect_max, opening).await {
            Ok(opened) => match opened.and_then(NodeConnection::new) {
                Ok(connection) => return Ok(connection),
                Err(error) => error.to_string(),
            },
            Err(_) => {
                format!("no connection within {} ms", self.limits.connect_max.as_millis())
            }
        };
        Err(SendError::Unreachable { node: name(), reason })
    }

    /// Writes the request and reads the head of its answer; true is a 100 that was waited for.
    async fn exchange(
        &self,
        request: &Outgoing<'_>,
        connection: &mut NodeConnection,
        wire: &[u8],
        written: &mut usize,
    ) -> Result<bool, ReadHeadError> {
        if let Err(error) = connection.write(wire, written).await {
            if *written == 0 {
                return Err(ReadHeadError::Broken(error));
            }
            // It may have answered before it stopped reading.
            connection.head.keep_alive = false;
        }
        let waits = matches!(request.body, OutgoingBody::AfterContinue);
        loop {
            connection.read_head(request.is_head, self.limits.head_bytes_max).await?;
            match connection.head.status {
                100 if waits => return Ok(true),
                101 => {
                    let bad =
                        crate::http1::BadHead("it changes the protocol, which nobody asked for");
                    return Err(ReadHeadError::Bad(bad));
                }
                100..=199 => {}
                _ => {
                    if *written < wire.len() {
                        connection.head.keep_alive = false;
                    }
                    return Ok(false);
                }
            }
        }
    }

    /// Takes a refusal's body, so that the connection can be used again.
    async fn recycle(&self, node: &NodeRoute, mut connection: NodeConnection) {
        use crate::http1::{BodyReader, Framing, Step};
        use bytes::Buf as _;
        let framing = connection.head.framing;
        match framing {
            Framing::None | Framing::Chunked => {}
            Framing::Length(length) if length <= REFUSAL_BYTES_MAX => {}
            Framing::Length(_) | Framing::Close => return,
        }
        let mut reader = BodyReader::new(framing);
        let mut left = REFUSAL_BYTES_MAX;
        let taking = async {
            loop {
                match reader.step(&mut connection.input) {
                    Ok(Step::End) => return true,
                    Ok(Step::Data(length)) => {
                        connection.input.advance(length);
                        let Some(less) =
                            u64::try_from(length).ok().and_then(|n| left.checked_sub(n))
                        else {
                            return false;
                        };
                        left = less;
                    }
                    Ok(Step::More) => match connection.fill(READ_BYTES).await {
                        Ok(0) | Err(_) => return false,
                        Ok(_) => {}
                    },
                    Err(_) => return false,
                }
            }
        };
        if timeout(Duration::from_millis(100), taking).await == Ok(true) {
            self.pool.put(node, connection);
        }
    }
}

/// A request with an `Idempotency-Key` that may have been executed.
struct Doubt {
    since: Instant,
    /// Why its outcome is unknown.
    error: SendError,
}

/// What a waiting request holds.
#[derive(Default)]
struct Parking<'a> {
    since: Option<Instant>,
    place: Option<Parked<'a>>,
    backoff: Option<Duration>,
}

/// Puts the request's bytes together, as far as they go out at once.
fn compose(request: &Outgoing<'_>, route: &Route<'_>, wire: &mut Vec<u8>) {
    wire.clear();
    wire.extend_from_slice(request.head);
    // Writing to a `Vec` cannot fail.
    let _ = write!(
        wire,
        "Ringway-Position: {}\r\nRingway-Epoch: {}\r\n\r\n",
        route.position, route.epoch
    );
    if let OutgoingBody::Kept(body) = request.body {
        wire.extend_from_slice(body);
    }
}
