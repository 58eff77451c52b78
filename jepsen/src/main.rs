//! Breaks real clusters under load, and checks that nobody was told anything untrue.
//!
//! A run starts nodes and the proxy as processes, lets clients read, write, delete, count and fill
//! sets through the proxy, changes the cluster all the time, and does harm: kill -9, `SIGSTOP`, full
//! disks, cut networks. Every operation is written down with its time and its answer. Afterwards
//! all is healed, every key is read back, and each key's history must be linearizable: no
//! acknowledged write lost, nothing stale read, nothing executed twice or although it was refused,
//! no version given twice. A lying proxy, put between on purpose, has to be caught by the same checks.

mod changes;
mod check;
mod clients;
mod cluster;
#[path = "../../proxy/tests/support/free_address.rs"]
mod free_address;
mod history;
mod namespaces;
mod nemesis;
mod network;
mod picture;
mod plant;
mod processes;
mod random;
mod report;
mod run;
mod wire;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser as _;

use plant::Lie;

/// Break a cluster of real processes under load and check every history
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "ringway-jepsen")]
pub(crate) struct Args {
    /// The binary `ringway`
    #[arg(long, value_name = "FILE")]
    ringway: PathBuf,
    /// How long clients and nemeses work
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Go on beyond that until so many operations were done
    #[arg(long, default_value_t = 0)]
    operations: u64,
    /// The seed of the schedule [default: from the clock; printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Nodes, 3 to 7
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(3..=7))]
    nodes: u64,
    /// Clients
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: u32,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = "jepsen-out")]
    out: PathBuf,
    /// Put a lying proxy before the real one: the run has to fail
    #[arg(long, value_enum)]
    plant: Option<Lie>,
    /// Afterwards, let lying proxies be caught, each by a run of its own without other harm
    #[arg(long)]
    catch_lies: bool,
    /// Set by the run itself: it is in namespaces of its own
    #[arg(long, hide = true)]
    inside: bool,
}

/// A line for the person who watches.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.inside {
        namespaces::end_with_input();
        return run::all(&args);
    }
    if args.seed.is_none() {
        let clock = std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_millis());
        args.seed = u64::try_from(clock % 1_000_000_007).ok();
    }
    match namespaces::enter(args.seed) {
        Ok(code) => code,
        Err(reason) => {
            say(&format!("no network is cut and no disk filled: {reason}"));
            run::all(&args)
        }
    }
}
