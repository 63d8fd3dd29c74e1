//! What the overview promises to whoever telephones from it.
#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::{
    Aspect, Button, Cell, Closure, Display, Facility, FirstReport, Gesture, Hazard, Incident, Level, Observation, OrdMap, Power,
    PressFacts, Rhythms, RollCall, Severity, Value, city_date,
};
use imaboard_templates::desk::Role;

use super::*;
use crate::paints::Painted;
use crate::recorder::{Receipt, ReportIntent};
use crate::web::desk::tests::{Answer, City, home};

fn now() -> Timestamp {
    crate::clock::Clock::now(&crate::clock::SystemClock)
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn roll_call(id: &str, exercise: bool, opened_at: Timestamp) -> Facts {
    let call = RollCall { id: id.parse().unwrap(), areas: vec![], exercise, opened_at, closed_at: None, answers: OrdMap::new() };
    Facts::RollCallOpened(call)
}

fn incident(id: &str, exercise: bool, opened_at: Timestamp) -> Facts {
    Facts::IncidentOpened(Incident {
        id: id.parse().unwrap(),
        name: "台風18号".into(),
        hazard: Hazard::Typhoon,
        areas: vec![],
        severity: Severity::Incident,
        exercise,
        opened_at,
        closed_at: None,
    })
}

fn first(value: FirstReport) -> Vec<Observation> {
    vec![Observation { aspect: Aspect::FirstReport, value: Value::FirstReport(value) }]
}

fn beds(count: u32) -> Vec<Observation> {
    let level = if count == 0 { Level::Full } else { Level::Available };
    let aspect = Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS };
    vec![Observation { aspect, value: Value::Vacancy { level, count: Some(count), total: None } }]
}

async fn say(city: &City, facility: &str, channel: Channel, intent: ReportIntent) -> Receipt {
    let intent = Intent::Report(ReportIntent { facility: Some(facility.parse().unwrap()), ..intent });
    let submission = Submission { id: crate::recorder::new_id(), channel, actor: "key:k1".into(), intent, text: None };
    city.app().recorder.submit(submission).await.unwrap()
}

async fn says(city: &City, facility: &str, observations: Vec<Observation>, minutes_ago: i64) -> Receipt {
    let observed_at = Some(ago(minutes_ago));
    say(city, facility, Channel::Qr, ReportIntent { observations, observed_at, ..ReportIntent::default() }).await
}

/// The name on the card.
fn card(page: &Answer) -> String {
    page.texts(".next .name").join("")
}

fn rows(page: &Answer) -> Vec<String> {
    page.values(".overview-list tbody tr", "data-f")
}

fn nonce_of(page: &Answer) -> String {
    page.values(".next [name=nonce]", "value").remove(0)
}

async fn call(city: &City, facility: &str, outcome: &str) -> Answer {
    let nonce = nonce().to_string();
    city.post("/desk/calls", &[("nonce", &nonce), ("facility", facility), ("outcome", outcome)]).await
}

#[tokio::test]
async fn in_peace_the_next_call_is_on_top_with_its_number_and_the_others_below() {
    let city = City::open().await;
    let page = city.get("/desk").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(card(&page).starts_with("はまゆう荘"), "{}", card(&page));
    assert_eq!(page.values(".next a.tel", "href"), ["tel:0959002345"]);
    assert_eq!(rows(&page), ["f002"]);
    assert!(page.texts("h2").contains(&"空きの報告がおくれている施設 2".to_owned()));
    assert!(page.texts(".next dd").join("|").contains("まだ一度も報告がない"));
    assert_eq!(page.values(".next .go", "href"), ["/desk/proxy?f=f001"]);
    assert_eq!(page.texts("h1").len(), 1);
    assert_eq!(city.get("/desk/").await.header("location"), "/desk");
}

#[tokio::test]
async fn who_reports_everything_leaves_the_list_of_the_late() {
    let city = City::open().await;
    let bed_only =
        Facility { services: home("f002", "西海ホーム").services[..1].to_vec(), ..home("f002", "西海ホーム") };
    city.control(Facts::FacilityRegistered(Box::new(bed_only))).await;
    says(&city, "f002", beds(2), 0).await;
    let page = city.get("/desk").await;
    assert!(rows(&page).is_empty() && page.body.contains("ほかにはありません。"));
    assert!(page.texts(".share").join("").starts_with("50%"), "{:?}", page.texts(".share"));
    city.control(Facts::FacilityRetired { facility: "f001".parse().unwrap() }).await;
    let page = city.get("/desk").await;
    assert!(page.body.contains("空きの報告がおくれている施設はありません。") && page.texts(".next").is_empty());
}

