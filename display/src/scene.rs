//! Which scenes (場面) a wall shows at one moment, in which order, and how they are cut into pages.
//!
//! A page holds what can be read from five metres, so long lists become more pages and never smaller letters. In a disaster
//! the damage comes first. *Invariant:* a facility that needs help stands on the first page, and on every damage page it is
//! at least counted.

use imaboard_domain::{
    Condition, DamageRow, Display, DistrictId, FacilityBoard, FacilityId, FirstCounts, FirstReport, Incident, Mode, Moment,
    Posting, PostingKind, Realm, ServiceGroup, ServiceKind, Shown, Value,
};
use jiff::{SignedDuration, Timestamp};

/// How the screen hangs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// 1920 × 1080
    #[default]
    Landscape,
    /// 1080 × 1920
    Portrait,
}

impl Layout {
    /// The word in addresses and class names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Layout::Landscape => "landscape",
            Layout::Portrait => "portrait",
        }
    }

    /// The layout of a word; landscape for anything else, because most screens are.
    #[must_use]
    pub fn of(word: &str) -> Self {
        if word == Layout::Portrait.word() { Layout::Portrait } else { Layout::Landscape }
    }

    // Heights below are those of wall.css: rows of 111 px in 782 px, lifeline rows of 118 px in 796 px, and so on.

    /// Kinds of service on one page of vacancies.
    #[must_use]
    pub fn vacancy_rows(self) -> usize {
        7
    }

    /// Facilities on one page of lifelines, up to [`Self::pinned_calls`] of them calling for help.
    #[must_use]
    pub fn damage_rows(self) -> usize {
        match self {
            Layout::Landscape => 5,
            Layout::Portrait => 6,
        }
    }

    /// Calls for help that stay on top of every damage page.
    #[must_use]
    pub fn pinned_calls(self) -> usize {
        2
    }

    /// Calls for help on a page of their own, when there are more than can be pinned.
    #[must_use]
    pub fn calls_on_own_page(self) -> usize {
        match self {
            Layout::Landscape => 3,
            Layout::Portrait => 4,
        }
    }

    /// Notices or jobs on one page.
    #[must_use]
    pub fn posting_rows(self) -> usize {
        match self {
            Layout::Landscape => 4,
            Layout::Portrait => 8,
        }
    }

    /// Notices under the vacancies.
    #[must_use]
    pub fn notices_beside(self) -> usize {
        match self {
            Layout::Landscape => 0,
            Layout::Portrait => 2,
        }
    }
}

/// Notices and jobs older walls never reach; the newest few are what a passer-by reads.
const MAX_POSTING_PAGES: usize = 3;

/// Damage beyond this never comes round while anybody stands before the wall; the worst comes first, and all is counted.
const MAX_DAMAGE_PAGES: usize = 24;

/// What one page shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Scene<'a> {
    /// No facility is registered yet.
    Empty,
    /// Kinds of service and where there is room.
    Vacancies {
        /// How people look for these kinds.
        groups: Vec<ServiceGroup>,
        /// The rows.
        kinds: Vec<ServiceKind>,
    },
    /// Damage and lifelines.
    Damage {
        /// Real, or practised.
        realm: Realm,
        /// Those that call for help, on top.
        calls: Vec<DamageRow<'a>>,
        /// All calls for help there are, if they do not all stand on this page.
        elsewhere: Vec<DamageRow<'a>>,
        /// The others.
        rows: Vec<DamageRow<'a>>,
    },
    /// Who has answered.
    RollCall {
        /// Real, or practised.
        realm: Realm,
    },
    /// Notices or jobs.
    Postings {
        /// Which.
        kind: PostingKind,
        /// The rows.
        list: Vec<&'a Posting>,
    },
}

/// One page of the rotation.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<'a> {
    /// Stable while the page shows the same kind of thing; part of element ids.
    pub key: String,
    /// What it shows.
    pub scene: Scene<'a>,
    /// Its number in the rotation, from 1.
    pub number: usize,
    /// Pages in the rotation.
    pub of: usize,
}

/// Whether a display shows this district.
#[must_use]
pub fn shows(display: &Display, district: &DistrictId) -> bool {
    display.districts.is_empty() || display.districts.contains(district)
}

/// The facilities of a display.
pub fn facilities<'a>(m: &Moment<'a>, display: &Display) -> impl Iterator<Item = &'a FacilityBoard> {
    m.facilities().filter(move |f| shows(display, &f.facility.district))
}

