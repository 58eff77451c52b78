//! The processes of the demo: started from its own binary, and stopped whatever happens.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// Processes that are told to stop have so long before they are killed.
const STOP_MS_MAX: u64 = 3_000;
/// Set for the demo's processes: they stop when their standard input ends, so that none of them
/// outlives the demo, not even when it is killed.
const STOP_WITH_INPUT: &str = "RINGWAY_STOP_WITH_INPUT";

/// The processes that were started; stopped when dropped.
#[derive(Debug, Default)]
pub(super) struct Processes(Vec<Running>);

#[derive(Debug)]
struct Running {
    name: String,
    process: process::Child,
    log: PathBuf,
}

impl Processes {
    /// Starts `ringway ARGS`; what it says goes to a file in `folder`.
    pub(super) fn start(
        &mut self,
        name: &str,
        folder: &Path,
        args: &[&str],
    ) -> Result<(), Failure> {
        let log = folder.join(format!("{name}.log"));
        let start = || {
            let output = File::create(&log)?;
            let mut command = Command::new(std::env::current_exe()?);
            // Ctrl-C is for the demo, which stops them in its own time.
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            command
                .args(args)
                .env(STOP_WITH_INPUT, "1")
                .stdin(Stdio::piped())
                .stdout(output.try_clone()?)
                .stderr(output)
                .spawn()
        };
        let process = start()
            .map_err(|error| Failure::Message(format!("{name} cannot be started: {error}")))?;
        self.0.push(Running { name: name.to_owned(), process, log });
        Ok(())
    }

    /// An error if one of them has ended, with its last words.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        for running in &mut self.0 {
            if let Ok(Some(status)) = running.process.try_wait() {
                return Err(Failure::Refused(running.ended(status)));
            }
        }
        Ok(())
    }

    /// Tells all of them to stop, waits, and kills those that did not.
    pub(super) fn stop(&mut self) {
        for running in &self.0 {
            // It may have ended by itself. Its number is its own until it has been waited for.
            let _ = kill_process(Pid::from_child(&running.process), Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_millis(STOP_MS_MAX);
        while !self.0.is_empty() && Instant::now() < deadline {
            self.0.retain_mut(|running| matches!(running.process.try_wait(), Ok(None)));
            thread::sleep(Duration::from_millis(10));
        }
        for running in &mut self.0 {
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
        self.0.clear();
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    fn ended(&self, status: ExitStatus) -> String {
        let mut text = format!("{} stopped ({status})", self.name);
        let words = fs::read(&self.log).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let lines: Vec<&str> = words.lines().collect();
        for line in &lines[lines.len().saturating_sub(8)..] {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

/// Where the demo started this process: makes it end with its standard input.
pub(crate) fn stop_with_input() {
    if std::env::var_os(STOP_WITH_INPUT).is_none() {
        return;
    }
    thread::spawn(|| {
        let mut input = [0; 64];
        loop {
            match io::stdin().read(&mut input) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => process::exit(1),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that this test starts and that takes no notice of being told to stop.
    fn stubborn() -> Running {
        let process = Command::new("sh")
            .args(["-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = process.expect("there is a shell");
        let mut ready = [0; 6];
        process.stdout.take().expect("piped").read_exact(&mut ready).expect("it says ready");
        Running { name: "stubborn".into(), process, log: PathBuf::new() }
    }

    #[test]
    fn the_stubborn_are_killed() {
        let running = stubborn();
        let pid = Pid::from_child(&running.process);
        drop(Processes(vec![running]));
        assert!(rustix::process::test_kill_process(pid).is_err(), "it is still there");
    }

    #[test]
    fn last_words_are_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("n1.log");
        let output = File::create(&log).expect("writable");
        let process =
            Command::new("sh").args(["-c", "echo no room; exit 3"]).stdout(output).spawn();
        let mut process = process.expect("there is a shell");
        process.wait().expect("it ends");
        let mut processes = Processes(vec![Running { name: "n1".into(), process, log }]);
        let Err(Failure::Refused(text)) = processes.check() else { panic!("it has ended") };
        assert_eq!(text, "n1 stopped (exit status: 3)\n  no room");
    }
}
