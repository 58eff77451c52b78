//! HAProxy 2.6.12, 3.2.0 and 3.4.0: `hash-type consistent` (layout `haproxy-consistent`) and
//! `hash-type map-based` (`haproxy-map`).
//!
//! `haproxy-consistent`: 16·w points a server, `full_hash(B + j)`, where B comes from the server's id
//! or what `hash_key` says; never from its name. Without `id` a server's is its place in the list
//! from 1, or the next that is free, so removing one renumbers the later ones. A key belongs to the point *nearest* to its
//! hash, in both directions; exactly half way, to the lower one. `revision = "3.0"` is for 3.0.0 to
//! 3.2.0 and the point releases of these branches before October 2025: nine of ten keys differ.
//! Servers that are down, or have weight 0, have no points; the numbering stays.
//!
//! `haproxy-map`: the weights divided by their greatest common divisor, laid out in turns over as
//! many entries as their sum; the entry is the hash modulo that. A server that is down is left out,
//! which moves nearly everything.
//!
//! The hash is `sdbm` unless named, avalanched only where `hash-type consistent` stands without a
//! function: so says the absent option.

use alloc::{
    collections::{BTreeSet, BinaryHeap},
    vec::Vec,
};
use core::{
    cmp::Reverse,
    net::{IpAddr, SocketAddr},
};

use xxhash_rust::xxh32::xxh32;

use super::{
    bounded::Rule,
    deployed::{Deployed, KeyHash},
    hash::{crc32, djb2, sdbm, wt6},
    options::Compat,
    points::{Points, Search, Shared},
};
use crate::{BuildError, Node, NodeIndex, State, check};

/// Points for each unit of weight.
const VNODES: u32 = 16;
/// How far apart the points of two ids start.
const ID_STEP: u32 = 4_096;
/// HAProxy refuses greater weights.
const WEIGHT_MAX: u32 = 256;

