//! The rows of the vacancy table: kinds of service as people look for them.
//!
//! The register knows 34 kinds; a front page of 34 rows helps nobody. Invariant: every kind with a grid stands in exactly
//! one row, and a facility with two kinds of one row counts there once, with its better level.

use std::collections::BTreeMap;

use imaboard_domain::{DistrictId, Level, LevelCounts, Moment, ServiceKind};

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
    let mut table: Vec<BTreeMap<DistrictId, LevelCounts>> = ROWS.iter().map(|_| BTreeMap::new()).collect();
    for held in moment.facilities() {
        // Best level per row: known before unknown, then the order of levels.
        let mut best: [Option<(bool, Option<Level>)>; ROWS.len()] = [None; ROWS.len()];
        for service in &held.facility.services {
            let Some(row) = ROWS.iter().position(|r| r.kinds.contains(&service.kind)) else { continue };
            let Some(now) = moment.service_now(held, service) else { continue };
            let candidate = (now.level().is_none(), now.level());
            if best[row].is_none_or(|old| candidate < old) {
                best[row] = Some(candidate);
            }
        }
        for (cells, level) in table.iter_mut().zip(best) {
            if let Some((_, level)) = level {
                cells.entry(held.facility.district.clone()).or_default().add(level);
            }
        }
    }
    ROWS.iter().zip(table).filter(|(_, cells)| !cells.is_empty()).collect()
}
