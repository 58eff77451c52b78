//! Many keys in one object: an iterable of Python's keys, a buffer such as a NumPy array, or Arrow.
//!
//! Whatever the form, a [`Sink`] gets the bytes of one key after the other. Keys that are not Python
//! objects are read while other threads run.

mod buffer;
mod finder;
mod integer;

use pyo3::{
    exceptions::{PyException, PyTypeError},
    prelude::*,
    types::{PyByteArray, PyBytes, PyList, PyMemoryView, PyString, PyTuple},
};

pub(crate) use self::{
    buffer::Items,
    finder::{Finder, NOBODY},
    integer::Integer,
};
use crate::{
    arrow,
    convert::{key_bytes, type_error, value_error},
    functions::hash_of,
};

const EXPECTED: &str = "an iterable of keys, an array of texts, bytes or integers, or Arrow data";

/// What takes the keys, in their order.
pub(crate) trait Sink: Send {
    /// A key, which was written as a value of that kind.
    fn key(&mut self, kind: Kind, key: &[u8]);

    /// A value that is missing. It is no key.
    fn null(&mut self);

    /// Makes room for so many keys more; false if there is no memory for them.
    fn reserve(&mut self, keys: usize) -> bool;
}

/// What a key was before it was bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
    /// A whole number, whose key is its decimal digits.
    Integer,
}

/// Keys, ready to be read once.
pub(crate) enum Keys<'py> {
    Objects(Bound<'py, PyAny>),
    Buffer(Items),
    Arrow(arrow::Source<'py>),
}

impl<'py> Keys<'py> {
    /// Finds out what `keys` is.
    pub(crate) fn of(keys: &Bound<'py, PyAny>) -> PyResult<Self> {
        if keys.is_exact_instance_of::<PyList>() || keys.is_exact_instance_of::<PyTuple>() {
            return Ok(Self::Objects(keys.clone()));
        }
        // One key is iterable too, but never what was meant.
        if is_text(keys) {
            return Err(type_error("keys", EXPECTED, keys));
        }
        if let Some(source) = exported(keys)? {
            return Ok(Self::Arrow(source));
        }
        if let Some(items) = Items::of(keys)? {
            return Ok(Self::Buffer(items));
        }
        match keys.try_iter() {
            Ok(_) => Ok(Self::Objects(keys.clone())),
            Err(_) => Err(type_error("keys", EXPECTED, keys)),
        }
    }

    /// How many keys there are, if that is known beforehand.
    pub(crate) fn len_hint(&self) -> usize {
        match self {
            Self::Objects(keys) => keys.len().unwrap_or(0),
            Self::Buffer(items) => items.len(),
            Self::Arrow(_) => 0,
        }
    }

    /// Gives all keys to `sink`.
    pub(crate) fn read(self, py: Python<'py>, sink: &mut impl Sink) -> PyResult<()> {
        match self {
            Self::Objects(keys) => each_object(&keys, |key| {
                sink.key(Kind::Binary, &key_bytes(key)?);
                Ok(())
            }),
            Self::Buffer(items) => py.detach(|| items.read(sink)).map_err(value_error),
            Self::Arrow(source) => source.read(py, sink),
        }
    }
}

/// Calls `visit` with each item of an iterable.
pub(crate) fn each_object<'py>(
    keys: &Bound<'py, PyAny>,
    mut visit: impl FnMut(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    // A list is by far the most usual, and its iterator the slowest part of a lookup.
    if let Ok(list) = keys.cast_exact::<PyList>() {
        return list.iter().try_for_each(|key| visit(&key));
    }
    keys.try_iter()?.try_for_each(|key| visit(&key?))
}

fn is_text(keys: &Bound<'_, PyAny>) -> bool {
    if let Ok(memory) = keys.cast::<PyMemoryView>() {
        return buffer::is_bytes(memory);
    }
    keys.is_instance_of::<PyString>()
        || keys.is_instance_of::<PyBytes>()
        || keys.is_instance_of::<PyByteArray>()
}

/// The Arrow data of an object that can export some.
///
/// A pandas Series always says that it can, and raises if it holds objects of several types or
/// pyarrow is not there: then it is an iterable like others.
fn exported<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Option<arrow::Source<'py>>> {
    for (method, is_stream) in [("__arrow_c_array__", false), ("__arrow_c_stream__", true)] {
        let Some(export) = keys.getattr_opt(method)? else { continue };
        let exported = match export.call0() {
            Ok(exported) => exported,
            Err(error)
                if error.is_instance_of::<PyException>(keys.py()) && keys.try_iter().is_ok() =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        return if is_stream {
            arrow::Source::of_stream(&exported).map(Some)
        } else {
            arrow::Source::of_array(&exported).map(Some)
        };
    }
    Ok(None)
}

/// The indices of the owners of hashes: an array of them, or an iterable of `int`.
pub(crate) fn owners_of_hashes(
    table: &ringway::Table,
    hashes: &Bound<'_, PyAny>,
) -> PyResult<Vec<i32>> {
    let layout = table.layout().name();
    match table.hash_bits() {
        Some(64) => {}
        _ => return Err(value_error(format_args!("layout {layout} has no key hash of 64 bits"))),
    }
    let wrong = || {
        type_error("hashes", "an iterable of int, or an array of unsigned 64-bit integers", hashes)
    };
    if is_text(hashes) {
        return Err(wrong());
    }
    match Items::of(hashes) {
        Ok(Some(items)) if items.is_hashes() => {
            let mut finder = Finder::new(table, items.len())?;
            hashes.py().detach(|| items.read_hashes(|hash| finder.hash(hash)));
            return Ok(finder.into_owners());
        }
        Ok(Some(_)) => return Err(wrong()),
        Err(error) if error.is_instance_of::<PyTypeError>(hashes.py()) => return Err(wrong()),
        Err(error) => return Err(error),
        Ok(None) => {}
    }
    if hashes.try_iter().is_err() {
        return Err(wrong());
    }
    let mut finder = Finder::new(table, hashes.len().unwrap_or(0))?;
    each_object(hashes, |hash| {
        finder.hash(hash_of(hash)?);
        Ok(())
    })?;
    Ok(finder.into_owners())
}
