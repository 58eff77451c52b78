//! Plans and balances against twins that look at single positions and single hashes.

use proptest::prelude::*;
use ringway::{Layout, MovedError, MovedRange, Node, NodeIndex, OptionValue, State, Table};
use ringway_cluster::{Balance, ClusterFile, Modulo, PlanSummary, modulo_moved};

const SPACE: u128 = 1 << 32;

fn table(nodes: &[(&str, u32)]) -> Table {
    table_of(&Layout::ringway_v1(), nodes)
}

fn table_of(layout: &Layout, nodes: &[(&str, u32)]) -> Table {
    let nodes: Vec<Node<'_>> =
        nodes.iter().map(|&(name, weight)| Node::new(name).with_weight(weight)).collect();
    Table::new(layout, &nodes).expect("valid nodes")
}

fn owner_name(table: &Table, position: u64) -> Option<&[u8]> {
    let owner = table.owner_by_hash(position << 32)?;
    table.node(owner).map(|node| node.name())
}

fn name(table: &Table, index: Option<NodeIndex>) -> Option<&[u8]> {
    table.node(index?).map(|node| node.name())
}

fn ranges(from: &Table, to: &Table) -> Vec<MovedRange> {
    from.moved(to).expect("one layout").collect()
}

/// Any two clusters over few names, so that nodes stay, come, go and change weight.
fn clusters() -> impl Strategy<Value = [Vec<(String, u32)>; 2]> {
    let node = (0..8u32, 0..4u32).prop_map(|(number, weight)| (format!("n{number}"), weight));
    let cluster = proptest::collection::vec(node, 0..8).prop_map(|mut nodes| {
        let mut seen = std::collections::HashSet::new();
        nodes.retain(|(name, _)| seen.insert(name.clone()));
        nodes
    });
    [cluster.clone(), cluster]
}

fn borrowed(nodes: &[(String, u32)]) -> Vec<(&str, u32)> {
    nodes.iter().map(|(name, weight)| (name.as_str(), *weight)).collect()
}

proptest! {
    #[test]
    fn ranges_are_exactly_what_changes_owner(
        clusters in clusters(),
        vnodes in 1..40i64,
        positions in proptest::collection::vec(any::<u32>(), 50),
    ) {
        let layout = Layout::ringway_v1().with_option("vnodes", OptionValue::Integer(vnodes));
        let layout = layout.expect("in range");
        let [from, to] = clusters.map(|nodes| table_of(&layout, &borrowed(&nodes)));
        let ranges = ranges(&from, &to);
        let mut last = None;
        for range in &ranges {
            prop_assert!(range.lo <= range.hi);
            prop_assert!(last.is_none_or(|last| range.lo > last), "ascending, no overlap");
            last = Some(range.hi);
            prop_assert_ne!(name(&from, range.from), name(&to, range.to));
            for position in [range.lo, range.lo + (range.hi - range.lo) / 2, range.hi] {
                prop_assert_eq!(owner_name(&from, position), name(&from, range.from));
                prop_assert_eq!(owner_name(&to, position), name(&to, range.to));
            }
        }
        for pair in ranges.windows(2) {
            let joined = pair[0].hi + 1 == pair[1].lo;
            let same = (pair[0].from, pair[0].to) == (pair[1].from, pair[1].to);
            prop_assert!(!(joined && same), "each range is as long as can be");
        }
        let edges = ranges.iter().flat_map(|range| [range.lo.wrapping_sub(1), range.hi + 1]);
        let edges = edges.filter(|&position| position <= u64::from(u32::MAX));
        for position in edges.chain(positions.into_iter().map(u64::from)) {
            let moved = ranges.iter().any(|range| (range.lo..=range.hi).contains(&position));
            prop_assert_eq!(moved, owner_name(&from, position) != owner_name(&to, position));
        }
    }

    #[test]
    fn summaries_add_up(clusters in clusters()) {
        let [from, to] = clusters.map(|nodes| table(&borrowed(&nodes)));
        let summary = PlanSummary::new(&from, &to).expect("one layout");
        let ranges = ranges(&from, &to);
        prop_assert_eq!(summary.total, SPACE);
        let len = |range: &MovedRange| u128::from(range.hi - range.lo) + 1;
        prop_assert_eq!(summary.moved, ranges.iter().map(len).sum::<u128>());
        prop_assert_eq!(summary.moved, summary.pairs.iter().map(|pair| pair.positions).sum());
        prop_assert_eq!(summary.ranges, summary.pairs.iter().map(|pair| pair.ranges).sum::<u64>());
        prop_assert!(summary.least <= summary.moved);
        for node in &summary.nodes {
            let lost = summary.pairs.iter().filter(|p| p.from.is_some() && p.from == node.from);
            let won = summary.pairs.iter().filter(|p| p.to.is_some() && p.to == node.to);
            let lost: u128 = lost.map(|pair| pair.positions).sum();
            let won: u128 = won.map(|pair| pair.positions).sum();
            prop_assert_eq!(node.before + won, node.after + lost);
        }
        prop_assert!(summary.pairs.is_sorted_by(|a, b| a.positions >= b.positions));
    }

    #[test]
    fn modulo_is_what_counting_one_period_gives(clusters in clusters()) {
        let [from, to] = clusters.map(|nodes| table(&borrowed(&nodes)));
        let (old, new) = (Modulo::new(&from), Modulo::new(&to));
        let (moved, of) = modulo_moved(&from, &to);
        // n · m is a multiple of lcm(n, m), so the parts must be equal.
        let period = (old.slots() * new.slots()).max(1);
        let differs = |&hash: &u64| name(&from, old.owner(hash)) != name(&to, new.owner(hash));
        let counted = (0..period).filter(differs).count();
        prop_assert_eq!(u128::try_from(counted).expect("small") * of, moved * u128::from(period));
    }

    #[test]
    fn a_balance_counts_every_position(clusters in clusters()) {
        let [nodes, _] = clusters;
        let table = table(&borrowed(&nodes));
        let balance = Balance::of_positions(&table).expect("a ring has positions");
        let mut counts = vec![0; table.len()];
        for segment in table.segments().into_iter().flatten() {
            counts[segment.owner.as_usize()] += u128::from(segment.hi - segment.lo) + 1;
        }
        let rows: Vec<u128> = balance.rows().iter().map(|row| row.count).collect();
        prop_assert_eq!(&rows, &counts);
        let owned: u128 = rows.iter().sum();
        prop_assert_eq!(owned, if balance.weight_total() > 0 { SPACE } else { 0 });
    }
}