#[tokio::test]
async fn a_value_that_is_too_old_stands_as_unknown_and_an_ageing_one_under_stripes() {
    let city = City::open().await;
    says(&city, "f001", beds(3), 8 * 24 * 60).await;
    let page = city.get("/desk?q=はまゆう").await;
    let cell = page.texts(".overview-list td:nth-of-type(5)").join("");
    // The short stay was never reported, so the oldest thing comes first; the beds stand on the card.
    assert!(cell.contains("まだなし"), "{cell}");
    assert_eq!(page.texts(".next .aging").len(), 1);
    assert!(page.texts(".next .aging")[0].contains("空きあり 3床") && page.texts(".next .aging")[0].contains("8日前"));
    let city = City::open().await;
    says(&city, "f001", beds(3), 15 * 24 * 60).await;
    let page = city.get("/desk").await;
    assert!(page.texts(".next .aging").is_empty());
    let said = page.texts(".next dd").join("|");
    assert!(said.contains("最終 15日前 空きあり 3床"), "{said}");
}

#[tokio::test]
async fn an_open_roll_call_lists_who_has_not_answered_and_how_far_the_answers_came() {
    let city = City::open().await;
    city.control(incident("i1", false, ago(180))).await;
    city.control(roll_call("rc-1", false, ago(176))).await;
    let page = city.get("/desk").await;
    assert!(page.texts("h2").contains(&"まだ返事がない施設 2 点呼から2時間56分".to_owned()));
    assert!(page.texts(".next dd").join("|").contains("点呼から2時間56分"), "{:?}", page.texts(".next dd"));
    says(&city, "f001", first(FirstReport::Safe), 0).await;
    let page = city.get("/desk").await;
    assert!(card(&page).starts_with("西海ホーム") && rows(&page).is_empty());
    assert_eq!(page.texts(".share b"), ["50%"]);
    assert!(page.texts(".share").join("").contains("2施設のうち 1施設"));
    assert!(page.body.contains("80%まで あと1施設。") && page.body.contains("QR 1"));
    assert!(page.values("svg.chart", "role").contains(&"img".to_owned()) && !page.body.contains("style="));
    let table = page.texts("#figures tbody tr").join("|");
    assert!(table.contains("50%") && table.contains("2時間56分") && table.contains("まだ"), "{table}");
    says(&city, "f002", first(FirstReport::Safe), 0).await;
    let page = city.get("/desk").await;
    assert!(page.body.contains("すべての施設から返事がありました。"));
}

#[tokio::test]
async fn without_a_roll_call_a_disaster_lists_who_gave_no_first_report() {
    let city = City::open().await;
    city.control(incident("i1", false, ago(30))).await;
    says(&city, "f001", first(FirstReport::Impaired), 1).await;
    let page = city.get("/desk").await;
    assert!(page.texts("h2").contains(&"まだ第一報がない施設 1 災害から30分".to_owned()));
    assert!(card(&page).starts_with("西海ホーム"));
}

#[tokio::test]
async fn a_cry_for_help_without_an_answer_comes_first_and_says_why() {
    let city = City::open().await;
    city.control(incident("i1", false, ago(60))).await;
    says(&city, "f002", first(FirstReport::NeedsHelp), 10).await;
    city.control(roll_call("rc-1", false, ago(5))).await;
    let page = city.get("/desk").await;
    assert!(card(&page).starts_with("西海ホーム"));
    assert!(page.texts(".next dd")[0].contains("「助けが必要」のあと返事がない"));
    assert!(page.texts(".next dd")[2].contains("助けが必要"));
}

#[tokio::test]
async fn a_call_that_was_noted_brings_the_next_facility_on_top() {
    let city = City::open().await;
    let done = call(&city, "f001", "no_answer").await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/desk?page=1&said=f001"));
    let page = city.get(done.header("location")).await;
    assert!(card(&page).starts_with("西海ホーム"));
    assert!(page.texts("[role=status]").join("").contains("はまゆう荘を「出ない」と記録しました"));
    assert_eq!(rows(&page), ["f001"]);
    call(&city, "f001", "busy").await;
    let page = city.get("/desk?f=f001").await;
    assert!(card(&page).starts_with("はまゆう荘"), "it is on top when it is asked for");
    let tried = page.texts(".next dd")[4].clone();
    assert!(tried.contains("話し中（2回）") && tried.contains("までまつ"), "{tried}");
}

