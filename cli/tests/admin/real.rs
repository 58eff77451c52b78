//! The verbs against real nodes and a real proxy.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    common::{Folder, Run},
    free_address::free_address,
};

/// Processes that end with the test.
struct Real {
    folder: Folder,
    processes: Vec<Child>,
    addresses: Vec<SocketAddr>,
}

impl Drop for Real {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Real {
    /// Nodes n1 and n2 in the cluster, n3 beside it, and a proxy.
    fn start() -> Self {
        let addresses = (0..9).map(|_| free_address()).collect();
        let mut real = Self { folder: Folder::new(), processes: Vec::new(), addresses };
        let cluster: String = ["n1", "n2"].map(|name| real.entry(name)).concat();
        real.folder.file("cluster.toml", cluster);
        real.folder.file("admin.token", "an-operator-of-the-test\n");
        real.folder.file("node.token", "a-node-of-the-same-test\n");
        let [listen, admin, store] = [real.addresses[0], real.addresses[1], real.addresses[2]];
        real.folder.file(
            "ringway.toml",
            format!(
                "[proxy]\nlisten = \"{listen}\"\nadmin_listen = \"{admin}\"\n\
                 admin_token_file = \"admin.token\"\nnode_listen = \"{store}\"\n\
                 node_token_file = \"node.token\"\nstore = \"store\"\n\
                 cluster = \"cluster.toml\"\n[key]\nfrom = \"path_tail:1\"\n"
            ),
        );
        real.spawn(&["proxy", "--config", "ringway.toml"]);
        for name in ["n1", "n2", "n3"] {
            let (data, control) = real.node(name);
            let (data, control) = (data.to_string(), control.to_string());
            let store = format!("http://{store}");
            real.spawn(&[
                "node",
                "--name",
                name,
                "--data",
                name,
                "--listen",
                &data,
                "--control",
                &control,
                "--token-file",
                "node.token",
                "--store",
                &store,
            ]);
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        for address in &real.addresses {
            while TcpStream::connect(address).is_err() {
                assert!(Instant::now() < deadline, "nobody listens on {address}");
                thread::sleep(Duration::from_millis(20));
            }
        }
        real
    }

    fn spawn(&mut self, args: &[&str]) {
        let mut command = self.folder.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.processes.push(command.spawn().expect("the binary was built"));
    }

    /// Data and control address.
    fn node(&self, name: &str) -> (SocketAddr, SocketAddr) {
        let number: usize = name[1..].parse().expect("n and a number");
        (self.addresses[1 + 2 * number], self.addresses[2 + 2 * number])
    }

    fn entry(&self, name: &str) -> String {
        let (data, control) = self.node(name);
        format!("[[node]]\nname = \"{name}\"\naddress = \"{data}\"\ncontrol = \"{control}\"\n")
    }

    /// An operator's command.
    fn run(&self, args: &[&str]) -> Run {
        let url = format!("http://{}", self.addresses[1]);
        let target = ["--admin", &url, "--token-file", "admin.token"];
        self.folder.run(&[args, &target].concat(), b"")
    }

    /// One that must succeed; where it waits, it may say how far it is.
    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.status(), 0, "{}", run.error());
        let waits = |line: &str| line.contains(" left");
        assert!(run.error().lines().all(waits), "{}", run.error());
        run.text().to_owned()
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[args, &["--json"]].concat())).expect("JSON")
    }

    /// A client's request; the answer's status and body.
    fn request(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.addresses[0]).expect("the proxy listens");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status line");
        (status.to_owned(), body.to_owned())
    }

    /// Name and share of each node.
    fn shares(&self) -> Vec<(String, f64)> {
        let nodes = self.json(&["nodes"]);
        let nodes = nodes["nodes"].as_array().expect("a list");
        nodes
            .iter()
            .map(|node| {
                let name = node["name"].as_str().expect("a name").to_owned();
                (name, node["share"].as_f64().expect("a number"))
            })
            .collect()
    }
}

