//! What is counted by difference is what there is, and one report is one facility's work in a city of any size.

use std::collections::BTreeSet;

use imaboard_domain::*;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::support::*;

/// Everything that is answered from counts, printed.
fn counted_answers(m: &Moment<'_>) -> String {
    let mut all = format!("{:?}", (m.reporting(), m.row_counts(), m.next_deadline(), m.facility_count()));
    for kind in KINDS {
        all += &format!("\n{:?}", m.level_counts(kind));
        for districts in [&[][..], &[id("seihi")], &[id("oshima"), id("sakito")]] {
            all += &format!("\n{:?}", m.kind_now(kind, districts));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn counts_kept_by_difference_are_the_counts_made_anew(
        entries in session(40),
        looks in prop::collection::vec((any::<prop::sample::Index>(), -3_600_i64..700_000), 1..6),
        rhythm in select_rhythms(),
    ) {
        let mut tally = Tally::new(rhythm);
        let mut board = Board::new();
        // Somebody looks now and then; the clock mostly goes on, sometimes back.
        let looks: Vec<(usize, i64)> = looks.into_iter().map(|(at, s)| (at.index(entries.len().max(1)), s)).collect();
        for (n, entry) in entries.iter().enumerate() {
            let change = board.apply(entry);
            tally.note(&change);
            for (_, s) in looks.iter().filter(|(at, _)| *at == n) {
                let now = morning() + SignedDuration::from_secs(*s);
                tally.advance(&board, now);
                let mut anew = Tally::new(rhythm);
                anew.advance(&board, now);
                prop_assert!(tally == anew, "{tally:?}\n{anew:?}");
                let plain = Moment::new(&board, now, &rhythm);
                prop_assert_eq!(counted_answers(&Moment::counted(&board, now, &rhythm, &tally)), counted_answers(&plain));
            }
        }
    }

    #[test]
    fn a_kind_summed_up_is_its_places(entries in session(40), later_s in 0_i64..700_000) {
        let board = replay(&entries);
        let rhythms = Rhythms::default();
        let m = Moment::new(&board, morning() + SignedDuration::from_secs(later_s), &rhythms);
        for kind in KINDS {
            let now = m.kind_now(kind, &[]);
            let places = m.places(kind);
            for level in [Some(Level::Plenty), Some(Level::Available), Some(Level::Few), Some(Level::Full), Some(Level::NotOffered), None] {
                let n = places.iter().filter(|p| p.level() == level).count();
                prop_assert_eq!(now.counts.number(level) as usize, n);
            }
            let first = places.iter().find(|p| p.level().is_some_and(|l| l <= Level::Few));
            prop_assert_eq!(now.first.map(|p| p.facility.facility.id.clone()), first.map(|p| p.facility.facility.id.clone()));
            let held: u32 = now.dues.iter().map(|(_, _, n)| n).sum();
            prop_assert_eq!(held + now.counts.unknown + now.counts.not_offered, now.counts.total());
            let bar = if first.and_then(ServiceNow::level) == Some(Level::Few) { Level::Few } else { Level::Available };
            let as_good = places.iter().filter(|p| p.level().is_some_and(|l| l <= bar)).count();
            let beside: u32 = now.beside.iter().map(|(_, n)| n).sum();
            prop_assert_eq!(beside as usize, as_good.saturating_sub(1));
        }
    }
}

fn select_rhythms() -> impl Strategy<Value = Rhythms> + Clone {
    let hasty = Rhythm { peace_hours: Some(12), incident_hours: Some(1) };
    let never = Rhythm { peace_hours: None, incident_hours: Some(6) };
    prop::sample::select(vec![
        Rhythms::default(),
        Rhythms { beds: hasty, slots: never, intake: hasty, weekdays: never, ..Rhythms::default() },
    ])
}

/// A city of this many homes, each with beds and a short stay.
fn city(facilities: usize) -> Board {
    board_of((0..facilities).map(|n| {
        let record = facility(&format!("f{n}"), vec![service(ServiceKind::Tokuyo), service(ServiceKind::ShortStay)]);
        let district = id(["seihi", "saikai", "oshima", "sakito", "oseto"][n % 5]);
        Facts::FacilityRegistered(Box::new(Facility { district, ..record }))
    }))
}

#[test]
fn one_report_counts_one_facility_in_a_city_of_any_size() {
    let rhythms = Rhythms::default();
    for size in [60, 6_000] {
        let mut board = city(size);
        let mut tally = Tally::new(rhythms);
        tally.advance(&board, morning());
        assert_eq!(tally.recounts(), 0, "who has said nothing is counted by the register alone");
        for n in 0..50 {
            let name = format!("f{}", n * 7 % size);
            let at = after_minutes(n as i64);
            let before = tally.recounts();
            let e = entry(10_000 + n as u64, at, Facts::Report(report(&name, at, vec![(beds(ServiceKind::Tokuyo), free(2))])));
            let change = board.apply(&e);
            tally.note(&change);
            tally.advance(&board, at);
            let m = Moment::counted(&board, at, &rhythms, &tally);
            assert_eq!(m.kind_now(ServiceKind::Tokuyo, &[]).counts.total() as usize, size);
            assert_eq!(tally.recounts() - before, 1, "{size}");
        }
    }
}

#[test]
fn a_value_that_ages_is_counted_again_alone() {
    let rhythms = Rhythms::default();
    let mut board = city(600);
    let mut tally = Tally::new(rhythms);
    for n in 0..100 {
        let at = after_minutes(n);
        let e =
            entry(1_000 + n as u64, at, Facts::Report(report(&format!("f{n}"), at, vec![(beds(ServiceKind::Tokuyo), free(2))])));
        board.apply(&e);
    }
    // Past the midnights, at which short stays turn.
    let morning_after_a_week = after_minutes(7 * 1_440 - 1);
    tally.advance(&board, morning_after_a_week);
    let before = tally.recounts();
    tally.advance(&board, morning_after_a_week + SignedDuration::from_mins(10));
    assert_eq!(tally.recounts() - before, 9, "those of minutes 0 to 8 are past their rhythm");
    let m = Moment::counted(&board, morning_after_a_week + SignedDuration::from_mins(10), &rhythms, &tally);
    assert_eq!(m.reporting().0, 91);
}

#[test]
fn a_clone_shares_what_did_not_change_and_sees_nothing_of_what_comes_after() {
    let mut board = city(300);
    let snapshot = board.clone();
    let said = Facts::Report(report("f7", morning(), vec![(beds(ServiceKind::Tokuyo), free(1))]));
    board.apply(&entry(10_000, morning(), said));
    let copied: BTreeSet<&FacilityId> = board
        .facilities()
        .iter()
        .filter(|(id, held)| !std::sync::Arc::ptr_eq(held, &snapshot.facilities()[*id]))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(copied, BTreeSet::from([&id("f7")]));
    assert!(snapshot.find_facility(&id("f7")).unwrap().real.is_empty());
}

#[test]
fn days_of_a_short_stay_that_are_long_over_leave_the_board() {
    let mut board = city(1);
    for day in 0..400 {
        let at = after_minutes(day * 1_440);
        let nights = service(ServiceKind::ShortStay).cells(today() + jiff::Span::new().days(day));
        let said = nights.into_iter().map(|cell| (Aspect::Vacancy { service: id("short-stay"), cell }, free(1))).collect();
        board.apply(&entry(100 + day as u64, at, Facts::Report(report("f0", at, said))));
    }
    let held = board.find_facility(&id("f0")).unwrap();
    assert_eq!(held.real.len(), DATES_KEPT);
    let tonight = Aspect::Vacancy { service: id("short-stay"), cell: Cell::Date(today() + jiff::Span::new().days(399)) };
    assert!(held.real.contains_key(&tonight));
}
