//! Nodes that come back without their rows, and a store that comes back from a backup.

use std::{fs, thread, time::Duration};

use crate::{
    cluster::Cluster,
    http::Answer,
    relay::{Moment, Trigger},
};

#[test]
fn a_node_with_an_empty_disk_is_refused() {
    let cluster = Cluster::start(2, 2);
    for key in 0..40 {
        assert!(cluster.put(&format!("k{key}"), b"value").unwrap().status < 300);
    }
    let of_n1: Vec<String> = (0..40)
        .map(|key| format!("k{key}"))
        .filter(|key| cluster.owner(key).as_deref() == Some("n1"))
        .collect();
    assert!(!of_n1.is_empty());
    let node = cluster.node("n1");
    node.process.kill();
    fs::remove_dir_all(cluster.data_directory("n1")).unwrap();
    node.process.start();
    cluster.wait("n1 listens again", || cluster.control("n1", "/v1/status").is_ok());
    for key in &of_n1 {
        // Never 404: that would be an empty read.
        let answer = cluster.get(key).unwrap();
        assert_eq!(answer.status, 503, "{key}: {}", answer.text());
    }
    for key in (0..40).map(|key| format!("k{key}")).filter(|key| !of_n1.contains(key)) {
        assert_eq!(cluster.get(&key).unwrap().body, b"value");
    }
    // Accepting the loss makes it usable, and says so in the audit.
    let refused = cluster.admin("POST", "/nodes/n1/forget", "{}").unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text());
    let forgotten = cluster.admin("POST", "/nodes/n1/forget", r#"{"accept_loss":true}"#).unwrap();
    assert_eq!(forgotten.status / 100, 2, "{}", forgotten.text());
    cluster.wait("n1 serves again", || {
        of_n1.iter().all(|key| cluster.get(key).is_ok_and(|answer| answer.status == 404))
    });
    assert!(cluster.put(&of_n1[0], b"new").unwrap().status < 300);
}

const KEYS: std::ops::Range<u32> = 0..60;

/// Keys in a cluster whose moves all go from n1 to n3, once n3 is added; nobody writes meanwhile.
fn filled() -> Cluster {
    let cluster = Cluster::start(3, 2);
    let drained = cluster.admin("POST", "/nodes/n2/drain", "").unwrap();
    assert_eq!(drained.status / 100, 2, "{}", drained.text());
    cluster.wait_for_rest();
    for key in KEYS {
        assert!(cluster.put(&format!("k{key}"), b"value").unwrap().status < 300);
    }
    cluster
}

/// `name` loses its disk at `call`, and comes back empty while the move is under way.
fn loses_its_disk(cluster: &Cluster, name: &'static str, call: &'static str, moment: Moment) {
    let process = cluster.node(name).process.clone();
    let directory = cluster.data_directory(name);
    let shot = Box::new(move || {
        process.kill();
        fs::remove_dir_all(directory).unwrap();
        process.start();
    });
    cluster.watch.arm(Trigger { call, moment, shot });
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait("the disk is lost", || cluster.watch.has_fired());
    cluster.wait("it listens again", || cluster.control(name, "/v1/status").is_ok());
}

/// Reads all keys at the same time: what is refused is refused only after a while.
fn all_at_once(cluster: &Cluster, keys: &[String]) -> Vec<Answer> {
    thread::scope(|scope| {
        let reads: Vec<_> =
            keys.iter().map(|key| scope.spawn(|| cluster.get(key).unwrap())).collect();
        reads.into_iter().map(|read| read.join().unwrap()).collect()
    })
}

/// The keys that are served; the others must be refused, and none may be empty.
fn served(cluster: &Cluster) -> Vec<String> {
    let keys: Vec<String> = KEYS.map(|key| format!("k{key}")).collect();
    let answers = all_at_once(cluster, &keys);
    let is_served = |(key, answer): &(String, Answer)| {
        assert!(matches!(answer.status, 200 | 503), "{key}: {}", answer.text());
        answer.status == 200 && answer.body == b"value"
    };
    keys.into_iter().zip(answers).filter(is_served).map(|(key, _)| key).collect()
}

