//! What the API shows.

use std::collections::BTreeMap;

use ringway::{Table, key_hash};
use ringway_cluster::{
    MapStore as _, Phase, PlanSummary, Record, RecordKey, Revision, SegmentTable, Snapshot,
    StoredSegment,
};
use serde_json::{Value, json};

use super::{Admin, Refused, Stored, newest_config, percent_decode};
use ringway_cluster::ClusterFile;

/// The store as one call sees it.
pub(super) struct Seen {
    pub(super) snapshot: Snapshot,
    pub(super) stored: Stored,
    pub(super) table: Table,
    pub(super) segments: SegmentTable,
}

impl Admin {
    pub(super) async fn see(&self) -> Result<Seen, Refused> {
        let snapshot = self.store.read().await?;
        let stored = newest_config(&snapshot)?;
        let table = stored.cluster.table()?;
        let unfit = |reason| Refused::conflict("store", format!("the store is unfit: {reason}"));
        let position_max =
            table.position_max().ok_or_else(|| unfit("its layout holds no state".to_owned()))?;
        let segments = SegmentTable::new(&snapshot, position_max).map_err(unfit)?;
        Ok(Seen { snapshot, stored, table, segments })
    }

    pub(super) async fn nodes(&self) -> Result<Value, Refused> {
        let seen = self.see().await?;
        Ok(json!({
            "revision": seen.snapshot.revision,
            "config": seen.stored.number,
            "nodes": seen.nodes(),
        }))
    }

    pub(super) async fn cluster(&self) -> Result<Value, Refused> {
        let snapshot = self.store.read().await?;
        let stored = newest_config(&snapshot)?;
        // A secret stays in the store.
        let toml = stored.cluster.to_shown_toml();
        let fingerprint = fingerprint(&stored.cluster.table()?);
        Ok(json!({
            "revision": snapshot.revision,
            "config": stored.number,
            "reason": stored.record.reason,
            "hash": format!("{:016x}", key_hash(toml.as_bytes())),
            "fingerprint": fingerprint,
            "toml": toml,
        }))
    }

    pub(super) async fn route_of(&self, query: &str) -> Result<Value, Refused> {
        let expected = || {
            let message = "give one of key=, percent-encoded, and key_hex=, in hexadecimal digits";
            Refused::bad("key", message)
        };
        let key = match query.split_once('=') {
            Some(("key", text)) if !text.contains('&') => percent_decode(text, true),
            Some(("key_hex", text)) => unhex(text),
            _ => None,
        };
        let key = key.filter(|key| !key.is_empty()).ok_or_else(expected)?;
        let seen = self.see().await?;
        let position = seen.table.position(&key).ok_or_else(expected)?;
        let unfit = || Refused::conflict("store", "the segments do not hold the key's position");
        let segment = seen.segments.find(position).ok_or_else(unfit)?;
        let record = &segment.record;
        let node = match seen.snapshot.records.get(&RecordKey::Node(record.owner.clone())) {
            Some((_, Record::Node(node))) => Some(node),
            _ => None,
        };
        let target = seen.table.owner(&key).and_then(|index| name_of(&seen.table, index));
        Ok(json!({
            "key_hex": hex(&key),
            "position": position,
            "revision": seen.snapshot.revision,
            "segment": segment.id,
            "lo": record.lo,
            "hi": record.hi,
            "owner": record.owner,
            "address": node.map(|node| &node.address),
            "incarnation": record.incarnation,
            "epoch": record.epoch,
            "attempt": record.attempt,
            "phase": phase_name(&record.phase),
            "moving_to": moving_to(&record.phase),
            "target": target,
        }))
    }

