//! The fast search against its naive twin, on point sets kind and hostile.
//!
//! Seeds are fixed; a failing proptest prints its smallest input.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::Random;
use proptest::prelude::*;
use ringway::{NodeIndex, Placement, Point, Ring};

/// The first point at or after the position, else the first of all; ties to the lowest index.
fn naive(points: &[(u32, u16)], position: u32) -> Option<NodeIndex> {
    let after = points.iter().filter(|point| point.0 >= position).min();
    after.or(points.iter().min()).map(|point| NodeIndex::new(point.1))
}

/// Compares the search with its twin around every point, at the ends and at random positions.
fn check(points: &[(u32, u16)], seed: u64) {
    let storage: Vec<Point> =
        points.iter().map(|&(at, owner)| Point::new(at, NodeIndex::new(owner))).collect();
    let ring = Ring::from_points(storage).unwrap();
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    let mut random = Random(seed);
    let near = points.iter().flat_map(|&(at, _)| [at.wrapping_sub(1), at, at.wrapping_add(1)]);
    let ends = [0, 1, u32::MAX - 1, u32::MAX];
    let anywhere: Vec<u32> =
        (0..200).map(|_| u32::try_from(random.next_u64() >> 32).unwrap()).collect();
    for position in near.chain(ends).chain(anywhere) {
        let hash = u64::from(position) << 32 | random.next_u64() >> 32;
        // On sorted points the twin may bisect; `naive` itself checks that below.
        let at = sorted.partition_point(|point| point.0 < position);
        let expected = sorted.get(at).or(sorted.first()).map(|point| NodeIndex::new(point.1));
        if points.len() <= 64 {
            assert_eq!(expected, naive(points, position));
        }
        let found = ring.owner_by_hash(hash);
        assert_eq!(found, expected, "{} points, position {position:#x}", points.len());
        assert_eq!(ring.as_view().owner_by_hash(hash), expected);
        assert_eq!(ring.walk(hash).next(), expected);
    }
}

/// Positions spread, crowded, equal, or at the ends.
fn position() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0x8000_0000..0x8000_0040u32,
        (0..32u32).prop_map(|bit| 1 << bit),
        Just(0),
        Just(u32::MAX),
        u32::MAX - 8..=u32::MAX,
        0..8u32,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_points(points in prop::collection::vec((position(), any::<u16>()), 0..70)) {
        check(&points, 1);
    }

    #[test]
    fn crowded_points(
        points in prop::collection::vec((0x1234_0000..0x1234_0400u32, any::<u16>()), 0..300),
    ) {
        check(&points, 2);
    }
}

#[test]
fn every_small_count() {
    let mut random = Random(3);
    for count in 0..40 {
        for _ in 0..20 {
            let points: Vec<(u32, u16)> = (0..count).map(|_| point(&mut random, 0)).collect();
            check(&points, 4);
        }
    }
}

/// Starts whose distance from their bucket just fits 16 bits, and just does not.
#[test]
fn guide_at_its_limits() {
    let mut random = Random(5);
    for crowd in [30_000usize, 32_764, 32_766, 32_767, 32_768, 32_769, 32_770, 40_000, 70_000] {
        for at in [0u32, 0x7fff_ffff, 0xffff_ff00] {
            let mut points: Vec<(u32, u16)> = (0..crowd)
                .map(|number| {
                    (
                        at + u32::try_from(number % 251).unwrap(),
                        u16::try_from(number % 65_536).unwrap(),
                    )
                })
                .collect();
            for _ in 0..20 {
                points.push(point(&mut random, 0));
            }
            let storage: Vec<Point> =
                points.iter().map(|&(at, owner)| Point::new(at, NodeIndex::new(owner))).collect();
            let ring = Ring::from_points(storage).unwrap();
            points.sort_unstable();
            let probes = (0..500).map(|_| point(&mut random, 0).0);
            let near = (0..300).map(|offset| at.wrapping_sub(20).wrapping_add(offset));
            for position in probes.chain(near).chain([0, u32::MAX]) {
                let index = points.partition_point(|point| point.0 < position);
                let expected = points.get(index).or(points.first()).map(|p| NodeIndex::new(p.1));
                let found = ring.owner_by_hash(u64::from(position) << 32);
                assert_eq!(found, expected, "{crowd} points at {at:#x}, position {position:#x}");
            }
        }
    }
}

/// Crowds of about each power of two, and of one and a half: each has a search of its own.
#[test]
fn crowds_at_powers_of_two() {
    let mut random = Random(8);
    for power in 2..=20 {
        for count in [(1u32 << power) - 1, 1 << power, 3 << (power - 1)] {
            let at = |number: u32| 0x4000_0000 + number * 5;
            let owner = |number: u32| NodeIndex::new(u16::try_from(number % 65_536).unwrap());
            let storage: Vec<Point> =
                (0..count).map(|number| Point::new(at(number), owner(number))).collect();
            let ring = Ring::from_points(storage).unwrap();
            let anywhere = (0..300).map(|_| u32::try_from(random.below(count as usize)).unwrap());
            let probes: Vec<u32> = anywhere.chain([0, 1, count / 2, count - 1]).collect();
            for number in probes {
                for position in [at(number) - 4, at(number) - 1, at(number)] {
                    let found = ring.owner_by_hash(u64::from(position) << 32);
                    assert_eq!(found, Some(owner(number)), "{count} points, {position:#x}");
                }
            }
            let past = u64::from(at(count - 1) + 1) << 32;
            assert_eq!(ring.owner_by_hash(past), Some(owner(0)), "{count} points");
            assert_eq!(ring.owner_by_hash(0), Some(owner(0)), "{count} points");
        }
    }
}

/// Every fraction of the points crowded into ever smaller arcs.
#[test]
fn crowds_of_every_size() {
    let mut random = Random(6);
    for bits in 0..=32 {
        for count in [5, 100, 3_000] {
            let half: Vec<(u32, u16)> = (0..count)
                .map(|number| point(&mut random, if number % 2 == 0 { bits } else { 0 }))
                .collect();
            check(&half, 7);
        }
    }
}

/// A random point whose position has that many leading zeros at least.
fn point(random: &mut Random, zeros: u32) -> (u32, u16) {
    let word = random.next_u64();
    let position = u32::try_from(word >> 32).unwrap();
    (position.checked_shr(zeros).unwrap_or(0), u16::try_from(word & 0xffff).unwrap())
}
