//! The limits of sending.

use std::time::Duration;

/// How long and how much a [`Sender`](crate::Sender) bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendLimits {
    /// How long a connect may take.
    pub connect_max: Duration,
    /// How long a node may take from the request's first byte to its answer's head.
    pub answer_max: Duration,
    /// How long a request waits for a segment whose owner changes.
    pub park_max: Duration,
    /// How many requests wait so at once, over all senders that share a map.
    pub parked_max: usize,
    /// How many bytes the head of an answer may have.
    pub head_bytes_max: usize,
    /// How many idle connections a pool keeps per node.
    pub idle_connections_max: usize,
    /// How long a connection may be idle before it is closed.
    pub idle_max: Duration,
    /// How old a connection may grow.
    pub age_max: Duration,
}

impl Default for SendLimits {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(1),
            answer_max: Duration::from_secs(60),
            park_max: Duration::from_secs(2),
            parked_max: 10_000,
            head_bytes_max: 32 << 10,
            idle_connections_max: 256,
            idle_max: Duration::from_secs(30),
            age_max: Duration::from_secs(600),
        }
    }
}
