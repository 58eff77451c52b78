//! What the demo counts while it reads and writes.

use std::{collections::BTreeMap, time::Duration};

use super::history::Verdict;

/// So many faults are told in full; the others are counted.
const EXAMPLES_MAX: usize = 20;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) reads: Times,
    pub(super) writes: Times,
    /// Requests that were sent, repeated ones included.
    pub(super) requests: u64,
    /// Answers that asked to come back, where coming back had success.
    pub(super) waits: u64,
    /// Writes whose outcome is unknown.
    pub(super) unknown: u64,
    /// Requests that failed, by kind.
    pub(super) errors: BTreeMap<String, u64>,
    /// Values that were gone.
    pub(super) lost: u64,
    /// Values that had been overwritten.
    pub(super) stale: u64,
    /// Values that nobody wrote.
    pub(super) wrong: u64,
    /// The first faults, each in a line.
    pub(super) examples: Vec<String>,
}

impl Tally {
    /// Counts a request that failed.
    pub(super) fn fail(&mut self, kind: &str, target: &str, text: &str) {
        *self.errors.entry(kind.to_owned()).or_default() += 1;
        self.example(|| format!("{kind} {target}: {text}"));
    }

    /// Counts a value that was read; `describe` says what was found if it is not a good one.
    pub(super) fn judge(&mut self, verdict: Verdict, describe: impl FnOnce() -> String) {
        match verdict {
            Verdict::Good(_) => return,
            Verdict::Lost => self.lost += 1,
            Verdict::Stale => self.stale += 1,
            Verdict::Wrong => self.wrong += 1,
        }
        self.example(describe);
    }

    /// How many requests failed.
    pub(super) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    fn example(&mut self, describe: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(describe());
        }
    }
}

/// How long requests took, waits included.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// How many took so many steps of time; a step is an eighth of an octave of microseconds.
    counts: BTreeMap<u32, u64>,
    count: u64,
    max: Duration,
}

impl Times {
    /// Counts one.
    pub(super) fn add(&mut self, time: Duration) {
        *self.counts.entry(step(time)).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(time);
    }

    /// How many were counted.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub(super) const fn max(&self) -> Duration {
        self.max
    }

    /// So many of a hundred took at most this long, to about a tenth.
    pub(super) fn percentile(&self, of_100: u64) -> Duration {
        let wanted = (self.count * of_100).div_ceil(100).max(1);
        let mut sum = 0;
        for (step, count) in &self.counts {
            sum += count;
            if sum >= wanted {
                return end_of_step(*step).min(self.max);
            }
        }
        self.max
    }
}

/// Eight steps to each doubling.
fn step(time: Duration) -> u32 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(8);
    let octave = micros.ilog2();
    let eighth = u32::try_from((micros >> (octave - 3)) & 7).unwrap_or(0);
    octave * 8 + eighth
}

fn end_of_step(step: u32) -> Duration {
    let (octave, eighth) = (step / 8, u64::from(step % 8));
    Duration::from_micros((8 + eighth + 1) << (octave - 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_and_never_below() {
        let mut times = Times::default();
        assert_eq!((times.count(), times.percentile(50)), (0, Duration::ZERO));
        for micros in 1..=1_000 {
            times.add(Duration::from_micros(micros));
        }
        for (of_100, exact) in [(50, 500), (99, 990), (100, 1_000)] {
            let found = u64::try_from(times.percentile(of_100).as_micros()).unwrap();
            assert!((exact..=exact * 9 / 8 + 1).contains(&found), "{of_100}: {found}");
        }
        assert_eq!(times.max(), Duration::from_micros(1_000));
        times.add(Duration::from_secs(1 << 30));
        assert_eq!(times.percentile(100), Duration::from_secs(1 << 30));
    }

    #[test]
    fn faults_are_counted_all_and_told_some() {
        let mut tally = Tally::default();
        for number in 0..30 {
            tally.fail("GET 502", "/a", &number.to_string());
        }
        for verdict in [Verdict::Good(1), Verdict::Lost, Verdict::Stale, Verdict::Wrong] {
            tally.judge(verdict, || "a fault".into());
        }
        assert_eq!((tally.lost, tally.stale, tally.wrong, tally.error_count()), (1, 1, 1, 30));
        assert_eq!(tally.examples.len(), EXAMPLES_MAX);
        assert_eq!(tally.examples[1], "GET 502 /a: 1");
    }
}
