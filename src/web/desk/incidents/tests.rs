//! The room through its real router, on a real log; and every address of the program while somebody practises.
#![expect(clippy::unwrap_used, reason = "tests")]

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use imaboard_domain::{
    Acceptance, Aspect, Display, Facility, FirstReport, Hazard, Mode, Moment, Need, NeedItem, NeedUnit, Observation, Power,
    RollCall, Severity, Shown, Urgency, Value,
};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::super::tests::{Answer, City, home};
use super::*;
use crate::core::{self, Request as Command};
use crate::recorder::{Intent, ReportIntent, Submission, new_id};

const STORM: [(&str, &str); 5] = [("asked", "1"), ("hazard", "typhoon"), ("realm", "real"), ("name", "台風18号"), ("call", "1")];
const DRILL: [(&str, &str); 5] =
    [("asked", "1"), ("hazard", "earthquake"), ("realm", "exercise"), ("name", "秋の点呼訓練"), ("call", "1")];

fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An open city as somebody of this room finds it.
struct Desk(City);

impl std::ops::Deref for Desk {
    type Target = City;

    fn deref(&self) -> &City {
        &self.0
    }
}

impl Desk {
    async fn open() -> Self {
        Self(City::open().await)
    }

    fn look<T>(&self, look: impl FnOnce(Moment<'_>) -> T) -> T {
        self.app().look(look)
    }

    /// Goes the way of a person: the question, then yes with everything that stands in it. Gives where that leads.
    async fn opens(&self, fields: &[(&str, &str)]) -> String {
        let question = self.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(fields))).await;
        assert_eq!(question.status, StatusCode::OK, "{}", question.body);
        let done = self.yes(&question, "/desk/incidents").await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        done.header("location").to_owned()
    }

    /// Presses the button of the form that leads to `path`, with its hidden fields.
    async fn yes(&self, page: &Answer, path: &str) -> Answer {
        self.yes_with(page, path, &[]).await
    }

    async fn yes_with(&self, page: &Answer, path: &str, more: &[(&str, &str)]) -> Answer {
        let form = format!("form[method=post][action='{path}'] input[type=hidden]");
        let (names, values) = (page.values(&form, "name"), page.values(&form, "value"));
        assert!(names.contains(&"nonce".to_owned()), "no form leads to {path}: {}", page.body);
        let mut fields: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        fields.extend(more);
        self.post(path, &fields).await
    }

    async fn says(&self, facility: &str, realm: Option<Realm>, channel: Channel, values: &[(Aspect, Value)]) {
        let observations = values.iter().map(|(aspect, value)| Observation { aspect: aspect.clone(), value: value.clone() });
        let intent = Intent::Report(ReportIntent {
            facility: Some(facility.parse().unwrap()),
            observations: observations.collect(),
            realm,
            ..ReportIntent::default()
        });
        let submission = Submission { id: new_id(), channel, actor: "test".into(), intent, text: None };
        self.app().recorder.submit(submission).await.unwrap();
    }

    async fn display(&self, id: &str) {
        let display = Display { id: id.parse().unwrap(), name: "市役所 1階ロビー".into(), districts: vec![] };
        self.control(Facts::DisplayAdded(display)).await;
    }

    async fn key(&self, facility: &str) -> String {
        let key = self.app().keys.new_id().unwrap();
        let issued = Facts::KeyIssued { key: key.clone(), facility: facility.parse().unwrap(), label: "玄関".into() };
        self.control(issued).await;
        self.app().keys.url_key(&key)
    }

    async fn facilities(&self, from: usize, to: usize) {
        for n in from..to {
            self.control(Facts::FacilityRegistered(Box::new(home(&format!("f{n:03}"), &format!("はまゆう荘{n}"))))).await;
        }
    }

    fn only_incident(&self) -> Incident {
        let all = self.look(|m| m.board.incidents().values().cloned().collect::<Vec<_>>());
        assert_eq!(all.len(), 1);
        all.into_iter().next().unwrap()
    }

    fn calls(&self) -> Vec<RollCall> {
        self.look(|m| m.board.roll_calls().values().cloned().collect())
    }

    fn position(&self) -> u64 {
        self.app().board.read(imaboard_domain::Board::position)
    }

    /// A page for everybody.
    async fn outside(&self, path: &str) -> (StatusCode, String, String) {
        let (router, _) = crate::web::public::routes(self.app());
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        read(response).await
    }
}

/// An answer to its end; of a stream the first event alone.
async fn read(response: axum::response::Response) -> (StatusCode, String, String) {
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    let bytes = if kind.starts_with("text/event-stream") {
        body.into_data_stream().next().await.unwrap().unwrap()
    } else {
        body.collect().await.unwrap().to_bytes()
    };
    (parts.status, kind, String::from_utf8_lossy(&bytes).into_owned())
}

fn safe() -> (Aspect, Value) {
    (Aspect::FirstReport, Value::FirstReport(FirstReport::Safe))
}

fn help() -> (Aspect, Value) {
    (Aspect::FirstReport, Value::FirstReport(FirstReport::NeedsHelp))
}

