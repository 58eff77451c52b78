//! Requests with an `Idempotency-Key`: executed once, answered as often as they are asked.
//!
//! What a request came to is kept as a row of its own beside the row that it wrote, in the same
//! transaction: it moves, is logged, counted and dropped with its position, and it ends by its
//! expiry like any row. A failed precondition or a missing row is kept too: a late duplicate must
//! not write what the client was told had failed.

use ringway_cluster::{Access, Holdings, Row};

use super::write::{Executed, alive, store};
use crate::rows::{
    Failure, Tx,
    key::{ANSWERS, answer_key},
};

/// Bytes of a kept answer: its form, what was executed, the version, the fingerprint.
const ANSWER_BYTES: usize = 1 + 1 + 8 + 16;
const FORM: u8 = 1;

/// The once of a request.
#[derive(Debug)]
pub(crate) struct Once {
    /// The `Idempotency-Key`.
    pub(crate) key: Vec<u8>,
    /// Of everything that the request asks for: another request under the same key is refused.
    pub(crate) fingerprint: u128,
    /// When the answer is forgotten, in milliseconds since 1970.
    pub(crate) ends_ms: u64,
    /// How many answers one position may keep.
    pub(crate) entries_max: u64,
}

/// What became of a request with an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It came to nothing that is kept.
    Now(Executed),
    /// It was executed now, and the answer is kept.
    Kept(Executed),
    /// It was executed before.
    Before(Executed),
    /// Another request was executed under that key.
    KeyTaken,
    /// The position keeps as many answers as it may; nothing was executed.
    Full,
}

impl Once {
    /// Runs `write` unless it ran before, and keeps what it came to.
    pub(crate) fn run(
        self,
        (position, epoch): (u64, u64),
        now_ms: u64,
        all: &mut Holdings,
        tx: &mut Tx<'_>,
        write: impl FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<Executed, Failure>,
    ) -> Result<Answered, Failure> {
        let access = all.check(position, epoch);
        if access != Access::Serve {
            return Ok(Answered::Now(Executed::Refused(access)));
        }
        let key = answer_key(&self.key);
        let old = tx.rows.head(position, &key)?;
        if alive(old, now_ms).is_some() {
            let kept = tx.rows.row(position, &key)?.and_then(|row| row.value);
            let unreadable = || Failure::NotExecuted("a kept answer can't be read".into());
            let (executed, fingerprint) =
                kept.as_deref().and_then(decode).ok_or_else(unreadable)?;
            return Ok(if fingerprint == self.fingerprint {
                Answered::Before(executed)
            } else {
                Answered::KeyTaken
            });
        }
        let count = tx.rows.count_keys(position, ANSWERS, self.entries_max)?;
        if old.is_none() && count >= self.entries_max {
            return Ok(Answered::Full);
        }
        let executed = write(all, tx)?;
        let Some(value) = encode(executed, self.fingerprint) else {
            return Ok(Answered::Now(executed));
        };
        if let Some(holding) = all.find_mut(position) {
            let expires_ms = self.ends_ms;
            let row = Row { position, key, value: Some(value), version: 0, expires_ms };
            store(holding, tx, row, old)?;
        }
        Ok(Answered::Kept(executed))
    }
}

/// `None` if nothing was decided.
fn encode(executed: Executed, fingerprint: u128) -> Option<Vec<u8>> {
    let (what, version) = match executed {
        Executed::Created(version) => (1, version),
        Executed::Replaced(version) => (2, version),
        Executed::Deleted => (3, 0),
        Executed::Missing => (4, 0),
        Executed::Failed => (5, 0),
        Executed::Refused(_) => return None,
    };
    let mut bytes = Vec::with_capacity(ANSWER_BYTES);
    bytes.extend_from_slice(&[FORM, what]);
    bytes.extend_from_slice(&u64::to_le_bytes(version));
    bytes.extend_from_slice(&fingerprint.to_le_bytes());
    Some(bytes)
}

fn decode(bytes: &[u8]) -> Option<(Executed, u128)> {
    let (&[FORM, what], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    let (version, rest) = rest.split_first_chunk()?;
    let fingerprint = u128::from_le_bytes(rest.try_into().ok()?);
    let version = u64::from_le_bytes(*version);
    let executed = match what {
        1 => Executed::Created(version),
        2 => Executed::Replaced(version),
        3 => Executed::Deleted,
        4 => Executed::Missing,
        5 => Executed::Failed,
        _ => return None,
    };
    Some((executed, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_answers_read_back() {
        for executed in [
            Executed::Created(7),
            Executed::Replaced(u64::MAX),
            Executed::Deleted,
            Executed::Missing,
            Executed::Failed,
        ] {
            let bytes = encode(executed, u128::MAX - 3).unwrap();
            assert_eq!(bytes.len(), ANSWER_BYTES);
            assert_eq!(decode(&bytes), Some((executed, u128::MAX - 3)));
            for cut in 0..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), None);
            }
        }
        assert_eq!(encode(Executed::Refused(Access::Frozen), 0), None);
        assert_eq!(decode(&[9; ANSWER_BYTES]), None);
        assert_eq!(decode(&[&[FORM, 9], &[0; 24][..]].concat()), None);
        assert_eq!(decode(&[&[FORM, 1], &[0; 25][..]].concat()), None);
    }
}
