//! The board: the pure fold over the log.
//!
//! [`Board::apply`] is total and deterministic. Reports commute: per aspect the winner is the greatest
//! `(observed_at, recorded_at, id)`, so any order and repetition of the same reports gives the same standings; control
//! entries (register, keys, incidents, postings …) apply in `seq` order. Nothing here reads a clock: freshness is
//! computed by [`crate::Moment`] at render time. Deliberately absent: I/O, settings, words for people.
//!
//! A clone shares everything with its original and copies only what changes later, so a checkpoint may take the whole board
//! while reports go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, Value};
use crate::button::Button;
use crate::calls::{LATELY_KEPT, TRIES_KEPT, Told, Try};
use crate::display::Display;
use crate::entry::{Entry, Facts, Report};
use crate::facility::Facility;
use crate::guide::{EditedPage, GuidePage, Support, Visit};
use crate::id::{ButtonId, DisplayId, EntryId, FacilityId, IncidentId, KeyId, PostingId, RollCallId};
use crate::incident::{Answer, Incident, IncidentNote, RollCall};
use crate::index::{Index, Marks};
use crate::moment::city_date;
use crate::posting::{Posting, PostingKind, PostingState, Returned};
use crate::service::{Cell, Grid, ServiceKind};
use crate::standing::{Channel, Standing};

/// A view of the board: something that is rendered as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// Real mode, incidents and exercises.
    Mode,
    /// The list of facilities: names, districts, services.
    Register,
    /// Everything about one facility.
    Facility(FacilityId),
    /// Vacancies of one kind of service.
    Vacancies(ServiceKind),
    /// Real operation, first reports, damage and needs of all facilities.
    Damage,
    /// The same inside an exercise.
    ExerciseDamage,
    /// Roll calls and their answers.
    RollCalls,
    /// What the city wrote down about incidents and exercises.
    Updates,
    /// Published notices.
    Notices,
    /// Published jobs.
    Jobs,
    /// What waits for release.
    Pending,
    /// Report keys.
    Keys,
    /// Buttons.
    Buttons,
    /// Displays.
    Displays,
    /// The pages the city writes itself.
    Guide,
}

/// What one entry changed: every view that differs, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The entry's position.
    pub seq: u64,
    /// The views that differ.
    pub views: BTreeSet<View>,
}

/// A report key: for whom it speaks and whether it still does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacilityKey {
    /// For whom it speaks.
    pub facility: FacilityId,
    /// Where it hangs.
    pub label: String,
    /// No longer valid.
    pub revoked: bool,
    /// When the newest report came by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

/// The newest report of a facility, whatever it said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastReport {
    /// When it was recorded.
    #[serde(with = "crate::packed_time")]
    pub at: Timestamp,
    /// Which.
    pub report: EntryId,
    /// How it came.
    pub channel: Channel,
}

/// One day of one bed cell: the free places last observed on that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCount {
    /// Order among observations of that day.
    pub rank: (Timestamp, Timestamp, EntryId),
    /// Free places, if a number was said.
    pub count: Option<u32>,
}

/// Everything the board holds about one facility.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacilityBoard {
    /// Its register record.
    pub facility: Arc<Facility>,
    /// Taken out of the register.
    pub retired: bool,
    /// When it came into the register.
    pub since: Timestamp,
    /// When it was taken out, if it is out.
    pub until: Option<Timestamp>,
    /// Real standings.
    #[serde(with = "crate::packed_standings")]
    pub real: BTreeMap<Aspect, Standing>,
    /// Standings inside exercises.
    #[serde(with = "crate::packed_standings")]
    pub exercise: BTreeMap<Aspect, Standing>,
    /// The newest report.
    pub last_report: Option<LastReport>,
    /// The last few reports, the newest last: how it usually answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lately: Vec<LastReport>,
    /// Free beds by day, for the chart; the last [`HISTORY_DAYS`] days.
    #[serde(with = "crate::packed_days")]
    pub history: BTreeMap<Aspect, BTreeMap<Date, DayCount>>,
}

/// How many days of free places are kept for the chart: the 30 shown, and the rhythm of 14 days before them.
pub const HISTORY_DAYS: i64 = 44;

/// How many days of one short-stay service are kept: the 31 that can be reported and yesterday, and room for as many
/// again, so that a clock that ran ahead for a fortnight pushes nothing of today out.
pub const DATES_KEPT: usize = 80;

