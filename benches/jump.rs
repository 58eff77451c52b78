//! What does jump consistent hash cost? The paper's loop, ours, and many hashes at once.
//!
//! Dimensions: form × buckets, hash given. The forms: `paper`, the loop of the paper; `jump`;
//! `portable`, `avx2` and `avx512`, the ways of `jump_many`, of which those are left out that the
//! processor has not. One run, minima; prints a table; `--record` writes it down.
#![allow(clippy::print_stdout, reason = "a bench")]

use std::{hint::black_box, num::NonZeroU32};

use ringway_bench::{BLOCK_KEYS, Contestant, Keys, NODE_COUNTS, Row, minima, record};

// Core's own files: `jump_many` itself leaves nobody the choice.
#[path = "../core/src/jump/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a bench uses a part")]
mod jump;

/// Writes the buckets of all hashes; false if this processor cannot.
type Many = fn(&[u64], NonZeroU32, &mut [u32]) -> bool;

const WAYS: &[(&str, Many)] = &[
    ("portable", |hashes, buckets, out| {
        jump::batch::portable(hashes, buckets, out);
        true
    }),
    #[cfg(target_arch = "x86_64")]
    ("avx2", jump::simd::with_avx2),
    #[cfg(target_arch = "x86_64")]
    ("avx512", jump::simd::with_avx512),
];

fn main() {
    let hashes = Keys::new(16).hashes();
    let mut rows = Vec::new();
    println!("ns per hash, times as fast as the paper's loop");
    for count in NODE_COUNTS {
        let buckets = NonZeroU32::new(u32::from(count)).expect("not 0");
        let mut contestants: Vec<Contestant<'_>> = vec![
            ("paper", one_by_one(&hashes, move |hash| paper(hash, buckets))),
            ("jump", one_by_one(&hashes, move |hash| ringway::jump(hash, buckets))),
        ];
        let mut out = vec![0; hashes.len()];
        let expected: Vec<u32> = hashes.iter().map(|&hash| paper(hash, buckets)).collect();
        for &(name, many) in WAYS {
            if many(&hashes, buckets, &mut out) {
                assert_eq!(out, expected, "{name}, {count} buckets");
                contestants.push((name, at_once(&hashes, many, buckets)));
            }
        }
        assert!(
            hashes.iter().zip(expected).all(|(&hash, paper)| ringway::jump(hash, buckets) == paper)
        );
        let best = minima(&mut contestants, 40);
        print!("{count:>7}");
        for ((name, _), &ns) in contestants.iter().zip(&best) {
            let ratio = best[0] / ns;
            print!("  {name} {ns:.2} ({ratio:.1})");
            rows.push(Row { what: (*name).to_owned(), nodes: count, figure: ns, unit: "ns/hash" });
            let what = format!("paper/{name}");
            rows.push(Row { what, nodes: count, figure: ratio, unit: "ratio" });
        }
        println!();
    }
    record("jump", &rows);
}

fn one_by_one<'a>(
    hashes: &'a [u64],
    bucket: impl Fn(u64) -> u32 + 'a,
) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    let mut out = vec![0; BLOCK_KEYS];
    Box::new(move |block| {
        for (place, &hash) in out.iter_mut().zip(&hashes[block * BLOCK_KEYS..]) {
            *place = bucket(hash);
        }
        u64::from(black_box(&out)[0])
    })
}

fn at_once(hashes: &[u64], many: Many, buckets: NonZeroU32) -> Box<dyn FnMut(usize) -> u64 + '_> {
    let mut out = vec![0; BLOCK_KEYS];
    Box::new(move |block| {
        many(&hashes[block * BLOCK_KEYS..][..BLOCK_KEYS], buckets, &mut out);
        u64::from(black_box(&out)[0])
    })
}

/// The loop of Lamping and Veach's paper.
#[inline(never)]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as in the paper")]
fn paper(mut key: u64, buckets: NonZeroU32) -> u32 {
    let (mut b, mut j) = (0i64, 0i64);
    while j < i64::from(buckets.get()) {
        b = j;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        j = ((b + 1) as f64 * ((1i64 << 31) as f64 / ((key >> 33) + 1) as f64)) as i64;
    }
    b.unsigned_abs() as u32
}
