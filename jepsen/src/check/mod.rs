//! What the histories of a run must satisfy.

mod linear;
mod model;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::history::{Ask, Key, Operation, Told};
pub(crate) use linear::{Verdict, judge};

/// At most so many violations are told in full.
const TOLD_MAX: usize = 20;
/// Operations that are shown before and after the one that nothing explains.
const AROUND: usize = 12;

/// What was checked of one kind of key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) keys: usize,
    pub(crate) operations: usize,
    pub(crate) violations: usize,
}

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) kinds: BTreeMap<&'static str, Kind>,
    /// The first violations: the key, what is wrong, and its history around that.
    pub(crate) violations: Vec<String>,
    /// Whole histories of the keys that violate.
    pub(crate) histories: BTreeMap<Key, Vec<Operation>>,
}

/// Checks every key's history. A history may be in any order.
pub(crate) fn check(operations: Vec<Operation>) -> Findings {
    let mut findings = Findings::default();
    let mut operations = operations;
    operations.sort_unstable_by_key(|it| (it.key, it.start_us, it.end_us, it.client));
    for history in operations.chunk_by(|left, right| left.key == right.key) {
        let key = history[0].key;
        let kind = findings.kinds.entry(key.kind()).or_default();
        kind.keys += 1;
        kind.operations += history.len();
        let mut faults = Vec::new();
        match judge(history) {
            Verdict::Linearizable => {}
            Verdict::Not { stuck, reason } => {
                let reason = match executed_although_refused(history) {
                    Some(refused) => format!("{reason}\n  {refused}"),
                    None => reason,
                };
                faults.push((stuck, reason));
            }
            Verdict::Undecided => faults.push((vec![], "undecided after too many steps".into())),
        }
        if let (Key::Counter(_), Some(fault)) = (key, miscounted(history)) {
            faults.push((vec![history.len() - 1], fault));
        }
        if faults.is_empty() {
            continue;
        }
        kind.violations += 1;
        for (stuck, reason) in faults {
            if findings.violations.len() < TOLD_MAX {
                findings.violations.push(told(key, &stuck, &reason, history));
            }
        }
        if findings.histories.len() < TOLD_MAX {
            findings.histories.insert(key, history.to_vec());
        }
    }
    findings
}

/// A value that was seen although its write was refused: "not executed" was not true.
fn executed_although_refused(history: &[Operation]) -> Option<String> {
    let refused: BTreeMap<u64, &Operation> = history
        .iter()
        .filter(|it| matches!(it.told, Told::Refused | Told::Unsent))
        .filter_map(|it| Some((it.ask.value()?.id, it)))
        .collect();
    let seen = history.iter().find_map(|it| match it.told {
        Told::Found(value, _) => Some((refused.get(&value.id)?, it)),
        _ => None,
    });
    let (write, read) = seen?;
    Some(format!("a write that was refused was executed:\n  {write}\n  {read}"))
}

/// Counts by hand what the search also sees: each acknowledged increment counts once, each unknown
/// one at most once.
fn miscounted(history: &[Operation]) -> Option<String> {
    let increments = |told: fn(Told) -> bool| {
        let of = history.iter().filter(|it| matches!(it.ask, Ask::Swap(..) | Ask::Create(_)));
        of.filter(|it| told(it.told)).filter_map(|it| it.ask.value()).collect::<Vec<_>>()
    };
    let acknowledged = increments(|told| matches!(told, Told::Written(_)));
    let unknown = increments(|told| told == Told::Unknown);
    let distinct: BTreeSet<u64> = acknowledged.iter().map(|value| value.count).collect();
    if distinct.len() < acknowledged.len() {
        return Some("two acknowledged increments led to the same count".into());
    }
    let last = history.iter().filter_map(|it| match it.told {
        Told::Found(value, _) => Some((it.start_us, value.count)),
        Told::Absent => Some((it.start_us, 0)),
        _ => None,
    });
    let (_, count) = last.max()?;
    let (low, high) = (acknowledged.len(), acknowledged.len() + unknown.len());
    let range = u64::try_from(low).ok()?..=u64::try_from(high).ok()?;
    // The last read may be older than the last increment, unless the run ended as it should.
    let is_last =
        history.iter().rev().find(|it| !matches!(it.told, Told::Refused | Told::Unsent))?.ask
            == Ask::Read;
    (is_last && !range.contains(&count)).then(|| {
        format!(
            "{low} increments were acknowledged, {} unknown, but the count is {count}",
            high - low
        )
    })
}

fn told(key: Key, stuck: &[usize], reason: &str, history: &[Operation]) -> String {
    let mut text = format!("{key}: {reason}\n");
    let first = stuck.first().copied().unwrap_or(0).saturating_sub(AROUND);
    let last = stuck.last().copied().unwrap_or(0).saturating_add(AROUND).min(history.len() - 1);
    for (index, operation) in history.iter().enumerate().take(last + 1).skip(first) {
        let mark = if stuck.contains(&index) { '>' } else { ' ' };
        let _ = writeln!(text, "  {mark} {operation}");
    }
    text
}
