//! Cluster files: the one TOML form that names a layout and its nodes.

mod address;
mod error;
mod key_file;
mod parse;
mod suggest;

use std::{collections::HashMap, fmt::Write as _, fs::File, io::Read as _, path::Path};

use ringway::{BuildError, Layout, Node, OptionValue, State, Table};

pub use self::{address::normal_address, error::FileError};
use self::{
    error::{Fault, Place, quote},
    parse::Origin,
};

/// At most this many bytes in a cluster file: 16 MiB.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
/// At most this many nodes, as the layouts have it (SPEC §8).
const NODES_MAX: usize = 65_536;
/// At most this many bytes in a name or zone (SPEC §8).
const TEXT_BYTES_MAX: usize = 1_024;
/// So many millionths are one.
const MILLION: u64 = 1_000_000;

/// A layout and its nodes, checked; immutable.
///
/// Two of them are equal when layout and nodes are, wherever they were read from.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    layout: Layout,
    nodes: Vec<NodeEntry>,
    origin: Origin,
}

/// One `[[node]]` of a cluster file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// The identity, which is what is hashed: 1 to 1,024 bytes without control characters.
    pub name: String,
    /// How many shares of the keys it takes; 0 owns nothing.
    pub weight: u32,
    /// The zone, 1 to 1,024 bytes; `None` is a zone of its own.
    pub zone: Option<String>,
    /// Where its data listener is reached, `host:port`.
    pub address: Option<String>,
    /// Where its control listener is reached, `host:port`.
    pub control: Option<String>,
    /// Whether it may own keys.
    pub state: State,
    /// What only deployed programs' layouts read.
    pub deployed: DeployedFields,
}

/// The fields of a node that only deployed programs' layouts read (`docs/layouts.md`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployedFields {
    /// What the weight is above a whole number, in millionths: below a million.
    pub weight_millionths: u32,
    /// What is hashed instead of the name.
    pub hash_text: Option<String>,
    /// HAProxy's server id.
    pub id: Option<u32>,
    /// HAProxy's server guid.
    pub guid: Option<String>,
    /// A number of points of its own.
    pub vnodes: Option<u32>,
    /// Cassandra's tokens.
    pub tokens: Option<Vec<i64>>,
}

impl ClusterFile {
    /// A cluster of these nodes, checked as a file's are.
    ///
    /// # Errors
    /// [`FileError`] that names the node and the field.
    pub fn new(layout: Layout, nodes: Vec<NodeEntry>) -> Result<Self, FileError> {
        let origin = Origin::default();
        check(&nodes).map_err(|fault| origin.locate(fault))?;
        Ok(Self { layout, nodes, origin })
    }

    /// The cluster that `text` describes; `source_name` stands in errors where a path would.
    ///
    /// The text stands in no folder: a relative `key_file` is an error.
    ///
    /// # Errors
    /// [`FileError`] that names line, field and remedy.
    pub fn parse(text: &str, source_name: &str) -> Result<Self, FileError> {
        Self::parse_in(text, source_name, None)
    }

    fn parse_in(text: &str, source_name: &str, folder: Option<&Path>) -> Result<Self, FileError> {
        let (layout, nodes, origin) = parse::parse(text, source_name, folder)?;
        check(&nodes).map_err(|fault| origin.locate(fault))?;
        Ok(Self { layout, nodes, origin })
    }

    /// As [`parse`](Self::parse), for bytes that need not be UTF-8.
    ///
    /// # Errors
    /// [`FileError`] that names line, field and remedy.
    pub fn parse_bytes(bytes: &[u8], source_name: &str) -> Result<Self, FileError> {
        Self::parse_bytes_in(bytes, source_name, None)
    }

