//! The status page and what it draws: without a secret, without anything from elsewhere.

mod support;

use support::{ADMIN_TOKEN, Fake, Wire, start};

#[test]
fn the_page_is_for_everybody_and_holds_nothing() {
    let node = Fake::echo();
    let setup = start(&[("<b>n1</b>", &node)], "path:1", "");
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let page = Wire::connect(setup.proxy.admin_address()).send(request).message().expect("a page");
    assert_eq!(page.status(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = page.text();
    assert!(text.starts_with("<!doctype html>"));
    assert!(!text.contains(ADMIN_TOKEN) && !text.contains("n1</b>"));
    // What it polls does need the token.
    for path in ["/status", "/moves", "/ring"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = Wire::connect(setup.proxy.admin_address()).send(request).message();
        assert_eq!(answer.expect("an answer").status(), 401, "{path}");
    }
}

#[test]
fn the_ring_shows_each_part_s_owner() {
    let (one, two) = (Fake::echo(), Fake::echo());
    let setup = start(&[("n1", &one), ("n2", &two)], "path:1", "");
    let (status, ring) = setup.json("GET", "/ring", "");
    assert_eq!(status, 200);
    assert_eq!(ring["parts"].as_array().map(Vec::len), Some(720));
    let (_, many) = setup.json("GET", "/ring?parts=4096", "");
    let names = many["nodes"].as_array().expect("names");
    assert_eq!(names.len(), 2);
    // By and large each has its share.
    let (_, nodes) = setup.json("GET", "/nodes", "");
    for node in nodes["nodes"].as_array().expect("nodes") {
        let number = names.iter().position(|name| *name == node["name"]).expect("its number");
        let parts = many["parts"].as_array().expect("parts");
        let owned = parts.iter().filter(|part| **part == number).count();
        #[allow(clippy::cast_precision_loss, reason = "a share of 4,096 parts")]
        let share = owned as f64 / 4_096.0;
        let exact = node["share"].as_f64().expect("a share");
        assert!((share - exact).abs() < 0.03, "{share} of {exact}");
    }
    assert!(many["moving"].as_array().expect("parts").iter().all(serde_json::Value::is_null));
    // One part is the whole, of whoever has the largest piece of it.
    let (_, one) = setup.json("GET", "/ring?parts=1", "");
    assert_eq!(one["parts"].as_array().map(Vec::len), Some(1));
    for query in ["parts=0", "parts=4097", "parts=", "parts=x", "part=1", "parts=1&parts=2"] {
        let (status, answer) = setup.json("GET", &format!("/ring?{query}"), "");
        assert_eq!((status, answer["error"].as_str()), (400, Some("parts")), "{query}");
    }
}
