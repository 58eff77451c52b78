//! The hash functions of deployed programs, quirks included.
//!
//! A function is here as its program computes it on x86-64 Linux, which is not always what its name
//! says. What is standard comes from a crate; the rest is small and has known answers, of the programs
//! themselves, in its tests.

mod bytewise;
mod crc;
#[cfg(test)]
mod known_answers;
mod murmur;
mod words;

use md5::{Digest as _, Md5};

pub(super) use self::{
    bytewise::{
        crc16_unmasked, crc16_xmodem, djb2, fnv1_32, fnv1_64_low, fnv1a_32, fnv1a_32_signed,
        fnv1a_64_low, one_at_a_time, sdbm, wt6,
    },
    crc::crc32,
    murmur::{Murmur3, murmur2, murmur2_64, murmur3_32, murmur3_128, murmur3_128_signed_tail},
    words::{hsieh, jenkins},
};

/// The 15 bits of the CRC-32 that the Perl client took, and many after it.
pub(super) fn crc32_15(bytes: &[u8]) -> u32 {
    crc32(bytes) >> 16 & 0x7fff
}

/// The 16 bytes of MD5.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The four little-endian words of MD5: ketama's points.
pub(super) fn md5_words(bytes: &[u8]) -> [u32; 4] {
    words_of(&md5(bytes))
}

/// The first word of MD5: ketama's key hash.
pub(super) fn md5_word(bytes: &[u8]) -> u32 {
    let [word, ..] = md5_words(bytes);
    word
}

/// The first 16 bytes of a digest as four little-endian words.
pub(super) fn words_of(digest: &[u8; 16]) -> [u32; 4] {
    let (words, _) = digest.as_chunks::<4>();
    let mut out = [0; 4];
    for (slot, &word) in out.iter_mut().zip(words) {
        *slot = u32::from_le_bytes(word);
    }
    out
}
