//! What arrives from outside: taken whole or refused with the reason, never a panic.

use imaboard_domain::*;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::*;

fn rules(incident: bool) -> Rules {
    Rules { today: today(), thresholds: Thresholds::default(), incident }
}

fn a_word() -> impl Strategy<Value = String> {
    let known = PLAIN_ASPECTS.iter().map(|(_, w)| *w).chain(["vacancy", "nothing", ""]);
    let known = known
        .chain(KINDS.iter().map(|k| k.word()))
        .chain(Level::ALL.iter().map(|v| v.word()))
        .chain(Utility::ALL.iter().map(|v| v.word()))
        .chain(NeedItem::ALL.iter().map(|v| v.word()))
        .chain(Urgency::ALL.iter().map(|v| v.word()))
        .chain([
            "normal",
            "grid",
            "safe",
            "open",
            "l",
            "days",
            "all",
            "male",
            "female-shared",
            "mon-am",
            "tue-day",
            "visit",
            "new",
        ])
        .chain(["2026-11-23", "2026-11-24", "2026-02-30", "2026-12-24", "9999-12-31", "-0001-01-01", "20261124"]);
    prop_oneof![4 => select(known.map(str::to_owned).collect::<Vec<_>>()), 1 => ".{0,20}"]
}

fn raw() -> impl Strategy<Value = RawObservation> {
    let number = || prop::option::of(prop_oneof![0_u32..8, any::<u32>()]);
    let aspect = prop_oneof![3 => Just("vacancy".to_owned()), 1 => Just("needs".to_owned()), 4 => a_word()];
    let words = (
        aspect,
        prop::option::of(a_word()),
        prop::option::of(a_word()),
        a_word(),
        prop::option::of(a_word()),
        prop::option::of(a_word()),
    );
    (words, number(), number(), number(), number()).prop_map(
        |((aspect, service, cell, value, date, unit), count, total, hours, days)| RawObservation {
            aspect,
            service,
            cell,
            value,
            count,
            total,
            hours,
            days,
            date,
            unit,
        },
    )
}

/// The raw observation that says the same again.
fn said_again(o: &Observation) -> Vec<RawObservation> {
    let mut raw =
        RawObservation { aspect: o.aspect.word().to_owned(), value: o.value.word().to_owned(), ..RawObservation::default() };
    if let Aspect::Vacancy { service, cell } = &o.aspect {
        raw.service = Some(service.to_string());
        raw.cell = Some(cell.to_string());
    }
    match &o.value {
        Value::Vacancy { count, total, .. } => (raw.count, raw.total) = (*count, *total),
        Value::Operation { reopens, .. } => raw.date = reopens.map(|d| d.to_string()),
        Value::Power { hours, .. } | Value::Utility { hours, .. } => raw.hours = *hours,
        Value::Supplies { days, .. } => raw.days = *days,
        Value::Acceptance { count, .. } => raw.count = *count,
        Value::Needs(list) if list.is_empty() => {}
        Value::Needs(list) => {
            return list
                .iter()
                .map(|n| RawObservation {
                    aspect: "needs".into(),
                    value: n.item.to_string(),
                    cell: Some(n.urgency.to_string()),
                    count: n.quantity.map(|q| q.0),
                    unit: n.quantity.map(|q| q.1.to_string()),
                    ..RawObservation::default()
                })
                .collect();
        }
        Value::FirstReport(_)
        | Value::Building(_)
        | Value::Flooding(_)
        | Value::Road(_)
        | Value::Injured(_)
        | Value::Evacuation(_)
        | Value::Staff(_)
        | Value::ManyPatients(_) => {}
    }
    vec![raw]
}

