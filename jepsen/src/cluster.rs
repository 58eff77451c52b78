//! A real cluster: node and proxy processes, their disks, and the network between them.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    free_address::free_address,
    network::{self, Network},
    processes::Process,
    wire::Wire,
};

const ADMIN_TOKEN: &str = "operators-of-jepsen-0123456789";
const NODE_TOKEN: &str = "nodes-of-jepsen-0123456789";
/// Each node's disk, where it has one of its own.
const DISK: &str = "256m";

pub(crate) struct Cluster {
    pub(crate) listen: SocketAddr,
    admin: SocketAddr,
    pub(crate) proxy: Process,
    pub(crate) nodes: Vec<Node>,
    /// None: all are on loopback, and nothing can be cut.
    pub(crate) network: Option<Network>,
    /// Each node's data directory is a file system of its own, which can be filled.
    pub(crate) has_disks: bool,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) process: Process,
    data: SocketAddr,
    control: SocketAddr,
    directory: PathBuf,
}

impl Cluster {
    /// Nodes n1 .. n`count`, the first `seeded` of them in the cluster file.
    ///
    /// `is_inside`: in namespaces that were made for this run, so that networks and disks can be.
    pub(crate) fn start(
        ringway: &Path,
        work: &Path,
        (count, seeded): (usize, usize),
        is_inside: bool,
    ) -> io::Result<Self> {
        let network = if is_inside { Some(Network::new(count)?) } else { None };
        for (file, token) in [("node.token", NODE_TOKEN), ("admin.token", ADMIN_TOKEN)] {
            fs::write(work.join(file), token)?;
            fs::set_permissions(work.join(file), fs::Permissions::from_mode(0o600))?;
        }
        let (listen, admin) = (free_address(), free_address());
        // A namespace of its own has all ports free.
        let store = if is_inside { SocketAddr::new(network::STORE, 7002) } else { free_address() };
        let mut nodes = Vec::new();
        for number in 1..=count {
            let name = format!("n{number}");
            let directory = work.join(&name);
            fs::create_dir(&directory)?;
            if is_inside {
                let size = format!("size={DISK}");
                let mut mount = Command::new("mount");
                network::run(mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&directory))?;
            }
            let (data, control) = match network {
                Some(_) => {
                    let address = network::node(number);
                    (SocketAddr::new(address, 7000), SocketAddr::new(address, 7001))
                }
                None => (free_address(), free_address()),
            };
            let mut command = network.as_ref().map_or_else(Vec::new, |it| it.enter(number));
            command.extend([
                ringway.display().to_string(),
                "node".into(),
                format!("--name={name}"),
                format!("--data={}", directory.join("data").display()),
                format!("--listen={data}"),
                format!("--control={control}"),
                format!("--token-file={}", work.join("node.token").display()),
                format!("--store=http://{store}"),
                format!("--cluster={}", work.join("cluster.toml").display()),
            ]);
            let process = Process::new(command, work.join(format!("{name}.log")));
            nodes.push(Node { name, process, data, control, directory });
        }
        let mut file = String::from("[options]\nvnodes = 12\n");
        for Node { name, data, control, .. } in &nodes[..seeded] {
            file += &format!(
                "\n[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{control}\"\n"
            );
        }
        fs::write(work.join("cluster.toml"), file)?;
        let config = format!(
            "[proxy]\nlisten = \"{listen}\"\nadmin_listen = \"{admin}\"\n\
             admin_token_file = \"admin.token\"\nnode_listen = \"{store}\"\n\
             node_token_file = \"node.token\"\nallow_remote = {is_inside}\nstore = \"store\"\n\
             cluster = \"cluster.toml\"\nworkers = 1\n\n[key]\nfrom = \"path_tail:1\"\n\n\
             [limits]\nanswer_ms_max = 1500\nconnect_ms_max = 500\n"
        );
        fs::write(work.join("ringway.toml"), config)?;
        let config = work.join("ringway.toml").display().to_string();
        let command =
            vec![ringway.display().to_string(), "proxy".into(), "--config".into(), config];
        let proxy = Process::new(command, work.join("proxy.log"));
        let has_disks = is_inside;
        let cluster = Self { listen, admin, proxy, nodes, network, has_disks };
        cluster.proxy.start()?;
        for node in &cluster.nodes {
            node.process.start()?;
        }
        Ok(cluster)
    }

    /// Asks the operators' API; nothing if it does not answer, or not with JSON.
    pub(crate) fn operate(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let headers =
            format!("Authorization: Bearer {ADMIN_TOKEN}\r\nContent-Type: application/json\r\n");
        let answer = Wire::new(self.admin).ask(method, path, &headers, body.as_bytes()).ok()?;
        Some((answer.status, serde_json::from_slice(&answer.body).ok()?))
    }

    /// The body that adds a node.
    pub(crate) fn entry(&self, name: &str) -> Option<String> {
        let Node { data, control, .. } = self.nodes.iter().find(|node| node.name == name)?;
        Some(format!(r#"{{"name":"{name}","address":"{data}","control":"{control}"}}"#))
    }

    /// Whether the map is the target and no move is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        let moves = self.operate("GET", "/moves", "");
        moves.is_some_and(|(status, moves)| status == 200 && moves["left"] == 0)
    }

    pub(crate) fn wait(
        &self,
        what: &str,
        seconds: u64,
        mut done: impl FnMut() -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !done() {
            if Instant::now() > deadline {
                let moves = self.operate("GET", "/moves", "");
                return Err(format!("waited {seconds} s until {what}; moves: {moves:?}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Processes that ended although nobody killed them.
    pub(crate) fn ended(&self) -> Vec<String> {
        let named = self.nodes.iter().map(|node| (node.name.as_str(), &node.process));
        let all = named.chain([("proxy", &self.proxy)]);
        all.filter_map(|(name, process)| Some(format!("{name}: {}", process.ended()?))).collect()
    }
}

impl Node {
    /// Fills its disk to the last byte.
    pub(crate) fn fill_disk(&self) -> io::Result<()> {
        let mut filler = fs::File::create(self.directory.join("filler"))?;
        let block = vec![0; 1 << 20];
        for size in [block.len(), 4_096] {
            while let Ok(1..) = filler.write(&block[..size]) {}
        }
        Ok(())
    }

    pub(crate) fn empty_disk(&self) -> io::Result<()> {
        fs::remove_file(self.directory.join("filler"))
    }
}
