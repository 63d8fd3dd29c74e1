//! What every door of the running program shares: the board, the recorder, the keys, the settings.
//!
//! *Invariant:* the board is only written by the recorder's fold; readers hold the lock while they render and never across
//! an await.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use imaboard_domain::{Board, Change, Entry, Moment, Rhythms, Tally, Thresholds};
use imaboard_mqtt::Profiles;
use imaboard_templates::City;
use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::burden::Burden;
use crate::clock::Clock;
use crate::fold::Folded;
use crate::intake::listening::Listening;
use crate::intake::press::Devices;
use crate::keys::Keys;
use crate::paints::Paints;
use crate::recorder::{Announcement, Recorder};
use crate::settings::Settings;
use crate::staff::Staff;
use crate::trail::Trail;
use crate::verifying::Verifying;

/// The board in memory, read by many, written by the fold alone.
#[derive(Debug, Clone, Default)]
pub struct SharedBoard(Arc<RwLock<Counted>>);

/// What was folded and what is counted of it; the counts begin with the first who looks.
#[derive(Debug, Default)]
struct Counted {
    folded: Folded,
    tally: Option<Tally>,
}

impl SharedBoard {
    /// Shares a board.
    #[must_use]
    pub fn new(board: Board) -> Self {
        Self::resume(Folded { board, ..Folded::default() })
    }

    /// Shares what was folded before.
    #[must_use]
    pub fn resume(folded: Folded) -> Self {
        Self(Arc::new(RwLock::new(Counted { folded, tally: None })))
    }

    /// Everything folded so far, as it is at one position, for a checkpoint.
    #[must_use]
    pub fn snapshot(&self) -> Folded {
        self.0.read().unwrap_or_else(PoisonError::into_inner).folded.clone()
    }

    /// Looks at the board at `now`. Short: nobody can write meanwhile. What has aged since somebody looked is counted first.
    pub fn look<T>(&self, now: Timestamp, rhythms: &Rhythms, look: impl FnOnce(Moment<'_>) -> T) -> T {
        {
            let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(tally) = held.tally.as_ref().filter(|tally| tally.holds(now, rhythms).is_some()) {
                return look(Moment::counted(&held.folded.board, now, rhythms, tally));
            }
        }
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Counted { folded, tally } = &mut *held;
        let tally = tally.get_or_insert_with(|| Tally::new(*rhythms));
        tally.advance(&folded.board, now);
        let held = RwLockWriteGuard::downgrade(held);
        match &held.tally {
            Some(tally) => look(Moment::counted(&held.folded.board, now, rhythms, tally)),
            None => look(Moment::new(&held.folded.board, now, rhythms)),
        }
    }

    /// Looks at `at` without the counts: for a decision about one facility, at a time that may be ahead of the clock.
    pub fn decide<T>(&self, at: Timestamp, rhythms: &Rhythms, look: impl FnOnce(Moment<'_>) -> T) -> T {
        self.read(|board| look(Moment::new(board, at, rhythms)))
    }

    /// Reads the board as it is, without a clock.
    pub fn read<T>(&self, read: impl FnOnce(&Board) -> T) -> T {
        // A panic while reading or folding leaves the last whole board; it is still the best there is.
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner).folded.board)
    }

    /// Folds one entry; for the recorder and for replay only.
    pub(crate) fn apply(&self, entry: &Entry) -> Change {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Counted { folded, tally } = &mut *held;
        let change = folded.apply(entry);
        if let Some(tally) = tally {
            tally.note(&change);
        }
        change
    }
}

/// What every door shares.
#[derive(Debug)]
pub struct App {
    /// The settings as loaded.
    pub settings: Arc<Settings>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What the board believes.
    pub board: SharedBoard,
    /// The one writer.
    pub recorder: Recorder,
    /// Report keys and device passwords.
    pub keys: Keys,
    /// The city's name, districts and desks.
    pub city: City,
    /// How fast values age.
    pub rhythms: Rhythms,
    /// The people of the desk.
    pub staff: Staff,
    /// Counts to levels.
    pub thresholds: Thresholds,
    /// The device families.
    pub profiles: Profiles,
    /// Battery, availability and last contact of devices.
    pub devices: Devices,
    /// What each display last painted.
    pub paints: Paints,
    /// Devices nobody enrolled, and buttons that are being tried.
    pub listening: Listening,
    /// Held from looking at a record of the register until its change is stored: of two people one always sees the other's work.
    pub register_turn: tokio::sync::Mutex<()>,
    /// Which button the newest entries came from, for the log.
    pub trail: Arc<Trail>,
    /// What was just folded.
    pub announcements: broadcast::Sender<Arc<Announcement>>,
    /// The epoch of the log: part of every stream id.
    pub epoch: String,
    /// The address people type, without a slash at the end.
    pub base_url: String,
    /// Cancelled when the program stops: streams end.
    pub stop: CancellationToken,
    /// The walk over the chain that the desk asked for.
    pub verifying: Verifying,
    /// What reporting costs, counted off the log.
    pub burden: Burden,
}

impl App {
    /// Looks at the board now.
    pub fn look<T>(&self, look: impl FnOnce(Moment<'_>) -> T) -> T {
        self.board.look(self.clock.now(), &self.rhythms, look)
    }
}
