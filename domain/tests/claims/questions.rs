//! What pages ask of a moment: counts that add up, percentages that mean what they say, the chart, lateness.

use imaboard_domain::*;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::support::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn counts_add_up_to_what_there_is(entries in session(40), later_s in 0_i64..900_000) {
        let board = replay(&entries);
        let rhythms = Rhythms::default();
        let m = Moment::new(&board, morning() + SignedDuration::from_secs(later_s), &rhythms);
        let all = m.facilities().count();
        for kind in KINDS {
            let offered = m.facilities().flat_map(|f| &f.facility.services).filter(|s| s.kind == kind && kind.grid().is_some());
            let offered = offered.count();
            let counted: u32 = m.level_counts(kind).values().map(LevelCounts::total).sum();
            prop_assert_eq!(counted as usize, offered);
            prop_assert_eq!(m.places(kind).len(), offered);
            let known: Vec<bool> = m.places(kind).iter().map(|p| p.level().is_some()).collect();
            prop_assert!(known.is_sorted_by(|a, b| a >= b), "unknown places stand last");
        }
        for realm in [Realm::Real, Realm::Exercise] {
            for (aspect, _) in &PLAIN_ASPECTS {
                let counted: u32 = m.condition_counts(aspect, realm).values().map(|c| c.good + c.limited + c.bad + c.unknown).sum();
                prop_assert_eq!(counted as usize, all);
            }
            let first = m.first_counts(realm);
            prop_assert!((first.needs_help + first.impaired + first.safe + first.silent) as usize <= all);
        }
        for call in board.roll_calls().values() {
            let now = m.roll_call_now(call);
            let silent: usize = now.districts.values().map(|d| d.silent.len()).sum();
            prop_assert_eq!(silent + now.answered as usize, now.asked as usize);
            prop_assert_eq!(now.channels.values().sum::<u32>(), now.answered);
            prop_assert!(now.percent() <= 100);
            prop_assert_eq!(now.percent() == 100, now.answered == now.asked);
            let curve: Vec<u32> = (-10..60).map(|hours| now.percent_after(hours * 60)).collect();
            prop_assert!(curve.is_sorted() && curve.iter().all(|p| *p <= now.percent()));
            prop_assert_eq!(now.percent_after(10_000_000), now.percent());
        }
        let (fresh, grids) = m.reporting();
        prop_assert!(fresh <= grids && grids as usize <= all);
    }
}

fn place(name: &str, district: &str, services: Vec<Service>) -> Facts {
    Facts::FacilityRegistered(Box::new(Facility { district: id(district), ..facility(name, services) }))
}

fn answered(name: &str, minutes: i64) -> Facts {
    let said = vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::Safe))];
    Facts::Report(Report { roll_call: Some(id("rc-1")), ..report(name, after_minutes(minutes), said) })
}

#[test]
fn a_roll_call_counts_those_it_asked_and_rounds_down() {
    let mut board = Board::new();
    let names = ["a", "b", "c"];
    for (n, name) in names.iter().enumerate() {
        board.apply(&entry(n as u64 + 1, morning(), place(name, "seihi", vec![service(ServiceKind::Tokuyo)])));
    }
    board.apply(&entry(4, morning(), place("far", "oshima", vec![service(ServiceKind::Tokuyo)])));
    let call = RollCall { areas: vec![id("seihi")], ..roll_call("rc-1", false, morning()) };
    board.apply(&entry(5, morning(), Facts::RollCallOpened(call)));
    board.apply(&entry(6, after_minutes(10), answered("a", 10)));
    board.apply(&entry(7, after_minutes(40), answered("b", 40)));
    // Not asked, and free to answer all the same.
    board.apply(&entry(8, after_minutes(5), answered("far", 5)));
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(60), &rhythms);
    let now = m.roll_call(Realm::Real).unwrap();
    assert_eq!((now.asked, now.answered, now.percent()), (3, 2, 66));
    assert_eq!([9, 10, 39, 40].map(|min| now.percent_after(min)), [0, 33, 33, 66]);
    // One that leaves the register is asked no more, and its answer does not count.
    board.apply(&entry(9, after_minutes(61), Facts::FacilityRetired { facility: id("a") }));
    let m = Moment::new(&board, after_minutes(62), &rhythms);
    let now = m.roll_call(Realm::Real).unwrap();
    assert_eq!((now.asked, now.answered, now.percent_after(30), now.percent()), (2, 1, 0, 50));
}

