//! The register: which facilities there are, where, and how to reach them.
//!
//! Everything here is public register data (name, address, switchboard); no person is ever named.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{DistrictId, FacilityId, ServiceId};
use crate::service::{Service, ServiceGroup, ServiceKind};
use crate::words::words;

/// A care or medical provider, or a shelter of the register (施設・事業所).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facility {
    /// Stable from day one; official codes are attributes.
    pub id: FacilityId,
    /// The proper name (はまゆう荘).
    pub name: String,
    /// The name in kana, for search.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kana: String,
    /// The district of the settings it belongs to.
    pub district: DistrictId,
    /// The ferry island it stands on (松島), if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub island: Option<String>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Registered telephone number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// Registered FAX number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fax: String,
    /// Registered web page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The legal person that runs it (法人の名称).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// 事業所番号 (10 digits) or 医療機関コード.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub office_number: String,
    /// Degrees north (WGS 84 / JGD2011).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// What it offers; at least one.
    pub services: Vec<Service>,
    /// Planned closures; inside one, nothing counts as late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closures: Vec<Closure>,
}

/// Days on which a facility is closed as planned (年末年始 …); both days included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// First closed day (city date).
    pub from: Date,
    /// Last closed day.
    pub until: Date,
    /// What for, if somebody said so; closures of older records do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ClosureReason>,
}

words! {
    /// What a facility is closed for as planned.
    ClosureReason {
        /// Its usual days off (定休・年末年始).
        Holiday = "holiday",
        /// Building work (改修・設備工事).
        Works = "works",
        /// Against an infection (感染対応).
        Infection = "infection",
        /// Too few staff (人員の確保).
        Staff = "staff",
        /// Training, a festival of the house, an election in its hall (行事・研修).
        Event = "event",
        /// Something else.
        Other = "other",
    }
}

impl Facility {
    /// The service with this id.
    #[must_use]
    pub fn find_service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.iter().find(|s| s.id == *id)
    }

    /// The first service: what people call the place.
    #[must_use]
    pub fn main_kind(&self) -> Option<ServiceKind> {
        self.services.first().map(|s| s.kind)
    }

    /// Whether people come here for treatment (hospital, clinic, pharmacy).
    #[must_use]
    pub fn is_medical(&self) -> bool {
        self.services
            .iter()
            .any(|s| s.kind.group() == ServiceGroup::Hospital || matches!(s.kind, ServiceKind::Clinic | ServiceKind::Pharmacy))
    }

    /// Whether a planned closure covers this day.
    #[must_use]
    pub fn is_closed_on(&self, day: Date) -> bool {
        self.closure_on(day).is_some()
    }

    /// The planned closure that covers this day; of several the one that lasts longest.
    #[must_use]
    pub fn closure_on(&self, day: Date) -> Option<&Closure> {
        self.closures.iter().filter(|c| c.from <= day && day <= c.until).max_by_key(|c| c.until)
    }
}
