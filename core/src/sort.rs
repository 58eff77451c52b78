//! Sorting in place, without allocation.
//!
//! With an allocator it is the standard library's, which is the fastest and takes ten kilobytes of
//! code for each type and order. Without one, programs are small: there it is heapsort, and for
//! points a partition bit by bit, which take a tenth of that. Orders here are total, or equal
//! elements are the same, so that all give one result.

use core::cmp::Ordering;

use crate::Point;

/// Sorts by that order.
///
/// # Complexity
/// O(n · log n) comparisons.
#[cfg(feature = "alloc")]
#[inline]
pub(crate) fn by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    items.sort_unstable_by(compare);
}

/// Sorts by that order.
///
/// # Complexity
/// O(n · log n) comparisons.
#[cfg(not(feature = "alloc"))]
pub(crate) fn by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    heapsort(items, compare);
}

/// Sorts points, in whose lowest 16 bits no guide is written yet, by position and then by owner.
///
/// # Complexity
/// O(n · log n).
#[cfg(feature = "alloc")]
pub(crate) fn points(points: &mut [Point]) {
    points.sort_unstable_by_key(|point| point.sort_key());
}

/// Sorts points, in whose lowest 16 bits no guide is written yet, by position and then by owner.
///
/// # Complexity
/// O(n · log n) where positions are spread evenly, as hashes are; O(48 · n) whatever they are.
#[cfg(not(feature = "alloc"))]
pub(crate) fn points(points: &mut [Point]) {
    by_bit(points, 1 << 63);
}

/// Sorts by that order; the code of the sort itself is there once, whatever the type.
#[cfg(any(test, not(feature = "alloc")))]
fn heapsort<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    let len = items.len();
    sort_heap(len, &mut Ordered { items, compare });
}

#[cfg(any(test, not(feature = "alloc")))]
struct Ordered<'a, T, C> {
    items: &'a mut [T],
    compare: C,
}

/// What a heap asks of its elements.
#[cfg(any(test, not(feature = "alloc")))]
trait Elements {
    /// Whether one element comes before another; false if one of them is not there.
    fn is_before(&mut self, one: usize, other: usize) -> bool;
    fn swap(&mut self, one: usize, other: usize);
}

#[cfg(any(test, not(feature = "alloc")))]
impl<T, C: FnMut(&T, &T) -> Ordering> Elements for Ordered<'_, T, C> {
    fn is_before(&mut self, one: usize, other: usize) -> bool {
        match (self.items.get(one), self.items.get(other)) {
            (Some(one), Some(other)) => (self.compare)(one, other).is_lt(),
            _ => false,
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        swap(self.items, one, other);
    }
}

#[cfg(any(test, not(feature = "alloc")))]
fn sort_heap(len: usize, elements: &mut dyn Elements) {
    // First every element from the last parent on becomes the greatest of those below it; then the
    // greatest of all goes to the end, one after the other.
    for step in (0..len + len / 2).rev() {
        let (mut parent, end) = match step.checked_sub(len) {
            Some(parent) => (parent, len),
            None => {
                elements.swap(0, step);
                (0, step)
            }
        };
        loop {
            let mut child = 2 * parent + 1;
            if child + 1 < end && elements.is_before(child, child + 1) {
                child += 1;
            }
            if child >= end || !elements.is_before(parent, child) {
                break;
            }
            elements.swap(parent, child);
            parent = child;
        }
    }
}

/// Swaps two elements; nothing happens if there are none such, so that nothing here can panic.
#[inline]
pub(crate) fn swap<T>(items: &mut [T], one: usize, other: usize) {
    if let Ok([one, other]) = items.get_disjoint_mut([one, other]) {
        core::mem::swap(one, other);
    }
}

/// Sorts points that differ in `bit` and those below it only: first those in which it is 0.
#[cfg(any(test, not(feature = "alloc")))]
fn by_bit(points: &mut [Point], bit: u64) {
    /// Below the owner's bits there is nothing.
    const LAST: u64 = 1 << 16;
    const FEW: usize = 16;
    if points.len() <= FEW {
        for end in 1..points.len() {
            for place in (1..=end).rev() {
                match points.get_mut(place - 1..=place) {
                    Some([before, point]) if point.sort_key() < before.sort_key() => {
                        core::mem::swap(before, point);
                    }
                    _ => break,
                }
            }
        }
        return;
    }
    if bit < LAST {
        return;
    }
    let (mut start, mut end) = (0, points.len());
    while start < end {
        if points.get(start).is_some_and(|point| point.sort_key() & bit == 0) {
            start += 1;
        } else {
            end -= 1;
            swap(points, start, end);
        }
    }
    if let Some((zeros, ones)) = points.split_at_mut_checked(start) {
        by_bit(zeros, bit >> 1);
        by_bit(ones, bit >> 1);
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use alloc::vec::Vec;

    use super::*;
    use crate::{NodeIndex, hash::splitmix64};

    #[test]
    fn heapsort_sorts() {
        for len in 0..200u64 {
            let numbers = |modulus: u64| (0..len).map(move |n| splitmix64(n) % modulus);
            for modulus in [1, 2, 7, u64::MAX] {
                let mut sorted: Vec<u64> = numbers(modulus).collect();
                let mut expected = sorted.clone();
                heapsort(&mut sorted, Ord::cmp);
                expected.sort_unstable();
                assert_eq!(sorted, expected, "{len} numbers below {modulus}");
            }
        }
    }

    #[test]
    fn points_sort_by_bits() {
        for len in [0, 1, 2, 16, 17, 1_000, 5_000] {
            for kept in [u64::MAX, 0xff << 32, 0xf << 60, 0x3 << 16, 0] {
                let point = |number: u64| {
                    let bits = splitmix64(number) & kept;
                    let owner = NodeIndex::new(u16::try_from(bits >> 16 & 0xffff).unwrap_or(0));
                    Point::new(crate::hash::position(bits), owner)
                };
                let mut sorted: Vec<Point> = (0..len).map(point).collect();
                let mut expected = sorted.clone();
                by_bit(&mut sorted, 1 << 63);
                expected.sort_unstable_by_key(|point| point.sort_key());
                assert_eq!(sorted, expected, "{len} points in the bits {kept:#x}");
            }
        }
    }
}
