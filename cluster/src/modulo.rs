//! The rule that everybody starts with, `hash mod n`, to compare a plan with.
//!
//! The list has each node `weight` times, in the order of the cluster file, so that n is the sum
//! of the weights: with equal weights of 1 that is the plain rule, otherwise twemproxy's `modula`.

use ringway::{NodeIndex, Table};

use crate::balance::indices;

/// Who would own what under `hash mod n`.
#[derive(Clone, Debug)]
pub struct Modulo {
    /// The nodes with weight, each with the end of its run of slots.
    runs: Vec<(u64, NodeIndex)>,
}

impl Modulo {
    /// The rule for the nodes of a table.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        let mut end = 0;
        let mut runs = Vec::new();
        for index in indices(table) {
            let weight = table.effective_weight(index);
            if weight > 0 {
                end += u64::from(weight);
                runs.push((end, index));
            }
        }
        Self { runs }
    }

    /// n: how many slots there are.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.runs.last().map_or(0, |&(end, _)| end)
    }

    /// The owner of a hash.
    ///
    /// # Complexity
    /// O(log nodes).
    #[must_use]
    pub fn owner(&self, hash: u64) -> Option<NodeIndex> {
        let slot = hash.checked_rem(self.slots())?;
        self.runs.get(self.runs.partition_point(|&(end, _)| end <= slot)).map(|&(_, index)| index)
    }

    /// The first slot and the number of slots of each node.
    fn runs(&self) -> impl Iterator<Item = (NodeIndex, u64, u64)> {
        let starts = core::iter::once(0).chain(self.runs.iter().map(|&(end, _)| end));
        self.runs.iter().zip(starts).map(|(&(end, index), start)| (index, start, end - start))
    }
}

/// Which part of all hashes changes owner between two such lists, as `(moved, of)`, exactly:
/// `of` is lcm(n, m), after which the pair of slots repeats. `twin` tells the node of the same
/// name on the other side.
pub(crate) fn moved(
    from: &Modulo,
    to: &Modulo,
    twin: impl Fn(NodeIndex) -> Option<NodeIndex>,
) -> (u128, u128) {
    let (n, m) = (from.slots(), to.slots());
    if n == 0 || m == 0 {
        return (u128::from(n != m), 1);
    }
    let divisor = gcd(n, m);
    let period = u128::from(n / divisor) * u128::from(m);
    let mut runs = vec![None; to.runs().map(|(index, ..)| index.as_usize() + 1).max().unwrap_or(0)];
    for (index, start, len) in to.runs() {
        runs[index.as_usize()] = Some((start, len));
    }
    let kept: u128 = from
        .runs()
        .filter_map(|(index, start, len)| {
            let other = (*runs.get(twin(index)?.as_usize())?)?;
            Some(congruent((start, len), other, divisor))
        })
        .sum();
    (period - kept, period)
}

/// How many pairs (i, j) there are, i in the first run and j in the second, with i ≡ j mod
/// `divisor`. By the Chinese remainder theorem each is one hash of a period.
fn congruent(a: (u64, u64), b: (u64, u64), divisor: u64) -> u128 {
    // Whole turns meet each residue once a turn; what is left is a window of residues.
    let turns = |len: u64| (u128::from(len / divisor), len % divisor);
    let ((a_turns, a_rest), (b_turns, b_rest)) = (turns(a.1), turns(b.1));
    let windows = overlap((a.0 % divisor, a_rest), (b.0 % divisor, b_rest), divisor);
    u128::from(divisor) * a_turns * b_turns
        + a_turns * u128::from(b_rest)
        + b_turns * u128::from(a_rest)
        + u128::from(windows)
}

/// How many residues lie in both windows `(start, len)` of the circle of `divisor` residues,
/// each being shorter than the circle.
fn overlap(a: (u64, u64), b: (u64, u64), divisor: u64) -> u64 {
    // Turn the circle so that `a` starts at 0; `b` may then wrap into two pieces.
    let start = (b.0 + divisor - a.0) % divisor;
    let end = start + b.1;
    let first = end.min(a.1).saturating_sub(start);
    let second = end.saturating_sub(divisor).min(a.1);
    first + second
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
