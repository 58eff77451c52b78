//! Why a directory can't be opened as a store.

use std::{fmt, io, path::PathBuf};

/// Why a directory can't be opened as a store; nothing in it was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that has it, if it said so.
        process: Option<u32>,
    },
    /// The log is not what was written.
    Damaged {
        /// The log.
        path: PathBuf,
        /// The first byte of what does not fit.
        offset: u64,
        /// What does not fit.
        reason: String,
    },
    /// The log was written by another version of this program.
    Version {
        /// The log.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// The operating system refused.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path, process } => {
                write!(f, "{}: another proxy runs on this store", path.display())?;
                if let Some(process) = process {
                    write!(f, " (process {process})")?;
                }
                f.write_str("; stop it first, or give this proxy a store of its own")
            }
            Self::Damaged { path, offset, reason } => write!(
                f,
                "{path}: damaged at byte {offset}: {reason}; restore the file from a backup. Only \
                 if the machine lost power while it wrote the entry there: `truncate -s {offset} \
                 {path}` gives up that entry and all after it",
                path = path.display()
            ),
            Self::Version { path, version } => write!(
                f,
                "{}: has format version {version}, this program reads version {}; run the program \
                 that wrote it",
                path.display(),
                super::text::VERSION
            ),
            Self::Io { path, action, error } => {
                write!(f, "{}: can't {action}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
