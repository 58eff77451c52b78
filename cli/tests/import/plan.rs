//! `ringway plan` from one program to another, and between any two layouts.

use ringway::Layout;
use serde_json::Value;

use crate::common::Folder;

const NGINX: &str = "upstream b {\n hash $arg_k consistent;\n server 10.0.0.1:80;\n server \
                     10.0.0.2:80 weight=2;\n server 10.0.0.3;\n}\n";
const HAPROXY: &str = "backend b\n balance url_param k\n hash-type consistent\n server one \
                       10.0.0.1:80\n server two 10.0.0.2:080 weight 2\n server four 10.0.0.4:80\n";
const TWEMPROXY: &str = "b:\n  servers:\n  - 10.0.0.1:80:1 one\n  - /tmp/s:1 two\n";

fn keys(count: usize) -> String {
    (0..count).map(|number| format!("user:{number}\n")).collect()
}

/// The imported files `nginx.toml`, `haproxy.toml` and `twemproxy.toml`.
fn folder() -> Folder {
    let folder = Folder::new();
    for (program, option, text) in [
        ("nginx", "--upstream", NGINX),
        ("haproxy", "--backend", HAPROXY),
        ("twemproxy", "--pool", TWEMPROXY),
    ] {
        folder.file(program, text);
        let out = format!("{program}.toml");
        let run = folder.run(&["import", program, program, option, "b", "-o", &out], b"");
        assert_eq!(run.status(), 0, "{}", run.error());
    }
    folder.file("keys.txt", keys(3_000));
    folder
}

#[test]
fn from_nginx_to_haproxy_by_address() {
    let folder = folder();
    let plan = ["plan", "--from", "nginx.toml", "--to", "haproxy.toml"];
    folder
        .run(&plan, b"")
        .bad("layout nginx has no runs of positions to compare; give --keys FILE");
    let by_address = [&plan[..], &["--same", "address"]].concat();
    folder.run(&by_address, b"").bad("compares no positions; give --keys FILE");
    let run = folder.run(&[&by_address[..], &["--keys", "keys.txt", "--json"]].concat(), b"");
    let json: Value = serde_json::from_str(run.good()).expect("JSON");
    let owners = |file: &str| {
        let run = folder.run(&["map", "--cluster", file], keys(3_000).as_bytes());
        run.good().lines().map(|it| it.rsplit('\t').next().expect("a node").to_owned()).collect()
    };
    let (old, new): (Vec<String>, Vec<String>) = (owners("nginx.toml"), owners("haproxy.toml"));
    let twins = [("10.0.0.1:80", "one"), ("10.0.0.2:80", "two")];
    let stays = |pair: &(&String, &String)| twins.contains(&(pair.0.as_str(), pair.1.as_str()));
    let moved = old.iter().zip(&new).filter(|pair| !stays(pair)).count();
    assert_eq!(json["keys"]["moved"], moved);
    assert!((500..2_900).contains(&moved), "{moved}");
    let mut sum = 0.0;
    for pair in json["pairs"].as_array().expect("pairs") {
        let is_pair = |it: &(&String, &String)| pair["from"] == **it.0 && pair["to"] == **it.1;
        let count = old.iter().zip(&new).filter(is_pair).count();
        assert_eq!(pair["keys"], count, "{pair}");
        let share = pair["key_share"].as_f64().expect("a share");
        assert!((share - count as f64 / 3_000.0).abs() < 1e-12, "{pair}");
        sum += share;
    }
    assert!((sum - moved as f64 / 3_000.0).abs() < 1e-9, "{sum}");
    assert_eq!((&json["modulo"], &json["positions"]), (&Value::Null, &Value::Null));
    let to_four = json["pairs"].as_array().expect("pairs").iter().filter(|it| it["to"] == "four");
    let gained: u64 = to_four.map(|it| it["keys"].as_u64().expect("a count")).sum();
    assert!(json["keys"]["least"].as_u64().expect("a count") >= gained, "{json}");
    // By name nothing is the same.
    let run = folder.run(&[&plan[..], &["--keys", "keys.txt"]].concat(), b"");
    assert!(run.good().lines().any(|it| it.starts_with("moves") && it.contains("100.000 %")));
    assert!(run.text().contains("OF THE FILE"), "{}", run.text());
    let listed = [&by_address[..], &["--keys", "keys.txt", "--moved-keys"]].concat();
    assert_eq!(folder.run(&listed, b"").good().lines().count(), moved);
}

#[test]
fn nodes_without_addresses_are_not_compared_by_them() {
    let folder = folder();
    let plan = ["plan", "--from", "nginx.toml", "--to", "twemproxy.toml", "--keys", "keys.txt"];
    let run = folder.run(&[&plan[..], &["--same", "address"]].concat(), b"");
    run.bad("twemproxy.toml: node \"two\" has no address; --same address needs one of each");
    let wrong = ["plan", "--from", "a", "--to", "b", "--ranges", "--same", "address"];
    assert_eq!(folder.run(&wrong, b"").status(), 2);
}

/// From every layout to every other one, the counts are those of `map`.
#[test]
fn any_two_layouts_can_be_compared_over_keys() {
    let folder = Folder::new();
    let names: Vec<&str> = Layout::names().iter().chain(Layout::compat_names()).copied().collect();
    assert!(names.len() >= 37, "{}", names.len());
    // Numbers, as `jump` reads nothing else.
    let input: String = (0..300u64).map(|number| format!("{}\n", number * 7_919)).collect();
    let mut owners: Vec<Vec<u8>> = Vec::new();
    for name in &names {
        let mut file = format!("layout = \"{name}\"\n");
        match *name {
            "ringway-keyed-v1" => {
                file.push_str("options.key = \"000102030405060708090a0b0c0d0e0f\"\n");
            }
            "guava" => file.push_str("options.hash = \"murmur3_32\"\n"),
            _ => {}
        }
        for node in 1..=4i64 {
            file.push_str(&format!("[[node]]\nname = \"10.0.0.{node}:80\"\n"));
            if *name == "cassandra-token" {
                file.push_str(&format!("tokens = [{}]\n", (node - 3) << 61));
            }
        }
        let path = format!("{name}.toml");
        folder.file(&path, file);
        owners.push(folder.run(&["map", "--cluster", &path], input.as_bytes()).good().into());
    }
    // Each with the next, and with the default, both ways: all pairs would take minutes.
    let pairs = (0..names.len()).flat_map(|at| [(at, (at + 1) % names.len()), (at, 0), (0, at)]);
    for (a, b) in pairs {
        let (from, to) = (format!("{}.toml", names[a]), format!("{}.toml", names[b]));
        let plan = ["plan", "--from", &from, "--to", &to, "--keys", "-", "--json"];
        let run = folder.run(&plan, input.as_bytes());
        let json: Value = serde_json::from_str(run.good()).expect("JSON");
        let lines = |at: usize| owners[at].split(|&byte| byte == b'\n');
        let moved = lines(a).zip(lines(b)).filter(|(a, b)| a != b).count();
        assert_eq!(json["keys"]["moved"], moved, "{from} {to}");
    }
}
