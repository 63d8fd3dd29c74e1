//! How fast each kind of value ages, in peace and during an incident.
//!
//! Pure arithmetic on `(observed_at, now, rhythm)`. Invariant: a value never grows younger as `now` grows.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aspect::Aspect;
use crate::incident::Mode;
use crate::service::Grid;
use crate::standing::{Freshness, Standing};

/// Hours after which a value is past its rhythm; `None` means it does not age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    /// In peace and on alert.
    pub peace_hours: Option<u32>,
    /// During an incident.
    pub incident_hours: Option<u32>,
}

/// The rhythm of every class of aspect; the defaults are those of the domain description, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythms {
    /// Beds, slots and intake: 7 days, 24 h.
    pub beds: Rhythm,
    /// 登録・通い・泊まり
    pub slots: Rhythm,
    /// 新規受入
    pub intake: Rhythm,
    /// Short-stay dates: 24 h, 12 h.
    pub dates: Rhythm,
    /// Weekday grids: 7 days, 24 h.
    pub weekdays: Rhythm,
    /// Operation and first report: no ageing in peace, 6 h.
    pub operation: Rhythm,
    /// Damage, lifelines, needs: 24 h, 3 h.
    pub damage: Rhythm,
}

impl Default for Rhythms {
    fn default() -> Self {
        let week = Rhythm { peace_hours: Some(168), incident_hours: Some(24) };
        Self {
            beds: week,
            slots: week,
            intake: week,
            weekdays: week,
            dates: Rhythm { peace_hours: Some(24), incident_hours: Some(12) },
            operation: Rhythm { peace_hours: None, incident_hours: Some(6) },
            damage: Rhythm { peace_hours: Some(24), incident_hours: Some(3) },
        }
    }
}

impl Rhythms {
    /// The rhythm of one aspect.
    #[must_use]
    pub fn of(&self, aspect: &Aspect) -> Rhythm {
        match aspect {
            Aspect::Vacancy { cell, .. } => match cell.grid() {
                Grid::Beds => self.beds,
                Grid::Slots => self.slots,
                Grid::Intake => self.intake,
                Grid::Dates => self.dates,
                Grid::Weekdays => self.weekdays,
            },
            Aspect::Operation | Aspect::FirstReport => self.operation,
            _ => self.damage,
        }
    }

    /// How long a value of this aspect stays fresh in this mode; `None`: for ever.
    #[must_use]
    pub fn span(&self, aspect: &Aspect, mode: Mode) -> Option<SignedDuration> {
        let rhythm = self.of(aspect);
        let hours = match mode {
            Mode::Peace | Mode::Alert => rhythm.peace_hours,
            Mode::Incident => rhythm.incident_hours,
        };
        hours.map(|h| SignedDuration::from_hours(i64::from(h)))
    }

    /// The age class of a standing at `now`: fresh up to its rhythm, aging up to twice that, then stale.
    #[must_use]
    pub fn freshness(&self, aspect: &Aspect, standing: &Standing, mode: Mode, now: Timestamp) -> Freshness {
        let Some(span) = self.span(aspect, mode) else {
            return Freshness::Fresh;
        };
        let age = now.duration_since(standing.observed_at);
        if age <= span {
            Freshness::Fresh
        } else if age <= span * 2 {
            Freshness::Aging
        } else {
            Freshness::Stale
        }
    }

    /// When the age class of this standing changes next; `None` if never.
    #[must_use]
    pub fn next_change(&self, aspect: &Aspect, standing: &Standing, mode: Mode, now: Timestamp) -> Option<Timestamp> {
        let span = self.span(aspect, mode)?;
        // The first moment past the border, because a value of exactly its rhythm is still fresh.
        let tick = SignedDuration::from_nanos(1);
        [span, span * 2].into_iter().filter_map(|d| standing.observed_at.checked_add(d + tick).ok()).find(|at| *at > now)
    }
}
