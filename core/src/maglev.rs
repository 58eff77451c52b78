//! Maglev hashing (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load
//! Balancer", 2016): a table of entries that the nodes fill in turns, each by a permutation of its
//! own, so that all get the same number of entries within one, or as their weights say.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec};
use core::{fmt, mem, slice};

use crate::{
    BuildError, HashTag, Node, NodeIndex, Placement, check,
    hash::key_hash,
    layout::{self, TEXT_BYTES_MAX},
    memory::at_least,
    sort::{self, swap},
};

/// The placement `maglev-v1`: a table of entries, each of one node. `S` is where the entries live,
/// two bytes an entry.
///
/// A lookup is one access, and shares are as even as the table is large beside the number of
/// nodes. The price: a change of one node moves a little more than what it gains or loses.
///
/// # Examples
///
/// ```
/// use ringway::{Maglev, MaglevTurn, Node, NodeIndex, Placement};
///
/// let nodes = [Node::new("db1"), Node::new("db2").with_weight(2), Node::new("db3")];
/// let (mut turns, mut taken) = ([MaglevTurn::EMPTY; 3], [0; 251usize.div_ceil(64)]);
/// let entries = [NodeIndex::new(0); 251];
/// let placement = Maglev::build_in(&nodes, 251, entries, &mut turns, &mut taken)?;
/// let owner = placement.owner(b"user:42").expect("a node has weight");
/// assert!(owner.as_usize() < nodes.len());
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Maglev<S> {
    /// Starts with the entries.
    storage: S,
    /// How many there are: the table's size, or 0 if nobody may own anything.
    len: usize,
    owner_count: usize,
    hash_tag: Option<HashTag>,
}

/// One node while a [`Maglev`] is built: where it is in its permutation of the entries, and when
/// it has its next turn.
///
/// 32 bytes, needed no longer than the building takes.
#[derive(Clone, Copy, Debug)]
pub struct MaglevTurn {
    /// The round of the next turn, counted from 1.
    round: u64,
    /// How many entries the node has.
    taken: u32,
    weight: u32,
    /// The permutation: `next`, `next + skip`, ... modulo the number of entries.
    next: u32,
    skip: u32,
    /// The place among all nodes in order of name.
    rank: u16,
    node: NodeIndex,
}

impl<S: AsRef<[NodeIndex]> + AsMut<[NodeIndex]>> Maglev<S> {
    /// A placement in the caller's memory; nothing is allocated.
    ///
    /// `table_size` is a prime number from 2 to 16,777,213, the number of entries that `entries`
    /// must have room for: a hundred or more for each node give shares within 1 %. `turns` must
    /// have an element for each node, and `taken` a bit for each entry, that is
    /// `table_size.div_ceil(64)` elements; both are free again afterwards.
    ///
    /// # Complexity
    /// O(table size · log table size) expected, and with weights O(table size · log nodes) more.
    ///
    /// # Errors
    /// [`BuildError::BadOption`] if `table_size` is no such number;
    /// [`BuildError::StorageTooSmall`] for the first of `turns`, `taken` and `entries` that has too
    /// few elements; the others are the nodes' faults, checked in the order of SPEC §8 as far as
    /// that memory allows.
    pub fn build_in(
        nodes: &[Node<'_>],
        table_size: u32,
        mut entries: S,
        turns: &mut [MaglevTurn],
        taken: &mut [u64],
    ) -> Result<Self, BuildError> {
        layout::check_table_size(table_size)?;
        check::texts(nodes)?;
        let turns = at_least(nodes.len(), turns)?;
        for ((turn, node), index) in turns.iter_mut().zip(nodes).zip(0..=u16::MAX) {
            *turn = MaglevTurn::new(node, NodeIndex::new(index), table_size);
        }
        check::names(nodes, turns, |turn| turn.node.as_usize())?;
        for (turn, rank) in turns.iter_mut().zip(0..=u16::MAX) {
            turn.rank = rank;
        }
        // Those with weight, in order of name; then those without.
        let key = |turn: &MaglevTurn| (turn.weight == 0, turn.rank);
        sort::by(turns, |a, b| key(a).cmp(&key(b)));
        let owner_count = turns.partition_point(|turn| turn.weight > 0);
        let turns = turns.get_mut(..owner_count).unwrap_or_default();
        if owner_count > table_size as usize {
            return Err(BuildError::TableTooSmall { nodes: owner_count, size: table_size });
        }
        let len = if owner_count > 0 { table_size as usize } else { 0 };
        let taken = at_least(len.div_ceil(64), taken)?;
        taken.fill(0);
        fill(turns, at_least(len, entries.as_mut())?, taken);
        Ok(Self { storage: entries, len, owner_count, hash_tag: None })
    }
}

#[cfg(feature = "alloc")]
impl Maglev<Box<[NodeIndex]>> {
    /// A placement that owns its memory.
    pub(crate) fn new(nodes: &[Node<'_>], table_size: u32) -> Result<Self, BuildError> {
        let is_owned = nodes.iter().any(|node| node.effective_weight() > 0);
        let len = if is_owned { table_size as usize } else { 0 };
        let entries = vec![NodeIndex::new(0); len].into_boxed_slice();
        let mut turns = vec![MaglevTurn::EMPTY; nodes.len()];
        Self::build_in(nodes, table_size, entries, &mut turns, &mut vec![0; len.div_ceil(64)])
    }
}

impl<S> Maglev<S> {
    /// The same where keys are hashed by what stands between two characters.
    #[must_use]
    pub fn with_hash_tag(self, hash_tag: HashTag) -> Self {
        Self { hash_tag: Some(hash_tag), ..self }
    }
}

impl<S: AsRef<[NodeIndex]>> Maglev<S> {
    /// The owners of the entries in order: entry `i` owns the hashes from `i / size` of all on.
    #[must_use]
    pub fn entries(&self) -> &[NodeIndex] {
        self.storage.as_ref().get(..self.len).unwrap_or_default()
    }

