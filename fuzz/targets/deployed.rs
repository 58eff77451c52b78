//! Deployed programs' layouts over arbitrary nodes, fields, options and keys: nothing panics, the
//! walk begins with the owner and has each node once, and a snapshot is the same table.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway::{Layout, Node, NodeIndex, OptionValue, Program, State, Table};

/// What options take, in any layout.
const TEXTS: &str = "default md5 crc fnv1_64 fnv1a_64 fnv1_32 fnv1a_32 murmur jenkins murmur3 {} () \
                     one_at_a_time crc16 crc32 crc32a hsieh xx_hash murmur_hash_2 sdbm djb2 wt6 none \
                     id addr addr-port guid id32 classic 3.0 sha1 sha256 sha512 hash_ring native \
                     ketama spymemcached libmemcached decimal murmur3_32 murmur3_128";

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    program: u8,
    options: [Option<Value>; 5],
    nodes: Vec<AnyNode<'a>>,
    keys: Vec<&'a [u8]>,
    hash: u64,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Value {
    Number(u16),
    Text(u8),
    Truth(bool),
}

#[derive(Arbitrary, Debug)]
struct AnyNode<'a> {
    name: &'a [u8],
    /// Small, that tables are quickly built.
    weight: u8,
    millionths: Option<u32>,
    state: u8,
    id: Option<u32>,
    text: Option<&'a [u8]>,
    address: Option<&'a str>,
    vnodes: Option<u8>,
    tokens: Option<Vec<i64>>,
}

fuzz_target!(|input: Input<'_>| {
    let program = Program::ALL[usize::from(input.program) % Program::ALL.len()];
    let mut layout = Layout::compat(program);
    let texts: Vec<&str> = TEXTS.split_whitespace().collect();
    for (&name, value) in layout.clone().option_names().iter().zip(input.options) {
        let value = match value {
            None => continue,
            Some(Value::Number(number)) => OptionValue::Integer(number.into()),
            Some(Value::Text(place)) => OptionValue::Text(texts[usize::from(place) % texts.len()]),
            Some(Value::Truth(truth)) => OptionValue::Boolean(truth),
        };
        match layout.clone().with_option(name, value) {
            Ok(set) => layout = set,
            Err(error) => assert_eq!(error.name(), "bad-option"),
        }
    }
    let nodes: Vec<Node<'_>> = input.nodes.iter().take(24).map(AnyNode::node).collect();
    let Ok(table) = Table::new(&layout, &nodes) else { return };
    let copy = Table::from_bytes(&table.to_bytes()).expect("its own bytes");
    assert_eq!((copy.fingerprint(), copy.layout()), (table.fingerprint(), table.layout()));
    let mut owners = vec![NodeIndex::new(0); table.len()];
    for key in input.keys.iter().take(8) {
        let owner = table.owner(key);
        assert_eq!(copy.owner(key), owner);
        let walk: Vec<_> = table.walk(key).collect();
        assert_eq!(walk.first().copied(), owner);
        let mut distinct = walk.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), walk.len());
        assert_eq!(table.candidates(key).next(), owner);
        assert_eq!(table.owner_under_load(key, |_| 0), owner);
        let count = table.owners(key, &mut owners);
        assert_eq!(count, walk.len());
        if let Some(hash) = table.key_hash(key) {
            assert_eq!(table.owner_by_hash(hash), owner);
        }
    }
    assert!(table.hash_bits().is_some() || table.owner_by_hash(input.hash).is_none());
});

impl AnyNode<'_> {
    fn node(&self) -> Node<'_> {
        let weight = u64::from(self.weight) * 1_000_000;
        let mut node = Node::from_bytes(self.name)
            .with_weight_millionths(weight + u64::from(self.millionths.unwrap_or(0) % 1_000_000))
            .with_state(match self.state % 16 {
                0..12 => State::Up,
                12..15 => State::Down,
                _ => State::Drain,
            });
        if let Some(id) = self.id {
            node = node.with_id(id);
        }
        if let Some(text) = self.text {
            node = node.with_hash_text(text).with_guid(text);
        }
        if let Some(address) = self.address {
            node = node.with_address(address);
        }
        if let Some(vnodes) = self.vnodes {
            node = node.with_vnodes(vnodes.into());
        }
        if let Some(tokens) = &self.tokens {
            node = node.with_tokens(tokens);
        }
        node
    }
}
