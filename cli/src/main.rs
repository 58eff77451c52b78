//! The command line of Ringway.
#![forbid(unsafe_code)]

mod admin;
mod balance;
mod check;
mod cluster;
mod demo;
mod failure;
mod http;
mod import;
mod keys;
mod map;
mod node;
mod plan;
mod progress;
mod proxy;
mod show;
mod svg;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Consistent hashing: which node owns which key, what a change moves, how even it is.
#[derive(Parser)]
#[command(name = "ringway", version, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Map(map::Args),
    Plan(plan::Args),
    Balance(balance::Args),
    Import(import::Args),
    Node(Box<node::Args>),
    Proxy(proxy::Args),
    Apply(admin::apply::Args),
    Nodes(admin::nodes::Args),
    Status(admin::status::Args),
    Moves(admin::moves::Args),
    Demo(demo::Args),
}

const AFTER_HELP: &str = "\
A cluster file says which nodes there are:

  layout = \"ringway-v1\"        # the default; a layout never changes
  [[node]]
  name = \"db1\"                 # the identity, which is what is hashed
  [[node]]
  name = \"db2\"
  weight = 2                   # default 1; 0 owns nothing
  zone = \"b\"                   # optional; replicas go to different zones first
  address = \"10.0.0.2:7000\"    # optional here; where the node is reached
  state = \"up\"                 # up (default), down or drain

Exit status:
  0  done
  1  done, but the answer is a bad one: each command's help says when
  2  an error: wrong usage, a bad file, a file that cannot be read or written
A reader that stops early, as in `ringway map ... | head`, is no error.";

fn main() -> ExitCode {
    demo::stop_with_input();
    let outcome = match Cli::parse().command {
        Command::Map(args) => map::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Balance(args) => balance::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Proxy(args) => proxy::run(&args),
        Command::Apply(args) => admin::apply::run(&args),
        Command::Nodes(args) => admin::nodes::run(&args),
        Command::Status(args) => admin::status::run(&args),
        Command::Moves(args) => admin::moves::run(&args),
        Command::Demo(args) => demo::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Refused(message)) => {
            let _ = writeln!(io::stderr(), "ringway: {message}");
            ExitCode::FAILURE
        }
        Err(Failure::Message(message)) => {
            // There is nobody left to tell if this fails.
            let _ = writeln!(io::stderr(), "ringway: {message}");
            ExitCode::from(2)
        }
    }
}
