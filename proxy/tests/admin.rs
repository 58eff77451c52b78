//! The operators' API: tokens, views, changes, and every refusal.

mod support;

use std::sync::{Arc, Mutex};

use ringway_cluster::ClusterFile;
use serde_json::{Value, json};
use support::{
    ADMIN_TOKEN, Fake, NODE_TOKEN, Setup, Wire, admin, start, start_in, write_files_for,
};

/// A node's control listener that says who it is, and nothing else.
struct Control {
    name: Arc<Mutex<String>>,
    incarnation: Arc<Mutex<String>>,
    fake: Fake,
}

fn control(name: &str) -> Control {
    let name = Arc::new(Mutex::new(name.to_owned()));
    let incarnation = Arc::new(Mutex::new("0f".repeat(16)));
    let (own, bits) = (Arc::clone(&name), Arc::clone(&incarnation));
    let fake = Fake::answering(move |request| {
        if request.header("authorization") != Some(&format!("Bearer {NODE_TOKEN}")) {
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        if !request.head.starts_with("GET /v1/status") {
            return b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}".to_vec();
        }
        let value = json!({
            "name": *own.lock().expect("a lock"),
            "incarnation": *bits.lock().expect("a lock"),
            "ranges": [],
        });
        let body = value.to_string();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    });
    Control { name, incarnation, fake }
}

fn setup(nodes: &[(&str, &Fake)]) -> Setup {
    start(nodes, "path:1", "")
}

/// The state that a refused call must leave as it is.
fn state(setup: &Setup) -> Value {
    let (_, mut nodes) = setup.json("GET", "/nodes", "");
    let (_, cluster) = setup.json("GET", "/cluster", "");
    // Born segments move without a move: the target alone is ours.
    for node in nodes["nodes"].as_array_mut().expect("nodes") {
        node["share"] = Value::Null;
        node["segments"] = Value::Null;
    }
    json!([nodes["nodes"], cluster["toml"], cluster["config"]])
}

