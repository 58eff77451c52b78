//! Nodes with their places, each name once.

use std::collections::HashMap;

use ringway_cluster::NodeEntry;

use super::place::{Fault, Place, quote};

/// The nodes of a configuration, in its order.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) entries: Vec<NodeEntry>,
    /// Where each stands.
    pub(super) places: Vec<Place>,
    indices: HashMap<String, usize>,
}

impl Nodes {
    /// Adds a node, which `kind` is the program's word for; a name that is there already is a
    /// fault with this remedy.
    pub(super) fn push(
        &mut self,
        node: NodeEntry,
        place: Place,
        kind: &str,
        remedy: &str,
    ) -> Result<(), Fault> {
        if let Some(first) = self.indices.insert(node.name.clone(), self.entries.len()) {
            let (name, first) = (quote(&node.name), &self.places[first]);
            let message = format!("{kind} {name} again; the first is at {first}; {remedy}");
            return Err(place.fault(message));
        }
        self.entries.push(node);
        self.places.push(place);
        Ok(())
    }
}
