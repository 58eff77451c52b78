//! What the head of a request says, strictly read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{
    HeaderMap, HeaderName,
    header::{EXPIRES, IF_MATCH, IF_NONE_MATCH},
};

use crate::{
    engine::{Condition, Versions},
    rows::key::{self, ANSWER_KEY_BYTES_MAX, KEY_BYTES_MAX},
};

pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The last second of the year 9999, after which HTTP has no dates.
const DATE_MS_MAX: u64 = 253_402_300_799_000;

/// Decimal digits without leading zeros.
pub(crate) fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// The number in a header that must be there once.
pub(crate) fn header_number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, String> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(number),
        (None, _) => return Err(format!("the header {name} is missing; a proxy sets it")),
        _ => None,
    };
    value.ok_or_else(|| format!("the header {name} must be there once, a decimal number"))
}

/// The row's key: its space, and the path after its first slash, percent-decoded once.
pub(crate) fn row_key(path: &str) -> Result<Vec<u8>, String> {
    let Some(path) = path.strip_prefix('/') else {
        return Err("the target must be a path".into());
    };
    let key = percent_decode(path)?;
    match key.len() {
        0 => Err("the path names no key".into()),
        1..=KEY_BYTES_MAX => Ok(key::row_key(&key)),
        len => Err(format!("the key has {len} bytes; at most {KEY_BYTES_MAX}")),
    }
}

/// Percent-decodes once; anything but two hexadecimal digits after `%` is an error.
pub(crate) fn percent_decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let Some((digits, after)) = rest.split_at_checked(2) else {
            return Err("a percent sign must be followed by two hexadecimal digits".into());
        };
        let byte = hex(digits).filter(|bytes| bytes.len() == 1);
        let byte = byte.ok_or("a percent sign must be followed by two hexadecimal digits")?;
        bytes.extend(byte);
        rest = after;
    }
    Ok(bytes)
}

/// Bytes from hexadecimal digits of either case.
pub(crate) fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

/// The preconditions of a request.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Condition, String> {
    Ok(Condition {
        matches: versions(headers, &IF_MATCH, false)?,
        none_match: versions(headers, &IF_NONE_MATCH, true)?,
    })
}

/// What `Idempotency-Key` says: text in quotes, as a structured field has it, or without.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Vec<u8>>, String> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.as_bytes().trim_ascii(),
        _ => return Err(format!("the header {IDEMPOTENCY_KEY} is there twice")),
    };
    let key = match value {
        [b'"', quoted @ ..] => unquote(quoted),
        bare => {
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\",;".contains(byte);
            bare.iter().all(plain).then(|| bare.to_vec())
        }
    };
    match key {
        Some(key) if (1..=ANSWER_KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(key)),
        _ => Err(format!(
            "the header {IDEMPOTENCY_KEY} must be 1 to {ANSWER_KEY_BYTES_MAX} visible ASCII \
             characters, best in double quotes"
        )),
    }
}

/// What stands before the closing quote, which must be the last byte.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return bytes.as_slice().is_empty().then_some(key),
            b'\\' => key.push(*bytes.next().filter(|byte| b"\"\\".contains(byte))?),
            byte @ b' '..=b'~' => key.push(*byte),
            _ => return None,
        }
    }
}

/// When `Expires` says that the row ends, in milliseconds since 1970; 0 is never.
pub(crate) fn expires_ms(headers: &HeaderMap) -> Result<u64, String> {
    let mut values = headers.get_all(EXPIRES).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(0),
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    let date = value.and_then(|value| httpdate::parse_http_date(value).ok());
    let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let wrong =
        || format!("the header {EXPIRES} must be there once, an HTTP date: when the row ends");
    let ms = u64::try_from(since.ok_or_else(wrong)?.as_millis()).map_err(|_| wrong())?;
    // The first moment of 1970 is long over, and never is not what was asked for.
    Ok(ms.max(1))
}

/// The date of `Expires` for a row that ends then.
pub(crate) fn expires_date(expires_ms: u64) -> String {
    let date: SystemTime = UNIX_EPOCH + Duration::from_millis(expires_ms.min(DATE_MS_MAX));
    httpdate::fmt_http_date(date)
}

