//! What any service is a node with: rows, ownership, control calls.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use ringway::{Layout, Table};
use ringway_cluster::Incarnation;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    engine::Engine,
    http::{
        body::Memory,
        control::Control,
        data::{Dedup, Shared},
        serve,
    },
    layer::ShardLayer,
    map::MapReader,
    metrics::Metrics,
    node::{NodeOptions, Reporter, STOP_MS_MAX, StartError},
    reconcile::{Applier, Reconciler},
    rows::RowStore,
    sweep,
};

/// Control connections: a few proxies, and people who look.
const CONTROL_CONNECTIONS_MAX: usize = 64;

/// The part of a cluster's keys that one process has: their rows, who owns them, and the control
/// listener through which they move.
///
/// A service becomes a node of level 3 (spec/NODE.md) by putting [`layer`](Self::layer) around its
/// handlers, and keeping its state in the rows that [`Owned`](crate::Owned) gives them.
///
/// # Examples
/// A counter for each key. It is a service of axum here; any that takes tower's layers will do.
/// ```
/// use axum::{Extension, Router, response::Result, routing::post};
/// use ringway_node::{MemoryStore, NodeOptions, Owned, Refused, Shard};
/// use ringway_store::{NodeStore, NodeStoreOptions};
/// use tokio::net::TcpListener;
///
/// async fn count(Extension(owned): Extension<Owned>) -> Result<String> {
///     let counted = owned.write(|rows| {
///         let count = rows.get(b"count")?.map_or(0, |bytes| bytes[0]) + 1;
///         rows.put(b"count", &[count])?;
///         Ok(count)
///     });
///     // 421 while the key moves: the proxy sends the request to the new owner.
///     Ok(counted.await.map_err(Refused::into_response)?.to_string())
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let rows = MemoryStore::new("n1")?;
/// let map = NodeStore::new("127.0.0.1:7200", "token", NodeStoreOptions::default())?;
/// let control = TcpListener::bind("127.0.0.1:0").await?;
/// let report = std::sync::Arc::new(|line: &str| eprintln!("{line}"));
/// let shard = Shard::start(&rows, map, "token", control, NodeOptions::default(), report)?;
/// let service: Router = Router::new().route("/{key}", post(count)).layer(shard.layer());
/// # drop(service);
/// shard.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Shard {
    shared: Arc<Shared>,
    control: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinSet<()>,
    reconciling: JoinSet<()>,
}

impl Shard {
    /// Opens `rows`, follows `map`, and answers control calls on `control`.
    ///
    /// It has to be called in a tokio runtime, which runs what it starts. Of the options,
    /// `connections_max` and `bodies_bytes_max` are for [`Node`](crate::Node) alone.
    ///
    /// # Errors
    /// [`StartError`]; the store of the map need not be reachable.
    pub fn start<M: MapReader>(
        rows: &dyn RowStore,
        map: M,
        token: &str,
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
        if options.readers == 0 {
            return Err(StartError::Option("readers is at least 1".into()));
        }
        if !(60_000..=31_536_000_000).contains(&options.dedup_ms_max) {
            let reason = "dedup_ms_max must be from 60000, a minute, to 31536000000, a year";
            return Err(StartError::Option(reason.into()));
        }
        if options.dedup_entries_max == 0 {
            return Err(StartError::Option("dedup_entries_max is at least 1".into()));
        }
        let positions = positions(options.layout.as_ref())?;
        let control_address = control.local_addr().map_err(StartError::Listener)?;
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
            engine,
            reconciler,
            metrics: Arc::clone(&metrics),
            memory: Memory::new(options.bodies_bytes_max),
            body_bytes_max: options.body_bytes_max,
            dedup: Dedup { ms_max: options.dedup_ms_max, entries_max: options.dedup_entries_max },
            clock: options.clock,
            positions,
        });
        let (stop, stopped) = watch::channel(false);
        let mut listener = JoinSet::new();
        let service = Control { shared: Arc::clone(&shared), token: token.as_bytes().into() };
        listener.spawn(serve(control, service, CONTROL_CONNECTIONS_MAX, metrics, stopped));
        Ok(Self { shared, control: control_address, stop, listener, reconciling })
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What lets requests through to a service only for keys that this node owns.
    #[must_use]
    pub fn layer(&self) -> ShardLayer {
        ShardLayer::new(Arc::clone(&self.shared))
    }

    /// Where control calls are answered.
    #[must_use]
    pub const fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// The data directory's incarnation.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.shared.engine.holdings().incarnation()
    }

    /// Waits until the disk failed so that only a restart can tell what is on it; says how.
    ///
    /// A service should end then: it answers nothing more from its rows.
    pub async fn failed(&self) -> String {
        self.shared.engine.failed().await
    }

    /// Ends the control listener, lets calls under way finish for 5 s, and closes the rows.
    ///
    /// Stop the service's own listener before: later requests get 503.
    pub async fn stop(mut self) {
        // Fails only if nobody listens any more.
        let _ = self.stop.send(true);
        let ending = async { while self.listener.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), ending).await;
        self.reconciling.shutdown().await;
        self.listener.shutdown().await;
        let engine = self.shared.engine.clone();
        let _ = tokio::task::spawn_blocking(move || engine.stop()).await;
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("control", &self.control).finish_non_exhaustive()
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.shared.engine.close();
    }
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
