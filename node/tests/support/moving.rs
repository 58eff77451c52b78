//! A coordinator in small.

use std::net::SocketAddr;

use ringway_cluster::{Incarnation, Phase, SegmentRecord};

use super::{Answer, Client, Fence, Map, TOKEN, TestNode};

/// A node that takes control calls.
pub trait Movable {
    fn name(&self) -> &str;
    fn control_address(&self) -> SocketAddr;
    fn incarnation(&self) -> Incarnation;

    /// A control call with a fence and further parameters.
    fn call(&self, call: &str, fence: Fence, more: &str, body: &[u8]) -> Answer {
        let method = if matches!(call, "export" | "delta") { "GET" } else { "POST" };
        let (lo, hi, epoch, attempt) = fence;
        let target = format!(
            "/v1/{call}?lo={lo}&hi={hi}&epoch={epoch}&attempt={attempt}&incarnation={}{more}",
            self.incarnation()
        );
        let token = format!("Authorization: Bearer {TOKEN}");
        Client::connect(self.control_address()).request(method, &target, &[&token], body)
    }
}

impl Movable for TestNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn control_address(&self) -> SocketAddr {
        self.control
    }

    fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}

/// Drives one move of segment 1 from `from` to `to`, the way a coordinator does.
pub fn move_over(map: &Map, from: &impl Movable, to: &impl Movable) {
    move_over_with(map, from, to, |_| {});
}

/// As [`move_over`]; `between` is called with the step that was just done.
pub fn move_over_with(
    map: &Map,
    from: &impl Movable,
    to: &impl Movable,
    mut between: impl FnMut(&str),
) {
    let record = start(map, to);
    let fence = fence_of(&record);
    ok(to.call("stage", fence, "", b""));
    between("stage");
    let mut cursor = String::new();
    let mut since = None;
    loop {
        let page = ok(from.call("export", fence, &format!("&bytes_max=3000{cursor}"), b""));
        ok(to.call("import", fence, "", &page.body));
        let (_, end) = page.frames();
        since.get_or_insert(end.sequence);
        let Some((position, key)) = end.cursor else { break };
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        cursor = format!("&after_position={position}&after_key={key}");
    }
    between("export");
    let mut since = since.expect("at least one page");
    let mut catch_up = |rounds: usize| {
        for _ in 0..rounds {
            loop {
                let page = format!("&since={since}&bytes_max=3000");
                let page = ok(from.call("delta", fence, &page, b""));
                ok(to.call("import", fence, "", &page.body));
                let (_, end) = page.frames();
                since = end.sequence;
                if end.cursor.is_none() {
                    break;
                }
            }
        }
    };
    catch_up(3);
    let frozen = ok(from.call("freeze", fence, "", b"")).json();
    between("freeze");
    catch_up(1);
    let sealed = ok(to.call("digest", fence, "", b"")).json();
    assert_eq!(sealed, frozen);
    let record = map.change(1, |record| {
        record.owner = to.name().into();
        record.incarnation = Some(to.incarnation());
        record.epoch += 1;
        record.phase = Phase::Done;
    });
    ok(to.call("activate", fence_of(&record), "", b""));
    map.change(1, |record| record.phase = Phase::Idle);
}

/// Makes segment 1 moving to `to`.
pub fn start(map: &Map, to: &impl Movable) -> SegmentRecord {
    let to_incarnation = to.incarnation();
    map.change(1, |record| {
        record.attempt += 1;
        record.phase = Phase::Moving { to: to.name().into(), to_incarnation };
    })
}

/// The fence of calls for that record.
pub fn fence_of(record: &SegmentRecord) -> Fence {
    (record.lo, record.hi, record.epoch, record.attempt)
}

/// The answer, which must be 200.
pub fn ok(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer
}
