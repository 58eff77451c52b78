//! Layouts whose nodes are buckets: the place in the list is the identity.

use core::num::NonZeroU32;

use crate::{
    NodeIndex,
    hash::{ATTEMPTS, further_hash},
};

/// A function from hashes to buckets, and how many there are.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    bucket_of: fn(u64, NonZeroU32) -> u32,
    /// At most 65,536.
    count: u32,
}

impl Buckets {
    /// `count` is at most 65,536.
    pub(crate) const fn new(bucket_of: fn(u64, NonZeroU32) -> u32, count: u32) -> Self {
        Self { bucket_of, count }
    }

    pub(crate) const fn owner_count(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        let count = NonZeroU32::new(self.count)?;
        Some(NodeIndex::from_number((self.bucket_of)(hash, count)))
    }

    /// The candidates: the owner, the buckets of 63 further hashes, then the list from the owner
    /// on.
    pub(crate) fn walk(&self, hash: u64) -> BucketWalk<'_> {
        let owner = self.owner_by_hash(hash).map_or(0, NodeIndex::get);
        BucketWalk { buckets: self, hash, owner, step: 0 }
    }
}

/// The candidates of one hash; some come more than once.
#[derive(Clone, Debug)]
pub(crate) struct BucketWalk<'a> {
    buckets: &'a Buckets,
    hash: u64,
    owner: u32,
    step: u64,
}

impl Iterator for BucketWalk<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        let count = u64::from(self.buckets.count);
        let step = self.step;
        if count == 0 || step >= ATTEMPTS + count - 1 {
            return None;
        }
        self.step += 1;
        if step == 0 {
            return Some(NodeIndex::from_number(self.owner));
        }
        if let Some(beyond) = step.checked_sub(ATTEMPTS) {
            let bucket = (u64::from(self.owner) + 1 + beyond) % count;
            return u32::try_from(bucket).ok().map(NodeIndex::from_number);
        }
        self.buckets.owner_by_hash(further_hash(self.hash, step))
    }
}
