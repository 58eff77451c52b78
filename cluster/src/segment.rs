//! The segments of a map: they cover every position exactly once.

use std::collections::BTreeMap;

use ringway::Table;

use crate::{
    map_store::{Revision, Snapshot, Transaction},
    record::{Incarnation, Phase, Record, RecordKey, SegmentRecord},
};

/// At most this many segments are joined in one transaction: one write each, and one for the result.
pub const MERGE_MAX: usize = 90;

/// The segments that a transaction takes away and those that it puts in their place.
///
/// Only the positions that the transaction touches are looked at.
#[derive(Debug)]
pub(crate) struct Cover<'t> {
    before: Vec<&'t SegmentRecord>,
    after: Vec<&'t SegmentRecord>,
    empty: bool,
}

impl<'t> Cover<'t> {
    /// What `transaction` does to the segments of `snapshot`.
    ///
    /// # Errors
    /// As a text, if a segment ends before it begins.
    pub(crate) fn of(snapshot: &'t Snapshot, transaction: &'t Transaction) -> Result<Self, String> {
        let mut cover =
            Self { before: vec![], after: vec![], empty: snapshot.segments().next().is_none() };
        for (key, record) in &transaction.writes {
            if let Some((_, Record::Segment(old))) = snapshot.records.get(key) {
                cover.before.push(old);
            }
            match record {
                Some(Record::Segment(new)) if new.lo > new.hi => {
                    return Err(format!("{key}: lo {} is above hi {}", new.lo, new.hi));
                }
                Some(Record::Segment(new)) => cover.after.push(new),
                _ => {}
            }
        }
        Ok(cover)
    }

    /// Whether these are the first segments of a store that holds none.
    pub(crate) fn seeds(&self) -> bool {
        self.empty && !self.after.is_empty()
    }

