//! Rendezvous hashing (highest random weight): every node has a score for every key, and the best
//! score owns.
//!
//! The score of SPEC §13 compares `cost / weight`, where the cost is `-log2` of a draw: exactly the
//! exponential variable by which weights become shares. All of it is integers, and the costly
//! logarithm is needed only between nodes of different weights. So nodes stand in classes of equal
//! weight, in order of name; within a class the greatest draw is the best, and only the classes'
//! best are compared by their costs. Of these, most are beaten by a bound that takes no logarithm.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec};
use core::{cmp::Reverse, fmt};

use crate::{
    BuildError, HashTag, Node, NodeIndex, Placement, check,
    hash::{key_hash, splitmix64},
    layout,
    memory::at_least,
    sort,
};

/// How many candidates a walk finds in one pass over the nodes.
const BATCH: usize = 16;

/// The placement `rendezvous-v1`: the node of the best score owns. `S` is where the nodes' hashes
/// and weights live, sixteen bytes a node.
///
/// A change of one node moves only what it gains or loses, exactly in the shares of the weights.
/// The price is that each lookup looks at every node: beyond some dozens, use another placement.
///
/// # Examples
///
/// ```
/// use ringway::{Contender, Node, Placement, Rendezvous};
///
/// let nodes = [Node::new("db1"), Node::new("db2").with_weight(2), Node::new("db3")];
/// let placement = Rendezvous::build_in(&nodes, [Contender::EMPTY; 3])?;
/// let owner = placement.owner(b"user:42").expect("a node has weight");
/// assert!(owner.as_usize() < nodes.len());
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Rendezvous<S> {
    /// Starts with the nodes that may own, in order of weight, then of name.
    storage: S,
    /// How many these are.
    len: usize,
    /// Whether weights differ.
    mixed: bool,
    hash_tag: Option<HashTag>,
}

/// One node of a [`Rendezvous`]: what its scores follow from.
///
/// Sixteen bytes. An array of [`Contender::EMPTY`] is the memory that a placement is built in.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    name_hash: u64,
    weight: u32,
    /// Its place among all in order of name.
    rank: u16,
    node: NodeIndex,
}

impl Contender {
    /// What memory holds before a placement is built in it.
    pub const EMPTY: Self = Self { name_hash: 0, weight: 0, rank: 0, node: NodeIndex::new(0) };

    fn draw(&self, hash: u64) -> u64 {
        splitmix64(hash ^ self.name_hash)
    }

    /// Whether this node's score is surely worse than `other`.
    fn is_beaten(&self, hash: u64, other: &Score) -> bool {
        let draw = self.draw(hash);
        let Some(other_cost) = other.cost else { return draw < other.draw };
        let least = u128::from(least_cost(draw)) * u128::from(other.weight);
        least > u128::from(other_cost) * u128::from(self.weight)
    }
}

