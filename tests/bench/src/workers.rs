//! What runs in a process of its own, pinned to the servers' core: the recorder's door, bare rows, a bare stream server.
//!
//! *Invariant:* both sides of a comparison run in the same way: one worker thread of the runtime, and the threads SQLite needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::response::sse::{Event, KeepAlive, Sse};
use clap::Subcommand;
use futures_util::StreamExt;
use imaboard::app::{App, SharedBoard};
use imaboard::checkpoint::Checkpoints;
use imaboard::clock::{Clock, SystemClock};
use imaboard::data_folder::DataFolder;
use imaboard::log::{DatabasePlace, Log, OpenMode};
use imaboard::recorder::{Intent, ReportIntent, Submission, new_id};
use imaboard::settings::{Overrides, Settings, Sources};
use imaboard::wiring::{self, Opened, Purpose};
use imaboard::{sample, telemetry};
use imaboard_domain::{Channel, FacilityId, Observation, RawObservation, Rules, city_date};
use imaboard_load::history::History;
use imaboard_load::{city, start};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio_stream::wrappers::BroadcastStream;

use crate::rows::PAUSE;
use crate::{Outcome, print};

/// The sides of comparisons that are no servers of somebody else.
#[derive(Debug, Subcommand)]
pub(crate) enum Worker {
    /// Submits reports at the recorder's door, 256 at once.
    Recorder { data: PathBuf, reports: usize },
    /// Inserts the rows of a log bare, 256 per transaction.
    Bare { log: PathBuf, copy: PathBuf, rows: usize },
    /// Times single commits of one row.
    Commits { log: PathBuf, copy: PathBuf, commits: usize },
    /// Writes a year of a city of 600 facilities in this many entries.
    History { data: PathBuf, entries: u64 },
    /// Saves a checkpoint of a log.
    Checkpoint { data: PathBuf },
    /// Starts the program on two folders in turn; gives milliseconds until it was ready.
    Starts { program: PathBuf, long: PathBuf, short: PathBuf, rounds: usize },
    /// Replays a log, and reads and parses the same rows, in turn; gives seconds.
    Replay { data: PathBuf, rounds: usize },
    /// Serves one event to every stream and then pings.
    Streams { event: PathBuf, ping_seconds: u64 },
    /// Takes reports over HTTP and stores nothing.
    Posts,
}

