//! The board at one moment: every question a page, display or feed may ask.
//!
//! A [`Moment`] joins the board with `now`, the rhythms and a realm-aware reading of standings. Invariant: no method
//! returns a stale value as current, and an exercise is only visible through [`Realm::Exercise`].

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::Serialize;

use crate::aspect::{Aspect, Condition, FirstReport, Level, Need, PLAIN_ASPECTS, Value};
use crate::board::{Board, FacilityBoard};
use crate::facility::Facility;
use crate::freshness::Rhythms;
use crate::id::{DistrictId, FacilityId, First, IncidentId};
use crate::incident::{Answer, Incident, Mode, RollCall, Severity};
use crate::index::Offered;
use crate::posting::{Posting, PostingKind};
use crate::service::{Cell, Grid, Service, ServiceKind, ServiceRow};
use crate::standing::{Channel, Freshness, Shown, Standing};
use crate::tally::Tally;

/// City time: Japan has one zone, nine hours ahead of UTC, and no summer time.
#[must_use]
pub fn city_time(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(9)))
}

/// The city date of a moment.
#[must_use]
pub fn city_date(at: Timestamp) -> Date {
    city_time(at).date()
}

/// Whether one looks at what is, or at what is being practised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Realm {
    /// What is.
    Real,
    /// 訓練
    Exercise,
}

/// Numbers of facilities per level: over kinds and districts never one merged symbol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LevelCounts {
    /// ◎
    pub plenty: u32,
    /// ○
    pub available: u32,
    /// △
    pub few: u32,
    /// ×
    pub full: u32,
    /// —
    pub not_offered: u32,
    /// ？ missing or stale
    pub unknown: u32,
}

impl LevelCounts {
    /// Counts one facility; `None` is unknown.
    pub fn add(&mut self, level: Option<Level>) {
        *self.of(level) += 1;
    }

    /// Counts one facility more or less.
    pub(crate) fn change(&mut self, level: Option<Level>, add: bool) {
        let n = self.of(level);
        *n = n.saturating_add_signed(if add { 1 } else { -1 });
    }

    /// Adds the counts of other facilities.
    pub fn add_all(&mut self, other: Self) {
        self.plenty += other.plenty;
        self.available += other.available;
        self.few += other.few;
        self.full += other.full;
        self.not_offered += other.not_offered;
        self.unknown += other.unknown;
    }

    /// The number of one level; `None` is unknown.
    #[must_use]
    pub fn number(mut self, level: Option<Level>) -> u32 {
        *self.of(level)
    }

    fn of(&mut self, level: Option<Level>) -> &mut u32 {
        match level {
            Some(Level::Plenty) => &mut self.plenty,
            Some(Level::Available) => &mut self.available,
            Some(Level::Few) => &mut self.few,
            Some(Level::Full) => &mut self.full,
            Some(Level::NotOffered) => &mut self.not_offered,
            None => &mut self.unknown,
        }
    }

    /// How many facilities were counted.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.plenty + self.available + self.few + self.full + self.not_offered + self.unknown
    }
}

/// Numbers of facilities per condition of one lifeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ConditionCounts {
    /// Usable.
    pub good: u32,
    /// With limits.
    pub limited: u32,
    /// Not usable.
    pub bad: u32,
    /// 未確認, missing or stale.
    pub unknown: u32,
}

impl ConditionCounts {
    /// Counts one facility; `None` is unknown.
    pub fn add(&mut self, condition: Option<Condition>) {
        *match condition {
            Some(Condition::Good) => &mut self.good,
            Some(Condition::Limited) => &mut self.limited,
            Some(Condition::Bad) => &mut self.bad,
            Some(Condition::Unconfirmed) | None => &mut self.unknown,
        } += 1;
    }
}

/// How much room one service has now, as one line of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceNow<'a> {
    /// The facility.
    pub facility: &'a FacilityBoard,
    /// The service.
    pub service: &'a Service,
    /// The cell that decides (the best one that may still be shown; else the newest stale one).
    pub cell: Option<Cell>,
    /// What may be shown of that cell.
    pub shown: Shown<'a>,
    /// Free places over all current cells, where numbers were said (beds only; on other grids that of `cell`).
    pub count: Option<u32>,
}

impl ServiceNow<'_> {
    /// The level that may be shown; `None` is unknown (？).
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.shown.current().and_then(|s| s.value.level())
    }

    /// When the shown value was true.
    #[must_use]
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.shown.last().map(|s| s.observed_at)
    }
}

/// One facility's damage, as one row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DamageRow<'a> {
    /// The facility.
    pub facility: &'a FacilityBoard,
    /// 第一報
    pub first_report: Shown<'a>,
    /// Every plain aspect that was ever reported, in form order.
    pub values: Vec<(Aspect, Shown<'a>)>,
    /// What is asked for, most urgent first; only if still current.
    pub needs: &'a [Need],
    /// The newest observation that may still be shown.
    pub observed_at: Option<Timestamp>,
}

