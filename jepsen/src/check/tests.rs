//! Histories known to be good or bad, and random ones of a register that is right by construction.

use super::{Verdict, check, judge};
use crate::{
    history::{Ask, Key, Operation, Told, Value},
    random::Random,
};

fn value(id: u64) -> Value {
    Value { count: 0, id }
}

fn write(id: u64) -> Ask {
    Ask::Write(value(id))
}

fn found(id: u64, version: u64) -> Told {
    Told::Found(value(id), version)
}

fn history(list: &[(u64, u64, Ask, Told)]) -> Vec<Operation> {
    let operation = |(client, &(start_us, end_us, ask, told)): (usize, &(u64, u64, Ask, Told))| {
        let client = u32::try_from(client).unwrap();
        Operation { key: Key::Register(0), ask, told, start_us, end_us, client }
    };
    list.iter().enumerate().map(operation).collect()
}

fn good(list: &[(u64, u64, Ask, Told)]) {
    assert_eq!(judge(&history(list)), Verdict::Linearizable);
}

fn bad(list: &[(u64, u64, Ask, Told)]) -> String {
    match judge(&history(list)) {
        Verdict::Not { reason, .. } => reason,
        verdict => panic!("{verdict:?}: {list:?}"),
    }
}

const READ: Ask = Ask::Read;

#[test]
fn one_after_another() {
    good(&[]);
    good(&[(0, 1, READ, Told::Absent)]);
    good(&[(0, 1, write(1), Told::Written(1)), (2, 3, READ, found(1, 1))]);
    good(&[
        (0, 1, write(1), Told::Written(1)),
        (2, 3, Ask::Delete, Told::Deleted),
        (4, 5, READ, Told::Absent),
        (6, 7, Ask::Delete, Told::Absent),
        (8, 9, Ask::Create(value(2)), Told::Written(5)),
        (10, 11, Ask::Swap(5, value(3)), Told::Written(6)),
        (12, 13, Ask::Swap(5, value(4)), Told::Unmet),
        (14, 15, READ, found(3, 6)),
    ]);
}

#[test]
fn a_lost_write_is_seen() {
    bad(&[(0, 1, write(1), Told::Written(1)), (2, 3, READ, Told::Absent)]);
    bad(&[
        (0, 1, write(1), Told::Written(1)),
        (2, 3, write(2), Told::Written(2)),
        (4, 5, READ, found(1, 1)),
    ]);
    // A lost increment: both were told that theirs followed version 1.
    bad(&[
        (0, 1, write(1), Told::Written(1)),
        (2, 9, Ask::Swap(1, value(2)), Told::Written(2)),
        (2, 9, Ask::Swap(1, value(3)), Told::Written(3)),
    ]);
}

#[test]
fn a_stale_read_is_seen_and_a_concurrent_one_is_none() {
    let begin = [(0, 1, write(1), Told::Written(1)), (2, 6, write(2), Told::Written(2))];
    let with = |read| [&begin[..], &[read]].concat();
    good(&with((3, 4, READ, found(1, 1))));
    good(&with((3, 4, READ, found(2, 2))));
    bad(&with((7, 8, READ, found(1, 1))));
    // Once somebody has seen the new value, nobody may see the old one.
    let mut list = with((3, 4, READ, found(2, 2)));
    list.push((5, 6, READ, found(1, 1)));
    bad(&list);
}

#[test]
fn a_repeated_write_is_seen() {
    // Executed a second time, it brings back a value that was overwritten.
    let reason = bad(&[
        (0, 1, write(1), Told::Written(1)),
        (2, 3, write(2), Told::Written(2)),
        (4, 5, READ, found(1, 3)),
    ]);
    assert!(reason.contains("versions"), "{reason}");
    let reason = bad(&[
        (0, 1, write(1), Told::Unknown),
        (2, 3, READ, found(1, 1)),
        (4, 5, write(2), Told::Written(2)),
        (6, 7, READ, found(1, 3)),
    ]);
    assert!(reason.contains("versions"), "{reason}");
}

