//! What does a lookup cost? Criterion.
//!
//! Dimensions: nodes × key length (8, 16, 32, 128 bytes), and hash given. One iteration is a pass
//! over 131,072 distinct keys; `thrpt` counts lookups.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::NodeIndex;
use ringway_bench::{KEY_COUNT, Keys, NODE_COUNTS, addresses, table};

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    group.throughput(Throughput::Elements(KEY_COUNT as u64)).sample_size(20);
    for nodes in NODE_COUNTS {
        let table = table(&addresses(nodes));
        let name = table.nodes().next().map(|node| node.name().to_vec()).unwrap_or_default();
        assert_eq!(table.index_of(&name), Some(NodeIndex::new(0)));
        for len in [8, 16, 32, 128] {
            let keys = Keys::new(len);
            assert!(keys.iter().all(|key| table.owner(key).is_some()));
            group.bench_function(BenchmarkId::new(format!("key-{len}"), nodes), |bencher| {
                bencher.iter(|| keys.iter().map(|key| number(table.owner(key))).sum::<u64>());
            });
        }
        let hashes = Keys::new(16).hashes();
        group.bench_function(BenchmarkId::new("hash", nodes), |bencher| {
            bencher.iter(|| {
                let owners = black_box(&hashes).iter().map(|&hash| table.owner_by_hash(hash));
                owners.map(number).sum::<u64>()
            });
        });
    }
}

fn number(owner: Option<NodeIndex>) -> u64 {
    owner.map_or(0, |owner| u64::from(owner.get()))
}

criterion_group!(benches, lookup);
criterion_main!(benches);
