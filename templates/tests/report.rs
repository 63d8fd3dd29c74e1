//! The report page as a sender meets it: every grid, every mode, every refusal, read through selectors.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use imaboard_domain::*;
use imaboard_templates::report::form::{self, Finding, Problem, Typed, What};
use imaboard_templates::report::page::Unstored;
use imaboard_templates::report::{Frame, page, postings, problem, receipt};
use imaboard_templates::words::JA;
use imaboard_templates::{City, Desk, District, poster};
use jiff::Timestamp;
use scraper::{Html, Selector};
use uuid::Uuid;

const NOW: &str = "2026-11-24T10:40:00+09:00";
const NONCE: Uuid = Uuid::from_u128(0x0193_a1c2_7000_8000_0000_0000_0001);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn city() -> City {
    let district = |id: &str, name: &str| District { id: id.parse().unwrap(), name: name.into(), islands: vec![] };
    City {
        name: "西海市".into(),
        desk: Desk { label: "相談窓口".into(), phone: "0959-00-1234".into(), hours: "いつでも".into() },
        disaster_desk: Desk { label: "災害対策本部".into(), phone: "0959-00-9999".into(), hours: "いつでも".into() },
        districts: vec![district("oseto", "大瀬戸"), district("saikai", "西海")],
    }
}

fn frame(city: &City) -> Frame<'_> {
    Frame {
        words: &JA,
        city,
        style: "/assets/report.css",
        script: "/assets/report.js",
        key: "k3y-5igned",
        thresholds: Thresholds::default(),
        practice: None,
    }
}

/// A board under construction: entries in order, each with its own time.
struct World {
    board: Board,
    seq: u64,
}

impl World {
    fn new(facility: Facility) -> Self {
        let mut world = Self { board: Board::new(), seq: 0 };
        world.log("2026-11-01T00:00:00+09:00", Facts::CityFounded { sample: true });
        world.log("2026-11-01T00:00:01+09:00", Facts::FacilityRegistered(Box::new(facility)));
        world
    }

    fn log(&mut self, when: &str, facts: Facts) -> EntryId {
        self.seq += 1;
        let id = EntryId(Uuid::from_u128(u128::from(self.seq)));
        let entry =
            Entry { seq: self.seq, id, recorded_at: at(when), actor: "key:k".into(), channel: Channel::Qr, facts, text: None };
        self.board.apply(&entry);
        id
    }

    fn report(&mut self, when: &str, exercise: bool, raws: &[RawObservation]) -> (EntryId, Facts) {
        let facility = self.facility().facility.clone();
        let rules = Rules { today: city_date(at(when)), thresholds: Thresholds::default(), incident: true };
        let observations = Observation::parse(raws, &facility, rules)
            .unwrap()
            .into_iter()
            .map(|o| Observed { aspect: o.aspect, value: o.value, confirms: None })
            .collect();
        let incident = self.board.incidents().keys().next().cloned();
        let facts = Facts::Report(Report {
            facility: facility.id.clone(),
            observed_at: at(when),
            late: false,
            incident,
            roll_call: None,
            exercise,
            unclear: false,
            observations,
            remark: None,
            press: None,
            effort: None,
        });
        (self.log(when, facts.clone()), facts)
    }

    fn open(&mut self, when: &str, name: &str, severity: Severity, exercise: bool) {
        let incident = Incident {
            id: format!("i{}", self.seq).parse().unwrap(),
            name: name.into(),
            hazard: Hazard::Typhoon,
            areas: vec![],
            severity,
            exercise,
            opened_at: at(when),
            closed_at: None,
        };
        self.log(when, Facts::IncidentOpened(incident));
    }

    fn facility(&self) -> &FacilityBoard {
        self.board.facilities().values().next().unwrap()
    }

    fn with<T>(&self, make: impl FnOnce(Frame<'_>, Moment<'_>, &FacilityBoard) -> T) -> T {
        let (city, rhythms) = (city(), Rhythms::default());
        make(frame(&city), Moment::new(&self.board, at(NOW), &rhythms), self.facility())
    }

