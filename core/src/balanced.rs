//! Slots with a guaranteed maximum load: the hash's top bits choose a slot, and each slot in order
//! goes to its best rendezvous score among the nodes that still have room.
//!
//! So a node's load is bounded by its room, a lookup is one access, and who owns what follows from
//! the list of nodes alone. The price of the bound: a slot whose best node was full when its turn
//! came may move between two nodes when a third comes or goes.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec};
use core::{fmt, iter, option};

use crate::{
    BuildError, Contender, HashTag, Node, NodeIndex, Placement, Rendezvous, RendezvousWalk,
    hash::key_hash, layout, memory::at_least,
};

/// The placement `balanced-v1`: slots, each of the node with the best score among those that had
/// room. `S` is where the slots live, two bytes a slot, and `C` where the nodes' scores come from,
/// sixteen bytes a node.
///
/// A lookup is one access, and no node owns more slots than its room. The price: a change of one
/// node moves a little more than what it gains or loses.
///
/// # Examples
///
/// ```
/// use ringway::{Balanced, Contender, Node, NodeIndex, Placement};
///
/// let nodes = [Node::new("db1"), Node::new("db2").with_weight(2), Node::new("db3")];
/// let (slots, contenders) = ([NodeIndex::new(0); 256], [Contender::EMPTY; 3]);
/// let placement = Balanced::build_in(&nodes, 1_050, slots, contenders, &mut [0; 3])?;
/// let owner = placement.owner(b"user:42").expect("a node has weight");
/// assert!(owner.as_usize() < nodes.len());
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Balanced<S, C> {
    storage: S,
    /// How far a hash is shifted to give its slot.
    shift: u32,
    scores: Rendezvous<C>,
}

