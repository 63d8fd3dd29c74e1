//! What reporting costs the facilities and what it gives (現場負担のモニタリング): small counters per day, read off the log.
//!
//! The counters live beside the board and not on it, because they count entries and a board believes them. They reach back
//! [`KEPT_DAYS`] days and are bounded whatever comes in; whoever keeps them reads them off the log again after a restart. They know
//! facilities and channels and nobody else. *Invariant:* a figure is never given without how many it was made from.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};

use crate::aspect::Aspect;
use crate::board::FacilityBoard;
use crate::entry::{Effort, Entry, Facts};
use crate::id::{FacilityId, PostingId, ServiceId};
use crate::moment::{Moment, city_date};
use crate::standing::Channel;

/// How many days are kept: the bars of 90 days, and with them always the whole of the three months before this one. One bit a day
/// fits a `u128`.
pub const KEPT_DAYS: i32 = 128;

/// The days of the punctuality bars.
pub const BAR_DAYS: i32 = 90;

/// Minutes that one report by telephone or FAX takes the city: answering, writing down, reading back, typing in.
///
/// Source: an assumption of ours and no measurement. A proxy entry is built to take 15 s of typing, a call in which every value is
/// read back takes two to three minutes. A city that has measured its own calls puts its own figure here; every page that uses
/// it prints it.
pub const MINUTES_PER_CALL: u32 = 3;

/// Below so many measured reports nothing is said about seconds and presses: a median of a handful is an anecdote.
pub const LEAST_EFFORTS: u32 = 10;
/// Below so many facilities nothing is said about a group: one facility is not "the FAX facilities".
pub const LEAST_FACILITIES: u32 = 3;
/// Below so many days of one group together nothing is said about its punctuality.
pub const LEAST_DAYS: u32 = 28;

/// Within so many minutes an answer to a roll call counts as prompt (FDMA: a first report within 30 minutes).
pub const PROMPT_MINUTES: i64 = 30;

/// Days of the city from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
}

impl Period {
    /// The last `days` days, `today` included.
    #[must_use]
    pub fn last(days: i32, today: Date) -> Self {
        Self { from: today.saturating_sub(Span::new().days(days - 1)), until: today }
    }

    /// A month, cut off after `today`; `None` if it has not begun.
    #[must_use]
    pub fn month(year: i16, month: i8, today: Date) -> Option<Self> {
        let from = Date::new(year, month, 1).ok()?;
        (from <= today).then(|| Self { from, until: from.last_of_month().min(today) })
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn has(&self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }

    /// Its days in order.
    pub fn days(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.from), |day| day.tomorrow().ok()).take_while(move |day| *day <= self.until)
    }
}

/// How a facility usually reports, over a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// By itself: QR, button, form, another program.
    Own,
    /// By telephone or FAX, typed in by the city: at least half of its reports.
    Proxy,
    /// It said nothing.
    Silent,
}

impl Group {
    /// Every group in the order people read them.
    pub const ALL: [Group; 3] = [Group::Own, Group::Proxy, Group::Silent];

    fn of(channels: &BTreeMap<Channel, u32>) -> Self {
        let all: u32 = channels.values().sum();
        let typed: u32 = channels.iter().filter(|(c, _)| is_proxy(**c)).map(|(_, n)| n).sum();
        match (all, typed) {
            (0, _) => Group::Silent,
            _ if typed * 2 >= all => Group::Proxy,
            _ => Group::Own,
        }
    }

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Group::Own => "own",
            Group::Proxy => "proxy",
            Group::Silent => "silent",
        }
    }
}

/// Whether the city typed it in.
#[must_use]
pub fn is_proxy(channel: Channel) -> bool {
    matches!(channel, Channel::Phone | Channel::Fax)
}

/// What one day brought, over the whole city.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct CityDay {
    channels: BTreeMap<Channel, u32>,
    in_exercise: u32,
    /// How many reports took so many seconds, and so many presses.
    seconds: BTreeMap<u16, u32>,
    taps: BTreeMap<u16, u32>,
    corrections: u32,
    sent_in: u32,
    returned: u32,
}

/// What is kept of one facility.
#[derive(Debug, Clone, Default)]
struct Kept {
    /// Reports by day and channel, in order; the days are those of recording.
    reports: BTreeMap<(Date, Channel), u16>,
    /// Per service the days on which something was observed or confirmed.
    seen: BTreeMap<ServiceId, Days>,
    /// When it came into the register, if that was within reach.
    since: Option<Date>,
}