    /// Checks that the new segments cover what the old ones covered, without gap or overlap, and
    /// that neither epoch nor attempt falls at any position; that the first ones begin at 0.
    ///
    /// # Errors
    /// What would be wrong, as a text.
    pub(crate) fn check(self) -> Result<(), String> {
        let seeds = self.seeds();
        let (before, after) = (runs(self.before)?, runs(self.after)?);
        if seeds {
            return match spans(&after)[..] {
                [(0, _)] => Ok(()),
                _ => Err("the first segments do not cover all positions from 0 on".into()),
            };
        }
        if spans(&before) != spans(&after) {
            return Err("the segments written do not cover what they replace".into());
        }
        let mut first = 0;
        for new in &after {
            while before[first].hi < new.lo {
                first += 1;
            }
            for old in before[first..].iter().take_while(|old| old.lo <= new.hi) {
                if new.epoch < old.epoch || new.attempt < old.attempt {
                    return Err(format!(
                        "[{}, {}]: epoch {} attempt {} may not follow epoch {} attempt {}",
                        new.lo, new.hi, new.epoch, new.attempt, old.epoch, old.attempt
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Orders segments and refuses an overlap.
fn runs(mut segments: Vec<&SegmentRecord>) -> Result<Vec<&SegmentRecord>, String> {
    segments.sort_by_key(|segment| segment.lo);
    match segments.windows(2).find(|pair| pair[1].lo <= pair[0].hi) {
        Some(pair) => Err(format!(
            "[{}, {}] and [{}, {}] overlap",
            pair[0].lo, pair[0].hi, pair[1].lo, pair[1].hi
        )),
        None => Ok(segments),
    }
}

/// The positions covered, as joined spans.
fn spans(segments: &[&SegmentRecord]) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for segment in segments {
        match spans.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(segment.lo) => last.1 = segment.hi,
            _ => spans.push((segment.lo, segment.hi)),
        }
    }
    spans
}

/// The segments of a snapshot by their first position.
///
/// It is what a proxy routes by: position → segment, by binary search.
#[derive(Clone, Debug, Default)]
pub struct SegmentTable {
    segments: Vec<StoredSegment>,
}

/// A segment with its key and revision in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSegment {
    /// The number in its key.
    pub id: u64,
    /// The revision of its last write.
    pub revision: Revision,
    /// The record.
    pub record: SegmentRecord,
}

impl StoredSegment {
    /// Its key in the store.
    #[must_use]
    pub const fn key(&self) -> RecordKey {
        RecordKey::Segment(self.id)
    }

    /// The compare-and-swap that replaces this record as it was read.
    #[must_use]
    pub fn replace(&self, record: SegmentRecord) -> Transaction {
        Transaction::replace(self.key(), self.revision, Record::Segment(record))
    }
}

impl SegmentTable {
    /// The segments of `snapshot`.
    ///
    /// # Errors
    /// The first gap or overlap, as a text: such a store must not be served from.
    pub fn new(snapshot: &Snapshot, position_max: u64) -> Result<Self, String> {
        let mut segments: Vec<StoredSegment> = snapshot.segments().collect();
        segments.sort_by_key(|segment| segment.record.lo);
        let mut next = Some(0);
        for segment in &segments {
            let SegmentRecord { lo, hi, .. } = segment.record;
            if next != Some(lo) || hi < lo {
                return Err(format!("{} [{lo}, {hi}] does not begin at {next:?}", segment.key()));
            }
            next = hi.checked_add(1);
        }
        if next != position_max.checked_add(1) {
            return Err(format!("the segments end at {next:?}, not after {position_max}"));
        }
        Ok(Self { segments })
    }

    /// The segment that holds `position`; `None` above the layout's last position.
    #[must_use]
    pub fn find(&self, position: u64) -> Option<&StoredSegment> {
        let index = self.segments.partition_point(|segment| segment.record.hi < position);
        self.segments.get(index)
    }

    /// All segments in order of position.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &StoredSegment> {
        self.segments.iter()
    }

    /// How many segments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether the store holds no segment yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

/// The first records of an empty store: one born segment for each run of `table`.
///
/// # Errors
/// As a text, if the layout can't move or nobody owns anything.
pub fn seed(table: &Table) -> Result<Vec<SegmentRecord>, String> {
    let runs = table.segments().ok_or_else(|| {
        let name = table.layout().name();
        format!("a cluster that holds state needs a movable layout and a node with weight; {name} has none")
    })?;
    runs.map(|run| {
        let owner = owner_name(table, run.owner)?;
        Ok(SegmentRecord {
            lo: run.lo,
            hi: run.hi,
            owner,
            incarnation: None,
            epoch: 1,
            attempt: 0,
            phase: Phase::Born,
        })
    })
    .collect()
}

/// The name of a node as records hold it.
///
/// # Errors
/// As a text, if the name is not UTF-8: cluster files can't hold such a name.
pub(crate) fn owner_name(table: &Table, index: ringway::NodeIndex) -> Result<String, String> {
    let node = table.node(index).ok_or("a segment names a node that the table does not have")?;
    match str::from_utf8(node.name()) {
        Ok(name) => Ok(name.into()),
        Err(_) => Err("a node of a cluster that holds state needs a UTF-8 name".into()),
    }
}

/// What has to happen to a segment so that the map becomes the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cut an idle or born segment at these positions: each begins a new segment.
    Split {
        /// The segment.
        id: u64,
        /// The first positions of the parts after the first, ascending.
        at: Vec<u64>,
    },
    /// Give a born segment to another node: no rows exist yet.
    Reassign {
        /// The segment.
        id: u64,
        /// The new owner.
        to: String,
    },
    /// Move an idle segment's rows to another node.
    Move {
        /// The segment.
        id: u64,
        /// The destination.
        to: String,
    },
    /// Somebody began a move of this segment: finish or abort it.
    Resume {
        /// The segment.
        id: u64,
    },
}

/// The steps from the segments as they are to `target`, in order of position.
///
/// A segment gets one step at a time: after a split, ask again.
///
/// # Errors
/// As a text, if `target` can't move or nobody in it owns anything.
///
/// # Complexity
/// O(segments + runs of the target).
pub fn steps(segments: &SegmentTable, target: &Table) -> Result<Vec<Step>, String> {
    let wanted = seed(target)?;
    let mut first = 0;
    let mut steps = Vec::new();
    for segment in segments.iter() {
        let SegmentRecord { lo, hi, owner, phase, .. } = &segment.record;
        while wanted[first].hi < *lo {
            first += 1;
        }
        let parts = wanted[first..].iter().take_while(|run| run.lo <= *hi);
        let owners: Vec<(u64, &str)> =
            parts.map(|run| (run.lo.max(*lo), run.owner.as_str())).collect();
        let id = segment.id;
        match phase {
            Phase::Moving { .. } | Phase::Done => steps.push(Step::Resume { id }),
            Phase::Idle | Phase::Born if owners.iter().all(|(_, to)| to == owner) => {}
            Phase::Idle | Phase::Born if owners.len() > 1 => {
                let at = owners.iter().skip(1).map(|(lo, _)| *lo).collect();
                steps.push(Step::Split { id, at });
            }
            Phase::Born => steps.push(Step::Reassign { id, to: owners[0].1.into() }),
            Phase::Idle => steps.push(Step::Move { id, to: owners[0].1.into() }),
        }
    }
    Ok(steps)
}

/// The transaction that cuts `segment` at the positions `at`; new ids count from `next_id`.
///
/// Children keep owner, incarnation, epoch, attempt and phase. At most [`WRITES_MAX`](crate::WRITES_MAX)
/// - 1 parts are made; a longer list is cut short, and the next round goes on.
#[must_use]
pub fn split(segment: &StoredSegment, at: &[u64], next_id: u64) -> Option<Transaction> {
    let SegmentRecord { lo, hi, .. } = segment.record;
    if !matches!(segment.record.phase, Phase::Idle | Phase::Born) {
        return None;
    }
    let at = &at[..at.len().min(crate::WRITES_MAX - 2)];
    let inside = at.iter().all(|cut| *cut > lo && *cut <= hi);
    if at.is_empty() || !inside || !at.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let begins = [lo].into_iter().chain(at.iter().copied());
    let ends = at.iter().map(|cut| cut - 1).chain([hi]);
    let mut transaction = Transaction {
        expect: vec![(segment.key(), Some(segment.revision))],
        writes: vec![(segment.key(), None)],
    };
    for ((lo, hi), id) in begins.zip(ends).zip(next_id..) {
        let child = SegmentRecord { lo, hi, ..segment.record.clone() };
        transaction.expect.push((RecordKey::Segment(id), None));
        transaction.writes.push((RecordKey::Segment(id), Some(Record::Segment(child))));
    }
    Some(transaction)
}

/// The transactions that join neighbouring idle segments of one owner and incarnation.
///
/// Each joins a run of at most [`MERGE_MAX`]: a new id, epoch = greatest + 1, attempt = greatest.
#[must_use]
pub fn merges(segments: &SegmentTable, next_id: u64) -> Vec<Transaction> {
    let mut groups: BTreeMap<u64, Vec<&StoredSegment>> = BTreeMap::new();
    let mut previous: Option<&StoredSegment> = None;
    let mut group = 0;
    for segment in segments.iter() {
        let joins = previous.is_some_and(|previous| joinable(&previous.record, &segment.record));
        if !joins || groups.get(&group).is_some_and(|group| group.len() == MERGE_MAX) {
            group += 1;
        }
        groups.entry(group).or_default().push(segment);
        previous = Some(segment);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .zip(next_id..)
        .map(|(group, id)| merge(&group, id))
        .collect()
}

fn joinable(left: &SegmentRecord, right: &SegmentRecord) -> bool {
    left.phase == Phase::Idle
        && right.phase == Phase::Idle
        && left.owner == right.owner
        && left.incarnation == right.incarnation
}

fn merge(group: &[&StoredSegment], id: u64) -> Transaction {
    let greatest = |field: fn(&SegmentRecord) -> u64| {
        group.iter().map(|segment| field(&segment.record)).max().unwrap_or_default()
    };
    let mut transaction = Transaction::default();
    for segment in group {
        transaction.expect.push((segment.key(), Some(segment.revision)));
        transaction.writes.push((segment.key(), None));
    }
    let (first, last) = (&group[0].record, &group[group.len() - 1].record);
    let record = SegmentRecord {
        hi: last.hi,
        epoch: greatest(|record| record.epoch) + 1,
        attempt: greatest(|record| record.attempt),
        ..first.clone()
    };
    transaction.expect.push((RecordKey::Segment(id), None));
    transaction.writes.push((RecordKey::Segment(id), Some(Record::Segment(record))));
    transaction
}

/// What a node may change in the store by itself, and nothing else: claim a born segment that is
/// its own, abort a move away from itself, finish a move to itself.
///
/// # Errors
/// Why not, as a text.
pub fn node_may(
    node: &str,
    incarnation: Incarnation,
    old: &SegmentRecord,
    new: &SegmentRecord,
) -> Result<(), String> {
    if old.owner != node {
        return Err(format!("[{}, {}] belongs to {}, not to {node}", old.lo, old.hi, old.owner));
    }
    let mine = old.incarnation == Some(incarnation);
    let expected = match &old.phase {
        Phase::Born if mine || old.incarnation.is_none() => {
            let incarnation = Some(incarnation);
            SegmentRecord { phase: Phase::Idle, incarnation, ..old.clone() }
        }
        Phase::Moving { .. } if mine => {
            SegmentRecord { phase: Phase::Idle, epoch: old.epoch.saturating_add(1), ..old.clone() }
        }
        Phase::Done if mine => SegmentRecord { phase: Phase::Idle, ..old.clone() },
        Phase::Born | Phase::Moving { .. } | Phase::Done => {
            return Err(format!("[{}, {}] is another incarnation's", old.lo, old.hi));
        }
        Phase::Idle => return Err(format!("[{}, {}] is idle", old.lo, old.hi)),
    };
    if *new == expected {
        Ok(())
    } else {
        Err("a node may claim, abort its own move or finish one to itself, nothing else".into())
    }
}
