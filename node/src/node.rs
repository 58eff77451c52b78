//! A running node.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ringway::{Layout, Table};
use ringway_cluster::Incarnation;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    clock::Clock,
    engine::Engine,
    http::{
        body::Memory,
        control::Control,
        data::{Data, Dedup, Shared},
        serve,
    },
    map::MapReader,
    metrics::Metrics,
    reconcile::{Applier, Reconciler},
    rows::{Failure, RowStore},
    sweep,
};

/// Control connections: a few proxies, and people who look.
const CONTROL_CONNECTIONS_MAX: usize = 64;
/// Requests under way have so long to end when the node stops.
const STOP_MS_MAX: u64 = 5_000;

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

/// A node that serves until it is stopped.
#[derive(Debug)]
pub struct Node {
    engine: Engine,
    data: SocketAddr,
    control: SocketAddr,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    reconciling: JoinSet<()>,
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
        if token.is_empty() {
            return Err(StartError::Option("the control token is empty".into()));
        }
        // SQLite's rows end at 10^9 bytes, and a value is in memory whole.
        if options.body_bytes_max > 512 << 20 {
            return Err(StartError::Option("body_bytes_max is above 512 MiB".into()));
        }
        if options.connections_max == 0 || options.readers == 0 {
            return Err(StartError::Option("connections_max and readers are at least 1".into()));
        }
        if !(60_000..=31_536_000_000).contains(&options.dedup_ms_max) {
            let reason = "dedup_ms_max must be from 60000, a minute, to 31536000000, a year";
            return Err(StartError::Option(reason.into()));
        }
        if options.dedup_entries_max == 0 {
            return Err(StartError::Option("dedup_entries_max is at least 1".into()));
        }
        let positions = positions(options.layout.as_ref())?;
        let engine = Engine::start(rows, options.readers).map_err(StartError::Rows)?;
        let metrics = Arc::new(Metrics::default());
        let applier = Applier {
            engine: engine.clone(),
            map: Arc::new(map),
            metrics: Arc::clone(&metrics),
            report,
            frozen_ms_max: options.frozen_ms_max,
        };
        let mut reconciling = JoinSet::new();
        let reconciler = Reconciler::start(applier, &mut reconciling);
        reconciling.spawn(sweep::run(engine.clone(), options.clock.clone(), Arc::clone(&metrics)));
        let shared = Arc::new(Shared {
            engine: engine.clone(),
            reconciler,
            metrics: Arc::clone(&metrics),
            memory: Memory::new(options.bodies_bytes_max),
            body_bytes_max: options.body_bytes_max,
            dedup: Dedup { ms_max: options.dedup_ms_max, entries_max: options.dedup_entries_max },
            clock: options.clock,
            positions,
        });
        let addresses = data.local_addr().and_then(|data| Ok((data, control.local_addr()?)));
        let (data_address, control_address) = addresses.map_err(StartError::Listener)?;
        let (stop, stopped) = watch::channel(false);
        let mut listeners = JoinSet::new();
        listeners.spawn(serve(
            data,
            Data { shared: Arc::clone(&shared) },
            options.connections_max,
            Arc::clone(&metrics),
            stopped.clone(),
        ));
        listeners.spawn(serve(
            control,
            Control { shared, token: token.as_bytes().into() },
            CONTROL_CONNECTIONS_MAX,
            metrics,
            stopped,
        ));
        Ok(Self {
            engine,
            data: data_address,
            control: control_address,
            stop,
            listeners,
            reconciling,
        })
    }

    /// Where data requests are answered.
    #[must_use]
    pub const fn data_address(&self) -> SocketAddr {
        self.data
    }

    /// Where control calls are answered.
    #[must_use]
    pub const fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// The data directory's incarnation.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.engine.holdings().incarnation()
    }

    /// Waits until the disk failed so that only a restart can tell what is on it; says how.
    pub async fn failed(&self) -> String {
        self.engine.failed().await
    }

    /// Ends the listeners, lets requests under way finish for 5 s, and closes the rows.
    pub async fn stop(mut self) {
        // Fails only if nobody listens any more.
        let _ = self.stop.send(true);
        let ending = async { while self.listeners.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), ending).await;
        self.reconciling.shutdown().await;
        self.listeners.shutdown().await;
        let engine = self.engine.clone();
        let _ = tokio::task::spawn_blocking(move || engine.stop()).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.engine.close();
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

/// A table without nodes, which turns keys into positions.
fn positions(layout: Option<&Layout>) -> Result<Option<Table>, StartError> {
    let Some(layout) = layout else { return Ok(None) };
    match Table::new(layout, &[]) {
        Ok(table) if table.position_max().is_some() => Ok(Some(table)),
        Ok(_) => Err(StartError::Option(format!("the layout {} holds no state", layout.name()))),
        Err(error) => Err(StartError::Option(error.to_string())),
    }
}
