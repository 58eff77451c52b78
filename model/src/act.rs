//! What can happen next, and what comes of it.

use ringway_cluster::{
    Action, Move, Phase, Reconciled, SegmentRecord, SegmentTable, Standing, StoredSegment, merges,
    node_may, split,
};

use crate::{
    client::Value,
    config::Weakness,
    coordinator::aborts,
    node::{Call, Node},
    shared::Shared,
    state::{Message, State, World, incarnation, node_name, node_of},
};

/// One step of the world. Numbers are places in the lists of a [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "State::tell puts each into words")]
pub enum Step {
    Start { segment: u64, to: usize },
    Resume { segment: u64 },
    Answered { coordinator: usize },
    Unanswered { coordinator: usize },
    GiveUp { coordinator: usize },
    AskAbort { coordinator: usize },
    Crash { coordinator: usize },
    Arrive { message: usize },
    Reconcile { node: usize, record: usize },
    Drop { node: usize, record: usize },
    AbortOwn { node: usize, segment: u64 },
    FinishOwn { node: usize, segment: u64 },
    Restart { node: usize },
    LoseDisk { node: usize },
    Forget { segment: u64 },
    Split { segment: u64, at: u64 },
    Merge,
    Reassign { segment: u64, to: usize },
    Write { node: usize, position: u64, value: Option<u8>, answered: bool },
    WriteAgain { node: usize, write: usize },
    Read { node: usize, position: u64 },
    TakeOverDone { segment: u64 },
}

/// What nobody counts, so that states are not told apart by it.
const UNBOUNDED: u8 = 9;

impl World {
    pub(crate) fn possible(&self, state: &State, steps: &mut Vec<Step>) {
        for (coordinator, driver) in state.coordinators.iter().enumerate() {
            if driver.is_some() {
                steps.extend([
                    Step::Answered { coordinator },
                    Step::Unanswered { coordinator },
                    Step::GiveUp { coordinator },
                    Step::AskAbort { coordinator },
                    Step::Crash { coordinator },
                ]);
            }
        }
        let free = state.coordinators.iter().any(Option::is_none);
        for stored in state.store.segments() {
            self.possible_with(state, &stored, free, steps);
        }
        steps.extend((0..state.messages.len()).map(|message| Step::Arrive { message }));
        for (node, known) in state.nodes.iter().enumerate() {
            for (record, segment) in state.history.iter().enumerate() {
                let SegmentRecord { lo, hi, epoch, .. } = segment.record;
                let below = known.epoch_everywhere(lo, hi) < epoch;
                if below || self.config.weakness.is_some() {
                    steps.push(Step::Reconcile { node, record });
                }
                if segment.record.owner != node_name(node) {
                    steps.push(Step::Drop { node, record });
                }
            }
            if self.is(Weakness::FreezeIsNotDurable) {
                steps.push(Step::Restart { node });
            }
            if state.used.losses < self.config.losses {
                steps.push(Step::LoseDisk { node });
            }
        }
        if state.used.merges < self.config.merges {
            steps.push(Step::Merge);
        }
        self.possible_requests(state, steps);
    }

    fn possible_with(
        &self,
        state: &State,
        stored: &StoredSegment,
        free: bool,
        steps: &mut Vec<Step>,
    ) {
        let segment = stored.id;
        let SegmentRecord { lo, hi, owner, phase, .. } = &stored.record;
        let (lo, hi) = (*lo, *hi);
        let owner = node_of(owner);
        let others = (0..self.config.nodes).filter(|node| *node != owner);
        let lost = |known: Option<ringway_cluster::Incarnation>| {
            known.is_some_and(|known| known != state.nodes[owner].holdings.incarnation())
        };
        match phase {
            Phase::Idle if free && state.used.moves < self.config.moves => {
                steps.extend(others.map(|to| Step::Start { segment, to }));
            }
            Phase::Born if state.used.reassigns < self.config.reassigns => {
                steps.extend(others.map(|to| Step::Reassign { segment, to }));
            }
            Phase::Moving { .. } | Phase::Done if free => steps.push(Step::Resume { segment }),
            _ => {}
        }
        match phase {
            Phase::Idle | Phase::Born if state.used.splits < self.config.splits => {
                steps.extend((lo + 1..=hi).map(|at| Step::Split { segment, at }));
            }
            Phase::Moving { .. } => steps.push(Step::AbortOwn { node: owner, segment }),
            Phase::Done => steps.push(Step::FinishOwn { node: owner, segment }),
            _ => {}
        }
        if *phase == Phase::Done && self.is(Weakness::DoneIsTakenOver) {
            steps.push(Step::TakeOverDone { segment });
        }
        if lost(stored.record.incarnation) && state.is_excused(lo..=hi) {
            steps.push(Step::Forget { segment });
        }
    }

