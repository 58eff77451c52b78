//! The store, played by the checker: it says who owns what, and can be out of reach.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ringway_cluster::{
    CommitError, MapStore as _, Record, RecordKey, SegmentRecord, StoredSegment, Transaction, split,
};
use ringway_store::{MemoryStore, NodeStoreService};
use tokio::{net::TcpListener, runtime::Runtime};

/// A node answers a change of the map within this time, or a long poll of it is asked again.
const POLL_MAX: Duration = Duration::from_secs(2);

/// The map that the node under test follows.
pub(super) struct PlayedMap {
    store: MemoryStore,
    runtime: Runtime,
    is_down: Arc<AtomicBool>,
    asked: Arc<AtomicBool>,
}

impl PlayedMap {
    /// Serves a map without segments at `address`.
    ///
    /// # Errors
    /// As a text, if nothing can listen there.
    pub(super) fn start(address: SocketAddr, token: &str) -> Result<Self, String> {
        let store = MemoryStore::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let is_down = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicBool::new(false));
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(|error| format!("can't listen on --store-listen {address}: {error}"))?;
        let service = NodeStoreService::new(store.clone(), token).with_poll_time_max(POLL_MAX);
        let (down, was_asked) = (Arc::clone(&is_down), Arc::clone(&asked));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, down) = (service.clone(), Arc::clone(&down));
                let was_asked = Arc::clone(&was_asked);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (service, down) = (service.clone(), Arc::clone(&down));
                    was_asked.store(true, Ordering::SeqCst);
                    async move {
                        if down.load(Ordering::SeqCst) {
                            let mut response = Response::new(Full::<Bytes>::default());
                            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                            return Ok::<_, Infallible>(response);
                        }
                        Ok(service.answer(request).await)
                    }
                });
                tokio::spawn(async move {
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Ok(Self { store, runtime, is_down, asked })
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Whether anybody has asked the store anything.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until the node has asked for the first time.
    pub(super) fn wait_asked(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.was_asked() && begun.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.was_asked()
    }

    fn commit(&self, transaction: Transaction) -> Result<(), CommitError> {
        self.runtime.block_on(self.store.commit(transaction)).map(drop)
    }

    /// The first segments.
    pub(super) fn seed(&self, records: Vec<SegmentRecord>) -> Result<(), String> {
        let keys = (1..).map(RecordKey::Segment);
        let writes: Vec<_> =
            keys.zip(records).map(|(key, record)| (key, Some(Record::Segment(record)))).collect();
        let expect = writes.iter().map(|(key, _)| (key.clone(), None)).collect();
        self.commit(Transaction { expect, writes }).map_err(|error| error.to_string())
    }

    /// The segment that holds a position.
    pub(super) fn at(&self, position: u64) -> StoredSegment {
        let found = self.runtime.block_on(self.store.segments(position, position));
        let found = found.ok().and_then(|(_, mut segments)| segments.pop());
        found.expect("the seed covers every position, and so does what replaces it")
    }

    /// Changes the record of a position's segment, whatever the node does to it meanwhile.
    pub(super) fn change(
        &self,
        position: u64,
        change: impl Fn(&mut SegmentRecord),
    ) -> SegmentRecord {
        loop {
            let segment = self.at(position);
            let mut record = segment.record.clone();
            change(&mut record);
            if self.commit(segment.replace(record.clone())).is_ok() {
                return record;
            }
        }
    }

    /// Cuts the segment of a position before `at`.
    pub(super) fn cut(&self, position: u64, at: u64) {
        let next = 1_000;
        if let Some(transaction) = split(&self.at(position), &[at], next) {
            // A failure is seen at once: the records are not what the script expects.
            let _ = self.commit(transaction);
        }
    }
}
