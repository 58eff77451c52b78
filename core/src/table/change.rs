//! A table with one node more, less or changed, for a fraction of what building it costs.

use alloc::{boxed::Box, vec::Vec};
use core::{ops::Range, slice};

use super::Table;
use crate::{
    BuildError, Layout, Node, NodeIndex, Placement as _, Point, Ring, State, Zones, check,
    key_hash, layout::NODES_MAX, ring::each_position,
};

impl Table {
    /// The table with one node more, at the end of the list.
    ///
    /// It is the table that [`new`](Self::new) gives for the longer list, to the last bit. A ring
    /// is changed in one pass over its memory: from 100 nodes on 10 times cheaper than it is built
    /// or better, and 3 times at the few sizes where its search guide takes a step
    /// (`benches/change.rs`). Other layouts are built anew.
    ///
    /// In `memento-v1` the node takes the place of the one that was removed last, which then leaves
    /// the list; only if none is removed it goes to the end. Either moves the least.
    ///
    /// # Complexity
    /// O(points), with a small constant.
    ///
    /// # Errors
    /// [`BuildError`] as SPEC §8 orders the checks, for the list with that node.
    ///
    /// # Examples
    ///
    /// ```
    /// use ringway::{Layout, Node, Table};
    ///
    /// let table = Table::new(&Layout::ringway_v1(), &[Node::new("db1"), Node::new("db2")])?;
    /// let grown = table.with_node(&Node::new("db3"))?;
    /// let moved: u64 = table.moved(&grown)?.map(|range| range.hi - range.lo + 1).sum();
    /// assert!((0.25..0.42).contains(&(moved as f64 / 2f64.powi(32))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_node(&self, node: &Node<'_>) -> Result<Self, BuildError> {
        let Some(ring) = self.plain_ring() else { return self.rebuilt_with(node) };
        let second = self.len();
        if second >= NODES_MAX {
            return Err(BuildError::TooManyNodes { count: second + 1 });
        }
        check::node_texts(second, node)?;
        check::fields(&self.layout, slice::from_ref(node)).map_err(|error| error.at(second))?;
        if let Some(first) = self.index_of(node.name()) {
            return Err(BuildError::DuplicateName { first: first.as_usize(), second });
        }
        let points = self.change_of_points(ring, node, 0, node.effective_weight())?;
        let index = u16::try_from(second).map_or(NodeIndex::new(u16::MAX), NodeIndex::new);
        let ring = self.changed_ring(ring, node, index, points);
        Ok(self.with_nodes(self.nodes.with(node), ring))
    }

    /// The table without the node of that name. Those after it in the list have an index less.
    ///
    /// In `memento-v1` the node keeps its place in the list, and the place is added to the option
    /// `removed`: no index changes, and the node's keys alone move.
    ///
    /// # Complexity
    /// As for [`with_node`](Self::with_node).
    ///
    /// # Errors
    /// [`BuildError::NoSuchNode`], also for a node that is removed already.
    pub fn without_node(&self, name: &[u8]) -> Result<Self, BuildError> {
        let (index, node) = self.named(name)?;
        let Some(ring) = self.plain_ring() else { return self.rebuilt_without(index) };
        let positions = self.positions(&node, 0..self.point_count(node.effective_weight()));
        let owners = ring_owners(ring, node.effective_weight(), 0);
        let is_last = index.as_usize() + 1 == self.len();
        let ring = ring.without_points(index, &positions, owners, !is_last);
        Ok(self.with_nodes(self.nodes.without(index), ring))
    }

    /// The table where the node of that name has another weight.
    ///
    /// # Complexity
    /// As for [`with_node`](Self::with_node).
    ///
    /// # Errors
    /// [`BuildError::NoSuchNode`]; [`BuildError::TooManyPoints`].
    pub fn with_weight(&self, name: &[u8], weight: u32) -> Result<Self, BuildError> {
        let (index, node) = self.named(name)?;
        self.replaced(index, &node, node.with_weight(weight))
    }

    /// The table where the node of that name is in another state.
    ///
    /// # Complexity
    /// As for [`with_node`](Self::with_node).
    ///
    /// # Errors
    /// [`BuildError::NoSuchNode`]; [`BuildError::TooManyPoints`], if a node that drained comes
    /// back with more weight than there is room for.
    pub fn with_state(&self, name: &[u8], state: State) -> Result<Self, BuildError> {
        let (index, node) = self.named(name)?;
        self.replaced(index, &node, node.with_state(state))
    }

    fn named(&self, name: &[u8]) -> Result<(NodeIndex, Node<'_>), BuildError> {
        let index = self.index_of(name).ok_or(BuildError::NoSuchNode)?;
        Ok((index, self.node(index).ok_or(BuildError::NoSuchNode)?))
    }

    fn replaced(
        &self,
        index: NodeIndex,
        old: &Node<'_>,
        new: Node<'_>,
    ) -> Result<Self, BuildError> {
        let Some(ring) = self.plain_ring() else {
            let mut nodes: Vec<Node<'_>> = self.nodes().collect();
            if let Some(node) = nodes.get_mut(index.as_usize()) {
                *node = new;
            }
            return Self::new(&self.layout, &nodes);
        };
        let (from, to) = (old.effective_weight(), new.effective_weight());
        let change = self.change_of_points(ring, old, from, to)?;
        let ring = self.changed_ring(ring, old, index, change);
        let nodes = self.nodes.with_changed(index, new.weight(), new.state());
        Ok(self.with_nodes(nodes, ring))
    }

    fn with_nodes(&self, nodes: super::nodes::Nodes, ring: Ring<Box<[Point]>>) -> Self {
        let zones = Zones::new(nodes.len(), |index| nodes.get(index), |_| true);
        let placed = self.placed.with_ring(ring);
        Self { layout: self.layout.clone(), nodes, zones, placed }
    }

    /// What a change of a node's weight does to its points, if there may be so many.
    fn change_of_points(
        &self,
        ring: &Ring<Box<[Point]>>,
        node: &Node<'_>,
        from: u32,
        to: u32,
    ) -> Result<PointChange, BuildError> {
        let owner_count = ring_owners(ring, from, to);
        let vnodes = u64::from(vnodes(&self.layout));
        let others = ring.points().len() as u64 - vnodes * u64::from(from);
        check::points(others.saturating_add(vnodes * u64::from(to)))?;
        let (from, to) = (self.point_count(from), self.point_count(to));
        let is_more = from < to;
        let positions = self.positions(node, from.min(to)..from.max(to));
        Ok(PointChange { is_more, positions, owner_count })
    }

    fn changed_ring(
        &self,
        ring: &Ring<Box<[Point]>>,
        node: &Node<'_>,
        index: NodeIndex,
        change: PointChange,
    ) -> Ring<Box<[Point]>> {
        let PointChange { is_more, positions, owner_count } = change;
        if positions.is_empty() {
            return ring.clone();
        }
        if !is_more {
            return ring.without_points(index, &positions, owner_count, false);
        }
        let is_before = |other| self.nodes.compare_name(other, node.name()).is_lt();
        ring.with_points(index, &positions, owner_count, is_before)
    }

    /// How many points a weight has that was checked; one that was not may be cut.
    fn point_count(&self, weight: u32) -> u32 {
        vnodes(&self.layout).saturating_mul(weight)
    }

    /// Points of a node, sorted.
    pub(super) fn positions(&self, node: &Node<'_>, range: Range<u32>) -> Vec<u32> {
        let mut positions = Vec::with_capacity(range.len());
        each_position(node.name(), range, &key_hash, |position| positions.push(position));
        positions.sort_unstable();
        positions
    }
}

