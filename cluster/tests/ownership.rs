//! Rules of ownership that no run of the simulation comes across: records that nobody should write.

use std::convert::Infallible;

use ringway_cluster::{
    Access, Holdings, Incarnation, Phase, Reconciled, Row, Rows, SegmentRecord, Tally, node_may,
};

/// No rows at all.
struct Nothing;

impl Rows for Nothing {
    type Error = Infallible;

    fn count(&mut self, _: u64, _: u64) -> Result<Tally, Infallible> {
        Ok(Tally::default())
    }

    fn delete(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn import(&mut self, _: &Row, _: &mut Tally) -> Result<(), Infallible> {
        Ok(())
    }

    fn forget_tombstones(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_log(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

const MINE: Incarnation = Incarnation::from_bits(1);
const OTHER: Incarnation = Incarnation::from_bits(2);

fn record(epoch: u64, incarnation: Option<Incarnation>, phase: Phase) -> SegmentRecord {
    SegmentRecord { lo: 0, hi: 99, owner: "a".into(), incarnation, epoch, attempt: 0, phase }
}

/// Node `a`, which owns [0, 99] at epoch 1.
fn owner() -> Holdings {
    let mut holdings = Holdings::new("a".into(), MINE, []);
    let born = record(1, None, Phase::Born);
    assert_eq!(holdings.reconcile(&born, &mut Nothing), Ok(Reconciled::Claim));
    assert_eq!(holdings.claim(&born, &mut Nothing), Ok(()));
    let idle = record(1, Some(MINE), Phase::Idle);
    assert_eq!(holdings.reconcile(&idle, &mut Nothing), Ok(Reconciled::Applied));
    assert_eq!(holdings.check(7, 1), Access::Serve);
    holdings
}

#[test]
fn only_a_record_of_this_very_incarnation_raises_the_epoch() {
    for phase in [Phase::Idle, Phase::Moving { to: "b".into(), to_incarnation: OTHER }] {
        for (incarnation, outcome) in [
            (Some(MINE), Reconciled::Applied),
            (Some(OTHER), Reconciled::IncarnationMismatch),
            (None, Reconciled::Unclear),
        ] {
            let mut holdings = owner();
            let record = record(2, incarnation, phase.clone());
            assert_eq!(holdings.reconcile(&record, &mut Nothing), Ok(outcome), "{record:?}");
            let is_served = holdings.check(7, 2) == Access::Serve;
            assert_eq!(is_served, outcome == Reconciled::Applied, "{record:?}");
        }
    }
    let done = record(2, None, Phase::Done);
    assert_eq!(owner().reconcile(&done, &mut Nothing), Ok(Reconciled::Unclear));
}

#[test]
fn a_born_segment_of_another_incarnation_is_not_claimed() {
    let claimed = record(1, Some(MINE), Phase::Idle);
    for (incarnation, may) in [(None, true), (Some(MINE), true), (Some(OTHER), false)] {
        let born = record(1, incarnation, Phase::Born);
        assert_eq!(node_may("a", MINE, &born, &claimed).is_ok(), may, "{incarnation:?}");
    }
    let mut holdings = Holdings::new("a".into(), MINE, []);
    let born = record(1, Some(OTHER), Phase::Born);
    let outcome = holdings.reconcile(&born, &mut Nothing);
    assert_eq!(outcome, Ok(Reconciled::IncarnationMismatch));
    assert!(holdings.claim(&born, &mut Nothing).is_err());
}

#[test]
fn a_transaction_is_saved_as_it_is_or_undone_as_a_whole() {
    let steps: [fn(&mut Holdings); 4] = [
        // Cuts one holding in three, and puts them together again.
        |holdings| {
            let part = SegmentRecord { lo: 10, hi: 19, owner: "b".into(), ..idle(2) };
            assert_eq!(holdings.reconcile(&part, &mut Nothing), Ok(Reconciled::Applied));
        },
        |holdings| {
            let all = SegmentRecord { owner: "b".into(), ..idle(3) };
            assert_eq!(holdings.reconcile(&all, &mut Nothing), Ok(Reconciled::Applied));
        },
        |holdings| holdings.find_mut(7).expect("known").sequence += 1,
        |_| {},
    ];
    let mut holdings = owner();
    for step in steps {
        let before = holdings.clone();
        holdings.begin();
        step(&mut holdings);
        let (after, changes) = (holdings.clone(), holdings.changes());
        let mut saved = before.clone();
        saved.apply(&changes);
        assert_eq!(saved, after);
        assert_eq!(changes.is_empty(), before == after);
        holdings.roll_back();
        assert_eq!(holdings, before);
        // Outside of a transaction nothing is remembered, and nothing undone.
        step(&mut holdings);
        assert!(holdings.changes().is_empty());
        holdings.roll_back();
        assert_eq!(holdings, after);
        holdings.begin();
        holdings.commit();
    }
    // What a transaction makes and takes away again is not saved.
    let mut holdings = owner();
    holdings.begin();
    steps[0](&mut holdings);
    steps[1](&mut holdings);
    assert_eq!((holdings.changes().new.len(), holdings.changes().gone.len()), (1, 0));
}

fn idle(epoch: u64) -> SegmentRecord {
    record(epoch, Some(MINE), Phase::Idle)
}
