//! More functions that need no table; the freestanding form is without them.

use core::num::NonZeroU32;

use crate::{
    guard::{Out, OutArray, array, guard},
    status::{RINGWAY_STATUS_INVALID_ARGUMENT, ringway_status},
};

/// The bucket of a hash, 0 to buckets - 1, by Ertl's JumpBackHash: what jumpback-v1 answers.
///
/// As ringway_jump(), whose buckets are others.
///
/// # Errors
/// INVALID_ARGUMENT, also for 0 buckets.
///
/// # Complexity
/// O(1) expected. Any thread.
///
/// # Safety
/// - bucket points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_jumpback(
    hash: u64,
    buckets: u32,
    bucket: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the place.
        let bucket = unsafe { Out::new(bucket) }?;
        let buckets = NonZeroU32::new(buckets).ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)?;
        bucket.write(ringway::jumpback(hash, buckets));
        Ok(())
    })
}

/// The buckets of many hashes by ringway_jump(), in one call and with the vectors that the processor
/// has.
///
/// bucket_of[i] becomes the bucket of hashes[i], 0 to buckets - 1.
///
/// # Errors
/// INVALID_ARGUMENT, also for 0 buckets.
///
/// # Complexity
/// O(count * log buckets), at a fraction of the time of so many calls. Any thread.
///
/// # Safety
/// - hashes points to count elements, or is NULL and count 0.
/// - bucket_of points to count elements to be written, and does not overlap the hashes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_jump_many(
    hashes: *const u64,
    count: usize,
    buckets: u32,
    bucket_of: *mut u32,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the elements.
        let hashes = unsafe { array(hashes, count) }?;
        // SAFETY: the caller promises the places.
        let bucket_of = unsafe { OutArray::new(bucket_of, count) }?;
        let buckets = NonZeroU32::new(buckets).ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)?;
        ringway::jump_many(hashes, buckets, bucket_of.zeroed());
        Ok(())
    })
}
