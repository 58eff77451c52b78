//! `ringway node check` names each of these nodes right.

#[path = "../common/mod.rs"]
mod common;
mod family;
mod http;
mod levels;

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    process::{Child, Stdio},
};

use common::{Folder, Run};
use family::{Fault, TOKEN, level0, start};
use serde_json::Value;

/// An address that nobody listens on. Something else might take it: then the check says so.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

fn check(
    folder: &Folder,
    nodes: (SocketAddr, SocketAddr),
    store: SocketAddr,
    more: &[&str],
) -> Run {
    folder.file("node.token", TOKEN);
    let (data, control) = (format!("http://{}", nodes.0), format!("http://{}", nodes.1));
    let store = store.to_string();
    let args = ["node", "check", &data, "--control", &control, "--token-file", "node.token"];
    let args = [&args[..], &["--store-listen", &store], more].concat();
    folder.run(&args, b"")
}

/// Level and failed clauses of a report.
fn told(run: &Run) -> (Option<u64>, Vec<String>) {
    assert_eq!(run.error(), "");
    let json: Value = serde_json::from_str(run.text()).expect("JSON");
    let failed = json["clauses"].as_array().expect("clauses").iter();
    let failed = failed.filter(|clause| clause["verdict"] == "fail");
    (
        json["level"].as_u64(),
        failed.map(|clause| clause["id"].as_str().expect("an id").to_owned()).collect(),
    )
}

/// The report on a node of the family.
fn family(level: u8, fault: Fault) -> (Option<u64>, Vec<String>) {
    let folder = Folder::new();
    let store = free_address();
    let run = check(&folder, start(store, level, fault), store, &["--json"]);
    assert_eq!(run.status(), i32::from(level < 3 || fault != Fault::None), "{}", run.text());
    told(&run)
}

#[test]
fn a_strangers_nodes_have_the_levels_that_they_were_written_for() {
    assert_eq!(family(3, Fault::None), (Some(3), vec![]));
    assert_eq!(family(2, Fault::None), (Some(2), vec!["delta".into(), "delta-pages".into()]));
    let (level, lacks) = family(1, Fault::None);
    assert_eq!(level, Some(1), "{lacks:?}");
    for clause in ["wrong-epoch", "freeze", "frozen", "moved-away", "delta"] {
        assert!(lacks.iter().any(|lack| lack == clause), "{clause} is not in {lacks:?}");
    }
}

#[test]
fn each_fault_is_named() {
    for (fault, level, clause) in [
        (Fault::ServesFrozen, 1, "frozen"),
        (Fault::ForgetsSeal, 0, "sealed"),
        (Fault::AcceptsStale, 0, "stale"),
        (Fault::LosesTombstones, 0, "import-order"),
        (Fault::StageWipes, 0, "stage-again"),
        (Fault::TrustsEpochs, 1, "wrong-epoch"),
        (Fault::ForgetsDeletes, 2, "delta"),
        (Fault::KeepsOldRows, 0, "old-rows"),
        (Fault::ReadsBodiesFirst, 1, "head-alone"),
    ] {
        let (reached, failed) = family(3, fault);
        assert_eq!(reached, Some(level), "{fault:?}: {failed:?}");
        assert!(failed.iter().any(|id| id == clause), "{fault:?}: {failed:?} lacks {clause}");
    }
}

#[test]
fn a_plain_server_is_level_0() {
    let folder = Folder::new();
    let url = format!("http://{}", level0());
    let run = folder.run(&["node", "check", &url, "--level", "0"], b"");
    assert!(run.good().contains("level L0: "), "{}", run.text());
    assert!(run.text().contains("need --control and --token-file"), "{}", run.text());
    let run = folder.run(&["node", "check", &url], b"");
    assert_eq!(run.status(), 1, "{}", run.text());
    let url = format!("http://{}", free_address());
    let run = folder.run(&["node", "check", &url, "--level", "0"], b"");
    assert!(run.text().contains("no level"), "{}", run.text());
    assert_eq!(run.status(), 1);
}

/// Wrong usage, as the parser of arguments says it.
fn bad_usage(run: &Run, says: &str) {
    assert_eq!(run.status(), 2, "{}", run.error());
    assert!(run.error().contains(says), "{}", run.error());
}

/// `ringway node` as a process.
struct Default(Child);

impl Default {
    fn start(folder: &Folder, [data, control, store]: [SocketAddr; 3], more: &[&str]) -> Self {
        folder.file("node.token", TOKEN);
        let store = format!("http://{store}");
        let (data, control) = (data.to_string(), control.to_string());
        let args = ["node", "--name", "n1", "--data", "data", "--listen", &data];
        let rest = ["--control", &control, "--token-file", "node.token", "--store", &store];
        let mut child = folder
            .command(&[&args[..], &rest, more].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.starts_with("ringway node n1: "), "{line}");
        Self(child)
    }
}

impl Drop for Default {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_default_node_keeps_the_whole_contract_killed_or_not() {
    let folder = Folder::new();
    let [data, control, store] = [free_address(), free_address(), free_address()];
    let cluster = folder.file("cluster.toml", "[[node]]\nname = \"n1\"\n");
    let cluster = cluster.to_str().expect("a path");
    let layout = ["--cluster", cluster];
    let node = Default::start(&folder, [data, control, store], &layout);
    let run = check(&folder, (data, control), store, &["--cluster", cluster]);
    let text = run.good();
    assert!(text.contains("level L3: the whole contract"), "{text}");
    assert!(text.contains("pass  key-position"), "{text}");
    // It has rows now, and they are not to be lost.
    let run = check(&folder, (data, control), store, &[]);
    run.bad("--accept-loss");
    // Started by a shell from now on, which kills it and starts it again.
    let start = format!(
        "'{}' node --name n1 --data data --listen {data} --control {control} \
         --token-file node.token --store http://{store} >/dev/null 2>&1 & echo $! > pid",
        env!("CARGO_BIN_EXE_ringway")
    );
    folder.file("restart.sh", format!("kill -9 $(cat pid)\nsleep 0.3\n{start}\n"));
    folder.file("pid", node.0.id().to_string());
    let more = ["--accept-loss", "--restart", "sh restart.sh", "--json"];
    let run = check(&folder, (data, control), store, &more);
    folder.file("stop.sh", "kill -9 $(cat pid)\n");
    let stopped = std::process::Command::new("sh")
        .args(["-c", "cd \"$0\" && sh stop.sh"])
        .arg(folder.path(""))
        .status();
    assert_eq!(told(&run), (Some(3), vec![]), "{}", run.text());
    assert!(stopped.expect("a shell").success());
    assert!(!run.text().contains("not tried"), "{}", run.text());
}

#[test]
fn wrong_use_is_said() {
    let folder = Folder::new();
    folder.file("node.token", TOKEN);
    let url = format!("http://{}", level0());
    bad_usage(&folder.run(&["node", "check", "127.0.0.1:1"], b""), "must begin with http://");
    let control = format!("http://{}", free_address());
    let store = free_address().to_string();
    let args = ["node", "check", &url, "--control", &control, "--token-file", "node.token"];
    let run = folder.run(&[&args[..], &["--store-listen", &store]].concat(), b"");
    run.bad("the control listener can't be asked");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let store = taken.local_addr().expect("an address").to_string();
    let run = folder.run(&[&args[..], &["--store-listen", &store]].concat(), b"");
    run.bad("can't listen on --store-listen");
    let run = folder.run(&["node", "check", &url, "--write", "put it"], b"");
    bad_usage(&run, "METHOD PATH");
    bad_usage(&folder.run(&["node", "--name", "n1"], b""), "--data");
}
