//! What each command prints, and the commands that need no city (`decode`, `guard`).
//!
//! *Invariant:* data goes to stdout, words to stderr; with `--json` stdout holds JSON and nothing else.

use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::Value;

use crate::checkpoint::Checkpoints;
use crate::data_folder::DataFolder;
use crate::intake::register;
use crate::log::{self, DatabasePlace, Log, NotedHead, OpenMode, Progress, Verdict};
use crate::settings;

/// What went wrong, in words for whoever typed the command; exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl Failed {
    /// Wraps an error with its causes, one after the other.
    #[must_use]
    pub fn because(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}

impl From<String> for Failed {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Writes one line of data. A reader that has gone away (`| head`) ends the command quietly.
pub fn line(text: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failed(String::new())),
        Err(error) => Err(Failed(format!("stdout cannot be written: {error}"))),
    }
}

/// Prints a listing: as JSON, or as lines made by `row`.
pub fn listing(value: &Value, json: bool, row: impl Fn(&Value) -> String) -> Result<(), Failed> {
    if json {
        return line(&value.to_string());
    }
    match value.as_array() {
        Some(rows) => rows.iter().try_for_each(|r| line(&row(r))),
        None => line(&row(value)),
    }
}

/// A field of a JSON object as plain text; empty if absent.
#[must_use]
pub fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn each_line(mut answer: impl FnMut(&str) -> String) -> Result<(), Failed> {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match input.read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Failed(format!("stdin cannot be read: {error}"))),
        }
        // A line that is not UTF-8 is answered like any other malformed line, not the end of the work.
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            line(&answer(text))?;
        }
    }
}

/// `decode --jsonl`
pub fn decode(profiles: Option<&Path>, now: impl Fn() -> jiff::Timestamp) -> Result<(), Failed> {
    let profiles = load_profiles(profiles)?;
    let mut decoder = imaboard_mqtt::decode::Decoder::new(&profiles);
    each_line(|text| decoder.line(text, now()))
}

/// The built-in device profiles, and those of a folder.
pub fn load_profiles(folder: Option<&Path>) -> Result<imaboard_mqtt::Profiles, Failed> {
    match folder {
        None => Ok(imaboard_mqtt::Profiles::builtin()),
        Some(folder) => imaboard_mqtt::Profiles::with_folder(folder).map_err(|e| Failed::because(&e)),
    }
}

/// `guard --jsonl`
pub fn guard(register: Option<&Path>) -> Result<(), Failed> {
    let register = match register {
        None => imaboard_domain::guard::PublicRegister::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| Failed(format!("{}: {e}", path.display())))?;
            serde_json::from_str(&text).map_err(|e| Failed(format!("{}: {e}", path.display())))?
        }
    };
    each_line(|text| imaboard_domain::guard::line(text, &register))
}

/// The CSV of a whole register.
pub fn register_csv(facilities: &[imaboard_domain::Facility]) -> Result<(), Failed> {
    let bytes = register::write(facilities).map_err(|e| Failed::because(&e))?;
    std::io::stdout().lock().write_all(&bytes).map_err(|e| Failed(format!("stdout cannot be written: {e}")))
}

/// Whether a URL leads only back to the machine it is opened on.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| settings::is_loopback(&url))
}

/// Writes a QR code as .svg or .png, by the name of the file.
pub fn write_qr(path: &Path, url: &str) -> Result<(), Failed> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let cannot = |e: &dyn std::fmt::Display| Failed(format!("{}: {e}", path.display()));
    match ending.as_str() {
        "svg" => {
            let svg = imaboard_display::qr::svg(url, "QR").map_err(|e| cannot(&e))?;
            std::fs::write(path, svg).map_err(|e| cannot(&e))
        }
        "png" => {
            /// Pixels a module: 8 gives about 4 cm at 300 dpi.
            const SCALE: usize = 8;
            /// Modules of white around the code, as the standard wants.
            const QUIET: usize = 4;
            let matrix = imaboard_display::qr::matrix(url).map_err(|e| cannot(&e))?;
            let width = (matrix.side + 2 * QUIET) * SCALE;
            let side = u32::try_from(width).map_err(|e| cannot(&e))?;
            let picture = image::GrayImage::from_fn(side, side, |x, y| {
                let module = |at: u32| (at as usize / SCALE).checked_sub(QUIET);
                let dark =
                    module(x).zip(module(y)).is_some_and(|(x, y)| x < matrix.side && y < matrix.side && matrix.is_dark(x, y));
                image::Luma([if dark { 0 } else { 255 }])
            });
            picture.save(path).map_err(|e| cannot(&e))
        }
        _ => Err(cannot(&"a QR code is written as .svg or .png")),
    }
}

/// Battery and last contact of a button, in words.
#[must_use]
pub fn device_words(button: &Value) -> String {
    let battery = button["battery_pct"].as_u64().map(|b| format!("battery {b}%"));
    let heard = button["last_heard_at"].as_str().map(|at| format!("heard {at}"));
    let gone = (button["available"] == false).then(|| "offline".to_owned());
    let words: Vec<String> = [battery, heard, gone].into_iter().flatten().collect();
    if words.is_empty() { "never heard".to_owned() } else { words.join(", ") }
}

/// Entries printed between two looks at what the reader wants.
const PAGE: u32 = 500;

