//! The nodes of a table, in three pieces of memory however many there are.

use alloc::{boxed::Box, vec::Vec};
use core::cmp::Ordering;

use crate::{BuildError, Layout, Node, NodeIndex, State, check, node::Fields};

/// Nodes in order, each of whose names is there once.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    nodes: Box<[Entry]>,
    /// The names and zones, end to end in the order of the nodes.
    texts: Box<[u8]>,
    /// The nodes' indices in order of name.
    by_name: Box<[NodeIndex]>,
    /// The sum of what nodes weigh that may own keys: 65,536 numbers of 32 bits at most.
    weights: u64,
    /// What each of them weighs if all weigh the same, else 0.
    common_weight: u32,
    /// What else the layout reads of each node; empty if there is nothing of any.
    fields: Box<[OwnFields]>,
}

/// [`Fields`] that are owned.
#[derive(Clone, Debug, Default)]
struct OwnFields {
    millionths: u32,
    address: Option<Box<str>>,
    hash_text: Option<Box<[u8]>>,
    id: Option<u32>,
    guid: Option<Box<[u8]>>,
    vnodes: Option<u32>,
    tokens: Option<Box<[i64]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Where the name starts among the texts; the zone follows it.
    start: u32,
    /// Below 2^16, as are the zones: at most 1,024.
    name_len: u16,
    /// 0 is no zone.
    zone_len: u16,
    weight: u32,
    state: State,
}

impl Nodes {
    /// The nodes, checked in the order of the SPEC. Of their fields those stay that the layout reads.
    pub(super) fn new(nodes: &[Node<'_>], layout: &Layout) -> Result<Self, BuildError> {
        check::texts(nodes)?;
        let mut by_name: Box<[NodeIndex]> = indices().take(nodes.len()).collect();
        check::names(nodes, &mut by_name, NodeIndex::as_usize)?;
        let text_len = |node: &Node<'_>| node.name().len() + node.zone().map_or(0, <[u8]>::len);
        let mut texts = Vec::with_capacity(nodes.iter().map(text_len).sum());
        let entries = nodes.iter().map(|node| Entry::new(node, &mut texts)).collect();
        check::fields(layout, nodes)?;
        let fields = || nodes.iter().map(|node| layout.read_fields(node));
        let mut made = Self::of_entries(entries, texts.into_boxed_slice(), by_name);
        if fields().any(|fields| fields != Fields::default()) {
            made.fields = fields().map(|fields| OwnFields::new(&fields)).collect();
        }
        Ok(made)
    }

    fn of_entries(nodes: Box<[Entry]>, texts: Box<[u8]>, by_name: Box<[NodeIndex]>) -> Self {
        let fields = Box::default();
        let mut made = Self { nodes, texts, by_name, weights: 0, common_weight: 0, fields };
        made.weigh();
        made
    }

    /// Sums up the weights of the nodes that may own keys.
    fn weigh(&mut self) {
        let mut weights =
            self.nodes.iter().map(Entry::effective_weight).filter(|&weight| weight > 0);
        let first = weights.next().unwrap_or(0);
        (self.weights, self.common_weight) = (first.into(), first);
        for weight in weights {
            self.weights += u64::from(weight);
            if weight != first {
                self.common_weight = 0;
            }
        }
    }

    /// The sum of the weights of all nodes that may own keys.
    pub(super) const fn weights(&self) -> u64 {
        self.weights
    }

    /// The weight of a node that may own keys.
    #[inline]
    pub(super) fn weight(&self, index: NodeIndex) -> u32 {
        if self.common_weight > 0 {
            return self.common_weight;
        }
        self.nodes.get(index.as_usize()).map_or(0, |entry| entry.weight)
    }

    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<Node<'_>> {
        let node = self.nodes.get(index)?.view(&self.texts);
        Some(self.fields.get(index).map_or(node, |fields| node.with_fields(fields.view())))
    }