#[test]
fn nodes_come_and_go_and_values_stay() {
    const VALUES: usize = 40;
    let real = Real::start();
    for number in 0..VALUES {
        let (status, body) =
            real.request("PUT", &format!("/key{number}"), &format!("value {number}"));
        assert_eq!(status, "201", "{body}");
    }
    let check = |after: &str| {
        for number in 0..VALUES {
            let answer = real.request("GET", &format!("/key{number}"), "");
            assert_eq!(answer, ("200".into(), format!("value {number}")), "{after}");
        }
    };
    let (data, control) = real.node("n3");
    let (data, control) = (data.to_string(), control.to_string());
    let add = ["nodes", "add", "n3", "--address", &data, "--control", &control];
    let answer = real.json(&[&add[..], &["--wait"]].concat());
    assert_eq!(answer["config"], 2);
    assert!(answer["ranges_moved"].as_u64().is_some_and(|moved| moved > 50), "{answer}");
    let shares = real.shares();
    assert_eq!(shares.len(), 3);
    assert!(shares.iter().all(|(_, share)| (0.2..0.5).contains(share)), "{shares:?}");
    check("n3 added");

    let twice = real.run(&add);
    assert_eq!((twice.status(), twice.text()), (1, ""));
    assert!(twice.error().contains("is a node already"), "{}", twice.error());

    assert!(real.done(&["nodes", "reweight", "n3", "2", "--wait"]).contains("nothing is left"));
    assert!(real.shares()[2].1 > shares[2].1);
    real.done(&["nodes", "drain", "n1", "--wait"]);
    assert_eq!(real.shares()[0], ("n1".into(), 0.0));
    check("n1 drained");
    real.done(&["nodes", "remove", "n1", "--wait"]);
    assert_eq!(real.shares().len(), 2);

    // Back to the file, which is checked and shown before.
    let dry = real.json(&["apply", "cluster.toml", "--dry-run"]);
    assert!(dry["moved_share"].as_f64().is_some_and(|share| share > 0.5), "{dry}");
    assert_eq!(real.shares().len(), 2);
    real.done(&["apply", "cluster.toml", "--wait"]);
    let shares = real.shares();
    let names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["n1", "n2"]);
    check("the file is back");
    assert_eq!(real.run(&["apply", "cluster.toml"]).good(), "nothing to change: configuration 6\n");

    for (args, says) in [
        (&["nodes", "remove", "n9"][..], "no node \"n9\""),
        (&["nodes", "forget", "n2"], "--accept-loss"),
    ] {
        let run = real.run(args);
        assert_eq!((run.status(), run.text()), (1, ""));
        assert!(run.error().contains(says), "{}", run.error());
    }
    real.done(&["nodes", "drain", "n1", "--wait"]);
    let last = real.run(&["nodes", "drain", "n2"]);
    assert_eq!(last.status(), 1);
    assert!(last.error().contains("no node would be left"), "{}", last.error());
    check("nothing was changed");
}

#[test]
fn moves_are_held_and_go_on() {
    let real = Real::start();
    let said = real.run(&["moves", "pause"]);
    assert_eq!(said.good(), "paused: no further move begins until `ringway moves resume`\n");
    assert!(real.run(&["moves", "pause"]).good().starts_with("already paused: "));
    let status = real.run(&["status"]);
    assert_eq!(status.status(), 1);
    assert!(status.text().contains("paused: "), "{}", status.text());
    real.run(&["nodes", "reweight", "n1", "3"]).good();
    let moves = real.json(&["moves"]);
    assert_eq!(
        (moves["moves"].as_array().map(Vec::len), &moves["totals"]["moved"]),
        (Some(0), &0.into())
    );
    assert!(real.run(&["moves", "abort"]).good().starts_with("0 moves aborted; "));
    assert_eq!(real.run(&["moves", "resume"]).good(), "resumed\n");
    assert_eq!(real.run(&["moves", "resume"]).good(), "not paused\n");
    real.done(&["nodes", "reweight", "n1", "3", "--wait"]);
    let status = real.run(&["status"]);
    assert!(status.good().ends_with("nothing is left to move\n"), "{}", status.text());
}
