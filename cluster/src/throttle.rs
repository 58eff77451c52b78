//! How fast rows may leave and reach a node, over all of its moves.
//!
//! Each node has two buckets, of rows and of bytes, that fill at the limit's rate up to a quarter
//! of a second's worth. A page is granted once neither bucket of source and destination is empty;
//! what it is expected to hold is taken at once, so that moves that ask at the same time do not
//! get the same tokens, and what it really held is set off afterwards. A page may so overdraw a
//! bucket, but by less than what one page holds, and the next one waits for that.
//!
//! Bulk pages are small, a quarter of a second's worth. What was written meanwhile is asked for
//! whole: a move ends when that is little, and it must not look like much because pages are small.

use std::collections::HashMap;

/// The limits of each node, as source and destination alike; 0 does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleLimits {
    /// Rows and tombstones in a second.
    pub rows_per_second_max: u64,
    /// Bytes of frames in a second.
    pub bytes_per_second_max: u64,
}

/// Grants pages of rows so that no node has more to do than its limits allow.
#[derive(Debug)]
pub struct Throttle {
    limits: ThrottleLimits,
    nodes: HashMap<String, Meter>,
}

/// An answer to the question for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Copy one page.
    Go(PageGrant),
    /// Ask again after so many milliseconds, at least 1.
    Wait(u64),
}

/// A page that may be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageGrant {
    /// How large it may be; a page holds at least one row.
    pub bytes_max: u64,
    /// How many rows and bytes were taken for it.
    rows: u64,
    bytes: u64,
}

/// A part of a second that a bucket holds, and that a page should be at most: 1 / 4.
const PART: u64 = 4;
/// The size of a row before any was seen.
const ROW_BYTES_FIRST: u64 = 1_024;

