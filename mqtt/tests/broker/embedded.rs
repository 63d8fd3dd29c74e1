//! The embedded broker, seen from the devices and from the program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use imaboard_mqtt::broker::{Broker, BrokerSettings, StartError};
use imaboard_mqtt::message::{Outcome, Publish, PublishError, Will};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, PubAck, PubRel, SubscribeReasonCode};
use tokio::io::AsyncWriteExt;

use crate::support::*;

#[tokio::test]
async fn nobody_comes_in_without_the_right_password() {
    let broker = broker(&Desk::new()).await;
    let mut anonymous = connect("ann");
    anonymous.login = None;
    assert_eq!(Raw::connect(broker.local_addr(), anonymous).await.err(), Some(ConnectReturnCode::NotAuthorized));
    let mut wrong = connect("ann");
    wrong.set_login("ann", "ann");
    assert_eq!(Raw::connect(broker.local_addr(), wrong).await.err(), Some(ConnectReturnCode::BadUserNamePassword));
    let mut empty = connect("ann");
    empty.set_login("", "");
    assert!(Raw::connect(broker.local_addr(), empty).await.is_err());
    Raw::login(broker.local_addr(), "ann").await;
}

#[tokio::test]
async fn a_session_is_not_inherited_by_another_user() {
    let broker = broker(&Desk::new()).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    assert!(matches!(ann.subscribe("imaboard/button/ann/stored").await, SubscribeReasonCode::Success(_)));

    let mut thief = connect("bob");
    thief.client_id = "ann".to_owned();
    let refused = Raw::connect(broker.local_addr(), thief.clone()).await.err();
    assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized));
    broker.publish("imaboard/button/ann/stored", b"still here".to_vec(), 1, false).await.unwrap();
    assert!(matches!(ann.next().await, Some(Packet::Publish(_))), "the first user was thrown out");

    drop(ann);
    let refused = Raw::connect(broker.local_addr(), thief).await.err();
    assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized), "a session that waits for its user is taken over");
    let (_ann, session_present) = Raw::connect(broker.local_addr(), connect("ann")).await.unwrap();
    assert!(session_present);
}

#[tokio::test]
async fn one_user_does_not_fill_the_broker_with_sessions() {
    let broker = broker_with(&Desk::new(), |s| s.max_sessions_per_user = 3).await;
    let connect_as = |id: &str| {
        let mut connect = connect("ann");
        connect.client_id = id.to_owned();
        Raw::connect(broker.local_addr(), connect)
    };
    let held = [connect_as("a").await.unwrap(), connect_as("b").await.unwrap(), connect_as("c").await.unwrap()];
    assert_eq!(connect_as("d").await.err(), Some(ConnectReturnCode::NotAuthorized));
    Raw::login(broker.local_addr(), "bob").await;
    drop(held);
}

#[tokio::test]
async fn a_device_with_a_new_client_id_at_every_start_is_never_locked_out() {
    let broker = broker_with(&Desk::new(), |s| s.max_sessions_per_user = 3).await;
    for start in 0..20 {
        let mut connect = connect("ann");
        connect.client_id = format!("ann-{start}");
        let (mut device, _) = Raw::connect(broker.local_addr(), connect).await.unwrap();
        device.press(1, "ann", "full").await;
        device.acknowledged(1).await;
        device.send(Packet::Disconnect).await;
        assert_eq!(device.next().await, None);
    }
}

#[tokio::test]
async fn a_message_outside_the_rights_is_neither_heard_nor_acknowledged() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    for topic in ["imaboard/button/bob/press", "imaboard/server/availability", "$SYS/broker/uptime", "$share/g/x"] {
        let mut ann = Raw::login(broker.local_addr(), "ann").await;
        ann.publish(0, topic, "dropped").await;
        ann.publish(7, topic, "refused").await;
        assert_eq!(ann.next().await, None, "{topic} was answered");
    }
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.publish(0, "imaboard/button/bob/press", "dropped").await;
    ann.press(8, "ann", "own").await;
    ann.acknowledged(8).await;
    assert_eq!(desk.payloads(1).await, ["own"]);
}

