//! `JumpBackHash` (Ertl, "`JumpBackHash`: Say Goodbye to the Modulo Operation to Distribute Keys
//! Uniformly to Buckets", 2024), bit for bit as hash4j's `jumpBackHash(splitMix64_V1)`.

use core::num::NonZeroU32;

use crate::hash::splitmix64;

/// The bucket of a hash, below `buckets`: Ertl's `JumpBackHash`.
///
/// As [`jump`](crate::jump), it needs no memory, gives every bucket an equal share and moves
/// nothing but what a new bucket gets; the buckets differ. It takes integer operations only, and
/// as many whatever the number of buckets.
///
/// # Complexity
/// O(1) expected.
///
/// # Examples
///
/// ```
/// use core::num::NonZeroU32;
///
/// let buckets = NonZeroU32::new(10).unwrap();
/// assert!(ringway::jumpback(ringway::key_hash(b"user:42"), buckets) < 10);
/// ```
#[must_use]
pub fn jumpback(hash: u64, buckets: NonZeroU32) -> u32 {
    let count = buckets.get();
    if count == 1 {
        return 0;
    }
    let mut state = hash;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        splitmix64(state)
    };
    let first = draw();
    // One bit for each power of two below `count` where the key may have jumped.
    let mut jumps = low(first ^ (first >> 32)) & (u32::MAX >> (count - 1).leading_zeros());
    while jumps != 0 {
        let floor = 1 << (31 - jumps.leading_zeros());
        let below = floor - 1;
        let bucket = floor + (low(first >> (32 * jumps.count_ones() % 64)) & below);
        if bucket < count {
            return bucket;
        }
        if let Some(bucket) = redraw(&mut draw, floor, count) {
            return bucket;
        }
        jumps ^= floor;
    }
    0
}

/// A bucket in `floor..count`, or none, from as many draws as it takes.
#[inline]
fn redraw(draw: &mut impl FnMut() -> u64, floor: u32, count: u32) -> Option<u32> {
    let mask = floor | (floor - 1);
    loop {
        let random = draw();
        for bucket in [low(random) & mask, low(random >> 32) & mask] {
            if bucket < floor {
                return None;
            }
            if bucket < count {
                return Some(bucket);
            }
        }
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low(number: u64) -> u32 {
    number as u32
}
