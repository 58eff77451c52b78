//! Requests that proxies forward (spec/NODE.md §2).

use std::sync::Arc;

use http::{
    HeaderName, HeaderValue, Method, Request, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES},
};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use ringway::Table;
use ringway_cluster::{Access, Row};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Service,
    body::{self, Memory, unread},
    gate::{check, misdirected},
    head::{condition, expires_date, expires_ms, idempotency_key, row_key},
    reply::{Reply, empty, text, unavailable, with},
};
use crate::{
    clock::Clock,
    engine::{Answered, Condition, Delete, Engine, Executed, Once, Put, Versions, alive},
    metrics::Metrics,
    reconcile::Reconciler,
    rows::Failure,
};

static DEDUP_MS: HeaderName = HeaderName::from_static("ringway-dedup-ms");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const METHODS: &str = "GET, HEAD, PUT, DELETE";

/// The data listener's service.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) shared: Arc<Shared>,
}

/// What both listeners share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) reconciler: Reconciler,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) memory: Memory,
    pub(crate) body_bytes_max: usize,
    pub(crate) dedup: Dedup,
    pub(crate) clock: Clock,
    /// A table without nodes: it turns keys into positions, if the layout is known.
    pub(crate) positions: Option<Table>,
}

/// How long, and how many, answers to requests with an `Idempotency-Key` are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dedup {
    pub(crate) ms_max: u64,
    pub(crate) entries_max: u64,
}

impl Service for Data {
    async fn call(&self, request: Request<Incoming>) -> Reply {
        self.shared.metrics.requests.add();
        let reply = self.shared.answer(request).await;
        match reply.status() {
            StatusCode::MISDIRECTED_REQUEST => self.shared.metrics.misdirected.add(),
            StatusCode::SERVICE_UNAVAILABLE => self.shared.metrics.unavailable.add(),
            _ => {}
        }
        reply
    }
}

