//! Rows in memory: gone with the process, and so is the incarnation.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

use ringway_cluster::{FRAME_HEADER_BYTES, Holding, Holdings, Incarnation, Row, Tally};

use super::{
    Failure, Head, Logged, Look, NO_TABLES, RowReader, RowSnapshot, RowStore, RowTransaction,
    RowWriter, Work, key::TABLE,
};

type Key = (u64, Vec<u8>);

/// Rows in memory, for tests and for state that may be lost with the process.
#[derive(Debug)]
pub struct MemoryStore {
    name: String,
    incarnation: Incarnation,
    state: Arc<RwLock<State>>,
}

impl MemoryStore {
    /// An empty store of the node `name`, with an incarnation of its own.
    ///
    /// # Errors
    /// As a text, if the operating system gives no random numbers.
    pub fn new(name: &str) -> Result<Self, String> {
        Ok(Self::with_incarnation(name, random_incarnation()?))
    }

    /// An empty store of the node `name` and this incarnation, which nobody may have had before.
    ///
    /// For tests and recordings, where the same has to come out every time.
    #[must_use]
    pub fn with_incarnation(name: &str, incarnation: Incarnation) -> Self {
        Self { name: name.into(), incarnation, state: Arc::default() }
    }
}

/// 128 bits of the operating system.
pub(super) fn random_incarnation() -> Result<Incarnation, String> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(Incarnation::from_bits(u128::from_le_bytes(bits)))
}

impl RowStore for MemoryStore {
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure> {
        let (name, state) = (self.name.clone(), Arc::clone(&self.state));
        Ok(Box::new(Writer { name, incarnation: self.incarnation, state }))
    }

    fn reader(&self) -> Result<Box<dyn RowReader>, Failure> {
        Ok(Box::new(Reader { state: Arc::clone(&self.state) }))
    }
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Key, Stored>,
    /// When rows end, of those that do.
    ends: BTreeSet<(u64, Key)>,
    tombstones: BTreeMap<Key, u64>,
    log: BTreeMap<Key, u64>,
    holdings: BTreeMap<u64, Holding>,
}

impl State {
    /// Puts a row in its place, or nothing; what was there.
    fn set_row(&mut self, key: Key, row: Option<Stored>) -> Option<Stored> {
        if let Some(end) = row.as_ref().and_then(Stored::ends_ms) {
            self.ends.insert((end, key.clone()));
        }
        let is_same_end = |old: u64| row.as_ref().and_then(Stored::ends_ms) == Some(old);
        let old_end = self.rows.get(&key).and_then(Stored::ends_ms);
        if let Some(old_end) = old_end.filter(|old| !is_same_end(*old)) {
            self.ends.remove(&(old_end, key.clone()));
        }
        match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        }
    }
}

#[derive(Clone, Debug)]
struct Stored {
    head: Head,
    value: Vec<u8>,
}

impl Stored {
    const fn ends_ms(&self) -> Option<u64> {
        match self.head.expires_ms {
            0 => None,
            ends_ms => Some(ends_ms),
        }
    }
}

struct Writer {
    name: String,
    incarnation: Incarnation,
    state: Arc<RwLock<State>>,
}

impl RowWriter for Writer {
    fn load(&mut self) -> Result<Holdings, Failure> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let holdings = state.holdings.values().cloned();
        Ok(Holdings::new(self.name.clone(), self.incarnation, holdings))
    }

    /// Readers wait until `work` is done; what it did is undone if it fails.
    fn transact(&mut self, work: &mut Work<'_>) -> Result<(), Failure> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Changes { state: &mut state, undo: Vec::new(), part: 0 };
        let done = work(&mut changes);
        if done.is_err() {
            changes.roll_back(0);
        }
        done
    }
}

/// What was in a place before the transaction changed it.
enum Undo {
    Row(Key, Option<Stored>),
    Tombstone(Key, Option<u64>),
    Log(Key, Option<u64>),
    Holding(u64, Option<Holding>),
}

struct Changes<'a> {
    state: &'a mut State,
    undo: Vec<Undo>,
    /// Where the part begins that can be undone by itself.
    part: usize,
}

