//! Many lookups in one call.

use core::num::NonZeroU32;

use super::{Placed, Table};
use crate::{Layout, NodeIndex, hash::key_hash, jump_many, placement::fill};

/// So many go together.
const GROUP: usize = 64;

impl Table {
    /// The owners of many keys, each as [`owner`](Self::owner) gives it; returns how many.
    ///
    /// `out[i]` becomes the owner of the key `i`, as far as both reach; that many are returned.
    ///
    /// # Complexity
    /// As so many calls of `owner`, which it beats where memory is what they wait for: in a ring of
    /// ten thousand points or more; and in `jump-v1`, where keys go in lanes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ringway::{Layout, Node, Table};
    ///
    /// let table = Table::new(&Layout::ringway_v1(), &[Node::new("db1"), Node::new("db2")])?;
    /// let mut owners = [None; 2];
    /// assert_eq!(table.owner_many(["user:1", "user:2"], &mut owners), 2);
    /// assert_eq!(owners, [table.owner(b"user:1"), table.owner(b"user:2")]);
    /// # Ok::<(), ringway::BuildError>(())
    /// ```
    pub fn owner_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        out: &mut [Option<NodeIndex>],
    ) -> usize {
        let layout = &self.layout;
        match &self.placed {
            Placed::Ring(ring) => ring.owners_of_keys(keys, key_hash, out),
            Placed::OtherRing(ring) => ring.owners_of_keys(keys, |key| layout.hash_key(key), out),
            _ if matches!(layout, Layout::JumpV1 { .. }) => self.jump_keys(keys, out),
            placed => fill(out, keys, |key| placed.other_owner(layout, key.as_ref())),
        }
    }

    /// The owners of many key hashes of [`hash_bits`](Self::hash_bits) bits, each as
    /// [`owner_by_hash`](Self::owner_by_hash) gives it; returns how many.
    ///
    /// `out[i]` becomes the owner of `hashes[i]`, as far as both slices reach; that many are
    /// returned.
    ///
    /// # Complexity
    /// As [`owner_many`](Self::owner_many).
    pub fn owner_many_by_hash(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) -> usize {
        match &self.placed {
            Placed::Ring(ring) | Placed::OtherRing(ring) => ring.owners_of_hashes(hashes, out),
            _ if matches!(self.layout, Layout::JumpV1 { .. }) => self.jump_hashes(hashes, out),
            placed => fill(out, hashes, |&hash| placed.owner_by_hash(hash)),
        }
    }

    /// The same in `jump-v1`, where it pays to have hashes first.
    fn jump_keys<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        out: &mut [Option<NodeIndex>],
    ) -> usize {
        let mut keys = keys.into_iter();
        let mut answered = 0;
        for out in out.chunks_mut(GROUP) {
            let mut hashes = [0; GROUP];
            let places = hashes.get_mut(..out.len()).unwrap_or_default();
            let count = fill(places, &mut keys, |key| self.layout.hash_key(key.as_ref()));
            answered += self.jump_hashes(places.get(..count).unwrap_or_default(), out);
            if count < out.len() {
                break;
            }
        }
        answered
    }

    /// The same in `jump-v1`.
    fn jump_hashes(&self, hashes: &[u64], out: &mut [Option<NodeIndex>]) -> usize {
        let count = u32::try_from(self.len()).unwrap_or_default();
        let Some(count) = NonZeroU32::new(count) else { return fill(out, hashes, |_| None) };
        let mut answered = 0;
        for (hashes, out) in hashes.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
            let mut buckets = [0; GROUP];
            let found = jump_many(hashes, count, &mut buckets);
            let buckets = buckets.get(..found).unwrap_or_default();
            answered += fill(out, buckets, |&bucket| Some(NodeIndex::from_number(bucket)));
        }
        answered
    }
}
