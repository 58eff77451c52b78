//! The types' promises: threads, sizes, texts, names, options.
#![allow(clippy::unwrap_used, reason = "a test")]

use core::mem::size_of;

use ringway::{
    BuildError, HashTag, Layout, Node, NodeIndex, OptionValue, Placement, Point, Ring, RingBuilder,
    SipKey, State, Walk,
};

const fn shareable<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn everything_may_cross_threads() {
    shareable::<Node<'static>>();
    shareable::<Layout>();
    shareable::<BuildError>();
    shareable::<RingBuilder>();
    shareable::<Ring<[Point; 4]>>();
    shareable::<Walk<'static>>();
    #[cfg(feature = "alloc")]
    shareable::<ringway::Table>();
}

#[test]
fn sizes() {
    assert_eq!(size_of::<Point>(), 8, "a vnode costs eight bytes, its search guide included");
    assert_eq!(size_of::<NodeIndex>(), 2);
    assert_eq!(size_of::<Option<NodeIndex>>(), 4);
    assert!(size_of::<Ring<&[Point]>>() <= 64);
}

#[test]
fn errors_say_what_is_wrong_and_have_machine_names() {
    let name = |index, len| BuildError::BadText { index, field: "name", len };
    let zone = |index, len| BuildError::BadText { index, field: "zone", len };
    let cases = [
        (
            BuildError::TooManyNodes { count: 65_537 },
            "too-many-nodes",
            "65537 nodes, but a table holds at most 65536",
        ),
        (name(3, 0), "name-empty", "node 3 has an empty name; give it 1 to 1024 bytes"),
        (
            name(3, 1_025),
            "name-too-long",
            "the name of node 3 has 1025 bytes; at most 1024 are allowed",
        ),
        (zone(0, 0), "zone-empty", "node 0 has an empty zone; give it 1 to 1024 bytes"),
        (
            zone(0, 2_000),
            "zone-too-long",
            "the zone of node 0 has 2000 bytes; at most 1024 are allowed",
        ),
        (
            BuildError::DuplicateName { first: 1, second: 4 },
            "duplicate-name",
            "nodes 1 and 4 have the same name; names are identities",
        ),
        (
            BuildError::TooManyPoints { points: 16_777_217 },
            "too-many-points",
            "16777217 points, but a ring holds at most 16777216; lower the weights or the vnodes",
        ),
        (
            BuildError::StorageTooSmall { needed: 480, available: 100 },
            "storage-too-small",
            "memory for 480 elements needed, for 100 given",
        ),
        (
            BuildError::UnknownLayout,
            "unknown-layout",
            if cfg!(feature = "compat") {
                "unknown layout; this build knows ringway-v1, jump-v1, jumpback-v1, \
                 rendezvous-v1, maglev-v1, balanced-v1, ringway-keyed-v1, memento-v1 and those of \
                 deployed programs (docs/layouts.md)"
            } else if cfg!(feature = "alloc") {
                "unknown layout; this build knows ringway-v1, jump-v1, jumpback-v1, \
                 rendezvous-v1, maglev-v1, balanced-v1, ringway-keyed-v1, memento-v1"
            } else {
                "unknown layout; this build knows ringway-v1, jump-v1, jumpback-v1, \
                 rendezvous-v1, maglev-v1, balanced-v1, ringway-keyed-v1"
            },
        ),
        (
            BuildError::WeightUnsupported { index: 2, weight: 7 },
            "weight-unsupported",
            "node 2 has weight 7, but in this layout every node has weight 1",
        ),
        (
            BuildError::DrainUnsupported { index: 2 },
            "drain-unsupported",
            "node 2 is to be drained, but this layout takes nodes from the end of the list only",
        ),
        (
            BuildError::TableTooSmall { nodes: 300, size: 251 },
            "table-too-small",
            "300 nodes do not fit a table of 251 entries; where the layout has the option \
             table_size, raise it",
        ),
        (
            BuildError::MissingOption { name: "key" },
            "missing-option",
            "the layout needs the option key",
        ),
        (BuildError::NotARing, "not-a-ring", "a ring alone has another layout; build a table"),
        (BuildError::UnknownOption, "unknown-option", "the layout has no such option"),
        (
            BuildError::BadOption { expected: "a whole number" },
            "bad-option",
            "the option takes a whole number",
        ),
    ];
    for (error, machine_name, text) in cases {
        assert_eq!(error.name(), machine_name);
        assert_eq!(error.to_string(), text);
        let _: &dyn core::error::Error = &error;
    }
}

