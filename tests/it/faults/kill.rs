//! Two hundred power cuts, and a broker that goes away: through every door at once, also between commit and acknowledgement.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};

use super::traffic::{Audit, Instant, Traffic};
use super::wire::Login;
use super::{FACILITY, OTHER, report_path, rng, seed};
use crate::support::{City, DEADLINE, Mosquitto, Program, needs, wait_until};

/// When the power goes.
#[derive(Debug, Clone, Copy)]
enum Aim {
    /// At any moment after the program is ready.
    Anywhere,
    /// The n-th time that this happens.
    At(Instant),
    /// While the program starts, before it is ready.
    Starting,
}

/// Compares with the log while the program runs and dies.
fn audit_beside(mut audit: Audit, city: City, traffic: &std::sync::Arc<Traffic>) -> JoinHandle<Audit> {
    let traffic = std::sync::Arc::clone(traffic);
    tokio::spawn(async move {
        audit.go_on(&city, &traffic).await;
        audit
    })
}

async fn wait_for_aim(aim: Aim, instants: &mut broadcast::Receiver<Instant>, rng: &mut StdRng) {
    match aim {
        // The moment itself is what is drawn here, not a wait for something.
        Aim::Anywhere | Aim::Starting => tokio::time::sleep(Duration::from_micros(rng.random_range(0..150_000))).await,
        Aim::At(wanted) => {
            let mut left = rng.random_range(1..=12);
            let waiting = async {
                while left > 0 {
                    match instants.recv().await {
                        Ok(instant) if instant == wanted => left -= 1,
                        Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => panic!("nobody sends any more"),
                    }
                }
            };
            tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("never: {wanted:?}"));
        }
    }
}

/// Starts the program on doors of its own and kills it before or after it is ready.
async fn die_while_starting(city: &City, rng: &mut StdRng) {
    let doors = ["--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--ops-listen", "off"];
    let mut command = city.command();
    command.arg("serve").args(doors).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..400_000))).await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}

