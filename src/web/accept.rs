//! The accept loop: how connections come in, how long they may waste our time, and how they end.
//!
//! It exists because `axum::serve` never closes slow or silent connections, so that a few hundred of them would keep
//! everyone else out on the day it matters. Invariant: a connection that sends no complete request head, sends its
//! body too slowly, or stops reading is closed within its limits; an event stream that is being read is not. What we answer
//! arrives, also when we answer before we have read everything.
//!
//! | bounded | by | beyond it |
//! |---|---|---|
//! | connections | `web.max_connections`, and what the system gives ([`crate::descriptors`]) | wait at the door for `AT_THE_DOOR`, then 503 |
//! | … at the door | `HALL` | wait in the kernel's queue |
//! | … of one address | `web.max_connections_per_address` | 429; beyond `REFUSALS_PER_ADDRESS` at once the connection is closed |
//! | request heads | `HEAD_BYTES` | 431 |
//! | request bodies in memory | `BODIES_BYTES`, a quarter of it for one address | 503 |
//! | one body | `web.max_body_bytes` | 413 |
//! | what is sent and not read | the kernel's buffer and 16 shared events | closed after `web.write_timeout_seconds` |
//! | what is read after an answer | [`Linger`] | closed |

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
use hyper_util::rt::TokioIo;
use imaboard_templates::words::JA;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;

use self::crowd::{Crowd, Full, Seat};
use self::patience::{HeadTimer, Patient};
use self::tls::Stream;
use self::wire::{Exchange, Wire};
use crate::settings::{self, Networks};

pub mod crowd;
mod patience;
mod tls;
mod visitor;
mod wire;

pub use self::tls::{Tls, TlsError};
pub use self::visitor::Visitor;
pub use self::wire::Linger;

/// How long to wait when the system has no more file handles; connections wait in the kernel meanwhile.
const PAUSE_WITHOUT_HANDLES: Duration = Duration::from_millis(200);
/// How long a visitor waits for a place before being told to come again: longer than most pages take.
const AT_THE_DOOR: Duration = Duration::from_secs(3);
/// Most that wait at the door or are being refused; each may cost a connection's memory.
const HALL: usize = 512;
/// Connections of one address that are being refused at once.
const REFUSALS_PER_ADDRESS: usize = 16;
/// For the head of a request that is going to be refused.
const REFUSED_HEADER_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest request head; also what hyper buffers of an answer that is not shared.
const HEAD_BYTES: usize = 64 * 1024;
/// Request bodies being read at once, together.
const BODIES_BYTES: usize = 128 * 1024 * 1024;
/// When to come again if there is no place.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");

/// How much a visitor may cost, and how we speak with them.
#[derive(Clone)]
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
    /// Connections at once.
    pub max_connections: usize,
    /// Connections of one address at once.
    pub max_connections_per_address: usize,
    /// For whom the limits of one address do not hold, and whose word about their visitors is believed.
    pub trusted_proxies: Networks,
    /// For answers under way when stopping.
    pub stop_within: Duration,
    /// Speaks TLS, if anything.
    pub tls: Option<Arc<Tls>>,
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
            max_connections_per_address: web.max_connections_per_address.size(),
            trusted_proxies: web.trusted_proxies.clone(),
            stop_within: web.stop_seconds.seconds(),
            tls: None,
        }
    }
}

/// What every connection of one listener shares.
struct House {
    router: Router,
    ready: Option<Arc<dyn Ready>>,
    limits: Limits,
    stop: CancellationToken,
    /// One per connection that is served.
    places: Arc<Semaphore>,
    /// Counts connections of one address, whether served or waiting.
    guests: Arc<Crowd>,
    /// Counts connections that are being refused.
    refused: Arc<Crowd>,
    /// Counts request bodies being read.
    bodies: Arc<Crowd>,
}

/// What a visitor is told instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// This address has its share.
    Address,
    /// Nobody fits in.
    Everybody,
}

impl Refused {
    fn answer(self) -> Response {
        let (status, words, why) = match self {
            Self::Address => (StatusCode::TOO_MANY_REQUESTS, JA.t("crowded.address"), "address"),
            Self::Everybody => (StatusCode::SERVICE_UNAVAILABLE, JA.t("crowded.everybody"), "all"),
        };
        metrics::counter!("imaboard_connections_refused_total", "reason" => why).increment(1);
        let headers = [
            (header::RETRY_AFTER, RETRY_AFTER_S),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        ];
        (status, headers, format!("{words}\n")).into_response()
    }
}

