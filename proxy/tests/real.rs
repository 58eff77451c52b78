//! The proxy before real nodes: state moves under traffic, nodes restart, Python speaks to it.

mod support;

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;
use support::{
    Fake, Setup, Wire,
    real::{Real, begin, get, patiently, put, settle},
    start_in, wait_for, write_files_for,
};

#[test]
fn state_moves_under_traffic_and_nothing_is_lost() {
    const WRITERS: u64 = 4;
    const KEYS: u64 = 100;
    let mut nodes = [Real::new("n1"), Real::new("n2"), Real::new("n3")];
    let setup = begin(&mut nodes, "path_tail:1", "");
    let address = setup.proxy.address();
    let mut late = Real::new("n4");
    late.start(setup.proxy.node_address(), None);

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            thread::spawn(move || {
                let mut wire = Wire::connect(address);
                let mut last = vec![0; usize::try_from(KEYS).expect("small")];
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let index = usize::try_from(number * 37 % KEYS).expect("small");
                    let key = format!("w{writer}/{index}");
                    let status = put(&mut wire, address, &key, &number.to_string());
                    assert!(matches!(status, 201 | 204), "{key}: {status}");
                    last[index] = number;
                    assert_eq!(get(&mut wire, address, &key), number.to_string(), "{key}");
                    written.fetch_add(1, Ordering::Relaxed);
                }
                last
            })
        })
        .collect();
    let more = |count: u64| {
        let target = written.load(Ordering::Relaxed) + count;
        while written.load(Ordering::Relaxed) < target {
            thread::sleep(Duration::from_millis(1));
        }
    };
    let settled = || settle(&setup);
    more(300);
    let body = json!({
        "name": "n4", "address": late.data.to_string(), "control": late.control.to_string(),
    });
    let (status, added) = setup.json("POST", "/nodes", &body.to_string());
    assert_eq!(status, 200, "{added}");
    settled();
    more(100);
    assert_eq!(setup.json("PATCH", "/nodes/n2", "{\"weight\": 2}").0, 200);
    settled();
    more(100);
    assert_eq!(setup.json("DELETE", "/nodes/n1", "").0, 200);
    settled();
    more(100);
    stop.store(true, Ordering::Relaxed);
    let mut wire = Wire::connect(address);
    for (writer, thread) in writers.into_iter().enumerate() {
        let last = thread.join().expect("no wrong answer");
        for (index, number) in last.into_iter().enumerate().filter(|(_, number)| *number > 0) {
            let key = format!("w{writer}/{index}");
            assert_eq!(get(&mut wire, address, &key), number.to_string(), "{key}");
        }
    }
    let (_, moves) = setup.json("GET", "/moves", "");
    assert!(moves["totals"]["moved"].as_u64().expect("a count") > 0, "{moves}");
    setup.proxy.shutdown();
    nodes.iter_mut().chain([&mut late]).for_each(Real::stop);
}

