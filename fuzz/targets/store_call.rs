//! What nodes say to the store: any request is answered in words, and a segment changes by nothing
//! but the three steps that a node may take: to claim, to abort its move, to end one.
#![no_main]

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use arbitrary::Arbitrary;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use libfuzzer_sys::fuzz_target;
use ringway_cluster::{
    Incarnation, MapStore as _, Phase, Record, RecordKey, SegmentRecord, StoredSegment, Transaction,
};
use ringway_store::{MemoryStore, NodeStoreService};

const TOKEN: &str = "a token of nodes";

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    /// As it comes.
    Raw {
        method: u8,
        target: &'a str,
        token: Option<&'a [u8]>,
        body: &'a [u8],
    },
    /// A body on its way to the right place.
    Body(&'a [u8]),
    /// A change that is nearly right, or is.
    Replace {
        id: u8,
        node: u8,
        incarnation: u8,
        off: u8,
        phase: u8,
        epoch: i8,
        wrong: u16,
    },
    Read(u8, u64, u64),
}

const NODES: [&str; 3] = ["a", "b", "c"];

fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bits(u128::from(number % 4))
}

fn phase(number: u8) -> Phase {
    match number % 4 {
        0 => Phase::Born,
        1 => Phase::Idle,
        2 => Phase::Moving { to: "b".into(), to_incarnation: incarnation(1) },
        _ => Phase::Done,
    }
}

/// One segment of each phase for each of two nodes.
fn filled() -> MemoryStore {
    let store = MemoryStore::default();
    let writes = (0..8_u8).map(|number| {
        let owner = number / 4;
        let record = SegmentRecord {
            lo: u64::from(number) * 10,
            hi: u64::from(number) * 10 + 9,
            owner: NODES[usize::from(owner)].into(),
            incarnation: (number % 4 != 0).then(|| incarnation(owner)),
            epoch: 1,
            attempt: 0,
            phase: phase(number),
        };
        (RecordKey::Segment(u64::from(number)), Some(Record::Segment(record)))
    });
    let transaction = Transaction { expect: vec![], writes: writes.collect() };
    now(store.commit(transaction)).expect("a sound map");
    store
}

/// A store in memory never waits, nor does a body that is there.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn segments(store: &MemoryStore) -> Vec<StoredSegment> {
    now(store.segments(0, u64::MAX)).expect("in memory").1
}

fn request(call: &Call<'_>, before: &[StoredSegment]) -> Option<Request<Full<Bytes>>> {
    let good = format!("Bearer {TOKEN}");
    let post = |body: Vec<u8>| {
        let request = Request::post("/store/cas").header("authorization", &good);
        request.body(Full::new(body.into())).ok()
    };
    match *call {
        Call::Raw { method, target, token, body } => {
            let method = ["GET", "POST", "PUT", "HEAD"][usize::from(method % 4)];
            let mut request = Request::builder().method(method).uri(target);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            request.body(Full::new(Bytes::copy_from_slice(body))).ok()
        }
        Call::Body(body) => post(body.into()),
        Call::Replace { id, node, incarnation: is, off, phase: to, epoch, wrong } => {
            let old = &before[usize::from(id) % before.len()];
            let mut record = SegmentRecord { phase: phase(to), ..old.record.clone() };
            record.epoch = record.epoch.saturating_add_signed(epoch.into());
            if record.phase == Phase::Idle && wrong & 64 == 0 {
                record.incarnation = Some(incarnation(is));
            }
            let (id, mut revision) = (old.id, old.revision);
            // Most are right in most.
            match wrong {
                1 => record.lo = record.lo.wrapping_sub(off.into()),
                2 => record.hi = record.hi.wrapping_add(off.into()),
                3 => record.owner = NODES[usize::from(off % 3)].into(),
                4 => record.attempt += u64::from(off),
                5 => revision = revision.wrapping_add(off.into()),
                6 => record.incarnation = None,
                _ => {}
            }
            let key = RecordKey::Segment(id);
            let record = Record::Segment(record).to_json();
            assert!(Record::from_json(&key, &record).is_ok() || wrong > 0);
            let (node, incarnation) = (NODES[usize::from(node % 3)], incarnation(is));
            post(
                format!(
                    r#"{{"node":"{node}","incarnation":"{incarnation}","id":{id},"revision":{revision},"record":{record}}}"#
                )
                .into(),
            )
        }
        Call::Read(kind, one, other) => {
            let target = match kind % 4 {
                0 => "/store/seg".into(),
                1 => format!("/store/seg?position={one}"),
                2 => format!("/store/seg?after={}", one % 16),
                _ => format!("/store/seg?lo={one}&hi={other}"),
            };
            let request = Request::get(target).header("authorization", &good);
            request.body(Full::default()).ok()
        }
    }
}

/// Claims of born segments, an end of one's own move, or of one to oneself: no more, and nothing else.
fn may_become(old: &SegmentRecord, new: &SegmentRecord) -> bool {
    let epochs = u64::from(matches!(old.phase, Phase::Moving { .. }));
    let is_claim = old.phase == Phase::Born && old.incarnation.is_none();
    new.phase == Phase::Idle
        && old.phase != Phase::Idle
        && (new.lo, new.hi, &new.owner, new.attempt) == (old.lo, old.hi, &old.owner, old.attempt)
        && new.epoch == old.epoch + epochs
        && new.incarnation.is_some()
        && (is_claim || new.incarnation == old.incarnation)
}

fuzz_target!(|calls: Vec<Call<'_>>| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let store = filled();
    let service = NodeStoreService::new(store.clone(), TOKEN).with_poll_time_max(Duration::ZERO);
    for call in calls.iter().take(32) {
        let before = segments(&store);
        let Some(request) = request(call, &before) else { continue };
        let (is_post, is_known) = (
            request.method() == "POST",
            request.headers().get("authorization").is_some_and(|given| {
                given
                    .as_bytes()
                    .split_at_checked(7)
                    .is_some_and(|(_, token)| token == TOKEN.as_bytes())
            }),
        );
        let (status, body) = runtime.block_on(async {
            let (head, body) = service.answer(request).await.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes());
            (head.status.as_u16(), body.unwrap_or_else(|never: Infallible| match never {}))
        });
        let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
        assert!(is_json, "{status}: {body:?}");
        assert!(
            matches!(status, 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 503),
            "{status}: {body:?}"
        );
        assert!(is_known || status == 401, "{status} without the token");
        // Who has seen more than there is waits for a store that was restored, and is told so.
        assert!(status != 503 || !is_post, "{status}: {body:?}");
        let after = segments(&store);
        assert_eq!(before.len(), after.len());
        let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
        assert_eq!(changed.len(), usize::from(is_post && status == 200), "{call:?}: {status}");
        for (old, new) in changed {
            assert!(old.id == new.id && old.revision < new.revision);
            assert!(may_become(&old.record, &new.record), "{old:?} became {new:?}");
        }
    }
});
