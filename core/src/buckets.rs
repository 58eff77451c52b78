//! Layouts whose nodes are buckets: the place in the list is the identity.

use core::num::NonZeroU32;

use crate::{
    BuildError, HashTag, NodeIndex, Placement,
    hash::{ATTEMPTS, further_hash},
    jump, jumpback,
    layout::{self, NODES_MAX},
};

/// The placements `jump-v1` and `jumpback-v1`: so many nodes, each known by its place in the list.
///
/// Needs no memory but itself. All nodes weigh the same, and they come and go at the end of the
/// list only: with one more, nothing moves but what it gets. Where any node may go, or weights
/// differ, use another placement.
///
/// # Complexity
/// A lookup takes [`jump`]'s or [`jumpback`]'s time. A whole walk has 63 candidates more than there
/// are nodes.
///
/// # Examples
///
/// ```
/// use ringway::{Buckets, Placement};
///
/// let shards = Buckets::jump(16)?;
/// let owner = shards.owner(b"user:42").expect("there are nodes");
/// assert!(owner.as_usize() < 16);
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    function: Function,
    /// At most 65,536.
    count: u32,
    hash_tag: Option<HashTag>,
}

/// What gives the bucket of a hash.
#[derive(Clone, Copy, Debug)]
enum Function {
    Jump,
    Jumpback,
}

impl Buckets {
    /// `jump-v1` over so many nodes; over none, nobody owns anything.
    ///
    /// # Errors
    /// [`BuildError::TooManyNodes`] above 65,536.
    pub const fn jump(count: u32) -> Result<Self, BuildError> {
        Self::new(Function::Jump, count)
    }

    /// `jumpback-v1` over so many nodes; over none, nobody owns anything.
    ///
    /// # Errors
    /// [`BuildError::TooManyNodes`] above 65,536.
    pub const fn jumpback(count: u32) -> Result<Self, BuildError> {
        Self::new(Function::Jumpback, count)
    }

    const fn new(function: Function, count: u32) -> Result<Self, BuildError> {
        if count as usize > NODES_MAX {
            return Err(BuildError::TooManyNodes { count: count as usize });
        }
        Ok(Self { function, count, hash_tag: None })
    }

    /// The same where keys are hashed by what stands between two characters.
    #[must_use]
    pub const fn with_hash_tag(self, hash_tag: HashTag) -> Self {
        Self { hash_tag: Some(hash_tag), ..self }
    }
}

impl Placement for Buckets {
    type Walk<'a> = BucketsWalk;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        layout::hash_key(self.hash_tag.as_ref(), None, key)
    }

    /// The owner, the buckets of 63 further hashes, then the list from the owner on.
    fn walk(&self, hash: u64) -> BucketsWalk {
        let owner = self.owner_by_hash(hash).map_or(0, NodeIndex::get);
        BucketsWalk { buckets: *self, hash, owner, step: 0 }
    }

    #[inline]
    fn owner_count(&self) -> usize {
        self.count as usize
    }

    // Inlined beside the other placements of a table, it would make these save registers.
    #[inline(never)]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        let count = NonZeroU32::new(self.count)?;
        let bucket = match self.function {
            Function::Jump => jump(hash, count),
            Function::Jumpback => jumpback(hash, count),
        };
        Some(NodeIndex::from_number(bucket))
    }
}

/// The candidates of one hash; some come more than once.
#[derive(Clone, Debug)]
pub struct BucketsWalk {
    buckets: Buckets,
    hash: u64,
    owner: u32,
    step: u64,
}

impl Iterator for BucketsWalk {
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
