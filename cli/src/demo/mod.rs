//! `ringway demo`: the whole of Ringway on this machine, with somebody's own files.

mod ask;
mod change;
mod checks;
mod cluster;
mod display;
#[cfg(test)]
mod faulty;
mod history;
mod load;
mod processes;
mod records;
mod report;
mod run;
mod tally;

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{runtime, task::LocalSet};

pub(crate) use self::processes::stop_with_input;
use self::{cluster::Cluster, display::Display, records::Records, report::Report, run::Run};
use crate::failure::{Failure, Outcome};

/// Move the files of a folder between nodes under load, and prove that nothing is lost
///
/// Starts three SQLite nodes and a proxy on the loopback and loads every file below a folder: its
/// path is the key, its content the value. Then, while readers and writers go on without a break,
/// it adds a fourth node, doubles the weight of one, drains one and removes it. At the end it
/// compares every value byte for byte, and asks every node for every key: exactly one may have it.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The folder of the records; .git, target and the like are left out
    #[arg(long, value_name = "DIR", default_value = ".")]
    records: PathBuf,
    /// Where the picture of the balance goes; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
    /// Give up if it takes longer
    #[arg(long, value_name = "N", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds_max: u64,
}

const AFTER_HELP: &str = "\
Examples:
  ringway demo
  ringway demo --records ~/documents --out /tmp/demo

Files are only read. Its processes end with it, however it ends; so do its temporary files, unless
it is killed.
The last line is the result: `0 lost, 0 stale, 0 misrouted`.
  lost       a value that was acknowledged is not there any more
  stale      a read found a value that had been overwritten, or one that nobody wrote
  misrouted  the proxy and the map disagree on a key, its owner lacks it, or another node has it

Exit status:
  0    nothing lost, stale or misrouted, and no request failed
  1    something was, or the cluster did not do its work
  2    an error: no records, a folder that cannot be read or written
  130  stopped by Ctrl-C or another signal";

pub(crate) fn run(args: &Args) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(args.seconds_max);
    let mut display = Display::new();
    let records = Records::read(&args.records, &args.out, &display)?;
    std::fs::create_dir_all(&args.out)
        .map_err(|error| Failure::of_file(&args.out, "written", &error))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Message(format!("no runtime: {error}")))?;
    let outcome = LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            outcome = demonstrate(&records, &mut display) => outcome.map(Some),
            () = told_to_stop() => Ok(None),
            () = tokio::time::sleep_until(deadline.into()) => Err(Failure::Refused(format!(
                "not done after {} s; --seconds-max gives it more", args.seconds_max
            ))),
        }
    });
    drop(display);
    match outcome? {
        Some(report) => report.print(args, &records),
        None => {
            let _ = writeln!(std::io::stderr(), "ringway: stopped; nothing was left behind");
            Ok(ExitCode::from(130))
        }
    }
}

/// Starts everything, changes the cluster under load, and checks.
async fn demonstrate(records: &Records, display: &mut Display) -> Result<Report, Failure> {
    let stage = display.stage("start nodes and proxy", None);
    let cluster = Cluster::start(&["n1", "n2", "n3"]).await?;
    stage.done("n1 n2 n3 on SQLite, a proxy before them");
    let mut run = Run::new(cluster, records, display).await?;
    match go(&mut run).await {
        // Where a process has ended, its last words say more than who missed it.
        Err(failure) => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            run.check_processes().and(Err(failure))
        }
        report => report,
    }
}

async fn go(run: &mut Run<'_>) -> Result<Report, Failure> {
    run.load().await?;
    run.begin_traffic();
    run.add("n4").await?;
    run.reweight("n2", 2).await?;
    run.drain("n1").await?;
    run.remove("n1").await?;
    run.end_traffic().await?;
    run.check().await
}

/// Returns when the user or the system wants an end.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut hang_up) =
            match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
                (Ok(terminate), Ok(hang_up)) => (terminate, hang_up),
                _ => std::future::pending().await,
            };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