impl From<Full> for Refused {
    fn from(full: Full) -> Self {
        match full {
            Full::All => Self::Everybody,
            Full::Address => Self::Address,
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
/// Event streams end at once when stopping. Handlers find the visitor's address as [`ConnectInfo`], and the one that limits are
/// counted by as [`Visitor`].
pub async fn serve(listener: TcpListener, site: impl Into<Site>, limits: Limits, stop: CancellationToken) {
    let Site { router, ready } = site.into();
    // The limit inside: handlers recognise its error, and answer 413, only if nothing is wrapped around it.
    let router =
        router.layer(RequestBodyLimitLayer::new(limits.max_body_bytes)).layer(RequestBodyDeadlineLayer::new(limits.body_timeout));
    let most_bodies = (BODIES_BYTES / limits.max_body_bytes.max(1)).clamp(16, 4096);
    let hall = Arc::new(Semaphore::new(limits.max_connections.saturating_add(HALL.min(limits.max_connections))));
    let house = Arc::new(House {
        router,
        ready,
        stop,
        places: Arc::new(Semaphore::new(limits.max_connections)),
        guests: Crowd::new(usize::MAX, limits.max_connections_per_address),
        refused: Crowd::new(HALL / 2, REFUSALS_PER_ADDRESS),
        bodies: Crowd::new(most_bodies, most_bodies.div_ceil(4)),
        limits,
    });
    let connections = TaskTracker::new();
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            () = house.stop.cancelled() => break,
            accepted = next_connection(&listener, &hall) => accepted,
        };
        match accepted {
            Ok((stream, peer, entry)) => {
                if std::mem::take(&mut exhausted) {
                    tracing::info!("connections are accepted again");
                }
                if let Some(guest) = house.greet(stream, peer, entry) {
                    connections.spawn(guest);
                }
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
    connections.wait().await;
}

async fn next_connection(
    listener: &TcpListener,
    hall: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // The place comes first: who has none waits in the kernel and is not dropped.
    let entry = Arc::clone(hall).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, entry))
}

impl House {
    /// What is to be done with a connection; `None` if it was closed, because its address is being refused often enough.
    fn greet(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        entry: OwnedSemaphorePermit,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let knocking = Visitor::knocking(peer, &self.limits.trusted_proxies).0;
        let house = Arc::clone(self);
        match self.guests.enter(knocking) {
            Ok(seat) => {
                if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                    // The usual way, without a future around it: every byte counts ten thousand times.
                    let held = (entry, seat, place);
                    return Some(Box::pin(async move {
                        let _held = held;
                        house.converse(stream, peer, None).await;
                    }));
                }
                Some(Box::pin(house.wait(stream, peer, entry, seat)))
            }
            Err(full) => {
                let turned_away = self.refused.enter(knocking).ok()?;
                Some(Box::pin(async move {
                    let _held = (entry, turned_away);
                    house.converse(stream, peer, Some(full.into())).await;
                }))
            }
        }
    }

    /// Waits at the door for a place, for a while.
    async fn wait(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, entry: OwnedSemaphorePermit, seat: Seat) {
        let _held = (entry, seat);
        let place = tokio::select! {
            () = self.stop.cancelled() => return,
            place = timeout(AT_THE_DOOR, self.places.acquire()) => place,
        };
        let refused = if matches!(place, Ok(Ok(_))) { None } else { Some(Refused::Everybody) };
        self.converse(stream, peer, refused).await;
    }

    async fn converse(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, refused: Option<Refused>) {
        let limits = &self.limits;
        // Small answers must not wait for more to say; if the system refuses, they are merely later.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection stays with delayed sending");
        }
        let stream = match &limits.tls {
            None => Stream::Plain(stream),
            Some(tls) => {
                // A visitor who does not get through the greeting in the time of a request head is a silent one.
                let greeting = timeout(limits.header_timeout, tls.acceptor().accept(stream));
                let greeted = tokio::select! {
                    () = self.stop.cancelled() => return,
                    greeted = greeting => greeted,
                };
                match greeted {
                    Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                    Ok(Err(error)) => return tracing::debug!(%error, "a connection did not begin with TLS"),
                    Err(_elapsed) => return,
                }
            }
        };
        let exchange = Arc::new(Exchange::default());
        let wire = Wire::new(stream, limits.write_timeout, limits.linger, Arc::clone(&exchange));
        let (house, shared) = (Arc::clone(self), Arc::clone(&exchange));
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            match house.find_ready(&request, refused, &shared) {
                Some(ready) => Answering::Ready(Some(ready)),
                None => {
                    let (house, exchange) = (Arc::clone(&house), Arc::clone(&shared));
                    Answering::Made(Box::pin(async move { Ok(house.answer(request, peer, refused, &exchange).await) }))
                }
            }
        });
        let header_timeout = refused.map_or(limits.header_timeout, |_| REFUSED_HEADER_TIMEOUT.min(limits.header_timeout));
        let timer = HeadTimer::default();
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(timer.clone())
            .header_read_timeout(header_timeout)
            .max_buf_size(HEAD_BYTES)
            .keep_alive(refused.is_none())
            .serve_connection(TokioIo::new(wire), service);
        let connection = pin!(connection);
        let mut connection = Patient::new(connection, &timer);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.stop.cancelled() => {
                exchange.stopping.store(true, Ordering::Release);
                connection.connection().graceful_shutdown();
                match timeout(limits.stop_within, connection).await {
                    Ok(ended) => ended,
                    Err(_elapsed) => {
                        tracing::warn!(visitor.address = %peer.ip(), "an answer under way was cut off by the stop");
                        return;
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// What lies ready for a request that nothing is wrong with and that has no body.
    fn find_ready(&self, request: &hyper::Request<Incoming>, refused: Option<Refused>, exchange: &Exchange) -> Option<Response> {
        let ready = self.ready.as_ref().filter(|_| refused.is_none() && request.body().is_end_stream())?;
        if exchange.ambiguous.load(Ordering::Acquire) || host_refusal(request.headers()).is_some() {
            return None;
        }
        let found = ready.find(request.method(), request.uri().path(), request.headers())?;
        exchange.settled.store(true, Ordering::Release);
        Some(found)
    }

    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
        refused: Option<Refused>,
        exchange: &Arc<Exchange>,
    ) -> Response {
        let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        exchange.settled.store(false, Ordering::Release);
        // A body that nobody has read when the answer is ready is never read: the connection ends with this answer.
        let (mut request, unread) = watched(request);
        let visitor = Visitor::asking(peer, request.headers(), &self.limits.trusted_proxies);
        // Held while a body is read and its content worked on.
        let body = unread.as_ref().map(|_| self.bodies.enter(visitor.0)).transpose();
        let ambiguous = exchange.ambiguous.load(Ordering::Acquire);
        let refusal = if ambiguous { Some(BOTH_LENGTHS) } else { host_refusal(request.headers()) };
        let mut ends = true;
        let mut response = match (refused, refusal, body) {
            (Some(refused), _, _) => refused.answer(),
            (None, Some(why), _) => (StatusCode::BAD_REQUEST, why).into_response(),
            (None, None, Err(full)) => Refused::from(full).answer(),
            (None, None, Ok(_held)) => {
                ends = false;
                request.extensions_mut().insert(ConnectInfo(peer));
                request.extensions_mut().insert(visitor);
                match self.router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        let unread = unread.is_some_and(|unread| unread.load(Ordering::Acquire));
        exchange.settled.store(!unread && !ends, Ordering::Release);
        if ends || chunked || unread {
            // After a chunked body the reading of heads stops (see `Heads`), so no further request may follow.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let streams =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if streams { response.map(|body| Body::new(EndingStream::new(body, Arc::clone(exchange)))) } else { response }
    }
}

/// An answer that lies ready, or one that is being made: boxed, because hyper keeps the space as long as the connection lives.
enum Answering {
    /// Taken when it is given.
    Ready(Option<Response>),
    Made(Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(ready) => ready.take().map_or(Poll::Pending, |ready| Poll::Ready(Ok(ready))),
            Self::Made(making) => making.as_mut().poll(cx),
        }
    }
}

const BOTH_LENGTHS: &str = "Content-Length and Transfer-Encoding exclude each other";

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

/// An event stream that ends when the server stops, so that an open display does not hold up a restart. The connection asks it
/// again then; it needs no alarm clock of its own.
struct EndingStream {
    body: Body,
    exchange: Arc<Exchange>,
}

impl EndingStream {
    fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        metrics::gauge!("imaboard_streams").increment(1.0);
        Self { body, exchange }
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
        if self.exchange.stopping.load(Ordering::Acquire) {
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
