//! Which nodes keep the answers to requests with an `Idempotency-Key`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::router::NodeRoute;

/// What nodes have said of themselves, by their place in the pools: name, incarnation and address.
///
/// A node that keeps answers says so for all its incarnation's life (spec/NODE.md §2), so one
/// question is enough, and what it said is never out of date.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    slots: Mutex<Vec<Option<Duration>>>,
}

impl Keepers {
    /// For how long the node keeps an answer, zero if it does not; `None` if nobody asked it yet.
    pub(crate) fn keeps_for(&self, node: &NodeRoute) -> Option<Duration> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(node.pool_slot).copied().flatten()
    }

    /// Notes what the node said.
    pub(crate) fn note(&self, node: &NodeRoute, keeps_for: Duration) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() <= node.pool_slot {
            slots.resize(node.pool_slot + 1, None);
        }
        slots[node.pool_slot] = Some(keeps_for);
    }
}
