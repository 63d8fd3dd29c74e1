//! Whom to telephone next: who has not answered, the most urgent first, and what the desk noted of its calls.
//!
//! A coordinator works down this list while it changes. *Invariant:* whoever has answered, or is closed as planned, is never in it;
//! and a call that was noted moves a facility back for a while, never out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, Condition, FirstReport, Value};
use crate::board::FacilityBoard;
use crate::entry::{Entry, Report};
use crate::facility::Facility;
use crate::id::{DistrictId, EntryId, FacilityId};
use crate::incident::{Incident, Mode, RollCall};
use crate::moment::{Moment, Realm, covers};
use crate::service::ServiceGroup;
use crate::standing::{Channel, Shown, Standing};
use crate::words::words;

words! {
    /// What came of a call of the desk.
    CallOutcome {
        /// 出なかった
        NoAnswer = "no_answer",
        /// 話し中
        Busy = "busy",
        /// あとでかける
        Later = "later",
        /// 話した: they report themselves.
        Spoke = "spoke",
    }
}

/// One call of the desk that gave no report yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// The entry that noted it.
    pub entry: EntryId,
    /// What came of it.
    pub outcome: CallOutcome,
    /// When it was noted.
    pub at: Timestamp,
    /// Not to be called again before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Part of an exercise: it moves nobody in the real list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
}

/// How many calls of one facility are kept; nobody counts beyond.
pub(crate) const TRIES_KEPT: usize = 8;

/// How many reports the board keeps as "what changed lately".
pub const NEWS_KEPT: usize = 64;

/// How many reports of a facility tell how it usually answers.
pub(crate) const LATELY_KEPT: usize = 4;

/// What one report said, in short: for the list of what changed lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it was recorded.
    #[serde(with = "crate::packed_time")]
    pub at: Timestamp,
    /// Which report.
    pub report: EntryId,
    /// Whose.
    pub facility: FacilityId,
    /// How it came.
    pub channel: Channel,
    /// 訓練
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
    /// Sent during an exercise by something that cannot say whether it means it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unclear: bool,
    /// It only confirmed what stood (変わりなし).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// The value that matters most; `None` for a remark alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<(Aspect, Value)>,
}

impl Told {
    pub(crate) fn of(entry: &Entry, report: &Report) -> Self {
        // Of equally telling ones the first as the sender gave them.
        let telling = report.observations.iter().enumerate().max_by_key(|(at, o)| (weight(&o.value), std::cmp::Reverse(*at)));
        Self {
            at: entry.recorded_at,
            report: entry.id,
            facility: report.facility.clone(),
            channel: entry.channel,
            exercise: report.exercise,
            unclear: report.unclear,
            confirmed: !report.observations.is_empty() && report.observations.iter().all(|o| o.confirms.is_some()),
            what: telling.map(|(_, o)| (o.aspect.clone(), o.value.clone())),
        }
    }

    /// Keeps the newest, in order of time, however they came in.
    pub(crate) fn keep(list: &mut Vec<Arc<Told>>, told: &Arc<Told>) {
        if let Err(at) = list.binary_search_by_key(&(told.at, told.report), |t| (t.at, t.report)) {
            list.insert(at, Arc::clone(told));
            if list.len() > NEWS_KEPT {
                list.remove(0);
            }
        }
    }
}

/// How much a value asks to be read.
fn weight(value: &Value) -> u8 {
    match (value, value.condition()) {
        (Value::FirstReport(_), _) => 5,
        (_, Some(Condition::Bad)) => 4,
        (Value::Needs(list), _) if !list.is_empty() => 3,
        (_, Some(Condition::Limited)) => 3,
        (Value::Vacancy { .. }, _) => 2,
        _ => 1,
    }
}

