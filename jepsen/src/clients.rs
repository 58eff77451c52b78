//! Clients: each asks, waits for the answer, writes down both, and asks again.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    history::{Ask, Key, Operation, Told, Value},
    random::{Random, mix},
    wire::{Answer, PATIENCE_MAX, Silence, Wire},
};

const REGISTERS: u64 = 256;
const COUNTERS: u64 = 16;
/// How long a client waits after a refusal.
const PAUSE: Duration = Duration::from_millis(25);
const FAULTS_MAX: usize = 20;
/// How often a change with an `Idempotency-Key` is sent before its outcome is left unknown.
const TRIES_MAX: u32 = 40;
/// Some clients wait as long as it takes; others hang up, and what they asked may happen later.
const PATIENCE: [Duration; 3] = [PATIENCE_MAX, Duration::from_secs(1), Duration::from_millis(300)];

/// What the clients of a run share.
pub(crate) struct Shared {
    pub(crate) server: SocketAddr,
    pub(crate) seed: u64,
    pub(crate) begun: Instant,
    pub(crate) stop: AtomicBool,
    pub(crate) operations: AtomicU64,
    /// How many elements each client's set has been asked to take.
    pub(crate) elements: Vec<AtomicU32>,
    /// Answers that no client should ever get.
    pub(crate) faults: Mutex<Vec<String>>,
    pub(crate) faults_count: AtomicU64,
    /// Changes of unknown outcome that were sent again, and those of them that were then answered.
    pub(crate) repeated: AtomicU64,
    pub(crate) settled: AtomicU64,
}

impl Shared {
    pub(crate) fn new(server: SocketAddr, seed: u64, clients: u32) -> Self {
        Self {
            server,
            seed,
            begun: Instant::now(),
            stop: AtomicBool::new(false),
            operations: AtomicU64::new(0),
            elements: (0..clients).map(|_| AtomicU32::new(0)).collect(),
            faults: Mutex::default(),
            faults_count: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn complain(&self, fault: String) {
        self.faults_count.fetch_add(1, Ordering::Relaxed);
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < FAULTS_MAX {
            faults.push(fault);
        }
    }
}

/// One client with its connection and what it saw.
pub(crate) struct Client<'s> {
    shared: &'s Shared,
    number: u32,
    wire: Wire,
    random: Random,
    values: u64,
    /// Changes that it gave an `Idempotency-Key`.
    keyed: u64,
    /// The last version that it saw of each register.
    versions: Vec<Option<u64>>,
    pub(crate) history: Vec<Operation>,
}

impl<'s> Client<'s> {
    pub(crate) fn new(shared: &'s Shared, number: u32) -> Self {
        let registers = usize::try_from(REGISTERS).unwrap_or(0);
        let patience = PATIENCE[usize::try_from(number).unwrap_or(0) % PATIENCE.len()];
        Self {
            shared,
            number,
            wire: Wire::new(shared.server).with_patience(patience),
            random: Random::new(shared.seed, 1_000 + u64::from(number)),
            values: 0,
            keyed: 0,
            versions: vec![None; registers],
            history: Vec::new(),
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) -> Vec<Operation> {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let told = self.work();
            if matches!(told, Told::Refused | Told::Unsent | Told::Unknown) {
                thread::sleep(PAUSE);
            }
        }
        self.history
    }

