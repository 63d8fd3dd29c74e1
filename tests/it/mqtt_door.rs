//! The door for devices: who may press, what counts as a press, and what devices hear back.
//!
//! The path of one press stands in [`crate::path`]; here stand the presses that are none.

use rumqttc::QoS;
use serde_json::{Value, json};

use crate::support::mosquitto::LOGIN;
use crate::support::{City, DEADLINE, Device, Mosquitto, Program, needs, wait_until};

const PRESS: &str = "imaboard/button/door/press";

async fn small() -> (Program, Device) {
    let program = City::small().await.serve().await;
    let device = program.enrol("h1", "door", &["single=vacancy:full", "double=vacancy:available"]).await;
    (program, device)
}

/// The presses on the log.
async fn presses(city: &City) -> Vec<Value> {
    city.log(1).await.into_iter().filter(|e| e["channel"] == "button").collect()
}

#[tokio::test]
async fn only_enrolled_devices_with_their_own_credential_come_in() {
    let (program, device) = small().await;
    let credential = program.list(&["button", "credential", device.button()]).await;
    let password = credential["mqtt_password"].as_str().unwrap();
    let url = program.mqtt_url();
    assert!(Device::try_connect(url, device.button(), "guess", "x1").await.is_err(), "a wrong password came in");
    assert!(Device::try_connect(url, "h1-b9", password, "x2").await.is_err(), "an unknown device came in");
    assert!(Device::try_connect(url, "", "", "x3").await.is_err(), "a nameless device came in");
}

#[tokio::test]
async fn a_removed_button_presses_no_more() {
    let (program, device) = small().await;
    device.press("single", 1).await;
    program.run(["button", "remove", device.button()]).await.ok();
    device.publish_unwaited(PRESS, &crate::support::device::press("double", 2), QoS::AtLeastOnce, false).await;
    let credential = device.button().to_owned();
    assert!(Device::try_connect(program.mqtt_url(), &credential, "any", "again").await.is_err());
    assert_eq!(presses(&program).await.len(), 1);
}

#[tokio::test]
async fn no_device_presses_for_another_one() {
    let (program, door) = small().await;
    let other = program.enrol("h2", "other", &["single=operation:suspended"]).await;
    // Whatever the broker does with it (it may close the connection), nothing is recorded.
    other.publish_unwaited(PRESS, &crate::support::device::press("single", 1), QoS::AtLeastOnce, false).await;
    other.publish_unwaited("imaboard/facility/h2/state", "{}", QoS::AtLeastOnce, true).await;
    door.press("double", 1).await;
    let log = presses(&program).await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["facts"]["facility"], "h1");
}

#[tokio::test]
async fn the_same_press_twice_is_one_entry_and_is_answered_twice_also_after_a_restart() {
    let (mut program, device) = small().await;
    device.subscribe("imaboard/button/door/stored").await;
    device.press("double", 7).await;
    let first = device.hears("imaboard/button/door/stored", |_| true).await.json();
    device.press("double", 7).await;
    let again = device.hears("imaboard/button/door/stored", |_| true).await.json();
    assert_eq!(first["entry"], again["entry"], "the second answer names another entry");
    program.kill_9();
    program.start_again().await;
    device.press("double", 7).await;
    assert_eq!(presses(&program).await.len(), 1, "a repeated press was stored again");
    device.press("double", 8).await;
    assert_eq!(presses(&program).await.len(), 2, "a new press was taken for a repeated one");
}

#[tokio::test]
async fn nonsense_is_acknowledged_and_is_never_a_press_or_a_crash() {
    let (program, device) = small().await;
    let nonsense: [&[u8]; 9] = [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"{\"gesture\":\"somersault\",\"seq\":1}",
        b"{\"gesture\":1}",
        b"[]",
        b"null",
        b"{\"gesture\":\"release\",\"seq\":2}",
        "{\"gesture\":\"満床\"}".as_bytes(),
    ];
    for payload in nonsense {
        assert!(device.publish_within(DEADLINE, PRESS, payload).await, "not acknowledged: {payload:?}");
    }
    assert_eq!(presses(&program).await.len(), 0);
    device.press("single", 1).await;
    assert_eq!(presses(&program).await.len(), 1);
}

#[tokio::test]
async fn a_megabyte_is_not_taken_in_and_the_next_press_is() {
    let (program, device) = small().await;
    let flood = Device::connect(program.mqtt_url(), device.button(), &password(&program, &device).await, "flood").await;
    flood.publish_unwaited(PRESS, &"x".repeat(1_000_000), QoS::AtMostOnce, false).await;
    drop(flood);
    device.press("single", 1).await;
    assert_eq!(presses(&program).await.len(), 1);
}

