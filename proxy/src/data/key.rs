//! Where a request's sharding key stands, and taking it out.

use std::fmt;

use ringway_client::http1::{HeaderName, trim};

/// Where a request's sharding key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A header's value, raw but for the spaces around it.
    Header(String),
    /// A query parameter's value, percent-decoded; `+` is a space.
    Query(String),
    /// The path's n-th segment, counted from 1, percent-decoded.
    Path(usize),
    /// The path from its n-th segment on, slashes included, percent-decoded.
    PathTail(usize),
    /// A cookie's value, raw but for the spaces around it.
    Cookie(String),
}

/// Why a request has no sharding key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There is none.
    Missing,
    /// There is one without bytes.
    Empty,
    /// There are two.
    Double,
    /// A `%` is not followed by two hexadecimal digits.
    BadEscape,
    /// It has more bytes than `key_bytes_max`.
    TooLong,
}

impl KeySource {
    /// Reads the form that configurations have: `header:X-Key`, `path_tail:1`.
    ///
    /// # Errors
    /// As a text: what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected \"header:NAME\", \"query:NAME\", \"path:N\", \
                                \"path_tail:N\" or \"cookie:NAME\"";
        let (kind, rest) =
            text.split_once(':').ok_or_else(|| format!("{EXPECTED}, found {text:?}"))?;
        let segment = || match rest.parse::<usize>() {
            Ok(number @ 1..=1_000) if number.to_string() == rest => Ok(number),
            _ => Err(format!("expected a segment's number from 1 to 1000, found {rest:?}")),
        };
        match kind {
            "header" => {
                if !is_token(rest) {
                    return Err(format!("{rest:?} is no name of a header"));
                }
                match HeaderName::of(rest.as_bytes()) {
                    HeaderName::EndToEnd | HeaderName::Host | HeaderName::ForwardedFor => {
                        Ok(Self::Header(rest.into()))
                    }
                    _ => Err(format!("{rest} ends at the proxy; take another header")),
                }
            }
            "query" if rest.is_empty() => Err("the query parameter has no name".into()),
            "query" => Ok(Self::Query(rest.into())),
            "path" => segment().map(Self::Path),
            "path_tail" => segment().map(Self::PathTail),
            "cookie" if is_token(rest) => Ok(Self::Cookie(rest.into())),
            "cookie" => Err(format!("{rest:?} is no name of a cookie")),
            _ => Err(format!("{EXPECTED}, found {text:?}")),
        }
    }

    /// Takes the key of a request into `key`, which is emptied first.
    ///
    /// `target` is the path with its query; `headers` are names and values.
    ///
    /// # Errors
    /// [`KeyError`] if there is not exactly one.
    pub fn extract<'h>(
        &self,
        target: &[u8],
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        key: &mut Vec<u8>,
    ) -> Result<(), KeyError> {
        key.clear();
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(mark) => (&target[..mark], &target[mark + 1..]),
            None => (target, &b""[..]),
        };
        match self {
            Self::Header(name) => {
                let named =
                    headers.filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
                key.extend_from_slice(trim(single(named.map(|(_, value)| value))?));
            }
            Self::Query(name) => query_value(query, name.as_bytes(), key)?,
            Self::Path(number) => {
                let segment = segments(path).nth(*number - 1).ok_or(KeyError::Missing)?;
                decode(segment, false, key)?;
            }
            Self::PathTail(number) => {
                // Each segment before the tail ends with one slash.
                let before: usize = segments(path).take(*number - 1).map(|s| s.len() + 1).sum();
                let tail = path.get(1 + before..).ok_or(KeyError::Missing)?;
                decode(tail, false, key)?;
            }
            Self::Cookie(name) => {
                let cookies = headers
                    .filter(|(found, _)| found.eq_ignore_ascii_case(b"cookie"))
                    .flat_map(|(_, value)| value.split(|&byte| byte == b';'));
                let named = cookies.filter_map(|cookie| {
                    let equals = memchr::memchr(b'=', cookie)?;
                    (trim(&cookie[..equals]) == name.as_bytes()).then_some(&cookie[equals + 1..])
                });
                key.extend_from_slice(trim(single(named)?));
            }
        }
        if key.is_empty() { Err(KeyError::Empty) } else { Ok(()) }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header {name}"),
            Self::Query(name) => write!(f, "the query parameter {name}"),
            Self::Path(number) => write!(f, "segment {number} of the path"),
            Self::PathTail(number) => write!(f, "the path from segment {number} on"),
            Self::Cookie(name) => write!(f, "the cookie {name}"),
        }
    }
}

impl KeyError {
    /// What is wrong, for a key that was looked for at `source`.
    #[must_use]
    pub fn message(self, source: &KeySource) -> String {
        match self {
            Self::Missing => format!("the request has no sharding key; it is {source}"),
            Self::Empty => format!("the sharding key is empty; it is {source}"),
            Self::Double => format!("the request has two sharding keys; it is {source}"),
            Self::BadEscape => {
                format!("a % without two hexadecimal digits in the sharding key; it is {source}")
            }
            Self::TooLong => format!("the sharding key is too long; it is {source}"),
        }
    }
}

/// The path's segments: what stands between slashes, after the first one.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').skip(1)
}

fn single<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Result<&'h [u8], KeyError> {
    let value = values.next().ok_or(KeyError::Missing)?;
    if values.next().is_some() { Err(KeyError::Double) } else { Ok(value) }
}

fn query_value(query: &[u8], name: &[u8], key: &mut Vec<u8>) -> Result<(), KeyError> {
    let mut found = None;
    let mut decoded = Vec::new();
    for parameter in query.split(|&byte| byte == b'&') {
        let (raw, value) = match memchr::memchr(b'=', parameter) {
            Some(equals) => (&parameter[..equals], &parameter[equals + 1..]),
            None => (parameter, &b""[..]),
        };
        let same = if raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
            decoded.clear();
            decode(raw, true, &mut decoded)?;
            decoded == name
        } else {
            raw == name
        };
        if same && found.replace(value).is_some() {
            return Err(KeyError::Double);
        }
    }
    decode(found.ok_or(KeyError::Missing)?, true, key)
}

/// Appends `text` percent-decoded once.
fn decode(text: &[u8], plus_is_space: bool, out: &mut Vec<u8>) -> Result<(), KeyError> {
    let mut rest = text;
    while let [byte, more @ ..] = rest {
        rest = more;
        match byte {
            b'%' => {
                let [high, low, more @ ..] = more else { return Err(KeyError::BadEscape) };
                out.push(digit(*high)? << 4 | digit(*low)?);
                rest = more;
            }
            b'+' if plus_is_space => out.push(b' '),
            byte => out.push(*byte),
        }
    }
    Ok(())
}

fn digit(byte: u8) -> Result<u8, KeyError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(KeyError::BadEscape),
    }
}

fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}
