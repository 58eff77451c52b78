//! Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm",
//! 2014), bit for bit.
//!
//! # The paper's loop, and what makes it slow
//!
//! ```text
//! while next < buckets:
//!     bucket = next
//!     hash   = hash * 2862933555777941757 + 1
//!     next   = trunc((bucket + 1) * (2^31 / ((hash >> 33) + 1)))      in f64, rounded twice
//! ```
//!
//! One step waits for the one before through a conversion to `f64`, a multiplication and a
//! conversion back. The quotient does not: it depends on the hash alone.
//!
//! # In integers, guarded
//!
//! So the quotient is taken in integers, `ratio = 2^63 / draw`, ready before it is needed, and what is
//! left from step to step is `next = (bucket + 1) * ratio >> 32`: one multiplication. Whether the
//! walk ends here needs not even that: `(bucket + 1) * 2^31` is compared with `buckets * draw`.
//!
//! The paper's numbers are not exactly these. In units of 2^-32, `ratio` is cut by less than 1, which times
//! `bucket + 1` is missing in the product; and the paper rounds quotient and product to
//! 53 bits each, which for results below 2^32 is up to 2^11 either way. So whole numbers are the same
//! unless the product is within `DOUBT` of the one below it or `bucket + 1 + DOUBT` of the one
//! above. Then the paper's own expression decides. For 1,000 buckets that is one
//! step in a hundred thousand or fewer.
//!
//! The first step is exact anyway: `2^31 / draw` that is no whole number is `1 / draw` from the next,
//! and rounding moves it by less.
//!
//! Many hashes at once are another matter: `batch.rs`.

pub(crate) mod batch;
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
pub(crate) mod simd;

use core::num::NonZeroU32;

pub use self::batch::jump_many;

/// The bucket of a hash, below `buckets`: Lamping and Veach's jump consistent hash.
///
/// No memory; every bucket gets an equal share, and with one bucket more, only what that bucket
/// gets moves. Buckets come and go at the end only, and all weigh the same: where any one may go,
/// or weights differ, use another layout. For many hashes at once: [`jump_many`].
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
#[allow(clippy::cast_possible_truncation, reason = "a bucket is below buckets")]
pub fn jump(hash: u64, buckets: NonZeroU32) -> u32 {
    let end = u64::from(buckets.get());
    let mut hash = advance(hash);
    // In 32 bits, where a division takes the least time.
    let mut bucket = u64::from((1u32 << 31) / (draw(hash) as u32));
    if bucket >= end {
        return 0;
    }
    loop {
        hash = advance(hash);
        let draw = draw(hash);
        let (reached, needed) = ((bucket + 1) << 31, end * draw);
        let next = if reached < needed {
            product(bucket, draw)
        } else if reached - needed >= DOUBT {
            return bucket as u32;
        } else {
            exact(bucket, draw)
        };
        if next >= end {
            return bucket as u32;
        }
        bucket = next;
    }
}

const MULTIPLIER: u64 = 2_862_933_555_777_941_757;
const TWO_TO_31: f64 = 2_147_483_648.0;

/// What the paper's roundings can make of a number: twice 2^11, and as much to spare.
const DOUBT: u64 = 1 << 13;

/// The next state of the paper's random generator.
#[inline]
const fn advance(hash: u64) -> u64 {
    hash.wrapping_mul(MULTIPLIER).wrapping_add(1)
}

/// What the next step divides by: 1 to 2^31.
#[inline]
const fn draw(hash: u64) -> u64 {
    (hash >> 33) + 1
}

/// The paper's step, for results below 2^32.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "32 bits are meant")]
fn product(bucket: u64, draw: u64) -> u64 {
    let ratio = (1 << 63) / draw;
    let product = u128::from((bucket + 1) << 32) * u128::from(ratio);
    let places = (product >> 32) as u32;
    let above = bucket + 1 + DOUBT;
    // Both sides of the whole number in one comparison, as 32 bits wrap around.
    if u64::from(places.wrapping_add(above as u32)) < above + DOUBT {
        return exact(bucket, draw);
    }
    (product >> 64) as u64
}

/// The paper's step.
#[cold]
#[inline(never)]
#[allow(clippy::cast_possible_truncation, reason = "a number that is too large ends the walk")]
#[allow(clippy::cast_precision_loss, reason = "bucket and draw are at most 2^32")]
fn exact(bucket: u64, draw: u64) -> u64 {
    // Two operations, each rounded: a fused one would give other buckets.
    let inverse = TWO_TO_31 / draw as f64;
    (((bucket + 1) as f64 * inverse) as i64).unsigned_abs()
}

/// The paper's loop, as it stands there.
#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "j is below 2^63, and the bucket below buckets")]
#[allow(clippy::cast_precision_loss, reason = "all that is converted is below 2^53")]
pub(crate) fn paper(mut hash: u64, buckets: NonZeroU32) -> u32 {
    let end = i64::from(buckets.get());
    let (mut bucket, mut next) = (0, 0);
    while next < end {
        bucket = next;
        hash = hash.wrapping_mul(MULTIPLIER).wrapping_add(1);
        let inverse = TWO_TO_31 / ((hash >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * inverse) as i64;
    }
    bucket.unsigned_abs() as u32
}
