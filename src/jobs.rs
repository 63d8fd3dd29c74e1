//! What happens by the clock: publication times, checkpoints, and saving what devices said.
//!
//! The scheduler is only a coarse tick that calls [`Jobs::run_due`], which is idempotent and looks at what is due now: a missed or repeated
//! tick, a run that overlaps, a clock set back — none of them publishes twice or never. *Invariant:* nothing here decides by counting ticks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imaboard_domain::{Board, Change, PostingKind, PostingState, View};
use jiff::Timestamp;
use tokio_cron_scheduler::{JobBuilder, JobScheduler, JobSchedulerError};

use crate::app::App;
use crate::checkpoint::{Checkpoints, Pace};
use crate::intake::press::DeviceState;
use crate::log::{self, Log};
use crate::recorder::Announcement;

/// Every minute, on the minute (six fields: second minute hour day month weekday), city time.
const TICK: &str = "0 * * * * *";

/// However fast reports come in, checkpoints take at most a twenty-first of the time.
const REST_FACTOR: u32 = 20;
/// A full disk is not tried with every report.
const REST_AFTER_FAILURE: Duration = Duration::from_mins(10);

/// Work that is due by the clock.
#[derive(Debug)]
pub struct Jobs {
    app: Arc<App>,
    log: Log,
    checkpoints: Checkpoints,
    pace: Pace,
    /// Not before then; after a failure, or because the last checkpoint took its time.
    rest_until: Mutex<Option<Instant>>,
    /// Up to when postings were looked at, in microseconds.
    seen_until_us: AtomicI64,
    /// One run at a time; a tick that finds it taken has nothing to add.
    turn: tokio::sync::Mutex<()>,
}

impl Jobs {
    /// Work for this city; what was due before now is taken as done, because pages are computed from the clock anyway.
    #[must_use]
    pub fn new(app: Arc<App>, log: Log, checkpoints: Checkpoints) -> Arc<Self> {
        Arc::new(Self {
            log,
            checkpoints,
            pace: app.settings.checkpoint.pace(),
            rest_until: Mutex::default(),
            seen_until_us: AtomicI64::new(app.clock.now().as_microsecond()),
            turn: tokio::sync::Mutex::default(),
            app,
        })
    }

    /// Starts the tick.
    ///
    /// # Errors
    /// If the scheduler refuses its own settings.
    pub async fn start(self: &Arc<Self>) -> Result<JobScheduler, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let jobs = Arc::clone(self);
        let job = JobBuilder::new()
            .with_timezone(jobs_zone())
            .with_cron_job_type()
            .with_schedule(TICK)?
            .with_run_async(Box::new(move |_, _| {
                let jobs = Arc::clone(&jobs);
                Box::pin(async move {
                    let now = jobs.app.clock.now();
                    jobs.run_due(now).await;
                })
            }))
            .build()?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok(scheduler)
    }

    /// Does what is due at `now`: tells displays and pages of postings that appeared or expired since the last run, and saves
    /// devices and the board.
    pub async fn run_due(&self, now: Timestamp) {
        let Ok(_turn) = self.turn.try_lock() else { return };
        let since = self.seen_until_us.swap(now.as_microsecond(), Ordering::SeqCst);
        let since = Timestamp::from_microsecond(since).unwrap_or(now);
        // After a clock set back `since` lies ahead: nothing is due twice.
        let (seq, changed) = self.app.board.read(|b| {
            let crossed = |at: Option<Timestamp>| at.is_some_and(|at| since < at && at <= now);
            let views: std::collections::BTreeSet<View> = b
                .postings()
                .values()
                .filter(|p| p.state == PostingState::Published && (crossed(p.publish_at) || crossed(p.expires_at)))
                .filter_map(|p| match p.kind {
                    PostingKind::Notice => Some(View::Notices),
                    PostingKind::Job => Some(View::Jobs),
                    PostingKind::Remark => p.facility.clone().map(View::Facility),
                })
                .collect();
            (b.position(), views)
        });
        if !changed.is_empty() {
            tracing::info!(views = changed.len(), "postings appeared or expired by the clock");
            let change = Change { seq, views: changed };
            drop(self.app.announcements.send(Arc::new(Announcement { seq, recorded_at: now, change })));
        }
        self.save_devices().await;
        if self.pace.is_due(self.app.board.read(Board::position), self.checkpoints.last(), now) {
            self.save_checkpoint_after_rest().await;
        }
    }

    /// Saves a checkpoint whenever enough entries came in; runs until the program stops.
    pub async fn keep_checkpoints(self: Arc<Self>) {
        let mut heads = self.app.recorder.heads();
        while let Some(Ok(())) = self.app.stop.run_until_cancelled(heads.changed()).await {
            let position = heads.borrow_and_update().map_or(0, |(seq, _)| seq);
            if self.pace.is_due_by_entries(position, self.checkpoints.last()) {
                self.save_checkpoint_after_rest().await;
            }
        }
    }

    async fn save_checkpoint_after_rest(&self) {
        let rest_until = *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner);
        if rest_until.is_none_or(|until| until <= Instant::now()) {
            self.save_checkpoint().await;
        }
    }

    /// Saves the board as it is now, if anything is new; that it could not be saved is only logged, because nothing depends on it.
    pub async fn save_checkpoint(&self) {
        let started = Instant::now();
        let outcome = self.checkpoints.save(&self.log, &self.app.board, self.app.clock.now()).await;
        let rest = match outcome {
            Ok(_) => started.elapsed() * REST_FACTOR,
            Err(error) => {
                metrics::counter!("imaboard_checkpoint_failures_total").increment(1);
                tracing::warn!(error = &error as &dyn std::error::Error, "no checkpoint; the next start takes longer");
                REST_AFTER_FAILURE
            }
        };
        *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + rest);
    }

    /// Saves battery, availability and last contact, so that a restart does not make every button look silent.
    pub async fn save_devices(&self) {
        let states = self.app.devices.list().into_iter().map(|d| log::DeviceState {
            device: format!("{}/{}", d.profile, d.device),
            last_heard_at: Some(d.last_heard_at),
            battery_pct: d.battery_pct,
            availability: d.available.map(|a| if a { "online" } else { "offline" }.to_owned()),
            json: "{}".to_owned(),
        });
        if let Err(error) = self.log.save_devices(states.collect()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the state of devices was not saved");
        }
    }
}

