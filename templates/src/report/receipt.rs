//! The receipt: that it is stored, what was stored, what the board says now, and how to take it back.
//!
//! *Invariant:* this page is only ever made from an entry that the log holds.

use imaboard_domain::{Aspect, EntryId, FacilityBoard, Facts, Moment, Realm, Staffing, Value};
use jiff::Timestamp;
use maud::{Markup, html};

use super::sprite::mark;
use super::{Face, Frame, document, home, iso, now, path, practised};
use crate::time;

/// An entry of the log as its sender sees it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What it says.
    pub facts: &'a Facts,
    /// What was typed, if it still stands.
    pub text: Option<&'a str>,
    /// The guard would like a person to look at the text.
    pub asked: bool,
    /// A correction has taken it back since.
    pub taken_back: bool,
}

/// The receipt of a report, a correction or a posting.
#[must_use]
pub fn page(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, stored: Stored<'_>) -> Markup {
    let main = html! {
        (sealed(frame, stored))
        (recorded(frame, facility, stored))
        section.block.now aria-labelledby="now" {
            h2 #now { (frame.word("receipt.now")) }
            @let realm = if matches!(stored.facts, Facts::Report(r) if r.exercise) { Realm::Exercise } else { Realm::Real };
            (now::facts(frame, moment, facility, realm))
        }
        (job_offer(frame, stored))
        (undo(frame, stored))
    };
    document(frame, moment, Some(facility), "desk.tell", main)
}

/// What would have been recorded. Nothing was, and the page says so before everything else.
#[must_use]
pub fn practice(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    said: &[(Aspect, Value, bool)],
    remark: Option<&str>,
) -> Markup {
    let main = html! {
        section.block.done aria-labelledby="ok" role="status" {
            h2 #ok { (frame.say("practice.done")) }
            p.q { (frame.word("practice.nothing")) }
            @if Face::of(moment) != Face::Peace { p.why { (mark("alert")) span { (frame.word("practice.serious")) } } }
        }
        @if !said.is_empty() || remark.is_some() {
            section.block.now aria-labelledby="what" {
                h2 #what { (frame.word("practice.would")) }
                (now::said_rows(frame, facility, said.iter().map(|(aspect, value, same)| (aspect, value, *same))))
                @if let Some(text) = remark { p.hint { (frame.word("receipt.remark_said")) } p.said { (text) } }
            }
        }
        section.block aria-labelledby="undo" {
            h2 #undo { (frame.word("receipt.wrong")) }
            form.opts method="post" action=(path(frame, "/corrections")) {
                (practised(frame))
                a.second href=(home(frame)) { (frame.word("practice.again")) }
                button.undo { span { (frame.say("receipt.undo")) small { (frame.word("receipt.undo_hint")) } } }
            }
        }
        (leave_practice(frame))
    };
    document(frame, moment, Some(facility), "desk.tell", main)
}

/// The answer to a practised 取り消し.
#[must_use]
pub fn practice_undone(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard) -> Markup {
    let main = html! {
        section.block.done aria-labelledby="ok" role="status" {
            h2 #ok { (frame.word("receipt.taken_back")) }
            p.q { (frame.word("practice.nothing")) }
            p.hint { (frame.word("practice.undone")) }
            a.second href=(home(frame)) { (frame.word("practice.again")) }
        }
        (leave_practice(frame))
    };
    document(frame, moment, Some(facility), "desk.tell", main)
}

fn leave_practice(frame: Frame<'_>) -> Markup {
    html! { p.aside { a href=(path(frame, "")) { (frame.word("practice.leave")) } } }
}

fn sealed(frame: Frame<'_>, stored: Stored<'_>) -> Markup {
    let correction = matches!(stored.facts, Facts::Corrected { .. });
    let posting = matches!(stored.facts, Facts::PostingDrafted { .. } | Facts::PostingRevised { .. });
    let report = match stored.facts {
        Facts::Report(r) => Some(r),
        _ => None,
    };
    let at = html! { time datetime=(iso(stored.recorded_at)) { (time::clock(stored.recorded_at)) } };
    html! {
        section.block.done aria-labelledby="ok" role="status" {
            div.sealed {
                span.seal { (mark("yes")) }
                div {
                    h2 #ok { @if correction { (frame.word("receipt.taken_back")) } @else { (frame.say("receipt.done")) } }
                    p.no { span { (frame.say("receipt.number")) } " " (frame.fill("receipt.nth", &[("n", &stored.seq.to_string())])) }
                }
            }
            ol.steps {
                li { span.dot { (mark("yes")) } (frame.word("receipt.received")) (at) }
                @if !posting && report.is_none_or(|r| !r.observations.is_empty()) {
                    li { span.dot { (mark("yes")) } (frame.word("receipt.on_board")) (at) }
                }
                @if posting { li.waits { span.dot { (mark("dots")) } (frame.word("receipt.posting_waits")) } }
                @if report.is_some_and(|r| r.remark.is_some()) { li.waits { span.dot { (mark("dots")) } (frame.word("receipt.remark_waits")) } }
            }
            @if report.is_some_and(|r| r.exercise) { p.q { (frame.word("receipt.exercise")) } }
            @if stored.asked { p.why { (mark("alert")) span { (frame.word("receipt.asked")) } } }
            p.close { (frame.word("receipt.close")) }
        }
    }
}