/// The fold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Board {
    position: u64,
    sample: bool,
    facilities: OrdMap<FacilityId, Arc<FacilityBoard>>,
    keys: OrdMap<KeyId, FacilityKey>,
    incidents: OrdMap<IncidentId, Incident>,
    notes: OrdMap<IncidentId, Vec<IncidentNote>>,
    #[serde(with = "crate::packed_calls")]
    roll_calls: OrdMap<RollCallId, RollCall>,
    #[serde(with = "crate::packed_postings")]
    postings: OrdMap<PostingId, Arc<Posting>>,
    buttons: OrdMap<ButtonId, Button>,
    displays: OrdMap<DisplayId, Display>,
    /// Calls of the desk since the last report of each facility.
    tries: OrdMap<FacilityId, Vec<Try>>,
    /// The newest reports, the newest last.
    recent: Vec<Arc<Told>>,
    /// The newest that may have been meant for an exercise.
    unclear: Vec<Arc<Told>>,
    pages: OrdMap<GuidePage, Arc<EditedPage>>,
    /// Facilities that ever asked for a visit or had one.
    support: OrdMap<FacilityId, Arc<Support>>,
    /// Follows from the rest.
    #[serde(skip)]
    index: Index,
}

/// What a checkpoint holds of a board.
#[derive(Deserialize)]
struct Stored {
    position: u64,
    sample: bool,
    facilities: OrdMap<FacilityId, Arc<FacilityBoard>>,
    keys: OrdMap<KeyId, FacilityKey>,
    incidents: OrdMap<IncidentId, Incident>,
    notes: OrdMap<IncidentId, Vec<IncidentNote>>,
    #[serde(with = "crate::packed_calls")]
    roll_calls: OrdMap<RollCallId, RollCall>,
    #[serde(with = "crate::packed_postings")]
    postings: OrdMap<PostingId, Arc<Posting>>,
    buttons: OrdMap<ButtonId, Button>,
    displays: OrdMap<DisplayId, Display>,
    #[serde(default)]
    tries: OrdMap<FacilityId, Vec<Try>>,
    #[serde(default)]
    recent: Vec<Arc<Told>>,
    #[serde(default)]
    unclear: Vec<Arc<Told>>,
    #[serde(default)]
    pages: OrdMap<GuidePage, Arc<EditedPage>>,
    #[serde(default)]
    support: OrdMap<FacilityId, Arc<Support>>,
}

impl From<Stored> for Board {
    fn from(stored: Stored) -> Self {
        let Stored { position, sample, facilities, keys, incidents, notes, roll_calls, postings, buttons, displays, .. } = stored;
        let (tries, recent, unclear, pages, support) =
            (stored.tries, stored.recent, stored.unclear, stored.pages, stored.support);
        let mut index = Index::default();
        // In place, because a second copy of a nation's register would be most of the memory of a start.
        let facilities = facilities
            .into_iter()
            .map(|(_, mut held)| {
                let board = Arc::make_mut(&mut held);
                index.share(Arc::make_mut(&mut board.facility));
                (board.facility.id.clone(), held)
            })
            .collect();
        let mut board = Self {
            position,
            sample,
            facilities,
            keys,
            incidents,
            notes,
            roll_calls,
            postings,
            buttons,
            displays,
            tries,
            recent,
            unclear,
            pages,
            support,
            index,
        };
        board.index.rebuild_from(&board.facilities, &board.keys, &board.buttons, &board.postings);
        board
    }
}

impl Board {
    /// The board before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The `seq` of the last entry applied; 0 before the first.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether the city is a sample: every page says 見本.
    #[must_use]
    pub fn is_sample(&self) -> bool {
        self.sample
    }

    /// Every facility, retired ones too.
    #[must_use]
    pub fn facilities(&self) -> &OrdMap<FacilityId, Arc<FacilityBoard>> {
        &self.facilities
    }

    /// One facility, if it is in the register and not retired.
    #[must_use]
    pub fn find_facility(&self, id: &FacilityId) -> Option<&FacilityBoard> {
        self.facilities.get(id).map(Arc::as_ref).filter(|f| !f.retired)
    }

    /// The keys of one facility that are not revoked, in the order of their ids.
    pub fn keys_of(&self, facility: &FacilityId) -> impl Iterator<Item = &KeyId> {
        self.index.keys_of(facility)
    }

