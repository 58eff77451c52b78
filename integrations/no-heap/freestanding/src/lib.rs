//! Ringway's core as a static library that needs no libc and no allocator.
//!
//! `start.c` is the other half: where a program begins, and its two calls to the kernel.
#![no_std]

use core::{fmt, slice};

use ringway_answers::Memory;

unsafe extern "C" {
    /// Writes so many bytes; `start.c` has it.
    fn freestanding_write(bytes: *const u8, len: usize);
    /// Ends the program as a failure; `start.c` has it.
    safe fn freestanding_panic() -> !;
}

/// Answers the questions of `questions.py` through `freestanding_write`.
///
/// # Safety
/// - `questions` points to `len` bytes that nobody changes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn freestanding_answer(questions: *const u8, len: usize) {
    // SAFETY: the caller keeps this function's only condition.
    let questions = unsafe { slice::from_raw_parts(questions, len) };
    let mut out = Out { line: [0; 4_096], len: 0 };
    ringway_answers::answer(questions, &mut Memory::new(), &mut out);
    out.flush();
}

/// Output that is written when there is much of it.
struct Out {
    line: [u8; 4_096],
    len: usize,
}

impl Out {
    fn flush(&mut self) {
        // SAFETY: the pointer and the length, at most that of the array, are of one array.
        unsafe { freestanding_write(self.line.as_ptr(), self.len) };
        self.len = 0;
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == self.line.len() {
                self.flush();
            }
            if let Some(slot) = self.line.get_mut(self.len) {
                *slot = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    freestanding_panic()
}
