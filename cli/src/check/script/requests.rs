//! What clients ask: what the node serves, and what it refuses.

use std::time::Duration;

use ringway_cluster::Phase;

use super::{KEYS, OTHER, OTHER_INCARNATION, Script, Went};
use crate::check::{
    clause::Verdict,
    node::{At, Key},
};

/// A node that never asked the store by then was not told where it is.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

impl Script<'_> {
    /// The node takes its half, and keys are written.
    pub(super) fn serve(&mut self, epoch: u64) -> Went {
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
    pub(super) fn refuse(&mut self, epoch: u64) {
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
}
