//! Time, messages, faults and the store.

use std::collections::{BTreeMap, BTreeSet};

use ringway::{Layout, Node, Table};
use ringway_cluster::{
    Changes, CommitError, Incarnation, Phase, Record, RecordKey, Revision, SegmentRecord,
    SegmentTable, Snapshot, Standing, Transaction, seed,
};

use crate::{
    clients::Client,
    coordinator::{Coordinator, Driver},
    faults::differs,
    node::{Sent, SimNode},
};

pub(crate) const NODES: usize = 4;
const COORDINATORS: usize = 2;
const CLIENTS: usize = 24;
/// Faults happen before this time, in milliseconds; then everything must come to rest.
pub(crate) const CALM_MS: u64 = 60_000;
pub(crate) const END_MS: u64 = 130_000;
/// Clients ask nothing new after this, so that nothing is under way at the end.
pub(crate) const CLIENTS_END_MS: u64 = 90_000;

/// A rule that is left out, to see that the checks notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    FrozenIsServed,
    FreezeIsNotDurable,
    EpochIsNotChecked,
    NoLastDelta,
    StageKeepsRows,
    WriteIsSentAgain,
    AnswersAreNotKept,
    AnswersBeforeCommit,
    IncarnationIsNotChecked,
}

macro_rules! totals {
    ($($name:ident),*) => {
        /// What happened how often.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Totals {
            $(pub(crate) $name: u64,)*
        }

        impl Totals {
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

totals!(
    moved,
    aborted,
    lost,
    taken_over,
    split,
    merged,
    reassigned,
    reads,
    writes,
    unknown_writes,
    misdirected,
    sent_again,
    ended,
    swept,
    crashes,
    disk_faults,
    disks_lost,
    forgotten,
    mismatches,
    slow,
    store_behind,
    unclear
);

/// What happens at a point of time.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A message reaches a node.
    ToNode(usize, Sent),
    /// An answer reaches a move of a coordinator; dropped if the move has gone on.
    ToMove {
        coordinator: usize,
        life: u64,
        segment: u64,
        token: u64,
        event: crate::node::Answer,
    },
    /// A coordinator's compare-and-swap reaches the store.
    Commit {
        coordinator: usize,
        life: u64,
        segment: u64,
        token: u64,
        transaction: Transaction,
    },
    /// A coordinator's read reaches the store.
    Read {
        coordinator: usize,
        life: u64,
        segment: u64,
        token: u64,
    },
    /// A node's read or compare-and-swap reaches the store.
    NodeStore {
        node: usize,
        life: u64,
        ask: crate::node::Ask,
    },
    ClientTurn(usize),
    /// The client sends what was misdirected once more.
    ClientAgain(usize),
    ClientAnswer {
        client: usize,
        token: u64,
        answer: crate::clients::Answer,
    },
    CoordinatorTurn(usize),
    NodeTurn(usize),
    NodeCrash(usize),
    NodeRestart(usize),
    CoordinatorCrash(usize),
    DiskLost(usize),
    Forget {
        node: usize,
        incarnation: Incarnation,
    },
    NodeSlow(usize),
    NewTarget,
}

pub(crate) struct World {
    pub(crate) now_ms: u64,
    pub(crate) weakness: Option<Weakness>,
    pub(crate) totals: Totals,
    pub(crate) store: Snapshot,
    pub(crate) target: Table,
    pub(crate) nodes: Vec<SimNode>,
    pub(crate) coordinators: Vec<Coordinator>,
    pub(crate) clients: Vec<Client>,
    pub(crate) backups: Vec<Snapshot>,
    pub(crate) restored: bool,
    happenings: BTreeMap<(u64, u64), Happening>,
    sequence: u64,
    random: u64,
}

pub(crate) fn node_name(node: usize) -> String {
    format!("n{node}")
}

fn table(weights: &[u32]) -> Table {
    let names: Vec<String> = (0..weights.len()).map(node_name).collect();
    let nodes: Vec<Node<'_>> = names
        .iter()
        .zip(weights)
        .map(|(name, &weight)| Node::new(name).with_weight(weight))
        .collect();
    let layout =
        Layout::ringway_v1().with_option("vnodes", ringway::OptionValue::Integer(3)).unwrap();
    Table::new(&layout, &nodes).unwrap()
}

impl World {
    pub(crate) fn new(seed_number: u64, weakness: Option<Weakness>) -> Self {
        let target = table(&[1, 1, 1, 0]);
        let mut store = Snapshot { revision: 1, ..Snapshot::default() };
        for (record, id) in seed(&target).unwrap().into_iter().zip(1..) {
            store.records.insert(RecordKey::Segment(id), (1, Record::Segment(record)));
        }
        let mut world = Self {
            now_ms: 0,
            weakness,
            totals: Totals::default(),
            nodes: (0..NODES)
                .map(|node| SimNode::new(node, weakness == Some(Weakness::StageKeepsRows)))
                .collect(),
            coordinators: (0..COORDINATORS).map(|_| Coordinator::default()).collect(),
            clients: (0..CLIENTS).map(|client| Client::new(client, &target, &store)).collect(),
            store,
            target,
            backups: Vec::new(),
            restored: false,
            happenings: BTreeMap::new(),
            sequence: 0,
            random: seed_number,
        };
        for client in 0..CLIENTS {
            world.after(client as u64, Happening::ClientTurn(client));
        }
        for node in 0..NODES {
            world.after(100, Happening::NodeTurn(node));
        }
        for coordinator in 0..COORDINATORS {
            world.after(50, Happening::CoordinatorTurn(coordinator));
        }
        for _ in 0..6 {
            let at = world.below(CALM_MS - 5_000);
            world.after(at, Happening::NewTarget);
        }
        for _ in 0..12 {
            let (at, node) = (world.below(CALM_MS - 5_000), world.index(NODES));
            world.after(at, Happening::NodeCrash(node));
        }
        for _ in 0..6 {
            let (at, node) = (world.below(CALM_MS - 5_000), world.index(NODES));
            world.after(at, Happening::NodeSlow(node));
        }
        // In every third world: most of the time disks only fail now and then.
        if world.below(3) == 0 {
            let (at, node) = (10_000 + world.below(CALM_MS - 20_000), world.index(NODES));
            world.after(at, Happening::DiskLost(node));
        }
        for _ in 0..8 {
            let (at, coordinator) = (world.below(CALM_MS - 5_000), world.index(COORDINATORS));
            world.after(at, Happening::CoordinatorCrash(coordinator));
        }
        world
    }

    pub(crate) fn run(&mut self) {
        self.run_until(END_MS);
        self.check_rest();
    }

    /// Comes to rest; then the store is restored from a backup, and life goes on for a minute.
    /// Whether the backup was another map.
    pub(crate) fn run_and_restore(&mut self) -> bool {
        self.run_until(END_MS);
        if self.backups.is_empty() {
            return false;
        }
        let before = self.store.clone();
        self.restore();
        let other = differs(&before, &self.store);
        for client in 0..CLIENTS {
            self.after(client as u64, Happening::ClientTurn(client));
        }
        for wait in [5_000, 25_000] {
            self.after(wait, Happening::NewTarget);
        }
        self.run_until(END_MS + 60_000);
        other
    }

    fn run_until(&mut self, end_ms: u64) {
        while let Some(((at, number), happening)) = self.happenings.pop_first() {
            if at > end_ms {
                self.happenings.insert((at, number), happening);
                break;
            }
            self.now_ms = at;
            self.happen(happening);
            self.check_single_owner();
        }
    }

    /// Loses what is under way to the store.
    pub(crate) fn drop_store_messages(&mut self) {
        self.happenings.retain(|_, happening| {
            !matches!(
                happening,
                Happening::Commit { .. } | Happening::Read { .. } | Happening::NodeStore { .. }
            )
        });
    }

    pub(crate) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToNode(node, sent) => self.node_receives(node, sent),
            Happening::ToMove { coordinator, life, segment, token, event } => {
                self.move_hears(coordinator, life, segment, token, event);
            }
            Happening::Commit { coordinator, life, segment, token, transaction } => {
                let event = self.commit(&transaction).into();
                self.answer_move(coordinator, life, segment, token, event);
            }
            Happening::Read { coordinator, life, segment, token } => {
                let found = self.segment(segment);
                let event = crate::node::Answer::Event(ringway_cluster::Event::Record(found));
                self.answer_move(coordinator, life, segment, token, event);
            }
            Happening::NodeStore { node, life, ask } => self.store_answers_node(node, life, ask),
            Happening::ClientTurn(client) => self.client_turn(client),
            Happening::ClientAgain(client) => self.client_sends(client),
            Happening::ClientAnswer { client, token, answer } => {
                self.client_hears(client, token, answer);
            }
            Happening::CoordinatorTurn(coordinator) => self.coordinator_turn(coordinator),
            Happening::NodeTurn(node) => {
                self.node_turn(node);
                self.after(400, Happening::NodeTurn(node));
            }
            Happening::NodeCrash(node) => {
                self.totals.crashes += 1;
                let weak = self.weakness == Some(Weakness::FreezeIsNotDurable);
                self.nodes[node].crash(weak);
                let pause = self.below(4_000);
                self.after(pause, Happening::NodeRestart(node));
            }
            Happening::NodeRestart(node) => self.nodes[node].up = true,
            Happening::CoordinatorCrash(coordinator) => {
                self.totals.crashes += 1;
                self.coordinators[coordinator].crash();
            }
            Happening::DiskLost(node) => self.lose_disk(node),
            Happening::Forget { node, incarnation } => self.forget(node, incarnation),
            Happening::NodeSlow(node) => {
                self.totals.slow += 1;
                self.nodes[node].slow_until_ms = self.now_ms + 1_000 + self.below(6_000);
            }
            Happening::NewTarget => {
                self.back_up();
                let mut weights = [0; NODES];
                while weights == [0; NODES] {
                    weights = std::array::from_fn(|_| u32::try_from(self.below(3)).unwrap());
                }
                self.target = table(&weights);
            }
        }
    }

    /// No position is served by two nodes, in memory or on disk.
    fn check_single_owner(&self) {
        let mut owned: Vec<(u64, u64, usize)> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let serving =
                node.holdings.iter().filter(|holding| holding.standing == Standing::Owned);
            owned.extend(serving.map(|holding| (holding.lo, holding.hi, index)));
        }
        owned.sort_unstable();
        for pair in owned.windows(2) {
            assert!(pair[1].0 > pair[0].1, "two nodes serve: {pair:?} at {} ms", self.now_ms);
        }
    }

    /// When the faults are over, the map is the target and every key has its last value.
    fn check_rest(&mut self) {
        let segments = SegmentTable::new(&self.store, u64::from(u32::MAX)).unwrap();
        let steps = ringway_cluster::steps(&segments, &self.target).unwrap();
        assert_eq!(steps, [], "the map has not come to rest");
        for client in &mut self.clients {
            let position = client.position;
            let segment = segments.find(position).unwrap();
            let mut nodes = self.nodes.iter_mut();
            let owner = nodes.find(|node| node.name() == segment.record.owner).unwrap();
            if segment.record.phase == Phase::Born {
                assert!(client.never_acknowledged(), "a born segment lost a value");
                continue;
            }
            // A merge raises the epoch, and the node may not have heard of it: the next request would
            // have it read the record.
            owner.holdings.reconcile(&segment.record, &mut owner.rows).unwrap();
            assert_eq!(
                owner.holdings.check(position, segment.record.epoch),
                ringway_cluster::Access::Serve,
                "{position} is not served by {}",
                segment.record.owner
            );
            client.check_last(owner.value(position, &client.key(), self.now_ms), self.now_ms);
        }
        let merged: BTreeSet<u64> = segments.iter().map(|segment| segment.record.lo).collect();
        assert_eq!(merged.len(), segments.len());
    }

    // The store.

    pub(crate) fn segment(&self, id: u64) -> Option<ringway_cluster::StoredSegment> {
        match self.store.records.get(&RecordKey::Segment(id)) {
            Some((revision, Record::Segment(record))) => Some(ringway_cluster::StoredSegment {
                id,
                revision: *revision,
                record: record.clone(),
            }),
            _ => None,
        }
    }

    pub(crate) fn segments_between(&self, lo: u64, hi: u64) -> Vec<(u64, SegmentRecord)> {
        let all = self.store.records.iter().filter_map(|(key, (_, record))| match (key, record) {
            (RecordKey::Segment(id), Record::Segment(record)) => Some((*id, record.clone())),
            _ => None,
        });
        all.filter(|(_, record)| record.lo <= hi && lo <= record.hi).collect()
    }

    pub(crate) fn commit(&mut self, transaction: &Transaction) -> Result<Revision, CommitError> {
        self.store.check(transaction)?;
        let revision = self.store.revision + 1;
        let changed = transaction
            .writes
            .iter()
            .map(|(key, record)| (key.clone(), record.clone().map(|record| (revision, record))))
            .collect();
        self.store.apply(Changes { revision, whole: false, changed });
        Ok(revision)
    }

    pub(crate) fn next_segment_id(&self) -> u64 {
        let ids = self.store.records.keys().filter_map(|key| match key {
            RecordKey::Segment(id) => Some(*id),
            _ => None,
        });
        ids.max().unwrap_or(0) + 1
    }

    // Time and chance.

    pub(crate) fn after(&mut self, wait_ms: u64, happening: Happening) {
        self.sequence += 1;
        self.happenings.insert((self.now_ms + wait_ms, self.sequence), happening);
    }

    /// Sends a message: late, lost or doubled while there are faults.
    pub(crate) fn send(&mut self, happening: Happening, may_double: bool) {
        let faulty = self.now_ms < CALM_MS;
        if faulty && self.below(100) < 3 {
            return;
        }
        let copies = if may_double && faulty && self.below(100) < 5 { 2 } else { 1 };
        let slow = match &happening {
            Happening::ToNode(node, _) => self.now_ms < self.nodes[*node].slow_until_ms,
            _ => false,
        };
        for _ in 0..copies {
            let late = faulty && self.below(100) < 4;
            let wait = if late { self.below(8_000) } else { 1 + self.below(10) };
            let wait = if slow { wait + self.below(900) } else { wait };
            self.after(wait, happening.clone());
        }
    }

    /// `SplitMix64`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }

    pub(crate) fn driver(&mut self, coordinator: usize, segment: u64) -> Option<&mut Driver> {
        self.coordinators[coordinator].drivers.get_mut(&segment)
    }
}
