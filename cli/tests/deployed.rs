//! Replays what deployed programs answered (`spec/upstream`) through `ringway map`, and holds
//! `docs/layouts.md` to it.

mod common;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use common::Folder;
use ringway::{Layout, Node, OptionValue, Program, State, Table};
use serde_json::Value;

#[test]
fn every_recorded_answer_through_a_cluster_file() {
    let folder = Folder::new();
    let (mut files, mut rows, mut wrong) = (0, 0, Vec::new());
    for path in recorded() {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let (first, rest) = text.split_once('\n').expect("lines");
        let Some(case) = first.strip_prefix("# case: ") else { continue };
        let case: Value = serde_json::from_str(case).expect("JSON");
        if case["kind"] != "map" {
            continue;
        }
        let expected: String =
            rest.lines().filter(|line| !line.starts_with("# ")).map(in_hexadecimal).collect();
        let keys: String = expected
            .lines()
            .map(|row| format!("{}\n", row.split_once('\t').expect("two columns").0))
            .collect();
        folder.file("c.toml", cluster_file(&case));
        let args = ["map", "--cluster", "c.toml", "--format", "hex"];
        let run = folder.run(&args, keys.as_bytes());
        let differing = || {
            let pairs = expected.lines().zip(run.text().lines());
            pairs.filter(|(expected, got)| expected != got).count()
        };
        if (run.status(), run.error(), run.text()) != (0, "", &expected) {
            let name = path.file_name().expect("a file").to_string_lossy();
            wrong.push(format!("{name}: {} rows differ; {}", differing(), run.error()));
        }
        files += 1;
        rows += expected.lines().count();
    }
    assert!(wrong.is_empty(), "{} of {files} files:\n{}", wrong.len(), wrong.join("\n"));
    assert!(files >= 388 && rows >= 150_000, "{files} files, {rows} rows");
}

/// The recorded files.
fn recorded() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/upstream");
    let list = |folder: PathBuf| {
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
    };
    let folders = list(root).filter(|path| path.is_dir());
    let mut files: Vec<_> = folders
        .flat_map(list)
        .filter(|path| path.extension().is_some_and(|end| end == "tsv"))
        .collect();
    files.sort();
    files
}

/// A row with its key as `--format hex` reads and prints it.
fn in_hexadecimal(row: &str) -> String {
    let (key, node) = row.rsplit_once('\t').expect("two columns");
    if let Some(digits) = key.strip_prefix("hex:") {
        return format!("{digits}\t{node}\n");
    }
    let mut line = String::new();
    for byte in key.bytes() {
        let _ = write!(line, "{byte:02x}");
    }
    line + "\t" + node + "\n"
}

/// The cluster file that says what a case says. What JSON writes as text, number, truth or list of
/// numbers, TOML writes the same way.
fn cluster_file(case: &Value) -> String {
    let mut text = format!("layout = {}\n[options]\n", case["layout"]);
    for (name, value) in case["options"].as_object().expect("options") {
        let _ = writeln!(text, "{name} = {value}");
    }
    for node in case["nodes"].as_array().into_iter().flatten() {
        text.push_str("[[node]]\n");
        for (name, value) in node.as_object().expect("a node") {
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    for bucket in 0..case["buckets"].as_u64().unwrap_or_default() {
        let _ = writeln!(text, "[[node]]\nname = \"{bucket}\"");
    }
    text
}

/// `docs/layouts.md` has a line for each program, with its options and what was recorded of it.
#[test]
fn the_documents_table_is_what_was_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/layouts.md");
    let text = fs::read_to_string(path).expect("UTF-8");
    let lines = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [layout, _, options, _, _, down, files, rows] = cells[..] else { return None };
        let number = |cell: &str| cell.replace(',', "").parse::<usize>().ok();
        let name = layout.strip_prefix('`')?.strip_suffix('`')?;
        Some((name, options, down, number(files)?, number(rows)?))
    });
    let table: Vec<_> = lines.collect();
    let names: Vec<_> = table.iter().map(|line| line.0).collect();
    let programs: Vec<_> = Program::ALL.iter().map(|program| program.name()).collect();
    assert_eq!(names, programs);
    let mut counted = HashMap::new();
    for path in recorded() {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let Some(case) = text.lines().next().and_then(|line| line.strip_prefix("# case: ")) else {
            continue;
        };
        let case: Value = serde_json::from_str(case).expect("JSON");
        if case["kind"] == "map" {
            let layout = case["layout"].as_str().expect("a text").to_owned();
            let (files, rows) = counted.entry(layout).or_insert((0, 0));
            *files += 1;
            *rows += text.lines().filter(|line| !line.starts_with("# ")).count();
        }
    }
    for (name, options, down, files, rows) in table {
        assert_eq!(counted.get(name), Some(&(files, rows)), "{name}");
        let program = Program::from_name(name).expect("named above");
        for option in program.option_names() {
            assert!(options.contains(&format!("`{option}`")), "{name}: {option}");
        }
        assert_eq!(options == "none", program.option_names().is_empty(), "{name}: {options}");
        let nodes = [Node::new("1:1"), Node::new("2:2").with_state(State::Down)];
        let mut layout = Layout::compat(program);
        if program == Program::Guava {
            layout = layout.with_option("hash", OptionValue::Text("crc32")).expect("an option");
        }
        assert_eq!(Table::new(&layout, &nodes).is_err(), down == "refused", "{name}: {down}");
    }
}
