//! Placements in the caller's memory give every answer that the vectors ask for, and that a
//! `Table` gives.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{
    Random,
    in_memory::{Visit, in_memory},
    names,
    vectors::{
        Inputs, LAYOUT_FILES, bytes, cases, digest, distinct, hex_u64, layout, node, node_list,
        rows, rule,
    },
};
use ringway::{
    Balanced, Buckets, BuildError, Contender, HashTag, Layout, Maglev, MaglevTurn, Node, NodeIndex,
    Placement, Point, Rendezvous, RingBuilder, SipKey, Zones,
};
use serde_json::Value;

#[test]
fn vectors() {
    // Memento keeps a map; its own tests have it in fixed memory.
    let files = LAYOUT_FILES.iter().filter(|&&file| file != "memento-v1.json");
    for case in files.flat_map(|file| cases(file, 17)) {
        let inputs = Inputs::of(&case);
        let nodes = inputs.nodes();
        for room in [0, 3] {
            in_memory(&layout(&case).unwrap(), &nodes, room, Asked { case: &case, nodes: &nodes })
                .unwrap();
        }
    }
}

/// A case and its nodes.
struct Asked<'a> {
    case: &'a Value,
    nodes: &'a [Node<'a>],
}

impl Visit for Asked<'_> {
    type Answer = ();

    fn visit<P: Placement>(self, placement: &P) {
        let Self { case, nodes } = self;
        assert_eq!(placement.owner_count() as u64, case["eligible"].as_u64().unwrap());
        for row in rows(case, "keys") {
            let (key, context) = (bytes(row, "key"), format!("{} {row}", case["name"]));
            let hash = hex_u64(&row["hash"]);
            assert_eq!(placement.hash_key(&key), hash, "{context}");
            assert_eq!(placement.owner(&key), node(&row["owner"]), "{context}");
            assert_eq!(placement.owner_by_hash(hash), node(&row["owner"]), "{context}");
            assert_eq!(distinct(placement.walk(hash), 8), node_list(&row["walk"]), "{context}");
        }
        for row in rows(case, "positions") {
            let hash = row["position"].as_u64().unwrap() << 32;
            assert_eq!(placement.owner_by_hash(hash), node(&row["owner"]), "{row}");
            assert_eq!(distinct(placement.walk(hash), 8), node_list(&row["walk"]), "{row}");
        }
        let mut scratch = vec![NodeIndex::new(9); nodes.len()];
        let zones = Zones::build_in(nodes, scratch.clone(), &mut scratch).unwrap();
        for row in rows(case, "replicas") {
            let mut out =
                vec![NodeIndex::new(0); usize::try_from(row["k"].as_u64().unwrap()).unwrap()];
            let filled = placement.owners_in_zones(&bytes(row, "key"), &zones, &mut out);
            assert_eq!(out[..filled], node_list(&row["owners"]), "{} {row}", case["name"]);
        }
        for row in rows(case, "many") {
            let owners = rule(&row["keys_rule"])
                .into_iter()
                .map(|key| placement.owner(key.as_bytes()).map_or(u32::MAX, NodeIndex::get));
            assert_eq!(digest(owners), hex_u64(&row["owners_digest"]), "{}", case["name"]);
        }
    }
}

/// What is wrong with nodes is said as the vectors say it. Weights and states that `jump-v1` and
/// `jumpback-v1` do not take cannot be said of a number of nodes.
#[test]
fn errors() {
    let mut asked = 0;
    for case in [cases("errors.json", 60), cases("errors-native.json", 10)].concat() {
        let inputs = Inputs::of(&case);
        let Ok(layout) = layout(&case) else { continue };
        if matches!(layout.name(), "jump-v1" | "jumpback-v1" | "memento-v1") {
            continue;
        }
        asked += 1;
        match in_memory(&layout, &inputs.nodes(), 0, Count) {
            Ok(count) => {
                assert!(case["error"].is_null(), "{case}");
                assert_eq!(Some(count), case["eligible"].as_u64().or(Some(count)), "{case}");
            }
            // The test's memory ends before the layout's points do.
            Err(BuildError::StorageTooSmall { needed, .. }) => {
                assert_eq!(Some(needed as u64), case["points"].as_u64(), "{case}");
            }
            Err(error) => assert_eq!(Some(error.name()), case["error"].as_str(), "{case}"),
        }
    }
    assert!(asked > 40, "{asked} cases were asked");
}

/// How many may own.
struct Count;

impl Visit for Count {
    type Answer = u64;

    fn visit<P: Placement>(self, placement: &P) -> u64 {
        placement.owner_count() as u64
    }
}