/// A set of days: bit `n` is the day `n` days before `newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Days {
    newest: Date,
    bits: u128,
}

impl Days {
    fn one(day: Date) -> Self {
        Self { newest: day, bits: 1 }
    }

    fn add(&mut self, day: Date) {
        let ahead = days_between(self.newest, day);
        if ahead > 0 {
            self.bits = u32::try_from(ahead).ok().and_then(|n| self.bits.checked_shl(n)).unwrap_or(0) | 1;
            self.newest = day;
        } else if let Some(bit) = u32::try_from(-ahead).ok().and_then(|n| 1_u128.checked_shl(n)) {
            self.bits |= bit;
        }
    }

    /// Whether any of the `span` days up to `day` is in the set.
    fn any(&self, day: Date, span: i32) -> bool {
        (0..span).any(|back| {
            let n = days_between(day, self.newest) + back;
            u32::try_from(n).ok().and_then(|n| self.bits.checked_shr(n)).is_some_and(|bits| bits & 1 == 1)
        })
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    i32::try_from(to.duration_since(from).as_hours() / 24).unwrap_or(i32::MAX)
}

/// The counters; folds every entry once, in the order of the log.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    position: u64,
    first_day: Option<Date>,
    days: BTreeMap<Date, CityDay>,
    facilities: BTreeMap<FacilityId, Kept>,
    /// Postings that wait: one withdrawn while it waits was returned.
    waiting: BTreeMap<PostingId, Date>,
}