    pub(super) async fn status(&self) -> Result<Value, Refused> {
        let seen = self.see().await?;
        let mut phases = BTreeMap::from([("born", 0), ("idle", 0), ("moving", 0), ("done", 0)]);
        for segment in seen.segments.iter() {
            *phases.entry(phase_name(&segment.record.phase)).or_default() += 1;
        }
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_s": self.started.elapsed().as_secs(),
            "revision": seen.snapshot.revision,
            "config": seen.stored.number,
            "layout": seen.stored.cluster.layout().name(),
            "fingerprint": fingerprint(&seen.table),
            "segments": phases,
            "nodes": seen.nodes(),
            "moves_left": seen.left(),
            "paused": seen.paused(),
            "failure": self.progress.failure(),
            "difference": self.difference,
            "map_fault": self.feed.fault(),
            "connections": self.shared.connections(),
            "requests_in_flight": self.shared.in_flight(),
            "requests_parked": self.feed.parked(),
        }))
    }

    pub(super) async fn plan(&self, body: &[u8]) -> Result<Value, Refused> {
        let wanted = ClusterFile::parse_bytes(body, "the request's body")?;
        self.planned(&self.see().await?, &wanted).await
    }

    /// What would move if `wanted` were the target.
    pub(super) async fn planned(
        &self,
        seen: &Seen,
        wanted: &ClusterFile,
    ) -> Result<Value, Refused> {
        self.check(seen, wanted).await?;
        let table = wanted.table()?;
        let total = share_of(&seen.table, 0, u64::MAX);
        let moves = moves_between(&seen.segments, &table);
        let moved: u128 = moves.values().map(|(positions, _)| positions).sum();
        let ranges: u64 = moves.values().map(|(_, ranges)| ranges).sum();
        let least = PlanSummary::new(&seen.table, &table).map(|plan| ratio(plan.least, total)).ok();
        let pairs: Vec<Value> = moves
            .iter()
            .map(|((from, to), (positions, ranges))| {
                json!({ "from": from, "to": to, "share": ratio(*positions, total), "ranges": ranges })
            })
            .collect();
        let (before, after) = (owned(&seen.segments), targeted(&table));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        let nodes: Vec<Value> = names
            .into_iter()
            .map(|name| {
                let share = |shares: &Shares| {
                    ratio(shares.get(name).map_or(0, |(positions, _)| *positions), total)
                };
                json!({ "name": name, "share": share(&before), "target_share": share(&after) })
            })
            .collect();
        Ok(json!({
            "revision": seen.snapshot.revision,
            "config": seen.stored.number,
            "moved_share": ratio(moved, total),
            "least_share": least,
            "ranges": ranges,
            "pairs": pairs,
            "nodes": nodes,
        }))
    }
}

/// Positions and ranges by name.
type Shares = BTreeMap<String, (u128, u64)>;

impl Seen {
    /// How many segments are not as the target has them, moves under way included.
    pub(super) fn left(&self) -> usize {
        // It fails only if nobody could own anything, and no such target is ever written.
        ringway_cluster::steps(&self.segments, &self.table).map_or(0, |steps| steps.len())
    }

    pub(super) fn paused(&self) -> Option<&str> {
        match self.snapshot.records.get(&RecordKey::Paused) {
            Some((_, Record::Paused(reason))) => Some(reason),
            _ => None,
        }
    }

    /// The nodes of the target, then those that still own something and leave.
    fn nodes(&self) -> Vec<Value> {
        let total = share_of(&self.table, 0, u64::MAX);
        let (now, target) = (owned(&self.segments), targeted(&self.table));
        let listed =
            self.stored.cluster.nodes().iter().map(|node| (node.name.as_str(), Some(node)));
        let leaving = now
            .keys()
            .map(String::as_str)
            .filter(|name| !self.stored.cluster.nodes().iter().any(|node| node.name == *name));
        let all = listed.chain(leaving.map(|name| (name, None)));
        all.map(|(name, node)| {
            let record = match self.snapshot.records.get(&RecordKey::Node(name.to_owned())) {
                Some((_, Record::Node(record))) => Some(record),
                _ => None,
            };
            let (positions, segments) = now.get(name).copied().unwrap_or_default();
            let (wanted, _) = target.get(name).copied().unwrap_or_default();
            json!({
                "name": name,
                "weight": node.map_or(0, |node| node.weight),
                "zone": node.and_then(|node| node.zone.as_deref()),
                "state": node.map_or("leaving", |node| node.state.name()),
                "address": record.map(|record| &record.address),
                "control": record.map(|record| &record.control).filter(|text| !text.is_empty()),
                "level": record.and_then(ringway_cluster::NodeRecord::known_level),
                "incarnation": self.incarnation(name),
                "segments": segments,
                "share": ratio(positions, total),
                "target_share": ratio(wanted, total),
            })
        })
        .collect()
    }

    /// The incarnation that the store has of a node: in its record, or in what it has claimed.
    pub(super) fn incarnation(&self, name: &str) -> Option<ringway_cluster::Incarnation> {
        let recorded = match self.snapshot.records.get(&RecordKey::Node(name.to_owned())) {
            Some((_, Record::Node(record))) => record.incarnation,
            _ => None,
        };
        let mut segments = self.segments.iter();
        recorded.or_else(|| {
            segments
                .find(|segment| {
                    segment.record.owner == name && segment.record.incarnation.is_some()
                })
                .and_then(|segment| segment.record.incarnation)
        })
    }
}

