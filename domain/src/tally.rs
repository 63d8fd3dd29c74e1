//! What ages, counted: levels by kind and district, the best place of each kind, and when anything changes by time alone.
//!
//! A page of a city of sixty thousand facilities must not look at all of them again because one has reported. The tally
//! counts each facility once and again only when it reports or when one of its values ages. It belongs to one board and
//! is thrown away with it. *Invariant:* the tally kept by difference equals the tally counted anew at the same moment.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::aspect::Level;
use crate::board::{Board, Change, FacilityBoard, View};
use crate::calls::Lateness;
use crate::facility::Facility;
use crate::freshness::Rhythms;
use crate::id::{DistrictId, FacilityId};
use crate::incident::Mode;
use crate::moment::{Believed, LevelCounts, Moment, ServiceNow, end_of_day};
use crate::service::{Grid, ServiceKind, ServiceRow};
use crate::standing::{Freshness, Shown};

/// Things and how often each is there.
#[derive(Debug, Clone, PartialEq)]
struct Bag<K>(BTreeMap<K, u32>);

impl<K> Default for Bag<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Bag<K> {
    fn change(&mut self, item: K, add: bool) {
        match self.0.get_mut(&item) {
            Some(n) if add => *n += 1,
            Some(n) if *n > 1 => *n -= 1,
            Some(_) => {
                self.0.remove(&item);
            }
            None if add => {
                self.0.insert(item, 1);
            }
            None => {}
        }
    }
}

