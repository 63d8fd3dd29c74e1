//! The front page, whole and as 304, against nginx serving the same bytes from a file.
//!
//! nginx gets what helps it: its cache of open files, sendfile, the page compressed beforehand, no access log. *Invariant:* both
//! sides send the same body and the same headers, compared before the first round.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use imaboard::clock::{Clock as _, SystemClock};

use super::Bench;
use crate::Outcome;
use crate::client::{Answer, Connection, get};
use crate::server::{self, Server};
use crate::table::{Line, Reach};

const CONNECTIONS: usize = 64;
const ACCEPT: &str = "Accept-Encoding: gzip\r\n";
/// Headers that nginx makes itself, with values of its own.
const ITS_OWN: [&str; 7] = ["date", "etag", "content-length", "content-type", "content-encoding", "vary", "connection"];

pub(super) async fn front(bench: &Bench) -> Outcome<Vec<Line>> {
    compare(bench, 200).await
}

pub(super) async fn not_modified(bench: &Bench) -> Outcome<Vec<Line>> {
    compare(bench, 304).await
}

async fn compare(bench: &Bench, status: u16) -> Outcome<Vec<Line>> {
    let folder = bench.folder("pages")?;
    let (board, _) = server::board(bench.server_core, &folder.join("city"), false)?;
    // The first answer is a rendering, with a number for the log; all others are handed out as they lie.
    ask(board.address, "/", ACCEPT).await?.expect(200)?;
    let page = ask(board.address, "/", ACCEPT).await?.expect(200)?;
    let nginx = nginx_with(bench, &folder, &page, board.address).await?;
    let file = ask(nginx.address, "/index.html", ACCEPT).await?.expect(200)?;
    same(&page, &file)?;

    let seconds = bench.scaled(3, 1);
    let sides = [(&board, "/"), (&nginx, "/index.html")];
    for (server, path) in sides {
        load(server, path, 1, status).await?;
    }
    let mut speed = Line::new("requests/s", Reach::AtLeast(1.0));
    let mut cost = Line::new("CPU µs per request", Reach::AtMost(1.0));
    for _ in 0..bench.rounds() {
        let ours = load(sides[0].0, sides[0].1, seconds, status).await?;
        let theirs = load(sides[1].0, sides[1].1, seconds, status).await?;
        speed.add(ours.0, theirs.0);
        cost.add(ours.1, theirs.1);
    }
    Ok(vec![speed, cost])
}

async fn ask(address: SocketAddr, path: &str, headers: &str) -> Outcome<Answer> {
    Connection::open(address).await?.ask(&get(address, path, headers)).await
}

/// nginx with our page as a file, compressed and plain, and our headers.
async fn nginx_with(bench: &Bench, folder: &Path, page: &Answer, board: SocketAddr) -> Outcome<Server> {
    let root = folder.join("root");
    std::fs::create_dir_all(&root)?;
    std::fs::write(root.join("index.html.gz"), &page.body)?;
    std::fs::write(root.join("index.html"), ask(board, "/", "").await?.expect(200)?.body)?;
    let mut headers = String::new();
    for (name, value) in page.headers() {
        if !ITS_OWN.contains(&name.as_str()) {
            headers.push_str(&format!("add_header {name} \"{}\";\n", value.replace('"', "\\\"")));
        }
    }
    let http = format!(
        "types {{ text/html html; }}\ncharset utf-8;\ngzip_static on;\ngzip_vary on;\nopen_file_cache max=100 inactive=1h;\n\
         open_file_cache_valid 1h;\nserver {{ listen LISTEN;\nroot {};\nmax_ranges 0;\nadd_header Last-Modified \"\";\n{headers} }}",
        root.display()
    );
    server::nginx(bench.server_core, folder, "", &http)
}

/// Refuses a comparison of different answers.
fn same(ours: &Answer, theirs: &Answer) -> Outcome<()> {
    if ours.body != theirs.body {
        return Err("nginx sends another body".into());
    }
    let names = |answer: &Answer| {
        let mut names: Vec<String> = answer.headers().into_iter().map(|(name, _)| name).collect();
        // hyper keeps a connection of HTTP/1.1 open without saying so; nginx says so, and who it is.
        names.retain(|name| !matches!(name.as_str(), "connection" | "server"));
        names.sort();
        names
    };
    let (a, b) = (names(ours), names(theirs));
    if a == b { Ok(()) } else { Err(format!("different headers: {a:?} and {b:?}").into()) }
}

/// Requests per second, and server CPU in µs per request.
async fn load(server: &Server, path: &str, seconds: usize, status: u16) -> Outcome<(f64, f64)> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-H", "Accept-Encoding: gzip"]);
    if status == 304 {
        // The page changes every minute: the newest tag is asked for before each round, and none begins that the minute would end.
        let second = SystemClock.now().as_second().rem_euclid(60).unsigned_abs();
        if second + seconds as u64 >= 59 {
            tokio::time::sleep(Duration::from_secs(61 - second)).await;
        }
        let tag = ask(server.address, path, ACCEPT).await?.expect(200)?.header("etag").ok_or("no ETag")?;
        ask(server.address, path, &format!("{ACCEPT}If-None-Match: {tag}\r\n")).await?.expect(304)?;
        wrk.args(["-H", &format!("If-None-Match: {tag}")]);
    }
    let before = server.cpu()?;
    let output = wrk.arg(format!("http://{}{path}", server.address)).output()?;
    let cpu = server.cpu()?.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let requests = said.lines().find_map(|l| l.split_once(" requests in ").and_then(|(n, _)| number(n)));
    let speed = said.lines().find_map(|l| l.strip_prefix("Requests/sec:").and_then(number));
    match (requests, speed) {
        (Some(requests), Some(speed)) if !said.contains("Non-2xx") && !said.contains("Socket errors") => {
            Ok((speed, cpu.as_secs_f64() * 1e6 / requests))
        }
        _ => Err(format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
