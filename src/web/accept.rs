//! The accept loop: how connections come in, how long they may waste our time, and how they end.
//!
//! It exists because `axum::serve` never closes slow or silent connections, so that a few hundred of them would keep
//! everyone else out on the day it matters. Invariant: a connection that sends no complete request head, sends its
//! body too slowly, or stops reading is closed within its limits; an event stream that is being read is not. What we answer
//! arrives, also when we answer before we have read everything.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;

use self::wire::{Exchange, Wire};
use crate::settings;

mod wire;

pub use self::wire::Linger;

/// How long to wait when the system has no more file handles; connections wait in the kernel meanwhile.
const PAUSE_WITHOUT_HANDLES: Duration = Duration::from_millis(200);

/// How much a visitor may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a complete request head, from the moment of connecting or of the previous answer.
    pub header_timeout: Duration,
    /// For a complete request body.
    pub body_timeout: Duration,
    /// For reading anything of what we send.
    pub write_timeout: Duration,
    /// For sending what we no longer read, once we have answered.
    pub linger: Linger,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// Connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// For answers under way when stopping.
    pub stop_within: Duration,
}

impl From<&settings::Web> for Limits {
    fn from(web: &settings::Web) -> Self {
        Self {
            header_timeout: web.header_timeout_seconds.seconds(),
            body_timeout: web.body_timeout_seconds.seconds(),
            write_timeout: web.write_timeout_seconds.seconds(),
            linger: Linger::default(),
            max_body_bytes: web.max_body_bytes.size(),
            max_connections: web.max_connections.size(),
            stop_within: web.stop_seconds.seconds(),
        }
    }
}

/// What is answered before routing, because it lies ready.
pub trait Ready: Send + Sync {
    /// The answer, if it is at hand: found in microseconds, without waiting and without anything that could fail.
    fn find(&self, method: &Method, path: &str, request: &HeaderMap) -> Option<Response>;
}

/// What a listener serves.
#[derive(Clone)]
pub struct Site {
    /// The routes.
    pub router: Router,
    /// What is asked first, if there is anything.
    pub ready: Option<Arc<dyn Ready>>,
}

impl From<Router> for Site {
    fn from(router: Router) -> Self {
        Self { router, ready: None }
    }
}

/// Serves `site` on `listener` until `stop` is cancelled, then finishes what is under way within the limits.
///
/// Event streams end at once when stopping. Handlers find the visitor's address as [`ConnectInfo`].
pub async fn serve(listener: TcpListener, site: impl Into<Site>, limits: Limits, stop: CancellationToken) {
    let Site { router, ready } = site.into();
    // The limit inside: handlers recognise its error, and answer 413, only if nothing is wrapped around it.
    let router =
        router.layer(RequestBodyLimitLayer::new(limits.max_body_bytes)).layer(RequestBodyDeadlineLayer::new(limits.body_timeout));
    let site = Site { router, ready };
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let connections = TaskTracker::new();
    // Cancelled when patience with answers under way ends.
    let cut_off = CancellationToken::new();
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = next_connection(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                exhausted = false;
                let connection = converse(stream, peer, site.clone(), limits, stop.clone());
                let cut_off = cut_off.clone();
                connections.spawn(async move {
                    let _place = place;
                    tokio::select! {
                        () = connection => {}
                        () = cut_off.cancelled() => {}
                    }
                });
            }
            // The visitor changed its mind between knocking and entering: not our trouble.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => {
                // Said once per shortage, because saying it five times a second fills the disk as well.
                if !std::mem::replace(&mut exhausted, true) {
                    tracing::error!(%error, "cannot accept connections; trying again until it works");
                }
                sleep(PAUSE_WITHOUT_HANDLES).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.stop_within, connections.wait()).await.is_err() {
        tracing::warn!(connections.count = connections.len(), "answers under way were cut off by the stop");
        cut_off.cancel();
        connections.wait().await;
    }
}

