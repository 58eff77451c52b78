//! Arbitrary records and control calls: nothing panics, holdings never overlap, epochs never fall.
#![no_main]

use std::{collections::BTreeMap, convert::Infallible};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway_cluster::{Fence, Holdings, Incarnation, Phase, Row, Rows, SegmentRecord, Tally};

const MINE: Incarnation = Incarnation::from_bits(1);

#[derive(Arbitrary, Debug)]
enum Step {
    Record {
        span: (u8, u8),
        mine: bool,
        incarnation: Option<u8>,
        epoch: u8,
        attempt: u8,
        phase: u8,
    },
    Claim {
        span: (u8, u8),
        epoch: u8,
    },
    Call {
        span: (u8, u8),
        epoch: u8,
        attempt: u8,
        call: u8,
        row: (u8, u8),
    },
    Drop {
        span: (u8, u8),
        epoch: u8,
    },
    Restart,
}

#[derive(Default)]
struct Memory(BTreeMap<u64, u64>);

impl Rows for Memory {
    type Error = Infallible;

    fn count(&mut self, lo: u64, hi: u64) -> Result<Tally, Infallible> {
        let mut tally = Tally::default();
        self.0.range(lo..=hi).for_each(|(_, version)| tally.add(u128::from(*version)));
        Ok(tally)
    }

    fn delete(&mut self, lo: u64, hi: u64) -> Result<(), Infallible> {
        self.0.retain(|position, _| *position < lo || *position > hi);
        Ok(())
    }

    fn import(&mut self, row: &Row, tally: &mut Tally) -> Result<(), Infallible> {
        match self.0.get(&row.position) {
            Some(version) if *version >= row.version => return Ok(()),
            Some(version) => tally.remove(u128::from(*version)),
            None => {}
        }
        tally.add(u128::from(row.version));
        self.0.insert(row.position, row.version);
        Ok(())
    }

    fn forget_tombstones(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_log(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

fn epochs(holdings: &Holdings) -> Vec<u64> {
    (0..=255).map(|at| holdings.find(at).map_or(0, |holding| holding.epoch)).collect()
}

fuzz_target!(|steps: Vec<Step>| {
    let mut holdings = Holdings::new("a".into(), MINE, []);
    let mut saved = holdings.clone();
    holdings.begin();
    let mut rows = Memory::default();
    for step in steps {
        let before = epochs(&holdings);
        apply(&mut holdings, &mut saved, &mut rows, step);
        let mut last: Option<u64> = None;
        for holding in holdings.iter() {
            assert!(holding.lo <= holding.hi);
            assert!(last.is_none_or(|last| last < holding.lo), "holdings overlap");
            last = Some(holding.hi);
        }
        let fell = before.iter().zip(epochs(&holdings)).any(|(before, after)| after < *before);
        assert!(!fell, "an epoch fell");
    }
});

fn apply(holdings: &mut Holdings, saved: &mut Holdings, rows: &mut Memory, step: Step) {
    let record = |span: (u8, u8), mine: bool, incarnation, epoch: u8, attempt: u8, phase: u8| {
        let (lo, hi) = (span.0.min(span.1).into(), span.0.max(span.1).into());
        let to = "b".to_owned();
        SegmentRecord {
            lo,
            hi,
            owner: if mine { "a" } else { "b" }.into(),
            incarnation,
            epoch: epoch.into(),
            attempt: attempt.into(),
            phase: match phase % 4 {
                0 => Phase::Born,
                1 => Phase::Idle,
                2 => Phase::Moving { to, to_incarnation: Incarnation::from_bits(2) },
                _ => Phase::Done,
            },
        }
    };
    match step {
        Step::Record { span, mine, incarnation, epoch, attempt, phase } => {
            let incarnation = incarnation.map(|bits| Incarnation::from_bits((bits % 3).into()));
            let record = record(span, mine, incarnation, epoch, attempt, phase);
            let Ok(_) = holdings.reconcile(&record, rows);
        }
        Step::Claim { span, epoch } => {
            let _ = holdings.claim(&record(span, true, None, epoch, 0, 0), rows);
        }
        Step::Drop { span, epoch } => {
            let _ = holdings.drop_rows(&record(span, false, None, epoch, 0, 1), rows);
        }
        Step::Call { span, epoch, attempt, call, row } => {
            let fence = Fence {
                lo: span.0.into(),
                hi: span.1.into(),
                epoch: epoch.into(),
                attempt: attempt.into(),
                incarnation: MINE,
            };
            match call % 10 {
                0 => drop(holdings.stage(&fence, rows)),
                1 => {
                    let row = Row {
                        position: row.0.into(),
                        key: Vec::new(),
                        value: Some(Vec::new()),
                        version: row.1.into(),
                        expires_ms: 0,
                    };
                    let sequence = row.version;
                    drop(holdings.import(&fence, &[row], sequence, rows));
                }
                2 => drop(holdings.seal(&fence, rows)),
                3 => drop(holdings.activate(&fence)),
                4 => drop(holdings.wipe(&fence, rows)),
                5 => drop(holdings.export(&fence, rows)),
                6 => drop(holdings.delta(&fence, row.0.into())),
                7 => drop(holdings.freeze(&fence, rows)),
                8 => drop(holdings.unfreeze(&fence)),
                _ => {
                    if let Some(holding) = holdings.find_mut(row.0.into()) {
                        holding.sequence += 1;
                    }
                }
            }
        }
        Step::Restart => {
            let mut undone = holdings.clone();
            undone.roll_back();
            assert_eq!(undone, *saved, "a transaction that is undone leaves something");
            saved.apply(&holdings.changes());
            assert_eq!(saved, holdings, "a transaction saves less than it changes");
            holdings.commit();
            holdings.begin();
        }
    }
}