    fn possible_requests(&self, state: &State, steps: &mut Vec<Step>) {
        let clients = &state.clients;
        for position in state.positions() {
            for (node, _) in state.serving(position) {
                if state.register(position).leaves_open() {
                    steps.push(Step::Read { node, position });
                }
                if clients.writes < self.config.writes {
                    for value in [Some(clients.writes + 1), None] {
                        steps.push(Step::Write { node, position, value, answered: true });
                        if clients.unknown < self.config.unknown {
                            steps.push(Step::Write { node, position, value, answered: false });
                        }
                    }
                }
            }
        }
        for (write, (_, position, _)) in clients.unanswered.iter().enumerate() {
            let again = state.serving(*position);
            steps.extend(again.map(|(node, _)| Step::WriteAgain { node, write }));
        }
    }

    pub(crate) fn take(&self, before: &State, step: Step) -> Option<State> {
        let mut next = before.clone();
        self.step(&mut next, step)?;
        self.tidy(&mut next);
        next.coordinators.sort_by_key(|driver| driver.as_ref().map(Shared::rank));
        Some(next)
    }

    fn step(&self, state: &mut State, step: Step) -> Option<()> {
        let weakness = self.config.weakness;
        match step {
            Step::Start { segment, to } => {
                if self.config.moves < UNBOUNDED {
                    state.used.moves += 1;
                }
                let to_incarnation = state.nodes[to].holdings.incarnation();
                let stored = state.segment(segment)?;
                let moving = Move::new(stored, node_name(to), to_incarnation, self.limits())?;
                self.begin(state, moving)
            }
            Step::Resume { segment } => {
                let moving = Move::resume(state.segment(segment)?, self.limits())?;
                self.begin(state, moving)
            }
            Step::Answered { coordinator } => self.answered(state, coordinator),
            Step::Unanswered { coordinator } => self.unanswered(state, coordinator),
            Step::GiveUp { coordinator } => self.gives_up(state, coordinator),
            Step::AskAbort { coordinator } => self.ask_abort(state, coordinator),
            Step::Crash { coordinator } => {
                state.coordinators[coordinator] = None;
                Some(())
            }
            Step::Arrive { message } => match (*state.messages[message]).clone() {
                Message::Call { node, fence, call } => {
                    let was = state.nodes[node].clone();
                    let _ = self.arrive(state, node, fence, &call);
                    (state.nodes[node] != was).then_some(())
                }
                Message::Swap { before, record, node } => {
                    if let Some(node) = node {
                        let holdings = &state.nodes[node].holdings;
                        let incarnation = record.incarnation.unwrap_or(holdings.incarnation());
                        let name = node_name(node);
                        // What a node asks for passes the shipped gate.
                        assert!(
                            self.is(Weakness::AbortAtSameEpoch)
                                || node_may(name, incarnation, &before.record, &record).is_ok()
                        );
                    }
                    self.swap(state, &before, &record).then_some(())
                }
            },
            Step::Reconcile { node, record } => {
                let segment = state.history[record].clone();
                self.reconcile(state, node, &segment).then_some(())
            }
            Step::Drop { node, record } => {
                let record = state.history[record].record.clone();
                state.change_node(node, |node| node.drop_rows(&record, weakness)).0.then_some(())
            }
            Step::AbortOwn { node, segment } => self.abort_own(state, node, segment),
            Step::FinishOwn { node, segment } => self.finish_own(state, node, segment),
            Step::Restart { node } => {
                state.change_node(node, |node| node.restart(weakness)).0.then_some(())
            }
            Step::LoseDisk { node } => {
                state.used.losses += 1;
                state.excuse(node);
                let new = Node::new(node_name(node).into(), incarnation(node, state.used.losses));
                state.nodes[node] = Shared::new(new);
                Some(())
            }
            Step::Forget { segment } => {
                let stored = state.segment(segment)?;
                let born = stored.record.born_anew(&stored.record.owner);
                let mut clients = (*state.clients).clone();
                for position in stored.record.lo..=stored.record.hi {
                    let index = usize::try_from(position).unwrap();
                    // The operator accepts that all is lost; nothing of it may come back.
                    clients.registers[index] = crate::client::Register::new(None);
                    clients.unanswered.retain(|(_, of, _)| *of != position);
                    state.used.excused &= !(1 << position);
                }
                state.clients = Shared::new(clients);
                self.swap(state, &stored, &born).then_some(())
            }
            Step::Split { segment, at } => {
                let transaction = split(&state.segment(segment)?, &[at], state.next_id())?;
                state.used.splits += 1;
                state.commit(&transaction).then_some(())
            }
            Step::Merge => {
                let table = SegmentTable::new(&state.store, self.position_max()).ok()?;
                let transaction = merges(&table, state.next_id()).into_iter().next()?;
                state.used.merges += 1;
                state.commit(&transaction).then_some(())
            }
            Step::Reassign { segment, to } => {
                let stored = state.segment(segment)?;
                let born = stored.record.born_anew(node_name(to));
                state.used.reassigns += 1;
                self.swap(state, &stored, &born).then_some(())
            }
            Step::Write { node, position, value, answered } => {
                self.write(state, node, position, value, answered);
                Some(())
            }
            Step::WriteAgain { node, write } => {
                let mut clients = (*state.clients).clone();
                let (number, position, value) = clients.unanswered.remove(write);
                clients.registers[usize::try_from(position).unwrap()].answered(number);
                state.clients = Shared::new(clients);
                state.change_node(node, |node| node.write(position, value));
                Some(())
            }
            Step::Read { node, position } => {
                let mut clients = (*state.clients).clone();
                let value = state.nodes[node].value(position);
                clients.registers[usize::try_from(position).unwrap()].read(value);
                let clients = Shared::new(clients);
                (clients != state.clients).then(|| state.clients = clients)
            }
            Step::TakeOverDone { segment } => {
                let stored = state.segment(segment)?;
                let attempt = stored.record.attempt + 1;
                let record = SegmentRecord { attempt, ..stored.record.clone() };
                self.swap(state, &stored, &record).then_some(())
            }
        }
    }