#[test]
fn the_first_answer_counts_and_vacancies_are_none() {
    let mut board = board_of([place("a", "seihi", vec![service(ServiceKind::Tokuyo)])]);
    board.apply(&entry(2, morning(), Facts::RollCallOpened(roll_call("rc-1", false, morning()))));
    let beds_only = report("a", after_minutes(1), vec![(beds(ServiceKind::Tokuyo), free(2))]);
    board.apply(&entry(3, after_minutes(1), Facts::Report(Report { roll_call: Some(id("rc-1")), ..beds_only })));
    assert!(board.roll_calls()[&id::<RollCallId>("rc-1")].answers.is_empty(), "free beds say nothing about the people");
    board.apply(&entry(4, after_minutes(20), answered("a", 20)));
    board.apply(&entry(5, after_minutes(30), answered("a", 30)));
    assert_eq!(board.roll_calls()[&id::<RollCallId>("rc-1")].answers[&id::<FacilityId>("a")].at, after_minutes(20));
}

#[test]
fn safe_said_before_the_disaster_says_nothing_about_it() {
    let said = |minutes| {
        Facts::Report(report("a", after_minutes(minutes), vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::Safe))]))
    };
    let storm = Facts::IncidentOpened(incident("storm", false, Severity::Incident, morning()));
    let mut board = board_of([place("a", "seihi", vec![service(ServiceKind::Tokuyo)]), said(-30), storm]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(5), &rhythms);
    let held = board.find_facility(&id("a")).unwrap();
    assert!(matches!(m.shown(held, &Aspect::FirstReport, Realm::Real), Shown::Stale(_)));
    assert_eq!(m.first_counts(Realm::Real), FirstCounts { silent: 1, ..FirstCounts::default() });
    board.apply(&entry(9, after_minutes(6), said(6)));
    let m = Moment::new(&board, after_minutes(7), &rhythms);
    assert_eq!(m.first_counts(Realm::Real).safe, 1);
}

#[test]
fn open_said_before_the_disaster_says_nothing_about_it() {
    let open = |minutes| {
        let value = Value::Operation { state: Operation::Normal, reopens: None };
        Facts::Report(report("a", after_minutes(minutes), vec![(Aspect::Operation, value)]))
    };
    let shown_in = |severity| {
        let storm = Facts::IncidentOpened(incident("storm", false, severity, morning()));
        let board = board_of([place("a", "seihi", vec![service(ServiceKind::Clinic)]), open(-30), storm]);
        let rhythms = Rhythms::default();
        let m = Moment::new(&board, after_minutes(5), &rhythms);
        m.shown(board.find_facility(&id("a")).unwrap(), &Aspect::Operation, Realm::Real).freshness()
    };
    assert_eq!(shown_in(Severity::Incident), Some(Freshness::Stale));
    assert_eq!(shown_in(Severity::Alert), Some(Freshness::Fresh), "an alert changes nothing yet");
}

#[test]
fn a_call_for_help_ends_with_its_incident() {
    let storm = incident("storm", false, Severity::Incident, morning());
    let mut said = report("a", after_minutes(1), vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::NeedsHelp))]);
    said.incident = Some(storm.id.clone());
    let closing = Facts::IncidentClosed { incident: storm.id.clone() };
    let place = place("a", "seihi", vec![service(ServiceKind::Tokuyo)]);
    let mut board = board_of([place, Facts::IncidentOpened(storm), Facts::Report(said)]);
    let rhythms = Rhythms::default();
    let first = |board: &Board| {
        let m = Moment::new(board, after_minutes(10), &rhythms);
        m.shown(board.find_facility(&id("a")).unwrap(), &Aspect::FirstReport, Realm::Real).freshness()
    };
    assert_eq!(first(&board), Some(Freshness::Fresh));
    board.apply(&entry(99, after_minutes(9), closing));
    assert_eq!(first(&board), Some(Freshness::Stale));
}

#[test]
fn first_reports_are_counted_where_the_disaster_is() {
    let tokuyo = || vec![service(ServiceKind::Tokuyo)];
    let storm = Incident { areas: vec![id("oshima")], ..incident("storm", false, Severity::Incident, morning()) };
    let board = board_of([place("a", "seihi", tokuyo()), place("b", "oshima", tokuyo()), Facts::IncidentOpened(storm)]);
    let rhythms = Rhythms::default();
    assert_eq!(Moment::new(&board, after_minutes(5), &rhythms).first_counts(Realm::Real).silent, 1);
}

