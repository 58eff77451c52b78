//! The store for nodes over HTTP (spec/NODE.md §6): the proxy's end and the node's.

mod client;
mod service;
mod wire;

pub use self::{
    client::{NodeStore, NodeStoreOptions, SegmentChanges},
    service::NodeStoreService,
};

/// A request that waits for a change is answered after this many seconds, change or not.
pub const POLL_SECONDS_MAX: u64 = 25;
