//! The loader's side of a connection: requests as prepared bytes, answers read as far as a measurement needs.
//!
//! It is ours because a loader must cost less than the server it measures, and must know when an event is complete. *Invariant:* an
//! answer that is cut off or has another status than expected is an error, never a fast request.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::Outcome;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Names in small letters, and values, in the order they came.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let pairs = self.head.lines().skip(1).filter_map(|l| l.split_once(':'));
        pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(format!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

/// A request without a body.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes()
}

/// A request with a body.
pub(crate) fn post(address: SocketAddr, path: &str, kind: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A connection that is kept open over many requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Opens from the loopback address with this number: a server may allow each address only so many connections.
    pub(crate) async fn open_from(address: SocketAddr, number: usize) -> Outcome<Self> {
        let [third, fourth] = [1 + number / 200 % 200, 1 + number % 200].map(|n| u8::try_from(n).unwrap_or(1));
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, third, fourth), 0)))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(512) })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Outcome<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let status = head.get(9..12).and_then(|s| s.parse().ok()).ok_or("not an HTTP answer")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = match answer.header("content-length") {
            Some(length) => length.parse()?,
            None if matches!(status, 204 | 304) => 0,
            None => return Err("an answer without length".into()),
        };
        while self.buffer.len() < head_end + length {
            self.more().await?;
        }
        answer.body = self.buffer[head_end..].to_vec();
        Ok(answer)
    }

    /// Sends a request whose answer is an event stream.
    pub(crate) async fn follow(mut self, request: &[u8]) -> Outcome<Stream> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while find(&self.buffer, b"\r\n\r\n").is_none() {
            self.more().await?;
        }
        if self.buffer.get(9..12) != Some(b"200") {
            return Err(format!("no stream: {}", String::from_utf8_lossy(&self.buffer)).into());
        }
        let mut stream =
            Stream { stream: self.stream, tail: Vec::new(), first: String::new(), pending: 0, newest: String::new(), bytes: 0 };
        let head_end = find(&self.buffer, b"\r\n\r\n").unwrap_or(0) + 4;
        // The first event belongs to the opening: it is read before anything is counted.
        stream.tail.extend_from_slice(&self.buffer[head_end..]);
        while find(&stream.tail, b"\n\n").is_none() {
            if stream.stream.read_buf(&mut stream.tail).await? == 0 {
                return Err("a stream ended before its first event".into());
            }
        }
        let text = String::from_utf8_lossy(&stream.tail).into_owned();
        stream.first = text.lines().find_map(|l| l.strip_prefix("data: ")).unwrap_or_default().to_owned();
        stream.note(&[]);
        Ok(stream)
    }

    async fn more(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the connection was closed within an answer".into()),
            _ => Ok(()),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

/// An open event stream.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: TcpStream,
    /// The last bytes of the event that is under way.
    tail: Vec<u8>,
    /// The data of the first event, if it came together with the head.
    first: String,
    /// Complete `change` events that were read and not yet waited for.
    pending: usize,
    /// The newest of them.
    newest: String,
    /// Everything that was read.
    bytes: u64,
}

/// What begins every event that is counted.
const MARK: &[u8] = b"event: change\n";

impl Stream {
    /// Waits for the next complete `change` event; other events are passed over.
    pub(crate) async fn change(&mut self) -> Outcome<()> {
        let mut buffer = [0_u8; 16 * 1024];
        while self.pending == 0 {
            let read = self.stream.read(&mut buffer).await?;
            if read == 0 {
                return Err("a stream ended".into());
            }
            self.note(buffer.get(..read).unwrap_or_default());
        }
        self.pending -= 1;
        Ok(())
    }

    /// Waits for the next `change` event and gives its lines.
    pub(crate) async fn next_change(&mut self) -> Outcome<String> {
        self.change().await?;
        Ok(self.newest.clone())
    }

    /// The data of the first event.
    pub(crate) fn first_data(&self) -> Outcome<String> {
        if self.first.is_empty() { Err("a stream without a first event".into()) } else { Ok(self.first.clone()) }
    }

    /// Reads what has come until nothing more is there.
    pub(crate) fn drain(&mut self) {
        let mut buffer = [0_u8; 16 * 1024];
        while let Ok(read @ 1..) = self.stream.try_read(&mut buffer) {
            self.note(&buffer[..read]);
        }
        self.pending = 0;
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn note(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        // An event ends with an empty line; chunk sizes stand between events and never within the marks.
        while let Some(end) = find(&self.tail, b"\n\n") {
            if let Some(begin) = find(&self.tail[..end], MARK) {
                self.pending += 1;
                self.newest.clear();
                self.newest.push_str(&String::from_utf8_lossy(&self.tail[begin..end]));
            }
            self.tail.drain(..end + 2);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tokio::net::TcpListener;

    /// Answers the first request with these pieces, each in a packet of its own.
    async fn said(pieces: &'static [&'static str]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            assert!(stream.read(&mut asked).await.unwrap() > 0);
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Connection::open(address).await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_read_whole_and_a_cut_one_is_an_error() {
        let mut whole = said(&["HTTP/1.1 201 Created\r\nContent-", "Length: 4\r\n\r\nab", "cd"]).await;
        let answer = whole.ask(b"GET").await.unwrap().expect(201).unwrap();
        assert_eq!((answer.body.as_slice(), answer.header("content-length").as_deref()), (b"abcd".as_slice(), Some("4")));
        let mut cut = said(&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"]).await;
        assert!(cut.ask(b"GET").await.is_err());
    }

    #[tokio::test]
    async fn only_complete_changes_are_counted() {
        let pieces = &[
            "HTTP/1.1 200 OK\r\n\r\n1a\r\nid: 1\nevent: ping\ndata: 1\n\n\r\n20\r\nid: 2\neve",
            "nt: change\ndata: 2\n",
            "\n\r\n",
        ];
        let mut stream = said(pieces).await.follow(b"GET").await.unwrap();
        stream.change().await.unwrap();
        assert!(stream.change().await.is_err(), "there was only one");
    }
}
