//! `ringway map` as scripts use it.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Stdio,
};

use common::{Folder, NOBODY, THREE};
use ringway::{Layout, Node, NodeIndex, Table};

fn table() -> Table {
    let nodes = ["db1", "db2", "db3"].map(Node::new);
    Table::new(&Layout::ringway_v1(), &nodes).expect("valid nodes")
}

fn name(table: &Table, index: NodeIndex) -> Vec<u8> {
    table.node(index).expect("in the table").name().to_vec()
}

fn owner(table: &Table, key: &[u8]) -> Vec<u8> {
    name(table, table.owner(key).expect("nodes have weight"))
}

/// Each key with the table's own answer.
fn expected(keys: &[&[u8]], end: u8) -> Vec<u8> {
    let table = table();
    keys.iter().flat_map(|key| [key, &b"\t"[..], &owner(&table, key), &[end]].concat()).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("c.toml", THREE);
    folder
}

#[test]
fn lines_keep_their_bytes_and_their_order() {
    let input = b"user:1\n\nwith\ttab\ncarriage\r\n \xff\xfe\nuser:1\nno end";
    let run = folder().run(&["map", "--cluster", "c.toml"], input);
    run_is(&run, &expected(&input.split(|&byte| byte == b'\n').collect::<Vec<_>>(), b'\n'));
    assert_eq!(folder().run(&["map", "--cluster", "c.toml"], b"").good(), "");
}

fn run_is(run: &common::Run, expected: &[u8]) {
    assert_eq!((run.status(), run.error()), (0, ""));
    assert!(
        run.out() == expected,
        "{}\n---\n{}",
        run.out().escape_ascii(),
        expected.escape_ascii()
    );
}

#[test]
fn keys_that_end_in_nul() {
    let args = ["map", "--cluster", "c.toml", "--format", "nul"];
    let keys: [&[u8]; 4] = [b"a\nb", b"", b"c\r\n", b"last"];
    run_is(&folder().run(&args, b"a\nb\0\0c\r\n\0last"), &expected(&keys, 0));
}

#[test]
fn keys_in_hexadecimal() {
    let args = ["map", "--cluster", "c.toml", "--format", "hex"];
    let table = table();
    let owner = |key: &[u8]| String::from_utf8(owner(&table, key)).expect("UTF-8");
    let expected =
        format!("\t{}\n00ff0A\t{}\n6B\t{}\n", owner(b""), owner(b"\0\xff\n"), owner(b"k"));
    run_is(&folder().run(&args, b"\n00ff0A\n6B"), expected.as_bytes());
    for (input, says) in [
        (&b"61\n6\n"[..], "standard input: line 2: 1 digits; write two digits per byte"),
        (b"61\n62\nxy\n", "standard input: line 3: not hexadecimal: character 1 is 'x'"),
        (b"61\r\n", "standard input: line 1: not hexadecimal: a carriage return"),
    ] {
        let run = folder().run(&args, input);
        assert_eq!(run.status(), 2);
        assert!(run.error().contains(says), "{}", run.error());
        let good =
            input.split(|&byte| byte == b'\n').take_while(|line| *line == b"61" || *line == b"62");
        assert_eq!(run.text().lines().count(), good.count(), "what came before is printed");
    }
}

#[test]
fn replicas_are_columns() {
    let folder = folder();
    let table = table();
    let args = |k| ["map", "--cluster", "c.toml", "--replicas", k];
    let mut owners = [NodeIndex::new(0); 3];
    assert_eq!(table.owners(b"user:1", &mut owners), 3);
    let names = owners.map(|index| name(&table, index)).join(&b'\t');
    let all = [b"user:1\t", &names[..], b"\n"].concat();
    run_is(&folder.run(&args("3"), b"user:1\n"), &all);
    run_is(&folder.run(&args("65536"), b"user:1\n"), &all);
    folder.run(&args("1"), b"user:1\n").good();
    for k in ["0", "-1", "65537", "two"] {
        let run = folder.run(&args(k), b"user:1\n");
        assert_eq!((run.status(), run.text()), (2, ""), "{k}");
        assert!(run.error().contains("--replicas"), "{}", run.error());
    }
}

#[test]
fn objects_for_scripts() {
    let folder = folder();
    let run =
        folder.run(&["map", "--cluster", "c.toml", "--json", "--replicas", "2"], b"a\"b\n\xff\n");
    let rows: Vec<serde_json::Value> =
        run.good().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&rows[0]["key"], &rows[1]["key_hex"]), (&"a\"b".into(), &"ff".into()));
    let first = String::from_utf8(owner(&table(), b"a\"b")).expect("UTF-8");
    assert_eq!(rows[0]["nodes"][0], *first);
    assert_eq!(rows[1]["nodes"].as_array().map(Vec::len), Some(2));
    let run = folder.run(&["map", "--cluster", "c.toml", "--json", "--format", "hex"], b"61\n");
    assert!(run.good().starts_with("{\"key_hex\":\"61\",\"nodes\":[\"db"), "{}", run.text());
}

