//! The lines of the log: length, chained checksum, JSON.

use xxhash_rust::xxh3::Xxh3;

/// Bytes before the JSON: eight digits, a space, sixteen digits, a space.
const HEAD_BYTES: usize = 26;

/// Appends the line of `json` to `out`; returns its checksum, from which the next one goes on.
pub(super) fn push(out: &mut Vec<u8>, chain: u64, json: &str) -> u64 {
    let len = u32::try_from(json.len()).expect("transactions are limited far below 4 GiB");
    let len = format!("{len:08x}");
    let sum = checksum(chain, len.as_bytes(), json.as_bytes());
    out.extend_from_slice(format!("{len} {sum:016x} ").as_bytes());
    out.extend_from_slice(json.as_bytes());
    out.push(b'\n');
    sum
}

/// A whole line at the beginning of some bytes.
#[derive(Debug)]
pub(super) struct Line<'b> {
    /// What the line says.
    pub(super) json: &'b str,
    /// Its checksum.
    pub(super) chain: u64,
    /// The bytes after it.
    pub(super) rest: &'b [u8],
}

/// The line at the beginning of `bytes` that follows the one with checksum `chain`; `None` if
/// there is no whole and sound one.
pub(super) fn read(bytes: &[u8], chain: u64) -> Option<Line<'_>> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let len = usize::try_from(digits(&head[..8])?).ok()?;
    let sum = digits(&head[9..25])?;
    let (json, rest) = rest.split_at_checked(len)?;
    let (newline, rest) = rest.split_first()?;
    let shaped = head[8] == b' ' && head[25] == b' ' && *newline == b'\n';
    if !shaped || sum != checksum(chain, &head[..8], json) {
        return None;
    }
    Some(Line { json: str::from_utf8(json).ok()?, chain: sum, rest })
}

/// Whether `tail`, in which no sound line begins, is what a crash leaves of the last line: its
/// beginning, then at most zeros that stand for bytes never written.
///
/// Everything else was once acknowledged, or is nothing that this program wrote.
pub(super) fn is_torn(tail: &[u8]) -> bool {
    let written = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let written = &tail[..written];
    let (len, rest) = written.split_at(written.len().min(8));
    let Some(len) = (if len.is_empty() { Some(0) } else { digits(len) }) else { return false };
    if written.len() < 8 {
        return true;
    }
    let whole = u64::try_from(HEAD_BYTES + 1).unwrap_or(u64::MAX).saturating_add(len);
    let have = u64::try_from(written.len()).unwrap_or(u64::MAX);
    have < whole && !rest.contains(&b'\n')
}

fn checksum(chain: u64, len: &[u8], json: &[u8]) -> u64 {
    let mut hash = Xxh3::with_seed(chain);
    hash.update(len);
    hash.update(json);
    hash.digest()
}

/// The number in lower-case hexadecimal digits.
fn digits(text: &[u8]) -> Option<u64> {
    if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u64::from_str_radix(str::from_utf8(text).ok()?, 16).ok()
}
