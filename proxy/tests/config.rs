//! Configuration files, field by field.

use std::{fmt::Write as _, path::Path};

use ringway_proxy::{Config, KeySource, Limits, coordinator::CoordinatorLimits};

/// The example with one line changed, and the line's number.
fn with(line_begins: &str, line: &str) -> (String, usize) {
    let example = include_str!("../ringway.example.toml");
    let mut text = String::new();
    let mut found = 0;
    for (index, old) in example.lines().enumerate() {
        let hit = old.starts_with(line_begins);
        if hit {
            assert_eq!(found, 0, "{line_begins} stands twice in the example");
            found = index + 1;
        }
        let _ = writeln!(text, "{}", if hit { line } else { old });
    }
    assert!(found > 0, "{line_begins} does not stand in the example");
    (text, found)
}

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, "ringway.toml", Path::new("/etc/ringway")).map_err(|e| e.to_string())
}

#[test]
fn the_example_says_the_defaults() {
    let config = parse(include_str!("../ringway.example.toml")).expect("the example");
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.moves, CoordinatorLimits::default());
    assert_eq!(config.key, KeySource::PathTail(1));
    assert_eq!(config.workers, 2);
    assert_eq!(config.store, Path::new("/etc/ringway/ringway-store"));
    assert_eq!(config.cluster.as_deref(), Some(Path::new("/etc/ringway/cluster.toml")));
    // Without its optional parts, it means the same.
    let required = "[proxy]\nlisten = \"127.0.0.1:8080\"\nadmin_listen = \"127.0.0.1:8081\"\n\
        admin_token_file = \"admin.token\"\nnode_listen = \"127.0.0.1:8082\"\n\
        node_token_file = \"node.token\"\nstore = \"ringway-store\"\ncluster = \"cluster.toml\"\n\
        [key]\nfrom = \"path_tail:1\"\n";
    let small = parse(required).expect("a small one");
    assert_eq!(Config { workers: 2, ..small }, config);
}

#[test]
fn each_field_wrong_in_turn() {
    for (begins, line, field, message) in [
        (
            "listen =",
            "listen = 8080",
            "proxy.listen",
            "expected a text, written in quotes, found 8080",
        ),
        ("listen =", "listen = \"8080\"", "proxy.listen", "expected IP:PORT"),
        ("listen =", "listen = \"localhost:80\"", "proxy.listen", "expected IP:PORT"),
        ("listen =", "listen = \"127.0.0.1:65536\"", "proxy.listen", "expected IP:PORT"),
        ("listen =", "listen = \"\"", "proxy.listen", "is empty"),
        ("listen =", "", "proxy.listen", "is missing"),
        (
            "admin_listen =",
            "admin_listen = \"0.0.0.0:8081\"",
            "proxy.admin_listen",
            "set allow_remote = true",
        ),
        (
            "admin_listen =",
            "admin_listen = \"127.0.0.1:8080\"",
            "proxy.admin_listen",
            "already that of listen",
        ),
        ("admin_listen =", "", "proxy.admin_listen", "is missing"),
        ("admin_token_file =", "admin_token_file = 1", "proxy.admin_token_file", "expected a text"),
        ("admin_token_file =", "", "proxy.admin_token_file", "is missing"),
        (
            "node_listen =",
            "node_listen = \"[::]:8082\"",
            "proxy.node_listen",
            "set allow_remote = true",
        ),
        (
            "node_listen =",
            "node_listen = \"127.0.0.1:8081\"",
            "proxy.node_listen",
            "already that of admin_listen",
        ),
        ("node_listen =", "", "proxy.node_listen", "is missing"),
        ("node_token_file =", "node_token_file = []", "proxy.node_token_file", "expected a text"),
        ("node_token_file =", "", "proxy.node_token_file", "is missing"),
        (
            "allow_remote =",
            "allow_remote = \"yes\"",
            "proxy.allow_remote",
            "expected true or false",
        ),
        ("store =", "store = true", "proxy.store", "expected a text"),
        ("store =", "", "proxy.store", "is missing"),
        ("cluster =", "cluster = 1.5", "proxy.cluster", "expected a text"),
        ("mode =", "mode = \"cache\"", "proxy.mode", "not there yet"),
        ("mode =", "mode = \"sticky\"", "proxy.mode", "expected \"pinned\""),
        (
            "workers =",
            "workers = 0",
            "proxy.workers",
            "expected a whole number from 1 to 1024, found 0",
        ),
        ("workers =", "workers = 1.5", "proxy.workers", "expected a whole number"),
        ("workers =", "worker = 2", "proxy.worker", "unknown field; the fields here are listen"),
        ("[key]", "[keys]", "keys", "unknown field; the fields here are proxy, key, limits, moves"),
        ("from =", "", "key.from", "is missing"),
        ("from =", "from = \"body:1\"", "key.from", "expected \"header:NAME\""),
        ("from =", "from = \"header\"", "key.from", "expected \"header:NAME\""),
        ("from =", "from = \"header:\"", "key.from", "no name of a header"),
        ("from =", "from = \"header:a b\"", "key.from", "no name of a header"),
        ("from =", "from = \"header:Connection\"", "key.from", "ends at the proxy"),
        ("from =", "from = \"header:Ringway-Key\"", "key.from", "ends at the proxy"),
        ("from =", "from = \"query:\"", "key.from", "has no name"),
        ("from =", "from = \"path:0\"", "key.from", "a segment's number from 1 to 1000"),
        ("from =", "from = \"path:01\"", "key.from", "a segment's number"),
        ("from =", "from = \"path_tail:x\"", "key.from", "a segment's number"),
        ("from =", "from = \"cookie:a;b\"", "key.from", "no name of a cookie"),
    ] {
        let (text, number) = with(begins, line);
        let error = parse(&text).expect_err(line);
        let place = match line {
            "" => format!("ringway.toml: {field}: "),
            _ => format!("ringway.toml:{number}: {field}: "),
        };
        assert!(error.starts_with(&place), "{line}: {error}");
        assert!(error.contains(message), "{line}: {error}");
    }
}