    /// As [`parse_bytes`](Self::parse_bytes), for the content of a file of that folder: a relative
    /// `key_file` starts there.
    ///
    /// # Errors
    /// [`FileError`] that names line, field and remedy.
    pub fn parse_bytes_in(
        bytes: &[u8],
        source_name: &str,
        folder: Option<&Path>,
    ) -> Result<Self, FileError> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(FileError::whole("too-large", source_name, &too_large()));
        }
        let text = str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            let found = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let message = format!("not UTF-8: byte 0x{found:02x}; save the file as UTF-8 text");
            FileError::new("syntax", Some(source_name.to_owned()), Some(line), None, message)
        })?;
        Self::parse_in(text, source_name, folder)
    }

    /// The cluster that the file at `path` describes.
    ///
    /// # Errors
    /// [`FileError`] if it cannot be read, is larger than [`FILE_BYTES_MAX`], or is not a cluster
    /// file.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let source_name = path.display().to_string();
        let fail = |message: &str| FileError::whole("unreadable", &source_name, message);
        let cannot = |error| fail(&format!("cannot be read: {error}"));
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(fail("is a directory; give the path of a cluster file"));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
        Self::parse_bytes_in(&bytes, &source_name, path.parent())
    }

    /// The same nodes in another layout; the options that are set carry over.
    ///
    /// # Errors
    /// [`FileError`] if there is no such layout, or it lacks an option that this file sets.
    pub fn with_layout(&self, name: &str) -> Result<Self, FileError> {
        let none = Origin::default();
        let mut layout = parse::layout_of(name).map_err(|fault| none.locate(fault))?;
        for (option, value) in self.layout.options() {
            layout = parse::set_option(layout, option, value)
                .map_err(|fault| self.origin.file().locate(fault))?;
        }
        Ok(Self { layout, ..self.clone() })
    }

    /// The layout, options included.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The nodes in the order of the file, which is that of the table's indices; never empty.
    #[must_use]
    pub fn nodes(&self) -> &[NodeEntry] {
        &self.nodes
    }

    /// The table of this layout and these nodes.
    ///
    /// # Complexity
    /// That of [`Table::new`].
    ///
    /// # Errors
    /// [`FileError`] if the layout refuses the nodes: too many points.
    pub fn table(&self) -> Result<Table, FileError> {
        let nodes: Vec<Node<'_>> = self.nodes.iter().map(NodeEntry::view).collect();
        Table::new(&self.layout, &nodes).map_err(|error| self.origin.locate(self.fault_of(error)))
    }

    /// The file in its canonical form: parsing it gives an equal value, and equal values give
    /// the same bytes.
    ///
    /// Defaults are left out, but for the layout and the weights. A secret is written out, also one
    /// that was in a file of its own: whoever shows the text takes
    /// [`to_shown_toml`](Self::to_shown_toml).
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.written(true)
    }

    /// As [`to_toml`](Self::to_toml), but with a comment in the place of a secret.
    #[must_use]
    pub fn to_shown_toml(&self) -> String {
        self.written(false)
    }

    fn written(&self, with_secret: bool) -> String {
        let mut out = format!("layout = {}\n", toml_text(self.layout.name()));
        for (place, (name, value)) in self.layout.options().enumerate() {
            if place == 0 {
                out.push_str("\n[options]\n");
            }
            // Writing to a `String` cannot fail.
            let _ = match value {
                _ if name == "key" && !with_secret => writeln!(out, "# key is set, but not shown"),
                OptionValue::Integer(number) => writeln!(out, "{name} = {number}"),
                OptionValue::Boolean(truth) => writeln!(out, "{name} = {truth}"),
                OptionValue::Text(text) => writeln!(out, "{name} = {}", toml_text(text)),
                OptionValue::List(numbers) => writeln!(out, "{name} = {numbers:?}"),
                other => unreachable!("an option has one of the types above: {other:?}"),
            };
        }
        for node in &self.nodes {
            let name = toml_text(&node.name);
            let _ = write!(out, "\n[[node]]\nname = {name}\nweight = {}\n", node.weight_text());
            let deployed = &node.deployed;
            let texts = [
                ("zone", &node.zone),
                ("address", &node.address),
                ("control", &node.control),
                ("hash_text", &deployed.hash_text),
                ("guid", &deployed.guid),
            ];
            for (field, text) in texts {
                if let Some(text) = text {
                    let _ = writeln!(out, "{field} = {}", toml_text(text));
                }
            }
            for (field, number) in [("id", deployed.id), ("vnodes", deployed.vnodes)] {
                if let Some(number) = number {
                    let _ = writeln!(out, "{field} = {number}");
                }
            }
            if let Some(tokens) = &deployed.tokens {
                let _ = writeln!(out, "tokens = {tokens:?}");
            }
            if node.state != State::Up {
                let _ = writeln!(out, "state = {}", toml_text(node.state.name()));
            }
        }
        out
    }

    fn fault_of(&self, error: BuildError) -> Fault {
        let name = error.name();
        match error {
            BuildError::TooManyPoints { .. } => {
                let weight = |entry: &NodeEntry| entry.view().effective_weight();
                let heaviest = self.nodes.iter().enumerate().rev().max_by_key(|(_, n)| weight(n));
                let index = heaviest.map_or(0, |(index, _)| index);
                Fault::node(name, index, "weight", format!("{error} (this node is the heaviest)"))
            }
            BuildError::MissingOption { name: "key" } => {
                Fault::new(name, Place::Absent("options.key"), error)
            }
            BuildError::MissingOption { name: "hash" } => {
                Fault::new(name, Place::Absent("options.hash"), error)
            }
            BuildError::WeightUnsupported { index, .. }
            | BuildError::FractionUnsupported { index }
            | BuildError::WeightTooLarge { index, .. } => {
                Fault::node(name, index, "weight", format!("{error} ({})", self.layout.name()))
            }
            BuildError::DrainUnsupported { index } | BuildError::StateUnsupported { index, .. } => {
                Fault::node(name, index, "state", format!("{error} ({})", self.layout.name()))
            }
            BuildError::FieldUnsupported { index, field }
            | BuildError::BadField { index, field, .. } => {
                Fault::node(name, index, field, format!("{error} ({})", self.layout.name()))
            }
            BuildError::NameNotText { index } => Fault::node(name, index, "name", error),
            BuildError::BadText { index, field, .. } => Fault::node(name, index, field, error),
            BuildError::DuplicateName { second, .. } => Fault::node(name, second, "name", error),
            BuildError::BadOption { .. } if self.layout.removed().is_some() => {
                let message = format!("{error}; there are {} nodes", self.nodes.len());
                Fault::new(name, Place::Removed, message)
            }
            other => Fault::new(name, Place::Whole, other),
        }
    }
}