fn change<K: Ord>(set: &mut BTreeSet<K>, item: K, add: bool) {
    if add {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

/// A record ordered by its name, then its id.
#[derive(Debug, Clone)]
struct ByName(Arc<Facility>);

impl ByName {
    fn key(&self) -> (&DistrictId, &str, &FacilityId) {
        (&self.0.district, &self.0.name, &self.0.id)
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByName {}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// A service of a facility by its position in the record.
type At = (ByName, usize);

/// What one service shows, without borrowing.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    kind: ServiceKind,
    at: At,
    level: Option<Level>,
    count: Option<u32>,
    believed: Option<Believed>,
}

impl Place {
    fn of(m: &Moment<'_>, held: &FacilityBoard, position: usize, now: &ServiceNow<'_>) -> Self {
        Self {
            kind: now.service.kind,
            at: (ByName(Arc::clone(&held.facility)), position),
            level: now.level(),
            count: now.count,
            believed: m.believed_place(now),
        }
    }
}

/// Best first: level, fresh before aging, more free places, district, name.
type Rank = (Level, bool, Reverse<Option<u32>>, At);

/// All places of one kind in one district, or in the whole city.
#[derive(Debug, Clone, Default, PartialEq)]
struct Room {
    levels: LevelCounts,
    fresh: u32,
    /// Places with a current value that is not "not offered".
    ranked: BTreeSet<Rank>,
    /// Until when their values may be believed: exactly, and in steps.
    dues: Bag<(Level, Option<Timestamp>)>,
    steps: Bag<(Level, Option<Timestamp>)>,
    observed: Bag<Timestamp>,
    /// Every place that ever said something, the newest last.
    said: BTreeSet<(Timestamp, At)>,
}

/// Steps of the browser's own ageing where there are too many places to name each.
const STEP_S: i64 = 6 * 3600;
/// Up to this many places each has its own time: a report must not carry the times of hundreds of other places to every wall.
const MOST_EXACT: usize = 12;

fn step_before(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(STEP_S) * STEP_S).unwrap_or(at)
}

impl Room {
    fn change(&mut self, place: &Place, add: bool) {
        self.levels.change(place.level, add);
        let Some(believed) = place.believed.filter(|_| place.level != Some(Level::NotOffered)) else { return };
        change(&mut self.said, (believed.observed_at, place.at.clone()), add);
        let Some(level) = place.level else { return };
        let aging = believed.freshness == Freshness::Aging;
        if !aging {
            self.fresh = self.fresh.saturating_add_signed(if add { 1 } else { -1 });
        }
        change(&mut self.ranked, (level, aging, Reverse(place.count), place.at.clone()), add);
        self.dues.change((level, believed.stale_at), add);
        self.steps.change((level, believed.stale_at.map(step_before)), add);
        self.observed.change(believed.observed_at, add);
    }
}

/// Rooms by kind and district; `None` is the whole city.
type Rooms = BTreeMap<(ServiceKind, Option<DistrictId>), Room>;

fn change_rooms(rooms: &mut Rooms, place: &Place, add: bool) {
    for district in [None, Some(place.at.0.0.district.clone())] {
        let key = (place.kind, district);
        let room = rooms.entry(key.clone()).or_default();
        room.change(place, add);
        if room.levels.total() == 0 {
            rooms.remove(&key);
        }
    }
}

/// What one facility contributes.
#[derive(Debug, Clone, PartialEq)]
struct Counted {
    places: Vec<Place>,
    rows: Vec<(ServiceRow, DistrictId, Option<Level>)>,
    fresh: bool,
    late: Option<Lateness>,
    /// When any of this changes by time alone.
    due: Option<Timestamp>,
}

impl Counted {
    /// Of a facility that has said something; the others are counted by what they offer.
    fn of(m: &Moment<'_>, held: &FacilityBoard) -> Self {
        let services = || held.facility.services.iter().enumerate();
        let now: Vec<(usize, ServiceNow<'_>)> =
            services().filter_map(|(at, s)| m.service_now(held, s).map(|now| (at, now))).collect();
        let mut best: BTreeMap<ServiceRow, (bool, Option<Level>)> = BTreeMap::new();
        for (_, now) in &now {
            let Some(row) = now.service.kind.row() else { continue };
            let candidate = (now.level().is_none(), now.level());
            let held = best.entry(row).or_insert(candidate);
            *held = candidate.min(*held);
        }
        let turns_with_the_day = services().any(|(_, s)| s.kind.grid() == Some(Grid::Dates));
        let midnight = turns_with_the_day.then(|| end_of_day(m.now));
        let district = &held.facility.district;
        Self {
            fresh: now.iter().any(|(_, n)| matches!(n.shown, Shown::Fresh(_))),
            late: Lateness::of(now.iter().map(|(_, n)| n.shown)),
            places: now.iter().map(|(at, n)| Place::of(m, held, *at, n)).collect(),
            rows: best.into_iter().map(|(row, (_, level))| (row, district.clone(), level)).collect(),
            due: m.next_change_of(held).into_iter().chain(midnight).min(),
        }
    }
}

/// The counts of one board, kept by difference.
#[derive(Debug)]
pub struct Tally {
    rhythms: Rhythms,
    /// Since when the counts are true; `None`: everything has to be counted anew.
    at: Option<Timestamp>,
    mode: Mode,
    counted: HashMap<FacilityId, Counted>,
    /// Who changed since the counts were made; counted when somebody looks, so that a report nobody looks at costs no counting.
    changed: BTreeSet<FacilityId>,
    due: BTreeSet<(Timestamp, FacilityId)>,
    rows: BTreeMap<(ServiceRow, DistrictId), LevelCounts>,
    rooms: Rooms,
    fresh: u32,
    recounts: u64,
}

impl PartialEq for Tally {
    /// Whether both count the same; how they came to it is no part of that.
    fn eq(&self, other: &Self) -> bool {
        self.rhythms == other.rhythms
            && self.counted == other.counted
            && self.due == other.due
            && self.rows == other.rows
            && self.rooms == other.rooms
            && self.fresh == other.fresh
    }
}

/// A thread that read the clock just before another one counted sees the counts of that moment.
const SLACK: SignedDuration = SignedDuration::from_secs(2);

impl Tally {
    /// An empty tally; [`Self::advance`] counts.
    #[must_use]
    pub fn new(rhythms: Rhythms) -> Self {
        Self {
            rhythms,
            at: None,
            mode: Mode::Peace,
            counted: HashMap::new(),
            changed: BTreeSet::new(),
            due: BTreeSet::new(),
            rows: BTreeMap::new(),
            rooms: BTreeMap::new(),
            fresh: 0,
            recounts: 0,
        }
    }

    /// The moment near `now` at which these counts are true for these rhythms; `None`: [`Self::advance`] first.
    #[must_use]
    pub fn holds(&self, now: Timestamp, rhythms: &Rhythms) -> Option<Timestamp> {
        let at = self.at.filter(|_| self.rhythms == *rhythms && self.changed.is_empty())?;
        let now = if now < at && at.duration_since(now) <= SLACK { at } else { now };
        (at <= now && self.due.first().is_none_or(|(due, _)| now < *due)).then_some(now)
    }

    /// How many facilities were counted so far, each time anew: what one report or one deadline costs.
    #[must_use]
    pub fn recounts(&self) -> u64 {
        self.recounts
    }

    /// Takes in what one entry changed; [`Self::advance`] counts it.
    pub fn note(&mut self, change: &Change) {
        if change.views.contains(&View::Mode) {
            // Other rhythms, and what was said before a disaster says nothing in it.
            self.at = None;
        }
        if self.at.is_some() {
            let facilities = change.views.iter().filter_map(|view| if let View::Facility(id) = view { Some(id) } else { None });
            self.changed.extend(facilities.cloned());
        }
    }

    /// Counts again who has changed and whose values have aged; everything if the clock went back or the mode has changed.
    pub fn advance(&mut self, board: &Board, now: Timestamp) {
        if self.at.is_none_or(|at| now < at && at.duration_since(now) > SLACK) {
            *self = Self { recounts: self.recounts, ..Self::new(self.rhythms) };
            let m = Moment::new(board, now, &self.rhythms);
            self.mode = m.mode();
            for id in &board.index().reported {
                self.recount(board, now, id);
            }
            self.at = Some(now);
            return;
        }
        // Never back in time: what others counted at `at` stays as it is.
        let now = self.at.map_or(now, |at| at.max(now));
        for id in std::mem::take(&mut self.changed) {
            self.recount(board, now, &id);
            self.at = Some(now);
        }
        let mut aged = Vec::new();
        while let Some((_, id)) = self.due.first().filter(|(due, _)| *due <= now).cloned() {
            self.due.pop_first();
            aged.push(id);
        }
        for id in aged {
            // The counts of everybody else are true at `now` too, because their time has not come.
            self.recount(board, now, &id);
            self.at = Some(now);
        }
    }

    fn recount(&mut self, board: &Board, now: Timestamp, id: &FacilityId) {
        self.recounts += 1;
        if let Some(old) = self.counted.remove(id) {
            self.change(id, &old, false);
        }
        let Some(held) = board.find_facility(id).filter(|h| !h.real.is_empty() || !h.exercise.is_empty()) else { return };
        let new = Counted::of(&Moment::new(board, now, &self.rhythms), held);
        self.change(id, &new, true);
        self.counted.insert(held.facility.id.clone(), new);
    }

    fn change(&mut self, id: &FacilityId, counted: &Counted, add: bool) {
        if let Some(due) = counted.due {
            change(&mut self.due, (due, id.clone()), add);
        }
        if counted.fresh {
            self.fresh = self.fresh.saturating_add_signed(if add { 1 } else { -1 });
        }
        for (row, district, level) in &counted.rows {
            let key = (*row, district.clone());
            let counts = self.rows.entry(key.clone()).or_default();
            counts.change(*level, add);
            if counts.total() == 0 {
                self.rows.remove(&key);
            }
        }
        for place in &counted.places {
            change_rooms(&mut self.rooms, place, add);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// How late a facility is that has said something; `None` for those counted by the register alone.
    pub(crate) fn lateness(&self, id: &FacilityId) -> Option<Option<Lateness>> {
        self.counted.get(id).map(|counted| counted.late)
    }

    pub(crate) fn fresh(&self) -> u32 {
        self.fresh
    }

    pub(crate) fn row(&self, row: ServiceRow, district: &DistrictId) -> LevelCounts {
        self.rows.get(&(row, district.clone())).copied().unwrap_or_default()
    }

    pub(crate) fn levels(&self, kind: ServiceKind, district: Option<&DistrictId>) -> LevelCounts {
        self.rooms.get(&(kind, district.cloned())).map(|r| r.levels).unwrap_or_default()
    }
}

/// One kind of service in some districts, as a wall sums it up.
#[derive(Debug, Clone, PartialEq)]
pub struct KindNow<'a> {
    /// Places by level.
    pub counts: LevelCounts,
    /// The best place with room.
    pub first: Option<ServiceNow<'a>>,
    /// The place that spoke last, whatever it said and however long ago.
    pub newest: Option<ServiceNow<'a>>,
    /// Other places about as good as the first: by district, in the order of ids.
    pub beside: Vec<(DistrictId, u32)>,
    /// When the first of those is too old.
    pub beside_stale_at: Option<Timestamp>,
    /// How old "nothing free" is, if there is none with room: as good as the best of the answers behind it; without a
    /// current one, the newest old answer.
    pub nothing: Option<Believed>,
    /// Until when how many places keep which level: exact for few places, for many in steps that are never too late.
    pub dues: Vec<(Level, Option<Timestamp>, u32)>,
}

impl<'a> Moment<'a> {
    /// Sums up one kind of service in these districts; none means everywhere.
    #[must_use]
    pub fn kind_now(&self, kind: ServiceKind, districts: &[DistrictId]) -> KindNow<'a> {
        let counted;
        let rooms = match self.tally() {
            Some(tally) => &tally.rooms,
            None => {
                counted = self.count_rooms(kind);
                &counted
            }
        };
        let keys: Vec<Option<DistrictId>> =
            if districts.is_empty() { vec![None] } else { districts.iter().cloned().map(Some).collect() };
        let of_kind: Vec<&Room> = keys.iter().filter_map(|d| rooms.get(&(kind, d.clone()))).collect();
        let mut counts = LevelCounts::default();
        for (key, levels) in keys.iter().map(|d| (d, rooms.get(&(kind, d.clone())).map(|r| r.levels).unwrap_or_default())) {
            counts.add_all(levels);
            let offered = self.offered(kind, key.as_ref());
            counts.unknown += offered.saturating_sub(levels.total());
        }
        let with_room = |room: &&'_ Room| room.ranked.first().filter(|(level, ..)| *level <= Level::Few).cloned();
        let best = of_kind.iter().filter_map(with_room).min();
        let first = best.as_ref().and_then(|(.., at)| self.place_at(at));
        let newest = of_kind.iter().filter_map(|r| r.said.last()).max().and_then(|(_, at)| self.place_at(at));
        let mut beside = Vec::new();
        let mut beside_stale_at = None;
        if let (Some((level, .., at)), Some(first)) = (&best, &first) {
            // Beside a facility with room, only others that also have some; a row of △ counts the other △.
            let bar = if *level == Level::Few { Level::Few } else { Level::Available };
            let own = self.believed_place(first).and_then(|b| b.stale_at);
            beside_stale_at = others_due(&of_kind, bar, (*level, own));
            beside = self.beside(rooms, kind, districts, bar, &at.0.0.district);
        }
        KindNow {
            counts,
            first,
            newest,
            beside,
            beside_stale_at,
            nothing: best.is_none().then(|| self.nothing(kind, &of_kind)).flatten(),
            dues: dues(&of_kind),
        }
    }

    /// Places of the kind in the register, silent ones too.
    fn offered(&self, kind: ServiceKind, district: Option<&DistrictId>) -> u32 {
        if kind.grid().is_none() {
            return 0;
        }
        let offered = &self.board.index().offered;
        let of = |district: &DistrictId| offered.get(&(Some(kind), district.clone())).map_or(0, |o| o.services);
        match district {
            Some(district) => of(district),
            None => self.districts_of(Some(kind)).map(|(_, o)| o.services).sum(),
        }
    }

    fn count_rooms(&self, kind: ServiceKind) -> Rooms {
        let mut rooms = Rooms::new();
        for held in self.facilities() {
            for (at, service) in held.facility.services.iter().enumerate().filter(|(_, s)| s.kind == kind) {
                if let Some(now) = self.service_now(held, service) {
                    change_rooms(&mut rooms, &Place::of(self, held, at, &now), true);
                }
            }
        }
        rooms
    }

    fn place_at(&self, (facility, position): &At) -> Option<ServiceNow<'a>> {
        let held = self.board.find_facility(&facility.0.id)?;
        self.service_now(held, held.facility.services.get(*position)?)
    }

    fn beside(
        &self,
        rooms: &Rooms,
        kind: ServiceKind,
        districts: &[DistrictId],
        bar: Level,
        own: &DistrictId,
    ) -> Vec<(DistrictId, u32)> {
        let as_good = |room: &Room| match bar {
            Level::Few => room.levels.plenty + room.levels.available + room.levels.few,
            _ => room.levels.plenty + room.levels.available,
        };
        let of_kind = rooms.range((kind, None)..).take_while(|((k, _), _)| *k == kind);
        of_kind
            .filter_map(|((_, district), room)| district.as_ref().map(|d| (d, room)))
            .filter(|(d, _)| districts.is_empty() || districts.contains(d))
            .map(|(d, room)| (d.clone(), as_good(room) - u32::from(d == own)))
            .filter(|(_, n)| *n > 0)
            .collect()
    }

    /// "Nothing free" holds as long as any of the answers behind it.
    fn nothing(&self, kind: ServiceKind, rooms: &[&Room]) -> Option<Believed> {
        let newest = rooms.iter().filter_map(|r| r.observed.0.last_key_value()).map(|(at, _)| *at).max();
        let Some(observed_at) = newest else {
            let (observed_at, _) = rooms.iter().filter_map(|r| r.said.last()).max()?;
            return Some(Believed { freshness: Freshness::Stale, ..self.believed_kind(kind, *observed_at)? });
        };
        let stale_at = rooms.iter().flat_map(|r| r.dues.0.keys().map(|(_, at)| *at)).max().flatten();
        let fresh = rooms.iter().any(|r| r.fresh > 0);
        let freshness = if fresh { Freshness::Fresh } else { Freshness::Aging };
        Some(Believed { stale_at, freshness, ..self.believed_kind(kind, observed_at)? })
    }
}

/// When the first value of these levels is too old, one value of `without` left out.
fn others_due(rooms: &[&Room], bar: Level, without: (Level, Option<Timestamp>)) -> Option<Timestamp> {
    let mut left_out = false;
    let mut earliest: Option<Timestamp> = None;
    for room in rooms {
        for level in Level::ALL.iter().filter(|l| **l <= bar) {
            // Never comes before every time, so the first two times are all that is needed.
            let times = room.dues.0.range((*level, Some(Timestamp::MIN))..=(*level, Some(Timestamp::MAX)));
            for ((_, at), n) in times.take(2) {
                let mut n = *n;
                if !left_out && (*level, *at) == without {
                    left_out = true;
                    n -= 1;
                }
                if n > 0 {
                    earliest = earliest.into_iter().chain(*at).min();
                    break;
                }
            }
        }
    }
    earliest
}

fn dues(rooms: &[&Room]) -> Vec<(Level, Option<Timestamp>, u32)> {
    let exact = rooms.iter().map(|r| r.ranked.len()).sum::<usize>() <= MOST_EXACT;
    let mut sum: BTreeMap<(Level, Option<Timestamp>), u32> = BTreeMap::new();
    for (key, n) in rooms.iter().flat_map(|r| if exact { &r.dues.0 } else { &r.steps.0 }) {
        *sum.entry(*key).or_default() += n;
    }
    sum.into_iter().map(|((level, at), n)| (level, at, n)).collect()
}
