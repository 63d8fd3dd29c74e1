//! Whom to call next: nobody who answered, the most urgent first, and a call that was noted moves back for a while only.

use imaboard_domain::*;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::support::*;

fn home(name: &str, district: &str, kind: ServiceKind, island: bool) -> Facts {
    let record = facility(name, vec![service(kind)]);
    let island = island.then(|| "松島".to_owned());
    Facts::FacilityRegistered(Box::new(Facility { district: id(district), island, kana: name.to_owned(), ..record }))
}

fn first(name: &str, minutes: i64, value: FirstReport, call: &str) -> Facts {
    let said = vec![(Aspect::FirstReport, Value::FirstReport(value))];
    Facts::Report(Report { roll_call: Some(id(call)), incident: Some(id("i1")), ..report(name, after_minutes(minutes), said) })
}

fn city() -> Vec<Facts> {
    vec![
        home("a-clinic", "seihi", ServiceKind::Clinic, false),
        home("b-home", "seihi", ServiceKind::Tokuyo, false),
        home("c-island", "oshima", ServiceKind::Clinic, true),
        home("d-help", "oshima", ServiceKind::DayCare, false),
        home("e-dark", "sakito", ServiceKind::DayCare, false),
        Facts::IncidentOpened(incident("i1", false, Severity::Incident, after_minutes(5))),
        Facts::RollCallOpened(roll_call("rc-1", false, after_minutes(6))),
        first("d-help", 7, FirstReport::NeedsHelp, "rc-1"),
        Facts::Report(Report {
            incident: Some(id("i1")),
            ..report("e-dark", after_minutes(8), vec![(Aspect::Power, Value::Power { state: Power::None, hours: None })])
        }),
        Facts::RollCallClosed { roll_call: id("rc-1") },
        Facts::RollCallOpened(roll_call("rc-2", false, after_minutes(10))),
    ]
}

fn order() -> Vec<DistrictId> {
    vec![id("sakito"), id("oshima"), id("seihi")]
}

fn names(list: &Outstanding) -> Vec<&str> {
    list.waiting.iter().map(|w| w.facility.id.as_str()).collect()
}

fn list_of(board: &Board, minutes: i64) -> Outstanding {
    let rhythms = Rhythms::default();
    let m = Moment::new(board, after_minutes(minutes), &rhythms);
    m.outstanding(m.asking(Realm::Real).unwrap(), &order())
}

#[test]
fn help_comes_first_then_what_is_broken_then_islands_then_where_people_live() {
    let board = board_of(city());
    let list = list_of(&board, 12);
    assert_eq!(names(&list), ["d-help", "e-dark", "c-island", "b-home", "a-clinic"]);
    assert_eq!(list.waiting[0].pressing.known, LastKnown::Help);
    assert_eq!((list.asked, list.answered, list.percent()), (5, 0, 0));
}

#[test]
fn a_cry_for_help_stays_on_top_when_it_is_older_than_its_rhythm() {
    let board = board_of(city());
    assert_eq!(names(&list_of(&board, 24 * 60))[0], "d-help");
}

#[test]
fn who_answers_leaves_the_list_and_is_counted_by_channel_and_time() {
    let mut facts = city();
    facts.push(first("b-home", 11, FirstReport::Safe, "rc-2"));
    let board = board_of(facts);
    let list = list_of(&board, 20);
    assert!(!names(&list).contains(&"b-home"));
    assert_eq!((list.answered, list.channels.get(&Channel::Qr)), (1, Some(&1)));
    assert_eq!((list.percent(), list.needed(50), list.reached(20)), (20, 3, Some(after_minutes(11))));
    assert_eq!(list.reached(50), None);
}

fn tried(name: &str, until: Option<i64>, exercise: bool) -> Facts {
    Facts::CallTried { facility: id(name), outcome: CallOutcome::Later, until: until.map(after_minutes), exercise }
}

