//! `ringway.Node`.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyString, PyTuple},
};
use ringway::State;

use crate::convert::{
    Argument, MILLION, integer, short_integer, text_bytes, text_object, type_error, value_error,
    weight_millionths_of, weight_object, weight_text,
};

/// A node: a name, a weight, a zone and a state.
///
/// The name is the identity and is what is hashed; addresses are the caller's
/// business. A weight of 0 owns nothing. Replicas go to different zones first.
/// A node in the state "drain" counts as weight 0; one that is "down" keeps its keys.
///
/// The layouts of deployed programs take weights and states as the programs do, and some
/// read more. ats-parent and varnish-shard take weights with up to six decimals, written
/// "0.5" or Decimal("0.5"), and with spymemcached-ketama they hash hash_text instead of
/// the name. haproxy-consistent hashes id, or if its option hash_key says so guid or
/// address, "ip:port". npm-hashring, uhashring and uhashring-ketama take vnodes, the
/// node's own instead of the layout's, and cassandra-token tokens. What a program does not
/// read it passes over; the layouts of Ringway's own refuse all of these but address.
#[pyclass(frozen, module = "ringway")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    name: Vec<u8>,
    weight_millionths: u64,
    zone: Option<Vec<u8>>,
    state: &'static str,
    address: Option<String>,
    hash_text: Option<Vec<u8>>,
    id: Option<u32>,
    guid: Option<Vec<u8>>,
    vnodes: Option<u32>,
    tokens: Vec<i64>,
}

#[pymethods]
impl Node {
    #[new]
    #[pyo3(
        signature = (
            name, *, weight=Argument::Default, zone=None, state=Argument::Default, address=None,
            hash_text=None, id=None, guid=None, vnodes=None, tokens=Argument::Default
        ),
        text_signature = "(name, *, weight=1, zone=None, state='up', address=None, \
                          hash_text=None, id=None, guid=None, vnodes=None, tokens=())"
    )]
    #[allow(clippy::too_many_arguments, reason = "Python gives them by name")]
    fn new(
        name: &Bound<'_, PyAny>,
        weight: Argument<'_>,
        zone: Option<&Bound<'_, PyAny>>,
        state: Argument<'_>,
        address: Option<&Bound<'_, PyAny>>,
        hash_text: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        guid: Option<&Bound<'_, PyAny>>,
        vnodes: Option<&Bound<'_, PyAny>>,
        tokens: Argument<'_>,
    ) -> PyResult<Self> {
        let bytes = |what, text: Option<&Bound<'_, PyAny>>| {
            text.map(|text| text_bytes(what, text)).transpose()
        };
        let number = |what, value: Option<&Bound<'_, PyAny>>| {
            value.map(|value| short_integer(what, value)).transpose()
        };
        Ok(Self {
            name: text_bytes("a node's name", name)?,
            weight_millionths: weight.read_or(MILLION, weight_millionths_of)?,
            zone: bytes("zone", zone)?,
            state: state.read_or(State::Up.name(), state_name)?,
            address: address.map(address_text).transpose()?,
            hash_text: bytes("hash_text", hash_text)?,
            id: number("id", id)?,
            guid: bytes("guid", guid)?,
            vnodes: number("vnodes", vnodes)?,
            tokens: tokens.read_or(Vec::new(), tokens_of)?,
        })
    }

    /// The name: str if it is UTF-8, else bytes.
    #[getter]
    fn name(&self, py: Python<'_>) -> Py<PyAny> {
        text_object(py, &self.name)
    }

    /// How many shares of the keys it takes: an int, or a Decimal if it is not whole.
    #[getter]
    fn weight<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        weight_object(py, self.weight_millionths)
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

    /// The address, ip:port, or None.
    #[getter]
    fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The text that is hashed instead of the name, or None.
    #[getter]
    fn hash_text(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.hash_text.as_ref().map(|text| text_object(py, text))
    }

    /// HAProxy's id of the server, or None.
    #[getter]
    const fn id(&self) -> Option<u32> {
        self.id
    }

    /// HAProxy's guid of the server, or None.
    #[getter]
    fn guid(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.guid.as_ref().map(|guid| text_object(py, guid))
    }

    /// The node's own number of points, or None.
    #[getter]
    const fn vnodes(&self) -> Option<u32> {
        self.vnodes
    }

    /// The tokens of a host of Cassandra; none unless given.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tokens)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
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
        let mut text = format!("Node({}", text_object(py, &self.name).bind(py).repr()?);
        if !self.weight_millionths.is_multiple_of(MILLION) {
            text += &format!(", weight='{}'", weight_text(self.weight_millionths));
        } else if self.weight_millionths != MILLION {
            text += &format!(", weight={}", weight_text(self.weight_millionths));
        }
        if let Some(zone) = &self.zone {
            text += &format!(", zone={}", text_object(py, zone).bind(py).repr()?);
        }
        if self.state != State::Up.name() {
            text += &format!(", state='{}'", self.state);
        }
        for (name, value) in self.fields(py)? {
            text += &format!(", {name}={}", value.repr()?);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        named.set_item("weight", self.weight(py)?)?;
        named.set_item("zone", self.zone(py))?;
        named.set_item("state", self.state)?;
        for (name, value) in self.fields(py)? {
            named.set_item(name, value)?;
        }
        Ok((PyTuple::new(py, [self.name(py)])?, named))
    }
}

