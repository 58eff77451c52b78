//! What the lines of the log say, as JSON.

use std::collections::BTreeMap;

use ringway_cluster::{Record, RecordKey, Revision, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::line;

/// What the first line calls the file.
const FORMAT: &str = "ringway-map-log";
/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
    revision: Revision,
    records: usize,
}

/// A line of the snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<'j> {
    key: RecordKey,
    revision: Revision,
    #[serde(borrow)]
    record: &'j RawValue,
}

/// A line after the snapshot: transactions that reached the disk together.
#[derive(Debug, Deserialize)]
struct Batch<'j> {
    first: Revision,
    #[serde(borrow)]
    transactions: Vec<BTreeMap<RecordKey, Option<&'j RawValue>>>,
}

/// Why a file can't be replayed, and at which byte.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is of another version.
    Version(u32),
    /// From this byte on it is not what was written.
    Damage {
        /// Counts from the beginning of the file.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The records after the last sound line.
    pub(super) snapshot: Snapshot,
    /// The checksum of the last sound line.
    pub(super) chain: u64,
    /// How many bytes the first line and the snapshot have.
    pub(super) snapshot_bytes: usize,
    /// How many bytes are sound; what follows is a torn tail.
    pub(super) sound_bytes: usize,
}

/// The text of a whole file that holds `snapshot`, and the checksum of its last line.
pub(super) fn snapshot_text(snapshot: &Snapshot) -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    let head = Head {
        format: FORMAT.into(),
        version: VERSION,
        revision: snapshot.revision,
        records: snapshot.records.len(),
    };
    let mut chain = line::push(&mut out, 0, &json(&head));
    for (key, (revision, record)) in &snapshot.records {
        let record = RawValue::from_string(record.to_json()).expect("a record's text is JSON");
        let entry = Entry { key: key.clone(), revision: *revision, record: &record };
        chain = line::push(&mut out, chain, &json(&entry));
    }
    (out, chain)
}

/// The JSON text of transactions that reach the disk together.
#[derive(Debug, Default)]
pub(super) struct BatchText {
    text: String,
}

impl BatchText {
    /// Adds a transaction; `revision` is its own.
    pub(super) fn push(
        &mut self,
        revision: Revision,
        writes: &[(RecordKey, Option<(Record, String)>)],
    ) {
        if self.text.is_empty() {
            self.text = format!("{{\"first\":{revision},\"transactions\":[");
        } else {
            self.text.push(',');
        }
        let mut separator = '{';
        for (key, record) in writes {
            self.text.push(separator);
            self.text.push_str(&json(key));
            self.text.push(':');
            self.text.push_str(record.as_ref().map_or("null", |(_, text)| text));
            separator = ',';
        }
        self.text.push('}');
    }

    /// How many bytes there are by now.
    pub(super) const fn len(&self) -> usize {
        self.text.len()
    }

    /// The whole text; `None` without transactions.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.text.is_empty() {
            return None;
        }
        self.text.push_str("]}");
        Some(self.text)
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers, which JSON can hold")
}

/// Reads a whole file.
pub(super) fn replay(bytes: &[u8]) -> Result<Replayed, Fault> {
    let mut reader = Reader { bytes, rest: bytes, chain: 0 };
    let mut snapshot = reader.snapshot()?;
    let snapshot_bytes = reader.offset();
    while let Some(offset) = reader.begin() {
        let Some(json) = reader.line() else {
            if line::is_torn(reader.rest) {
                break;
            }
            let reason = "an entry does not match its length and checksum";
            return Err(Fault::Damage { offset, reason: reason.into() });
        };
        apply(&mut snapshot, json).map_err(|reason| Fault::Damage { offset, reason })?;
    }
    let sound_bytes = reader.offset();
    Ok(Replayed { snapshot, chain: reader.chain, snapshot_bytes, sound_bytes })
}

struct Reader<'b> {
    bytes: &'b [u8],
    rest: &'b [u8],
    chain: u64,
}

impl<'b> Reader<'b> {
    const fn offset(&self) -> usize {
        self.bytes.len() - self.rest.len()
    }

    /// The offset of the next line, if there is more.
    const fn begin(&self) -> Option<usize> {
        if self.rest.is_empty() { None } else { Some(self.offset()) }
    }

    fn line(&mut self) -> Option<&'b str> {
        let line = line::read(self.rest, self.chain)?;
        self.rest = line.rest;
        self.chain = line.chain;
        Some(line.json)
    }

    /// The first line and the snapshot: a file has them whole from its first moment on.
    fn snapshot(&mut self) -> Result<Snapshot, Fault> {
        let damage = |offset, reason: String| Fault::Damage { offset, reason };
        let not_ours = || damage(0, "the first line is not that of a map log".into());
        let head: Head =
            self.line().and_then(|json| serde_json::from_str(json).ok()).ok_or_else(not_ours)?;
        if head.format != FORMAT {
            return Err(not_ours());
        }
        if head.version != VERSION {
            return Err(Fault::Version(head.version));
        }
        let mut snapshot = Snapshot { revision: head.revision, ..Snapshot::default() };
        for number in 0..head.records {
            let offset = self.offset();
            let mut read = || -> Result<_, String> {
                let records = head.records;
                let json = self
                    .line()
                    .ok_or_else(|| format!("the snapshot's record {number} of {records} is bad"))?;
                let entry: Entry<'_> = serde_json::from_str(json).map_err(|e| e.to_string())?;
                if entry.revision > head.revision {
                    return Err(format!("{} is newer than the snapshot", entry.key));
                }
                let record = Record::from_json(&entry.key, entry.record.get())?;
                Ok((entry.key, (entry.revision, record)))
            };
            let (key, record) = read().map_err(|reason| damage(offset, reason))?;
            if let Some(key) = snapshot.records.insert(key.clone(), record).map(|_| key) {
                return Err(damage(offset, format!("{key} is in the snapshot twice")));
            }
        }
        Ok(snapshot)
    }
}

/// Applies the transactions of one line.
fn apply(snapshot: &mut Snapshot, json: &str) -> Result<(), String> {
    let batch: Batch<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if batch.first != snapshot.revision + 1 {
        let expected = snapshot.revision + 1;
        return Err(format!("revision {} where {expected} has to follow", batch.first));
    }
    for transaction in batch.transactions {
        snapshot.revision += 1;
        for (key, text) in transaction {
            match text {
                Some(text) => {
                    let record = Record::from_json(&key, text.get())?;
                    snapshot.records.insert(key, (snapshot.revision, record));
                }
                None => drop(snapshot.records.remove(&key)),
            }
        }
    }
    Ok(())
}
