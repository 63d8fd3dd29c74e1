//! The recorder: the one writer.
//!
//! Everything that changes the board passes here: decide → append (one commit for all that wait) → fold → announce.
//! *Invariant:* nobody is told "stored" before the commit returned, and nothing is told twice: the same id with the same content gets
//! the same receipt. The queue is bounded; when it is full the sender is told to come again, never that it worked.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use imaboard_domain::guard::{self, Inspection, PublicRegister, Verdict};
use imaboard_domain::{
    Answer, Aspect, Board, Change, Channel, Effort, Entry, EntryId, FacilityId, Facts, FirstReport, Grid, Mode, Moment,
    Observation, Observed, PLAIN_ASPECTS, PostingId, PostingState, PressFacts, Realm, Report, Rhythms, RollCall, Standing, Value,
    View, city_date,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::app::SharedBoard;
use crate::checkpoint::Checkpoints;
use crate::clock::Clock;
use crate::keys::Keys;
use crate::log::chain::Hash;
use crate::log::{Appended, Log, NewRecord, Record, RedactError, Said, StoreError};
use crate::trail::{Trace, Trail};

/// Something to be recorded.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The entry's id; the sender may choose it.
    pub id: EntryId,
    /// How it reached us.
    pub channel: Channel,
    /// Who, as an opaque id.
    pub actor: String,
    /// What is to be recorded.
    pub intent: Intent,
    /// What a person typed.
    pub text: Option<String>,
}

/// What is to be recorded; the recorder resolves it against the board.
#[derive(Debug, Clone, Serialize)]
pub enum Intent {
    /// A report of a facility.
    Report(ReportIntent),
    /// Taking a report back.
    Correct {
        /// The report that no longer holds.
        replaces: EntryId,
    },
    /// A control entry, complete as it is.
    Control(Box<Facts>),
}

/// A report before the recorder stamped it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportIntent {
    /// Whose.
    pub facility: Option<FacilityId>,
    /// When it was true, if said; else the time of receipt.
    pub observed_at: Option<Timestamp>,
    /// The sender's clock when it was sent: a fast telephone clock is corrected by the difference.
    #[serde(skip)]
    pub sent_at: Option<Timestamp>,
    /// What was observed.
    pub observations: Vec<Observation>,
    /// 変わりなし: confirm what stands, as far as the sender can have seen it (recorded at or before this moment).
    pub confirm: Option<Timestamp>,
    /// During an exercise: which one is meant.
    pub realm: Option<Realm>,
    /// The press it came from.
    pub press: Option<PressFacts>,
    /// It may be older than it says; no time of its own could be used.
    pub late: bool,
    /// What it cost the sender, if the page measured it. Not part of what was said: the same report sent again took longer.
    #[serde(skip)]
    pub effort: Option<Effort>,
}

/// The proof that something was stored.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The entry as it stands on the log.
    pub entry: Entry,
    /// It had been stored before: the same submission came again.
    pub again: bool,
}

/// Why something was not recorded. Refusals are answers, told to the sender in their language.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("too much to record at once")]
    Busy {
        /// When to come again.
        retry_after_s: u64,
    },
    /// The log could not be written; nothing was stored.
    #[error("not stored: {0}")]
    NotStored(Arc<StoreError>),
    /// The id is taken by something else.
    #[error("this id was used for something else")]
    Conflict,
    /// It cannot be recorded as it is.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a submission makes no sense as it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such facility in the register.
    #[error("no such facility")]
    NoFacility,
    /// Nothing was observed, confirmed or written.
    #[error("nothing was said")]
    Empty,
    /// 変わりなし, but there is nothing left that could be confirmed.
    #[error("nothing to confirm: every value is unknown by now")]
    NothingToConfirm,
    /// During an exercise a call for help must say whether it is real.
    #[error("exercise or real?")]
    AskRealm,
    /// The text holds something that must not be shared.
    #[error("the text holds personal data")]
    Guarded(Inspection),
    /// The text is longer than the most characters that fit.
    #[error("the text is longer than {most} characters")]
    TooLong {
        /// The most that fit.
        most: usize,
    },
    /// What it refers to does not exist, or not any more.
    #[error("no such {0}")]
    Missing(&'static str),
    /// It refers to something that is already so, or that somebody else changed first.
    #[error("already {0}")]
    Already(&'static str),
}

/// Most characters of a remark (domain: 備考 ≤ 100 characters).
pub const REMARK_CHARS: usize = 100;
/// Most characters of a notice or job, title and body together.
pub const POSTING_CHARS: usize = 4_000;
/// Most characters of a page that the city writes itself: what a form may carry (`http.max_body_bytes`) at nine bytes a character.
pub const PAGE_CHARS: usize = 6_000;

/// The most characters of what a person types with this.
fn most_chars(intent: &Intent) -> usize {
    match intent {
        Intent::Report(_) => REMARK_CHARS,
        Intent::Control(facts) if matches!(**facts, Facts::PageEdited { .. }) => PAGE_CHARS,
        Intent::Correct { .. } | Intent::Control(_) => POSTING_CHARS,
    }
}

/// One entry was folded: what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Its position.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The views that differ.
    pub change: Change,
}

/// How the log is doing, for readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// The last commit worked, or none was tried.
    Able,
    /// The last commit failed, with the reason for an operator.
    Failing(String),
}

