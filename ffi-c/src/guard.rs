//! The border to C, where panics stop, and the handles that cross it.
//!
//! Every export is one `guard(|| ...)`. Inside it, pointers become Rust values through the
//! functions of this file and of `pointers`, and nowhere else.

use core::ffi::c_char;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub(crate) use crate::pointers::{Out, OutArray, array, borrow, borrow_mut, bytes};
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
