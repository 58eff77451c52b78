//! What is checked: small worlds that together have everything.

use crate::state::{COMES_TO_REST, LINEARIZABLE, ONE_SERVER};

/// A rule that is left out, by tampering with what goes into the shipped code or comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// A control call of an overtaken attempt is executed.
    CallsIgnoreAttempt,
    /// A control call that was meant for another data directory is executed.
    CallsIgnoreIncarnation,
    /// A stage stays open after it was summed up.
    StageIsNotSealed,
    /// The destination's sum is taken for the source's.
    DigestIsNotCompared,
    /// A record is applied though a later one was.
    ReconcileIsUnconditional,
    /// A record of the epoch of a freeze lifts it, as one of a higher epoch would.
    FreezeEndsAtItsEpoch,
    /// A stage is made where old rows lie.
    StageKeepsRows,
    /// A repeated `stage` of the same attempt makes the stage anew.
    StageIsReopened,
    /// A claim of a born segment leaves old rows.
    ClaimKeepsRows,
    /// Attempts are compared, epochs are not.
    AttemptWithoutEpoch,
    /// A write without an answer is sent again.
    WriteIsSentAgain,
    /// The source sums up and serves on.
    CopyWithoutFreeze,
    /// A node that restarts has forgotten that it was frozen.
    FreezeIsNotDurable,
    /// The store compares everything but attempt and revision.
    SwapIgnoresAttempt,
    /// The record becomes idle before the destination has activated.
    IdleBeforeActive,
    /// An abort leaves the epoch as it is.
    AbortAtSameEpoch,
    /// A committed move is taken over like an open one.
    DoneIsTakenOver,
    /// A late `drop` does not look at the epoch.
    DropIgnoresEpoch,
    /// A record read before a split replaces what is known of its parts at the same epoch: the
    /// hole that this model found in the shipped code.
    LateRecordIsNews,
}

impl Weakness {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::CallsIgnoreAttempt,
        Self::CallsIgnoreIncarnation,
        Self::StageIsNotSealed,
        Self::DigestIsNotCompared,
        Self::ReconcileIsUnconditional,
        Self::FreezeEndsAtItsEpoch,
        Self::StageKeepsRows,
        Self::StageIsReopened,
        Self::ClaimKeepsRows,
        Self::AttemptWithoutEpoch,
        Self::WriteIsSentAgain,
        Self::CopyWithoutFreeze,
        Self::FreezeIsNotDurable,
        Self::SwapIgnoresAttempt,
        Self::IdleBeforeActive,
        Self::AbortAtSameEpoch,
        Self::DoneIsTakenOver,
        Self::DropIgnoresEpoch,
        Self::LateRecordIsNews,
    ];
}

/// A world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name.
    pub name: &'static str,
    /// How many nodes; the first owns everything in the beginning.
    pub nodes: usize,
    /// How many coordinators.
    pub coordinators: usize,
    /// How many positions, with one key each.
    pub positions: u64,
    /// Whether the segments begin as born.
    pub born: bool,
    /// How often a move may be started or taken over, in one segment.
    pub attempts_max: u64,
    /// How many moves are started in all; from 9 on, they are not counted.
    pub moves: u8,
    /// No commit, abort, merge or loss beyond this epoch.
    pub epochs_max: u64,
    /// How many writes clients make.
    pub writes: u8,
    /// How many of them may remain without an answer.
    pub unknown: u8,
    /// How many disks are lost.
    pub losses: u8,
    /// How often a segment is split, and how often segments are merged.
    pub splits: u8,
    /// As above.
    pub merges: u8,
    /// How often a born segment is given to another node.
    pub reassigns: u8,
    /// Whether deltas may need more than one round.
    pub rounds: bool,
    /// Whether an operator may abort a move.
    pub aborts: bool,
    /// Whether it is checked after each step that the cluster can come to rest.
    pub recovery: bool,
    /// What is left out.
    pub weakness: Option<Weakness>,
}

/// One move of one segment with one key, by one coordinator after another.
const ONE: Config = Config {
    name: "one move",
    nodes: 2,
    coordinators: 1,
    positions: 1,
    born: false,
    attempts_max: 1,
    moves: 9,
    epochs_max: 3,
    writes: 0,
    unknown: 0,
    losses: 0,
    splits: 0,
    merges: 0,
    reassigns: 0,
    rounds: false,
    aborts: false,
    recovery: true,
    weakness: None,
};

