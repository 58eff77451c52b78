//! Many hashes at once: lanes in lock-step.
//!
//! Alone, a hash pays at its last step for a branch that nobody can foresee: how many steps there
//! are is as random as the bucket. Lanes that go on until the last of them is done pay once for
//! all, and their steps overlap. A lane that is done keeps its bucket.

use core::num::NonZeroU32;

use super::{TWO_TO_31, advance, jump};

/// The buckets of many hashes, each as [`jump`] gives it; returns how many.
///
/// `out[i]` becomes the bucket of `hashes[i]`, as far as both slices reach; that many are returned.
/// With the feature `simd` it takes the widest vectors that the processor has.
///
/// # Complexity
/// O(hashes · log `buckets`), at a fraction of the time of a loop over `jump`.
///
/// # Examples
///
/// ```
/// use core::num::NonZeroU32;
///
/// let hashes = [b"user:1", b"user:2", b"user:3"].map(|key| ringway::key_hash(key));
/// let buckets = NonZeroU32::new(10).unwrap();
/// let mut out = [0; 3];
/// assert_eq!(ringway::jump_many(&hashes, buckets, &mut out), 3);
/// assert_eq!(out, hashes.map(|hash| ringway::jump(hash, buckets)));
/// ```
pub fn jump_many(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) -> usize {
    let count = hashes.len().min(out.len());
    let (Some(hashes), Some(out)) = (hashes.get(..count), out.get_mut(..count)) else { return 0 };
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if super::simd::jump_many(hashes, buckets, out) {
        return count;
    }
    portable(hashes, buckets, out);
    count
}

/// So many hashes go together: the steps of fewer would wait for each other.
const LANES: usize = 8;

const TWO_TO_52: f64 = 4_503_599_627_370_496.0;

/// The buckets of as many hashes as there are places.
pub(crate) fn portable(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) {
    let (groups, rest) = hashes.as_chunks::<LANES>();
    let (places, places_left) = out.as_chunks_mut::<LANES>();
    for (group, places) in groups.iter().zip(places) {
        *places = in_lanes(group, buckets);
    }
    one_by_one(rest, buckets, places_left);
}

fn one_by_one(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) {
    for (place, &hash) in out.iter_mut().zip(hashes) {
        *place = jump(hash, buckets);
    }
}

