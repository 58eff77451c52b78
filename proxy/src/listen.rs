//! The two inner listeners: few connections, small messages, served by hyper.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::sleep};

/// At most so many connections to one inner listener.
const CONNECTIONS_MAX: usize = 4_096;
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
const BACKLOG: i32 = 1_024;

/// Answers requests until `stop` changes; then all connections end.
pub(crate) async fn serve<H, F>(listener: TcpListener, mut stop: watch::Receiver<bool>, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send,
{
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if tasks.len() < CONNECTIONS_MAX => {
                let Ok((stream, _)) = accepted else {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let handler = handler.clone();
                tasks.spawn(async move {
                    let service = service_fn(move |request| {
                        let handler = handler.clone();
                        async move { Ok::<_, Infallible>(handler(request).await) }
                    });
                    let mut builder = http1::Builder::new();
                    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
                    // A connection that breaks has nobody to tell.
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = tasks.join_next() => {}
            _ = stop.changed() => return,
        }
    }
}

/// Listens on `address` with `count` sockets, among which the system divides the connections.
///
/// # Errors
/// What the system says; that the address is in use, even by a socket that would share it.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    // Another proxy must not take half of the connections: nobody else may have the address.
    let probe = socket(address, false)?;
    let address = probe.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    drop(probe);
    let sockets = (0..count.max(1)).map(|_| {
        let socket = socket(address, true)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    });
    sockets.collect()
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A handler whose state is shared.
pub(crate) fn with<S, F, H>(state: Arc<S>, handler: H) -> impl Fn(Request<Incoming>) -> F + Clone
where
    H: Fn(Arc<S>, Request<Incoming>) -> F + Clone,
{
    move |request| handler(Arc::clone(&state), request)
}
