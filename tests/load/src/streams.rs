//! Ten thousand open streams: all hear every event, all leave, and the program is as it was.
//!
//! The clients are as thin as a client can be, because it is the program that is measured. They come from several loopback
//! addresses, because one has not enough ports. *Invariant:* an event counts as heard only with its id and its name.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::Failed;
use crate::running::{Running, raise_descriptor_limit};

/// Streams from one source address: a loopback address has about 28,000 ports.
const PER_SOURCE: usize = 2_000;
/// Connections in the making at once.
const AT_ONCE: usize = 200;
/// How long we wait before we say that something never came.
const PATIENCE: Duration = Duration::from_secs(120);
const STREAM: &str = "/wall/cityhall/events?layout=landscape";

/// What one stream says of itself.
enum News {
    /// The first ping came: everything before it is history.
    Open,
    /// A change of this position came to this stream.
    Heard { stream: usize, seq: u64 },
    /// It ended, though nobody asked it to.
    Ended { why: String },
}

/// Opens `count` streams, sends `events` reports, closes them, and says what it cost.
///
/// # Errors
/// If a stream is refused, misses an event or ends, or the program does not recover.
pub async fn run(program: &Path, count: usize, events: usize) -> Result<Value, Failed> {
    let descriptors = raise_descriptor_limit()?;
    if descriptors < count as u64 + 100 {
        return Err(format!("this system lets a process open {descriptors} files only; too few for {count} streams").into());
    }
    let settings = [
        ("wall.max_streams", (count + 100).to_string()),
        ("web.max_connections", (count + 1_100).to_string()),
        ("log.level", "warn".to_owned()),
    ];
    let board = Running::start(program, &settings).await?;
    let address: SocketAddr = board.public.parse()?;
    let report_path = board.report_path("f003").await?;
    // A first stream, a first report and a first page: what every program needs once is not what a stream costs.
    let (out, mut first) = mpsc::channel(64);
    let task = tokio::spawn(listen(0, address, Ipv4Addr::LOCALHOST, out));
    expect_open(&mut first, 1).await?;
    report(&board.public, &report_path, 1).await?;
    task.abort();
    settle().await;
    let before = board.usage()?;

    let began = Instant::now();
    let (out, mut news) = mpsc::channel(1_024);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut streams = JoinSet::new();
    for stream in 0..count {
        let source = Ipv4Addr::new(127, 0, 1, u8::try_from(stream / PER_SOURCE % 250 + 1)?);
        let (out, place) = (out.clone(), Arc::clone(&gate).acquire_owned().await?);
        streams.spawn(async move {
            let (opened, mut hears) = mpsc::channel(64);
            // Ends with this task.
            let mut heard = JoinSet::new();
            heard.spawn(listen(stream, address, source, opened));
            // The place is given back when the stream is open.
            let mut place = Some(place);
            while let Some(news) = hears.recv().await {
                if matches!(news, News::Open) {
                    place.take();
                }
                if out.send(news).await.is_err() {
                    break;
                }
            }
        });
        // The first pings are counted while the others connect.
    }
    drop(out);
    expect_open(&mut news, count).await?;
    let opened_in = began.elapsed();
    settle().await;
    let open = board.usage()?;

    let idle_for = Duration::from_secs(20);
    tokio::time::sleep(idle_for).await;
    let idle = board.usage()?;

    let mut cpu = Duration::ZERO;
    let mut spans = Vec::new();
    let mut latest = vec![0_u64; count];
    for event in 0..events {
        let used = board.usage()?.cpu;
        let began = Instant::now();
        let seq = report(&board.public, &report_path, 2 + event as u64 % 4).await?;
        let mut missing = count;
        while missing > 0 {
            match next(&mut news).await? {
                News::Heard { stream, seq: heard } => {
                    let Some(last) = latest.get_mut(stream) else { continue };
                    if *last < seq && heard >= seq {
                        missing -= 1;
                    }
                    *last = heard.max(*last);
                }
                News::Open => {}
                News::Ended { why } => return Err(format!("a stream ended: {why}\n{}", board.last_messages()).into()),
            }
        }
        spans.push(began.elapsed().as_millis());
        cpu += board.usage()?.cpu.saturating_sub(used);
    }

    drop(news);
    streams.shutdown().await;
    let began = Instant::now();
    let after = loop {
        let usage = board.usage()?;
        if usage.descriptors <= before.descriptors + 8 {
            break usage;
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{} descriptors are still open, {} before", usage.descriptors, before.descriptors).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let recovered_in = began.elapsed();
    report(&board.public, &report_path, 3).await?;
    let stopped_in = board.stop().await?;
    spans.sort_unstable();
    let per_stream = |kb: u64| kb.saturating_sub(before.rss_kb) as f64 / count as f64;
    Ok(json!({
        "streams": count,
        "opened_in_ms": opened_in.as_millis(),
        "rss_before_kb": before.rss_kb,
        "rss_open_kb": open.rss_kb,
        "rss_kb_per_stream": per_stream(open.rss_kb),
        "idle_cpu_percent": (idle.cpu.saturating_sub(open.cpu)).as_secs_f64() / idle_for.as_secs_f64() * 100.0,
        "events": events,
        "all_heard_in_ms_median": spans.get(spans.len() / 2),
        "all_heard_in_ms_worst": spans.last(),
        "cpu_us_per_delivery": cpu.as_micros() as f64 / (events * count).max(1) as f64,
        "recovered_in_ms": recovered_in.as_millis(),
        "rss_after_kb": after.rss_kb,
        "descriptors": [before.descriptors, open.descriptors, after.descriptors],
        "stopped_in_ms": stopped_in.as_millis(),
    }))
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

async fn next(news: &mut mpsc::Receiver<News>) -> Result<News, Failed> {
    let waiting = tokio::time::timeout(PATIENCE, news.recv());
    Ok(waiting.await.map_err(|_| "an event did not come to every stream")?.ok_or("every stream ended")?)
}

async fn expect_open(news: &mut mpsc::Receiver<News>, count: usize) -> Result<(), Failed> {
    let mut open = 0;
    while open < count {
        match next(news).await? {
            News::Open => open += 1,
            News::Heard { .. } => {}
            News::Ended { why } => return Err(format!("after {open} streams: {why}").into()),
        }
    }
    Ok(())
}

/// One report of free beds over the report page; gives its position.
async fn report(host: &str, path: &str, count: u64) -> Result<u64, Failed> {
    let value = if count > 4 { "plenty" } else { "available" };
    let observation = json!({ "aspect": "vacancy", "service": "group-home", "cell": "all", "value": value, "count": count });
    let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] }).to_string();
    let request = format!(
        "POST {path}/reports HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(host).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let receipt = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let receipt: Value = serde_json::from_str(receipt).map_err(|_| format!("no receipt: {answer}"))?;
    Ok(receipt["seq"].as_u64().ok_or("a receipt without a position")?)
}

/// Keeps one stream open and tells of what it hears, until nobody listens.
async fn listen(stream: usize, address: SocketAddr, source: Ipv4Addr, out: mpsc::Sender<News>) {
    if let Err(error) = follow(stream, address, source, &out).await {
        drop(out.send(News::Ended { why: error.to_string() }).await);
    }
}

async fn follow(stream: usize, address: SocketAddr, source: Ipv4Addr, out: &mpsc::Sender<News>) -> Result<(), Failed> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let mut connection = socket.connect(address).await?;
    let request = format!("GET {STREAM} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut lines = Lines::default();
    let mut bytes = [0_u8; 2_048];
    loop {
        let read = connection.read(&mut bytes).await?;
        if read == 0 {
            return Err("the server closed the stream".into());
        }
        let mut heard = Vec::new();
        lines.read(bytes.get(..read).unwrap_or_default(), &mut heard)?;
        for event in heard {
            let news = match event {
                Event::Ping => News::Open,
                Event::Change(seq) => News::Heard { stream, seq },
            };
            if out.send(news).await.is_err() {
                return Ok(());
            }
        }
    }
}

enum Event {
    Ping,
    Change(u64),
}

/// The beginnings of lines: enough to tell events apart, whatever the events weigh.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    answered: bool,
    id: u64,
    pinged: bool,
}

impl Lines {
    fn read(&mut self, bytes: &[u8], heard: &mut Vec<Event>) -> Result<(), Failed> {
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < 96 {
                    self.line.push(*byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
            self.line.clear();
            if !std::mem::replace(&mut self.answered, true) {
                if !line.starts_with("HTTP/1.1 200") {
                    return Err(format!("refused: {line}").into());
                }
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or(0);
            } else if line == "event: change" {
                heard.push(Event::Change(self.id));
            } else if line == "event: ping" && !std::mem::replace(&mut self.pinged, true) {
                heard.push(Event::Ping);
            }
        }
        Ok(())
    }
}
