//! Starts a proxy and stops it.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use ringway_client::{MapFeed, follow};
use ringway_cluster::{ClusterFile, MapStore as _};
use ringway_store::{EmbeddedStore, NodeStoreService, Seeded, seed_if_empty};
use tokio::{net::TcpListener, sync::watch, time::timeout};

use crate::{
    admin::{self, Admin},
    config::{Config, read_token},
    control::ControlClient,
    coordinator::{Coordinator, Progress},
    data::{Shared, Worker, spawn},
    events::event,
    listen,
};

/// The store has to be read within this time.
const READY_MAX: Duration = Duration::from_secs(30);
/// A control call has to be answered within this time.
const CALL_MAX: Duration = Duration::from_secs(10);
/// At most this many bytes in the answer to a control call.
const CALL_BYTES_MAX: usize = 256 << 20;

/// Why a proxy did not start; its text names the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A running proxy. It stops when this is dropped, without waiting for its threads.
#[derive(Debug)]
pub struct Proxy {
    addresses: [SocketAddr; 3],
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy; its listeners are open when this returns, and it knows the map.
    ///
    /// # Errors
    /// [`StartError`]: a token, the store, the cluster file or an address is not as it must be.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let admin_token = token(&config.admin_token_file, "proxy.admin_token_file")?;
        let node_token = token(&config.node_token_file, "proxy.node_token_file")?;
        if admin_token == node_token {
            return Err(StartError(
                "proxy.node_token_file: holds the operators' token; give nodes one of their own"
                    .into(),
            ));
        }
        let store = EmbeddedStore::open(&config.store)
            .map_err(|error| StartError(format!("proxy.store: {error}")))?;
        if let Some(torn) = &store.opened().torn {
            event(&format!("the store's last entry was being written at the last stop: {torn:?}"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError(format!("no runtime: {error}")))?;

        let bind = |field: &str, address: SocketAddr, count: usize| {
            listen::bind(address, count)
                .map_err(|error| StartError(format!("proxy.{field}: {address}: {error}")))
        };
        let data = bind("listen", config.listen, config.workers)?;
        let admin = bind("admin_listen", config.admin_listen, 1)?.remove(0);
        let node = bind("node_listen", config.node_listen, 1)?.remove(0);
        let address = |listener: &std::net::TcpListener| {
            listener.local_addr().map_err(|error| StartError(error.to_string()))
        };
        let addresses = [address(&data[0])?, address(&admin)?, address(&node)?];
        // Last, so that a start that fails leaves an empty store empty.
        let difference = runtime.block_on(seed(&config, &store))?;

        let feed = MapFeed::default();
        let map = feed.map();
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = watch::channel(false);
        let workers: Vec<Arc<Worker>> = data
            .iter()
            .map(|_| {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&shared));
                Arc::new(Worker::new(config, shared, map.for_thread()))
            })
            .collect();
        let control = Arc::new(ControlClient::new(&node_token, CALL_MAX, CALL_BYTES_MAX));
        let progress = Arc::new(Progress::default());
        let admin_state = Arc::new(Admin {
            store: store.clone(),
            token: admin_token,
            feed: feed.clone(),
            workers: workers.clone(),
            shared: Arc::clone(&shared),
            control: Arc::clone(&control),
            progress: Arc::clone(&progress),
            limits: config.moves,
            difference,
            started: Instant::now(),
        });

