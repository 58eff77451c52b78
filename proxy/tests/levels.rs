//! Nodes that can't hand keys over: requests are routed to them, and no change loses their keys
//! unless an operator accepts that.

mod support;

use serde_json::json;
use support::{Fake, Message, NODE_TOKEN, Setup, start_in, wait_for, write_files_for};

/// A proxy before nodes without a control listener.
fn start(nodes: &[(&str, &Fake)]) -> Setup {
    let directory = tempfile::tempdir().expect("a directory");
    let mut cluster = String::new();
    for (name, node) in nodes {
        cluster += &format!("[[node]]\nname = \"{name}\"\naddress = \"{}\"\n", node.address);
    }
    write_files_for(directory.path(), &cluster, "path:1", "");
    let proxy = start_in(directory.path());
    Setup { proxy, directory }
}

fn get(setup: &Setup, key: usize) -> Message {
    setup.ask(format!("GET /{key} HTTP/1.1\r\nHost: a\r\n\r\n"))
}

/// A control listener of a node that says which level it has.
fn of_level(name: &str, level: u8) -> Fake {
    let status = json!({
        "name": name, "incarnation": "0f".repeat(16), "level": level, "ranges": [],
    });
    let body = status.to_string();
    Fake::answering(move |request| {
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {NODE_TOKEN}")));
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    })
}

#[test]
fn keys_of_plain_servers_stay_unless_their_loss_is_accepted() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let setup = start(&[("n1", &one)]);
    assert_eq!(get(&setup, 1).status(), 200);
    assert!(one.last().head.contains("Ringway-Epoch: 1"), "{}", one.last().head);
    let (_, nodes) = setup.json("GET", "/nodes", "");
    assert_eq!(
        (&nodes["nodes"][0]["level"], &nodes["nodes"][0]["control"]),
        (&json!(0), &json!(null))
    );

    let add = format!("{{\"name\": \"n2\", \"address\": \"{}\"}}", two.address);
    let (status, refused) = setup.json("POST", "/nodes", &add);
    assert_eq!((status, refused["error"].as_str()), (409, Some("level")), "{refused}");
    let message = refused["message"].as_str().expect("a message");
    for says in ["from n1 to n2", "n1 is of level 0", "ringway node check", "--accept-loss"] {
        assert!(message.contains(says), "{message} lacks {says}");
    }
    let file = format!(
        "[[node]]\nname = \"n1\"\naddress = \"{}\"\n[[node]]\nname = \"n2\"\naddress = \"{}\"\n",
        one.address, two.address
    );
    assert_eq!(setup.json("POST", "/apply", &file).0, 409);
    // A node that would take nothing may come.
    let idle = add.replace('}', ", \"weight\": 0}");
    assert_eq!(setup.json("POST", "/nodes", &idle).0, 200);
    assert_eq!(setup.json("PATCH", "/nodes/n2", "{\"weight\": 1}").0, 409);
    let (status, _) = setup.json("PATCH", "/nodes/n2?accept_loss=true", "{\"weight\": 1}");
    assert_eq!(status, 200);
    let (_, cluster) = setup.json("GET", "/cluster", "");
    assert_eq!(cluster["reason"], "change n2, loss accepted");
    wait_for(|| (setup.json("GET", "/moves", "").1["left"] == 0).then_some(()));
    wait_for(|| {
        (0..40)
            .any(|key| get(&setup, key).status() == 200 && !two.requests().is_empty())
            .then_some(())
    });
    for (method, path) in [("POST", "/nodes/n1/drain"), ("DELETE", "/nodes/n1")] {
        assert_eq!(setup.json(method, path, "").0, 409, "{method} {path}");
    }
    let (status, gone) = setup.json("DELETE", "/nodes/n1?accept_loss=true", "");
    assert_eq!((status, &gone["changed"]), (200, &json!(true)));
    wait_for(|| (setup.json("GET", "/moves", "").1["left"] == 0).then_some(()));
    let before = one.requests().len();
    assert!((0..40).all(|key| get(&setup, key).status() == 200));
    assert_eq!(one.requests().len(), before);
}

#[test]
fn a_node_that_says_a_low_level_is_named() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let low = of_level("n2", 1);
    let setup = start(&[("n1", &one)]);
    let add = json!({
        "name": "n2", "address": two.address.to_string(), "control": low.address.to_string(),
        "weight": 0,
    });
    assert_eq!(setup.json("POST", "/nodes", &add.to_string()).0, 200);
    let (_, nodes) = setup.json("GET", "/nodes", "");
    assert_eq!(nodes["nodes"][1]["level"], 1);
    assert_eq!(setup.json("PATCH", "/nodes/n2?accept_loss=true", "{\"weight\": 1}").0, 200);
    wait_for(|| (setup.json("GET", "/moves", "").1["left"] == 0).then_some(()));
    let (status, refused) = setup.json("POST", "/nodes/n2/drain", "");
    let message = refused["message"].as_str().expect("a message");
    assert_eq!(status, 409, "{message}");
    assert!(message.contains("n2 is of level 1"), "{message}");
}