#[tokio::test]
async fn an_mqtt_5_device_is_told_that_it_has_no_right() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let address = broker.local_addr();
    let mut options = rumqttc::v5::MqttOptions::new("ann", address.ip().to_string(), address.port());
    options.set_credentials("ann", password("ann"));
    let (client, mut events) = rumqttc::v5::AsyncClient::new(options, 10);
    let at_least_once = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    client.publish(press_topic("bob"), at_least_once, false, "refused").await.unwrap();
    client.publish(press_topic("ann"), at_least_once, false, "own").await.unwrap();
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        let event = tokio::time::timeout(DEADLINE, events.poll()).await.expect("no answer").unwrap();
        if let rumqttc::v5::Event::Incoming(rumqttc::v5::mqttbytes::v5::Packet::PubAck(ack)) = event {
            reasons.push(ack.reason);
        }
    }
    use rumqttc::v5::mqttbytes::v5::PubAckReason::{NotAuthorized, Success};
    assert_eq!(reasons, [NotAuthorized, Success]);
    assert_eq!(desk.payloads(1).await, ["own"]);
    assert_eq!(desk.first().await.from.as_deref(), Some("ann"));
}

#[tokio::test]
async fn nobody_subscribes_outside_the_rights() {
    let broker = broker(&Desk::new()).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    for filter in ["#", "+/#", "$SYS/#", "imaboard/button/bob/stored", "imaboard/button/+/press"] {
        assert_eq!(ann.subscribe(filter).await, SubscribeReasonCode::Failure, "{filter}");
    }
    assert!(matches!(ann.subscribe("imaboard/button/ann/stored").await, SubscribeReasonCode::Success(_)));
}

#[tokio::test]
async fn a_last_will_outside_the_rights_is_refused_at_the_login() {
    let broker = broker(&Desk::new()).await;
    for topic in ["imaboard/button/bob/availability", "imaboard/server/availability", "$SYS/x"] {
        let refused = Raw::connect(broker.local_addr(), with_will("ann", topic)).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized), "{topic}");
    }
}

#[tokio::test]
async fn a_last_will_is_heard_when_the_device_dies_and_only_then() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let will = || with_will("ann", "imaboard/button/ann/availability");
    let (mut ann, _) = Raw::connect(broker.local_addr(), will()).await.unwrap();
    ann.send(Packet::Disconnect).await;
    assert_eq!(ann.next().await, None, "the socket stays open after DISCONNECT");

    let (ann, _) = Raw::connect(broker.local_addr(), will()).await.unwrap();
    drop(ann);
    let heard = desk.first().await;
    assert_eq!((heard.topic.as_str(), &heard.payload[..]), ("imaboard/button/ann/availability", &b"offline"[..]));
    assert_eq!((heard.retain, heard.from.as_deref()), (true, Some("ann")));
    assert_eq!(desk.count(), 1);
}

#[tokio::test]
async fn a_device_that_falls_silent_is_given_up_and_its_will_is_heard() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let mut will = with_will("ann", "imaboard/button/ann/availability");
    will.keep_alive = 1;
    let (mut ann, _) = Raw::connect(broker.local_addr(), will).await.unwrap();
    assert_eq!(ann.next().await, None);
    assert_eq!(desk.payloads(1).await, ["offline"]);
}

#[tokio::test]
async fn the_acknowledgement_waits_for_the_commit_and_holds_up_nobody_else() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    let mut express = Raw::login(broker.local_addr(), "express").await;
    desk.open.send_replace(false);
    ann.press(3, "ann", "full").await;
    desk.first().await;
    assert!(ann.is_quiet().await, "acknowledged before the commit");
    for id in 1..=20 {
        express.press(id, "express", "free").await;
        express.acknowledged(id).await;
    }
    desk.open.send_replace(true);
    ann.acknowledged(3).await;
    assert_eq!(desk.count(), 21);
}

