//! The verbs that talk to a running proxy: texts and exit statuses against a fake API, and the
//! whole against real nodes and a real proxy.

#[path = "../common/mod.rs"]
mod common;
mod fake;
#[path = "../../../proxy/tests/support/free_address.rs"]
mod free_address;
mod real;

use common::{Folder, Run, THREE};
use fake::Fake;
use serde_json::{Value, json};

const NODES: &str = r#"{"revision":9,"config":2,"nodes":[
    {"name":"n1","weight":1,"zone":null,"state":"up","address":"10.0.0.1:1","control":"10.0.0.1:2",
     "incarnation":null,"segments":1200,"share":0.75,"target_share":0.5},
    {"name":"n2","weight":2,"zone":"b","state":"drain","address":null,"control":null,
     "incarnation":null,"segments":3,"share":0.25,"target_share":0.5}]}"#;
const SETTLED: &str = r#"{"nodes":[
    {"name":"n1","weight":1,"zone":null,"state":"up","address":null,"control":null,
     "segments":1,"share":1.0,"target_share":1.0}]}"#;
const CHANGED: &str = r#"{"config":3,"revision":10,"changed":true}"#;

fn moves(left: u64, moved: u64) -> String {
    json!({
        "revision": 9, "paused": null, "left": left, "moves": [], "segments": [],
        "totals": {"moved": moved, "aborted": 0, "lost": 0, "resumed": 0, "reassigned": 0,
                   "rows_sent": 1234, "bytes_sent": 99},
        "pauses": {"count": 2, "median_ms": 1.25, "p99_ms": 2.5, "max_ms": 7.0},
        "failure": null,
    })
    .to_string()
}

/// `ringway ARGS` against an API.
fn run(url: &str, args: &[&str]) -> Run {
    let folder = Folder::new();
    folder.file("token", "secret\n");
    folder.file("c.toml", THREE);
    let target = ["--admin", url, "--token-file", "token"];
    folder.run(&[args, &target].concat(), b"")
}

#[track_caller]
fn refused(run: &Run, says: &str) {
    assert_eq!((run.status(), run.text()), (1, ""), "{}", run.error());
    assert_eq!(run.error(), format!("ringway: {says}\n"));
}

#[test]
fn nodes_are_listed_as_a_table_and_as_json() {
    let fake = Fake::new(&[("GET /nodes", &[(200, NODES)])]);
    let expected = "\
NODE  WEIGHT  STATE  ZONE      OWNS  WILL OWN  RANGES  ADDRESS     CONTROL
n1         1  up     -     75.000 %  50.000 %   1,200  10.0.0.1:1  10.0.0.1:2
n2         2  drain  b     25.000 %  50.000 %       3  -           -
";
    assert_eq!(run(&fake.url, &["nodes"]).good(), expected);
    assert_eq!(run(&fake.url, &["nodes", "list"]).good(), expected);
    for args in [&["nodes", "--json"][..], &["nodes", "list", "--json"]] {
        let printed: Value = serde_json::from_str(run(&fake.url, args).good()).expect("JSON");
        assert_eq!(printed, serde_json::from_str::<Value>(NODES).expect("JSON"));
    }
    assert!(
        fake.asked().iter().all(|asked| asked.authorization.as_deref() == Some("Bearer secret"))
    );
}

#[test]
fn each_verb_is_one_call() {
    for (args, line, body) in [
        (
            &["nodes", "add", "n3", "--address", "h:1", "--control", "h:2"][..],
            "POST /nodes",
            json!({"name": "n3", "address": "h:1", "control": "h:2", "weight": 1}),
        ),
        (
            &[
                "nodes",
                "add",
                "ü /",
                "--address",
                "h:1",
                "--control",
                "h:2",
                "--weight",
                "7",
                "--zone",
                "z",
            ],
            "POST /nodes",
            json!({"name": "ü /", "address": "h:1", "control": "h:2", "weight": 7, "zone": "z"}),
        ),
        (&["nodes", "remove", "a/b ü"], "DELETE /nodes/a%2Fb%20%C3%BC", Value::Null),
        (&["nodes", "reweight", "n1", "0"], "PATCH /nodes/n1", json!({"weight": 0})),
        (&["nodes", "drain", "n1"], "POST /nodes/n1/drain", Value::Null),
        (&["nodes", "forget", "n1"], "POST /nodes/n1/forget", Value::Null),
        (
            &["nodes", "forget", "n1", "--accept-loss"],
            "POST /nodes/n1/forget",
            json!({"accept_loss": true}),
        ),
        (&["moves", "pause"], "POST /moves/pause", Value::Null),
        (&["moves", "resume"], "POST /moves/resume", Value::Null),
        (&["moves", "abort"], "POST /moves/abort", Value::Null),
    ] {
        let fake = Fake::new(&[(line, &[(200, CHANGED)])]);
        let run = run(&fake.url, args);
        assert_eq!((run.status(), run.error()), (0, ""), "{args:?}");
        let changes = fake.changes();
        assert_eq!(changes.len(), 1, "{args:?}");
        assert_eq!(changes[0].line, line);
        let sent = &changes[0].body;
        let sent = if sent.is_empty() { Value::Null } else { sent.parse().expect("JSON") };
        assert_eq!(sent, body, "{args:?}");
    }
}