        let mut proxy = Self { addresses, shared, stop, threads: Vec::new() };
        let coordinator = {
            let (store, stopped) = (Arc::new(store.clone()), stopped.clone());
            let limits = config.moves;
            move || async move {
                Coordinator::new(store, control, progress, limits).run(stopped).await;
            }
        };
        proxy.thread("coordinator", coordinator)?;
        let inner = {
            let (feed, stopped) = (feed.clone(), stopped.clone());
            move || async move {
                let service = Arc::new(NodeStoreService::new(store.clone(), &node_token));
                let answer_node = listen::with(service, |service, request| async move {
                    service.answer(request).await
                });
                let answer_admin = listen::with(admin_state, admin::answer);
                // Both were made from listening sockets that do not block.
                let (Ok(admin), Ok(node)) =
                    (TcpListener::from_std(admin), TcpListener::from_std(node))
                else {
                    return event("the inner listeners can't be used");
                };
                let report = |text: &str| event(&format!("the map is not followed: {text}"));
                let mut ending = stopped.clone();
                tokio::select! {
                    () = listen::serve(admin, stopped.clone(), answer_admin) => {}
                    () = listen::serve(node, stopped, answer_node) => {}
                    () = follow(&store, &feed, report) => {}
                    _ = ending.changed() => {}
                }
            }
        };
        proxy.thread("control", inner)?;
        if runtime.block_on(async { timeout(READY_MAX, feed.ready()).await }).is_err() {
            let reason = feed.fault().unwrap_or_else(|| "it does not answer".into());
            return Err(StartError(format!("proxy.store: {reason}")));
        }
        for (index, (worker, listener)) in workers.into_iter().zip(data).enumerate() {
            let thread = spawn(index, worker, listener, stopped.clone())
                .map_err(|error| StartError(format!("no thread for a worker: {error}")))?;
            proxy.threads.push(thread);
        }
        let [data, admin, node] = addresses;
        event(&format!("listening: clients {data}, operators {admin}, nodes {node}"));
        Ok(proxy)
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where operators connect.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.addresses[1]
    }

    /// Where nodes read the map.
    #[must_use]
    pub const fn node_address(&self) -> SocketAddr {
        self.addresses[2]
    }

    /// Takes no more connections, ends the requests under way, and stops.
    ///
    /// Waits for at most `shutdown_ms_max`, and until the coordinator has left its step.
    pub fn shutdown(mut self) {
        self.signal();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on standard error.
            let _ = thread.join();
        }
        event("stopped");
    }

    fn signal(&self) {
        self.shared.stop();
        self.stop.send_replace(true);
    }

    /// Runs `work` on a thread and a runtime of its own.
    fn thread<F: Future<Output = ()>>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Result<(), StartError> {
        let no_thread = |error: io::Error| StartError(format!("no thread for {name}: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(no_thread)?;
        let thread = Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(async { work().await }))
            .map_err(no_thread)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.signal();
    }
}

fn token(path: &std::path::Path, field: &str) -> Result<String, StartError> {
    read_token(path, field).map_err(StartError)
}

/// Seeds an empty store; says how the cluster file differs from one that is not empty.
async fn seed(config: &Config, store: &EmbeddedStore) -> Result<Option<String>, StartError> {
    let fail = |error: &dyn fmt::Display| StartError(format!("proxy.cluster: {error}"));
    let Some(path) = &config.cluster else {
        let snapshot = store.read().await.map_err(|error| fail(&error))?;
        if snapshot.segments().next().is_none() {
            return Err(fail(&"the store is empty; name the cluster file that seeds it"));
        }
        return Ok(None);
    };
    let cluster = ClusterFile::read(path).map_err(|error| fail(&error))?;
    match seed_if_empty(store, &cluster).await.map_err(|error| fail(&error))? {
        Seeded::Now(revision) => {
            let count = cluster.nodes().len();
            event(&format!("the empty store was seeded with {count} nodes, revision {revision}"));
            Ok(None)
        }
        Seeded::Before(_) => {
            let snapshot = store.read().await.map_err(|error| fail(&error))?;
            let stored = admin::newest_config(&snapshot).map_err(|error| fail(&error))?;
            if stored.cluster == cluster {
                return Ok(None);
            }
            let difference = format!(
                "{} differs from the store's configuration {}, which holds; apply it with: \
                 ringway apply {}",
                path.display(),
                stored.number,
                path.display()
            );
            event(&difference);
            Ok(Some(difference))
        }
    }
}
