//! Changes while others run: held, taken back, planned anew from the table as it is; and how fast
//! rows move.

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{
    Setup, Wire,
    real::{Real, begin, get, put, settle},
    wait_for,
};

const ROWS: usize = 300;

/// Two nodes with rows; a third runs and is not in the cluster yet. Moves are slow.
fn slow(moves: &str) -> (Setup, [Real; 2], Real) {
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let setup = begin(&mut nodes, "path:1", &format!("[moves]\n{moves}"));
    let mut late = Real::new("n3");
    late.start(setup.proxy.node_address(), None);
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    for number in 0..ROWS {
        assert_eq!(put(&mut wire, address, &number.to_string(), &format!("v{number}")), 201);
    }
    (setup, nodes, late)
}

fn add(setup: &Setup, late: &Real) {
    let body = json!({
        "name": "n3", "address": late.data.to_string(), "control": late.control.to_string(),
    });
    assert_eq!(setup.json("POST", "/nodes", &body.to_string()).0, 200);
}

fn moves(setup: &Setup) -> Value {
    setup.json("GET", "/moves", "").1
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// Waits until `count` more moves have ended and others are under way.
fn in_the_middle(setup: &Setup, count: u64) {
    let before = number(&moves(setup)["totals"]["moved"]);
    wait_for(|| {
        let now = moves(setup);
        let is_so = number(&now["totals"]["moved"]) >= before + count && now["moves"] != json!([]);
        assert!(now["left"] != json!(0) || number(&now["totals"]["moved"]) == 0, "too fast: {now}");
        is_so.then_some(())
    });
}

/// Every row is where the map says, whatever moved.
fn check(setup: &Setup) {
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    for number in 0..ROWS {
        assert_eq!(get(&mut wire, address, &number.to_string()), format!("v{number}"));
    }
}

/// Name and present share of each node.
fn shares(setup: &Setup) -> Vec<(String, f64)> {
    let (_, nodes) = setup.json("GET", "/nodes", "");
    let one = |node: &Value| {
        (node["name"].as_str().expect("a name").into(), node["share"].as_f64().expect("a share"))
    };
    nodes["nodes"].as_array().expect("nodes").iter().map(one).collect()
}

/// Lets a thread end, also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn end(setup: Setup, nodes: impl IntoIterator<Item = Real>) {
    setup.proxy.shutdown();
    nodes.into_iter().for_each(|mut node| node.stop());
}

#[test]
fn a_new_change_is_planned_from_the_table_as_it_is() {
    let (setup, nodes, late) = slow("rows_per_second_max = 200\nmoves_max = 4\n");
    let before = setup.admin("GET", "/cluster?format=toml", "").text();
    let shares_before = shares(&setup);
    add(&setup, &late);
    in_the_middle(&setup, 5);
    // Another weight: what n3 has stays there, and more comes.
    assert_eq!(setup.json("PATCH", "/nodes/n3", "{\"weight\": 2}").0, 200);
    in_the_middle(&setup, 5);
    // Another node goes: its ranges move on, some to n3.
    assert_eq!(setup.json("POST", "/nodes/n1/drain", "").0, 200);
    in_the_middle(&setup, 5);
    let mixed = shares(&setup);
    assert!(mixed.iter().all(|(_, share)| *share > 0.0), "all three own something: {mixed:?}");
    // And all of it back, by the file of the beginning.
    let (status, answer) = setup.json("POST", "/apply", &before);
    assert_eq!(status, 200, "{answer}");
    settle(&setup);
    assert_eq!(shares(&setup), shares_before);
    check(&setup);
    // The last word counts, and was reached without an operator: nothing failed on the way.
    assert_eq!(moves(&setup)["totals"]["aborted"], 0);
    end(setup, nodes.into_iter().chain([late]));
}

#[test]
fn a_pause_lets_what_runs_end_and_a_change_wait() {
    let (setup, nodes, late) = slow("rows_per_second_max = 200\nmoves_max = 2\n");
    add(&setup, &late);
    in_the_middle(&setup, 3);
    let (_, paused) = setup.json("POST", "/moves/pause", "upgrade");
    assert_eq!(paused, json!({ "paused": "upgrade", "changed": true }));
    let still = wait_for(|| {
        let now = moves(&setup);
        (now["moves"] == json!([]) && now["segments"] == json!([])).then_some(now)
    });
    assert_eq!(still["paused"], "upgrade");
    assert!(number(&still["left"]) > 0, "{still}");
    // A change is taken, and nothing moves for it.
    assert_eq!(setup.json("DELETE", "/nodes/n3", "").0, 200);
    let of_late = |setup: &Setup| shares(setup).into_iter().find(|(name, _)| name == "n3");
    let held = of_late(&setup).expect("it still owns something");
    assert!(held.1 > 0.0);
    // The coordinator looks every 50 ms.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(of_late(&setup), Some(held));
    assert_eq!(moves(&setup)["totals"]["moved"], still["totals"]["moved"]);
    check(&setup);
    let (_, resumed) = setup.json("POST", "/moves/resume", "");
    assert_eq!(resumed, json!({ "paused": null, "changed": true }));
    settle(&setup);
    assert_eq!(of_late(&setup), None, "it gave back what it had, and is gone");
    check(&setup);
    end(setup, nodes.into_iter().chain([late]));
}