/// What everybody is asked for just now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scope<'a> {
    /// An open roll call, real or of an exercise.
    Call(&'a RollCall),
    /// An incident or exercise without a roll call: the first report.
    FirstReports(&'a Incident),
    /// Peace: vacancies within their rhythm.
    Vacancies,
}

impl Scope<'_> {
    /// Whether it is part of an exercise.
    #[must_use]
    pub fn realm(&self) -> Realm {
        let exercise = match self {
            Scope::Call(call) => call.exercise,
            Scope::FirstReports(incident) => incident.exercise,
            Scope::Vacancies => false,
        };
        if exercise { Realm::Exercise } else { Realm::Real }
    }

    /// Since when it is asked; `None` where there is no beginning.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Scope::Call(call) => Some(call.opened_at),
            Scope::FirstReports(incident) => Some(incident.opened_at),
            Scope::Vacancies => None,
        }
    }

    fn asks(&self, district: &DistrictId) -> bool {
        match self {
            Scope::Call(call) => covers(&call.areas, district),
            Scope::FirstReports(incident) => covers(&incident.areas, district),
            Scope::Vacancies => true,
        }
    }
}

/// How late the vacancies of a facility are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lateness {
    /// Something it offers stands as ？ by now.
    Unknown,
    /// Something is past its rhythm, and still shown.
    Aging,
}

impl Lateness {
    /// Of what its services show; `None` if all is fresh.
    pub(crate) fn of<'s>(shown: impl Iterator<Item = Shown<'s>>) -> Option<Self> {
        shown
            .filter_map(|s| match s {
                Shown::Fresh(_) => None,
                Shown::Aging(_) => Some(Self::Aging),
                Shown::Stale(_) | Shown::Missing => Some(Self::Unknown),
            })
            .min()
    }
}

/// What was last known of a facility that owes an answer, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LastKnown {
    /// It asked for help, and has been silent since.
    Help,
    /// Something was broken.
    Bad,
    /// Something was limited.
    Limited,
    /// Its vacancies are unknown by now.
    Unknown,
    /// Its vacancies are past their rhythm.
    Aging,
    /// Nothing that would be urgent.
    Nothing,
}

/// Why a facility stands where it stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pressing {
    /// What was last known.
    pub known: LastKnown,
    /// It stands on a ferry island.
    pub island: bool,
    /// People live or lie there.
    pub lived_in: bool,
}

impl Pressing {
    fn rank(self) -> (LastKnown, bool, bool) {
        (self.known, !self.island, !self.lived_in)
    }
}

/// A facility that owes an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its record.
    pub facility: Arc<Facility>,
    /// Why it stands here.
    pub pressing: Pressing,
    /// Its district's place in the order of reading.
    pub district: usize,
    /// Not to be called before this: then it stands behind all others.
    pub later: Option<Timestamp>,
}

/// Who has answered and who has not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outstanding {
    /// Facilities asked, those closed as planned too.
    pub asked: u32,
    /// Facilities that answered.
    pub answered: u32,
    /// When the answers were recorded, the earliest first; only of roll calls.
    pub answered_at: Vec<Timestamp>,
    /// Answers by channel; only of roll calls.
    pub channels: BTreeMap<Channel, u32>,
    /// Who owes an answer: the next to call first.
    pub waiting: Vec<Waiting>,
    /// Who owes none because it is closed as planned (予定の休み), in reading order.
    pub closed: Vec<Arc<Facility>>,
}

impl Outstanding {
    /// Answers in percent, rounded down, so that 100 means all; 100 if nobody was asked.
    #[must_use]
    pub fn percent(&self) -> u32 {
        (self.answered * 100).checked_div(self.asked).unwrap_or(100)
    }

    /// How many answers make this share of those asked.
    #[must_use]
    pub fn needed(&self, percent: u32) -> u32 {
        u32::try_from((u64::from(self.asked) * u64::from(percent)).div_ceil(100)).unwrap_or(self.asked)
    }

    /// When this share had answered; `None` if it has not yet.
    #[must_use]
    pub fn reached(&self, percent: u32) -> Option<Timestamp> {
        let needed = usize::try_from(self.needed(percent)).ok()?;
        self.answered_at.get(needed.checked_sub(1)?).copied()
    }
}

/// Calls in peace are counted over this long: who did not answer yesterday is not to be spared today.
const CALLS_COUNT: SignedDuration = SignedDuration::from_hours(24);

