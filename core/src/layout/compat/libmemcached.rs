//! libmemcached 1.1.4: `libmemcached-ketama`, `libmemcached-ketama-weighted`, `libmemcached-modula`,
//! `libmemcached-spy`.
//!
//! What is hashed of a server is its host, with `:port` behind unless the port is 11211, IPv6
//! without brackets; in `libmemcached-spy` it is `/host:port` with every port.
//!
//! `KETAMA` alone has 100 points a server, under the *key* hash, which is one-at-a-time unless set:
//! it is not the ketama of others. A single weight above 1 turns the whole ring into the weighted
//! one, whose points are always MD5's. Weight 0 counts as 1. The weighted ring counts points in
//! single precision ([`groups`]), by which 100 equal servers get 156 points each, not 160.
//!
//! A key belongs to the first point at or above its hash; a shared point to the server listed first.

use alloc::vec::Vec;

use super::{
    deployed::{Deployed, KeyHash},
    hash::{
        crc32_15, fnv1_32, fnv1_64_low, fnv1a_32_signed, fnv1a_64_low, jenkins, md5_word,
        md5_words, murmur2, murmur3_32, one_at_a_time,
    },
    options::Compat,
    points::{Points, Search, Shared},
    text::{Numbered, split_last_colon, without_brackets},
};
use crate::{BuildError, Node, NodeIndex};

/// The port that is not written.
pub(super) const DEFAULT_PORT: &[u8] = b"11211";
/// Points of a server where no weight counts.
const UNWEIGHTED: u64 = 100;

pub(super) fn ketama(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    ring(compat, nodes, host_and_port)
}

pub(super) fn spy(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    ring(compat, nodes, |name| {
        let (host, port) = split(name);
        [b"/", host, b":", port].concat()
    })
}

pub(super) fn ketama_weighted(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    weighted(key_hash(compat), nodes, host_and_port)
}

pub(super) fn modula(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let entries = (0..=u16::MAX).take(nodes.len()).map(NodeIndex::new).collect();
    Ok(Deployed::of_entries(KeyHash::Bits32(key_hash(compat)), entries))
}

fn ring(
    compat: &Compat,
    nodes: &[Node<'_>],
    text: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Deployed, BuildError> {
    let hash = key_hash(compat);
    if nodes.iter().any(|node| node.weight() > 1) {
        return weighted(hash, nodes, text);
    }
    let mut points = Points::with_capacity(UNWEIGHTED * nodes.len() as u64)?;
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[&text(node.name()), b"-"]);
        for j in 0..UNWEIGHTED {
            let point = hash(numbered.with(j)).unwrap_or_default();
            points.push(point, NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(KeyHash::Bits32(hash), ring))
}

fn weighted(
    hash: fn(&[u8]) -> Option<u32>,
    nodes: &[Node<'_>],
    text: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Deployed, BuildError> {
    let weights: Vec<u32> = nodes.iter().map(|node| node.weight().max(1)).collect();
    let texts: Vec<Vec<u8>> = nodes.iter().map(|node| text(node.name())).collect();
    let points = ketama_points(&groups(&weights), texts.iter().map(Vec::as_slice), 4)?;
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(KeyHash::Bits32(hash), ring))
}

/// How many MD5 digests, four points each, a weighted ketama of the C family gives each server.
///
/// 40 times its share of the servers, in single precision at each step, as the C programs compute
/// it: `floor(w / W · 160 / 4 · n + 1e-10)`.
pub(super) fn groups(weights: &[u32]) -> Vec<u64> {
    let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a floor, above 0")]
    let count = |weight: u32| {
        let share = weight as f32 / total as f32;
        (share * 160.0 / 4.0 * weights.len() as f32 + 1e-10) as u64
    };
    weights.iter().map(|&weight| if total == 0 { 0 } else { count(weight) }).collect()
}

/// The points of ketama: each server's `groups`, of each the first words of the MD5 of `text-j`.
pub(super) fn ketama_points<'t>(
    groups: &[u64],
    texts: impl IntoIterator<Item = &'t [u8]>,
    words_used: usize,
) -> Result<Points<u32>, BuildError> {
    let total = groups.iter().copied().fold(0, u64::saturating_add);
    let mut points = Points::with_capacity(total.saturating_mul(words_used as u64))?;
    for ((text, &groups), index) in texts.into_iter().zip(groups).zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[text, b"-"]);
        for j in 0..groups {
            for point in md5_words(numbered.with(j)).into_iter().take(words_used) {
                points.push(point, NodeIndex::new(index));
            }
        }
    }
    Ok(points)
}

/// Host and port; without a port, the default one.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let (host, port) = split_last_colon(name).unwrap_or((name, DEFAULT_PORT));
    (without_brackets(host), port)
}

fn host_and_port(name: &[u8]) -> Vec<u8> {
    match split(name) {
        (host, DEFAULT_PORT) => host.to_vec(),
        (host, port) => [host, b":", port].concat(),
    }
}

fn key_hash(compat: &Compat) -> fn(&[u8]) -> Option<u32> {
    match compat.choice("hash") {
        Some("md5") => |key| Some(md5_word(key)),
        Some("crc") => |key| Some(crc32_15(key)),
        Some("fnv1_64") => |key| Some(fnv1_64_low(key)),
        Some("fnv1a_64") => |key| Some(fnv1a_64_low(key)),
        Some("fnv1_32") => |key| Some(fnv1_32(key)),
        Some("fnv1a_32") => |key| Some(fnv1a_32_signed(key)),
        Some("murmur") => |key| Some(murmur2(key)),
        Some("jenkins") => |key| Some(jenkins(key)),
        Some("murmur3") => |key| {
            #[allow(clippy::cast_possible_truncation, reason = "the program takes it mod 2^32")]
            let seed = 0xdead_beefu32.wrapping_mul(key.len() as u32);
            Some(murmur3_32(key, seed))
        },
        _ => |key| Some(one_at_a_time(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_precision_takes_a_group_from_100_equal_servers() {
        // The numbers up to 200 of equal servers that get 156 points each.
        let short = (1..=200).filter(|&n| groups(&alloc::vec![1; n]).iter().all(|&k| k == 39));
        let short: Vec<_> = short.collect();
        assert_eq!(
            short.get(..18),
            Some(
                &[
                    25, 47, 50, 55, 61, 71, 94, 100, 107, 109, 110, 115, 122, 142, 159, 163, 188,
                    193
                ][..]
            )
        );
        assert_eq!(groups(&[3, 1, 2, 1, 600]), [0, 0, 0, 0, 197]);
    }
}
