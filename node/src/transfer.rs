//! What a move reads: pages of rows, pages of changes, and where to cut a range.

use ringway_cluster::{End, Fence, Holding, Refusal, Row, Standing};

use crate::rows::{Failure, RowSnapshot};

/// Frames that end in an end frame, or why there are none.
pub(crate) type Page = Result<Vec<u8>, Refusal>;

/// The rows of the fence's range above `after`, as of one moment; at least one, else up to
/// `bytes_max`.
pub(crate) fn export(
    rows: &dyn RowSnapshot,
    fence: &Fence,
    after: Option<(u64, Vec<u8>)>,
    bytes_max: usize,
) -> Result<Page, Failure> {
    let Some(holding) = owned(rows, fence)? else {
        return Ok(Err(CHANGED));
    };
    let mut frames = Vec::with_capacity(bytes_max.min(1 << 20));
    let mut last: Option<(u64, Vec<u8>)> = None;
    let mut end = End { cursor: None, sequence: holding.sequence };
    let cursor = after.as_ref().map(|(position, key)| (*position, key.as_slice()));
    // A cursor below the range begins it.
    let cursor = cursor.filter(|(position, _)| *position >= fence.lo);
    rows.rows(fence.lo, fence.hi, cursor, &mut |row: Row| {
        if last.is_some() && frames.len() + row.encoded_len() > bytes_max {
            end.cursor = last.take();
            return false;
        }
        row.encode(&mut frames);
        last = Some((row.position, row.key));
        true
    })?;
    end.encode(&mut frames);
    Ok(Ok(frames))
}

/// The rows and tombstones of the fence's range written after `since`, in order of version; at
/// least one, else up to `bytes_max`.
pub(crate) fn delta(
    rows: &dyn RowSnapshot,
    fence: &Fence,
    since: u64,
    bytes_max: usize,
) -> Result<Page, Failure> {
    let Some(holding) = owned(rows, fence)? else {
        return Ok(Err(CHANGED));
    };
    if holding.logged_since.is_none_or(|from| from > since) {
        return Ok(Err(CHANGED));
    }
    let mut frames = Vec::new();
    let mut end = End { cursor: None, sequence: holding.sequence };
    let mut last: Option<(u64, (u64, Vec<u8>))> = None;
    for entry in rows.log(fence.lo, fence.hi, since)? {
        // A row that is gone was deleted by the very write that the log tells of.
        let row = rows.row(entry.position, &entry.key)?.unwrap_or(Row {
            position: entry.position,
            key: entry.key,
            value: None,
            version: entry.version,
            expires_ms: 0,
        });
        if let Some((version, cursor)) =
            last.take_if(|_| frames.len() + row.encoded_len() > bytes_max)
        {
            end = End { cursor: Some(cursor), sequence: version };
            break;
        }
        row.encode(&mut frames);
        last = Some((entry.version, (row.position, row.key)));
    }
    end.encode(&mut frames);
    Ok(Ok(frames))
}

/// The first positions of the parts that `[lo, hi]` should be cut into so that none holds more
/// than `rows_max` rows or `bytes_max` bytes of frames; a single position is never cut.
///
/// # Complexity
/// O(rows), without reading large values.
pub(crate) fn cuts(
    rows: &dyn RowSnapshot,
    lo: u64,
    hi: u64,
    rows_max: u64,
    bytes_max: u64,
) -> Result<Vec<u64>, Failure> {
    let mut cuts = Vec::new();
    let (mut part, mut position) = (Part::default(), Part::default());
    let mut at = lo;
    rows.sizes(lo, hi, &mut |next, bytes| {
        if next != at {
            part.close(&mut cuts, at, &position, rows_max, bytes_max);
            (at, position) = (next, Part::default());
        }
        position.rows += 1;
        position.bytes += bytes;
    })?;
    part.close(&mut cuts, at, &position, rows_max, bytes_max);
    cuts.retain(|cut| *cut > lo);
    Ok(cuts)
}

#[derive(Default)]
struct Part {
    rows: u64,
    bytes: u64,
}

impl Part {
    /// Takes the rows of position `at` in, cutting before it if they do not fit.
    fn close(&mut self, cuts: &mut Vec<u64>, at: u64, more: &Self, rows_max: u64, bytes_max: u64) {
        let fits = self.rows + more.rows <= rows_max && self.bytes + more.bytes <= bytes_max;
        if !fits && self.rows > 0 {
            cuts.push(at);
            *self = Self::default();
        }
        self.rows += more.rows;
        self.bytes += more.bytes;
    }
}

/// The fence's holding as it is in the snapshot: things may have changed since the call began.
fn owned(rows: &dyn RowSnapshot, fence: &Fence) -> Result<Option<Holding>, Failure> {
    let is_it = |holding: &Holding| {
        holding.lo == fence.lo
            && holding.hi == fence.hi
            && holding.epoch == fence.epoch
            && matches!(holding.standing, Standing::Owned | Standing::Frozen)
    };
    Ok(rows.holding(fence.lo)?.filter(is_it))
}

const CHANGED: Refusal = Refusal::State("the range changed while it was read; ask again");
