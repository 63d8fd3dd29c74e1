#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::Gesture;

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
    let whose = city.get(&first).await;
    let second = whose.values(".devices-heard a", "href").into_iter().find(|href| href.contains("f001")).unwrap();
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
    assert!(city.app().listening.strangers().is_empty(), "it is no stranger any more");
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
    assert!(city.get(&place).await.body.contains("試しています"));
    city.post(&format!("{place}/test"), &[("on", "")]).await;
    assert!(city.app().listening.tested_until(&button, city.app().clock.now()).is_none());

    assert_eq!(city.get(&format!("{place}/remove")).await.status, StatusCode::OK);
    assert!(find(city.app(), &id).is_some(), "asking removes nothing");
    city.post(&format!("{place}/remove"), &[]).await;
    assert_eq!(city.get(&place).await.status, StatusCode::NOT_FOUND);
    let taken = city
        .post("/desk/devices", &[("profile", "nonsense"), ("device", "b"), ("facility", "f001"), ("single", "power:none")])
        .await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
}