#[test]
fn a_version_that_repeats_or_falls_is_seen() {
    let reason = bad(&[
        (0, 1, write(1), Told::Written(7)),
        (2, 3, Ask::Delete, Told::Deleted),
        (4, 5, write(2), Told::Written(7)),
    ]);
    assert!(reason.contains("ETag"), "{reason}");
    bad(&[(0, 1, write(1), Told::Written(7)), (2, 3, write(2), Told::Written(6))]);
    bad(&[
        (0, 1, write(1), Told::Written(7)),
        (2, 3, Ask::Delete, Told::Deleted),
        (4, 5, write(2), Told::Written(3)),
    ]);
}

#[test]
fn an_unknown_outcome_is_once_or_never() {
    let begin = [(0, 1, write(1), Told::Written(1)), (2, 3, write(2), Told::Unknown)];
    let with = |rest: &[_]| [&begin[..], rest].concat();
    good(&with(&[(4, 5, READ, found(1, 1))]));
    good(&with(&[(4, 5, READ, found(2, 2))]));
    // Late, but once.
    good(&with(&[(4, 5, READ, found(1, 1)), (6, 7, READ, found(2, 2))]));
    bad(&with(&[(4, 5, READ, found(2, 2)), (6, 7, READ, found(1, 1))]));
    // Not before it was asked.
    bad(&[(0, 1, READ, found(2, 2)), (2, 3, write(2), Told::Unknown)]);
    // An unknown delete, now or later.
    let delete = [(0, 1, write(1), Told::Written(1)), (2, 3, Ask::Delete, Told::Unknown)];
    good(&[&delete[..], &[(4, 5, READ, found(1, 1)), (6, 7, READ, Told::Absent)]].concat());
    bad(&[&delete[..], &[(4, 5, READ, Told::Absent), (6, 7, READ, found(1, 1))]].concat());
}

#[test]
fn an_unseen_write_explains_a_failed_precondition() {
    good(&[
        (0, 1, write(1), Told::Written(1)),
        (2, 3, write(2), Told::Unknown),
        (4, 5, Ask::Swap(1, value(3)), Told::Unmet),
        (6, 7, write(4), Told::Written(9)),
        (8, 9, READ, found(4, 9)),
    ]);
    bad(&[(0, 1, write(1), Told::Written(1)), (4, 5, Ask::Swap(1, value(3)), Told::Unmet)]);
    bad(&[(0, 1, write(1), Told::Written(1)), (4, 5, Ask::Create(value(3)), Told::Written(2))]);
}

#[test]
fn what_was_refused_must_not_appear() {
    let list = [(0, 1, write(1), Told::Refused), (2, 3, READ, found(1, 1))];
    bad(&list);
    let findings = check(history(&list));
    assert!(findings.violations[0].contains("refused was executed"), "{findings:?}");
    good(&[(0, 1, write(1), Told::Refused), (2, 3, READ, Told::Absent)]);
}

#[test]
fn counters_are_counted() {
    let count = |count, id| Value { count, id };
    let counter = |list: &[_]| {
        let key = Key::Counter(3);
        check(history(list).into_iter().map(|it| Operation { key, ..it }).collect())
    };
    let begin = (0, 1, Ask::Create(count(1, 1)), Told::Written(1));
    let findings = counter(&[begin, (2, 3, READ, Told::Found(count(1, 1), 1))]);
    assert_eq!(findings.kinds["counters"].violations, 0, "{findings:?}");
    let findings = counter(&[
        begin,
        (2, 3, Ask::Swap(1, count(2, 2)), Told::Written(2)),
        (4, 5, READ, Told::Found(count(1, 1), 1)),
    ]);
    assert_eq!(findings.kinds["counters"].violations, 1);
    assert!(findings.violations.iter().any(|it| it.contains("the count is 1")), "{findings:?}");
}

