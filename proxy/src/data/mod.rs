//! The data path: a client's requests to their nodes, and the answers back.
//!
//! One task serves one client connection, from a head's first byte to the answer's last; the
//! connection to the node is lent to it by the worker's pool. Nothing else is spawned, no byte
//! goes through another task, and between two workers nothing is shared but two counters and the
//! map.
//!
//! Messages are read with `ringway_client::http1` and not with hyper, for two reasons. hyper drops
//! a `Content-Length` that stands beside `Transfer-Encoding` before anybody can refuse the request,
//! and takes bare line feeds. And it tells whether a request was taken from its queue, not whether
//! the system took a byte of it; what may be sent again depends on that.
//!
//! What a request gains on its way: `Ringway-Position`, `Ringway-Epoch` and `Ringway-Key`; the
//! client's address at the end of `X-Forwarded-For`; `Via: 1.1 ringway`. `Host` stays as it is.
//! What it loses, and answers lose too: `Ringway-*`, whatever `Connection` lists, the standard
//! headers of one hop, trailers.

mod fault;
mod key;
mod relay;
mod request;
mod serve;
mod upload;
mod worker;

pub use self::key::{KeyError, KeySource};
pub(crate) use self::worker::{Shared, Worker, spawn};

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    //! For `crate::fuzzing`.
    pub(crate) use super::{
        relay::write_head,
        request::{Context, Plan, Prepared, read, write_framing},
    };
}
