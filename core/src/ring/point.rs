//! One point of a ring, and the piece of the guide that rides in it.

use core::fmt;

use crate::NodeIndex;

/// One point of a [`Ring`](crate::Ring): a position, its owner, and a piece of the search guide.
///
/// Eight bytes. An array of [`Point::EMPTY`] is the memory that a ring is built in.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Point(u64);

// Bits 32..64: position. Bits 16..32: owner. Bits 0..16: guide (see `ring/mod.rs`).
impl Point {
    /// What memory holds before a ring is built in it: zeros, so that a static takes no room in a
    /// program's image.
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

    /// The order of points: by position, then by owner, while no guide is written.
    #[inline]
    pub(crate) const fn sort_key(self) -> u64 {
        self.0
    }

    /// The bucket that this point is in: `position * buckets >> 32`.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "below the number of buckets, a u32")]
    pub(super) const fn bucket(self, buckets: u32) -> u32 {
        (((self.0 >> 32) * buckets as u64) >> 32) as u32
    }

    /// What the points before `position` are [below](Self::is_below).
    #[inline]
    pub(super) const fn bound(position: u32) -> u64 {
        (position as u64) << 32
    }

    /// Whether this point lies before the position of that bound; owner and guide, the lower bits,
    /// cannot change the answer.
    #[inline]
    pub(super) const fn is_below(self, bound: u64) -> bool {
        self.0 < bound
    }

    /// Writes how far the bucket's start is from its number, at most [`REACH_MAX`] either way; what
    /// is further off is cut.
    #[inline]
    pub(super) const fn set_distance(&mut self, distance: i64) {
        let guide = distance.wrapping_add(ZERO as i64).cast_unsigned();
        self.0 = self.0 & !GUIDE | guide & GUIDE;
    }

    /// The same point without a guide.
    #[inline]
    pub(super) const fn without_start(self) -> Self {
        Self(self.0 & !GUIDE)
    }

    /// Where the points of `bucket` start; for bucket 0 without a guide, [`NOWHERE`].
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "16 bits are meant")]
    pub(super) const fn start(self, bucket: u32) -> u32 {
        bucket.wrapping_add((self.0 & GUIDE) as u32).wrapping_sub(ZERO)
    }

    /// The same point with the guide of another, moved by `shift` (mod 2^64); that it still fits
    /// is the caller's business.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(super) const fn with_shifted_guide(self, guide: Self, shift: u64) -> Self {
        Self((self.0 ^ guide.0) & !GUIDE ^ guide.0.wrapping_add(shift))
    }

    /// The same point once the node of the index `removed` is gone: later ones have one less.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(super) const fn renumbered(self, removed: NodeIndex) -> Self {
        // Carries out of the owner's bits if the owner is later.
        let carries = (self.0 & OWNER) + ((0xffff - removed.get() as u64) << 16);
        Self(self.0 - (carries >> 16 & 1 << 16))
    }
}

/// The owner's bits.
#[cfg(feature = "alloc")]
const OWNER: u64 = 0xffff << 16;

/// The guide's bits: how far a start is from its bucket, and [`ZERO`] more, so that adding to it
/// carries nothing into the owner. All 0 is no guide.
const GUIDE: u64 = 0xffff;
const ZERO: u32 = 0x8000;

/// How far a bucket's start may be from its number, as [`reach_of`] has it.
pub(super) const REACH_MAX: u32 = ZERO - 1;

/// How far that is: `distance` if it is ahead, one less if it is back. Of several distances, these
/// joined by "or" are no less than each, and within [`REACH_MAX`] if each is.
#[inline]
pub(super) const fn reach_of(distance: i64) -> u64 {
    (distance ^ (distance >> 63)).cast_unsigned()
}

/// The start of bucket 0 where there is no guide: beyond the end of every ring's memory.
pub(super) const NOWHERE: u32 = 0u32.wrapping_sub(ZERO);

/// Whether position and owner are the same; what else rides in the bits is the ring's business.
impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

impl Eq for Point {}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x} -> {}", self.position(), self.owner().get())
    }
}
