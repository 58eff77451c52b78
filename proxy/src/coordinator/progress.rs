//! What the coordinator is doing and has done, for the admin API, the metrics and the demo.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ringway_cluster::Outcome;
use serde::Serialize;

/// At most so many of the latest pauses are kept for the percentiles.
const PAUSES_MAX: usize = 65_536;

/// A move under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoveView {
    /// The segment's number in the store.
    pub segment: u64,
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// Who owns it.
    pub from: String,
    /// Who will.
    pub to: String,
    /// What is being done.
    pub step: &'static str,
    /// Rows sent so far.
    pub rows_sent: u64,
}

/// What has been done since the proxy started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Moves that were committed.
    pub moved: u64,
    /// Moves that were given up.
    pub aborted: u64,
    /// Moves that another coordinator or the store took out of our hands.
    pub lost: u64,
    /// Moves taken over from an earlier run.
    pub resumed: u64,
    /// Born segments that changed owner without a move.
    pub reassigned: u64,
    /// Rows sent, repeated ones included.
    pub rows_sent: u64,
    /// Bytes of rows sent, framing included.
    pub bytes_sent: u64,
    /// Milliseconds, over all moves, for which the rates of nodes held pages back.
    pub held_back_ms: u64,
}

/// How long clients of a moved range had to wait, freeze to activation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pauses {
    /// How many were measured.
    pub count: usize,
    /// The median, in milliseconds.
    pub median_ms: f64,
    /// 99 of 100 are at most this, in milliseconds.
    pub p99_ms: f64,
    /// The longest, in milliseconds.
    pub max_ms: f64,
}

/// Shared between the coordinator, which writes, and whoever looks.
#[derive(Debug, Default)]
pub struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    moves: BTreeMap<u64, MoveView>,
    totals: Totals,
    left: usize,
    pauses_us: Vec<u64>,
    failure: Option<String>,
}

impl Progress {
    /// The moves under way, by segment.
    #[must_use]
    pub fn moves(&self) -> Vec<MoveView> {
        self.state().moves.values().cloned().collect()
    }

    /// What has been done.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state().totals.clone()
    }

    /// How many segments are not yet as the target has them.
    #[must_use]
    pub fn left(&self) -> usize {
        self.state().left
    }

    /// The last thing that went wrong, until something goes right.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// The pauses of the latest 65,536 moves.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "microseconds of a pause are far below 2^52")]
    pub fn pauses(&self) -> Pauses {
        let mut sorted = self.state().pauses_us.clone();
        sorted.sort_unstable();
        let Some(&max) = sorted.last() else {
            return Pauses::default();
        };
        let at = |of_100: usize| sorted[(sorted.len() - 1) * of_100 / 100] as f64 / 1_000.0;
        Pauses {
            count: sorted.len(),
            median_ms: at(50),
            p99_ms: at(99),
            max_ms: max as f64 / 1_000.0,
        }
    }

    pub(super) fn show(&self, view: MoveView) {
        self.state().moves.insert(view.segment, view);
    }

    pub(super) fn set_left(&self, left: usize) {
        self.state().left = left;
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Totals)) {
        add(&mut self.state().totals);
    }

    pub(super) fn ended(&self, segment: u64, outcome: &Outcome, pause_us: Option<u64>) {
        let mut state = self.state();
        state.moves.remove(&segment);
        match outcome {
            Outcome::Moved { .. } => {
                state.totals.moved += 1;
                state.failure = None;
            }
            Outcome::Aborted { reason } => {
                state.totals.aborted += 1;
                state.failure = Some(reason.clone());
            }
            Outcome::Lost => state.totals.lost += 1,
        }
        if let Some(pause_us) = pause_us {
            if state.pauses_us.len() == PAUSES_MAX {
                state.pauses_us.remove(0);
            }
            state.pauses_us.push(pause_us);
        }
    }

    pub(super) fn failed(&self, reason: String) {
        self.state().failure = Some(reason);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock holds counters at worst a little off.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
