//! The metrics, in Prometheus' text form.

use std::{
    fmt::{Display, Write as _},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ringway_client::SendStats;

use super::Admin;
use crate::{
    data::Worker,
    metrics::{CODES, Totals},
};

/// A text that grows family by family.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}

impl Admin {
    pub(super) fn metrics_text(&self) -> String {
        let mut text = Text::default();
        self.write_requests(&mut text);
        self.write_sending(&mut text);
        self.write_moves(&mut text);
        text.0
    }

    fn write_requests(&self, text: &mut Text) {
        let totals = Totals::of(self.workers.iter().map(|worker| &worker.metrics));
        let name = "ringway_node_answers_total";
        text.family(name, "counter", "Answers of nodes that were relayed, by class of status.");
        for (class, count) in totals.classes.iter().enumerate().skip(1) {
            text.sample(name, &format!("{{class=\"{class}xx\"}}"), count);
        }
        let name = "ringway_refusals_total";
        text.family(name, "counter", "Answers of the proxy's own, by Ringway-Error.");
        for (code, count) in CODES.iter().zip(totals.refusals) {
            text.sample(name, &format!("{{code=\"{code}\"}}"), count);
        }
        let help = "Answers that broke off after some of it went out.";
        text.single("ringway_answers_cut_total", "counter", help, totals.cut);
        let name = "ringway_request_seconds";
        text.family(name, "histogram", "From a request's head to its answer's head.");
        let (buckets, count, sum) = totals.times();
        for (end, below) in buckets {
            text.sample("ringway_request_seconds_bucket", &format!("{{le=\"{end}\"}}"), below);
        }
        text.sample("ringway_request_seconds_bucket", "{le=\"+Inf\"}", count);
        text.sample("ringway_request_seconds_sum", "", sum);
        text.sample("ringway_request_seconds_count", "", count);
        let help = "Connections that clients have opened.";
        text.single("ringway_connections_total", "counter", help, totals.connections);
        let help = "Connections of clients.";
        text.single("ringway_connections", "gauge", help, self.shared.connections());
        let help = "Requests being served.";
        text.single("ringway_requests_in_flight", "gauge", help, self.shared.in_flight());
        let help = "Requests that wait for a key that moves.";
        text.single("ringway_requests_parked", "gauge", help, self.feed.parked());
    }

    fn write_sending(&self, text: &mut Text) {
        let sum = |counter: fn(&SendStats) -> &AtomicU64| -> u64 {
            let load = |worker: &std::sync::Arc<Worker>| {
                counter(worker.sender.stats()).load(Ordering::Relaxed)
            };
            self.workers.iter().map(load).sum()
        };
        let mut counter = |name: &str, help: &str, value: u64| {
            text.single(name, "counter", help, value);
        };
        let help = "Connections opened to nodes.";
        counter("ringway_node_connects_total", help, sum(|stats| &stats.connects));
        let help = "Requests that a node refused with 421: the map was old, or the key moved.";
        counter("ringway_misdirected_total", help, sum(|stats| &stats.misdirected));
        let help = "Requests sent again after their connection broke.";
        counter("ringway_resent_total", help, sum(|stats| &stats.resent));
        let help = "Those with an Idempotency-Key, which may have been executed before.";
        counter("ringway_resent_keyed_total", help, sum(|stats| &stats.resent_keyed));
        let help = "Requests that waited for a key that moved.";
        counter("ringway_parked_total", help, sum(|stats| &stats.parked));
        let waited = Duration::from_micros(sum(|stats| &stats.parked_micros)).as_secs_f64();
        let help = "How long requests waited for keys that moved.";
        text.single("ringway_parked_seconds_total", "counter", help, waited);
        let idle: usize = self.workers.iter().map(|worker| worker.sender.pool().len()).sum();
        let help = "Idle connections to nodes.";
        text.single("ringway_node_connections_idle", "gauge", help, idle);
    }

    fn write_moves(&self, text: &mut Text) {
        let totals = self.progress.totals();
        let name = "ringway_moves_total";
        text.family(name, "counter", "Moves of segments, by how they ended.");
        for (outcome, count) in
            [("moved", totals.moved), ("aborted", totals.aborted), ("lost", totals.lost)]
        {
            text.sample(name, &format!("{{outcome=\"{outcome}\"}}"), count);
        }
        let help = "Rows sent from node to node, repeated ones included.";
        text.single("ringway_move_rows_total", "counter", help, totals.rows_sent);
        let help = "Bytes of rows sent from node to node.";
        text.single("ringway_move_bytes_total", "counter", help, totals.bytes_sent);
        let held_back = Duration::from_millis(totals.held_back_ms).as_secs_f64();
        let help = "How long pages of rows were held back by the rates of nodes, over all moves.";
        text.single("ringway_move_held_back_seconds_total", "counter", help, held_back);
        let help = "Moves under way.";
        text.single("ringway_moves_under_way", "gauge", help, self.progress.moves().len());
        let throttle = self.limits.throttle;
        let help = "Rows that may leave or reach one node in a second; 0: no limit.";
        let name = "ringway_move_rows_per_second_max";
        text.single(name, "gauge", help, throttle.rows_per_second_max);
        let help = "Bytes that may leave or reach one node in a second; 0: no limit.";
        let name = "ringway_move_bytes_per_second_max";
        text.single(name, "gauge", help, throttle.bytes_per_second_max);
        let help = "Segments that are not yet as the target has them.";
        text.single("ringway_moves_left", "gauge", help, self.progress.left());
        let pauses = self.progress.pauses();
        let name = "ringway_move_pause_seconds";
        text.family(name, "gauge", "How long clients of a moved segment waited, of late.");
        for (quantile, ms) in
            [("0.5", pauses.median_ms), ("0.99", pauses.p99_ms), ("1", pauses.max_ms)]
        {
            text.sample(name, &format!("{{quantile=\"{quantile}\"}}"), ms / 1_000.0);
        }
        let revision = self.workers.first().and_then(|worker| worker.sender.map().current());
        let help = "The revision of the map that requests are routed by.";
        let revision = revision.map_or(0, |router| router.revision());
        text.single("ringway_map_revision", "gauge", help, revision);
        let following = u8::from(self.feed.fault().is_none());
        text.single("ringway_map_followed", "gauge", "1 while the store is followed.", following);
        let uptime = self.started.elapsed().as_secs_f64();
        text.single("ringway_uptime_seconds", "gauge", "Since the proxy started.", uptime);
        let version = env!("CARGO_PKG_VERSION");
        text.family("ringway_build_info", "gauge", "The version.");
        text.sample("ringway_build_info", &format!("{{version=\"{version}\"}}"), 1);
    }
}