#[test]
fn only_operators_are_answered() {
    let node = Fake::echo();
    let setup = setup(&[("n1", &node)]);
    let address = setup.proxy.admin_address();
    let calls = [
        ("GET", "/nodes"),
        ("POST", "/nodes"),
        ("PATCH", "/nodes/n1"),
        ("DELETE", "/nodes/n1"),
        ("POST", "/nodes/n1/drain"),
        ("POST", "/nodes/n1/forget"),
        ("POST", "/plan"),
        ("POST", "/apply"),
        ("GET", "/cluster"),
        ("GET", "/route?key=a"),
        ("GET", "/moves"),
        ("POST", "/moves/pause"),
        ("POST", "/moves/resume"),
        ("POST", "/moves/abort"),
        ("GET", "/status"),
        ("GET", "/anything"),
    ];
    let before = state(&setup);
    for (method, path) in calls {
        for token in ["", "wrong", NODE_TOKEN, &ADMIN_TOKEN[1..], &format!("{ADMIN_TOKEN}x")] {
            let answer = admin(address, token, method, path, "");
            assert_eq!(answer.status(), 401, "{method} {path} with {token:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    for credentials in [
        String::new(),
        format!("Authorization: Basic {ADMIN_TOKEN}\r\n"),
        format!("Authorization: Bearer {ADMIN_TOKEN}\r\nAuthorization: Bearer x\r\n"),
    ] {
        let request = format!("GET /nodes HTTP/1.1\r\nHost: a\r\n{credentials}\r\n");
        let answer = Wire::connect(address).send(request).message().expect("an answer");
        assert_eq!(answer.status(), 401, "{credentials}");
    }
    assert_eq!(state(&setup), before);
    // Nodes have their own listener and token, and no path of the other one.
    let nodes = setup.proxy.node_address();
    assert_eq!(admin(nodes, NODE_TOKEN, "GET", "/store/seg", "").status(), 200);
    assert_eq!(admin(nodes, ADMIN_TOKEN, "GET", "/store/seg", "").status(), 401);
    assert_eq!(admin(nodes, NODE_TOKEN, "GET", "/nodes", "").status(), 404);
    assert_eq!(admin(address, ADMIN_TOKEN, "GET", "/store/seg", "").status(), 404);
    // These three are for everybody on the listener.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(admin(address, "", "GET", path, "").status(), 200, "{path}");
    }
    setup.proxy.shutdown();
}

#[test]
fn the_cluster_is_shown() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let setup = setup(&[("n1", &one), ("n2", &two)]);
    let (status, nodes) = setup.json("GET", "/nodes", "");
    assert_eq!(status, 200);
    let list = nodes["nodes"].as_array().expect("nodes");
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["name"], &list[0]["state"]), (&json!("n1"), &json!("up")));
    assert_eq!(list[1]["address"], json!(two.address.to_string()));
    let shares: f64 = list.iter().map(|node| node["share"].as_f64().expect("a share")).sum();
    assert!((shares - 1.0).abs() < 1e-12, "{shares}");
    assert_eq!(list[0]["share"], list[0]["target_share"]);

    let (_, cluster) = setup.json("GET", "/cluster", "");
    let toml = cluster["toml"].as_str().expect("a file");
    let bare = setup.admin("GET", "/cluster?format=toml", "");
    assert_eq!(bare.text(), toml);
    let hash = format!("{:016x}", ringway::key_hash(toml.as_bytes()));
    assert_eq!(cluster["hash"], json!(hash));
    // What anybody computes from that file.
    let table = ClusterFile::parse(toml, "/cluster").and_then(|file| file.table());
    let fingerprint = format!("{:016x}", table.expect("a good file").fingerprint());
    assert_eq!(cluster["fingerprint"], json!(fingerprint));
    assert_eq!(bare.header("ringway-fingerprint"), Some(&*fingerprint));

    // What /route says is where a request goes.
    for (query, target, key_hex) in
        [("key=a%2Fb+c", "/a%2Fb%20c", "612f622063"), ("key_hex=00fF", "/%00%FF", "00ff")]
    {
        let (status, route) = setup.json("GET", &format!("/route?{query}"), "");
        assert_eq!((status, &route["key_hex"]), (200, &json!(key_hex)));
        assert_eq!((&route["epoch"], &route["phase"]), (&json!(1), &json!("born")));
        assert_eq!(route["owner"], route["target"]);
        let node = if route["owner"] == json!("n1") { &one } else { &two };
        assert_eq!(setup.ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).status(), 200);
        let seen = node.last();
        assert_eq!(seen.header("ringway-position"), Some(&*route["position"].to_string()));
    }
    for query in ["", "?key=", "?key=%4", "?key_hex=0", "?key_hex=0g", "?other=a", "?key=a&key=b"] {
        let (status, error) = setup.json("GET", &format!("/route{query}"), "");
        assert_eq!((status, &error["error"]), (400, &json!("key")), "{query}");
    }
    let (_, status) = setup.json("GET", "/status", "");
    assert_eq!((&status["config"], &status["difference"]), (&json!(1), &Value::Null));
    assert_eq!(status["fingerprint"], json!(fingerprint));
    assert!(status["segments"]["born"].as_u64().expect("a count") > 100, "{status}");
    assert_eq!(setup.json("GET", "/nowhere", "").0, 404);
    assert_eq!(setup.json("DELETE", "/status", "").0, 405);
    // A metric for each thing that happened.
    let metrics = setup.admin("GET", "/metrics", "").text();
    assert!(metrics.contains("ringway_node_answers_total{class=\"2xx\"} 2\n"), "{metrics}");
    setup.proxy.shutdown();
}

