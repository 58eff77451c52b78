//! Nodes of levels 2 and 3 in one cluster behind a real proxy: keys move exactly between them.

use std::{
    net::SocketAddr,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Default, Folder, Run,
    family::{Fault, TOKEN, start},
    free_address,
    http::ask,
};

const KEYS: usize = 60;

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "still not: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn ringway(folder: &Folder, admin: SocketAddr, args: &[&str]) -> Run {
    let admin = format!("http://{admin}");
    let target = ["--admin", &admin, "--token-file", "admin.token"];
    folder.run(&[args, &target].concat(), b"")
}

#[test]
fn keys_move_between_a_strangers_node_of_level_2_and_the_default_node() {
    let folder = Folder::new();
    let [listen, admin, store] = [free_address(), free_address(), free_address()];
    let (data, control) = start(store, 2, Fault::None);
    let cluster = format!(
        "[options]\nvnodes = 8\n[[node]]\nname = \"stranger\"\naddress = \"{data}\"\n\
         control = \"{control}\"\n"
    );
    folder.file("cluster.toml", cluster);
    folder.file("admin.token", "operators-0123456789");
    folder.file("node.token", TOKEN);
    let config = format!(
        "[proxy]\nlisten = \"{listen}\"\nadmin_listen = \"{admin}\"\n\
         admin_token_file = \"admin.token\"\nnode_listen = \"{store}\"\n\
         node_token_file = \"node.token\"\nstore = \"store\"\ncluster = \"cluster.toml\"\n\
         workers = 1\n\n[key]\nfrom = \"path:1\"\n"
    );
    folder.file("ringway.toml", config);
    let mut command = folder.command(&["proxy", "--config", "ringway.toml"]);
    let quiet = command.stdout(Stdio::null());
    let _proxy = Proxy(quiet.spawn().expect("the binary was built"));
    let put = |key: usize, value: &str| {
        ask(listen, TOKEN, "PUT", &format!("/{key}"), value).map_or(0, |(status, _)| status)
    };
    wait("the proxy serves", || put(0, "value 0") < 300 && put(0, "value 0") > 0);
    for key in 0..KEYS {
        assert!(matches!(put(key, &format!("value {key}")), 201 | 204));
    }
    let [n1, n1_control] = [free_address(), free_address()];
    let _node = Default::start(&folder, [n1, n1_control, store], &[]);
    let (n1, n1_control) = (n1.to_string(), n1_control.to_string());
    let args = ["nodes", "add", "n1", "--address", &n1, "--control", &n1_control, "--wait"];
    assert_eq!(ringway(&folder, admin, &args).status(), 0);
    let all_there = || {
        for key in 0..KEYS {
            let (status, body) = ask(listen, TOKEN, "GET", &format!("/{key}"), "").expect("up");
            assert_eq!((status, &*body), (200, format!("value {key}").as_bytes()));
        }
    };
    all_there();
    let nodes: Value =
        serde_json::from_str(ringway(&folder, admin, &["nodes", "--json"]).good()).expect("JSON");
    let shares: Vec<f64> = nodes["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| node["share"].as_f64().expect("a share"))
        .collect();
    assert!(shares.iter().all(|share| *share > 0.1), "{nodes}");
    // All of it to the default node, then all of it back.
    let drain = ["nodes", "drain", "stranger", "--wait"];
    assert_eq!(ringway(&folder, admin, &drain).status(), 0);
    all_there();
    let file = format!(
        "[options]\nvnodes = 8\n[[node]]\nname = \"stranger\"\naddress = \"{data}\"\n\
         control = \"{control}\"\n"
    );
    folder.file("back.toml", file);
    assert_eq!(ringway(&folder, admin, &["apply", "back.toml", "--wait"]).status(), 0);
    all_there();
    let (status, moves) = {
        let run = ringway(&folder, admin, &["moves", "--json"]);
        (run.status(), serde_json::from_str::<Value>(run.text()).expect("JSON"))
    };
    assert_eq!((status, moves["left"].as_u64()), (0, Some(0)));
    assert!(moves["totals"]["moved"].as_u64() >= Some(8), "{moves}");
}