enum Job {
    Submit(Box<Submission>, oneshot::Sender<Result<Receipt, SubmitError>>),
    Redact { seq: u64, why: String, actor: String, reply: oneshot::Sender<Result<u64, RedactError>> },
}

/// A handle to the one writer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Job>,
    log: Log,
    health: watch::Receiver<Health>,
    head: watch::Receiver<Option<(u64, Hash)>>,
}

/// What the recorder works with.
pub struct Parts {
    /// The log.
    pub log: Log,
    /// The board it folds into.
    pub board: SharedBoard,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How fast values age: a stale value cannot be confirmed.
    pub rhythms: Rhythms,
    /// Where presses are noted for the log.
    pub trail: Arc<Trail>,
    /// Where changes are announced.
    pub announce: broadcast::Sender<Arc<Announcement>>,
    /// How many submissions may wait.
    pub queue_entries: usize,
    /// How many of them share one commit.
    pub batch_entries: usize,
    /// When the last entry on the log was recorded.
    pub last_recorded_at: Timestamp,
    /// Position and hash of the last entry on the log.
    pub head: Option<(u64, Hash)>,
    /// Telephone numbers that are public besides those of the register: the city's desks.
    pub public_phones: Vec<String>,
    /// Keys the digest of what was submitted, because a plain hash of typed text would let a guesser confirm a name.
    pub keys: Keys,
    /// Saved boards, which may hold a text that is to be erased.
    pub checkpoints: Checkpoints,
}

impl Recorder {
    /// Starts the writer. It ends, after finishing what waits, when `stop` is cancelled or every handle is dropped.
    #[must_use]
    pub fn start(parts: Parts, stop: CancellationToken) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, jobs) = mpsc::channel(parts.queue_entries);
        let (health_out, health) = watch::channel(Health::Able);
        let log = parts.log.clone();
        let (head_out, head) = watch::channel(parts.head);
        let writer = Writer {
            last_recorded_at: parts.last_recorded_at,
            parts,
            health: health_out,
            head: head_out,
            register: None,
            recent: Recent::default(),
        };
        let task = tokio::spawn(writer.run(jobs, stop));
        (Self { queue, log, health, head }, task)
    }

    /// Records something and returns once it is durable.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, SubmitError> {
        let channel = submission.channel.word();
        let started = std::time::Instant::now();
        let outcome = self.queue_up(submission).await;
        metrics::counter!("imaboard_submissions_total", "channel" => channel, "outcome" => outcome_word(&outcome)).increment(1);
        if outcome.is_ok() {
            metrics::histogram!("imaboard_submission_seconds").record(started.elapsed());
        }
        outcome
    }

    async fn queue_up(&self, submission: Submission) -> Result<Receipt, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Submit(Box::new(submission), reply);
        self.queue.try_send(job).map_err(|_| SubmitError::Busy { retry_after_s: 2 })?;
        // The writer drops a reply only when it was stopped before deciding.
        answer.await.unwrap_or(Err(SubmitError::Busy { retry_after_s: 10 }))
    }

    /// How many submissions wait, and how many may.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.queue.max_capacity() - self.queue.capacity(), self.queue.max_capacity())
    }

    /// Erases the text of an entry; returns the position of the entry that says so.
    pub async fn redact(&self, seq: u64, why: String, actor: String) -> Result<u64, RedactError> {
        let (reply, answer) = oneshot::channel();
        let away = || RedactError::Store(StoreError::Away { source: "the recorder is stopping or busy".into() });
        self.queue.try_send(Job::Redact { seq, why, actor, reply }).map_err(|_| away())?;
        answer.await.unwrap_or_else(|_| Err(away()))
    }

    /// The entry with this id, read from the log: for receipts, which must never claim more than was stored.
    pub async fn find(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.log.find_by_id(id.0).await?.map(entry_of).transpose()
    }

    /// The newest entries about one thing (`posting/p-1`, see [`Facts::subject`]), the newest first.
    pub async fn about(&self, subject: &str, most: u32) -> Result<Vec<Entry>, StoreError> {
        self.log.list_by_subject(subject, None, most).await?.into_iter().map(entry_of).collect()
    }

    /// Whether a report was taken back since.
    pub async fn is_taken_back(&self, report: &Entry) -> Result<bool, StoreError> {
        let records = self.log.list_by_subject(&report.facts.subject(), Some("corrected"), MOST_HISTORY).await?;
        for record in records {
            if matches!(entry_of(record)?.facts, Facts::Corrected { replaces, .. } if replaces == report.id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Position and hash of the last entry, to be noted elsewhere; `None` before the first.
    #[must_use]
    pub fn head(&self) -> Option<(u64, Hash)> {
        *self.head.borrow()
    }

    /// The same, for who waits for it to move.
    #[must_use]
    pub fn heads(&self) -> watch::Receiver<Option<(u64, Hash)>> {
        self.head.clone()
    }

    /// The log, for those who read the past; nothing is written past the recorder.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How the log is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }
}

struct Writer {
    parts: Parts,
    health: watch::Sender<Health>,
    head: watch::Sender<Option<(u64, Hash)>>,
    last_recorded_at: Timestamp,
    /// What the guard takes as public; made again after the register changed.
    register: Option<PublicRegister>,
    /// Ids that were just stored: a sender that got no answer comes again soon.
    recent: Recent,
}

/// The newest ids on the log, so that most repetitions are recognised before a commit is tried with them.
#[derive(Default)]
struct Recent {
    ids: HashSet<EntryId>,
    by_age: VecDeque<EntryId>,
}

/// Ids kept in mind: at the most a city reports, those of the last minutes.
const RECENT_IDS: usize = 8_192;

impl Recent {
    fn note(&mut self, id: EntryId) {
        if self.ids.insert(id) {
            self.by_age.push_back(id);
        }
        if self.by_age.len() > RECENT_IDS
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    fn holds(&self, id: EntryId) -> bool {
        self.ids.contains(&id)
    }
}

/// How often a log that failed is tried again while nothing comes in, so that readiness recovers by itself.
const PROBE_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// How often others may go on before a commit begins. Nobody waits for a clock: who has nothing ready costs nothing.
const MOST_TURNS: usize = 4;

/// What shares the next commits: what waits, and what other tasks submit when they are let go first. After a commit hundreds of
/// senders are woken at once; without this the first of them that comes back gets a commit of its own.
async fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>, most: usize) -> Vec<Job> {
    let mut waiting = vec![first];
    for _ in 0..MOST_TURNS {
        let before = waiting.len();
        tokio::task::yield_now().await;
        while waiting.len() < most
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push(job);
        }
        if waiting.len() == before || waiting.len() == most {
            break;
        }
    }
    waiting
}

/// What is decided and waits for its commit.
#[derive(Default)]
struct Batch {
    decided: Vec<Decided>,
    ids: HashSet<EntryId>,
    /// Whose reports wait: what confirms values of the same facility must see them folded.
    facilities: HashSet<FacilityId>,
    sort: Sort,
}

/// What may share a commit: each is decided against a board on which the others are not folded yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Reports: what one facility says depends on no other.
    #[default]
    Reports,
    /// Facilities of the register: nothing is asked of the board.
    Register,
    /// Depends on everything before it, and everything after on it.
    Alone,
}

