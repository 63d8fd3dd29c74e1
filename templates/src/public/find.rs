//! Search: by name, kana, service, district or number; lists of 50, best first.
//!
//! A list says "room" only for values that may still be shown; everything else stands in its own part below. Invariant: a
//! query has one canonical address, so that a page is rendered once for all who ask the same.

use std::sync::Arc;

use imaboard_domain::{
    Aspect, Cell, DistrictId, Facility, FacilityBoard, Grid, Level, Moment, Realm, ServiceGroup, ServiceKind, ServiceNow, Shown,
    search_form,
};
use maud::{Markup, html};

use super::row::{ROWS, Row};
use super::value::{as_of_small, condition, countable, last_said, room, source_words, span_words};
use crate::layout::{Frame, as_of, page, tel};
use crate::marks::{Mark, level_quiet, mark};
use crate::time;

/// How many facilities one page of a list holds.
pub const PAGE_LEN: usize = 50;

/// Districts that may be chosen from a list; of more, each name would be carried by every page.
const MOST_CHOICES: usize = 60;

/// Longest text that is searched for, in characters; the longest real name of a facility is shorter.
const LONGEST_QUERY: usize = 60;

/// What kind of service is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KindChoice {
    /// One row of the vacancy table.
    Row(&'static Row),
    /// A group (入る住まい, 泊まる …).
    Group(ServiceGroup),
    /// One kind.
    Kind(ServiceKind),
    /// 病院・診療所・薬局, by whether they are open.
    Medical,
}

impl KindChoice {
    /// Reads the word of an address; rows come before groups, groups before kinds.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        if word == "medical" {
            return Some(Self::Medical);
        }
        ROWS.iter()
            .find(|r| r.word == word)
            .map(Self::Row)
            .or_else(|| word.parse().ok().map(Self::Group))
            .or_else(|| word.parse().ok().map(Self::Kind))
    }

    /// Its word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Row(row) => row.word,
            Self::Group(group) => group.word(),
            Self::Kind(kind) => kind.word(),
            Self::Medical => "medical",
        }
    }

    /// Whether a service of this kind is meant.
    #[must_use]
    pub fn holds(self, kind: ServiceKind) -> bool {
        match self {
            Self::Row(row) => row.kinds.contains(&kind),
            Self::Group(group) => kind.group() == group,
            Self::Kind(wanted) => kind == wanted,
            Self::Medical => {
                kind.group() == ServiceGroup::Hospital || matches!(kind, ServiceKind::Clinic | ServiceKind::Pharmacy)
            }
        }
    }

    /// Whether such services say whether they are open, instead of how much room they have.
    fn is_about_opening(self) -> bool {
        match self {
            Self::Medical | Self::Group(ServiceGroup::Open) => true,
            Self::Kind(kind) => kind.grid().is_none(),
            Self::Row(_) | Self::Group(_) => false,
        }
    }

    fn name(self, frame: &Frame<'_>) -> String {
        match self {
            Self::Row(row) => frame.words.t(&row.name_key()).to_owned(),
            Self::Group(group) => frame.words.t(&format!("public.group.{}", group.word())).to_owned(),
            Self::Kind(kind) => kind.name_ja().to_owned(),
            Self::Medical => frame.t("public.group.medical").to_owned(),
        }
    }
}

/// What somebody looks for, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FindQuery {
    q: String,
    kind: Option<KindChoice>,
    district: Option<DistrictId>,
    today: bool,
    page: u32,
}

impl FindQuery {
    /// Reads the parts of an address; what cannot be read is left out, because a list beats an error.
    #[must_use]
    pub fn new(q: &str, kind: &str, district: &str, on: &str, page: &str) -> Self {
        let q: String = q.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_QUERY).collect();
        Self {
            q,
            kind: KindChoice::find(kind),
            district: DistrictId::new(district).ok(),
            today: on == "today",
            page: page.parse().unwrap_or(1).clamp(1, 100_000),
        }
    }

    /// The kinds that are looked for; `None` is any.
    #[must_use]
    pub fn kind(&self) -> Option<KindChoice> {
        self.kind
    }

    /// The canonical address without its page number, ready for one to be appended.
    #[must_use]
    pub fn address(&self) -> String {
        let mut out = String::from("/find?");
        if !self.q.is_empty() {
            out.push_str("q=");
            out.push_str(&encoded(&self.q));
            out.push('&');
        }
        if let Some(kind) = self.kind {
            out.push_str("kind=");
            out.push_str(kind.word());
            out.push('&');
        }
        if let Some(district) = &self.district {
            out.push_str("district=");
            out.push_str(district.as_str());
            out.push('&');
        }
        if self.today {
            out.push_str("on=today&");
        }
        out.push_str("page=");
        out
    }
}

