//! The data files of the sample city, read into types.
//!
//! *Invariant:* nothing here is known to the program by name; other files in `config/sample/` make another sample.

use std::collections::BTreeMap;

use imaboard_domain::{
    Button, ButtonId, Cell, Channel, Closure, ClosureReason, Display, Facility, FacilityId, Job, Level, NoticeCategory,
    PostingId, PostingKind, RawObservation, Rules, Service, ServiceId, Setting, city_date,
};
use imaboard_templates::City;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use crate::commands::Failed;
use crate::intake::register;

/// The register, exactly as `register export` would write it.
pub(super) const FACILITIES: &[u8] = include_bytes!("../../config/sample/facilities.csv");
const REPORTS: &str = include_str!("../../config/sample/reports.toml");
const POSTINGS: &str = include_str!("../../config/sample/postings.toml");
const CITY: &str = include_str!("../../config/sample/city.toml");

/// Everything the sample city is made of.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) facilities: Vec<Facility>,
    pub(super) reports: Reports,
    pub(super) postings: Postings,
    pub(super) city: SampleCity,
}

/// `reports.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reports {
    pub(super) history: History,
    pub(super) report: Vec<Said>,
}

/// How far the history of beds reaches back, and how often somebody reported.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    pub(super) days: u32,
    pub(super) every_days: u32,
}

/// One report of the sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    pub(super) facility: FacilityId,
    /// How many hours ago it was true.
    pub(super) hours: f64,
    pub(super) channel: Channel,
    #[serde(default)]
    pub(super) free: BTreeMap<ServiceId, Places>,
    #[serde(default)]
    say: Vec<String>,
}

impl Said {
    /// What it says besides places; `operation:limited`.
    pub(super) fn raws(&self) -> Result<Vec<RawObservation>, Failed> {
        // What a button sets is written the same way.
        let read = |said: &String| format!("single={said}").parse::<Setting>().map(|s| s.sets).map_err(|e| Failed::because(&e));
        self.say.iter().map(read).collect()
    }
}

/// Places of a service, cell by cell, repeated when there are fewer than cells.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Places(String);

/// Room in one cell as the file writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    Count(u32),
    Level(Level),
}

impl Places {
    /// What each cell of a service has.
    pub(super) fn of(&self, service: &Service, rules: Rules) -> Result<Vec<(Cell, Free)>, Failed> {
        let words: Vec<Free> = self.0.split_whitespace().map(Free::read).collect::<Result<_, _>>()?;
        Ok(service.cells(rules.today).into_iter().zip(words.into_iter().cycle()).collect())
    }
}

impl Free {
    fn read(word: &str) -> Result<Self, Failed> {
        Ok(match word {
            "◎" => Self::Level(Level::Plenty),
            "○" => Self::Level(Level::Available),
            "△" => Self::Level(Level::Few),
            "×" => Self::Level(Level::Full),
            "—" => Self::Level(Level::NotOffered),
            number => Self::Count(number.parse().map_err(|_| Failed(format!("neither a number nor a level: {number:?}")))?),
        })
    }

    /// The number of free places, where one is known.
    pub(super) fn count(self) -> Option<u32> {
        match self {
            Self::Count(n) => Some(n),
            Self::Level(Level::Full) => Some(0),
            Self::Level(_) => None,
        }
    }

    /// The same as it would arrive from outside.
    pub(super) fn raw(self, service: &Service, cell: Cell) -> RawObservation {
        let mut raw = RawObservation {
            aspect: "vacancy".to_owned(),
            service: Some(service.id.to_string()),
            cell: Some(cell.to_string()),
            ..RawObservation::default()
        };
        match self {
            Self::Count(n) => raw.count = Some(n),
            Self::Level(level) => level.word().clone_into(&mut raw.value),
        }
        raw
    }
}

/// `postings.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Postings {
    pub(super) posting: Vec<Draft>,
}

/// One notice or job of the sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) id: PostingId,
    pub(super) kind: PostingKind,
    #[serde(default)]
    state: State,
    pub(super) facility: Option<FacilityId>,
    pub(super) category: Option<NoticeCategory>,
    pub(super) job: Option<Job>,
    #[serde(default)]
    pub(super) pinned: bool,
    pub(super) until_days: Option<i64>,
    pub(super) title: String,
    pub(super) body: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Published,
    Pending,
}

impl Draft {
    /// Whether it waits for release.
    pub(super) fn is_pending(&self) -> bool {
        self.state == State::Pending
    }
}

/// `city.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleCity {
    pub(super) display: Vec<Display>,
    button: Vec<Enrolled>,
    closure: Vec<Closed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrolled {
    id: ButtonId,
    facility: FacilityId,
    device: String,
    sets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    facility: FacilityId,
    from_days: i32,
    until_days: i32,
    reason: ClosureReason,
}

pub(super) fn toml<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Failed> {
    toml::from_str(text).map_err(|e| Failed(format!("config/sample/{name}: {e}")))
}

impl Data {
    /// Reads every file; fails if the settings list other districts than the sample.
    pub(super) fn read(city: &City) -> Result<Self, Failed> {
        let facilities = register::read(FACILITIES, city, &[]).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failed(format!(
                "見本の市は設定の地区に合いません。本物の市は `imaboard init` で作ってください / the sample does not fit the districts of \
                 the settings\n{}",
                lines.join("\n")
            ))
        })?;
        Ok(Self {
            facilities: facilities.into_iter().map(|(_, f)| f).collect(),
            reports: toml("reports.toml", REPORTS)?,
            postings: toml("postings.toml", POSTINGS)?,
            city: toml("city.toml", CITY)?,
        })
    }

    /// The facilities with their closures around today.
    pub(super) fn facilities_at(&self, now: Timestamp) -> Vec<Facility> {
        let today = city_date(now);
        let day = |days: i32| today.checked_add(days.days()).ok();
        let mut facilities = self.facilities.clone();
        for f in &mut facilities {
            let closed = self.city.closure.iter().filter(|c| c.facility == f.id);
            f.closures
                .extend(closed.filter_map(|c| {
                    Some(Closure { from: day(c.from_days)?, until: day(c.until_days)?, reason: Some(c.reason) })
                }));
        }
        facilities
    }

    /// The buttons: devices of our own kind.
    pub(super) fn buttons(&self) -> Result<Vec<Button>, Failed> {
        let read = |b: &Enrolled| {
            let sets = b.sets.iter().map(|s| s.parse::<Setting>().map_err(|e| Failed::because(&e))).collect::<Result<_, _>>()?;
            let (id, facility, device) = (b.id.clone(), b.facility.clone(), b.device.clone());
            Ok(Button::new(id, facility, "imaboard".to_owned(), device, sets))
        };
        self.city.button.iter().map(read).collect()
    }
}
