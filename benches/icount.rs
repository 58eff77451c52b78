//! What one lookup costs in instructions. `icount.sh` runs this under callgrind, which counts
//! what happens inside [`counted`] only: one turn of a loop over 131,072 hashes or keys that
//! sums the answers, so the loop's own five instructions are included.
//!
//! ```text
//! icount hash NODES      owner in ringway-v1, hash given
//! icount key NODES       the same, key of 16 bytes given
//! icount LAYOUT NODES    owner in that layout, key given
//! icount walk NODES      the first three of the walk in ringway-v1, key given
//! icount three NODES     three distinct owners in ringway-v1, key given
//! icount zones NODES     the same over three zones
//! icount crowd POINTS    owner, hash given, where points and keys crowd in one bucket
//! icount bisect POINTS   the same points and keys, binary search over all points
//! ```
#![forbid(unsafe_code)]

use std::{env, hint::black_box, process::ExitCode};

use ringway::{Layout, Node, NodeIndex, Placement, Point, Ring, Table};
use ringway_bench::{Keys, Random, addresses, layouts, names, table, table_of};

/// Where the crowd of points starts, and how wide its arc is: less than a bucket of 16,000.
const CROWD: (u32, usize) = (0x6000_0000, 260_000);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, count] = arguments.as_slice() else { return ExitCode::from(2) };
    let Ok(count) = count.parse::<u16>() else { return ExitCode::from(2) };
    let keys = Keys::new(16);
    match what.as_str() {
        "hash" => {
            let (table, hashes) = (table(&addresses(count)), keys.hashes());
            counted(|| hashes.iter().map(|&hash| number(table.owner_by_hash(hash))).sum());
        }
        "key" => {
            let table = table(&addresses(count));
            counted(|| keys.iter().map(|key| number(table.owner(key))).sum());
        }
        "walk" => {
            let table = table(&addresses(count));
            counted(|| keys.iter().flat_map(|key| table.walk(key).take(3)).map(of).sum());
        }
        "three" => {
            let table = table(&addresses(count));
            counted(|| keys.iter().map(|key| three(&table, key)).sum());
        }
        "zones" => {
            let (names, zones) = (names(count), [&b"a"[..], b"b", b"c"]);
            let nodes = names.iter().zip(zones.iter().cycle());
            let nodes: Vec<_> = nodes.map(|(name, zone)| Node::new(name).with_zone(zone)).collect();
            let table = Table::new(&Layout::ringway_v1(), &nodes).expect("distinct names");
            counted(|| keys.iter().map(|key| three(&table, key)).sum());
        }
        "crowd" => {
            let (points, hashes) = crowd(count);
            let ring = Ring::from_points(points).expect("few points");
            counted(|| hashes.iter().map(|&hash| number(ring.owner_by_hash(hash))).sum());
        }
        "bisect" => {
            let (mut points, hashes) = crowd(count);
            points.sort_unstable_by_key(|point| point.position());
            let owner = |hash: u64| {
                let at = points.partition_point(|point| u64::from(point.position()) < hash >> 32);
                points.get(at).or(points.first()).map(|point| point.owner())
            };
            counted(|| hashes.iter().map(|&hash| number(owner(hash))).sum());
        }
        name => {
            let native = layouts().into_iter().find(|layout| layout.name() == name);
            let Some(layout) = native.or_else(|| Layout::from_name(name).ok()) else {
                return ExitCode::from(2);
            };
            let table = table_of(&layout, &addresses(count));
            counted(|| keys.iter().map(|key| number(table.owner(key))).sum());
        }
    }
    ExitCode::SUCCESS
}

/// The only function whose instructions count.
#[inline(never)]
fn counted(pass: impl FnOnce() -> u64) {
    black_box(pass());
}

fn number(owner: Option<NodeIndex>) -> u64 {
    owner.map_or(0, of)
}

fn of(owner: NodeIndex) -> u64 {
    u64::from(owner.get())
}

fn three(table: &Table, key: &[u8]) -> u64 {
    let mut out = [NodeIndex::new(0); 3];
    table.owners(key, &mut out);
    out.into_iter().map(of).sum()
}

/// Points and hashes that somebody chose to fall into one narrow arc.
fn crowd(points: u16) -> (Vec<Point>, Vec<u64>) {
    let mut random = Random::new(2);
    let mut position = || CROWD.0 + u32::try_from(random.below(CROWD.1)).expect("a narrow arc");
    let points = (0..points).map(|owner| Point::new(position(), NodeIndex::new(owner))).collect();
    let hashes = (0..ringway_bench::KEY_COUNT).map(|_| u64::from(position()) << 32).collect();
    (points, hashes)
}