/// One word of the query, and which districts and kinds are meant by it: "大島 デイ" finds by what stands in no record.
struct Term<'a> {
    text: String,
    districts: Vec<&'a DistrictId>,
    kinds: Vec<ServiceKind>,
}

fn terms<'a>(frame: &Frame<'_>, query: &FindQuery, districts: &'a [DistrictId]) -> Vec<Term<'a>> {
    let kind_words = |kind: ServiceKind| {
        let rows = ROWS.iter().filter(move |r| r.kinds.contains(&kind)).map(|r| frame.words.t(&r.name_key()).to_owned());
        let group = frame.words.t(&format!("public.group.{}", kind.group().word())).to_owned();
        rows.chain([kind.name_ja().to_owned(), group])
    };
    let term = |word: &str| {
        let text = search_form(word);
        let holds = |said: &str| search_form(said).contains(&text);
        let districts = districts.iter().filter(|d| holds(frame.city.district(d))).collect();
        let kinds = ServiceKind::ALL.iter().copied().filter(|k| kind_words(*k).any(|w| holds(&w))).collect();
        Term { districts, kinds, text }
    };
    query.q.split(' ').map(term).filter(|t| !t.text.is_empty()).collect()
}

impl Term<'_> {
    fn finds(&self, moment: &Moment<'_>, f: &Facility) -> bool {
        moment.search_text(&f.id).contains(&self.text)
            || self.districts.contains(&&f.district)
            || f.services.iter().any(|s| self.kinds.contains(&s.kind))
    }
}

/// A facility that was found, before anything of it is drawn: only those of one page are.
struct Hit<'a> {
    facility: &'a Arc<Facility>,
    /// Unknown last, then the better level, fresh before aging.
    level: (bool, Option<Level>, bool),
    count: Option<u32>,
    has_room: bool,
}

/// A facility of the page that is drawn.
struct Line<'a> {
    held: &'a FacilityBoard,
    services: Vec<ServiceNow<'a>>,
}

fn services_of<'a>(moment: &Moment<'a>, held: &'a FacilityBoard, query: &FindQuery) -> Vec<ServiceNow<'a>> {
    let meant = held.facility.services.iter().filter(|s| query.kind.is_none_or(|k| k.holds(s.kind)));
    meant.filter_map(|s| service_on(moment, held, s, query.today)).collect()
}

/// Districts in the order of the settings, then those the settings do not know.
fn districts(frame: &Frame<'_>) -> Vec<DistrictId> {
    let mut held: Vec<DistrictId> = frame.moment.facilities_by_district().into_keys().collect();
    let order = |d: &DistrictId| frame.city.districts.iter().position(|c| c.id == *d).unwrap_or(usize::MAX);
    held.sort_by_cached_key(order);
    held
}

fn hits<'a>(frame: &Frame<'a>, query: &FindQuery) -> Vec<Hit<'a>> {
    let moment = frame.moment;
    let districts = districts(frame);
    let terms = terms(frame, query, &districts);
    let kinds: Vec<Option<ServiceKind>> = match query.kind {
        None => vec![None],
        Some(choice) => ServiceKind::ALL.iter().filter(|k| choice.holds(**k)).map(|k| Some(*k)).collect(),
    };
    let by_level = query.kind.is_some_and(|k| !k.is_about_opening());
    let mut list: Vec<Hit<'a>> = Vec::new();
    for district in districts.iter().filter(|d| query.district.as_ref().is_none_or(|wanted| wanted == *d)) {
        let mut here: Vec<&'a Arc<Facility>> = kinds.iter().flat_map(|k| moment.listed(*k, district)).collect();
        if kinds.len() > 1 {
            here.sort_by(|a, b| (&a.kana, &a.name, &a.id).cmp(&(&b.kana, &b.name, &b.id)));
            here.dedup_by(|a, b| a.id == b.id);
        }
        here.retain(|f| terms.iter().all(|t| t.finds(&moment, f)));
        list.extend(here.into_iter().map(|facility| hit(&moment, query, facility, by_level)));
    }
    if by_level {
        // Stable: of equals the district, then the kana decide.
        list.sort_by(|a, b| a.level.cmp(&b.level).then_with(|| b.count.cmp(&a.count)));
    }
    list
}