/// Configurations of seconds.
#[must_use]
pub fn small() -> Vec<Config> {
    vec![
        Config { writes: 2, ..ONE },
        Config { name: "takeover and return", attempts_max: 2, aborts: true, ..ONE },
        Config { name: "born", born: true, writes: 1, unknown: 1, reassigns: 1, ..ONE },
        Config { name: "lost disk", losses: 1, reassigns: 1, ..ONE },
        Config { name: "split and merge", positions: 2, splits: 1, merges: 1, moves: 1, ..ONE },
    ]
}

/// Configurations of minutes, which [`small`] ones are parts of.
#[must_use]
pub fn large() -> Vec<Config> {
    let two = Config { coordinators: 2, attempts_max: 2, ..ONE };
    vec![
        Config { name: "two coordinators", aborts: true, ..two.clone() },
        Config { name: "two coordinators, one write", writes: 1, unknown: 1, ..two.clone() },
        Config { name: "two coordinators, two writes", writes: 2, unknown: 1, ..two.clone() },
        Config {
            name: "takeover, return, lost answers",
            attempts_max: 2,
            writes: 2,
            unknown: 1,
            ..ONE
        },
        Config { name: "three attempts", attempts_max: 3, epochs_max: 4, writes: 1, ..ONE },
        Config { name: "three nodes", nodes: 3, attempts_max: 2, writes: 1, ..ONE },
        Config { name: "rounds", rounds: true, writes: 2, ..ONE },
        Config { name: "lost disk, two moves", losses: 1, writes: 1, epochs_max: 4, ..two.clone() },
        Config {
            name: "two lost disks",
            losses: 2,
            reassigns: 1,
            writes: 1,
            unknown: 1,
            epochs_max: 5,
            ..ONE
        },
        Config {
            name: "born, two coordinators",
            born: true,
            writes: 1,
            reassigns: 2,
            attempts_max: 1,
            epochs_max: 4,
            ..two.clone()
        },
        Config { name: "two parts", positions: 2, splits: 1, merges: 1, ..ONE },
        Config {
            name: "split, move, merge, write",
            positions: 2,
            splits: 1,
            merges: 1,
            attempts_max: 2,
            moves: 1,
            writes: 1,
            ..ONE
        },
        Config {
            name: "two segments, two coordinators",
            positions: 2,
            splits: 1,
            merges: 1,
            attempts_max: 1,
            ..two
        },
    ]
}

/// The smallest world that shows the weakness, and the property that breaks in it.
#[must_use]
pub fn weakened(weakness: Weakness) -> (Config, &'static str) {
    let weak = Config { name: "weakened", weakness: Some(weakness), recovery: false, ..ONE };
    let stuck = Config { recovery: true, ..weak.clone() };
    match weakness {
        Weakness::ReconcileIsUnconditional
        | Weakness::FreezeEndsAtItsEpoch
        | Weakness::CopyWithoutFreeze
        | Weakness::FreezeIsNotDurable => (weak, ONE_SERVER),
        Weakness::CallsIgnoreAttempt => (Config { attempts_max: 2, ..weak }, LINEARIZABLE),
        Weakness::StageKeepsRows => (Config { attempts_max: 2, writes: 1, ..weak }, LINEARIZABLE),
        Weakness::StageIsNotSealed | Weakness::DigestIsNotCompared => {
            (Config { writes: 1, ..weak }, LINEARIZABLE)
        }
        Weakness::ClaimKeepsRows => {
            (Config { losses: 1, reassigns: 1, epochs_max: 4, ..weak }, LINEARIZABLE)
        }
        Weakness::WriteIsSentAgain => {
            (Config { attempts_max: 0, writes: 2, unknown: 1, ..weak }, LINEARIZABLE)
        }
        Weakness::DropIgnoresEpoch => (weak, LINEARIZABLE),
        Weakness::CallsIgnoreIncarnation => (Config { losses: 1, ..stuck }, COMES_TO_REST),
        Weakness::StageIsReopened
        | Weakness::AttemptWithoutEpoch
        | Weakness::IdleBeforeActive
        | Weakness::AbortAtSameEpoch => (stuck, COMES_TO_REST),
        Weakness::LateRecordIsNews => {
            (Config { positions: 2, splits: 1, moves: 1, epochs_max: 2, ..stuck }, COMES_TO_REST)
        }
        Weakness::DoneIsTakenOver | Weakness::SwapIgnoresAttempt => {
            (Config { attempts_max: 2, ..stuck }, COMES_TO_REST)
        }
    }
}