#[test]
fn memory_too_small_says_how_much_is_needed() {
    let nodes = [Node::new("a"), Node::new("b"), Node::new("c").with_weight(0)];
    let builder = RingBuilder::new();
    assert_eq!(builder.storage_needed(&nodes), 320);
    for available in [0, 1, 2, 3, 319] {
        let error = builder.build_in(&nodes, vec![Point::EMPTY; available]).unwrap_err();
        assert_eq!(error, BuildError::StorageTooSmall { needed: 320, available });
    }
    assert!(builder.build_in(&nodes, [Point::EMPTY; 320]).is_ok());
    // Weightless nodes have no points, but their names are compared.
    let idle = [Node::new("a").with_weight(0), Node::new("b").with_weight(0)];
    assert_eq!(builder.storage_needed(&idle), 2);
    let error = builder.build_in(&idle, [Point::EMPTY; 1]).unwrap_err();
    assert_eq!(error, BuildError::StorageTooSmall { needed: 2, available: 1 });
    let twice = [Node::new("a").with_weight(0), Node::new("a")];
    let error = builder.build_in(&twice, [Point::EMPTY; 2]).unwrap_err();
    assert_eq!(error, BuildError::DuplicateName { first: 0, second: 1 });
    // So are names where there are too many points.
    let heavy = Node::new("a").with_weight(u32::MAX);
    let error = builder.build_in(&[heavy], [Point::EMPTY; 1]).unwrap_err();
    assert_eq!(error, BuildError::TooManyPoints { points: 160 * u64::from(u32::MAX) });
}

#[test]
fn private_points() {
    let points = [
        Point::new(10, NodeIndex::new(7)),
        Point::new(u32::MAX, NodeIndex::new(u16::MAX)),
        Point::new(10, NodeIndex::new(3)),
    ];
    let ring = Ring::from_points(points).unwrap();
    assert_eq!(ring.owner_count(), 3);
    assert_eq!(ring.points(), [points[2], points[0], points[1]]);
    assert_eq!(ring.owner_by_hash(0), Some(NodeIndex::new(3)), "the lowest index of two");
    assert_eq!(ring.owner_by_hash(11 << 32), Some(NodeIndex::new(u16::MAX)));
    assert_eq!(ring.owner_by_hash(u64::MAX), Some(NodeIndex::new(u16::MAX)));
    let walk: Vec<u32> = ring.walk(11 << 32).map(NodeIndex::get).collect();
    assert_eq!(walk, [65_535, 3, 7]);
    let mut walk = ring.walk(0);
    assert_eq!(walk.len(), 3);
    walk.next();
    assert_eq!(walk.size_hint(), (2, Some(2)));
    // Points taken from a ring make the same ring again.
    let again = Ring::from_points(ring.points().to_vec()).unwrap();
    assert_eq!(again.points(), ring.points());
    assert_eq!(again.owner_by_hash(11 << 32), ring.owner_by_hash(11 << 32));
    let none = Ring::from_points([Point::EMPTY; 0]).unwrap();
    assert_eq!(none.owner_by_hash(0), None);
}

#[test]
fn debug_is_short() {
    let ring = RingBuilder::new().build_in(&[Node::new("a")], [Point::EMPTY; 160]).unwrap();
    assert_eq!(format!("{ring:?}"), "Ring { points: 160, owners: 1, .. }");
    let point = Point::new(0xab, NodeIndex::new(5));
    assert_eq!(format!("{point:?}"), "0x000000ab -> 5");
}

#[test]
fn layouts_have_names_and_options() {
    let layout = Layout::from_name("ringway-v1").unwrap();
    assert_eq!(layout, Layout::default());
    assert_eq!(layout.name(), "ringway-v1");
    for name in Layout::names() {
        let layout = Layout::from_name(name).unwrap();
        assert_eq!((layout.name(), layout.options().count()), (*name, 0));
        assert!(!layout.option_names().is_empty());
        for option in layout.option_names() {
            // Known, though none of them takes a truth value.
            let error = layout.clone().with_option(option, OptionValue::Boolean(true));
            assert_eq!(error.map_err(|error| error.name()), Err("bad-option"), "{name}: {option}");
        }
        let error = layout.with_option("colour", OptionValue::Integer(1));
        assert_eq!(error, Err(BuildError::UnknownOption));
    }
    assert_eq!(layout.options().count(), 0, "defaults are not listed");
    let layout = layout
        .with_option("hash_tag", OptionValue::Text("{}"))
        .and_then(|layout| layout.with_option("vnodes", OptionValue::Integer(7)))
        .unwrap();
    let options: Vec<_> = layout.options().collect();
    let expected = [("vnodes", OptionValue::Integer(7)), ("hash_tag", OptionValue::Text("{}"))];
    assert_eq!(options, expected);
    let tag = Some(HashTag::new(b'{', b'}').unwrap());
    assert_eq!(layout, Layout::RingwayV1 { vnodes: 7, hash_tag: tag });
    assert_eq!(Layout::from_name("nginx "), Err(BuildError::UnknownLayout));
    assert!(HashTag::new(b' ', b'}').is_err());
}

