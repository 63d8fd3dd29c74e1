//! Which button the newest entries came from, so that the log can say where a press went after it became an entry.
//!
//! A wall knows positions and no buttons; whoever asks "where did this press go?" knows the button and no position. This is
//! the bridge, for log lines and figures only. *Invariant:* bounded in memory; nothing that is shown depends on it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use imaboard_domain::ButtonId;
use jiff::Timestamp;

/// Presses remembered: more than arrive between a press and the paint of a slow display.
const MOST: usize = 1_024;

/// One press that became an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its entry.
    pub seq: u64,
    /// The button.
    pub button: ButtonId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// The newest presses, in order of their entries.
#[derive(Debug, Default)]
pub struct Trail(Mutex<VecDeque<Trace>>);

impl Trail {
    /// Remembers a press that is durable now; for the fold, in the order of the log and before anybody is told.
    pub fn note(&self, trace: Trace) {
        let mut traces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if traces.len() == MOST {
            traces.pop_front();
        }
        traces.push_back(trace);
    }

    /// The presses whose entries lie after position `after` and up to `up_to`.
    #[must_use]
    pub fn between(&self, after: u64, up_to: u64) -> Vec<Trace> {
        let traces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = traces.partition_point(|held| held.seq <= after);
        traces.iter().skip(from).take_while(|held| held.seq <= up_to).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn trace(seq: u64) -> Trace {
        Trace { seq, button: ButtonId::new("b1").unwrap(), recorded_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn presses_are_found_by_position() {
        let trail = Trail::default();
        [1, 3, 7].into_iter().for_each(|seq| trail.note(trace(seq)));
        let seqs = |after, up_to| trail.between(after, up_to).iter().map(|t| t.seq).collect::<Vec<_>>();
        assert_eq!(seqs(0, 3), [1, 3]);
        assert_eq!(seqs(3, 9), [7]);
        assert!(seqs(7, 9).is_empty());
    }

    #[test]
    fn it_forgets_the_oldest_and_never_grows() {
        let trail = Trail::default();
        (1..=3 * MOST as u64).for_each(|seq| trail.note(trace(seq)));
        assert_eq!(trail.between(0, u64::MAX).len(), MOST);
        assert_eq!(trail.between(0, u64::MAX)[0].seq, 2 * MOST as u64 + 1);
    }
}
