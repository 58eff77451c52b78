//! `ringway demo` on files with odd names: nothing lost, and nothing left behind.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::Folder;

const NAMES: [&str; 20] = [
    "plain",
    "with space",
    "ünï cödé",
    "漢字",
    "100%",
    "%41",
    "x#y",
    "q?a=b&c",
    "back\\slash",
    "new\nline",
    "tab\t",
    "..dots",
    "a+b",
    "semi;colon",
    "'quoted\"",
    "-dash",
    "~",
    "[b]{c}",
    "@:=,",
    "\u{7f}",
];

/// Three times twenty odd files, an empty one, one above what a proxy keeps for a second try, and
/// what is no record.
fn records(folder: &Folder) {
    for sub in ["records", "records/sub", "records/sub/ü b", "records/target", "tmp"] {
        fs::create_dir(folder.path(sub)).expect("a new folder");
    }
    for sub in ["records", "records/sub", "records/sub/ü b"] {
        for (number, name) in NAMES.iter().enumerate() {
            folder.file(&format!("{sub}/{name}"), format!("{sub} {name} ").repeat(number));
        }
    }
    folder.file("records/large", vec![7; 200_000]);
    folder.file("records/target/skipped", "made by a tool");
    #[cfg(unix)]
    std::os::unix::fs::symlink("plain", folder.path("records/link")).expect("a new link");
}

/// The demo of that folder, with temporary files of its own.
fn demo(folder: &Folder) -> Command {
    let mut command = folder.command(&["demo", "--records", "records", "--out", "out"]);
    command.env("TMPDIR", folder.path("tmp"));
    command
}

/// Asserts that neither a file nor a process is left.
fn nothing_is_left(folder: &Folder) {
    let left: Vec<_> = fs::read_dir(folder.path("tmp")).expect("it is there").collect();
    assert!(left.is_empty(), "{left:?}");
    let processes = processes_of(&folder.path("tmp"));
    assert!(processes.is_empty(), "{processes:?}");
}

/// The command lines of processes that were given a path in this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    // Where there is no /proc, nothing is found.
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&folder))
        .collect()
}

#[test]
fn nothing_is_lost_stale_or_misrouted() {
    let folder = Folder::new();
    records(&folder);
    let output = demo(&folder).stdin(Stdio::null()).output().expect("the binary was built");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{text}\n{error}");
    assert_eq!(text.lines().last(), Some("0 lost, 0 stale, 0 misrouted"), "{text}");
    let says = ["61 records of ", "left out: 1 symbolic link", "errors     none", "HASH MOD N"];
    for says in says {
        assert!(text.contains(says), "{text}\nlacks {says}");
    }
    for stage in ["add n4", "n2 to weight 2", "drain n1", "remove n1", "ask every node"] {
        assert!(error.contains(&format!("✓ {stage}")), "{error}\nlacks {stage}");
    }
    // An added node and a drained one move what they must and no more.
    for change in ["add n4", "drain n1"] {
        let line = text.lines().find(|line| line.starts_with(change)).expect("a line per change");
        let words: Vec<&str> = line[change.len()..].split_whitespace().collect();
        // moved (part %) least ...
        assert!(words[0] != "0" && words[0] == words[3], "{line}");
    }
    let picture = fs::read_to_string(folder.path("out/balance.svg")).expect("a picture");
    assert!(picture.starts_with("<svg") && picture.contains("n4"), "{picture}");
    nothing_is_left(&folder);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = Folder::new();
    fs::create_dir(folder.path("empty")).expect("a new folder");
    folder.file("file", "text");
    fs::create_dir(folder.path("records")).expect("a new folder");
    folder.file("records/one", "text");
    for (args, says) in [
        (["--records", "empty", "--out", "out"], "empty: no file to take as a record; name"),
        (["--records", "none", "--out", "out"], "none: cannot be read"),
        (["--records", "file", "--out", "out"], "file: cannot be read"),
        (["--records", "records", "--out", "file"], "file: cannot be written"),
    ] {
        let run = folder.run(&[&["demo"][..], &args].concat(), b"");
        assert_eq!((run.status(), run.text()), (2, ""), "{}", run.error());
        let last = run.error().lines().last().unwrap_or_default();
        assert!(last.starts_with("ringway: ") && last.contains(says), "{last}\nlacks {says}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_outlives_the_demo() {
    use rustix::process::{Pid, Signal, kill_process};
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let folder = Folder::new();
        records(&folder);
        let mut process = demo(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary was built");
        let deadline = Instant::now() + Duration::from_secs(30);
        let wait_until = |what: &str, is_so: &dyn Fn(usize) -> bool| {
            while !is_so(processes_of(&folder.path("tmp")).len()) {
                assert!(Instant::now() < deadline, "{what}");
                thread::sleep(Duration::from_millis(20));
            }
        };
        wait_until("a proxy and three nodes run", &|count| count >= 4);
        kill_process(Pid::from_child(&process), signal).expect("it runs");
        let status = process.wait().expect("it ends");
        if signal == Signal::KILL {
            // Their input has ended, so they go; files stay behind.
            wait_until("no process is left", &|count| count == 0);
        } else {
            assert_eq!(status.code(), Some(130));
            nothing_is_left(&folder);
        }
    }
}
