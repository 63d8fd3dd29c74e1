//! A report taken back leaves the board as if it had never been sent.

use imaboard_domain::*;
use proptest::prelude::*;

use crate::support::*;

/// What the recorder finds on the log: what holds without `gone`.
fn correction(gone: &Entry, others: &[&Entry]) -> Facts {
    let Facts::Report(withdrawn) = &gone.facts else { panic!("not a report") };
    let of_facility = |e: &&&Entry| matches!(&e.facts, Facts::Report(r) if r.facility == withdrawn.facility);
    let said: Vec<(Standing, Aspect, Option<RollCallId>)> = others
        .iter()
        .filter(of_facility)
        .flat_map(|e| {
            let Facts::Report(r) = &e.facts else { panic!("not a report") };
            r.observations.iter().map(|o| (r.standing(e, o), o.aspect.clone(), r.roll_call.clone())).collect::<Vec<_>>()
        })
        .collect();
    let mut stands: Vec<(Aspect, Option<Standing>)> = Vec::new();
    let mut days = Vec::new();
    for o in &withdrawn.observations {
        if stands.iter().any(|(a, _)| *a == o.aspect) {
            continue;
        }
        let realm = withdrawn.exercise && !o.aspect.is_vacancy();
        let of_aspect = || said.iter().filter(|(s, a, _)| *a == o.aspect && s.exercise == realm).map(|(s, ..)| s);
        stands.push((o.aspect.clone(), of_aspect().max_by_key(|s| s.rank()).cloned()));
        let day = city_date(withdrawn.observed_at);
        if let Some(s) = of_aspect().filter(|s| city_date(s.observed_at) == day).max_by_key(|s| s.rank())
            && matches!(&o.aspect, Aspect::Vacancy { cell, .. } if cell.grid() == Grid::Beds)
        {
            days.push((o.aspect.clone(), s.clone()));
        }
    }
    let answer = withdrawn.roll_call.clone().map(|call| {
        let answers = others.iter().filter(of_facility).filter_map(|e| {
            let Facts::Report(r) = &e.facts else { return None };
            let says = r.observations.iter().any(|o| !o.aspect.is_vacancy());
            (says && r.roll_call.as_ref() == Some(&call) && r.exercise == withdrawn.exercise).then_some(Answer {
                at: e.recorded_at,
                report: e.id,
                channel: e.channel,
            })
        });
        let first = answers.min();
        (call, first)
    });
    Facts::Corrected {
        replaces: gone.id,
        facility: withdrawn.facility.clone(),
        stands,
        days,
        answer,
        exercise: withdrawn.exercise,
        remark: None,
    }
}

/// All that pages show of reports: everything but who sent last.
fn believed(board: &Board) -> impl PartialEq + std::fmt::Debug {
    let facilities: Vec<_> = board
        .facilities()
        .values()
        .map(|f| {
            let history: Vec<_> = f.history.clone().into_iter().filter(|(_, days)| !days.is_empty()).collect();
            (f.facility.id.clone(), f.real.clone(), f.exercise.clone(), history)
        })
        .collect();
    (facilities, board.roll_calls().clone())
}

fn distinct(mut report: Report) -> Report {
    let mut seen = std::collections::BTreeSet::new();
    report.observations.retain(|o| seen.insert(o.aspect.clone()));
    Report { remark: None, ..report }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_withdrawn_report_leaves_the_board_as_if_it_had_never_been_sent(
        reports in prop::collection::vec(a_report().prop_map(distinct), 1..12),
        late in prop::collection::vec(a_report().prop_map(distinct), 0..4),
        victim in any::<prop::sample::Index>(),
        city in session(0),
    ) {
        let mut start = replay(&city);
        for (n, exercise) in [false, true].into_iter().enumerate() {
            let call = roll_call(if exercise { "rc-2" } else { "rc-1" }, exercise, morning());
            start.apply(&entry(4 + n as u64, morning(), Facts::RollCallOpened(call)));
        }
        let entries: Vec<Entry> = reports
            .into_iter()
            .enumerate()
            .map(|(n, r)| entry(10 + n as u64, after_minutes(n as i64), Facts::Report(r)))
            .collect();
        let gone = victim.get(&entries);
        let others: Vec<&Entry> = entries.iter().filter(|e| e.id != gone.id).collect();
        let mut corrected = start.clone();
        for e in &entries {
            corrected.apply(e);
        }
        let mut never = start;
        for e in &others {
            never.apply(e);
        }
        corrected.apply(&entry(50, after_minutes(100), correction(gone, &others)));
        prop_assert_eq!(believed(&corrected), believed(&never));
        // What was under way when the report was taken back arrives afterwards, older or newer.
        for (n, r) in late.into_iter().enumerate() {
            let e = entry(60 + n as u64, after_minutes(101 + n as i64), Facts::Report(r));
            corrected.apply(&e);
            never.apply(&e);
        }
        prop_assert_eq!(believed(&corrected), believed(&never));
    }
}

