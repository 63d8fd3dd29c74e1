//! One visitor's connection as hyper sees it: patience while writing, an eye on raw request heads, and a calm end.
//!
//! It exists because hyper neither gives up on a visitor who stops reading, nor tells us of a head that can be read in two
//! ways, nor waits for what a visitor still sends after an early answer. *Invariant:* an answer that was written arrives, as
//! long as its visitor goes on within the limits: closing with unread bytes would reset the connection and destroy it.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::tls::Stream;

/// How long and how much a visitor whom we have answered may go on sending what we no longer read.
#[derive(Debug, Clone, Copy)]
pub struct Linger {
    /// From our last byte to the end of our patience. Together with the time for a body it stays below the fifteen seconds
    /// in which every slow connection is closed.
    pub within: Duration,
    /// A photograph sent to the wrong address; who sends more has no ear for answers.
    pub most_bytes: usize,
}

impl Default for Linger {
    fn default() -> Self {
        Self { within: Duration::from_secs(4), most_bytes: 16 * 1024 * 1024 }
    }
}

/// Our side is closed; the visitor's is not yet.
struct Farewell {
    // Present once there is something to wait for.
    patience: Option<Pin<Box<Sleep>>>,
    left_bytes: usize,
}

/// A connection that gives up on a visitor who stops reading, that looks at request heads before hyper does, and that hears
/// its visitor out before it closes.
pub(super) struct Wire {
    stream: Stream,
    write_timeout: Duration,
    linger: Linger,
    farewell: Option<Farewell>,
    // Present while a write waits for the visitor.
    stalled: Option<Pin<Box<Sleep>>>,
    heads: Heads,
    exchange: Arc<Exchange>,
}

/// What a connection and the service behind it tell each other; it ends with the connection.
#[derive(Debug)]
pub(super) struct Exchange {
    /// A head was met that can be read in two ways; set by the connection before hyper sees the head, for the service to refuse.
    pub(super) ambiguous: AtomicBool,
    /// All that came has been read and answered; unset by the connection with every byte, set by the service. Who leaves now
    /// leaves in peace; otherwise the visitor may still be speaking when we close.
    pub(super) settled: AtomicBool,
    /// The server stops: what would have no end ends now.
    pub(super) stopping: AtomicBool,
}

impl Default for Exchange {
    fn default() -> Self {
        Self { ambiguous: AtomicBool::new(false), settled: AtomicBool::new(true), stopping: AtomicBool::new(false) }
    }
}

impl Wire {
    pub(super) fn new(stream: Stream, write_timeout: Duration, linger: Linger, exchange: Arc<Exchange>) -> Self {
        Self { stream, write_timeout, linger, farewell: None, stalled: None, heads: Heads::default(), exchange }
    }

    /// Throws away what arrives until the visitor closes its side, too, or has used up our patience.
    ///
    /// Who has been answered in full and sends nothing is not waited for.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Linger { within, most_bytes } = self.linger;
        let farewell = self.farewell.get_or_insert_with(|| Farewell { patience: None, left_bytes: most_bytes });
        let mut space = [MaybeUninit::<u8>::uninit(); 16 * 1024];
        loop {
            let mut unread = ReadBuf::uninit(&mut space);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut unread);
            if read.is_pending() && farewell.patience.is_none() && self.exchange.settled.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            let patience = farewell.patience.get_or_insert_with(|| Box::pin(sleep(within)));
            match read {
                // Looked at while there is something to read as well, or a fast sender would never meet it.
                Poll::Ready(Ok(())) if patience.as_mut().poll(cx).is_pending() => {
                    let here = unread.filled().len();
                    if here == 0 || here >= farewell.left_bytes {
                        return Poll::Ready(());
                    }
                    farewell.left_bytes -= here;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return patience.as_mut().poll(cx),
            }
        }
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
        if !fresh.is_empty() {
            self.exchange.settled.store(false, Ordering::Release);
        }
        let ambiguous = self.heads.read(fresh);
        if ambiguous {
            self.exchange.ambiguous.store(true, Ordering::Release);
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
        // An answer without a body is one piece, and the system takes one piece at less cost than a list of one.
        let written = match parts {
            [part] => Pin::new(&mut self.stream).poll_write(cx, part),
            parts => Pin::new(&mut self.stream).poll_write_vectored(cx, parts),
        };
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
        if self.farewell.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.within_patience(cx, shut))?;
        }
        self.poll_farewell(cx).map(Ok)
    }
}

/// Watches raw request heads for a Content-Length beside a Transfer-Encoding.
///
/// hyper drops the Content-Length of such a request before anybody can object, while a proxy in front of us may
/// have believed it: the difference is how requests are smuggled past it. Invariant: it knows where each head begins,
/// because bodies with a length are counted off and the connection ends after a body without one.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    /// The beginning of a line that came in pieces; more is not needed to tell the two headers apart.
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
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> bool {
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
                    let end = bytes.iter().position(|&byte| byte == b'\n');
                    let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    bytes = rest.get(1..).unwrap_or_default();
                    let whole = line.strip_suffix(b"\r").unwrap_or(line);
                    if end.is_some() && self.line.is_empty() && !whole.contains(&b'\r') {
                        // Nearly every line: all of it is here, and nothing is copied.
                        ambiguous |= self.end_line(whole);
                        continue;
                    }
                    let room = Self::LINE_BYTES.saturating_sub(self.line.len());
                    self.line.extend(line.iter().filter(|&&byte| byte != b'\r').take(room));
                    if end.is_some() {
                        let line = std::mem::take(&mut self.line);
                        ambiguous |= self.end_line(&line);
                    }
                }
            }
        }
        ambiguous
    }

    fn end_line(&mut self, line: &[u8]) -> bool {
        if !line.is_empty() {
            if after_name(line, b"transfer-encoding:").is_some() {
                self.transfer_encoding = true;
            } else if let Some(number) = after_name(line, b"content-length:") {
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

/// What follows a header's name, however its letters are written.
fn after_name<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(rest)
}