#[test]
fn a_facility_to_be_called_later_stands_last_until_then() {
    let mut facts = city();
    facts.push(tried("d-help", Some(41), false));
    let board = board_of(facts);
    assert_eq!(names(&list_of(&board, 40)).last(), Some(&"d-help"));
    assert_eq!(names(&list_of(&board, 41)).first(), Some(&"d-help"));
}

#[test]
fn a_call_of_an_exercise_moves_nobody_in_the_real_list() {
    let mut facts = city();
    facts.push(tried("d-help", Some(41), true));
    assert_eq!(names(&list_of(&board_of(facts), 20)).first(), Some(&"d-help"));
}

#[test]
fn a_report_makes_the_calls_before_it_nothing_in_any_order() {
    let mut board = board_of(city());
    let call = |n: u64, minutes| entry(n, after_minutes(minutes), tried("b-home", None, false));
    let said = entry(52, after_minutes(22), first("b-home", 22, FirstReport::Safe, "rc-9"));
    let calls = [call(50, 20), call(51, 21), call(53, 23)];
    let mut crooked = board.clone();
    for e in [&calls[0], &calls[1], &said, &calls[2]] {
        board.apply(e);
    }
    for e in [&said, &calls[0], &calls[1], &calls[2]] {
        crooked.apply(e);
    }
    assert_eq!(board.tries(&id("b-home")).len(), 1);
    assert_eq!(board.tries(&id("b-home")), crooked.tries(&id("b-home")));
}

#[test]
fn calls_before_the_roll_call_began_do_not_count_for_it() {
    let mut facts = city();
    let opened = facts.pop().unwrap();
    facts.push(tried("b-home", Some(99), false));
    facts.push(opened);
    let board = board_of(facts);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(20), &rhythms);
    let scope = m.asking(Realm::Real).unwrap();
    // Noted in minute 10, when the second roll call began; move its beginning past it.
    let Scope::Call(call) = scope else { panic!("a roll call is open") };
    let later = RollCall { opened_at: after_minutes(12), ..call.clone() };
    assert_eq!(m.tries(&id("b-home"), &scope).count(), 1);
    assert_eq!(m.tries(&id("b-home"), &Scope::Call(&later)).count(), 0);
}

#[test]
fn a_planned_closure_stands_apart() {
    let mut facts = city();
    let record = facility("b-home", vec![service(ServiceKind::Tokuyo)]);
    let closures = vec![Closure { from: today(), until: today(), reason: None }];
    facts.push(Facts::FacilityRegistered(Box::new(Facility { closures, ..record })));
    let list = list_of(&board_of(facts), 20);
    assert!(!names(&list).contains(&"b-home"));
    assert_eq!(list.closed.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["b-home"]);
}

#[test]
fn in_peace_the_list_is_who_is_late() {
    let mut facts = city()[..5].to_vec();
    facts.push(Facts::Report(report("b-home", after_minutes(5), vec![(beds(ServiceKind::Tokuyo), free(2))])));
    let board = board_of(facts);
    assert_eq!(names(&list_of(&board, 10)), ["e-dark", "d-help"], "a clinic owes no vacancies");
    let week = 7 * 24 * 60;
    let list = list_of(&board, week + 10);
    assert_eq!(names(&list), ["e-dark", "d-help", "b-home"]);
    assert_eq!(list.waiting[2].pressing.known, LastKnown::Aging);
}

#[test]
fn the_usual_channel_is_the_most_frequent_of_the_last_reports() {
    let mut board = board_of(city());
    let mut say = |n: u64, channel| {
        let facts = Facts::Report(report("b-home", after_minutes(20), vec![(beds(ServiceKind::Tokuyo), free(1))]));
        board.apply(&Entry { channel, ..entry(100 + n, after_minutes(20 + i64::try_from(n).unwrap()), facts) });
        board.find_facility(&id("b-home")).unwrap().usual()
    };
    assert_eq!(say(0, Channel::Import), None, "a file is no way of answering");
    assert_eq!(say(1, Channel::Phone), Some(Channel::Phone));
    assert_eq!(say(2, Channel::Phone), Some(Channel::Phone));
    assert_eq!(say(3, Channel::Button), Some(Channel::Phone));
    assert_eq!(say(4, Channel::Button), Some(Channel::Button), "of equals the newest");
}