/// `log tail`: entries as lines, or as JSON objects; with `follow` it goes on until interrupted.
pub async fn log_tail(log: &Log, from: Option<u64>, follow: bool, json: bool) -> Result<(), Failed> {
    let head = log.head().await.map_err(|e| Failed::because(&e))?.map_or(0, |(seq, _)| seq);
    // Without a position: the last few, as `tail` does.
    let mut next = from.unwrap_or_else(|| head.saturating_sub(if follow { 10 } else { 20 }) + 1).max(1);
    loop {
        let records = log.read(next, PAGE).await.map_err(|e| Failed::because(&e))?;
        let ended = records.is_empty();
        for record in records {
            next = record.seq + 1;
            let facts: Value = serde_json::from_str(&record.facts).unwrap_or(Value::Null);
            if json {
                let value = serde_json::json!({
                    "seq": record.seq, "id": record.id, "recorded_at": record.recorded_at, "actor": record.actor,
                    "channel": record.channel, "kind": record.kind, "subject": record.subject, "facts": facts,
                    "text": record.text, "redacted": record.redacted,
                    "hash": data_encoding::HEXLOWER.encode(&record.hash),
                });
                line(&value.to_string())?;
            } else {
                let said = match (&record.text, record.redacted) {
                    (_, true) => " [redacted]".to_owned(),
                    (Some(text), false) => format!(" {text:?}"),
                    (None, false) => String::new(),
                };
                line(&format!(
                    "{}\t{}\t{}\t{}\t{}\t{}{said}",
                    record.seq, record.recorded_at, record.kind, record.channel, record.actor, record.subject
                ))?;
            }
        }
        if ended {
            if !follow {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }
}

/// `log verify`: walks the chain and compares it with a head noted elsewhere.
pub async fn log_verify(log: &Log, head: Option<&str>, json: bool) -> Result<(), Failed> {
    let noted = head
        .map(|text| {
            let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
            let hash = bytes.and_then(|b| <[u8; 32]>::try_from(b).ok());
            hash.map(|hash| NotedHead { seq: None, hash })
                .ok_or_else(|| Failed(format!("{text:?} is not a head: 64 hexadecimal digits")))
        })
        .transpose()?;
    let bar = progress_bar();
    let verdict = log
        .verify(noted, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await
        .map_err(|e| Failed::because(&e))?;
    bar.finish_and_clear();
    match verdict {
        Verdict::Verified { head, redacted } => {
            let (seq, hash) = head.map_or((0, String::new()), |(seq, hash)| (seq, data_encoding::HEXLOWER.encode(&hash)));
            if json {
                line(&serde_json::json!({ "ok": true, "seq": seq, "head": hash, "redacted": redacted }).to_string())
            } else {
                line(&format!("ok {seq} {hash}"))
            }
        }
        Verdict::Broken { seq, why } => {
            if json {
                line(&serde_json::json!({ "ok": false, "seq": seq, "why": why }).to_string())?;
            }
            Err(Failed(format!("the log is broken at entry {seq}: {why}")))
        }
    }
}

/// `copy`: a whole city from one database to an empty one.
pub async fn copy(from: &DatabasePlace, to: &DatabasePlace, json: bool) -> Result<(), Failed> {
    let source = Log::open(from, OpenMode::Read).await.map_err(|e| Failed::because(&e))?;
    let bar = progress_bar();
    let copied = log::copy(&source, to, |progress| {
        let (message, done, total) = match progress {
            Progress::Copied(done, total) => ("写しています / copying", done, total),
            Progress::Verified(done, total) => ("確かめています / proving", done, total),
        };
        bar.set_message(message);
        bar.set_length(total);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    source.close().await;
    let copied = copied.map_err(|e| Failed::because(&e))?;
    let (seq, hash) = copied.head.map_or((0, String::new()), |(seq, hash)| (seq, data_encoding::HEXLOWER.encode(&hash)));
    eprintln!(
        "{from} → {to}\n報告ページの鍵とボタンは、もとのデータの入れ物の secret.key がないと使えません。いっしょに移してください / the keys of \
         report pages and buttons work only with the secret.key of the old data folder: move it along"
    );
    if json {
        line(&serde_json::json!({ "ok": true, "seq": seq, "head": hash, "found": copied.found }).to_string())
    } else {
        line(&format!("ok {seq} {hash}"))
    }
}

/// A bar on a terminal, nothing in a pipe.
#[must_use]
pub fn progress_bar() -> indicatif::ProgressBar {
    // indicatif draws to stderr and hides itself when that is no terminal.
    let bar = indicatif::ProgressBar::new(0);
    // The template is a constant; should it ever not parse, the bar keeps its plain form.
    match indicatif::ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// How old the newest checkpoint is and how much a start has to replay after it. A bad one is no failure: it costs time only.
///
/// # Errors
/// If the log cannot be read.
pub async fn checkpoint_words(folder: &DataFolder, log: &Log, now: jiff::Timestamp) -> Result<String, Failed> {
    let head = log.head().await.map_err(|e| Failed::because(&e))?.map_or(0, |(seq, _)| seq);
    let checkpoints = Checkpoints::of(folder);
    Ok(match tokio::task::spawn_blocking(move || checkpoints.newest()).await.map_err(|e| Failed::because(&e))? {
        None => format!("none; the next start replays all {head} entries"),
        Some(Err(why)) => format!("the newest cannot be used ({why}); the next start takes longer"),
        Some(Ok(saved)) if saved.seq > head => "the newest is of another log; the next start takes longer".to_owned(),
        Some(Ok(saved)) => format!(
            "made {} minutes ago ({}), {} bytes; the next start replays {} of {head} entries",
            now.duration_since(saved.made_at).as_mins(),
            saved.made_at,
            saved.bytes,
            head - saved.seq
        ),
    })
}

/// The program was written in 2026; a clock before that, or far after, was never set.
pub fn check_clock(now: jiff::Timestamp) -> Result<(), Failed> {
    let year = imaboard_domain::city_time(now).year();
    if (2026..2100).contains(&year) {
        eprintln!("clock: {now}");
        Ok(())
    } else {
        Err(Failed(format!("the clock of this machine says {now}: set it first, every age on the board depends on it")))
    }
}
