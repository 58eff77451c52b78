//! A table as bytes, and its fingerprint (SPEC §20).
//!
//! The bytes are layout, options and nodes, never points: no snapshot can claim a map that its
//! layout does not give. What is read is written again and compared, so that there is one encoding
//! of a table, whatever the reader below would let pass.

use alloc::vec::Vec;
use core::fmt;

use super::Table;
use crate::{
    BuildError, Layout, Node, OptionValue, State, key_hash, layout::NODES_MAX, node::Fields,
};

const MAGIC: &[u8; 7] = b"ringway";
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
/// A name of no bytes: two lengths, a weight and a state.
const NODE_BYTES_MIN: usize = 9;

/// Why bytes are no snapshot of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They do not begin as a snapshot does.
    NotASnapshot,
    /// A later version of the form.
    UnknownVersion(u8),
    /// They were cut or changed.
    BadChecksum,
    /// The checksum is right, but the content is not written as the SPEC says.
    BadForm,
    /// The content makes no table.
    NoTable(BuildError),
}

impl SnapshotError {
    /// The machine name, for vectors and scripts: `bad-checksum` and so on.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotASnapshot => "not-a-snapshot",
            Self::UnknownVersion(_) => "unknown-version",
            Self::BadChecksum => "bad-checksum",
            Self::BadForm => "bad-form",
            Self::NoTable(error) => error.name(),
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str("the bytes are no snapshot of a table"),
            Self::UnknownVersion(version) => {
                write!(f, "the snapshot is of version {version}; this build reads {VERSION}")
            }
            Self::BadChecksum => f.write_str("the snapshot was cut or changed"),
            Self::BadForm => f.write_str("the snapshot is not written as the specification says"),
            Self::NoTable(error) => write!(f, "the snapshot makes no table: {error}"),
        }
    }
}

impl core::error::Error for SnapshotError {}

impl Table {
    /// 64 bits that two tables have in common if they answer alike: the XXH3 of layout, options
    /// and nodes in their order, names, weights, zones and states.
    ///
    /// Two programs that show the same fingerprint hold the same table, indices included. It is
    /// no protection against somebody who looks for two tables of one fingerprint.
    ///
    /// # Complexity
    /// O(bytes of names and zones); it allocates for [`to_bytes`](Self::to_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use ringway::{Layout, Node, Table};
    ///
    /// let table = Table::new(&Layout::ringway_v1(), &[Node::new("a"), Node::new("b")])?;
    /// let other = Table::new(&Layout::ringway_v1(), &[Node::new("b"), Node::new("a")])?;
    /// assert_ne!(table.fingerprint(), other.fingerprint());
    /// let same = other.without_node(b"b")?.with_node(&Node::new("b"))?;
    /// assert_eq!(table.fingerprint(), same.fingerprint());
    /// # Ok::<(), ringway::BuildError>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        checksum(&self.content())
    }

    /// The table as bytes: layout, options and nodes. Equal tables have equal bytes.
    ///
    /// # Complexity
    /// O(bytes of names and zones) time and memory.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self.content())
    }

    /// The table whose [`to_bytes`](Self::to_bytes) these are.
    ///
    /// # Complexity
    /// O(`bytes.len()`) time and memory until all is checked, then as [`new`](Self::new): a short
    /// snapshot may ask for up to 2^24 points.
    ///
    /// # Errors
    /// [`SnapshotError`]. Bytes from anywhere are safe to give.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotASnapshot)?;
        match rest.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(SnapshotError::UnknownVersion(version)),
            None => return Err(SnapshotError::BadChecksum),
        }
        let (content, sum) = bytes.split_last_chunk().ok_or(SnapshotError::BadChecksum)?;
        if checksum(content) != u64::from_le_bytes(*sum) {
            return Err(SnapshotError::BadChecksum);
        }
        let reader = Reader(content.get(MAGIC.len() + 1..).unwrap_or_default());
        let (layout, nodes) = reader.content()?;
        let nodes: Vec<_> = nodes.iter().map(ReadNode::view).collect();
        // One encoding of a table: no default written out, no other order, no byte behind.
        if encode(&layout, nodes.iter().copied()) != content {
            return Err(SnapshotError::BadForm);
        }
        let table = Self::new(&layout, &nodes).map_err(SnapshotError::NoTable)?;
        // A field that the layout does not read would be lost without a word.
        if layout.is_compat() && table.content() != content {
            return Err(SnapshotError::BadForm);
        }
        Ok(table)
    }

    fn content(&self) -> Vec<u8> {
        encode(&self.layout, self.nodes.iter())
    }
}

