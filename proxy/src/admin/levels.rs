//! Whether the nodes of a change can hand their keys over (spec/NODE.md §7).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ringway::Table;
use ringway_cluster::{NodeRecord, Phase, Record, RecordKey};
use tokio::{task::JoinSet, time::timeout};

use super::{
    Admin, Refused,
    view::{Seen, moves_of},
};
use crate::coordinator::LEVEL_MOVES;

/// A node that does not tell its level by then is asked again when its keys move.
const ASK_MAX: Duration = Duration::from_secs(2);

impl Admin {
    /// Refuses a change by which keys would be lost: to or from nodes that can't hand them over.
    pub(super) async fn check_levels(
        &self,
        seen: &Seen,
        target: &Table,
        new: &[(String, NodeRecord)],
    ) -> Result<(), Refused> {
        let moves = moves_of(&seen.segments, target);
        let involved: BTreeSet<&str> =
            moves.iter().flat_map(|(from, to, _)| [from.as_str(), to.as_str()]).collect();
        let levels = self.levels(seen, new, &involved).await;
        let low = |node: &str| levels.get(node).copied().filter(|level| *level < LEVEL_MOVES);
        for (from, to, phase) in &moves {
            // Nobody has served a born segment, unless its owner is one that claims nothing.
            let is_empty = *phase == Phase::Born && low(from).is_none();
            let Some((node, level)) =
                [from, to].into_iter().find_map(|node| Some((node, low(node)?)))
            else {
                continue;
            };
            if is_empty {
                continue;
            }
            let why = if level == 0 {
                "has no control address, so it can neither hand over nor \
                                       take"
            } else {
                "can't refuse requests, so it can't exactly \
                                       hand over or take"
            };
            let message = format!(
                "keys would go from {from} to {to} without their state: {node} is of level \
                 {level}: it {why} what is stored. `ringway node check` says what a node lacks; \
                 ?accept_loss=true, or --accept-loss, gives those keys up for ever"
            );
            return Err(Refused::conflict("level", message));
        }
        Ok(())
    }

    /// The levels of those nodes, as far as they are known or can be asked for.
    async fn levels(
        &self,
        seen: &Seen,
        new: &[(String, NodeRecord)],
        involved: &BTreeSet<&str>,
    ) -> BTreeMap<String, u8> {
        let mut levels = BTreeMap::new();
        let mut asking = JoinSet::new();
        for name in involved {
            let stored = match seen.snapshot.records.get(&RecordKey::Node((*name).to_owned())) {
                Some((_, Record::Node(record))) => Some(record),
                _ => None,
            };
            let new = new.iter().find(|(new, _)| new == name).map(|(_, record)| record);
            let Some(record) = new.or(stored) else { continue };
            if let Some(level) = record.known_level() {
                levels.insert((*name).to_owned(), level);
                continue;
            }
            let (client, control) = (Arc::clone(&self.control), record.control.clone());
            let name = (*name).to_owned();
            asking.spawn(async move {
                let status = timeout(ASK_MAX, client.status(&control)).await;
                Some((name, status.ok()?.ok()?.level))
            });
        }
        while let Some(asked) = asking.join_next().await {
            levels.extend(asked.ok().flatten());
        }
        levels
    }
}
