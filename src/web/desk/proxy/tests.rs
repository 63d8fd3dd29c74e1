//! Proxy entry and the sheets through the rooms of the desk, on a real log in a throw-away folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::{Aspect, Cell, Facility, Hazard, Incident, KeyId, Level, Service, ServiceKind, Severity, Shown, Value};
use imaboard_templates::desk::Role;
use jiff::SignedDuration;
use scraper::{ElementRef, Html, Selector};

use super::super::tests::{Answer, City, home};
use super::*;
use crate::recorder::Receipt;

fn service(kind: ServiceKind) -> Service {
    Service { id: kind.word().parse().unwrap(), kind, capacity: Some(9), bed_cells: vec![], sessions: vec![] }
}

impl City {
    fn now(&self) -> Timestamp {
        self.app().clock.now()
    }

    async fn disaster(&self, exercise: bool) {
        let id = if exercise { "drill" } else { "storm" }.parse().unwrap();
        self.control(Facts::IncidentOpened(Incident {
            id,
            name: "台風18号".into(),
            hazard: Hazard::Typhoon,
            areas: vec![],
            severity: Severity::Incident,
            exercise,
            opened_at: self.now() - SignedDuration::from_hours(3),
            closed_at: None,
        }))
        .await;
    }

    async fn said(&self, facility: &str, observations: Vec<Observation>) -> Receipt {
        let intent = Intent::Report(ReportIntent {
            facility: Some(facility.parse().unwrap()),
            observations,
            realm: Some(Realm::Real),
            ..ReportIntent::default()
        });
        let (id, actor) = (EntryId(Uuid::now_v7()), "key:k1".to_owned());
        self.app().recorder.submit(Submission { id, channel: Channel::Button, actor, intent, text: None }).await.unwrap()
    }

    /// The form as the page gave it, with these fields filled in.
    async fn fill(&self, facility: &str, fields: &[(&str, &str)], send: &str) -> Answer {
        let page = self.get(&format!("/desk/proxy?f={facility}")).await;
        self.press(&page, fields, send).await
    }

    async fn press(&self, page: &Answer, fields: &[(&str, &str)], send: &str) -> Answer {
        let fields = filled(page, fields, send);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post("/desk/proxy/reports", &fields).await
    }

    async fn record(&self, facility: &str, fields: &[(&str, &str)]) -> Answer {
        self.fill(facility, fields, "record").await
    }

    async fn receipt(&self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{:?}", answer.texts(".problem"));
        self.get(answer.header("location")).await
    }

    fn value(&self, facility: &str, aspect: &Aspect, realm: Realm) -> Option<(Value, Channel, Timestamp, String)> {
        self.app().look(|m| {
            let held = m.board.find_facility(&facility.parse().unwrap()).unwrap();
            match m.shown(held, aspect, realm) {
                Shown::Missing => None,
                shown => shown.last().map(|s| (s.value.clone(), s.channel, s.observed_at, s.reporter.clone())),
            }
        })
    }

    fn position(&self) -> u64 {
        self.app().board.read(imaboard_domain::Board::position)
    }
}

fn filled(page: &Answer, fields: &[(&str, &str)], send: &str) -> Vec<(String, String)> {
    let names = page.values("#entry input[type=hidden]", "name");
    let values = page.values("#entry input[type=hidden]", "value");
    let mut all: Vec<(String, String)> = names.into_iter().zip(values).collect();
    for name in ["at", "via"] {
        let (selector, otherwise) = if name == "at" { ("#at", "いま") } else { ("input[name=via][checked]", "phone") };
        let value = page.values(selector, "value").first().cloned().unwrap_or(otherwise.to_owned());
        if fields.iter().all(|(n, _)| *n != name) {
            all.push((name.to_owned(), value));
        }
    }
    all.extend(fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    all.push(("send".to_owned(), send.to_owned()));
    all
}

const BEDS: &str = "n.tokuyo.all";

fn all_beds() -> Aspect {
    Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS }
}

