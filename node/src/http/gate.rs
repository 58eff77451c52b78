//! Whether a request may be executed here: the same rules for the default node and for services
//! under a [`ShardLayer`](crate::ShardLayer).

use http::{HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};
use ringway_cluster::{Access, Holdings, Reconciled, Standing};

use super::{
    data::Shared,
    head::{header_number, percent_decode},
    reply::{Reply, text, unavailable, with},
};
use crate::{
    reconcile::{Found, mismatch_text},
    rows::{Failure, RowSnapshot},
};

static POSITION: HeaderName = HeaderName::from_static("ringway-position");
static EPOCH: HeaderName = HeaderName::from_static("ringway-epoch");
static KEY: HeaderName = HeaderName::from_static("ringway-key");
static FROZEN: HeaderName = HeaderName::from_static("ringway-frozen");

impl Shared {
    /// Position and epoch of a request, as its head says them.
    pub(crate) fn place(&self, headers: &HeaderMap) -> Result<(u64, u64), String> {
        let position = header_number(headers, &POSITION)?;
        let epoch = header_number(headers, &EPOCH)?;
        self.check_position(headers, position)?;
        Ok((position, epoch))
    }

    /// The sharding key, if the request says it once and well.
    pub(crate) fn sharding_key(headers: &HeaderMap) -> Option<Vec<u8>> {
        let mut values = headers.get_all(&KEY).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        percent_decode(value.to_str().ok()?).ok()
    }

    /// What a failed read or write is answered with.
    pub(crate) fn failed(&self, position: u64, failure: &Failure) -> Reply {
        match failure {
            Failure::NotExecuted(_) => self.hinting(position, unavailable(&failure.to_string())),
            Failure::Unknown(_) => text(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
        }
    }

    /// Refuses a position that the sharding key does not have in the layout, if that is known.
    fn check_position(&self, headers: &HeaderMap, position: u64) -> Result<(), String> {
        let Some(positions) = &self.positions else { return Ok(()) };
        let mut values = headers.get_all(&KEY).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(format!("the header {KEY} must be there once; a proxy sets it"));
        };
        let text = value.to_str().map_err(|_| format!("the header {KEY} must be ASCII"))?;
        let key = percent_decode(text).map_err(|reason| format!("the header {KEY}: {reason}"))?;
        match positions.position(&key) {
            Some(here) if here == position => Ok(()),
            here => Err(format!(
                "the key's position is {} in this cluster's layout, not {position}; whoever sent \
                 this hashes keys in another way",
                here.map_or_else(|| "none".into(), |here| here.to_string())
            )),
        }
    }

    /// Lets a request for an owned, unfrozen position through; reads the store if it is ahead.
    pub(crate) async fn admit(&self, position: u64, epoch: u64) -> Result<(), Reply> {
        let holdings = self.engine.holdings();
        match holdings.check(position, epoch) {
            Access::Serve => return Ok(()),
            Access::Misdirected { epoch: here } if here < epoch => {}
            access => return Err(misdirected(&holdings, position, access)),
        }
        let found = match self.reconciler.ask(position, position).await {
            Ok(found) => found,
            Err(error) => return Err(self.hinting(position, unavailable(&error))),
        };
        let holdings = self.engine.holdings();
        match holdings.check(position, epoch) {
            Access::Serve => Ok(()),
            Access::Misdirected { epoch: here } if here < epoch => {
                Err(self.hinting(position, unsettled(&holdings, &found, position, epoch)))
            }
            access => Err(misdirected(&holdings, position, access)),
        }
    }

    /// A 503 with the epoch that holds here.
    pub(super) fn hinting(&self, position: u64, reply: Reply) -> Reply {
        let here = self.engine.holdings().find(position).map_or(0, |holding| holding.epoch);
        with(reply, EPOCH.clone(), here.into())
    }
}

/// Ownership in the very snapshot that the row is read from.
pub(crate) fn check(
    rows: &dyn RowSnapshot,
    position: u64,
    epoch: u64,
) -> Result<Result<(), Access>, Failure> {
    let access = match rows.holding(position)? {
        Some(holding) if holding.epoch != epoch => Access::Misdirected { epoch: holding.epoch },
        Some(holding) => match holding.standing {
            Standing::Owned => return Ok(Ok(())),
            Standing::Frozen => Access::Frozen,
            _ => Access::Misdirected { epoch },
        },
        None => Access::Misdirected { epoch: 0 },
    };
    Ok(Err(access))
}

/// 421: nothing was executed.
pub(crate) fn misdirected(holdings: &Holdings, position: u64, access: Access) -> Reply {
    let here = holdings.find(position);
    let epoch = here.map_or(0, |holding| holding.epoch);
    let is_frozen =
        access == Access::Frozen || here.is_some_and(|here| here.standing == Standing::Frozen);
    let line = if is_frozen {
        "the position is frozen while its owner changes; nothing was executed"
    } else {
        "this node does not own the position at that epoch; nothing was executed"
    };
    let reply = with(text(StatusCode::MISDIRECTED_REQUEST, line), EPOCH.clone(), epoch.into());
    if is_frozen { with(reply, FROZEN.clone(), HeaderValue::from_static("1")) } else { reply }
}

/// Why the node can't follow a request whose epoch is above its own, though it read the store.
fn unsettled(holdings: &Holdings, found: &[Found], position: u64, epoch: u64) -> Reply {
    let here = found.iter().find(|f| f.record.lo <= position && position <= f.record.hi);
    match here {
        Some(found) if found.outcome == Reconciled::IncarnationMismatch => {
            unavailable(&mismatch_text(holdings.name()))
        }
        Some(found) if found.outcome == Reconciled::StoreBehind => unavailable(
            "the store is older than this node; was it restored from a backup? \
             nothing was executed",
        ),
        Some(found) if found.outcome == Reconciled::Unclear => unavailable(
            "the store names this node, but the rows that it speaks of are not here; \
             nothing was executed",
        ),
        Some(_) => misdirected(holdings, position, Access::Misdirected { epoch }),
        None => unavailable("the store has no segment for that position; nothing was executed"),
    }
}
