//! Cluster files, segments, epochs and moves as pure values.
//!
//! Nothing here opens a socket or reads a clock: events and time come in as arguments, actions go
//! out as values. The very code that runs is the code that is simulated and model-checked.
#![forbid(unsafe_code)]

mod balance;
mod file;
mod map_store;
mod modulo;
mod movement;
mod ownership;
mod plan;
mod record;
mod row;
mod segment;
mod throttle;

pub use crate::{
    balance::{Balance, BalanceRow},
    file::{ClusterFile, DeployedFields, FILE_BYTES_MAX, FileError, NodeEntry, normal_address},
    map_store::{
        Changes, CommitError, MapStore, Revision, Snapshot, StoreError, Transaction, WRITES_MAX,
    },
    modulo::Modulo,
    movement::{Action, Cursor, Event, Move, MoveLimits, Outcome, Rows as CopyRows, Verb},
    ownership::{
        Access, CallError, Fence, Holding, HoldingChanges, Holdings, Reconciled, Refusal, Rows,
        Standing, Summary, Tally,
    },
    plan::{NodeChange, PairMove, PlanSummary, modulo_moved},
    record::{
        BadIncarnation, BadKey, ConfigRecord, Incarnation, NodeRecord, Phase, Record, RecordKey,
        SegmentRecord,
    },
    row::{End, FRAME_HEADER_BYTES, Frame, FrameError, FrameReader, Row, count_frames},
    segment::{MERGE_MAX, SegmentTable, Step, StoredSegment, merges, node_may, seed, split, steps},
    throttle::{Grant, PageGrant, Throttle, ThrottleLimits},
};
