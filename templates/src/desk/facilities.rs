//! The desk's room `facilities`: the register, record by record, with everything that hangs on one.
//!
//! *Invariant:* whatever ends something says before what follows from it, and how it comes back.

pub mod edit;
pub mod import;
pub mod keys;

use imaboard_domain::{DistrictId, Facility, FacilityBoard, FacilityId, KeyId, ServiceKind};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document, pager};
use crate::layout::{tel, time_tag};
use crate::time;

/// The path of a facility's page, or of what lies below it (`keys`).
#[must_use]
pub fn path(facility: &FacilityId, below: &str) -> String {
    let slash = if below.is_empty() { "" } else { "/" };
    format!("{}/{facility}{slash}{below}", Room::Facilities.path())
}

/// What somebody looks for in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Some letters of name, kana, address, number or telephone.
    pub q: String,
    /// Only this district.
    pub district: Option<DistrictId>,
    /// Only this kind of service.
    pub kind: Option<ServiceKind>,
    /// Those that have left the register.
    pub retired: bool,
}

/// One page of the list.
#[derive(Debug)]
pub struct List<'a> {
    /// The facilities of this page.
    pub rows: Vec<&'a FacilityBoard>,
    /// How many fit in all.
    pub found: usize,
    /// Which page, from 1.
    pub page: usize,
    /// Of how many.
    pub pages: usize,
    /// The address of the list without its page, ending in `?` or `&`.
    pub address: String,
}

/// The list of facilities.
#[must_use]
pub fn list(frame: &Frame<'_>, search: &Search, list: &List<'_>) -> Markup {
    let now = frame.now();
    let middle = html! {
        div.bar {
            h1 { (frame.t("desk.facilities.title")) " " small.num { (list.found) } }
            p.acts {
                @if frame.may(Role::Coordinator) {
                    a.btn data-key="N" href="/desk/facilities/new" { kbd { "N" } (frame.t("desk.facilities.new")) }
                    a.btn href="/desk/facilities/import" { (frame.t("desk.facilities.import.link")) }
                    a.btn href="/desk/posters" { (frame.t("desk.facilities.posters.link")) }
                }
            }
        }
        form.facilities-search method="get" action=(Room::Facilities.path()) role="search" {
            div.field {
                label for="q" { (frame.t("desk.facilities.q")) }
                input id="q" type="search" name="q" value=(search.q) maxlength="60" data-key="/" autocomplete="off";
            }
            div.field {
                label for="district" { (frame.t("desk.facilities.district")) }
                select id="district" name="district" {
                    option value="" { (frame.t("desk.facilities.all")) }
                    @for d in &frame.city.districts {
                        option value=(d.id) selected[search.district.as_ref() == Some(&d.id)] { (d.name) }
                    }
                }
            }
            div.field {
                label for="kind" { (frame.t("desk.facilities.kind")) }
                select id="kind" name="kind" {
                    option value="" { (frame.t("desk.facilities.all")) }
                    @for kind in ServiceKind::ALL { option value=(kind) selected[search.kind == Some(*kind)] { (kind.name_ja()) } }
                }
            }
            div.field.facilities-tick {
                label { input type="checkbox" name="retired" value="1" checked[search.retired]; " " (frame.t("desk.facilities.retired_only")) }
            }
            button { (frame.t("desk.facilities.look")) }
        }
        @if list.rows.is_empty() { p.said { (frame.t("desk.facilities.none")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.facilities.title")) {
                table.facilities-list {
                    thead { tr {
                        th scope="col" { (frame.t("desk.facilities.name")) }
                        th scope="col" { (frame.t("desk.facilities.district")) }
                        th scope="col" { (frame.t("desk.facilities.kind")) }
                        th scope="col" { (frame.t("desk.facilities.phone")) }
                        th scope="col" { (frame.t("desk.facilities.last")) }
                    } }
                    tbody { @for held in &list.rows { @let f = &held.facility; tr {
                        th scope="row" { a href=(path(&f.id, "")) { (f.name) } " " small.nw { (f.id) } }
                        td { (place(frame, f)) }
                        td { (kinds(f)) }
                        td { (tel(&f.phone)) }
                        td { (last(frame, held, now)) }
                    } } }
                }
            }
            (pager(frame, &list.address, list.page, list.pages))
        }
    };
    document(frame, Some(Room::Facilities), frame.t("desk.facilities.title"), middle)
}

/// District and island.
fn place(frame: &Frame<'_>, f: &Facility) -> Markup {
    html! { (frame.city.district(&f.district)) @if let Some(island) = &f.island { "・" (island) } }
}

fn kinds(f: &Facility) -> String {
    const MOST: usize = 2;
    let names: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    match names.len().checked_sub(MOST).filter(|more| *more > 0) {
        Some(more) => format!("{} +{more}", names[..MOST].join("・")),
        None => names.join("・"),
    }
}

fn last(frame: &Frame<'_>, held: &FacilityBoard, now: Timestamp) -> Markup {
    html! {
        @match &held.last_report {
            Some(last) => { (time_tag(last.at, now)) " " small { (frame.words.t(channel_key(last.channel))) } }
            None => { span.nil { (frame.t("desk.facilities.never")) } }
        }
    }
}

fn channel_key(channel: imaboard_domain::Channel) -> &'static str {
    use imaboard_domain::Channel as C;
    match channel {
        C::Form => "channel.form",
        C::Qr => "channel.qr",
        C::Button => "channel.button",
        C::Phone => "channel.phone",
        C::Fax => "channel.fax",
        C::Api => "channel.api",
        C::Import => "channel.import",
        C::System => "channel.system",
    }
}