impl Batch {
    /// Whether a submission can be decided before the batch is folded.
    fn takes(&self, submission: &Submission, sort: Sort) -> bool {
        if self.decided.is_empty() {
            return true;
        }
        let confirms = match &submission.intent {
            Intent::Report(ReportIntent { confirm: Some(_), facility: Some(facility), .. }) => Some(facility),
            Intent::Report(_) | Intent::Correct { .. } | Intent::Control(_) => None,
        };
        sort != Sort::Alone
            && sort == self.sort
            && !self.ids.contains(&submission.id)
            && confirms.is_none_or(|facility| !self.facilities.contains(facility))
    }

    fn add(&mut self, decided: Decided, sort: Sort) {
        self.sort = sort;
        self.ids.insert(decided.entry.id);
        if let Facts::Report(report) = &decided.entry.facts {
            self.facilities.insert(report.facility.clone());
        }
        self.decided.push(decided);
    }
}

impl Sort {
    fn of(intent: &Intent) -> Self {
        match intent {
            Intent::Report(_) => Self::Reports,
            Intent::Control(facts) if matches!(**facts, Facts::FacilityRegistered(_)) => Self::Register,
            Intent::Correct { .. } | Intent::Control(_) => Self::Alone,
        }
    }
}

/// A submission that was decided and waits for the commit of its batch.
struct Decided {
    entry: Entry,
    digest: String,
    reply: oneshot::Sender<Result<Receipt, SubmitError>>,
}