fn fits(o: &Observation) -> bool {
    use Aspect as A;
    matches!(
        (&o.aspect, &o.value),
        (A::Vacancy { .. }, Value::Vacancy { .. })
            | (A::Operation, Value::Operation { .. })
            | (A::FirstReport, Value::FirstReport(_))
            | (A::Power, Value::Power { .. })
            | (A::Water | A::Gas | A::MedicalGas | A::Phone | A::Internet | A::Toilet | A::Climate, Value::Utility { .. })
            | (A::Building, Value::Building(_))
            | (A::Flooding, Value::Flooding(_))
            | (A::Road, Value::Road(_))
            | (A::Injured, Value::Injured(_))
            | (A::Evacuation, Value::Evacuation(_))
            | (A::Staff, Value::Staff(_))
            | (A::Supplies, Value::Supplies { .. })
            | (A::ManyPatients, Value::ManyPatients(_))
            | (A::Acceptance, Value::Acceptance { .. })
            | (A::Needs, Value::Needs(_))
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(768) })]

    #[test]
    fn anything_may_arrive_and_what_is_taken_fits_and_reads_back(
        raws in prop::collection::vec(raw(), 0..5),
        home in a_facility(),
        incident in any::<bool>(),
    ) {
        match Observation::parse(&raws, &home, rules(incident)) {
            Err(refused) => {
                prop_assert!(!refused.is_empty());
                prop_assert!(refused.iter().all(|(i, _)| *i < raws.len()));
            }
            Ok(taken) => {
                for (n, o) in taken.iter().enumerate() {
                    prop_assert!(fits(o), "{o:?}");
                    prop_assert!(taken[..n].iter().all(|t| t.aspect != o.aspect), "{} twice", o.aspect);
                    let json = serde_json::to_string(o).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<Observation>(&json).unwrap(), o);
                    if let Aspect::Vacancy { service, cell } = &o.aspect {
                        prop_assert!(home.find_service(service).unwrap().has_cell(*cell, today()));
                    }
                    let again = Observation::parse(&said_again(o), &home, rules(incident));
                    prop_assert_eq!(again, Ok(vec![o.clone()]));
                }
            }
        }
    }

    #[test]
    fn a_count_has_one_level_and_more_places_never_a_worse_one(few in 0_u32..5, more in 0_u32..10, counts in prop::collection::vec(0_u32..3_000, 2..9)) {
        let thresholds = Thresholds { few_up_to: few, available_up_to: few + more };
        let mut counts = counts;
        counts.sort_unstable();
        let levels: Vec<Level> = counts.iter().map(|c| thresholds.level(*c)).collect();
        prop_assert!(levels.iter().rev().is_sorted(), "{levels:?}");
    }
}

fn vacancy(cell: &str, value: &str, count: Option<u32>) -> RawObservation {
    RawObservation {
        aspect: "vacancy".into(),
        cell: Some(cell.into()).filter(|c: &String| !c.is_empty()),
        value: value.into(),
        count,
        ..RawObservation::default()
    }
}

fn plain(aspect: &str, value: &str) -> RawObservation {
    RawObservation { aspect: aspect.into(), value: value.into(), ..RawObservation::default() }
}

fn parse_one(raw: RawObservation, kind: ServiceKind, incident: bool) -> Result<Vec<Observation>, Refused> {
    let home = facility("hamayu", vec![service(kind)]);
    Observation::parse(&[raw], &home, rules(incident)).map_err(|mut all| all.remove(0).1)
}

#[test]
fn a_count_of_beds_has_the_level_of_the_domain_description() {
    let levels = [0, 1, 2, 4, 5, 3_000].map(|n| Thresholds::default().level(n));
    assert_eq!(levels, [Level::Full, Level::Few, Level::Available, Level::Available, Level::Plenty, Level::Plenty]);
    let taken = parse_one(vacancy("", "", Some(3)), ServiceKind::Tokuyo, false).unwrap();
    assert_eq!(taken[0].value, Value::Vacancy { level: Level::Available, count: Some(3), total: None });
}

