//! Keys in memory that Python's buffer protocol shows: NumPy's arrays, `array.array`, memoryviews.
//!
//! Items of one size stand one after the other, a stride apart. They are read while other threads
//! run, as NumPy itself does: whoever writes to an array that is being read gets owners of keys that
//! were half written, and no more than that, for sizes and places are fixed by the export.
#![allow(unsafe_code, reason = "the memory belongs to other objects")]

use std::{ffi::CStr, fmt, ops::Range, slice};

use pyo3::{buffer::PyUntypedBuffer, exceptions::PyTypeError, prelude::*, types::PyMemoryView};

use super::{Kind, Sink, integer::Integer};
use crate::convert::value_error;

/// The items of a buffer of one dimension.
pub(crate) struct Items {
    /// Keeps the memory where it is.
    buffer: PyUntypedBuffer,
    form: Form,
    swapped: bool,
}

/// What an item is.
#[derive(Clone, Copy)]
enum Form {
    /// Bytes, with NULs behind them that do not count: NumPy's `S`.
    Bytes,
    /// Bytes that all count: NumPy's `V`.
    Whole,
    /// Characters of 32 bits, with NULs behind them that do not count: NumPy's `U`.
    Characters,
    Integer {
        signed: bool,
    },
}

/// A character that is none.
pub(crate) struct NotUnicode {
    item: usize,
    character: u32,
}

impl fmt::Display for NotUnicode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { item, character } = self;
        write!(f, "key {item} has the character U+{character:04X}, which UTF-8 cannot encode")
    }
}

/// Whether a memoryview shows bytes, and so is one key.
pub(super) fn is_bytes(memory: &Bound<'_, PyMemoryView>) -> bool {
    PyUntypedBuffer::get(memory).is_ok_and(|buffer| {
        let format = buffer.format().to_bytes();
        buffer.item_size() == 1 && matches!(format, b"B" | b"b" | b"c" | b"<B" | b"@B")
    })
}

impl Items {
    /// The items of `keys`; `None` if it shows no memory, or only references to objects.
    pub(crate) fn of(keys: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        // NumPy, too, has arrays that it cannot show: they are iterables like others.
        let Ok(buffer) = PyUntypedBuffer::get(keys) else { return Ok(None) };
        // An empty list becomes an array of floating-point numbers in NumPy; it has no keys.
        let is_empty = buffer.dimensions() == 1 && buffer.item_count() == 0;
        let form = form_of(buffer.format(), buffer.item_size());
        let Some((form, swapped)) = form.or(is_empty.then_some((Form::Whole, false))) else {
            let format = buffer.format().to_string_lossy().into_owned();
            if format == "O" {
                return Ok(None);
            }
            return Err(PyTypeError::new_err(format!(
                "keys must be an array of texts, bytes or integers, not one with the buffer format {format:?}"
            )));
        };
        if buffer.dimensions() != 1 || buffer.suboffsets().is_some() {
            let dimensions = buffer.dimensions();
            return Err(value_error(format_args!(
                "keys must be an array of one dimension, not of {dimensions}"
            )));
        }
        Ok(Some(Self { buffer, form, swapped }))
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.shape().first().copied().unwrap_or(0)
    }

    /// The hashes that integers of 64 bits are; `None` if they are none.
    pub(crate) fn is_hashes(&self) -> bool {
        let is_hash = matches!(self.form, Form::Integer { signed: false });
        self.len() == 0 || is_hash && self.buffer.item_size() == 8
    }

