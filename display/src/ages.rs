//! The times at which a browser that lost its server has to hatch a value, and then to take it back.
//!
//! *Invariant:* what is written here never lets a browser show a value longer than the server would.

use imaboard_domain::{Aspect, Cell, Freshness, Mode, Moment, Realm, Shown, city_time};
use jiff::{SignedDuration, Timestamp};

/// When a value was true, and until when it may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// When it was true.
    pub observed_at: Timestamp,
    /// From when it is hatched; `None`: never.
    pub aging_at: Option<Timestamp>,
    /// From when it is ？; `None`: never.
    pub stale_at: Option<Timestamp>,
    /// What it is now.
    pub freshness: Freshness,
}

impl Ages {
    /// The ages of what is shown of an aspect; `None` if nothing ever was.
    #[must_use]
    pub fn of(m: &Moment<'_>, aspect: &Aspect, shown: Shown<'_>, realm: Realm) -> Option<Self> {
        let standing = shown.last()?;
        let mode = if realm == Realm::Exercise && !aspect.is_vacancy() { Mode::Incident } else { m.mode() };
        // A value of exactly its rhythm still counts, hence the millisecond.
        let after = |times: i32| {
            let span = m.rhythms.span(aspect, mode)? * times;
            standing.observed_at.checked_add(span + SignedDuration::from_millis(1)).ok()
        };
        let mut ages =
            Self { observed_at: standing.observed_at, aging_at: after(1), stale_at: after(2), freshness: shown.freshness()? };
        // "Tonight" means nothing once the night is over, however fresh it was.
        if let Aspect::Vacancy { cell: Cell::Date(day), .. } = aspect
            && let Ok(over) = day.tomorrow().and_then(|next| next.to_zoned(city_time(m.now).time_zone().clone()))
        {
            let over = over.timestamp();
            ages.stale_at = Some(ages.stale_at.map_or(over, |at| at.min(over)));
        }
        Some(ages)
    }

    /// The class a browser would give it now.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.freshness {
            Freshness::Fresh => "ages",
            Freshness::Aging => "ages is-aging",
            Freshness::Stale => "ages is-stale",
        }
    }
}

/// Milliseconds since 1970, as scripts count.
#[must_use]
pub fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
