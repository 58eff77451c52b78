//! Functions that others defined, against answers recorded from their programs (`spec/upstream`).
#![allow(clippy::unwrap_used, reason = "a test")]

use core::num::NonZeroU32;
use std::{fs, path::Path};

use ringway::{jump, jumpback};

/// The lines of a recorded file that are data, as columns of numbers.
fn rows(file: &str) -> Vec<Vec<u64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/upstream").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(|number| number.parse().unwrap()).collect()).collect()
}

fn buckets(count: u64) -> NonZeroU32 {
    NonZeroU32::new(u32::try_from(count).unwrap()).unwrap()
}

#[test]
fn jump_is_lamping_and_veachs() {
    for count in [1, 2, 3, 10, 100, 1_000, 65_536] {
        let rows = rows(&format!("jump/jump-n{count}.tsv"));
        assert_eq!(rows.len(), 400);
        for row in rows {
            let [hash, bucket] = row[..] else { panic!("{row:?}") };
            assert_eq!(u64::from(jump(hash, buckets(count))), bucket, "{hash} of {count}");
        }
    }
}

#[test]
fn jumpback_is_hash4js() {
    let rows = rows("hash4j/jumpback-splitmix64.tsv");
    assert!(rows.len() > 4_000);
    for row in rows {
        let [hash, count, bucket] = row[..] else { panic!("{row:?}") };
        assert_eq!(u64::from(jumpback(hash, buckets(count))), bucket, "{hash} of {count}");
    }
}

/// Each bucket more takes its share from all others and moves nothing between them.
#[test]
fn one_bucket_more_takes_and_never_swaps() {
    for function in [jump, jumpback] {
        for seed in 0..2_000u64 {
            let hash = ringway::key_hash(&seed.to_le_bytes());
            let mut before = function(hash, buckets(1));
            assert_eq!(before, 0);
            for count in 2..200 {
                let bucket = function(hash, buckets(count));
                let last = u32::try_from(count).unwrap() - 1;
                assert!(bucket == before || bucket == last, "{hash} of {count}");
                before = bucket;
            }
            assert!(function(hash, NonZeroU32::MAX) < u32::MAX);
        }
    }
}
