//! Whether each key is where the map says, and nowhere else.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{change::View, cluster::NodeAddress, load::Traffic};
use crate::{
    admin::client::Admin,
    failure::Failure,
    http::{Connection, Limits, Origin, percent_encode},
};

const TASKS: usize = 8;
/// So many misrouted keys are told in full.
const EXAMPLES_MAX: usize = 20;

/// What the proxy says of a key.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RouteView {
    pub(super) owner: Option<String>,
    pub(super) epoch: u64,
    pub(super) position: u64,
}

/// What a node said when it was asked for a key directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeAnswer {
    pub(super) node: String,
    /// The status, or why there is none.
    pub(super) status: Result<u16, String>,
}

/// Keys that are not where they should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Misrouted {
    pub(super) count: u64,
    pub(super) examples: Vec<String>,
}

/// Asks the proxy for the route of every key, and every node for the key itself.
pub(super) async fn misrouted(
    traffic: &Arc<Traffic>,
    view: &View,
    nodes: &[NodeAddress],
    admin: impl Fn() -> Result<Admin, Failure>,
    report: impl Fn(u64),
) -> Result<Misrouted, Failure> {
    let found = Rc::new(RefCell::new(Misrouted::default()));
    let next = Rc::new(RefCell::new(0..traffic.records.len()));
    let view = Rc::new(view.clone());
    let nodes: Rc<[NodeAddress]> = nodes.into();
    let mut workers: JoinSet<Result<(), Failure>> = JoinSet::new();
    for _ in 0..TASKS {
        let mut asker = Asker::new(admin()?, &nodes);
        let (traffic, view) = (Arc::clone(traffic), Rc::clone(&view));
        let (found, next) = (Rc::clone(&found), Rc::clone(&next));
        workers.spawn_local(async move {
            loop {
                let Some(index) = next.borrow_mut().next() else { return Ok(()) };
                let record = &traffic.records[index];
                let (route, answers) = asker.ask(&record.key, &record.target).await?;
                let position = view.table.position(&record.key);
                let fault = fault((view.owner(index), position), &route, &answers);
                if let Some(fault) = fault {
                    let mut found = found.borrow_mut();
                    found.count += 1;
                    if found.examples.len() < EXAMPLES_MAX {
                        found.examples.push(format!("{}: {fault}", record.target));
                    }
                }
            }
        });
    }
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                None => break,
                Some(Ok(outcome)) => outcome?,
                Some(Err(error)) => return Err(Failure::Refused(error.to_string())),
            },
            _ = ticks.tick() => report(u64::try_from(next.borrow().start).unwrap_or(u64::MAX)),
        }
    }
    Ok(found.take())
}

/// What is wrong with a key, given where the map has it: owner and position.
pub(super) fn fault(
    (owner, position): (Option<&str>, Option<u64>),
    route: &RouteView,
    answers: &[NodeAnswer],
) -> Option<String> {
    if route.owner.as_deref() != owner || Some(route.position) != position {
        let name = |name: Option<&str>| name.unwrap_or("nobody").to_owned();
        return Some(format!(
            "the proxy routes it to {} at {}, the map to {} at {}",
            name(route.owner.as_deref()),
            route.position,
            name(owner),
            position.map_or("no position".to_owned(), |position| position.to_string()),
        ));
    }
    let owned = answers.iter().find(|answer| Some(answer.node.as_str()) == owner);
    match owned.map(|answer| &answer.status) {
        Some(Ok(200)) => {}
        Some(Ok(status)) => return Some(format!("its owner {} says {status}", name_of(owner))),
        Some(Err(text)) => {
            return Some(format!("its owner {} says nothing: {text}", name_of(owner)));
        }
        None => return Some(format!("its owner {} is not there", name_of(owner))),
    }
    let others = answers.iter().filter(|answer| Some(answer.node.as_str()) != owner);
    others.into_iter().find_map(|answer| match &answer.status {
        // 421: not mine. Anything else is a second owner, or nobody knows.
        Ok(421) => None,
        Ok(status) => Some(format!("{} is not its owner, yet says {status}", answer.node)),
        Err(text) => Some(format!("{} says nothing: {text}", answer.node)),
    })
}

