//! Ringway and its rivals in one run: the shortest time per lookup of each, interleaved.
//!
//! Dimensions: crate × nodes; keys of 16 bytes, 160 points a node.
//!
//! ```text
//! cargo bench -p ringway-bench --bench compare                 print
//! cargo bench -p ringway-bench --bench compare -- --record     and write results/*.csv
//! cargo bench -p ringway-bench --bench compare -- lookups      or construction: only these
//! ```
#![allow(clippy::print_stdout, reason = "a bench")]

mod contestants;

use std::{env, time::Instant};

use ringway_bench::{Keys, NODE_COUNTS, Row, addresses, minima, record};

use crate::contestants::{Rings, builders, contestants};

const ROUNDS: u32 = 40;
const BUILDS: u32 = 25;

fn main() {
    if !env::args().any(|argument| argument == "construction") {
        record("compare", &lookups());
    }
    if !env::args().any(|argument| argument == "lookups") {
        record("construction", &construction());
    }
}

/// The shortest time per lookup of each.
fn lookups() -> Vec<Row> {
    let keys = Keys::new(16);
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let rings = Rings::new(&addresses(nodes));
        rings.check(&keys);
        let mut contestants = contestants(&rings, &keys);
        let best = minima(&mut contestants, ROUNDS);
        let ringway = best[1];
        println!("\n{nodes} nodes: ns per lookup, times Ringway's");
        for ((name, _), ns) in contestants.iter().zip(best) {
            println!("  {name:<24} {ns:>9.2} {:>7.2}", ns / ringway);
            rows.push(Row { what: (*name).to_owned(), nodes, figure: ns, unit: "ns/lookup" });
        }
    }
    rows
}

/// The shortest time to build the ring of each crate.
fn construction() -> Vec<Row> {
    println!("\nms to build");
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let addresses = addresses(nodes);
        print!("  {nodes:>6} nodes:");
        for (name, build) in builders() {
            let times = (0..BUILDS).map(|_| {
                let start = Instant::now();
                build(&addresses);
                start.elapsed().as_secs_f64() * 1e3
            });
            let best = times.fold(f64::INFINITY, f64::min);
            print!(" {name} {best:.3}");
            rows.push(Row { what: name.to_owned(), nodes, figure: best, unit: "ms/build" });
        }
        println!();
    }
    rows
}
