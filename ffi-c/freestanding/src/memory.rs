//! The caller's memory, divided.

use core::{mem::MaybeUninit, slice};

use ringway::{NodeIndex, Point};

use crate::status::{RINGWAY_STATUS_MEMORY_TOO_SMALL, ringway_status};

/// How the pieces of a table lie in one piece of memory: each behind the one before, at its
/// alignment. Counted first, then taken.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extent(usize);

impl Extent {
    /// Behind it, so many elements; `None` if no object can be so large.
    #[inline]
    pub(crate) fn with<T>(self, count: usize) -> Option<Self> {
        const { assert!(align_of::<T>() <= ALIGN) };
        self.with_bytes(align_of::<T>(), size_of::<T>(), count)
    }

    /// The same, once for all types.
    #[inline(never)]
    fn with_bytes(self, align: usize, size: usize, count: usize) -> Option<Self> {
        let start = self.0.checked_next_multiple_of(align)?;
        let end = start.checked_add(count.checked_mul(size)?)?;
        (end <= isize::MAX.unsigned_abs()).then_some(Self(end))
    }

    /// The bytes up to here.
    pub(crate) const fn bytes(self) -> usize {
        self.0
    }
}

/// The alignment of a table's memory.
pub(crate) const ALIGN: usize = 8;

/// Memory that is taken from its start on.
pub(crate) struct Arena<'m> {
    free: &'m mut [MaybeUninit<u8>],
}

impl<'m> Arena<'m> {
    pub(crate) const fn new(memory: &'m mut [MaybeUninit<u8>]) -> Self {
        Self { free: memory }
    }

    /// The next so many elements, each a copy of `value`.
    ///
    /// # Errors
    /// `RINGWAY_STATUS_MEMORY_TOO_SMALL`.
    pub(crate) fn take<T: Copy>(
        &mut self,
        count: usize,
        value: T,
    ) -> Result<&'m mut [T], ringway_status> {
        let place = self.place::<T>(count).ok_or(RINGWAY_STATUS_MEMORY_TOO_SMALL)?;
        place.fill(MaybeUninit::new(value));
        // SAFETY: every element was just written.
        Ok(unsafe { place.assume_init_mut() })
    }

    /// The next so many numbers, each 0.
    ///
    /// # Errors
    /// `RINGWAY_STATUS_MEMORY_TOO_SMALL`.
    #[inline]
    pub(crate) fn zeros<T: Number>(&mut self, count: usize) -> Result<&'m mut [T], ringway_status> {
        let place = self.place::<T>(count).ok_or(RINGWAY_STATUS_MEMORY_TOO_SMALL)?;
        // SAFETY: the elements are there, and zeros are one of what they may hold.
        unsafe { place.as_mut_ptr().write_bytes(0, count) };
        // SAFETY: every element was just written, and zeros are a value of such a type.
        Ok(unsafe { place.assume_init_mut() })
    }

    /// The next bytes, which become a copy of these.
    ///
    /// # Errors
    /// `RINGWAY_STATUS_MEMORY_TOO_SMALL`.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<&'m [u8], ringway_status> {
        let copy = self.zeros::<u8>(bytes.len())?;
        copy.copy_from_slice(bytes);
        Ok(copy)
    }

    /// Room for the next element.
    ///
    /// # Errors
    /// `RINGWAY_STATUS_MEMORY_TOO_SMALL`.
    pub(crate) fn room<T>(&mut self) -> Result<&'m mut MaybeUninit<T>, ringway_status> {
        let place = self.place(1).and_then(<[_]>::first_mut);
        place.ok_or(RINGWAY_STATUS_MEMORY_TOO_SMALL)
    }

    /// The next so many elements, not yet written.
    #[inline]
    fn place<T>(&mut self, count: usize) -> Option<&'m mut [MaybeUninit<T>]> {
        let taken = self.cut(align_of::<T>(), count.checked_mul(size_of::<T>())?)?;
        // SAFETY: `taken` is aligned for `T`, has room for `count` of them, is borrowed for 'm and
        // nobody else has it; `MaybeUninit` may hold any bytes.
        Some(unsafe { slice::from_raw_parts_mut(taken.as_mut_ptr().cast(), count) })
    }

    /// The next so many bytes at that alignment, a power of two.
    #[inline(never)]
    fn cut(&mut self, align: usize, bytes: usize) -> Option<&'m mut [MaybeUninit<u8>]> {
        let free = core::mem::take(&mut self.free);
        let skipped = free.as_ptr().addr().wrapping_neg() & (align - 1);
        let (_, aligned) = free.split_at_mut_checked(skipped)?;
        let (taken, rest) = aligned.split_at_mut_checked(bytes)?;
        self.free = rest;
        Some(taken)
    }
}

/// Types of which zeros are a value: what is meant by "nothing yet".
///
/// # Safety
/// - All bits 0 are a valid value.
pub(crate) unsafe trait Number {}

// SAFETY: numbers.
unsafe impl Number for u8 {}
// SAFETY: numbers.
unsafe impl Number for u64 {}
// SAFETY: the empty point is zeros, as it says, and the compiler proves.
unsafe impl Number for Point {}
// SAFETY: the index 0 is zeros, as the compiler proves.
unsafe impl Number for NodeIndex {}

const _: () = {
    // SAFETY: a point is a number of 64 bits, or this does not compile.
    assert!(unsafe { core::mem::transmute::<Point, u64>(Point::EMPTY) } == 0);
    // SAFETY: an index is a number of 16 bits, or this does not compile.
    assert!(unsafe { core::mem::transmute::<NodeIndex, u16>(NodeIndex::new(0)) } == 0);
};
