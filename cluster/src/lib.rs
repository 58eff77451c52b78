//! Cluster files, segments, epochs and moves as pure values.
//!
//! Nothing here opens a socket or reads a clock: events and time come in as arguments, actions go
//! out as values. The very code that runs is the code that is simulated and model-checked.
#![forbid(unsafe_code)]

mod map_store;
mod record;
mod segment;

pub use crate::{
    map_store::{
        Changes, CommitError, MapStore, Revision, Snapshot, StoreError, Transaction, WRITES_MAX,
    },
    record::{
        BadIncarnation, BadKey, ConfigRecord, Incarnation, NodeRecord, Phase, Record, RecordKey,
        SegmentRecord,
    },
    segment::{MERGE_MAX, SegmentTable, Step, StoredSegment, merges, node_may, seed, split, steps},
};