    fn page(&self) -> String {
        self.with(|f, m, b| page::open(f, m, b, NONCE).into_string())
    }

    fn refused(&self, typed: &Typed, problems: &[Problem]) -> String {
        self.with(|f, m, b| page::refused(f, m, b, NONCE, typed, problems).into_string())
    }
}

fn service(kind: ServiceKind, capacity: u32) -> Service {
    Service { id: kind.word().parse().unwrap(), kind, capacity: Some(capacity), bed_cells: vec![], sessions: vec![] }
}

fn facility(name: &str, services: Vec<Service>) -> Facility {
    Facility {
        id: "f001".parse().unwrap(),
        name: name.into(),
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
        services,
        closures: vec![],
    }
}

fn raw(aspect: &str, value: &str) -> RawObservation {
    RawObservation { aspect: aspect.into(), value: value.into(), ..RawObservation::default() }
}

fn cell(service: &str, cell: &str, value: &str, count: Option<u32>) -> RawObservation {
    RawObservation { service: Some(service.into()), cell: Some(cell.into()), count, ..raw("vacancy", value) }
}

fn typed(pairs: &[(&str, &str)]) -> Typed {
    Typed::new(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

/// One facility for each grid, with something said of it.
fn every_grid() -> Vec<(&'static str, World)> {
    let said = "2026-11-23T17:30:00+09:00";
    let levels = ["available", "few", "full", "plenty"];
    let mut worlds = Vec::new();

    let mut beds = World::new(facility("はまゆう荘", vec![service(ServiceKind::Tokuyo, 50)]));
    beds.report("2026-11-20T09:10:00+09:00", false, &[cell("tokuyo", "all", "", Some(3)), raw("operation", "normal")]);
    worlds.push(("beds", beds));

    let mut split = service(ServiceKind::Roken, 80);
    split.bed_cells = ["male-private", "female-private", "male-shared", "female-shared"].map(|c| c.parse().unwrap()).to_vec();
    let mut classes = World::new(facility("老健 みさき", vec![split]));
    classes.report(said, false, &[cell("roken", "male-private", "", Some(0)), cell("roken", "female-shared", "", Some(9))]);
    worlds.push(("beds-split", classes));

    let mut dates = World::new(facility("ショートステイ みなと", vec![service(ServiceKind::ShortStay, 20)]));
    let raws: Vec<RawObservation> = city_date(at(NOW))
        .series(jiff::Span::new().days(1))
        .take(13)
        .zip(levels.iter().cycle())
        .map(|(day, level)| cell("short-stay", &day.to_string(), level, None))
        .collect();
    dates.report(said, false, &raws);
    worlds.push(("dates", dates));

    let mut day_care = service(ServiceKind::DayCare, 30);
    day_care.sessions = vec![Session::Am, Session::Pm];
    let mut weekdays = World::new(facility("デイなぎさ", vec![day_care]));
    let raws: Vec<RawObservation> =
        ["mon-am", "mon-pm", "tue-am", "tue-pm", "wed-am", "wed-pm", "thu-am", "thu-pm", "fri-am", "fri-pm"]
            .iter()
            .zip(levels.iter().cycle())
            .map(|(c, level)| cell("day-care", c, level, None))
            .chain(["sat-pm", "sun-am", "sun-pm"].map(|c| cell("day-care", c, "not_offered", None)))
            .collect();
    weekdays.report("2026-11-19T16:30:00+09:00", false, &raws);
    worlds.push(("weekdays", weekdays));

    let mut slots = World::new(facility("小規模多機能 うみ", vec![service(ServiceKind::SmallMulti, 29)]));
    let raws = [cell("small-multi", "registration", "few", Some(1)), cell("small-multi", "visit", "available", None)];
    slots.report(said, false, &raws);
    worlds.push(("slots", slots));

    let mut intake = World::new(facility("訪問看護 しおかぜ", vec![service(ServiceKind::HomeNursing, 40)]));
    intake.report("2026-11-12T08:50:00+09:00", false, &[cell("home-nursing", "new", "available", Some(2))]);
    worlds.push(("intake", intake));
    worlds
}

fn beds() -> World {
    every_grid().swap_remove(0).1
}

/// The same world in peace, in an incident and in an exercise.
fn in_modes(mut make: impl FnMut() -> World) -> Vec<(&'static str, World)> {
    let peace = make();
    let mut incident = make();
    incident.open("2026-11-24T06:00:00+09:00", "台風21号", Severity::Incident, false);
    let power = RawObservation { hours: Some(6), ..raw("power", "generator") };
    incident.report("2026-11-24T08:10:00+09:00", false, &[power, raw("operation", "limited")]);
    let mut exercise = make();
    exercise.open("2026-11-24T10:00:00+09:00", "地震の訓練", Severity::Incident, true);
    exercise.report("2026-11-24T10:10:00+09:00", true, &[raw("power", "generator")]);
    vec![("peace", peace), ("incident", incident), ("exercise", exercise)]
}

fn all_pages() -> Vec<(String, String)> {
    let names: Vec<&str> = every_grid().iter().map(|(name, _)| *name).collect();
    let mut pages = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        for (mode, world) in in_modes(|| every_grid().swap_remove(i).1) {
            pages.push((format!("{name}-{mode}"), world.page()));
        }
    }
    pages
}

fn select<'a>(html: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn checked(html: &Html, name: &str) -> Option<String> {
    select(html, &format!(r#"input[name="{name}"][checked]"#)).first().map(|e| e.attr("value").unwrap().to_owned())
}

#[test]
fn every_grid_in_every_mode_can_be_sent_without_a_script() {
    for (name, page) in all_pages() {
        let html = Html::parse_document(&page);
        let forms = select(&html, "form");
        assert!(!forms.is_empty(), "{name}");
        for form in forms {
            assert_eq!(form.attr("method"), Some("post"), "{name}");
            assert_eq!(form.attr("action"), Some("/r/k3y-5igned/reports"), "{name}");
        }
        assert!(!page.contains(" onclick=") && !page.contains(" style=") && !page.contains("javascript:"), "{name}");
        assert!(!page.contains("target=") && !page.contains(" download"), "{name}: nothing a messenger's browser cannot do");
        for input in select(&html, r#"input[type="radio"], input[type="checkbox"]"#) {
            assert!(input.attr("name").is_some() && input.attr("value").is_some(), "{name}");
        }
        let missing = html.root_element().text().find(|t| t.contains("report.")).map(str::to_owned);
        assert_eq!(missing, None, "{name}: a word is missing");
    }
}

#[test]
fn every_key_has_a_face_that_the_style_sheet_makes_48_pixels_high() {
    let css = include_str!("../../display/assets/report.css");
    assert!(css.contains("html { font-size: 112.5%;"), "1 rem is 18 px");
    for rule in
        [".face { ", ".tickface { ", ".fr { ", ".second, .undo, .jump, .tel { ", "details > summary { ", ".send, .same { "]
    {
        let start = css.find(rule).unwrap_or_else(|| panic!("{rule}"));
        let body = css[start..].split('}').next().unwrap();
        let rem: f64 = body.split("min-height: ").nth(1).unwrap().split("rem").next().unwrap().parse().unwrap();
        assert!(rem * 18.0 >= 48.0, "{rule}: {rem}rem");
    }
    for (name, page) in all_pages() {
        let html = Html::parse_document(&page);
        for input in select(&html, r#"input[type="radio"], input[type="checkbox"]"#) {
            let face = input.next_siblings().find_map(scraper::ElementRef::wrap).unwrap_or_else(|| panic!("{name}: no face"));
            let class = face.attr("class").unwrap();
            assert!(class.starts_with("face") || class.starts_with("tickface"), "{name}: {class}");
        }
    }
}

#[test]
fn the_first_submit_of_a_form_is_neutral_so_that_enter_never_sends_safe() {
    for (name, page) in all_pages() {
        let html = Html::parse_document(&page);
        let first = select(&html, "form#change button").into_iter().find(|b| b.attr("form").is_none()).unwrap();
        assert_eq!((first.attr("name"), first.attr("value")), (Some("send"), Some("details")), "{name}");
    }
}

#[test]
fn nothing_changed_is_one_tap_and_carries_the_moment_the_sender_saw() {
    for (mode, world) in in_modes(beds) {
        let html = Html::parse_document(&world.page());
        let button = select(&html, "button.same")[0];
        assert_eq!((button.attr("name"), button.attr("value")), (Some("confirm"), Some("all")), "{mode}");
        assert_eq!(button.attr("form"), Some("same"), "{mode}: forms cannot stand in one another");
        let seen = select(&html, r#"form#same input[name="seen"]"#)[0].attr("value").unwrap();
        let newest = world.board.facilities().values().filter_map(|f| f.last_report.as_ref()).map(|l| l.at).max().unwrap();
        assert_eq!(seen, newest.as_microsecond().to_string(), "{mode}");
        assert!(select(&html, "form form").is_empty(), "{mode}");
    }
}

#[test]
fn nothing_changed_is_not_offered_when_everything_is_stale() {
    let mut world = World::new(facility("はまゆう荘", vec![service(ServiceKind::Tokuyo, 50)]));
    world.report("2026-10-20T09:10:00+09:00", false, &[cell("tokuyo", "all", "", Some(3))]);
    let page = world.page();
    let html = Html::parse_document(&page);
    assert!(select(&html, "button.same").is_empty());
    assert!(select(&html, ".now .chip.some").is_empty(), "an old ○ is never shown as ○");
    assert_eq!(select(&html, ".now .chip.unknown").len(), 1);
    assert_eq!(checked(&html, "v.tokuyo.all"), None, "a stale cell is never filled in");
    assert!(page.contains("最終 35日前"));
}

#[test]
fn damage_of_yesterday_is_no_reason_to_say_nothing_changed_in_peace() {
    let mut world = World::new(facility("はまゆう荘", vec![service(ServiceKind::Tokuyo, 50)]));
    world.report("2026-11-24T09:10:00+09:00", false, &[raw("power", "none")]);
    let page = world.page();
    assert!(!page.contains(r#"class="same"#));
    assert!(page.contains("電気"), "but it is shown");
}

#[test]
fn what_the_board_believes_is_filled_in_with_its_time_and_age() {
    let worlds = every_grid();
    let html = Html::parse_document(&worlds[0].1.page());
    assert_eq!(checked(&html, "v.tokuyo.all").as_deref(), Some("3"));
    assert_eq!(checked(&html, "operation").as_deref(), Some("normal"));
    let text: String = select(&html, ".now")[0].text().collect();
    assert!(text.contains("11月20日(金) 9:10") && text.contains("4日前"), "{text}");
    let html = Html::parse_document(&worlds[2].1.page());
    assert_eq!(checked(&html, "v.short-stay.2026-11-24").as_deref(), Some("available"));
    assert_eq!(checked(&html, "v.short-stay.2026-12-07"), None);
}

#[test]
fn a_hostile_name_is_only_a_name() {
    let name = r#"<script>alert(1)</script>"><b>[あ|い]"#;
    for (mode, world) in in_modes(|| World::new(facility(name, vec![service(ServiceKind::Tokuyo, 50)]))) {
        let page = world.page();
        assert!(!page.contains("<script>alert"), "{mode}");
        let html = Html::parse_document(&page);
        assert_eq!(select(&html, "h1")[0].text().collect::<String>(), name, "{mode}");
        let sheet = world.with(|f, m, b| {
            let poster = poster::Poster { words: f.words, city: f.city, styles: &["/p.css"] };
            poster::page(poster, m, b, poster::Key { qr: "<svg></svg>", label: "k-1" }).into_string()
        });
        assert!(!sheet.contains("<script>"), "{mode}");
    }
}

fn three_problems() -> (Typed, [Problem; 3]) {
    let typed = typed(&[
        ("was", "operation=normal&v.tokuyo.all=3"),
        ("seen", "1763948400000000"),
        ("v.tokuyo.all", "more"),
        ("n.tokuyo.all", "120"),
        ("operation", "suspended"),
        ("operation.reopens", "2026-02-31"),
        ("remark", "見学は 夜勤の 090-0000-1234 まで"),
    ]);
    let finding =
        Finding {
            start: 8, end: 21, why: "個人の電話番号です。".into(), suggestion: "施設の電話番号を書いてください。".into()
        };
    let problem = |field: &str, what| Problem { field: field.into(), what };
    let problems = [
        problem("v.tokuyo.all", What::Refused(Refused::MoreThanTotal { count: 120, total: 50 })),
        problem("operation", What::Refused(Refused::BadDate { date: "2026-02-31".into() })),
        problem("remark", What::Personal(vec![finding])),
    ];
    (typed, problems)
}

#[test]
fn what_was_typed_survives_every_refusal() {
    let (typed, problems) = three_problems();
    let page = beds().refused(&typed, &problems);
    let html = Html::parse_document(&page);
    assert_eq!(checked(&html, "v.tokuyo.all").as_deref(), Some("more"));
    assert_eq!(select(&html, r#"input[name="n.tokuyo.all"]"#)[0].attr("value"), Some("120"));
    assert_eq!(checked(&html, "operation").as_deref(), Some("suspended"));
    let date = select(&html, r#"input[name="operation.reopens"]"#)[0];
    assert_eq!((date.attr("value"), date.attr("type")), (Some("2026-02-31"), Some("text")), "a date field would drop it");
    assert_eq!(select(&html, "textarea")[0].text().collect::<String>(), "見学は 夜勤の 090-0000-1234 まで");
    assert_eq!(select(&html, "mark")[0].text().collect::<String>(), "090-0000-1234");
    assert_eq!(select(&html, r#"form#change input[name="seen"]"#)[0].attr("value"), Some("1763948400000000"));
    let was = select(&html, r#"form#change input[name="was"]"#)[0].attr("value");
    assert_eq!(was, Some("operation=normal&v.tokuyo.all=3"));
    assert!(page.contains("まだ 送られて いません"));
}

#[test]
fn every_line_of_the_summary_leads_to_an_explanation() {
    let (typed, problems) = three_problems();
    let html = Html::parse_document(&beds().refused(&typed, &problems));
    let links = select(&html, ".fix a");
    assert_eq!(links.len(), 3);
    for link in links {
        let target = link.attr("href").unwrap();
        let place = select(&html, target);
        assert_eq!(place.len(), 1, "{target}");
        assert!(place[0].select(&Selector::parse(".why").unwrap()).next().is_some(), "{target}");
    }
}

#[test]
fn a_store_that_is_away_never_looks_like_a_stored_report() {
    let typed = typed(&[("v.tokuyo.all", "2"), ("remark", "あした 見学できます")]);
    for why in [Unstored::NotStored, Unstored::Busy(5)] {
        let page = beds().with(|f, m, b| page::unstored(f, m, b, NONCE, &typed, why).into_string());
        assert!(page.contains("まだ 届いていません") && !page.contains("きました"), "{why:?}");
        let html = Html::parse_document(&page);
        assert_eq!(checked(&html, "v.tokuyo.all").as_deref(), Some("2"));
        assert!(page.contains("あした 見学できます") && page.contains("0959-00-1234"));
    }
}

#[test]
fn needs_help_during_an_exercise_asks_once_and_keeps_everything() {
    let mut world = beds();
    world.open("2026-11-24T10:00:00+09:00", "地震の訓練", Severity::Incident, true);
    let html = Html::parse_document(&world.page());
    let buttons: Vec<&str> = select(&html, r#"button[name="first_report"]"#).iter().map(|b| b.attr("value").unwrap()).collect();
    assert_eq!(buttons, ["safe", "impaired", "needs_help:exercise", "needs_help:real"], "help is never one tap in an exercise");
    let typed = typed(&[("first_report", "needs_help"), ("power", "none"), ("remark", "<b>水")]);
    let page = world.with(|f, m, b| page::which(f, m, b, &typed).into_string());
    let html = Html::parse_document(&page);
    assert_eq!(select(&html, "form button")[0].attr("name"), Some("send"), "Enter decides nothing");
    let hidden: Vec<(&str, &str)> =
        select(&html, r#"input[type="hidden"]"#).iter().map(|i| (i.attr("name").unwrap(), i.attr("value").unwrap())).collect();
    assert_eq!(hidden, [("first_report", "needs_help"), ("power", "none"), ("remark", "<b>水")]);
    let sure: Vec<&str> = select(&html, r#"button[name="realm.sure"]"#).iter().map(|b| b.attr("value").unwrap()).collect();
    assert_eq!(sure, ["exercise", "real"]);
}

#[test]
fn an_exercise_page_says_so_and_an_incident_page_gives_the_disaster_desk() {
    for (mode, world) in in_modes(beds) {
        let page = world.page();
        assert_eq!(page.contains(r#"class="drill""#), mode == "exercise", "{mode}");
        assert_eq!(page.contains("0959-00-9999"), mode == "incident", "{mode}");
        assert!(page.contains(r#"value="unconfirmed""#), "{mode}: 未確認 is always an answer");
    }
}

#[test]
fn a_roll_call_during_an_alert_asks_how_it_is_and_an_alert_alone_does_not() {
    let mut world = beds();
    world.open("2026-11-24T06:00:00+09:00", "台風21号", Severity::Alert, false);
    assert!(!world.page().contains(r#"value="needs_help""#));
    let call = RollCall {
        id: "r1".parse().unwrap(),
        areas: vec![],
        exercise: false,
        opened_at: at("2026-11-24T10:00:00+09:00"),
        closed_at: None,
        answers: imaboard_domain::OrdMap::new(),
    };
    world.log("2026-11-24T10:00:00+09:00", Facts::RollCallOpened(call));
    assert!(world.page().contains(r#"value="needs_help""#));
}

#[test]
fn the_desk_the_wrong_facility_line_and_the_sample_badge_stand_on_every_page() {
    for (name, page) in all_pages() {
        assert!(page.contains("tel:095900"), "{name}");
        assert!(page.contains("送らないで 電話してください。"), "{name}");
        assert!(page.contains(r#"class="sample""#) && page.contains("見本"), "{name}");
    }
}

#[test]
fn the_receipt_shows_number_time_values_and_the_way_back() {
    let mut world = beds();
    let (id, facts) = world.report("2026-11-24T10:39:00+09:00", false, &[cell("tokuyo", "all", "", Some(2))]);
    let recorded_at = at("2026-11-24T10:39:00+09:00");
    let stored = receipt::Stored { seq: 4711, id, recorded_at, facts: &facts, text: None, asked: false, taken_back: false };
    let page = world.with(|f, m, b| receipt::page(f, m, b, stored).into_string());
    let html = Html::parse_document(&page);
    assert!(page.contains("第4711号") && page.contains("10:39"));
    assert_eq!(select(&html, "form")[0].attr("action"), Some("/r/k3y-5igned/corrections"));
    assert_eq!(select(&html, r#"input[name="replaces"]"#)[0].attr("value"), Some(id.to_string().as_str()));
    assert!(select(&html, ".now .facts b").iter().any(|b| b.text().collect::<String>() == "2"));
    let again = receipt::Stored { taken_back: true, ..stored };
    let page = world.with(|f, m, b| receipt::page(f, m, b, again).into_string());
    assert!(!page.contains("/corrections"), "nothing is taken back twice");
}

#[test]
fn more_than_the_total_is_let_through_in_an_incident_and_said_on_the_receipt() {
    let mut world = beds();
    let (id, facts) = world.report("2026-11-24T10:39:00+09:00", false, &[cell("tokuyo", "all", "", Some(60))]);
    let recorded_at = at("2026-11-24T10:39:00+09:00");
    let stored = receipt::Stored { seq: 9, id, recorded_at, facts: &facts, text: None, asked: false, taken_back: false };
    let page = world.with(|f, m, b| receipt::page(f, m, b, stored).into_string());
    assert!(page.contains("全部の数より 多いまま"));
}

#[test]
fn a_key_that_speaks_for_nobody_gets_kind_words_and_a_number() {
    let page = beds().with(|f, m, _| problem::gone(f, m).into_string());
    assert!(page.contains("0959-00-1234"));
    assert!(!page.contains("はまゆう荘") && !page.contains("k3y-5igned"), "it neither names a facility nor repeats the key");
}

#[test]
fn a_posting_says_before_it_is_sent_that_the_city_looks_first() {
    let typed = typed(&[("kind", "job"), ("title", "介護職"), ("wage_from", "千円")]);
    let problems = [Problem { field: "wage".into(), what: What::WageMissing }];
    let page = beds().with(|f, m, b| {
        let filled = postings::Filled { typed: Some(&typed), problems: &problems, ..postings::Filled::default() };
        postings::page(f, m, b, NONCE, filled).into_string()
    });
    assert!(page.contains("市が 見てから ボードに 出します"));
    let html = Html::parse_document(&page);
    assert_eq!(select(&html, r#"input[name="wage_from"]"#)[0].attr("value"), Some("千円"));
}

mod reading {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> form::Reading {
        let kinds = vec![service(ServiceKind::Tokuyo, 50), service(ServiceKind::DayCare, 30), service(ServiceKind::HomeHelp, 9)];
        form::read(&typed(pairs), &facility("x", kinds))
    }

    #[test]
    fn what_the_page_filled_in_is_not_observed_anew() {
        let reading = read(&[("was", "operation=normal&v.tokuyo.all=3"), ("v.tokuyo.all", "3"), ("operation", "normal")]);
        assert!(reading.raws.is_empty() && reading.kept && reading.problems.is_empty());
        let reading = read(&[("was", "operation=normal&v.tokuyo.all=3"), ("v.tokuyo.all", "2"), ("operation", "normal")]);
        assert_eq!(reading.raws, [cell("tokuyo", "all", "", Some(2))]);
        assert!(reading.kept);
    }

    #[test]
    fn a_number_typed_beside_untouched_keys_is_what_is_meant() {
        let reading = read(&[("was", "v.tokuyo.all=3"), ("v.tokuyo.all", "3"), ("n.tokuyo.all", "１２")]);
        assert_eq!(reading.raws[0].count, Some(12), "full-width digits too");
        let reading = read(&[("v.tokuyo.all", "4"), ("n.tokuyo.all", "")]);
        assert_eq!(reading.raws[0].count, Some(4));
    }

    #[test]
    fn more_without_a_number_and_words_for_numbers_are_explained() {
        let missing = Problem { field: "v.tokuyo.all".into(), what: What::NumberMissing };
        assert_eq!(read(&[("v.tokuyo.all", "more")]).problems, [missing]);
        let reading = read(&[("v.tokuyo.all", "more"), ("n.tokuyo.all", "たくさん")]);
        assert_eq!(reading.problems[0].what, What::NotANumber("たくさん".into()));
        assert!(reading.raws.is_empty());
    }

    #[test]
    fn a_day_becomes_closed_by_a_tick_and_opens_by_a_level() {
        let mon = [("was", "v.day-care.mon-day=available"), ("v.day-care.mon-day", "available"), ("off.day-care.mon-day", "on")];
        assert_eq!(read(&mon).raws[0].value, "not_offered");
        let was = ("was", "off.day-care.sun-day=on");
        let reading = read(&[was, ("v.day-care.sun-day", "few"), ("off.day-care.sun-day", "on")]);
        assert_eq!(reading.raws[0].value, "few");
        let missing = Problem { field: "v.day-care.sun-day".into(), what: What::LevelMissing };
        assert_eq!(read(&[was]).problems, [missing]);
    }

    #[test]
    fn a_count_left_over_does_not_contradict_full() {
        let was = "c.home-help.new=2&v.home-help.new=available";
        let reading = read(&[("was", was), ("v.home-help.new", "full"), ("c.home-help.new", "2")]);
        assert_eq!((reading.raws[0].value.as_str(), reading.raws[0].count), ("full", None));
    }

    #[test]
    fn hours_belong_to_a_state_that_has_them() {
        let was = ("was", "power=generator&power.hours=6");
        let reading = read(&[was, ("power", "grid"), ("power.hours", "6")]);
        assert_eq!((reading.raws[0].value.as_str(), reading.raws[0].hours), ("grid", None));
        let reading = read(&[was, ("power", "generator"), ("power.hours", "3")]);
        assert_eq!(reading.raws[0].hours, Some(3));
    }

    #[test]
    fn needs_travel_as_a_whole_list_and_can_be_taken_back() {
        let reading = read(&[
            ("need.shown", "1"),
            ("need", "water"),
            ("need.water.when", "within_24h"),
            ("need.water.n", "200"),
            ("need.water.unit", "l"),
            ("need.fuel.unit", "l"),
        ]);
        assert_eq!(reading.raws.len(), 1);
        let need = &reading.raws[0];
        assert_eq!((need.cell.as_deref(), need.count, need.unit.as_deref()), (Some("within_24h"), Some(200), Some("l")));
        let was = ("was", "need=water,fuel&need.water.when=now&need.fuel.when=now");
        assert_eq!(read(&[was, ("need.shown", "1")]).raws[0].value, "nothing", "the last tick was taken off");
        let same = [("need", "water"), ("need", "fuel"), ("need.water.when", "now"), ("need.fuel.when", "now")];
        let untouched = read(&[&[was, ("need.shown", "1"), ("need.fuel.unit", "l")][..], &same[..]].concat());
        assert!(untouched.raws.is_empty() && untouched.kept);
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_services_are_refused_at_their_field() {
        let reading = read(&[("utm_source", "mail"), ("v", "1"), ("v.tokuyo", "1"), ("x.tokuyo.all", "1"), ("power", "")]);
        assert!(reading.raws.is_empty() && reading.problems.is_empty());
        let reading = read(&[("v.sauna.all", "3")]);
        let rules = Rules { today: city_date(at(NOW)), thresholds: Thresholds::default(), incident: false };
        let refused = Observation::parse(&reading.raws, &facility("x", vec![service(ServiceKind::Tokuyo, 5)]), rules);
        assert_eq!(reading.problem(0, refused.unwrap_err().remove(0).1).field, "v.sauna.all");
    }

    #[test]
    fn what_is_filled_in_reads_back_as_nothing_new() {
        for (name, world) in every_grid() {
            let was = world.with(|_, m, b| form::prefill(m, b, Realm::Real));
            let mut pairs = vec![("was".to_owned(), form::pack(&was))];
            pairs.extend(was.iter().filter(|(n, _)| *n != "need").map(|(n, v)| (n.clone(), v.clone())));
            let reading = form::read(&Typed::new(pairs), &world.facility().facility);
            assert!(reading.raws.is_empty() && reading.problems.is_empty() && reading.kept, "{name}: {reading:?}");
        }
    }
}

#[test]
fn a_call_for_help_with_a_bad_detail_is_still_in_the_form_when_it_comes_back() {
    let (_, world) = in_modes(beds).swap_remove(1);
    let typed = typed(&[("first_report", "needs_help"), ("acceptance", "yes"), ("acceptance.n", "たくさん")]);
    let problem = Problem { field: "acceptance".into(), what: What::NotANumber("たくさん".into()) };
    let html = Html::parse_document(&world.refused(&typed, &[problem]));
    let kept = select(&html, r#"form#change input[type="hidden"][name="first_report"]"#);
    assert_eq!(kept[0].attr("value"), Some("needs_help"));
    assert!(select(&html, "details[open] #f-acceptance .why").len() == 1, "and the folded part is open");
}
