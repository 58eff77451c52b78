//! What a table is built of, as Python gives it.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyMapping, PyString},
};
use ringway::{BuildError, Layout};

use crate::{
    convert::{option_value, type_error, value_error},
    node::Node,
};

/// The nodes of an iterable of names and `Node`s, or of a mapping from names to weights.
pub(crate) fn nodes_of(nodes: &Bound<'_, PyAny>) -> PyResult<Vec<Node>> {
    const EXPECTED: &str = "an iterable of names and Node objects, or a mapping {name: weight}";
    let wrong = || type_error("nodes", EXPECTED, nodes);
    if let Ok(mapping) = nodes.cast::<PyMapping>() {
        let entries = mapping.items()?;
        return entries
            .iter()
            .map(|entry| {
                let (name, weight): (Bound<'_, PyAny>, Bound<'_, PyAny>) = entry.extract()?;
                Node::of_entry(&name, &weight)
            })
            .collect();
    }
    // One text is iterable too, but never what was meant.
    if nodes.is_instance_of::<PyString>() || nodes.is_instance_of::<PyBytes>() {
        return Err(wrong());
    }
    nodes.try_iter().map_err(|_| wrong())?.map(|item| node_of(&item?)).collect()
}

/// A node given as one, or by its name.
pub(crate) fn node_of(item: &Bound<'_, PyAny>) -> PyResult<Node> {
    match item.cast::<Node>() {
        Ok(node) => Ok(node.get().clone()),
        Err(_) => Node::of_name(item),
    }
}

/// The layout of that name.
pub(crate) fn layout_of(name: &Bound<'_, PyAny>) -> PyResult<Layout> {
    let text = name.cast::<PyString>().map_err(|_| type_error("layout", "str", name))?.to_str()?;
    Layout::from_name(text).map_err(|error| value_error(format_args!("{text:?}: {error}")))
}

/// The layout with the options that were given by name.
pub(crate) fn with_options(
    mut layout: Layout,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Layout> {
    for (name, value) in options.into_iter().flatten() {
        let name: String = name.extract()?;
        let explain = |error: BuildError| value_error(format_args!("{name}: {error}"));
        let mut numbers = Vec::new();
        let value = option_value(&name, &value, &mut numbers)?;
        layout = layout.with_option(&name, value).map_err(explain)?;
    }
    Ok(layout)
}
