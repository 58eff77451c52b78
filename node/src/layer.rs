//! The layer that a service is put under.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, EXPECT},
};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    http::{data::Shared, reply::text},
    owned::Owned,
};

/// Bodies of refused requests up to this size may be read away; before larger ones the connection
/// is closed.
const SCRAP_BYTES_MAX: u64 = 64 << 10;

/// Lets requests through only for keys that this node owns; see [`Shard`](crate::Shard).
///
/// A request without the headers of a proxy is answered 400, one for a key of another node 421,
/// one that can't be decided now 503: all from the head alone, without its body. What is let
/// through has an [`Owned`] among its extensions, through which rows are read and written.
#[derive(Clone)]
pub struct ShardLayer {
    shared: Arc<Shared>,
}

impl ShardLayer {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl fmt::Debug for ShardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ShardLayer {
    type Service = ShardService<S>;

    fn layer(&self, inner: S) -> ShardService<S> {
        ShardService { shared: Arc::clone(&self.shared), inner }
    }
}

/// A service under a [`ShardLayer`].
#[derive(Clone)]
pub struct ShardService<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S: fmt::Debug> fmt::Debug for ShardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for ShardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that is ready serves this request; its clone gets ready for the next.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            shared.metrics.requests.add();
            let place = shared.place(request.headers());
            let admitted = match place {
                Err(line) => Err(text(StatusCode::BAD_REQUEST, &line)),
                Ok((position, epoch)) => {
                    let key = Shared::sharding_key(request.headers()).unwrap_or_default();
                    let admitted = shared.admit(position, epoch).await;
                    admitted.map(|()| Owned::new(Arc::clone(&shared), position, epoch, key.into()))
                }
            };
            let reply = match admitted {
                Ok(owned) => {
                    request.extensions_mut().insert(owned);
                    inner.call(request).await?.map(Either::Left)
                }
                Err(mut reply) => {
                    let body = request.body();
                    let is_small = body.size_hint().upper().is_some_and(|n| n <= SCRAP_BYTES_MAX);
                    if !is_small || request.headers().contains_key(EXPECT) {
                        let close = HeaderValue::from_static("close");
                        reply.headers_mut().insert(CONNECTION, close);
                    }
                    reply.map(Either::Right)
                }
            };
            match reply.status() {
                StatusCode::MISDIRECTED_REQUEST => shared.metrics.misdirected.add(),
                StatusCode::SERVICE_UNAVAILABLE => shared.metrics.unavailable.add(),
                _ => {}
            }
            Ok(reply)
        })
    }
}
