//! Checks the configurations and prints what was found: `make model`.
//!
//! Arguments are names of configurations or weaknesses; none: all of them. `RINGWAY_STEPS` bounds
//! each; those that end there say "not all".
#![allow(clippy::print_stdout, reason = "its output is what one runs it for")]

use std::{env, process::ExitCode};

use ringway_model::{Weakness, check, large, small, weakened};

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let names: Vec<String> = (small().iter().chain(&large()))
        .map(|config| config.name.to_owned())
        .chain(Weakness::ALL.into_iter().map(|weak| format!("{weak:?}")))
        .collect();
    if let Some(word) = wanted.iter().find(|word| !names.contains(word)) {
        println!("there is no {word:?}; there are: {}", names.join(", "));
        return ExitCode::from(2);
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let steps_max = env::var("RINGWAY_STEPS").ok().and_then(|text| text.parse().ok());
    let mut wrong = 0;
    for config in small().iter().chain(&large()).filter(|config| is_wanted(config.name)) {
        let report = check(config, steps_max, None);
        wrong += usize::from(report.is_wrong());
        println!("{report}");
    }
    for weakness in Weakness::ALL.into_iter().filter(|weak| is_wanted(&format!("{weak:?}"))) {
        let (config, property) = weakened(weakness);
        let report = check(&config, None, Some(property));
        match report.broken.iter().find(|(broken, _)| *broken == property) {
            Some((_, story)) => println!("{weakness:?} breaks \"{property}\":\n{story}"),
            None => {
                wrong += 1;
                println!("{weakness:?} breaks nothing: the model misses something\n{report}");
            }
        }
    }
    ExitCode::from(u8::from(wrong > 0))
}
