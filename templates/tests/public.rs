//! The public pages, rendered from small boards and read through selectors.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use imaboard_domain::*;
use imaboard_templates::City;
use imaboard_templates::layout::Frame;
use imaboard_templates::public::{self, Drawings, FindQuery, Imprint};
use imaboard_templates::words::JA;
use maud::{Markup, html};
use scraper::{Html, Selector};
use support::*;

fn frame<'a>(city: &'a City, board: &'a Board, rhythms: &'a Rhythms) -> Frame<'a> {
    Frame { city, moment: Moment::new(board, now(), rhythms), words: &JA, css: "/assets/public-0.css" }
}

/// Every page of a board, by a name for messages and files.
fn pages(board: &Board) -> Vec<(String, String)> {
    let (city, rhythms) = (city(), Rhythms::default());
    let f = frame(&city, board, &rhythms);
    let mut list: Vec<(String, Markup)> = vec![
        ("front".into(), public::front(&f)),
        ("find".into(), public::find(&f, &FindQuery::default())),
        ("find-stay".into(), public::find(&f, &FindQuery::new("", "stay", "", "today", ""))),
        ("find-medical".into(), public::find(&f, &FindQuery::new("", "medical", "", "", ""))),
        ("find-none".into(), public::find(&f, &FindQuery::new("ない施設", "", "", "", ""))),
        ("notices".into(), public::notices(&f, 1)),
        ("jobs".into(), public::jobs(&f, 1)),
        ("about".into(), public::about(&f, Imprint { head_hash: Some("3fa2…"), version: "0.1.0" })),
        ("lost".into(), public::lost(&f)),
        ("chart".into(), {
            let days = f.moment.free_by_day(30);
            let drawing = html! { svg {} };
            public::free_places(&f, &days, Drawings { wide: &drawing, narrow: &drawing })
        }),
    ];
    for held in f.moment.facilities() {
        list.push((format!("facility-{}", held.facility.id), public::facility(&f, held)));
    }
    for p in board.postings().values().filter(|p| p.is_public(now())) {
        match p.kind {
            PostingKind::Notice => list.push((format!("notice-{}", p.id), public::notice(&f, p))),
            PostingKind::Job => list.push((format!("job-{}", p.id), public::job(&f, p))),
            PostingKind::Remark => {}
        }
    }
    for i in board.incidents().values() {
        list.push((format!("incident-{}", i.id), public::incident(&f, i)));
    }
    list.into_iter().map(|(name, markup)| (name, markup.into_string())).collect()
}

fn text_board(board: &Board) -> String {
    let (city, rhythms) = (city(), Rhythms::default());
    imaboard_templates::text::board(&frame(&city, board, &rhythms))
}

fn select(html: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    html.select(&selector).map(|e| e.text().collect::<String>()).collect()
}

/// The boards a visitor may meet.
fn states() -> Vec<(&'static str, Sample)> {
    let mut alert = Sample::sixty();
    alert.incident("t18", "台風18号", Severity::Alert, false, hours_ago(2));
    let mut incident = Sample::sixty();
    incident.incident("t18", "台風18号", Severity::Incident, false, hours_ago(3));
    incident.roll_call("r1", false, minutes_ago(150));
    incident.answers("t18", "r1", false);
    let mut exercise = Sample::sixty();
    exercise.incident("d1", "秋の点呼訓練", Severity::Incident, true, hours_ago(3));
    exercise.roll_call("r2", true, minutes_ago(150));
    exercise.answers("d1", "r2", true);
    let mut one = Sample::founded(false);
    one.register(place("f001", "はまゆう荘", "oseto", vec![service(ServiceKind::Tokuyo, 50)]));
    let mut silent = Sample::founded(false);
    silent.register(place("f001", "ともづな診療所", "oseto", vec![service(ServiceKind::Clinic, 0)]));
    silent.incident("t18", "台風18号", Severity::Incident, false, hours_ago(1));
    vec![
        ("empty", Sample::founded(false)),
        ("one", one),
        ("peace", Sample::sixty()),
        ("alert", alert),
        ("incident", incident),
        ("exercise", exercise),
        ("silent", silent),
    ]
}