#[tokio::test]
async fn two_taps_and_a_yes_open_a_disaster_with_its_roll_call_and_say_before_what_will_change() {
    let city = Desk::open().await;
    city.display("cityhall").await;
    city.display("oseto-branch").await;
    city.key("f001").await;
    let before = city.position();
    let page = city.get_as(Role::Coordinator, "/desk/incidents").await;
    assert_eq!(page.texts("h1"), ["災害をひらく"]);
    assert_eq!(page.values("input[name=hazard]", "data-key"), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(page.values("input[name=realm]", "data-key"), ["H", "K"]);
    assert_eq!(page.values("#sure button", "data-key"), ["Ctrl+Enter"]);
    assert!(page.values("input[name=hazard], input[name=realm]", "checked").is_empty(), "nobody opens what nobody chose");
    let question = city.get_as(Role::Coordinator, "/desk/incidents/open?asked=1&hazard=typhoon&realm=real&call=1").await;
    let said = question.texts("#sure").concat();
    for words in [
        "台風・大雨",
        "本当の災害として、西海市ぜんぶでひらきます",
        "市民の画面が「いま、使えるところ」に変わります",
        "表示 2台が災害の場面に変わります",
        "2施設に点呼を始めます。QRもボタンもない1施設には、電話がいります",
        "3時間ごと、空きの値は24時間ごと",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(city.position(), before, "asking changes nothing");
    let done = city.yes(&question, "/desk/incidents").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let incident = city.only_incident();
    assert_eq!(done.header("location"), format!("/desk/incidents/{}", incident.id));
    assert_eq!((incident.hazard, incident.severity, incident.exercise), (Hazard::Typhoon, Severity::Incident, false));
    let calls = city.calls();
    assert_eq!((calls.len(), calls[0].exercise, calls[0].closed_at), (1, false, None));
    assert_eq!(city.look(|m| m.mode()), Mode::Incident);
}

#[tokio::test]
async fn a_second_press_opens_nothing_more() {
    let city = Desk::open().await;
    let nonce = Uuid::now_v7().to_string();
    let fields: Vec<(&str, &str)> = STORM.into_iter().chain([("nonce", nonce.as_str())]).collect();
    let (first, second) = tokio::join!(city.post("/desk/incidents", &fields), city.post("/desk/incidents", &fields));
    let third = city.post("/desk/incidents", &fields).await;
    for answer in [&first, &second, &third] {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.header("location"), first.header("location"));
    }
    city.only_incident();
    assert_eq!(city.calls().len(), 1);
}

#[tokio::test]
async fn what_is_missing_is_said_at_its_field_and_everything_chosen_stays() {
    let city = Desk::open().await;
    let before = city.position();
    let long = "あ".repeat(41);
    let fields = [("asked", "1"), ("hazard", "tsunami"), ("name", &long), ("area", "oseto"), ("severity", "alert")];
    for answer in [
        city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&fields))).await,
        city.post("/desk/incidents", &fields).await,
    ] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.values("input[name=name]", "value"), [long.as_str()]);
        assert_eq!(answer.values("input[name=name]", "aria-invalid"), ["true"]);
        assert!(answer.texts("#w-realm").concat().contains("訓練か") && answer.texts("#w-name").concat().contains("41文字"));
        assert_eq!(answer.values("input[name=hazard][checked]", "value"), ["tsunami"]);
        assert_eq!(answer.values("input[name=area][checked]", "value"), ["oseto"]);
        assert_eq!(answer.values("input[name=severity][checked]", "value"), ["alert"]);
        assert!(answer.values("input[name=call][checked]", "value").is_empty(), "the tick was taken off");
    }
    let person = city.post("/desk/incidents", &[("hazard", "fire"), ("realm", "real"), ("name", "連絡は090-1234-5678")]).await;
    assert_eq!(person.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(person.texts("#w-name").concat().contains("個人の情報"));
    assert_eq!(city.position(), before);
}

#[tokio::test]
async fn an_alert_in_one_district_asks_that_district_alone_and_changes_no_screen() {
    let city = Desk::open().await;
    city.display("cityhall").await;
    let other = Facility { district: "oshima".parse().unwrap(), ..home("f003", "大島の家") };
    city.control(Facts::FacilityRegistered(Box::new(other))).await;
    let fields = [
        ("asked", "1"),
        ("hazard", "other"),
        ("detail", "landslide"),
        ("realm", "real"),
        ("severity", "alert"),
        ("area", "oshima"),
        ("call", "1"),
    ];
    let question = city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&fields))).await;
    let said = question.texts("#sure").concat();
    for words in
        ["本当の警戒として、大島でひらきます", "帯が出ます", "1施設に点呼", "点呼の場面が加わります", "間隔は、ふだんのまま"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    city.yes(&question, "/desk/incidents").await;
    let incident = city.only_incident();
    assert_eq!((incident.severity, incident.hazard), (Severity::Alert, Hazard::Landslide));
    assert_eq!(incident.areas, ["oshima".parse().unwrap()]);
    assert_eq!(city.calls()[0].areas, incident.areas);
    assert_eq!(city.look(|m| m.mode()), Mode::Alert);
    // From an alert one goes on to a disaster with the same words.
    let page = city.get_as(Role::Coordinator, &format!("/desk/incidents/{}", incident.id)).await;
    let raise = page.values("a[href*='/desk/incidents?']", "href").remove(0);
    let form = city.get_as(Role::Coordinator, &raise).await;
    assert_eq!(form.values("option[selected]", "value"), ["landslide"]);
    assert_eq!(form.values("input[name=name]", "value"), [incident.name]);
    assert_eq!(form.values("input[name=area][checked]", "value"), ["oshima"]);
}