impl<S, C> Balanced<S, C>
where
    S: AsRef<[NodeIndex]> + AsMut<[NodeIndex]>,
    C: AsRef<[Contender]> + AsMut<[Contender]>,
{
    /// A placement in the caller's memory; nothing is allocated.
    ///
    /// There are as many slots as `slots` has elements: a power of two from 2^8 to 2^24. A node
    /// has room for `room_permille` thousandths of its share of them, 1,000 to 65,535.
    /// `contenders` and `rooms` must have an element for each node; `rooms` is free again
    /// afterwards.
    ///
    /// # Complexity
    /// O(slots · nodes) time.
    ///
    /// # Errors
    /// [`BuildError::BadOption`] if there is no such number of slots, or `room_permille` is out of
    /// range; [`BuildError::StorageTooSmall`] for `contenders` or `rooms`; the others are the
    /// nodes' faults, checked in the order of SPEC §8 as far as that memory allows.
    pub fn build_in(
        nodes: &[Node<'_>],
        room_permille: u32,
        mut slots: S,
        contenders: C,
        rooms: &mut [u32],
    ) -> Result<Self, BuildError> {
        let memory = slots.as_mut();
        let slot_count = layout::check_slots(memory.len(), room_permille)?;
        let mut scores = Rendezvous::build_in(nodes, contenders)?;
        let rooms = at_least(nodes.len(), rooms)?;
        // Everybody with weight has room for one slot at least.
        write_rooms(rooms, nodes, slot_count, room_permille);
        let owner_count = scores.owner_count();
        for (slot, number) in memory.iter_mut().zip(0u32..) {
            // The rooms add up to all slots at least, so one is left, unless nobody may own.
            let Some(place) = scores.best(slot_hash(number)) else { break };
            let Some(owner) = scores.node(place) else { break };
            *slot = owner;
            if let Some(left) = rooms.get_mut(owner.as_usize()) {
                *left -= 1;
                if *left == 0 {
                    scores.remove(place);
                }
            }
        }
        scores.restore(owner_count);
        Ok(Self { storage: slots, shift: u64::BITS - slot_count.trailing_zeros(), scores })
    }
}

#[cfg(feature = "alloc")]
impl Balanced<Box<[NodeIndex]>, Box<[Contender]>> {
    /// A placement that owns its memory.
    pub(crate) fn new(
        nodes: &[Node<'_>],
        slot_count: u32,
        room_permille: u32,
    ) -> Result<Self, BuildError> {
        let slots = vec![NodeIndex::new(0); slot_count as usize].into_boxed_slice();
        let contenders = vec![Contender::EMPTY; nodes.len()].into_boxed_slice();
        Self::build_in(nodes, room_permille, slots, contenders, &mut vec![0; nodes.len()])
    }
}

impl<S, C> Balanced<S, C> {
    /// The same where keys are hashed by what stands between two characters.
    #[must_use]
    pub fn with_hash_tag(self, hash_tag: HashTag) -> Self {
        Self { scores: self.scores.with_hash_tag(hash_tag), ..self }
    }
}

impl<S: AsRef<[NodeIndex]>, C: AsRef<[Contender]>> Balanced<S, C> {
    /// The owners of the slots in order; none if nobody may own anything.
    #[must_use]
    pub fn slots(&self) -> &[NodeIndex] {
        if self.scores.owner_count() == 0 { &[] } else { self.storage.as_ref() }
    }

    /// The same placement over borrowed memory.
    #[must_use]
    pub fn as_view(&self) -> Balanced<&[NodeIndex], &[Contender]> {
        let &Self { ref storage, shift, ref scores } = self;
        Balanced { storage: storage.as_ref(), shift, scores: scores.as_view() }
    }
}

impl<S: AsRef<[NodeIndex]>, C: AsRef<[Contender]>> Placement for Balanced<S, C> {
    type Walk<'a>
        = BalancedWalk<'a>
    where
        Self: 'a;

    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        self.scores.hash_key(key)
    }

    /// The slot's owner, then all others by their scores for the slot.
    fn walk(&self, hash: u64) -> BalancedWalk<'_> {
        let owner = self.owner_by_hash(hash);
        // A slot's number fits 24 bits.
        let slot = u32::try_from(hash >> self.shift).unwrap_or_default();
        let others = self.scores.walk_without(slot_hash(slot), owner);
        BalancedWalk(owner.into_iter().chain(others))
    }

    #[inline]
    fn owner_count(&self) -> usize {
        self.scores.owner_count()
    }

    #[inline]
    fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        if self.scores.owner_count() == 0 {
            return None;
        }
        self.storage.as_ref().get(usize::try_from(hash >> self.shift).ok()?).copied()
    }
}

impl<S: AsRef<[NodeIndex]>, C> fmt::Debug for Balanced<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balanced")
            .field("slots", &self.storage.as_ref().len())
            .field("scores", &self.scores)
            .finish_non_exhaustive()
    }
}

/// The candidates of one hash: the slot's owner, then all others by their scores; each comes once.
#[derive(Clone, Debug)]
pub struct BalancedWalk<'a>(iter::Chain<option::IntoIter<NodeIndex>, RendezvousWalk<'a>>);

impl Iterator for BalancedWalk<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        self.0.next()
    }
}

fn slot_hash(slot: u32) -> u64 {
    key_hash(&slot.to_le_bytes())
}

/// Writes how many slots each node may have: its share rounded up, or with what `permille` allows
/// above, and never more than there are.
fn write_rooms(rooms: &mut [u32], nodes: &[Node<'_>], slot_count: u32, permille: u32) {
    let total: u128 = nodes.iter().map(|node| u128::from(node.effective_weight())).sum();
    let total = total.max(1);
    for (room, node) in rooms.iter_mut().zip(nodes) {
        let wanted = u128::from(slot_count) * u128::from(node.effective_weight());
        let most = wanted.div_ceil(total).max(wanted * u128::from(permille) / (1000 * total));
        *room = u32::try_from(most).map_or(slot_count, |most| most.min(slot_count));
    }
}
