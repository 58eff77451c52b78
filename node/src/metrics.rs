//! Counters, in Prometheus' text form.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ringway_cluster::{Holdings, Standing};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    pub(crate) fn add_many(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }
}

/// What a node counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Counter,
    pub(crate) misdirected: Counter,
    pub(crate) unavailable: Counter,
    pub(crate) control_calls: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) store_reads: Counter,
    pub(crate) store_errors: Counter,
    pub(crate) store_behind: Counter,
    pub(crate) unclear: Counter,
    pub(crate) aborts: Counter,
    pub(crate) swept: Counter,
    pub(crate) kept: Counter,
    pub(crate) replayed: Counter,
    mismatched: Mutex<BTreeSet<u64>>,
}

impl Metrics {
    /// Notes whether the segment at `lo` expects another incarnation; whether that is news.
    pub(crate) fn mismatch(&self, lo: u64, is_mismatch: bool) -> bool {
        let mut mismatched = self.mismatched.lock().unwrap_or_else(PoisonError::into_inner);
        if is_mismatch { mismatched.insert(lo) } else { mismatched.remove(&lo) }
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self, holdings: &Holdings) -> String {
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, samples: &[(&str, u64)]| {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        for (name, help, counter) in [
            ("requests", "Data requests.", &self.requests),
            ("misdirected", "Data requests answered 421.", &self.misdirected),
            ("unavailable", "Data requests answered 503.", &self.unavailable),
            ("control_calls", "Control calls with the right token.", &self.control_calls),
            (
                "connections_refused",
                "Connections above connections_max.",
                &self.connections_refused,
            ),
            ("store_reads", "Reads of segments from the store.", &self.store_reads),
            ("store_errors", "Reads or writes of the store that failed.", &self.store_errors),
            ("store_behind", "Records of the store older than this node.", &self.store_behind),
            ("unclear", "Records that make no sense here.", &self.unclear),
            ("aborts", "Moves that this node aborted after a long freeze.", &self.aborts),
            ("ended_rows", "Rows, kept answers included, deleted because they ended.", &self.swept),
            ("answers_kept", "Answers kept for an Idempotency-Key.", &self.kept),
            ("answers_replayed", "Requests answered by a kept answer.", &self.replayed),
        ] {
            let value = counter.0.load(Ordering::Relaxed);
            put(&format!("ringway_node_{name}_total"), "counter", help, &[("", value)]);
        }
        let mismatched = self.mismatched.lock().unwrap_or_else(PoisonError::into_inner).len();
        put(
            "ringway_node_incarnation_mismatch",
            "gauge",
            "Segments that the store gives to another data directory of this node's name.",
            &[("", mismatched as u64)],
        );
        let count = |fits: fn(Standing) -> bool| {
            holdings.iter().filter(|holding| fits(holding.standing)).count() as u64
        };
        put(
            "ringway_node_ranges",
            "gauge",
            "Runs of positions that the node knows of.",
            &[
                ("{standing=\"foreign\"}", count(|s| matches!(s, Standing::Foreign { .. }))),
                ("{standing=\"staging\"}", count(|s| matches!(s, Standing::Staging { .. }))),
                ("{standing=\"sealed\"}", count(|s| matches!(s, Standing::Sealed { .. }))),
                ("{standing=\"owned\"}", count(|s| s == Standing::Owned)),
                ("{standing=\"frozen\"}", count(|s| s == Standing::Frozen)),
            ],
        );
        text
    }
}
