//! Checkpoints under the whole program: used, damaged, foreign, killed while written, full of words that are erased.
//!
//! What a start read is taken from the figures it publishes, never from the time it took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imaboard::checkpoint::Checkpoints;
use imaboard::data_folder::DataFolder;
use imaboard::log::{DatabasePlace, Log, OpenMode};
use rand::Rng;

use super::{FACILITY, OTHER, count_id, new_id, post, report, report_path, rng, seed, sound_log};
use crate::support::city::holds;
use crate::support::{City, DEADLINE, Program, wait_until};

/// How many entries the last start read beyond its checkpoint.
async fn replayed(program: &Program) -> u64 {
    let figures = program.ops().get("/metrics").await;
    let line = figures.is(200).text().lines().find(|l| l.starts_with("imaboard_replayed_entries ")).map(str::to_owned);
    line.and_then(|l| l.split(' ').nth(1)?.parse().ok()).expect("the figure of replayed entries")
}

/// What people and scripts see of the board, and where its stream stands.
async fn faces(program: &Program) -> Vec<String> {
    let mut faces = Vec::new();
    for path in ["/text", &format!("/facilities/{FACILITY}")] {
        let text = program.web().get(path).await.text().to_owned();
        // The page says at what time it was made.
        faces.push(without_clock(&text));
    }
    for list in [["facility", "list"], ["posting", "list"], ["display", "list"], ["incident", "list"]] {
        faces.push(program.list(&list).await.to_string());
    }
    // Without what the device said last: that is saved by the minute and not on the log.
    let buttons = program.list(&["button", "list"]).await;
    faces.extend(buttons.as_array().unwrap().iter().map(|b| format!("{} {} {}", b["id"], b["device"], b["sets"])));
    let mut events = program.web().events("/wall/cityhall/events", None).await;
    faces.push(events.next().await.map(|event| event.id).unwrap_or_default());
    faces
}

/// Without the clock times of today, which go on while a test restarts the program.
fn without_clock(text: &str) -> String {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied();
    let in_clock = |i: usize| {
        let around = i.saturating_sub(2)..=i + 2;
        around.into_iter().any(|colon| at(colon) == Some(':') && colon > 0 && digit(at(colon - 1)) && digit(at(colon + 1)))
    };
    chars.iter().enumerate().filter(|(i, _)| !in_clock(*i)).map(|(_, c)| c).collect()
}

fn folder(city: &City) -> PathBuf {
    DataFolder::existing(city.data()).unwrap().checkpoints()
}

/// Whole checkpoints, the newest first.
fn files(city: &City) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(city)).into_iter().flatten().map(|e| e.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e == "fold")).collect();
    paths.sort();
    paths.reverse();
    paths
}

/// Everything the newest usable checkpoint holds, unpacked; packing would hide words from a plain search.
async fn unpacked(city: &City) -> Option<String> {
    let folder = DataFolder::existing(city.data()).unwrap();
    let log = Log::open(&DatabasePlace::Sqlite(folder.database()), OpenMode::Read).await.unwrap();
    let folded = Checkpoints::of(&folder).load(&log).await.unwrap();
    log.close().await;
    folded.map(|folded| serde_json::to_string(&folded.board).unwrap())
}

async fn say(program: &Program, path: &str) -> String {
    let id = new_id();
    post(&program.web(), path, &report(&id)).await.is(201);
    id
}

