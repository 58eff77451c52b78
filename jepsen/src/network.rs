//! A network of the run's own: a namespace for each node, joined to the proxy's by a cable.
//!
//! ```text
//!  run's namespace                          node K's namespace
//!  clients, proxy                           node
//!  10.77.K.1 (cableK)  ──────────────────  10.77.K.2 (eth0)
//!  10.78.0.1 (lo): the store for nodes      route to 10.78.0.1 over the cable
//! ```
//!
//! All of it is inside namespaces that were made for the run, and goes away with its last process.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Where nodes reach the store.
pub(crate) const STORE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 78, 0, 1));

/// What is cut between a node and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing passes, and nobody is told.
    All,
    /// The node hears its requests and calls, and its answers are lost.
    Answers,
    /// The node's way to the store alone.
    Store,
}

/// The namespaces of the nodes, each held by a process that does nothing else.
#[derive(Debug)]
pub(crate) struct Network {
    holders: Vec<Child>,
}

impl Network {
    pub(crate) fn new(nodes: usize) -> io::Result<Self> {
        ip(&["link", "set", "lo", "up"])?;
        ip(&["address", "replace", &format!("{STORE}/32"), "dev", "lo"])?;
        let mut network = Self { holders: Vec::new() };
        for number in 1..=nodes {
            let holder = Command::new("unshare")
                .args(["--net", "sleep", "infinity"])
                .stdin(Stdio::null())
                .spawn()?;
            let id = holder.id();
            network.holders.push(holder);
            wait_for_namespace(id)?;
            let (cable, id) = (format!("cable{number}"), id.to_string());
            ip(&["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &id])?;
            let near = format!("10.77.{number}.1");
            ip(&["address", "add", &format!("{near}/24"), "dev", &cable])?;
            ip(&["link", "set", &cable, "up"])?;
            network.inside(number, &["link", "set", "lo", "up"])?;
            let far = format!("{}/24", node(number));
            network.inside(number, &["address", "add", &far, "dev", "eth0"])?;
            network.join(number)?;
        }
        Ok(network)
    }

    /// What to put before a command so that it runs where node `number` is.
    pub(crate) fn enter(&self, number: usize) -> Vec<String> {
        let id = self.holders[number - 1].id();
        vec!["nsenter".into(), format!("--net=/proc/{id}/ns/net"), "--".into()]
    }

    pub(crate) fn cut(&self, number: usize, cut: Cut) -> io::Result<()> {
        let near = format!("10.77.{number}.1/32");
        match cut {
            // The other end of the cable stays up, so that senders wait and are not told.
            Cut::All => self.inside(number, &["link", "set", "eth0", "down"]),
            Cut::Answers => self.inside(number, &["route", "add", "blackhole", &near]),
            Cut::Store => {
                let store = format!("{STORE}/32");
                self.inside(number, &["route", "replace", "blackhole", &store])
            }
        }
    }

    pub(crate) fn heal(&self, number: usize, cut: Cut) -> io::Result<()> {
        if cut == Cut::Answers {
            let near = format!("10.77.{number}.1/32");
            self.inside(number, &["route", "delete", "blackhole", &near])?;
        }
        self.join(number)
    }

    /// The way from a node to the store, over its cable.
    fn join(&self, number: usize) -> io::Result<()> {
        self.inside(number, &["link", "set", "eth0", "up"])?;
        let (store, near) = (format!("{STORE}/32"), format!("10.77.{number}.1"));
        self.inside(number, &["route", "replace", &store, "via", &near])
    }

    fn inside(&self, number: usize, arguments: &[&str]) -> io::Result<()> {
        let mut command = self.enter(number);
        command.push("ip".into());
        run(Command::new(&command[0]).args(&command[1..]).args(arguments))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for (holder, number) in self.holders.iter_mut().zip(1..) {
            // A namespace goes away some time after its last process, and its cable with it.
            let _ = ip(&["link", "delete", &format!("cable{number}")]);
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

pub(crate) fn node(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 77, u8::try_from(number).unwrap_or(u8::MAX), 2))
}

fn wait_for_namespace(id: u32) -> io::Result<()> {
    let of = |id: &str| fs::read_link(format!("/proc/{id}/ns/net"));
    let own = of("self")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while of(&id.to_string())? == own {
        if Instant::now() > deadline {
            return Err(io::Error::other("unshare --net made no namespace in 10 s"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    run(Command::new("ip").args(arguments))
}

/// Runs a command to its end; what it says is the error if it fails.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", words.trim())))
}
