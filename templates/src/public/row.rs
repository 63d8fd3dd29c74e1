//! The rows of the vacancy table: kinds of service as people look for them.
//!
//! The register knows 34 kinds; a front page of 34 rows helps nobody. Invariant: every kind with a grid stands in exactly
//! one row, and a facility with two kinds of one row counts there once, with its better level.

use std::collections::BTreeMap;

use imaboard_domain::{DistrictId, LevelCounts, Moment, ServiceKind, ServiceRow};

/// One row of the vacancy table.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Its word in addresses and word lists (`public.row.…`).
    pub word: &'static str,
    /// The kinds it holds.
    pub kinds: &'static [ServiceKind],
}

use ServiceKind as K;

/// The rows in reading order: living, staying, visiting, at home, advice, hospital.
pub static ROWS: [Row; 12] = [
    Row { word: "tokuyo", kinds: &[K::Tokuyo, K::SmallTokuyo] },
    Row { word: "roken", kinds: &[K::Roken, K::CareHospital] },
    Row { word: "group-home", kinds: &[K::GroupHome] },
    Row { word: "paid-home", kinds: &[K::PaidHome, K::ServicedHousing] },
    Row { word: "care-house", kinds: &[K::CareHouse, K::Yogo, K::SupportHouse] },
    Row { word: "short-stay", kinds: &[K::ShortStay, K::ShortStayMedical] },
    Row { word: "day-care", kinds: &[K::DayCare, K::SmallDayCare, K::DementiaDayCare, K::DayRehab] },
    Row { word: "small-multi", kinds: &[K::SmallMulti, K::NursingMulti] },
    Row { word: "home-help", kinds: &[K::HomeHelp, K::HomeNursing, K::HomeRehab, K::HomeBath, K::NightHelp, K::RegularVisit] },
    Row { word: "care-plan", kinds: &[K::CarePlan] },
    Row { word: "equipment", kinds: &[K::Equipment] },
    Row { word: "ward", kinds: &[K::WardGeneral, K::WardCommunity, K::WardRecovery, K::WardLongTerm, K::WardDisability] },
];

impl Row {
    /// The key of its name.
    #[must_use]
    pub fn name_key(&self) -> String {
        format!("public.row.{}", self.word)
    }

    /// The key of what its level speaks about (きょう・あす), where that is not plainly "now".
    #[must_use]
    pub fn span_key(&self) -> Option<&'static str> {
        match self.word {
            "short-stay" => Some("public.span.short-stay"),
            "day-care" => Some("public.span.day-care"),
            _ => None,
        }
    }
}

/// Numbers of facilities per level for every row that anybody offers, by district.
pub(super) fn counts(moment: &Moment<'_>) -> Vec<(&'static Row, BTreeMap<DistrictId, LevelCounts>)> {
    let mut table = moment.row_counts();
    let row = |row: &ServiceRow| Some((ROWS.iter().find(|r| r.word == row.word())?, table.remove(row)?));
    ServiceRow::ALL.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_hold_the_kinds_that_the_domain_puts_there() {
        assert!(ROWS.iter().map(|r| r.word).eq(ServiceRow::ALL.iter().map(|r| r.word())));
        for kind in ServiceKind::ALL {
            let row = ROWS.iter().find(|r| r.kinds.contains(kind)).map(|r| r.word);
            assert_eq!(row, kind.row().map(ServiceRow::word), "{kind}");
        }
    }
}
