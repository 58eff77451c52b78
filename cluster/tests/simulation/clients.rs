//! One client for each key: it reads and writes, and remembers what it may see.

use std::collections::BTreeMap;

use ringway::Table;
use ringway_cluster::{SegmentTable, Snapshot};

use crate::{
    node::{Asked, Sent},
    world::{CLIENTS_END_MS, END_MS, Happening, Weakness, World},
};

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    /// `None` deletes.
    Write(Option<u64>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Value(Option<u64>),
    Written,
    Misdirected,
    /// Nothing came in time.
    TimedOut,
}

pub(crate) struct Client {
    index: usize,
    pub(crate) position: u64,
    map: SegmentTable,
    doing: Operation,
    /// When what is being written ends; 0 is never.
    ends_ms: u64,
    /// The `Idempotency-Key` of what is being written.
    once: Option<u64>,
    tries: u32,
    sent_ms: u64,
    /// What was under way when a disk was lost: its answer says nothing.
    forgiven: u64,
    token: u64,
    counter: u64,
    last: Option<u64>,
    acknowledged: bool,
    /// Writes with an unknown outcome: they may take effect at any time.
    pending: BTreeMap<Option<u64>, u32>,
    /// When values end that do.
    ends: BTreeMap<u64, u64>,
}

impl Client {
    pub(crate) fn new(index: usize, table: &Table, store: &Snapshot) -> Self {
        let key = format!("k{index}");
        Self {
            index,
            position: table.position(key.as_bytes()).unwrap(),
            map: SegmentTable::new(store, u64::from(u32::MAX)).unwrap(),
            doing: Operation::Read,
            ends_ms: 0,
            once: None,
            tries: 0,
            sent_ms: 0,
            forgiven: 0,
            token: 0,
            counter: 0,
            last: None,
            acknowledged: false,
            pending: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        format!("k{}", self.index).into_bytes()
    }

    pub(crate) const fn never_acknowledged(&self) -> bool {
        !self.acknowledged
    }

    pub(crate) fn check_last(&mut self, value: Option<u64>, now_ms: u64) {
        self.sent_ms = now_ms;
        self.saw(value, now_ms);
    }

    /// An operator has accepted that what was there is lost.
    pub(crate) fn accept_loss(&mut self) {
        self.last = None;
        self.acknowledged = false;
        self.pending.clear();
        self.forgiven = self.token;
    }

    fn has_ended(&self, value: Option<u64>, now_ms: u64) -> bool {
        let end = value.and_then(|value| self.ends.get(&value));
        end.is_some_and(|end| *end <= now_ms)
    }

    /// A read returned `value`: it must be the last one, or one of unknown outcome, or have ended.
    fn saw(&mut self, value: Option<u64>, now_ms: u64) {
        assert!(!self.has_ended(value, self.sent_ms), "key {}: {value:?} had ended", self.index);
        if value == self.last {
            return;
        }
        if value.is_none() && self.has_ended(self.last, now_ms) {
            self.last = None;
            return;
        }
        let ended = self.pending.keys().find(|pending| self.has_ended(**pending, now_ms)).copied();
        let took_effect = match ended {
            Some(ended) if value.is_none() && !self.pending.contains_key(&None) => ended,
            _ => value,
        };
        let left = self.pending.get_mut(&took_effect);
        let left = left.map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            self.pending.remove(&took_effect);
        }
        assert!(
            left.is_some(),
            "key {}: read {value:?}, but {:?} was last known, {:?} pending",
            self.index,
            self.last,
            self.pending
        );
        self.last = value;
    }
}

impl World {
    pub(crate) fn client_turn(&mut self, index: usize) {
        let quiet = if self.is_restored() { END_MS + 40_000 } else { CLIENTS_END_MS };
        if self.now_ms > quiet {
            return;
        }
        let (choice, fresh) = (self.below(10), self.below(20) == 0);
        let (ends, once) = (self.below(6) == 0, self.below(4) == 0);
        let life_ms = 300 + self.below(8_000);
        let now_ms = self.now_ms;
        if fresh {
            self.client_refreshes(index);
        }
        let client = &mut self.clients[index];
        client.counter += 1;
        client.doing = match choice {
            0..=4 => Operation::Read,
            5 => Operation::Write(None),
            _ => Operation::Write(Some(client.counter)),
        };
        let writes = matches!(client.doing, Operation::Write(_));
        client.once = (writes && once).then_some(client.counter);
        client.tries = 0;
        client.ends_ms = 0;
        if let Operation::Write(Some(value)) = client.doing
            && ends
        {
            client.ends_ms = now_ms + life_ms;
            client.ends.insert(value, client.ends_ms);
        }
        self.client_sends(index);
    }

    fn client_refreshes(&mut self, index: usize) {
        self.clients[index].map = SegmentTable::new(&self.store, u64::from(u32::MAX)).unwrap();
    }

    pub(crate) fn client_sends(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let client = &mut self.clients[index];
        client.token += 1;
        let (token, position, operation) = (client.token, client.position, client.doing);
        let (ends_ms, once) = (client.ends_ms, client.once);
        client.sent_ms = now_ms;
        let segment = client.map.find(position).unwrap();
        let (owner, epoch) = (segment.record.owner.clone(), segment.record.epoch);
        let node = self.nodes.iter().position(|node| node.name() == owner).unwrap();
        let asked = Asked { client: index, token, position, epoch, operation, ends_ms, once };
        let request = Sent::Request { asked, read_store: false };
        self.send(Happening::ToNode(node, request), false);
        let answer = Answer::TimedOut;
        self.after(500, Happening::ClientAnswer { client: index, token, answer });
    }

    pub(crate) fn client_hears(&mut self, index: usize, token: u64, answer: Answer) {
        if self.clients[index].token != token {
            return;
        }
        let now_ms = self.now_ms;
        let client = &mut self.clients[index];
        match (answer, client.doing) {
            (Answer::Value(_) | Answer::Written | Answer::TimedOut, _)
                if client.forgiven == token => {}
            (Answer::Value(value), Operation::Read) => {
                self.totals.reads += 1;
                self.totals.ended += u64::from(client.has_ended(client.last, now_ms));
                client.saw(value, now_ms);
            }
            (Answer::Written, Operation::Write(value)) => {
                self.totals.writes += 1;
                client.last = value;
                client.acknowledged = true;
            }
            (Answer::Misdirected, _) => {
                // Not executed: it may be sent again as it is.
                self.totals.misdirected += 1;
                client.token += 1;
                self.client_refreshes(index);
                let wait = 5 + self.below(40);
                return self.after(wait, Happening::ClientAgain(index));
            }
            (Answer::TimedOut, Operation::Write(_))
                if self.weakness == Some(Weakness::WriteIsSentAgain) =>
            {
                return self.client_sends(index);
            }
            (Answer::TimedOut, Operation::Write(_))
                if client.once.is_some() && client.tries < 4 =>
            {
                // The node executes it once, however often it comes.
                client.tries += 1;
                self.totals.sent_again += 1;
                self.client_refreshes(index);
                return self.client_sends(index);
            }
            (Answer::TimedOut, Operation::Write(value)) => {
                self.totals.unknown_writes += 1;
                *client.pending.entry(value).or_default() += 1;
                client.acknowledged |= value.is_some();
            }
            _ => {}
        }
        self.clients[index].token += 1;
        let wait = 20 + self.below(150);
        self.after(wait, Happening::ClientTurn(index));
    }
}
