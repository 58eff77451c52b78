//! How long does it take to build a table, and how long to clone one? Criterion.
//!
//! Dimension: nodes, 160 points each.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::{Layout, Node, Point, RingBuilder, Table};
use ringway_bench::{NODE_COUNTS, addresses};

fn construction(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("construction");
    group.sample_size(10);
    for count in NODE_COUNTS {
        let names: Vec<String> = addresses(count).iter().map(ToString::to_string).collect();
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
        let layout = Layout::ringway_v1();
        let build = || Table::new(&layout, black_box(&nodes)).expect("distinct names");
        assert_eq!(build().len(), nodes.len());
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function(BenchmarkId::new("table", count), |bencher| bencher.iter(build));
        let builder = RingBuilder::new();
        let mut memory = vec![Point::EMPTY; builder.storage_needed(&nodes)];
        group.bench_function(BenchmarkId::new("ring-in-place", count), |bencher| {
            bencher.iter(|| {
                let ring = builder.build_in(black_box(&nodes), &mut *memory);
                black_box(ring).expect("distinct names").points().len()
            });
        });
        let table = build();
        group.bench_function(BenchmarkId::new("clone", count), |bencher| {
            bencher.iter(|| black_box(&table).clone());
        });
    }
}

criterion_group!(benches, construction);
criterion_main!(benches);
