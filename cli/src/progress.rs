//! A bar on standard error for what takes longer than a second.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Nothing for a second, then a bar; never where standard error is no terminal.
pub(crate) struct Progress {
    started: Instant,
    bytes: Option<u64>,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Progress {
    /// Progress through so many bytes, if their number is known.
    pub(crate) fn new(bytes: Option<u64>) -> Self {
        let wanted = io::stderr().is_terminal();
        Self { started: Instant::now(), bytes, bar: None, wanted }
    }

    /// As [`new`](Self::new), but nothing where lines already show that something happens.
    pub(crate) fn beside_output(bytes: Option<u64>) -> Self {
        let mut progress = Self::new(bytes);
        progress.wanted &= !io::stdout().is_terminal();
        progress
    }

    /// So many bytes and keys are done.
    pub(crate) fn set(&mut self, bytes: u64, keys: u64) {
        if !self.wanted || self.started.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let (bar, template) = match self.bytes {
                Some(len) => (ProgressBar::new(len), "{bar:40} {percent:>3} %  {msg}  {eta} left"),
                None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
            };
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        bar.set_position(bytes);
        bar.set_message(format!("{} keys", crate::show::thousands(u128::from(keys))));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
