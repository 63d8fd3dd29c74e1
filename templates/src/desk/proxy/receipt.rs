//! The receipt of what was typed in: its number large, what was recorded, the way to the next call, and how to take it back.
//!
//! *Invariant:* this page is only ever made from an entry that the log holds.

use imaboard_domain::{Channel, Entry, FacilityBoard, Facts, Observed, Report};
use maud::{Markup, html};

use super::questions::{place, value_label};
use super::say::{more_than_total, said_at, value_mark};
use super::{aspect_name, filled};
use crate::desk::{Frame, Role, Room, document};
use crate::layout::time_tag;
use crate::time;

/// The receipt of a report or of its withdrawal. `asked`: the guard would like a person to look at the remark.
#[must_use]
pub fn receipt(frame: &Frame<'_>, held: &FacilityBoard, entry: &Entry, asked: bool, taken_back: bool) -> Markup {
    let report = match &entry.facts {
        Facts::Report(report) => Some(report),
        _ => None,
    };
    let title = frame.t(if report.is_some() { "desk.proxy.receipt.title" } else { "desk.proxy.receipt.taken_back" });
    let f = &held.facility;
    let middle = html! {
        div.px-receipt {
            section.done role="status" aria-labelledby="ok" {
                h1 #ok { (title) }
                p.receipt-number { small { (frame.t("desk.proxy.receipt.number")) } " " b { (filled(frame.words, "receipt.nth", &[("n", &entry.seq.to_string())])) } }
                p { b { (f.name) } "　" (time_tag(entry.recorded_at, frame.now())) " " (frame.words.t(&format!("channel.{}", entry.channel))) }
                @if let Some(report) = report { (about(frame, entry, report, asked)) }
                @if report.is_none() { p { (frame.t("desk.proxy.receipt.back_to")) } }
                p.s { span #strokes data-strokes=(frame.t("desk.proxy.strokes_done")) data-done="" {} }
                p.acts {
                    a.btn.go href=(Room::Proxy.path()) data-key="N" autofocus { kbd { "N" } (frame.t("desk.proxy.receipt.next")) }
                    a.btn href={ (Room::Proxy.path()) "?f=" (f.id) } { (frame.t("desk.proxy.receipt.again")) }
                    a.btn href=(Room::Overview.path()) { (frame.t("desk.proxy.receipt.overview")) }
                }
            }
            @if let Some(report) = report.filter(|r| !r.observations.is_empty()) { (recorded(frame, held, report)) }
            @if let Some(text) = &entry.text { section { h2.rule { (frame.t("desk.proxy.remark.label")) } p { (text) } } }
            @if taken_back { section { h2.rule { (frame.t("desk.proxy.receipt.taken_back")) } p { (frame.t("desk.proxy.receipt.since")) } } }
            @else if report.is_some() && frame.may(Role::Coordinator) { (undo(frame, entry)) }
        }
    };
    document(frame, Some(Room::Proxy), title, middle)
}

/// What the public reads, and what still waits.
fn about(frame: &Frame<'_>, entry: &Entry, report: &Report, asked: bool) -> Markup {
    let typed_in = matches!(entry.channel, Channel::Phone | Channel::Fax);
    html! {
        @if report.exercise { p { b { (frame.t("desk.proxy.receipt.exercise")) } } }
        p { (filled(frame.words, "receipt.observed", &[("at", &said_at(frame.words, report.observed_at, frame.now()))])) }
        @if typed_in && !report.observations.is_empty() && !report.exercise {
            @let (at, now) = (report.observed_at, frame.now());
            @let source = frame.fill("public.source.typed", &[
                ("channel", frame.words.t(&format!("channel.{}", entry.channel))),
                ("observed", &time::when(at, now)),
                ("recorded", &time::clock(entry.recorded_at)),
            ]);
            p.s { (filled(frame.words, "receipt.public", &[("source", &source)])) }
        }
        @if report.remark.is_some() { p.s { (frame.t("desk.proxy.receipt.remark_waits")) } }
        @if asked { p.wrong { (frame.t("desk.proxy.receipt.asked")) } }
    }
}

fn recorded(frame: &Frame<'_>, held: &FacilityBoard, report: &Report) -> Markup {
    let facility = &held.facility;
    let mut list: Vec<&Observed> = report.observations.iter().collect();
    list.sort_by_key(|o| (o.aspect.is_vacancy(), place(&o.aspect)));
    html! {
        section aria-labelledby="what" {
            h2.rule #what { (frame.t("desk.proxy.receipt.recorded")) }
            table aria-labelledby="what" {
                thead { tr { th scope="col" { (frame.t("desk.proxy.receipt.item")) } th scope="col" { (frame.t("desk.proxy.now")) } } }
                tbody { @for o in list { tr {
                    th scope="row" { (aspect_name(frame.words, facility, &o.aspect)) }
                    td {
                        span.n { (value_mark(&o.value)) (value_label(frame.words, facility, &o.aspect, &o.value)) }
                        @if o.confirms.is_some() { " " small { (frame.t("desk.proxy.same.yes")) } }
                        @if let Some((count, total)) = more_than_total(facility, &o.aspect, &o.value) {
                            " " small { (filled(frame.words, "receipt.over", &[("count", &count.to_string()), ("total", &total.to_string())])) }
                        }
                    }
                } } }
            }
        }
    }
}

/// Taking it back leaves it on the log and lets the values before it stand again; it can be typed in once more.
fn undo(frame: &Frame<'_>, entry: &Entry) -> Markup {
    html! {
        section aria-labelledby="undo" {
            h2.rule #undo { (frame.t("desk.proxy.receipt.wrong")) }
            form #undo-form method="post" action="/desk/proxy/corrections" {
                input type="hidden" name="replaces" value=(entry.id);
                p.s { (frame.t("desk.proxy.receipt.undo_help")) }
                p.under { button.danger { (frame.t("desk.proxy.receipt.undo")) } }
            }
        }
    }
}
