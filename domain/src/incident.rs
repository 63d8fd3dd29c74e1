//! Incidents, exercises and roll calls.
//!
//! Invariant: an exercise (訓練) is an overlay; it never changes the real [`Mode`], rhythms or standings.

use imbl::OrdMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DistrictId, EntryId, FacilityId, IncidentId, RollCallId};
use crate::moment::Realm;
use crate::standing::Channel;
use crate::words::words;

words! {
    /// The real mode of the city.
    Mode {
        /// 平常
        Peace = "peace",
        /// 警戒: a roll call may be opened, nothing else changes.
        Alert = "alert",
        /// 災害: damage first, shorter rhythms.
        Incident = "incident",
    }
}

words! {
    /// What threatens.
    Hazard {
        /// 台風
        Typhoon = "typhoon",
        /// 大雨
        HeavyRain = "heavy_rain",
        /// 地震
        Earthquake = "earthquake",
        /// 津波
        Tsunami = "tsunami",
        /// 土砂災害
        Landslide = "landslide",
        /// 大雪
        Snow = "snow",
        /// 停電
        PowerCut = "power_cut",
        /// 断水
        WaterCut = "water_cut",
        /// 感染症
        Outbreak = "outbreak",
        /// 火災
        Fire = "fire",
        /// その他
        Other = "other",
    }
}

words! {
    /// How far an incident goes.
    Severity {
        /// 警戒
        Alert = "alert",
        /// 災害
        Incident = "incident",
    }
}

/// A disaster under way, opened by the city itself; may be an exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Its name (台風第24号).
    pub name: String,
    /// What threatens.
    pub hazard: Hazard,
    /// Affected districts; empty means the whole city.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<DistrictId>,
    /// Alert or incident.
    pub severity: Severity,
    /// 訓練
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

impl Incident {
    /// Whether it is part of what is real or of what is practised.
    #[must_use]
    pub fn realm(&self) -> Realm {
        if self.exercise { Realm::Exercise } else { Realm::Real }
    }
}

/// Something the city wrote down about an incident: an update (経過), or why it was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentNote {
    /// The entry that says so; a redaction names it.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The stated condition under which the incident was closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ending: bool,
    /// The words; `None` if none were given, or they were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The first answer of one facility to a roll call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer {
    /// When it was recorded.
    pub at: Timestamp,
    /// The report that answered.
    pub report: EntryId,
    /// How it came.
    pub channel: Channel,
}

/// Asking everyone to answer (点呼).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollCall {
    /// Its id.
    pub id: RollCallId,
    /// Districts asked; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<DistrictId>,
    /// 訓練
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// First answers by facility.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    pub answers: OrdMap<FacilityId, Answer>,
}
