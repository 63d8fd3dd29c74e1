//! What the program keeps of the log in memory: the board, and the little that doors need to remember beside it.
//!
//! It exists so that a replay, the running program and a checkpoint hold the very same thing, taken at one position. *Invariant:*
//! it depends on the entries alone, never on a clock or on settings, so a checkpoint and the entries after it give what all
//! entries give.

use imaboard_domain::{Board, Change, Entry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::intake::press::RememberedPresses;

/// Everything that was folded up to one position of the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// What the city believes.
    pub board: Board,
    /// Presses that may come again.
    pub presses: RememberedPresses,
    /// When the last entry was recorded; `None` before the first.
    pub last_recorded_at: Option<Timestamp>,
}

impl Folded {
    /// Folds the next entry.
    pub fn apply(&mut self, entry: &Entry) -> Change {
        self.presses.note(entry);
        self.last_recorded_at = Some(entry.recorded_at);
        self.board.apply(entry)
    }
}
