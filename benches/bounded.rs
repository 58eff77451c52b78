//! What does a bound on loads cost beside a plain lookup?
//!
//! Dimensions: nodes of 160 points × nothing is full, a tenth or half of the nodes is full; keys
//! of 16 bytes. One run, minima; prints a table; `--record` writes it down.
#![allow(clippy::print_stdout, reason = "a bench")]

use ringway::{LoadFactor, NodeIndex};
use ringway_bench::{Contestant, Keys, NODE_COUNTS, Row, addresses, minima, record, table};

/// The load of a node that has room; of all nodes it makes the total.
const LOAD: u64 = 1_000;

fn main() {
    let keys = Keys::new(16);
    let mut rows = Vec::new();
    println!("ns per lookup, times the plain one");
    for count in NODE_COUNTS {
        let table = table(&addresses(count));
        let (factor, total) = (LoadFactor::default(), u64::from(count) * LOAD);
        // Every tenth node, or every second, has more than it takes.
        let loads = |every: u16| -> Vec<u64> {
            (0..count).map(|node| if node % every == 0 { 2 * LOAD } else { LOAD }).collect()
        };
        let [none, tenth, half] = [vec![LOAD; count.into()], loads(10), loads(2)];
        let bounded = |loads: Vec<u64>| -> Box<dyn FnMut(usize) -> u64 + '_> {
            let (table, keys) = (&table, &keys);
            Box::new(move |block| {
                let load = |node: NodeIndex| loads[node.as_usize()];
                let owner = |key| table.owner_bounded(key, factor, total, load);
                keys.block(block).map(|key| number(owner(key))).sum()
            })
        };
        let full = |loads: &[u64]| {
            let moved = |key: &&[u8]| {
                let load = |node: NodeIndex| loads[node.as_usize()];
                table.owner_bounded(key, factor, total, load) != table.owner(key)
            };
            keys.iter().filter(moved).count()
        };
        assert_eq!(full(&none), 0, "nobody is full");
        assert!(full(&tenth) > 0 && full(&half) > full(&tenth), "some owners are full");
        let plain = |block| keys.block(block).map(|key| number(table.owner(key))).sum();
        let mut contestants: [Contestant<'_>; 4] = [
            ("plain", Box::new(plain)),
            ("none full", bounded(none)),
            ("a tenth full", bounded(tenth)),
            ("half full", bounded(half)),
        ];
        let best = minima(&mut contestants, 40);
        print!("{count:>7}");
        for ((name, _), &ns) in contestants.iter().zip(&best) {
            let ratio = ns / best[0];
            print!("  {name} {ns:.2} ({ratio:.2})");
            rows.push(Row {
                what: (*name).to_owned(),
                nodes: count,
                figure: ns,
                unit: "ns/lookup",
            });
            let what = format!("{name}/plain");
            rows.push(Row { what, nodes: count, figure: ratio, unit: "ratio" });
        }
        println!();
    }
    record("bounded", &rows);
}

fn number(owner: Option<NodeIndex>) -> u64 {
    owner.map_or(0, |owner| u64::from(owner.get()))
}
