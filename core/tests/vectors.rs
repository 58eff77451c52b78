//! Replays `spec/vectors`: what every implementation must answer.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::vectors::{
    Inputs, LAYOUT_FILES, bytes, cases, digest, distinct, hex_u64, layout, node, node_list, rows,
    rule, rule_bytes,
};
use ringway::{
    BuildError, Layout, Node, NodeIndex, Placement, Point, RingBuilder, Table, key_hash,
};
use serde_json::Value;

#[test]
fn xxh3() {
    for case in cases("xxh3.json", 60) {
        let input = rule_bytes(case["length"].as_u64().unwrap());
        assert_eq!(key_hash(&input), hex_u64(&case["hash"]), "{} bytes", case["length"]);
    }
}

#[test]
fn every_layout_has_a_file() {
    let named: Vec<String> = Layout::names().iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(named, LAYOUT_FILES);
}

#[test]
fn tables() {
    for case in LAYOUT_FILES.iter().flat_map(|file| cases(file, 17)) {
        let inputs = Inputs::of(&case);
        let table = Table::new(&layout(&case).unwrap(), &inputs.nodes()).unwrap();
        let eligible = case["eligible"].as_u64().unwrap();
        for row in rows(&case, "keys") {
            check_key(&case, row, &table);
        }
        if let Some(row) = rows(&case, "keys").next() {
            assert_eq!(table.walk(&bytes(row, "key")).count() as u64, eligible);
        }
        for row in rows(&case, "positions") {
            let hash = row["position"].as_u64().unwrap() << 32;
            for hash in [hash, hash | 0xffff_ffff] {
                let owner = table.owner_by_hash(hash);
                assert_eq!(owner, node(&row["owner"]), "{} {row}", case["name"]);
                let walk: Vec<NodeIndex> = table.walk_by_hash(hash).take(8).collect();
                assert_eq!(walk, node_list(&row["walk"]), "{} {row}", case["name"]);
            }
        }
        for row in rows(&case, "replicas") {
            let k = usize::try_from(row["k"].as_u64().unwrap()).unwrap();
            let mut out = vec![NodeIndex::new(0); k];
            let filled = table.owners(&bytes(row, "key"), &mut out);
            assert_eq!(out[..filled], node_list(&row["owners"]), "{} {row}", case["name"]);
            let hash = table.key_hash(&bytes(row, "key")).unwrap();
            let mut by_hash = vec![NodeIndex::new(0); k];
            assert_eq!(table.owners_by_hash(hash, &mut by_hash), filled);
            assert_eq!(by_hash, out, "{} {row}", case["name"]);
        }
        for row in rows(&case, "many") {
            let owners = rule(&row["keys_rule"])
                .into_iter()
                .map(|key| table.owner(key.as_bytes()).map_or(u32::MAX, NodeIndex::get));
            assert_eq!(digest(owners), hex_u64(&row["owners_digest"]), "{}", case["name"]);
            let keys = rule(&row["keys_rule"]);
            let mut owners = vec![None; keys.len()];
            assert_eq!(table.owner_many(&keys, &mut owners), keys.len());
            let owners = owners.into_iter().map(|owner| owner.map_or(u32::MAX, NodeIndex::get));
            assert_eq!(digest(owners), hex_u64(&row["owners_digest"]), "{}", case["name"]);
        }
    }
}

/// The same rings without an allocator, in more memory than they need.
#[test]
fn rings() {
    for case in cases("ringway-v1.json", 60) {
        let inputs = Inputs::of(&case);
        let builder = RingBuilder::new().with_layout(layout(&case).unwrap());
        let owned = builder.build(&inputs.nodes()).unwrap();
        assert_eq!(owned.points().len() as u64, case["points"].as_u64().unwrap());
        assert_eq!(owned.owner_count() as u64, case["eligible"].as_u64().unwrap());
        let memory = vec![Point::EMPTY; builder.storage_needed(&inputs.nodes()) + 3];
        let fixed = builder.build_in(&inputs.nodes(), memory).unwrap();
        for row in rows(&case, "keys") {
            assert_eq!(fixed.owner(&bytes(row, "key")), node(&row["owner"]), "{row}");
        }
        for row in rows(&case, "positions") {
            let hash = row["position"].as_u64().unwrap() << 32;
            assert_eq!(fixed.owner_by_hash(hash), node(&row["owner"]), "{row}");
            assert_eq!(owned.as_view().owner_by_hash(hash), node(&row["owner"]), "{row}");
            assert_eq!(distinct(owned.walk(hash), 8), node_list(&row["walk"]), "{row}");
        }
        for row in rows(&case, "many") {
            let owners = rule(&row["keys_rule"])
                .into_iter()
                .map(|key| fixed.owner(key.as_bytes()).map_or(u32::MAX, NodeIndex::get));
            assert_eq!(digest(owners), hex_u64(&row["owners_digest"]), "{}", case["name"]);
        }
    }
}