#[test]
fn that_nobody_else_can_be_taken_in_is_no_damage() {
    let said = vec![
        (Aspect::Acceptance, Value::Acceptance { state: Acceptance::No, count: None }),
        (Aspect::Power, Value::Power { state: Power::Grid, hours: None }),
    ];
    let board = board_of([place("a", "seihi", vec![service(ServiceKind::Tokuyo)]), Facts::Report(report("a", morning(), said))]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(5), &rhythms);
    let row = m.damage_of(board.find_facility(&id("a")).unwrap(), Realm::Real);
    assert_eq!(row.worst(), Some(Condition::Good));
    assert!(m.damage_rows(Realm::Real).is_empty());
}

#[test]
fn help_stands_before_damage_and_damage_before_the_unconfirmed() {
    let tokuyo = || vec![service(ServiceKind::Tokuyo)];
    let said = |name, aspect, value| Facts::Report(report(name, morning(), vec![(aspect, value)]));
    let power = |state| Value::Power { state, hours: None };
    let board = board_of([
        place("dunno", "seihi", tokuyo()),
        place("dark", "seihi", tokuyo()),
        place("help", "seihi", tokuyo()),
        place("fine", "seihi", tokuyo()),
        said("dunno", Aspect::Power, power(Power::Unconfirmed)),
        said("dark", Aspect::Power, power(Power::None)),
        said("help", Aspect::FirstReport, Value::FirstReport(FirstReport::NeedsHelp)),
        said("fine", Aspect::Power, power(Power::Grid)),
    ]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(20), &rhythms);
    let order: Vec<String> = m.damage_rows(Realm::Real).iter().map(|r| r.facility.facility.id.to_string()).collect();
    assert_eq!(order, ["help", "dark", "dunno"]);
}

#[test]
fn a_short_stay_shows_today_and_tomorrow_and_turns_with_the_day() {
    let cell = |text: &str| Aspect::Vacancy { service: id("short-stay"), cell: text.parse().unwrap() };
    let level = |level| Value::Vacancy { level, count: None, total: None };
    let said = vec![(cell("2026-11-23"), level(Level::Full)), (cell("2026-11-25"), level(Level::Plenty))];
    let board =
        board_of([place("a", "seihi", vec![service(ServiceKind::ShortStay)]), Facts::Report(report("a", morning(), said))]);
    let rhythms = Rhythms::default();
    let shown = |at: &str| Moment::new(&board, at.parse().unwrap(), &rhythms).places(ServiceKind::ShortStay)[0].level();
    assert_eq!(shown("2026-11-23T14:59:59Z"), Some(Level::Full), "the 25th is not yet asked for");
    assert_eq!(shown("2026-11-23T15:00:00Z"), Some(Level::Plenty), "now it is tomorrow");
}

#[test]
fn a_planned_closure_is_not_late() {
    let closure = Closure { from: today(), until: today(), reason: None };
    let home = Facility { closures: vec![closure], ..facility("a", vec![service(ServiceKind::Tokuyo)]) };
    let board = board_of([Facts::FacilityRegistered(Box::new(home))]);
    let rhythms = Rhythms::default();
    let late = |at: &str| Moment::new(&board, at.parse().unwrap(), &rhythms).is_late(board.find_facility(&id("a")).unwrap());
    assert!(late("2026-11-22T14:59:59Z"));
    assert!(!late("2026-11-22T15:00:00Z") && !late("2026-11-23T14:59:59Z"));
    assert!(late("2026-11-23T15:00:00Z"));
}

#[test]
fn the_chart_carries_a_number_over_days_without_one_until_it_would_be_stale() {
    let said = |days: i64, count| {
        Facts::Report(report("a", after_minutes(-1_440 * days), vec![(beds(ServiceKind::Tokuyo), free(count))]))
    };
    let board = board_of([place("a", "seihi", vec![service(ServiceKind::Tokuyo)]), said(29, 4), said(5, 2), said(4, 0)]);
    let rhythms = Rhythms::default();
    let days = Moment::new(&board, after_minutes(5), &rhythms).free_by_day(31);
    let free: Vec<Option<u32>> = days.iter().map(|d| d.free[0].1).collect();
    assert_eq!(days.last().unwrap().day, today());
    assert_eq!(free[0], None, "nothing was known before");
    assert!(free[1..=15].iter().all(|n| *n == Some(4)), "twice the rhythm of a week");
    assert!(free[16..25].iter().all(Option::is_none));
    assert_eq!(free[25..], [Some(2), Some(0), Some(0), Some(0), Some(0), Some(0)]);
}