async fn survive(kills: u32, aims: &[Aim]) {
    let seed = seed();
    let mut dice = rng(seed, 0);
    let mut program = Program::sample().await;
    let first = report_path(&program, FACILITY).await;
    let second = report_path(&program, OTHER).await;
    let traffic = Traffic::new();
    let mut senders = JoinSet::new();
    let mut buttons = Vec::new();
    for device in ["hall", "kitchen", "office"] {
        let arguments = ["button", "enrol", "--facility", FACILITY, "--profile", "imaboard", "--device", device, "--json"];
        let enrolled = program.run(arguments.into_iter().chain(["--set", "single=vacancy:full"])).await.json();
        let text = |name: &str| enrolled[name].as_str().unwrap().to_owned();
        let login = Login::new(program.mqtt_url(), &text("mqtt_user"), &text("mqtt_password"), device);
        buttons.push((login, text("id"), device.to_owned()));
    }
    let head = program.log(1).await.len() as u64;
    for (stream, (login, button, device)) in (1..).zip(buttons) {
        traffic.button(&mut senders, login, button, device, Duration::ZERO, rng(seed, stream));
    }
    traffic.json(&mut senders, program.web(), first.clone(), rng(seed, 10));
    traffic.json(&mut senders, program.web(), second.clone(), rng(seed, 11));
    traffic.form(&mut senders, program.web(), first, "あさひ", rng(seed, 20)).await;
    traffic.form(&mut senders, program.web(), second, "ゆうひ", rng(seed, 21)).await;

    let mut audit = Audit::after(head);
    for kill in 0..kills {
        let aim = aims[kill as usize % aims.len()];
        let mut instants = traffic.instants.subscribe();
        let beside = audit_beside(audit, program.city().clone(), &traffic);
        wait_for_aim(aim, &mut instants, &mut dice).await;
        program.kill_9();
        audit = beside.await.unwrap_or_else(|e| panic!("kill {kill} of seed {seed}: {e}"));
        if matches!(aim, Aim::Starting) {
            die_while_starting(program.city(), &mut dice).await;
        }
        program.start_again().await;
    }
    traffic.enough();
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    program.stop().await;
    audit.go_on(program.city(), &traffic).await;
    audit.is_complete(&traffic);
    eprintln!("{kills} kills, {} reports, each once", audit.len());
    assert!(audit.len() > kills as usize, "hardly anything was reported");
    program.run(["log", "verify"]).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_and_double_nothing() {
    survive(50, &[Aim::Anywhere]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_commit_and_acknowledgement_lose_and_double_no_press() {
    survive(60, &[Aim::At(Instant::PressSent), Aim::At(Instant::PressAcknowledged)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_around_a_receipt_lose_and_double_no_form() {
    survive(60, &[Aim::At(Instant::Posting), Aim::At(Instant::Posted)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_starting_lose_and_double_nothing() {
    survive(30, &[Aim::Starting]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presses_held_by_mosquitto_arrive_once_through_kills_and_restarts_of_the_broker() {
    use crate::support::mosquitto::LOGIN;
    if !needs("mosquitto") {
        return;
    }
    let seed = seed();
    let mut dice = rng(seed, 0);
    let mut mosquitto = Mosquitto::start().await;
    let city = City::new().set("mqtt.user", LOGIN.0).set("mqtt.password", LOGIN.1);
    let mut program = city.serve_with(&["--mqtt-url", &mosquitto.url()]).await;
    let traffic = Traffic::new();
    let mut senders = JoinSet::new();
    let mut buttons = Vec::new();
    for device in ["hall", "kitchen", "office"] {
        let arguments = ["button", "enrol", "--facility", FACILITY, "--profile", "imaboard", "--device", device, "--json"];
        let enrolled = program.run(arguments.into_iter().chain(["--set", "single=vacancy:full"])).await.json();
        buttons.push((enrolled["id"].as_str().unwrap().to_owned(), device.to_owned()));
    }
    // Only what is published after the first subscription is held for us.
    super::readiness_becomes(&program, 200).await;
    let path = report_path(&program, FACILITY).await;
    let head = program.log(1).await.len() as u64;
    for (stream, (button, device)) in (1..).zip(buttons) {
        let login = Login::new(&mosquitto.url(), LOGIN.0, LOGIN.1, &device);
        traffic.button(&mut senders, login, button, device, Duration::from_millis(25), rng(seed, stream));
    }
    traffic.json(&mut senders, program.web(), path, rng(seed, 10));
    let mut audit = Audit::after(head);
    for kill in 0..30_u32 {
        let mut instants = traffic.instants.subscribe();
        let aim = [Aim::Anywhere, Aim::At(Instant::PressAcknowledged), Aim::At(Instant::PressSent)][kill as usize % 3];
        wait_for_aim(aim, &mut instants, &mut dice).await;
        program.kill_9();
        if kill % 8 == 3 {
            mosquitto.stop();
            if dice.random_bool(0.5) {
                mosquitto.start_again().await;
                program.start_again().await;
            } else {
                program.start_again().await;
                mosquitto.start_again().await;
            }
        } else {
            program.start_again().await;
        }
        if kill % 10 == 9 {
            // What Mosquitto holds is acknowledged to the device before it is ours, so it is waited for.
            arrive(&mut audit, &program, &traffic).await;
        }
    }
    mosquitto.stop();
    mosquitto.start_again().await;
    traffic.enough();
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    arrive(&mut audit, &program, &traffic).await;
    program.stop().await;
    audit.go_on(program.city(), &traffic).await;
    audit.is_complete(&traffic);
    eprintln!("30 kills, {} reports, each once", audit.len());
    program.run(["log", "verify"]).await.ok();
}

/// Waits until everything acknowledged by now stands on the log.
async fn arrive(audit: &mut Audit, program: &Program, traffic: &Traffic) {
    let told = traffic.told();
    let audit = tokio::sync::Mutex::new(audit);
    wait_until("what the broker holds arrives", DEADLINE, async || {
        let mut audit = audit.lock().await;
        audit.read(program.city()).await;
        told.iter().all(|mark| audit.holds(mark))
    })
    .await;
}
