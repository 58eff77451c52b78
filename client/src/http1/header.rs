//! Header names that a proxy must know, and the small grammars of their values.

/// What a header name means to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderName {
    /// `Connection`: also lists further headers that end here.
    Connection,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Expect`.
    Expect,
    /// `Host`.
    Host,
    /// `Upgrade`.
    Upgrade,
    /// `X-Forwarded-For`.
    ForwardedFor,
    /// Anything that begins with `Ringway-`: ours alone.
    Ringway,
    /// Any other header that is meant for the next hop only.
    HopByHop,
    /// All others travel from end to end.
    EndToEnd,
}

impl HeaderName {
    /// What `name` means; case does not matter.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        // Length and first letter rule out nearly every name before any is compared.
        match (name.len(), name.first().map_or(0, u8::to_ascii_lowercase)) {
            (8.., b'r') if name[..8].eq_ignore_ascii_case(b"ringway-") => Self::Ringway,
            (2, b't') if is("te") => Self::HopByHop,
            (4, b'h') if is("host") => Self::Host,
            (6, b'e') if is("expect") => Self::Expect,
            (7, b'u') if is("upgrade") => Self::Upgrade,
            (7, b't') if is("trailer") => Self::HopByHop,
            (10, b'c') if is("connection") => Self::Connection,
            (10, b'k') if is("keep-alive") => Self::HopByHop,
            (14, b'c') if is("content-length") => Self::ContentLength,
            (15, b'x') if is("x-forwarded-for") => Self::ForwardedFor,
            (16, b'p') if is("proxy-connection") => Self::HopByHop,
            (17, b't') if is("transfer-encoding") => Self::TransferEncoding,
            (18, b'p') if is("proxy-authenticate") => Self::HopByHop,
            (19, b'p') if is("proxy-authorization") => Self::HopByHop,
            _ => Self::EndToEnd,
        }
    }
}

/// The members of a comma-separated list, trimmed, without empty ones.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|token| !token.is_empty())
}

/// Whether a comma-separated list has `token`; case does not matter.
#[must_use]
pub fn lists(value: &[u8], token: &str) -> bool {
    tokens(value).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
}

/// The bytes without spaces and tabs at both ends.
#[must_use]
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Appends `bytes` with every byte but `A-Z a-z 0-9 - . _ ~` as `%XX`.
pub fn percent_encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'%', digits[0], digits[1]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_in_any_case() {
        assert_eq!(HeaderName::of(b"cONTENT-lENGTH"), HeaderName::ContentLength);
        assert_eq!(HeaderName::of(b"RINGWAY-anything"), HeaderName::Ringway);
        assert_eq!(HeaderName::of(b"Ringway-"), HeaderName::Ringway);
        assert_eq!(HeaderName::of(b"Ringway"), HeaderName::EndToEnd);
        assert_eq!(HeaderName::of(b"Te"), HeaderName::HopByHop);
        assert_eq!(HeaderName::of(b"Accept"), HeaderName::EndToEnd);
    }

    #[test]
    fn reads_lists() {
        let found: Vec<&[u8]> = tokens(b" a ,, B\t,c").collect();
        assert_eq!(found, [b"a".as_slice(), b"B", b"c"]);
        assert!(lists(b"keep-alive, Close", "close"));
        assert!(!lists(b"closed", "close"));
    }

    #[test]
    fn encodes_all_but_unreserved() {
        let mut out = Vec::new();
        percent_encode(b"a-Z_.~0 /%\xff", &mut out);
        assert_eq!(out, b"a-Z_.~0%20%2F%25%FF");
    }
}
