//! The records of the demo: every regular file of a folder, with its path as the key.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::display::Display;
use crate::{
    failure::Failure,
    http::percent_encode,
    show::{count, thousands},
};

/// The largest value that nodes and proxy take as they are configured: 64 MiB.
pub(super) const VALUE_BYTES_MAX: u64 = 64 << 20;
/// The longest key that nodes and proxy take as they are configured.
const KEY_BYTES_MAX: usize = 4_096;
/// All values are held in memory, to compare them at the end: 2 GiB.
const TOTAL_BYTES_MAX: u64 = 2 << 30;
const RECORDS_MAX: usize = 1_000_000;
/// Folders of tools, not of people.
const FOLDERS_SKIPPED: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];
/// Marks folders that a tool can make again, such as caches (bford.info/cachedir).
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The path below the folder, with slashes: the sharding key.
    pub(super) key: Vec<u8>,
    /// The path of the request.
    pub(super) target: String,
    pub(super) content: Bytes,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) all: Vec<Record>,
    pub(super) bytes: u64,
    /// Each file that is no record, and why.
    pub(super) skipped: Vec<String>,
    /// How many symbolic links were passed over.
    pub(super) links: u64,
}

impl Records {
    /// Reads every regular file below `folder`, but for folders of tools and for `output`.
    pub(super) fn read(folder: &Path, output: &Path, display: &Display) -> Result<Self, Failure> {
        let mut records = Self::default();
        let stage = display.stage("read the files", None);
        // A folder that is not there yet holds no record either.
        let output = output.canonicalize().ok();
        let top = fs::metadata(folder).and_then(|_| fs::read_dir(folder));
        top.map_err(|error| Failure::of_file(folder, "read", &error))?;
        let mut folders = vec![(folder.to_path_buf(), Vec::new())];
        while let Some((path, key)) = folders.pop() {
            let entries = match entries(&path) {
                Ok(entries) => entries,
                Err(error) => {
                    records.skip(&key, &error.to_string());
                    continue;
                }
            };
            let cached = entries.iter().any(|(name, _)| name == CACHE_TAG.as_bytes());
            if !key.is_empty() && cached {
                continue;
            }
            // The stack turns the order round.
            for (name, path) in entries.into_iter().rev() {
                let key = [&key[..], if key.is_empty() { b"" } else { b"/" }, &name].concat();
                let kind = match fs::symlink_metadata(&path) {
                    Ok(found) => found.file_type(),
                    Err(error) => {
                        records.skip(&key, &error.to_string());
                        continue;
                    }
                };
                if kind.is_symlink() {
                    records.links += 1;
                } else if kind.is_dir() {
                    let tools = FOLDERS_SKIPPED.iter().any(|tool| tool.as_bytes() == name);
                    let is_output = output.is_some() && path.canonicalize().ok() == output;
                    if !tools && !is_output {
                        folders.push((path, key));
                    }
                } else if kind.is_file() {
                    records.take(&path, key)?;
                    stage.set(0, &count(records.all.len(), "file"));
                } else {
                    records.skip(&key, "neither a file nor a folder");
                }
            }
        }
        if records.all.is_empty() {
            return Err(records.none_in(folder));
        }
        records.all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        stage.done(&count(records.all.len(), "file"));
        Ok(records)
    }

    fn take(&mut self, path: &Path, key: Vec<u8>) -> Result<(), Failure> {
        if key.len() > KEY_BYTES_MAX {
            self.skip(&key, &format!("its path has more than {KEY_BYTES_MAX} bytes"));
            return Ok(());
        }
        let content = match read_file(path) {
            Ok(Some(content)) => content,
            Ok(None) => {
                let limit = VALUE_BYTES_MAX >> 20;
                self.skip(&key, &format!("above {limit} MiB, the most that a node takes"));
                return Ok(());
            }
            Err(error) => {
                self.skip(&key, &error.to_string());
                return Ok(());
            }
        };
        self.bytes += u64::try_from(content.len()).unwrap_or(u64::MAX);
        if self.bytes > TOTAL_BYTES_MAX || self.all.len() == RECORDS_MAX {
            let (total, files) = (TOTAL_BYTES_MAX >> 30, thousands(RECORDS_MAX as u128));
            return Err(Failure::Message(format!(
                "--records: more than {total} GiB or {files} files; the demo keeps all of them in \
                 memory to compare them at the end, so give it a smaller folder"
            )));
        }
        let mut target = "/".to_owned();
        percent_encode(&key, b"/", &mut target);
        self.all.push(Record { key, target, content });
        Ok(())
    }

