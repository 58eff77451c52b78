//! The verbs that talk to a running proxy.

pub(crate) mod apply;
pub(crate) mod client;
pub(crate) mod moves;
pub(crate) mod nodes;
pub(crate) mod status;
pub(crate) mod view;
mod wait;

use std::path::PathBuf;

use tokio::runtime;

use self::client::{Admin, read_token};
use crate::{
    failure::{Failure, Outcome},
    http::Origin,
};

/// Which proxy, and how the answer is printed.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// The proxy's `admin_listen`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "RINGWAY_ADMIN",
        default_value = "http://127.0.0.1:8081"
    )]
    admin: String,
    /// A file with the operators' token, that of the proxy's `admin_token_file`
    #[arg(long, global = true, value_name = "FILE", env = "RINGWAY_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Print the proxy's answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Target {
    fn connect(&self) -> Result<Admin, Failure> {
        let origin = Origin::parse(&self.admin)
            .map_err(|text| Failure::Message(format!("--admin {}: {text}", self.admin)))?;
        let path = self.token_file.as_deref().ok_or_else(|| {
            Failure::Message(
                "no token; give the file that the proxy's admin_token_file names with \
                 --token-file or RINGWAY_TOKEN_FILE"
                    .to_owned(),
            )
        })?;
        Admin::new(origin, &read_token(path)?)
    }

    /// Does something with the proxy's admin API.
    fn run(&self, work: impl AsyncFnOnce(&mut Admin) -> Outcome) -> Outcome {
        let mut admin = self.connect()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Message(format!("no runtime: {error}")))?;
        runtime.block_on(work(&mut admin))
    }
}

/// What of a node's name may stand in a path.
fn path_of(name: &str) -> String {
    let mut path = "/nodes/".to_owned();
    crate::http::percent_encode(name.as_bytes(), b"", &mut path);
    path
}
