//! How long a start takes: replaying a log against reading and parsing the same rows, and what checkpoints cost.
//!
//! It exists so that the ratios in the table of measurements are taken in one run, on one machine, of the same bytes. *Invariant:*
//! the reference does no more than it must: bare queries by page, and one JSON value a row.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use imaboard::app::SharedBoard;
use imaboard::checkpoint::Checkpoints;
use imaboard::data_folder::DataFolder;
use imaboard::fold::Folded;
use imaboard::log::Log;
use imaboard::recorder::{Intent, ReportIntent, Submission, SubmitError, new_id};
use imaboard::replay::replay;
use imaboard::settings::{Overrides, Settings, Sources, explain};
use imaboard::wiring::{self, Purpose};
use imaboard_domain::{Aspect, Channel, FacilityId, Observation, Operation, Value};
use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::task::JoinSet;

use crate::Failed;

/// Rows a page, as many as a replay reads at once.
const PAGE: i64 = 1_000;

const ROWS: &str = "SELECT seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash \
     FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2";

#[derive(sqlx::FromRow)]
#[expect(dead_code, reason = "decoding every column is what is measured")]
struct Row {
    seq: i64,
    id: Vec<u8>,
    recorded_at: i64,
    actor: String,
    channel: String,
    kind: String,
    subject: String,
    facts: String,
    digest: Option<String>,
    text: Option<String>,
    salt: Option<Vec<u8>>,
    text_hash: Option<Vec<u8>>,
    hash: Vec<u8>,
}

/// Reads every row of a SQLite log by page and parses its facts as JSON, one after the other; gives how many.
///
/// # Errors
/// If the database cannot be read or holds no JSON.
pub async fn read_and_parse(database: &Path) -> Result<u64, Failed> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    let pool = SqlitePool::connect_with(options).await?;
    let mut from = 1;
    let mut count = 0;
    loop {
        let page: Vec<Row> = sqlx::query_as(ROWS).bind(from).bind(PAGE).fetch(&pool).try_collect().await?;
        for row in &page {
            let facts: serde_json::Value = serde_json::from_str(&row.facts)?;
            std::hint::black_box(&facts);
        }
        count += page.len() as u64;
        match page.last() {
            Some(last) if page.len() as i64 == PAGE => from = last.seq + 1,
            _ => break,
        }
    }
    pool.close().await;
    Ok(count)
}

/// Folds the whole log without a checkpoint.
///
/// # Errors
/// If it cannot be read.
pub async fn replay_all(log: &Log) -> Result<Folded, Failed> {
    let end = log.head().await?.map_or(0, |(seq, _)| seq);
    Ok(replay(log, Folded::default(), end).await?.folded)
}

/// One measurement of a replay against its reference.
#[derive(Debug, Serialize)]
pub struct ReplayRounds {
    /// Entries on the log.
    pub entries: u64,
    /// Seconds of each replay.
    pub replay_seconds: Vec<f64>,
    /// Seconds of reading and parsing the same rows.
    pub reference_seconds: Vec<f64>,
    /// The median of the ratios, round by round.
    pub ratio: f64,
}

/// Replays and reads in turn.
///
/// # Errors
/// If the log cannot be read.
pub async fn replay_rounds(log: &Log, database: &Path, rounds: usize) -> Result<ReplayRounds, Failed> {
    let (mut replay_seconds, mut reference_seconds) = (Vec::new(), Vec::new());
    let mut entries = 0;
    for _ in 0..rounds {
        let started = Instant::now();
        entries = read_and_parse(database).await?;
        reference_seconds.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        let folded = replay_all(log).await?;
        replay_seconds.push(started.elapsed().as_secs_f64());
        if folded.board.position() != entries {
            return Err(format!("a replay of {entries} entries ended at {}", folded.board.position()).into());
        }
    }
    let ratio = median(replay_seconds.iter().zip(&reference_seconds).map(|(a, b)| a / b).collect());
    Ok(ReplayRounds { entries, replay_seconds, reference_seconds, ratio })
}

