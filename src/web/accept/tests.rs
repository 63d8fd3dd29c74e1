#![expect(clippy::unwrap_used, reason = "tests")]

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
        max_body_bytes: 1000,
        max_connections: 100,
        stop_within: Duration::from_secs(5),
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
async fn a_body_that_is_too_large_is_refused() {
    let server = serve_with(short()).await;
    let said = server.say("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
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
