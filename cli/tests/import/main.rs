//! `ringway import`: good and bad configurations, and the real programs beside the imported map.

#[path = "../common/mod.rs"]
mod common;

mod bad;
mod good;
mod live;
mod plan;