    fn write(&self, state: &mut State, node: usize, position: u64, value: Value, answered: bool) {
        let mut clients = (*state.clients).clone();
        let number = clients.writes;
        let register = &mut clients.registers[usize::try_from(position).unwrap()];
        clients.writes += 1;
        if answered {
            register.acknowledged(value);
        } else {
            register.unknown(number, value);
            clients.unknown += 1;
            if self.is(Weakness::WriteIsSentAgain) {
                clients.unanswered.push((number, position, value));
            }
        }
        state.clients = Shared::new(clients);
        state.change_node(node, |node| node.write(position, value));
    }

    /// A node applies a record; a claim asks the store for the segment.
    pub(crate) fn reconcile(
        &self,
        state: &mut State,
        node: usize,
        segment: &StoredSegment,
    ) -> bool {
        let weakness = self.config.weakness;
        let (changed, outcome) =
            state.change_node(node, |node| node.reconcile(&segment.record, weakness));
        let sent = state.messages.len();
        if outcome == Reconciled::Claim {
            let incarnation = Some(state.nodes[node].holdings.incarnation());
            let record =
                SegmentRecord { phase: Phase::Idle, incarnation, ..segment.record.clone() };
            state.send(Message::Swap { before: segment.clone(), record, node: Some(node) });
        }
        changed || state.messages.len() > sent
    }

