//! What the demo says at the end.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use ringway_cluster::{Balance, BalanceRow};

use super::{
    Args,
    change::{Change, View},
    checks::Misrouted,
    load::Traffic,
    records::Records,
    tally::{Tally, Times},
};
use crate::{
    admin::view::MovesView,
    failure::{Failure, Outcome},
    show::{Align, Grid, count, thousands},
    svg::{self, SvgRow},
};

/// So many skipped files are named; the others are counted.
const SKIPPED_SHOWN_MAX: usize = 5;

/// Everything that the demo found.
pub(super) struct Report {
    /// The cluster before the first change, and after each.
    pub(super) views: Vec<View>,
    pub(super) changes: Vec<Change>,
    pub(super) moves: MovesView,
    /// What was counted while nodes changed.
    pub(super) while_changing: Tally,
    pub(super) traffic_time: Duration,
    /// The same, and the reading back.
    pub(super) tally: Tally,
    pub(super) misrouted: Misrouted,
}

impl Report {
    /// Prints the report, draws the picture, and says how it ended.
    pub(super) fn print(&self, args: &Args, records: &Records) -> Outcome {
        let picture = self.draw(args)?;
        let mut out = BufWriter::new(io::stdout().lock());
        writeln!(out)?;
        self.print_records(&mut out, args, records)?;
        writeln!(out)?;
        self.print_shares(&mut out)?;
        writeln!(out)?;
        self.print_changes(&mut out)?;
        writeln!(out)?;
        self.print_traffic(&mut out, &picture)?;
        writeln!(out)?;
        for example in self.tally.examples.iter().chain(&self.misrouted.examples) {
            writeln!(out, "  {example}")?;
        }
        writeln!(out, "{}", self.result())?;
        out.flush()?;
        Ok(if self.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print_records(
        &self,
        out: &mut impl Write,
        args: &Args,
        records: &Records,
    ) -> io::Result<()> {
        writeln!(
            out,
            "{} of {}, {}",
            count(records.all.len(), "record"),
            args.records.canonicalize().unwrap_or_else(|_| args.records.clone()).display(),
            bytes(records.bytes),
        )?;
        if records.links > 0 {
            writeln!(out, "  left out: {}", count(records.links, "symbolic link"))?;
        }
        for skipped in records.skipped.iter().take(SKIPPED_SHOWN_MAX) {
            writeln!(out, "  left out: {skipped}")?;
        }
        let more = records.skipped.len().saturating_sub(SKIPPED_SHOWN_MAX);
        if more > 0 {
            writeln!(out, "  left out: {} more", thousands(wide(more)))?;
        }
        Ok(())
    }

    /// Each node's share of the records at every step, beside what its weight asks for.
    fn print_shares(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Share of the records, and what the weights ask for:")?;
        let titles = self.shown().map(|(title, _)| title.to_uppercase());
        let head = std::iter::once("NODE".to_owned()).chain(titles).collect();
        let mut rows = vec![head];
        for name in self.names() {
            let cells = self.shown().map(|(_, view)| share_of(view, &name));
            rows.push([name.clone()].into_iter().chain(cells).collect());
        }
        let fullest = self.shown().map(|(_, view)| {
            let ratio = view.balance().ratio_max();
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2} of ideal"))
        });
        rows.push(["fullest".to_owned()].into_iter().chain(fullest).collect());
        print_columns(out, &rows)
    }

    /// What each change moved, beside the least possible and what modulo would have moved.
    fn print_changes(&self, out: &mut impl Write) -> io::Result<()> {
        let mut grid = Grid::new(&[
            ("CHANGE", Align::Left),
            ("RECORDS MOVED", Align::Right),
            ("LEAST POSSIBLE", Align::Right),
            ("HASH MOD N", Align::Right),
            ("RANGES", Align::Right),
            ("SECONDS", Align::Right),
        ]);
        let total = self.views.first().map_or(0, |view| view.balance().total());
        for change in &self.changes {
            let part = |number: u64| {
                format!("{} ({})", thousands(u128::from(number)), percent(number, total))
            };
            grid.row(vec![
                change.title.clone(),
                part(change.moved),
                thousands(u128::from(change.least)),
                part(change.modulo),
                thousands(u128::from(change.ranges)),
                format!("{:.1}", change.time.as_secs_f64()),
            ]);
        }
        grid.print(out)
    }

    fn print_traffic(&self, out: &mut impl Write, picture: &std::path::Path) -> io::Result<()> {
        let tally = &self.while_changing;
        let pauses = &self.moves.pauses;
        let sum = tally.reads.count() + tally.writes.count();
        #[allow(clippy::cast_precision_loss, reason = "a rate is read with three digits")]
        let rate = sum as f64 / self.traffic_time.as_secs_f64().max(0.001);
        writeln!(
            out,
            "meanwhile  {} and {} over {} connections in {:.1} s, {rate:.0}/s",
            count(tally.reads.count(), "read"),
            count(tally.writes.count(), "write"),
            Traffic::connections(),
            self.traffic_time.as_secs_f64(),
        )?;
        writeln!(out, "reads      {}", times(&tally.reads))?;
        writeln!(out, "writes     {}", times(&tally.writes))?;
        writeln!(
            out,
            "pauses     {}: median {:.1} ms, 99 % within {:.1} ms, longest {:.1} ms",
            count(pauses.count, "range"),
            pauses.median_ms,
            pauses.p99_ms,
            pauses.max_ms,
        )?;
        writeln!(
            out,
            "moved      {} sent, {} aborted and done again",
            bytes(self.moves.totals.bytes_sent),
            count(self.moves.totals.aborted, "move"),
        )?;
        let waits = match self.tally.waits {
            0 => "none".to_owned(),
            waits => format!("{} (503 with Retry-After, then done)", thousands(u128::from(waits))),
        };
        writeln!(out, "requests   {}; waits: {waits}", thousands(u128::from(self.tally.requests)))?;
        let errors = match self.tally.error_count() {
            0 => "none".to_owned(),
            _ => {
                let kinds = self.tally.errors.iter();
                let kinds: Vec<String> =
                    kinds.map(|(kind, number)| format!("{number} × {kind}")).collect();
                kinds.join(", ")
            }
        };
        writeln!(out, "errors     {errors}")?;
        writeln!(out, "picture    {}", picture.display())
    }

    /// The last line.
    fn result(&self) -> String {
        let stale = self.tally.stale + self.tally.wrong;
        let mut text = format!(
            "{} lost, {} stale, {} misrouted",
            thousands(u128::from(self.tally.lost)),
            thousands(u128::from(stale)),
            thousands(u128::from(self.misrouted.count)),
        );
        if self.tally.error_count() > 0 {
            text.push_str(&format!(", {} failed", count(self.tally.error_count(), "request")));
        }
        text
    }

    fn is_good(&self) -> bool {
        let faults = self.tally.lost + self.tally.stale + self.tally.wrong + self.misrouted.count;
        faults + self.tally.error_count() == 0
    }

    /// The views that differ: the first, and each after which shares were different.
    fn shown(&self) -> impl Iterator<Item = (&str, &View)> {
        let titles = std::iter::once("at start");
        let titles = titles.chain(self.changes.iter().map(|change| change.title.as_str()));
        let moved = std::iter::once(true).chain(self.changes.iter().map(|it| it.ranges > 0));
        let all = titles.zip(&self.views).zip(moved);
        all.filter(|(_, moved)| *moved).map(|(shown, _)| shown)
    }

    /// Each node that ever was in the cluster, in order of appearance.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for node in self.views.iter().flat_map(|view| view.file.nodes()) {
            if !names.contains(&node.name) {
                names.push(node.name.clone());
            }
        }
        names
    }

    fn draw(&self, args: &Args) -> Result<PathBuf, Failure> {
        let path = args.out.join("balance.svg");
        let Some(view) = self.views.last() else { return Ok(path) };
        let balance = view.balance();
        let nodes = view.file.nodes().iter().zip(balance.rows());
        let rows: Vec<SvgRow<'_>> = nodes
            .map(|(node, row)| SvgRow {
                name: &node.name,
                share: balance.share(row),
                ideal: balance.ideal(row),
            })
            .collect();
        let changes: Vec<&str> = self.changes.iter().map(|change| change.title.as_str()).collect();
        let subtitle = format!(
            "{} on {} after: {}",
            count(balance.total(), "record"),
            count(rows.len(), "node"),
            changes.join(", ")
        );
        let svg = svg::balance_svg("ringway demo", &subtitle, &rows, &svg::ring_arcs(&view.table));
        fs::write(&path, svg).map_err(|error| Failure::of_file(&path, "written", &error))?;
        Ok(path)
    }
}

