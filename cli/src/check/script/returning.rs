//! The range comes back, after tries that are given up; last, half of it is frozen.

use ringway_cluster::{Phase, Row};

use super::{KEYS, OTHER, OTHER_INCARNATION, PAGE_BYTES, Script, Went};
use crate::check::{
    clause::Verdict,
    node::{At, frames, summary_of, summed},
    wire::Answer,
};

impl Script<'_> {
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
    pub(super) fn move_back(&mut self, (rows, sequence): &(Vec<Row>, u64)) -> Went {
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
    pub(super) fn freeze_part(&mut self) -> Went {
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
