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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // From the functions' publications and the programs' own tests.
        assert_eq!(crc16_xmodem(b"123456789"), 0x31c3);
        assert_eq!(crc16_unmasked(b"12") & 0xffff, u32::from(crc16_xmodem(b"12")));
        assert_eq!(fnv1a_32(b"foobar"), 0xbf9c_f968);
        assert_eq!(fnv1a_32_signed(b"foobar"), 0xbf9c_f968);
        assert_eq!(fnv1_32(b"foobar"), 0x31f0_b262);
        assert_eq!(fnv1_64_low(b"foobar"), 0xa4dd_a9c2);
        assert_eq!(one_at_a_time(b"a"), 0xca2e_9442);
        assert_eq!(one_at_a_time(b"The quick brown fox jumps over the lazy dog"), 0x519e_91f5);
        assert_eq!(djb2(b""), 5_381);
        assert_eq!(djb2(b"a"), 177_670);
        assert_eq!(sdbm(b"a"), 97);
        assert_eq!(sdbm(b"ab"), 97 * 65_599 + 98);
    }

    #[test]
    fn bytes_from_0x80_on_are_signed_where_the_programs_have_them_so() {
        assert_eq!(
            fnv1a_32_signed(b"\x80"),
            (FNV_OFFSET_32 ^ 0xffff_ff80).wrapping_mul(FNV_PRIME_32)
        );
        assert_ne!(fnv1a_32_signed(b"\x80"), fnv1a_32(b"\x80"));
    }
}