/// The buckets of a group, in operations that compilers make vectors of wherever there are any.
///
/// The paper's `f64`, rounded as there. An integer becomes one by being put where an `f64` of 2^52
/// has its last digits, and a number is rounded by adding 2^52, where digits end at the point.
#[allow(clippy::cast_possible_truncation, reason = "a bucket has 32 bits")]
#[allow(clippy::indexing_slicing, reason = "all arrays have a place for each lane")]
fn in_lanes(hashes: &[u64; LANES], buckets: NonZeroU32) -> [u32; LANES] {
    let end = f64::from(buckets.get());
    let mut hash = *hashes;
    let mut bucket = [0.0f64; LANES];
    // All ones while the lane goes on.
    let mut going = [u64::MAX; LANES];
    loop {
        let mut any = 0;
        for lane in 0..LANES {
            hash[lane] = advance(hash[lane]);
            let draw = f64::from_bits(hash[lane] >> 33 | TWO_TO_52.to_bits()) - (TWO_TO_52 - 1.0);
            let product = (bucket[lane] + 1.0) * (TWO_TO_31 / draw);
            // A product of 2^52 or more loses digits here, and ends the lane as it does there.
            let near = (product + TWO_TO_52) - TWO_TO_52;
            let next = near - if near > product { 1.0 } else { 0.0 };
            going[lane] &= if next < end { u64::MAX } else { 0 };
            let bits = next.to_bits() & going[lane] | bucket[lane].to_bits() & !going[lane];
            bucket[lane] = f64::from_bits(bits);
            any |= going[lane];
        }
        if any == 0 {
            return bucket.map(|bucket| (bucket + TWO_TO_52).to_bits() as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{draw, paper};
    use super::*;

    type Many = fn(&[u64], NonZeroU32, &mut [u32]) -> bool;

    /// Every way that this processor can go, each beside the paper's loop.
    const WAYS: &[(&str, Many)] = &[
        ("one by one", |hashes, buckets, out| {
            one_by_one(hashes, buckets, out);
            true
        }),
        ("portable", |hashes, buckets, out| {
            portable(hashes, buckets, out);
            true
        }),
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        ("avx2", super::super::simd::with_avx2),
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        ("avx512", super::super::simd::with_avx512),
    ];

    fn check(hashes: &[u64], buckets: u32) {
        let buckets = NonZeroU32::new(buckets).expect("at least one");
        for (way, many) in WAYS {
            let mut out = [u32::MAX; 70];
            let out = &mut out[..hashes.len()];
            if !many(hashes, buckets, out) {
                continue;
            }
            for (&hash, &found) in hashes.iter().zip(&*out) {
                assert_eq!(found, paper(hash, buckets), "{way}, {hash:#x}, {buckets} buckets");
            }
        }
    }

    /// A random generator: splitmix64's output for a counter.
    fn random(counter: u64) -> u64 {
        let z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn random_pairs(count: u64, seed: u64) {
        for group in 0..count / 64 {
            let base = seed + group * 65;
            let hashes: [u64; 64] = core::array::from_fn(|lane| random(base + lane as u64));
            let draw = random(base + 64);
            // As many of each size, from 1 to all that 32 bits hold.
            let buckets = (draw >> 32) as u32 >> (draw % 32);
            check(&hashes, buckets.max(1));
        }
    }

    #[test]
    fn a_million_random_pairs() {
        random_pairs(1_000_000, 1);
    }

    #[test]
    #[ignore = "takes a minute or so; `make test-all` runs it"]
    fn a_hundred_million_random_pairs() {
        random_pairs(100_000_000, 1 << 40);
    }

    /// Hashes from which the next draw is the smallest and the greatest, and their neighbours.
    #[test]
    fn boundaries() {
        const MULTIPLIER: u64 = super::super::MULTIPLIER;
        // The multiplier's inverse modulo 2^64, by Newton's steps.
        let inverse = (0..6)
            .fold(MULTIPLIER, |x, _| x.wrapping_mul(2u64.wrapping_sub(MULTIPLIER.wrapping_mul(x))));
        let before = |state: u64| state.wrapping_sub(1).wrapping_mul(inverse);
        let mut hashes = [0; 70];
        let states = (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit).wrapping_sub(1)]);
        for states in [0u64, u64::MAX, 1 << 33, (1 << 33) - 1]
            .into_iter()
            .chain(states)
            .map(|state| [state, before(state), before(before(state)), !state])
        {
            hashes.rotate_right(4);
            hashes[..4].copy_from_slice(&states);
            for bit in 0..32 {
                for buckets in [(1u32 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << (bit / 2), !bit] {
                    check(&hashes, buckets.max(1));
                }
            }
        }
    }

    #[test]
    fn every_length() {
        let hashes: [u64; 70] = core::array::from_fn(|lane| random(lane as u64));
        for len in 0..=70 {
            check(&hashes[..len], 1_000);
            let mut out = [u32::MAX; 70];
            let buckets = NonZeroU32::MIN.saturating_add(99);
            assert_eq!(jump_many(&hashes, buckets, &mut out[..len]), len);
            assert_eq!(jump_many(&hashes[..len], buckets, &mut out), len);
            assert!(out[len..].iter().all(|&bucket| bucket == u32::MAX));
            assert!(out[..len].iter().zip(&hashes).all(|(&b, &h)| b == jump(h, buckets)));
        }
    }

    /// Without the guard some would differ.
    #[test]
    #[allow(clippy::cast_possible_truncation, reason = "a larger number ends the loop")]
    fn the_guard_is_needed() {
        let unguarded = |hash: u64, end: u64| {
            let (mut hash, mut bucket, mut next) = (hash, 0, 0);
            while next < end {
                bucket = next;
                hash = advance(hash);
                let ratio = (1 << 63) / draw(hash);
                next = ((u128::from(bucket + 1) * u128::from(ratio)) >> 32) as u64;
            }
            bucket
        };
        let buckets = NonZeroU32::MAX;
        let differs =
            |&hash: &u64| unguarded(hash, u64::MAX >> 32) != u64::from(jump(hash, buckets));
        assert!((0..200_000).map(random).filter(differs).count() > 0);
    }
}
