//! Whether a state can come to rest: one coordinator, reachable nodes, nobody who fails.

use ringway_cluster::{Access, Move, Phase};

use crate::state::{Message, State, World, node_of};

/// Rounds of a coordinator, more than any state needs.
const ROUNDS: usize = 6;
/// Steps of one move, more than any needs.
const STEPS: usize = 200;

impl World {
    /// Whether, if nothing failed from now on, every position were served soon.
    ///
    /// The coordinators of the state are dead, what is under way is lost, and a new coordinator
    /// does what is to be done. An operator accepts the loss of disks that are lost.
    pub(crate) fn comes_to_rest(&self, state: &State) -> bool {
        let mut state = state.clone();
        state.coordinators = vec![None];
        state.messages.clear();
        let mut accepted = Vec::new();
        for _ in 0..ROUNDS {
            for stored in state.store.segments().collect::<Vec<_>>() {
                let owner = node_of(&stored.record.owner);
                let here = state.nodes[owner].holdings.incarnation();
                let lost = stored.record.incarnation.is_some_and(|known| known != here);
                if lost && state.is_excused(stored.record.lo..=stored.record.hi) {
                    let born = stored.record.born_anew(&stored.record.owner);
                    self.swap(&mut state, &stored, &born);
                    accepted.extend(born.lo..=born.hi);
                }
            }
            self.nodes_look(&mut state);
            for stored in state.store.segments().collect::<Vec<_>>() {
                if let Some(moving) = Move::resume(stored, self.limits()) {
                    self.run(&mut state, moving);
                }
            }
            self.nodes_look(&mut state);
            if self.is_at_rest(&state, &accepted) {
                return true;
            }
        }
        false
    }

    /// Every node reads the store, and claims what is its own.
    fn nodes_look(&self, state: &mut State) {
        for _ in 0..2 {
            for stored in state.store.segments().collect::<Vec<_>>() {
                for node in 0..state.nodes.len() {
                    self.reconcile(state, node, &stored);
                }
            }
            for message in std::mem::take(&mut state.messages) {
                if let Message::Swap { before, record, .. } = &*message {
                    self.swap(state, before, record);
                }
            }
        }
    }

    fn run(&self, state: &mut State, moving: Move) {
        if self.begin(state, moving).is_none() {
            return;
        }
        for _ in 0..STEPS {
            if state.coordinators[0].is_none() || self.answered(state, 0).is_none() {
                break;
            }
        }
        state.coordinators[0] = None;
        state.messages.clear();
    }

    fn is_at_rest(&self, state: &State, accepted: &[u64]) -> bool {
        state.store.segments().all(|stored| {
            let node = &state.nodes[node_of(&stored.record.owner)];
            stored.record.phase == Phase::Idle
                && (stored.record.lo..=stored.record.hi).all(|position| {
                    let value = node.value(position);
                    let explained = match accepted.contains(&position) {
                        true => value.is_none(),
                        false => state.register(position).explains(value),
                    };
                    node.holdings.check(position, stored.record.epoch) == Access::Serve && explained
                })
        })
    }
}
