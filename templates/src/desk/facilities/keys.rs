//! Report keys of one facility: where each hangs, when it was last used, its QR code, and how it ends.
//!
//! *Invariant:* the address of a report page is shown only to who may run the city: whoever reads it can report.

use imaboard_domain::{Aspect, Entry, Facility, Facts, KeyId, city_date};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use uuid::Uuid;

use super::super::{Frame, Role, Room, document, field_error};
use super::{KeyRow, KeysOf, path};
use crate::layout::time_tag;
use crate::words::value_key;

/// The keys on the page of their facility.
#[must_use]
pub fn section(frame: &Frame<'_>, f: &Facility, keys: &KeysOf) -> Markup {
    let may = frame.may(Role::Coordinator);
    let problem = keys.wrong.as_deref();
    html! {
        section.rule.gap id="keys" {
            h2 { (frame.t("desk.facilities.keys.title")) }
            @if keys.rows.is_empty() { p.nil { (frame.t("desk.facilities.keys.none")) } }
            @else { (table(frame, f, &keys.rows, may, frame.t("desk.facilities.keys.title"), "keys")) }
            @if may {
                form.facilities-search.under method="post" action=(path(&f.id, "keys")) novalidate {
                    input type="hidden" name="nonce" value=(Uuid::now_v7());
                    div.field {
                        label for="label" { (frame.t("desk.facilities.keys.label")) }
                        input id="label" type="text" name="label" value=(keys.typed) maxlength="60" required list="labels" autocomplete="off"
                            autofocus[problem.is_some()] aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "label-why")];
                        datalist id="labels" {
                            option value=(frame.t("desk.facilities.keys.door")) {}
                            option value=(frame.t("desk.facilities.keys.office")) {}
                            option value=(frame.t("desk.facilities.keys.night")) {}
                        }
                    }
                    button { (frame.t("desk.facilities.keys.issue")) }
                    (field_error("label-why", problem))
                }
            }
            @if !keys.ended.is_empty() {
                details.gap {
                    summary { (frame.fill("desk.facilities.keys.ended", &[("n", &keys.ended.len().to_string())])) }
                    p.hint { (frame.t("desk.facilities.keys.ended_line")) }
                    (table(frame, f, &keys.ended, true, frame.t("desk.facilities.keys.ended_table"), "key-reports"))
                }
            }
        }
    }
}

/// Keys line by line; each leads to its page `below` the facility, where `linked`.
fn table(frame: &Frame<'_>, f: &Facility, keys: &[KeyRow], linked: bool, name: &str, below: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr {
                    th scope="col" { (frame.t("desk.facilities.keys.label")) }
                    th scope="col" { (frame.t("desk.facilities.keys.id")) }
                    th scope="col" { (frame.t("desk.facilities.keys.last_used")) }
                } }
                tbody { @for key in keys { tr {
                    th scope="row" {
                        @if linked { a href=(path(&f.id, &format!("{below}/{}", key.id))) { (key.label) } } @else { (key.label) }
                    }
                    td { (key.id) }
                    td { (last_used(frame, key)) }
                } } }
            }
        }
    }
}

fn last_used(frame: &Frame<'_>, key: &KeyRow) -> Markup {
    html! { @match key.last_used {
        Some(at) => { (time_tag(at, frame.now())) }
        None => { span.nil { (frame.t("desk.facilities.keys.unused")) } }
    } }
}

