#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::tests::City;
use super::*;
use crate::intake::listening::Heard;

/// A device nobody enrolled is pressed.
fn pressed(city: &City, device: &str) {
    let heard = Heard {
        profile: "imaboard".into(),
        device: device.into(),
        gesture: Gesture::Single,
        key: None,
        dedupe: None,
        battery_pct: Some(12),
        at: city.app().clock.now(),
    };
    city.app().listening.stranger(heard);
}

#[tokio::test]
async fn an_unknown_button_is_found_among_those_just_pressed_and_joined_in_three_taps() {
    let city = City::open().await;
    assert!(city.get("/desk/devices/new").await.body.contains("まだ何も聞こえません"));
    pressed(&city, "door-7");
    let heard = city.get("/desk/devices/new").await;
    let first = heard.values(".devices-heard a", "href").remove(0);
    assert_eq!(heard.texts("[data-live] .devices-heard").len(), 1, "what was heard is the part that makes itself new");
    assert!(heard.body.contains("/assets/desk-devices-"), "by a script of this page");
    let whose = city.get(&first).await;
    assert!(whose.texts(".intro")[0].contains("1回押す"), "it is known by its press: {}", whose.texts(".intro")[0]);
    let second = whose.values(".devices-whose a", "href").into_iter().find(|href| href.contains("f001")).unwrap();
    let what = city.get(&second).await;
    let chosen = what.values("select option[selected]", "value");
    assert_eq!(chosen, ["vacancy/tokuyo:full", "vacancy/tokuyo:available", "first_report:needs_help"]);
    let fields = [
        ("profile", "imaboard"),
        ("device", "door-7"),
        ("facility", "f001"),
        ("single", chosen[0].as_str()),
        ("double", chosen[1].as_str()),
        ("long", chosen[2].as_str()),
    ];
    let none = city.post("/desk/devices", &fields[..3]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "a button that does nothing");
    let joined = city.post("/desk/devices", &fields).await;
    assert_eq!(joined.status, StatusCode::SEE_OTHER, "{}", joined.body);
    let page = city.get(joined.header("location")).await;
    assert!(page.body.contains("1回押す") && page.texts("dl b").concat().contains("助けが必要"), "{}", page.body);
    assert!(strangers(city.app()).is_empty(), "it is no stranger any more");
    let viewed = city.get_as(Role::Viewer, joined.header("location")).await;
    assert!(!viewed.body.contains("パスワード") && viewed.texts("form").is_empty(), "viewers see neither secrets nor forms");
    assert_eq!(city.get_as(Role::Viewer, "/desk/devices/new").await.status, StatusCode::FORBIDDEN);
    assert!(!city.get("/desk/devices").await.body.contains("desk.devices."), "a word is missing");
}

