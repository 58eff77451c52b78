//! How long does it take to build a map of so many nodes? The shortest time of each in one run, in
//! which all take turns.
//!
//! Dimensions: crate or layout × nodes, 160 points a node on rings. Beside Ringway's layouts: a
//! ring built in the caller's memory (`in place`) and a table that is cloned.

mod contestants;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ringway::{Node, Point, RingBuilder};
use ringway_bench::{NODE_COUNTS, Row, addresses, is_quick, names, record, show, table};

use crate::contestants::entries;

/// Rounds at most, and so long each may build in all.
const ROUNDS: u32 = 25;
const BUDGET: Duration = Duration::from_secs(3);

/// Builds, and says how long it took; what was built is freed outside.
type Job<'a> = (&'static str, Box<dyn FnMut() -> Duration + 'a>);

fn main() {
    let mut rows = Vec::new();
    for count in NODE_COUNTS {
        let addresses = addresses(count);
        let names = names(count);
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
        let built = table(&addresses);
        assert_eq!(built.len(), nodes.len());
        let builder = RingBuilder::new();
        let mut memory = vec![Point::EMPTY; builder.storage_needed(&nodes)];
        let in_place = || {
            timed(|| {
                let ring = builder.build_in(black_box(&nodes), &mut *memory);
                ring.expect("distinct names").points().len()
            })
        };
        let mut jobs: Vec<Job<'_>> = vec![
            ("ringway ringway-v1 in place", Box::new(in_place)),
            ("ringway ringway-v1 clone", Box::new(|| timed(|| black_box(&built).clone()))),
        ];
        for entry in entries()
            .into_iter()
            .filter(|entry| count <= entry.nodes_max && !entry.name.ends_with(" address"))
        {
            let addresses = &addresses;
            jobs.push((
                entry.name,
                Box::new(move || timed(|| (entry.build)(black_box(addresses)))),
            ));
        }
        let best = minima(&mut jobs);
        rows.extend(jobs.iter().zip(best).map(|((name, _), best)| Row {
            what: (*name).to_owned(),
            nodes: count,
            figure: best.as_secs_f64() * 1e3,
            unit: "ms/build",
        }));
    }
    show("Building a map", &rows, "ringway ringway-v1");
    record("construction", &rows);
}

fn timed<T>(build: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let built = black_box(build());
    let time = start.elapsed();
    drop(built);
    time
}

fn minima(jobs: &mut [Job<'_>]) -> Vec<Duration> {
    let (rounds, budget) = if is_quick() { (2, BUDGET / 20) } else { (ROUNDS, BUDGET) };
    let mut best = vec![Duration::MAX; jobs.len()];
    let mut spent = vec![Duration::ZERO; jobs.len()];
    for _ in 0..rounds {
        for ((_, job), (best, spent)) in jobs.iter_mut().zip(best.iter_mut().zip(&mut spent)) {
            if *spent < budget {
                let time = job();
                *best = time.min(*best);
                *spent += time;
            }
        }
    }
    best
}