fn recorded(frame: Frame<'_>, facility: &FacilityBoard, stored: Stored<'_>) -> Markup {
    match stored.facts {
        Facts::Report(report) => {
            let rows = report.observations.iter().map(|o| (&o.aspect, &o.value, o.confirms.is_some()));
            let over = report.observations.iter().any(|o| more_than_total(facility, &o.aspect, &o.value));
            html! {
                @if !report.observations.is_empty() || stored.text.is_some() {
                    section.block.now aria-labelledby="what" {
                        h2 #what { (frame.word("receipt.recorded")) }
                        (now::said_rows(frame, facility, rows))
                        @if over { p.why { (mark("alert")) span { (frame.word("receipt.more_than_total")) } } }
                        @if let Some(text) = stored.text { p.hint { (frame.word("receipt.remark_said")) } p.said { (text) } }
                    }
                }
            }
        }
        Facts::Corrected { stands, .. } => html! {
            section.block aria-labelledby="what" {
                h2 #what { (frame.word("receipt.taken_back")) }
                p.hint { @if stands.iter().any(|(_, s)| s.is_some()) { (frame.word("receipt.back_to")) } @else { (frame.word("receipt.nothing_stands")) } }
            }
        },
        Facts::PostingDrafted { .. } | Facts::PostingRevised { .. } => html! {
            @if let Some(text) = stored.text {
                section.block aria-labelledby="what" { h2 #what { (frame.word("receipt.recorded")) } p.said.lines { (text) } }
            }
        },
        _ => html! {},
    }
}

/// Who has too few hands may want to look for some: the way to a job form that is filled in as far as it can be.
fn job_offer(frame: Frame<'_>, stored: Stored<'_>) -> Markup {
    let short = |value: &Value| matches!(value, Value::Staff(Staffing::Short | Staffing::Critical));
    let offers = matches!(stored.facts, Facts::Report(r) if !r.exercise && r.observations.iter().any(|o| short(&o.value)));
    html! {
        @if offers && !stored.taken_back {
            section.block aria-labelledby="job" {
                h2 #job { (frame.word("receipt.short_of_staff")) }
                p.hint { (frame.word("receipt.job_hint")) }
                a.second href=(path(frame, "/postings?kind=job")) { (frame.word("receipt.job_offer")) }
            }
        }
    }
}

fn more_than_total(facility: &FacilityBoard, aspect: &imaboard_domain::Aspect, value: &Value) -> bool {
    let imaboard_domain::Aspect::Vacancy { service, .. } = aspect else { return false };
    let capacity = facility.facility.find_service(service).and_then(|s| s.capacity);
    matches!(value, Value::Vacancy { count: Some(n), total, .. } if total.or(capacity).is_some_and(|t| *n > t))
}

fn undo(frame: Frame<'_>, stored: Stored<'_>) -> Markup {
    let can = matches!(stored.facts, Facts::Report(_)) && !stored.taken_back;
    html! {
        section.block aria-labelledby="undo" {
            @if can {
                h2 #undo { (frame.word("receipt.wrong")) }
                form.opts method="post" action=(path(frame, "/corrections")) {
                    input type="hidden" name="replaces" value=(stored.id);
                    a.second href=(path(frame, "")) { (frame.word("receipt.again")) }
                    button.undo { span { (frame.say("receipt.undo")) small { (frame.word("receipt.undo_hint")) } } }
                }
            } @else {
                @if stored.taken_back { h2 #undo { (frame.word("receipt.taken_back")) } } @else { h2.sr #undo { (frame.word("back")) } }
                a.second href=(path(frame, "")) { (frame.word("back")) }
            }
        }
    }
}
