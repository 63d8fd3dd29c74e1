//! A database server that falls away: what was acknowledged stays, what was not comes again, and reading goes on meanwhile.

use std::time::Duration;

use rand::Rng;
use tokio::task::JoinSet;

use super::traffic::{Audit, Traffic};
use super::wire::Login;
use super::{FACILITY, OTHER, count_id, new_id, post, readiness_becomes, report, report_path, rng, seed, sound_log};
use crate::support::postgres::{self, PASSWORD, Postgres};
use crate::support::{City, DEADLINE, wait_until};

/// A server of its own, and a city on it.
struct House {
    /// The server's data; goes with the house.
    _folder: tempfile::TempDir,
    server: Postgres,
    city: City,
}

impl House {
    fn build() -> Option<Self> {
        postgres::is_here().then(|| {
            let folder = tempfile::Builder::new().prefix("imaboard-test-").tempdir().unwrap();
            let server = Postgres::start_in(folder.path().to_owned());
            let city = City::on_a_file().set("database.url", server.database());
            Self { _folder: folder, server, city }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_said_and_the_board_goes_on_from_memory() {
    let Some(mut house) = House::build() else { return };
    let mut program = house.city.serve().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let device = program.enrol(FACILITY, "hall", &["single=vacancy:full"]).await;
    let before = new_id();
    post(&web, &path, &report(&before)).await.is(201);

    house.server.stop_immediately();
    let id = new_id();
    post(&web, &path, &report(&id)).await.is(503);
    assert!(!device.publish_within(Duration::from_secs(2), "imaboard/button/hall/press", super::press("single", 1)).await);
    web.get("/").await.is(200);
    web.get(&path).await.is(200);
    readiness_becomes(&program, 503).await;

    house.server.start_again();
    readiness_becomes(&program, 200).await;
    let mut acknowledged = device.acknowledged();
    acknowledged.wait_for(|n| *n > 0).await.unwrap();
    post(&web, &path, &report(&id)).await.is(201);
    let log = sound_log(&program).await;
    for id in [before, id] {
        assert_eq!(count_id(&log, &id), 1);
    }
    assert_eq!(super::count_press(&log, device.button(), 1), 1);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_of_server_and_program_lose_and_double_nothing() {
    let Some(mut house) = House::build() else { return };
    let seed = seed();
    let mut dice = rng(seed, 0);
    let mut program = house.city.serve().await;
    let first = report_path(&program, FACILITY).await;
    let second = report_path(&program, OTHER).await;
    let traffic = Traffic::new();
    let mut senders = JoinSet::new();
    let mut buttons = Vec::new();
    for device in ["hall", "kitchen"] {
        let arguments = ["button", "enrol", "--facility", FACILITY, "--profile", "imaboard", "--device", device, "--json"];
        let enrolled = program.run(arguments.into_iter().chain(["--set", "single=vacancy:full"])).await.json();
        let text = |name: &str| enrolled[name].as_str().unwrap().to_owned();
        let login = Login::new(program.mqtt_url(), &text("mqtt_user"), &text("mqtt_password"), device);
        buttons.push((login, text("id"), device.to_owned()));
    }
    let mut audit = Audit::after(program.log(1).await.len() as u64);
    for (stream, (login, button, device)) in (1..).zip(buttons) {
        traffic.button(&mut senders, login, button, device, Duration::ZERO, rng(seed, stream));
    }
    traffic.json(&mut senders, program.web(), first.clone(), rng(seed, 10));
    traffic.json(&mut senders, program.web(), second.clone(), rng(seed, 11));
    traffic.form(&mut senders, program.web(), first, "あさひ", rng(seed, 20)).await;

    let mut told = 0;
    for cut in 0..9 {
        // Something must have been stored in between, or nothing is proved.
        wait_until("more is acknowledged", DEADLINE, async || traffic.told().len() > told).await;
        told = traffic.told().len();
        // The moment itself is what is drawn here, not a wait for something.
        tokio::time::sleep(Duration::from_micros(dice.random_range(0..150_000))).await;
        // The server, the program, or both at once.
        let (server_dies, program_dies) = (cut % 3 != 1, cut % 3 != 0);
        if server_dies {
            house.server.stop_immediately();
        }
        if program_dies {
            program.kill_9();
        }
        tokio::time::sleep(Duration::from_micros(dice.random_range(0..50_000))).await;
        if server_dies {
            house.server.start_again();
        }
        if program_dies {
            program.start_again().await;
        }
        audit.go_on(program.city(), &traffic).await;
    }
    traffic.enough();
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    program.stop().await;
    audit.go_on(program.city(), &traffic).await;
    audit.is_complete(&traffic);
    eprintln!("9 cuts, {} reports, each once", audit.len());
    program.run(["log", "verify"]).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_on_the_same_database_is_refused_by_name() {
    if !postgres::is_here() {
        return;
    }
    let url = postgres::database();
    let first = City::on_a_file().set("database.url", &url).serve().await;
    let second = City::on_a_file().set("database.url", &url);
    let refused =
        second.run(["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "off", "--ops-listen", "off"]).await.refused(1);
    let holder = format!("imaboard process {}", first.pid().as_raw_nonzero());
    assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
    // Looking is free, from anywhere.
    assert_eq!(second.log(1).await.len(), first.log(1).await.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_never_said() {
    let Some(mut house) = House::build() else { return };
    let mut program = house.city.clone().set("log.level", "debug").serve().await;
    let path = report_path(&program, FACILITY).await;
    house.server.stop_immediately();
    post(&program.web(), &path, &report(&new_id())).await.is(503);
    readiness_becomes(&program, 503).await;
    let ready = program.ops().get("/readyz").await.text().to_owned();
    let failed = program.run(["log", "verify"]).await;
    house.server.start_again();
    let checked = program.run(["check"]).await.ok();
    let copied = program.run(["copy", "--from", &format!("postgres://ima:{PASSWORD}@"), "--to", "sqlite:x.db"]).await;
    readiness_becomes(&program, 200).await;
    program.stop().await;
    for words in [program.said(), program.printed(), ready, failed.stderr, checked.stderr, copied.stderr] {
        assert!(!words.contains(PASSWORD), "{words}");
    }
}
