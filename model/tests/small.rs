//! The configurations of seconds hold, and every weakened rule gives a counterexample.
#![allow(clippy::print_stderr, reason = "what was checked is worth reading")]

use ringway_model::{Weakness, check, small, weakened};

#[test]
fn the_shipped_rules_hold() {
    for config in small() {
        let report = check(&config, None, None);
        eprintln!("{report}");
        assert!(!report.is_wrong() && report.exhausted, "{report}");
        assert!(report.states > 1_000, "{report}");
    }
}

#[test]
fn weakened_rules_are_caught() {
    for weakness in Weakness::ALL {
        let (config, property) = weakened(weakness);
        let report = check(&config, None, Some(property));
        let story = report.broken.iter().find(|(broken, _)| *broken == property);
        let Some((_, story)) = story else { panic!("{weakness:?} breaks nothing\n{report}") };
        assert!(story.contains("seg/"), "{story}");
        eprintln!("{weakness:?} breaks \"{property}\" in {} states:\n{story}", report.states);
    }
}
