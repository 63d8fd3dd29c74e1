#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::wire::Heads;
use super::*;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a busy machine, and far below the fifteen seconds that are promised.
const DEADLINE: Duration = Duration::from_secs(8);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
    go_on: Arc<Notify>,
    entered: Arc<Notify>,
}

fn short() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        write_timeout: Duration::from_millis(300),
        linger: Linger { within: Duration::from_secs(30), most_bytes: 4 * 1024 * 1024 },
        max_body_bytes: 1000,
        max_connections: 100,
        max_connections_per_address: 50,
        trusted_proxies: Networks::none(),
        stop_within: Duration::from_secs(5),
        tls: None,
    }
}

async fn serve_with(limits: Limits) -> Server {
    let (go_on, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { format!("hello {}", peer.ip()) }))
        .route("/body", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }))
        .route(
            "/slow",
            get({
                let (go_on, entered) = (Arc::clone(&go_on), Arc::clone(&entered));
                move || async move {
                    entered.notify_one();
                    go_on.notified().await;
                    "done"
                }
            }),
        )
        .route(
            "/events",
            get(|| async {
                let ticks = tokio_stream::iter(0_u64..).then(|number| async move {
                    sleep(Duration::from_millis(100)).await;
                    Ok::<_, Infallible>(Event::default().data(number.to_string()))
                });
                Sse::new(ticks)
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(serve(listener, router, limits, stop.clone()));
    Server { address, stop, running, go_on, entered }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection from another address of this machine.
    async fn connect_from(&self, host: u8) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, host], 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// The whole answer to a page of a visitor with this address.
    async fn look_from(&self, host: u8) -> String {
        let mut stream = self.connect_from(host).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        rest(&mut stream).await
    }

    /// Everything the server says to these bytes until it closes the connection.
    async fn say(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut said)).await.expect("the server closes the connection in time");
    // A reset closes as well as an end does.
    drop(read);
    String::from_utf8_lossy(&said).into_owned()
}

