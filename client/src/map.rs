//! The newest router: one task follows the store, every thread has a cheap view.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ringway_cluster::{Changes, MapStore, Snapshot, StoreError};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout_at},
};

use crate::router::{PoolSlots, Router};

/// At least this long between two reads that refused requests asked for.
const REFRESH_EVERY: Duration = Duration::from_millis(10);
/// How long [`follow`] waits after the store could not answer.
const RETRY_AFTER: Duration = Duration::from_millis(200);

type Published = Option<Arc<Router>>;

/// Where [`follow`] publishes routers; clones publish to the same.
#[derive(Clone, Debug)]
pub struct MapFeed {
    sender: watch::Sender<Published>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Somebody saw that the map is old.
    stale: Notify,
    parked: AtomicUsize,
    fault: Mutex<Option<String>>,
}

/// A view of the newest router. Each thread takes its own: [`Map::for_thread`].
#[derive(Debug)]
pub struct Map {
    receiver: watch::Receiver<Published>,
    shared: Arc<Shared>,
    cached: Mutex<(watch::Receiver<Published>, Option<RouterHandle>)>,
}

/// A router that is held for one request.
///
/// The outer count belongs to one thread's [`Map`], so that threads do not contend for it.
#[derive(Clone, Debug)]
#[allow(clippy::redundant_allocation, reason = "the inner count is shared by all threads")]
pub struct RouterHandle(Arc<Arc<Router>>);

impl Deref for RouterHandle {
    type Target = Router;

    fn deref(&self) -> &Router {
        &self.0
    }
}

impl Default for MapFeed {
    fn default() -> Self {
        Self { sender: watch::Sender::new(None), shared: Arc::default() }
    }
}

impl MapFeed {
    /// A view for the calling thread.
    #[must_use]
    pub fn map(&self) -> Map {
        let receiver = self.sender.subscribe();
        let mut first = receiver.clone();
        first.mark_changed();
        let cached = Mutex::new((first, None));
        Map { receiver, shared: Arc::clone(&self.shared), cached }
    }

    /// Publishes the routes of `snapshot`.
    ///
    /// # Errors
    /// As a text, if the snapshot can't be served from; the last router stays.
    fn publish(&self, snapshot: &Snapshot, slots: &mut PoolSlots) -> Result<(), String> {
        let before = self.sender.borrow().clone();
        let outcome = Router::new(snapshot, before.as_deref(), slots);
        let fault = outcome.as_ref().err().cloned();
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.sender.send_replace(Some(Arc::new(outcome?)));
        Ok(())
    }

    /// Waits for the first router.
    pub async fn ready(&self) {
        // The sender is ours: the channel can't close.
        let _ = self.sender.subscribe().wait_for(Option::is_some).await;
    }

    /// Why the map is not followed at the moment, if it is not.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests wait for a newer map.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.shared.parked.load(Ordering::Relaxed)
    }
}

impl Map {
    /// A view of the same map for another thread.
    #[must_use]
    pub fn for_thread(&self) -> Self {
        let mut first = self.receiver.clone();
        first.mark_changed();
        Self {
            receiver: self.receiver.clone(),
            shared: Arc::clone(&self.shared),
            cached: Mutex::new((first, None)),
        }
    }

    /// The newest router; `None` before the first one.
    ///
    /// # Complexity
    /// O(1): an uncontended lock and one shared load.
    #[must_use]
    pub fn current(&self) -> Option<RouterHandle> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let (receiver, router) = &mut *cached;
        if receiver.has_changed().unwrap_or(false) {
            *router = receiver.borrow_and_update().clone().map(|new| RouterHandle(Arc::new(new)));
        }
        router.clone()
    }

    /// Says that this view is older than what a node knows: the store is read again.
    pub fn mark_stale(&self) {
        self.shared.stale.notify_one();
    }

    /// Waits until a router is published after this call's `seen`, or until `deadline`.
    ///
    /// Returns whether there is a newer one.
    pub(crate) async fn newer(&self, seen: &mut Seen, deadline: Instant) -> bool {
        match timeout_at(deadline, seen.0.changed()).await {
            Ok(Ok(())) => true,
            // Nobody follows the store any more: there is nothing to wait for but the deadline.
            Ok(Err(_)) => {
                sleep_until(deadline).await;
                false
            }
            Err(_) => false,
        }
    }

    /// Begins to wait for newer routers: those published from now on count.
    #[must_use]
    pub(crate) fn watch(&self) -> Seen {
        let mut receiver = self.receiver.clone();
        receiver.mark_unchanged();
        Seen(receiver)
    }

    /// Takes a place among the requests that wait; `None` if `parked_max` of them wait already.
    #[must_use]
    pub(crate) fn park(&self, parked_max: usize) -> Option<Parked<'_>> {
        let parked = Parked(&self.shared.parked);
        let before = parked.0.fetch_add(1, Ordering::Relaxed);
        (before < parked_max).then_some(parked)
    }
}

/// What one waiting request has seen.
#[derive(Debug)]
pub(crate) struct Seen(watch::Receiver<Published>);

/// A place among the waiting requests.
#[derive(Debug)]
pub(crate) struct Parked<'a>(&'a AtomicUsize);

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Follows `store` for ever, publishing each state of it; `report` hears of what goes wrong.
///
/// While the store can't answer, the last router stays: it can only be old, never wrong.
pub async fn follow<S: MapStore>(store: &S, feed: &MapFeed, report: impl Fn(&str)) {
    let mut slots = PoolSlots::default();
    let mut snapshot: Option<Snapshot> = None;
    let mut told = None;
    let mut read_next = Instant::now();
    loop {
        let outcome = next(store, feed, &mut snapshot, &mut read_next).await;
        let outcome = match (outcome, &snapshot) {
            (Ok(()), Some(snapshot)) => feed.publish(snapshot, &mut slots),
            (Ok(()), None) => Ok(()),
            (Err(error), _) => {
                let text = error.to_string();
                *feed.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(text.clone());
                Err(text)
            }
        };
        match outcome {
            Ok(()) => told = None,
            Err(text) => {
                if told.as_ref() != Some(&text) {
                    report(&text);
                    told = Some(text);
                }
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Brings `snapshot` up to date: waits for a change, or reads all if a request asks for it.
///
/// All is read at `read_next` at the earliest; changes are never held back.
async fn next<S: MapStore>(
    store: &S,
    feed: &MapFeed,
    snapshot: &mut Option<Snapshot>,
    read_next: &mut Instant,
) -> Result<(), StoreError> {
    let changes: Changes = match snapshot {
        None => {
            *snapshot = Some(store.read().await?);
            return Ok(());
        }
        Some(snapshot) => {
            let asked = async {
                sleep_until(*read_next).await;
                feed.shared.stale.notified().await;
            };
            tokio::select! {
                changes = store.changes(snapshot.revision) => changes?,
                () = asked => {
                    *read_next = Instant::now() + REFRESH_EVERY;
                    let read = store.read().await?;
                    if read.revision >= snapshot.revision {
                        *snapshot = read;
                    }
                    return Ok(());
                }
            }
        }
    };
    if let Some(snapshot) = snapshot {
        snapshot.apply(changes);
    }
    Ok(())
}