#[tokio::test]
async fn what_was_set_in_other_words_is_offered_and_survives_a_change_of_something_else() {
    let city = City::open().await;
    let sets = vec!["single=vacancy/tokuyo:2".parse().unwrap(), "double=first_report:safe".parse().unwrap()];
    let button = plan_button(city.app(), "f001".parse().unwrap(), "imaboard".into(), "d".into(), sets).unwrap();
    let place = format!("/desk/devices/{}", button.id);
    city.control(Facts::ButtonEnrolled(button)).await;
    let page = city.get(&place).await;
    assert_eq!(page.values("#single option[selected]", "value"), ["vacancy/tokuyo:2"]);
    city.post(&place, &[("single", "vacancy/tokuyo:2"), ("double", "power:none")]).await;
    let kept: Vec<String> =
        find(city.app(), place.rsplit('/').next().unwrap()).unwrap().sets.iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["single=vacancy/tokuyo:2", "double=power:none"]);
    assert_eq!(city.get_as(Role::Viewer, &format!("{place}/remove")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn settings_are_changed_tests_begin_and_end_and_a_button_is_removed_after_one_question() {
    let city = City::open().await;
    let fields = [("profile", "imaboard"), ("device", "b"), ("facility", "f001"), ("single", "first_report:safe")];
    let joined = city.post("/desk/devices", &fields).await;
    let id = joined.header("location").trim_start_matches("/desk/devices/").split('?').next().unwrap().to_owned();
    let place = format!("/desk/devices/{id}");
    assert_eq!(city.post(&place, &[("single", "")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(city.post(&place, &[("single", "power:none")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(find(city.app(), &id).unwrap().sets[0].to_string(), "single=power:none");

    let button: ButtonId = id.parse().unwrap();
    city.post(&format!("{place}/test"), &[("on", "1")]).await;
    assert!(city.app().listening.tested_until(&button, city.app().clock.now()).is_some());
    let tried = city.get(&place).await;
    assert!(
        tried.texts("[data-live]")[0].contains("試しています") && tried.texts("[data-live]")[0].contains("まだ押されていません")
    );
    city.post(&format!("{place}/test"), &[("on", "")]).await;
    assert!(city.app().listening.tested_until(&button, city.app().clock.now()).is_none());
    assert!(city.get(&place).await.texts("[data-live]").is_empty(), "nothing comes by itself when nobody tries");

    assert_eq!(city.get(&format!("{place}/remove")).await.status, StatusCode::OK);
    assert!(find(city.app(), &id).is_some(), "asking removes nothing");
    let removed = city.post(&format!("{place}/remove"), &[]).await;
    assert!(city.get(removed.header("location")).await.texts(".done")[0].contains("はずしました"));
    assert_eq!(city.get(&place).await.status, StatusCode::NOT_FOUND);
    let taken = city
        .post("/desk/devices", &[("profile", "nonsense"), ("device", "b"), ("facility", "f001"), ("single", "power:none")])
        .await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// A button of はまゆう荘, joined at the command line.
async fn enrolled(city: &City, profile: &str, device: &str, sets: &[&str]) -> Button {
    let sets = sets.iter().map(|s| s.parse().unwrap()).collect();
    let button = plan_button(city.app(), "f001".parse().unwrap(), profile.into(), device.into(), sets).unwrap();
    city.control(Facts::ButtonEnrolled(button.clone())).await;
    button
}

#[tokio::test]
async fn what_cannot_be_joined_is_said_at_its_field_with_the_reason_and_what_was_chosen_stays() {
    let city = City::open().await;
    let fields = [
        ("profile", "imaboard"),
        ("device", "d"),
        ("facility", "f001"),
        ("single", "vacancy/tokuyo:full"),
        ("double", "vacancy/dayservice:full"),
        ("long", "nonsense"),
    ];
    let unread = city.post("/desk/devices", &fields).await;
    assert_eq!(unread.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(unread.values("[aria-invalid]", "id"), ["long"], "what cannot be read is not left out silently");
    assert_eq!(unread.texts("#long-why"), ["これは選べません。一覧から選び直してください。"]);
    let given: Vec<String> = unread.values("select option[selected]", "value");
    assert_eq!(given, ["vacancy/tokuyo:full", "vacancy/dayservice:full", "nonsense"]);

    let unfit = city.post("/desk/devices", &fields[..5]).await;
    assert_eq!(unfit.values("[aria-invalid]", "aria-describedby"), ["double-why"]);
    assert!(unfit.texts("#double-why")[0].contains("そのサービスがありません"));

    enrolled(&city, "imaboard", "d", &["single=first_report:safe"]).await;
    let elsewhere = city
        .post("/desk/devices", &[("profile", "imaboard"), ("device", "d"), ("facility", "f002"), ("single", "power:none")])
        .await;
    assert!(elsewhere.texts(".problem")[0].contains("はまゆう荘"), "{}", elsewhere.body);
    let nobody = city
        .post("/desk/devices", &[("profile", "unheard-of"), ("device", "d"), ("facility", "f002"), ("single", "power:none")])
        .await;
    assert!(nobody.texts(".problem")[0].contains("まだ読めません"));
}

#[tokio::test]
async fn before_the_last_tap_the_page_says_whose_button_it_becomes_and_what_each_gesture_sets() {
    let city = City::open().await;
    let what = city.get("/desk/devices/new?profile=imaboard&device=d&facility=f001").await;
    assert!(what.texts("dl.facts dd")[0].contains("はまゆう荘"));
    let words = what.texts("select option[selected]").join("|");
    assert!(words.contains("特別養護老人ホーム") || words.contains("特養"), "{words}");
    assert!(words.contains("助けが必要"), "{words}");
    assert!(city.get("/desk/devices/new").await.body.contains("15分"), "the page says how long a press stays");
}

#[tokio::test]
async fn a_lamp_is_told_at_another_topic_only_if_that_is_one_topic_and_none_the_board_hears() {
    let city = City::open().await;
    let button = enrolled(&city, "imaboard", "door", &["single=power:none"]).await;
    let place = format!("/desk/devices/{}", button.id);
    assert!(city.get(&place).await.body.contains("imaboard/button/door/stored"));
    let post = async |light: &str| city.post(&place, &[("single", "power:none"), ("light", light)]).await;
    let long = "a".repeat(129);
    for bad in
        ["lamps/+/door", "lamps/#", "/lamps", "lamps/", "$SYS/x", "lamps/a b", "imaboard/button/door/press", "imaboard/x", &long]
    {
        let answer = post(bad).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert_eq!(answer.values("#light", "value"), [bad], "what was typed stays");
        assert_eq!(answer.values("[aria-invalid]", "id"), ["light"], "{bad}");
        assert_eq!(answer.texts("#light-why").len(), 1);
    }
    let heard = post("zigbee2mqtt/door").await;
    assert!(heard.texts("#light-why")[0].contains("別の宛先"), "another family's buttons speak there");
    assert_eq!(post("lamps/door").await.status, StatusCode::SEE_OTHER);
    assert_eq!(find(city.app(), button.id.as_str()).unwrap().light_topic(), "lamps/door");
    assert!(city.get(&place).await.texts("dl.facts").concat().contains("lamps/door"));
    city.post(&place, &[("single", "water:none")]).await;
    assert_eq!(find(city.app(), button.id.as_str()).unwrap().light_topic(), "lamps/door", "a form without the field keeps it");
    assert_eq!(post("").await.status, StatusCode::SEE_OTHER);
    assert_eq!(find(city.app(), button.id.as_str()).unwrap().light, None);
}

#[tokio::test]
async fn a_password_is_shown_by_the_act_that_makes_it_and_nowhere_else() {
    let city = City::open().await;
    let button = enrolled(&city, "imaboard", "door", &["single=power:none"]).await;
    let place = format!("/desk/devices/{}", button.id);
    let first = city.app().keys.device_password(&button);
    assert!(!city.get(&place).await.body.contains(&first), "the page of a button shows no password");
    let ask = format!("{place}/password");
    let question = city.get(&ask).await;
    assert!(question.body.contains("使えなくなります") && !question.body.contains(&first), "{}", question.body);
    assert_eq!(city.get_as(Role::Viewer, &ask).await.status, StatusCode::FORBIDDEN);
    assert!(!city.get_as(Role::Viewer, &place).await.body.contains("/password"));

    let fields = [("nonce", "0192a000-0000-7000-8000-000000000001")];
    let made = city.post(&ask, &fields).await;
    let held = find(city.app(), button.id.as_str()).unwrap();
    let second = city.app().keys.device_password(&held);
    assert!(made.status == StatusCode::OK && made.body.contains(&second), "{}", made.body);
    assert_eq!(city.post(&ask, &fields).await.body.matches(&second).count(), 1, "a double press shows the same");
    assert!(!city.get(&place).await.body.contains(&second), "and later nobody reads it again");
    assert!(!city.app().keys.is_device_password(&held, first.as_bytes()), "the old one has ended");
    let entries = city.app().recorder.log().list_by_subject(&format!("button/{}", button.id), None, 10).await.unwrap();
    assert_eq!(entries.len(), 2, "who made it, and when, is on the log once");
    assert!(entries.iter().all(|e| !e.facts.contains(&second)), "the password is not");
    city.post(&ask, &[("nonce", "0192a000-0000-7000-8000-000000000002")]).await;
    let late = city.post(&ask, &fields).await;
    assert_eq!(late.status, StatusCode::SEE_OTHER, "an old form shows nothing any more");

    let joined = city.post(&place, &[("single", "water:none")]).await;
    assert_eq!(joined.status, StatusCode::SEE_OTHER);
    assert_eq!(find(city.app(), button.id.as_str()).unwrap().password, 2, "a change of settings keeps the password");
    let behind = enrolled(&city, "zigbee2mqtt", "0x01", &["single=power:none"]).await;
    let page = city.get(&format!("/desk/devices/{}", behind.id)).await;
    assert!(!page.body.contains("/password"), "what sits behind a gateway has no password");
    assert_eq!(city.get(&format!("/desk/devices/{}/password", behind.id)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.post(&format!("/desk/devices/{}/password", behind.id), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_button_that_was_never_heard_is_overdue_eight_days_after_it_was_joined() {
    const WORDS: &str = "まだ一度も合図がありません";
    let city = City::open().await;
    let button = enrolled(&city, "imaboard", "door", &["single=power:none"]).await;
    assert!(!city.get("/desk/devices").await.body.contains(WORDS), "it has its week");
    let now = city.app().clock.now();
    let ago = |hours: i64| Some(now.checked_sub(SignedDuration::from_hours(hours)).unwrap());
    for (joined_at, overdue) in [(ago(8 * 24 - 1), false), (ago(8 * 24 + 1), true), (None, true)] {
        city.control(Facts::ButtonEnrolled(Button { joined_at, ..button.clone() })).await;
        for path in ["/desk/devices", &format!("/desk/devices/{}", button.id)] {
            let said = city.get(path).await.texts("b").contains(&WORDS.to_owned());
            assert_eq!(said, overdue, "{path} {joined_at:?}");
        }
    }
    city.app().devices.restore(vec![crate::intake::press::DeviceState {
        profile: "imaboard".into(),
        device: "door".into(),
        last_heard_at: now,
        battery_pct: Some(LOW_BATTERY_PCT),
        available: None,
    }]);
    let list = city.get("/desk/devices").await;
    assert!(!list.body.contains(WORDS) && list.body.contains("電池がわずか"), "heard, with a low battery");
}

#[tokio::test]
async fn a_press_that_was_tried_counts_for_nothing_when_it_comes_again_much_later() {
    use imaboard_mqtt::message::{Delivered, Sink};
    let city = City::open().await;
    let button = enrolled(&city, "imaboard", "door", &["single=power:none"]).await;
    let (feedback, _mouth) = crate::intake::feedback::Feedback::new();
    let intake = crate::intake::press::PressIntake::new(Arc::clone(city.app()), feedback, &[]);
    let deliver = async |topic: &str, payload: String| {
        let message = Delivered {
            topic: format!("imaboard/button/door/{topic}"),
            payload: payload.into_bytes().into(),
            qos: 1,
            retain: false,
            dup: false,
            from: Some(button.id.to_string()),
        };
        intake.deliver(message).await;
        let reports = city.app().recorder.log().list_by_subject("facility/f001", Some("report"), 10).await.unwrap();
        reports.len()
    };
    let press = |seq: u64| format!(r#"{{"gesture":"single","seq":{seq}}}"#);
    let eleven_minutes_ago = city.app().clock.now().checked_sub(SignedDuration::from_mins(11)).unwrap();
    let tried = Heard {
        profile: "imaboard".into(),
        device: "door".into(),
        gesture: Gesture::Single,
        key: None,
        dedupe: Some("n:7".into()),
        battery_pct: None,
        at: eleven_minutes_ago,
    };
    city.app().listening.tried(&button.id, tried.clone());
    assert_eq!(deliver("press", press(7)).await, 0, "the same counter is the press that was tried");
    assert_eq!(deliver("press", press(8)).await, 1, "the next one is meant");
    city.app().listening.tried(&button.id, Heard { dedupe: Some("n:9".into()), ..tried.clone() });
    assert_eq!(deliver("availability", "online".into()).await, 1);
    assert_eq!(deliver("press", press(9)).await, 2, "a device that started may count from there again: no press is lost");

    // By this press it was found: it must not become a report when the device has an owner.
    city.app().listening.stranger(Heard { dedupe: Some("n:10".into()), ..tried });
    city.app().listening.known("imaboard", "door");
    assert_eq!(deliver("press", press(10)).await, 2);
    assert_eq!(deliver("press", press(11)).await, 3);
}
