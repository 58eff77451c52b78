//! Pointers of the caller's that become references, and its memory that results are written to.
//!
//! NULL, misalignment and absurd lengths are answered with a status. What cannot be checked, that
//! non-NULL memory is really there, each function asks for under `# Safety`. The freestanding form
//! has this file, too, so it needs neither a heap nor an operating system.

use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull, slice};

use crate::status::{RINGWAY_STATUS_INVALID_ARGUMENT, ringway_status};

/// The bytes `data[..len]`; `(NULL, 0)` is empty.
///
/// # Safety
/// - As for [`array`].
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], ringway_status> {
    // SAFETY: the caller passes the promise on.
    unsafe { array(data, len) }
}

/// The elements `data[..len]`; `(NULL, 0)` is empty.
///
/// # Errors
/// `RINGWAY_STATUS_INVALID_ARGUMENT` if `data` is NULL and `len` is not 0, if `data` is
/// misaligned, or if the array would be larger than any object can be.
///
/// # Safety
/// - Unless NULL, `data` points to `len` initialised elements that do not change during `'a`.
#[inline]
pub(crate) unsafe fn array<'a, T>(data: *const T, len: usize) -> Result<&'a [T], ringway_status> {
    if data.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(RINGWAY_STATUS_INVALID_ARGUMENT) };
    }
    if !data.is_aligned() || !fits_an_object::<T>(len) {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: not NULL, aligned and of possible size, as just checked; the caller promises that
    // the elements are there and stay.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// What `pointer` points to.
///
/// # Errors
/// `RINGWAY_STATUS_INVALID_ARGUMENT` if it is NULL or misaligned.
///
/// # Safety
/// - Unless NULL, `pointer` points to a live `T` that nobody changes or frees during `'a`.
#[inline]
pub(crate) unsafe fn borrow<'a, T>(pointer: *const T) -> Result<&'a T, ringway_status> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: not NULL and aligned, as just checked; the caller promises that it is live.
    Ok(unsafe { &*pointer })
}

/// What `pointer` points to, to be changed.
///
/// # Errors
/// `RINGWAY_STATUS_INVALID_ARGUMENT` if it is NULL or misaligned.
///
/// # Safety
/// - Unless NULL, `pointer` points to a live `T` that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn borrow_mut<'a, T>(pointer: *mut T) -> Result<&'a mut T, ringway_status> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: not NULL and aligned, as just checked; the caller promises that it is live and
    // that this thread alone uses it.
    Ok(unsafe { &mut *pointer })
}

/// A place of the caller's to write one result to.
pub(crate) struct Out<'a, T> {
    place: NonNull<T>,
    caller: PhantomData<&'a mut T>,
}

impl<T> Out<'_, T> {
    /// The place at `pointer`, which may be uninitialised.
    ///
    /// # Errors
    /// `RINGWAY_STATUS_INVALID_ARGUMENT` if it is NULL or misaligned.
    ///
    /// # Safety
    /// - Unless NULL, `pointer` points to memory for a `T` that nobody else uses meanwhile.
    #[inline]
    pub(crate) unsafe fn new(pointer: *mut T) -> Result<Self, ringway_status> {
        match NonNull::new(pointer) {
            Some(place) if place.is_aligned() => Ok(Self { place, caller: PhantomData }),
            _ => Err(RINGWAY_STATUS_INVALID_ARGUMENT),
        }
    }

    /// Writes the result.
    #[inline]
    pub(crate) fn write(self, value: T) {
        // SAFETY: `new` had it promised that the place can be written to.
        unsafe { self.place.write(value) };
    }
}

/// An array of the caller's to write results to.
pub(crate) struct OutArray<'a, T> {
    first: NonNull<T>,
    len: usize,
    caller: PhantomData<&'a mut T>,
}

impl<'a, T> OutArray<'a, T> {
    /// The places `data[..len]`, which may be uninitialised; `(NULL, 0)` is empty.
    ///
    /// # Errors
    /// As [`array`].
    ///
    /// # Safety
    /// - Unless NULL, `data` points to memory for `len` elements that nobody else uses meanwhile.
    #[inline]
    pub(crate) unsafe fn new(data: *mut T, len: usize) -> Result<Self, ringway_status> {
        match NonNull::new(data) {
            Some(first) if first.is_aligned() && fits_an_object::<T>(len) => {
                Ok(Self { first, len, caller: PhantomData })
            }
            None if len == 0 => Ok(Self { first: NonNull::dangling(), len, caller: PhantomData }),
            _ => Err(RINGWAY_STATUS_INVALID_ARGUMENT),
        }
    }

    /// How many elements it takes.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The places, whatever is in them.
    pub(crate) fn uninit(self) -> &'a mut [MaybeUninit<T>] {
        // SAFETY: `new` had it promised that there are so many places which nobody else uses, and
        // a `MaybeUninit` may hold anything.
        unsafe { slice::from_raw_parts_mut(self.first.cast().as_ptr(), self.len) }
    }

    /// Writes what `values` gives, from the first element on, as long as there is room; says how
    /// many that was.
    #[inline]
    pub(crate) fn write_all(self, values: impl Iterator<Item = T>) -> usize {
        let mut written = 0;
        for value in values.take(self.len) {
            // SAFETY: `written < len`, and `new` had it promised that so many can be written.
            let place = unsafe { self.first.add(written) };
            // SAFETY: as above.
            unsafe { place.write(value) };
            written += 1;
        }
        written
    }
}

impl<'a> OutArray<'a, u32> {
    /// The places as numbers, each 0.
    pub(crate) fn zeroed(self) -> &'a mut [u32] {
        let places = self.uninit();
        places.fill(MaybeUninit::zeroed());
        // SAFETY: all were just written.
        unsafe { places.assume_init_mut() }
    }
}

/// Whether `len` elements are at most `isize::MAX` bytes, the most that one object can have.
#[inline]
const fn fits_an_object<T>(len: usize) -> bool {
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) => bytes <= isize::MAX.unsigned_abs(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_end_at_the_largest_object() {
        let most = isize::MAX.unsigned_abs();
        assert!(fits_an_object::<u8>(most));
        assert!(!fits_an_object::<u8>(most + 1));
        assert!(fits_an_object::<u32>(most / 4));
        assert!(!fits_an_object::<u32>(most / 4 + 1));
        assert!(!fits_an_object::<u32>(usize::MAX));
    }
}
