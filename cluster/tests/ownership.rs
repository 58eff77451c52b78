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
