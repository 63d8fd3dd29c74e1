//! The walk over the chain that somebody at the desk asked for: how far it is, and what the last one found.
//!
//! It exists because a walk over years of reports takes longer than anybody waits for a page. *Invariant:* one walk at a time; what
//! was found is told with the time at which it was found, and is never kept longer than the program runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::log::{Log, NotedHead, Verdict};

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// When it ended.
    pub at: Timestamp,
    /// What it found; the reason, for an operator, where the log could not be read.
    pub verdict: Result<Verdict, String>,
    /// It was compared with a head that somebody had noted.
    pub against_note: bool,
}

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Entries walked and entries in all, while a walk is under way.
    pub running: Option<(u64, u64)>,
    /// The last walk of this program run.
    pub last: Option<Checked>,
}

/// The one walk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Verifying(Arc<Mutex<State>>);

impl Verifying {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Two plain values: a panic elsewhere leaves them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands now.
    #[must_use]
    pub fn look(&self) -> State {
        self.lock().clone()
    }

    /// Starts a walk in the background, unless one is under way; tells whether it did.
    pub fn start(&self, log: Log, clock: Arc<dyn Clock>, noted: Option<NotedHead>) -> bool {
        {
            let mut state = self.lock();
            if state.running.is_some() {
                return false;
            }
            state.running = Some((0, 0));
        }
        let (seen, ended) = (self.clone(), Ended(self.clone()));
        tokio::spawn(async move {
            let verdict = log.verify(noted, |done, total| seen.lock().running = Some((done, total))).await;
            if let Err(error) = &verdict {
                tracing::warn!(error = error as &dyn std::error::Error, "the chain could not be verified");
            }
            let verdict = verdict.map_err(|error| error.to_string());
            let checked = Checked { at: clock.now(), verdict, against_note: noted.is_some() };
            ended.0.lock().last = Some(checked);
        });
        true
    }
}

/// However a walk ends, the next one may begin.
struct Ended(Verifying);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().running = None;
    }
}