    /// The button of a device; the first by id if several were enrolled for one.
    #[must_use]
    pub fn find_button(&self, profile: &str, device: &str) -> Option<&Button> {
        self.buttons.get(self.index.find_button(profile, device)?)
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Every report key ever issued.
    #[must_use]
    pub fn keys(&self) -> &OrdMap<KeyId, FacilityKey> {
        &self.keys
    }

    /// Every incident and exercise.
    #[must_use]
    pub fn incidents(&self) -> &OrdMap<IncidentId, Incident> {
        &self.incidents
    }

    /// What the city wrote down about an incident or exercise, in the order it was recorded.
    #[must_use]
    pub fn notes(&self, incident: &IncidentId) -> &[IncidentNote] {
        self.notes.get(incident).map_or(&[], Vec::as_slice)
    }

    /// Every roll call.
    #[must_use]
    pub fn roll_calls(&self) -> &OrdMap<RollCallId, RollCall> {
        &self.roll_calls
    }

    /// Every posting, whatever its state.
    #[must_use]
    pub fn postings(&self) -> &OrdMap<PostingId, Arc<Posting>> {
        &self.postings
    }

    /// The postings of a facility that wait for the city or went back to it, in the order of their ids; no remarks.
    pub fn unreleased_of(&self, facility: &FacilityId) -> impl Iterator<Item = &Posting> {
        self.index.unreleased_of(facility).filter_map(|id| self.postings.get(id)).map(Arc::as_ref)
    }

    /// A page as the city last wrote it; `None` while it stands as it came.
    #[must_use]
    pub fn page(&self, page: GuidePage) -> Option<&EditedPage> {
        self.pages.get(&page).map(Arc::as_ref)
    }

    /// Support visits, by facility: only those that ever asked for one or had one.
    #[must_use]
    pub fn support(&self) -> &OrdMap<FacilityId, Arc<Support>> {
        &self.support
    }

    /// Every enrolled button.
    #[must_use]
    pub fn buttons(&self) -> &OrdMap<ButtonId, Button> {
        &self.buttons
    }

    /// Every display.
    #[must_use]
    pub fn displays(&self) -> &OrdMap<DisplayId, Display> {
        &self.displays
    }

    /// Calls of the desk since the last report of a facility, the newest last.
    #[must_use]
    pub fn tries(&self, facility: &FacilityId) -> &[Try] {
        self.tries.get(facility).map_or(&[], Vec::as_slice)
    }

    /// The newest reports, the newest last.
    #[must_use]
    pub fn recent(&self) -> &[Arc<Told>] {
        &self.recent
    }

    /// The newest reports that may have been meant for an exercise, the newest last.
    #[must_use]
    pub fn unclear(&self) -> &[Arc<Told>] {
        &self.unclear
    }

    /// Applies one entry and says which views differ now.
    pub fn apply(&mut self, entry: &Entry) -> Change {
        let mut views = BTreeSet::new();
        self.position = self.position.max(entry.seq);
        match &entry.facts {
            Facts::CityFounded { sample } => {
                if self.sample != *sample {
                    self.sample = *sample;
                    views.insert(View::Register);
                }
            }
            Facts::Report(report) => self.apply_report(entry, report, &mut views),
            Facts::Corrected { replaces, facility, stands, days, answer, exercise, remark } => {
                for list in [&mut self.recent, &mut self.unclear] {
                    list.retain(|told| told.report != *replaces);
                }
                let index = &mut self.index;
                if let Some(held) = self.facilities.get_mut(facility).map(Arc::make_mut) {
                    let before = Marks::of(held);
                    for (aspect, stand) in stands {
                        let in_exercise = *exercise && !aspect.is_vacancy();
                        let of_that_day = days.iter().find(|(a, _)| a == aspect).map(|(_, standing)| standing);
                        if held.take_back(aspect, *replaces, stand.as_ref(), of_that_day, in_exercise) {
                            note_aspect(&mut views, held, aspect, in_exercise);
                        }
                    }
                    index.mark(facility, &before, &Marks::of(held));
                }
                if let Some((roll_call, next)) = answer
                    && let Some(call) = self.roll_calls.get_mut(roll_call)
                    && call.answers.get(facility).is_some_and(|a| a.report == *replaces)
                {
                    match next {
                        Some(next) => call.answers.insert(facility.clone(), next.clone()),
                        None => call.answers.remove(facility),
                    };
                    if self.find_facility(facility).is_some() {
                        views.insert(View::RollCalls);
                    }
                }
                if let Some(remark) = remark {
                    self.change_posting(remark, &mut views, |held| held.state = PostingState::Withdrawn);
                }
            }
            Facts::Redacted { seq, .. } => {
                let touched: Vec<PostingId> =
                    self.postings.values().filter(|p| p.source_seq == *seq && p.text.is_some()).map(|p| p.id.clone()).collect();
                for id in touched {
                    self.change_posting(&id, &mut views, |posting| posting.text = None);
                }
                let noted = |list: &Vec<IncidentNote>| list.iter().any(|n| n.seq == *seq && n.text.is_some());
                for id in self.notes.iter().filter(|(_, list)| noted(list)).map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                    self.notes[&id].iter_mut().filter(|n| n.seq == *seq).for_each(|n| n.text = None);
                    views.insert(View::Updates);
                }
                self.redact_beside(*seq, &mut views);
            }
            Facts::FacilityRegistered(facility) => self.register(facility, entry.recorded_at, &mut views),
            Facts::FacilityRetired { facility } => {
                if let Some(held) = self.facilities.get_mut(facility)
                    && !held.retired
                {
                    let record = Arc::make_mut(held);
                    record.retired = true;
                    record.until = Some(entry.recorded_at);
                    self.index.unlist(&held.facility);
                    note_register(&mut views, &held.facility);
                }
            }
            Facts::KeyIssued { key, facility, label } => {
                let last_used = self.keys.get(key).and_then(|old| old.last_used);
                let new = FacilityKey { facility: facility.clone(), label: label.clone(), revoked: false, last_used };
                if self.keys.get(key) != Some(&new) {
                    if let Some(old) = self.keys.get(key) {
                        self.index.forget_key(key, old);
                    }
                    self.index.key(key, &new);
                    self.keys.insert(key.clone(), new);
                    views.insert(View::Keys);
                }
            }
            Facts::KeyRevoked { key } => {
                if let Some(held) = self.keys.get_mut(key)
                    && !held.revoked
                {
                    self.index.forget_key(key, held);
                    held.revoked = true;
                    views.insert(View::Keys);
                }
            }
            Facts::IncidentOpened(incident) => self.open_incident(incident, entry.recorded_at, &mut views),
            Facts::IncidentClosed { incident } => {
                if let Some(held) = self.incidents.get_mut(incident)
                    && held.closed_at.is_none()
                {
                    held.closed_at = Some(entry.recorded_at);
                    views.insert(View::Mode);
                    self.note(incident, entry, true, &mut views);
                }
            }
            Facts::IncidentNoted { incident } => self.note(incident, entry, false, &mut views),
            Facts::RollCallOpened(call) => {
                if !self.roll_calls.contains_key(&call.id) {
                    self.roll_calls.insert(call.id.clone(), call.clone());
                    views.insert(View::RollCalls);
                }
            }
            Facts::RollCallClosed { roll_call } => {
                if let Some(held) = self.roll_calls.get_mut(roll_call)
                    && held.closed_at.is_none()
                {
                    held.closed_at = Some(entry.recorded_at);
                    views.insert(View::RollCalls);
                }
            }
            Facts::PostingDrafted { posting, what, facility, category, job, expires_at, plan } => {
                let new = Posting {
                    id: posting.clone(),
                    kind: *what,
                    state: PostingState::Pending,
                    facility: facility.clone(),
                    text: entry.text.clone(),
                    category: *category,
                    job: job.clone(),
                    source_seq: entry.seq,
                    received_at: entry.recorded_at,
                    publish_at: plan.publish_at,
                    expires_at: *expires_at,
                    pinned: plan.pinned,
                    audience: plan.audience,
                    from_city: facility.is_none() || is_staff(entry),
                    revision: 0,
                    revised_at: Vec::new(),
                    returned: None,
                };
                if !self.postings.contains_key(posting) {
                    self.index.posting(&new, true);
                    self.postings.insert(posting.clone(), Arc::new(new));
                    views.insert(View::Pending);
                }
            }
            Facts::PostingPublished { posting, publish_at, expires_at, pinned } => {
                self.change_posting(posting, &mut views, |held| {
                    held.state = PostingState::Published;
                    held.publish_at = Some(publish_at.unwrap_or(entry.recorded_at));
                    held.expires_at = expires_at.or(held.expires_at);
                    held.pinned = *pinned;
                    held.returned = None;
                });
            }
            Facts::PostingWithdrawn { posting } => {
                self.change_posting(posting, &mut views, |held| held.state = PostingState::Withdrawn);
            }
            Facts::PostingReturned { posting } => {
                self.change_posting(posting, &mut views, |held| {
                    held.state = PostingState::Returned;
                    held.returned = Some(Returned { at: entry.recorded_at, reason: entry.text.clone(), seq: entry.seq });
                });
            }
            Facts::PostingRevised { posting, base, announced, category, job, expires_at, plan } => {
                self.change_posting(posting, &mut views, |held| {
                    held.text.clone_from(&entry.text);
                    held.source_seq = entry.seq;
                    held.category = *category;
                    held.job.clone_from(job);
                    held.expires_at = *expires_at;
                    held.publish_at = plan.publish_at.or(held.publish_at.filter(|_| held.state == PostingState::Published));
                    held.pinned = plan.pinned;
                    held.audience = plan.audience;
                    held.revision = base.saturating_add(1);
                    if *announced && held.revised_at.last() != Some(&entry.recorded_at) {
                        held.revised_at.push(entry.recorded_at);
                    }
                    if held.state == PostingState::Returned {
                        held.state = PostingState::Pending;
                        held.received_at = entry.recorded_at;
                        held.returned = None;
                    }
                });
            }
            Facts::PageEdited { page, revision } => {
                let new = EditedPage { text: entry.text.clone(), revision: *revision, at: entry.recorded_at, seq: entry.seq };
                if self.pages.get(page).is_none_or(|held| **held != new) {
                    self.pages.insert(*page, Arc::new(new));
                    views.insert(View::Guide);
                }
            }
            Facts::SupportAsked { facility } => {
                if self.facilities.contains_key(facility) {
                    self.support_of(facility).ask(entry.recorded_at, entry.text.clone(), entry.seq);
                }
            }
            Facts::SupportVisited { facility, on, outcome } => {
                if self.facilities.contains_key(facility) {
                    let visit = Visit { on: *on, outcome: *outcome, note: entry.text.clone(), seq: entry.seq };
                    self.support_of(facility).visit(visit);
                }
            }
            Facts::ButtonEnrolled(button) => {
                if self.buttons.get(&button.id) != Some(button) {
                    if let Some(old) = self.buttons.get(&button.id) {
                        self.index.button(old, false);
                    }
                    self.index.button(button, true);
                    self.buttons.insert(button.id.clone(), button.clone());
                    views.insert(View::Buttons);
                }
            }
            Facts::ButtonRemoved { button } => {
                if let Some(old) = self.buttons.remove(button) {
                    self.index.button(&old, false);
                    views.insert(View::Buttons);
                }
            }
            Facts::DisplayAdded(display) => {
                if self.displays.get(&display.id) != Some(display) {
                    self.displays.insert(display.id.clone(), display.clone());
                    views.insert(View::Displays);
                }
            }
            Facts::CallTried { facility, outcome, until, exercise } => {
                let new = Try { entry: entry.id, outcome: *outcome, at: entry.recorded_at, until: *until, exercise: *exercise };
                self.note_call(facility, new);
            }
        }
        Change { seq: entry.seq, views }
    }

