//! The log on the disk: what is written is found again, what is spoiled is never taken for sound.

mod support;

use std::{fs, path::Path};

use proptest::prelude::*;
use ringway_cluster::{CommitError, MapStore as _, Record, Snapshot, Transaction};
use ringway_store::{EmbeddedOptions, EmbeddedStore, MemoryStore, OpenError, TornTail};
use support::*;
use tempfile::TempDir;

/// Compacts as often as possible.
const OFTEN: EmbeddedOptions = EmbeddedOptions { compact_bytes_min: 200 };

fn bytes(directory: &Path) -> Vec<u8> {
    fs::read(directory.join("map.log")).expect("the log")
}

fn write(directory: &Path, bytes: &[u8]) {
    fs::write(directory.join("map.log"), bytes).expect("the log can be written");
}

/// A closed store with a snapshot of two records and three entries, and what it held after each.
fn small() -> (TempDir, Vec<u8>, Vec<(usize, Snapshot)>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let store = EmbeddedStore::open_with(path, OFTEN).expect("a new store");
    commit(&store, put(vec![("cfg/1", Some(config("layout = \"x\""))), ("log/7", Some(log("a")))]));
    commit(&store, put(vec![("cfg/1", Some(config(&"y".repeat(200))))]));
    commit(&store, put(vec![("cfg/1", Some(config("z  @ z")))]));
    while store.status().compactions == 0 {
        commit(&store, put(vec![("log/7", Some(log("again and again")))]));
    }
    drop(store);
    let store = open(path);
    let mut steps = vec![(bytes(path).len(), read(&store))];
    for transaction in [
        put(vec![("log/8", Some(log("first \"@ é"))), ("log/7", None)]),
        put(vec![("node/a b", Some(node("h:1")))]),
        put(vec![("log/9", Some(log("last @")))]),
    ] {
        commit(&store, transaction);
        steps.push((bytes(path).len(), read(&store)));
    }
    drop(store);
    let bytes = bytes(path);
    (directory, bytes, steps)
}

