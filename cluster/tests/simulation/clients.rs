//! One client for each key: it reads and writes, and remembers what it may see.

use std::collections::BTreeMap;

use ringway::Table;
use ringway_cluster::{SegmentTable, Snapshot};

use crate::{
    node::Sent,
    world::{CLIENTS_END_MS, Happening, Weakness, World},
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
    token: u64,
    counter: u64,
    last: Option<u64>,
    acknowledged: bool,
    /// Writes with an unknown outcome: they may take effect at any time.
    pending: BTreeMap<Option<u64>, u32>,
}

impl Client {
    pub(crate) fn new(index: usize, table: &Table, store: &Snapshot) -> Self {
        let key = format!("k{index}");
        Self {
            index,
            position: table.position(key.as_bytes()).unwrap(),
            map: SegmentTable::new(store, u64::from(u32::MAX)).unwrap(),
            doing: Operation::Read,
            token: 0,
            counter: 0,
            last: None,
            acknowledged: false,
            pending: BTreeMap::new(),
        }
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        format!("k{}", self.index).into_bytes()
    }

    pub(crate) const fn never_acknowledged(&self) -> bool {
        !self.acknowledged
    }

    pub(crate) fn check_last(&self, value: Option<u64>) {
        assert!(
            value == self.last || self.pending.contains_key(&value),
            "key {}: {value:?} at rest, but {:?} was last known, {:?} pending",
            self.index,
            self.last,
            self.pending
        );
    }

    fn saw(&mut self, value: Option<u64>) {
        if value == self.last {
            return;
        }
        let left = self.pending.get_mut(&value);
        let left = left.map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            self.pending.remove(&value);
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
        if self.now_ms > CLIENTS_END_MS {
            return;
        }
        let (choice, fresh) = (self.below(10), self.below(20) == 0);
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
        self.client_sends(index);
    }

    fn client_refreshes(&mut self, index: usize) {
        self.clients[index].map = SegmentTable::new(&self.store, u64::from(u32::MAX)).unwrap();
    }

    pub(crate) fn client_sends(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.token += 1;
        let (token, position, operation) = (client.token, client.position, client.doing);
        let segment = client.map.find(position).unwrap();
        let (owner, epoch) = (segment.record.owner.clone(), segment.record.epoch);
        let node = self.nodes.iter().position(|node| node.name() == owner).unwrap();
        let request =
            Sent::Request { client: index, token, position, epoch, operation, read_store: false };
        self.send(Happening::ToNode(node, request), false);
        let answer = Answer::TimedOut;
        self.after(500, Happening::ClientAnswer { client: index, token, answer });
    }

    pub(crate) fn client_hears(&mut self, index: usize, token: u64, answer: Answer) {
        if self.clients[index].token != token {
            return;
        }
        let client = &mut self.clients[index];
        match (answer, client.doing) {
            (Answer::Value(value), Operation::Read) => {
                self.totals.reads += 1;
                client.saw(value);
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
