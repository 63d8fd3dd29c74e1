//! The overview (一覧): who has not answered and is to be called next, how far the answers have come, what changed, what is broken.
//!
//! Made to be worked down with one hand on the telephone: the next call stands on top with its number. *Invariant:* no value that
//! is too old stands here as current, and a list of an exercise says 訓練 at its head.

mod list;
mod side;
mod unclear;

use std::fmt::Write as _;

use imaboard_domain::{
    Aspect, Facility, FacilityBoard, FacilityId, Outstanding, Realm, Scope, ServiceKind, Shown, Told, Value, Waiting,
};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document};
use crate::layout;
use crate::marks::{Mark, mark};
use crate::public::{channel_key, damage_words, encoded, room};
use crate::time;

pub use unclear::ask;

/// Rows on one page of the list.
pub const PAGE_LEN: usize = 50;

/// How the list is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The most urgent first.
    #[default]
    Urgency,
    /// By district.
    District,
    /// By kind of service.
    Kind,
    /// By the usual channel: those who use the telephone anyway together.
    Channel,
}

impl Order {
    /// Every order, as the tabs stand.
    pub const ALL: [Order; 4] = [Order::Urgency, Order::District, Order::Kind, Order::Channel];

    /// Its word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Order::Urgency => "urgency",
            Order::District => "district",
            Order::Kind => "kind",
            Order::Channel => "channel",
        }
    }
}

/// What the address asks to see. What cannot be read is as if it were not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// How the list is ordered.
    pub order: Order,
    /// Words to find.
    pub q: String,
    /// Which page of the list, from 1.
    pub page: usize,
    /// The facility that is to stand on the card.
    pub facility: Option<FacilityId>,
    /// The facility of the call that was noted just now.
    pub said: Option<FacilityId>,
    /// Asked for: what is real, or what is practised.
    pub realm: Option<Realm>,
}

/// The most characters that are searched for.
const LONGEST_QUERY: usize = 60;

impl Query {
    /// Reads the fields of an address or a form.
    #[must_use]
    pub fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Self {
        let order = field("by").and_then(|word| Order::ALL.into_iter().find(|o| o.word() == word));
        Self {
            order: order.unwrap_or_default(),
            q: field("q").unwrap_or_default().trim().chars().take(LONGEST_QUERY).collect(),
            page: field("page").and_then(|n| n.parse().ok()).unwrap_or(1).max(1),
            facility: field("f").and_then(|id| id.parse().ok()),
            said: field("said").and_then(|id| id.parse().ok()),
            realm: match field("realm") {
                Some("real") => Some(Realm::Real),
                Some("exercise") => Some(Realm::Exercise),
                _ => None,
            },
        }
    }

    /// The address of the same list without page, card and message; ends with `?` or `&`.
    fn path(&self, order: Order) -> String {
        let mut path = "/desk?".to_owned();
        if order != Order::default() {
            let _ = write!(path, "by={}&", order.word());
        }
        if !self.q.is_empty() {
            let _ = write!(path, "q={}&", encoded(&self.q));
        }
        if let Some(realm) = self.realm {
            let _ = write!(path, "realm={}&", realm_word(realm));
        }
        path
    }

    /// Where one goes after a call was noted: the same page of the list, the next facility on the card, and a word about the one before.
    #[must_use]
    pub fn after(&self, said: &FacilityId) -> String {
        format!("{}page={}&said={said}", self.path(self.order), self.page)
    }

    fn here(&self) -> String {
        let path = self.path(self.order);
        if self.page > 1 { format!("{path}page={}", self.page) } else { path.trim_end_matches(['?', '&']).to_owned() }
    }
}

fn realm_word(realm: Realm) -> &'static str {
    match realm {
        Realm::Real => "real",
        Realm::Exercise => "exercise",
    }
}

/// A display that does not paint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dark {
    /// Where it hangs.
    pub name: String,
    /// When it painted last; `None`: never since the program began.
    pub since: Option<Timestamp>,
}

/// A button that has given no sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// The facility it stands in.
    pub name: String,
    /// When it was heard last; `None`: never.
    pub since: Option<Timestamp>,
    /// It said itself, or its broker for it, that it is gone.
    pub away: bool,
}

/// What the machines are like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machines {
    /// Displays of the register.
    pub displays: usize,
    /// Those that do not paint.
    pub dark: Vec<Dark>,
    /// Enrolled buttons.
    pub buttons: usize,
    /// Those that have been silent for too long.
    pub silent: Vec<Silent>,
    /// Low batteries: where, and percent.
    pub low: Vec<(String, u8)>,
}

/// What the page is made from, besides the board.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// What was asked for.
    pub query: &'a Query,
    /// What everybody is asked for.
    pub scope: Scope<'a>,
    /// Who has answered and who has not.
    pub list: &'a Outstanding,
    /// Those of them that were searched for, in the order asked for, by their place in `list.waiting`.
    pub found: &'a [usize],
    /// The drawing of the answers over time; empty where there is none.
    pub chart: &'a Markup,
    /// Displays and buttons.
    pub machines: &'a Machines,
    /// Of the form on the card.
    pub nonce: Uuid,
    /// Why the last call could not be noted.
    pub problem: Option<&'a str>,
}

