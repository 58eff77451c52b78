//! The same configuration in the real program and in `ringway import`: who answers for each key.

mod envoy;
mod haproxy;
mod nginx;
mod twemproxy;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{common::Folder, free_address::free_address};

/// So many keys for each map.
pub(super) const KEYS: usize = 1_000;
/// A program that does not listen by then has failed.
const START_SECONDS_MAX: u64 = 20;

/// A program that runs, and stops with the test.
pub(super) struct Running(Child);

impl Running {
    /// Starts the program in the folder, and waits until it listens there.
    #[track_caller]
    pub(super) fn start(mut command: Command, folder: &Folder, address: SocketAddr) -> Self {
        let log = std::fs::File::create(folder.path("program.log")).expect("a log");
        let output = log.try_clone().expect("a log");
        command.stdin(Stdio::null()).stdout(output).stderr(log).current_dir(folder.path(""));
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}; `make setup`"));
        let mut running = Self(child);
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = running.0.try_wait().expect("a child");
            let log = std::fs::read_to_string(folder.path("program.log")).unwrap_or_default();
            assert!(ended.is_none(), "{command:?} ended: {log}");
            assert!(begin.elapsed().as_secs() < START_SECONDS_MAX, "{command:?}: {log}");
            thread::sleep(Duration::from_millis(20));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn free_ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| free_address().port()).collect()
}

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Keys of a fixed random sequence: 1 to 40 letters, every third with letters beyond ASCII.
pub(super) fn keys(seed: u64) -> Vec<String> {
    const PLAIN: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-";
    const WIDE: [char; 8] = ['ä', 'é', 'ß', 'ю', '中', '😀', 'ñ', 'ø'];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut key = |number: usize| {
        let letters = 1 + next(40);
        let letter = |_| match (number % 3, next(2)) {
            (0, 0) => WIDE[next(WIDE.len())],
            _ => char::from(PLAIN[next(PLAIN.len())]),
        };
        (0..letters).map(letter).collect::<String>()
    };
    (0..KEYS).map(&mut key).collect()
}

/// A connection that asks again and again.
pub(super) struct Http(BufReader<TcpStream>);

impl Http {
    pub(super) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(local(port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        Self(BufReader::new(stream))
    }

    /// The header of that name in the answer, in lower case, and the body.
    #[track_caller]
    pub(super) fn ask(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
        wanted: &str,
    ) -> (String, String) {
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.0.get_mut().write_all(head.as_bytes()).expect("sent");
        let (mut len, mut found) = (0, String::new());
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("an answer");
            assert!(!line.is_empty(), "the connection ended: {target}");
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line.trim_end().is_empty() {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse().expect("a length");
            }
            if name.eq_ignore_ascii_case(wanted) {
                value.trim().clone_into(&mut found);
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).expect("a body");
        (found, String::from_utf8(body).expect("UTF-8"))
    }
}

/// The cluster file of an `import`, written to the folder.
#[track_caller]
pub(super) fn imported(folder: &Folder, program: &str, arguments: &[&str], out: &str) -> PathBuf {
    let arguments = [&["import", program][..], arguments, &["-o", out]].concat();
    let run = folder.run(&arguments, b"");
    assert_eq!((run.status(), run.text()), (0, ""), "{arguments:?}: {}", run.error());
    folder.path(out)
}

/// Whom the cluster file gives each key.
#[track_caller]
pub(super) fn mapped(folder: &Folder, cluster: &str, keys: &[String]) -> Vec<String> {
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    let run = folder.run(&["map", "--cluster", cluster], lines.as_bytes());
    let node = |line: &str| line.rsplit('\t').next().expect("a node").to_owned();
    run.good().lines().map(node).collect()
}

/// All keys, and not all on one node: else nothing would be compared.
#[track_caller]
#[allow(clippy::print_stdout, reason = "--nocapture shows what was compared")]
pub(super) fn compare(what: &str, keys: &[String], real: &[String], ours: &[String]) {
    assert_eq!((real.len(), ours.len()), (keys.len(), keys.len()), "{what}");
    let differ: Vec<_> = (0..keys.len()).filter(|&at| real[at] != ours[at]).collect();
    let first = differ.first().map(|&at| (&keys[at], &real[at], &ours[at]));
    assert!(differ.is_empty(), "{what}: {} of {} differ: {first:?}", differ.len(), keys.len());
    assert!(real.iter().any(|node| node != &real[0]), "{what}: all keys on {}", real[0]);
    println!("{what}: {} keys, 0 differ", keys.len());
}
