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

/// The millionths of a weight of 1.
pub(crate) const MILLION: u64 = 1_000_000;

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
    // To compare types takes less than to ask for the flags of one.
    if let Ok(text) = key.cast_exact::<PyString>() {
        return Ok(Cow::Borrowed(text.to_str()?.as_bytes()));
    }
    if let Ok(bytes) = key.cast_exact::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    other_bytes(key)
}

#[inline(never)]
fn other_bytes<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
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
#[inline]
pub(crate) fn integer<'a, 'py>(
    what: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyInt>> {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        return Ok(number);
    }
    match value.cast::<PyInt>() {
        Ok(number) if value.cast::<PyBool>().is_err() => Ok(number),
        _ => Err(type_error(what, "int", value)),
    }
}

/// A whole weight.
pub(crate) fn weight_of(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    short_integer("weight", value)
}

/// A weight in millionths, of an `int`, or of a `Decimal` or `str` with up to six decimals.
///
/// A `float` is refused: 0.1 is not what it says, and a mapping must not depend on how it is rounded.
pub(crate) fn weight_millionths_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if value.cast::<PyInt>().is_ok() && value.cast::<PyBool>().is_err() {
        return Ok(u64::from(weight_of(value)?) * MILLION);
    }
    let text = if let Ok(text) = value.cast::<PyString>() {
        text.to_str()?.to_owned()
    } else if value.is_instance(&decimal_type(value.py())?)? {
        value.call_method1("__format__", ("f",))?.extract()?
    } else {
        return Err(type_error("weight", "int, Decimal or str", value));
    };
    decimal(&text).ok_or_else(|| {
        let max = u32::MAX;
        value_error(format_args!("weight must be 0 to {max} with up to six decimals, not {text:?}"))
    })
}

/// The millionths of a number as it is written, if they are whole.
fn decimal(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 6 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let millionths = u64::from(whole) * MILLION + format!("{decimals:0<6}").parse::<u64>().ok()?;
    Some(millionths).filter(|&millionths| millionths <= u64::from(u32::MAX) * MILLION)
}

/// A weight as it is written: a whole number, or one with decimals.
pub(crate) fn weight_text(millionths: u64) -> String {
    match (millionths / MILLION, millionths % MILLION) {
        (whole, 0) => whole.to_string(),
        (whole, rest) => format!("{whole}.{rest:06}").trim_end_matches('0').to_owned(),
    }
}

/// A weight for Python: `int` if it is whole, else `Decimal`.
pub(crate) fn weight_object(py: Python<'_>, millionths: u64) -> PyResult<Bound<'_, PyAny>> {
    if millionths.is_multiple_of(MILLION) {
        return Ok((millionths / MILLION).into_pyobject(py)?.into_any());
    }
    decimal_type(py)?.call1((weight_text(millionths),))
}

fn decimal_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("decimal")?.getattr("Decimal")
}

/// An `int` of 32 bits, which is called `what`.
pub(crate) fn short_integer(what: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = integer(what, value)?;
    number
        .extract()
        .map_err(|_| value_error(format_args!("{what} must be 0 to {}, not {number}", u32::MAX)))
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
