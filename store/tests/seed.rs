//! The first records of a store.

mod support;

use ringway_cluster::{ClusterFile, CommitError, MapStore as _, Phase, Record, SegmentTable};
use ringway_store::{MemoryStore, SeedError, Seeded, seed_if_empty};
use support::*;

fn cluster(nodes: usize) -> ClusterFile {
    let mut text = String::from("layout = \"ringway-v1\"\n");
    for number in 0..nodes {
        text += &format!(
            "[[node]]\nname = \"n{number}\"\naddress = \"10.0.0.1:{}\"\ncontrol = \"10.0.0.2:{}\"\n",
            1_000 + number,
            1_000 + number
        );
    }
    ClusterFile::parse(&text, "c.toml").expect("a good file")
}

#[test]
fn an_empty_store_becomes_the_cluster_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, other) = (cluster(20), cluster(3));
    let store = open(directory.path());
    assert_eq!(block_on(seed_if_empty(&store, &first)), Ok(Seeded::Now(1)));
    let snapshot = read(&store);
    let position_max = u64::from(u32::MAX);
    let segments = SegmentTable::new(&snapshot, position_max).expect("a whole map");
    let table = first.table().expect("a table");
    let runs: Vec<_> = table.segments().expect("movable").collect();
    assert_eq!(segments.len(), runs.len());
    assert!(segments.len() > 1_000, "far more than one plain transaction may write");
    for (stored, run) in segments.iter().zip(runs) {
        let owner = table.node(run.owner).expect("a node").name();
        assert_eq!(stored.record.owner.as_bytes(), owner);
        assert_eq!((stored.record.lo, stored.record.hi), (run.lo, run.hi));
        assert_eq!((stored.record.epoch, &stored.record.phase), (1, &Phase::Born));
    }
    let Record::Config(config) = &snapshot.records[&key("cfg/1")].1 else { panic!("a config") };
    assert_eq!(ClusterFile::parse(&config.toml, "store"), Ok(first));
    let Record::Node(node) = &snapshot.records[&key("node/n7")].1 else { panic!("a node") };
    assert_eq!((&*node.address, &*node.control), ("10.0.0.1:1007", "10.0.0.2:1007"));
    // Another file changes nothing, before and after the store is opened again.
    assert_eq!(block_on(seed_if_empty(&store, &other)), Ok(Seeded::Before(1)));
    drop(store);
    let store = open(directory.path());
    assert_eq!(block_on(seed_if_empty(&store, &other)), Ok(Seeded::Before(1)));
    assert_eq!(read(&store), snapshot);
}

#[test]
fn of_two_that_seed_one_wins() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let (first, second) = (cluster(3), cluster(4));
    let (first, second) = block_on(async {
        tokio::join!(seed_if_empty(&store, &first), seed_if_empty(&store, &second))
    });
    assert_eq!((first, second), (Ok(Seeded::Now(1)), Ok(Seeded::Before(1))));
}

#[test]
fn what_cannot_hold_state_is_refused() {
    let store = MemoryStore::default();
    for (text, reason) in [
        ("[[node]]\nname = \"a\"\ncontrol = \"h:1\"\n", "node \"a\" has no address"),
        (
            "[[node]]\nname = \"a\"\nweight = 0\naddress = \"h:1\"\ncontrol = \"h:2\"\n",
            "a node with weight",
        ),
    ] {
        let file = ClusterFile::parse(text, "c.toml").expect("well formed");
        let error = block_on(seed_if_empty(&store, &file)).expect_err(reason);
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(read(&store).revision, 0);
    // Records without segments are no map: nobody guesses what they were.
    commit(&store, put(vec![("cfg/1", Some(config("x")))]));
    let error = block_on(seed_if_empty(&store, &cluster(2)));
    assert_eq!(error, Err(SeedError::Commit(CommitError::Conflict(key("cfg/1")))));
    assert_eq!(block_on(store.read()).expect("running").revision, 1);
}
