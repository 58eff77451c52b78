//! Cluster files through the public interface: what is read, what is refused, and how it is said.

use std::{fmt::Write as _, path::PathBuf};

use proptest::prelude::*;
use ringway::{Layout, OptionValue, State};
use ringway_cluster::{ClusterFile, NodeEntry};

const WHOLE: &str = r#"layout = "ringway-v1"

[options]
vnodes = 100
hash_tag = "{}"

[[node]]
name = "db1"
weight = 2
zone = "a"
address = "10.0.0.1:7000"
control = "[::1]:7001"

[[node]]
name = "db \"2\" \\ é"
weight = 0
state = "drain"
"#;

#[test]
fn reads_every_field() {
    let file = ClusterFile::parse(WHOLE, "c.toml").expect("well formed");
    let layout = Layout::ringway_v1()
        .with_option("vnodes", OptionValue::Integer(100))
        .and_then(|layout| layout.with_option("hash_tag", OptionValue::Text("{}")))
        .expect("valid options");
    assert_eq!(*file.layout(), layout);
    let [first, second] = file.nodes() else { panic!("two nodes") };
    let expected = NodeEntry {
        weight: 2,
        zone: Some("a".into()),
        address: Some("10.0.0.1:7000".into()),
        control: Some("[::1]:7001".into()),
        ..NodeEntry::new("db1")
    };
    assert_eq!(*first, expected);
    let expected = NodeEntry { weight: 0, state: State::Drain, ..NodeEntry::new("db \"2\" \\ é") };
    assert_eq!(*second, expected);
    assert_eq!(file.to_toml(), WHOLE, "the canonical form is stable");
    let table = file.table().expect("few points");
    assert_eq!(table.len(), 2);
    assert_eq!(table.owner(b"any").map(|index| index.get()), Some(0));
}

#[test]
fn forms_that_mean_the_same_are_equal() {
    let plain =
        ClusterFile::parse("[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\nweight = 3\n", "");
    let inline =
        "node = [{name = 'a', weight = 0x1}, {name = \"\\u0062\", weight = 3, state='up'}]";
    let windows = "\u{feff}# c\r\nlayout=\"ringway-v1\"\r\noptions.vnodes=160\r\n[[node]]\r\nname=\"a\"\r\n\
                   [[node]]\r\nname=\"b\"\r\nweight=3";
    let plain = plain.expect("well formed");
    assert_eq!(plain, ClusterFile::parse(inline, "x").expect("inline tables"));
    assert_eq!(plain, ClusterFile::parse(windows, "y").expect("Windows line ends"));
}

/// Text, then machine name, line and field, then what the message must say.
type Refused<'a> = (&'a str, &'a str, Option<usize>, Option<&'a str>, &'a str);

