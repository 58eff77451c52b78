//! Whole moves between two nodes while clients write.

mod support;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use ringway_cluster::Phase;
use support::{Answer, Client, KINDS, Map, TestNode, born, moving::move_over};

/// A proxy in small: asks whoever the map names, again and again while that is refused.
struct Router<'a> {
    map: &'a Map,
    nodes: [(&'a TestNode, Client); 2],
}

impl<'a> Router<'a> {
    fn new(map: &'a Map, nodes: [&'a TestNode; 2]) -> Self {
        Self { map, nodes: nodes.map(|node| (node, node.client())) }
    }

    fn ask(&mut self, method: &str, path: &str, position: u64, body: &[u8]) -> Answer {
        loop {
            let record = self.map.get(1);
            let owner = self.nodes.iter_mut().find(|(node, _)| node.name == record.owner);
            let (_, client) = owner.expect("an owner");
            let answer = client.ask(method, path, (position, record.epoch), &[], body);
            if !matches!(answer.status, 421 | 503) {
                return answer;
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn moves_under_writes_lose_nothing_and_serve_nothing_old() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (a, b) = (TestNode::start("a", kind, &map), TestNode::start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        let stop = AtomicBool::new(false);
        let written = AtomicUsize::new(0);
        let contents = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|writer: u64| {
                    let (map, stop, written) = (&map, &stop, &written);
                    let nodes = [&a, &b];
                    scope.spawn(move || {
                        let mut router = Router::new(map, nodes);
                        let mut content: BTreeMap<(u64, String), String> = BTreeMap::new();
                        let mut tags: BTreeMap<(u64, String), u64> = BTreeMap::new();
                        // A small generator with a fixed seed: the keys do not depend on time.
                        let mut random = writer + 1;
                        for number in 0.. {
                            if stop.load(Ordering::Relaxed) {
                                break;
                            }
                            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            let position = random >> 33 & 511;
                            let key = (position, format!("/{writer}-{position}"));
                            if random >> 60 == 0 {
                                let deleted = router.ask("DELETE", &key.1, position, b"").status;
                                let expected =
                                    if content.remove(&key).is_some() { 204 } else { 404 };
                                assert_eq!(deleted, expected, "{key:?}");
                            } else if random >> 60 < 4 {
                                let read = router.ask("GET", &key.1, position, b"");
                                let read = (read.status == 200).then(|| read.text().to_string());
                                assert_eq!(read.as_ref(), content.get(&key), "{key:?}");
                            } else {
                                let value = format!("{writer} {number} {}", "v".repeat(50));
                                let put = router.ask("PUT", &key.1, position, value.as_bytes());
                                let expected = if content.contains_key(&key) { 204 } else { 201 };
                                assert_eq!(put.status, expected, "{key:?}");
                                let tag = put.header("etag").unwrap().trim_matches('"').parse();
                                let tag: u64 = tag.unwrap();
                                let before = tags.insert(key.clone(), tag);
                                assert!(before.is_none_or(|before| before < tag), "{key:?}: {tag}");
                                content.insert(key, value);
                            }
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        content
                    })
                })
                .collect();
            support::wait_until("some rows", || written.load(Ordering::Relaxed) > 500);
            for round in 0..6 {
                let (from, to) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
                move_over(&map, from, to);
                let then = written.load(Ordering::Relaxed);
                support::wait_until("writes go on", || {
                    written.load(Ordering::Relaxed) > then + 100
                });
            }
            stop.store(true, Ordering::Relaxed);
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(contents.len() > 100);
        let mut router = Router::new(&map, [&a, &b]);
        for ((position, path), value) in &contents {
            assert_eq!(router.ask("GET", path, *position, b"").text(), value);
        }
        let range = a.status()["ranges"][0].clone();
        assert_eq!(range["rows"], contents.len());
    }
}

#[test]
fn nodes_restarted_in_the_middle_of_a_move_go_on() {
    for kind in KINDS {
        let map = Map::new(&[born(0, 999, "a")]);
        let (mut a, mut b) = (TestNode::start("a", kind, &map), TestNode::start("b", kind, &map));
        a.until("claimed", |node| node.standing(0) == "owned");
        assert_eq!(a.put("/x", (7, 1), "v"), 201);
        let to_incarnation = b.incarnation;
        map.change(1, |record| {
            record.attempt = 1;
            record.phase = Phase::Moving { to: "b".into(), to_incarnation };
        });
        let fence = (0, 999, 1, 1);
        assert_eq!(b.call("stage", fence, "", b"").status, 200);
        b.restart();
        a.restart();
        let page = a.call("export", fence, "&bytes_max=1000", b"");
        a.restart();
        assert_eq!(a.put("/x", (7, 1), "w"), 204);
        assert_eq!(b.call("import", fence, "", &page.body).status, 200);
        b.restart();
        // The log has been kept.
        let delta = a.call("delta", fence, "&since=1&bytes_max=1000", b"");
        assert_eq!(delta.frames().0.len(), 1);
        assert_eq!(b.call("import", fence, "", &delta.body).status, 200);
        let frozen = a.call("freeze", fence, "", b"").json();
        a.restart();
        let sealed = b.call("digest", fence, "", b"").json();
        assert_eq!(sealed, frozen);
        b.restart();
        assert_eq!(b.call("digest", fence, "", b"").json(), sealed);
        assert_eq!(a.call("freeze", fence, "", b"").json(), sealed);
        map.set_quiet(true);
        map.change(1, |record| {
            record.owner = "b".into();
            record.incarnation = Some(to_incarnation);
            record.epoch = 2;
            record.phase = Phase::Done;
        });
        b.restart();
        assert_eq!(b.get("/x", (7, 2)).text(), "w");
        assert_eq!(a.get("/x", (7, 2)).status, 421);
    }
}