#[test]
fn a_bed_class_that_was_split_is_not_counted_twice() {
    let split = |cells: &[&str]| Service {
        bed_cells: cells.iter().map(|c| c.parse().unwrap()).collect(),
        ..service(ServiceKind::Tokuyo)
    };
    let cell = |text: &str| Aspect::Vacancy { service: id("tokuyo"), cell: text.parse().unwrap() };
    let board = board_of([
        place("a", "seihi", vec![split(&[])]),
        Facts::Report(report("a", morning(), vec![(cell("all"), free(4))])),
        place("a", "seihi", vec![split(&["male", "female"])]),
        Facts::Report(report("a", after_minutes(10), vec![(cell("male"), free(3)), (cell("female"), free(1))])),
    ]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(20), &rhythms);
    assert_eq!(m.free_by_day(1)[0].free, [(ServiceKind::Tokuyo, Some(4))]);
    assert_eq!(m.places(ServiceKind::Tokuyo)[0].count, Some(4));
}

#[test]
fn an_island_is_an_ordinary_place_with_its_name() {
    let home = Facility { island: Some("松島".into()), ..facility("a", vec![service(ServiceKind::Tokuyo)]) };
    let board = board_of([Facts::FacilityRegistered(Box::new(home))]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, morning(), &rhythms);
    assert_eq!(m.places(ServiceKind::Tokuyo)[0].facility.facility.island.as_deref(), Some("松島"));
    assert_eq!(m.level_counts(ServiceKind::Tokuyo)[&id("seihi")].unknown, 1);
}

#[test]
fn a_posting_is_public_inside_its_window_and_in_no_other_state() {
    let draft = Facts::PostingDrafted {
        posting: id("p1"),
        what: PostingKind::Notice,
        facility: None,
        category: Some(NoticeCategory::Transport),
        job: None,
        expires_at: None,
        plan: Plan::default(),
    };
    let mut board = Board::new();
    board.apply(&Entry { text: Some("欠航のお知らせ\n午後の便".into()), ..entry(1, morning(), draft) });
    let rhythms = Rhythms::default();
    let public =
        |board: &Board, minutes| Moment::new(board, after_minutes(minutes), &rhythms).public_postings(PostingKind::Notice).len();
    assert_eq!(public(&board, 1), 0, "pending until somebody in the city releases it");
    let publish = Facts::PostingPublished {
        posting: id("p1"),
        publish_at: Some(after_minutes(60)),
        expires_at: Some(after_minutes(120)),
        pinned: false,
    };
    board.apply(&entry(2, after_minutes(5), publish));
    assert_eq!([59, 60, 119, 120].map(|min| public(&board, min)), [0, 1, 1, 0]);
    assert_eq!(Moment::new(&board, after_minutes(59), &rhythms).next_deadline(), after_minutes(60));
    board.apply(&entry(3, after_minutes(70), Facts::Redacted { seq: 1, why: "誤り".into() }));
    assert_eq!(public(&board, 80), 0);
    board.apply(&entry(4, after_minutes(71), Facts::PostingWithdrawn { posting: id("p1") }));
    assert_eq!(board.postings()[&id::<PostingId>("p1")].state, PostingState::Withdrawn);
}

#[test]
fn a_roll_call_that_is_over_asks_those_who_were_there_and_keeps_their_answers() {
    let tokuyo = || vec![service(ServiceKind::Tokuyo)];
    let said = |name: &str, minutes| {
        let safe = (Aspect::FirstReport, Value::FirstReport(FirstReport::Safe));
        Report { roll_call: Some(id("rc-1")), ..report(name, after_minutes(minutes), vec![safe]) }
    };
    let call = Facts::RollCallOpened(roll_call("rc-1", false, after_minutes(10)));
    let mut board =
        board_of([place("a", "seihi", tokuyo()), place("b", "oshima", tokuyo()), place("c", "seihi", tokuyo()), call]);
    board.apply(&entry(5, after_minutes(20), Facts::Report(said("a", 20))));
    board.apply(&entry(6, after_minutes(40), Facts::Report(said("b", 40))));
    board.apply(&entry(7, after_minutes(60), Facts::RollCallClosed { roll_call: id("rc-1") }));
    board.apply(&entry(8, after_minutes(61), Facts::FacilityRetired { facility: id("b") }));
    board.apply(&entry(9, after_minutes(62), place("d", "seihi", tokuyo())));
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(90), &rhythms);
    let call = &board.roll_calls()[&id::<RollCallId>("rc-1")];
    let rows: Vec<(&str, Option<i64>)> = m
        .answers_to(call)
        .into_iter()
        .map(|(f, a)| (f.facility.id.as_str(), a.map(|a| a.at.duration_since(call.opened_at).as_mins())))
        .collect();
    assert_eq!(rows, [("a", Some(10)), ("b", Some(30)), ("c", None)], "who came later was not asked, who left since was");
    let now = m.roll_call_now(call);
    assert_eq!((now.asked, now.answered_after(10), now.percent_after(30)), (3, 1, 66));
    assert_eq!(now.reached(33).map(|took| took.as_mins()), Some(10));
    assert_eq!(now.reached(50).map(|took| took.as_mins()), Some(30));
    assert_eq!(now.until(m.now), after_minutes(60));
}

