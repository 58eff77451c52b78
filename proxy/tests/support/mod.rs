//! What the tests of the proxy share: scripted nodes, a proxy over them, raw clients.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod free_address;
pub mod real;

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ringway_proxy::{Config, Proxy};
use tempfile::TempDir;

pub const ADMIN_TOKEN: &str = "operators-token-0123456789";
pub const NODE_TOKEN: &str = "the-nodes-token-0123456789";

/// A message as it came: its head with the empty line, and its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub head: String,
    pub body: Vec<u8>,
}

impl Message {
    /// The values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect()
    }

    /// The only value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands twice: {}", self.head);
        all.first().copied()
    }

    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that messages are read from.
pub struct Wire {
    pub stream: TcpStream,
    pub input: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, input: Vec::new() }
    }

    pub fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the proxy listens"))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the other side reads");
        self
    }

    pub fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("a shutdown");
        self
    }

    /// Reads more; false at the end of the stream or when it breaks.
    pub fn fill(&mut self) -> bool {
        let mut piece = [0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.input.extend_from_slice(&piece[..length]);
                true
            }
        }
    }

    /// The next head, or `None` at the end of the stream.
    pub fn head(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.input.drain(..end + 4).collect();
                let head = String::from_utf8(head).expect("a head in UTF-8");
                return Some(Message { head, body: Vec::new() });
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads the body of `message` as its head delimits it; `None` if it is cut.
    pub fn body(&mut self, message: &mut Message) -> Option<()> {
        if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().expect("a length");
            while self.input.len() < length {
                if !self.fill() {
                    return None;
                }
            }
            message.body = self.input.drain(..length).collect();
        } else if message.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(line.trim(), 16).expect("a chunk's size");
                while self.input.len() < size + 2 {
                    if !self.fill() {
                        return None;
                    }
                }
                message.body.extend(self.input.drain(..size));
                assert_eq!(self.input.drain(..2).collect::<Vec<u8>>(), b"\r\n");
                if size == 0 {
                    return Some(());
                }
            }
        }
        Some(())
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                return Some(String::from_utf8(line).expect("a line"));
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// The next answer, or request, whole.
    pub fn message(&mut self) -> Option<Message> {
        let mut message = self.head()?;
        self.body(&mut message)?;
        Some(message)
    }

    /// All that comes until the stream ends.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.input)
    }
}

/// A node that does what a test says with each connection.
pub struct Fake {
    pub address: SocketAddr,
    pub control: SocketAddr,
    pub seen: Arc<Mutex<Vec<Message>>>,
    pub connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Fake {
    /// A node whose connections are served by `script`, which gets the connection's number from 0.
    pub fn new(script: impl Fn(Wire, usize, &Mutex<Vec<Message>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let control = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let fake = Self {
            address: listener.local_addr().expect("an address"),
            control: control.local_addr().expect("an address"),
            seen: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
        };
        let (seen, connections) = (Arc::clone(&fake.seen), Arc::clone(&fake.connections));
        let (stop, script) = (Arc::clone(&fake.stop), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                thread::spawn(move || script(Wire::new(stream), number, &seen));
            }
        });
        // Nobody answers there: only its address is taken.
        drop(control);
        fake
    }

    /// A node that tells of each request what it got.
    pub fn echo() -> Self {
        Self::answering(|request| {
            let body = format!("{}|{}", request.head, request.body.len());
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        })
    }

    /// A node that answers each request, asking for bodies that wait to be asked for.
    pub fn answering(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(move |mut wire, _, seen| {
            while let Some(mut request) = wire.head() {
                if request.header("expect").is_some() {
                    wire.send("HTTP/1.1 100 Continue\r\n\r\n");
                }
                if wire.body(&mut request).is_none() {
                    return;
                }
                let bytes = answer(&request);
                seen.lock().expect("a lock").push(request);
                if wire.stream.write_all(&bytes).is_err() {
                    return;
                }
            }
        })
    }

    pub fn requests(&self) -> Vec<Message> {
        self.seen.lock().expect("a lock").clone()
    }

    /// The last request, once there is one.
    pub fn last(&self) -> Message {
        wait_for(|| self.requests().last().cloned())
    }

    /// Closes the listener; connections that are open stay.
    pub fn stop_listening(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        wait_for(|| TcpStream::connect(self.address).is_err().then_some(()));
    }
}

/// Repeats until there is an answer; panics after ten seconds.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it did not happen within ten seconds");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A proxy with its files.
pub struct Setup {
    pub proxy: Proxy,
    pub directory: TempDir,
}

/// Writes the files of a proxy: tokens, cluster file, `ringway.toml`.
pub fn write_files(directory: &Path, nodes: &[(&str, &Fake)], from: &str, limits: &str) {
    let mut cluster = String::new();
    for (name, node) in nodes {
        cluster += &format!(
            "[[node]]\nname = \"{name}\"\naddress = \"{}\"\ncontrol = \"{}\"\n",
            node.address, node.control
        );
    }
    write_files_for(directory, &cluster, from, limits);
}

pub fn write_files_for(directory: &Path, cluster: &str, from: &str, limits: &str) {
    let write = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).expect("a file");
    };
    write("admin.token", ADMIN_TOKEN);
    write("node.token", NODE_TOKEN);
    write("cluster.toml", cluster);
    let config = format!(
        "[proxy]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         admin_token_file = \"admin.token\"\nnode_listen = \"127.0.0.1:0\"\n\
         node_token_file = \"node.token\"\nstore = \"store\"\ncluster = \"cluster.toml\"\n\
         workers = 1\n[key]\nfrom = \"{from}\"\n[limits]\n{limits}\n"
    );
    write("ringway.toml", &config);
}

/// Starts a proxy whose files are in `directory`.
pub fn start_in(directory: &Path) -> Proxy {
    let config = Config::read(&directory.join("ringway.toml")).expect("a configuration");
    Proxy::start(config).expect("a proxy")
}

/// A proxy before `nodes`.
pub fn start(nodes: &[(&str, &Fake)], from: &str, limits: &str) -> Setup {
    let directory = tempfile::tempdir().expect("a directory");
    write_files(directory.path(), nodes, from, limits);
    let proxy = start_in(directory.path());
    Setup { proxy, directory }
}

impl Setup {
    pub fn connect(&self) -> Wire {
        Wire::connect(self.proxy.address())
    }

    /// Sends bytes on a connection of their own; the first answer.
    pub fn ask(&self, bytes: impl AsRef<[u8]>) -> Message {
        self.connect().send(bytes).message().expect("an answer")
    }

    /// Asks the admin API.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> Message {
        admin(self.proxy.admin_address(), ADMIN_TOKEN, method, path, body)
    }

    pub fn json(&self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        let answer = self.admin(method, path, body);
        let value = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.status(), value)
    }

    /// The value of a metric, with its labels as they are written.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.admin("GET", "/metrics", "").text();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or_else(|| {
            panic!("there is no metric {name} in\n{text}");
        })
    }
}

pub fn admin(address: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> Message {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    Wire::connect(address).send(request).message().expect("an answer")
}
