//! What the head allowed may be over when the rows are reached: a store that waits for the test.

mod support;

use std::sync::{Arc, Condvar, Mutex};

use ringway_cluster::Holdings;
use ringway_node::{Failure, Look, MemoryStore, NodeOptions, RowReader, RowStore, RowWriter, Work};
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

/// Readers wait at the first gate, writers at the second one, with their transaction begun and not
/// yet committed.
struct GatedStore(MemoryStore, Gate, Gate);

struct GatedWriter(Box<dyn RowWriter>, Gate);

impl RowWriter for GatedWriter {
    fn load(&mut self) -> Result<Holdings, Failure> {
        self.0.load()
    }

    fn transact(&mut self, work: &mut Work<'_>) -> Result<(), Failure> {
        let gate = &self.1;
        self.0.transact(&mut |rows| {
            work(rows)?;
            gate.pass();
            Ok(())
        })
    }
}

struct GatedReader(Box<dyn RowReader>, Gate);

impl RowStore for GatedStore {
    fn writer(&self) -> Result<Box<dyn RowWriter>, Failure> {
        Ok(Box::new(GatedWriter(self.0.writer()?, self.2.clone())))
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
    let rows =
        GatedStore(MemoryStore::new("a").expect("random numbers"), gate.clone(), Gate::default());
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

/// The position that a destination has to reach is read after the writes that had begun have ended,
/// or one of them would be acknowledged and left behind.
#[test]
fn a_freeze_counts_the_write_that_had_begun() {
    let map = Map::new(&[born(0, 99, "a")]);
    let gate = Gate::default();
    let memory = MemoryStore::new("a").expect("random numbers");
    let rows = GatedStore(memory, Gate::default(), gate.clone());
    let node = TestNode::start_on(Box::new(rows), "a", &map, NodeOptions::default());
    node.until("claimed", |node| node.standing(0) == "owned");
    assert_eq!(node.put("/before", (7, 1), "v"), 201);
    gate.set_closed(true);
    let mut client = node.client();
    client.send("PUT", "/x", &["Ringway-Position: 7", "Ringway-Epoch: 1"], b"v");
    support::wait_until("the write has begun", || gate.waiting() == 1);
    std::thread::scope(|scope| {
        let freeze = scope.spawn(|| node.call("freeze", (0, 99, 1, 0), "", b""));
        // The freeze is on its way; however long it is, it may not overtake the write.
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!freeze.is_finished(), "frozen while a write had begun");
        gate.set_closed(false);
        let written = client.answer("PUT");
        assert_eq!((written.status, written.header("etag")), (201, Some("\"2\"")));
        let summary = freeze.join().expect("no panic").json();
        assert_eq!((&summary["sequence"], &summary["rows"]), (&2.into(), &2.into()), "{summary}");
    });
    // What comes after it is refused, and changes nothing.
    client.send("PUT", "/y", &["Ringway-Position: 7", "Ringway-Epoch: 1"], b"v");
    assert_eq!(client.answer("PUT").status, 421);
}