pub(super) fn consistent(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    check_weights(nodes)?;
    let mut points = Points::with_capacity(check::point_count(nodes, VNODES))?;
    for ((node, index), id) in nodes.iter().zip(0..=u16::MAX).zip(ids(nodes)?) {
        if node.state() != State::Up {
            continue;
        }
        let base = base(compat, node, id);
        for j in 0..VNODES.saturating_mul(node.weight()) {
            points.push(full_hash(base.wrapping_add(j)), NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::Kept, Search::Nearest)?;
    let indices = (0..=u16::MAX).map(NodeIndex::new);
    let up = nodes.iter().zip(indices).filter(|(node, _)| node.state() == State::Up);
    let points = |node: &Node<'_>| u64::from(node.weight()) * u64::from(VNODES);
    let rule = Rule::Haproxy(up.map(|(node, index)| (index, points(node))).collect());
    let factor = compat.value("hash_balance_factor");
    Ok(Deployed::of_ring(key_hash(compat, true), ring).bounded_by(factor, rule))
}

/// The servers' ids: the explicit ones; any other server has the first that is not taken, from the
/// number after the server before it on.
///
/// So a server's place in the list is its id unless an explicit one is in the way.
fn ids(nodes: &[Node<'_>]) -> Result<Vec<u32>, BuildError> {
    let mut taken = BTreeSet::new();
    for (index, id) in nodes.iter().enumerate().filter_map(|(at, node)| Some((at, node.id()?))) {
        if id == 0 || !taken.insert(id) {
            let expected = "a number from 1 on that no other node has";
            return Err(BuildError::BadField { index, field: "id", expected });
        }
    }
    let mut next = 1u32;
    let number = |node: &Node<'_>| {
        let id = node.id().unwrap_or_else(|| {
            while !taken.insert(next) {
                next = next.wrapping_add(1);
            }
            next
        });
        next = next.wrapping_add(1);
        id
    };
    Ok(nodes.iter().map(number).collect())
}

/// Where a server's points start.
fn base(compat: &Compat, node: &Node<'_>, id: u32) -> u32 {
    let by_id = || match compat.choice("revision") {
        Some("3.0") => full_hash(id),
        _ => id.wrapping_mul(ID_STEP),
    };
    let by_address = |seed: fn(u16) -> u32| {
        let address: SocketAddr = node.address()?.parse().ok()?;
        let seed = seed(address.port());
        Some(match address.ip() {
            IpAddr::V4(ip) => full_hash(u32::from_le_bytes(ip.octets()).wrapping_add(seed)),
            IpAddr::V6(ip) => xxh32(&ip.octets(), seed),
        })
    };
    match compat.choice("hash_key") {
        Some("addr") => by_address(|_| 0).unwrap_or_else(by_id),
        Some("addr-port") => by_address(|port| full_hash(port.into())).unwrap_or_else(by_id),
        Some("guid") => node.guid().map_or_else(by_id, |guid| xxh32(guid, 0)),
        Some("id32") => full_hash(id.swap_bytes()),
        _ => by_id(),
    }
}

pub(super) fn map(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    check_weights(nodes)?;
    let divisor = nodes.iter().map(Node::weight).fold(0, greatest_common_divisor).max(1);
    let indices = (0..=u16::MAX).map(NodeIndex::new);
    let usable: Vec<(NodeIndex, u32)> = nodes
        .iter()
        .zip(indices)
        .filter(|(node, _)| node.state() == State::Up && node.weight() > 0)
        .map(|(node, index)| (index, node.weight() / divisor))
        .collect();
    Ok(Deployed::of_entries(key_hash(compat, false), in_turns(&usable)?))
}

/// The map: each server as often as its weight, in turns.
///
/// HAProxy adds each server's weight to its score at every step, takes the first of those with the
/// most whole totals in their scores, and takes the total from that score. So a server of weight w
/// gains a whole total at the steps `ceil(total · c / w)`, c = 0, 1, ...; and nothing else has to be
/// looked at.
fn in_turns(usable: &[(NodeIndex, u32)]) -> Result<Vec<NodeIndex>, BuildError> {
    let total: u64 = usable.iter().map(|&(_, weight)| u64::from(weight)).sum();
    let mut map = Vec::with_capacity(check::points(total)?);
    let mut gains: BinaryHeap<_> =
        (0..usable.len()).map(|place| Reverse((0u64, place, 1))).collect();
    // How many whole totals each server has, and those that have one, the most first.
    let mut totals = alloc::vec![0u32; usable.len()];
    let mut ready = BTreeSet::new();
    for step in 1..=total {
        while let Some(&Reverse((at, place, gained))) = gains.peek()
            && at <= step
        {
            gains.pop();
            let Some((totals, &(_, weight))) = totals.get_mut(place).zip(usable.get(place)) else {
                break;
            };
            ready.remove(&(Reverse(*totals), place));
            *totals += 1;
            ready.insert((Reverse(*totals), place));
            gains.push(Reverse(((total * gained).div_ceil(u64::from(weight)), place, gained + 1)));
        }
        let Some((Reverse(most), place)) = ready.pop_first() else { break };
        let Some((totals, &(index, _))) = totals.get_mut(place).zip(usable.get(place)) else {
            break;
        };
        map.push(index);
        *totals = most - 1;
        if most > 1 {
            ready.insert((Reverse(most - 1), place));
        }
    }
    Ok(map)
}

fn check_weights(nodes: &[Node<'_>]) -> Result<(), BuildError> {
    match nodes.iter().position(|node| node.weight() > WEIGHT_MAX) {
        Some(index) => {
            let weight = nodes.get(index).map_or(0, Node::weight);
            Err(BuildError::WeightTooLarge { index, weight, max: WEIGHT_MAX })
        }
        None => Ok(()),
    }
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn key_hash(compat: &Compat, is_consistent: bool) -> KeyHash {
    let hash = compat.choice("hash");
    let unset = is_consistent && hash.is_none();
    let avalanche = compat.value("avalanche").map_or(unset, |value| value != 0);
    KeyHash::Bits32(match (hash, avalanche) {
        (Some("djb2"), false) => |key| Some(djb2(key)),
        (Some("djb2"), true) => |key| Some(full_hash(djb2(key))),
        (Some("wt6"), false) => |key| Some(wt6(key)),
        (Some("wt6"), true) => |key| Some(full_hash(wt6(key))),
        (Some("crc32"), false) => |key| Some(crc32(key)),
        (Some("crc32"), true) => |key| Some(full_hash(crc32(key))),
        (Some("none"), false) => |key| Some(number(key)),
        (Some("none"), true) => |key| Some(full_hash(number(key))),
        (_, false) => |key| Some(sdbm(key)),
        (_, true) => |key| Some(full_hash(sdbm(key))),
    })
}

/// The key as a decimal number with or without a sign, as far as its digits go; mod 2^32.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "mod 2^32 is meant")]
fn number(key: &[u8]) -> u32 {
    let (is_negative, digits) = match key {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0i64, |number, &byte| {
        let digit = i64::from(byte - b'0');
        let number = number.saturating_mul(10);
        if is_negative { number.saturating_sub(digit) } else { number.saturating_add(digit) }
    });
    number as u32
}

/// HAProxy's avalanche.
const fn full_hash(a: u32) -> u32 {
    let a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    let a = a ^ 0xc761_c23c ^ a >> 19;
    let a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    let a = a.wrapping_add(0xd3a2_646c) ^ a << 9;
    let a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    let a = a ^ 0xb55a_4f09 ^ a >> 16;
    a.wrapping_mul(3_221_225_473)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_ids_go_around_explicit_ones() {
        let numbered = |ids: &[u32]| {
            let nodes: Vec<Node<'_>> = ids
                .iter()
                .map(|&id| if id == 0 { Node::new("s") } else { Node::new("s").with_id(id) })
                .collect();
            super::ids(&nodes).expect("no id twice")
        };
        assert_eq!(numbered(&[0, 0, 0]), [1, 2, 3]);
        assert_eq!(numbered(&[0, 2, 0, 0]), [1, 2, 3, 4]);
        assert_eq!(numbered(&[0, 0, 1, 2]), [3, 4, 1, 2]);
        assert_eq!(numbered(&[5, 0, 0, 0, 0]), [5, 2, 3, 4, 6]);
        assert_eq!(numbered(&[u32::MAX, 0]), [u32::MAX, 2]);
    }

    /// `spec/record/hashes.py`: `map-based sdbm` without and with `avalanche`, of the same five keys.
    #[test]
    fn the_avalanche_is_haproxys() {
        for (hash, mixed) in [
            (0x0000_0061, 0x6d1e_ff97),
            (0xa643_7b0d, 0x929e_528d),
            (0x0895_5ced, 0x97f5_2084),
            (0x77c2_3635, 0x45e6_c8e7),
            (0x0080_207f, 0xdb2a_32e5),
        ] {
            assert_eq!(full_hash(hash), mixed, "{hash:#x}");
        }
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        for (key, expected) in [
            ("", 0),
            ("12", 12),
            ("+12x3", 12),
            ("-1", u32::MAX),
            ("x", 0),
            ("4294967297", 1),
            ("99999999999999999999", u32::MAX),
        ] {
            assert_eq!(number(key.as_bytes()), expected, "{key}");
        }
    }

    /// What HAProxy does, step by step.
    fn turns_by_scores(weights: &[u32]) -> Vec<usize> {
        let total: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
        let mut scores = alloc::vec![0i64; weights.len()];
        (0..total)
            .map(|_| {
                let mut best: Option<(i64, usize)> = None;
                for (place, (score, &weight)) in scores.iter_mut().zip(weights).enumerate() {
                    *score += i64::from(weight);
                    let whole = (*score + total) / total;
                    if best.is_none_or(|(most, _)| whole > most) {
                        best = Some((whole, place));
                    }
                }
                let (_, place) = best.expect("a server");
                scores[place] -= total;
                place
            })
            .collect()
    }

    #[test]
    fn turns_are_those_of_the_scores() {
        for weights in [
            &[1u32][..],
            &[1, 1, 1],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            &[256, 1, 1, 255, 3],
            &[1, 1, 1, 1, 100],
            &[100, 1, 1, 1, 1],
            &[7, 7, 3, 250, 11, 13, 1],
        ] {
            let usable: Vec<_> =
                weights.iter().zip(0..).map(|(&w, i)| (NodeIndex::new(i), w)).collect();
            let map = in_turns(&usable).expect("few entries");
            let map: Vec<_> = map.iter().map(|index| index.as_usize()).collect();
            assert_eq!(map, turns_by_scores(weights), "{weights:?}");
        }
    }
}
