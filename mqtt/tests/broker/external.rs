//! The client, against a real Mosquitto.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use imaboard_mqtt::client::{Client, ClientSettings};
use imaboard_mqtt::message::{Outcome, Publish, PublishError, Will};
use rumqttc::mqttbytes::v4::Packet;

use crate::support::*;

fn settings(mosquitto: &Mosquitto) -> ClientSettings {
    let mut settings = ClientSettings::new(mosquitto.url(), "imaboard");
    settings.user = Some("server".to_owned());
    settings.password = Some(password("server"));
    settings.filters = vec!["imaboard/button/+/press".to_owned()];
    settings.retry_at_most = Duration::from_millis(300);
    settings
}

async fn connected(settings: ClientSettings, desk: &Arc<Desk>) -> Client {
    let client = Client::start(settings, desk.clone()).unwrap();
    is_connected(&client).await;
    client
}

async fn is_connected(client: &Client) {
    let mut connected = client.connected();
    tokio::time::timeout(DEADLINE, connected.wait_for(|c| *c)).await.expect("not connected").unwrap();
}

async fn press(mosquitto: &Mosquitto, presses: std::ops::Range<u16>) {
    let mut ann = Raw::login(mosquitto.address, "ann").await;
    for number in presses {
        ann.press(number + 1, "ann", &number.to_string()).await;
        ann.acknowledged(number + 1).await;
    }
    ann.send(Packet::Disconnect).await;
}

fn numbers(range: std::ops::Range<u16>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn presses_made_while_we_are_away_are_waiting_for_us() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    connected(settings(&mosquitto), &desk).await.stop().await;
    press(&mosquitto, 0..30).await;
    assert_eq!(desk.count(), 0);
    let client = connected(settings(&mosquitto), &desk).await;
    assert_eq!(desk.payloads(30).await, numbers(0..30));
    client.stop().await;
    // Acknowledged is acknowledged: nothing comes twice.
    let client = connected(settings(&mosquitto), &desk).await;
    press(&mosquitto, 30..31).await;
    assert_eq!(desk.payloads(31).await, numbers(0..31));
    drop(client);
}

#[tokio::test]
async fn what_was_not_stored_comes_again_once_and_in_order() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    desk.answer([Outcome::Done, Outcome::NotStored, Outcome::NotStored]);
    press(&mosquitto, 0..5).await;
    assert_eq!(desk.payloads(7).await, ["0", "1", "1", "1", "2", "3", "4"]);
    {
        let heard = desk.heard.lock().unwrap();
        assert!(!heard[1].dup && heard[2].dup && heard[3].dup, "{heard:?}");
        assert!(heard.iter().all(|d| d.qos == 1 && !d.retain && d.from.is_none()));
    }
    client.stop().await;
    let client = connected(settings(&mosquitto), &desk).await;
    press(&mosquitto, 5..6).await;
    assert_eq!(desk.payloads(8).await.last().unwrap(), "5");
    assert_eq!(desk.count(), 8);
    drop(client);
}

#[tokio::test]
async fn a_lost_message_of_qos_0_does_not_cost_the_connection() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    let mut state = client.connected();
    state.mark_unchanged();
    desk.answer([Outcome::NotStored]);
    let mut ann = Raw::login(mosquitto.address, "ann").await;
    ann.press(0, "ann", "lost").await;
    ann.press(1, "ann", "kept").await;
    assert_eq!(desk.payloads(2).await, ["lost", "kept"]);
    assert!(!state.has_changed().unwrap(), "reconnected");
}

#[tokio::test]
async fn nothing_is_acknowledged_before_its_commit() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    desk.open.send_replace(false);
    press(&mosquitto, 0..3).await;
    assert_eq!(desk.first().await.payload, "0");
    // Killed in the middle of the commit: the broker still has all three.
    drop(client);
    let desk = Desk::new();
    let _client = connected(settings(&mosquitto), &desk).await;
    assert_eq!(desk.payloads(3).await, numbers(0..3));
}

#[tokio::test]
async fn a_broker_restart_loses_nothing() {
    if skipped("mosquitto") {
        return;
    }
    let mut mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    desk.open.send_replace(false);
    press(&mosquitto, 0..40).await;
    desk.first().await;
    mosquitto.fall();
    let mut state = client.connected();
    tokio::time::timeout(DEADLINE, state.wait_for(|c| !*c)).await.expect("still connected").unwrap();
    let away = client.publish("a", Vec::new(), 1, false).await;
    assert_eq!(away, Err(PublishError::Away));
    desk.open.send_replace(true);
    mosquitto.rise().await;
    is_connected(&client).await;
    press(&mosquitto, 40..60).await;
    let heard = desk.payloads(61).await;
    assert_eq!(heard[0], "0");
    assert_eq!(heard[1..], numbers(0..60), "the one in hand comes again, all others once");
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_given_up_and_found_again() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let mut impatient = settings(&mosquitto);
    impatient.keep_alive = Duration::from_secs(1);
    let client = connected(impatient, &desk).await;
    mosquitto.signal("STOP");
    let mut state = client.connected();
    tokio::time::timeout(DEADLINE, state.wait_for(|c| !*c)).await.expect("still connected").unwrap();
    mosquitto.signal("CONT");
    is_connected(&client).await;
    press(&mosquitto, 0..3).await;
    assert_eq!(desk.payloads(3).await, numbers(0..3));
}

