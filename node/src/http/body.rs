//! Bodies: how much, how slowly, and what happens to those that nobody wants.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONNECTION, EXPECT},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use super::reply::{Reply, text, unavailable, with};

/// A body that brings no byte for so long is given up.
const PIECE_MS_MAX: u64 = 30_000;
/// A body that is not whole after so long is given up.
const BODY_MS_MAX: u64 = 600_000;
/// An unwanted body of up to this size is read away, so that the connection can go on.
const SCRAP_BYTES_MAX: u64 = 64 << 10;
const SCRAP_MS_MAX: u64 = 2_000;

/// The memory that all bodies together may take.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    free: Arc<AtomicUsize>,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { free: Arc::new(AtomicUsize::new(bytes_max)) }
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |free: usize| free.checked_sub(bytes);
        self.free.try_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A body that was read whole, and its share of the memory until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    _share: Share,
}

#[derive(Debug)]
struct Share {
    memory: Memory,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// The bytes, and what gives their memory back when it is dropped.
    pub(crate) fn into_parts(self) -> (Vec<u8>, impl Send + 'static) {
        (self.bytes, self._share)
    }
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, Reply> {
    loop {
        let Ok(frame) = timeout(Duration::from_millis(PIECE_MS_MAX), body.frame()).await else {
            return Err(closing(text(
                StatusCode::REQUEST_TIMEOUT,
                "the body stopped arriving; nothing was executed",
            )));
        };
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                let line = format!("the body can't be read: {error}; nothing was executed");
                return Err(closing(text(StatusCode::BAD_REQUEST, &line)));
            }
            // Trailers say nothing here.
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// Reads a body of up to `bytes_max`.
pub(crate) async fn read(
    mut body: Incoming,
    bytes_max: usize,
    memory: &Memory,
) -> Result<Held, Reply> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(bytes_max);
    let mut share = Share { memory: memory.clone(), bytes: 0 };
    // Memory follows the bytes that arrive, not those that were announced.
    let mut bytes = Vec::with_capacity(announced.min(64 << 10));
    let deadline = Instant::now() + Duration::from_millis(BODY_MS_MAX);
    loop {
        let Ok(piece) = timeout_at(deadline, piece(&mut body)).await else {
            return Err(closing(text(
                StatusCode::REQUEST_TIMEOUT,
                "the body took too long; nothing was executed",
            )));
        };
        let Some(piece) = piece? else {
            return Ok(Held { bytes, _share: share });
        };
        if piece.len() > bytes_max - bytes.len() {
            return Err(closing(too_large(bytes_max)));
        }
        if !memory.take(piece.len()) {
            return Err(closing(unavailable("too many bodies at a time; nothing was executed")));
        }
        share.bytes += piece.len();
        bytes.extend_from_slice(&piece);
    }
}

pub(crate) fn too_large(bytes_max: usize) -> Reply {
    let line = format!("the body is above body_bytes_max, {bytes_max} bytes");
    text(StatusCode::PAYLOAD_TOO_LARGE, &line)
}

/// Finishes a request whose body was not read: `reply` is on its way at once.
///
/// A small body is read away; before a large or unknown one, or one whose client waits for `100
/// Continue`, the connection is closed.
pub(crate) fn unread(reply: Reply, headers: &HeaderMap, mut body: Incoming) -> Reply {
    if body.is_end_stream() {
        return reply;
    }
    let small = body.size_hint().upper().is_some_and(|bytes| bytes <= SCRAP_BYTES_MAX);
    if !small || headers.contains_key(EXPECT) {
        return closing(reply);
    }
    tokio::spawn(async move {
        let scrap = async { while let Some(Ok(_)) = body.frame().await {} };
        // If it is not there by then, dropping it closes the connection.
        let _ = timeout(Duration::from_millis(SCRAP_MS_MAX), scrap).await;
    });
    reply
}

fn closing(reply: Reply) -> Reply {
    with(reply, CONNECTION, HeaderValue::from_static("close"))
}
