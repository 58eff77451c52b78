//! Replays the shared vectors of every layout through `ringway map`.

mod common;

use std::fmt::Write as _;

use common::Folder;
use serde_json::Value;

#[test]
fn every_layout() {
    for layout in ringway::Layout::names() {
        replay(layout);
    }
}

fn replay(layout: &str) {
    let path = format!("{}/../spec/vectors/{layout}.json", env!("CARGO_MANIFEST_DIR"));
    let vectors = std::fs::read_to_string(path).expect("a file for each layout");
    let vectors: Value = serde_json::from_str(&vectors).expect("vectors are JSON");
    let folder = Folder::new();
    let (mut cases, mut keys) = (0, 0);
    for case in list(&vectors["cases"]) {
        // A cluster file has nodes, and their names are printable text; core replays the rest.
        let Some((names, text)) = cluster_file(case) else { continue };
        folder.file("c.toml", text);
        cases += 1;
        keys += replay_keys(&folder, case, &names);
        keys += replay_replicas(&folder, case, &names);
        keys += replay_many(&folder, case, &names);
    }
    assert!(cases >= 10 && keys >= 500, "{layout}: {cases} cases, {keys} keys");
}

/// Owners and, where no zone changes it, the walk.
fn replay_keys(folder: &Folder, case: &Value, names: &[String]) -> usize {
    let rows = list(&case["keys"]);
    let keys: Vec<Vec<u8>> = rows.iter().map(|row| bytes(row, "key").expect("a key")).collect();
    let answers = map(folder, &keys, 1);
    for (row, answer) in rows.iter().zip(&answers) {
        let owner = row["owner"].as_u64().map(|index| name(names, index));
        assert_eq!(answer.first(), owner, "case {}, key {row}", case["name"]);
    }
    if list(&case["nodes"]).iter().all(|node| bytes(node, "zone").is_none()) {
        for (row, answer) in rows.iter().zip(map(folder, &keys, 8)) {
            let walk = list(&row["walk"]).iter().take(8);
            let walk = walk.map(|index| name(names, index.as_u64().expect("an index")));
            assert_eq!(answer.iter().collect::<Vec<_>>(), walk.collect::<Vec<_>>(), "{row}");
        }
    }
    keys.len()
}

fn replay_replicas(folder: &Folder, case: &Value, names: &[String]) -> usize {
    let rows = list(&case["replicas"]);
    for row in rows {
        let k = row["k"].as_u64().expect("a number");
        if k == 0 {
            continue;
        }
        let answer = map(folder, &[bytes(row, "key").expect("a key")], k).remove(0);
        let owners: Vec<&String> = list(&row["owners"])
            .iter()
            .map(|index| name(names, index.as_u64().expect("an index")))
            .collect();
        assert_eq!(answer.iter().collect::<Vec<_>>(), owners, "case {}, {row}", case["name"]);
    }
    rows.len()
}

fn replay_many(folder: &Folder, case: &Value, names: &[String]) -> usize {
    let mut count = 0;
    for row in list(&case["many"]) {
        let keys: Vec<Vec<u8>> = rule(&row["keys_rule"]).map(String::into_bytes).collect();
        let indices: std::collections::HashMap<&str, u32> =
            names.iter().map(String::as_str).zip(0..).collect();
        let owners = map(folder, &keys, 1).into_iter().flat_map(|answer| {
            let index = answer.first().map_or(u32::MAX, |name| indices[name.as_str()]);
            index.to_le_bytes()
        });
        let digest = ringway::key_hash(&owners.collect::<Vec<u8>>());
        assert_eq!(row["owners_digest"], format!("{digest:016x}"), "case {}", case["name"]);
        count += keys.len();
    }
    count
}

/// The nodes of each key, as the command prints them.
fn map(folder: &Folder, keys: &[Vec<u8>], k: u64) -> Vec<Vec<String>> {
    let mut input = String::new();
    for key in keys {
        for byte in key {
            let _ = write!(input, "{byte:02x}");
        }
        input.push('\n');
    }
    let k = k.min(65_536).to_string();
    let args = ["map", "--cluster", "c.toml", "--format", "hex", "--replicas", &k];
    let run = folder.run(&args, input.as_bytes());
    assert!(run.status() <= 1, "{}", run.error());
    let lines: Vec<&str> = run.text().lines().collect();
    assert_eq!(lines.len(), keys.len());
    let answers = lines.iter().zip(input.lines()).map(|(line, key)| {
        let nodes = line.strip_prefix(key).and_then(|rest| rest.strip_prefix('\t'));
        let nodes = nodes.expect("the key, a tab, the nodes").split('\t');
        nodes.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    });
    answers.collect()
}

/// The names in order and the cluster file, if there can be one.
fn cluster_file(case: &Value) -> Option<(Vec<String>, String)> {
    let mut text = format!("layout = {}\n[options]\n", case["layout"]);
    for option in list(&case["options"]) {
        let _ = writeln!(text, "{} = {}", option[0].as_str()?, option[1]);
    }
    let mut names = Vec::new();
    if case["nodes_rule"].is_object() {
        for name in rule(&case["nodes_rule"]) {
            let _ = writeln!(text, "[[node]]\nname = {}", Value::from(name.as_str()));
            names.push(name);
        }
    }
    for node in case["nodes"].as_array().into_iter().flatten() {
        let name = String::from_utf8(bytes(node, "name")?).ok()?;
        // What JSON escapes, TOML escapes the same way.
        let _ = writeln!(text, "[[node]]\nname = {}", Value::from(name.as_str()));
        for field in ["weight", "state"] {
            if !node[field].is_null() {
                let _ = writeln!(text, "{field} = {}", node[field]);
            }
        }
        if let Some(zone) = bytes(node, "zone") {
            let _ = writeln!(text, "zone = {}", Value::from(String::from_utf8(zone).ok()?));
        }
        names.push(name);
    }
    let printable = |name: &String| !name.bytes().any(|byte| byte.is_ascii_control());
    (!names.is_empty() && names.iter().all(printable)).then_some((names, text))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn name(names: &[String], index: u64) -> &String {
    &names[usize::try_from(index).expect("an index")]
}

/// Bytes in one of the three forms of the vectors.
fn bytes(row: &Value, field: &str) -> Option<Vec<u8>> {
    if let Some(text) = row[field].as_str() {
        return Some(text.as_bytes().to_vec());
    }
    if let Some(hex) = row[format!("{field}_hex")].as_str() {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        return Some((0..hex.len()).step_by(2).map(byte).collect());
    }
    let length = row[format!("{field}_length")].as_u64()?;
    Some((0..length).map(|i| u8::try_from((7 * i + length) % 251).expect("below 251")).collect())
}

/// The texts of a rule.
fn rule(rule: &Value) -> impl Iterator<Item = String> + '_ {
    let number = |field: &str| rule[field].as_u64().expect("a number");
    let prefix = rule["prefix"].as_str().expect("a text");
    let digits = usize::try_from(number("digits")).expect("few digits");
    let (first, count) = (number("first"), number("count"));
    (first..first + count).map(move |number| format!("{prefix}{number:0digits$}"))
}
