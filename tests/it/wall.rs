//! The wall through the real door: the stream as a program reads it, and the screen as a browser paints it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, DEADLINE, Events, Program, Screen, needs, wait_until};

const WALL: &str = "/wall/cityhall?layout=landscape";
const EVENTS: &str = "/wall/cityhall/events?layout=landscape";

/// Says over the report page of a facility how many beds are free.
async fn report_beds(program: &Program, facility: &str, count: u32) {
    let url = program.city().report_url(facility).await;
    let path = url.strip_prefix(program.base_url()).unwrap().to_owned();
    let observation = json!({ "aspect": "vacancy", "service": "group-home", "cell": "all", "value": "plenty", "count": count });
    let body = json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] });
    program.web().post_json(&format!("{path}/reports"), &body).await.is(201);
}

/// A group home of the sample city, whose beds are one cell.
const HOME: &str = "f003";

async fn first_of(stream: &mut Events) -> (String, Value) {
    let event = stream.next().await.unwrap();
    (event.name, serde_json::from_str(&event.data).unwrap())
}

#[tokio::test]
async fn a_new_screen_gets_everything_and_a_named_ping_with_the_position() {
    let mut program = Program::sample().await;
    let mut stream = program.web().events(EVENTS, None).await;
    let (name, data) = first_of(&mut stream).await;
    assert_eq!(name, "snapshot");
    assert!(data["fragments"].as_object().unwrap().len() > 3);
    let ping = stream.next_named("ping").await;
    let said: Value = serde_json::from_str(&ping.data).unwrap();
    assert_eq!(said["revision"], ping.id);
    assert!(said["now"].as_i64().unwrap() > 1_700_000_000_000);
    program.stop().await;
}

#[tokio::test]
async fn a_report_sends_its_row_to_every_open_screen_and_the_same_bytes() {
    let mut program = Program::sample().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = program.web().events(EVENTS, None).await;
        stream.next_named("ping").await;
        streams.push(stream);
    }
    report_beds(&program, HOME, 6).await;
    let mut seen = Vec::new();
    for stream in &mut streams {
        let event = stream.next_named("change").await;
        let data: Value = serde_json::from_str(&event.data).unwrap();
        let keys: Vec<&String> = data["fragments"].as_object().unwrap().keys().collect();
        assert!(keys.iter().any(|k| *k == "vacancy-group-home"), "{keys:?}");
        assert!(keys.iter().all(|k| *k == "vacancy-group-home" || k.ends_with("-foot")), "only what changed: {keys:?}");
        seen.push((event.id, event.data));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    program.stop().await;
}

#[tokio::test]
async fn a_screen_that_comes_back_gets_what_it_missed_and_a_foreign_position_gets_everything() {
    let mut program = Program::sample().await;
    let mut stream = program.web().events(EVENTS, None).await;
    stream.next_named("ping").await;
    report_beds(&program, HOME, 6).await;
    let position = stream.next_named("change").await.id;
    drop(stream);
    report_beds(&program, HOME, 7).await;

    // The picture may be a moment behind the receipt: then the change follows the first ping.
    let missed = program.web().events(EVENTS, Some(&position)).await.next_named("change").await;
    let data: Value = serde_json::from_str(&missed.data).unwrap();
    assert!(data["fragments"].as_object().unwrap().contains_key("vacancy-group-home"));
    let from = format!("{EVENTS}&from={position}");
    assert_eq!(first_of(&mut program.web().events(&from, None).await).await.0, "change");

    let (epoch, seq) = position.rsplit_once('-').unwrap();
    let future = format!("{epoch}-{}", seq.parse::<u64>().unwrap() + 1_000);
    for unknown in ["0123456789abcdef-3", "nonsense", &future] {
        let (name, _) = first_of(&mut program.web().events(EVENTS, Some(unknown)).await).await;
        assert_eq!(name, "snapshot", "{unknown}");
    }
    program.stop().await;
}

#[tokio::test]
async fn looking_needs_no_credential_and_acknowledging_paint_does() {
    let mut program = Program::sample().await;
    let web = program.web();
    web.get(WALL).await.is(200);
    let revision = web.get(WALL).await.page().attributes("body", "data-revision").remove(0);
    let said = json!({ "revision": revision });
    web.post_json("/wall/cityhall/painted", &said).await.is(403);
    web.get("/wall/cityhall/pair/aaaaaaaaaaaaaaaaaaaaaaaaaa").await.is(404);
    web.get("/wall/nowhere").await.is(404);
    web.get("/wall/nowhere/events").await.is(404);
    program.stop().await;
}

#[tokio::test]
async fn a_screen_too_many_is_told_when_to_come_again() {
    let mut program = Program::start(crate::support::City::new().set("wall.max_streams", 1), &[]).await;
    let mut first = program.web().events(EVENTS, None).await;
    first.next_named("ping").await;
    let refused = program.web().get(EVENTS).await;
    assert_eq!(refused.is(503).header("retry-after"), "10");
    program.stop().await;
}

#[tokio::test]
async fn a_stop_ends_open_streams_at_once() {
    let mut program = Program::sample().await;
    let mut stream = program.web().events(EVENTS, None).await;
    stream.next_named("ping").await;
    assert!(program.stop().await < Duration::from_secs(5));
}

#[tokio::test]
async fn the_wall_in_a_browser_follows_a_report_loses_the_server_says_so_and_comes_back() {
    if !needs("chromedriver") {
        return;
    }
    let mut program = Program::start(crate::support::City::new().set("wall.ping_seconds", 1), &[]).await;
    let browser = Browser::open(Screen::Wall).await;
    browser.goto(format!("{}{WALL}", program.base_url())).await.unwrap();
    let script = async |text: &str| browser.execute(text, Vec::new()).await.unwrap().json().clone();

    report_beds(&program, HOME, 17).await;
    let row = "return document.querySelector('#w-vacancy-group-home .now').textContent";
    wait_until("the count on the wall", DEADLINE, async || script(row).await.as_str().is_some_and(|t| t.contains("17"))).await;
    assert_eq!(script("return document.documentElement.scrollWidth > innerWidth").await, json!(false));

    // Old enough to doubt: the browser hatches it, then takes it back, with nobody's help.
    let class = "return document.querySelector('#w-vacancy-group-home').className";
    let at = |name: &str| {
        format!("var r = document.querySelector('#w-vacancy-group-home'); imaboardWall.age(Number(r.dataset.{name}))")
    };
    script(&at("agingAt")).await;
    assert!(script(class).await.as_str().unwrap().contains("is-aging"));
    script(&at("staleAt")).await;
    assert!(script(class).await.as_str().unwrap().contains("is-stale"));
    let shown = "return getComputedStyle(document.querySelector('#w-vacancy-group-home .now')).display";
    assert_eq!(script(shown).await, json!("none"));

    program.kill_9();
    browser.sees("通信断").await;
    browser.sees("から 新しい情報が届いていません").await;
    assert_eq!(script("return document.querySelectorAll('.board.on').length").await, json!(1), "never blank");
    let heading = "return document.querySelector('th.place').textContent";
    assert!(!script(heading).await.as_str().unwrap().contains("いま"));

    program.start_again().await;
    wait_until("the plate is honest again", DEADLINE * 2, async || {
        script("return document.documentElement.classList.contains('cut')").await == json!(false)
    })
    .await;
    assert!(script(heading).await.as_str().unwrap().contains("いま"));
    browser.close().await;
    program.stop().await;
}
