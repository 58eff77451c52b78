//! Ketama libraries: uhashring 2.5 (`uhashring`, `uhashring-ketama`), npm's hashring 3.2.0
//! (`npm-hashring`) and memcached 2.2.2 (`npm-memcached`), spymemcached 2.12.3
//! (`spymemcached-ketama`, `spymemcached-modulo`).
//!
//! Most count points by 40 times a node's share of the nodes, and all round differently:
//! uhashring's ketama in whole numbers, npm's in double precision, spymemcached in single precision and
//! only if told. In uhashring a key belongs to the first point *above* its hash, in the others to the
//! first at or above it. A shared point belongs to the last node in uhashring and spymemcached, to
//! the first in npm's.
//!
//! Keys are texts in these languages: a key that is not UTF-8 has no owner.

use alloc::{vec, vec::Vec};

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::{
    deployed::{Deployed, KeyHash},
    hash::{crc32_15, md5, md5_word, words_of},
    libmemcached::{DEFAULT_PORT, groups, ketama_points},
    options::Compat,
    points::{Points, Search, Shared},
    text::{Numbered, as_text, split_last_colon},
};
use crate::{BuildError, Node, NodeIndex};

/// MD5 digests for each node, four points each.
const GROUPS: u64 = 40;

const MD5_OF_TEXT: KeyHash = KeyHash::Bits32(|key| Some(md5_word(as_text(key)?.as_bytes())));

/// `vnodes` points for each unit of weight, by the option or the node's own field.
pub(super) fn uhashring(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let count = |node: &Node<'_>| vnodes(compat, node) * u64::from(node.weight());
    let total = nodes.iter().map(count).fold(0, u64::saturating_add);
    let mut points = Points::with_capacity(total)?;
    for (node, index) in nodes.iter().zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[node.name(), b"-"]);
        for j in 0..count(node) {
            let point = u128::from_be_bytes(md5(numbered.with(j)));
            points.push(point, NodeIndex::new(index));
        }
    }
    let ring = points.into_ring(Shared::Last, Search::Above)?;
    let key_hash = KeyHash::Bits128(|key| Some(u128::from_be_bytes(md5(as_text(key)?.as_bytes()))));
    Ok(Deployed::of_ring(key_hash, ring))
}

/// `vnodes` digests for a node's share of the nodes, of each `replicas` words.
pub(super) fn uhashring_ketama(
    compat: &Compat,
    nodes: &[Node<'_>],
) -> Result<Deployed, BuildError> {
    let total: u64 = nodes.iter().map(|node| u64::from(node.weight())).sum();
    let count = |node: &Node<'_>| {
        let vnodes = u128::from(vnodes(compat, node));
        let share = vnodes * nodes.len() as u128 * u128::from(node.weight());
        let groups = share.checked_div(total.into()).unwrap_or_default();
        u64::try_from(groups).unwrap_or(u64::MAX)
    };
    let groups: Vec<u64> = nodes.iter().map(count).collect();
    let words_used = compat.value("replicas").map_or(4, |replicas| replicas as usize);
    let points = ketama_points(&groups, nodes.iter().map(Node::name), words_used)?;
    let ring = points.into_ring(Shared::Last, Search::Above)?;
    Ok(Deployed::of_ring(MD5_OF_TEXT, ring))
}

fn vnodes(compat: &Compat, node: &Node<'_>) -> u64 {
    node.vnodes().or_else(|| compat.value("vnodes")).unwrap_or_default().into()
}

pub(super) fn npm_hashring(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let words_used = if compat.choice("compat") == Some("hash_ring") { 3 } else { 4 };
    let names: Vec<Vec<u8>> = nodes.iter().map(|node| node.name().to_vec()).collect();
    match compat.choice("hash") {
        Some("sha1") => {
            npm(nodes, &names, words_used, sha1_words, KeyHash::Bits32(|key| word(key, sha1_words)))
        }
        Some("sha256") => npm(
            nodes,
            &names,
            words_used,
            sha256_words,
            KeyHash::Bits32(|key| word(key, sha256_words)),
        ),
        Some("sha512") => npm(
            nodes,
            &names,
            words_used,
            sha512_words,
            KeyHash::Bits32(|key| word(key, sha512_words)),
        ),
        _ => npm(nodes, &names, words_used, super::hash::md5_words, MD5_OF_TEXT),
    }
}

pub(super) fn npm_memcached(nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let names: Vec<Vec<u8>> = nodes.iter().map(|node| without_default_port(node.name())).collect();
    npm(nodes, &names, 4, super::hash::md5_words, MD5_OF_TEXT)
}

