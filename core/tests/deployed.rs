//! Deployed programs' layouts against what the programs answered (`spec/upstream`).
#![cfg(feature = "compat")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use ringway::{Layout, Node, OptionValue, State, Table};
use serde_json::Value;

/// A recorded file: its case, and its rows of key and node.
struct Recorded {
    name: String,
    case: Value,
    rows: Vec<(Vec<u8>, String)>,
}

/// Every recorded file of that kind.
fn recorded(kind: &str) -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/upstream");
    let mut paths: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let (first, rest) = text.split_once('\n')?;
        let case: Value = serde_json::from_str(first.strip_prefix("# case: ")?).unwrap();
        if case["kind"] != kind {
            return None;
        }
        let rows = rest.lines().filter(|line| !line.starts_with("# ")).map(|line| {
            let (key, node) = line.rsplit_once('\t').unwrap();
            (unescaped(key), node.to_owned())
        });
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Some(Recorded { name, rows: rows.collect(), case })
    };
    paths.iter().filter_map(read).collect()
}

fn unescaped(key: &str) -> Vec<u8> {
    let Some(digits) = key.strip_prefix("hex:") else { return key.into() };
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// The decimals of a weight, in millionths.
fn millionths(weight: &Value) -> u64 {
    let text = weight.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{decimals:0<6}").parse().unwrap()
}

/// The table that a case describes.
fn table(case: &Value) -> Table {
    let mut layout = Layout::from_name(case["layout"].as_str().unwrap()).unwrap();
    for (name, value) in case["options"].as_object().unwrap() {
        let value = match value {
            Value::String(text) => OptionValue::Text(text),
            Value::Bool(truth) => OptionValue::Boolean(*truth),
            number => OptionValue::Integer(number.as_i64().unwrap()),
        };
        layout = layout.with_option(name, value).unwrap();
    }
    let buckets = case["buckets"].as_u64().unwrap_or_default();
    let buckets: Vec<String> = (0..buckets).map(|bucket| bucket.to_string()).collect();
    let listed = case["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let tokens: Vec<Vec<i64>> = listed
        .iter()
        .map(|node| {
            let tokens = node["tokens"].as_array().map_or(&[][..], Vec::as_slice);
            tokens.iter().map(|token| token.as_i64().unwrap()).collect()
        })
        .collect();
    let listed = listed.iter().zip(&tokens).map(|(node, tokens)| {
        let mut made = Node::new(node["name"].as_str().unwrap())
            .with_weight_millionths(millionths(&node["weight"]));
        if let Some(state) = node["state"].as_str() {
            made = made.with_state(State::from_name(state).unwrap());
        }
        if let Some(address) = node["address"].as_str() {
            made = made.with_address(address);
        }
        if let Some(text) = node["hash_text"].as_str() {
            made = made.with_hash_text(text.as_bytes());
        }
        if let Some(id) = node["id"].as_u64() {
            made = made.with_id(u32::try_from(id).unwrap());
        }
        if let Some(guid) = node["guid"].as_str() {
            made = made.with_guid(guid.as_bytes());
        }
        if let Some(vnodes) = node["vnodes"].as_u64() {
            made = made.with_vnodes(u32::try_from(vnodes).unwrap());
        }
        if tokens.is_empty() { made } else { made.with_tokens(tokens) }
    });
    let nodes: Vec<Node<'_>> = listed.chain(buckets.iter().map(|name| Node::new(name))).collect();
    Table::new(&layout, &nodes).unwrap()
}

/// The name of a key's owner.
fn owner(table: &Table, key: &[u8]) -> String {
    let owner = table.owner(key).and_then(|index| table.node(index));
    owner.map_or("nobody".into(), |node| String::from_utf8_lossy(node.name()).into_owned())
}

#[test]
fn every_recorded_answer_is_given() {
    let files = recorded("map");
    let (mut rows, mut wrong) = (0, Vec::new());
    for file in &files {
        let table = table(&file.case);
        let misses =
            file.rows.iter().filter(|(key, node)| owner(&table, key) != *node).collect::<Vec<_>>();
        rows += file.rows.len();
        if let Some((key, node)) = misses.first() {
            let got = owner(&table, key);
            wrong.push(format!(
                "{}: {} of {} rows; {:?} is {node}, not {got}",
                file.name,
                misses.len(),
                file.rows.len(),
                String::from_utf8_lossy(key),
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    assert!(files.len() >= 388 && rows >= 150_000, "{} files, {rows} rows", files.len());
}
