//! Disks that fail or are lost, nodes that are slow, a store that is restored from a backup.

use ringway_cluster::{Incarnation, Phase, Record, RecordKey, Snapshot, StoredSegment};

use crate::{
    node::SimNode,
    world::{CALM_MS, END_MS, Happening, World},
};

/// One transaction in so many fails while there are faults.
const DISK_FAULTS_ONE_IN: u64 = 400;
/// An operator looks after a lost disk this often.
const OPERATOR_MS: u64 = 3_000;

/// A node's transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was written.
    NotExecuted,
    /// Perhaps all of it was written: the node stops, and finds out when it starts.
    Unknown,
}

impl World {
    /// Runs a transaction of a node, if its disk lets it.
    pub(crate) fn transact<T>(
        &mut self,
        node: usize,
        run: impl FnOnce(&mut SimNode) -> T,
    ) -> Result<T, Fault> {
        if self.now_ms >= CALM_MS || self.below(DISK_FAULTS_ONE_IN) > 0 {
            return Ok(run(&mut self.nodes[node]));
        }
        self.totals.disk_faults += 1;
        if self.below(2) == 0 {
            return Err(Fault::NotExecuted);
        }
        if self.below(2) == 0 {
            run(&mut self.nodes[node]);
        }
        self.happen(Happening::NodeCrash(node));
        Err(Fault::Unknown)
    }

    /// The node comes back with an empty disk; some time later an operator accepts that.
    pub(crate) fn lose_disk(&mut self, node: usize) {
        self.totals.disks_lost += 1;
        let incarnation = self.nodes[node].holdings.incarnation();
        self.nodes[node].lose_disk();
        let back = self.below(3_000);
        self.after(back, Happening::NodeRestart(node));
        let forget = 1_000 + self.below(5_000);
        self.after(forget, Happening::Forget { node, incarnation });
    }

    /// What a lost data directory owned is born anew, as `ringway nodes forget` does it; again
    /// later, because a move to that directory may have been committed meanwhile.
    pub(crate) fn forget(&mut self, node: usize, incarnation: Incarnation) {
        let lost: Vec<StoredSegment> = self
            .store
            .segments()
            .filter(|segment| segment.record.owner == self.nodes[node].name())
            .filter(|segment| segment.record.incarnation == Some(incarnation))
            .collect();
        for segment in lost {
            let born = segment.record.born_anew(&segment.record.owner);
            let (lo, hi) = (born.lo, born.hi);
            self.commit(&segment.replace(born)).unwrap();
            self.totals.forgotten += 1;
            for client in &mut self.clients {
                if (lo..=hi).contains(&client.position) {
                    client.accept_loss();
                }
            }
        }
        if self.now_ms + OPERATOR_MS < END_MS - 20_000 {
            self.after(OPERATOR_MS, Happening::Forget { node, incarnation });
        }
    }

    /// Remembers the store as it is, if it may be restored one day: a map of which nobody had
    /// served some part yet says nothing about who did since.
    pub(crate) fn back_up(&mut self) {
        let born = self.store.segments().any(|segment| {
            let inside = segment.record.lo..=segment.record.hi;
            segment.record.phase == Phase::Born
                && self.clients.iter().any(|client| inside.contains(&client.position))
        });
        if !born {
            self.backups.push(self.store.clone());
        }
    }

    /// The store is restored from a backup; its coordinators start anew, and what is on its way
    /// to it is lost.
    pub(crate) fn restore(&mut self) {
        let backup = self.index(self.backups.len());
        self.store = std::mem::take(&mut self.backups[backup]);
        self.restored = true;
        for coordinator in &mut self.coordinators {
            coordinator.crash();
        }
        self.drop_store_messages();
    }

    pub(crate) const fn is_restored(&self) -> bool {
        self.restored
    }
}

/// Whether the store knows of a part of the map that another does not have as it is.
pub(crate) fn differs(now: &Snapshot, backup: &Snapshot) -> bool {
    let segments = |store: &Snapshot| -> Vec<(RecordKey, Record)> {
        let records = store.records.iter();
        records.map(|(key, (_, record))| (key.clone(), record.clone())).collect()
    };
    segments(now) != segments(backup)
}
