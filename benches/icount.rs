//! What one lookup costs in instructions: run by `icount.sh` under callgrind.
#![forbid(unsafe_code)]
use ringway::{Node, NodeIndex, Placement, Point, Ring};

#[inline(never)]
fn lookups(ring: &Ring<Box<[Point]>>, hashes: &[u64]) -> u64 {
    hashes.iter().map(|&hash| ring.owner_by_hash(hash).map_or(0, |o| u64::from(o.get()))).sum()
}

#[inline(never)]
fn one(ring: &Ring<Box<[Point]>>, hash: u64) -> Option<NodeIndex> {
    ring.owner_by_hash(hash)
}

fn main() {
    let ring = Ring::new(&[Node::new("a"), Node::new("b")]).expect("good");
    let h = ringway_bench::Keys::new(16).hashes();
    std::process::exit((lookups(&ring, &h) + u64::from(one(&ring, h[0]).expect("x").get())) as i32 & 1);
}
