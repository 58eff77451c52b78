//! Nodes that a stranger might write: of every level, and with the faults that one might make.

mod table;
mod wire;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use ringway_cluster::{
    Access, CallError, Fence, Frame, FrameReader, Holding, Holdings, Incarnation, Phase,
    Reconciled, Refusal, Row, Rows, SegmentRecord, Standing, Tally,
};
use serde_json::{Value, json};

use self::{
    table::{Key, Table},
    wire::{cursor, misdirected, paged, query, refused, summary},
};
use crate::http::{Answer, Request, ask, serve};

pub(crate) const TOKEN: &str = "nodes-of-tests-0123456789";
const NAME: &str = "stranger";
const INCARNATION: Incarnation = Incarnation::from_bits(7);

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    ServesFrozen,
    ForgetsSeal,
    AcceptsStale,
    LosesTombstones,
    StageWipes,
    TrustsEpochs,
    ForgetsDeletes,
    KeepsOldRows,
    ReadsBodiesFirst,
}

/// A plain HTTP server: it keeps what is put, and knows no Ringway.
pub(crate) fn level0() -> SocketAddr {
    let files: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::default();
    serve(move |request| {
        let body = request.body();
        let mut files = files.lock().expect("no panic");
        match (&*request.method, files.get(&request.path).cloned()) {
            ("PUT", _) => {
                files.insert(request.path.clone(), body);
                Answer::new(201, "")
            }
            ("GET", Some(file)) => Answer::new(200, file),
            ("GET", None) => Answer::new(404, ""),
            _ => Answer::new(405, ""),
        }
    })
}

/// Data and control address of a node of level 1 to 3 that follows the store at `store`.
pub(crate) fn start(store: SocketAddr, level: u8, fault: Fault) -> (SocketAddr, SocketAddr) {
    let node = Arc::new(Node {
        state: Mutex::new(State {
            holdings: Holdings::new(NAME.into(), INCARNATION, []),
            table: Table { fault, ..Table::default() },
        }),
        store,
        level,
        fault,
    });
    let for_data = Arc::clone(&node);
    let data = serve(move |request| for_data.data(request));
    let control = serve(move |request| node.control(request));
    (data, control)
}

struct State {
    holdings: Holdings,
    table: Table,
}

