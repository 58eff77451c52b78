//! Benchmarks of Ringway: shared inputs, and the clock of the benches that compare.
//!
//! The benches under Criterion answer one question each: `lookup` (nodes × key length),
//! `construction`, `rivals`. `compare` puts Ringway and its rivals into one run and records it;
//! `forms` does so for ways to build the ring itself. `icount` is counted by callgrind.
#![forbid(unsafe_code)]

use std::{
    collections::HashSet,
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use ringway::{Layout, Node, Table};

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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bytes.chunks_exact(black_box(self.len))
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
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    Table::new(&Layout::ringway_v1(), &nodes).expect("distinct names, within the limits")
}

/// One of several that answer the same question: a name and one pass over all keys, which gives
/// a sum of the answers so that no work is left out.
pub type Contestant<'a> = (&'static str, Box<dyn FnMut() -> u64 + 'a>);

/// The shortest time of one pass of each contestant, in nanoseconds a key.
///
/// Passes are short and interleaved, so that a busy machine disturbs all alike.
#[must_use]
pub fn minima(contestants: &mut [Contestant<'_>], rounds: u32) -> Vec<f64> {
    let mut best = vec![Duration::MAX; contestants.len()];
    for _ in 0..rounds {
        for ((_, pass), best) in contestants.iter_mut().zip(&mut best) {
            let start = Instant::now();
            black_box(pass());
            *best = start.elapsed().min(*best);
        }
    }
    best.iter().map(|best| best.as_secs_f64() * 1e9 / KEY_COUNT as f64).collect()
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
