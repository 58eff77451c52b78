//! The keys of one Arrow array.
//!
//! The interface does not say how long buffers are. What it does say is checked before use: numbers
//! that are negative or too large, offsets that go back or beyond the last, missing buffers, indices
//! outside of a dictionary. An array whose buffers are shorter than its own numbers cannot be told.
#![allow(unsafe_code, reason = "the memory belongs to other libraries")]

use std::{ffi::CStr, fmt, marker::PhantomData, ptr, slice};

use super::{ArrowArray, ArrowSchema};
use crate::keys::{Integer, Kind, Sink};

/// Why an array cannot be read.
pub(super) enum Fault {
    /// The type is not one of keys.
    Type(String),
    /// The array breaks the rules of the interface.
    Broken(&'static str),
    /// There is no memory for it.
    Memory,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(format) => write!(
                f,
                "keys must be Arrow data of strings, binary or integers, not of the format {format:?}{}",
                if format == "+s" { ": take one column of the table" } else { "" }
            ),
            Self::Broken(what) => write!(f, "keys is no valid Arrow data: {what}"),
            Self::Memory => f.write_str("keys is Arrow data of more keys than there is memory for"),
        }
    }
}

/// What the values of a type are, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing but missing values.
    Null,
    /// Between offsets of 4 bytes.
    Offsets(Kind),
    /// Between offsets of 8 bytes.
    LargeOffsets(Kind),
    /// In views of 16 bytes, or where these point to.
    Views(Kind),
    /// In bytes, so many for each.
    Fixed(usize),
    Integer {
        size: usize,
        signed: bool,
    },
}

impl Form {
    fn of(format: &str) -> Option<Self> {
        let integer = |size, signed| Some(Self::Integer { size, signed });
        match format {
            "n" => Some(Self::Null),
            "u" => Some(Self::Offsets(Kind::Text)),
            "z" => Some(Self::Offsets(Kind::Binary)),
            "U" => Some(Self::LargeOffsets(Kind::Text)),
            "Z" => Some(Self::LargeOffsets(Kind::Binary)),
            "vu" => Some(Self::Views(Kind::Text)),
            "vz" => Some(Self::Views(Kind::Binary)),
            "c" => integer(1, true),
            "C" => integer(1, false),
            "s" => integer(2, true),
            "S" => integer(2, false),
            "i" => integer(4, true),
            "I" => integer(4, false),
            "l" => integer(8, true),
            "L" => integer(8, false),
            _ => format.strip_prefix("w:")?.parse().ok().map(Self::Fixed),
        }
    }

    /// How many buffers there are at least, the validity's included.
    const fn buffers(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Fixed(_) | Self::Integer { .. } => 2,
            Self::Offsets(_) | Self::LargeOffsets(_) | Self::Views(_) => 3,
        }
    }

    /// How many bytes of the second buffer a value takes.
    const fn width(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Offsets(_) => 4,
            Self::LargeOffsets(_) => 8,
            Self::Views(_) => 16,
            Self::Fixed(width) => width,
            Self::Integer { size, .. } => size,
        }
    }
}

/// An array whose structure has been looked at.
pub(super) struct Column<'a> {
    form: Form,
    /// The first value of those before which none counts.
    offset: usize,
    len: usize,
    /// A bit for each value, or null if none is missing.
    validity: *const u8,
    /// Offsets, views, or the values themselves.
    values: *const u8,
    /// What offsets go into.
    data: *const u8,
    /// What views point into, and how long each is.
    blocks: Vec<(*const u8, usize)>,
    dictionary: Option<Box<Self>>,
    array: PhantomData<&'a ArrowArray>,
}

// SAFETY: nothing writes to what an array shows, whatever thread reads it.
unsafe impl Send for Column<'_> {}

