//! `ringway node`: the default stateful node.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use ringway::Layout;
use ringway_node::{Node, NodeOptions, SqliteOptions, SqliteStore, read_token};
use ringway_store::{NodeStore, NodeStoreOptions};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::failure::{Failure, Outcome};

/// Run a stateful node: rows in one SQLite file, served for a proxy
///
/// Serves PUT, GET, HEAD and DELETE of /{key...} to proxies, and control calls that move rows to
/// other nodes. The data directory is made if it does not exist; its incarnation, made with it,
/// tells the proxies whether a node came back with the rows that it had.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The node's name in the cluster file
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// The data directory, of this node alone
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where requests are answered; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Where control calls are answered; keep it on loopback or a private network
    #[arg(long, value_name = "ADDR")]
    control: SocketAddr,
    /// A file with the token of the control listener and of the store
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The proxy's `node_listen`: http://HOST:PORT
    #[arg(long, value_name = "URL", value_parser = store_address)]
    store: String,
    /// The cluster file: its layout says which position a key has, and a request that has another
    /// one is refused
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// The largest value
    #[arg(long, value_name = "BYTES", default_value_t = NodeOptions::default().body_bytes_max)]
    body_bytes_max: usize,
    /// What all bodies being received may take together
    #[arg(long, value_name = "BYTES", default_value_t = NodeOptions::default().bodies_bytes_max)]
    bodies_bytes_max: usize,
    /// Connections of the data listener
    #[arg(long, value_name = "N", default_value_t = NodeOptions::default().connections_max)]
    connections_max: usize,
    /// How long the answer to a request with an Idempotency-Key is kept: a minute to a year
    #[arg(long, value_name = "MS", default_value_t = NodeOptions::default().dedup_ms_max)]
    dedup_ms_max: u64,
    /// How many such answers one position keeps; then new ones get 503
    #[arg(long, value_name = "N", default_value_t = NodeOptions::default().dedup_entries_max)]
    dedup_entries_max: u64,
    /// The database file grows no further; writes then get 503 [default: the disk is the limit]
    #[arg(long, value_name = "BYTES")]
    data_bytes_max: Option<u64>,
}

const AFTER_HELP: &str = "\
Prints one line when it is ready:
  ringway node n1: data 127.0.0.1:7001, control 127.0.0.1:7101, incarnation 0f3a...
It starts without the store, and serves what it knows that it owns. SIGTERM and SIGINT let
requests under way finish.

Exit status:
  0  stopped by a signal
  2  an error: a bad argument, a data directory in use or of another node, a disk that failed";

/// `host:port` of a URL.
fn store_address(url: &str) -> Result<String, String> {
    if url.starts_with("https://") {
        return Err("TLS is not built in; use http:// on loopback or through a tunnel".into());
    }
    let address = url.strip_prefix("http://").ok_or("must begin with http://")?;
    let address = address.strip_suffix('/').unwrap_or(address);
    let port = address.rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
    match port {
        Some((true, Ok(1..))) if !address.contains(['/', '?', '#', '@', ' ']) => Ok(address.into()),
        _ => Err("must be http://HOST:PORT, without a path".into()),
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let token = read_token(&args.token_file).map_err(Failure::Message)?;
    let store = NodeStore::new(&args.store, &token, NodeStoreOptions::default())
        .map_err(|error| Failure::Message(error.to_string()))?;
    let sqlite = SqliteOptions { data_bytes_max: args.data_bytes_max };
    let rows = SqliteStore::open(&args.data, &args.name, sqlite).map_err(Failure::Message)?;
    let layout = match &args.cluster {
        Some(path) => Some(crate::cluster::read(path, None)?.0.layout().clone()),
        None => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Message(format!("can't start: {error}")))?;
    runtime.block_on(serve(args, &rows, store, &token, layout))
}

async fn serve(
    args: &Args,
    rows: &SqliteStore,
    store: NodeStore,
    token: &str,
    layout: Option<Layout>,
) -> Outcome {
    let data = bind(args.listen).await?;
    let control = bind(args.control).await?;
    let failed = |error: io::Error| Failure::Message(format!("can't wait for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let options = NodeOptions {
        body_bytes_max: args.body_bytes_max,
        bodies_bytes_max: args.bodies_bytes_max,
        connections_max: args.connections_max,
        dedup_ms_max: args.dedup_ms_max,
        dedup_entries_max: args.dedup_entries_max,
        layout,
        ..NodeOptions::default()
    };
    let name = args.name.clone();
    let report = Arc::new(move |line: &str| {
        // There is nobody left to tell if this fails.
        let _ = writeln!(io::stderr(), "ringway node {name}: {line}");
    });
    let node = Node::start(rows, store, token, data, control, options, report)
        .map_err(|error| Failure::Message(error.to_string()))?;
    let mut out = io::stdout();
    writeln!(
        out,
        "ringway node {}: data {}, control {}, incarnation {}",
        args.name,
        node.data_address(),
        node.control_address(),
        node.incarnation()
    )?;
    out.flush()?;
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        reason = node.failed() => Some(reason),
    };
    node.stop().await;
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(reason) => Err(Failure::Message(format!("{}: {reason}; start it again", args.name))),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| Failure::Message(format!("can't listen on {address}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::store_address;

    #[test]
    fn stores_are_plain_urls() {
        for (url, address) in [
            ("http://127.0.0.1:7000", "127.0.0.1:7000"),
            ("http://proxy.example:7000/", "proxy.example:7000"),
            ("http://[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(store_address(url).as_deref(), Ok(address));
        }
        for url in [
            "",
            "127.0.0.1:7000",
            "https://a:1",
            "http://a",
            "http://:1",
            "http://a:0",
            "http://a:x",
            "http://a:1/store",
            "http://u@a:1",
        ] {
            assert!(store_address(url).is_err(), "{url}");
        }
    }
}