/// Writes one byte at a time until the server has had enough.
async fn dribble(stream: TcpStream, text: &'static str) -> String {
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        for byte in text.bytes().cycle() {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut said = Vec::new();
    let read = timeout(DEADLINE, reader.read_to_end(&mut said)).await.expect("the server closes the connection in time");
    drop(read);
    writing.abort();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = serve_with(short()).await;
    assert_eq!(server.say("").await, "");
}

#[tokio::test]
async fn a_dribbling_head_is_closed() {
    let server = serve_with(short()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    dribble(stream, "x").await;
}

#[tokio::test]
async fn a_dribbling_body_is_closed_although_every_byte_is_in_time() {
    let server = serve_with(short()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n").await.unwrap();
    let said = dribble(stream, "x").await;
    assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let server = serve_with(short()).await;
    let said = server.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("hello 127.0.0.1"), "{said}");
}

#[tokio::test]
async fn a_visitor_who_stops_reading_is_dropped() {
    let server = serve_with(Limits { max_connections: 1, ..short() }).await;
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // The only place is taken until the stuck visitor loses it: the next one waits and is then served.
    let said = server.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn an_event_stream_outlives_every_limit() {
    let server = serve_with(short()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut said = String::new();
    let mut buffer = [0; 1000];
    timeout(DEADLINE, async {
        while !said.contains("data: 12") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the stream ended early: {said}");
            said.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn stopping_finishes_answers_and_ends_streams() {
    let server = serve_with(Limits { header_timeout: DEADLINE, ..short() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut events = server.connect().await;
    events.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 10];
    events.read_exact(&mut first).await.unwrap();
    let mut silent = server.connect().await;
    server.entered.notified().await;

    server.stop.cancel();
    rest(&mut events).await;
    rest(&mut silent).await;
    server.go_on.notify_one();
    let said = rest(&mut slow).await;
    assert!(said.ends_with("done"), "{said}");
    timeout(DEADLINE, server.running).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let server = serve_with(Limits { stop_within: Duration::from_millis(200), ..short() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    server.entered.notified().await;
    server.stop.cancel();
    timeout(DEADLINE, server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_finds_no_place_for_long_is_told_to_come_again() {
    let server = serve_with(Limits { max_connections: 1, header_timeout: DEADLINE, ..short() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    server.entered.notified().await;
    let said = server.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 5"), "{said}");
    // The place comes back, and the next one waits no longer than that takes.
    server.go_on.notify_one();
    assert!(rest(&mut slow).await.ends_with("done"));
    let said = server.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn one_hostile_address_does_not_keep_others_out() {
    let limits = Limits { max_connections: 20, max_connections_per_address: 5, header_timeout: DEADLINE, ..short() };
    let server = serve_with(limits).await;
    // Silent ones, as many as it can open: its share, then those that are being refused, then those that are closed.
    let mut hostile = Vec::new();
    for _ in 0..200 {
        hostile.push(server.connect_from(2).await);
    }
    for host in 3..6 {
        let said = server.look_from(host).await;
        assert!(said.starts_with("HTTP/1.1 200") && said.ends_with(&format!("hello 127.0.0.{host}")), "{said}");
    }
    // Its own neighbours behind the same address are told why.
    drop(hostile.split_off(5));
    let told = timeout(DEADLINE, async {
        loop {
            let said = server.look_from(2).await;
            if said.starts_with("HTTP/1.1 429") {
                return said;
            }
        }
    });
    assert!(told.await.unwrap().contains("retry-after: 5"));
    drop(hostile);
    timeout(DEADLINE, async { while !server.look_from(2).await.starts_with("HTTP/1.1 200") {} }).await.unwrap();
}

#[tokio::test]
async fn a_trusted_proxy_has_no_share_of_its_own_and_its_visitors_have() {
    let trusted_proxies = toml::Value::String("127.0.0.2".to_owned()).try_into().unwrap();
    // Sixteen bodies at once, four of one visitor.
    let limits = Limits {
        max_connections_per_address: 2,
        max_body_bytes: BODIES_BYTES,
        header_timeout: DEADLINE,
        body_timeout: DEADLINE,
        trusted_proxies,
        ..short()
    };
    let server = serve_with(limits).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect_from(2).await;
        stream
            .write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            .await
            .unwrap();
        let mut go_on = [0; 25];
        timeout(DEADLINE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
        slow.push(stream);
    }
    let post = async |visitor: &str| {
        let mut stream = server.connect_from(2).await;
        let head = format!(
            "POST /body HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {visitor}\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        rest(&mut stream).await
    };
    let said = post("192.0.2.1").await;
    assert!(said.starts_with("HTTP/1.1 429") && said.contains("retry-after"), "{said}");
    assert!(post("192.0.2.2").await.starts_with("HTTP/1.1 200"));
    drop(slow);
    timeout(DEADLINE, async { while !post("192.0.2.1").await.starts_with("HTTP/1.1 200") {} }).await.unwrap();
}

#[tokio::test]
async fn pipelined_garbage_ends_the_connection_after_the_answers_before_it() {
    let server = serve_with(Limits { header_timeout: DEADLINE, ..short() }).await;
    let mut asked = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    asked.push_str("\0\u{1}garbage without end");
    let mut stream = server.connect().await;
    stream.write_all(asked.as_bytes()).await.unwrap();
    stream.write_all(&[0xff; 200_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    let said = rest(&mut stream).await;
    assert_eq!(said.matches("HTTP/1.1 200").count(), 3, "{said}");
    assert_eq!(said.matches("HTTP/1.1 400").count(), 1, "{said}");
}

#[tokio::test]
async fn a_head_without_end_is_refused_before_it_fills_memory() {
    let server = serve_with(Limits { header_timeout: DEADLINE, ..short() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await.unwrap();
    stream.write_all(&vec![b'x'; 3 * HEAD_BYTES]).await.unwrap();
    stream.shutdown().await.unwrap();
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn a_visitor_who_has_said_everything_may_close_that_half_and_still_hears_the_answer() {
    let server = serve_with(Limits { header_timeout: DEADLINE, ..short() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd").await.unwrap();
    stream.shutdown().await.unwrap();
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with('4'), "{said}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = serve_with(short()).await;
    let said = server.say("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
}

/// Sends a head and hears the whole answer before the visitor goes on with `body`, as somebody on a slow line does.
async fn answered_before_the_body(server: &Server, head: &str, body: &[u8]) -> io::Result<String> {
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await?;
    // Only now is the answer out and the server at its end.
    let mut said = vec![0; 12];
    timeout(DEADLINE, stream.read_exact(&mut said)).await.expect("an answer before the body")?;
    for part in body.chunks(64 * 1024) {
        stream.write_all(part).await?;
        tokio::task::yield_now().await;
    }
    stream.shutdown().await?;
    timeout(DEADLINE, stream.read_to_end(&mut said)).await.expect("the server closes the connection in time")?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_arrives_whole() {
    let strict = serve_with(short()).await;
    let server = serve_with(Limits { max_body_bytes: 10_000_000, ..short() }).await;
    // More than the buffers of both sockets hold: without somebody who reads, the visitor is cut off before it listens.
    let body = vec![b'x'; 3_000_000];
    for (head, status, server) in [
        ("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", 413, &strict),
        ("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", 404, &server),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", 405, &server),
        ("POST /body HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n", 400, &server),
        ("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\nTransfer-Encoding: chunked\r\n\r\n", 400, &server),
        ("HTTP, please\r\n\r\n", 400, &server),
    ] {
        let said = answered_before_the_body(server, head, &body).await.unwrap_or_else(|error| panic!("{head:?} → {error}"));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{head:?} → {said}");
        assert!(said.to_ascii_lowercase().contains("connection: close"), "{head:?} → {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{head:?} → {said}");
    }
}

#[tokio::test]
async fn a_chunked_body_that_grows_too_large_is_refused_and_the_refusal_arrives() {
    let server = serve_with(short()).await;
    let mut chunks = b"ffff\r\n".to_vec();
    chunks.extend_from_slice(&[b'x'; 0xffff]);
    chunks.extend_from_slice(b"\r\n");
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    stream.write_all(&chunks).await.unwrap();
    let mut said = vec![0; 12];
    timeout(DEADLINE, stream.read_exact(&mut said)).await.unwrap().unwrap();
    for _ in 0..48 {
        stream.write_all(&chunks).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 413");
    timeout(DEADLINE, stream.read_to_end(&mut said)).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_never_stops_sending_after_the_answer_is_left() {
    let endless = |linger| async move {
        let server = serve_with(Limits { linger, ..short() }).await;
        let mut stream = server.connect().await;
        stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n").await.unwrap();
        let (mut reader, writer) = stream.into_split();
        let mut first = [0; 12];
        timeout(DEADLINE, reader.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(&first, b"HTTP/1.1 413");
        (reader, writer)
    };
    let bytes = vec![b'x'; 64 * 1024];
    let sends_much = Linger { within: Duration::from_secs(3_600), most_bytes: 200_000 };
    let (_reader, mut writer) = endless(sends_much).await;
    timeout(DEADLINE, async { while writer.write_all(&bytes).await.is_ok() {} }).await.expect("too much is too much");

    let sends_slowly = Linger { within: Duration::from_millis(300), most_bytes: usize::MAX };
    let (_reader, mut writer) = endless(sends_slowly).await;
    let dribbled = async {
        while writer.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, dribbled).await.expect("patience ends");
}

#[tokio::test]
async fn a_body_is_asked_for_only_if_it_is_wanted() {
    let server = serve_with(short()).await;
    let said = server.say("POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");

    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await.unwrap();
    let mut go_on = [0; 25];
    timeout(DEADLINE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abcd").await.unwrap();
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with('4'), "{said}");
}

#[tokio::test]
async fn heads_that_can_be_read_in_two_ways_are_refused() {
    let server = serve_with(short()).await;
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\ncontent-LENGTH: 4\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    ] {
        let said = server.say(head).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{head:?} → {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{head:?} → {said}");
    }
}

#[tokio::test]
async fn an_ambiguous_head_is_found_behind_an_earlier_request() {
    let server = serve_with(short()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n").await.unwrap();
    let mut first = vec![0; 15];
    stream.read_exact(&mut first).await.unwrap();
    stream
        .write_all(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        .await
        .unwrap();
    let said = rest(&mut stream).await;
    assert!(first.starts_with(b"HTTP/1.1 200") && said.contains("HTTP/1.1 400"), "{said}");
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_ends_the_connection() {
    let server = serve_with(Limits { header_timeout: DEADLINE, ..short() }).await;
    let said = server
        .say("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11\r\nContent-Length: 1\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("17"), "{said}");
}

#[test]
fn heads_are_found_however_the_bytes_arrive() {
    let clean = b"\r\nPOST /a HTTP/1.1\r\nContent-Length: 20\r\n\r\ntransfer-encoding: x\nGET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\n\r\n";
    let mut dirty = clean.to_vec();
    dirty.extend_from_slice(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n");
    for size in 1..dirty.len() {
        let mut heads = Heads::default();
        assert!(!clean.chunks(size).any(|bytes| heads.read(bytes)), "size {size}");
        let mut heads = Heads::default();
        assert!(dirty.chunks(size).map(|bytes| heads.read(bytes)).fold(false, |any, found| any | found), "size {size}");
    }
}
