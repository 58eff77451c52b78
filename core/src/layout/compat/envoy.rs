//! Envoy 1.40.0: `RING_HASH` (layout `envoy-ring`) and `MAGLEV` (`envoy-maglev`).
//!
//! A host's text is its `ip:port`, or what `hash_key` in its metadata or its hostname say: the node's
//! name here. A key is hashed by xxHash64, also where `hash = "murmur_hash_2"`, which makes points
//! only.
//!
//! Hosts that are not healthy (`down`) are as if absent, unless fewer than `healthy_panic_threshold`
//! percent are healthy: then all are used. With five of seven healthy it does not panic at any
//! threshold (the overprovisioning factor, 1.4).
//!
//! The ring's point counts come from sums in double precision that run on from host to host, so
//! they depend on the order of the list, and the ring may have one point more than
//! `maximum_ring_size`. The Maglev table takes hosts in order of name, each as often as its weight
//! asks for.

use alloc::{collections::BinaryHeap, vec, vec::Vec};
use core::cmp::Reverse;

use xxhash_rust::xxh64::xxh64;

use super::{
    bounded::Rule,
    deployed::{Deployed, KeyHash},
    hash::murmur2_64,
    options::Compat,
    points::{Points, Search, Shared},
    text::Numbered,
};
use crate::{BuildError, Node, NodeIndex, State};

const KEY_HASH: KeyHash = KeyHash::Bits64(|key| Some(xxh64(key, 0)));

/// Envoy's default: while the healthy hosts, counted 1.4 times, are as many as all, they take the
/// load, and no threshold makes it panic.
const OVERPROVISIONING_PERCENT: usize = 140;

/// A host in use: its node, and its share of all weights in use.
type Host<'a> = (&'a Node<'a>, NodeIndex, f64);

/// The hosts in use: the healthy ones, in a panic all.
fn hosts<'a>(compat: &Compat, nodes: &'a [Node<'a>]) -> Vec<Host<'a>> {
    let indices = (0..=u16::MAX).map(NodeIndex::new);
    let weighted = nodes.iter().zip(indices).filter(|(node, _)| node.weight() > 0);
    let all: Vec<_> = weighted.collect();
    let is_healthy = |node: &Node<'_>| node.state() == State::Up;
    let healthy = all.iter().filter(|(node, _)| is_healthy(node)).count();
    let threshold = compat.value("healthy_panic_threshold").unwrap_or_default() as usize;
    let suffices = healthy * OVERPROVISIONING_PERCENT >= 100 * all.len();
    let panics = healthy * 100 < threshold * all.len() && !suffices;
    let used = || all.iter().filter(|(node, _)| panics || is_healthy(node));
    let total: u64 = used().map(|(node, _)| u64::from(node.weight())).sum();
    used().map(|&(node, index)| (node, index, f64::from(node.weight()) / total as f64)).collect()
}

pub(super) fn ring(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let hosts = hosts(compat, nodes);
    let rule = bound(&hosts);
    let hash: fn(&[u8]) -> u64 = match compat.choice("hash") {
        Some("murmur_hash_2") => murmur2_64,
        _ => |bytes| xxh64(bytes, 0),
    };
    let size = |name| f64::from(compat.value(name).unwrap_or_default());
    let least = hosts.iter().map(|&(_, _, share)| share).fold(f64::INFINITY, f64::min);
    let scale = (ceil(least * size("minimum_ring_size")) / least).min(size("maximum_ring_size"));
    let mut points = Points::with_capacity(0)?;
    let (mut made, mut target) = (0.0, 0.0);
    for (node, index, share) in hosts {
        target += scale * share;
        let mut numbered = Numbered::after(&[node.name(), b"_"]);
        let mut i = 0;
        while made < target {
            points.push(hash(numbered.with(i)), index);
            i += 1;
            made += 1.0;
        }
    }
    let ring = points.into_ring(Shared::Kept, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(KEY_HASH, ring).bounded_by(factor(compat), rule))
}

fn factor(compat: &Compat) -> Option<u32> {
    compat.value("hash_balance_factor")
}

/// Each host's part of the load.
fn bound(hosts: &[Host<'_>]) -> Rule {
    Rule::Envoy(hosts.iter().map(|&(_, index, share)| (index, share)).collect())
}

pub(super) fn maglev(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let mut hosts = hosts(compat, nodes);
    let rule = bound(&hosts);
    hosts.sort_unstable_by_key(|(node, _, _)| node.name());
    let size = compat.value("table_size").unwrap_or_default();
    let greatest = hosts.iter().map(|&(_, _, share)| share).fold(0.0, f64::max);
    let mut rows: Vec<_> = hosts.iter().map(|host| Row::new(host, size)).collect();
    // Each iteration goes through the hosts in order; a host takes part when its weight times the
    // iteration has reached what it has taken so far. The heap holds when that is.
    let mut turns: BinaryHeap<_> = (0..rows.len()).map(|place| Reverse((1u64, place))).collect();
    let mut table = vec![None; if rows.is_empty() { 0 } else { size as usize }];
    let mut free = table.len();
    while free > 0 {
        let Some(Reverse((turn, place))) = turns.pop() else { break };
        let Some(row) = rows.get_mut(place) else { break };
        row.taken += greatest;
        row.take_slot(&mut table);
        free -= 1;
        turns.push(Reverse((row.next_turn(turn), place)));
    }
    let entries = table.into_iter().flatten().collect();
    Ok(Deployed::of_entries(KEY_HASH, entries).bounded_by(factor(compat), rule))
}

/// A host's permutation of the table's slots.
#[derive(Debug)]
struct Row {
    index: NodeIndex,
    share: f64,
    /// What it has taken, in units of the greatest share.
    taken: f64,
    slot: u64,
    skip: u64,
}

impl Row {
    fn new(&(node, index, share): &Host<'_>, size: u32) -> Self {
        let size = u64::from(size);
        let slot = xxh64(node.name(), 0) % size;
        let skip = xxh64(node.name(), 1) % (size - 1) + 1;
        Self { index, share, taken: 0.0, slot, skip }
    }

    /// Takes the next free slot of the permutation.
    fn take_slot(&mut self, table: &mut [Option<NodeIndex>]) {
        let size = table.len() as u64;
        loop {
            let slot = usize::try_from(self.slot).ok().and_then(|slot| table.get_mut(slot));
            self.slot = (self.slot + self.skip) % size;
            match slot {
                Some(slot) if slot.is_none() => {
                    *slot = Some(self.index);
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// The first iteration after `turn` in which the host takes part.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
    fn next_turn(&self, turn: u64) -> u64 {
        let reached = |turn: u64| turn as f64 * self.share >= self.taken;
        let mut next = ((self.taken / self.share) as u64).saturating_sub(2).max(turn + 1);
        while !reached(next) {
            next += 1;
        }
        next
    }
}

/// The least whole number at or above a number between 0 and 2^63.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounds")]
fn ceil(number: f64) -> f64 {
    let whole = number as u64 as f64;
    if whole < number { whole + 1.0 } else { whole }
}
