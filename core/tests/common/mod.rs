//! What several test files use.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test")]

pub(crate) mod in_memory;
pub(crate) mod vectors;

use ringway::{Node, NodeIndex};

/// A random generator (splitmix64). Tests give it a fixed seed, so each run is the same.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next_u64()) * bound as u128;
        usize::try_from(product >> 64).unwrap()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}

/// `prefix0`, `prefix1`, ...
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

/// Nodes of weight 1 with these names.
pub(crate) fn nodes(names: &[String]) -> Vec<Node<'_>> {
    names.iter().map(|name| Node::new(name)).collect()
}

/// The index of that number.
pub(crate) fn index(number: usize) -> NodeIndex {
    NodeIndex::new(u16::try_from(number).unwrap())
}
