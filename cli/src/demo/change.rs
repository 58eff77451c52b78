//! The changes of the demo, and what each one moved.

use std::time::Duration;

use ringway::{NodeIndex, Table, Twins};
use ringway_cluster::{Balance, ClusterFile, Modulo};

use super::records::Record;
use crate::failure::Failure;

/// The cluster at one moment, and whose each record is.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) file: ClusterFile,
    pub(super) table: Table,
    owners: Vec<Option<NodeIndex>>,
    modulo: Vec<Option<NodeIndex>>,
}

/// What a change of the cluster moved.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) title: String,
    /// Records that changed owner.
    pub(super) moved: u64,
    /// The fewest that any change to these shares has to move.
    pub(super) least: u64,
    /// What `hash mod n` would have moved.
    pub(super) modulo: u64,
    /// Ranges that changed owner.
    pub(super) ranges: u64,
    pub(super) time: Duration,
}

impl View {
    /// The view of the proxy's cluster file.
    pub(super) fn new(toml: &str, records: &[Record]) -> Result<Self, Failure> {
        let file = ClusterFile::parse(toml, "GET /cluster")?;
        let table = file.table()?;
        let modulo = Modulo::new(&table);
        let owners = records.iter().map(|record| table.owner(&record.key)).collect();
        let by_modulo = |record: &Record| modulo.owner(table.key_hash(&record.key)?);
        let modulo = records.iter().map(by_modulo).collect();
        Ok(Self { file, table, owners, modulo })
    }

    /// The name of the owner of a record.
    pub(super) fn owner(&self, record: usize) -> Option<&str> {
        let index = self.owners.get(record).copied().flatten()?;
        self.file.nodes().get(index.as_usize()).map(|node| node.name.as_str())
    }

    /// How the records are spread.
    pub(super) fn balance(&self) -> Balance {
        let mut counts = vec![0; self.table.len()];
        self.owners.iter().flatten().for_each(|owner| counts[owner.as_usize()] += 1);
        Balance::of_counts(&self.table, &counts)
    }
}

impl Change {
    /// What has moved from one view to the other.
    pub(super) fn new(title: &str, from: &View, to: &View, ranges: u64, time: Duration) -> Self {
        let twins = Twins::new(&from.table, &to.table);
        let moved = |from: &[Option<NodeIndex>], to: &[Option<NodeIndex>]| {
            let pairs = from.iter().zip(to);
            count(pairs.filter(|(from, to)| !twins.same(**from, **to)))
        };
        // A change moves at least what some node has more of than before.
        let (before, after) = (from.balance(), to.balance());
        let kept = before.rows().iter().filter_map(|row| {
            let twin = twins.of(row.node)?;
            Some(row.count.min(after.rows().get(twin.as_usize())?.count))
        });
        let least = after.total().saturating_sub(kept.sum());
        Self {
            title: title.to_owned(),
            moved: moved(&from.owners, &to.owners),
            least: u64::try_from(least).unwrap_or(u64::MAX),
            modulo: moved(&from.modulo, &to.modulo),
            ranges,
            time,
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(toml: &str, records: &[Record]) -> View {
        View::new(toml, records).unwrap()
    }

    fn records() -> Vec<Record> {
        let record = |number: u32| Record {
            key: number.to_string().into_bytes(),
            target: String::new(),
            content: bytes::Bytes::new(),
        };
        (0..1_000).map(record).collect()
    }

    #[test]
    fn an_added_node_takes_the_least_from_the_others() {
        let records = records();
        let two = "[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n";
        let (from, to) =
            (view(two, &records), view(&format!("{two}[[node]]\nname = \"c\"\n"), &records));
        let change = Change::new("add c", &from, &to, 1, Duration::ZERO);
        let owned = (0..records.len()).filter(|&record| to.owner(record) == Some("c")).count();
        assert_eq!(change.moved, u64::try_from(owned).unwrap());
        assert_eq!(change.least, change.moved);
        assert!(change.moved > 100 && change.modulo > change.moved, "{change:?}");
        let total: u128 = to.balance().rows().iter().map(|row| row.count).sum();
        assert_eq!(total, 1_000);
        // Nothing moves where nothing changes.
        let change = Change::new("nothing", &to, &to, 0, Duration::ZERO);
        assert_eq!((change.moved, change.least, change.modulo), (0, 0, 0));
    }

    #[test]
    fn exchanged_nodes_move_more_than_the_least() {
        let records = records();
        let from = view("[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n", &records);
        // The same shares, but as a pair of a removed and a new node.
        let to = view("[[node]]\nname = \"b\"\n[[node]]\nname = \"c\"\n", &records);
        let change = Change::new("exchange", &from, &to, 1, Duration::ZERO);
        assert!(change.least <= change.moved && change.least > 300, "{change:?}");
    }
}