    /// A node aborts a move that left it frozen.
    fn abort_own(&self, state: &mut State, node: usize, segment: u64) -> Option<()> {
        let stored = state.segment(segment)?;
        let SegmentRecord { lo, hi, epoch, .. } = stored.record;
        let holdings = &state.nodes[node].holdings;
        let frozen = holdings.find(lo).is_some_and(|holding| {
            (holding.lo, holding.hi, holding.epoch) == (lo, hi, epoch)
                && holding.standing == Standing::Frozen
        });
        if !frozen {
            return None;
        }
        let mut record =
            SegmentRecord { phase: Phase::Idle, epoch: epoch + 1, ..stored.record.clone() };
        node_may(node_name(node), holdings.incarnation(), &stored.record, &record).ok()?;
        if self.is(Weakness::AbortAtSameEpoch) && aborts(&stored.record, &record) {
            record.epoch = epoch;
        }
        self.swap(state, &stored, &record).then_some(())
    }

    /// A node ends a move to itself that nobody ends.
    fn finish_own(&self, state: &mut State, node: usize, segment: u64) -> Option<()> {
        let stored = state.segment(segment)?;
        let SegmentRecord { lo, hi, epoch, .. } = stored.record;
        let holdings = &state.nodes[node].holdings;
        let owned = |position| {
            holdings.find(position).is_some_and(|holding| {
                holding.epoch == epoch && holding.standing == Standing::Owned
            })
        };
        if !(lo..=hi).all(owned) {
            return None;
        }
        let record = SegmentRecord { phase: Phase::Idle, ..stored.record.clone() };
        node_may(node_name(node), holdings.incarnation(), &stored.record, &record).ok()?;
        self.swap(state, &stored, &record).then_some(())
    }
}

impl State {
    /// The disk of a node is lost: an operator has to accept that for what was on it.
    fn excuse(&mut self, node: usize) {
        for position in self.positions() {
            let holding = self.nodes[node].holdings.find(position);
            let held = holding.is_some_and(|holding| {
                matches!(
                    holding.standing,
                    Standing::Owned | Standing::Frozen | Standing::Sealed { .. }
                )
            });
            let named = self.store.segments().any(|segment| {
                let SegmentRecord { lo, hi, .. } = segment.record;
                (lo..=hi).contains(&position) && segment.record.owner == node_name(node)
            });
            if held || named {
                self.used.excused |= 1 << position;
            }
        }
    }

    /// Whether an operator would accept that these rows are lost.
    pub(crate) fn is_excused(&self, mut positions: std::ops::RangeInclusive<u64>) -> bool {
        positions.all(|position| self.used.excused & (1 << position) != 0)
    }

