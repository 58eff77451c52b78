//! The proxy's end.

use std::{fmt, hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use ringway_cluster::{CommitError, MapStore, Record, RecordKey, Revision, StoreError, node_may};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    POLL_SECONDS_MAX,
    wire::{
        Change, Changed, Failure, REPLACE_PATH, Replace, Replaced, SEGMENTS_PATH, Segment, Segments,
    },
};

/// At most this many bytes in the body of a change: names of nodes are most of it.
const REPLACE_BYTES_MAX: usize = 64 << 10;
/// A body has to arrive within this time.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Answers `/store/*` for nodes, over any store.
///
/// Clones are cheap. It may be run by any server on any runtime that has a timer.
#[derive(Clone)]
pub struct NodeStoreService<S> {
    store: S,
    token: Arc<[u8]>,
    poll_time_max: Duration,
}

impl<S: MapStore> NodeStoreService<S> {
    /// Answers those who know `token`, from `store`.
    ///
    /// An empty token is known to nobody: each request is refused.
    #[must_use]
    pub fn new(store: S, token: &str) -> Self {
        let poll_time_max = Duration::from_secs(POLL_SECONDS_MAX);
        Self { store, token: token.as_bytes().into(), poll_time_max }
    }

    /// The same, but who waits for a change is answered after `poll_time_max` at the latest.
    #[must_use]
    pub fn with_poll_time_max(self, poll_time_max: Duration) -> Self {
        Self { poll_time_max, ..self }
    }

    /// The answer to `request`, whose body is read here.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        self.try_answer(request).await.unwrap_or_else(Refused::response)
    }

    async fn try_answer<B>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, Refused>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        self.check_token(&head)?;
        match head.uri.path() {
            SEGMENTS_PATH if head.method == Method::GET => {
                match Query::parse(head.uri.query().unwrap_or_default())? {
                    Query::Overlap(lo, hi) => {
                        let (revision, segments) = self.store.segments(lo, hi).await?;
                        let segments = segments.into_iter().map(Segment::from).collect();
                        Ok(json(StatusCode::OK, &Segments { revision, segments }))
                    }
                    Query::After(after) => Ok(json(StatusCode::OK, &self.changes(after).await?)),
                }
            }
            REPLACE_PATH if head.method == Method::POST => {
                if head.uri.query().is_some() {
                    return Err(Refused::bad("the call takes no query"));
                }
                let body = read_body(body).await?;
                let replace = serde_json::from_slice(&body)
                    .map_err(|error| Refused::bad(&format!("the body is no change: {error}")))?;
                let revision = self.replace(replace).await?;
                Ok(json(StatusCode::OK, &Replaced { revision }))
            }
            SEGMENTS_PATH => Err(Refused::method("GET")),
            REPLACE_PATH => Err(Refused::method("POST")),
            path => {
                let text = format!("there is no {path}; nodes use {SEGMENTS_PATH}, {REPLACE_PATH}");
                Err(Refused::new(StatusCode::NOT_FOUND, text))
            }
        }
    }

    fn check_token(&self, head: &Parts) -> Result<(), Refused> {
        let mut given = head.headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (Some(value), None) => value.as_bytes().split_at_checked(7),
            _ => None,
        };
        let known = token.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"bearer ") && same_bytes(token, &self.token)
        });
        if known && !self.token.is_empty() {
            return Ok(());
        }
        let text = "the node token is missing or wrong; send Authorization: Bearer TOKEN";
        Err(Refused::new(StatusCode::UNAUTHORIZED, text.into()))
    }

    async fn changes(&self, after: Revision) -> Result<Changed, Refused> {
        let Ok(changes) = timeout(self.poll_time_max, self.store.changes(after)).await else {
            return Ok(Changed { revision: after, whole: false, changed: vec![] });
        };
        let changes = changes?;
        let segments = changes.changed.into_iter().filter_map(|(key, now)| match (key, now) {
            (RecordKey::Segment(id), Some((revision, Record::Segment(record)))) => {
                Some(Change { id, revision: Some(revision), record: Some(record) })
            }
            (RecordKey::Segment(id), None) => Some(Change { id, revision: None, record: None }),
            _ => None,
        });
        let changed = segments.collect();
        Ok(Changed { revision: changes.revision, whole: changes.whole, changed })
    }

    async fn replace(&self, replace: Replace) -> Result<Revision, Refused> {
        let Replace { node, incarnation, id, revision, record } = replace;
        if record.lo > record.hi {
            return Err(Refused::bad("the record's lo is above its hi"));
        }
        // A node changes neither end, so the segment is among those that overlap or has changed.
        let (_, segments) = self.store.segments(record.lo, record.hi).await?;
        let old = segments.into_iter().find(|old| old.id == id && old.revision == revision);
        let old = old.ok_or(CommitError::Conflict(RecordKey::Segment(id)))?;
        node_may(&node, incarnation, &old.record, &record)
            .map_err(|reason| Refused::new(StatusCode::FORBIDDEN, reason))?;
        Ok(self.store.commit(old.replace(record)).await?)
    }
}

impl<S> fmt::Debug for NodeStoreService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeStoreService").finish_non_exhaustive()
    }
}

/// What is asked for.
enum Query {
    /// Segments that overlap these positions.
    Overlap(u64, u64),
    /// What changed after this revision.
    After(Revision),
}

impl Query {
    fn parse(query: &str) -> Result<Self, Refused> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|_| !query.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            match text.parse::<u64>() {
                Ok(number) if number.to_string() == text => pairs.push((name, number)),
                _ => return Err(Refused::bad(&format!("{name}={text} is no decimal number"))),
            }
        }
        match pairs[..] {
            [] => Ok(Self::Overlap(0, u64::MAX)),
            [("position", position)] => Ok(Self::Overlap(position, position)),
            [("after", revision)] => Ok(Self::After(revision)),
            [("lo", lo), ("hi", hi)] | [("hi", hi), ("lo", lo)] if lo <= hi => {
                Ok(Self::Overlap(lo, hi))
            }
            _ => {
                Err(Refused::bad("give nothing, or position, or lo and hi with lo <= hi, or after"))
            }
        }
    }
}

async fn read_body<B>(body: B) -> Result<Bytes, Refused>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let limited = Box::pin(Limited::new(body, REPLACE_BYTES_MAX)).collect();
    match timeout(BODY_TIME_MAX, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let text = format!("the body has more than {REPLACE_BYTES_MAX} bytes");
            Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Ok(Err(error)) => Err(Refused::bad(&format!("the body can't be read: {error}"))),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", BODY_TIME_MAX.as_secs());
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

/// Compares in a time that depends on the lengths alone.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && black_box(differences) == 0
}

/// Any answer but 200.
struct Refused {
    status: StatusCode,
    text: String,
    allow: Option<&'static str>,
}

impl Refused {
    const fn new(status: StatusCode, text: String) -> Self {
        Self { status, text, allow: None }
    }

    fn bad(text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text.into())
    }

    fn method(allow: &'static str) -> Self {
        let text = format!("the method has to be {allow}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, text) }
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, &Failure { error: self.text });
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.0)
    }
}

impl From<CommitError> for Refused {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            CommitError::Refused(reason) => Self::new(StatusCode::FORBIDDEN, reason),
            CommitError::Unavailable(reason) => Self::new(StatusCode::SERVICE_UNAVAILABLE, reason),
            CommitError::Unknown(reason) => Self::new(StatusCode::GATEWAY_TIMEOUT, reason),
        }
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let text = serde_json::to_vec(value).expect("texts and numbers, which JSON can hold");
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
