//! Sequences of changes in every layout: each gives what building the table anew gives, errors
//! included, and the ranges that moved are those of a comparison of all segments.
#![no_main]

mod shared;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway::{BuildError, MovedRange, Node, NodeIndex, State, Table};
use shared::{AnyLayout, AnyNode, assert_same, rebuilt, state, weight};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    layout: AnyLayout<'a>,
    changes: Vec<Change<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Add(AnyNode<'a>),
    Remove(u8),
    Reweight(u8, u32),
    State(u8, u8),
    RemoveUnknown(AnyNode<'a>),
}

fuzz_target!(|input: Input<'_>| {
    let layout = input.layout.layout();
    let Ok(mut table) = Table::new(&layout, &[]) else { return };
    let first = table.clone();
    for change in input.changes.into_iter().take(24) {
        let Some(next) = step(&table, &change) else { continue };
        check_moved(&table, &next);
        check_moved(&next, &table);
        table = next;
    }
    assert_same(&table, &rebuilt(&table));
    check_moved(&first, &table);
});

/// Name, zone, weight and state of a node.
type Described = (Vec<u8>, Option<Vec<u8>>, u32, State);

/// The changed table, compared with one that is built of the changed list; `None` if both refuse.
fn step(table: &Table, change: &Change<'_>) -> Option<Table> {
    let mut list: Vec<Described> = table
        .nodes()
        .map(|node| {
            (node.name().to_vec(), node.zone().map(<[u8]>::to_vec), node.weight(), node.state())
        })
        .collect();
    let pick =
        |which: u8| list.get(usize::from(which) % list.len().max(1)).map(|node| node.0.clone());
    let at = |which: u8| usize::from(which) % list.len().max(1);
    let changed = match change {
        Change::Add(new) => {
            let name = new.name();
            let node = new.node(&name, table.layout());
            list.push((name.clone(), node.zone().map(<[u8]>::to_vec), node.weight(), node.state()));
            table.with_node(&node)
        }
        Change::Remove(which) => {
            let name = pick(*which)?;
            let at = at(*which);
            list.remove(at);
            table.without_node(&name)
        }
        Change::Reweight(which, bits) => {
            let name = pick(*which)?;
            let at = at(*which);
            list[at].2 = weight(*bits);
            table.with_weight(&name, weight(*bits))
        }
        Change::State(which, bits) => {
            let name = pick(*which)?;
            let at = at(*which);
            list[at].3 = state(*bits);
            table.with_state(&name, state(*bits))
        }
        Change::RemoveUnknown(node) => {
            let name = node.name();
            if table.index_of(&name).is_none() {
                let unknown = Err(BuildError::NoSuchNode);
                assert_eq!(table.without_node(&name).map(drop), unknown);
                assert_eq!(table.with_weight(&name, 1).map(drop), unknown);
                assert_eq!(table.with_state(&name, State::Up).map(drop), unknown);
            }
            return None;
        }
    };
    let nodes: Vec<Node<'_>> = list
        .iter()
        .map(|(name, zone, weight, state)| {
            let node = Node::from_bytes(name).with_weight(*weight).with_state(*state);
            zone.as_ref().map_or(node, |zone| node.with_zone(zone))
        })
        .collect();
    match (changed, Table::new(table.layout(), &nodes)) {
        (Ok(changed), Ok(built)) => {
            assert_same(&changed, &built);
            Some(changed)
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other, "the same refusal");
            None
        }
        (one, other) => panic!("changed: {:?}, built: {:?}", one.map(drop), other.map(drop)),
    }
}

fn check_moved(from: &Table, to: &Table) {
    match from.moved(to) {
        Ok(moved) => assert_eq!(moved.collect::<Vec<_>>(), slowly(from, to)),
        Err(_) => assert!(from.position_max().is_none(), "one layout has common positions"),
    }
}

/// Every range that moves, from both tables' owners on each piece where neither changes.
fn slowly(from: &Table, to: &Table) -> Vec<MovedRange> {
    let mut ends = vec![from.position_max().expect("it has positions")];
    for table in [from, to] {
        ends.extend(table.segments().into_iter().flatten().map(|segment| segment.hi));
    }
    ends.sort_unstable();
    ends.dedup();
    let name = |table: &Table, index: Option<NodeIndex>| {
        index.map(|index| table.node(index).expect("a node").name().to_vec())
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
