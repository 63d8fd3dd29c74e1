//! What the size of a city costs: processor time and bytes of one report, memory of one silent facility, a page.
//!
//! *Invariant:* a small and a large city are measured by the same steps, so that only their size differs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imaboard_domain::{Facility, Grid};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use serde_json::json;

use crate::server::{Connection, Server, found};
use crate::{Failed, city};

/// What one report costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReportCost {
    /// Facilities of the city.
    pub facilities: usize,
    /// Reports sent.
    pub reports: usize,
    /// Processor time of the server for one report, with everything it sets off, in microseconds.
    pub cpu_us_per_report: f64,
    /// Bytes of the one open wall stream for one report.
    pub stream_bytes_per_report: f64,
    /// Bytes the server wrote for one report, to files and sockets together.
    pub written_bytes_per_report: f64,
    /// The front page, packed.
    pub front_gzip_bytes: usize,
    /// From asking for the front page to having it, first after a report, in microseconds; the median of ten.
    pub front_after_report_us: f64,
    /// The longest of all reports, in milliseconds.
    pub slowest_report_ms: f64,
}

/// Sends reports to random facilities of a generated city, over keep-alive connections, with one wall watching and the
/// front page fetched every second. `data` is filled with the city if it is empty.
///
/// # Errors
/// If the program does not start, or refuses a report.
pub fn report_cost(program: &Path, data: &Path, facilities: usize, reports: usize) -> Result<ReportCost, Failed> {
    found(program, data, facilities)?;
    let server = Server::start(program, data)?;
    // A display that was there already is refused or changed; either way it is there.
    drop(server.ask(&json!({ "do": "display_add", "id": "measured", "name": "measured", "areas": [] })));
    let all = city::facilities(facilities, 1, &city::saikai()?)?;
    let able: Vec<&Facility> = all.iter().filter(|f| f.services.iter().any(|s| s.kind.grid().is_some())).collect();
    let mut random = StdRng::seed_from_u64(7);
    let chosen: Vec<&Facility> = (0..reports).map(|_| able[random.random_range(0..able.len())]).collect();
    let mut paths = std::collections::BTreeMap::new();
    for f in &chosen {
        if !paths.contains_key(&f.id) {
            paths.insert(&f.id, server.report_path(f.id.as_str())?);
        }
    }
    Connection::open(&server.public)?.fetch("/")?;
    let stream = Connection::open(&server.public)?.follow("/wall/measured/events")?;
    std::thread::sleep(Duration::from_secs(1));

    let mut sender = Connection::open(&server.public)?;
    let over = AtomicBool::new(false);
    let (before, stream_before) = (server.books()?, stream.load(Ordering::Relaxed));
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| -> Result<(), Failed> {
        let public = &server.public;
        let over = &over;
        scope.spawn(move || {
            let Ok(mut reader) = Connection::open(public) else { return };
            while !over.load(Ordering::Relaxed) {
                if reader.fetch("/").is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let sent = chosen.iter().try_for_each(|f| {
            let began = Instant::now();
            let count: u32 = random.random_range(0..6);
            let answer = sender.post(&paths[&f.id], &report(f, &mut random, count))?;
            slowest = slowest.max(began.elapsed());
            if answer.status == 201 {
                Ok(())
            } else {
                Err(format!("{}: {} {}", f.id, answer.status, String::from_utf8_lossy(&answer.body)).into())
            }
        });
        over.store(true, Ordering::Relaxed);
        sent
    })?;
    let (after, stream_after) = (server.books()?, stream.load(Ordering::Relaxed));

    // A new one: the server has closed what was idle for so long.
    let mut visitor = Connection::open(&server.public)?;
    let mut waits = Vec::new();
    let mut front_gzip_bytes = 0;
    for f in chosen.iter().take(10) {
        sender.post(&paths[&f.id], &report(f, &mut random, 1))?;
        let began = Instant::now();
        front_gzip_bytes = visitor.fetch("/")?.body.len();
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    server.stop()?;
    let per = |n: u64| n as f64 / reports as f64;
    Ok(ReportCost {
        facilities,
        reports,
        cpu_us_per_report: per(after.cpu_us - before.cpu_us),
        stream_bytes_per_report: per(stream_after - stream_before),
        written_bytes_per_report: per(after.written_bytes - before.written_bytes),
        front_gzip_bytes,
        front_after_report_us: waits.get(waits.len() / 2).map_or(0.0, |w| w.as_secs_f64() * 1e6),
        slowest_report_ms: slowest.as_secs_f64() * 1e3,
    })
}

#[expect(clippy::disallowed_methods, reason = "a measurement takes place now")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A report of one cell, as a form sends it.
fn report(facility: &Facility, random: &mut StdRng, count: u32) -> serde_json::Value {
    let service = facility.services.iter().find(|s| s.kind.grid().is_some());
    let today = imaboard_domain::city_date(now());
    let cell = service.and_then(|s| s.cells_now(today).first().copied());
    let observation = match (service, cell) {
        (Some(s), Some(cell)) if s.kind.grid() == Some(Grid::Beds) => {
            let most = s.capacity.unwrap_or(1).min(count);
            json!({ "aspect": "vacancy", "service": s.id, "cell": cell, "count": most })
        }
        (Some(s), Some(cell)) => {
            let word = ["available", "few", "full"][count as usize % 3];
            json!({ "aspect": "vacancy", "service": s.id, "cell": cell, "value": word })
        }
        _ => json!({ "aspect": "operation", "value": "normal" }),
    };
    // Version 7 without a library: 48 bits of time, the version, the rest random.
    let now_ms = u128::from(now().as_millisecond().unsigned_abs());
    let low: u128 = random.random::<u128>() & 0x0000_0000_0000_0FFF_3FFF_FFFF_FFFF_FFFF;
    let n = (now_ms << 80) | (0x7 << 76) | (0b10 << 62) | low;
    let hex = format!("{n:032x}");
    let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    json!({ "id": id, "observations": [observation] })
}

/// What a silent facility holds of memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Memory {
    /// Facilities of the large city.
    pub facilities: usize,
    /// Seconds its import took; 0 if the city was there already.
    pub import_s: f64,
    /// Seconds from its start until it was ready.
    pub start_s: f64,
    /// The program with it, after a restart.
    pub resident_bytes: u64,
    /// The program with ten facilities, after a restart.
    pub base_bytes: u64,
    /// The difference for one facility.
    pub bytes_per_facility: f64,
}

/// Memory of a city in which nobody has said anything, against a city of ten, both after a restart and one look at the
/// front page. Works in two folders below `data`, which are filled if they are empty.
///
/// # Errors
/// If the program does not start.
pub fn memory(program: &Path, data: &Path, facilities: usize) -> Result<Memory, Failed> {
    const FEW: usize = 10;
    let resident = |folder: &Path, n: usize| -> Result<(f64, f64, u64), Failed> {
        let import_s = found(program, folder, n)?;
        let began = Instant::now();
        let server = Server::start(program, folder)?;
        let start_s = began.elapsed().as_secs_f64();
        Connection::open(&server.public)?.fetch("/")?;
        std::thread::sleep(Duration::from_secs(1));
        let books = server.books()?;
        server.stop()?;
        Ok((import_s, start_s, books.resident_bytes))
    };
    let (_, _, base_bytes) = resident(&data.join("few"), FEW)?;
    let (import_s, start_s, resident_bytes) = resident(&data.join(format!("silent-{facilities}")), facilities)?;
    let more = resident_bytes.saturating_sub(base_bytes) as f64;
    let bytes_per_facility = more / facilities.saturating_sub(FEW).max(1) as f64;
    Ok(Memory { facilities, import_s, start_s, resident_bytes, base_bytes, bytes_per_facility })
}