    /// Keeps a call, unless a report of later has made it nothing; no page of the public shows it.
    fn note_call(&mut self, facility: &FacilityId, new: Try) {
        let Some(held) = self.facilities.get(facility) else { return };
        if held.last_report.as_ref().is_some_and(|report| report.at >= new.at) {
            return;
        }
        let tries = self.tries.entry(held.facility.id.clone()).or_default();
        if tries.iter().any(|held| held.entry == new.entry) {
            return;
        }
        tries.push(new);
        if tries.len() > TRIES_KEPT {
            tries.remove(0);
        }
    }

    fn apply_report(&mut self, entry: &Entry, report: &Report, views: &mut BTreeSet<View>) {
        if let Some(key) = entry.actor.strip_prefix("key:").and_then(|id| id.parse::<KeyId>().ok())
            && self.keys.get(&key).is_some_and(|held| held.last_used < Some(entry.recorded_at))
            && let Some(held) = self.keys.get_mut(&key)
        {
            held.last_used = Some(entry.recorded_at);
            views.insert(View::Keys);
        }
        let Some(held) = self.facilities.get_mut(&report.facility).map(Arc::make_mut) else {
            return;
        };
        let before = Marks::of(held);
        for observed in &report.observations {
            let standing = report.standing(entry, observed);
            let in_exercise = standing.exercise;
            let mut differs = false;
            let aspect = held.shared(&observed.aspect);
            if matches!(&aspect, Aspect::Vacancy { cell, .. } if cell.grid() == Grid::Beds) {
                differs = keep_day(held.history.entry(aspect.clone()).or_default(), &standing);
            }
            let map = if in_exercise { &mut held.exercise } else { &mut held.real };
            if map.get(&aspect).is_none_or(|old| old.rank() < standing.rank()) {
                differs |= keep_standing(map, aspect, standing);
            }
            if differs {
                note_aspect(views, held, &observed.aspect, in_exercise);
            }
        }
        let last = LastReport { at: entry.recorded_at, report: entry.id, channel: entry.channel };
        let mut heard = held.keep_lately(&last);
        if held.last_report.as_ref().is_none_or(|old| *old < last) {
            held.last_report = Some(last);
            heard = true;
        }
        if heard && !held.retired {
            views.insert(View::Facility(report.facility.clone()));
        }
        self.index.mark(&report.facility, &before, &Marks::of(held));
        let told = Arc::new(Told::of(entry, report));
        Told::keep(&mut self.recent, &told);
        if report.unclear {
            Told::keep(&mut self.unclear, &told);
        }
        if let Some(tries) = self.tries.get_mut(&report.facility) {
            tries.retain(|t| t.at > entry.recorded_at);
            if tries.is_empty() {
                self.tries.remove(&report.facility);
            }
        }
        let in_register = !held.retired;
        let says_how_it_is = report.observations.iter().any(|o| !o.aspect.is_vacancy());
        if let Some(id) = &report.roll_call
            && says_how_it_is
            && let Some(call) = self.roll_calls.get_mut(id)
            && call.exercise == report.exercise
        {
            let answer = Answer { at: entry.recorded_at, report: entry.id, channel: entry.channel };
            if call.answers.get(&report.facility).is_none_or(|old| answer < *old) {
                call.answers.insert(report.facility.clone(), answer);
                if in_register {
                    views.insert(View::RollCalls);
                }
            }
        }
        // Also without its words, which a redaction has erased: a replay must give the board that was there before.
        if let Some(id) = &report.remark
            && !self.postings.contains_key(id)
        {
            let facility = report.facility.clone();
            let posting = Posting::remark(id.clone(), facility, entry.text.clone(), entry.seq, entry.recorded_at);
            self.postings.insert(id.clone(), Arc::new(posting));
            views.insert(View::Pending);
        }
    }

