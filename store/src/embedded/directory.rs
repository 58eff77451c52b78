//! The files of the store, and what makes their names durable.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
};

use ringway_cluster::Snapshot;

use super::{
    error::OpenError,
    text::{self, Fault, Replayed},
};

const LOG: &str = "map.log";
const NEW_LOG: &str = "map.log.new";
const LOCK: &str = "lock";

/// A directory, locked while this value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Holds the lock until it is closed.
    _lock: File,
}

/// A log that is open for appending.
#[derive(Debug)]
pub(super) struct Log {
    /// Appends.
    pub(super) file: File,
    /// The checksum of its last line.
    pub(super) chain: u64,
    /// How many bytes it has.
    pub(super) bytes: u64,
    /// How many of them are its snapshot.
    pub(super) snapshot_bytes: u64,
}

/// A torn tail that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where it began: the log's length now.
    pub offset: u64,
    /// How many bytes it had.
    pub bytes: u64,
}

/// Why a log could not be replaced by a shorter one.
#[derive(Debug)]
pub(super) enum ReplaceError {
    /// The old one is in place, untouched.
    Kept(io::Error),
    /// Which one will be found after a crash is unknown.
    Unknown(io::Error),
}

impl Directory {
    /// Makes the directory if need be, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        let fail = |action| move |error| OpenError::Io { path: path.into(), action, error };
        let path = &std::path::absolute(path).map_err(fail("find the directory"))?;
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        fs::create_dir_all(path).map_err(fail("create the directory"))?;
        for parent in missing.iter().filter_map(|path| path.parent()) {
            sync_directory(parent).map_err(fail("make the directory durable"))?;
        }
        let lock = path.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(fail("open the lock in it"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a help, not a need.
                let _ = file.take(16).read_to_string(&mut holder);
                let process = holder.trim().parse().ok();
                return Err(OpenError::Locked { path: path.clone(), process });
            }
            Err(TryLockError::Error(error)) => return Err(fail("lock it")(error)),
        }
        file.set_len(0).map_err(fail("write the lock in it"))?;
        writeln!(file, "{}", process::id()).map_err(fail("write the lock in it"))?;
        Ok(Self { path: path.clone(), _lock: file })
    }

    /// Opens the log, or makes an empty one.
    pub(super) fn open(&self) -> Result<(Log, Snapshot, Option<TornTail>), OpenError> {
        let path = self.log_path();
        let fail = |action| {
            let path = path.clone();
            move |error| OpenError::Io { path, action, error }
        };
        match fs::remove_file(self.path.join(NEW_LOG)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(fail("remove the unfinished snapshot beside it")(error));
            }
            _ => {}
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // An earlier process may have been killed right after it made the directory. Where
                // the parent may not be opened, whoever made the directory saw to it.
                let _ = self.path.parent().map(sync_directory);
                let snapshot = Snapshot::default();
                let log = self.replace(&snapshot).map_err(|error| match error {
                    ReplaceError::Kept(error) | ReplaceError::Unknown(error) => {
                        fail("create it")(error)
                    }
                })?;
                return Ok((log, snapshot, None));
            }
            Err(error) => return Err(fail("read it")(error)),
        };
        let Replayed { snapshot, chain, snapshot_bytes, sound_bytes } = text::replay(&bytes)
            .map_err(|fault| match fault {
                Fault::Version(version) => OpenError::Version { path: path.clone(), version },
                Fault::Damage { offset, reason } => {
                    OpenError::Damaged { path: path.clone(), offset: count(offset), reason }
                }
            })?;
        let file = OpenOptions::new().append(true).open(&path).map_err(fail("open it"))?;
        let sound = count(sound_bytes);
        let torn = count(bytes.len()) - sound;
        if torn > 0 {
            file.set_len(sound).map_err(fail("cut its torn tail"))?;
        }
        // The last process may have been killed between writing and waiting for the disk; what is
        // served from now on must be there to stay.
        file.sync_all().map_err(fail("make it durable"))?;
        sync_directory(&self.path).map_err(fail("make its name durable"))?;
        let torn = (torn > 0).then_some(TornTail { offset: sound, bytes: torn });
        let log = Log { file, chain, bytes: sound, snapshot_bytes: count(snapshot_bytes) };
        Ok((log, snapshot, torn))
    }

    /// Puts a log that holds just `snapshot` in the place of the present one, if any.
    ///
    /// A crash at any step leaves the one or the other, whole.
    pub(super) fn replace(&self, snapshot: &Snapshot) -> Result<Log, ReplaceError> {
        let new_path = self.path.join(NEW_LOG);
        let (text, chain) = text::snapshot_text(snapshot);
        let write = || {
            let mut file = File::create(&new_path)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new_path, self.log_path())?;
            Ok(file)
        };
        let file = write().map_err(|error| {
            // At the next opening it would be removed as well.
            let _ = fs::remove_file(&new_path);
            ReplaceError::Kept(error)
        })?;
        sync_directory(&self.path).map_err(ReplaceError::Unknown)?;
        let bytes = count(text.len());
        Ok(Log { file, chain, bytes, snapshot_bytes: bytes })
    }

    /// Where the log is.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join(LOG)
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