    fn skip(&mut self, key: &[u8], why: &str) {
        let name = String::from_utf8_lossy(key);
        // A name may hold what would drive a terminal.
        let name: String = name
            .chars()
            .flat_map(|letter| match letter.is_control() {
                true => letter.escape_default().collect::<Vec<_>>(),
                false => vec![letter],
            })
            .collect();
        self.skipped.push(format!("{name}: {why}"));
    }

    fn none_in(&self, folder: &Path) -> Failure {
        let mut text = format!("{}: no file to take as a record", folder.display());
        if let Some(first) = self.skipped.first() {
            text.push_str(&format!(
                "; {} skipped, such as {first}",
                thousands(self.skipped.len() as u128)
            ));
        }
        text.push_str("; name a folder that has files with --records");
        Failure::Message(text)
    }
}

/// Name and path of what is in a folder, in order of name.
fn entries(folder: &Path) -> io::Result<Vec<(Vec<u8>, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name().as_encoded_bytes().to_vec(), entry.path()));
    }
    entries.sort_unstable();
    Ok(entries)
}

/// The content of a file; `None` if it is too large.
fn read_file(path: &Path) -> io::Result<Option<Bytes>> {
    use io::Read as _;
    let mut content = Vec::new();
    fs::File::open(path)?.take(VALUE_BYTES_MAX + 1).read_to_end(&mut content)?;
    let fits = u64::try_from(content.len()).is_ok_and(|len| len <= VALUE_BYTES_MAX);
    Ok(fits.then(|| content.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(records: &Records) -> Vec<&str> {
        records.all.iter().map(|record| str::from_utf8(&record.key).unwrap()).collect()
    }

    #[test]
    fn odd_names_and_folders_of_tools() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", ".git", "target", "sub/node_modules", "cache", "out", "sub/target"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        for name in [
            "a/b c",
            "100%",
            "x#y?z",
            "ünï",
            ".hidden",
            "a b/../plain",
            ".git/config",
            "target/t",
            "sub/node_modules/m",
            "cache/CACHEDIR.TAG",
            "cache/c",
            "out/balance.svg",
            "sub/s",
        ] {
            fs::write(path(&name.replace("a b/../", "")), name).unwrap();
        }
        let big = fs::File::create(path("big")).unwrap();
        big.set_len(VALUE_BYTES_MAX + 1).unwrap();
        fs::File::create(path("empty")).unwrap();
        std::os::unix::fs::symlink(path("plain"), path("link")).unwrap();
        let records = Records::read(folder.path(), &path("out"), &Display::new()).unwrap();
        let expected = ["100%", ".hidden", "a/b c", "empty", "plain", "sub/s", "x#y?z", "ünï"];
        let mut sorted = expected.to_vec();
        sorted.sort_unstable();
        assert_eq!(keys(&records), sorted);
        let target = |key: &str| {
            let found = records.all.iter().find(|record| record.key == key.as_bytes());
            found.map(|record| record.target.as_str())
        };
        assert_eq!(target("x#y?z"), Some("/x%23y%3Fz"));
        assert_eq!(target("100%"), Some("/100%25"));
        assert_eq!(target("a/b c"), Some("/a/b%20c"));
        assert_eq!(records.links, 1);
        assert_eq!(records.skipped, ["big: above 64 MiB, the most that a node takes"]);
        let bytes: usize = records.all.iter().map(|record| record.content.len()).sum();
        assert_eq!(records.bytes, u64::try_from(bytes).unwrap());
    }

    #[test]
    fn nothing_to_take_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        for path in [folder.path().to_path_buf(), folder.path().join("not there")] {
            let Err(Failure::Message(message)) = Records::read(&path, &output, &Display::new())
            else {
                panic!("no records")
            };
            assert!(message.starts_with(&path.display().to_string()), "{message}");
        }
    }
}
