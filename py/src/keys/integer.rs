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
        let digits =
            if self.signed { digits.format(value.cast_signed()) } else { digits.format(value) };
        sink.key(Kind::Integer, digits.as_bytes());
    }

    /// The value of an integer of 1, 2, 4 or 8 bytes; a signed one as its two's complement.
    #[inline]
    pub(crate) fn value(self, bytes: &[u8]) -> u64 {
        let (value, unused) = match *bytes {
            [a] => (u64::from(a), 56),
            [a, b] => {
                let value = u16::from_ne_bytes([a, b]);
                (u64::from(if self.swapped { value.swap_bytes() } else { value }), 48)
            }
            [a, b, c, d] => {
                let value = u32::from_ne_bytes([a, b, c, d]);
                (u64::from(if self.swapped { value.swap_bytes() } else { value }), 32)
            }
            _ => {
                let value = u64::from_ne_bytes(*bytes.first_chunk().unwrap_or(&[0; 8]));
                (if self.swapped { value.swap_bytes() } else { value }, 0)
            }
        };
        if self.signed {
            ((value << unused).cast_signed() >> unused).cast_unsigned()
        } else {
            value
        }
    }
}
