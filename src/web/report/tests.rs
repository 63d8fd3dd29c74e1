//! The report page through its real router, on a real log in a throw-away folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use axum::body::Body as HttpBody;
use axum::http::Request as HttpRequest;
use http_body_util::BodyExt;
use imaboard_domain::{
    Aspect, Cell, Facility, Hazard, Incident, Level, PostingState, Realm, Service, ServiceKind, Severity, Shown, Value,
};
use scraper::{Html, Selector};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::*;
use crate::data_folder::DataFolder;
use crate::settings::{Settings, Sources};
use crate::wiring::{self, Opened, Purpose};

/// An open city with one facility and its key.
struct City {
    opened: Opened,
    router: Router,
    key: KeyId,
    folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    fn values(&self, selector: &str, attribute: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector).filter_map(|e| e.attr(attribute)).map(str::to_owned).collect()
    }

    fn nonce(&self) -> String {
        self.values(r#"form#change input[name="nonce"]"#, "value").remove(0)
    }
}

fn home() -> Facility {
    let service = |kind: ServiceKind, capacity| Service {
        id: kind.word().parse().unwrap(),
        kind,
        capacity: Some(capacity),
        bed_cells: vec![],
        sessions: vec![],
    };
    Facility {
        id: "f001".parse().unwrap(),
        name: "はまゆう荘".into(),
        kana: String::new(),
        district: "oseto".parse().unwrap(),
        island: None,
        address: String::new(),
        phone: "0959-00-2345".into(),
        fax: String::new(),
        url: String::new(),
        operator: String::new(),
        office_number: String::new(),
        latitude: None,
        longitude: None,
        services: vec![service(ServiceKind::Tokuyo, 50), service(ServiceKind::ShortStay, 10)],
        closures: vec![],
    }
}

impl City {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::default()).unwrap();
        let opened = wiring::open(settings, DataFolder::open(folder.path().join("data")).unwrap(), Purpose::Write).await.unwrap();
        let key = opened.app.keys.new_id().unwrap();
        let router = crate::web::router(&opened.app, 100);
        let city = Self { opened, router, key, folder };
        city.control(Facts::CityFounded { sample: true }).await;
        city.control(Facts::FacilityRegistered(Box::new(home()))).await;
        let other = Facility { id: "f002".parse().unwrap(), name: "西海ホーム".into(), ..home() };
        city.control(Facts::FacilityRegistered(Box::new(other))).await;
        city.issue(&city.key, "f001").await;
        city
    }

    async fn control(&self, facts: Facts) {
        let intent = Intent::Control(Box::new(facts));
        let submission =
            Submission { id: EntryId(Uuid::now_v7()), channel: Channel::System, actor: "system".into(), intent, text: None };
        self.opened.app.recorder.submit(submission).await.unwrap();
    }

    async fn issue(&self, key: &KeyId, facility: &str) {
        let facility = facility.parse().unwrap();
        self.control(Facts::KeyIssued { key: key.clone(), facility, label: "玄関".into() }).await;
    }

    async fn incident(&self, exercise: bool) {
        let incident = Incident {
            id: if exercise { "drill" } else { "storm" }.parse().unwrap(),
            name: "台風21号".into(),
            hazard: Hazard::Typhoon,
            areas: vec![],
            severity: Severity::Incident,
            exercise,
            opened_at: self.opened.app.clock.now(),
            closed_at: None,
        };
        self.control(Facts::IncidentOpened(incident)).await;
    }

    fn path(&self, below: &str) -> String {
        format!("/r/{}{below}", self.opened.app.keys.url_key(&self.key))
    }

    async fn send(&self, request: HttpRequest<HttpBody>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(HttpRequest::get(path).body(HttpBody::empty()).unwrap()).await
    }

    async fn post(&self, below: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = HttpRequest::post(self.path(below)).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(HttpBody::from(body)).unwrap()).await
    }

    async fn report(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/reports", fields).await
    }

    async fn json(&self, body: &Json) -> Answer {
        let request = HttpRequest::post(self.path("/reports")).header("content-type", "application/json");
        self.send(request.body(HttpBody::from(body.to_string())).unwrap()).await
    }

    fn position(&self) -> u64 {
        self.opened.app.board.read(imaboard_domain::Board::position)
    }

    /// What the board shows of an aspect, as a value.
    fn value(&self, aspect: &Aspect, realm: Realm) -> Option<Value> {
        self.opened.app.look(|m| {
            let facility = m.board.find_facility(&"f001".parse().unwrap()).unwrap();
            m.shown(facility, aspect, realm).current().map(|s| s.value.clone())
        })
    }

    fn beds(&self) -> Option<Value> {
        self.value(&Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS }, Realm::Real)
    }
}

