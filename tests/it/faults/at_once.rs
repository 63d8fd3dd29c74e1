//! Many at once, the same twice at once, and guests with bad manners.

use std::time::Duration;

use rumqttc::mqttbytes::v4::ConnectReturnCode;
use tokio::task::JoinSet;

use super::traffic::Instant;
use super::traffic::{Audit, Traffic};
use super::wire::{Login, Wire};
use super::{FACILITY, OTHER, count_id, count_press, form_with, new_id, post, report, report_path, rng, seed, sound_log};
use crate::support::{City, DEADLINE, Program};

/// Device, button id and login of a new button.
async fn enrol(program: &Program, facility: &str, device: &str) -> (String, Login) {
    let arguments = ["button", "enrol", "--facility", facility, "--profile", "imaboard", "--device", device, "--json"];
    let enrolled = program.run(arguments.into_iter().chain(["--set", "single=vacancy:full"])).await.json();
    let text = |name: &str| enrolled[name].as_str().unwrap().to_owned();
    (text("id"), Login::new(program.mqtt_url(), &text("mqtt_user"), &text("mqtt_password"), device))
}

async fn wire(login: &Login) -> Wire {
    Wire::connect(login).await.expect("nobody listens").expect("refused")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_said_and_never_a_false_stored() {
    let city = City::new();
    let founded = city.serve().await;
    drop(founded);
    let mut program = city.set("recorder.queue_entries", 2).set("recorder.batch_entries", 1).serve().await;
    let path = report_path(&program, FACILITY).await;
    let mut senders = JoinSet::new();
    for _ in 0..150 {
        let (web, path) = (program.web(), path.clone());
        senders.spawn(async move {
            let id = new_id();
            let answer = post(&web, &path, &report(&id)).await;
            (id, answer.status, answer.header("retry-after").to_owned())
        });
    }
    let answers = senders.join_all().await;
    let log = sound_log(&program).await;
    for (id, status, retry_after) in &answers {
        match status {
            201 => assert_eq!(count_id(&log, id), 1, "said to be stored, and is not"),
            503 => {
                assert!(retry_after.parse::<u32>().is_ok_and(|s| s > 0), "Retry-After: {retry_after:?}");
                assert_eq!(count_id(&log, id), 0, "said not to be stored, and is");
            }
            other => panic!("{other}"),
        }
    }
    assert!(answers.iter().any(|(_, status, _)| *status == 201));
    assert!(answers.iter().any(|(_, status, _)| *status == 503), "the queue was never full");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_signal_finishes_what_is_in_hand() {
    let seed = seed();
    let mut program = Program::sample().await;
    let path = report_path(&program, FACILITY).await;
    let (button, login) = enrol(&program, FACILITY, "hall").await;
    let head = program.log(1).await.len() as u64;
    let traffic = Traffic::new();
    let mut senders = JoinSet::new();
    let mut instants = traffic.instants.subscribe();
    traffic.button(&mut senders, login, button, "hall".to_owned(), Duration::ZERO, rng(seed, 1));
    for stream in 2..6 {
        traffic.json(&mut senders, program.web(), path.clone(), rng(seed, stream));
    }
    let mut posted = 0;
    while posted < 30 {
        posted += usize::from(tokio::time::timeout(DEADLINE, instants.recv()).await.unwrap() == Ok(Instant::Posted));
    }
    let took = program.stop().await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    let mut audit = Audit::after(head);
    audit.go_on(program.city(), &traffic).await;
    // Those who were not answered come again, and are not doubled.
    program.start_again().await;
    traffic.enough();
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    audit.go_on(program.city(), &traffic).await;
    audit.is_complete(&traffic);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_press_through_two_gateways_at_once_is_one_entry() {
    let mut program = Program::sample().await;
    let (button, login) = enrol(&program, FACILITY, "hall").await;
    let mut first = wire(&login).await;
    let mut second = wire(&Login { client: "hall-2".to_owned(), ..login }).await;
    let topic = "imaboard/button/hall/press";
    for seq in 1..=20 {
        let payload = super::press("single", seq);
        let id = u16::try_from(seq).unwrap();
        tokio::join!(first.publish(topic, payload.clone(), id, false), second.publish(topic, payload, id, false));
        assert_eq!(tokio::join!(first.acknowledged(), second.acknowledged()), (Some(id), Some(id)));
    }
    let log = sound_log(&program).await;
    for seq in 1..=20 {
        assert_eq!(count_press(&log, &button, seq), 1, "press {seq}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_sent_five_times_at_once_is_one_entry_and_one_receipt() {
    let program = Program::sample().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let fields = form_with(&web, &path, "二度おしてしまいました").await;
    let address = format!("{path}/reports");
    let mut senders = JoinSet::new();
    for _ in 0..5 {
        let (web, address, fields) = (program.web(), address.clone(), fields.clone());
        senders.spawn(async move { web.post_form(&address, &fields).await.leads_to() });
    }
    let mut receipts = senders.join_all().await;
    receipts.dedup();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    let count = async |remark: &str| sound_log(&program).await.iter().filter(|e| e["text"] == remark).count();
    assert_eq!(count("二度おしてしまいました").await, 1);
    // The same page with other content is another report.
    let changed: Vec<(String, String)> =
        fields.into_iter().map(|(n, v)| if n == "remark" { (n, "書きなおしました".to_owned()) } else { (n, v) }).collect();
    assert_ne!(web.post_form(&address, &changed).await.leads_to(), receipts[0]);
    assert_eq!(count("書きなおしました").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_with_other_content_is_a_conflict_and_changes_nothing() {
    let program = Program::sample().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let id = new_id();
    let receipt = post(&web, &path, &report(&id)).await.is(201).body.clone();
    let mut other = report(&id);
    other["observations"][0]["value"] = "suspended".into();
    post(&web, &path, &other).await.is(409);
    assert_eq!(post(&web, &path, &report(&id)).await.is(201).body, receipt);
    // Nor may another facility take it over.
    let elsewhere = report_path(&program, OTHER).await;
    post(&web, &elsewhere, &report(&id)).await.is(409);
    assert_eq!(count_id(&sound_log(&program).await, &id), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_messages_store_nothing_and_stop_nobody() {
    let mut program = Program::sample().await;
    let (button, login) = enrol(&program, FACILITY, "hall").await;
    let (other_button, _) = enrol(&program, OTHER, "victim").await;
    let before = program.log(1).await.len();
    let own = "imaboard/button/hall/press";

    // Larger than a broker takes: the connection ends, unacknowledged.
    let mut large = wire(&login).await;
    let _ = large.publish(own, vec![b' '; 1_048_576], 1, false).await;
    assert_eq!(large.acknowledged().await, None);
    // No UTF-8, no JSON, half a JSON, a JSON of another shape: taken off the wire, never a press.
    let mut garbage = wire(&login).await;
    let payloads: [&[u8]; 5] = [b"\xff\xfe\x00press", b"", b"{\"gesture\":\"single\"", b"[[[[[[[[", b"{\"gesture\":42}"];
    for (id, payload) in (1..).zip(payloads) {
        garbage.publish(own, payload, id, false).await.unwrap();
        assert_eq!(garbage.acknowledged().await, Some(id));
    }
    // Somebody else's topics: refused, and no acknowledgement says otherwise.
    for topic in [
        "imaboard/button/victim/press",
        "imaboard/server/availability",
        "imaboard/server/x",
        "imaboard/facility/f003/state",
        "$SYS/x",
        "zigbee2mqtt/hall",
    ] {
        let mut thief = wire(&login).await;
        thief.publish(topic, super::press("single", 1), 1, false).await.unwrap();
        assert_eq!(thief.acknowledged().await, None, "{topic} was acknowledged");
    }
    // No name, no password, somebody else's name.
    for (user, password) in
        [("", ""), (login.user.as_str(), ""), (login.user.as_str(), "guess"), (other_button.as_str(), &login.password)]
    {
        let stranger =
            Login { user: user.to_owned(), password: password.to_owned(), client: "stranger".to_owned(), ..login.clone() };
        match Wire::connect(&stranger).await {
            Some(Ok(_)) => panic!("{user:?} was let in"),
            Some(Err(code)) => assert_ne!(code, ConnectReturnCode::Success),
            None => {}
        }
    }
    assert_eq!(program.log(1).await.len(), before, "something was stored");
    let mut honest = wire(&login).await;
    honest.publish(own, super::press("single", 1), 9, false).await.unwrap();
    assert_eq!(honest.acknowledged().await, Some(9));
    let log = sound_log(&program).await;
    assert_eq!(count_press(&log, &button, 1), 1);
    assert_eq!(count_press(&log, &other_button, 1), 0);
    program.stop().await;
}
