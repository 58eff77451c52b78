//! The sharding proxy: listeners, admin API, metrics, and the coordinator that moves state.
//!
//! [`Proxy::start`] runs one in this process; [`Config`] says how.
#![forbid(unsafe_code)]

mod admin;
mod config;
pub mod control;
pub mod coordinator;
mod data;
mod events;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod listen;
mod metrics;
mod start;

pub use crate::{
    config::{Config, ConfigError, Limits},
    data::{KeyError, KeySource},
    start::{Proxy, StartError},
};