    fn register(&mut self, facility: &Facility, at: Timestamp, views: &mut BTreeSet<View>) {
        let held = self.facilities.get_mut(&facility.id);
        if held.as_ref().is_some_and(|held| *held.facility == *facility && !held.retired) {
            return;
        }
        let mut record = facility.clone();
        self.index.share(&mut record);
        let record = Arc::new(record);
        note_register(views, facility);
        match held {
            Some(held) => {
                if !held.retired {
                    note_register(views, &held.facility);
                    self.index.unlist(&held.facility);
                }
                let held = Arc::make_mut(held);
                held.facility = Arc::clone(&record);
                held.retired = false;
                held.until = None;
            }
            None => {
                let new = FacilityBoard {
                    facility: Arc::clone(&record),
                    retired: false,
                    since: at,
                    until: None,
                    real: BTreeMap::new(),
                    exercise: BTreeMap::new(),
                    last_report: None,
                    lately: Vec::new(),
                    history: BTreeMap::new(),
                };
                self.facilities.insert(record.id.clone(), Arc::new(new));
            }
        }
        self.index.list(&record);
    }

    fn open_incident(&mut self, incident: &Incident, at: Timestamp, views: &mut BTreeSet<View>) {
        if self.incidents.contains_key(&incident.id) {
            return;
        }
        if !incident.exercise {
            // A real incident ends the exercise: nobody may mistake one for the other.
            let open = |i: &&Incident| i.exercise && i.closed_at.is_none();
            for id in self.incidents.values().filter(open).map(|i| i.id.clone()).collect::<Vec<_>>() {
                self.incidents[&id].closed_at = Some(at);
            }
            let open = |c: &&RollCall| c.exercise && c.closed_at.is_none();
            for id in self.roll_calls.values().filter(open).map(|c| c.id.clone()).collect::<Vec<_>>() {
                self.roll_calls[&id].closed_at = Some(at);
                views.insert(View::RollCalls);
            }
        }
        self.incidents.insert(incident.id.clone(), incident.clone());
        views.insert(View::Mode);
    }

