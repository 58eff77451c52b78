//! The option `key_file`: a key in a file of its own (SPEC §9.8).

use std::{fs::File, io::Read as _, path::Path};

use ringway::SipKey;

use super::quote;

const DIGITS: usize = 32;
/// The longest a key file is: the digits, a carriage return and a line feed.
const BYTES_MAX: usize = DIGITS + 2;

/// The key in the file at `path`, which starts at `folder` if it is relative; else what is wrong
/// and how to mend it. What is in the file is never part of that.
pub(super) fn read(path: &str, folder: Option<&Path>) -> Result<SipKey, String> {
    let given = Path::new(path);
    let whole = match folder {
        Some(folder) => folder.join(given),
        None if given.is_absolute() => given.to_owned(),
        None => {
            return Err(format!(
                "{} starts at the folder of the cluster file, but this text was not read from a \
                 file; give an absolute path, or the key itself as key",
                quote(path)
            ));
        }
    };
    let shown = quote(&whole.display().to_string());
    let cannot = |error| {
        format!(
            "{shown} cannot be read: {error}; give the path of a file that this program may read"
        )
    };
    // Looked at before it is opened, which with a pipe would wait for its other end.
    if !std::fs::metadata(&whole).map_err(cannot)?.is_file() {
        return Err(format!("{shown} is no file; give the path of a file that holds the key"));
    }
    let mut bytes = Vec::with_capacity(BYTES_MAX + 1);
    let more = 1 + u64::try_from(BYTES_MAX).unwrap_or(u64::MAX - 1);
    File::open(&whole).and_then(|file| file.take(more).read_to_end(&mut bytes)).map_err(cannot)?;
    let line = bytes
        .strip_suffix(b"\n")
        .map_or(&bytes[..], |line| line.strip_suffix(b"\r").unwrap_or(line));
    let key = str::from_utf8(line).ok().and_then(|digits| SipKey::from_hex(digits).ok());
    key.ok_or_else(|| {
        let found = if bytes.len() > BYTES_MAX {
            format!("more than {BYTES_MAX} bytes")
        } else {
            format!("{} bytes", bytes.len())
        };
        format!(
            "{shown} must hold {DIGITS} hexadecimal digits and at most one line end, but has {found}; \
             make one with: openssl rand -hex 16"
        )
    })
}
