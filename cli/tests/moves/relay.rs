//! Relays before each node's control listener and before the store for nodes: they see every call,
//! can do something at exactly one of them, hold it back, repeat it late, or cut the way. So a test
//! kills a process at a known step without a hook in the product.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
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
    /// The node never sees it, until the test delivers it late.
    Instead,
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
    calls: Mutex<Vec<Call>>,
    held: Mutex<Option<Call>>,
}

/// A call that came, whether or not it was passed on.
#[derive(Clone)]
struct Call {
    name: String,
    node: SocketAddr,
    request: Vec<u8>,
}

impl Call {
    fn deliver(&self) -> u16 {
        let answer = pass_on(self.node, &self.request).unwrap();
        let status = String::from_utf8_lossy(&answer);
        status.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Whether a way is cut: what is sent gets lost, and nobody is told.
pub(crate) type Cut = Arc<AtomicBool>;

impl Watch {
    pub(crate) fn arm(&self, trigger: Trigger) {
        *self.trigger.lock().unwrap() = Some(trigger);
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.trigger.lock().unwrap().is_none()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|seen| seen.name == call).count()
    }

    /// Delivers calls again in their order; what the nodes answer.
    pub(crate) fn deliver(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, u16)> {
        let calls = self.calls.lock().unwrap().clone();
        let wanted = calls.into_iter().filter(|call| is_wanted(&call.name));
        wanted.map(|call| (call.name.clone(), call.deliver())).collect()
    }

    /// Delivers the call that was held back; what the node answers.
    pub(crate) fn deliver_held(&self) -> Option<u16> {
        self.held.lock().unwrap().take().map(|call| call.deliver())
    }

    /// Whether it was the moment.
    fn sees(&self, call: &str, moment: Moment) -> bool {
        let fitting = |trigger: &Trigger| trigger.call == call && trigger.moment == moment;
        let shot = self.trigger.lock().unwrap().take_if(|trigger| fitting(trigger));
        let is_moment = shot.is_some();
        if let Some(trigger) = shot {
            (trigger.shot)();
        }
        is_moment
    }
}

/// Relays connections to `node` for as long as the test's process lives.
pub(crate) fn start(node: SocketAddr, watch: Arc<Watch>, cut: Cut) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (watch, cut) = (Arc::clone(&watch), Arc::clone(&cut));
            thread::spawn(move || {
                // A broken connection is what the coordinator has to live with.
                let _ = relay(client, node, &watch, &cut);
            });
        }
    });
    address
}

/// One request of a connection; then it is closed.
fn relay(mut client: TcpStream, node: SocketAddr, watch: &Watch, cut: &Cut) -> io::Result<()> {
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
    let request = [head.as_bytes(), b"\r\nConnection: close", &request[end..]].concat();
    let seen = Call { name: call.clone(), node, request: request.clone() };
    watch.calls.lock().unwrap().push(seen.clone());
    watch.sees(&call, Moment::Before);
    if watch.sees(&call, Moment::Instead) {
        *watch.held.lock().unwrap() = Some(seen);
        return Ok(());
    }
    if is_lost(cut) {
        return Ok(());
    }
    let answer = pass_on(node, &request)?;
    watch.sees(&call, Moment::After);
    if is_lost(cut) {
        return Ok(());
    }
    client.write_all(&answer)
}

/// Whether the way is cut; then it returns when that is over.
fn is_lost(cut: &Cut) -> bool {
    let is_cut = cut.load(Ordering::SeqCst);
    while cut.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
    }
    is_cut
}

/// One exchange with a server that closes after it.
fn pass_on(node: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect_timeout(&node, Duration::from_secs(2))?;
    server.set_nodelay(true)?;
    server.write_all(request)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}

/// How answers get lost between a node's data listener and the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection ends instead.
    Closed,
    /// It is reset.
    Reset,
    /// Nothing comes.
    Silence,
}

/// Passes bytes on to a node's data listener; while it is told how, answers get lost. The requests
/// arrive in any case.
pub(crate) fn start_lossy(node: SocketAddr, loss: Arc<Mutex<Option<Loss>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(node) else { continue };
            let (mut to, mut from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            let loss = Arc::clone(&loss);
            thread::spawn(move || {
                let _ = pass_answers(client, server, &loss);
            });
        }
    });
    address
}

fn pass_answers(
    mut client: TcpStream,
    mut server: TcpStream,
    loss: &Mutex<Option<Loss>>,
) -> io::Result<()> {
    let mut bytes = [0; 65_536];
    loop {
        let count = server.read(&mut bytes)?;
        let lost = *loss.lock().unwrap();
        match lost {
            _ if count == 0 => return client.shutdown(Shutdown::Both),
            None => client.write_all(&bytes[..count])?,
            Some(Loss::Closed) => return client.shutdown(Shutdown::Both),
            Some(Loss::Reset) => {
                socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
                // The other thread holds the connection, too: it ends with the node's.
                return server.shutdown(Shutdown::Both);
            }
            Some(Loss::Silence) => {}
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    lengths.next_back().unwrap_or(0)
}
