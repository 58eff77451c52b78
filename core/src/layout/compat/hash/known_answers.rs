//! What the programs themselves, and others' implementations, say of the same few inputs.

use super::*;

/// Each length of a tail of four bytes, a block of 16 and more, and bytes from 0x80 on.
const KEYS: [&[u8]; 5] = [
    b"a",
    b"foobar",
    b"user:1234567890abcdef",
    b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa",
    b"\x80\xff",
];

fn assert_hashes<T: PartialEq + core::fmt::Debug>(
    function: impl Fn(&[u8]) -> T,
    expected: &[T; 5],
) {
    for (key, expected) in KEYS.iter().zip(expected) {
        assert_eq!(function(key), *expected, "{}", key.escape_ascii());
    }
}

/// `spec/record/hashes.py`: libmemcached 1.1.4 by `memcached_generate_hash_value`, twemproxy 0.5.0 by
/// its choice among 97, 101, 103, 107 and 109 servers. Where both have a function they agree.
#[test]
fn of_libmemcached_and_twemproxy() {
    assert_hashes(
        one_at_a_time,
        &[0xca2e_9442, 0xf952_fde7, 0x2cf2_be6c, 0x185a_4d43, 0x00d2_360d],
    );
    assert_hashes(md5_word, &[0xb975_c10c, 0x22f6_5838, 0xff4a_0322, 0xac98_cb25, 0x0a58_24e2]);
    assert_hashes(
        crc16_unmasked,
        &[0x0000_7c87, 0x9eff_b025, 0xd6e7_39a9, 0x2e40_9c91, 0x0091_0568],
    );
    assert_hashes(crc32_15, &[0x0000_68b7, 0x0000_1ef6, 0x0000_26fd, 0x0000_7e44, 0x0000_5758]);
    assert_hashes(crc32, &[0xe8b7_be43, 0x9ef6_1f95, 0xa6fd_de66, 0xfe44_b78f, 0x5758_6539]);
    assert_hashes(fnv1_64_low, &[0x8601_b7be, 0xa4dd_a9c2, 0x6a4e_8a9c, 0x745a_f99e, 0xb4eb_0692]);
    assert_hashes(fnv1a_64_low, &[0x8601_ec8c, 0xf739_67e8, 0x305f_809e, 0xa11f_5c58, 0xb587_58e0]);
    assert_hashes(fnv1_32, &[0x050c_5d7e, 0x31f0_b262, 0x9de7_f2bc, 0x9674_42be, 0x5376_ffb2]);
    assert_hashes(
        fnv1a_32_signed,
        &[0xe40c_292c, 0xbf9c_f968, 0x791d_ab9e, 0xe56a_ca98, 0x945d_ce20],
    );
    assert_hashes(hsieh, &[0x9364_2e87, 0x07a5_862c, 0x25cd_14ae, 0x9626_176e, 0xcbac_4f50]);
    assert_hashes(murmur2, &[0x4b41_757c, 0xabec_ff17, 0x6481_9335, 0x46cd_7003, 0x6976_0a25]);
    assert_hashes(jenkins, &[0xe0a3_8690, 0x0fdd_8b60, 0x7b77_587f, 0xb8c0_5405, 0x11ea_6c86]);
    // libmemcached only.
    let seeded = |key: &[u8]| {
        let seed = 0xdead_beefu32.wrapping_mul(murmur::low_half(key.len()));
        murmur3_32(key, seed)
    };
    assert_hashes(seeded, &[0x8872_dbc8, 0x876b_2160, 0x0668_d8fe, 0xf8c9_27be, 0x723d_253a]);
}

/// `spec/record/hashes.py`: HAProxy 2.6.12 by its choice among as many servers, `map-based`.
#[test]
fn of_haproxy() {
    assert_hashes(sdbm, &[0x0000_0061, 0xa643_7b0d, 0x0895_5ced, 0x77c2_3635, 0x0080_207f]);
    assert_hashes(djb2, &[0x0002_b606, 0xfde4_60be, 0xe90c_dc60, 0xcc57_410c, 0x0059_7bc4]);
    assert_hashes(wt6, &[0x714b_f225, 0xd680_a6cc, 0xddff_daab, 0x0e0e_a699, 0xcdb9_67fe]);
    assert_hashes(crc32, &[0xe8b7_be43, 0x9ef6_1f95, 0xa6fd_de66, 0xfe44_b78f, 0x5758_6539]);
}

/// mmh3 5 and fnvhash from PyPI; `binascii.crc_hqx` and `hashlib.md5` of Python 3.11.
#[test]
fn of_python() {
    let unseeded = |key: &[u8]| murmur3_32(key, 0);
    assert_hashes(unseeded, &[0x3c25_69b2, 0xa4c4_d4bd, 0x28b2_de0c, 0x5b20_b118, 0x9a20_e01b]);
    assert_hashes(
        murmur3_128,
        &[
            0x8555_5565_f659_7889,
            0xbdd2_ae71_16c8_5a45,
            0x5fc6_d5e2_5981_1e32,
            0xbaa8_9c82_28ce_1583,
            0x105d_bffe_2ee9_9524,
        ],
    );
    assert_hashes(fnv1a_32, &[0xe40c_292c, 0xbf9c_f968, 0x791d_ab9e, 0xd3c9_9598, 0xd139_0020]);
    assert_hashes(crc16_xmodem, &[0x7c87, 0xb025, 0x39a9, 0x9c91, 0x0568]);
    assert_eq!(md5(b"a")[..4], [0x0c, 0xc1, 0x75, 0xb9]);
    assert_eq!(md5_words(b"a")[0], 0xb975_c10c);
}

/// g++ 12's `std::hash<std::string>`.
#[test]
fn of_libstdcxx() {
    assert_hashes(
        murmur2_64,
        &[
            0x454d_dee4_88c1_ed6b,
            0x0df6_32c1_2592_db33,
            0x1766_24c6_6b2f_39b7,
            0x0573_41d4_91cc_1960,
            0x09bf_1e44_3b06_f4eb,
        ],
    );
    assert_eq!(murmur2_64(b""), 0x553e_9390_1e46_2a6e);
}

/// cassandra-driver 3.30.1's tokens (`spec/upstream/cassandra`): tails of 5, 9 and 11 bytes.
#[test]
fn of_cassandra() {
    let token = |key: &str| murmur3_128_signed_tail(key.as_bytes()).cast_signed();
    for (key, expected) in [
        ("clé0", 1_258_282_379_285_739_880),
        ("ключ0", -8_080_087_932_709_596_472),
        ("schlüssel0", 8_368_534_653_234_312),
        ("مفتاح0", -733_864_861_878_003_305),
    ] {
        assert_eq!(token(key), expected, "{key}");
        assert_ne!(murmur3_128(key.as_bytes()).cast_signed(), expected, "unsigned: {key}");
    }
    assert_eq!(murmur3_128_signed_tail(b"plain"), murmur3_128(b"plain"));
}

#[test]
fn of_nothing() {
    // lookup3's initial value; twemproxy's SuperFastHash returns at once; HAProxy's start value.
    assert_eq!(jenkins(b""), 0xdead_beef + 13);
    assert_eq!((hsieh(b""), djb2(b""), sdbm(b"")), (0, 5_381, 0));
    // A. Appleby's verification values.
    assert_eq!((murmur3_32(b"", 0), murmur3_32(b"", 1)), (0, 0x514e_28b7));
    assert_eq!(murmur3_128(b""), 0);
}
