//! Replicas over zones: one in each first, then the rest (SPEC §6).

use alloc::{boxed::Box, collections::BTreeMap};

use crate::{
    Node, NodeIndex,
    placement::{NodeSet, fill_distinct},
};

/// Which nodes share a zone.
#[derive(Clone, Debug)]
pub(super) struct Zones {
    /// For each node the first node of its zone, which stands for the zone; a node without zone
    /// is a zone of its own.
    zone_of: Box<[NodeIndex]>,
    /// How many zones have a node that may own something.
    count: usize,
}

impl Zones {
    /// The zones of `nodes`; `None` if no two of them share one, as then zones change nothing.
    pub(super) fn new<'a>(nodes: impl ExactSizeIterator<Item = Node<'a>> + Clone) -> Option<Self> {
        Self::of_owning(nodes, |_| true)
    }

    /// The zones of `nodes`, of which some own nothing whatever their weight.
    pub(super) fn of_owning<'a>(
        nodes: impl ExactSizeIterator<Item = Node<'a>> + Clone,
        may_own: impl Fn(NodeIndex) -> bool,
    ) -> Option<Self> {
        if nodes.clone().all(|node| node.zone().is_none()) {
            return None;
        }
        let mut first_of = BTreeMap::new();
        let indices = (0..=u16::MAX).map(NodeIndex::new);
        let zone_of: Box<[NodeIndex]> = nodes
            .clone()
            .zip(indices)
            .map(|(node, index)| match node.zone() {
                Some(zone) => *first_of.entry(zone).or_insert(index),
                None => index,
            })
            .collect();
        let mut zones = NodeSet::new();
        let owning = nodes.zip((0..=u16::MAX).map(NodeIndex::new)).zip(&zone_of);
        let owning =
            owning.filter(|((node, index), _)| node.effective_weight() > 0 && may_own(*index));
        let (mut owners, mut count) = (0, 0);
        for (_, &zone) in owning {
            owners += 1;
            count += usize::from(zones.insert(zone));
        }
        (count < owners).then_some(Self { zone_of, count })
    }

    /// Fills `out` from `walk`: pass 1 takes each node whose zone has not come yet, pass 2 the
    /// nodes that pass 1 left out, both in the walk's order.
    pub(super) fn fill(
        &self,
        walk: &(impl Iterator<Item = NodeIndex> + Clone),
        owner_count: usize,
        out: &mut [NodeIndex],
    ) -> usize {
        let wanted = owner_count.min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        let zone = |node: NodeIndex| self.zone_of.get(node.as_usize()).copied().unwrap_or(node);
        let (spread, _) = out.split_at_mut(self.count.min(wanted));
        let spread = fill_distinct(spread, 0, walk.clone(), zone);
        fill_distinct(out, spread, walk.clone(), |node| node)
    }
}
