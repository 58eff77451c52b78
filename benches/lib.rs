//! Benchmarks of Ringway and its rivals: shared inputs, the clock, and the record.
//!
//! | bench | asks |
//! |---|---|
//! | `lookup` | what does a lookup cost, by nodes and length of the key? (Criterion, for comparing one's own change) |
//! | `forms` | which structure finds a ring's owner fastest? |
//! | `hash` | which hash, and whose? |
//! | `rivals` | how fast do other crates find a key's node? |
//! | `replicas` | what do k distinct owners cost? |
//! | `construction` | how long does it take to build a map? |
//! | `change` | what does one node more or less cost beside building anew? |
//! | `memory` | how much memory does a map take? |
//! | `balance` | how even is each layout, and what does a change move? |
//! | `icount` | how many instructions? callgrind counts; the gate of `make test` |
//! | `rivals.c`, `rivals.py`, `proxy.py` | libmemcached; Python's packages; nginx and HAProxy |
//!
//! Each takes `--record`, and then writes `results/<date>-<cpu>-<question>.csv`. With
//! `RINGWAY_QUICK` in the environment they only show that they work.
#![forbid(unsafe_code)]

mod record;

use std::{
    collections::HashSet,
    env,
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use ringway::{Layout, Node, SipKey, Table};

pub use crate::record::{Row, record, show, version};

/// So many keys: enough that the branch predictor cannot learn them.
pub const KEY_COUNT: usize = 1 << 17;

/// The numbers of nodes that every bench asks about.
pub const NODE_COUNTS: [u16; 4] = [10, 100, 1_000, 10_000];

/// Distinct keys of one length, end to end in one piece of memory.
#[derive(Debug)]
pub struct Keys {
    bytes: Vec<u8>,
    len: usize,
}

impl Keys {
    /// [`KEY_COUNT`] keys of `len` bytes, the same in every run.
    ///
    /// # Panics
    /// If keys of that length cannot be distinct.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let mut random = Random::new(1);
        let mut bytes = Vec::with_capacity(KEY_COUNT * len);
        while bytes.len() < KEY_COUNT * len {
            bytes.push(b"0123456789abcdefghijklmnopqrstuv"[random.below(32)]);
        }
        let keys = Self { bytes, len };
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), KEY_COUNT, "keys are distinct");
        keys
    }

    /// The keys. The optimiser does not see their length.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bytes.chunks_exact(black_box(self.len))
    }

    /// The keys of one block, 0 to [`BLOCKS`] - 1.
    #[inline]
    #[must_use]
    pub fn block(&self, block: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let bytes = BLOCK_KEYS * self.len;
        self.bytes[block * bytes..][..bytes].chunks_exact(black_box(self.len))
    }

    /// The keys' hashes.
    #[must_use]
    pub fn hashes(&self) -> Vec<u64> {
        self.iter().map(ringway::key_hash).collect()
    }
}

/// Addresses of `count` nodes.
#[must_use]
pub fn addresses(count: u16) -> Vec<SocketAddr> {
    let ip = |index: u16| Ipv4Addr::from(0x0a00_0000 + u32::from(index));
    (0..count).map(|index| SocketAddr::from((ip(index), 7000))).collect()
}

/// A table of nodes with these addresses as names.
///
/// # Panics
/// Never for up to 65,536 addresses that differ.
#[must_use]
pub fn table(addresses: &[SocketAddr]) -> Table {
    table_of(&Layout::ringway_v1(), addresses)
}

/// A table in that layout.
///
/// # Panics
/// If the layout does not take so many nodes.
#[must_use]
pub fn table_of(layout: &Layout, addresses: &[SocketAddr]) -> Table {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    Table::new(layout, &nodes).expect("distinct names, within the limits")
}

/// The names of `count` nodes: their [`addresses`].
#[must_use]
pub fn names(count: u16) -> Vec<String> {
    addresses(count).iter().map(ToString::to_string).collect()
}

/// Every layout with its defaults, the keyed one under some key.
#[must_use]
pub fn layouts() -> Vec<Layout> {
    let layout = |name: &&str| match *name {
        "ringway-keyed-v1" => Some(Layout::ringway_keyed_v1(SipKey::new([7; 16]))),
        name => Layout::from_name(name).ok(),
    };
    Layout::names().iter().filter_map(layout).collect()
}

/// Whether to measure as little as possible: `RINGWAY_QUICK` is set.
#[must_use]
pub fn is_quick() -> bool {
    env::var_os("RINGWAY_QUICK").is_some_and(|value| !value.is_empty())
}

/// One of several that answer the same question: a name and a pass over one block of the keys,
/// 0 to [`BLOCKS`] - 1, which gives a sum of the answers so that no work is left out.
pub type Contestant<'a> = (&'static str, Box<dyn FnMut(usize) -> u64 + 'a>);

/// So many blocks the keys fall into. A block is over before somebody else wants the processor.
pub const BLOCKS: usize = 16;

/// How many keys a block has.
pub const BLOCK_KEYS: usize = KEY_COUNT / BLOCKS;

const REPEATS: usize = 3;

/// So long a contestant may take in all; one that is slower has fewer rounds, but three.
const BUDGET: Duration = Duration::from_secs(4);
const ROUNDS_MIN: u32 = 3;

/// The shortest time of a pass of each contestant over all keys, in nanoseconds a key.
///
/// The contestants take turns, each with all keys three times: the first time brings its
/// memory back into the caches that the others took. What counts is the shortest time of each
/// block. So a busy machine disturbs all alike, and little. A contestant that takes long stops
/// after three rounds, or when its time is over.
#[must_use]
pub fn minima(contestants: &mut [Contestant<'_>], rounds: u32) -> Vec<f64> {
    let (rounds, least, budget) =
        if is_quick() { (2, 0, BUDGET / 40) } else { (rounds, ROUNDS_MIN, BUDGET) };
    let mut best = vec![[Duration::MAX; BLOCKS]; contestants.len()];
    let mut spent = vec![Duration::ZERO; contestants.len()];
    for round in 0..rounds {
        for (((_, pass), best), spent) in contestants.iter_mut().zip(&mut best).zip(&mut spent) {
            for block in (0..BLOCKS).cycle().take(BLOCKS * REPEATS) {
                if round >= least && *spent > budget {
                    break;
                }
                let start = Instant::now();
                black_box(pass(block));
                let time = start.elapsed();
                best[block] = time.min(best[block]);
                *spent += time;
            }
        }
    }
    best.iter().map(nanoseconds_a_key).collect()
}

/// The mean of the blocks that were measured.
fn nanoseconds_a_key(best: &[Duration; BLOCKS]) -> f64 {
    let measured: Vec<Duration> =
        best.iter().copied().filter(|&best| best < Duration::MAX).collect();
    let seconds = measured.iter().sum::<Duration>().as_secs_f64();
    seconds * 1e9 / (measured.len() * BLOCK_KEYS) as f64
}

/// A small random generator (splitmix64), the same in every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    #[allow(clippy::cast_possible_truncation, reason = "below `bound`, a usize")]
    pub const fn below(&mut self, bound: usize) -> usize {
        ((self.next_u64() as u128 * bound as u128) >> 64) as usize
    }
}
