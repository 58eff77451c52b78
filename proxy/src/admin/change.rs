//! Changes of the cluster: a new configuration, or none.

use std::collections::BTreeSet;

use ringway::State;
use ringway_cluster::{
    ClusterFile, CommitError, ConfigRecord, Incarnation, MapStore as _, NodeEntry, NodeRecord,
    Phase, Record, RecordKey, SegmentRecord, Snapshot, StoredSegment, Transaction,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Admin, Refused, view::Seen};
use crate::{control::NodeStatus, events::event};
use http::StatusCode;

/// At most so many nodes are added or re-addressed by one change: they share its transaction.
const NODES_CHANGED_MAX: usize = 90;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNode {
    name: String,
    address: String,
    /// Absent: a node of level 0.
    control: Option<String>,
    #[serde(default = "one")]
    weight: u32,
    zone: Option<String>,
}

const fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    weight: Option<u32>,
    /// Absent: as it is. Null: none.
    #[serde(default, deserialize_with = "present")]
    zone: Option<Option<String>>,
    state: Option<String>,
    address: Option<String>,
    control: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    accept_loss: bool,
}

/// How a change is to be made.
#[derive(Clone, Copy, Default)]
pub(super) struct How {
    /// Also where nodes can't hand over what they hold.
    accept_loss: bool,
    /// Not at all: only what it would move is told.
    dry_run: bool,
}

impl How {
    /// Reads `accept_loss=true` and `dry_run=true` from a query, which has nothing else.
    pub(super) fn from_query(query: &str) -> Result<Self, Refused> {
        let mut how = Self::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter {
                "accept_loss=true" => how.accept_loss = true,
                "dry_run=true" => how.dry_run = true,
                _ => {
                    let message =
                        "the parameters of a change are accept_loss=true and dry_run=true";
                    return Err(Refused::bad("query", message));
                }
            }
        }
        Ok(how)
    }
}

impl Admin {
    pub(super) async fn add(&self, body: &[u8], how: How) -> Result<Value, Refused> {
        let new: NewNode = parse(body)?;
        let seen = self.see().await?;
        if seen.stored.cluster.nodes().iter().any(|node| node.name == new.name) {
            let message = format!(
                "{:?} is a node already; PATCH /nodes/{} changes it, or take another name",
                new.name, new.name
            );
            return Err(Refused::conflict("duplicate-name", message));
        }
        let node = NodeEntry {
            weight: new.weight,
            zone: new.zone,
            address: Some(new.address),
            control: new.control,
            ..NodeEntry::new(&new.name)
        };
        let nodes = seen.stored.cluster.nodes().iter().cloned().chain([node]).collect();
        self.install(&seen, nodes, &format!("add {}", new.name), how).await
    }

    pub(super) async fn change(&self, name: &str, body: &[u8], how: How) -> Result<Value, Refused> {
        let patch: Patch = parse(body)?;
        let seen = self.see().await?;
        let state = match patch.state.as_deref() {
            None => None,
            Some(text) => Some(State::from_name(text).ok_or_else(|| {
                let message = format!("state is \"up\", \"down\" or \"drain\", not {text:?}");
                Refused::bad("bad-state", message)
            })?),
        };
        let nodes = edit(&seen, name, |node| {
            node.weight = patch.weight.unwrap_or(node.weight);
            node.state = state.unwrap_or(node.state);
            if let Some(zone) = patch.zone.clone() {
                node.zone = zone;
            }
            if let Some(address) = &patch.address {
                node.address = Some(address.clone());
            }
            if let Some(control) = &patch.control {
                node.control = Some(control.clone());
            }
        })?;
        self.install(&seen, nodes, &format!("change {name}"), how).await
    }

    pub(super) async fn drain(&self, name: &str, how: How) -> Result<Value, Refused> {
        let seen = self.see().await?;
        let nodes = edit(&seen, name, |node| node.state = State::Drain)?;
        self.install(&seen, nodes, &format!("drain {name}"), how).await
    }

    pub(super) async fn remove(&self, name: &str, how: How) -> Result<Value, Refused> {
        let seen = self.see().await?;
        let mut nodes = edit(&seen, name, |_| {})?;
        nodes.retain(|node| node.name != name);
        if nodes.is_empty() {
            return Err(last_node());
        }
        self.install(&seen, nodes, &format!("remove {name}"), how).await
    }

