//! Tables from cluster files.

use std::path::{Path, PathBuf};

use pyo3::{prelude::*, types::PyBytes};
use ringway_cluster::{ClusterFile, FILE_BYTES_MAX};

use crate::convert::value_error;

/// The table that the file at `path` describes.
///
/// Python opens it, so that its errors are those of Python: `FileNotFoundError` with the name.
pub(crate) fn load(path: &Bound<'_, PyAny>) -> PyResult<ringway::Table> {
    let py = path.py();
    let os = py.import("os")?;
    let path = os.call_method1("fspath", (path,))?;
    let file = py.import("io")?.call_method1("open", (&path, "rb"))?;
    let read = file.call_method1("read", (FILE_BYTES_MAX + 1,));
    file.call_method0("close")?;
    let text = read?.cast_into::<PyBytes>()?.as_bytes().to_vec();
    let source_name = path.str()?.to_string();
    let place: PathBuf = os.call_method1("fsdecode", (&path,))?.extract()?;
    py.detach(|| parse(&text, &source_name, place.parent()))
}

/// The table that `text` describes; `source_name` stands in errors where a path would, and a
/// relative `key_file` starts at `folder`.
pub(crate) fn parse(
    text: &[u8],
    source_name: &str,
    folder: Option<&Path>,
) -> PyResult<ringway::Table> {
    ClusterFile::parse_bytes_in(text, source_name, folder)
        .and_then(|file| file.table())
        .map_err(value_error)
}