impl Ledger {
    /// Counters that begin after this position of the log.
    #[must_use]
    pub fn after(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// The last entry counted.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Counts the next entry. Gives the facility that this ledger sees enter the register: whether it is really new only the log knows,
    /// and who finds that it is not says so with [`Ledger::is_known`].
    pub fn apply(&mut self, entry: &Entry) -> Option<FacilityId> {
        self.position = entry.seq;
        let day = city_date(entry.recorded_at);
        self.first_day.get_or_insert(day);
        let new_day = !self.days.contains_key(&day);
        let city = self.days.entry(day).or_default();
        let mut enters = None;
        match &entry.facts {
            Facts::Report(report) => {
                *city.channels.entry(entry.channel).or_default() += 1;
                city.in_exercise += u32::from(report.exercise);
                if let Some(Effort { seconds, taps }) = report.effort {
                    *city.seconds.entry(seconds).or_default() += 1;
                    *city.taps.entry(taps).or_default() += 1;
                }
                let kept = self.facilities.entry(report.facility.clone()).or_default();
                let reports = kept.reports.entry((day, entry.channel)).or_default();
                *reports = reports.saturating_add(1);
                // Something typed in from yesterday's FAX made yesterday punctual, not today.
                let observed = city_date(report.observed_at).min(day);
                for said in &report.observations {
                    if let Aspect::Vacancy { service, .. } = &said.aspect {
                        match kept.seen.get_mut(service) {
                            Some(days) => days.add(observed),
                            None => drop(kept.seen.insert(service.clone(), Days::one(observed))),
                        }
                    }
                }
            }
            Facts::Corrected { .. } => city.corrections += 1,
            Facts::FacilityRegistered(facility) => {
                if !self.facilities.contains_key(&facility.id) {
                    self.facilities.insert(facility.id.clone(), Kept { since: Some(day), ..Kept::default() });
                    enters = Some(facility.id.clone());
                }
            }
            Facts::PostingDrafted { posting, facility: Some(_), .. } => {
                city.sent_in += 1;
                self.waiting.insert(posting.clone(), day);
            }
            Facts::PostingPublished { posting, .. } => drop(self.waiting.remove(posting)),
            Facts::PostingWithdrawn { posting } => city.returned += u32::from(self.waiting.remove(posting).is_some()),
            // A posting given back with a reason, whichever facts say so.
            other => city.returned += u32::from(other.kind() == "posting_returned"),
        }
        if new_day {
            self.forget_before(day.saturating_sub(Span::new().days(KEPT_DAYS - 1)));
        }
        enters
    }

    /// The facility stood in the register before the first entry counted here.
    pub fn is_known(&mut self, facility: &FacilityId) {
        if let Some(kept) = self.facilities.get_mut(facility) {
            kept.since = None;
        }
    }

    fn forget_before(&mut self, first: Date) {
        self.days.retain(|day, _| *day >= first);
        self.waiting.retain(|_, day| *day >= first);
        for kept in self.facilities.values_mut() {
            kept.reports.retain(|(day, _), _| *day >= first);
            kept.since = kept.since.filter(|day| *day >= first);
        }
        self.first_day = self.first_day.map(|day| day.max(first));
    }

    /// The figures of a period as the register and the roll calls stand at a moment; they begin with the first day that is kept.
    #[must_use]
    pub fn figures(&self, moment: &Moment<'_>, period: Period) -> Figures {
        let first_day = self.first_day.unwrap_or(period.until);
        // Weeks of which nothing was written down are no weeks without reports.
        let period = Period { from: period.from.max(first_day.min(period.until)), ..period };
        let mut figures = Figures::empty(period);
        for (day, city) in self.days.range(period.from..=period.until) {
            figures.add_day(*day, city);
        }
        let mut groups: BTreeMap<FacilityId, Group> = BTreeMap::new();
        let mut due_by_day: BTreeMap<Date, (u32, u32)> = BTreeMap::new();
        for held in moment.facilities() {
            let row = self.row(moment, held, period, first_day, &mut due_by_day);
            groups.insert(row.facility.clone(), row.group);
            let group = figures.groups.entry(row.group).or_default();
            group.facilities += 1;
            group.reports += row.reports();
            group.due_days += row.due_days;
            group.fresh_days += row.fresh_days;
            if let Some(percent) = row.percent() {
                group.shares.push(percent);
            }
            figures.rows.push(row);
        }
        for group in figures.groups.values_mut() {
            group.shares.sort_unstable();
        }
        figures.by_day = due_by_day.into_iter().map(|(day, (fresh, due))| DayShare { day, fresh, due }).collect();
        for (at, week) in figures.weeks.iter_mut().enumerate() {
            let until = week.monday.saturating_add(Span::new().days(6));
            week.facilities = u32::try_from(figures.rows.iter().filter(|r| r.weeks.get(at).is_some_and(|n| *n > 0)).count())
                .unwrap_or(u32::MAX);
            week.whole = period.has(week.monday) && period.has(until);
        }
        // The one to call next stands first: the least punctual, then by name.
        figures.rows.sort_by(|a, b| {
            a.percent()
                .is_none()
                .cmp(&b.percent().is_none())
                .then(a.percent().cmp(&b.percent()))
                .then_with(|| a.name.cmp(&b.name))
        });
        figures.calls = calls(moment, period, &groups);
        figures
    }

    fn row(
        &self,
        moment: &Moment<'_>,
        held: &FacilityBoard,
        period: Period,
        first_day: Date,
        due_by_day: &mut BTreeMap<Date, (u32, u32)>,
    ) -> FacilityRow {
        let record = &held.facility;
        let nothing = Kept::default();
        let kept = self.facilities.get(&record.id).unwrap_or(&nothing);
        let mut channels: BTreeMap<Channel, u32> = BTreeMap::new();
        let mut weeks = vec![0_u32; weeks_of(period).count()];
        for ((day, channel), n) in kept.reports.iter().filter(|((day, _), _)| period.has(*day)) {
            *channels.entry(*channel).or_default() += u32::from(*n);
            if let Some(week) = usize::try_from(days_between(monday(period.from), *day) / 7).ok().and_then(|at| weeks.get_mut(at))
            {
                *week += u32::from(*n);
            }
        }
        let spans: Vec<(&ServiceId, i32)> = record
            .services
            .iter()
            .filter_map(|s| {
                // Everyday rhythms: during an incident the roll call says who answers in time.
                let rhythm = moment.rhythms.of_grid(s.kind.grid()?).peace_hours?;
                Some((&s.id, i32::try_from(rhythm.div_ceil(24)).unwrap_or(i32::MAX).clamp(1, KEPT_DAYS)))
            })
            .collect();
        let mut row = FacilityRow {
            facility: record.id.clone(),
            name: record.name.clone(),
            group: Group::of(&channels),
            channels,
            weeks,
            bar: Vec::new(),
            due_days: 0,
            fresh_days: 0,
        };
        if spans.is_empty() {
            return row;
        }
        let since = kept.since.map_or(first_day, |day| day.max(first_day));
        for day in period.days() {
            let fresh = || spans.iter().all(|(service, span)| kept.seen.get(*service).is_some_and(|days| days.any(day, *span)));
            let state = if day < since {
                DayState::Unknown
            } else if record.is_closed_on(day) {
                DayState::Closed
            } else if fresh() {
                DayState::Fresh
            } else if day == moment.today() {
                // Whoever reports by midnight is in time.
                DayState::Unknown
            } else {
                DayState::Late
            };
            // Today is not over, so it counts for nobody yet.
            if day < moment.today() && matches!(state, DayState::Fresh | DayState::Late) {
                let of_day = due_by_day.entry(day).or_default();
                of_day.1 += 1;
                row.due_days += 1;
                if state == DayState::Fresh {
                    of_day.0 += 1;
                    row.fresh_days += 1;
                }
            }
            row.bar.push(state);
        }
        row
    }
}

/// The roll calls of a period, the newest first, and how each group answered.
fn calls(moment: &Moment<'_>, period: Period, groups: &BTreeMap<FacilityId, Group>) -> Vec<CallFigures> {
    /// Each looks at every facility asked.
    const MOST_CALLS: usize = 12;
    let mut calls: Vec<_> = moment.board.roll_calls().values().filter(|c| period.has(city_date(c.opened_at))).collect();
    calls.sort_by_key(|c| std::cmp::Reverse(c.opened_at));
    calls.truncate(MOST_CALLS);
    calls
        .into_iter()
        .map(|call| {
            let mut figures = CallFigures { opened_at: call.opened_at, exercise: call.exercise, groups: BTreeMap::new() };
            for held in moment.facilities() {
                let record = &held.facility;
                if !(call.areas.is_empty() || call.areas.contains(&record.district)) {
                    continue;
                }
                let group = groups.get(&record.id).copied().unwrap_or(Group::Silent);
                let answers = figures.groups.entry(group).or_default();
                answers.asked += 1;
                if let Some(answer) = call.answers.get(&record.id) {
                    answers.minutes.push(minutes(answer.at.duration_since(call.opened_at)));
                }
            }
            for answers in figures.groups.values_mut() {
                answers.minutes.sort_unstable();
            }
            figures
        })
        .collect()
}

fn minutes(after: SignedDuration) -> i64 {
    after.as_mins().max(0)
}

fn monday(day: Date) -> Date {
    day.saturating_sub(Span::new().days(i64::from(day.weekday().to_monday_zero_offset())))
}

fn weeks_of(period: Period) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(monday(period.from)), |m| Some(m.saturating_add(Span::new().days(7))))
        .take_while(move |m| *m <= period.until)
}

