//! Whole clusters in virtual time over the shipped rules, without sockets.
//!
//! Two coordinators, four nodes and a client for each key run while nodes and coordinators crash,
//! messages are late, lost or doubled, disks fail or are lost (and an operator accepts that), nodes
//! are slow, rows end, writes with an `Idempotency-Key` are sent again, and the target changes. Every read must return what was last
//! acknowledged (or written with an unknown outcome), at no time may two nodes serve one position,
//! and when the faults end the map must reach the target. A failure prints its seed:
//! `RINGWAY_SEED=n cargo test -p ringway-cluster --test simulation` repeats it, and
//! `RINGWAY_SEEDS=n` runs more of them. Weakened rules must be caught, or the checks would be
//! worth nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test: a failure should stop it and say where"
)]

mod clients;
mod coordinator;
mod faults;
mod node;
mod rows;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::{Weakness, World};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_is_lost_whatever_fails() {
    let seeds = match number("RINGWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RINGWAY_SEEDS").unwrap_or(120),
    };
    let mut totals = world::Totals::default();
    for seed in seeds {
        let mut world = World::new(seed, None);
        let run = catch_unwind(AssertUnwindSafe(|| world.run()));
        if run.is_err() {
            eprintln!("simulation failed; repeat it with RINGWAY_SEED={seed}");
            panic!("seed {seed}");
        }
        totals.add(&world.totals);
    }
    eprintln!("{totals:?}");
    if number("RINGWAY_SEED").is_none() {
        // The simulation must have exercised what it is there for.
        assert!(totals.moved > 100, "{totals:?}");
        assert!(totals.aborted > 10, "{totals:?}");
        assert!(totals.taken_over > 10, "{totals:?}");
        assert!(totals.reads > 1_000, "{totals:?}");
        assert!(totals.unknown_writes > 100, "{totals:?}");
        assert!(totals.crashes > 100, "{totals:?}");
        for (count, what) in [
            (totals.split, "split"),
            (totals.merged, "merged"),
            (totals.reassigned, "reassigned"),
            (totals.sent_again, "sent again"),
            (totals.ended, "ended"),
            (totals.swept, "swept"),
            (totals.disk_faults, "disk faults"),
            (totals.disks_lost, "disks lost"),
            (totals.forgotten, "forgotten"),
            (totals.mismatches, "mismatches"),
            (totals.slow, "slow"),
        ] {
            assert!(count > 10, "{what}: {totals:?}");
        }
    }
}

#[test]
fn nodes_refuse_a_store_that_was_restored() {
    let mut totals = world::Totals::default();
    let mut others = 0;
    for seed in 0..number("RINGWAY_SEEDS").unwrap_or(120) / 4 {
        let mut world = World::new(seed, None);
        match catch_unwind(AssertUnwindSafe(|| world.run_and_restore())) {
            Ok(other) => others += u64::from(other),
            Err(_) => panic!("seed {seed}"),
        }
        totals.add(&world.totals);
    }
    eprintln!("{others} other maps: {totals:?}");
    assert!(others > 10 && totals.store_behind > 10, "{totals:?}");
}

/// Runs seeds until one shows the weakness.
fn is_caught(weakness: Weakness) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = (0..400).find(|&seed| {
        let mut world = World::new(seed, Some(weakness));
        catch_unwind(AssertUnwindSafe(|| world.run())).is_err()
    });
    std::panic::set_hook(hook);
    assert!(caught.is_some(), "no seed shows that {weakness:?} is wrong");
    eprintln!("{weakness:?} is caught by seed {}", caught.unwrap());
}

#[test]
fn weakened_rules_are_caught() {
    for weakness in [
        Weakness::FrozenIsServed,
        Weakness::FreezeIsNotDurable,
        Weakness::EpochIsNotChecked,
        Weakness::NoLastDelta,
        Weakness::StageKeepsRows,
        Weakness::WriteIsSentAgain,
        Weakness::AnswersAreNotKept,
        Weakness::AnswersBeforeCommit,
        Weakness::IncarnationIsNotChecked,
    ] {
        is_caught(weakness);
    }
}