/// The operator accepts the loss; then what is gone is gone, and nothing else.
fn accept(cluster: &Cluster, name: &str, kept: &[String]) {
    let forget =
        || cluster.admin("POST", &format!("/nodes/{name}/forget"), r#"{"accept_loss":true}"#);
    cluster.wait("the loss is accepted", || forget().is_ok_and(|answer| answer.status / 100 == 2));
    cluster.wait_for_rest();
    for key in KEYS.map(|key| format!("k{key}")) {
        let mut status = 503;
        cluster.wait(&format!("{key} is served"), || {
            status = cluster.get(&key).map_or(503, |answer| answer.status);
            status != 503
        });
        assert_eq!(status, if kept.contains(&key) { 200 } else { 404 }, "{key}");
        assert!(cluster.put(&key, b"new").unwrap().status < 300);
    }
}

#[test]
fn a_source_that_loses_its_disk_while_frozen_is_refused() {
    let cluster = filled();
    loses_its_disk(&cluster, "n1", "freeze", Moment::After);
    let kept = served(&cluster);
    // Nothing was moved yet, and n1 has nothing left.
    assert!(kept.len() < KEYS.len(), "{} keys are served", kept.len());
    // What is served still is, after all attempts at moving the rest.
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(served(&cluster), kept);
    accept(&cluster, "n1", &kept);
}

#[test]
fn a_destination_that_loses_its_disk_before_the_commit_costs_nothing() {
    let cluster = filled();
    loses_its_disk(&cluster, "n3", "import", Moment::After);
    let all: Vec<String> = KEYS.map(|key| format!("k{key}")).collect();
    cluster.wait("all keys are served", || served(&cluster) == all);
    accept(&cluster, "n3", &all);
    assert!((0..60).any(|key| cluster.owner(&format!("k{key}")).as_deref() == Some("n3")));
}

#[test]
fn a_destination_that_loses_its_disk_after_the_commit_is_refused() {
    let cluster = filled();
    loses_its_disk(&cluster, "n3", "activate", Moment::Before);
    let kept = served(&cluster);
    assert!(kept.len() > 20, "{} keys are served", kept.len());
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(served(&cluster), kept);
    accept(&cluster, "n3", &kept);
}

#[test]
fn a_store_restored_from_an_old_backup_is_not_followed() {
    let cluster = filled();
    let (store, backup) =
        (cluster.store_directory(), cluster.store_directory().with_extension("old"));
    cluster.proxy.kill();
    copy(&store, &backup);
    cluster.proxy.start();
    cluster.wait("the proxy answers", || cluster.admin("GET", "/moves", "").is_ok());
    assert_eq!(cluster.add("n3").status / 100, 2);
    cluster.wait_for_rest();
    let keys: Vec<String> = KEYS.map(|key| format!("k{key}")).collect();
    for key in &keys {
        assert!(cluster.put(key, b"newer").unwrap().status < 300);
    }
    let is_of = |name: &'static str| {
        let cluster = &cluster;
        move |key: &&String| cluster.owner(key).as_deref() == Some(name)
    };
    let moved = keys.iter().filter(is_of("n3")).count();
    assert!(moved > 5, "{moved} keys moved");

    cluster.proxy.kill();
    let newest = store.with_extension("new");
    fs::rename(&store, &newest).unwrap();
    fs::rename(&backup, &store).unwrap();
    cluster.proxy.start();
    cluster.wait("the proxy answers", || cluster.get(&keys[0]).is_ok());
    let mut refused = 0;
    for (key, answer) in keys.iter().zip(all_at_once(&cluster, &keys)) {
        // What did not move is as it was. What moved is refused: never old, never empty.
        match answer.status {
            200 => assert_eq!(answer.body, b"newer", "{key}"),
            503 => refused += 1,
            status => panic!("{key}: {status} {}", answer.text()),
        }
    }
    assert_eq!(refused, moved, "keys that moved, and only they, are refused");
    let behind = |text: String| {
        let line = text.lines().find(|line| line.starts_with("ringway_node_store_behind_total"));
        line.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    cluster.wait("a node raises the alarm", || {
        cluster.control("n1", "/metrics").is_ok_and(|answer| behind(answer.text()) > 0)
    });

    // The operator puts the right one back.
    cluster.proxy.kill();
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&newest, &store).unwrap();
    cluster.proxy.start();
    for key in &keys {
        cluster.wait(&format!("{key} is served"), || {
            cluster.get(key).is_ok_and(|answer| answer.status == 200 && answer.body == b"newer")
        });
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
