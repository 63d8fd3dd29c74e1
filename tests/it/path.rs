//! One press from the wire to the glass, and one report from a telephone to the board: the main job.
//!
//! Real clients only: a device that speaks MQTT, a browser that paints. Times are printed, not asserted beyond a generous deadline.

use std::time::{Duration, Instant};

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::support::{Browser, City, DEADLINE, Device, Program, Screen, needs, wait_for, wait_until};

/// The small city with a wall in the town hall.
async fn with_wall() -> Program {
    // One long scene: what is measured is the path, not the rotation.
    let city = City::small().await.set("wall.rotation_seconds", 600);
    city.run(["display", "add", "cityhall", "市役所ロビー"]).await.ok();
    city.serve().await
}

async fn enrol(program: &Program) -> Device {
    program.enrol("h1", "door", &["single=vacancy:full", "double=vacancy:available", "long=first_report:needs_help"]).await
}

/// Opens the wall and notes in the page itself that it was never loaded again.
async fn watch(program: &Program) -> Browser {
    let wall = Browser::open(Screen::Wall).await;
    wall.goto(format!("{}/wall/cityhall", program.base_url())).await.unwrap();
    wall.sees("グループホーム").await;
    wall.execute("window.neverLoadedAgain = true", vec![]).await.unwrap();
    wall
}

async fn still_the_same_page(wall: &Browser) {
    let kept = wall.execute("return window.neverLoadedAgain === true", vec![]).await.unwrap();
    assert_eq!(kept.json(), &Value::Bool(true), "the wall was loaded again");
}

/// The row of group homes on the wall: what it says of places, in one line.
async fn group_homes(wall: &Browser) -> String {
    let script = "const row = [...document.querySelectorAll('#pages tbody')].find(r => r.textContent.includes('グループホーム'));\
                  return row ? row.innerText.replace(/\\s+/g, ' ') : ''";
    wall.execute(script, vec![]).await.unwrap().json().as_str().unwrap_or_default().to_owned()
}

