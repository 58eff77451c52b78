//! The clauses of the node contract, and how each was met.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One demand of spec/NODE.md.
#[derive(Debug)]
pub(super) struct Clause {
    /// Its name in reports.
    pub(super) id: &'static str,
    /// The lowest level that needs it.
    pub(super) level: u8,
    /// Where spec/NODE.md says it.
    pub(super) section: &'static str,
    /// What it demands.
    pub(super) says: &'static str,
    /// What a node's author does if it fails.
    pub(super) remedy: &'static str,
}

/// How a clause was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// What was seen instead.
    Fail(String),
    /// Why it does not concern this node, or was not asked for.
    NotApplicable(String),
}

/// What each level is good for.
pub(super) const LEVELS: [&str; 4] = [
    "an HTTP server: requests are routed to it; its keys move only if their loss is accepted",
    "hands ranges over, but refuses nothing: exact only while nobody sends it requests",
    "refuses what is not its own, and freezes: moves are exact, with a pause as long as the copy",
    "the whole contract: moves are exact, with a pause of milliseconds whatever the size",
];

/// Every clause, in the order of the report.
pub(super) const CLAUSES: &[Clause] = &[
    clause(
        0,
        "answers",
        "2",
        "answers requests over HTTP/1.1",
        "make the data listener answer HTTP/1.1 requests",
    ),
    clause(
        1,
        "token",
        "3",
        "a control call without the token, or with another, is 401",
        "compare `Authorization: Bearer TOKEN` on every path of the control listener",
    ),
    clause(
        1,
        "status",
        "4",
        "`GET /v1/status` tells name, incarnation and ranges",
        "answer JSON with \"name\", \"incarnation\" (32 lower-case hexadecimal digits) and \"ranges\"",
    ),
    clause(
        1,
        "parameters",
        "3",
        "a parameter that is missing, doubled or unknown is 400",
        "read the query strictly: each known parameter once, nothing else",
    ),
    clause(
        1,
        "serves",
        "2",
        "executes requests for what it owns",
        "serve a position that the store gives to this node, at the record's epoch",
    ),
    clause(
        1,
        "export",
        "3",
        "`export` has each row once, in order, at its position, and an end frame",
        "send the rows of lo..=hi in order of (position, key), then an end frame (section 5)",
    ),
    clause(
        1,
        "export-pages",
        "3",
        "`bytes_max` makes pages that the cursor continues",
        "end a page before it exceeds bytes_max, but with one row at least; name the last row in the end frame",
    ),
    clause(
        1,
        "cuts",
        "4",
        "`status` with `rows_max` says where to cut a range",
        "answer \"cuts\": the first positions of parts of at most rows_max rows",
    ),
    clause(
        1,
        "digest",
        "5",
        "`digest` sums up exactly the rows that were imported",
        "add XXH3-128 of each row's frame, modulo 2^128; take sequence from the end frame",
    ),
    clause(
        1,
        "stage-again",
        "3",
        "a repeated `stage` changes nothing",
        "if a stage of this (epoch, attempt) and range is there, answer 200 and leave it",
    ),
    clause(
        1,
        "stage-newer",
        "3",
        "`stage` of a higher attempt begins empty",
        "delete whatever rows lie in the range when a stage is made",
    ),
    clause(
        1,
        "import-again",
        "3",
        "rows that arrive twice count once",
        "take a row only if none of its version or above is there",
    ),
    clause(
        1,
        "import-order",
        "3",
        "an older row neither replaces a newer one nor passes a tombstone",
        "keep the versions of tombstones until the stage is sealed, and compare before taking a row",
    ),
    clause(
        1,
        "import-range",
        "3",
        "a row outside the range is 409",
        "refuse rows whose position is not in lo..=hi, before taking any",
    ),
    clause(
        1,
        "import-broken",
        "5",
        "frames that break off are 400",
        "answer 400 to a body without an end frame, or with a malformed frame",
    ),
    clause(
        1,
        "sealed",
        "3",
        "after `digest`, `import` is 409, and `stage` and `digest` change nothing",
        "remember durably that the stage is sealed; refuse rows from then on",
    ),
    clause(
        1,
        "stale",
        "3",
        "a lower (epoch, attempt) than seen is 409 `stale`",
        "keep the highest (epoch, attempt) of each position durably, and refuse lower ones",
    ),
    clause(
        1,
        "incarnation",
        "3",
        "a call for another incarnation is 409 `incarnation`",
        "compare the parameter with the data directory's own",
    ),
    clause(
        1,
        "moved-rows",
        "3",
        "rows that moved away and back read as before",
        "export and import keep position, key, value and expiry as they are",
    ),
    clause(
        1,
        "old-rows",
        "3",
        "rows of an earlier ownership are gone after a later move",
        "delete the range's rows when a stage is made, and on `drop`",
    ),
    clause(
        1,
        "versions",
        "1",
        "writes after a move count on above the last number",
        "go on above the sequence that `digest` answered",
    ),
    clause(
        1,
        "write-durable",
        "2",
        "a write is durable before its answer",
        "sync before answering; try it with kill -9",
    ),
    clause(
        2,
        "headers",
        "2",
        "`Ringway-Position` and `Ringway-Epoch` missing, doubled or no numbers: 400",
        "read both headers strictly before anything else",
    ),
    clause(
        2,
        "key-position",
        "2",
        "a position that `Ringway-Key` does not have is 400",
        "compute the position where the layout is known; else this does not concern you",
    ),
    clause(
        2,
        "claim",
        "6",
        "claims a born segment in the store before it serves it",
        "on the first request, read the store, and make the record idle with your incarnation by POST /store/cas",
    ),
    clause(
        2,
        "wrong-epoch",
        "2",
        "another epoch than the record's is 421 with `Ringway-Epoch`, and nothing is executed",
        "compare the epoch before and inside the transaction that executes the request",
    ),
    clause(
        2,
        "head-alone",
        "2",
        "refuses from the head alone, before a body arrives",
        "decide before reading the body, and do not send 100 Continue first",
    ),
    clause(
        2,
        "not-owner",
        "2",
        "a position of another node is 421",
        "serve only what you durably own",
    ),
    clause(
        2,
        "ahead",
        "3",
        "an epoch above the store's is refused: 409 `ahead`, 421 or 503",
        "read the store; if it does not confirm the epoch, refuse",
    ),
    clause(
        2,
        "store-down",
        "2",
        "503 with `Retry-After` when the store is needed and can't be read",
        "answer 503 and `Retry-After: 1`; never guess",
    ),
    clause(
        2,
        "lost-disk",
        "6",
        "a record with another incarnation is 503, never an empty read",
        "compare the record's incarnation with your own before you serve",
    ),
    clause(
        2,
        "owner-kept",
        "3",
        "`stage`, `drop` and `wipe` of what it owns are 409",
        "refuse calls that would delete rows of an owned range",
    ),
    clause(
        2,
        "freeze",
        "3",
        "`freeze` sums up the rows, and again the same",
        "keep row count and digest rolling, and answer them",
    ),
    clause(
        2,
        "frozen",
        "2",
        "reads and writes of a frozen position are 421 with `Ringway-Frozen: 1`",
        "check the freeze in the transaction that reads or writes",
    ),
    clause(
        2,
        "frozen-holds",
        "3",
        "a freeze ends only by a higher epoch, not by a higher attempt or `unfreeze`",
        "unfreeze only when a record of a higher epoch was read",
    ),
    clause(
        2,
        "abort",
        "6",
        "after an abort it serves at the new epoch, and not at the old",
        "read the record at `unfreeze` or at the first request of a higher epoch",
    ),
    clause(
        2,
        "moved-away",
        "6",
        "after a move to another node it refuses at any epoch",
        "take a record that names another node as the end of your ownership",
    ),
    clause(
        2,
        "staged-unseen",
        "3",
        "staged rows are not served",
        "do not serve a range before its record names you and `activate` or the record's reading made it yours",
    ),
    clause(
        2,
        "activate",
        "3",
        "`activate` only after the commit, and again the same",
        "read the record: it must name you, your incarnation and the stage's attempt",
    ),
    clause(
        2,
        "part",
        "1",
        "part of a range can be frozen, and the rest is served",
        "keep epoch, attempt and freeze by position, not by segment",
    ),
    clause(
        2,
        "freeze-durable",
        "3",
        "a freeze outlives the process",
        "write the freeze to disk before answering 200",
    ),
    clause(
        3,
        "delta",
        "3",
        "`delta` has each key that changed since, once, deletes too",
        "log writes and deletes of a range from the first `export` on",
    ),
    clause(
        3,
        "delta-pages",
        "3",
        "`delta` in pages misses nothing",
        "name the last row's version as the page's sequence if there is more",
    ),
];

