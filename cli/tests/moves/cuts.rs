//! Ways that are cut: to a node, from a node to the store, and of answers on their way back.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cluster::Cluster,
    http::exchange,
    moving,
    relay::{self, Loss, Moment, Trigger},
};

#[test]
fn a_destination_cut_off_while_copying_costs_nothing() {
    let (cluster, load) = moving();
    let cut = cluster.node("n3").control_cut.clone();
    let cutting = cut.clone();
    let shot = Box::new(move || cutting.store(true, Ordering::SeqCst));
    let frozen = cluster.watch.count("freeze");
    cluster.watch.arm(Trigger { call: "import", moment: Moment::Before, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the way is cut", || cluster.watch.has_fired());
    // The source serves on as if nothing were.
    let before = load.acknowledged();
    cluster.wait("keys are written", || load.acknowledged() > before + 500);
    assert_eq!(cluster.watch.count("freeze"), frozen, "frozen although no row can be copied");
    cut.store(false, Ordering::SeqCst);
    cluster.wait_for_rest();
    let result = load.stop();
    result.check(&cluster);
    assert_eq!(result.waits, 0, "a client had to retry");
}

#[test]
fn a_destination_cut_off_while_frozen_gives_the_range_back() {
    let (cluster, load) = moving();
    let cut = cluster.node("n3").control_cut.clone();
    let cutting = cut.clone();
    let shot = Box::new(move || cutting.store(true, Ordering::SeqCst));
    cluster.watch.arm(Trigger { call: "digest", moment: Moment::Before, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the way is cut", || cluster.watch.has_fired());
    // The move is taken back and the source serves, while the way is still cut. How long that took
    // is what a client had to wait: the pause's limit of 2 s, not the 10 s of a call.
    let begun = Instant::now();
    cluster.wait("the move is taken back", || !is_frozen(&cluster, "n1"));
    let paused = begun.elapsed();
    assert!(paused < Duration::from_secs(8), "given back after {paused:?}");
    for key in 0..60 {
        let answer = cluster.get(&format!("t0-{key}")).unwrap();
        assert!(matches!(answer.status, 200 | 404), "{}", answer.text());
    }
    cut.store(false, Ordering::SeqCst);
    cluster.wait_for_rest();
    load.stop().check(&cluster);
    cluster.wait_until_dropped("n1");
}

/// Whether a node has something frozen.
fn is_frozen(cluster: &Cluster, name: &str) -> bool {
    let status = cluster.control(name, "/v1/status").unwrap().json();
    status["ranges"].as_array().unwrap().iter().any(|range| range["standing"] == "frozen")
}

#[test]
fn a_stopped_destination_gives_the_range_back() {
    let (cluster, load) = moving();
    let process = cluster.node("n3").process.clone();
    let stopping = process.clone();
    let shot = Box::new(move || stopping.pause());
    cluster.watch.arm(Trigger { call: "digest", moment: Moment::Before, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("it is stopped", || cluster.watch.has_fired());
    cluster.wait("the move is taken back", || !is_frozen(&cluster, "n1"));
    process.go_on();
    cluster.wait_for_rest();
    load.stop().check(&cluster);
}

#[test]
fn a_destination_cut_from_the_store_activates_when_it_is_back() {
    let (cluster, load) = moving();
    let cut = cluster.node("n3").store_cut.clone();
    let cutting = cut.clone();
    let shot = Box::new(move || cutting.store(true, Ordering::SeqCst));
    cluster.watch.arm(Trigger { call: "activate", moment: Moment::Before, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the way is cut", || cluster.watch.has_fired());
    thread::sleep(Duration::from_millis(1_000));
    // Committed, and nobody serves it: it cannot be taken back, and must not be guessed.
    let moves = cluster.admin("GET", "/moves", "").unwrap().json();
    assert!(moves["left"].as_u64().unwrap() > 0, "{moves}");
    cut.store(false, Ordering::SeqCst);
    cluster.wait_for_rest();
    load.stop().check(&cluster);
}

#[test]
fn nodes_cut_from_the_store_serve_what_they_own() {
    let (cluster, load) = moving();
    for name in ["n1", "n2"] {
        cluster.node(name).store_cut.store(true, Ordering::SeqCst);
    }
    let before = load.acknowledged();
    cluster.wait("keys are written", || load.acknowledged() > before + 500);
    // A source needs the store for no step of a move but the last, which nobody waits for.
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait_for_rest();
    for name in ["n1", "n2"] {
        cluster.node(name).store_cut.store(false, Ordering::SeqCst);
    }
    load.stop().check(&cluster);
    cluster.wait_until_dropped("n1");
}

#[test]
fn an_answer_lost_after_the_write_is_unknown_and_happened_once() {
    let cluster = Cluster::start(1, 1);
    let loss = Arc::new(Mutex::new(None));
    let lossy = relay::start_lossy(cluster.node("n1").data, Arc::clone(&loss));
    let body = format!(r#"{{"address":"{lossy}"}}"#);
    let changed = cluster.admin("PATCH", "/nodes/n1", &body).unwrap();
    assert_eq!(changed.status / 100, 2, "{}", changed.text());
    let version = |answer: &crate::http::Answer| -> u64 {
        answer.header("etag").unwrap().trim_matches('"').parse().unwrap()
    };
    let one =
        |method: &str, body: &[u8]| exchange(cluster.listen, method, "/key", &[], body).unwrap();
    cluster.wait("requests take the lossy way", || {
        *loss.lock().unwrap() = Some(Loss::Closed);
        let lost = cluster.put("probe", b"x").is_ok_and(|answer| answer.status == 504);
        *loss.lock().unwrap() = None;
        lost
    });
    for how in [Loss::Closed, Loss::Reset, Loss::Silence] {
        // A connection that was used before, and is kept: it breaks like any other.
        let written = one("PUT", b"before");
        assert!(written.status < 300, "{how:?}: {}", written.text());
        *loss.lock().unwrap() = Some(how);
        let put = one("PUT", b"after");
        assert_eq!(put.status, 504, "{how:?}: {}", put.text());
        assert!(put.text().contains("outcome unknown"), "{}", put.text());
        *loss.lock().unwrap() = None;
        let mut read = one("GET", b"");
        cluster.wait("it is written", || {
            read = one("GET", b"");
            read.status == 200 && read.body == b"after"
        });
        assert_eq!(version(&read), version(&written) + 1, "{how:?}: sent more than once");

        *loss.lock().unwrap() = Some(how);
        let delete = one("DELETE", b"");
        assert_eq!(delete.status, 504, "{how:?}: {}", delete.text());
        // A read is sent again, and then given up: it says so, and nothing is unknown.
        let get = one("GET", b"");
        assert!(matches!(get.status, 502 | 504), "{how:?}: {} {}", get.status, get.text());
        *loss.lock().unwrap() = None;
        cluster.wait("it is deleted", || one("GET", b"").status == 404);
    }
}
