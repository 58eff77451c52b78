//! `ringway apply`: makes a cluster file what a running cluster is.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use ringway_cluster::ClusterFile;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Target,
    nodes::{end, parse},
    view::MovesView,
};
use crate::{
    failure::{Failure, Outcome},
    show::{self, Align, Grid, count},
};

/// Make a cluster file what a running cluster is, moving keys as it takes
///
/// The file is checked here and by the proxy before anything is changed. The layout and its
/// options never change while a cluster holds state.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only show what would move
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Wait until everything has moved, showing how far it is
    #[arg(long)]
    wait: bool,
    /// Give up what nodes have that can't hand it over (`ringway node check` names their level)
    #[arg(long, conflicts_with = "dry_run")]
    accept_loss: bool,
    #[command(flatten)]
    target: Target,
}

const AFTER_HELP: &str = "\
Examples:
  ringway apply cluster.toml --dry-run
  ringway apply cluster.toml --wait
  ringway apply cluster.toml --dry-run --json | jq .moved_share

Exit status:
  0  done; with --wait, everything has moved
  1  the proxy refused, and nothing was changed
  2  an error: wrong usage, a bad file, or the proxy cannot be reached";

/// `POST /plan`.
#[derive(Deserialize)]
struct PlanView {
    config: u64,
    moved_share: f64,
    least_share: Option<f64>,
    ranges: u64,
    pairs: Vec<PairView>,
    nodes: Vec<ShareView>,
}

#[derive(Deserialize)]
struct PairView {
    from: String,
    to: String,
    share: f64,
    ranges: u64,
}

#[derive(Deserialize)]
struct ShareView {
    name: String,
    share: f64,
    target_share: f64,
}

pub(crate) fn run(args: &Args) -> Outcome {
    // Faults are named with their line before anybody is asked.
    let text = ClusterFile::read(&args.file)?.to_toml();
    args.target.run(async |admin| {
        if args.dry_run {
            let value = admin.send_file("/plan", text).await?;
            let mut out = io::stdout().lock();
            if args.target.json {
                writeln!(out, "{value:#}")?;
            } else {
                print(&mut out, &parse(value)?)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let before: Option<MovesView> =
            if args.wait { Some(admin.read("/moves").await?) } else { None };
        let path = if args.accept_loss { "/apply?accept_loss=true" } else { "/apply" };
        let answer: Value = admin.send_file(path, text).await?;
        end(admin, answer, before, args.target.json).await
    })
}

fn print(out: &mut impl Write, plan: &PlanView) -> Result<(), Failure> {
    if plan.ranges == 0 {
        writeln!(out, "nothing would move")?;
        return Ok(());
    }
    let mut grid = Grid::new(&[
        ("NODE", Align::Left),
        ("OWNS", Align::Right),
        ("WOULD OWN", Align::Right),
        ("CHANGE", Align::Right),
    ]);
    for node in &plan.nodes {
        grid.row(vec![
            show::name(node.name.as_bytes()),
            show::percent(node.share),
            show::percent(node.target_share),
            format!("{:+.3} %", (node.target_share - node.share) * 100.0),
        ]);
    }
    grid.print(out)?;
    writeln!(out)?;
    let mut grid = Grid::new(&[
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("MOVES", Align::Right),
        ("RANGES", Align::Right),
    ]);
    for pair in &plan.pairs {
        grid.row(vec![
            show::name(pair.from.as_bytes()),
            show::name(pair.to.as_bytes()),
            show::percent(pair.share),
            show::thousands(u128::from(pair.ranges)),
        ]);
    }
    grid.print(out)?;
    writeln!(out)?;
    let least = plan
        .least_share
        .map_or(String::new(), |least| format!("; least possible {}", show::percent(least)));
    writeln!(
        out,
        "{} of all positions would move, in {}{least}",
        show::percent(plan.moved_share),
        count(plan.ranges, "range"),
    )?;
    writeln!(out, "dry run: nothing was changed, configuration {} stays", plan.config)?;
    Ok(())
}
