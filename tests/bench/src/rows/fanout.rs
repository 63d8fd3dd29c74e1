//! One event to 3,000 open streams, against nchan, nginx's stream server written in C.
//!
//! Ours starts with a report over HTTP that is made durable before the event leaves; nchan is handed the finished bytes. *Invariant:*
//! both send the same data under the same event name, and an event counts when it is complete at the last stream.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Bench;
use crate::Outcome;
use crate::client::{Connection, Stream, get, post};
use crate::server::{self, Server, command};
use crate::table::{Line, Reach, median};

const STREAMS: usize = 3_000;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn fanout(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("streams")?;
    let streams = bench.scaled(STREAMS, 300);
    let events = bench.scaled(20, 3);
    let data = folder.join("city");
    let (board, _) = server::board(bench.server_core, &data, false)?;
    let mut ours = Ours::new(board, &data).await?;
    // What one event says, word for word.
    let said = ours.sample().await?;
    let mut walls = follow(&ours.board, "/wall/cityhall/events", streams).await?;

    let nchan = nchan(bench, &folder)?;
    let mut publisher = Connection::open(nchan.address).await?;
    let publish = post(nchan.address, "/publish", "text/plain", "X-EventSource-Event: change\r\n", &said);
    publisher.ask(&publish).await?;
    let mut theirs = follow(&nchan, "/subscribe", streams).await?;

    let mut time = Line::new("ms until all have it", Reach::AtMost(1.2));
    let mut cost = Line::new("CPU µs per delivered event", Reach::AtMost(1.2));
    for _ in 0..bench.rounds() {
        // The server closes a connection that was silent for long.
        ours.connection = Connection::open(ours.board.address).await?;
        let mut a = Vec::new();
        let before = ours.board.cpu()?;
        for _ in 0..events {
            settle(&mut walls).await;
            let request = ours.next();
            let started = Instant::now();
            let (answer, all) = tokio::join!(ours.connection.ask(&request), all_have_it(&mut walls));
            answer?.expect(201)?;
            all?;
            a.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let cpu_ours = ours.board.cpu()?.saturating_sub(before);
        let mut b = Vec::new();
        let before = nchan.cpu()?;
        for _ in 0..events {
            settle(&mut theirs).await;
            let started = Instant::now();
            let (answer, all) = tokio::join!(publisher.ask(&publish), all_have_it(&mut theirs));
            answer?;
            all?;
            b.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let cpu_theirs = nchan.cpu()?.saturating_sub(before);
        time.add(median(&a), median(&b));
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / (events * streams) as f64;
        cost.add(each(cpu_ours), each(cpu_theirs));
    }
    Ok(vec![time, cost])
}

/// The board, and reports that change what stands on its wall.
struct Ours {
    board: Server,
    connection: Connection,
    path: String,
    number: u32,
}

impl Ours {
    async fn new(board: Server, data: &Path) -> Outcome<Self> {
        let key = command(data, &["facility", "key", "f003", "--json"])?;
        let url = key["url"].as_str().ok_or("no report URL")?;
        let path = url.splitn(4, '/').nth(3).map(|p| format!("/{p}/reports")).ok_or("no report URL")?;
        let connection = Connection::open(board.address).await?;
        Ok(Self { board, connection, path, number: 0 })
    }

    /// A report that differs from the one before: full, then available.
    fn next(&mut self) -> Vec<u8> {
        self.number += 1;
        let count = if self.number.is_multiple_of(2) { 0 } else { 3 };
        let observation = json!({ "aspect": "vacancy", "service": "group-home", "value": "", "count": count });
        let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] });
        post(self.board.address, &self.path, "application/json", "", &body.to_string())
    }

    /// The data of one event.
    async fn sample(&mut self) -> Outcome<String> {
        let request = get(self.board.address, "/wall/cityhall/events", "");
        let mut wall = Connection::open(self.board.address).await?.follow(&request).await?;
        let first = self.next();
        self.connection.ask(&first).await?.expect(201)?;
        let event = tokio::time::timeout(PATIENCE, wall.next_change()).await??;
        let data = event.lines().find_map(|l| l.strip_prefix("data: ")).ok_or("an event without data")?;
        serde_json::from_str::<Value>(data)?;
        Ok(data.to_owned())
    }
}

/// nginx with nchan: one channel, and as many streams as ours may have.
fn nchan(bench: &Bench, folder: &Path) -> Outcome<Server> {
    let places = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/lib/nginx/modules"];
    let module = places.iter().map(|p| Path::new(p).join("ngx_nchan_module.so")).find(|p| p.is_file());
    let module = module.ok_or("nginx has no nchan module here (Debian: libnginx-mod-nchan)")?;
    let http = "nchan_shared_memory_size 256M;\nserver { listen LISTEN;\n\
        location = /publish { nchan_publisher; nchan_channel_id wall; nchan_message_buffer_length 4; }\n\
        location = /subscribe { nchan_subscriber eventsource; nchan_channel_id wall; nchan_subscriber_first_message newest; } }";
    server::nginx(bench.server_core, folder, &format!("load_module {};", module.display()), http)
}

async fn follow(server: &Server, path: &str, streams: usize) -> Outcome<Vec<Stream>> {
    let request = get(server.address, path, "Accept: text/event-stream\r\n");
    let mut open = Vec::with_capacity(streams);
    for number in 0..streams {
        let connection = Connection::open_from(server.address, number).await?;
        open.push(tokio::time::timeout(PATIENCE, connection.follow(&request)).await??);
    }
    Ok(open)
}

/// Lets what is still under way arrive, so that only the next event is counted.
async fn settle(streams: &mut [Stream]) {
    tokio::time::sleep(Duration::from_millis(60)).await;
    streams.iter_mut().for_each(Stream::drain);
}

async fn all_have_it(streams: &mut [Stream]) -> Outcome<()> {
    let all = futures_util::future::try_join_all(streams.iter_mut().map(Stream::change));
    tokio::time::timeout(PATIENCE, all).await.map_err(|_| "an event did not reach every stream")??;
    Ok(())
}