#[test]
fn more_free_than_there_are_is_an_error_in_peace_and_let_through_in_an_incident() {
    let raw = vacancy("all", "", Some(21));
    assert_eq!(parse_one(raw.clone(), ServiceKind::Tokuyo, false), Err(Refused::MoreThanTotal { count: 21, total: 20 }));
    assert!(parse_one(raw.clone(), ServiceKind::Tokuyo, true).is_ok());
    let stated = RawObservation { total: Some(25), ..raw };
    assert!(parse_one(stated, ServiceKind::Tokuyo, false).is_ok(), "a stated total goes before the register's");
}

#[test]
fn a_level_that_contradicts_its_count_is_refused() {
    let contradicts = |value: &str, n| parse_one(vacancy("all", value, Some(n)), ServiceKind::Tokuyo, true).is_err();
    assert!(contradicts("full", 3) && contradicts("not_offered", 1) && contradicts("available", 0));
    assert!(!contradicts("full", 0) && !contradicts("few", 2) && !contradicts("plenty", 3));
}

#[test]
fn typing_errors_in_numbers_are_refused_with_the_most_that_fits() {
    let too_many = parse_one(vacancy("all", "", Some(3_001)), ServiceKind::Tokuyo, true);
    assert_eq!(too_many, Err(Refused::OutOfRange { field: "count", number: 3_001, most: MOST_PLACES }));
    let fuel = RawObservation { hours: Some(745), ..plain("power", "generator") };
    assert_eq!(
        parse_one(fuel, ServiceKind::Tokuyo, true),
        Err(Refused::OutOfRange { field: "hours", number: 745, most: MOST_HOURS })
    );
}

#[test]
fn days_that_do_not_exist_or_cannot_be_meant_are_refused() {
    for cell in ["2026-02-30", "2026-13-01", "9999-12-31", "2026-11-21", "2026-12-24", "20261124", "2026-11-24T00:00"] {
        let refused = parse_one(vacancy(cell, "available", None), ServiceKind::ShortStay, false);
        assert_eq!(refused, Err(Refused::BadDate { date: cell.into() }));
    }
    for date in ["2026-02-30", "2026-11-22", "2028-11-24", "9999-99-99", "あした"] {
        let raw = RawObservation { date: Some(date.into()), ..plain("operation", "suspended") };
        assert_eq!(parse_one(raw, ServiceKind::ShortStay, false), Err(Refused::BadDate { date: date.into() }));
    }
    for good in ["2026-11-23", "2028-11-23"] {
        let raw = RawObservation { date: Some(good.into()), ..plain("operation", "suspended") };
        assert!(parse_one(raw, ServiceKind::ShortStay, false).is_ok(), "{good}");
    }
}

#[test]
fn a_short_stay_is_told_for_31_days_and_for_yesterdays_night_shift() {
    let stay = service(ServiceKind::ShortStay);
    let cells = stay.cells(today());
    assert_eq!(cells.len(), 31);
    assert_eq!(cells.last(), Some(&Cell::Date(date(2026, 12, 23))));
    let told = |d: Date| stay.has_cell(Cell::Date(d), today());
    assert_eq!(
        [date(2026, 11, 21), date(2026, 11, 22), date(2026, 12, 23), date(2026, 12, 24)].map(told),
        [false, true, true, false]
    );
}

#[test]
fn the_day_turns_at_midnight_of_the_city() {
    let before: jiff::Timestamp = "2026-11-23T14:59:59.999999999Z".parse().unwrap();
    let after: jiff::Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
    assert_eq!((city_date(before), city_date(after)), (date(2026, 11, 23), date(2026, 11, 24)));
}

