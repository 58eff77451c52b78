//! A running node.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ringway::Layout;
use ringway_cluster::Incarnation;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    clock::Clock,
    http::{data::Data, serve},
    map::MapReader,
    rows::{Failure, RowStore},
    shard::Shard,
};

/// Requests under way have so long to end when the node stops.
pub(crate) const STOP_MS_MAX: u64 = 5_000;

/// Takes a line for the operator.
pub type Reporter = Arc<dyn Fn(&str) + Send + Sync>;

/// What can be chosen about a node; the default is meant for use.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Bytes of a value: 64 MiB; at most 512 MiB.
    pub body_bytes_max: usize,
    /// Bytes that all bodies being received may take together: 512 MiB.
    pub bodies_bytes_max: usize,
    /// Connections of the data listener: 4,096.
    pub connections_max: usize,
    /// Threads that read rows: 4.
    pub readers: usize,
    /// After so many milliseconds frozen the node aborts the move itself: 10,000.
    pub frozen_ms_max: u64,
    /// The answer to a request with an `Idempotency-Key` is kept for so many milliseconds: a day.
    /// At least a minute, at most a year.
    pub dedup_ms_max: u64,
    /// Answers that one position keeps; then such requests get 503: 10,000. At least 1.
    pub dedup_entries_max: u64,
    /// By which rows end: the system's.
    pub clock: Clock,
    /// The cluster's layout: then the node computes each position itself and refuses a request
    /// whose `Ringway-Position` differs. `None`: it trusts the proxy.
    pub layout: Option<Layout>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 512 << 20,
            connections_max: 4_096,
            readers: 4,
            frozen_ms_max: 10_000,
            dedup_ms_max: 86_400_000,
            dedup_entries_max: 10_000,
            clock: Clock::default(),
            layout: None,
        }
    }
}

/// Why a node did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An option has a value that makes no sense.
    Option(String),
    /// The rows can't be read.
    Rows(Failure),
    /// A listener has no address.
    Listener(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(reason) => f.write_str(reason),
            Self::Rows(failure) => write!(f, "the data directory can't be used: {failure}"),
            Self::Listener(error) => write!(f, "a listener can't be used: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A node that serves until it is stopped: a [`Shard`] under the default node's resources.
#[derive(Debug)]
pub struct Node {
    shard: Shard,
    data: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinSet<()>,
}

impl Node {
    /// Serves `rows` on two listeners; `map` says what it owns.
    ///
    /// # Errors
    /// [`StartError`]; the store of the map need not be reachable.
    pub fn start<M: MapReader>(
        rows: &dyn RowStore,
        map: M,
        token: &str,
        data: TcpListener,
        control: TcpListener,
        options: NodeOptions,
        report: Reporter,
    ) -> Result<Self, StartError> {
        let connections_max = options.connections_max;
        if connections_max == 0 {
            return Err(StartError::Option("connections_max is at least 1".into()));
        }
        let data_address = data.local_addr().map_err(StartError::Listener)?;
        let shard = Shard::start(rows, map, token, control, options, report)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::clone(shard.shared());
        let metrics = Arc::clone(&shared.metrics);
        let mut listener = JoinSet::new();
        listener.spawn(serve(data, Data { shared }, connections_max, metrics, stopped));
        Ok(Self { shard, data: data_address, stop, listener })
    }

    /// Where data requests are answered.
    #[must_use]
    pub const fn data_address(&self) -> SocketAddr {
        self.data
    }

    /// Where control calls are answered.
    #[must_use]
    pub const fn control_address(&self) -> SocketAddr {
        self.shard.control_address()
    }

    /// The data directory's incarnation.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.shard.incarnation()
    }

    /// Waits until the disk failed so that only a restart can tell what is on it; says how.
    pub async fn failed(&self) -> String {
        self.shard.failed().await
    }

    /// Ends the listeners, lets requests under way finish for 5 s, and closes the rows.
    pub async fn stop(mut self) {
        // Fails only if nobody listens any more.
        let _ = self.stop.send(true);
        let ending = async { while self.listener.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), ending).await;
        self.listener.shutdown().await;
        self.shard.stop().await;
    }
}

/// Reads the token that control calls and the store are reached with: the file's one line.
///
/// # Errors
/// As a text, if the file can't be read, is empty or holds what no header can.
pub fn read_token(path: &Path) -> Result<String, String> {
    let at = |what: &str| format!("token file {}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| at(&error.to_string()))?;
    let token = text.trim_end_matches(['\r', '\n']);
    if token.is_empty() {
        return Err(at("is empty; write a secret into it"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(at("must hold one line of printable ASCII without spaces"));
    }
    Ok(token.into())
}