#[test]
fn refuses_and_names_line_field_and_remedy() {
    const A: &str = "[[node]]\nname = \"a\"\n";
    let with = |text: &str| format!("{A}{text}");
    let cases: &[Refused<'_>] = &[
        ("", "no-nodes", None, Some("node"), "[[node]]"),
        ("# only a comment\n", "no-nodes", None, Some("node"), "add at least one"),
        ("node = []", "no-nodes", None, Some("node"), "add at least one"),
        ("layout = \"ringway-v1", "syntax", Some(1), None, "not TOML"),
        ("a b c", "syntax", Some(1), None, "not TOML"),
        (&with("name = \"b\"\n"), "syntax", Some(3), None, "duplicate key"),
        (&with("weight = 99999999999999999999\n"), "syntax", Some(3), None, "not TOML"),
        ("[node]\nname = \"a\"", "wrong-type", Some(1), Some("node"), "two brackets"),
        ("node = 3", "wrong-type", Some(1), Some("node"), "found 3"),
        ("node = [{name='a'}, 3]", "wrong-type", Some(1), Some("node"), "[[node]]"),
        ("node.name = 'a'", "wrong-type", Some(1), Some("node"), "two brackets"),
        ("\nlayuot = 'x'\n", "unknown-field", Some(2), Some("layuot"), "did you mean layout?"),
        ("name = 'a'", "unknown-field", Some(1), Some("name"), "below a [[node]]"),
        ("'a\tb' = 1", "unknown-field", Some(1), Some("\"a\\tb\""), "layout, options, node"),
        (
            &with("wieght = 2\n"),
            "unknown-field",
            Some(3),
            Some("node[0].wieght"),
            "did you mean weight?",
        ),
        (&with("layout = 'x'\n"), "unknown-field", Some(3), Some("node[0].layout"), "at the top"),
        (
            &with("colour = 2\n"),
            "unknown-field",
            Some(3),
            Some("node[0].colour"),
            "name, weight, zone, address, control, state",
        ),
        ("layout = 'ketama'\n", "unknown-layout", Some(1), Some("layout"), "ringway-v1"),
        (
            "layout = 'ringway-v2'",
            "unknown-layout",
            Some(1),
            Some("layout"),
            "did you mean ringway-v1?",
        ),
        ("layout = 1", "wrong-type", Some(1), Some("layout"), "found 1"),
        ("options = 1", "wrong-type", Some(1), Some("options"), "[options]"),
        ("[[options]]\n", "wrong-type", Some(1), Some("options"), "array of tables"),
        (
            "[options]\nvnode = 1",
            "unknown-option",
            Some(2),
            Some("options.vnode"),
            "those of ringway-v1 are vnodes, hash_tag; did you mean vnodes?",
        ),
        (
            "[options]\nlayout = 'x'",
            "unknown-option",
            Some(2),
            Some("options.layout"),
            "above [options]",
        ),
        ("[options]\nvnodes = 0", "bad-option", Some(2), Some("options.vnodes"), "found 0"),
        ("[options]\nvnodes = 65537", "bad-option", Some(2), Some("options.vnodes"), "1 to 65536"),
        (
            "[options]\nvnodes = '9'",
            "bad-option",
            Some(2),
            Some("options.vnodes"),
            "found the text \"9\"",
        ),
        ("[options]\nvnodes = 1.5", "bad-option", Some(2), Some("options.vnodes"), "found 1.5"),
        ("[options]\nvnodes = true", "bad-option", Some(2), Some("options.vnodes"), "found true"),
        (
            "[options]\nhash_tag = '{'",
            "bad-option",
            Some(2),
            Some("options.hash_tag"),
            "two visible",
        ),
        (
            &with("[[node]]\nweight = 1\n"),
            "missing-name",
            Some(3),
            Some("node[1].name"),
            "add name =",
        ),
        ("[[node]]\nname = 1", "wrong-type", Some(2), Some("node[0].name"), "in quotes, found 1"),
        ("[[node]]\nname = ['a']", "wrong-type", Some(2), Some("node[0].name"), "found an array"),
        ("[[node]]\nname = ''", "name-empty", Some(2), Some("node[0].name"), "1 to 1024"),
        ("[[node]]\nname = \"a\\tb\"", "control-character", Some(2), Some("node[0].name"), "0x09"),
        (
            "[[node]]\nname = \"\"\"a\nb\"\"\"",
            "control-character",
            Some(2),
            Some("node[0].name"),
            "0x0a",
        ),
        (
            "[[node]]\nname = \"\\u007f\"",
            "control-character",
            Some(2),
            Some("node[0].name"),
            "0x7f",
        ),
        (&with("zone = ''\n"), "zone-empty", Some(3), Some("node[0].zone"), "1 to 1024"),
        (&with("zone = 7\n"), "wrong-type", Some(3), Some("node[0].zone"), "found 7"),
        (
            &with("\n[[node]]\nname = \"a\"\n"),
            "duplicate-name",
            Some(5),
            Some("node[1].name"),
            "\"a\" is already the name of node[0].name (line 2)",
        ),
        (
            &with("weight = 2.5\n"),
            "bad-weight",
            Some(3),
            Some("node[0].weight"),
            "expected a whole number from 0 to 4294967295, found 2.5",
        ),
        (&with("weight = 1.0\n"), "bad-weight", Some(3), Some("node[0].weight"), "found 1.0"),
        (&with("weight = inf\n"), "bad-weight", Some(3), Some("node[0].weight"), "found inf"),
        (&with("weight = -1\n"), "bad-weight", Some(3), Some("node[0].weight"), "found -1"),
        (
            &with("weight = 4294967296\n"),
            "bad-weight",
            Some(3),
            Some("node[0].weight"),
            "4294967295",
        ),
        (&with("weight = '1'\n"), "bad-weight", Some(3), Some("node[0].weight"), "the text \"1\""),
        (&with("weight = true\n"), "bad-weight", Some(3), Some("node[0].weight"), "found true"),
        (
            &with("weight = 2026-11-22\n"),
            "bad-weight",
            Some(3),
            Some("node[0].weight"),
            "2026-11-22",
        ),
        (&with("[node.weight]\n"), "bad-weight", Some(3), Some("node[0].weight"), "found a table"),
        (&with("state = 'Up'\n"), "bad-state", Some(3), Some("node[0].state"), "did you mean up?"),
        (&with("state = 1\n"), "wrong-type", Some(3), Some("node[0].state"), "found 1"),
        (&with("address = 'db1'\n"), "bad-address", Some(3), Some("node[0].address"), "no port"),
        (
            &with("address = 'db1:0'\n"),
            "bad-address",
            Some(3),
            Some("node[0].address"),
            "1 to 65535",
        ),
        (
            &with("control = '::1:80'\n"),
            "bad-address",
            Some(3),
            Some("node[0].control"),
            "brackets",
        ),
        (&with("address = 80\n"), "wrong-type", Some(3), Some("node[0].address"), "found 80"),
        (
            &with("address='h:1'\n[[node]]\nname='b'\ncontrol='H:1'\n"),
            "duplicate-address",
            Some(6),
            Some("node[1].control"),
            "\"H:1\" is already node[0].address (line 3)",
        ),
    ];
    for (text, name, line, field, says) in cases {
        let error = ClusterFile::parse(text, "c.toml").expect_err(text);
        let whole = error.to_string();
        assert_eq!(error.name(), *name, "{text}\n{whole}");
        assert_eq!(error.line(), *line, "{text}\n{whole}");
        assert_eq!(error.field(), *field, "{text}\n{whole}");
        assert!(whole.contains(says), "{text}\n{whole}\nlacks {says}");
        let place = line.map_or("c.toml: ".to_owned(), |line| format!("c.toml:{line}: "));
        assert!(whole.starts_with(&place), "{whole}");
        assert!(!whole.contains('\n'), "{whole}");
    }
}

