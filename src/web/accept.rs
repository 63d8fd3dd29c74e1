//! The accept loop: how connections come in, how long they may waste our time, and how they end.
//!
//! It exists because `axum::serve` never closes slow or silent connections, so that a few hundred of them would keep
//! everyone else out on the day it matters. Invariant: a connection that sends no complete request head, sends its
//! body too slowly, or stops reading is closed within its limits; an event stream that is being read is not.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::settings;

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
            max_body_bytes: web.max_body_bytes.size(),
            max_connections: web.max_connections.size(),
            stop_within: web.stop_seconds.seconds(),
        }
    }
}

/// Serves `router` on `listener` until `stop` is cancelled, then finishes what is under way within the limits.
///
/// Event streams end at once when stopping. Handlers find the visitor's address as [`ConnectInfo`].
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let router =
        router.layer(RequestBodyDeadlineLayer::new(limits.body_timeout)).layer(RequestBodyLimitLayer::new(limits.max_body_bytes));
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
                let connection = converse(stream, peer, router.clone(), limits, stop.clone());
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

async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, limits: Limits, stop: CancellationToken) {
    // Small answers must not wait for more to say; if the system refuses, they are merely later.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection stays with delayed sending");
    }
    let ambiguous = Arc::new(AtomicBool::new(false));
    let wire = Wire::new(stream, limits.write_timeout, Arc::clone(&ambiguous));
    let service = hyper::service::service_fn({
        let stop = stop.clone();
        move |request: hyper::Request<Incoming>| {
            let (router, stop, ambiguous) = (router.clone(), stop.clone(), Arc::clone(&ambiguous));
            async move { Ok::<_, Infallible>(answer(request, peer, router, stop, &ambiguous).await) }
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

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
    ambiguous: &AtomicBool,
) -> Response {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let refusal = if ambiguous.load(Ordering::Acquire) {
        Some("Content-Length and Transfer-Encoding exclude each other")
    } else {
        host_refusal(request.headers())
    };
    let mut response = match refusal {
        Some(why) => (StatusCode::BAD_REQUEST, why).into_response(),
        None => {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    if refusal.is_some() || chunked {
        // After a chunked body the reading of heads stops (see `Heads`), so no further request may follow.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let streams =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if streams { response.map(|body| Body::new(EndingStream::new(body, stop))) } else { response }
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

/// A connection that gives up on a visitor who stops reading, and that looks at request heads before hyper does.
struct Wire {
    stream: TcpStream,
    write_timeout: Duration,
    // Present while a write waits for the visitor.
    stalled: Option<Pin<Box<Sleep>>>,
    heads: Heads,
    // Shared with the service of the same connection, which refuses; set here before hyper sees the head.
    ambiguous: Arc<AtomicBool>,
}

impl Wire {
    fn new(stream: TcpStream, write_timeout: Duration, ambiguous: Arc<AtomicBool>) -> Self {
        Self { stream, write_timeout, stalled: None, heads: Heads::default(), ambiguous }
    }

    /// Passes the outcome of a write on, and turns waiting for too long into an error.
    fn within_patience<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        if self.heads.read(fresh) {
            self.ambiguous.store(true, Ordering::Release);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_patience(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within_patience(cx, shut)
    }
}

/// Watches raw request heads for a Content-Length beside a Transfer-Encoding.
///
/// hyper drops the Content-Length of such a request before anybody can object, while a proxy in front of us may
/// have believed it: the difference is how requests are smuggled past it. Invariant: it knows where each head begins,
/// because bodies with a length are counted off and the connection ends after a body without one.
#[derive(Debug, Default)]
struct Heads {
    place: Place,
    /// The beginning of the current line; more is not needed to tell the two headers apart.
    line: Vec<u8>,
    content_length: Option<u64>,
    transfer_encoding: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a request line, where empty lines are ignored.
    #[default]
    Before,
    /// Within a head.
    Head,
    /// Within a body of which this much is still to come.
    Body(u64),
    /// After a head without a length: the connection ends with this request.
    Last,
}

impl Heads {
    /// Enough for `transfer-encoding:` and for `content-length:` with any legal number.
    const LINE_BYTES: usize = 64;

    /// Reads on; true if an ambiguous head was met.
    fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut ambiguous = false;
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.place {
                Place::Last => return ambiguous,
                Place::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = bytes.get(here..).unwrap_or_default();
                    let left = left - here as u64;
                    self.place = if left == 0 { Place::Before } else { Place::Body(left) };
                }
                Place::Before if matches!(byte, b'\r' | b'\n') => bytes = rest,
                Place::Before => self.place = Place::Head,
                Place::Head => {
                    bytes = rest;
                    if byte == b'\n' {
                        ambiguous |= self.end_line();
                    } else if byte != b'\r' && self.line.len() < Self::LINE_BYTES {
                        self.line.push(byte.to_ascii_lowercase());
                    }
                }
            }
        }
        ambiguous
    }

    fn end_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            if line.starts_with(b"transfer-encoding:") {
                self.transfer_encoding = true;
            } else if let Some(number) = line.strip_prefix(b"content-length:") {
                // A number that is none is refused by hyper, which ends the connection.
                let number = std::str::from_utf8(number).ok().and_then(|number| number.trim().parse().ok());
                self.content_length = Some(number.unwrap_or_default());
            }
            return false;
        }
        let ambiguous = self.transfer_encoding && self.content_length.is_some();
        self.place = match self.content_length.take() {
            _ if self.transfer_encoding => Place::Last,
            Some(length) if length > 0 => Place::Body(length),
            Some(_) | None => Place::Before,
        };
        ambiguous
    }
}

#[cfg(test)]
mod tests;
