//! The times at which a browser that lost its server has to hatch a value, and then to take it back.
//!
//! *Invariant:* what is written here never lets a browser show a value longer than the server would.

use imaboard_domain::{Aspect, Believed, Freshness, Moment, Realm, Shown};
use jiff::Timestamp;

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

impl From<Believed> for Ages {
    fn from(b: Believed) -> Self {
        Self { observed_at: b.observed_at, aging_at: b.aging_at, stale_at: b.stale_at, freshness: b.freshness }
    }
}

impl Ages {
    /// The ages of what is shown of an aspect; `None` if nothing ever was.
    #[must_use]
    pub fn of(m: &Moment<'_>, aspect: &Aspect, shown: Shown<'_>, realm: Realm) -> Option<Self> {
        m.believed(aspect, shown, realm).map(Self::from)
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
