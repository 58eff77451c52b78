//! `ringway status`: a running proxy in one look.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::Value;

use super::{
    Target,
    nodes::{self, parse},
    view::StatusView,
};
use crate::{failure::Outcome, show::count};

/// Show the state of a running proxy in one look
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
}

const AFTER_HELP: &str = "\
Examples:
  ringway status --admin http://127.0.0.1:8081 --token-file admin.token
  ringway status --json | jq .moves_left

Exit status:
  0  all is well
  1  something needs an eye: moves are paused or fail, or the map may be old; or the proxy refused
  2  an error: wrong usage, or the proxy cannot be reached";

pub(crate) fn run(args: &Args) -> Outcome {
    args.target.run(async |admin| {
        let value: Value = admin.read("/status").await?;
        let view: StatusView = parse(value.clone())?;
        let mut out = io::stdout().lock();
        if args.target.json {
            writeln!(out, "{value:#}")?;
        } else {
            print(&mut out, &args.target.admin, &view)?;
        }
        let is_well = view.paused.is_none() && view.failure.is_none() && view.map_fault.is_none();
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn print(out: &mut impl Write, origin: &str, view: &StatusView) -> io::Result<()> {
    writeln!(
        out,
        "{origin}  (ringway {}, up for {}, configuration {}, {}, fingerprint {})",
        view.version,
        time(view.uptime_s),
        view.config,
        view.layout,
        view.fingerprint
    )?;
    writeln!(
        out,
        "{}, {} under way, {} waiting for a move",
        count(view.connections, "connection"),
        count(view.requests_in_flight, "request"),
        view.requests_parked
    )?;
    writeln!(out)?;
    nodes::print(out, &view.nodes)?;
    writeln!(out)?;
    match view.moves_left {
        0 => writeln!(out, "nothing is left to move")?,
        left => writeln!(out, "{} left to move; `ringway moves` shows them", count(left, "range"))?,
    }
    let notes = [
        ("paused", &view.paused, "`ringway moves resume` goes on"),
        ("the last move failed", &view.failure, "it is tried again"),
        ("the map may be old", &view.map_fault, "the store has to be readable"),
        ("the cluster file is not what runs", &view.difference, "`ringway apply FILE` makes it so"),
    ];
    for (what, text, remedy) in notes {
        if let Some(text) = text {
            writeln!(out, "{what}: {text}; {remedy}")?;
        }
    }
    Ok(())
}

/// Seconds in the two largest units: `3 d 4 h`.
fn time(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_600, "1 h 0 min"), (90_061, "1 d 1 h")]
        {
            assert_eq!(time(seconds), text);
        }
    }
}