#[test]
fn a_whole_error_reads_well() {
    let text = "[[node]]\nname = \"a\"\n\n[[node]]\nname = \"b\"\n\nweight = 2.5\n";
    let error = ClusterFile::parse(text, "cluster.toml").expect_err("a fraction");
    assert_eq!(
        error.to_string(),
        "cluster.toml:7: node[1].weight: expected a whole number from 0 to 4294967295, found 2.5"
    );
}

#[test]
fn long_texts_and_long_errors_are_bounded() {
    let node = |name: &str| format!("[[node]]\nname = \"{name}\"\n");
    let longest = ClusterFile::parse(&node(&"n".repeat(1_024)), "c").expect("1,024 bytes");
    assert_eq!(longest.nodes()[0].name.len(), 1_024);
    let error = ClusterFile::parse(&node(&"n".repeat(1_025)), "c").expect_err("1,025 bytes");
    assert_eq!(error.name(), "name-too-long");
    let zone = format!("{}zone = \"{}\"\n", node("a"), "z".repeat(1_025));
    let error = ClusterFile::parse(&zone, "c").expect_err("1,025 bytes");
    assert_eq!((error.name(), error.line()), ("zone-too-long", Some(3)));
    let monster = format!("{} = 1", "k".repeat(1 << 20));
    let error = ClusterFile::parse(&monster, "c").expect_err("an unknown field");
    assert!(error.to_string().len() < 400, "{} bytes", error.to_string().len());
}

