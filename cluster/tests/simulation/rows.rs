//! The rows of a node, in memory.

use std::{collections::BTreeMap, convert::Infallible};

use ringway_cluster::{Row, Tally};

/// The rows of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimRows {
    pub(crate) rows: BTreeMap<(u64, Vec<u8>), Row>,
    pub(crate) log: Vec<(u64, u64, Vec<u8>)>,
    /// A weakness: nothing is ever deleted as a whole.
    pub(crate) keep: bool,
}

impl SimRows {
    pub(crate) fn between(&self, lo: u64, hi: u64) -> Vec<(u64, Vec<u8>)> {
        let keys =
            self.rows.range((lo, Vec::new())..).take_while(|((position, _), _)| *position <= hi);
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// The row, if it is there and has not ended.
    pub(crate) fn alive(&self, position: u64, key: &[u8], now_ms: u64) -> Option<&Row> {
        let row = self.rows.get(&(position, key.to_vec()))?;
        (row.value.is_some() && !has_ended(row, now_ms)).then_some(row)
    }

    /// The rows of a run of positions that have ended.
    pub(crate) fn ended(&self, lo: u64, hi: u64, now_ms: u64) -> Vec<(u64, Vec<u8>)> {
        let mut keys = self.between(lo, hi);
        keys.retain(|key| has_ended(&self.rows[key], now_ms));
        keys
    }

    /// Where to cut a run of positions that holds many rows.
    pub(crate) fn cut(&self, lo: u64, hi: u64) -> Option<u64> {
        let keys = self.between(lo, hi);
        let (middle, _) = keys.get(keys.len() / 2).filter(|_| keys.len() > 3)?;
        (*middle > lo).then_some(*middle)
    }
}

const fn has_ended(row: &Row, now_ms: u64) -> bool {
    row.expires_ms != 0 && row.expires_ms <= now_ms
}

impl ringway_cluster::Rows for SimRows {
    type Error = Infallible;

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Infallible> {
        let mut tally = Tally::default();
        for key in self.between(lo, hi) {
            if self.rows[&key].value.is_some() {
                tally.add(self.rows[&key].digest());
            }
        }
        Ok(tally)
    }

    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        if self.keep {
            return Ok(());
        }
        for key in self.between(lo, hi) {
            self.rows.remove(&key);
        }
        Ok(())
    }

    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Infallible> {
        let key = (row.position, row.key.clone());
        match self.rows.get(&key) {
            Some(old) if old.version >= row.version => return Ok(()),
            Some(old) if old.value.is_some() => tally.remove(old.digest()),
            _ => {}
        }
        if row.value.is_some() {
            tally.add(row.digest());
        }
        self.rows.insert(key, row.clone());
        Ok(())
    }

    fn forget_tombstones(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.rows
            .retain(|(position, _), row| *position < lo || *position > hi || row.value.is_some());
        Ok(())
    }

    fn clear_log(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.log.retain(|(_, position, _)| *position < lo || *position > hi);
        Ok(())
    }
}
