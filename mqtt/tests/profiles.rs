//! Every message of the fixture, every family's documented devices, and hostile bytes, through the real door.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashSet;
use std::time::Duration;

use imaboard_mqtt::{Decoder, Gesture, Heard, Incoming, ProfileError, Profiles};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-05-01T00:12:03.250Z".parse().unwrap()
}

fn read(profiles: &Profiles, topic: &str, payload: &[u8], retain: bool) -> Heard {
    profiles.read(&Incoming { topic, payload, qos: 0, retain, dup: false })
}

/// `gesture@button` of a one-press message, or why there is none.
fn verdict(profiles: &Profiles, topic: &str, payload: &str) -> String {
    let heard = read(profiles, topic, payload.as_bytes(), false);
    match heard.presses.as_slice() {
        [] => match heard.device {
            Some(report) => format!("device {report:?}"),
            None => format!("ignored: {}", heard.ignored.unwrap()),
        },
        [press] => match press.button {
            Some(n) => format!("{}@{n}", press.gesture),
            None => press.gesture.to_string(),
        },
        many => format!("{} presses", many.len()),
    }
}

fn action(profiles: &Profiles, word: &str) -> String {
    verdict(profiles, "zigbee2mqtt/button", &json!({ "action": word }).to_string())
}

fn is_press(verdict: &str) -> bool {
    !verdict.starts_with("ignored") && !verdict.starts_with("device")
}

#[test]
fn every_message_of_the_fixture_comes_out_right() {
    let profiles = Profiles::builtin();
    let mut decoder = Decoder::new(&profiles);
    let fixture = include_str!("button_payloads.jsonl");
    let mut lines = 0;
    for (index, line) in fixture.lines().enumerate() {
        lines += 1;
        let expected: Value = serde_json::from_str(line).unwrap();
        let said: Value = serde_json::from_str(&decoder.line(line, now())).unwrap();
        let context = format!("line {}: {line}\n got {said}", index + 1);
        assert_eq!(expected["count_as_press"], json!(said.get("press").is_some()), "{context}");
        let meaning = &expected["meaning"];
        if let Some(press) = said.get("press") {
            assert_eq!(press["profile"], expected["family"], "{context}");
            assert_eq!(press["gesture"], meaning["gesture"], "{context}");
            assert_eq!(press["button"], meaning["button"], "{context}");
        }
        // Battery and availability, read without the memory: a duplicate says nothing new.
        let topic = expected["topic"].as_str().unwrap();
        let payload = expected["payload"].as_str().unwrap();
        let heard = read(&profiles, topic, payload.as_bytes(), expected["retain"] == true);
        let report = heard.device.as_ref();
        let duplicate_topic = meaning["availability"].is_null() && heard.ignored.is_some();
        let battery = heard.presses.first().and_then(|press| press.battery_pct).or(report.and_then(|report| report.battery_pct));
        let availability = report.and_then(|report| report.availability).map(|online| if online { "online" } else { "offline" });
        if !duplicate_topic {
            assert_eq!(meaning["battery_pct"], json!(battery), "{context}");
        } else {
            assert!(meaning["battery_pct"].is_null(), "{context}");
        }
        assert_eq!(meaning["availability"], json!(availability), "{context}");
    }
    assert_eq!(lines, 73);
}