impl PartialEq for ClusterFile {
    fn eq(&self, other: &Self) -> bool {
        self.layout == other.layout && self.nodes == other.nodes
    }
}

impl Eq for ClusterFile {}

impl NodeEntry {
    /// A node of weight 1, up, without zone and addresses.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            weight: 1,
            zone: None,
            address: None,
            control: None,
            state: State::Up,
            deployed: DeployedFields::default(),
        }
    }

    /// The weight as it is written, decimals included.
    fn weight_text(&self) -> String {
        match self.deployed.weight_millionths {
            0 => self.weight.to_string(),
            rest => {
                let decimals = format!("{rest:06}");
                format!("{}.{}", self.weight, decimals.trim_end_matches('0'))
            }
        }
    }

    /// The node as a table takes it.
    #[must_use]
    pub fn view(&self) -> Node<'_> {
        let deployed = &self.deployed;
        let millionths = u64::from(self.weight) * MILLION + u64::from(deployed.weight_millionths);
        let mut node =
            Node::new(&self.name).with_weight_millionths(millionths).with_state(self.state);
        if let Some(zone) = &self.zone {
            node = node.with_zone(zone.as_bytes());
        }
        if let Some(address) = &self.address {
            node = node.with_address(address);
        }
        if let Some(text) = &deployed.hash_text {
            node = node.with_hash_text(text.as_bytes());
        }
        if let Some(id) = deployed.id {
            node = node.with_id(id);
        }
        if let Some(guid) = &deployed.guid {
            node = node.with_guid(guid.as_bytes());
        }
        if let Some(vnodes) = deployed.vnodes {
            node = node.with_vnodes(vnodes);
        }
        if let Some(tokens) = &deployed.tokens {
            node = node.with_tokens(tokens);
        }
        node
    }
}

