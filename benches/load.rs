//! Latency at a fixed rate: `load PORT RATE SECONDS CONNECTIONS` prints the 50th, 99th and 99.9th
//! percentile in microseconds.
//!
//! Each connection is a thread with a timetable of its own. A request counts from when it was due,
//! if the answer before it came too late to send it then: a server that stalls is charged for all
//! who would have come meanwhile. A thread that only woke late is not the server's fault, so
//! otherwise a request counts from when it was sent.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the bench")]

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

const KEYS: u64 = 100_000;
/// What is measured before is warming up.
const WARM_UP: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let numbers: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [port, rate, seconds, connections] = numbers[..] else {
        eprintln!("load PORT RATE SECONDS CONNECTIONS");
        return ExitCode::from(2);
    };
    match measure(port, rate, seconds, connections) {
        Ok([median, p99, p999]) => println!("{median:.1} {p99:.1} {p999:.1}"),
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(port: u64, rate: u64, seconds: u64, connections: u64) -> io::Result<[f64; 3]> {
    let every = Duration::from_secs(1) * u32::try_from(connections).unwrap_or(1)
        / u32::try_from(rate).unwrap_or(1).max(1);
    let begin = Instant::now() + Duration::from_millis(50);
    let clients: Vec<_> = (0..connections)
        .map(|number| {
            let offset = every * u32::try_from(number).unwrap_or(0)
                / u32::try_from(connections).unwrap_or(1);
            thread::spawn(move || {
                client(port, number, begin + offset, every, Duration::from_secs(seconds))
            })
        })
        .collect();
    let mut micros = Vec::new();
    for client in clients {
        micros.extend(client.join().map_err(|_| io::Error::other("a client panicked"))??);
    }
    micros.sort_by(f64::total_cmp);
    if micros.is_empty() {
        return Err(io::Error::other("nothing was measured"));
    }
    Ok([500, 990, 999].map(|of_1000| micros[(micros.len() - 1) * of_1000 / 1_000]))
}

fn client(
    port: u64,
    number: u64,
    begin: Instant,
    every: Duration,
    length: Duration,
) -> io::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut due, mut random) = (begin, number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut micros, mut answer) = (Vec::new(), Vec::new());
    while due < begin + WARM_UP + length {
        let now = Instant::now();
        let late = now > due;
        if !late {
            thread::sleep(due - now);
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let key = (random >> 33) % KEYS;
        let request = format!("GET /x?key=user:{key} HTTP/1.1\r\nHost: bench\r\n\r\n");
        let from = if late { due } else { Instant::now() };
        stream.write_all(request.as_bytes())?;
        read_answer(&mut stream, &mut answer)?;
        if due >= begin + WARM_UP {
            micros.push(from.elapsed().as_secs_f64() * 1e6);
        }
        due += every;
    }
    Ok(micros)
}

/// Reads one answer with a `Content-Length`, which has to be 200.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    let bad = |what: &str| io::Error::other(what.to_owned());
    answer.clear();
    let mut piece = [0; 4_096];
    let mut whole = usize::MAX;
    while answer.len() < whole {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(bad("the connection ended"));
        }
        answer.extend_from_slice(&piece[..length]);
        if whole == usize::MAX
            && let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(bad("an answer that is no 200"));
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| bad("no Content-Length"))?;
            whole = end + 4 + length;
        }
    }
    Ok(())
}
