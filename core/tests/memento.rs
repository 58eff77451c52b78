//! `memento-v1` against a twin that works from its definition, and what it promises of changes.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use core::num::NonZeroU32;

use common::{Random, index, names, nodes};
use ringway::{
    BuildError, Layout, Memento, MovedError, Node, NodeIndex, OptionValue, Placement, Removals,
    RemovedMap, State, Table, jump,
};

/// The definition, without its shortcuts: after each removal, who bears which of the numbers from 0.
struct Twin {
    nodes: usize,
    /// For each removal: its node, and who bore the numbers that were left, in their order.
    removals: Vec<(usize, Vec<usize>)>,
}

impl Twin {
    fn new(nodes: usize, removed: &[usize]) -> Self {
        let mut list = nodes;
        let mut bearers: Vec<usize> = (0..nodes).collect();
        let mut removals = Vec::new();
        for &node in removed {
            let number = bearers.iter().position(|&bearer| bearer == node).unwrap();
            bearers.swap_remove(number);
            if removals.is_empty() && node + 1 == list {
                list -= 1;
            } else {
                removals.push((node, bearers.clone()));
            }
        }
        Self { nodes: list, removals }
    }

    fn owner(&self, hash: u64) -> Option<NodeIndex> {
        let count = NonZeroU32::new(u32::try_from(self.nodes).unwrap())?;
        let mut owner = usize::try_from(jump(hash, count)).unwrap();
        // In the order of time: who was removed hands over to one of those that were left.
        for (node, left) in &self.removals {
            if owner == *node {
                let place = (*node as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
                let drawn = u128::from(mix(hash ^ place)) * left.len() as u128;
                owner = *left.get(usize::try_from(drawn >> 64).unwrap())?;
            }
        }
        Some(index(owner))
    }
}

fn mix(z: u64) -> u64 {
    // The generator adds the constant first.
    Random(z.wrapping_sub(0x9e37_79b9_7f4a_7c15)).next_u64()
}

fn changed<M: Removals>(nodes: usize, removed: &[usize]) -> Memento<M> {
    let mut memento = Memento::new(u32::try_from(nodes).unwrap()).unwrap();
    removed.iter().for_each(|&node| memento.remove(index(node)).unwrap());
    memento
}

/// Removals and returns in any order: each time the twin's owners.
fn any_changes<M: Removals>(most_removed: usize) {
    for seed in 0..60 {
        let mut random = Random(seed);
        let nodes = [1, 2, 3, 5, 12, 40][usize::try_from(seed % 6).unwrap()];
        let mut memento = changed::<M>(nodes, &[]);
        let mut removed: Vec<usize> = Vec::new();
        for step in 0..80 {
            let context = format!("seed {seed}, step {step}, {nodes} nodes, removed {removed:?}");
            let node = random.below(nodes);
            if random.below(3) == 0 {
                assert_eq!(memento.restore(), removed.pop().map(index), "{context}");
            } else if removed.contains(&node) {
                assert_eq!(memento.remove(index(node)), Err(BuildError::NoSuchNode), "{context}");
            } else if removed.len() < most_removed {
                memento.remove(index(node)).unwrap();
                removed.push(node);
            }
            let twin = Twin::new(nodes, &removed);
            assert_eq!(memento.owner_count(), nodes - removed.len(), "{context}");
            assert_eq!(memento.list_len(), nodes);
            for _ in 0..40 {
                let hash = random.next_u64();
                let owner = memento.owner_by_hash(hash);
                assert_eq!(owner, twin.owner(hash), "{context}, hash {hash:#x}");
                assert!(owner.is_none_or(|owner| memento.is_working(owner)), "{context}");
            }
        }
    }
}

#[test]
fn any_changes_give_the_owners_of_the_twin() {
    any_changes::<RemovedMap>(usize::MAX);
}

#[cfg(feature = "heapless")]
#[test]
fn fixed_memory_gives_the_owners_of_the_twin() {
    any_changes::<ringway::RemovedArray<64>>(usize::MAX);
    any_changes::<ringway::RemovedArray<8>>(8);
}

#[cfg(feature = "heapless")]
#[test]
fn fixed_memory_that_is_full_refuses_and_stays_as_it_is() {
    let mut full = changed::<ringway::RemovedArray<4>>(20, &[19, 18, 3, 5, 7, 9]);
    let owners = |of: &Memento<ringway::RemovedArray<4>>| {
        (0..500u64).map(|key| of.owner(&key.to_le_bytes())).collect::<Vec<_>>()
    };
    let before = owners(&full);
    let error = BuildError::StorageTooSmall { needed: 5, available: 4 };
    assert_eq!(full.remove(index(11)), Err(error));
    assert_eq!((full.owner_count(), owners(&full)), (14, before));
    assert_eq!(full.restore(), Some(index(9)));
    assert_eq!(full.remove(index(11)), Ok(()));
}

/// A removal moves the node's own keys alone, to all others alike; its return undoes it.
#[test]
fn a_removal_moves_its_own_keys_alone_and_evenly() {
    const SAMPLE: usize = 60_000;
    for removed in [&[][..], &[4], &[9], &[9, 8], &[4, 9, 0], &[0, 1, 2, 3, 4, 5], &[7, 2, 9, 5]] {
        let mut memento = changed::<RemovedMap>(10, removed);
        let sample = || {
            let mut random = Random(5);
            (0..SAMPLE).map(move |_| random.next_u64())
        };
        let owners = |of: &Memento<RemovedMap>| -> Vec<usize> {
            sample().map(|hash| of.owner_by_hash(hash).unwrap().as_usize()).collect()
        };
        let before = owners(&memento);
        for node in (0..10).filter(|node| !removed.contains(node)) {
            let left = 9 - removed.len();
            memento.remove(index(node)).unwrap();
            let after = owners(&memento);
            let (mut counts, mut gains) = ([0usize; 10], [0usize; 10]);
            for (old, new) in before.iter().zip(&after) {
                assert!(old == new || *old == node, "{removed:?}: {node} removed, {old} to {new}");
                counts[*new] += 1;
                gains[*new] += usize::from(old != new);
            }
            let context = format!("{removed:?}, then {node}: {counts:?}, {gains:?}");
            for other in 0..10 {
                let works = other != node && !removed.contains(&other);
                let mean = if works { SAMPLE / left } else { 0 };
                let gain = if works { SAMPLE / left / (left + 1) } else { 0 };
                // Five standard deviations and more.
                assert!(counts[other].abs_diff(mean) * 15 <= mean, "{context}");
                assert!(gains[other].abs_diff(gain) * 4 <= gain, "{context}");
            }
            assert_eq!(memento.restore(), Some(index(node)));
            assert_eq!(owners(&memento), before, "{context}");
        }
    }
}

#[test]
fn nodes_removed_from_the_end_first_are_as_if_not_in_the_list() {
    let jumped = |count: u32, hash| jump(hash, NonZeroU32::new(count).unwrap());
    let mut random = Random(8);
    for (removed, count) in [(&[][..], 10), (&[9], 9), (&[9, 8, 7, 6, 5, 4, 3, 2, 1], 1)] {
        let memento = changed::<RemovedMap>(10, removed);
        for hash in (0..1_000).map(|_| random.next_u64()) {
            assert_eq!(memento.owner_by_hash(hash).unwrap().get(), jumped(count, hash));
        }
    }
}

#[test]
fn nobody_owns_when_all_are_removed_and_too_many_are_refused() {
    let mut memento = changed::<RemovedMap>(3, &[1, 2, 0]);
    assert_eq!((memento.owner(b"key"), memento.walk(7).next()), (None, None));
    assert_eq!(memento.owners(b"key", &mut [index(0); 4]), 0);
    assert_eq!(memento.remove(index(0)), Err(BuildError::NoSuchNode));
    assert_eq!(memento.restore(), Some(index(0)));
    assert_eq!(memento.owner(b"key"), Some(index(0)));
    assert_eq!(memento.remove(index(3)), Err(BuildError::NoSuchNode));
    let error = BuildError::TooManyNodes { count: 65_537 };
    assert_eq!(Memento::<RemovedMap>::new(65_537).map(drop), Err(error));
    let mut most = changed::<RemovedMap>(65_536, &[65_535, 65_533, 65_534]);
    assert_eq!((most.restore(), most.restore()), (Some(index(65_534)), Some(index(65_533))));
    assert_eq!((most.restore(), most.restore()), (Some(index(65_535)), None));
    // Every other one, and the first 65,535.
    for step in [2, 1] {
        let removed: Vec<usize> = (0..65_535).step_by(step).collect();
        let memento = changed::<RemovedMap>(65_536, &removed);
        let owner = memento.owner(b"key").unwrap();
        assert!(memento.is_working(owner) && (step == 2 || owner == index(65_535)));
    }
}

fn layout(removed: &[u32]) -> Layout {
    Layout::memento_v1().with_option("removed", OptionValue::List(removed)).unwrap()
}

/// A table takes nodes away and puts them back as `Memento` does, and is always what its layout and
/// nodes build.
#[test]
fn a_table_changes_with_the_least_movement() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let names = names("node", 200);
        let mut fresh = names[8..].iter();
        let mut table = Table::new(&layout(&[]), &nodes(&names[..8])).unwrap();
        for step in 0..40 {
            let context = format!("seed {seed}, step {step}, {:?}", table.layout());
            let name = |node: Option<NodeIndex>, of: &Table| {
                node.map(|node| of.node(node).unwrap().name().to_vec())
            };
            let removed = table.layout().removed().unwrap().places().to_vec();
            let (next, one) = if random.below(2) == 0 {
                let one = index(random.below(table.len()));
                let one_name = name(Some(one), &table).unwrap();
                let next = table.without_node(&one_name);
                if removed.contains(&one.get()) {
                    assert_eq!(next.map(drop), Err(BuildError::NoSuchNode), "{context}");
                    continue;
                }
                (next.unwrap(), one_name)
            } else {
                let one = fresh.next().unwrap();
                let next = table.with_node(&Node::new(one)).unwrap();
                let place = removed.last().map_or(table.len(), |&last| last as usize);
                assert_eq!(next.index_of(one.as_bytes()), Some(index(place)), "{context}");
                (next, one.clone().into_bytes())
            };
            let rebuilt = Table::new(next.layout(), &next.nodes().collect::<Vec<_>>()).unwrap();
            assert_eq!(next.to_bytes(), rebuilt.to_bytes(), "{context}");
            let again = Table::from_bytes(&next.to_bytes()).unwrap();
            for key in 0..400u32 {
                let key = key.to_le_bytes();
                let owner = next.owner(&key);
                assert_eq!((owner, owner), (rebuilt.owner(&key), again.owner(&key)), "{context}");
                let (old, new) = (name(table.owner(&key), &table), name(owner, &next));
                let is_own = [&old, &new].iter().any(|it| it.as_ref() == Some(&one));
                assert!(old == new || is_own, "{context}: between two others");
            }
            table = next;
        }
    }
}