#[tokio::test]
async fn exactly_once_is_received_only_after_the_commit() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    desk.open.send_replace(false);
    let mut message = publish(9, &press_topic("ann"), "full");
    message.qos = QoS::ExactlyOnce;
    ann.send(Packet::Publish(message.clone())).await;
    assert_eq!(desk.first().await.qos, 2);
    assert!(ann.is_quiet().await, "PUBREC before the commit");
    desk.open.send_replace(true);
    assert!(matches!(ann.next().await, Some(Packet::PubRec(_))));
    message.dup = true;
    ann.send(Packet::Publish(message)).await;
    assert!(matches!(ann.next().await, Some(Packet::PubRec(_))));
    ann.send(Packet::PubRel(PubRel { pkid: 9 })).await;
    assert!(matches!(ann.next().await, Some(Packet::PubComp(_))));
    assert_eq!(desk.count(), 1, "a repetition was heard twice");
}

#[tokio::test]
async fn what_was_not_stored_is_not_acknowledged_and_comes_again() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    desk.answer([Outcome::NotStored, Outcome::NotStored]);
    let mut message = publish(5, &press_topic("ann"), "full");
    for _ in 0..2 {
        let mut ann = Raw::login(broker.local_addr(), "ann").await;
        ann.send(Packet::Publish(message.clone())).await;
        assert_eq!(ann.next().await, None, "answered although it was not stored");
        message.dup = true;
    }
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.send(Packet::Publish(message)).await;
    ann.acknowledged(5).await;
    let dups: Vec<bool> = desk.heard.lock().unwrap().iter().map(|d| d.dup).collect();
    assert_eq!(dups, [false, true, true]);
}

#[tokio::test]
async fn acknowledgements_before_a_failure_arrive_and_nothing_behind_it_is_heard() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    desk.answer([Outcome::Done, Outcome::Done, Outcome::NotStored]);
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    for id in 1..=50 {
        ann.press(id, "ann", &id.to_string()).await;
    }
    ann.acknowledged(1).await;
    ann.acknowledged(2).await;
    assert_eq!(ann.next().await, None);
    assert_eq!(desk.payloads(3).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_client_library_sends_again_until_it_is_stored() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    desk.answer([Outcome::Done, Outcome::NotStored]);
    let address = broker.local_addr();
    let mut options = rumqttc::MqttOptions::new("ann", address.ip().to_string(), address.port());
    options.set_credentials("ann", password("ann")).set_clean_session(false);
    let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
    for payload in ["one", "two", "three"] {
        client.publish(press_topic("ann"), QoS::AtLeastOnce, false, payload).await.unwrap();
    }
    let mut acknowledged = 0;
    while acknowledged < 3 {
        let event = tokio::time::timeout(DEADLINE, events.poll()).await.expect("no answer");
        if matches!(event, Ok(rumqttc::Event::Incoming(Packet::PubAck(_)))) {
            acknowledged += 1;
        }
    }
    assert_eq!(desk.payloads(4).await, ["one", "two", "two", "three"]);
}

#[tokio::test]
async fn a_commit_that_takes_too_long_counts_as_not_stored() {
    let desk = Desk::new();
    let broker = broker_with(&desk, |s| s.commit_timeout = Duration::from_millis(100)).await;
    desk.open.send_replace(false);
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.press(1, "ann", "full").await;
    assert_eq!(ann.next().await, None);
    desk.open.send_replace(true);
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.press(1, "ann", "full").await;
    ann.acknowledged(1).await;
}

#[tokio::test]
async fn a_device_comes_back_while_its_last_press_is_still_being_stored() {
    let desk = Desk::new();
    let broker = broker_with(&desk, |s| s.commit_timeout = Duration::from_millis(500)).await;
    desk.open.send_replace(false);
    let mut old = Raw::login(broker.local_addr(), "ann").await;
    old.press(1, "ann", "full").await;
    desk.first().await;
    for _ in 0..2 {
        let mut new = Raw::login(broker.local_addr(), "ann").await;
        new.press(1, "ann", "full").await;
        assert_eq!(new.next().await, None);
    }
    assert_eq!(desk.count(), 1, "the same press is being stored twice at the same time");
    desk.open.send_replace(true);
    let mut new = Raw::login(broker.local_addr(), "ann").await;
    new.press(1, "ann", "full").await;
    new.acknowledged(1).await;
    assert_eq!(desk.count(), 2);
}

