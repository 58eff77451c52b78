//! What a run found: counted, in words, and as a picture.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use crate::{
    history::{Operation, Told},
    nemesis::Harm,
    picture::picture,
    run::Outcome,
    say,
};

/// What was checked, one line each.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) passed: Vec<String>,
    pub(crate) failed: Vec<String>,
    pub(crate) skipped: Vec<String>,
}

impl Counts {
    pub(crate) fn pass(&mut self, text: &str) {
        self.passed.push(text.to_owned());
    }

    pub(crate) fn fail(&mut self, text: &str) {
        self.failed.push(text.to_owned());
    }

    pub(crate) fn skip(&mut self, text: &str) {
        self.skipped.push(text.to_owned());
    }

    fn add(&mut self, is_good: bool, text: &str) {
        if is_good { self.pass(text) } else { self.fail(text) }
    }
}

/// Judges a run without a lying proxy, or with one.
pub(crate) fn judge(outcome: &Outcome) -> Counts {
    let mut counts = Counts::default();
    for (name, kind) in &outcome.findings.kinds {
        let (keys, operations) = (thousands(kind.keys), thousands(kind.operations));
        let text = match kind.violations {
            0 => format!("{name}: {keys} keys, {operations} operations, each key linearizable"),
            bad => format!("{name}: {bad} of {keys} keys have no order that explains them"),
        };
        counts.add(kind.violations == 0, &text);
    }
    let text = match outcome.faults_count {
        0 => "no answer that a client should not get, no process that ended by itself".to_owned(),
        bad => format!("{bad} answers or events that should not be"),
    };
    counts.add(outcome.faults_count == 0, &text);
    let moved = outcome.samples.last().map_or(0, |sample| sample.moved);
    counts.add(moved > 0, &format!("{moved} ranges moved by {} changes", outcome.changes.len()));
    for harm in Harm::ALL {
        let times = outcome.harms.iter().filter(|done| done.harm == harm).count();
        let is_possible = match harm {
            Harm::FillDisk => outcome.has_disks,
            Harm::Cut | Harm::CutAnswers | Harm::CutStore => outcome.has_network,
            _ => true,
        };
        match (times, is_possible) {
            (0, _) if outcome.plant.is_some() => {}
            (0, false) => counts.skip(&format!("{}: namespaces are not permitted", harm.name())),
            (0, true) => counts.skip(&format!("{}: the run was too short", harm.name())),
            _ => counts.pass(&format!("{} {times} times", harm.name())),
        }
    }
    counts
}

/// Writes `report.txt`, `report.svg` and, of keys that violate, `violations.txt`.
pub(crate) fn write(outcome: &Outcome, counts: &Counts, out: &Path) -> io::Result<()> {
    fs::create_dir_all(out)?;
    fs::write(out.join("report.txt"), text(outcome, counts))?;
    fs::write(out.join("report.svg"), picture(outcome))?;
    let violations = out.join("violations.txt");
    if outcome.findings.violations.is_empty() {
        return match fs::remove_file(violations) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let mut text = format!("seed {}\n\n", outcome.seed);
    text += &outcome.findings.violations.join("\n");
    for (key, history) in &outcome.findings.histories {
        let _ = writeln!(text, "\nall of {key}:");
        for operation in history {
            let _ = writeln!(text, "  {operation}");
        }
    }
    fs::write(violations, text)
}

pub(crate) fn show(outcome: &Outcome, counts: &Counts, out: &Path) {
    say(text(outcome, counts).trim_end());
    say(&format!("{} has the picture", out.join("report.svg").display()));
}

/// How often each answer came, and how long answers took.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) all: usize,
    pub(crate) by_answer: BTreeMap<&'static str, usize>,
    /// In microseconds, sorted: of what was answered.
    pub(crate) latencies_us: Vec<u64>,
}

impl Totals {
    pub(crate) fn of(operations: &[Operation]) -> Self {
        let mut totals = Self { all: operations.len(), ..Self::default() };
        for operation in operations {
            let answer = match operation.told {
                Told::Refused => "refused (503)",
                Told::Unsent => "no connection",
                Told::Unknown => "unknown outcome",
                _ => "answered",
            };
            *totals.by_answer.entry(answer).or_default() += 1;
            if answer == "answered" {
                totals.latencies_us.push(operation.end_us - operation.start_us);
            }
        }
        totals.latencies_us.sort_unstable();
        totals
    }

    /// The latency that so many of a thousand do not exceed, in milliseconds.
    pub(crate) fn latency_ms(&self, per_mille: usize) -> f64 {
        percentile(&self.latencies_us, per_mille)
    }
}

/// Of sorted microseconds; in milliseconds.
#[allow(clippy::cast_precision_loss, reason = "latencies are far below 2^52 us")]
pub(crate) fn percentile(sorted_us: &[u64], per_mille: usize) -> f64 {
    let last = sorted_us.len().saturating_sub(1);
    sorted_us.get(last * per_mille / 1_000).map_or(0.0, |us| *us as f64 / 1_000.0)
}

fn text(outcome: &Outcome, counts: &Counts) -> String {
    let totals = Totals::of(&outcome.operations);
    let last = outcome.samples.last().copied().unwrap_or_default();
    let seconds = outcome.healed_us / 1_000_000;
    let mut text = format!(
        "seed {}, {} nodes, {} clients, {seconds} s of harm, then all keys read back\n",
        outcome.seed, outcome.nodes, outcome.clients
    );
    let _ = writeln!(text, "{:>12} operations", thousands(totals.all));
    for (answer, count) in &totals.by_answer {
        let _ = writeln!(text, "{:>12} {answer}", thousands(*count));
    }
    let [median, p99, max] = [500, 990, 1_000].map(|per_mille| totals.latency_ms(per_mille));
    let _ = writeln!(
        text,
        "  answered in {median:.1} ms (median), {p99:.0} ms (99 %), {max:.0} ms (all)"
    );
    let _ = writeln!(
        text,
        "  {} changes; {} moves committed, {} taken back; the last proxy's pauses: {:.0} ms (median), \
         {:.0} ms (99 %), {:.0} ms (all)",
        outcome.changes.len(),
        last.moved,
        last.aborted,
        last.median_ms,
        last.p99_ms,
        last.max_ms
    );
    let (repeated, settled) = outcome.repeated;
    let _ = writeln!(
        text,
        "  {repeated} changes of unknown outcome were sent again under their Idempotency-Key; {settled} of \
         them were then answered"
    );
    for (mark, list) in
        [("ok", &counts.passed), ("FAILED", &counts.failed), ("skipped", &counts.skipped)]
    {
        for line in list {
            let _ = writeln!(text, "  {mark:<7} {line}");
        }
    }
    for fault in &outcome.faults {
        let _ = writeln!(text, "  fault: {fault}");
    }
    for violation in outcome.findings.violations.iter().take(3) {
        let _ = writeln!(text, "\nVIOLATION, seed {}\n{violation}", outcome.seed);
    }
    text
}

pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert!((percentile(&[1_000, 2_000, 3_000], 500) - 2.0).abs() < 1e-9);
        assert!(percentile(&[], 500).abs() < 1e-9);
    }
}