fn checksum(content: &[u8]) -> u64 {
    key_hash(content)
}

fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&content).to_le_bytes();
    content.extend_from_slice(&sum);
    content
}

/// Everything but the checksum.
fn encode<'a>(layout: &Layout, nodes: impl ExactSizeIterator<Item = Node<'a>> + Clone) -> Vec<u8> {
    let node_bytes =
        |node: Node<'_>| NODE_BYTES_MIN + node.name().len() + node.zone().map_or(0, <[u8]>::len);
    let len = 128 + nodes.clone().map(node_bytes).sum::<usize>() + CHECKSUM_BYTES;
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    put_text(&mut bytes, layout.name().as_bytes());
    put_u16(&mut bytes, layout.options().count());
    for (name, value) in layout.options() {
        put_text(&mut bytes, name.as_bytes());
        match value {
            OptionValue::Integer(number) => {
                bytes.push(0);
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            OptionValue::Text(text) => {
                bytes.push(1);
                put_text(&mut bytes, text.as_bytes());
            }
            OptionValue::Boolean(truth) => bytes.extend_from_slice(&[2, u8::from(truth)]),
            OptionValue::List(numbers) => {
                bytes.push(3);
                let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&count.to_le_bytes());
                numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
            }
        }
    }
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&count.to_le_bytes());
    for node in nodes {
        put_text(&mut bytes, node.name());
        put_text(&mut bytes, node.zone().unwrap_or_default());
        bytes.extend_from_slice(&node.weight().to_le_bytes());
        let state = match node.state() {
            State::Up => 0,
            State::Down => 1,
            State::Drain => 2,
        };
        if *node.fields() == Fields::default() {
            bytes.push(state);
        } else {
            bytes.push(state | HAS_FIELDS);
            put_fields(&mut bytes, node.fields());
        }
    }
    bytes
}

/// In the byte of a node's state: its fields follow.
const HAS_FIELDS: u8 = 0x80;

/// A bit for each field that is there, then these.
fn put_fields(bytes: &mut Vec<u8>, fields: &Fields<'_>) {
    let present = [
        fields.millionths != 0,
        fields.address.is_some(),
        fields.hash_text.is_some(),
        fields.id.is_some(),
        fields.guid.is_some(),
        fields.vnodes.is_some(),
        fields.tokens.is_some(),
    ];
    bytes.push(present.iter().rev().fold(0, |bits, &present| bits << 1 | u8::from(present)));
    if fields.millionths != 0 {
        bytes.extend_from_slice(&fields.millionths.to_le_bytes());
    }
    for text in [fields.address.map(str::as_bytes), fields.hash_text].into_iter().flatten() {
        put_text(bytes, text);
    }
    if let Some(id) = fields.id {
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    if let Some(guid) = fields.guid {
        put_text(bytes, guid);
    }
    if let Some(vnodes) = fields.vnodes {
        bytes.extend_from_slice(&vnodes.to_le_bytes());
    }
    if let Some(tokens) = fields.tokens {
        let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        for token in tokens {
            bytes.extend_from_slice(&token.to_le_bytes());
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_u16(bytes, text.len());
    bytes.extend_from_slice(text);
}

/// Texts have at most 1,024 bytes and layouts few options; what were more would not be read back.
fn put_u16(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes());
}

/// A node that was read, its tokens in memory of their own.
struct ReadNode<'a> {
    node: Node<'a>,
    tokens: Option<Vec<i64>>,
}

impl ReadNode<'_> {
    fn view(&self) -> Node<'_> {
        match &self.tokens {
            Some(tokens) => self.node.with_tokens(tokens),
            None => self.node,
        }
    }
}