impl<'a> Sheet<'a> {
    fn realm(&self) -> Realm {
        self.scope.realm()
    }

    /// Where in the list the facility on the card stands: the one asked for, if it still waits; else the first.
    fn card(&self) -> Option<usize> {
        let asked = self.query.facility.as_ref();
        asked
            .and_then(|id| self.list.waiting.iter().position(|w| w.facility.id == *id))
            .or((!self.list.waiting.is_empty()).then_some(0))
    }

    fn at(&self, place: usize) -> Option<&'a Waiting> {
        self.list.waiting.get(place)
    }
}

/// The page.
#[must_use]
pub fn page(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let practised = sheet.realm() == Realm::Exercise;
    let card = sheet.card();
    let facility = card.and_then(|at| sheet.at(at)).map(|w| &w.facility.id);
    let middle = html! {
        h1.v { (frame.t("desk.overview.title")) }
        @if practised { p.overview-drill {
            b.tag { (frame.t("desk.overview.practised")) } " " (frame.t("desk.overview.practised_note")) " " (realms(frame, sheet))
        } } @else if frame.moment.exercise().is_some() { p.overview-realm { (realms(frame, sheet)) } }
        (unclear::section(frame))
        div.desk data-seq=(frame.moment.board.position()) data-f=[facility] {
            div { (list::section(frame, sheet, card)) }
            div {
                (side::share(frame, sheet))
                (side::news(frame))
                (side::machines(frame, sheet.machines))
            }
        }
    };
    document(frame, Some(Room::Overview), frame.t("desk.overview.title"), middle)
}

/// The way from the real list to that of an exercise under way, and back.
fn realms(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let (other, key) = match sheet.realm() {
        Realm::Real => (Realm::Exercise, "desk.overview.to_exercise"),
        Realm::Exercise => (Realm::Real, "desk.overview.to_real"),
    };
    let query = Query { realm: Some(other), ..Query::default() };
    html! { a href=(query.here()) { (frame.t(key)) } }
}

/// How new the page is, and the way to a newer one: with the script it comes by itself.
fn as_of(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let now = frame.now();
    html! {
        p.s {
            time datetime=(layout::machine_time(now)) { (time::clock(now)) } (frame.t("desk.overview.as_of"))
            span.overview-live hidden { "・" (frame.t("desk.overview.live")) } " "
            a.nw href=(sheet.query.here()) data-key="R" { kbd { "R" } (frame.t("desk.overview.refresh")) }
        }
    }
}

/// A public page's frame of the same moment: values stand here in the same words as there.
fn public<'a>(frame: &Frame<'a>) -> layout::Frame<'a> {
    layout::Frame { city: frame.city, moment: frame.moment, words: frame.words, css: frame.css }
}

/// `2時間56分`
fn span(frame: &Frame<'_>, span: SignedDuration) -> String {
    let minutes = span.as_mins().max(0);
    let (d, h, m) = (minutes / 1_440, minutes / 60, minutes % 60);
    if d >= 2 {
        frame.fill("desk.overview.days", &[("d", &d.to_string())])
    } else if h > 0 {
        frame.fill("desk.overview.hours", &[("h", &h.to_string()), ("m", &m.to_string())])
    } else {
        frame.fill("desk.overview.minutes", &[("m", &m.to_string())])
    }
}

/// The island, else the district.
fn place<'a>(frame: &Frame<'a>, facility: &'a Facility) -> &'a str {
    facility.island.as_deref().unwrap_or_else(|| frame.city.district(&facility.district))
}

/// A kind in the short words of people who telephone all day.
#[must_use]
pub fn kind_name(frame: &Frame<'_>, kind: ServiceKind) -> String {
    let key = format!("desk.overview.kind.{}", kind.word());
    if frame.words.has(&key) { frame.words.t(&key).to_owned() } else { kind.name_ja().to_owned() }
}

fn main_kind(frame: &Frame<'_>, facility: &Facility) -> String {
    facility.main_kind().map(|kind| kind_name(frame, kind)).unwrap_or_default()
}

/// One value as a mark and words: `電気 非常用`, `特養 空きあり 2床`.
fn value(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, value: &Value) -> Markup {
    if let Aspect::Vacancy { service, .. } = aspect {
        let kind = facility.find_service(service).map(|s| s.kind);
        let intake = kind.and_then(ServiceKind::grid) == Some(imaboard_domain::Grid::Intake);
        let unit = kind.map(ServiceKind::unit_ja).unwrap_or_default();
        return html! {
            @if let Some(kind) = kind { (kind_name(frame, kind)) " " }
            (room(&public(frame), value.level(), intake, value.count(), unit))
        };
    }
    let drawn = match value {
        Value::FirstReport(v) => Mark::of_first_report(Some(*v)),
        Value::Needs(_) => Mark::Few,
        value => Mark::of_condition(value.condition()),
    };
    html! { span.n { (mark(drawn)) (plain_words(frame, facility, aspect, value)) } }
}