async fn password(program: &Program, device: &Device) -> String {
    program.list(&["button", "credential", device.button()]).await["mqtt_password"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn battery_availability_and_last_contact_are_known_per_device() {
    let (program, device) = small().await;
    device.publish("imaboard/button/door/availability", "online").await;
    device.press("single", 1).await;
    let heard = program.list(&["button", "list"]).await;
    assert_eq!(heard[0]["available"], true, "{heard}");
    assert!(heard[0]["last_heard_at"].is_string(), "{heard}");
    device.publish("imaboard/button/door/availability", "offline").await;
    assert_eq!(program.list(&["button", "list"]).await[0]["available"], false);
}

#[tokio::test]
async fn the_server_says_that_it_is_there_and_what_the_board_believes_to_whoever_asks_later() {
    let (program, device) = small().await;
    device.press("double", 1).await;
    let late = Device::connect(program.mqtt_url(), device.button(), &password(&program, &device).await, "late").await;
    late.subscribe("imaboard/server/availability").await;
    assert_eq!(late.hears("imaboard/server/availability", |m| m.retain).await.payload, "online");
    late.subscribe("imaboard/facility/h1/state").await;
    let state = late.hears("imaboard/facility/h1/state", |m| m.retain).await.json();
    assert_eq!(state["standings"][0]["value"], "available", "{state}");
}

/// The small city at a Mosquitto of its own.
async fn at_mosquitto(broker: &Mosquitto) -> City {
    City::small().await.set("mqtt.user", LOGIN.0).set("mqtt.password", LOGIN.1).set("mqtt.url", broker.url())
}

async fn enrol(city: &City, broker: &Mosquitto) -> Device {
    let arguments = [
        "button",
        "enrol",
        "--facility",
        "h1",
        "--device",
        "door",
        "--set",
        "single=vacancy:full",
        "--set",
        "double=vacancy:available",
    ];
    let enrolled = city.list(&arguments).await;
    Device::connect(&broker.url(), LOGIN.0, LOGIN.1, "door").await.named(enrolled["id"].as_str().unwrap())
}

#[tokio::test]
async fn at_a_houses_own_broker_a_press_is_a_press_and_a_retained_replay_is_none() {
    if !needs("mosquitto") {
        return;
    }
    let broker = Mosquitto::start().await;
    let city = at_mosquitto(&broker).await;
    let device = enrol(&city, &broker).await;
    // Left at the broker by somebody before we came: a replay.
    device.publish_unwaited(PRESS, &crate::support::device::press("single", 1), QoS::AtLeastOnce, true).await;
    device.subscribe("imaboard/server/availability").await;
    device.subscribe("imaboard/button/door/stored").await;
    let mut program = city.serve().await;
    assert!(!program.doors().line.contains("mqtt"), "a door of somebody else's is announced");
    device.hears("imaboard/server/availability", |m| m.payload == "online").await;

    device.press("double", 2).await;
    assert_eq!(device.hears("imaboard/button/door/stored", |_| true).await.json()["value"], "available");
    program.run(["button", "press", device.button(), "single"]).await.ok();
    assert_eq!(device.hears("imaboard/button/door/stored", |_| true).await.json()["value"], "full");
    let values: Vec<Value> = presses(&city).await.iter().map(|e| e["facts"]["press"]["gesture"].clone()).collect();
    assert_eq!(values, [json!("double"), json!("single")], "the retained one was counted");

    // The will of a killed server, and its return.
    program.kill_9();
    device.hears("imaboard/server/availability", |m| m.payload == "offline").await;
    device.press("double", 3).await;
    program.start_again().await;
    device.hears("imaboard/server/availability", |m| m.payload == "online").await;
    wait_until("the press made while we were away", DEADLINE, async || presses(&city).await.len() == 3).await;
    assert!(program.stop().await < DEADLINE);
    device.hears("imaboard/server/availability", |m| m.payload == "offline").await;
}

#[tokio::test]
async fn a_broker_that_restarts_finds_us_again_and_readiness_says_so() {
    if !needs("mosquitto") {
        return;
    }
    let mut broker = Mosquitto::start().await;
    let city = at_mosquitto(&broker).await;
    let device = enrol(&city, &broker).await;
    let program = city.serve().await;
    let ops = program.ops();
    wait_until("ready", DEADLINE, async || ops.get("/readyz").await.status == 200).await;
    broker.stop();
    wait_until("not ready without a broker", DEADLINE, async || ops.get("/readyz").await.status == 503).await;
    assert_eq!(ops.get("/healthz").await.status, 200, "alive is alive");
    broker.start_again().await;
    wait_until("ready again", DEADLINE, async || ops.get("/readyz").await.status == 200).await;
    device.press("double", 1).await;
    wait_until("the press after the restart", DEADLINE, async || presses(&city).await.len() == 1).await;
}