#[test]
fn a_node_that_left_comes_back_to_its_place() {
    let names = names("node", 6);
    let whole = Table::new(&layout(&[]), &nodes(&names)).unwrap();
    let without = whole.without_node(b"node2").unwrap().without_node(b"node5").unwrap();
    assert_eq!(without.layout(), &layout(&[2, 5]));
    assert_eq!((without.len(), without.walk(b"key").count()), (6, 4));
    let weights = (0..7).map(|node| without.effective_weight(NodeIndex::new(node)));
    assert!(weights.eq([1, 1, 0, 1, 1, 0, 0]));
    let back = without.with_node(&Node::new("node5")).unwrap();
    let back = back.with_node(&Node::new("node2")).unwrap();
    assert_eq!(back.to_bytes(), whole.to_bytes());
    // Its name is still in the list while another one would come back before it.
    let twice = BuildError::DuplicateName { first: 2, second: 5 };
    assert_eq!(without.with_node(&Node::new("node2")).map(drop), Err(twice));
    let down = without.with_state(b"node2", State::Down).unwrap();
    assert_eq!(down.owner(b"key"), without.owner(b"key"));
    let refused = without.with_weight(b"node2", 3).map(drop);
    assert_eq!(refused, Err(BuildError::WeightUnsupported { index: 2, weight: 3 }));
    let error = MovedError::NoPositions { layout: "memento-v1" };
    assert_eq!(whole.moved(&without).map(|_| ()), Err(error));
    assert_eq!(whole.segments().map(|_| ()), None);
}

