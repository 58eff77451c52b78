//! Capsules that other libraries export.
#![allow(unsafe_code, reason = "a capsule holds a pointer")]

use std::{
    ffi::{CStr, c_int},
    ptr::NonNull,
};

use pyo3::{
    exceptions::{PyMemoryError, PyTypeError},
    prelude::*,
    types::PyCapsule,
};

use super::{
    ARRAY, ArrowArray, ArrowArrayStream, ArrowSchema, SCHEMA, STREAM,
    column::{Column, Fault},
};
use crate::{
    convert::{type_error, value_error},
    keys::Sink,
};

/// What an object exported.
///
/// The structures stay in their capsules, which free them: what was not read is freed too.
pub(crate) enum Source<'py> {
    Array { schema: Bound<'py, PyCapsule>, array: Bound<'py, PyCapsule> },
    Stream(Bound<'py, PyCapsule>),
}

impl<'py> Source<'py> {
    /// What `__arrow_c_array__` returned.
    pub(crate) fn of_array(exported: &Bound<'py, PyAny>) -> PyResult<Self> {
        let wrong = || type_error("__arrow_c_array__()", "a tuple of two capsules", exported);
        let (schema, array): (Bound<'py, PyAny>, Bound<'py, PyAny>) =
            exported.extract().map_err(|_| wrong())?;
        let schema = schema.cast_into::<PyCapsule>().map_err(|_| wrong())?;
        let array = array.cast_into::<PyCapsule>().map_err(|_| wrong())?;
        pointer::<ArrowSchema>(&schema, SCHEMA)?;
        pointer::<ArrowArray>(&array, ARRAY)?;
        Ok(Self::Array { schema, array })
    }

    /// What `__arrow_c_stream__` returned.
    pub(crate) fn of_stream(exported: &Bound<'py, PyAny>) -> PyResult<Self> {
        let stream = exported
            .clone()
            .cast_into::<PyCapsule>()
            .map_err(|_| type_error("__arrow_c_stream__()", "a capsule", exported))?;
        pointer::<ArrowArrayStream>(&stream, STREAM)?;
        Ok(Self::Stream(stream))
    }

    /// Gives all keys to `sink`, while other threads run.
    pub(crate) fn read(self, py: Python<'py>, sink: &mut impl Sink) -> PyResult<()> {
        match self {
            Self::Array { schema, array } => {
                let schema = pointer::<ArrowSchema>(&schema, SCHEMA)?;
                let array = pointer::<ArrowArray>(&array, ARRAY)?;
                // SAFETY: the capsule holds a schema, and is not freed before this function ends.
                let schema = unsafe { schema.as_ref() };
                // SAFETY: as for the schema.
                let array = unsafe { array.as_ref() };
                // SAFETY: the exporter promises a valid array until the capsules are freed.
                let column =
                    unsafe { Column::of(schema, array) }.map_err(|fault| error(fault.into()))?;
                py.detach(move || column.read(sink)).map_err(|fault| error(fault.into()))
            }
            Self::Stream(capsule) => {
                let mut pointer = pointer::<ArrowArrayStream>(&capsule, STREAM)?;
                // SAFETY: the capsule holds a stream that nobody else uses: it was exported for us.
                let stream = Stream(unsafe { pointer.as_mut() });
                py.detach(|| stream.read(sink)).map_err(error)
            }
        }
    }
}

/// The structure in a capsule of that name.
fn pointer<T>(capsule: &Bound<'_, PyCapsule>, name: &CStr) -> PyResult<NonNull<T>> {
    let pointer = capsule.pointer_checked(Some(name))?.cast::<T>();
    if pointer.is_aligned() {
        Ok(pointer)
    } else {
        Err(value_error("keys is no valid Arrow data: a capsule is not aligned"))
    }
}

fn error(fault: StreamFault) -> PyErr {
    match fault {
        StreamFault::Array(fault @ Fault::Type(_)) => PyTypeError::new_err(fault.to_string()),
        StreamFault::Array(fault @ Fault::Memory) => PyMemoryError::new_err(fault.to_string()),
        StreamFault::Array(fault) => value_error(fault),
        StreamFault::Failed(text) => {
            value_error(format_args!("keys is Arrow data that could not be read: {text}"))
        }
    }
}

/// Why a stream cannot be read.
enum StreamFault {
    Array(Fault),
    /// What the stream says.
    Failed(String),
}

impl From<Fault> for StreamFault {
    fn from(fault: Fault) -> Self {
        Self::Array(fault)
    }
}

/// A stream whose arrays come one by one.
struct Stream<'a>(&'a mut ArrowArrayStream);

// SAFETY: the interface lets any thread use a stream, one at a time.
unsafe impl Send for Stream<'_> {}

impl Stream<'_> {
    fn read(mut self, sink: &mut impl Sink) -> Result<(), StreamFault> {
        if self.0.release.is_none() {
            return Err(Fault::Broken("it was released before").into());
        }
        let (Some(get_schema), Some(get_next)) = (self.0.get_schema, self.0.get_next) else {
            return Err(Fault::Broken("a stream has no functions").into());
        };
        let mut schema = ArrowSchema::empty();
        // SAFETY: the stream is not released, and writes a schema to the place it is given.
        let status = unsafe { get_schema(self.0, &raw mut schema) };
        self.check(status)?;
        loop {
            let mut array = ArrowArray::empty();
            // SAFETY: as before, with an array.
            let status = unsafe { get_next(self.0, &raw mut array) };
            self.check(status)?;
            if array.release.is_none() {
                return Ok(());
            }
            // SAFETY: the exporter promises a valid array until it is released, which happens when
            // it is dropped, behind the column.
            unsafe { Column::of(&schema, &array) }?.read(sink)?;
        }
    }

    /// The error of a status that is not 0.
    fn check(&mut self, status: c_int) -> Result<(), StreamFault> {
        if status == 0 {
            return Ok(());
        }
        let Some(get_last_error) = self.0.get_last_error else {
            return Err(StreamFault::Failed(format!("error {status}")));
        };
        // SAFETY: the stream is not released, and its last function has failed.
        let text = unsafe { get_last_error(self.0) };
        if text.is_null() {
            return Err(StreamFault::Failed(format!("error {status}")));
        }
        // SAFETY: the text ends, and stays until the stream is used again.
        let text = unsafe { CStr::from_ptr(text) };
        Err(StreamFault::Failed(text.to_string_lossy().into_owned()))
    }
}
