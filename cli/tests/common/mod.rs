//! Runs the built binary against files in a folder of its own.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
};

use tempfile::TempDir;

pub(crate) const THREE: &str =
    "[[node]]\nname = \"db1\"\n[[node]]\nname = \"db2\"\n[[node]]\nname = \"db3\"\n";
pub(crate) const FOUR: &str = "[[node]]\nname = \"db1\"\n[[node]]\nname = \"db2\"\n[[node]]\nname = \"db3\"\n\
                        [[node]]\nname = \"db4\"\n";
pub(crate) const NOBODY: &str = "[[node]]\nname = \"db1\"\nweight = 0\n";

/// A folder that goes away with the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the folder is writable");
        path
    }

    /// `ringway` in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        command.args(args).current_dir(self.0.path());
        command
    }

    /// What the command prints, given this input.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // A command that stops early does not read it all.
        let writer = thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = child.wait_with_output().expect("it runs");
        writer.join().expect("no panic");
        Run(output)
    }
}

/// How a command ended.
pub(crate) struct Run(Output);

impl Run {
    pub(crate) fn status(&self) -> i32 {
        self.0.status.code().expect("not killed")
    }

    pub(crate) fn out(&self) -> &[u8] {
        &self.0.stdout
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.0.stdout).expect("UTF-8")
    }

    pub(crate) fn error(&self) -> &str {
        str::from_utf8(&self.0.stderr).expect("UTF-8")
    }

    /// Asserts status 0 and a silent standard error, and gives what was printed.
    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!((self.status(), self.error()), (0, ""));
        self.text()
    }

    /// Asserts status 2, nothing printed, and one line of error that says this.
    #[track_caller]
    pub(crate) fn bad(&self, says: &str) {
        assert_eq!((self.status(), self.text()), (2, ""), "{}", self.error());
        assert!(self.error().contains(says), "{}\nlacks: {says}", self.error());
        assert_eq!(self.error().lines().count(), 1, "{}", self.error());
        assert!(self.error().starts_with("ringway: "), "{}", self.error());
    }
}
