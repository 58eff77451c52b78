//! Tables of arbitrary nodes: nothing panics, and owner, walk, owners and segments agree.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway::{Layout, Node, NodeIndex, OptionValue, State, Table};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    vnodes: u8,
    tag: Option<&'a str>,
    nodes: Vec<(&'a [u8], u8, Option<&'a [u8]>, u8)>,
    keys: Vec<&'a [u8]>,
}

fuzz_target!(|input: Input<'_>| {
    let layout = Layout::ringway_v1();
    let Ok(layout) = layout.with_option("vnodes", OptionValue::Integer(input.vnodes.into())) else {
        return assert_eq!(input.vnodes, 0);
    };
    let layout = match input.tag {
        None => layout,
        Some(tag) => match layout.with_option("hash_tag", OptionValue::Text(tag)) {
            Ok(layout) => layout,
            Err(_) => return,
        },
    };
    let nodes: Vec<Node<'_>> = input
        .nodes
        .iter()
        .map(|&(name, weight, zone, state)| {
            let state = [State::Up, State::Down, State::Drain][usize::from(state % 3)];
            let node = Node::from_bytes(name).with_weight(weight.into()).with_state(state);
            zone.map_or(node, |zone| node.with_zone(zone))
        })
        .collect();
    let Ok(table) = Table::new(&layout, &nodes) else { return };
    let may_own = nodes.iter().filter(|node| node.effective_weight() > 0).count();
    for key in input.keys {
        let owner = table.owner(key);
        assert_eq!(owner.is_some(), may_own > 0);
        let walk: Vec<NodeIndex> = table.walk(key).collect();
        assert_eq!((walk.len(), walk.first().copied()), (may_own, owner));
        let mut owners = vec![NodeIndex::new(0); nodes.len() + 1];
        let count = table.owners(key, &mut owners);
        owners.truncate(count);
        assert_eq!((count, owners.first().copied()), (may_own, owner));
        let mut sorted = [walk, owners];
        sorted.iter_mut().for_each(|list| list.sort_unstable());
        assert_eq!(sorted[0], sorted[1]);
        let position = table.position(key);
        let segment = table.segments().and_then(|mut segments| {
            segments.find(|segment| position.is_some_and(|at| at <= segment.hi))
        });
        assert_eq!(segment.map(|segment| segment.owner), owner);
    }
});
