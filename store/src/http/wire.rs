//! The JSON texts of the store for nodes.

use ringway_cluster::{Incarnation, Revision, SegmentRecord, StoredSegment};
use serde::{Deserialize, Serialize};

/// Where segments are read.
pub(super) const SEGMENTS_PATH: &str = "/store/seg";
/// Where a node changes one.
pub(super) const REPLACE_PATH: &str = "/store/cas";

/// The answer to a reading.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Segments {
    pub(super) revision: Revision,
    pub(super) segments: Vec<Segment>,
}

/// A segment as it was stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) id: u64,
    pub(super) revision: Revision,
    pub(super) record: SegmentRecord,
}

/// The answer to a waiting.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) revision: Revision,
    /// Whether `changed` holds every segment, so that all others are gone.
    pub(super) whole: bool,
    pub(super) changed: Vec<Change>,
}

/// A segment as it is now; without revision and record it is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) revision: Option<Revision>,
    pub(super) record: Option<SegmentRecord>,
}

/// What a node wants to change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replace {
    pub(super) node: String,
    pub(super) incarnation: Incarnation,
    pub(super) id: u64,
    pub(super) revision: Revision,
    pub(super) record: SegmentRecord,
}

/// The answer to a change that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Replaced {
    pub(super) revision: Revision,
}

/// Any answer but 200.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) error: String,
}

impl From<StoredSegment> for Segment {
    fn from(segment: StoredSegment) -> Self {
        Self { id: segment.id, revision: segment.revision, record: segment.record }
    }
}

impl From<Segment> for StoredSegment {
    fn from(segment: Segment) -> Self {
        Self { id: segment.id, revision: segment.revision, record: segment.record }
    }
}
