//! What comes late: calls of a coordinator that is dead or was stopped, and requests under an epoch
//! that is over.

use std::{thread, time::Duration};

use crate::{
    cluster::Cluster,
    http::exchange,
    moving,
    relay::{Moment, Trigger},
};

/// The coordinator dies while a call of its is on the way; another one finishes the move; then the
/// call arrives. So it would be if the first one had only been stopped for a while.
fn arrives_late(call: &'static str, late: &[u16]) {
    let (cluster, load) = moving();
    let proxy = cluster.proxy.clone();
    let shot = Box::new(move || proxy.kill());
    cluster.watch.arm(Trigger { call, moment: Moment::Instead, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the call is held back", || cluster.watch.has_fired());
    thread::sleep(Duration::from_millis(200));
    cluster.proxy.start();
    cluster.wait_for_rest();
    let before = load.acknowledged();
    let status = cluster.watch.deliver_held().expect("a call was held back");
    assert!(late.contains(&status), "a late {call} was answered {status}");
    cluster.wait("keys are written again", || load.acknowledged() > before + 100);
    cluster.wait_for_rest();
    load.stop().check(&cluster);
    cluster.wait_until_dropped("n1");
}

macro_rules! late {
    ($($name:ident: $call:literal $late:expr;)*) => {
        $(#[test]
        fn $name() {
            arrives_late($call, &$late);
        })*
    };
}

late! {
    a_late_stage_is_refused: "stage" [409];
    a_late_import_is_refused: "import" [409];
    a_late_freeze_is_refused: "freeze" [409];
    a_late_digest_is_refused: "digest" [409];
    // The successor activated what was committed: there is nothing left to do.
    a_late_activate_changes_nothing: "activate" [200, 409];
    a_late_drop_changes_nothing: "drop" [200, 409];
}

#[test]
fn all_calls_repeated_after_the_range_is_back_are_refused() {
    let (cluster, load) = moving();
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait_for_rest();
    let there = cluster.watch.count("activate");
    assert!(there > 5, "{there} ranges moved");
    let removed = cluster.admin("DELETE", "/nodes/n3", "").unwrap();
    assert_eq!(removed.status / 100, 2, "{}", removed.text());
    cluster.wait_for_rest();
    // Each call of the way there and of the way back, once more, in the middle of writes. n1 owns
    // what it froze and dropped; n3 has what it staged no longer.
    let is_change = |name: &str| !matches!(name, "status" | "export" | "delta");
    let before = load.acknowledged();
    let answers = cluster.watch.deliver(is_change);
    let done: Vec<_> = answers.iter().filter(|(_, status)| *status != 409).collect();
    let is_harmless = |(name, status): &&(String, u16)| {
        *status == 200 && matches!(name.as_str(), "activate" | "drop")
    };
    assert!(done.iter().all(is_harmless), "{done:?}");
    // Of the way there, nothing at all fits any more.
    assert!(done.len() <= 2 * (answers.len() / 7), "{} of {}", done.len(), answers.len());
    cluster.wait("keys are written again", || load.acknowledged() > before + 100);
    load.stop().check(&cluster);
}

#[test]
fn a_stopped_proxy_goes_on() {
    for call in ["freeze", "activate"] {
        let (cluster, load) = moving();
        let proxy = cluster.proxy.clone();
        let shot = Box::new(move || {
            proxy.pause();
            thread::sleep(Duration::from_millis(1_200));
            proxy.go_on();
        });
        cluster.watch.arm(Trigger { call, moment: Moment::After, shot });
        assert_eq!(cluster.add("n3").status / 100, 2);
        cluster.wait("the proxy was stopped", || cluster.watch.has_fired());
        cluster.wait_for_rest();
        load.stop().check(&cluster);
    }
}

#[test]
fn a_late_packet_with_an_old_epoch_is_421() {
    let cluster = Cluster::start(2, 1);
    let key = "late";
    assert!(cluster.put(key, b"first").unwrap().status < 300);
    let route = || cluster.admin("GET", &format!("/route?key={key}"), "").unwrap().json();
    let before = route();
    assert_eq!(before["owner"], "n1");
    assert_eq!(cluster.add("n2").status / 100, 2);
    let drained = cluster.admin("POST", "/nodes/n1/drain", "").unwrap();
    assert_eq!(drained.status / 100, 2, "{}", drained.text());
    cluster.wait_for_rest();
    assert!(cluster.put(key, b"second").unwrap().status < 300);
    let now = route();
    assert_eq!(now["owner"], "n2");
    assert!(now["epoch"].as_u64() > before["epoch"].as_u64());
    for (node, epoch) in [("n1", &before), ("n2", &before), ("n1", &now)] {
        let (position, epoch) = (before["position"].to_string(), epoch["epoch"].to_string());
        let headers =
            [("Ringway-Position", &*position), ("Ringway-Epoch", &*epoch), ("Ringway-Key", key)];
        for (method, body) in [("PUT", &b"late"[..]), ("DELETE", b""), ("GET", b"")] {
            let to = cluster.node(node).data;
            let answer = exchange(to, method, &format!("/{key}"), &headers, body).unwrap();
            assert_eq!(answer.status, 421, "{method} at {node}: {}", answer.text());
        }
    }
    assert_eq!(cluster.get(key).unwrap().body, b"second");
}

#[test]
fn an_abort_is_learned_although_its_coordinator_died() {
    let (cluster, load) = moving();
    // Taken back while the source is frozen, which hears nothing of it: neither from the
    // coordinator, which dies, nor from the store, from which it is cut.
    let (proxy, store_cut) = (cluster.proxy.clone(), cluster.node("n1").store_cut.clone());
    let abort = cluster.operator();
    let shot = Box::new(move || {
        store_cut.store(true, std::sync::atomic::Ordering::SeqCst);
        let answer = abort("POST", "/moves/abort");
        assert!(answer.is_ok_and(|answer| answer.status == 200), "not aborted");
        proxy.kill();
    });
    cluster.watch.arm(Trigger { call: "digest", moment: Moment::Before, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the move is taken back", || cluster.watch.has_fired());
    thread::sleep(Duration::from_millis(200));
    cluster.proxy.start();
    // The next move of the same range begins at a higher epoch before the source knows of the first.
    let begun = cluster.watch.count("stage");
    cluster.wait("moves may begin", || {
        cluster.admin("POST", "/moves/resume", "").is_ok_and(|answer| answer.status == 200)
    });
    cluster.wait("the next move begins", || cluster.watch.count("stage") > begun);
    let ranges = cluster.control("n1", "/v1/status").unwrap().json();
    let is_frozen = |range: &serde_json::Value| range["standing"] == "frozen";
    assert!(ranges["ranges"].as_array().unwrap().iter().any(is_frozen), "{ranges}");
    thread::sleep(Duration::from_millis(300));
    cluster.node("n1").store_cut.store(false, std::sync::atomic::Ordering::SeqCst);
    cluster.wait_for_rest();
    let before = load.acknowledged();
    cluster.wait("keys are written again", || load.acknowledged() > before + 100);
    load.stop().check(&cluster);
    cluster.wait_until_dropped("n1");
}
