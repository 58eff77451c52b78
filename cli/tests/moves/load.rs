//! Clients that write and read while the cluster changes, and what they may see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{cluster::Cluster, http::exchange};

/// What one key may hold: the last acknowledged value, or one written with an unknown outcome.
#[derive(Clone, Debug, Default)]
struct Known {
    last: Option<u64>,
    unknown: BTreeSet<u64>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    waits: AtomicU64,
    faults: Mutex<Vec<String>>,
}

/// Each thread owns its keys: it writes unique values, reads them back, and complains.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<BTreeMap<String, Known>>>,
}

pub(crate) struct Result {
    known: BTreeMap<String, Known>,
    pub(crate) acknowledged: u64,
    pub(crate) waits: u64,
}

const KEYS: u64 = 60;

impl Load {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..3)
            .map(|thread| {
                let (shared, server) = (Arc::clone(&shared), cluster.listen);
                thread::spawn(move || {
                    let mut known = BTreeMap::new();
                    let mut counter = 0;
                    while !shared.stop.load(Ordering::Relaxed) {
                        counter += 1;
                        let key = format!("t{thread}-{}", (counter * 7) % KEYS);
                        let known = known.entry(key.clone()).or_insert_with(Known::default);
                        if counter % 3 == 0 {
                            read(&shared, server, &key, known);
                        } else {
                            write(&shared, server, &key, counter, known);
                        }
                    }
                    known
                })
            })
            .collect();
        Self { shared, threads }
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(self) -> Result {
        self.shared.stop.store(true, Ordering::Relaxed);
        let known = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let faults = self.shared.faults.lock().unwrap();
        assert!(
            faults.is_empty(),
            "{} wrong answers: {:?}",
            faults.len(),
            &faults[..faults.len().min(5)]
        );
        Result {
            known,
            acknowledged: self.shared.acknowledged.load(Ordering::Relaxed),
            waits: self.shared.waits.load(Ordering::Relaxed),
        }
    }
}

fn write(shared: &Shared, server: std::net::SocketAddr, key: &str, value: u64, known: &mut Known) {
    let body = value.to_string();
    match exchange(server, "PUT", &format!("/{key}"), &[], body.as_bytes()) {
        Ok(answer) if matches!(answer.status, 200 | 201 | 204) => {
            known.last = Some(value);
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => {
            // Not executed, by contract: the value must never appear.
            shared.waits.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(answer) if answer.status == 504 => {
            known.unknown.insert(value);
        }
        Ok(answer) => complain(shared, &format!("PUT {key}: {} {}", answer.status, answer.text())),
        // The proxy is dead: nobody knows.
        Err(_) => {
            known.unknown.insert(value);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn read(shared: &Shared, server: std::net::SocketAddr, key: &str, known: &mut Known) {
    match exchange(server, "GET", &format!("/{key}"), &[], b"") {
        Ok(answer) if answer.status == 200 || answer.status == 404 => {
            let value = (answer.status == 200).then(|| answer.text().parse().unwrap_or(u64::MAX));
            if let Err(fault) = known.sees(value) {
                complain(shared, &format!("GET {key}: {fault}"));
            }
        }
        // 502: the node died under every try. Nothing is unknown about a read.
        Ok(answer) if matches!(answer.status, 502..=504) => {
            shared.waits.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(answer) => complain(shared, &format!("GET {key}: {} {}", answer.status, answer.text())),
        Err(_) => thread::sleep(Duration::from_millis(20)),
    }
}

fn complain(shared: &Shared, fault: &str) {
    shared.faults.lock().unwrap().push(fault.into());
}

impl Known {
    fn sees(&mut self, value: Option<u64>) -> std::result::Result<(), String> {
        if value == self.last {
            return Ok(());
        }
        match value.filter(|value| self.unknown.remove(value)) {
            Some(value) => {
                self.last = Some(value);
                Ok(())
            }
            None => Err(format!("{value:?}, but {:?} was acknowledged last", self.last)),
        }
    }
}

impl Result {
    /// Reads every key back: nothing acknowledged may be lost or stale.
    pub(crate) fn check(&self, cluster: &Cluster) {
        for (key, known) in &self.known {
            let mut answer = None;
            cluster.wait(&format!("{key} is served"), || {
                answer = cluster.get(key).ok().filter(|answer| matches!(answer.status, 200 | 404));
                answer.is_some()
            });
            let answer = answer.unwrap();
            let value = (answer.status == 200).then(|| answer.text().parse().unwrap());
            if let Err(fault) = known.clone().sees(value) {
                cluster.show_logs();
                panic!("{key}: {fault}");
            }
        }
    }
}
