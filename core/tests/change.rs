//! What moves between two tables, against a twin that looks at every run of positions.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Random, names};
use ringway::{
    BuildError, Layout, MovedError, MovedRange, Node, NodeIndex, OptionValue, State, Table, Twins,
};

/// Every range that moves, from both tables' owners on each piece where neither changes.
fn slowly(from: &Table, to: &Table) -> Vec<MovedRange> {
    let mut ends = vec![u64::from(u32::MAX)];
    for table in [from, to] {
        ends.extend(table.segments().into_iter().flatten().map(|segment| segment.hi));
    }
    ends.sort_unstable();
    ends.dedup();
    let name = |table: &Table, index: Option<NodeIndex>| {
        index.map(|index| table.node(index).unwrap().name().to_vec())
    };
    let (mut ranges, mut lo) = (Vec::<MovedRange>::new(), 0);
    for hi in ends {
        let owner = |table: &Table| table.owner_by_hash(hi << 32);
        let range = MovedRange { lo, hi, from: owner(from), to: owner(to) };
        lo = hi + 1;
        if name(from, range.from) == name(to, range.to) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if (last.hi + 1, last.from, last.to) == (range.lo, range.from, range.to) => {
                last.hi = range.hi;
            }
            _ => ranges.push(range),
        }
    }
    ranges
}

fn check(from: &Table, to: &Table, context: &str) {
    let found: Vec<MovedRange> = from.moved(to).unwrap().collect();
    assert_eq!(found, slowly(from, to), "{context}");
    let twins = Twins::new(from, to);
    for (index, node) in (0..).map(NodeIndex::new).zip(from.nodes()) {
        assert_eq!(twins.of(index), to.index_of(node.name()), "{context}");
    }
    let new: Vec<NodeIndex> = (0..)
        .map(NodeIndex::new)
        .zip(to.nodes())
        .filter_map(|(index, node)| from.index_of(node.name()).is_none().then_some(index))
        .collect();
    assert_eq!(twins.new_ones().collect::<Vec<_>>(), new, "{context}");
}

/// Nodes of any sort, some of which share points (`spec/rules.py`), in any order.
fn some_nodes<'a>(random: &mut Random, names: &'a [String]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = names
        .iter()
        .filter_map(|name| {
            let state = [State::Up, State::Up, State::Down, State::Drain][random.below(4)];
            let node = Node::new(name).with_weight([1, 1, 2, 0][random.below(4)]);
            (random.below(3) > 0).then_some(node.with_state(state))
        })
        .collect();
    if random.below(2) == 0 {
        random.shuffle(&mut nodes);
    }
    nodes
}

fn layout(vnodes: u32) -> Layout {
    Layout::ringway_v1().with_option("vnodes", OptionValue::Integer(vnodes.into())).unwrap()
}

#[test]
fn moved_ranges_are_those_of_the_slow_twin() {
    let special =
        ["n0285", "n0571", "t2160597", "t3211636", "t4479943", "p14a43ba34", "p1d0bdb572"];
    let names = [special.map(String::from).to_vec(), names("node", 9)].concat();
    for seed in 0..400 {
        let mut random = Random(seed);
        let [old, new] = [1, 2].map(|_| {
            let vnodes = [1, 1, 2, 30, 160][random.below(5)];
            let some = 1 + random.below(names.len());
            (vnodes, some_nodes(&mut random, &names[..some]))
        });
        let same_vnodes = if seed % 2 == 0 { old.0 } else { new.0 };
        let from = Table::new(&layout(old.0), &old.1).unwrap();
        let to = Table::new(&layout(same_vnodes), &new.1).unwrap();
        check(&from, &to, &format!("seed {seed}"));
        check(&to, &from, &format!("seed {seed}, backwards"));
        assert_eq!(from.moved(&from).unwrap().count(), 0, "nothing moves from a table to itself");
    }
}

