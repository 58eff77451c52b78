//! The iterator of `Table.walk` and `Table.candidates`.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use ringway::NodeIndex;

use crate::table::Table;

/// The candidates for a key in order of preference, found as they are asked for.
#[pyclass(frozen, module = "ringway._ringway")]
pub(crate) struct Walk {
    table: Py<Table>,
    key: Vec<u8>,
    order: Order,
    found: Mutex<Found>,
}

/// Whose order it is.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// Ringway's: each node once.
    Walk,
    /// That of the layout's program, in which nodes may come again.
    Candidates,
}

/// The start of the walk, as far as it has been looked at.
struct Found {
    nodes: Vec<NodeIndex>,
    given: usize,
}

impl Walk {
    pub(crate) const fn new(table: Py<Table>, key: Vec<u8>, order: Order) -> Self {
        Self { table, key, order, found: Mutex::new(Found { nodes: Vec::new(), given: 0 }) }
    }
}

#[pymethods]
impl Walk {
    const fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.table.get();
        if found.given == found.nodes.len() {
            // Core's walk borrows the table, so it is begun anew each time, for twice as many:
            // most callers stop at the first or second, and the whole costs about two walks.
            let wanted = (2 * found.given).max(4);
            found.nodes = match self.order {
                Order::Walk => table.core().walk(&self.key).take(wanted).collect(),
                Order::Candidates => table.core().candidates(&self.key).take(wanted).collect(),
            };
        }
        let index = *found.nodes.get(found.given)?;
        found.given += 1;
        table.name_of(py, index)
    }
}
