//! Functions that take one byte after the other.
//!
//! *Signed* means that bytes from 0x80 on enter as the negative numbers that C's `char` makes of
//! them on x86: their upper bits are all set.

/// A byte as C's signed `char`, widened to 32 bits.
#[inline]
const fn signed(byte: u8) -> u32 {
    (byte.cast_signed() as i32).cast_unsigned()
}

/// Jenkins's one-at-a-time, signed (libmemcached's default, twemproxy).
pub(in super::super) fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mut hash = bytes.iter().fold(0u32, |hash, &byte| {
        let hash = hash.wrapping_add(signed(byte));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ hash >> 6
    });
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

const FNV_OFFSET_32: u32 = 2_166_136_261;
const FNV_PRIME_32: u32 = 16_777_619;

/// FNV-1 of 32 bits, signed (libmemcached, twemproxy).
pub(in super::super) fn fnv1_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(FNV_OFFSET_32, |hash, &byte| hash.wrapping_mul(FNV_PRIME_32) ^ signed(byte))
}

/// FNV-1a of 32 bits, signed (libmemcached, twemproxy).
pub(in super::super) fn fnv1a_32_signed(bytes: &[u8]) -> u32 {
    bytes.iter().fold(FNV_OFFSET_32, |hash, &byte| (hash ^ signed(byte)).wrapping_mul(FNV_PRIME_32))
}

/// FNV-1a of 32 bits as published (stathat).
pub(in super::super) fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(FNV_OFFSET_32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME_32))
}

/// The low half of FNV-1 of 64 bits, signed (libmemcached, twemproxy).
#[allow(clippy::cast_possible_truncation, reason = "the low half is the answer")]
pub(in super::super) fn fnv1_64_low(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
        hash.wrapping_mul(0x100_0000_01b3) ^ i64::from(byte.cast_signed()).cast_unsigned()
    });
    hash as u32
}

/// What libmemcached and twemproxy call `fnv1a_64`: 32 bits that start with the low half of the
/// offset and are multiplied with the low half of the prime, signed.
pub(in super::super) fn fnv1a_64_low(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x8422_2325u32, |hash, &byte| (hash ^ signed(byte)).wrapping_mul(0x1b3))
}

/// `sdbm` (HAProxy).
pub(in super::super) fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |hash, &byte| {
        u32::from(byte).wrapping_add(hash << 6).wrapping_add(hash << 16).wrapping_sub(hash)
    })
}

/// `djb2` (HAProxy).
pub(in super::super) fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5_381u32, |hash, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

/// `wt6` (HAProxy).
pub(in super::super) fn wt6(bytes: &[u8]) -> u32 {
    let mut high = 0xa53c_965au32;
    let mut low = 0x5ca6_953au32;
    let mut steps = (6, 18);
    for &byte in bytes {
        high = !(high ^ u32::from(byte));
        low = !low.wrapping_add(u32::from(byte));
        let turned = low.rotate_left(steps.0);
        low = high.rotate_left(steps.1);
        high = turned;
        let mixed = (high >> 16 ^ low) & 0xffff;
        steps = (mixed & 31, mixed >> 11);
    }
    high ^ low
}

/// CRC-16/XMODEM: polynomial 0x1021 from 0 (Redis Cluster).
pub(in super::super) fn crc16_xmodem(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ CRC16[usize::from(crc >> 8) ^ usize::from(byte)])
}

/// What twemproxy calls `crc16`: the same in 32 bits that are never cut, so that the upper half
/// keeps what was shifted out.
pub(in super::super) fn crc16_unmasked(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |crc, &byte| {
        // The mask keeps the index below 256.
        crc << 8 ^ u32::from(CRC16[((crc >> 8 ^ u32::from(byte)) & 0xff) as usize])
    })
}

const CRC16: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};