#[cfg(feature = "alloc")]
#[test]
fn as_a_table() {
    let mut random = Random(51);
    for round in 0..60 {
        let names = names("node", random.below(60));
        let mut nodes: Vec<Node<'_>> = names
            .iter()
            .map(|name| {
                let state = [ringway::State::Up, ringway::State::Down, ringway::State::Drain]
                    [random.below(3)];
                let zone = [&b"a"[..], b"b", b"c"][random.below(3)];
                let weight = u32::try_from(random.below(4)).unwrap();
                let node = Node::new(name).with_state(state).with_weight(weight);
                if random.below(2) == 0 { node } else { node.with_zone(zone) }
            })
            .collect();
        random.shuffle(&mut nodes);
        for mut layout in layouts() {
            let mut nodes = nodes.clone();
            if matches!(layout, Layout::JumpV1 { .. } | Layout::JumpbackV1 { .. }) {
                for node in &mut nodes {
                    *node = node.with_weight(1).with_state(ringway::State::Up);
                }
            }
            if round % 2 == 1 {
                layout = layout.with_option("hash_tag", ringway::OptionValue::Text("{}")).unwrap();
            }
            let table = ringway::Table::new(&layout, &nodes).unwrap();
            let twin = Twin { table: &table, nodes: &nodes, seed: round };
            in_memory(&layout, &nodes, 5, twin).unwrap();
        }
    }
}

/// Each layout, with options that keep the tables small.
#[cfg(feature = "alloc")]
fn layouts() -> [Layout; 7] {
    [
        Layout::RingwayV1 { vnodes: 20, hash_tag: None },
        Layout::jump_v1(),
        Layout::jumpback_v1(),
        Layout::rendezvous_v1(),
        Layout::MaglevV1 { table_size: 509, hash_tag: None },
        Layout::BalancedV1 { slots: 256, room_permille: 1_100, hash_tag: None },
        Layout::RingwayKeyedV1 { vnodes: 20, key: Some(SipKey::new([3; 16])), hash_tag: None },
    ]
}

#[cfg(feature = "alloc")]
struct Twin<'a> {
    table: &'a ringway::Table,
    nodes: &'a [Node<'a>],
    seed: u64,
}

#[cfg(feature = "alloc")]
impl Visit for Twin<'_> {
    type Answer = ();

    fn visit<P: Placement>(self, placement: &P) {
        let Self { table, nodes, seed } = self;
        let mut random = Random(seed);
        let mut scratch = vec![NodeIndex::new(0); nodes.len()];
        let zones = Zones::build_in(nodes, scratch.clone(), &mut scratch).unwrap();
        for number in 0..200 {
            let key = format!("{{{}}}{number}", random.below(1_000));
            let (key, context) = (key.as_bytes(), format!("round {seed}, key {key}"));
            let hash = placement.hash_key(key);
            assert_eq!(Some(hash), table.key_hash(key), "{context}");
            assert_eq!(placement.owner(key), table.owner(key), "{context}");
            let walk: Vec<NodeIndex> = table.walk(key).collect();
            assert_eq!(distinct(placement.walk(hash), usize::MAX), walk, "{context}");
            let k = random.below(nodes.len() + 2);
            let (mut ours, mut theirs) = (vec![NodeIndex::new(0); k], vec![NodeIndex::new(0); k]);
            let filled = placement.owners_in_zones(key, &zones, &mut ours);
            assert_eq!(filled, table.owners(key, &mut theirs), "{context}");
            assert_eq!(ours, theirs, "{context}");
        }
    }
}

