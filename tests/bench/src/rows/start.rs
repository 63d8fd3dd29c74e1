//! Starts: with a checkpoint, whatever the length of the history; and without one, against reading and parsing the same rows.
//!
//! *Invariant:* the histories are of the same city, and both starts end with the whole board and open doors.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Bench, text};
use crate::Outcome;
use crate::server::{imaboard, work};
use crate::table::{Line, Reach};

const LONG: usize = 1_000_000;
const SHORT: usize = 10_000;

/// Start-up with a checkpoint: a long history against a short one.
pub(super) async fn start(bench: &Bench) -> Outcome<Vec<Line>> {
    let long = history(bench, "long", bench.scaled(LONG, 20_000))?;
    let short = history(bench, "short", bench.scaled(SHORT, 4_000))?;
    for data in [&long, &short] {
        work(bench.server_core, &["checkpoint", text(data)?])?;
    }
    let program = imaboard()?;
    let rounds = bench.rounds().to_string();
    let times = work(bench.server_core, &["starts", text(&program)?, text(&long)?, text(&short)?, &rounds])?;
    let mut line = Line::new("ms until ready", Reach::AtMost(1.3));
    for (a, b) in list(&times, 0)?.into_iter().zip(list(&times, 1)?) {
        line.add(a, b);
    }
    Ok(vec![line])
}

/// Replay without a checkpoint.
pub(super) async fn replay(bench: &Bench) -> Outcome<Vec<Line>> {
    let long = history(bench, "long", bench.scaled(LONG, 20_000))?;
    let times = work(bench.server_core, &["replay", text(&long)?, &bench.rounds().min(3).to_string()])?;
    let mut line = Line::new("s", Reach::AtMost(2.0));
    for (a, b) in list(&times, 0)?.into_iter().zip(list(&times, 1)?) {
        line.add(a, b);
    }
    Ok(vec![line])
}

fn list(times: &Value, at: usize) -> Outcome<Vec<f64>> {
    Ok(serde_json::from_value(times[at].clone())?)
}

/// A city with a year of reports; the two rows share it, because writing a million entries takes longer than measuring them.
fn history(bench: &Bench, name: &str, entries: usize) -> Outcome<PathBuf> {
    let data: &Path = &bench.kept(&format!("history-{name}-{entries}"));
    if !data.join("imaboard.db").is_file() || !data.join("whole").is_file() {
        if data.exists() {
            std::fs::remove_dir_all(data)?;
        }
        std::fs::create_dir_all(data)?;
        work(bench.server_core, &["history", text(data)?, &entries.to_string()])?;
        std::fs::write(data.join("whole"), "")?;
    }
    Ok(data.to_owned())
}