fn hit<'a>(moment: &Moment<'a>, query: &FindQuery, facility: &'a Arc<Facility>, by_level: bool) -> Hit<'a> {
    let unknown = Hit { facility, level: (true, None, false), count: None, has_room: false };
    // Whoever has never said anything is unknown without looking.
    let held = moment.board.find_facility(&facility.id).filter(|_| by_level && moment.has_reported(&facility.id));
    let Some(held) = held else { return unknown };
    let services = services_of(moment, held, query);
    let Some(level) = services.iter().map(|s| (s.level().is_none(), s.level(), s.shown.is_aging())).min() else {
        return unknown;
    };
    Hit {
        facility,
        level,
        count: services.iter().filter_map(|s| s.count).max(),
        has_room: services.iter().any(|s| matches!(s.level(), Some(Level::Plenty | Level::Available | Level::Few))),
    }
}

/// The service as it is now; with `today`, a `Dates` grid speaks of today alone.
fn service_on<'a>(
    moment: &Moment<'a>,
    held: &'a FacilityBoard,
    service: &'a imaboard_domain::Service,
    today: bool,
) -> Option<ServiceNow<'a>> {
    if today && service.kind.grid() == Some(Grid::Dates) {
        let cell = Cell::Date(moment.today());
        let shown = moment.cell(held, service, cell);
        let count = shown.current().and_then(|s| s.value.count());
        return Some(ServiceNow { facility: held, service, cell: Some(cell), shown, count });
    }
    moment.service_now(held, service)
}

/// A text as it stands in the query of an address.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                out.push('%');
                for nibble in [other >> 4, other & 15] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
                }
            }
        }
    }
    out
}

/// One page of what was found.
#[must_use]
pub fn find(frame: &Frame<'_>, query: &FindQuery) -> Markup {
    let all = hits(frame, query);
    let (part, current, pages) = slice(&all, query.page, PAGE_LEN);
    let title = title(frame, query);
    let grouped = query.kind.is_some_and(|k| !k.is_about_opening());
    let with_room = all.iter().filter(|h| h.has_room).count();
    let lines = |part: &[Hit<'_>]| {
        html! {
            ol.list { @for hit in part { @if let Some(held) = frame.moment.board.find_facility(&hit.facility.id) {
                (line(frame, query, &Line { held, services: services_of(&frame.moment, held, query) }))
            } } }
        }
    };
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! { span.ib { (frame.fill("public.find.found", &[("n", &all.len().to_string())])) } }))
        (form(frame, query))
        @if all.is_empty() {
            section { p { (frame.t(if !frame.moment.has_facilities(&[]) { "public.front.no_facility" } else { "public.find.none" })) }
                p.more { a href="/find" { (frame.t("public.find.all")) } }
                p.ask { (frame.t("public.ask_by_phone")) " " (tel(&frame.desk().phone)) }
            }
        } @else if grouped {
            @let (room, rest) = part.split_at(part.iter().take_while(|h| h.has_room).count());
            @if with_room == 0 {
                section { h2 { (frame.t("public.find.room")) } p { (frame.t("public.find.no_room")) }
                    p.ask { (frame.t("public.ask_by_phone")) " " (tel(&frame.desk().phone)) } }
            }
            @if !room.is_empty() {
                section aria-labelledby="hr" {
                    h2 #hr { (frame.t("public.find.room")) " " (count(frame, with_room)) }
                    p.s { (frame.t("public.find.order")) }
                    (lines(room))
                }
            }
            @if !rest.is_empty() {
                section aria-labelledby="hn" {
                    h2 #hn { (frame.t("public.find.rest")) " " (count(frame, all.len() - with_room)) }
                    (lines(rest))
                }
            }
        } @else {
            section aria-labelledby="ha" {
                h2 #ha { (frame.t("public.find.facilities")) " " (count(frame, all.len())) }
                (lines(part))
            }
        }
        (pager(frame, &query.address(), current, pages))
    };
    page(frame, &title, middle)
}

