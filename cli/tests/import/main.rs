//! `ringway import`: good and bad configurations, and the real programs beside the imported map.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../proxy/tests/support/free_address.rs"]
mod free_address;

mod bad;
mod good;
mod live;
mod plan;