#[test]
fn the_table_refuses_too_many_points_at_the_heaviest_node() {
    let text =
        "[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\nweight = 104857\n[[node]]\nname=\"c\"";
    let error = ClusterFile::parse(text, "c").expect("each field is fine").table().map(|_| ());
    let error = error.expect_err("160 · 104,859 points");
    assert_eq!(error.name(), "too-many-points");
    assert_eq!((error.line(), error.field()), (Some(5), Some("node[1].weight")));
    assert!(error.to_string().contains("16777440 points"), "{error}");
}

#[test]
fn at_most_65_536_nodes() {
    let mut text = "options.vnodes = 1\n".to_owned();
    for number in 0..65_536 {
        let _ = writeln!(text, "[[node]]\nname = \"n{number}\"");
    }
    let file = ClusterFile::parse(&text, "c").expect("as many as allowed");
    assert_eq!(file.table().expect("65,536 points").len(), 65_536);
    text.push_str("[[node]]\nname = \"one more\"\n");
    let error = ClusterFile::parse(&text, "c").expect_err("one too many");
    assert_eq!((error.name(), error.line()), ("too-many-nodes", Some(131_074)));
}

#[test]
fn nodes_from_code_are_checked_as_a_file_is() {
    let layout = Layout::ringway_v1();
    let new = |names: &[&str]| {
        let nodes = names.iter().map(|name| NodeEntry::new(name)).collect();
        ClusterFile::new(layout.clone(), nodes).map_err(|error| error.to_string())
    };
    assert_eq!(new(&["a", "b"]).expect("fine").nodes().len(), 2);
    assert!(new(&[]).expect_err("none").starts_with("node: no nodes"));
    let error = new(&["a", "b", "a"]).expect_err("twice");
    assert!(
        error.starts_with("node[2].name: \"a\" is already the name of node[0].name;"),
        "{error}"
    );
}

#[test]
fn another_layout_keeps_the_options() {
    let file = ClusterFile::parse(WHOLE, "c.toml").expect("well formed");
    assert_eq!(file.with_layout("ringway-v1").expect("the same"), file);
    let error = file.with_layout("ringway-v9").expect_err("none such");
    assert_eq!((error.name(), error.field()), ("unknown-layout", Some("layout")));
}

#[test]
fn a_layout_refuses_nodes_at_their_field() {
    let text = "layout = 'jump-v1'\n[[node]]\nname = 'a'\n[[node]]\nname = 'b'\n";
    let file = |more: &str| ClusterFile::parse(&format!("{text}{more}"), "c").expect("well formed");
    assert_eq!(file("state = 'down'").table().expect("one place each").len(), 2);
    for (more, name, field, part) in [
        ("weight = 2", "weight-unsupported", "node[1].weight", "every node has weight 1 (jump-v1)"),
        ("weight = 0", "weight-unsupported", "node[1].weight", "weight 0"),
        ("state = 'drain'", "drain-unsupported", "node[1].state", "end of the list"),
    ] {
        let error = file(more).table().expect_err(more);
        assert_eq!((error.name(), error.field(), error.line()), (name, Some(field), Some(6)));
        assert!(error.to_string().contains(part), "{error}");
    }
    let error =
        ClusterFile::parse("layout = 'jump-v1'\noptions.vnodes = 1", "c").expect_err("none");
    assert!(error.to_string().contains("those of jump-v1 are hash_tag"), "{error}");
}

