//! A worker: one thread, one runtime, its own listener, pool and counters.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use ringway_client::{Map, Sender};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, Id, JoinSet},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::serve::{Parked, turn_away};
use crate::{config::Config, metrics::Metrics};

const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// After an accept failed, as it does when there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all workers share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    stopping: AtomicBool,
}

/// One of a limited number of places, until it is dropped.
pub(crate) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    /// Takes one of `most` places, of which `taken` counts those that are taken.
    pub(super) fn take(taken: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(taken);
        (taken.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// Takes a place for a request, if there is one.
    pub(super) fn begin(&self, most: usize) -> Option<Place<'_>> {
        Place::take(&self.in_flight, most)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// What the connections of one thread use.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) config: Arc<Config>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sender: Sender,
    pub(crate) metrics: Metrics,
    /// Connections that are kept ready for their next request.
    pub(super) ready: AtomicUsize,
}

impl Worker {
    pub(crate) fn new(config: Arc<Config>, shared: Arc<Shared>, map: Map) -> Self {
        let sender = Sender::new(map, config.limits.send());
        Self { config, shared, sender, metrics: Metrics::default(), ready: AtomicUsize::new(0) }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    pub(super) fn stall(&self) -> Duration {
        Duration::from_millis(self.config.limits.stall_ms_max)
    }
}

/// Starts the thread of a worker; it ends once `stop` changes and its connections have ended.
///
/// # Errors
/// What the system says.
pub(crate) fn spawn(
    index: usize,
    worker: Arc<Worker>,
    listener: std::net::TcpListener,
    stop: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || runtime.block_on(run(&worker, listener, stop)))
}

/// A connection as its worker knows it.
struct Served {
    idle: Arc<AtomicBool>,
    task: AbortHandle,
}

async fn run(worker: &Arc<Worker>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    let mut served: HashMap<Id, Served> = HashMap::new();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => accept(worker, stream, peer, &mut tasks, &mut served),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(ended) = tasks.join_next_with_id() => forget(worker, ended, &mut served),
            _ = sweep.tick() => worker.sender.pool().sweep(),
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    // `Shared::stop` came first: whoever becomes idle from now on sees it and ends.
    for connection in served.values().filter(|served| served.idle.load(Ordering::Acquire)) {
        connection.task.abort();
    }
    let ending = async {
        while let Some(ended) = tasks.join_next_with_id().await {
            forget(worker, ended, &mut served);
        }
    };
    let most = Duration::from_millis(worker.config.limits.shutdown_ms_max);
    let _ = timeout(most, ending).await;
}

fn accept(
    worker: &Arc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    tasks: &mut JoinSet<()>,
    served: &mut HashMap<Id, Served>,
) {
    let full = worker.shared.connections.fetch_add(1, Ordering::Relaxed)
        >= worker.config.limits.connections_max;
    worker.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let idle = Arc::new(AtomicBool::new(false));
    let (own, flag) = (Arc::clone(worker), Arc::clone(&idle));
    let task = if full {
        tasks.spawn(async move { turn_away(stream, &own).await })
    } else {
        tasks.spawn(async move {
            if stream.set_nodelay(true).is_ok() {
                Parked::new(stream, peer.ip(), flag).serve(own).await;
            }
        })
    };
    served.insert(task.id(), Served { idle, task });
}

fn forget(
    worker: &Worker,
    ended: Result<(Id, ()), tokio::task::JoinError>,
    served: &mut HashMap<Id, Served>,
) {
    let id = match ended {
        Ok((id, ())) => id,
        Err(error) => error.id(),
    };
    if served.remove(&id).is_some() {
        worker.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
