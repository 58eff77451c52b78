//! Notable events, one line each on standard error.

use std::{
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// Writes a line: the time in seconds since 1970, and what happened.
pub(crate) fn event(text: &str) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = text.replace('\n', " ");
    // Nobody can be told that standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}.{:03} {text}", since.as_secs(), since.subsec_millis());
}
