//! What a transaction may do to the segments: they stay a map, and nothing in them falls.

use ringway_cluster::{
    CommitError, Phase, Record, RecordKey, SegmentRecord, Snapshot, Transaction, WRITES_MAX,
};

fn segment(lo: u64, hi: u64, epoch: u64, attempt: u64) -> Record {
    let phase = Phase::Idle;
    let owner = "a".into();
    Record::Segment(SegmentRecord { lo, hi, owner, incarnation: None, epoch, attempt, phase })
}

/// Segments 1, 2 and 3 cover 0..=99, 100..=199 and 200..=299 at epoch 5, attempt 7.
fn three() -> Snapshot {
    let mut snapshot = Snapshot { revision: 9, ..Snapshot::default() };
    for id in 1..=3 {
        let record = segment((id - 1) * 100, id * 100 - 1, 5, 7);
        snapshot.records.insert(RecordKey::Segment(id), (id, record));
    }
    snapshot
}

fn writes(writes: &[(u64, Option<Record>)]) -> Transaction {
    let writes = writes.iter().map(|(id, record)| (RecordKey::Segment(*id), record.clone()));
    Transaction { expect: vec![], writes: writes.collect() }
}

fn refusal(snapshot: &Snapshot, transaction: &Transaction) -> String {
    match snapshot.check(transaction) {
        Err(CommitError::Refused(reason)) => reason,
        other => panic!("refused, not {other:?}"),
    }
}

#[test]
fn replacing_splitting_and_joining_is_allowed() {
    for allowed in [
        writes(&[(2, Some(segment(100, 199, 5, 7)))]),
        writes(&[(2, Some(segment(100, 199, 6, 8)))]),
        writes(&[
            (2, None),
            (4, Some(segment(100, 149, 5, 7))),
            (5, Some(segment(150, 199, 5, 7))),
        ]),
        writes(&[(1, None), (2, None), (4, Some(segment(0, 199, 6, 7)))]),
        writes(&[(1, Some(segment(0, 50, 5, 7))), (2, Some(segment(51, 199, 5, 7)))]),
        writes(&[]),
    ] {
        assert_eq!(three().check(&allowed), Ok(()), "{allowed:?}");
    }
}

#[test]
fn gaps_and_overlaps_are_refused() {
    for gap in [
        writes(&[(2, None)]),
        writes(&[(2, Some(segment(100, 198, 6, 7)))]),
        writes(&[(2, Some(segment(101, 199, 6, 7)))]),
        writes(&[(2, Some(segment(100, 200, 6, 7)))]),
        writes(&[
            (2, None),
            (4, Some(segment(100, 149, 6, 7))),
            (5, Some(segment(151, 199, 6, 7))),
        ]),
        writes(&[(4, Some(segment(300, 399, 6, 7)))]),
        writes(&[(4, Some(segment(100, 199, 6, 7)))]),
        writes(&[(1, None), (2, None), (3, None)]),
    ] {
        assert!(refusal(&three(), &gap).contains("do not cover"), "{gap:?}");
    }
    let overlap = writes(&[
        (2, None),
        (4, Some(segment(100, 150, 6, 7))),
        (5, Some(segment(150, 199, 6, 7))),
    ]);
    assert!(refusal(&three(), &overlap).contains("overlap"));
    let turned = writes(&[(2, Some(segment(199, 100, 6, 7)))]);
    assert!(refusal(&three(), &turned).contains("is above hi"));
}

#[test]
fn neither_epoch_nor_attempt_falls() {
    for (epoch, attempt) in [(4, 7), (4, 8), (5, 6), (6, 6)] {
        let fallen = writes(&[(2, Some(segment(100, 199, epoch, attempt)))]);
        assert!(refusal(&three(), &fallen).contains("may not follow"), "{epoch} {attempt}");
    }
    // A joined segment must not fall below any of its parts, the last one included.
    let mut snapshot = three();
    snapshot.records.insert(RecordKey::Segment(2), (2, segment(100, 199, 8, 9)));
    for (epoch, attempt) in [(7, 9), (8, 8)] {
        let fallen = writes(&[(1, None), (2, None), (4, Some(segment(0, 199, epoch, attempt)))]);
        assert!(refusal(&snapshot, &fallen).contains("may not follow"), "{epoch} {attempt}");
    }
    let split = writes(&[
        (2, None),
        (4, Some(segment(100, 149, 8, 9))),
        (5, Some(segment(150, 199, 7, 9))),
    ]);
    assert!(refusal(&snapshot, &split).contains("[150, 199]"));
}

#[test]
fn an_empty_store_is_seeded_whole_and_at_once() {
    let empty = Snapshot::default();
    let count = 10 * u64::try_from(WRITES_MAX).expect("a small number");
    let mut whole: Vec<_> =
        (1..=count).map(|id| (id, Some(segment((id - 1) * 10, id * 10 - 1, 1, 0)))).collect();
    assert_eq!(empty.check(&writes(&whole)), Ok(()));
    // Once there are segments, the limit holds again.
    assert!(refusal(&three(), &writes(&whole)).contains("1000 writes"));
    whole.remove(500);
    assert!(refusal(&empty, &writes(&whole)).contains("from 0 on"));
    assert!(refusal(&empty, &writes(&[(1, Some(segment(1, 9, 1, 0)))])).contains("from 0 on"));
    let other: Vec<_> = (0..=WRITES_MAX as u64)
        .map(|number| (RecordKey::Log(number), Some(Record::Log("x".into()))))
        .collect();
    assert!(refusal(&empty, &Transaction { expect: vec![], writes: other }).contains("101 writes"));
}

#[test]
fn keys_are_written_once_and_with_their_kind() {
    let twice = writes(&[(4, Some(segment(0, 9, 1, 0))), (4, Some(segment(10, 19, 1, 0)))]);
    assert!(refusal(&Snapshot::default(), &twice).contains("twice"));
    let kind = writes(&[(4, Some(Record::Log("x".into())))]);
    assert!(refusal(&three(), &kind).contains("another kind"));
}

#[test]
fn expectations_come_before_the_cover() {
    let mut transaction = writes(&[(2, None)]);
    transaction.expect.push((RecordKey::Segment(2), Some(1)));
    assert_eq!(three().check(&transaction), Err(CommitError::Conflict(RecordKey::Segment(2))));
}
