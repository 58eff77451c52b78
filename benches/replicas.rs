//! What do k distinct owners of a key cost?
//!
//! Dimensions: k (1, 2, 3, 5) × crate or layout × nodes, without zones and with three or five of
//! them. Keys of 16 bytes, 160 points a node on rings. Crates that have replicas are called for
//! them; pingora-ketama gives points, of which its user takes the distinct nodes; hashring gives
//! the k points that follow, be they of one node.

use std::{hint::black_box, net::SocketAddr};

use consistent_choose_k::ConsistentChooseKHasher;
use consistent_hash::{DefaultHash, StaticHashRing};
use hashring::HashRing;
use maglev_hash::MaglevTable;
use pingora_ketama::{Bucket, Continuum};
use ringway::{Layout, Node, NodeIndex, Table};
use ringway_bench::{
    Contestant, Keys, NODE_COUNTS, Row, addresses, minima, names, record, show, table_of, version,
};
use std::hash::{DefaultHasher, Hash as _};

const COUNTS: [usize; 4] = [1, 2, 3, 5];
/// hashring goes through the whole ring for each key.
const HASHRING_NODES_MAX: u16 = 10;

fn main() {
    let keys = Keys::new(16);
    let mut rows = Vec::new();
    for nodes in NODE_COUNTS {
        let maps = Maps::new(nodes);
        maps.check(&keys);
        for k in COUNTS {
            let mut contestants = maps.contestants(&keys, k);
            let best = minima(&mut contestants, 10);
            rows.extend(contestants.iter().zip(best).map(|((name, _), figure)| Row {
                what: format!("{name} k={k}"),
                nodes,
                figure,
                unit: "ns/lookup",
            }));
        }
    }
    rows.sort_by_key(|row| COUNTS.map(|k| row.what.ends_with(&format!("k={k}"))).map(|is| !is));
    show("k distinct owners of a 16-byte key", &rows, "ringway ringway-v1 k=3");
    record("replicas", &rows);
}

struct Maps {
    nodes: usize,
    ring: Table,
    zoned: [Table; 2],
    balanced: Option<Table>,
    ketama: Continuum,
    hashring: Option<HashRing<(SocketAddr, u16)>>,
    consistent_hash: StaticHashRing<'static, SocketAddr, (), DefaultHash>,
    maglev: MaglevTable<SocketAddr>,
}

impl Maps {
    fn new(count: u16) -> Self {
        let nodes = addresses(count);
        let buckets: Vec<Bucket> = nodes.iter().map(|&node| Bucket::new(node, 1)).collect();
        let hashring = (count <= HASHRING_NODES_MAX).then(|| {
            let mut ring = HashRing::new();
            ring.batch_add(nodes.iter().flat_map(|&a| (0..160).map(move |id| (a, id))).collect());
            ring
        });
        let points = nodes.iter().map(|&node| consistent_hash::Node::new(node).quantity(160));
        Self {
            nodes: nodes.len(),
            ring: table_of(&Layout::ringway_v1(), &nodes),
            zoned: [3, 5].map(|zones| zoned(count, zones)),
            balanced: (count <= 1_000).then(|| table_of(&Layout::balanced_v1(), &nodes)),
            ketama: Continuum::new(&buckets),
            hashring,
            consistent_hash: StaticHashRing::new(DefaultHash, points),
            maglev: MaglevTable::new(nodes),
        }
    }

