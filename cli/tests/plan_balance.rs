//! `ringway plan` and `ringway balance` as people and scripts use them.

mod common;

use common::{FOUR, Folder, NOBODY, THREE};
use serde_json::Value;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("three.toml", THREE);
    folder.file("four.toml", FOUR);
    folder.file("nobody.toml", NOBODY);
    folder
}

fn keys(count: usize) -> String {
    (0..count).map(|number| format!("user:{number}\n")).collect()
}

const PLAN: [&str; 5] = ["plan", "--from", "three.toml", "--to", "four.toml"];

fn plan(more: &[&'static str]) -> Vec<&'static str> {
    [&PLAN[..], more].concat()
}

#[test]
fn a_plan_in_a_table() {
    let folder = folder();
    let run = folder.run(&PLAN, b"");
    let text = run.good();
    for line in
        ["from  three.toml  (3 nodes, ringway-v1)", "to    four.toml  (4 nodes, ringway-v1)"]
    {
        assert!(text.lines().any(|it| it == line), "{text}");
    }
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("  db4 ")).collect();
    assert_eq!(rows.len(), 3, "each of three nodes gives to the fourth\n{text}");
    let part = |title: &str| {
        let line = text.lines().find(|line| line.starts_with(title)).expect("a line of the totals");
        line[title.len()..].trim().to_owned()
    };
    assert_eq!((part("hash mod n"), part("excess")), ("75.000 %".into(), "0.000 %".into()));
    assert_eq!(part("moves"), part("least possible"));
    let same = folder.run(&["plan", "--from", "three.toml", "--to", "three.toml"], b"");
    assert!(same.good().contains("Nothing moves."), "{}", same.text());
}

#[test]
fn plan_ranges_and_json_agree() {
    let folder = folder();
    let json: Value =
        serde_json::from_str(folder.run(&plan(&["--json"]), b"").good()).expect("JSON");
    let ranges = folder.run(&plan(&["--ranges"]), b"");
    let mut moved = 0;
    for line in ranges.good().lines() {
        let [lo, hi, from, to] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (lo, hi): (u64, u64) = (lo.parse().expect("a number"), hi.parse().expect("a number"));
        assert!(lo <= hi && from != to && to == "db4", "{line}");
        moved += hi - lo + 1;
    }
    assert_eq!(json["moved"]["positions"], moved);
    assert_eq!(json["least"]["positions"], moved);
    assert_eq!(json["ranges"], ranges.text().lines().count());
    assert_eq!(json["positions"], 1u64 << 32);
    assert_eq!(json["modulo"], serde_json::json!({ "moved": 9, "of": 12, "share": 0.75 }));
    let after: u64 = json["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| node["after"]["positions"].as_u64().expect("a number"))
        .sum();
    assert_eq!(after, 1 << 32);
    let objects = folder.run(&plan(&["--ranges", "--json"]), b"");
    assert_eq!(objects.good().lines().count(), ranges.text().lines().count());
    let first: Value =
        serde_json::from_str(objects.text().lines().next().expect("a range")).expect("JSON");
    assert_eq!(first["to"], "db4");
}

#[test]
fn plans_count_and_list_keys() {
    let folder = folder();
    folder.file("keys.txt", keys(10_000));
    let map = |file: &str| {
        let run = folder.run(&["map", "--cluster", file], keys(10_000).as_bytes());
        run.good().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let node = |line: &str| line.rsplit('\t').next().expect("a node").to_owned();
    let expected: Vec<String> = map("three.toml")
        .iter()
        .zip(map("four.toml"))
        .filter(|(old, new)| *old != new)
        .map(|(old, new)| format!("{old}\t{}", node(&new)))
        .collect();
    let listed = folder.run(&plan(&["--keys", "keys.txt", "--moved-keys"]), b"");
    assert_eq!(listed.good().lines().collect::<Vec<_>>(), expected);
    let json = folder.run(&plan(&["--keys", "-", "--json"]), keys(10_000).as_bytes());
    let json: Value = serde_json::from_str(json.good()).expect("JSON");
    assert_eq!(json["keys"]["total"], 10_000);
    assert_eq!(json["keys"]["moved"], expected.len());
    assert_eq!(json["keys"]["least"], expected.len(), "all of them go to the new node");
    let modulo = json["keys"]["modulo_moved"].as_u64().expect("a number");
    assert!((7_300..7_700).contains(&modulo), "about three quarters: {modulo}");
    let table = folder.run(&plan(&["--keys", "keys.txt"]), b"");
    assert!(table.good().contains("OF THE FILE"), "{}", table.text());
}

#[test]
fn tables_without_common_positions_need_keys() {
    let folder = folder();
    folder.file("tagged.toml", format!("options.hash_tag = \"{{}}\"\n{THREE}"));
    let args = ["plan", "--from", "three.toml", "--to", "tagged.toml"];
    folder.run(&args, b"").bad("give --keys FILE to compare them key by key");
    folder.run(&[&args[..], &["--ranges"]].concat(), b"").bad("hash tags differ");
    let run = folder.run(&[&args[..], &["--keys", "-", "--json"]].concat(), b"a{b}\nplain\n");
    let json: Value = serde_json::from_str(run.good()).expect("JSON");
    assert_eq!((&json["keys"]["total"], &json["positions"]), (&2.into(), &Value::Null));
    let run = folder.run(&[&args[..], &["--keys", "-"]].concat(), keys(100).as_bytes());
    assert!(run.good().contains("Nothing moves."), "keys without tags stay: {}", run.text());
}

#[test]
fn plans_to_nobody_and_wrong_usage() {
    let folder = folder();
    let run = folder.run(&["plan", "--from", "three.toml", "--to", "nobody.toml"], b"");
    assert!(run.good().contains("(nobody)"), "{}", run.text());
    let run = folder.run(&["plan", "--from", "three.toml", "--to", "nobody.toml", "--ranges"], b"");
    assert!(run.good().lines().all(|line| line.ends_with('\t')), "{}", run.text());
    folder.run(&plan(&["--keys", "missing.txt"]), b"").bad("missing.txt: cannot be read");
    folder.run(&plan(&["--keys", "."]), b"").bad("cannot be read: Is a directory");
    folder.run(&plan(&["--keys", "-", "--format", "hex"]), b"0g\n").bad("line 1: not hexadecimal");
    for wrong in [&["--moved-keys"][..], &["--ranges", "--keys", "k"], &["--bogus"]] {
        assert_eq!(folder.run(&plan(wrong), b"").status(), 2, "{wrong:?}");
    }
}

#[test]
fn a_balance_in_table_and_json() {
    let folder = folder();
    let run = folder.run(&["balance", "--cluster", "four.toml"], b"");
    let text = run.good();
    assert!(text.starts_with("four.toml  (4 nodes, ringway-v1, fingerprint 3e2d"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("25.000 %")).count(), 4, "{text}");
    let json = folder.run(&["balance", "--cluster", "four.toml", "--json"], b"");
    let json: Value = serde_json::from_str(json.good()).expect("JSON");
    let nodes = json["nodes"].as_array().expect("nodes");
    let sum =
        |field: &str| nodes.iter().map(|node| node[field].as_f64().expect("a number")).sum::<f64>();
    assert_eq!((sum("positions"), json["positions"].as_u64()), (4_294_967_296.0, Some(1 << 32)));
    assert!((sum("share") - 1.0).abs() < 1e-12 && (sum("ideal") - 1.0).abs() < 1e-12);
    let fullest =
        nodes.iter().map(|node| node["ratio"].as_f64().expect("a number")).fold(0.0, f64::max);
    assert_eq!(json["ratio_max"], fullest);
}

#[test]
fn a_balance_of_keys() {
    let folder = folder();
    let args = ["balance", "--cluster", "three.toml", "--keys", "-", "--json"];
    let json: Value =
        serde_json::from_str(folder.run(&args, keys(3_000).as_bytes()).good()).expect("JSON");
    let mapped = folder.run(&["map", "--cluster", "three.toml"], keys(3_000).as_bytes());
    for node in json["nodes"].as_array().expect("nodes") {
        let tail = format!("\t{}", node["name"].as_str().expect("text"));
        let count = mapped.good().lines().filter(|line| line.ends_with(&tail)).count();
        assert_eq!(node["keys"], count);
    }
    let none = folder.run(&["balance", "--cluster", "three.toml", "--keys", "-"], b"");
    assert!(none.good().contains("There are no keys."), "{}", none.text());
}

#[test]
fn a_balance_of_nobody_has_status_1() {
    let folder = folder();
    let run = folder.run(&["balance", "--cluster", "nobody.toml"], b"");
    assert_eq!((run.status(), run.error()), (1, ""));
    assert!(run.text().contains("Nobody owns anything"), "{}", run.text());
    let run = folder.run(&["balance", "--cluster", "nobody.toml", "--json", "--svg", "n.svg"], b"");
    assert_eq!(run.status(), 1);
    let json: Value = serde_json::from_str(run.text()).expect("JSON");
    assert_eq!(json["ratio_max"], Value::Null);
}

#[test]
fn pictures() {
    let folder = folder();
    for file in ["three.toml", "nobody.toml"] {
        folder.run(&["balance", "--cluster", file, "--svg", "b.svg"], b"");
        let svg = std::fs::read_to_string(folder.path("b.svg")).expect("written");
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains(">db1<") && svg.contains(file), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }
    let args = ["balance", "--cluster", "three.toml", "--svg", "no/such/folder.svg"];
    folder.run(&args, b"").bad("no/such/folder.svg: cannot be written");
}

#[test]
fn layouts_without_positions_need_keys() {
    let folder = folder();
    for layout in ["jump-v1", "jumpback-v1", "rendezvous-v1", "maglev-v1", "memento-v1"] {
        let file = |count: usize| -> String {
            let nodes = (0..count).map(|number| format!("[[node]]\nname = \"n{number}\"\n"));
            format!("layout = \"{layout}\"\n{}", nodes.collect::<String>())
        };
        folder.file("a.toml", file(9));
        folder.file("b.toml", file(10));
        let plan = ["plan", "--from", "a.toml", "--to", "b.toml"];
        folder.run(&plan, b"").bad(&format!("layout {layout} has no runs of positions"));
        folder.run(&plan, b"").bad("--keys FILE");
        folder.run(&["balance", "--cluster", "a.toml"], b"").bad("count keys with --keys FILE");
        let counted = [&plan[..], &["--keys", "-", "--json"]].concat();
        let run = folder.run(&counted, keys(20_000).as_bytes());
        let json: Value = serde_json::from_str(run.good()).expect("JSON");
        let moved = json["keys"]["moved"].as_u64().expect("a number");
        assert!((1_500..3_500).contains(&moved), "{layout}: {json}");
        let balance = ["balance", "--cluster", "a.toml", "--keys", "-"];
        folder.run(&balance, keys(2_000).as_bytes()).good();
    }
}

#[test]
fn a_secret_is_not_printed() {
    let folder = Folder::new();
    let text = "layout = \"ringway-keyed-v1\"\noptions.key = \"000102030405060708090a0b0c0d0e0f\"\n\
                [[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n";
    folder.file("c.toml", text);
    for arguments in [
        &["balance", "--cluster", "c.toml"][..],
        &["balance", "--cluster", "c.toml", "--json"],
        &["plan", "--from", "c.toml", "--to", "c.toml"],
        &["plan", "--from", "c.toml", "--to", "c.toml", "--json"],
    ] {
        let run = folder.run(arguments, b"");
        assert!(!run.good().contains("0a0b") && !run.error().contains("0a0b"), "{}", run.text());
    }
    let run = folder.run(&["balance", "--cluster", "c.toml"], b"");
    assert!(run.text().contains("ringway-keyed-v1, key hidden"), "{}", run.text());
}

#[test]
fn removed_nodes_keep_their_place_and_lose_their_keys() {
    let folder = Folder::new();
    let file = |removed: &str| {
        let nodes = (0..10).map(|number| format!("[[node]]\nname = \"n{number}\"\n"));
        let nodes = nodes.collect::<String>();
        format!("layout = \"memento-v1\"\noptions.removed = {removed}\n{nodes}")
    };
    folder.file("a.toml", file("[7]"));
    folder.file("b.toml", file("[7, 1]"));
    let keys = keys(20_000);
    let map = |name: &str| -> Vec<String> {
        let run = folder.run(&["map", "--cluster", name], keys.as_bytes());
        run.good().lines().map(|line| line.split('\t').nth(1).expect("a node").to_owned()).collect()
    };
    let (before, after) = (map("a.toml"), map("b.toml"));
    assert!(!before.iter().any(|node| node == "n7") && !after.iter().any(|node| node == "n1"));
    let moved: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
    assert!(moved.iter().all(|(old, _)| *old == "n1"), "{moved:?}");
    let args = ["plan", "--from", "a.toml", "--to", "b.toml", "--keys", "-", "--json"];
    let run = folder.run(&args, keys.as_bytes());
    let json: Value = serde_json::from_str(run.good()).expect("JSON");
    assert_eq!(json["keys"]["moved"], Value::from(moved.len()), "{json}");
    let args = ["balance", "--cluster", "b.toml", "--keys", "-"];
    let run = folder.run(&[&args[..], &["--json"]].concat(), keys.as_bytes());
    let json: Value = serde_json::from_str(run.good()).expect("JSON");
    assert!(json["ratio_max"].as_f64().expect("a number") < 1.1, "{json}");
    let run = folder.run(&args, keys.as_bytes());
    assert!(run.text().contains("memento-v1, removed [7, 1]"), "{}", run.text());
    folder.file("c.toml", file("[7, 10]"));
    let run = folder.run(&["map", "--cluster", "c.toml"], b"");
    run.bad("c.toml:2: options.removed: the option takes a list of places");
}

#[test]
fn a_key_file_starts_at_the_folder_of_the_cluster_file() {
    let folder = Folder::new();
    let digits = "000102030405060708090a0b0c0d0e0f";
    let text =
        |option: &str| format!("layout = \"ringway-keyed-v1\"\n[options]\n{option}\n\n{}", THREE);
    std::fs::create_dir(folder.path("etc")).expect("a folder");
    folder.file("etc/in.toml", text(&format!("key = \"{digits}\"")));
    folder.file("etc/beside.toml", text("key_file = \"secret.hex\""));
    folder.file("etc/secret.hex", format!("{digits}\n"));
    let owners = |name: &str| {
        let run = folder.run(&["map", "--cluster", name], b"a\nb\nc\nd\ne\nf\ng\nh\n");
        run.good().to_owned()
    };
    assert_eq!(owners("etc/beside.toml"), owners("etc/in.toml"));
    folder.file("etc/secret.hex", format!("{digits}0"));
    let run = folder.run(&["balance", "--cluster", "etc/beside.toml"], b"");
    assert!(!run.text().contains("0a0b") && !run.error().contains("0a0b"), "{}", run.error());
    run.bad("etc/beside.toml:3: options.key_file: ");
    run.bad("secret.hex\" must hold 32 hexadecimal digits");
}
