//! The control calls that move state (spec/NODE.md §3).

use std::sync::Arc;

use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use hyper::body::Incoming;
use ringway_cluster::{CallError, Fence, Holding, Holdings, Refusal, Standing, Summary};
use serde_json::{Value, json};

use super::{
    Service,
    body::unread,
    data::Shared,
    query::Query,
    reply::{Reply, text, unavailable, with},
};
use crate::{
    engine::sweep,
    reconcile::drop_rows,
    rows::{Failure, RowSnapshot, Tx},
    transfer::{self, Page},
};

/// The most that one answer of `export` or `delta` holds, but always one row.
const PAGE_BYTES_MAX: u64 = 64 << 20;

/// So many ended rows are deleted by a freeze; the second before it has deleted the others.
const FREEZE_ROWS_MAX: usize = 10_000;

/// The control listener's service.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) shared: Arc<Shared>,
    pub(crate) token: Arc<[u8]>,
}

/// Why a call failed.
pub(crate) enum Failed {
    /// The request can't be read.
    Bad(String),
    /// It does not fit what the node knows.
    Refused(Refusal),
    /// The store can't be read, or the disk failed.
    Unavailable(String),
    /// The answer as it stands.
    Reply(Reply),
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotExecuted(_) => Self::Unavailable(failure.to_string()),
            Failure::Unknown(_) => {
                Self::Reply(text(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()))
            }
        }
    }
}

impl From<CallError<Failure>> for Failed {
    fn from(error: CallError<Failure>) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Refused(refusal),
            CallError::Rows(failure) => failure.into(),
        }
    }
}

impl Service for Control {
    async fn call(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        if !self.knows_token(&head) {
            let reply = text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed");
            let reply = with(reply, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return unread(reply, &head.headers, body);
        }
        self.shared.metrics.control_calls.add();
        let method = match head.uri.path() {
            "/v1/status" | "/v1/export" | "/v1/delta" | "/metrics" => Method::GET,
            "/v1/stage" | "/v1/import" | "/v1/digest" | "/v1/activate" | "/v1/wipe"
            | "/v1/freeze" | "/v1/unfreeze" | "/v1/drop" => Method::POST,
            _ => {
                let reply = text(StatusCode::NOT_FOUND, "there is no such call");
                return unread(reply, &head.headers, body);
            }
        };
        if head.method != method {
            let reply = text(StatusCode::METHOD_NOT_ALLOWED, "the call has another method");
            let allow = HeaderValue::from_str(method.as_str()).expect("a method is a token");
            return unread(with(reply, ALLOW, allow), &head.headers, body);
        }
        let mut query = match Query::parse(&head.uri) {
            Ok(query) => query,
            Err(line) => {
                return unread(text(StatusCode::BAD_REQUEST, &line), &head.headers, body);
            }
        };
        let (lo, hi) = query.range();
        if head.uri.path() != "/v1/import" {
            let answered = self.shared.run(head.uri.path(), query).await;
            return unread(self.answer(lo, hi, answered), &head.headers, body);
        }
        let mut body = body;
        let answered = match query.fence().and_then(|fence| query.finish().map(|()| fence)) {
            Ok(fence) => self.shared.import(fence, &mut body).await,
            Err(line) => Err(Failed::Bad(line)),
        };
        let is_read = answered.is_ok();
        let reply = self.answer(lo, hi, answered);
        if is_read { reply } else { unread(reply, &head.headers, body) }
    }
}

impl Control {
    /// Compares in a time that tells nothing of where the first difference is.
    fn knows_token(&self, head: &http::request::Parts) -> bool {
        let mut given = head.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(7) else {
            return false;
        };
        let differ = token.iter().zip(self.token.iter()).fold(0, |sum, (a, b)| sum | (a ^ b));
        scheme.eq_ignore_ascii_case(b"bearer ")
            && token.len() == self.token.len()
            && std::hint::black_box(differ) == 0
    }

    fn answer(&self, lo: u64, hi: u64, answered: Result<Reply, Failed>) -> Reply {
        match answered {
            Ok(reply) | Err(Failed::Reply(reply)) => reply,
            Err(Failed::Bad(line)) => text(StatusCode::BAD_REQUEST, &line),
            Err(Failed::Unavailable(line)) => unavailable(&line),
            Err(Failed::Refused(refusal)) => {
                refused(&self.shared.engine.holdings(), lo, hi, &refusal)
            }
        }
    }
}

impl Shared {
    /// Every call but `import`.
    async fn run(&self, path: &str, mut query: Query) -> Result<Reply, Failed> {
        match path {
            "/metrics" => {
                query.finish().map_err(Failed::Bad)?;
                let reply = text(StatusCode::OK, &self.metrics.render(&self.engine.holdings()));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                return Ok(with(reply, CONTENT_TYPE, kind));
            }
            "/v1/status" => return self.status(query).await,
            _ => {}
        }
        let fence = query.fence().map_err(Failed::Bad)?;
        match path {
            "/v1/export" | "/v1/delta" => {
                let bytes_max = query.number("bytes_max").map_err(Failed::Bad)?.min(PAGE_BYTES_MAX);
                let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
                if path == "/v1/export" {
                    self.export(fence, bytes_max, query).await
                } else {
                    self.delta(fence, bytes_max, query).await
                }
            }
            _ => {
                query.finish().map_err(Failed::Bad)?;
                self.command(path, fence).await
            }
        }
    }