/// With `IMABOARD_PAGES=FOLDER` every page is also written as a file, for eyes.
#[test]
fn every_page_of_every_state_has_a_heading_landmarks_a_time_and_no_missing_word() {
    for (state, sample) in states() {
        for (name, page) in pages(&sample.board) {
            if let Ok(folder) = std::env::var("IMABOARD_PAGES")
                && (!name.starts_with("facility") || name.ends_with("f001") || name.ends_with("f010"))
            {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(format!("{folder}/{state}-{name}.html"), page.replace("/assets/public-0.css", "public.css"))
                    .unwrap();
            }
            let html = Html::parse_document(&page);
            let at = format!("{state}/{name}");
            assert_eq!(select(&html, "h1").len(), 1, "{at}: one h1");
            for landmark in ["header", "main#main", "footer", "nav[aria-label]", "title", "a.skip[href='#main']"] {
                assert_eq!(select(&html, landmark).len().min(1), 1, "{at}: {landmark}");
            }
            if name != "lost" && !name.starts_with("notice-") && !name.starts_with("job-") {
                assert!(!select(&html, ".asof time").is_empty(), "{at}: an as-of time");
            }
            assert!(
                !page.contains("public."),
                "{at}: {}",
                &page[page.find("public.").unwrap_or(0)..].chars().take(60).collect::<String>()
            );
            assert!(html.errors.iter().all(|e| !e.contains("Duplicate")), "{at}: {:?}", html.errors);
            let mut ids: Vec<&str> = html.select(&Selector::parse("[id]").unwrap()).filter_map(|e| e.attr("id")).collect();
            ids.sort_unstable();
            let all = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), all, "{at}: an id stands twice");
            for label in html.select(&Selector::parse("[aria-labelledby]").unwrap()).filter_map(|e| e.attr("aria-labelledby")) {
                assert!(ids.binary_search(&label).is_ok(), "{at}: #{label} labels nothing");
            }
            for target in html.select(&Selector::parse("use[href]").unwrap()).filter_map(|e| e.attr("href")) {
                assert!(ids.binary_search(&&target[1..]).is_ok(), "{at}: {target} is not drawn");
            }
            for forbidden in ["<script", " style=", " onclick", "javascript:"] {
                assert!(!page.contains(forbidden), "{at}: {forbidden}");
            }
        }
    }
}

#[test]
fn every_page_of_a_sample_city_says_so_and_no_page_of_a_real_one() {
    for (name, page) in pages(&Sample::sixty().board) {
        assert_eq!(select(&Html::parse_document(&page), ".sample b"), ["見本"], "{name}");
    }
    assert!(text_board(&Sample::sixty().board).contains("【見本】"));
    for (name, page) in pages(&Sample::founded(false).board) {
        assert!(!page.contains("見本"), "{name}");
    }
}

#[test]
fn the_front_page_counts_facilities_per_level_and_never_merges_them() {
    let mut s = Sample::founded(false);
    for (i, count) in [(1, 0), (2, 3), (3, 4)] {
        let id = format!("f00{i}");
        s.register(place(&id, &format!("ホーム{i}"), "seihi", vec![service(ServiceKind::GroupHome, 9)]));
        let level = Thresholds::default().level(count);
        s.report(&id, hours_ago(1), Channel::Qr, vec![vacancy(ServiceKind::GroupHome, Cell::ALL_BEDS, level, Some(count))]);
    }
    let pages = pages(&s.board);
    let html = Html::parse_document(&pages[0].1);
    assert_eq!(select(&html, ".kd tbody tr").len(), 1, "only kinds somebody offers");
    assert_eq!(select(&html, ".kd tbody td")[0], "空きあり2空きなし1");
    assert_eq!(select(&html, ".kd tbody td")[1], "–施設なし");
}

