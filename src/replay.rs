//! Replay: folds what stands on the log after a position.
//!
//! It exists because a start without a checkpoint reads a year of reports: the database reads a few pages ahead of whoever folds
//! them. An entry is parsed, folded and dropped before the next one is looked at, while it is still in the processor's cache.
//! *Invariant:* entries are folded one by one in the order of the log, and memory does not grow with its length.

use std::time::{Duration, Instant};

use imaboard_domain::Facts;
use indicatif::ProgressDrawTarget;
use tokio::sync::mpsc;

use crate::fold::Folded;
use crate::log::{Log, Page, StoreError};
use crate::recorder;

/// Entries in one page: long enough that handing over costs nothing, a few hundred kilobytes.
const PAGE: u32 = 1_000;

/// Pages that wait to be folded.
const PAGES_AHEAD: usize = 2;

/// A bar that goes at once only flickers.
const BAR_AFTER: Duration = Duration::from_secs(1);

/// Between two words about how far it got.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a replay did.
#[derive(Debug)]
pub struct Replayed {
    /// The board at the end of the log.
    pub folded: Folded,
    /// How many entries were folded.
    pub entries: u64,
    /// A text was erased that the fold at the start may have held.
    pub erases_earlier: bool,
}

/// Folds everything after the position of `start`; `end` is where the log stood, for those who watch.
///
/// # Errors
/// [`StoreError`] when an entry cannot be read, or when another version of the program wrote it.
pub async fn replay(log: &Log, start: Folded, end: u64) -> Result<Replayed, StoreError> {
    let (pages_in, pages) = mpsc::channel(PAGES_AHEAD);
    let from = start.board.position() + 1;
    let folding = tokio::task::spawn_blocking(move || fold(start, pages, end));
    read(log, from, pages_in).await;
    folding.await.map_err(|error| StoreError::Away { source: Box::new(error) })?
}

/// Reads pages until the end; an error travels down like a page.
async fn read(log: &Log, mut from: u64, pages: mpsc::Sender<Result<Page, StoreError>>) {
    loop {
        let page = log.read_page(from, PAGE).await;
        let next = match &page {
            // A page that is not full is the last, and so is one whose end cannot be read: whoever folds it says what is wrong.
            Ok(full) if full.len() == PAGE as usize => full.last_seq().ok().flatten(),
            _ => None,
        };
        // Whoever folds has stopped at an error of its own.
        if pages.send(page).await.is_err() {
            return;
        }
        let Some(last) = next else { return };
        from = last + 1;
    }
}

fn fold(start: Folded, mut pages: mpsc::Receiver<Result<Page, StoreError>>, end: u64) -> Result<Replayed, StoreError> {
    let from = start.board.position();
    let mut replayed = Replayed { folded: start, entries: 0, erases_earlier: false };
    let mut watching = Watching::new(from, end);
    while let Some(page) = pages.blocking_recv() {
        let page = page?;
        for said in page.iter() {
            let entry = recorder::entry_from(said?)?;
            if matches!(entry.facts, Facts::Redacted { seq, .. } if seq <= from) {
                replayed.erases_earlier = true;
            }
            replayed.folded.apply(&entry);
        }
        replayed.entries += page.len() as u64;
        watching.look(from + replayed.entries);
    }
    watching.bar.finish_and_clear();
    Ok(replayed)
}

/// Tells how far a long replay got: lines where the log is on, a bar where a person waits for a command.
struct Watching {
    bar: indicatif::ProgressBar,
    began_at: Instant,
    said_at: Instant,
    end: u64,
}

impl Watching {
    fn new(from: u64, end: u64) -> Self {
        let bar = indicatif::ProgressBar::with_draw_target(Some(end), ProgressDrawTarget::hidden()).with_position(from);
        Self { bar, began_at: Instant::now(), said_at: Instant::now(), end }
    }

    fn look(&mut self, at: u64) {
        self.bar.set_position(at);
        if self.said_at.elapsed() >= SAY_EVERY {
            self.said_at = Instant::now();
            tracing::info!(at, of = self.end, "replaying the log");
        }
        if self.bar.is_hidden() && self.began_at.elapsed() >= BAR_AFTER && !tracing::enabled!(tracing::Level::INFO) {
            // Draws only if that is a terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}
