//! Deployed programs' layouts against what the programs answered (`spec/upstream`).
#![cfg(feature = "compat")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use ringway::{
    BuildError, Layout, Node, NodeIndex, OptionValue, Program, State, Table, cassandra_token,
    redis_slot,
};
use serde_json::Value;

/// A recorded file: its case, and its rows of key and node.
struct Recorded {
    name: String,
    case: Value,
    rows: Vec<(Vec<u8>, String)>,
}

/// Every recorded file of that kind.
fn recorded(kind: &str) -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/upstream");
    let mut paths: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let (first, rest) = text.split_once('\n')?;
        let case: Value = serde_json::from_str(first.strip_prefix("# case: ")?).unwrap();
        if case["kind"] != kind {
            return None;
        }
        let rows = rest.lines().filter(|line| !line.starts_with("# ")).map(|line| {
            let (key, node) = line.rsplit_once('\t').unwrap();
            (unescaped(key), node.to_owned())
        });
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Some(Recorded { name, rows: rows.collect(), case })
    };
    paths.iter().filter_map(read).collect()
}

fn unescaped(key: &str) -> Vec<u8> {
    let Some(digits) = key.strip_prefix("hex:") else { return key.into() };
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// The decimals of a weight, in millionths.
fn millionths(weight: &Value) -> u64 {
    let text = weight.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{decimals:0<6}").parse().unwrap()
}

/// The table that a case describes.
fn table(case: &Value) -> Table {
    let mut layout = Layout::from_name(case["layout"].as_str().unwrap()).unwrap();
    for (name, value) in case["options"].as_object().unwrap() {
        let value = match value {
            Value::String(text) => OptionValue::Text(text),
            Value::Bool(truth) => OptionValue::Boolean(*truth),
            number => OptionValue::Integer(number.as_i64().unwrap()),
        };
        layout = layout.with_option(name, value).unwrap();
    }
    let buckets = case["buckets"].as_u64().unwrap_or_default();
    let buckets: Vec<String> = (0..buckets).map(|bucket| bucket.to_string()).collect();
    let listed = case["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let tokens: Vec<Vec<i64>> = listed
        .iter()
        .map(|node| {
            let tokens = node["tokens"].as_array().map_or(&[][..], Vec::as_slice);
            tokens.iter().map(|token| token.as_i64().unwrap()).collect()
        })
        .collect();
    let listed = listed.iter().zip(&tokens).map(|(node, tokens)| {
        let mut made = Node::new(node["name"].as_str().unwrap())
            .with_weight_millionths(millionths(&node["weight"]));
        if let Some(state) = node["state"].as_str() {
            made = made.with_state(State::from_name(state).unwrap());
        }
        if let Some(address) = node["address"].as_str() {
            made = made.with_address(address);
        }
        if let Some(text) = node["hash_text"].as_str() {
            made = made.with_hash_text(text.as_bytes());
        }
        if let Some(id) = node["id"].as_u64() {
            made = made.with_id(u32::try_from(id).unwrap());
        }
        if let Some(guid) = node["guid"].as_str() {
            made = made.with_guid(guid.as_bytes());
        }
        if let Some(vnodes) = node["vnodes"].as_u64() {
            made = made.with_vnodes(u32::try_from(vnodes).unwrap());
        }
        if tokens.is_empty() { made } else { made.with_tokens(tokens) }
    });
    let nodes: Vec<Node<'_>> = listed.chain(buckets.iter().map(|name| Node::new(name))).collect();
    Table::new(&layout, &nodes).unwrap()
}

/// The name of a key's owner.
fn owner(table: &Table, key: &[u8]) -> String {
    let owner = table.owner(key).and_then(|index| table.node(index));
    owner.map_or("nobody".into(), |node| String::from_utf8_lossy(node.name()).into_owned())
}

#[test]
fn every_recorded_answer_is_given() {
    let files = recorded("map");
    let (mut rows, mut wrong) = (0, Vec::new());
    for file in &files {
        let table = table(&file.case);
        let misses =
            file.rows.iter().filter(|(key, node)| owner(&table, key) != *node).collect::<Vec<_>>();
        rows += file.rows.len();
        if let Some((key, node)) = misses.first() {
            let got = owner(&table, key);
            wrong.push(format!(
                "{}: {} of {} rows; {:?} is {node}, not {got}",
                file.name,
                misses.len(),
                file.rows.len(),
                String::from_utf8_lossy(key),
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    assert!(files.len() >= 388 && rows >= 150_000, "{} files, {rows} rows", files.len());
}

#[test]
fn loads_lead_where_the_programs_lead() {
    let files = recorded("bounded");
    assert_eq!(files.len(), 6);
    for file in files {
        let table = table(&file.case);
        let mut active = vec![0u64; table.len()];
        for (line, (rest, node)) in file.rows.iter().enumerate() {
            let (op, key) = rest.split_at(rest.iter().position(|&byte| byte == b'\t').unwrap());
            let key = unescaped(core::str::from_utf8(&key[1..]).unwrap());
            let index = table.index_of(node.as_bytes()).unwrap();
            if op == b"close" {
                active[index.as_usize()] -= 1;
                continue;
            }
            let picked = table.owner_under_load(&key, |node| active[node.as_usize()]);
            assert_eq!(picked, Some(index), "{}, row {line}", file.name);
            active[index.as_usize()] += 1;
        }
    }
}

#[test]
fn slots_and_tokens_are_those_of_the_programs() {
    let files = recorded("value");
    let mut kinds = Vec::new();
    for file in &files {
        let what = file.case["value"].as_str().unwrap();
        kinds.push(what);
        let redis = (what == "owner-of-slot").then(|| table(&file.case));
        for (key, value) in &file.rows {
            let got = match what {
                "slot" => redis_slot(key).to_string(),
                "token" => cassandra_token(key).to_string(),
                "owner-of-slot" => {
                    let slot: u16 = core::str::from_utf8(key).unwrap().parse().unwrap();
                    // A key of that slot, to ask the table for.
                    let keys = (0u32..).map(|number| number.to_string());
                    let key = keys.into_iter().find(|key| redis_slot(key.as_bytes()) == slot);
                    owner(redis.as_ref().unwrap(), key.unwrap().as_bytes())
                }
                _ => continue,
            };
            assert_eq!(got, *value, "{}, {:?}", file.name, String::from_utf8_lossy(key));
        }
    }
    // `jumpback` is held against its own function elsewhere.
    assert_eq!(kinds, ["token", "jumpback", "slot", "owner-of-slot"]);
}

/// The part of what a request carries that is hashed, as the programs' own balancing takes it.
///
/// `vcl_hash` is a hash of its own and has no layout.
fn extracted(extract: &Value, key: &[u8]) -> Option<Vec<u8>> {
    let until = |byte: u8| key.split(|&other| other == byte).next().unwrap_or_default();
    let part = match extract["from"].as_str().unwrap() {
        "source" => {
            let address: Ipv4Addr = core::str::from_utf8(key).unwrap().parse().unwrap();
            return Some(u32::from(address).to_string().into_bytes());
        }
        "uri" if extract["whole"] == true => Some(key),
        "uri" => {
            let len =
                extract["len"].as_u64().map_or(usize::MAX, |len| usize::try_from(len).unwrap());
            let part = until(b'?');
            let part = &part[..len.min(part.len())];
            let Some(depth) = extract["depth"].as_u64() else { return Some(part.to_vec()) };
            let slashes = part.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
            let end = slashes.map(|(at, _)| at).nth(usize::try_from(depth).unwrap());
            Some(&part[..end.unwrap_or(part.len())])
        }
        "hdr" => Some(until(b',')),
        "url" => Some(key),
        _ => None,
    };
    part.map(<[u8]>::to_vec)
}

/// The table of a case; an address is hashed as the number that it is.
fn table_of_extract(case: &Value) -> Table {
    let mut case = case.clone();
    if case["extract"]["from"] == "source" {
        let avalanche = case["layout"] == "haproxy-consistent";
        case["options"] = serde_json::json!({ "hash": "none", "avalanche": avalanche });
    }
    table(&case)
}

#[test]
fn what_requests_carry_leads_to_the_recorded_node() {
    let files = recorded("extract");
    assert_eq!(files.len(), 10);
    let mut checked = 0;
    for file in files {
        let table = table_of_extract(&file.case);
        for (key, node) in &file.rows {
            if let Some(part) = extracted(&file.case["extract"], key) {
                assert_eq!(owner(&table, &part), *node, "{}", file.name);
                checked += 1;
            }
        }
    }
    assert!(checked >= 3_200, "{checked} rows");
}

/// Each recorded case once more through everything that a table can do.
#[test]
fn tables_of_deployed_layouts_keep_their_promises() {
    for file in recorded("map") {
        let table = table(&file.case);
        let name = &file.name;
        let same = Table::from_bytes(&table.to_bytes()).unwrap();
        assert_eq!(same.fingerprint(), table.fingerprint(), "{name}");
        assert_eq!(same.layout(), table.layout());
        let mut all = vec![NodeIndex::new(0); table.len()];
        for (key, _) in file.rows.iter().step_by(37) {
            let walk: Vec<_> = table.walk(key).collect();
            let mut distinct = walk.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), walk.len(), "{name}");
            assert_eq!(walk.first().copied(), table.owner(key), "{name}");
            assert_eq!(same.owner(key), table.owner(key), "{name}");
            assert_eq!(table.candidates(key).next(), table.owner(key), "{name}");
            let count = table.owners(key, &mut all);
            assert_eq!(all[..count], walk, "{name}");
            match (table.hash_bits(), table.key_hash(key)) {
                (Some(bits), Some(hash)) => {
                    assert_eq!(table.owner_by_hash(hash), table.owner(key), "{name}");
                    assert_eq!(table.walk_by_hash(hash).collect::<Vec<_>>(), walk, "{name}");
                    if bits == 32 {
                        assert_eq!(table.owner_by_hash(hash | 1 << 32), None, "{name}");
                    }
                }
                (bits, hash) => assert_eq!((bits, hash), (None, None), "{name}"),
            }
        }
        assert!(table.segments().is_none() && table.position(b"k").is_none());
    }
}

fn any_program() -> impl Strategy<Value = Program> {
    (0..Program::ALL.len()).prop_map(|place| Program::ALL[place])
}

fn any_nodes() -> impl Strategy<Value = Vec<(String, u64, State, u32)>> {
    let name = "[a-c0-9.:\\[\\]é/-]{1,12}";
    let weight = prop_oneof![
        Just(1_000_000u64),
        (0..5u64).prop_map(|weight| weight * 1_000_000),
        (0..3_000_000u64),
        Just(300_000_000),
    ];
    let state = prop_oneof![4 => Just(State::Up), 1 => Just(State::Down), 1 => Just(State::Drain)];
    proptest::collection::vec((name, weight, state, any::<u32>()), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Whatever nodes, states and keys: a table or an error with a name, and answers that agree.
    #[test]
    fn nothing_panics(
        program in any_program(),
        nodes in any_nodes(),
        keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 8),
        hash in any::<u64>(),
    ) {
        let tokens = [1, -1, i64::MIN, i64::MAX];
        let nodes: Vec<Node<'_>> = nodes
            .iter()
            .map(|(name, weight, state, id)| {
                let node = Node::new(name).with_weight_millionths(*weight).with_state(*state);
                let node = if id % 3 == 0 { node.with_id(*id).with_hash_text(b"t") } else { node };
                let node = if id % 5 == 0 { node.with_tokens(&tokens) } else { node };
                if id % 7 == 0 { node.with_vnodes(id % 100) } else { node }
            })
            .collect();
        let mut layout = Layout::compat(program);
        if program == Program::Guava {
            layout = layout.with_option("hash", OptionValue::Text("crc32")).unwrap();
        }
        match Table::new(&layout, &nodes) {
            Err(error) => prop_assert!(!error.name().is_empty()),
            Ok(table) => {
                for key in &keys {
                    let owner = table.owner(key);
                    prop_assert_eq!(table.walk(key).next(), owner);
                    prop_assert_eq!(table.owner_under_load(key, |_| 0), owner);
                    prop_assert!(table.candidates(key).count() <= 1 << 24);
                }
                let _ = table.owner_by_hash(hash);
                let copy = Table::from_bytes(&table.to_bytes()).unwrap();
                prop_assert_eq!(copy.fingerprint(), table.fingerprint());
            }
        }
    }
}

#[test]
fn options_are_checked() {
    for &program in Program::ALL {
        let layout = Layout::compat(program);
        assert_eq!(layout.name(), program.name());
        assert_eq!(Layout::from_name(program.name()).as_ref(), Ok(&layout));
        assert_eq!(layout.options().count(), 0);
        for &name in layout.option_names() {
            for value in [OptionValue::Integer(-1), OptionValue::Text("no such")] {
                let error = layout.clone().with_option(name, value).unwrap_err();
                assert_eq!(error.name(), "bad-option", "{} {name}", program.name());
            }
        }
        let error = layout.with_option("colour", OptionValue::Text("red")).unwrap_err();
        assert_eq!(error, BuildError::UnknownOption);
    }
    assert_eq!(
        Table::new(&Layout::compat(Program::Guava), &[Node::new("0")]).unwrap_err(),
        BuildError::MissingOption { name: "hash" }
    );
    // HAProxy without a function avalanches; with one, also the default one, it does not.
    let unset = Layout::compat(Program::HaproxyConsistent);
    let named = unset.clone().with_option("hash", OptionValue::Text("sdbm")).unwrap();
    assert_ne!(unset, named);
    let unset = Layout::compat(Program::EnvoyRing);
    let named = unset.clone().with_option("hash", OptionValue::Text("xx_hash")).unwrap();
    assert_eq!(unset, named);
}

#[test]
fn what_a_program_does_not_know_is_refused() {
    let build = |program, nodes: &[Node<'_>]| {
        Table::new(&Layout::compat(program), nodes).map(|_| ()).map_err(|error| error.name())
    };
    let up = Node::new("a:1");
    let down = Node::new("b:1").with_state(State::Down);
    let drain = Node::new("b:1").with_state(State::Drain);
    let half = Node::new("b:1").with_weight_millionths(500_000);
    for &program in Program::ALL.iter().filter(|&&program| program != Program::Guava) {
        assert_eq!(build(program, &[up, drain]), Err("drain-unsupported"), "{program:?}");
        let knows_down = "nginx nginx-modulo twemproxy-ketama twemproxy-modula envoy-ring envoy-maglev \
                          haproxy-consistent haproxy-map varnish-shard ats-parent";
        let knows_down = knows_down.split_whitespace().any(|name| name == program.name());
        let expected = if knows_down { Ok(()) } else { Err("state-unsupported") };
        assert_eq!(build(program, &[up, down]), expected, "{program:?}");
        let knows_halves = matches!(program, Program::VarnishShard | Program::AtsParent);
        let expected = if knows_halves { Ok(()) } else { Err("weight-unsupported") };
        assert_eq!(build(program, &[up, half]), expected, "{program:?}");
    }
    assert_eq!(build(Program::HaproxyMap, &[up.with_weight(257)]), Err("weight-unsupported"));
    let error = Table::new(&Layout::ringway_v1(), &[up.with_id(1)]).unwrap_err();
    assert_eq!(error, BuildError::FieldUnsupported { index: 0, field: "id" });
    for ids in [[1, 0], [7, 7]] {
        let nodes = [Node::new("a").with_id(ids[0]), Node::new("b").with_id(ids[1])];
        assert_eq!(build(Program::HaproxyConsistent, &nodes), Err("bad-field"), "{ids:?}");
    }
    let bytes = [Node::from_bytes(b"\xff")];
    assert_eq!(build(Program::Pymemcache, &bytes), Err("name-not-text"));
}

/// Recorded: nginx follows the ring to the 21st point and the key to the 21st attempt. Of keys that
/// need 22 it gave each of the four servers that are up a quarter, in turn: nobody owns those.
#[test]
fn nginx_looks_at_21_servers() {
    let files = recorded("map");
    for (name, keys) in [
        ("nginx-consistent-21-points", ["step-176", "step-184", "step-277", "step-27"]),
        ("nginx-hash-21-attempts", ["step-22", "step-30", "step-55", "step-0"]),
    ] {
        let file = files.iter().find(|file| file.name == name).expect("recorded");
        let table = table(&file.case);
        assert_eq!(file.rows.len(), 360);
        for key in keys {
            assert!(file.rows.iter().all(|(recorded, _)| recorded != key.as_bytes()));
            assert_eq!(table.owner(key.as_bytes()), None, "{name}: {key}");
        }
    }
}
