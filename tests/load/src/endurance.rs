//! A year of city life in an hour: does the program stay as small as it was?
//!
//! The year is compressed by its rate and not by its clock, because a program whose clock can be turned is not the one that
//! runs: a hundred thousand and more reports, presses, incidents with roll calls, notices and displays that come and go happen
//! as often as in a year, only closer together. What ages by the clock (freshness) is not compressed; the tests of ageing have
//! a clock of their own. *Invariant:* whatever was answered with 201 or acknowledged counts; the log must hold exactly as many
//! entries more.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Failed;
use crate::running::{Running, Usage};

/// How much happens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How long it takes here.
    pub seconds: u64,
    /// Reports in all: 60 facilities that report six times a day make 131,400 a year.
    pub reports: u64,
    /// Memory may grow by this much a year and still counts as flat: what the board knows grows by postings, incidents and
    /// days on the chart.
    pub most_growth_mb_per_year: f64,
}

const DAYS: u64 = 365;
const BUTTONS: usize = 20;
const DISPLAYS: usize = 12;
const READERS: usize = 4;
/// Different words that people look for: their lists weigh a few MB, so that the budget of rendered pages is no growth.
const WORDS: u32 = 200;
/// Reports under way at once.
const AT_ONCE: usize = 32;
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Tally {
    reports: AtomicU64,
    presses: AtomicU64,
    busy: AtomicU64,
    reconnects: AtomicU64,
    pages: AtomicU64,
    streams: AtomicU64,
    incidents: AtomicU64,
    postings: AtomicU64,
    failures: AtomicU64,
    in_incident: AtomicBool,
}

impl Tally {
    fn failed(&self, what: &str, why: impl std::fmt::Display) {
        // The first ones say what is wrong; a thousand more would say no more.
        if self.failures.fetch_add(1, Ordering::Relaxed) < 20 {
            eprintln!("{what}: {why}");
        }
    }
}

struct Sender {
    path: String,
    /// A service whose beds are one number.
    beds: Option<String>,
}

struct City {
    board: Running,
    web: reqwest::Client,
    senders: Vec<Sender>,
    tally: Tally,
    until: Instant,
    day: Duration,
}

