//! How much memory does a map take? Counted by the allocator: what is still held once it is built,
//! and the most that was held while it was.
//!
//! Dimensions: crate or layout × nodes, 160 points a node on rings. Also by point, where there are
//! points.
#![allow(unsafe_code, reason = "an allocator that counts")]

mod contestants;

use std::{
    alloc::{GlobalAlloc, Layout as Memory, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use ringway_bench::{NODE_COUNTS, Row, addresses, record, show};

use crate::contestants::entries;

/// The system's allocator, which counts.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed on to the system's allocator, which keeps the trait's promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        let held = HELD.fetch_add(memory.size(), Relaxed) + memory.size();
        MOST.fetch_max(held, Relaxed);
        // SAFETY: the caller keeps `alloc`'s conditions.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        HELD.fetch_sub(memory.size(), Relaxed);
        // SAFETY: the caller keeps `dealloc`'s conditions, and the pointer came from `System`.
        unsafe { System.dealloc(pointer, memory) }
    }
}

fn main() {
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let addresses = addresses(nodes);
        for entry in entries()
            .into_iter()
            .filter(|entry| nodes <= entry.nodes_max && !entry.name.ends_with(" address"))
        {
            let before = HELD.load(Relaxed);
            MOST.store(before, Relaxed);
            let map = (entry.build)(&addresses);
            let (held, most) = (HELD.load(Relaxed) - before, MOST.load(Relaxed) - before);
            assert!(map.owner(b"sixteen byte key").is_some());
            let mut row = |what: &str, bytes: usize, unit| {
                let figure = bytes as f64 / f64::from(nodes);
                rows.push(Row { what: what.to_owned(), nodes, figure, unit });
            };
            row(entry.name, held, "bytes/node");
            row(entry.name, most, "bytes/node while building");
        }
    }
    show("Memory of a map", &rows, "ringway ringway-v1");
    record("memory", &rows);
}
