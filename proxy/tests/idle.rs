//! Connections that wait for a request.

mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    thread::sleep,
    time::Duration,
};

use support::{Fake, start};

/// Many more than the proxy keeps ready.
const CONNECTIONS: usize = 2_000;
/// A debug build's tasks are larger than those that are measured in `benches/proxy.py`.
const IDLE_BYTES_MAX: usize = 3 << 10;

/// What this process, and so the proxy in it, has in memory.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}

/// How many files this process may have open.
fn files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux has it");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("a line");
    soft.parse().unwrap_or(usize::MAX)
}

fn ask(connection: &mut TcpStream) {
    connection.write_all(b"GET /k HTTP/1.1\r\nHost: a\r\n\r\n").expect("the proxy reads");
    let mut answer = [0; 4_096];
    let length = connection.read(&mut answer).expect("an answer");
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
}

#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn connections_that_wait_hold_little_and_serve_on() {
    if files_max() < 2 * CONNECTIONS + 100 {
        eprintln!("skipped: {CONNECTIONS} connections need ulimit -n {}", 2 * CONNECTIONS + 100);
        return;
    }
    let node = Fake::echo();
    let setup = start(&[("n1", &node)], "path:1", "");
    let open = || {
        let mut connection = TcpStream::connect(setup.proxy.address()).expect("it listens");
        ask(&mut connection);
        connection
    };
    // What is made once is made now.
    drop((0..10).map(|_| open()).collect::<Vec<_>>());
    sleep(Duration::from_millis(1_500));
    let before = resident_bytes();
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| open()).collect();
    sleep(Duration::from_millis(1_500));
    let each = resident_bytes().saturating_sub(before) / CONNECTIONS;
    assert!(each <= IDLE_BYTES_MAX, "an idle connection takes {each} bytes");
    // Those that wait without memory for a request get it again.
    connections.iter_mut().for_each(ask);
    connections.iter_mut().for_each(ask);
}