/// The key of `ringway-keyed-v1`, given in a file of its own, stays in the store.
#[test]
fn a_key_is_shown_nowhere() {
    const SECRET: &str = "000102030405060708090a0b0c0d0e0f";
    let node = Fake::echo();
    let directory = tempfile::tempdir().expect("a directory");
    let cluster = format!(
        "layout = \"ringway-keyed-v1\"\noptions.key_file = \"secret.hex\"\n[[node]]\n\
         name = \"n1\"\naddress = \"{}\"\ncontrol = \"{}\"\n",
        node.address, node.control
    );
    std::fs::write(directory.path().join("secret.hex"), format!("{SECRET}\n")).expect("a file");
    write_files_for(directory.path(), &cluster, "path:1", "");
    let setup = Setup { proxy: start_in(directory.path()), directory };
    let changed = cluster.replace("key_file = \"secret.hex\"", &format!("key = \"{SECRET}\"\n#"));
    for (method, path, body) in [
        ("GET", "/cluster", ""),
        ("GET", "/cluster?format=toml", ""),
        ("GET", "/nodes", ""),
        ("GET", "/status", ""),
        ("GET", "/moves", ""),
        ("GET", "/metrics", ""),
        ("POST", "/plan", &changed),
        ("POST", "/apply", &changed),
        ("POST", "/apply", &changed.replace("0a0b", "0a0c")),
        ("POST", "/apply", &changed.replace("0e0f", "")),
    ] {
        let answer = setup.admin(method, path, body).text();
        assert!(!answer.is_empty() && !answer.to_lowercase().contains("0a0"), "{path}: {answer}");
    }
    let shown = setup.admin("GET", "/cluster?format=toml", "").text();
    assert!(shown.contains("[options]\n# key is set, but not shown\n"), "{shown}");
    setup.proxy.shutdown();
}

#[test]
fn refused_changes_change_nothing() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let known = control("n3");
    let setup = setup(&[("n1", &one), ("n2", &two)]);
    let (_, cluster) = setup.json("GET", "/cluster", "");
    let toml = cluster["toml"].as_str().expect("a file").to_owned();
    let add = |fields: &str| format!("{{\"address\": \"127.0.0.1:1\", {fields}}}");
    let here = format!("\"control\": \"{}\"", known.fake.address);
    let before = state(&setup);
    let cases: Vec<(&str, &str, String, u16, &str)> = vec![
        ("POST", "/nodes", String::new(), 400, "body"),
        ("POST", "/nodes", "[]".into(), 400, "body"),
        ("POST", "/nodes", "{\"name\": \"n3\"}".into(), 400, "body"),
        ("POST", "/nodes?accept_loss=1", add(&format!("\"name\": \"n3\", {here}")), 400, "query"),
        ("POST", "/nodes/n1/drain?force=true", String::new(), 400, "query"),
        ("POST", "/nodes", add(&format!("\"name\": \"n3\", {here}, \"extra\": 1")), 400, "body"),
        ("POST", "/nodes", add(&format!("\"name\": \"n3\", {here}, \"weight\": -1")), 400, "body"),
        ("POST", "/nodes", add(&format!("\"name\": \"\", {here}")), 400, "name-empty"),
        ("POST", "/nodes", add(&format!("\"name\": \"a\\nb\", {here}")), 400, "control-character"),
        (
            "POST",
            "/nodes",
            add(&format!("\"name\": \"{}\", {here}", "x".repeat(1_025))),
            400,
            "name-too-long",
        ),
        ("POST", "/nodes", add(&format!("\"name\": \"n1\", {here}")), 409, "duplicate-name"),
        (
            "POST",
            "/nodes",
            add(&format!("\"name\": \"n3\", {here}, \"zone\": \"\"")),
            400,
            "zone-empty",
        ),
        ("POST", "/nodes", add("\"name\": \"n3\", \"control\": \"nowhere\""), 400, "bad-address"),
        (
            "POST",
            "/nodes",
            add("\"name\": \"n3\", \"control\": \"127.0.0.1:1\""),
            400,
            "duplicate-address",
        ),
        (
            "POST",
            "/nodes",
            add(&format!("\"name\": \"n3\", \"control\": \"{}\"", one.control)),
            400,
            "duplicate-address",
        ),
        (
            "POST",
            "/nodes",
            add("\"name\": \"n3\", \"control\": \"127.0.0.1:2\""),
            502,
            "node-unreachable",
        ),
        ("POST", "/nodes", add(&format!("\"name\": \"n4\", {here}")), 409, "wrong-node"),
        ("PATCH", "/nodes/n9", "{}".into(), 404, "unknown-node"),
        ("PATCH", "/nodes/n1", "{\"weight\": 4294967296}".into(), 400, "body"),
        ("PATCH", "/nodes/n1", "{\"weight\": 1000000}".into(), 400, "too-many-points"),
        ("PATCH", "/nodes/n1", "{\"state\": \"away\"}".into(), 400, "bad-state"),
        ("PATCH", "/nodes/n1", "{\"name\": \"x\"}".into(), 400, "body"),
        ("PATCH", "/nodes/n1", "{\"control\": \"127.0.0.1:2\"}".into(), 502, "node-unreachable"),
        ("PATCH", "/nodes/%ff", "{}".into(), 400, "name"),
        ("PATCH", "/nodes/%4", "{}".into(), 400, "name"),
        ("DELETE", "/nodes/n9", String::new(), 404, "unknown-node"),
        ("POST", "/nodes/n9/drain", String::new(), 404, "unknown-node"),
        ("POST", "/nodes/n9/forget", "{\"accept_loss\": true}".into(), 404, "unknown-node"),
        ("POST", "/nodes/n1/forget", String::new(), 409, "loss"),
        ("POST", "/nodes/n1/forget", "{\"accept_loss\": false}".into(), 409, "loss"),
        ("POST", "/nodes/n1/forget", "{\"accept\": true}".into(), 400, "body"),
        ("POST", "/apply", String::new(), 400, "no-nodes"),
        ("POST", "/apply", "nodes = 1".into(), 400, "unknown-field"),
        ("POST", "/apply", "\u{0}".into(), 400, "syntax"),
        ("POST", "/apply", toml.replace("ringway-v1", "nginx-v9"), 400, "unknown-layout"),
        (
            "POST",
            "/apply",
            toml.replace("[[node]]", "[options]\nvnodes = 7\n[[node]]").replacen(
                "[options]\nvnodes = 7\n[[node]]\nname = \"n2\"",
                "[[node]]\nname = \"n2\"",
                1,
            ),
            409,
            "layout-fixed",
        ),
        ("POST", "/apply", toml.replace("weight = 1", "weight = 0"), 409, "last-node"),
        (
            "POST",
            "/apply",
            toml.replace("weight = 1\n", "weight = 1\nstate = \"drain\"\n"),
            409,
            "last-node",
        ),
        ("POST", "/apply", "[[node]]\nname = \"n1\"\n".into(), 400, "missing-address"),
        ("POST", "/plan", "nodes = 1".into(), 400, "unknown-field"),
        ("POST", "/plan", toml.replace("weight = 1", "weight = 0"), 409, "last-node"),
        ("POST", "/moves/other", String::new(), 405, "no-call"),
    ];
    for (method, path, body, status, code) in cases {
        let (found, error) = setup.json(method, path, &body);
        assert_eq!(
            (found, &error["error"]),
            (status, &json!(code)),
            "{method} {path} {body}: {error}"
        );
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{error}");
        assert_eq!(state(&setup), before, "{method} {path} {body}");
    }
    // The node is known by another name since.
    *known.name.lock().expect("a lock") = "n5".into();
    let (status, error) = setup.json("POST", "/nodes", &add(&format!("\"name\": \"n3\", {here}")));
    assert_eq!((status, &error["error"]), (409, &json!("wrong-node")));
    setup.proxy.shutdown();
}