    async fn command(&self, path: &str, fence: Fence) -> Result<Reply, Failed> {
        let nothing = |()| json!({});
        let done = match path {
            "/v1/stage" => {
                self.fenced(fence, move |all, tx| all.stage(&fence, tx)).await.map(nothing)
            }
            "/v1/digest" => self
                .fenced(fence, move |all, tx| all.seal(&fence, tx))
                .await
                .map(|sum| summary(&sum)),
            "/v1/activate" => {
                self.fenced(fence, move |all, _| Ok(all.activate(&fence)?)).await.map(nothing)
            }
            "/v1/wipe" => {
                self.fenced(fence, move |all, tx| all.wipe(&fence, tx)).await.map(nothing)
            }
            "/v1/freeze" => self.freeze(fence).await.map(|sum| summary(&sum)),
            "/v1/unfreeze" => {
                self.fenced(fence, move |all, _| Ok(all.unfreeze(&fence)?)).await.map(nothing)
            }
            _ => self.drop_rows(fence).await.map(nothing),
        }?;
        Ok(json_reply(StatusCode::OK, &done))
    }

    /// Freezes, after the last logged deletes of rows that have ended: what a client was told has
    /// ended, it does not see again under a clock that is behind.
    async fn freeze(&self, fence: Fence) -> Result<Summary, Failed> {
        let clock = self.clock.clone();
        let freeze = move |all: &mut Holdings, tx: &mut Tx<'_>| {
            let now_ms = clock.now_ms();
            let ended = tx.rows.ended(fence.lo, fence.hi, now_ms, FREEZE_ROWS_MAX);
            let swept = ended.and_then(|ended| sweep(&ended, now_ms, all, tx));
            swept.map_err(CallError::Rows)?;
            all.freeze(&fence, tx)
        };
        self.fenced(fence, freeze).await
    }

    /// Runs a call in a transaction; if it is ahead, reads the store and runs it once more.
    pub(crate) async fn fenced<T: Send + 'static>(
        &self,
        fence: Fence,
        call: impl Fn(&mut Holdings, &mut Tx<'_>) -> Result<T, CallError<Failure>>
        + Clone
        + Send
        + 'static,
    ) -> Result<T, Failed> {
        match self.call(0, call.clone()).await? {
            Err(Refusal::Ahead { .. }) => {}
            outcome => return outcome.map_err(Failed::Refused),
        }
        self.reconciler.ask(fence.lo, fence.hi).await.map_err(Failed::Unavailable)?;
        self.call(0, call).await?.map_err(Failed::Refused)
    }

    /// Runs a call in a transaction. A refused one is committed too: the attempt was seen.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        bytes: usize,
        call: impl FnOnce(&mut Holdings, &mut Tx<'_>) -> Result<T, CallError<Failure>> + Send + 'static,
    ) -> Result<Result<T, Refusal>, Failed> {
        let outcome = self.engine.write(bytes, move |all, tx| match call(all, tx) {
            Ok(done) => Ok(Ok(done)),
            Err(CallError::Refused(refusal)) => Ok(Err(refusal)),
            Err(CallError::Rows(failure)) => Err(failure),
        });
        Ok(outcome.await?)
    }

    async fn export(
        &self,
        fence: Fence,
        bytes_max: usize,
        mut query: Query,
    ) -> Result<Reply, Failed> {
        let after = query.cursor().map_err(Failed::Bad)?;
        query.finish().map_err(Failed::Bad)?;
        self.fenced(fence, move |all, tx| all.export(&fence, tx)).await?;
        let page = self.engine.read(move |rows| transfer::export(rows, &fence, after, bytes_max));
        page_reply(page.await?)
    }

    async fn delta(
        &self,
        fence: Fence,
        bytes_max: usize,
        mut query: Query,
    ) -> Result<Reply, Failed> {
        let since = query.number("since").map_err(Failed::Bad)?;
        query.finish().map_err(Failed::Bad)?;
        self.fenced(fence, move |all, _| Ok(all.delta(&fence, since)?)).await?;
        let page = self.engine.read(move |rows| transfer::delta(rows, &fence, since, bytes_max));
        page_reply(page.await?)
    }

