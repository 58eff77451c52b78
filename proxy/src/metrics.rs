//! What the data path counts. Each worker has its own counters; they are added up when read.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper ends of the buckets of request times, in microseconds.
const BUCKETS_MICROS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 60_000_000];

/// The codes of the proxy's own answers, as they stand in `Ringway-Error`.
pub(crate) const CODES: [&str; 29] = [
    "bad-head",
    "bad-version",
    "bad-host",
    "bad-target",
    "bad-length",
    "bad-key",
    "bad-body",
    "bad-expect",
    "connect",
    "upgrade",
    "transfer-encoding",
    "too-many-headers",
    "head-too-long",
    "target-too-long",
    "body-too-large",
    "head-timeout",
    "body-timeout",
    "overloaded",
    "connections-full",
    "no-map",
    "node-down",
    "node-unknown",
    "node-unreachable",
    "moving",
    "parked-full",
    "answer-timeout",
    "answer-lost",
    "outcome-unknown",
    "bad-answer",
];

/// One worker's counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Answers of nodes by the first digit of their status.
    classes: [AtomicU64; 6],
    /// The proxy's own answers, as [`CODES`] has them.
    refusals: [AtomicU64; CODES.len()],
    times: [AtomicU64; BUCKETS_MICROS.len() + 1],
    time_micros: AtomicU64,
    cut: AtomicU64,
    pub(crate) connections: AtomicU64,
}

impl Metrics {
    /// A node answered.
    pub(crate) fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(self.classes.len() - 1);
        add(&self.classes[class], 1);
        self.took(took);
    }

    /// The proxy answered by itself.
    pub(crate) fn refused(&self, code: &'static str, _status: u16, took: Duration) {
        if let Some(index) = CODES.iter().position(|known| *known == code) {
            add(&self.refusals[index], 1);
        }
        self.took(took);
    }

    /// A node's answer broke off after some of it went out.
    pub(crate) fn cut(&self) {
        add(&self.cut, 1);
    }

    fn took(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.times[BUCKETS_MICROS.partition_point(|&end| end < micros)], 1);
        add(&self.time_micros, micros);
    }
}

/// Only the worker's own thread writes, so a load and a store suffice: no locked instruction.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// The counters of all workers together.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) classes: [u64; 6],
    pub(crate) refusals: [u64; CODES.len()],
    times: [u64; BUCKETS_MICROS.len() + 1],
    time_micros: u64,
    pub(crate) cut: u64,
    pub(crate) connections: u64,
}

impl Totals {
    pub(crate) fn of<'m>(workers: impl Iterator<Item = &'m Metrics>) -> Self {
        let mut totals = Self::default();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for metrics in workers {
            for (total, counter) in totals.classes.iter_mut().zip(&metrics.classes) {
                *total += load(counter);
            }
            for (total, counter) in totals.refusals.iter_mut().zip(&metrics.refusals) {
                *total += load(counter);
            }
            for (total, counter) in totals.times.iter_mut().zip(&metrics.times) {
                *total += load(counter);
            }
            totals.time_micros += load(&metrics.time_micros);
            totals.cut += load(&metrics.cut);
            totals.connections += load(&metrics.connections);
        }
        totals
    }

    /// Request times: (upper end in seconds, requests up to it), their count, their sum in seconds.
    pub(crate) fn times(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let mut count = 0;
        let mut buckets = Vec::with_capacity(BUCKETS_MICROS.len());
        for (&end, &more) in BUCKETS_MICROS.iter().zip(&self.times) {
            count += more;
            buckets.push((seconds(end), count));
        }
        let count = count + self.times[BUCKETS_MICROS.len()];
        (buckets, count, seconds(self.time_micros))
    }
}
