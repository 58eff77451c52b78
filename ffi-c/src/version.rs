//! Which library this is.

use core::ffi::{CStr, c_char};

use crate::guard::guard_or;

/// The number of this binary interface.
///
/// It is raised when a program built with an older header would no longer work. Compare it with
/// ringway_abi_version() after loading the library at run time. The dynamic linker goes by the
/// soname, which is stricter: libringway.so.0.1 for all releases 0.1.x, and so on; from 1.0 on, the
/// first number alone.
pub const RINGWAY_ABI_VERSION: u32 = 0;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("the version has no NUL but the last"),
    };

/// The RINGWAY_ABI_VERSION of the library that runs. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_abi_version() -> u32 {
    guard_or(RINGWAY_ABI_VERSION, || RINGWAY_ABI_VERSION)
}

/// The RINGWAY_VERSION of the library that runs: static text, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_version() -> *const c_char {
    guard_or(VERSION.as_ptr(), || VERSION.as_ptr())
}