#[test]
fn a_stale_value_is_a_question_mark_with_its_last_value_in_small_type() {
    let mut s = Sample::founded(false);
    s.register(place("f001", "はまゆう荘", "oseto", vec![service(ServiceKind::Tokuyo, 50)]));
    s.report(
        "f001",
        hours_ago(24 * 20),
        Channel::Qr,
        vec![vacancy(ServiceKind::Tokuyo, Cell::ALL_BEDS, Level::Available, Some(2))],
    );
    let all = pages(&s.board);
    let page = |name: &str| Html::parse_document(&all.iter().find(|(n, _)| n == name).unwrap().1);
    let front = page("front");
    assert_eq!(select(&front, ".kd tbody td")[4], "不明1");
    let facility = page("facility-f001");
    assert_eq!(select(&facility, ".share .n"), ["不明"]);
    assert_eq!(select(&facility, ".src .was"), ["最終 20日前 空きあり2床"]);
    // Nowhere outside the small type does the old level stand, the legend apart.
    for (name, html) in [("facility", &facility), ("find", &page("find"))] {
        for mark in html.select(&Selector::parse("use[href='#m-available']").unwrap()) {
            let inside: Vec<&str> =
                mark.ancestors().filter_map(scraper::ElementRef::wrap).filter_map(|e| e.attr("class")).collect();
            assert!(inside.iter().any(|c| c.contains("was") || c.contains("key")), "{name}: {inside:?}");
        }
    }
    assert!(text_board(&s.board).contains("？ (最終 20日前 ○2床)"));
}

#[test]
fn an_ageing_value_is_hatched_with_its_age() {
    let mut s = Sample::founded(false);
    s.register(place("f001", "デイはまゆう", "oseto", vec![service(ServiceKind::DayCare, 25)]));
    let week: Vec<Observed> = Weekday::ALL
        .iter()
        .map(|d| vacancy(ServiceKind::DayCare, Cell::Weekday(*d, Session::Day), Level::Few, Some(1)))
        .collect();
    s.report("f001", hours_ago(24 * 9), Channel::Button, week);
    s.report(
        "f001",
        hours_ago(1),
        Channel::Qr,
        vec![vacancy(ServiceKind::DayCare, Cell::Weekday(Weekday::Mon, Session::Day), Level::Available, Some(3))],
    );
    let all = pages(&s.board);
    let html = Html::parse_document(&all.iter().find(|(n, _)| n == "facility-f001").unwrap().1);
    let old = select(&html, "td.aging");
    assert_eq!(old.len(), 6);
    assert!(old.iter().all(|t| t.contains("9日前")), "{old:?}");
    assert_eq!(select(&html, ".grid td:not(.aging) .age"), ["9:42"], "a cell with another time says its own");
    assert!(text_board(&s.board).contains("[9日前]"));
}

#[test]
fn what_was_telephoned_says_who_typed_it_and_when() {
    let mut s = Sample::founded(false);
    s.register(place("f001", "はまゆう荘", "oseto", vec![service(ServiceKind::Tokuyo, 50)]));
    s.report(
        "f001",
        minutes_ago(92),
        Channel::Phone,
        vec![vacancy(ServiceKind::Tokuyo, Cell::ALL_BEDS, Level::Available, Some(2))],
    );
    let all = pages(&s.board);
    let html = Html::parse_document(&all.iter().find(|(n, _)| n == "facility-f001").unwrap().1);
    assert_eq!(select(&html, ".src"), ["電話 9:10時点・市が9:24に代理入力"]);
}

