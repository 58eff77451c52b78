//! What the fuzz targets reach of the embedded store: logs without files.

use ringway_cluster::{Snapshot, Transaction};

use super::{
    line,
    text::{BatchText, Fault, replay, snapshot_text},
};
use crate::ledger::Book;

/// A log that is being written, as bytes.
#[derive(Debug)]
pub struct Log {
    /// What a file would hold.
    pub bytes: Vec<u8>,
    /// Where the snapshot and each entry end, and what the store holds there.
    pub states: Vec<(usize, Snapshot)>,
    chain: u64,
    book: Book,
}

/// What opening a file gives.
#[derive(Debug)]
pub enum Opened {
    /// It opens, with these records; so many bytes are sound, and the rest is cut.
    Sound(Snapshot, usize),
    /// It does not open: at that byte something is wrong.
    Damaged(usize, String),
    /// It is of another version.
    Version(u32),
}

impl Default for Log {
    fn default() -> Self {
        Self::new(Snapshot::default())
    }
}

impl Log {
    /// A log that begins with a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let (bytes, chain) = snapshot_text(&snapshot);
        let states = vec![(bytes.len(), snapshot.clone())];
        Self { bytes, states, chain, book: Book::new(snapshot) }
    }

    /// Appends an entry of the transactions that pass every check.
    pub fn append(&mut self, transactions: Vec<Transaction>) {
        let mut batch = BatchText::default();
        for transaction in transactions {
            let Ok(checked) = self.book.check(transaction) else { continue };
            if !checked.writes.is_empty() {
                batch.push(self.book.snapshot().revision + 1, &checked.writes);
                self.book.apply(checked);
            }
        }
        if let Some(json) = batch.finish() {
            self.chain = line::push(&mut self.bytes, self.chain, &json);
            self.states.push((self.bytes.len(), self.book.snapshot().clone()));
        }
    }
}

/// Reads the bytes of a file as opening a store does.
#[must_use]
pub fn open(bytes: &[u8]) -> Opened {
    match replay(bytes) {
        Ok(replayed) => Opened::Sound(replayed.snapshot, replayed.sound_bytes),
        Err(Fault::Damage { offset, reason }) => Opened::Damaged(offset, reason),
        Err(Fault::Version(version)) => Opened::Version(version),
    }
}
