//! What the layouts cost and give: nanoseconds per lookup of a 16-byte key, the time to build,
//! the fullest node, and what one node more or less moves against the least possible (node by
//! node, what it owns more than before).
//!
//! ```text
//! cargo run --release -p ringway-bench --bin placements
//! ```
//!
//! Prints CSV. Times are the shortest of several passes, layouts in turns. Movement is counted on
//! 1,048,576 random hashes and set beside what nodes gain, below which no change can stay; balance
//! is exact where the layout has positions, else counted on the same hashes.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its table is what it is for")]

use std::time::Instant;

use ringway::{Layout, Node, NodeIndex, SipKey, Table};
use ringway_bench::{Contestant, Keys, Random, addresses, minima};

const HASHES: usize = 1 << 20;

fn main() {
    let keys = Keys::new(16);
    println!("layout,nodes,lookup_ns,build_us,fullest_by_mean,added_by_least,removed_by_least");
    for count in [10, 100, 1_000] {
        let layouts = Layout::names().iter().filter_map(|name| layout(name));
        let tables: Vec<(Table, f64)> =
            layouts.map(|layout| timed(|| table(&layout, &names(count)))).collect();
        let mut contestants: Vec<Contestant<'_>> = tables
            .iter()
            .map(|(table, _)| -> Contestant<'_> {
                let pass = |block| keys.block(block).map(|key| number(table.owner(key))).sum();
                (table.layout().name(), Box::new(pass))
            })
            .collect();
        let times = minima(&mut contestants, 5);
        for ((of_table, build_us), time) in tables.iter().zip(times) {
            let layout = of_table.layout();
            let grown = table(layout, &names(count + 1));
            // The jump layouts can lose their last node only; the others lose one in the middle.
            let lost = if layout.name().starts_with("jump") { count - 1 } else { count / 2 };
            let lost = names(count).swap_remove(usize::from(lost));
            let shrunk = of_table.without_node(lost.as_bytes()).expect("it is there");
            println!(
                "{},{count},{time:.2},{build_us:.0},{:.3},{:.3},{:.3}",
                layout.name(),
                fullest(of_table),
                moved(of_table, &grown),
                moved(of_table, &shrunk),
            );
        }
    }
}

fn layout(name: &str) -> Option<Layout> {
    match name {
        "ringway-keyed-v1" => Some(Layout::ringway_keyed_v1(SipKey::new([7; 16]))),
        _ => Layout::from_name(name).ok(),
    }
}

fn names(count: u16) -> Vec<String> {
    addresses(count).iter().map(ToString::to_string).collect()
}

fn table(layout: &Layout, names: &[String]) -> Table {
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    Table::new(layout, &nodes).expect("distinct names, within the limits")
}

fn timed(build: impl Fn() -> Table) -> (Table, f64) {
    let mut best = f64::MAX;
    let mut built = build();
    for _ in 0..3 {
        let start = Instant::now();
        built = build();
        best = best.min(start.elapsed().as_secs_f64() * 1e6);
    }
    (built, best)
}

fn hashes() -> impl Iterator<Item = u64> {
    let mut random = Random::new(7);
    (0..HASHES).map(move |_| random.next_u64())
}

fn number(owner: Option<NodeIndex>) -> u64 {
    owner.map_or(0, |owner| u64::from(owner.get()))
}

/// What the fullest node has, by the mean: exactly where the layout has positions.
fn fullest(table: &Table) -> f64 {
    let mut counts = vec![0u64; table.len()];
    match table.segments() {
        Some(segments) => {
            for segment in segments {
                counts[segment.owner.as_usize()] += segment.hi - segment.lo + 1;
            }
        }
        None => {
            for hash in hashes() {
                counts[owner(table, hash)] += 1;
            }
        }
    }
    let total: u64 = counts.iter().sum();
    part(counts.into_iter().max().unwrap_or(0) * table.len() as u64, total)
}

/// How many hashes change owner from one table to the other, by how many nodes gain.
fn moved(from: &Table, to: &Table) -> f64 {
    let twins: Vec<Option<usize>> =
        from.nodes().map(|node| to.index_of(node.name()).map(NodeIndex::as_usize)).collect();
    let (mut moved, mut gains) = (0, vec![0i64; to.len()]);
    for hash in hashes() {
        let (old, new) = (twins[owner(from, hash)], owner(to, hash));
        moved += u64::from(old != Some(new));
        gains[new] += 1;
        if let Some(old) = old {
            gains[old] -= 1;
        }
    }
    part(moved, gains.into_iter().filter(|&gain| gain > 0).map(i64::unsigned_abs).sum())
}

fn owner(table: &Table, hash: u64) -> usize {
    table.owner_by_hash(hash).expect("nodes have weight").as_usize()
}

#[allow(clippy::cast_precision_loss, reason = "53 bits are more than a ratio is read with")]
fn part(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}
