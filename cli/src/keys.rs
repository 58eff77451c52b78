//! Reads keys from a stream: lines, hexadecimal lines, or keys that end in NUL.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
};

use clap::ValueEnum;

use crate::failure::Failure;

/// The longest key text that is read: 16 MiB.
pub(crate) const KEY_BYTES_MAX: usize = 16 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// How keys are written, in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyFormat {
    /// A key per line; a carriage return belongs to the key.
    #[default]
    Lines,
    /// A key per line in hexadecimal, so that keys may be any bytes.
    Hex,
    /// Each key ends in a NUL byte, as `find -print0` writes.
    Nul,
}

impl KeyFormat {
    /// The byte that ends a key.
    pub(crate) const fn end(self) -> u8 {
        match self {
            Self::Lines | Self::Hex => b'\n',
            Self::Nul => 0,
        }
    }
}

/// One key: as it was written, and the bytes it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

/// Reads keys without a copy or an allocation for each.
pub(crate) struct KeyReader<R> {
    source: R,
    source_name: String,
    format: KeyFormat,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    /// How much of the unread part is known to have no end of a key.
    scanned: usize,
    decoded: Vec<u8>,
    count: u64,
    bytes_read: u64,
    bytes_total: Option<u64>,
    at_end: bool,
}

impl<R: Read> KeyReader<R> {
    pub(crate) fn new(source: R, source_name: &str, format: KeyFormat) -> Self {
        Self {
            source,
            source_name: source_name.to_owned(),
            format,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            scanned: 0,
            decoded: Vec::new(),
            count: 0,
            bytes_read: 0,
            bytes_total: None,
            at_end: false,
        }
    }

    /// The next key that is already in memory.
    #[inline]
    pub(crate) fn next_buffered(&mut self) -> Result<Option<Key<'_>>, Failure> {
        let unread = &self.buffer[self.start..self.end];
        let len = match memchr::memchr(self.format.end(), &unread[self.scanned..]) {
            Some(at) => self.scanned + at,
            None if self.at_end && !unread.is_empty() => unread.len(),
            None => {
                self.scanned = unread.len();
                return Ok(None);
            }
        };
        if len > KEY_BYTES_MAX {
            return Err(self.too_long());
        }
        let text = self.start..self.start + len;
        self.start = (text.end + 1).min(self.end);
        self.scanned = 0;
        self.count += 1;
        if self.format == KeyFormat::Hex {
            self.decode(text.clone())?;
            return Ok(Some(Key { text: &self.buffer[text], bytes: &self.decoded }));
        }
        let text = &self.buffer[text];
        Ok(Some(Key { text, bytes: text }))
    }

    /// Reads on; `false` at the end. May wait, so write out what should be seen before.
    pub(crate) fn fill(&mut self) -> Result<bool, Failure> {
        if self.at_end {
            return Ok(false);
        }
        if self.end - self.start > KEY_BYTES_MAX {
            return Err(self.too_long());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(self.end > 0);
                }
                Ok(read) => {
                    self.end += read;
                    self.bytes_read += u64::try_from(read).unwrap_or(0);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Failure::of_file(Path::new(&self.source_name), "read", &error));
                }
            }
        }
    }

    /// How many bytes have been read.
    pub(crate) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// How many bytes there are to read, where that is known.
    pub(crate) const fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// How many keys have been read.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    fn decode(&mut self, text: core::ops::Range<usize>) -> Result<(), Failure> {
        let text = &self.buffer[text];
        self.decoded.clear();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        for pair in text.chunks(2) {
            let value = match *pair {
                [high, low] => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
                _ => None,
            };
            match value {
                Some(byte) => self.decoded.push(byte),
                None => return Err(self.bad_hex(text)),
            }
        }
        Ok(())
    }

    fn bad_hex(&self, text: &[u8]) -> Failure {
        let place = self.place(self.count);
        let wrong = text.iter().position(|byte| !byte.is_ascii_hexdigit());
        Failure::Message(match wrong.map(|at| (at, text[at])) {
            Some((_, b'\r')) => {
                format!("{place}: not hexadecimal: a carriage return; write line ends as \\n alone")
            }
            Some((at, byte)) => format!(
                "{place}: not hexadecimal: character {} is '{}'; write two digits per byte",
                at + 1,
                byte.escape_ascii()
            ),
            None => format!("{place}: {} digits; write two digits per byte", text.len()),
        })
    }

    fn too_long(&self) -> Failure {
        let place = self.place(self.count + 1);
        let limit = KEY_BYTES_MAX >> 20;
        Failure::Message(format!("{place}: longer than {limit} MiB, the most a key may have"))
    }

    fn place(&self, count: u64) -> String {
        let what = match self.format {
            KeyFormat::Lines | KeyFormat::Hex => "line",
            KeyFormat::Nul => "key",
        };
        format!("{}: {what} {count}", self.source_name)
    }
}