/// Does one worker's work.
pub(crate) fn run(worker: Worker) -> Outcome<()> {
    let result = match worker {
        Worker::Recorder { data, reports } => runtime()?.block_on(recorder(data, reports))?,
        Worker::Bare { log, copy, rows } => runtime()?.block_on(bare(&log, &copy, rows))?,
        Worker::Commits { log, copy, commits } => runtime()?.block_on(single_commits(&log, &copy, commits))?,
        Worker::History { data, entries } => runtime()?.block_on(history(data, entries))?,
        Worker::Checkpoint { data } => runtime()?.block_on(checkpoint(data))?,
        Worker::Starts { program, long, short, rounds } => json!(start::ready_rounds(&program, &[&long, &short], rounds)?),
        Worker::Replay { data, rounds } => runtime()?.block_on(replay(data, rounds))?,
        Worker::Streams { event, ping_seconds } => return runtime()?.block_on(streams(&event, ping_seconds)),
        Worker::Posts => return runtime()?.block_on(posts()),
    };
    print(&format!("{result}\n"))
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// How many wait at once, and the most that share a commit (the setting `recorder.batch_entries`).
pub(crate) const AT_ONCE: usize = 256;

/// Opens a city as `serve` does; a new folder becomes the sample city.
pub(crate) async fn open(data: PathBuf) -> Outcome<Opened> {
    let sources = Sources::of_process(None, Some(data.clone()), Overrides::default());
    let settings = Settings::load(&sources).map_err(|problems| imaboard::settings::explain(&problems))?;
    telemetry::init(&settings.log)?;
    let opened = wiring::open(settings, DataFolder::open(data)?, Purpose::Write).await.map_err(|failed| failed.0)?;
    wiring::found(&opened.app, true).await.map_err(|failed| failed.0)?;
    sample::load(&opened.app).await.map_err(|failed| failed.0)?;
    Ok(opened)
}

/// Vacancies that the facilities of the city can report, one a service.
fn vacancies(app: &App) -> Vec<(FacilityId, Observation)> {
    app.look(|m| {
        let rules = Rules { today: city_date(m.now), thresholds: app.thresholds, incident: false };
        let mut found = Vec::new();
        for held in m.facilities() {
            for service in &held.facility.services {
                let raw = json!({ "aspect": "vacancy", "service": service.id, "value": "available", "count": 2 });
                let Ok(raw) = serde_json::from_value::<RawObservation>(raw) else { continue };
                if let Ok(observations) = Observation::parse(&[raw], &held.facility, rules) {
                    found.extend(observations.into_iter().map(|o| (held.facility.id.clone(), o)));
                }
            }
        }
        found
    })
}

async fn recorder(data: PathBuf, reports: usize) -> Outcome<Value> {
    let metrics = telemetry::install_metrics();
    let opened = open(data).await?;
    let app = Arc::clone(&opened.app);
    let says = Arc::new(vacancies(&app));
    if says.is_empty() {
        return Err("no facility can report".into());
    }
    let commits = |text: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix("imaboard_commit_seconds_count "));
        line.and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let before = commits(&metrics.render());
    let next = Arc::new(AtomicUsize::new(0));
    let cpu = crate::machine::cpu_of(std::process::id())?;
    let started = Instant::now();
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (app, says, next) = (Arc::clone(&app), Arc::clone(&says), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= reports {
                        return Ok(());
                    }
                    let (facility, observation) = says[number % says.len()].clone();
                    let intent =
                        ReportIntent { facility: Some(facility), observations: vec![observation], ..ReportIntent::default() };
                    let submission = Submission {
                        id: new_id(),
                        channel: Channel::Qr,
                        actor: "key:bench".to_owned(),
                        intent: Intent::Report(intent),
                        text: None,
                    };
                    app.recorder.submit(submission).await.map_err(|error| error.to_string())?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?.map_err(|error: String| error)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu = crate::machine::cpu_of(std::process::id())?.saturating_sub(cpu);
    let commits = commits(&metrics.render()) - before;
    drop(app);
    opened.close().await;
    Ok(json!({ "reports": reports, "seconds": seconds, "commits": commits, "cpu_seconds": cpu.as_secs_f64() }))
}

/// One row of the log as it lies in the database.
struct Row {
    id: Vec<u8>,
    recorded_at: i64,
    words: [String; 5],
    digest: Option<String>,
    hash: Vec<u8>,
}

/// The newest reports of a log.
async fn rows_of(log: &Path, rows: usize) -> Outcome<Vec<Row>> {
    let mut connection = SqliteConnectOptions::new().filename(log).read_only(true).connect().await?;
    let found = sqlx::query(
        "SELECT id, recorded_at, actor, channel, kind, subject, facts, digest, hash FROM entries \
         WHERE kind = 'report' AND actor = 'key:bench' ORDER BY seq DESC LIMIT $1",
    )
    .bind(i64::try_from(rows)?)
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    let row = |row: &sqlx::sqlite::SqliteRow| {
        Ok(Row {
            id: row.try_get(0)?,
            recorded_at: row.try_get(1)?,
            words: [row.try_get(2)?, row.try_get(3)?, row.try_get(4)?, row.try_get(5)?, row.try_get(6)?],
            digest: row.try_get(7)?,
            hash: row.try_get(8)?,
        })
    };
    let found = found.iter().map(row).collect::<Result<Vec<_>, sqlx::Error>>()?;
    if found.len() < rows { Err(format!("only {} rows to insert", found.len()).into()) } else { Ok(found) }
}

/// An empty database with the tables, indexes and settings of the log.
async fn bare_database(copy: &Path) -> Outcome<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(copy)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "16777216")
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    sqlx::raw_sql(include_str!("../../../migrations/sqlite/0001_log.sql")).execute(&mut connection).await?;
    Ok(connection)
}

/// Rows of one statement: sqlx hands each statement to a thread, and the reference should not wait for that at every row.
const ROWS_AT_ONCE: usize = 32;

fn insert_of(rows: usize) -> String {
    let row = |at: usize| {
        let n: Vec<String> = (1..=10).map(|column| format!("${}", at * 10 + column)).collect();
        format!("({}, NULL, NULL, NULL, {})", n[..9].join(", "), n[9])
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO entries (seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash) \
         VALUES {}",
        rows.join(", ")
    )
}

