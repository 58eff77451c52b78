//! A small HTTP/1.1 client: one connection that is opened when needed and kept.

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// Where a server is: `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    authority: String,
}

impl Origin {
    /// The server at `host:port`.
    pub(crate) fn of_address(address: &str) -> Self {
        Self { authority: address.to_owned() }
    }

    /// Reads `http://HOST[:PORT][/]`.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not spoken here; write http://HOST:PORT"));
            }
            None => return Err("write http://HOST:PORT".to_owned()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let odd =
            |letter: char| letter.is_whitespace() || letter.is_control() || "/?#@".contains(letter);
        if authority.is_empty() || authority.contains(odd) {
            return Err("write http://HOST:PORT, without a path".to_owned());
        }
        let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or("no port"))),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err("the host is missing; write http://HOST:PORT".to_owned());
        }
        match port {
            None => Ok(Self { authority: format!("{authority}:80") }),
            Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(Self { authority: authority.to_owned() })
            }
            Some(_) => Err("the port is no number from 1 to 65535".to_owned()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// How long an exchange may take, and how much an answer may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) exchange_ms_max: u64,
    pub(crate) answer_bytes_max: usize,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// No connection; nothing was sent.
    NotConnected(io::Error),
    /// The connection was closed before the request was on its way.
    NotSent,
    /// The connection broke after the request was on its way.
    Broken(String),
    /// Nothing came in time.
    Late,
    /// The answer is longer than the limit.
    TooLong,
}

impl NoAnswer {
    /// Whether the server cannot have seen the request.
    pub(crate) const fn was_not_sent(&self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::NotSent)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => write!(f, "cannot connect: {error}"),
            Self::NotSent => f.write_str("the connection was closed"),
            Self::Broken(reason) => write!(f, "the connection broke: {reason}"),
            Self::Late => f.write_str("no answer in time"),
            Self::TooLong => f.write_str("the answer is too long"),
        }
    }
}

/// A connection to one server, opened when it is needed and kept.
pub(crate) struct Connection {
    origin: Origin,
    limits: Limits,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) const fn new(origin: Origin, limits: Limits) -> Self {
        Self { origin, limits, open: None }
    }

    /// One exchange; `Host` is added. Never repeated here.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, NoAnswer> {
        let deadline = Instant::now() + Duration::from_millis(self.limits.exchange_ms_max);
        if let Ok(host) = self.origin.authority.parse() {
            request.headers_mut().insert(http::header::HOST, host);
        }
        let mut sender = match timeout_at(deadline, self.ready()).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(error)) => return Err(NoAnswer::NotConnected(error)),
            Err(_) => return Err(NoAnswer::NotConnected(io::ErrorKind::TimedOut.into())),
        };
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| {
                if error.is_canceled() { NoAnswer::NotSent } else { broken(&error) }
            })?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, self.limits.answer_bytes_max).collect().await;
            let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => NoAnswer::TooLong,
                Err(error) => broken(&*error),
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        let answer = timeout_at(deadline, exchange).await.map_err(|_| NoAnswer::Late)??;
        // Only a connection whose answer was read whole is used again.
        self.open = Some(sender);
        Ok(answer)
    }

    /// The kept connection if it is still open, else a new one.
    async fn ready(&mut self) -> io::Result<SendRequest<Full<Bytes>>> {
        if let Some(mut sender) = self.open.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let stream = TcpStream::connect(&self.origin.authority).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(driver);
        Ok(sender)
    }
}

fn broken(error: &(dyn std::error::Error + 'static)) -> NoAnswer {
    // The innermost error says most: "connection reset by peer" rather than "connection error".
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    NoAnswer::Broken(innermost.to_string())
}

/// Appends bytes as a part of a URL: all but letters, digits, `-._~` and what is in `kept`
/// as `%XX`.
pub(crate) fn percent_encode(bytes: &[u8], kept: &[u8], out: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (url, authority) in [
            ("http://127.0.0.1:7070", "127.0.0.1:7070"),
            ("http://localhost/", "localhost:80"),
            ("http://[::1]:7070/", "[::1]:7070"),
            ("http://[::1]", "[::1]:80"),
        ] {
            assert_eq!(Origin::parse(url).map(|origin| origin.authority), Ok(authority.to_owned()));
        }
        for url in [
            "127.0.0.1:7070",
            "https://localhost:1",
            "http://",
            "http://:80",
            "http://a:b",
            "http://a:0",
            "http://a:65536",
            "http://a:1/path",
            "http://user@host:1",
            "http://[::1]7070",
            "http://a b:1",
        ] {
            assert!(
                Origin::parse(url)
                    .is_err_and(|text| text.contains("HOST:PORT") || text.contains("port")),
                "{url}"
            );
        }
    }

    #[test]
    fn percent_encoding() {
        let mut out = String::new();
        percent_encode("a b/ü%#?~".as_bytes(), b"/", &mut out);
        assert_eq!(out, "a%20b/%C3%BC%25%23%3F~");
    }
}