#[test]
fn a_new_node_takes_from_each_and_nothing_else_moves() {
    let from = table(&[("db1", 1), ("db2", 1), ("db3", 1)]);
    let to = table(&[("db4", 1), ("db3", 1), ("db2", 1), ("db1", 1)]);
    let summary = PlanSummary::new(&from, &to).expect("one layout");
    assert_eq!(summary.moved, summary.least, "no more than must");
    assert!(summary.pairs.iter().all(|pair| name(&to, pair.to) == Some(b"db4")));
    assert_eq!(summary.pairs.len(), 3);
    let share = summary.moved as f64 / summary.total as f64;
    assert!((0.2..0.3).contains(&share), "about a quarter: {share}");
    // Of one period of 12 hashes, only number 6 stays where it was: [1 2 3] against [4 3 2 1].
    assert_eq!(summary.modulo.1, 12);
    let kept = (0..12)
        .filter(|hash| ["db1", "db2", "db3"][hash % 3] == ["db4", "db3", "db2", "db1"][hash % 4]);
    assert_eq!(summary.modulo.0, 12 - u128::try_from(kept.count()).expect("small"));
}

#[test]
fn modulo_by_hand() {
    let plain = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let nodes: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        table(&nodes)
    };
    // From n to n + 1 nodes, of n(n + 1) hashes those below n stay.
    assert_eq!(modulo_moved(&plain(3), &plain(4)), (9, 12));
    assert_eq!(modulo_moved(&plain(10), &plain(11)), (100, 110));
    // From 2 to 4: half of each pair of slots stays.
    assert_eq!(modulo_moved(&plain(2), &plain(4)), (2, 4));
    assert_eq!(modulo_moved(&plain(5), &plain(5)), (0, 5));
    assert_eq!(modulo_moved(&plain(0), &plain(5)), (1, 1));
    assert_eq!(modulo_moved(&plain(0), &plain(0)), (0, 1));
    let heavy = |weight| table(&[("a", weight), ("b", 1)]);
    // [a b] against [a a b]: of 6 hashes 0, 4 (a) and 5 (b) stay.
    assert_eq!(modulo_moved(&heavy(1), &heavy(2)), (3, 6));
}

#[test]
fn from_nobody_and_to_nobody() {
    let (nobody, some) = (table(&[("a", 0)]), table(&[("a", 1)]));
    let summary = PlanSummary::new(&nobody, &some).expect("one layout");
    assert_eq!((summary.moved, summary.least, summary.ranges), (SPACE, SPACE, 1));
    assert_eq!(summary.pairs[0].from, None);
    let summary = PlanSummary::new(&some, &nobody).expect("one layout");
    assert_eq!((summary.moved, summary.least), (SPACE, SPACE));
    assert_eq!(summary.pairs[0].to, None);
    assert_eq!(ranges(&nobody, &nobody), []);
    assert_eq!(ranges(&some, &some), []);
    let balance = Balance::of_positions(&nobody).expect("a ring");
    assert_eq!((balance.ratio_max(), balance.variation()), (None, None));
}

