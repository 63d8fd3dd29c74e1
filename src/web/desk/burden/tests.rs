//! The room `burden` through its real router, on a real log in a throw-away folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::{Aspect, Cell, Channel, Effort, EntryId, Facts, Level, Observation, RollCall, Value};
use imaboard_templates::desk::Role;
use uuid::Uuid;

use super::*;
use crate::recorder::{Intent, ReportIntent, Submission};
use crate::web::desk::tests::{City, home};

async fn report(city: &City, facility: &str, channel: Channel, effort: Option<Effort>) -> EntryId {
    let services = ["tokuyo", "short-stay"];
    let cells = [Cell::ALL_BEDS, Cell::Date(city_date(city.app().clock.now()))];
    let observations = services.into_iter().zip(cells).map(|(service, cell)| Observation {
        aspect: Aspect::Vacancy { service: service.parse().unwrap(), cell },
        value: Value::Vacancy { level: Level::Available, count: None, total: None },
    });
    let intent = ReportIntent {
        facility: Some(facility.parse().unwrap()),
        observations: observations.collect(),
        effort,
        ..ReportIntent::default()
    };
    let id = EntryId(Uuid::now_v7());
    let submission = Submission { id, channel, actor: "key:k1".into(), intent: Intent::Report(intent), text: None };
    city.app().recorder.submit(submission).await.unwrap().entry.id
}

const PAGES: [&str; 4] = ["/desk/burden", "/desk/burden/facilities", "/desk/burden/questions", "/desk/burden/sheet"];

#[tokio::test]
async fn a_city_in_which_nothing_happened_says_that_nothing_can_be_said() {
    let city = City::open().await;
    for path in PAGES {
        let page = city.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.texts("h1").len(), 1, "{path}");
        if path != "/desk/burden/facilities" {
            assert!(page.body.contains("まだ少なすぎて言えません"), "{path}");
        }
        assert!(!page.body.contains("desk.burden."), "{path} has a key without words");
    }
}

#[tokio::test]
async fn seconds_and_presses_are_told_from_ten_measured_reports_on_and_never_without_their_number() {
    let city = City::open().await;
    for n in 1..=9 {
        report(&city, "f001", Channel::Qr, Some(Effort::clamped(n * 10, 3))).await;
    }
    let before = city.get("/desk/burden").await;
    assert!(before.body.contains("まだ少なすぎて言えません") && before.body.contains("測れた報告 9件"));
    assert!(!before.body.contains("回押す"));
    report(&city, "f001", Channel::Qr, Some(Effort::clamped(3_000, 40))).await;
    report(&city, "f002", Channel::Phone, None).await;
    let after = city.get("/desk/burden").await;
    // Of ten the lower of the two in the middle; one page left open moves nothing.
    assert!(after.texts(".burden-big")[0].contains("50秒・3回押す"), "{:?}", after.texts(".burden-big"));
    assert!(after.body.contains("測れた報告 10件"));
}