/// The points that a node gets or loses.
struct PointChange {
    is_more: bool,
    positions: Vec<u32>,
    /// How many nodes own something afterwards.
    owner_count: u32,
}

/// How many nodes own something once one of them has another weight.
fn ring_owners(ring: &Ring<Box<[Point]>>, from: u32, to: u32) -> u32 {
    let count = ring.owner_count() + usize::from(to > 0) - usize::from(from > 0);
    u32::try_from(count).expect("at most 65,536 nodes")
}

/// How many points a unit of weight has on a ring.
pub(super) const fn vnodes(layout: &Layout) -> u32 {
    match layout {
        Layout::RingwayV1 { vnodes, .. } => *vnodes,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            key_hash(&self.0.to_le_bytes()) % bound
        }
    }

    /// Names of which some share points (`spec/rules.py`), so that ties are met.
    fn names() -> Vec<String> {
        let shared = ["n0285", "n0571", "t2160597", "t3211636", "t4479943"];
        let edges = ["p14a43ba34", "p1d0bdb572"];
        let more = (0..60).map(|number| format!("node{number}"));
        shared.into_iter().chain(edges).map(String::from).chain(more).collect()
    }

    fn check(table: &Table, context: &str) {
        let nodes: Vec<Node<'_>> = table.nodes().collect();
        let rebuilt = Table::new(table.layout(), &nodes).expect("good nodes");
        let (ring, built) = (table.plain_ring(), rebuilt.plain_ring());
        let same = ring.zip(built).is_some_and(|(ring, built)| ring.is_identical(built));
        assert!(same, "{context}: the ring");
        assert!(table.nodes().eq(rebuilt.nodes()), "{context}: the nodes");
        for node in table.nodes() {
            assert_eq!(table.index_of(node.name()), rebuilt.index_of(node.name()), "{context}");
        }
        assert_eq!(format!("{:?}", table.zones), format!("{:?}", rebuilt.zones), "{context}");
    }

    /// Every table on a random way of changes is the one that its list of nodes builds.
    #[test]
    fn a_change_is_what_a_rebuild_is_bit_for_bit() {
        let names = names();
        for seed in 0..24 {
            let mut random = Random(seed);
            let vnodes = [1, 2, 3, 40, 160, 1_000][usize::try_from(seed % 6).expect("small")];
            let layout = Layout::RingwayV1 { vnodes, hash_tag: None };
            let mut table = Table::new(&layout, &[]).expect("an empty table");
            for step in 0..70 {
                let name = &names[usize::try_from(random.below(67)).expect("small")];
                let weight =
                    [1, 1, 1, 2, 3, 0, 7][usize::try_from(random.below(7)).expect("small")];
                let state = [State::Up, State::Up, State::Down, State::Drain]
                    [usize::try_from(random.below(4)).expect("small")];
                let zone = ["a", "b", "c"][usize::try_from(random.below(3)).expect("small")];
                let is_there = table.index_of(name.as_bytes()).is_some();
                let changed = match random.below(4) {
                    _ if !is_there => {
                        let node = Node::new(name).with_weight(weight).with_state(state);
                        let node =
                            if seed % 2 == 0 { node } else { node.with_zone(zone.as_bytes()) };
                        table.with_node(&node)
                    }
                    0 => table.with_weight(name.as_bytes(), weight),
                    1 => table.with_state(name.as_bytes(), state),
                    _ if step < 40 && random.below(2) == 0 => table.with_weight(name.as_bytes(), 2),
                    _ => table.without_node(name.as_bytes()),
                };
                table = changed.expect("a good change");
                check(&table, &format!("seed {seed}, step {step}, {vnodes} vnodes"));
            }
            while let Some(name) = table.nodes().last().map(|node| node.name().to_vec()) {
                table = table.without_node(&name).expect("it is there");
                check(&table, &format!("seed {seed}, emptied to {}", table.len()));
            }
        }
    }

    /// Across every size at which the number of buckets takes a step, in both directions.
    #[test]
    fn sizes_around_every_step_of_the_buckets() {
        let layout = Layout::RingwayV1 { vnodes: 1, hash_tag: None };
        let base = Node::new("base").with_weight(1);
        let mut table = Table::new(&layout, &[base, Node::new("other")]).expect("two nodes");
        for weight in (1..300).chain([1_000, 1_007, 1_008, 8_190, 8_191, 8_192, 8_193, 7_000]) {
            table = table.with_weight(b"base", weight).expect("few points");
            check(&table, &format!("weight {weight}"));
        }
        for weight in [200_000, 200_001, 199_990, 180_000, 5, 4, 3, 2, 1, 0, 1] {
            table = table.with_weight(b"base", weight).expect("few points");
            check(&table, &format!("weight {weight}"));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let layout = Layout::RingwayV1 { vnodes: 65_536, hash_tag: None };
        let drained = Node::new("b").with_weight(300).with_state(State::Drain);
        let table = Table::new(&layout, &[Node::new("a"), drained]).expect("good nodes");
        let too_many = |points| Err(BuildError::TooManyPoints { points });
        let twice = BuildError::DuplicateName { first: 1, second: 2 };
        assert_eq!(table.with_node(&Node::new("b")).map(drop), Err(twice));
        let long = vec![b'x'; 1_025];
        let bad = |field, len| Err(BuildError::BadText { index: 2, field, len });
        assert_eq!(table.with_node(&Node::new("")).map(drop), bad("name", 0));
        assert_eq!(table.with_node(&Node::from_bytes(&long)).map(drop), bad("name", 1_025));
        assert_eq!(table.with_node(&Node::new("c").with_zone(b"")).map(drop), bad("zone", 0));
        let huge = Node::new("c").with_weight(u32::MAX);
        assert_eq!(table.with_node(&huge).map(drop), too_many((u64::from(u32::MAX) + 1) << 16));
        assert_eq!(table.with_weight(b"a", 257).map(drop), too_many(257 << 16));
        assert_eq!(table.with_state(b"b", State::Up).map(drop), too_many(301 << 16));
        for name in [&b""[..], b"c", b"aa", &long] {
            assert_eq!(table.without_node(name).map(drop), Err(BuildError::NoSuchNode));
            assert_eq!(table.with_weight(name, 1).map(drop), Err(BuildError::NoSuchNode));
            assert_eq!(table.with_state(name, State::Up).map(drop), Err(BuildError::NoSuchNode));
        }
        // A weight that changes nothing because the node drains, however large.
        check(&table.with_weight(b"b", u32::MAX).expect("it drains"), "drained");
    }

    #[test]
    fn the_last_index_can_come_and_go() {
        let names: Vec<String> = (0..65_536).map(|number| format!("n{number}")).collect();
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
        let layout = Layout::RingwayV1 { vnodes: 1, hash_tag: None };
        let (last, most) = nodes.split_last().expect("some");
        let full = Table::new(&layout, most).and_then(|table| table.with_node(last));
        let full = full.expect("65,536 nodes");
        check(&full, "full");
        let count = BuildError::TooManyNodes { count: 65_537 };
        assert_eq!(full.with_node(&Node::new("one more")).map(drop), Err(count));
        let fewer = full.without_node(b"n0").expect("it is there");
        assert_eq!(fewer.index_of(b"n65535"), Some(NodeIndex::new(65_534)));
        check(&fewer, "without the first");
    }
}