impl Changes<'_> {
    fn roll_back(&mut self, begin: usize) {
        let state = &mut *self.state;
        for undo in self.undo.drain(begin..).rev() {
            match undo {
                Undo::Row(key, old) => {
                    state.set_row(key, old);
                }
                Undo::Tombstone(key, old) => set(&mut state.tombstones, key, old),
                Undo::Log(key, old) => set(&mut state.log, key, old),
                Undo::Holding(lo, old) => set(&mut state.holdings, lo, old),
            }
        }
    }
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

fn keys_of<V>(map: &BTreeMap<Key, V>, lo: u64, hi: u64, max: usize) -> Vec<Key> {
    run(map, lo, hi, None).map(|(key, _)| key.clone()).take(max).collect()
}

/// The entries of `[lo, hi]`, those above `after` only.
fn run<'a, V>(
    map: &'a BTreeMap<Key, V>,
    lo: u64,
    hi: u64,
    after: Option<(u64, &[u8])>,
) -> impl Iterator<Item = (&'a Key, &'a V)> {
    let first = match after {
        Some((position, key)) => Bound::Excluded((position, key.to_vec())),
        None => Bound::Included((lo, Vec::new())),
    };
    map.range((first, Bound::Unbounded)).take_while(move |((position, _), _)| *position <= hi)
}

impl RowTransaction for Changes<'_> {
    fn head(&mut self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
        Ok(self.state.rows.get(&(position, key.to_vec())).map(|stored| stored.head))
    }

    fn row(&mut self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
        RowSnapshot::row(self.state, position, key)
    }

    fn count_keys(&mut self, position: u64, prefix: &[u8], most: u64) -> Result<u64, Failure> {
        let first = (position, prefix.to_vec());
        let is_one = |key: &Key| key.0 == position && key.1.starts_with(prefix);
        let keys = self.state.rows.range(first..).take_while(|(key, _)| is_one(key));
        Ok(keys.zip(0..most).count() as u64)
    }

    fn ended(
        &mut self,
        lo: u64,
        hi: u64,
        now_ms: u64,
        rows_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let ended = self.state.ends.iter().take_while(|(end, _)| *end <= now_ms);
        let inside = ended.filter(|(_, (position, _))| (lo..=hi).contains(position));
        Ok(inside.take(rows_max).map(|(_, key)| key.clone()).collect())
    }

    fn put(&mut self, row: &Row, digest: u128) -> Result<(), Failure> {
        if row.key.first() == Some(&TABLE) {
            return Err(Failure::NotExecuted(NO_TABLES.into()));
        }
        let key = (row.position, row.key.clone());
        let value = row.value.clone().unwrap_or_default();
        let head = Head {
            version: row.version,
            expires_ms: row.expires_ms,
            digest,
            value_len: value.len() as u64,
        };
        let old = self.state.set_row(key.clone(), Some(Stored { head, value }));
        self.undo.push(Undo::Row(key, old));
        Ok(())
    }

    fn remove(&mut self, position: u64, key: &[u8]) -> Result<(), Failure> {
        let key = (position, key.to_vec());
        let old = self.state.set_row(key.clone(), None);
        self.undo.push(Undo::Row(key, old));
        Ok(())
    }

    fn tombstone(&mut self, position: u64, key: &[u8]) -> Result<Option<u64>, Failure> {
        Ok(self.state.tombstones.get(&(position, key.to_vec())).copied())
    }

    fn bury(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let key = (position, key.to_vec());
        let old = self.state.tombstones.insert(key.clone(), version);
        self.undo.push(Undo::Tombstone(key, old));
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        for key in keys_of(&self.state.tombstones, lo, hi, usize::MAX) {
            let old = self.state.tombstones.remove(&key);
            self.undo.push(Undo::Tombstone(key, old));
        }
        Ok(())
    }

    fn log(&mut self, position: u64, key: &[u8], version: u64) -> Result<(), Failure> {
        let key = (position, key.to_vec());
        let old = self.state.log.insert(key.clone(), version);
        self.undo.push(Undo::Log(key, old));
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Failure> {
        for key in keys_of(&self.state.log, lo, hi, usize::MAX) {
            let old = self.state.log.remove(&key);
            self.undo.push(Undo::Log(key, old));
        }
        Ok(())
    }

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        run(&self.state.rows, lo, hi, None).for_each(|(_, stored)| tally.add(stored.head.digest));
        Ok(tally)
    }

    fn delete_some(&mut self, lo: u64, hi: u64, rows_max: u64) -> Result<u64, Failure> {
        let max = usize::try_from(rows_max).unwrap_or(usize::MAX);
        let keys = keys_of(&self.state.rows, lo, hi, max);
        let deleted = keys.len() as u64;
        for key in keys {
            let old = self.state.set_row(key.clone(), None);
            self.undo.push(Undo::Row(key, old));
        }
        Ok(deleted)
    }

    fn begin_part(&mut self) -> Result<(), Failure> {
        self.part = self.undo.len();
        Ok(())
    }

    fn end_part(&mut self, is_kept: bool) -> Result<(), Failure> {
        if !is_kept {
            self.roll_back(self.part);
        }
        Ok(())
    }

    fn save(&mut self, gone: &[u64], new: &[Holding]) -> Result<(), Failure> {
        for lo in gone {
            let old = self.state.holdings.remove(lo);
            self.undo.push(Undo::Holding(*lo, old));
        }
        for holding in new {
            let old = self.state.holdings.insert(holding.lo, holding.clone());
            self.undo.push(Undo::Holding(holding.lo, old));
        }
        Ok(())
    }
}

