//! Clients that others wrote, through changes of the cluster: Python's `http.client` and wrk.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::cluster::Cluster;

/// Adds n3, drains n1 and removes it.
fn change(cluster: &Cluster) {
    let added = cluster.add("n3");
    assert_eq!(added.status / 100, 2, "{}", added.text());
    cluster.wait_for_rest();
    for (method, path) in [("POST", "/nodes/n1/drain"), ("DELETE", "/nodes/n1")] {
        let answer = cluster.admin(method, path, "").unwrap();
        assert_eq!(answer.status / 100, 2, "{method} {path}: {}", answer.text());
        cluster.wait_for_rest();
    }
}

#[test]
fn http_client_of_python_sees_no_error() {
    let cluster = Cluster::start(3, 2);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moves/client.py");
    let client = Command::new("python3")
        .arg(script)
        .args([cluster.listen.ip().to_string(), cluster.listen.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    change(&cluster);
    thread::sleep(Duration::from_secs(2));
    // Closing its input tells it to stop.
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success());
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["faulty"], 0, "{seen}");
    assert!(seen["requests"].as_u64().unwrap() > 100, "{seen}");
}

#[test]
fn wrk_sees_no_error() {
    if Command::new("wrk").arg("-v").output().is_err() {
        panic!("wrk is missing; `make setup` installs it");
    }
    let cluster = Cluster::start(3, 2);
    let url = format!("http://{}/warm-7", cluster.listen);
    let load = thread::spawn(move || {
        Command::new("wrk").args(["-t1", "-c16", "-d6s", "--timeout", "5s", &url]).output().unwrap()
    });
    change(&cluster);
    let output = load.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("Non-2xx"), "{text}");
    assert!(!text.contains("Socket errors"), "{text}");
    assert!(text.contains("requests in"), "{text}");
}