#[test]
fn a_button_that_names_no_cell_means_what_a_person_would_mean() {
    let meant = |kind: ServiceKind, sessions: Vec<Session>| -> Vec<String> {
        let s = Service { sessions, ..service(kind) };
        s.cells_meant(today()).into_iter().map(|c| c.to_string()).collect()
    };
    assert_eq!(meant(ServiceKind::Tokuyo, vec![]), ["all"]);
    assert_eq!(meant(ServiceKind::ShortStay, vec![]), ["2026-11-23"]);
    assert_eq!(meant(ServiceKind::DayCare, vec![]), ["mon-day"]);
    assert_eq!(meant(ServiceKind::DayCare, vec![Session::Am, Session::Pm]), ["mon-am", "mon-pm"]);
    assert_eq!(meant(ServiceKind::SmallMulti, vec![]), ["registration", "visit", "stay"]);
    assert_eq!(meant(ServiceKind::HomeHelp, vec![]), ["new"]);
    assert!(meant(ServiceKind::Clinic, vec![]).is_empty());
}

#[test]
fn a_number_of_places_must_name_its_cell_where_there_are_several() {
    let refused = parse_one(vacancy("", "", Some(2)), ServiceKind::SmallMulti, false);
    assert!(matches!(refused, Err(Refused::UnknownCell { .. })), "{refused:?}");
    assert_eq!(parse_one(vacancy("", "full", None), ServiceKind::SmallMulti, false).unwrap().len(), 3);
    assert_eq!(
        parse_one(vacancy("", "", Some(0)), ServiceKind::SmallMulti, false).unwrap().len(),
        3,
        "none free is none anywhere"
    );
    assert_eq!(parse_one(vacancy("stay", "", Some(2)), ServiceKind::SmallMulti, false).unwrap().len(), 1);
}

#[test]
fn a_service_must_be_named_where_there_are_several() {
    let home =
        facility("hamayu", vec![service(ServiceKind::Tokuyo), service(ServiceKind::Clinic), service(ServiceKind::DayCare)]);
    let unnamed = Observation::parse(&[vacancy("", "full", None)], &home, rules(false));
    assert_eq!(unnamed, Err(vec![(0, Refused::UnknownService { service: String::new() })]));
    let no_grid = RawObservation { service: Some("clinic".into()), ..vacancy("", "full", None) };
    assert!(Observation::parse(&[no_grid], &home, rules(false)).is_err(), "a clinic has no vacancies");
    let one_with_grid = facility("hamayu", vec![service(ServiceKind::Clinic), service(ServiceKind::Tokuyo)]);
    assert!(Observation::parse(&[vacancy("", "full", None)], &one_with_grid, rules(false)).is_ok());
}

#[test]
fn nothing_is_taken_in_part_and_every_error_is_told() {
    let raws = [plain("water", "usable"), plain("gas", "maybe"), plain("soul", "fine"), vacancy("all", "unknown", None)];
    let refused = Observation::parse(&raws, &facility("hamayu", vec![service(ServiceKind::Tokuyo)]), rules(true)).unwrap_err();
    assert_eq!(refused.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [1, 2, 3], "？ is never said by a person");
}

#[test]
fn wishes_become_one_list_with_each_thing_once() {
    let need = |item: &str, cell: &str, count| RawObservation { cell: Some(cell.into()), count, ..plain("needs", item) };
    let raws = [
        need("water", "later", Some(10)),
        need("fuel", "now", None),
        need("water", "now", None),
        need("water", "now", Some(30)),
        need("food", "within_24h", Some(0)),
    ];
    let home = facility("hamayu", vec![service(ServiceKind::Tokuyo)]);
    let taken = Observation::parse(&raws, &home, rules(true)).unwrap();
    let expected = [
        Need { urgency: Urgency::Now, item: NeedItem::Water, quantity: Some((30, NeedUnit::Litres)) },
        Need { urgency: Urgency::Now, item: NeedItem::Fuel, quantity: None },
        Need { urgency: Urgency::Within24h, item: NeedItem::Food, quantity: None },
    ];
    assert_eq!(taken, [Observation { aspect: Aspect::Needs, value: Value::Needs(expected.to_vec()) }]);
    let nothing = Observation::parse(&[plain("needs", "nothing")], &home, rules(true)).unwrap();
    assert_eq!(nothing[0].value, Value::Needs(Vec::new()));
}
