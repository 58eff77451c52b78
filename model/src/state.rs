//! The state of a small cluster, and what must hold in it.

use ringway_cluster::{
    Access, Changes, Fence, Incarnation, Phase, Record, RecordKey, Revision, SegmentRecord,
    SegmentTable, Snapshot, Standing, StoredSegment, Transaction,
};
use stateright::{Model, Property};

use crate::{
    act::Step,
    client::{Register, Value},
    config::{Config, Weakness},
    coordinator::Driver,
    node::{Call, Node},
    shared::Shared,
};

/// A configuration, as a model for the checker.
#[derive(Clone, Debug)]
pub struct World {
    /// What is in it.
    pub config: Config,
}

/// One state of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) store: Shared<Snapshot>,
    /// Every record that the store held and that may still mean something to somebody.
    pub(crate) history: Shared<Vec<StoredSegment>>,
    pub(crate) nodes: Vec<Shared<Node>>,
    /// In the order of their hashes: coordinators have no names.
    pub(crate) coordinators: Vec<Option<Shared<Driver>>>,
    /// What was sent and may still arrive; in the order of their hashes.
    pub(crate) messages: Vec<Shared<Message>>,
    pub(crate) clients: Shared<Clients>,
    pub(crate) used: Used,
    /// A node forgot an epoch or attempt.
    pub(crate) fell: bool,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant, reason = "messages are shared, not copied")]
pub(crate) enum Message {
    /// A control call.
    Call { node: usize, fence: Fence, call: Call },
    /// A compare-and-swap of a segment's record, and the node that asked for it, if one did.
    Swap { before: StoredSegment, record: SegmentRecord, node: Option<usize> },
}

/// What clients know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Clients {
    /// One for each position.
    pub(crate) registers: Vec<Register>,
    pub(crate) writes: u8,
    pub(crate) unknown: u8,
    /// Writes that a weakened proxy sends again: number, position, value.
    pub(crate) unanswered: Vec<(u8, u64, Value)>,
}

/// What happened already of what may happen a few times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Used {
    pub(crate) moves: u8,
    pub(crate) losses: u8,
    pub(crate) splits: u8,
    pub(crate) merges: u8,
    pub(crate) reassigns: u8,
    /// A bit for each position whose rows were on a disk that was lost.
    pub(crate) excused: u8,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

pub(crate) fn node_name(node: usize) -> &'static str {
    NAMES[node]
}

pub(crate) fn node_of(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap()
}

/// The data directory that a node has after so many losses.
pub(crate) fn incarnation(node: usize, losses: u8) -> Incarnation {
    Incarnation::from_bits(node as u128 * 16 + u128::from(losses) + 1)
}

impl World {
    /// The last position.
    pub(crate) const fn position_max(&self) -> u64 {
        self.config.positions - 1
    }

    pub(crate) fn is(&self, weakness: Weakness) -> bool {
        self.config.weakness == Some(weakness)
    }

    fn first(&self) -> State {
        let born = SegmentRecord {
            lo: 0,
            hi: self.position_max(),
            owner: node_name(0).into(),
            incarnation: None,
            epoch: 1,
            attempt: 0,
            phase: Phase::Born,
        };
        let mut nodes: Vec<Node> = (0..self.config.nodes)
            .map(|node| Node::new(node_name(node).into(), incarnation(node, 0)))
            .collect();
        let mut registers = vec![Register::new(None); nodes.len().max(2)];
        registers.truncate(usize::try_from(self.config.positions).unwrap());
        let mut record = born.clone();
        if !self.config.born {
            // The first owner has claimed it, and every key has a value.
            nodes[0].reconcile(&born, None);
            record.phase = Phase::Idle;
            record.incarnation = Some(incarnation(0, 0));
            nodes[0].reconcile(&record, None);
            for (position, register) in (0..).zip(&mut registers) {
                nodes[0].write(position, Some(0));
                *register = Register::new(Some(0));
            }
        }
        let mut store = Snapshot { revision: 1, ..Snapshot::default() };
        store.records.insert(RecordKey::Segment(1), (1, Record::Segment(record)));
        State {
            history: Shared::new(store.segments().collect()),
            store: Shared::new(store),
            nodes: nodes.into_iter().map(Shared::new).collect(),
            coordinators: vec![None; self.config.coordinators],
            messages: Vec::new(),
            clients: Shared::new(Clients {
                registers,
                writes: 0,
                unknown: 0,
                unanswered: Vec::new(),
            }),
            used: Used::default(),
            fell: false,
        }
    }

