//! Walks and replicas in every layout: finite, distinct, the owner first, as many as there can be,
//! over zones as the SPEC's slow rule says.
#![no_main]

mod shared;

use std::collections::HashSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway::{NodeIndex, Table};
use shared::AnyTable;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    table: AnyTable<'a>,
    keys: Vec<&'a [u8]>,
}

fuzz_target!(|input: Input<'_>| {
    let Ok(table) = input.table.build() else { return };
    let may_own = table.nodes().filter(|node| node.effective_weight() > 0).count();
    for key in input.keys.into_iter().take(3) {
        let walk: Vec<NodeIndex> = table.walk(key).take(table.len() + 1).collect();
        let distinct: HashSet<NodeIndex> = walk.iter().copied().collect();
        assert_eq!(
            (walk.len(), distinct.len()),
            (may_own, may_own),
            "each node that may own, once"
        );
        assert_eq!(walk.first().copied(), table.owner(key), "the owner comes first");
        for node in walk.iter().filter_map(|&index| table.node(index)) {
            assert!(node.effective_weight() > 0, "only nodes that may own");
        }
        let hash = table.key_hash(key).expect("every layout has a hash of 64 bits");
        assert!(table.walk_by_hash(hash).eq(walk.iter().copied()));

        let expected = over_zones(&table, &walk);
        for k in [0, 1, 2, 3, 5, 16, 17, may_own, table.len() + 1] {
            let mut out = vec![NodeIndex::new(u16::MAX); k];
            let count = table.owners(key, &mut out);
            assert_eq!(count, k.min(may_own), "as many as there can be");
            assert_eq!(out[..count], expected[..count], "the first {k} owners");
            let unused = NodeIndex::new(u16::MAX);
            assert!(out[count..].iter().all(|&index| index == unused), "the rest is untouched");
        }
    }
});

/// SPEC §6: first each node of the walk whose zone has not come yet, then the others in its order.
fn over_zones(table: &Table, walk: &[NodeIndex]) -> Vec<NodeIndex> {
    let mut zones = HashSet::new();
    let is_first = |&index: &NodeIndex| {
        let node = table.node(index).expect("a node");
        node.zone().is_none_or(|zone| zones.insert(zone.to_vec()))
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = walk.iter().copied().partition(is_first);
    first.extend(rest);
    first
}