impl<'a> Column<'a> {
    /// The column that an array of that type is.
    ///
    /// # Safety
    /// - `schema` and `array` are valid by the rules of the interface, as far as these can only be
    ///   promised: strings end, buffers have the length that follows from the array's numbers, and
    ///   pointers that are not null point to what they are said to.
    /// - Both stay so for `'a`.
    pub(super) unsafe fn of(schema: &'a ArrowSchema, array: &'a ArrowArray) -> Result<Self, Fault> {
        if array.release.is_none() || schema.release.is_none() {
            return Err(Fault::Broken("it was released before"));
        }
        if schema.format.is_null() {
            return Err(Fault::Broken("a type has no format"));
        }
        // SAFETY: the caller promises that strings end.
        let format = unsafe { CStr::from_ptr(schema.format) }.to_string_lossy();
        let form = Form::of(&format).ok_or_else(|| Fault::Type(format.into_owned()))?;
        let number = |number: i64| usize::try_from(number).ok();
        let negative = Fault::Broken("a length, an offset or a number of buffers is negative");
        let (Some(len), Some(offset), Some(count)) =
            (number(array.length), number(array.offset), number(array.n_buffers))
        else {
            return Err(negative);
        };
        let end = offset.checked_add(len).and_then(|end| end.checked_add(1));
        let bytes = end.and_then(|end| end.checked_mul(form.width().max(1)));
        if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            return Err(Fault::Broken("it has more values than memory has room for"));
        }
        if count < form.buffers() {
            return Err(Fault::Broken("a buffer is missing"));
        }
        let mut column = Self {
            form,
            offset,
            len,
            validity: ptr::null(),
            values: ptr::null(),
            data: ptr::null(),
            blocks: Vec::new(),
            dictionary: None,
            array: PhantomData,
        };
        if form != Form::Null {
            // SAFETY: the caller promises that the buffers are those of a valid array.
            unsafe { column.find(array, count) }?;
        }
        if !schema.dictionary.is_null() {
            if !matches!(form, Form::Integer { .. }) || array.dictionary.is_null() {
                return Err(Fault::Broken(
                    "a dictionary is missing, or its indices are no integers",
                ));
            }
            // SAFETY: the caller promises that what is not null points to a schema.
            let schema = unsafe { &*schema.dictionary };
            // SAFETY: and to an array.
            let array = unsafe { &*array.dictionary };
            if !schema.dictionary.is_null() {
                return Err(Fault::Broken("a dictionary is made of another one"));
            }
            // SAFETY: the caller's promise is about these as well.
            column.dictionary = Some(Box::new(unsafe { Self::of(schema, array) }?));
        }
        Ok(column)
    }

    /// Finds the buffers of an array that is said to have `count`.
    ///
    /// # Safety
    /// As for [`of`](Self::of).
    unsafe fn find(&mut self, array: &'a ArrowArray, count: usize) -> Result<(), Fault> {
        let pointers = array.buffers;
        if pointers.is_null() || count > 1 << 32 {
            return Err(Fault::Broken("it has no buffers"));
        }
        // SAFETY: the caller promises so many pointers.
        let buffers = unsafe { slice::from_raw_parts(pointers.cast::<*const u8>(), count) };
        let buffer = |index: usize| buffers.get(index).copied().unwrap_or(ptr::null());
        if array.null_count != 0 {
            self.validity = buffer(0);
        }
        self.values = buffer(1);
        if self.values.is_null() && self.len > 0 && self.form.width() > 0 {
            return Err(Fault::Broken("a buffer is missing"));
        }
        match self.form {
            Form::Offsets(_) | Form::LargeOffsets(_) => self.data = buffer(2),
            Form::Views(_) => {
                let blocks = buffers.get(2..count - 1).unwrap_or_default();
                let lengths = buffer(count - 1);
                if lengths.is_null() && !blocks.is_empty() {
                    return Err(Fault::Broken("a buffer is missing"));
                }
                for (index, &block) in blocks.iter().enumerate() {
                    // SAFETY: the caller promises a length for each block.
                    let length = i64::from_ne_bytes(unsafe { bytes(lengths, index) });
                    let length = usize::try_from(length)
                        .map_err(|_| Fault::Broken("the length of a buffer is negative"))?;
                    self.blocks.push((block, if block.is_null() { 0 } else { length }));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives each key to `sink`.
    pub(super) fn read<S: Sink>(&self, sink: &mut S) -> Result<(), Fault> {
        if !sink.reserve(self.len) {
            return Err(Fault::Memory);
        }
        // The form is looked at once, not for each key, where that is worth a loop of its own.
        match (&self.dictionary, self.form) {
            (None, Form::Offsets(kind)) => self.each(sink, |at, sink: &mut S| {
                sink.key(kind, self.between(at, offset_32)?);
                Ok(())
            }),
            (None, Form::LargeOffsets(kind)) => self.each(sink, |at, sink: &mut S| {
                sink.key(kind, self.between(at, offset_64)?);
                Ok(())
            }),
            (None, Form::Views(kind)) => self.each(sink, |at, sink: &mut S| {
                sink.key(kind, self.viewed(at)?);
                Ok(())
            }),
            _ => self.each(sink, |at, sink: &mut S| self.give(at, sink)),
        }
    }

    #[inline]
    fn each<S: Sink>(
        &self,
        sink: &mut S,
        give: impl Fn(usize, &mut S) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let places = self.offset..self.offset + self.len;
        if self.validity.is_null() {
            return places.into_iter().try_for_each(|at| give(at, sink));
        }
        for at in places {
            if self.is_valid(at) {
                give(at, sink)?;
            } else {
                sink.null();
            }
        }
        Ok(())
    }

    /// Gives the key at a place, counted from the start of the buffers, that is not missing.
    fn give(&self, at: usize, sink: &mut impl Sink) -> Result<(), Fault> {
        if let Some(dictionary) = &self.dictionary {
            let index = usize::try_from(self.index(at));
            let Some(index) = index.ok().filter(|&index| index < dictionary.len) else {
                return Err(Fault::Broken("an index is outside of the dictionary"));
            };
            let at = dictionary.offset + index;
            if dictionary.form != Form::Null && dictionary.is_valid(at) {
                return dictionary.give(at, sink);
            }
            sink.null();
            return Ok(());
        }
        match self.form {
            Form::Null => sink.null(),
            Form::Offsets(kind) => sink.key(kind, self.between(at, offset_32)?),
            Form::LargeOffsets(kind) => sink.key(kind, self.between(at, offset_64)?),
            Form::Views(kind) => sink.key(kind, self.viewed(at)?),
            Form::Fixed(width) => sink.key(Kind::Binary, self.fixed(at, width)),
            Form::Integer { size, signed } => {
                Integer { signed, swapped: false }.give(self.fixed(at, size), sink);
            }
        }
        Ok(())
    }

    fn is_valid(&self, at: usize) -> bool {
        if self.validity.is_null() {
            return true;
        }
        // SAFETY: the validity has a bit for each value, and `at` is below their number.
        let [byte] = unsafe { bytes(self.validity, at / 8) };
        byte >> (at % 8) & 1 == 1
    }

    /// The index into a dictionary; one that is negative is beyond all.
    fn index(&self, at: usize) -> u64 {
        match self.form {
            Form::Integer { size, signed } => {
                Integer { signed, swapped: false }.value(self.fixed(at, size))
            }
            _ => u64::MAX,
        }
    }

    /// The value of so many bytes at a place.
    #[inline]
    fn fixed(&self, at: usize, width: usize) -> &'a [u8] {
        if width == 0 {
            return &[];
        }
        // SAFETY: `at` is below the number of values, and the buffer has a width for each.
        let start = unsafe { self.values.add(at * width) };
        // SAFETY: and that stays as it is for `'a`.
        unsafe { slice::from_raw_parts(start, width) }
    }

    /// The value between two offsets.
    #[inline]
    fn between(&self, at: usize, offset: Offset) -> Result<&'a [u8], Fault> {
        // SAFETY: there is an offset for each value and one more, and `at` is below the number of
        // values.
        let [start, end, last] =
            [at, at + 1, self.offset + self.len].map(|at| unsafe { offset(self.values, at) });
        if start > end || end > last {
            return Err(Fault::Broken("its offsets do not ascend"));
        }
        let (Ok(start), Ok(len)) = (usize::try_from(start), usize::try_from(end - start)) else {
            return Err(Fault::Broken("an offset is negative"));
        };
        if len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Fault::Broken("a buffer is missing"));
        }
        // SAFETY: the data is as long as the last offset says, and `start` is not behind that.
        let start = unsafe { self.data.add(start) };
        // SAFETY: nor is the end; and all stays as it is for `'a`.
        Ok(unsafe { slice::from_raw_parts(start, len) })
    }

    /// The value of a view: up to 12 bytes stand in it, more in a block.
    #[inline]
    fn viewed(&self, at: usize) -> Result<&'a [u8], Fault> {
        let view = self.fixed(at, 16);
        let number = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&view[at..at + 4]);
            usize::try_from(i32::from_ne_bytes(bytes))
                .map_err(|_| Fault::Broken("the number of a view is negative"))
        };
        let len = number(0)?;
        if len <= 12 {
            return Ok(&view[4..4 + len]);
        }
        let (block, start) = (number(8)?, number(12)?);
        let outside = Fault::Broken("a view points outside of the buffers");
        let Some(&(block, block_len)) = self.blocks.get(block) else { return Err(outside) };
        if start.checked_add(len).is_none_or(|end| end > block_len) {
            return Err(outside);
        }
        // SAFETY: the block has `block_len` bytes, and the value ends within.
        let start = unsafe { block.add(start) };
        // SAFETY: and all stays as it is for `'a`.
        Ok(unsafe { slice::from_raw_parts(start, len) })
    }
}

/// How to read an offset.
type Offset = unsafe fn(*const u8, usize) -> i64;

/// The offset of 4 bytes at a place.
///
/// # Safety
/// - `start` is that of a buffer with an offset there.
#[inline]
unsafe fn offset_32(start: *const u8, at: usize) -> i64 {
    // SAFETY: the caller promises it.
    i64::from(i32::from_ne_bytes(unsafe { bytes(start, at) }))
}

/// The offset of 8 bytes at a place.
///
/// # Safety
/// - `start` is that of a buffer with an offset there.
#[inline]
unsafe fn offset_64(start: *const u8, at: usize) -> i64 {
    // SAFETY: the caller promises it.
    i64::from_ne_bytes(unsafe { bytes(start, at) })
}

/// The bytes of a number at a place among numbers of that size, aligned or not.
///
/// # Safety
/// - `start` is that of a buffer with a number there.
#[inline]
unsafe fn bytes<const SIZE: usize>(start: *const u8, at: usize) -> [u8; SIZE] {
    // SAFETY: the caller promises that the number is within the buffer.
    let place = unsafe { start.add(at * SIZE) };
    // SAFETY: as before; an array of bytes needs no alignment.
    unsafe { place.cast::<[u8; SIZE]>().read() }
}
