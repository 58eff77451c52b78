//! Where the map is kept: implementations of [`MapStore`](ringway_cluster::MapStore), and the
//! store as nodes see it.
//!
//! - [`EmbeddedStore`]: a directory beside the one proxy that uses it.
//! - [`MemoryStore`]: the same rules without a disk, for tests and simulations.
//! - [`NodeStoreService`] and [`NodeStore`]: both ends of the proxy's `/store/*`, through which
//!   nodes read segments and make the few changes that are theirs.
//! - [`seed_if_empty`]: turns a cluster file into the first records.
#![forbid(unsafe_code)]

mod embedded;
mod http;
mod ledger;
mod memory;
mod seed;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use crate::embedded::fuzzing;
pub use crate::{
    embedded::{EmbeddedOptions, EmbeddedStore, OpenError, Opened, Status, TornTail},
    http::{NodeStore, NodeStoreOptions, NodeStoreService, POLL_SECONDS_MAX, SegmentChanges},
    ledger::{MAP_BYTES_MAX, RECORD_BYTES_MAX, RECORDS_MAX, TRANSACTION_BYTES_MAX},
    memory::MemoryStore,
    seed::{SeedError, Seeded, seed_if_empty},
};
