//! Replicas over zones: one in each first, then the rest (SPEC §6).

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec};

use crate::{BuildError, Node, NodeIndex, check, memory::at_least, placement::fill_distinct, sort};

/// Which nodes share a zone. `S` is where that is noted, two bytes a node.
///
/// For [`Placement::owners_in_zones`](crate::Placement::owners_in_zones); a `Table` has its own.
///
/// # Examples
///
/// ```
/// use ringway::{Node, NodeIndex, Placement, Point, RingBuilder, Zones};
///
/// let nodes = [
///     Node::new("db1").with_zone(b"east"),
///     Node::new("db2").with_zone(b"east"),
///     Node::new("db3").with_zone(b"west"),
/// ];
/// let ring = RingBuilder::new().build_in(&nodes, [Point::EMPTY; 480])?;
/// let zones = Zones::build_in(&nodes, [NodeIndex::new(0); 3], &mut [NodeIndex::new(0); 3])?;
/// let mut owners = [NodeIndex::new(0); 2];
/// assert_eq!(ring.owners_in_zones(b"user:42", &zones, &mut owners), 2);
/// let zone = |owner: NodeIndex| nodes[owner.as_usize()].zone();
/// assert_ne!(zone(owners[0]), zone(owners[1]));
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Zones<S> {
    /// Starts with, for each node, the first node of its zone, which stands for the zone; a node
    /// without zone is a zone of its own.
    storage: S,
    /// How many zones have a node that may own something.
    count: usize,
}

impl<S: AsRef<[NodeIndex]> + AsMut<[NodeIndex]>> Zones<S> {
    /// The zones of `nodes` in the caller's memory; nothing is allocated.
    ///
    /// `storage` and `scratch` must have an element for each node; `scratch` is free again
    /// afterwards.
    ///
    /// # Complexity
    /// O(nodes · log nodes) time.
    ///
    /// # Errors
    /// [`BuildError::StorageTooSmall`] for the first of `storage` and `scratch` that has too few
    /// elements; [`BuildError::TooManyNodes`] above 65,536.
    pub fn build_in(
        nodes: &[Node<'_>],
        storage: S,
        scratch: &mut [NodeIndex],
    ) -> Result<Self, BuildError> {
        check::count(nodes)?;
        Self::of(nodes.len(), |index| nodes.get(index).copied(), storage, scratch)
    }

    /// The zones of so many nodes.
    fn of<'n>(
        node_count: usize,
        node: impl Fn(usize) -> Option<Node<'n>>,
        mut storage: S,
        scratch: &mut [NodeIndex],
    ) -> Result<Self, BuildError> {
        let zone_of = at_least(node_count, storage.as_mut())?;
        let by_zone = at_least(node_count, scratch)?;
        for (slot, index) in by_zone.iter_mut().zip(0..=u16::MAX) {
            *slot = NodeIndex::new(index);
        }
        let node = |index: NodeIndex| node(index.as_usize());
        let zone = |index: NodeIndex| node(index).and_then(|node| node.zone());
        sort::by(by_zone, |&a, &b| (zone(a), a).cmp(&(zone(b), b)));
        let mut count = 0;
        let (mut first, mut is_counted) = (None, false);
        for &index in &*by_zone {
            let first = match first {
                Some(first) if zone(first).is_some() && zone(first) == zone(index) => first,
                _ => {
                    is_counted = false;
                    *first.insert(index)
                }
            };
            if !is_counted && node(index).is_some_and(|node| node.effective_weight() > 0) {
                is_counted = true;
                count += 1;
            }
            if let Some(slot) = zone_of.get_mut(index.as_usize()) {
                *slot = first;
            }
        }
        Ok(Self { storage, count })
    }
}

#[cfg(feature = "alloc")]
impl Zones<Box<[NodeIndex]>> {
    /// The zones of the nodes; `None` if no two that may own share one, as then zones change nothing.
    /// Some own nothing whatever their weight.
    pub(crate) fn new<'n>(
        node_count: usize,
        node: impl Fn(usize) -> Option<Node<'n>>,
        may_own: impl Fn(NodeIndex) -> bool,
    ) -> Option<Self> {
        let node = |index| {
            let its = NodeIndex::from_number(u32::try_from(index).ok()?);
            node(index).map(|node| if may_own(its) { node } else { node.with_weight(0) })
        };
        let nodes = || (0..node_count).filter_map(node);
        if nodes().all(|node| node.zone().is_none()) {
            return None;
        }
        let memory = vec![NodeIndex::new(0); node_count];
        let mut scratch = memory.clone();
        let zones = Self::of(node_count, node, memory.into_boxed_slice(), &mut scratch).ok()?;
        let owners = nodes().filter(|node| node.effective_weight() > 0).count();
        (zones.count < owners).then_some(zones)
    }
}

impl<S: AsRef<[NodeIndex]>> Zones<S> {
    /// Fills `out` from `walk`: pass 1 takes each node whose zone has not come yet, pass 2 the
    /// nodes that pass 1 left out, both in the walk's order.
    pub(crate) fn fill<W: Iterator<Item = NodeIndex>>(
        &self,
        walk: impl Fn() -> W,
        owner_count: usize,
        out: &mut [NodeIndex],
    ) -> usize {
        let wanted = owner_count.min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        let zone_of = self.storage.as_ref();
        let zone = |node: NodeIndex| zone_of.get(node.as_usize()).copied().unwrap_or(node);
        let (spread, _) = out.split_at_mut(self.count.min(wanted));
        let spread = fill_distinct(spread, 0, walk(), zone);
        fill_distinct(out, spread, walk(), |node| node)
    }
}