#[test]
fn what_changed_is_the_newest_and_forgets_what_was_taken_back() {
    let mut board = board_of(city());
    for n in 0..80 {
        let facts = Facts::Report(report("b-home", after_minutes(20), vec![(beds(ServiceKind::Tokuyo), free(n))]));
        board.apply(&entry(200 + u64::from(n), after_minutes(20 + i64::from(n)), facts));
    }
    assert_eq!(board.recent().len(), NEWS_KEPT);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(100), &rhythms);
    let newest = m.news(after_minutes(90)).next().unwrap().clone();
    assert_eq!((newest.at, m.news(after_minutes(90)).count()), (after_minutes(99), 10));
    let taken_back = Facts::Corrected {
        replaces: newest.report,
        facility: id("b-home"),
        stands: vec![],
        days: vec![],
        answer: None,
        exercise: false,
        remark: None,
    };
    board.apply(&entry(400, after_minutes(101), taken_back));
    assert!(board.recent().iter().all(|t| t.report != newest.report));
}

#[test]
fn an_unclear_press_is_asked_about_until_the_facility_says_more() {
    let mut facts = city();
    let pressed = Report {
        unclear: true,
        ..report("b-home", after_minutes(11), vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::NeedsHelp))])
    };
    facts.push(Facts::Report(pressed));
    let mut board = board_of(facts);
    let rhythms = Rhythms::default();
    let asked = |board: &Board| Moment::new(board, after_minutes(30), &rhythms).unclear().count();
    assert_eq!(asked(&board), 1);
    board.apply(&entry(90, after_minutes(25), first("b-home", 25, FirstReport::Safe, "rc-2")));
    assert_eq!(asked(&board), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn the_list_and_the_roll_call_agree_and_counting_changes_nothing(entries in session(40), later_s in 0_i64..900_000) {
        let board = replay(&entries);
        let rhythms = Rhythms::default();
        let now = morning() + SignedDuration::from_secs(later_s);
        let m = Moment::new(&board, now, &rhythms);
        let mut tally = Tally::new(rhythms);
        tally.advance(&board, now);
        let counted = Moment::counted(&board, now, &rhythms, &tally);
        for realm in [Realm::Real, Realm::Exercise] {
            let Some(scope) = m.asking(realm) else { continue };
            let list = m.outstanding(scope, &order());
            prop_assert_eq!(&counted.outstanding(scope, &order()), &list);
            for w in &list.waiting {
                prop_assert!(!w.facility.is_closed_on(m.today()));
            }
            match scope {
                Scope::Call(call) => {
                    let now = m.roll_call_now(call);
                    prop_assert_eq!((list.asked, list.answered, list.percent()), (now.asked, now.answered, now.percent()));
                    prop_assert_eq!(list.waiting.len() + list.closed.len() + list.answered as usize, list.asked as usize);
                    prop_assert_eq!(&list.channels, &now.channels);
                }
                Scope::Vacancies => {
                    let late: Vec<_> = m.facilities().filter(|f| m.is_late(f)).map(|f| f.facility.id.clone()).collect();
                    let mut listed: Vec<_> = list.waiting.iter().map(|w| w.facility.id.clone()).collect();
                    listed.sort();
                    prop_assert_eq!(listed, late);
                    prop_assert_eq!((list.answered, list.asked), m.reporting());
                }
                Scope::FirstReports(_) => {
                    let counts = m.first_counts(realm);
                    prop_assert_eq!(list.asked - list.answered, counts.silent);
                }
            }
        }
    }
}
