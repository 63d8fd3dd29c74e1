//! An exercise is an overlay: nothing real changes by it, and a real incident ends it.

use imaboard_domain::*;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::support::*;

/// The session as it would have been had nobody practised: vacancies stay, because they are always real.
fn without_exercise(entries: &[Entry]) -> Vec<Entry> {
    entries
        .iter()
        .filter(|e| {
            !matches!(&e.facts, Facts::IncidentOpened(i) if i.exercise)
                && !matches!(&e.facts, Facts::RollCallOpened(c) if c.exercise)
        })
        .map(|e| match &e.facts {
            Facts::Report(r) if r.exercise => {
                let mut r = r.clone();
                r.observations.retain(|o| o.aspect.is_vacancy());
                Entry { facts: Facts::Report(r), ..e.clone() }
            }
            _ => e.clone(),
        })
        .collect()
}

/// Ids are shared between realms in generated sessions, but never in a city: keep the first meaning of each.
fn with_unambiguous_ids(entries: Vec<Entry>) -> Vec<Entry> {
    let mut incidents = std::collections::BTreeSet::new();
    let mut calls = std::collections::BTreeSet::new();
    entries
        .into_iter()
        .filter(|e| match &e.facts {
            Facts::IncidentOpened(i) => incidents.insert(i.id.clone()),
            Facts::RollCallOpened(c) => calls.insert(c.id.clone()),
            Facts::Corrected { .. } => false,
            _ => true,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn an_exercise_changes_nothing_real(entries in session(40).prop_map(with_unambiguous_ids), later_s in 0_i64..400_000) {
        let practised = replay(&entries);
        let quiet = replay(&without_exercise(&entries));
        let rhythms = Rhythms::default();
        let now = morning() + SignedDuration::from_secs(later_s);
        let (with, without) = (Moment::new(&practised, now, &rhythms), Moment::new(&quiet, now, &rhythms));
        prop_assert_eq!(with.mode(), without.mode());
        prop_assert_eq!(with.incident(), without.incident());
        prop_assert_eq!(with.first_counts(Realm::Real), without.first_counts(Realm::Real));
        prop_assert_eq!(with.reporting(), without.reporting());
        prop_assert_eq!(with.free_by_day(30), without.free_by_day(30));
        prop_assert_eq!(with.roll_call(Realm::Real).map(|r| (r.asked, r.answered)), without.roll_call(Realm::Real).map(|r| (r.asked, r.answered)));
        for kind in KINDS {
            prop_assert_eq!(with.level_counts(kind), without.level_counts(kind));
        }
        for (id, held) in practised.facilities() {
            let calm = &quiet.facilities()[id];
            prop_assert_eq!(&held.real, &calm.real);
            prop_assert_eq!(with.is_late(held), without.is_late(calm));
            prop_assert!(held.real.values().all(|s| !s.exercise), "a practised value stands as real");
            prop_assert!(held.exercise.iter().all(|(a, s)| s.exercise && !a.is_vacancy()));
            for (aspect, standing) in &held.real {
                prop_assert_eq!(with.shown(held, aspect, Realm::Real), without.shown(calm, aspect, Realm::Real));
                let next = |m: &Moment<'_>| rhythms.next_change(aspect, standing, m.mode(), now);
                prop_assert_eq!(next(&with), next(&without));
            }
        }
    }

    #[test]
    fn after_a_real_incident_opened_no_exercise_and_no_practised_roll_call_is_open(entries in session(40)) {
        let mut board = Board::new();
        for e in &entries {
            let opens = matches!(&e.facts, Facts::IncidentOpened(i) if !i.exercise && !board.incidents().contains_key(&i.id));
            board.apply(e);
            if opens {
                let rhythms = Rhythms::default();
                let m = Moment::new(&board, e.recorded_at, &rhythms);
                prop_assert_eq!(m.exercise(), None);
                prop_assert!(m.roll_call(Realm::Exercise).is_none());
            }
        }
    }
}

const HELP: Value = Value::FirstReport(FirstReport::NeedsHelp);

fn practised(aspect: Aspect, value: Value) -> Facts {
    let r = report("hamayu", after_minutes(30), vec![(aspect, value)]);
    Facts::Report(Report { exercise: true, incident: Some(id("drill")), ..r })
}

fn home() -> Facts {
    Facts::FacilityRegistered(Box::new(facility("hamayu", vec![service(ServiceKind::Tokuyo)])))
}

#[test]
fn practised_help_is_seen_in_the_exercise_alone() {
    let drill = Facts::IncidentOpened(incident("drill", true, Severity::Incident, after_minutes(1)));
    let board = board_of([home(), drill, practised(Aspect::FirstReport, HELP)]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(40), &rhythms);
    assert_eq!(m.mode(), Mode::Peace);
    assert_eq!(m.first_counts(Realm::Exercise).needs_help, 1);
    assert_eq!(m.first_counts(Realm::Real), FirstCounts { silent: 1, ..FirstCounts::default() });
    assert!(m.damage_rows(Realm::Real).is_empty());
    assert_eq!(m.damage_rows(Realm::Exercise).len(), 1);
}

#[test]
fn a_real_answer_outlives_the_exercise_it_names() {
    let drill = Facts::IncidentOpened(incident("drill", true, Severity::Incident, after_minutes(1)));
    let safe = vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::Safe))];
    let real = Report { incident: Some(id("drill")), ..report("hamayu", after_minutes(30), safe) };
    let over = Facts::IncidentClosed { incident: id("drill") };
    let board = board_of([home(), drill, Facts::Report(real), over]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(40), &rhythms);
    assert_eq!(m.first_counts(Realm::Real), FirstCounts { safe: 1, ..FirstCounts::default() });
}