#[tokio::test]
async fn the_same_press_twice_is_one_call() {
    let city = City::open().await;
    let nonce = nonce_of(&city.get("/desk").await);
    let fields = [("nonce", nonce.as_str()), ("facility", "f001"), ("outcome", "later")];
    for _ in 0..2 {
        assert_eq!(city.post("/desk/calls", &fields).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(city.app().board.read(|b| b.tries(&"f001".parse().unwrap()).len()), 1);
}

#[tokio::test]
async fn a_report_makes_the_calls_before_it_nothing() {
    let city = City::open().await;
    call(&city, "f001", "spoke").await;
    says(&city, "f001", beds(1), 0).await;
    let page = city.get("/desk?f=f001").await;
    assert!(page.texts(".next dd")[4].contains("まだかけていません"));
    assert_eq!(page.texts(".next dd")[3], "QR", "how it usually answers");
}

#[tokio::test]
async fn whoever_only_looks_sees_everything_and_changes_nothing() {
    let city = City::open().await;
    let page = city.get_as(Role::Viewer, "/desk").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.texts("form[method=post]").is_empty() && page.values("a", "href").iter().all(|to| !to.contains("proxy?f=")));
    assert_eq!(page.values(".next a.tel", "href").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_nothing_is_stored() {
    let city = City::open().await;
    let before = city.app().board.read(Board::position);
    let shrug = call(&city, "f001", "shrug").await;
    assert_eq!(shrug.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shrug.texts("[role=alert]").join("").contains("何も記録していません"));
    let nobody = call(&city, "f999", "busy").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    assert!(nobody.texts("[role=alert]").join("").contains("名簿にありません"));
    assert_eq!(city.app().board.read(Board::position), before);
    for path in ["/desk?page=-1&by=magic&f=%00&realm=moon", "/desk?page=99999999999999999999", "/desk?f=nobody"] {
        assert_eq!(city.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_list_of_an_exercise_says_so_and_its_calls_move_nobody_in_the_real_one() {
    let city = City::open().await;
    city.control(incident("e1", true, ago(20))).await;
    city.control(roll_call("rc-e", true, ago(10))).await;
    let page = city.get("/desk").await;
    assert!(page.texts("h2").iter().any(|h| h.starts_with("【訓練】まだ返事がない施設")), "{:?}", page.texts("h2"));
    assert!(page.texts(".overview-drill").join("").contains("本当の値は変わりません"));
    assert_eq!(page.values(".next [name=exercise]", "value"), ["yes"]);
    let nonce = nonce_of(&page);
    let fields = [("nonce", nonce.as_str()), ("facility", "f001"), ("outcome", "later"), ("exercise", "yes")];
    city.post("/desk/calls", &fields).await;
    assert!(card(&city.get("/desk").await).starts_with("西海ホーム"));
    let real = city.get("/desk?realm=real").await;
    assert!(card(&real).starts_with("はまゆう荘") && real.texts(".overview-drill").is_empty());
    assert!(real.texts("h2").contains(&"空きの報告がおくれている施設 2".to_owned()));
}

async fn press(city: &City) -> Receipt {
    let button = Button::new(
        "b1".parse().unwrap(),
        "f001".parse().unwrap(),
        "imaboard".into(),
        "d1".into(),
        vec!["long=first_report:needs_help".parse().unwrap()],
    );
    city.control(Facts::ButtonEnrolled(button)).await;
    let press = PressFacts { button: "b1".parse().unwrap(), gesture: Gesture::Long, key: None, dedupe: None };
    let observations = first(FirstReport::NeedsHelp);
    say(city, "f001", Channel::Button, ReportIntent { observations, press: Some(press), ..ReportIntent::default() }).await
}

#[tokio::test]
async fn a_press_that_may_be_practised_is_asked_about_and_taken_back_once_it_is_known() {
    let city = City::open().await;
    city.control(incident("e1", true, ago(20))).await;
    let pressed = press(&city).await;
    let page = city.get("/desk").await;
    assert!(page.texts(".overview-unclear li").join("").contains("はまゆう荘"));
    let path = format!("/desk/unclear/{}", pressed.entry.id);
    assert_eq!(page.values(".overview-unclear li a:not(.tel)", "href"), [path.as_str()]);
    let question = city.get(&path).await;
    assert!(question.texts("h1").join("").contains("はまゆう荘の報告を取り消します"));
    assert!(question.body.contains("助けが必要"));
    let nonce = question.values("[name=nonce]", "value").remove(0);
    for _ in 0..2 {
        let done = city.post(&path, &[("nonce", &nonce)]).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/desk"));
    }
    let page = city.get("/desk").await;
    assert!(page.texts(".overview-unclear").is_empty() && page.body.contains("この1時間に、報告はありません。"));
    let real = city.app().board.read(|b| b.find_facility(&"f001".parse().unwrap()).unwrap().real.clone());
    assert!(real.is_empty());
    assert_eq!(city.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.get("/desk/unclear/nonsense").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_changed_in_the_last_hour_names_value_and_proxy() {
    let city = City::open().await;
    let dark = vec![Observation { aspect: Aspect::Power, value: Value::Power { state: Power::None, hours: None } }];
    say(&city, "f001", Channel::Phone, ReportIntent { observations: dark, ..ReportIntent::default() }).await;
    say(&city, "f002", Channel::Qr, ReportIntent { observations: beds(4), ..ReportIntent::default() }).await;
    let page = city.get("/desk").await;
    let news = page.texts("section[aria-labelledby=ch] li");
    assert!(news[0].contains("西海ホーム") && news[0].contains("特養 空きあり 4床") && !news[0].contains("代理"), "{news:?}");
    assert!(news[1].contains("はまゆう荘") && news[1].contains("電気 停電") && news[1].contains("（代理）"), "{news:?}");
}

#[tokio::test]
async fn a_facility_closed_as_planned_stands_apart() {
    let city = City::open().await;
    let today = city_date(now());
    let closures = vec![Closure { from: today, until: today, reason: None }];
    city.control(Facts::FacilityRegistered(Box::new(Facility { closures, ..home("f001", "はまゆう荘") }))).await;
    let page = city.get("/desk").await;
    assert!(card(&page).starts_with("西海ホーム") && rows(&page).is_empty());
    assert!(page.texts(".overview-closed li").join("").contains("はまゆう荘"));
}

#[tokio::test]
async fn a_display_that_does_not_paint_a_silent_button_and_a_low_battery_are_named() {
    let city = City::open().await;
    press(&city).await;
    for (id, name) in [("d1", "大島支所"), ("d2", "市役所"), ("d3", "崎戸支所")] {
        let display = Display { id: id.parse().unwrap(), name: name.into(), districts: vec![] };
        city.control(Facts::DisplayAdded(display)).await;
    }
    for (id, minutes) in [("d1", 30), ("d2", 1)] {
        city.app().paints.note(id.parse().unwrap(), Painted { revision: "e-1".into(), seq: 1, at: ago(minutes) });
    }
    let machines = |page: &Answer| page.texts("section[aria-labelledby=dv] li").join("|");
    let before = machines(&city.get("/desk").await);
    assert!(before.contains("3台中1台") && before.contains("大島支所") && before.contains("崎戸支所 まだ返事がない"), "{before}");
    assert!(before.contains("はまゆう荘 まだ合図がない"), "{before}");
    let state = |minutes, battery_pct, available| DeviceState {
        profile: "imaboard".into(),
        device: "d1".into(),
        last_heard_at: ago(minutes),
        battery_pct,
        available,
    };
    city.app().devices.restore(vec![state(60, Some(12), Some(true))]);
    let heard = machines(&city.get("/desk").await);
    assert!(heard.contains("1台みな合図があります") && heard.contains("はまゆう荘 電池12%"), "{heard}");
    city.app().devices.restore(vec![state(9 * 24 * 60, None, None)]);
    assert!(machines(&city.get("/desk").await).contains("から合図がない"));
    city.app().devices.restore(vec![state(1, None, Some(false))]);
    assert!(machines(&city.get("/desk").await).contains("通信が切れている"));
}

#[tokio::test]
async fn an_empty_city_says_so() {
    let city = City::open().await;
    for id in ["f001", "f002"] {
        city.control(Facts::FacilityRetired { facility: id.parse().unwrap() }).await;
    }
    let page = city.get("/desk").await;
    assert!(page.body.contains("施設がまだ登録されていません。") && page.body.contains("たずねる施設がありません。"));
    assert!(page.texts(".next").is_empty() && rows(&page).is_empty());
}

#[tokio::test]
async fn a_long_list_is_paged_ordered_and_searched() {
    let city = City::open().await;
    for n in 3..=120 {
        let district = if n % 2 == 0 { "seihi" } else { "oseto" };
        let record = home(&format!("f{n:03}"), &format!("施設{n:03}号"));
        let record = Facility { district: district.parse().unwrap(), kana: format!("シセツ{n:03}"), ..record };
        city.control(Facts::FacilityRegistered(Box::new(record))).await;
    }
    let page = city.get("/desk").await;
    assert_eq!(rows(&page).len(), 50);
    assert!(page.body.contains("このあと69施設。") && page.texts(".pager span") == ["1 / 3"]);
    let last = city.get("/desk?page=3").await;
    assert_eq!(rows(&last).len(), 19);
    assert_eq!(rows(&city.get("/desk?page=77").await), rows(&last), "beyond the end stands the last page");
    let hit = city.get("/desk?q=施設117").await;
    assert_eq!(rows(&hit), ["f117"]);
    assert!(hit.body.contains("1施設が見つかりました") && hit.values("#q", "value") == ["施設117"]);
    let none = city.get("/desk?q=%3Cscript%3E").await;
    assert!(none.body.contains("に合う施設は、この一覧にありません。") && !none.body.contains("<script>"));
    let by_district = city.get("/desk?by=district&page=2").await;
    assert_eq!(by_district.values(".tabs [aria-current]", "href"), ["/desk?by=district"]);
    says(&city, "f100", beds(2), 0).await;
    say(&city, "f101", Channel::Phone, ReportIntent { observations: beds(2), ..ReportIntent::default() }).await;
    assert_eq!(rows(&city.get("/desk?by=channel").await)[..2], ["f101", "f100"], "who telephones comes before who scans");
}

#[tokio::test]
async fn a_question_for_changes_is_answered_when_something_changes() {
    let city = City::open().await;
    let position = city.app().board.read(Board::position);
    let at_once = city.get("/desk/changes?from=0").await;
    assert_eq!(at_once.body, format!("{{\"seq\":{position}}}"));
    let path = format!("/desk/changes?from={position}");
    let (told, _) = tokio::join!(city.get(&path), async {
        tokio::task::yield_now().await;
        says(&city, "f001", beds(2), 0).await
    });
    assert_eq!(told.body, format!("{{\"seq\":{}}}", position + 1));
    assert_eq!(city.get("/desk/changes?from=nonsense").await.status, StatusCode::OK);
}

#[tokio::test]
async fn seats_share_one_look_at_the_city_until_something_changes() {
    let city = City::open().await;
    let kept = Kept::default();
    let look = |at_once| {
        city.app().board.read(|board| {
            let rhythms = Rhythms::default();
            let at = "2026-11-23T00:00:10Z".parse().unwrap();
            let moment = Moment::new(board, at, &rhythms);
            kept.outstanding(&moment, moment.asking(Realm::Real).unwrap(), &[], at_once)
        })
    };
    let first = look(false);
    assert!(Arc::ptr_eq(&first, &look(false)) && Arc::ptr_eq(&first, &look(true)));
    call(&city, "f001", "busy").await;
    assert!(!Arc::ptr_eq(&first, &look(false)));
}

#[tokio::test]
async fn every_word_of_the_page_stands_in_the_locale() {
    let city = City::open().await;
    let mut pages = vec![city.get("/desk").await, city.get("/desk?q=nobody").await];
    city.control(incident("e1", true, ago(90))).await;
    press(&city).await;
    pages.push(city.get("/desk?realm=exercise").await);
    city.control(roll_call("rc-e", true, ago(60))).await;
    call(&city, "f002", "later").await;
    pages.push(city.get("/desk?realm=real&said=f002&f=f001").await);
    city.control(incident("i1", false, ago(30))).await;
    city.control(roll_call("rc-1", false, ago(20))).await;
    says(&city, "f002", first(FirstReport::Safe), 0).await;
    pages.extend([city.get("/desk?f=f002").await, city.get("/desk?by=kind").await]);
    for page in &pages {
        assert_eq!(page.status, StatusCode::OK);
        let all = page.texts("html").join("");
        assert!(!all.contains("desk.") && !all.contains('{'), "{all}");
    }
    assert!(pages[4].texts("[role=status]").join("").contains("西海ホームから報告がありました"));
}