const fn clause(
    level: u8,
    id: &'static str,
    section: &'static str,
    says: &'static str,
    remedy: &'static str,
) -> Clause {
    Clause { id, level, section, says, remedy }
}

/// What is known of each clause.
#[derive(Debug, Default)]
pub(super) struct Findings {
    verdicts: Vec<(&'static str, Verdict)>,
}

impl Findings {
    /// Notes how a clause was met; the first failure of a clause stays.
    pub(super) fn note(&mut self, id: &'static str, verdict: Verdict) {
        debug_assert!(CLAUSES.iter().any(|clause| clause.id == id), "{id} is no clause");
        match self.verdicts.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == Verdict::Pass => *known = verdict,
            Some(_) => {}
            None => self.verdicts.push((id, verdict)),
        }
    }

    /// Notes that `id` holds if `holds`; else what was seen.
    pub(super) fn check(&mut self, id: &'static str, holds: bool, seen: impl FnOnce() -> String) {
        self.note(id, if holds { Verdict::Pass } else { Verdict::Fail(seen()) });
    }

    fn of(&self, id: &str) -> Verdict {
        let unreached = || Verdict::Fail("not reached: an earlier clause failed".into());
        self.verdicts
            .iter()
            .find(|(known, _)| *known == id)
            .map_or_else(unreached, |(_, verdict)| verdict.clone())
    }

