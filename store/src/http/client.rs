//! The node's end.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ringway_cluster::{
    CommitError, Incarnation, RecordKey, Revision, SegmentRecord, StoreError, StoredSegment,
};
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};

use super::{
    POLL_SECONDS_MAX,
    wire::{Changed, Failure, REPLACE_PATH, Replace, Replaced, SEGMENTS_PATH, Segments},
};

/// At most this many calls are under way; others wait, within their time.
const CALLS_MAX: usize = 16;
/// At most this many connections are kept for later calls.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// The store as a node reaches it: the proxy's `node_listen`.
///
/// Clones are cheap and share the connections. Calls may be made from any tokio runtime with
/// sockets and timers.
#[derive(Clone)]
pub struct NodeStore {
    inner: Arc<Inner>,
}

/// Limits of a [`NodeStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStoreOptions {
    /// A call ends after this time, connecting included: 5 s. A waiting call has 25 s more.
    pub call_time_max: Duration,
    /// At most this many bytes in an answer: 256 MiB, which is about a million segments.
    pub answer_bytes_max: usize,
}

impl Default for NodeStoreOptions {
    fn default() -> Self {
        Self { call_time_max: Duration::from_secs(5), answer_bytes_max: 256 << 20 }
    }
}

/// What changed since an earlier revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentChanges {
    /// The revision that these changes lead to.
    pub revision: Revision,
    /// Whether `changed` holds every segment, so that all others are gone.
    pub whole: bool,
    /// The ids of the segments that changed, and the segments as they are now; `None` is gone.
    pub changed: Vec<(u64, Option<StoredSegment>)>,
}

struct Inner {
    /// `host:port`.
    address: String,
    host: HeaderValue,
    authorization: HeaderValue,
    options: NodeStoreOptions,
    calls: Semaphore,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// A call without a usable answer.
struct Failed {
    /// Whether the request may have reached the store.
    sent: bool,
    reason: String,
}

impl NodeStore {
    /// The store at `address` (`host:port`), which knows `token`. Connects at the first call.
    ///
    /// # Errors
    /// [`StoreError`] if address or token hold bytes that no HTTP header may.
    pub fn new(address: &str, token: &str, options: NodeStoreOptions) -> Result<Self, StoreError> {
        let bad = |what| StoreError(format!("{what} holds a byte that no HTTP header may"));
        let host = HeaderValue::from_str(address).map_err(|_| bad("its address"))?;
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| bad("the node token"))?;
        authorization.set_sensitive(true);
        let inner = Inner {
            address: address.into(),
            host,
            authorization,
            options,
            calls: Semaphore::new(CALLS_MAX),
            idle: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The segment that holds `position`, and the store's revision; linearizable.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or does not answer as it should.
    pub async fn segment_at(
        &self,
        position: u64,
    ) -> Result<(Revision, Option<StoredSegment>), StoreError> {
        let (revision, mut segments) = self.read(&format!("?position={position}")).await?;
        match segments.len() {
            0 | 1 => Ok((revision, segments.pop())),
            count => Err(StoreError(format!("{count} segments hold position {position}"))),
        }
    }

    /// The segments that overlap `[lo, hi]`, in order of position, and the store's revision;
    /// linearizable.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or does not answer as it should.
    pub async fn segments(
        &self,
        lo: u64,
        hi: u64,
    ) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        self.read(&format!("?lo={lo}&hi={hi}")).await
    }

    /// All segments in order of position, and the store's revision; linearizable.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or does not answer as it should.
    pub async fn all(&self) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        self.read("").await
    }

    /// The segments that changed after revision `after`; waits up to 25 s for a first change, and
    /// may return with none.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be reached or does not answer as it should.
    pub async fn changes(&self, after: Revision) -> Result<SegmentChanges, StoreError> {
        let time_max = self.inner.options.call_time_max + Duration::from_secs(POLL_SECONDS_MAX);
        let target = format!("{SEGMENTS_PATH}?after={after}");
        let answer = self.inner.call(Method::GET, &target, Bytes::new(), time_max).await;
        let Changed { revision, whole, changed } = parse(ok(answer)?).map_err(StoreError)?;
        if revision < after {
            return Err(StoreError(format!("it answers revision {revision}, below {after}")));
        }
        let changed = changed.into_iter().map(|change| {
            let id = change.id;
            let segment = change.revision.zip(change.record);
            (id, segment.map(|(revision, record)| StoredSegment { id, revision, record }))
        });
        Ok(SegmentChanges { revision, whole, changed: changed.collect() })
    }

