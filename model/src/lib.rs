//! The handoff, model-checked: every order of events that a small cluster can have.
//!
//! What is checked is the shipped code: [`Holdings`](ringway_cluster::Holdings) with every control
//! call, [`Move`](ringway_cluster::Move), the records, splits, merges, and the checks that a store
//! makes. Around it lies a world that does its worst, under the model checker `stateright`:
//!
//! - Each control call and each compare-and-swap, once sent, may arrive at any later time, any
//!   number of times, with its answer lost.
//! - A request may be routed by any map that the store ever held: that is any number of proxies,
//!   each as stale as it likes. A client may or may not hear what became of its write.
//! - A node may apply any record that the store ever held, at any time: a late read of the store.
//!   All that a node knows is durable, so a crash of a node takes nothing but time.
//! - A coordinator may die at every step, with its last compare-and-swap under way.
//! - Disks are lost, and an operator accepts the loss.
//! - There is no clock: whatever may time out may do so at any time.
//!
//! After every step: no position is served by two nodes; what can be read is explained by a
//! linearizable register for each key; what a node has seen never falls; and one coordinator and
//! reachable nodes would bring the cluster to rest, every position served. Each weakened rule
//! ([`Weakness`]) is tampered with from outside, around the shipped code, and must break one of
//! these.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test program: what can't be must stop it"
)]

mod act;
mod client;
mod config;
mod coordinator;
mod node;
mod recovery;
mod report;
mod shared;
mod state;

pub use crate::{
    act::Step,
    config::{Config, Weakness, large, small, weakened},
    report::{Report, check},
    state::{State, World},
};
