//! nginx 1.22.1: `hash KEY consistent` (layout `nginx`) and `hash KEY` (`nginx-modulo`); and
//! pingora-ketama 0.9.1 (`pingora`), which follows the former.
//!
//! `nginx`: a server's name, exactly as the configuration has it, is split into host and port; no
//! default port is put in, so `10.0.0.1` and `10.0.0.1:80` are different. A server of weight w has
//! 160·w points in a chain: each is the CRC-32 of `host 00 port LE32(point before)`, the first
//! after 0. Of equal points only that of the first server stays. A key belongs to the first point
//! at or above its CRC-32. If that server is down, the next *point* is tried, not the next server,
//! 20 times at most (recorded: the 21st point is the last one looked at); then nginx goes on by round
//! robin, which is no function of the key: nobody owns it here. An empty key goes by round robin
//! too.
//!
//! `nginx-modulo`: the sum of 15-bit CRCs of `key`, `1key`, `2key` ... modulo the sum of all weights,
//! one more summand for each server that is down, 20 at most (recorded likewise).
//!
//! `pingora`: the host is the address without brackets, and there always is a port.

use alloc::{boxed::Box, vec::Vec};

use super::{
    deployed::{Deployed, KeyHash},
    hash::crc32_15,
    points::{Points, Search, Shared},
    text::{push_decimal, split_last_colon, without_brackets},
};
use crate::{BuildError, Node, NodeIndex, State, check};

/// Points for each unit of weight.
const VNODES: u32 = 160;
/// How many servers nginx looks at for one key.
const LOOKS_MAX: usize = 21;

/// How a name is split into host and port.
type Split = fn(&[u8]) -> (&[u8], &[u8]);

pub(super) fn consistent(nodes: &[Node<'_>], split: Split) -> Result<Deployed, BuildError> {
    let mut points = Points::with_capacity(check::point_count(nodes, VNODES))?;
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        let (host, port) = split(node.name());
        let mut start = crc32fast::Hasher::new();
        start.update(host);
        start.update(&[0]);
        start.update(port);
        let mut point = 0u32;
        for _ in 0..VNODES.saturating_mul(node.weight()) {
            let mut hasher = start.clone();
            hasher.update(&point.to_le_bytes());
            point = hasher.finalize();
            points.push(point, NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring_with_down(key_hash(nodes), ring, down(nodes), LOOKS_MAX))
}

/// With one server nginx does not look at the key; else an empty one has no owner.
const fn key_hash(nodes: &[Node<'_>]) -> KeyHash {
    KeyHash::Crc32 { of_empty: nodes.len() == 1 }
}

fn down(nodes: &[Node<'_>]) -> Box<[bool]> {
    nodes.iter().map(|node| node.state() == State::Down).collect()
}

/// Host and port as nginx reads them from a `server` parameter.
pub(super) fn split_name(name: &[u8]) -> (&[u8], &[u8]) {
    if let Some((scheme, path)) = name.split_at_checked(5)
        && scheme.eq_ignore_ascii_case(b"unix:")
    {
        return (path, b"");
    }
    match split_last_colon(name) {
        Some((host, port)) if port.iter().all(u8::is_ascii_digit) => (host, port),
        _ => (name, b""),
    }
}

/// Host and port as pingora-ketama writes a socket address.
pub(super) fn split_address(name: &[u8]) -> (&[u8], &[u8]) {
    let (host, port) = split_last_colon(name).unwrap_or((name, b""));
    (without_brackets(host), port)
}

pub(super) fn modulo(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let ends = nodes.iter().scan(0u64, |sum, node| {
        *sum += u64::from(node.weight());
        Some(*sum)
    });
    Ok(Deployed::of_attempts(Attempts {
        ends: ends.collect(),
        is_up: nodes.iter().map(|node| node.state() == State::Up && node.weight() > 0).collect(),
    }))
}

/// Servers by the sum of the weights up to each, tried until one is up.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    /// The sums of the weights up to and with each server.
    ends: Box<[u64]>,
    is_up: Box<[bool]>,
}

impl Attempts {
    /// The servers that take keys.
    pub(super) fn owners(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let up = self.is_up.iter().zip(0..=u16::MAX).filter(|&(&is_up, _)| is_up);
        up.map(|(_, index)| NodeIndex::new(index))
    }

    /// The first server that is up, of those that are tried.
    pub(super) fn owner(&self, key: &[u8]) -> Option<NodeIndex> {
        self.candidates(key).next()
    }

    /// The servers that are tried and are up.
    pub(super) fn candidates<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = NodeIndex> + 'a {
        let total = self.ends.last().copied().unwrap_or_default();
        let is_hashed = !key.is_empty() || self.ends.len() == 1;
        let attempts = if is_hashed { LOOKS_MAX as u64 } else { 0 };
        let sums = (0..attempts).scan(0u64, move |sum, attempt| {
            *sum += u64::from(match attempt {
                0 => crc32_15(key),
                _ => {
                    let mut text = Vec::with_capacity(key.len() + 2);
                    push_decimal(&mut text, attempt);
                    text.extend_from_slice(key);
                    crc32_15(&text)
                }
            });
            Some(*sum)
        });
        sums.filter_map(move |sum| {
            let place = sum.checked_rem(total)?;
            let server = self.ends.partition_point(|&end| end <= place);
            let node = NodeIndex::new(u16::try_from(server).ok()?);
            self.is_up.get(server).is_some_and(|&is_up| is_up).then_some(node)
        })
    }

    /// The servers that are tried, then all others in the order of the list.
    pub(super) fn walk(&self, key: &[u8]) -> Vec<NodeIndex> {
        let mut nodes: Vec<_> = self.candidates(key).collect();
        if !nodes.is_empty() {
            nodes.extend(self.owners());
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_nginx_does() {
        for (name, host, port) in [
            ("127.0.0.1:8080", "127.0.0.1", "8080"),
            ("127.0.0.1", "127.0.0.1", ""),
            ("[::1]:80", "[::1]", "80"),
            ("[::1]", "[::1]", ""),
            ("host:", "host", ""),
            ("host:80a", "host:80a", ""),
            ("UNIX:/run/a.sock", "/run/a.sock", ""),
        ] {
            assert_eq!(split_name(name.as_bytes()), (host.as_bytes(), port.as_bytes()), "{name}");
        }
        assert_eq!(split_address(b"[::1]:80"), (&b"::1"[..], &b"80"[..]));
    }
}
