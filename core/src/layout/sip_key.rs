//! The key of `ringway-keyed-v1`.

use core::{fmt, hash::Hasher as _};

use siphasher::sip::SipHasher13;

use crate::{BuildError, OptionValue};

/// A secret of 128 bits under which keys and points are hashed (SPEC §16).
///
/// `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SipKey {
    secret: Secret,
    /// The same as hexadecimal digits in lower case.
    digits: [u8; 32],
}

/// The bytes of a [`SipKey`], which is all that hashing takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret([u8; 16]);

impl SipKey {
    const EXPECTED: &'static str = "a text of 32 hexadecimal digits";

    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        let mut place = 0;
        while place < 16 {
            digits[2 * place] = DIGITS[(bytes[place] >> 4) as usize];
            digits[2 * place + 1] = DIGITS[(bytes[place] & 15) as usize];
            place += 1;
        }
        Self { secret: Secret(bytes), digits }
    }

    /// The key that 32 hexadecimal digits give, of either case.
    ///
    /// # Errors
    /// [`BuildError::BadOption`] if it is another text.
    pub fn from_hex(text: &str) -> Result<Self, BuildError> {
        let wrong = BuildError::BadOption { expected: Self::EXPECTED };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(wrong) };
        if pairs.len() != 16 {
            return Err(wrong);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let mut bytes = [0; 16];
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(high).ok_or(wrong)? << 4 | digit(low).ok_or(wrong)?;
        }
        Ok(Self::new(bytes))
    }

    pub(super) fn from_option(value: OptionValue<'_>) -> Result<Self, BuildError> {
        match value {
            OptionValue::Text(text) => Self::from_hex(text),
            _ => Err(BuildError::BadOption { expected: Self::EXPECTED }),
        }
    }

    /// The key as 32 hexadecimal digits in lower case: the secret itself.
    #[must_use]
    pub fn expose_hex(&self) -> &str {
        core::str::from_utf8(&self.digits).unwrap_or_default()
    }

    /// SipHash-1-3 of `input` under this key.
    #[inline]
    #[must_use]
    pub fn hash(&self, input: &[u8]) -> u64 {
        self.secret.hash(input)
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl Secret {
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))]
    pub(crate) fn hash(&self, input: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(input);
        hasher.finish()
    }
}

impl fmt::Debug for SipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SipKey(..)")
    }
}
