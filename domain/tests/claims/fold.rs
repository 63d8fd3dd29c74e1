//! The fold: reports commute, `Change` is exact, a checkpoint is the board.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imaboard_domain::*;
use proptest::prelude::*;

use crate::support::*;

/// What stands in each view, read from the board's public face; a view that is absent shows nothing.
fn views(board: &Board) -> BTreeMap<View, String> {
    let listed: Vec<&FacilityBoard> = board.facilities().values().map(Arc::as_ref).filter(|f| !f.retired).collect();
    let records: Vec<&Facility> = listed.iter().map(|f| &*f.facility).collect();
    let posted = |kind: PostingKind| -> Vec<&Posting> {
        let readable = |p: &&Posting| p.kind == kind && p.state == PostingState::Published && p.text.is_some();
        board.postings().values().map(Arc::as_ref).filter(readable).collect()
    };
    let plain = |pick: fn(&FacilityBoard) -> &BTreeMap<Aspect, Standing>| -> Vec<(&Facility, Vec<(&Aspect, &Standing)>)> {
        listed.iter().map(|f| (&*f.facility, pick(f).iter().filter(|(a, _)| !a.is_vacancy()).collect())).collect()
    };
    let pending: Vec<&Posting> =
        board.postings().values().map(Arc::as_ref).filter(|p| p.state == PostingState::Pending).collect();
    let calls: Vec<(&RollCallId, RollCall)> = board
        .roll_calls()
        .iter()
        .map(|(id, call)| {
            let answers = call.answers.iter().filter(|(f, _)| board.find_facility(f).is_some());
            (id, RollCall { answers: answers.map(|(f, a)| (f.clone(), a.clone())).collect(), ..call.clone() })
        })
        .collect();
    let mut views = BTreeMap::from([
        (View::Mode, format!("{:?}", board.incidents())),
        (View::Register, format!("{:?}", (board.is_sample(), &records))),
        (View::Damage, format!("{:?}", plain(|f| &f.real))),
        (View::ExerciseDamage, format!("{:?}", plain(|f| &f.exercise))),
        (View::RollCalls, format!("{:?}", (calls, &records))),
        (
            View::Updates,
            format!("{:?}", board.incidents().keys().map(|i| board.notes(i)).filter(|n| !n.is_empty()).collect::<Vec<_>>()),
        ),
        (View::Notices, format!("{:?}", posted(PostingKind::Notice))),
        (View::Jobs, format!("{:?}", posted(PostingKind::Job))),
        (View::Pending, format!("{pending:?}")),
        (View::Keys, format!("{:?}", board.keys())),
        (View::Buttons, format!("{:?}", board.buttons())),
        (View::Displays, format!("{:?}", board.displays())),
        (View::Guide, format!("{:?}", GuidePage::ALL.iter().map(|page| board.page(*page)).collect::<Vec<_>>())),
    ]);
    for held in &listed {
        let remarks: Vec<&Posting> =
            posted(PostingKind::Remark).into_iter().filter(|p| p.facility.as_ref() == Some(&held.facility.id)).collect();
        views.insert(View::Facility(held.facility.id.clone()), format!("{:?}", (held, remarks)));
    }
    let kinds: BTreeSet<ServiceKind> = records.iter().flat_map(|f| f.services.iter().map(|s| s.kind)).collect();
    for kind in kinds {
        let of_kind = |f: &Facility, aspect: &Aspect| matches!(aspect, Aspect::Vacancy { service, .. } if f.find_service(service).is_some_and(|s| s.kind == kind));
        let shown: Vec<_> = listed
            .iter()
            .filter(|f| f.facility.services.iter().any(|s| s.kind == kind))
            .map(|f| {
                let standings: Vec<_> = f.real.iter().filter(|(a, _)| of_kind(&f.facility, a)).collect();
                let history: Vec<_> = f.history.iter().filter(|(a, days)| of_kind(&f.facility, a) && !days.is_empty()).collect();
                (&*f.facility, standings, history)
            })
            .collect();
        views.insert(View::Vacancies(kind), format!("{shown:?}"));
    }
    views
}