fn name_of(owner: Option<&str>) -> &str {
    owner.unwrap_or("nobody")
}

/// Asks the proxy and each node for keys.
struct Asker {
    admin: Admin,
    nodes: Vec<(String, Connection)>,
}

impl Asker {
    fn new(admin: Admin, nodes: &[NodeAddress]) -> Self {
        let limits = Limits { exchange_ms_max: 10_000, answer_bytes_max: 65_536 };
        let connect = |node: &NodeAddress| {
            let origin = Origin::of_address(&node.data.to_string());
            (node.name.clone(), Connection::new(origin, limits))
        };
        Self { admin, nodes: nodes.iter().map(connect).collect() }
    }

    async fn ask(
        &mut self,
        key: &[u8],
        target: &str,
    ) -> Result<(RouteView, Vec<NodeAnswer>), Failure> {
        let mut path = "/route?key_hex=".to_owned();
        key.iter().for_each(|byte| path.push_str(&format!("{byte:02x}")));
        let route: RouteView = self.admin.read(&path).await?;
        let mut encoded = String::new();
        percent_encode(key, b"", &mut encoded);
        let mut answers = Vec::new();
        for (node, connection) in &mut self.nodes {
            let request = Request::builder()
                .method(Method::HEAD)
                .uri(target)
                .header("ringway-position", route.position)
                .header("ringway-epoch", route.epoch)
                .header("ringway-key", &encoded)
                .body(Full::<Bytes>::default())
                .map_err(|error| Failure::Refused(error.to_string()))?;
            let status = match connection.send(request).await {
                Ok(answer) => Ok(answer.status.as_u16()),
                Err(none) => Err(none.to_string()),
            };
            answers.push(NodeAnswer { node: node.clone(), status });
        }
        Ok((route, answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(statuses: [Result<u16, &str>; 3]) -> Vec<NodeAnswer> {
        let names = ["n1", "n2", "n3"].into_iter().zip(statuses);
        names
            .map(|(node, status)| NodeAnswer {
                node: node.to_owned(),
                status: status.map_err(str::to_owned),
            })
            .collect()
    }

    fn route(owner: &str, position: u64) -> RouteView {
        RouteView { owner: Some(owner.to_owned()), epoch: 3, position }
    }

    #[test]
    fn one_owner_and_no_other() {
        let good = answers([Ok(421), Ok(200), Ok(421)]);
        assert_eq!(fault((Some("n2"), Some(7)), &route("n2", 7), &good), None);
        for (expected, route, answers, says) in [
            (
                ("n1", 7),
                route("n2", 7),
                &good,
                "the proxy routes it to n2 at 7, the map to n1 at 7",
            ),
            (("n2", 8), route("n2", 7), &good, "at 7, the map to n2 at 8"),
            (("n1", 7), route("n1", 7), &good, "its owner n1 says 421"),
            (("n4", 7), route("n4", 7), &good, "its owner n4 is not there"),
            (("n2", 7), route("n2", 7), &answers([Ok(421), Ok(404), Ok(421)]), "n2 says 404"),
            (
                ("n2", 7),
                route("n2", 7),
                &answers([Ok(200), Ok(200), Ok(421)]),
                "n1 is not its owner",
            ),
            (
                ("n2", 7),
                route("n2", 7),
                &answers([Ok(421), Ok(200), Ok(404)]),
                "n3 is not its owner",
            ),
            (("n2", 7), route("n2", 7), &answers([Ok(421), Err("late"), Ok(421)]), "nothing: late"),
            (("n2", 7), route("n2", 7), &answers([Ok(421), Ok(200), Err("gone")]), "nothing: gone"),
        ] {
            let text = fault((Some(expected.0), Some(expected.1)), &route, answers);
            assert!(text.as_ref().is_some_and(|text| text.contains(says)), "{text:?} lacks {says}");
        }
    }
}