#[test]
fn every_value_that_came_by_telephone_or_fax_says_that_the_city_typed_it_in() {
    let mut s = Sample::founded(false);
    s.incident("t1", "台風18号", Severity::Incident, false, hours_ago(3));
    s.register(place("f001", "はまゆう荘", "oseto", vec![service(ServiceKind::DayCare, 25)]));
    let day = |day, level| vacancy(ServiceKind::DayCare, Cell::Weekday(day, Session::Day), level, None);
    s.report("f001", minutes_ago(30), Channel::Qr, Weekday::ALL.iter().map(|d| day(*d, Level::Few)).collect());
    s.report("f001", minutes_ago(20), Channel::Fax, vec![day(Weekday::Wed, Level::Full)]);
    s.report(
        "f001",
        minutes_ago(92),
        Channel::Phone,
        vec![
            plain(Aspect::FirstReport, Value::FirstReport(FirstReport::Impaired)),
            plain(Aspect::Power, Value::Power { state: Power::Generator, hours: Some(6) }),
            plain(Aspect::Needs, Value::Needs(vec![Need { urgency: Urgency::Now, item: NeedItem::Water, quantity: None }])),
        ],
    );
    s.report(
        "f001",
        minutes_ago(60),
        Channel::Button,
        vec![plain(Aspect::Water, Value::Utility { state: Utility::None, hours: None })],
    );
    let all = pages(&s.board);
    let html = Html::parse_document(&all.iter().find(|(n, _)| n == "facility-f001").unwrap().1);
    let damage = select(&html, "[aria-labelledby=dm] dd");
    assert_eq!(damage.iter().filter(|d| d.contains("電話 9:10時点・市が9:24に代理入力")).count(), 3, "{damage:?}");
    assert!(damage.iter().any(|d| d.contains("使えない") && d.contains("9:42時点") && !d.contains("代理入力")), "{damage:?}");
    let cells = select(&html, ".grid td .age");
    assert_eq!(cells, ["FAX 10:22時点・市が10:36に代理入力"], "a cell that came another way than the others says so");
}

#[test]
fn hostile_names_and_texts_stay_text() {
    let evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";
    let mut s = Sample::founded(false);
    let mut facility = place("f001", evil, "seihi", vec![service(ServiceKind::GroupHome, 9), service(ServiceKind::Clinic, 0)]);
    facility.address = evil.into();
    facility.operator = evil.into();
    facility.island = Some(evil.into());
    facility.url = "javascript:alert(1)".into();
    facility.phone = "0959\"><script>".into();
    s.register(facility);
    s.notice("n1", NoticeCategory::Transport, &format!("{evil}\n{evil}\n\n{evil}"), hours_ago(1));
    let job = Some(Job::new(Employment::PartTime, WagePer::Hour, 1000));
    s.posting("j1", PostingKind::Job, Some("f001"), None, job, evil, hours_ago(1));
    s.incident("t1", evil, Severity::Incident, false, hours_ago(1));
    let (city, rhythms) = (city(), Rhythms::default());
    let f = frame(&city, &s.board, &rhythms);
    let mut all = pages(&s.board);
    all.push(("find-evil".into(), public::find(&f, &FindQuery::new(evil, evil, evil, evil, evil)).into_string()));
    for (name, page) in all {
        let html = Html::parse_document(&page);
        for tag in ["script", "img", "[onerror]", "a[href^='javascript']"] {
            assert!(select(&html, tag).is_empty(), "{name}: {tag}");
        }
    }
    assert!(text_board(&s.board).contains("<script>"), "plain text is plain");
}

#[test]
fn an_exercise_stays_behind_its_stripes() {
    let (_, exercise) = states().into_iter().find(|(n, _)| *n == "exercise").unwrap();
    let all = pages(&exercise.board);
    for (name, page) in &all {
        let html = Html::parse_document(page);
        assert_eq!(select(&html, ".drill b"), ["訓練"], "{name}: the band");
        let damage = select(&html, "#lifelines").len();
        if name == "incident-d1" {
            assert_eq!(damage, 1);
            assert_eq!(select(&html, ".practice #lifelines").len(), 1, "the exercise board stands inside the stripes");
        } else {
            assert_eq!(damage, 0, "{name}: nothing practised outside the exercise board");
            assert!(select(&html, "use[href='#m-help']").is_empty() || name == "about", "{name}");
        }
    }
    assert!(select(&Html::parse_document(&all[0].1), ".kd").len() == 1, "the front page keeps the real values");
    assert!(!text_board(&exercise.board).contains("非常用"));
}