impl Writer {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                () = stop.cancelled(), if !jobs.is_closed() => {
                    // Nothing new is taken; what waits is finished.
                    jobs.close();
                    continue;
                }
                job = jobs.recv() => job,
                () = tokio::time::sleep(PROBE_EVERY), if *self.health.borrow() != Health::Able => {
                    self.probe().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            let waiting = gather(first, &mut jobs, self.parts.batch_entries).await;
            self.work(waiting).await;
        }
    }

    async fn work(&mut self, jobs: Vec<Job>) {
        let mut batch = Batch::default();
        for job in jobs {
            match job {
                Job::Submit(submission, reply) => {
                    let sort = Sort::of(&submission.intent);
                    if !batch.takes(&submission, sort) {
                        self.commit(&mut batch).await;
                    }
                    match self.decide(*submission).await {
                        Ok(Decision::New { entry, digest }) => batch.add(Decided { entry, digest, reply }, sort),
                        Ok(Decision::Again(entry)) => answer(reply, Ok(Receipt { entry, again: true })),
                        Err(error) => {
                            if let SubmitError::NotStored(why) = &error {
                                // A log that cannot be asked cannot be written either.
                                self.health.send_replace(Health::Failing(why.to_string()));
                            }
                            answer(reply, Err(error));
                        }
                    }
                    if sort == Sort::Alone {
                        self.commit(&mut batch).await;
                    }
                }
                Job::Redact { seq, why, actor, reply } => {
                    self.commit(&mut batch).await;
                    let outcome = self.redact(seq, why, actor).await;
                    // A caller that has gone away needs no answer.
                    drop(reply.send(outcome));
                }
            }
        }
        self.commit(&mut batch).await;
    }

    /// The server's clock, but never behind the last entry while that is at most an hour ahead: a clock set back
    /// must not make new reports lose against old ones.
    fn stamp(&mut self) -> Timestamp {
        let now = self.parts.clock.now();
        let next = self.last_recorded_at.checked_add(SignedDuration::from_micros(1)).unwrap_or(now);
        let stamp = if next > now && next.duration_since(now) <= SignedDuration::from_hours(1) { next } else { now };
        // Whole microseconds, because that is what the log keeps.
        let stamp = Timestamp::from_microsecond(stamp.as_microsecond()).unwrap_or(stamp);
        self.last_recorded_at = stamp;
        stamp
    }

    /// What becomes of a submission. Whether its id is on the log already is asked only when there is a reason to think so: it
    /// was stored a moment ago, or there is something to refuse (what was stored once is answered with its receipt, also when the
    /// same could not be stored any more). For all others the log itself says so when the batch is committed.
    async fn decide(&mut self, submission: Submission) -> Result<Decision, SubmitError> {
        let (id, digest) = (submission.id, self.digest_of(&submission));
        if self.recent.holds(id)
            && let Some(again) = self.find_again(id, &digest).await
        {
            return again.map(Decision::Again);
        }
        match self.decide_new(submission).await {
            Ok(entry) => Ok(Decision::New { entry, digest }),
            Err(error) => match self.find_again(id, &digest).await {
                Some(again) => again.map(Decision::Again),
                None => Err(error),
            },
        }
    }

    /// What is to be told to the sender of an id that is on the log; `None` if it is not.
    async fn find_again(&mut self, id: EntryId, digest: &str) -> Option<Result<Entry, SubmitError>> {
        let held = match self.parts.log.find_by_id(id.0).await {
            Ok(held) => held?,
            Err(error) => return Some(Err(not_stored(error))),
        };
        self.recent.note(id);
        if held.seq > self.parts.board.read(Board::position)
            // Stored by a commit whose answer we never got.
            && let Err(error) = self.catch_up().await
        {
            return Some(Err(not_stored(error)));
        }
        if held.digest.as_deref() != Some(digest) {
            return Some(Err(SubmitError::Conflict));
        }
        Some(entry_of(held).map_err(not_stored))
    }

    async fn decide_new(&mut self, submission: Submission) -> Result<Entry, SubmitError> {
        let recorded_at = self.stamp();
        // PostgreSQL cannot keep U+0000, and nobody types it: one such text must not hold up the log.
        let text = submission.text.map(|t| t.replace('\0', "").trim().to_owned()).filter(|t| !t.is_empty());
        self.inspect(&submission.intent, text.as_deref())?;
        let facts = match submission.intent {
            Intent::Report(intent) => self.parts.board.decide(recorded_at, &self.parts.rhythms, |m| {
                decide_report(&m, submission.id, &intent, text.is_some(), recorded_at)
            })?,
            Intent::Correct { replaces } => self.decide_correction(replaces).await?,
            Intent::Control(facts) => {
                self.parts.board.decide(recorded_at, &self.parts.rhythms, |m| check_control(&m, &facts, text.is_some()))?;
                *facts
            }
        };
        Ok(Entry { seq: 0, id: submission.id, recorded_at, actor: submission.actor, channel: submission.channel, facts, text })
    }

    /// What tells two submissions with the same id apart.
    fn digest_of(&self, submission: &Submission) -> String {
        #[derive(Serialize)]
        struct Content<'a> {
            intent: &'a Intent,
            text: Option<&'a str>,
        }
        let text = submission.text.as_deref().map(str::trim).filter(|t| !t.is_empty());
        // Plain data of our own always serialises; straight to text, because this is done for every report.
        let content = serde_json::to_string(&Content { intent: &submission.intent, text }).unwrap_or_default();
        self.parts.keys.digest(&content)
    }

    /// No door can let personal data in: the guard stands here, before the log.
    fn inspect(&mut self, intent: &Intent, text: Option<&str>) -> Result<(), Refusal> {
        let Some(text) = text else { return Ok(()) };
        let most = most_chars(intent);
        if text.chars().count() > most {
            return Err(Refusal::TooLong { most });
        }
        let Parts { board, public_phones, .. } = &self.parts;
        let register = self.register.get_or_insert_with(|| board.read(|b| public_register(b, public_phones)));
        let inspection = guard::inspect(text, register);
        match inspection.verdict {
            Verdict::Ok => Ok(()),
            // What is only likely stays with the city: everything typed is pending until released.
            Verdict::Ask => Ok(()),
            Verdict::Block => Err(Refusal::Guarded(inspection)),
        }
    }

    /// Finds what holds after a report is taken back: the newest among the facility's other reports.
    async fn decide_correction(&mut self, replaces: EntryId) -> Result<Facts, SubmitError> {
        let record = self.parts.log.find_by_id(replaces.0).await.map_err(not_stored)?.ok_or(Refusal::Missing("report"))?;
        let held = entry_of(record).map_err(not_stored)?;
        let Facts::Report(report) = &held.facts else { return Err(Refusal::Missing("report").into()) };
        let subject = held.facts.subject();
        let mut withdrawn = Vec::new();
        let mut others = Vec::new();
        for record in self.parts.log.list_by_subject(&subject, None, MOST_HISTORY).await.map_err(not_stored)? {
            let entry = entry_of(record).map_err(not_stored)?;
            match &entry.facts {
                Facts::Corrected { replaces, .. } => withdrawn.push(*replaces),
                Facts::Report(_) => others.push(entry),
                _ => {}
            }
        }
        if withdrawn.contains(&replaces) {
            return Err(Refusal::Already("taken back").into());
        }
        others.retain(|e| e.id != replaces && !withdrawn.contains(&e.id));
        let mut stands: BTreeMap<Aspect, Option<Standing>> =
            report.observations.iter().map(|o| (o.aspect.clone(), None)).collect();
        let mut days: BTreeMap<Aspect, Standing> = BTreeMap::new();
        let mut answer: Option<Answer> = None;
        let that_day = city_date(report.observed_at);
        for entry in &others {
            let Facts::Report(other) = &entry.facts else { continue };
            for observed in &other.observations {
                let Some(best) = stands.get_mut(&observed.aspect) else { continue };
                if !observed.aspect.is_vacancy() && other.exercise != report.exercise {
                    continue;
                }
                let standing = other.standing(entry, observed);
                let on_the_chart = matches!(&observed.aspect, Aspect::Vacancy { cell, .. } if cell.grid() == Grid::Beds);
                if on_the_chart
                    && city_date(standing.observed_at) == that_day
                    && days.get(&observed.aspect).is_none_or(|old| old.rank() < standing.rank())
                {
                    days.insert(observed.aspect.clone(), standing.clone());
                }
                if best.as_ref().is_none_or(|old| old.rank() < standing.rank()) {
                    *best = Some(standing);
                }
            }
            let answers = other.roll_call.is_some()
                && other.roll_call == report.roll_call
                && other.exercise == report.exercise
                && other.observations.iter().any(|o| !o.aspect.is_vacancy());
            if answers {
                let new = Answer { at: entry.recorded_at, report: entry.id, channel: entry.channel };
                if answer.as_ref().is_none_or(|old| new < *old) {
                    answer = Some(new);
                }
            }
        }
        Ok(Facts::Corrected {
            replaces,
            facility: report.facility.clone(),
            stands: stands.into_iter().collect(),
            days: days.into_iter().collect(),
            answer: report.roll_call.clone().map(|call| (call, answer)),
            exercise: report.exercise,
            remark: report.remark.clone(),
        })
    }

    async fn commit(&mut self, batch: &mut Batch) {
        let mut decided = std::mem::take(batch).decided;
        if decided.is_empty() {
            return;
        }
        let started = std::time::Instant::now();
        let mut appended = self.append(&decided).await;
        if matches!(appended, Err(StoreError::Conflict { .. })) {
            // Nothing was stored, because the log holds one of them already: that one is answered, the others go on.
            decided = self.sift(decided).await;
            if decided.is_empty() {
                return;
            }
            appended = self.append(&decided).await;
        }
        match appended {
            Ok(appended) => {
                metrics::histogram!("imaboard_commit_seconds").record(started.elapsed().as_secs_f64());
                metrics::histogram!("imaboard_commit_entries").record(appended.len() as f64);
                self.health.send_if_modified(|h| std::mem::replace(h, Health::Able) != Health::Able);
                self.head.send_replace(appended.last().map(|last| (last.seq, last.hash)));
                let position = self.parts.board.read(Board::position);
                if appended.first().is_some_and(|first| first.seq > position + 1)
                    && let Err(error) = self.catch_up_to(appended.first().map_or(0, |first| first.seq)).await
                {
                    // What is missing is folded at the next gap or the next start; nothing stored is lost.
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "entries of an unanswered commit could not be read"
                    );
                }
                let telling = Telling::of(decided.len());
                if let (Telling::Together, Some(first), Some(last)) = (telling, appended.first(), appended.last()) {
                    tracing::info!(first.seq = first.seq, last.seq = last.seq, entries = appended.len(), "recorded many at once");
                }
                for (mut decided, appended) in decided.into_iter().zip(appended) {
                    decided.entry.seq = appended.seq;
                    self.recent.note(decided.entry.id);
                    self.fold(&decided.entry, telling);
                    answer(decided.reply, Ok(Receipt { entry: decided.entry, again: false }));
                }
            }
            Err(error) => {
                metrics::counter!("imaboard_commit_failures_total").increment(1);
                tracing::error!(error = &error as &dyn std::error::Error, entries = decided.len(), "nothing was stored");
                self.health.send_replace(Health::Failing(error.to_string()));
                let error = Arc::new(error);
                for decided in decided {
                    answer(decided.reply, Err(SubmitError::NotStored(Arc::clone(&error))));
                }
            }
        }
    }

    async fn append(&self, decided: &[Decided]) -> Result<Vec<Appended>, StoreError> {
        let records = decided.iter().map(|d| record_of(&d.entry, Some(d.digest.clone()))).collect();
        self.parts.log.append(records).await
    }

    /// Answers those that are on the log already; gives the others.
    async fn sift(&mut self, decided: Vec<Decided>) -> Vec<Decided> {
        let mut new = Vec::with_capacity(decided.len());
        for decided in decided {
            match self.find_again(decided.entry.id, &decided.digest).await {
                None => new.push(decided),
                Some(again) => answer(decided.reply, again.map(|entry| Receipt { entry, again: true })),
            }
        }
        new
    }

    /// Whether the log can be written again.
    async fn probe(&self) {
        let now = self.parts.clock.now().to_string();
        match self.parts.log.save_meta("probe", &now).await {
            Ok(()) => {
                tracing::info!("the log can be written again");
                self.health.send_replace(Health::Able);
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "the log still cannot be written"),
        }
    }

    /// Folds what stands on the log beyond the board: entries of a commit whose answer was lost.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        self.catch_up_to(u64::MAX).await
    }

    async fn catch_up_to(&mut self, end: u64) -> Result<(), StoreError> {
        loop {
            let from = self.parts.board.read(Board::position) + 1;
            let page = self.parts.log.read_page(from, 1_000).await?;
            for said in page.iter() {
                let said = said?;
                if said.seq >= end {
                    return Ok(());
                }
                self.fold(&entry_from(said)?, Telling::Each);
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    fn fold(&mut self, entry: &Entry, telling: Telling) {
        metrics::counter!("imaboard_entries_total", "kind" => entry.facts.kind()).increment(1);
        let change = self.parts.board.apply(entry);
        if change.views.contains(&View::Register) {
            self.register = None;
        }
        // What the program tells itself (founding, the sample city) is no news; hundreds of lines would bury the addresses to open.
        let by_itself = entry.actor == "system";
        let press = match &entry.facts {
            Facts::Report(Report { press, .. }) => press.as_ref(),
            _ => None,
        };
        if by_itself {
            tracing::debug!(entry.seq, entry.kind = entry.facts.kind(), "recorded by the program itself");
        } else if telling == Telling::Each || press.is_some() {
            tracing::info!(
                entry.seq,
                entry.id = %entry.id,
                entry.kind = entry.facts.kind(),
                channel = %entry.channel,
                subject = entry.facts.subject(),
                actor = entry.actor,
                "recorded"
            );
        }
        if let Some(press) = press {
            let trace = Trace { seq: entry.seq, button: press.button.clone(), recorded_at: entry.recorded_at };
            self.parts.trail.note(trace);
        }
        // Nobody listening is fine: the board itself is what counts.
        drop(self.parts.announce.send(Arc::new(Announcement { seq: entry.seq, recorded_at: entry.recorded_at, change })));
    }

    async fn redact(&mut self, seq: u64, why: String, actor: String) -> Result<u64, RedactError> {
        // First, so that a crash in between leaves a longer replay and never the words; and until the board has forgotten them too.
        let _erasing = self.parts.checkpoints.erase().await.map_err(|error| StoreError::Away { source: Box::new(error) })?;
        let entry = Entry {
            seq: 0,
            id: new_id(),
            recorded_at: self.stamp(),
            actor,
            channel: Channel::System,
            facts: Facts::Redacted { seq, why },
            text: None,
        };
        let appended = self.parts.log.append_redaction(seq, record_of(&entry, None)).await?;
        self.head.send_replace(Some((appended.appended.seq, appended.appended.hash)));
        let entry = Entry { seq: appended.appended.seq, ..entry };
        if entry.seq > self.parts.board.read(Board::position) + 1 {
            self.catch_up_to(entry.seq).await?;
        }
        self.fold(&entry, Telling::Each);
        Ok(entry.seq)
    }
}

/// What the program's log says of the entries of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// Each has its line.
    Each,
    /// One line tells where they stand on the log, which knows the rest; presses keep their own, because people ask where one went.
    Together,
}

impl Telling {
    /// More entries in one commit come under load only, when a line for each would cost a tenth of all work and fill the disk.
    const MOST_LINES: usize = 16;

    fn of(entries: usize) -> Self {
        if entries > Self::MOST_LINES { Self::Together } else { Self::Each }
    }
}

enum Decision {
    New { entry: Entry, digest: String },
    Again(Entry),
}

/// How far back a correction looks for what held before: a facility that reports hourly reaches this in three months.
const MOST_HISTORY: u32 = 2_000;

fn answer(reply: oneshot::Sender<Result<Receipt, SubmitError>>, outcome: Result<Receipt, SubmitError>) {
    // A sender that has gone away (closed the page) needs no answer; what is stored stays stored.
    drop(reply.send(outcome));
}

/// What became of a submission, as the figures count it.
fn outcome_word(outcome: &Result<Receipt, SubmitError>) -> &'static str {
    match outcome {
        Ok(Receipt { again: false, .. }) => "stored",
        Ok(Receipt { again: true, .. }) => "again",
        Err(SubmitError::Busy { .. }) => "busy",
        Err(SubmitError::NotStored(_)) => "not_stored",
        Err(SubmitError::Conflict) => "conflict",
        Err(SubmitError::Refused(_)) => "refused",
    }
}