    pub(super) async fn apply(&self, body: &[u8], how: How) -> Result<Value, Refused> {
        let wanted = ClusterFile::parse_bytes(body, "the request's body")?;
        let seen = self.see().await?;
        if how.dry_run {
            return self.planned(&seen, &wanted).await;
        }
        self.write(&seen, &wanted, "apply", how.accept_loss).await
    }

    /// Gives what a node owned to whoever comes under its name, empty.
    pub(super) async fn forget(&self, name: &str, body: &[u8]) -> Result<Value, Refused> {
        let accepted = !body.is_empty() && parse::<Forget>(body)?.accept_loss;
        let seen = self.see().await?;
        let key = RecordKey::Node(name.to_owned());
        let Some((revision, Record::Node(record))) = seen.snapshot.records.get(&key) else {
            return Err(unknown(name));
        };
        if !accepted {
            let message = format!(
                "what {name} owned would be lost for ever; send {{\"accept_loss\": true}}, or: \
                 ringway nodes forget {name} --accept-loss"
            );
            return Err(Refused::conflict("loss", message));
        }
        let forgotten = NodeRecord { incarnation: None, ..record.clone() };
        let mut transaction = Transaction::replace(key, *revision, Record::Node(forgotten));
        audit(&mut transaction, &seen.snapshot, &format!("forget {name}, loss accepted"));
        self.store.commit(transaction).await?;
        event(&format!("node {name} is forgotten, its loss accepted"));
        let segments = self.bear_again(name, seen).await?;
        Ok(json!({ "forgotten": name, "segments": segments }))
    }

