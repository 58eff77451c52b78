//! The steps of the demo.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    change::{Change, View},
    checks,
    cluster::Cluster,
    display::{Display, Stage},
    load::Traffic,
    records::Records,
    report::Report,
};
use crate::{
    admin::{
        client::Admin,
        view::{ClusterView, MovesView, NodesView, is_settled},
    },
    failure::Failure,
    show::{count, thousands},
};

/// How often the proxy is asked how far it is.
const POLL: Duration = Duration::from_millis(100);
/// Readers and writers run alone for so long before and after the changes.
const ALONE: Duration = Duration::from_millis(1_000);

/// A demo under way.
pub(super) struct Run<'a> {
    cluster: Cluster,
    display: &'a mut Display,
    admin: Admin,
    traffic: Arc<Traffic>,
    workers: JoinSet<()>,
    begun: Instant,
    traffic_time: Duration,
    views: Vec<View>,
    changes: Vec<Change>,
}

impl<'a> Run<'a> {
    pub(super) async fn new(
        cluster: Cluster,
        records: &Records,
        display: &'a mut Display,
    ) -> Result<Self, Failure> {
        let mut admin = cluster.admin()?;
        let traffic = Traffic::new(records.all.clone(), cluster.proxy());
        let view = view(&mut admin, &traffic).await?;
        Ok(Self {
            cluster,
            display,
            admin,
            traffic,
            workers: JoinSet::new(),
            begun: Instant::now(),
            traffic_time: Duration::ZERO,
            views: vec![view],
            changes: Vec::new(),
        })
    }

    /// Writes every record.
    pub(super) async fn load(&self) -> Result<(), Failure> {
        let total = self.traffic.records.len();
        let stage = self.display.stage("load the records", Some(wide(total)));
        self.traffic
            .load(|done| stage.set(wide(done), &format!("{} of {}", show(done), show(total))))
            .await?;
        let seconds = stage.elapsed().as_secs_f64();
        stage.done(&format!("{} through the proxy in {seconds:.1} s", count(total, "record")));
        Ok(())
    }

    /// Begins reads and writes that do not end before [`end_traffic`](Self::end_traffic).
    pub(super) fn begin_traffic(&mut self) {
        self.display.begin_traffic();
        self.begun = Instant::now();
        self.workers = self.traffic.begin();
    }

    /// Adds a node.
    pub(super) async fn add(&mut self, name: &str) -> Result<(), Failure> {
        self.wait(ALONE).await;
        let node = self.cluster.start_another(name).await?;
        let body = json!({
            "name": name,
            "address": node.data.to_string(),
            "control": node.control.to_string(),
            "weight": 1,
        });
        self.change(&format!("add {name}"), Method::POST, "/nodes", Some(body)).await
    }

    /// Gives a node another weight.
    pub(super) async fn reweight(&mut self, name: &str, weight: u32) -> Result<(), Failure> {
        let title = format!("{name} to weight {weight}");
        let path = format!("/nodes/{name}");
        self.change(&title, Method::PATCH, &path, Some(json!({ "weight": weight }))).await
    }

    /// Moves everything away from a node.
    pub(super) async fn drain(&mut self, name: &str) -> Result<(), Failure> {
        let path = format!("/nodes/{name}/drain");
        self.change(&format!("drain {name}"), Method::POST, &path, None).await
    }

    /// Takes a node out of the cluster.
    pub(super) async fn remove(&mut self, name: &str) -> Result<(), Failure> {
        let path = format!("/nodes/{name}");
        self.change(&format!("remove {name}"), Method::DELETE, &path, None).await
    }

    /// Lets readers and writers end.
    pub(super) async fn end_traffic(&mut self) -> Result<(), Failure> {
        self.wait(ALONE).await;
        self.traffic.end(std::mem::take(&mut self.workers)).await?;
        self.traffic_time = self.begun.elapsed();
        self.display.end_traffic();
        Ok(())
    }

