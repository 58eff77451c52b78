//! Apache Traffic Server 9.2.9's parent selection `consistent_hash` (`ats-parent`).
//!
//! A parent of weight w has 1,024·w points, rounded in single precision: the SipHash-2-4 under a key
//! of zeros of `dec(i)-text`, where the text is the `&hash_string` (`hash_text`) or the host
//! *without* its port: two ports of one host collide, and the one listed first has all points. A
//! key, which is `/` and the path and query of the URL, belongs to the first of the 64-bit points at
//! or above its hash; while a parent is down, to the next point whose parent is not.

use alloc::{boxed::Box, vec::Vec};
use core::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use super::{
    deployed::{Deployed, KeyHash},
    points::{Points, Search, Shared},
    text::{push_decimal, split_last_colon},
};
use crate::{BuildError, Node, NodeIndex, State};

pub(super) fn parent(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let counts: Vec<u64> = nodes.iter().map(point_count).collect();
    let mut points = Points::with_capacity(counts.iter().sum())?;
    let mut text = Vec::new();
    for ((node, &count), index) in nodes.iter().zip(&counts).zip(0..=u16::MAX) {
        let host = split_last_colon(node.name()).map_or(node.name(), |(host, _)| host);
        let name = node.hash_text().unwrap_or(host);
        for i in 0..count {
            text.clear();
            push_decimal(&mut text, i);
            text.push(b'-');
            text.extend_from_slice(name);
            points.push(siphash_2_4(&text), NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    let down: Box<[bool]> = nodes.iter().map(|node| node.state() == State::Down).collect();
    let key_hash = KeyHash::Bits64(|key| Some(siphash_2_4(key)));
    Ok(Deployed::of_ring_with_down(key_hash, ring, down, usize::MAX))
}

/// 1,024 times the weight in single precision, rounded half up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "that is what it does")]
fn point_count(node: &Node<'_>) -> u64 {
    let points = 1_024.0 * node.weight_f64() as f32;
    (f64::from(points) + 0.5) as u64
}

fn siphash_2_4(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish()
}
