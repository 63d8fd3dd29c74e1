//! The coordinator's desk (運用): the frame around every page of it, and one module per room.
//!
//! Made for people in city hall who telephone while they look. One screen, calm, every act on a key, and in plain HTML that works
//! without a script. *Invariant:* no page of the desk can be made without saying which mode the city is in, and nothing
//! practised without 訓練; what is invented says 見本.

pub mod account;
pub mod burden;
pub mod devices;
pub mod facilities;
pub mod guide;
pub mod incidents;
pub mod memory;
pub mod overview;
pub mod postings;
pub mod proxy;

pub use imaboard_domain::Role;
use imaboard_domain::{Mode, Moment};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::city::{City, Desk};
use crate::layout::{tel, time_tag};
use crate::marks::symbols;
use crate::time;
use crate::words::Words;

/// A room of the desk: one entry of its navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words stand in the locale, the addresses in `path`")]
pub enum Room {
    Overview,
    Proxy,
    Incidents,
    Facilities,
    Postings,
    Devices,
    Memory,
    Burden,
    Guide,
    Account,
}

impl Room {
    /// The rooms of the navigation, in order. The seat ([`Room::Account`]) stands apart, at the right.
    pub const LISTED: &[Room] = &[
        Room::Overview,
        Room::Proxy,
        Room::Incidents,
        Room::Facilities,
        Room::Postings,
        Room::Devices,
        Room::Memory,
        Room::Burden,
        Room::Guide,
    ];

    /// Where it is.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Room::Overview => "/desk",
            Room::Proxy => "/desk/proxy",
            Room::Incidents => "/desk/incidents",
            Room::Facilities => "/desk/facilities",
            Room::Postings => "/desk/postings",
            Room::Devices => "/desk/devices",
            Room::Memory => "/desk/log",
            Room::Burden => "/desk/burden",
            Room::Guide => "/desk/guide",
            Room::Account => "/desk/account",
        }
    }

    /// The key of its name.
    #[must_use]
    pub fn title_key(self) -> &'static str {
        match self {
            Room::Overview => "desk.room.overview",
            Room::Proxy => "desk.room.proxy",
            Room::Incidents => "desk.room.incidents",
            Room::Facilities => "desk.room.facilities",
            Room::Postings => "desk.room.postings",
            Room::Devices => "desk.room.devices",
            Room::Memory => "desk.room.memory",
            Room::Burden => "desk.room.burden",
            Room::Guide => "desk.room.guide",
            Room::Account => "desk.room.account",
        }
    }
}

/// Who sits at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The name of the account (福祉課 1番席).
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// What every page of the desk is made from, besides its own content.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The city whose desk this is.
    pub city: &'a City,
    /// The board at the moment of rendering.
    pub moment: Moment<'a>,
    /// The words.
    pub words: &'a Words,
    /// The address of the style sheet.
    pub css: &'a str,
    /// The addresses of scripts: everything works without them, with the keyboard it is quicker with them.
    pub scripts: &'a [&'a str],
    /// Who looks; nobody before the door.
    pub seat: Option<&'a Seat>,
}

impl<'a> Frame<'a> {
    /// The words for a key.
    #[must_use]
    pub fn t(&self, key: &'a str) -> &'a str {
        self.words.t(key)
    }

    /// The words for a key with values filled in.
    #[must_use]
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.words.fill(key, values)
    }

    /// The moment of rendering.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.moment.now
    }

    /// Whether the one who looks may do what needs a role: forms are left out where not.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.seat.is_some_and(|seat| seat.role >= role)
    }

    /// The consultation desk, or the disaster desk during an incident.
    #[must_use]
    pub fn desk(&self) -> &'a Desk {
        match self.moment.mode() {
            Mode::Incident => &self.city.disaster_desk,
            Mode::Peace | Mode::Alert => &self.city.desk,
        }
    }
}

/// A page of the desk. `room` is underlined in the navigation; `None` outside the door.
#[must_use]
pub fn document(frame: &Frame<'_>, room: Option<Room>, title: &str, middle: Markup) -> Markup {
    let sample = frame.moment.board.is_sample();
    html! {
        (DOCTYPE)
        html lang=(frame.words.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title {
                    @if sample { (frame.t("public.sample_title")) }
                    @if frame.moment.exercise().is_some() { "【" (frame.t("mode.exercise")) "】" }
                    (title) "｜" (frame.t("brand.name")) " " (frame.t("desk.frame.desk"))
                }
                meta name="color-scheme" content="light";
                meta name="robots" content="noindex";
                link rel="stylesheet" href=(frame.css);
                @for script in frame.scripts { script defer src=(script) {} }
            }
            body {
                a.skip href="#main" { (frame.t("public.skip")) }
                (symbols())
                header {
                    div.top {
                        a.brand href="/desk" {
                            b { (frame.t("brand.mark")) } (frame.t("brand.rest")) span { (frame.t("desk.frame.desk")) }
                        }
                        @if frame.seat.is_some() { (navigation(frame, room)) }
                        p.who {
                            @if let Some(seat) = frame.seat {
                                a href=(Room::Account.path()) aria-current=[(room == Some(Room::Account)).then_some("page")] { (seat.name) } " "
                            }
                            b { time { (time::clock(frame.now())) } }
                        }
                    }
                    (bands(frame))
                }
                main id="main" { (middle) }
                (foot(frame))
            }
        }
    }
}

