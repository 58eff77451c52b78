//! What does a change of one node cost beside building the table anew?
//!
//! Dimensions: nodes of 160 points × what changes: a node more (`add`), one less (`remove`), one
//! with twice the weight (`reweight`), each with all moved ranges looked at; beside them a `clone`,
//! less than which no copy can cost. The second list of sizes is of those at which one node more
//! gives the guide other buckets, so that it has to be written anew: the worst case. The allocator
//! has memory for the tables from the start, as it does in a process that has changed its table
//! before. The shortest of many times, in which all take turns; `--record` writes them down.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "prints a table")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ringway::{Layout, Node, Table};
use ringway_bench::{NODE_COUNTS, Row, is_quick, names, record};

/// A change of the table, or building it; the table it gives, and how many ranges moved.
type Job<'a> = (&'static str, Box<dyn Fn() -> (Table, usize) + 'a>);

/// One node more than these has another number of buckets.
const STEPS: [u16; 3] = [102, 1_023, 10_035];

fn main() {
    let mut rows = Vec::new();
    println!("{:>7} {:>12} {:>12} {:>9} {:>8}", "nodes", "change", "us", "rebuild", "ratio");
    for count in NODE_COUNTS.into_iter().chain(STEPS) {
        let names = names(count + 1);
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
        let Some((new, nodes)) = nodes.split_last() else { return };
        let table = Table::new(&Layout::ringway_v1(), nodes).expect("distinct names");
        let jobs = jobs(&table, nodes, new);
        let jobs = if STEPS.contains(&count) { &jobs[..2] } else { &jobs };
        for (what, job) in jobs.iter().filter(|(what, _)| !["rebuild", "clone"].contains(what)) {
            let (changed, moved) = job();
            let list: Vec<Node<'_>> = changed.nodes().collect();
            let rebuilt = Table::new(changed.layout(), &list).expect("distinct names");
            assert!(
                changed
                    .segments()
                    .into_iter()
                    .flatten()
                    .eq(rebuilt.segments().into_iter().flatten())
            );
            assert!(moved > 50, "{what} of {count} nodes moves {moved} ranges");
        }
        let pins = warm(nodes.len());
        let rounds = if is_quick() { 2 } else { (200_000 / u32::from(count)).clamp(12, 2_000) };
        let best = minima(jobs, rounds);
        drop(pins);
        let rebuild = best[0];
        for ((what, _), best) in jobs.iter().zip(best) {
            let ratio = rebuild.as_secs_f64() / best.as_secs_f64();
            let (figure, whole) = (best.as_secs_f64() * 1e6, rebuild.as_secs_f64() * 1e6);
            println!("{count:>7} {what:>12} {figure:>12.2} {whole:>9.0} {ratio:>8.1}");
            let mut row = |what: String, figure, unit| {
                rows.push(Row { what, nodes: count, figure, unit });
            };
            row((*what).to_owned(), figure, "us");
            row(format!("rebuild/{what}"), ratio, "ratio");
        }
    }
    record("change", &rows);
}

fn jobs<'a>(table: &'a Table, nodes: &'a [Node<'a>], new: &'a Node<'a>) -> [Job<'a>; 5] {
    let middle = nodes[nodes.len() / 2].name();
    let moved = |changed: Table| {
        let count = table.moved(&changed).expect("one layout").count();
        (changed, count)
    };
    [
        ("rebuild", Box::new(|| (Table::new(table.layout(), black_box(nodes)).expect("good"), 0))),
        ("add", Box::new(move || moved(table.with_node(black_box(new)).expect("good")))),
        ("remove", Box::new(move || moved(table.without_node(black_box(middle)).expect("there")))),
        (
            "reweight",
            Box::new(move || moved(table.with_weight(black_box(middle), 2).expect("fits"))),
        ),
        ("clone", Box::new(move || (black_box(table).clone(), 0))),
    ]
}

/// Leaves the allocator memory for some rings of so many nodes; it cannot give it back to the
/// system before the pins are dropped that lie behind it.
fn warm(nodes: usize) -> Vec<Box<[u8]>> {
    let bytes = 160 * 8 * (nodes + 100);
    for _ in 0..2 {
        drop(black_box(vec![1u8; bytes + 65_536]));
    }
    let memory = |_| (black_box(vec![1u8; bytes]), vec![1u8; 64].into_boxed_slice());
    let (rings, pins): (Vec<_>, Vec<_>) = (0..4).map(memory).unzip();
    drop(rings);
    pins
}

/// The shortest time of each job; a table is freed outside of it.
fn minima(jobs: &[Job<'_>], rounds: u32) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; jobs.len()];
    for _ in 0..rounds {
        for ((_, job), best) in jobs.iter().zip(&mut best) {
            // Twice: the first time brings back the memory that the others took from the caches.
            for _ in 0..2 {
                let start = Instant::now();
                let result = black_box(job());
                *best = start.elapsed().min(*best);
                drop(result);
            }
        }
    }
    best
}
