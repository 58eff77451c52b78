//! Nodes with their places, each name once.

use std::collections::HashMap;

use ringway::State;
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

    /// There is a node, and, if there are backups, one that keeps the keys from them.
    pub(super) fn check_used(
        &self,
        head: &Place,
        whose: &str,
        has_backups: bool,
    ) -> Result<(), Fault> {
        if self.entries.is_empty() {
            return Err(head.fault(format!("{whose} has no server on the map")));
        }
        let is_used = |node: &NodeEntry| node.state == State::Up && node.weight > 0;
        if has_backups && !self.entries.iter().any(is_used) {
            let message = format!(
                "{whose} has no server in use but the backups, which are not on the map; import a \
                 copy with those in use alone, none of them a backup"
            );
            return Err(head.fault(message));
        }
        Ok(())
    }
}