#[test]
fn a_secret_is_kept_but_not_shown() {
    let secret = "000102030405060708090a0b0c0d0e0f";
    let text = |key: &str| {
        format!("layout = 'ringway-keyed-v1'\n[options]\n{key}\n[[node]]\nname = 'a'\n")
    };
    let file = ClusterFile::parse(&text(&format!("key = '{secret}'")), "c").expect("well formed");
    assert_eq!(file.table().expect("one node").len(), 1);
    assert!(file.to_toml().contains(secret), "it is part of the file");
    assert!(!format!("{file:?}").contains("0a0b"));
    let error = ClusterFile::parse(&text("key = '00010203040506'"), "c").expect_err("too short");
    assert_eq!((error.name(), error.line()), ("bad-option", Some(3)));
    assert!(
        error.to_string().ends_with("32 hexadecimal digits, found a text of 14 bytes"),
        "{error}"
    );
    let unset = ClusterFile::parse(&text(""), "c").expect("read").table().expect_err("no key");
    assert_eq!((unset.name(), unset.field()), ("missing-option", Some("options.key")));
}

/// The text of a cluster file, in a folder with these files; gone when the folder is.
fn in_folder(text: &str, files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("writable");
    }
    let path = folder.path().join("c.toml");
    std::fs::write(&path, text).expect("writable");
    (folder, path)
}

#[test]
fn a_key_may_be_in_a_file_of_its_own() {
    const SECRET: &str = "000102030405060708090A0b0c0d0e0f";
    let text = |options: &str| {
        format!("layout = 'ringway-keyed-v1'\n[options]\n{options}\n[[node]]\nname = 'a'\n")
    };
    let direct = ClusterFile::parse(&text(&format!("key = '{SECRET}'")), "c").expect("a key");
    let beside = text("vnodes = 7\nkey_file = 'secret.hex'");
    for end in ["", "\n", "\r\n"] {
        let content = format!("{SECRET}{end}");
        let (folder, path) = in_folder(&beside, &[("secret.hex", content.as_bytes())]);
        let file = ClusterFile::read(&path).expect("a key file");
        assert_eq!(file.layout().sip_key(), direct.layout().sip_key());
        // From memory, the path must be whole.
        let whole = text(&format!("key_file = '{}'", folder.path().join("secret.hex").display()));
        assert_eq!(ClusterFile::parse(&whole, "c").as_ref(), Ok(&direct));
        let shown = file.to_shown_toml();
        assert!(shown.contains("# key is set, but not shown\n") && shown.contains("vnodes = 7\n"));
        for shown in [shown, format!("{file:?}")] {
            assert!(!shown.to_ascii_lowercase().contains("0a0b"), "{shown}");
        }
        assert_eq!(ClusterFile::parse(&file.to_toml(), "c").as_ref(), Ok(&file));
    }
    let wrong: [(&[u8], &str); 7] = [
        (b"", "but has 0 bytes"),
        (&SECRET.as_bytes()[1..], "but has 31 bytes"),
        (b"000102030405060708090A0b0c0d0e0fZ", "but has 33 bytes"),
        (b"000102030405060708090A0b0c0d0e0f\n\n", "but has 34 bytes"),
        (b"000102030405060708090A0b0c0d0e0 ", "but has 32 bytes"),
        (b"000102030405060708090A0b0c0d0e\xff\xff", "but has 32 bytes"),
        (&[b'0'; 100], "but has more than 34 bytes"),
    ];
    for (content, part) in wrong {
        let (_folder, path) = in_folder(&beside, &[("secret.hex", content)]);
        let error = ClusterFile::read(&path).expect_err("no key");
        assert_eq!((error.name(), error.line()), ("bad-key-file", Some(4)));
        assert_eq!(error.field(), Some("options.key_file"));
        let shown = error.to_string();
        assert!(shown.contains(part) && shown.contains("openssl rand -hex 16"), "{shown}");
        assert!(shown.starts_with(&path.display().to_string()), "{shown}");
        assert!(!shown.contains("0A0b") && !shown.contains("0000"), "{shown}");
    }
    for (path, part) in [("none.hex", "cannot be read"), ("", "is no file"), (".", "is no file")] {
        let (_folder, path) = in_folder(&text(&format!("key_file = '{path}'")), &[]);
        let error = ClusterFile::read(&path).expect_err("no file").to_string();
        assert!(error.contains("c.toml:3: options.key_file: ") && error.contains(part), "{error}");
    }
    let both = format!("key_file = 'secret.hex'\nkey = '{SECRET}'");
    let (_folder, path) = in_folder(&text(&both), &[("secret.hex", SECRET.as_bytes())]);
    let error = ClusterFile::read(&path).expect_err("twice");
    assert_eq!((error.name(), error.field()), ("bad-key-file", Some("options.key")));
    assert!(error.message().contains("keep one of them"), "{error}");
    let error = ClusterFile::parse(&beside, "c").expect_err("from memory");
    assert_eq!((error.name(), error.line()), ("bad-key-file", Some(4)));
    assert!(error.message().contains("give an absolute path"), "{error}");
    let error = ClusterFile::parse(&text("key_fil = ''"), "c").expect_err("misspelt");
    assert!(error.message().ends_with("did you mean key_file?"), "{error}");
}