    /// Compares every value, and where every key is.
    pub(super) async fn check(&mut self) -> Result<Report, Failure> {
        let total = self.traffic.records.len();
        let while_changing = self.traffic.tally().clone();
        let of_total = |done: usize| format!("{} of {}", show(done), show(total));
        let stage = self.display.stage("read every value back", Some(wide(total)));
        self.traffic.read_back(|done| stage.set(wide(done), &of_total(done))).await?;
        stage.done(&format!("{} compared byte for byte", count(total, "value")));

        let nodes = self.cluster.nodes().to_vec();
        let stage = self.display.stage("ask every node", Some(wide(total)));
        let newest = self.views.last().cloned();
        let newest = newest.ok_or_else(|| Failure::Refused("there is no map".to_owned()))?;
        let misrouted = checks::misrouted(
            &self.traffic,
            &newest,
            &nodes,
            || self.cluster.admin(),
            |done| stage.set(done, &of_total(usize::try_from(done).unwrap_or(total))),
        )
        .await?;
        let asked = format!("{} for {}", count(nodes.len(), "node"), count(total, "key"));
        stage.done(&match misrouted.count {
            0 => format!("{asked}: each is on its owner alone"),
            wrong => format!("{asked}: {wrong} not on the owner alone"),
        });
        let moves: MovesView = self.admin.read("/moves").await?;
        self.cluster.check()?;
        self.cluster.stop();
        let tally = self.traffic.tally().clone();
        Ok(Report {
            views: std::mem::take(&mut self.views),
            changes: std::mem::take(&mut self.changes),
            moves,
            while_changing,
            traffic_time: self.traffic_time,
            tally,
            misrouted,
        })
    }

    /// An error with its last words if a process has ended.
    pub(super) fn check_processes(&mut self) -> Result<(), Failure> {
        self.cluster.check()
    }

    /// Makes a change and waits until all of it is done.
    async fn change(
        &mut self,
        title: &str,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<(), Failure> {
        let stage = self.display.stage(title, Some(0));
        let before: MovesView = self.admin.read("/moves").await?;
        self.admin.change(method, path, body.as_ref()).await?;
        let moves = loop {
            let moves: MovesView = self.admin.read("/moves").await?;
            let nodes: NodesView = self.admin.read("/nodes").await?;
            let done = moved(&before, &moves);
            stage.set_steps(done + moves.left);
            stage.set(done, &self.say(&moves, done));
            if is_settled(&nodes.nodes, &moves) {
                break moves;
            }
            self.cluster.check()?;
            self.wait(POLL).await;
        };
        let view = view(&mut self.admin, &self.traffic).await?;
        let ranges = moved(&before, &moves);
        let from = self.views.last().unwrap_or(&view);
        let change = Change::new(title, from, &view, ranges, stage.elapsed());
        end(stage, &change);
        self.views.push(view);
        self.changes.push(change);
        Ok(())
    }

    fn say(&self, moves: &MovesView, done: u64) -> String {
        let mut text = format!("{} of {} ranges", done, done + moves.left);
        if let Some(failure) = &moves.failure {
            text.push_str(&format!("; {failure}"));
        }
        text
    }

    /// Waits, and shows the traffic.
    async fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let tally = self.traffic.tally().clone();
            let (reads, writes) = (tally.reads.count(), tally.writes.count());
            let seconds = self.begun.elapsed().as_secs_f64().max(0.1);
            #[allow(clippy::cast_precision_loss, reason = "a rate is read with three digits")]
            let rate = (reads + writes) as f64 / seconds;
            let faults = tally.lost + tally.stale + tally.wrong;
            self.display.set_traffic(&format!(
                "{}, {}, {rate:.0}/s; {}, {}, {faults} wrong",
                count(reads, "read"),
                count(writes, "write"),
                count(tally.waits, "wait"),
                count(tally.error_count(), "error"),
            ));
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(POLL)).await;
        }
    }
}

fn end(stage: Stage, change: &Change) {
    let seconds = change.time.as_secs_f64();
    stage.done(&if change.ranges == 0 {
        "nothing left to move".to_owned()
    } else {
        let keys = count(change.moved, "record");
        format!("{keys} in {} moved in {seconds:.1} s", count(change.ranges, "range"))
    });
}

/// How many ranges changed owner from one look to the other.
fn moved(before: &MovesView, now: &MovesView) -> u64 {
    let sum = |moves: &MovesView| moves.totals.moved + moves.totals.reassigned;
    sum(now).saturating_sub(sum(before))
}

async fn view(admin: &mut Admin, traffic: &Traffic) -> Result<View, Failure> {
    let cluster: ClusterView = admin.read("/cluster").await?;
    View::new(&cluster.toml, &traffic.records)
}

fn show(number: usize) -> String {
    thousands(u128::from(wide(number)))
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