#[tokio::test]
async fn retained_messages_of_many_topics_are_kept() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    for facility in 0..300 {
        let topic = format!("imaboard/facility/{facility}/state");
        broker.publish(&topic, format!("state {facility}").into_bytes(), 1, true).await.unwrap();
    }
    broker.publish("imaboard/facility/7/state", Vec::new(), 1, true).await.unwrap();
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.subscribe("imaboard/facility/+/state").await;
    let mut topics = std::collections::BTreeSet::new();
    while topics.len() < 299 {
        let Some(Packet::Publish(publish)) = ann.next().await else { panic!("only {} came", topics.len()) };
        assert!(publish.retain);
        assert_ne!(publish.topic, "imaboard/facility/7/state", "an erased message came");
        topics.insert(publish.topic);
        ann.send(Packet::PubAck(PubAck { pkid: publish.pkid })).await;
    }
}

#[tokio::test]
async fn the_retain_bit_is_passed_on_as_the_wire_said_it() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    let mut message = publish(1, "imaboard/button/ann/availability", "online");
    message.retain = true;
    ann.send(Packet::Publish(message)).await;
    ann.acknowledged(1).await;
    ann.press(2, "ann", "full").await;
    ann.acknowledged(2).await;
    let bits: Vec<bool> = desk.heard.lock().unwrap().iter().map(|d| d.retain).collect();
    assert_eq!(bits, [true, false]);
}

#[tokio::test]
async fn a_message_of_a_megabyte_passes_and_a_larger_one_ends_only_its_own_connection() {
    let desk = Desk::new();
    let broker = broker_with(&desk, |s| s.max_packet_bytes = 1_200_000).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    let mut bob = Raw::login(broker.local_addr(), "bob").await;
    ann.publish(1, &press_topic("ann"), vec![0xff; 1024 * 1024]).await;
    ann.acknowledged(1).await;
    assert_eq!(desk.first().await.payload.len(), 1024 * 1024);
    // The length alone is enough to be thrown out.
    ann.stream.write_all(&[0x32, 0xff, 0xff, 0xff, 0x7f]).await.unwrap();
    assert_eq!(ann.next().await, None);
    bob.press(1, "bob", "full").await;
    bob.acknowledged(1).await;
}

#[tokio::test]
async fn garbage_and_silence_are_shown_the_door() {
    let desk = Desk::new();
    let broker = broker_with(&desk, |s| s.handshake_timeout = Duration::from_millis(400)).await;
    let mut bob = Raw::login(broker.local_addr(), "bob").await;
    let rude: [&[u8]; 9] = [
        b"",
        b"\x10",
        b"\x10\x20\x00\x04MQ",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x40\x02\x00\x01",
        b"\x0f\x00",
        b"\x10\xff\xff\xff\x7f",
        b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x3c\x00\x00",
        &[0xff; 4096],
    ];
    for bytes in rude {
        let mut raw = Raw::dial(broker.local_addr()).await;
        raw.stream.write_all(bytes).await.unwrap();
        assert!(!matches!(raw.next().await, Some(Packet::Publish(_))), "{bytes:?} was answered");
    }
    let torn: [&[u8]; 6] = [
        b"\x00\x00",
        b"\xf0\x00",
        b"\x32\x05\x00\x0aabc",
        b"\x36\x04\x00\x01a\x00",
        b"\x82\x02\x00\x01",
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    ];
    for bytes in torn {
        let mut raw = Raw::login(broker.local_addr(), "ann").await;
        raw.stream.write_all(bytes).await.unwrap();
        assert_eq!(raw.next().await, None, "{bytes:?} was tolerated");
    }
    bob.press(1, "bob", "full").await;
    bob.acknowledged(1).await;
    assert_eq!(desk.payloads(1).await, ["full"]);
}

