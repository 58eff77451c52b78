//! Bounded load (SPEC §18): vectors, and what must hold of any loads.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::{fs, path::Path};

use common::Random;
use proptest::prelude::*;
use ringway::{Layout, LoadFactor, Node, NodeIndex, OptionValue, SipKey, State, Table, key_hash};
use serde_json::Value;

#[test]
fn vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/bounded.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = rows(&file["cases"]);
    assert!(cases.len() >= 113);
    for case in cases {
        let table = table(case);
        let factor = u32::try_from(case["factor_permille"].as_u64().unwrap()).unwrap();
        let factor = LoadFactor::from_permille(factor).unwrap();
        let total = hex(&case["total"]);
        let loads: Vec<u64> = rows(&case["loads"]).iter().map(hex).collect();
        for (node, capacity) in rows(&case["capacities"]).iter().enumerate() {
            let found = table.capacity(common::index(node), factor, total);
            assert_eq!(found, Some(hex(capacity)), "{} {node}", case["name"]);
        }
        for row in rows(&case["keys"]) {
            let expected =
                row["owner"].as_u64().map(|n| common::index(usize::try_from(n).unwrap()));
            let key = row["key"].as_str().unwrap().as_bytes();
            let load = |node: NodeIndex| loads[node.as_usize()];
            let found = table.owner_bounded(key, factor, total, load);
            assert_eq!(found, expected, "{} {row}", case["name"]);
            let hash = table.key_hash(key).unwrap();
            assert_eq!(table.owner_bounded_by_hash(hash, factor, total, load), expected);
        }
        for row in rows(&case["greedy"]) {
            let mut loads = vec![0u64; table.len()];
            let mut answers = Vec::new();
            for (key, total) in keys(&row["keys_rule"]).iter().zip(0..) {
                let load = |node: NodeIndex| loads[node.as_usize()];
                let node = table.owner_bounded(key.as_bytes(), factor, total, load).unwrap();
                loads[node.as_usize()] += 1;
                answers.extend_from_slice(&node.get().to_le_bytes());
            }
            assert_eq!(key_hash(&answers), hex(&row["owners_digest"]), "{}", case["name"]);
            let expected: Vec<u64> =
                rows(&row["loads"]).iter().map(|load| load.as_u64().unwrap()).collect();
            assert_eq!(loads, expected, "{}", case["name"]);
        }
    }
}

