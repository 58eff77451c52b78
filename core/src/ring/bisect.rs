//! The search where a look at four points is not enough: a binary search of three instructions a
//! step.
//!
//! Besides one honest lookup in 230, only crowds of points come here, which nobody has who was not
//! given them on purpose. They must not be dearer than a plain binary search over all points, and
//! the window has cost something already. `slice::partition_point` takes eight instructions a
//! step. Here the steps are in an array whose length is a constant power of two: the compiler
//! unrolls them and sees that no index is out of bounds, which leaves an addition, a comparison
//! and a conditional move.
//!
//! Two such arrays, the first and the last points, overlap and cover any length between theirs and
//! twice theirs; one look tells which of the two has the answer.
//!
//! That is three kilobytes of code. Without an allocator, where programs are small, it is the
//! standard library's search.

use super::{
    WINDOW,
    point::{NOWHERE, Point},
};

/// The index of the first point at or after a position, wrapping to 0: inside the bucket, whose
/// window from `start` on lies before the position, or among all if there is no guide.
///
/// The ring's points are the first `len` of `storage`. Without any, the index is beyond them.
///
/// # Complexity
/// O(log points in the bucket); O(log points) without a guide.
#[cold]
#[inline(never)]
pub(super) fn first_from(
    storage: &[Point],
    len: usize,
    bound: u64,
    bucket: u32,
    start: usize,
) -> usize {
    let next = bucket + 1;
    let (start, end) = match storage.get(next as usize) {
        _ if start == NOWHERE as usize => (0, len),
        // Up to the next bucket's window, which ends where the points do or behind this bucket.
        Some(point) if (next as usize) < len => {
            (start + WINDOW, point.start(next) as usize + WINDOW)
        }
        _ => (start + WINDOW, len),
    };
    let Some(among) = storage.get(..end).and_then(|points| points.get(start..)) else {
        return BEYOND;
    };
    match start + count_below(among, bound) {
        found if found < len => found,
        _ if len > 0 => 0,
        _ => BEYOND,
    }
}

/// Stands for "no point".
const BEYOND: usize = usize::MAX;

/// How many of `points`, which are in order, lie before the bound.
#[cfg(not(feature = "alloc"))]
fn count_below(points: &[Point], bound: u64) -> usize {
    points.partition_point(|point| point.is_below(bound))
}

/// How many of `points`, which are in order, lie before the bound.
#[cfg(feature = "alloc")]
#[inline]
fn count_below(points: &[Point], bound: u64) -> usize {
    match points.len().checked_ilog2() {
        Some(4) => in_arrays::<{ 1 << 4 }>(points, bound),
        Some(5) => in_arrays::<{ 1 << 5 }>(points, bound),
        Some(6) => in_arrays::<{ 1 << 6 }>(points, bound),
        Some(7) => in_arrays::<{ 1 << 7 }>(points, bound),
        Some(8) => in_arrays::<{ 1 << 8 }>(points, bound),
        Some(9) => in_arrays::<{ 1 << 9 }>(points, bound),
        Some(10) => in_arrays::<{ 1 << 10 }>(points, bound),
        Some(11) => in_arrays::<{ 1 << 11 }>(points, bound),
        Some(12) => in_arrays::<{ 1 << 12 }>(points, bound),
        Some(13) => in_arrays::<{ 1 << 13 }>(points, bound),
        Some(14) => in_arrays::<{ 1 << 14 }>(points, bound),
        Some(15) => in_arrays::<{ 1 << 15 }>(points, bound),
        Some(16) => in_arrays::<{ 1 << 16 }>(points, bound),
        Some(17) => in_arrays::<{ 1 << 17 }>(points, bound),
        Some(18) => in_arrays::<{ 1 << 18 }>(points, bound),
        Some(19) => in_arrays::<{ 1 << 19 }>(points, bound),
        Some(20) => in_arrays::<{ 1 << 20 }>(points, bound),
        Some(21) => in_arrays::<{ 1 << 21 }>(points, bound),
        Some(22) => in_arrays::<{ 1 << 22 }>(points, bound),
        Some(23) => in_arrays::<{ 1 << 23 }>(points, bound),
        Some(24) => in_arrays::<{ 1 << 24 }>(points, bound),
        _ => points.iter().map(|point| usize::from(point.is_below(bound))).sum(),
    }
}

/// The same for `N` points or more, but less than twice as many.
#[cfg(feature = "alloc")]
#[inline]
fn in_arrays<const N: usize>(points: &[Point], bound: u64) -> usize {
    let (Some(low), Some(high)) = (points.first_chunk::<N>(), points.last_chunk::<N>()) else {
        return 0;
    };
    if is_below(high, 0, bound) {
        points.len() - N + 1 + in_array(high, 1, bound)
    } else {
        in_array(low, 0, bound)
    }
}

/// How many of the `N - 1` points from index `first`, 0 or 1, on; `N` is a power of two.
#[cfg(feature = "alloc")]
#[inline]
fn in_array<const N: usize>(points: &[Point; N], first: usize, bound: u64) -> usize {
    let mut count = 0;
    let mut half = N / 2;
    while half > 0 {
        if is_below(points, first + count + half - 1, bound) {
            count += half;
        }
        half /= 2;
    }
    count
}

#[cfg(feature = "alloc")]
#[inline]
fn is_below<const N: usize>(points: &[Point; N], index: usize, bound: u64) -> bool {
    points.get(index).is_some_and(|point| point.is_below(bound))
}
