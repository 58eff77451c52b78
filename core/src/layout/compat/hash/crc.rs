//! CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), fast for keys.
//!
//! Sixteen bytes at once, as the crate crc32fast takes them: with a table for each place in the
//! block, their contributions are independent loads. That crate asks at each call what the
//! processor can do, which is worth it for texts longer than keys: they go to it.

/// From so many bytes on, crc32fast is as fast.
const LONG: usize = 128;

/// CRC-32 of IEEE 802.3.
#[inline]
pub(in super::super) fn crc32(bytes: &[u8]) -> u32 {
    if bytes.len() >= LONG {
        return of_long(bytes);
    }
    let (blocks, rest) = bytes.as_chunks::<16>();
    let mut crc = u32::MAX;
    for block in blocks {
        crc = sixteen(crc, block);
    }
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        crc = four(crc, *word);
    }
    for &byte in rest {
        crc = crc >> 8 ^ TABLES[0][((crc ^ u32::from(byte)) & 0xff) as usize];
    }
    !crc
}

#[cold]
#[inline(never)]
fn of_long(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The first half is taken from a register, the other from memory byte by byte: either way alone
/// would keep one part of the processor waiting for another.
#[inline]
fn sixteen(crc: u32, block: &[u8; 16]) -> u32 {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *block;
    let first = (u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from(crc)).to_le_bytes();
    half(8, first) ^ half(0, rest)
}

#[inline]
fn half(first: usize, bytes: [u8; 8]) -> u32 {
    let at = |place: usize| look(first + 7 - place, bytes[place]);
    (at(0) ^ at(1)) ^ (at(2) ^ at(3)) ^ ((at(4) ^ at(5)) ^ (at(6) ^ at(7)))
}

#[inline]
fn four(crc: u32, word: [u8; 4]) -> u32 {
    let [a, b, c, d] = (crc ^ u32::from_le_bytes(word)).to_le_bytes();
    look(3, a) ^ look(2, b) ^ look(1, c) ^ look(0, d)
}

#[inline]
fn look(table: usize, byte: u8) -> u32 {
    TABLES[table][usize::from(byte)]
}

/// `TABLES[t][b]`: the CRC register after the byte `b` and `t` zeros.
static TABLES: [[u32; 256]; 16] = {
    let mut tables = [[0; 256]; 16];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 16 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[table - 1][byte];
            tables[table][byte] = crc >> 8 ^ tables[0][(crc & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_as_crc32fast_has_it() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let bytes: [u8; 300] = core::array::from_fn(|at| (at * 167 % 251).to_le_bytes()[0]);
        for len in 0..bytes.len() {
            assert_eq!(crc32(&bytes[..len]), crc32fast::hash(&bytes[..len]), "{len}");
        }
    }
}
