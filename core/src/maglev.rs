//! Maglev hashing (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load
//! Balancer", 2016): a table of entries that the nodes fill in turns, each by a permutation of its
//! own, so that all get the same number of entries within one, or as their weights say.

use alloc::{boxed::Box, collections::BinaryHeap, vec, vec::Vec};
use core::{cmp::Reverse, fmt, mem, slice};

use crate::{BuildError, Node, NodeIndex, hash::key_hash, layout::TEXT_BYTES_MAX};

/// Which node owns which part of the hashes.
#[derive(Clone)]
pub(crate) struct Maglev {
    entries: Box<[NodeIndex]>,
    owner_count: usize,
}

/// A node's permutation of the entries: `offset`, `offset + skip`, ... modulo their number.
struct Permutation {
    node: NodeIndex,
    weight: u64,
    next: u32,
    skip: u32,
}

impl Maglev {
    /// `size` is a prime number.
    pub(crate) fn new(nodes: &[Node<'_>], size: u32) -> Result<Self, BuildError> {
        let mut eligible: Vec<(&Node<'_>, u16)> = nodes
            .iter()
            .zip(0..=u16::MAX)
            .filter(|(node, _)| node.effective_weight() > 0)
            .collect();
        eligible.sort_unstable_by_key(|(node, _)| node.name());
        let owner_count = eligible.len();
        if owner_count > size as usize {
            return Err(BuildError::TableTooSmall { nodes: owner_count, size });
        }
        let mut permutations: Vec<Permutation> =
            eligible.into_iter().map(|(node, index)| Permutation::new(node, index, size)).collect();
        Ok(Self { entries: fill(&mut permutations, size), owner_count })
    }

    pub(crate) const fn owner_count(&self) -> usize {
        self.owner_count
    }

    /// `hash * entries >> 64`.
    #[inline]
    fn entry_of(&self, hash: u64) -> usize {
        let product = u128::from(hash) * self.entries.len() as u128;
        // Below the number of entries.
        usize::try_from(product >> 64).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.entries.get(self.entry_of(hash)).copied()
    }

    /// The entries from the hash's own on, once around.
    pub(crate) fn walk(&self, hash: u64) -> MaglevWalk<'_> {
        let (then, now) = self.entries.split_at_checked(self.entry_of(hash)).unwrap_or_default();
        MaglevWalk { now: now.iter(), then: then.iter() }
    }
}

impl fmt::Debug for Maglev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maglev")
            .field("entries", &self.entries.len())
            .field("owners", &self.owner_count)
            .finish_non_exhaustive()
    }
}

impl Permutation {
    fn new(node: &Node<'_>, index: u16, size: u32) -> Self {
        let mut memory = [0; TEXT_BYTES_MAX + 4];
        let name = node.name();
        let mut hash = |counter: u32| {
            // A name was checked to be at most 1,024 bytes.
            let input = memory.get_mut(..name.len() + 4).unwrap_or_default();
            if let Some((start, end)) = input.split_at_mut_checked(name.len()) {
                start.copy_from_slice(name);
                end.copy_from_slice(&counter.to_le_bytes());
            }
            key_hash(input)
        };
        let modulo = |hash: u64, size: u32| u32::try_from(hash % u64::from(size)).unwrap_or(0);
        let next = modulo(hash(0), size);
        let skip = modulo(hash(1), size - 1) + 1;
        let weight = u64::from(node.effective_weight());
        Self { node: NodeIndex::new(index), weight, next, skip }
    }

    /// Takes the next free entry; there is one.
    fn take(&mut self, entries: &mut [Option<NodeIndex>]) {
        let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        loop {
            let entry = entries.get_mut(self.next as usize);
            self.next += self.skip;
            if self.next >= size {
                self.next -= size;
            }
            match entry {
                Some(free @ None) => {
                    *free = Some(self.node);
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Lets the nodes, in order of name, take entries in turns until none is free.
fn fill(permutations: &mut [Permutation], size: u32) -> Box<[NodeIndex]> {
    if permutations.is_empty() {
        return Box::default();
    }
    let mut entries = vec![None; size as usize];
    let heaviest = permutations.iter().map(|node| node.weight).max().unwrap_or(1);
    let mut free = entries.len();
    if permutations.iter().all(|node| node.weight == heaviest) {
        for turn in 0..free {
            let place = turn % permutations.len();
            if let Some(permutation) = permutations.get_mut(place) {
                permutation.take(&mut entries);
            }
        }
        free = 0;
    }
    // The round of each node's next turn; equal rounds in order of name.
    let first_turns = (0..permutations.len()).map(|place| Reverse((1u64, place, 0u64)));
    let mut turns: BinaryHeap<Reverse<(u64, usize, u64)>> = first_turns.collect();
    while free > 0 {
        let Some(Reverse((_, place, taken))) = turns.pop() else { break };
        let Some(permutation) = permutations.get_mut(place) else { break };
        permutation.take(&mut entries);
        free -= 1;
        let taken = taken + 1;
        // The first round r with ceil(r · weight / heaviest) above what was taken.
        let round = taken * heaviest / permutation.weight + 1;
        turns.push(Reverse((round, place, taken)));
    }
    entries.into_iter().flatten().collect()
}

/// The owners of the entries from one on, each entry once.
#[derive(Clone, Debug)]
pub(crate) struct MaglevWalk<'a> {
    now: slice::Iter<'a, NodeIndex>,
    then: slice::Iter<'a, NodeIndex>,
}

impl Iterator for MaglevWalk<'_> {
    type Item = NodeIndex;

    #[inline]
    fn next(&mut self) -> Option<NodeIndex> {
        if let Some(&node) = self.now.next() {
            return Some(node);
        }
        self.now = mem::take(&mut self.then);
        self.now.next().copied()
    }
}