    fn contestants<'a>(&'a self, keys: &'a Keys, k: usize) -> Vec<Contestant<'a>> {
        let mut list: Vec<Contestant<'a>> = vec![
            ("ringway ringway-v1", pass(keys, move |key| own(&self.ring, key, k))),
            ("ringway ringway-v1 3 zones", pass(keys, move |key| own(&self.zoned[0], key, k))),
            ("ringway ringway-v1 5 zones", pass(keys, move |key| own(&self.zoned[1], key, k))),
            (named("pingora-ketama"), pass(keys, move |key| sum(self.of_ketama(key, k)))),
            (named("consistent_hash"), pass(keys, move |key| sum(self.of_consistent_hash(key, k)))),
            (named("maglev-hash"), pass(keys, move |key| sum(self.of_maglev(key, k)))),
            (named("consistent-choose-k"), pass(keys, move |key| self.of_choose_k(key, k))),
        ];
        if let Some(table) = &self.balanced {
            list.push(("ringway balanced-v1", pass(keys, move |key| own(table, key, k))));
        }
        if let Some(ring) = &self.hashring {
            let found =
                move |key: &[u8]| ring.get_with_replicas(&key, k - 1).map_or(0, |f| f.len());
            list.push((named("hashring"), pass(keys, move |key| found(key) as u64)));
        }
        list
    }

    #[inline(always)]
    fn of_ketama(&self, key: &[u8], k: usize) -> Vec<SocketAddr> {
        let mut found = Vec::with_capacity(k);
        let mut points = self.ketama.node_iter(key);
        while let (true, Some(node)) = (found.len() < k, points.next()) {
            if !found.contains(node) {
                found.push(*node);
            }
        }
        found
    }

    #[inline(always)]
    fn of_consistent_hash(&self, key: &[u8], k: usize) -> Vec<SocketAddr> {
        self.consistent_hash.calc_candidates(&key).take(k).map(|node| node.key).collect()
    }

    #[inline(always)]
    fn of_maglev(&self, key: &[u8], k: usize) -> Vec<SocketAddr> {
        self.maglev.get_top_k(&key, k).into_iter().copied().collect()
    }

    #[inline(always)]
    fn of_choose_k(&self, key: &[u8], k: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        ConsistentChooseKHasher::new(hasher, self.nodes).take(k).sum::<usize>() as u64
    }

    /// Distinct owners, the first of which owns; over zones as far as there are any.
    fn check(&self, keys: &Keys) {
        for key in keys.iter().take(1_000) {
            for k in COUNTS {
                let mut out = [NodeIndex::new(0); 5];
                let found = self.ring.owners(key, &mut out[..k]);
                assert_eq!((found, Some(out[0])), (k, self.ring.owner(key)));
                for (table, zones) in self.zoned.iter().zip([3, 5]) {
                    assert_eq!(table.owners(key, &mut out[..k]), k);
                    let mut seen: Vec<_> = out[..k].iter().map(|n| n.as_usize() % zones).collect();
                    seen.sort_unstable();
                    seen.dedup();
                    assert_eq!(seen.len(), k.min(zones), "one in each zone first");
                }
                for found in [
                    self.of_ketama(key, k),
                    self.of_consistent_hash(key, k),
                    self.of_maglev(key, k),
                ] {
                    let mut distinct = found.clone();
                    distinct.sort_unstable();
                    distinct.dedup();
                    assert_eq!((found.len(), distinct.len()), (k, k));
                }
            }
        }
    }
}

/// A ring whose nodes are in so many zones in turns.
fn zoned(count: u16, zones: usize) -> Table {
    let (names, zone_names) = (names(count), [b"a", b"b", b"c", b"d", b"e"]);
    let zones = zone_names[..zones].iter().cycle();
    let nodes: Vec<Node<'_>> =
        names.iter().zip(zones).map(|(name, zone)| Node::new(name).with_zone(*zone)).collect();
    Table::new(&Layout::ringway_v1(), &nodes).expect("distinct names")
}

#[inline(always)]
fn own(table: &Table, key: &[u8], k: usize) -> u64 {
    let mut out = [NodeIndex::new(0); 5];
    let found = table.owners(key, &mut out[..k]);
    out[..found].iter().map(|owner| u64::from(owner.get())).sum()
}

fn sum(found: Vec<SocketAddr>) -> u64 {
    black_box(found).iter().map(|address| u64::from(address.port())).sum()
}

fn pass<'a>(
    keys: &'a Keys,
    owners: impl Fn(&[u8]) -> u64 + 'a,
) -> Box<dyn FnMut(usize) -> u64 + 'a> {
    Box::new(move |block| keys.block(block).map(&owners).fold(0, u64::wrapping_add))
}

fn named(of_crate: &str) -> &'static str {
    format!("{of_crate} {}", version(of_crate)).leak()
}
