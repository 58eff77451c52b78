//! Arbitrary layouts, nodes and tables, good ones mostly, for the targets that need some.
#![allow(dead_code, reason = "each target uses its part")]

use arbitrary::Arbitrary;
use ringway::{BuildError, Layout, Node, NodeIndex, OptionValue, State, Table};

/// Layouts that take no weight but 1 and no `drain`.
const BY_PLACE: [&str; 3] = ["jump-v1", "jumpback-v1", "memento-v1"];

/// More nodes show nothing new, and make a run slow.
const NODES_MAX: usize = 40;

/// Any layout, with any options.
#[derive(Arbitrary, Debug)]
pub struct AnyLayout<'a> {
    which: u8,
    number: u16,
    room: u16,
    tag: Option<&'a str>,
    key: [u8; 16],
}

impl AnyLayout<'_> {
    /// The layout; options that are out of range are left out, once they were refused.
    pub fn layout(&self) -> Layout {
        let name = Layout::names()[usize::from(self.which) % Layout::names().len()];
        let mut layout = Layout::from_name(name).expect("a name of the list");
        let key: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        for option in layout.option_names() {
            let number = i64::from(self.number);
            let value = match *option {
                // Few enough points and slots that a table is quickly built.
                "vnodes" => OptionValue::Integer(number % 400),
                "slots" if number % 512 == 0 => OptionValue::Integer(number),
                "slots" => OptionValue::Integer(256 << (number % 5)),
                "table_size" if number % 512 == 0 => OptionValue::Integer(number),
                "table_size" => {
                    OptionValue::Integer([2, 3, 251, 1_009, 4_093][usize::from(self.room % 5)])
                }
                "room_permille" => OptionValue::Integer(self.room.into()),
                "key" => OptionValue::Text(&key),
                "hash_tag" => match self.tag {
                    Some(tag) => OptionValue::Text(tag),
                    None => continue,
                },
                _ => continue,
            };
            match layout.clone().with_option(option, value) {
                Ok(with_option) => layout = with_option,
                Err(error) => assert!(matches!(error, BuildError::BadOption { .. }), "{error}"),
            }
        }
        layout
    }
}

/// Any node.
#[derive(Arbitrary, Clone, Debug)]
pub struct AnyNode<'a> {
    name: AnyName<'a>,
    weight: u32,
    zone: u8,
    state: u8,
}

#[derive(Arbitrary, Clone, Debug)]
enum AnyName<'a> {
    Number(u8),
    Bytes(&'a [u8]),
}

impl AnyNode<'_> {
    /// Its name.
    pub fn name(&self) -> Vec<u8> {
        match self.name {
            // Of the first five some share points on a ring, so that ties are met.
            AnyName::Number(number @ 0..5) => {
                ["n0285", "n0571", "t2160597", "t3211636", "t4479943"][usize::from(number)].into()
            }
            AnyName::Number(number) => format!("node{number}").into_bytes(),
            AnyName::Bytes(bytes) => bytes.to_vec(),
        }
    }

    /// The node; as the layout takes it in seven of eight cases.
    pub fn node<'n>(&self, name: &'n [u8], layout: &Layout) -> Node<'n> {
        const ZONES: [&[u8]; 4] = [b"a", b"b", b"c", b""];
        let node = Node::from_bytes(name);
        let node = match self.zone % 32 {
            0..10 => node,
            31 => node.with_zone(ZONES[3]),
            zone => node.with_zone(ZONES[usize::from(zone % 3)]),
        };
        if BY_PLACE.contains(&layout.name()) && !self.weight.is_multiple_of(8) {
            return node.with_state([State::Up, State::Down][usize::from(self.state % 2)]);
        }
        node.with_weight(weight(self.weight)).with_state(state(self.state))
    }
}

/// A weight: most often a small one, else one that no ring has room for. Between them lie rings of
/// millions of points, which are built as the small ones are, but each for a second.
pub fn weight(bits: u32) -> u32 {
    match bits % 16 {
        0..8 => 1,
        8..11 => 2,
        11 | 12 => 0,
        13 | 14 => bits >> 4 & 63,
        _ => bits | 1 << 31,
    }
}

/// A state.
pub fn state(bits: u8) -> State {
    [State::Up, State::Up, State::Down, State::Drain][usize::from(bits % 4)]
}

/// A layout and nodes.
#[derive(Arbitrary, Debug)]
pub struct AnyTable<'a> {
    layout: AnyLayout<'a>,
    nodes: Vec<AnyNode<'a>>,
}

impl AnyTable<'_> {
    /// The table, if its nodes make one.
    pub fn build(&self) -> Result<Table, BuildError> {
        let layout = self.layout.layout();
        let any = self.nodes.get(..NODES_MAX).unwrap_or(&self.nodes);
        let names: Vec<Vec<u8>> = any.iter().map(AnyNode::name).collect();
        let nodes: Vec<Node<'_>> =
            self.nodes.iter().zip(&names).map(|(node, name)| node.node(name, &layout)).collect();
        let table = Table::new(&layout, &nodes)?;
        assert!(table.nodes().eq(nodes.iter().copied()), "the nodes are those given");
        assert_eq!(table.layout(), &layout);
        Ok(table)
    }
}

/// The table that the layout and the nodes of this one build.
pub fn rebuilt(table: &Table) -> Table {
    let nodes: Vec<Node<'_>> = table.nodes().collect();
    Table::new(table.layout(), &nodes).expect("they have built one before")
}

/// Asserts that two tables answer alike.
pub fn assert_same(one: &Table, other: &Table) {
    assert_eq!(one.to_bytes(), other.to_bytes());
    assert_eq!(one.fingerprint(), other.fingerprint());
    let segments = |table: &Table| table.segments().map(Iterator::collect::<Vec<_>>);
    assert_eq!(segments(one), segments(other));
    for number in 0..16_u64 {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(one.owner_by_hash(hash), other.owner_by_hash(hash));
        let owners = [one, other].map(|table| {
            let mut owners = [NodeIndex::new(0); 4];
            (table.owners_by_hash(hash, &mut owners), owners)
        });
        assert_eq!(owners[0], owners[1]);
    }
    for node in one.nodes() {
        assert_eq!(one.index_of(node.name()), other.index_of(node.name()));
    }
}
