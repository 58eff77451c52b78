//! The first records of an empty store.

use std::{error::Error, fmt};

use ringway_cluster::{
    ClusterFile, CommitError, ConfigRecord, FileError, MapStore, NodeRecord, Record, RecordKey,
    Revision, SegmentRecord, StoreError, Transaction, seed,
};

/// What [`seed_if_empty`] found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeded {
    /// The store was empty; it holds the cluster now, as of this revision.
    Now(Revision),
    /// The store holds a map already, and that is the truth: nothing was changed.
    Before(Revision),
}

/// Why an empty store could not be seeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeedError {
    /// The cluster file can't be the beginning of a cluster that holds state.
    Cluster(String),
    /// The store can't be read.
    Read(StoreError),
    /// The store did not take the records.
    Commit(CommitError),
}

/// Turns `cluster` into the first records of `store`: `cfg/1`, `node/<name>`, and `seg/1` on, each
/// born. A store that holds segments is left as it is.
///
/// It is one transaction: a crash leaves the store empty or seeded.
///
/// # Errors
/// [`SeedError`]; the store is as it was, unless it is [`CommitError::Unknown`]: then call again.
pub async fn seed_if_empty(
    store: &impl MapStore,
    cluster: &ClusterFile,
) -> Result<Seeded, SeedError> {
    let snapshot = store.read().await.map_err(SeedError::Read)?;
    if snapshot.segments().next().is_some() {
        return Ok(Seeded::Before(snapshot.revision));
    }
    let transaction = first_records(cluster).map_err(SeedError::Cluster)?;
    match store.commit(transaction).await {
        Ok(revision) => Ok(Seeded::Now(revision)),
        Err(error @ CommitError::Conflict(_)) => {
            let snapshot = store.read().await.map_err(SeedError::Read)?;
            match snapshot.segments().next() {
                // Somebody else was faster.
                Some(_) => Ok(Seeded::Before(snapshot.revision)),
                None => Err(SeedError::Commit(error)),
            }
        }
        Err(error) => Err(SeedError::Commit(error)),
    }
}

fn first_records(cluster: &ClusterFile) -> Result<Transaction, String> {
    let table = cluster.table().map_err(|error: FileError| error.to_string())?;
    let mut writes = vec![(
        RecordKey::Config(1),
        Record::Config(ConfigRecord {
            toml: cluster.to_toml(),
            reason: "seed".into(),
            accept_loss: false,
        }),
    )];
    for node in cluster.nodes() {
        let need = |field: &str, text: &Option<String>| {
            let missing = || {
                format!(
                    "node {:?} has no {field}; a cluster that holds state needs the address of \
                     each node, and its control address if its keys are to move",
                    node.name
                )
            };
            text.clone().ok_or_else(missing)
        };
        let address = need("address", &node.address)?;
        // Without one it is a node of level 0: keys are routed to it, and do not move.
        let control = node.control.clone().unwrap_or_default();
        let record = NodeRecord { address, control, level: None, incarnation: None };
        writes.push((RecordKey::Node(node.name.clone()), Record::Node(record)));
    }
    let segments: Vec<SegmentRecord> = seed(&table)?;
    let segments = segments.into_iter().map(Record::Segment);
    writes.extend((1..).map(RecordKey::Segment).zip(segments));
    Ok(Transaction {
        expect: writes.iter().map(|(key, _)| (key.clone(), None)).collect(),
        writes: writes.into_iter().map(|(key, record)| (key, Some(record))).collect(),
    })
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the empty store can't be seeded: ")?;
        match self {
            Self::Cluster(reason) => f.write_str(reason),
            Self::Read(error) => error.fmt(f),
            Self::Commit(error) => error.fmt(f),
        }
    }
}

impl Error for SeedError {}