/// Waits until the row of group homes on the wall holds (or no longer holds) these words.
async fn wall_says(wall: &Browser, words: &str, there: bool) -> Duration {
    let mut row = String::new();
    let started = Instant::now();
    loop {
        if row.contains(words) == there && !row.is_empty() {
            return started.elapsed();
        }
        assert!(started.elapsed() < DEADLINE, "never on the wall ({there}): {words:?}; it says {row:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        row = group_homes(wall).await;
    }
}

/// What everybody must find after a press of `double`: the log, the public board, the device, the wall.
async fn everybody_knows(program: &Program, device: &Device, wall: &Browser, from: u64) {
    let entries = program.log(from + 1).await;
    let entry = entries.last().expect("the press is on the log");
    assert_eq!(entry["channel"], "button", "{entry}");
    assert_eq!(entry["kind"], "report", "{entry}");

    let stored = device.hears("imaboard/button/door/stored", |_| true).await.json();
    assert_eq!(stored["entry"], entry["seq"], "{stored}");
    assert_eq!(stored["value"], "available", "{stored}");
    let state = device.hears("imaboard/facility/h1/state", |m| m.json()["standings"][0]["value"] == "available").await.json();
    assert_eq!(state["facility"], "h1");
    assert_eq!(state["standings"][0]["freshness"], "fresh", "{state}");
    assert_eq!(state["standings"][0]["channel"], "button", "{state}");

    let page = program.web().get("/facilities/h1").await.is(200).page();
    assert!(page.texts("main, body").concat().contains("空きあり"), "not on the public page");
    assert!(program.web().get("/text").await.text().contains("しおかぜの家"), "not in the text");
    wall_says(wall, "しおかぜの家", true).await;
}

#[tokio::test]
async fn a_press_reaches_the_wall_the_public_page_the_log_and_the_device_without_a_reload() {
    if !needs("chromedriver") {
        return;
    }
    let program = with_wall().await;
    let device = enrol(&program).await;
    device.subscribe("imaboard/button/door/stored").await;
    device.subscribe("imaboard/facility/h1/state").await;
    let wall = watch(&program).await;
    assert!(!group_homes(&wall).await.contains("しおかぜの家"), "it is there before anybody pressed");

    let before = program.log(1).await.len() as u64;
    let pressed = Instant::now();
    device.press("double", 17).await;
    let acknowledged = pressed.elapsed();
    wall_says(&wall, "しおかぜの家", true).await;
    let painted = pressed.elapsed();
    eprintln!("press to acknowledgement {} ms, to the glass {} ms", acknowledged.as_millis(), painted.as_millis());
    everybody_knows(&program, &device, &wall, before).await;

    device.press("single", 18).await;
    wall_says(&wall, "しおかぜの家", false).await;
    assert!(program.web().get("/facilities/h1").await.text().contains("空きなし"));
    still_the_same_page(&wall).await;
    wall.close().await;
}

#[tokio::test]
async fn button_press_at_the_command_line_is_a_real_press() {
    if !needs("chromedriver") {
        return;
    }
    let program = with_wall().await;
    let device = enrol(&program).await;
    device.subscribe("imaboard/button/door/stored").await;
    device.subscribe("imaboard/facility/h1/state").await;
    let wall = watch(&program).await;
    let before = program.log(1).await.len() as u64;
    let output = program.run(["button", "press", device.button(), "double"]).await.ok();
    assert_eq!(output.stdout, "", "a press has no data");
    wall_says(&wall, "しおかぜの家", true).await;
    everybody_knows(&program, &device, &wall, before).await;
    still_the_same_page(&wall).await;
    wall.close().await;
}

#[tokio::test]
async fn a_wall_that_loses_its_server_keeps_its_picture_and_catches_up() {
    if !needs("chromedriver") {
        return;
    }
    let city = City::small().await.set("wall.rotation_seconds", 600).set("wall.ping_seconds", 1);
    city.run(["display", "add", "cityhall", "市役所ロビー"]).await.ok();
    let mut program = city.serve().await;
    let device = enrol(&program).await;
    device.press("double", 1).await;
    let wall = watch(&program).await;
    wall_says(&wall, "しおかぜの家", true).await;
    program.kill_9();
    wall.sees("通信断").await;
    assert!(group_homes(&wall).await.contains("しおかぜの家"), "the picture is gone");
    program.start_again().await;
    device.press("single", 2).await;
    wall_says(&wall, "しおかぜの家", false).await;
    wait_until("the wall claims to be connected again", DEADLINE, async || !wall.text().await.contains("通信断")).await;
    still_the_same_page(&wall).await;
    wall.close().await;
}

/// Opens a facility's report page on a telephone without JavaScript.
async fn telephone(url: &str) -> Browser {
    let phone = Browser::without_javascript(Screen::Phone).await;
    phone.goto(url).await.unwrap();
    phone
}

/// Taps an element that a finger could hit.
async fn tap(phone: &Browser, css: &str) {
    let element = phone.one(css).await;
    element.click().await.unwrap_or_else(|e| panic!("{css} cannot be tapped: {e}"));
}

/// Waits for the receipt.
async fn stored(phone: &Browser) {
    phone.one("section.done p.no").await;
}

async fn taken_back(phone: &Browser) {
    stored(phone).await;
    phone.sees("取り消しました").await;
}

/// Taps the key of a radio button: its label, as a finger does.
async fn choose(phone: &Browser, name: &str, value: &str) {
    let label = format!("//input[@name='{name}' and @value='{value}']/ancestor::label");
    let label = wait_for(&label, async || phone.find(By::XPath(&label)).await.ok()).await;
    label.click().await.unwrap();
}

/// What the public page of h1 says of its group home.
async fn public_h1(program: &Program) -> String {
    let page = program.web().get("/facilities/h1").await.is(200).page();
    page.texts("p.share").concat()
}

#[tokio::test]
async fn a_carer_reports_confirms_and_takes_back_without_javascript_on_a_small_telephone() {
    if !needs("chromedriver") {
        return;
    }
    let program = with_wall().await;
    let url = program.report_url("h1").await;
    let service = program.list(&["facility", "list"]).await[0]["services"][0]["id"].as_str().unwrap().to_owned();
    let beds = format!("v.{service}.all");
    let wall = watch(&program).await;
    let phone = telephone(&url).await;
    let width = phone.one("html").await.rect().await.unwrap().width;
    assert!(width <= 360.0, "the page is {width} px wide on a telephone of 360");

    // Two places free.
    choose(&phone, &beds, "2").await;
    tap(&phone, "button.send").await;
    stored(&phone).await;
    assert!(public_h1(&program).await.contains('2'), "{}", public_h1(&program).await);
    wall_says(&wall, "しおかぜの家", true).await;

    // Nothing changed: one tap.
    phone.goto(&url).await.unwrap();
    let position = program.log(1).await.len() as u64;
    tap(&phone, "button[name=confirm]").await;
    stored(&phone).await;
    let confirmed = program.log(position + 1).await;
    assert_eq!(confirmed.len(), 1);
    assert_eq!(confirmed[0]["channel"], "qr");
    assert!(confirmed[0]["facts"].to_string().contains("confirms"), "{}", confirmed[0]);

    // A slip of the finger, and its undoing.
    phone.goto(&url).await.unwrap();
    choose(&phone, &beds, "0").await;
    tap(&phone, "button.send").await;
    stored(&phone).await;
    assert!(public_h1(&program).await.contains("空きなし"), "{}", public_h1(&program).await);
    wall_says(&wall, "しおかぜの家", false).await;
    tap(&phone, "button.undo").await;
    taken_back(&phone).await;
    assert!(public_h1(&program).await.contains('2'), "{}", public_h1(&program).await);
    wall_says(&wall, "しおかぜの家", true).await;
    still_the_same_page(&wall).await;
    phone.close().await;
    wall.close().await;
}

#[tokio::test]
async fn during_an_incident_one_tap_is_a_whole_report() {
    if !needs("chromedriver") {
        return;
    }
    let program = with_wall().await;
    let url = program.report_url("h1").await;
    let incident = program.list(&["incident", "open", "台風12号", "--hazard", "typhoon"]).await;
    program.run(["rollcall", "open"]).await.ok();
    let phone = telephone(&url).await;
    let position = program.log(1).await.len() as u64;
    tap(&phone, "button[name=first_report][value^=safe]").await;
    stored(&phone).await;
    let entries = program.log(position + 1).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["facts"]["incident"], incident["incident"], "{}", entries[0]);
    assert!(entries[0]["facts"]["roll_call"].is_string(), "it does not answer the roll call: {}", entries[0]);
    let path = format!("/incidents/{}", incident["incident"].as_str().unwrap());
    let board = program.web().get(&path).await;
    assert!(board.is(200).text().contains("無事"), "not on the page of the incident");
    phone.close().await;
}

