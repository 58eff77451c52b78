//! One move of one segment, as the coordinator that drives it sees it.
//!
//! A [`Move`] is a value: an [`Event`] goes in, the next [`Action`] comes out, one at a time. It
//! knows no socket and no clock; whoever runs it sends calls, compares and swaps, and waits.
//!
//! ```text
//!  Start ─► Stage ─► Copy ─► Delta ─► Freeze ─► LastDelta ─► Digest ─► Commit ─► Activate ─► Finish ─► Drop
//!    │        └───────┴────────┴────────┴──────────┴───────────┴──► Abort ─► Unfreeze ─► Wipe
//!  TakeOver ─► Inspect ─► Stage, or for a frozen source ─► Freeze ...
//!  From a source without a change log: Start ─► Stage ─► Freeze ─► Copy ─► Digest ─► Commit ...
//! ```
//!
//! Everything before the commit may be repeated or abandoned; the commit is one compare-and-swap
//! on the whole record; everything after it may be done by anybody who finds the record.
//! Whoever starts or takes over raises the attempt first, so that calls of an overtaken
//! coordinator are refused by the nodes and its compare-and-swaps by the store.

mod steps;

use std::fmt;

use crate::{
    map_store::Revision,
    ownership::{Fence, Summary},
    record::{Incarnation, Phase, SegmentRecord},
    segment::StoredSegment,
};

/// A place in the rows of a range: the last row seen.
pub type Cursor = (u64, Vec<u8>);

/// What the coordinator has to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Compare and swap: the segment's record from that revision to this.
    Replace {
        /// The revision that the record must have.
        expect: Revision,
        /// What to write.
        record: SegmentRecord,
    },
    /// Read the segment's record.
    Read,
    /// Make one control call.
    Call {
        /// The node's name.
        node: String,
        /// What.
        verb: Verb,
        /// For which range, epoch, attempt and incarnation.
        fence: Fence,
    },
    /// Export rows from one node and import them to the other.
    Copy {
        /// Which rows.
        rows: Rows,
        /// The source's name and fence.
        from: (String, Fence),
        /// The destination's name and fence.
        to: (String, Fence),
    },
    /// Wait so many milliseconds.
    Wait {
        /// How long.
        wait_ms: u64,
    },
    /// The move is over for this coordinator.
    End(Outcome),
}

/// A control call without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Make the stage.
    Stage,
    /// Stop reads and writes; sum up.
    Freeze,
    /// Seal the stage; sum up.
    Digest,
    /// Confirm the new ownership.
    Activate,
    /// Confirm that an aborted range is served.
    Unfreeze,
    /// Delete what an aborted move left.
    Wipe,
    /// Delete what has a new owner.
    Drop,
    /// Tell whether all of the range is frozen at this epoch.
    Inspect,
}

/// Which rows to copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// All rows above the cursor, as many as one call takes.
    All {
        /// Where to go on; `None`: from the beginning.
        after: Option<Cursor>,
    },
    /// What was written after that sequence number.
    Since {
        /// The sequence number.
        sequence: u64,
    },
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The record was written and has that revision.
    Stored {
        /// The new revision.
        revision: Revision,
    },
    /// The record was not as expected.
    Conflict,
    /// The record may or may not have been written.
    StoreUnknown,
    /// The record, as read; `None`: there is no such segment any more.
    Record(Option<StoredSegment>),
    /// The call succeeded.
    Accepted,
    /// The call succeeded, and summed the range up.
    Summed(Summary),
    /// Whether all of the range is frozen at this epoch.
    Inspected {
        /// Whether it is.
        frozen: bool,
    },
    /// Rows were exported and imported.
    Copied {
        /// How many.
        rows: u64,
        /// Where to go on, if there is more.
        cursor: Option<Cursor>,
        /// What they are complete to; for [`Rows::All`], as of the beginning of this call.
        sequence: u64,
    },
    /// The node saw a later epoch or attempt.
    Overtaken,
    /// The node refused for another reason.
    Refused(String),
    /// No answer, or none that can be trusted: the call may or may not have been executed.
    Unreachable(String),
    /// The wait is over.
    Woken,
}

/// How a move ended for this coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The destination owns the segment and serves it.
    Moved {
        /// Rows sent, repeated ones included.
        rows_sent: u64,
        /// From the freeze to the activation, in milliseconds; `None` if another coordinator froze.
        pause_ms: Option<u64>,
    },
    /// The source owns the segment and serves it.
    Aborted {
        /// Why.
        reason: String,
    },
    /// Somebody else drives the segment, or changed it.
    Lost,
}

/// Bounds of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MoveLimits {
    /// A delta of at most so many rows is small enough to freeze.
    pub delta_rows_small: u64,
    /// At most so many rounds of deltas before the move is aborted, or a hundred times as many
    /// pages of them.
    pub delta_rounds_max: u32,
    /// A node that can't be reached for so long before the freeze aborts the move.
    pub silence_ms_max: u64,
    /// A freeze that is not committed after so long is aborted.
    pub pause_ms_max: u64,
    /// The wait before a call is repeated.
    pub retry_ms: u64,
}

impl Default for MoveLimits {
    fn default() -> Self {
        Self {
            delta_rows_small: 256,
            delta_rounds_max: 100,
            silence_ms_max: 10_000,
            pause_ms_max: 2_000,
            retry_ms: 50,
        }
    }
}

