//! Vectors of x86-64: the paper's loop, in as many lanes as they have.
//!
//! No guard is needed here: vectors do in `f64` what the paper does. The bucket stays an `f64`, in which every
//! number below 2^53 is exact; a product that is larger ends the lane whatever its digits. Division and
//! multiplication are two operations, each rounded: nothing here may be fused.
//!
//! Several vectors go in lock-step, as one division is long and the next can start meanwhile.

#![allow(
    unsafe_code,
    reason = "a function for a processor's features is called once these are found"
)]

use core::{arch::x86_64::*, num::NonZeroU32};

const MULTIPLIER: i64 = 2_862_933_555_777_941_757;
const TWO_TO_31: f64 = 2_147_483_648.0;

cpufeatures::new!(has_avx2, "avx2");
cpufeatures::new!(has_avx512, "avx512f", "avx512dq", "avx512vl");

/// Writes the buckets of as many hashes as there are places; false if the processor has no vectors
/// that are worth it.
pub(crate) fn jump_many(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) -> bool {
    with_avx512(hashes, buckets, out) || with_avx2(hashes, buckets, out)
}

/// The same with AVX-512 or not at all.
pub(crate) fn with_avx512(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) -> bool {
    if !has_avx512::get() {
        return false;
    }
    // SAFETY: the processor has the features, as just found.
    unsafe { avx512::jump_many(hashes, buckets, out) };
    true
}

/// The same with AVX2 or not at all.
pub(crate) fn with_avx2(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) -> bool {
    if !has_avx2::get() {
        return false;
    }
    // SAFETY: the processor has the feature, as just found.
    unsafe { avx2::jump_many(hashes, buckets, out) };
    true
}

/// Writes the buckets of `hashes` by whole groups; the last group is filled up with zeros.
#[inline(always)]
fn in_groups<const LANES: usize>(
    hashes: &[u64],
    out: &mut [u32],
    mut group: impl FnMut(&[u64; LANES]) -> [u32; LANES],
) {
    let (groups, rest) = hashes.as_chunks::<LANES>();
    let (places, places_left) = out.as_chunks_mut::<LANES>();
    for (hashes, places) in groups.iter().zip(places) {
        *places = group(hashes);
    }
    if !rest.is_empty() {
        let mut last = [0; LANES];
        for (slot, &hash) in last.iter_mut().zip(rest) {
            *slot = hash;
        }
        for (place, bucket) in places_left.iter_mut().zip(group(&last)) {
            *place = bucket;
        }
    }
}

mod avx512 {
    use super::*;

    const VECTORS: usize = 4;

    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    pub(super) fn jump_many(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) {
        in_groups::<{ 8 * VECTORS }>(hashes, out, |hashes| group(hashes, buckets));
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    fn group(hashes: &[u64; 8 * VECTORS], buckets: NonZeroU32) -> [u32; 8 * VECTORS] {
        let end = _mm512_set1_pd(f64::from(buckets.get()));
        let one = _mm512_set1_pd(1.0);
        let mut hash = [_mm512_setzero_si512(); VECTORS];
        for (vector, eight) in hash.iter_mut().zip(hashes.as_chunks::<8>().0) {
            let [a, b, c, d, e, f, g, h] = eight.map(u64::cast_signed);
            *vector = _mm512_setr_epi64(a, b, c, d, e, f, g, h);
        }
        let mut bucket = [_mm512_setzero_pd(); VECTORS];
        let mut going = [0xffu8; VECTORS];
        loop {
            for ((hash, bucket), going) in hash.iter_mut().zip(&mut bucket).zip(&mut going) {
                let multiplied = _mm512_mullo_epi64(*hash, _mm512_set1_epi64(MULTIPLIER));
                *hash = _mm512_add_epi64(multiplied, _mm512_set1_epi64(1));
                let draw = _mm512_cvtepi64_pd(_mm512_srli_epi64::<33>(*hash));
                let inverse = _mm512_div_pd(_mm512_set1_pd(TWO_TO_31), _mm512_add_pd(draw, one));
                let next = _mm512_mul_pd(_mm512_add_pd(*bucket, one), inverse);
                let next = _mm512_roundscale_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(next);
                *going = _mm512_mask_cmp_pd_mask::<_CMP_LT_OQ>(*going, next, end);
                *bucket = _mm512_mask_mov_pd(*bucket, *going, next);
            }
            if going.iter().fold(0, |any, going| any | going) == 0 {
                break;
            }
        }
        let mut out = [0; 8 * VECTORS];
        for (eight, bucket) in out.as_chunks_mut::<8>().0.iter_mut().zip(bucket) {
            let numbers = _mm512_cvtpd_epu32(bucket);
            // SAFETY: both are 32 bytes of integers, of which every pattern is one.
            *eight = unsafe { core::mem::transmute::<__m256i, [u32; 8]>(numbers) };
        }
        out
    }
}

mod avx2 {
    use super::*;