#[test]
fn a_node_that_comes_back_is_served_again() {
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let directory = tempfile::tempdir().expect("a directory");
    let cluster: String = nodes.iter().map(Real::toml).collect();
    write_files_for(directory.path(), &cluster, "path:1", "");
    let rows = |node: &Real, root: &Path| Some(root.join(format!("rows-{}", node.name)));
    let setup = Setup { proxy: start_in(directory.path()), directory };
    let store = setup.proxy.node_address();
    for node in &mut nodes {
        let path = rows(node, setup.directory.path());
        node.start(store, path);
    }
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    for number in 0..40 {
        assert_eq!(put(&mut wire, address, &number.to_string(), "value"), 201);
    }
    nodes[0].stop();
    let mut down = Vec::new();
    for number in 0..40 {
        wire.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = wire.message().expect("an answer");
        match answer.status() {
            200 => {}
            503 => down.push(number),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!((5..36).contains(&down.len()), "{down:?}");
    let path = rows(&nodes[0], setup.directory.path());
    nodes[0].start(store, path);
    for number in 0..40 {
        assert_eq!(get(&mut wire, address, &number.to_string()), "value");
    }
    // An empty directory under the name is not let in: no empty read, no lost write.
    nodes[0].stop();
    nodes[0].start(store, None);
    for number in down {
        wire.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = wire.message().expect("an answer");
        assert_eq!(answer.status(), 503, "{}", answer.text());
    }
    // Until the operator accepts the loss.
    let (status, forgotten) = setup.json("POST", "/nodes/n1/forget", "{\"accept_loss\": true}");
    assert_eq!(status, 200, "{forgotten}");
    for number in 0..40 {
        let key = number.to_string();
        let answer =
            patiently(&mut wire, address, &format!("GET /{key} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(matches!(answer.status(), 200 | 404), "{}", answer.text());
        assert!(matches!(put(&mut wire, address, &key, "new"), 201 | 204));
        assert_eq!(get(&mut wire, address, &key), "new");
    }
    setup.proxy.shutdown();
    nodes.iter_mut().for_each(Real::stop);
}

#[test]
fn moves_are_held_taken_back_and_let_go() {
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let setup = begin(&mut nodes, "path:1", "");
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    for number in 0..500 {
        assert_eq!(put(&mut wire, address, &number.to_string(), &format!("v{number}")), 201);
    }
    let mut late = Real::new("n3");
    late.start(setup.proxy.node_address(), None);
    assert_eq!(setup.json("POST", "/moves/pause", "").0, 200);
    let body = json!({
        "name": "n3", "address": late.data.to_string(), "control": late.control.to_string(),
    });
    assert_eq!(setup.json("POST", "/nodes", &body.to_string()).0, 200);
    let share = || setup.json("GET", "/nodes", "").1["nodes"][2]["share"].clone();
    for _ in 0..20 {
        assert_eq!(share(), json!(0.0), "moves are held");
        thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..10 {
        assert_eq!(setup.json("POST", "/moves/resume", "").0, 200);
        // Something is under way, or all of it was faster than this.
        wait_for(|| {
            let (_, nodes) = setup.json("GET", "/nodes", "");
            let late = &nodes["nodes"][2];
            let done = late["share"] == late["target_share"];
            let moving = setup.json("GET", "/moves", "").1["moves"] != json!([]);
            (done || moving).then_some(())
        });
        let (status, aborted) = setup.json("POST", "/moves/abort", "");
        assert_eq!(status, 200, "{aborted}");
        // One that began just then goes on to its end; no further one begins.
        wait_for(|| {
            let (_, status) = setup.json("GET", "/status", "");
            (status["segments"]["moving"] == json!(0)).then_some(())
        });
        for number in (0..500).step_by(50) {
            assert_eq!(get(&mut wire, address, &number.to_string()), format!("v{number}"));
        }
    }
    assert_eq!(setup.json("POST", "/moves/resume", "").0, 200);
    settle(&setup);
    for number in 0..500 {
        assert_eq!(get(&mut wire, address, &number.to_string()), format!("v{number}"));
    }
    setup.proxy.shutdown();
    nodes.iter_mut().chain([&mut late]).for_each(Real::stop);
}

/// A relay before `node`'s data listener. It forwards all, but it says by `executed` when the first
/// answer to a request with an `Idempotency-Key` came, waits for `go`, and loses the answer.
fn forgetful(
    node: SocketAddr,
    executed: std::sync::mpsc::Sender<()>,
    go: std::sync::mpsc::Receiver<()>,
) -> Fake {
    let waits = std::sync::Mutex::new(Some((executed, go)));
    Fake::new(move |mut wire, _, _| {
        let mut behind = Wire::connect(node);
        while let Some(request) = wire.message() {
            behind.send(&request.head).send(&request.body);
            let is_keyed = request.header("idempotency-key").is_some();
            let Some(answer) = behind.message() else { return };
            if is_keyed && let Some((executed, go)) = waits.lock().expect("a lock").take() {
                executed.send(()).expect("the test waits");
                go.recv().expect("the test goes on");
                return;
            }
            wire.send(&answer.head).send(&answer.body);
        }
    })
}

#[test]
fn what_was_executed_before_a_move_is_not_executed_again_after_it() {
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let (executed, is_executed) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel();
    let relay = forgetful(nodes[0].data, executed, goes);
    let directory = tempfile::tempdir().expect("a directory");
    // Only n1 owns anything yet.
    let cluster = format!(
        "[[node]]\nname = \"n1\"\naddress = \"{}\"\ncontrol = \"{}\"\n{}weight = 0\n",
        relay.address,
        nodes[0].control,
        nodes[1].toml()
    );
    write_files_for(directory.path(), &cluster, "path:1", "");
    let setup = Setup { proxy: start_in(directory.path()), directory };
    nodes.iter_mut().for_each(|node| node.start(setup.proxy.node_address(), None));
    let address = setup.proxy.address();
    let mut wire = Wire::connect(address);
    assert_eq!(put(&mut wire, address, "other", "value"), 201);
    let waiting = thread::spawn(move || {
        let mut wire = Wire::connect(address);
        wire.send(
            "PUT /k HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \"one\"\r\nIf-None-Match: *\r\n\
             Content-Length: 5\r\n\r\nfirst",
        );
        wire.message().expect("an answer")
    });
    is_executed.recv().expect("n1 executes it");
    // Its answer is on the way while the key moves, and another client writes over it.
    assert_eq!(setup.json("PATCH", "/nodes/n2", "{\"weight\": 1}").0, 200);
    assert_eq!(setup.json("DELETE", "/nodes/n1", "").0, 200);
    settle(&setup);
    assert_eq!(get(&mut wire, address, "k"), "first");
    assert_eq!(put(&mut wire, address, "k", "second"), 204);
    go.send(()).expect("the relay waits");
    let answer = waiting.join().expect("an answer");
    assert_eq!(answer.status(), 201, "{}", answer.text());
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(get(&mut wire, address, "k"), "second", "not executed twice");
    assert!((setup.metric("ringway_resent_keyed_total") - 1.0).abs() < 0.5);
    setup.proxy.shutdown();
    nodes.iter_mut().for_each(Real::stop);
}

#[test]
fn python_speaks_to_it() {
    let mut nodes = [Real::new("n1"), Real::new("n2")];
    let setup = begin(&mut nodes, "query:k", "replay_bytes_max = 1000\n");
    let script = "
import http.client, sys, hashlib
client = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=20)
def ask(method, path, body=None, **headers):
    client.request(method, path, body=body, headers=headers)
    answer = client.getresponse()
    return answer.status, answer.read(), answer
for size in (0, 1, 1000, 1001, 300000):
    body = hashlib.shake_128(str(size).encode()).digest(size)
    assert ask('PUT', f'/f{size}?k=u{size}', body)[0] == 201
    assert ask('GET', f'/f{size}?k=u{size}')[:2] == (200, body)
    status, got, answer = ask('HEAD', f'/f{size}?k=u{size}')
    assert (status, got, answer.headers['Content-Length']) == (200, b'', str(size))
    pieces = iter([body[:7], body[7:]])
    assert ask('PUT', f'/f{size}?k=u{size}', (piece for piece in pieces if piece))[0] == 204
    status, got, answer = ask('GET', f'/f{size}?k=u{size}')
    assert (status, got) == (200, body)
    assert ask('GET', f'/f{size}?k=u{size}', **{'If-None-Match': answer.headers['ETag']})[0] == 304
    assert ask('PUT', f'/f{size}?k=u{size}', b'x', **{'If-Match': '\"9999\"'})[0] == 412
    assert ask('DELETE', f'/f{size}?k=u{size}')[0] == 204
    assert ask('GET', f'/f{size}?k=u{size}')[0] == 404
assert ask('GET', '/f')[0] == 400
print('done')
";
    let port = setup.proxy.address().port().to_string();
    let output =
        Command::new("python3").args(["-c", script, &port]).output().expect("python3 runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.stdout, b"done\n", "{errors}");
    setup.proxy.shutdown();
    nodes.iter_mut().for_each(Real::stop);
}