impl Node {
    /// A node of that name and the defaults for the rest.
    pub(crate) fn of_name(name: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::of_weight(text_bytes("a node's name", name)?, MILLION))
    }

    /// The node of an entry `{name: weight}`.
    pub(crate) fn of_entry(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let weight = weight_millionths_of(value)?;
        Ok(Self::of_weight(text_bytes("a node's name", name)?, weight))
    }

    const fn of_weight(name: Vec<u8>, weight_millionths: u64) -> Self {
        Self {
            name,
            weight_millionths,
            zone: None,
            state: State::Up.name(),
            address: None,
            hash_text: None,
            id: None,
            guid: None,
            vnodes: None,
            tokens: Vec::new(),
        }
    }

    /// Core's node as a Python object.
    pub(crate) fn of_core(node: ringway::Node<'_>) -> Self {
        Self {
            name: node.name().to_vec(),
            weight_millionths: node.weight_millionths(),
            zone: node.zone().map(<[u8]>::to_vec),
            state: node.state().name(),
            address: node.address().map(str::to_owned),
            hash_text: node.hash_text().map(<[u8]>::to_vec),
            id: node.id(),
            guid: node.guid().map(<[u8]>::to_vec),
            vnodes: node.vnodes(),
            tokens: node.tokens().to_vec(),
        }
    }

    /// This node as core sees it.
    pub(crate) fn view(&self) -> ringway::Node<'_> {
        let mut node = ringway::Node::from_bytes(&self.name)
            .with_weight_millionths(self.weight_millionths)
            .with_state(State::from_name(self.state).unwrap_or_default());
        if let Some(zone) = &self.zone {
            node = node.with_zone(zone);
        }
        if let Some(address) = &self.address {
            node = node.with_address(address);
        }
        if let Some(text) = &self.hash_text {
            node = node.with_hash_text(text);
        }
        if let Some(id) = self.id {
            node = node.with_id(id);
        }
        if let Some(guid) = &self.guid {
            node = node.with_guid(guid);
        }
        if let Some(vnodes) = self.vnodes {
            node = node.with_vnodes(vnodes);
        }
        if self.tokens.is_empty() { node } else { node.with_tokens(&self.tokens) }
    }

    /// What only some layouts read, as far as it was given.
    fn fields<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<impl Iterator<Item = (&'static str, Bound<'py, PyAny>)>> {
        let tokens = self.tokens(py)?.into_any();
        let fields = [
            ("address", self.address().into_pyobject(py)?.into_any()),
            ("hash_text", self.hash_text(py).into_pyobject(py)?.into_any()),
            ("id", self.id.into_pyobject(py)?.into_any()),
            ("guid", self.guid(py).into_pyobject(py)?.into_any()),
            ("vnodes", self.vnodes.into_pyobject(py)?.into_any()),
            ("tokens", if self.tokens.is_empty() { py.None().into_bound(py) } else { tokens }),
        ];
        Ok(fields.into_iter().filter(|(_, value)| !value.is_none()))
    }

    /// As an element of a list of nodes: the name alone where that says it all.
    pub(crate) fn as_item(&self, py: Python<'_>) -> PyResult<String> {
        if *self == Self::of_weight(self.name.clone(), MILLION) {
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

fn address_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| type_error("address", "str", value))?;
    Ok(text.to_str()?.to_owned())
}

fn tokens_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let wrong = || type_error("tokens", "an iterable of int", value);
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        return Err(wrong());
    }
    let token = |item: PyResult<Bound<'_, PyAny>>| {
        let item = item?;
        let number = integer("a token", &item)?;
        number.extract().map_err(|_| {
            let (min, max) = (i64::MIN, i64::MAX);
            value_error(format_args!("a token must be {min} to {max}, not {number}"))
        })
    };
    value.try_iter().map_err(|_| wrong())?.map(token).collect()
}
