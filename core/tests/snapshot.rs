//! Snapshots: both ways for any table, and whatever is changed in the bytes.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    alloc::{GlobalAlloc, Layout as Memory, System},
    cell::Cell,
};

use proptest::prelude::*;
use ringway::{HashTag, Layout, Node, SnapshotError, State, Table, key_hash};

/// Notes the largest piece of memory that this thread asks for.
struct Noting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator, which keeps the trait's promises.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(memory.size())));
        // SAFETY: the caller keeps `alloc`'s conditions.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        // SAFETY: the caller keeps `dealloc`'s conditions, and the pointer came from `System`.
        unsafe { System.dealloc(pointer, memory) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

type Row = (Vec<u8>, u32, Option<Vec<u8>>, u8);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = || proptest::collection::vec(any::<u8>(), 1..20);
    let row = (text(), 0..4u32, proptest::option::of(text()), 0..3u8);
    proptest::collection::vec(row, 0..12).prop_map(|mut rows| {
        let mut seen = std::collections::HashSet::new();
        rows.retain(|row| seen.insert(row.0.clone()));
        rows
    })
}

fn table(vnodes: u32, tagged: bool, rows: &[Row]) -> Table {
    let hash_tag = tagged.then(|| HashTag::new(b'{', b'}').unwrap());
    let nodes: Vec<Node<'_>> = rows
        .iter()
        .map(|(name, weight, zone, state)| {
            let state = [State::Up, State::Down, State::Drain][usize::from(*state)];
            let node = Node::from_bytes(name).with_weight(*weight).with_state(state);
            zone.as_ref().map_or(node, |zone| node.with_zone(zone))
        })
        .collect();
    Table::new(&Layout::RingwayV1 { vnodes, hash_tag }, &nodes).unwrap()
}

fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let content = bytes.len() - 8;
    let sum = key_hash(&bytes[..content]).to_le_bytes();
    bytes[content..].copy_from_slice(&sum);
    bytes
}

proptest! {
    #[test]
    fn tables_come_back(rows in rows(), vnodes in 1..200u32, tagged: bool) {
        let table = table(vnodes, tagged, &rows);
        let bytes = table.to_bytes();
        let again = Table::from_bytes(&bytes).unwrap();
        prop_assert!(again.nodes().eq(table.nodes()));
        prop_assert_eq!(again.layout(), table.layout());
        prop_assert_eq!(again.to_bytes(), bytes);
        prop_assert_eq!(again.fingerprint(), table.fingerprint());
        for key in 0..50u32 {
            prop_assert_eq!(again.owner(&key.to_le_bytes()), table.owner(&key.to_le_bytes()));
        }
    }

    /// What is read is written the same again, however it came to be: there is one encoding.
    #[test]
    fn there_is_one_encoding(
        rows in rows(),
        vnodes in 150..170u32,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        let original = table(vnodes, true, &rows).to_bytes();
        let mut bytes = original.clone();
        for (place, byte, kind) in edits {
            let at = 8 + place.index(bytes.len() - 15);
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if bytes.len() > 20 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        let bytes = resealed(bytes);
        // A weight of many points would take its time: what is checked comes before.
        match Table::from_bytes(&bytes) {
            Ok(table) => prop_assert_eq!(table.to_bytes(), bytes),
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.name().is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_safe(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), head: bool) {
        if head {
            bytes.splice(0..0, *b"ringway\x01\x0a\0ringway-v1");
            bytes.extend([0; 8]);
            bytes = resealed(bytes);
        }
        if let Ok(table) = Table::from_bytes(&bytes) {
            prop_assert_eq!(table.to_bytes(), bytes);
        }
    }
}

#[test]
fn every_change_of_a_byte_and_every_cut_is_noticed() {
    let bytes = table(40, true, &[(b"db1".to_vec(), 2, Some(b"z".to_vec()), 1)]).to_bytes();
    for at in 0..bytes.len() {
        assert!(Table::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let error = Table::from_bytes(&changed).map(drop).unwrap_err();
            let expected = match at {
                0..7 => SnapshotError::NotASnapshot,
                7 => SnapshotError::UnknownVersion(1 ^ 1 << bit),
                _ => SnapshotError::BadChecksum,
            };
            assert_eq!(error, expected, "byte {at}, bit {bit}");
        }
    }
}

/// Whoever claims 65,536 nodes must bring their bytes.
#[test]
fn refusing_takes_no_more_memory_than_the_bytes() {
    for count in [1u32, 3, 1_000, 65_536, 65_537, u32::MAX] {
        let mut bytes = b"ringway\x01\x0a\0ringway-v1\0\0".to_vec();
        bytes.extend(count.to_le_bytes());
        bytes.extend([0; 30]);
        let bytes = resealed(bytes);
        LARGEST.with(|largest| largest.set(0));
        assert!(Table::from_bytes(&bytes).is_err(), "{count} nodes");
        let largest = LARGEST.with(Cell::get);
        assert!(largest <= 1_024, "{count} nodes: {largest} bytes at once for {}", bytes.len());
    }
}