#[test]
fn a_new_store_is_empty_and_its_directory_is_made() {
    let parent = tempfile::tempdir().expect("a directory");
    let path = parent.path().join("a/b/c");
    let store = open(&path);
    assert_eq!(read(&store), Snapshot::default());
    assert_eq!((store.opened().revision, store.opened().torn), (0, None));
    assert_eq!(commit(&store, put(vec![("log/1", Some(log("x")))])), 1);
    drop(store);
    let store = open(&path);
    assert_eq!((store.opened().revision, store.opened().records), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random transactions, right and wrong, with the store opened again now and then: it agrees
    /// with the store in memory in every answer and every record.
    #[test]
    fn replay_gives_what_was_committed(
        steps in prop::collection::vec(
            (prop::collection::vec((0_u64..6, prop::option::of(".{0,40}"), any::<bool>()), 0..5), 0_u8..8),
            1..40,
        ),
        compact_bytes_min in prop::sample::select(vec![1_u64, 300, 1 << 20]),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let options = EmbeddedOptions { compact_bytes_min };
        let model = MemoryStore::default();
        let mut store = Some(EmbeddedStore::open_with(directory.path(), options).expect("a store"));
        for (writes, reopen) in steps {
            let present = read(&model);
            let mut transaction = Transaction::default();
            for (number, text, right) in writes {
                let key = key(&format!("log/{number}"));
                let revision = present.records.get(&key).map(|(revision, _)| *revision);
                let expected = if right { revision } else { Some(revision.unwrap_or(0) + 1) };
                transaction.expect.push((key.clone(), expected));
                transaction.writes.push((key, text.map(Record::Log)));
            }
            let open = store.take().expect("an open store");
            let expected = block_on(model.commit(transaction.clone()));
            prop_assert_eq!(block_on(open.commit(transaction)), expected);
            prop_assert_eq!(read(&open), read(&model));
            store = Some(if reopen == 0 {
                drop(open);
                let open = EmbeddedStore::open_with(directory.path(), options).expect("sound");
                prop_assert_eq!(read(&open), read(&model));
                open
            } else {
                open
            });
        }
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut() {
    let (directory, whole, steps) = small();
    for (index, pair) in steps.windows(2).enumerate() {
        let [(sound, before), (end, _)] = pair else { unreachable!("windows of two") };
        for cut in *sound..*end {
            // Cut short; or grown to its full length by zeros that stand for bytes not written.
            for zeros in [0, 1, end - cut, 5_000] {
                let mut torn = whole[..cut].to_vec();
                torn.resize(cut + zeros, 0);
                write(directory.path(), &torn);
                let store = open(directory.path());
                assert_eq!(read(&store), *before, "entry {index}, cut at {cut}, {zeros} zeros");
                let bytes = u64::try_from(torn.len() - sound).expect("small");
                let offset = u64::try_from(*sound).expect("small");
                let expected = (bytes > 0).then_some(TornTail { offset, bytes });
                assert_eq!(store.opened().torn, expected);
                drop(store);
                assert_eq!(bytes_len(directory.path()), *sound);
            }
        }
    }
}

fn bytes_len(directory: &Path) -> usize {
    bytes(directory).len()
}

#[test]
fn a_store_goes_on_after_a_torn_tail() {
    let (directory, whole, steps) = small();
    write(directory.path(), &whole[..whole.len() - 1]);
    let store = open(directory.path());
    let revision = steps[2].1.revision + 1;
    assert_eq!(commit(&store, put(vec![("log/9", Some(log("other")))])), revision);
    let expected = read(&store);
    drop(store);
    assert_eq!(contents(directory.path()), expected);
}

#[test]
fn no_changed_bit_goes_unseen() {
    let (directory, whole, steps) = small();
    // As it was closed; and with the beginning of a further entry that a crash left.
    for tail in ["", "00000040 0123456789abcdef {\"first\":"] {
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                flipped.extend_from_slice(tail.as_bytes());
                write(directory.path(), &flipped);
                match open_error(directory.path()) {
                    OpenError::Damaged { offset, .. } => {
                        let offset = usize::try_from(offset).expect("small");
                        assert!(offset <= at, "byte {at} bit {bit}: said to be at {offset}");
                        let entry = steps.iter().rev().find(|(begin, _)| *begin <= at);
                        let begin = entry.map_or(0, |(begin, _)| *begin);
                        assert!(offset >= begin || begin == 0, "byte {at}: {offset}");
                    }
                    other => panic!("byte {at} bit {bit}: {other}"),
                }
                assert_eq!(bytes(directory.path()), flipped, "a damaged log is left as it is");
            }
        }
    }
}

#[test]
fn a_snapshot_cut_anywhere_is_damage() {
    let (directory, whole, _) = small();
    let snapshot_bytes = open(directory.path()).status().snapshot_bytes;
    for cut in 0..usize::try_from(snapshot_bytes).expect("small") {
        for zeros in [0, 64] {
            let mut short = whole[..cut].to_vec();
            short.resize(cut + zeros, 0);
            write(directory.path(), &short);
            let error = open_error(directory.path());
            assert!(matches!(error, OpenError::Damaged { .. }), "{cut}: {error}");
        }
    }
}

#[test]
fn holes_gaps_and_foreign_lines_are_damage() {
    let (directory, whole, steps) = small();
    let [snapshot, first, second, third] = [0, 1, 2, 3].map(|index| steps[index].0);
    let hole = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        bytes
    };
    let without = |from: usize, to: usize| [&whole[..from], &whole[to..]].concat();
    let appended = |tail: &[u8]| [&whole, tail].concat();
    for (what, bytes) in [
        ("a hole over an entry", hole(first, second)),
        ("a hole over the end of an entry", hole(second - 5, second)),
        ("a hole over the beginning of the last entry", hole(second, second + 20)),
        ("a hole inside the last entry", hole(second + 30, second + 35)),
        ("an entry is missing", without(first, second)),
        ("the first entry is missing", without(snapshot, first)),
        ("an entry twice", appended(&whole[second..third])),
        ("an older entry again", appended(&whole[first..second])),
        ("text", appended(b"hello\n")),
        ("text without a line break", appended(b"hello")),
        ("a line break", appended(b"\n")),
        ("zeros, then an entry", appended(&[&[0; 50], &whole[second..third]].concat())),
        ("another log", appended(&whole)),
    ] {
        write(directory.path(), &bytes);
        let error = open_error(directory.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
    }
    write(directory.path(), &hole(first, second));
    let text = open_error(directory.path()).to_string();
    assert!(text.contains("map.log: damaged at byte"), "{text}");
    assert!(text.contains("restore the file from a backup"), "{text}");
}

#[test]
fn other_files_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for other in ["", "\n", "SQLite format 3\0", "layout = \"ringway-v1\"\n"] {
        write(directory.path(), other.as_bytes());
        let error = open_error(directory.path()).to_string();
        assert!(error.contains("byte 0: the first line is not that of a map log"), "{error}");
    }
    // The checksum is the one that any XXH3 gives for this length and text.
    let json = r#"{"format":"ringway-map-log","version":2,"revision":0,"records":0}"#;
    let len = format!("{:08x}", json.len());
    let sum = xxhash_rust::xxh3::xxh3_64(format!("{len}{json}").as_bytes());
    write(directory.path(), format!("{len} {sum:016x} {json}\n").as_bytes());
    let error = open_error(directory.path()).to_string();
    assert!(error.contains("format version 2"), "{error}");
    fs::remove_file(directory.path().join("map.log")).expect("it is there");
    fs::create_dir(directory.path().join("map.log")).expect("a directory in its place");
    assert!(matches!(open_error(directory.path()), OpenError::Io { .. }));
}

