//! A run as a picture: what was answered, how long it took, what was broken, what moved.

use std::fmt::{Arguments, Write as _};

use crate::{
    history::{Operation, Told},
    nemesis::{Done, Harm},
    report::{Totals, percentile, thousands},
    run::Outcome,
};

const WIDTH: f64 = 1_240.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 28.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
const GAP: f64 = 46.0;
const TOP: f64 = 118.0;
const RATE_HEIGHT: f64 = 170.0;
const LATENCY_HEIGHT: f64 = 190.0;
const ROW_HEIGHT: f64 = 22.0;
const MOVES_HEIGHT: f64 = 84.0;
/// Names of changes are written where they have room.
const CHANGE_WIDTH: f64 = 15.0;

const BACKGROUND: &str = "#ffffff";
const INK: &str = "#1b1e23";
const PALE_INK: &str = "#656b75";
const GRID: &str = "#e7e9ec";
const ANSWERED: &str = "#4269d0";
const REFUSED: &str = "#efb118";
const UNKNOWN: &str = "#e0432f";
const UNSENT: &str = "#9498a0";
/// From and to which latency the axis goes, in milliseconds.
const LATENCY_MS: (f64, f64) = (0.1, 20_000.0);

/// What happened in one slice of time.
#[derive(Clone, Debug, Default)]
struct Bin {
    /// Answered, refused, unknown, no connection.
    counts: [u32; 4],
    latencies_us: Vec<u64>,
}

/// A self-contained SVG.
pub(crate) fn picture(outcome: &Outcome) -> String {
    let end_us = outcome.operations.iter().map(|it| it.end_us).max().unwrap_or(1).max(1);
    let mut drawing = Drawing { svg: String::new(), end_us: float(end_us), bin_us: bin_us(end_us) };
    let rows = outcome.nodes + 1;
    let harms_top = TOP + RATE_HEIGHT + GAP + LATENCY_HEIGHT + GAP;
    let moves_top = harms_top + ROW_HEIGHT * float(rows) + 108.0;
    let bottom = moves_top + MOVES_HEIGHT;
    let height = bottom + 56.0;
    drawing.head(outcome, height);
    drawing.backdrop(outcome, bottom);
    let bins = drawing.bins(&outcome.operations, end_us);
    drawing.rates(&bins, TOP);
    drawing.latencies(&bins, TOP + RATE_HEIGHT + GAP);
    drawing.harms(outcome, harms_top);
    drawing.healed(outcome, harms_top);
    drawing.moves(outcome, moves_top);
    drawing.axis(bottom);
    drawing.svg.push_str("</svg>\n");
    drawing.svg
}

/// A slice of time: short, but with enough in it.
fn bin_us(end_us: u64) -> u64 {
    let steps = [50_000, 100_000, 200_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000];
    steps.into_iter().find(|step| end_us / step <= 320).unwrap_or(10_000_000)
}

struct Drawing {
    svg: String,
    end_us: f64,
    bin_us: u64,
}

impl Drawing {
    fn put(&mut self, text: Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = self.svg.write_fmt(text);
    }

    fn x(&self, us: u64) -> f64 {
        LEFT + PLOT * float(us) / self.end_us
    }

