//! `ringway.Node`.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use pyo3::{
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};
use ringway::State;

use crate::convert::{Argument, text_bytes, text_object, type_error, value_error, weight_of};

/// A node: a name, a weight, a zone and a state.
///
/// The name is the identity and is what is hashed; addresses are the caller's
/// business. A weight of 0 owns nothing. Replicas go to different zones first.
/// A node in the state "drain" counts as weight 0; one that is "down" keeps its keys.
#[pyclass(frozen, module = "ringway")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    name: Vec<u8>,
    weight: u32,
    zone: Option<Vec<u8>>,
    state: &'static str,
}

#[pymethods]
impl Node {
    #[new]
    #[pyo3(
        signature = (name, *, weight=Argument::Default, zone=None, state=Argument::Default),
        text_signature = "(name, *, weight=1, zone=None, state='up')"
    )]
    fn new(
        name: &Bound<'_, PyAny>,
        weight: Argument<'_>,
        zone: Option<&Bound<'_, PyAny>>,
        state: Argument<'_>,
    ) -> PyResult<Self> {
        Ok(Self {
            name: text_bytes("a node's name", name)?,
            weight: weight.read_or(1, weight_of)?,
            zone: zone.map(|zone| text_bytes("zone", zone)).transpose()?,
            state: state.read_or(State::Up.name(), state_name)?,
        })
    }

    /// The name: str if it is UTF-8, else bytes.
    #[getter]
    fn name(&self, py: Python<'_>) -> Py<PyAny> {
        text_object(py, &self.name)
    }

    /// How many shares of the keys it takes.
    #[getter]
    const fn weight(&self) -> u32 {
        self.weight
    }

    /// The zone, or None: a zone of its own.
    #[getter]
    fn zone(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.zone.as_ref().map(|zone| text_object(py, zone))
    }

    /// One of "up", "down" and "drain".
    #[getter]
    const fn state(&self) -> &'static str {
        self.state
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!("Node({}", text_object(py, &self.name).bind(py).repr()?);
        if self.weight != 1 {
            text += &format!(", weight={}", self.weight);
        }
        if let Some(zone) = &self.zone {
            text += &format!(", zone={}", text_object(py, zone).bind(py).repr()?);
        }
        if self.state != State::Up.name() {
            text += &format!(", state='{}'", self.state);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        named.set_item("weight", self.weight)?;
        named.set_item("zone", self.zone(py))?;
        named.set_item("state", self.state)?;
        Ok((PyTuple::new(py, [self.name(py)])?, named))
    }
}

impl Node {
    /// A node of that name and the defaults for the rest.
    pub(crate) fn of_name(name: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of_weight(name, 1)
    }

    /// The node of an entry `{name: weight}`.
    pub(crate) fn of_entry(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of_weight(name, weight_of(value)?)
    }

    fn of_weight(name: &Bound<'_, PyAny>, weight: u32) -> PyResult<Self> {
        let name = text_bytes("a node's name", name)?;
        Ok(Self { name, weight, zone: None, state: State::Up.name() })
    }

    /// Core's node as a Python object.
    pub(crate) fn of_core(node: ringway::Node<'_>) -> Self {
        Self {
            name: node.name().to_vec(),
            weight: node.weight(),
            zone: node.zone().map(<[u8]>::to_vec),
            state: node.state().name(),
        }
    }

    /// This node as core sees it.
    pub(crate) fn view(&self) -> ringway::Node<'_> {
        let node = ringway::Node::from_bytes(&self.name)
            .with_weight(self.weight)
            .with_state(State::from_name(self.state).unwrap_or_default());
        match &self.zone {
            Some(zone) => node.with_zone(zone),
            None => node,
        }
    }

    /// As an element of a list of nodes: the name alone where that says it all.
    pub(crate) fn as_item(&self, py: Python<'_>) -> PyResult<String> {
        if self.weight == 1 && self.zone.is_none() && self.state == State::Up.name() {
            Ok(text_object(py, &self.name).bind(py).repr()?.to_string())
        } else {
            self.__repr__(py)
        }
    }
}

pub(crate) fn state_name(value: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    let text = value.cast::<PyString>().map_err(|_| type_error("state", "str", value))?;
    match State::from_name(text.to_str()?) {
        Some(state) => Ok(state.name()),
        None => Err(value_error(format_args!(
            "state must be 'up', 'down' or 'drain', not {}",
            value.repr()?
        ))),
    }
}