    /// Keeps what was written down about an incident, also without its words: a replay after a redaction gives the same board.
    fn note(&mut self, incident: &IncidentId, entry: &Entry, ending: bool, views: &mut BTreeSet<View>) {
        let Some(incident) = self.incidents.get(incident).map(|held| held.id.clone()) else { return };
        let held = self.notes.entry(incident).or_default();
        if held.iter().all(|n| n.seq != entry.seq) {
            held.push(IncidentNote { seq: entry.seq, at: entry.recorded_at, ending, text: entry.text.clone() });
            views.insert(View::Updates);
        }
    }

    fn support_of(&mut self, facility: &FacilityId) -> &mut Support {
        Arc::make_mut(self.support.entry(facility.clone()).or_default())
    }

    /// Forgets words of an entry that are no posting's own: reasons, pages, notes of visits.
    fn redact_beside(&mut self, seq: u64, views: &mut BTreeSet<View>) {
        let gave_reason = |p: &Posting| p.returned.as_ref().is_some_and(|r| r.seq == seq && r.reason.is_some());
        let touched: Vec<PostingId> = self.postings.values().filter(|p| gave_reason(p.as_ref())).map(|p| p.id.clone()).collect();
        for id in touched {
            self.change_posting(&id, views, |posting| {
                if let Some(returned) = &mut posting.returned {
                    returned.reason = None;
                }
            });
        }
        let page = self.pages.iter().find(|(_, page)| page.seq == seq && page.text.is_some()).map(|(page, _)| *page);
        if let Some(page) = page
            && let Some(held) = self.pages.get_mut(&page)
        {
            Arc::make_mut(held).text = None;
            views.insert(View::Guide);
        }
        let told = self.support.iter().find(|(_, support)| support.holds_words_of(seq)).map(|(facility, _)| facility.clone());
        if let Some(facility) = told {
            self.support_of(&facility).redact(seq);
        }
    }

