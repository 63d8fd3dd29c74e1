//! "Where did this press go?": the log answers from the button's id, and the figures count every step.
//!
//! *Invariant:* what a dashboard or a person on call relies on is documented; nothing undocumented is printed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{City, Program, Web, wait_for};

const EVENTS: &str = "/wall/cityhall/events?layout=landscape";

/// The small city with a wall, and the cookie of a paired screen.
async fn with_screen() -> (Program, String) {
    let city = City::small().await;
    let added = city.run(["display", "add", "cityhall", "市役所ロビー", "--json"]).await.json();
    let program = city.serve().await;
    let pairing = added["pair_url"].as_str().unwrap().rsplit_once("/wall/").unwrap().1.to_owned();
    let paired = program.web().get(&format!("/wall/{pairing}")).await;
    let cookie = paired.header("set-cookie").split(';').next().unwrap().to_owned();
    (program, cookie)
}

async fn acknowledge(program: &Program, screen: &str, revision: &str) {
    let web = program.web();
    let said =
        web.request(Method::POST, "/wall/cityhall/painted").header("cookie", screen).json(&json!({ "revision": revision }));
    web.send(said).await.is(204);
}

/// The lines of the log that hold an id, as a person on call would search them.
fn lines_with(program: &Program, id: &str) -> Vec<String> {
    program.said().lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
}

/// All figures as printed.
async fn figures(ops: &Web) -> String {
    ops.get("/metrics").await.is(200).text().to_owned()
}

fn value(text: &str, figure: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn the_log_tells_every_step_of_a_press_from_its_buttons_id() {
    let (program, screen) = with_screen().await;
    let device = program.enrol("h1", "door", &["single=vacancy:full"]).await;
    let mut stream = program.web().events(EVENTS, None).await;
    acknowledge(&program, &screen, &stream.next_named("ping").await.id).await;

    device.press("single", 1).await;
    let change = stream.next_named("change").await;
    acknowledge(&program, &screen, &change.id).await;
    device.press("single", 1).await;
    device.press("triple", 2).await;

    let steps = [
        "a press was heard",
        "recorded",
        "press stored",
        "the device was told",
        "on its way to the screens",
        "painted",
        "the same press again",
        "this gesture sets nothing",
    ];
    let lines = wait_for("a line for every step", async || {
        let lines = lines_with(&program, device.button());
        steps.iter().all(|step| lines.iter().any(|line| line.contains(step))).then_some(lines)
    })
    .await;
    let entry = format!("entry.seq={}", change.position());
    for step in ["recorded", "press stored", "on its way to the screens", "painted"] {
        // That it was enrolled is recorded under the same id, by another channel.
        let line = lines.iter().find(|line| line.contains(step) && !line.contains("button_enrolled")).unwrap();
        assert!(line.contains(&entry), "{step} names no {entry}: {line}");
    }
    let painted = lines.iter().find(|line| line.contains("painted")).unwrap();
    assert!(painted.contains("display.id=cityhall") && painted.contains("after_ms="), "{painted}");
}

#[tokio::test]
async fn every_step_is_counted_and_every_figure_printed_is_documented() {
    let (program, screen) = with_screen().await;
    let device = program.enrol("h1", "door", &["single=vacancy:full"]).await;
    let mut stream = program.web().events(EVENTS, None).await;
    acknowledge(&program, &screen, &stream.next_named("ping").await.id).await;
    device.press("single", 1).await;
    acknowledge(&program, &screen, &stream.next_named("change").await.id).await;
    program.web().get("/").await.is(200);

    let text = wait_for("the paint in the figures", async || {
        let text = figures(&program.ops()).await;
        (value(&text, "imaboard_press_painted_seconds_count") == Some(1.0)).then_some(text)
    })
    .await;
    let position = program.log(1).await.len() as f64;
    for (figure, expected) in [
        ("imaboard_presses_total{outcome=\"stored\"}", 1.0),
        ("imaboard_mqtt_messages_total{what=\"press\"}", 1.0),
        ("imaboard_press_seconds_count", 1.0),
        ("imaboard_submissions_total{channel=\"button\",outcome=\"stored\"}", 1.0),
        ("imaboard_entries_total{kind=\"report\"}", 1.0),
        ("imaboard_head_seq", position),
        ("imaboard_board_seq", position),
        ("imaboard_store_able", 1.0),
        ("imaboard_mqtt_connected", 1.0),
        ("imaboard_streams", 1.0),
        ("imaboard_stream_snapshots_total{why=\"joined\"}", 1.0),
        ("imaboard_stream_events_total{event=\"change\"}", 1.0),
        ("imaboard_renders_total{page=\"front\"}", 1.0),
        ("imaboard_queue_length{queue=\"recorder\"}", 0.0),
        ("imaboard_devices{state=\"known\"}", 1.0),
    ] {
        assert_eq!(value(&text, figure), Some(expected), "{figure} in\n{text}");
    }
    assert!(value(&text, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6), "{text}");

    let documented: BTreeSet<String> = imaboard::telemetry::figures::all().map(|figure| figure.name.to_owned()).collect();
    for line in text.lines() {
        // Each figure announces itself once.
        let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) else { continue };
        assert!(documented.contains(name) || name.starts_with(imaboard::telemetry::figures::PROCESS), "undocumented: {name}");
    }
}