fn home() -> Facts {
    Facts::FacilityRegistered(Box::new(facility("hamayu", vec![service(ServiceKind::Tokuyo)])))
}

fn said(seq: u64, minutes: i64, count: u32) -> Entry {
    let r = report("hamayu", after_minutes(minutes), vec![(beds(ServiceKind::Tokuyo), free(count))]);
    entry(seq, after_minutes(minutes), Facts::Report(r))
}

#[test]
fn taking_back_an_overtaken_report_changes_no_view() {
    let (wrong, right) = (said(2, 0, 9), said(3, 5, 1));
    let mut board = replay(&[entry(1, morning(), home()), wrong.clone(), right.clone()]);
    let change = board.apply(&entry(4, after_minutes(6), correction(&wrong, &[&right])));
    assert!(change.views.is_empty(), "{:?}", change.views);
}

#[test]
fn taking_back_the_only_report_leaves_the_aspect_missing() {
    let only = said(2, 0, 9);
    let mut board = replay(&[entry(1, morning(), home()), only.clone()]);
    board.apply(&entry(3, after_minutes(1), correction(&only, &[])));
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(2), &rhythms);
    let held = board.find_facility(&id("hamayu")).unwrap();
    assert_eq!(m.shown(held, &beds(ServiceKind::Tokuyo), Realm::Real), Shown::Missing);
    assert_eq!(m.free_by_day(1)[0].free, vec![(ServiceKind::Tokuyo, None)]);
}

#[test]
fn a_report_older_than_the_withdrawn_one_counts_when_it_arrives_late() {
    let wrong = said(2, 0, 9);
    let mut board = replay(&[entry(1, morning(), home()), wrong.clone()]);
    board.apply(&entry(3, after_minutes(1), correction(&wrong, &[])));
    let older = report("hamayu", after_minutes(-30), vec![(beds(ServiceKind::Tokuyo), free(3))]);
    board.apply(&entry(4, after_minutes(2), Facts::Report(older)));
    assert_eq!(board.find_facility(&id("hamayu")).unwrap().real[&beds(ServiceKind::Tokuyo)].value, free(3));
}

#[test]
fn the_chart_gets_back_the_number_that_was_said_before_on_that_day() {
    let (first, wrong, tomorrow) = (said(2, 0, 3), said(3, 60, 9), said(4, 1_440, 1));
    let mut board = replay(&[entry(1, morning(), home()), first.clone(), wrong.clone(), tomorrow.clone()]);
    board.apply(&entry(5, after_minutes(1_441), correction(&wrong, &[&first, &tomorrow])));
    let rhythms = Rhythms::default();
    let days = Moment::new(&board, after_minutes(1_442), &rhythms).free_by_day(2);
    let free: Vec<_> = days.iter().map(|d| d.free[0].1).collect();
    assert_eq!(free, [Some(3), Some(1)]);
}

#[test]
fn the_remark_goes_with_its_report() {
    let mut wrong = said(2, 0, 9);
    if let Facts::Report(r) = &mut wrong.facts {
        r.remark = Some(id("r-1"));
    }
    wrong.text = Some("本日は満床です".into());
    let mut board = replay(&[entry(1, morning(), home()), wrong.clone()]);
    let Facts::Corrected { replaces, facility, stands, days, answer, exercise, .. } = correction(&wrong, &[]) else {
        panic!("not a correction")
    };
    let facts = Facts::Corrected { replaces, facility, stands, days, answer, exercise, remark: Some(id("r-1")) };
    let change = board.apply(&entry(3, after_minutes(1), facts));
    assert!(change.views.contains(&View::Pending));
    assert_eq!(board.postings()[&id::<PostingId>("r-1")].state, PostingState::Withdrawn);
}