#[test]
fn a_share_that_was_never_reached_has_no_time_and_nobody_asked_is_no_share() {
    let call = || Facts::RollCallOpened(roll_call("rc-1", false, morning()));
    let rhythms = Rhythms::default();
    let reached = |board: &Board, percent| {
        let m = Moment::new(board, after_minutes(90), &rhythms);
        m.roll_call_now(&board.roll_calls()[&id::<RollCallId>("rc-1")]).reached(percent)
    };
    let silent = board_of([place("a", "seihi", vec![service(ServiceKind::Tokuyo)]), call()]);
    assert_eq!(reached(&silent, 50), None);
    assert_eq!(reached(&board_of([call()]), 50), None);
}

#[test]
fn who_has_neither_key_nor_button_needs_a_telephone() {
    let tokuyo = || vec![service(ServiceKind::Tokuyo)];
    let key = |name: &str, facility: &str| Facts::KeyIssued { key: id(name), facility: id(facility), label: "玄関".into() };
    let button = Button::new(id("b1"), id("b"), "imaboard".into(), "d".into(), Vec::new());
    let mut board = board_of([
        place("a", "seihi", tokuyo()),
        place("b", "seihi", tokuyo()),
        place("c", "oshima", tokuyo()),
        key("k1", "a"),
        key("k2", "c"),
        Facts::KeyRevoked { key: id("k2") },
        Facts::ButtonEnrolled(button),
    ]);
    let rhythms = Rhythms::default();
    let reach = |board: &Board, district: &str| Moment::new(board, morning(), &rhythms).reach()[&id::<DistrictId>(district)];
    assert_eq!(reach(&board, "seihi"), Reach { facilities: 2, by_telephone: 0 });
    assert_eq!(reach(&board, "oshima"), Reach { facilities: 1, by_telephone: 1 });
    board.apply(&entry(9, morning(), Facts::ButtonRemoved { button: id("b1") }));
    assert_eq!(reach(&board, "seihi").by_telephone, 1);
}

#[test]
fn what_the_city_writes_stands_with_its_incident_until_it_is_erased() {
    let mut board = board_of([Facts::IncidentOpened(incident("storm", false, Severity::Incident, morning()))]);
    let noted = |seq, text: &str| Entry {
        text: Some(text.into()),
        ..entry(seq, after_minutes(5), Facts::IncidentNoted { incident: id("storm") })
    };
    assert_eq!(board.apply(&noted(2, "給水車が出ました")).views, [View::Updates].into());
    assert!(board.apply(&noted(2, "給水車が出ました")).views.is_empty(), "the same entry again");
    let over = Facts::IncidentClosed { incident: id("storm") };
    board.apply(&Entry { text: Some("警報が解けた".into()), ..entry(3, after_minutes(9), over) });
    let notes = |board: &Board| -> Vec<(u64, bool, Option<String>)> {
        board.notes(&id("storm")).iter().map(|n| (n.seq, n.ending, n.text.clone())).collect()
    };
    assert_eq!(notes(&board), [(2, false, Some("給水車が出ました".into())), (3, true, Some("警報が解けた".into()))]);
    board.apply(&entry(4, after_minutes(10), Facts::Redacted { seq: 2, why: "誤り".into() }));
    assert_eq!(notes(&board)[0], (2, false, None));
    let nowhere = board.apply(&entry(5, after_minutes(11), Facts::IncidentNoted { incident: id("other") }));
    assert!(nowhere.views.is_empty());
}