    /// The same placement over borrowed entries.
    #[must_use]
    pub fn as_view(&self) -> Maglev<&[NodeIndex]> {
        let &Self { ref storage, len, owner_count, hash_tag } = self;
        Maglev { storage: storage.as_ref(), len, owner_count, hash_tag }
    }

    /// `hash * entries >> 64`.
    #[inline]
    fn entry_of(&self, hash: u64) -> usize {
        let product = u128::from(hash) * self.len as u128;
        // Below the number of entries.
        usize::try_from(product >> 64).unwrap_or_default()
    }
}

impl<S: AsRef<[NodeIndex]>> Placement for Maglev<S> {
    type Walk<'a>
        = MaglevWalk<'a>
    where
        Self: 'a;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        layout::hash_key(self.hash_tag.as_ref(), None, key)
    }

    /// The owners of the entries from the hash's own on, once around.
    fn walk(&self, hash: u64) -> MaglevWalk<'_> {
        let entries = self.entries();
        let (then, now) = entries.split_at_checked(self.entry_of(hash)).unwrap_or_default();
        MaglevWalk { now: now.iter(), then: then.iter() }
    }

    #[inline]
    fn owner_count(&self) -> usize {
        self.owner_count
    }

    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        if self.len == 0 {
            return None;
        }
        // Below `len`, so within the storage.
        self.storage.as_ref().get(self.entry_of(hash)).copied()
    }
}

impl<S> fmt::Debug for Maglev<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maglev")
            .field("entries", &self.len)
            .field("owners", &self.owner_count)
            .finish_non_exhaustive()
    }
}

impl MaglevTurn {
    /// What memory holds before a placement is built.
    pub const EMPTY: Self =
        Self { round: 0, taken: 0, weight: 0, next: 0, skip: 0, rank: 0, node: NodeIndex::new(0) };

    fn new(node: &Node<'_>, index: NodeIndex, size: u32) -> Self {
        let mut memory = [0; TEXT_BYTES_MAX + 4];
        let name = node.name();
        let mut hash = |counter: u32| {
            // A name was checked to be at most 1,024 bytes.
            if let Some((start, rest)) = memory.split_at_mut_checked(name.len()) {
                start.copy_from_slice(name);
                if let Some(end) = rest.first_chunk_mut() {
                    *end = counter.to_le_bytes();
                }
            }
            key_hash(memory.get(..name.len() + 4).unwrap_or_default())
        };
        // A size is a prime number, so neither it nor one less is 0.
        let modulo = |hash: u64, size: u32| {
            hash.checked_rem(size.into()).and_then(|rest| u32::try_from(rest).ok()).unwrap_or(0)
        };
        let next = modulo(hash(0), size);
        let skip = modulo(hash(1), size - 1) + 1;
        let weight = node.effective_weight();
        Self { round: 1, taken: 0, weight, next, skip, rank: 0, node: index }
    }

    /// Takes the next free entry; there is one.
    fn take(&mut self, entries: &mut [NodeIndex], taken: &mut [u64]) {
        let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        loop {
            let entry = self.next as usize;
            self.next += self.skip;
            if self.next >= size {
                self.next -= size;
            }
            let Some(word) = taken.get_mut(entry / 64) else { return };
            let bit = 1 << (entry % 64);
            if *word & bit == 0 {
                *word |= bit;
                if let Some(slot) = entries.get_mut(entry) {
                    *slot = self.node;
                }
                return;
            }
        }
    }
}

/// Lets the nodes, in order of name, take entries in turns until none is free.
fn fill(turns: &mut [MaglevTurn], entries: &mut [NodeIndex], taken: &mut [u64]) {
    let heaviest = turns.iter().map(|turn| turn.weight).max().unwrap_or(1);
    if turns.iter().all(|turn| turn.weight == heaviest) {
        let mut free = entries.len();
        while free > 0 && !turns.is_empty() {
            for turn in turns.iter_mut().take(free) {
                turn.take(entries, taken);
            }
            free = free.saturating_sub(turns.len());
        }
        return;
    }
    // The turns are a heap whose first element is the next: at first all have the same round, in
    // order of name.
    for _ in 0..entries.len() {
        let Some(turn) = turns.first_mut() else { break };
        turn.take(entries, taken);
        turn.taken += 1;
        // The first round r with ceil(r · weight / heaviest) above what was taken.
        let shares = u64::from(turn.taken) * u64::from(heaviest);
        turn.round = shares.checked_div(turn.weight.into()).map_or(u64::MAX, |round| round + 1);
        sift_down(turns);
    }
}

/// Puts the first element of what else is a heap to its place: no turn comes before the one at
/// half its index.
fn sift_down(turns: &mut [MaglevTurn]) {
    let key = |turn: &MaglevTurn| (turn.round, turn.rank);
    let mut place = 0;
    loop {
        let child = 2 * place + 1;
        let earlier = match turns.get(child..) {
            // Which of the two is a coin toss: no branch.
            Some([left, right, ..]) => child + usize::from(key(right) < key(left)),
            Some([_]) => child,
            _ => return,
        };
        match (turns.get(place), turns.get(earlier)) {
            (Some(turn), Some(other)) if key(other) < key(turn) => swap(turns, place, earlier),
            _ => return,
        }
        place = earlier;
    }
}

/// The owners of the entries from one on, each entry once.
#[derive(Clone, Debug)]
pub struct MaglevWalk<'a> {
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