fn free(level: Level, count: u32) -> Option<Value> {
    Some(Value::Vacancy { level, count: Some(count), total: None })
}

#[tokio::test]
async fn a_report_goes_from_the_page_to_the_board_and_to_a_receipt() {
    let city = City::open().await;
    let page = city.get(&city.path("")).await;
    assert_eq!(page.status, StatusCode::OK);
    let before = city.position();
    let answer = city.report(&[("nonce", &page.nonce()), ("face", "peace"), ("v.tokuyo.all", "3"), ("send", "form")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(city.position(), before + 1);
    assert_eq!(city.beds(), free(Level::Available, 3));
    let receipt = city.get(answer.header("location")).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert!(receipt.body.contains(&format!("第{}号", before + 1)));
}

#[tokio::test]
async fn looking_changes_nothing() {
    let city = City::open().await;
    let before = city.position();
    for below in ["", "/postings", "/poster", "/reports", "/corrections"] {
        assert!(!city.get(&city.path(below)).await.status.is_server_error(), "{below}");
    }
    assert_eq!(city.position(), before);
}

#[tokio::test]
async fn a_second_tap_is_the_same_report_and_other_content_a_new_one() {
    let city = City::open().await;
    let nonce = city.get(&city.path("")).await.nonce();
    let two = [("nonce", nonce.as_str()), ("v.tokuyo.all", "2")];
    let first = city.report(&two).await;
    let after = city.position();
    let again = city.report(&two).await;
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(city.position(), after);
    let other = city.report(&[("nonce", &nonce), ("v.tokuyo.all", "4")]).await;
    assert_ne!(other.header("location"), first.header("location"));
    assert_eq!(city.beds(), free(Level::Available, 4));
}

#[tokio::test]
async fn nothing_changed_confirms_what_the_sender_saw_and_nothing_newer() {
    let city = City::open().await;
    city.report(&[("v.tokuyo.all", "3")]).await;
    let page = city.get(&city.path("")).await;
    let seen = page.values(r#"form#same input[name="seen"]"#, "value").remove(0);
    let answer = city.report(&[("nonce", &page.nonce()), ("seen", &seen), ("confirm", "all")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let standing = city.opened.app.look(|m| {
        let facility = m.board.find_facility(&"f001".parse().unwrap()).unwrap();
        let aspect = Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS };
        match m.shown(facility, &aspect, Realm::Real) {
            Shown::Fresh(s) => s.clone(),
            other => unreachable!("{other:?}"),
        }
    });
    assert!(standing.confirms.is_some(), "a confirmation, not a new observation");
    // Somebody else reports; what this sender saw is not what stands now.
    city.report(&[("v.tokuyo.all", "0")]).await;
    let answer = city.report(&[("nonce", &page.nonce()), ("seen", "1000000"), ("confirm", "all")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(city.beds(), free(Level::Full, 0));
}

#[tokio::test]
async fn bad_values_are_explained_at_the_field_and_everything_typed_is_kept() {
    let city = City::open().await;
    let before = city.position();
    let answer = city
        .report(&[
            ("v.tokuyo.all", "more"),
            ("n.tokuyo.all", "120"),
            ("v.short-stay.2020-01-01", "few"),
            ("operation", "suspended"),
            ("operation.reopens", "2026-02-31"),
            ("remark", "見学は 夜勤の 090-1234-5678 まで"),
        ])
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(city.position(), before);
    assert_eq!(answer.values(r#"input[name="n.tokuyo.all"]"#, "value"), ["120"]);
    assert!(answer.body.contains("090-1234-5678") && answer.body.contains("2026-02-31"));
    assert_eq!(answer.values(".fix a", "href").len(), 4);
    for link in answer.values(".fix a", "href") {
        assert!(answer.body.contains(&format!(r#"id="{}""#, link.trim_start_matches('#'))), "{link}");
    }
    let nothing = city.report(&[("send", "details")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "Enter on an untouched page sends nothing");
}

#[tokio::test]
async fn more_than_the_total_is_let_through_in_an_incident() {
    let city = City::open().await;
    city.incident(false).await;
    let answer = city.report(&[("v.tokuyo.all", "more"), ("n.tokuyo.all", "60")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(city.get(answer.header("location")).await.body.contains("全部の数より 多いまま"));
}

#[tokio::test]
async fn a_first_report_is_enough_alone_and_carries_the_details() {
    let city = City::open().await;
    city.incident(false).await;
    let page = city.get(&city.path("")).await;
    assert!(page.body.contains("needs_help"));
    let answer = city
        .report(&[
            ("nonce", &page.nonce()),
            ("face", "damage"),
            ("first_report", "needs_help"),
            ("power", "generator"),
            ("power.hours", "6"),
            ("need", "fuel"),
            ("need.fuel.n", "40"),
        ])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(city.value(&Aspect::Power, Realm::Real).unwrap().hours(), Some(6));
    assert_eq!(city.value(&Aspect::FirstReport, Realm::Real).unwrap().word(), "needs_help");
    assert_eq!(city.value(&Aspect::Needs, Realm::Real).unwrap().word(), "listed");
}

#[tokio::test]
async fn a_call_for_help_in_an_exercise_always_asks_and_the_answer_decides() {
    let city = City::open().await;
    city.incident(true).await;
    let before = city.position();
    let help = [("face", "exercise"), ("realm", "exercise"), ("first_report", "needs_help"), ("water", "none")];
    let asked = city.report(&help).await;
    assert_eq!((asked.status, city.position()), (StatusCode::OK, before));
    assert_eq!(asked.values(r#"input[name="water"]"#, "value"), ["none"]);
    let real = city.report(&[("face", "exercise"), ("first_report", "needs_help"), ("realm.sure", "real")]).await;
    assert_eq!(real.status, StatusCode::SEE_OTHER);
    assert_eq!(city.value(&Aspect::FirstReport, Realm::Real).unwrap().word(), "needs_help");
    let safe = city.report(&[("face", "exercise"), ("realm", "exercise"), ("first_report", "safe")]).await;
    assert_eq!(safe.status, StatusCode::SEE_OTHER);
    assert_eq!(city.value(&Aspect::FirstReport, Realm::Exercise).unwrap().word(), "safe");
    assert_eq!(city.value(&Aspect::FirstReport, Realm::Real).unwrap().word(), "needs_help", "practice never touches it");
}

#[tokio::test]
async fn an_answer_to_an_exercise_that_is_over_asks_instead_of_becoming_real() {
    let city = City::open().await;
    city.incident(true).await;
    city.control(Facts::IncidentClosed { incident: "drill".parse().unwrap() }).await;
    let asked = city.report(&[("face", "exercise"), ("realm", "exercise"), ("power", "none")]).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.body.contains("realm.sure") && city.value(&Aspect::Power, Realm::Real).is_none());
}

#[tokio::test]
async fn a_page_opened_before_the_exercise_began_meant_what_it_showed() {
    let city = City::open().await;
    city.incident(true).await;
    let answer = city.report(&[("face", "peace"), ("power", "none")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(city.value(&Aspect::Power, Realm::Real).unwrap().word(), "none");
}

#[tokio::test]
async fn a_remark_waits_for_release_and_a_correction_takes_the_report_back() {
    let city = City::open().await;
    city.report(&[("v.tokuyo.all", "3")]).await;
    let answer = city.report(&[("v.tokuyo.all", "1"), ("remark", "あしたから 見学できます")]).await;
    let place = answer.header("location").to_owned();
    let state = city.opened.app.board.read(|b| b.postings().values().map(|p| p.state).collect::<Vec<_>>());
    assert_eq!(state, [PostingState::Pending]);
    let receipt = city.get(&place).await;
    let replaces = receipt.values(r#"input[name="replaces"]"#, "value").remove(0);
    let corrected = city.post("/corrections", &[("replaces", &replaces)]).await;
    assert_eq!(corrected.status, StatusCode::SEE_OTHER);
    assert_eq!(city.beds(), free(Level::Available, 3), "what held before holds again");
    let after = city.position();
    let twice = city.post("/corrections", &[("replaces", &replaces)]).await;
    assert_eq!((twice.header("location"), city.position()), (corrected.header("location"), after));
    assert!(city.get(corrected.header("location")).await.body.contains("取り消しました"));
    assert!(!city.get(&place).await.body.contains("/corrections"), "nothing is left to take back");
}

#[tokio::test]
async fn json_gives_the_same_receipt_for_the_same_content_and_409_for_other() {
    let city = City::open().await;
    let id = Uuid::now_v7();
    let body =
        json!({"id": id, "observations": [{"aspect": "vacancy", "service": "tokuyo", "cell": "all", "value": "", "count": 2}]});
    let first = city.json(&body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    assert_eq!(first.json()["id"], json!(id));
    assert_eq!(first.json()["observations"][0]["value"], "available");
    assert_eq!(city.get(first.header("location")).await.status, StatusCode::OK);
    let again = city.json(&body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let other = json!({"id": id, "observations": [{"aspect": "power", "value": "none"}]});
    let conflict = city.json(&other).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert_eq!(conflict.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_json_receipt_says_what_was_taken_each_kind_with_what_belongs_to_it() {
    let city = City::open().await;
    let id = Uuid::now_v7();
    let today = imaboard_domain::city_date(city.opened.app.clock.now());
    let tomorrow = today.tomorrow().unwrap();
    let said = json!([
        {"aspect": "vacancy", "service": "tokuyo", "cell": "all", "value": "few", "count": 2, "total": 40},
        {"aspect": "vacancy", "service": "short-stay", "cell": today, "value": "full"},
        {"aspect": "operation", "value": "limited", "date": tomorrow},
        {"aspect": "power", "value": "generator", "hours": 36},
        {"aspect": "supplies", "value": "short", "days": 3},
        {"aspect": "staff", "value": "adequate"},
    ]);
    let needs = [json!({"aspect": "needs", "value": "water", "count": 200}), json!({"aspect": "needs", "value": "food"})];
    let all: Vec<&Json> = said.as_array().unwrap().iter().chain(&needs).collect();
    let answer = city.json(&json!({"id": id, "observations": all, "remark": "発電機で動いています"})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let receipt = answer.json();
    let mut observations = receipt["observations"].as_array().unwrap().clone();
    let listed = observations.pop().unwrap();
    assert_eq!(json!(observations), said);
    let wanted = json!([{"urgency": "now", "item": "water", "quantity": [200, "l"]}, {"urgency": "now", "item": "food"}]);
    assert_eq!(listed, json!({"aspect": "needs", "value": "listed", "needs": wanted}));
    let mut names: Vec<&str> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["channel", "exercise", "facility", "id", "observations", "observed_at", "recorded_at", "remark", "seq"]);
    assert_eq!((&receipt["channel"], &receipt["remark"], &receipt["exercise"]), (&json!("qr"), &json!("pending"), &json!(false)));
    assert_eq!((&receipt["id"], &receipt["seq"]), (&json!(id), &json!(city.position())));
}

#[tokio::test]
async fn json_errors_name_index_field_problem_and_say_it_in_japanese() {
    let city = City::open().await;
    let before = city.position();
    let body = json!({"id": Uuid::now_v7(), "observations": [
        {"aspect": "power", "value": "none"},
        {"aspect": "sauna", "value": "hot"},
        {"aspect": "vacancy", "service": "tokuyo", "cell": "all", "value": "", "count": 51},
        {"aspect": "vacancy", "service": "short-stay", "cell": "2026-02-31", "value": "few"},
    ], "remark": "担当は090-1234-5678"});
    let answer = city.json(&body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let short: Vec<(Json, Json, Json)> =
        errors.iter().map(|e| (e["index"].clone(), e["field"].clone(), e["problem"].clone())).collect();
    assert_eq!(
        short,
        [
            (json!(1), json!("aspect"), json!("unknown_aspect")),
            (json!(2), json!("count"), json!("more_than_total")),
            (json!(3), json!("cell"), json!("bad_date")),
            (json!(null), json!("remark"), json!("personal_data")),
        ]
    );
    assert!(errors.iter().all(|e| e["message"].as_str().unwrap().contains('。')));
    assert_eq!(city.position(), before, "nothing is taken in part");
    let request = HttpRequest::post(city.path("/reports")).header("content-type", "application/json");
    let malformed = city.send(request.body(HttpBody::from("{\"id\":")).unwrap()).await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    let future = json!({"id": Uuid::now_v7(), "observed_at": "2199-01-01T00:00:00Z", "observations": [{"aspect": "power", "value": "none"}]});
    assert_eq!(city.json(&future).await.json()["errors"][0]["field"], "observed_at");
}

#[tokio::test]
async fn every_answer_is_sealed_and_dead_keys_look_alike() {
    let city = City::open().await;
    let forged = format!("/r/{}a", city.opened.app.keys.url_key(&city.key));
    let never_issued = format!("/r/{}", city.opened.app.keys.url_key(&city.opened.app.keys.new_id().unwrap()));
    let dead = city.get(&forged).await;
    let unknown = city.get(&never_issued).await;
    assert_eq!(dead.status, StatusCode::NOT_FOUND);
    // The clock of the page may turn between the two.
    let timeless = |a: &Answer| a.body.split("<time").next().unwrap().to_owned();
    assert_eq!((unknown.status, timeless(&unknown)), (dead.status, timeless(&dead)));
    for path in [city.path(""), city.path("/poster"), city.path("/nowhere"), forged, "/r".to_owned(), "/r/a/b/c/d".to_owned()] {
        let answer = city.get(&path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.header("x-robots-tag").contains("noindex"), "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none';"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    city.control(Facts::KeyRevoked { key: city.key.clone() }).await;
    assert_eq!(city.get(&city.path("")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.report(&[("v.tokuyo.all", "1")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_receipt_belongs_to_the_facility_of_the_key() {
    let mut city = City::open().await;
    let answer = city.report(&[("v.tokuyo.all", "3")]).await;
    let id = answer.header("location").rsplit('/').next().unwrap().to_owned();
    let other = city.opened.app.keys.new_id().unwrap();
    city.issue(&other, "f002").await;
    city.key = other;
    assert_eq!(city.get(&city.path(&format!("/receipts/{id}"))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.post("/corrections", &[("replaces", &id)]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.get(&city.path("/receipts/nonsense")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let city = City::open().await;
    let before = city.position();
    let request = HttpRequest::post(city.path("/reports"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    let answer = city.send(request.body(HttpBody::from("v.tokuyo.all=0")).unwrap()).await;
    assert_eq!((answer.status, city.position()), (StatusCode::FORBIDDEN, before));
}

#[tokio::test]
async fn a_job_becomes_a_draft_and_a_name_in_it_is_refused() {
    let city = City::open().await;
    let job =
        [("kind", "job"), ("title", "介護職員 募集"), ("body", "夜勤 月4回"), ("wage_per", "hour"), ("wage_from", "１，１００")];
    let answer = city.post("/postings", &job).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let drafted = city.opened.app.board.read(|b| b.postings().values().next().unwrap().clone());
    assert_eq!((drafted.state, drafted.job.as_ref().unwrap().wage_from_yen), (PostingState::Pending, 1_100));
    assert_eq!(city.get(answer.header("location")).await.status, StatusCode::OK);
    let bad = city.post("/postings", &[("kind", "notice"), ("title", "連絡先 090-1234-5678")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.body.contains("090-1234-5678"));
    let empty = city.post("/postings", &[("kind", "job")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_gives_the_page_back_and_a_number_to_call() {
    let city = City::open().await;
    let page = city.get(&city.path("")).await;
    // The folder goes away under the program, as when a disk is pulled.
    std::fs::rename(city.folder.path().join("data"), city.folder.path().join("pulled")).unwrap();
    let answer = city.report(&[("nonce", &page.nonce()), ("v.tokuyo.all", "2"), ("remark", "あした 見学できます")]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
    assert!(
        answer.body.contains("まだ 届いていません")
            && answer.body.contains("あした 見学できます")
            && answer.body.contains("tel:")
    );
    assert_eq!(answer.nonce(), page.nonce(), "sent again it is still the same report");
}

#[tokio::test]
async fn a_page_travels_small_and_an_answer_to_what_was_typed_travels_plain() {
    let city = City::open().await;
    let plain = city.get(&city.path("")).await.body.len();
    let request = HttpRequest::get(city.path("")).header("accept-encoding", "br;q=1, gzip");
    let response = city.router.clone().oneshot(request.body(HttpBody::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.into_body().collect().await.unwrap().to_bytes().len();
    assert!(packed * 5 < plain && packed < 14_000, "{packed} of {plain}");
    let request = HttpRequest::post(city.path("/reports"))
        .header("accept-encoding", "gzip")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = city.send(request.body(HttpBody::from("operation=sauna")).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (StatusCode::UNPROCESSABLE_ENTITY, ""));
}

#[tokio::test]
async fn what_a_report_cost_is_kept_within_limits_and_a_second_tap_that_took_longer_is_the_same_report() {
    let city = City::open().await;
    let nonce = city.get(&city.path("")).await.nonce();
    let send = |seconds: &'static str, taps: &'static str| {
        let nonce = nonce.clone();
        let city = &city;
        async move {
            let fields = [("nonce", nonce.as_str()), ("face", "peace"), ("v.tokuyo.all", "3"), ("send", "form")];
            let measured = [("effort.seconds", seconds), ("effort.taps", taps)];
            city.report(&[&fields[..], &measured[..]].concat()).await
        }
    };
    let first = send("21", "4").await;
    let position = city.position();
    let again = send("25", "5").await;
    assert_eq!((first.header("location"), city.position()), (again.header("location"), position));
    let id = first.header("location").rsplit('/').next().unwrap().parse().unwrap();
    let effort = match city.opened.app.recorder.find(EntryId(id)).await.unwrap().unwrap().facts {
        Facts::Report(report) => report.effort.map(|e| (e.seconds, e.taps)),
        _ => None,
    };
    assert_eq!(effort, Some((21, 4)));
    // Lied to, or no script: the report arrives all the same.
    for (seconds, taps) in [("-1", "4"), ("soon", ""), ("99999999999999999999999", "4")] {
        let fields =
            [("face", "peace"), ("v.tokuyo.all", "2"), ("send", "form"), ("effort.seconds", seconds), ("effort.taps", taps)];
        let answer = city.report(&fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_page_that_comes_back_with_a_problem_goes_on_counting() {
    let city = City::open().await;
    let fields = [("face", "peace"), ("v.tokuyo.all", "more"), ("send", "form"), ("effort.seconds", "30"), ("effort.taps", "6")];
    let refused = city.report(&fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.values(r#"form#change input[name="effort.seconds"]"#, "value"), ["30"]);
}
