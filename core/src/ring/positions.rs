//! Where the points of a node are.

use core::ops::Range;

use crate::{hash::position, layout::TEXT_BYTES_MAX};

/// How long an input may be to share a cache line or two with no other.
const SHORT: usize = 128;
/// How long an input may be at all.
const LONG: usize = TEXT_BYTES_MAX + 4;

/// Hands `each` the positions of a node's points: of `hash(name || LE32(i))` for each `i` of a
/// range, in this order. A name was checked to be at most 1,024 bytes.
///
/// Several inputs are written before the first of them is hashed: the hash reads in one piece what
/// was written in two, for which a processor waits until the writing is done. That is most of the
/// time if one input is hashed after the other.
pub(crate) fn each_position(
    name: &[u8],
    range: Range<u32>,
    hash: &impl Fn(&[u8]) -> u64,
    each: impl FnMut(u32),
) {
    // Without an allocator, programs are small: one piece of code for both.
    if cfg!(feature = "alloc") && name.len() + 4 <= SHORT {
        in_turns::<SHORT, 8>(name, range, hash, each);
    } else {
        in_turns::<LONG, 2>(name, range, hash, each);
    }
}

fn in_turns<const BYTES: usize, const INPUTS: usize>(
    name: &[u8],
    range: Range<u32>,
    hash: &impl Fn(&[u8]) -> u64,
    mut each: impl FnMut(u32),
) {
    let len = name.len().saturating_add(4).min(BYTES);
    let mut inputs = [[0; BYTES]; INPUTS];
    for input in &mut inputs {
        if let Some(start) = input.get_mut(..name.len()) {
            start.copy_from_slice(name);
        }
    }
    let mut rest = range;
    while !rest.is_empty() {
        for (input, i) in inputs.iter_mut().zip(rest.clone()) {
            if let Some(end) = input.get_mut(..len).and_then(|input| input.last_chunk_mut()) {
                *end = i.to_le_bytes();
            }
        }
        for (input, _) in inputs.iter().zip(&mut rest) {
            each(position(hash(input.get(..len).unwrap_or_default())));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::key_hash;

    /// Of every length of a name that changes what is done, and every length of a range.
    #[test]
    fn positions_are_those_of_the_inputs_one_by_one() {
        for len in [1, 13, 123, 124, 125, 1_023, 1_024] {
            let name: Vec<u8> = (0..=255).cycle().take(len).collect();
            for range in (0..20).map(|end| 0..end).chain([7..24, u32::MAX - 9..u32::MAX, 5..5]) {
                let mut found = vec![];
                each_position(&name, range.clone(), &key_hash, |position| found.push(position));
                let one = |i: u32| position(key_hash(&[&name[..], &i.to_le_bytes()].concat()));
                assert_eq!(found, range.map(one).collect::<Vec<_>>(), "{len} bytes");
            }
        }
    }
}
