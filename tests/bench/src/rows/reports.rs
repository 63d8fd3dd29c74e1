//! Durable reports: at the recorder's door against bare inserts, and through HTTP against the recorder's door.
//!
//! *Invariant:* every report is a new entry with an id of its own, acknowledged after its commit; the bare side inserts the very rows
//! the recorder wrote, into the same tables with the same indexes and settings, and waits for the disk as often as a full batch does.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Bench, text};
use crate::Outcome;
use crate::client::{Connection, post};
use crate::server::{self, Server, command};
use crate::table::{Line, Reach};
use crate::workers::AT_ONCE;

pub(super) async fn recorder(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("recorder")?;
    let mut speed = Line::new("reports/s", Reach::AtLeast(0.5));
    let mut commits = Vec::new();
    for round in 0..bench.rounds() {
        let (ours, per_report) = door(bench, &folder.join(format!("city-{round}")))?;
        let log = folder.join(format!("city-{round}/imaboard.db"));
        let copy = folder.join(format!("bare-{round}.db"));
        let bare = server::work(bench.server_core, &["bare", text(&log)?, text(&copy)?, &count(bench).to_string()])?;
        speed.add(ours, count(bench) as f64 / number(&bare, "seconds")?);
        commits.push(per_report);
    }
    // 1/16 commit per report.
    Ok(vec![speed, Line::alone("commits per 16 reports", Reach::AtMost(1.0), commits.iter().map(|c| c * 16.0).collect())])
}

pub(super) async fn http(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("reports")?;
    let data = folder.join("city");
    let (board, _) = server::board(bench.server_core, &data, false)?;
    let targets = targets(&board, &data).await?;
    let mut speed = Line::new("reports/s", Reach::AtLeast(0.5));
    post_all(board.address, &targets, 1_000).await?;
    for round in 0..bench.rounds() {
        let ours = post_all(board.address, &targets, count(bench)).await?;
        let (theirs, _) = door(bench, &folder.join(format!("door-{round}")))?;
        speed.add(ours, theirs);
    }
    Ok(vec![speed])
}

/// The same against what no program with this web library and this recorder could exceed: a handler that stores nothing and the
/// recorder's door, one after the other on the same core.
pub(super) async fn ceiling(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("posts")?;
    let data = folder.join("city");
    let (board, _) = server::board(bench.server_core, &data, false)?;
    let targets = targets(&board, &data).await?;
    let bare = server::worker(bench.server_core, &["posts"])?;
    let mut speed = Line::new("reports/s", Reach::AtLeast(0.5));
    for address in [board.address, bare.address] {
        post_all(address, &targets, 1_000).await?;
    }
    for round in 0..bench.rounds() {
        let ours = post_all(board.address, &targets, count(bench)).await?;
        let web = post_all(bare.address, &targets, count(bench)).await?;
        let (door, _) = door(bench, &folder.join(format!("door-{round}")))?;
        speed.add(ours, 1.0 / (1.0 / web + 1.0 / door));
    }
    Ok(vec![speed])
}

fn count(bench: &Bench) -> usize {
    bench.scaled(20_000, 2_000)
}

fn number(value: &Value, name: &str) -> Outcome<f64> {
    value[name].as_f64().ok_or_else(|| format!("no {name} in {value}").into())
}

/// Reports per second and commits per report at the recorder's door of a new sample city.
fn door(bench: &Bench, data: &Path) -> Outcome<(f64, f64)> {
    let result = server::work(bench.server_core, &["recorder", text(data)?, &count(bench).to_string()])?;
    let (reports, seconds) = (number(&result, "reports")?, number(&result, "seconds")?);
    Ok((reports / seconds, number(&result, "commits")? / reports))
}

/// Where a report can be sent, and what it says.
struct Target {
    path: String,
    observation: Value,
}

/// One report that is accepted for each service of some facilities.
async fn targets(board: &Server, data: &Path) -> Outcome<Vec<Target>> {
    let facilities = command(data, &["facility", "list", "--json"])?;
    let mut targets = Vec::new();
    for facility in facilities.as_array().into_iter().flatten().take(24) {
        let key = command(data, &["facility", "key", facility["id"].as_str().unwrap_or_default(), "--json"])?;
        let url = key["url"].as_str().unwrap_or_default();
        let path = url.splitn(4, '/').nth(3).map(|p| format!("/{p}/reports")).ok_or("no report URL")?;
        // A new one each time: the server closes a connection that is silent while commands run.
        let mut connection = Connection::open(board.address).await?;
        for service in facility["services"].as_array().into_iter().flatten() {
            let observation = json!({ "aspect": "vacancy", "service": service["id"], "value": "available", "count": 2 });
            let target = Target { path: path.clone(), observation };
            if connection.ask(&request(board.address, &target)).await?.status == 201 {
                targets.push(target);
            }
        }
    }
    if targets.is_empty() { Err("no facility can report".into()) } else { Ok(targets) }
}

fn request(address: SocketAddr, target: &Target) -> Vec<u8> {
    let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [target.observation] });
    post(address, &target.path, "application/json", "", &body.to_string())
}

/// Reports per second over 256 connections.
async fn post_all(address: SocketAddr, targets: &[Target], reports: usize) -> Outcome<f64> {
    let mut connections = Vec::with_capacity(AT_ONCE);
    for number in 0..AT_ONCE {
        connections.push(Connection::open_from(address, number).await?);
    }
    let next = Rc::new(Cell::new(0_usize));
    let started = Instant::now();
    let posting = connections.into_iter().map(|mut connection| {
        let next = Rc::clone(&next);
        async move {
            loop {
                let number = next.replace(next.get() + 1);
                if number >= reports {
                    return Outcome::Ok(());
                }
                connection.ask(&request(address, &targets[number % targets.len()])).await?.expect(201)?;
            }
        }
    });
    futures_util::future::try_join_all(posting).await?;
    Ok(reports as f64 / started.elapsed().as_secs_f64())
}