    /// Puts `new` in the place of `old` if that is unchanged, on behalf of `node`.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if the segment has changed; [`CommitError::Refused`] if a node may
    /// not make this change or the token is wrong; [`CommitError::Unavailable`] if the store was
    /// not reached; [`CommitError::Unknown`] if the answer was lost.
    ///
    /// # Panics
    /// Never: a change holds only texts and numbers, which JSON can hold.
    pub async fn replace(
        &self,
        old: &StoredSegment,
        new: SegmentRecord,
        node: &str,
        incarnation: Incarnation,
    ) -> Result<Revision, CommitError> {
        let (id, revision) = (old.id, old.revision);
        let replace = Replace { node: node.into(), incarnation, id, revision, record: new };
        let body = serde_json::to_vec(&replace).expect("texts and numbers, which JSON can hold");
        let time_max = self.inner.options.call_time_max;
        let answer = self.inner.call(Method::POST, REPLACE_PATH, body.into(), time_max).await;
        let (status, body) = answer.map_err(|failed| match failed.sent {
            true => CommitError::Unknown(failed.reason),
            false => CommitError::Unavailable(failed.reason),
        })?;
        match status {
            StatusCode::OK => {
                parse(body).map(|Replaced { revision }| revision).map_err(CommitError::Unknown)
            }
            StatusCode::CONFLICT => Err(CommitError::Conflict(RecordKey::Segment(id))),
            StatusCode::SERVICE_UNAVAILABLE => {
                Err(CommitError::Unavailable(failure(status, &body)))
            }
            status if status.is_client_error() => Err(CommitError::Refused(failure(status, &body))),
            status => Err(CommitError::Unknown(failure(status, &body))),
        }
    }

    async fn read(&self, query: &str) -> Result<(Revision, Vec<StoredSegment>), StoreError> {
        let time_max = self.inner.options.call_time_max;
        let target = format!("{SEGMENTS_PATH}{query}");
        let answer = self.inner.call(Method::GET, &target, Bytes::new(), time_max).await;
        let Segments { revision, segments } = parse(ok(answer)?).map_err(StoreError)?;
        Ok((revision, segments.into_iter().map(StoredSegment::from).collect()))
    }
}

impl fmt::Debug for NodeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeStore").field("address", &self.inner.address).finish_non_exhaustive()
    }
}

impl Inner {
    async fn call(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
        time_max: Duration,
    ) -> Result<(StatusCode, Bytes), Failed> {
        // Whatever is cut short by the time may have been sent, unless it never left the queue.
        let mut sent = false;
        match timeout(time_max, self.exchange(method, target, body, &mut sent)).await {
            Ok(result) => result,
            Err(_) => {
                let reason =
                    format!("{} did not answer within {} ms", self.address, time_max.as_millis());
                Err(Failed { sent, reason })
            }
        }
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
        sent: &mut bool,
    ) -> Result<(StatusCode, Bytes), Failed> {
        let fail = |sent, reason: &dyn fmt::Display| Failed {
            sent,
            reason: format!("{}: {reason}", self.address),
        };
        let _permit = self.calls.acquire().await.map_err(|error| fail(false, &error))?;
        let may_repeat = method == Method::GET;
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() =
            target.parse().map_err(|error: http::uri::InvalidUri| fail(false, &error))?;
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        if method == Method::POST {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        *request.method_mut() = method;
        loop {
            let (mut connection, reused) = match self.idle_connection().await {
                Some(connection) => (connection, true),
                None => (self.connect().await.map_err(|reason| fail(false, &reason))?, false),
            };
            let again = (reused && may_repeat).then(|| request.clone());
            *sent = true;
            match connection.try_send_request(request).await {
                Ok(response) => {
                    let status = response.status();
                    let limited = Limited::new(response.into_body(), self.options.answer_bytes_max);
                    let body = limited.collect().await.map_err(|error| fail(true, &error))?;
                    self.keep(connection);
                    return Ok((status, body.to_bytes()));
                }
                Err(mut error) => {
                    // A connection that was kept may have been closed meanwhile: what never left,
                    // or only reads, goes out again.
                    let unsent = error.take_message();
                    *sent = unsent.is_none();
                    request = match unsent.or(again) {
                        Some(request) if reused => request,
                        _ => return Err(fail(*sent, error.error())),
                    };
                }
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // It ends when both the sender and the answer's body are gone, or the peer closes. Its
        // errors reach the call that uses it.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn idle_connection(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = kept?;
            // It may have been closed meanwhile.
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX && !connection.is_closed() {
            idle.push(connection);
        }
    }
}

fn ok(answer: Result<(StatusCode, Bytes), Failed>) -> Result<Bytes, StoreError> {
    match answer {
        Ok((StatusCode::OK, body)) => Ok(body),
        Ok((status, body)) => Err(StoreError(failure(status, &body))),
        Err(failed) => Err(StoreError(failed.reason)),
    }
}

fn failure(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(Failure { error }) => format!("{status}: {error}"),
        Err(_) => status.to_string(),
    }
}

fn parse<T: DeserializeOwned>(body: Bytes) -> Result<T, String> {
    serde_json::from_slice(&body).map_err(|error| format!("its answer can't be read: {error}"))
}