    fn head(&mut self, outcome: &Outcome, height: f64) {
        let totals = Totals::of(&outcome.operations);
        let bad = outcome.findings.violations.len();
        let verdict = match (bad, outcome.faults_count) {
            (0, 0) => "every history linearizable".to_owned(),
            (0, faults) => format!("{faults} faults"),
            (bad, _) => format!("{bad} violations"),
        };
        let title = format!("{} operations through harm: {verdict}", thousands(totals.all));
        let last = outcome.samples.last().copied().unwrap_or_default();
        let first = format!(
            "{} harms to {} nodes and their proxy in {} s · {} changes of the cluster, {} ranges \
             moved, {} moves taken back · {} clients · seed {}",
            outcome.harms.len(),
            outcome.nodes,
            outcome.healed_us / 1_000_000,
            outcome.changes.len(),
            last.moved,
            last.aborted,
            outcome.clients,
            outcome.seed,
        );
        let [median, p99, max] = [500, 990, 1_000].map(|part| totals.latency_ms(part));
        let answers: Vec<String> = totals
            .by_answer
            .iter()
            .map(|(answer, count)| format!("{} {answer}", thousands(*count)))
            .collect();
        let second = format!(
            "{} · answered in {median:.1} ms (median), {p99:.0} ms (99 %), {max:.0} ms at most",
            answers.join(", ")
        );
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, 'Segoe UI', 'Helvetica \
             Neue', 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{BACKGROUND}\"/>\n\
             <text x=\"28\" y=\"38\" font-size=\"21\" font-weight=\"600\">{title}</text>\n\
             <text x=\"28\" y=\"60\" fill=\"{PALE_INK}\">{first}</text>\n\
             <text x=\"28\" y=\"78\" fill=\"{PALE_INK}\">{second}</text>\n"
        ));
    }

    /// Where nobody can be answered, and where the keys are read back.
    fn backdrop(&mut self, outcome: &Outcome, bottom: f64) {
        let begin = TOP - 6.0;
        for done in outcome.harms.iter().filter(|done| done.target == "proxy") {
            let (left, right) = (self.x(done.from_us), self.x(done.to_us));
            self.put(format_args!(
                "<rect x=\"{left:.2}\" y=\"{begin}\" width=\"{:.2}\" height=\"{:.1}\" \
                 fill=\"{}\" opacity=\"0.10\"/>\n",
                (right - left).max(1.0),
                bottom - begin,
                colour(done.harm),
            ));
        }
        let healed = self.x(outcome.healed_us);
        self.put(format_args!(
            "<rect x=\"{healed:.2}\" y=\"{begin}\" width=\"{:.2}\" height=\"{:.1}\" \
             fill=\"#3ca951\" opacity=\"0.10\"/>\n",
            LEFT + PLOT - healed,
            bottom - begin,
        ));
    }

    fn bins(&self, operations: &[Operation], end_us: u64) -> Vec<Bin> {
        let count = usize::try_from(end_us / self.bin_us).unwrap_or(0) + 1;
        let mut bins = vec![Bin::default(); count];
        for operation in operations {
            let place = usize::try_from(operation.end_us / self.bin_us).unwrap_or(0);
            let Some(bin) = bins.get_mut(place) else { continue };
            let row = match operation.told {
                Told::Refused => 1,
                Told::Unknown => 2,
                Told::Unsent => 3,
                _ => {
                    bin.latencies_us.push(operation.end_us - operation.start_us);
                    0
                }
            };
            bin.counts[row] += 1;
        }
        for bin in &mut bins {
            bin.latencies_us.sort_unstable();
        }
        bins
    }

    fn title(&mut self, top: f64, text: &str, legend: &[(&str, &str)]) {
        let y = top - 12.0;
        self.put(format_args!("<text x=\"{LEFT}\" y=\"{y}\" font-weight=\"600\">{text}</text>\n"));
        let mut x = LEFT + PLOT;
        for (name, colour) in legend.iter().rev() {
            x -= 7.3 * float(name.chars().count()) + 30.0;
            self.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"11\" height=\"11\" rx=\"2\" \
                 fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y}\" fill=\"{PALE_INK}\">{name}</text>\n",
                y - 10.0,
                x + 16.0,
            ));
        }
    }

    fn level(&mut self, y: f64, label: &str) {
        self.put(format_args!(
            "<path d=\"M{LEFT} {y:.1}h{PLOT}\" stroke=\"{GRID}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\" fill=\"{PALE_INK}\" font-size=\"11\">{label}</text>\n",
            LEFT - 8.0,
            y + 4.0,
        ));
    }

    /// Stacked: answers, and what was none.
    fn rates(&mut self, bins: &[Bin], top: f64) {
        let per_second = 1_000_000.0 / float(self.bin_us);
        let sum = |bin: &Bin| float(bin.counts.iter().sum::<u32>()) * per_second;
        let most = nice(bins.iter().map(sum).fold(1.0, f64::max));
        let y = |rate: f64| top + RATE_HEIGHT * (1.0 - rate / most);
        let legend = [
            ("answered", ANSWERED),
            ("refused, 503", REFUSED),
            ("unknown outcome", UNKNOWN),
            ("no connection", UNSENT),
        ];
        self.title(top, "Operations a second", &legend);
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let label = thousands(rounded(most * part));
            self.level(y(most * part), &label);
        }
        let width = PLOT * float(self.bin_us) / self.end_us;
        for (row, (_, colour)) in legend.iter().enumerate() {
            let mut path = String::new();
            for (index, bin) in bins.iter().enumerate() {
                if bin.counts[row] == 0 {
                    continue;
                }
                let below: u32 = bin.counts[..row].iter().sum();
                let (low, high) =
                    (y(float(below) * per_second), y(float(below + bin.counts[row]) * per_second));
                let left = LEFT + width * float(index);
                // What is rare has to be seen, too.
                let height = if row == 0 { low - high } else { (low - high).max(1.6) };
                let _ = write!(path, "M{left:.2} {low:.2}v{:.2}h{width:.2}V{low:.2}Z", -height);
            }
            self.put(format_args!("<path d=\"{path}\" fill=\"{colour}\"/>\n"));
        }
    }

    fn latencies(&mut self, bins: &[Bin], top: f64) {
        let (low, high) = LATENCY_MS;
        let y = |ms: f64| {
            let part = (ms.clamp(low, high) / low).ln() / (high / low).ln();
            top + LATENCY_HEIGHT * (1.0 - part)
        };
        let legend = [("median", ANSWERED), ("99 %", "#a463f2"), ("longest", INK)];
        self.title(top, "Latency of what was answered", &legend);
        for (ms, label) in [
            (0.1, "0.1 ms"),
            (1.0, "1 ms"),
            (10.0, "10 ms"),
            (100.0, "100 ms"),
            (1_000.0, "1 s"),
            (10_000.0, "10 s"),
        ] {
            self.level(y(ms), label);
        }
        let width = PLOT * float(self.bin_us) / self.end_us;
        let middle = |index: usize| LEFT + width * (float(index) + 0.5);
        let mut ranges = String::new();
        let mut dots = String::new();
        for (index, bin) in bins.iter().enumerate() {
            if bin.latencies_us.is_empty() {
                continue;
            }
            let [median, p99, max] =
                [500, 990, 1_000].map(|it| y(percentile(&bin.latencies_us, it)));
            let x = middle(index);
            let _ = write!(ranges, "M{x:.2} {median:.2}V{p99:.2}");
            let _ = write!(dots, "M{:.2} {max:.2}h2.4", x - 1.2);
        }
        let stroke = (width * 0.7).clamp(1.0, 6.0);
        self.put(format_args!(
            "<path d=\"{ranges}\" stroke=\"#a463f2\" stroke-width=\"{stroke:.2}\" \
             opacity=\"0.28\"/>\n<path d=\"{dots}\" stroke=\"{INK}\" stroke-width=\"2.4\"/>\n"
        ));
        for (per_mille, colour) in [(990, "#a463f2"), (500, ANSWERED)] {
            let mut line = String::new();
            let mut is_down = false;
            for (index, bin) in bins.iter().enumerate() {
                if bin.latencies_us.is_empty() {
                    is_down = false;
                    continue;
                }
                let place = y(percentile(&bin.latencies_us, per_mille));
                let _ = write!(
                    line,
                    "{}{:.2} {place:.2}",
                    if is_down { 'L' } else { 'M' },
                    middle(index)
                );
                is_down = true;
            }
            self.put(format_args!(
                "<path d=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" \
                 stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n"
            ));
        }
    }

    /// A row for the proxy and for each node; what was done to it, as a bar.
    fn harms(&mut self, outcome: &Outcome, top: f64) {
        let legend = Harm::ALL.map(|harm| (harm.name(), colour(harm)));
        self.title(top, "Harm", &legend);
        let names =
            ["proxy".to_owned()].into_iter().chain((1..=outcome.nodes).map(|it| format!("n{it}")));
        for (row, name) in names.enumerate() {
            let y = top + ROW_HEIGHT * float(row);
            self.put(format_args!(
                "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{PLOT}\" height=\"{:.1}\" \
                 fill=\"#f4f5f7\" rx=\"2\"/><text x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{name}</text>\n",
                y + 2.0,
                ROW_HEIGHT - 4.0,
                LEFT - 8.0,
                y + ROW_HEIGHT / 2.0 + 4.0,
            ));
            for done in outcome.harms.iter().filter(|done| done.target == name) {
                self.bar(done, y);
            }
        }
        let y = top + ROW_HEIGHT * float(outcome.nodes + 1) + 15.0;
        self.put(format_args!(
            "<text x=\"{LEFT}\" y=\"{y:.1}\" font-size=\"11\" fill=\"{PALE_INK}\">● the source, \
             ○ the destination of a range that was moving</text>\n"
        ));
    }

    /// Names the time without harm at the end.
    fn healed(&mut self, outcome: &Outcome, top: f64) {
        let left = self.x(outcome.healed_us);
        let room = LEFT + PLOT - left;
        let (x, y) = (left + room / 2.0 - 4.0, top + 4.0);
        if room > 14.0 {
            self.put(format_args!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"11\" fill=\"#2b7a3b\" \
                 transform=\"rotate(90 {x:.1} {y:.1})\">every key is read back</text>\n"
            ));
        }
    }

    fn bar(&mut self, done: &Done, y: f64) {
        let (left, right) = (self.x(done.from_us), self.x(done.to_us));
        let width = (right - left).max(2.5);
        let (seconds, lasted) = (float(done.from_us) / 1e6, float(done.to_us - done.from_us) / 1e6);
        self.put(format_args!(
            "<rect x=\"{left:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"{:.1}\" rx=\"2\" \
             fill=\"{}\"><title>{} {} {} at {seconds:.2} s for {lasted:.2} s</title></rect>\n",
            y + 3.0,
            ROW_HEIGHT - 6.0,
            colour(done.harm),
            done.harm.name(),
            done.role,
            done.target,
        ));
        let fill = match done.role {
            "source" => INK,
            "destination" => BACKGROUND,
            _ => return,
        };
        self.put(format_args!(
            "<circle cx=\"{:.2}\" cy=\"{:.1}\" r=\"3.2\" fill=\"{fill}\" stroke=\"{INK}\" \
             stroke-width=\"1.2\"/>\n",
            left + width / 2.0,
            y + ROW_HEIGHT / 2.0,
        ));
    }

    /// Ranges that moved, as columns, and the changes that made them move.
    fn moves(&mut self, outcome: &Outcome, top: f64) {
        let count = rounded(self.end_us / float(self.bin_us)) + 2;
        let mut columns = vec![(0_u64, 0_u64); count];
        let mut last = (0, 0);
        for sample in &outcome.samples {
            let place = usize::try_from(sample.at_us / self.bin_us).unwrap_or(0);
            if let Some(column) = columns.get_mut(place) {
                column.0 += sample.moved.saturating_sub(last.0);
                column.1 += sample.aborted.saturating_sub(last.1);
            }
            last = (sample.moved, sample.aborted);
        }
        let sums = columns.iter().map(|column| float(column.0 + column.1));
        let most = nice(sums.fold(1.0, f64::max));
        let slice = float(self.bin_us) / 1e6;
        // Above the changes' names, which stand on end.
        let legend = [("moved", "#3ca951"), ("taken back", "#ff725c")];
        self.title(top - 52.0, &format!("Ranges that moved, in each {slice} s"), &legend);
        let y = |number: f64| top + MOVES_HEIGHT * (1.0 - number / most);
        for part in [0.0, 0.5, 1.0] {
            self.level(y(most * part), &format!("{}", most * part));
        }
        let width = PLOT * float(self.bin_us) / self.end_us;
        for (is_moved, colour) in [(true, "#3ca951"), (false, "#ff725c")] {
            let mut path = String::new();
            for (index, &(moved, aborted)) in columns.iter().enumerate() {
                let (low, high) = if is_moved { (0, moved) } else { (moved, moved + aborted) };
                if low < high {
                    let (low, high) = (y(float(low)), y(float(high)));
                    let left = LEFT + width * float(index);
                    let _ = write!(path, "M{left:.2} {low:.2}V{high:.2}h{width:.2}V{low:.2}Z");
                }
            }
            self.put(format_args!("<path d=\"{path}\" fill=\"{colour}\"/>\n"));
        }
        let mut free = LEFT;
        for change in &outcome.changes {
            let x = self.x(change.at_us);
            self.put(format_args!(
                "<path d=\"M{x:.2} {:.1}V{:.1}\" stroke=\"{PALE_INK}\" opacity=\"0.6\">\
                 <title>{} at {:.2} s</title></path>\n",
                top - 4.0,
                top + MOVES_HEIGHT,
                change.text,
                float(change.at_us) / 1e6,
            ));
            if x >= free && x < LEFT + PLOT - 30.0 {
                free = x + CHANGE_WIDTH;
                self.put(format_args!(
                    "<text x=\"{x:.2}\" y=\"{:.1}\" font-size=\"10\" fill=\"{PALE_INK}\" \
                     transform=\"rotate(-45 {x:.2} {:.1})\">{}</text>\n",
                    top - 7.0,
                    top - 7.0,
                    change.text,
                ));
            }
        }
    }

    fn axis(&mut self, bottom: f64) {
        let seconds = self.end_us / 1e6;
        let steps = [1_u32, 2, 5, 10, 20, 30, 60, 120, 300, 600];
        let step =
            steps.into_iter().find(|step| seconds / f64::from(*step) <= 16.0).unwrap_or(1_200);
        let mut at = 0;
        while f64::from(at) <= seconds {
            let x = LEFT + PLOT * f64::from(at) / seconds;
            self.put(format_args!(
                "<path d=\"M{x:.2} {bottom}v5\" stroke=\"{PALE_INK}\"/><text x=\"{x:.2}\" \
                 y=\"{:.1}\" text-anchor=\"middle\" fill=\"{PALE_INK}\">{at} s</text>\n",
                bottom + 19.0,
            ));
            at += step;
        }
    }
}