#[test]
fn each_limit_wrong_in_turn() {
    let example = include_str!("../ringway.example.toml");
    let limits = example.split(['[', ']']).skip_while(|part| *part != "limits").nth(1);
    let limits = limits.expect("limits");
    let mut count = 0;
    for line in limits.lines().filter(|line| line.contains(" = ")) {
        let (name, rest) = line.split_once(" = ").expect("a limit");
        assert!(name.ends_with("_max"), "{name}");
        for wrong in ["-1", "\"1\"", "1.5", "9223372036854775807", "9223372036854775808"] {
            let (text, number) = with(&format!("{name} ="), &format!("{name} = {wrong}"));
            // 2^63 - 1 bytes of body are allowed, whoever wants them.
            if name == "body_bytes_max" && wrong == "9223372036854775807" {
                assert!(parse(&text).is_ok());
                continue;
            }
            let error = parse(&text).expect_err(name);
            assert!(error.starts_with(&format!("ringway.toml:{number}: ")), "{error}");
            // What is no TOML number at all is said without the field.
            let named = error.contains(&format!("limits.{name}: expected a whole number"));
            assert!(named || wrong == "9223372036854775808", "{error}");
        }
        let default: u64 = rest.split_whitespace().next().and_then(|n| n.parse().ok()).expect(name);
        let (text, _) = with(&format!("{name} ="), &format!("{name} = {}", default - 1));
        assert_ne!(parse(&text).expect(name).limits, Limits::default(), "{name} is not read");
        count += 1;
    }
    assert_eq!(count, 17);
}

#[test]
fn each_limit_of_moves_wrong_in_turn() {
    let example = include_str!("../ringway.example.toml");
    let limits = example.split("[moves]").nth(1).expect("moves");
    let mut count = 0;
    for line in limits.lines().filter(|line| line.contains(" = ")) {
        let (name, rest) = line.split_once(" = ").expect("a limit");
        let name = name.trim();
        let wrong = ["-1", "\"1\"", "1.5"].into_iter();
        let is_rate = name.contains("_per_second_");
        let wrong = wrong.chain((!is_rate && name != "delta_rows_small").then_some("0"));
        for wrong in wrong.chain((!is_rate).then_some("9223372036854775807")) {
            let (text, number) = with(&format!("{name} ="), &format!("{name} = {wrong}"));
            let error = parse(&text).expect_err(name);
            let place = format!("ringway.toml:{number}: moves.{name}: expected a whole number");
            assert!(error.starts_with(&place), "{error}");
        }
        let default: u64 = rest.split_whitespace().next().and_then(|n| n.parse().ok()).expect(name);
        let (text, _) = with(&format!("{name} ="), &format!("{name} = {}", default + 1));
        let config = parse(&text).expect(name);
        assert_ne!(config.moves, CoordinatorLimits::default(), "{name} is not read");
        assert_eq!(config.limits, Limits::default());
        count += 1;
    }
    assert_eq!(count, 13);
    let (text, number) = with("moves_max =", "move_max = 1");
    let error = parse(&text).expect_err("unknown");
    let place =
        format!("ringway.toml:{number}: moves.move_max: unknown field; the fields here are");
    assert!(error.starts_with(&place), "{error}");
}

#[test]
fn files_that_are_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ringway.toml");
    let read = || Config::read(&path).expect_err("no configuration").to_string();
    assert!(read().contains("cannot be read"), "{}", read());
    std::fs::write(&path, b"\xff\xfe").expect("a file");
    assert!(read().contains("not UTF-8"), "{}", read());
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).expect("a file");
    assert!(read().contains("larger than 1 MiB"), "{}", read());
    std::fs::write(&path, "[proxy]\nlisten = \n").expect("a file");
    assert!(read().contains("ringway.toml:2: not TOML"), "{}", read());
    std::fs::write(&path, "[proxy]\nstore = \"a\"\nstore = \"b\"\n").expect("a file");
    assert!(read().contains("ringway.toml:3: not TOML"), "{}", read());
    std::fs::write(&path, "").expect("a file");
    assert!(read().contains("the section is missing; add [proxy]"), "{}", read());
    std::fs::write(&path, "proxy = 1\n").expect("a file");
    assert!(read().contains("expected a table, written [proxy], found 1"), "{}", read());
}

#[test]
fn remote_listeners_have_to_be_allowed() {
    let (text, _) = with("allow_remote =", "allow_remote = true");
    let text =
        text.replace("127.0.0.1:8081", "0.0.0.0:8081").replace("127.0.0.1:8082", "[::]:8082");
    let config = parse(&text).expect("it is allowed");
    assert!(!config.admin_listen.ip().is_loopback());
}