/// The sample city with a few reports of its own, stopped in order.
async fn stopped() -> (Program, String) {
    let mut program = Program::sample().await;
    let path = report_path(&program, FACILITY).await;
    say(&program, &path).await;
    program.stop().await;
    (program, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_reads_only_what_came_after_the_checkpoint_and_shows_what_a_full_replay_shows() {
    let (mut program, path) = stopped().await;
    let check = program.run(["check"]).await.ok();
    assert!(check.stderr.contains("checkpoint: made 0 minutes ago"), "{}", check.stderr);
    assert!(check.stderr.contains("replays 0 of"), "{}", check.stderr);
    program.start_again().await;
    assert_eq!(replayed(&program).await, 0);
    let device = program.enrol(FACILITY, "hall", &["single=vacancy:full"]).await;
    device.press("single", 7).await;
    say(&program, &path).await;
    let seen = faces(&program).await;
    program.kill_9();

    program.start_again().await;
    assert_eq!(replayed(&program).await, 3, "enrolled, pressed, reported");
    assert_eq!(faces(&program).await, seen);
    program.stop().await;
    program.start_again().await;
    assert_eq!(replayed(&program).await, 0);
    assert_eq!(faces(&program).await, seen);
    let head = program.log(1).await.len() as u64;
    program.kill_9();

    std::fs::remove_dir_all(folder(&program)).unwrap();
    let check = program.run(["check"]).await.ok();
    assert!(check.stderr.contains("checkpoint: none"), "{}", check.stderr);
    program.start_again().await;
    assert_eq!(replayed(&program).await, head);
    assert_eq!(faces(&program).await, seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_before_the_checkpoint_that_comes_again_after_the_start_counts_once() {
    let mut program = Program::sample().await;
    let device = program.enrol(FACILITY, "hall", &["single=vacancy:full"]).await;
    device.press("single", 7).await;
    let before = program.log(1).await.len();
    program.stop().await;
    program.start_again().await;
    assert_eq!(replayed(&program).await, 0);
    device.press("single", 7).await;
    assert_eq!(program.log(1).await.len(), before, "the same press was stored twice");
    device.press("single", 8).await;
    assert_eq!(program.log(1).await.len(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_checkpoint_only_costs_time() {
    let (mut program, path) = stopped().await;
    program.start_again().await;
    say(&program, &path).await;
    program.stop().await;
    let found = files(&program);
    let [newest, before] = &found[..] else { panic!("two checkpoints, not {found:?}") };
    let whole = std::fs::read(newest).unwrap();
    let flip = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    program.start_again().await;
    let seen = faces(&program).await;
    let head = program.log(1).await.len() as u64;
    // Killed, so that no new one is saved in between.
    for (bytes, both) in [(flip(whole.len() / 2), false), (whole[..whole.len() / 3].to_vec(), false), (Vec::new(), true)] {
        program.kill_9();
        std::fs::write(newest, &bytes).unwrap();
        if both {
            std::fs::write(before, flip(40)).unwrap();
        }
        program.start_again().await;
        assert_eq!(replayed(&program).await, if both { head } else { 1 });
        assert_eq!(faces(&program).await, seen);
    }
    assert!(program.said().contains("checkpoint passed over"), "nobody is told of the damage");
    program.stop().await;
    program.start_again().await;
    assert_eq!(replayed(&program).await, 0, "a good one took its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_database_put_back_is_shown_as_it_is() {
    let (mut program, path) = stopped().await;
    let database = program.data().join("imaboard.db");
    let older = program.beside("older.db");
    std::fs::copy(&database, &older).unwrap();
    program.start_again().await;
    let seen = faces(&program).await;
    let lost = say(&program, &path).await;
    program.stop().await;

    std::fs::copy(&older, &database).unwrap();
    program.start_again().await;
    assert_eq!(replayed(&program).await, 0, "the checkpoint before still fits");
    assert_eq!(faces(&program).await, seen);
    assert!(program.said().contains("the log does not reach so far"), "{}", program.said());
    let kept = say(&program, &path).await;
    program.stop().await;
    program.start_again().await;
    let log = sound_log(&program).await;
    assert_eq!((count_id(&log, &lost), count_id(&log, &kept)), (0, 1));
    let seen = faces(&program).await;
    program.kill_9();
    std::fs::remove_dir_all(folder(&program)).unwrap();
    program.start_again().await;
    assert_eq!(faces(&program).await, seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_checkpoints_are_written_lose_nothing() {
    let mut dice = rng(seed(), 0);
    let mut program = City::new().set("checkpoint.entries", 1).serve().await;
    let paths = [report_path(&program, FACILITY).await, report_path(&program, OTHER).await];
    let mut acknowledged = Vec::new();
    for kill in 0..12 {
        let mut posting = tokio::task::JoinSet::new();
        for path in paths.clone() {
            let web = program.web();
            posting.spawn(async move {
                let mut told = Vec::new();
                loop {
                    let id = new_id();
                    let request = web.request(reqwest::Method::POST, &format!("{path}/reports")).json(&report(&id));
                    match request.send().await {
                        Ok(answer) if answer.status() == 201 => told.push(id),
                        Ok(_) => {}
                        Err(_) => return told,
                    }
                }
            });
        }
        if kill == 0 {
            wait_until("the first checkpoint", DEADLINE, async || !files(&program).is_empty()).await;
        }
        // The moment itself is what is drawn here, not a wait for something.
        tokio::time::sleep(Duration::from_micros(dice.random_range(0..700_000))).await;
        program.kill_9();
        while let Some(told) = posting.join_next().await {
            acknowledged.extend(told.unwrap());
        }
        program.start_again().await;
    }
    let log = sound_log(&program).await;
    for id in &acknowledged {
        assert_eq!(count_id(&log, id), 1, "{id}");
    }
    assert!(replayed(&program).await < log.len() as u64, "no checkpoint was ever used");
    let seen = faces(&program).await;
    program.kill_9();
    std::fs::remove_dir_all(folder(&program)).unwrap();
    program.start_again().await;
    assert_eq!(faces(&program).await, seen);
    assert!(!acknowledged.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redacted_text_is_in_no_checkpoint() {
    let text = "きんもくせいの間に水がしみてきました";
    let (mut program, path) = stopped().await;
    program.start_again().await;
    let mut seqs = Vec::new();
    for _ in 0..2 {
        let mut body = report(&new_id());
        body["remark"] = text.into();
        seqs.push(post(&program.web(), &path, &body).await.is(201).json()["seq"].as_u64().unwrap());
    }
    program.stop().await;
    assert!(unpacked(&program).await.unwrap().contains(text), "it was never there");
    // Without a server: the command does all of it before it says so.
    program.run(["log", "redact", &seqs[0].to_string(), "--why", "誤記"]).await.ok();
    assert_eq!(std::fs::read_dir(folder(&program)).unwrap().count(), 0, "a checkpoint is left");

    program.start_again().await;
    program.stop().await;
    assert!(unpacked(&program).await.unwrap().contains(text), "the second one was never there");
    program.start_again().await;
    program.run(["log", "redact", &seqs[1].to_string(), "--why", "誤記"]).await.ok();
    assert_eq!(std::fs::read_dir(folder(&program)).unwrap().count(), 0, "a checkpoint is left");
    program.kill_9();
    program.start_again().await;
    assert_eq!(replayed(&program).await, program.log(1).await.len() as u64);
    program.stop().await;
    assert!(!unpacked(&program).await.unwrap().contains("きんもくせい"), "it came back");
    assert!(!holds(&program.data(), "きんもくせい".as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_checkpoint_can_be_saved_nothing_else_suffers() {
    let city = City::new();
    std::fs::create_dir_all(city.data()).unwrap();
    // Even root cannot make a folder where a file stands.
    let in_the_way: &Path = &city.data().join("checkpoints");
    std::fs::write(in_the_way, "in the way").unwrap();
    let mut program = city.serve().await;
    let path = report_path(&program, FACILITY).await;
    say(&program, &path).await;
    let seen = faces(&program).await;
    program.stop().await;
    assert!(program.said().contains("no checkpoint"), "nobody is told: {}", program.said());
    program.start_again().await;
    assert_eq!(faces(&program).await, seen);
    // A text cannot be said to be gone while files that may hold it cannot be looked at.
    let mut body = report(&new_id());
    body["remark"] = "水がしみてきました".into();
    let seq = post(&program.web(), &path, &body).await.is(201).json()["seq"].to_string();
    program.run(["log", "redact", &seq, "--why", "誤記"]).await.refused(1);
}