#[tokio::test]
async fn a_broker_that_forgot_us_is_subscribed_to_again() {
    if skipped("mosquitto") {
        return;
    }
    let mut mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    mosquitto.fall();
    std::fs::remove_file(mosquitto.folder.path().join("mosquitto.db")).unwrap();
    let mut state = client.connected();
    tokio::time::timeout(DEADLINE, state.wait_for(|c| !*c)).await.expect("still connected").unwrap();
    mosquitto.rise().await;
    is_connected(&client).await;
    press(&mosquitto, 0..1).await;
    assert_eq!(desk.payloads(1).await, ["0"]);
}

#[tokio::test]
async fn other_filters_take_effect_in_a_session_that_was_kept() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    connected(settings(&mosquitto), &desk).await.stop().await;
    let mut wider = settings(&mosquitto);
    wider.filters.push("zigbee2mqtt/#".to_owned());
    let _client = connected(wider, &desk).await;
    let mut ann = Raw::login(mosquitto.address, "ann").await;
    ann.publish(1, "zigbee2mqtt/door", "single").await;
    assert_eq!(desk.payloads(1).await, ["single"]);
}

#[tokio::test]
async fn a_message_that_is_too_large_blocks_nobody() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let mut small = settings(&mosquitto);
    small.max_packet_bytes = 1_100_000;
    let client = connected(small.clone(), &desk).await;
    let mut ann = Raw::login(mosquitto.address, "ann").await;
    ann.publish(1, &press_topic("ann"), vec![b'x'; 3_000_000]).await;
    ann.publish(2, &press_topic("ann"), vec![b'y'; 1_048_576]).await;
    ann.press(3, "ann", "full").await;
    let heard = desk.payloads(2).await;
    assert_eq!((heard[0].len(), heard[1].as_str()), (1_048_576, "full"));
    client.stop().await;
    let client = connected(small, &desk).await;
    press(&mosquitto, 7..8).await;
    assert_eq!(desk.payloads(3).await.last().unwrap(), "7", "the large one was not acknowledged");
    drop(client);
}

#[tokio::test]
async fn many_presses_arrive_in_order_while_the_sink_also_publishes() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let desk = Desk::new();
    let client = connected(settings(&mosquitto), &desk).await;
    let publishing = async {
        for number in 0..100_u32 {
            client.publish("imaboard/button/ann/stored", number.to_string().into_bytes(), 1, false).await.unwrap();
        }
    };
    tokio::join!(press(&mosquitto, 0..500), publishing);
    assert_eq!(desk.payloads(500).await, numbers(0..500));
}

#[tokio::test]
async fn availability_says_offline_when_we_die_and_when_we_stop() {
    if skipped("mosquitto") {
        return;
    }
    let mosquitto = Mosquitto::start(&["server", "ann"], "").await;
    let topic = "imaboard/server/availability";
    let mut willing = settings(&mosquitto);
    willing.will = Some(Will { topic: topic.to_owned(), payload: "offline".into(), qos: 1, retain: true });
    let mut ann = Raw::login(mosquitto.address, "ann").await;
    ann.subscribe(topic).await;
    let mut last_word = async || {
        let Some(Packet::Publish(publish)) = ann.next().await else { panic!("nothing came") };
        if publish.pkid > 0 {
            ann.send(Packet::PubAck(rumqttc::PubAck { pkid: publish.pkid })).await;
        }
        String::from_utf8(publish.payload.to_vec()).unwrap()
    };
    for stop in [true, false] {
        let client = connected(willing.clone(), &Desk::new()).await;
        client.publish(topic, b"online".to_vec(), 1, true).await.unwrap();
        assert_eq!(last_word().await, "online");
        if stop {
            client.stop().await;
        }
        drop(client);
        assert_eq!(last_word().await, "offline", "stopped in order: {stop}");
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let status = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).stderr(Stdio::null()).status();
    assert!(status.expect("this test needs the package `openssl`").success(), "openssl {arguments}");
}

#[tokio::test]
async fn tls_trusts_the_named_authority_and_nobody_else() {
    if skipped("mosquitto") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for authority in ["ca", "other"] {
        openssl(
            folder.path(),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"
            ),
        );
    }
    openssl(
        folder.path(),
        "req -newkey rsa:2048 -nodes -subj /CN=broker -addext subjectAltName=DNS:localhost -keyout broker.key -out broker.csr",
    );
    openssl(
        folder.path(),
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out broker.pem",
    );
    let tls = "certfile {folder}/broker.pem\nkeyfile {folder}/broker.key";
    let mosquitto = Mosquitto::start_in(folder, &["server", "ann"], tls).await;
    let port = mosquitto.address.port();

    let desk = Desk::new();
    let mut trusting = settings(&mosquitto);
    trusting.url = format!("mqtts://localhost:{port}");
    trusting.ca_file = Some(mosquitto.folder.path().join("ca.pem"));
    let mut misled = Vec::new();
    let mut deceived = trusting.clone();
    deceived.ca_file = Some(mosquitto.folder.path().join("other.pem"));
    misled.push(deceived);
    let mut elsewhere = trusting.clone();
    elsewhere.url = format!("mqtts://127.0.0.1:{port}");
    misled.push(elsewhere);
    let misled: Vec<Client> = misled
        .into_iter()
        .enumerate()
        .map(|(number, mut settings)| {
            settings.client_id = format!("misled{number}");
            Client::start(settings, Desk::new()).unwrap()
        })
        .collect();

    let client = connected(trusting, &desk).await;
    client.publish(&press_topic("ann"), b"through TLS".to_vec(), 1, false).await.unwrap();
    assert_eq!(desk.payloads(1).await, ["through TLS"]);
    for client in misled {
        let mut state = client.connected();
        assert!(tokio::time::timeout(A_WHILE, state.wait_for(|c| *c)).await.is_err(), "trusted the wrong certificate");
    }
}
