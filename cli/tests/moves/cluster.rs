//! A real cluster: node and proxy processes on loopback, in a directory of their own.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    free_address::free_address,
    http::{Answer, exchange},
    relay::{self, Cut, Watch},
};

const ADMIN_TOKEN: &str = "operators-of-tests-0123456789";
const NODE_TOKEN: &str = "nodes-of-tests-0123456789";

pub(crate) struct Cluster {
    directory: tempfile::TempDir,
    pub(crate) proxy: Process,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    node_listen: SocketAddr,
    pub(crate) nodes: Vec<Node>,
    pub(crate) watch: Arc<Watch>,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) process: Process,
    pub(crate) data: SocketAddr,
    control: SocketAddr,
    relay: SocketAddr,
    /// Cuts the coordinator's way to the node.
    pub(crate) control_cut: Cut,
    /// Cuts the node's way to the store.
    pub(crate) store_cut: Cut,
}

/// A process that can be killed and started again as it was; it dies with the test.
#[derive(Clone)]
pub(crate) struct Process {
    arguments: Vec<String>,
    log: PathBuf,
    child: Arc<Mutex<Option<Child>>>,
}

impl Process {
    fn new(arguments: Vec<String>, log: PathBuf) -> Self {
        Self { arguments, log, child: Arc::default() }
    }

