//! Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm",
//! 2014), bit for bit.

use core::num::NonZeroU32;

/// The bucket of a hash, below `buckets`: Lamping and Veach's jump consistent hash.
///
/// No memory; every bucket gets an equal share, and with one bucket more, only what that bucket
/// gets moves. Buckets come and go at the end only, and all weigh the same: where any one may go,
/// or weights differ, use another layout.
///
/// # Complexity
/// O(log `buckets`) steps of one division each.
///
/// # Examples
///
/// ```
/// use core::num::NonZeroU32;
///
/// let buckets = NonZeroU32::new(10).unwrap();
/// assert!(ringway::jump(ringway::key_hash(b"user:42"), buckets) < 10);
/// ```
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "j is below 2^63, and the bucket below buckets")]
#[allow(clippy::cast_precision_loss, reason = "all that is converted is below 2^53")]
pub fn jump(mut hash: u64, buckets: NonZeroU32) -> u32 {
    const MULTIPLIER: u64 = 2_862_933_555_777_941_757;
    const TWO_TO_31: f64 = 2_147_483_648.0;
    let end = i64::from(buckets.get());
    let (mut bucket, mut next) = (0, 0);
    while next < end {
        bucket = next;
        hash = hash.wrapping_mul(MULTIPLIER).wrapping_add(1);
        // Two operations, each rounded: a fused one would give other buckets.
        let inverse = TWO_TO_31 / ((hash >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * inverse) as i64;
    }
    bucket.unsigned_abs() as u32
}
