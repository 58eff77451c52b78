//! The examples `game` and `orders`: matches move between processes while they are played, and
//! customers' tables while they order; nothing is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "../../proxy/tests/support/free_address.rs"]
mod free_address;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use free_address::free_address;
use ringway_proxy::{Config, Proxy};

const MATCHES: usize = 24;
const ADMIN_TOKEN: &str = "operators-token-0123456789";
const NODE_TOKEN: &str = "the-nodes-token-0123456789";

/// What is played.
#[derive(Clone, Copy)]
enum Kind {
    Memory,
    Disk,
    Orders,
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Memory | Self::Disk => "game",
            Self::Orders => "orders",
        }
    }

    fn path(self, number: usize) -> String {
        match self {
            Self::Memory | Self::Disk => format!("/games/m{number}"),
            Self::Orders => format!("/shop/c{number}"),
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Memory | Self::Disk => "played\n",
            Self::Orders => "placed\n",
        }
    }

    /// What is shown of the turns that were acknowledged.
    fn shown(self, turns: &[String]) -> Vec<String> {
        let mut shown = turns.to_vec();
        if matches!(self, Self::Orders) {
            // The customer's own row counts the rows of the other table.
            shown.insert(0, turns.len().to_string());
        }
        shown
    }
}

/// A server, a process of its own.
struct Server {
    kind: Kind,
    name: String,
    data: SocketAddr,
    control: SocketAddr,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    fn new(name: &str, directory: &Path, kind: Kind) -> Self {
        let (data, control) = (free_address(), free_address());
        let token = directory.join("node.token").display().to_string();
        let mut arguments = vec![name.into(), data.to_string(), control.to_string(), token];
        arguments.push(String::new());
        if !matches!(kind, Kind::Memory) {
            arguments.push(directory.join(name).display().to_string());
        }
        Self { kind, name: name.into(), data, control, arguments, child: None }
    }

    fn toml(&self) -> String {
        let Self { name, data, control, .. } = self;
        format!("[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{control}\"\n")
    }

    fn start(&mut self, store: SocketAddr) {
        self.arguments[4] = store.to_string();
        let mut command = Command::new(example(self.kind.program()));
        command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        until("a server listens", || {
            TcpStream::connect(self.control).is_ok() && TcpStream::connect(self.data).is_ok()
        });
    }

    /// As kill -9 does.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The example's program, which cargo builds beside the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "cargo build -p ringway-node --examples makes {}", path.display());
    path
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One request on a connection of its own: status and body, or nothing if there was no answer.
fn ask(address: SocketAddr, head: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.get(9..12)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

struct Cluster {
    proxy: Proxy,
}

impl Cluster {
    fn change(&self, head: &str, body: &str) {
        self.begin(head, body);
        self.settle();
    }

    fn begin(&self, head: &str, body: &str) {
        let (status, text) = ask(self.proxy.admin_address(), head, body).unwrap();
        assert_eq!(status / 100, 2, "{head}: {text}");
    }

    fn settle(&self) {
        until("all matches are where they belong", || {
            let (_, text) = ask(self.proxy.admin_address(), "GET /nodes", "").unwrap();
            let nodes: serde_json::Value = serde_json::from_str(&text).unwrap();
            let settled = |node: &serde_json::Value| {
                node["share"] == node["target_share"] && node["state"] != "leaving"
            };
            nodes["nodes"].as_array().unwrap().iter().all(settled)
        });
    }
}

/// Plays one match turn by turn until told to stop; the turns that were acknowledged.
fn play(
    kind: Kind,
    proxy: SocketAddr,
    number: usize,
    stop: &AtomicBool,
    turns: &AtomicU32,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let turn = format!("{} e2e4-{number}", acknowledged.len() + 1);
        let head = format!("POST {}", kind.path(number));
        let begin = Instant::now();
        // A player who got no answer, or was told to come again, asks once more.
        loop {
            match ask(proxy, &head, &turn) {
                Some((200, text)) if text == kind.done() => break,
                Some((status @ (200 | 400..=499), text)) => panic!("{turn}: {status} {text}"),
                last => {
                    let waited = begin.elapsed();
                    assert!(waited < Duration::from_secs(60), "{turn}, for a minute: {last:?}");
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
        acknowledged.push(turn);
        turns.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

/// Begins with two servers, adds a third, drains and removes the first; `harm` comes between.
fn play_while_servers_change(kind: Kind, harm: impl FnOnce(&mut [Server], SocketAddr)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("admin.token"), ADMIN_TOKEN).unwrap();
    fs::write(path.join("node.token"), NODE_TOKEN).unwrap();
    let mut servers: Vec<Server> =
        ["g1", "g2", "g3"].map(|name| Server::new(name, path, kind)).into();
    let cluster: String = servers[..2].iter().map(Server::toml).collect();
    fs::write(path.join("cluster.toml"), cluster).unwrap();
    fs::write(
        path.join("ringway.toml"),
        "[proxy]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         admin_token_file = \"admin.token\"\nnode_listen = \"127.0.0.1:0\"\n\
         node_token_file = \"node.token\"\nstore = \"store\"\ncluster = \"cluster.toml\"\n\
         workers = 1\n[key]\nfrom = \"path:2\"\n",
    )
    .unwrap();
    let proxy = Proxy::start(Config::read(&path.join("ringway.toml")).unwrap()).unwrap();
    let cluster = Cluster { proxy };
    let store = cluster.proxy.node_address();
    for server in &mut servers {
        server.start(store);
    }

    let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let address = cluster.proxy.address();
    let players: Vec<_> = (0..MATCHES)
        .map(|number| {
            let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
            thread::spawn(move || play(kind, address, number, &stop, &turns))
        })
        .collect();
    let more = |count: u32| {
        let before = turns.load(Ordering::SeqCst);
        until("turns are played", || turns.load(Ordering::SeqCst) >= before + count);
    };
    more(200);
    let third = &servers[2];
    let (data, control) = (third.data, third.control);
    let body = format!("{{\"name\":\"g3\",\"address\":\"{data}\",\"control\":\"{control}\"}}");
    cluster.change("POST /nodes", &body);
    more(200);
    harm(&mut servers, store);
    more(200);
    cluster.begin("POST /nodes/g1/drain", "");
    if !matches!(kind, Kind::Memory) {
        // While ranges come to it.
        servers[2].kill();
        servers[2].start(store);
    }
    cluster.settle();
    more(200);
    cluster.change("DELETE /nodes/g1", "");
    servers[0].kill();
    more(200);
    stop.store(true, Ordering::SeqCst);

    for (number, player) in players.into_iter().enumerate() {
        let acknowledged = player.join().unwrap();
        let (status, shown) = ask(address, &format!("GET {}", kind.path(number)), "").unwrap();
        assert_eq!(status, 200, "{shown}");
        let shown: Vec<&str> = shown.lines().collect();
        assert_eq!(shown, kind.shown(&acknowledged), "match {number}");
    }
    cluster.proxy.shutdown();
}

#[test]
fn matches_in_memory_move_while_they_are_played() {
    play_while_servers_change(Kind::Memory, |_, _| {});
}

#[test]
fn matches_on_disk_outlast_kill_9_and_move() {
    play_while_servers_change(Kind::Disk, |servers, store| {
        servers[1].kill();
        servers[1].start(store);
    });
}

#[test]
fn tables_of_orders_outlast_kill_9_and_move_together() {
    play_while_servers_change(Kind::Orders, |servers, store| {
        servers[1].kill();
        servers[1].start(store);
    });
}