fn not_stored(error: StoreError) -> SubmitError {
    SubmitError::NotStored(Arc::new(error))
}

/// A new entry id: UUID version 7.
#[must_use]
pub fn new_id() -> EntryId {
    EntryId(uuid::Uuid::now_v7())
}

/// What is public anyway, by the register and the settings: the guard lets it pass.
pub fn public_register(board: &Board, phones: &[String]) -> PublicRegister {
    let all = || board.facilities().values().filter(|f| !f.retired).map(|f| &f.facility);
    PublicRegister::new(
        all().flat_map(|f| [f.phone.as_str(), f.fax.as_str()]).chain(phones.iter().map(String::as_str)),
        [],
        all().map(|f| f.address.as_str()),
        all().map(|f| f.name.as_str()),
    )
}

fn decide_report(
    m: &Moment<'_>,
    id: EntryId,
    intent: &ReportIntent,
    has_text: bool,
    recorded_at: Timestamp,
) -> Result<Facts, Refusal> {
    let facility = intent.facility.as_ref().ok_or(Refusal::NoFacility)?;
    let held = m.board.find_facility(facility).ok_or(Refusal::NoFacility)?;
    let says_how_it_is = intent.observations.iter().any(|o| !o.aspect.is_vacancy()) || intent.confirm.is_some();
    let calls_for_help = intent.observations.iter().any(|o| o.value == Value::FirstReport(FirstReport::NeedsHelp));
    let mut unclear = false;
    let realm = match (m.exercise(), intent.realm) {
        // Meant for an exercise that is over, or ended by something real: practised damage must never become real.
        (None, Some(Realm::Exercise)) if says_how_it_is => return Err(Refusal::AskRealm),
        (None, _) | (Some(_), Some(Realm::Real)) => Realm::Real,
        (Some(_), Some(Realm::Exercise)) => Realm::Exercise,
        (Some(_), None) if intent.press.is_some() => {
            // A button cannot say which it means: better a false alarm than a missed one.
            unclear = says_how_it_is;
            Realm::Real
        }
        (Some(_), None) if calls_for_help => return Err(Refusal::AskRealm),
        (Some(_), None) => Realm::Exercise,
    };
    let observed_at = match (intent.observed_at, intent.sent_at) {
        (None, _) => recorded_at,
        (Some(observed), None) => observed.min(recorded_at),
        (Some(observed), Some(sent)) => {
            let skew = recorded_at.duration_since(sent);
            observed.checked_add(skew).unwrap_or(observed).min(recorded_at)
        }
    };
    let mut observations: Vec<Observed> = intent
        .observations
        .iter()
        .map(|o| Observed { aspect: o.aspect.clone(), value: o.value.clone(), confirms: None })
        .collect();
    if let Some(seen) = intent.confirm {
        for (aspect, standing) in confirmable(m, facility, realm) {
            if standing.recorded_at <= seen && observations.iter().all(|o| o.aspect != aspect) {
                let confirms = Some(standing.confirms.unwrap_or(standing.report));
                observations.push(Observed { aspect, value: standing.value.clone(), confirms });
            }
        }
        if observations.is_empty() {
            return Err(Refusal::NothingToConfirm);
        }
    }
    if observations.is_empty() && !has_text {
        return Err(Refusal::Empty);
    }
    Ok(Facts::Report(Report {
        facility: held.facility.id.clone(),
        observed_at,
        late: intent.late,
        incident: m.incident_in(realm).map(|i| i.id.clone()),
        roll_call: m.open_call(realm).filter(|call| is_since(m, realm, call, observed_at)).map(|call| call.id.clone()),
        exercise: realm == Realm::Exercise,
        unclear,
        observations,
        remark: if has_text { PostingId::new(format!("r-{id}")).ok() } else { None },
        press: intent.press.clone(),
        effort: intent.effort,
    }))
}

