//! What each display last said it has painted, and when.
//!
//! A picture that was sent is not a picture that is seen; the desk asks here which screens still paint. *Invariant:* bounded by the
//! displays of the register, kept in memory only, and never part of what the board believes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use imaboard_domain::DisplayId;
use jiff::{SignedDuration, Timestamp};

/// A screen tells again what it shows once a minute; three times missed is a screen that shows nothing.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// A revision that stood on the glass, and when we heard so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Painted {
    /// The revision as the screen names it.
    pub revision: String,
    /// Its position.
    pub seq: u64,
    /// When we heard.
    pub at: Timestamp,
}

/// What every display has painted. Locked for moments, never across an await.
#[derive(Debug, Default)]
pub struct Paints(Mutex<BTreeMap<DisplayId, Painted>>);

impl Paints {
    /// Takes what a display said; gives what it had said before. Only for displays of the register.
    pub fn note(&self, display: DisplayId, painted: Painted) -> Option<Painted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(display, painted)
    }

    /// What a display said last; `None` if it has said nothing since the program began.
    #[must_use]
    pub fn find(&self, display: &DisplayId) -> Option<Painted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(display).cloned()
    }
}
