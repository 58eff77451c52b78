//! The Murmur family.

/// `MurmurHash2` of 32 bits with the seed `0xdeadbeef * len` (libmemcached, twemproxy).
pub(in super::super) fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let len = low_half(bytes.len());
    let mut hash = 0xdead_beefu32.wrapping_mul(len) ^ len;
    let (words, tail) = bytes.as_chunks::<4>();
    for &word in words {
        let k = u32::from_le_bytes(word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (k ^ k >> 24).wrapping_mul(M);
    }
    if !tail.is_empty() {
        hash = (hash ^ little_endian(tail)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

/// The 64-bit `MurmurHash2` of libstdc++'s `std::hash`, with its seed (Envoy).
pub(in super::super) fn murmur2_64(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = 0xc70f_6907 ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for &word in words {
        let k = u64::from_le_bytes(word).wrapping_mul(M);
        hash = (hash ^ (k ^ k >> 47).wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        hash = (hash ^ little_endian_64(tail)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

/// `MurmurHash3_x86_32` (libmemcached with its seed, Guava with 0).
pub(in super::super) fn murmur3_32(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = Murmur3::new(seed);
    hash.update(bytes);
    hash.finish()
}

/// `MurmurHash3_x86_32` of a text that comes in pieces, so that what many texts start with is
/// hashed once.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Murmur3 {
    hash: u32,
    /// The bytes that do not fill a word yet.
    word: u32,
    len: u32,
}

impl Murmur3 {
    pub(in super::super) const fn new(seed: u32) -> Self {
        Self { hash: seed, word: 0, len: 0 }
    }

    pub(in super::super) fn update(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        let shift = self.len % 4 * 8;
        if shift == 0 {
            for &word in words {
                self.mix(u32::from_le_bytes(word));
            }
        } else {
            for &word in words {
                let word = u32::from_le_bytes(word);
                self.mix(self.word | word << shift);
                self.word = word >> (32 - shift);
            }
        }
        self.len = self.len.wrapping_add(low_half(bytes.len() - rest.len()));
        for &byte in rest {
            self.push(byte);
        }
    }

    pub(in super::super) fn push(&mut self, byte: u8) {
        self.word |= u32::from(byte) << (self.len % 4 * 8);
        self.len = self.len.wrapping_add(1);
        if self.len.is_multiple_of(4) {
            self.mix(self.word);
            self.word = 0;
        }
    }

    pub(in super::super) const fn finish(self) -> u32 {
        let hash = self.hash ^ scrambled(self.word) ^ self.len;
        let hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        let hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        hash ^ hash >> 16
    }

    const fn mix(&mut self, word: u32) {
        let hash = (self.hash ^ scrambled(word)).rotate_left(13);
        self.hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
}

const fn scrambled(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// The first half of `MurmurHash3_x64_128`, seed 0 (Guava).
pub(in super::super) fn murmur3_128(bytes: &[u8]) -> u64 {
    murmur3_x64(bytes, u64::from)
}

/// The same as Cassandra has it: the bytes of the tail are signed.
pub(in super::super) fn murmur3_128_signed_tail(bytes: &[u8]) -> u64 {
    murmur3_x64(bytes, |byte| i64::from(byte.cast_signed()).cast_unsigned())
}

fn murmur3_x64(bytes: &[u8], widen: impl Fn(u8) -> u64) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let mix1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let finish = |h: u64| {
        let h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        h ^ h >> 33
    };
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = bytes.as_chunks::<16>();
    for block in blocks {
        let block = u128::from_le_bytes(*block);
        h1 = (h1 ^ mix1(low(block))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix2(low(block >> 64))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (first, second) = tail.split_at(tail.len().min(8));
    let gather = |bytes: &[u8]| {
        let shifts = (0u32..64).step_by(8);
        bytes.iter().zip(shifts).fold(0, |word, (&byte, shift)| word ^ widen(byte) << shift)
    };
    h2 ^= mix2(gather(second));
    h1 ^= mix1(gather(first));
    let len = bytes.len() as u64;
    h1 ^= len;
    h2 ^= len;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

#[allow(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn low(block: u128) -> u64 {
    block as u64
}

#[allow(clippy::cast_possible_truncation, reason = "the programs take the length mod 2^32")]
pub(super) const fn low_half(len: usize) -> u32 {
    len as u32
}

/// Fewer than four bytes as a little-endian number.
fn little_endian(tail: &[u8]) -> u32 {
    tail.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

/// Fewer than eight bytes as a little-endian number.
fn little_endian_64(tail: &[u8]) -> u64 {
    tail.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_hashed_as_the_whole() {
        let bytes: [u8; 23] = core::array::from_fn(|at| (at * 37 % 251).to_le_bytes()[0]);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut hash = Murmur3::new(7);
                hash.update(&bytes[..first]);
                hash.update(&bytes[first..second]);
                bytes[second..].iter().for_each(|&byte| hash.push(byte));
                assert_eq!(hash.finish(), murmur3_32(&bytes, 7), "{first}, {second}");
            }
        }
    }
}
