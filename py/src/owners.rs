//! `ringway.Owners`.
#![allow(unsafe_code, reason = "the buffer protocol is one of pointers")]

use std::{
    ffi::{c_int, c_void},
    iter::successors,
    ptr,
    sync::Arc,
};

use pyo3::{
    exceptions::{PyBufferError, PyIndexError},
    ffi,
    prelude::*,
    types::{PyBytes, PyCapsule, PyDict, PyIterator, PyList, PyMemoryView, PySlice, PyTuple},
};

use crate::{
    arrow,
    convert::{integer, value_error},
    keys::NOBODY,
    table::Table,
};

/// The owners of many keys, one for each, in their order: what owner_many() returns.
///
/// It is a sequence of names, with None for a key that nobody owns, and equals the list of
/// them. Each is kept as an index of 4 bytes, in the order of table.nodes, -1 for nobody:
/// NumPy sees these, np.asarray(owners) without a copy, and so does whatever else reads
/// buffers. Arrow, polars and pandas see a dictionary array of the names:
/// pyarrow.array(owners), polars.Series(owners).
#[pyclass(frozen, module = "ringway", sequence)]
pub(crate) struct Owners {
    table: Py<Table>,
    indices: Arc<Vec<i32>>,
    /// What the buffer protocol says of them, where it stays.
    shape: [ffi::Py_ssize_t; 1],
    strides: [ffi::Py_ssize_t; 1],
}

impl Owners {
    /// The owners with these indices, all of which `table` has.
    pub(crate) fn new(table: Py<Table>, indices: Vec<i32>) -> PyResult<Self> {
        let len = ffi::Py_ssize_t::try_from(indices.len()).map_err(value_error)?;
        Ok(Self { table, indices: Arc::new(indices), shape: [len], strides: [4] })
    }

    fn name<'py>(&self, py: Python<'py>, index: i32) -> Option<&Bound<'py, PyAny>> {
        let index = usize::try_from(index).ok()?;
        Some(self.table.get().names().get(index)?.bind(py))
    }

    /// The index that the owners of a name have; `Err` if it is no owner's.
    fn index_of(&self, name: &Bound<'_, PyAny>) -> Option<i32> {
        if name.is_none() {
            return Some(NOBODY);
        }
        let index = self.table.get().find(name)?;
        i32::try_from(index.get()).ok()
    }
}

#[pymethods]
impl Owners {
    /// The table whose nodes these are.
    #[getter]
    fn table(&self, py: Python<'_>) -> Py<Table> {
        self.table.clone_ref(py)
    }

    /// The indices of the owners in the order of table.nodes, -1 for nobody, not copied.
    ///
    /// A memoryview of the format "i".
    #[getter]
    fn indices<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyMemoryView>> {
        PyMemoryView::from(this)
    }

