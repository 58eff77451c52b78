//! What is asked of a node, in order: each step builds on the ones before.

use std::{collections::BTreeMap, time::Duration};

use ringway::Table;
use ringway_cluster::{Incarnation, Phase, Row, SegmentRecord};

use super::{
    clause::{Findings, Verdict},
    map::PlayedMap,
    node::{At, Key, NodeUnderTest, frames, keys_in, summary_of, summed},
    wire::Answer,
};

/// The other node, which the checker is.
const OTHER: &str = "ringway-check-other";
const OTHER_INCARNATION: Incarnation =
    Incarnation::from_bits(0x7269_6e67_7761_792d_6368_6563_6b00_0001);
const KEYS: usize = 12;
const PAGE_BYTES: u64 = 1 << 20;
/// A node that never asked the store by then was not told where it is.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

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

    /// The node takes its half, and keys are written.
    fn serve(&mut self, epoch: u64) -> Went {
        for index in 0..KEYS {
            let key = self.keys[index].clone();
            let written = self.write_known(index, epoch, 0);
            if !written.is_success() || !self.known.contains_key(&key.name) {
                let mut seen = if written.is_success() {
                    format!("reading {} gave {}", key.name, self.node.read(&key, epoch).shown())
                } else {
                    format!("writing {} gave {}", key.name, written.shown())
                };
                if !self.map.wait_asked(STORE_PATIENCE) {
                    seen += &format!("; it never asked its store, which has to be {}", self.store);
                }
                self.findings.note("serves", Verdict::Fail(seen));
                return None;
            }
        }
        self.findings.note("serves", Verdict::Pass);
        let record = self.record();
        let claimed =
            record.phase == Phase::Idle && record.incarnation == Some(self.node.incarnation);
        self.check("claim", claimed, || {
            "it serves positions whose segment nobody has claimed in the store".into()
        });
        match self.node.restart() {
            None => {
                let why = "not tried: give --restart COMMAND, which kills it with -9 and starts it";
                self.findings.note("write-durable", Verdict::NotApplicable(why.into()));
            }
            Some(restarted) => {
                let read = restarted.and_then(|()| self.reads_as_known(epoch, None));
                self.check("write-durable", read.is_ok(), || read.err().unwrap_or_default());
            }
        }
        Some(())
    }

    /// What a node at its own epoch refuses, and what it does without the store.
    fn refuse(&mut self, epoch: u64) {
        let node = self.node;
        let key = self.keys[0].clone();
        self.refuse_headers(&key, epoch);
        for what in [&node.read, &node.write] {
            let answer = node.ask(what, &key, epoch - 1, "not to be executed");
            self.expect("wrong-epoch", "a request of an older epoch", &answer, 421);
            let hint = answer.header("ringway-epoch").map(str::to_owned);
            self.check("wrong-epoch", hint == Some(epoch.to_string()), || {
                format!("the 421 has Ringway-Epoch {hint:?}, not {epoch}")
            });
        }
        let reads = self.reads_as_known(epoch, None);
        self.check("wrong-epoch", reads.is_ok(), || {
            format!("the refused write was executed: {}", reads.err().unwrap_or_default())
        });
        for expect in [true, false] {
            let answer = node.announce(&key, epoch - 1, expect);
            self.expect("head-alone", "a write of an older epoch, its body not sent", &answer, 421);
            self.check("head-alone", !answer.continued, || "it asked for the body first".into());
            if answer.status != 421 {
                break;
            }
        }
        let foreign = self.foreign.clone();
        for what in [&node.read, &node.write] {
            let answer = node.ask(what, &foreign, epoch, "not to be executed");
            self.expect("not-owner", "a request for another node's position", &answer, 421);
        }
        let ahead = node.read(&key, epoch + 5);
        self.check("ahead", matches!(ahead.status, 421 | 503), || {
            format!("a request five epochs above the store's: {}", ahead.shown())
        });
        let at = At { epoch: epoch + 5, attempt: 1, ..self.at() };
        let ahead = node.call("freeze", at, "", b"");
        self.check("ahead", ahead.status == 409 && ahead.code() == "ahead", || {
            format!("freeze five epochs above the store's: {}", ahead.shown())
        });
        self.map.set_down(true);
        let blind = node.read(&key, epoch + 6);
        let served = node.read(&key, epoch);
        self.map.set_down(false);
        self.expect("store-down", "a higher epoch while the store is down", &blind, 503);
        self.check("store-down", blind.header("retry-after").is_some(), || {
            "the 503 has no Retry-After".into()
        });
        self.check("store-down", served.is_success(), || {
            format!("while the store is down, what it owns reads {}", served.shown())
        });
        let lost = self.map.change(self.last, |record| {
            record.owner.clone_from(&self.name);
            record.incarnation = Some(OTHER_INCARNATION);
            record.epoch += 1;
        });
        let answer = node.read(&foreign, lost.epoch);
        self.expect("lost-disk", "a record that names another incarnation", &answer, 503);
        self.map.change(self.last, |record| {
            record.owner = OTHER.into();
            record.epoch += 1;
        });
    }

    fn refuse_headers(&mut self, key: &Key, epoch: u64) {
        let node = self.node;
        let position = format!("Ringway-Position: {}\r\n", key.position);
        let of_epoch = format!("Ringway-Epoch: {epoch}\r\n");
        let name = format!("Ringway-Key: {}\r\n", key.name);
        for (what, headers) in [
            ("no Ringway-Position", format!("{of_epoch}{name}")),
            ("no Ringway-Epoch", format!("{position}{name}")),
            ("two Ringway-Position", format!("{position}{position}{of_epoch}{name}")),
            ("two Ringway-Epoch", format!("{position}{of_epoch}{of_epoch}{name}")),
            ("Ringway-Epoch: +1", format!("{position}Ringway-Epoch: +1\r\n{name}")),
            ("Ringway-Position: 0x1", format!("Ringway-Position: 0x1\r\n{of_epoch}{name}")),
        ] {
            let answer = node.ask_with(&node.read, key, &headers, "");
            self.expect("headers", what, &answer, 400);
        }
        let other = Key { name: self.foreign.name.clone(), position: key.position };
        let answer = node.read(&other, epoch);
        match answer.status {
            400 => self.findings.note("key-position", Verdict::Pass),
            _ => {
                let why = "it trusts Ringway-Position: it was not told the cluster's layout";
                self.findings.note("key-position", Verdict::NotApplicable(why.into()));
            }
        }
    }

    /// A move away begins: rows are read while the node serves on.
    fn copy_out(&mut self) -> Went {
        let node = self.node;
        let at = self.next_attempt(OTHER, OTHER_INCARNATION);
        let (rows, end) = match node.export(at, PAGE_BYTES) {
            Ok(page) => page,
            Err(error) => {
                self.findings.note("export", Verdict::Fail(error));
                return None;
            }
        };
        let order: Vec<(u64, &[u8])> = rows.iter().map(|row| (row.position, &*row.key)).collect();
        self.check("export", order.is_sorted_by(|a, b| a < b), || {
            "the rows are not in order of (position, key), or one is there twice".into()
        });
        let written = &self.keys[..KEYS];
        let lacking = written.iter().find(|key| order.iter().all(|(at, _)| *at != key.position));
        let lacking = lacking.map(|key| format!("no row has {}'s position", key.name));
        self.check("export", lacking.is_none(), || lacking.unwrap_or_default());
        let strange = rows.iter().find(|row| row.position > at.hi || row.value.is_none());
        let strange = strange.map(|row| format!("{} is no row of the range", row.position));
        self.check("export", strange.is_none(), || strange.unwrap_or_default());
        let paged = node.export(at, 1).and_then(|(paged, _)| {
            if paged == rows { Ok(()) } else { Err("pages give other rows than one answer".into()) }
        });
        self.check("export-pages", paged.is_ok(), || paged.err().unwrap_or_default());
        self.cut(&rows);
        self.changes(at, end.sequence);
        Some(())
    }

    fn cut(&mut self, rows: &[Row]) {
        let answer = self.node.status(&format!("?lo=0&hi={}&rows_max=4", self.middle));
        let cuts: Option<Vec<u64>> = answer
            .json()
            .and_then(|json| json["cuts"].as_array()?.iter().map(|cut| cut.as_u64()).collect());
        let Some(cuts) = cuts else {
            let seen = format!("no \"cuts\" in {}", answer.shown());
            self.findings.note("cuts", Verdict::Fail(seen));
            return;
        };
        let begins = [0].into_iter().chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([self.middle + 1]);
        let most = begins
            .zip(ends)
            .map(|(lo, end)| rows.iter().filter(|r| r.position >= lo && r.position < end).count());
        let most = most.max().unwrap_or(0);
        self.check("cuts", most <= 4 && cuts.is_sorted_by(|a, b| a < b), || {
            format!("a part of the cuts {cuts:?} has {most} rows, not at most 4")
        });
    }

    /// Writes and deletes after the export, which `delta` has to tell.
    fn changes(&mut self, at: At, since: u64) {
        let node = self.node;
        self.write_known(0, at.epoch, 1);
        self.write_known(KEYS, at.epoch, 1);
        let mut changed = vec![(self.keys[0].position, true), (self.keys[KEYS].position, true)];
        if let Some(delete) = &node.delete {
            let key = self.keys[1].clone();
            if node.ask(delete, &key, at.epoch, "").is_success() {
                changed.push((key.position, false));
                self.known.remove(&key.name);
            }
        }
        let delta = node.delta(at, since, PAGE_BYTES);
        let (rows, end) = match delta {
            Ok(page) => page,
            Err(error) => {
                self.findings.note("delta", Verdict::Fail(error));
                return;
            }
        };
        for (position, is_row) in changed {
            let told = rows.iter().filter(|row| row.position == position).collect::<Vec<_>>();
            let holds = !told.is_empty() && told.iter().any(|row| row.value.is_some() == is_row);
            let what = if is_row { "written" } else { "deleted" };
            self.check("delta", holds, || format!("a key that was {what} is not told as such"));
        }
        self.check("delta", rows.is_sorted_by(|a, b| a.version < b.version), || {
            "the rows are not in order of version".into()
        });
        let newest = rows.last().map_or(since, |row| row.version);
        self.check("delta", end.sequence >= newest && newest > since, || {
            format!("complete to {}, since {since}, newest {newest}", end.sequence)
        });
        let paged = node.delta(at, since, 1).and_then(|(paged, _)| {
            if paged == rows { Ok(()) } else { Err("pages give other rows than one answer".into()) }
        });
        self.check("delta-pages", paged.is_ok(), || paged.err().unwrap_or_default());
    }

    /// Freezes, and takes the move back.
    fn abort(&mut self) -> Went {
        let node = self.node;
        let at = self.at();
        let first = node.call("freeze", at, "", b"");
        self.expect("freeze", "freeze", &first, 200);
        let exported = node.export(at, PAGE_BYTES).ok();
        if let Some((rows, end)) = &exported {
            let expected = summed(rows, end.sequence);
            self.check("freeze", summary_of(&first).as_ref() == Some(&expected), || {
                format!("freeze answered {}, but the rows sum up to {expected:?}", first.shown())
            });
        }
        let again = node.call("freeze", at, "", b"");
        self.check("freeze", summary_of(&again) == summary_of(&first), || {
            format!("first {}, then {}", first.shown(), again.shown())
        });
        self.check_frozen("frozen", at.epoch, "frozen");
        // Another coordinator takes over: its calls must not lift the freeze.
        let at = self.next_attempt(OTHER, OTHER_INCARNATION);
        node.call("freeze", at, "", b"");
        let lifted = node.call("unfreeze", at, "", b"");
        self.expect("frozen-holds", "unfreeze at the epoch of the freeze", &lifted, 409);
        self.check_frozen("frozen-holds", at.epoch, "frozen, after a takeover");
        match node.restart() {
            None => {
                let why = "not tried: give --restart COMMAND, which kills it with -9 and starts it";
                self.findings.note("freeze-durable", Verdict::NotApplicable(why.into()));
            }
            Some(Ok(())) => self.check_frozen("freeze-durable", at.epoch, "frozen, restarted"),
            Some(Err(error)) => self.findings.note("freeze-durable", Verdict::Fail(error)),
        }
        let record = self.map.change(0, |record| {
            record.phase = Phase::Idle;
            record.epoch += 1;
        });
        let unfrozen = node.call("unfreeze", At::from(&record), "", b"");
        self.expect("abort", "unfreeze at the epoch of the abort", &unfrozen, 200);
        let reads = self.reads_as_known(record.epoch, None);
        self.check("abort", reads.is_ok(), || {
            format!("after the abort {}", reads.err().unwrap_or_default())
        });
        let old = node.read(&self.keys[0], at.epoch);
        self.expect("abort", "a request of the epoch before the abort", &old, 421);
        Some(())
    }

    fn check_frozen(&mut self, id: &'static str, epoch: u64, what: &str) {
        let node = self.node;
        let key = self.keys[0].clone();
        for (verb, template) in [("reading", &node.read), ("writing", &node.write)] {
            let answer = node.ask(template, &key, epoch, "not to be executed");
            let seen = format!("{verb} what is {what}");
            self.expect(id, &seen, &answer, 421);
            self.check(id, answer.header("ringway-frozen") == Some("1"), || {
                format!("{seen}: no Ringway-Frozen: 1")
            });
        }
    }

    /// The checker takes the range over; the rows that it was given.
    fn move_away(&mut self) -> Option<(Vec<Row>, u64)> {
        let node = self.node;
        let at = self.next_attempt(OTHER, OTHER_INCARNATION);
        node.call("freeze", at, "", b"");
        let (rows, end) = match node.export(at, PAGE_BYTES) {
            Ok(page) => page,
            Err(error) => {
                self.findings.note("export", Verdict::Fail(error));
                return None;
            }
        };
        if rows.len() < 4 {
            let seen = format!("only {} rows came of {KEYS} written keys", rows.len());
            self.findings.note("export", Verdict::Fail(seen));
            return None;
        }
        self.commit(OTHER, OTHER_INCARNATION);
        let record = self.map.change(0, |record| record.phase = Phase::Idle);
        let key = self.keys[0].clone();
        for epoch in [at.epoch, record.epoch] {
            let answer = node.read(&key, epoch);
            self.expect("moved-away", "a request after the range has moved away", &answer, 421);
        }
        let dropped = node.call("drop", At::from(&record), "", b"");
        self.expect("old-rows", "drop after the move", &dropped, 200);
        Some((rows, end.sequence))
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

    fn stage(&mut self) -> At {
        let at = self.next_attempt(&self.name.clone(), self.node.incarnation);
        let staged = self.node.call("stage", at, "", b"");
        self.expect("stage-newer", "stage", &staged, 200);
        at
    }

    fn import(&self, at: At, rows: &[Row], sequence: u64) -> Answer {
        self.node.call("import", at, "", &frames(rows, sequence))
    }

    /// Seals, and compares with what these rows sum up to.
    fn sum(&mut self, id: &'static str, at: At, rows: &[Row], sequence: u64, what: &str) {
        let answer = self.node.call("digest", at, "", b"");
        let expected = summed(rows, sequence);
        self.check(id, summary_of(&answer).as_ref() == Some(&expected), || {
            let (sequence, rows, digest) = &expected;
            format!(
                "{what}: digest answered {}, not sequence {sequence}, {rows} rows, {digest}",
                answer.shown()
            )
        });
    }

    /// The range comes back, after several tries that are given up.
    fn move_back(&mut self, (rows, sequence): &(Vec<Row>, u64)) -> Went {
        let (rows, sequence) = (rows.as_slice(), *sequence);
        let node = self.node;
        let at = self.stage();
        let imported = self.import(at, rows, sequence);
        if imported.status != 200 {
            self.findings.note("digest", Verdict::Fail(format!("import: {}", imported.shown())));
            return None;
        }
        self.sum("digest", at, rows, sequence, "all rows imported once");

        let at = self.stage();
        self.import(at, &rows[..2], sequence);
        let again = node.call("stage", at, "", b"");
        self.expect("stage-again", "the same stage again", &again, 200);
        self.import(at, &rows[2..], sequence);
        self.sum("stage-again", at, rows, sequence, "staged again half way");

        let at = self.stage();
        self.import(at, rows, sequence);
        self.import(at, &rows[1..], sequence);
        self.sum("import-again", at, rows, sequence, "rows imported twice");

        self.import_out_of_order(rows, sequence);

        let at = self.stage();
        self.import(at, rows, sequence);
        let at = self.stage();
        self.sum("stage-newer", at, &[], 0, "nothing imported at a higher attempt");

        self.bad_imports(rows, sequence);
        self.come_home(rows, sequence)
    }

    fn import_out_of_order(&mut self, rows: &[Row], sequence: u64) {
        let at = self.stage();
        let late = sequence + 10;
        let gone = Row { value: None, version: late, expires_ms: 0, ..rows[0].clone() };
        let newer = Row { version: late, ..rows[1].clone() };
        self.import(at, rows, sequence);
        self.import(at, &[gone, newer.clone()], late);
        // Both were overtaken while they were on their way.
        self.import(at, &rows[..2], sequence);
        let mut expected = rows[1..].to_vec();
        expected[0] = newer;
        self.sum(
            "import-order",
            at,
            &expected,
            late,
            "older rows after a tombstone and a newer row",
        );
        // The tombstone comes first of all.
        let at = self.stage();
        let gone = Row { value: None, version: late, expires_ms: 0, ..rows[0].clone() };
        self.import(at, &[gone], late);
        self.import(at, rows, sequence);
        self.sum("import-order", at, &rows[1..], late, "a row after its tombstone");
    }

    fn bad_imports(&mut self, rows: &[Row], sequence: u64) {
        let at = self.stage();
        let outside = Row { position: self.foreign.position, ..rows[0].clone() };
        let answer = self.import(at, &[outside], sequence);
        self.expect("import-range", "a row outside the range", &answer, 409);
        let mut cut = frames(rows, sequence);
        cut.truncate(cut.len() - 7);
        let answer = self.node.call("import", at, "", &cut);
        self.expect("import-broken", "frames that break off", &answer, 400);
        self.import(at, rows, sequence);
        self.sum("import-broken", at, rows, sequence, "all rows after some that broke off");
    }

    /// The last try, which is committed.
    fn come_home(&mut self, rows: &[Row], sequence: u64) -> Went {
        let node = self.node;
        let at = self.stage();
        // One row stays away: what was here before must not fill its place.
        let (left, rows) = rows.split_last()?;
        self.import(at, rows, sequence);
        let stale = At { attempt: at.attempt - 1, ..at };
        for call in ["stage", "import", "digest"] {
            let body = if call == "import" {
                frames(std::slice::from_ref(left), sequence)
            } else {
                vec![]
            };
            let answer = node.call(call, stale, "", &body);
            self.check("stale", answer.status == 409 && answer.code() == "stale", || {
                format!("{call} of the attempt before: {}", answer.shown())
            });
        }
        for call in ["stage", "digest"] {
            let answer = node.call_as(call, at, OTHER_INCARNATION, "", b"");
            self.check(
                "incarnation",
                answer.status == 409 && answer.code() == "incarnation",
                || format!("{call} for another incarnation: {}", answer.shown()),
            );
        }
        self.sum("stale", at, rows, sequence, "after calls of the attempt before");
        let late = self.import(at, std::slice::from_ref(left), sequence);
        self.expect("sealed", "import after digest", &late, 409);
        let again = node.call("stage", at, "", b"");
        self.expect("sealed", "the same stage again after digest", &again, 200);
        self.sum("sealed", at, rows, sequence, "digest again");
        let key = self.keys[0].clone();
        let unseen = node.read(&key, at.epoch);
        self.expect("staged-unseen", "reading a staged row", &unseen, 421);
        let next = At { epoch: at.epoch + 1, ..at };
        let early = node.call("activate", next, "", b"");
        self.expect("activate", "activate before the commit", &early, 409);
        let unseen = node.read(&key, next.epoch);
        self.check("staged-unseen", matches!(unseen.status, 421 | 503), || {
            format!("reading a staged row at the next epoch: {}", unseen.shown())
        });
        let record = self.commit(&self.name.clone(), node.incarnation);
        for what in ["activate", "activate again"] {
            let answer = node.call("activate", At::from(&record), "", b"");
            self.expect("activate", what, &answer, 200);
        }
        self.map.change(0, |record| {
            if record.phase == Phase::Done {
                record.phase = Phase::Idle;
            }
        });
        let stayed = self.keys.iter().find(|key| key.position == left.position).cloned();
        let stayed_name = stayed.as_ref().map(|key| key.name.as_str());
        let reads = self.reads_as_known(record.epoch, stayed_name);
        self.check("moved-rows", reads.is_ok(), || reads.err().unwrap_or_default());
        if let Some(key) = &stayed {
            let read = node.read(key, record.epoch);
            let is_back = read.is_success() && self.known.get(&key.name) == Some(&read.body);
            self.check("old-rows", !is_back, || "a row that did not move here is here".into());
            self.known.remove(&key.name);
        }
        self.write_known(0, record.epoch, 2);
        let (rows, _) = node.export(At::from(&self.record()), PAGE_BYTES).ok()?;
        let newest = rows.iter().map(|row| row.version).max().unwrap_or(0);
        self.check("versions", newest > sequence, || {
            format!("the first write after the move has version {newest}; before it was {sequence}")
        });
        Some(())
    }

    /// Half of the range is frozen.
    fn freeze_part(&mut self) -> Went {
        let node = self.node;
        let (left, right) = (self.keys[0].clone(), self.keys[KEYS - 1].clone());
        self.map.cut(0, self.keys[KEYS / 2].position);
        let at = self.next_attempt(OTHER, OTHER_INCARNATION);
        let exported = node.export(at, PAGE_BYTES).ok()?;
        let frozen = node.call("freeze", at, "", b"");
        let expected = summed(&exported.0, exported.1.sequence);
        self.check("part", summary_of(&frozen) == Some(expected), || {
            format!("freezing the lower part: {}", frozen.shown())
        });
        let refused = node.read(&left, at.epoch);
        self.expect("part", "reading in the frozen part", &refused, 421);
        let served = node.read(&right, at.epoch);
        self.check("part", served.is_success(), || {
            format!("reading in the part that is not frozen: {}", served.shown())
        });
        let record = self.map.change(0, |record| {
            record.phase = Phase::Idle;
            record.epoch += 1;
        });
        node.call("unfreeze", At::from(&record), "", b"");
        // Last, as a node that obeys has nothing left.
        let owned = At { attempt: record.attempt + 1, ..At::from(&record) };
        for call in ["stage", "wipe", "drop"] {
            let answer = node.call(call, owned, "", b"");
            self.expect("owner-kept", &format!("{call} of what it owns"), &answer, 409);
        }
        let read = node.read(&left, record.epoch);
        self.check("owner-kept", read.is_success(), || {
            format!("after refused calls, a key reads {}", read.shown())
        });
        Some(())
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