/// A register that is right, with clients that overlap, and outcomes that get lost.
fn simulated(random: &mut Random, unknown_percent: u64) -> Vec<Operation> {
    let mut operations = Vec::new();
    let (mut held, mut version, mut now) = (None::<(Value, u64)>, 0, 0);
    for id in 1..=60 {
        // Each is executed at `now`, somewhere between its start and its end.
        now += 10;
        let (start_us, end_us) = (now - random.below(35).min(now), now + random.below(35));
        let fresh = value(id);
        let ask = match (random.below(5), held) {
            (0 | 1, _) => READ,
            (2, _) => Ask::Delete,
            (3, Some((_, version))) => {
                Ask::Swap(if random.below(2) == 0 { version } else { version.max(2) - 1 }, fresh)
            }
            (4, _) => Ask::Create(fresh),
            _ => Ask::Write(fresh),
        };
        let is_lost = random.below(100) < unknown_percent;
        // A lost one may not have been executed.
        let is_executed = !is_lost || random.below(2) == 0;
        let meets = match ask {
            Ask::Swap(expected, _) => held.is_some_and(|(_, version)| version == expected),
            Ask::Create(_) => held.is_none(),
            _ => true,
        };
        let told = match ask {
            Ask::Read => held.map_or(Told::Absent, |(value, version)| Told::Found(value, version)),
            Ask::Delete => {
                if held.is_some() {
                    Told::Deleted
                } else {
                    Told::Absent
                }
            }
            _ if meets => Told::Written(version + 1),
            _ => Told::Unmet,
        };
        if is_executed && meets && ask != READ {
            version += 1;
            held = ask.value().map(|value| (value, version));
        }
        let told = if is_lost { Told::Unknown } else { told };
        let client = u32::try_from(id).unwrap();
        operations.push(Operation { key: Key::Register(0), ask, told, start_us, end_us, client });
    }
    operations.sort_by_key(|it| it.start_us);
    operations
}

#[test]
fn right_registers_are_never_accused() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed, 1);
        let unknown = [0, 5, 30][usize::try_from(seed % 3).unwrap()];
        let history = simulated(&mut random, unknown);
        assert_eq!(judge(&history), Verdict::Linearizable, "seed {seed}");
    }
}

#[test]
fn a_read_of_another_value_is_seen_wherever_it_is_planted() {
    let mut planted = 0;
    for seed in 0..500 {
        let mut random = Random::new(seed, 2);
        let mut history = simulated(&mut random, 5);
        let founds: Vec<usize> = (0..history.len())
            .filter(|&index| matches!(history[index].told, Told::Found(..)))
            .collect();
        let Some(index) = random.of(&founds) else { continue };
        // What nobody ever wrote.
        history[index].told = found(1_000, 1_000);
        assert!(matches!(judge(&history), Verdict::Not { .. }), "seed {seed}");
        planted += 1;
    }
    assert!(planted > 400, "{planted}");
}

/// All orders, tried by hand: what the search says of small histories is true.
fn explained(history: &[Operation], order: &mut Vec<usize>) -> bool {
    use super::model::State;

    let mut states = vec![State::default()];
    for &index in order.iter() {
        let Operation { ask, told, .. } = history[index];
        let Some(state) = states[states.len() - 1].after(ask, told) else { return false };
        states.push(state);
    }
    let left: Vec<usize> = (0..history.len()).filter(|index| !order.contains(index)).collect();
    let is_open = |index: &usize| history[*index].told == Told::Unknown;
    if left.iter().all(is_open) {
        return true;
    }
    for &next in &left {
        let start_us = history[next].start_us;
        if left.iter().any(|&other| !is_open(&other) && history[other].end_us < start_us) {
            continue;
        }
        order.push(next);
        if explained(history, order) {
            return true;
        }
        order.pop();
    }
    false
}

#[test]
fn the_search_agrees_with_trying_all_orders() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..3_000 {
        let mut random = Random::new(seed, 3);
        let mut history = simulated(&mut random, 25);
        history.retain(|it| it.ask != READ || it.told != Told::Unknown);
        history.truncate(7);
        // Sometimes wrong: what one read was told, another is told.
        let reads: Vec<usize> = (0..history.len()).filter(|&it| history[it].ask == READ).collect();
        if let (Some(from), Some(to)) = (random.of(&reads), random.of(&reads)) {
            history[to].told = history[from].told;
        }
        let is_good = explained(&history, &mut Vec::new());
        assert_eq!(judge(&history) == Verdict::Linearizable, is_good, "seed {seed}: {history:#?}");
        if is_good { good += 1 } else { bad += 1 }
    }
    assert!(good > 500 && bad > 200, "{good} good, {bad} bad");
}