/// One transaction, as an append does it: move the head, insert, seal the head, commit.
async fn insert(connection: &mut SqliteConnection, rows: &[Row]) -> Outcome<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let last: i64 = sqlx::query_scalar("UPDATE head SET seq = seq + $1 WHERE one = 1 RETURNING seq")
        .bind(i64::try_from(rows.len())?)
        .fetch_one(&mut *transaction)
        .await?;
    let mut seq = last - i64::try_from(rows.len())?;
    for some in rows.chunks(ROWS_AT_ONCE) {
        let sql = insert_of(some.len());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in some {
            seq += 1;
            let [actor, channel, kind, subject, facts] = &row.words;
            query = query.bind(seq).bind(&row.id).bind(row.recorded_at).bind(actor).bind(channel).bind(kind).bind(subject);
            query = query.bind(facts).bind(&row.digest).bind(&row.hash);
        }
        query.execute(&mut *transaction).await?;
    }
    let hash = rows.last().map(|row| row.hash.as_slice());
    sqlx::query("UPDATE head SET hash = $1 WHERE one = 1 AND seq = $2").bind(hash).bind(last).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

async fn bare(log: &Path, copy: &Path, rows: usize) -> Outcome<Value> {
    let rows = rows_of(log, rows).await?;
    let mut connection = bare_database(copy).await?;
    let started = Instant::now();
    for batch in rows.chunks(AT_ONCE) {
        insert(&mut connection, batch).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(json!({ "rows": rows.len(), "seconds": seconds }))
}

async fn single_commits(log: &Path, copy: &Path, commits: usize) -> Outcome<Value> {
    let rows = rows_of(log, commits).await?;
    let mut connection = bare_database(copy).await?;
    let mut micros = Vec::with_capacity(commits);
    for row in rows.chunks(1) {
        // The pace of presses, so that disk and caches are as rested here as there.
        tokio::time::sleep(PAUSE).await;
        let started = Instant::now();
        insert(&mut connection, row).await?;
        micros.push(started.elapsed().as_secs_f64() * 1e6);
    }
    connection.close().await?;
    Ok(json!({ "micros": micros }))
}

/// Facilities of the city with a history.
const FACILITIES: usize = 600;

async fn log_of(data: PathBuf, mode: OpenMode) -> Outcome<(DataFolder, Log)> {
    let folder = DataFolder::open(data)?;
    let log = Log::open(&DatabasePlace::Sqlite(folder.database()), mode).await?;
    Ok((folder, log))
}

async fn history(data: PathBuf, entries: u64) -> Outcome<Value> {
    let (_, log) = log_of(data, OpenMode::Write).await?;
    let facilities = city::facilities(FACILITIES, 1, &city::saikai()?)?;
    History::new(facilities, entries, SystemClock.now(), 1).write(&log, |_| {}).await?;
    log.close().await;
    Ok(Value::Null)
}

async fn checkpoint(data: PathBuf) -> Outcome<Value> {
    let (folder, log) = log_of(data, OpenMode::Read).await?;
    let board = SharedBoard::resume(start::replay_all(&log).await?);
    let checkpoints = Checkpoints::of(&folder);
    drop(checkpoints.erase().await?);
    checkpoints.save(&log, &board, SystemClock.now()).await?.ok_or("no checkpoint of an empty log")?;
    log.close().await;
    Ok(Value::Null)
}

async fn replay(data: PathBuf, rounds: usize) -> Outcome<Value> {
    let (folder, log) = log_of(data, OpenMode::Read).await?;
    let done = start::replay_rounds(&log, &folder.database(), rounds).await?;
    log.close().await;
    Ok(json!([done.replay_seconds, done.reference_seconds]))
}

/// A bare event stream server as axum's documentation shows it: the first event from shared bytes, then what is broadcast.
async fn streams(event: &Path, ping_seconds: u64) -> Outcome<()> {
    let data: Arc<str> = std::fs::read_to_string(event)?.into();
    let (news, _) = tokio::sync::broadcast::channel::<Arc<str>>(64);
    let keep = news.clone();
    let router = axum::Router::new().route(
        "/events",
        axum::routing::get(move || {
            let (data, later) = (Arc::clone(&data), BroadcastStream::new(news.subscribe()));
            async move {
                let first = futures_util::stream::once(async move { data });
                let later = later.filter_map(|event| std::future::ready(event.ok()));
                let events = first.chain(later).map(|data| Ok::<_, std::convert::Infallible>(Event::default().data(data)));
                Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(ping_seconds)))
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    print(&format!("{}\n", listener.local_addr()?))?;
    axum::serve(listener, router).await?;
    drop(keep);
    Ok(())
}

/// The least a web server in front of the recorder would do: reads a report's JSON and answers 201 with as much.
async fn posts() -> Outcome<()> {
    let answer =
        axum::routing::post(async |axum::Json(sent): axum::Json<Value>| (axum::http::StatusCode::CREATED, axum::Json(sent)));
    let router = axum::Router::new().route("/r/{key}/reports", answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    print(&format!("{}\n", listener.local_addr()?))?;
    Ok(axum::serve(listener, router).await?)
}
