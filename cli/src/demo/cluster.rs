//! The cluster of the demo: SQLite nodes and a proxy, as processes on the loopback.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use ringway_cluster::ClusterFile;
use tempfile::TempDir;

use super::processes::Processes;
use crate::{
    admin::client::Admin,
    failure::Failure,
    http::{Connection, Limits, Origin},
};

/// Starting takes longer only where something is wrong.
const START_SECONDS_MAX: u64 = 20;
/// Somebody else may take a port between choosing and using it.
const TRIES: u32 = 3;

/// Nodes, a proxy, and where they are. Stopped and deleted when dropped.
pub(super) struct Cluster {
    processes: Processes,
    folder: TempDir,
    nodes: Vec<NodeAddress>,
    proxy: SocketAddr,
    admin: SocketAddr,
    store: SocketAddr,
    admin_token: String,
}

/// Where a node is, whether or not it belongs to the cluster now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeAddress {
    pub(super) name: String,
    pub(super) data: SocketAddr,
    pub(super) control: SocketAddr,
}

impl Cluster {
    /// Starts these nodes and a proxy before them, and waits until all are ready.
    pub(super) async fn start(names: &[&str]) -> Result<Self, Failure> {
        let mut tries = 1;
        loop {
            match Self::try_start(names).await {
                Err(Failure::Refused(_)) if tries < TRIES => tries += 1,
                started => return started,
            }
        }
    }

    async fn try_start(names: &[&str]) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("ringway-demo-")
            .tempdir()
            .map_err(|error| Failure::of_file(&std::env::temp_dir(), "written", &error))?;
        let count = names.len() * 2;
        let ports = free_ports(count + 3)?;
        let (of_nodes, of_proxy) = ports.split_at(count);
        let nodes = names.iter().zip(of_nodes.chunks_exact(2));
        let nodes: Vec<NodeAddress> = nodes
            .map(|(name, ports)| NodeAddress {
                name: (*name).to_owned(),
                data: ports[0],
                control: ports[1],
            })
            .collect();
        let (proxy, admin, store) = (of_proxy[0], of_proxy[1], of_proxy[2]);
        let admin_token = token()?;
        let mut cluster = Self {
            processes: Processes::default(),
            folder,
            nodes: Vec::new(),
            proxy,
            admin,
            store,
            admin_token,
        };
        cluster.write_files(&nodes)?;
        let config = cluster.path("ringway.toml");
        let folder = cluster.folder.path();
        cluster.processes.start("proxy", folder, &["proxy", "--config", &config])?;
        for node in nodes {
            cluster.start_node(node)?;
        }
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    /// Starts one more node, which does not belong to the cluster yet, and waits for it.
    pub(super) async fn start_another(&mut self, name: &str) -> Result<NodeAddress, Failure> {
        let ports = free_ports(2)?;
        let node = NodeAddress { name: name.to_owned(), data: ports[0], control: ports[1] };
        self.start_node(node.clone())?;
        self.wait_for_listeners(&[node.data, node.control]).await?;
        Ok(node)
    }

    /// All nodes that were ever started; they run until the end.
    pub(super) fn nodes(&self) -> &[NodeAddress] {
        &self.nodes
    }

    /// Where clients connect.
    pub(super) fn proxy(&self) -> Origin {
        Origin::of_address(&self.proxy.to_string())
    }

    /// A connection to the proxy's admin API.
    pub(super) fn admin(&self) -> Result<Admin, Failure> {
        Admin::new(Origin::of_address(&self.admin.to_string()), &self.admin_token)
    }

    /// An error if a process has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.processes.check()
    }

    /// Stops all processes.
    pub(super) fn stop(&mut self) {
        self.processes.stop();
    }

    fn start_node(&mut self, node: NodeAddress) -> Result<(), Failure> {
        let data = self.path(&node.name);
        let token = self.path("node.token");
        let (listen, control) = (node.data.to_string(), node.control.to_string());
        let store = format!("http://{}", self.store);
        let args = [
            "node",
            "--name",
            &node.name,
            "--data",
            &data,
            "--listen",
            &listen,
            "--control",
            &control,
            "--token-file",
            &token,
            "--store",
            &store,
        ];
        self.processes.start(&node.name, self.folder.path(), &args)?;
        self.nodes.push(node);
        Ok(())
    }

    fn write_files(&self, nodes: &[NodeAddress]) -> Result<(), Failure> {
        let mut cluster = String::new();
        for NodeAddress { name, data, control } in nodes {
            cluster.push_str(&format!(
                "[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{control}\"\n"
            ));
        }
        let cluster = ClusterFile::parse(&cluster, "cluster.toml")?.to_toml();
        let Self { proxy, admin, store, .. } = self;
        let config = format!(
            "[proxy]\nlisten = \"{proxy}\"\nadmin_listen = \"{admin}\"\n\
             admin_token_file = \"admin.token\"\nnode_listen = \"{store}\"\n\
             node_token_file = \"node.token\"\nstore = \"store\"\ncluster = \"cluster.toml\"\n\n\
             [key]\nfrom = \"path_tail:1\"\n"
        );
        for (name, text) in [
            ("cluster.toml", cluster),
            ("ringway.toml", config),
            ("admin.token", self.admin_token.clone() + "\n"),
            ("node.token", token()? + "\n"),
        ] {
            let path = self.folder.path().join(name);
            write_private(&path, &text)
                .map_err(|error| Failure::of_file(&path, "written", &error))?;
        }
        Ok(())
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let mut listeners = vec![self.admin, self.proxy];
        listeners.extend(self.nodes.iter().flat_map(|node| [node.data, node.control]));
        self.wait_for_listeners(&listeners).await?;
        let limits = Limits { exchange_ms_max: 5_000, answer_bytes_max: 1 << 20 };
        let mut connection = Connection::new(Origin::of_address(&self.admin.to_string()), limits);
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        loop {
            let request = http::Request::new(http_body_util::Full::default());
            let (mut parts, body) = request.into_parts();
            parts.uri = http::Uri::from_static("/readyz");
            let said = match connection.send(http::Request::from_parts(parts, body)).await {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => super::ask::text(&answer),
                Err(none) => none.to_string(),
            };
            self.processes.check()?;
            if Instant::now() > deadline {
                return Err(Failure::Refused(format!("the proxy does not get ready: {said}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn wait_for_listeners(&mut self, listeners: &[SocketAddr]) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        for listener in listeners {
            while tokio::net::TcpStream::connect(listener).await.is_err() {
                self.processes.check()?;
                if Instant::now() > deadline {
                    let text = format!("nobody listens on {listener} after {START_SECONDS_MAX} s");
                    return Err(Failure::Refused(text));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        // The name of the folder is our own but for the system's folder before it.
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

/// Ports of the loopback that nobody uses at this moment.
fn free_ports(count: usize) -> Result<Vec<SocketAddr>, Failure> {
    let bind = || -> io::Result<Vec<SocketAddr>> {
        // All are held until the last is found, so that they differ.
        let held: io::Result<Vec<TcpListener>> =
            (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
        held?.iter().map(TcpListener::local_addr).collect()
    };
    bind().map_err(|error| Failure::Message(format!("no free port on the loopback: {error}")))
}

/// 128 random bits.
fn token() -> Result<String, Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)
        .map_err(|error| Failure::Message(format!("no random bits for a token: {error}")))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