/// A key of a facility as the desk sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its public half.
    pub id: KeyId,
    /// Where it hangs.
    pub label: String,
    /// When a report last came by it.
    pub last_used: Option<Timestamp>,
}

/// The keys of a facility, and what somebody typed for a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeysOf {
    /// Those that open its report page.
    pub rows: Vec<KeyRow>,
    /// Those that were revoked.
    pub ended: Vec<KeyRow>,
    /// Where the new one shall hang, as typed.
    pub typed: String,
    /// What is wrong with that.
    pub wrong: Option<String>,
}

/// The page of one facility: what the register says, and the way to everything about it.
#[must_use]
pub fn show(frame: &Frame<'_>, held: &FacilityBoard, keys: &KeysOf, saved: bool) -> Markup {
    let f = &held.facility;
    let may = frame.may(Role::Coordinator);
    let buttons: Vec<_> = frame.moment.board.buttons().values().filter(|b| b.facility == f.id).collect();
    let middle = html! {
        @if saved { p.done role="status" { (frame.t("desk.facilities.saved")) } }
        @if held.retired {
            div.problem {
                p { b { (frame.t("desk.facilities.is_retired")) } }
                @if may {
                    form.acts method="post" action=(path(&f.id, "restore")) {
                        input type="hidden" name="nonce" value=(Uuid::now_v7());
                        button.go { (frame.t("desk.facilities.restore")) }
                    }
                }
            }
        }
        div.bar {
            h1 { (f.name) " " small { (f.id) } }
            @if may && !held.retired {
                p.acts {
                    a.btn data-key="E" href=(path(&f.id, "edit")) { kbd { "E" } (frame.t("desk.facilities.edit.link")) }
                    a.btn.danger href=(path(&f.id, "retire")) { (frame.t("desk.facilities.retire.link")) }
                }
            }
        }
        div.facilities-two {
            section.rule {
                h2 { (frame.t("desk.facilities.record")) }
                dl.facilities-record {
                    (pair(frame, "name", html! { (f.name) }))
                    (pair(frame, "kana", html! { (f.kana) }))
                    (pair(frame, "district", place(frame, f)))
                    (pair(frame, "address", html! { (f.address) }))
                    (pair(frame, "phone", tel(&f.phone)))
                    (pair(frame, "fax", html! { (f.fax) }))
                    (pair(frame, "url", html! { @if !f.url.is_empty() { a href=(f.url) rel="noreferrer" { (f.url) } } }))
                    (pair(frame, "operator", html! { (f.operator) }))
                    (pair(frame, "office_number", html! { (f.office_number) }))
                    (pair(frame, "position", html! { @if let (Some(lat), Some(lon)) = (f.latitude, f.longitude) { (lat) ", " (lon) } }))
                }
            }
            section.rule {
                h2 { (frame.t("desk.facilities.services")) }
                ul.facilities-lines {
                    @for s in &f.services { li {
                        b { (s.kind.name_ja()) } " "
                        @if let Some(capacity) = s.capacity { (frame.fill("desk.facilities.capacity_is", &[("n", &capacity.to_string())])) " " }
                        small { (edit::grid_words(frame, s)) }
                    } }
                }
                h2.gap { (frame.t("desk.facilities.closures")) }
                @if f.closures.is_empty() { p.nil { (frame.t("desk.facilities.no_closures")) } }
                ul.facilities-lines {
                    @for c in &f.closures {
                        @let on = c.from <= frame.moment.today() && frame.moment.today() <= c.until;
                        li {
                            (time::day(c.from)) "〜" (time::day(c.until))
                            @if let Some(reason) = c.reason { " " (edit::reason_words(frame, reason)) }
                            @if on { " " b { (frame.t("desk.facilities.closed_now")) } }
                            @if may && !held.retired {
                                " " a href={ (path(&f.id, "reopen")) "?from=" (c.from) "&until=" (c.until) } { (frame.t("desk.facilities.reopen.link")) }
                            }
                        }
                    }
                }
                h2.gap { (frame.t("desk.facilities.last")) }
                p { (last(frame, held, frame.now())) }
                p.acts.under {
                    a href={ "/facilities/" (f.id) } { (frame.t("desk.facilities.public_page")) }
                    a href={ "/desk/proxy?facility=" (f.id) } { (frame.t("desk.facilities.proxy")) }
                    a href={ "/desk/sheets/" (f.id) } { (frame.t("desk.facilities.sheet")) }
                    a href={ "/desk/log/facilities/" (f.id) } { (frame.t("desk.facilities.memory")) }
                }
            }
        }
        @if !held.retired { (keys::section(frame, f, keys)) }
        section.rule.gap {
            h2 { (frame.t("desk.facilities.buttons")) }
            @if buttons.is_empty() { p.nil { (frame.t("desk.facilities.no_buttons")) } }
            ul.facilities-lines {
                @for b in buttons { li {
                    a href={ "/desk/devices/" (b.id) } { (b.id) } " " small { (b.profile) " " (b.device) }
                } }
            }
        }
    };
    document(frame, Some(Room::Facilities), &f.name, middle)
}