    /// A step in words.
    #[must_use]
    pub fn tell(&self, step: Step) -> String {
        let coordinator = |index: usize| match &self.coordinators[index] {
            Some(driver) => {
                let attempt = driver.moving.segment().record.attempt;
                match &driver.action {
                    Action::Replace { record, .. } => {
                        format!("the coordinator of attempt {attempt}: swap to {}", brief(record))
                    }
                    Action::Call { node, verb, .. } => {
                        format!("the coordinator of attempt {attempt}: {verb:?} at {node}")
                    }
                    Action::Copy { from, .. } if driver.page.is_none() => {
                        format!("the coordinator of attempt {attempt}: export from {}", from.0)
                    }
                    Action::Copy { to, .. } => {
                        format!("the coordinator of attempt {attempt}: import to {}", to.0)
                    }
                    action => format!("the coordinator of attempt {attempt}: {action:?}"),
                }
            }
            None => "no coordinator".into(),
        };
        let record = |index: usize| brief(&self.history[index].record);
        let shown = |value: Value| value.map_or("nothing".into(), |value| value.to_string());
        match step {
            Step::Start { segment, to } => {
                format!("a coordinator wants seg/{segment} at {}", node_name(to))
            }
            Step::Resume { segment } => format!("a coordinator finds seg/{segment} unfinished"),
            Step::Answered { coordinator: c } => format!("{}: answered", coordinator(c)),
            Step::Unanswered { coordinator: c } => format!("{}: no answer", coordinator(c)),
            Step::GiveUp { coordinator: c } => format!("{}: gives up", coordinator(c)),
            Step::AskAbort { coordinator: c } => format!("{}: asked to abort", coordinator(c)),
            Step::Crash { coordinator: c } => format!("{}: dies", coordinator(c)),
            Step::Arrive { message } => match &*self.messages[message] {
                Message::Call { node, fence, call } => {
                    let what = match call {
                        Call::Verb(verb) => format!("{verb:?}"),
                        Call::Export { .. } => "Export".into(),
                        Call::Delta { since } => format!("Delta since {since}"),
                        Call::Import { rows, .. } => format!("Import of {} rows", rows.len()),
                    };
                    let (epoch, attempt) = (fence.epoch, fence.attempt);
                    let node = node_name(*node);
                    format!("late, at {node}: {what} of epoch {epoch} attempt {attempt}")
                }
                Message::Swap { record, .. } => format!("late: swap to {}", brief(record)),
            },
            Step::Reconcile { node, record: index } => {
                format!("{} applies {}", node_name(node), record(index))
            }
            Step::Drop { node, record: index } => {
                format!("{} drops its rows by {}", node_name(node), record(index))
            }
            Step::AbortOwn { node, segment } => {
                format!("{} aborts the move of seg/{segment}", node_name(node))
            }
            Step::FinishOwn { node, segment } => {
                format!("{} ends the move of seg/{segment}", node_name(node))
            }
            Step::Restart { node } => format!("{} restarts", node_name(node)),
            Step::LoseDisk { node } => format!("{} comes back with an empty disk", node_name(node)),
            Step::Forget { segment } => format!("the loss of seg/{segment} is accepted"),
            Step::Split { segment, at } => format!("seg/{segment} is split at {at}"),
            Step::Merge => "segments are merged".into(),
            Step::Reassign { segment, to } => {
                format!("seg/{segment}, born, is given to {}", node_name(to))
            }
            Step::Write { node, position, value, answered } => format!(
                "{} writes {} at {position}, {}",
                node_name(node),
                shown(value),
                if answered { "acknowledged" } else { "the answer is lost" }
            ),
            Step::WriteAgain { node, write } => {
                let (_, position, value) = self.clients.unanswered[write];
                let (node, value) = (node_name(node), shown(value));
                format!("{node} is sent the write of {value} at {position} again")
            }
            Step::Read { node, position } => {
                let value = shown(self.nodes[node].value(position));
                format!("{} answers a read of {position} with {value}", node_name(node))
            }
            Step::TakeOverDone { segment } => format!("seg/{segment}, done, is taken over"),
        }
    }

    /// The state in words: records, holdings and what each node would answer.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut lines: Vec<String> = self
            .store
            .segments()
            .map(|segment| format!("seg/{}: {}", segment.id, brief(&segment.record)))
            .collect();
        for (index, node) in self.nodes.iter().enumerate() {
            let holdings: Vec<String> = node
                .holdings
                .iter()
                .map(|h| {
                    format!(
                        "[{}, {}] {:?} epoch {} attempt {}",
                        h.lo, h.hi, h.standing, h.epoch, h.attempt
                    )
                })
                .collect();
            let values: Vec<Value> =
                self.positions().map(|position| node.value(position)).collect();
            lines.push(format!("{}: {}, rows {values:?}", node_name(index), holdings.join(", ")));
        }
        lines.push(format!("clients: {:?}", self.clients.registers));
        lines.join("\n")
    }
}

fn brief(record: &SegmentRecord) -> String {
    let SegmentRecord { lo, hi, owner, epoch, attempt, phase, .. } = record;
    let phase = match phase {
        Phase::Moving { to, .. } => format!("moving to {to}"),
        other => format!("{other:?}").to_lowercase(),
    };
    format!("[{lo}, {hi}] of {owner}, {phase}, epoch {epoch} attempt {attempt}")
}