    /// The names as a list, None for nobody.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.indices.iter().map(|&index| self.name(py, index)))
    }

    /// How many keys each node owns: a dict of all names, in the order of table.nodes.
    ///
    /// Keys of nobody are not among them.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let table = self.table.get();
        let mut counts = vec![0u64; table.names().len()];
        for &index in self.indices.iter() {
            if let Some(count) = usize::try_from(index).ok().and_then(|at| counts.get_mut(at)) {
                *count += 1;
            }
        }
        let found = PyDict::new(py);
        for (name, count) in table.names().iter().zip(counts) {
            found.set_item(name, count)?;
        }
        Ok(found)
    }

    /// How many keys the node of that name owns, or nobody does if it is None.
    #[pyo3(signature = (name, /))]
    fn count(&self, name: &Bound<'_, PyAny>) -> usize {
        let Some(wanted) = self.index_of(name) else { return 0 };
        self.indices.iter().filter(|&&index| index == wanted).count()
    }

    /// The first place of a name, or of None, from start and before stop; ValueError if none.
    #[pyo3(
        signature = (name, start=0, stop=isize::MAX, /),
        text_signature = "($self, name, start=0, stop=9223372036854775807, /)"
    )]
    fn index<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        start: isize,
        stop: isize,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.tolist(py)?.call_method1("index", (name, start, stop))
    }

    fn __len__(&self) -> usize {
        self.indices.len()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(slice) = index.cast::<PySlice>() {
            let range = slice.indices(self.shape[0])?;
            let places = successors(Some(range.start), |at| at.checked_add(range.step));
            let places = places.take(range.slicelength);
            let indices = places.filter_map(|at| self.indices.get(usize::try_from(at).ok()?));
            let part = Self::new(self.table.clone_ref(py), indices.copied().collect())?;
            return Ok(Bound::new(py, part)?.into_any());
        }
        let number = integer("an index", index)?;
        let at = number.extract::<isize>().ok().and_then(|at| {
            let at = if at < 0 { at.checked_add(self.shape[0])? } else { at };
            self.indices.get(usize::try_from(at).ok()?)
        });
        match at {
            Some(&index) => {
                Ok(self.name(py, index).map_or_else(|| py.None().into_bound(py), Clone::clone))
            }
            None => {
                let len = self.indices.len();
                Err(PyIndexError::new_err(format!("index {number} of {len} owners")))
            }
        }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        // A list's own iterator is several times as fast as one of ours could be.
        self.tolist(py)?.try_iter()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        self.index_of(name).is_some_and(|index| self.indices.contains(&index))
    }

    fn __eq__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let other = if let Ok(owners) = other.cast::<Self>() {
            let owners = owners.get();
            if self.table.is(&owners.table) {
                let same = self.indices == owners.indices;
                return Ok(same.into_pyobject(py)?.to_owned().into_any().unbind());
            }
            owners.tolist(py)?
        } else if let Ok(list) = other.cast::<PyList>() {
            list.clone()
        } else if let Ok(tuple) = other.cast::<PyTuple>() {
            tuple.to_list()
        } else {
            return Ok(py.NotImplemented());
        };
        let same = self.tolist(py)?.eq(other)?;
        Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    const fn __copy__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// It is frozen, and so is what it holds.
    #[pyo3(signature = (memo, /))]
    fn __deepcopy__<'py>(this: PyRef<'py, Self>, memo: &Bound<'py, PyAny>) -> PyRef<'py, Self> {
        let _ = memo;
        this
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN_MAX: usize = 6;
        let mut shown = Vec::new();
        for &index in self.indices.iter().take(SHOWN_MAX) {
            shown.push(match self.name(py, index) {
                Some(name) => name.repr()?.to_string(),
                None => "None".to_owned(),
            });
        }
        if self.indices.len() > SHOWN_MAX {
            shown.push(format!("... {} more", self.indices.len() - SHOWN_MAX));
        }
        Ok(format!("Owners([{}])", shown.join(", ")))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let bytes: Vec<u8> = self.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let make = py.get_type::<Self>().getattr("_restore")?;
        (make, (self.table.clone_ref(py), PyBytes::new(py, &bytes))).into_pyobject(py)
    }

    /// The owners that `__reduce__` wrote.
    #[staticmethod]
    #[pyo3(signature = (table, indices, /))]
    fn _restore(table: &Bound<'_, Table>, indices: &Bound<'_, PyBytes>) -> PyResult<Self> {
        let (indices, rest) = indices.as_bytes().as_chunks::<4>();
        let len = i32::try_from(table.get().names().len()).unwrap_or(i32::MAX);
        let indices: Vec<i32> = indices.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect();
        if !rest.is_empty() || !indices.iter().all(|index| (NOBODY..len).contains(index)) {
            return Err(value_error("these are no indices of the table's nodes"));
        }
        Self::new(table.clone().unbind(), indices)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // An exporter may pass over what it does not convert to; the reader converts.
        drop(requested_schema);
        arrow::dictionary(py, self.table.get().core(), &self.indices)
    }

    /// # Safety
    /// - `view` is null or points to a buffer that Python wants filled.
    unsafe fn __getbuffer__(
        this: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no buffer to fill"));
        }
        // SAFETY: the caller promises it.
        let view = unsafe { &mut *view };
        view.obj = ptr::null_mut();
        if flags & ffi::PyBUF_WRITABLE != 0 {
            return Err(PyBufferError::new_err("owners are read-only"));
        }
        let has = |flag| flags & flag == flag;
        let owners = this.get();
        view.buf = owners.indices.as_ptr().cast::<c_void>().cast_mut();
        view.len = owners.shape[0] * 4;
        view.itemsize = 4;
        view.readonly = 1;
        view.ndim = 1;
        view.format =
            if has(ffi::PyBUF_FORMAT) { c"i".as_ptr().cast_mut() } else { ptr::null_mut() };
        view.shape =
            if has(ffi::PyBUF_ND) { owners.shape.as_ptr().cast_mut() } else { ptr::null_mut() };
        view.strides = if has(ffi::PyBUF_STRIDES) {
            owners.strides.as_ptr().cast_mut()
        } else {
            ptr::null_mut()
        };
        view.suboffsets = ptr::null_mut();
        view.internal = ptr::null_mut();
        // The view keeps the object, and with it what was pointed to; all of it is frozen.
        view.obj = this.into_ptr();
        Ok(())
    }
}