/// Arrays, slices, and `heapless::Vec`, whose length is the memory it gives.
#[test]
fn any_memory() {
    let names = names("node", 12);
    let nodes = common::nodes(&names);
    let builder = RingBuilder::new().with_layout(Layout::RingwayV1 { vnodes: 40, hash_tag: None });
    assert_eq!(builder.storage_needed(&nodes), 480);
    let mut points = [Point::EMPTY; 512];
    let slice = builder.build_in(&nodes, &mut points[..]).unwrap();
    let array = builder.build_in(&nodes, [Point::EMPTY; 512]).unwrap();
    let vector = builder.build_in(&nodes, filled::<_, 480>(Point::EMPTY)).unwrap();
    same(&slice, &array);
    same(&slice, &vector);
    same(&slice, &slice.as_view());

    let mut turns = filled::<_, 12>(MaglevTurn::EMPTY);
    let mut taken = [0; 8];
    let mut entries = [NodeIndex::new(0); 509];
    let slice = Maglev::build_in(&nodes, 509, &mut entries[..], &mut turns, &mut taken).unwrap();
    let entries = [NodeIndex::new(0); 512];
    let array = Maglev::build_in(&nodes, 509, entries, &mut turns, &mut taken).unwrap();
    let entries = filled::<_, 512>(NodeIndex::new(0));
    let vector = Maglev::build_in(&nodes, 509, entries, &mut turns, &mut taken).unwrap();
    assert_eq!((array.entries().len(), vector.entries()), (509, slice.entries()));
    same(&slice, &array);
    same(&slice, &vector);
    same(&slice, &slice.as_view());

    let array = Rendezvous::build_in(&nodes, [Contender::EMPTY; 16]).unwrap();
    let vector = Rendezvous::build_in(&nodes, filled::<_, 12>(Contender::EMPTY)).unwrap();
    same(&array, &vector);
    same(&array, &array.as_view());

    let (slots, contenders) = ([NodeIndex::new(0); 256], [Contender::EMPTY; 12]);
    let array = Balanced::build_in(&nodes, 1_050, slots, contenders, &mut [0; 12]).unwrap();
    let (slots, contenders) =
        (filled::<_, 256>(NodeIndex::new(0)), filled::<_, 12>(Contender::EMPTY));
    let vector = Balanced::build_in(&nodes, 1_050, slots, contenders, &mut [0; 12]).unwrap();
    assert_eq!(array.slots().len(), 256);
    same(&array, &vector);
    same(&array, &array.as_view());
}

/// A vector that is full.
fn filled<T: Clone, const N: usize>(element: T) -> heapless::Vec<T, N> {
    let mut vector = heapless::Vec::new();
    vector.resize(N, element).unwrap_or_else(|_| panic!("{N} elements fit"));
    vector
}

fn same(one: &impl Placement, other: &impl Placement) {
    let mut random = Random(52);
    assert_eq!(one.owner_count(), other.owner_count());
    for _ in 0..2_000 {
        let hash = random.next_u64();
        assert!(one.owner_by_hash(hash).is_some());
        assert_eq!(one.owner_by_hash(hash), other.owner_by_hash(hash), "hash {hash:#x}");
        let (ours, theirs) = (one.walk(hash).take(20), other.walk(hash).take(20));
        assert!(ours.eq(theirs), "hash {hash:#x}");
    }
}

#[test]
fn too_little_memory() {
    let names = names("node", 12);
    let nodes = common::nodes(&names);
    let too_small = |needed, available| BuildError::StorageTooSmall { needed, available };
    let maglev = |turns: usize, taken: usize, entries: usize| {
        let (mut turns, mut taken) = (vec![MaglevTurn::EMPTY; turns], vec![0; taken]);
        let entries = vec![NodeIndex::new(0); entries];
        Maglev::build_in(&nodes, 509, entries, &mut turns, &mut taken).map(|_| ())
    };
    assert_eq!(maglev(12, 8, 509), Ok(()));
    assert_eq!(maglev(11, 8, 509), Err(too_small(12, 11)));
    assert_eq!(maglev(12, 7, 509), Err(too_small(8, 7)));
    assert_eq!(maglev(12, 8, 508), Err(too_small(509, 508)));
    assert_eq!(maglev(0, 0, 0), Err(too_small(12, 0)));
    // Nobody owns an entry where nobody may.
    let entries: [NodeIndex; 0] = [];
    let nobody = [Node::new("a").with_weight(0)];
    let placement =
        Maglev::build_in(&nobody, 509, entries, &mut [MaglevTurn::EMPTY; 1], &mut []).unwrap();
    assert_eq!((placement.owner(b"key"), placement.entries()), (None, &[][..]));

    let rendezvous = |len| Rendezvous::build_in(&nodes, vec![Contender::EMPTY; len]).map(|_| ());
    assert_eq!(rendezvous(12), Ok(()));
    assert_eq!(rendezvous(11), Err(too_small(12, 11)));

    let balanced = |slots, contenders, rooms| {
        let slots = vec![NodeIndex::new(0); slots];
        let contenders = vec![Contender::EMPTY; contenders];
        Balanced::build_in(&nodes, 1_050, slots, contenders, &mut vec![0; rooms]).map(|_| ())
    };
    assert_eq!(balanced(256, 12, 12), Ok(()));
    assert_eq!(balanced(256, 11, 12), Err(too_small(12, 11)));
    assert_eq!(balanced(256, 12, 11), Err(too_small(12, 11)));

    let zones = |storage, scratch| {
        let storage = vec![NodeIndex::new(0); storage];
        Zones::build_in(&nodes, storage, &mut vec![NodeIndex::new(0); scratch]).map(|_| ())
    };
    assert_eq!(zones(12, 12), Ok(()));
    assert_eq!(zones(11, 12), Err(too_small(12, 11)));
    assert_eq!(zones(12, 11), Err(too_small(12, 11)));
}

