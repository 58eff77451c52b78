//! The texts of configurations: read whole, with a limit.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::place::{Fault, Place};

/// At most so many bytes in a file.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// At most so many files for one `include`.
const GLOB_FILES_MAX: usize = 10_000;

/// A configuration's text and where it is from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: Rc<str>,
    pub(super) text: String,
}

impl Source {
    pub(super) fn place(&self, line: usize) -> Place {
        Place::new(Rc::clone(&self.name), line)
    }
}

/// Reads a file; bytes that are not UTF-8, as old comments have them, become U+FFFD.
pub(super) fn read(path: &Path) -> Result<Source, Fault> {
    let name: Rc<str> = path.display().to_string().into();
    let whole = Place::of_file(&name);
    let cannot = |error: std::io::Error| whole.fault(format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let size = FILE_BYTES_MAX >> 20;
        return Err(whole.fault(format!("larger than {size} MiB, which no configuration needs")));
    }
    if bytes.contains(&0) {
        return Err(whole.fault("holds a byte 0, so it is no configuration"));
    }
    Ok(Source { name, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// The files that a pattern with `*`, `?` and `[...]` names, in the order of glob(3); none is no
/// error.
pub(super) fn glob(pattern: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let part = component.as_os_str().to_string_lossy();
        if !part.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut next = Vec::new();
        for folder in found {
            let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            // What cannot be listed matches nothing, as in glob(3).
            let Ok(entries) = fs::read_dir(listed) else { continue };
            let mut names = Vec::new();
            for entry in entries {
                let name = entry?.file_name();
                if matches(part.as_bytes(), name.to_string_lossy().as_bytes()) {
                    names.push(name);
                }
            }
            names.sort_unstable();
            next.extend(names.into_iter().map(|name| folder.join(name)));
        }
        if next.len() > GLOB_FILES_MAX {
            return Err(std::io::Error::other(format!("more than {GLOB_FILES_MAX} files match")));
        }
        found = next;
    }
    found.retain(|path| path.exists());
    Ok(found)
}

/// Whether a name matches a pattern; a dot at its start matches only itself.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    // The last `*`, and where the name stood then: a mismatch comes back here.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => match set(&pattern[p..], name[n]) {
                Some((true, len)) => Some(p + len),
                Some((false, _)) => None,
                None => (name[n] == b'[').then_some(p + 1),
            },
            Some(byte) => (*byte == name[n]).then_some(p + 1),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => (p, n) = (next, n + 1),
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Whether a byte is in the set `[...]` at the start, and how long that is; `None` without an end.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let is_negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if is_negated { 2 } else { 1 };
    let (mut at, mut is_in) = (first, false);
    loop {
        let &low = pattern.get(at)?;
        if low == b']' && at > first {
            return Some((is_in != is_negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                is_in |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                is_in |= low == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("??", "ab", true),
            ("??", "abc", false),
            ("[0-9][!x]", "1y", true),
            ("[0-9][!x]", "1x", false),
            ("[]a]", "]", true),
            ("[ab", "[ab", true),
            ("*", "", true),
            (".*", ".hidden", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
