//! Deployed programs' layouts: `nginx` beside pingora-ketama, which follows nginx, with the same
//! answers; and every other ring, map and list.
//!
//! Dimensions: layout × nodes; keys of 16 bytes; addresses as names.
//!
//! ```text
//! cargo bench -p ringway-bench --bench deployed                print
//! cargo bench -p ringway-bench --bench deployed -- --record    and write results/*.csv
//! cargo bench -p ringway-bench --bench deployed -- nginx       only these layouts
//! ```
#![allow(clippy::print_stdout, reason = "a bench")]

use std::env;

use pingora_ketama::{Bucket, Continuum};
use ringway::{Layout, Node, OptionValue, Program, Table};
use ringway_bench::{Contestant, KEY_COUNT, Keys, NODE_COUNTS, Row, addresses, minima, record};

const ROUNDS: u32 = 20;

fn main() {
    let wanted: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let keys = Keys::new(16);
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let addresses = addresses(nodes);
        let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let ketama =
            Continuum::new(&addresses.iter().map(|&at| Bucket::new(at, 1)).collect::<Vec<_>>());
        let tables: Vec<(&str, Table)> = Program::ALL
            .iter()
            .filter(|program| {
                wanted.is_empty()
                    || program.name() == "nginx"
                    || wanted.iter().any(|name| name == program.name())
            })
            .filter_map(|&program| Some((program.name(), table(program, &names)?)))
            .collect();
        let (_, nginx) = tables.iter().find(|(name, _)| *name == "nginx").expect("it builds");
        // Whose a point is that two servers share, pingora-ketama leaves to its sort.
        let other = |key: &&[u8]| {
            let owner = nginx.owner(key).expect("an owner");
            ketama.node(key) != Some(addresses[owner.as_usize()])
        };
        let others = keys.iter().filter(other).count();
        assert!(others <= KEY_COUNT / 1_000, "{others} other answers");
        assert!(nodes > 100 || others == 0, "{others} other answers");
        let mut contestants: Vec<Contestant<'_>> = vec![(
            "pingora-ketama 0.9.1",
            Box::new(|block| {
                let port = |key: &[u8]| ketama.node(key).map_or(0, |at| u64::from(at.port()));
                keys.block(block).map(port).fold(0, u64::wrapping_add)
            }),
        )];
        for (name, table) in &tables {
            let pass = |block: usize| {
                let owner = |key: &[u8]| table.owner(key).map_or(0, |at| u64::from(at.get()));
                keys.block(block).map(owner).fold(0, u64::wrapping_add)
            };
            contestants.push((name, Box::new(pass)));
        }
        let best = minima(&mut contestants, ROUNDS);
        println!("\n{nodes} nodes: ns per lookup, times faster than pingora-ketama");
        for ((name, _), &ns) in contestants.iter().zip(&best) {
            println!("  {name:<30} {ns:>9.2} {:>7.2}", best[0] / ns);
            rows.push(Row { what: (*name).to_owned(), nodes, figure: ns, unit: "ns/lookup" });
        }
    }
    record("deployed", &rows);
}

/// The layout's table, where it takes such nodes, and keys that are no numbers.
fn table(program: Program, names: &[String]) -> Option<Table> {
    let mut layout = Layout::compat(program);
    if program == Program::Guava {
        layout = layout.with_option("hash", OptionValue::Text("murmur3_128")).ok()?;
    }
    let takes_nodes = !matches!(program, Program::Jump | Program::CassandraToken);
    // A score for each node and key: slow, and no ring.
    let is_quick = program != Program::Pymemcache || names.len() <= 100;
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    if takes_nodes && is_quick { Table::new(&layout, &nodes).ok() } else { None }
}
