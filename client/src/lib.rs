//! The way of a request to its node: routing, parking, pools, and HTTP/1.1 on the wire.
//!
//! The proxy is built on this crate, and a program that links it is its own proxy: [`Client`]
//! finds the owner, waits out a move and re-sends exactly as the proxy does.
//!
//! - [`Router`] is an immutable snapshot of the map; [`Map`] is a thread's cheap view of the
//!   newest one, kept up to date by [`follow`].
//! - [`Sender`] carries one request to its owner: connects, re-sends where that is safe, parks
//!   while the owner changes.
//! - [`Pool`] keeps idle connections per node and incarnation.
//! - [`http1`] reads and writes messages: one strict parser for both sides.
#![forbid(unsafe_code)]

mod client;
mod connection;
pub mod http1;
mod keepers;
mod limits;
mod map;
mod pool;
mod router;
mod send;
mod send_error;

pub use crate::{
    client::{Client, ClientAnswer},
    connection::{NodeConnection, ReadHeadError, read_head},
    limits::SendLimits,
    map::{Map, MapFeed, RouterHandle, follow},
    pool::Pool,
    router::{NodeRoute, Route, Router},
    send::{Answer, Outgoing, OutgoingBody, SendStats, Sender},
    send_error::{Repeat, SendError},
};
