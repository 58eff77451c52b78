//! `ringway.Table`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyIterator, PyList, PyTuple, PyType},
};
use ringway::{BuildError, Layout, LoadFactor, NodeIndex, State};

use crate::{
    balance::Balance,
    bounded::{active_of, factor_of, load_of, loads_of, total_of},
    build::{layout_of, node_of, nodes_of, with_options},
    cluster_file,
    convert::{
        Argument, MILLION, integer, key_bytes, option_object, text_bytes, text_object, type_error,
        value_error, weight_millionths_of,
    },
    keys::{self, Finder, Keys},
    moved::{Moved, moved_keys},
    node::{Node, state_name},
    owners::Owners,
    walk::{Order, Walk},
};

/// Which node owns which key: an immutable snapshot of nodes under a layout.
///
/// nodes is an iterable of names (str or bytes) and Node objects, or a mapping from
/// names to weights. layout is the name of a mapping that never changes, and options
/// are the layout's own: all have hash_tag (two characters such as "{}": keys are hashed
/// by what stands between), ringway-v1 has vnodes (points for each unit of weight, 160),
/// maglev-v1 table_size (a prime, 65,537), balanced-v1 slots (a power of two, 65,536)
/// and room_permille (how much of its share a node has room for, 1,050).
/// ringway-keyed-v1 has vnodes and needs key, 32 hexadecimal digits, which repr hides.
/// In jump-v1 and jumpback-v1 the place in the list is the identity of a node, and in
/// memento-v1, which has removed: the places of removed nodes, in the order of removal.
///
/// The layouts of deployed programs, such as nginx, haproxy-consistent or envoy-ring, have
/// options named after those of the programs; LAYOUTS has the names of all layouts.
///
/// Keys are str (hashed as UTF-8), bytes, bytearray or memoryview of bytes. Nodes come
/// back by name: str if the name is UTF-8, else bytes. Any number of threads may use a
/// table; a change is a new table.
///
/// Raises RingwayError, a ValueError, if the nodes or options make no table.
#[pyclass(frozen, module = "ringway")]
pub(crate) struct Table {
    table: ringway::Table,
    /// By index; made once, so that a lookup allocates nothing.
    names: Vec<Py<PyAny>>,
}