#[test]
fn lists_are_read_written_and_located() {
    let text = |removed: &str| {
        format!(
            "layout = 'memento-v1'\n[options]\nhash_tag = '{{}}'\nremoved = {removed}\n[[node]]\nname = 'a'\n[[node]]\nname = 'b'\n"
        )
    };
    let file = ClusterFile::parse(&text("[1, 0]"), "c").expect("well formed");
    assert!(
        file.to_toml().contains("\nremoved = [1, 0]\nhash_tag = \"{}\"\n"),
        "{}",
        file.to_toml()
    );
    assert_eq!(ClusterFile::parse(&file.to_toml(), "c").as_ref(), Ok(&file));
    assert_eq!(file.table().expect("two nodes").owner(b"key"), None);
    for (removed, part) in [
        ("[0, 0]", "found [0, 0]"),
        ("[-1]", "found [a number out of range]"),
        ("[9, 8, 7, 6, 5, 4, 3, 2, 1, 9]", "2, ... (10 numbers)]"),
        ("['1']", "or an array of whole numbers, found an array"),
        ("1", "found 1"),
        ("[2]", "none twice; there are 2 nodes"),
    ] {
        let file = ClusterFile::parse(&text(removed), "c");
        let error = file.and_then(|file| file.table()).expect_err(removed);
        assert_eq!((error.name(), error.line()), ("bad-option", Some(4)), "{error}");
        assert_eq!(error.field(), Some("options.removed"));
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_record_that_holds_a_secret_is_not_shown() {
    let record = |options: &str| ringway_cluster::ConfigRecord {
        toml: format!("layout = \"x\"\n\n[options]\n{options}\n"),
        reason: "seed".into(),
        accept_loss: false,
    };
    assert!(format!("{:?}", record("vnodes = 7")).contains("vnodes = 7"));
    let shown = format!("{:?}", record("vnodes = 7\nkey = \"0a0b\""));
    assert!(shown.contains("(holds a key)") && !shown.contains("0a0b"), "{shown}");
}

#[test]
fn bytes_that_are_not_text_are_refused_at_their_line() {
    let error = ClusterFile::parse_bytes(b"# one\n# \xff\n", "c").expect_err("not UTF-8");
    assert_eq!((error.name(), error.line()), ("syntax", Some(2)));
    assert!(error.to_string().contains("0xff"), "{error}");
    let huge = vec![b'#'; (64 << 20) + 1];
    let error = ClusterFile::parse_bytes(&huge, "c").expect_err("too large");
    assert_eq!(error.name(), "too-large");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for text in
        ["[".repeat(100_000), "a.".repeat(100_000), "node = ".to_owned() + &"[".repeat(99_999)]
    {
        let error = ClusterFile::parse(&text, "c").expect_err("not a cluster");
        assert_eq!(error.name(), "syntax");
    }
}

fn text() -> impl Strategy<Value = String> {
    "[ -~é\u{85}\u{2028}漢]{1,12}"
}

fn node() -> impl Strategy<Value = NodeEntry> {
    let weight = prop_oneof![0..5u32, any::<u32>()];
    let state = prop_oneof![Just(State::Up), Just(State::Down), Just(State::Drain)];
    (text(), weight, proptest::option::of(text()), any::<bool>(), state).prop_map(
        |(name, weight, zone, has_address, state)| {
            let address = has_address.then(|| format!("{:x}.example:80", hash(&name)));
            let control = has_address.then(|| format!("[::{:x}]:81", hash(&name) & 0xffff));
            NodeEntry { weight, zone, address, control, state, ..NodeEntry::new(&name) }
        },
    )
}

fn hash(text: &str) -> u64 {
    ringway::key_hash(text.as_bytes())
}

fn cluster() -> impl Strategy<Value = ClusterFile> {
    let layout = (1..=65_536i64, proptest::option::of("[!-~]{2}"));
    (layout, proptest::collection::vec(node(), 1..9)).prop_filter_map(
        "names or addresses are not unique",
        |((vnodes, tag), nodes)| {
            let mut layout =
                Layout::ringway_v1().with_option("vnodes", OptionValue::Integer(vnodes));
            if let Some(tag) = &tag {
                layout = layout.and_then(|it| it.with_option("hash_tag", OptionValue::Text(tag)));
            }
            ClusterFile::new(layout.expect("options in range"), nodes).ok()
        },
    )
}

proptest! {
    #[test]
    fn printed_and_read_again_it_is_the_same(file in cluster()) {
        let text = file.to_toml();
        let again = ClusterFile::parse(&text, "printed");
        prop_assert_eq!(again.as_ref(), Ok(&file), "{}", text);
        prop_assert_eq!(again.expect("compared above").to_toml(), text);
    }

    #[test]
    fn no_damaged_file_panics(
        changes in proptest::collection::vec((any::<u16>(), 0..4u8, any::<u8>()), 1..8),
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for (at, how, byte) in changes {
            let at = usize::from(at) % (bytes.len() + 1);
            // Some bytes of meaning, so that damage reaches beyond the TOML reader.
            let byte = if byte < 128 { b"[]={}\"'.\n-0915aen"[usize::from(byte) % 17] } else { byte };
            match how {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.splice(at..(at + 1).min(bytes.len()), [byte])),
                2 => drop(bytes.drain(at..(at + usize::from(byte) % 40).min(bytes.len()))),
                _ => {
                    let end = (at + usize::from(byte) % 60).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        match ClusterFile::parse_bytes(&bytes, "damaged") {
            Ok(file) => {
                let printed = file.to_toml();
                prop_assert_eq!(ClusterFile::parse(&printed, "again"), Ok(file));
            }
            Err(error) => {
                let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
                prop_assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{}", error);
                prop_assert!(error.to_string().len() < 700, "{}", error);
            }
        }
    }
}

#[test]
fn decimal_weights_are_read_as_written_where_the_layout_has_them() {
    let with = |layout: &str, weight: &str| {
        format!("\u{feff}layout = \"{layout}\"\n[[node]]\nname = \"é\"\nweight = {weight}\n")
    };
    for layout in ["ats-parent", "varnish-shard"] {
        for (text, whole, millionths) in
            [("0.5", 0, 500_000), ("1.000001", 1, 1), ("2.25", 2, 250_000), ("3", 3, 0)]
        {
            let file = ClusterFile::parse(&with(layout, text), "c.toml").expect("well formed");
            let node = &file.nodes()[0];
            assert_eq!((node.weight, node.deployed.weight_millionths), (whole, millionths));
            let again = ClusterFile::parse(&file.to_toml(), "c.toml").expect("its own form");
            assert_eq!(file, again);
        }
        for text in ["0.0000001", "1e3", "-0.5", "inf", "1_0.5", "4294967296.0"] {
            let error = ClusterFile::parse(&with(layout, text), "c.toml").expect_err(text);
            assert_eq!(error.name(), "bad-weight", "{text}");
        }
    }
    let error = ClusterFile::parse(&with("nginx", "0.5"), "c.toml").expect_err("a fraction");
    assert_eq!(error.name(), "bad-weight");
}