impl<'a> DamageRow<'a> {
    /// What may be shown of one aspect.
    #[must_use]
    pub fn shown(&self, aspect: &Aspect) -> Shown<'a> {
        self.values.iter().find(|(a, _)| a == aspect).map_or(Shown::Missing, |(_, s)| *s)
    }

    /// The first report that may be shown as current.
    #[must_use]
    pub fn first(&self) -> Option<FirstReport> {
        match self.first_report.current()?.value {
            Value::FirstReport(v) => Some(v),
            _ => None,
        }
    }

    /// Whether the facility asks for help now.
    #[must_use]
    pub fn needs_help(&self) -> bool {
        self.first() == Some(FirstReport::NeedsHelp)
    }

    /// The worst current condition of any aspect: `Bad`, then `Limited`, `Unconfirmed`, `Good`; `None` if nothing is current.
    #[must_use]
    pub fn worst(&self) -> Option<Condition> {
        let rank = |c: &Condition| match c {
            Condition::Good => 0,
            Condition::Unconfirmed => 1,
            Condition::Limited => 2,
            Condition::Bad => 3,
        };
        self.values
            .iter()
            .filter(|(aspect, _)| *aspect != Aspect::Acceptance)
            .filter_map(|(_, shown)| shown.current()?.value.condition())
            .max_by_key(rank)
    }
}

/// First reports counted over the city.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FirstCounts {
    /// 助けが必要
    pub needs_help: u32,
    /// 一部支障
    pub impaired: u32,
    /// 無事
    pub safe: u32,
    /// 返事なし
    pub silent: u32,
}

/// A roll call as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RollCallNow<'a> {
    /// The roll call.
    pub call: &'a RollCall,
    /// Facilities asked, by district.
    pub districts: BTreeMap<DistrictId, DistrictAnswers<'a>>,
    /// Facilities asked.
    pub asked: u32,
    /// Facilities that answered.
    pub answered: u32,
    /// Answers by channel.
    pub channels: BTreeMap<Channel, u32>,
    /// When the answers counted here were recorded.
    pub answered_at: Vec<Timestamp>,
}

/// A roll call in one district.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DistrictAnswers<'a> {
    /// Facilities asked.
    pub asked: u32,
    /// Facilities that answered.
    pub answered: u32,
    /// Those that did not, by name.
    pub silent: Vec<&'a FacilityBoard>,
}

impl RollCallNow<'_> {
    /// Answers in percent, rounded down, so that 100 means all; 100 if nobody was asked.
    #[must_use]
    pub fn percent(&self) -> u32 {
        (self.answered * 100).checked_div(self.asked).unwrap_or(100)
    }

    /// Percent answered within this many minutes of the start.
    #[must_use]
    pub fn percent_after(&self, minutes: i64) -> u32 {
        if self.asked == 0 {
            return 100;
        }
        self.answered_after(minutes) * 100 / self.asked
    }

    /// How long it took until this share of those asked had answered; `None` if it never came to that.
    #[must_use]
    pub fn reached(&self, percent: u32) -> Option<SignedDuration> {
        let needed = usize::try_from((u64::from(self.asked) * u64::from(percent)).div_ceil(100)).ok()?;
        let mut at = self.answered_at.clone();
        at.sort_unstable();
        let last = *at.get(needed.checked_sub(1)?)?;
        // An answer that was recorded before the call by a clock set back is one of its first moment.
        Some(last.duration_since(self.call.opened_at).max(SignedDuration::ZERO))
    }

    /// How many had answered within this many minutes of the start.
    #[must_use]
    pub fn answered_after(&self, minutes: i64) -> u32 {
        let in_time = |at: &&Timestamp| at.duration_since(self.call.opened_at) <= SignedDuration::from_mins(minutes);
        // At most `answered`, so it fits.
        u32::try_from(self.answered_at.iter().filter(in_time).count()).unwrap_or(self.answered)
    }

    /// Until when answers count: its end, or now.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Timestamp {
        self.call.closed_at.unwrap_or(now)
    }
}

/// What would be asked where, and who can answer only by telephone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Facilities of the register.
    pub facilities: u32,
    /// Those with neither a report key nor a button.
    pub by_telephone: u32,
}

/// Free places of one day, for the chart and its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FreeOnDay {
    /// The day.
    pub day: Date,
    /// Free places by kind, over facilities whose value was not stale that day; `None` if there was none.
    pub free: Vec<(ServiceKind, Option<u32>)>,
}

/// When a value was true, and until when it may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Believed {
    /// When it was true.
    pub observed_at: Timestamp,
    /// From when it is past its rhythm; `None`: never.
    pub aging_at: Option<Timestamp>,
    /// From when it is unknown; `None`: never.
    pub stale_at: Option<Timestamp>,
    /// What it is now.
    pub freshness: Freshness,
}

/// The end of the city day of a moment; the end of time if the calendar ends first.
pub(crate) fn end_of_day(at: Timestamp) -> Timestamp {
    city_time(at).tomorrow().and_then(|z| z.start_of_day()).map_or(Timestamp::MAX, |z| z.timestamp())
}