/// The middle of some numbers; 0 of none.
#[must_use]
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// What one checkpoint costs, and what other ways of writing it would.
#[derive(Debug, Serialize)]
pub struct CheckpointCost {
    /// The position it was taken at.
    pub seq: u64,
    /// Milliseconds during which the board is locked for reading: the copy.
    pub snapshot_ms: f64,
    /// Milliseconds to save it: copy, serialise, pack, hash, wait for the disk.
    pub save_ms: f64,
    /// Milliseconds to load it again, proof against the log included.
    pub load_ms: f64,
    /// Size of the file.
    pub file_bytes: u64,
    /// Size as MessagePack and milliseconds to write and read it, unpacked.
    pub messagepack: [f64; 3],
    /// The same as JSON.
    pub json: [f64; 3],
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Saves and loads a checkpoint of this log in its data folder.
///
/// # Errors
/// If log or data folder cannot be used.
pub async fn checkpoint_cost(log: &Log, folder: &DataFolder, now: Timestamp) -> Result<CheckpointCost, Failed> {
    let folded = replay_all(log).await?;
    let started = Instant::now();
    let json = serde_json::to_vec(&folded)?;
    let json_write = ms(started);
    let started = Instant::now();
    drop(serde_json::from_slice::<Folded>(&json)?);
    let json_costs = [json.len() as f64, json_write, ms(started)];
    let started = Instant::now();
    let packed = rmp_serde::to_vec_named(&folded)?;
    let packed_write = ms(started);
    let started = Instant::now();
    drop(rmp_serde::from_slice::<Folded>(&packed)?);
    let packed_costs = [packed.len() as f64, packed_write, ms(started)];

    let board = SharedBoard::resume(folded);
    let started = Instant::now();
    drop(board.snapshot());
    let snapshot_ms = ms(started);
    let checkpoints = Checkpoints::of(folder);
    drop(checkpoints.erase().await?);
    let started = Instant::now();
    let saved = checkpoints.save(log, &board, now).await?.ok_or("an empty log")?;
    let save_ms = ms(started);
    let started = Instant::now();
    let loaded = Checkpoints::of(folder).load(log).await?.ok_or("the checkpoint was not taken")?;
    let load_ms = ms(started);
    if loaded != board.snapshot() {
        return Err("the checkpoint is another board".into());
    }
    Ok(CheckpointCost {
        seq: saved.seq,
        snapshot_ms,
        save_ms,
        load_ms,
        file_bytes: saved.bytes,
        messagepack: packed_costs,
        json: json_costs,
    })
}

/// How long submissions waited for their receipt, with and without checkpoints beside them.
#[derive(Debug, Default, Serialize)]
pub struct Waits {
    /// Receipts in all rounds.
    pub receipts: usize,
    /// Receipts a second.
    pub per_second: f64,
    /// Half of all waited no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 waited no longer, in milliseconds.
    pub p99_ms: f64,
    /// The longest wait, in milliseconds.
    pub longest_ms: f64,
    /// Checkpoints saved meanwhile.
    pub checkpoints: usize,
}

/// Submits reports to the city of a data folder from many tasks at once, in rounds without and with checkpoints that follow each
/// other without a pause (far more often than the program itself saves them).
///
/// # Errors
/// If the city cannot be opened; a submission that is refused ends the measurement.
pub async fn waits(folder: DataFolder, submitters: usize, round: Duration, rounds: usize) -> Result<[Waits; 2], Failed> {
    let settings = Settings::load(&Sources::of_process(None, None, Overrides::default())).map_err(|p| explain(&p))?;
    let checkpoints = Checkpoints::of(&folder);
    let opened = wiring::open(settings, folder, Purpose::Write).await.map_err(|failed| failed.0)?;
    let facilities: Vec<FacilityId> = opened.app.board.read(|b| b.facilities().keys().cloned().collect());
    let mut all = [Waits::default(), Waits::default()];
    let mut waited = [Vec::new(), Vec::new()];
    for turn in 0..rounds * 2 {
        let with = turn % 2;
        let until = Instant::now() + round;
        let mut tasks = JoinSet::new();
        for at in 0..submitters {
            let (app, facility) = (Arc::clone(&opened.app), facilities[at % facilities.len()].clone());
            tasks.spawn(async move {
                let mut waited_ms = Vec::new();
                while Instant::now() < until {
                    let started = Instant::now();
                    app.recorder.submit(normal(&facility)).await?;
                    waited_ms.push(ms(started));
                }
                Ok::<_, SubmitError>(waited_ms)
            });
        }
        while with == 1 && Instant::now() < until {
            if checkpoints.save(&opened.log, &opened.app.board, opened.app.clock.now()).await?.is_some() {
                all[with].checkpoints += 1;
            }
        }
        while let Some(task) = tasks.join_next().await {
            waited[with].extend(task??);
        }
    }
    opened.close().await;
    for (waits, mut waited_ms) in all.iter_mut().zip(waited) {
        waited_ms.sort_by(f64::total_cmp);
        let part = |hundredth: usize| waited_ms.get(waited_ms.len() * hundredth / 100).copied().unwrap_or(0.0);
        waits.receipts = waited_ms.len();
        waits.per_second = waited_ms.len() as f64 / (round.as_secs_f64() * rounds as f64);
        (waits.p50_ms, waits.p99_ms) = (part(50), part(99));
        waits.longest_ms = waited_ms.last().copied().unwrap_or(0.0);
    }
    Ok(all)
}

fn normal(facility: &FacilityId) -> Submission {
    let value = Value::Operation { state: Operation::Normal, reopens: None };
    Submission {
        id: new_id(),
        channel: Channel::Qr,
        actor: "key:load".to_owned(),
        intent: Intent::Report(ReportIntent {
            facility: Some(facility.clone()),
            observations: vec![Observation { aspect: Aspect::Operation, value }],
            ..ReportIntent::default()
        }),
        text: None,
    }
}

/// Starts a built program on data folders in turn and gives, for each, the milliseconds to its ready line.
///
/// # Errors
/// If the program does not become ready.
pub fn ready_rounds(program: &Path, folders: &[&Path], rounds: usize) -> Result<Vec<Vec<f64>>, Failed> {
    let mut all = vec![Vec::new(); folders.len()];
    for _ in 0..rounds {
        for (folder, times) in folders.iter().zip(&mut all) {
            times.push(ready_after(program, folder)?.as_secs_f64() * 1e3);
        }
    }
    Ok(all)
}

/// Starts the program, waits for its ready line, and kills it, so that it leaves its folder as it was.
fn ready_after(program: &Path, folder: &Path) -> Result<Duration, Failed> {
    use std::io::BufRead as _;
    let doors = ["--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--ops-listen", "off"];
    let started = Instant::now();
    let mut child = std::process::Command::new(program)
        .arg("serve")
        .args(doors)
        .arg("--data")
        .arg(folder)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        std::io::BufReader::new(stdout).read_line(&mut line)?;
    }
    let took = started.elapsed();
    child.kill()?;
    child.wait()?;
    if line.starts_with("ready ") { Ok(took) } else { Err(format!("not ready but {line:?}").into()) }
}