/// What a request asks for.
struct Asked {
    method: Verb,
    position: u64,
    epoch: u64,
    key: Vec<u8>,
    condition: Condition,
    /// When the row that is written ends.
    expires_ms: u64,
    /// The `Idempotency-Key` of a write.
    once: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Head,
    Put,
    Delete,
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        if head.method == Method::OPTIONS && head.uri.path() == "*" {
            return unread(self.options(), &head.headers, body);
        }
        let asked = match self.read_head(&head, &body) {
            Ok(asked) => asked,
            Err(reply) => return unread(reply, &head.headers, body),
        };
        if let Err(reply) = self.admit(asked.position, asked.epoch).await {
            return unread(reply, &head.headers, body);
        }
        match asked.method {
            Verb::Get | Verb::Head => unread(self.get(asked).await, &head.headers, body),
            Verb::Delete => unread(self.delete(asked).await, &head.headers, body),
            Verb::Put => {
                // A request that may have been executed before is judged by its body, too.
                if !asked.condition.is_none()
                    && asked.once.is_none()
                    && let Err(reply) = self.precheck(&asked).await
                {
                    return unread(reply, &head.headers, body);
                }
                self.put(asked, body).await
            }
        }
    }

    /// What this node can do: a proxy asks before it sends a write that it may have to repeat.
    fn options(&self) -> Reply {
        let reply = with(empty(StatusCode::NO_CONTENT), ALLOW, HeaderValue::from_static(METHODS));
        with(reply, DEDUP_MS.clone(), self.dedup.ms_max.into())
    }

    /// Everything that the head alone decides.
    fn read_head(&self, head: &http::request::Parts, body: &Incoming) -> Result<Asked, Reply> {
        let bad = |line: String| text(StatusCode::BAD_REQUEST, &line);
        let headers = &head.headers;
        let (position, epoch) = self.place(headers).map_err(bad)?;
        let method = match head.method {
            Method::GET => Verb::Get,
            Method::HEAD => Verb::Head,
            Method::PUT => Verb::Put,
            Method::DELETE => Verb::Delete,
            _ => {
                let reply = text(StatusCode::METHOD_NOT_ALLOWED, "rows know no such method");
                return Err(with(reply, ALLOW, HeaderValue::from_static(METHODS)));
            }
        };
        let key = row_key(head.uri.path()).map_err(bad)?;
        let condition = condition(headers).map_err(bad)?;
        let is_write = matches!(method, Verb::Put | Verb::Delete);
        let once = if is_write { idempotency_key(headers).map_err(bad)? } else { None };
        let mut expires = 0;
        if method == Verb::Put {
            expires = expires_ms(headers).map_err(bad)?;
            if headers.contains_key(CONTENT_RANGE) {
                return Err(bad("a row is written whole: no Content-Range".into()));
            }
            if body.size_hint().lower() > self.body_bytes_max as u64 {
                return Err(body::too_large(self.body_bytes_max));
            }
        }
        Ok(Asked { method, position, epoch, key, condition, expires_ms: expires, once })
    }

    async fn get(&self, asked: Asked) -> Reply {
        let Asked { method, position, epoch, key, condition, .. } = asked;
        let now_ms = self.clock.now_ms();
        let read = self.engine.read(move |rows| {
            if let Err(access) = check(rows, position, epoch)? {
                return Ok(Read::Refused(access));
            }
            // The value is read only if it is sent.
            let Some(head) = rows.head(position, &key)?.filter(|head| head.is_alive(now_ms)) else {
                return Ok(if condition.matches(None) { Read::Missing } else { Read::Failed });
            };
            if !condition.matches(Some(head.version)) {
                return Ok(Read::Failed);
            }
            if !condition.none_match(Some(head.version)) {
                return Ok(Read::Same(head.version, head.expires_ms));
            }
            if method == Verb::Head {
                return Ok(Read::Head(head.version, head.expires_ms, head.value_len));
            }
            Ok(match rows.row(position, &key)? {
                Some(Row { value: Some(value), version, expires_ms, .. }) => {
                    Read::Value(version, expires_ms, value)
                }
                _ => Read::Missing,
            })
        });
        let found = |version, expires_ms, length: u64| {
            let mut reply = ending(tagged(empty(StatusCode::OK), version), expires_ms);
            let headers = reply.headers_mut();
            headers.insert(CONTENT_LENGTH, length.into());
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            reply
        };
        match read.await {
            Ok(Read::Value(version, expires_ms, value)) => {
                found(version, expires_ms, value.len() as u64).map(|_| Full::new(value.into()))
            }
            Ok(Read::Head(version, expires_ms, length)) => found(version, expires_ms, length),
            Ok(Read::Same(version, expires_ms)) => {
                ending(tagged(empty(StatusCode::NOT_MODIFIED), version), expires_ms)
            }
            Ok(Read::Missing) => missing(),
            Ok(Read::Failed) => failed(),
            Ok(Read::Refused(access)) => misdirected(&self.engine.holdings(), position, access),
            Err(failure) => self.hinting(position, unavailable(&failure.to_string())),
        }
    }

    /// Answers for a condition that does not hold before a body is asked for.
    async fn precheck(&self, asked: &Asked) -> Result<(), Reply> {
        let (position, epoch, key) = (asked.position, asked.epoch, asked.key.clone());
        let now_ms = self.clock.now_ms();
        let version = self.engine.read(move |rows| {
            Ok(match check(rows, position, epoch)? {
                Ok(()) => Ok(alive(rows.head(position, &key)?, now_ms)),
                Err(access) => Err(access),
            })
        });
        match version.await {
            Ok(Ok(version)) => {
                let holds = asked.condition.matches(version) && asked.condition.none_match(version);
                if holds { Ok(()) } else { Err(failed()) }
            }
            Ok(Err(access)) => Err(misdirected(&self.engine.holdings(), position, access)),
            Err(failure) => Err(self.hinting(position, unavailable(&failure.to_string()))),
        }
    }

    async fn put(&self, asked: Asked, body: Incoming) -> Reply {
        let Asked { position, epoch, key, condition, expires_ms, once, .. } = asked;
        let held = match body::read(body, self.body_bytes_max, &self.memory).await {
            Ok(held) => held,
            Err(reply) if reply.status() == StatusCode::SERVICE_UNAVAILABLE => {
                return self.hinting(position, reply);
            }
            Err(reply) => return reply,
        };
        let (value, share) = held.into_parts();
        let bytes = value.len() + key.len();
        let now_ms = self.clock.now_ms();
        let once = once.map(|once| {
            self.once(once, now_ms, fingerprint(Verb::Put, &key, &condition, expires_ms, &value))
        });
        let row = Row { position, key, value: Some(value), version: 0, expires_ms };
        let put = Put { epoch, row, condition, now_ms };
        let written = self.engine.write(bytes, move |all, tx| {
            let answered = match once {
                Some(once) => {
                    once.run((position, epoch), now_ms, all, tx, |all, tx| put.run(all, tx))
                }
                None => put.run(all, tx).map(Answered::Now),
            };
            drop(share);
            answered
        });
        self.answered(position, written.await)
    }

    async fn delete(&self, asked: Asked) -> Reply {
        let Asked { position, epoch, key, condition, once, .. } = asked;
        let bytes = key.len();
        let now_ms = self.clock.now_ms();
        let once = once.map(|once| {
            self.once(once, now_ms, fingerprint(Verb::Delete, &key, &condition, 0, b""))
        });
        let delete = Delete { position, epoch, key, condition, now_ms };
        let written = self.engine.write(bytes, move |all, tx| match once {
            Some(once) => {
                once.run((position, epoch), now_ms, all, tx, |all, tx| delete.run(all, tx))
            }
            None => delete.run(all, tx).map(Answered::Now),
        });
        self.answered(position, written.await)
    }

    fn once(&self, key: Vec<u8>, now_ms: u64, fingerprint: u128) -> Once {
        let Dedup { ms_max, entries_max } = self.dedup;
        Once { key, fingerprint, ends_ms: now_ms.saturating_add(ms_max), entries_max }
    }

    fn answered(&self, position: u64, outcome: Result<Answered, Failure>) -> Reply {
        match outcome {
            Ok(Answered::Now(executed)) => self.executed(position, executed),
            Ok(Answered::Kept(executed)) => {
                self.metrics.kept.add();
                self.executed(position, executed)
            }
            Ok(Answered::Before(executed)) => {
                self.metrics.replayed.add();
                let reply = self.executed(position, executed);
                with(reply, REPLAYED.clone(), HeaderValue::from_static("true"))
            }
            Ok(Answered::KeyTaken) => text(
                StatusCode::UNPROCESSABLE_ENTITY,
                "another request was executed under this Idempotency-Key; nothing was executed",
            ),
            Ok(Answered::Full) => self.hinting(
                position,
                unavailable(
                    "this position keeps dedup_entries_max answers for Idempotency-Keys; nothing \
                     was executed",
                ),
            ),
            Err(failure @ Failure::NotExecuted(_)) => {
                self.hinting(position, unavailable(&failure.to_string()))
            }
            Err(failure @ Failure::Unknown(_)) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string())
            }
        }
    }

    fn executed(&self, position: u64, executed: Executed) -> Reply {
        match executed {
            Executed::Created(version) => tagged(empty(StatusCode::CREATED), version),
            Executed::Replaced(version) => tagged(empty(StatusCode::NO_CONTENT), version),
            Executed::Deleted => empty(StatusCode::NO_CONTENT),
            Executed::Missing => missing(),
            Executed::Failed => failed(),
            Executed::Refused(access) => misdirected(&self.engine.holdings(), position, access),
        }
    }
}