fn plain_words(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, value: &Value) -> String {
    let public = public(frame);
    let name = || frame.words.t(&format!("aspect.{}", aspect.word())).to_owned();
    match value {
        Value::FirstReport(_) => damage_words(&public, facility, aspect, value),
        Value::Needs(list) => {
            let items: Vec<String> = list.iter().map(|n| frame.words.t(&format!("need.{}", n.item.word())).to_owned()).collect();
            let items = if items.is_empty() { frame.t("desk.overview.list.nothing").to_owned() } else { items.join("・") };
            format!("{} {items}", name())
        }
        value => format!("{} {}", name(), damage_words(&public, facility, aspect, value)),
    }
}

/// What may be shown of something: current with its time, ageing under stripes with its age, and too old as ？ with what was last said.
fn shown(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, shown: Shown<'_>) -> Markup {
    let now = frame.now();
    match shown {
        Shown::Fresh(s) => html! { (value(frame, facility, aspect, &s.value)) " " (layout::time_tag(s.observed_at, now)) },
        Shown::Aging(s) => html! {
            span.aging { (value(frame, facility, aspect, &s.value)) " " (time::ago(s.observed_at, now)) }
        },
        Shown::Stale(s) => {
            let words = match aspect {
                Aspect::Vacancy { .. } => {
                    let unit = |service| facility.find_service(service).map(|s| s.kind.unit_ja()).unwrap_or_default();
                    let count = match (s.value.count().filter(|n| *n > 0), aspect) {
                        (Some(n), Aspect::Vacancy { service, .. }) => format!(" {n}{}", unit(service)),
                        _ => String::new(),
                    };
                    format!("{}{count}", frame.words.t(crate::marks::level_key(s.value.level())))
                }
                plain => plain_words(frame, facility, plain, &s.value),
            };
            let last = frame.fill("desk.overview.value.last", &[("ago", &time::ago(s.observed_at, now)), ("value", &words)]);
            html! { span.n { (mark(Mark::Unknown)) span.v { (frame.t("level.unknown")) } small { (last) } } }
        }
        Shown::Missing => missing(frame),
    }
}

fn missing(frame: &Frame<'_>) -> Markup {
    html! { span.n { (mark(Mark::Unknown)) (frame.t("desk.overview.value.missing")) } }
}

/// What a facility last said about what it is asked for, the worst first.
fn last_values(frame: &Frame<'_>, held: &FacilityBoard, scope: &Scope<'_>, most: usize) -> Vec<Markup> {
    let moment = frame.moment;
    let Some(held) = moment.board.find_facility(&held.facility.id) else { return Vec::new() };
    let f = &held.facility;
    match scope {
        Scope::Call(_) | Scope::FirstReports(_) => {
            moment.last_said(held, scope.realm(), most).into_iter().map(|(aspect, said)| shown(frame, f, aspect, said)).collect()
        }
        Scope::Vacancies => {
            let mut services: Vec<_> = f.services.iter().filter_map(|s| moment.service_now(held, s)).collect();
            // The late ones first, because they are what one calls for.
            services.sort_by_key(|now| match now.shown {
                Shown::Stale(_) | Shown::Missing => 0,
                Shown::Aging(_) => 1,
                Shown::Fresh(_) => 2,
            });
            let line = |now: imaboard_domain::ServiceNow<'_>| {
                let kind = kind_name(frame, now.service.kind);
                let named = !matches!(now.shown, Shown::Fresh(_) | Shown::Aging(_)) && f.services.len() > 1;
                let words = match now.cell {
                    Some(cell) => shown(frame, f, &Aspect::Vacancy { service: now.service.id.clone(), cell }, now.shown),
                    None => missing(frame),
                };
                html! { @if named { (kind) " " } (words) }
            };
            services.into_iter().take(most).map(line).collect()
        }
    }
}

fn channel(frame: &Frame<'_>, held: &FacilityBoard) -> Option<String> {
    held.usual().map(|channel| frame.words.t(channel_key(channel)).to_owned())
}

/// What one report said, for lists of reports.
fn told(frame: &Frame<'_>, facility: &Facility, told: &Told) -> Markup {
    html! {
        @match &told.what {
            _ if told.confirmed => span.n { (frame.t("desk.overview.news.confirmed")) },
            Some((aspect, said)) => (value(frame, facility, aspect, said)),
            None => span.n { (frame.t("desk.overview.news.remark")) },
        }
    }
}

/// Whether forms are shown to whoever looks.
fn acts(frame: &Frame<'_>) -> bool {
    frame.may(Role::Coordinator)
}
