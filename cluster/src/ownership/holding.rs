//! One run of positions that a node knows of.

use serde::{Deserialize, Serialize};

use super::{Rows, Summary};

/// How many rows a run of positions holds, and the wrapping sum of their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Rows, tombstones not counted.
    pub rows: u64,
    /// Wrapping sum of [`Row::digest`](crate::Row::digest).
    #[serde(with = "hex_digest")]
    pub digest: u128,
}

impl Tally {
    /// Counts a row in.
    pub const fn add(&mut self, digest: u128) {
        self.rows += 1;
        self.digest = self.digest.wrapping_add(digest);
    }

    /// Counts a row out.
    pub const fn remove(&mut self, digest: u128) {
        self.rows = self.rows.saturating_sub(1);
        self.digest = self.digest.wrapping_sub(digest);
    }

    const fn sum(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, digest: self.digest.wrapping_add(other.digest) }
    }
}

mod hex_digest {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(
        digest: &u128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{digest:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

/// What a node knows of one run of positions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// The first position.
    pub lo: u64,
    /// The last position.
    pub hi: u64,
    /// The highest epoch that the node took from the store.
    pub epoch: u64,
    /// The highest attempt seen at that epoch.
    pub attempt: u64,
    /// What the node may do with it.
    pub standing: Standing,
    /// The epoch of a durable claim to a born segment, until ownership is durable.
    pub claim: Option<u64>,
    /// The number of the last write.
    pub sequence: u64,
    /// Rows and digest; `None` after a split, until they are counted.
    pub tally: Option<Tally>,
    /// The sequence number since which writes are logged for a move; `None`: they are not.
    pub logged_since: Option<u64>,
}

/// What a node may do with a run of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Another node's, as far as is known.
    Foreign {
        /// Whether rows from an earlier time may still lie here.
        garbage: bool,
    },
    /// Rows of a move to this node arrive, under that attempt.
    Staging {
        /// The attempt that made the stage.
        attempt: u64,
    },
    /// All rows have arrived and are durable; the store decides.
    Sealed {
        /// The attempt that the stage belongs to.
        attempt: u64,
    },
    /// Owned and served.
    Owned,
    /// Owned, but neither read nor written until the store decides.
    Frozen,
}

impl Holding {
    pub(super) const fn foreign(lo: u64, hi: u64, epoch: u64, attempt: u64) -> Self {
        Self {
            lo,
            hi,
            epoch,
            attempt,
            standing: Standing::Foreign { garbage: false },
            claim: None,
            sequence: 0,
            tally: None,
            logged_since: None,
        }
    }

    /// Two holdings of the same standing; a stage that is cut is no stage any more.
    pub(super) fn split(self, begin: u64) -> (Self, Self) {
        let standing = match self.standing {
            Standing::Staging { .. } | Standing::Sealed { .. } => {
                Standing::Foreign { garbage: true }
            }
            standing => standing,
        };
        // A claimed run is empty, and so are its halves; others have to be counted.
        let tally = self.tally.filter(|tally| tally.rows == 0);
        let whole = Self { standing, tally, ..self };
        (Self { hi: begin - 1, ..whole.clone() }, Self { lo: begin, ..whole })
    }

    /// One holding of neighbours: the greatest numbers, the sums of rows and digests.
    pub(super) fn join(parts: &[Self]) -> Option<Self> {
        let (first, last) = (parts.first()?, parts.last()?);
        let tally = parts
            .iter()
            .map(|part| part.tally)
            .try_fold(Tally::default(), |sum, tally| Some(sum.sum(tally?)));
        let logged: Option<Vec<u64>> = parts.iter().map(|part| part.logged_since).collect();
        Some(Self {
            hi: last.hi,
            epoch: parts.iter().map(|part| part.epoch).max()?,
            attempt: parts.iter().map(|part| part.attempt).max()?,
            sequence: parts.iter().map(|part| part.sequence).max()?,
            tally,
            standing: if parts.iter().any(|part| part.standing == Standing::Frozen) {
                Standing::Frozen
            } else {
                first.standing
            },
            logged_since: logged.and_then(|logged| logged.into_iter().max()),
            ..first.clone()
        })
    }

    /// Sums the holding up, counting its rows if a split left them uncounted.
    pub(super) fn summary<R: Rows>(&mut self, rows: &mut R) -> Result<Summary, R::Error> {
        let tally = match self.tally {
            Some(tally) => tally,
            None => rows.count(self.lo, self.hi)?,
        };
        self.tally = Some(tally);
        Ok(Summary { sequence: self.sequence, tally })
    }
}
