//! Waits until a change is done, and shows how far it is.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    client::Admin,
    view::{MovesView, NodesView, is_settled},
};
use crate::{failure::Failure, show::count};

const POLL: Duration = Duration::from_millis(200);
/// Nothing is shown of what takes less.
const QUIET: Duration = Duration::from_secs(1);
/// Without a terminal, how often a line says how far it is.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A proxy that is started anew may be away for so long.
const AWAY_MAX: Duration = Duration::from_secs(30);

/// Waits until nodes own what they shall; how many ranges have moved since `before`.
pub(super) async fn until_settled(admin: &mut Admin, before: &MovesView) -> Result<u64, Failure> {
    let mut shown = Shown::default();
    let mut answered = Instant::now();
    loop {
        match look(admin).await {
            Ok((nodes, moves)) => {
                answered = Instant::now();
                // A proxy that was started anew counts from nothing.
                let done = moves.totals.moved.saturating_sub(before.totals.moved);
                let reassigned = moves.totals.reassigned.saturating_sub(before.totals.reassigned);
                if is_settled(&nodes.nodes, &moves) {
                    return Ok(done + reassigned);
                }
                shown.show(done + reassigned, &moves);
            }
            Err(Failure::Message(text)) if answered.elapsed() < AWAY_MAX => {
                shown.say(&format!("waiting: {text}"));
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn look(admin: &mut Admin) -> Result<(NodesView, MovesView), Failure> {
    Ok((admin.read("/nodes").await?, admin.read("/moves").await?))
}

/// A bar on a terminal, lines elsewhere, both on standard error.
struct Shown {
    started: Instant,
    said: Option<Instant>,
    bar: Option<ProgressBar>,
    is_terminal: bool,
}

impl Default for Shown {
    fn default() -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { started: Instant::now(), said: None, bar: None, is_terminal }
    }
}

impl Shown {
    fn show(&mut self, done: u64, moves: &MovesView) {
        let mut text = format!("{} left", count(moves.left, "range"));
        if let Some(reason) = &moves.paused {
            text.push_str(&format!("; {reason}: `ringway moves resume` goes on"));
        }
        if let Some(failure) = &moves.failure {
            text.push_str(&format!("; {failure}"));
        }
        if self.is_terminal && self.started.elapsed() >= QUIET {
            let bar = self.bar.get_or_insert_with(bar);
            bar.set_length(done + moves.left);
            bar.set_position(done);
        }
        self.say(&text);
    }

    fn say(&mut self, text: &str) {
        if self.started.elapsed() < QUIET {
            return;
        }
        if self.is_terminal {
            self.bar.get_or_insert_with(bar).set_message(text.to_owned());
        } else if self.said.is_none_or(|said| said.elapsed() >= LINE_EVERY) {
            self.said = Some(Instant::now());
            // There is nobody left to tell if this fails.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:32.cyan/dim} {percent:>3} %  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("━━╌"))
}
