//! Control calls to nodes: one HTTP exchange each (spec/NODE.md §3).

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ringway_cluster::{Cursor, Fence, Incarnation, Summary, Verb};
use serde::Deserialize;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// Connections kept open to one node.
const IDLE_MAX: usize = 8;

/// Makes control calls, and keeps connections open for the next ones.
pub struct ControlClient {
    authorization: String,
    /// A call without an answer after so long counts as unreachable.
    deadline: Duration,
    answer_bytes_max: usize,
    idle: Mutex<HashMap<String, Vec<SendRequest<Full<Bytes>>>>>,
}

/// Why a control call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// The node saw a later epoch or attempt.
    Overtaken,
    /// The node refused; nothing was done.
    Refused(String),
    /// No answer, or one that says that the node can't: it may or may not have been done.
    Unreachable(String),
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overtaken => f.write_str("the node saw a later epoch or attempt"),
            Self::Refused(reason) => write!(f, "the node refused: {reason}"),
            Self::Unreachable(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for CallFailure {}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Its data directory's incarnation.
    pub incarnation: Incarnation,
    /// The level of the node contract that it has; a node that does not say has all of it.
    #[serde(default = "whole_contract")]
    pub level: u8,
    /// What it knows of the positions asked about, or of all.
    pub ranges: Vec<NodeRange>,
    /// Where the range asked about should be cut so that no part is too large.
    #[serde(default)]
    pub cuts: Vec<u64>,
}

const fn whole_contract() -> u8 {
    3
}

/// What a node says of a run of positions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeRange {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The epoch there.
    pub epoch: u64,
    /// `foreign`, `staging`, `sealed`, `owned` or `frozen`.
    pub standing: String,
    /// How many rows, if they were counted.
    pub rows: Option<u64>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    message: String,
}

