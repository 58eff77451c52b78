//! Redis Cluster 7.0.15, as `redis-cli --cluster create` gives slots to masters (`redis-cluster`).
//!
//! A key's slot is the CRC-16/XMODEM of the key, or of what stands between its first `{` and the
//! next `}` if that is not empty, modulo 16,384. The masters get equal runs of slots in the order
//! of the list, cut where a running sum in double precision rounds to. A cluster that was resharded
//! has other runs, which no list of nodes tells.

use alloc::vec;

use super::{
    deployed::{Deployed, KeyHash},
    hash::crc16_xmodem,
};
use crate::{BuildError, HashTag, Node, NodeIndex};

/// How many slots there are.
const SLOTS: u16 = 16_384;

pub(super) fn cluster(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    if nodes.len() > usize::from(SLOTS) {
        return Err(BuildError::TableTooSmall { nodes: nodes.len(), size: SLOTS.into() });
    }
    let key_hash = KeyHash::Short(|key| Some(redis_slot(key).into()));
    if nodes.is_empty() {
        return Ok(Deployed::of_entries(key_hash, vec![]));
    }
    let mut entries = vec![NodeIndex::new(0); SLOTS.into()];
    let each = f64::from(SLOTS) / nodes.len() as f64;
    let (mut first, mut cursor) = (0usize, 0.0);
    for (place, index) in (0..nodes.len()).zip(0..=u16::MAX) {
        let is_last = place + 1 == nodes.len();
        // Half a slot up, then down to a whole one; above 0, as there are no more nodes than slots.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 16,384")]
        let end = if is_last { entries.len() } else { (cursor + each - 1.0 + 0.5) as usize + 1 };
        entries.get_mut(first..end).unwrap_or_default().fill(NodeIndex::new(index));
        first = end;
        cursor += each;
    }
    Ok(Deployed::of_entries(key_hash, entries))
}

/// The Redis Cluster slot of a key, 0 to 16,383: what `CLUSTER KEYSLOT` answers.
///
/// # Examples
///
/// ```
/// assert_eq!(ringway::redis_slot(b"user1000"), 3443);
/// assert_eq!(ringway::redis_slot(b"{user1000}.following"), 3443);
/// ```
#[must_use]
pub fn redis_slot(key: &[u8]) -> u16 {
    crc16_xmodem(HashTag::BRACES.hashed_part(key)) % SLOTS
}
