//! A notice or a job sent to the city: two short forms on a page below the report page.
//!
//! *Invariant:* what is sent here is public only after somebody in the city released it, and the page says so before and after.

use imaboard_domain::{Employment, FacilityBoard, Moment, NoticeCategory, PostingKind, WagePer};
use maud::{Markup, html};
use uuid::Uuid;

use super::form::{Problem, Typed, What, anchor};
use super::page::Unstored;
use super::sprite::mark;
use super::{Frame, document, path, problem};

/// The most characters of a posting's first line.
pub const MOST_TITLE_CHARS: usize = 40;
/// The most characters below it.
pub const MOST_BODY_CHARS: usize = 400;

/// The page; after a refusal with everything typed and why.
#[must_use]
pub fn page(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    typed: Option<&Typed>,
    problems: &[Problem],
    unstored: Option<Unstored>,
) -> Markup {
    let job_first = typed.and_then(|t| t.one("kind")) == Some(PostingKind::Job.word());
    let main = html! {
        @if let Some(why) = unstored { (problem::unstored(frame, moment, why)) }
        @if !problems.is_empty() { (problem::summary(frame, moment, facility, problems)) }
        section.block {
            h2 { (frame.word("posting.title")) }
            p.hint { (frame.word("posting.lead")) }
            p.ng { (mark("ng")) span { (frame.word("posting.ng")) } }
        }
        details.block open[!job_first] {
            summary { (frame.word("posting.notice")) }
            (one(frame, facility, nonce, PostingKind::Notice, typed.filter(|_| !job_first), if job_first { &[] } else { problems }))
        }
        details.block open[job_first] {
            summary { (frame.word("posting.job")) }
            (one(frame, facility, nonce, PostingKind::Job, typed.filter(|_| job_first), if job_first { problems } else { &[] }))
        }
        p.aside { a href=(path(frame, "")) { (frame.word("back")) } }
    };
    document(frame, moment, Some(facility), "", main)
}

fn one(
    frame: Frame<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    kind: PostingKind,
    typed: Option<&Typed>,
    problems: &[Problem],
) -> Markup {
    let value = |name: &str| typed.and_then(|t| t.one(name));
    let at = |field: &str| problems.iter().find(|p| p.field == field);
    let id = |name: &str| format!("{}-{kind}", anchor(name));
    let why = |field: &str| html! { @if let Some(p) = at(field) { div id=(anchor(field)) { (problem::why(frame, facility, p, &format!("{}-why", id(field)))) } } };
    html! {
        form method="post" action=(path(frame, "/postings")) novalidate {
            input type="hidden" name="nonce" value=(nonce);
            input type="hidden" name="kind" value=(kind.word());
            @if kind == PostingKind::Notice {
                label.field for=(id("category")) { span { (frame.word("posting.category")) }
                    select id=(id("category")) name="category" {
                        @for c in NoticeCategory::ALL {
                            option value=(c.word()) selected[value("category") == Some(c.word())] { (frame.words.t(&format!("category.{c}"))) }
                        }
                    } }
            } @else {
                (why("wage"))
                label.field for=(id("employment")) { span { (frame.word("posting.employment")) }
                    select id=(id("employment")) name="employment" {
                        @for e in Employment::ALL {
                            option value=(e.word()) selected[value("employment") == Some(e.word())] { (frame.words.t(&format!("employment.{e}"))) }
                        }
                    } }
                label.field for=(id("wage_per")) { span { (frame.word("posting.wage_per")) }
                    select id=(id("wage_per")) name="wage_per" {
                        @for w in WagePer::ALL {
                            option value=(w.word()) selected[value("wage_per") == Some(w.word())] { (frame.words.t(&format!("wage_per.{w}"))) }
                        }
                    } }
                p.num.wage {
                    input type="tel" inputmode="numeric" autocomplete="off" name="wage_from" value=[value("wage_from")]
                        aria-label=(frame.word("posting.wage_from")); " " (frame.word("posting.wage_from")) " "
                }
                p.num.wage {
                    input type="tel" inputmode="numeric" autocomplete="off" name="wage_to" value=[value("wage_to")]
                        aria-label=(frame.word("posting.wage_to")); " " (frame.word("posting.wage_to")) " " span.opt-note { (frame.word("if_known")) }
                }
            }
            (why("title"))
            label.field for=(id("title")) { span { (frame.word("posting.headline")) }
                input id=(id("title")) type="text" name="title" autocomplete="off" value=[value("title")] aria-invalid=[at("title").map(|_| "true")]; }
            (why("body"))
            @if let Some(Problem { what: What::Personal(findings), .. }) = at("body") { p.said.lines { (problem::said(&full(typed), findings)) } }
            label.field for=(id("body")) { span { (frame.word("posting.body")) }
                textarea id=(id("body")) name="body" rows="6" aria-invalid=[at("body").map(|_| "true")] { (value("body").unwrap_or_default()) } }
            div.sendbar { button.send { @if kind == PostingKind::Notice { (frame.word("posting.send_notice")) } @else { (frame.word("posting.send_job")) } } }
        }
    }
}

/// First line and body as one text: what the guard reads and the log keeps.
#[must_use]
pub fn full(typed: Option<&Typed>) -> String {
    let line = |name| typed.and_then(|t| t.one(name)).unwrap_or_default();
    let title = line("title").split_whitespace().collect::<Vec<_>>().join(" ");
    let body = line("body").replace("\r\n", "\n");
    let body = body.trim();
    if body.is_empty() { title } else { format!("{title}\n{body}") }
}
