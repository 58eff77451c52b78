//! The border to C: the only place where pointers become references, and where panics stop.
//!
//! Every export is one `guard(|| ...)`. Inside it, pointers become Rust values through the
//! functions of this file, which answer NULL, misalignment and absurd lengths with a status.
//! What they cannot check, that non-NULL memory is really there, each asks under `# Safety`.

use core::{ffi::c_char, marker::PhantomData, ptr::NonNull, slice};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::status::{
    self, RINGWAY_STATUS_INVALID_ARGUMENT, RINGWAY_STATUS_OK, RINGWAY_STATUS_PANIC, ringway_status,
};

/// Runs the body of an export; a panic becomes `RINGWAY_STATUS_PANIC`.
#[inline]
pub(crate) fn guard(body: impl FnOnce() -> Result<(), ringway_status>) -> ringway_status {
    guard_or(RINGWAY_STATUS_PANIC, || match body() {
        Ok(()) => RINGWAY_STATUS_OK,
        Err(status) => status,
    })
}

/// Runs the body of an export that returns no status; a panic becomes `otherwise`.
#[inline]
pub(crate) fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    // Values behind handles are immutable or, for builders, only grow by whole elements: a panic
    // leaves none of them broken.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // A payload may panic when dropped; leaking it cannot.
            core::mem::forget(payload);
            otherwise
        }
    }
}

/// Runs the body of an export that explains its failures in the caller's memory.
///
/// # Safety
/// - As for [`Message::new`], whose arguments follow.
#[inline]
pub(crate) unsafe fn guard_with_message(
    text: *mut c_char,
    capacity: usize,
    len: *mut usize,
    body: impl FnOnce() -> Result<(), Failure>,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller of this function passes the promise on.
        let message = unsafe { Message::new(text, capacity, len) }?;
        let failure = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(payload) => {
                core::mem::forget(payload);
                Failure::from(RINGWAY_STATUS_PANIC)
            }
        };
        message.write(&failure.text);
        Err(failure.status)
    })
}

/// A status with words of its own.
pub(crate) struct Failure {
    status: ringway_status,
    text: String,
}

impl Failure {
    /// That status, explained by `text`.
    pub(crate) fn new(status: ringway_status, text: &impl ToString) -> Self {
        Self { status, text: text.to_string() }
    }
}

impl From<ringway_status> for Failure {
    fn from(status: ringway_status) -> Self {
        Self { status, text: status::text(status).to_string_lossy().into_owned() }
    }
}

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

/// Frees a box that [`Out::give_box`] gave; NULL is allowed.
///
/// # Safety
/// - Unless NULL, `pointer` came from `give_box`, was not freed before, and nobody uses it.
pub(crate) unsafe fn free_box<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller promises that it is a box of ours, freed once.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Adds a reference to what [`Out::give_arc`] gave.
///
/// # Errors
/// `RINGWAY_STATUS_INVALID_ARGUMENT` if it is NULL.
///
/// # Safety
/// - Unless NULL, `pointer` came from `give_arc` and the caller holds a reference.
pub(crate) unsafe fn add_reference<T>(pointer: *const T) -> Result<(), ringway_status> {
    if pointer.is_null() {
        return Err(RINGWAY_STATUS_INVALID_ARGUMENT);
    }
    // SAFETY: the caller promises that it is an `Arc` of ours with a reference left.
    unsafe { Arc::increment_strong_count(pointer) };
    Ok(())
}

/// Gives back one reference to what [`Out::give_arc`] gave; NULL is allowed.
///
/// # Safety
/// - Unless NULL, `pointer` came from `give_arc` and the caller holds a reference, now gone.
pub(crate) unsafe fn free_reference<T>(pointer: *const T) {
    if !pointer.is_null() {
        // SAFETY: the caller promises that it is an `Arc` of ours with a reference left.
        unsafe { Arc::decrement_strong_count(pointer) };
    }
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

impl<T> Out<'_, *mut T> {
    /// Gives the caller a box, to be freed by [`free_box`].
    pub(crate) fn give_box(self, value: Box<T>) {
        self.write(Box::into_raw(value));
    }
}

impl<T> Out<'_, *const T> {
    /// Gives the caller a reference, to be given back by [`free_reference`].
    pub(crate) fn give_arc(self, value: Arc<T>) {
        self.write(Arc::into_raw(value));
    }
}

