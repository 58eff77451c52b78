//! `ringway proxy`: the sharding proxy.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use ringway_proxy::{Config, Proxy};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, Outcome};

/// Run the sharding proxy: each request to the node that owns its key
///
/// The configuration names three listeners (clients, operators, nodes), the store's directory, the
/// cluster file that seeds an empty store, and where a request's sharding key stands.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "ringway.toml")]
    config: PathBuf,
    /// Check the configuration file, and stop
    #[arg(long)]
    check: bool,
}

const AFTER_HELP: &str = "\
The smallest configuration:
  [proxy]
  listen = \"127.0.0.1:8080\"
  admin_listen = \"127.0.0.1:8081\"
  admin_token_file = \"admin.token\"
  node_listen = \"127.0.0.1:8082\"
  node_token_file = \"node.token\"
  store = \"ringway-store\"
  cluster = \"cluster.toml\"
  [key]
  from = \"path_tail:1\"         # or header:NAME, query:NAME, path:N, cookie:NAME

Prints one line when it is ready:
  ringway proxy: clients 127.0.0.1:8080, operators 127.0.0.1:8081, nodes 127.0.0.1:8082
SIGTERM and SIGINT let requests under way finish.

Exit status:
  0  stopped by a signal, or checked
  2  an error: a bad configuration, a store in use, an address in use";

pub(crate) fn run(args: &Args) -> Outcome {
    let config = Config::read(&args.config).map_err(|error| Failure::Message(error.to_string()))?;
    if args.check {
        return Ok(ExitCode::SUCCESS);
    }
    let failed = |error: io::Error| Failure::Message(format!("can't wait for signals: {error}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        (terminate, signal(SignalKind::interrupt()).map_err(failed)?)
    };
    let proxy = Proxy::start(config).map_err(|error| Failure::Message(error.to_string()))?;
    let mut out = io::stdout();
    // A proxy serves on, whether or not somebody reads this.
    let _ = writeln!(
        out,
        "ringway proxy: clients {}, operators {}, nodes {}",
        proxy.address(),
        proxy.admin_address(),
        proxy.node_address()
    )
    .and_then(|()| out.flush());
    runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    proxy.shutdown();
    Ok(ExitCode::SUCCESS)
}
