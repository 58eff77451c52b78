//! What the head allowed may be over when the rows are reached: a store that waits for the test.

mod support;

use std::sync::{Arc, Condvar, Mutex};

use ringway_node::{Failure, Look, MemoryStore, NodeOptions, RowReader, RowStore, RowWriter};
use support::{Map, TestNode, born};

/// Readers wait here, and are counted.
#[derive(Clone, Default)]
struct Gate {
    state: Arc<(Mutex<(bool, usize)>, Condvar)>,
}

impl Gate {
    fn set_closed(&self, is_closed: bool) {
        self.state.0.lock().expect("no panic").0 = is_closed;
        self.state.1.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.0.lock().expect("no panic");
        state.1 += 1;
        while state.0 {
            state = self.state.1.wait(state).expect("no panic");
        }
        state.1 -= 1;
    }

    fn waiting(&self) -> usize {
        self.state.0.lock().expect("no panic").1
    }
}

struct GatedStore(MemoryStore, Gate);

struct GatedReader(Box<dyn RowReader>, Gate);

impl RowStore for GatedStore {
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure> {
        self.0.writer()
    }

    fn reader(&self) -> Result<Box<dyn RowReader>, Failure> {
        Ok(Box::new(GatedReader(self.0.reader()?, self.1.clone())))
    }
}

impl RowReader for GatedReader {
    fn snapshot(&mut self, look: &mut Look<'_>) -> Result<(), Failure> {
        self.1.pass();
        self.0.snapshot(look)
    }
}

#[test]
fn a_read_that_began_before_a_freeze_or_a_move_is_refused() {
    let map = Map::new(&[born(0, 99, "a")]);
    let gate = Gate::default();
    let rows = GatedStore(MemoryStore::new("a").expect("random numbers"), gate.clone());
    let node = TestNode::start_on(Box::new(rows), "a", &map, NodeOptions::default());
    node.until("claimed", |node| node.standing(0) == "owned");
    assert_eq!(node.put("/x", (7, 1), "v"), 201);
    let refused_while = |epoch: u64, meanwhile: &dyn Fn(), here: &str, frozen| {
        gate.set_closed(true);
        let (position, epoch) = ("Ringway-Position: 7", format!("Ringway-Epoch: {epoch}"));
        let mut clients = ["GET", "HEAD", "PUT"].map(|method| (method, node.client()));
        for (method, client) in &mut clients {
            // A precondition makes a PUT read before its body is asked for.
            client.send(method, "/x", &[position, &epoch, "If-Match: *"], b"");
        }
        support::wait_until("all three wait", || gate.waiting() == 3);
        meanwhile();
        gate.set_closed(false);
        for (method, client) in &mut clients {
            let answer = client.answer(method);
            assert_eq!((answer.status, answer.header("ringway-epoch")), (421, Some(here)));
            assert_eq!(answer.header("ringway-frozen"), frozen, "{method}");
        }
    };
    // Still the owner, but under another epoch.
    let raise = || {
        map.change(1, |record| record.epoch = 2);
        node.until("raised", |node| node.status()["ranges"][0]["epoch"] == 2);
    };
    refused_while(1, &raise, "2", None);
    let freeze = || assert_eq!(node.call("freeze", (0, 99, 2, 0), "", b"").status, 200);
    refused_while(2, &freeze, "2", Some("1"));
    map.change(1, |record| record.epoch = 3);
    node.until("unfrozen", |node| node.standing(0) == "owned");
    let lose = || {
        map.change(1, |record| {
            record.owner = "b".into();
            record.epoch = 4;
        });
        node.until("another's", |node| node.standing(0) == "foreign");
    };
    refused_while(3, &lose, "4", None);
}