/// Applies an entry and checks that it named what differs, and nothing else.
fn apply_exactly(board: &mut Board, e: &Entry) -> Result<(), TestCaseError> {
    let before = views(board);
    let change = board.apply(e);
    let after = views(board);
    let all: BTreeSet<&View> = before.keys().chain(after.keys()).collect();
    let differ: BTreeSet<View> = all.into_iter().filter(|v| before.get(*v) != after.get(*v)).cloned().collect();
    prop_assert_eq!(&change.views, &differ, "{:?}", e);
    prop_assert_eq!(change.seq, e.seq);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn any_order_and_repetition_of_the_same_reports_gives_the_same_board(
        city in session(0),
        reports in prop::collection::vec((a_report(), 0_i64..500, word(Channel::ALL)), 1..14),
        order in any::<prop::sample::Index>(),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut start = replay(&city);
        let open = [Facts::RollCallOpened(roll_call("rc-1", false, morning())), Facts::RollCallOpened(roll_call("rc-2", true, morning()))];
        for (n, facts) in open.into_iter().enumerate() {
            start.apply(&entry(10 + n as u64, morning(), facts));
        }
        let entries: Vec<Entry> = reports
            .into_iter()
            .enumerate()
            .map(|(n, (mut report, minutes, channel))| {
                report.remark = report.remark.and_then(|_| format!("r-{n}").parse().ok());
                let text = report.remark.as_ref().map(|_| "備考".to_owned());
                // Equal times happen: the id decides between them.
                Entry { id: entry_id(n as u128), channel, text, ..entry(20 + n as u64, after_minutes(minutes / 100), Facts::Report(report)) }
            })
            .collect();
        let mut straight = start.clone();
        for e in &entries {
            straight.apply(e);
        }
        let mut crooked = start;
        let turn = order.index(entries.len());
        let all = entries[turn..].iter().rev().chain(&entries[..turn]);
        for (n, e) in all.enumerate() {
            if let Some(again) = shuffle.get(n) {
                crooked.apply(again.get(&entries));
            }
            crooked.apply(e);
        }
        for again in &shuffle {
            let change = crooked.apply(again.get(&entries));
            prop_assert!(change.views.is_empty(), "a repeated report changed {:?}", change.views);
        }
        prop_assert_eq!(crooked, straight);
    }

    #[test]
    fn a_change_names_every_view_that_differs_and_nothing_else(entries in session(40)) {
        let mut board = Board::new();
        for e in &entries {
            apply_exactly(&mut board, e)?;
        }
    }

    #[test]
    fn a_checkpoint_is_the_board(entries in session(40)) {
        let board = replay(&entries);
        let json = serde_json::to_string(&board).unwrap();
        let back: Board = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back, board);
    }

    #[test]
    fn a_replay_after_a_redaction_gives_the_board_that_was_there(entries in session(30)) {
        let live = replay(&entries);
        let erased: Vec<u64> = entries.iter().filter_map(|e| match e.facts { Facts::Redacted { seq, .. } => Some(seq), _ => None }).collect();
        let on_the_log: Vec<Entry> = entries
            .into_iter()
            .map(|e| if erased.contains(&e.seq) { Entry { text: None, ..e } } else { e })
            .collect();
        // The fold takes a redaction that comes before its entry as none; a log cannot hold one.
        let in_order = on_the_log.iter().all(|e| !matches!(e.facts, Facts::Redacted { seq, .. } if seq >= e.seq));
        prop_assume!(in_order);
        prop_assert_eq!(replay(&on_the_log), live);
    }

    #[test]
    fn applying_the_same_control_entry_twice_changes_nothing_more(entries in session(30), twice in any::<prop::sample::Index>()) {
        let mut board = replay(&entries);
        let last = twice.get(&entries);
        board.apply(last);
        let once = board.clone();
        let change = board.apply(last);
        prop_assert_eq!(board, once);
        prop_assert!(change.views.is_empty());
    }
}

/// What a form or a button sends most.
fn home() -> Facts {
    Facts::FacilityRegistered(Box::new(facility("hamayu", vec![service(ServiceKind::Tokuyo), service(ServiceKind::GroupHome)])))
}

#[test]
fn the_newest_observed_value_wins_whatever_came_last() {
    let nine = report("hamayu", after_minutes(0), vec![(beds(ServiceKind::Tokuyo), free(2))]);
    let eight_by_fax = report("hamayu", after_minutes(-60), vec![(beds(ServiceKind::Tokuyo), free(0))]);
    let board = board_of([home(), Facts::Report(nine), Facts::Report(eight_by_fax)]);
    let held = board.find_facility(&id("hamayu")).unwrap();
    assert_eq!(held.real[&beds(ServiceKind::Tokuyo)].value, free(2));
}