/// A file of keys, or standard input for `-`.
pub(crate) fn open(path: &Path, format: KeyFormat) -> Result<KeyReader<Box<dyn Read>>, Failure> {
    if path == Path::new("-") {
        return Ok(KeyReader::new(Box::new(io::stdin().lock()), "standard input", format));
    }
    let file = File::open(path).map_err(|error| Failure::of_file(path, "read", &error))?;
    let bytes_total = file.metadata().ok().filter(Metadata::is_file).map(|it| it.len());
    let reader: Box<dyn Read> = Box::new(file);
    Ok(KeyReader { bytes_total, ..KeyReader::new(reader, &path.display().to_string(), format) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn keys(input: &[u8], format: KeyFormat, step: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let mut reader = KeyReader::new(Drip(input, step), "test", format);
        let mut keys = Vec::new();
        loop {
            while let Some(key) = reader.next_buffered()? {
                keys.push(key.bytes.to_vec());
            }
            if !reader.fill()? {
                assert_eq!(reader.count(), u64::try_from(keys.len()).unwrap());
                assert_eq!(reader.bytes_read(), u64::try_from(input.len()).unwrap());
                return Ok(keys);
            }
        }
    }

    #[test]
    fn splits_however_the_bytes_arrive() {
        let input = b"a\n\nlonger key\r\n\0b\nno end";
        let lines: [&[u8]; 5] = [b"a", b"", b"longer key\r", b"\0b", b"no end"];
        let nul: [&[u8]; 2] = [b"a\n\nlonger key\r\n", b"b\nno end"];
        for step in 1..=input.len() {
            assert_eq!(keys(input, KeyFormat::Lines, step).unwrap(), lines);
            assert_eq!(keys(input, KeyFormat::Nul, step).unwrap(), nul);
            assert_eq!(
                keys(b"00fF\n\n61", KeyFormat::Hex, step).unwrap(),
                [&[0, 255][..], b"", b"a"]
            );
            assert_eq!(keys(b"", KeyFormat::Lines, step).unwrap(), Vec::<Vec<u8>>::new());
            assert_eq!(keys(b"\n", KeyFormat::Lines, step).unwrap(), [b""]);
        }
    }

    #[test]
    fn long_keys_up_to_the_limit() {
        let mut input = vec![b'k'; KEY_BYTES_MAX];
        input.push(b'\n');
        assert_eq!(keys(&input, KeyFormat::Lines, 1 << 20).unwrap()[0].len(), KEY_BYTES_MAX);
        input.insert(0, b'k');
        input.splice(0..0, *b"first\n");
        for step in [1 << 20, usize::MAX] {
            let Err(Failure::Message(message)) = keys(&input, KeyFormat::Lines, step) else {
                panic!("too long")
            };
            assert!(message.starts_with("test: line 2: longer than 16 MiB"), "{message}");
        }
    }

    #[test]
    fn bad_hexadecimal_is_named() {
        for (input, says) in [
            ("61\n6\n", "test: line 2: 1 digits"),
            ("6g", "test: line 1: not hexadecimal: character 2 is 'g'"),
            ("61\r\n", "test: line 1: not hexadecimal: a carriage return"),
            ("\n\n\u{e9}1", "test: line 3: not hexadecimal: character 1 is '\\xc3'"),
        ] {
            let Err(Failure::Message(message)) = keys(input.as_bytes(), KeyFormat::Hex, 3) else {
                panic!("{input} is not hexadecimal")
            };
            assert!(message.starts_with(says), "{message}");
        }
    }
}
