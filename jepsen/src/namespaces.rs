//! Namespaces of the run's own: for networks, mounts and processes, so that it can cut, mount and
//! kill without touching anything that is not its own, and leaves nothing behind.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    process::{Command, ExitCode, Stdio},
    thread,
};

use crate::network::run;

const FLAGS: [&str; 6] =
    ["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"];

/// Runs this program again inside; its exit code, or why that is not permitted here.
pub(crate) fn enter(seed: Option<u64>) -> Result<ExitCode, String> {
    run(Command::new("ip").arg("-V")).map_err(|error| format!("no iproute2: {error}"))?;
    let as_root: &[&str] = &[];
    let mut reason = String::new();
    // Who is not root may be root of a namespace of his own users, on most systems.
    for user in [as_root, &["--user", "--map-root-user"]] {
        let trial = ["ip", "link", "add", "trial", "type", "veth", "peer", "name", "end"];
        match run(Command::new("unshare").args(user).args(FLAGS).args(trial)) {
            Ok(()) => return inside(user, seed).map_err(|error| error.to_string()),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

fn inside(user: &[&str], seed: Option<u64>) -> io::Result<ExitCode> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    arguments.push("--inside".into());
    if !arguments.iter().any(|it| it.to_string_lossy().starts_with("--seed"))
        && let Some(seed) = seed
    {
        arguments.push(format!("--seed={seed}").into());
    }
    let mut child = Command::new("unshare")
        .args(user)
        .args(FLAGS)
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()?;
    // Held, so that it ends with this process and not before; waiting would close it.
    let _input = child.stdin.take();
    let status = child.wait()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Ends this process when the one outside has ended, and with it everything inside.
pub(crate) fn end_with_input() {
    thread::spawn(|| {
        let mut input = [0; 64];
        while !matches!(io::stdin().read(&mut input), Ok(0)) {}
        std::process::exit(1);
    });
}
