//! How fast do Ringway and the crates that people use today find a key's node? The shortest time
//! of each in one run, in which all take turns.
//!
//! Dimensions: crate or layout × nodes; keys of 16 bytes, 160 points a node on rings. Bytes in, node
//! out, as its users would call each. `hash alone` is the limit.
//!
//! ```text
//! cargo bench -p ringway-bench --bench rivals                 print
//! cargo bench -p ringway-bench --bench rivals -- --record     and write results/*-rivals.csv
//! ```

mod contestants;

use ringway_bench::{
    Contestant, KEY_COUNT, Keys, NODE_COUNTS, Row, addresses, minima, record, show,
};

use crate::contestants::{check, contestant, entries};

const ROUNDS: u32 = 40;

fn main() {
    let keys = Keys::new(16);
    let entries = entries();
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let addresses = addresses(nodes);
        let mut maps = Vec::new();
        for entry in entries.iter().filter(|entry| nodes <= entry.nodes_max) {
            let map = (entry.build)(&addresses);
            check(entry.name, &*map, &addresses, &keys);
            maps.push((entry.name, map));
        }
        let hash_pass = |block| keys.block(block).map(ringway::key_hash).fold(0, u64::wrapping_add);
        let mut contestants: Vec<Contestant<'_>> = vec![("hash alone", Box::new(hash_pass))];
        contestants.extend(maps.iter().map(|(name, map)| contestant(name, &**map, &keys)));
        let best = minima(&mut contestants, ROUNDS);
        rows.extend(contestants.iter().zip(best).map(|((name, _), figure)| Row {
            what: (*name).to_owned(),
            nodes,
            figure,
            unit: "ns/lookup",
        }));
    }
    show(&format!("A lookup of a 16-byte key, {KEY_COUNT} keys"), &rows, "ringway ringway-v1");
    record("rivals", &rows);
}