/// What is still to be read. Every length is checked against it before anything is allocated.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn content(mut self) -> Result<(Layout, Vec<ReadNode<'a>>), SnapshotError> {
        let name = self.utf8()?;
        let mut layout = Layout::from_name(name).map_err(SnapshotError::NoTable)?;
        for _ in 0..self.u16()? {
            let name = self.utf8()?;
            let numbers;
            let value = match self.byte()? {
                0 => OptionValue::Integer(i64::from_le_bytes(self.array()?)),
                1 => OptionValue::Text(self.utf8()?),
                2 => OptionValue::Boolean(match self.byte()? {
                    0 => false,
                    1 => true,
                    _ => return Err(SnapshotError::BadForm),
                }),
                3 => {
                    numbers = self.numbers()?;
                    OptionValue::List(&numbers)
                }
                _ => return Err(SnapshotError::BadForm),
            };
            layout = layout.with_option(name, value).map_err(SnapshotError::NoTable)?;
        }
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > NODES_MAX {
            return Err(SnapshotError::NoTable(BuildError::TooManyNodes { count }));
        }
        if count > self.0.len() / NODE_BYTES_MIN {
            return Err(SnapshotError::BadForm);
        }
        let nodes = (0..count).map(|_| self.node()).collect::<Result<Vec<_>, _>>()?;
        if self.0.is_empty() { Ok((layout, nodes)) } else { Err(SnapshotError::BadForm) }
    }

    fn node(&mut self) -> Result<ReadNode<'a>, SnapshotError> {
        let (name, zone) = (self.text()?, self.text()?);
        let weight = u32::from_le_bytes(self.array()?);
        let byte = self.byte()?;
        let state = match byte & !HAS_FIELDS {
            0 => State::Up,
            1 => State::Down,
            2 => State::Drain,
            _ => return Err(SnapshotError::BadForm),
        };
        let node = Node::from_bytes(name).with_weight(weight).with_state(state);
        let node = if zone.is_empty() { node } else { node.with_zone(zone) };
        if byte & HAS_FIELDS == 0 {
            return Ok(ReadNode { node, tokens: None });
        }
        let bits = self.byte()?;
        let has = |bit: u8| bits >> bit & 1 == 1;
        let mut fields = Fields::default();
        if has(0) {
            fields.millionths = u32::from_le_bytes(self.array()?);
            if fields.millionths >= 1_000_000 {
                return Err(SnapshotError::BadForm);
            }
        }
        fields.address = has(1).then(|| self.utf8()).transpose()?;
        fields.hash_text = has(2).then(|| self.text()).transpose()?;
        fields.id = has(3).then(|| self.array().map(u32::from_le_bytes)).transpose()?;
        fields.guid = has(4).then(|| self.text()).transpose()?;
        fields.vnodes = has(5).then(|| self.array().map(u32::from_le_bytes)).transpose()?;
        let tokens = has(6).then(|| self.tokens()).transpose()?;
        Ok(ReadNode { node: node.with_fields(fields), tokens })
    }

    fn tokens(&mut self) -> Result<Vec<i64>, SnapshotError> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > self.0.len() / 8 {
            return Err(SnapshotError::BadForm);
        }
        (0..count).map(|_| self.array().map(i64::from_le_bytes)).collect()
    }

    fn utf8(&mut self) -> Result<&'a str, SnapshotError> {
        core::str::from_utf8(self.text()?).map_err(|_| SnapshotError::BadForm)
    }

    fn text(&mut self) -> Result<&'a [u8], SnapshotError> {
        let len = self.u16()?;
        let (text, rest) = self.0.split_at_checked(len.into()).ok_or(SnapshotError::BadForm)?;
        self.0 = rest;
        Ok(text)
    }

    /// Their count, then each; there are no more of them than the bytes hold.
    fn numbers(&mut self) -> Result<Vec<u32>, SnapshotError> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > self.0.len() / 4 {
            return Err(SnapshotError::BadForm);
        }
        (0..count).map(|_| Ok(u32::from_le_bytes(self.array()?))).collect()
    }

    fn u16(&mut self) -> Result<u16, SnapshotError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn byte(&mut self) -> Result<u8, SnapshotError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SnapshotError::BadForm)?;
        self.0 = rest;
        Ok(*array)
    }
}