/// The value in the middle of counted values; of two the lower one.
fn median_of(counted: &BTreeMap<u16, u32>) -> Option<u16> {
    let all: u32 = counted.values().sum();
    let mut passed = 0;
    counted.iter().find_map(|(value, n)| {
        passed += n;
        (all > 0 && passed * 2 >= all).then_some(*value)
    })
}

/// The value below which so many percent of sorted values lie.
fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// How one day of one facility went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayState {
    /// At midnight every service had a value within its rhythm.
    Fresh,
    /// Something was past its rhythm.
    Late,
    /// Closed as planned.
    Closed,
    /// Before it was in the register, before our records, or not over yet.
    Unknown,
}

/// One facility over a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilityRow {
    /// Which.
    pub facility: FacilityId,
    /// Its name.
    pub name: String,
    /// How it usually reports.
    pub group: Group,
    /// Its reports by channel.
    pub channels: BTreeMap<Channel, u32>,
    /// Its reports by week of the period.
    pub weeks: Vec<u32>,
    /// Day by day; empty for one that reports no vacancies.
    pub bar: Vec<DayState>,
    /// Days on which it should have had fresh values.
    pub due_days: u32,
    /// Days on which it had.
    pub fresh_days: u32,
}

impl FacilityRow {
    /// All reports of the period.
    #[must_use]
    pub fn reports(&self) -> u32 {
        self.channels.values().sum()
    }

    /// Share of punctual days in percent, rounded down so that 100 means all; `None` where no day counted.
    #[must_use]
    pub fn percent(&self) -> Option<u32> {
        (self.fresh_days * 100).checked_div(self.due_days)
    }

    /// Reports a week over the period, in tenths; `None` for less than a week.
    #[must_use]
    pub fn tenths_a_week(&self, period: Period) -> Option<u32> {
        let days = u32::try_from(period.days().count()).ok().filter(|days| *days >= 7)?;
        Some(self.reports() * 70 / days)
    }
}

/// How the facilities of one group did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFigures {
    /// How many there are.
    pub facilities: u32,
    /// Their reports.
    pub reports: u32,
    /// Their days that count.
    pub due_days: u32,
    /// Their punctual days.
    pub fresh_days: u32,
    /// Percent of each facility of which any day counts, sorted.
    pub shares: Vec<u32>,
}