/// What was saved of devices before a restart.
#[must_use]
pub fn device_of(saved: log::DeviceState) -> Option<DeviceState> {
    let (profile, device) = saved.device.split_once('/')?;
    Some(DeviceState {
        profile: profile.to_owned(),
        device: device.to_owned(),
        last_heard_at: saved.last_heard_at?,
        battery_pct: saved.battery_pct,
        available: saved.availability.map(|a| a == "online"),
    })
}

/// Publication times are city times.
fn jobs_zone() -> chrono_tz::Tz {
    chrono_tz::Asia::Tokyo
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use imaboard_domain::{Facts, PostingId};
    use jiff::SignedDuration;

    use super::*;
    use crate::core;
    use crate::data_folder::DataFolder;
    use crate::settings::{Overrides, Settings, Sources};
    use crate::wiring::{self, Purpose};

    #[tokio::test]
    async fn a_posting_appears_and_expires_by_the_clock_and_is_announced_once() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::of_process(None, None, Overrides::default())).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let opened = wiring::open(settings, data, Purpose::Write).await.unwrap();
        let app = Arc::clone(&opened.app);
        let draft =
            core::Request::PostingDraft { title: "船の点検".into(), body: String::new(), category: "transport".into() };
        let drafted = core::answer(&app, draft).await.unwrap();
        let posting = PostingId::new(drafted["posting"].as_str().unwrap()).unwrap();
        let now = app.clock.now();
        let hours = |h| now + SignedDuration::from_hours(h);
        let window = Facts::PostingPublished { posting, publish_at: Some(hours(1)), expires_at: Some(hours(3)), pinned: false };
        core::control(&app, window, None).await.unwrap();

        let jobs = Jobs::new(Arc::clone(&app), opened.log.clone(), opened.checkpoints.clone());
        let mut heard = app.announcements.subscribe();
        for (at, announced) in [(0, false), (2, true), (2, false), (1, false), (4, true), (5, false)] {
            jobs.run_due(hours(at)).await;
            let views = heard.try_recv().map(|news| news.change.views.clone()).unwrap_or_default();
            assert_eq!(views.contains(&View::Notices), announced, "after {at} h");
        }
        opened.close().await;
    }

    #[tokio::test]
    async fn the_board_is_saved_by_the_clock_when_anything_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::of_process(None, None, Overrides::default())).unwrap();
        let opened = wiring::open(settings, DataFolder::open(folder.path()).unwrap(), Purpose::Write).await.unwrap();
        let app = Arc::clone(&opened.app);
        let jobs = Jobs::new(Arc::clone(&app), opened.log.clone(), opened.checkpoints.clone());
        let now = app.clock.now();
        let at = |minutes| now + SignedDuration::from_mins(minutes);
        let saved = || opened.checkpoints.last().map(|saved| saved.seq);
        jobs.run_due(at(0)).await;
        assert_eq!(saved(), None, "an empty board");
        wiring::found(&app, false).await.unwrap();
        jobs.run_due(at(0)).await;
        assert_eq!(saved(), Some(1), "the first one at once");
        let draft =
            core::Request::PostingDraft { title: "船の点検".into(), body: String::new(), category: "transport".into() };
        core::answer(&app, draft).await.unwrap();
        // A pause after a save keeps a flood of entries from saving all the time; here the clock is what counts.
        *jobs.rest_until.lock().unwrap() = None;
        jobs.run_due(at(30)).await;
        assert_eq!(saved(), Some(1), "too early");
        jobs.run_due(at(61)).await;
        assert_eq!(saved(), Some(2));
        opened.close().await;
    }
}