#[test]
fn a_refusal_is_shown_and_is_status_1() {
    let no = r#"{"error":"last-node","message":"no node would be left"}"#;
    for (args, line) in [
        (&["nodes"][..], "GET /nodes"),
        (&["nodes", "remove", "n1"], "DELETE /nodes/n1"),
        (&["status"], "GET /status"),
        (&["moves"], "GET /moves"),
        (&["moves", "abort"], "POST /moves/abort"),
        (&["apply", "c.toml"], "POST /apply"),
        (&["apply", "c.toml", "--dry-run"], "POST /plan"),
    ] {
        let fake = Fake::new(&[(line, &[(409, no)])]);
        refused(&run(&fake.url, args), "no node would be left");
    }
}

#[test]
fn a_wrong_token_is_explained() {
    let no = r#"{"error":"token","message":"this call needs the header"}"#;
    let fake = Fake::new(&[("GET /nodes", &[(401, no)])]);
    let run = run(&fake.url, &["nodes"]);
    assert_eq!(run.status(), 1);
    assert!(run.error().contains("the token is not the proxy's"), "{}", run.error());
    assert!(!run.error().contains("secret"), "{}", run.error());
}

#[test]
fn what_is_no_admin_api_is_an_error() {
    for (status, body) in
        [(404, "there is no such row"), (502, "<html>"), (200, "hello"), (200, "{}")]
    {
        let fake = Fake::new(&[("GET /nodes", &[(status, body)])]);
        run(&fake.url, &["nodes"]).bad("admin_listen");
    }
}

#[test]
fn an_unreachable_proxy_is_named() {
    // Bound and closed again: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    for args in [&["nodes"][..], &["status"], &["moves", "pause"], &["apply", "c.toml"]] {
        let run = run(&format!("http://{port}"), args);
        run.bad(&format!("http://{port}: cannot connect: "));
        run.bad("--admin or RINGWAY_ADMIN names another");
    }
}

#[test]
fn wrong_usage() {
    let folder = Folder::new();
    folder.file("empty", "");
    folder.file("c.toml", "[[node]]\nname = 3\n");
    folder.run(&["nodes"], b"").bad("--token-file or RINGWAY_TOKEN_FILE");
    folder.run(&["nodes", "--token-file", "none"], b"").bad("none: cannot be read");
    folder.run(&["nodes", "--token-file", "empty"], b"").bad("empty: holds no token");
    folder
        .run(&["nodes", "--token-file", "empty", "--admin", "https://h"], b"")
        .bad("--admin https://h: https:// is not spoken here");
    folder.run(&["apply", "c.toml"], b"").bad("c.toml:2: ");
    for args in [
        &["nodes", "add", "n1"][..],
        &["nodes", "reweight", "n1", "1.5"],
        &["nodes", "reweight", "n1", "-1"],
        &["nodes", "drain"],
        &["moves", "stop"],
        &["apply"],
        &["apply", "c.toml", "--dry-run", "--wait"],
    ] {
        let run = folder.run(args, b"");
        assert_eq!((run.status(), run.text()), (2, ""), "{args:?}");
        assert!(run.error().contains("--help"), "{}", run.error());
    }
}

