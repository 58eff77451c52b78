//! Between Python's values and core's.

use std::{borrow::Cow, convert::Infallible, fmt::Display};

use pyo3::{
    buffer::PyBuffer,
    create_exception,
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyByteArray, PyBytes, PyInt, PyList, PyMemoryView, PyString},
};
use ringway::OptionValue;

create_exception!(
    ringway,
    RingwayError,
    PyValueError,
    "Nodes, a layout, an option or a cluster file that make no table."
);

/// An argument that may be left out; `None` is a value like others, mostly a wrong one.
pub(crate) enum Argument<'py> {
    Default,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Argument<'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self::Given(value.to_owned()))
    }
}

impl<'py> Argument<'py> {
    /// What `read` makes of it, or `default`.
    pub(crate) fn read_or<T>(
        &self,
        default: T,
        read: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<T> {
        match self {
            Self::Default => Ok(default),
            Self::Given(value) => read(value),
        }
    }
}

/// A value that is of the right type but wrong.
pub(crate) fn value_error(text: impl Display) -> PyErr {
    RingwayError::new_err(text.to_string())
}

/// `what must be expected, not the type of value`.
pub(crate) fn type_error(what: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let name = match value.get_type().name() {
        Ok(name) => name.to_string(),
        Err(error) => return error,
    };
    let name = if value.is_none() { "None".to_owned() } else { name };
    PyTypeError::new_err(format!("{what} must be {expected}, not {name}"))
}

/// The bytes of a key; a `str` is its UTF-8.
///
/// The two usual types come first and are not copied.
#[inline]
pub(crate) fn key_bytes<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = key.cast::<PyString>() {
        return Ok(Cow::Borrowed(text.to_str()?.as_bytes()));
    }
    if let Ok(bytes) = key.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    buffer_bytes(key).map(Cow::Owned)
}

/// A copy, as another thread may change what these hold.
fn buffer_bytes(key: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let wrong = || type_error("a key", "str, bytes, bytearray or memoryview of bytes", key);
    if let Ok(bytes) = key.cast::<PyByteArray>() {
        return Ok(bytes.to_vec());
    }
    if key.cast::<PyMemoryView>().is_err() {
        return Err(wrong());
    }
    // A memoryview of anything but bytes has no byte order of its own to hash.
    PyBuffer::<u8>::get(key).map_err(|_| wrong())?.to_vec(key.py())
}

/// The bytes of a name or zone, which is `what`.
pub(crate) fn text_bytes(what: &str, text: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = text.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().to_vec());
    }
    match text.cast::<PyBytes>() {
        Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
        Err(_) => Err(type_error(what, "str or bytes", text)),
    }
}

/// A name or zone for Python: `str` if it is UTF-8, else `bytes`.
pub(crate) fn text_object(py: Python<'_>, bytes: &[u8]) -> Py<PyAny> {
    match str::from_utf8(bytes) {
        Ok(text) => PyString::new(py, text).into_any().unbind(),
        Err(_) => PyBytes::new(py, bytes).into_any().unbind(),
    }
}

/// An `int` that is no `bool`.
pub(crate) fn integer<'a, 'py>(
    what: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyInt>> {
    match value.cast::<PyInt>() {
        Ok(number) if value.cast::<PyBool>().is_err() => Ok(number),
        _ => Err(type_error(what, "int", value)),
    }
}

/// A weight.
pub(crate) fn weight_of(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = integer("weight", value)?;
    number
        .extract()
        .map_err(|_| value_error(format_args!("weight must be 0 to {}, not {number}", u32::MAX)))
}

/// The value of the option `name`; the numbers of a list are put into `numbers`.
pub(crate) fn option_value<'a>(
    name: &str,
    value: &'a Bound<'_, PyAny>,
    numbers: &'a mut Vec<u32>,
) -> PyResult<OptionValue<'a>> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(OptionValue::Boolean(truth.is_true()));
    }
    if let Ok(number) = value.cast::<PyInt>() {
        let number = number
            .extract()
            .map_err(|_| value_error(format_args!("{name}: {number} does not fit 64 bits")))?;
        return Ok(OptionValue::Integer(number));
    }
    if let Ok(items) = value.cast::<PyList>() {
        for item in items {
            // What does not fit is no number that an option takes.
            let number = integer(&format!("{name}: an item"), &item)?;
            numbers.push(number.extract().unwrap_or(u32::MAX));
        }
        return Ok(OptionValue::List(numbers));
    }
    match value.cast::<PyString>() {
        Ok(text) => Ok(OptionValue::Text(text.to_str()?)),
        Err(_) => Err(type_error(name, "int, str, bool or a list of int", value)),
    }
}

/// The value of an option for Python.
pub(crate) fn option_object<'py>(
    py: Python<'py>,
    value: OptionValue<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    match value {
        OptionValue::Integer(number) => Ok(number.into_pyobject(py)?.into_any()),
        OptionValue::Text(text) => Ok(PyString::new(py, text).into_any()),
        OptionValue::Boolean(truth) => Ok(PyBool::new(py, truth).to_owned().into_any()),
        OptionValue::List(numbers) => Ok(PyList::new(py, numbers)?.into_any()),
        other => Err(value_error(format_args!("{other:?} has no form in Python"))),
    }
}
