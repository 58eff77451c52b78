//! Functions that need no table.

use core::num::NonZeroU32;

use crate::{
    guard::{Out, bytes, guard},
    status::{RINGWAY_STATUS_INVALID_ARGUMENT, ringway_status},
};

/// XXH3, 64 bits, seed 0: the key hash of Ringway's own layouts but ringway-keyed-v1.
///
/// Each table gives it too, with its hash tag: ringway_table_key_hash().
///
/// # Errors
/// INVALID_ARGUMENT.
///
/// # Complexity
/// O(key_len). Any thread.
///
/// # Safety
/// - key points to key_len bytes, or is NULL and key_len 0; hash points to a uint64_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_key_hash(
    key: *const u8,
    key_len: usize,
    hash: *mut u64,
) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the caller promises the place.
        let hash = unsafe { Out::new(hash) }?;
        hash.write(ringway::key_hash(key));
        Ok(())
    })
}

/// The bucket of a hash, 0 to buckets - 1, by Lamping and Veach's jump hash: what jump-v1 answers.
///
/// With one bucket more, a hash either keeps its bucket or gets the new one.
///
/// # Errors
/// INVALID_ARGUMENT, also for 0 buckets.
///
/// # Complexity
/// O(log buckets). Any thread.
///
/// # Safety
/// - bucket points to a uint32_t to be written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ringway_jump(hash: u64, buckets: u32, bucket: *mut u32) -> ringway_status {
    guard(|| {
        // SAFETY: the caller promises the place.
        let bucket = unsafe { Out::new(bucket) }?;
        let buckets = NonZeroU32::new(buckets).ok_or(RINGWAY_STATUS_INVALID_ARGUMENT)?;
        bucket.write(ringway::jump(hash, buckets));
        Ok(())
    })
}