#[tokio::test]
async fn a_real_disaster_ends_the_exercise_and_no_exercise_starts_in_one() {
    let city = Desk::open().await;
    city.opens(&DRILL).await;
    let second = city.post("/desk/incidents", &DRILL).await;
    assert!(second.texts("#w-realm").concat().contains("もう始まっています"), "of two only one would be seen");
    let question = city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&STORM))).await;
    assert!(question.texts("#sure").concat().contains("訓練「秋の点呼訓練」は、ここで終わります"));
    city.yes(&question, "/desk/incidents").await;
    assert_eq!(city.look(|m| (m.exercise().is_none(), m.mode())), (true, Mode::Incident));
    assert_eq!(city.calls().iter().filter(|c| c.exercise && c.closed_at.is_none()).count(), 0);
    let drill = city.look(|m| m.board.incidents().values().find(|i| i.exercise).unwrap().id.clone());
    let page = city.get(&format!("/desk/incidents/{drill}")).await;
    assert!(page.body.contains("本当の災害がひらかれたため"), "{}", page.body);
    let again = city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&DRILL))).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.texts("#w-realm").concat().contains("訓練を始められません"));
    assert_eq!(city.post("/desk/incidents", &DRILL).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_update_stands_on_the_desk_and_for_everybody_until_it_is_erased() {
    let city = Desk::open().await;
    let place = city.opens(&STORM).await;
    let id = city.only_incident().id;
    let updates = format!("{place}/updates");
    let page = city.get_as(Role::Coordinator, &place).await;
    let done = city.yes_with(&page, &updates, &[("text", "大瀬戸で給水を始めました\r\n場所は支所です")]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, place.as_str()));
    let before = city.position();
    let twice = city.yes_with(&page, &updates, &[("text", "大瀬戸で給水を始めました\r\n場所は支所です")]).await;
    assert_eq!((twice.status, city.position()), (StatusCode::SEE_OTHER, before), "the same press again");
    let seq = city.look(|m| m.board.notes(&id)[0].seq);
    let shown = city.get(&place).await;
    assert!(shown.texts(".told").contains(&"大瀬戸で給水を始めました\n場所は支所です".to_owned()));
    assert!(shown.body.contains(&format!("記録 第{seq}号")));
    for public in [format!("/incidents/{id}"), "/".to_owned(), "/text".to_owned()] {
        assert!(city.outside(&public).await.2.contains("大瀬戸で給水を始めました"), "{public}");
    }
    city.app().recorder.redact(seq, "誤り".into(), "test".into()).await.unwrap();
    for page in [city.get(&place).await.body, city.outside(&format!("/incidents/{id}")).await.2, city.outside("/text").await.2] {
        assert!(!page.contains("給水"));
    }
    assert!(city.get(&place).await.body.contains("消しました"));
}

