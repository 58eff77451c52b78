//! The rows of a stranger's node.

use std::{collections::BTreeMap, convert::Infallible};

use ringway_cluster::{Row, Rows, Tally};

use super::Fault;

pub(super) type Key = (u64, Vec<u8>);

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: BTreeMap<Key, Row>,
    pub(super) tombstones: BTreeMap<Key, u64>,
    pub(super) log: BTreeMap<Key, u64>,
    pub(super) fault: Fault,
}

impl Table {
    pub(super) fn of(&self, lo: u64, hi: u64) -> Vec<Row> {
        self.rows.values().filter(|row| row.position >= lo && row.position <= hi).cloned().collect()
    }
}

impl Rows for Table {
    type Error = Infallible;

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Infallible> {
        let mut tally = Tally::default();
        self.of(lo, hi).iter().for_each(|row| tally.add(row.digest()));
        Ok(tally)
    }

    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        if self.fault == Fault::KeepsOldRows {
            return Ok(());
        }
        self.rows.retain(|(position, _), _| *position < lo || *position > hi);
        self.forget_tombstones(lo, hi)
    }

    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Infallible> {
        let key = (row.position, row.key.clone());
        let old = self.rows.get(&key).map(|row| (row.version, row.digest()));
        let buried = self.tombstones.get(&key).copied();
        let newest = old.map(|(version, _)| version).max(buried);
        if newest.is_some_and(|newest| newest >= row.version) {
            return Ok(());
        }
        if let Some((_, digest)) = old {
            tally.remove(digest);
        }
        if row.value.is_some() {
            tally.add(row.digest());
            self.rows.insert(key, row.clone());
        } else {
            self.rows.remove(&key);
            if self.fault != Fault::LosesTombstones {
                self.tombstones.insert(key, row.version);
            }
        }
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.tombstones.retain(|(position, _), _| *position < lo || *position > hi);
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.log.retain(|(position, _), _| *position < lo || *position > hi);
        Ok(())
    }
}
