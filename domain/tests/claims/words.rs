//! Words travel in the log, in forms and in addresses: unique, plain, and read back as they were written.

use std::collections::BTreeSet;

use imaboard_domain::*;
use proptest::prelude::*;

use crate::support::*;

macro_rules! words_hold {
    ($($list:ident),+ $(,)?) => {$(
        let words: BTreeSet<&str> = $list::ALL.iter().map(|v| v.word()).collect();
        assert_eq!(words.len(), $list::ALL.len(), "{} has a word twice", stringify!($list));
        for v in $list::ALL {
            let plain = v.word().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
            assert!(plain && !v.word().is_empty(), "{:?}", v.word());
            assert_eq!(v.to_string().parse::<$list>().as_ref(), Ok(v));
            assert_eq!(serde_json::from_str::<$list>(&serde_json::to_string(v).unwrap()).unwrap(), *v);
            assert!(v.word().to_uppercase().parse::<$list>().is_err());
        }
    )+};
}

#[test]
fn every_word_is_unique_in_its_list_and_reads_back() {
    words_hold!(
        Level,
        Role,
        ClosureReason,
        Operation,
        FirstReport,
        Power,
        Utility,
        Building,
        Flooding,
        Road,
        Injured,
        Evacuation,
        Staffing,
        Supplies,
        ManyPatients,
        Acceptance,
        NeedItem,
        Urgency,
        NeedUnit,
        Condition,
        ServiceKind,
        Grid,
        ServiceGroup,
        BedSex,
        BedRoom,
        Weekday,
        Session,
        Slot,
        Channel,
        Freshness,
        Mode,
        Hazard,
        Severity,
        PostingKind,
        PostingState,
        NoticeCategory,
        Employment,
        WagePer,
        Audience,
        WorkKind,
        Shift,
        ContactRole,
        GuidePage,
        VisitOutcome,
        Gesture,
        CallOutcome,
    );
    let plain: BTreeSet<&str> = PLAIN_ASPECTS.iter().map(|(_, w)| *w).collect();
    assert_eq!(plain.len(), PLAIN_ASPECTS.len());
    assert!(!plain.contains("vacancy"));
    let codes: Vec<&str> = ServiceKind::ALL.iter().filter_map(|k| k.mhlw_code()).collect();
    assert_eq!(codes.len(), codes.iter().collect::<BTreeSet<_>>().len(), "two kinds share a ministry code");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn an_aspect_reads_back(aspect in aspect()) {
        prop_assert_eq!(aspect.to_string().parse::<Aspect>(), Ok(aspect.clone()));
        if let Aspect::Vacancy { cell, .. } = aspect {
            prop_assert_eq!(cell.to_string().parse::<Cell>(), Ok(cell));
        }
    }

    #[test]
    fn whatever_reads_as_a_cell_is_written_the_same(text in "[a-z0-9:T+-]{0,16}|2026-[0-9]{1,2}-[0-9]{1,2}(T00:00)?") {
        if let Ok(cell) = text.parse::<Cell>() {
            prop_assert_eq!(cell.to_string(), text);
        }
    }

    #[test]
    fn whatever_reads_as_a_setting_reads_back(text in "(single|long|x)(@[0-9]{1,6})?=[a-z_]{0,8}(/[a-z-]{0,5}){0,3}:[a-z0-9+:/]{0,6}|.{0,30}") {
        if let Ok(setting) = text.parse::<Setting>() {
            prop_assert_eq!(setting.to_string().parse::<Setting>(), Ok(setting));
        }
    }

    #[test]
    fn texts_that_are_no_ids_are_refused(text in ".{0,80}") {
        if let Ok(id) = FacilityId::new(text.clone()) {
            prop_assert!((1..=64).contains(&text.len()) && text.is_ascii() && !text.contains(['/', '#', '+', ' ', '.']));
            prop_assert_eq!(id.as_str(), text);
        }
    }

    #[test]
    fn every_kind_of_facts_reads_back_from_the_log(all in every_facts()) {
        let kinds: BTreeSet<&str> = all.iter().map(Facts::kind).collect();
        prop_assert_eq!(kinds.len(), all.len(), "two strategies make the same kind");
        prop_assert_eq!(kinds.len(), 25, "a new kind of facts needs a generator");
        for facts in all {
            let json = serde_json::to_string(&facts).unwrap();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&value["kind"], facts.kind());
            prop_assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
        }
    }

    #[test]
    fn a_place_on_the_map_reads_back_to_the_last_bit(latitude in -90.0..90.0_f64, longitude in -180.0..180.0_f64) {
        let there = Facility { latitude: Some(latitude), longitude: Some(longitude), ..facility("hamayu", Vec::new()) };
        let json = serde_json::to_string(&there).unwrap();
        prop_assert_eq!(serde_json::from_str::<Facility>(&json).unwrap(), there);
    }
}
