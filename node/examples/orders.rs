//! Customers and their orders in SQLite tables of the service's own, which move between processes.
//!
//! `POST /shop/CUSTOMER` with the body `NUMBER ITEM` places an order; sent again, it is found to be
//! there already. `GET /shop/CUSTOMER` gives the number of orders and the items, one a line. Start
//! some behind a proxy whose `[key] from` is `path:2`, and add and drain them while people order:
//!
//! ```text
//! cargo run -p ringway-node --example orders -- s1 127.0.0.1:7001 127.0.0.1:7101 \
//!     node.token 127.0.0.1:7200 data-s1
//! ```

#![allow(clippy::print_stderr, reason = "a program that tells what it does")]

use std::{error::Error, path::Path, sync::Arc};

use axum::{Extension, Router, response::Result, routing::get};
use ringway::Layout;
use ringway_node::{
    NodeOptions, Owned, Refused, Shard, SqliteOptions, SqliteStore, Tables, read_token,
};
use ringway_store::{NodeStore, NodeStoreOptions};
use tokio::net::TcpListener;

/// The trigger runs where the order is placed; what it did moves as rows do.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS customers (
        customer TEXT PRIMARY KEY, orders INTEGER NOT NULL DEFAULT 0,
        ring_pos INTEGER AS (ringway_pos(customer)) STORED
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS orders (
        customer TEXT REFERENCES customers (customer), number INTEGER, item TEXT NOT NULL,
        ring_pos INTEGER AS (ringway_pos(customer)) STORED,
        PRIMARY KEY (customer, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS counted AFTER INSERT ON orders BEGIN
        UPDATE customers SET orders = orders + 1 WHERE customer = NEW.customer;
    END;";

fn customer(owned: &Owned) -> String {
    String::from_utf8_lossy(owned.key()).into_owned()
}

/// How many orders the customer has, and which.
async fn show(Extension(owned): Extension<Owned>) -> Result<String> {
    let customer = customer(&owned);
    let shown = owned.read(move |rows| {
        rows.sql(|sql| {
            let count = "SELECT coalesce(max(orders), 0) FROM customers WHERE customer = ?1";
            let count: i64 = sql.query_row(count, [&customer], |row| row.get(0))?;
            let items = "SELECT number, item FROM orders WHERE customer = ?1 ORDER BY number";
            let mut items = sql.prepare_cached(items)?;
            let items = items.query_map([&customer], |row| {
                Ok(format!("{} {}\n", row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            Ok(format!("{count}\n{}", items.collect::<std::result::Result<String, _>>()?))
        })
    });
    Ok(shown.await.map_err(Refused::into_response)?)
}

/// Places an order, unless that number was placed before.
async fn order(Extension(owned): Extension<Owned>, body: String) -> Result<&'static str> {
    let Some((number, item)) = body.trim().split_once(' ') else { return Ok("say: NUMBER ITEM\n") };
    let Ok(number) = number.parse::<i64>() else { return Ok("say: NUMBER ITEM\n") };
    let (customer, item) = (customer(&owned), item.to_owned());
    let placed = owned.write(move |rows| {
        rows.sql(|sql| {
            sql.execute("INSERT OR IGNORE INTO customers (customer) VALUES (?1)", [&customer])?;
            let place = "INSERT OR IGNORE INTO orders (customer, number, item) VALUES (?1, ?2, ?3)";
            sql.prepare_cached(place)?.execute((&customer, number, &item))?;
            Ok("placed\n")
        })
    });
    Ok(placed.await.map_err(Refused::into_response)?)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, data, control, token_file, store, dir] = arguments.as_slice() else {
        return Err("give: NAME DATA CONTROL TOKEN-FILE STORE DIR".into());
    };
    let layout = Layout::ringway_v1();
    let tables = Tables::new(&layout)?
        .schema(|sql| sql.execute_batch(SCHEMA))
        .table("customers", "customer")
        .table("orders", "customer");
    let rows = SqliteStore::open_with(Path::new(dir), name, SqliteOptions::default(), tables)?;
    let token = read_token(Path::new(token_file))?;
    let map = NodeStore::new(store, &token, NodeStoreOptions::default())?;
    let control = TcpListener::bind(control).await?;
    let options = NodeOptions { layout: Some(layout), ..NodeOptions::default() };
    let report = Arc::new(|line: &str| eprintln!("orders: {line}"));
    let shard = Shard::start(&rows, map, &token, control, options, report)?;
    let shop = Router::new().route("/shop/{customer}", get(show).post(order)).layer(shard.layer());
    let data = TcpListener::bind(data).await?;
    tokio::select! {
        served = async { axum::serve(data, shop).await } => served?,
        reason = shard.failed() => return Err(reason.into()),
    }
    Ok(())
}
