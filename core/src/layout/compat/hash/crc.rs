//! CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), fast for keys.
//!
//! Sixteen bytes at once: with a table for each place in the block, their contributions are
//! independent loads. The crate crc32fast takes blocks of 64 and the rest byte by byte, which makes
//! it slow for keys; longer texts go to it, as it has instructions of the processor for them.

/// From so many bytes on, crc32fast is as fast.
const LONG: usize = 128;

/// CRC-32 of IEEE 802.3.
#[inline]
pub(in super::super) fn crc32(bytes: &[u8]) -> u32 {
    if bytes.len() >= LONG {
        return crc32fast::hash(bytes);
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

#[inline]
fn sixteen(crc: u32, block: &[u8; 16]) -> u32 {
    let [a, b, c, d, rest @ ..] = *block;
    let [a, b, c, d] = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
    let first = look(15, a) ^ look(14, b) ^ look(13, c) ^ look(12, d);
    let [e, f, g, h, i, j, k, l, m, n, o, p] = rest;
    let second = look(11, e) ^ look(10, f) ^ look(9, g) ^ look(8, h);
    let third = look(7, i) ^ look(6, j) ^ look(5, k) ^ look(4, l);
    let last = look(3, m) ^ look(2, n) ^ look(1, o) ^ look(0, p);
    (second ^ third) ^ (last ^ first)
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