    async fn drop_rows(&self, fence: Fence) -> Result<(), Failed> {
        let Fence { lo, hi, epoch, attempt, incarnation } = fence;
        if incarnation != self.engine.holdings().incarnation() {
            return Err(Failed::Refused(Refusal::Incarnation));
        }
        let found = self.reconciler.ask(lo, hi).await.map_err(Failed::Unavailable)?;
        let exact = found.iter().find(|found| (found.record.lo, found.record.hi) == (lo, hi));
        let Some(record) = exact.map(|found| &found.record) else {
            return Err(Failed::Refused(Refusal::State("the store has no segment of that range")));
        };
        if (epoch, attempt) < (record.epoch, record.attempt) {
            let (epoch, attempt) = (record.epoch, record.attempt);
            return Err(Failed::Refused(Refusal::Stale { epoch, attempt }));
        }
        if epoch > record.epoch {
            return Err(Failed::Refused(Refusal::Ahead { epoch: record.epoch }));
        }
        Ok(drop_rows(&self.engine, record).await?)
    }

    async fn status(&self, mut query: Query) -> Result<Reply, Failed> {
        let asked = query.optional_range().map_err(Failed::Bad)?;
        let limits = match asked {
            Some(_) => query.limits().map_err(Failed::Bad)?,
            None => None,
        };
        query.finish().map_err(Failed::Bad)?;
        let holdings = self.engine.holdings();
        let (lo, hi) = asked.unwrap_or((0, u64::MAX));
        let overlaps = |holding: &&Holding| holding.lo <= hi && lo <= holding.hi;
        let ranges: Vec<Value> = holdings.iter().filter(overlaps).map(range).collect();
        let mut status = json!({
            "name": holdings.name(),
            "incarnation": holdings.incarnation(),
            "ranges": ranges,
        });
        if asked.is_some() {
            let cuts = match limits {
                Some((rows_max, bytes_max)) => {
                    let cuts = move |rows: &dyn RowSnapshot| {
                        transfer::cuts(rows, lo, hi, rows_max, bytes_max)
                    };
                    self.engine.read(cuts).await?
                }
                None => Vec::new(),
            };
            status["cuts"] = json!(cuts);
        }
        Ok(json_reply(StatusCode::OK, &status))
    }
}

fn summary(summary: &Summary) -> Value {
    json!({
        "sequence": summary.sequence,
        "rows": summary.tally.rows,
        "digest": format!("{:032x}", summary.tally.digest),
    })
}

fn range(holding: &Holding) -> Value {
    let standing = match holding.standing {
        Standing::Foreign { .. } => "foreign",
        Standing::Staging { .. } => "staging",
        Standing::Sealed { .. } => "sealed",
        Standing::Owned => "owned",
        Standing::Frozen => "frozen",
    };
    json!({
        "lo": holding.lo,
        "hi": holding.hi,
        "epoch": holding.epoch,
        "attempt": holding.attempt,
        "standing": standing,
        "sequence": holding.sequence,
        "rows": holding.tally.map(|tally| tally.rows),
    })
}

pub(crate) fn json_reply(status: StatusCode, value: &Value) -> Reply {
    let mut reply = Reply::new(Full::new(value.to_string().into()));
    *reply.status_mut() = status;
    with(reply, CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn page_reply(page: Page) -> Result<Reply, Failed> {
    let frames = page.map_err(Failed::Refused)?;
    let reply = Reply::new(Full::new(frames.into()));
    Ok(with(reply, CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")))
}

/// 409, with what was seen here.
fn refused(holdings: &Holdings, lo: u64, hi: u64, refusal: &Refusal) -> Reply {
    let overlaps = |holding: &&Holding| holding.lo <= hi && lo <= holding.hi;
    let seen = holdings.iter().filter(overlaps).map(|holding| (holding.epoch, holding.attempt));
    let (mut epoch, mut attempt) = seen.max().unwrap_or((0, 0));
    let code = match refusal {
        Refusal::Incarnation => "incarnation",
        Refusal::Stale { epoch: seen_epoch, attempt: seen_attempt } => {
            (epoch, attempt) = (*seen_epoch, *seen_attempt);
            "stale"
        }
        Refusal::Ahead { epoch: here } => {
            epoch = *here;
            "ahead"
        }
        Refusal::State(_) => "state",
    };
    let message = refusal.to_string();
    let body = json!({ "error": code, "message": message, "epoch": epoch, "attempt": attempt });
    json_reply(StatusCode::CONFLICT, &body)
}
