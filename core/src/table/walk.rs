//! The candidates of a table, each once.

use alloc::{boxed::Box, vec};

use crate::{NodeIndex, placement::FEW};

/// The distinct nodes of a walk.
///
/// The first few are told apart by looking through them, which is what failover and replicas need.
/// Only then a bit for each node is worth its memory. The walk ends with the last node that owns
/// something, not with the last point.
#[derive(Clone, Debug)]
pub(super) struct Distinct<W> {
    walk: W,
    /// How many nodes are still to come.
    left: usize,
    node_count: usize,
    few: [NodeIndex; FEW],
    few_len: usize,
    /// A bit for each node that came; empty as long as `few` holds them.
    seen: Box<[u64]>,
}

impl<W: Iterator<Item = NodeIndex>> Distinct<W> {
    pub(super) fn new(walk: W, owner_count: usize, node_count: usize) -> Self {
        Self {
            walk,
            left: owner_count,
            node_count,
            few: [NodeIndex::new(0); FEW],
            few_len: 0,
            seen: Box::default(),
        }
    }

    /// Notes `node`; true if it comes for the first time.
    fn is_new(&mut self, node: NodeIndex) -> bool {
        let (found, room) = self.few.split_at_mut(self.few_len.min(FEW));
        if let Some(slot) = room.first_mut() {
            let new = !found.contains(&node);
            if new {
                *slot = node;
                self.few_len += 1;
            }
            return new;
        }
        if self.seen.is_empty() {
            self.seen = vec![0; self.node_count.div_ceil(64)].into_boxed_slice();
            for node in self.few {
                insert(&mut self.seen, node);
            }
        }
        insert(&mut self.seen, node)
    }
}

impl<W: Iterator<Item = NodeIndex>> Iterator for Distinct<W> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        loop {
            let node = self.walk.next()?;
            if self.is_new(node) {
                return Some(node);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

fn insert(set: &mut [u64], node: NodeIndex) -> bool {
    let Some(word) = set.get_mut(node.as_usize() / 64) else { return false };
    let bit = 1u64 << (node.as_usize() % 64);
    let new = *word & bit == 0;
    *word |= bit;
    new
}