fn npm(
    nodes: &[Node<'_>],
    names: &[Vec<u8>],
    words_used: usize,
    digest: fn(&[u8]) -> [u32; 4],
    key_hash: KeyHash,
) -> Result<Deployed, BuildError> {
    let total: u64 = nodes.iter().map(|node| u64::from(node.weight())).sum();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a floor, above 0")]
    let share = |weight: u32| {
        (f64::from(weight) / total as f64 * GROUPS as f64 * nodes.len() as f64) as u64
    };
    let groups: Vec<u64> = nodes
        .iter()
        .map(|node| match node.vnodes() {
            Some(vnodes) => vnodes.into(),
            None if total == 0 => 0,
            None => share(node.weight()),
        })
        .collect();
    let mut points = Points::with_capacity(groups.iter().sum::<u64>().saturating_mul(4))?;
    for ((name, &groups), index) in names.iter().zip(&groups).zip(0..=u16::MAX) {
        let mut numbered = Numbered::after(&[name, b"-"]);
        for j in 0..groups {
            for point in digest(numbered.with(j)).into_iter().take(words_used) {
                points.push(point, NodeIndex::new(index));
            }
        }
    }
    let ring = points.into_ring(Shared::First, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(key_hash, ring))
}

/// The first word of a text key's digest.
fn word(key: &[u8], digest: fn(&[u8]) -> [u32; 4]) -> Option<u32> {
    let [word, ..] = digest(as_text(key)?.as_bytes());
    Some(word)
}

fn sha1_words(bytes: &[u8]) -> [u32; 4] {
    first_words(&Sha1::digest(bytes))
}

fn sha256_words(bytes: &[u8]) -> [u32; 4] {
    first_words(&Sha256::digest(bytes))
}

fn sha512_words(bytes: &[u8]) -> [u32; 4] {
    first_words(&Sha512::digest(bytes))
}

fn first_words(digest: &[u8]) -> [u32; 4] {
    digest.first_chunk().map(words_of).unwrap_or_default()
}

fn without_default_port(name: &[u8]) -> Vec<u8> {
    match split_last_colon(name) {
        Some((host, DEFAULT_PORT)) => host.to_vec(),
        _ => name.to_vec(),
    }
}

pub(super) fn spymemcached(compat: &Compat, nodes: &[Node<'_>]) -> Result<Deployed, BuildError> {
    let is_weighted = compat.value("weighted") == Some(1);
    let plain = compat.choice("format") == Some("libmemcached");
    let groups = if is_weighted {
        groups(&nodes.iter().map(Node::weight).collect::<Vec<_>>())
    } else {
        vec![GROUPS; nodes.len()]
    };
    let texts: Vec<Vec<u8>> = nodes
        .iter()
        .map(|node| match node.hash_text() {
            Some(text) => text.to_vec(),
            None if plain => without_default_port(node.name()),
            None => node.name().to_vec(),
        })
        .collect();
    let (points, key_hash) = match spymemcached_hash(compat) {
        None => (ketama_points(&groups, texts.iter().map(Vec::as_slice), 4)?, MD5_OF_TEXT),
        Some(hash) => {
            let mut points = Points::with_capacity(groups.iter().sum::<u64>().saturating_mul(4))?;
            for ((text, &groups), index) in texts.iter().zip(&groups).zip(0..=u16::MAX) {
                let mut numbered = Numbered::after(&[text, b"-"]);
                for i in 0..groups * 4 {
                    let name = BuildError::NameNotText { index: index.into() };
                    points.push(hash(numbered.with(i)).ok_or(name)?, NodeIndex::new(index));
                }
            }
            (points, KeyHash::Bits32(hash))
        }
    };
    let ring = points.into_ring(Shared::Last, Search::AtOrAbove)?;
    Ok(Deployed::of_ring(key_hash, ring))
}

pub(super) fn spymemcached_modulo(
    compat: &Compat,
    nodes: &[Node<'_>],
) -> Result<Deployed, BuildError> {
    let entries = (0..=u16::MAX).take(nodes.len()).map(NodeIndex::new).collect();
    let key_hash = spymemcached_hash(compat).map_or(MD5_OF_TEXT, KeyHash::Bits32);
    Ok(Deployed::of_entries(key_hash, entries))
}

/// A hash of keys that are texts.
type TextHash = fn(&[u8]) -> Option<u32>;

/// The hash of texts, `None` standing for ketama's. All but `crc` take UTF-16 units.
fn spymemcached_hash(compat: &Compat) -> Option<TextHash> {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;
    const OFFSET_32: u64 = 2_166_136_261;
    const PRIME_32: u64 = 16_777_619;
    Some(match compat.choice("hash") {
        Some("native") => {
            |key| units(key, 0, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit))
        }
        Some("crc") => |key| Some(crc32_15(as_text(key)?.as_bytes())),
        Some("fnv1_64") => |key| units(key, OFFSET, |hash, unit| hash.wrapping_mul(PRIME) ^ unit),
        Some("fnv1a_64") => {
            |key| units(key, OFFSET, |hash, unit| (hash ^ unit).wrapping_mul(PRIME))
        }
        Some("fnv1_32") => {
            |key| units(key, OFFSET_32, |hash, unit| hash.wrapping_mul(PRIME_32) ^ unit)
        }
        Some("fnv1a_32") => {
            |key| units(key, OFFSET_32, |hash, unit| (hash ^ unit).wrapping_mul(PRIME_32))
        }
        _ => return None,
    })
}

/// The lower 32 bits of what the UTF-16 units of a text fold to.
#[allow(clippy::cast_possible_truncation, reason = "the lower half is the answer")]
fn units(key: &[u8], start: u64, fold: impl Fn(u64, u64) -> u64) -> Option<u32> {
    let units = as_text(key)?.encode_utf16();
    Some(units.fold(start, |hash, unit| fold(hash, unit.into())) as u32)
}
