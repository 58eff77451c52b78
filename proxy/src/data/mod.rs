//! The data path: a client's requests to their nodes, and the answers back.
//!
//! One task serves one client connection, from its head to the answer's last byte; the connection
//! to the node is lent to it by the worker's pool. Nothing else is spawned, and no byte is copied
//! to another task.

mod fault;
mod key;
mod relay;
mod request;
mod serve;
mod upload;
mod worker;

pub use self::key::{KeyError, KeySource};
pub(crate) use self::worker::{Shared, Worker, spawn};
