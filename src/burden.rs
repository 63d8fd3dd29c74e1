//! Keeps the counters of [`imaboard_domain::burden`]: reads them off the log when somebody looks, and goes on from there.
//!
//! They are in no checkpoint and nothing is counted while a report is taken: after a restart the last months are read again, in
//! the background where that takes a while. *Invariant:* what is shown was counted up to the position that is printed beside it; two never count at the
//! same time, so no entry is counted twice.

use std::sync::{Arc, Mutex, PoisonError};

use imaboard_domain::burden::{Figures, KEPT_DAYS, Ledger, Period};
use imaboard_domain::{FacilityId, Facts, city_date};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::log::{Log, StoreError};
use crate::recorder::entry_from;

/// Entries read at once.
const PAGE: u32 = 1_000;
/// So many are read while a person waits; more are read in the background. A second on a small PC.
const MOST_AT_ONCE: u64 = 20_000;

/// Figures of one period, counted up to a position.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The figures.
    pub figures: Arc<Figures>,
    /// Up to where.
    pub position: u64,
}

/// What is known when somebody looks.
#[derive(Debug, Clone)]
pub enum Known {
    /// The figures.
    Figures(Counted),
    /// They are being counted: entries done, entries in all.
    Counting(u64, u64),
}

/// The counters of the running program. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Burden(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Who counts holds it, for as long as it takes.
    ledger: tokio::sync::Mutex<Option<Ledger>>,
    /// How far a count in the background is. Held for a look only.
    counting: Mutex<Option<(u64, u64)>>,
    /// What was made of the counters: for whoever looks next, while nothing was recorded and the day has not turned.
    made: Mutex<Vec<(Date, Period, Counted)>>,
}

impl Burden {
    /// The figures of a period; catches up with the log first.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn figures(&self, app: &Arc<App>, period: Period) -> Result<Known, StoreError> {
        let end = app.recorder.head().map_or(0, |(seq, _)| seq);
        let Ok(mut held) = self.0.ledger.try_lock() else {
            let (done, total) = self.counting().unwrap_or((0, end));
            return Ok(Known::Counting(done, total));
        };
        let log = app.recorder.log();
        let mut ledger = match held.take() {
            Some(ledger) => ledger,
            None => Ledger::after(first_kept(log, end, app.clock.now()).await?),
        };
        let behind = end.saturating_sub(ledger.position());
        if behind > MOST_AT_ONCE {
            *held = Some(ledger);
            drop(held);
            self.count_in_background(app, end);
            return Ok(Known::Counting(0, behind));
        }
        let read = catch_up(log, &mut ledger, |_| {}).await;
        let known = match read {
            Ok(()) => Ok(Known::Figures(self.make(app, &ledger, period))),
            Err(error) => Err(error),
        };
        // Every entry is counted whole, so a ledger that could not go on is still right.
        *held = Some(ledger);
        known
    }

    fn counting(&self) -> Option<(u64, u64)> {
        *self.0.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_counting(&self, counting: Option<(u64, u64)>) {
        *self.0.counting.lock().unwrap_or_else(PoisonError::into_inner) = counting;
    }

    fn count_in_background(&self, app: &Arc<App>, end: u64) {
        let (burden, app) = (self.clone(), Arc::clone(app));
        tokio::spawn(async move {
            let mut held = burden.0.ledger.lock().await;
            let Some(mut ledger) = held.take() else { return };
            let from = ledger.position();
            let told = |position: u64| burden.note_counting(Some((position.saturating_sub(from), end.saturating_sub(from))));
            if let Err(error) = catch_up(app.recorder.log(), &mut ledger, told).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the burden could not be counted to the end");
            }
            *held = Some(ledger);
            burden.note_counting(None);
        });
    }

    fn make(&self, app: &App, ledger: &Ledger, period: Period) -> Counted {
        let (now, position) = (app.clock.now(), ledger.position());
        let today = city_date(now);
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|(day, _, counted)| *day == today && counted.position == position);
        if let Some((_, _, counted)) = made.iter().find(|(_, of, _)| *of == period) {
            return counted.clone();
        }
        let figures = app.board.look(now, &app.rhythms, |moment| ledger.figures(&moment, period));
        let counted = Counted { figures: Arc::new(figures), position };
        made.push((today, period, counted.clone()));
        counted
    }
}

/// The position before the first entry that still counts: halved down to by the times of entries, which only grow.
async fn first_kept(log: &Log, end: u64, now: Timestamp) -> Result<u64, StoreError> {
    let first = now.checked_sub(SignedDuration::from_hours(24 * i64::from(KEPT_DAYS))).unwrap_or(Timestamp::MIN);
    let (mut before, mut after) = (0, end + 1);
    // Between the two lies the border: `before` is too old (0 stands before everything), `after` is not.
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        match log.read(middle, 1).await?.first() {
            Some(record) if record.recorded_at < first => before = middle,
            _ => after = middle,
        }
    }
    Ok(before)
}

async fn catch_up(log: &Log, ledger: &mut Ledger, mut told: impl FnMut(u64)) -> Result<(), StoreError> {
    let began_after = ledger.position();
    loop {
        let page = log.read_page(ledger.position() + 1, PAGE).await?;
        for said in page.iter() {
            if let Some(facility) = ledger.apply(&entry_from(said?)?)
                && is_older(log, &facility, began_after).await?
            {
                ledger.is_known(&facility);
            }
        }
        told(ledger.position());
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

/// Whether a facility was in the register at a position: then what was seen of it later is a change of its record.
async fn is_older(log: &Log, facility: &FacilityId, position: u64) -> Result<bool, StoreError> {
    if position == 0 {
        return Ok(false);
    }
    let subject = Facts::FacilityRetired { facility: facility.clone() }.subject();
    Ok(!log.list_by_subject_before(&subject, position + 1, 1).await?.is_empty())
}
