//! Is a history linearizable?
//!
//! A history is linearizable if each operation can be given one moment between its start and its
//! end so that, in the order of these moments, each was told the truth. The search is Wing and
//! Gong's with Lowe's memory: take any operation that nothing else must precede, see whether the
//! state allows what it was told, go on with the rest, and come back if there is no way on; what
//! was tried once, as a set of operations and a state, is not tried again.
//!
//! An operation with an unknown outcome has no end, and may never have happened. Two things keep
//! many of them cheap. No two writes have the same value, so one whose value was seen did happen,
//! before the end of the first read that saw it and with the version that this read was told.
//! The others are tried only where there is no way on without them. And versions grow, so the
//! writes that were acknowledged can be in one order only.

use std::collections::{BTreeMap, HashSet};

use super::model::State;
use crate::history::{Ask, Operation, Told};

/// Steps after which a history is given up as undecided.
const STEPS_MAX: u64 = 20_000_000;

/// What the search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Linearizable,
    /// There is no order. The longest one that was found goes up to the operations of these
    /// indices, none of which can come next.
    Not {
        stuck: Vec<usize>,
        reason: String,
    },
    Undecided,
}

/// Judges the history of one key, in the order of the starts.
pub(crate) fn judge(history: &[Operation]) -> Verdict {
    match resolve(history) {
        Ok((certain, possible)) => Search::new(certain, possible).run(),
        Err((stuck, reason)) => Verdict::Not { stuck, reason },
    }
}

/// An operation of the search: what it was told or must have been told.
#[derive(Clone, Copy, Debug)]
struct Step {
    index: usize,
    ask: Ask,
    told: Told,
    start_us: u64,
    end_us: u64,
}

type Fault = (Vec<usize>, String);

/// Splits a history into what happened and what may have happened.
fn resolve(history: &[Operation]) -> Result<(Vec<Step>, Vec<Step>), Fault> {
    // By value: the version under which it was seen, the end of the first read, its index.
    let mut seen: BTreeMap<u64, (u64, u64, usize)> = BTreeMap::new();
    let mut of_version: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    for (index, operation) in history.iter().enumerate() {
        let (id, version) = match (operation.told, operation.ask.value()) {
            (Told::Found(value, version), _) => (value.id, version),
            (Told::Written(version), Some(value)) => (value.id, version),
            _ => continue,
        };
        let &mut (value, first) = of_version.entry(version).or_insert((id, index));
        if value != id {
            let reason = format!("two values have the version \"{version}\": an ETag repeats");
            return Err((vec![first, index], reason));
        }
        let entry = seen.entry(id).or_insert((version, operation.end_us, index));
        if entry.0 != version {
            let reason = format!("one write has the versions \"{}\" and \"{version}\"", entry.0);
            return Err((vec![entry.2, index], reason));
        }
        entry.1 = entry.1.min(operation.end_us);
    }
    // A failed precondition, what a delete was told, and a version that nobody was told, may come
    // of a write that nobody saw.
    let matters = history.iter().any(|it| match it.ask {
        Ask::Swap(expected, _) => it.told == Told::Unmet || !of_version.contains_key(&expected),
        ask => it.told == Told::Unmet || ask == Ask::Delete,
    });
    let (mut certain, mut possible) = (Vec::new(), Vec::new());
    for (index, operation) in history.iter().enumerate() {
        let &Operation { ask, told, start_us, end_us, .. } = operation;
        let mut step = Step { index, ask, told, start_us, end_us };
        match (told, ask.value()) {
            (Told::Refused | Told::Unsent, _) => continue,
            (Told::Unknown, _) if ask == Ask::Read => continue,
            (Told::Unknown, Some(value)) => match seen.get(&value.id) {
                Some(&(version, end_us, _)) => {
                    (step.told, step.end_us) = (Told::Written(version), end_us);
                }
                None => {
                    if matters {
                        possible.push(step);
                    }
                    continue;
                }
            },
            (Told::Unknown, None) => {
                possible.push(step);
                continue;
            }
            _ => {}
        }
        certain.push(step);
    }
    Ok((certain, possible))
}

struct Search {
    /// In the order of the starts.
    certain: Vec<Step>,
    possible: Vec<Step>,
    /// The place of each certain write in the order of the versions.
    ranks: Vec<Option<usize>>,
}

/// A point of the search: the state there, and what is still to be tried from it.
struct Frame {
    state: State,
    /// The first operation that is not yet in the order.
    first: usize,
    /// How many certain writes are in it.
    writes: usize,
    /// What to try, the last first; above `certain` are the possible ones.
    candidates: Vec<usize>,
    /// What led here.
    taken: Option<usize>,
}

