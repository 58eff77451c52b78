//! Changes of the tables that are built anew: which list and which layout they are built from.

use alloc::vec::Vec;

use super::Table;
use crate::{BuildError, Layout, Node, NodeIndex};

impl Table {
    /// The table with one node more: in the place of the last removed, else at the end.
    pub(super) fn rebuilt_with(&self, node: &Node<'_>) -> Result<Self, BuildError> {
        let mut nodes: Vec<Node<'_>> = self.nodes().collect();
        if let Layout::MementoV1 { removed, hash_tag } = &self.layout
            && let Some((place, removed)) = removed.split_last()
            && let Some(slot) = nodes.get_mut(place.as_usize())
        {
            *slot = *node;
            return Self::new(&Layout::MementoV1 { removed, hash_tag: *hash_tag }, &nodes);
        }
        nodes.push(*node);
        Self::new(&self.layout, &nodes)
    }

    /// The table without the node of that index, which keeps its place where that is an identity.
    pub(super) fn rebuilt_without(&self, index: NodeIndex) -> Result<Self, BuildError> {
        if let Layout::MementoV1 { removed, hash_tag } = &self.layout {
            if self.placed.is_removed(index) {
                return Err(BuildError::NoSuchNode);
            }
            let layout = Layout::MementoV1 { removed: removed.with(index), hash_tag: *hash_tag };
            return Self::new(&layout, &self.nodes().collect::<Vec<_>>());
        }
        let others = self.nodes().enumerate().filter(|(place, _)| *place != index.as_usize());
        Self::new(&self.layout, &others.map(|(_, node)| node).collect::<Vec<_>>())
    }
}