impl Throttle {
    /// A throttle that has granted nothing yet.
    #[must_use]
    pub fn new(limits: ThrottleLimits) -> Self {
        Self { limits, nodes: HashMap::new() }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> ThrottleLimits {
        self.limits
    }

    /// Whether a page of up to `bytes_max` may go from one node to the other, or a smaller one.
    ///
    /// Time does not go back: an earlier `now_ms` counts as the last one.
    pub fn ask(&mut self, nodes: [&str; 2], bytes_max: u64, now_ms: u64) -> Grant {
        self.grant(nodes, bytes_max, false, now_ms)
    }

    /// As [`ask`](Self::ask), but the page may have `bytes_max` once it may go at all.
    pub fn ask_whole(&mut self, nodes: [&str; 2], bytes_max: u64, now_ms: u64) -> Grant {
        self.grant(nodes, bytes_max, true, now_ms)
    }

    fn grant(&mut self, nodes: [&str; 2], bytes_max: u64, whole: bool, now_ms: u64) -> Grant {
        let ThrottleLimits { rows_per_second_max, bytes_per_second_max } = self.limits;
        if rows_per_second_max == 0 && bytes_per_second_max == 0 {
            return Grant::Go(PageGrant { bytes_max, rows: 0, bytes: 0 });
        }
        let wait_ms = nodes.map(|node| self.meter(node, now_ms).wait_ms());
        if let Some(wait_ms) = wait_ms.into_iter().max().filter(|wait_ms| *wait_ms > 0) {
            return Grant::Wait(wait_ms);
        }
        let row_bytes = nodes.map(|node| self.meter(node, now_ms).row_bytes);
        let row_bytes = row_bytes.into_iter().max().unwrap_or(ROW_BYTES_FIRST);
        let mut page = bytes_max;
        if bytes_per_second_max > 0 {
            page = page.min(bytes_per_second_max / PART);
        }
        if rows_per_second_max > 0 {
            page = page.min((rows_per_second_max / PART).max(1).saturating_mul(row_bytes));
        }
        let (rows, bytes) = ((page / row_bytes).max(1), page.max(1));
        self.charge(nodes, rows.into(), bytes.into(), now_ms);
        let grant = PageGrant { bytes_max: if whole { bytes_max } else { bytes }, rows, bytes };
        Grant::Go(grant)
    }

    /// Sets off what a granted page really held; 0 and 0 if it was not copied.
    pub fn sent(&mut self, nodes: [&str; 2], grant: PageGrant, rows: u64, bytes: u64, now_ms: u64) {
        let difference = |really: u64, granted: u64| i128::from(really) - i128::from(granted);
        let (more_rows, more_bytes) =
            (difference(rows, grant.rows), difference(bytes, grant.bytes));
        self.charge(nodes, more_rows, more_bytes, now_ms);
        if let Some(row_bytes) = bytes.checked_div(rows).filter(|row_bytes| *row_bytes > 0) {
            for node in nodes {
                self.meter(node, now_ms).row_bytes = row_bytes;
            }
        }
    }

    /// Counts rows that could not wait: those that are copied while clients do.
    pub fn sent_at_once(&mut self, nodes: [&str; 2], rows: u64, bytes: u64, now_ms: u64) {
        self.charge(nodes, rows.into(), bytes.into(), now_ms);
    }

    fn charge(&mut self, nodes: [&str; 2], rows: i128, bytes: i128, now_ms: u64) {
        if self.limits == ThrottleLimits::default() {
            return;
        }
        for node in nodes {
            let meter = self.meter(node, now_ms);
            meter.rows.take(rows);
            meter.bytes.take(bytes);
        }
    }

    fn meter(&mut self, node: &str, now_ms: u64) -> &mut Meter {
        if !self.nodes.contains_key(node) {
            let ThrottleLimits { rows_per_second_max, bytes_per_second_max } = self.limits;
            let meter = Meter {
                rows: Bucket::new(rows_per_second_max),
                bytes: Bucket::new(bytes_per_second_max),
                row_bytes: ROW_BYTES_FIRST,
                filled_ms: now_ms,
            };
            self.nodes.insert(node.into(), meter);
        }
        let meter = self.nodes.get_mut(node).expect("it was put there if it was missing");
        meter.fill(now_ms);
        meter
    }
}

/// What one node may still do now.
#[derive(Clone, Debug)]
struct Meter {
    rows: Bucket,
    bytes: Bucket,
    /// Of the latest page.
    row_bytes: u64,
    filled_ms: u64,
}

impl Meter {
    fn fill(&mut self, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.filled_ms);
        self.filled_ms += passed_ms;
        self.rows.fill(passed_ms);
        self.bytes.fill(passed_ms);
    }

    fn wait_ms(&self) -> u64 {
        self.rows.wait_ms().max(self.bytes.wait_ms())
    }
}

/// Tokens in thousandths, so that each millisecond adds a whole number of them.
#[derive(Clone, Debug)]
struct Bucket {
    per_second: u64,
    tokens: i128,
}

impl Bucket {
    fn new(per_second: u64) -> Self {
        let mut bucket = Self { per_second, tokens: 0 };
        bucket.fill(1_000);
        bucket
    }

    fn fill(&mut self, passed_ms: u64) {
        let most = i128::from(self.per_second) * 1_000 / i128::from(PART);
        let filled = i128::from(self.per_second).saturating_mul(passed_ms.into());
        self.tokens = self.tokens.saturating_add(filled).min(most);
    }

    fn take(&mut self, tokens: i128) {
        self.tokens = self.tokens.saturating_sub(tokens * 1_000);
    }

    /// How long until it is not overdrawn; a bucket without a limit never is.
    fn wait_ms(&self) -> u64 {
        if self.per_second == 0 || self.tokens >= 0 {
            return 0;
        }
        let per_ms = i128::from(self.per_second);
        let missing = self.tokens.saturating_neg();
        u64::try_from(missing.saturating_add(per_ms - 1) / per_ms).unwrap_or(u64::MAX)
    }
}
