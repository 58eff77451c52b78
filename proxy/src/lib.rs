//! The sharding proxy: listeners, admin API, metrics, and the coordinator that moves state.
#![forbid(unsafe_code)]

pub mod control;
pub mod coordinator;