#[test]
fn the_last_owner_stays() {
    let node = Fake::echo();
    let setup = setup(&[("n1", &node)]);
    let before = state(&setup);
    for (method, path, body) in [
        ("DELETE", "/nodes/n1", ""),
        ("POST", "/nodes/n1/drain", ""),
        ("PATCH", "/nodes/n1", "{\"weight\": 0}"),
        ("PATCH", "/nodes/n1", "{\"state\": \"drain\"}"),
    ] {
        let (status, error) = setup.json(method, path, body);
        assert_eq!((status, &error["error"]), (409, &json!("last-node")), "{method} {path} {body}");
        assert!(error["message"].as_str().expect("text").contains("add one first"), "{error}");
    }
    assert_eq!(state(&setup), before);
    setup.proxy.shutdown();
}

#[test]
fn nodes_come_change_and_go() {
    let (one, two) = (control("n1"), control("n2"));
    let directory = tempfile::tempdir().expect("a directory");
    let data = Fake::echo();
    let cluster = format!(
        "[[node]]\nname = \"n1\"\naddress = \"{}\"\ncontrol = \"{}\"\n",
        data.address, one.fake.address
    );
    write_files_for(directory.path(), &cluster, "path:1", "");
    let setup = Setup { proxy: start_in(directory.path()), directory };
    let new = Fake::echo();
    let body = json!({
        "name": "n2", "address": new.address.to_string(),
        "control": two.fake.address.to_string(), "weight": 3, "zone": "b",
    });
    // A plan of the same first: it shows, and changes nothing.
    let file = format!(
        "{cluster}[[node]]\nname = \"n2\"\nweight = 3\nzone = \"b\"\naddress = \"{}\"\ncontrol = \"{}\"\n",
        new.address, two.fake.address
    );
    let (status, plan) = setup.json("POST", "/plan", &file);
    assert_eq!(status, 200, "{plan}");
    let moved = plan["moved_share"].as_f64().expect("a share");
    assert!((0.6..0.9).contains(&moved), "{plan}");
    assert_eq!(plan["least_share"].as_f64(), Some(moved), "{plan}");
    assert_eq!((&plan["pairs"][0]["from"], &plan["pairs"][0]["to"]), (&json!("n1"), &json!("n2")));
    assert_eq!(setup.json("GET", "/cluster", "").1["config"], json!(1));

    let (status, added) = setup.json("POST", "/nodes", &body.to_string());
    assert_eq!((status, &added["config"]), (200, &json!(2)), "{added}");
    let (_, cluster) = setup.json("GET", "/cluster", "");
    assert_eq!(cluster["reason"], json!("add n2"));
    let (_, nodes) = setup.json("GET", "/nodes", "");
    let n2 = &nodes["nodes"][1];
    assert_eq!(n2["incarnation"], json!("0f".repeat(16)), "learnt when it was added");
    assert_eq!((&n2["weight"], &n2["zone"]), (&json!(3), &json!("b")));
    assert_eq!(n2["target_share"].as_f64(), Some(moved));
    // Nobody has claimed anything: what is to move is given away, not moved.
    support::wait_for(|| {
        let (_, nodes) = setup.json("GET", "/nodes", "");
        (nodes["nodes"][1]["share"] == nodes["nodes"][1]["target_share"]).then_some(())
    });
    for number in 0..50 {
        assert_eq!(setup.ask(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).status(), 200);
    }
    let to_new = new.requests().len();
    assert!((20..50).contains(&to_new), "{to_new} of 50 to the one that owns {moved}");

    let (status, same) = setup.json("PATCH", "/nodes/n2", "{\"weight\": 3}");
    assert_eq!((status, &same["changed"]), (200, &json!(false)));
    let (status, changed) = setup.json("PATCH", "/nodes/n2", "{\"weight\": 1, \"zone\": null}");
    assert_eq!((status, &changed["config"]), (200, &json!(3)), "{changed}");
    let (_, cluster) = setup.json("GET", "/cluster", "");
    assert!(!cluster["toml"].as_str().expect("a file").contains("zone"), "{cluster}");
    let (status, _) = setup.json("PATCH", "/nodes/n2", "{\"state\": \"down\"}");
    assert_eq!(status, 200);
    support::wait_for(|| {
        let answers = (0..20).map(|n| setup.ask(format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")));
        let down = answers.filter(|answer| answer.header("ringway-error") == Some("node-down"));
        (down.count() > 0).then_some(())
    });
    // Another data directory under the name is not let in.
    *two.incarnation.lock().expect("a lock") = "1e".repeat(16);
    let (status, error) = setup.json("PATCH", "/nodes/n2", "{\"address\": \"127.0.0.1:9\"}");
    assert_eq!((status, &error["error"]), (409, &json!("incarnation")), "{error}");
    assert!(error["message"].as_str().expect("text").contains("forget n2 --accept-loss"));
    let (status, forgotten) = setup.json("POST", "/nodes/n2/forget", "{\"accept_loss\": true}");
    assert_eq!(status, 200, "{forgotten}");
    let (status, _) =
        setup.json("PATCH", "/nodes/n2", "{\"address\": \"127.0.0.1:9\", \"state\": \"up\"}");
    assert_eq!(status, 200);

    let (status, drained) = setup.json("POST", "/nodes/n2/drain", "");
    assert_eq!(status, 200, "{drained}");
    let (status, removed) = setup.json("DELETE", "/nodes/n2", "");
    assert_eq!(status, 200, "{removed}");
    support::wait_for(|| {
        let (_, nodes) = setup.json("GET", "/nodes", "");
        (nodes["nodes"].as_array()?.len() == 1).then_some(())
    });
    // The store remembers over a restart, and says how the file differs.
    let (_, cluster) = setup.json("GET", "/cluster", "");
    let Setup { proxy, directory } = setup;
    proxy.shutdown();
    std::fs::write(
        directory.path().join("cluster.toml"),
        cluster["toml"].as_str().expect("a file").replace("weight = 1", "weight = 2"),
    )
    .expect("a file");
    let setup = Setup { proxy: start_in(directory.path()), directory };
    let (_, after) = setup.json("GET", "/cluster", "");
    assert_eq!(after["toml"], cluster["toml"]);
    let (_, status) = setup.json("GET", "/status", "");
    let difference = status["difference"].as_str().expect("a difference");
    assert!(difference.contains("ringway apply"), "{difference}");
    setup.proxy.shutdown();
}

#[test]
fn moves_are_held_and_let_go() {
    let node = Fake::echo();
    let setup = setup(&[("n1", &node)]);
    let (status, moves) = setup.json("GET", "/moves", "");
    assert_eq!((status, &moves["paused"], &moves["left"]), (200, &Value::Null, &json!(0)));
    let (_, paused) = setup.json("POST", "/moves/pause", "maintenance");
    assert_eq!((&paused["paused"], &paused["changed"]), (&json!("maintenance"), &json!(true)));
    let (_, paused) = setup.json("POST", "/moves/pause", "again");
    assert_eq!((&paused["paused"], &paused["changed"]), (&json!("maintenance"), &json!(false)));
    assert_eq!(setup.json("GET", "/status", "").1["paused"], json!("maintenance"));
    assert_eq!(setup.json("POST", "/moves/pause", &"x".repeat(1_025)).0, 400);
    let (_, resumed) = setup.json("POST", "/moves/resume", "");
    assert_eq!(resumed["changed"], json!(true));
    let (_, resumed) = setup.json("POST", "/moves/resume", "");
    assert_eq!(resumed["changed"], json!(false));
    let (status, aborted) = setup.json("POST", "/moves/abort", "");
    assert_eq!((status, &aborted["aborted"]), (200, &json!(0)));
    assert!(setup.json("GET", "/moves", "").1["paused"].is_string());
    setup.proxy.shutdown();
}

#[test]
fn what_must_not_start_does_not() {
    use ringway_proxy::{Config, Proxy};
    let node = Fake::echo();
    let setup = setup(&[("n1", &node)]);
    let path = setup.directory.path().join("ringway.toml");
    let tries = std::cell::Cell::new(0);
    let start = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::read(&path).expect("a configuration");
        config.store = setup.directory.path().join(format!("store-{}", tries.get()));
        tries.set(tries.get() + 1);
        change(&mut config);
        Proxy::start(config).map(|_| ()).expect_err("it must not start").to_string()
    };
    let write = |name: &str, text: &str| {
        std::fs::write(setup.directory.path().join(name), text).expect("a file");
    };
    let second = start(&|config| config.store = setup.directory.path().join("store"));
    assert!(second.starts_with("proxy.store: "), "{second}");
    let taken = start(&|config| config.listen = setup.proxy.address());
    assert!(taken.starts_with("proxy.listen: ") && taken.contains("in use"), "{taken}");
    write("short", "short");
    let short = setup.directory.path().join("short");
    let token = start(&|config| config.admin_token_file = short.clone());
    assert!(token.contains("proxy.admin_token_file") && token.contains("openssl rand"), "{token}");
    let same = start(&|config| config.node_token_file = config.admin_token_file.clone());
    assert!(same.contains("of their own"), "{same}");
    let missing = start(&|config| config.node_token_file = "/nowhere/token".into());
    assert!(missing.contains("proxy.node_token_file: /nowhere/token: cannot be read"), "{missing}");
    let unseeded = start(&|config| config.cluster = None);
    assert!(unseeded.contains("name the cluster file that seeds it"), "{unseeded}");
    write("bare.toml", "[[node]]\nname = \"a\"\n");
    let bare = setup.directory.path().join("bare.toml");
    let bare = start(&|config| config.cluster = Some(bare.clone()));
    assert!(bare.contains("has no address"), "{bare}");
    // The one that runs was not harmed.
    assert_eq!(setup.ask("GET /k HTTP/1.1\r\nHost: a\r\n\r\n").status(), 200);
    setup.proxy.shutdown();
}