/// A node's share of the records and its ideal: `33.1 % (33.3 %)`; nothing if it is not there.
fn share_of(view: &View, name: &str) -> String {
    let balance = view.balance();
    let mut nodes = view.file.nodes().iter().zip(balance.rows());
    let share = |(_, row): (_, &BalanceRow)| shares(&balance, row);
    nodes.find(|(node, _)| node.name == name).map_or_else(|| "-".to_owned(), share)
}

fn shares(balance: &Balance, row: &BalanceRow) -> String {
    format!("{:.1} % ({:.1} %)", balance.share(row) * 100.0, balance.ideal(row) * 100.0)
}

/// Rows of cells, the first column to the left, the others to the right.
fn print_columns(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    use unicode_width::UnicodeWidthStr as _;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width - cell.width());
            match column {
                0 => line.extend([cell, space.as_str()]),
                _ => line.extend(["  ", space.as_str(), cell]),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn times(times: &Times) -> String {
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
    format!(
        "median {}, 99 % within {}, longest {}, waits included",
        ms(times.percentile(50)),
        ms(times.percentile(99)),
        ms(times.max())
    )
}

/// Bytes in the unit that leaves one to three digits before the point.
fn bytes(number: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "shown with two digits")]
    let mut amount = number as f64;
    let mut units = ["bytes", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while amount >= 1_024.0
        && let Some(next) = units.next()
    {
        amount /= 1_024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{number} {unit}") } else { format!("{amount:.1} {unit}") }
}

fn percent(part: u64, whole: u128) -> String {
    #[allow(clippy::cast_precision_loss, reason = "shown with three digits")]
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    format!("{:.1} %", share * 100.0)
}

fn wide(number: usize) -> u128 {
    number.try_into().unwrap_or(u128::MAX)
}
