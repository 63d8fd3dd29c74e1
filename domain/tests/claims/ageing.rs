//! Values age by the clock alone: never younger, never shown when too old, and the deadline is exact.

use imaboard_domain::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::support::*;

fn a_standing() -> impl Strategy<Value = (Aspect, Standing)> {
    (observed(), moment(), -60_i64..6_000).prop_map(|(o, observed_at, nanos)| {
        let observed_at = observed_at + SignedDuration::from_nanos(nanos);
        let r = report("hamayu", observed_at, Vec::new());
        let standing = r.standing(&entry(1, observed_at, Facts::CityFounded { sample: false }), &o);
        (o.aspect, standing)
    })
}

fn a_rhythm() -> impl Strategy<Value = Rhythm> {
    (prop::option::of(0_u32..400), prop::option::of(0_u32..400))
        .prop_map(|(peace_hours, incident_hours)| Rhythm { peace_hours, incident_hours })
}

fn rhythms() -> impl Strategy<Value = Rhythms> {
    (a_rhythm(), a_rhythm(), a_rhythm(), a_rhythm()).prop_map(|(beds, dates, operation, damage)| Rhythms {
        beds,
        slots: beds,
        intake: dates,
        dates,
        weekdays: beds,
        operation,
        damage,
    })
}

/// Everything a page may ask, printed: two moments that print the same show the same.
fn answers(m: &Moment<'_>) -> String {
    let mut all = format!("{:?}", (m.today(), m.mode(), m.incident(), m.exercise(), m.reporting(), m.free_by_day(40)));
    for realm in [Realm::Real, Realm::Exercise] {
        all += &format!(
            "{:?}",
            (m.first_counts(realm), m.damage_rows(realm), m.roll_call(realm).map(|r| (r.percent(), r.districts)))
        );
        for (aspect, _) in &PLAIN_ASPECTS {
            all += &format!("{:?}", m.condition_counts(aspect, realm));
        }
        for f in m.facilities() {
            all += &format!("{:?}", m.damage_of(f, realm));
        }
    }
    for kind in KINDS {
        all += &format!("{:?}", (m.places(kind), m.level_counts(kind)));
    }
    for f in m.facilities() {
        all += &format!("{:?}", (m.is_late(f), m.remarks(&f.facility.id)));
        for aspect in f.real.keys() {
            all += &format!("{:?}", m.shown(f, aspect, Realm::Real));
        }
    }
    for kind in PostingKind::ALL {
        all += &format!("{:?}", m.public_postings(*kind));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn a_value_never_grows_younger(
        (aspect, standing) in a_standing(),
        rhythms in rhythms(),
        mode in word(Mode::ALL),
        // From 90 minutes before: what lies further ahead is of an unknown age, and has a claim of its own.
        moments in prop::collection::vec(-5_400_i64..2_000_000, 2..20),
    ) {
        let mut moments = moments;
        moments.sort_unstable();
        let ages = moments.iter().map(|s| rhythms.freshness(&aspect, &standing, mode, morning() + SignedDuration::from_secs(*s)));
        prop_assert!(ages.is_sorted());
    }

    #[test]
    fn the_age_class_changes_exactly_at_its_deadline(
        (aspect, standing) in a_standing(),
        rhythms in rhythms(),
        mode in word(Mode::ALL),
        now_s in -300_000_i64..2_000_000,
        share in 0.0..1.0_f64,
    ) {
        let now = morning() + SignedDuration::from_secs(now_s);
        let class = |at| rhythms.freshness(&aspect, &standing, mode, at);
        let Some(next) = rhythms.next_change(&aspect, &standing, mode, now) else {
            prop_assert_eq!(class(now), class(now + SignedDuration::from_hours(24 * 400)));
            return Ok(());
        };
        prop_assert!(next > now);
        prop_assert_eq!(class(now), class(next - SignedDuration::from_nanos(1)));
        prop_assert_eq!(class(now), class(now + next.duration_since(now).mul_f64(share).min(next.duration_since(now) - SignedDuration::from_nanos(1))));
        prop_assert_ne!(class(now), class(next));
    }

    #[test]
    fn nothing_that_is_too_old_can_be_read_as_current(
        entries in session(40),
        rhythms in rhythms(),
        later_s in 0_i64..1_500_000,
    ) {
        let board = replay(&entries);
        let now = morning() + SignedDuration::from_secs(later_s);
        let m = Moment::new(&board, now, &rhythms);
        for f in m.facilities() {
            for realm in [Realm::Real, Realm::Exercise] {
                let aspects = f.real.keys().chain(f.exercise.keys());
                for aspect in aspects {
                    let Some(s) = m.shown(f, aspect, realm).current() else { continue };
                    let mode = if realm == Realm::Exercise && !aspect.is_vacancy() { Mode::Incident } else { m.mode() };
                    if let Some(span) = rhythms.span(aspect, mode) {
                        prop_assert!(now.duration_since(s.observed_at) <= span * 2, "{aspect} {s:?}");
                    }
                    prop_assert_eq!(s.exercise, realm == Realm::Exercise && !aspect.is_vacancy());
                }
                let row = m.damage_of(f, realm);
                if !row.needs.is_empty() {
                    prop_assert!(m.shown(f, &Aspect::Needs, realm).current().is_some());
                }
            }
            for service in &f.facility.services {
                let Some(place) = m.service_now(f, service) else { continue };
                let current: Vec<&Standing> = service
                    .cells_now(m.today())
                    .into_iter()
                    .filter_map(|c| m.cell(f, service, c).current())
                    .collect();
                prop_assert_eq!(place.level(), current.iter().filter_map(|s| s.value.level()).min());
                if current.is_empty() {
                    prop_assert_eq!(place.count, None);
                }
            }
        }
    }

    #[test]
    fn between_now_and_the_deadline_nothing_changes_by_itself(
        entries in session(30),
        rhythms in rhythms(),
        now_s in -3_600_i64..600_000,
        shares in prop::collection::vec(0.0..1.0_f64, 1..4),
    ) {
        let board = replay(&entries);
        let now = morning() + SignedDuration::from_secs(now_s);
        let m = Moment::new(&board, now, &rhythms);
        let deadline = m.next_deadline();
        prop_assert!(deadline > now);
        let before = answers(&m);
        let last = deadline.duration_since(now) - SignedDuration::from_nanos(1);
        for between in shares.into_iter().map(|share| last.mul_f64(share).min(last)).chain([last]) {
            let later = Moment::new(&board, now + between, &rhythms);
            prop_assert_eq!(&answers(&later), &before, "changed {} after {}, deadline {}", between, now, deadline);
        }
    }
}

fn shown_after(aspect: &Aspect, hours: i64, mode: Mode) -> Freshness {
    let r = report("hamayu", morning(), Vec::new());
    let o = Observed { aspect: aspect.clone(), value: free(1), confirms: None };
    let standing = r.standing(&entry(1, morning(), Facts::CityFounded { sample: false }), &o);
    Rhythms::default().freshness(aspect, &standing, mode, after_minutes(hours * 60))
}

#[test]
fn the_rhythms_are_those_of_the_domain_description() {
    use Freshness::{Aging, Fresh, Stale};
    let cell = |text: &str| Aspect::Vacancy { service: id("s"), cell: text.parse().unwrap() };
    // aspect, mode, last fresh hour, last aging hour
    let table = [
        (cell("all"), Mode::Peace, 168, 336),
        (cell("all"), Mode::Alert, 168, 336),
        (cell("all"), Mode::Incident, 24, 48),
        (cell("stay"), Mode::Incident, 24, 48),
        (cell("new"), Mode::Peace, 168, 336),
        (cell("mon-am"), Mode::Incident, 24, 48),
        (cell("2026-11-24"), Mode::Peace, 24, 48),
        (cell("2026-11-24"), Mode::Incident, 12, 24),
        (Aspect::Operation, Mode::Incident, 6, 12),
        (Aspect::FirstReport, Mode::Incident, 6, 12),
        (Aspect::Power, Mode::Peace, 24, 48),
        (Aspect::Needs, Mode::Incident, 3, 6),
    ];
    for (aspect, mode, fresh, aging) in table {
        let classes = [fresh, fresh + 1, aging, aging + 1].map(|h| shown_after(&aspect, h, mode));
        assert_eq!(classes, [Fresh, Aging, Aging, Stale], "{aspect} in {mode}");
    }
    assert_eq!(shown_after(&Aspect::Operation, 24 * 365, Mode::Peace), Fresh);
}

#[test]
fn a_stale_bed_is_never_shown_as_free() {
    let home = Facts::FacilityRegistered(Box::new(facility("hamayu", vec![service(ServiceKind::Tokuyo)])));
    let board = board_of([home, Facts::Report(report("hamayu", morning(), vec![(beds(ServiceKind::Tokuyo), free(5))]))]);
    let rhythms = Rhythms::default();
    let m = Moment::new(&board, after_minutes(15 * 1_440), &rhythms);
    let place = &m.places(ServiceKind::Tokuyo)[0];
    assert_eq!((place.level(), place.count), (None, None));
    assert!(matches!(place.shown, Shown::Stale(s) if s.value == free(5)), "the last value stays readable as the last");
    assert_eq!(m.level_counts(ServiceKind::Tokuyo)[&id("seihi")], LevelCounts { unknown: 1, ..LevelCounts::default() });
}

#[test]
fn the_deadline_of_a_quiet_city_is_its_midnight() {
    let board = Board::new();
    let rhythms = Rhythms::default();
    let midnight: Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
    assert_eq!(Moment::new(&board, morning(), &rhythms).next_deadline(), midnight);
    let next: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    assert_eq!(Moment::new(&board, midnight, &rhythms).next_deadline(), next);
    assert!(Moment::new(&board, Timestamp::MAX, &rhythms).next_deadline() >= Timestamp::MAX);
}
