//! How even is each layout, and what does one node more or less move?
//!
//! Dimensions: layout × nodes (3, 10, 100, 1,000); weights of 1. Beside them modulo hashing, which
//! shows what chance alone does to balance, and why nobody should use it where state has to move.
//!
//! - `fullest/mean`, `stddev/mean`: what nodes own. Exact where the layout has positions, else of
//!   4,194,304 random hashes.
//! - `moved on add`, `on remove`: the share of 1,048,576 random hashes that change owner when a
//!   node is added at the end, and when one in the middle goes. In the layouts where the place in
//!   the list is the identity the last one goes: no other can.
//! - `moved/least`: that, by what the new node gains or the lost one had: so many have to move.
#![allow(clippy::cast_precision_loss, reason = "53 bits are more than a ratio is read with")]

use ringway::{Layout, Node, Table};
use ringway_bench::{Random, Row, is_quick, layouts, names, record, show};

const NODE_COUNTS: [u16; 4] = [3, 10, 100, 1_000];
/// Layouts where the place in the list is the identity.
const BY_PLACE: [&str; 3] = ["jump-v1", "jumpback-v1", "memento-v1"];

fn main() {
    let hashes = random_hashes(if is_quick() { 1 << 14 } else { 1 << 20 });
    let many = random_hashes(if is_quick() { 1 << 16 } else { 1 << 22 });
    let mut rows = Vec::new();
    for count in NODE_COUNTS {
        for kind in layouts().into_iter().map(Kind::Layout).chain([Kind::Modulo]) {
            let name = kind.name();
            let all: Vec<u16> = (0..=count).collect();
            let (grown, whole) = (Map::new(&kind, &all), Map::new(&kind, &all[..all.len() - 1]));
            let lost = if BY_PLACE.contains(&name) { count - 1 } else { count / 2 };
            let others: Vec<u16> = (0..count).filter(|&id| id != lost).collect();
            let shrunk = Map::new(&kind, &others);

            let shares = whole.shares(&many);
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let squares = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>();
            let deviation = (squares / shares.len() as f64).sqrt();
            let fullest = shares.iter().copied().fold(0.0, f64::max);
            let mut row = |unit, figure| {
                rows.push(Row { what: name.to_owned(), nodes: count, figure, unit });
            };
            row("fullest/mean", fullest / mean);
            row("stddev/mean %", 100.0 * deviation / mean);
            for (small, large, id, moved_unit, least_unit) in [
                (&whole, &grown, count, "moved on add %", "moved/least on add"),
                (&shrunk, &whole, lost, "moved on remove %", "moved/least on remove"),
            ] {
                let moved = hashes.iter().filter(|&&hash| small.owner(hash) != large.owner(hash));
                let moved = moved.count();
                let least = hashes.iter().filter(|&&hash| large.owner(hash) == id).count();
                assert!(moved >= least && least > 0, "{name}: a node owns something");
                row(moved_unit, 100.0 * moved as f64 / hashes.len() as f64);
                row(least_unit, moved as f64 / least as f64);
            }
        }
    }
    show("Balance and movement", &rows, "");
    record("balance", &rows);
}

enum Kind {
    Layout(Layout),
    Modulo,
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Layout(layout) => layout.name(),
            Self::Modulo => "modulo",
        }
    }
}

/// A map whose nodes have a number that stays when others come or go.
struct Map {
    table: Option<Table>,
    ids: Vec<u16>,
}

impl Map {
    fn new(kind: &Kind, ids: &[u16]) -> Self {
        let names = names(ids.iter().max().map_or(0, |id| id + 1));
        let nodes: Vec<Node<'_>> =
            ids.iter().map(|&id| Node::new(&names[usize::from(id)])).collect();
        let table = match kind {
            Kind::Layout(layout) => Some(Table::new(layout, &nodes).expect("distinct names")),
            Kind::Modulo => None,
        };
        Self { table, ids: ids.to_vec() }
    }

    fn owner(&self, hash: u64) -> u16 {
        let index = match &self.table {
            Some(table) => table.owner_by_hash(hash).expect("nodes have weight").as_usize(),
            None => usize::try_from(hash % self.ids.len() as u64).expect("an index"),
        };
        self.ids[index]
    }

    /// How much each node owns: exactly where the layout has positions.
    fn shares(&self, hashes: &[u64]) -> Vec<f64> {
        let mut shares = vec![0.0; self.ids.len()];
        if let Some(segments) = self.table.as_ref().and_then(|table| table.segments()) {
            for segment in segments {
                shares[segment.owner.as_usize()] += (segment.hi - segment.lo + 1) as f64;
            }
        } else {
            for &hash in hashes {
                shares[usize::from(self.owner(hash))] += 1.0;
            }
        }
        shares
    }
}

fn random_hashes(count: usize) -> Vec<u64> {
    let mut random = Random::new(7);
    (0..count).map(|_| random.next_u64()).collect()
}