    pub(crate) fn start(&self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ringway"))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGSTOP: it stands still; its connections and locks stay.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &*self.child.lock().unwrap() {
            kill_process(Pid::from_child(child), signal).unwrap();
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Runs it to its own end, which must come: exit code and output.
    pub(crate) fn run_to_end(&self) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ringway"))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Cluster {
    /// Nodes n1 .. n`count`, the first `seeded` of them in the cluster file, and the proxy.
    pub(crate) fn start(count: usize, seeded: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let token = path.join("node.token");
        for (file, token) in [(&token, NODE_TOKEN), (&path.join("admin.token"), ADMIN_TOKEN)] {
            fs::write(file, token).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let [listen, admin, node_listen] = std::array::from_fn(|_| free_address());
        let watch = Arc::new(Watch::default());
        let nodes: Vec<Node> = (1..=count)
            .map(|number| {
                let name = format!("n{number}");
                let (data, control) = (free_address(), free_address());
                let directory = path.join(&name);
                let (control_cut, store_cut) = (Cut::default(), Cut::default());
                let store = relay::start(node_listen, Arc::default(), Arc::clone(&store_cut));
                let arguments = [
                    "node".to_owned(),
                    format!("--name={name}"),
                    format!("--data={}", directory.display()),
                    format!("--listen={data}"),
                    format!("--control={control}"),
                    format!("--token-file={}", token.display()),
                    format!("--store=http://{store}"),
                    format!("--cluster={}", path.join("cluster.toml").display()),
                ];
                let arguments = arguments.to_vec();
                let process = Process::new(arguments, path.join(format!("{name}.log")));
                let relay = relay::start(control, Arc::clone(&watch), Arc::clone(&control_cut));
                Node { name, process, data, control, relay, control_cut, store_cut }
            })
            .collect();
        let mut file = String::from("[options]\nvnodes = 12\n");
        for Node { name, data, relay, .. } in &nodes[..seeded] {
            file += &format!(
                "\n[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{relay}\"\n"
            );
        }
        fs::write(path.join("cluster.toml"), file).unwrap();
        let config = format!(
            "[proxy]\nlisten = \"{listen}\"\nadmin_listen = \"{admin}\"\n\
             admin_token_file = \"admin.token\"\nnode_listen = \"{node_listen}\"\n\
             node_token_file = \"node.token\"\nstore = \"store\"\ncluster = \"cluster.toml\"\n\
             workers = 1\n\n[key]\nfrom = \"path_tail:1\"\n\n[limits]\nanswer_ms_max = 3000\n"
        );
        fs::write(path.join("ringway.toml"), config).unwrap();
        let config = path.join("ringway.toml").to_string_lossy().into_owned();
        let arguments = vec!["proxy".into(), "--config".into(), config];
        let proxy = Process::new(arguments, path.join("proxy.log"));
        let cluster = Self { directory, proxy, listen, admin, node_listen, nodes, watch };
        cluster.proxy.start();
        cluster.nodes.iter().for_each(|node| node.process.start());
        cluster.wait("the proxy and every key are served", || {
            (0..50).all(|key| {
                cluster.put(&format!("warm-{key}"), b"x").is_ok_and(|put| put.status < 300)
            })
        });
        cluster
    }

    /// A second proxy with the same configuration.
    pub(crate) fn second_proxy(&self) -> Process {
        Process::new(self.proxy.arguments.clone(), self.directory.path().join("second.log"))
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).unwrap()
    }

    pub(crate) fn data_directory(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn store_directory(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Waits until a node holds no row of a range that is not its own.
    pub(crate) fn wait_until_dropped(&self, name: &str) {
        self.wait(&format!("{name} has dropped what is not its own"), || {
            let Ok(status) = self.control(name, "/v1/status") else { return false };
            let status = status.json();
            status["ranges"].as_array().unwrap().iter().all(|range| {
                let path = format!("/v1/status?lo={}&hi={}&rows_max=1", range["lo"], range["hi"]);
                range["standing"] != "foreign"
                    || self.control(name, &path).unwrap().json()["cuts"] == serde_json::json!([])
            })
        });
    }

    pub(crate) fn put(&self, key: &str, value: &[u8]) -> std::io::Result<Answer> {
        exchange(self.listen, "PUT", &format!("/{key}"), &[], value)
    }

    pub(crate) fn get(&self, key: &str) -> std::io::Result<Answer> {
        exchange(self.listen, "GET", &format!("/{key}"), &[], b"")
    }

    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
        exchange(self.admin, method, path, &headers, body.as_bytes())
    }

    /// What asks the operators' API from anywhere.
    pub(crate) fn operator(
        &self,
    ) -> impl Fn(&str, &str) -> std::io::Result<Answer> + Send + 'static {
        let (admin, authorization) = (self.admin, format!("Bearer {ADMIN_TOKEN}"));
        move |method, path| {
            exchange(admin, method, path, &[("Authorization", &*authorization)], b"")
        }
    }

    /// Calls the node's own control listener, past the relay.
    pub(crate) fn control(&self, name: &str, path: &str) -> std::io::Result<Answer> {
        let authorization = format!("Bearer {NODE_TOKEN}");
        let node = self.node(name);
        exchange(node.control, "GET", path, &[("Authorization", &*authorization)], b"")
    }

    pub(crate) fn add(&self, name: &str) -> Answer {
        let Node { data, relay, .. } = self.node(name);
        let body = format!(r#"{{"name":"{name}","address":"{data}","control":"{relay}"}}"#);
        self.admin("POST", "/nodes", &body).unwrap()
    }

    /// The owner of a key, as the proxy routes it.
    pub(crate) fn owner(&self, key: &str) -> Option<String> {
        let answer = self.admin("GET", &format!("/route?key={key}"), "").ok()?;
        answer.json()["owner"].as_str().map(str::to_owned)
    }

    /// Waits until the map is the target and no move is under way.
    pub(crate) fn wait_for_rest(&self) {
        self.wait("the moves are done", || {
            let Ok(answer) = self.admin("GET", "/moves", "") else { return false };
            answer.status == 200 && answer.json()["left"] == 0
        });
    }

    /// Waits for something that must come within a minute, whatever the machine does besides.
    pub(crate) fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done() {
            if Instant::now() > deadline {
                self.show_logs();
                panic!(
                    "waited a minute until {what}; moves: {:?}",
                    self.admin("GET", "/moves", "").map(|it| it.text())
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn show_logs(&self) {
        eprintln!("── proxy\n{}", self.proxy.log());
        for node in &self.nodes {
            eprintln!("── {}\n{}", node.name, node.process.log());
        }
        eprintln!("── node_listen {}", self.node_listen);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxy.kill();
        self.nodes.iter().for_each(|node| node.process.kill());
    }
}