#[test]
fn a_vacancy_told_during_an_exercise_is_real_and_carries_nothing_of_it() {
    let drill = Facts::IncidentOpened(incident("drill", true, Severity::Incident, after_minutes(1)));
    let board = board_of([home(), drill, practised(beds(ServiceKind::Tokuyo), free(2))]);
    let held = board.find_facility(&id("hamayu")).unwrap();
    let standing = &held.real[&beds(ServiceKind::Tokuyo)];
    assert!(!standing.exercise && standing.incident.is_none());
    assert!(held.exercise.is_empty());
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(40), &rhythms);
    assert!(matches!(m.shown(held, &beds(ServiceKind::Tokuyo), Realm::Exercise), Shown::Fresh(_)));
    // Practising shortens nothing: two days later the bed is still fresh.
    let m = Moment::new(&board, after_minutes(2 * 1_440), &rhythms);
    assert!(matches!(m.shown(held, &beds(ServiceKind::Tokuyo), Realm::Real), Shown::Fresh(_)));
}

#[test]
fn what_was_practised_last_time_is_not_shown_in_the_next_exercise() {
    let drill = |name, at| Facts::IncidentOpened(incident(name, true, Severity::Incident, after_minutes(at)));
    let over = Facts::IncidentClosed { incident: id("drill") };
    let board = board_of([home(), drill("drill", 1), practised(Aspect::FirstReport, HELP), over, drill("drill-2", 4)]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(40), &rhythms);
    assert_eq!(m.exercise().unwrap().id, id("drill-2"));
    assert_eq!(m.first_counts(Realm::Exercise), FirstCounts { silent: 1, ..FirstCounts::default() });
}

#[test]
fn an_alert_changes_neither_rhythms_nor_what_is_confirmed_as_damage() {
    let alert = Facts::IncidentOpened(incident("alert", false, Severity::Alert, morning()));
    let board = board_of([home(), alert]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(5), &rhythms);
    assert_eq!(m.mode(), Mode::Alert);
    for (aspect, _) in &PLAIN_ASPECTS {
        assert_eq!(rhythms.span(aspect, Mode::Alert), rhythms.span(aspect, Mode::Peace));
    }
    let worse = Facts::IncidentOpened(incident("storm", false, Severity::Incident, after_minutes(-600)));
    let mut board = board;
    board.apply(&entry(9, after_minutes(9), worse));
    let m = Moment::new(&board, after_minutes(10), &rhythms);
    assert_eq!(m.incident().unwrap().id, id("storm"), "an incident goes before a newer alert");
}
