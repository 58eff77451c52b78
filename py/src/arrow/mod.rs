//! Arrow data from and to other libraries, by the Arrow C data interface and its PyCapsules.
//!
//! <https://arrow.apache.org/docs/format/CDataInterface.html> is what the structures and their
//! rules are taken from. Nothing here needs pyarrow, or any other library.

mod column;
mod export;
mod import;

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};

pub(crate) use self::{export::dictionary, import::Source};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// What a type is: `struct ArrowSchema`.
#[repr(C)]
struct ArrowSchema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Self,
    dictionary: *mut Self,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

/// What an array has: `struct ArrowArray`.
#[repr(C)]
struct ArrowArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Self,
    dictionary: *mut Self,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

/// Arrays one after the other: `struct ArrowArrayStream`.
#[repr(C)]
struct ArrowArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut Self, *mut ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut Self, *mut ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut Self) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

impl ArrowSchema {
    const fn empty() -> Self {
        Self {
            format: ptr::null(),
            name: ptr::null(),
            metadata: ptr::null(),
            flags: 0,
            n_children: 0,
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: None,
            private_data: ptr::null_mut(),
        }
    }
}

impl ArrowArray {
    const fn empty() -> Self {
        Self {
            length: 0,
            null_count: 0,
            offset: 0,
            n_buffers: 0,
            n_children: 0,
            buffers: ptr::null_mut(),
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: None,
            private_data: ptr::null_mut(),
        }
    }
}

#[allow(unsafe_code, reason = "whoever made the structure has to free it")]
impl Drop for ArrowSchema {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the interface says to call this once; whoever moved the structure away has
            // cleared it.
            unsafe { release(self) };
        }
    }
}

#[allow(unsafe_code, reason = "whoever made the structure has to free it")]
impl Drop for ArrowArray {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: as for a schema.
            unsafe { release(self) };
        }
    }
}

// SAFETY: the interface lets any thread use and release a structure, one at a time.
#[allow(unsafe_code, reason = "raw pointers say nothing about threads")]
unsafe impl Send for ArrowSchema {}

// SAFETY: as for a schema.
#[allow(unsafe_code, reason = "raw pointers say nothing about threads")]
unsafe impl Send for ArrowArray {}
