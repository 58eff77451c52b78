//! Whole numbers as keys.

use super::{Kind, Sink};

/// How integers are written in memory.
///
/// The key of an integer is its decimal digits, as `str()` writes them: the same for every width
/// and byte order, and what programs in other languages have in their URLs and keys.
#[derive(Clone, Copy)]
pub(crate) struct Integer {
    pub(crate) signed: bool,
    /// Whether the bytes are in the order that is not the machine's.
    pub(crate) swapped: bool,
}

impl Integer {
    /// Gives an integer of 1, 2, 4 or 8 bytes to `sink`.
    #[inline]
    pub(crate) fn give(self, bytes: &[u8], sink: &mut impl Sink) {
        let mut digits = itoa::Buffer::new();
        let value = self.value(bytes);
        let digits = match (self.signed, i64::try_from(value)) {
            (true, Ok(value)) => digits.format(value),
            _ => digits.format(u64::try_from(value).unwrap_or_default()),
        };
        sink.key(Kind::Integer, digits.as_bytes());
    }

    /// The value of an integer of 1, 2, 4 or 8 bytes.
    #[inline]
    pub(crate) fn value(self, bytes: &[u8]) -> i128 {
        let mut wide = [0; 8];
        // Little-endian, whatever it was: then all widths are one.
        let is_little = cfg!(target_endian = "little") != self.swapped;
        let len = bytes.len().min(8);
        for (index, place) in wide.iter_mut().take(len).enumerate() {
            *place = bytes[if is_little { index } else { len - 1 - index }];
        }
        let value = u64::from_le_bytes(wide);
        if !self.signed {
            return i128::from(value);
        }
        let unused = 64 - 8 * u32::try_from(len.max(1)).unwrap_or(8);
        i128::from((value << unused).cast_signed() >> unused)
    }
}
