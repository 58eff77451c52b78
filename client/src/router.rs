//! An immutable snapshot of the map: key → position → owner, epoch and address.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use ringway::{State, Table};
use ringway_cluster::{
    ClusterFile, ConfigRecord, Incarnation, Phase, Record, RecordKey, Revision, SegmentRecord,
    Snapshot,
};

/// What a proxy knows of the map at one revision; immutable.
#[derive(Debug)]
pub struct Router {
    revision: Revision,
    config: u64,
    cluster: Arc<ClusterFile>,
    table: Arc<Table>,
    /// The segments' last positions, ascending, apart from the rest: the search reads only these.
    ends: Vec<u64>,
    segments: Vec<Segment>,
    nodes: Vec<Arc<NodeRoute>>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    epoch: u64,
    node: u32,
    moving: bool,
}

/// A node as it is reached.
#[derive(Debug)]
pub struct NodeRoute {
    /// Its name.
    pub name: String,
    /// `host:port` of its data listener; `None` if the store does not know it.
    pub address: Option<String>,
    /// The address, if it needs no look-up.
    pub socket: Option<SocketAddr>,
    /// The data directory it must have, once known.
    pub incarnation: Option<Incarnation>,
    /// Whether the cluster file says that it is down.
    pub down: bool,
    /// Where pools keep its connections: one number per name, incarnation and address.
    pub pool_slot: usize,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// The key's position.
    pub position: u64,
    /// The epoch under which the node owns it.
    pub epoch: u64,
    /// The owner.
    pub node: &'a Arc<NodeRoute>,
    /// Whether the segment is on its way to another node.
    pub moving: bool,
}

impl Router {
    /// The snapshot's routes; what `before` has in common with them is shared.
    ///
    /// # Errors
    /// As a text, if the store holds no configuration, or its segments do not cover all positions
    /// exactly once: such a store must not be served from.
    ///
    /// # Complexity
    /// O(records); the table is built only if the configuration changed.
    pub(crate) fn new(
        snapshot: &Snapshot,
        before: Option<&Self>,
        slots: &mut PoolSlots,
    ) -> Result<Self, String> {
        let (config, record) = newest_config(snapshot).ok_or("the store holds no configuration")?;
        let (cluster, table) = match before {
            Some(before) if before.config == config => {
                (Arc::clone(&before.cluster), Arc::clone(&before.table))
            }
            _ => {
                let source = format!("cfg/{config}");
                let cluster =
                    ClusterFile::parse(&record.toml, &source).map_err(|e| e.to_string())?;
                let table = cluster.table().map_err(|error| error.to_string())?;
                (Arc::new(cluster), Arc::new(table))
            }
        };
        let position_max =
            table.position_max().ok_or("the layout of the configuration cannot hold state")?;
        let mut records = segments_of(snapshot);
        records.sort_unstable_by_key(|segment| segment.lo);
        check_cover(&records, position_max)?;

        let mut router = Self {
            revision: snapshot.revision,
            config,
            cluster,
            table,
            ends: Vec::with_capacity(records.len()),
            segments: Vec::with_capacity(records.len()),
            nodes: Vec::new(),
        };
        let mut known: HashMap<&str, u32> = HashMap::new();
        for segment in records {
            let node = match known.get(segment.owner.as_str()) {
                Some(&node) => node,
                None => {
                    let node = u32::try_from(router.nodes.len()).unwrap_or(u32::MAX);
                    let route = slots.route(snapshot, &router.cluster, &segment.owner, before);
                    router.nodes.push(route);
                    known.insert(&segment.owner, node);
                    node
                }
            };
            let moving = matches!(segment.phase, Phase::Moving { .. } | Phase::Done);
            router.ends.push(segment.hi);
            router.segments.push(Segment { epoch: segment.epoch, node, moving });
        }
        Ok(router)
    }

    /// The store's revision that this shows.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The number of the newest configuration.
    #[must_use]
    pub const fn config(&self) -> u64 {
        self.config
    }

    /// The newest configuration: the target of moves, not who owns what now.
    #[must_use]
    pub fn cluster(&self) -> &ClusterFile {
        &self.cluster
    }

    /// The position of `key`.
    ///
    /// # Complexity
    /// O(key's length).
    ///
    /// # Panics
    /// Never: a router is built only of layouts that have positions.
    #[must_use]
    pub fn position(&self, key: &[u8]) -> u64 {
        self.table.position(key).expect("a router is built only of layouts that have positions")
    }

    /// Who owns a position now.
    ///
    /// # Complexity
    /// O(log segments).
    ///
    /// # Panics
    /// If `position` is above the layout's last one.
    #[must_use]
    pub fn route(&self, position: u64) -> Route<'_> {
        let index = self.ends.partition_point(|&end| end < position);
        let segment = &self.segments[index];
        let node = &self.nodes[usize::try_from(segment.node).unwrap_or(usize::MAX)];
        Route { position, epoch: segment.epoch, node, moving: segment.moving }
    }

    /// The nodes that own something now, in order of their first position.
    #[must_use]
    pub fn nodes(&self) -> &[Arc<NodeRoute>] {
        &self.nodes
    }
}

/// Gives each (name, incarnation, address) its number in the pools.
#[derive(Debug, Default)]
pub(crate) struct PoolSlots {
    next: usize,
}

impl PoolSlots {
    fn route(
        &mut self,
        snapshot: &Snapshot,
        cluster: &ClusterFile,
        name: &str,
        before: Option<&Router>,
    ) -> Arc<NodeRoute> {
        let record = match snapshot.records.get(&RecordKey::Node(name.to_owned())) {
            Some((_, Record::Node(record))) => Some(record),
            _ => None,
        };
        let address = record.map(|record| record.address.clone());
        let incarnation = record.and_then(|record| record.incarnation);
        let entry = cluster.nodes().iter().find(|node| node.name == name);
        let down = entry.is_some_and(|node| node.state == State::Down);
        let same = before.and_then(|before| {
            before.nodes.iter().find(|node| {
                node.name == name && node.address == address && node.incarnation == incarnation
            })
        });
        if let Some(same) = same.filter(|same| same.down == down) {
            return Arc::clone(same);
        }
        let pool_slot = same.map_or(self.next, |same| same.pool_slot);
        self.next += usize::from(same.is_none());
        let socket = address.as_deref().and_then(|address| address.parse().ok());
        Arc::new(NodeRoute { name: name.into(), address, socket, incarnation, down, pool_slot })
    }
}

fn newest_config(snapshot: &Snapshot) -> Option<(u64, &ConfigRecord)> {
    let configs = snapshot.records.range(RecordKey::Config(0)..=RecordKey::Config(u64::MAX));
    configs.rev().find_map(|(key, (_, record))| match (key, record) {
        (RecordKey::Config(number), Record::Config(record)) => Some((*number, record)),
        _ => None,
    })
}

fn segments_of(snapshot: &Snapshot) -> Vec<&SegmentRecord> {
    let segments = snapshot.records.range(RecordKey::Segment(0)..=RecordKey::Segment(u64::MAX));
    segments
        .filter_map(|(_, (_, record))| match record {
            Record::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect()
}

fn check_cover(segments: &[&SegmentRecord], position_max: u64) -> Result<(), String> {
    let mut next = Some(0);
    for segment in segments {
        if next != Some(segment.lo) || segment.hi < segment.lo {
            return Err(format!("segment [{}, {}] does not follow on", segment.lo, segment.hi));
        }
        next = segment.hi.checked_add(1);
    }
    if segments.is_empty() || next != position_max.checked_add(1) {
        return Err("the segments do not cover all positions".into());
    }
    Ok(())
}