impl Search {
    fn new(certain: Vec<Step>, possible: Vec<Step>) -> Self {
        let version = |step: &Step| match step.told {
            Told::Written(version) => Some(version),
            _ => None,
        };
        let mut versions: Vec<(u64, usize)> = certain
            .iter()
            .enumerate()
            .filter_map(|(index, step)| Some((version(step)?, index)))
            .collect();
        versions.sort_unstable();
        let mut ranks = vec![None; certain.len()];
        for (rank, &(_, index)) in versions.iter().enumerate() {
            ranks[index] = Some(rank);
        }
        Self { certain, possible, ranks }
    }

    fn run(&self) -> Verdict {
        let mut taken = vec![false; self.certain.len() + self.possible.len()];
        let mut tried: HashSet<(Vec<usize>, State)> = HashSet::new();
        let mut frames = vec![self.frame(State::default(), (0, 0), None, &taken)];
        let (mut steps, mut count, mut longest) = (0_u64, 0, 0);
        let mut stuck = self.window(0, &taken);
        while let Some(frame) = frames.last_mut() {
            if frame.first == self.certain.len() {
                return Verdict::Linearizable;
            }
            steps += 1;
            if steps > STEPS_MAX {
                return Verdict::Undecided;
            }
            let Some(candidate) = frame.candidates.pop() else {
                if let Some(last) = frame.taken {
                    taken[last] = false;
                    count -= usize::from(last < self.certain.len());
                }
                frames.pop();
                continue;
            };
            let step = self.step(candidate);
            let Some(state) = frame.state.after(step.ask, step.told) else { continue };
            let is_write = self.ranks.get(candidate).is_some_and(Option::is_some);
            let writes = frame.writes + usize::from(is_write);
            let rest = frame.first..self.certain.len();
            taken[candidate] = true;
            let first = rest.into_iter().find(|&index| !taken[index]);
            let first = first.unwrap_or(self.certain.len());
            if !tried.insert((self.signature(first, &taken), state)) {
                taken[candidate] = false;
                continue;
            }
            count += usize::from(candidate < self.certain.len());
            if count > longest {
                longest = count;
                stuck = self.window(first, &taken);
            }
            frames.push(self.frame(state, (first, writes), Some(candidate), &taken));
        }
        let mut stuck: Vec<usize> = stuck.into_iter().map(|it| self.certain[it].index).collect();
        stuck.sort_unstable();
        let all = self.certain.len();
        let reason = format!("no order explains it: after {longest} of {all} none can come next");
        Verdict::Not { stuck, reason }
    }

    fn step(&self, candidate: usize) -> Step {
        match self.certain.get(candidate) {
            Some(step) => *step,
            None => self.possible[candidate - self.certain.len()],
        }
    }

    /// The certain operations that began before the first of the rest ended: any may come next.
    fn window(&self, first: usize, taken: &[bool]) -> Vec<usize> {
        let mut end_us = u64::MAX;
        let mut window = Vec::new();
        for (index, step) in self.certain.iter().enumerate().skip(first) {
            if step.start_us > end_us {
                break;
            }
            if !taken[index] {
                end_us = end_us.min(step.end_us);
                window.push(index);
            }
        }
        window.retain(|&index| self.certain[index].start_us <= end_us);
        window
    }

    fn frame(
        &self,
        state: State,
        (first, writes): (usize, usize),
        last: Option<usize>,
        taken: &[bool],
    ) -> Frame {
        let mut window = self.window(first, taken);
        let end_us = window.iter().map(|&it| self.certain[it].end_us).min().unwrap_or(u64::MAX);
        window.retain(|&it| self.ranks[it].is_none_or(|rank| rank == writes));
        // Tried from the end: the earliest first, and what may not have happened last.
        window.sort_by_key(|&it| std::cmp::Reverse(self.certain[it].end_us));
        let offset = self.certain.len();
        let possible = self.possible.iter().take_while(|step| step.start_us <= end_us).count();
        let possible = (offset..offset + possible).filter(|&it| !taken[it]);
        let candidates = possible.chain(window).collect();
        Frame { state, first, writes, candidates, taken: last }
    }

    /// Which operations are in the order: all below the first, and these.
    fn signature(&self, first: usize, taken: &[bool]) -> Vec<usize> {
        let mut list = vec![first];
        // Beyond what may be concurrent with the first one, nothing is taken.
        let end_us = self.certain.get(first).map_or(u64::MAX, |step| step.end_us);
        let near = self.certain.iter().enumerate().skip(first);
        let near = near.take_while(|(_, step)| step.start_us <= end_us);
        list.extend(near.map(|(index, _)| index).filter(|&index| taken[index]));
        list.extend((self.certain.len()..taken.len()).filter(|&index| taken[index]));
        list
    }
}
