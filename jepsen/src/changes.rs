//! Changes of the cluster, one after another: nodes come, go, and get other weights.

use std::sync::{Mutex, PoisonError, atomic::AtomicBool};

use serde_json::Value;

use crate::{clients::Shared, cluster::Cluster, nemesis::sleep, random::Random};

/// A change that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at_us: u64,
    pub(crate) text: String,
}

/// What the proxy said of its moves at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) at_us: u64,
    /// Committed since the run began, over restarts of the proxy.
    pub(crate) moved: u64,
    /// Given up by the coordinator, or taken out of its hands.
    pub(crate) aborted: u64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Changes the cluster until it is told to stop.
pub(crate) fn run(
    cluster: &Cluster,
    shared: &Shared,
    stop: &AtomicBool,
    changes: &Mutex<Vec<Change>>,
) {
    let mut random = Random::new(shared.seed, 3);
    // A change goes on while the next one comes, sometimes; and sometimes the cluster rests.
    while sleep(random.between(200, 1_500), stop) {
        let Some((200, nodes)) = cluster.operate("GET", "/nodes", "") else { continue };
        let Some((method, path, body)) = choose(cluster, &nodes, &mut random) else { continue };
        let at_us = shared.now_us();
        let answer = cluster.operate(method, &path, &body);
        if answer.is_some_and(|(status, _)| status / 100 == 2) {
            let text = match (method, path.rsplit('/').next()) {
                ("POST", Some("nodes")) => format!("add {}", name_of(&body)),
                ("POST", _) => format!("drain {}", path.split('/').nth(2).unwrap_or_default()),
                ("PATCH", Some(name)) => format!("weigh {name}"),
                (_, name) => format!("remove {}", name.unwrap_or_default()),
            };
            let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
            changes.push(Change { at_us, text });
        }
        // An operator may think better of it.
        if random.below(5) == 0 && sleep(random.between(0, 60), stop) {
            let at_us = shared.now_us();
            let aborted = cluster.operate("POST", "/moves/abort", "");
            let count = aborted.and_then(|(_, answer)| answer["aborted"].as_u64()).unwrap_or(0);
            if count > 0 {
                let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
                changes.push(Change { at_us, text: format!("take {count} back") });
            }
            sleep(random.between(0, 300), stop);
            go_on(cluster);
        }
        for _ in 0..random.below(40) {
            if cluster.is_at_rest() || !sleep(100, stop) {
                break;
            }
        }
    }
    // Whoever was asked to may have been dead.
    let _ = cluster.wait("moves go on", 60, || go_on(cluster));
}

/// Lets moves begin again after they were taken back.
fn go_on(cluster: &Cluster) -> bool {
    cluster.operate("POST", "/moves/resume", "").is_some_and(|(status, _)| status == 200)
}

/// A change that is allowed: at least two nodes keep a weight.
fn choose(
    cluster: &Cluster,
    nodes: &Value,
    random: &mut Random,
) -> Option<(&'static str, String, String)> {
    let list = nodes.as_array().or_else(|| nodes["nodes"].as_array())?;
    let named = |it: &Value| it["name"].as_str().map(str::to_owned);
    let known: Vec<String> = list.iter().filter_map(named).collect();
    let is_up = |it: &&Value| it["state"] == "up";
    let up: Vec<String> = list.iter().filter(is_up).filter_map(named).collect();
    let drained: Vec<String> = list.iter().filter(|it| !is_up(it)).filter_map(named).collect();
    let absent: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| node.name.clone())
        .filter(|it| !known.contains(it))
        .collect();
    match random.below(8) {
        0..3 if !absent.is_empty() => {
            let name = random.of(&absent)?;
            Some(("POST", "/nodes".into(), cluster.entry(&name)?))
        }
        3..5 if up.len() > 2 => {
            let name = random.of(&up)?;
            if random.below(2) == 0 {
                Some(("POST", format!("/nodes/{name}/drain"), String::new()))
            } else {
                Some(("DELETE", format!("/nodes/{name}"), String::new()))
            }
        }
        5 if !drained.is_empty() => {
            Some(("DELETE", format!("/nodes/{}", random.of(&drained)?), String::new()))
        }
        _ => {
            let body = format!(r#"{{"weight":{}}}"#, random.between(1, 4));
            Some(("PATCH", format!("/nodes/{}", random.of(&up)?), body))
        }
    }
}

fn name_of(body: &str) -> String {
    let entry: Value = serde_json::from_str(body).unwrap_or_default();
    entry["name"].as_str().unwrap_or_default().to_owned()
}

/// Looks at the moves again and again.
pub(crate) fn watch(
    cluster: &Cluster,
    shared: &Shared,
    stop: &AtomicBool,
    samples: &Mutex<Vec<Sample>>,
) {
    // What a proxy counted begins anew with the next one.
    let (mut base, mut last) = ((0, 0), (0, 0));
    while sleep(100, stop) {
        let Some((200, moves)) = cluster.operate("GET", "/moves", "") else { continue };
        let count = |name: &str| moves["totals"][name].as_u64().unwrap_or(0);
        // An operator's abort takes a move out of its coordinator's hands.
        let now = (count("moved"), count("aborted") + count("lost"));
        if now.0 < last.0 || now.1 < last.1 {
            base = (base.0 + last.0, base.1 + last.1);
        }
        last = now;
        let pause = |name: &str| moves["pauses"][name].as_f64().unwrap_or(0.0);
        let sample = Sample {
            at_us: shared.now_us(),
            moved: base.0 + now.0,
            aborted: base.1 + now.1,
            median_ms: pause("median_ms"),
            p99_ms: pause("p99_ms"),
            max_ms: pause("max_ms"),
        };
        samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }
}
