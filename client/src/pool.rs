//! Idle connections per node and incarnation.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::{connection::NodeConnection, limits::SendLimits, router::NodeRoute};

/// Idle connections, the last used first.
///
/// Each worker has its own, so that its lock is never contended and connections stay on the
/// thread that opened them. A node that comes back with another incarnation or address has another
/// slot: none of its former connections is used again.
#[derive(Debug)]
#[allow(clippy::vec_box, reason = "a connection is moved often, and is large")]
pub struct Pool {
    limits: SendLimits,
    slots: Mutex<Vec<Vec<Box<NodeConnection>>>>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub const fn new(limits: SendLimits) -> Self {
        Self { limits, slots: Mutex::new(Vec::new()) }
    }

    /// Takes a connection to `node` that looks alive.
    ///
    /// `is_safe` says that the request may be sent again if it is not; for others the system is
    /// asked, because a write to a connection that its node has ended has an unknown outcome.
    #[must_use]
    pub fn take(
        &self,
        node: &NodeRoute,
        is_safe: bool,
        now: Instant,
    ) -> Option<Box<NodeConnection>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get_mut(node.pool_slot)?;
        if slot.is_empty() {
            return None;
        }
        while let Some(connection) = slot.pop() {
            let stale =
                if is_safe { connection.is_stale() } else { connection.is_stale_for_sure() };
            if self.is_fresh(&connection, now) && !stale {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose answer was taken whole, if it may carry another request.
    #[allow(clippy::boxed_local, reason = "it came from here in that box, and goes back in it")]
    pub fn put(&self, node: &NodeRoute, mut connection: Box<NodeConnection>) {
        let now = Instant::now();
        if !connection.is_reusable() || now - connection.opened >= self.limits.age_max {
            return;
        }
        connection.used = now;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() <= node.pool_slot {
            slots.resize_with(node.pool_slot + 1, Vec::new);
        }
        let slot = &mut slots[node.pool_slot];
        if slot.len() < self.limits.idle_connections_max {
            slot.push(connection);
        }
    }

    /// Closes what has been idle for too long or was ended by its node; call it now and then.
    pub fn sweep(&self) {
        let now = Instant::now();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.iter_mut() {
            slot.retain(|connection| self.is_fresh(connection, now) && !connection.is_stale());
        }
    }

    /// How many idle connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.iter().map(Vec::len).sum()
    }

    /// Whether there is no idle connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_fresh(&self, connection: &NodeConnection, now: Instant) -> bool {
        now - connection.used < self.limits.idle_max
            && now - connection.opened < self.limits.age_max
    }
}
