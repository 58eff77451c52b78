//! Which hash of a key, and whose implementation, is fastest?
//!
//! Dimensions: hash × length of the key (8, 16, 32, 64, 200 bytes). XXH3-64 of two crates, of which
//! the first is what Ringway's native layouts hash with; SipHash-1-3, which `ringway-keyed-v1`
//! hashes with.

use std::hash::Hasher as _;

use ringway_bench::{Contestant, Keys, Row, minima, record, show, version};
use siphasher::sip::SipHasher13;
use twox_hash::XxHash3_64;
use xxhash_rust::xxh3::xxh3_64;

type Hash = fn(&[u8]) -> u64;

fn main() {
    let hashes: [(String, Hash); 3] = [
        (named("XXH3", "xxhash-rust"), xxh3_64),
        (named("XXH3", "twox-hash"), XxHash3_64::oneshot),
        (named("SipHash-1-3", "siphasher"), sip13),
    ];
    let mut rows = Vec::new();
    for len in [8, 16, 32, 64, 200] {
        let keys = Keys::new(len);
        for key in keys.iter() {
            assert_eq!(hashes[0].1(key), hashes[1].1(key), "one hash, two crates");
            assert_eq!(hashes[0].1(key), ringway::key_hash(key), "Ringway's hash");
        }
        let mut contestants: [Contestant<'_>; 3] = [
            ("XXH3", pass(&keys, xxh3_64)),
            ("XXH3 again", pass(&keys, XxHash3_64::oneshot)),
            ("SipHash", pass(&keys, sip13)),
        ];
        let best = minima(&mut contestants, 40);
        rows.extend(hashes.iter().zip(best).map(|((name, _), figure)| Row {
            what: format!("{name} {len} B"),
            nodes: 0,
            figure,
            unit: "ns/hash",
        }));
    }
    show("Hashing a key", &rows, "");
    record("hash", &rows);
}

fn sip13(key: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&[7; 16]);
    hasher.write(key);
    hasher.finish()
}

/// Of each hash's own type, so that it can be inlined.
fn pass<'a>(keys: &'a Keys, hash: impl Fn(&[u8]) -> u64 + 'a) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    Box::new(move |block| keys.block(block).map(&hash).fold(0, u64::wrapping_add))
}

fn named(hash: &str, of_crate: &str) -> String {
    format!("{hash} {of_crate} {}", version(of_crate))
}