#[test]
fn a_key_without_owner_is_printed_and_counted() {
    let folder = Folder::new();
    folder.file("c.toml", NOBODY);
    let run = folder.run(&["map", "--cluster", "c.toml"], b"a\nb\n");
    assert_eq!((run.status(), run.text()), (1, "a\t\nb\t\n"));
    assert!(run.error().contains("c.toml: 2 keys without owner"), "{}", run.error());
    let run = folder.run(&["map", "--cluster", "c.toml", "--json"], b"a\n");
    assert_eq!((run.status(), run.text()), (1, "{\"key\":\"a\",\"nodes\":[]}\n"));
    let run = folder.run(&["map", "--cluster", "c.toml"], b"");
    assert_eq!((run.status(), run.error()), (0, ""), "no key is without owner");
}

#[test]
fn long_lines_up_to_the_limit() {
    let folder = folder();
    let longest = vec![b'k'; 16 << 20];
    run_is(&folder.run(&["map", "--cluster", "c.toml"], &longest), &expected(&[&longest], b'\n'));
    let input = [b"first\n", &longest[..], b"k\nafter\n"].concat();
    let run = folder.run(&["map", "--cluster", "c.toml"], &input);
    assert_eq!((run.status(), run.out()), (2, &expected(&[b"first"], b'\n')[..]));
    assert!(run.error().contains("line 2: longer than 16 MiB"), "{}", run.error());
}

#[test]
fn each_line_is_answered_at_once() {
    let folder = folder();
    let mut child = folder
        .command(&["map", "--cluster", "c.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    for key in ["user:1", "user:2", ""] {
        stdin.write_all(format!("{key}\n").as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        stdout.read_until(b'\n', &mut answer).expect("it answers before the next line");
        assert_eq!(answer, expected(&[key.as_bytes()], b'\n'));
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let folder = folder();
    let keys: String = (0..500_000).map(|number| format!("user:{number}\n")).collect();
    folder.file("keys.txt", &keys);
    let keys = std::fs::File::open(folder.path("keys.txt")).expect("just written");
    let mut child = folder
        .command(&["map", "--cluster", "c.toml"])
        .stdin(keys)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut head = [0; 64];
    child.stdout.take().expect("piped").read_exact(&mut head).expect("some lines");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn bad_files_are_named() {
    let folder = folder();
    folder.file("empty.toml", "");
    folder.file("garbage.toml", (0..=255u8).cycle().take(10_000).collect::<Vec<_>>());
    folder.file("zip.toml", b"PK\x03\x04\x14\0\x08\0");
    folder.file("typo.toml", "[[node]]\nname = \"a\"\nwieght = 2\n");
    std::fs::create_dir(folder.path("folder")).expect("writable");
    for (file, says) in [
        ("missing.toml", "missing.toml: cannot be read: No such file"),
        ("folder", "folder: is a directory; give the path of a cluster file"),
        ("empty.toml", "empty.toml: node: no nodes; add at least one [[node]]"),
        ("garbage.toml", "garbage.toml:2: not UTF-8: byte 0x80"),
        ("zip.toml", "zip.toml:1: not TOML"),
        ("typo.toml", "typo.toml:3: node[0].wieght: unknown field"),
    ] {
        folder.run(&["map", "--cluster", file], b"key\n").bad(says);
        folder.run(&["balance", "--cluster", file], b"").bad(says);
        folder.run(&["plan", "--from", "c.toml", "--to", file], b"").bad(says);
        folder.run(&["plan", "--to", "c.toml", "--from", file], b"").bad(says);
    }
    let args = ["map", "--cluster", "c.toml", "--layout", "ketama"];
    folder.run(&args, b"key\n").bad("--layout: layout: \"ketama\": unknown layout");
    let args = ["map", "--cluster", "c.toml", "--layout", "ringway-v1"];
    run_is(&folder.run(&args, b"key\n"), &expected(&[b"key"], b'\n'));
}

#[test]
fn wrong_usage_has_status_2() {
    let folder = folder();
    for args in
        [&[][..], &["nonsense"], &["map"], &["map", "--cluster"], &["plan", "--from", "c.toml"]]
    {
        let run = folder.run(args, b"");
        assert_eq!((run.status(), run.text()), (2, ""), "{args:?}");
        assert!(
            run.error().contains("Usage:") || run.error().contains("--help"),
            "{}",
            run.error()
        );
    }
    for args in [&["--help"][..], &["map", "--help"], &["plan", "--help"], &["balance", "--help"]] {
        let help = folder.run(args, b"").good().to_owned();
        assert!(help.contains("Exit status:"), "{help}");
        assert!(
            help.lines().filter(|line| line.len() > 100).all(|line| !line.starts_with("  ring"))
        );
    }
    let version = folder.run(&["--version"], b"").good().to_owned();
    assert_eq!(version, format!("ringway {}\n", env!("CARGO_PKG_VERSION")));
}
