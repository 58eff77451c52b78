//! Tables of arbitrary nodes in every layout: nothing panics, and owner, hash and segments agree.
#![no_main]

mod shared;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shared::{AnyTable, assert_same, rebuilt};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    table: AnyTable<'a>,
    keys: Vec<&'a [u8]>,
}

fuzz_target!(|input: Input<'_>| {
    let Ok(table) = input.table.build() else { return };
    assert_same(&table, &rebuilt(&table));
    let may_own = table.nodes().any(|node| node.effective_weight() > 0);
    assert_eq!(table.segments().is_some(), table.position_max().is_some() && may_own);
    let mut next = Some(0);
    for segment in table.segments().into_iter().flatten() {
        assert!(next == Some(segment.lo) && segment.lo <= segment.hi, "segments leave no gap");
        assert!(segment.owner.as_usize() < table.len());
        next = (Some(segment.hi) != table.position_max()).then(|| segment.hi + 1);
    }
    assert!(next.is_none() || table.segments().is_none(), "segments go to the end");
    for key in input.keys.into_iter().take(16) {
        let owner = table.owner(key);
        assert_eq!(owner.is_some(), may_own);
        if let Some(owner) = owner {
            let node = table.node(owner).expect("an owner is a node");
            assert!(node.effective_weight() > 0, "owners have weight");
            assert_eq!(table.index_of(node.name()), Some(owner));
        }
        let hash = table.key_hash(key).expect("every layout has a hash of 64 bits");
        assert_eq!(table.owner_by_hash(hash), owner);
        let position = table.position(key);
        assert_eq!(position.is_some(), table.position_max().is_some());
        let segment = table.segments().and_then(|mut segments| {
            segments.find(|segment| position.is_some_and(|at| at <= segment.hi))
        });
        if position.is_some() {
            assert_eq!(segment.map(|segment| segment.owner), owner);
        }
    }
});
