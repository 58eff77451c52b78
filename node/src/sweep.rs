//! Deletes rows that have ended.
//!
//! An ended row is not seen, but it is there: in the digest and in exports, until its delete takes
//! a number like any other write. So source and destination of a move hold the same rows whatever
//! their clocks say.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    clock::Clock,
    engine::{Engine, may_sweep, sweep},
    metrics::Metrics,
    rows::Failure,
};

const TICK_MS: u64 = 1_000;
/// Rows deleted in one transaction, so that the writer is never held for long.
const ROWS_MAX: usize = 1_000;

/// Every second deletes what has ended.
pub(crate) async fn run(engine: Engine, clock: Clock, metrics: Arc<Metrics>) {
    let mut tick = interval(Duration::from_millis(TICK_MS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // A disk that is full now has room later.
        while let Ok(swept) = some(&engine, &clock).await {
            metrics.swept.add_many(swept);
            if swept < ROWS_MAX as u64 {
                break;
            }
        }
    }
}

/// Deletes some rows; fewer than [`ROWS_MAX`] if no more can be deleted now.
async fn some(engine: &Engine, clock: &Clock) -> Result<u64, Failure> {
    let (holdings, now_ms) = (engine.holdings(), clock.now_ms());
    let find = move |rows: &dyn crate::rows::RowSnapshot| {
        let mut ended = Vec::new();
        rows.ended(now_ms, &mut |position, key| {
            if holdings.find(position).is_some_and(may_sweep) {
                ended.push((position, key.to_vec()));
            }
            ended.len() < ROWS_MAX
        })?;
        Ok(ended)
    };
    let ended = engine.read(find).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    let bytes = ended.iter().map(|(_, key)| key.len()).sum();
    engine.write(bytes, move |all, tx| sweep(&ended, now_ms, all, tx)).await
}
