//! `ringway import`: the cluster file of another program's configuration.
//!
//! Each program has a file that turns the text of its configuration into an [`Imported`], beside
//! one for its grammar. What could change which server a key gets and is not understood is an
//! error with file and line; what could not is passed over.

mod address;
mod envoy;
mod envoy_hosts;
mod haproxy;
mod haproxy_balance;
mod haproxy_grammar;
mod haproxy_server;
mod nginx;
mod nginx_grammar;
mod nodes;
mod place;
mod source;
#[cfg(test)]
mod tests;
mod twemproxy;
mod yaml;

use std::{
    collections::HashSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use ringway::{BuildError, Layout, OptionValue, Program};
use ringway_cluster::{ClusterFile, FileError, normal_address};

use self::{
    nodes::Nodes,
    place::{Fault, Place, one_line},
};
use crate::failure::{Failure, Outcome};

/// Write the cluster file of an nginx, HAProxy, Envoy or twemproxy configuration
///
/// The layout in it gives every key the server that the program gives it, so a fleet can be
/// adopted without moving a key. What changes which server a key gets and is not understood is an
/// error with file and line, never a guess; what lies outside the map, such as spare servers, is
/// told on standard error and in the comment above the file.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    program: From,
}

const AFTER_HELP: &str = "\
Examples:
  ringway import nginx nginx.conf --upstream backend -o cluster.toml
  ringway import haproxy haproxy.cfg --backend app --haproxy-version 2.6.12 -o cluster.toml
  ringway import envoy bootstrap.yaml --cluster app -o cluster.toml
  ringway import twemproxy nutcracker.yml --pool cache -o cluster.toml
  ringway map --cluster cluster.toml < keys.txt
  ringway plan --from cluster.toml --to new.toml --keys keys.txt

Exit status:
  0  done
  2  an error: FILE:LINE: what is wrong, and what to do";

