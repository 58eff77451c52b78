//! Commits: conflicts, waiting, sharing of syncs, and what kill -9 and a failing disk leave.

mod support;

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

use ringway_cluster::{
    Changes, CommitError, MapStore, Phase, Record, RecordKey, Revision, Snapshot, Transaction,
};
use ringway_store::{EmbeddedOptions, EmbeddedStore, MemoryStore};
use support::*;

/// Eight threads, each with a runtime of its own, increment one counter by compare-and-swap.
fn count_up(store: &(impl MapStore + Clone + 'static)) {
    commit(store, put(vec![("log/0", Some(log("0")))]));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || {
                block_on(async {
                    for _ in 0..50 {
                        while !increment(&store).await {}
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let snapshot = read(store);
    assert_eq!(snapshot.records[&key("log/0")].1, log("400"));
    assert_eq!(snapshot.revision, 401, "each increment is one revision, a conflict is none");
}

async fn increment(store: &impl MapStore) -> bool {
    let snapshot = store.read().await.expect("a running store");
    let (revision, Record::Log(text)) = &snapshot.records[&key("log/0")] else {
        panic!("a log record");
    };
    let next = text.parse::<u64>().expect("a number") + 1;
    match store.commit(Transaction::replace(key("log/0"), *revision, log(&next.to_string()))).await
    {
        Ok(_) => true,
        Err(CommitError::Conflict(conflict)) => {
            assert_eq!(conflict, key("log/0"));
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn concurrent_commits_conflict_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    count_up(&store);
    let expected = read(&store);
    drop(store);
    assert_eq!(contents(directory.path()), expected);
    count_up(&MemoryStore::default());
}

#[test]
fn of_two_equal_commits_one_conflicts() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    block_on(async {
        let create = || store.commit(Transaction::create(key("log/1"), log("x")));
        let (first, second) = tokio::join!(create(), create());
        assert_eq!((first, second), (Ok(1), Err(CommitError::Conflict(key("log/1")))));
    });
    assert_eq!(read(&store).revision, 1);
}

#[test]
fn commits_that_wait_share_a_sync() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    block_on(async {
        let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..500 {
            let (store, answers) = (store.clone(), answers.clone());
            tokio::spawn(async move {
                let create = Transaction::create(RecordKey::Log(number), log("x"));
                answers.send(store.commit(create).await).expect("somebody listens");
            });
        }
        drop(answers);
        let mut revisions: Vec<Revision> = Vec::new();
        while let Some(answer) = answered.recv().await {
            revisions.push(answer.expect("no conflict"));
        }
        revisions.sort_unstable();
        assert_eq!(revisions, (1..=500).collect::<Vec<_>>());
    });
    let syncs = store.status().syncs;
    assert!((2..250).contains(&syncs), "{syncs} syncs for 500 commits made at once");
    let expected = read(&store);
    drop(store);
    assert_eq!(contents(directory.path()), expected);
}

fn follow(store: &(impl MapStore + Clone + 'static)) {
    let follower = store.clone();
    // A copy that is fed by changes alone ends equal to the store.
    let thread = thread::spawn(move || {
        block_on(async {
            let mut copy = Snapshot::default();
            while copy.revision < 200 {
                let changes = follower.changes(copy.revision).await.expect("a running store");
                assert!(changes.revision > copy.revision);
                copy.apply(changes);
            }
            copy
        })
    });
    for number in 0..200_u64 {
        let name = format!("log/{}", number % 7);
        let record = (number % 3 != 0).then(|| log(&number.to_string()));
        assert_eq!(commit(store, put(vec![(&name, record)])), number + 1);
    }
    assert_eq!(thread.join().expect("no panic"), read(store));
}

#[test]
fn changes_wake_who_waits_and_add_up() {
    let directory = tempfile::tempdir().expect("a directory");
    follow(&open(directory.path()));
    follow(&MemoryStore::default());
}

#[test]
fn changes_are_whole_when_too_much_has_changed() {
    let store = MemoryStore::default();
    commit(&store, put(vec![("log/1", Some(log("x"))), ("log/2", Some(log("gone")))]));
    let mut copy = read(&store);
    commit(&store, put(vec![("log/2", None)]));
    let few = block_on(store.changes(1)).expect("running");
    assert_eq!(few, Changes { revision: 2, whole: false, changed: vec![(key("log/2"), None)] });
    for round in 0..700_u64 {
        let writes = (0..100)
            .map(|number| (RecordKey::Log(number + 10), Some(Record::Log(round.to_string()))));
        commit(&store, Transaction { expect: vec![], writes: writes.collect() });
    }
    let all = block_on(store.changes(1)).expect("running");
    assert!(all.whole);
    copy.apply(all);
    assert_eq!(copy, read(&store));
    assert!(!block_on(store.changes(700)).expect("running").whole);
    let error = block_on(store.changes(703)).expect_err("never reached").to_string();
    assert!(error.contains("older backup"), "{error}");
}

#[test]
fn segments_are_found_by_position() {
    let store = MemoryStore::default();
    let born = |lo, hi| Some(Record::Segment(segment(lo, hi, "a", Phase::Born)));
    let ids = |lo, hi| -> Vec<u64> {
        let (_, segments) = block_on(store.segments(lo, hi)).expect("running");
        segments.iter().map(|segment| segment.id).collect()
    };
    assert!(ids(0, u64::MAX).is_empty());
    commit(
        &store,
        put(vec![("seg/1", born(0, 9)), ("seg/2", born(10, 19)), ("seg/3", born(20, u64::MAX))]),
    );
    for (lo, hi, expected) in [
        (0, 0, &[1][..]),
        (9, 9, &[1]),
        (9, 10, &[1, 2]),
        (15, 15, &[2]),
        (5, 25, &[1, 2, 3]),
        (u64::MAX, u64::MAX, &[3]),
        (0, u64::MAX, &[1, 2, 3]),
    ] {
        assert_eq!(ids(lo, hi), expected, "[{lo}, {hi}]");
    }
    // Joined to a new id, and cut elsewhere.
    commit(&store, put(vec![("seg/1", None), ("seg/2", None), ("seg/9", born(0, 19))]));
    commit(&store, put(vec![("seg/9", born(0, 4)), ("seg/10", born(5, 19))]));
    assert_eq!(ids(0, u64::MAX), [9, 10, 3]);
    assert_eq!(ids(5, 5), [10]);
}

#[test]
fn stores_pass_between_runtimes() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(open(directory.path()));
    let waiting = Arc::clone(&store);
    let waiter = thread::spawn(move || block_on(waiting.changes(0)).expect("running").revision);
    let committer = Arc::clone(&store);
    let revision = thread::spawn(move || commit(&*committer, put(vec![("log/1", Some(log("x")))])));
    assert_eq!(revision.join().expect("no panic"), 1);
    assert_eq!(waiter.join().expect("no panic"), 1);
}

const DIRECTORY: &str = "RINGWAY_TEST_STORE";

/// This test program again, in the part that [`child`] is.
fn child_command(directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--ignored", "--exact", "--nocapture", "child"]).env(DIRECTORY, directory);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Commits for ever, four at a time, and prints each acknowledged revision with its record;
/// ends at the first error, which it prints, and what the store says from then on.
#[test]
#[ignore = "the other process of the tests below"]
fn child() {
    let directory = env::var_os(DIRECTORY).expect("run by another test");
    let options = EmbeddedOptions { compact_bytes_min: 4_000 };
    let store = EmbeddedStore::open_with(Path::new(&directory), options).expect("a store");
    let first = store.opened().revision;
    block_on(async {
        let next = |task: u64| {
            let store = store.clone();
            async move {
                for round in 0.. {
                    let number = task * 10 + round % 10;
                    let text = format!("{first}/{task}/{round}");
                    let write = (RecordKey::Log(number), Some(log(&text)));
                    let transaction = Transaction { expect: vec![], writes: vec![write] };
                    match store.commit(transaction).await {
                        Ok(revision) => say(&format!("ok {revision} {number} {text}")),
                        Err(error) => return error,
                    }
                }
                unreachable!("rounds do not end")
            }
        };
        let (a, b, c, d) = tokio::join!(next(0), next(1), next(2), next(3));
        for error in [a, b, c, d] {
            say(&format!("failed {error}"));
        }
        let again = store.commit(put(vec![("log/0", None)])).await;
        say(&format!("then {}", again.expect_err("stopped")));
        say(&format!("read {}", store.read().await.expect_err("stopped")));
        say(&format!("wait {}", store.changes(first).await.expect_err("stopped")));
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// An acknowledged commit as the child printed it: revision, number, text.
fn acknowledged(line: &str) -> Option<(Revision, u64, String)> {
    let rest = line.strip_prefix("ok ")?;
    let mut words = rest.split(' ');
    let revision = words.next()?.parse().ok()?;
    let number = words.next()?.parse().ok()?;
    Some((revision, number, words.next()?.into()))
}

/// Each record is the acknowledged one or a later one.
fn assert_holds(snapshot: &Snapshot, lines: &[(Revision, u64, String)]) {
    for (revision, number, text) in lines {
        let (stored, record) = &snapshot.records[&RecordKey::Log(*number)];
        assert!(stored >= revision, "log/{number}: {stored} for acknowledged {revision}");
        if stored == revision {
            assert_eq!(*record, log(text));
        }
        assert!(snapshot.revision >= *revision);
    }
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut all = Vec::new();
    for round in 1..=8 {
        let mut child = child_command(directory.path()).spawn().expect("a child");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = Vec::new();
        let mut line = String::new();
        // Killed after another number of commits each time, so at other steps of the writer.
        while lines.len() < 37 * round {
            line.clear();
            assert!(out.read_line(&mut line).expect("text") > 0, "the child ended by itself");
            lines.extend(acknowledged(line.trim_end()));
        }
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        // What it had printed by then counts too; its very last line may be incomplete.
        for line in out.lines() {
            lines.extend(
                acknowledged(&line.expect("text"))
                    .filter(|(_, _, text)| text.split('/').count() == 3 && !text.ends_with('/')),
            );
        }
        all.extend(lines);
        let store = open(directory.path());
        let snapshot = read(&store);
        let last = all.iter().map(|(revision, _, _)| *revision).max().expect("some");
        assert!(snapshot.revision >= last && snapshot.revision <= last + 4, "four at a time");
        assert_holds(&snapshot, &all);
    }
}

/// The disk is full: a file may not grow beyond a limit.
#[test]
#[cfg(target_os = "linux")]
fn a_failed_write_stops_the_store_until_it_is_opened_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = child_command(directory.path());
    let mut command = Command::new("sh");
    // The limit is in blocks of 512 or 1,024 bytes; either is below the compaction's 4,000 + more.
    command.arg("-c").arg("trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"").arg(inner.get_program());
    command.args(inner.get_args()).env(DIRECTORY, directory.path()).stderr(Stdio::null());
    let out = command.output().expect("a child").stdout;
    let out = String::from_utf8(out).expect("text");
    let lines: Vec<_> = out.lines().filter_map(acknowledged).collect();
    assert!(lines.len() >= 4, "{out}");
    let said =
        |begin: &str| -> Vec<&str> { out.lines().filter(|l| l.starts_with(begin)).collect() };
    assert!(said("failed the change may or may not be stored").len() <= 4);
    assert!(!said("failed the change may or may not be stored").is_empty(), "{out}");
    assert!(out.contains("writing failed: File too large"), "{out}");
    assert!(said("then the store can't write: ").len() == 1, "{out}");
    assert!(said("read the store can't answer: ").len() == 1, "{out}");
    assert!(said("wait the store can't answer: ").len() == 1, "{out}");
    let store = open(directory.path());
    assert!(store.opened().torn.is_some(), "the entry that did not fit is cut");
    let snapshot = read(&store);
    assert_holds(&snapshot, &lines);
    assert_eq!(Some(snapshot.revision), lines.iter().map(|(revision, _, _)| *revision).max());
    commit(&store, put(vec![("log/0", Some(log("goes on")))]));
}