impl GroupFigures {
    /// Share of punctual days in percent; `None` while there are too few facilities or days to say anything.
    #[must_use]
    pub fn percent(&self) -> Option<u32> {
        let enough = self.shares.len() >= LEAST_FACILITIES as usize && self.due_days >= LEAST_DAYS;
        enough.then(|| (self.fresh_days * 100).checked_div(self.due_days)).flatten()
    }
}

/// How a group answered a roll call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Facilities asked.
    pub asked: u32,
    /// Minutes from the call to each answer, sorted.
    pub minutes: Vec<i64>,
}

impl Answers {
    /// How many answered.
    #[must_use]
    pub fn answered(&self) -> u32 {
        u32::try_from(self.minutes.len()).unwrap_or(u32::MAX)
    }

    /// How many answered within [`PROMPT_MINUTES`].
    #[must_use]
    pub fn prompt(&self) -> u32 {
        u32::try_from(self.minutes.iter().filter(|m| **m <= PROMPT_MINUTES).count()).unwrap_or(u32::MAX)
    }

    /// Percent that answered within [`PROMPT_MINUTES`]; `None` with fewer than [`LEAST_FACILITIES`] asked.
    #[must_use]
    pub fn prompt_percent(&self) -> Option<u32> {
        (self.asked >= LEAST_FACILITIES).then(|| (self.prompt() * 100).checked_div(self.asked)).flatten()
    }

    /// The answer in the middle of those that came, in minutes.
    #[must_use]
    pub fn median_minutes(&self) -> Option<i64> {
        middle(&self.minutes)
    }

    /// Together with the answers to another call.
    pub fn add(&mut self, other: &Answers) {
        self.asked += other.asked;
        self.minutes.extend(&other.minutes);
        self.minutes.sort_unstable();
    }
}

/// One roll call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFigures {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// 訓練
    pub exercise: bool,
    /// Answers by group.
    pub groups: BTreeMap<Group, Answers>,
}

/// One week of the city.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week {
    /// Its first day.
    pub monday: Date,
    /// All seven days lie in the period.
    pub whole: bool,
    /// Reports by channel.
    pub channels: BTreeMap<Channel, u32>,
    /// Facilities that reported at all.
    pub facilities: u32,
    /// Reports taken back.
    pub corrections: u32,
    /// Notices and jobs that facilities sent in.
    pub sent_in: u32,
    /// Of those given back or refused.
    pub returned: u32,
    seconds: BTreeMap<u16, u32>,
    taps: BTreeMap<u16, u32>,
}

impl Week {
    /// All its reports.
    #[must_use]
    pub fn reports(&self) -> u32 {
        self.channels.values().sum()
    }

    /// What reporting cost in it.
    #[must_use]
    pub fn effort(&self) -> EffortFigures {
        EffortFigures::of(&self.seconds, &self.taps)
    }
}

/// What the measured reports cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffortFigures {
    /// How many were measured.
    pub measured: u32,
    /// The one in the middle, in seconds; `None` below [`LEAST_EFFORTS`].
    pub seconds: Option<u16>,
    /// The one in the middle, in presses.
    pub taps: Option<u16>,
}

impl EffortFigures {
    fn of(seconds: &BTreeMap<u16, u32>, taps: &BTreeMap<u16, u32>) -> Self {
        let measured = seconds.values().sum();
        let enough = measured >= LEAST_EFFORTS;
        Self { measured, seconds: median_of(seconds).filter(|_| enough), taps: median_of(taps).filter(|_| enough) }
    }
}

/// How many facilities were punctual on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayShare {
    /// The day.
    pub day: Date,
    /// Punctual ones.
    pub fresh: u32,
    /// Of so many.
    pub due: u32,
}

impl DayShare {
    /// In percent, rounded down.
    #[must_use]
    pub fn percent(&self) -> Option<u32> {
        (self.fresh * 100).checked_div(self.due)
    }
}

/// All figures of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Of which days.
    pub period: Period,
    /// Reports by channel.
    pub channels: BTreeMap<Channel, u32>,
    /// Of them in an exercise.
    pub in_exercise: u32,
    /// Reports taken back.
    pub corrections: u32,
    /// Notices and jobs that facilities sent in.
    pub sent_in: u32,
    /// Of those given back or refused.
    pub returned: u32,
    /// Week by week, the first one first.
    pub weeks: Vec<Week>,
    /// Day by day, where any facility counts.
    pub by_day: Vec<DayShare>,
    /// The groups.
    pub groups: BTreeMap<Group, GroupFigures>,
    /// The facilities of the register, the least punctual first.
    pub rows: Vec<FacilityRow>,
    /// Roll calls, the newest first.
    pub calls: Vec<CallFigures>,
    seconds: BTreeMap<u16, u32>,
    taps: BTreeMap<u16, u32>,
}