#[tokio::test]
async fn an_update_with_a_person_in_it_is_given_back_and_a_doubtful_one_needs_a_second_yes() {
    let city = Desk::open().await;
    let place = city.opens(&STORM).await;
    let updates = format!("{place}/updates");
    let before = city.position();
    for (text, why) in
        [("", "何も書いてありません"), (&*"あ".repeat(501), "500文字まで"), ("担当は090-1234-5678です", "個人の情報")]
    {
        let answer = city.post(&updates, &[("text", text)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.texts("#w-text").concat().contains(why), "{why}");
        assert_eq!(answer.texts("#text"), [text]);
        assert!(answer.values("button[name=sure]", "value").is_empty(), "nobody may insist on {text}");
    }
    assert_eq!(city.position(), before);
    let phones = [city.app().city.desk.phone.clone()];
    let doubtful = ["田中さんが来られました", "山口さんに伝えました", "佐藤さん（82）が避難所にいます", "担当の山本です"];
    let register = city.app().board.read(|b| public_register(b, &phones));
    let text = doubtful.into_iter().find(|t| guard::inspect(t, &register).verdict == Verdict::Ask);
    let text = text.expect("the guard asks about one of these");
    let asked = city.post(&updates, &[("text", text)]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(asked.texts("#text"), [text]);
    assert_eq!(asked.values("button[name=sure]", "value"), ["1"]);
    assert_eq!(city.position(), before, "not yet");
    assert_eq!(city.post(&updates, &[("text", text), ("sure", "1")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(city.position(), before + 1);
}

#[tokio::test]
async fn a_roll_call_is_started_for_some_districts_and_closed_after_a_question() {
    let city = Desk::open().await;
    let quiet: Vec<(&str, &str)> = STORM.into_iter().filter(|(name, _)| *name != "call").collect();
    let place = city.opens(&quiet).await;
    assert!(city.calls().is_empty());
    let page = city.get_as(Role::Coordinator, &place).await;
    assert!(page.texts("form.inc-start").concat().contains("市ぜんぶで 2施設。QRもボタンもない2施設"));
    let start = format!("{place}/rollcalls");
    assert_eq!(city.post(&start, &[("area", "atlantis")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(city.yes_with(&page, &start, &[("area", "oseto")]).await.status, StatusCode::SEE_OTHER);
    let call = city.calls().remove(0);
    assert_eq!((call.areas.len(), call.exercise), (1, false));
    city.says("f001", None, Channel::Qr, &[safe()]).await;
    let page = city.get_as(Role::Coordinator, &place).await;
    assert!(page.texts("form.inc-start").is_empty(), "one at a time");
    assert!(page.body.contains("2施設のうち 1施設から返事"));
    let second = city.post(&start, &[]).await;
    assert_eq!((second.status, city.calls().len()), (StatusCode::CONFLICT, 1));
    let end = format!("/desk/incidents/rollcalls/{}/close", call.id);
    let question = city.get_as(Role::Coordinator, &end).await;
    assert!(question.texts("section").concat().contains("返事のない 1施設は「返事なし」として残ります"));
    assert!(city.calls()[0].closed_at.is_none(), "asking changes nothing");
    let done = city.yes(&question, &end).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, place.as_str()));
    assert!(city.calls()[0].closed_at.is_some());
    assert_eq!(city.yes(&question, &end).await.status, StatusCode::SEE_OTHER, "the same press again");
    assert_eq!(city.post(&end, &[]).await.status, StatusCode::CONFLICT, "somebody else's press");
    assert_eq!(city.get(&end).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_incident_ends_with_a_stated_condition_that_everybody_can_read() {
    let city = Desk::open().await;
    let place = city.opens(&STORM).await;
    city.says("f001", None, Channel::Phone, &[help()]).await;
    let close = format!("{place}/close");
    let question = city.get_as(Role::Coordinator, &close).await;
    let said = question.texts("section").concat();
    for words in [
        "「助けが必要」の1施設が、まだそのまま",
        "ふだんの空き状況にもどります",
        "点呼 1件も、しまります。返事のない1施設",
        "もう一度ひらくことはできません",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let empty = city.yes_with(&question, &close, &[("why", "  ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.texts("#w-why").concat().contains("理由を書いて"));
    assert!(city.only_incident().closed_at.is_none());
    let why = "大雨警報が解け、電気がもどった";
    let done = city.yes_with(&question, &close, &[("why", why)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(city.yes_with(&question, &close, &[("why", why)]).await.status, StatusCode::SEE_OTHER, "the same press again");
    let incident = city.only_incident();
    assert!(incident.closed_at.is_some() && city.calls()[0].closed_at.is_some());
    for page in [city.get(&place).await.body, city.get(&format!("{place}/report")).await.body] {
        assert!(page.contains(why));
    }
    assert!(city.outside(&format!("/incidents/{}", incident.id)).await.2.contains(why));
    assert_eq!(city.get_as(Role::Coordinator, &close).await.status, StatusCode::SEE_OTHER, "nothing is left to ask");
    let late = city.post(&format!("{place}/updates"), &[("text", "あとから")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let list = city.get("/desk/incidents").await;
    assert_eq!(list.texts("section.inc-past tbody th"), ["台風18号"]);
}

#[tokio::test]
async fn the_command_line_closes_what_the_desk_opened_and_the_desk_shows_it() {
    let city = Desk::open().await;
    let place = city.opens(&STORM).await;
    let id = city.only_incident().id.to_string();
    core::answer(city.app(), Command::IncidentClose { id }).await.unwrap();
    assert!(city.only_incident().closed_at.is_some() && city.calls()[0].closed_at.is_some());
    assert!(city.get(&place).await.body.contains("表示を終わりました"));
    core::answer(city.app(), Command::RollcallOpen { areas: vec![], exercise: false }).await.unwrap();
    let list = city.get_as(Role::Coordinator, "/desk/incidents").await;
    assert!(list.body.contains("災害とは別の点呼") && list.body.contains("/desk/incidents/rollcalls/"));
}

#[tokio::test]
async fn a_viewer_sees_everything_and_can_press_nothing() {
    let city = Desk::open().await;
    let place = city.opens(&STORM).await;
    let call = city.calls().remove(0).id;
    let pages = [
        "/desk/incidents".to_owned(),
        place.clone(),
        format!("{place}/report"),
        format!("/desk/incidents/open?{}", query(&STORM)),
    ];
    for path in &pages {
        let page = city.get_as(Role::Viewer, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.values("form", "action").is_empty(), "{path}: a form for somebody who may only look");
        assert_eq!(page.texts("h1").len(), 1, "{path}");
    }
    for path in [format!("{place}/close"), format!("/desk/incidents/rollcalls/{call}/close")] {
        assert_eq!(city.get_as(Role::Viewer, &path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
}

#[tokio::test]
async fn the_report_tells_who_answered_when_by_which_way_and_who_never_did() {
    let city = Desk::open().await;
    city.facilities(3, 6).await;
    let place = city.opens(&STORM).await;
    city.says("f001", None, Channel::Qr, &[safe()]).await;
    city.says("f002", None, Channel::Button, &[safe()]).await;
    city.says("f003", None, Channel::Phone, &[help()]).await;
    let page = city.get(&format!("{place}/report")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<svg xmlns") && page.texts("figure title").iter().all(|t| t == "返事の割合のうつりかわり"));
    let calls = page.texts("h2#rc + .scroll tbody td").join("|");
    assert!(calls.contains("|5|3|60％|1分未満|届かず|届かず|"), "{calls}");
    let channels = page.texts("table[aria-labelledby=ch] th[scope=row]");
    assert_eq!(channels, ["QR", "ボタン", "電話"]);
    assert_eq!(page.texts("table[aria-labelledby=di] tbody td"), ["5", "3", "60％", "60％"]);
    assert_eq!(page.texts("table[aria-labelledby=si] tbody th"), ["はまゆう荘4", "はまゆう荘5"]);
    assert_eq!(page.texts("table[aria-labelledby=an] tbody th"), ["はまゆう荘", "西海ホーム", "はまゆう荘3"]);
    let csv = city.get(&format!("{place}/report.csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.body.starts_with('\u{feff}') && csv.body.contains("\r\n"));
    let rows: Vec<&str> = csv.body.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(rows.len(), 6);
    assert!(rows[0].starts_with("時点,訓練,災害の番号"));
    assert!(rows[1..].iter().all(|row| row.contains(",本当,")));
    assert_eq!(rows.iter().filter(|row| row.contains(",あり,")).count(), 3);
    assert!(rows[3].contains("f003") && rows[3].ends_with(",電話"));
    // Names are never formulas.
    city.control(Facts::FacilityRegistered(Box::new(home("f009", "=HYPERLINK(1)")))).await;
    assert!(city.get(&format!("{place}/report.csv")).await.body.contains("'=HYPERLINK(1)"));
}

#[tokio::test]
async fn a_report_without_roll_call_or_facilities_says_so() {
    let city = Desk::open().await;
    let quiet: Vec<(&str, &str)> = STORM.into_iter().filter(|(name, _)| *name != "call").collect();
    let place = city.opens(&quiet).await;
    let page = city.get(&format!("{place}/report")).await;
    assert!(page.body.contains("点呼はありませんでした"));
    assert_eq!(city.get(&format!("{place}/report.csv")).await.body.lines().count(), 1);
    let form = city.get_as(Role::Coordinator, &place).await;
    city.yes_with(&form, &format!("{place}/rollcalls"), &[("area", "sakito")]).await;
    assert!(city.get(&format!("{place}/report")).await.body.contains("この地域には施設がありません"));
    for path in
        ["/desk/incidents/none", "/desk/incidents/..%2f", "/desk/incidents/none/report", "/desk/incidents/none/report.csv"]
    {
        assert_eq!(city.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn long_lists_come_in_pages_and_whole_for_paper() {
    let city = Desk::open().await;
    city.facilities(3, 122).await;
    let place = city.opens(&STORM).await;
    city.says("f001", None, Channel::Qr, &[safe()]).await;
    let report = format!("{place}/report");
    let first = city.get(&report).await;
    assert_eq!(first.texts("table[aria-labelledby=si] tbody th").len(), 50);
    let next = first.values("nav.pager a[rel=next]", "href").remove(0);
    let last = city.get(&next.replace("page=2", "page=3")).await;
    assert_eq!(last.texts("table[aria-labelledby=si] tbody th").len(), 20);
    let answered = first.values("nav.tabs a", "href").remove(1);
    assert_eq!(city.get(&answered).await.texts("table[aria-labelledby=an] tbody th"), ["はまゆう荘"]);
    let whole = city.get(&format!("{report}?all=1")).await;
    assert_eq!(whole.texts("table[aria-labelledby=si] tbody th").len(), 120);
    for n in 0..52 {
        let updates = format!("{place}/updates");
        assert_eq!(city.post(&updates, &[("text", &format!("その{n}"))]).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(city.get(&place).await.texts("ol.inc-told li").len(), 50);
    assert_eq!(city.get(&format!("{place}?page=2")).await.texts("ol.inc-told li").len(), 4, "and the opening and the call");
    let at = city.look(|m| m.now);
    for n in 0..53 {
        let drill = Incident {
            id: format!("drill-{n}").parse().unwrap(),
            name: format!("訓練{n}"),
            hazard: Hazard::Other,
            areas: vec![],
            severity: Severity::Alert,
            exercise: false,
            opened_at: at,
            closed_at: None,
        };
        let incident = drill.id.clone();
        city.control(Facts::IncidentOpened(drill)).await;
        city.control(Facts::IncidentClosed { incident }).await;
    }
    for (page, rows) in [("", 20), ("?page=2", 20), ("?page=99", 13)] {
        let list = city.get(&format!("/desk/incidents{page}")).await;
        assert_eq!(list.texts("section.inc-past tbody tr").len(), rows, "{page}");
    }
}

#[tokio::test]
async fn an_exercise_in_peace_names_itself_in_the_band_of_every_room_and_leads_to_its_page() {
    let city = Desk::open().await;
    assert!(city.get("/desk/guide").await.texts(".mode")[0].contains("災害も点呼もありません"));
    let place = city.opens(&DRILL).await;
    for room in Room::LISTED {
        let page = city.get(room.path()).await;
        assert!(!page.body.contains("災害も点呼もありません"), "{room:?}");
        assert!(page.texts(".mode")[0].contains("本当の災害はありません"), "{room:?}");
        assert!(page.texts(".drill")[0].contains("秋の点呼訓練"), "{room:?}");
        assert_eq!(page.values(".drill a", "href"), [place.as_str(), place.as_str()], "{room:?}");
    }
    assert!(city.get(&place).await.values("a", "href").contains(&format!("{place}/close")), "there it can be ended");
    let stranger = city.get("/desk/login").await;
    assert!(stranger.texts(".drill")[0].contains("秋の点呼訓練") && stranger.values(".drill a", "href").is_empty());
}

#[tokio::test]
async fn a_past_incident_is_found_by_its_name_its_kind_and_its_month_and_the_pages_keep_the_words() {
    let city = Desk::open().await;
    for n in 0..64 {
        let (exercise, hazard) = (n % 2 == 0, if n < 4 { Hazard::Tsunami } else { Hazard::Typhoon });
        let past = Incident {
            id: format!("past-{n}").parse().unwrap(),
            name: format!("できごと{n}号"),
            hazard,
            areas: vec![],
            severity: Severity::Incident,
            exercise,
            opened_at: format!("2025-{:02}-10T00:00:00Z", n % 12 + 1).parse().unwrap(),
            closed_at: None,
        };
        let incident = past.id.clone();
        city.control(Facts::IncidentOpened(past)).await;
        city.control(Facts::IncidentClosed { incident }).await;
    }
    let find = async |words: &str| city.get(&format!("/desk/incidents?{}", query(&[("q", words)]))).await;
    let names = |page: &Answer| page.texts("section.inc-past tbody th");
    assert_eq!(names(&find("できごと７号").await), ["できごと7号"], "wide figures are figures");
    assert_eq!(names(&find("訓練 津波").await), ["できごと2号", "できごと0号"], "the newest first");
    assert_eq!(names(&find("2025年3月").await).len(), 6);
    let drills = find("訓練").await;
    assert_eq!((names(&drills).len(), drills.texts("#pt .num")), (20, vec!["32".to_owned()]));
    assert_eq!(drills.values("#q", "value"), ["訓練"]);
    let next = drills.values("nav.pager a[rel=next]", "href").remove(0);
    assert_eq!(names(&city.get(&next).await).len(), 12);
    let none = find("火山").await;
    assert!(none.body.contains("見つかりません") && none.values("#q", "value") == ["火山"]);
}

#[tokio::test]
async fn every_page_of_the_room_has_its_words_one_headline_and_headings_in_order() {
    let city = Desk::open().await;
    city.key("f001").await;
    let empty = city.get_as(Role::Coordinator, "/desk/incidents").await;
    let place = city.opens(&DRILL).await;
    city.says("f001", None, Channel::Qr, &[safe()]).await;
    let call = city.calls().remove(0).id;
    let mut pages = vec![("/desk/incidents".to_owned(), empty)];
    let paths = [
        "/desk/incidents".to_owned(),
        format!("/desk/incidents/open?{}", query(&STORM)),
        place.clone(),
        format!("{place}/close"),
        format!("{place}/report"),
        format!("/desk/incidents/rollcalls/{call}/close"),
    ];
    for path in paths {
        let page = city.get_as(Role::Coordinator, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        pages.push((path, page));
    }
    for (path, page) in pages {
        assert!(!page.body.contains("desk.incidents.") && !page.body.contains("desk.frame."), "{path}: a word is missing");
        assert!(!page.body.contains("style=\""), "{path}");
        let html = scraper::Html::parse_document(&page.body);
        let headings = scraper::Selector::parse("h1, h2, h3, h4").unwrap();
        let levels: Vec<u8> = html.select(&headings).map(|h| h.value().name().as_bytes()[1] - b'0').collect();
        assert_eq!((levels[0], levels.iter().filter(|l| **l == 1).count()), (1, 1), "{path}: {levels:?}");
        assert!(levels.windows(2).all(|w| w[1] <= w[0] + 1), "{path}: {levels:?}");
        let mut ids = page.values("[id]", "id");
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{path}: an id stands twice");
        for (named, by) in [("aria-labelledby", "[aria-labelledby]"), ("aria-describedby", "[aria-describedby]")] {
            for list in page.values(by, named) {
                let known = list.split(' ').all(|id| ids.contains(&id.to_owned()));
                assert!(known, "{path}: {named}={list} names nothing");
            }
        }
    }
}

/// With `IMABOARD_PAGES=FOLDER` the pages of a city in a disaster are written as files, for eyes.
#[tokio::test]
async fn the_pages_of_a_whole_city_are_made() {
    let folder = std::env::var("IMABOARD_PAGES").ok();
    let city = Desk::open().await;
    city.display("cityhall").await;
    city.key("f001").await;
    let districts: Vec<String> = city.app().city.districts.iter().map(|d| d.id.to_string()).collect();
    for n in 3..58 {
        let district = districts[n % districts.len()].parse().unwrap();
        let made = Facility { district, ..home(&format!("f{n:03}"), &format!("はまゆう荘{n}")) };
        city.control(Facts::FacilityRegistered(Box::new(made))).await;
    }
    let write = |name: &str, page: &Answer| {
        assert_eq!(page.status, StatusCode::OK, "{name}");
        if let Some(folder) = &folder {
            let css = page.values("link[rel=stylesheet]", "href").remove(0);
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(format!("{folder}/desk-incidents-{name}.html"), page.body.replace(&css, "desk.css")).unwrap();
            std::fs::write(format!("{folder}/desk.css"), imaboard_display::assets::find(&css).unwrap().bytes).unwrap();
        }
    };
    write("peace", &city.get_as(Role::Coordinator, "/desk/incidents").await);
    write("question", &city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&STORM))).await);
    write("question-exercise", &city.get_as(Role::Coordinator, &format!("/desk/incidents/open?{}", query(&DRILL))).await);
    let drill = city.opens(&DRILL).await;
    write("exercise", &city.get_as(Role::Coordinator, &drill).await);
    let place = city.opens(&STORM).await;
    for (n, channel) in (3..45).zip([Channel::Qr, Channel::Button, Channel::Qr, Channel::Phone, Channel::Fax].into_iter().cycle())
    {
        city.says(&format!("f{n:03}"), None, channel, &[if n % 9 == 0 { help() } else { safe() }]).await;
    }
    for text in
        ["大雨警報が出ました。大島大橋は通れます。", "松島への船は、きょうは出ません。", "大瀬戸の支所で給水を始めました。"]
    {
        city.post(&format!("{place}/updates"), &[("text", text)]).await;
    }
    write("open", &city.get_as(Role::Coordinator, "/desk/incidents").await);
    write("show", &city.get_as(Role::Coordinator, &place).await);
    write("close", &city.get_as(Role::Coordinator, &format!("{place}/close")).await);
    let call = city.calls().into_iter().find(|c| !c.exercise).unwrap().id;
    write("end", &city.get_as(Role::Coordinator, &format!("/desk/incidents/rollcalls/{call}/close")).await);
    write("report", &city.get(&format!("{place}/report")).await);
    write("report-exercise", &city.get(&format!("{drill}/report")).await);
}

/// Numbers nobody else says: wherever one of them stands, 訓練 must stand too.
const PRACTISED: u32 = 98_701;
const REAL: u32 = 98_702;

fn practised() -> [(Aspect, Value); 4] {
    [
        help(),
        (Aspect::Power, Value::Power { state: Power::None, hours: Some(PRACTISED) }),
        (Aspect::Acceptance, Value::Acceptance { state: Acceptance::Yes, count: Some(PRACTISED) }),
        (
            Aspect::Needs,
            Value::Needs(vec![Need {
                urgency: Urgency::Now,
                item: NeedItem::Fuel,
                quantity: Some((PRACTISED, NeedUnit::Litres)),
            }]),
        ),
    ]
}

/// Every address the program answers, as its source names them: one that is added tomorrow is walked tomorrow.
fn addresses() -> Vec<String> {
    fn collect(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|s| s != "tests" && s != "ops")
            {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    collect(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"), &mut files);
    let mut list = Vec::new();
    for (file, source) in files {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        // The report page nests its routes below one address.
        let nested = source.split(".nest(\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        for part in source.split(".route(").skip(1) {
            let Some(path) = part.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
            assert!(path.starts_with('/'), "{file}: {path}");
            list.push(format!("{nested}{path}"));
        }
    }
    list
}

/// Whether the address is asked for here: files of the browser hold no values, and a pairing only sets a cookie.
fn is_walked(pattern: &str) -> bool {
    !pattern.starts_with("/assets/") && !pattern.contains("/pair/") && !pattern.contains("{*")
}

#[tokio::test]
async fn while_somebody_practises_every_address_says_so_or_shows_what_is_real() {
    let city = Desk::open().await;
    city.display("cityhall").await;
    let key = city.key("f001").await;
    let beds = Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: imaboard_domain::Cell::ALL_BEDS };
    let free = Value::Vacancy { level: imaboard_domain::Level::Available, count: Some(3), total: None };
    city.says("f001", None, Channel::Qr, &[(beds.clone(), free.clone())]).await;
    let place = city.opens(&DRILL).await;
    let drill = city.only_incident().id;
    let call = city.calls().remove(0).id;
    city.says("f001", Some(Realm::Exercise), Channel::Qr, &practised()).await;
    city.post(&format!("{place}/updates"), &[("text", &format!("本部は{PRACTISED}番目の想定を配りました"))]).await;

    let site = crate::web::router(city.app(), 100);
    let rooms = city.inside(Role::Admin);
    let filled = |pattern: &str| {
        let segments = pattern.split('/').map(|segment| match segment {
            "{key}" => key.as_str(),
            "{display}" => "cityhall",
            "{call}" => call.as_str(),
            "{id}" if pattern.contains("/incidents/") => drill.as_str(),
            other if other.starts_with('{') => "f001",
            plain => plain,
        });
        segments.collect::<Vec<_>>().join("/")
    };
    let walked: Vec<String> = addresses().into_iter().filter(|p| is_walked(p)).map(|p| filled(&p)).collect();
    for address in [
        "/",
        "/text",
        "/find",
        "/facilities/f001",
        &format!("/incidents/{drill}"),
        &format!("/r/{key}"),
        &format!("{place}/report.csv"),
    ] {
        assert!(walked.iter().any(|w| w == address), "{address} is not walked: {walked:?}");
    }
    let (mut said, mut framed) = (Vec::new(), 0);
    for address in &walked {
        let router = if address.starts_with("/desk") { &rooms } else { &site };
        let response = router.clone().oneshot(Request::get(address).body(Body::empty()).unwrap()).await.unwrap();
        let (status, kind, body) = read(response).await;
        if status.is_redirection() || status == StatusCode::METHOD_NOT_ALLOWED {
            continue;
        }
        assert!(!status.is_server_error(), "{address}: {status}");
        let practised = body.contains(&PRACTISED.to_string());
        if practised {
            said.push(address.clone());
            assert!(body.contains("訓練"), "{address} shows what is practised and does not say so");
        }
        // A page with our frame says so even if nothing practised stands on it; a printed sheet may show the register alone.
        let page = kind.starts_with("text/html") && body.contains("href=\"#main\"");
        framed += usize::from(page);
        if page {
            assert!(body.contains("訓練"), "{address} does not say that somebody practises");
        }
    }
    // The walk would prove nothing if it met nothing.
    assert!(framed >= 15, "only {framed} pages were met");
    for address in [format!("/incidents/{drill}"), "/wall/cityhall".to_owned(), place.clone(), format!("{place}/report")] {
        assert!(said.contains(&address), "nothing practised on {address}: {said:?}");
    }
    for address in ["/".to_owned(), "/text".to_owned(), "/facilities/f001".to_owned(), "/find".to_owned()] {
        assert!(!said.contains(&address), "{address} shows what is practised");
    }
    // What is real stays as it was.
    let shown = |aspect: &Aspect, realm| {
        city.look(|m| match m.shown(m.board.find_facility(&"f001".parse().unwrap()).unwrap(), aspect, realm) {
            Shown::Fresh(s) => Some(s.value.clone()),
            _ => None,
        })
    };
    assert_eq!(shown(&beds, Realm::Real), Some(free));
    assert_eq!((shown(&Aspect::Power, Realm::Real), city.look(|m| m.mode())), (None, Mode::Peace));
    assert!(city.outside("/facilities/f001").await.2.contains("3床"));
    // Each page made from the exercise is titled, and stands between stripes, also after it is over.
    let csv = city.get(&format!("{place}/report.csv")).await;
    assert!(csv.body.lines().skip(1).all(|row| row.contains(",訓練,")), "{}", csv.body);
    assert!(csv.header("content-disposition").contains("-kunren"));

    // 「これは本当です」 is offered, and becomes real.
    let sheet = site.clone().oneshot(Request::get(format!("/r/{key}")).body(Body::empty()).unwrap()).await.unwrap();
    let (_, _, sheet) = read(sheet).await;
    assert!(sheet.contains("name=\"realm\" value=\"real\"") || sheet.contains("value=\"real\""), "no way to say that it is real");
    let fields = [("face", "exercise"), ("realm", "real"), ("power", "generator"), ("power.hours", "7")];
    let request = Request::post(format!("/r/{key}/reports")).header("content-type", "application/x-www-form-urlencoded");
    let answer = site.clone().oneshot(request.body(Body::from(query(&fields))).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(shown(&Aspect::Power, Realm::Real), Some(Value::Power { state: Power::Generator, hours: Some(7) }));
    let acceptance = (Aspect::Acceptance, Value::Acceptance { state: Acceptance::Yes, count: Some(REAL) });
    city.says("f001", Some(Realm::Real), Channel::Phone, &[acceptance]).await;
    assert!(
        !city.outside(&format!("/incidents/{drill}")).await.2.contains(&REAL.to_string()),
        "the real is no part of the exercise"
    );

    let question = city.get_as(Role::Coordinator, &format!("{place}/close")).await;
    city.yes_with(&question, &format!("{place}/close"), &[("why", "予定をすべて終えた")]).await;
    for path in [place.clone(), format!("{place}/report")] {
        let page = city.get(&path).await;
        assert!(page.texts("title").concat().contains("【訓練】"), "{path}");
        assert_eq!(page.values(".inc-practice", "class").len(), 1, "{path}");
        assert!(page.texts("h1").concat().starts_with("訓練"), "{path}");
    }
    let (_, _, public) = city.outside(&format!("/incidents/{drill}")).await;
    assert!(public.contains("【訓練】") && public.contains("class=\"practice\""));
}

#[tokio::test]
async fn a_page_of_the_wall_that_shows_what_is_practised_says_so_on_itself() {
    let city = Desk::open().await;
    city.display("cityhall").await;
    city.opens(&DRILL).await;
    city.says("f001", Some(Realm::Exercise), Channel::Qr, &practised()).await;
    let app = city.app();
    let display = city.look(|m| m.board.displays().values().next().unwrap().clone());
    for layout in [imaboard_display::scene::Layout::Landscape, imaboard_display::scene::Layout::Portrait] {
        let keys: Vec<String> =
            city.look(|m| imaboard_display::scene::pages(&m, &display, layout).iter().map(|p| p.key.clone()).collect());
        assert!(keys.iter().any(|k| k.starts_with("exercise-damage")) && keys.contains(&"exercise-roll-call".to_owned()));
        assert!(keys.iter().all(|k| !k.starts_with("damage") && k != "roll-call"), "{keys:?}");
        let site = crate::web::router(app, 100);
        for n in 1..=keys.len() {
            let path = format!("/wall/cityhall?layout={}&page={n}", layout.word());
            let response = site.clone().oneshot(Request::get(&path).body(Body::empty()).unwrap()).await.unwrap();
            let (_, _, body) = read(response).await;
            assert!(body.contains("訓練"), "{path}");
        }
    }
}
