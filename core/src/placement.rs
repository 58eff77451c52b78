//! What every algorithm can do, and what is written once on top of it.

use crate::{NodeIndex, Zones};

/// What every algorithm can do; everything else is built on [`walk`](Self::walk).
///
/// Failover is `walk(hash).next()` after the first, bounded load is
/// `walk(hash).find(|node| load[node.as_usize()] < capacity)`.
///
/// Not `dyn`-compatible on purpose; to choose at run time there is `Table` (feature `alloc`).
pub trait Placement {
    /// The candidates for one hash.
    type Walk<'a>: Iterator<Item = NodeIndex>
    where
        Self: 'a;

    /// The hash of `key` in this placement's space.
    fn hash_key(&self, key: &[u8]) -> u64;

    /// The candidates for `hash` in order of preference. Finite; a node may come more than once.
    fn walk(&self, hash: u64) -> Self::Walk<'_>;

    /// How many distinct nodes each walk visits: those that may own something.
    fn owner_count(&self) -> usize;

    /// The owner of `key`; `None` when no node may own anything.
    #[inline]
    fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.owner_by_hash(self.hash_key(key))
    }

    /// The owner of a key's hash; `None` when no node may own anything.
    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.walk(hash).next()
    }

    /// The owners of many keys, each as [`owner`](Self::owner) gives it; returns how many.
    ///
    /// `out[i]` becomes the owner of the key `i`, as far as both reach; that many are returned.
    ///
    /// # Complexity
    /// As so many calls of `owner`, or less where they would wait for memory.
    fn owner_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        out: &mut [Option<NodeIndex>],
    ) -> usize {
        fill(out, keys, |key| self.owner(key.as_ref()))
    }

    /// The owners of many key hashes, each as [`owner_by_hash`](Self::owner_by_hash) gives it;
    /// returns how many.
    ///
    /// `out[i]` becomes the owner of `hashes[i]`, as far as both slices reach; that many are
    /// returned.
    ///
    /// # Complexity
    /// As [`owner_many`](Self::owner_many), without hashing.
    fn owner_many_by_hash(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) -> usize {
        fill(out, hashes, |&hash| self.owner_by_hash(hash))
    }

    /// Fills `out` with distinct owners, the first being `owner(key)`, and returns how many.
    ///
    /// Never allocates; beyond 16 owners it takes 8 KiB of stack.
    ///
    /// # Complexity
    /// O(candidates visited), which is little more than `out.len()` while that is small beside
    /// [`owner_count`](Self::owner_count), and all of them at worst.
    fn owners(&self, key: &[u8], out: &mut [NodeIndex]) -> usize {
        let wanted = self.owner_count().min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        fill_distinct(out, 0, self.walk(self.hash_key(key)), |node| node)
    }

    /// Fills `out` with distinct owners of `key`, the first being `owner(key)`, and returns how
    /// many: one of each zone first, then the rest in the walk's order (SPEC §6).
    ///
    /// Never allocates; beyond 16 owners it takes 8 KiB of stack.
    ///
    /// # Complexity
    /// O(candidates visited), as [`owners`](Self::owners); all of them where a zone comes late.
    fn owners_in_zones<S>(&self, key: &[u8], zones: &Zones<S>, out: &mut [NodeIndex]) -> usize
    where
        S: AsRef<[NodeIndex]>,
    {
        let hash = self.hash_key(key);
        zones.fill(|| self.walk(hash), self.owner_count(), out)
    }
}

/// Writes what `of` makes of each item, as far as both reach; returns how many.
#[inline]
pub(crate) fn fill<T, I>(
    out: &mut [T],
    items: impl IntoIterator<Item = I>,
    mut of: impl FnMut(I) -> T,
) -> usize {
    let mut filled = 0;
    // The places come first: where they end, no item is taken for nothing.
    for (place, item) in out.iter_mut().zip(items) {
        *place = of(item);
        filled += 1;
    }
    filled
}

/// So many distinct nodes are told apart by comparing each with each; beyond, by a bit set.
pub(crate) const FEW: usize = 16;

/// Fills `out` from index `filled` on with the nodes of `walk` that are new, in its order, and
/// returns how much of `out` is filled. New is whose `identity` no node in `out` has.
pub(crate) fn fill_distinct(
    out: &mut [NodeIndex],
    filled: usize,
    mut walk: impl Iterator<Item = NodeIndex>,
    identity: impl Fn(NodeIndex) -> NodeIndex,
) -> usize {
    let few = out.len().min(FEW);
    let filled = fill_few(out.get_mut(..few).unwrap_or_default(), filled, &mut walk, &identity);
    if filled < few || filled == out.len() {
        return filled;
    }
    fill_many(out, filled, walk, identity)
}

#[inline]
fn fill_few(
    out: &mut [NodeIndex],
    mut filled: usize,
    walk: &mut impl Iterator<Item = NodeIndex>,
    identity: impl Fn(NodeIndex) -> NodeIndex,
) -> usize {
    while let Some((found, [slot, ..])) = out.split_at_mut_checked(filled) {
        let Some(node) = walk.find(|&node| {
            let its = identity(node);
            !found.iter().any(|&earlier| identity(earlier) == its)
        }) else {
            break;
        };
        *slot = node;
        filled += 1;
    }
    filled
}

#[inline(never)]
fn fill_many(
    out: &mut [NodeIndex],
    mut filled: usize,
    mut walk: impl Iterator<Item = NodeIndex>,
    identity: impl Fn(NodeIndex) -> NodeIndex,
) -> usize {
    let mut seen = NodeSet::new();
    for &node in out.iter().take(filled) {
        seen.insert(identity(node));
    }
    for slot in out.iter_mut().skip(filled) {
        let Some(node) = walk.find(|&node| seen.insert(identity(node))) else { break };
        *slot = node;
        filled += 1;
    }
    filled
}

/// A set of nodes, whatever their number: 65,536 bits.
pub(crate) struct NodeSet([u64; 1024]);

impl NodeSet {
    pub(crate) const fn new() -> Self {
        Self([0; 1024])
    }

    /// Adds `node`; true if it was not there.
    #[inline]
    pub(crate) const fn insert(&mut self, node: NodeIndex) -> bool {
        // A node's index is below 65,536, so the word's is below 1,024.
        let word = &mut self.0[node.as_usize() / 64 % 1024];
        let bit = 1u64 << (node.as_usize() % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