impl fmt::Debug for ControlClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token.
        f.debug_struct("ControlClient").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl ControlClient {
    /// A client with the nodes' token.
    ///
    /// `answer_bytes_max` bounds one page of rows: a row is never cut, so it is at least the
    /// largest body that nodes take, and a head.
    #[must_use]
    pub fn new(token: &str, deadline: Duration, answer_bytes_max: usize) -> Self {
        Self {
            authorization: format!("Bearer {token}"),
            deadline,
            answer_bytes_max,
            idle: Mutex::default(),
        }
    }

    /// Asks a node what it is and has.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn status(&self, control: &str) -> Result<NodeStatus, CallFailure> {
        self.read_json(control, "/v1/status").await
    }

    /// Asks a node for a range's standing, and where to cut it so that no part holds more than
    /// so many rows or bytes.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn measure(
        &self,
        control: &str,
        (lo, hi): (u64, u64),
        rows_max: u64,
        bytes_max: u64,
    ) -> Result<NodeStatus, CallFailure> {
        let path = format!("/v1/status?lo={lo}&hi={hi}&rows_max={rows_max}&bytes_max={bytes_max}");
        self.read_json(control, &path).await
    }

    /// Makes a call that answers nothing but success. Digest and freeze are [`sum`](Self::sum).
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn call(&self, control: &str, verb: Verb, fence: &Fence) -> Result<(), CallFailure> {
        let path = format!("/v1/{}?{}", verb_name(verb), query(fence));
        self.exchange(control, Method::POST, &path, Bytes::new()).await.map(drop)
    }

    /// Makes a call that sums the range up: freeze or digest.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn sum(
        &self,
        control: &str,
        verb: Verb,
        fence: &Fence,
    ) -> Result<Summary, CallFailure> {
        let path = format!("/v1/{}?{}", verb_name(verb), query(fence));
        let answer = self.exchange(control, Method::POST, &path, Bytes::new()).await?;
        parse(&answer)
    }

    /// A page of rows above the cursor, as frames.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn export(
        &self,
        control: &str,
        fence: &Fence,
        after: Option<&Cursor>,
        bytes_max: u64,
    ) -> Result<Bytes, CallFailure> {
        let mut path = format!("/v1/export?{}&bytes_max={bytes_max}", query(fence));
        if let Some((position, key)) = after {
            path.push_str(&format!("&after_position={position}&after_key="));
            key.iter().for_each(|byte| path.push_str(&format!("{byte:02x}")));
        }
        self.exchange(control, Method::GET, &path, Bytes::new()).await
    }

    /// What was written after a sequence number, as frames.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn delta(
        &self,
        control: &str,
        fence: &Fence,
        since: u64,
        bytes_max: u64,
    ) -> Result<Bytes, CallFailure> {
        let path = format!("/v1/delta?{}&since={since}&bytes_max={bytes_max}", query(fence));
        self.exchange(control, Method::GET, &path, Bytes::new()).await
    }

    /// Gives a node rows for its stage, as frames.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn import(
        &self,
        control: &str,
        fence: &Fence,
        frames: Bytes,
    ) -> Result<(), CallFailure> {
        let path = format!("/v1/import?{}", query(fence));
        self.exchange(control, Method::POST, &path, frames).await.map(drop)
    }

    async fn read_json<T: for<'de> Deserialize<'de>>(
        &self,
        control: &str,
        path: &str,
    ) -> Result<T, CallFailure> {
        parse(&self.exchange(control, Method::GET, path, Bytes::new()).await?)
    }

    /// One exchange. Every call may be repeated, so a kept connection that turns out to be closed
    /// is followed by a new one.
    async fn exchange(
        &self,
        control: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, CallFailure> {
        let deadline = Instant::now() + self.deadline;
        while let Some(kept) = self.take(control) {
            let request = self.request(control, &method, path, body.clone())?;
            match self.exchange_on(kept, control, request, deadline).await {
                Err(CallFailure::Unreachable(_)) if Instant::now() < deadline => {}
                answer => return answer,
            }
        }
        let request = self.request(control, &method, path, body)?;
        let connecting = async {
            let stream = TcpStream::connect(control).await?;
            stream.set_nodelay(true)?;
            handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)
        };
        let connected = timeout_at(deadline, connecting).await;
        let (sender, connection) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return Err(unreachable(control, &error)),
            Err(_) => return Err(unreachable(control, &"no connection in time")),
        };
        tokio::spawn(connection);
        self.exchange_on(sender, control, request, deadline).await
    }

    fn request(
        &self,
        control: &str,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, control)
            .header(header::AUTHORIZATION, &self.authorization)
            .body(Full::new(body))
            .map_err(|error| CallFailure::Refused(format!("not a request: {error}")))
    }

    async fn exchange_on(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        control: &str,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Bytes, CallFailure> {
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), self.answer_bytes_max).collect().await;
            Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        let (status, body) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err::<_, String>(error)) => return Err(unreachable(control, &error)),
            Err(_) => return Err(unreachable(control, &"no answer in time")),
        };
        self.keep(control, sender);
        if status == StatusCode::OK {
            return Ok(body);
        }
        let said = serde_json::from_slice::<Refused>(&body).ok();
        let message = said.as_ref().map_or_else(|| status.to_string(), |said| said.message.clone());
        Err(match said {
            Some(said) if status == StatusCode::CONFLICT && said.error == "stale" => {
                CallFailure::Overtaken
            }
            _ if status.is_server_error() => unreachable(control, &message),
            _ => CallFailure::Refused(format!("{control}: {message}")),
        })
    }

    fn take(&self, control: &str) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(control)?;
        while let Some(sender) = kept.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn keep(&self, control: &str, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(control.into()).or_default();
        if kept.len() < IDLE_MAX && !sender.is_closed() {
            kept.push(sender);
        }
    }
}

fn unreachable(control: &str, reason: &dyn fmt::Display) -> CallFailure {
    CallFailure::Unreachable(format!("{control}: {reason}"))
}

fn parse<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, CallFailure> {
    serde_json::from_slice(json)
        .map_err(|error| CallFailure::Refused(format!("the node's answer can't be read: {error}")))
}

fn query(fence: &Fence) -> String {
    let Fence { lo, hi, epoch, attempt, incarnation } = fence;
    format!("lo={lo}&hi={hi}&epoch={epoch}&attempt={attempt}&incarnation={incarnation}")
}

const fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Stage => "stage",
        Verb::Freeze => "freeze",
        Verb::Digest => "digest",
        Verb::Activate => "activate",
        Verb::Unfreeze => "unfreeze",
        Verb::Wipe => "wipe",
        Verb::Drop => "drop",
        Verb::Inspect => "status",
    }
}