fn count(frame: &Frame<'_>, n: usize) -> Markup {
    html! { span.num { (n) } (frame.t("public.find.items")) }
}

fn title(frame: &Frame<'_>, query: &FindQuery) -> String {
    let mut parts = Vec::new();
    if !query.q.is_empty() {
        parts.push(frame.fill("public.find.quoted", &[("q", &query.q)]));
    }
    if query.today && query.kind == Some(KindChoice::Group(ServiceGroup::Stay)) {
        parts.push(frame.t("public.quick.stay").to_owned());
    } else if let Some(kind) = query.kind {
        parts.push(kind.name(frame));
    }
    if let Some(d) = &query.district {
        parts.push(frame.city.district(d).to_owned());
    }
    if parts.is_empty() { frame.t("public.find.title").to_owned() } else { parts.join("・") }
}

fn form(frame: &Frame<'_>, query: &FindQuery) -> Markup {
    let chosen = query.kind.map(KindChoice::word);
    let present = |choice: KindChoice| ServiceKind::ALL.iter().any(|k| choice.holds(*k) && frame.moment.is_offered(*k, &[]));
    let groups = [
        KindChoice::Group(ServiceGroup::LiveIn),
        KindChoice::Group(ServiceGroup::Stay),
        KindChoice::Group(ServiceGroup::Visit),
        KindChoice::Group(ServiceGroup::AtHome),
        KindChoice::Medical,
        KindChoice::Kind(ServiceKind::Shelter),
    ];
    let mut choices: Vec<KindChoice> =
        ROWS.iter().map(KindChoice::Row).chain(groups).filter(|c| present(*c) || Some(c.word()) == chosen).collect();
    if let Some(kind) = query.kind
        && !choices.contains(&kind)
    {
        choices.push(kind);
    }
    html! {
        form.find.cond action="/find" role="search" {
            p { label for="q" { (frame.t("public.find.words")) }
                input #q name="q" type="search" value=(query.q) autocomplete="off" maxlength=(LONGEST_QUERY); }
            p { label for="k" { (frame.t("public.front.service")) }
                select #k name="kind" {
                    option value="" { (frame.t("public.find.any_kind")) }
                    @for c in &choices { option value=(c.word()) selected[chosen == Some(c.word())] { (c.name(frame)) } }
                } }
            @if frame.city.districts.len() <= MOST_CHOICES {
                p { label for="d" { (frame.t("public.find.district")) }
                    select #d name="district" {
                        option value="" { (frame.t("public.find.any_district")) }
                        @for d in &frame.city.districts {
                            option value=(d.id) selected[query.district.as_ref() == Some(&d.id)] { (d.name) }
                        }
                    } }
            } @else if let Some(d) = &query.district {
                // Too many to choose from a list; their names are found as words.
                input type="hidden" name="district" value=(d);
            }
            p { button { (frame.t("public.find.button")) } }
        }
    }
}

fn line(frame: &Frame<'_>, query: &FindQuery, hit: &Line<'_>) -> Markup {
    let f = &hit.held.facility;
    let opening = query.kind.is_some_and(KindChoice::is_about_opening)
        || (query.kind.is_none() && f.services.iter().all(|s| s.kind.grid().is_none()));
    let mut kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    kinds.dedup();
    // Where each line names its service, the list of services would say the same twice.
    let named = !opening && (query.kind.is_none() || hit.services.len() > 1);
    html! {
        li.hit.many[named] {
            div {
                h3 { a href={ "/facilities/" (f.id) } { (f.name) } " " small { (place(frame, hit.held)) } }
                @if !named { p.s { (kinds.join("・")) } }
                @if let Some(closure) = f.closure_on(frame.moment.today()) { p.s {
                    b { (frame.t("public.closed_today")) }
                    @if let Some(reason) = closure.reason { " " (frame.words.t(&format!("closure.{reason}"))) }
                } }
            }
            div {
                @if opening { p { (condition(frame, f, &Aspect::Operation, opening_shown(frame, hit.held))) } }
                @else { @for now in &hit.services { (service_line(frame, now, named)) } }
            }
            @if let [now] = hit.services.as_slice() && now.service.kind.grid() == Some(Grid::Dates) { (nights(frame, now)) }
            @else if !named { span.nights {} }
            p { (tel(&f.phone)) }
        }
    }
}

