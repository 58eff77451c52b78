//! The two listeners: connections and their limits.
#![allow(clippy::result_large_err, reason = "here an early answer is the error, made once")]

pub(crate) mod body;
pub(crate) mod control;
pub(crate) mod data;
pub(crate) mod gate;
mod head;
mod import;
mod query;
pub(crate) mod reply;

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::metrics::Metrics;

/// A connection whose next head is not there after this is closed, idle or slow.
const HEAD_MS_MAX: u64 = 60_000;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;
/// A closed connection is read on for this long, so that the peer can read the answer.
const LINGER_MS_MAX: u64 = 3_000;
const OVERLOADED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Connection: close\r\nContent-Length: 0\r\n\r\n";

/// What answers requests.
pub(crate) trait Service: Clone + Send + Sync + Unpin + 'static {
    fn call(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Accepts connections until `stop` says so; then those that are open end after their request.
pub(crate) async fn serve<S: Service>(
    listener: TcpListener,
    service: S,
    connections_max: usize,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) {
    let mut stopping = pin!(stopped(stop.clone()));
    let places = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        metrics.connections_refused.add();
                        turn_away(&stream);
                        continue;
                    };
                    let (service, stop) = (service.clone(), stop.clone());
                    connections.spawn(async move {
                        // An error is the peer's, and it is gone.
                        let _ = connection(stream, service, stop).await;
                        drop(place);
                    });
                }
                // No file descriptors left, or a peer that is gone: neither ends the listener.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = &mut stopping => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until the node stops.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the node is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says that there is no place, if that can be said at once.
fn turn_away(stream: &TcpStream) {
    let _ = stream.try_write(OVERLOADED);
}

async fn connection<S: Service>(
    stream: TcpStream,
    service: S,
    stop: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    // Answers are written whole: waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let service = service.clone();
        let answer = async move { Ok::<_, Infallible>(service.call(request).await) };
        Box::pin(answer) as Pin<Box<dyn Future<Output = _> + Send>>
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_MS_MAX))
        .max_header_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let outcome = {
        let mut stopping = pin!(stopped(stop));
        let mut told = false;
        std::future::poll_fn(|context| {
            if !told && stopping.as_mut().poll(context).is_ready() {
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(context)
        })
        .await
    };
    // Closing with unread bytes would reset the connection, and the peer might never see the
    // answer that says why.
    let mut stream = connection.into_parts().io.into_inner();
    if stream.shutdown().await.is_ok() {
        let mut scrap = vec![0; 16 << 10];
        let linger = async { while matches!(stream.read(&mut scrap).await, Ok(1..)) {} };
        let _ = tokio::time::timeout(Duration::from_millis(LINGER_MS_MAX), linger).await;
    }
    outcome
}

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    //! For `crate::fuzzing`.
    pub(crate) use super::{
        head::{condition, header_number, row_key},
        query::Query,
    };
}