/// Lives a year with the program and gives the verdict; one line of figures every few seconds goes to `csv`.
///
/// # Errors
/// If the program cannot be started or ends.
pub async fn run(program: &Path, plan: Plan, mut csv: impl Write) -> Result<Value, Failed> {
    let board = Running::start(program, &[("log.level", "warn".to_owned())]).await?;
    let web = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let facilities = board.json(&["facility", "list"]).await?;
    let mut senders = Vec::new();
    for facility in facilities.as_array().ok_or("no list of facilities")? {
        let id = facility["id"].as_str().ok_or("a facility without id")?;
        // One number for all beds: these kinds have no wards and no rooms of their own.
        let beds = facility["services"].as_array().into_iter().flatten().filter_map(|s| s["id"].as_str());
        let beds = beds.filter(|id| id.starts_with("group-home")).map(str::to_owned).next();
        let mut sender = Sender { path: board.report_path(id).await?, beds };
        if let Some(service) = &sender.beds {
            let observation = json!({ "aspect": "vacancy", "service": service, "cell": "all", "value": "few", "count": 1 });
            let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] });
            let url = format!("http://{}{}/reports", board.public, sender.path);
            if web.post(url).json(&body).send().await?.status() != 201 {
                // Its beds are counted by room or sex.
                sender.beds = None;
            }
        }
        senders.push(sender);
    }
    let mut buttons = Vec::new();
    for number in 0..BUTTONS {
        let facility = facilities[number % senders.len().max(1)]["id"].as_str().unwrap_or_default().to_owned();
        let device = format!("year-{number}");
        let sets = ["--set", "single=operation:normal", "--set", "long=operation:limited"];
        let enrol = ["button", "enrol", "--facility", &facility, "--profile", "imaboard", "--device", &device];
        buttons.push((board.json(&enrol.iter().chain(&sets).copied().collect::<Vec<_>>()).await?, device));
    }
    let positions_before = position(&board).await?;
    let seconds = Duration::from_secs(plan.seconds);
    let city = Arc::new(City {
        board,
        web,
        senders,
        tally: Tally::default(),
        until: Instant::now() + seconds,
        day: seconds / u32::try_from(DAYS)?,
    });

    let mut life = JoinSet::new();
    life.spawn(report(Arc::clone(&city), seconds.div_f64(plan.reports.max(1) as f64)));
    for (enrolled, device) in buttons {
        life.spawn(press(Arc::clone(&city), enrolled, device));
    }
    life.spawn(govern(Arc::clone(&city)));
    for _ in 0..DISPLAYS {
        life.spawn(watch(Arc::clone(&city)));
    }
    for _ in 0..READERS {
        life.spawn(read(Arc::clone(&city)));
    }

    writeln!(
        csv,
        "seconds,reports,presses,pages,streams,incidents,postings,busy,failures,rss_kb,threads,descriptors,cpu_seconds,\
         db_bytes,wal_bytes,folder_bytes"
    )?;
    let mut samples: Vec<(f64, Usage)> = Vec::new();
    let mut worst_wal = 0;
    let began = Instant::now();
    while city.living() {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let usage = city.board.usage().map_err(|e| format!("the program has ended: {e}\n{}", city.board.last_messages()))?;
        let wal = city.board.file_bytes("imaboard.db-wal");
        worst_wal = wal.max(worst_wal);
        let t = &city.tally;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        writeln!(
            csv,
            "{:.1},{},{},{},{},{},{},{},{},{},{},{},{:.2},{},{},{}",
            began.elapsed().as_secs_f64(),
            count(&t.reports),
            count(&t.presses),
            count(&t.pages),
            count(&t.streams),
            count(&t.incidents),
            count(&t.postings),
            count(&t.busy),
            count(&t.failures),
            usage.rss_kb,
            usage.threads,
            usage.descriptors,
            usage.cpu.as_secs_f64(),
            city.board.file_bytes("imaboard.db"),
            wal,
            city.board.folder_bytes(),
        )?;
        csv.flush()?;
        samples.push((began.elapsed().as_secs_f64(), usage));
    }
    while let Some(ended) = life.join_next().await {
        if let Err(error) = ended {
            city.tally.failed("a task", error);
        }
    }
    let stored = position(&city.board).await? - positions_before;
    city.board.command(&["log", "verify"]).await?;
    let tally = &city.tally;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let told = count(&tally.reports) + count(&tally.presses);
    let second: Vec<(f64, f64)> =
        samples.iter().skip(samples.len() / 2).map(|(at, usage)| (*at, usage.rss_kb as f64 / 1024.0)).collect();
    // A shorter run is a shorter piece of the same year, so growth is counted by reports and not by the clock.
    let per_year = slope(&second) * plan.seconds as f64 / plan.reports.max(1) as f64 * 131_400.0;
    let descriptors = |half: &[(f64, Usage)]| half.iter().map(|(_, u)| u.descriptors).max().unwrap_or(0);
    let (early, late) = samples.split_at(samples.len() / 2);
    let flat = per_year <= plan.most_growth_mb_per_year;
    let bounded = descriptors(late) <= descriptors(early) + 16;
    let whole = stored >= told;
    let failures = count(&tally.failures);
    let rss = |at: usize| samples.get(at).map(|(_, u)| u.rss_kb);
    Ok(json!({
        "seconds": plan.seconds,
        "reports": count(&tally.reports),
        "presses": count(&tally.presses),
        "pages": count(&tally.pages),
        "streams": count(&tally.streams),
        "incidents": count(&tally.incidents),
        "postings": count(&tally.postings),
        "asked_to_come_again": count(&tally.busy),
        "buttons_reconnected": count(&tally.reconnects),
        "failures": failures,
        "entries": stored,
        "rss_kb": { "first": rss(0), "half": rss(samples.len() / 2), "last": rss(samples.len().saturating_sub(1)) },
        "growth_mb_per_year_second_half": per_year,
        "most_growth_mb_per_year": plan.most_growth_mb_per_year,
        "descriptors": { "first_half": descriptors(early), "second_half": descriptors(late) },
        "wal_bytes_worst": worst_wal,
        "verdict": { "memory_is_flat": flat, "descriptors_are_bounded": bounded, "nothing_acknowledged_is_missing": whole,
                     "nothing_failed": failures == 0, "ok": flat && bounded && whole && failures == 0 },
    }))
}

async fn position(board: &Running) -> Result<u64, Failed> {
    let entries = board.command(&["log", "tail", "--json", "--from", "1"]).await?;
    Ok(entries.lines().count() as u64)
}