#[test]
fn waiting_ends_when_nothing_is_left() {
    let (before, at_work, after) = (moves(0, 5), moves(2, 6), moves(0, 8));
    let fake = Fake::new(&[
        ("POST /nodes/n1/drain", &[(200, CHANGED)]),
        // Right after the change nothing is counted yet, but shares say that it is not done.
        ("GET /moves", &[(200, &before), (200, &before), (200, &at_work), (200, &after)]),
        ("GET /nodes", &[(200, NODES), (200, NODES), (200, SETTLED)]),
    ]);
    let run = run(&fake.url, &["nodes", "drain", "n1", "--wait"]);
    assert_eq!(run.good(), "configuration 3\n3 ranges moved; nothing is left to move\n");
    let asked = fake.asked().iter().filter(|asked| asked.line == "GET /nodes").count();
    assert_eq!(asked, 3);
}

#[test]
fn apply_sends_the_file() {
    let fake = Fake::new(&[("POST /apply", &[(200, r#"{"config":3,"changed":false}"#)])]);
    let run = run(&fake.url, &["apply", "c.toml"]);
    assert_eq!(run.good(), "nothing to change: configuration 3\n");
    let sent = &fake.changes()[0].body;
    let sent = ringway_cluster::ClusterFile::parse(sent, "sent").expect("a cluster file");
    assert_eq!(sent, ringway_cluster::ClusterFile::parse(THREE, "three").expect("valid"));
}

#[test]
fn a_dry_run_shows_what_would_move() {
    let plan = r#"{"revision":9,"config":3,"moved_share":0.25,"least_share":0.2,"ranges":1201,
        "pairs":[{"from":"n1","to":"n2","share":0.25,"ranges":1201}],
        "nodes":[{"name":"n1","share":1.0,"target_share":0.75},
                 {"name":"n2","share":0.0,"target_share":0.25}]}"#;
    let fake = Fake::new(&[("POST /plan", &[(200, plan)])]);
    let expected = "\
NODE       OWNS  WOULD OWN     CHANGE
n1    100.000 %   75.000 %  -25.000 %
n2      0.000 %   25.000 %  +25.000 %

FROM  TO     MOVES  RANGES
n1    n2  25.000 %   1,201

25.000 % of all positions would move, in 1,201 ranges; least possible 20.000 %
dry run: nothing was changed, configuration 3 stays
";
    assert_eq!(run(&fake.url, &["apply", "c.toml", "--dry-run"]).good(), expected);
}

#[test]
fn moves_and_status_in_words() {
    let moving = moves(3, 1).replace(
        r#""moves":[]"#,
        r#""moves":[{"segment":7,"lo":1,"hi":99,"from":"n1","to":"n2","step":"copy","rows_sent":1000}]"#,
    );
    let fake = Fake::new(&[("GET /moves", &[(200, &moving)])]);
    let expected = "\
3 ranges left to move

SEGMENT  FROM  TO  STEP  ROWS SENT  POSITIONS
      7  n1    n2  copy      1,000  1-99

since the proxy started: 1 range moved; 1,234 rows and 99 bytes sent
pauses: median 1.2 ms, 99 % within 2.5 ms, longest 7.0 ms
";
    assert_eq!(run(&fake.url, &["moves"]).good(), expected);

    let nodes: Value = serde_json::from_str(SETTLED).expect("JSON");
    let mut status = json!({
        "version": "0.1.0", "uptime_s": 3700, "revision": 1, "config": 4, "layout": "ringway-v1",
        "fingerprint": "00a1b2c3d4e5f607", "segments": {}, "nodes": nodes["nodes"], "moves_left": 0, "paused": null, "failure": null,
        "difference": null, "map_fault": null, "connections": 1, "requests_in_flight": 0,
        "requests_parked": 0,
    });
    let fake = Fake::new(&[("GET /status", &[(200, &status.to_string())])]);
    let run_1 = run(&fake.url, &["status"]);
    let text = run_1.good();
    let head = "(ringway 0.1.0, up for 1 h 1 min, configuration 4, ringway-v1, fingerprint \
                00a1b2c3d4e5f607)";
    assert!(text.contains(head), "{text}");
    assert!(text.ends_with("nothing is left to move\n"), "{text}");
    // What needs an eye is a status for scripts.
    status["paused"] = json!("maintenance");
    let fake = Fake::new(&[("GET /status", &[(200, &status.to_string())])]);
    for args in [&["status"][..], &["status", "--json"]] {
        let run = run(&fake.url, args);
        assert_eq!((run.status(), run.error()), (1, ""));
        assert!(run.text().contains("maintenance"), "{}", run.text());
    }
}