#[test]
fn options_of_tables_and_slots() {
    let set = |layout: Layout, name, number| layout.with_option(name, OptionValue::Integer(number));
    let layout = set(Layout::balanced_v1(), "room_permille", 1_000).unwrap();
    let layout = set(layout, "slots", 1 << 24).unwrap();
    let expected =
        [("slots", OptionValue::Integer(1 << 24)), ("room_permille", OptionValue::Integer(1_000))];
    assert_eq!(layout.options().collect::<Vec<_>>(), expected);
    for prime in [2, 3, 251, 65_521, 16_777_213] {
        let layout = set(Layout::maglev_v1(), "table_size", prime).unwrap();
        assert_eq!(layout.options().next(), Some(("table_size", OptionValue::Integer(prime))));
    }
    for other in [-7, 0, 1, 4, 9, 25, 65_536, 16_777_215, 16_777_259, (1 << 32) + 3] {
        assert!(set(Layout::maglev_v1(), "table_size", other).is_err(), "{other}");
    }
}

#[test]
fn a_secret_is_read_and_not_shown() {
    let key = SipKey::from_hex("000102030405060708090A0b0c0d0e0f").unwrap();
    let mut bytes = [0; 16];
    for (byte, number) in bytes.iter_mut().zip(0..) {
        *byte = number;
    }
    assert_eq!(key, SipKey::new(bytes));
    assert_eq!(key.expose_hex(), "000102030405060708090a0b0c0d0e0f");
    let layout = Layout::ringway_keyed_v1(key);
    assert_eq!(layout.options().next(), Some(("key", OptionValue::Text(key.expose_hex()))));
    for shown in [format!("{key:?}"), format!("{layout:?}"), format!("{layout:#?}")] {
        assert!(shown.contains("SipKey(..)") && !shown.contains("0a0b"), "{shown}");
        assert!(!shown.contains("10, 11"), "{shown}");
    }
    let hex = "0".repeat(32);
    for wrong in
        ["", "0", &hex[1..], &format!("{hex}0"), &format!("{hex}00"), &hex.replace('0', "g")]
    {
        assert!(SipKey::from_hex(wrong).is_err(), "{wrong}");
    }
    assert!(SipKey::from_hex(&"\u{e9}".repeat(16)).is_err());
    #[cfg(feature = "alloc")]
    {
        let unset = Layout::from_name("ringway-keyed-v1").unwrap();
        let error = ringway::Table::new(&unset, &[]).unwrap_err();
        assert_eq!(error, BuildError::MissingOption { name: "key" });
        let table = ringway::Table::new(&layout, &[Node::new("a")]).unwrap();
        assert!(!format!("{table:?}").contains("0a0b"));
    }
}

#[test]
fn only_rings_are_built_as_rings() {
    let builder = RingBuilder::new().with_layout(Layout::jump_v1());
    assert_eq!(builder.storage_needed(&[Node::new("a")]), 1);
    let error = builder.build_in(&[Node::new("a")], [Point::EMPTY; 8]).unwrap_err();
    assert_eq!(error, BuildError::NotARing);
    #[cfg(feature = "alloc")]
    assert_eq!(builder.build(&[Node::new("a")]).unwrap_err(), BuildError::NotARing);
}

#[test]
fn hash_tags() {
    let layout = Layout::ringway_v1().with_option("hash_tag", OptionValue::Text("{}")).unwrap();
    let part = |key: &'static str| core::str::from_utf8(layout.hashed_part(key.as_bytes()));
    for (key, hashed) in [
        ("user:{42}:name", "42"),
        ("{a}{b}", "a"),
        ("{}{b}", "{}{b}"),
        ("}{a}", "a"),
        ("{a", "{a"),
        ("a}", "a}"),
        ("{{a}}", "{a"),
        ("{", "{"),
        ("", ""),
    ] {
        assert_eq!(part(key), Ok(hashed), "{key}");
    }
    let nodes = [Node::new("a"), Node::new("b"), Node::new("c")];
    let ring =
        RingBuilder::new().with_layout(layout).build_in(&nodes, [Point::EMPTY; 480]).unwrap();
    for user in 0..100 {
        let [name, mail] = ["name", "mail"].map(|field| format!("user:{{{user}}}:{field}"));
        assert_eq!(ring.owner(name.as_bytes()), ring.owner(mail.as_bytes()));
        assert_eq!(ring.hash_key(name.as_bytes()), ringway::key_hash(user.to_string().as_bytes()));
    }
}

#[test]
fn states_have_names() {
    for state in [State::Up, State::Down, State::Drain] {
        assert_eq!(State::from_name(state.name()), Some(state));
    }
    assert_eq!(State::from_name("UP"), None);
    assert_eq!(State::default(), State::Up);
    let node = Node::new("a").with_weight(9);
    assert_eq!(node.with_state(State::Down).effective_weight(), 9);
    assert_eq!(node.with_state(State::Drain).effective_weight(), 0);
}
