//! Answers.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Full;

pub(crate) type Reply = Response<Full<Bytes>>;

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// A status with a line for people.
pub(crate) fn text(status: StatusCode, line: &str) -> Reply {
    let mut reply = Response::new(Full::new(format!("{line}\n").into()));
    *reply.status_mut() = status;
    with(reply, CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
}

/// 503 with `Retry-After: 1`.
pub(crate) fn unavailable(line: &str) -> Reply {
    let reply = text(StatusCode::SERVICE_UNAVAILABLE, line);
    with(reply, RETRY_AFTER, HeaderValue::from_static("1"))
}

/// The reply with one header more.
pub(crate) fn with(mut reply: Reply, name: HeaderName, value: HeaderValue) -> Reply {
    reply.headers_mut().insert(name, value);
    reply
}
