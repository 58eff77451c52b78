//! The operators' API: JSON over its own listener, with its own token.
//!
//! | call | does |
//! |---|---|
//! | `GET /nodes` | each node with weight, zone, state, addresses, share now and in the target |
//! | `POST /nodes` | adds one: `{"name", "address", "control"?, "weight"?, "zone"?}` |
//! | `PATCH /nodes/NAME` | changes `weight`, `zone` (null: none), `state`, `address`, `control` |
//! | `DELETE /nodes/NAME` | removes it: its keys move away first |
//! | `POST /nodes/NAME/drain` | its keys move away, it stays known |
//! | one of these four, or `POST /apply`, with `?dry_run=true` | answers as `POST /plan`, and changes nothing |
//! | `POST /nodes/NAME/forget` | `{"accept_loss": true}`: what it owned is lost and begins empty |
//! | `POST /plan` | what a cluster file (TOML) would move; changes nothing |
//! | `POST /apply` | makes a cluster file (TOML) the target |
//! | `GET /cluster` | the target as a cluster file, and its fingerprint; with `?format=toml` the bare file, and the header `Ringway-Fingerprint` |
//! | `GET /route?key=` or `key_hex=` | who owns a key, under which epoch, where it moves |
//! | `GET /ring?parts=` | the key space in equal parts: who owns most of each, where it moves |
//! | `GET /moves` | moves under way, what is left, totals, pauses |
//! | `POST /moves/pause`, `/moves/resume` | begins no further move; goes on |
//! | `POST /moves/abort` | pauses, and takes moves back that are not yet committed |
//! | `GET /status` | the state of the proxy in one look |
//! | `GET /` | the status page; without token: its script asks for it |
//! | `GET /metrics`, `/healthz`, `/readyz` | for Prometheus and supervisors; without token |
//!
//! `POST /nodes`, `PATCH`, `DELETE`, `drain` and `apply` take `?accept_loss=true`: then keys of nodes
//! that can't hand them over are given up; without it such a change is 409 `level`.
//!
//! A change that is refused is 4xx with `{"error", "message"}`, and nothing was changed.

mod change;
mod levels;
mod metrics;
mod moves;
mod page;
mod ring;
mod view;

use std::{hint::black_box, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use ringway_client::MapFeed;
use ringway_cluster::{
    ClusterFile, CommitError, ConfigRecord, FileError, MapStore as _, Record, RecordKey, Snapshot,
    StoreError,
};
use ringway_store::EmbeddedStore;
use serde_json::{Value, json};

use self::change::How;
use crate::{
    control::ControlClient,
    coordinator::{CoordinatorLimits, Progress},
    data::{Shared, Worker},
};

/// At most this many bytes in a request: cluster files are the largest.
const BODY_BYTES_MAX: usize = 16 << 20;
const BODY_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// What the API looks at and works on.
pub(crate) struct Admin {
    pub(crate) store: EmbeddedStore,
    pub(crate) token: String,
    pub(crate) feed: MapFeed,
    pub(crate) workers: Vec<Arc<Worker>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<ControlClient>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) limits: CoordinatorLimits,
    /// How the cluster file differed from the store at the start.
    pub(crate) difference: Option<String>,
    pub(crate) started: Instant,
}

/// A refusal: nothing was changed.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// The newest configuration of a store.
pub(crate) struct Stored {
    pub(crate) number: u64,
    pub(crate) record: ConfigRecord,
    pub(crate) cluster: ClusterFile,
}

/// Answers one request.
pub(crate) async fn answer(admin: Arc<Admin>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    match admin.route(request).await {
        Ok(response) => response,
        Err(refused) => refused.response(),
    }
}

