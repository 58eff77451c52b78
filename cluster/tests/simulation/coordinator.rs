//! A coordinator: finds what has to move and drives each move; all it knows is in memory.

use std::collections::BTreeMap;

use ringway_cluster::{
    Action, CopyRows, Cursor, Event, Fence, Move, MoveLimits, Outcome, Record, RecordKey,
    SegmentRecord, SegmentTable, Step, Transaction, Verb,
};

use crate::{
    node::{Answer, Call, ReplyTo, Sent},
    world::{Happening, Weakness, World},
};

const MOVES_MAX: usize = 3;
const CALL_MS: u64 = 400;

#[derive(Default)]
pub(crate) struct Coordinator {
    pub(crate) life: u64,
    /// Numbers what is asked, over all moves: a late answer to an ended one must find nobody.
    asked: u64,
    pub(crate) drivers: BTreeMap<u64, Driver>,
}

/// A move, and what it waits for.
pub(crate) struct Driver {
    pub(crate) moving: Move,
    token: u64,
    /// Where exported rows go.
    import: Option<(usize, Fence)>,
    /// How many rows, where to go on, and the sequence number.
    exported: Option<(u64, Option<Cursor>, u64)>,
    asked: Option<Verb>,
}

impl Coordinator {
    pub(crate) fn crash(&mut self) {
        self.life += 1;
        self.drivers.clear();
    }
}

impl World {
    /// Looks at the map and begins what is to be done.
    pub(crate) fn coordinator_turn(&mut self, index: usize) {
        let wait = 100 + self.below(300);
        self.after(wait, Happening::CoordinatorTurn(index));
        let segments = SegmentTable::new(&self.store, u64::from(u32::MAX)).unwrap();
        let steps = ringway_cluster::steps(&segments, &self.target).unwrap();
        if steps.is_empty() {
            let next_id = self.next_segment_id();
            for transaction in ringway_cluster::merges(&segments, next_id) {
                self.totals.merged += u64::from(self.commit(&transaction).is_ok());
            }
            return;
        }
        for step in steps {
            if self.coordinators[index].drivers.len() >= MOVES_MAX {
                return;
            }
            self.take_step(index, &segments, step);
        }
    }

    fn take_step(&mut self, index: usize, segments: &SegmentTable, step: Step) {
        let find = |id| segments.iter().find(|segment| segment.id == id).cloned().unwrap();
        match step {
            Step::Split { id, at } => {
                let next_id = self.next_segment_id();
                if let Some(transaction) = ringway_cluster::split(&find(id), &at, next_id) {
                    self.totals.split += u64::from(self.commit(&transaction).is_ok());
                }
            }
            Step::Reassign { id, to } => {
                let segment = find(id);
                let born = segment.record.born_anew(&to);
                self.totals.reassigned += u64::from(self.commit(&segment.replace(born)).is_ok());
            }
            Step::Move { id, to } => {
                let segment = find(id);
                let SegmentRecord { lo, hi, .. } = segment.record;
                let source = self.node_of(&segment.record.owner);
                // A large one is cut first, now and then.
                if let Some(cut) = self.nodes[source].rows.cut(lo, hi)
                    && self.below(4) == 0
                {
                    let next_id = self.next_segment_id();
                    let transaction = ringway_cluster::split(&segment, &[cut], next_id).unwrap();
                    self.totals.split += u64::from(self.commit(&transaction).is_ok());
                    return;
                }
                let node = self.nodes.iter().find(|node| node.name() == to).unwrap();
                let incarnation = node.holdings.incarnation();
                if let Some(moving) = Move::new(segment, &to, incarnation, MoveLimits::default()) {
                    self.drive(index, id, as_of_level(id, moving));
                }
            }
            Step::Resume { id } => {
                // Not at once: the other coordinator may be alive.
                let driven = self.coordinators[index].drivers.contains_key(&id);
                if !driven
                    && self.below(8) == 0
                    && let Some(moving) = Move::resume(find(id), MoveLimits::default())
                {
                    self.totals.taken_over += 1;
                    self.drive(index, id, as_of_level(id, moving));
                }
            }
        }
    }

    fn drive(&mut self, index: usize, segment: u64, mut moving: Move) {
        let action = moving.begin(self.now_ms);
        let driver = Driver { moving, token: 0, import: None, exported: None, asked: None };
        self.coordinators[index].drivers.insert(segment, driver);
        self.act(index, segment, action);
    }

