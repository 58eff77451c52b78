//! Clients for the benches of proxy and nodes, one thread for each connection.
//!
//! | call | does |
//! |---|---|
//! | `load get PORT RATE SECONDS CONNECTIONS KEYS` | `GET`s at a fixed rate |
//! | `load mix PORT RATE SECONDS CONNECTIONS KEYS` | every fourth is a `PUT` |
//! | `load fill PORT FIRST LAST CONNECTIONS BYTES` | one `PUT` for each key of the numbers, as fast as can be |
//!
//! Prints `requests waited errors p50 p99 p99.9 max`, latencies in microseconds. *Waited* were told
//! by a 503 with `Retry-After` to come again, and came; an *error* is any other answer but 2xx and 404,
//! or none.
//!
//! At a fixed rate each connection has a timetable of its own. A request counts from when it was
//! due, if the answer before it came too late to send it then: a server that stalls is charged for
//! all who would have come meanwhile. A thread that only woke late is not the server's fault, so
//! otherwise a request counts from when it was sent.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the benches")]

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// What is measured before is warming up.
const WARM_UP: Duration = Duration::from_millis(500);
/// Between two tries of a request that was told to come again.
const RETRY: Duration = Duration::from_millis(20);
const TRIES_MAX: usize = 500;

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    requests: u64,
    waited: u64,
    errors: u64,
    micros: Vec<f64>,
}

/// A connection, opened again where the server has ended it.
struct Client {
    port: u64,
    stream: Option<TcpStream>,
    answer: Vec<u8>,
}

enum Answer {
    Done,
    ComeAgain,
    Bad,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let numbers: Vec<u64> = words.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    let kind = words.first().map(String::as_str);
    let seen = match (kind, &numbers[..]) {
        (Some("get" | "mix"), &[port, rate, seconds, connections, keys]) => {
            at_a_rate(kind == Some("mix"), port, rate, seconds, connections.max(1), keys.max(1))
        }
        (Some("fill"), &[port, first, last, connections, bytes]) => {
            fill(port, first, last, connections.max(1), usize::try_from(bytes).unwrap_or(100))
        }
        _ => {
            eprintln!("load get|mix PORT RATE SECONDS CONNECTIONS KEYS");
            eprintln!("load fill PORT FIRST LAST CONNECTIONS BYTES");
            return ExitCode::from(2);
        }
    };
    let mut all = Seen::default();
    for one in seen {
        all.requests += one.requests;
        all.waited += one.waited;
        all.errors += one.errors;
        all.micros.extend(one.micros);
    }
    all.micros.sort_by(f64::total_cmp);
    let at = |of_1000: usize| {
        all.micros.get((all.micros.len().max(1) - 1) * of_1000 / 1_000).copied().unwrap_or(0.0)
    };
    let [median, p99, p999, max] = [500, 990, 999, 1_000].map(at);
    let Seen { requests, waited, errors, .. } = all;
    println!("{requests} {waited} {errors} {median:.1} {p99:.1} {p999:.1} {max:.1}");
    ExitCode::SUCCESS
}

/// What each of some threads has seen.
fn together(connections: u64, work: impl Fn(u64) -> Seen + Clone + Send + 'static) -> Vec<Seen> {
    let threads: Vec<_> = (0..connections)
        .map(|number| {
            let work = work.clone();
            thread::spawn(move || work(number))
        })
        .collect();
    threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
}

fn at_a_rate(
    is_mix: bool,
    port: u64,
    rate: u64,
    seconds: u64,
    connections: u64,
    keys: u64,
) -> Vec<Seen> {
    let nanos = 1_000_000_000 * connections / rate.max(1);
    let every = Duration::from_nanos(nanos);
    let begin = Instant::now() + Duration::from_millis(50);
    let end = begin + WARM_UP + Duration::from_secs(seconds);
    together(connections, move |number| {
        let mut client = Client::new(port);
        let mut seen = Seen::default();
        let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut due = begin + Duration::from_nanos(nanos * number / connections);
        while due < end {
            let now = Instant::now();
            let late = now > due;
            if !late {
                thread::sleep(due - now);
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let body = if is_mix && random >> 61 < 2 { Some(100) } else { None };
            let from = if late { due } else { Instant::now() };
            client.insist(&request((random >> 20) % keys, body), &mut seen);
            if due >= begin + WARM_UP {
                seen.requests += 1;
                seen.micros.push(from.elapsed().as_secs_f64() * 1e6);
            }
            due += every;
        }
        seen
    })
}

fn fill(port: u64, first: u64, last: u64, connections: u64, bytes: usize) -> Vec<Seen> {
    together(connections, move |number| {
        let mut client = Client::new(port);
        let mut seen = Seen::default();
        let mut key = first + number;
        while key < last {
            let begun = Instant::now();
            client.insist(&request(key, Some(bytes)), &mut seen);
            seen.requests += 1;
            seen.micros.push(begun.elapsed().as_secs_f64() * 1e6);
            key += connections;
        }
        seen
    })
}

fn request(key: u64, body: Option<usize>) -> Vec<u8> {
    let (method, length) = match body {
        Some(bytes) => ("PUT", format!("Content-Length: {bytes}\r\n")),
        None => ("GET", String::new()),
    };
    let mut request =
        format!("{method} /x?key=user:{key} HTTP/1.1\r\nHost: bench\r\n{length}\r\n").into_bytes();
    request.resize(request.len() + body.unwrap_or(0), b'v');
    request
}

impl Client {
    const fn new(port: u64) -> Self {
        Self { port, stream: None, answer: Vec::new() }
    }

    /// Sends a request until it is executed, or something goes wrong.
    fn insist(&mut self, request: &[u8], seen: &mut Seen) {
        for attempt in 0..TRIES_MAX {
            match self.ask(request) {
                Ok(Answer::Done) => return,
                Ok(Answer::ComeAgain) => {
                    seen.waited += u64::from(attempt == 0);
                    thread::sleep(RETRY);
                }
                Ok(Answer::Bad) => break,
                Err(_) => {
                    self.stream = None;
                    break;
                }
            }
        }
        seen.errors += 1;
    }

    fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(format!("127.0.0.1:{}", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(70)))?;
                self.stream.insert(stream)
            }
        };
        stream.write_all(request)?;
        let head = read_answer(stream, &mut self.answer)?;
        if head.contains("\r\nconnection: close") {
            self.stream = None;
        }
        let status = head.get(9..12).unwrap_or_default();
        Ok(match status {
            "404" => Answer::Done,
            "503" if head.contains("\r\nretry-after:") => Answer::ComeAgain,
            _ if status.starts_with('2') => Answer::Done,
            _ => Answer::Bad,
        })
    }
}

/// Reads one answer with a `Content-Length`, or without a body; its head in small letters.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<String> {
    let mut piece = [0; 16 << 10];
    answer.clear();
    let end = loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => answer.extend_from_slice(&piece[..length]),
        }
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    while answer.len() < end + 4 + length {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    Ok(head)
}