const fn colour(harm: Harm) -> &'static str {
    match harm {
        Harm::Kill => "#e0432f",
        Harm::Stop => "#f28e2c",
        Harm::FillDisk => "#a463f2",
        Harm::Cut => "#2f5fd0",
        Harm::CutAnswers => "#38b2c8",
        Harm::CutStore => "#8a8f98",
    }
}

/// The next number that an axis may end with.
fn nice(most: f64) -> f64 {
    let mut power = 1.0;
    while power * 10.0 < most {
        power *= 10.0;
    }
    let steps = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= most).unwrap_or(most)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a label of an axis, whose ends are chosen"
)]
fn rounded(number: f64) -> usize {
    number.max(0.0).round() as usize
}

#[allow(clippy::cast_precision_loss, reason = "pixels are read with three digits")]
fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().map_or(0.0, |number: u64| number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_with_round_numbers() {
        for (most, end) in
            [(0.5, 1.0), (1.0, 1.0), (7.0, 8.0), (1_234.0, 2_000.0), (9_999.0, 10_000.0)]
        {
            assert!((nice(most) - end).abs() < 1e-9, "{most}");
        }
        assert_eq!(bin_us(4_000_000), 50_000);
        assert_eq!(bin_us(60_000_000), 200_000);
        assert_eq!(bin_us(600_000_000), 2_000_000);
    }
}
