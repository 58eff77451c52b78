//! The option `hash_tag`, which every native layout has.

use crate::{BuildError, OptionValue};

/// Two characters: keys are hashed by what stands between them (SPEC §3).
///
/// With `{}`, `user:{42}:name` and `user:{42}:mail` have one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashTag([u8; 2]);

impl HashTag {
    /// A tag of the two characters, visible ASCII (0x21 to 0x7e) each; they may be equal.
    ///
    /// # Errors
    /// [`BuildError::BadOption`] if a character is not visible ASCII.
    pub const fn new(open: u8, close: u8) -> Result<Self, BuildError> {
        if open.is_ascii_graphic() && close.is_ascii_graphic() {
            Ok(Self([open, close]))
        } else {
            Err(BuildError::BadOption { expected: Self::EXPECTED })
        }
    }

    /// Redis Cluster's tag.
    #[cfg(feature = "compat")]
    pub(super) const BRACES: Self = Self(*b"{}");

    const EXPECTED: &'static str = "a text of two visible ASCII characters";

    pub(super) fn from_option(value: OptionValue<'_>) -> Result<Self, BuildError> {
        match value {
            OptionValue::Text(text) => match *text.as_bytes() {
                [open, close] => Self::new(open, close),
                _ => Err(BuildError::BadOption { expected: Self::EXPECTED }),
            },
            _ => Err(BuildError::BadOption { expected: Self::EXPECTED }),
        }
    }

    /// The two characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let [open, close] = self.0;
        let after = match key.iter().position(|&byte| byte == open) {
            Some(at) => key.get(at + 1..).unwrap_or_default(),
            None => return key,
        };
        match after.iter().position(|&byte| byte == close) {
            None | Some(0) => key,
            Some(end) => after.get(..end).unwrap_or(key),
        }
    }
}