/// The pages of a display at one moment, in the order they rotate. Never empty.
#[must_use]
pub fn pages<'a>(m: &Moment<'a>, display: &Display, layout: Layout) -> Vec<Page<'a>> {
    let mut scenes: Vec<(String, Scene<'a>)> = Vec::new();
    if m.mode() == Mode::Incident {
        scenes.extend(damage_pages(m, display, layout, Realm::Real));
    }
    scenes.extend(roll_call(m, Realm::Real));
    // While a real disaster runs nobody practises on the wall.
    if m.mode() != Mode::Incident && m.exercise().is_some() {
        scenes.extend(damage_pages(m, display, layout, Realm::Exercise));
        scenes.extend(roll_call(m, Realm::Exercise));
    }
    scenes.extend(vacancy_pages(m, display, layout));
    for kind in [PostingKind::Notice, PostingKind::Job] {
        scenes.extend(posting_pages(m, layout, kind));
    }
    if !m.has_facilities(&display.districts) {
        scenes.insert(0, ("empty".to_owned(), Scene::Empty));
    }
    let of = scenes.len();
    scenes.into_iter().enumerate().map(|(at, (key, scene))| Page { key, scene, number: at + 1, of }).collect()
}

/// Cuts `n` things into the fewest chunks of at most `most`, as even as they can be: no page with a single last row.
fn even_chunks(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let chunks = n.div_ceil(most).max(1);
    (0..chunks).map(move |i| n / chunks + usize::from(i < n % chunks))
}

fn vacancy_pages<'a>(m: &Moment<'a>, display: &Display, layout: Layout) -> Vec<(String, Scene<'a>)> {
    let offered = |kind: ServiceKind| m.is_offered(kind, &display.districts);
    let mut pages: Vec<(Vec<ServiceGroup>, Vec<ServiceKind>)> = Vec::new();
    for group in ServiceGroup::ALL.iter().filter(|g| **g != ServiceGroup::Open) {
        let kinds: Vec<ServiceKind> =
            ServiceKind::ALL.iter().copied().filter(|k| k.group() == *group && k.grid().is_some() && offered(*k)).collect();
        if kinds.is_empty() {
            continue;
        }
        let mut rest = kinds.as_slice();
        for size in even_chunks(kinds.len(), layout.vacancy_rows()) {
            let (chunk, tail) = rest.split_at(size);
            rest = tail;
            match pages.last_mut() {
                // Two short groups share a page: fewer turns until one's own comes round.
                Some((groups, rows))
                    if groups.len() < 2 && !groups.contains(group) && rows.len() + size <= layout.vacancy_rows() =>
                {
                    groups.push(*group);
                    rows.extend_from_slice(chunk);
                }
                _ => pages.push((vec![*group], chunk.to_vec())),
            }
        }
    }
    let key = |kinds: &[ServiceKind]| kinds.first().map_or_else(String::new, |k| format!("vacancies-{k}"));
    pages.into_iter().map(|(groups, kinds)| (key(&kinds), Scene::Vacancies { groups, kinds })).collect()
}

/// Whether a facility's last word was a call for help in this disaster, even if that was long ago: it is the last thing a
/// board may drop.
#[must_use]
pub fn last_called_for_help(row: &DamageRow<'_>, incident: Option<&Incident>) -> bool {
    let said = row.first_report.last();
    said.is_some_and(|s| s.value == Value::FirstReport(FirstReport::NeedsHelp))
        && said.is_some_and(|s| incident.is_none_or(|i| s.observed_at >= i.opened_at))
}

/// Damage rows of a display, worst first: live calls, calls that have grown old, then the rest as the domain orders them.
#[must_use]
pub fn damage_rows<'a>(m: &Moment<'a>, display: &Display, realm: Realm) -> (Vec<DamageRow<'a>>, Vec<DamageRow<'a>>) {
    let incident = m.incident_in(realm);
    let listed: Vec<DamageRow<'a>> = m.damage_rows(realm);
    let named: std::collections::BTreeSet<&FacilityId> = listed.iter().map(|r| &r.facility.facility.id).collect();
    let fallen_silent: Vec<DamageRow<'a>> = m
        .told(realm)
        .filter(|f| !named.contains(&f.facility.id))
        .map(|f| m.damage_of(f, realm))
        .filter(|r| last_called_for_help(r, incident))
        .collect();
    let all = listed.into_iter().chain(fallen_silent).filter(|r| shows(display, &r.facility.facility.district));
    let (mut calls, rows): (Vec<_>, Vec<_>) = all.partition(|r| r.needs_help() || last_called_for_help(r, incident));
    calls.sort_by_key(|r| !r.needs_help());
    (calls, rows)
}

