//! Rows on the wire between nodes: framing and digest (spec/NODE.md §5).
//!
//! A frame is a header of 36 bytes, little-endian, and two byte strings:
//! kind `u8`, three zero bytes, key length `u32`, value length `u32`, position `u64`,
//! version `u64`, expiry `u64`, key, value.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

/// Bytes of a frame before its key.
pub const FRAME_HEADER_BYTES: usize = 36;

const END: u8 = 0;
const ROW: u8 = 1;
const TOMBSTONE: u8 = 2;

/// One row of a node as it travels: a value, or the fact that it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// The position of its sharding key.
    pub position: u64,
    /// The row's own key: for the default node, the path.
    pub key: Vec<u8>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The segment's sequence number when it was written.
    pub version: u64,
    /// When it ends, in milliseconds since 1970; 0 is never.
    pub expires_ms: u64,
}

/// How a stream of frames ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Where to go on, if there is more: the last row's position and key.
    pub cursor: Option<(u64, Vec<u8>)>,
    /// The sequence number that the stream is complete to.
    pub sequence: u64,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A row or a tombstone.
    Row(Row),
    /// The last frame of a stream.
    End(End),
}

/// Why bytes are not a stream of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// They end before a frame does, or without an end frame.
    Truncated,
    /// A frame's kind, reserved bytes or lengths are none that the format has.
    Malformed,
    /// A frame is larger than the reader allows.
    TooLarge,
    /// Bytes follow the end frame.
    TrailingBytes,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the rows end in the middle of a frame or without an end frame",
            Self::Malformed => "the rows hold a frame of unknown kind or shape",
            Self::TooLarge => "the rows hold a frame above the size limit",
            Self::TrailingBytes => "bytes follow the end frame",
        })
    }
}

impl std::error::Error for FrameError {}

impl Row {
    /// Appends the frame to `out`.
    ///
    /// # Panics
    /// If key or value are of 4 GiB or more; nodes refuse those long before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header());
        out.extend_from_slice(&self.key);
        out.extend_from_slice(self.value.as_deref().unwrap_or_default());
    }

    /// How many bytes the frame has.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        FRAME_HEADER_BYTES + self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }

    /// XXH3-128 of the frame: what a range's digest sums up, wrapping.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(&self.header());
        hash.update(&self.key);
        hash.update(self.value.as_deref().unwrap_or_default());
        hash.digest128()
    }

    fn header(&self) -> [u8; FRAME_HEADER_BYTES] {
        let kind = if self.value.is_some() { ROW } else { TOMBSTONE };
        let value_len = self.value.as_ref().map_or(0, Vec::len);
        header(kind, self.key.len(), value_len, [self.position, self.version, self.expires_ms])
    }
}

impl End {
    /// Appends the frame to `out`.
    ///
    /// # Panics
    /// If the cursor's key is of 4 GiB or more; nodes refuse those long before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (position, key) = self.cursor.as_ref().map_or((0, &[][..]), |(p, k)| (*p, k));
        let more = u64::from(self.cursor.is_some());
        out.extend_from_slice(&header(END, key.len(), 0, [position, self.sequence, more]));
        out.extend_from_slice(key);
    }
}

fn header(kind: u8, key: usize, value: usize, numbers: [u64; 3]) -> [u8; FRAME_HEADER_BYTES] {
    let len = |len| u32::try_from(len).expect("keys and values are far below 4 GiB").to_le_bytes();
    let mut bytes = [0; FRAME_HEADER_BYTES];
    bytes[0] = kind;
    bytes[4..8].copy_from_slice(&len(key));
    bytes[8..12].copy_from_slice(&len(value));
    for (place, number) in bytes[12..].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// The little-endian number in up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Counts the rows and tombstones of a whole stream, without copying them.
///
/// # Errors
/// [`FrameError`] if the bytes are not exactly one stream of frames.
///
/// # Complexity
/// O(frames).
pub fn count_frames(mut bytes: &[u8]) -> Result<(u64, End), FrameError> {
    let mut rows = 0;
    loop {
        let (header, rest) =
            bytes.split_at_checked(FRAME_HEADER_BYTES).ok_or(FrameError::Truncated)?;
        let len = |at: usize| {
            usize::try_from(number(&header[at..at + 4])).map_err(|_| FrameError::TooLarge)
        };
        let body_len = len(4)?.checked_add(len(8)?).ok_or(FrameError::TooLarge)?;
        let (body, rest) = rest.split_at_checked(body_len).ok_or(FrameError::Truncated)?;
        match header[0] {
            ROW | TOMBSTONE => rows += 1,
            END if rest.is_empty() => {
                let [position, sequence, more] = [12, 20, 28].map(|at| number(&header[at..at + 8]));
                let cursor = (more == 1).then(|| (position, body.to_vec()));
                return Ok((rows, End { cursor, sequence }));
            }
            END => return Err(FrameError::TrailingBytes),
            _ => return Err(FrameError::Malformed),
        }
        bytes = rest;
    }
}

/// Reads frames from bytes that arrive in pieces.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    frame_bytes_max: usize,
    ended: bool,
}

