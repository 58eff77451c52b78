//! docs/proxy.md names what is there: every metric, every code, every field, and no other.

mod support;

use std::{collections::BTreeSet, sync::Arc};

use ringway_node::{MemoryStore, Node, NodeOptions};
use ringway_store::{NodeStore, NodeStoreOptions};
use support::free_address::free_address;
use support::{Fake, NODE_TOKEN, admin, start};
use tokio::{net::TcpListener, runtime::Runtime};

const DOCUMENT: &str = include_str!("../../docs/proxy.md");

/// The rows of the tables of a section whose headings begin with `first`, cell by cell.
fn rows(section: &str, first: &str) -> Vec<Vec<String>> {
    let start = DOCUMENT.find(&format!("\n{section}\n")).expect("the section");
    let end = DOCUMENT[start + 4..].find("\n## ").map_or(DOCUMENT.len(), |end| start + 4 + end);
    let mut rows = Vec::new();
    let mut within = false;
    for line in DOCUMENT[start..end].lines() {
        let cells: Option<Vec<String>> = line.strip_prefix("| ").map(|line| {
            line.trim_end_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
        });
        match cells {
            Some(cells) if cells[0] == first => within = true,
            Some(cells) if within => rows.push(cells),
            None if !line.starts_with('|') => within = false,
            _ => {}
        }
    }
    assert!(!rows.is_empty(), "{section} has no table of {first}");
    rows
}

/// The names in a table's first column, without labels.
fn names(section: &str, first: &str) -> BTreeSet<String> {
    let name = |row: &Vec<String>| {
        let name = row[0].trim_matches('`');
        name.split('{').next().unwrap_or_default().to_owned()
    };
    rows(section, first).iter().map(name).collect()
}

/// The names of the families in Prometheus' text.
fn families(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    names.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn every_metric_and_code_of_the_proxy_is_documented() {
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "");
    let text = setup.admin("GET", "/metrics", "").text();
    assert_eq!(families(&text), names("## Metrics", "of the proxy"));

    let labelled = |name: &str, label: &str| -> BTreeSet<String> {
        let begin = format!("{name}{{{label}=\"");
        let lines = text.lines().filter_map(|line| line.strip_prefix(&begin));
        lines.filter_map(|line| line.split('"').next()).map(str::to_owned).collect()
    };
    let documented: BTreeSet<String> = rows("### Every answer of the proxy's own", "status")
        .iter()
        .map(|row| row[1].trim_matches('`').to_owned())
        .collect();
    assert_eq!(labelled("ringway_refusals_total", "code"), documented);
}

#[test]
fn every_metric_of_a_node_is_documented() {
    let proxied = Fake::echo();
    let setup = start(&[("n1", &proxied)], "path:1", "");
    let (data, control) = (free_address(), free_address());
    Runtime::new().expect("a runtime").block_on(async {
        let rows = MemoryStore::new("n1").expect("rows");
        let store = setup.proxy.node_address().to_string();
        let map = NodeStore::new(&store, NODE_TOKEN, NodeStoreOptions::default()).expect("a store");
        let data = TcpListener::bind(data).await.expect("the address");
        let listener = TcpListener::bind(control).await.expect("the address");
        let (options, quiet) = (NodeOptions::default(), Arc::new(|_: &str| {}));
        let node = Node::start(&rows, map, NODE_TOKEN, data, listener, options, quiet);
        let node = node.expect("a node");
        let asking = tokio::task::spawn_blocking(move || {
            admin(control, NODE_TOKEN, "GET", "/metrics", "").text()
        });
        let text = asking.await.expect("an answer");
        assert_eq!(families(&text), names("## Metrics", "of a node"));
        node.stop().await;
    });
}

#[test]
fn every_field_of_the_configuration_is_documented() {
    let mut section = "";
    let mut fields = BTreeSet::new();
    for line in include_str!("../ringway.example.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if let Some((name, value)) = line.split_once(" = ")
            && !line.starts_with('#')
        {
            let value = value.split('#').next().unwrap_or_default().trim();
            fields.insert((format!("{section}.{name}"), value.to_owned()));
        }
    }
    let rows = rows("## Configuration", "field");
    let known: BTreeSet<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(known, names("## Configuration", "field"));
    // Limits, where the example has the defaults.
    for (name, value) in fields.iter().filter(|(name, _)| name.starts_with("limits.")) {
        let row = rows.iter().find(|row| row[0] == format!("`{name}`")).expect("its row");
        assert_eq!(row[1], *value, "{name}");
    }
}

#[test]
fn every_code_of_the_admin_api_is_documented() {
    let table: String =
        rows("## The admin API", "status").iter().map(|row| row[1].clone()).collect();
    let sources = [
        include_str!("../src/admin/mod.rs"),
        include_str!("../src/admin/change.rs"),
        include_str!("../src/admin/levels.rs"),
        include_str!("../src/admin/moves.rs"),
        include_str!("../src/admin/ring.rs"),
        include_str!("../src/admin/view.rs"),
    ];
    let mut found = 0;
    for call in
        ["Refused::bad(", "Refused::conflict(", "Refused::new(", "Self::new(", "Self::conflict("]
    {
        for source in sources {
            for (start, _) in source.match_indices(call) {
                // The code is the first text of the call, before its message's.
                let rest = &source[start + call.len()..];
                let Some(code) = rest.split('"').nth(1) else { continue };
                if rest.find('"').is_some_and(|quote| quote < 60) {
                    assert!(table.contains(&format!("`{code}`")), "{code} is not documented");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 20, "only {found} codes were found");
}
