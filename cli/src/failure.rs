//! Why a command stops.

use std::{io, path::Path, process::ExitCode};

use ringway_cluster::FileError;

/// How a command ends.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Why a command stops early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads the output any more: end quietly.
    BrokenPipe,
    /// Exit status 1, with this message: somebody who was asked says no.
    Refused(String),
    /// Exit status 2, with this message.
    Message(String),
}

impl Failure {
    /// A file that cannot be read or written.
    pub(crate) fn of_file(path: &Path, verb: &str, error: &io::Error) -> Self {
        Self::Message(format!("{}: cannot be {verb}: {error}", path.display()))
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Message(error.to_string())
    }
}

/// Errors of writing the output; those of files say which file.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Message(format!("cannot write the output: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
