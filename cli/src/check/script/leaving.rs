//! The range leaves: rows are copied, a move is taken back, another is finished.

use ringway_cluster::{Phase, Row};

use super::{KEYS, OTHER, OTHER_INCARNATION, PAGE_BYTES, Script, Went};
use crate::check::{
    clause::Verdict,
    node::{At, summary_of, summed},
};

impl Script<'_> {
    /// A move away begins: rows are read while the node serves on.
    pub(super) fn copy_out(&mut self) -> Went {
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
    pub(super) fn abort(&mut self) -> Went {
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
    pub(super) fn move_away(&mut self) -> Option<(Vec<Row>, u64)> {
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
}