    pub(super) fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = Node<'_>> + DoubleEndedIterator + Clone {
        (0..self.len()).map(|index| self.get(index).expect("below the number of nodes"))
    }

    pub(super) fn index_of(&self, name: &[u8]) -> Option<NodeIndex> {
        let place = self.place_of(name).ok()?;
        self.by_name.get(place).copied()
    }

    /// Where the name is among the names in order, or would be.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name.binary_search_by(|&index| self.name(index).cmp(name))
    }

    /// How the node's name is ordered beside another.
    pub(super) fn compare_name(&self, index: NodeIndex, name: &[u8]) -> Ordering {
        self.name(index).cmp(name)
    }

    fn name(&self, index: NodeIndex) -> &[u8] {
        self.get(index.as_usize()).map_or(&[], |node| node.name())
    }

    /// The same with one node more at the end, whose name none of them has. For layouts that read
    /// no more of a node than its entry.
    pub(super) fn with(&self, node: &Node<'_>) -> Self {
        let mut texts = Vec::with_capacity(self.texts.len() + 2 * 1_024);
        texts.extend_from_slice(&self.texts);
        let entry = Entry::new(node, &mut texts);
        let nodes = self.nodes.iter().copied().chain([entry]).collect();
        let (before, after) =
            self.by_name.split_at(self.place_of(node.name()).unwrap_or_else(|at| at));
        let new = indices().nth(self.len());
        let by_name = before.iter().copied().chain(new).chain(after.iter().copied()).collect();
        Self::of_entries(nodes, texts.into_boxed_slice(), by_name)
    }

    /// The same without the node of that index; each later one has an index less.
    pub(super) fn without(&self, removed: NodeIndex) -> Self {
        let (before, rest) = self.nodes.split_at(removed.as_usize());
        let Some((entry, after)) = rest.split_first() else { return self.clone() };
        let (start, len) = (entry.start as usize, entry.len());
        let shifted = after.iter().map(|later| Entry { start: later.start - len, ..*later });
        let nodes = before.iter().copied().chain(shifted).collect();
        let texts = [
            self.texts.get(..start).unwrap_or_default(),
            self.texts.get(start + len as usize..).unwrap_or_default(),
        ];
        let left = self.by_name.iter().filter(|&&index| index != removed);
        let by_name = left.map(|&index| index.without(removed)).collect();
        Self::of_entries(nodes, texts.concat().into_boxed_slice(), by_name)
    }

    /// The same where the node of that index has another weight and state.
    pub(super) fn with_changed(&self, index: NodeIndex, weight: u32, state: State) -> Self {
        let mut changed = self.clone();
        if let Some(entry) = changed.nodes.get_mut(index.as_usize()) {
            *entry = Entry { weight, state, ..*entry };
        }
        changed.weigh();
        changed
    }
}

impl Entry {
    /// The entry of a node whose texts are good; they are put behind `texts`.
    fn new(node: &Node<'_>, texts: &mut Vec<u8>) -> Self {
        let start = u32::try_from(texts.len()).expect("65,536 nodes have less than 2^28 bytes");
        let len = |text: &[u8]| u16::try_from(text.len()).expect("at most 1,024 bytes, checked");
        let zone = node.zone().unwrap_or_default();
        texts.extend_from_slice(node.name());
        texts.extend_from_slice(zone);
        let (name_len, zone_len) = (len(node.name()), len(zone));
        Self { start, name_len, zone_len, weight: node.weight(), state: node.state() }
    }

    #[inline]
    fn effective_weight(&self) -> u32 {
        if self.state == State::Drain { 0 } else { self.weight }
    }

    /// How many bytes the texts have.
    fn len(&self) -> u32 {
        u32::from(self.name_len) + u32::from(self.zone_len)
    }

    #[inline]
    fn view<'a>(&self, texts: &'a [u8]) -> Node<'a> {
        let texts = texts.get(self.start as usize..).unwrap_or_default();
        let (name, rest) = texts.split_at_checked(self.name_len.into()).unwrap_or_default();
        let node = Node::from_bytes(name).with_weight(self.weight).with_state(self.state);
        match rest.get(..self.zone_len.into()) {
            Some(zone) if !zone.is_empty() => node.with_zone(zone),
            _ => node,
        }
    }
}

impl OwnFields {
    fn new(fields: &Fields<'_>) -> Self {
        Self {
            millionths: fields.millionths,
            address: fields.address.map(Into::into),
            hash_text: fields.hash_text.map(Into::into),
            id: fields.id,
            guid: fields.guid.map(Into::into),
            vnodes: fields.vnodes,
            tokens: fields.tokens.map(Into::into),
        }
    }

    fn view(&self) -> Fields<'_> {
        Fields {
            millionths: self.millionths,
            address: self.address.as_deref(),
            hash_text: self.hash_text.as_deref(),
            id: self.id,
            guid: self.guid.as_deref(),
            vnodes: self.vnodes,
            tokens: self.tokens.as_deref(),
        }
    }
}

/// All indices that there can be, from 0.
pub(super) fn indices() -> impl Iterator<Item = NodeIndex> {
    (0..=u16::MAX).map(NodeIndex::new)
}
