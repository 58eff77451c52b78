//! Layouts: named mappings that never change once released.

use core::fmt;

use crate::{BuildError, key_hash};

/// At most this many nodes in a table (SPEC §8).
pub(crate) const NODES_MAX: usize = 65_536;
/// At most this many points on a ring (SPEC §8).
pub(crate) const POINTS_MAX: u64 = 1 << 24;
/// At most this many bytes in a name or zone (SPEC §8).
pub(crate) const TEXT_BYTES_MAX: usize = 1_024;

const NAMES: [&str; 1] = ["ringway-v1"];

/// One never-changing mapping from keys to nodes, named in configuration files.
///
/// A fix that would move a key is a new variant, never an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `ringway-v1`, the default: a ring of 32-bit positions under XXH3 (SPEC §4).
    RingwayV1 {
        /// Points for each unit of weight, 1 to 65,536; 160 unless told.
        vnodes: u32,
        /// Which part of a key is hashed; all of it unless told.
        hash_tag: Option<HashTag>,
    },
}

impl Layout {
    /// `ringway-v1` with its defaults.
    #[must_use]
    pub const fn ringway_v1() -> Self {
        Self::RingwayV1 { vnodes: 160, hash_tag: None }
    }

    /// The layout of that name, with its defaults.
    ///
    /// # Errors
    /// [`BuildError::UnknownLayout`], whose text lists the names.
    pub fn from_name(name: &str) -> Result<Self, BuildError> {
        match name {
            "ringway-v1" => Ok(Self::ringway_v1()),
            _ => Err(BuildError::UnknownLayout),
        }
    }

    /// The name in configuration files, C and Python.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RingwayV1 { .. } => "ringway-v1",
        }
    }

    /// Every layout's name, in the order of the SPEC.
    #[must_use]
    pub const fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// The same layout with one option set.
    ///
    /// # Errors
    /// [`BuildError::UnknownOption`] if the layout has no such option,
    /// [`BuildError::BadOption`] if the value is of the wrong type or out of range.
    pub fn with_option(mut self, name: &str, value: OptionValue<'_>) -> Result<Self, BuildError> {
        match &mut self {
            Self::RingwayV1 { vnodes, hash_tag } => match name {
                "vnodes" => *vnodes = vnodes_option(value)?,
                "hash_tag" => *hash_tag = Some(HashTag::from_option(value)?),
                _ => return Err(BuildError::UnknownOption),
            },
        }
        Ok(self)
    }

    /// The options that differ from the defaults, in a fixed order.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, OptionValue<'_>)> {
        let Self::RingwayV1 { vnodes, hash_tag } = self;
        let vnodes = (*vnodes != 160).then(|| ("vnodes", OptionValue::Integer(i64::from(*vnodes))));
        let hash_tag = hash_tag.as_ref().map(|tag| ("hash_tag", OptionValue::Text(tag.as_str())));
        [vnodes, hash_tag].into_iter().flatten()
    }

    /// The bytes of `key` that are hashed: what stands between the hash tag's characters, or all.
    #[inline]
    #[must_use]
    pub fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let Self::RingwayV1 { hash_tag, .. } = self;
        match hash_tag {
            None => key,
            Some(tag) => tag.hashed_part(key),
        }
    }
}

fn vnodes_option(value: OptionValue<'_>) -> Result<u32, BuildError> {
    const EXPECTED: &str = "a whole number from 1 to 65536";
    let OptionValue::Integer(number) = value else {
        return Err(BuildError::BadOption { expected: EXPECTED });
    };
    match u32::try_from(number) {
        Ok(vnodes @ 1..=65_536) => Ok(vnodes),
        _ => Err(BuildError::BadOption { expected: EXPECTED }),
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::ringway_v1()
    }
}

/// The value of a layout's option, as a configuration file gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionValue<'a> {
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// True or false.
    Boolean(bool),
}

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

    const EXPECTED: &'static str = "a text of two visible ASCII characters";

    fn from_option(value: OptionValue<'_>) -> Result<Self, BuildError> {
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

    /// The hash of what is hashed of `key`. Kept out of the way of lookups without a tag.
    #[cold]
    #[inline(never)]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        key_hash(self.hashed_part(key))
    }

    fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
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

pub(crate) fn write_names(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, name) in NAMES.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        f.write_str(name)?;
    }
    Ok(())
}
