//! What the demo shows while it runs: one line per stage, and one for the traffic.
//!
//! On a terminal the lines are live. Elsewhere each stage prints a line when it is done, and one
//! every five seconds before that.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Without a terminal, how often a stage says how far it is.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// What takes less is not missed.
const SEEN: Duration = Duration::from_secs(1);
/// How many columns a stage's name has.
const NAME_COLUMNS: usize = 24;

/// Where the demo shows what it does.
pub(super) struct Display {
    /// The lines of a terminal.
    lines: Option<MultiProgress>,
    traffic: Option<ProgressBar>,
}

/// A stage under way. Dropped before it is done, it leaves a line that says so.
pub(super) struct Stage {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    said: Cell<Instant>,
    is_done: bool,
}

impl Display {
    pub(super) fn new() -> Self {
        let lines = io::stderr().is_terminal().then(MultiProgress::new);
        Self { lines, traffic: None }
    }

    /// Begins a stage of so many steps, if their number is known.
    pub(super) fn stage(&self, name: &str, steps: Option<u64>) -> Stage {
        let bar = self.lines.as_ref().map(|lines| {
            let (bar, template) = match steps {
                Some(steps) => (
                    ProgressBar::new(steps),
                    "{spinner:.cyan} {prefix} {bar:24.cyan/dim} {wide_msg}",
                ),
                None => (ProgressBar::new_spinner(), "{spinner:.cyan} {prefix} {wide_msg}"),
            };
            let bar = match &self.traffic {
                Some(traffic) => lines.insert_before(traffic, bar),
                None => lines.add(bar),
            };
            bar.set_style(style(template));
            bar.set_prefix(format!("{name:NAME_COLUMNS$}"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let started = Instant::now();
        Stage { name: name.to_owned(), started, bar, said: Cell::new(started), is_done: false }
    }

    /// Begins the line of the traffic, below all stages.
    pub(super) fn begin_traffic(&mut self) {
        self.traffic = self.lines.as_ref().map(|lines| {
            let bar = lines.add(ProgressBar::new_spinner());
            bar.set_style(style("  {wide_msg:.dim}"));
            bar
        });
    }

    /// What the line of the traffic says.
    pub(super) fn set_traffic(&self, text: &str) {
        if let Some(traffic) = &self.traffic {
            traffic.set_message(text.to_owned());
        }
    }

    /// Takes the line of the traffic away.
    pub(super) fn end_traffic(&mut self) {
        if let Some(traffic) = self.traffic.take() {
            traffic.finish_and_clear();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end_traffic();
        if self.lines.is_some() {
            // The cursor stands behind the last line.
            say("");
        }
    }
}

impl Stage {
    /// So many steps are done; `text` says it in words.
    pub(super) fn set(&self, steps: u64, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(steps);
            bar.set_message(text.to_owned());
        } else if self.said.get().elapsed() >= LINE_EVERY {
            self.said.set(Instant::now());
            say(&format!("  {:NAME_COLUMNS$} {text} ...", self.name));
        }
    }

    /// How many steps there are, as far as is known by now.
    pub(super) fn set_steps(&self, steps: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(steps);
        }
    }

    /// How long it has taken.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the stage; `text` says what came out.
    pub(super) fn done(mut self, text: &str) {
        self.end("{prefix:.green} {msg}", "✓", text);
    }

    fn end(&mut self, template: &str, mark: &str, text: &str) {
        self.is_done = true;
        let name = format!("{mark} {:NAME_COLUMNS$}", self.name);
        match &self.bar {
            Some(bar) => {
                bar.disable_steady_tick();
                bar.set_style(style(template));
                bar.set_prefix(name);
                bar.finish_with_message(text.to_owned());
            }
            None => say(&format!("{name} {text}")),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // Nobody has seen what was over at once, and the error says all.
        match &self.bar {
            _ if self.elapsed() >= SEEN => self.end("{prefix:.red} {msg}", "✗", "not finished"),
            Some(bar) => bar.finish_and_clear(),
            None => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("━━╌")
        .tick_strings(&["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓"])
}

fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr(), "{line}");
}
