//! What one report costs in a city of 60,000 facilities, against a city of 60; and what a facility that never reports costs.
//!
//! One display is open, because a city hall has one: its picture of the whole city is made anew after each report. *Invariant:* the
//! same reports of the same facilities in both cities; the larger register begins with the smaller.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imaboard_load::city;
use serde_json::{Value, json};

use super::{Bench, text};
use crate::Outcome;
use crate::client::{Connection, Stream, get, post};
use crate::server::{self, Server, command};
use crate::table::{Line, Reach, median};

const SMALL: usize = 60;
const LARGE: usize = 60_000;
/// Any seed gives a plausible city; this one the same for everybody.
const SEED: u64 = 1;
const PATIENCE: Duration = Duration::from_secs(30);

/// CPU and bytes per report.
pub(super) async fn size(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("size")?;
    let reports = bench.scaled(200, 20);
    let mut large = Town::open(bench, &folder.join("large"), bench.scaled(LARGE, 3_000)).await?;
    let mut small = Town::open(bench, &folder.join("small"), SMALL).await?;
    let mut cpu = Line::new("CPU µs per report", Reach::AtMost(1.3));
    let mut bytes = Line::new("bytes per report to a display", Reach::AtMost(1.3));
    large.cost(20).await?;
    small.cost(20).await?;
    for _ in 0..bench.rounds() {
        let (a, b) = (large.cost(reports).await?, small.cost(reports).await?);
        cpu.add(a.0, b.0);
        bytes.add(a.1, b.1);
    }
    Ok(vec![cpu, bytes])
}

/// Bytes a silent facility takes in memory.
pub(super) async fn silent(bench: &Bench) -> Outcome<f64> {
    let folder = bench.folder("silent")?;
    let large = bench.scaled(LARGE, 3_000);
    let mut held = Vec::new();
    for (name, count) in [("small", SMALL), ("large", large)] {
        let data = found(&folder.join(name), count)?;
        // Started anew: what the import needed for itself is no cost of the facilities.
        let (board, _) = server::board(bench.server_core, &data, false)?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        held.push(board.memory_bytes()? as f64);
    }
    match held.as_slice() {
        [small, large_bytes] => Ok((large_bytes - small) / (large - SMALL) as f64),
        _ => Err("not measured".into()),
    }
}

/// A real city with a register of this size.
fn found(data: &Path, facilities: usize) -> Outcome<PathBuf> {
    command(data, &["init"])?;
    let register = data.with_extension("csv");
    std::fs::write(&register, city::csv(&city::facilities(facilities, SEED, &city::saikai()?)?)?)?;
    command(data, &["register", "import", text(&register)?])?;
    command(data, &["display", "add", "--json", "cityhall", "市役所"])?;
    Ok(data.to_owned())
}

/// A running city whose display is watched.
struct Town {
    board: Server,
    wall: Stream,
    /// Where to report, and for which service.
    doors: Vec<(String, Value)>,
    number: usize,
}

impl Town {
    async fn open(bench: &Bench, data: &Path, facilities: usize) -> Outcome<Self> {
        let data = found(data, facilities)?;
        let (board, _) = server::board(bench.server_core, &data, false)?;
        let request = get(board.address, "/wall/cityhall/events", "Accept: text/event-stream\r\n");
        let wall = Connection::open(board.address).await?.follow(&request).await?;
        let mut town = Self { board, wall, doors: Vec::new(), number: 0 };
        for facility in city::facilities(SMALL, SEED, &city::saikai()?)? {
            let key = command(&data, &["facility", "key", facility.id.as_str(), "--json"])?;
            let url = key["url"].as_str().unwrap_or_default();
            let path = url.splitn(4, '/').nth(3).map(|p| format!("/{p}/reports")).ok_or("no report URL")?;
            let mut connection = Connection::open(town.board.address).await?;
            for service in &facility.services {
                let door = (path.clone(), json!(service.id));
                let request = town.report(&door, 3);
                if connection.ask(&request).await?.status == 201 {
                    town.doors.push(door);
                    break;
                }
            }
        }
        if town.doors.is_empty() { Err("no facility can report".into()) } else { Ok(town) }
    }

    fn report(&self, door: &(String, Value), count: u32) -> Vec<u8> {
        let observation = json!({ "aspect": "vacancy", "service": door.1, "value": "", "count": count });
        let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] });
        post(self.board.address, &door.0, "application/json", "", &body.to_string())
    }

    /// CPU µs and bytes to the display per report, each report awaited until the display has it.
    async fn cost(&mut self, reports: usize) -> Outcome<(f64, f64)> {
        // A new connection each time: the server closes one that was silent while the other city had its turn.
        let mut connection = Connection::open(self.board.address).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.wall.drain();
        let before = (self.board.cpu()?, self.wall.bytes());
        for _ in 0..reports {
            let at = self.number % self.doors.len();
            // Full, then free again: something the display shows differs each time.
            let count = if (self.number / self.doors.len()).is_multiple_of(2) { 0 } else { 3 };
            let request = self.report(&self.doors[at], count);
            connection.ask(&request).await?.expect(201)?;
            tokio::time::timeout(PATIENCE, self.wall.change()).await.map_err(|_| "a report that the display never showed")??;
            self.number += 1;
        }
        let cpu = self.board.cpu()?.saturating_sub(before.0).as_secs_f64() * 1e6;
        let bytes = (self.wall.bytes() - before.1) as f64;
        Ok((cpu / reports as f64, bytes / reports as f64))
    }
}

/// Memory of the idle program, and of a facility that says nothing.
pub(super) async fn memory(bench: &Bench) -> Outcome<Vec<Line>> {
    let mut idle = Vec::new();
    for _ in 0..bench.scaled(3, 1) {
        let folder = bench.folder("memory")?;
        let (board, _) = server::board(bench.server_core, &folder.join("city"), true)?;
        tokio::time::sleep(Duration::from_secs(bench.scaled(8, 1) as u64)).await;
        idle.push(board.memory_bytes()? as f64 / 1e6);
    }
    let silent = silent(bench).await? / 1e3;
    let idle = vec![median(&idle)];
    Ok(vec![
        Line::alone("kB per silent facility", Reach::AtMost(2.0), vec![silent]),
        Line::alone("MB resident with the sample city, idle", Reach::AtMost(40.0), idle),
    ])
}
