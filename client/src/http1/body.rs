//! Bodies: which of the arriving bytes belong to one, and where it ends.

use core::fmt;

use bytes::{Buf as _, BytesMut};

/// At most this many bytes in a line that gives a chunk's size.
const SIZE_LINE_BYTES_MAX: usize = 1_024;
/// At most this many bytes of trailers; they are read and dropped.
const TRAILER_BYTES_MAX: usize = 8_192;

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
    /// It ends with the connection.
    Close,
}

/// Takes a body out of the bytes that arrive.
#[derive(Clone, Debug)]
pub struct BodyReader {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// So many bytes of body follow, and then nothing.
    Length(u64),
    /// A chunk's size follows.
    Size,
    /// So many bytes of a chunk follow.
    Chunk(u64),
    /// The line end after a chunk follows.
    ChunkEnd,
    /// Trailers follow; so many bytes of them were read.
    Trailers(usize),
    /// All that comes is body.
    Close,
    End,
}

/// What a [`BodyReader`] found at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes at the front of the input are body; take them, then ask again.
    Data(usize),
    /// More input is needed.
    More,
    /// The body has ended; what is left of the input is not its.
    End,
}

/// Why bytes are not a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBody(pub &'static str);

impl fmt::Display for BadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for BadBody {}

impl BodyReader {
    /// A reader of a body that is delimited so.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::End,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::Close => State::Close,
        };
        Self { state }
    }

    /// Whether the body has ended.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Whether the end of the connection is the end of the body.
    #[must_use]
    pub const fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::Close)
    }

    /// Takes framing off the front of `input` and says how much of it is body.
    ///
    /// # Errors
    /// [`BadBody`] if chunks are not what RFC 9112 says.
    pub fn step(&mut self, input: &mut BytesMut) -> Result<Step, BadBody> {
        loop {
            match &mut self.state {
                State::End => return Ok(Step::End),
                State::Close if input.is_empty() => return Ok(Step::More),
                State::Close => return Ok(Step::Data(input.len())),
                State::Length(left) => {
                    let Some(taken) = take(left, input.len()) else { return Ok(Step::More) };
                    if *left == 0 {
                        self.state = State::End;
                    }
                    return Ok(Step::Data(taken));
                }
                State::Chunk(left) => {
                    let Some(taken) = take(left, input.len()) else { return Ok(Step::More) };
                    if *left == 0 {
                        self.state = State::ChunkEnd;
                    }
                    return Ok(Step::Data(taken));
                }
                State::ChunkEnd => match input.as_ref() {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(Step::More),
                    _ => return Err(BadBody("a chunk is longer than its size says")),
                },
                State::Size => {
                    let Some(end) = line_end(input, SIZE_LINE_BYTES_MAX)? else {
                        return Ok(Step::More);
                    };
                    let size = chunk_size(&input[..end])?;
                    input.advance(end + 2);
                    self.state = if size == 0 { State::Trailers(0) } else { State::Chunk(size) };
                }
                State::Trailers(read) => {
                    let Some(end) = line_end(input, TRAILER_BYTES_MAX - *read)? else {
                        return Ok(Step::More);
                    };
                    input.advance(end + 2);
                    *read += end + 2;
                    if end == 0 {
                        self.state = State::End;
                    } else if *read >= TRAILER_BYTES_MAX {
                        return Err(BadBody("its trailers are too long"));
                    }
                }
            }
        }
    }
}

/// Appends the line that begins a chunk of `size` bytes.
pub fn write_chunk_head(size: usize, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{size:x}\r\n");
}

/// Counts what is there of what is left; `None` if nothing is there.
fn take(left: &mut u64, available: usize) -> Option<usize> {
    let taken = usize::try_from(*left).map_or(available, |left| left.min(available));
    *left -= u64::try_from(taken).unwrap_or(*left);
    (taken > 0).then_some(taken)
}

/// The length of the line at the front, without its end.
fn line_end(input: &[u8], bytes_max: usize) -> Result<Option<usize>, BadBody> {
    let within = &input[..input.len().min(bytes_max)];
    match memchr::memchr(b'\n', within) {
        Some(feed) if feed > 0 && input[feed - 1] == b'\r' => Ok(Some(feed - 1)),
        Some(_) => Err(BadBody("a line of its chunks ends in a bare line feed")),
        None if within.len() == bytes_max => Err(BadBody("a line of its chunks is too long")),
        None => Ok(None),
    }
}

/// Reads `size [; extensions]`; extensions are dropped.
fn chunk_size(line: &[u8]) -> Result<u64, BadBody> {
    const BAD: BadBody = BadBody("a chunk's size is no hexadecimal number");
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return Err(BAD);
    }
    let mut rest = &line[digits..];
    if !rest.is_empty() {
        while let [b' ' | b'\t', more @ ..] = rest {
            rest = more;
        }
        if rest.first() != Some(&b';') || rest.iter().any(|&byte| byte < 32 && byte != b'\t') {
            return Err(BAD);
        }
    }
    let text = str::from_utf8(&line[..digits]).map_err(|_| BAD)?;
    u64::from_str_radix(text, 16).map_err(|_| BAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `wire` in pieces; the body and what is left over.
    fn read(framing: Framing, wire: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BadBody> {
        let mut reader = BodyReader::new(framing);
        let mut input = BytesMut::new();
        let (mut body, mut fed) = (Vec::new(), 0);
        loop {
            match reader.step(&mut input)? {
                Step::Data(length) => body.extend_from_slice(&input.split_to(length)),
                Step::End => return Ok((body, wire.len() - fed + input.len())),
                Step::More if fed == wire.len() => return Err(BadBody("cut")),
                Step::More => {
                    let end = (fed + piece).min(wire.len());
                    input.extend_from_slice(&wire[fed..end]);
                    fed = end;
                }
            }
        }
    }

    #[test]
    fn reads_bodies_in_any_pieces() {
        let chunked = b"5\r\nhello\r\n10 ;a=\"b\"\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\nGET";
        for piece in 1..=chunked.len() {
            let expected = (b"hello0123456789abcdef".to_vec(), 3);
            assert_eq!(read(Framing::Chunked, chunked, piece), Ok(expected));
            assert_eq!(read(Framing::Length(3), b"abcGET", piece), Ok((b"abc".to_vec(), 3)));
        }
        assert_eq!(read(Framing::None, b"GET", 1), Ok((vec![], 3)));
        assert_eq!(read(Framing::Length(4), b"abc", 1), Err(BadBody("cut")));
    }

    #[test]
    fn refuses_bad_chunks() {
        let long = format!("1;{}\r\n", "x".repeat(2_000));
        let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(2_000));
        for wire in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\na\r\n",
            "0x1\r\na\r\n",
            "1 \r\na\r\n",
            "1\na\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "00000000000000001\r\na",
            "1;\x01\r\na\r\n",
            "0\r\n\n",
            "0\r\nA: b\n\r\n",
            " 1\r\na\r\n",
            &long,
            &trailers,
        ] {
            let outcome = read(Framing::Chunked, wire.as_bytes(), 7);
            assert!(outcome.is_err_and(|error| error.0 != "cut"), "{wire:?}");
        }
    }
}