impl Admin {
    async fn route(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refused> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let get = head.method == Method::GET || head.method == Method::HEAD;
        match path {
            "/" if get => return Ok(page::page()),
            "/healthz" if get => return Ok(text("text/plain", "ok\n".into())),
            "/readyz" if get => return self.ready(),
            "/metrics" if get => {
                return Ok(text("text/plain; version=0.0.4", self.metrics_text()));
            }
            _ => {}
        }
        self.check_token(head.headers.get_all(header::AUTHORIZATION).iter())?;
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let body = if head.method == Method::POST || head.method == Method::PATCH {
            read_body(body).await?
        } else {
            Bytes::new()
        };
        let query = head.uri.query().unwrap_or_default();
        let how = match head.method {
            Method::GET => How::default(),
            _ => How::from_query(query)?,
        };
        let value = match (&head.method, &segments[..]) {
            (&Method::GET, ["nodes"]) => self.nodes().await?,
            (&Method::POST, ["nodes"]) => self.add(&body, how).await?,
            (&Method::PATCH, ["nodes", name]) => self.change(&decode(name)?, &body, how).await?,
            (&Method::DELETE, ["nodes", name]) => self.remove(&decode(name)?, how).await?,
            (&Method::POST, ["nodes", name, "drain"]) => self.drain(&decode(name)?, how).await?,
            (&Method::POST, ["nodes", name, "forget"]) => {
                self.forget(&decode(name)?, &body).await?
            }
            (&Method::POST, ["plan"]) => self.plan(&body).await?,
            (&Method::POST, ["apply"]) => self.apply(&body, how).await?,
            (&Method::GET, ["cluster"]) if query == "format=toml" => {
                let stored = newest_config(&self.store.read().await?)?;
                let fingerprint = view::fingerprint(&stored.cluster.table()?);
                let mut answer = text("application/toml", stored.cluster.to_shown_toml());
                let value = HeaderValue::from_str(&fingerprint).expect("hexadecimal digits");
                answer.headers_mut().insert("ringway-fingerprint", value);
                return Ok(answer);
            }
            (&Method::GET, ["cluster"]) => self.cluster().await?,
            (&Method::GET, ["route"]) => self.route_of(query).await?,
            (&Method::GET, ["ring"]) => self.ring(query).await?,
            (&Method::GET, ["moves"]) => self.moves().await?,
            (&Method::POST, ["moves", "pause"]) => self.pause(&body).await?,
            (&Method::POST, ["moves", "resume"]) => self.resume().await?,
            (&Method::POST, ["moves", "abort"]) => self.abort().await?,
            (&Method::GET, ["status"]) => self.status().await?,
            (
                _,
                [
                    "nodes" | "plan" | "apply" | "cluster" | "route" | "ring" | "moves" | "status",
                    ..,
                ],
            ) => {
                let message = format!("{} {path} is no call of this API", head.method);
                return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "no-call", message));
            }
            _ => {
                let message = format!("there is no {path}");
                return Err(Refused::new(StatusCode::NOT_FOUND, "no-call", message));
            }
        };
        Ok(json_answer(StatusCode::OK, &value))
    }

    fn check_token<'h>(
        &self,
        mut given: impl Iterator<Item = &'h HeaderValue>,
    ) -> Result<(), Refused> {
        let known = match (given.next(), given.next()) {
            (Some(value), None) => {
                value.as_bytes().split_at_checked(7).is_some_and(|(scheme, token)| {
                    scheme.eq_ignore_ascii_case(b"bearer ")
                        && same_bytes(token, self.token.as_bytes())
                })
            }
            _ => false,
        };
        if known {
            return Ok(());
        }
        let message = "this call needs the header: Authorization: Bearer TOKEN, with the token of \
                       proxy.admin_token_file";
        Err(Refused::new(StatusCode::UNAUTHORIZED, "token", message))
    }

    fn ready(&self) -> Result<Response<Full<Bytes>>, Refused> {
        match self.feed.fault() {
            None => Ok(text("text/plain", "ready\n".into())),
            Some(fault) => Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "store", fault)),
        }
    }
}

/// The newest configuration.
///
/// # Errors
/// As a refusal, if there is none or it can't be read.
fn newest(snapshot: &Snapshot) -> Result<Stored, String> {
    let configs = snapshot.records.range(RecordKey::Config(0)..=RecordKey::Config(u64::MAX));
    let newest = configs.rev().find_map(|(key, (_, record))| match (key, record) {
        (RecordKey::Config(number), Record::Config(record)) => Some((*number, record.clone())),
        _ => None,
    });
    let (number, record) = newest.ok_or("the store holds no configuration")?;
    let cluster = ClusterFile::parse(&record.toml, &format!("cfg/{number}"))
        .map_err(|error| error.to_string())?;
    Ok(Stored { number, record, cluster })
}

/// As a text that says what is wrong with the store.
pub(crate) fn newest_config(snapshot: &Snapshot) -> Result<Stored, StoreError> {
    newest(snapshot).map_err(StoreError)
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    fn response(self) -> Response<Full<Bytes>> {
        let value = json!({ "error": self.code, "message": self.message });
        let mut response = json_answer(self.status, &value);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string())
    }
}

impl From<CommitError> for Refused {
    fn from(error: CommitError) -> Self {
        match &error {
            CommitError::Conflict(_) => {
                Self::conflict("conflict", format!("{error}; look again and repeat"))
            }
            CommitError::Refused(_) => Self::conflict("refused", error.to_string()),
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string()),
        }
    }
}

impl From<FileError> for Refused {
    fn from(error: FileError) -> Self {
        Self::bad(error.name(), error.to_string())
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Refused> {
    let reading = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME_MAX, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the body has more than {BODY_BYTES_MAX} bytes");
            Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message))
        }
        Ok(Err(error)) => Err(Refused::bad("body", format!("the body can't be read: {error}"))),
        Err(_) => {
            let message = "the body did not come in time";
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "body", message))
        }
    }
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = text("application/json", format!("{value}\n"));
    *response.status_mut() = status;
    response
}

fn text(kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Reads a name out of a path.
fn decode(segment: &str) -> Result<String, Refused> {
    let bad = || Refused::bad("name", format!("{segment:?} is no percent-encoded name"));
    String::from_utf8(percent_decode(segment, false).ok_or_else(bad)?).map_err(|_| bad())
}

fn percent_decode(text: &str, plus_is_space: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    Some(out)
}

/// Compares in a time that does not depend on where the bytes differ.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let differ = left.iter().zip(right).fold(0, |differ, (a, b)| black_box(differ | (a ^ b)));
    left.len() == right.len() && differ == 0
}
