//! Rendezvous hashing (highest random weight): every node has a score for every key, and the best
//! score owns.
//!
//! The score of SPEC §13 compares `cost / weight`, where the cost is `-log2` of a draw: exactly the
//! exponential variable by which weights become shares. All of it is integers, and the costly
//! logarithm is needed only between nodes of different weights. So nodes stand in classes of equal
//! weight, in order of name; within a class the greatest draw is the best, and only the classes'
//! best are compared by their costs.

use alloc::boxed::Box;
use core::{cmp::Reverse, fmt};

use crate::{
    Node, NodeIndex,
    hash::{key_hash, splitmix64},
};

/// How many candidates a walk finds in one pass over the nodes.
const BATCH: usize = 16;

/// The nodes that may own something.
#[derive(Clone)]
pub(crate) struct Rendezvous {
    /// In order of weight, then of name.
    nodes: Box<[Contender]>,
    /// Whether weights differ.
    mixed: bool,
}

#[derive(Clone, Copy)]
struct Contender {
    name_hash: u64,
    weight: u32,
    /// Its place among all in order of name.
    rank: u16,
    node: NodeIndex,
}

/// What one node scores for one hash.
#[derive(Clone, Copy, Debug)]
struct Score {
    draw: u64,
    /// `None` as long as nobody has another weight.
    cost: Option<u64>,
    weight: u32,
    rank: u16,
    node: NodeIndex,
}

impl Score {
    const NONE: Self =
        Self { draw: 0, cost: None, weight: 0, rank: u16::MAX, node: NodeIndex::new(0) };

    fn is_better(&self, other: &Self) -> bool {
        if let (Some(cost), Some(other_cost)) = (self.cost, other.cost) {
            let ours = u128::from(cost) * u128::from(other.weight);
            let theirs = u128::from(other_cost) * u128::from(self.weight);
            if ours != theirs {
                return ours < theirs;
            }
        }
        (Reverse(self.draw), self.rank) < (Reverse(other.draw), other.rank)
    }
}

impl Rendezvous {
    pub(crate) fn new(nodes: &[Node<'_>]) -> Self {
        let eligible =
            nodes.iter().zip(0..=u16::MAX).filter(|(node, _)| node.effective_weight() > 0);
        let mut by_name: Box<[(&[u8], Contender)]> = eligible
            .map(|(node, index)| {
                let name_hash = key_hash(node.name());
                let weight = node.effective_weight();
                let node_index = NodeIndex::new(index);
                (node.name(), Contender { name_hash, weight, rank: 0, node: node_index })
            })
            .collect();
        by_name.sort_unstable_by_key(|(name, _)| *name);
        let mut nodes: Box<[Contender]> = by_name
            .iter()
            .zip(0..=u16::MAX)
            .map(|((_, contender), rank)| Contender { rank, ..*contender })
            .collect();
        nodes.sort_unstable_by_key(|contender| (contender.weight, contender.rank));
        let mixed = nodes.first().map(|first| first.weight) != nodes.last().map(|last| last.weight);
        Self { nodes, mixed }
    }

    pub(crate) const fn owner_count(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.best(hash, |_| true)
    }

    /// The best of the nodes that `may` own.
    pub(crate) fn best(&self, hash: u64, may: impl Fn(NodeIndex) -> bool) -> Option<NodeIndex> {
        let mut best: Option<Score> = None;
        for class in self.nodes.chunk_by(|a, b| a.weight == b.weight) {
            let mut champion: Option<(u64, &Contender)> = None;
            for contender in class {
                let draw = splitmix64(hash ^ contender.name_hash);
                // Of equal draws the smaller name's came first.
                if champion.is_none_or(|(most, _)| draw > most) && may(contender.node) {
                    champion = Some((draw, contender));
                }
            }
            let Some((_, contender)) = champion else { continue };
            let score = self.score(hash, contender);
            if best.is_none_or(|best| score.is_better(&best)) {
                best = Some(score);
            }
        }
        best.map(|best| best.node)
    }

    /// All nodes but `without`, the best score first.
    pub(crate) const fn walk(&self, hash: u64, without: Option<NodeIndex>) -> RendezvousWalk<'_> {
        RendezvousWalk {
            rendezvous: self,
            hash,
            without,
            batch: [NodeIndex::new(0); BATCH],
            len: 0,
            at: 0,
            last: None,
            is_done: false,
        }
    }

    fn score(&self, hash: u64, contender: &Contender) -> Score {
        let &Contender { name_hash, weight, rank, node } = contender;
        let draw = splitmix64(hash ^ name_hash);
        Score { draw, cost: self.mixed.then(|| cost(draw)), weight, rank, node }
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendezvous").field("owners", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// `64 · 2^32 - log2(draw + 1) · 2^32`, the logarithm truncated to 32 bits after the point.
fn cost(draw: u64) -> u64 {
    const ONE: u64 = 1 << 32;
    let Some(number) = draw.checked_add(1) else { return 0 };
    let whole = 63 - number.leading_zeros();
    // The mantissa, 1 to 2, with 63 bits after the point.
    let mut mantissa = number << (63 - whole);
    let mut fraction = 0u64;
    for _ in 0..32 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let doubled = square >> 127;
        // From 126 bits after the point back to 63, and halved if it reached 2.
        let shift = if doubled == 1 { 64 } else { 63 };
        mantissa = u64::try_from(square >> shift).unwrap_or(u64::MAX);
        fraction = (fraction << 1) | u64::from(doubled == 1);
    }
    (64 - u64::from(whole)) * ONE - fraction
}

/// The nodes in the order of their scores; each comes once.
///
/// One pass over the nodes finds the next sixteen.
#[derive(Clone, Debug)]
pub(crate) struct RendezvousWalk<'a> {
    rendezvous: &'a Rendezvous,
    hash: u64,
    without: Option<NodeIndex>,
    batch: [NodeIndex; BATCH],
    len: usize,
    at: usize,
    /// The last one of the batch, if it was full.
    last: Option<Score>,
    is_done: bool,
}

impl RendezvousWalk<'_> {
    /// Finds the best that come after the last one.
    fn refill(&mut self) {
        let last = self.last;
        let mut len = 0;
        let mut batch = [Score::NONE; BATCH];
        for contender in &self.rendezvous.nodes {
            let score = self.rendezvous.score(self.hash, contender);
            let is_past = last.is_some_and(|last| !last.is_better(&score));
            if is_past || self.without == Some(score.node) {
                continue;
            }
            let found = batch.get(..len).unwrap_or_default();
            let place = len - found.iter().rev().take_while(|other| score.is_better(other)).count();
            len = (len + 1).min(BATCH);
            // What drops out of a full batch comes with the next one.
            if let Some(tail @ [_, ..]) = batch.get_mut(place..len) {
                tail.rotate_right(1);
                tail[0] = score;
            }
        }
        (self.batch, self.len, self.at) = (batch.map(|score| score.node), len, 0);
        self.last = batch.last().copied();
        self.is_done = len < BATCH;
    }
}

impl Iterator for RendezvousWalk<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        if self.at == self.len && !self.is_done {
            self.refill();
        }
        let node = *self.batch.get(..self.len)?.get(self.at)?;
        self.at += 1;
        Some(node)
    }
}
