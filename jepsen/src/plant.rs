//! A proxy that lies: between the clients and the real one, with one fault that it was built for.
//! A checker that does not notice it would be worth nothing.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::wire::{Answer, Wire, header, read_message};

/// One request of so many is lied to.
const EVERY: u64 = 100;
/// How much later a late write is executed again.
const LATE: Duration = Duration::from_millis(150);

/// The fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lie {
    /// A write is acknowledged and never executed.
    LostWrite,
    /// A write is executed a second time, later.
    RepeatedWrite,
    /// A read gets what an earlier one got.
    StaleRead,
    /// A write that was executed is said to be refused.
    FalseRefusal,
}

impl Lie {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LostWrite => "lost write",
            Self::RepeatedWrite => "repeated write",
            Self::StaleRead => "stale read",
            Self::FalseRefusal => "false refusal",
        }
    }
}

struct Liar {
    proxy: SocketAddr,
    lie: Lie,
    requests: AtomicU64,
    /// What was read of each path some time ago.
    old: Mutex<BTreeMap<String, (u64, Answer)>>,
}

/// Relays to `proxy` for as long as this process lives; the address to connect to.
pub(crate) fn start(proxy: SocketAddr, lie: Lie) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let liar = Arc::new(Liar { proxy, lie, requests: AtomicU64::new(0), old: Mutex::default() });
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let liar = Arc::clone(&liar);
            // A broken connection is what clients have to live with.
            thread::spawn(move || drop(liar.serve(&client)));
        }
    });
    Ok(address)
}

impl Liar {
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut buffer = Vec::new();
        let mut wire = Wire::new(self.proxy);
        loop {
            let (request, _) = read_message(client, &mut buffer)?;
            let mut words = request.head.split(' ');
            let method = words.next().unwrap_or_default().to_owned();
            let path = words.next().unwrap_or_default().to_owned();
            let mut headers = String::new();
            for name in ["if-match", "if-none-match", "idempotency-key"] {
                if let Some(value) = header(&request.head, name) {
                    headers += &format!("{name}: {value}\r\n");
                }
            }
            let answer = self.answer(&mut wire, (&method, &path), &headers, &request.body)?;
            write_answer(client, &answer)?;
        }
    }

    fn answer(
        &self,
        wire: &mut Wire,
        (method, path): (&str, &str),
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_due = number.is_multiple_of(EVERY);
        let mut ask = |method: &str, path: &str, body: &[u8]| {
            wire.ask(method, path, headers, body).map_err(|_| io::Error::other("no answer"))
        };
        match (self.lie, method) {
            (Lie::LostWrite, "PUT") if is_due && headers.is_empty() => {
                // A believable version: that of a neighbour which nobody reads.
                ask("PUT", &format!("{path}-lost"), body)
            }
            (Lie::RepeatedWrite, "PUT") if is_due && headers.is_empty() => {
                let answer = ask("PUT", path, body)?;
                let (proxy, path, body) = (self.proxy, path.to_owned(), body.to_owned());
                thread::spawn(move || {
                    thread::sleep(LATE);
                    drop(Wire::new(proxy).ask("PUT", &path, "", &body));
                });
                Ok(answer)
            }
            (Lie::FalseRefusal, "PUT") if is_due => {
                ask("PUT", path, body)?;
                let head = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1".to_owned();
                Ok(Answer { status: 503, head, ..Answer::default() })
            }
            (Lie::StaleRead, "GET") => {
                let answer = ask("GET", path, body)?;
                let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
                match old.get(path) {
                    Some((when, before)) if number > when + 20 * EVERY => {
                        let before = before.clone();
                        old.remove(path);
                        Ok(before)
                    }
                    Some(_) => Ok(answer),
                    None => {
                        old.insert(path.to_owned(), (number, answer.clone()));
                        Ok(answer)
                    }
                }
            }
            _ => ask(method, path, body),
        }
    }
}

fn write_answer(mut client: &TcpStream, answer: &Answer) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} So\r\n", answer.status);
    for name in ["etag", "retry-after"] {
        if let Some(value) = header(&answer.head, name) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    if answer.status != 204 {
        text += &format!("content-length: {}\r\n", answer.body.len());
    }
    text += "\r\n";
    client.write_all(&[text.as_bytes(), &answer.body].concat())
}
