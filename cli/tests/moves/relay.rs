//! A relay before a node's control listener: it sees every call of a move, and can do something at
//! exactly one of them. So a test kills a process at a known step without a hook in the product.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Where in a call the trigger fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the node sees the call.
    Before,
    /// After the node has answered, before the coordinator hears of it.
    After,
}

type Shot = Box<dyn FnOnce() + Send>;

/// Fires once, at the first call of that name.
pub(crate) struct Trigger {
    pub(crate) call: &'static str,
    pub(crate) moment: Moment,
    pub(crate) shot: Shot,
}

/// What the relays of a cluster wait for, and what they saw.
#[derive(Default)]
pub(crate) struct Watch {
    trigger: Mutex<Option<Trigger>>,
    calls: Mutex<Vec<String>>,
}

impl Watch {
    pub(crate) fn arm(&self, trigger: Trigger) {
        *self.trigger.lock().unwrap() = Some(trigger);
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.trigger.lock().unwrap().is_none()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|seen| *seen == call).count()
    }

    fn sees(&self, call: &str, moment: Moment) {
        let fitting = |trigger: &Trigger| trigger.call == call && trigger.moment == moment;
        let shot = self.trigger.lock().unwrap().take_if(|trigger| fitting(trigger));
        if let Some(trigger) = shot {
            (trigger.shot)();
        }
    }
}

/// Relays connections to `node` for as long as the test's process lives.
pub(crate) fn start(node: SocketAddr, watch: Arc<Watch>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let watch = Arc::clone(&watch);
            thread::spawn(move || {
                // A broken connection is what the coordinator has to live with.
                let _ = relay(client, node, &watch);
            });
        }
    });
    address
}

/// One request of a connection; then it is closed.
fn relay(mut client: TcpStream, node: SocketAddr, watch: &Watch) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut request = Vec::new();
    let end = loop {
        let mut bytes = [0; 65_536];
        let count = client.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&bytes[..count]);
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end
            && request.len() >= end + 4 + content_length(&request[..end])
        {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let call = path.trim_start_matches("/v1/").split('?').next().unwrap_or_default().to_owned();
    watch.calls.lock().unwrap().push(call.clone());
    watch.sees(&call, Moment::Before);
    let mut server = TcpStream::connect_timeout(&node, Duration::from_secs(2))?;
    server.set_nodelay(true)?;
    server.write_all(head.as_bytes())?;
    server.write_all(b"\r\nConnection: close")?;
    server.write_all(&request[end..])?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    watch.sees(&call, Moment::After);
    client.write_all(&answer)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    lengths.next_back().unwrap_or(0)
}
