//! What is asked of a node, in order: each step builds on the ones before.

mod leaving;
mod requests;
mod returning;

use std::collections::BTreeMap;

use ringway::Table;
use ringway_cluster::{Incarnation, Phase, SegmentRecord};

use super::{
    clause::{Findings, Verdict},
    map::PlayedMap,
    node::{At, Key, NodeUnderTest, keys_in},
    wire::Answer,
};

/// The other node, which the checker is.
const OTHER: &str = "ringway-check-other";
const OTHER_INCARNATION: Incarnation =
    Incarnation::from_bits(0x7269_6e67_7761_792d_6368_6563_6b00_0001);
const KEYS: usize = 12;
const PAGE_BYTES: u64 = 1 << 20;

/// One run of the contract.
pub(super) struct Script<'a> {
    pub(super) node: &'a NodeUnderTest,
    pub(super) map: &'a PlayedMap,
    pub(super) findings: &'a mut Findings,
    /// The store's address, for what to say.
    pub(super) store: String,
    /// The node's name, as its status has it.
    name: String,
    /// Keys of the lower half of the positions, which is the node's, and one of the upper.
    keys: Vec<Key>,
    foreign: Key,
    middle: u64,
    last: u64,
    /// What reading each key gave when it was last written.
    known: BTreeMap<String, Vec<u8>>,
}

/// A step that can't go on has said why in the findings.
type Went = Option<()>;

impl<'a> Script<'a> {
    /// Prepares a run; `None` if the layout has too few positions for it.
    pub(super) fn new(
        node: &'a NodeUnderTest,
        map: &'a PlayedMap,
        findings: &'a mut Findings,
        store: String,
        name: String,
        table: &Table,
    ) -> Option<Self> {
        let last = table.position_max()?;
        let middle = last / 2;
        let keys = keys_in(table, 0, middle, KEYS + 1);
        let foreign = keys_in(table, middle + 1, last, 1).pop()?;
        if keys.len() <= KEYS {
            return None;
        }
        let known = BTreeMap::new();
        Some(Self { node, map, findings, store, name, keys, foreign, middle, last, known })
    }

    /// Runs all steps from `epoch` on, which must be above any that the node knows.
    pub(super) fn run(&mut self, epoch: u64) {
        let _ = self.steps(epoch);
    }

    fn steps(&mut self, epoch: u64) -> Went {
        let record = |lo, hi, owner: &str, incarnation, phase| SegmentRecord {
            lo,
            hi,
            owner: owner.into(),
            incarnation,
            epoch,
            attempt: 0,
            phase,
        };
        let seeded = self.map.seed(vec![
            record(0, self.middle, &self.name, None, Phase::Born),
            record(self.middle + 1, self.last, OTHER, Some(OTHER_INCARNATION), Phase::Idle),
        ]);
        if let Err(error) = seeded {
            self.findings.note("serves", Verdict::Fail(error));
            return None;
        }
        self.serve(epoch)?;
        self.refuse(epoch);
        self.learn(epoch);
        self.copy_out()?;
        self.abort()?;
        self.learn(self.record().epoch);
        let rows = self.move_away()?;
        self.move_back(&rows)?;
        self.freeze_part()
    }

    fn check(&mut self, id: &'static str, holds: bool, seen: impl FnOnce() -> String) {
        self.findings.check(id, holds, seen);
    }

    /// Checks that the answer has that status.
    fn expect(&mut self, id: &'static str, what: &str, answer: &Answer, status: u16) {
        self.check(id, answer.status == status, || {
            format!("{what}: {}, not {status}", answer.shown())
        });
    }

    fn record(&self) -> SegmentRecord {
        self.map.at(0).record
    }

    fn at(&self) -> At {
        At::from(&self.record())
    }

    /// A takeover or start: the same record under the next attempt.
    fn next_attempt(&self, to: &str, to_incarnation: Incarnation) -> At {
        let record = self.map.change(0, |record| {
            record.attempt += 1;
            record.phase = Phase::Moving { to: to.into(), to_incarnation };
        });
        At::from(&record)
    }

    fn write_known(&mut self, index: usize, epoch: u64, number: usize) -> Answer {
        let key = self.keys[index].clone();
        let written = self.node.write(&key, epoch, number);
        if written.is_success() {
            let read = self.node.read(&key, epoch);
            if read.is_success() {
                self.known.insert(key.name, read.body);
            }
        }
        written
    }

    /// Reads all keys anew: a node that executed what it should have refused is named for that, and
    /// for nothing that follows from it.
    fn learn(&mut self, epoch: u64) {
        for key in &self.keys {
            let read = self.node.read(key, epoch);
            if read.is_success() && self.known.contains_key(&key.name) {
                self.known.insert(key.name.clone(), read.body);
            }
        }
    }

    /// Whether every key reads as it did when it was last written.
    fn reads_as_known(&self, epoch: u64, but: Option<&str>) -> Result<(), String> {
        for key in self.keys.iter().filter(|key| Some(&*key.name) != but) {
            let Some(known) = self.known.get(&key.name) else { continue };
            let read = self.node.read(key, epoch);
            if !read.is_success() || read.body != *known {
                return Err(format!("{} reads {}", key.name, read.shown()));
            }
        }
        Ok(())
    }

    /// The only commit of a move.
    fn commit(&self, owner: &str, incarnation: Incarnation) -> SegmentRecord {
        self.map.change(0, |record| {
            record.owner = owner.into();
            record.incarnation = Some(incarnation);
            record.epoch += 1;
            record.phase = Phase::Done;
        })
    }
}

/// Tokens and parameters, which need no ownership.
pub(super) fn check_control(node: &NodeUnderTest, findings: &mut Findings, at: At) {
    let bare = node.control("GET", "/v1/status", "", b"");
    let wrong = node.control("GET", "/v1/status", "Authorization: Bearer wrong\r\n", b"");
    for (what, answer) in [("without a token", bare), ("with a wrong token", wrong)] {
        findings
            .check("token", answer.status == 401, || format!("status {what}: {}", answer.shown()));
    }
    let fence = format!(
        "lo={}&hi={}&epoch={}&attempt={}&incarnation={}",
        at.lo, at.hi, at.epoch, at.attempt, node.incarnation
    );
    let token = format!("Authorization: Bearer {}\r\n", node.token);
    for (what, query) in [
        ("a missing parameter", fence.replacen("lo=", "low=", 1)),
        ("a doubled parameter", format!("{fence}&epoch={}", at.epoch)),
        ("an unknown parameter", format!("{fence}&colour=red")),
        ("no number", fence.replacen("attempt=", "attempt=x", 1)),
    ] {
        let answer = node.control("POST", &format!("/v1/digest?{query}"), &token, b"");
        findings.check("parameters", answer.status == 400, || {
            format!("digest with {what}: {}", answer.shown())
        });
    }
}