/// Whether what was true at `observed_at` answers a roll call: "safe" of before the disaster, sent when the telephone found a
/// network again, must not take a facility off the list of those to be called.
fn is_since(m: &Moment<'_>, realm: Realm, call: &RollCall, observed_at: Timestamp) -> bool {
    let began = m.incident_in(realm).map_or(call.opened_at, |i| i.opened_at.min(call.opened_at));
    began <= observed_at
}

/// What 変わりなし would confirm: in peace vacancies and operation, during an incident or exercise damage too;
/// only values that may still be shown, because an unknown cannot stay the same.
#[must_use]
pub fn confirmable<'a>(m: &Moment<'a>, facility: &FacilityId, realm: Realm) -> Vec<(Aspect, &'a Standing)> {
    let Some(held) = m.board.find_facility(facility) else { return Vec::new() };
    let mut aspects: Vec<Aspect> = Vec::new();
    for service in &held.facility.services {
        aspects.extend(service.cells(m.today()).into_iter().map(|cell| Aspect::Vacancy { service: service.id.clone(), cell }));
    }
    let damage_too = m.mode() != Mode::Peace || realm == Realm::Exercise;
    aspects.extend(PLAIN_ASPECTS.iter().map(|(a, _)| a.clone()).filter(|a| damage_too || *a == Aspect::Operation));
    aspects.into_iter().filter_map(|aspect| m.shown(held, &aspect, realm).current().map(|standing| (aspect, standing))).collect()
}

