//! A request's head: checked, its key taken out, and written anew for the node.

use std::{io::Write as _, mem::MaybeUninit};

use ringway_client::{
    Repeat,
    http1::{Framing, HEADERS_MAX, HeaderName, lists, percent_encode, tokens, trim},
};

use super::{
    fault::Fault,
    key::{KeyError, KeySource},
};

/// What the proxy has to know of a request besides the bytes for the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) framing: Framing,
    /// Whether the client speaks HTTP/1.1: it can take chunks.
    pub(crate) is_http_11: bool,
    pub(crate) keep_alive: bool,
    pub(crate) is_head: bool,
    /// Whether it may be executed twice, or has an `Idempotency-Key`.
    pub(crate) repeat: Repeat,
    /// Whether the client waits for a 100 before it sends the body.
    pub(crate) expects_continue: bool,
}

/// The parts of a request that are kept while it is under way; their memory is reused.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// Request line and headers for the node, without those that depend on body and map.
    pub(crate) head: Vec<u8>,
    /// The sharding key.
    pub(crate) key: Vec<u8>,
}

/// What reading a head depends on.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a KeySource,
    pub(crate) key_bytes_max: usize,
    /// The client's address, for `X-Forwarded-For`.
    pub(crate) peer: &'a str,
}

/// What the headers say, before it is judged.
#[derive(Default)]
struct Found<'h> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    host: Option<&'h [u8]>,
    expects_continue: bool,
    /// Whether `Connection` lists headers that have to go.
    lists_headers: bool,
    forwarded_for: bool,
}

/// Checks the head `bytes` and writes it anew into `prepared`.
///
/// # Errors
/// [`Fault`]: what the client did wrong. Nothing of the request may be sent on.
pub(crate) fn read(
    bytes: &[u8],
    context: &Context<'_>,
    prepared: &mut Prepared,
) -> Result<Plan, Fault> {
    let mut storage = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut storage) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(bad_head("the head is cut short")),
        Err(httparse::Error::TooManyHeaders) => {
            let message = format!("client: more than {HEADERS_MAX} headers");
            return Err(Fault::new(431, "too-many-headers", message));
        }
        Err(httparse::Error::Version) => {
            let message = "client: this is not HTTP/1.1 or HTTP/1.0";
            return Err(Fault::new(505, "bad-version", message));
        }
        Err(error) => return Err(bad_head(&format!("the head is not HTTP/1: {error}"))),
    }
    let method = request.method.unwrap_or_default();
    let is_http_11 = request.version == Some(1);
    if method == "CONNECT" {
        return Err(Fault::new(501, "connect", "client: this proxy makes no tunnels"));
    }
    let headers: &[httparse::Header<'_>] = request.headers;
    let found = judge(headers, is_http_11)?;
    let target = request.path.unwrap_or_default();
    let (authority, target) = split_target(method, target)?;
    if let (Some(authority), Some(host)) = (authority, found.host)
        && !authority.as_bytes().eq_ignore_ascii_case(host)
    {
        return Err(Fault::bad_request("bad-host", "client: Host is not that of the target"));
    }

    let pairs = headers.iter().map(|header| (header.name.as_bytes(), header.value));
    let extracted = context.source.extract(target.as_bytes(), pairs, &mut prepared.key);
    let too_long = prepared.key.len() > context.key_bytes_max;
    let checked = extracted.and(if too_long { Err(KeyError::TooLong) } else { Ok(()) });
    checked.map_err(|error| {
        Fault::bad_request("bad-key", format!("client: {}", error.message(context.source)))
    })?;

    let has_key = write_head(method, target, headers, &found, context, prepared);
    let repeat = match method {
        "GET" | "HEAD" | "OPTIONS" => Repeat::Safe,
        "PUT" | "DELETE" if has_key => Repeat::Keyed,
        _ => Repeat::Never,
    };
    let framing = match found.length {
        _ if found.chunked => Framing::Chunked,
        None | Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
    };
    if found.length == Some(0) {
        prepared.head.extend_from_slice(b"Content-Length: 0\r\n");
    }
    Ok(Plan {
        framing,
        is_http_11,
        keep_alive: if is_http_11 { !found.close } else { found.keep_alive && !found.close },
        is_head: method == "HEAD",
        repeat,
        expects_continue: found.expects_continue && framing != Framing::None,
    })
}

fn bad_head(message: &str) -> Fault {
    Fault::bad_request("bad-head", format!("client: {message}"))
}

