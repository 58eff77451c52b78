//! Loads and factors of `Table.bounded`, as Python gives them.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyMapping, PyString},
};
use ringway::LoadFactor;

use crate::convert::{integer, type_error, value_error};

/// The load of a node that is not to be asked now.
const AWAY: u64 = u64::MAX;

pub(crate) fn factor_of(value: &Bound<'_, PyAny>) -> PyResult<LoadFactor> {
    let number = integer("factor_permille", value)?;
    number.extract().ok().and_then(LoadFactor::from_permille).ok_or_else(|| {
        value_error(format_args!("factor_permille must be 1000 to 1000000, not {number}"))
    })
}

/// A load, or what is called `what`.
pub(crate) fn load_of(what: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let number = integer(what, value)?;
    number
        .extract()
        .map_err(|_| value_error(format_args!("{what} must be 0 to {}, not {number}", u64::MAX)))
}

/// The number of requests in progress on a node.
fn requests_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    load_of("a number of requests", value)
}

fn load_or_away(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if value.is_none() { Ok(AWAY) } else { load_of("a load", value) }
}

/// The loads by index, of a sequence in the order of nodes or a mapping from their names.
pub(crate) fn loads_of(
    loads: &Bound<'_, PyAny>,
    names: &[Py<PyAny>],
    py: Python<'_>,
) -> PyResult<Vec<u64>> {
    const EXPECTED: &str = "a sequence of a load for each node, or a mapping {name: load}";
    numbers_of(("loads", EXPECTED), loads, names, py, load_or_away)
}

/// The requests in progress by index, given as loads are.
pub(crate) fn active_of(
    active: &Bound<'_, PyAny>,
    names: &[Py<PyAny>],
    py: Python<'_>,
) -> PyResult<Vec<u64>> {
    const EXPECTED: &str = "a sequence of a number for each node, or a mapping {name: number}";
    numbers_of(("active", EXPECTED), active, names, py, requests_of)
}

fn numbers_of(
    (what, expected): (&str, &str),
    loads: &Bound<'_, PyAny>,
    names: &[Py<PyAny>],
    py: Python<'_>,
    read: fn(&Bound<'_, PyAny>) -> PyResult<u64>,
) -> PyResult<Vec<u64>> {
    if let Ok(mapping) = loads.cast::<PyMapping>() {
        let load = |name: &Py<PyAny>| {
            let name = name.bind(py);
            if mapping.contains(name)? { read(&mapping.get_item(name)?) } else { Ok(0) }
        };
        return names.iter().map(load).collect();
    }
    if loads.is_instance_of::<PyString>() || loads.is_instance_of::<PyBytes>() {
        return Err(type_error(what, expected, loads));
    }
    let values = loads.try_iter().map_err(|_| type_error(what, expected, loads))?;
    let found: Vec<u64> = values.map(|value| read(&value?)).collect::<PyResult<_>>()?;
    if found.len() != names.len() {
        let (found, nodes) = (found.len(), names.len());
        return Err(value_error(format_args!("{what} has {found} values for {nodes} nodes")));
    }
    Ok(found)
}

/// The sum of the loads of the nodes that may be asked.
pub(crate) fn total_of(loads: &[u64]) -> u64 {
    let known = loads.iter().filter(|&&load| load != AWAY);
    known.fold(0, |total, &load| total.saturating_add(load))
}
