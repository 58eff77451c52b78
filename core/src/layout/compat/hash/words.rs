//! Functions that take several bytes at once, of the libmemcached family.

use super::murmur::low_half;

/// Jenkins's lookup3 (`hashlittle`) with the initial value 13 (libmemcached, twemproxy).
pub(in super::super) fn jenkins(bytes: &[u8]) -> u32 {
    let start = 0xdead_beefu32.wrapping_add(low_half(bytes.len())).wrapping_add(13);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, after) = rest.split_at(12);
        let [x, y, z] = three_words(block);
        a = a.wrapping_add(x);
        b = b.wrapping_add(y);
        c = c.wrapping_add(z);
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = after;
    }
    if rest.is_empty() {
        return c;
    }
    let [x, y, z] = three_words(rest);
    a = a.wrapping_add(x);
    b = b.wrapping_add(y);
    c = c.wrapping_add(z);
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Up to twelve bytes as three little-endian words, zeros behind.
fn three_words(bytes: &[u8]) -> [u32; 3] {
    let mut padded = [0; 12];
    for (slot, &byte) in padded.iter_mut().zip(bytes) {
        *slot = byte;
    }
    let mut out = [0; 3];
    for (slot, &word) in out.iter_mut().zip(padded.as_chunks::<4>().0) {
        *slot = u32::from_le_bytes(word);
    }
    out
}

/// Hsieh's `SuperFastHash` as twemproxy has it: it starts with 0, not with the length, and the
/// third byte of a tail of three is signed.
pub(in super::super) fn hsieh(bytes: &[u8]) -> u32 {
    let half = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]));
    let (words, tail) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(0u32, |hash, &[a, b, c, d]| {
        let hash = hash.wrapping_add(half(a, b));
        let mixed = half(c, d) << 11 ^ hash;
        let hash = hash << 16 ^ mixed;
        hash.wrapping_add(hash >> 11)
    });
    match *tail {
        [a, b, c] => {
            hash = hash.wrapping_add(half(a, b));
            hash ^= hash << 16;
            hash ^= i32::from(c.cast_signed()).cast_unsigned() << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [a, b] => {
            hash = hash.wrapping_add(half(a, b));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [a] => {
            hash = hash.wrapping_add(u32::from(a));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    if bytes.is_empty() {
        return 0;
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}