#[tokio::test]
async fn a_wrong_number_is_explained_at_its_field_and_kept() {
    if !needs("chromedriver") {
        return;
    }
    let program = City::small().await.serve().await;
    let url = program.report_url("h1").await;
    let service = program.list(&["facility", "list"]).await[0]["services"][0]["id"].as_str().unwrap().to_owned();
    let phone = telephone(&url).await;
    let position = program.log(1).await.len();
    choose(&phone, &format!("v.{service}.all"), "more").await;
    let number = format!("input[name='n.{service}.all']");
    phone.one(&number).await.send_keys("12").await.unwrap();
    tap(&phone, "button.send").await;
    phone.sees("空きの数が 多すぎます").await;
    let kept = phone.one(&number).await;
    assert_eq!(kept.prop("value").await.unwrap().as_deref(), Some("12"), "what was typed is gone");
    let block = phone.words_of("fieldset.wrong").await;
    assert!(block.contains('9') && block.contains("12"), "the field does not explain: {block}");
    assert_eq!(program.log(1).await.len(), position, "a refused report left an entry");

    // Mended on the spot, it goes through.
    let field = phone.one(&number).await;
    field.clear().await.unwrap();
    field.send_keys("8").await.unwrap();
    tap(&phone, "button.send").await;
    stored(&phone).await;
    phone.close().await;
}