    fn change_posting(&mut self, id: &PostingId, views: &mut BTreeSet<View>, change: impl FnOnce(&mut Posting)) {
        let Some(held) = self.postings.get_mut(id) else { return };
        let before = Arc::clone(held);
        change(Arc::make_mut(held));
        if *held != before {
            let after = Arc::clone(held);
            self.index.posting(&before, false);
            self.index.posting(&after, true);
            self.note_posting(views, &before);
            self.note_posting(views, &after);
        }
    }

    /// Names the view a posting stands in, if it stands in one.
    fn note_posting(&self, views: &mut BTreeSet<View>, posting: &Posting) {
        match (posting.state, posting.kind) {
            (PostingState::Pending, _) => {
                views.insert(View::Pending);
            }
            // Nobody reads a posting whose words were erased.
            (PostingState::Published, _) if posting.text.is_none() => {}
            (PostingState::Published, PostingKind::Notice) => {
                views.insert(View::Notices);
            }
            (PostingState::Published, PostingKind::Job) => {
                views.insert(View::Jobs);
            }
            (PostingState::Published, PostingKind::Remark) => {
                if let Some(held) = posting.facility.as_ref().and_then(|id| self.find_facility(id)) {
                    views.insert(View::Facility(held.facility.id.clone()));
                }
            }
            // Its facility and the desk see it, and both look each time.
            (PostingState::Returned | PostingState::Withdrawn, _) => {}
        }
    }
}

impl FacilityBoard {
    /// The aspect with the id of its service as the register holds it, so that no report keeps its own copy.
    fn shared(&self, aspect: &Aspect) -> Aspect {
        match aspect {
            Aspect::Vacancy { service, cell } => {
                let service = self.facility.find_service(service).map_or(service, |s| &s.id);
                Aspect::Vacancy { service: service.clone(), cell: *cell }
            }
            plain => plain.clone(),
        }
    }

    /// Keeps a report among the last few, whatever order they came in; tells whether it is one of them and was not yet.
    fn keep_lately(&mut self, report: &LastReport) -> bool {
        let Err(at) = self.lately.binary_search(report) else { return false };
        if self.lately.len() >= LATELY_KEPT {
            if at == 0 {
                return false;
            }
            self.lately.remove(0);
            self.lately.insert(at - 1, report.clone());
        } else {
            self.lately.insert(at, report.clone());
        }
        true
    }