/// Whether it is open. Without a disaster nobody asks, so nothing said counts as "no answer" only then.
fn opening_shown<'a>(frame: &Frame<'a>, held: &'a FacilityBoard) -> Shown<'a> {
    frame.moment.shown(held, &Aspect::Operation, Realm::Real)
}

pub(super) fn place<'a>(frame: &Frame<'a>, held: &'a FacilityBoard) -> &'a str {
    held.facility.island.as_deref().unwrap_or_else(|| frame.city.district(&held.facility.district))
}

fn service_line(frame: &Frame<'_>, now: &ServiceNow<'_>, named: bool) -> Markup {
    let kind = now.service.kind;
    let unit = kind.unit_ja();
    let intake = kind.grid() == Some(Grid::Intake);
    html! {
        p.svc[named].aging[now.shown.is_aging()] {
            @if named { span.s { (kind.name_ja()) } }
            span { (room(frame, now.level(), intake, countable(now), unit))
            @if let Some(span) = span_words(frame, now.cell.filter(|_| now.level().is_some())) { " " small { (span) } }
            @match now.shown {
                Shown::Fresh(s) => span.age { (source_words(frame, s)) },
                Shown::Aging(s) => span.age { (source_words(frame, s)) "・" (time::ago(s.observed_at, frame.now())) },
                Shown::Stale(s) => (last_said(frame, s, unit)),
                Shown::Missing => span.age { (frame.t("public.never_reported")) },
            } }
        }
    }
}

/// Tonight and tomorrow night.
fn nights(frame: &Frame<'_>, now: &ServiceNow<'_>) -> Markup {
    html! {
        p.nights {
            @for cell in now.service.cells_now(frame.moment.today()) {
                @if let Cell::Date(date) = cell {
                    @let shown = frame.moment.cell(now.facility, now.service, cell);
                    @let standing = shown.current();
                    @let level = standing.and_then(|s| s.value.level());
                    span.aging[shown.is_aging()] {
                        span.day.ib { (date.day()) "(" (time::weekday(date)) ")" } " "
                        span.n.x[matches!(level, None | Some(Level::Full))] {
                            (level_quiet(frame.words, level))
                            @if let Some(n) = standing.and_then(|s| s.value.count()).filter(|n| *n > 0) { (n) }
                        }
                        @if let Some(s) = standing && now.observed_at() != Some(s.observed_at) { span.age { (as_of_small(frame, s.observed_at)) } }
                    }
                }
            }
        }
    }
}

/// The part of a list that stands on one page, that page's number and the number of pages.
pub(super) fn slice<T>(all: &[T], page_no: u32, len: usize) -> (&[T], usize, usize) {
    let pages = all.len().div_ceil(len).max(1);
    let current = usize::try_from(page_no).unwrap_or(1).clamp(1, pages);
    let start = (current - 1) * len;
    (&all[start..all.len().min(start + len)], current, pages)
}

/// Links to the pages of a list; nothing if there is only one.
pub(super) fn pager(frame: &Frame<'_>, address: &str, current: usize, pages: usize) -> Markup {
    html! {
        @if pages > 1 {
            nav.pager aria-label=(frame.t("public.pager.label")) {
                @if current > 1 { a rel="prev" href={ (address) (current - 1) } { (frame.t("public.pager.prev")) } }
                span { (frame.fill("public.pager.at", &[("n", &current.to_string()), ("of", &pages.to_string())])) }
                @if current < pages { a rel="next" href={ (address) (current + 1) } { (frame.t("public.pager.next")) } }
            }
        }
    }
}

/// The marks of one condition, for legends.
pub(super) fn condition_key(frame: &Frame<'_>, drawn: Mark, key: &str) -> Markup {
    html! { span { (mark(drawn)) (frame.words.t(key)) } }
}