#[test]
fn an_alert_changes_nothing_but_a_band() {
    let all = states();
    let of = |state: &str| {
        let (_, sample) = all.iter().find(|(n, _)| *n == state).unwrap();
        let page = &pages(&sample.board)[0].1;
        let html = Html::parse_document(page);
        (select(&html, "#vacancies"), select(&html, ".watch b"))
    };
    let (peace, alert) = (of("peace"), of("alert"));
    assert_eq!(peace.0, alert.0);
    assert_eq!((peace.1.len(), alert.1), (0, vec!["警戒中".to_owned()]));
}

#[test]
fn during_an_incident_the_front_page_says_first_what_is_open() {
    let all = states();
    let (_, incident) = all.iter().find(|(n, _)| *n == "incident").unwrap();
    let page = pages(&incident.board).remove(0).1;
    let html = Html::parse_document(&page);
    assert_eq!(select(&html, "h1"), ["いま、使えるところ"]);
    let headings = select(&html, "h2");
    assert_eq!(headings[0], "診療所・病院・薬局");
    assert!(headings.iter().any(|h| h == "地区ごとの空き"), "{headings:?}");
    assert_eq!(select(&html, ".cl tr td:nth-child(3)").len(), select(&html, ".cl tr td:nth-child(4)").len());
    let (_, silent) = all.iter().find(|(n, _)| *n == "silent").unwrap();
    let page = pages(&silent.board).remove(0).1;
    assert!(page.contains("「開いています」という報告は、まだありません。"));
    assert_eq!(select(&Html::parse_document(&page), ".cl .grp"), ["返事なし 1か所"]);
}

#[test]
fn few_people_on_an_island_are_printed_without_a_number() {
    let mut s = Sample::founded(false);
    s.incident("t18", "台風18号", Severity::Incident, false, hours_ago(2));
    for (id, island, count) in [("f001", Some("江島"), 2), ("f002", None, 2), ("f003", Some("江島"), 3)] {
        let mut facility = place(id, id, "sakito", vec![service(ServiceKind::GroupHome, 9)]);
        facility.island = island.map(Into::into);
        s.register(facility);
        let offer = Value::Acceptance { state: Acceptance::Yes, count: Some(count) };
        let hurt = Value::Injured(Injured::Yes);
        s.report_in(
            id,
            hours_ago(1),
            Channel::Qr,
            vec![plain(Aspect::Acceptance, offer), plain(Aspect::Injured, hurt)],
            Some("t18"),
            None,
            false,
        );
    }
    let all = pages(&s.board);
    let offers = select(&Html::parse_document(&all[0].1), "#offers .n");
    assert_eq!(offers, ["受け入れ 3人", "受け入れ 若干", "受け入れ 2人"]);
    for (name, page) in &all {
        assert!(!page.contains("けが人") || name == "about", "{name}: injured people stand on no page");
    }
    let text = text_board(&s.board);
    assert!(text.contains("若干") && !text.contains("けが人"));
}