    /// Reads keys back, each until it is answered or time is up.
    pub(crate) fn read_back(mut self, keys: &[Key], deadline: Instant) -> Vec<Operation> {
        for &key in keys {
            while !matches!(self.ask(key, Ask::Read), Told::Found(..) | Told::Absent) {
                if Instant::now() > deadline {
                    self.shared.complain(format!("{key} was not served at the end"));
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
        self.history
    }

    fn work(&mut self) -> Told {
        let number = u32::try_from(self.random.below(REGISTERS)).unwrap_or(0);
        let (register, index) = (Key::Register(number), usize::try_from(number).unwrap_or(0));
        match self.random.below(100) {
            0..42 => self.ask(register, Ask::Read),
            42..62 => {
                let value = self.fresh(0);
                self.ask(register, Ask::Write(value))
            }
            62..65 => self.ask(register, Ask::Delete),
            65..67 => {
                let value = self.fresh(0);
                self.ask(register, Ask::Create(value))
            }
            67..75 => match self.versions[index] {
                Some(version) => {
                    let value = self.fresh(0);
                    self.ask(register, Ask::Swap(version, value))
                }
                None => self.ask(register, Ask::Read),
            },
            75..85 => self.increment(),
            85..95 => {
                let elements = &self.shared.elements[usize::try_from(self.number).unwrap_or(0)];
                let element =
                    Key::Element { client: self.number, number: elements.load(Ordering::Relaxed) };
                let value = self.fresh(0);
                let told = self.ask(element, Ask::Write(value));
                elements.fetch_add(1, Ordering::Relaxed);
                told
            }
            _ => {
                let clients = u64::try_from(self.shared.elements.len()).unwrap_or(1);
                let client = u32::try_from(self.random.below(clients)).unwrap_or(0);
                let of = &self.shared.elements[usize::try_from(client).unwrap_or(0)];
                let count = of.load(Ordering::Relaxed).max(1);
                let number = u32::try_from(self.random.below(u64::from(count))).unwrap_or(0);
                self.ask(Key::Element { client, number }, Ask::Read)
            }
        }
    }

    /// One more, if nobody was faster.
    fn increment(&mut self) -> Told {
        let counter = Key::Counter(u32::try_from(self.random.below(COUNTERS)).unwrap_or(0));
        match self.ask(counter, Ask::Read) {
            Told::Found(value, version) => {
                let value = self.fresh(value.count + 1);
                self.ask(counter, Ask::Swap(version, value))
            }
            Told::Absent => {
                let value = self.fresh(1);
                self.ask(counter, Ask::Create(value))
            }
            told => told,
        }
    }

    /// A value that nobody else writes.
    fn fresh(&mut self, count: u64) -> Value {
        self.values += 1;
        Value { count, id: (u64::from(self.number) << 40) + self.values }
    }

    /// One operation, written down.
    fn ask(&mut self, key: Key, ask: Ask) -> Told {
        let (method, mut headers) = match ask {
            Ask::Read => ("GET", String::new()),
            Ask::Write(_) => ("PUT", String::new()),
            Ask::Delete => ("DELETE", String::new()),
            Ask::Swap(version, _) => ("PUT", format!("If-Match: \"{version}\"\r\n")),
            Ask::Create(_) => ("PUT", "If-None-Match: *\r\n".into()),
        };
        let body = ask.value().map_or_else(Vec::new, |value| body(key, value));
        let path = format!("/{key}");
        // Every other client may ask again: its changes have a key of their own.
        let is_keyed = ask != Ask::Read && self.number.is_multiple_of(2);
        if is_keyed {
            self.keyed += 1;
            headers += &format!("Idempotency-Key: \"{}-{}\"\r\n", self.number, self.keyed);
        }
        let start_us = self.shared.now_us();
        let mut told = self.send(key, ask, (method, &path), &headers, &body);
        if is_keyed && told == Told::Unknown {
            told = self.settle(key, ask, (method, &path), &headers, &body);
        }
        let end_us = self.shared.now_us();
        if let (Key::Register(number), Told::Found(_, version) | Told::Written(version)) =
            (key, told)
        {
            self.versions[usize::try_from(number).unwrap_or(0)] = Some(version);
        }
        self.history.push(Operation { key, ask, told, start_us, end_us, client: self.number });
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        told
    }

    fn send(
        &mut self,
        key: Key,
        ask: Ask,
        (method, path): (&str, &str),
        headers: &str,
        body: &[u8],
    ) -> Told {
        match self.wire.ask(method, path, headers, body) {
            Ok(answer) => self.told(key, ask, &answer),
            Err(Silence::Unsent) => Told::Unsent,
            Err(Silence::Unknown) => Told::Unknown,
        }
    }

    /// Sends the same change under the same key until it is answered: one effect in all. A refusal
    /// is of that try alone, and leaves the first one unknown.
    fn settle(
        &mut self,
        key: Key,
        ask: Ask,
        request: (&str, &str),
        headers: &str,
        body: &[u8],
    ) -> Told {
        self.shared.repeated.fetch_add(1, Ordering::Relaxed);
        for _ in 0..TRIES_MAX {
            thread::sleep(PAUSE);
            match self.send(key, ask, request, headers, body) {
                Told::Unknown | Told::Refused | Told::Unsent => {}
                told => {
                    self.shared.settled.fetch_add(1, Ordering::Relaxed);
                    return told;
                }
            }
        }
        Told::Unknown
    }

    fn told(&self, key: Key, ask: Ask, answer: &Answer) -> Told {
        match (answer.status, ask, answer.version) {
            (200, Ask::Read, Some(version)) => match parse(key, &answer.body) {
                Some(value) => return Told::Found(value, version),
                None => {
                    let begin: String =
                        String::from_utf8_lossy(&answer.body).chars().take(80).collect();
                    self.shared.complain(format!(
                        "GET /{key}: a body of {} bytes that nobody wrote: {begin:?}",
                        answer.body.len()
                    ));
                    return Told::Unknown;
                }
            },
            (404, Ask::Read | Ask::Delete, _) => return Told::Absent,
            (201 | 204, Ask::Write(_) | Ask::Swap(..) | Ask::Create(_), Some(version)) => {
                return Told::Written(version);
            }
            (204, Ask::Delete, _) => return Told::Deleted,
            (412, Ask::Swap(..) | Ask::Create(_), _) => return Told::Unmet,
            (503, ..) if answer.has_retry_after => return Told::Refused,
            (500 | 502 | 504, ..) => return Told::Unknown,
            _ => {}
        }
        let first = answer.head.split("\r\n").next().unwrap_or_default();
        let body = String::from_utf8_lossy(&answer.body);
        self.shared.complain(format!("{ask:?} of {key}: {first}: {}", body.trim()));
        Told::Unknown
    }
}

/// The content of a value: readable, and some of them larger than what a proxy keeps to send again.
fn body(key: Key, value: Value) -> Vec<u8> {
    let mixed = mix(value.id);
    let length = match key {
        Key::Register(_) if mixed.is_multiple_of(200) => 66_000 + mixed % 20_000,
        _ => mixed % 60,
    };
    let mut body = format!("{} {}\n", value.count, value.id).into_bytes();
    let fill = b'a' + u8::try_from(mixed % 26).unwrap_or(0);
    body.resize(body.len() + usize::try_from(length).unwrap_or(0), fill);
    body
}

/// The value of a body, if it is exactly as it was written.
fn parse(key: Key, bytes: &[u8]) -> Option<Value> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let (count, id) = str::from_utf8(line).ok()?.split_once(' ')?;
    let value = Value { count: count.parse().ok()?, id: id.parse().ok()? };
    (body(key, value) == bytes).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_known_again_and_damage_is_seen() {
        let mut large = 0;
        for id in 0..2_000 {
            let (key, value) = (Key::Register(1), Value { count: id / 3, id });
            let mut bytes = body(key, value);
            large += usize::from(bytes.len() > 65_536);
            assert_eq!(parse(key, &bytes), Some(value));
            bytes.push(b'a');
            assert_eq!(parse(key, &bytes), None);
            bytes.truncate(bytes.len().saturating_sub(3));
            assert_eq!(parse(key, &bytes), None);
        }
        assert!(large > 0);
        assert_eq!(parse(Key::Register(1), b""), None);
    }
}
