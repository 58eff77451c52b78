//! What goes wrong, and when: a schedule that a seed gives, and its execution.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{clients::Shared, cluster::Cluster, network::Cut, random::Random};

/// What a nemesis does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Harm {
    /// kill -9, and a start afterwards.
    Kill,
    /// SIGSTOP, and SIGCONT afterwards.
    Stop,
    /// No byte is left on the disk; afterwards there is room again.
    FillDisk,
    Cut,
    CutAnswers,
    CutStore,
}

impl Harm {
    pub(crate) const ALL: [Self; 6] =
        [Self::Kill, Self::Stop, Self::FillDisk, Self::Cut, Self::CutAnswers, Self::CutStore];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Stop => "SIGSTOP",
            Self::FillDisk => "disk full",
            Self::Cut => "cut off",
            Self::CutAnswers => "answers lost",
            Self::CutStore => "cut from the store",
        }
    }

    const fn cut(self) -> Option<Cut> {
        match self {
            Self::Cut => Some(Cut::All),
            Self::CutAnswers => Some(Cut::Answers),
            Self::CutStore => Some(Cut::Store),
            _ => None,
        }
    }
}

/// Whom it hits. Source and destination are those of a move under way; where none is, the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aim {
    Proxy,
    Node(usize),
    Source(usize),
    Destination(usize),
}

/// One line of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How long nothing is wrong before it.
    pub(crate) calm_ms: u64,
    pub(crate) harm: Harm,
    pub(crate) aim: Aim,
    pub(crate) lasts_ms: u64,
}

/// What was done: for the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) harm: Harm,
    /// `proxy`, or the node's name.
    pub(crate) target: String,
    /// It was aimed at the source or destination of a move, and found one.
    pub(crate) role: &'static str,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

/// A harm, and how it is aimed with a node's number.
type Kind = (Harm, fn(usize) -> Aim);

/// Two endless schedules that run beside each other: the proxy's and the nodes'.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    random: Random,
    kinds: Vec<Kind>,
    deck: Vec<Kind>,
    nodes: u64,
    calm_ms: (u64, u64),
}

impl Schedule {
    pub(crate) fn of_proxy(seed: u64) -> Self {
        let proxy: fn(usize) -> Aim = |_| Aim::Proxy;
        let kinds = vec![(Harm::Kill, proxy), (Harm::Stop, proxy)];
        Self::new(Random::new(seed, 1), kinds, 1, (4_000, 9_000))
    }

    pub(crate) fn of_nodes(seed: u64, nodes: usize, may_cut: bool, may_fill: bool) -> Self {
        let mut kinds: Vec<Kind> = vec![
            (Harm::Kill, Aim::Node),
            (Harm::Kill, Aim::Source),
            (Harm::Kill, Aim::Destination),
            (Harm::Stop, Aim::Node),
            (Harm::Stop, Aim::Source),
            (Harm::Stop, Aim::Destination),
        ];
        if may_fill {
            kinds.extend([(Harm::FillDisk, Aim::Node as fn(usize) -> Aim)]);
            kinds.extend([(Harm::FillDisk, Aim::Destination as fn(usize) -> Aim)]);
        }
        if may_cut {
            for harm in [Harm::Cut, Harm::CutAnswers, Harm::CutStore] {
                kinds.extend([(harm, Aim::Source as fn(usize) -> Aim)]);
                kinds.extend([(harm, Aim::Destination as fn(usize) -> Aim)]);
            }
        }
        let nodes = u64::try_from(nodes).unwrap_or(1);
        Self::new(Random::new(seed, 2), kinds, nodes, (500, 2_000))
    }

    fn new(random: Random, kinds: Vec<Kind>, nodes: u64, calm_ms: (u64, u64)) -> Self {
        Self { random, kinds, deck: Vec::new(), nodes, calm_ms }
    }
}

impl Iterator for Schedule {
    type Item = Plan;

    /// Every kind comes once before one comes again.
    fn next(&mut self) -> Option<Plan> {
        if self.deck.is_empty() {
            self.deck = self.kinds.clone();
            self.random.shuffle(&mut self.deck);
        }
        let (harm, aim) = self.deck.pop()?;
        let number = usize::try_from(self.random.below(self.nodes)).unwrap_or(0) + 1;
        let calm_ms = self.random.between(self.calm_ms.0, self.calm_ms.1);
        // Some are over before anybody noticed, some outlast what a request may take.
        let lasts_ms = match self.random.below(3) {
            0 => self.random.between(20, 200),
            1 => self.random.between(200, 1_200),
            _ => self.random.between(1_200, 3_000),
        };
        Some(Plan { calm_ms, harm, aim: aim(number), lasts_ms })
    }
}

