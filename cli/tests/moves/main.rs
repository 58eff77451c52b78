//! Moves between real processes, with kill -9 at every step that matters.
//!
//! Three client threads write and read all the time. A relay before each node's control listener
//! sees every call of a move, so a process can be killed at exactly one of them. Afterwards every
//! key must hold what was acknowledged last, or a value whose outcome was unknown.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test: a failure should stop it and say where"
)]

mod clients;
mod cluster;
mod cuts;
mod disks;
#[path = "../../../proxy/tests/support/free_address.rs"]
mod free_address;
mod http;
mod late;
mod load;
mod relay;
mod table;

use std::{thread, time::Duration};

use cluster::Cluster;
use load::Load;
use relay::{Moment, Trigger};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Proxy,
    Source,
    Destination,
}

/// A cluster under load whose moves, once n3 is added, all go from n1 to n3: n2 is there, and has
/// nothing.
fn moving() -> (Cluster, Load) {
    let cluster = Cluster::start(3, 2);
    let drained = cluster.admin("POST", "/nodes/n2/drain", "").unwrap();
    assert_eq!(drained.status / 100, 2, "{}", drained.text());
    cluster.wait_for_rest();
    let load = Load::start(&cluster);
    cluster.wait("keys are written", || load.acknowledged() > 300);
    (cluster, load)
}

/// n3 is added; the victim dies at `call` and comes back.
fn kill_at(victim: Victim, call: &'static str, moment: Moment) {
    let (cluster, load) = moving();
    let process = match victim {
        Victim::Proxy => cluster.proxy.clone(),
        Victim::Source => cluster.node("n1").process.clone(),
        Victim::Destination => cluster.node("n3").process.clone(),
    };
    let dying = process.clone();
    cluster.watch.arm(Trigger { call, moment, shot: Box::new(move || dying.kill()) });
    let added = cluster.add("n3");
    assert_eq!(added.status / 100, 2, "{}", added.text());
    cluster.wait("the trigger fires", || cluster.watch.has_fired());
    thread::sleep(Duration::from_millis(300));
    process.start();
    cluster.wait_for_rest();

    let before = load.acknowledged();
    cluster.wait("keys are written again", || load.acknowledged() > before + 100);
    let result = load.stop();
    result.check(&cluster);
    let moved = (0..60).filter(|key| cluster.owner(&format!("t0-{key}")).as_deref() == Some("n3"));
    assert!(moved.count() > 5, "n3 owns nothing");
    assert!(cluster.watch.count("freeze") > 0 && result.acknowledged > 400);
    cluster.wait_until_dropped("n1");
    eprintln!(
        "{victim:?} {moment:?} {call}: {} acknowledged, {} waits",
        result.acknowledged, result.waits
    );
}

macro_rules! kills {
    ($($name:ident: $victim:ident $moment:ident $call:literal;)*) => {
        $(#[test]
        fn $name() {
            kill_at(Victim::$victim, $call, Moment::$moment);
        })*
    };
}

kills! {
    proxy_dies_before_the_stage: Proxy Before "stage";
    proxy_dies_before_the_freeze: Proxy Before "freeze";
    proxy_dies_after_the_freeze: Proxy After "freeze";
    proxy_dies_after_the_seal: Proxy After "digest";
    proxy_dies_after_the_commit: Proxy Before "activate";
    proxy_dies_after_the_activation: Proxy After "activate";
    proxy_dies_before_the_drop: Proxy Before "drop";
    source_dies_before_the_freeze: Source Before "freeze";
    source_dies_after_the_freeze: Source After "freeze";
    source_dies_after_the_commit: Source Before "activate";
    source_dies_before_the_drop: Source Before "drop";
    destination_dies_while_staging: Destination After "import";
    destination_dies_after_the_seal: Destination After "digest";
    destination_dies_after_the_commit: Destination Before "activate";
    destination_dies_after_the_activation: Destination After "activate";
}

#[test]
fn add_reweight_drain_and_remove_under_load() {
    let cluster = Cluster::start(4, 3);
    let load = Load::start(&cluster);
    cluster.wait("keys are written", || load.acknowledged() > 300);
    let changes = [
        ("POST", "/nodes/n1/drain", String::new()),
        ("DELETE", "/nodes/n1", String::new()),
        ("PATCH", "/nodes/n2", r#"{"weight":3}"#.into()),
    ];
    let added = cluster.add("n4");
    assert_eq!(added.status / 100, 2, "{}", added.text());
    cluster.wait_for_rest();
    for (method, path, body) in changes {
        let answer = cluster.admin(method, path, &body).unwrap();
        assert_eq!(answer.status / 100, 2, "{method} {path}: {}", answer.text());
        cluster.wait_for_rest();
    }
    let result = load.stop();
    result.check(&cluster);
    assert_eq!(result.waits, 0, "a client had to retry");
    for key in 0..60 {
        assert_ne!(cluster.owner(&format!("t1-{key}")).as_deref(), Some("n1"));
    }
    // What n1 gave away, it serves no more and has dropped.
    let status = cluster.control("n1", "/v1/status").unwrap().json();
    for range in status["ranges"].as_array().unwrap() {
        assert_eq!(range["standing"], "foreign", "{range}");
    }
}

#[test]
fn a_second_proxy_on_the_store_stops() {
    let cluster = Cluster::start(1, 1);
    let (code, output) = cluster.second_proxy().run_to_end();
    assert_ne!(code, Some(0));
    assert!(output.contains("store"), "{output}");
    assert!(cluster.put("still", b"served").unwrap().status < 300);
}

#[test]
fn a_slow_upload_does_not_lengthen_a_pause() {
    use std::{io::Write, net::TcpStream};

    let cluster = Cluster::start(3, 2);
    let body = vec![b'x'; 200_000];
    // Uploads that never end, to keys all over the ring.
    let uploads: Vec<TcpStream> = (0..20)
        .map(|key| {
            let mut stream = TcpStream::connect(cluster.listen).unwrap();
            let head = format!(
                "PUT /slow-{key} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body[..10]).unwrap();
            stream
        })
        .collect();
    let added = cluster.add("n3");
    assert_eq!(added.status / 100, 2, "{}", added.text());
    for mut upload in uploads.iter() {
        let _ = upload.write_all(b"y");
    }
    cluster.wait_for_rest();
    let pauses = &cluster.admin("GET", "/moves", "").unwrap().json()["pauses"];
    assert!(pauses["count"].as_u64().unwrap() > 0, "{pauses}");
    let max_ms = pauses["max_ms"].as_f64().unwrap();
    // Uploads would hold it for as long as they live; two seconds is the abort's deadline.
    assert!(max_ms < 2_000.0, "{pauses}");
}
