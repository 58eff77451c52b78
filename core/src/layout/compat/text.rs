//! Texts that programs hash: names with numbers behind them, hosts and ports.

use alloc::vec::Vec;
use core::str;

/// `text || separator || dec(number)`, made again and again without a new allocation.
#[derive(Debug)]
pub(super) struct Numbered {
    text: Vec<u8>,
    fixed: usize,
}

impl Numbered {
    /// Texts that start like that.
    pub(super) fn after(parts: &[&[u8]]) -> Self {
        let text = parts.concat();
        let fixed = text.len();
        Self { text, fixed }
    }

    /// The text with that number behind.
    pub(super) fn with(&mut self, number: u64) -> &[u8] {
        self.text.truncate(self.fixed);
        push_decimal(&mut self.text, number);
        &self.text
    }
}

/// Puts a number in decimal digits behind `text`.
pub(super) fn push_decimal(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        if let Some(slot) = digits.get_mut(first) {
            #[allow(clippy::cast_possible_truncation, reason = "a digit")]
            {
                *slot = b'0' + (number % 10) as u8;
            }
        }
        number /= 10;
        if number == 0 || first == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// What stands before and after the last colon.
pub(super) fn split_last_colon(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = name.iter().rposition(|&byte| byte == b':')?;
    Some((name.get(..colon)?, name.get(colon + 1..)?))
}

/// The text without square brackets around it.
pub(super) fn without_brackets(host: &[u8]) -> &[u8] {
    host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
}

/// The key, if it is a text: languages with text keys cannot hold others.
pub(super) fn as_text(key: &[u8]) -> Option<&str> {
    str::from_utf8(key).ok()
}

/// The key as an unsigned decimal number of 64 bits.
pub(super) fn as_decimal(key: &[u8]) -> Option<u64> {
    let text = as_text(key)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read() {
        let mut numbered = Numbered::after(&[b"node", b"-"]);
        assert_eq!(numbered.with(0), b"node-0");
        assert_eq!(numbered.with(1_230), b"node-1230");
        assert_eq!(numbered.with(u64::MAX), b"node-18446744073709551615");
        assert_eq!(as_decimal(b"18446744073709551615"), Some(u64::MAX));
        for key in [&b""[..], b"18446744073709551616", b"-1", b"+1", b" 1", b"1x", b"\xff"] {
            assert_eq!(as_decimal(key), None);
        }
    }

    #[test]
    fn hosts_and_ports() {
        assert_eq!(split_last_colon(b"[::1]:80"), Some((&b"[::1]"[..], &b"80"[..])));
        assert_eq!(split_last_colon(b"host"), None);
        assert_eq!(without_brackets(b"[::1]"), b"::1");
        assert_eq!(without_brackets(b"[::1"), b"[::1");
    }
}