/// The least-squares slope of y over x.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len().max(1) as f64;
    let (mean_x, mean_y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let over: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let under: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    if under == 0.0 { 0.0 } else { over / under }
}

impl City {
    fn living(&self) -> bool {
        Instant::now() < self.until
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.board.public)
    }

    fn observations(&self, sender: &Sender) -> Value {
        let incident = self.tally.in_incident.load(Ordering::Relaxed);
        let word = |words: &[&str]| (*words.choose(&mut rand::rng()).unwrap_or(&"unconfirmed")).to_owned();
        if incident && rand::random_bool(0.7) {
            return json!([
                { "aspect": "first_report", "value": word(&["safe", "impaired"]) },
                { "aspect": "power", "value": word(&["grid", "generator", "none"]) },
                { "aspect": "water", "value": word(&["usable", "restricted", "none"]) },
            ]);
        }
        match &sender.beds {
            Some(service) if rand::random_bool(0.8) => {
                let count = rand::random_range(0..9);
                let value = match count {
                    0 => "full",
                    1 => "few",
                    2..=4 => "available",
                    _ => "plenty",
                };
                json!([{ "aspect": "vacancy", "service": service, "cell": "all", "value": value, "count": count }])
            }
            _ => json!([{ "aspect": "operation", "value": word(&["normal", "normal", "limited"]) }]),
        }
    }
}

/// Facilities report, each in its own words, some of them late.
async fn report(city: Arc<City>, every: Duration) {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut beat = tokio::time::interval(every);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    while city.living() {
        beat.tick().await;
        let Ok(place) = Arc::clone(&gate).acquire_owned().await else { return };
        let city = Arc::clone(&city);
        tokio::spawn(async move {
            let _place = place;
            let at = rand::random_range(0..city.senders.len());
            let Some(sender) = city.senders.get(at) else { return };
            let mut body = json!({ "id": uuid::Uuid::now_v7(), "observations": city.observations(sender) });
            if rand::random_bool(0.15) {
                let late = jiff::SignedDuration::from_secs(rand::random_range(1..21_600));
                #[expect(clippy::disallowed_methods, reason = "a sender has a clock of its own")]
                let now = jiff::Timestamp::now();
                body["observed_at"] = json!(now.checked_sub(late).unwrap_or(now));
            }
            let url = city.url(&format!("{}/reports", sender.path));
            for _ in 0..20 {
                match city.web.post(&url).json(&body).send().await {
                    Ok(answer) if answer.status() == 201 => {
                        city.tally.reports.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    Ok(answer) if matches!(answer.status().as_u16(), 429 | 503) => {
                        city.tally.busy.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_secs(2)).await;
                    }
                    Ok(answer) => {
                        let status = answer.status();
                        let text = answer.text().await.unwrap_or_default();
                        return city.tally.failed("a report", format!("{status} {text} for {body}"));
                    }
                    Err(error) => return city.tally.failed("a report", error),
                }
            }
            city.tally.failed("a report", "asked to come again twenty times");
        });
    }
    // What is under way ends first.
    drop(gate.acquire_many(u32::try_from(AT_ONCE).unwrap_or(1)).await);
}