#[test]
fn a_late_report_changes_the_chart_of_its_day_and_says_so() {
    let mut board =
        board_of([home(), Facts::Report(report("hamayu", after_minutes(0), vec![(beds(ServiceKind::Tokuyo), free(2))]))]);
    let yesterday = report("hamayu", after_minutes(-1_440), vec![(beds(ServiceKind::Tokuyo), free(5))]);
    let e = entry(3, after_minutes(10), Facts::Report(yesterday));
    apply_exactly(&mut board, &e).unwrap();
    assert!(board.apply(&e).views.is_empty());
    let held = board.find_facility(&id("hamayu")).unwrap();
    assert_eq!(held.history[&beds(ServiceKind::Tokuyo)].len(), 2);
    assert_eq!(held.real[&beds(ServiceKind::Tokuyo)].value, free(2));
}

#[test]
fn the_chart_keeps_its_days_whatever_order_they_are_told_in() {
    let days = 24 * 60;
    let told =
        |at: i64, count: u32| Facts::Report(report("hamayu", after_minutes(at), vec![(beds(ServiceKind::Tokuyo), free(count))]));
    let kept = |order: &[i64]| {
        let board =
            board_of(std::iter::once(home()).chain(order.iter().map(|day| told(day * days, u32::try_from(*day).unwrap()))));
        board.find_facility(&id("hamayu")).unwrap().history[&beds(ServiceKind::Tokuyo)].clone()
    };
    let in_order: Vec<i64> = (0..60).collect();
    let newest = kept(&in_order);
    assert_eq!(newest.len(), usize::try_from(HISTORY_DAYS).unwrap());
    assert_eq!(newest.values().map(|day| day.count).collect::<Vec<_>>(), (16..60).map(Some).collect::<Vec<_>>());
    let backwards: Vec<i64> = (0..60).rev().collect();
    assert_eq!(kept(&backwards).len(), newest.len(), "a day that is too old comes too late");
    let counts = |days: &BTreeMap<_, DayCount>| days.iter().map(|(day, held)| (*day, held.count)).collect::<Vec<_>>();
    assert_eq!(counts(&kept(&backwards)), counts(&newest));
}

#[test]
fn a_button_that_says_full_counts_as_none_free_on_the_chart() {
    let full = Value::Vacancy { level: Level::Full, count: None, total: None };
    let few = Value::Vacancy { level: Level::Few, count: None, total: None };
    let said = vec![(beds(ServiceKind::Tokuyo), full), (beds(ServiceKind::GroupHome), few)];
    let board = board_of([home(), Facts::Report(report("hamayu", morning(), said))]);
    let held = board.find_facility(&id("hamayu")).unwrap();
    let count = |kind| held.history[&beds(kind)].values().next().unwrap().count;
    assert_eq!(count(ServiceKind::Tokuyo), Some(0));
    assert_eq!(count(ServiceKind::GroupHome), None, "\"few\" is no number");
}

#[test]
fn one_report_of_one_cell_names_its_facility_and_its_kind_alone() {
    let mut board = board_of([home()]);
    let e = entry(2, morning(), Facts::Report(report("hamayu", morning(), vec![(beds(ServiceKind::Tokuyo), free(1))])));
    let named = board.apply(&e).views;
    assert_eq!(named, BTreeSet::from([View::Facility(id("hamayu")), View::Vacancies(ServiceKind::Tokuyo)]));
}

#[test]
fn a_retired_facility_changes_no_view_until_it_comes_back_with_what_was_said_meanwhile() {
    let mut board = board_of([home(), Facts::FacilityRetired { facility: id("hamayu") }]);
    let said = vec![(beds(ServiceKind::Tokuyo), free(1)), (Aspect::Power, Value::Power { state: Power::None, hours: None })];
    let e = entry(3, after_minutes(5), Facts::Report(report("hamayu", morning(), said)));
    assert_eq!(board.apply(&e).views, BTreeSet::new());
    let back = board.apply(&entry(4, after_minutes(6), home())).views;
    assert!(back.contains(&View::Damage) && back.contains(&View::Vacancies(ServiceKind::Tokuyo)));
    assert_eq!(board.find_facility(&id("hamayu")).unwrap().real.len(), 2);
}

#[test]
fn a_service_that_changes_its_kind_leaves_the_old_list_and_enters_the_new() {
    let mut board = board_of([home(), Facts::Report(report("hamayu", morning(), vec![(beds(ServiceKind::Tokuyo), free(1))]))]);
    let moved = Service { kind: ServiceKind::Roken, ..service(ServiceKind::Tokuyo) };
    let e = entry(3, after_minutes(5), Facts::FacilityRegistered(Box::new(facility("hamayu", vec![moved]))));
    apply_exactly(&mut board, &e).unwrap();
    let named = board.apply(&entry(4, after_minutes(6), home())).views;
    for kind in [ServiceKind::Tokuyo, ServiceKind::Roken, ServiceKind::GroupHome] {
        assert!(named.contains(&View::Vacancies(kind)), "{kind}");
    }
}
