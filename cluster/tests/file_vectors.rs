//! Replays the shared vectors of cluster files.

use ringway::OptionValue;
use ringway_cluster::ClusterFile;
use serde_json::Value;

const FILES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/cluster-files.json"));

#[test]
fn cluster_files() {
    let vectors: Value = serde_json::from_str(FILES).expect("vectors are JSON");
    let cases = vectors["cases"].as_array().expect("a list of cases");
    let (mut read, mut refused) = (0, 0);
    for case in cases {
        let bytes = bytes(case);
        let shown = String::from_utf8_lossy(&bytes);
        let result = ClusterFile::parse_bytes(&bytes, "vector")
            .and_then(|file| file.table().map(|table| (file, table)));
        match (case["error"].as_str(), result) {
            (None, Ok((file, table))) => {
                read += 1;
                assert_eq!(content(&file), expected_content(case), "{shown}");
                for row in case["owners"].as_array().expect("rows") {
                    let key = row["key"].as_str().expect("text");
                    let owner = table.owner(key.as_bytes()).map(|index| index.get());
                    assert_eq!(Value::from(owner), row["owner"], "{shown}\nkey {key:?}");
                }
            }
            (Some(name), Err(error)) => {
                refused += 1;
                assert_eq!(error.name(), name, "{shown}\n{error}");
                if let Some(line) = case["line"].as_u64() {
                    let found = error.line().and_then(|line| u64::try_from(line).ok());
                    assert_eq!(found, Some(line), "{shown}\n{error}");
                }
                if let Some(field) = case["field"].as_str() {
                    let field = if field.is_empty() { "\"\"" } else { field };
                    let found = error.field().expect("an error of a field");
                    let last = found.rsplit('.').next();
                    assert!(found == field || last == Some(field), "{shown}\n{error}\n{field}");
                }
                if let Some(node) = case["node"].as_u64() {
                    let place = format!("node[{node}]");
                    assert!(error.field().is_some_and(|it| it.starts_with(&place)), "{error}");
                }
            }
            (expected, result) => {
                panic!("{shown}\nexpected {expected:?}, got {:?}", result.map(|_| "a cluster"))
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

fn bytes(case: &Value) -> Vec<u8> {
    if let Some(hex) = case["file_hex"].as_str() {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        return (0..hex.len()).step_by(2).map(byte).collect();
    }
    let lines = case["lines"].as_array().expect("lines or file_hex");
    let text = |line: &Value| line.as_str().expect("text").to_owned() + "\n";
    lines.iter().map(text).collect::<String>().into_bytes()
}

fn content(file: &ClusterFile) -> Value {
    let nodes = file.nodes().iter().map(|node| {
        serde_json::json!({
            "name": node.name, "weight": node.weight, "zone": node.zone,
            "address": node.address, "control": node.control, "state": node.state.name(),
        })
    });
    let options = file.layout().options().map(|(name, value)| match value {
        OptionValue::Integer(number) => serde_json::json!([name, number]),
        OptionValue::Text(text) => serde_json::json!([name, text]),
        OptionValue::List(numbers) => serde_json::json!([name, numbers]),
        other => panic!("no option is {other:?}"),
    });
    serde_json::json!({
        "layout": file.layout().name(),
        "options": options.collect::<Vec<_>>(),
        "nodes": nodes.collect::<Vec<_>>(),
    })
}

fn expected_content(case: &Value) -> Value {
    // An option that is set to its default is as one that is not set.
    let options = case["options"].as_array().expect("a list");
    let defaults = [serde_json::json!(["vnodes", 160]), serde_json::json!(["removed", []])];
    let set = options.iter().filter(|option| !defaults.contains(option));
    serde_json::json!({
        "layout": case["layout"],
        "options": set.collect::<Vec<_>>(),
        "nodes": case["nodes"],
    })
}
