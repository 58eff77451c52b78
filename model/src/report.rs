//! Runs the checker and says what it found.

use std::{collections::BTreeSet, fmt, time::Duration, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::{config::Config, state::World};

const THREADS: usize = 2;

/// What the checker found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The configuration's name.
    pub name: &'static str,
    /// Different states.
    pub states: usize,
    /// Steps taken, those to states that were known included.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// Whether there are no other states.
    pub exhausted: bool,
    /// How long it took.
    pub took: Duration,
    /// Properties that hold, or hold somewhere.
    pub held: Vec<&'static str>,
    /// Properties that do not hold, each with what led there, in words.
    pub broken: Vec<(&'static str, String)>,
    /// What should happen somewhere and was not come to.
    pub unreached: Vec<&'static str>,
}

/// Checks a configuration, breadth first: all states there are, or until about `steps_max` steps
/// were taken. Ends early if a property is broken: any, or the one that is `expected` to be.
#[must_use]
pub fn check(config: &Config, steps_max: Option<usize>, expected: Option<&'static str>) -> Report {
    let begun = Instant::now();
    let world = World { config: config.clone() };
    let enough = match expected {
        Some(property) => HasDiscoveries::AnyOf(BTreeSet::from([property])),
        None => HasDiscoveries::AnyFailures,
    };
    // One thread finds the same ways each time.
    let threads = if expected.is_some() { 1 } else { THREADS };
    let mut checker = world.clone().checker().threads(threads).finish_when(enough);
    if let Some(steps_max) = steps_max {
        checker = checker.target_state_count(steps_max);
    }
    let checker = checker.spawn_bfs().join();
    let mut report = Report {
        name: config.name,
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        exhausted: steps_max.is_none_or(|max| checker.state_count() < max),
        took: begun.elapsed(),
        held: Vec::new(),
        broken: Vec::new(),
        unreached: Vec::new(),
    };
    let found = checker.discoveries();
    for property in world.properties() {
        let fails = property.expectation.discovery_is_failure();
        match (found.get(property.name), fails) {
            (Some(path), true) => {
                let mut story = String::new();
                let steps = path.clone().into_vec();
                for (number, (state, step)) in (1..).zip(&steps) {
                    match step {
                        Some(step) => story += &format!("{number:>4}. {}\n", state.tell(*step)),
                        None => story += &state.describe(),
                    }
                }
                report.broken.push((property.name, story));
            }
            (None, false) => report.unreached.push(property.name),
            _ => report.held.push(property.name),
        }
    }
    report
}

impl Report {
    /// Whether something is wrong: a property is broken, or all states are known and one is missing
    /// that should be there.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !self.broken.is_empty() || (self.exhausted && !self.unreached.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, states, steps, depth, exhausted, took, held, broken, unreached } = self;
        let all = if *exhausted { "all" } else { "not all" };
        let seconds = took.as_secs_f64();
        writeln!(
            f,
            "{name}: {states} states ({all}), {steps} steps, depth {depth}, {seconds:.1} s"
        )?;
        for property in held {
            writeln!(f, "  holds: {property}")?;
        }
        for property in unreached {
            writeln!(f, "  not reached: {property}")?;
        }
        for (property, story) in broken {
            writeln!(f, "  BROKEN: {property}\n{story}")?;
        }
        Ok(())
    }
}