impl<'a> Moment<'a> {
    /// What everybody is asked for in a realm; `None` where nothing is practised.
    #[must_use]
    pub fn asking(&self, realm: Realm) -> Option<Scope<'a>> {
        if let Some(call) = self.open_call(realm) {
            return Some(Scope::Call(call));
        }
        match realm {
            Realm::Exercise => self.exercise().map(Scope::FirstReports),
            Realm::Real if self.mode() == Mode::Incident => self.incident().map(Scope::FirstReports),
            Realm::Real => Some(Scope::Vacancies),
        }
    }

    /// The calls of a facility that count for what is asked now, the newest last.
    pub fn tries(&self, facility: &FacilityId, scope: &Scope<'_>) -> impl Iterator<Item = &'a Try> + use<'a> {
        let since = scope.since().unwrap_or_else(|| self.now.checked_sub(CALLS_COUNT).unwrap_or(Timestamp::MIN));
        let exercise = scope.realm() == Realm::Exercise;
        self.board.tries(facility).iter().filter(move |t| t.at >= since && t.exercise == exercise)
    }

    /// Everybody who owes an answer, and how far the answers have come. `order` is the order of districts people know.
    ///
    /// Looks at each facility once, in reading order, and asks of most of them nothing but whether it has answered; the caller keeps
    /// the result for one position of the board, because an order that changes with every call, report and minute has no index
    /// that would cost less.
    #[must_use]
    pub fn outstanding(&self, scope: Scope<'_>, order: &[DistrictId]) -> Outstanding {
        let mut list = Outstanding::default();
        let others = self.districts_of(None).map(|(d, _)| d).filter(|d| !order.contains(d));
        for (at, district) in order.iter().chain(others).enumerate().filter(|(_, d)| scope.asks(d)) {
            for facility in self.listed(None, district) {
                self.sort_in(&mut list, &scope, facility, at);
            }
        }
        if scope == Scope::Vacancies {
            (list.answered, list.asked) = self.reporting();
        }
        list.answered_at.sort_unstable();
        // Stable: of equals the order of reading.
        list.waiting.sort_by_key(|w| (w.later, w.pressing.rank()));
        list
    }

    fn sort_in(&self, list: &mut Outstanding, scope: &Scope<'_>, facility: &Arc<Facility>, district: usize) {
        let id = &facility.id;
        list.asked += 1;
        let known = match scope {
            Scope::Call(call) => match call.answers.get(id) {
                Some(answer) => {
                    list.answered += 1;
                    list.answered_at.push(answer.at);
                    *list.channels.entry(answer.channel).or_default() += 1;
                    return;
                }
                None => self.last_known(id, scope.realm()),
            },
            Scope::FirstReports(_) => {
                // Most have told nothing; only the others are looked up.
                let held = self.has_told(id, scope.realm()).then(|| self.board.find_facility(id)).flatten();
                if held.is_some_and(|h| self.shown(h, &Aspect::FirstReport, scope.realm()).current().is_some()) {
                    list.answered += 1;
                    return;
                }
                self.last_known(id, scope.realm())
            }
            Scope::Vacancies => match self.lateness(facility) {
                None => return,
                Some(Lateness::Unknown) => LastKnown::Unknown,
                Some(Lateness::Aging) => LastKnown::Aging,
            },
        };
        if facility.is_closed_on(self.today()) {
            list.closed.push(Arc::clone(facility));
            return;
        }
        let lived_in = facility.services.iter().any(|s| matches!(s.kind.group(), ServiceGroup::LiveIn | ServiceGroup::Hospital));
        let pressing = Pressing { known, island: facility.island.is_some(), lived_in };
        let later = self.tries(id, scope).last().and_then(|t| t.until).filter(|until| *until > self.now);
        list.waiting.push(Waiting { facility: Arc::clone(facility), pressing, district, later });
    }

    fn has_told(&self, id: &FacilityId, realm: Realm) -> bool {
        let index = self.board.index();
        if realm == Realm::Exercise { index.exercise.contains(id) } else { index.damage.contains(id) }
    }

    /// What a facility last said of its damage in a realm, as far as it makes a call urgent.
    #[must_use]
    pub fn last_known(&self, id: &FacilityId, realm: Realm) -> LastKnown {
        let held = self.has_told(id, realm).then(|| self.board.find_facility(id)).flatten();
        let Some(held) = held else { return LastKnown::Nothing };
        let map = if realm == Realm::Exercise { &held.exercise } else { &held.real };
        let open = self.incident_in(realm).map(|i| &i.id);
        let mut worst = LastKnown::Nothing;
        // Vacancies sort before everything else.
        for (aspect, standing) in map.range(Aspect::Operation..) {
            // A cry for help that nobody took back stands for the whole incident, however old it is.
            let help = standing.value == Value::FirstReport(FirstReport::NeedsHelp);
            let shown = self.shown(held, aspect, realm);
            let counts = shown.current().is_some() || help && open.is_some() && standing.incident.as_ref() == open;
            let known = match standing.value.condition() {
                _ if !counts => continue,
                _ if help => LastKnown::Help,
                Some(Condition::Bad) if *aspect != Aspect::Acceptance => LastKnown::Bad,
                Some(Condition::Limited) if *aspect != Aspect::Acceptance => LastKnown::Limited,
                _ => continue,
            };
            worst = worst.min(known);
        }
        worst
    }

    /// How late the vacancies of a facility are; `None` if it owes nothing. Planned closures are not looked at.
    #[must_use]
    pub fn lateness(&self, facility: &Facility) -> Option<Lateness> {
        if let Some(tally) = self.tally() {
            // Who has never said anything is counted by the register alone.
            let never = || facility.services.iter().any(|s| s.kind.grid().is_some()).then_some(Lateness::Unknown);
            return tally.lateness(&facility.id).unwrap_or_else(never);
        }
        let held = self.board.find_facility(&facility.id)?;
        Lateness::of(held.facility.services.iter().filter_map(|s| self.service_now(held, s)).map(|n| n.shown))
    }

    /// What a facility last said, worth reading before one calls: the worst of its damage in a realm, the worst first, then what
    /// else is known; stale values last.
    #[must_use]
    pub fn last_said(&self, held: &'a FacilityBoard, realm: Realm, most: usize) -> Vec<(&'a Aspect, Shown<'a>)> {
        let map = if realm == Realm::Exercise { &held.exercise } else { &held.real };
        let mut said: Vec<(&Aspect, Shown<'_>)> = map
            .range(Aspect::Operation..)
            .map(|(aspect, _)| (aspect, self.shown(held, aspect, realm)))
            .filter(|(_, shown)| *shown != Shown::Missing)
            .collect();
        said.sort_by_key(|(_, shown)| {
            let told = |s: &Standing| (std::cmp::Reverse(weight(&s.value)), std::cmp::Reverse(s.observed_at));
            (shown.current().is_none(), shown.last().map(told))
        });
        said.truncate(most);
        said
    }

    /// Reports of the last while, the newest first, of facilities that stand in the register.
    pub fn news(&self, since: Timestamp) -> impl Iterator<Item = &'a Told> + use<'a> {
        let board = self.board;
        let lately = board.recent().iter().rev().take_while(move |t| t.at >= since);
        lately.map(Arc::as_ref).filter(|t| board.find_facility(&t.facility).is_some())
    }

    /// Reports of which nobody knows whether they were meant for the exercise, the newest first: those after which their facility has
    /// said nothing more.
    pub fn unclear(&self) -> impl Iterator<Item = &'a Told> + use<'a> {
        let board = self.board;
        let now = self.now;
        let open = move |told: &&Told| {
            let held = board.find_facility(&told.facility);
            let last = held.and_then(|h| h.last_report.as_ref());
            now.duration_since(told.at) <= CALLS_COUNT && last.is_some_and(|l| l.report == told.report)
        };
        board.unclear().iter().rev().map(Arc::as_ref).filter(open)
    }
}

impl FacilityBoard {
    /// How the facility usually answers: the most frequent channel of its last reports; of equally frequent ones that of the newest.
    #[must_use]
    pub fn usual(&self) -> Option<Channel> {
        let mut counts: BTreeMap<Channel, (usize, usize)> = BTreeMap::new();
        let own = |c: &Channel| !matches!(c, Channel::Import | Channel::System);
        for (at, channel) in self.lately.iter().map(|r| r.channel).filter(own).enumerate() {
            let (n, newest) = counts.entry(channel).or_default();
            *n += 1;
            *newest = at;
        }
        counts.into_iter().max_by_key(|(_, often)| *often).map(|(channel, _)| channel)
    }
}
