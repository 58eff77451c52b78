//! Servers that do wrong in one way each, and the demo's traffic, which has to find it out.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bytes::Bytes;
use tokio::{runtime, task::LocalSet};

use super::{load::Traffic, records::Record, tally::Tally};
use crate::http::Origin;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// None: every write is kept and read.
    None,
    /// Values are gone once they were written anew.
    Loses,
    /// The first value is read for ever.
    Stale,
    /// The value of another key is read.
    Mixes,
    /// The last byte of a value is missing.
    Cuts,
    /// Each request has to be repeated once.
    PutsOff,
    /// Writes are done, and answered with 504.
    KeepsSilent,
    /// Writes are not done, and answered with 504.
    DropsSilent,
    /// Writes anew are refused.
    Refuses,
    /// The connection ends in place of the answer to a read.
    HangsUp,
}

type Values = Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>;

fn server(fault: Fault) -> Origin {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    let address = listener.local_addr().expect("bound").to_string();
    let values = Values::default();
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let values = Arc::clone(&values);
            thread::spawn(move || serve(stream, fault, &values));
        }
    });
    Origin::of_address(&address)
}

fn serve(stream: TcpStream, fault: Fault, values: &Values) {
    let mut writer = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    let mut is_second = false;
    while let Some((method, path, body)) = read(&mut reader) {
        is_second = !is_second;
        let answer = if fault == Fault::PutsOff && is_second {
            Some((503, Vec::new()))
        } else {
            answer(fault, &method, &path, body, &mut values.lock().expect("no panic"))
        };
        let Some((status, body)) = answer else { return };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: {length}\r\n\r\n");
        if writer.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

fn answer(
    fault: Fault,
    method: &str,
    path: &str,
    body: Vec<u8>,
    values: &mut HashMap<String, Vec<Vec<u8>>>,
) -> Option<(u16, Vec<u8>)> {
    let of_key = values.entry(path.to_owned()).or_default();
    let is_anew = !of_key.is_empty();
    if method == "PUT" {
        match fault {
            Fault::Refuses if is_anew => return Some((413, b"too large".to_vec())),
            Fault::DropsSilent if is_anew => return Some((504, Vec::new())),
            _ => of_key.push(body),
        }
        let silent = fault == Fault::KeepsSilent && is_anew;
        return Some((if silent { 504 } else { 204 }, Vec::new()));
    }
    let first = of_key.first().cloned();
    let newest = of_key.last().cloned();
    let value = match fault {
        Fault::HangsUp => return None,
        Fault::Loses if of_key.len() > 1 => None,
        Fault::Stale => first,
        Fault::Mixes => values.iter().find(|(key, _)| *key != path).map(|(_, all)| all[0].clone()),
        Fault::Cuts => newest.map(|value| value[..value.len() - 1].to_vec()),
        _ => newest,
    };
    Some(value.map_or((404, Vec::new()), |value| (200, value)))
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, body))
}

/// What the traffic counts: after loading, while reading and writing, and reading back.
fn tally(fault: Fault) -> Tally {
    let record = |number: u32| Record {
        key: format!("k{number}").into(),
        target: format!("/k{number}"),
        content: Bytes::from(format!("content {number}")),
    };
    let traffic = Traffic::new((0..8).map(record).collect(), server(fault));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        traffic.load(|_| ()).await.expect("each record is taken");
        let workers = traffic.begin();
        // Until writers had each of their keys, or gave up all of them.
        for _ in 0..1_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let tally = traffic.tally();
            if tally.writes.count() >= 8 && tally.reads.count() >= 100 {
                break;
            }
        }
        traffic.end(workers).await.expect("no panic");
        traffic.read_back(|_| ()).await.expect("no panic");
    });
    let tally = traffic.tally().clone();
    assert!(tally.writes.count() >= 8 && tally.reads.count() >= 100, "{tally:?}");
    tally
}

/// Lost, stale, wrong, unknown, and whether there are errors.
fn found(fault: Fault) -> (bool, bool, bool, bool, bool) {
    let tally = tally(fault);
    let Tally { lost, stale, wrong, unknown, .. } = tally;
    (lost > 0, stale > 0, wrong > 0, unknown > 0, tally.error_count() > 0)
}

#[test]
fn each_fault_is_found_as_what_it_is() {
    for (fault, expected) in [
        (Fault::None, (false, false, false, false, false)),
        (Fault::Loses, (true, false, false, false, false)),
        (Fault::Stale, (false, true, false, false, false)),
        (Fault::Mixes, (false, false, true, false, false)),
        (Fault::Cuts, (false, false, true, false, false)),
        // Either value is right when nobody knows what became of a write.
        (Fault::KeepsSilent, (false, false, false, true, true)),
        (Fault::DropsSilent, (false, false, false, true, true)),
        (Fault::Refuses, (false, false, false, false, true)),
        (Fault::HangsUp, (false, false, false, false, true)),
    ] {
        assert_eq!(found(fault), expected, "{fault:?}");
    }
}

#[test]
fn waits_that_were_asked_for_are_no_errors() {
    let tally = tally(Fault::PutsOff);
    assert!(tally.waits > 0 && tally.requests > tally.reads.count() + tally.writes.count());
    assert_eq!((tally.lost, tally.stale, tally.wrong, tally.error_count()), (0, 0, 0, 0));
}