    const VECTORS: usize = 4;

    #[target_feature(enable = "avx2")]
    pub(super) fn jump_many(hashes: &[u64], buckets: NonZeroU32, out: &mut [u32]) {
        in_groups::<{ 4 * VECTORS }>(hashes, out, |hashes| group(hashes, buckets));
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[allow(clippy::cast_possible_truncation, reason = "a bucket is a whole number of 32 bits")]
    fn group(hashes: &[u64; 4 * VECTORS], buckets: NonZeroU32) -> [u32; 4 * VECTORS] {
        let end = _mm256_set1_pd(f64::from(buckets.get()));
        let one = _mm256_set1_pd(1.0);
        let mut hash = [_mm256_setzero_si256(); VECTORS];
        for (vector, four) in hash.iter_mut().zip(hashes.as_chunks::<4>().0) {
            let [a, b, c, d] = four.map(u64::cast_signed);
            *vector = _mm256_setr_epi64x(a, b, c, d);
        }
        let mut bucket = [_mm256_setzero_pd(); VECTORS];
        // All ones where the lane goes on.
        let mut going = [_mm256_castsi256_pd(_mm256_set1_epi64x(-1)); VECTORS];
        loop {
            let mut any = _mm256_setzero_pd();
            for ((hash, bucket), going) in hash.iter_mut().zip(&mut bucket).zip(&mut going) {
                *hash = _mm256_add_epi64(multiplied(*hash), _mm256_set1_epi64x(1));
                let inverse = _mm256_div_pd(_mm256_set1_pd(TWO_TO_31), draw(*hash));
                let next = _mm256_mul_pd(_mm256_add_pd(*bucket, one), inverse);
                let next = _mm256_round_pd::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(next);
                *going = _mm256_and_pd(*going, _mm256_cmp_pd::<_CMP_LT_OQ>(next, end));
                *bucket = _mm256_blendv_pd(*bucket, next, *going);
                any = _mm256_or_pd(any, *going);
            }
            if _mm256_movemask_pd(any) == 0 {
                break;
            }
        }
        let mut out = [0; 4 * VECTORS];
        for (four, bucket) in out.as_chunks_mut::<4>().0.iter_mut().zip(bucket) {
            // SAFETY: both are 32 bytes of numbers, of which every pattern is one.
            let numbers = unsafe { core::mem::transmute::<__m256d, [f64; 4]>(bucket) };
            *four = numbers.map(|number| number as u32);
        }
        out
    }

    /// Times [`MULTIPLIER`], the lower 64 bits, in halves of 32.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn multiplied(hash: __m256i) -> __m256i {
        let low = _mm256_set1_epi64x(MULTIPLIER);
        let high = _mm256_set1_epi64x(MULTIPLIER >> 32);
        let crossed = _mm256_add_epi64(
            _mm256_mul_epu32(hash, high),
            _mm256_mul_epu32(_mm256_srli_epi64::<32>(hash), low),
        );
        _mm256_add_epi64(_mm256_mul_epu32(hash, low), _mm256_slli_epi64::<32>(crossed))
    }

    /// `(hash >> 33) + 1`: put where an `f64` of 2^52 has its lowest digits, then less 2^52 - 1.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn draw(hash: __m256i) -> __m256d {
        const TWO_TO_52: f64 = 4_503_599_627_370_496.0;
        let exponent = _mm256_set1_epi64x(TWO_TO_52.to_bits().cast_signed());
        let number = _mm256_or_si256(_mm256_srli_epi64::<33>(hash), exponent);
        _mm256_sub_pd(_mm256_castsi256_pd(number), _mm256_set1_pd(TWO_TO_52 - 1.0))
    }
}
