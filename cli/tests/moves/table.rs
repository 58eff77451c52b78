//! The table of failures in the documents names tests: each must exist.

use std::{collections::BTreeSet, fs, path::Path};

/// Names of tests in a file: of functions, and of the lines of a macro that makes functions.
fn names(path: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let function = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                let made = line.split_once(':').map(|(name, _)| name);
                if let Some(name) = function.filter(|_| is_test) {
                    found.insert(name.to_owned());
                } else if let Some(name) = made.filter(|_| line.ends_with(';')) {
                    found.insert(name.to_owned());
                }
                is_test = line.starts_with("#[test]");
            }
        }
    }
}

#[test]
fn every_test_of_the_failure_table_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for crate_name in ["cli", "cluster", "node", "proxy", "store"] {
        names(&root.join(crate_name).join("tests"), &mut found);
    }
    let text = fs::read_to_string(root.join("docs/failures.md")).unwrap();
    let mut rows = 0;
    for row in text.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test in: {row}");
        for name in named {
            assert!(found.contains(name), "docs/failures.md names {name}, which is no test");
        }
        rows += 1;
    }
    assert!(rows > 15, "{rows} rows");
}