/// A zone of which no node is left is no reason to look for one.
#[test]
fn removed_zones_do_not_count() {
    let zones = ["a", "a", "b", "b", "c", "c"];
    let names = names("node", 6);
    let nodes: Vec<Node<'_>> = names
        .iter()
        .zip(zones)
        .map(|(name, zone)| Node::new(name).with_zone(zone.as_bytes()))
        .collect();
    let table = Table::new(&layout(&[2, 3, 0]), &nodes).unwrap();
    for key in 0..200u32 {
        let mut out = [NodeIndex::new(0); 6];
        assert_eq!(table.owners(&key.to_le_bytes(), &mut out), 3);
        let spread: Vec<&str> = out[..2].iter().map(|node| zones[node.as_usize()]).collect();
        assert!(spread == ["a", "c"] || spread == ["c", "a"], "{out:?}");
    }
}

#[test]
fn the_option_is_checked() {
    let expected = "a list of places in the list of nodes, from 0, none twice";
    let bad = Err(BuildError::BadOption { expected });
    let with = |value| Layout::memento_v1().with_option("removed", value).map(drop);
    assert_eq!(with(OptionValue::List(&[0, 65_535, 7])), Ok(()));
    for places in [&[65_536][..], &[u32::MAX], &[3, 3], &[1, 2, 1]] {
        assert_eq!(with(OptionValue::List(places)), bad, "{places:?}");
    }
    let many = vec![0; 1 << 20];
    assert_eq!(with(OptionValue::List(&many)), bad);
    assert_eq!(with(OptionValue::Integer(1)), bad);
    let built = |removed: &[u32], count| {
        Table::new(&layout(removed), &nodes(&names("node", count))).map(drop)
    };
    assert_eq!((built(&[3, 0], 4), built(&[4, 0], 4), built(&[0], 0)), (Ok(()), bad, bad));
    let ring = Layout::ringway_v1().with_option("vnodes", OptionValue::List(&[1]));
    assert_eq!(ring.map_err(|error| error.name()), Err("bad-option"));
    let nothing = Layout::memento_v1().with_option("removed", OptionValue::List(&[])).unwrap();
    assert_eq!((nothing.options().count(), &nothing), (0, &Layout::memento_v1()));
    let list = OptionValue::List(&[5, 2]);
    assert_eq!(layout(&[5, 2]).options().collect::<Vec<_>>(), [("removed", list)]);
}
