//! Snapshots of arbitrary and of changed bytes: an error, or the table whose bytes they are.
#![no_main]

mod shared;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway::{SnapshotError, Table, key_hash};
use shared::{AnyTable, assert_same, rebuilt};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// As they are.
    Bytes(&'a [u8]),
    /// With the checksum that they should have.
    Sealed(&'a [u8]),
    /// A good snapshot, changed, with the checksum that it should have then.
    Changed(AnyTable<'a>, Vec<Change>),
}

#[derive(Arbitrary, Debug)]
enum Change {
    Set(u16, u8),
    Insert(u16, u8),
    Remove(u16, u8),
    Swap(u16, u16),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Bytes(bytes) => check(bytes),
        Input::Sealed(content) => {
            check(&sealed(content.to_vec()));
            check(&sealed([b"ringway\x01", content].concat()));
        }
        Input::Changed(table, changes) => {
            let Ok(table) = table.build() else { return };
            let bytes = table.to_bytes();
            assert_same(&Table::from_bytes(&bytes).expect("what was written is read"), &table);
            let (content, _) = bytes.split_last_chunk::<8>().expect("a checksum");
            let mut content = content.to_vec();
            for change in &changes {
                change.apply(&mut content);
            }
            check(&sealed(content.clone()));
            // Without the right checksum nothing is read.
            content.extend_from_slice(&[0x5a; 8]);
            if content != sealed(content[..content.len() - 8].to_vec()) {
                assert!(Table::from_bytes(&content).is_err());
            }
        }
    }
});

/// One encoding of a table: what is read is written again as it was, and is what it says.
fn check(bytes: &[u8]) {
    match Table::from_bytes(bytes) {
        Ok(table) => {
            assert_eq!(table.to_bytes(), bytes);
            assert_same(&table, &rebuilt(&table));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.name().is_empty());
            assert_eq!(
                error == SnapshotError::NotASnapshot,
                !bytes.starts_with(b"ringway"),
                "{error}"
            );
        }
    }
}

fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let sum = key_hash(&content).to_le_bytes();
    content.extend_from_slice(&sum);
    content
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        if len == 0 {
            return;
        }
        match *self {
            Self::Set(at, byte) => bytes[usize::from(at) % len] = byte,
            Self::Insert(at, byte) => bytes.insert(usize::from(at) % (len + 1), byte),
            Self::Remove(at, count) => {
                let at = usize::from(at) % len;
                bytes.drain(at..(at + usize::from(count)).min(len));
            }
            Self::Swap(one, other) => bytes.swap(usize::from(one) % len, usize::from(other) % len),
        }
    }
}