#[tokio::test]
async fn a_facility_is_found_by_letters_kana_number_and_telephone_and_the_first_hit_is_taken() {
    let city = City::open().await;
    let other =
        Facility { kana: "サイカイホーム".into(), phone: "0959-00-7777".into(), ..home("f002", "西海ホーム") };
    city.control(Facts::FacilityRegistered(Box::new(other))).await;
    for (q, id) in [
        ("はまゆ", "f001"),
        ("ハマユウ", "f001"),
        ("西海", "f002"),
        ("さいかい", "f002"),
        ("f002", "f002"),
        ("7777", "f002"),
        ("0959-00-2345", "f001"),
    ] {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
        let page = city.get(&format!("/desk/proxy?{query}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.values("#hits a[aria-current]", "href").len(), 1, "{q}");
        assert_eq!(page.values("#entry input[name=facility]", "value"), [id], "{q}");
        let hits = city.get(&format!("/desk/proxy/hits?{query}")).await;
        assert!(hits.values("a[aria-current]", "href")[0].ends_with(&format!("&f={id}")), "{q}");
    }
    let none = city.get("/desk/proxy?q=nobody").await;
    assert!(none.texts("#hits").concat().contains("見つかりません") && none.values("#entry", "id").is_empty());
    assert_eq!(city.get("/desk/proxy?f=f999").await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.get("/desk/proxy?page=nonsense&q=%FF").await.status, StatusCode::OK);
    let asks = city.get("/desk/proxy").await;
    assert_eq!(asks.values("#q", "data-key"), ["/"]);
    assert!(asks.values("#entry", "id").is_empty(), "nobody was named yet");
}

#[tokio::test]
async fn of_many_hits_each_page_takes_its_own_first() {
    let city = City::open().await;
    for n in 10..40 {
        city.control(Facts::FacilityRegistered(Box::new(home(&format!("f0{n}"), &format!("なぎさ{n}"))))).await;
    }
    let first = city.get("/desk/proxy?q=%E3%81%AA%E3%81%8E%E3%81%95").await;
    assert_eq!(first.texts("#hits a b").len(), 8);
    assert!(first.body.contains("30件あります"));
    assert_eq!(first.texts(".pager span"), ["1 / 4"]);
    let last = city.get("/desk/proxy?q=%E3%81%AA%E3%81%8E%E3%81%95&page=99").await;
    assert_eq!(last.texts("#hits a b").len(), 6);
    assert_eq!(last.texts("#whom"), ["なぎさ34"]);
    let hits = last.values("#hits a", "href");
    assert!(hits[1].contains("page=4"), "a hit of the last page leads back to it: {}", hits[1]);
}

#[tokio::test]
async fn a_hostile_query_stays_text() {
    let city = City::open().await;
    let page = city.get("/desk/proxy?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!page.body.contains("<script>alert"));
    assert_eq!(page.values("#q", "value"), ["\"><script>alert(1)</script>"]);
}

#[tokio::test]
async fn in_peace_room_is_asked_first_and_in_a_disaster_how_they_fare() {
    let city = City::open().await;
    let fields = |page: &Answer| page.values("#entry > [data-q]", "data-q");
    let peace = city.get("/desk/proxy?f=f001").await;
    assert_eq!(fields(&peace)[0], "v.tokuyo.all");
    assert!(fields(&peace)[1].starts_with("v.short-stay."), "{:?}", fields(&peace));
    city.disaster(false).await;
    let storm = city.get("/desk/proxy?f=f001").await;
    let first = ["first_report", "power", "water", "road", "staff", "injured", "evacuation", "acceptance", "remark"];
    assert_eq!(fields(&storm), first);
    let more = storm.values("#more [data-q]", "data-q");
    assert!(more.contains(&"building".to_owned()) && more.contains(&"v.tokuyo.all".to_owned()));
    assert!(!more.contains(&"medical_gas".to_owned()), "asked of hospitals only");
    assert_eq!(storm.values("#f-power [data-digit]", "data-digit"), ["1", "2", "3", "0"]);
    assert!(!storm.body.contains("desk.proxy."), "every word is there");
    assert!(!peace.body.contains("desk.proxy."));
}

#[tokio::test]
async fn every_grid_has_its_questions_and_what_is_answered_is_recorded() {
    let city = City::open().await;
    let kinds =
        [ServiceKind::DayCare, ServiceKind::SmallMulti, ServiceKind::HomeHelp, ServiceKind::ShortStay, ServiceKind::GroupHome];
    let many = Facility { services: kinds.into_iter().map(service).collect(), ..home("f003", "まるごと館") };
    city.control(Facts::FacilityRegistered(Box::new(many))).await;
    let today = city.app().look(|m| m.today());
    let day = format!("v.short-stay.{today}");
    let week = [("v.day-care.mon-day", "few"), ("v.day-care.tue-day", "few"), ("v.day-care.sun-day", "not_offered")];
    let said = city.fill("f003", &week, "look").await.texts(".say").concat();
    assert!(said.contains("の時点で、デイサービスは、月・火がわずか、日が休み。この内容で"), "{said}");
    let answer = city
        .record(
            "f003",
            &[
                ("v.day-care.mon-day", "few"),
                ("v.day-care.sun-day", "not_offered"),
                ("v.small-multi.stay", "available"),
                ("n.small-multi.stay", "２"),
                ("v.home-help.new", "full"),
                (&day, "plenty"),
                ("n.group-home.all", "0"),
                ("operation", "limited"),
            ],
        )
        .await;
    let receipt = city.receipt(&answer).await;
    let rows = receipt.texts("tbody tr").concat();
    for (aspect, level, count) in [
        ("vacancy/day-care/mon-day", Level::Few, None),
        ("vacancy/day-care/sun-day", Level::NotOffered, None),
        ("vacancy/small-multi/stay", Level::Available, Some(2)),
        ("vacancy/home-help/new", Level::Full, None),
        (&format!("vacancy/short-stay/{today}"), Level::Plenty, None),
        ("vacancy/group-home/all", Level::Full, Some(0)),
    ] {
        let (value, ..) = city.value("f003", &aspect.parse().unwrap(), Realm::Real).unwrap();
        assert_eq!(value, Value::Vacancy { level, count, total: None }, "{aspect}");
    }
    for words in [
        "デイサービス 月わずか",
        "小規模多機能 泊まりあり 2人",
        "訪問介護 新しい人今はできない",
        "グループホーム 空き0室",
        "ようす一部制限",
    ] {
        assert!(rows.contains(words), "{words}: {rows}");
    }
}

#[tokio::test]
async fn what_was_telephoned_is_recorded_with_channel_time_and_person() {
    let city = City::open().await;
    let answer = city.record("f001", &[("at", "30分前"), (BEDS, "2")]).await;
    let receipt = city.receipt(&answer).await;
    let seq = city.position();
    assert_eq!(receipt.texts(".receipt-number b"), [format!("第{seq}号")]);
    assert!(receipt.values("a[data-key=N]", "href").contains(&"/desk/proxy".to_owned()));
    let (value, channel, at, who) = city.value("f001", &all_beds(), Realm::Real).unwrap();
    assert_eq!(value, Value::Vacancy { level: Level::Available, count: Some(2), total: None });
    assert_eq!((channel, who.as_str()), (Channel::Phone, "staff:coordinator-1"));
    let age = city.now().duration_since(at);
    assert!(age >= SignedDuration::from_mins(30) && age < SignedDuration::from_mins(31), "{age}");
    let fax = city.record("f001", &[("via", "fax"), ("at", ""), (BEDS, "3")]).await;
    assert_eq!(fax.status, StatusCode::SEE_OTHER);
    let (_, channel, at, _) = city.value("f001", &all_beds(), Realm::Real).unwrap();
    assert_eq!(channel, Channel::Fax);
    assert!(city.now().duration_since(at) < SignedDuration::from_mins(1), "nothing typed means now");
}

#[tokio::test]
async fn a_time_that_is_not_clear_is_refused_at_its_field_and_nothing_typed_is_lost() {
    let city = City::open().await;
    let before = city.position();
    for (at, words) in [
        ("さっき", "いつのことか決められません"),
        ("昨日", "時刻も入れて"),
        ("25時", "読めません"),
        ("明日", "読めません"),
        ("2020/1/1 9:00", "14日より前"),
    ] {
        let answer = city.record("f001", &[("at", at), (BEDS, "2"), ("remark", "あした見学できます")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
        assert!(answer.texts("#at-why").concat().contains(words), "{at}: {:?}", answer.texts("#at-hint"));
        assert_eq!(answer.values("#at", "aria-invalid"), ["true"]);
        assert_eq!(answer.values("#at", "value"), [at]);
        assert_eq!(answer.values(&format!("input[name='{BEDS}']"), "value"), ["2"]);
        assert_eq!(answer.values("#remark", "value"), ["あした見学できます"]);
        assert_eq!(answer.values(".problem a", "href"), ["#f-at"]);
    }
    assert_eq!(city.position(), before);
}

#[tokio::test]
async fn more_free_than_there_are_is_refused_in_peace_and_warned_of_in_a_disaster() {
    let city = City::open().await;
    let refused = city.record("f001", &[(BEDS, "51")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.texts("#f-v-tokuyo-all .wrong").concat().contains("50"), "{:?}", refused.texts(".wrong"));
    assert_eq!(refused.values(&format!("input[name='{BEDS}']"), "value"), ["51"]);
    city.disaster(false).await;
    let look = city.fill("f001", &[(BEDS, "51")], "look").await;
    assert_eq!(look.status, StatusCode::OK);
    assert!(look.texts("#say .wrong").concat().contains("定員50より多い"), "{:?}", look.texts("#say"));
    let receipt = city.receipt(&city.record("f001", &[(BEDS, "51")]).await).await;
    assert!(receipt.body.contains("定員50より多い"));
}

#[tokio::test]
async fn without_a_script_the_sentence_is_shown_before_anything_is_recorded() {
    let city = City::open().await;
    city.disaster(false).await;
    city.said("f001", vec![observed("power", "grid"), observed("staff", "adequate")]).await;
    let before = city.position();
    let page = city.get("/desk/proxy?f=f001").await;
    assert_eq!(page.values("#record[hidden]", "id"), ["record"], "no way past the sentence");
    let fields = [
        ("first_report", "impaired"),
        ("power", "generator"),
        ("power.hours", "6"),
        ("water", "none"),
        ("staff", "adequate"),
        ("remark", "門は開いています"),
    ];
    let look = city.press(&page, &fields, "look").await;
    assert_eq!((look.status, city.position()), (StatusCode::OK, before));
    let said = look.texts(".say").concat();
    assert!(said.starts_with("はまゆう荘さん、"), "{said}");
    assert!(said.ends_with("の時点で一部支障。電気は非常用で、あと6時間。水は出ません。職員は足りています。備考は「門は開いています」。この内容で載せます。よろしいですか。"), "{said}");
    let rows = look.texts("#changes tbody tr");
    assert_eq!(rows.len(), 3, "staff stays as it was: {rows:?}");
    assert!(rows.iter().any(|r| r.contains("電気") && r.contains("通常") && r.contains("非常用 6時間")), "{rows:?}");
    assert!(rows.iter().any(|r| r.contains("水") && r.contains("不明") && r.contains("出ない")), "{rows:?}");
    assert!(look.values("#record", "hidden").is_empty());
    assert_eq!(look.values("#entry input[name=nonce]", "value"), page.values("#entry input[name=nonce]", "value"));
    let live = {
        let fields = filled(&page, &fields, "look");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        city.post("/desk/proxy/say", &fields).await
    };
    assert_eq!(live.texts("#say .say"), look.texts(".say"), "the script says the same");
    assert_eq!(live.texts("#changes tbody tr"), rows);
    assert!(live.texts("#at-hint").concat().starts_with("きょう "));
    assert_eq!(city.receipt(&city.press(&look, &fields, "record").await).await.status, StatusCode::OK);
    assert_eq!(city.position(), before + 1);
}

fn observed(aspect: &str, value: &str) -> Observation {
    let raw = imaboard_domain::RawObservation { aspect: aspect.into(), value: value.into(), ..Default::default() };
    let rules =
        Rules { today: "2026-11-24".parse().unwrap(), thresholds: imaboard_domain::Thresholds::default(), incident: true };
    Observation::parse(&[raw], &home("f001", "はまゆう荘"), rules).unwrap().remove(0)
}

#[tokio::test]
async fn no_change_confirms_what_stands_and_says_how_much_that_is() {
    let city = City::open().await;
    let nothing = city.record("f001", &[("confirm", "all")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(nothing.texts("#confirm-why").len(), 1, "nothing is known yet");
    city.disaster(false).await;
    let first = city.said("f001", vec![observed("power", "generator"), observed("water", "usable")]).await;
    let look = city.fill("f001", &[("confirm", "all")], "look").await;
    assert!(look.texts(".say").concat().contains("前の報告と変わりありません"));
    assert!(look.texts("#changes").concat().contains("：2"), "{:?}", look.texts("#changes"));
    let answer = city.record("f001", &[("confirm", "all"), ("water", "none")]).await;
    let receipt = city.receipt(&answer).await;
    assert!(receipt.texts("tbody tr").iter().any(|r| r.contains("非常用") && r.contains("変わりなし")));
    let entry = city
        .app()
        .recorder
        .find(EntryId(answer.header("location").rsplit('/').next().unwrap().parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    let Facts::Report(report) = entry.facts else { unreachable!("a report was recorded") };
    let confirmed: Vec<(&str, bool)> =
        report.observations.iter().map(|o| (o.aspect.word(), o.confirms == Some(first.entry.id))).collect();
    assert_eq!(confirmed, [("water", false), ("power", true)], "what was said anew is not confirmed");
}

#[tokio::test]
async fn the_same_page_pressed_twice_is_one_report_and_other_words_are_another() {
    let city = City::open().await;
    let page = city.get("/desk/proxy?f=f001").await;
    let first = city.press(&page, &[(BEDS, "2")], "record").await;
    let after = city.position();
    let second = city.press(&page, &[(BEDS, "2")], "record").await;
    assert_eq!((first.header("location"), city.position()), (second.header("location"), after));
    let other = city.press(&page, &[(BEDS, "1")], "record").await;
    assert_ne!(first.header("location"), other.header("location"));
    let both = tokio::join!(city.press(&page, &[(BEDS, "4")], "record"), city.press(&page, &[(BEDS, "4")], "record"));
    assert_eq!(both.0.header("location"), both.1.header("location"));
    assert!(!both.0.header("location").is_empty());
}

#[tokio::test]
async fn a_remark_is_guarded_and_kept_and_waits_for_release() {
    let city = City::open().await;
    let person = "田中花子さんの電話は090-1234-5678です";
    let refused = city.record("f001", &[(BEDS, "2"), ("remark", person)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.texts("#remark-why").len(), 1);
    assert_eq!(refused.values("#remark", "value"), [person]);
    let desk = city.receipt(&city.record("f001", &[("remark", "用紙は0959-00-0101へ送りました")]).await).await;
    assert!(desk.body.contains("用紙は"), "the city's own numbers are public");
    let long = "あ".repeat(101);
    let refused = city.record("f001", &[("remark", long.as_str())]).await;
    assert!(refused.texts("#remark-why").concat().contains("101"));
    assert_eq!(refused.values("#remark", "value"), [long]);
    let receipt = city.receipt(&city.record("f001", &[("remark", "見学できます")]).await).await;
    assert!(receipt.body.contains("見学できます") && receipt.body.contains("確かめてから公開"));
    let seq = city.position();
    city.app().recorder.redact(seq, "試し".into(), "staff:a".into()).await.unwrap();
    let path = receipt.values("#undo-form input[name=replaces]", "value").remove(0);
    let redacted = city.get(&format!("/desk/proxy/receipts/{path}")).await;
    assert_eq!(redacted.status, StatusCode::OK);
    assert!(!redacted.body.contains("見学できます"), "a redacted remark is gone from the receipt");
}

#[tokio::test]
async fn nothing_said_is_nothing_recorded() {
    let city = City::open().await;
    let before = city.position();
    let empty = city.record("f001", &[]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.texts(".problem").concat().contains("何も入っていません"));
    let wild =
        city.record("f001", &[("operation", "sauna"), (BEDS, "たくさん"), ("power", "none"), ("power.hours", "9999")]).await;
    assert_eq!(wild.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wild.texts(".problem li").len(), 3, "{:?}", wild.texts(".problem li"));
    assert_eq!(wild.values(&format!("input[name='{BEDS}']"), "value"), ["たくさん"]);
    assert_eq!(city.post("/desk/proxy/reports", &[("facility", "f999"), ("send", "record")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.post("/desk/proxy/reports", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(city.position(), before);
    assert_eq!(city.get("/desk/proxy/reports").await.status, StatusCode::SEE_OTHER, "a reload comes back");
}

#[tokio::test]
async fn during_an_exercise_a_call_for_help_must_say_which_it_is() {
    let city = City::open().await;
    city.disaster(true).await;
    let asked = city.record("f001", &[("first_report", "needs_help"), ("power", "none")]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.texts("#realm-why").concat().contains("訓練ですか、本当ですか"));
    assert_eq!(asked.values("input[name=power][checked]", "value"), ["none"]);
    assert_eq!(asked.values("[data-after-help] [data-digit]", "data-digit"), ["1", "2"]);
    let practised = city.receipt(&city.record("f001", &[("first_report", "needs_help"), ("realm.sure", "exercise")]).await).await;
    assert!(practised.body.contains("訓練として記録しました"));
    assert_eq!(city.value("f001", &Aspect::FirstReport, Realm::Real), None, "nothing real is touched");
    assert!(city.value("f001", &Aspect::FirstReport, Realm::Exercise).is_some());
    let look = city.fill("f001", &[("first_report", "needs_help"), ("realm.sure", "real")], "look").await;
    assert!(look.texts(".say").concat().starts_with("訓練ではなく、本当のことです。"));
    city.record("f001", &[("first_report", "needs_help"), ("realm.sure", "real")]).await;
    assert!(city.value("f001", &Aspect::FirstReport, Realm::Real).is_some());
    let mild = city.fill("f001", &[("first_report", "safe")], "look").await;
    assert!(mild.texts(".say").concat().starts_with("訓練です。"), "everything else counts as exercise");
    let room = city.fill("f001", &[(BEDS, "2")], "look").await;
    assert!(room.texts(".say").concat().starts_with("はまゆう荘さん"), "room is always real: {:?}", room.texts(".say"));
}

#[tokio::test]
async fn a_page_of_before_the_exercise_means_what_it_showed() {
    let city = City::open().await;
    let page = city.get("/desk/proxy?f=f001").await;
    city.disaster(true).await;
    assert_eq!(city.press(&page, &[("power", "none")], "record").await.status, StatusCode::SEE_OTHER);
    assert!(city.value("f001", &Aspect::Power, Realm::Real).is_some());
    let during = city.get("/desk/proxy?f=f001").await;
    city.control(Facts::IncidentClosed { incident: "drill".parse().unwrap() }).await;
    let asked = city.press(&during, &[("power", "none")], "record").await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(asked.values("input[name='realm.sure']", "value"), ["exercise", "real"], "it can still be answered");
    assert_eq!(city.press(&during, &[("power", "none"), ("realm.sure", "real")], "record").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_report_is_taken_back_once_and_its_receipt_says_so() {
    let city = City::open().await;
    city.record("f001", &[(BEDS, "2")]).await;
    let answer = city.record("f001", &[(BEDS, "5")]).await;
    let receipt = city.receipt(&answer).await;
    let replaces = receipt.values("#undo-form input[name=replaces]", "value").remove(0);
    let back = city.post("/desk/proxy/corrections", &[("replaces", &replaces)]).await;
    let after = city.position();
    assert!(city.receipt(&back).await.texts("h1").concat().contains("取り消しました"));
    let (value, ..) = city.value("f001", &all_beds(), Realm::Real).unwrap();
    assert_eq!(value.count(), Some(2), "what stood before stands again");
    let twice = city.post("/desk/proxy/corrections", &[("replaces", &replaces)]).await;
    assert_eq!((twice.header("location"), city.position()), (back.header("location"), after));
    let old = city.get(answer.header("location")).await;
    assert!(old.body.contains("あとで取り消されました") && old.values("#undo-form", "id").is_empty());
    for bad in ["", "nonsense", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(city.post("/desk/proxy/corrections", &[("replaces", bad)]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(city.get(&format!("/desk/proxy/receipts/{bad}x")).await.status, StatusCode::NOT_FOUND);
    }
    let key: KeyId = "k1".parse().unwrap();
    let issued = city.control(Facts::KeyIssued { key, facility: "f001".parse().unwrap(), label: "玄関".into() }).await;
    assert_eq!(city.get(&format!("/desk/proxy/receipts/{}", issued.entry.id)).await.status, StatusCode::NOT_FOUND, "no report");
}

#[tokio::test]
async fn a_viewer_sees_the_facility_and_no_form() {
    let city = City::open().await;
    let page = city.get_as(Role::Viewer, "/desk/proxy?f=f001").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.texts("#whom").concat().contains("はまゆう荘") && page.values("form#entry, #record", "id").is_empty());
    let answer = city.record("f001", &[(BEDS, "2")]).await;
    let receipt = city.get_as(Role::Viewer, answer.header("location")).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert!(receipt.values("#undo-form", "id").is_empty());
}

#[tokio::test]
async fn what_cannot_be_stored_comes_back_with_everything_typed() {
    let city = City::open().await;
    let page = city.get("/desk/proxy?f=f001").await;
    std::fs::rename(city.folder.path().join("data"), city.folder.path().join("pulled")).unwrap();
    let answer = city.press(&page, &[(BEDS, "2"), ("at", "10分前"), ("remark", "見学できます")], "record").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("何も記録していません"));
    assert_eq!(answer.values(&format!("input[name='{BEDS}']"), "value"), ["2"]);
    assert_eq!(answer.values("#at", "value"), ["10分前"]);
    assert_eq!(answer.values("#entry input[name=nonce]", "value"), page.values("#entry input[name=nonce]", "value"));
}

/// Strokes of the keyboard from an empty search to the receipt, counted as the script counts: a key with Ctrl is one.
fn strokes(page: &Answer, query: &str, answers: &[(&str, char, &str)], same: bool) -> usize {
    let html = Html::parse_document(&page.body);
    let one = |selector: &str| Selector::parse(selector).unwrap();
    let questions: Vec<ElementRef<'_>> = html.select(&one("#entry > [data-q]")).collect();
    assert_eq!(html.select(&one("#q[data-key='/'], #record[data-key='Ctrl+Enter'], #same[data-key='=']")).count(), 3);
    // The key that leads to the search, the letters, Enter; and the last yes.
    let mut n = 1 + query.chars().count() + 1 + 1;
    if same {
        return n + 1;
    }
    for question in questions {
        let field = question.attr("data-q").unwrap();
        if question.attr("data-after-help").is_some() {
            continue;
        }
        let Some((_, digit, number)) = answers.iter().find(|(f, ..)| *f == field) else { break };
        let chosen = question.select(&one(&format!("[data-digit='{digit}']"))).next().unwrap();
        n += 1;
        if chosen.attr("class").is_some_and(|c| c.contains("opens")) {
            n += number.len() + 1;
        }
    }
    n
}

#[tokio::test]
async fn a_full_first_report_takes_seventeen_strokes_and_no_change_takes_eight() {
    let city = City::open().await;
    city.control(Facts::FacilityRegistered(Box::new(home("f617", "しまかぜ荘")))).await;
    city.disaster(false).await;
    let page = city.get("/desk/proxy?q=0617").await;
    assert_eq!(page.values("#entry input[name=facility]", "value"), ["f617"]);
    let answers = [
        ("first_report", '2', ""),
        ("power", '2', "6"),
        ("water", '3', ""),
        ("road", '3', ""),
        ("staff", '1', ""),
        ("injured", '1', ""),
        ("evacuation", '1', ""),
        ("acceptance", '3', ""),
    ];
    assert_eq!(strokes(&page, "0617", &answers, false), 17);
    assert_eq!(strokes(&page, "0617", &[], true), 8);
}

#[tokio::test]
async fn a_sheet_holds_every_question_of_the_form_with_its_figures_and_asks_for_no_name() {
    let city = City::open().await;
    city.disaster(false).await;
    let page = city.get("/desk/sheets/f001").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.texts("article.sheet").len(), 1);
    let sheet = page.texts("article.sheet").concat();
    let form = city.get("/desk/proxy?f=f001").await;
    for legend in form.texts("#entry fieldset.q:not([data-q^='v.']) legend, #entry h3") {
        assert!(sheet.contains(&legend), "{legend}");
    }
    let options: Vec<String> = page.texts(".sh-opt").iter().map(|t| t.replace(char::is_whitespace, "")).collect();
    for answer in form.texts("#entry fieldset.q:not([data-q^='v.']) .o span") {
        assert!(options.contains(&answer.replace(char::is_whitespace, "")), "{answer}");
    }
    for words in ["はまゆう荘", "f001", "0959-00-0100", "0959-00-0101", "0959-00-0119", "受付番号", "変わりなし", "FAX"]
    {
        assert!(sheet.contains(words), "{words}");
    }
    assert!(!sheet.replace("人の名前", "").contains("名前") && !sheet.contains("氏名") && !sheet.contains("記入者"));
    assert!(sheet.contains("見本"), "what is invented says so on paper, too");
    let first = |page: &Answer| page.texts(".sh-row > b").into_iter().nth(4).unwrap();
    assert_eq!(first(&page), "第一報");
    let peace = city.get("/desk/sheets/f001?order=peace").await;
    assert_ne!(first(&peace), "第一報");
    assert_eq!(city.get("/desk/sheets/f999").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sheets_are_printed_for_all_or_for_a_district_a_hundred_at_a_time() {
    let city = City::open().await;
    for n in 100..205 {
        let facility = Facility { district: "seihi".parse().unwrap(), ..home(&format!("f{n}"), &format!("なぎさ{n}")) };
        city.control(Facts::FacilityRegistered(Box::new(facility))).await;
    }
    let count = |page: &Answer| page.texts("article.sheet").len();
    let all = city.get("/desk/sheets").await;
    assert_eq!(count(&all), 100);
    assert!(all.body.contains("107施設"));
    assert_eq!(count(&city.get("/desk/sheets?page=2").await), 7);
    let district = city.get("/desk/sheets?district=oseto").await;
    assert_eq!(count(&district), 2);
    assert_eq!(district.values("#district option[selected]", "value"), ["oseto"]);
    let none = city.get("/desk/sheets?district=oshima&page=nonsense").await;
    assert_eq!((none.status, count(&none)), (StatusCode::OK, 0));
    city.disaster(true).await;
    assert!(city.get("/desk/sheets/f001").await.texts(".sh-tag").concat().contains("訓練"));
}
