//! What several tests need.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{future::Future, path::Path};

use ringway_cluster::{
    ConfigRecord, NodeRecord, Phase, Record, RecordKey, Revision, SegmentRecord, Snapshot,
    Transaction,
};
use ringway_cluster::{Incarnation, MapStore};
use ringway_store::{EmbeddedStore, OpenError};

/// Runs a future on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

pub(crate) fn key(text: &str) -> RecordKey {
    text.parse().expect("a key")
}

pub(crate) fn log(text: &str) -> Record {
    Record::Log(text.into())
}

pub(crate) fn node(address: &str) -> Record {
    let address = address.to_owned();
    Record::Node(NodeRecord { control: address.clone(), address, level: None, incarnation: None })
}

pub(crate) fn config(toml: &str) -> Record {
    Record::Config(ConfigRecord { toml: toml.into(), reason: "test".into(), accept_loss: false })
}

pub(crate) fn segment(lo: u64, hi: u64, owner: &str, phase: Phase) -> SegmentRecord {
    let incarnation = (phase != Phase::Born).then(|| incarnation(owner));
    SegmentRecord { lo, hi, owner: owner.into(), incarnation, epoch: 1, attempt: 0, phase }
}

/// A node's incarnation: its name's bytes.
pub(crate) fn incarnation(name: &str) -> Incarnation {
    Incarnation::from_bits(name.bytes().fold(0, |bits, byte| bits << 8 | u128::from(byte)))
}

pub(crate) fn put(writes: Vec<(&str, Option<Record>)>) -> Transaction {
    let writes = writes.into_iter().map(|(text, record)| (key(text), record));
    Transaction { expect: vec![], writes: writes.collect() }
}

pub(crate) fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory).expect("a sound store")
}

pub(crate) fn open_error(directory: &Path) -> OpenError {
    match EmbeddedStore::open(directory) {
        Err(error) => error,
        Ok(store) => panic!("must not open: {:?}", store.opened()),
    }
}

/// All records of a store that is opened for this and closed again.
pub(crate) fn contents(directory: &Path) -> Snapshot {
    read(&open(directory))
}

pub(crate) fn read(store: &impl MapStore) -> Snapshot {
    block_on(store.read()).expect("a running store")
}

pub(crate) fn commit(store: &impl MapStore, transaction: Transaction) -> Revision {
    block_on(store.commit(transaction)).expect("no conflict")
}