impl FrameReader {
    /// A reader that refuses frames of more than `frame_bytes_max` bytes.
    #[must_use]
    pub const fn new(frame_bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, frame_bytes_max, ended: false }
    }

    /// Adds bytes as they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more bytes arrive.
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are no frames, too large, or go on after the end frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let bytes = &self.buffer[self.start..];
        if self.ended {
            return if bytes.is_empty() { Ok(None) } else { Err(FrameError::TrailingBytes) };
        }
        let Some((header, rest)) = bytes.split_at_checked(FRAME_HEADER_BYTES) else {
            return Ok(None);
        };
        let key_len = number(&header[4..8]);
        let value_len = number(&header[8..12]);
        let [position, version, third] = [12, 20, 28].map(|at| number(&header[at..at + 8]));
        let len = |len| usize::try_from(len).map_err(|_| FrameError::TooLarge);
        let (key_len, value_len) = (len(key_len)?, len(value_len)?);
        let kind = header[0];
        let shaped = match kind {
            END => value_len == 0 && third <= 1 && (third == 1 || key_len == 0),
            ROW => true,
            TOMBSTONE => value_len == 0,
            _ => false,
        };
        if !shaped || header[1..4] != [0; 3] {
            return Err(FrameError::Malformed);
        }
        let body_len = key_len.checked_add(value_len).ok_or(FrameError::TooLarge)?;
        if body_len.saturating_add(FRAME_HEADER_BYTES) > self.frame_bytes_max {
            return Err(FrameError::TooLarge);
        }
        let Some(body) = rest.get(..body_len) else {
            return Ok(None);
        };
        let (key, value) = body.split_at(key_len);
        let frame = if kind == END {
            let cursor = (third == 1).then(|| (position, key.to_vec()));
            Frame::End(End { cursor, sequence: version })
        } else {
            let value = (kind == ROW).then(|| value.to_vec());
            Frame::Row(Row { position, key: key.to_vec(), value, version, expires_ms: third })
        };
        self.ended = kind == END;
        self.start += FRAME_HEADER_BYTES + body_len;
        Ok(Some(frame))
    }

    /// Checks that the stream ended where it should.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] if no end frame came.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.ended { Ok(()) } else { Err(FrameError::Truncated) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<Frame>, Vec<u8>) {
        let row = |value: Option<&[u8]>| Row {
            position: 7,
            key: b"k".to_vec(),
            value: value.map(Into::into),
            version: 9,
            expires_ms: 11,
        };
        let (first, second) = (row(Some(b"value")), row(None));
        let end = End { cursor: Some((7, b"k".to_vec())), sequence: 9 };
        let mut bytes = Vec::new();
        first.encode(&mut bytes);
        assert_eq!(bytes.len(), first.encoded_len());
        second.encode(&mut bytes);
        end.encode(&mut bytes);
        (vec![Frame::Row(first), Frame::Row(second), Frame::End(end)], bytes)
    }

    #[test]
    fn frames_read_back_however_they_are_cut() {
        let (frames, bytes) = sample();
        for piece in 1..=bytes.len() {
            let mut reader = FrameReader::new(1_000);
            let mut read = Vec::new();
            for bytes in bytes.chunks(piece) {
                reader.push(bytes);
                while let Some(frame) = reader.next_frame().unwrap() {
                    read.push(frame);
                }
            }
            assert_eq!(read, frames);
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn damage_is_an_error() {
        let (_, bytes) = sample();
        assert_eq!(
            count_frames(&bytes),
            Ok((2, End { cursor: Some((7, b"k".to_vec())), sequence: 9 }))
        );
        for cut in 0..bytes.len() {
            assert_eq!(count_frames(&bytes[..cut]), Err(FrameError::Truncated), "{cut}");
        }
        let read = |bytes: &[u8]| {
            let mut reader = FrameReader::new(1_000);
            reader.push(bytes);
            while reader.next_frame()?.is_some() {}
            reader.finish()
        };
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Err(FrameError::Truncated), "{cut}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(read(&longer), Err(FrameError::TrailingBytes));
        for (at, value, error) in [
            (0, 9, FrameError::Malformed),
            (1, 1, FrameError::Malformed),
            (7, 255, FrameError::TooLarge),
        ] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert_eq!(read(&bytes), Err(error), "byte {at}");
        }
    }

    #[test]
    fn digest_is_of_the_frame() {
        let (frames, bytes) = sample();
        let Frame::Row(row) = &frames[0] else { panic!("a row comes first") };
        let frame = &bytes[..row.encoded_len()];
        assert_eq!(row.digest(), xxhash_rust::xxh3::xxh3_128(frame));
    }
}
