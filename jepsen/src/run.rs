//! One run: start, load, harm, heal, read back, check.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum as _;

use crate::{
    Args,
    changes::{self, Change, Sample},
    check::{Findings, check},
    clients::{Client, Shared},
    cluster::Cluster,
    history::{Key, Operation},
    nemesis::{self, Done, Schedule},
    plant::{self, Lie},
    report::{self, Counts},
    say,
};

/// How long the cluster may take to come to rest after everything was healed.
const REST_SECONDS: u64 = 90;
const LIE_SECONDS: u64 = 4;

/// All that a run left to be looked at.
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) clients: u32,
    pub(crate) plant: Option<Lie>,
    pub(crate) has_network: bool,
    pub(crate) has_disks: bool,
    /// Where the harm ended and the reading back began.
    pub(crate) healed_us: u64,
    pub(crate) operations: Vec<Operation>,
    pub(crate) harms: Vec<Done>,
    pub(crate) changes: Vec<Change>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) findings: Findings,
    /// What went wrong beside the histories.
    pub(crate) faults: Vec<String>,
    pub(crate) faults_count: u64,
    /// Changes of unknown outcome that were sent again, and those that were then answered.
    pub(crate) repeated: (u64, u64),
}

/// The run that was asked for and, if wanted, the lies; prints what was counted.
pub(crate) fn all(args: &Args) -> ExitCode {
    let mut counts = Counts::default();
    let seed = args.seed.unwrap_or(1);
    say(&format!("seed {seed}: SEED={seed} repeats the schedule"));
    match one(args, seed, args.plant) {
        Ok(outcome) => {
            counts = report::judge(&outcome);
            if let Err(error) = report::write(&outcome, &counts, &args.out) {
                counts.fail(&format!("the report can't be written: {error}"));
            }
            report::show(&outcome, &counts, &args.out);
        }
        Err(error) => counts.fail(&error),
    }
    if args.catch_lies {
        catch_lies(args, seed, &mut counts);
    }
    for failure in &counts.failed {
        say(&format!("FAILED: {failure}"));
    }
    say(&format!(
        "chaos: {} passed, {} failed, {} skipped",
        counts.passed.len(),
        counts.failed.len(),
        counts.skipped.len()
    ));
    if counts.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One run for each lie, all at once, on loopback.
fn catch_lies(args: &Args, seed: u64, counts: &mut Counts) {
    let short =
        &Args { seconds: LIE_SECONDS, operations: 0, nodes: 3, inside: false, ..args.clone() };
    let found: Vec<_> = thread::scope(|scope| {
        let lies = Lie::value_variants().iter();
        let runs: Vec<_> =
            lies.map(|&lie| (lie, scope.spawn(move || one(short, seed, Some(lie))))).collect();
        runs.into_iter().map(|(lie, run)| (lie, run.join())).collect()
    });
    for (lie, found) in found {
        let name = lie.name();
        match found {
            Ok(Ok(outcome)) if outcome.findings.violations.is_empty() => {
                counts.fail(&format!("a {name} was not caught"));
            }
            Ok(Ok(_)) => {
                say(&format!("  ok      a {name} is caught"));
                counts.pass(name);
            }
            Ok(Err(error)) => counts.fail(&error),
            Err(_) => counts.fail(&format!("the run with a {name} panicked")),
        }
    }
}

/// A lying proxy is run without other harm, so that what is found is its own.
fn one(args: &Args, seed: u64, plant: Option<Lie>) -> Result<Outcome, String> {
    let work = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let nodes = usize::try_from(args.nodes).map_err(|error| error.to_string())?;
    let ringway = args.ringway.canonicalize();
    let ringway =
        ringway.map_err(|error| format!("--ringway {}: {error}", args.ringway.display()))?;
    let seeded = nodes.div_ceil(2);
    let outcome = within(args, seed, plant, (&ringway, work.path()), (nodes, seeded));
    // The disks are in the folder; they go before it does.
    if args.inside {
        for number in 1..=nodes {
            let disk = work.path().join(format!("n{number}"));
            let _ = crate::network::run(std::process::Command::new("umount").arg("-l").arg(disk));
        }
    }
    outcome
}

fn within(
    args: &Args,
    seed: u64,
    plant: Option<Lie>,
    (ringway, work): (&Path, &Path),
    (nodes, seeded): (usize, usize),
) -> Result<Outcome, String> {
    let text = |error: io::Error| error.to_string();
    let cluster = Cluster::start(ringway, work, (nodes, seeded), args.inside).map_err(text)?;
    let server = match plant {
        Some(lie) => plant::start(cluster.listen, lie).map_err(text)?,
        None => cluster.listen,
    };
    serve(&cluster)?;
    let shared = Shared::new(server, seed, args.clients);
    let (stop, busy) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let (done, changed, samples) = (Mutex::default(), Mutex::default(), Mutex::default());
    let mut operations = Vec::new();
    let mut faults = Vec::new();
    thread::scope(|scope| {
        let client = |number| Client::new(&shared, number);
        let workers: Vec<_> =
            (0..args.clients).map(|number| scope.spawn(move || client(number).run())).collect();
        let schedules = if plant.is_some() {
            vec![]
        } else {
            let (cut, fill) = (cluster.network.is_some(), cluster.has_disks);
            vec![Schedule::of_nodes(seed, nodes, cut, fill), Schedule::of_proxy(seed)]
        };
        let nemeses: Vec<_> = schedules
            .into_iter()
            .map(|schedule| {
                scope.spawn(|| nemesis::run(&cluster, &shared, schedule, &stop, &busy, &done))
            })
            .collect();
        scope.spawn(|| changes::run(&cluster, &shared, &stop, &changed));
        scope.spawn(|| changes::watch(&cluster, &shared, &shared.stop, &samples));
        while shared.begun.elapsed() < Duration::from_secs(args.seconds)
            || shared.operations.load(Ordering::Relaxed) < args.operations
        {
            thread::sleep(Duration::from_millis(50));
            if workers.iter().all(|worker| worker.is_finished()) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for nemesis in nemeses {
            match nemesis.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => faults.push(format!("a nemesis failed: {error}")),
                Err(_) => faults.push("a nemesis panicked".into()),
            }
        }
        // A moment of peace under load.
        thread::sleep(Duration::from_millis(500));
        shared.stop.store(true, Ordering::Relaxed);
        for worker in workers {
            match worker.join() {
                Ok(history) => operations.extend(history),
                Err(_) => faults.push("a client panicked".into()),
            }
        }
    });
    let healed_us = shared.now_us();
    faults.extend(cluster.ended());
    if let Err(error) = cluster.wait("the moves are done", REST_SECONDS, || cluster.is_at_rest()) {
        faults.push(error);
    }
    operations.extend(read_back(&shared, &operations));
    let logs: Vec<(String, String)> = cluster
        .nodes
        .iter()
        .map(|node| (node.name.clone(), node.process.last_words()))
        .chain([("proxy".to_owned(), cluster.proxy.last_words())])
        .collect();
    drop(cluster);
    let findings = check(operations.clone());
    let repeated = (shared.repeated.into_inner(), shared.settled.into_inner());
    let faults_of_clients = shared.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    let faults_count =
        shared.faults_count.into_inner() + u64::try_from(faults.len()).unwrap_or(u64::MAX);
    faults.extend(faults_of_clients);
    let is_good = faults_count == 0 && findings.violations.is_empty();
    if !is_good && plant.is_none() {
        for (name, words) in logs {
            say(&format!("── last words of {name}\n{words}"));
        }
    }
    let inner = |error: PoisonError<_>| error.into_inner();
    Ok(Outcome {
        seed,
        nodes,
        clients: args.clients,
        plant,
        has_network: args.inside,
        has_disks: args.inside,
        healed_us,
        operations,
        harms: done.into_inner().unwrap_or_else(inner),
        changes: changed.into_inner().unwrap_or_else(PoisonError::into_inner),
        samples: samples.into_inner().unwrap_or_else(PoisonError::into_inner),
        findings,
        faults,
        faults_count,
        repeated,
    })
}

/// Waits until every position is served: a key of each of many is written.
fn serve(cluster: &Cluster) -> Result<(), String> {
    let mut wire = crate::wire::Wire::new(cluster.listen);
    cluster.wait("all positions are served", 60, || {
        (0..100).all(|number| {
            let path = format!("/warm/{number}");
            wire.ask("PUT", &path, "", b"x").is_ok_and(|answer| answer.status < 300)
        })
    })
}

/// Every key that was ever asked for, read once more by clients of their own.
fn read_back(shared: &Shared, operations: &[Operation]) -> Vec<Operation> {
    let keys: BTreeSet<Key> = operations.iter().map(|operation| operation.key).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let deadline = Instant::now() + Duration::from_secs(REST_SECONDS);
    let readers = shared.elements.len();
    let share = keys.len().div_ceil(readers).max(1);
    let first = u32::try_from(readers).unwrap_or(0);
    thread::scope(|scope| {
        let parts = keys.chunks(share).zip(first..);
        let parts: Vec<_> = parts
            .map(|(keys, number)| {
                scope.spawn(move || Client::new(shared, number).read_back(keys, deadline))
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}