/// Every layout, with whatever loads: the answer is the first of the walk below its capacity.
#[test]
fn the_first_that_has_room() {
    let mut random = Random(21);
    let names = common::names("node", 23);
    for name in Layout::names() {
        let table = Table::new(&layout(name), &common::nodes(&names)).unwrap();
        for round in 0..400u64 {
            let key = random.next_u64().to_le_bytes();
            let total = random.next_u64() >> (round % 64);
            let permille = 1_000 + u32::try_from(random.below(999_001) >> (round % 20)).unwrap();
            let factor = LoadFactor::from_permille(permille).unwrap();
            let loads: Vec<u64> = (0..table.len())
                .map(|node| {
                    let capacity = table.capacity(common::index(node), factor, total).unwrap();
                    // Around the capacity, where it matters; often full, so that walks are long.
                    match random.below(8) {
                        0 => capacity.saturating_sub(1),
                        1 => u64::MAX,
                        2 => random.next_u64(),
                        _ => capacity,
                    }
                })
                .collect();
            let expected = table.walk(&key).find(|&node| {
                loads[node.as_usize()] < table.capacity(node, factor, total).unwrap()
            });
            let found = table.owner_bounded(&key, factor, total, |node| loads[node.as_usize()]);
            assert_eq!(found, expected, "{name}, round {round}");
        }
        assert_eq!(table.capacity(NodeIndex::new(23), LoadFactor::MIN, 0), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Keys assigned one by one never lift a node above its capacity, and always find one.
    #[test]
    fn no_load_exceeds_its_capacity(
        weights in prop::collection::vec(0u32..9, 1..20),
        permille in prop_oneof![1_000u32..1_400, Just(1_000), Just(1_000_000)],
        count in 1u64..400,
        few_keys in any::<bool>(),
    ) {
        let names = common::names("n", weights.len());
        let nodes: Vec<Node<'_>> = names
            .iter()
            .zip(&weights)
            .map(|(name, &weight)| Node::new(name).with_weight(weight))
            .collect();
        let table = Table::new(&Layout::ringway_v1(), &nodes).unwrap();
        let factor = LoadFactor::from_permille(permille).unwrap();
        let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let mut loads = vec![0u64; nodes.len()];
        for total in 0..count {
            let key = if few_keys { total % 3 } else { total };
            let load = |node: NodeIndex| loads[node.as_usize()];
            let Some(node) = table.owner_bounded(&key.to_le_bytes(), factor, total, load) else {
                prop_assert_eq!(sum, 0);
                return Ok(());
            };
            loads[node.as_usize()] += 1;
            for (&load, &weight) in loads.iter().zip(&weights) {
                let share = u64::from(permille) * (total + 1) * u64::from(weight);
                prop_assert!(load <= share.div_ceil(1_000 * sum));
            }
        }
    }
}

/// The sum of weights follows each change of a table.
#[test]
fn capacities_of_changed_tables() {
    let names = common::names("n", 4);
    let table = Table::new(&Layout::ringway_v1(), &common::nodes(&names)).unwrap();
    let changes = [
        table.with_node(&Node::new("x").with_weight(7)).unwrap(),
        table.without_node(b"n1").unwrap(),
        table.with_weight(b"n2", 5).unwrap(),
        table.with_state(b"n0", State::Drain).unwrap(),
        table.with_state(b"n0", State::Down).unwrap(),
        table.with_weight(b"n3", 0).unwrap().with_weight(b"n3", 2).unwrap(),
    ];
    for changed in changes {
        let nodes: Vec<Node<'_>> = changed.nodes().collect();
        let built = Table::new(changed.layout(), &nodes).unwrap();
        for node in 0..nodes.len() {
            let capacity = |table: &Table| {
                table.capacity(common::index(node), LoadFactor::default(), 1_000_000).unwrap()
            };
            assert_eq!(capacity(&changed), capacity(&built));
            let weights: u64 = nodes.iter().map(|node| u64::from(node.effective_weight())).sum();
            let weight = u64::from(nodes[node].effective_weight());
            assert_eq!(capacity(&built), (1_250 * 1_000_001 * weight).div_ceil(1_000 * weights));
        }
    }
}

#[test]
fn factors() {
    for (permille, valid) in [
        (0, false),
        (999, false),
        (1_000, true),
        (1_250, true),
        (1_000_000, true),
        (1_000_001, false),
        (u32::MAX, false),
    ] {
        assert_eq!(
            LoadFactor::from_permille(permille).map(LoadFactor::permille),
            valid.then_some(permille)
        );
    }
    assert_eq!(LoadFactor::default().to_string(), "1.250");
    assert_eq!(LoadFactor::MAX.to_string(), "1000.000");
}

fn layout(name: &str) -> Layout {
    match name {
        "ringway-keyed-v1" => Layout::ringway_keyed_v1(SipKey::new([7; 16])),
        _ => Layout::from_name(name).unwrap(),
    }
}

fn rows(list: &Value) -> &[Value] {
    list.as_array().unwrap()
}

fn hex(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn keys(rule: &Value) -> Vec<String> {
    let prefix = rule["prefix"].as_str().unwrap();
    let number = |field: &str| usize::try_from(rule[field].as_u64().unwrap()).unwrap();
    let (digits, first, count) = (number("digits"), number("first"), number("count"));
    (first..first + count).map(|number| format!("{prefix}{number:0digits$}")).collect()
}

/// The table of a case; in this file all texts are UTF-8.
fn table(case: &Value) -> Table {
    let mut layout = Layout::from_name(case["layout"].as_str().unwrap()).unwrap();
    for option in rows(&case["options"]) {
        let value = match &option[1] {
            Value::String(text) => OptionValue::Text(text),
            number => OptionValue::Integer(number.as_i64().unwrap()),
        };
        layout = layout.with_option(option[0].as_str().unwrap(), value).unwrap();
    }
    let Some(list) = case["nodes"].as_array() else {
        let names = keys(&case["nodes_rule"]);
        return Table::new(&layout, &common::nodes(&names)).unwrap();
    };
    let node = |row: &'_ Value| {
        let weight = row["weight"].as_u64().map_or(1, |weight| u32::try_from(weight).unwrap());
        let state = row["state"].as_str().map_or(State::Up, |name| State::from_name(name).unwrap());
        (row["name"].as_str().unwrap().to_owned(), weight, state)
    };
    let list: Vec<(String, u32, State)> = list.iter().map(node).collect();
    let nodes: Vec<Node<'_>> = list
        .iter()
        .map(|(name, weight, state)| Node::new(name).with_weight(*weight).with_state(*state))
        .collect();
    Table::new(&layout, &nodes).unwrap()
}
