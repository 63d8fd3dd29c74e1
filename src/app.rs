//! What every door of the running program shares: the board, the recorder, the keys, the settings.
//!
//! *Invariant:* the board is only written by the recorder's fold; readers hold the lock while they render and never across
//! an await.

use std::sync::{Arc, PoisonError, RwLock};

use imaboard_domain::{Board, Change, Entry, Moment, Rhythms, Thresholds};
use imaboard_mqtt::Profiles;
use imaboard_templates::City;
use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::fold::Folded;
use crate::intake::press::Devices;
use crate::keys::Keys;
use crate::recorder::{Announcement, Recorder};
use crate::settings::Settings;
use crate::trail::Trail;

/// The board in memory, read by many, written by the fold alone.
#[derive(Debug, Clone, Default)]
pub struct SharedBoard(Arc<RwLock<Folded>>);

impl SharedBoard {
    /// Shares a board.
    #[must_use]
    pub fn new(board: Board) -> Self {
        Self::resume(Folded { board, ..Folded::default() })
    }

    /// Shares what was folded before.
    #[must_use]
    pub fn resume(folded: Folded) -> Self {
        Self(Arc::new(RwLock::new(folded)))
    }

    /// Everything folded so far, as it is at one position, for a checkpoint.
    #[must_use]
    pub fn snapshot(&self) -> Folded {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the board at `now`. Short: nobody can write meanwhile.
    pub fn look<T>(&self, now: Timestamp, rhythms: &Rhythms, look: impl FnOnce(Moment<'_>) -> T) -> T {
        self.read(|board| look(Moment::new(board, now, rhythms)))
    }

    /// Reads the board as it is, without a clock.
    pub fn read<T>(&self, read: impl FnOnce(&Board) -> T) -> T {
        // A panic while reading or folding leaves the last whole board; it is still the best there is.
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner).board)
    }

    /// Folds one entry; for the recorder and for replay only.
    pub(crate) fn apply(&self, entry: &Entry) -> Change {
        self.0.write().unwrap_or_else(PoisonError::into_inner).apply(entry)
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
    /// Counts to levels.
    pub thresholds: Thresholds,
    /// The device families.
    pub profiles: Profiles,
    /// Battery, availability and last contact of devices.
    pub devices: Devices,
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
}

impl App {
    /// Looks at the board now.
    pub fn look<T>(&self, look: impl FnOnce(Moment<'_>) -> T) -> T {
        self.board.look(self.clock.now(), &self.rhythms, look)
    }
}