#[test]
fn zigbee_words_mean_what_the_device_pages_say() {
    let profiles = Profiles::builtin();
    for (word, meaning) in [
        // Aqara
        ("many", "quintuple"),
        ("hold", "long"),
        ("single_left", "single@1"),
        ("double_right", "double@2"),
        ("hold_both", "long@3"),
        ("single_both", "single@3"),
        ("single_center", "single@4"),
        ("button_1_single", "single@1"),
        ("button_6_triple", "triple@6"),
        ("button_2_hold", "long@2"),
        ("left_double", "double@1"),
        // Tuya, SONOFF, Third Reality
        ("3_double", "double@3"),
        ("long", "long"),
        // IKEA
        ("off", "single@2"),
        ("toggle", "single"),
        ("brightness_move_down", "long@2"),
        ("arrow_left_click", "single@4"),
        ("arrow_right_hold", "long@5"),
        ("1_short_release", "single@1"),
        ("2_long_press", "long@2"),
        ("1_double_press", "double@1"),
        ("dots_2_short_release", "single@2"),
        // Philips Hue
        ("on_press_release", "single@1"),
        ("up_press_release", "single@2"),
        ("off_hold", "long@4"),
        ("button_3_press_release", "single@3"),
        ("press", "single"),
        ("press_2", "single@2"),
        // Panic buttons
        ("emergency", "single"),
    ] {
        assert_eq!(action(&profiles, word), meaning, "{word}");
    }
    for word in [
        "",
        "release",
        "1_release",
        "button_1_release",
        "brightness_stop",
        "1_initial_press",
        "1_long_release",
        "on_press",
        "off_press",
        "on_hold_release",
        "button_3_press",
        "button_3_hold_release",
        "arrow_left_release",
        "dial_rotate_left_slow",
        "brightness_step_up",
        "rotate_right",
        "shake",
        "0_",
        "65536_single",
        "_",
        "single_",
        "{n}",
        "*",
    ] {
        assert!(!is_press(&action(&profiles, word)), "{word}: {}", action(&profiles, word));
    }
    assert_eq!(verdict(&profiles, "zigbee2mqtt/old", r#"{"click":"left"}"#), "single@1");
}

#[test]
fn one_hand_movement_is_one_press() {
    let profiles = Profiles::builtin();
    for (sequence, counted) in [
        (vec!["on_press", "on_press_release"], vec!["single"]),
        (vec!["on_press", "on_hold", "on_hold", "on_hold", "on_hold_release"], vec!["long"]),
        (vec!["1_initial_press", "1_short_release"], vec!["single"]),
        (vec!["1_initial_press", "1_long_press", "1_long_release"], vec!["long"]),
        (vec!["hold", "release"], vec!["long"]),
        (vec!["brightness_move_up", "brightness_stop"], vec!["long"]),
        (vec!["single", "single"], vec!["single", "single"]),
    ] {
        let mut decoder = Decoder::new(&profiles);
        let mut heard = Vec::new();
        for word in &sequence {
            let payload = json!({ "action": word }).to_string();
            let line = json!({ "topic": "zigbee2mqtt/b", "payload": payload, "qos": 0, "retain": false });
            let said: Value = serde_json::from_str(&decoder.line(&line.to_string(), now())).unwrap();
            if let Some(press) = said.get("press") {
                heard.push(press["gesture"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(heard, counted, "{sequence:?}");
    }
}

#[test]
fn devices_the_fixture_does_not_list_are_understood() {
    let profiles = Profiles::builtin();
    for (topic, payload, meaning) in [
        ("zigbee2mqtt/ward/bed1", r#"{"action":"single"}"#, "single"),
        // Tasmota
        ("stat/t/RESULT", r#"{"Switch1":{"Action":"HOLD"}}"#, "long@1"),
        ("stat/t/RESULT", r#"{"Switch2":{"Action":"TOGGLE"}}"#, "single@2"),
        ("t/stat/RESULT", r#"{"Button2":{"Action":"DOUBLE"}}"#, "double@2"),
        ("stat/t/BUTTON1", r#"{"Button1":{"Action":"TRIPLE"}}"#, "triple@1"),
        (
            "tele/rf/RESULT",
            r#"{"Time":"x","RfReceived":{"Sync":12220,"Low":400,"High":1240,"Data":"F1A241","RfKey":"None"}}"#,
            "single",
        ),
        ("tele/rf/RESULT", r#"{"RfReceived":{"Sync":1,"Data":"F1A241","RfKey":4}}"#, "single@4"),
        (
            "tele/zb/SENSOR",
            r#"{"ZbReceived":{"Remote":{"Device":"0xF72F","0006!02":"","Power":2,"Endpoint":1,"LinkQuality":31}}}"#,
            "single@1",
        ),
        ("tele/zb/SENSOR", r#"{"ZbReceived":{"0xFF74":{"Device":"0xFF74","Click":"double","Endpoint":2}}}"#, "double@2"),
        ("zb/tele/SENSOR", r#"{"ZbReceived":{"0xFF74":{"ArrowClick":0,"Endpoint":1}}}"#, "single@5"),
        // Shelly
        ("shellies/shellyix3-98CDAC/input_event/2", r#"{"event":"SSS","event_cnt":9}"#, "triple@3"),
        (
            "ward3/i4/events/rpc",
            r#"{"method":"NotifyEvent","params":{"events":[{"component":"input:3","event":"long_push","ts":1678882095.41}]}}"#,
            "long@4",
        ),
        (
            "gw/events/rpc",
            r#"{"method":"NotifyEvent","params":{"events":[{"component":"bthomedevice:200","event":"long_push","idx":0,"ts":1}]}}"#,
            "long@1",
        ),
        (
            "gw/events/rpc",
            r#"{"method":"NotifyEvent","params":{"events":[{"component":"script:1","event":"shelly-blu","data":{"address":"bc:02:6e:00:00:01","pid":3,"button":[0,0,2,0],"battery":77}}]}}"#,
            "double@3",
        ),
        (
            "38:39:8f:71:ee:ff",
            r#"{"addr":"38:39:8f:71:ee:ff","service_data":{"pid":7,"battery":90,"button":[0,1,0,0]}}"#,
            "single@2",
        ),
        ("38:39:8f:71:ee:ff", r#"{"service_data":{"pid":8,"button":254}}"#, "long@1"),
        // ESPHome
        ("node/event/call_button/state", "single", "single"),
        ("node/event/call_button_2/state", r#"{"event_type":"double_click"}"#, "double@2"),
        ("node/binary_sensor/call_button/state", "ON", "single"),
        ("node/binary_sensor/button_2/state", "ON", "single@2"),
        // OpenMQTTGateway
        ("home/OMG_LILYGO/433toMQTT", r#"{"value":1315156,"protocol":1,"length":24,"delay":317}"#, "single"),
        ("home/OpenMQTTGateway/SRFBtoMQTT", r#"{"raw":"2B660186042E00E7E5","value":"59365","delay":"1111"}"#, "single"),
        (
            "home/OpenMQTTGateway/PilighttoMQTT",
            r#"{"message":{"id":5123,"unit":2,"state":"on"},"protocol":"arctech_switch"}"#,
            "single@2",
        ),
        ("home/OMG/RTL_433toMQTT/Generic-Remote/24142", r#"{"model":"Generic-Remote","id":24142,"cmd":62}"#, "single@62"),
        ("home/OMG/RTL_433toMQTT", r#"{"model":"Nice-FlorS","id":77,"button":2,"battery_ok":1}"#, "single@2"),
        ("home/TheengsGateway/BTtoMQTT/BC026EAABBCC", r#"{"packet":1,"batt":80,"button":3}"#, "triple@1"),
        // Home Assistant
        ("home/doorbell/state", r#"{"event_type":"press","duration":0.1}"#, "single"),
        ("home/bed/action", "button_long_press", "long"),
        // plain and our own
        ("board/a/button", "hold", "long"),
        ("home/x/statelessswitch", r#"{"eventValue":1}"#, "double"),
        ("imaboard/button/a/press", r#"{"gesture":"quintuple"}"#, "quintuple"),
        ("imaboard/button/a/press", r#"{"gesture":"single","button":2,"seq":17,"at":1763872000000}"#, "single@2"),
    ] {
        assert_eq!(verdict(&profiles, topic, payload), meaning, "{topic} {payload}");
    }
}

#[test]
fn what_only_looks_like_a_press_is_none() {
    let profiles = Profiles::builtin();
    for (topic, payload) in [
        ("zigbee2mqtt/b", r#"{"battery":55,"linkquality":9}"#),
        ("zigbee2mqtt/b", r#"{"action":null}"#),
        ("zigbee2mqtt/b/action", "single"),
        ("zigbee2mqtt/b/set", r#"{"action":"single"}"#),
        ("zigbee2mqtt/bridge/logging", r#"{"action":"single"}"#),
        ("zigbee2mqtt/bridge/event", r#"{"type":"device_announce","action":"single"}"#),
        ("shellies/b1/input_event/0", r#"{"event":"","event_cnt":0}"#),
        ("shellies/i3/input_event/1", r#"{"event":"LS","event_cnt":3}"#),
        ("shellies/i3/input_event/1", r#"{"event":"SL","event_cnt":3}"#),
        ("shellies/i3/relay/0", "on"),
        ("i4/events/rpc", r#"{"method":"NotifyStatus","params":{"ts":1,"input:0":{"id":0,"state":true}}}"#),
        ("i4/events/rpc", r#"{"method":"NotifyFullStatus","params":{"events":[{"component":"input:0","event":"single_push"}]}}"#),
        ("i4/events/rpc", r#"{"method":"NotifyEvent","params":{"events":[{"component":"input:0","event":"config_changed"}]}}"#),
        ("i4/events/rpc", r#"{"method":"NotifyEvent","params":{"events":[{"component":"sys","event":"single_push"}]}}"#),
        ("i4/status/input:0", r#"{"id":0,"state":true,"event":"single_push"}"#),
        ("tele/t/STATE", r#"{"POWER":"ON","Button1":{"Action":"SINGLE"}}"#),
        ("tele/t/INFO1", r#"{"Module":"Generic"}"#),
        ("tele/t/RESULT", r#"{"IrReceived":{"Protocol":"NEC","Bits":32,"Data":"0x8166817E"}}"#),
        ("stat/t/RESULT", r#"{"Switch1":{"Action":"OFF"}}"#),
        ("stat/t/STATUS", r#"{"Status":{"ButtonRetain":1}}"#),
        ("cmnd/t/state", r#"{"event_type":"single"}"#),
        ("cmnd/status", "online"),
        ("tele/zb/SENSOR", r#"{"ZbReceived":{"Lamp":{"Device":"0x4773","Power":true,"Endpoint":1}}}"#),
        ("node/binary_sensor/status/state", "ON"),
        ("node/binary_sensor/call_button/state", "OFF"),
        ("node/event/call_button/state", "release"),
        ("node/sensor/battery_voltage/state", "3.1"),
        ("node/sensor/battery_level/state", "nan"),
        ("home/OpenMQTTGateway/BTtoMQTT/BC026EAABBCC", r#"{"packet":1,"button":0}"#),
        ("home/OpenMQTTGateway/IRtoMQTT", r#"{"value":1,"protocol":3}"#),
        ("home/OpenMQTTGateway/SYStoMQTT", r#"{"uptime":1,"value":1}"#),
        ("home/x/statelessswitch", r#"{"eventValue":3}"#),
        ("homeassistant/event/x/state", r#"{"event_type":"press"}"#),
        ("homeassistant/binary_sensor/n/event/state", r#"{"event_type":"press"}"#),
        ("imaboard/facility/f1/state", r#"{"event_type":"press"}"#),
        ("imaboard/button/a/stored", r#"{"gesture":"single"}"#),
        ("imaboard/button/a/press", r#"{"gesture":"single","button":"left"}"#),
        ("imaboard/button/a/press", r#"{"gesture":"single","button":70000}"#),
        ("imaboard/button/a/press", "single"),
        ("board/a/button/1", r#"{"v":1,"seq":41}"#),
        ("$SYS/broker/uptime", "single"),
        ("", "single"),
        ("unknown/topic", "single"),
    ] {
        let said = verdict(&profiles, topic, payload);
        assert!(!is_press(&said), "{topic} {payload}: {said}");
    }
}

#[test]
fn several_buttons_in_one_message_are_several_presses() {
    let profiles = Profiles::builtin();
    let payload = r#"{"src":"g","method":"NotifyEvent","params":{"ts":1731931521.19,"events":[{"component":"input:0","event":"single_push","ts":1731931521.19},{"component":"bthomedevice:202","event":"double_push","idx":1,"ts":1731931521.2}]}}"#;
    let heard = read(&profiles, "g/events/rpc", payload.as_bytes(), false);
    let mut told: Vec<_> = heard.presses.iter().map(|p| (p.profile.as_str(), p.device.as_str(), p.gesture, p.button)).collect();
    told.sort();
    assert_eq!(
        told,
        [("shelly-blu", "g:bthomedevice:202", Gesture::Double, Some(2)), ("shelly-gen2", "g", Gesture::Single, Some(1)),]
    );
    let mut decoder = Decoder::new(&profiles);
    let line = json!({ "topic": "g/events/rpc", "payload": payload, "qos": 1, "retain": false }).to_string();
    let first: Value = serde_json::from_str(&decoder.line(&line, now())).unwrap();
    assert_eq!(first["more"].as_array().unwrap().len(), 1);
    let second: Value = serde_json::from_str(&decoder.line(&line, now())).unwrap();
    assert!(second.get("ignored").is_some(), "{second}");
}

#[test]
fn a_retained_replay_is_never_a_press() {
    let profiles = Profiles::builtin();
    for profile in profiles.list() {
        for gesture in profile.gestures() {
            for device in ["dev1", "bc:02:6e:aa:bb:cc", "gw:bthomedevice:200", "1315156"] {
                let Some((topic, payload, _)) = profile.compose(device, gesture, None, Some(1), now()) else {
                    continue;
                };
                let heard = read(&profiles, &topic, &payload, true);
                assert!(heard.presses.is_empty(), "{topic}");
                assert!(heard.device.is_some() != heard.ignored.is_some(), "{heard:?}");
            }
        }
    }
}

#[test]
fn what_a_profile_composes_it_reads_back() {
    let profiles = Profiles::builtin();
    for profile in profiles.list() {
        let mut told = HashSet::new();
        for gesture in profile.gestures() {
            for device in ["dev1", "bc:02:6e:aa:bb:cc", "gw:bthomedevice:200", "1315156"] {
                for button in [None, Some(1), Some(3)] {
                    for seq in [None, Some(41)] {
                        let Some((topic, payload, qos)) = profile.compose(device, gesture, button, seq, now()) else {
                            continue;
                        };
                        let context = format!("{topic} {}", String::from_utf8_lossy(&payload));
                        assert!(qos <= 1, "{context}");
                        let heard = read(&profiles, &topic, &payload, false);
                        let [press] = heard.presses.as_slice() else { panic!("{context}: {heard:?}") };
                        assert_eq!(press.profile, profile.name(), "{context}");
                        assert_eq!(press.device, device, "{context}");
                        assert_eq!(press.gesture, gesture, "{context}");
                        match button {
                            Some(_) => assert_eq!(press.button, button, "{context}"),
                            None => assert!(matches!(press.button, None | Some(1)), "{context}"),
                        }
                        if press.seq.is_some() {
                            assert_eq!(press.seq, seq, "{context}");
                        }
                        if let Some(at) = press.at {
                            assert_eq!(at, now(), "{context}");
                        }
                        let filters = profile.publish_filters(device);
                        assert!(filters.iter().any(|f| selects(f, &topic)), "{context} {filters:?}");
                        assert!(profiles.subscriptions().iter().any(|f| selects(f, &topic)), "{context}");
                        told.insert(gesture);
                    }
                }
            }
        }
        assert!(told.contains(&Gesture::Single), "{} composes nothing", profile.name());
        assert_eq!(told.len(), profile.gestures().len(), "{}", profile.name());
    }
    let imaboard = profiles.find("imaboard").unwrap();
    let (topic, payload, qos) = imaboard.compose("f012", Gesture::Single, Some(1), Some(17), now()).unwrap();
    assert_eq!((topic.as_str(), qos), ("imaboard/button/f012/press", 1));
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload, json!({ "gesture": "single", "button": 1, "seq": 17, "at": now().as_millisecond() }));
}

/// MQTT's own matching rule.
fn selects(filter: &str, topic: &str) -> bool {
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        match (level, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(own)) if level == own => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

#[test]
fn subscriptions_hear_neither_commands_nor_discovery_nor_second_copies() {
    let filters = Profiles::builtin().subscriptions();
    for topic in [
        "cmnd/tasmota/POWER",
        "homeassistant/device_automation/0x1/action_single/config",
        "zigbee2mqtt/reception_button/action",
        "zigbee2mqtt/bridge/devices",
        "zigbee2mqtt/b/set",
        "shellies/s/longpush/0",
        "shellies/s/input/0",
        "imaboard/facility/f1/state",
        "imaboard/button/a/stored",
    ] {
        let hearing: Vec<_> = filters.iter().filter(|filter| selects(filter, topic)).collect();
        assert!(hearing.is_empty(), "{topic} by {hearing:?}");
    }
    for line in include_str!("button_payloads.jsonl").lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let topic = message["topic"].as_str().unwrap();
        if message["count_as_press"] == true {
            let hearing = filters.iter().filter(|filter| selects(filter, topic)).count();
            assert_eq!(hearing, 1, "{topic} is heard {hearing} times");
        }
    }
}

#[test]
fn a_device_may_publish_as_itself_and_as_nobody_else() {
    let profiles = Profiles::builtin();
    for profile in profiles.list() {
        for device in ["dev1", "bc:02:6e:aa:bb:cc", "1315156"] {
            for filter in profile.publish_filters(device) {
                assert!(
                    filter.contains(device)
                        || filter.ends_with("/433toMQTT")
                        || filter.contains("discovery")
                        || filter == "shellies/announce",
                    "{}: {filter}",
                    profile.name()
                );
            }
        }
        for wide in ["+", "#", "a/#", "", "$SYS", "a\nb"] {
            assert!(profile.publish_filters(wide).is_empty(), "{}: {wide:?}", profile.name());
            assert!(profile.compose(wide, Gesture::Single, None, None, now()).is_none() || wide == "$SYS");
        }
    }
    let imaboard = profiles.find("imaboard").unwrap().publish_filters("a");
    assert_eq!(imaboard, ["imaboard/button/a/availability", "imaboard/button/a/press"]);
}

#[test]
fn a_gateway_may_publish_what_is_heard_of_its_family_and_nothing_of_another() {
    let profiles = Profiles::builtin();
    let zigbee = profiles.find("zigbee2mqtt").unwrap().gateway_filters();
    assert_eq!(zigbee, ["zigbee2mqtt/+", "zigbee2mqtt/+/availability", "zigbee2mqtt/bridge/state"]);
    let may = |filters: &[String], topic: &str| filters.iter().any(|filter| selects(filter, topic));
    for foreign in ["zigbee2mqtt/door/set", "zigbee2mqtt/door/action", "home/door/state", "imaboard/button/door/press"] {
        assert!(!may(&zigbee, foreign), "{foreign}");
    }
    let mut presses = 0;
    for line in include_str!("button_payloads.jsonl").lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        if message["count_as_press"] != true {
            continue;
        }
        let (topic, payload) = (message["topic"].as_str().unwrap(), message["payload"].as_str().unwrap_or_default());
        for press in read(&profiles, topic, payload.as_bytes(), false).presses {
            let profile = profiles.find(&press.profile).unwrap();
            if profile.is_behind_gateway() {
                presses += 1;
                assert!(may(&profile.gateway_filters(), topic), "{}: {topic}", profile.name());
            }
        }
    }
    assert!(presses > 5, "{presses}");
    let heard: HashSet<String> = profiles.subscriptions().into_iter().collect();
    for profile in profiles.list() {
        for filter in profile.gateway_filters() {
            assert!(heard.iter().any(|own| *own == filter || selects(own, &filter)), "{}: nobody hears {filter}", profile.name());
        }
    }
}

#[test]
fn hostile_bytes_are_never_a_press_and_never_slow() {
    let profiles = Profiles::builtin();
    let topics: Vec<String> = include_str!("button_payloads.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["topic"].as_str().unwrap().to_owned())
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let nested = "[".repeat(100_000);
    let nested_objects = r#"{"action":"#.repeat(50_000);
    let wide = format!("[{}1]", "1,".repeat(60_000));
    let many_events = format!(
        r#"{{"method":"NotifyEvent","params":{{"events":[{}{{}}]}}}}"#,
        r#"{"component":"sys","event":"single_push"},"#.repeat(2_000)
    );
    let payloads: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xff, 0xfe, 0x00],
        b"\0\0\0".to_vec(),
        vec![b'a'; 1024 * 1024],
        vec![0xff; 1024 * 1024],
        nested.into_bytes(),
        nested_objects.into_bytes(),
        wide.into_bytes(),
        many_events.into_bytes(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        br#"{"action":{"action":"single"}}"#.to_vec(),
        br#"{"event":["S"],"event_cnt":-1}"#.to_vec(),
        br#"{"gesture":12345678901234567890123}"#.to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        "シングル".as_bytes().to_vec(),
    ];
    let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = spent();
    for topic in &topics {
        for payload in &payloads {
            for retain in [false, true] {
                let heard = read(&profiles, topic, payload, retain);
                assert!(heard.presses.is_empty(), "{topic} {:?}", &payload[..payload.len().min(80)]);
            }
        }
    }
    for topic in ["/".repeat(60_000), "a/".repeat(500), "zigbee2mqtt//".to_owned(), "\u{0}/\u{1}".to_owned()] {
        let heard = read(&profiles, &topic, br#"{"action":"release"}"#, false);
        assert!(heard.presses.is_empty());
    }
    // Time of the processor: a rule that reads a hostile message again and again would take minutes of it.
    let took = spent() - before;
    assert!(took.as_secs() < 30, "{took:?}");
}

#[test]
fn mangled_real_messages_never_crash() {
    let profiles = Profiles::builtin();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for line in include_str!("button_payloads.jsonl").lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let topic = message["topic"].as_str().unwrap();
        for _ in 0..40 {
            let mut payload = message["payload"].as_str().unwrap().as_bytes().to_vec();
            for _ in 0..=random() % 4 {
                if payload.is_empty() {
                    break;
                }
                let at = usize::try_from(random()).unwrap() % payload.len();
                match random() % 3 {
                    0 => payload[at] = u8::try_from(random() % 256).unwrap(),
                    1 => payload.truncate(at),
                    _ => payload.insert(at, b'9'),
                }
            }
            let heard = read(&profiles, topic, &payload, random() % 2 == 0);
            let spoke = !heard.presses.is_empty() || heard.device.is_some();
            assert_eq!(spoke, heard.ignored.is_none(), "{heard:?}");
        }
    }
}

#[test]
fn every_line_gets_exactly_one_line() {
    let profiles = Profiles::builtin();
    let mut decoder = Decoder::new(&profiles);
    for line in ["", "{", "[]", "null", r#"{"topic":1,"payload":""}"#, r#"{"topic":"a"}"#, r#"{"topic":"a","payload":{"x":1}}"#] {
        let said = decoder.line(line, now());
        assert!(!said.contains('\n'));
        let said: Value = serde_json::from_str(&said).unwrap();
        assert!(said["ignored"].is_string(), "{line}: {said}");
    }
    let release =
        json!({ "topic": "zigbee2mqtt/b", "payload": r#"{"action":"release","battery":97}"#, "qos": 0, "retain": false });
    assert_eq!(
        serde_json::from_str::<Value>(&decoder.line(&release.to_string(), now())).unwrap(),
        json!({ "device": { "profile": "zigbee2mqtt", "device": "b", "battery_pct": 97 } })
    );
    let press =
        json!({ "topic": "imaboard/button/a/press", "payload": r#"{"gesture":"long","seq":3}"#, "qos": 1, "retain": false });
    assert_eq!(
        decoder.line(&press.to_string(), now()),
        r#"{"press":{"profile":"imaboard","device":"a","gesture":"long","button":null,"dedupe":"n:3"}}"#
    );
    let will = json!({ "topic": "imaboard/button/a/availability", "payload": "offline", "qos": 1, "retain": true });
    assert_eq!(
        decoder.line(&will.to_string(), now()),
        r#"{"device":{"profile":"imaboard","device":"a","availability":"offline"}}"#
    );
}

#[test]
fn an_unknown_family_is_added_by_a_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("acme.toml"),
        r#"
name = "acme"
title = "ACME wall panel"
[words]
single = ["tip"]
long = ["stay"]
shapes = ["key{n}-{word}"]
edges = ["let-go"]
online = ["up"]
offline = ["gone"]
[[topic]]
pattern = "acme/{device}/keys"
press = [{ each = "/list/*", gesture = ["/what"], seq = ["/no"] }]
report = [{ battery = ["/cell"], battery_scale = 100.0 }]
[[topic]]
pattern = "acme/{device}/life"
body = "text"
report = [{ availability = [""] }]
[[compose]]
topic = "acme/{device}/keys"
qos = 1
button = "required"
words = { single = "tip", long = "stay" }
payload = { list = [{ what = "key{n}-{word}", no = "{number:seq}" }] }
"#,
    )
    .unwrap();
    let profiles = Profiles::with_folder(folder.path()).unwrap();
    assert_eq!(profiles.list().len(), Profiles::builtin().list().len() + 1);
    let payload = r#"{"list":[{"what":"key2-stay","no":7}],"cell":0.42}"#;
    let heard = read(&profiles, "acme/w1/keys", payload.as_bytes(), false);
    let press = &heard.presses[0];
    assert_eq!((press.profile.as_str(), press.device.as_str()), ("acme", "w1"));
    assert_eq!((press.gesture, press.button, press.seq), (Gesture::Long, Some(2), Some(7)));
    assert_eq!(press.battery_pct, Some(42));
    assert_eq!(read(&profiles, "acme/w1/life", b"gone", true).device.unwrap().availability, Some(false));
    assert!(profiles.subscriptions().contains(&"acme/+/keys".to_owned()));
    let acme = profiles.find("acme").unwrap();
    let (topic, payload, _) = acme.compose("w1", Gesture::Single, Some(4), Some(1), now()).unwrap();
    assert_eq!(read(&profiles, &topic, &payload, false).presses[0].button, Some(4));
}

#[test]
fn a_file_with_a_built_in_name_replaces_it_and_its_neighbours_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = |text: &str| std::fs::write(folder.path().join("z.toml"), text).unwrap();
    file(
        "name='zigbee2mqtt'\ntitle='ours'\n[words]\nsingle=['go']\n[[topic]]\npattern='z2m/{device}'\npress=[{gesture=['/action']}]\n",
    );
    let profiles = Profiles::with_folder(folder.path()).unwrap();
    assert_eq!(profiles.find("zigbee2mqtt").unwrap().title(), "ours");
    assert_eq!(verdict(&profiles, "z2m/a", r#"{"action":"go"}"#), "single");
    assert!(!is_press(&verdict(&profiles, "zigbee2mqtt/a", r#"{"action":"single"}"#)));
    assert_eq!(verdict(&profiles, "board/a/button", "single"), "single");
}

#[test]
fn a_missing_folder_adds_nothing_and_mistakes_name_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Profiles::with_folder(&folder.path().join("none")).is_ok());
    let head = "name='acme'\ntitle='t'\n";
    for (text, needles) in [
        ("nonsense", vec!["acme.toml", "file"]),
        ("title='t'", vec!["acme.toml", "name"]),
        ("name='Acme'\ntitle='t'", vec!["acme.toml: name"]),
        (&format!("{head}[words]\nsinlge=['a']"), vec!["acme.toml", "sinlge"]),
        (&format!("{head}[words.named]\na='tap@1'\n[[topic]]\npattern='a'\nignore='x'"), vec!["words.named.a", "tap"]),
        (&format!("{head}[[topic]]\npattern='a/+'\nignore='x'"), vec!["topic[1].pattern", "a/+"]),
        (&format!("{head}[[topic]]\npattern='{{a+}}/x/{{b+}}'\nignore='x'"), vec!["topic[1].pattern", "one {name+}"]),
        (&format!("{head}[[topic]]\npattern='a/{{device}}'"), vec!["topic[1].press"]),
        (&format!("{head}[[topic]]\npattern='a/b'\npress=[{{gesture=['/x']}}]"), vec!["topic[1].press[1].device", "{device}"]),
        (&format!("{head}[[topic]]\npattern='a/{{device}}'\npress=[{{gesture=['x']}}]"), vec!["topic[1].press[1]", "\"x\""]),
        (
            &format!("{head}[[topic]]\npattern='a/{{device}}'\npress=[{{gesture=['/x'],echo='a'}}]"),
            vec!["press[1].echo", "echo_seconds"],
        ),
        (
            &format!("{head}[[topic]]\npattern='a/{{device}}'\nsubscribe=['cmnd/#']\npress=[{{gesture=['/x']}}]"),
            vec!["topic[1].subscribe", "cmnd/#"],
        ),
        (&format!("{head}[[topic]]\npattern='a/{{device}}'\npress=[{{always='twice'}}]"), vec!["acme.toml", "twice"]),
    ] {
        std::fs::write(folder.path().join("acme.toml"), text).unwrap();
        let error = Profiles::with_folder(folder.path()).map(|_| ()).unwrap_err();
        assert!(matches!(error, ProfileError::Invalid { .. }));
        let said = error.to_string();
        for needle in needles {
            assert!(said.contains(needle), "{text}\n{said}");
        }
    }
}

#[test]
fn built_in_files_explain_themselves_and_names_are_the_families() {
    let profiles = Profiles::builtin();
    let names: Vec<_> = profiles.list().iter().map(imaboard_mqtt::Profile::name).collect();
    assert_eq!(
        names,
        [
            "esphome",
            "home-assistant",
            "imaboard",
            "openmqttgateway",
            "plain",
            "shelly-blu",
            "shelly-gen1",
            "shelly-gen2",
            "tasmota",
            "zigbee2mqtt",
        ]
    );
    for name in names {
        let path = format!("{}/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("# ") && text.contains("# Facts from:"), "{name}");
    }
}
