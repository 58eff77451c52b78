//! Lookups never allocate; without an allocator's help a ring is built, too.
//!
//! The allocator counts for each thread, so tests do not disturb each other.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    alloc::{GlobalAlloc, Layout as Memory, System},
    cell::Cell,
};

use ringway::{
    Balanced, Buckets, Contender, Layout, Maglev, MaglevTurn, Node, NodeIndex, Placement, Point,
    Rendezvous, Ring, RingBuilder, SipKey, Zones,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator, which keeps the trait's promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `alloc`'s conditions.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        // SAFETY: the caller keeps `dealloc`'s conditions, and the pointer came from `System`.
        unsafe { System.dealloc(pointer, memory) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `run` allocates on this thread.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn lookups_do_not_allocate() {
    assert!(allocations(|| drop(vec![1])) > 0, "the counter counts");
    let names: Vec<String> = (0..60).map(|number| format!("node{number}")).collect();
    let zones = [&b"a"[..], b"b", b"c"];
    let nodes: Vec<Node<'_>> = names
        .iter()
        .zip(zones.iter().cycle())
        .map(|(name, zone)| Node::new(name).with_zone(zone))
        .collect();

    let mut ring = None;
    let memory = [Point::EMPTY; 9_600];
    assert_eq!(allocations(|| ring = Some(RingBuilder::new().build_in(&nodes, memory))), 0);
    let ring = ring.unwrap().unwrap();
    assert_eq!(allocations(|| look_up(&ring)), 0);
    assert_eq!(allocations(|| look_up(&ring.as_view())), 0);

    #[cfg(feature = "alloc")]
    {
        for name in Layout::names() {
            let table = ringway::Table::new(&layout(name), &nodes).unwrap();
            let mut out = [NodeIndex::new(0); 64];
            let lookups = || {
                for number in 0..1_000u32 {
                    let key = &number.to_le_bytes();
                    assert!(table.owner(key).is_some());
                    assert!(table.walk(key).take(16).count() == 16);
                    for k in [1, 3, 16, 17, 60, 64] {
                        assert_eq!(table.owners(key, &mut out[..k]), k.min(60));
                    }
                }
                let mut many = [None; 100];
                assert_eq!(table.owner_many((0..100u32).map(u32::to_le_bytes), &mut many), 100);
                assert_eq!(table.owner_many_by_hash(&[7; 100], &mut many), 100);
                let full = |node: NodeIndex| if node.as_usize() == 59 { 0 } else { 2_000 };
                let factor = ringway::LoadFactor::default();
                let bounded = table.owner_bounded(b"key", factor, 59_000, full);
                assert_eq!(bounded, Some(NodeIndex::new(59)));
                assert!(table.index_of(b"node7").is_some());
                assert!(table.segments().is_none_or(|segments| segments.count() > 60));
            };
            assert_eq!(allocations(lookups), 0, "{name}");
            // Whoever walks past the sixteenth node pays for one set, once.
            let whole = || assert_eq!(table.walk(b"key").count(), 60);
            assert_eq!(allocations(whole), 1, "{name}");
        }
    }
}

/// Building in the caller's memory, and looking up in what was built.
#[test]
fn nothing_allocates_in_the_callers_memory() {
    let nodes = ["a", "b", "c", "d"].map(|name| Node::new(name).with_weight(2).with_zone(b"z"));
    let slots = [NodeIndex::new(0); 512];
    let (contenders, mut few) = ([Contender::EMPTY; 4], [NodeIndex::new(0); 4]);
    let run = || {
        let zones = Zones::build_in(&nodes, few, &mut few).unwrap();
        answer(&Buckets::jump(4).unwrap(), &zones);
        answer(&Buckets::jumpback(4).unwrap(), &zones);
        answer(&Rendezvous::build_in(&nodes, contenders).unwrap(), &zones);
        let (mut turns, mut taken) = ([MaglevTurn::EMPTY; 4], [0; 8]);
        answer(&Maglev::build_in(&nodes, 509, slots, &mut turns, &mut taken).unwrap(), &zones);
        let rooms = &mut [0; 4];
        answer(&Balanced::build_in(&nodes, 1_050, slots, contenders, rooms).unwrap(), &zones);
        let keyed = Layout::ringway_keyed_v1(SipKey::new([7; 16]));
        for layout in [Layout::ringway_v1(), keyed] {
            let builder = RingBuilder::new().with_layout(layout);
            answer(&builder.build_in(&nodes, [Point::EMPTY; 1_280]).unwrap(), &zones);
        }
    };
    assert_eq!(allocations(run), 0);
}

fn answer(placement: &impl Placement, zones: &Zones<[NodeIndex; 4]>) {
    let mut out = [NodeIndex::new(0); 4];
    for number in 0..100u32 {
        let key = &number.to_le_bytes();
        assert_eq!(placement.walk(placement.hash_key(key)).next(), placement.owner(key));
        assert_eq!(placement.owners(key, &mut out), 4);
        assert_eq!(placement.owners_in_zones(key, zones, &mut out), 4);
        assert_eq!(Some(out[0]), placement.owner(key));
    }
}

/// The layout of that name, with what it must be told.
#[cfg(feature = "alloc")]
fn layout(name: &str) -> Layout {
    match name {
        "ringway-keyed-v1" => Layout::ringway_keyed_v1(SipKey::new([7; 16])),
        _ => Layout::from_name(name).unwrap(),
    }
}

fn look_up<S: AsRef<[Point]>>(ring: &Ring<S>) {
    let mut out = [NodeIndex::new(0); 64];
    for number in 0..1_000u32 {
        let key = &number.to_le_bytes();
        assert_eq!(ring.walk(ring.hash_key(key)).next(), ring.owner(key));
        assert_eq!(ring.walk(ring.hash_key(key)).count(), 9_600);
        for k in [1, 3, 16, 17, 60, 64] {
            assert_eq!(ring.owners(key, &mut out[..k]), k.min(60));
        }
    }
}