    fn act(&mut self, coordinator: usize, segment: u64, action: Action) {
        let life = self.coordinators[coordinator].life;
        self.coordinators[coordinator].asked += 1;
        let asked = self.coordinators[coordinator].asked;
        let Some(driver) = self.driver(coordinator, segment) else { return };
        driver.token = asked;
        driver.exported = None;
        driver.asked = None;
        let token = driver.token;
        let reply = ReplyTo { coordinator, life, segment, token };
        match action {
            Action::Replace { expect, record } => {
                let transaction = Transaction::replace(
                    RecordKey::Segment(segment),
                    expect,
                    Record::Segment(record),
                );
                let message = Happening::Commit { coordinator, life, segment, token, transaction };
                self.send(message, false);
                self.time_out(reply, Event::StoreUnknown);
            }
            Action::Read => {
                self.send(Happening::Read { coordinator, life, segment, token }, false);
                self.time_out(reply, Event::StoreUnknown);
            }
            Action::Call { node, verb, fence } => {
                driver.asked = Some(verb);
                let node = self.node_of(&node);
                let sent = Sent::Call { reply, fence, call: Call::Verb(verb), read_store: false };
                self.send(Happening::ToNode(node, sent), true);
                self.time_out(reply, Event::Unreachable("no answer".into()));
            }
            Action::Copy { rows, from, to } => {
                if self.weakness == Some(Weakness::NoLastDelta)
                    && matches!(rows, CopyRows::Since { .. })
                {
                    let CopyRows::Since { sequence } = rows else { return };
                    let event = Event::Copied { rows: 0, cursor: None, sequence };
                    return self.after(
                        1,
                        Happening::ToMove {
                            coordinator,
                            life,
                            segment,
                            token,
                            event: Answer::Event(event),
                        },
                    );
                }
                let to = (self.node_of(&to.0), to.1);
                let (from, fence) = (self.node_of(&from.0), from.1);
                self.driver(coordinator, segment).unwrap().import = Some(to);
                let call = match rows {
                    CopyRows::All { after } => Call::Export { after },
                    CopyRows::Since { sequence } => Call::Delta { since: sequence },
                };
                let sent = Sent::Call { reply, fence, call, read_store: false };
                self.send(Happening::ToNode(from, sent), true);
                self.time_out(reply, Event::Unreachable("no answer".into()));
            }
            Action::Wait { wait_ms } => {
                let event = Answer::Event(Event::Woken);
                self.after(wait_ms, Happening::ToMove { coordinator, life, segment, token, event });
            }
            Action::End(outcome) => {
                match outcome {
                    Outcome::Moved { .. } => self.totals.moved += 1,
                    Outcome::Aborted { .. } => self.totals.aborted += 1,
                    Outcome::Lost => self.totals.lost += 1,
                }
                self.coordinators[coordinator].drivers.remove(&segment);
            }
        }
    }

    fn node_of(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name() == name).unwrap()
    }

    fn time_out(&mut self, reply: ReplyTo, event: Event) {
        let ReplyTo { coordinator, life, segment, token } = reply;
        let event = Answer::Event(event);
        self.after(CALL_MS, Happening::ToMove { coordinator, life, segment, token, event });
    }

    pub(crate) fn answer_move(
        &mut self,
        coordinator: usize,
        life: u64,
        segment: u64,
        token: u64,
        event: Answer,
    ) {
        self.send(Happening::ToMove { coordinator, life, segment, token, event }, true);
    }

    pub(crate) fn move_hears(
        &mut self,
        coordinator: usize,
        life: u64,
        segment: u64,
        token: u64,
        answer: Answer,
    ) {
        let (now_ms, weakness) = (self.now_ms, self.weakness);
        if self.coordinators[coordinator].life != life {
            return;
        }
        let Some(driver) = self.driver(coordinator, segment) else { return };
        if driver.token != token {
            return;
        }
        let event = match answer {
            Answer::Event(event) => event,
            Answer::Frozen(frozen) => Event::Inspected { frozen },
            Answer::Exported { rows, cursor, sequence } => {
                if driver.exported.is_some() {
                    return;
                }
                let Some((node, fence)) = driver.import else { return };
                driver.exported = Some((rows.len() as u64, cursor, sequence));
                let reply = ReplyTo { coordinator, life, segment, token };
                let call = Call::Import { rows, sequence };
                let sent = Sent::Call { reply, fence, call, read_store: false };
                return self.send(Happening::ToNode(node, sent), true);
            }
            Answer::Imported => match driver.exported.take() {
                Some((rows, cursor, sequence)) => Event::Copied { rows, cursor, sequence },
                None => return,
            },
        };
        let mut event = event;
        if weakness == Some(Weakness::NoLastDelta) {
            // Claim what the source said.
            if let (Some(Verb::Digest), Event::Summed(summary)) = (driver.asked, &mut event)
                && let Some(frozen) = driver.moving.frozen_summary()
            {
                *summary = frozen;
            }
        }
        let action = driver.moving.next(event, now_ms);
        self.act(coordinator, segment, action);
    }
}

/// Some segments move as if their sources kept no change log.
fn as_of_level(id: u64, moving: Move) -> Move {
    if id.is_multiple_of(4) { moving.with_freeze_first() } else { moving }
}
