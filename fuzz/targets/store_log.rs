//! Logs of the embedded store, whole, damaged and made up: an error that names a byte, or exactly
//! the records as of one of the entries that were written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway_cluster::{ConfigRecord, NodeRecord, Record, RecordKey, Snapshot, Transaction};
use ringway_store::fuzzing::{Log, Opened, open};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// As they are.
    Bytes(&'a [u8]),
    /// A log that was written, and what happened to it.
    Written { first: Vec<Write<'a>>, entries: Vec<Vec<Write<'a>>>, damage: Damage },
}

#[derive(Arbitrary, Debug)]
struct Write<'a> {
    kind: u8,
    number: u8,
    text: &'a str,
}

#[derive(Arbitrary, Debug)]
enum Damage {
    None,
    Cut(u16),
    /// Cut, and then zeros: blocks that were given to the file and never written.
    CutZeros(u16, u8),
    Flip(u16, u8),
    Zeros(u16, u8),
    Insert(u16, u8),
    Remove(u16, u8),
    /// A piece stands twice.
    Repeat(u16, u8),
}

impl Write<'_> {
    fn transaction(&self, snapshot: &Snapshot) -> Transaction {
        let number = u64::from(self.number % 8);
        let text = self.text.to_owned();
        let (key, record) = match self.kind % 6 {
            0 => {
                let accept_loss = self.number & 16 != 0;
                let config = ConfigRecord { toml: text.clone(), reason: text, accept_loss };
                (RecordKey::Config(number), Some(Record::Config(config)))
            }
            1 => {
                let level = (self.number & 16 != 0).then_some(self.number % 4);
                let address = text.clone();
                let node = NodeRecord { address, control: text, incarnation: None, level };
                (RecordKey::Node(format!("n{number}")), Some(Record::Node(node)))
            }
            2 => (RecordKey::Paused, Some(Record::Paused(text))),
            3 => (RecordKey::Log(number), Some(Record::Log(text))),
            4 => (RecordKey::Paused, None),
            _ => (RecordKey::Node(format!("n{number}")), None),
        };
        let revision = snapshot.records.get(&key).map(|(revision, _)| *revision);
        Transaction { expect: vec![(key.clone(), revision)], writes: vec![(key, record)] }
    }
}

fuzz_target!(|input: Input<'_>| {
    let (first, entries, damage) = match input {
        Input::Bytes(bytes) => return drop(open(bytes)),
        Input::Written { first, entries, damage } => (first, entries, damage),
    };
    let mut begin = Log::default();
    begin.append(first.iter().map(|write| write.transaction(&Snapshot::default())).collect());
    let (_, snapshot) = begin.states.pop().expect("the empty one at least");
    let mut log = Log::new(snapshot);
    for entry in entries {
        let (_, snapshot) = log.states.last().expect("the snapshot");
        log.append(entry.iter().map(|write| write.transaction(snapshot)).collect());
    }
    check(&log, &damage);
});

fn check(log: &Log, damage: &Damage) {
    let written = &log.bytes;
    let len = written.len();
    let mut bytes = written.clone();
    let at = |place: u16| usize::from(place) % len;
    match *damage {
        Damage::None => {}
        Damage::Cut(place) => bytes.truncate(at(place)),
        Damage::CutZeros(place, zeros) => {
            bytes.truncate(at(place));
            bytes.resize(bytes.len() + usize::from(zeros), 0);
        }
        Damage::Flip(place, bit) => bytes[at(place)] ^= 1 << (bit % 8),
        Damage::Zeros(place, count) => {
            let end = (at(place) + usize::from(count)).min(len);
            bytes[at(place)..end].fill(0);
        }
        Damage::Insert(place, byte) => bytes.insert(at(place), byte),
        Damage::Remove(place, count) => {
            let end = (at(place) + usize::from(count)).min(len);
            bytes.drain(at(place)..end);
        }
        Damage::Repeat(place, count) => {
            let end = (at(place) + usize::from(count)).min(len);
            let piece = bytes[at(place)..end].to_vec();
            bytes.splice(end..end, piece);
        }
    }
    let same = bytes.iter().zip(written).take_while(|(one, other)| one == other).count();
    let whole = bytes == *written;
    match open(&bytes) {
        Opened::Sound(snapshot, sound) => {
            let state = log.states.iter().find(|(end, _)| *end == sound);
            let (end, known) = state.expect("what is sound ends with an entry that was written");
            assert_eq!(snapshot, *known, "only what was written is read");
            // All entries that are whole in the file are there, up to what was changed.
            let most = log.states.iter().rev().find(|(end, _)| *end <= same);
            assert_eq!(most.map(|(end, _)| end), Some(end), "no whole entry is cut off");
            let may_be_torn = matches!(
                damage,
                Damage::Cut(_) | Damage::CutZeros(..) | Damage::Zeros(..) | Damage::Remove(..)
            );
            assert!(whole || may_be_torn || sound == len, "{damage:?} is no torn tail");
        }
        Opened::Damaged(offset, reason) => {
            assert!(!whole, "a sound log is refused: {reason}");
            assert!(offset <= bytes.len() && !reason.is_empty());
            if let Damage::Cut(place) = *damage {
                assert!(at(place) < log.states[0].0, "a torn tail is refused: {reason}");
            }
        }
        Opened::Version(_) => assert!(!whole),
    }
}
