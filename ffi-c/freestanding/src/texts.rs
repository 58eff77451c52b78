//! The texts of the statuses that this form cannot give: one for all.

use core::ffi::CStr;

use crate::status::ringway_status;

/// The text of one of these.
pub(crate) const fn of_others(_: ringway_status) -> &'static CStr {
    c"not a status of ringway's freestanding form"
}
