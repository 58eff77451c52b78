//! What the admin API answers, as far as it is read here.

use serde::Deserialize;

/// `GET /nodes`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NodesView {
    pub(crate) nodes: Vec<NodeView>,
}

/// One node.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NodeView {
    pub(crate) name: String,
    pub(crate) weight: u32,
    pub(crate) zone: Option<String>,
    /// `up`, `down`, `drain`, or `leaving`: removed, but it still owns something.
    pub(crate) state: String,
    pub(crate) address: Option<String>,
    pub(crate) control: Option<String>,
    /// The part of all positions that it owns now.
    pub(crate) share: f64,
    /// The part that it will own.
    pub(crate) target_share: f64,
    /// In how many pieces it owns it.
    pub(crate) segments: u64,
}

/// `GET /moves`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MovesView {
    /// Why no further move begins, if that is so.
    pub(crate) paused: Option<String>,
    /// How many ranges were not as they shall be when the proxy looked last.
    pub(crate) left: u64,
    pub(crate) moves: Vec<MoveView>,
    /// Ranges that are between two owners in the store.
    pub(crate) segments: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(crate) limits: LimitsView,
    pub(crate) totals: TotalsView,
    pub(crate) pauses: PausesView,
    pub(crate) failure: Option<String>,
}

/// A move under way.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MoveView {
    pub(crate) segment: u64,
    pub(crate) lo: u64,
    pub(crate) hi: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) step: String,
    pub(crate) rows_sent: u64,
}

/// How much one node has to do for its moves at most; a rate of 0 does not limit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct LimitsView {
    pub(crate) rows_per_second_max: u64,
    pub(crate) bytes_per_second_max: u64,
}

/// What was moved since the proxy started.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct TotalsView {
    pub(crate) moved: u64,
    pub(crate) aborted: u64,
    pub(crate) resumed: u64,
    pub(crate) reassigned: u64,
    pub(crate) rows_sent: u64,
    pub(crate) bytes_sent: u64,
    #[serde(default)]
    pub(crate) held_back_ms: u64,
}

/// How long ranges were refused while their owner changed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct PausesView {
    pub(crate) count: u64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// `GET /cluster`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ClusterView {
    pub(crate) toml: String,
}

/// `GET /status`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatusView {
    pub(crate) version: String,
    pub(crate) uptime_s: u64,
    pub(crate) config: u64,
    pub(crate) layout: String,
    /// Of the table that keys are on their way to.
    pub(crate) fingerprint: String,
    pub(crate) nodes: Vec<NodeView>,
    pub(crate) moves_left: u64,
    pub(crate) paused: Option<String>,
    pub(crate) failure: Option<String>,
    /// How the cluster file differed from the store when the proxy started.
    pub(crate) difference: Option<String>,
    /// Why the map may be old.
    pub(crate) map_fault: Option<String>,
    pub(crate) connections: u64,
    pub(crate) requests_in_flight: u64,
    pub(crate) requests_parked: u64,
}

/// Whether nodes own what they shall, and nothing is under way.
///
/// The proxy counts what is left only after it has read a change, so the shares have a say.
#[allow(clippy::float_cmp, reason = "both are the same division of whole numbers when they agree")]
pub(crate) fn is_settled(nodes: &[NodeView], moves: &MovesView) -> bool {
    let settled = |node: &NodeView| node.share == node.target_share && node.state != "leaving";
    nodes.iter().all(settled)
        && moves.left == 0
        && moves.moves.is_empty()
        && moves.segments.is_empty()
}
