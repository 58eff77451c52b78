//! The cases of `spec/vectors`, read.

use std::{fs, path::Path};

use ringway::{BuildError, Layout, Node, NodeIndex, OptionValue, State, key_hash};
use serde_json::Value;

/// One file for each layout.
pub(crate) const LAYOUT_FILES: [&str; 8] = [
    "ringway-v1.json",
    "jump-v1.json",
    "jumpback-v1.json",
    "rendezvous-v1.json",
    "maglev-v1.json",
    "balanced-v1.json",
    "ringway-keyed-v1.json",
    "memento-v1.json",
];

/// The cases of a file; there are at least so many, lest an empty file pass.
pub(crate) fn cases(file: &str, at_least: usize) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let mut content: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(cases) = content["cases"].take() else { panic!("{file} has no cases") };
    assert!(cases.len() >= at_least, "{file} has {} cases", cases.len());
    cases
}

pub(crate) fn rows<'a>(case: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    case[field].as_array().unwrap().iter()
}

pub(crate) fn layout(case: &Value) -> Result<Layout, BuildError> {
    let mut layout = Layout::from_name(case["layout"].as_str().unwrap())?;
    for option in rows(case, "options") {
        let list: Vec<u32>;
        let value = match &option[1] {
            Value::Bool(value) => OptionValue::Boolean(*value),
            Value::Number(value) => OptionValue::Integer(value.as_i64().unwrap()),
            Value::String(value) => OptionValue::Text(value),
            Value::Array(values) => {
                let fitting = |value: &Value| value.as_u64().and_then(|it| it.try_into().ok());
                list = values.iter().map(|value| fitting(value).unwrap_or(u32::MAX)).collect();
                OptionValue::List(&list)
            }
            other => panic!("an option's value {other}"),
        };
        layout = layout.with_option(option[0].as_str().unwrap(), value)?;
    }
    Ok(layout)
}

/// The nodes of a case, which `Node` borrows from.
pub(crate) struct Inputs(Vec<Input>);

struct Input {
    name: Vec<u8>,
    weight: u32,
    zone: Option<Vec<u8>>,
    state: State,
}

impl Inputs {
    pub(crate) fn of(case: &Value) -> Self {
        if let Some(names) = case.get("nodes_rule") {
            let plain = |name: String| {
                let name = name.into_bytes();
                Input { name, weight: 1, zone: None, state: State::Up }
            };
            return Self(rule(names).into_iter().map(plain).collect());
        }
        let input = |node: &Value| {
            let weight = node.get("weight").map_or(1, |weight| weight.as_u64().unwrap());
            let zoned = ["zone", "zone_hex", "zone_length"].iter().any(|f| node.get(*f).is_some());
            let state = node.get("state").map_or("up", |state| state.as_str().unwrap());
            Input {
                name: bytes(node, "name"),
                weight: u32::try_from(weight).unwrap(),
                zone: zoned.then(|| bytes(node, "zone")),
                state: State::from_name(state).unwrap(),
            }
        };
        Self(rows(case, "nodes").map(input).collect())
    }

    pub(crate) fn nodes(&self) -> Vec<Node<'_>> {
        self.0.iter().map(Input::node).collect()
    }
}

impl Input {
    fn node(&self) -> Node<'_> {
        let node = Node::from_bytes(&self.name).with_weight(self.weight).with_state(self.state);
        match &self.zone {
            Some(zone) => node.with_zone(zone),
            None => node,
        }
    }
}

pub(crate) fn bytes(row: &Value, field: &str) -> Vec<u8> {
    if let Some(text) = row.get(field) {
        return text.as_str().unwrap().as_bytes().to_vec();
    }
    if let Some(length) = row.get(format!("{field}_length")) {
        return rule_bytes(length.as_u64().unwrap());
    }
    let hex = row[format!("{field}_hex")].as_str().unwrap().as_bytes();
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    hex.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The bytes that `F_length` n stands for.
pub(crate) fn rule_bytes(length: u64) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((7 * i + length) % 251).unwrap()).collect()
}

/// The texts of a rule of prefix, digits, first and count.
pub(crate) fn rule(rule: &Value) -> Vec<String> {
    let number = |field: &str| rule[field].as_u64().unwrap();
    let digits = usize::try_from(number("digits")).unwrap();
    let prefix = rule["prefix"].as_str().unwrap();
    (number("first")..number("first") + number("count"))
        .map(|number| format!("{prefix}{number:0digits$}"))
        .collect()
}

pub(crate) fn hex_u64(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

pub(crate) fn node(value: &Value) -> Option<NodeIndex> {
    value.as_u64().map(|index| NodeIndex::new(u16::try_from(index).unwrap()))
}

pub(crate) fn node_list(value: &Value) -> Vec<NodeIndex> {
    value.as_array().unwrap().iter().map(|index| node(index).unwrap()).collect()
}

pub(crate) fn distinct(walk: impl Iterator<Item = NodeIndex>, at_most: usize) -> Vec<NodeIndex> {
    let mut found = Vec::new();
    for node in walk {
        if found.len() == at_most {
            break;
        }
        if !found.contains(&node) {
            found.push(node);
        }
    }
    found
}

pub(crate) fn digest(numbers: impl Iterator<Item = u32>) -> u64 {
    key_hash(&numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
}