/// One key: its QR code and address, and how it is replaced or ended. `qr` is `None` while the address of this city would work on no
/// telephone; `done` is what was just done, as the end of a key of words.
#[must_use]
pub fn page(frame: &Frame<'_>, f: &Facility, key: &KeyRow, url: &str, qr: Option<&str>, done: Option<&str>) -> Markup {
    let below = |end: &str| path(&f.id, &format!("keys/{}{end}", key.id));
    let title = format!("{} {}", f.name, key.label);
    let middle = html! {
        h1 { (title) " " small { (key.id) } }
        @if let Some(done) = done { div.done.gap role="status" { p { (frame.words.t(&format!("desk.facilities.keys.done_{done}"))) } } }
        p { (frame.t("desk.facilities.keys.last_used")) " " (last_used(frame, key)) }
        @match qr {
            Some(qr) => {
                div.facilities-qr { (PreEscaped(qr)) }
                p { a href=(url) { (url) } }
                p.hint { (frame.t("desk.facilities.keys.careful")) }
                p.acts {
                    a.btn href={ (url) "/poster" } { (frame.t("desk.facilities.keys.a4")) }
                    a.btn href=(below("/poster")) { (frame.t("desk.facilities.keys.a5")) }
                }
            }
            None => { p.problem { (frame.t("desk.facilities.keys.no_address")) } }
        }
        p.acts.gap {
            a.btn href=(path(&f.id, &format!("key-reports/{}", key.id))) { (frame.t("desk.facilities.keys.see_reports")) }
            a.btn href=(below("/rotate")) { (frame.t("desk.facilities.keys.rotate")) }
            a.btn href=(below("/revoke")) { (frame.t("desk.facilities.keys.revoke")) }
        }
        p.acts.gap { a.btn href=(path(&f.id, "")) { (frame.t("desk.frame.back")) } }
    };
    document(frame, Some(Room::Facilities), &title, middle)
}

/// A key as a path part.
#[must_use]
pub fn below(facility: &Facility, key: &KeyId, end: &str) -> String {
    path(&facility.id, &format!("keys/{key}{end}"))
}

/// What the page of a key's reports says about the last act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing was done yet.
    Nothing,
    /// So many reports were taken back.
    Taken(u32),
    /// The key was just revoked.
    Revoked,
    /// Somebody wanted to take back reports and chose none.
    NoneChosen,
}

/// What a key reported since a day, to be taken back where it was not the facility that spoke.
#[must_use]
pub fn reports(frame: &Frame<'_>, f: &Facility, key: &str, since: Timestamp, entries: &[Entry], said: Said) -> Markup {
    let (now, day) = (frame.now(), city_date(since));
    let action = path(&f.id, &format!("key-reports/{key}"));
    let title = frame.fill("desk.facilities.keys.reports_title", &[("name", &f.name)]);
    let words = |entry: &Entry| match &entry.facts {
        Facts::Report(report) => report
            .observations
            .iter()
            .map(|o| format!("{} {}", aspect_word(frame, f, &o.aspect), frame.words.t(&value_key(&o.aspect, o.value.word()))))
            .collect::<Vec<_>>()
            .join("、"),
        _ => String::new(),
    };
    let middle = html! {
        h1 { (title) }
        p.intro { (frame.t("desk.facilities.keys.reports_line")) }
        @if let Said::Taken(done) = said { div.done role="status" { p { (frame.fill("desk.facilities.keys.reports_done", &[("n", &done.to_string())])) } } }
        @if said == Said::Revoked { div.done role="status" { p { (frame.t("desk.facilities.keys.done_revoked")) } } }
        form.facilities-search method="get" action=(action) {
            div.field { label for="since" { (frame.t("desk.facilities.keys.since")) } input id="since" type="date" name="since" value=(day); }
            button { (frame.t("desk.facilities.keys.look")) }
        }
        @if entries.is_empty() { p.gap { (frame.t("desk.facilities.keys.no_reports")) } } @else {
            form method="post" action=(action) {
                input type="hidden" name="since" value=(day);
                @let problem = (said == Said::NoneChosen).then(|| frame.t("desk.facilities.keys.none_chosen"));
                (field_error("report-why", problem))
                ul.facilities-lines { @for entry in entries { li.chk { label {
                    input type="checkbox" name="report" value=(entry.id) disabled[!frame.may(Role::Coordinator)]
                        aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "report-why")];
                    (time_tag(entry.recorded_at, now)) " " (words(entry))
                } } } }
                @if frame.may(Role::Coordinator) {
                    p { (frame.t("desk.facilities.keys.withdraw_line")) }
                    p.acts.gap { button.danger { (frame.t("desk.facilities.keys.withdraw")) } }
                }
            }
        }
        p.acts.gap { a.btn href=(path(&f.id, "")) { (frame.t("desk.frame.back")) } }
    };
    document(frame, Some(Room::Facilities), &title, middle)
}

fn aspect_word(frame: &Frame<'_>, f: &Facility, aspect: &Aspect) -> String {
    match aspect {
        Aspect::Vacancy { service, .. } => f.find_service(service).map_or_else(String::new, |s| s.kind.name_ja().to_owned()),
        other => frame.words.t(&format!("aspect.{}", other.word())).to_owned(),
    }
}
