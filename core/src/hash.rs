//! The key hash of the native layouts.

use xxhash_rust::xxh3::xxh3_64;

/// The key hash `H`: XXH3, 64 bits, seed 0 (SPEC §2).
///
/// # Complexity
/// O(length of `bytes`); about 1.7 ns for 16 bytes.
#[inline]
#[must_use]
pub fn key_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The top 32 bits of a 64-bit hash: a position on a native ring.
#[inline]
pub(crate) const fn position(hash: u64) -> u32 {
    // The shift leaves 32 bits, so nothing is cut.
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves 32 bits")]
    {
        (hash >> 32) as u32
    }
}

/// How many hashes a walk over buckets tries before it goes through the list (SPEC §10.4).
pub(crate) const ATTEMPTS: u64 = 64;

/// The hash that such a walk tries in the place of `hash` at that attempt.
#[inline]
pub(crate) const fn further_hash(hash: u64, attempt: u64) -> u64 {
    splitmix64(hash.wrapping_add(attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The output function of splitmix64, a bijection: no two inputs have one output.
#[inline]
pub(crate) const fn splitmix64(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