/// What a read found: version, expiry, and the value or its length.
enum Read {
    Value(u64, u64, Vec<u8>),
    Head(u64, u64, u64),
    Same(u64, u64),
    Missing,
    Failed,
    Refused(Access),
}

fn tagged(reply: Reply, version: u64) -> Reply {
    let tag = HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes");
    with(reply, ETAG, tag)
}

/// The reply with the date when the row ends, if it does.
fn ending(reply: Reply, expires_ms: u64) -> Reply {
    if expires_ms == 0 {
        return reply;
    }
    let date = HeaderValue::try_from(expires_date(expires_ms)).expect("a date is ASCII");
    with(reply, EXPIRES, date)
}

/// XXH3-128 of all that a write asks for; numbers and lengths keep the parts apart.
fn fingerprint(
    verb: Verb,
    key: &[u8],
    condition: &Condition,
    expires_ms: u64,
    value: &[u8],
) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&[u8::from(verb == Verb::Put)]);
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key);
    for versions in [&condition.matches, &condition.none_match] {
        match versions {
            None => hash.update(&[0]),
            Some(Versions::Any) => hash.update(&[1]),
            Some(Versions::Of(versions)) => {
                hash.update(&[2]);
                hash.update(&(versions.len() as u64).to_le_bytes());
                versions.iter().for_each(|version| hash.update(&version.to_le_bytes()));
            }
        }
    }
    hash.update(&expires_ms.to_le_bytes());
    hash.update(value);
    hash.digest128()
}

fn missing() -> Reply {
    text(StatusCode::NOT_FOUND, "there is no such row")
}

fn failed() -> Reply {
    text(StatusCode::PRECONDITION_FAILED, "If-Match or If-None-Match does not hold")
}
