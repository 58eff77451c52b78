//! The processes of a cluster: started, killed, stopped and continued.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

/// A process that can be killed and started again as it was. It dies with this one.
#[derive(Debug)]
pub(crate) struct Process {
    command: Vec<String>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Process {
    pub(crate) const fn new(command: Vec<String>, log: PathBuf) -> Self {
        Self { command, log, child: Mutex::new(None) }
    }

    pub(crate) fn start(&self) -> io::Result<()> {
        let mut child = self.child();
        if child.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let started = Command::new(&self.command[0])
            .args(&self.command[1..])
            // It ends when its input does, that is with this process, however that ends.
            .env("RINGWAY_STOP_WITH_INPUT", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        *child = Some(started);
        Ok(())
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGSTOP: it stands still, its connections stay.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = self.child().as_ref() {
            // Its number is its own until it has been waited for.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// What it said last, if it ended although nobody killed it.
    pub(crate) fn ended(&self) -> Option<String> {
        let status = self.child().as_mut()?.try_wait().ok().flatten()?;
        Some(format!("it ended by itself ({status}): {}", self.last_words()))
    }

    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
