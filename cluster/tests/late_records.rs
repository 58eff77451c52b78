//! Records that a node read before the store went on, applied after it has.
#![allow(clippy::unwrap_used, reason = "a test: a failure should stop it and say where")]

use std::convert::Infallible;

use ringway_cluster::{
    Access, Fence, Holdings, Incarnation, Phase, Reconciled, Row, Rows, SegmentRecord, Tally,
};

/// No rows: only who owns what is looked at.
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

const A: Incarnation = Incarnation::from_bits(1);
const B: Incarnation = Incarnation::from_bits(2);

fn record(lo: u64, hi: u64, epoch: u64, attempt: u64, phase: Phase) -> SegmentRecord {
    SegmentRecord { lo, hi, owner: "a".into(), incarnation: Some(A), epoch, attempt, phase }
}

fn to_b() -> Phase {
    Phase::Moving { to: "b".into(), to_incarnation: B }
}

fn apply(node: &mut Holdings, record: &SegmentRecord) -> Reconciled {
    node.reconcile(record, &mut Nothing).unwrap()
}

/// `a`, owning [0, 9] at epoch 1.
fn owner() -> Holdings {
    let mut node = Holdings::new("a".into(), A, []);
    let born = SegmentRecord { incarnation: None, ..record(0, 9, 1, 0, Phase::Born) };
    assert_eq!(apply(&mut node, &born), Reconciled::Claim);
    node.claim(&born, &mut Nothing).unwrap();
    assert_eq!(apply(&mut node, &record(0, 9, 1, 0, Phase::Idle)), Reconciled::Applied);
    node
}

#[test]
fn a_record_from_before_a_split_lifts_no_freeze() {
    let mut node = owner();
    // Epoch 2 was decided, the segment was split, and [5, 9] begins to move. The node learns of
    // that part alone, and freezes it.
    assert_eq!(apply(&mut node, &record(5, 9, 2, 1, to_b())), Reconciled::Applied);
    let fence = Fence { lo: 5, hi: 9, epoch: 2, attempt: 1, incarnation: A };
    node.freeze(&fence, &mut Nothing).unwrap();
    // What was read before the split arrives now.
    assert_eq!(apply(&mut node, &record(0, 9, 2, 0, Phase::Idle)), Reconciled::Applied);
    assert_eq!(node.check(7, 2), Access::Frozen);
    assert_eq!(node.check(3, 2), Access::Serve);
    assert_eq!(node.find(7).unwrap().attempt, 1);
}

#[test]
fn a_record_from_before_a_split_takes_no_stage() {
    let mut node = Holdings::new("b".into(), B, []);
    assert_eq!(apply(&mut node, &record(5, 9, 1, 1, to_b())), Reconciled::Applied);
    let fence = Fence { lo: 5, hi: 9, epoch: 1, attempt: 1, incarnation: B };
    node.stage(&fence, &mut Nothing).unwrap();
    node.seal(&fence, &mut Nothing).unwrap();
    assert_eq!(apply(&mut node, &record(0, 9, 1, 0, Phase::Idle)), Reconciled::Applied);
    let committed = SegmentRecord {
        owner: "b".into(),
        incarnation: Some(B),
        ..record(5, 9, 2, 1, Phase::Done)
    };
    assert_eq!(apply(&mut node, &committed), Reconciled::Applied);
    assert_eq!(node.check(7, 2), Access::Serve);
}

#[test]
fn a_record_that_says_more_than_the_node_knows_is_taken_in_part() {
    let mut node = owner();
    // Of [0, 9] at epoch 2 the node knows the middle.
    assert_eq!(apply(&mut node, &record(4, 6, 2, 0, Phase::Idle)), Reconciled::Applied);
    assert_eq!(apply(&mut node, &record(0, 9, 2, 0, Phase::Idle)), Reconciled::Applied);
    for position in 0..10 {
        assert_eq!(node.check(position, 2), Access::Serve, "{position}");
    }
    assert_eq!(apply(&mut node, &record(0, 9, 2, 0, Phase::Idle)), Reconciled::Current);
}