/// An array of the caller's to write results to.
pub(crate) struct OutArray<'a, T> {
    first: NonNull<T>,
    len: usize,
    caller: PhantomData<&'a mut T>,
}

impl<T> OutArray<'_, T> {
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

/// Where the caller wants a failure explained.
struct Message<'a> {
    text: OutArray<'a, c_char>,
    len: Option<Out<'a, usize>>,
}

impl Message<'_> {
    /// A text of up to `capacity` bytes with its NUL, and where to write its full length;
    /// `(NULL, 0)` and a NULL `len` are not written to.
    ///
    /// # Safety
    /// - As for [`OutArray::new`] with `text` and `capacity`.
    /// - As for [`Out::new`] with `len`.
    unsafe fn new(
        text: *mut c_char,
        capacity: usize,
        len: *mut usize,
    ) -> Result<Self, ringway_status> {
        // SAFETY: the caller passes the promise on.
        let text = unsafe { OutArray::new(text, capacity) }?;
        let len = if len.is_null() {
            None
        } else {
            // SAFETY: the caller passes the promise on.
            Some(unsafe { Out::new(len) }?)
        };
        Ok(Self { text, len })
    }

    /// Writes as much of `explanation` as has room, cut between characters, and a NUL; NULs in
    /// it become spaces so that C reads it to its end.
    fn write(self, explanation: &str) {
        if let Some(len) = self.len {
            len.write(explanation.len());
        }
        if let Some(room) = self.text.len().checked_sub(1) {
            let part = &explanation[..explanation.floor_char_boundary(room)];
            let characters = part.bytes().map(|byte| if byte == 0 { b' ' } else { byte });
            // Signedness of `char` differs between platforms; the bits do not.
            let characters = characters.map(|byte| c_char::from_ne_bytes([byte]));
            self.text.write_all(characters.chain([0]));
        }
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
    use core::ptr;

    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("caught, as it should be")), RINGWAY_STATUS_PANIC);
    }

    #[test]
    fn a_panic_is_explained() {
        let (mut text, mut len) = ([1; 80], 0);
        // SAFETY: both places are live locals.
        let status = unsafe {
            guard_with_message(text.as_mut_ptr(), text.len(), &raw mut len, || {
                panic!("caught, as it should be")
            })
        };
        assert_eq!(status, RINGWAY_STATUS_PANIC);
        assert_eq!(len, status::text(RINGWAY_STATUS_PANIC).count_bytes());
        assert_eq!(text[len], 0);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_not_dropped() {
        struct Mine;
        impl Drop for Mine {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        assert_eq!(guard(|| std::panic::panic_any(Mine)), RINGWAY_STATUS_PANIC);
    }

    #[test]
    fn lengths_end_at_the_largest_object() {
        let most = isize::MAX.unsigned_abs();
        assert!(fits_an_object::<u8>(most));
        assert!(!fits_an_object::<u8>(most + 1));
        assert!(fits_an_object::<u32>(most / 4));
        assert!(!fits_an_object::<u32>(most / 4 + 1));
        assert!(!fits_an_object::<u32>(usize::MAX));
    }

    #[test]
    fn messages_are_cut_between_characters() {
        let explanation = "a\0é";
        let expected: [&[u8]; 6] = [b"", b"\0", b"a\0", b"a \0", b"a \0", b"a \xc3\xa9\0"];
        for (capacity, expected) in expected.into_iter().enumerate() {
            let (mut text, mut len) = ([0x55; 8], 0);
            // SAFETY: both places are live locals.
            let message = unsafe { Message::new(text.as_mut_ptr(), capacity, &raw mut len) };
            message.expect("the places are fine").write(explanation);
            let written: Vec<u8> = text.iter().flat_map(|c| c.to_ne_bytes()).collect();
            assert_eq!(&written[..expected.len()], expected, "capacity {capacity}");
            assert!(written[expected.len()..].iter().all(|&byte| byte == 0x55));
            assert_eq!(len, 4);
        }
    }

    #[test]
    fn a_null_message_is_not_written() {
        // SAFETY: NULL is allowed.
        let message = unsafe { Message::new(ptr::null_mut(), 0, ptr::null_mut()) };
        message.expect("NULL is allowed").write("nobody reads this");
    }
}
