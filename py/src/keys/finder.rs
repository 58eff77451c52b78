//! From keys to the indices of their owners, a group at a time.

use pyo3::{exceptions::PyMemoryError, prelude::*};
use ringway::{NodeIndex, Table};

use super::{Kind, Sink};

/// The index of nobody, as pandas has it for what is missing.
pub(crate) const NOBODY: i32 = -1;

/// So many hashes go to core together.
const GROUP: usize = 256;

/// Finds the owners of the keys that it is given.
pub(crate) struct Finder<'a> {
    table: &'a Table,
    /// Not every program hashes the key alone, so there may be no hashes to begin with.
    has_hashes: bool,
    hashes: [u64; GROUP],
    waiting: usize,
    owners: Vec<i32>,
}

impl<'a> Finder<'a> {
    /// For about `len` keys.
    pub(crate) fn new(table: &'a Table, len: usize) -> PyResult<Self> {
        let mut owners = Vec::new();
        owners.try_reserve(len).map_err(|error| PyMemoryError::new_err(error.to_string()))?;
        let has_hashes = !table.layout().is_compat();
        Ok(Self { table, has_hashes, hashes: [0; GROUP], waiting: 0, owners })
    }

    /// A key's hash of 64 bits.
    #[inline]
    pub(crate) fn hash(&mut self, hash: u64) {
        if self.waiting == GROUP {
            self.flush();
        }
        self.hashes[self.waiting] = hash;
        self.waiting += 1;
    }

    /// The indices of the owners.
    pub(crate) fn into_owners(mut self) -> Vec<i32> {
        self.flush();
        self.owners
    }

    fn flush(&mut self) {
        let mut found = [None; GROUP];
        let count = self.table.owner_many_by_hash(&self.hashes[..self.waiting], &mut found);
        self.owners.extend(found[..count].iter().map(|&owner| number(owner)));
        self.waiting = 0;
    }
}

impl Sink for Finder<'_> {
    #[inline]
    fn key(&mut self, _: Kind, key: &[u8]) {
        if self.has_hashes
            && let Some(hash) = self.table.key_hash(key)
        {
            self.hash(hash);
        } else {
            self.owners.push(number(self.table.owner(key)));
        }
    }

    fn null(&mut self) {
        self.flush();
        self.owners.push(NOBODY);
    }

    fn reserve(&mut self, keys: usize) -> bool {
        self.owners.try_reserve(keys).is_ok()
    }
}

/// An owner as a number.
#[inline]
fn number(owner: Option<NodeIndex>) -> i32 {
    owner.and_then(|owner| i32::try_from(owner.get()).ok()).unwrap_or(NOBODY)
}