#[derive(clap::Subcommand)]
enum From {
    /// An `upstream` with `hash KEY` or `hash KEY consistent`; includes are followed
    #[command(after_help = "\
Example:
  ringway import nginx nginx.conf --upstream backend -o cluster.toml")]
    Nginx {
        /// The configuration, or a part of it that holds the upstream
        file: PathBuf,
        /// The name of the upstream
        #[arg(long, value_name = "NAME")]
        upstream: String,
        #[command(flatten)]
        output: Output,
    },
    /// A `backend` or `listen` with `balance hash`, `hdr`, `uri`, `url_param` or `source`
    #[command(after_help = "\
Examples:
  ringway import haproxy haproxy.cfg --backend app -o cluster.toml
  ringway import haproxy haproxy.cfg --backend app --haproxy-version 3.2.0 -o cluster.toml")]
    Haproxy {
        /// The configuration
        file: PathBuf,
        /// The name of the backend
        #[arg(long, value_name = "NAME")]
        backend: String,
        /// HAProxy's version, as `haproxy -v` says it; 3.0.0 to 3.2.0 place keys in their own way
        #[arg(long, value_name = "X.Y.Z")]
        haproxy_version: Option<haproxy::Version>,
        #[command(flatten)]
        output: Output,
    },
    /// A cluster of `static_resources` with `RING_HASH` or `MAGLEV`; YAML or JSON
    #[command(after_help = "\
Example:
  ringway import envoy bootstrap.yaml --cluster app -o cluster.toml")]
    Envoy {
        /// The bootstrap configuration
        file: PathBuf,
        /// The name of the cluster
        #[arg(long, value_name = "NAME")]
        cluster: String,
        #[command(flatten)]
        output: Output,
    },
    /// A pool with `distribution: ketama` or `modula`
    #[command(after_help = "\
Example:
  ringway import twemproxy nutcracker.yml --pool cache -o cluster.toml")]
    Twemproxy {
        /// The configuration
        file: PathBuf,
        /// The name of the pool
        #[arg(long, value_name = "NAME")]
        pool: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(clap::Args)]
struct Output {
    /// Write the cluster file here; standard output if it is not given
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

/// A configuration as a cluster: what [`ClusterFile`] needs and what people want to know.
#[derive(Debug)]
struct Imported {
    layout: Layout,
    nodes: Nodes,
    /// Where the part that was asked for begins.
    head: Place,
    /// What the layout was made from, and which key the program hashes.
    comments: Vec<String>,
    /// What the cluster file cannot say.
    notes: Vec<(Place, String)>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let (command, imported, output) = match &args.program {
        From::Nginx { file, upstream, output } => {
            let command = command("nginx", file, "--upstream", upstream);
            (command, nginx::import(file, upstream), output)
        }
        From::Haproxy { file, backend, haproxy_version, output } => {
            let mut command = command("haproxy", file, "--backend", backend);
            if let Some(version) = haproxy_version {
                command.push_str(&format!(" --haproxy-version {version}"));
            }
            let text = source::read(file);
            let imported = text.and_then(|text| haproxy::import(&text, backend, *haproxy_version));
            (command, imported, output)
        }
        From::Envoy { file, cluster, output } => {
            let command = command("envoy", file, "--cluster", cluster);
            (command, source::read(file).and_then(|text| envoy::import(&text, cluster)), output)
        }
        From::Twemproxy { file, pool, output } => {
            let command = command("twemproxy", file, "--pool", pool);
            (command, source::read(file).and_then(|text| twemproxy::import(&text, pool)), output)
        }
    };
    let mut imported = imported.map_err(|fault| Failure::Message(fault.to_string()))?;
    let toml = imported.toml(&command).map_err(|fault| Failure::Message(fault.to_string()))?;
    match &output.output {
        Some(path) => {
            fs::write(path, toml).map_err(|error| Failure::of_file(path, "written", &error))?;
        }
        None => io::stdout().lock().write_all(toml.as_bytes())?,
    }
    for (place, note) in &imported.notes {
        // There is nobody left to tell if this fails.
        let _ = writeln!(io::stderr(), "ringway: note: {place}: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The command as one would type it again.
fn command(program: &str, file: &Path, option: &str, name: &str) -> String {
    format!("ringway import {program} {} {option} {name}", file.display())
}

impl Imported {
    /// The cluster file with its comment.
    fn toml(&mut self, command: &str) -> Result<String, Fault> {
        self.drop_twin_addresses();
        let file = ClusterFile::new(self.layout.clone(), self.nodes.entries.clone());
        let file = file.map_err(|error| self.locate(&error))?;
        file.table().map_err(|error| self.locate(&error))?;
        let mut toml = format!("# Made by: {}\n", one_line(command));
        let notes = self.notes.iter().map(|(place, note)| format!("Note: {place}: {note}"));
        for line in self.comments.iter().cloned().chain(notes) {
            toml.push_str(&format!("# {}\n", one_line(&line)));
        }
        toml.push_str(&file.to_toml());
        Ok(toml)
    }

    /// A cluster file gives an address to one node at most; here it is information only, unless
    /// the layout hashes it.
    fn drop_twin_addresses(&mut self) {
        let hashes_addresses = self.layout.options().any(|(name, value)| {
            name == "hash_key"
                && matches!(value, OptionValue::Text(text) if text.starts_with("addr"))
        });
        if hashes_addresses {
            return;
        }
        let mut seen = HashSet::new();
        for (node, place) in self.nodes.entries.iter_mut().zip(&self.nodes.places) {
            let normal = node.address.as_deref().map(normal_address);
            if let Some(Ok(normal)) = normal
                && !seen.insert(normal)
            {
                let address = node.address.take().unwrap_or_default();
                let note = format!("{address} is another server's address too, so it is left out");
                self.notes.push((place.clone(), note));
            }
        }
    }

    /// An error of the cluster file, told by the place in the configuration.
    fn locate(&self, error: &FileError) -> Fault {
        let index = error.field().and_then(|field| {
            let (number, _) = field.strip_prefix("node[")?.split_once(']')?;
            number.parse::<usize>().ok()
        });
        let place = index.and_then(|index| self.nodes.places.get(index)).unwrap_or(&self.head);
        place.fault(error.message())
    }
}

/// The layout of a program with these options; those with the default's value do not show.
fn layout(
    program: Program,
    options: &[(&str, Option<OptionValue<'_>>, &Place)],
) -> Result<Layout, Fault> {
    let mut layout = Layout::compat(program);
    for &(name, value, place) in options {
        if let Some(value) = value {
            layout = layout.with_option(name, value).map_err(|error| {
                let BuildError::BadOption { expected } = error else {
                    return place.fault(format!("{name}: {error}"));
                };
                place.fault(format!("{name}: Ringway takes {expected}"))
            })?;
        }
    }
    Ok(layout)
}
