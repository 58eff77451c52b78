//! How do the crates that people use today look up a key? Criterion.
//!
//! Dimensions: crate × nodes (keys of 16 bytes, 160 points a node everywhere). Each is called the
//! way its documentation shows: bytes in, node out. `compare` is the same question in one
//! interleaved run, and records the answer.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion_group! makes a public function")]

mod contestants;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway_bench::{BLOCKS, KEY_COUNT, Keys, NODE_COUNTS, addresses};

use crate::contestants::{Rings, contestants};

fn rivals(criterion: &mut Criterion) {
    let keys = Keys::new(16);
    for count in NODE_COUNTS {
        let rings = Rings::new(&addresses(count));
        rings.check(&keys);
        let mut group = criterion.benchmark_group("rivals");
        group.throughput(Throughput::Elements(KEY_COUNT as u64)).sample_size(10);
        for (name, mut pass) in contestants(&rings, &keys) {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| (0..BLOCKS).map(&mut pass).fold(0, u64::wrapping_add));
            });
        }
    }
}

criterion_group!(benches, rivals);
criterion_main!(benches);