/// Reads what decides about the connection and the body; refuses what could be read in two ways.
fn judge<'h>(headers: &'h [httparse::Header<'_>], is_http_11: bool) -> Result<Found<'h>, Fault> {
    let mut found = Found::default();
    let mut transfer_encoding = None;
    let length_fault = |message: &'static str| Fault::bad_request("bad-length", message);
    for header in headers {
        let value = header.value;
        match HeaderName::of(header.name.as_bytes()) {
            HeaderName::ContentLength => {
                let length = decimal(value)
                    .ok_or_else(|| length_fault("client: Content-Length is not one number"))?;
                let twice = "client: there are two Content-Lengths";
                once(&mut found.length, length).map_err(|()| length_fault(twice))?;
            }
            HeaderName::TransferEncoding => {
                let twice = "client: there are two Transfer-Encodings";
                once(&mut transfer_encoding, value).map_err(|()| length_fault(twice))?;
            }
            HeaderName::Host => {
                let twice = Fault::bad_request("bad-host", "client: there are two Hosts");
                once(&mut found.host, value).map_err(|()| twice)?;
            }
            HeaderName::Connection => {
                for token in tokens(value) {
                    if token.eq_ignore_ascii_case(b"close") {
                        found.close = true;
                    } else if token.eq_ignore_ascii_case(b"keep-alive") {
                        found.keep_alive = true;
                    } else if HeaderName::of(token) == HeaderName::Host {
                        let message = "client: Connection may not list Host";
                        return Err(Fault::bad_request("bad-host", message));
                    } else {
                        found.lists_headers = true;
                    }
                }
            }
            // An offer of HTTP/2 may be passed over: many clients make it with each request.
            HeaderName::Upgrade if lists_only(value, "h2c") => {}
            HeaderName::Upgrade => {
                let message = "client: this proxy does not upgrade connections";
                return Err(Fault::new(501, "upgrade", message));
            }
            HeaderName::Expect => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    let message = "client: the only expectation known is 100-continue";
                    return Err(Fault::new(417, "bad-expect", message));
                }
                found.expects_continue = is_http_11;
            }
            HeaderName::ForwardedFor => found.forwarded_for = true,
            _ => {}
        }
    }
    if let Some(coding) = transfer_encoding {
        if found.length.is_some() {
            let message = "client: there are both Content-Length and Transfer-Encoding";
            return Err(length_fault(message));
        }
        if !is_http_11 {
            return Err(length_fault("client: HTTP/1.0 has no Transfer-Encoding"));
        }
        if !coding.eq_ignore_ascii_case(b"chunked") {
            if lists(coding, "chunked") && tokens(coding).count() > 1 {
                let message = "client: the only Transfer-Encoding known is chunked";
                return Err(Fault::new(501, "transfer-encoding", message));
            }
            return Err(length_fault("client: Transfer-Encoding is not chunked"));
        }
        found.chunked = true;
    }
    match found.host {
        None if is_http_11 => Err(Fault::bad_request("bad-host", "client: there is no Host")),
        Some(host) if !is_host(host) => {
            Err(Fault::bad_request("bad-host", "client: Host is no host"))
        }
        _ => Ok(found),
    }
}

/// The authority of an absolute target, and what the node gets: path and query.
fn split_target<'t>(method: &str, target: &'t str) -> Result<(Option<&'t str>, &'t str), Fault> {
    let bad = |message| Fault::bad_request("bad-target", message);
    if target.contains('#') {
        return Err(bad("client: a target has no fragment"));
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok((None, target));
    }
    let scheme = target.find("://").filter(|&end| {
        let scheme = &target[..end];
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    let Some(end) = scheme else { return Err(bad("client: a target is a path")) };
    let rest = &target[end + 3..];
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path);
    match path {
        "" => Ok((Some(authority), "/")),
        path if path.starts_with('?') => Err(bad("client: the target has no path")),
        path => Ok((Some(authority), path)),
    }
}

/// Says whether an `Idempotency-Key` goes to the node.
fn write_head(
    method: &str,
    target: &str,
    headers: &[httparse::Header<'_>],
    found: &Found<'_>,
    context: &Context<'_>,
    prepared: &mut Prepared,
) -> bool {
    let mut has_key = false;
    let out = &mut prepared.head;
    out.clear();
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for header in headers {
        let name = header.name.as_bytes();
        match HeaderName::of(name) {
            HeaderName::EndToEnd if found.lists_headers && is_listed(name, headers) => {}
            HeaderName::EndToEnd | HeaderName::Host => {
                has_key |= name.eq_ignore_ascii_case(b"idempotency-key");
                for part in [name, b": ", header.value, b"\r\n"] {
                    out.extend_from_slice(part);
                }
            }
            _ => {}
        }
    }
    if found.host.is_none() {
        // HTTP/1.0 allows it; the node is spoken to in HTTP/1.1, which does not.
        out.extend_from_slice(b"Host: \r\n");
    }
    out.extend_from_slice(b"X-Forwarded-For: ");
    if found.forwarded_for && !(found.lists_headers && is_listed(b"x-forwarded-for", headers)) {
        for header in headers {
            if HeaderName::of(header.name.as_bytes()) == HeaderName::ForwardedFor {
                out.extend_from_slice(header.value);
                out.extend_from_slice(b", ");
            }
        }
    }
    out.extend_from_slice(context.peer.as_bytes());
    out.extend_from_slice(b"\r\nVia: 1.1 ringway\r\nRingway-Key: ");
    percent_encode(&prepared.key, out);
    out.extend_from_slice(b"\r\n");
    has_key
}

/// Appends how the body goes to the node.
pub(crate) fn write_framing(framing: Framing, expects: bool, head: &mut Vec<u8>) {
    // Writing to a `Vec` cannot fail.
    let _ = match framing {
        Framing::Length(length) => write!(head, "Content-Length: {length}\r\n"),
        Framing::Chunked => write!(head, "Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::Close => Ok(()),
    };
    if expects {
        head.extend_from_slice(b"Expect: 100-continue\r\n");
    }
}

fn is_listed(name: &[u8], headers: &[httparse::Header<'_>]) -> bool {
    headers.iter().any(|header| {
        HeaderName::of(header.name.as_bytes()) == HeaderName::Connection
            && tokens(header.value).any(|token| token.eq_ignore_ascii_case(name))
    })
}

/// Fills an empty place.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(()),
    }
}

fn lists_only(value: &[u8], token: &str) -> bool {
    tokens(value).all(|found| found.eq_ignore_ascii_case(token.as_bytes()))
}

fn is_host(host: &[u8]) -> bool {
    let host = trim(host);
    let bad = |byte: &u8| byte.is_ascii_whitespace() || b",/\\@?#".contains(byte);
    !host.iter().any(bad)
}

fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(bytes).ok()?.parse().ok().filter(|&number| number <= u64::MAX >> 1)
}
