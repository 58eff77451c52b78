//! A stateful node behind a Ringway proxy: the node contract (spec/NODE.md) over a store of rows.
//!
//! ```text
//! data listener -----+                     +-- rows, change log and holdings: SQLite or memory
//!                    +-- engine: one writer, readers
//! control listener --+        |
//!                         reconciler ------- the store of the map
//! ```
//!
//! Which node may answer for a position is decided by [`ringway_cluster::Holdings`], a value; this
//! crate keeps it in the same transaction as the rows, and brings it requests, control calls and
//! records of the store. Deliberately absent: any clock, lease or message between nodes on which
//! it would depend that a key has one owner.
#![forbid(unsafe_code)]

/// The guide compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/nodes.md")]
struct Guide;

mod clock;
mod engine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod layer;
mod map;
mod metrics;
mod node;
mod owned;
mod reconcile;
mod rows;
mod shard;
mod sweep;
mod transfer;

/// The SQL of tables that move is written with this crate.
pub use rusqlite;

pub use crate::{
    clock::Clock,
    layer::{ShardLayer, ShardService},
    map::MapReader,
    node::{Node, NodeOptions, Reporter, StartError, read_token},
    owned::{Owned, Refused, Transaction, View},
    rows::{
        Changed, Failure, Head, Logged, Look, MemoryStore, RowReader, RowSnapshot, RowStore,
        RowTransaction, RowWriter, SqlWork, SqliteOptions, SqliteStore, Tables, Work, ring_pos,
        ring_position,
    },
    shard::Shard,
};