#[test]
fn draining_moves_what_removing_does() {
    let file = |state| {
        let text = format!(
            "[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n[[node]]\nname = \"c\"\nstate = \"{state}\""
        );
        ClusterFile::parse(&text, "c").and_then(|file| file.table()).expect("well formed")
    };
    let removed = table(&[("a", 1), ("b", 1)]);
    let up = file(State::Up.name());
    let by_drain = PlanSummary::new(&up, &file("drain")).expect("one layout");
    let by_removal = PlanSummary::new(&up, &removed).expect("one layout");
    assert_eq!(by_drain.pairs, by_removal.pairs);
    assert_eq!(by_drain.moved, by_drain.least);
    assert_eq!(by_drain.modulo, by_removal.modulo);
    assert_eq!(ranges(&up, &file("down")), [], "down changes no owner");
}

#[test]
fn other_hash_tags_have_other_positions() {
    let tagged = Layout::ringway_v1().with_option("hash_tag", OptionValue::Text("{}"));
    let tagged = table_of(&tagged.expect("valid"), &[("a", 1)]);
    let error = PlanSummary::new(&table(&[("a", 1)]), &tagged).expect_err("not comparable");
    assert_eq!(error, MovedError::OtherPositions);
    // The number of points is no obstacle: it moves keys, but no key's position.
    let fewer = Layout::ringway_v1().with_option("vnodes", OptionValue::Integer(40));
    let nodes = [("a", 1), ("b", 1)];
    let fewer = table_of(&fewer.expect("valid"), &nodes);
    let summary = PlanSummary::new(&table(&nodes), &fewer).expect("comparable");
    assert!(summary.moved > summary.least, "what a change of points costs");
}

#[test]
fn a_ring_and_balanced_slots_have_the_same_positions() {
    let nodes = [("a", 1), ("b", 2), ("c", 1)];
    let (ring, slots) = (table(&nodes), table_of(&Layout::balanced_v1(), &nodes));
    let summary = PlanSummary::new(&ring, &slots).expect("comparable");
    assert!(summary.moved > summary.least);
    for range in ring.moved(&slots).expect("comparable").take(500) {
        for position in [range.lo, range.hi] {
            assert_eq!(ring.owner_by_hash(position << 32), range.from);
            assert_eq!(slots.owner_by_hash(position << 32), range.to);
        }
    }
    let balance = Balance::of_positions(&slots).expect("slots are counted exactly");
    assert!(balance.ratio_max().expect("weights") <= 1.05);
    assert!(ringway_cluster::seed(&slots).is_ok_and(|records| records.len() > 1_000));
}

#[test]
fn layouts_without_positions_say_so() {
    let jump = table_of(&Layout::jump_v1(), &[("a", 1), ("b", 1)]);
    let ring = table(&[("a", 1), ("b", 1)]);
    for (from, to) in [(&jump, &jump), (&jump, &ring), (&ring, &jump)] {
        let error = PlanSummary::new(from, to).expect_err("no positions");
        assert_eq!(error, MovedError::NoPositions { layout: "jump-v1" });
        assert!(from.moved(to).is_err());
    }
    assert_eq!(Balance::of_positions(&jump), None);
    let error = ringway_cluster::seed(&jump).expect_err("nothing to move");
    assert!(error.contains("needs a movable layout") && error.contains("jump-v1"), "{error}");
}

#[test]
fn a_balance_of_counted_keys() {
    let table = table(&[("a", 1), ("b", 3), ("idle", 0)]);
    let balance = Balance::of_counts(&table, &[50, 50]);
    let [a, b, idle] = balance.rows() else { panic!("three nodes") };
    assert_eq!((balance.share(a), balance.ideal(a)), (0.5, 0.25));
    assert_eq!((balance.ratio(a), balance.ratio(idle)), (Some(2.0), None));
    assert_eq!(balance.ratio_max(), Some(2.0));
    assert_eq!(balance.ratio_min(), balance.ratio(b));
    // sqrt(1/4 · (2 - 1)^2 + 3/4 · (2/3 - 1)^2) = sqrt(1/3)
    let variation = balance.variation().expect("there are keys");
    assert!((variation - (1.0f64 / 3.0).sqrt()).abs() < 1e-12, "{variation}");
}