fn pair(frame: &Frame<'_>, field: &str, value: Markup) -> Markup {
    let empty = value.0.is_empty();
    html! {
        div { dt { (frame.words.t(&format!("desk.facilities.{field}"))) }
            dd { @if empty { span.nil { (frame.t("desk.facilities.nothing")) } } @else { (value) } } }
    }
}

/// A page that asks once before something ends, with what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The room whose page it is.
    pub room: Room,
    /// The question.
    pub title: &'a str,
    /// What follows, sentence by sentence.
    pub consequences: &'a [String],
    /// What the button of the yes says.
    pub yes: &'a str,
    /// Where the yes goes.
    pub action: &'a str,
    /// Where the no goes.
    pub back: &'a str,
    /// Fields that go with the yes.
    pub hidden: &'a [(&'a str, &'a str)],
}

/// The page of a question.
#[must_use]
pub fn ask(frame: &Frame<'_>, ask: Ask<'_>) -> Markup {
    let middle = html! {
        section.said {
            h1 { (ask.title) }
            @for sentence in ask.consequences { p { (sentence) } }
            form.acts.gap method="post" action=(ask.action) {
                input type="hidden" name="nonce" value=(Uuid::now_v7());
                @for (name, value) in ask.hidden { input type="hidden" name=(name) value=(value); }
                button.danger data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (ask.yes) }
                a.btn href=(ask.back) { (frame.t("desk.facilities.no")) }
            }
        }
    };
    document(frame, Some(ask.room), ask.title, middle)
}
