//! The key space at a glance.

use std::collections::HashMap;

use ringway_cluster::StoredSegment;
use serde_json::{Value, json};

use super::{
    Admin, Refused,
    view::{Seen, moving_to},
};

const PARTS: u64 = 720;
const PARTS_MAX: u64 = 4_096;

impl Admin {
    /// The positions in equal parts: who owns most of each, and the next owner of what moves there.
    ///
    /// # Complexity
    /// O(segments + parts).
    pub(super) async fn ring(&self, query: &str) -> Result<Value, Refused> {
        let parts = match query.split_once('=') {
            None if query.is_empty() => Some(PARTS),
            Some(("parts", number)) => number.parse().ok(),
            _ => None,
        };
        let parts = parts.filter(|parts| (1..=PARTS_MAX).contains(parts)).ok_or_else(|| {
            Refused::bad("parts", format!("parts is a number from 1 to {PARTS_MAX}"))
        })?;
        let seen = self.see().await?;
        Ok(view(&seen, parts))
    }
}

fn view(seen: &Seen, parts: u64) -> Value {
    let positions = u128::from(seen.table.position_max().unwrap_or(u64::MAX)) + 1;
    let mut nodes = Names::default();
    let mut owners: Vec<(u128, Option<usize>)> = vec![(0, None); usize_of(parts)];
    let mut moving: Vec<Option<usize>> = vec![None; usize_of(parts)];
    for StoredSegment { record, .. } in seen.segments.iter() {
        let owner = nodes.number(&record.owner);
        let to = moving_to(&record.phase).map(|to| nodes.number(to));
        let (lo, hi) = (u128::from(record.lo), u128::from(record.hi));
        let part_of = |position: u128| position * u128::from(parts) / positions;
        for part in part_of(lo)..=part_of(hi) {
            // The part's positions: from the first whose product reaches it.
            let begin = (part * positions).div_ceil(u128::from(parts));
            let end = ((part + 1) * positions).div_ceil(u128::from(parts)) - 1;
            let covered = hi.min(end) - lo.max(begin) + 1;
            let index = usize::try_from(part).unwrap_or(usize::MAX);
            if covered > owners[index].0 {
                owners[index] = (covered, Some(owner));
            }
            moving[index] = moving[index].or(to);
        }
    }
    json!({
        "revision": seen.snapshot.revision,
        "nodes": nodes.names,
        "parts": owners.into_iter().map(|(_, owner)| owner).collect::<Vec<_>>(),
        "moving": moving,
    })
}

/// Names and their numbers, in order of appearance.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }
}

fn usize_of(parts: u64) -> usize {
    // At most PARTS_MAX.
    usize::try_from(parts).unwrap_or(usize::MAX)
}