#[pymethods]
impl Table {
    #[new]
    #[pyo3(
        signature = (nodes, *, layout=Argument::Default, **options),
        text_signature = "(nodes, *, layout='ringway-v1', **options)"
    )]
    fn new(
        py: Python<'_>,
        nodes: &Bound<'_, PyAny>,
        layout: Argument<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let nodes = nodes_of(nodes)?;
        let layout = layout.read_or(Layout::default(), layout_of)?;
        let layout = with_options(layout, options)?;
        let table = py.detach(|| {
            let views: Vec<ringway::Node<'_>> = nodes.iter().map(Node::view).collect();
            ringway::Table::new(&layout, &views)
        });
        Ok(Self::of_core(py, table.map_err(value_error)?))
    }

    /// The table that the cluster file at path describes.
    ///
    /// A relative key_file in it starts at its folder. Raises OSError if it cannot be
    /// read, RingwayError naming line and field if it is no cluster file.
    #[classmethod]
    #[pyo3(signature = (path, /))]
    fn load(cls: &Bound<'_, PyType>, path: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::of_core(cls.py(), cluster_file::load(path)?))
    }

    /// The table that the text of a cluster file describes.
    ///
    /// The text stands in no folder: a relative key_file is an error. Raises RingwayError
    /// naming line and field if it is no cluster file.
    #[classmethod]
    #[pyo3(signature = (text, /))]
    fn loads(cls: &Bound<'_, PyType>, text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = cls.py();
        let text = text_bytes("the text of a cluster file", text)?;
        let table = py.detach(|| cluster_file::parse(&text, "cluster file", None))?;
        Ok(Self::of_core(py, table))
    }

    /// The name of the node that owns key; None if none may, or the program cannot read key.
    #[pyo3(signature = (key, /))]
    fn owner(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let index = self.table.owner(&key_bytes(key)?);
        Ok(index.and_then(|index| self.name_of(py, index)))
    }

    /// The index of the node that owns key, in the order of nodes; None if none may.
    #[pyo3(signature = (key, /))]
    fn index(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
        Ok(self.table.owner(&key_bytes(key)?).map(NodeIndex::get))
    }

    /// The names of the first k nodes that should hold key, its owner first.
    ///
    /// One of each zone comes first, then others in the order of the walk. There are
    /// fewer than k if fewer nodes may own keys.
    #[pyo3(signature = (key, /, k))]
    fn owners<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        k: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let number = integer("k", k)?;
        if number.lt(0)? {
            return Err(value_error(format_args!("k must be 0 or more, not {number}")));
        }
        let wanted = number.extract().unwrap_or(usize::MAX).min(self.table.len());
        let mut owners = vec![NodeIndex::new(0); wanted];
        let found = self.table.owners(&key_bytes(key)?, &mut owners);
        PyList::new(py, owners[..found].iter().map(|&index| self.name_of(py, index)))
    }

    /// The owners of many keys, as [table.owner(key) for key in keys], but faster.
    ///
    /// keys is an iterable of keys; a NumPy array of texts, bytes or integers, or what else
    /// has such a buffer; or Arrow data of strings, binary or integers: an array or a chunked
    /// one, a Series of polars or pandas. An integer's key is str() of it. What is missing
    /// (null) is nobody's, and None has no place in a list. Arrays are read where they are,
    /// and other threads run meanwhile.
    #[pyo3(signature = (keys, /))]
    fn owner_many(this: &Bound<'_, Self>, keys: &Bound<'_, PyAny>) -> PyResult<Owners> {
        Owners::new(this.clone().unbind(), this.get().indices_of(keys)?)
    }

    /// The owners of many hashes, each as key_hash() gives it.
    ///
    /// hashes is an iterable of int, or an array of unsigned 64-bit integers. Raises
    /// RingwayError if the layout has no hashes that callers may compute.
    #[pyo3(signature = (hashes, /))]
    fn owner_many_by_hash(this: &Bound<'_, Self>, hashes: &Bound<'_, PyAny>) -> PyResult<Owners> {
        let indices = keys::owners_of_hashes(&this.get().table, hashes)?;
        Owners::new(this.clone().unbind(), indices)
    }

    /// The first node of key's walk whose load is below its capacity; None if none is.
    ///
    /// loads has the load of each node: a sequence in the order of nodes, or a mapping
    /// from names, where a node that is absent has 0. A load of None is that of a node
    /// that is not to be asked now. total is the load of all, by default the sum of
    /// loads. A node takes factor_permille thousandths of its share, rounded up: see
    /// capacity(). The caller adds what it assigns. Zones play no part.
    #[pyo3(
        signature = (key, /, loads, *, factor_permille=Argument::Default, total=None),
        text_signature = "($self, key, /, loads, *, factor_permille=1250, total=None)"
    )]
    fn bounded(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        loads: &Bound<'_, PyAny>,
        factor_permille: Argument<'_>,
        total: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let factor = factor_permille.read_or(LoadFactor::default(), factor_of)?;
        let loads = loads_of(loads, &self.names, py)?;
        let total = match total {
            Some(total) => load_of("total", total)?,
            None => total_of(&loads),
        };
        let load = |node: NodeIndex| loads.get(node.as_usize()).copied().unwrap_or(u64::MAX);
        let index = self.table.owner_bounded(&key_bytes(key)?, factor, total, load);
        Ok(index.and_then(|index| self.name_of(py, index)))
    }

    /// How much load the node of that name takes while the load of all is total.
    ///
    /// This is factor_permille / 1000 * (total + 1) * weight / the sum of the weights of
    /// all nodes that may own keys, rounded up; 0 for a node that may not.
    ///
    /// Raises RingwayError if there is no such node.
    #[pyo3(
        signature = (name, /, total, *, factor_permille=Argument::Default),
        text_signature = "($self, name, /, total, *, factor_permille=1250)"
    )]
    fn capacity(
        &self,
        name: &Bound<'_, PyAny>,
        total: &Bound<'_, PyAny>,
        factor_permille: Argument<'_>,
    ) -> PyResult<u64> {
        let factor = factor_permille.read_or(LoadFactor::default(), factor_of)?;
        let (name, total) = (text_bytes("a node's name", name)?, load_of("total", total)?);
        let index =
            self.table.index_of(&name).ok_or_else(|| value_error(BuildError::NoSuchNode))?;
        Ok(self.table.capacity(index, factor, total).unwrap_or(0))
    }

    /// The candidates for key in order of preference, its owner first, one at a time.
    ///
    /// Each node that may own keys comes once; zones play no part. For failover:
    /// next((node for node in table.walk(key) if is_up(node)), None).
    #[pyo3(signature = (key, /))]
    fn walk(this: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Walk> {
        Ok(Walk::new(this.clone().unbind(), key_bytes(key)?.into_owned(), Order::Walk))
    }

    /// The nodes that the layout's program itself tries for key, in its order.
    ///
    /// It is walk(), except where the program has an order of its own: nginx goes from
    /// point to point, so that a node may come again, and gives up after 21; nginx-modulo
    /// hashes anew, as often; varnish-shard and ats-parent go from point to point all
    /// around. Nodes that are down are left out.
    #[pyo3(signature = (key, /))]
    fn candidates(this: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Walk> {
        Ok(Walk::new(this.clone().unbind(), key_bytes(key)?.into_owned(), Order::Candidates))
    }

    /// The node that the layout's program picks for key while requests are in progress.
    ///
    /// active has how many there are on each node: a sequence in the order of nodes, or a
    /// mapping from names, where a node that is absent has 0. The caller adds the request
    /// that it assigns. This is the option hash_balance_factor of envoy-ring, envoy-maglev
    /// and haproxy-consistent, as these programs do it, which is not what bounded() does;
    /// elsewhere, and without the option, it is owner().
    #[pyo3(signature = (key, /, active))]
    fn owner_under_load(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        active: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let active = active_of(active, &self.names, py)?;
        let load = |node: NodeIndex| active.get(node.as_usize()).copied().unwrap_or(0);
        let index = self.table.owner_under_load(&key_bytes(key)?, load);
        Ok(index.and_then(|index| self.name_of(py, index)))
    }

    /// 64 bits that tables have in common if they answer alike: layout, options and nodes.
    #[getter]
    fn fingerprint(&self) -> u64 {
        self.table.fingerprint()
    }

    /// Layout, options and nodes as bytes, for from_bytes() in any language.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.table.to_bytes())
    }

    /// The table whose to_bytes() these are.
    ///
    /// Raises RingwayError if they are not exactly such bytes.
    #[classmethod]
    #[pyo3(signature = (data, /))]
    fn from_bytes(cls: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let data = data.cast::<PyBytes>().map_err(|_| type_error("data", "bytes", data))?;
        let (py, bytes) = (cls.py(), data.as_bytes());
        let table = py.detach(|| ringway::Table::from_bytes(bytes)).map_err(value_error)?;
        Ok(Self::of_core(py, table))
    }

    /// The table with one node more, at the end: a name or a Node.
    ///
    /// It is the table of the longer list, for a small part of the time that building it
    /// takes. In memento-v1 the node takes the place of the one that was removed last, if
    /// any was. Raises RingwayError as the constructor does.
    #[pyo3(signature = (node, /))]
    fn with_node(&self, py: Python<'_>, node: &Bound<'_, PyAny>) -> PyResult<Self> {
        let node = node_of(node)?;
        self.changed(py, |table| table.with_node(&node.view()))
    }

    /// The table without the node of that name; those after it have an index less.
    ///
    /// In memento-v1 the node keeps its place, which is added to the option removed.
    /// Raises RingwayError if there is no such node.
    #[pyo3(signature = (name, /))]
    fn without_node(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = text_bytes("a node's name", name)?;
        self.changed(py, |table| table.without_node(&name))
    }

    /// The table where the node of that name has another weight: an int, Decimal or str.
    ///
    /// Raises RingwayError if there is no such node, or there would be too many points.
    #[pyo3(signature = (name, weight, /))]
    fn with_weight(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        weight: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let name = text_bytes("a node's name", name)?;
        let millionths = weight_millionths_of(weight)?;
        if let (0, Ok(weight)) = (millionths % MILLION, u32::try_from(millionths / MILLION)) {
            return self.changed(py, |table| table.with_weight(&name, weight));
        }
        // Only layouts of deployed programs take it, and these are built anew for any change.
        self.changed(py, |table| {
            let index = table.index_of(&name).ok_or(BuildError::NoSuchNode)?;
            let mut nodes: Vec<ringway::Node<'_>> = table.nodes().collect();
            if let Some(node) = nodes.get_mut(index.as_usize()) {
                *node = node.with_weight_millionths(millionths);
            }
            ringway::Table::new(table.layout(), &nodes)
        })
    }

    /// The table where the node of that name is in another state: "up", "down" or "drain".
    ///
    /// Raises RingwayError if there is no such node, or there would be too many points.
    #[pyo3(signature = (name, state, /))]
    fn with_state(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (name, state) = (text_bytes("a node's name", name)?, state_name(state)?);
        let state = State::from_name(state).unwrap_or_default();
        self.changed(py, |table| table.with_state(&name, state))
    }

    /// What changes owner from this table to another: ranges of positions, and their shares.
    ///
    /// Nodes are the same if their names are. Raises RingwayError if the two tables give a
    /// key different positions, or have none: then moved_keys() still tells.
    #[pyo3(signature = (other, /))]
    fn moved(this: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Moved> {
        Moved::new(this, other_table(other)?)
    }

    /// The keys that change owner from this table to another: (key, old owner, new owner).
    ///
    /// The tables may have any layouts. keys is what owner_many() takes; those of an array
    /// come as str, bytes or int.
    #[pyo3(signature = (other, keys, /))]
    fn moved_keys<'py>(
        this: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        keys: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        moved_keys(this, other_table(other)?, keys)
    }

    /// How evenly the nodes share all positions, exactly, or keys if they are given.
    ///
    /// keys is what owner_many() takes. Raises RingwayError without them if the layout has
    /// no positions.
    #[pyo3(signature = (keys=None, /))]
    fn balance(this: &Bound<'_, Self>, keys: Option<&Bound<'_, PyAny>>) -> PyResult<Balance> {
        let (py, table) = (this.py(), this.get());
        let balance = match keys {
            Some(keys) => balance_of(table, &table.indices_of(keys)?),
            None => py.detach(|| ringway_cluster::Balance::of_positions(&table.table)).ok_or_else(
                || {
                    let layout = table.layout();
                    value_error(format_args!(
                        "layout {layout} has no positions; count keys with balance(keys)"
                    ))
                },
            )?,
        };
        Ok(Balance::new(this.clone().unbind(), balance))
    }

    /// The layout's hash of key; None if it is not one of 32 or 64 bits, or cannot read key.
    #[pyo3(signature = (key, /))]
    fn key_hash(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.table.key_hash(&key_bytes(key)?))
    }

    /// The nodes in the order they were given, which is that of their indices.
    ///
    /// Of what only some layouts read, they have what this layout reads.
    #[getter]
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let nodes = self.table.nodes().map(|node| Bound::new(py, Node::of_core(node)));
        PyTuple::new(py, nodes.collect::<PyResult<Vec<_>>>()?)
    }

    /// The layout's name.
    #[getter]
    fn layout(&self) -> &'static str {
        self.table.layout().name()
    }

    /// The options that differ from the layout's defaults.
    #[getter]
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let options = PyDict::new(py);
        for (name, value) in self.table.layout().options() {
            options.set_item(name, option_object(py, value)?)?;
        }
        Ok(options)
    }

    fn __len__(&self) -> usize {
        self.table.len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        self.find(name).is_some()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::new(py, &self.names)?.try_iter()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.table.layout().name().hash(&mut hasher);
        for node in self.table.nodes() {
            node.name().hash(&mut hasher);
            node.weight().hash(&mut hasher);
        }
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
        const SHOWN_MAX: usize = 6;
        let mut shown = Vec::new();
        for node in self.table.nodes().take(SHOWN_MAX) {
            shown.push(Node::of_core(node).as_item(py)?);
        }
        if self.table.len() > SHOWN_MAX {
            shown.push(format!("... {} more", self.table.len() - SHOWN_MAX));
        }
        let mut text = format!("Table([{}], layout='{}'", shown.join(", "), self.layout());
        for (name, value) in self.table.layout().options() {
            if name == "key" {
                text += ", key='...'";
                continue;
            }
            text += &format!(", {name}={}", option_object(py, value)?.repr()?);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let named = self.options(py)?;
        named.set_item("layout", self.layout())?;
        Ok((PyTuple::new(py, [self.nodes(py)?])?, named))
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.table.layout() == other.table.layout() && self.table.nodes().eq(other.table.nodes())
    }
}