struct Node {
    state: Mutex<State>,
    store: SocketAddr,
    level: u8,
    fault: Fault,
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Reads the store and applies what it says; `Err` if it can't be read or names no directory
    /// of this node.
    fn reconcile(&self, lo: u64, hi: u64) -> Result<(), String> {
        let target = format!("/store/seg?lo={lo}&hi={hi}");
        let (status, body) = ask(self.store, TOKEN, "GET", &target, "").ok_or("no store")?;
        if status != 200 {
            return Err(format!("the store answered {status}"));
        }
        let json: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        for segment in json["segments"].as_array().ok_or("no segments")? {
            let mut record: SegmentRecord =
                serde_json::from_value(segment["record"].clone()).map_err(|e| e.to_string())?;
            let mut state = self.lock();
            let State { holdings, table } = &mut *state;
            let Ok(outcome) = holdings.reconcile(&record, table);
            match outcome {
                Reconciled::Claim => {
                    let _ = holdings.claim(&record, table);
                    drop(state);
                    record.phase = Phase::Idle;
                    record.incarnation = Some(INCARNATION);
                    let swap = json!({
                        "node": NAME, "incarnation": INCARNATION, "id": segment["id"],
                        "revision": segment["revision"], "record": record,
                    });
                    ask(self.store, TOKEN, "POST", "/store/cas", &swap.to_string());
                    return self.reconcile(lo, hi);
                }
                Reconciled::IncarnationMismatch | Reconciled::Unclear => {
                    return Err(format!("{outcome:?}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn data(&self, request: &mut Request) -> Answer {
        let number = |name: &str| match request.all(name)[..] {
            [value] if value.bytes().all(|byte| byte.is_ascii_digit()) => value.parse::<u64>().ok(),
            _ => None,
        };
        let (Some(position), Some(epoch)) = (number("ringway-position"), number("ringway-epoch"))
        else {
            return Answer::new(400, "Ringway-Position and Ringway-Epoch");
        };
        if self.fault == Fault::ReadsBodiesFirst {
            request.body();
        }
        if self.level > 1
            && let Err(refused) = self.admit(position, epoch)
        {
            return refused;
        }
        let body = request.body();
        let mut state = self.lock();
        let State { holdings, table } = &mut *state;
        // Ownership once more, in what stands for the transaction.
        let access = holdings.check(position, epoch);
        let served = access == Access::Serve
            || self.level == 1
            || self.fault == Fault::TrustsEpochs
            || (self.fault == Fault::ServesFrozen && access == Access::Frozen);
        if !served {
            return misdirected(holdings, position);
        }
        if self.level == 1 && holdings.find(position).is_none() {
            take_over(holdings, table, position);
        }
        // Rows of clients begin with a zero byte, as in the default node.
        let key = (position, request.path.replacen('/', "\0", 1).into_bytes());
        if request.method == "GET" {
            return match table.rows.get(&key) {
                Some(row) => Answer::new(200, row.value.clone().unwrap_or_default()),
                None => Answer::new(404, ""),
            };
        }
        let Some(holding) = holdings.find_mut(position) else {
            return Answer::new(421, "");
        };
        holding.sequence += 1;
        let version = holding.sequence;
        let old = table.rows.remove(&key);
        if let (Some(old), Some(tally)) = (&old, &mut holding.tally) {
            tally.remove(old.digest());
        }
        if request.method == "PUT" {
            let row =
                Row { position, key: key.1.clone(), value: Some(body), version, expires_ms: 0 };
            if let Some(tally) = &mut holding.tally {
                tally.add(row.digest());
            }
            table.rows.insert(key.clone(), row);
        } else if self.fault == Fault::ForgetsDeletes {
            return Answer::new(204, "");
        }
        table.log.insert(key, version);
        Answer::new(if old.is_some() { 204 } else { 201 }, "")
    }

    fn admit(&self, position: u64, epoch: u64) -> Result<(), Answer> {
        let here = match self.lock().holdings.check(position, epoch) {
            Access::Serve => return Ok(()),
            Access::Frozen if self.fault == Fault::ServesFrozen => return Ok(()),
            Access::Frozen => epoch,
            Access::Misdirected { epoch } => epoch,
        };
        if here < epoch
            && let Err(reason) = self.reconcile(position, position)
        {
            return Err(Answer::new(503, reason).with("Retry-After", 1));
        }
        let state = self.lock();
        match state.holdings.check(position, epoch) {
            Access::Serve => Ok(()),
            _ if self.fault == Fault::TrustsEpochs => Ok(()),
            _ => Err(misdirected(&state.holdings, position)),
        }
    }

    fn control(&self, request: &mut Request) -> Answer {
        if request.all("authorization") != [format!("Bearer {TOKEN}")] {
            return Answer::new(401, "");
        }
        if request.path == "/v1/status" {
            return self.status(request);
        }
        let Some(call) = request.path.strip_prefix("/v1/").map(str::to_owned) else {
            return Answer::new(404, "");
        };
        let known: &[&str] = match &*call {
            "export" => &["bytes_max", "after_position", "after_key"],
            "delta" if self.level > 2 => &["bytes_max", "since"],
            "freeze" | "unfreeze" if self.level > 1 => &[],
            "stage" | "import" | "digest" | "activate" | "wipe" | "drop" => &[],
            _ => return Answer::new(404, "there is no such call"),
        };
        let query = match query(request, known) {
            Ok(query) => query,
            Err(reason) => return Answer::new(400, reason),
        };
        let of = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
        let (Some(lo), Some(hi), Some(epoch), Some(attempt)) =
            (of("lo"), of("hi"), of("epoch"), of("attempt"))
        else {
            return Answer::new(400, "the fence");
        };
        let Some(incarnation) = query.get("incarnation").and_then(|text| text.parse().ok()) else {
            return Answer::new(400, "the incarnation");
        };
        let mut fence = Fence { lo, hi, epoch, attempt, incarnation };
        let body = request.body();
        for again in [false, true] {
            if self.level == 1 {
                // It knows no epochs: whatever it is told holds.
                self.believe(&call, &fence);
            }
            match self.call(&call, &fence, &query, &body) {
                Err(Refusal::Ahead { .. }) if !again => {
                    if let Err(reason) = self.reconcile(lo, hi) {
                        return Answer::new(503, reason).with("Retry-After", 1);
                    }
                }
                Err(Refusal::Stale { epoch, attempt })
                    if self.fault == Fault::AcceptsStale && !again =>
                {
                    (fence.epoch, fence.attempt) = (epoch, attempt);
                }
                Err(refusal) => return refused(&refusal),
                Ok(answer) => return answer,
            }
        }
        Answer::new(409, "")
    }

    /// A node of level 1 follows the epochs of its calls.
    fn believe(&self, call: &str, fence: &Fence) {
        let mut state = self.lock();
        let State { holdings, .. } = &mut *state;
        let Fence { lo, hi, epoch, attempt, .. } = *fence;
        let known = holdings.find(lo).filter(|holding| holding.hi == hi).cloned();
        let mut holding = known.unwrap_or(Holding {
            lo,
            hi,
            epoch,
            attempt,
            standing: Standing::Foreign { garbage: true },
            claim: None,
            sequence: 0,
            tally: None,
            logged_since: None,
        });
        if epoch > holding.epoch {
            holding.epoch = epoch;
            holding.attempt = attempt;
        }
        match call {
            "activate" if matches!(holding.standing, Standing::Sealed { .. }) => {
                holding.standing = Standing::Owned;
            }
            "stage" | "drop" if holding.standing == Standing::Owned => {
                holding.standing = Standing::Foreign { garbage: true };
            }
            "export" => holding.standing = Standing::Owned,
            _ => {}
        }
        *holdings = Holdings::new(NAME.into(), INCARNATION, [holding]);
    }

    fn call(
        &self,
        call: &str,
        fence: &Fence,
        query: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        let State { holdings, table } = &mut *state;
        let nothing = || Answer::new(200, "{}");
        Ok(match call {
            "stage" => {
                if self.fault == Fault::StageWipes
                    && holdings.find(fence.lo).is_some_and(|holding| {
                        holding.standing == Standing::Staging { attempt: fence.attempt }
                    })
                {
                    // As if it had never been staged.
                    let mut holding = holdings.find(fence.lo).cloned().expect("looked at");
                    holding.standing = Standing::Foreign { garbage: true };
                    *holdings = Holdings::new(NAME.into(), INCARNATION, [holding]);
                }
                done(holdings.stage(fence, table))?;
                nothing()
            }
            "import" => {
                let mut reader = FrameReader::new(1 << 20);
                reader.push(body);
                let mut rows = Vec::new();
                let mut sequence = 0;
                loop {
                    match reader.next_frame() {
                        Ok(Some(Frame::Row(row))) => rows.push(row),
                        Ok(Some(Frame::End(end))) => sequence = end.sequence,
                        Ok(None) => break,
                        Err(error) => return Ok(Answer::new(400, error.to_string())),
                    }
                }
                if let Err(error) = reader.finish() {
                    return Ok(Answer::new(400, error.to_string()));
                }
                match done(holdings.import(fence, &rows, sequence, table)) {
                    Err(Refusal::State(reason))
                        if self.fault == Fault::ForgetsSeal && reason.contains("sealed") =>
                    {
                        let mut tally = Tally::default();
                        for row in &rows {
                            let Ok(()) = table.import(row, &mut tally);
                        }
                        nothing()
                    }
                    outcome => {
                        outcome?;
                        Answer::new(200, json!({ "rows": rows.len() }).to_string())
                    }
                }
            }
            "digest" => summary(&done(holdings.seal(fence, table))?),
            "freeze" => summary(&done(holdings.freeze(fence, table))?),
            "activate" => {
                holdings.activate(fence)?;
                nothing()
            }
            "unfreeze" => {
                holdings.unfreeze(fence)?;
                nothing()
            }
            "wipe" => {
                done(holdings.wipe(fence, table))?;
                nothing()
            }
            "drop" => {
                let record = SegmentRecord {
                    lo: fence.lo,
                    hi: fence.hi,
                    owner: "another".into(),
                    incarnation: None,
                    epoch: fence.epoch,
                    attempt: fence.attempt,
                    phase: Phase::Idle,
                };
                if self.level == 1 {
                    let Ok(()) = table.delete(fence.lo, fence.hi);
                } else {
                    done(holdings.drop_rows(&record, table))?;
                }
                nothing()
            }
            "export" => {
                let summary = done(holdings.export(fence, table))?;
                let after = cursor(query);
                let rows = table.of(fence.lo, fence.hi);
                let rows = rows.into_iter().filter(|row| {
                    after.as_ref().is_none_or(|a| *a < (row.position, row.key.clone()))
                });
                paged(rows, query, summary.sequence, false)
            }
            "delta" => {
                let since = query["since"].parse().unwrap_or(0);
                let sequence = holdings.delta(fence, since)?;
                let mut log: Vec<(u64, Key)> = table
                    .log
                    .iter()
                    .filter(|((position, _), version)| {
                        *position >= fence.lo && *position <= fence.hi && **version > since
                    })
                    .map(|(key, version)| (*version, key.clone()))
                    .collect();
                log.sort();
                let rows = log.into_iter().map(|(version, key)| {
                    let gone = Row {
                        position: key.0,
                        key: key.1.clone(),
                        value: None,
                        version,
                        expires_ms: 0,
                    };
                    table.rows.get(&key).cloned().unwrap_or(gone)
                });
                let rows: Vec<Row> = rows.collect();
                paged(rows.into_iter(), query, sequence, true)
            }
            _ => Answer::new(404, ""),
        })
    }

    fn status(&self, request: &Request) -> Answer {
        let of = |name: &str| {
            let found = request.query.iter().find(|(known, _)| known == name);
            found.and_then(|(_, value)| value.parse::<u64>().ok())
        };
        let state = self.lock();
        let mut status = json!({
            "name": NAME, "incarnation": INCARNATION, "level": self.level, "ranges": [],
        });
        if let (Some(lo), Some(hi), Some(rows_max)) = (of("lo"), of("hi"), of("rows_max")) {
            let rows = state.table.of(lo, hi);
            let step = usize::try_from(rows_max).expect("small");
            let cuts = rows.iter().skip(step).step_by(step).map(|row| row.position);
            status["cuts"] = cuts.collect::<Vec<u64>>().into();
        }
        Answer::new(200, status.to_string())
    }
}

/// A node of level 1 owns whatever it is asked for.
fn take_over(holdings: &mut Holdings, table: &mut Table, position: u64) {
    let middle = u64::from(u32::MAX) / 2;
    let (lo, hi) = if position <= middle { (0, middle) } else { (middle + 1, u64::from(u32::MAX)) };
    let record = SegmentRecord {
        lo,
        hi,
        owner: NAME.into(),
        incarnation: Some(INCARNATION),
        epoch: 1,
        attempt: 0,
        phase: Phase::Born,
    };
    let _ = holdings.claim(&record, table);
    let Ok(_) = holdings.reconcile(&SegmentRecord { phase: Phase::Idle, ..record }, table);
}

fn done<T>(outcome: Result<T, CallError<Infallible>>) -> Result<T, Refusal> {
    outcome.map_err(|error| match error {
        CallError::Refused(refusal) => refusal,
        CallError::Rows(never) => match never {},
    })
}
