//! One request of the demo, with the waits that the proxy asks for.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;

use super::tally::Tally;
use crate::http::{Answer, Connection};

/// A request that is put off for longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a request has no answer that says something of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It was not executed.
    Refused(String),
    /// It may have been executed.
    Unknown(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Unknown(text) => f.write_str(text),
        }
    }
}

/// Sends a request, and again as long as the answer is 503 with `Retry-After`: that one says that
/// nothing was executed, and when to come back.
pub(super) async fn patiently(
    connection: &mut Connection,
    tally: &Mutex<Tally>,
    method: Method,
    target: &str,
    body: Bytes,
) -> Result<Answer, Failed> {
    let tally = || tally.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = Instant::now();
    let mut waits = 0;
    loop {
        let request = Request::builder().method(&method).uri(target).body(Full::new(body.clone()));
        let request = request.map_err(|error| Failed::Refused(error.to_string()))?;
        tally().requests += 1;
        let (said, pause) = match connection.send(request).await {
            Ok(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => {
                return Err(Failed::Unknown(format!("504: {}", text(&answer))));
            }
            Ok(answer) => match retry_after(&answer) {
                Some(pause) => (format!("503: {}", text(&answer)), pause),
                None => {
                    tally().waits += waits;
                    return Ok(answer);
                }
            },
            // Nothing was sent, so sending it again does it once.
            Err(none) if none.was_not_sent() => (none.to_string(), Duration::from_millis(50)),
            Err(none) => return Err(Failed::Unknown(none.to_string())),
        };
        waits += 1;
        if begun.elapsed() + pause > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(Failed::Refused(format!(
                "put off for {seconds} s, the last time by {said}"
            )));
        }
        tokio::time::sleep(pause).await;
    }
}

/// How long a 503 asks to wait, if it says so.
fn retry_after(answer: &Answer) -> Option<Duration> {
    if answer.status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let seconds = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The text of an answer in one line.
pub(super) fn text(answer: &Answer) -> String {
    const LETTERS_MAX: usize = 200;
    let text = String::from_utf8_lossy(&answer.body);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LETTERS_MAX).collect()
}