fn check_key(case: &Value, row: &Value, table: &Table) {
    let key = bytes(row, "key");
    let context = format!("{} {row}", case["name"]);
    assert_eq!(table.hash_bits(), Some(64));
    assert_eq!(table.key_hash(&key), Some(hex_u64(&row["hash"])), "{context}");
    assert_eq!(table.position(&key), row["position"].as_u64(), "{context}");
    assert_eq!(table.owner(&key), node(&row["owner"]), "{context}");
    assert_eq!(table.owner_by_hash(hex_u64(&row["hash"])), node(&row["owner"]), "{context}");
    let walk: Vec<NodeIndex> = table.walk(&key).take(8).collect();
    assert_eq!(walk, node_list(&row["walk"]), "{context}");
}

#[test]
fn segments() {
    for case in [cases("segments.json", 20), cases("segments-native.json", 8)].concat() {
        let table = Table::new(&layout(&case).unwrap(), &Inputs::of(&case).nodes()).unwrap();
        let segments: Vec<[u32; 3]> = match table.segments() {
            None => Vec::new(),
            Some(segments) => segments
                .map(|s| {
                    [u32::try_from(s.lo).unwrap(), u32::try_from(s.hi).unwrap(), s.owner.get()]
                })
                .collect(),
        };
        assert_eq!(segments.len() as u64, case["count"].as_u64().unwrap(), "{}", case["name"]);
        assert_eq!(digest(segments.iter().flatten().copied()), hex_u64(&case["digest"]));
        if let Some(expected) = case.get("segments") {
            assert_eq!(serde_json::to_value(&segments).unwrap(), *expected, "{}", case["name"]);
        }
    }
}

#[test]
fn errors() {
    for case in [cases("errors.json", 60), cases("errors-native.json", 10)].concat() {
        let inputs = Inputs::of(&case);
        let nodes = inputs.nodes();
        let table = layout(&case).and_then(|layout| Table::new(&layout, &nodes));
        let found = table.as_ref().err().map(BuildError::name);
        assert_eq!(found, case["error"].as_str(), "{case}");
        if let Some(index) = case["node"].as_u64() {
            let about = match table.as_ref().unwrap_err() {
                BuildError::BadText { index, .. }
                | BuildError::WeightUnsupported { index, .. }
                | BuildError::DrainUnsupported { index } => *index,
                BuildError::DuplicateName { second, .. } => *second,
                other => panic!("{other:?} is about no node: {case}"),
            };
            assert_eq!(about as u64, index, "{case}");
        }
        if case["layout"] == "ringway-v1" {
            check_fixed(&case, &nodes, &table);
        }
    }
}

/// The same answer without an allocator, where there is memory enough.
fn check_fixed(case: &Value, nodes: &[Node<'_>], table: &Result<Table, BuildError>) {
    let fixed = layout(case).and_then(|layout| {
        let builder = RingBuilder::new().with_layout(layout);
        let memory = builder.storage_needed(nodes).min(1 << 17).max(nodes.len());
        builder.build_in(nodes, vec![Point::EMPTY; memory])
    });
    match (table, &fixed) {
        (Err(error), Err(other)) => assert_eq!(error, other, "{case}"),
        (Ok(_), Ok(ring)) => {
            assert_eq!(ring.points().len() as u64, case["points"].as_u64().unwrap());
        }
        (Ok(_), Err(BuildError::StorageTooSmall { needed, .. })) => {
            assert_eq!(*needed as u64, case["points"].as_u64().unwrap(), "{case}");
        }
        (table, fixed) => panic!("{:?} but in place {fixed:?}: {case}", table.is_ok()),
    }
}

#[test]
fn snapshots() {
    for case in cases("snapshots.json", 50) {
        if let Some(error) = case["error"].as_str() {
            let refused = Table::from_bytes(&bytes(&case, "bytes")).unwrap_err();
            assert_eq!(refused.name(), error, "{}", case["name"]);
            continue;
        }
        let inputs = Inputs::of(&case);
        let table = Table::new(&layout(&case).unwrap(), &inputs.nodes()).unwrap();
        assert_eq!(table.fingerprint(), hex_u64(&case["fingerprint"]), "{}", case["name"]);
        let written = table.to_bytes();
        assert_eq!(written.len() as u64, case["length"].as_u64().unwrap(), "{}", case["name"]);
        if case.get("bytes_hex").is_some() {
            assert_eq!(written, bytes(&case, "bytes"), "{}", case["name"]);
        }
        assert!(written.ends_with(&table.fingerprint().to_le_bytes()));
        let again = Table::from_bytes(&written).unwrap();
        assert!(again.nodes().eq(table.nodes()) && again.layout() == table.layout());
    }
}