impl Figures {
    fn empty(period: Period) -> Self {
        let week = |monday| Week {
            monday,
            whole: false,
            channels: BTreeMap::new(),
            facilities: 0,
            corrections: 0,
            sent_in: 0,
            returned: 0,
            seconds: BTreeMap::new(),
            taps: BTreeMap::new(),
        };
        Self {
            period,
            channels: BTreeMap::new(),
            in_exercise: 0,
            corrections: 0,
            sent_in: 0,
            returned: 0,
            weeks: weeks_of(period).map(week).collect(),
            by_day: Vec::new(),
            groups: BTreeMap::new(),
            rows: Vec::new(),
            calls: Vec::new(),
            seconds: BTreeMap::new(),
            taps: BTreeMap::new(),
        }
    }

    fn add_day(&mut self, day: Date, city: &CityDay) {
        let week = self.weeks.iter_mut().rev().find(|w| w.monday <= day);
        fn add<K: Ord + Copy>(to: &mut BTreeMap<K, u32>, from: &BTreeMap<K, u32>) {
            for (key, n) in from {
                *to.entry(*key).or_default() += n;
            }
        }
        add(&mut self.channels, &city.channels);
        add(&mut self.seconds, &city.seconds);
        add(&mut self.taps, &city.taps);
        self.in_exercise += city.in_exercise;
        self.corrections += city.corrections;
        self.sent_in += city.sent_in;
        self.returned += city.returned;
        if let Some(week) = week {
            add(&mut week.channels, &city.channels);
            add(&mut week.seconds, &city.seconds);
            add(&mut week.taps, &city.taps);
            week.corrections += city.corrections;
            week.sent_in += city.sent_in;
            week.returned += city.returned;
        }
    }

    /// All reports.
    #[must_use]
    pub fn reports(&self) -> u32 {
        self.channels.values().sum()
    }

    /// Reports that the facilities sent by themselves: QR, form, button.
    #[must_use]
    pub fn own_reports(&self) -> u32 {
        let own = [Channel::Qr, Channel::Form, Channel::Button];
        self.channels.iter().filter(|(c, _)| own.contains(c)).map(|(_, n)| n).sum()
    }

    /// Reports that the city typed in.
    #[must_use]
    pub fn proxy_reports(&self) -> u32 {
        self.channels.iter().filter(|(c, _)| is_proxy(**c)).map(|(_, n)| n).sum()
    }

    /// Minutes of telephoning and typing that the city was spared, by [`MINUTES_PER_CALL`].
    #[must_use]
    pub fn minutes_saved(&self) -> u32 {
        self.own_reports() * MINUTES_PER_CALL
    }

    /// What reporting cost.
    #[must_use]
    pub fn effort(&self) -> EffortFigures {
        EffortFigures::of(&self.seconds, &self.taps)
    }

    /// All groups together.
    #[must_use]
    pub fn everybody(&self) -> GroupFigures {
        let mut all = GroupFigures::default();
        for group in self.groups.values() {
            all.facilities += group.facilities;
            all.reports += group.reports;
            all.due_days += group.due_days;
            all.fresh_days += group.fresh_days;
            all.shares.extend(&group.shares);
        }
        all.shares.sort_unstable();
        all
    }

    /// The answers of each group to all roll calls of a realm.
    #[must_use]
    pub fn answers(&self, exercise: bool) -> BTreeMap<Group, Answers> {
        let mut sum: BTreeMap<Group, Answers> = BTreeMap::new();
        for call in self.calls.iter().filter(|c| c.exercise == exercise) {
            for (group, answers) in &call.groups {
                sum.entry(*group).or_default().add(answers);
            }
        }
        sum
    }

    /// Reports a week of the facility in the middle, in tenths; `None` for less than a week or with fewer than
    /// [`LEAST_FACILITIES`] that report at all.
    #[must_use]
    pub fn usual_tenths_a_week(&self) -> Option<u32> {
        let mut each: Vec<u32> =
            self.rows.iter().filter(|r| r.reports() > 0).filter_map(|r| r.tenths_a_week(self.period)).collect();
        each.sort_unstable();
        middle(&each).filter(|_| each.len() >= LEAST_FACILITIES as usize)
    }
}
