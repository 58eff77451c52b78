//! `ringway moves`: what moves now, and holding it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::{Target, nodes::parse, view::MovesView};
use crate::{
    failure::Outcome,
    show::{self, Align, Grid, count, thousands},
};

/// Show what moves now; pause, resume or abort it
///
/// Every step of a move can be repeated, so holding or ending one loses nothing.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Show what moves, what is left, and how long pauses were (the default)
    List,
    /// Begin no further move; those under way are ended
    Pause,
    /// Go on
    Resume,
    /// Take back the moves under way that are not committed yet, and begin no further one
    Abort,
}

const AFTER_HELP: &str = "\
Examples:
  ringway moves
  ringway moves pause
  ringway moves abort && ringway apply before.toml && ringway moves resume
  watch -n 1 ringway moves
  ringway moves --json | jq .left

How many moves run at a time, and the rows and bytes per second of each node, are set in the proxy's
configuration, section [moves].

A pause is the time from freezing a range at its old owner to serving it at the new one; requests
for its keys wait in the proxy meanwhile.

Exit status:
  0  done
  1  the proxy refused
  2  an error: wrong usage, or the proxy cannot be reached";

pub(crate) fn run(args: &Args) -> Outcome {
    let json = args.target.json;
    args.target.run(async |admin| {
        let path = match args.verb {
            None | Some(Verb::List) => {
                let value: Value = admin.read("/moves").await?;
                let mut out = io::stdout().lock();
                if json {
                    writeln!(out, "{value:#}")?;
                } else {
                    print(&mut out, &parse(value)?)?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            Some(Verb::Pause) => "/moves/pause",
            Some(Verb::Resume) => "/moves/resume",
            Some(Verb::Abort) => "/moves/abort",
        };
        let answer = admin.change(Method::POST, path, None).await?;
        let mut out = io::stdout().lock();
        if json {
            writeln!(out, "{answer:#}")?;
        } else {
            writeln!(out, "{}", said(&answer))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What a verb did, in a line.
fn said(answer: &Value) -> String {
    let number = |name: &str| answer.get(name).and_then(Value::as_u64);
    if let Some(aborted) = number("aborted") {
        let mut text = format!("{} aborted", count(aborted, "move"));
        if let Some(overtaken @ 1..) = number("overtaken") {
            text.push_str(&format!(", {overtaken} had just ended"));
        }
        return text + "; no further one begins until `ringway moves resume`";
    }
    let changed = answer.get("changed").and_then(Value::as_bool).unwrap_or(true);
    match (answer.get("paused").and_then(Value::as_str), changed) {
        (Some(_), true) => "paused: no further move begins until `ringway moves resume`".to_owned(),
        (Some(reason), false) => format!("already paused: {reason}"),
        (None, true) => "resumed".to_owned(),
        (None, false) => "not paused".to_owned(),
    }
}

fn print(out: &mut impl Write, view: &MovesView) -> io::Result<()> {
    match view.left {
        0 if view.moves.is_empty() => writeln!(out, "nothing is left to move")?,
        left => writeln!(out, "{} left to move", count(left, "range"))?,
    }
    if let Some(reason) = &view.paused {
        writeln!(out, "paused: {reason}; `ringway moves resume` goes on")?;
    }
    if let Some(failure) = &view.failure {
        writeln!(out, "the last move failed and is tried again: {failure}")?;
    }
    if !view.moves.is_empty() {
        writeln!(out)?;
        let mut grid = Grid::new(&[
            ("SEGMENT", Align::Right),
            ("FROM", Align::Left),
            ("TO", Align::Left),
            ("STEP", Align::Left),
            ("ROWS SENT", Align::Right),
            ("POSITIONS", Align::Left),
        ]);
        for one in &view.moves {
            grid.row(vec![
                one.segment.to_string(),
                show::name(one.from.as_bytes()),
                show::name(one.to.as_bytes()),
                one.step.clone(),
                thousands(u128::from(one.rows_sent)),
                format!("{}-{}", one.lo, one.hi),
            ]);
        }
        grid.print(out)?;
        writeln!(out)?;
    }
    let totals = &view.totals;
    let mut line = format!("since the proxy started: {} moved", count(totals.moved, "range"));
    for (number, verb) in [
        (totals.reassigned, "reassigned before it held anything"),
        (totals.aborted, "aborted"),
        (totals.resumed, "resumed"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {} {verb}", thousands(u128::from(number))));
        }
    }
    writeln!(
        out,
        "{line}; {} and {} sent",
        count(totals.rows_sent, "row"),
        count(totals.bytes_sent, "byte")
    )?;
    let limits =
        [(view.limits.rows_per_second_max, "row"), (view.limits.bytes_per_second_max, "byte")];
    let limits = limits.into_iter().filter(|(limit, _)| *limit > 0);
    let limits: Vec<String> =
        limits.map(|(limit, unit)| format!("{}/s", count(limit, unit))).collect();
    if !limits.is_empty() {
        writeln!(
            out,
            "each node sends and takes at most {}: pages were held back for {} ms",
            limits.join(" and "),
            thousands(u128::from(totals.held_back_ms))
        )?;
    }
    let pauses = &view.pauses;
    if pauses.count > 0 {
        writeln!(
            out,
            "pauses: median {:.1} ms, 99 % within {:.1} ms, longest {:.1} ms",
            pauses.median_ms, pauses.p99_ms, pauses.max_ms
        )?;
    }
    Ok(())
}
