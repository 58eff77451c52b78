//! A game server whose matches move between processes while they are played.
//!
//! A match is the list of its turns. A player sends `POST /games/ID` with the body `N TURN`: the
//! Nth turn of the match is TURN. Sent again, it is found to be there already, so a player who got
//! no answer just asks once more. `GET /games/ID` gives the turns, one a line.
//!
//! Everything that makes it a node of level 3 is in `serve`: the shard, and its layer. Start some
//! behind a proxy whose `[key] from` is `path:2`, and add and drain them while people play:
//!
//! ```text
//! cargo run -p ringway-node --example game -- g1 127.0.0.1:7001 127.0.0.1:7101 \
//!     node.token 127.0.0.1:7200
//! ```
//! The matches are in memory, and end with the process. A directory as the last argument keeps them
//! on disk instead, through SQLite; nothing else changes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells what it does")]

use std::{error::Error, path::Path, sync::Arc};

use axum::{Extension, Router, response::Result, routing::get};
use ringway_node::{
    MemoryStore, NodeOptions, Owned, Refused, RowStore, Shard, SqliteOptions, SqliteStore,
    read_token,
};
use ringway_store::{NodeStore, NodeStoreOptions};
use tokio::net::TcpListener;

const TURNS: &[u8] = b"turns";

/// The turns of a match, one a line.
async fn show(Extension(game): Extension<Owned>) -> Result<String> {
    let turns = game.read(|rows| rows.get(TURNS)).await.map_err(Refused::into_response)?;
    Ok(String::from_utf8(turns.unwrap_or_default()).unwrap_or_default())
}

/// Adds a turn, if it is the next one or was added before.
async fn play(Extension(game): Extension<Owned>, body: String) -> Result<&'static str> {
    let said = body.trim().to_owned();
    let played = game.write(move |rows| {
        let mut turns = rows.get(TURNS)?.unwrap_or_default();
        let count = turns.iter().filter(|byte| **byte == b'\n').count();
        let Some((number, turn)) = said.split_once(' ') else { return Ok("say: N TURN\n") };
        let known = String::from_utf8_lossy(&turns).lines().any(|line| line == said);
        if known {
            return Ok("played\n");
        }
        if number.parse() != Ok(count + 1) || turn.contains('\n') {
            return Ok("not your turn\n");
        }
        turns.extend_from_slice(format!("{said}\n").as_bytes());
        rows.put(TURNS, &turns)?;
        Ok("played\n")
    });
    Ok(played.await.map_err(Refused::into_response)?)
}

/// Serves matches on `data` until the process ends.
async fn serve(
    rows: &dyn RowStore,
    map: NodeStore,
    token: &str,
    data: TcpListener,
    control: TcpListener,
) -> std::result::Result<(), Box<dyn Error>> {
    let report = Arc::new(|line: &str| eprintln!("game: {line}"));
    let shard = Shard::start(rows, map, token, control, NodeOptions::default(), report)?;
    let games = Router::new().route("/games/{id}", get(show).post(play)).layer(shard.layer());
    println!("game server: data {}, control {}", data.local_addr()?, shard.control_address());
    tokio::select! {
        served = async { axum::serve(data, games).await } => served?,
        reason = shard.failed() => return Err(reason.into()),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, data, control, token_file, store, dir @ ..] = arguments.as_slice() else {
        return Err("give: NAME DATA CONTROL TOKEN-FILE STORE [DIR]".into());
    };
    let token = read_token(Path::new(token_file))?;
    let rows: Box<dyn RowStore> = match dir.first() {
        None => Box::new(MemoryStore::new(name)?),
        Some(dir) => Box::new(SqliteStore::open(Path::new(dir), name, SqliteOptions::default())?),
    };
    let map = NodeStore::new(store, &token, NodeStoreOptions::default())?;
    let (data, control) = (TcpListener::bind(data).await?, TcpListener::bind(control).await?);
    serve(rows.as_ref(), map, &token, data, control).await
}