    /// Lets what held before stand again where `report` was believed; tells whether anything differs.
    ///
    /// A day of the chart is separate from the standing: the withdrawn report may have been the last of its day and yet
    /// long be overtaken.
    fn take_back(
        &mut self,
        aspect: &Aspect,
        report: EntryId,
        stand: Option<&Standing>,
        of_that_day: Option<&Standing>,
        in_exercise: bool,
    ) -> bool {
        let mut differs = false;
        if let Some(days) = self.history.get_mut(aspect) {
            let before = days.len();
            days.retain(|_, day| day.rank.2 != report);
            if days.len() != before {
                differs = true;
                if let Some(standing) = of_that_day {
                    keep_day(days, standing);
                }
            }
        }
        let map = if in_exercise { &mut self.exercise } else { &mut self.real };
        if map.get(aspect).is_some_and(|s| s.report == report) {
            match stand {
                Some(standing) => {
                    // The key stays the one that is held.
                    map.insert(aspect.clone(), standing.clone());
                }
                None => {
                    map.remove(aspect);
                }
            }
            differs = true;
        }
        differs
    }
}

/// Keeps a standing. Of the days of one service only the last [`DATES_KEPT`] stay, whatever order they came in; tells
/// whether anything differs.
fn keep_standing(map: &mut BTreeMap<Aspect, Standing>, aspect: Aspect, standing: Standing) -> bool {
    let Aspect::Vacancy { service, cell: Cell::Date(date) } = &aspect else {
        map.insert(aspect, standing);
        return true;
    };
    let day = |date: Date| Aspect::Vacancy { service: service.clone(), cell: Cell::Date(date) };
    let (first, last) = (day(Date::MIN), day(Date::MAX));
    let date = *date;
    if !map.contains_key(&aspect) {
        let held = map.range(&first..=&last).count();
        let oldest = map.range(&first..=&last).next().map(|(a, _)| a.clone());
        if held >= DATES_KEPT
            && let Some(oldest) = oldest
        {
            if matches!(&oldest, Aspect::Vacancy { cell: Cell::Date(old), .. } if *old > date) {
                return false;
            }
            map.remove(&oldest);
        }
    }
    map.insert(aspect, standing);
    true
}

/// Keeps what was last said of a day; tells whether that differs from before.
fn keep_day(days: &mut BTreeMap<Date, DayCount>, standing: &Standing) -> bool {
    let day = city_date(standing.observed_at);
    let count = match &standing.value {
        Value::Vacancy { level: crate::Level::Full, count: None, .. } => Some(0),
        value => value.count(),
    };
    let rank = standing.rank();
    if let Some(old) = days.get_mut(&day) {
        let wins = old.rank < rank;
        if wins {
            *old = DayCount { rank, count };
        }
        return wins;
    }
    days.insert(day, DayCount { rank, count });
    if let Some((&newest, _)) = days.last_key_value()
        && let Ok(oldest) = newest.checked_sub(jiff::Span::new().days(HISTORY_DAYS))
    {
        while days.first_key_value().is_some_and(|(first, _)| *first <= oldest) {
            days.pop_first();
        }
    }
    days.contains_key(&day)
}

/// Whether somebody of the city wrote an entry.
fn is_staff(entry: &Entry) -> bool {
    entry.actor.starts_with("staff:")
}

fn note_aspect(views: &mut BTreeSet<View>, held: &FacilityBoard, aspect: &Aspect, in_exercise: bool) {
    if held.retired {
        // It stands in no list until it comes back, and then all of it is named.
        return;
    }
    views.insert(View::Facility(held.facility.id.clone()));
    match aspect {
        Aspect::Vacancy { service, .. } => {
            if let Some(service) = held.facility.find_service(service) {
                views.insert(View::Vacancies(service.kind));
            }
        }
        _ if in_exercise => {
            views.insert(View::ExerciseDamage);
        }
        _ => {
            views.insert(View::Damage);
        }
    }
}

fn note_register(views: &mut BTreeSet<View>, facility: &Facility) {
    views.insert(View::Register);
    views.insert(View::Facility(facility.id.clone()));
    // A facility that comes, goes or is renamed changes every list it stands in.
    views.extend([View::Damage, View::ExerciseDamage, View::RollCalls]);
    views.extend(facility.services.iter().map(|s| View::Vacancies(s.kind)));
}