impl Table {
    fn of_core(py: Python<'_>, table: ringway::Table) -> Self {
        let names = table.nodes().map(|node| text_object(py, node.name())).collect();
        Self { table, names }
    }

    fn changed(
        &self,
        py: Python<'_>,
        change: impl Fn(&ringway::Table) -> Result<ringway::Table, BuildError> + Sync,
    ) -> PyResult<Self> {
        let table = py.detach(|| change(&self.table)).map_err(value_error)?;
        Ok(Self::of_core(py, table))
    }

    pub(crate) const fn core(&self) -> &ringway::Table {
        &self.table
    }

    /// The names by index.
    pub(crate) fn names(&self) -> &[Py<PyAny>] {
        &self.names
    }

    /// The index of the node of that name, if it is one at all.
    pub(crate) fn find(&self, name: &Bound<'_, PyAny>) -> Option<NodeIndex> {
        self.table.index_of(&text_bytes("a node's name", name).ok()?)
    }

    /// The indices of the owners of keys.
    fn indices_of(&self, keys: &Bound<'_, PyAny>) -> PyResult<Vec<i32>> {
        let py = keys.py();
        let keys = Keys::of(keys)?;
        let mut finder = Finder::new(&self.table, keys.len_hint())?;
        keys.read(py, &mut finder)?;
        Ok(finder.into_owners())
    }

    #[inline]
    pub(crate) fn name_of(&self, py: Python<'_>, index: NodeIndex) -> Option<Py<PyAny>> {
        self.names.get(index.as_usize()).map(|name| name.clone_ref(py))
    }
}

fn other_table<'a, 'py>(other: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, Table>> {
    other.cast().map_err(|_| type_error("other", "Table", other))
}

/// The balance of the keys whose owners have these indices.
fn balance_of(table: &Table, indices: &[i32]) -> ringway_cluster::Balance {
    let mut counts = vec![0u64; table.names.len()];
    for &index in indices {
        if let Some(count) = usize::try_from(index).ok().and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    ringway_cluster::Balance::of_counts(&table.table, &counts)
}