struct Reader {
    state: Arc<RwLock<State>>,
}

impl RowReader for Reader {
    fn snapshot(&mut self, look: &mut Look<'_>) -> Result<(), Failure> {
        look(&*self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn row((position, key): &Key, stored: &Stored) -> Row {
    Row {
        position: *position,
        key: key.clone(),
        value: Some(stored.value.clone()),
        version: stored.head.version,
        expires_ms: stored.head.expires_ms,
    }
}

impl RowSnapshot for State {
    fn holding(&self, position: u64) -> Result<Option<Holding>, Failure> {
        let below = self.holdings.range(..=position).next_back();
        Ok(below.map(|(_, holding)| holding.clone()).filter(|holding| holding.hi >= position))
    }

    fn head(&self, position: u64, key: &[u8]) -> Result<Option<Head>, Failure> {
        Ok(self.rows.get(&(position, key.to_vec())).map(|stored| stored.head))
    }

    fn row(&self, position: u64, key: &[u8]) -> Result<Option<Row>, Failure> {
        Ok(self.rows.get_key_value(&(position, key.to_vec())).map(|(key, stored)| row(key, stored)))
    }

    fn rows(
        &self,
        lo: u64,
        hi: u64,
        after: Option<(u64, &[u8])>,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), Failure> {
        run(&self.rows, lo, hi, after).map(|(key, stored)| row(key, stored)).all(each);
        Ok(())
    }

    fn ended(&self, now_ms: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), Failure> {
        let ended = self.ends.iter().take_while(|(end, _)| *end <= now_ms);
        ended.map(|(_, (position, key))| (*position, key)).all(|(at, key)| each(at, key));
        Ok(())
    }

    fn sizes(&self, lo: u64, hi: u64, each: &mut dyn FnMut(u64, u64)) -> Result<(), Failure> {
        for ((position, key), stored) in run(&self.rows, lo, hi, None) {
            let bytes = FRAME_HEADER_BYTES + key.len() + stored.value.len();
            each(*position, bytes as u64);
        }
        Ok(())
    }

    fn log(&self, lo: u64, hi: u64, since: u64) -> Result<Vec<Logged>, Failure> {
        let mut entries: Vec<Logged> = run(&self.log, lo, hi, None)
            .filter(|(_, version)| **version > since)
            .map(|((position, key), version)| Logged {
                version: *version,
                position: *position,
                key: key.clone(),
            })
            .collect();
        entries.sort_by_key(|entry| entry.version);
        Ok(entries)
    }
}
