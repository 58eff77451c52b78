//! `ringway.Balance`.

use pyo3::{prelude::*, types::PyDict};
use ringway_cluster::BalanceRow;

use crate::table::Table;

/// Each node's share, beside the share that its weight asks for: what balance() returns.
///
/// Shares are of all positions, exactly, or of the keys that were counted. A node that
/// drains has the ideal 0.
#[pyclass(frozen, module = "ringway")]
pub(crate) struct Balance {
    table: Py<Table>,
    balance: ringway_cluster::Balance,
}

impl Balance {
    pub(crate) const fn new(table: Py<Table>, balance: ringway_cluster::Balance) -> Self {
        Self { table, balance }
    }

    fn by_name<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        value: impl Fn(&BalanceRow) -> T,
    ) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for (name, row) in self.table.get().names().iter().zip(self.balance.rows()) {
            found.set_item(name, value(row))?;
        }
        Ok(found)
    }
}

#[pymethods]
impl Balance {
    /// The table.
    #[getter]
    fn table(&self, py: Python<'_>) -> Py<Table> {
        self.table.clone_ref(py)
    }

    /// How many positions, or keys, each node owns, by name, in the order of table.nodes.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_name(py, |row| row.count)
    }

    /// How many positions, or keys, there are; keys of nobody do not count.
    #[getter]
    const fn total(&self) -> u128 {
        self.balance.total()
    }

    /// The part of everything that each node owns, 0 to 1, by name.
    #[getter]
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_name(py, |row| self.balance.share(row))
    }

    /// The part of everything that each node's weight asks for, 0 to 1, by name.
    #[getter]
    fn ideals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_name(py, |row| self.balance.ideal(row))
    }

    /// The share by the ideal, 1 being perfect, by name; None for a node without weight.
    #[getter]
    fn ratios<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_name(py, |row| self.balance.ratio(row))
    }

    /// How much fuller than its ideal the fullest node is: its ratio; None if there is none.
    #[getter]
    fn ratio_max(&self) -> Option<f64> {
        self.balance.ratio_max()
    }

    /// The ratio of the emptiest node that has weight; None if there is none.
    #[getter]
    fn ratio_min(&self) -> Option<f64> {
        self.balance.ratio_min()
    }

    /// The standard deviation of the ratios, by weight; None if nobody owns anything.
    #[getter]
    fn variation(&self) -> Option<f64> {
        self.balance.variation()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.table.get() == other.table.get() && self.balance == other.balance
    }

    fn __repr__(&self) -> String {
        let nodes = self.balance.rows().len();
        let figures = [self.ratio_min(), self.ratio_max(), self.variation()];
        let [Some(min), Some(max), Some(variation)] = figures else {
            return format!("Balance({nodes} nodes, nobody owns anything)");
        };
        format!("Balance({nodes} nodes, ratios {min:.3} to {max:.3}, variation {variation:.3})")
    }
}