/// Refuses control entries that refer to what is not there or already so.
fn check_control(m: &Moment<'_>, facts: &Facts, has_text: bool) -> Result<(), Refusal> {
    let b = m.board;
    let facility = |id: &FacilityId| b.find_facility(id).map(|_| ()).ok_or(Refusal::NoFacility);
    match facts {
        // These are decided here and nowhere else.
        Facts::Report(_) | Facts::Corrected { .. } | Facts::Redacted { .. } => Err(Refusal::Missing("control entry")),
        // A key printed for one door must never come to speak for another.
        Facts::KeyIssued { key, .. } if b.keys().contains_key(key) => Err(Refusal::Already("issued")),
        Facts::FacilityRetired { facility: id }
        | Facts::KeyIssued { facility: id, .. }
        | Facts::CallTried { facility: id, .. } => facility(id),
        Facts::KeyRevoked { key } => match b.keys().get(key) {
            None => Err(Refusal::Missing("key")),
            Some(k) if k.revoked => Err(Refusal::Already("revoked")),
            Some(_) => Ok(()),
        },
        Facts::IncidentClosed { incident } => match b.incidents().get(incident) {
            None => Err(Refusal::Missing("incident")),
            Some(i) if i.closed_at.is_some() => Err(Refusal::Already("closed")),
            Some(_) => Ok(()),
        },
        Facts::IncidentNoted { .. } if !has_text => Err(Refusal::Empty),
        Facts::IncidentNoted { incident } => match b.incidents().get(incident) {
            None => Err(Refusal::Missing("incident")),
            Some(i) if i.closed_at.is_some() => Err(Refusal::Already("closed")),
            Some(_) => Ok(()),
        },
        Facts::RollCallClosed { roll_call } => match b.roll_calls().get(roll_call) {
            None => Err(Refusal::Missing("roll call")),
            Some(r) if r.closed_at.is_some() => Err(Refusal::Already("closed")),
            Some(_) => Ok(()),
        },
        Facts::RollCallOpened(c) if b.roll_calls().contains_key(&c.id) => Err(Refusal::Already("open")),
        Facts::RollCallOpened(c) if c.exercise && m.exercise().is_none() => Err(Refusal::Missing("exercise")),
        Facts::IncidentOpened(i) if b.incidents().contains_key(&i.id) => Err(Refusal::Already("open")),
        Facts::IncidentOpened(i) if i.exercise && m.mode() == Mode::Incident => {
            Err(Refusal::Already("in a real incident: no exercise starts during one"))
        }
        Facts::PostingPublished { posting, .. } | Facts::PostingWithdrawn { posting } => match b.postings().get(posting) {
            None => Err(Refusal::Missing("posting")),
            Some(p) if p.text.is_none() => Err(Refusal::Missing("text: it was redacted")),
            Some(_) => Ok(()),
        },
        Facts::PostingDrafted { .. } if !has_text => Err(Refusal::Empty),
        Facts::PostingDrafted { posting, .. } if b.postings().contains_key(posting) => Err(Refusal::Already("drafted")),
        Facts::PostingDrafted { facility: Some(id), .. } => facility(id),
        Facts::PostingReturned { .. } | Facts::PostingRevised { .. } | Facts::PageEdited { .. } if !has_text => {
            Err(Refusal::Empty)
        }
        Facts::PostingReturned { posting } => match b.postings().get(posting) {
            None => Err(Refusal::Missing("posting")),
            Some(p) if p.state == PostingState::Returned => Err(Refusal::Already("returned")),
            Some(p) if p.state == PostingState::Pending && p.facility.is_some() && !p.from_city => Ok(()),
            Some(_) => Err(Refusal::Missing("facility that waits for an answer")),
        },
        Facts::PostingRevised { posting, base, .. } => match b.postings().get(posting) {
            None => Err(Refusal::Missing("posting")),
            Some(p) if p.revision != *base => Err(Refusal::Already("revised by somebody else")),
            Some(_) => Ok(()),
        },
        Facts::PageEdited { page, revision } => {
            let held = b.page(*page).map_or(0, |p| p.revision);
            if held.checked_add(1) == Some(*revision) { Ok(()) } else { Err(Refusal::Already("written by somebody else")) }
        }
        Facts::SupportAsked { facility: id } => match b.support().get(id) {
            Some(support) if support.open().is_some() => Err(Refusal::Already("asked")),
            _ => facility(id),
        },
        Facts::SupportVisited { facility: id, .. } => facility(id),
        Facts::ButtonEnrolled(button) => facility(&button.facility),
        Facts::ButtonRemoved { button } if !b.buttons().contains_key(button) => Err(Refusal::Missing("button")),
        Facts::CityFounded { .. } if b.position() > 0 => Err(Refusal::Already("a city")),
        _ => Ok(()),
    }
}