    /// The highest level of which no clause failed; `None` if not even the lowest.
    pub(super) fn level(&self) -> Option<u8> {
        let failed = CLAUSES.iter().filter(|clause| matches!(self.of(clause.id), Verdict::Fail(_)));
        match failed.map(|clause| clause.level).min() {
            Some(lowest) => lowest.checked_sub(1),
            None => Some(3),
        }
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let width = CLAUSES.iter().map(|clause| clause.id.len()).max().unwrap_or(0);
        for Clause { id, level, section, says, remedy } in CLAUSES {
            let (word, seen) = match self.of(id) {
                Verdict::Pass => ("pass", None),
                Verdict::Fail(seen) => ("FAIL", Some(seen)),
                Verdict::NotApplicable(why) => ("n/a ", Some(why)),
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "L{level} {word}  {id:width$}  {section}  {says}");
            if let Some(seen) = seen {
                let _ = writeln!(text, "{:10}{seen}", "");
                if word == "FAIL" && !seen.starts_with("not reached") {
                    let _ = writeln!(text, "{:10}-> {remedy}", "");
                }
            }
        }
        text.push('\n');
        match self.level() {
            Some(level) => {
                let _ = writeln!(text, "level L{level}: {}", LEVELS[usize::from(level)]);
            }
            None => text.push_str("no level: it does not even answer requests\n"),
        }
        let next = self.level().map_or(0, |level| level + 1);
        let missing: Vec<&str> = CLAUSES
            .iter()
            .filter(|clause| clause.level == next && matches!(self.of(clause.id), Verdict::Fail(_)))
            .map(|clause| clause.id)
            .collect();
        if !missing.is_empty() {
            let _ = writeln!(text, "for L{next} it lacks: {}", missing.join(", "));
        }
        text
    }

    /// The report for programs.
    pub(super) fn json(&self) -> Value {
        let clauses: Vec<Value> = CLAUSES
            .iter()
            .map(|clause| {
                let (verdict, seen) = match self.of(clause.id) {
                    Verdict::Pass => ("pass", None),
                    Verdict::Fail(seen) => ("fail", Some(seen)),
                    Verdict::NotApplicable(why) => ("not applicable", Some(why)),
                };
                json!({
                    "id": clause.id,
                    "level": clause.level,
                    "section": clause.section,
                    "says": clause.says,
                    "verdict": verdict,
                    "seen": seen,
                    "remedy": clause.remedy,
                })
            })
            .collect();
        json!({ "level": self.level(), "clauses": clauses })
    }
}
