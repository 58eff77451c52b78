//! How much faster are many lookups in one call than as many calls?
//!
//! Dimensions: nodes of 160 points × hashes given or keys of 16 bytes × one by one or at once. One
//! run, minima; prints a table; `--record` writes it down.
#![allow(clippy::print_stdout, reason = "a bench")]

use std::hint::black_box;

use ringway::{NodeIndex, Table};
use ringway_bench::{
    BLOCK_KEYS, Contestant, Keys, NODE_COUNTS, Row, addresses, minima, record, table,
};

fn main() {
    let keys = Keys::new(16);
    let hashes = keys.hashes();
    let mut rows = Vec::new();
    println!("ns per lookup");
    for count in NODE_COUNTS {
        let table = table(&addresses(count));
        check(&table, &keys, &hashes);
        let (table, keys, hashes) = (&table, &keys, &hashes);
        let mut contestants: [Contestant<'_>; 4] = [
            ("hash one", each(hashes, |hash| table.owner_by_hash(hash))),
            ("hash many", {
                let mut out = vec![None; BLOCK_KEYS];
                Box::new(move |block| {
                    let hashes = &hashes[block * BLOCK_KEYS..][..BLOCK_KEYS];
                    let answered = table.owner_many_by_hash(hashes, &mut out);
                    black_box(&out);
                    answered as u64
                })
            }),
            ("key one", {
                let mut out = vec![None; BLOCK_KEYS];
                Box::new(move |block| {
                    for (place, key) in out.iter_mut().zip(keys.block(block)) {
                        *place = table.owner(key);
                    }
                    black_box(&out);
                    0
                })
            }),
            ("key many", {
                let mut out = vec![None; BLOCK_KEYS];
                Box::new(move |block| {
                    let answered = table.owner_many(keys.block(block), &mut out);
                    black_box(&out);
                    answered as u64
                })
            }),
        ];
        let best = minima(&mut contestants, 60);
        print!("{count:>7}");
        for ((name, _), &ns) in contestants.iter().zip(&best) {
            print!("  {name} {ns:.2}");
            rows.push(Row {
                what: (*name).to_owned(),
                nodes: count,
                figure: ns,
                unit: "ns/lookup",
            });
        }
        for (what, one, many) in [("hash one/many", 0, 1), ("key one/many", 2, 3)] {
            let figure = best[one] / best[many];
            print!("  {what} {figure:.2}");
            rows.push(Row { what: what.to_owned(), nodes: count, figure, unit: "ratio" });
        }
        println!();
    }
    record("batch", &rows);
}

fn each<'a>(
    hashes: &'a [u64],
    owner: impl Fn(u64) -> Option<NodeIndex> + 'a,
) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    let mut out = vec![None; BLOCK_KEYS];
    Box::new(move |block| {
        for (place, &hash) in out.iter_mut().zip(&hashes[block * BLOCK_KEYS..]) {
            *place = owner(hash);
        }
        black_box(&out);
        0
    })
}

fn check(table: &Table, keys: &Keys, hashes: &[u64]) {
    let mut out = vec![None; hashes.len()];
    assert_eq!(table.owner_many_by_hash(hashes, &mut out), hashes.len());
    assert!(keys.iter().zip(&out).all(|(key, &owner)| table.owner(key) == owner));
    let by_hash = out.clone();
    assert_eq!(table.owner_many(keys.iter(), &mut out), hashes.len());
    assert_eq!(out, by_hash);
}
