//! The border to C, as in the hosted form but for panics: there is nothing that could catch one.

use core::panic::PanicInfo;

pub(crate) use crate::pointers::{Out, OutArray, array, borrow, bytes};
use crate::status::{RINGWAY_STATUS_OK, ringway_status};

unsafe extern "C" {
    /// Of the host: ends the program.
    safe fn ringway_host_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    ringway_host_panic()
}

/// Runs the body of an export.
#[inline]
pub(crate) fn guard(body: impl FnOnce() -> Result<(), ringway_status>) -> ringway_status {
    match body() {
        Ok(()) => RINGWAY_STATUS_OK,
        Err(status) => status,
    }
}

/// Runs the body of an export that returns no status.
#[inline]
pub(crate) fn guard_or<T>(_: T, body: impl FnOnce() -> T) -> T {
    body()
}