#[test]
fn a_facility_is_found_by_kana_number_service_and_district_in_any_width() {
    let mut s = Sample::sixty();
    let mut facility = place("f900", "海鳥苑", "oshima", vec![service(ServiceKind::ShortStay, 10)]);
    facility.kana = "ウミドリエン".into();
    facility.office_number = "4270000900".into();
    s.register(facility);
    let (city, rhythms) = (city(), Rhythms::default());
    let f = frame(&city, &s.board, &rhythms);
    let found = |q: &str| {
        let page = public::find(&f, &FindQuery::new(q, "", "", "", "")).into_string();
        select(&Html::parse_document(&page), ".hit h3 a")
    };
    for q in ["海鳥", "うみどり", "ｳﾐﾄﾞﾘ", "４２７００００９００", "4270000900", "ショートステイ 大島 うみ", "0959-00-1100"]
    {
        assert!(found(q).contains(&"海鳥苑".to_owned()), "{q}");
    }
    assert!(found("うみどり 西彼").is_empty());
    assert_eq!(found("").len(), 50, "lists are paged");
    let second = public::find(&f, &FindQuery::new("", "", "", "", "2")).into_string();
    assert_eq!(select(&Html::parse_document(&second), ".hit").len(), 11);
    let beyond = public::find(&f, &FindQuery::new("", "", "", "", "99")).into_string();
    assert_eq!(select(&Html::parse_document(&beyond), ".hit").len(), 11, "beyond the last page stands the last page");
}

#[test]
fn one_list_has_one_canonical_address() {
    let q = FindQuery::new("  海鳥　苑 ", "stay", "oshima", "today", "3");
    assert_eq!(q, FindQuery::new("海鳥 苑", "stay", "oshima", "today", "3"));
    assert_eq!(q.address(), "/find?q=%E6%B5%B7%E9%B3%A5+%E8%8B%91&kind=stay&district=oshima&on=today&page=");
}

#[test]
fn every_kind_with_a_grid_stands_in_exactly_one_row() {
    for kind in ServiceKind::ALL {
        let rows = public::ROWS.iter().filter(|r| r.kinds.contains(kind)).count();
        assert_eq!(rows, usize::from(kind.grid().is_some()), "{kind}");
    }
}

#[test]
fn the_plain_text_joins_equal_days_and_says_the_time_of_each() {
    let mut s = Sample::founded(false);
    s.register(place("f001", "はまゆう荘", "oseto", vec![service(ServiceKind::ShortStay, 10)]));
    let kind = ServiceKind::ShortStay;
    let days = service(kind, 10).cells(city_date(now()));
    let seen = days.iter().take(10).enumerate().map(|(i, c)| {
        let full = i < 4;
        vacancy(kind, *c, if full { Level::Full } else { Level::Available }, Some(if full { 0 } else { 2 }))
    });
    s.report("f001", hours_ago(2), Channel::Qr, seen.collect());
    let text = text_board(&s.board);
    assert!(text.contains("11/24(火)〜11/27(金) × (8:42時点)"), "{text}");
    assert!(text.contains("11/28(土)〜12/3(木) ○2床 (8:42時点)"), "{text}");
    assert!(text.contains("12/4(金)〜12/24(木) ？ まだ報告がありません"), "{text}");
    for line in text.lines().filter(|l| l.contains(['◎', '○', '△', '×']) && !l.contains("余裕あり")) {
        assert!(line.contains("時点") || line.contains("最終"), "{line}");
    }
}

#[test]
fn the_front_page_of_sixty_facilities_is_small() {
    let (_, page) = pages(&Sample::sixty().board).remove(0);
    // The gzipped size is asserted where pages are gzipped; this bound keeps the markup itself from growing unseen.
    assert!(page.len() < 40_000, "{} bytes", page.len());
}

#[test]
fn the_chart_page_says_so_when_there_is_nothing_to_draw() {
    let all = pages(&Sample::founded(false).board);
    let (_, page) = all.iter().find(|(n, _)| n == "chart").unwrap();
    assert!(page.contains("まだ数字の報告がありません"));
    let all = pages(&Sample::sixty().board);
    let (_, page) = all.iter().find(|(n, _)| n == "chart").unwrap();
    assert_eq!(select(&Html::parse_document(page), ".trend tbody tr").len(), 30);
}