/// Does harm after harm until it is told to stop; the last one is made good.
pub(crate) fn run(
    cluster: &Cluster,
    shared: &Shared,
    schedule: Schedule,
    stop: &AtomicBool,
    busy: &Mutex<BTreeSet<String>>,
    done: &Mutex<Vec<Done>>,
) -> io::Result<()> {
    for plan in schedule {
        if !sleep(plan.calm_ms, stop) {
            break;
        }
        let (target, role) = find(cluster, plan.aim, stop);
        if !busy.lock().unwrap_or_else(PoisonError::into_inner).insert(target.clone()) {
            continue;
        }
        let from_us = shared.now_us();
        harm(cluster, &target, plan.harm)?;
        sleep(plan.lasts_ms, stop);
        heal(cluster, &target, plan.harm)?;
        let to_us = shared.now_us();
        busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&target);
        let event = Done { harm: plan.harm, target, role, from_us, to_us };
        done.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
    Ok(())
}

/// Whether it slept so long without being told to stop.
pub(crate) fn sleep(milliseconds: u64, stop: &AtomicBool) -> bool {
    let deadline = Instant::now() + Duration::from_millis(milliseconds);
    while !stop.load(Ordering::Relaxed) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(Duration::from_millis(20)));
    }
    false
}

/// The name of the target, and the part that it has in a move.
fn find(cluster: &Cluster, aim: Aim, stop: &AtomicBool) -> (String, &'static str) {
    let (number, field, role) = match aim {
        Aim::Proxy => return ("proxy".into(), ""),
        Aim::Node(number) => return (cluster.nodes[number - 1].name.clone(), ""),
        Aim::Source(number) => (number, "from", "source"),
        Aim::Destination(number) => (number, "to", "destination"),
    };
    for _ in 0..100 {
        let moves = cluster.operate("GET", "/moves", "");
        let name =
            moves.and_then(|(_, moves)| moves["moves"][0][field].as_str().map(str::to_owned));
        if let Some(name) = name {
            return (name, role);
        }
        if !sleep(5, stop) {
            break;
        }
    }
    (cluster.nodes[number - 1].name.clone(), "")
}

fn harm(cluster: &Cluster, target: &str, harm: Harm) -> io::Result<()> {
    let place = cluster.nodes.iter().position(|node| node.name == target);
    let process = place.map_or(&cluster.proxy, |place| &cluster.nodes[place].process);
    match (harm, place) {
        (Harm::Kill, _) => process.kill(),
        (Harm::Stop, _) => process.pause(),
        (Harm::FillDisk, Some(place)) => cluster.nodes[place].fill_disk()?,
        (_, Some(place)) => {
            if let (Some(cut), Some(network)) = (harm.cut(), &cluster.network) {
                network.cut(place + 1, cut)?;
            }
        }
        (_, None) => {}
    }
    Ok(())
}

fn heal(cluster: &Cluster, target: &str, harm: Harm) -> io::Result<()> {
    let place = cluster.nodes.iter().position(|node| node.name == target);
    let process = place.map_or(&cluster.proxy, |place| &cluster.nodes[place].process);
    match (harm, place) {
        (Harm::Kill, _) => process.start()?,
        (Harm::Stop, _) => process.go_on(),
        (Harm::FillDisk, Some(place)) => cluster.nodes[place].empty_disk()?,
        (_, Some(place)) => {
            if let (Some(cut), Some(network)) = (harm.cut(), &cluster.network) {
                network.heal(place + 1, cut)?;
            }
        }
        (_, None) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_schedule_with_every_kind() {
        let schedule = |seed| Schedule::of_nodes(seed, 5, true, true).take(14).collect::<Vec<_>>();
        assert_eq!(schedule(7), schedule(7));
        assert!(schedule(7) != schedule(8));
        let harms: BTreeSet<Harm> = schedule(7).iter().map(|plan| plan.harm).collect();
        assert_eq!(harms.len(), Harm::ALL.len());
        let mild = Schedule::of_nodes(7, 5, false, false).take(50);
        assert!(mild.into_iter().all(|plan| matches!(plan.harm, Harm::Kill | Harm::Stop)));
    }
}