/// Where among nodes of equal weight the one with the greatest draw is; of equal ones the first,
/// whose name is the smallest.
fn champion(class: &[Contender], hash: u64) -> usize {
    let (mut most, mut place) = (0, 0);
    for (at, contender) in class.iter().enumerate() {
        let draw = contender.draw(hash);
        if draw > most {
            (most, place) = (draw, at);
        }
    }
    place
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

impl<S: AsRef<[Contender]> + AsMut<[Contender]>> Rendezvous<S> {
    /// A placement in the caller's memory, which must have an element for each node; nothing is
    /// allocated.
    ///
    /// # Complexity
    /// O(nodes · log nodes) time, to compare the names.
    ///
    /// # Errors
    /// [`BuildError::StorageTooSmall`]; the others are the nodes' faults, checked in the order of
    /// SPEC §8 as far as that memory allows.
    pub fn build_in(nodes: &[Node<'_>], mut storage: S) -> Result<Self, BuildError> {
        check::texts(nodes)?;
        let contenders = at_least(nodes.len(), storage.as_mut())?;
        for ((slot, node), index) in contenders.iter_mut().zip(nodes).zip(0..=u16::MAX) {
            let weight = node.effective_weight();
            let name_hash = key_hash(node.name());
            *slot = Contender { name_hash, weight, rank: 0, node: NodeIndex::new(index) };
        }
        check::names(nodes, contenders, |contender| contender.node.as_usize())?;
        for (slot, rank) in contenders.iter_mut().zip(0..=u16::MAX) {
            slot.rank = rank;
        }
        // Those without weight come first; they are put behind the others.
        sort::by(contenders, |a, b| (a.weight, a.rank).cmp(&(b.weight, b.rank)));
        let weightless = contenders.partition_point(|contender| contender.weight == 0);
        contenders.rotate_left(weightless);
        let len = nodes.len() - weightless;
        let weights = contenders.get(..len).unwrap_or_default();
        let mixed =
            weights.first().map(|first| first.weight) != weights.last().map(|last| last.weight);
        Ok(Self { storage, len, mixed, hash_tag: None })
    }

    /// Takes out the node at a place, until [`restore`](Self::restore).
    pub(crate) fn remove(&mut self, place: usize) {
        match self.storage.as_mut().get_mut(place..self.len) {
            Some(rest @ [_, ..]) => rest.rotate_left(1),
            _ => return,
        }
        self.len -= 1;
    }

    /// Puts back what was taken out of `len` nodes.
    pub(crate) fn restore(&mut self, len: usize) {
        self.len = len;
        let contenders = self.storage.as_mut().get_mut(..len).unwrap_or_default();
        sort::by(contenders, |a, b| (a.weight, a.rank).cmp(&(b.weight, b.rank)));
    }
}

#[cfg(feature = "alloc")]
impl Rendezvous<Box<[Contender]>> {
    /// A placement that owns its memory.
    pub(crate) fn new(nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        Self::build_in(nodes, vec![Contender::EMPTY; nodes.len()].into_boxed_slice())
    }
}

impl<S> Rendezvous<S> {
    /// The same where keys are hashed by what stands between two characters.
    #[must_use]
    pub fn with_hash_tag(self, hash_tag: HashTag) -> Self {
        Self { hash_tag: Some(hash_tag), ..self }
    }
}

impl<S: AsRef<[Contender]>> Rendezvous<S> {
    /// The same placement over borrowed memory.
    #[must_use]
    pub fn as_view(&self) -> Rendezvous<&[Contender]> {
        let &Self { ref storage, len, mixed, hash_tag } = self;
        Rendezvous { storage: storage.as_ref(), len, mixed, hash_tag }
    }

    /// The nodes that may own something, in order of weight, then of name.
    fn contenders(&self) -> &[Contender] {
        self.storage.as_ref().get(..self.len).unwrap_or_default()
    }

    /// The node at a place, which is below [`owner_count`](Self::owner_count).
    pub(crate) fn node(&self, place: usize) -> Option<NodeIndex> {
        self.contenders().get(place).map(|contender| contender.node)
    }

    /// The place of the node with the best score.
    pub(crate) fn best(&self, hash: u64) -> Option<usize> {
        let nodes = self.contenders();
        if !self.mixed {
            return (!nodes.is_empty()).then(|| champion(nodes, hash));
        }
        let mut best: Option<(Score, usize)> = None;
        let mut first = nodes.len();
        // The heaviest first: few of the others then need a logarithm.
        for class in nodes.chunk_by(|a, b| a.weight == b.weight).rev() {
            first -= class.len();
            let at = champion(class, hash);
            let Some(contender) = class.get(at) else { continue };
            if best.is_some_and(|(best, _)| contender.is_beaten(hash, &best)) {
                continue;
            }
            let score = self.score(hash, contender);
            if best.is_none_or(|(best, _)| score.is_better(&best)) {
                best = Some((score, first + at));
            }
        }
        best.map(|(_, place)| place)
    }

    /// All nodes but `without`, the best score first.
    pub(crate) fn walk_without(&self, hash: u64, without: Option<NodeIndex>) -> RendezvousWalk<'_> {
        RendezvousWalk {
            rendezvous: self.as_view(),
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
        let &Contender { weight, rank, node, .. } = contender;
        let draw = contender.draw(hash);
        Score { draw, cost: self.mixed.then(|| cost(draw)), weight, rank, node }
    }
}

impl<S: AsRef<[Contender]>> Placement for Rendezvous<S> {
    type Walk<'a>
        = RendezvousWalk<'a>
    where
        Self: 'a;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        layout::hash_key(self.hash_tag.as_ref(), None, key)
    }

    /// All nodes that may own something, the best score first.
    ///
    /// # Complexity
    /// One pass over the nodes for each sixteen candidates.
    fn walk(&self, hash: u64) -> RendezvousWalk<'_> {
        self.walk_without(hash, None)
    }

    #[inline]
    fn owner_count(&self) -> usize {
        self.len
    }

    /// The node of the best score.
    ///
    /// # Complexity
    /// O(nodes), and a logarithm for each weight that occurs.
    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.node(self.best(hash)?)
    }
}

