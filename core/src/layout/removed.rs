//! The option `removed` of `memento-v1`.

use alloc::vec::Vec;

use crate::{BuildError, NodeIndex, OptionValue, layout::NODES_MAX, placement::NodeSet};

/// Places of nodes in a list, in the order in which the nodes were removed (SPEC §17).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed(Vec<u32>);

impl Removed {
    const EXPECTED: &'static str = "a list of places in the list of nodes, from 0, none twice";

    /// No node.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The nodes of these places.
    ///
    /// # Complexity
    /// O(`places.len()`), and 8 KiB of stack.
    ///
    /// # Errors
    /// [`BuildError::BadOption`] if one is above 65,535 or is there twice. Whether there are so many
    /// nodes is checked when a table is built.
    pub fn new(places: &[u32]) -> Result<Self, BuildError> {
        let mut seen = NodeSet::new();
        let is_new =
            |&place: &u32| u16::try_from(place).is_ok_and(|at| seen.insert(NodeIndex::new(at)));
        // At most as many are new as there can be nodes, so no list is gone through for long.
        if places.len() > NODES_MAX || !places.iter().all(is_new) {
            return Err(BuildError::BadOption { expected: Self::EXPECTED });
        }
        Ok(Self(places.to_vec()))
    }

    pub(super) fn from_option(value: OptionValue<'_>) -> Result<Self, BuildError> {
        match value {
            OptionValue::List(places) => Self::new(places),
            _ => Err(BuildError::BadOption { expected: Self::EXPECTED }),
        }
    }

    /// The places, the first removed first.
    #[must_use]
    pub fn places(&self) -> &[u32] {
        &self.0
    }

    /// The same nodes as indices.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.0.iter().map(|&place| NodeIndex::from_number(place))
    }

    /// That all are places of a list of so many nodes.
    pub(crate) fn check(&self, node_count: usize) -> Result<(), BuildError> {
        if self.nodes().all(|node| node.as_usize() < node_count) {
            Ok(())
        } else {
            Err(BuildError::BadOption { expected: Self::EXPECTED })
        }
    }

    /// The same with one node more, that was not removed.
    pub(crate) fn with(&self, node: NodeIndex) -> Self {
        let mut places = self.0.clone();
        places.push(node.get());
        Self(places)
    }

    /// The node that was removed last, and the same without it.
    pub(crate) fn split_last(&self) -> Option<(NodeIndex, Self)> {
        let (&last, before) = self.0.split_last()?;
        Some((NodeIndex::from_number(last), Self(before.to_vec())))
    }
}
