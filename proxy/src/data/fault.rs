//! Answers of the proxy's own: what is wrong, whose fault it is, whether a retry is safe.

use std::{borrow::Cow, io::Write as _, time::SystemTime};

use ringway_client::SendError;

/// Why the proxy answers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    /// The machine name, in `Ringway-Error`.
    pub(crate) code: &'static str,
    /// One line: whose fault, what, and whether a retry is safe.
    pub(crate) message: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request can't be read: the client's fault.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, code, message)
    }

    /// Appends the whole answer.
    pub(crate) fn write(&self, to_head: bool, close: bool, out: &mut Vec<u8>) {
        let (status, reason) = (self.status, reason(self.status));
        let length = self.message.len() + 1;
        let date = httpdate::fmt_http_date(SystemTime::now());
        // Writing to a `Vec` cannot fail.
        let _ = write!(
            out,
            "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
             Ringway-Error: {}\r\n",
            self.code
        );
        if status == 503 {
            out.extend_from_slice(b"Retry-After: 1\r\n");
        }
        if close {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !to_head {
            out.extend_from_slice(self.message.as_bytes());
            out.push(b'\n');
        }
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        let whose = match &error {
            SendError::NoMap | SendError::ParkedFull => "proxy",
            _ => "node",
        };
        Self::new(error.status(), error.code(), format!("{whose}: {error}"))
    }
}

/// The reason phrase of the statuses that the proxy answers by itself.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}