#[tokio::test]
async fn distorted_packets_bring_nobody_down() {
    let desk = Desk::new();
    let broker = broker_with(&desk, |s| s.max_sessions_per_user = 1000).await;
    let mut valid = bytes::BytesMut::new();
    for packet in [
        Packet::Connect(with_will("ann", "imaboard/button/ann/availability")),
        Packet::Subscribe(rumqttc::Subscribe::new("imaboard/button/ann/stored", QoS::AtLeastOnce)),
        Packet::Publish(publish(1, &press_topic("ann"), "full")),
        Packet::PubRel(PubRel { pkid: 1 }),
        Packet::PingReq,
    ] {
        packet.write(&mut valid, usize::MAX).unwrap();
    }
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        // xorshift64: the same distortions in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for _ in 0..500 {
        let mut bytes = valid.to_vec();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            bytes[at] = u8::try_from(random(256)).unwrap();
        }
        bytes.truncate(1 + random(bytes.len()));
        let mut raw = Raw::dial(broker.local_addr()).await;
        // The broker may hang up before it has seen everything.
        let _ = raw.stream.write_all(&bytes).await;
        let _ = raw.stream.shutdown().await;
    }
    // The crowd came from his address: until the last of it has left he may be told to come again.
    let started = Instant::now();
    let mut bob = loop {
        match Raw::connect(broker.local_addr(), connect("bob")).await {
            Ok((bob, _)) => break bob,
            Err(refused) => assert!(started.elapsed() < DEADLINE, "never let in: {refused:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    bob.press(1, "bob", "full").await;
    bob.acknowledged(1).await;
    assert!(*broker.state().borrow());
    let heard = desk.heard.lock().unwrap();
    assert!(heard.iter().all(|d| d.from.as_deref().is_some_and(|user| d.topic.starts_with(&format!("imaboard/button/{user}/")))));
}

#[tokio::test]
async fn two_hundred_devices_press_at_once() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let address = broker.local_addr();
    let devices = (0..200).map(|number| {
        tokio::spawn(async move {
            let user = format!("button{number}");
            let mut device = Raw::login(address, &user).await;
            device.press(1, &user, "full").await;
            device.acknowledged(1).await;
            device
        })
    });
    let mut devices: Vec<_> = futures_util::future::join_all(devices).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(desk.count(), 200);
    devices[0].press(2, "button0", "free").await;
    devices[0].acknowledged(2).await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let broker = broker_with(&Desk::new(), |s| s.max_connections = 2).await;
    let _ann = Raw::login(broker.local_addr(), "ann").await;
    let bob = Raw::login(broker.local_addr(), "bob").await;
    assert_eq!(Raw::dial(broker.local_addr()).await.next().await, None);
    drop(bob);
    until("the place is free", || {
        let mut probe = std::net::TcpStream::connect(broker.local_addr()).unwrap();
        probe.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        std::io::Read::read(&mut probe, &mut [0]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    })
    .await;
}

#[tokio::test]
async fn what_the_program_publishes_reaches_devices_also_after_an_absence() {
    let broker = broker(&Desk::new()).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    ann.subscribe("imaboard/button/ann/stored").await;
    broker.publish("imaboard/button/ann/stored", b"{\"seq\":17}".to_vec(), 1, false).await.unwrap();
    let Some(Packet::Publish(stored)) = ann.next().await else { panic!("nothing came") };
    assert_eq!((stored.qos, &stored.payload[..]), (QoS::AtLeastOnce, &b"{\"seq\":17}"[..]));
    ann.send(Packet::PubAck(PubAck { pkid: stored.pkid })).await;
    ann.send(Packet::Disconnect).await;
    assert_eq!(ann.next().await, None);

    broker.publish("imaboard/button/ann/stored", b"later".to_vec(), 1, false).await.unwrap();
    let (mut ann, session_present) = Raw::connect(broker.local_addr(), connect("ann")).await.unwrap();
    assert!(session_present);
    let Some(Packet::Publish(stored)) = ann.next().await else { panic!("nothing came") };
    assert_eq!(&stored.payload[..], b"later");

    let wildcard = broker.publish("imaboard/#", Vec::new(), 1, false).await;
    assert_eq!(wildcard, Err(PublishError::Topic("imaboard/#".to_owned())));
}

#[tokio::test]
async fn who_lost_the_rights_is_expelled_without_a_last_word() {
    let desk = Desk::new();
    let house = House::new();
    let settings = BrokerSettings::new(([127, 0, 0, 1], 0).into());
    let broker = Broker::start(settings, house.clone(), desk.clone()).await.unwrap();
    let will = with_will("ann", "imaboard/button/ann/availability");
    let (mut ann, _) = Raw::connect(broker.local_addr(), will).await.unwrap();
    let mut bob = Raw::login(broker.local_addr(), "bob").await;
    house.expelled.lock().unwrap().push("ann".to_owned());
    broker.expel("ann").await;
    assert_eq!(ann.next().await, None);
    assert!(Raw::connect(broker.local_addr(), connect("ann")).await.is_err());
    bob.press(1, "bob", "full").await;
    bob.acknowledged(1).await;
    assert_eq!(desk.payloads(1).await, ["full"]);
}

#[tokio::test]
async fn the_broker_says_goodbye_closes_everything_and_can_start_again_on_its_port() {
    let desk = Desk::new();
    let availability = "imaboard/server/availability";
    let will = Will { topic: availability.to_owned(), payload: "offline".into(), qos: 1, retain: true };
    let broker = broker_with(&desk, |s| s.will = Some(will)).await;
    let address = broker.local_addr();
    assert_eq!(broker.publish(availability, b"online".to_vec(), 1, true).await, Ok(()));
    let mut bob = Raw::connect(address, with_will("bob", "imaboard/button/bob/availability")).await.unwrap().0;
    bob.subscribe(availability).await;
    let Some(Packet::Publish(online)) = bob.next().await else { panic!("nothing came") };
    assert_eq!(&online.payload[..], b"online");
    let mut silent = Raw::dial(address).await;
    desk.open.send_replace(false);
    let mut ann = Raw::login(address, "ann").await;
    ann.press(1, "ann", "full").await;
    desk.first().await;

    let alive = broker.state();
    assert!(*alive.borrow());
    let began = Instant::now();
    broker.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
    assert!(!*alive.borrow());
    let Some(Packet::Publish(offline)) = bob.next().await else { panic!("no goodbye") };
    assert_eq!(&offline.payload[..], b"offline");
    assert_eq!(bob.next().await, None);
    assert_eq!(ann.next().await, None, "acknowledged without a commit");
    assert_eq!(silent.next().await, None);
    assert!(std::net::TcpStream::connect(address).is_err(), "the port is still open");
    assert_eq!(broker.publish("a", Vec::new(), 0, false).await, Err(PublishError::Away));
    assert_eq!(desk.count(), 1, "the wills of devices were taken for news");
    broker.stop().await;

    desk.open.send_replace(true);
    let again = broker_with(&desk, |s| s.listen = address).await;
    assert_eq!(again.local_addr(), address);
    let mut ann = Raw::login(address, "ann").await;
    ann.press(1, "ann", "full").await;
    ann.acknowledged(1).await;

    let taken = BrokerSettings::new(address);
    assert!(matches!(Broker::start(taken, House::new(), desk).await, Err(StartError::Listen { .. })));
}

#[tokio::test]
async fn a_commit_in_hand_is_finished_and_acknowledged_before_the_broker_stops() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let mut ann = Raw::login(broker.local_addr(), "ann").await;
    desk.open.send_replace(false);
    ann.press(1, "ann", "full").await;
    desk.first().await;
    let commit = async {
        // After the stop has begun: the port is closed by then.
        until("the port closes", || std::net::TcpStream::connect(broker.local_addr()).is_err()).await;
        desk.open.send_replace(true);
    };
    tokio::join!(broker.stop(), commit);
    ann.acknowledged(1).await;
}

#[tokio::test]
async fn a_broker_that_is_dropped_leaves_its_port() {
    let desk = Desk::new();
    let broker = broker(&desk).await;
    let address = broker.local_addr();
    let mut ann = Raw::login(address, "ann").await;
    drop(broker);
    assert_eq!(ann.next().await, None);
    until("the port is free", || std::net::TcpStream::connect(address).is_err()).await;
}