#[tokio::test]
async fn every_chart_has_its_table_and_its_file_with_the_same_figures() {
    let city = City::open().await;
    for _ in 0..3 {
        report(&city, "f001", Channel::Qr, Some(Effort::clamped(20, 3))).await;
    }
    let replaces = report(&city, "f002", Channel::Fax, None).await;
    let submission = Submission {
        id: EntryId(Uuid::now_v7()),
        channel: Channel::Qr,
        actor: "key:k1".into(),
        intent: Intent::Correct { replaces },
        text: None,
    };
    city.app().recorder.submit(submission).await.unwrap();
    let page = city.get("/desk/burden").await;
    let parts = page.values("section.burden-part", "aria-labelledby");
    assert_eq!(parts.len() + 1, Sheet::ALL.len(), "facilities have a page of their own");
    for sheet in Sheet::ALL {
        let file = city.get(&format!("/desk/burden/{}.csv", sheet.word())).await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert!(file.body.starts_with('\u{feff}'), "{sheet:?}");
        let mut lines = file.body.trim_start_matches('\u{feff}').lines();
        let head = lines.next().unwrap().split(',').count();
        assert!(head >= 3 && lines.all(|line| line.split(',').count() == head), "{}", file.body);
    }
    let channels = city.get("/desk/burden/channels.csv").await;
    assert!(channels.body.contains("QR,3,75%") && channels.body.contains("FAX,1,25%"), "{}", channels.body);
    assert!(page.body.contains("3件 75%"), "the chart says what the table says");
    assert!(page.texts(".burden-big").concat().contains("報告の取り消し 1件"));
    assert!(page.body.contains("およそ9分") && page.body.contains("仮定"));
    for wrong in ["none.csv", "channels.txt", "channels"] {
        assert_eq!(city.get(&format!("/desk/burden/{wrong}")).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}

#[tokio::test]
async fn a_name_that_looks_like_a_formula_is_only_a_name_in_a_spreadsheet() {
    let city = City::open().await;
    city.control(Facts::FacilityRegistered(Box::new(home("f003", "=1+2,\"荘\"")))).await;
    let file = city.get("/desk/burden/facilities.csv").await;
    assert!(file.body.contains("\"'=1+2,\"\"荘\"\"\""), "{}", file.body);
}

#[tokio::test]
async fn phone_and_fax_facilities_are_compared_with_the_others_in_their_answers_to_roll_calls() {
    let city = City::open().await;
    for n in 3..=8 {
        city.control(Facts::FacilityRegistered(Box::new(home(&format!("f00{n}"), &format!("施設{n}"))))).await;
    }
    let channel = |n: u32| if n <= 4 { Channel::Qr } else { Channel::Fax };
    for n in 1..=8 {
        report(&city, &format!("f00{n}"), channel(n), None).await;
    }
    let call = RollCall {
        id: "rc1".parse().unwrap(),
        areas: vec![],
        exercise: false,
        opened_at: city.app().clock.now(),
        closed_at: None,
        answers: imaboard_domain::OrdMap::new(),
    };
    city.control(Facts::RollCallOpened(call)).await;
    for n in [1, 2, 3, 4, 5] {
        let safe = Observation { aspect: Aspect::FirstReport, value: Value::FirstReport(imaboard_domain::FirstReport::Safe) };
        let facility = Some(format!("f00{n}").parse().unwrap());
        let intent = ReportIntent { facility, observations: vec![safe], ..ReportIntent::default() };
        let (id, actor) = (EntryId(Uuid::now_v7()), "key:k1".to_owned());
        let submission = Submission { id, channel: channel(n), actor, intent: Intent::Report(intent), text: None };
        city.app().recorder.submit(submission).await.unwrap();
    }
    let page = city.get("/desk/burden/questions").await;
    let said = page.texts(".burden-answer").concat();
    assert!(said.contains("電話・FAXの施設が25%、QR・ボタンなどの施設が100%"), "{said}");
    assert!(said.contains("75ポイント低く"), "{said}");
    assert!(said.contains("間に合った日の割合の比較は、まだ少なすぎて言えません"), "{said}");
    let csv = city.get("/desk/burden/response.csv").await;
    assert!(csv.body.contains("電話・FAX,4,1,1,0"), "{}", csv.body);
    let only = city.get("/desk/burden/facilities?group=proxy").await;
    assert_eq!(only.texts(".burden-each tbody tr").len(), 4);
}

#[tokio::test]
async fn many_facilities_come_on_pages_and_are_found_by_letters() {
    let city = City::open().await;
    for n in 100..170 {
        city.control(Facts::FacilityRegistered(Box::new(home(&format!("g{n}"), &format!("みなと苑{n}"))))).await;
    }
    let first = city.get("/desk/burden/facilities").await;
    assert_eq!(first.texts(".burden-each tbody tr").len(), 50);
    let next = first.values("a[rel=next]", "href").remove(0);
    assert_eq!(city.get(&next).await.texts(".burden-each tbody tr").len(), 22);
    let one = city.get("/desk/burden/facilities?q=%E3%81%BF%E3%81%AA%E3%81%A8%E8%8B%91133").await;
    assert_eq!(one.texts(".burden-each tbody th"), ["みなと苑133"]);
    let none = city.get("/desk/burden/facilities?q=zzz&page=9").await;
    assert!(none.body.contains("0施設"));
}

#[tokio::test]
async fn the_sheet_of_a_month_carries_the_head_of_the_log_and_other_months_say_so() {
    let city = City::open().await;
    report(&city, "f001", Channel::Qr, None).await;
    let (seq, hash) = city.app().recorder.head().unwrap();
    let today = city_date(city.app().clock.now());
    let path = format!("/desk/burden/sheet?month={}", month_word(today));
    let sheet = city.get(&path).await;
    assert_eq!(sheet.status, StatusCode::OK);
    let foot = sheet.texts(".burden-foot").concat();
    assert!(foot.contains(&data_encoding::HEXLOWER.encode(&hash)) && foot.contains(&format!("第{seq}号")), "{foot}");
    assert!(foot.contains("見本"));
    assert!(sheet.values("nav.tabs a[aria-current]", "href").contains(&"/desk/burden/sheet".to_owned()));
    for month in ["2019-01", "2999-01", "nonsense"] {
        let answer = city.get(&format!("/desk/burden/sheet?month={month}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("その月の数字はありません"));
    }
}

#[tokio::test]
async fn a_viewer_sees_the_figures() {
    let city = City::open().await;
    for path in PAGES {
        assert_eq!(city.get_as(Role::Viewer, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn what_was_counted_goes_on_with_the_next_report_and_is_the_same_after_counting_anew() {
    let city = City::open().await;
    report(&city, "f001", Channel::Qr, None).await;
    assert!(city.get("/desk/burden").await.body.contains("報告 1件"));
    report(&city, "f002", Channel::Phone, None).await;
    let going_on = city.app().burden.figures(city.app(), bars_period(city.app())).await.unwrap();
    let anew = crate::burden::Burden::default().figures(city.app(), bars_period(city.app())).await.unwrap();
    let (Known::Figures(going_on), Known::Figures(anew)) = (going_on, anew) else {
        unreachable!("few entries are counted at once")
    };
    assert_eq!(going_on.position, anew.position);
    assert_eq!(going_on.figures, anew.figures);
    assert_eq!(anew.figures.reports(), 2);
}

#[test]
fn the_months_that_can_be_printed_are_whole() {
    let today = jiff::civil::date(2026, 8, 31);
    let words: Vec<String> = months(today).into_iter().map(month_word).collect();
    assert_eq!(words, ["2026-08", "2026-07", "2026-06", "2026-05"]);
}