    /// Takes away what can have no effect any more, so that states are fewer.
    pub(crate) fn tidy(&self, state: &mut State) {
        let keeps_calls = matches!(
            self.config.weakness,
            Some(
                Weakness::CallsIgnoreAttempt
                    | Weakness::CallsIgnoreIncarnation
                    | Weakness::AttemptWithoutEpoch
                    | Weakness::ReconcileIsUnconditional
            )
        );
        let keeps_swaps = self.is(Weakness::SwapIgnoresAttempt);
        let State { messages, nodes, store, .. } = state;
        messages.retain(|message| match &**message {
            Message::Call { .. } if keeps_calls => true,
            // A lower epoch or attempt, or another data directory: refused for ever.
            Message::Call { node, fence, .. } => {
                fence.incarnation == nodes[*node].holdings.incarnation()
                    && nodes[*node].seen(fence.lo, fence.hi) <= (fence.epoch, fence.attempt)
            }
            // Revisions only grow.
            Message::Swap { before, .. } => {
                keeps_swaps || revision(store, before.id) == Some(before.revision)
            }
        });
        if matches!(
            self.config.weakness,
            Some(Weakness::ReconcileIsUnconditional | Weakness::DropIgnoresEpoch)
        ) {
            return;
        }
        // A record below every node's epoch says nothing to any of them.
        let means_something = |segment: &StoredSegment| {
            let SegmentRecord { lo, hi, epoch, .. } = segment.record;
            state.nodes.iter().any(|node| node.epoch_everywhere(lo, hi) <= epoch)
        };
        if !state.history.iter().all(means_something) {
            let kept = state.history.iter().filter(|s| means_something(s)).cloned().collect();
            state.history = Shared::new(kept);
        }
    }
}

pub(crate) fn revision(store: &Snapshot, id: u64) -> Option<Revision> {
    store.records.get(&RecordKey::Segment(id)).map(|(revision, _)| *revision)
}