/// The board at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The board.
    pub board: &'a Board,
    /// The moment.
    pub now: Timestamp,
    /// How fast values age.
    pub rhythms: &'a Rhythms,
    /// The incidents of now, looked up once because every value asks for them.
    real: Option<&'a Incident>,
    practised: Option<&'a Incident>,
    /// What is counted already, if somebody counts.
    tally: Option<&'a Tally>,
}

impl<'a> Moment<'a> {
    /// Looks at the board at `now`.
    #[must_use]
    pub fn new(board: &'a Board, now: Timestamp, rhythms: &'a Rhythms) -> Self {
        let open = || board.incidents().values().filter(|i| i.closed_at.is_none());
        let real = open().filter(|i| !i.exercise).max_by_key(|i| (i.severity, i.opened_at));
        let practised = open().filter(|i| i.exercise).max_by_key(|i| i.opened_at);
        Self { board, now, rhythms, real, practised, tally: None }
    }

    /// Looks at the board at `now` with what a tally of this board has counted; without it where it does not hold at `now`.
    #[must_use]
    pub fn counted(board: &'a Board, now: Timestamp, rhythms: &'a Rhythms, tally: &'a Tally) -> Self {
        match tally.holds(now, rhythms) {
            Some(now) => Self { tally: Some(tally), ..Self::new(board, now, rhythms) },
            None => Self::new(board, now, rhythms),
        }
    }