    /// Gives each integer of 64 bits to `visit`.
    pub(crate) fn read_hashes(&self, mut visit: impl FnMut(u64)) {
        for index in 0..self.len() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(self.item(index).get(..8).unwrap_or(&[0; 8]));
            let hash = u64::from_ne_bytes(bytes);
            visit(if self.swapped { hash.swap_bytes() } else { hash });
        }
    }

    /// Gives each item to `sink`.
    pub(super) fn read(&self, sink: &mut impl Sink) -> Result<(), NotUnicode> {
        let items = (0..self.len()).map(|index| self.item(index));
        match self.form {
            Form::Bytes => items.for_each(|item| sink.key(Kind::Binary, without_nuls(item))),
            Form::Whole => items.for_each(|item| sink.key(Kind::Binary, item)),
            Form::Integer { signed } => {
                let integer = Integer { signed, swapped: self.swapped };
                items.for_each(|item| integer.give(item, sink));
            }
            Form::Characters => self.read_characters(sink)?,
        }
        Ok(())
    }

    /// The same of characters.
    ///
    /// Most keys are ASCII. A block of them is made bytes at once, by a loop of vectors, and then
    /// read as bytes are; only the items of a block that is not are encoded one by one.
    fn read_characters(&self, sink: &mut impl Sink) -> Result<(), NotUnicode> {
        const BLOCK: usize = 4096;
        let width = self.buffer.item_size() / 4;
        let stride = self.buffer.strides().first().copied().unwrap_or(0);
        let is_dense = usize::try_from(stride) == Ok(4 * width) && !self.swapped;
        let step = if is_dense && width > 0 { (BLOCK / width).max(1) } else { 1 };
        let mut text = Vec::new();
        for start in (0..self.len()).step_by(step) {
            let end = self.len().min(start + step);
            if is_dense && self.narrow(start..end, &mut text) {
                let items = text.chunks_exact(width.max(1));
                items.for_each(|item| sink.key(Kind::Text, without_nuls(item)));
                continue;
            }
            for index in start..end {
                encode(self.item(index), self.swapped, &mut text)
                    .map_err(|character| NotUnicode { item: index, character })?;
                sink.key(Kind::Text, &text);
            }
        }
        Ok(())
    }

    /// Makes `text` the characters of a run of dense items, a byte each; false if they are not ASCII.
    fn narrow(&self, items: Range<usize>, text: &mut Vec<u8>) -> bool {
        let len = items.len() * self.buffer.item_size();
        let start = self.item(items.start).as_ptr();
        if len == 0 {
            return false;
        }
        // SAFETY: the items stand one after the other without a gap, as the caller has seen, so
        // that they are one run of memory, of which `item` says the rest.
        let (characters, _) = unsafe { slice::from_raw_parts(start, len) }.as_chunks::<4>();
        text.resize(characters.len(), 0);
        let mut bits = 0;
        for (place, &character) in text.iter_mut().zip(characters) {
            let character = u32::from_ne_bytes(character);
            bits |= character;
            *place = character.to_le_bytes()[0];
        }
        bits < 0x80
    }

    #[inline]
    fn item(&self, index: usize) -> &[u8] {
        let stride = self.buffer.strides().first().copied().unwrap_or(0);
        let start = self.buffer.buf_ptr().cast::<u8>();
        let at = isize::try_from(index).unwrap_or_default().wrapping_mul(stride);
        // Items of no size may have no memory at all.
        if self.buffer.item_size() == 0 {
            return &[];
        }
        // SAFETY: the exporter promises that an item stands a stride behind the one before, for as
        // many as its shape says, and keeps them until the buffer is released, which `self` does.
        // `index` is below that number.
        let item = unsafe { start.offset(at) };
        // SAFETY: and that each has the size of an item.
        unsafe { slice::from_raw_parts(item, self.buffer.item_size()) }
    }
}

/// What the format of the buffer protocol says, and whether its bytes are in the other order.
fn form_of(format: &CStr, size: usize) -> Option<(Form, bool)> {
    let format = format.to_bytes();
    let (order, format) = match format {
        [order @ (b'@' | b'=' | b'<' | b'>' | b'!'), rest @ ..] => (*order, rest),
        _ => (b'@', format),
    };
    let swapped = match order {
        b'<' => cfg!(target_endian = "big"),
        b'>' | b'!' => cfg!(target_endian = "little"),
        _ => false,
    };
    let (kind, count) = format.split_last()?;
    let form = match (kind, count) {
        (b's', count) if count.iter().all(u8::is_ascii_digit) => Form::Bytes,
        (b'x', count) if count.iter().all(u8::is_ascii_digit) => Form::Whole,
        (b'w', count) if count.iter().all(u8::is_ascii_digit) && size.is_multiple_of(4) => {
            Form::Characters
        }
        (b'b' | b'h' | b'i' | b'l' | b'q' | b'n', []) => Form::Integer { signed: true },
        (b'B' | b'H' | b'I' | b'L' | b'Q' | b'N', []) => Form::Integer { signed: false },
        _ => return None,
    };
    let is_known = !matches!(form, Form::Integer { .. }) || matches!(size, 1 | 2 | 4 | 8);
    is_known.then_some((form, swapped))
}

/// The item up to its last byte that is not NUL, as NumPy gives it.
#[inline]
fn without_nuls(item: &[u8]) -> &[u8] {
    let nuls = item.iter().rev().take_while(|&&byte| byte == 0).count();
    item.get(..item.len() - nuls).unwrap_or_default()
}

/// Makes `text` the UTF-8 of characters of 32 bits; the error is one that is none.
fn encode(item: &[u8], swapped: bool, text: &mut Vec<u8>) -> Result<(), u32> {
    let (characters, _) = item.as_chunks::<4>();
    let nuls = characters.iter().rev().take_while(|&&character| character == [0; 4]).count();
    text.clear();
    for &character in characters.get(..characters.len() - nuls).unwrap_or_default() {
        let character = u32::from_ne_bytes(character);
        let character = if swapped { character.swap_bytes() } else { character };
        let found = char::from_u32(character).ok_or(character)?;
        let mut bytes = [0; 4];
        text.extend_from_slice(found.encode_utf8(&mut bytes).as_bytes());
    }
    Ok(())
}
