//! Many lookups in one call answer as many calls do.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::Random;
use ringway::{NodeIndex, Placement, Point, Ring};

/// No call has this answer.
const UNTOUCHED: Option<NodeIndex> = Some(NodeIndex::new(u16::MAX));

/// Lengths around those of groups.
const LENGTHS: [usize; 14] = [0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 1_000];

/// Asks for so many owners with more places, and with fewer.
fn check_calls<T>(
    items: &[T],
    one: impl Fn(&T) -> Option<NodeIndex>,
    many: impl Fn(&[T], &mut [Option<NodeIndex>]) -> usize,
) {
    let expected: Vec<Option<NodeIndex>> = items.iter().map(one).collect();
    for length in LENGTHS.map(|length| length.min(items.len())) {
        let mut out = vec![UNTOUCHED; length + 3];
        assert_eq!(many(&items[..length], &mut out), length);
        assert_eq!(out[..length], expected[..length]);
        assert_eq!(out[length..], [UNTOUCHED; 3]);
        assert_eq!(many(items, &mut out[..length]), length);
        assert_eq!(out[..length], expected[..length]);
    }
}

fn hashes(seed: u64) -> Vec<u64> {
    let mut random = Random(seed);
    let ends = [0, 1, u64::MAX, u64::MAX - 1, 1 << 32, u64::MAX << 32, (1 << 32) - 1, 1 << 63];
    ends.into_iter().chain((0..1_500).map(|_| random.next_u64())).collect()
}

fn check_ring<S: AsRef<[Point]>>(ring: &Ring<S>, hashes: &[u64]) {
    let one = |&hash: &u64| ring.owner_by_hash(hash);
    check_calls(hashes, one, |hashes, out| ring.owner_many_by_hash(hashes, out));
    let keys: Vec<[u8; 8]> = hashes.iter().map(|hash| hash.to_le_bytes()).collect();
    check_calls(&keys, |key| ring.owner(key), |keys, out| ring.owner_many(keys, out));
}

/// Rings of few points and of many, spread and crowded, so that some windows have no answer.
#[test]
fn rings() {
    let mut random = Random(11);
    for count in [0, 1, 3, 4, 5, 1_600, 8_191, 8_192, 8_193, 40_000] {
        for crowd_bits in [0, 8, 20, 31] {
            let points: Vec<Point> = (0..count)
                .map(|number: u32| {
                    let position = u32::try_from(random.next_u64() >> 32).unwrap();
                    let shift = if number.is_multiple_of(2) { crowd_bits } else { 0 };
                    let owner = u16::try_from(number % 65_535).unwrap();
                    Point::new(position >> shift, NodeIndex::new(owner))
                })
                .collect();
            let ring = Ring::from_points(points.clone()).unwrap();
            let mut hashes = hashes(u64::from(count));
            for point in points.iter().step_by(1 + points.len() / 300) {
                let at = u64::from(point.position()) << 32;
                hashes.extend([
                    at.wrapping_sub(1),
                    at,
                    at + (1 << 32) - 1,
                    at.wrapping_add(1 << 32),
                ]);
            }
            check_ring(&ring, &hashes);
            check_ring(&ring.as_view(), &hashes);
        }
    }
}

#[cfg(feature = "alloc")]
mod tables {
    use proptest::prelude::*;
    use ringway::{Layout, Node, OptionValue, SipKey, Table};

    use super::*;
    use crate::common::{names, nodes};

    fn layout(name: &str) -> Layout {
        match name {
            "ringway-keyed-v1" => Layout::ringway_keyed_v1(SipKey::new([7; 16])),
            _ => Layout::from_name(name).unwrap(),
        }
    }

    fn check_table(table: &Table, keys: &[Vec<u8>]) {
        let many = |keys: &[Vec<u8>], out: &mut [Option<NodeIndex>]| table.owner_many(keys, out);
        check_calls(keys, |key| table.owner(key), many);
        let hashes: Vec<u64> = keys.iter().map(|key| table.key_hash(key).unwrap()).collect();
        let one = |&hash: &u64| table.owner_by_hash(hash);
        check_calls(&hashes, one, |hashes, out| table.owner_many_by_hash(hashes, out));
    }

    #[test]
    fn every_layout() {
        let keys: Vec<Vec<u8>> = (0..1_100).map(|n| format!("{{{n}}}:{}", n % 7).into()).collect();
        for name in Layout::names() {
            for count in [0, 1, 2, 5, 60, 300] {
                let names = names("node", count);
                for tagged in [false, true] {
                    let mut layout = layout(name);
                    if tagged {
                        layout = layout.with_option("hash_tag", OptionValue::Text("{}")).unwrap();
                    }
                    check_table(&Table::new(&layout, &nodes(&names)).unwrap(), &keys);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_keys_and_weights(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..300),
            weights in prop::collection::vec(0u32..4, 0..80),
        ) {
            let names = names("n", weights.len());
            for layout in [Layout::ringway_v1(), layout("maglev-v1"), layout("rendezvous-v1")] {
                let nodes: Vec<Node<'_>> = names
                    .iter()
                    .zip(&weights)
                    .map(|(name, &weight)| Node::new(name).with_weight(weight))
                    .collect();
                check_table(&Table::new(&layout, &nodes).unwrap(), &keys);
            }
        }
    }

    /// An iterator of keys is asked for no key that has no place.
    #[test]
    fn keys_without_a_place_are_left() {
        for count in [3, 300] {
            let names = names("node", count);
            for name in ["ringway-v1", "jump-v1", "maglev-v1"] {
                let table = Table::new(&layout(name), &nodes(&names)).unwrap();
                let mut keys = 0u32..;
                let mut out = [None; 70];
                let taken = keys.by_ref().map(u32::to_le_bytes);
                assert_eq!(table.owner_many(taken, &mut out), 70);
                assert_eq!(keys.next(), Some(70), "{name}");
            }
        }
    }
}
