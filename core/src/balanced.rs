//! Slots with a guaranteed maximum load: the hash's top bits choose a slot, and each slot in order
//! goes to its best rendezvous score among the nodes that still have room.
//!
//! So a node's load is bounded by its room, a lookup is one access, and who owns what follows from
//! the list of nodes alone. The price of the bound: a slot whose best node was full when its turn
//! came may move between two nodes when a third comes or goes.

use alloc::{boxed::Box, vec};
use core::{fmt, iter};

use crate::{
    Node, NodeIndex,
    hash::key_hash,
    rendezvous::{Rendezvous, RendezvousWalk},
};

/// Who owns which slot, and everybody's scores for what comes after the owner.
#[derive(Clone)]
pub(crate) struct Balanced {
    /// Empty if nobody may own anything.
    slots: Box<[NodeIndex]>,
    /// How far a hash is shifted to give its slot.
    shift: u32,
    scores: Rendezvous,
}

impl Balanced {
    /// `slot_count` is a power of two from 2^8 to 2^24.
    pub(crate) fn new(nodes: &[Node<'_>], slot_count: u32, room_permille: u32) -> Self {
        let scores = Rendezvous::new(nodes);
        let shift = u64::BITS - slot_count.trailing_zeros();
        if scores.owner_count() == 0 {
            return Self { slots: Box::default(), shift, scores };
        }
        // Everybody with weight has room for one slot at least.
        let mut room = rooms(nodes, slot_count, room_permille);
        let mut slots = vec![NodeIndex::new(0); slot_count as usize].into_boxed_slice();
        let mut open = scores.clone();
        for (slot, number) in slots.iter_mut().zip(0u32..) {
            // The rooms add up to all slots at least, so one is left.
            let Some(place) = open.best(slot_hash(number)) else { break };
            let Some(owner) = open.node(place) else { break };
            *slot = owner;
            if let Some(left) = room.get_mut(owner.as_usize()) {
                *left -= 1;
                if *left == 0 {
                    open.remove(place);
                }
            }
        }
        Self { slots, shift, scores }
    }

    pub(crate) const fn owner_count(&self) -> usize {
        self.scores.owner_count()
    }

    #[inline]
    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<NodeIndex> {
        self.slots.get(usize::try_from(hash >> self.shift).ok()?).copied()
    }

    /// The slot's owner, then all others by their scores for the slot.
    pub(crate) fn walk(&self, hash: u64) -> BalancedWalk<'_> {
        let owner = self.owner_by_hash(hash);
        // A slot's number fits 24 bits.
        let slot = u32::try_from(hash >> self.shift).unwrap_or_default();
        owner.into_iter().chain(self.scores.walk(slot_hash(slot), owner))
    }

    /// The owners of the slots in order.
    pub(crate) fn slots(&self) -> &[NodeIndex] {
        &self.slots
    }
}

/// The candidates for one hash.
pub(crate) type BalancedWalk<'a> =
    iter::Chain<core::option::IntoIter<NodeIndex>, RendezvousWalk<'a>>;

impl fmt::Debug for Balanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balanced")
            .field("slots", &self.slots.len())
            .field("owners", &self.owner_count())
            .finish_non_exhaustive()
    }
}

fn slot_hash(slot: u32) -> u64 {
    key_hash(&slot.to_le_bytes())
}

/// How many slots each node may have: its share rounded up, or with what `permille` allows above.
fn rooms(nodes: &[Node<'_>], slot_count: u32, permille: u32) -> Box<[u64]> {
    let total: u128 = nodes.iter().map(|node| u128::from(node.effective_weight())).sum();
    let room = |node: &Node<'_>| {
        let wanted = u128::from(slot_count) * u128::from(node.effective_weight());
        let room = wanted.div_ceil(total).max(wanted * u128::from(permille) / (1000 * total));
        u64::try_from(room).unwrap_or(u64::MAX)
    };
    nodes.iter().map(room).collect()
}