async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // The place comes first: who has none waits in the kernel and is not dropped.
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn converse(stream: TcpStream, peer: SocketAddr, site: Site, limits: Limits, stop: CancellationToken) {
    // Small answers must not wait for more to say; if the system refuses, they are merely later.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection stays with delayed sending");
    }
    let exchange = Arc::new(Exchange::default());
    let wire = Wire::new(stream, limits.write_timeout, limits.linger, Arc::clone(&exchange));
    let service = hyper::service::service_fn({
        let stop = stop.clone();
        move |request: hyper::Request<Incoming>| {
            let ready = find_ready(&site, &request, &exchange);
            let asking = ready.is_none().then(|| (request, site.router.clone(), stop.clone(), Arc::clone(&exchange)));
            async move {
                Ok::<_, Infallible>(match (ready, asking) {
                    (None, Some((request, router, stop, exchange))) => answer(request, peer, router, stop, &exchange).await,
                    (ready, _) => ready.unwrap_or_default(),
                })
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What lies ready for a request that nothing is wrong with and that has no body.
fn find_ready(site: &Site, request: &hyper::Request<Incoming>, exchange: &Exchange) -> Option<Response> {
    use hyper::body::Body as _;
    let ready = site.ready.as_ref().filter(|_| request.body().is_end_stream())?;
    if exchange.ambiguous.load(Ordering::Acquire) || host_refusal(request.headers()).is_some() {
        return None;
    }
    let found = ready.find(request.method(), request.uri().path(), request.headers())?;
    exchange.settled.store(true, Ordering::Release);
    Some(found)
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
    exchange: &Exchange,
) -> Response {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    exchange.settled.store(false, Ordering::Release);
    // A body that nobody has read when the answer is ready is never read: the connection ends with this answer.
    let (request, unread) = watched(request);
    let refusal = if exchange.ambiguous.load(Ordering::Acquire) {
        Some("Content-Length and Transfer-Encoding exclude each other")
    } else {
        host_refusal(request.headers())
    };
    let mut response = match refusal {
        Some(why) => (StatusCode::BAD_REQUEST, why).into_response(),
        None => {
            let mut request = request;
            request.extensions_mut().insert(ConnectInfo(peer));
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    let unread = unread.is_some_and(|unread| unread.load(Ordering::Acquire));
    exchange.settled.store(!unread && refusal.is_none(), Ordering::Release);
    if refusal.is_some() || chunked || unread {
        // After a chunked body the reading of heads stops (see `Heads`), so no further request may follow.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let streams =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if streams { response.map(|body| Body::new(EndingStream::new(body, stop))) } else { response }
}

/// The request, and whether some of its body is still unread; `None` for a request without one.
fn watched(request: hyper::Request<Incoming>) -> (Request, Option<Arc<AtomicBool>>) {
    if request.body().is_end_stream() {
        return (request.map(Body::new), None);
    }
    let unread = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&unread);
    (request.map(|body| Body::new(WatchedBody { body, unread: flag })), Some(unread))
}

/// A request body that says when it has been read to its end.
struct WatchedBody {
    body: Incoming,
    unread: Arc<AtomicBool>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.unread.store(false, Ordering::Release);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Two hosts, or none, would let a cache and us disagree about whose page this is.
fn host_refusal(headers: &HeaderMap) -> Option<&'static str> {
    match headers.get_all(header::HOST).iter().count() {
        1 => None,
        0 => Some("the Host header is missing"),
        _ => Some("there must be one Host header"),
    }
}

/// An event stream that ends when the server stops, so that an open display does not hold up a restart.
struct EndingStream {
    body: Body,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl EndingStream {
    fn new(body: Body, stop: CancellationToken) -> Self {
        metrics::gauge!("imaboard_streams").increment(1.0);
        Self { body, stopped: Box::pin(stop.cancelled_owned()) }
    }
}

impl Drop for EndingStream {
    fn drop(&mut self) {
        metrics::gauge!("imaboard_streams").decrement(1.0);
    }
}

impl HttpBody for EndingStream {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