/// A change of one node moves keys to it or from it, and never between two others.
#[test]
fn a_change_moves_its_own_node_alone() {
    let names = names("node", 120);
    let table = Table::new(&Layout::ringway_v1(), &common::nodes(&names[1..])).unwrap();
    let last = table.index_of(b"node119");
    let grown = table.with_node(&Node::new("node0")).unwrap();
    check(&table, &grown, "one more");
    let new = grown.index_of(b"node0");
    let ranges: Vec<MovedRange> = table.moved(&grown).unwrap().collect();
    assert!(ranges.len() > 100 && ranges.iter().all(|range| range.to == new));
    let shrunk = grown.without_node(b"node7").unwrap();
    check(&grown, &shrunk, "one less");
    let gone = grown.index_of(b"node7");
    assert!(grown.moved(&shrunk).unwrap().all(|range| range.from == gone));
    let heavier = table.with_weight(b"node119", 3).unwrap();
    check(&table, &heavier, "more weight");
    assert!(table.moved(&heavier).unwrap().all(|range| range.to == last));
    let drained = heavier.with_state(b"node119", State::Drain).unwrap();
    check(&heavier, &drained, "drained");
    assert!(heavier.moved(&drained).unwrap().all(|range| range.from == last));
    let down = table.with_state(b"node119", State::Down).unwrap();
    assert_eq!(table.moved(&down).unwrap().count(), 0, "down moves nothing");
}

#[test]
fn the_last_node_leaves_everything_to_nobody() {
    let table = Table::new(&Layout::ringway_v1(), &[Node::new("a")]).unwrap();
    let none = table.without_node(b"a").unwrap();
    let all = |from, to| vec![MovedRange { lo: 0, hi: u64::from(u32::MAX), from, to }];
    let a = Some(NodeIndex::new(0));
    assert_eq!(table.moved(&none).unwrap().collect::<Vec<_>>(), all(a, None));
    assert_eq!(none.moved(&table).unwrap().collect::<Vec<_>>(), all(None, a));
    assert_eq!(none.moved(&none).unwrap().count(), 0);
}

#[test]
fn other_hash_tags_have_no_common_positions() {
    let tagged = Layout::ringway_v1().with_option("hash_tag", OptionValue::Text("{}")).unwrap();
    let [plain, tagged] =
        [Layout::ringway_v1(), tagged].map(|layout| Table::new(&layout, &[]).unwrap());
    assert_eq!(plain.moved(&tagged).map(|_| ()), Err(MovedError::OtherPositions));
}

/// Slots have positions as points have: what moves is found there too, and between the two.
#[test]
fn slots_move_as_the_slow_twin_says() {
    let names = names("node", 9);
    let slots = |count: i64| {
        let layout = Layout::from_name("balanced-v1").unwrap();
        layout.with_option("slots", OptionValue::Integer(count)).unwrap()
    };
    for seed in 0..30 {
        let mut random = Random(seed);
        let mut table = |layout: &Layout| {
            let nodes = some_nodes(&mut random, &names);
            Table::new(layout, &nodes).unwrap()
        };
        let tables = [table(&slots(256)), table(&slots(1_024)), table(&layout(20))];
        for from in &tables {
            for to in &tables {
                check(from, to, &format!("seed {seed}"));
            }
        }
    }
}

/// In every layout a change of one node gives the table that the changed list builds.
#[test]
fn every_layout_changes_as_it_is_rebuilt() {
    let names = names("node", 6);
    for layout in Layout::names() {
        let mut layout = Layout::from_name(layout).unwrap();
        if layout.option_names().contains(&"key") {
            let key = OptionValue::Text("000102030405060708090a0b0c0d0e0f");
            layout = layout.with_option("key", key).unwrap();
        }
        let whole = Table::new(&layout, &common::nodes(&names)).unwrap();
        let some = Table::new(&layout, &common::nodes(&names[..5])).unwrap();
        let last = Node::new(&names[5]);
        let changed = [some.with_node(&last).unwrap(), whole.without_node(last.name()).unwrap()];
        for (changed, rebuilt) in changed.iter().zip([&whole, &some]) {
            // A node that memento-v1 removes stays in the list; from the end, that is all the same.
            if changed.layout() == rebuilt.layout() {
                assert_eq!(changed.to_bytes(), rebuilt.to_bytes(), "{}", layout.name());
            } else {
                assert_eq!(changed.layout().name(), "memento-v1");
            }
            for key in 0..500_u32 {
                let key = key.to_le_bytes();
                assert_eq!(changed.owner(&key), rebuilt.owner(&key), "{}", layout.name());
            }
        }
        let other = whole.with_state(last.name(), State::Down).unwrap();
        assert_eq!(other.owner(b"key"), whole.owner(b"key"), "{}", layout.name());
        let twice = BuildError::DuplicateName { first: 5, second: 6 };
        assert_eq!(whole.with_node(&last).map(drop), Err(twice), "{}", layout.name());
        assert_eq!(whole.without_node(b"none").map(drop), Err(BuildError::NoSuchNode));
    }
}