fn damage_pages<'a>(m: &Moment<'a>, display: &Display, layout: Layout, realm: Realm) -> Vec<(String, Scene<'a>)> {
    let (calls, rows) = damage_rows(m, display, realm);
    let name = match realm {
        Realm::Real => "damage",
        Realm::Exercise => "exercise-damage",
    };
    let mut scenes = Vec::new();
    let pinned = calls.len() <= layout.pinned_calls();
    if !pinned {
        for chunk in chunks(&calls, layout.calls_on_own_page()) {
            let elsewhere = if chunk.len() < calls.len() { calls.clone() } else { Vec::new() };
            scenes.push(Scene::Damage { realm, calls: chunk, elsewhere, rows: Vec::new() });
        }
    }
    let (on_top, elsewhere) = if pinned { (calls.clone(), Vec::new()) } else { (Vec::new(), calls.clone()) };
    let room = layout.damage_rows() - on_top.len();
    if !rows.is_empty() || scenes.is_empty() {
        for chunk in chunks(&rows, room) {
            scenes.push(Scene::Damage { realm, calls: on_top.clone(), elsewhere: elsewhere.clone(), rows: chunk });
        }
    }
    scenes.truncate(MAX_DAMAGE_PAGES);
    scenes.into_iter().enumerate().map(|(at, scene)| (format!("{name}-{}", at + 1), scene)).collect()
}

/// Full pages first; at least one page, even of nothing.
fn chunks<T: Clone>(list: &[T], most: usize) -> Vec<Vec<T>> {
    if list.is_empty() {
        return vec![Vec::new()];
    }
    list.chunks(most).map(<[T]>::to_vec).collect()
}

fn roll_call<'a>(m: &Moment<'a>, realm: Realm) -> Option<(String, Scene<'a>)> {
    m.open_call(realm)?;
    let key = match realm {
        Realm::Real => "roll-call",
        Realm::Exercise => "exercise-roll-call",
    };
    Some((key.to_owned(), Scene::RollCall { realm }))
}

fn posting_pages<'a>(m: &Moment<'a>, layout: Layout, kind: PostingKind) -> Vec<(String, Scene<'a>)> {
    let list = m.public_postings(kind);
    list.chunks(layout.posting_rows())
        .take(MAX_POSTING_PAGES)
        .enumerate()
        .map(|(at, chunk)| (format!("{kind}-{}", at + 1), Scene::Postings { kind, list: chunk.to_vec() }))
        .collect()
}

/// First reports counted over the facilities of a display that the incident concerns.
#[must_use]
pub fn first_counts(m: &Moment<'_>, display: &Display, realm: Realm) -> FirstCounts {
    m.first_counts_in(realm, &display.districts)
}

/// Minutes after which a roll call's rate is noted (FDMA asks for a first report within 30 minutes).
pub const RATE_MARKS_MINUTES: [i64; 3] = [15, 30, 60];

/// When a wall changes next by time alone.
#[must_use]
pub fn next_deadline(m: &Moment<'_>) -> Timestamp {
    let calls = [Realm::Real, Realm::Exercise].into_iter().filter_map(|realm| m.open_call(realm));
    let marks = calls.flat_map(|c| RATE_MARKS_MINUTES.map(|minutes| c.opened_at + SignedDuration::from_mins(minutes)));
    marks.filter(|at| *at > m.now).fold(m.next_deadline(), Ord::min)
}

/// Which condition a pair of lifelines shown in one column has: the worse one that is known now.
#[must_use]
pub fn worse<'a>(a: Shown<'a>, b: Shown<'a>) -> Shown<'a> {
    let rank = |s: &Shown<'_>| match s.current().and_then(|s| s.value.condition()) {
        Some(Condition::Bad) => 4,
        Some(Condition::Limited) => 3,
        Some(Condition::Unconfirmed) => 2,
        Some(Condition::Good) => 1,
        None => 0,
    };
    if rank(&b) > rank(&a) || (a == Shown::Missing && b != Shown::Missing) { b } else { a }
}
