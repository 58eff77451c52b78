//! Writing heads: what every request does several times, without formatting machinery.

use std::ops::Range;

/// Appends a number in decimal digits.
pub fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // One digit: it fits.
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The number that decimal digits write; `None` if there is anything else, or it is too large.
#[must_use]
pub fn parse_decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Copies headers of a head that was read, each as `Name: value` and a line end.
///
/// Neighbours that are written so already are copied at once.
#[derive(Debug)]
pub struct HeaderCopy<'h> {
    head: &'h [u8],
    run: Range<usize>,
}

impl<'h> HeaderCopy<'h> {
    /// Copies from `head`.
    #[must_use]
    pub const fn new(head: &'h [u8]) -> Self {
        Self { head, run: 0..0 }
    }

    /// Copies the header whose name and trimmed value stand there.
    pub fn push(&mut self, name: &Range<usize>, value: &Range<usize>, out: &mut Vec<u8>) {
        let (colon, end) = (name.end..value.start, value.end..value.end + 2);
        let is = |range: Range<usize>, text: &[u8]| self.head.get(range) == Some(text);
        if !is(colon, b": ") || !is(end.clone(), b"\r\n") {
            self.finish(out);
            for part in [&self.head[name.clone()], b": ", &self.head[value.clone()], b"\r\n"] {
                out.extend_from_slice(part);
            }
        } else if self.run.end == name.start {
            self.run.end = end.end;
        } else {
            self.finish(out);
            self.run = name.start..end.end;
        }
    }

    /// Writes what was put off; call it once more after the last header.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head[self.run.clone()]);
        self.run = 0..0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_go_there_and_back() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX / 10, u64::MAX - 1, u64::MAX] {
            let mut out = b"x".to_vec();
            push_decimal(number, &mut out);
            assert_eq!(out, format!("x{number}").into_bytes());
            assert_eq!(parse_decimal(&out[1..]), Some(number));
        }
        assert_eq!(parse_decimal(b"007"), Some(7));
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "x", "18446744073709551616", "1:"] {
            assert_eq!(parse_decimal(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn headers_are_copied_in_one_form() {
        let head = b"A: 1\r\nB: 2\r\nC:3\r\nD:  4\r\nE: 5 \r\nF:\r\nG: \r\nH: 8\r\nI: 9\r\n\r\n";
        let mut spans = Vec::new();
        let mut start = 0;
        for line in head.split_inclusive(|byte| *byte == b'\n').take(9) {
            let value = &line[2..];
            let skipped = value.iter().take_while(|byte| **byte == b' ').count();
            let length = value[skipped..].iter().take_while(|byte| **byte > b' ').count();
            let value = start + 2 + skipped;
            spans.push((start..start + 1, value..value + length));
            start += line.len();
        }
        // Every selection of the nine.
        for chosen in 0_u32..512 {
            let (mut out, mut expected) = (b"x".to_vec(), b"x".to_vec());
            let mut copy = HeaderCopy::new(head);
            for (index, (name, value)) in spans.iter().enumerate() {
                if chosen >> index & 1 == 1 {
                    copy.push(name, value, &mut out);
                    for part in [&head[name.clone()], b": ", &head[value.clone()], b"\r\n"] {
                        expected.extend_from_slice(part);
                    }
                }
            }
            copy.finish(&mut out);
            assert_eq!(out, expected, "{chosen:b}");
        }
    }
}
