//! The files of the log: foreign, newer, taken away while running, tampered with, and what a redaction leaves in them.

use std::path::Path;

use tokio::process::Command;

use super::{FACILITY, count_id, new_id, post, readiness_becomes, report, report_path, sound_log};
use crate::support::city::holds;
use crate::support::{City, Program, needs};

async fn sql(database: &Path, statements: &str) {
    let output = Command::new("sqlite3").arg("-bail").arg(database).arg(statements).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const SERVE: [&str; 7] = ["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "off", "--ops-listen", "off"];

async fn founded() -> Program {
    let mut program = City::on_a_file().serve().await;
    program.stop().await;
    program
}

#[tokio::test]
async fn a_foreign_database_is_refused_and_left_alone() {
    if !needs("sqlite3") {
        return;
    }
    let city = City::on_a_file();
    std::fs::create_dir_all(city.data()).unwrap();
    let database = city.data().join("imaboard.db");
    sql(&database, "CREATE TABLE recipes(name TEXT); PRAGMA application_id = 1234;").await;
    let before = std::fs::read(&database).unwrap();
    let refused = city.run(SERVE).await.refused(1);
    assert!(refused.stderr.contains("another program"), "{}", refused.stderr);
    assert!(std::fs::read(&database).unwrap() == before, "the foreign file was changed");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let city = City::on_a_file();
    std::fs::create_dir_all(city.data()).unwrap();
    let database = city.data().join("imaboard.db");
    std::fs::write(&database, "minutes of the meeting").unwrap();
    let refused = city.run(SERVE).await.refused(1);
    assert!(refused.stderr.contains("not a database"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&database).unwrap(), b"minutes of the meeting");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    if !needs("sqlite3") {
        return;
    }
    let program = founded().await;
    sql(&program.data().join("imaboard.db"), "UPDATE meta SET value = '99' WHERE name = 'format';").await;
    let refused = program.run(SERVE).await.refused(1);
    assert!(refused.stderr.contains("newer version"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_taken_away_while_running_acknowledges_nothing_until_it_is_back() {
    let mut program = City::on_a_file().serve().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let (database, away) = (program.data().join("imaboard.db"), program.data().join("away.db"));
    std::fs::rename(&database, &away).unwrap();
    let id = new_id();
    post(&web, &path, &report(&id)).await.is(503);
    web.get("/").await.is(200);
    readiness_becomes(&program, 503).await;
    // Another file in its place is not ours either.
    std::fs::copy(&away, &database).unwrap();
    post(&web, &path, &report(&id)).await.is(503);
    std::fs::rename(&away, &database).unwrap();
    readiness_becomes(&program, 200).await;
    post(&web, &path, &report(&id)).await.is(201);
    program.kill_9();
    program.start_again().await;
    assert_eq!(count_id(&sound_log(&program).await, &id), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ahead_file_removed_while_running_loses_nothing_that_was_acknowledged() {
    let mut program = City::on_a_file().serve().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let mut acknowledged = Vec::new();
    for round in 0..10 {
        if round == 5 {
            std::fs::remove_file(program.data().join("imaboard.db-wal")).unwrap();
        }
        let id = new_id();
        let answer = post(&web, &path, &report(&id)).await;
        if answer.status == 201 {
            acknowledged.push(id);
        } else {
            answer.is(503);
        }
    }
    program.kill_9();
    program.start_again().await;
    let log = sound_log(&program).await;
    assert!(acknowledged.len() >= 5);
    for id in &acknowledged {
        assert_eq!(count_id(&log, id), 1, "acknowledged and lost: {id}");
    }
}

#[tokio::test]
async fn a_changed_entry_is_named() {
    if !needs("sqlite3") {
        return;
    }
    let program = founded().await;
    sql(&program.data().join("imaboard.db"), "UPDATE entries SET actor = 'somebody else' WHERE seq = 17;").await;
    let refused = program.run(["log", "verify"]).await.refused(1);
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("17"), "{} {}", refused.stdout, refused.stderr);
}

#[tokio::test]
async fn a_cut_off_end_is_found_by_a_head_noted_elsewhere() {
    if !needs("sqlite3") {
        return;
    }
    let program = founded().await;
    let log = program.log(1).await;
    let head = log.last().unwrap()["hash"].as_str().unwrap().to_owned();
    program.run(["log", "verify", "--head", &head]).await.ok();
    // Whoever owns the disk can make the chain look whole.
    let last = log.len();
    let statements = format!(
        "DELETE FROM entries WHERE seq = {last};
         UPDATE head SET seq = {0}, hash = (SELECT hash FROM entries WHERE seq = {0});",
        last - 1
    );
    sql(&program.data().join("imaboard.db"), &statements).await;
    program.run(["log", "verify", "--head", &head]).await.refused(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redacted_text_is_found_nowhere_in_the_data_folder() {
    let mut program = City::on_a_file().serve().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    // Neighbours, so that the cell is moved about between pages.
    let mut seqs = Vec::new();
    for word in ["さくら", "もみじ", "きんもくせい", "ひまわり", "つばき"] {
        let mut body = report(&new_id());
        body["remark"] = format!("{word}の間に水がしみてきました").into();
        seqs.push(post(&web, &path, &body).await.is(201).json()["seq"].as_u64().unwrap());
    }
    let text = "きんもくせいの間に水がしみてきました";
    assert!(holds(&program.data(), text.as_bytes()), "it was never there");
    let seq = seqs[2].to_string();
    program.run(["log", "redact", &seq, "--why", "誤って個人のことを書いたため"]).await.ok();
    assert!(!holds(&program.data(), text.as_bytes()), "found while the program runs");
    assert!(!holds(&program.data(), "きんもくせい".as_bytes()), "a part of it was found");
    for page in ["/", &path, &format!("/facilities/{FACILITY}")] {
        assert!(!web.get(page).await.is(200).text().contains("きんもくせい"), "{page} still shows it");
    }
    let log = sound_log(&program).await;
    assert_eq!(log[seqs[2] as usize - 1]["redacted"], true);
    assert!(log.iter().any(|e| e["text"] == "もみじの間に水がしみてきました"), "another text is gone");
    program.kill_9();
    program.start_again().await;
    assert!(!holds(&program.data(), "きんもくせい".as_bytes()), "found after a restart");
    program.stop().await;
    assert!(!holds(&program.data(), "きんもくせい".as_bytes()), "found after the end");
    program.run(["log", "redact", &seq, "--why", "twice"]).await.refused(1);
}
