//! What an idle stream costs in memory, against a bare axum stream server.
//!
//! *Invariant:* both sent the same first event to every stream and ping as often; only what came on top of the empty server counts.

use std::time::Duration;

use super::{Bench, text};
use crate::Outcome;
use crate::client::{Connection, Stream, get};
use crate::server::{self, Server};
use crate::table::{Line, Reach};

/// Streams opened at once: more would wait in the kernel's queue for a connection that was dropped and comes again after a second.
const AT_ONCE: usize = 64;

pub(super) async fn idle(bench: &Bench) -> Outcome<Vec<Line>> {
    let streams = bench.scaled(10_000, 500);
    let mut line = Line::new("kB per stream", Reach::AtMost(1.3));
    for _ in 0..bench.rounds() {
        let folder = bench.folder("idle")?;
        let data = folder.join("city");
        let (board, _) = server::board(bench.server_core, &data, false)?;
        let (ours, event) = growth(&board, "/wall/cityhall/events", streams).await?;
        drop(board);
        let file = folder.join("event");
        std::fs::write(&file, event)?;
        let bare = server::worker(bench.server_core, &["streams", text(&file)?, &PING_SECONDS.to_string()])?;
        let (theirs, _) = growth(&bare, "/events", streams).await?;
        line.add(ours, theirs);
    }
    Ok(vec![line])
}

/// As often as ours (`wall.ping_seconds`).
const PING_SECONDS: u64 = 10;

/// kB per stream on top of the server with one stream open, after one round of pings; and the data of the first event.
async fn growth(server: &Server, path: &str, streams: usize) -> Outcome<(f64, String)> {
    let request = get(server.address, path, "Accept: text/event-stream\r\n");
    let first = Connection::open(server.address).await?.follow(&request).await?;
    let event = first.first_data()?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = server.memory_bytes()?;
    let mut open: Vec<Stream> = Vec::with_capacity(streams);
    while open.len() < streams {
        let some = (open.len()..streams.min(open.len() + AT_ONCE)).map(|number| {
            let request = &request;
            async move { Connection::open_from(server.address, number).await?.follow(request).await }
        });
        open.extend(futures_util::future::try_join_all(some).await?);
    }
    tokio::time::sleep(Duration::from_secs(PING_SECONDS + 2)).await;
    let grown = server.memory_bytes()?.saturating_sub(before);
    Ok((grown as f64 / 1024.0 / streams as f64, event))
}
