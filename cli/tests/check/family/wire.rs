//! What a stranger's node reads out of calls, and answers.

use std::collections::BTreeMap;

use ringway_cluster::{End, Holdings, Refusal, Row, Standing, Summary};
use serde_json::json;

use super::table::Key;
use crate::http::{Answer, Request};

pub(super) fn query(request: &Request, known: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let fence = ["lo", "hi", "epoch", "attempt", "incarnation"];
    let mut query = BTreeMap::new();
    for (name, value) in &request.query {
        if !fence.contains(&&**name) && !known.contains(&&**name) {
            return Err(format!("unknown parameter {name}"));
        }
        if query.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("{name} twice"));
        }
    }
    Ok(query)
}

pub(super) fn cursor(query: &BTreeMap<String, String>) -> Option<Key> {
    let hex = query.get("after_key")?;
    let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16));
    Some((query.get("after_position")?.parse().ok()?, bytes.collect::<Result<_, _>>().ok()?))
}

pub(super) fn paged(
    rows: impl Iterator<Item = Row>,
    query: &BTreeMap<String, String>,
    sequence: u64,
    by_version: bool,
) -> Answer {
    let bytes_max = query["bytes_max"].parse().unwrap_or(usize::MAX);
    let mut frames = Vec::new();
    let mut end = End { cursor: None, sequence };
    let mut last: Option<Row> = None;
    for row in rows {
        if let Some(last) = last.as_ref().filter(|_| frames.len() + row.encoded_len() > bytes_max) {
            end.cursor = Some((last.position, last.key.clone()));
            if by_version {
                end.sequence = last.version;
            }
            break;
        }
        row.encode(&mut frames);
        last = Some(row);
    }
    end.encode(&mut frames);
    Answer::new(200, frames)
}

pub(super) fn summary(summary: &Summary) -> Answer {
    let Summary { sequence, tally } = summary;
    let digest = format!("{:032x}", tally.digest);
    Answer::new(
        200,
        json!({ "sequence": sequence, "rows": tally.rows, "digest": digest }).to_string(),
    )
}

pub(super) fn refused(refusal: &Refusal) -> Answer {
    let code = match refusal {
        Refusal::Incarnation => "incarnation",
        Refusal::Stale { .. } => "stale",
        Refusal::Ahead { .. } => "ahead",
        Refusal::State(_) => "state",
    };
    Answer::new(409, json!({ "error": code, "message": refusal.to_string() }).to_string())
}

pub(super) fn misdirected(holdings: &Holdings, position: u64) -> Answer {
    let here = holdings.find(position);
    let answer = Answer::new(421, "");
    let answer = answer.with("Ringway-Epoch", here.map_or(0, |holding| holding.epoch));
    match here {
        Some(holding) if holding.standing == Standing::Frozen => answer.with("Ringway-Frozen", 1),
        _ => answer,
    }
}
