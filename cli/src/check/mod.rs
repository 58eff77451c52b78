//! `ringway node check`: runs the node contract against any node, and names its level.

mod clause;
mod map;
mod node;
mod script;
mod wire;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use ringway::{Layout, Table};
use ringway_cluster::Incarnation;
use ringway_node::read_token;

use self::{
    clause::{Findings, Verdict},
    map::PlayedMap,
    node::{At, NodeUnderTest, Template},
    script::Script,
};
use crate::{
    failure::{Failure, Outcome},
    node::address_of,
};

/// Check a node against the contract (spec/NODE.md), and name its level
///
/// The checker plays the store and the other node. Start the node to be checked, with an empty data
/// directory, so that its store is http:// and the address of --store-listen, and its token the one
/// of --token-file; then run this. It writes a dozen keys, moves them away and back, and takes some
/// of those moves back.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where the node answers data requests: http://HOST:PORT
    #[arg(value_name = "URL", value_parser = address_of)]
    url: String,
    /// Where it answers control calls; without it only level 0 is checked
    #[arg(long, value_name = "URL", value_parser = address_of, requires = "token_file")]
    control: Option<String>,
    /// A file with the token of the control listener and of the store
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where the checker serves the store that the node has to follow
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7950")]
    store_listen: SocketAddr,
    /// The cluster file whose layout the node knows [default: the layout ringway-v1]
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// The level that is asked for: the exit status says whether it was reached
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=3))]
    level: u8,
    /// A request that writes {key}; its body is --body
    #[arg(long, value_name = "REQUEST", default_value = "PUT /{key}")]
    write: Template,
    /// A request that reads what --write wrote
    #[arg(long, value_name = "REQUEST", default_value = "GET /{key}")]
    read: Template,
    /// A request that deletes {key}
    #[arg(long, value_name = "REQUEST", default_value = "DELETE /{key}")]
    delete: Template,
    /// The node has no request that deletes
    #[arg(long, conflicts_with = "delete")]
    no_delete: bool,
    /// The body of --write; {n} counts
    #[arg(long, value_name = "TEXT", default_value = "value {n} of {key}")]
    body: String,
    /// A shell command that kills the node with SIGKILL and starts it at the same addresses: then
    /// it is also tried whether what it acknowledged outlives that
    #[arg(long, value_name = "COMMAND")]
    restart: Option<String>,
    /// Go on although the node has rows: the check deletes some
    #[arg(long)]
    accept_loss: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Levels:
  L0  any HTTP server: requests are routed to it, its keys do not move
  L1  export, import and deletion of ranges
  L2  + epochs are checked, ranges can be frozen
  L3  + a change log: the pause of a move does not grow with its size

Example, with the default node:
  openssl rand -hex 32 > node.token
  ringway node --name n1 --data /tmp/n1 --listen 127.0.0.1:7001 --control 127.0.0.1:7101 \\
      --token-file node.token --store http://127.0.0.1:7950 &
  ringway node check http://127.0.0.1:7001 --control http://127.0.0.1:7101 --token-file node.token

Exit status:
  0  the level asked for is reached
  1  it is not; the report says what is missing
  2  an error: wrong usage, no such node, an address in use";

pub(crate) fn run(args: &Args) -> Outcome {
    let mut findings = Findings::default();
    let table = table(args)?;
    let token = match &args.token_file {
        Some(path) => read_token(path).map_err(Failure::Message)?,
        None => String::new(),
    };
    let mut node = NodeUnderTest {
        data: args.url.clone(),
        control: args.control.clone().unwrap_or_default(),
        token,
        incarnation: Incarnation::from_bits(0),
        write: args.write.clone(),
        read: args.read.clone(),
        delete: Some(args.delete.clone()).filter(|_| !args.no_delete),
        body: args.body.clone(),
        restart: args.restart.clone(),
    };
    let mut name = None;
    let some = node::keys_in(&table, 0, u64::MAX, 1).pop();
    let some = some.ok_or_else(|| Failure::Message("the layout has no positions".into()))?;
    let answer = node.read(&some, 1);
    findings.check("answers", answer.status != 0, || answer.shown());
    if answer.status != 0 && args.control.is_some() {
        // Before the node is asked anything: it may be waiting for its store.
        let map = PlayedMap::start(args.store_listen, &node.token).map_err(Failure::Message)?;
        name = control(args, &mut node, &map, &table, &mut findings)?;
    }
    report(args, name.as_deref(), &findings)?;
    let reached = findings.level().is_some_and(|level| level >= args.level);
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(args: &Args) -> Result<Table, Failure> {
    let layout = match &args.cluster {
        Some(path) => crate::cluster::read(path, None)?.0.layout().clone(),
        None => Layout::default(),
    };
    let table = Table::new(&layout, &[]).map_err(|error| Failure::Message(error.to_string()))?;
    match table.position_max() {
        Some(_) => Ok(table),
        None => Err(Failure::Message(format!("the layout {} holds no state", layout.name()))),
    }
}

/// Everything from level 1 on; the node's name, if it told it.
fn control(
    args: &Args,
    node: &mut NodeUnderTest,
    map: &PlayedMap,
    table: &Table,
    findings: &mut Findings,
) -> Result<Option<String>, Failure> {
    let answer = node.status("");
    if answer.status == 0 {
        let shown = answer.shown();
        let message = format!("the control listener can't be asked: {shown}; check --control");
        return Err(Failure::Message(message));
    }
    let json = answer.json().unwrap_or_default();
    let incarnation = json["incarnation"].as_str().and_then(|text| text.parse().ok());
    let (Some(name), Some(incarnation), Some(ranges)) =
        (json["name"].as_str(), incarnation, json["ranges"].as_array())
    else {
        findings.note("status", Verdict::Fail(format!("GET /v1/status: {}", answer.shown())));
        return Ok(None);
    };
    findings.note("status", Verdict::Pass);
    node.incarnation = incarnation;
    let rows: u64 = ranges.iter().filter_map(|range| range["rows"].as_u64()).sum();
    if rows > 0 && !args.accept_loss {
        return Err(Failure::Message(format!(
            "{name} has {rows} rows, and the check deletes some; check a node with an empty data \
             directory, or give --accept-loss"
        )));
    }
    let seen = ranges.iter().filter_map(|range| range["epoch"].as_u64()).max().unwrap_or(0);
    // Above all that it knows, and with room for an older one.
    let epoch = seen + 2;
    let at = At { lo: 0, hi: 1, epoch, attempt: 1 };
    script::check_control(node, findings, at);
    let store = format!("http://{}", args.store_listen);
    let name = name.to_owned();
    match Script::new(node, map, findings, store, name.clone(), table) {
        Some(mut script) => script.run(epoch),
        None => {
            let message = "the layout has too few positions for the check; take another --cluster";
            return Err(Failure::Message(message.into()));
        }
    }
    Ok(Some(name))
}

fn report(args: &Args, name: Option<&str>, findings: &Findings) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.json {
        let mut json = findings.json();
        json["node"] = name.into();
        json["url"] = args.url.as_str().into();
        writeln!(out, "{json:#}")?;
        return Ok(());
    }
    writeln!(out, "{} at {}\n", name.unwrap_or("a node"), args.url)?;
    out.write_all(findings.text().as_bytes())?;
    if args.control.is_none() {
        writeln!(out, "level 1 and above need --control and --token-file")?;
    }
    Ok(())
}