/// The versions that a list of entity tags names. A weak tag equals ours only where `weak`.
fn versions(
    headers: &HeaderMap,
    name: &HeaderName,
    weak: bool,
) -> Result<Option<Versions>, String> {
    let mut lines = headers.get_all(name).iter().peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let mut versions = Vec::new();
    let mut is_any = false;
    for line in lines {
        let wrong = || format!("{name} must be * or a list of entity tags in quotes");
        let mut rest = line.to_str().map_err(|_| wrong())?.trim();
        if rest == "*" {
            is_any = true;
            continue;
        }
        loop {
            let (is_weak, tag) = match rest.strip_prefix("W/") {
                Some(tag) => (true, tag),
                None => (false, rest),
            };
            let (tag, after) =
                tag.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(wrong)?;
            // A tag that is none of ours names no version.
            versions.extend(number(tag).filter(|_| weak || !is_weak));
            let after = after.trim_start();
            if after.is_empty() {
                break;
            }
            rest = after.strip_prefix(',').ok_or_else(wrong)?.trim_start();
        }
    }
    Ok(Some(if is_any { Versions::Any } else { Versions::Of(versions) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain() {
        for (text, value) in [("0", 0), ("7", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(number(text), Some(value));
        }
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "x", "18446744073709551616"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn paths_are_decoded_once_and_no_more() {
        for (path, key) in [
            ("/a", &b"a"[..]),
            ("/a/../b//c/.", b"a/../b//c/."),
            ("/%2525", b"%25"),
            ("/%ff%00+", b"\xff\0+"),
            ("//", b"/"),
        ] {
            assert_eq!(row_key(path).unwrap(), [b"\0", key].concat(), "{path}");
        }
        for path in ["", "a", "*", "/", "/%", "/%1", "/%g0", "/%+1", "/a%2"] {
            assert!(row_key(path).is_err(), "{path}");
        }
        assert!(row_key(&format!("/{}", "k".repeat(KEY_BYTES_MAX))).is_ok());
        assert!(row_key(&format!("/{}", "k".repeat(KEY_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn idempotency_keys_are_read() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&IDEMPOTENCY_KEY, value.parse().unwrap());
            }
            idempotency_key(&headers)
        };
        assert_eq!(read(&[]), Ok(None));
        let longest = "k".repeat(ANSWER_KEY_BYTES_MAX);
        for (value, key) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03\"", "8e03"),
            (" a ", "a"),
            (r#""a \" \\ b;,""#, r#"a " \ b;,"#),
            (&longest, &longest),
            (&format!("\"{longest}\""), &longest),
        ] {
            assert_eq!(read(&[value]), Ok(Some(key.as_bytes().to_vec())), "{value}");
        }
        let too_long = "k".repeat(ANSWER_KEY_BYTES_MAX + 1);
        for value in [
            "",
            "\"\"",
            "\"a",
            "\"a\"b",
            "\"a\";x=1",
            "a b",
            "a,b",
            "a;b",
            "a\"b",
            "é",
            "\"\\a\"",
            &too_long,
        ] {
            assert!(read(&[value]).is_err(), "{value}");
        }
        assert!(read(&["a", "a"]).is_err());
    }

    #[test]
    fn dates_are_read_and_written() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(EXPIRES, value.parse().unwrap());
            }
            expires_ms(&headers)
        };
        assert_eq!(read(&[]), Ok(0));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(read(&[date]), Ok(784_111_777_000));
        assert_eq!(expires_date(784_111_777_999), date);
        assert_eq!(read(&["Thu, 01 Jan 1970 00:00:00 GMT"]), Ok(1));
        for wrong in ["", "0", "-1", "soon", "Sun, 06 Nov 1994"] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
        assert!(read(&[date, date]).is_err());
        assert_eq!(expires_date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn tags_are_read() {
        let read = |text: &str, weak| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, text.parse().unwrap());
            versions(&headers, &IF_MATCH, weak)
        };
        assert_eq!(read("*", false), Ok(Some(Versions::Any)));
        for (text, strong, weak) in [
            ("\"1\"", vec![1], vec![1]),
            ("\"1\" , W/\"2\",\"x\"", vec![1], vec![1, 2]),
            ("\"a,b\", \"3\"", vec![3], vec![3]),
            ("\"01\"", vec![], vec![]),
        ] {
            assert_eq!(read(text, false), Ok(Some(Versions::Of(strong))), "{text}");
            assert_eq!(read(text, true), Ok(Some(Versions::Of(weak))), "{text}");
        }
        for text in ["1", "\"1", "\"1\" \"2\"", "\"1\",", "w/\"1\"", "*, \"1\""] {
            assert!(read(text, false).is_err(), "{text}");
        }
    }
}