impl<S> fmt::Debug for Rendezvous<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendezvous").field("owners", &self.len).finish_non_exhaustive()
    }
}

/// No more than [`cost`], by two lines above the logarithm: for every `m` from 0 to 1,
/// `log2(1 + m)` is less than `m + 0.0861` and at most `1 - (1 - m) / (2 · ln 2)`.
fn least_cost(draw: u64) -> u64 {
    const ONE: u64 = 1 << 32;
    /// 0.0861 with 32 bits after the point, rounded up.
    const ABOVE: u64 = 369_796_685;
    /// `1 / (2 · ln 2)` with 32 bits after the point, rounded down.
    const SLOPE: u64 = 3_098_164_009;
    let Some(number) = draw.checked_add(1) else { return 0 };
    let zeros = number.leading_zeros();
    // 1 - m, where the bits of m that are cut count as 1.
    let left = ONE - 1 - ((number << zeros << 1) >> 32);
    u64::from(zeros) * ONE + left.saturating_sub(ABOVE).max((left * SLOPE) >> 32)
}

/// `64 · 2^32 - log2(draw + 1) · 2^32`, the logarithm truncated to 32 bits after the point.
#[allow(clippy::cast_possible_truncation, reason = "halves of 128 bits")]
fn cost(draw: u64) -> u64 {
    const ONE: u64 = 1 << 32;
    let Some(number) = draw.checked_add(1) else { return 0 };
    let whole = 63 - number.leading_zeros();
    // The mantissa, 1 to 2, with 63 bits after the point.
    let mut mantissa = number << (63 - whole);
    let mut fraction = 0u64;
    for _ in 0..32 {
        // 126 bits after the point, of which 63 stay; halved if it reached 2.
        let square = u128::from(mantissa) * u128::from(mantissa);
        let (high, low) = ((square >> 64) as u64, square as u64);
        let doubled = high >> 63;
        mantissa = if doubled == 1 { high } else { high << 1 | low >> 63 };
        fraction = fraction << 1 | doubled;
    }
    (64 - u64::from(whole)) * ONE - fraction
}

/// The nodes in the order of their scores; each comes once.
///
/// One pass over the nodes finds the next sixteen.
#[derive(Clone, Debug)]
pub struct RendezvousWalk<'a> {
    rendezvous: Rendezvous<&'a [Contender]>,
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
        for contender in self.rendezvous.contenders().iter().rev() {
            let worst = batch.last().filter(|_| len == BATCH);
            if worst.is_some_and(|worst| contender.is_beaten(self.hash, worst)) {
                continue;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_below_the_cost_and_near_it() {
        let around = |x: u64| [x.wrapping_sub(1), x, x.wrapping_add(1)];
        let powers = (0..64).flat_map(|bit| around(1 << bit));
        let random = (0..100_000).map(|i| splitmix64(i) >> (i % 64));
        // The first line touches the logarithm where the mantissa is 1 / ln 2.
        let touching = around(0xb8aa_3b29_5c17_f0bc);
        for draw in powers.chain(random).chain(touching) {
            let (least, cost) = (least_cost(draw), cost(draw));
            assert!(least <= cost && cost - least <= 369_796_687, "{draw:x}: {least}, {cost}");
        }
    }
}