impl State {
    pub(crate) fn segment(&self, id: u64) -> Option<StoredSegment> {
        match self.store.records.get(&RecordKey::Segment(id)) {
            Some((revision, Record::Segment(record))) => {
                Some(StoredSegment { id, revision: *revision, record: record.clone() })
            }
            _ => None,
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        let newest = self.store.segments().map(|segment| segment.id).max();
        // Ids are not used twice, so that a late record is not taken for another's.
        newest.max(self.history.iter().map(|segment| segment.id).max()).map_or(1, |id| id + 1)
    }

    /// Applies a transaction as every store does; whether it was applied.
    pub(crate) fn commit(&mut self, transaction: &Transaction) -> bool {
        if self.store.check(transaction).is_err() {
            return false;
        }
        self.write(transaction);
        true
    }

    /// Writes without a look at what is there.
    pub(crate) fn write(&mut self, transaction: &Transaction) {
        let mut store = (*self.store).clone();
        let mut history = (*self.history).clone();
        let revision = store.revision + 1;
        let changed = transaction
            .writes
            .iter()
            .map(|(key, record)| (key.clone(), record.clone().map(|record| (revision, record))))
            .collect();
        store.apply(Changes { revision, whole: false, changed });
        for (key, record) in &transaction.writes {
            if let (RecordKey::Segment(id), Some(Record::Segment(record))) = (key, record) {
                history.push(StoredSegment { id: *id, revision, record: record.clone() });
            }
        }
        self.store = Shared::new(store);
        self.history = Shared::new(history);
    }

    pub(crate) fn send(&mut self, message: Message) {
        let message = Shared::new(message);
        let at = self.messages.partition_point(|other| other.rank() < message.rank());
        if self.messages.get(at) != Some(&message) {
            self.messages.insert(at, message);
        }
    }

    /// Changes a node; `None` if it stays as it was.
    pub(crate) fn change_node<T>(
        &mut self,
        node: usize,
        change: impl FnOnce(&mut Node) -> T,
    ) -> (bool, T) {
        let mut changed = (*self.nodes[node]).clone();
        let answer = change(&mut changed);
        if changed == *self.nodes[node] {
            return (false, answer);
        }
        for holding in self.nodes[node].holdings.iter() {
            let old = (holding.epoch, holding.attempt);
            let same = changed.holdings.incarnation() == self.nodes[node].holdings.incarnation();
            let fell = |position| {
                let new = changed.holdings.find(position);
                new.is_none_or(|new| (new.epoch, new.attempt) < old)
            };
            if same && (holding.lo..=holding.hi).any(fell) {
                self.fell = true;
            }
        }
        self.nodes[node] = Shared::new(changed);
        (true, answer)
    }

    /// The nodes that serve a position, each with the epoch at which it does.
    pub(crate) fn serving(&self, position: u64) -> impl Iterator<Item = (usize, u64)> {
        self.nodes.iter().enumerate().filter_map(move |(index, node)| {
            let epoch = node.holdings.find(position)?.epoch;
            let serves = node.holdings.check(position, epoch) == Access::Serve;
            // Some proxy may still route by each record that the store ever held.
            let routed = || {
                self.history.iter().any(|segment| {
                    let SegmentRecord { lo, hi, .. } = segment.record;
                    (lo..=hi).contains(&position)
                        && segment.record.epoch == epoch
                        && segment.record.owner == node_name(index)
                })
            };
            (serves && routed()).then_some((index, epoch))
        })
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = u64> + use<> {
        0..self.clients.registers.len() as u64
    }

    pub(crate) fn register(&self, position: u64) -> &Register {
        &self.clients.registers[usize::try_from(position).unwrap()]
    }
}

// What must hold.

pub(crate) const ONE_SERVER: &str = "no position has two servers";
pub(crate) const LINEARIZABLE: &str = "every read is linearizable";
pub(crate) const SEEN_NEVER_FALLS: &str = "what a node has seen never falls";
pub(crate) const COVERED: &str = "the map covers every position once";
pub(crate) const COMES_TO_REST: &str = "the cluster can come to rest, everything served";

fn one_server(_: &World, state: &State) -> bool {
    state.positions().all(|position| {
        let owned = state.nodes.iter().filter(|node| {
            let holding = node.holdings.find(position);
            holding.is_some_and(|holding| holding.standing == Standing::Owned)
        });
        owned.count() <= 1
    })
}

fn linearizable(_: &World, state: &State) -> bool {
    state.positions().all(|position| {
        state
            .serving(position)
            .all(|(node, _)| state.register(position).explains(state.nodes[node].value(position)))
    })
}

fn covered(world: &World, state: &State) -> bool {
    SegmentTable::new(&state.store, world.position_max()).is_ok()
}

fn any_record(state: &State, fits: impl Fn(&SegmentRecord) -> bool) -> bool {
    state.store.segments().any(|segment| fits(&segment.record))
}

/// Whether the segment is idle and its owner serves it.
fn is_served(state: &State, record: &SegmentRecord) -> bool {
    let owner = node_of(&record.owner);
    record.phase == Phase::Idle
        && (record.lo..=record.hi).all(|position| {
            state.nodes[owner].holdings.check(position, record.epoch) == Access::Serve
        })
}

fn has_moved(_: &World, state: &State) -> bool {
    any_record(state, |record| record.owner != "a" && is_served(state, record))
}

fn was_aborted(_: &World, state: &State) -> bool {
    any_record(state, |record| {
        let served = is_served(state, record);
        record.owner == "a" && record.attempt > 0 && record.epoch > 1 && served
    })
}

fn was_taken_over(_: &World, state: &State) -> bool {
    any_record(state, |record| {
        record.owner != "a" && record.attempt > 1 && record.epoch == 2 && is_served(state, record)
    })
}

fn moved_twice(_: &World, state: &State) -> bool {
    any_record(state, |record| {
        record.owner == "a" && record.attempt > 1 && record.epoch > 2 && is_served(state, record)
    })
}

fn was_claimed(_: &World, state: &State) -> bool {
    any_record(state, |record| is_served(state, record))
}

fn was_reassigned(_: &World, state: &State) -> bool {
    any_record(state, |record| {
        record.owner != "a" && record.attempt == 0 && is_served(state, record)
    })
}

fn lost_and_served(_: &World, state: &State) -> bool {
    any_record(state, |record| {
        let again = record.incarnation.is_some_and(|now| now.bits() % 16 > 1);
        again && is_served(state, record)
    })
}

fn part_has_moved(_: &World, state: &State) -> bool {
    let parts = state.store.segments().count() > 1;
    parts
        && any_record(state, |record| record.owner != "a" && is_served(state, record))
        && any_record(state, |record| record.owner == "a" && is_served(state, record))
}

fn was_merged(_: &World, state: &State) -> bool {
    state.used.merges > 0 && any_record(state, |record| is_served(state, record))
}

fn merged_elsewhere(_: &World, state: &State) -> bool {
    state.used.merges > 0
        && any_record(state, |record| record.owner != "a" && is_served(state, record))
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.first()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.possible(state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.take(state, step)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.store.segments().all(|segment| {
            segment.record.epoch <= self.config.epochs_max
                && segment.record.attempt <= self.config.attempts_max
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let Config { attempts_max, epochs_max, .. } = self.config;
        let mut properties = vec![
            Property::always(ONE_SERVER, one_server),
            Property::always(LINEARIZABLE, linearizable),
            Property::always(SEEN_NEVER_FALLS, |_, state: &State| !state.fell),
            Property::always(COVERED, covered),
        ];
        if self.config.recovery {
            properties.push(Property::always(COMES_TO_REST, Self::comes_to_rest));
        }
        let mut sometimes = |reachable: bool, name, condition| {
            if reachable {
                properties.push(Property::sometimes(name, condition));
            }
        };
        // What is looked for, so that nothing above holds only because nothing happens.
        let moves = attempts_max > 0;
        sometimes(moves, "a segment has moved", has_moved);
        sometimes(moves, "a move was aborted", was_aborted);
        sometimes(attempts_max > 1, "a move was taken over", was_taken_over);
        sometimes(attempts_max > 1 && epochs_max > 2, "a segment moved and returned", moved_twice);
        sometimes(self.config.born, "a born segment was claimed", was_claimed);
        sometimes(self.config.reassigns > 0, "a born segment was reassigned", was_reassigned);
        sometimes(self.config.losses > 0, "a loss was accepted", lost_and_served);
        sometimes(moves && self.config.splits > 0, "a part has moved", part_has_moved);
        sometimes(self.config.merges > 0, "segments were merged", was_merged);
        let twice = self.config.merges > 0 && moves;
        sometimes(twice, "segments were merged elsewhere", merged_elsewhere);
        properties
    }
}
