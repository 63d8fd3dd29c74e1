//! What the board believes now (現況) and what may be shown of it.
//!
//! Invariant: [`Shown`] is the only door from a standing to a reader, and for a stale standing it carries no current value;
//! an old "available" cannot be printed as available by mistake.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aspect::Value;
use crate::id::{EntryId, IncidentId};
use crate::words::words;

words! {
    /// How a report reached us (経路).
    Channel {
        /// The web form, opened without a QR code.
        Form = "form",
        /// The web form, opened by a QR code.
        Qr = "qr",
        /// A push button.
        Button = "button",
        /// By telephone, typed in by the city.
        Phone = "phone",
        /// By FAX, typed in by the city.
        Fax = "fax",
        /// Another program.
        Api = "api",
        /// A file.
        Import = "import",
        /// The program itself.
        System = "system",
    }
}

words! {
    /// Age class of a standing (鮮度).
    Freshness {
        /// Up to its rhythm.
        Fresh = "fresh",
        /// Up to twice its rhythm.
        Aging = "aging",
        /// Older: unknown.
        Stale = "stale",
    }
}

/// What the city believes about one aspect of one facility, and since when.
///
/// A standing ages: past its rhythm it becomes [`Freshness::Aging`], past twice its rhythm [`Freshness::Stale`]
/// and is shown as unknown, because an old "available" sends a family across the strait for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The value.
    pub value: Value,
    /// When it was true.
    #[serde(with = "crate::packed_time")]
    pub observed_at: Timestamp,
    /// When we got it.
    #[serde(with = "crate::packed_time")]
    pub recorded_at: Timestamp,
    /// The report that said so.
    pub report: EntryId,
    /// How it reached us.
    pub channel: Channel,
    /// Who sent it, as an opaque id (`key:…`, `button:…`, `staff:…`).
    pub reporter: String,
    /// The incident it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// Whether it is part of an exercise (訓練).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
    /// The observation this one only confirms (変わりなし); `None` if it was looked at anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirms: Option<EntryId>,
}

impl Standing {
    /// The order among standings of one aspect: the greatest wins, whatever the order of arrival.
    #[must_use]
    pub fn rank(&self) -> (Timestamp, Timestamp, EntryId) {
        (self.observed_at, self.recorded_at, self.report)
    }
}

/// What may be shown of an aspect now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Fresh: full contrast.
    Fresh(&'a Standing),
    /// Past its rhythm: hatched, the age printed beside it.
    Aging(&'a Standing),
    /// Too old: ？, with the last value in small type.
    Stale(&'a Standing),
    /// Never reported: ？.
    Missing,
}

impl<'a> Shown<'a> {
    /// The value if it may still be shown as current.
    #[must_use]
    pub fn current(self) -> Option<&'a Standing> {
        match self {
            Shown::Fresh(s) | Shown::Aging(s) => Some(s),
            Shown::Stale(_) | Shown::Missing => None,
        }
    }

    /// The newest value ever, current or not; for "last known" lines only.
    #[must_use]
    pub fn last(self) -> Option<&'a Standing> {
        match self {
            Shown::Fresh(s) | Shown::Aging(s) | Shown::Stale(s) => Some(s),
            Shown::Missing => None,
        }
    }

    /// The age class; `None` if never reported.
    #[must_use]
    pub fn freshness(self) -> Option<Freshness> {
        match self {
            Shown::Fresh(_) => Some(Freshness::Fresh),
            Shown::Aging(_) => Some(Freshness::Aging),
            Shown::Stale(_) => Some(Freshness::Stale),
            Shown::Missing => None,
        }
    }

    /// Whether the value is past its rhythm but may still be shown.
    #[must_use]
    pub fn is_aging(self) -> bool {
        matches!(self, Shown::Aging(_))
    }
}
