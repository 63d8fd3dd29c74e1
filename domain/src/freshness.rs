//! How fast each kind of value ages, in peace and during an incident.
//!
//! Pure arithmetic on `(observed_at, now, rhythm)`. Invariant: a value that was observed in the past never grows younger as
//! `now` grows; one from the future (our own clock was ahead once) is unknown until its time comes.

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

/// A value observed further ahead than this was recorded by a clock that was wrong. The recorder lets its own time run
/// ahead for up to an hour after the clock was set back; half an hour on top keeps a clock that drifts out of this.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(90);

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
            Aspect::Vacancy { cell, .. } => self.of_grid(cell.grid()),
            Aspect::Operation | Aspect::FirstReport => self.operation,
            _ => self.damage,
        }
    }

    /// The rhythm of the cells of a grid.
    #[must_use]
    pub fn of_grid(&self, grid: Grid) -> Rhythm {
        match grid {
            Grid::Beds => self.beds,
            Grid::Slots => self.slots,
            Grid::Intake => self.intake,
            Grid::Dates => self.dates,
            Grid::Weekdays => self.weekdays,
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

    /// The age class of a standing at `now`: fresh up to its rhythm, aging up to twice that, then stale. What claims to be
    /// from the future is stale too: nobody knows how old it really is.
    #[must_use]
    pub fn freshness(&self, aspect: &Aspect, standing: &Standing, mode: Mode, now: Timestamp) -> Freshness {
        if standing.observed_at.duration_since(now) > MOST_AHEAD {
            return Freshness::Stale;
        }
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
        if standing.observed_at.duration_since(now) > MOST_AHEAD {
            return standing.observed_at.checked_sub(MOST_AHEAD).ok();
        }
        let span = self.span(aspect, mode)?;
        // The first moment past the border, because a value of exactly its rhythm is still fresh.
        let tick = SignedDuration::from_nanos(1);
        [span, span * 2].into_iter().filter_map(|d| standing.observed_at.checked_add(d + tick).ok()).find(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aspect::{FirstReport, Value};
    use crate::id::EntryId;
    use crate::standing::Channel;

    const OBSERVED: Timestamp = Timestamp::constant(1_763_872_000, 0);

    fn observed_then(aspect: &Aspect, before: SignedDuration) -> (Freshness, Option<Timestamp>) {
        let standing = Standing {
            value: Value::FirstReport(FirstReport::Safe),
            observed_at: OBSERVED,
            recorded_at: OBSERVED,
            report: EntryId(uuid::Uuid::nil()),
            channel: Channel::Form,
            reporter: String::new(),
            incident: None,
            exercise: false,
            confirms: None,
        };
        let now = OBSERVED - before;
        let rhythms = Rhythms::default();
        let next = rhythms.next_change(aspect, &standing, Mode::Peace, now);
        (rhythms.freshness(aspect, &standing, Mode::Peace, now), next)
    }

    #[test]
    fn a_value_from_a_clock_that_was_a_day_ahead_is_unknown_until_its_time_comes() {
        for aspect in [Aspect::Power, Aspect::Operation] {
            let (freshness, next) = observed_then(&aspect, SignedDuration::from_hours(24));
            assert_eq!(freshness, Freshness::Stale, "{aspect:?}");
            assert_eq!(next, Some(OBSERVED - MOST_AHEAD), "{aspect:?}");
            assert_eq!(observed_then(&aspect, MOST_AHEAD).0, Freshness::Fresh, "{aspect:?}");
        }
    }

    #[test]
    fn a_clock_set_back_by_less_than_an_hour_takes_nothing_off_the_board() {
        assert_eq!(observed_then(&Aspect::Power, SignedDuration::from_mins(59)).0, Freshness::Fresh);
    }
}