/// An entry as a record of the log.
#[must_use]
pub fn record_of(entry: &Entry, digest: Option<String>) -> NewRecord {
    NewRecord {
        id: entry.id.0,
        recorded_at: entry.recorded_at,
        actor: entry.actor.clone(),
        channel: entry.channel.word().to_owned(),
        kind: entry.facts.kind().to_owned(),
        subject: entry.facts.subject(),
        // Facts are plain data: numbers, words and ids always serialise.
        facts: serde_json::to_string(&entry.facts).unwrap_or_default(),
        digest,
        text: entry.text.clone(),
    }
}

/// A record of the log as an entry; fails if a newer version of the program wrote it.
pub fn entry_of(record: Record) -> Result<Entry, StoreError> {
    entry_from(record.said())
}

/// What a record of the log says as an entry; fails like [`entry_of`].
pub fn entry_from(record: Said<'_>) -> Result<Entry, StoreError> {
    let corrupt = |what: &str, error: String| StoreError::Corrupt {
        source: format!("entry {}: {what} cannot be read by this version: {error}", record.seq).into(),
    };
    let unreadable = |error: serde_json::Error| corrupt("facts", error.to_string());
    Ok(Entry {
        seq: record.seq,
        id: EntryId(record.id),
        recorded_at: record.recorded_at,
        channel: record.channel.parse().map_err(|e: imaboard_domain::UnknownWord| corrupt("channel", e.to_string()))?,
        facts: if record.kind == REPORT_KIND {
            // Most of any log; without the detour that finding the kind inside the facts takes.
            Facts::Report(serde_json::from_str(record.facts).map_err(unreadable)?)
        } else {
            serde_json::from_str(record.facts).map_err(unreadable)?
        },
        actor: record.actor.to_owned(),
        text: record.text.map(str::to_owned),
    })
}

/// [`Facts::kind`] of a report.
const REPORT_KIND: &str = "report";

#[cfg(test)]
mod tests;
