//! What removed nodes cost `memento-v1`: nanoseconds per lookup of a 16-byte key and bytes, for
//! 100, 1,000 and 10,000 nodes of which none, a tenth, a half and nine tenths were removed in any
//! order, beside `jump-v1` of as many nodes.
//!
//! ```text
//! cargo bench -p ringway-bench --bench memento                print
//! cargo bench -p ringway-bench --bench memento -- --record    and write results/*.csv
//! ```
//!
//! Times are the shortest of several passes, in turns. Bytes are those allocated for
//! removals; what a table holds of its nodes' names is the same in every layout.
use ringway::{Layout, Memento, Node, NodeIndex, OptionValue, RemovedMap, Table};
use ringway_bench::{Contestant, Keys, Random, Row, minima, record, show};

const LEFT_OUT_PERCENT: [u32; 4] = [0, 10, 50, 90];

fn main() {
    let keys = Keys::new(16);
    let mut rows = Vec::new();
    for count in [100, 1_000, 10_000] {
        let order = shuffled(count);
        let removed = LEFT_OUT_PERCENT.map(|percent| {
            order.iter().copied().take((count * percent / 100) as usize).collect::<Vec<u32>>()
        });
        let tables: Vec<Table> = std::iter::once(table(&Layout::jump_v1(), count))
            .chain(removed.iter().map(|removed| table(&memento_v1(removed), count)))
            .collect();
        let mut contestants: Vec<Contestant<'_>> = tables
            .iter()
            .map(|table| -> Contestant<'_> {
                let pass = |block| keys.block(block).map(|key| number(table.owner(key))).sum();
                (table.layout().name(), Box::new(pass))
            })
            .collect();
        let times = minima(&mut contestants, 9);
        let nodes = u16::try_from(count).expect("few nodes");
        let row = |what: String, figure, unit| Row { what, nodes, figure, unit };
        rows.push(row("jump-v1".to_owned(), times[0], "ns/lookup"));
        for ((percent, removed), &time) in LEFT_OUT_PERCENT.iter().zip(&removed).zip(&times[1..]) {
            let what = format!("memento-v1 {percent} % removed");
            rows.push(row(what.clone(), time, "ns/lookup"));
            rows.push(row(what, bytes(count, removed) as f64, "bytes"));
        }
    }
    show("removed nodes", &rows, "jump-v1");
    record("memento", &rows);
}

fn number(owner: Option<NodeIndex>) -> u64 {
    owner.map_or(0, |owner| u64::from(owner.get()))
}

fn memento_v1(removed: &[u32]) -> Layout {
    let option = OptionValue::List(removed);
    Layout::memento_v1().with_option("removed", option).expect("places, none twice")
}

fn table(layout: &Layout, count: u32) -> Table {
    let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::new(name)).collect();
    Table::new(layout, &nodes).expect("distinct names, within the limits")
}

/// The bytes that the removals take.
fn bytes(count: u32, removed: &[u32]) -> usize {
    let mut memento = Memento::<RemovedMap>::new(count).expect("few nodes");
    for &place in removed {
        let place = u16::try_from(place).expect("few nodes");
        memento.remove(NodeIndex::new(place)).expect("removed once");
    }
    memento.removals().allocated_bytes()
}

/// All places in any order.
fn shuffled(count: u32) -> Vec<u32> {
    let mut random = Random::new(3);
    let mut order: Vec<(u64, u32)> = (0..count).map(|place| (random.next_u64(), place)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, place)| place).collect()
}