#[test]
fn an_abort_takes_back_what_runs_and_the_next_change_goes_from_there() {
    let (setup, nodes, late) = slow("rows_per_second_max = 200\nmoves_max = 4\n");
    add(&setup, &late);
    in_the_middle(&setup, 3);
    let (status, aborted) = setup.json("POST", "/moves/abort", "");
    assert_eq!(status, 200, "{aborted}");
    assert!(number(&aborted["aborted"]) > 0, "{aborted}");
    let still = wait_for(|| {
        let now = moves(&setup);
        (now["moves"] == json!([]) && now["segments"] == json!([])).then_some(now)
    });
    assert!(number(&still["left"]) > 0, "{still}");
    check(&setup);
    assert_eq!(setup.json("PATCH", "/nodes/n3", "{\"weight\": 0}").0, 200);
    assert_eq!(setup.json("POST", "/moves/resume", "").0, 200);
    settle(&setup);
    check(&setup);
    end(setup, nodes.into_iter().chain([late]));
}

#[test]
fn rates_hold_back_copies_and_no_client() {
    const RATE: f64 = 60_000.0;
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let setup = begin(&mut nodes, "path:1", "[moves]\nbytes_per_second_max = 60000\n");
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    let value = "v".repeat(1_000);
    for number in 0..ROWS {
        assert_eq!(put(&mut wire, address, &number.to_string(), &value), 201);
    }
    let begun = Instant::now();
    assert_eq!(setup.json("PATCH", "/nodes/n2", "{\"weight\": 3}").0, 200);
    settle(&setup);
    let seconds = begun.elapsed().as_secs_f64();
    let now = moves(&setup);
    let bytes = now["totals"]["bytes_sent"].as_f64().expect("bytes");
    assert!(bytes > RATE, "enough moved to see it: {now}");
    // One node gave and the other took: at most the rate, a quarter of a second's worth at once,
    // and a page of about as much on credit.
    assert!(bytes <= RATE * (seconds + 0.5) + 2_000.0, "{bytes} bytes in {seconds} s");
    assert!(number(&now["totals"]["held_back_ms"]) > 0, "{now}");
    assert_eq!(now["limits"]["bytes_per_second_max"], 60_000);
    assert_eq!(now["limits"]["rows_per_second_max"], 0);
    assert!(setup.metric("ringway_move_held_back_seconds_total") > 0.0);
    assert!((setup.metric("ringway_move_bytes_per_second_max") - RATE).abs() < 0.5);
    assert!(setup.metric("ringway_moves_under_way") < 0.5);
    for number in 0..ROWS {
        assert_eq!(get(&mut wire, address, &number.to_string()), value);
    }
    end(setup, nodes);
}

#[test]
fn what_clients_wait_for_is_not_held_back() {
    const KEYS: u64 = 30;
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let setup = begin(&mut nodes, "path:1", "[moves]\nrows_per_second_max = 10\n");
    let address = setup.proxy.address();
    // One position with all the rows: a page of them takes the rate of three seconds.
    let write = |wire: &mut Wire, number: u64| {
        let status = put(wire, address, &format!("k/{}", number % KEYS), "v");
        assert!(matches!(status, 201 | 204), "{status}");
    };
    let mut wire = Wire::connect(address);
    (0..KEYS).for_each(|number| write(&mut wire, number));
    let owner = || setup.json("GET", "/route?key=k", "").1["owner"].clone();
    let first = owner();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // What is written meanwhile goes with the last delta, after the rate was overdrawn.
        scope.spawn(|| {
            let mut wire = Wire::connect(address);
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                write(&mut wire, number);
            }
        });
        let _stops = Stops(&stop);
        let from = first.as_str().expect("an owner");
        assert_eq!(setup.json("POST", &format!("/nodes/{from}/drain"), "").0, 200);
        let begun = Instant::now();
        while owner() == first {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", moves(&setup));
            thread::sleep(Duration::from_millis(20));
        }
    });
    let now = moves(&setup);
    assert!(number(&now["totals"]["held_back_ms"]) > 1_000, "the copies were: {now}");
    assert_eq!(now["totals"]["aborted"], 0, "{now}");
    // A request that waited for a held back delta would have got 503 after two seconds.
    assert!(setup.metric("ringway_refusals_total{code=\"moving\"}") < 0.5);
    end(setup, nodes);
}

#[test]
fn a_dry_run_says_what_a_verb_would_move() {
    let (setup, nodes, late) = slow("");
    let before = setup.json("GET", "/status", "").1["config"].clone();
    let body = json!({
        "name": "n3", "address": late.data.to_string(), "control": late.control.to_string(),
    });
    for (method, path, body) in [
        ("POST", "/nodes", body.to_string()),
        ("PATCH", "/nodes/n1", "{\"weight\": 2}".into()),
        ("POST", "/nodes/n1/drain", String::new()),
        ("DELETE", "/nodes/n1", String::new()),
    ] {
        let (status, plan) = setup.json(method, &format!("{path}?dry_run=true"), &body);
        assert_eq!(status, 200, "{plan}");
        assert!(plan["moved_share"].as_f64().expect("a share") > 0.1, "{method} {path}: {plan}");
        assert_eq!(plan["config"], before);
    }
    // What the verb would refuse, the dry run refuses.
    assert_eq!(setup.json("DELETE", "/nodes/n9?dry_run=true", "").0, 404);
    assert_eq!(setup.json("GET", "/status", "").1["config"], before);
    assert_eq!(moves(&setup)["left"], 0);
    end(setup, nodes.into_iter().chain([late]));
}