    pub(crate) fn tally(&self) -> Option<&'a Tally> {
        self.tally
    }

    /// The city date.
    #[must_use]
    pub fn today(&self) -> Date {
        city_date(self.now)
    }

    /// The open real incident or alert: incidents before alerts, then the newest.
    #[must_use]
    pub fn incident(&self) -> Option<&'a Incident> {
        self.real
    }

    /// The exercise under way, if any: the newest.
    #[must_use]
    pub fn exercise(&self) -> Option<&'a Incident> {
        self.practised
    }

    /// The incident of a realm.
    #[must_use]
    pub fn incident_in(&self, realm: Realm) -> Option<&'a Incident> {
        match realm {
            Realm::Real => self.incident(),
            Realm::Exercise => self.exercise(),
        }
    }

    /// The real mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.incident().map(|i| i.severity) {
            None => Mode::Peace,
            Some(Severity::Alert) => Mode::Alert,
            Some(Severity::Incident) => Mode::Incident,
        }
    }

    /// The mode whose rhythm a realm's damage ages by: an exercise practises with the shorter one.
    fn rhythm_mode(&self, realm: Realm) -> Mode {
        match realm {
            Realm::Real => self.mode(),
            Realm::Exercise => Mode::Incident,
        }
    }

    /// The facilities of the register.
    pub fn facilities(&self) -> impl Iterator<Item = &'a FacilityBoard> {
        self.board.facilities().values().map(Arc::as_ref).filter(|f| !f.retired)
    }

    /// The facilities of the register that have said anything.
    pub fn reported(&self) -> impl Iterator<Item = &'a FacilityBoard> {
        let board = self.board;
        board.index().reported.iter().filter_map(|id| board.find_facility(id))
    }

    /// Facilities whose first report in an incident or exercise was no "safe", the newest first, at most this many.
    pub fn first_told(&self, incident: &IncidentId, most: usize) -> impl Iterator<Item = &'a FacilityBoard> {
        let (board, of) = (self.board, incident.clone());
        let from = (incident.clone(), std::cmp::Reverse(Timestamp::MAX), FacilityId::first());
        let told = board.index().told.range(from..).take_while(move |(i, ..)| *i == of);
        told.filter_map(|(_, _, id)| board.find_facility(id)).take(most)
    }

    /// The facilities of the register that have ever said anything but vacancies in a realm.
    pub fn told(&self, realm: Realm) -> impl Iterator<Item = &'a FacilityBoard> {
        let board = self.board;
        let ids = if realm == Realm::Exercise { &board.index().exercise } else { &board.index().damage };
        ids.iter().filter_map(|id| board.find_facility(id))
    }

    /// What may be shown of one aspect of one facility. Vacancies are real in either realm.
    #[must_use]
    pub fn shown(&self, facility: &'a FacilityBoard, aspect: &Aspect, realm: Realm) -> Shown<'a> {
        let in_exercise = realm == Realm::Exercise && !aspect.is_vacancy();
        let map = if in_exercise { &facility.exercise } else { &facility.real };
        let Some(standing) = map.get(aspect) else {
            return Shown::Missing;
        };
        let incident = self.incident_in(realm);
        if in_exercise && standing.incident.as_ref() != incident.map(|i| &i.id) {
            return Shown::Missing;
        }
        // "Safe" or "open" said before this disaster began says nothing about it, nor does a cry for help of one that is over.
        // The end of an exercise says nothing about what is real, even if a real report names it.
        let over = |id| self.board.incidents().get(id).is_some_and(|i| i.closed_at.is_some() && i.exercise == standing.exercise);
        let before = incident.is_some_and(|i| standing.observed_at < i.opened_at);
        let void = match aspect {
            Aspect::FirstReport => before || standing.incident.as_ref().is_some_and(over),
            // An alert changes nothing yet.
            Aspect::Operation => before && incident.is_some_and(|i| i.severity == Severity::Incident),
            _ => false,
        };
        if void {
            return Shown::Stale(standing);
        }
        let mode = if aspect.is_vacancy() { self.mode() } else { self.rhythm_mode(realm) };
        self.aged(aspect, standing, mode)
    }

    fn aged<'s>(&self, aspect: &Aspect, standing: &'s Standing, mode: Mode) -> Shown<'s> {
        match self.rhythms.freshness(aspect, standing, mode, self.now) {
            Freshness::Fresh => Shown::Fresh(standing),
            Freshness::Aging => Shown::Aging(standing),
            Freshness::Stale => Shown::Stale(standing),
        }
    }

    /// What may be shown of one vacancy cell.
    #[must_use]
    pub fn cell(&self, facility: &'a FacilityBoard, service: &Service, cell: Cell) -> Shown<'a> {
        let aspect = Aspect::Vacancy { service: service.id.clone(), cell };
        self.shown(facility, &aspect, Realm::Real)
    }

    /// How much room a service has now; `None` for kinds without a grid.
    #[must_use]
    pub fn service_now(&self, facility: &'a FacilityBoard, service: &'a Service) -> Option<ServiceNow<'a>> {
        let grid = service.kind.grid()?;
        let cells = service.cells_now(self.today());
        let shown: Vec<(Cell, Shown<'a>)> = cells.into_iter().map(|c| (c, self.cell(facility, service, c))).collect();
        // Best level first; of equal levels the fresher, then the newer.
        let best = shown
            .iter()
            .filter_map(|(cell, s)| s.current().map(|standing| (*cell, *s, standing)))
            .min_by_key(|(_, s, standing)| (standing.value.level(), s.is_aging(), std::cmp::Reverse(standing.observed_at)));
        let (cell, deciding) = match best {
            Some((cell, s, _)) => (Some(cell), s),
            None => shown
                .iter()
                .filter_map(|(cell, s)| s.last().map(|l| (*cell, *s, l)))
                .max_by_key(|(_, _, l)| l.observed_at)
                .map_or((None, Shown::Missing), |(cell, s, _)| (Some(cell), s)),
        };
        let count = if grid == Grid::Beds {
            let counts: Vec<u32> = shown.iter().filter_map(|(_, s)| s.current()?.value.count()).collect();
            (!counts.is_empty()).then(|| counts.iter().sum())
        } else {
            deciding.current().and_then(|s| s.value.count())
        };
        Some(ServiceNow { facility, service, cell, shown: deciding, count })
    }

    /// Every service of this kind, best first: level, then district and name; unknown last.
    #[must_use]
    pub fn places(&self, kind: ServiceKind) -> Vec<ServiceNow<'a>> {
        let mut list: Vec<ServiceNow<'a>> = self
            .facilities()
            .flat_map(|f| f.facility.services.iter().filter(|s| s.kind == kind).filter_map(|s| self.service_now(f, s)))
            .collect();
        list.sort_by(|a, b| {
            let key = |p: &ServiceNow<'_>| (p.level().is_none(), p.level(), p.shown.is_aging());
            key(a)
                .cmp(&key(b))
                .then_with(|| b.count.cmp(&a.count))
                .then_with(|| a.facility.facility.district.cmp(&b.facility.facility.district))
                .then_with(|| a.facility.facility.name.cmp(&b.facility.facility.name))
        });
        list
    }

    /// Numbers of places per level for one kind, by district.
    #[must_use]
    pub fn level_counts(&self, kind: ServiceKind) -> BTreeMap<DistrictId, LevelCounts> {
        if let Some(tally) = self.tally {
            if kind.grid().is_none() {
                return BTreeMap::new();
            }
            let counts = |(district, offered): (&DistrictId, Offered)| {
                let mut counts = tally.levels(kind, Some(district));
                counts.unknown += offered.services.saturating_sub(counts.total());
                (district.clone(), counts)
            };
            return self.districts_of(Some(kind)).map(counts).collect();
        }
        let mut by_district: BTreeMap<DistrictId, LevelCounts> = BTreeMap::new();
        for place in self.places(kind) {
            by_district.entry(place.facility.facility.district.clone()).or_default().add(place.level());
        }
        by_district
    }

    /// Districts with facilities of a kind (`None`: any), and how many.
    pub(crate) fn districts_of(&self, kind: Option<ServiceKind>) -> impl Iterator<Item = (&'a DistrictId, Offered)> {
        let offered = &self.board.index().offered;
        offered.range((kind, DistrictId::first())..).take_while(move |((k, _), _)| *k == kind).map(|((_, d), o)| (d, *o))
    }

    /// How many facilities stand in the register.
    #[must_use]
    pub fn facility_count(&self) -> u32 {
        self.districts_of(None).map(|(_, o)| o.facilities).sum()
    }

    /// Facilities of the register by district.
    #[must_use]
    pub fn facilities_by_district(&self) -> BTreeMap<DistrictId, u32> {
        self.districts_of(None).map(|(d, o)| (d.clone(), o.facilities)).collect()
    }

    /// How many facilities offer a kind.
    #[must_use]
    pub fn offering(&self, kind: ServiceKind) -> u32 {
        self.districts_of(Some(kind)).map(|(_, o)| o.facilities).sum()
    }

    /// Whether anybody in these districts offers a kind; none means everywhere.
    #[must_use]
    pub fn is_offered(&self, kind: ServiceKind, districts: &[DistrictId]) -> bool {
        self.stands_in(Some(kind), districts)
    }

    /// Whether there is any facility in these districts; none means everywhere.
    #[must_use]
    pub fn has_facilities(&self, districts: &[DistrictId]) -> bool {
        self.stands_in(None, districts)
    }

    fn stands_in(&self, kind: Option<ServiceKind>, districts: &[DistrictId]) -> bool {
        if districts.is_empty() {
            return self.districts_of(kind).next().is_some();
        }
        districts.iter().any(|d| self.board.index().offered.contains_key(&(kind, d.clone())))
    }

    /// The records of one district that offer a kind (`None`: anything), in the order of their kana.
    pub fn listed(&self, kind: Option<ServiceKind>, district: &DistrictId) -> impl Iterator<Item = &'a Arc<Facility>> {
        self.board.index().members(kind, district)
    }

    /// Everything of a facility's record in which people search, in the form of [`crate::search_form`], one part a line.
    #[must_use]
    pub fn search_text(&self, facility: &FacilityId) -> &'a str {
        self.board.index().search.get(facility).map_or("", Arc::as_ref)
    }

    /// Whether a facility has ever said anything.
    #[must_use]
    pub fn has_reported(&self, facility: &FacilityId) -> bool {
        self.board.index().reported.contains(facility)
    }

    /// Numbers of facilities per level for every row of the vacancy table that anybody offers, by district. A facility
    /// with two kinds of one row counts there once, with its better level.
    #[must_use]
    pub fn row_counts(&self) -> BTreeMap<ServiceRow, BTreeMap<DistrictId, LevelCounts>> {
        let mut table: BTreeMap<ServiceRow, BTreeMap<DistrictId, LevelCounts>> = BTreeMap::new();
        if let Some(tally) = self.tally {
            for ((row, district), offered) in &self.board.index().rows {
                let mut counts = tally.row(*row, district);
                counts.unknown += offered.saturating_sub(counts.total());
                table.entry(*row).or_default().insert(district.clone(), counts);
            }
            return table;
        }
        for held in self.facilities() {
            // Known before unknown, then the order of levels.
            let mut best: BTreeMap<ServiceRow, (bool, Option<Level>)> = BTreeMap::new();
            for service in &held.facility.services {
                let (Some(row), Some(now)) = (service.kind.row(), self.service_now(held, service)) else { continue };
                let candidate = (now.level().is_none(), now.level());
                let held = best.entry(row).or_insert(candidate);
                *held = candidate.min(*held);
            }
            for (row, (_, level)) in best {
                table.entry(row).or_default().entry(held.facility.district.clone()).or_default().add(level);
            }
        }
        table
    }

    /// Until when what is shown of an aspect may be believed; `None` if nothing was ever said.
    #[must_use]
    pub fn believed(&self, aspect: &Aspect, shown: Shown<'_>, realm: Realm) -> Option<Believed> {
        let standing = shown.last()?;
        let mode = if realm == Realm::Exercise && !aspect.is_vacancy() { Mode::Incident } else { self.mode() };
        // A value of exactly its rhythm still counts, hence the millisecond.
        let after = |times: i32| {
            let span = self.rhythms.span(aspect, mode)? * times;
            standing.observed_at.checked_add(span + SignedDuration::from_millis(1)).ok()
        };
        let mut believed =
            Believed { observed_at: standing.observed_at, aging_at: after(1), stale_at: after(2), freshness: shown.freshness()? };
        // "Tonight" means nothing once the night is over, however fresh it was.
        if let Aspect::Vacancy { cell: Cell::Date(day), .. } = aspect
            && let Ok(over) = day.tomorrow().and_then(|next| next.to_zoned(city_time(self.now).time_zone().clone()))
        {
            let over = over.timestamp();
            believed.stale_at = Some(believed.stale_at.map_or(over, |at| at.min(over)));
        }
        Some(believed)
    }

    /// The same of a place. A sum of beds is only as good as the first of its parts to grow too old.
    #[must_use]
    pub fn believed_place(&self, place: &ServiceNow<'_>) -> Option<Believed> {
        let map = &place.facility.real;
        let of = |cell: Cell| {
            let aspect = Aspect::Vacancy { service: place.service.id.clone(), cell };
            let standing = map.get(&aspect)?;
            self.believed(&aspect, self.aged(&aspect, standing, self.mode()), Realm::Real)
        };
        let mut deciding = of(place.cell?)?;
        if matches!(place.cell, Some(Cell::Beds { .. })) {
            let cells = place.service.cells_now(self.today()).into_iter();
            let summed = cells.filter_map(of).filter(|b| b.freshness != Freshness::Stale).filter_map(|b| b.stale_at);
            deciding.stale_at = summed.chain(deciding.stale_at).min();
        }
        Some(deciding)
    }

    /// How a value of this kind of service ages that was observed then; its freshness is left to whoever knows it.
    pub(crate) fn believed_kind(&self, kind: ServiceKind, observed_at: Timestamp) -> Option<Believed> {
        let rhythm = self.rhythms.of_grid(kind.grid()?);
        let hours = if self.mode() == Mode::Incident { rhythm.incident_hours } else { rhythm.peace_hours };
        let after = |times: i64| {
            let span = SignedDuration::from_hours(i64::from(hours?) * times) + SignedDuration::from_millis(1);
            observed_at.checked_add(span).ok()
        };
        Some(Believed { observed_at, aging_at: after(1), stale_at: after(2), freshness: Freshness::Fresh })
    }

    /// When anything about one facility changes by time alone, the turn of the day apart.
    #[must_use]
    pub fn next_change_of(&self, held: &FacilityBoard) -> Option<Timestamp> {
        let mode = self.mode();
        let real = held.real.iter().map(|(a, s)| (a, s, mode));
        let exercise = held.exercise.iter().map(|(a, s)| (a, s, Mode::Incident));
        real.chain(exercise).filter_map(|(aspect, s, mode)| self.rhythms.next_change(aspect, s, mode, self.now)).min()
    }

    /// How many facilities have at least one vacancy that is not past its rhythm, and how many offer a grid at all.
    #[must_use]
    pub fn reporting(&self) -> (u32, u32) {
        if let Some(tally) = self.tally {
            return (tally.fresh(), self.board.index().with_grid);
        }
        let mut fresh = 0;
        let mut all = 0;
        for f in self.facilities() {
            let mut services = f.facility.services.iter().filter(|s| s.kind.grid().is_some()).peekable();
            if services.peek().is_none() {
                continue;
            }
            all += 1;
            if services.any(|s| self.service_now(f, s).is_some_and(|n| matches!(n.shown, Shown::Fresh(_)))) {
                fresh += 1;
            }
        }
        (fresh, all)
    }

    /// One facility's damage row.
    #[must_use]
    pub fn damage_of(&self, facility: &'a FacilityBoard, realm: Realm) -> DamageRow<'a> {
        let values: Vec<(Aspect, Shown<'a>)> = PLAIN_ASPECTS
            .iter()
            .map(|(aspect, _)| (aspect.clone(), self.shown(facility, aspect, realm)))
            .filter(|(_, shown)| *shown != Shown::Missing)
            .collect();
        let find = |wanted: &Aspect| values.iter().find(|(a, _)| a == wanted).map_or(Shown::Missing, |(_, s)| *s);
        let needs = match find(&Aspect::Needs).current().map(|s| &s.value) {
            Some(Value::Needs(list)) => list.as_slice(),
            _ => &[],
        };
        DamageRow {
            facility,
            first_report: find(&Aspect::FirstReport),
            needs,
            observed_at: values.iter().filter_map(|(_, s)| s.current()).map(|s| s.observed_at).max(),
            values,
        }
    }

    /// Every facility whose first report, operation or lifelines are not all good, worst first:
    /// help needed, then bad, then limited or unconfirmed; of equals the newest first.
    #[must_use]
    pub fn damage_rows(&self, realm: Realm) -> Vec<DamageRow<'a>> {
        let mut rows: Vec<DamageRow<'a>> = self
            .told(realm)
            .map(|f| self.damage_of(f, realm))
            .filter(|r| !r.needs.is_empty() || r.worst().is_some_and(|w| w != Condition::Good))
            .collect();
        rows.sort_by(|a, b| {
            let key = |r: &DamageRow<'_>| (!r.needs_help(), r.worst() != Some(Condition::Bad), r.needs.is_empty());
            key(a)
                .cmp(&key(b))
                .then_with(|| b.observed_at.cmp(&a.observed_at))
                .then_with(|| a.facility.facility.id.cmp(&b.facility.facility.id))
        });
        rows
    }

    /// First reports counted; facilities outside the incident's areas are left out.
    #[must_use]
    pub fn first_counts(&self, realm: Realm) -> FirstCounts {
        self.first_counts_in(realm, &[])
    }

    /// The same over these districts alone; none means everywhere.
    #[must_use]
    pub fn first_counts_in(&self, realm: Realm, districts: &[DistrictId]) -> FirstCounts {
        let mut counts = FirstCounts::default();
        let incident = self.incident_in(realm);
        let asked = |district: &DistrictId| incident.is_none_or(|i| covers(&i.areas, district)) && covers(districts, district);
        for f in self.told(realm).filter(|f| asked(&f.facility.district)) {
            let said = self.shown(f, &Aspect::FirstReport, realm).current().map(|s| &s.value);
            *match said {
                Some(Value::FirstReport(FirstReport::NeedsHelp)) => &mut counts.needs_help,
                Some(Value::FirstReport(FirstReport::Impaired)) => &mut counts.impaired,
                Some(Value::FirstReport(FirstReport::Safe)) => &mut counts.safe,
                _ => continue,
            } += 1;
        }
        // Whoever is not asked is not silent; everybody else who has said nothing is.
        let all: u32 = self.districts_of(None).filter(|(d, _)| asked(d)).map(|(_, o)| o.facilities).sum();
        counts.silent = all - counts.needs_help - counts.impaired - counts.safe;
        counts
    }

    /// One lifeline, by district.
    #[must_use]
    pub fn condition_counts(&self, aspect: &Aspect, realm: Realm) -> BTreeMap<DistrictId, ConditionCounts> {
        let silent =
            |(d, o): (&DistrictId, Offered)| (d.clone(), ConditionCounts { unknown: o.facilities, ..Default::default() });
        let mut by_district: BTreeMap<DistrictId, ConditionCounts> = self.districts_of(None).map(silent).collect();
        for f in self.told(realm) {
            let Some(standing) = self.shown(f, aspect, realm).current() else { continue };
            if let Some(counts) = by_district.get_mut(&f.facility.district) {
                counts.unknown -= 1;
                counts.add(standing.value.condition());
            }
        }
        by_district
    }

    /// The open roll call of a realm; the newest if there are several.
    #[must_use]
    pub fn roll_call(&self, realm: Realm) -> Option<RollCallNow<'a>> {
        Some(self.roll_call_now(self.open_call(realm)?))
    }

    /// Which roll call is open in a realm; the newest if there are several.
    #[must_use]
    pub fn open_call(&self, realm: Realm) -> Option<&'a RollCall> {
        let calls = self.board.roll_calls().values();
        calls.filter(|c| c.closed_at.is_none() && c.exercise == (realm == Realm::Exercise)).max_by_key(|c| c.opened_at)
    }

    /// How one roll call stands.
    #[must_use]
    pub fn roll_call_now(&self, call: &'a RollCall) -> RollCallNow<'a> {
        let mut now = RollCallNow {
            call,
            districts: BTreeMap::new(),
            asked: 0,
            answered: 0,
            channels: BTreeMap::new(),
            answered_at: Vec::new(),
        };
        for f in self.asked_by(call) {
            let district = now.districts.entry(f.facility.district.clone()).or_default();
            district.asked += 1;
            now.asked += 1;
            match call.answers.get(&f.facility.id) {
                Some(answer) => {
                    district.answered += 1;
                    now.answered += 1;
                    *now.channels.entry(answer.channel).or_default() += 1;
                    now.answered_at.push(answer.at);
                }
                None => district.silent.push(f),
            }
        }
        for district in now.districts.values_mut() {
            district.silent.sort_by(|a, b| a.facility.name.cmp(&b.facility.name));
        }
        now
    }

    /// Everybody a roll call asks; of one that is over everybody who was in the register when it ended, so that who came later is
    /// never counted as silent, nor who left since forgotten.
    fn asked_by(&self, call: &'a RollCall) -> impl Iterator<Item = &'a FacilityBoard> {
        let listed = move |f: &&FacilityBoard| match call.closed_at {
            None => !f.retired,
            Some(end) => f.since <= end && f.until.is_none_or(|until| until > end),
        };
        let all = self.board.facilities().values().map(Arc::as_ref);
        all.filter(listed).filter(|f| covers(&call.areas, &f.facility.district))
    }

    /// Everybody a roll call asks with their first answer, the quickest first, then the silent by district and name.
    #[must_use]
    pub fn answers_to(&self, call: &'a RollCall) -> Vec<(&'a FacilityBoard, Option<&'a Answer>)> {
        let mut list: Vec<_> = self.asked_by(call).map(|f| (f, call.answers.get(&f.facility.id))).collect();
        list.sort_by(|(f, a), (g, b)| {
            let at = |answer: &Option<&Answer>| (answer.is_none(), answer.map(|a| a.at));
            let place = |f: &FacilityBoard| (f.facility.district.clone(), f.facility.name.clone(), f.facility.id.clone());
            at(a).cmp(&at(b)).then_with(|| place(f).cmp(&place(g)))
        });
        list
    }

    /// The roll calls that were opened while an incident or exercise ran, the first first.
    #[must_use]
    pub fn roll_calls_of(&self, incident: &Incident) -> Vec<&'a RollCall> {
        let end = incident.closed_at.unwrap_or(Timestamp::MAX);
        let within = |c: &&RollCall| c.exercise == incident.exercise && incident.opened_at <= c.opened_at && c.opened_at <= end;
        let mut calls: Vec<&RollCall> = self.board.roll_calls().values().filter(within).collect();
        calls.sort_by_key(|c| c.opened_at);
        calls
    }

    /// Who would be asked, by district, and who of them has neither key nor button. Looks at every facility: a person asks it
    /// before a roll call, and the answer must be of that moment.
    #[must_use]
    pub fn reach(&self) -> BTreeMap<DistrictId, Reach> {
        let with_button: std::collections::BTreeSet<&FacilityId> = self.board.buttons().values().map(|b| &b.facility).collect();
        let mut by_district: BTreeMap<DistrictId, Reach> = BTreeMap::new();
        for f in self.facilities() {
            let id = &f.facility.id;
            let reach = by_district.entry(f.facility.district.clone()).or_default();
            reach.facilities += 1;
            let by_telephone = !with_button.contains(id) && self.board.keys_of(id).next().is_none();
            reach.by_telephone += u32::from(by_telephone);
        }
        by_district
    }

    /// Postings of one kind that the public may read now: pinned first, then the newest.
    #[must_use]
    pub fn public_postings(&self, kind: PostingKind) -> Vec<&'a Posting> {
        let ids = self.board.index().published(kind);
        let mut list: Vec<&Posting> =
            ids.filter_map(|id| self.board.postings().get(id)).map(Arc::as_ref).filter(|p| p.is_public(self.now)).collect();
        list.sort_by_key(|p| (!p.pinned, std::cmp::Reverse(p.publish_at), p.id.clone()));
        list
    }

    /// Released remarks of one facility, newest first.
    #[must_use]
    pub fn remarks(&self, facility: &FacilityId) -> Vec<&'a Posting> {
        let ids = self.board.index().remarks_of(facility);
        let mut list: Vec<&Posting> =
            ids.filter_map(|id| self.board.postings().get(id)).map(Arc::as_ref).filter(|p| p.is_public(self.now)).collect();
        list.sort_by_key(|p| (!p.pinned, std::cmp::Reverse(p.publish_at), p.id.clone()));
        list
    }

    /// Facilities that say they are short of staff, by their real standing, which may be old: look at it with [`Moment::shown`].
    pub fn short_of_staff(&self) -> impl Iterator<Item = &'a FacilityBoard> {
        let board = self.board;
        board.index().short_of_staff.iter().filter_map(|id| board.find_facility(id))
    }

    /// When something on the board changes next by time alone: a value ages, a posting appears or expires,
    /// or the day turns. Always later than `now`.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let midnight = end_of_day(self.now);
        let ages = match self.tally {
            Some(tally) => tally.next_due(),
            None => self.reported().filter_map(|f| self.next_change_of(f)).min(),
        };
        let postings = self.board.index().next_posting_time(self.now);
        ages.into_iter().chain(postings).min().map_or(midnight, |at| at.min(midnight))
    }

    /// Free places of the last `days` days by kind (`Beds` grids): each cell's newest count of that day or before,
    /// unless it was stale by then.
    #[must_use]
    pub fn free_by_day(&self, days: i32) -> Vec<FreeOnDay> {
        let today = self.today();
        let stale_days = self.rhythms.beds.peace_hours.map_or(i64::MAX, |h| i64::from(h) * 2 / 24);
        let mut sums: Vec<(Date, BTreeMap<ServiceKind, Option<u32>>)> = (0..days)
            .rev()
            .filter_map(|back| today.checked_sub(jiff::Span::new().days(back)).ok())
            .map(|day| (day, BTreeMap::new()))
            .collect();
        for f in self.reported() {
            for (aspect, history) in &f.history {
                let Aspect::Vacancy { service, cell } = aspect else { continue };
                // A cell the service no longer tells apart would be counted beside those that took its place.
                let Some(service) = f.facility.find_service(service).filter(|s| s.has_cell(*cell, today)) else { continue };
                for (day, kinds) in &mut sums {
                    let slot = kinds.entry(service.kind).or_default();
                    if let Some((seen, held)) = history.range(..=*day).next_back()
                        && day.duration_since(*seen).as_hours() / 24 <= stale_days
                        && let Some(count) = held.count
                    {
                        *slot = Some(slot.unwrap_or(0) + count);
                    }
                }
            }
        }
        sums.into_iter().map(|(day, kinds)| FreeOnDay { day, free: kinds.into_iter().collect() }).collect()
    }

    /// Whether the facility should have reported by now: something it offers is past its rhythm, and it is not closed as planned.
    #[must_use]
    pub fn is_late(&self, facility: &'a FacilityBoard) -> bool {
        !facility.facility.is_closed_on(self.today())
            && facility
                .facility
                .services
                .iter()
                .filter_map(|s| self.service_now(facility, s))
                .any(|n| !matches!(n.shown, Shown::Fresh(_)))
    }
}

pub(crate) fn covers(areas: &[DistrictId], district: &DistrictId) -> bool {
    areas.is_empty() || areas.contains(district)
}