    /// Gives each segment that a lost data directory of `name` owned to whoever comes under the
    /// name: born anew, under a higher epoch.
    async fn bear_again(&self, name: &str, mut seen: Seen) -> Result<u64, Refused> {
        // A new directory may claim the first ones while the last ones are still to be done.
        let of_name = |segment: &&StoredSegment| segment.record.owner == name;
        let lost: BTreeSet<Incarnation> = seen
            .segments
            .iter()
            .filter(of_name)
            .filter_map(|segment| segment.record.incarnation)
            .collect();
        let mut segments = 0;
        loop {
            let todo = seen.segments.iter().filter(of_name).find(|segment| {
                segment.record.incarnation.is_some_and(|incarnation| lost.contains(&incarnation))
            });
            let Some(segment) = todo else { return Ok(segments) };
            let born = SegmentRecord {
                incarnation: None,
                epoch: segment.record.epoch.saturating_add(1),
                phase: Phase::Born,
                ..segment.record.clone()
            };
            match self.store.commit(segment.replace(born)).await {
                Ok(_) => segments += 1,
                // A move was under way: look again.
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
            seen = self.see().await?;
        }
    }

    async fn install(
        &self,
        seen: &Seen,
        nodes: Vec<NodeEntry>,
        reason: &str,
        how: How,
    ) -> Result<Value, Refused> {
        let wanted = ClusterFile::new(seen.stored.cluster.layout().clone(), nodes)?;
        if how.dry_run {
            return self.planned(seen, &wanted).await;
        }
        self.write(seen, &wanted, reason, how.accept_loss).await
    }

    /// Makes `wanted` the target: one transaction with the new nodes' records and the audit.
    async fn write(
        &self,
        seen: &Seen,
        wanted: &ClusterFile,
        reason: &str,
        accept_loss: bool,
    ) -> Result<Value, Refused> {
        let records = self.check(seen, wanted).await?;
        let number = seen.stored.number;
        if *wanted == seen.stored.cluster && (!accept_loss || seen.stored.record.accept_loss) {
            return Ok(json!({ "config": number, "changed": false }));
        }
        if !accept_loss {
            self.check_levels(seen, &wanted.table()?, &records).await?;
        }
        let reason = if accept_loss { &*format!("{reason}, loss accepted") } else { reason };
        let config = ConfigRecord { toml: wanted.to_toml(), reason: reason.into(), accept_loss };
        let mut transaction =
            Transaction::create(RecordKey::Config(number + 1), Record::Config(config));
        for record in records {
            let key = RecordKey::Node(record.0);
            let revision = seen.snapshot.records.get(&key).map(|(revision, _)| *revision);
            transaction.expect.push((key.clone(), revision));
            transaction.writes.push((key, Some(Record::Node(record.1))));
        }
        audit(&mut transaction, &seen.snapshot, &format!("cfg/{}: {reason}", number + 1));
        let revision = self.store.commit(transaction).await?;
        event(&format!("configuration {}: {reason}", number + 1));
        Ok(json!({ "config": number + 1, "revision": revision, "changed": true }))
    }

    /// Checks that `wanted` may follow, and returns the records of nodes that are new or elsewhere.
    ///
    /// Each of those is asked who it is: a wrong address is found before anything moves.
    pub(super) async fn check(
        &self,
        seen: &Seen,
        wanted: &ClusterFile,
    ) -> Result<Vec<(String, NodeRecord)>, Refused> {
        if wanted.layout() != seen.stored.cluster.layout() {
            let message = format!(
                "the layout and its options never change while a cluster holds state; it is {}",
                seen.stored.cluster.layout().name()
            );
            return Err(Refused::conflict("layout-fixed", message));
        }
        wanted.table()?;
        if wanted.nodes().iter().all(|node| node.view().effective_weight() == 0) {
            return Err(last_node());
        }
        let mut records = Vec::new();
        for node in wanted.nodes() {
            let Some(address) = &node.address else {
                let message = format!(
                    "node {:?} has no address; a cluster that holds state needs the address of \
                     each node, and its control address if its keys are to move",
                    node.name
                );
                return Err(Refused::bad("missing-address", message));
            };
            let control = node.control.as_deref().unwrap_or_default();
            let known = match seen.snapshot.records.get(&RecordKey::Node(node.name.clone())) {
                Some((_, Record::Node(record))) => Some(record),
                _ => None,
            };
            if known.is_some_and(|known| known.address == *address && known.control == control) {
                continue;
            }
            if records.len() == NODES_CHANGED_MAX {
                let message = format!(
                    "more than {NODES_CHANGED_MAX} nodes are new; add them in several changes"
                );
                return Err(Refused::bad("too-many-nodes", message));
            }
            let (incarnation, level) = if control.is_empty() {
                (None, None)
            } else {
                let status = self.who_is(seen, &node.name, control).await?;
                (Some(status.incarnation), Some(status.level))
            };
            let (address, control) = (address.clone(), control.to_owned());
            let record = NodeRecord { address, control, level, incarnation };
            records.push((node.name.clone(), record));
        }
        Ok(records)
    }

    async fn who_is(&self, seen: &Seen, name: &str, control: &str) -> Result<NodeStatus, Refused> {
        let status = self.control.status(control).await.map_err(|failure| {
            let message = format!(
                "node {name} can't be asked at its control address {control}: {failure}; start \
                 it, and check address and token"
            );
            Refused::new(StatusCode::BAD_GATEWAY, "node-unreachable", message)
        })?;
        if status.name != name {
            let message =
                format!("{control} is the control address of {:?}, not of {name:?}", status.name);
            return Err(Refused::conflict("wrong-node", message));
        }
        match seen.incarnation(name) {
            Some(known) if known != status.incarnation => {
                let message = format!(
                    "{name} has another data directory than before; give it back the old one, or \
                     accept the loss: ringway nodes forget {name} --accept-loss"
                );
                Err(Refused::conflict("incarnation", message))
            }
            _ => Ok(status),
        }
    }
}

/// Adds a line to the audit.
pub(super) fn audit(transaction: &mut Transaction, snapshot: &Snapshot, text: &str) {
    let logs = snapshot.records.range(RecordKey::Log(0)..=RecordKey::Log(u64::MAX));
    let last = logs.rev().find_map(|(key, _)| match key {
        RecordKey::Log(number) => Some(*number),
        _ => None,
    });
    let key = RecordKey::Log(last.map_or(1, |last| last + 1));
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let line = format!("{} {text}", since.unwrap_or_default().as_secs());
    transaction.expect.push((key.clone(), None));
    transaction.writes.push((key, Some(Record::Log(line))));
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad("body", format!("the body: {error}")))
}

/// The nodes with one of them changed.
fn edit(
    seen: &Seen,
    name: &str,
    change: impl FnOnce(&mut NodeEntry),
) -> Result<Vec<NodeEntry>, Refused> {
    let mut nodes = seen.stored.cluster.nodes().to_vec();
    let node = nodes.iter_mut().find(|node| node.name == name).ok_or_else(|| unknown(name))?;
    change(node);
    Ok(nodes)
}

fn unknown(name: &str) -> Refused {
    let message = format!("there is no node {name:?}; GET /nodes lists them");
    Refused::new(StatusCode::NOT_FOUND, "unknown-node", message)
}

fn last_node() -> Refused {
    let message =
        "no node would be left that can own keys; add one first, with weight and state up";
    Refused::conflict("last-node", message)
}