#[test]
fn a_crash_while_the_log_is_replaced_leaves_a_readable_store() {
    let (directory, whole, steps) = small();
    let path = directory.path();
    let expected = steps[3].1.clone();
    // What a snapshot of this very state looks like: what a finished replacement leaves.
    let store = EmbeddedStore::open_with(path, EmbeddedOptions { compact_bytes_min: 0 });
    let store = store.expect("sound");
    while store.status().compactions == 0 {
        commit(&store, put(vec![("log/9", Some(log("last @")))]));
    }
    drop(store);
    let (snapshot, compacted) = (bytes(path), contents(path));
    for cut in [0, 1, snapshot.len() / 2, snapshot.len() - 1, snapshot.len()] {
        // Killed before the rename: the old log counts, whatever lies beside it.
        write(path, &whole);
        fs::write(path.join("map.log.new"), &snapshot[..cut]).expect("written");
        assert_eq!(contents(path), expected);
        assert!(!path.join("map.log.new").exists());
    }
    // Killed after the rename.
    write(path, &snapshot);
    assert_eq!(contents(path), compacted);
}

#[test]
fn compaction_keeps_everything_and_the_log_short() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = EmbeddedOptions { compact_bytes_min: 2_000 };
    let store = EmbeddedStore::open_with(directory.path(), options).expect("a store");
    for round in 0..300 {
        let name = format!("log/{}", round % 3);
        commit(&store, put(vec![(&name, Some(log(&round.to_string())))]));
    }
    let (status, expected) = (store.status(), read(&store));
    assert!(status.compactions >= 5, "{status:?}");
    assert!(status.log_bytes < 4_000, "{status:?}");
    assert_eq!(expected.revision, 300);
    drop(store);
    assert_eq!(u64::try_from(bytes_len(directory.path())).ok(), Some(status.log_bytes));
    assert_eq!(contents(directory.path()), expected);
}

#[test]
fn a_log_that_cannot_be_replaced_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open_with(directory.path(), OFTEN).expect("a store");
    // A directory where the new log would be written.
    fs::create_dir(directory.path().join("map.log.new")).expect("a directory");
    for round in 0..20 {
        commit(&store, put(vec![("log/1", Some(log(&round.to_string())))]));
    }
    let status = store.status();
    assert_eq!((status.compactions, status.stopped), (0, None));
    assert!(status.compaction_error.is_some());
    fs::remove_dir(directory.path().join("map.log.new")).expect("it is there");
    while store.status().compactions == 0 {
        commit(&store, put(vec![("log/1", Some(log("more")))]));
    }
    assert_eq!(store.status().compaction_error, None);
    let expected = read(&store);
    drop(store);
    assert_eq!(contents(directory.path()), expected);
}

#[test]
fn two_cannot_open_one_store() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let clone = store.clone();
    drop(store);
    let error = open_error(directory.path()).to_string();
    assert!(error.contains("another proxy runs on this store"), "{error}");
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.contains(&directory.path().display().to_string()), "{error}");
    commit(&clone, put(vec![("log/1", Some(log("still works")))]));
    drop(clone);
    assert_eq!(contents(directory.path()).revision, 1);
}

#[test]
fn limits_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let large = log(&"x".repeat(ringway_store::RECORD_BYTES_MAX));
    match block_on(store.commit(put(vec![("log/1", Some(large))]))) {
        Err(CommitError::Refused(reason)) => {
            assert_eq!(reason, "log/1 in bytes would be 16777218; at most 16777216");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&store), Snapshot::default());
}
