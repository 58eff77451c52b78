//! `ringway.Moved`, and the keys that move.

use pyo3::{
    exceptions::PyIndexError,
    prelude::*,
    types::{PyBytes, PyDict, PyIterator, PyList, PySlice, PyString, PyTuple},
};
use ringway::{MovedRange, NodeIndex, Twins};

use crate::{
    convert::{integer, key_bytes, value_error},
    keys::{Keys, Kind, Sink, each_object},
    table::Table,
};

/// How many positions a layout that has some has.
const POSITIONS: u64 = 1 << 32;

type Owner = Option<NodeIndex>;

/// What changes owner from one table to another: what moved() returns.
///
/// It is a sequence of ranges of positions, (lo, hi, old owner, new owner), ascending, both
/// ends included, each as long as can be; None is nobody. A position is key_hash(key) >> 32.
#[pyclass(frozen, module = "ringway", sequence)]
pub(crate) struct Moved {
    from: Py<Table>,
    to: Py<Table>,
    ranges: Vec<MovedRange>,
}

impl Moved {
    pub(crate) fn new(from: &Bound<'_, Table>, to: &Bound<'_, Table>) -> PyResult<Self> {
        let (old, new) = (from.get().core(), to.get().core());
        let ranges = from.py().detach(|| old.moved(new).map(Iterator::collect));
        let ranges: Vec<MovedRange> = ranges.map_err(value_error)?;
        Ok(Self { from: from.clone().unbind(), to: to.clone().unbind(), ranges })
    }

    fn tuple<'py>(&self, py: Python<'py>, range: &MovedRange) -> PyResult<Bound<'py, PyTuple>> {
        let (from, to) = self.names(py, range);
        (range.lo, range.hi, from, to).into_pyobject(py)
    }

    fn names(&self, py: Python<'_>, range: &MovedRange) -> (Option<Py<PyAny>>, Option<Py<PyAny>>) {
        let name = |table: &Py<Table>, index: Owner| table.get().name_of(py, index?);
        (name(&self.from, range.from), name(&self.to, range.to))
    }
}

#[allow(clippy::cast_precision_loss, reason = "53 bits are more than a share is read with")]
fn share_of(positions: u64) -> f64 {
    positions as f64 / POSITIONS as f64
}

const fn positions(range: &MovedRange) -> u64 {
    range.hi - range.lo + 1
}

#[pymethods]
impl Moved {
    /// The part of all positions that changes owner, 0 to 1.
    #[getter]
    fn share(&self) -> f64 {
        share_of(self.ranges.iter().map(positions).sum())
    }

    /// The part of all positions that goes from node to node, by (old owner, new owner).
    #[getter]
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut sums: Vec<((Owner, Owner), u64)> = Vec::new();
        let mut sorted: Vec<&MovedRange> = self.ranges.iter().collect();
        sorted.sort_by_key(|range| (range.from, range.to));
        for range in sorted {
            match sums.last_mut() {
                Some((pair, sum)) if *pair == (range.from, range.to) => *sum += positions(range),
                _ => sums.push(((range.from, range.to), positions(range))),
            }
        }
        let found = PyDict::new(py);
        for ((from, to), sum) in sums {
            let names = self.names(py, &MovedRange { lo: 0, hi: 0, from, to });
            found.set_item(names, share_of(sum))?;
        }
        Ok(found)
    }

    /// The ranges as a list of tuples.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = self.ranges.iter().map(|range| self.tuple(py, range));
        PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }

    /// How often a range, (lo, hi, old owner, new owner), is among these: once or never.
    #[pyo3(signature = (range, /))]
    fn count<'py>(
        &self,
        py: Python<'py>,
        range: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.tolist(py)?.call_method1("count", (range,))
    }

    /// The place of a range, from start and before stop; ValueError if it is not there.
    #[pyo3(
        signature = (range, start=0, stop=isize::MAX, /),
        text_signature = "($self, range, start=0, stop=9223372036854775807, /)"
    )]
    fn index<'py>(
        &self,
        py: Python<'py>,
        range: &Bound<'py, PyAny>,
        start: isize,
        stop: isize,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.tolist(py)?.call_method1("index", (range, start, stop))
    }

    fn __len__(&self) -> usize {
        self.ranges.len()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if index.is_instance_of::<PySlice>() {
            return self.tolist(py)?.as_any().get_item(index);
        }
        let number = integer("an index", index)?;
        let len = self.ranges.len();
        let range = number.extract::<isize>().ok().and_then(|at| {
            let at = if at < 0 { at.checked_add(isize::try_from(len).ok()?)? } else { at };
            self.ranges.get(usize::try_from(at).ok()?)
        });
        match range {
            Some(range) => Ok(self.tuple(py, range)?.into_any()),
            None => Err(PyIndexError::new_err(format!("index {number} of {len} ranges"))),
        }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.tolist(py)?.try_iter()
    }

    fn __eq__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let other = if let Ok(moved) = other.cast::<Self>() {
            moved.get().tolist(py)?
        } else if let Ok(list) = other.cast::<PyList>() {
            list.clone()
        } else {
            return Ok(py.NotImplemented());
        };
        let same = self.tolist(py)?.eq(other)?;
        Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self) -> String {
        let ranges = self.ranges.len();
        let s = if ranges == 1 { "" } else { "s" };
        format!("Moved({ranges} range{s}, {:.2} % of all positions)", 100.0 * self.share())
    }
}

/// The keys whose owners in two tables are not the same node, with these.
pub(crate) fn moved_keys<'py>(
    from: &Bound<'py, Table>,
    to: &Bound<'py, Table>,
    keys: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let py = from.py();
    let (old, new) = (from.get(), to.get());
    let twins = Twins::new(old.core(), new.core());
    let name = |table: &Table, index: Owner| table.name_of(py, index?);
    let rows = PyList::empty(py);
    match Keys::of(keys)? {
        Keys::Objects(keys) => each_object(&keys, |key| {
            let bytes = key_bytes(key)?;
            let (a, b) = (old.core().owner(&bytes), new.core().owner(&bytes));
            if twins.same(a, b) {
                return Ok(());
            }
            rows.append((key, name(old, a), name(new, b)))
        })?,
        keys => {
            let mut moving = Moving { old: old.core(), new: new.core(), twins, found: Vec::new() };
            keys.read(py, &mut moving)?;
            for (kind, key, a, b) in moving.found {
                rows.append((key_object(py, kind, &key)?, name(old, a), name(new, b)))?;
            }
        }
    }
    Ok(rows)
}

/// A key of an array, as Python has it.
fn key_object<'py>(py: Python<'py>, kind: Kind, key: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    Ok(match (kind, str::from_utf8(key)) {
        (Kind::Text, Ok(text)) => PyString::new(py, text).into_any(),
        (Kind::Integer, Ok(digits)) => py.get_type::<pyo3::types::PyInt>().call1((digits,))?,
        _ => PyBytes::new(py, key).into_any(),
    })
}

/// Keeps the keys that move.
struct Moving<'a> {
    old: &'a ringway::Table,
    new: &'a ringway::Table,
    twins: Twins,
    found: Vec<(Kind, Vec<u8>, Owner, Owner)>,
}

impl Sink for Moving<'_> {
    fn key(&mut self, kind: Kind, key: &[u8]) {
        let (old, new) = (self.old.owner(key), self.new.owner(key));
        if !self.twins.same(old, new) {
            self.found.push((kind, key.to_vec(), old, new));
        }
    }

    fn null(&mut self) {}

    fn reserve(&mut self, _: usize) -> bool {
        // Only the keys that move are kept.
        true
    }
}