fn navigation(frame: &Frame<'_>, room: Option<Room>) -> Markup {
    html! {
        nav.nav aria-label=(frame.t("desk.frame.desk")) {
            @for listed in Room::LISTED {
                a href=(listed.path()) aria-current=[(room == Some(*listed)).then_some("page")] { (frame.t(listed.title_key())) }
            }
        }
    }
}

fn bands(frame: &Frame<'_>) -> Markup {
    let (now, moment) = (frame.now(), frame.moment);
    let mode = match moment.mode() {
        Mode::Peace => "mode.peace",
        Mode::Alert => "mode.alert",
        Mode::Incident => "mode.incident",
    };
    let call = |realm| moment.open_call(realm);
    html! {
        div.mode.calm[moment.mode() == Mode::Peace].watch[moment.mode() == Mode::Alert] {
            p {
                b.tag { (frame.t(mode)) }
                @if let Some(incident) = moment.incident() {
                    (incident.name) " " (time_tag(incident.opened_at, now)) (frame.t("public.since"))
                } @else if call(imaboard_domain::Realm::Real).is_none() {
                    (frame.t(if moment.exercise().is_some() { "desk.frame.calm_exercise" } else { "desk.frame.calm" }))
                }
            }
            @if let Some(call) = call(imaboard_domain::Realm::Real) {
                p { (frame.t("desk.frame.roll_call")) " " (time_tag(call.opened_at, now)) (frame.t("public.since")) }
            }
            @if frame.seat.is_some() && moment.mode() != Mode::Peace {
                a href=(Room::Incidents.path()) { (frame.t("desk.frame.close")) }
            }
        }
        @if let Some(exercise) = moment.exercise() {
            @let place = frame.seat.map(|_| format!("{}/{}", Room::Incidents.path(), exercise.id));
            div.drill { div { p {
                b.tag { (frame.t("mode.exercise")) } " "
                @match &place { Some(place) => { a href=(place) { (exercise.name) } }, None => { (exercise.name) } }
                " " (time_tag(exercise.opened_at, now)) (frame.t("public.since")) " "
                @if let Some(call) = call(imaboard_domain::Realm::Exercise) {
                    (frame.t("desk.frame.roll_call")) " " (time_tag(call.opened_at, now)) (frame.t("public.since")) " "
                }
                (frame.t("desk.frame.exercise"))
                @if let Some(place) = &place { " " a href=(place) { (frame.t("desk.frame.end_exercise")) } }
            } } }
        }
        @if moment.board.is_sample() {
            div.sample { p { b { (frame.t("sample.badge")) } " " (frame.t("sample.line")) } }
        }
    }
}

fn foot(frame: &Frame<'_>) -> Markup {
    let desk = frame.desk();
    html! {
        footer { p { b { (frame.city.name) " " (desk.label) } " " (tel(&desk.phone)) " " small { (desk.hours) } } }
    }
}

/// A page that says one thing: a title, a sentence, and the way back to a room.
#[must_use]
pub fn sentence(frame: &Frame<'_>, room: Option<Room>, title: &str, sentence: &str) -> Markup {
    let back = room.unwrap_or(Room::Overview);
    let middle = html! {
        section.said {
            h1 { (title) }
            p { (sentence) }
            p.acts { a.btn href=(back.path()) { (frame.t("desk.frame.back")) } }
        }
    };
    document(frame, room, title, middle)
}

/// What is wrong with a field, to stand right behind its input, which points here with `aria-describedby`.
#[must_use]
pub fn field_error(id: &str, message: Option<&str>) -> Markup {
    html! { @if let Some(message) = message { p.wrong id=(id) { (message) } } }
}

/// Links to the pages of a long list: the one before, the one after, and where one is. `path` ends with `?` or `&`.
#[must_use]
pub fn pager(frame: &Frame<'_>, path: &str, page: usize, pages: usize) -> Markup {
    html! {
        @if pages > 1 {
            nav.pager aria-label=(frame.t("desk.frame.pages")) {
                @if page > 1 { a rel="prev" href={ (path) "page=" (page - 1) } { (frame.t("desk.frame.before")) } }
                span { (page) " / " (pages) }
                @if page < pages { a rel="next" href={ (path) "page=" (page + 1) } { (frame.t("desk.frame.after")) } }
            }
        }
    }
}
