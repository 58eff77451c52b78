//! One point of a ring, and the piece of the guide that rides in it.

use core::fmt;

use crate::NodeIndex;

/// One point of a [`Ring`](crate::Ring): a position, its owner, and a piece of the search guide.
///
/// Eight bytes. An array of [`Point::EMPTY`] is the memory that a ring is built in.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Point(u64);

// Bits 32..64: position. Bits 16..32: owner. Bits 0..16: guide (see `ring/mod.rs`).
impl Point {
    /// What memory holds before a ring is built in it.
    pub const EMPTY: Self = Self(0);

    /// A point at `position` owned by `owner`.
    #[inline]
    #[must_use]
    pub const fn new(position: u32, owner: NodeIndex) -> Self {
        Self((position as u64) << 32 | (owner.get() as u64) << 16)
    }

    /// The position, 0 to `u32::MAX`.
    #[inline]
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves 32 bits")]
    pub const fn position(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The node that owns the positions up to this one.
    #[inline]
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "16 bits are meant")]
    pub const fn owner(self) -> NodeIndex {
        NodeIndex::new((self.0 >> 16) as u16)
    }

    /// The order of points: by position, then by owner. The guide's bits are still 0.
    #[inline]
    pub(super) const fn sort_key(self) -> u64 {
        self.0
    }

    /// Whether this point lies before `position`; owner and guide cannot change the answer.
    #[inline]
    pub(super) const fn is_before(self, position: u32) -> bool {
        self.0 < (position as u64) << 32
    }

    /// The same point with the guide's piece for one bucket; `None` if the distance is too large.
    pub(super) fn with_guide(self, bucket: usize, start: usize) -> Option<Self> {
        let guide = start.wrapping_sub(bucket).wrapping_add(GUIDE_ZERO);
        match u16::try_from(guide) {
            Ok(1..) => Some(Self(self.0 & !0xffff | guide as u64)),
            _ => None,
        }
    }

    /// The same point without a guide.
    pub(super) const fn without_guide(self) -> Self {
        Self(self.0 & !0xffff)
    }

    /// Where the points of `bucket` start; beyond every array if there is no guide.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "16 bits are meant")]
    pub(super) const fn start(self, bucket: usize) -> usize {
        bucket.wrapping_add(self.0 as u16 as usize).wrapping_sub(GUIDE_ZERO)
    }
}

/// The guide's value for a bucket that starts at its own index; 0 is "no guide".
const GUIDE_ZERO: usize = 1 << 15;

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x} -> {}", self.position(), self.owner().get())
    }
}