/// [`Table::fingerprint`] as it is shown everywhere: 16 hexadecimal digits.
pub(super) fn fingerprint(table: &Table) -> String {
    format!("{:016x}", table.fingerprint())
}

pub(super) fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Born => "born",
        Phase::Idle => "idle",
        Phase::Moving { .. } => "moving",
        Phase::Done => "done",
    }
}

pub(super) fn moving_to(phase: &Phase) -> Option<&str> {
    match phase {
        Phase::Moving { to, .. } => Some(to),
        _ => None,
    }
}

/// A segment under way, as it stands in the store.
pub(super) fn segment_view(segment: &StoredSegment, revision: Revision) -> Value {
    let record = &segment.record;
    json!({
        "segment": segment.id,
        "revision": revision,
        "lo": record.lo,
        "hi": record.hi,
        "owner": record.owner,
        "epoch": record.epoch,
        "attempt": record.attempt,
        "phase": phase_name(&record.phase),
        "moving_to": moving_to(&record.phase),
    })
}

fn owned(segments: &SegmentTable) -> Shares {
    let mut shares = Shares::new();
    for segment in segments.iter() {
        let entry = shares.entry(segment.record.owner.clone()).or_default();
        entry.0 += u128::from(segment.record.hi - segment.record.lo) + 1;
        entry.1 += 1;
    }
    shares
}

fn targeted(table: &Table) -> Shares {
    let mut shares = Shares::new();
    for segment in table.segments().into_iter().flatten() {
        let name = name_of(table, segment.owner).unwrap_or_default();
        let entry = shares.entry(name).or_default();
        entry.0 += u128::from(segment.hi - segment.lo) + 1;
        entry.1 += 1;
    }
    shares
}

/// What moves from whom to whom, from the segments as they are: positions and ranges.
fn moves_between(
    segments: &SegmentTable,
    target: &Table,
) -> BTreeMap<(String, String), (u128, u64)> {
    let mut moves: BTreeMap<(String, String), (u128, u64)> = BTreeMap::new();
    let mut runs = target.segments().into_iter().flatten().peekable();
    for segment in segments.iter() {
        while let Some(run) = runs.peek() {
            let (lo, hi) = (run.lo.max(segment.record.lo), run.hi.min(segment.record.hi));
            if lo > hi {
                break;
            }
            let to = name_of(target, run.owner).unwrap_or_default();
            if to != segment.record.owner {
                let entry = moves.entry((segment.record.owner.clone(), to)).or_default();
                entry.0 += u128::from(hi - lo) + 1;
                entry.1 += 1;
            }
            if run.hi > segment.record.hi {
                break;
            }
            runs.next();
        }
    }
    moves
}

/// Who hands which kind of segment to whom: each once.
pub(super) fn moves_of(segments: &SegmentTable, target: &Table) -> Vec<(String, String, Phase)> {
    let mut moves: Vec<(String, String, Phase)> = Vec::new();
    let mut runs = target.segments().into_iter().flatten().peekable();
    for segment in segments.iter() {
        let phase = if segment.record.phase == Phase::Born { Phase::Born } else { Phase::Idle };
        while let Some(run) = runs.peek() {
            if run.lo > segment.record.hi {
                break;
            }
            let to = name_of(target, run.owner).unwrap_or_default();
            let one = (segment.record.owner.clone(), to, phase.clone());
            if one.0 != one.1 && run.hi >= segment.record.lo && !moves.contains(&one) {
                moves.push(one);
            }
            if run.hi > segment.record.hi {
                break;
            }
            runs.next();
        }
    }
    moves
}

/// How many positions of `[lo, hi]` the layout has.
fn share_of(table: &Table, lo: u64, hi: u64) -> u128 {
    let hi = hi.min(table.position_max().unwrap_or(0));
    u128::from(hi.saturating_sub(lo)) + 1
}

#[allow(clippy::cast_precision_loss, reason = "a share is shown with a few digits")]
fn ratio(part: u128, whole: u128) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn name_of(table: &Table, index: ringway::NodeIndex) -> Option<String> {
    let name = table.node(index)?.name();
    Some(String::from_utf8_lossy(name).into_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}
