//! `ringway nodes`: the nodes of a running cluster.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Target,
    client::Admin,
    path_of,
    view::{MovesView, NodeView, NodesView},
    wait,
};
use crate::{
    failure::{Failure, Outcome},
    show::{self, Align, Grid, count},
};

/// List, add, remove, reweight or drain the nodes of a running cluster
///
/// Keys move while requests go on. A change is made as soon as the command ends; --wait waits
/// until everything has moved.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = false)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// List the nodes: what each owns, and what it will own (the default)
    List,
    /// Add a node, which takes its share from the others
    Add {
        /// Its name, which is what is hashed and never changes
        name: String,
        /// Where it serves requests: HOST:PORT
        #[arg(long, value_name = "ADDR")]
        address: String,
        /// Where it serves control calls: HOST:PORT; without, it is of level 0, and keys do not
        /// move to it or from it
        #[arg(long, value_name = "ADDR")]
        control: Option<String>,
        /// How many shares of the keys it takes; 0 owns nothing
        #[arg(long, default_value_t = 1, value_name = "W")]
        weight: u32,
        /// Its zone; replicas go to different zones first
        #[arg(long)]
        zone: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Move everything away from a node, and take it out of the cluster
    Remove {
        name: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Give a node another weight
    Reweight {
        name: String,
        /// How many shares of the keys it takes; 0 owns nothing
        #[arg(value_name = "W")]
        weight: u32,
        #[command(flatten)]
        wait: Wait,
    },
    /// Move everything away from a node, which stays in the cluster and owns nothing
    Drain {
        name: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Give up what a node had that came back without its data; its keys begin empty
    Forget {
        name: String,
        /// What the node had is lost for ever
        #[arg(long)]
        accept_loss: bool,
    },
}

/// Whether to wait.
#[derive(clap::Args)]
pub(crate) struct Wait {
    /// Wait until everything has moved, showing how far it is
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up what nodes have that can't hand it over (`ringway node check` names their level)
    #[arg(long)]
    accept_loss: bool,
}

impl Wait {
    fn path(&self, path: String) -> String {
        if self.accept_loss { path + "?accept_loss=true" } else { path }
    }
}

const AFTER_HELP: &str = "\
Examples:
  export RINGWAY_ADMIN=http://127.0.0.1:8081 RINGWAY_TOKEN_FILE=admin.token
  ringway nodes
  ringway nodes add db4 --address 10.0.0.4:7000 --control 10.0.0.4:7001 --wait
  ringway nodes reweight db2 2
  ringway nodes drain db1 --wait && ringway nodes remove db1
  ringway nodes --json | jq -r '.nodes[] | select(.share != .target_share) | .name'

OWNS is the part of all positions that a node owns now, WILL OWN the part when all moves are done.

Exit status:
  0  done; with --wait, everything has moved
  1  the proxy refused, and nothing was changed
  2  an error: wrong usage, or the proxy cannot be reached";

pub(crate) fn run(args: &Args) -> Outcome {
    args.target.run(async |admin| match &args.verb {
        None | Some(Verb::List) => list(admin, args.target.json).await,
        Some(verb) => change(admin, verb, args.target.json).await,
    })
}

async fn list(admin: &mut Admin, json: bool) -> Outcome {
    let value: Value = admin.read("/nodes").await?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{value:#}")?;
    } else {
        let view: NodesView = parse(value)?;
        print(&mut out, &view.nodes)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(admin: &mut Admin, verb: &Verb, json: bool) -> Outcome {
    let (method, path, body, wait) = match verb {
        Verb::List => return list(admin, json).await,
        Verb::Add { name, address, control, weight, zone, wait } => {
            let mut body = Map::new();
            body.insert("name".into(), json!(name));
            body.insert("address".into(), json!(address));
            control.iter().for_each(|control| drop(body.insert("control".into(), json!(control))));
            body.insert("weight".into(), json!(weight));
            zone.iter().for_each(|zone| drop(body.insert("zone".into(), json!(zone))));
            (Method::POST, wait.path("/nodes".to_owned()), Some(body.into()), wait.wait)
        }
        Verb::Remove { name, wait } => (Method::DELETE, wait.path(path_of(name)), None, wait.wait),
        Verb::Reweight { name, weight, wait } => {
            let body = json!({ "weight": weight });
            (Method::PATCH, wait.path(path_of(name)), Some(body), wait.wait)
        }
        Verb::Drain { name, wait } => {
            (Method::POST, wait.path(path_of(name) + "/drain"), None, wait.wait)
        }
        Verb::Forget { name, accept_loss } => {
            // Without the flag the proxy says what would be lost.
            let body = accept_loss.then(|| json!({ "accept_loss": true }));
            (Method::POST, path_of(name) + "/forget", body, false)
        }
    };
    let before: Option<MovesView> = if wait { Some(admin.read("/moves").await?) } else { None };
    let answer = admin.change(method, &path, body.as_ref()).await?;
    end(admin, answer, before, json).await
}

/// Says what a change did, after it is done if that is wanted.
pub(super) async fn end(
    admin: &mut Admin,
    answer: Value,
    wait_since: Option<MovesView>,
    json: bool,
) -> Outcome {
    let moved = match &wait_since {
        Some(before) => Some(wait::until_settled(admin, before).await?),
        None => None,
    };
    let mut out = io::stdout().lock();
    if json {
        let mut answer = answer;
        if let (Some(moved), Value::Object(answer)) = (moved, &mut answer) {
            answer.insert("ranges_moved".into(), json!(moved));
        }
        writeln!(out, "{answer:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_changed = answer.get("changed").and_then(Value::as_bool);
    match (answer.get("config").and_then(Value::as_u64), is_changed) {
        (Some(number), Some(false)) => writeln!(out, "nothing to change: configuration {number}")?,
        (Some(number), _) => writeln!(out, "configuration {number}")?,
        (None, _) => {
            let segments = answer.get("segments").and_then(Value::as_u64).unwrap_or(0);
            writeln!(out, "forgotten: {} begin empty", count(segments, "range"))?;
        }
    }
    match moved {
        Some(moved) => writeln!(out, "{} moved; nothing is left to move", count(moved, "range"))?,
        None if is_changed == Some(true) => {
            writeln!(out, "moves begin now; `ringway moves` shows them")?;
        }
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The nodes as a table.
pub(super) fn print(out: &mut impl Write, nodes: &[NodeView]) -> io::Result<()> {
    let has_zones = nodes.iter().any(|node| node.zone.is_some());
    let mut head = vec![("NODE", Align::Left), ("WEIGHT", Align::Right), ("STATE", Align::Left)];
    if has_zones {
        head.push(("ZONE", Align::Left));
    }
    head.extend([
        ("OWNS", Align::Right),
        ("WILL OWN", Align::Right),
        ("RANGES", Align::Right),
        ("ADDRESS", Align::Left),
        ("CONTROL", Align::Left),
    ]);
    let mut grid = Grid::new(&head);
    for node in nodes {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let mut cells =
            vec![show::name(node.name.as_bytes()), node.weight.to_string(), node.state.clone()];
        if has_zones {
            cells.push(text(&node.zone));
        }
        cells.extend([
            show::percent(node.share),
            show::percent(node.target_share),
            show::thousands(u128::from(node.segments)),
            text(&node.address),
            text(&node.control),
        ]);
        grid.row(cells);
    }
    grid.print(out)
}

/// Reads an answer that was read as JSON before.
pub(super) fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| {
        let version = env!("CARGO_PKG_VERSION");
        Failure::Message(format!(
            "not the answer of a Ringway {version}: {error}; is --admin a proxy's admin_listen?"
        ))
    })
}
