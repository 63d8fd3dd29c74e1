//! Search: by name, kana, service, district or number; lists of 50, best first.
//!
//! A list says "room" only for values that may still be shown; everything else stands in its own part below. Invariant: a
//! query has one canonical address, so that a page is rendered once for all who ask the same.

use imaboard_domain::{
    Aspect, Cell, DistrictId, FacilityBoard, Grid, Level, Moment, Realm, ServiceGroup, ServiceKind, ServiceNow, Shown,
};
use maud::{Markup, html};
use unicode_normalization::UnicodeNormalization;

use super::row::{ROWS, Row};
use super::value::{as_of_small, condition, countable, last_said, room, source_words, span_words};
use crate::layout::{Frame, as_of, page, tel};
use crate::marks::{Mark, level_quiet, mark};
use crate::time;

/// How many facilities one page of a list holds.
pub const PAGE_LEN: usize = 50;

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
            for byte in self.q.bytes() {
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

/// Text as people mean it: full and half width, hiragana and katakana, case and spaces are the same.
fn folded(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | 'ー' | '‐' | '−' | '・' | '(' | ')'))
        .map(|c| match c {
            'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// Everything by which a facility is found.
fn haystack(frame: &Frame<'_>, held: &FacilityBoard) -> String {
    let f = &held.facility;
    let mut text = String::new();
    for part in [&f.name, &f.kana, &f.operator, &f.address, &f.office_number, &f.phone, &f.fax] {
        text.push_str(&folded(part));
        text.push('\n');
    }
    text.push_str(&folded(frame.city.district(&f.district)));
    text.push('\n');
    text.push_str(&folded(f.island.as_deref().unwrap_or_default()));
    for service in &f.services {
        text.push('\n');
        text.push_str(&folded(service.kind.name_ja()));
        for choice in ROWS.iter().filter(|r| r.kinds.contains(&service.kind)) {
            text.push('\n');
            text.push_str(&folded(frame.words.t(&choice.name_key())));
        }
        text.push('\n');
        text.push_str(&folded(frame.words.t(&format!("public.group.{}", service.kind.group().word()))));
    }
    text
}

struct Hit<'a> {
    held: &'a FacilityBoard,
    services: Vec<ServiceNow<'a>>,
    best: Option<(bool, Option<Level>, bool)>,
}

impl Hit<'_> {
    fn has_room(&self) -> bool {
        self.services.iter().any(|s| matches!(s.level(), Some(Level::Plenty | Level::Available | Level::Few)))
    }
}

fn hits<'a>(frame: &Frame<'a>, query: &FindQuery) -> Vec<Hit<'a>> {
    let moment = frame.moment;
    let terms: Vec<String> = query.q.split(' ').map(folded).filter(|t| !t.is_empty()).collect();
    let mut list: Vec<Hit<'a>> = moment
        .facilities()
        .filter(|held| query.district.as_ref().is_none_or(|d| held.facility.district == *d))
        .filter(|held| query.kind.is_none_or(|k| held.facility.services.iter().any(|s| k.holds(s.kind))))
        .filter(|held| {
            terms.is_empty() || {
                let text = haystack(frame, held);
                terms.iter().all(|t| text.contains(t.as_str()))
            }
        })
        .map(|held| {
            let services: Vec<ServiceNow<'a>> = held
                .facility
                .services
                .iter()
                .filter(|s| query.kind.is_none_or(|k| k.holds(s.kind)))
                .filter_map(|s| service_on(&moment, held, s, query.today))
                .collect();
            let best = services.iter().map(|s| (s.level().is_none(), s.level(), s.shown.is_aging())).min();
            Hit { held, services, best }
        })
        .collect();
    let order = |d: &DistrictId| frame.city.districts.iter().position(|c| c.id == *d).unwrap_or(usize::MAX);
    let by_level = query.kind.is_some_and(|k| !k.is_about_opening());
    list.sort_by(|a, b| {
        let level = if by_level {
            let key = |h: &Hit<'_>| h.best.unwrap_or((true, None, true));
            let count = |h: &Hit<'_>| h.services.iter().filter_map(|s| s.count).max();
            key(a).cmp(&key(b)).then_with(|| count(b).cmp(&count(a)))
        } else {
            std::cmp::Ordering::Equal
        };
        let (fa, fb) = (&a.held.facility, &b.held.facility);
        level
            .then_with(|| order(&fa.district).cmp(&order(&fb.district)))
            .then_with(|| fa.kana.cmp(&fb.kana))
            .then_with(|| fa.name.cmp(&fb.name))
            .then_with(|| fa.id.cmp(&fb.id))
    });
    list
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

/// One page of what was found.
#[must_use]
pub fn find(frame: &Frame<'_>, query: &FindQuery) -> Markup {
    let all = hits(frame, query);
    let (part, current, pages) = slice(&all, query.page, PAGE_LEN);
    let title = title(frame, query);
    let grouped = query.kind.is_some_and(|k| !k.is_about_opening());
    let with_room = all.iter().filter(|h| h.has_room()).count();
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! { span.ib { (frame.fill("public.find.found", &[("n", &all.len().to_string())])) } }))
        (form(frame, query))
        @if all.is_empty() {
            section { p { (frame.t(if frame.moment.facilities().next().is_none() { "public.front.no_facility" } else { "public.find.none" })) }
                p.more { a href="/find" { (frame.t("public.find.all")) } }
                p.ask { (frame.t("public.ask_by_phone")) " " (tel(&frame.desk().phone)) }
            }
        } @else if grouped {
            @let (room, rest) = part.split_at(part.iter().take_while(|h| h.has_room()).count());
            @if with_room == 0 {
                section { h2 { (frame.t("public.find.room")) } p { (frame.t("public.find.no_room")) }
                    p.ask { (frame.t("public.ask_by_phone")) " " (tel(&frame.desk().phone)) } }
            }
            @if !room.is_empty() {
                section aria-labelledby="hr" {
                    h2 #hr { (frame.t("public.find.room")) " " (count(frame, with_room)) }
                    p.s { (frame.t("public.find.order")) }
                    ol.list { @for hit in room { (line(frame, query, hit)) } }
                }
            }
            @if !rest.is_empty() {
                section aria-labelledby="hn" {
                    h2 #hn { (frame.t("public.find.rest")) " " (count(frame, all.len() - with_room)) }
                    ol.list { @for hit in rest { (line(frame, query, hit)) } }
                }
            }
        } @else {
            section aria-labelledby="ha" {
                h2 #ha { (frame.t("public.find.facilities")) " " (count(frame, all.len())) }
                ol.list { @for hit in part { (line(frame, query, hit)) } }
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
    let present =
        |choice: KindChoice| frame.moment.facilities().any(|f| f.facility.services.iter().any(|s| choice.holds(s.kind)));
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
            p { label for="d" { (frame.t("public.find.district")) }
                select #d name="district" {
                    option value="" { (frame.t("public.find.any_district")) }
                    @for d in &frame.city.districts {
                        option value=(d.id) selected[query.district.as_ref() == Some(&d.id)] { (d.name) }
                    }
                } }
            p { button { (frame.t("public.find.button")) } }
        }
    }
}

fn line(frame: &Frame<'_>, query: &FindQuery, hit: &Hit<'_>) -> Markup {
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
                @if f.is_closed_on(frame.moment.today()) { p.s { b { (frame.t("public.closed_today")) } } }
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
