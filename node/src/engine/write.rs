//! What a write does inside the transaction.

use ringway_cluster::{Access, Holding, Holdings, Row, Standing};

use crate::rows::{Failure, Head, Tx};

/// What `If-Match` and `If-None-Match` ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// One of these versions must be there.
    pub(crate) matches: Option<Versions>,
    /// None of these versions may be there.
    pub(crate) none_match: Option<Versions>,
}

/// The versions that a list of entity tags names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// `*`: any.
    Any,
    /// These.
    Of(Vec<u64>),
}

impl Versions {
    fn contain(&self, version: Option<u64>) -> bool {
        match (self, version) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Of(versions), Some(version)) => versions.contains(&version),
        }
    }
}

impl Condition {
    pub(crate) const fn is_none(&self) -> bool {
        self.matches.is_none() && self.none_match.is_none()
    }

    /// Whether `If-Match` lets a request for the row of `version` through.
    pub(crate) fn matches(&self, version: Option<u64>) -> bool {
        self.matches.as_ref().is_none_or(|versions| versions.contain(version))
    }

    /// Whether `If-None-Match` lets it through.
    pub(crate) fn none_match(&self, version: Option<u64>) -> bool {
        self.none_match.as_ref().is_none_or(|versions| !versions.contain(version))
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Executed {
    /// The row is new, of that version.
    Created(u64),
    /// The row was replaced, and has that version now.
    Replaced(u64),
    /// The row was deleted.
    Deleted,
    /// There is no such row.
    Missing,
    /// A precondition does not hold.
    Failed,
    /// Not here, or not now; nothing was executed.
    Refused(Access),
}

/// Writes a row whole.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) epoch: u64,
    /// The row; its version is given out here.
    pub(crate) row: Row,
    pub(crate) condition: Condition,
    pub(crate) now_ms: u64,
}

impl Put {
    pub(crate) fn run(self, all: &mut Holdings, tx: &mut Tx<'_>) -> Result<Executed, Failure> {
        let Self { epoch, row, condition, now_ms } = self;
        let access = all.check(row.position, epoch);
        let Some(holding) = all.find_mut(row.position).filter(|_| access == Access::Serve) else {
            return Ok(Executed::Refused(access));
        };
        let old = tx.rows.head(row.position, &row.key)?;
        let version = alive(old, now_ms);
        if !condition.matches(version) || !condition.none_match(version) {
            return Ok(Executed::Failed);
        }
        let written = store(holding, tx, row, old)?;
        Ok(match version {
            Some(_) => Executed::Replaced(written),
            None => Executed::Created(written),
        })
    }
}

/// Deletes a row.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) position: u64,
    pub(crate) epoch: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) condition: Condition,
    pub(crate) now_ms: u64,
}

impl Delete {
    pub(crate) fn run(self, all: &mut Holdings, tx: &mut Tx<'_>) -> Result<Executed, Failure> {
        let Self { position, epoch, key, condition, now_ms } = self;
        let access = all.check(position, epoch);
        let Some(holding) = all.find_mut(position).filter(|_| access == Access::Serve) else {
            return Ok(Executed::Refused(access));
        };
        let old = tx.rows.head(position, &key)?;
        let version = alive(old, now_ms);
        if !condition.matches(version) || !condition.none_match(version) {
            return Ok(Executed::Failed);
        }
        let Some(old) = old.filter(|_| version.is_some()) else {
            return Ok(Executed::Missing);
        };
        erase(holding, tx, &key, position, old)?;
        Ok(Executed::Deleted)
    }
}

/// Deletes rows that have ended, as logged deletes; how many it was.
///
/// Only where this node owns and serves: a stage or a frozen range stays as its source has it.
pub(crate) fn sweep(
    ended: &[(u64, Vec<u8>)],
    now_ms: u64,
    all: &mut Holdings,
    tx: &mut Tx<'_>,
) -> Result<u64, Failure> {
    let mut swept = 0;
    for (position, key) in ended {
        let Some(holding) = all.find_mut(*position).filter(|holding| may_sweep(holding)) else {
            continue;
        };
        // It may have been written anew since it was found.
        let Some(old) = tx.rows.head(*position, key)?.filter(|head| !head.is_alive(now_ms)) else {
            continue;
        };
        erase(holding, tx, key, *position, old)?;
        swept += 1;
    }
    Ok(swept)
}

/// Whether ended rows of the range may be deleted here.
pub(crate) fn may_sweep(holding: &Holding) -> bool {
    holding.standing == Standing::Owned && holding.claim.is_none()
}

/// Writes a row over `old` as the range's next write; its version.
pub(crate) fn store(
    holding: &mut Holding,
    tx: &mut Tx<'_>,
    mut row: Row,
    old: Option<Head>,
) -> Result<u64, Failure> {
    row.version = following(holding.sequence)?;
    let digest = row.digest();
    tx.rows.record(&row, digest)?;
    if holding.logged_since.is_some() {
        tx.rows.log(row.position, &row.key, row.version)?;
    }
    holding.sequence = row.version;
    if let Some(tally) = &mut holding.tally {
        if let Some(old) = old {
            tally.remove(old.digest);
        }
        tally.add(digest);
    }
    Ok(row.version)
}

/// Deletes the row `old` as the range's next write.
pub(crate) fn erase(
    holding: &mut Holding,
    tx: &mut Tx<'_>,
    key: &[u8],
    position: u64,
    old: Head,
) -> Result<(), Failure> {
    let sequence = following(holding.sequence)?;
    tx.rows.forget(position, key)?;
    if holding.logged_since.is_some() {
        tx.rows.log(position, key, sequence)?;
    }
    holding.sequence = sequence;
    if let Some(tally) = &mut holding.tally {
        tally.remove(old.digest);
    }
    Ok(())
}

/// The version of a row that has not ended.
pub(crate) fn alive(head: Option<Head>, now_ms: u64) -> Option<u64> {
    head.filter(|head| head.is_alive(now_ms)).map(|head| head.version)
}

fn following(sequence: u64) -> Result<u64, Failure> {
    let used_up = || Failure::NotExecuted("the range's sequence numbers are used up".into());
    sequence.checked_add(1).ok_or_else(used_up)
}