/// A button is pressed twice a day.
async fn press(city: Arc<City>, enrolled: Value, device: String) {
    let text = |name: &str| enrolled[name].as_str().unwrap_or_default().to_owned();
    let Some((host, port)) = city.board.mqtt.rsplit_once(':') else { return };
    let mut options = MqttOptions::new(&device, host, port.parse().unwrap_or(1883));
    options.set_credentials(text("mqtt_user"), text("mqtt_password")).set_clean_session(false);
    let (client, mut events) = AsyncClient::new(options, 10);
    let topic = format!("imaboard/button/{device}/press");
    let mut number = 0_u64;
    let mut pause = tokio::time::interval(city.day.div_f64(2.0));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // A task of its own: a connection in the making must not be given up because it is time for the next press.
    let hearing = Arc::clone(&city);
    let connection = tokio::spawn(async move {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    hearing.tally.presses.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(_) => {
                    // A commit that takes too long ends the connection, and the press comes again: that is how it should be.
                    hearing.tally.reconnects.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
    while city.living() {
        pause.tick().await;
        number += 1;
        let gesture = if number.is_multiple_of(2) { "single" } else { "long" };
        let payload = json!({ "gesture": gesture, "seq": number }).to_string();
        // Never waited for: a button that is cut off is not pressed more often for it.
        drop(client.try_publish(&topic, QoS::AtLeastOnce, false, payload));
    }
    connection.abort();
}

/// The city: an incident or exercise with a roll call each month, a notice each week.
async fn govern(city: Arc<City>) {
    let mut day = 0_u64;
    let mut beat = tokio::time::interval(city.day);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut open: Option<String> = None;
    while city.living() {
        beat.tick().await;
        day += 1;
        let outcome = async {
            if day % 30 == 10 {
                let opened = city.board.json(&["incident", "open", "台風", "--hazard", "typhoon"]).await?;
                open = opened["incident"].as_str().or(opened["id"].as_str()).map(str::to_owned);
                city.board.command(&["rollcall", "open"]).await?;
                city.tally.in_incident.store(true, Ordering::Relaxed);
                city.tally.incidents.fetch_add(1, Ordering::Relaxed);
            }
            if day % 30 == 13 && open.take().is_some() {
                city.tally.in_incident.store(false, Ordering::Relaxed);
                city.board.command(&["rollcall", "close"]).await?;
                let list = city.board.json(&["incident", "list"]).await?;
                for incident in list.as_array().into_iter().flatten().filter(|i| i["closed_at"].is_null()) {
                    city.board.command(&["incident", "close", incident["id"].as_str().unwrap_or_default()]).await?;
                }
            }
            if day % 7 == 3 {
                let title = format!("お知らせ {day}");
                let draft = city.board.json(&["posting", "draft", &title, "--body", "次の集まりは金曜日です。"]).await?;
                let id = draft["posting"].as_str().or(draft["id"].as_str()).unwrap_or_default().to_owned();
                city.board.command(&["posting", "publish", &id]).await?;
                city.tally.postings.fetch_add(1, Ordering::Relaxed);
                // What hangs for ever is read by nobody: all but the newest few come down.
                let list = city.board.json(&["posting", "list"]).await?;
                let published: Vec<&str> = list
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|p| p["state"] == "published" && p["title"].as_str().is_some_and(|t| t.starts_with("お知らせ ")))
                    .filter_map(|p| p["id"].as_str())
                    .collect();
                for id in published.iter().take(published.len().saturating_sub(6)) {
                    city.board.command(&["posting", "withdraw", id]).await?;
                }
            }
            Ok::<(), Failed>(())
        };
        if let Err(error) = outcome.await {
            city.tally.failed("the city", error);
        }
    }
}

/// A display that loses its network now and then.
async fn watch(city: Arc<City>) {
    let url = city.url("/wall/cityhall/events?layout=landscape");
    // No time limit of the client's own: a stream has no end.
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else { return };
    while city.living() {
        let stays = Duration::from_secs_f64(rand::random_range(2.0..60.0));
        let mut stream = match client.get(&url).send().await {
            Ok(answer) if answer.status() == 200 => answer,
            Ok(answer) => {
                city.tally.failed("a display", answer.status());
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            Err(error) => {
                city.tally.failed("a display", error);
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        city.tally.streams.fetch_add(1, Ordering::Relaxed);
        let left = city.until.saturating_duration_since(Instant::now()).min(stays);
        let reading = tokio::time::timeout(left, async { while let Ok(Some(_)) = stream.chunk().await {} });
        if reading.await.is_ok() && city.living() {
            city.tally.failed("a display", "its stream ended");
        }
    }
}

/// Somebody looks for a place.
async fn read(city: Arc<City>) {
    let paths = ["/", "/text", "/find", "/find?kind=group-home", "/notices", "/charts/free", "/facilities/f003", "/about"];
    while city.living() {
        let path = match rand::random_range(0..10) {
            // Everybody has words of their own; the pages made for them fill their budget early, not all year long.
            0..3 => format!("/find?q=%E3%81%82{}", rand::random_range(0..WORDS)),
            3..5 => format!("/facilities/f{:03}", rand::random_range(1..60)),
            _ => (*paths.choose(&mut rand::rng()).unwrap_or(&"/")).to_owned(),
        };
        match city.web.get(city.url(&path)).send().await {
            Ok(answer) if answer.status().is_server_error() => city.tally.failed(&path, answer.status()),
            Ok(answer) => {
                drop(answer.bytes().await);
                city.tally.pages.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => city.tally.failed(&path, error),
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..400))).await;
    }
}