/// A layout's options hold however it was made, and so do the arguments that take their place.
#[test]
fn options_out_of_range() {
    let nodes = [Node::new("a"), Node::new("b")];
    let bad = |error: BuildError| assert_eq!(error.name(), "bad-option");
    for table_size in [0, 1, 4, 65_536, 1 << 24, u32::MAX] {
        let (mut turns, mut taken) = ([MaglevTurn::EMPTY; 2], [0; 8]);
        let entries = [NodeIndex::new(0); 500];
        bad(Maglev::build_in(&nodes, table_size, entries, &mut turns, &mut taken).unwrap_err());
        #[cfg(feature = "alloc")]
        bad(refused(&Layout::MaglevV1 { table_size, hash_tag: None }));
    }
    for (slots, room_permille) in
        [(0, 1_050), (255, 1_050), (300, 1_050), (256, 999), (256, 65_536)]
    {
        let memory = vec![NodeIndex::new(0); slots];
        let contenders = [Contender::EMPTY; 2];
        bad(Balanced::build_in(&nodes, room_permille, memory, contenders, &mut [0; 2]).unwrap_err());
        #[cfg(feature = "alloc")]
        {
            let slots = u32::try_from(slots).unwrap();
            bad(refused(&Layout::BalancedV1 { slots, room_permille, hash_tag: None }));
        }
    }
    for vnodes in [0, 65_537, u32::MAX] {
        let layout = Layout::RingwayV1 { vnodes, hash_tag: None };
        let builder = RingBuilder::new().with_layout(layout.clone());
        bad(builder.build_in(&nodes, [Point::EMPTY; 8]).unwrap_err());
        #[cfg(feature = "alloc")]
        bad(refused(&layout));
    }
    assert_eq!(Buckets::jump(65_537).unwrap_err(), BuildError::TooManyNodes { count: 65_537 });
    assert_eq!(Buckets::jumpback(65_536).unwrap().owner_count(), 65_536);
    let unset = RingBuilder::new().with_layout(Layout::from_name("ringway-keyed-v1").unwrap());
    let error = unset.build_in(&nodes, [Point::EMPTY; 400]).unwrap_err();
    assert_eq!(error, BuildError::MissingOption { name: "key" });
}

#[cfg(feature = "alloc")]
fn refused(layout: &Layout) -> BuildError {
    ringway::Table::new(layout, &[Node::new("a"), Node::new("b")]).unwrap_err()
}

/// As many nodes as there can be, each with all that an index of 16 bits can say.
#[test]
fn as_many_nodes_as_can_be() {
    let names = names("n", 65_536);
    let nodes = common::nodes(&names);
    let maglev = common::in_memory::maglev(&nodes, 65_537, 0).unwrap();
    let mut counts = vec![0u8; 65_536];
    maglev.entries().iter().for_each(|owner| counts[owner.as_usize()] += 1);
    assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&1), Some(&2)));
    let rendezvous = common::in_memory::rendezvous(&nodes, 0).unwrap();
    assert_eq!(rendezvous.walk(7).take(3).count(), 3);
    assert_eq!(rendezvous.walk(7).next(), rendezvous.owner_by_hash(7));
}

#[test]
fn hash_tags() {
    let nodes = [Node::new("a"), Node::new("b"), Node::new("c")];
    let tag = HashTag::new(b'{', b'}').unwrap();
    let (tagged, plain) = (Buckets::jump(3).unwrap().with_hash_tag(tag), Buckets::jump(3).unwrap());
    assert_eq!(tagged.hash_key(b"user:{42}"), plain.hash_key(b"42"));
    let plain = Rendezvous::build_in(&nodes, [Contender::EMPTY; 3]).unwrap();
    assert_eq!(plain.with_hash_tag(tag).hash_key(b"user:{42}"), plain.hash_key(b"42"));
    let key = SipKey::new([5; 16]);
    let layout = Layout::RingwayKeyedV1 { vnodes: 1, key: Some(key), hash_tag: Some(tag) };
    let builder = RingBuilder::new().with_layout(layout);
    let ring = builder.build_in(&nodes, [Point::EMPTY; 3]).unwrap();
    assert_eq!(ring.hash_key(b"user:{42}"), key.hash(b"42"));
    assert_eq!(ring.as_view().hash_key(b"user:{42}"), key.hash(b"42"));
}
