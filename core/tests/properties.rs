//! What every placement must do, run for each way to have one.
//!
//! Seeds are fixed, so each run is the same; `context` in a message says what was asked.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::HashSet;

use common::{
    Random,
    in_memory::{self, balanced, maglev, rendezvous},
    index, names, nodes,
};
use ringway::{Buckets, Layout, Node, NodeIndex, Placement, Point, Ring, RingBuilder, SipKey};
#[cfg(feature = "alloc")]
use ringway::{Memento, RemovedMap, Table};

/// Runs the common suite, or the named part of it, for one way to build a placement of nodes.
macro_rules! placement_tests {
    ($module:ident, $build:expr) => {
        placement_tests!(
            $module,
            $build,
            balance,
            least_movement,
            monotone_growth,
            order_independence,
            weights,
            walk_and_owners,
            nobody
        );
    };
    ($module:ident, $build:expr, $($test:ident),+) => {
        mod $module {
            use super::*;

            $(
                #[test]
                fn $test() {
                    super::$test($build);
                }
            )+
        }
    };
}

#[cfg(feature = "alloc")]
placement_tests!(owned, |nodes: &[Node<'_>]| Ring::new(nodes).unwrap());
placement_tests!(vector, |nodes: &[Node<'_>]| in_vector(nodes, 0));
placement_tests!(vector_with_room, |nodes: &[Node<'_>]| in_vector(nodes, 777));
placement_tests!(array, in_array);
placement_tests!(borrowed, |nodes: &[Node<'_>]| in_vector(nodes, 5).into_view());

#[cfg(feature = "alloc")]
placement_tests!(table, in_table(Layout::ringway_v1()));
// The place in the list is the identity: no weights, and removal at the end only.
#[cfg(feature = "alloc")]
placement_tests!(
    jump_v1,
    in_table(Layout::jump_v1()),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
#[cfg(feature = "alloc")]
placement_tests!(
    jumpback_v1,
    in_table(Layout::jumpback_v1()),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
#[cfg(feature = "alloc")]
placement_tests!(
    memento_v1,
    in_table(Layout::memento_v1()),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
#[cfg(feature = "alloc")]
placement_tests!(
    memento,
    |nodes: &[Node<'_>]| Memento::<RemovedMap>::new(u32::try_from(nodes.len()).unwrap()).unwrap(),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
#[cfg(feature = "alloc")]
placement_tests!(rendezvous_v1, in_table(Layout::rendezvous_v1()));
#[cfg(feature = "alloc")]
placement_tests!(ringway_keyed_v1, in_table(Layout::ringway_keyed_v1(SipKey::new([7; 16]))));
#[cfg(feature = "alloc")]
placement_tests!(
    maglev_v1,
    in_table(Layout::maglev_v1()),
    balance,
    little_movement,
    order_independence,
    weights,
    walk_and_owners,
    nobody
);
#[cfg(feature = "alloc")]
placement_tests!(
    balanced_v1,
    in_table(Layout::balanced_v1()),
    balance,
    little_movement,
    order_independence,
    weights,
    walk_and_owners,
    nobody
);

// The same in the caller's memory.
placement_tests!(
    jump_in_memory,
    |nodes: &[Node<'_>]| Buckets::jump(u32::try_from(nodes.len()).unwrap()).unwrap(),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
placement_tests!(
    jumpback_in_memory,
    |nodes: &[Node<'_>]| Buckets::jumpback(u32::try_from(nodes.len()).unwrap()).unwrap(),
    balance,
    least_movement,
    walk_and_owners_of_equals,
    nobody_without_nodes
);
placement_tests!(rendezvous_in_memory, |nodes: &[Node<'_>]| rendezvous(nodes, 7).unwrap());
placement_tests!(keyed_in_memory, |nodes: &[Node<'_>]| {
    in_memory::ring(&Layout::ringway_keyed_v1(SipKey::new([7; 16])), nodes, 7).unwrap()
});
placement_tests!(
    maglev_in_memory,
    |nodes: &[Node<'_>]| maglev(nodes, 65_537, 7).unwrap(),
    balance,
    little_movement,
    order_independence,
    weights,
    walk_and_owners,
    nobody
);
placement_tests!(
    balanced_in_memory,
    |nodes: &[Node<'_>]| balanced(nodes, 65_536, 1_050, 7).unwrap(),
    balance,
    little_movement,
    order_independence,
    weights,
    walk_and_owners,
    nobody
);

/// A table, by what it has in common with all placements.
#[cfg(feature = "alloc")]
struct InTable(Table);

#[cfg(feature = "alloc")]
fn in_table(layout: Layout) -> impl Fn(&[Node<'_>]) -> InTable {
    move |nodes| InTable(Table::new(&layout, nodes).unwrap())
}

#[cfg(feature = "alloc")]
impl Placement for InTable {
    type Walk<'a> = Box<dyn Iterator<Item = NodeIndex> + 'a>;

    fn hash_key(&self, key: &[u8]) -> u64 {
        self.0.key_hash(key).unwrap()
    }

    fn walk(&self, hash: u64) -> Self::Walk<'_> {
        Box::new(self.0.walk_by_hash(hash))
    }

    fn owner_count(&self) -> usize {
        self.0.walk(b"any").count()
    }

    fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.0.owner(key)
    }

    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.0.owner_by_hash(hash)
    }

    fn owners(&self, key: &[u8], out: &mut [NodeIndex]) -> usize {
        self.0.owners(key, out)
    }
}

fn in_vector(nodes: &[Node<'_>], room: usize) -> Ring<Vec<Point>> {
    let builder = RingBuilder::new();
    builder.build_in(nodes, vec![Point::EMPTY; builder.storage_needed(nodes) + room]).unwrap()
}

fn in_array(nodes: &[Node<'_>]) -> Ring<[Point; 1 << 14]> {
    RingBuilder::new().build_in(nodes, [Point::EMPTY; 1 << 14]).unwrap()
}

/// A ring that borrows, for as long as the test runs.
trait IntoView {
    fn into_view(self) -> Ring<&'static [Point]>;
}

impl IntoView for Ring<Vec<Point>> {
    fn into_view(self) -> Ring<&'static [Point]> {
        Box::leak(Box::new(self)).as_view()
    }
}

const SAMPLE: u64 = 40_000;

fn hashes(seed: u64) -> impl Iterator<Item = u64> {
    let mut random = Random(seed);
    (0..SAMPLE).map(move |_| random.next_u64())
}

/// How many of the sample's hashes each node owns.
fn counts<P: Placement>(placement: &P, node_count: usize) -> Vec<u64> {
    let mut counts = vec![0; node_count];
    for hash in hashes(11) {
        counts[placement.owner_by_hash(hash).unwrap().as_usize()] += 1;
    }
    counts
}

fn balance<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    for count in [1, 2, 10, 100] {
        let names = names("node", count);
        let counts = counts(&build(&nodes(&names)), count);
        let mean = SAMPLE / count as u64;
        assert!(*counts.iter().max().unwrap() < mean * 14 / 10, "{count} nodes: {counts:?}");
        assert!(*counts.iter().min().unwrap() > mean * 6 / 10, "{count} nodes: {counts:?}");
    }
}

fn least_movement<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    for count in [1, 2, 10, 99] {
        let names = names("node", count + 1);
        let (before, after) = (build(&nodes(&names[..count])), build(&nodes(&names)));
        let mut moved = 0;
        for hash in hashes(12) {
            let (old, new) = (before.owner_by_hash(hash), after.owner_by_hash(hash));
            if old != new {
                // Read backwards, this is the removal: only what the node owned moves.
                assert_eq!(new, Some(index(count)), "{count} nodes, hash {hash:#x}");
                moved += 1;
            }
        }
        let share = SAMPLE / (count as u64 + 1);
        assert!((share * 7 / 10..=share * 13 / 10).contains(&moved), "{moved} of {share} moved");
    }
}

/// Where owners depend on each other, a change moves more than the least, but little.
fn little_movement<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    for count in [1, 2, 10, 99] {
        let names = names("node", count + 1);
        let (before, after) = (build(&nodes(&names[..count])), build(&nodes(&names)));
        let moved = hashes(12)
            .filter(|&hash| before.owner_by_hash(hash) != after.owner_by_hash(hash))
            .count() as u64;
        let share = SAMPLE / (count as u64 + 1);
        assert!((share * 9 / 10..=share * 24 / 10).contains(&moved), "{moved} of {share} moved");
    }
}

fn monotone_growth<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    let names = names("node", 10);
    let mut nodes = nodes(&names);
    let mut before = build(&nodes);
    for weight in [2, 3, 7] {
        nodes[4] = nodes[4].with_weight(weight);
        let after = build(&nodes);
        let mut moved = 0;
        for hash in hashes(13) {
            let (old, new) = (before.owner_by_hash(hash), after.owner_by_hash(hash));
            if old != new {
                assert_eq!(new, Some(index(4)), "weight {weight}, hash {hash:#x}");
                moved += 1;
            }
        }
        assert!(moved > 0, "weight {weight} moved nothing");
        before = after;
    }
}

fn order_independence<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    let mut random = Random(14);
    let names = names("node", 50);
    let sorted = nodes(&names);
    let first = build(&sorted);
    for round in 0..3 {
        let mut shuffled = sorted.clone();
        random.shuffle(&mut shuffled);
        let other = build(&shuffled);
        for hash in hashes(15).take(10_000) {
            let (a, b) = (first.owner_by_hash(hash).unwrap(), other.owner_by_hash(hash).unwrap());
            let (a, b) = (sorted[a.as_usize()].name(), shuffled[b.as_usize()].name());
            assert_eq!(a, b, "round {round}, hash {hash:#x}");
        }
    }
}

fn weights<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    let names = names("node", 8);
    let weights = [1u32, 2, 3, 5, 8, 13, 21, 0];
    let nodes: Vec<Node<'_>> = names
        .iter()
        .zip(weights)
        .map(|(name, weight)| Node::new(name).with_weight(weight))
        .collect();
    let counts = counts(&build(&nodes), nodes.len());
    for (&found, weight) in counts.iter().zip(weights) {
        let share = SAMPLE * u64::from(weight) / 53;
        assert!((share * 75 / 100..=share * 125 / 100).contains(&found), "{counts:?}");
    }
}

fn walk_and_owners<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    walks(build, 2);
}

fn walk_and_owners_of_equals<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    walks(build, usize::MAX);
}

/// With more than `all_weigh_max` nodes, the last one has no weight.
fn walks<P: Placement>(build: impl Fn(&[Node<'_>]) -> P, all_weigh_max: usize) {
    for count in [1, 2, 3, 16, 17, 40, 100] {
        let names = names("node", count);
        let mut nodes = nodes(&names);
        let last = nodes.len() - 1;
        if count > all_weigh_max {
            nodes[last] = nodes[last].with_weight(0);
        }
        let eligible = count - usize::from(count > all_weigh_max);
        let placement = build(&nodes);
        assert_eq!(placement.owner_count(), eligible);
        for number in 0..40u32 {
            let key = number.to_le_bytes();
            let context = format!("{count} nodes, key {number}");
            let mut seen = HashSet::new();
            let walk = placement.walk(placement.hash_key(&key)).take(1 << 20);
            let order: Vec<NodeIndex> = walk.filter(|&node| seen.insert(node)).collect();
            assert_eq!(order.len(), eligible, "{context}: the walk visits all, and ends");
            assert_eq!(order.first().copied(), placement.owner(&key), "{context}");
            for k in [0, 1, 2, 3, 15, 16, 17, 18, count, count + 5] {
                let filler = NodeIndex::new(u16::MAX);
                let mut out = vec![filler; k];
                let filled = placement.owners(&key, &mut out);
                assert_eq!(filled, k.min(eligible), "{context}, {k} owners");
                assert_eq!(out[..filled], order[..filled], "{context}, {k} owners");
                assert!(out[filled..].iter().all(|&rest| rest == filler), "{context}: untouched");
            }
        }
    }
}

fn nobody<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    let weightless = [Node::new("a").with_weight(0), Node::new("b").with_weight(0)];
    nobody_owns(&build(&weightless));
    nobody_owns(&build(&[]));
}

fn nobody_without_nodes<P: Placement>(build: impl Fn(&[Node<'_>]) -> P) {
    nobody_owns(&build(&[]));
}

fn nobody_owns(placement: &impl Placement) {
    assert_eq!(placement.owner_count(), 0);
    for hash in [0, 1, 1 << 32, u64::MAX - 1, u64::MAX] {
        assert_eq!(placement.owner_by_hash(hash), None);
        assert_eq!(placement.walk(hash).next(), None);
    }
    assert_eq!(placement.owner(b"key"), None);
    assert_eq!(placement.owners(b"key", &mut [NodeIndex::new(0); 3]), 0);
}

#[test]
fn storages_agree() {
    let names = names("node", 70);
    let nodes = nodes(&names);
    let (exact, room, array) = (in_vector(&nodes, 0), in_vector(&nodes, 9_999), in_array(&nodes));
    assert_eq!(exact.points(), room.points());
    assert_eq!(exact.points(), array.points());
    for hash in hashes(16) {
        let owner = exact.owner_by_hash(hash);
        assert_eq!(room.owner_by_hash(hash), owner, "hash {hash:#x}");
        assert_eq!(array.owner_by_hash(hash), owner, "hash {hash:#x}");
        assert_eq!(array.as_view().owner_by_hash(hash), owner, "hash {hash:#x}");
    }
    #[cfg(feature = "alloc")]
    assert_eq!(Ring::new(&nodes).unwrap().points(), exact.points());
}

/// Of points of different nodes at one position, that of the first name owns, whatever the order
/// of the list. 65,536 nodes of a few points collide some eight times.
#[test]
fn equal_points_go_to_the_first_name() {
    let names = names("n", 65_536);
    let mut shuffled = nodes(&names);
    Random(17).shuffle(&mut shuffled);
    let layout = Layout::RingwayV1 { vnodes: 4, hash_tag: None };
    let builder = RingBuilder::new().with_layout(layout);
    let ring = builder.build_in(&shuffled, vec![Point::EMPTY; 4 * 65_536]).unwrap();
    let name = |point: &Point| shuffled[point.owner().as_usize()].name();
    let mut ties = 0;
    for equal in ring.points().chunk_by(|a, b| a.position() == b.position()) {
        if equal.len() > 1 {
            ties += 1;
            assert!(equal.is_sorted_by_key(name), "{equal:?}");
            let owner = ring.owner_by_hash(u64::from(equal[0].position()) << 32).unwrap();
            assert_eq!(
                Some(&shuffled[owner.as_usize()].name()),
                equal.iter().map(name).min().as_ref()
            );
        }
    }
    assert!(ties > 0, "nothing was compared");
    // With an allocator, another sort comes to the same order.
    #[cfg(feature = "alloc")]
    assert_eq!(builder.build(&shuffled).unwrap().points(), ring.points());
}