/// What must hold for nodes wherever they come from, in the order of SPEC §9.7.
fn check(nodes: &[NodeEntry]) -> Result<(), Fault> {
    check_addresses(nodes)?;
    if nodes.is_empty() {
        let message = "no nodes; add at least one [[node]] with a name";
        return Err(Fault::new("no-nodes", Place::Absent("node"), message));
    }
    if nodes.len() > NODES_MAX {
        let message = format!("{} nodes, but a cluster has at most {NODES_MAX}", nodes.len());
        return Err(Fault::node("too-many-nodes", NODES_MAX, "", message));
    }
    for (index, node) in nodes.iter().enumerate() {
        check_text(index, "name", &node.name, ["name-empty", "name-too-long"])?;
        if let Some(zone) = &node.zone {
            check_text(index, "zone", zone, ["zone-empty", "zone-too-long"])?;
        }
        let deployed = &node.deployed;
        for (field, text) in [("hash_text", &deployed.hash_text), ("guid", &deployed.guid)] {
            if let Some(text) = text {
                check_text(index, field, text, ["text-empty", "text-too-long"])?;
            }
        }
    }
    let mut names: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        if let Some(first) = names.insert(&node.name, index) {
            let message = format!("{} is already the name of", quote(&node.name));
            let fault = Fault::node("duplicate-name", index, "name", message).twin(first, "name");
            return Err(fault.remedy("names are identities, so give each node its own"));
        }
    }
    Ok(())
}

fn check_addresses(nodes: &[NodeEntry]) -> Result<(), Fault> {
    let mut seen: HashMap<String, (usize, &'static str)> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for (field, text) in [("address", &node.address), ("control", &node.control)] {
            let Some(text) = text else { continue };
            let normal = normal_address(text)
                .map_err(|message| Fault::node("bad-address", index, field, message))?;
            if let Some((first, twin)) = seen.insert(normal, (index, field)) {
                let message = format!("{} is already", quote(text));
                let fault = Fault::node("duplicate-address", index, field, message);
                return Err(fault.twin(first, twin).remedy("each listener needs its own address"));
            }
        }
    }
    Ok(())
}

/// Checks a name or a zone. Names are printed in lines of `key<TAB>node`, so none may break one.
fn check_text(
    index: usize,
    field: &'static str,
    text: &str,
    [empty, too_long]: [&'static str; 2],
) -> Result<(), Fault> {
    if text.is_empty() {
        let message = format!("is empty; give it 1 to {TEXT_BYTES_MAX} bytes");
        return Err(Fault::node(empty, index, field, message));
    }
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("{} bytes; at most {TEXT_BYTES_MAX} are allowed", text.len());
        return Err(Fault::node(too_long, index, field, message));
    }
    let Some(byte) = text.bytes().find(u8::is_ascii_control) else { return Ok(()) };
    let message = format!(
        "{} has the control character 0x{byte:02x}; remove it, as names are printed in lines",
        quote(text)
    );
    Err(Fault::node("control-character", index, field, message))
}

fn too_large() -> String {
    format!("larger than {} MiB, which no cluster needs", FILE_BYTES_MAX >> 20)
}

/// A basic string of TOML; only what must be escaped is.
fn toml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
