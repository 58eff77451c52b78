//! The table: walks, zones, segments and names against slow twins.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::HashSet;

use common::{Random, index, names};
use ringway::{Layout, Node, NodeIndex, Placement, Ring, Segment, State, Table};

/// Tables of every kind: sizes, weights, zones, states.
fn tables() -> Vec<(Vec<Node<'static>>, Table)> {
    let mut random = Random(21);
    let names: &'static [String] = names("node", 400).leak();
    let zones: [&'static [u8]; 5] = [b"a", b"b", b"c", b"d", b"\xff"];
    let mut tables = Vec::new();
    for count in [0, 1, 2, 3, 5, 16, 17, 18, 33, 64, 65, 100, 400] {
        for zone_count in [0, 1, 2, 5] {
            let nodes: Vec<Node<'static>> = names[..count]
                .iter()
                .map(|name| {
                    let node = Node::new(name).with_weight([1, 1, 1, 2, 0][random.below(5)]);
                    let states = [State::Up, State::Up, State::Up, State::Down, State::Drain];
                    let node = node.with_state(states[random.below(5)]);
                    match random.below(6) {
                        // The last zone is rare.
                        draw if draw < zone_count.min(4) => node.with_zone(zones[draw]),
                        4 if zone_count == 5 && random.below(20) == 0 => node.with_zone(zones[4]),
                        _ => node,
                    }
                })
                .collect();
            let layout = Layout::RingwayV1 { vnodes: 40, hash_tag: None };
            let table = Table::new(&layout, &nodes).unwrap();
            tables.push((nodes, table));
        }
    }
    tables
}

fn eligible(nodes: &[Node<'_>]) -> usize {
    nodes.iter().filter(|node| node.weight() > 0 && node.state() != State::Drain).count()
}

#[test]
fn walks_visit_each_eligible_node_once() {
    for (nodes, table) in tables() {
        for number in 0..20u32 {
            let key = number.to_le_bytes();
            let walk: Vec<NodeIndex> = table.walk(&key).collect();
            assert_eq!(walk.len(), eligible(&nodes));
            assert_eq!(walk.iter().collect::<HashSet<_>>().len(), walk.len(), "distinct");
            assert!(walk.iter().all(|node| nodes[node.as_usize()].effective_weight() > 0));
            assert_eq!(walk.first().copied(), table.owner(&key));
            assert!(table.walk(&key).size_hint().1.unwrap() >= walk.len());
        }
    }
}

#[test]
fn owners_take_one_of_each_zone_first() {
    let mut spread = 0;
    for (nodes, table) in tables() {
        for number in 0..12u32 {
            let key = number.to_le_bytes();
            let (mut zones, mut first, mut rest) = (HashSet::new(), Vec::new(), Vec::new());
            for node in table.walk(&key) {
                match nodes[node.as_usize()].zone() {
                    Some(zone) if !zones.insert(zone) => rest.push(node),
                    _ => first.push(node),
                }
            }
            spread += usize::from(!rest.is_empty());
            let expected = [first, rest].concat();
            for k in [0, 1, 2, 3, 5, 15, 16, 17, 20, 64, nodes.len(), nodes.len() + 3] {
                let mut out = vec![NodeIndex::new(u16::MAX); k];
                let filled = table.owners(&key, &mut out);
                assert_eq!(filled, k.min(expected.len()), "{} nodes, k {k}", nodes.len());
                assert_eq!(out[..filled], expected[..filled], "{} nodes, k {k}", nodes.len());
            }
        }
    }
    assert!(spread > 100, "zones were asked for {spread} times only");
}

#[test]
fn segments_cover_the_ring_and_agree_with_the_owner() {
    for (nodes, table) in tables() {
        let Some(segments) = table.segments() else {
            assert_eq!(eligible(&nodes), 0);
            continue;
        };
        let segments: Vec<Segment> = segments.collect();
        assert_eq!(segments.first().unwrap().lo, 0);
        assert_eq!(Some(segments.last().unwrap().hi), table.position_max());
        for pair in segments.windows(2) {
            assert_eq!(pair[0].hi + 1, pair[1].lo);
            assert_ne!(pair[0].owner, pair[1].owner, "neighbours are joined");
        }
        for segment in segments {
            assert!(segment.lo <= segment.hi);
            for position in [segment.lo, segment.lo.midpoint(segment.hi), segment.hi] {
                assert_eq!(table.owner_by_hash(position << 32), Some(segment.owner));
                assert_eq!(table.owner_by_hash(position << 32 | 0xffff_ffff), Some(segment.owner));
            }
        }
    }
}

#[test]
fn nodes_come_back_as_given() {
    for (nodes, table) in tables() {
        assert_eq!((table.len(), table.is_empty()), (nodes.len(), nodes.is_empty()));
        assert!(table.nodes().eq(nodes.iter().copied()));
        for (place, node) in nodes.iter().enumerate() {
            assert_eq!(table.node(index(place)), Some(*node));
            assert_eq!(table.index_of(node.name()), Some(index(place)));
        }
        assert_eq!(table.node(index(nodes.len())), None);
        for stranger in [&b""[..], b"nod", b"node", b"node0 ", b"zzz", &[0xff; 2_000]] {
            assert_eq!(table.index_of(stranger), None);
        }
    }
}

#[test]
fn the_table_is_the_ring() {
    let names = names("node", 30);
    let nodes = common::nodes(&names);
    let ring = Ring::new(&nodes).unwrap();
    let table = Table::new(&Layout::ringway_v1(), &nodes).unwrap();
    for number in 0..5_000u32 {
        let key = number.to_string();
        assert_eq!(table.owner(key.as_bytes()), ring.owner(key.as_bytes()));
        let hash = table.key_hash(key.as_bytes()).unwrap();
        assert_eq!(hash, ring.hash_key(key.as_bytes()));
        assert_eq!(table.position(key.as_bytes()), Some(hash >> 32));
    }
}

/// All 65,536 indices are nodes, the last one too; walks and replicas reach every one of them.
#[test]
fn as_many_nodes_as_there_can_be() {
    let names = names("n", 65_536);
    let nodes: Vec<Node<'_>> =
        names.iter().map(|name| Node::new(name).with_zone(&name.as_bytes()[..2])).collect();
    let layout = Layout::RingwayV1 { vnodes: 1, hash_tag: None };
    let table = Table::new(&layout, &nodes).unwrap();
    let last = index(65_535);
    assert_eq!(table.index_of(b"n65535"), Some(last));
    assert!(table.segments().unwrap().any(|segment| segment.owner == last));
    assert_eq!(table.walk(b"key").collect::<HashSet<_>>().len(), 65_536);
    let mut out = vec![NodeIndex::new(0); 65_540];
    assert_eq!(table.owners(b"key", &mut out), 65_536);
    assert_eq!(out[..65_536].iter().collect::<HashSet<_>>().len(), 65_536);
    let zones: HashSet<&[u8]> =
        out[..10].iter().map(|node| nodes[node.as_usize()].zone().unwrap()).collect();
    assert_eq!(zones.len(), 10, "one of each zone first");
}

#[test]
fn points_are_those_that_lookups_find() {
    let nodes = [Node::new("a"), Node::new("b").with_weight(2), Node::new("c").with_weight(0)];
    let native = Table::new(&Layout::ringway_v1(), &nodes).expect("a ring");
    let points: Vec<_> = native.points().expect("a ring").collect();
    assert_eq!(points.len(), 3 * 160);
    assert!(points.is_sorted_by_key(|&(position, _)| position));
    for &(position, owner) in &points {
        let position = u64::try_from(position).expect("32 bits");
        assert_eq!(native.owner_by_hash(position << 32), Some(owner));
    }
    assert!(
        Table::new(&Layout::from_name("jump-v1").unwrap(), &["a"].map(Node::new))
            .unwrap()
            .points()
            .is_none()
    );
}

#[cfg(feature = "compat")]
#[test]
fn points_have_their_programs_width() {
    let table = |layout: &str, options: &[(&str, i64)], node: Node<'_>| {
        let mut layout = Layout::from_name(layout).expect("a layout");
        for &(name, value) in options {
            layout =
                layout.with_option(name, ringway::OptionValue::Integer(value)).expect("an option");
        }
        Table::new(&layout, &[node, Node::new("b")]).expect("a table")
    };
    let ketama = table("uhashring-ketama", &[("vnodes", 10), ("replicas", 3)], Node::new("a"));
    let points: Vec<_> = ketama.points().expect("a ring").collect();
    assert_eq!(points.len(), 2 * 10 * 3);
    for &(position, owner) in &points {
        // A key belongs to the first point above its hash.
        let position = u64::try_from(position).expect("32 bits");
        assert_eq!(ketama.owner_by_hash(position - 1), Some(owner));
    }
    let wide = table("uhashring", &[], Node::new("a").with_vnodes(7).with_weight(2));
    let points: Vec<_> = wide.points().expect("a ring").collect();
    assert_eq!(points.len(), 14 + 160);
    assert_eq!(points.iter().filter(|(_, node)| node.get() == 0).count(), 14);
    // MD5 of "a-0", whole.
    assert!(
        points.iter().any(|&(position, _)| position == 0xa165_efd1_96e1_7ba1_95ad_4dc5_0028_b39a)
    );
    assert!(points.is_sorted_by_key(|&(position, _)| position));
    let sixty_four: Vec<_> = table("envoy-ring", &[], Node::new("a")).points().unwrap().collect();
    assert!(sixty_four.iter().any(|&(position, _)| position > u32::MAX.into()));
    assert!(sixty_four.iter().all(|&(position, _)| position <= u64::MAX.into()));
}