/// One move of one segment by one coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    limits: MoveLimits,
    /// The record as this coordinator last knew it, and its revision.
    segment: StoredSegment,
    /// What a pending compare-and-swap writes.
    pending: Option<SegmentRecord>,
    /// The source, while the record still tells it.
    source: (String, Incarnation),
    destination: (String, Incarnation),
    step: Step,
    /// The step that a wait interrupted is done again.
    waiting: bool,
    /// The compare-and-swap whose outcome is unknown.
    unsure: Option<Step>,
    abort: Option<String>,
    abort_reason: String,
    /// The source keeps no change log: it is frozen before its rows are copied.
    freezes_first: bool,
    /// The source was found frozen by an earlier attempt.
    taken_over_frozen: bool,
    copied_to: Option<u64>,
    cursor: Option<Cursor>,
    rounds: u32,
    /// Pages of all rounds of deltas.
    pages: u32,
    rows_sent: u64,
    heard_ms: u64,
    frozen_ms: Option<u64>,
    frozen: Option<Summary>,
    pause_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Start,
    TakeOver,
    Inspect,
    Stage,
    Copy,
    Delta,
    Freeze,
    LastDelta,
    Digest,
    Commit,
    Activate,
    Finish,
    Drop,
    Abort,
    Unfreeze,
    Wipe,
    /// Read the record after a compare-and-swap whose outcome is unknown.
    Recheck,
    End,
}

impl Move {
    /// A move of an idle segment to `to`; `None` if the segment is not idle or not served.
    #[must_use]
    pub fn new(
        segment: StoredSegment,
        to: &str,
        to_incarnation: Incarnation,
        limits: MoveLimits,
    ) -> Option<Self> {
        let source = (segment.record.owner.clone(), segment.record.incarnation?);
        if segment.record.phase != Phase::Idle || source.0 == to {
            return None;
        }
        Some(Self::at(Step::Start, segment, source, (to.into(), to_incarnation), limits))
    }

    /// Goes on with a segment that another coordinator left moving or done; `None` if it is neither.
    #[must_use]
    pub fn resume(segment: StoredSegment, limits: MoveLimits) -> Option<Self> {
        let owner = (segment.record.owner.clone(), segment.record.incarnation?);
        match segment.record.phase.clone() {
            Phase::Moving { to, to_incarnation } => {
                Some(Self::at(Step::TakeOver, segment, owner, (to, to_incarnation), limits))
            }
            Phase::Done => Some(Self::at(Step::Activate, segment, owner.clone(), owner, limits)),
            Phase::Born | Phase::Idle => None,
        }
    }

    fn at(
        step: Step,
        segment: StoredSegment,
        source: (String, Incarnation),
        destination: (String, Incarnation),
        limits: MoveLimits,
    ) -> Self {
        Self {
            limits,
            segment,
            pending: None,
            source,
            destination,
            step,
            waiting: false,
            unsure: None,
            abort: None,
            abort_reason: String::new(),
            freezes_first: false,
            taken_over_frozen: false,
            copied_to: None,
            cursor: None,
            rounds: 0,
            pages: 0,
            rows_sent: 0,
            heard_ms: 0,
            frozen_ms: None,
            frozen: None,
            pause_ms: None,
        }
    }

    /// The same move from a source that keeps no change log (level 2): it is frozen first, and
    /// the pause is as long as the copy.
    #[must_use]
    pub fn with_freeze_first(self) -> Self {
        Self { freezes_first: true, ..self }
    }

    /// The segment, as this coordinator last knew it.
    #[must_use]
    pub const fn segment(&self) -> &StoredSegment {
        &self.segment
    }

    /// The source's and the destination's name.
    #[must_use]
    pub fn nodes(&self) -> (&str, &str) {
        (&self.source.0, &self.destination.0)
    }

    /// What the move is doing, for people.
    #[must_use]
    pub const fn step_name(&self) -> &'static str {
        match self.step {
            Step::Start | Step::TakeOver => "starting",
            Step::Inspect => "taking over",
            Step::Stage => "staging",
            Step::Copy if self.frozen.is_some() => "frozen",
            Step::Copy => "copying",
            Step::Delta => "catching up",
            Step::Freeze | Step::LastDelta | Step::Digest => "frozen",
            Step::Commit | Step::Recheck => "committing",
            Step::Activate | Step::Finish => "activating",
            Step::Drop => "dropping",
            Step::Abort | Step::Unfreeze | Step::Wipe => "aborting",
            Step::End => "ended",
        }
    }

    /// What the source summed up when it froze.
    #[must_use]
    pub const fn frozen_summary(&self) -> Option<Summary> {
        self.frozen
    }

    /// Rows sent so far, repeated ones included.
    #[must_use]
    pub const fn rows_sent(&self) -> u64 {
        self.rows_sent
    }

    /// Gives the move up at the next step, unless it is committed by then.
    pub fn abort(&mut self, reason: &str) {
        self.abort = Some(reason.into());
    }

    /// Says that the caller held the present action back until now: nobody was silent meanwhile.
    pub fn held_back(&mut self, now_ms: u64) {
        self.heard_ms = self.heard_ms.max(now_ms);
    }

    /// The first action.
    pub fn begin(&mut self, now_ms: u64) -> Action {
        self.heard_ms = now_ms;
        self.act()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { rows_sent, pause_ms: Some(pause_ms) } => {
                write!(f, "moved, {rows_sent} rows sent, pause {pause_ms} ms")
            }
            Self::Moved { rows_sent, pause_ms: None } => write!(f, "moved, {rows_sent} rows sent"),
            Self::Aborted { reason } => write!(f, "aborted: {reason}"),
            Self::Lost => f.write_str("left to another coordinator"),
        }
    }
}
